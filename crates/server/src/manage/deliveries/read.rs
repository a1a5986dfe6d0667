//! `GET /manage/v1/deliveries/`, `…/{id}/`

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use utoipa::IntoParams;
use uuid::Uuid;
use vinculo_store::{DeliveryFilter, DeliveryState};

use crate::App;
use crate::api::page::PageQuery;
use crate::api::query::{PathNumber, Query, parse_id};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::manage::events::{self, TypeParams};
use crate::openapi::{CreatedParams, LinkParams, NumberInPath, Page, PageParams};
use crate::webhooks::{DeliveryStatus, one_delivery};

type Deliveries = Page<DeliveryStatus>;

/// Where a delivery goes and how far it has come.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description; the query is read by name")]
pub(crate) struct DeliveryParams {
    /// Of this event.
    event: Option<Uuid>,
    /// To this endpoint.
    endpoint: Option<Uuid>,
    /// To these endpoints.
    #[param(rename = "endpoint__in", style = Form, explode = false)]
    endpoints: Option<Vec<Uuid>>,
    /// `pending`, `delivered`, `failed` or `cancelled`.
    #[param(example = "failed")]
    status: Option<String>,
    /// With one of these.
    #[param(rename = "status__in", style = Form, explode = false)]
    statuses: Option<Vec<String>>,
}

/// Deliveries of the workspace, those of the newest event first; `created_at` is the event's.
#[utoipa::path(
    get, path = "/manage/v1/deliveries/", tag = "webhooks", operation_id = "ListDeliveries",
    params(DeliveryParams, LinkParams, TypeParams, CreatedParams, PageParams),
    responses((status = 200, description = "A page, without the tries", body = Deliveries))
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let filter = filter(&page.query)?;
    let (workspace, request) = (caller.workspace.id, page.request());
    let found = app.store().read(move |tx| tx.deliveries(workspace, &filter, request)).await?;
    let shown = found.rows.iter().map(|row| serde_json::to_vec(&DeliveryStatus::of(row)));
    page.answer(found.count, shown.collect::<Result<Vec<_>, _>>()?)
}

/// The filters that a query names.
pub(super) fn filter(query: &Query) -> Result<DeliveryFilter, ApiError> {
    let mut filter = DeliveryFilter {
        endpoints: query.ids("endpoint")?,
        states: query.choices("status", DeliveryState::parse)?,
        events: events::filter(query)?,
        ..DeliveryFilter::default()
    };
    filter.events.id = query.get("event").map(|id| parse_id("event", id)).transpose()?;
    Ok(filter)
}

/// One delivery with every try, and what was answered to it.
#[utoipa::path(
    get, path = "/manage/v1/deliveries/{id}/", tag = "webhooks", operation_id = "DetailDelivery",
    params(NumberInPath),
    responses((status = 200, description = "The delivery", body = DeliveryStatus))
)]
pub(crate) async fn detail(
    State(app): State<App>,
    caller: Caller,
    PathNumber(id): PathNumber,
) -> Result<Json<DeliveryStatus>, ApiError> {
    let secrets = app.secrets(caller.workspace.id)?;
    Ok(Json(one_delivery(&app, &caller.trail, &secrets, id).await?))
}
