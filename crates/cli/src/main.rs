//! `vinculo`: the server, its tools, and a demonstration, in one binary.

mod args;
mod commands;
mod installation;
mod logging;
mod master_key;
mod print;
mod serving;
mod settings;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            print::failure(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    settings::refuse_unknown_variables()?;
    let file = settings::File::read(arguments.config.as_deref())?;
    match arguments.command {
        Command::Demo => commands::demo::run(),
        Command::Serve(options) => commands::serve::run(options.completed(&file)?),
        Command::Operator(args::Operator {
            command: Some(args::OperatorCommand::Export(options)),
            ..
        }) => commands::export::run(&options),
        Command::Operator(options) => commands::operator::run(file.complete(options)?),
        Command::Keys(args::Keys::Create(options)) => {
            let database = file.complete(options.database)?;
            commands::keys::create(&args::CreateKey { database, ..options })
        }
        Command::Webhooks(args::Webhooks::Create(options)) => {
            let database = file.complete(options.database)?;
            commands::webhooks::create(args::CreateWebhook { database, ..options })
        }
        Command::Pila(args::Pila::Check(options)) => commands::pila::check(&options),
        Command::Pila(args::Pila::Import(options)) => {
            let database = file.complete(options.database)?;
            commands::import::run(&args::ImportFiles { database, ..options })
        }
        Command::Pila(args::Pila::Show(options)) => {
            let database = file.complete(options.database)?;
            commands::show::run(&args::ShowPerson { database, ..options })
        }
        Command::Vault(args::Vault::Status(options)) => {
            let database = file.complete(options.database)?;
            commands::vault::status(&args::VaultOptions { database, ..options })
        }
        Command::Vault(args::Vault::Rotate(options)) => {
            let database = file.complete(options.database)?;
            commands::vault::rotate(&args::VaultOptions { database, ..options })
        }
        Command::Vault(args::Vault::Settle(options)) => {
            let database = file.complete(options.database)?;
            commands::vault::settle(&args::VaultOptions { database, ..options })
        }
        Command::Backup(options) => {
            let database = file.complete(options.database)?;
            commands::backup::run(&args::Backup { database, ..options })
        }
        Command::Restore(options) => {
            let database = file.complete(options.database)?;
            commands::restore::run(&args::Restore { database, ..options })
        }
        Command::Doctor(options) => {
            let database = file.complete(options.database)?;
            let webhooks = file.complete(options.webhooks)?;
            commands::doctor::run(&args::Doctor { database, webhooks, ..options })
        }
        Command::Migrate(options) => commands::migrate::run(&file.complete(options)?),
        Command::Openapi { postman } => commands::openapi::run(postman),
    }
}
