//! `vinculo consents …`

use std::process::ExitCode;

use anstream::println;
use vinculo_server::clock::{Clock as _, SystemClock, micros};
use vinculo_server::consents::{self, Broken, ChainReport, HeadReport, ListedConsent};

use crate::args::{Consents, ListConsents, VerifyConsents};
use crate::installation::Installation;
use crate::print::{BAD, DIM, GOOD, HEAD};

/// Does what was asked about consents.
pub(crate) fn run(options: &Consents) -> anyhow::Result<ExitCode> {
    match options {
        Consents::Verify(options) => verify(options),
        Consents::List(options) => list(options),
    }
}

/// Recomputes the chains; exit 1 when one does not hold, or a noted head is in none.
fn verify(options: &VerifyConsents) -> anyhow::Result<ExitCode> {
    let Installation { store, secrets, .. } = Installation::open(&options.database)?;
    let verified = consents::verify(&store, &secrets, &options.head);
    store.close_blocking();
    let verified = verified?;
    if options.json {
        println!("{}", serde_json::to_string(&verified)?);
    } else {
        verified.chains.iter().for_each(print_chain);
        verified.heads.iter().for_each(print_head);
    }
    Ok(if verified.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Lists the consents of the installation.
fn list(options: &ListConsents) -> anyhow::Result<ExitCode> {
    let Installation { store, secrets, .. } = Installation::open(&options.database)?;
    let mut failed = None;
    let listed = consents::list(&store, &secrets, micros(SystemClock.now()), |consent| {
        if !options.json {
            print_consent(consent);
            return;
        }
        match serde_json::to_string(consent) {
            Ok(line) => println!("{line}"),
            Err(error) => failed = Some(error),
        }
    });
    store.close_blocking();
    listed?;
    failed.map_or(Ok(ExitCode::SUCCESS), |error| Err(error.into()))
}

fn print_chain(chain: &ChainReport) {
    let ChainReport { workspace, environment, receipts, head, broken } = chain;
    println!("{HEAD}{environment}{HEAD:#} {DIM}workspace {workspace}{DIM:#}");
    match broken {
        None => println!("  {GOOD}{receipts} receipts, whole{GOOD:#}"),
        Some(broken) => println!("  {BAD}{}{BAD:#}", told(broken)),
    }
    if let Some(head) = head {
        println!("  head {head}");
    }
}

fn told(broken: &Broken) -> String {
    let Broken { number, consent, why } = broken;
    let about = consent.map(|consent| format!(" (consent {consent})")).unwrap_or_default();
    match number {
        Some(number) => format!("receipt {number}{about}: {why}"),
        None => format!("{why}{about}"),
    }
}

fn print_head(head: &HeadReport) {
    match head.found {
        Some((environment, number)) => {
            println!("{GOOD}head found{GOOD:#}: receipt {number} of {environment}, {}", head.hash);
        }
        None => println!("{BAD}head in no chain{BAD:#}: {}", head.hash),
    }
}

fn print_consent(consent: &ListedConsent) {
    let until = consent.expires_at.as_deref().map(|at| format!(" until {at}")).unwrap_or_default();
    let revoked = consent.revoked_at.as_deref().map(|at| format!(" revoked {at}"));
    println!(
        "{HEAD}{}{HEAD:#} {} {} {DIM}{} {} ({}) given {}{until}{}{DIM:#}",
        consent.id,
        consent.environment,
        consent.status,
        consent.resources.join(","),
        consent.text_version,
        consent.method,
        consent.granted_at,
        revoked.unwrap_or_default(),
    );
}
