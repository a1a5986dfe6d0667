//! `vinculo events …`, `vinculo deliveries …`

use std::process::ExitCode;

use anstream::println;
use anyhow::anyhow;
use vinculo_server::{
    DeliveryStatus, EventStatus, list_deliveries, list_events, replay_delivery, show_delivery,
    show_event,
};
use vinculo_store::{DeliveryFilter, EventFilter, TimeSpan};

use super::webhooks::{json, json_lines, told, with, with_app};
use crate::args::{Deliveries, Events, ListDeliveries, ListEvents, ReplayDelivery, Span, Wanted};
use crate::print::HEAD;

/// Lists events, or shows one.
pub(crate) fn run(command: Events) -> anyhow::Result<ExitCode> {
    match command {
        Events::List(options) => list(options),
        Events::Show(options) => {
            let (environment, id) = (options.environment.into(), options.id);
            json(&with(&options.database, async |app| show_event(app, environment, id).await)?)
        }
    }
}

/// Lists deliveries, or shows one.
pub(crate) fn run_deliveries(command: &Deliveries) -> anyhow::Result<ExitCode> {
    match command {
        Deliveries::List(options) => deliveries(options),
        Deliveries::Show(options) => {
            let (environment, id) = (options.environment.into(), options.id);
            json(&with(&options.database, async |app| show_delivery(app, environment, id).await)?)
        }
        Deliveries::Replay(options) => replay(options),
    }
}

fn list(options: ListEvents) -> anyhow::Result<ExitCode> {
    let filter = EventFilter {
        id: None,
        links: options.link.map(|id| vec![id]),
        types: options.webhook_type.map(|word| vec![word]),
        created: span(&options.span),
        with_delivery: options.status.map(|state| vec![state]),
    };
    let (environment, limit) = (options.environment.into(), options.limit.into());
    let found =
        with(&options.database, async |app| list_events(app, environment, filter, limit).await)?;
    if options.json {
        return json_lines(&found);
    }
    for EventStatus { id, created_at, webhook_type, webhook_code, link, .. } in &found {
        let link = link.map_or_else(|| "-".to_owned(), |id| id.to_string());
        println!("{id} {created_at} {webhook_type} {webhook_code} {link}");
    }
    Ok(ExitCode::SUCCESS)
}

fn deliveries(options: &ListDeliveries) -> anyhow::Result<ExitCode> {
    let filter = filter(&options.wanted);
    let (environment, limit) = (options.wanted.environment.into(), options.limit.into());
    let found = with(&options.database, async |app| {
        list_deliveries(app, environment, filter, limit).await
    })?;
    if options.json {
        return json_lines(&found);
    }
    for delivery in &found {
        let DeliveryStatus { id, event, webhook_type, created_at, endpoint, .. } = delivery;
        let endpoint = endpoint.map_or_else(|| "-".to_owned(), |id| id.to_string());
        println!("{id} {created_at} {event} {webhook_type} {endpoint} {}", outcome(delivery));
    }
    Ok(ExitCode::SUCCESS)
}

/// Sends a delivery again.
fn replay(options: &ReplayDelivery) -> anyhow::Result<ExitCode> {
    let (environment, id) = (options.environment.into(), options.id);
    let replayed = with_app(&options.database, async |app| {
        let replayed = replay_delivery(app, environment, id).await;
        replayed.map_err(|error| match error.is_not_found() {
            true => {
                anyhow!("there is no delivery {id} in {environment}: `deliveries list` has them")
            }
            false => told(error),
        })
    })?;
    if options.json {
        return json(&replayed);
    }
    println!("{HEAD}Delivery{HEAD:#} {id} is on its way");
    Ok(ExitCode::SUCCESS)
}

/// Which deliveries are meant.
pub(super) fn filter(wanted: &Wanted) -> DeliveryFilter {
    DeliveryFilter {
        endpoints: wanted.endpoint.map(|id| vec![id]),
        states: wanted.status.map(|state| vec![state]),
        events: EventFilter {
            id: None,
            links: wanted.link.map(|id| vec![id]),
            types: wanted.webhook_type.clone().map(|word| vec![word]),
            created: span(&wanted.span),
            with_delivery: None,
        },
        ..DeliveryFilter::default()
    }
}

fn span(given: &Span) -> TimeSpan {
    TimeSpan { from: given.from, before: given.before }
}

/// How a delivery stands, and how its last try ended.
fn outcome(delivery: &DeliveryStatus) -> String {
    let DeliveryStatus { status, tries, attempts, replayed_at, delivered_at, .. } = delivery;
    let last =
        attempts.iter().flatten().next_back().map(|last| match (last.status, &last.failure) {
            (Some(answered), _) => format!(", the last answered {answered}"),
            (None, Some(failure)) => format!(", the last failed: {failure}"),
            (None, None) => String::new(),
        });
    let word = if *tries == 1 { "try" } else { "tries" };
    let again = replayed_at.as_ref().map(|at| format!(", sent again since {at}"));
    let before = delivered_at.as_ref().filter(|_| *status != "delivered");
    let before = before.map(|at| format!(", arrived at {at}"));
    let [last, again, before] = [last, again, before].map(Option::unwrap_or_default);
    format!("{status}, {tries} {word}{last}{again}{before}")
}
