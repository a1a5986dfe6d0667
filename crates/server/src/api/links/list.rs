//! `GET /api/links/`

use axum::extract::State;
use axum::response::Response;
use vinculo_store::{AccessMode, LinkFilter, LinkStatus};

use super::wire;
use crate::App;
use crate::api::page::PageQuery;
use crate::auth::Caller;
use crate::error::ApiError;

/// Links of the workspace, newest first (contract 3.3.2).
#[utoipa::path(
    get, path = "/api/links/", tag = "links",
    params(
        ("id" = Option<uuid::Uuid>, Query, description = "One link"),
        ("id__in" = Option<String>, Query, description = "Several links"),
        ("institution" = Option<String>, Query, description = "Institution name"),
        ("access_mode" = Option<String>, Query, description = "single or recurrent"),
        ("status" = Option<String>, Query, description = "valid, invalid, unconfirmed or token_required"),
        ("external_id" = Option<String>, Query, description = "Your reference"),
        ("institution_user_id" = Option<String>, Query, description = "Pseudonym of the person"),
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
    let secrets = app.secrets(caller.workspace.id)?;
    let query = &page.query;
    let filter = LinkFilter {
        ids: query.ids("id")?,
        institution: query.text("institution")?,
        access_mode: query.choice("access_mode", AccessMode::parse)?,
        status: query.choice("status", LinkStatus::parse)?,
        institution_user_id: query.text("institution_user_id")?,
        external_index: query.get("external_id").map(|id| secrets.indexes().external_id(id)),
    };
    let (workspace, request) = (caller.workspace.id, page.request());
    let found = app.store().read(move |tx| tx.links(workspace, &filter, request)).await?;
    let vault = app.all_secrets().vault();
    let documents =
        found.rows.iter().map(|link| wire::document(vault, link)).collect::<Result<Vec<_>, _>>()?;
    page.answer(found.count, documents)
}
