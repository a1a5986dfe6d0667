//! `/manage/v1/events/`: what happened.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use utoipa::IntoParams;
use vinculo_store::{DeliveryState, EventFilter};

use crate::App;
use crate::api::page::PageQuery;
use crate::api::query::{PathId, Query};
use crate::api::span;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::{CreatedParams, IdInPath, LinkParams, Page, PageParams};
use crate::webhooks::{ALL_TYPES, EventStatus, one_event};

type Events = Page<EventStatus>;

/// What an event is.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description; the query is read by name")]
pub(super) struct TypeParams {
    /// Of this type: `EMPLOYMENTS`, `OWNERS`, `LINK`, `COHORT`, `TEST` or `ENDPOINT`.
    #[param(example = "EMPLOYMENTS")]
    webhook_type: Option<String>,
    /// Of these types.
    #[param(rename = "webhook_type__in", style = Form, explode = false)]
    webhook_types: Option<Vec<String>>,
}

/// What became of an event.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description; the query is read by name")]
pub(super) struct StateParams {
    /// With a delivery that is `pending`, `delivered`, `failed` or `cancelled`.
    #[param(example = "failed")]
    status: Option<String>,
    /// With a delivery in one of these states.
    #[param(rename = "status__in", style = Form, explode = false)]
    statuses: Option<Vec<String>>,
}

/// The filters that a query names, but for those of [`StateParams`], which mean deliveries in a list of those.
pub(super) fn filter(query: &Query) -> Result<EventFilter, ApiError> {
    Ok(EventFilter {
        id: None,
        links: query.ids("link")?,
        types: query.choices("webhook_type", known_type)?,
        created: span::created(query)?,
        with_delivery: None,
    })
}

/// The type that is written so.
fn known_type(text: &str) -> Option<String> {
    ALL_TYPES.contains(&text).then(|| text.to_owned())
}

/// Events of the workspace, newest first, without their bodies.
#[utoipa::path(
    get, path = "/manage/v1/events/", tag = "webhooks", operation_id = "ListEvents",
    params(StateParams, LinkParams, TypeParams, CreatedParams, PageParams),
    responses((status = 200, description = "A page", body = Events))
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let with_delivery = page.query.choices("status", DeliveryState::parse)?;
    let filter = EventFilter { with_delivery, ..filter(&page.query)? };
    let (workspace, request) = (caller.workspace.id, page.request());
    let read = app.store().read(move |tx| {
        let found = tx.events(workspace, &filter, request)?;
        let ids: Vec<_> = found.rows.iter().map(|event| event.id).collect();
        let states = tx.delivery_states(workspace, &ids)?;
        Ok::<_, ApiError>((found, states))
    });
    let (found, states) = read.await?;
    let shown = found.rows.iter().map(|event| serde_json::to_vec(&EventStatus::of(event, &states)));
    page.answer(found.count, shown.collect::<Result<Vec<_>, _>>()?)
}

/// One event with its body.
#[utoipa::path(
    get, path = "/manage/v1/events/{id}/", tag = "webhooks", operation_id = "DetailEvent",
    params(IdInPath),
    responses((status = 200, description = "The event", body = EventStatus))
)]
pub(crate) async fn detail(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<EventStatus>, ApiError> {
    let secrets = app.secrets(caller.workspace.id)?;
    Ok(Json(one_event(&app, &caller.trail, &secrets, id).await?))
}
