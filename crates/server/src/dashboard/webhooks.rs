//! `/dashboard/{environment}/webhooks`: receivers of events.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use uuid::Uuid;
use vinculo_store::{DeliveryFilter, PageRequest};

use super::deliveries;
use super::form::{Form, Once, Posted, Problem, described, problems};
use super::page::{Pager, Shell, html, html_with, known, said_again, second, see, short, when};
use super::visitor::Visitor;
use super::words::Words;
use crate::App;
use crate::api::page::PageQuery;
use crate::error::ApiError;
use crate::manage::webhook_endpoints;
use crate::webhooks::{self, EndpointChange, EndpointStatus, TYPES};

/// Endpoints shown beside a form that is to be mended.
const FIRST: PageRequest = PageRequest { limit: 100, offset: 0 };

/// Endpoints that pages know by their addresses.
const ALL: PageRequest = PageRequest { limit: 1000, offset: 0 };

/// How long the secret before a new one signs too, hours.
const KEPT: u16 = 24;

#[derive(Template)]
#[template(path = "webhooks.html")]
struct WebhooksPage {
    shell: Shell,
    endpoints: Vec<EndpointStatus>,
    pager: Pager,
    /// Types that can be chosen, and whether they are.
    types: Vec<(&'static str, bool)>,
    url: String,
    problems: Vec<Problem>,
    said: Option<&'static str>,
}

/// An endpoint whose secret is seen this once.
#[derive(Template)]
#[template(path = "webhook_made.html")]
struct MadePage {
    shell: Shell,
    title: &'static str,
    endpoint: EndpointStatus,
    secret: String,
}

#[derive(Template)]
#[template(path = "webhook.html")]
struct WebhookPage {
    shell: Shell,
    endpoint: EndpointStatus,
    deliveries: Vec<deliveries::Row>,
    pager: Pager,
    /// Whether the deliveries renew themselves.
    live: bool,
    /// Types that can be chosen, and whether they are.
    types: Vec<(&'static str, bool)>,
    /// The address as the form has it.
    url: String,
    problems: Vec<Problem>,
    said: Option<&'static str>,
}

async fn read(
    app: &App,
    visitor: &Visitor,
    request: PageRequest,
) -> Result<(i64, Vec<EndpointStatus>), ApiError> {
    let (workspace, now) = (visitor.workspace(), app.now_micros());
    let found = app.store().read(move |tx| tx.endpoints(workspace, request)).await?;
    let shown = found.rows.iter().map(|it| EndpointStatus::of(&visitor.secrets, it, now));
    Ok((found.count, shown.collect::<Result<_, _>>()?))
}

/// Every endpoint, for pages that name some of them.
pub(super) async fn all(app: &App, visitor: &Visitor) -> Result<Vec<EndpointStatus>, ApiError> {
    Ok(read(app, visitor, ALL).await?.1)
}

/// The endpoints, and the form for another one.
pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let (count, endpoints) = read(&app, &visitor, page.request()).await?;
    let (shell, pager) = (visitor.shell("webhooks"), Pager::of(&page, count)?);
    let types = TYPES.map(|word| (word, false)).to_vec();
    let (url, problems) = (String::new(), Vec::new());
    let said = said_again(&page, shell.w);
    html(&WebhooksPage { shell, endpoints, pager, types, url, problems, said })
}

/// Adds an endpoint and shows its secret.
pub(super) async fn create(State(app): State<App>, posted: Posted) -> Result<Response, ApiError> {
    let Posted { visitor, form } = posted;
    let body = form.to_json(&["url", "authorization"], &["webhook_types"]);
    let wanted = match webhook_endpoints::wanted(&app, None, &body).await {
        Ok(wanted) => wanted,
        Err(refused) => return mend(&app, &visitor, &form, refused).await,
    };
    let (writer, secrets, trail) = (app.clone(), visitor.secrets.clone(), visitor.trail.clone());
    let added = Once::of(&app, &visitor, &form)?
        .write(&app, move |tx| webhooks::add(tx, &writer, &trail, &secrets, &wanted));
    match added.await? {
        Some(added) => made_page(&visitor, visitor.language.words().webhook_made, added),
        None => Ok(see(&visitor.path("/webhooks?said=again"))),
    }
}

async fn mend(
    app: &App,
    visitor: &Visitor,
    form: &Form,
    refused: ApiError,
) -> Result<Response, ApiError> {
    let problems = problems(refused, visitor.language, &labels(visitor.language.words()))?;
    let (count, endpoints) = read(app, visitor, FIRST).await?;
    let (shell, pager) = (visitor.shell("webhooks"), Pager::of_all(count));
    let chosen = form.all("webhook_types");
    let types = TYPES.map(|word| (word, chosen.contains(&word))).to_vec();
    let url = form.get("url").to_owned();
    let page = WebhooksPage { shell, endpoints, pager, types, url, problems, said: None };
    html_with(StatusCode::BAD_REQUEST, &page)
}

fn made_page(
    visitor: &Visitor,
    title: &'static str,
    endpoint: EndpointStatus,
) -> Result<Response, ApiError> {
    let secret = endpoint.secret.clone().unwrap_or_default();
    html(&MadePage { shell: visitor.shell("webhooks"), title, endpoint, secret })
}

/// One endpoint and what was sent to it.
pub(super) async fn detail(
    State(app): State<App>,
    visitor: Visitor,
    Path((_, id)): Path<(String, String)>,
    page: PageQuery,
) -> Result<Response, ApiError> {
    show(&app, &visitor, known(&id)?, &page, None).await
}

/// The page of an endpoint, with the form to change it: as it stands, or as it was sent and is to be mended.
async fn show(
    app: &App,
    visitor: &Visitor,
    id: Uuid,
    page: &PageQuery,
    mend: Option<(&Form, Vec<Problem>)>,
) -> Result<Response, ApiError> {
    let workspace = visitor.workspace();
    let endpoint = app.store().read(move |tx| tx.endpoint(workspace, id)).await?;
    let endpoint = endpoint.ok_or_else(ApiError::not_found)?;
    let endpoint = EndpointStatus::of(&visitor.secrets, &endpoint, app.now_micros())?;
    let filter = DeliveryFilter { endpoints: Some(vec![id]), ..DeliveryFilter::default() };
    let known = std::slice::from_ref(&endpoint);
    let read = deliveries::read(app, workspace, filter, page.request(), known);
    let (count, deliveries) = read.await?;
    let w = visitor.language.words();
    let said = match page.query.get("said") {
        Some("test") => Some(w.test_sent),
        Some("changed") => Some(w.webhook_changed),
        _ => said_again(page, w),
    };
    let (shell, pager) = (visitor.shell("webhooks"), Pager::of(page, count)?);
    let live = deliveries.iter().any(|row| deliveries::is_at_hand(app, &row.delivery));
    let status = if mend.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let chosen = |word: &str| match &mend {
        Some((form, _)) => form.all("webhook_types").contains(&word),
        None => endpoint.webhook_types.iter().flatten().any(|it| it == word),
    };
    let types = TYPES.map(|word| (word, chosen(word))).to_vec();
    let url = mend.as_ref().map_or(&*endpoint.url, |(form, _)| form.get("url")).to_owned();
    let problems = mend.map(|(_, problems)| problems).unwrap_or_default();
    let page = WebhookPage { shell, endpoint, deliveries, pager, live, types, url, problems, said };
    html_with(status, &page)
}

/// Changes where and what an endpoint is sent.
async fn edit(
    app: &App,
    visitor: &Visitor,
    id: Uuid,
    page: &PageQuery,
    form: &Form,
) -> Result<Response, ApiError> {
    let body = form.to_json(&["url", "authorization"], &["webhook_types"]);
    let wanted = match webhook_endpoints::wanted(app, Some((&visitor.secrets, id)), &body).await {
        Ok(wanted) => wanted,
        Err(refused) => {
            let w = visitor.language.words();
            let problems = problems(refused, visitor.language, &labels(w))?;
            return show(app, visitor, id, page, Some((form, problems))).await;
        }
    };
    // What is not shown is kept unless it is named or taken away.
    let authorization = match form.get("no_authorization") == "true" {
        true => Some(None),
        false => wanted.authorization.map(Some),
    };
    let (url, types) = (Some(wanted.url), Some(wanted.types));
    let change = EndpointChange { url, authorization, types, enabled: None };
    webhooks::apply(app, visitor.trail.clone(), &visitor.secrets, id, change, false).await?;
    Ok(see(&visitor.path(&format!("/webhooks/{id}?said=changed"))))
}

fn labels(w: &Words) -> [(&'static str, &'static str); 3] {
    [("url", w.url), ("authorization", w.authorization), ("webhook_types", w.event_types)]
}

/// Changes, enables, disables, tests or removes an endpoint, or gives it another secret.
pub(super) async fn change(
    State(app): State<App>,
    Path((_, id, change)): Path<(String, String, String)>,
    page: PageQuery,
    posted: Posted,
) -> Result<Response, ApiError> {
    let Posted { visitor, form } = posted;
    let (id, here) = (known(&id)?, visitor.path(&format!("/webhooks/{id}")));
    let (writer, secrets, trail) = (app.clone(), visitor.secrets.clone(), visitor.trail.clone());
    match change.as_str() {
        word @ ("enable" | "disable") => {
            let enabled = Some(word == "enable");
            let wanted = EndpointChange { enabled, ..EndpointChange::default() };
            let and_replay = form.get("replay_missed") == "true";
            webhooks::apply(&app, trail, &secrets, id, wanted, and_replay).await?;
            Ok(see(&here))
        }
        "edit" => edit(&app, &visitor, id, &page, &form).await,
        "test" => {
            let sent =
                app.store().write(move |tx| webhooks::test(tx, &writer, &trail, &secrets, id));
            sent.await?;
            Ok(see(&format!("{here}?said=test")))
        }
        "rotate" => {
            let until = webhooks::old_until(&app, KEPT);
            let rotated = Once::of(&app, &visitor, &form)?
                .write(&app, move |tx| webhooks::rotate(tx, &writer, &trail, &secrets, id, until));
            match rotated.await? {
                Some(it) => made_page(&visitor, visitor.language.words().secret_rotated, it),
                None => Ok(see(&format!("{here}?said=again"))),
            }
        }
        "delete" => {
            webhooks::delete(&app, trail, &secrets, id).await?;
            Ok(see(&visitor.path("/webhooks")))
        }
        _ => Err(ApiError::not_found()),
    }
}
