//! `GET /api/institutions/`

use axum::response::Response;

use super::Institution;
use crate::api::page::PageQuery;
use crate::auth::Caller;
use crate::error::ApiError;

/// The institutions a link can be made with.
#[utoipa::path(
    get, path = "/api/institutions/", tag = "institutions",
    params(
        ("page" = Option<i64>, Query, description = "1-based page"),
        ("page_size" = Option<i64>, Query, description = "1 to 1000, 100 by default"),
    ),
    responses((status = 200, description = "A page", body = Vec<Institution>), (status = 401))
)]
pub(crate) async fn list(_caller: Caller, page: PageQuery) -> Result<Response, ApiError> {
    let request = page.request();
    let shown = (request.offset == 0).then(|| serde_json::to_vec(&Institution::pila()));
    page.answer(1, shown.transpose()?)
}
