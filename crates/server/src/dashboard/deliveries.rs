//! `/dashboard/{environment}/deliveries`: what became of events.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use vinculo_store::{DeliveryFilter, DeliveryState, PageRequest, WorkspaceId};

use super::form::Posted;
use super::page::{Pager, Shell, html, see, when};
use super::visitor::Visitor;
use crate::App;
use crate::api::page::PageQuery;
use crate::error::ApiError;
use crate::webhooks::{AttemptStatus, DeliveryStatus, one_delivery, replay_one};

/// How long before a try somebody waits for it.
const AT_HAND: SignedDuration = SignedDuration::from_mins(1);

#[derive(Template)]
#[template(path = "deliveries.html")]
struct DeliveriesPage {
    shell: Shell,
    deliveries: Vec<DeliveryStatus>,
    pager: Pager,
    /// States, and whether they are chosen.
    states: Vec<(&'static str, bool)>,
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
    said: Option<&'static str>,
}

/// A page of deliveries.
pub(super) async fn read(
    app: &App,
    workspace: WorkspaceId,
    filter: DeliveryFilter,
    request: PageRequest,
) -> Result<(i64, Vec<DeliveryStatus>), ApiError> {
    let found = app.store().read(move |tx| tx.deliveries(workspace, &filter, request)).await?;
    Ok((found.count, found.rows.iter().map(DeliveryStatus::of).collect()))
}

/// The deliveries, all or in one state.
pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let state = page.query.choice("status", DeliveryState::parse)?;
    let states = state.map(|state| vec![state]);
    let filter = DeliveryFilter { states, ..DeliveryFilter::default() };
    let (count, deliveries) = read(&app, visitor.workspace(), filter, page.request()).await?;
    let (shell, pager) = (visitor.shell("deliveries"), Pager::of(&page, count)?);
    let states = DeliveryState::ALL.iter().map(|it| (it.as_str(), Some(*it) == state)).collect();
    let filtered = state.is_some();
    html(&DeliveriesPage { shell, deliveries, pager, states, filtered })
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
    let w = visitor.language.words();
    let said = (page.query.get("said") == Some("replay")).then_some(w.replayed);
    let (shell, live) = (visitor.shell("deliveries"), is_at_hand(&app, &delivery));
    html(&DeliveryPage { shell, delivery, attempts, live, said })
}

/// Whether a delivery waits for a try that is at hand: a page that shows it renews itself.
pub(super) fn is_at_hand(app: &App, delivery: &DeliveryStatus) -> bool {
    let next = delivery.next_try_at.as_ref().and_then(|at| at.parse::<Timestamp>().ok());
    next.is_some_and(|next| next.duration_since(app.now()) < AT_HAND)
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
