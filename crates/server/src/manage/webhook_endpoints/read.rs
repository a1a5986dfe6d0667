//! `GET /manage/v1/webhook-endpoints/`, and one of them: `GET` and `DELETE`.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::App;
use crate::api::page::PageQuery;
use crate::api::query::PathId;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::{IdInPath, Page, PageParams};
use crate::webhooks::{self, EndpointStatus};

type Endpoints = Page<EndpointStatus>;

/// Endpoints of the workspace, newest first.
#[utoipa::path(
    get, path = "/manage/v1/webhook-endpoints/", tag = "webhooks",
    operation_id = "ListWebhookEndpoints",
    params(PageParams),
    responses((status = 200, description = "A page", body = Endpoints))
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let (workspace, request) = (caller.workspace.id, page.request());
    let found = app.store().read(move |tx| tx.endpoints(workspace, request)).await?;
    let (secrets, now) = (app.secrets(workspace)?, app.now_micros());
    let shown = found.rows.iter().map(|endpoint| {
        Ok::<_, ApiError>(serde_json::to_vec(&EndpointStatus::of(&secrets, endpoint, now)?)?)
    });
    page.answer(found.count, shown.collect::<Result<Vec<_>, _>>()?)
}

/// One endpoint.
#[utoipa::path(
    get, path = "/manage/v1/webhook-endpoints/{id}/", tag = "webhooks",
    operation_id = "DetailWebhookEndpoint",
    params(IdInPath),
    responses((status = 200, description = "The endpoint", body = EndpointStatus))
)]
pub(crate) async fn detail(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<EndpointStatus>, ApiError> {
    let workspace = caller.workspace.id;
    let endpoint = app.store().read(move |tx| tx.endpoint(workspace, id)).await?;
    let endpoint = endpoint.ok_or_else(ApiError::not_found)?;
    Ok(Json(EndpointStatus::of(&*app.secrets(workspace)?, &endpoint, app.now_micros())?))
}

/// Removes an endpoint and its secrets. What waits for it is cancelled; its deliveries can still be
/// looked up.
#[utoipa::path(
    delete, path = "/manage/v1/webhook-endpoints/{id}/", tag = "webhooks",
    operation_id = "DeleteWebhookEndpoint",
    params(IdInPath),
    responses((status = 204, description = "Removed"))
)]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<StatusCode, ApiError> {
    let secrets = app.secrets(caller.workspace.id)?;
    webhooks::delete(&app, caller.trail, &secrets, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
