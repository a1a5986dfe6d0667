//! `vinculo pila show`

use std::process::ExitCode;

use anstream::println;
use anyhow::anyhow;
use vinculo_history::{Employment, Projection};
use vinculo_server::person_history;

use crate::args::ShowPerson;
use crate::installation::Installation;
use crate::print::{DIM, HEAD};

/// Shows the projection of everything known about a person; exit 1 when nothing is.
pub(crate) fn run(options: &ShowPerson) -> anyhow::Result<ExitCode> {
    let installation = Installation::open(&options.database)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let person = options.document.0.clone();
    let history = runtime.block_on(async {
        let app = installation.quiet_app()?;
        let history = person_history(&app, options.environment.into(), person).await;
        history.map_err(|error| anyhow!(error.cause().unwrap_or("refused").to_owned()))
    })?;
    let Some(history) = history else {
        println!("nothing is known about this document");
        return Ok(ExitCode::FAILURE);
    };
    if options.json {
        println!("{}", json(&history)?);
    } else {
        print(&history);
    }
    Ok(ExitCode::SUCCESS)
}

fn json(history: &Projection) -> serde_json::Result<String> {
    let employments: Vec<_> = history
        .employments
        .iter()
        .map(|employment| {
            serde_json::json!({
                "employer_data": employment.employer,
                "salary_and_benefit_details": employment.months,
                "provenance": employment.provenance,
            })
        })
        .collect();
    let document = serde_json::json!({ "owner": history.owner, "employments": employments });
    serde_json::to_string_pretty(&document)
}

fn print(history: &Projection) {
    if let Some(owner) = &history.owner {
        let name = owner.display_name.as_deref().unwrap_or("-");
        println!("{HEAD}{name}{HEAD:#} {} {}", owner.document_type, owner.document_number);
    }
    if history.employments.is_empty() {
        println!("{DIM}no employment{DIM:#}");
    }
    for employment in &history.employments {
        print_employment(employment);
    }
}

fn print_employment(employment: &Employment) {
    let employer = &employment.employer;
    let name = employer.name.as_deref().unwrap_or("-");
    println!("\n{HEAD}{name}{HEAD:#} {DIM}{} months{DIM:#}", employer.tenure);
    println!("{DIM}month      gross         net           type         notes{DIM:#}");
    for (month, proof) in employment.months.iter().zip(&employment.provenance.months) {
        let amount = |pesos: Option<i64>| pesos.map_or_else(|| "-".to_owned(), |p| p.to_string());
        let mut notes: Vec<String> = words(&month.status_changes);
        notes.extend(words(&proof.notes));
        println!(
            "{}   {:>12}  {:>12}  {:<11}  {}",
            month.month,
            amount(month.gross_amount),
            amount(month.net_amount),
            month.employment_type.and_then(|kind| words(&[kind]).pop()).unwrap_or_default(),
            notes.join(" ")
        );
    }
}

/// The words of the wire.
fn words<T: serde::Serialize>(values: &[T]) -> Vec<String> {
    let word = |value| serde_json::to_value(value).ok()?.as_str().map(str::to_owned);
    values.iter().filter_map(word).collect()
}
