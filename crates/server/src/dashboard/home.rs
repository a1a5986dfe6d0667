//! `/dashboard/{environment}`: how things stand.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use vinculo_store::{DeliveryFilter, DeliveryState, LinkFilter, LinkStatus, PageRequest};

use super::page::{Shell, html, second, see, when};
use super::visitor::Visitor;
use crate::App;
use crate::Pesos;
use crate::clock::{bogota_month, micros, month_start};
use crate::error::ApiError;
use crate::imports::ImportStatus;
use crate::manage;
use crate::manage::sources::SourceStatus;

/// Rows that are only counted.
const NONE: PageRequest = PageRequest { limit: 0, offset: 0 };

/// Imports shown.
const LAST: PageRequest = PageRequest { limit: 5, offset: 0 };

/// How far back times to data are looked at, microseconds, and at how many.
const RECENT: i64 = 30 * 24 * 60 * 60 * 1_000_000;
const MOST_TIMES: i64 = 1000;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    shell: Shell,
    links: Vec<(&'static str, i64)>,
    deliveries: Vec<(&'static str, i64)>,
    imports: Option<Vec<ImportStatus>>,
    keys: i64,
    endpoints: i64,
    /// Endpoints that were disabled because they failed.
    off: i64,
    base: String,
    times: Option<Times>,
    month: Month,
    sources: Vec<SourceStatus>,
}

/// How long new links took to be filled.
struct Times {
    count: usize,
    half: String,
    most: String,
}

/// What was asked in the month of Bogotá.
struct Month {
    name: String,
    outcomes: BTreeMap<String, i64>,
    calls: i64,
    cost: i64,
}

impl Month {
    /// How many of a hundred questions were answered: with data, or that there is none.
    fn answered(&self) -> i64 {
        let answered = ["resolved", "no_data"].iter().filter_map(|it| self.outcomes.get(*it));
        (answered.sum::<i64>() * 100).checked_div(self.calls).unwrap_or_default()
    }
}

impl HomePage {
    fn total(&self) -> i64 {
        self.links.iter().map(|(_, count)| count).sum()
    }
}

/// To the page that somebody begins with.
pub(super) async fn start(visitor: Visitor) -> Response {
    let _ = visitor;
    see("/dashboard/sandbox")
}

/// The page.
pub(super) async fn page(State(app): State<App>, visitor: Visitor) -> Result<Response, ApiError> {
    let (workspace, shell) = (visitor.workspace(), visitor.shell("home"));
    let (now, month) = (app.now(), bogota_month(app.now()));
    let month = month.ok_or_else(|| ApiError::unexpected("a time without a month"))?;
    let counted = app.store().read(move |tx| {
        let mut links = Vec::new();
        for status in LinkStatus::ALL {
            let filter = LinkFilter { statuses: Some(vec![*status]), ..LinkFilter::default() };
            links.push((status.as_str(), tx.links(workspace, &filter, NONE)?.count));
        }
        let mut deliveries = Vec::new();
        for state in [DeliveryState::Failed, DeliveryState::Pending] {
            let states = Some(vec![state]);
            let filter = DeliveryFilter { states, ..DeliveryFilter::default() };
            deliveries.push((state.as_str(), tx.deliveries(workspace, &filter, NONE)?.count));
        }
        let keys = tx.api_keys(workspace, NONE)?.count;
        let endpoints = (tx.endpoints(workspace, NONE)?.count, tx.lost_endpoints(workspace)?);
        let (from, before) = (micros(month_start(month)), micros(month_start(month.plus(1))));
        let ended = tx.source_outcomes(workspace, from, before)?;
        let times = tx.creation_times(workspace, micros(now) - RECENT, MOST_TIMES)?;
        Ok::<_, ApiError>((links, deliveries, (keys, endpoints), ended, times))
    });
    let (links, deliveries, (keys, (endpoints, off)), ended, times) = counted.await?;
    let imports = if shell.sees_people {
        Some(manage::imports::read(&app, &visitor.trail, workspace, LAST).await?.rows)
    } else {
        None
    };
    let environment = visitor.secrets.workspace().environment;
    html(&HomePage {
        base: visitor.visit.base(),
        times: of_times(times),
        month: of_month(month.to_string(), ended),
        sources: manage::sources::read(&app, environment).await?,
        shell,
        links,
        deliveries,
        imports,
        keys,
        endpoints,
        off,
    })
}

fn of_month(name: String, ended: Vec<(String, i64, i64)>) -> Month {
    Month {
        name,
        calls: ended.iter().map(|(_, calls, _)| calls).sum(),
        cost: ended.iter().map(|(.., cost)| cost).sum(),
        outcomes: ended.into_iter().map(|(outcome, calls, _)| (outcome, calls)).collect(),
    }
}

/// The smallest time that half, and 95 of 100, do not exceed.
fn of_times(mut times: Vec<i64>) -> Option<Times> {
    times.sort_unstable();
    let at = |percent: usize| {
        let place = (times.len() * percent).div_ceil(100).checked_sub(1)?;
        times.get(place).map(|micros| spoken(*micros))
    };
    Some(Times { count: times.len(), half: at(50)?, most: at(95)? })
}

/// A time that is not reached, in the largest unit that is not too coarse.
fn spoken(micros: i64) -> String {
    match micros.div_euclid(1_000_000) + 1 {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60 + 1),
        seconds => format!("{} h", seconds / 3600 + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_times_that_there_are() {
        assert!(of_times(Vec::new()).is_none());
        let one = of_times(vec![1_500_000]).unwrap();
        assert_eq!((one.half.as_str(), one.most.as_str()), ("2 s", "2 s"));
        let many = of_times((1..=100).rev().map(|second| second * 1_000_000).collect()).unwrap();
        assert_eq!((many.half.as_str(), many.most.as_str(), many.count), ("51 s", "96 s", 100));
        assert_eq!(spoken(119_000_000), "3 min");
        assert_eq!(spoken(7_200_000_000), "3 h");
    }
}
