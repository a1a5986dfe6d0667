//! `GET /manage/v1/keys/`

use axum::extract::State;
use axum::response::Response;

use crate::App;
use crate::api::page::PageQuery;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::keys::KeyStatus;
use crate::openapi::{Page, PageParams};

type Keys = Page<KeyStatus>;

/// Keys of the workspace, newest first, without those that were revoked.
#[utoipa::path(
    get, path = "/manage/v1/keys/", tag = "keys", operation_id = "ListKeys",
    params(PageParams),
    responses((status = 200, description = "A page", body = Keys))
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let (workspace, request, now) = (caller.workspace.id, page.request(), app.now_micros());
    let found = app.store().read(move |tx| tx.api_keys(workspace, request)).await?;
    let shown = found
        .rows
        .iter()
        .map(|key| Ok::<_, ApiError>(serde_json::to_vec(&KeyStatus::of(key, now)?)?));
    page.answer(found.count, shown.collect::<Result<Vec<_>, _>>()?)
}
