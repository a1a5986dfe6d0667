//! `GET /api/owners/`

use axum::extract::State;
use axum::response::Response;
use vinculo_store::Resource;

use super::schema::{OwnerFilters, Owners};
use super::search;
use crate::App;
use crate::api::objects;
use crate::api::page::PageQuery;
use crate::auth::Asking;
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
    asking: Asking,
    page: Result<PageQuery, ApiError>,
) -> Result<Response, ApiError> {
    let searched = page.and_then(|page| {
        let (filter, wanted) = (objects::filter(&page)?, search::Wanted::of(&page.query)?);
        Ok((page, filter, wanted))
    });
    match searched {
        Ok((page, filter, Some(wanted))) => {
            let caller = asking.read_briefly(&app, |_, caller| Ok(caller)).await?;
            search::list(&app, &caller, filter, &wanted, &page).await
        }
        others => {
            let wanted = others.map(|(page, filter, _)| (page, filter));
            objects::list(&app, asking, Resource::Owners, wanted).await
        }
    }
}
