//! `vinculo`: the server, its tools, and a demonstration, in one binary.

mod allocator;
mod args;
mod commands;
mod installation;
mod logging;
mod master_key;
mod operators;
mod print;
mod serving;
mod settings;
mod signals;
mod traces;

use std::process::ExitCode;

use crate::args::{Arguments, Command};
use clap::Parser as _;

fn main() -> ExitCode {
    allocator::give_back_at_once();
    let arguments = Arguments::try_parse().unwrap_or_else(|error| settings::named(error).exit());
    // These go on when whoever read their log has gone.
    if !matches!(arguments.command, Command::Serve(_) | Command::Worker(_)) {
        print::end_quietly_when_nobody_reads();
    }
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
        Command::Worker(options) => commands::worker::run(options.completed(&file)?),
        Command::Operator(args::Operator {
            command: Some(args::OperatorCommand::Export(options)),
            ..
        }) => commands::export::run(&options),
        Command::Operator(options) => commands::operator::run(file.complete(options)?),
        Command::Keys(keys) => run_keys(keys, &file),
        Command::Organizations(command) => {
            commands::users::run_organizations(&command.completed(&file)?)
        }
        Command::Users(command) => commands::users::run(&command.completed(&file)?),
        Command::Webhooks(command) => webhooks(command, &file),
        Command::Deliveries(command) => commands::events::run_deliveries(command, &file),
        Command::Events(command) => commands::events::run(command, &file),
        Command::Cohorts(options) => commands::cohorts::run(&options.completed(&file)?),
        Command::Pila(args::Pila::Check(options)) => commands::pila::check(&options),
        Command::Pila(args::Pila::Import(options)) => {
            let database = file.complete(options.database)?;
            commands::import::run(&args::ImportFiles { database, ..options })
        }
        Command::Pila(args::Pila::TakeOver(options)) => {
            let database = file.complete(options.database)?;
            commands::take_over::run(&args::TakeOver { database, ..options })
        }
        Command::Pila(args::Pila::Show(options)) => {
            let database = file.complete(options.database)?;
            commands::show::run(&args::ShowPerson { database, ..options })
        }
        Command::Subjects(args::Subjects::Report(options)) => {
            let database = file.complete(options.database)?;
            commands::audit::report(&args::ReportSubject { database, ..options })
        }
        Command::Audit(args::Audit::Verify(options)) => {
            let database = file.complete(options.database)?;
            commands::audit::verify(&args::VerifyAudit { database, ..options })
        }
        Command::Audit(args::Audit::Export(options)) => {
            let database = file.complete(options.database)?;
            commands::audit::export(&args::ExportAudit { database, ..options })
        }
        Command::Consents(options) => commands::consents::run(&options.completed(&file)?),
        Command::Vault(args::Vault::Status(options)) => {
            let database = file.complete(options.database)?;
            commands::vault::status(&args::VaultOptions { database, ..options })
        }
        Command::Vault(args::Vault::Rotate(options)) => {
            let database = file.complete(options.database)?;
            commands::vault::rotate(&args::VaultOptions { database, ..options })
        }
        Command::Vault(args::Vault::RotateIndex(options)) => {
            let database = file.complete(options.database)?;
            commands::vault::rotate_index(&args::VaultOptions { database, ..options })
        }
        Command::Vault(args::Vault::Settle(args::Settle { lost, options })) => {
            let database = file.complete(options.database)?;
            commands::vault::settle(&args::VaultOptions { database, ..options }, lost)
        }
        Command::Retention(options) => commands::retention::run(options.completed(&file)?),
        Command::Backup(options) => {
            let database = file.complete(options.database)?;
            commands::backup::run(&args::Backup { database, ..options })
        }
        Command::Restore(options) => {
            let database = file.complete(options.database)?;
            commands::restore::run(&args::Restore { database, ..options })
        }
        Command::Db(command) => commands::db::run(&command.completed(&file)?),
        Command::Doctor(options) => {
            let database = file.complete(options.database)?;
            let webhooks = file.complete(options.webhooks)?;
            let tls = file.complete(options.tls)?;
            let room = file.complete(options.room)?;
            let traces = file.complete(options.traces)?;
            let given = args::Doctor { database, tls, webhooks, room, traces, ..options };
            commands::doctor::run(&given)
        }
        Command::Migrate(options) => commands::migrate::run(&file.complete(options)?),
        Command::Openapi { postman } => commands::openapi::run(postman),
        Command::Reference => Ok(commands::reference::run()),
        Command::Completions(options) => Ok(commands::papers::completions(options.shell)),
        Command::Man(options) => commands::papers::man(&options.dir),
    }
}

fn run_keys(keys: args::Keys, file: &settings::File) -> anyhow::Result<ExitCode> {
    match keys {
        args::Keys::Create(options) => {
            let database = file.complete(options.database)?;
            commands::keys::create(&args::CreateKey { database, ..options })
        }
        args::Keys::List(options) => {
            let database = file.complete(options.database)?;
            commands::keys::list(&args::ListKeys { database, ..options })
        }
        args::Keys::Rotate(options) => {
            let database = file.complete(options.database)?;
            commands::keys::rotate(&args::RotateKey { database, ..options })
        }
        args::Keys::Retire(options) => {
            let database = file.complete(options.database)?;
            commands::keys::retire(&args::ChangeKey { database, ..options })
        }
        args::Keys::Revoke(options) => {
            let database = file.complete(options.database)?;
            commands::keys::revoke(&args::ChangeKey { database, ..options })
        }
    }
}

fn webhooks(command: args::Webhooks, file: &settings::File) -> anyhow::Result<ExitCode> {
    use args::Webhooks as Command;
    let endpoint = |options: args::WebhookOptions| {
        let database = file.complete(options.database)?;
        anyhow::Ok(args::WebhookOptions { database, ..options })
    };
    match command {
        Command::Create(options) => {
            let database = file.complete(options.database)?;
            let outgoing = file.complete(options.outgoing)?;
            commands::webhooks::create(args::CreateWebhook { database, outgoing, ..options })
        }
        Command::List(options) => {
            let database = file.complete(options.database)?;
            commands::webhooks::list(&args::ListWebhooks { database, ..options })
        }
        Command::Update(options) => {
            let outgoing = file.complete(options.outgoing)?;
            let endpoint = endpoint(options.endpoint)?;
            commands::webhooks::update(args::UpdateWebhook { endpoint, outgoing, ..options })
        }
        Command::Enable(options) => commands::webhooks::enable(&args::Enable {
            endpoint: endpoint(options.endpoint)?,
            ..options
        }),
        Command::Disable(options) => commands::webhooks::disable(&endpoint(options)?),
        Command::Rotate(options) => commands::webhooks::rotate(&args::RotateWebhook {
            endpoint: endpoint(options.endpoint)?,
            ..options
        }),
        Command::Test(options) => commands::webhooks::test(&endpoint(options)?),
        Command::Replay(options) => {
            let database = file.complete(options.database)?;
            commands::webhooks::replay(&args::ReplayWebhooks { database, ..options })
        }
        Command::Delete(options) => commands::webhooks::delete(&endpoint(options)?),
        Command::Addresses(options) => commands::webhooks::addresses(&file.complete(options)?),
    }
}
