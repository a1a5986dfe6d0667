//! `GET /api/institutions/`

use axum::extract::State;
use axum::response::Response;

use super::Institution;
use crate::App;
use crate::api::page::PageQuery;
use crate::error::ApiError;
use crate::openapi::{Page, PageParams};
use crate::permit::{Permitted, ReadInstitutions};

type Institutions = Page<Institution>;

/// Which institutions are shown; all that are given must hold.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description; the query is read by name")]
pub(crate) struct InstitutionFilters {
    /// Name.
    name: Option<String>,
    /// Names.
    #[param(rename = "name__in", style = Form, explode = false)]
    names: Option<Vec<String>>,
    /// Part of the name for people, in any case.
    display_name: Option<String>,
    /// Country, two capitals.
    country_code: Option<String>,
    /// Countries.
    #[param(rename = "country_code__in", style = Form, explode = false)]
    country_codes: Option<Vec<String>>,
    /// `bank`, `fiscal` or `employment`.
    r#type: Option<String>,
    /// Several of them.
    #[param(rename = "type__in", style = Form, explode = false)]
    types: Option<Vec<String>>,
    /// `healthy` or `down`.
    status: Option<String>,
    /// Both.
    #[param(rename = "status__in", style = Form, explode = false)]
    statuses: Option<Vec<String>>,
    /// Address.
    website: Option<String>,
    /// Resources that it must have, all of them.
    #[param(rename = "resources__allin", style = Form, explode = false)]
    resources: Option<Vec<String>>,
}

/// The institutions a link can be made with (contract 3.2).
#[utoipa::path(
    get, path = "/api/institutions/", tag = "institutions", operation_id = "ListInstitutions",
    security(("keys" = []), ("widget" = [])),
    params(InstitutionFilters, PageParams),
    responses((status = 200, description = "A page", body = Institutions))
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Permitted<ReadInstitutions>,
    page: PageQuery,
) -> Result<Response, ApiError> {
    page.query.choices("status", |status| ["healthy", "down"].contains(&status).then_some(()))?;
    let pila = Institution::pila(&app, caller.workspace.environment);
    let matching = pila.matches(&page.query);
    let shown = (matching && page.request().offset == 0).then(|| serde_json::to_vec(&pila));
    page.answer(i64::from(matching), shown.transpose()?)
}
