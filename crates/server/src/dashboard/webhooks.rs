//! `/dashboard/{environment}/webhooks`: receivers of events.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use vinculo_store::{DeliveryFilter, PageRequest};

use super::deliveries;
use super::form::{Form, Once, Posted, Problem, problems};
use super::page::{Pager, Shell, html, html_with, known, said_again, see, when};
use super::visitor::Visitor;
use crate::App;
use crate::api::page::PageQuery;
use crate::error::ApiError;
use crate::manage::webhook_endpoints;
use crate::webhooks::{self, DeliveryStatus, EndpointChange, EndpointStatus, TYPES};

/// Endpoints shown beside a form that is to be mended.
const FIRST: PageRequest = PageRequest { limit: 100, offset: 0 };

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
    deliveries: Vec<DeliveryStatus>,
    pager: Pager,
    /// Whether the deliveries renew themselves.
    live: bool,
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
    let wanted = match webhook_endpoints::wanted(&app, &body).await {
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
    let w = visitor.language.words();
    let labels =
        [("url", w.url), ("authorization", w.authorization), ("webhook_types", w.event_types)];
    let problems = problems(refused, visitor.language, &labels)?;
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
    let (id, workspace) = (known(&id)?, visitor.workspace());
    let endpoint = app.store().read(move |tx| tx.endpoint(workspace, id)).await?;
    let endpoint = endpoint.ok_or_else(ApiError::not_found)?;
    let endpoint = EndpointStatus::of(&visitor.secrets, &endpoint, app.now_micros())?;
    let filter = DeliveryFilter { endpoints: Some(vec![id]), ..DeliveryFilter::default() };
    let (count, deliveries) = deliveries::read(&app, workspace, filter, page.request()).await?;
    let w = visitor.language.words();
    let tested = (page.query.get("said") == Some("test")).then_some(w.test_sent);
    let said = tested.or_else(|| said_again(&page, w));
    let (shell, pager) = (visitor.shell("webhooks"), Pager::of(&page, count)?);
    let live = deliveries.iter().any(|it| deliveries::is_at_hand(&app, it));
    html(&WebhookPage { shell, endpoint, deliveries, pager, live, said })
}

/// Enables, disables, tests or removes an endpoint, or gives it another secret.
pub(super) async fn change(
    State(app): State<App>,
    Path((_, id, change)): Path<(String, String, String)>,
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
            let removed =
                app.store().write(move |tx| webhooks::remove(tx, &writer, &trail, &secrets, id));
            removed.await?;
            Ok(see(&visitor.path("/webhooks")))
        }
        _ => Err(ApiError::not_found()),
    }
}
