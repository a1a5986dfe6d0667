//! `GET /api/owners/`

use axum::extract::State;
use axum::response::Response;
use vinculo_store::Resource;

use super::schema::{OwnerFilters, Owners};
use super::search;
use crate::App;
use crate::api::objects;
use crate::api::page::PageQuery;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::{CreatedParams, IdParams, LinkParams, PageParams, ShapeParams};

/// Owners, newest first (contract 3.5); all of the workspace when no link is named.
#[utoipa::path(
    get, path = "/api/owners/", tag = "owners", operation_id = "ListOwners",
    params(OwnerFilters, LinkParams, IdParams, CreatedParams, ShapeParams, PageParams),
    responses((status = 200, description = "A page", body = Owners))
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let filter = objects::filter(&page)?;
    if let Some(wanted) = search::Wanted::of(&page.query)? {
        return search::list(&app, &caller, filter, &wanted, &page).await;
    }
    objects::list(&app, &caller, Resource::Owners, filter, &page).await
}
