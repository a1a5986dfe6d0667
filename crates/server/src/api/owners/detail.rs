//! `GET /api/owners/{id}/`

use axum::extract::{Path, State};
use axum::response::Response;
use vinculo_store::Resource;

use crate::App;
use crate::api::objects;
use crate::api::query::path_id;
use crate::auth::Caller;
use crate::error::ApiError;

/// One object by its id.
#[utoipa::path(
    get, path = "/api/owners/{id}/", tag = "owners",
    params(("id" = uuid::Uuid, Path, description = "Id of the object")),
    responses((status = 200), (status = 401), (status = 404))
)]
pub(crate) async fn detail(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    objects::detail(&app, &caller, Resource::Owners, path_id(&id)?).await
}
