//! `GET /api/owners/{id}/`

use axum::extract::{RawQuery, State};
use axum::response::Response;
use vinculo_store::Resource;

use super::schema::Owner;
use crate::App;
use crate::api::objects;
use crate::api::query::PathId;
use crate::auth::Asking;
use crate::error::ApiError;
use crate::openapi::{IdInPath, Partial, ShapeParams};

type Shown = Partial<Owner>;

/// One object by its id.
#[utoipa::path(
    get, path = "/api/owners/{id}/", tag = "owners", operation_id = "DetailOwner",
    params(IdInPath, ShapeParams),
    responses((status = 200, description = "The object", body = Shown))
)]
pub(crate) async fn detail(
    State(app): State<App>,
    asking: Asking,
    id: Result<PathId, ApiError>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    objects::detail(&app, asking, Resource::Owners, id, query.as_deref()).await
}
