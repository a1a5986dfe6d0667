//! `GET /api/owners/`

use axum::extract::State;
use axum::response::Response;
use vinculo_store::Resource;

use super::schema::Owners;
use crate::App;
use crate::api::objects;
use crate::api::page::PageQuery;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::{CreatedParams, IdParams, LinkParams, PageParams, ShapeParams};

/// Owners, newest first (contract 3.5); all of the workspace when no link is named.
#[utoipa::path(
    get, path = "/api/owners/", tag = "owners", operation_id = "ListOwners",
    params(LinkParams, IdParams, CreatedParams, ShapeParams, PageParams),
    responses((status = 200, description = "A page", body = Owners))
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let filter = objects::filter(&page)?;
    objects::list(&app, &caller, Resource::Owners, filter, &page).await
}
