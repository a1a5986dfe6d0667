//! `GET /api/co/employments/`

use axum::extract::State;
use axum::response::Response;
use vinculo_store::Resource;

use crate::App;
use crate::api::objects;
use crate::api::page::PageQuery;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorItem};

/// Employments of a link, one object per employer, newest first (contract 3.4.1). Before the load
/// has finished the page is empty.
#[utoipa::path(
    get, path = "/api/co/employments/", tag = "employments",
    params(
        ("link" = Option<uuid::Uuid>, Query, description = "Link; required unless link__in, id or id__in is given"),
        ("link__in" = Option<String>, Query, description = "Several links"),
        ("id" = Option<uuid::Uuid>, Query, description = "One object"),
        ("id__in" = Option<String>, Query, description = "Several objects"),
        ("created_at" = Option<String>, Query, description = "Day; also __gt, __gte, __lt, __lte, __range"),
        ("fields" = Option<String>, Query, description = "Keys to show"),
        ("omit" = Option<String>, Query, description = "Keys not to show"),
        ("page" = Option<i64>, Query, description = "1-based page"),
        ("page_size" = Option<i64>, Query, description = "1 to 1000, 100 by default"),
    ),
    responses((status = 200, description = "A page"), (status = 400), (status = 401))
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let filter = objects::filter(&page)?;
    if filter.links.is_none() && filter.ids.is_none() {
        let item = ErrorItem::field("required", "link", "This field is required.");
        return Err(ApiError::bad_request(vec![item]));
    }
    objects::list(&app, &caller, Resource::Employments, filter, &page).await
}
