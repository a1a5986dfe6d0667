//! `GET /manage/v1/cohorts/{id}/results/`

use std::io;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::try_unfold;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use uuid::Uuid;
use vinculo_store::{AuditAction, CohortId, WorkspaceId};

use crate::App;
use crate::api::query::PathId;
use crate::audit::{Entry, Trail};
use crate::auth::Caller;
use crate::cohorts::{RESULT_HEADER, SLICE, result_lines};
use crate::error::ApiError;
use crate::openapi::{File, IdInPath};

/// What became of each row so far: its line in the file, its state, its link, and why there is none.
/// The line stands for the person; neither documents nor references are repeated.
#[utoipa::path(
    get, path = "/manage/v1/cohorts/{id}/results/", tag = "cohorts", operation_id = "CohortResults",
    params(IdInPath),
    responses((
        status = 200, description = "One row a line, after a header",
        body = inline(File), content_type = "text/csv"
    ))
)]
pub(crate) async fn results(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    download(&app, &caller.trail, caller.workspace.id, id).await
}

/// The results of a cohort as a file.
///
/// # Errors
/// 404 when there is none, and when it cannot be noted.
pub(crate) async fn download(
    app: &App,
    trail: &Trail,
    workspace: WorkspaceId,
    id: Uuid,
) -> Result<Response, ApiError> {
    let cohort = app.store().read(move |tx| tx.cohort(workspace, id)).await?;
    let cohort = cohort.ok_or_else(ApiError::not_found)?;
    let entry = Entry::of(AuditAction::CohortsRead).object(id).objects(cohort.counts.total);
    trail.read_one(app, entry).await?;
    let walk = Walk { app: app.clone(), cohort: cohort.id, after: Some(0), begun: false };
    let mut response = Body::from_stream(try_unfold(walk, Walk::next)).into_response();
    let csv = HeaderValue::from_static("text/csv; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, csv);
    Ok(response)
}

/// Where a walk through the rows has come to. The next slice is read when the client has taken the
/// last.
struct Walk {
    app: App,
    cohort: CohortId,
    /// `None` after the last slice.
    after: Option<i64>,
    begun: bool,
}

impl Walk {
    async fn next(self) -> io::Result<Option<(String, Self)>> {
        let Some(after) = self.after else { return Ok(None) };
        let cohort = self.cohort;
        let read = self.app.store().read(move |tx| tx.cohort_results(cohort, after, SLICE));
        // The answer has begun; the client sees that it is cut off.
        let slice = read.await.map_err(|error| {
            tracing::error!(%error, "the results of a cohort are cut off");
            io::Error::other("the results are cut off")
        })?;
        let after = slice.last().map(|last| last.line).filter(|_| slice.len() as i64 == SLICE);
        let header = if self.begun { "" } else { RESULT_HEADER };
        let lines = format!("{header}{}", result_lines(&slice));
        Ok(Some((lines, Self { after, begun: true, ..self })))
    }
}
