//! `/dashboard/{environment}/audit`: who read or changed what.

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use jiff::civil::Date;
use uuid::Uuid;
use vinculo_store::{ActorKind, AuditAction, AuditFilter, PageRequest};

use super::form::{Problem, described, problems};
use super::page::{Pager, Shell, html, html_with, second};
use super::visitor::Visitor;
use crate::App;
use crate::api::page::PageQuery;
use crate::api::query::Query;
use crate::audit::ToldEntry;
use crate::clock::{day_start, micros};
use crate::error::{ApiError, ErrorItem};
use crate::manage;
use crate::people;

/// Users and keys that can be chosen, at most, of each.
const NAMED: PageRequest = PageRequest { limit: 1000, offset: 0 };

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    shell: Shell,
    rows: Vec<Row>,
    pager: Pager,
    /// Words that can be chosen, and whether they are.
    actions: Vec<(&'static str, bool)>,
    actors: Vec<(&'static str, bool)>,
    /// Users and keys: id, name, and whether they are chosen.
    users: Vec<(Uuid, String, bool)>,
    keys: Vec<(Uuid, String, bool)>,
    given: Given,
    problems: Vec<Problem>,
}

/// What was written into the form.
struct Given {
    link: String,
    from: String,
    until: String,
}

/// An entry, and whom the ids in it are of.
struct Row {
    entry: ToldEntry,
    who: Option<String>,
    about: Option<String>,
}

/// What ids are called that are of users and keys: the log has the ids alone.
struct Names {
    users: Vec<(Uuid, String)>,
    keys: Vec<(Uuid, String)>,
}

impl Names {
    async fn read(app: &App, visitor: &Visitor) -> Result<Self, ApiError> {
        let (workspace, of) = (visitor.workspace(), visitor.signed.user.organization);
        let read = app.store().read(move |tx| {
            let keys = tx.api_key_names(workspace, NAMED.limit)?;
            Ok::<_, ApiError>((tx.users(Some(of), NAMED)?.rows, keys))
        });
        let (users, keys) = read.await?;
        let users = users.iter().map(|user| Ok((user.uuid, people::address_of(app, user)?)));
        let keys = keys.into_iter().filter(|(_, name)| !name.is_empty()).collect();
        Ok(Self { users: users.collect::<Result<_, ApiError>>()?, keys })
    }

    fn rows(&self, entries: Vec<ToldEntry>) -> Vec<Row> {
        let names: HashMap<_, _> = self.users.iter().chain(&self.keys).cloned().collect();
        let name = |id: Option<Uuid>| id.and_then(|id| names.get(&id)).cloned();
        let row = |entry: ToldEntry| {
            let (who, about) = (name(entry.actor_id), name(entry.object));
            // Whoever does something with their own account is told once.
            let about = about.filter(|_| entry.object != entry.actor_id);
            Row { entry, who, about }
        };
        entries.into_iter().map(row).collect()
    }
}

/// The entries that the query asks for; the days in it are those of Bogotá.
fn filter(query: &Query) -> Result<AuditFilter, ApiError> {
    let mut filter = manage::audit::filter(query)?;
    let (from, until) = (day(query, "from")?, day(query, "until")?);
    let first = |day: Date| day_start(day).map(micros);
    filter.created.from = filter.created.from.max(from.and_then(first));
    let before = until.and_then(|day| first(day.tomorrow().ok()?));
    filter.created.before = match (filter.created.before, before) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    Ok(filter)
}

fn day(query: &Query, name: &'static str) -> Result<Option<Date>, ApiError> {
    let wrong = |text: &str| {
        let message = format!("\"{text}\" is not a day, such as 2026-11-24.");
        ApiError::bad_request(vec![ErrorItem::field("invalid", name, message)])
    };
    query.get(name).map(|text| text.trim().parse().map_err(|_| wrong(text))).transpose()
}

/// The log, or what is wanted of it. Looking is noted too.
pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let names = Names::read(&app, &visitor).await?;
    let filter = match filter(&page.query) {
        Ok(filter) => filter,
        Err(refused) => {
            let w = visitor.language.words();
            let labels = [("link", w.link), ("from", w.from_day), ("until", w.until_day)];
            let problems = problems(refused, visitor.language, &labels)?;
            let shown = shown(&visitor, &page, (names, Vec::new()), Pager::of_all(0), problems);
            return html_with(StatusCode::BAD_REQUEST, &shown);
        }
    };
    let (trail, workspace) = (&visitor.trail, visitor.workspace());
    let found = manage::audit::read(&app, trail, workspace, filter, page.request()).await?;
    let pager = Pager::of(&page, found.count)?;
    html(&shown(&visitor, &page, (names, found.rows), pager, Vec::new()))
}

fn shown(
    visitor: &Visitor,
    page: &PageQuery,
    (names, entries): (Names, Vec<ToldEntry>),
    pager: Pager,
    problems: Vec<Problem>,
) -> AuditPage {
    let query = &page.query;
    let is = |name: &str, word: &str| query.get(name) == Some(word);
    let rows = names.rows(entries);
    let named = |all: Vec<(Uuid, String)>| {
        let chosen = |id: &Uuid| is("actor_id", &id.to_string());
        all.into_iter().map(|(id, name)| (id, name, chosen(&id))).collect()
    };
    let text = |name| query.get(name).unwrap_or_default().to_owned();
    AuditPage {
        shell: visitor.shell("audit"),
        rows,
        pager,
        actions: AuditAction::ALL
            .iter()
            .map(|it| (it.as_str(), is("action", it.as_str())))
            .collect(),
        actors: ActorKind::ALL.iter().map(|it| (it.as_str(), is("actor", it.as_str()))).collect(),
        users: named(names.users),
        keys: named(names.keys),
        given: Given { link: text("link"), from: text("from"), until: text("until") },
        problems,
    }
}
