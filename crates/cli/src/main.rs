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

use crate::args::{
    Arguments, Audit, Command, Keys, OperatorCommand, Pila, Subjects, Vault, Webhooks,
};
use crate::settings::Complete as _;
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

fn run(mut arguments: Arguments) -> anyhow::Result<ExitCode> {
    settings::refuse_unknown_variables()?;
    let file = settings::File::read(arguments.config.as_deref())?;
    arguments.command.complete(&file)?;
    match arguments.command {
        Command::Demo => commands::demo::run(),
        Command::Serve(options) => commands::serve::run(*options),
        Command::Worker(options) => commands::worker::run(*options),
        Command::Operator(options) => match options.command {
            Some(OperatorCommand::Export(export)) => commands::export::run(&export),
            None => commands::operator::run(&options.listen),
        },
        Command::Keys(command) => keys(&command),
        Command::Organizations(command) => commands::users::run_organizations(&command),
        Command::Users(command) => commands::users::run(&command),
        Command::Webhooks(command) => webhooks(command),
        Command::Deliveries(command) => commands::events::run_deliveries(&command),
        Command::Events(command) => commands::events::run(command),
        Command::Cohorts(command) => commands::cohorts::run(&command),
        Command::Pila(command) => pila(&command),
        Command::Subjects(Subjects::Report(options)) => commands::audit::report(&options),
        Command::Audit(Audit::Verify(options)) => commands::audit::verify(&options),
        Command::Audit(Audit::Export(options)) => commands::audit::export(&options),
        Command::Consents(command) => commands::consents::run(&command),
        Command::Vault(command) => vault(&command),
        Command::Retention(command) => commands::retention::run(command),
        Command::Backup(options) => commands::backup::run(&options),
        Command::Restore(options) => commands::restore::run(&options),
        Command::Db(command) => commands::db::run(&command),
        Command::Doctor(options) => commands::doctor::run(&options),
        Command::Migrate(database) => commands::migrate::run(&database),
        Command::Openapi { postman } => commands::openapi::run(postman),
        Command::Reference => Ok(commands::reference::run()),
        Command::Completions(options) => Ok(commands::papers::completions(options.shell)),
        Command::Man(options) => commands::papers::man(&options.dir),
    }
}

fn keys(command: &Keys) -> anyhow::Result<ExitCode> {
    match command {
        Keys::Create(options) => commands::keys::create(options),
        Keys::List(options) => commands::keys::list(options),
        Keys::Rotate(options) => commands::keys::rotate(options),
        Keys::Retire(options) => commands::keys::retire(options),
        Keys::Revoke(options) => commands::keys::revoke(options),
    }
}

fn pila(command: &Pila) -> anyhow::Result<ExitCode> {
    match command {
        Pila::Check(options) => commands::pila::check(options),
        Pila::Import(options) => commands::import::run(options),
        Pila::TakeOver(options) => commands::take_over::run(options),
        Pila::Show(options) => commands::show::run(options),
    }
}

fn vault(command: &Vault) -> anyhow::Result<ExitCode> {
    match command {
        Vault::Status(options) => commands::vault::status(options),
        Vault::Rotate(options) => commands::vault::rotate(options),
        Vault::RotateIndex(options) => commands::vault::rotate_index(options),
        Vault::Settle(settle) => commands::vault::settle(&settle.options, settle.lost),
    }
}

fn webhooks(command: Webhooks) -> anyhow::Result<ExitCode> {
    match command {
        Webhooks::Create(options) => commands::webhooks::create(options),
        Webhooks::List(options) => commands::webhooks::list(&options),
        Webhooks::Update(options) => commands::webhooks::update(options),
        Webhooks::Enable(options) => commands::webhooks::enable(&options),
        Webhooks::Disable(options) => commands::webhooks::disable(&options),
        Webhooks::Rotate(options) => commands::webhooks::rotate(&options),
        Webhooks::Test(options) => commands::webhooks::test(&options),
        Webhooks::Replay(options) => commands::webhooks::replay(&options),
        Webhooks::Delete(options) => commands::webhooks::delete(&options),
        Webhooks::Addresses(options) => commands::webhooks::addresses(&options),
    }
}
