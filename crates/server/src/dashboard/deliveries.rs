//! `/dashboard/{environment}/deliveries`: what became of events.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use vinculo_store::{Delivery, DeliveryFilter, DeliveryState, PageRequest, WorkspaceId};

use super::form::Posted;
use super::page::{Pager, Shell, html, second, see, short};
use super::visitor::Visitor;
use super::webhooks;
use crate::App;
use crate::api::page::PageQuery;
use crate::api::query::parse_id;
use crate::error::ApiError;
use crate::webhooks::{
    AttemptStatus, DeliveryStatus, EndpointStatus, one_delivery, one_event, replay_one,
};

/// A delivery as a table shows it.
pub(super) struct Row {
    pub(super) delivery: DeliveryStatus,
    /// Where it goes; `None` once that was deleted.
    pub(super) url: Option<String>,
    /// The last try.
    pub(super) last: Option<AttemptStatus>,
}

/// How long before a try somebody waits for it: the first step of the schedule, a minute and a fifth more.
const AT_HAND: SignedDuration = SignedDuration::from_secs(75);

#[derive(Template)]
#[template(path = "deliveries.html")]
struct DeliveriesPage {
    shell: Shell,
    deliveries: Vec<Row>,
    pager: Pager,
    /// States, and whether they are chosen.
    states: Vec<(&'static str, bool)>,
    /// Ids and addresses of endpoints, and whether they are chosen.
    endpoints: Vec<(String, String, bool)>,
    filtered: bool,
}

#[derive(Template)]
#[template(path = "delivery.html")]
struct DeliveryPage {
    shell: Shell,
    delivery: DeliveryStatus,
    attempts: Vec<AttemptStatus>,
    /// Whether the page renews itself.
    live: bool,
    endpoint: Option<EndpointStatus>,
    /// What is sent, for who may see people.
    body: Option<String>,
    said: Option<&'static str>,
}

/// A page of deliveries to some of these endpoints.
pub(super) async fn read(
    app: &App,
    workspace: WorkspaceId,
    filter: DeliveryFilter,
    request: PageRequest,
    endpoints: &[EndpointStatus],
) -> Result<(i64, Vec<Row>), ApiError> {
    let found = app.store().read(move |tx| {
        let found = tx.deliveries(workspace, &filter, request)?;
        let ids: Vec<_> = found.rows.iter().map(|delivery| delivery.id).collect();
        Ok::<_, ApiError>((found, tx.last_attempts(workspace, &ids)?))
    });
    let (found, tries) = found.await?;
    let row = |delivery: &Delivery| {
        let last = tries.iter().find(|(of, _)| *of == delivery.id);
        let delivery = DeliveryStatus::of(delivery);
        Row {
            url: of_delivery(&delivery, endpoints).map(|endpoint| endpoint.url.clone()),
            last: last.map(|(_, last)| AttemptStatus::of(last)),
            delivery,
        }
    };
    Ok((found.count, found.rows.iter().map(row).collect()))
}

fn of_delivery<'a>(
    delivery: &DeliveryStatus,
    endpoints: &'a [EndpointStatus],
) -> Option<&'a EndpointStatus> {
    endpoints.iter().find(|endpoint| Some(endpoint.id) == delivery.endpoint)
}

/// The deliveries: all, those in one state, or those to one endpoint.
pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let state = page.query.choice("status", DeliveryState::parse)?;
    let endpoint = page.query.get("endpoint").map(|id| parse_id("endpoint", id)).transpose()?;
    let filter = DeliveryFilter {
        states: state.map(|state| vec![state]),
        endpoints: endpoint.map(|endpoint| vec![endpoint]),
        ..DeliveryFilter::default()
    };
    let known = webhooks::all(&app, &visitor).await?;
    let workspace = visitor.workspace();
    let (count, deliveries) = read(&app, workspace, filter, page.request(), &known).await?;
    let (shell, pager) = (visitor.shell("deliveries"), Pager::of(&page, count)?);
    let states = DeliveryState::ALL.iter().map(|it| (it.as_str(), Some(*it) == state)).collect();
    let chosen = |it: EndpointStatus| (it.id.to_string(), it.url, Some(it.id) == endpoint);
    let endpoints = known.into_iter().map(chosen).collect();
    let filtered = state.is_some() || endpoint.is_some();
    html(&DeliveriesPage { shell, deliveries, pager, states, endpoints, filtered })
}

/// One delivery with its tries.
pub(super) async fn detail(
    State(app): State<App>,
    visitor: Visitor,
    Path((_, id)): Path<(String, String)>,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let mut delivery = one_delivery(&app, &visitor.trail, &visitor.secrets, number(&id)).await?;
    let attempts = delivery.attempts.take().unwrap_or_default();
    let (shell, live) = (visitor.shell("deliveries"), is_at_hand(&app, &delivery));
    let mut endpoints = webhooks::all(&app, &visitor).await?;
    let at = endpoints.iter().position(|endpoint| Some(endpoint.id) == delivery.endpoint);
    let endpoint = at.map(|at| endpoints.swap_remove(at));
    let body = match shell.sees_people {
        true => Some(body(&app, &visitor, &delivery.event).await?),
        false => None,
    };
    let said = (page.query.get("said") == Some("replay")).then_some(shell.w.replayed);
    html(&DeliveryPage { shell, delivery, attempts, live, endpoint, body, said })
}

/// Whether a delivery waits for a try that is at hand, and not for a worker that is away: a page that shows it
/// renews itself.
pub(super) fn is_at_hand(app: &App, delivery: &DeliveryStatus) -> bool {
    let next = delivery.next_try_at.as_ref().and_then(|at| at.parse::<Timestamp>().ok());
    next.is_some_and(|next| next.duration_since(app.now()).abs() < AT_HAND)
}

/// What is sent of an event.
async fn body(app: &App, visitor: &Visitor, event: &str) -> Result<String, ApiError> {
    let event = parse_id("event", event)?;
    let event = one_event(app, &visitor.trail, &visitor.secrets, event).await?;
    Ok(serde_json::to_string_pretty(&event.body)?)
}

/// What is no number belongs to nobody.
fn number(id: &str) -> i64 {
    id.parse().unwrap_or(0)
}

/// Sends a delivery again.
pub(super) async fn replay(
    State(app): State<App>,
    Path((_, id)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, ApiError> {
    let (visitor, id) = (posted.visitor, number(&id));
    let (writer, trail, workspace) = (app.clone(), visitor.trail.clone(), visitor.workspace());
    let sent = app.store().write(move |tx| replay_one(tx, &writer, &trail, workspace, id));
    sent.await?;
    Ok(see(&visitor.path(&format!("/deliveries/{id}?said=replay"))))
}
