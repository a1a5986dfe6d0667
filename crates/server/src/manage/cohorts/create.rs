//! `POST /manage/v1/cohorts/`

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use vinculo_store::WorkspaceId;

use crate::App;
use crate::api::page::PageQuery;
use crate::auth::Caller;
use crate::cohorts::{self, CohortStatus, CohortTerms, ReceivedCohort};
use crate::error::ApiError;
use crate::manage::imports::upload;
use crate::once::Once;
use crate::openapi::{File, OnceParams};

/// Takes people as a CSV file, and makes a link of each in the background.
///
/// The header names `document` and whatever rows may say for themselves: `document_type`,
/// `external_id`, `access_mode`, `fetch_resources`, `credentials_storage`, `stale_in`. A parameter of
/// such a name holds for the rows that say nothing. A file whose structure is wrong is refused whole;
/// a row that says something wrong is `invalid`, and the others go on.
#[utoipa::path(
    post, path = "/manage/v1/cohorts/", tag = "cohorts", operation_id = "CreateCohort",
    params(
        ("webhooks" = Option<String>, Query, description = "`each` (the default): every link raises its webhooks; `end`: the end of the cohort alone is told"),
        ("document_type" = Option<String>, Query, description = "As `username_type` of a registration"),
        ("access_mode" = Option<String>, Query, description = "As for a registration"),
        ("fetch_resources" = Option<String>, Query, description = "As for a registration, with commas"),
        ("credentials_storage" = Option<String>, Query, description = "As for a registration"),
        ("stale_in" = Option<String>, Query, description = "As for a registration"),
        OnceParams,
    ),
    request_body(content = inline(File), content_type = "text/csv"),
    responses(
        (status = 202, description = "Received", body = CohortStatus),
        (status = 400, description = "Invalid parameters, or a file whose structure is wrong"),
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    page: PageQuery,
    once: Once,
    body: Body,
) -> Result<Response, ApiError> {
    let given = page.query.pairs().iter();
    let terms = CohortTerms::read(given.map(|(name, value)| (name.as_str(), value.as_str())))?;
    let received = receive(&app, caller.workspace.id, terms, body).await?;
    // The file itself went by: its digest stands for it.
    let attempt = once.of(&app, &caller, &received.sha256)?;
    let (writer, trail) = (app.clone(), caller.trail);
    let begin = move |tx: &mut vinculo_store::Tx<'_>| received.begin(tx, &writer, &trail);
    let answer = attempt.write(&app, StatusCode::ACCEPTED, begin).await;
    // A repeat was answered from what is kept.
    received.drop_unbegun(&app).await?;
    answer
}

/// Reads a body to its end and stores its rows.
///
/// # Errors
/// As for [`cohorts::receive`].
pub(crate) async fn receive(
    app: &App,
    workspace: WorkspaceId,
    terms: CohortTerms,
    body: Body,
) -> Result<ReceivedCohort, ApiError> {
    let (contents, sent) = upload(body);
    let received = cohorts::receive(app, workspace, terms, contents);
    let (received, ()) = tokio::join!(received, sent);
    received
}
