//! `DELETE /api/links/{id}/`

use axum::extract::State;
use http::StatusCode;

use crate::App;
use crate::api::query::PathId;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::IdInPath;

/// Removes a link, its credentials and every object derived from it (contract 3.3.8).
#[utoipa::path(
    delete, path = "/api/links/{id}/", tag = "links", operation_id = "DestroyLink",
    params(IdInPath),
    responses((status = 204, description = "Removed"))
)]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<StatusCode, ApiError> {
    let (workspace, id) = (caller.workspace.id, id);
    app.store()
        .write(move |tx| {
            let link = tx.link(workspace, id)?.ok_or_else(ApiError::not_found)?;
            // A projection that is under way ends first, so that it leaves no object behind.
            tx.lock_subject(link.subject)?;
            tx.delete_link(link.id, link.subject)?;
            Ok::<_, ApiError>(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
