//! `GET /api/institutions/`

use axum::response::Response;

use super::Institution;
use crate::api::page::PageQuery;
use crate::error::ApiError;
use crate::permit::{Permitted, ReadInstitutions};

/// The institutions a link can be made with (contract 3.2).
#[utoipa::path(
    get, path = "/api/institutions/", tag = "institutions",
    params(
        ("name" = Option<String>, Query, description = "Also __in"),
        ("display_name" = Option<String>, Query, description = "Part of the name, any case"),
        ("country_code" = Option<String>, Query, description = "Also __in"),
        ("type" = Option<String>, Query, description = "bank, fiscal or employment; also __in"),
        ("status" = Option<String>, Query, description = "healthy or down; also __in"),
        ("website" = Option<String>, Query, description = "Exact address"),
        ("resources__allin" = Option<String>, Query, description = "Resources it must have"),
        ("page" = Option<i64>, Query, description = "1-based page"),
        ("page_size" = Option<i64>, Query, description = "1 to 1000, 100 by default"),
    ),
    responses((status = 200, description = "A page", body = Vec<Institution>), (status = 401))
)]
pub(crate) async fn list(
    _caller: Permitted<ReadInstitutions>,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let pila = Institution::pila();
    let matching = pila.matches(&page.query);
    let shown = (matching && page.request().offset == 0).then(|| serde_json::to_vec(&pila));
    page.answer(i64::from(matching), shown.transpose()?)
}
