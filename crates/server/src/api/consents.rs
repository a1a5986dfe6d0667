//! Consents of Brazil's open finance (contract 3.7): clients may ask, Colombia has none.

use axum::response::Response;

use crate::api::page::PageQuery;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::{Nothing, Page, PageParams};

type Consents = Page<Nothing>;

/// Always an empty page.
#[utoipa::path(
    get, path = "/api/consents/", tag = "consents", operation_id = "ListConsents",
    params(PageParams),
    responses((status = 200, description = "An empty page", body = Consents))
)]
pub(crate) async fn list(_caller: Caller, page: PageQuery) -> Result<Response, ApiError> {
    page.answer(0, Vec::<Vec<u8>>::new())
}
