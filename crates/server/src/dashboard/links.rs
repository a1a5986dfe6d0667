//! `/dashboard/{environment}/links`: links, and what is known through one.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::Value;
use vinculo_pila::{Document, DocumentKind};
use vinculo_store::{
    AccessMode, AuditAction, Link, LinkFilter, LinkStatus, PageRequest, Resource, SourceCall,
};

use super::chart::Chart;
use super::form::Posted;
use super::page::{Pager, Shell, html, known, second, see, short, when};
use super::pay::{self, EmploymentRow, joined};
use super::search::Search;
use super::steps::{self, Step};
use super::visitor::Visitor;
use super::webhooks;
use crate::App;
use crate::Pesos;
use crate::api::links::{self as api, wire};
use crate::api::objects;
use crate::api::page::PageQuery;
use crate::audit::{Entry, Shown};
use crate::clock::wire_time;
use crate::error::ApiError;
use crate::manage;
use crate::manage::subjects::spellings;
use crate::projection::{Person, project};

/// Links shown of a search; how many there are is told.
const FOUND: PageRequest = PageRequest { limit: 1000, offset: 0 };

/// Calls shown of a link.
const CALLS: PageRequest = PageRequest { limit: 100, offset: 0 };

#[derive(Template)]
#[template(path = "links.html")]
struct LinksPage {
    shell: Shell,
    links: Vec<LinkRow>,
    pager: Pager,
    /// Statuses, and whether they are chosen.
    statuses: Vec<(&'static str, bool)>,
    /// Access modes, and whether they are chosen.
    modes: Vec<(&'static str, bool)>,
    filtered: bool,
    /// Whether these are what a search has found.
    found: bool,
    said: Option<&'static str>,
}

/// A link as a table shows it.
struct LinkRow {
    id: String,
    status: &'static str,
    access_mode: &'static str,
    external_id: Option<String>,
    created_at: String,
    last_accessed_at: Option<String>,
}

impl LinkRow {
    fn of(link: &Link, document: &Value) -> Self {
        let text = |name: &str| document[name].as_str().map(str::to_owned);
        Self {
            id: link.uuid.to_string(),
            status: link.status.as_str(),
            access_mode: link.access_mode.as_str(),
            external_id: text("external_id"),
            created_at: text("created_at").unwrap_or_default(),
            last_accessed_at: text("last_accessed_at"),
        }
    }
}

#[derive(Template)]
#[template(path = "link.html")]
struct LinkPage {
    shell: Shell,
    link: LinkRow,
    owners: Vec<OwnerRow>,
    employments: Vec<EmploymentRow>,
    chart: Option<Chart>,
    steps: Vec<Step>,
    calls: Vec<SourceCall>,
    /// Whether the page renews itself.
    live: bool,
    said: Option<&'static str>,
    documents: Vec<(&'static str, String)>,
}

struct OwnerRow {
    name: String,
    document: String,
}

/// The wire's document of a link.
fn document(app: &App, link: &Link) -> Result<Value, ApiError> {
    Ok(serde_json::from_slice(&wire::document(app.all_secrets().vault(), link)?)?)
}

fn rows(app: &App, links: &[Link]) -> Result<Vec<LinkRow>, ApiError> {
    links.iter().map(|link| Ok(LinkRow::of(link, &document(app, link)?))).collect()
}

fn statuses(chosen: Option<&str>) -> Vec<(&'static str, bool)> {
    LinkStatus::ALL.iter().map(|it| (it.as_str(), Some(it.as_str()) == chosen)).collect()
}

fn modes(chosen: Option<&str>) -> Vec<(&'static str, bool)> {
    AccessMode::ALL.iter().map(|it| (it.as_str(), Some(it.as_str()) == chosen)).collect()
}

/// The links, as the query filters them.
pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    page: PageQuery,
) -> Result<Response, ApiError> {
    if let Some(search) = page.query.get("search") {
        return found(&app, &visitor, &page, search).await;
    }
    let filter = api::filter(&page.query, &visitor.secrets)?;
    let (trail, workspace) = (&visitor.trail, visitor.workspace());
    let found = api::read(&app, trail, workspace, filter, page.request()).await?;
    html(&LinksPage {
        shell: visitor.shell("links"),
        links: rows(&app, &found.rows)?,
        pager: Pager::of(&page, found.count)?,
        statuses: statuses(page.query.get("status")),
        modes: modes(page.query.get("access_mode")),
        filtered: ["status", "access_mode"].iter().any(|name| page.query.get(name).is_some()),
        found: false,
        said: (page.query.get("said") == Some("deleted"))
            .then_some(visitor.language.data_words().deleted),
    })
}

/// Looks for the links of a person, or with an external id: neither stands in an address. One that is
/// alone is shown; of others an address that tells nothing leads to the list, and back to it.
pub(super) async fn search(State(app): State<App>, posted: Posted) -> Result<Response, ApiError> {
    let Posted { visitor, form } = posted;
    let search = Search::of(&form);
    let (links, _) = find(&app, &visitor, &search).await?;
    if let [link] = &links[..] {
        return Ok(see(&visitor.path(&format!("/links/{}", link.uuid))));
    }
    let sealed = search.seal(&visitor)?;
    Ok(see(&visitor.path(&format!("/links?search={sealed}"))))
}

/// What a search has found.
async fn found(
    app: &App,
    visitor: &Visitor,
    page: &PageQuery,
    search: &str,
) -> Result<Response, ApiError> {
    let search = Search::open(visitor, search);
    let (links, count) = match &search {
        Some(search) => find(app, visitor, search).await?,
        None => (Vec::new(), 0),
    };
    let pager = Pager { count, ..Pager::of(page, links.len() as i64)? };
    html(&LinksPage {
        shell: visitor.shell("links"),
        links: rows(app, &page.slice(links))?,
        pager,
        statuses: statuses(None),
        modes: modes(None),
        filtered: false,
        found: true,
        said: search.is_none().then_some(visitor.language.words().search_over),
    })
}

/// What is shown of a search, and how many links there are.
async fn find(app: &App, visitor: &Visitor, search: &Search) -> Result<(Vec<Link>, i64), ApiError> {
    let (workspace, indexes) = (visitor.workspace(), visitor.secrets.indexes());
    if search.by_external_id {
        let external_ids = Some(vec![indexes.external_id(&search.value)]);
        let filter = LinkFilter { external_ids, ..LinkFilter::default() };
        let found = api::read(app, &visitor.trail, workspace, filter, FOUND).await?;
        return Ok((found.rows, found.count));
    }
    let index =
        |document: Document| indexes.lookup_document(document.kind.code(), &document.number);
    let documents: Vec<_> =
        documents_of(&search.value).iter().flat_map(spellings).map(index).collect();
    let links = app.store().read(move |tx| {
        let mut links = Vec::new();
        for document in documents {
            if let Some(subject) = tx.subject(workspace, &document)? {
                links.extend(tx.links_of(subject.id)?);
            }
        }
        Ok::<_, ApiError>(links)
    });
    let links = links.await?;
    let about = links.iter().map(|link| (link.subject, link.id));
    visitor.trail.read(app, Shown::of(AuditAction::LinksRead, about)).await?;
    let count = links.len() as i64;
    Ok((links, count))
}

/// The documents that somebody may mean: of every kind, or of the one that is named before the number,
/// as the page of a link does.
fn documents_of(given: &str) -> Vec<Document> {
    let (kinds, number) = match given.split_once(char::is_whitespace) {
        Some((kind, rest)) if kind.eq_ignore_ascii_case("passport") => {
            (vec![DocumentKind::Pa], rest)
        }
        Some((kind, rest)) => match DocumentKind::from_code(&kind.to_ascii_uppercase()) {
            Some(kind) => (vec![kind], rest),
            None => (DocumentKind::ALL.to_vec(), given),
        },
        None => (DocumentKind::ALL.to_vec(), given),
    };
    let number = number.chars().filter(char::is_ascii_alphanumeric);
    let number: String = number.map(|c| c.to_ascii_uppercase()).collect();
    kinds.into_iter().map(|kind| Document::new(kind, number.as_str())).collect()
}

/// One link: its owner, employments, pay, and all of it as the API has it.
pub(super) async fn detail(
    State(app): State<App>,
    visitor: Visitor,
    Path((_, id)): Path<(String, String)>,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let (id, workspace) = (known(&id)?, visitor.workspace());
    let reader = app.clone();
    let read = app.store().read(move |tx| {
        let link = tx.link(workspace, id)?.ok_or_else(ApiError::not_found)?;
        let rows = steps::read(tx, workspace, &link)?;
        let key = reader.all_secrets().vault().unwrap_key(&link.key)?;
        let person = Person { workspace, subject: link.subject, key: &key };
        let known = project(tx, &reader, &person, &[], None)?.employments;
        Ok::<_, ApiError>((link, rows, known))
    });
    let (link, rows, known) = read.await?;
    let trail = &visitor.trail;
    let calls = manage::source_calls::read(&app, trail, workspace, id, CALLS).await?.rows;
    trail.read_one(&app, Entry::of(AuditAction::LinksRead).link(&link)).await?;
    let owners = objects::of_link(&app, trail, Resource::Owners, &link).await?;
    let employments = objects::of_link(&app, trail, Resource::Employments, &link).await?;
    let (shell, document) = (visitor.shell("links"), document(&app, &link)?);
    let live = rows.is_loading(app.now_micros());
    let said = if rows.is_loaded() { shell.d.loaded_again } else { shell.d.refreshed };
    let endpoints = match shell.sees_webhooks {
        true => webhooks::all(&app, &visitor).await?,
        false => Vec::new(),
    };
    let (rows_of_pay, chart) = pay::tell(&employments, &known, &shell);
    html(&LinkPage {
        link: LinkRow::of(&link, &document),
        owners: owners.iter().map(owner).collect(),
        chart,
        documents: vec![
            (shell.w.link, pretty(&document)?),
            (shell.w.owner, pretty(&Value::from(owners))?),
            (shell.w.employments, pretty(&Value::from(employments))?),
        ],
        employments: rows_of_pay,
        steps: steps::tell(&rows, &calls, &endpoints, shell.d, app.now_micros()),
        calls,
        live,
        said: (page.query.get("said") == Some("refresh")).then_some(said),
        shell,
    })
}

fn pretty(value: &Value) -> Result<String, ApiError> {
    Ok(serde_json::to_string_pretty(value)?)
}

fn owner(owner: &Value) -> OwnerRow {
    let id = &owner["document_id"];
    OwnerRow {
        name: joined(&[&owner["display_name"]]),
        document: joined(&[&id["document_type"], &id["document_number"]]),
    }
}
