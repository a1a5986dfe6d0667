//! `GET /manage/v1/audit/export/`

use std::io;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::try_unfold;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use vinculo_store::{AuditAction, AuditFilter, WorkspaceId};

use super::{AuditFilters, bring_up_to_date, filter};
use crate::App;
use crate::api::page::PageQuery;
use crate::audit::{Entry, SLICE, Teller, ToldEntry};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::CreatedParams;

/// The audit log of the workspace as JSON Lines, oldest first, as it was when the export began. The
/// export is noted too.
#[utoipa::path(
    get, path = "/manage/v1/audit/export/", tag = "audit", operation_id = "ExportAudit",
    params(AuditFilters, CreatedParams),
    responses((
        status = 200, description = "One entry a line",
        body = ToldEntry, content_type = "application/x-ndjson"
    ))
)]
pub(crate) async fn export(
    State(app): State<App>,
    caller: Caller,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let filter = filter(&page.query)?;
    let (trail, writer) = (caller.trail, app.clone());
    let entry = Entry::of(AuditAction::AuditExported);
    app.store().write(move |tx| trail.note(tx, &writer, entry)).await?;
    bring_up_to_date(&app).await?;
    let walk = Walk { app, workspace: caller.workspace.id, filter, after: Some(0) };
    let body = Body::from_stream(try_unfold(walk, Walk::next));
    let mut response = body.into_response();
    let lines = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(CONTENT_TYPE, lines);
    Ok(response)
}

/// Where a walk through the log has come to. The next slice is read when the client has taken the
/// last.
struct Walk {
    app: App,
    workspace: WorkspaceId,
    filter: AuditFilter,
    /// `None` after the last slice.
    after: Option<i64>,
}

impl Walk {
    async fn next(self) -> io::Result<Option<(Vec<u8>, Self)>> {
        let Some(after) = self.after else { return Ok(None) };
        // The answer has begun; the client sees that it is cut off.
        self.slice(after).await.map_err(|error| {
            tracing::error!(cause = error.cause(), "an export of the audit log is cut off");
            io::Error::other("the export failed")
        })
    }

    async fn slice(self, after: i64) -> Result<Option<(Vec<u8>, Self)>, ApiError> {
        let (workspace, filter) = (Some(self.workspace), self.filter.clone());
        let read = self
            .app
            .store()
            .read(move |tx| tx.audit_entries_after(workspace, &filter, after, SLICE));
        let slice = read.await?;
        let after = slice.last().map(|last| last.id).filter(|_| slice.len() as i64 == SLICE);
        let lines = Teller::new(&self.app)?.lines(slice)?;
        Ok(Some((lines, Self { after, ..self })))
    }
}
