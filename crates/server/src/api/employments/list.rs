//! `GET /api/co/employments/`

use axum::extract::State;
use axum::response::Response;
use vinculo_store::Resource;

use super::schema::Employments;
use crate::App;
use crate::api::objects;
use crate::api::page::PageQuery;
use crate::auth::Asking;
use crate::error::{ApiError, ErrorItem};
use crate::openapi::{CreatedParams, IdParams, LinkParams, PageParams, ShapeParams};

/// Employments of a link, one object per employer, newest first (contract 3.4.1).
///
/// Before the load has finished the page is empty. One of `link`, `link__in`, `id` and `id__in` must be given.
#[utoipa::path(
    get, path = "/api/co/employments/", tag = "employments", operation_id = "listEmploymentsColombia",
    params(LinkParams, IdParams, CreatedParams, ShapeParams, PageParams),
    responses((status = 200, description = "A page", body = Employments))
)]
pub(crate) async fn list(
    State(app): State<App>,
    asking: Asking,
    page: Result<PageQuery, ApiError>,
) -> Result<Response, ApiError> {
    let wanted = page.and_then(|page| {
        let filter = objects::filter(&page)?;
        if filter.links.is_none() && filter.ids.is_none() {
            let item = ErrorItem::field("required", "link", "This field is required.");
            return Err(ApiError::bad_request(vec![item]));
        }
        Ok((page, filter))
    });
    objects::list(&app, asking, Resource::Employments, wanted).await
}
