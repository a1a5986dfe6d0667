//! `DELETE /api/links/{id}/`

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use vinculo_store::{AuditAction, Link, Tx};

use super::access::{self, hold};
use crate::App;
use crate::api::mode::{Accepted, Async};
use crate::api::query::PathId;
use crate::audit::{Entry, Trail};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::jobs::{Announcement, Webhook};
use crate::openapi::{IdInPath, ModeParams};
use crate::request_id::RequestId;

/// Removes a link, its credentials and every object derived from it (contract 3.3.8). With
/// `X-Belvo-Request-Mode: async` the answer is 202, and a webhook says that it is done.
#[utoipa::path(
    delete, path = "/api/links/{id}/", tag = "links", operation_id = "DestroyLink",
    params(IdInPath, ModeParams),
    responses(
        (status = 202, description = "Removed; a webhook says so too", body = Accepted),
        (status = 204, description = "Removed")
    )
)]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    Async(asynchronous): Async,
    Extension(RequestId(request_id)): Extension<RequestId>,
) -> Result<Response, ApiError> {
    let (workspace, trail, writer) = (caller.workspace.id, caller.trail, app.clone());
    app.store()
        .write(move |tx| {
            // A projection that is under way ends first, so that it leaves no object behind.
            let link = hold(tx, workspace, id)?;
            if asynchronous {
                // The deletion is quick enough to be done here: it cannot be lost on the way.
                let (key, secrets) = access::open(&writer, &link)?;
                let about = Announcement {
                    app: &writer,
                    link: &link,
                    key: &key,
                    external_id: secrets.external_id.as_deref(),
                    load: None,
                    request_id,
                };
                about.emit(tx, &Webhook::link_deleted())?;
            }
            remove(tx, &writer, &trail, &link)
        })
        .await?;
    if asynchronous {
        return Ok(Accepted::answer(Accepted::body(request_id)?));
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Removes, in a transaction, a link that [`hold`] has given.
///
/// # Errors
/// When the database fails.
pub(crate) fn remove(
    tx: &mut Tx<'_>,
    app: &App,
    trail: &Trail,
    link: &Link,
) -> Result<(), ApiError> {
    tx.delete_link(link.id, link.subject, app.now_micros())?;
    trail.note(tx, app, Entry::of(AuditAction::LinkDeleted).link(link))
}
