//! `POST /manage/v1/imports/`

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::StatusCode;

use super::upload::upload;
use crate::App;
use crate::api::page::PageQuery;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorItem, item_of_status};
use crate::imports::{self, ImportStatus, ReceiveError, ReceivedFile, receive_file};

/// Takes a planilla or a payer record, as it is, in the body.
///
/// Checking and storing happen in the background; a file that is there already is answered with its first import.
#[utoipa::path(
    post, path = "/manage/v1/imports/", tag = "imports", operation_id = "CreateImport",
    params(
        ("name" = Option<String>, Query, description = "Name of the file, for people"),
        ("allow" = Option<String>, Query, description = "Rules about totals that may pass: header_payroll_total, header_total_contributors"),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 202, description = "Received", body = ImportStatus))
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    page: PageQuery,
    body: Body,
) -> Result<(StatusCode, Json<ImportStatus>), ApiError> {
    let allowed = page.query.list("allow").unwrap_or_default();
    let name = page.query.get("name").unwrap_or("upload");
    let file = ReceivedFile::new(name, &allowed).map_err(|error| {
        let item = ErrorItem::field("invalid_choice", "allow", error.to_string());
        ApiError::bad_request(vec![item])
    })?;
    let (contents, sent) = upload(body);
    let received = receive_file(&app, caller.workspace.id, file, contents);
    let (received, ()) = tokio::join!(received, sent);
    let (id, _) = received.map_err(refusal)?;
    let import = app.store().read(move |tx| tx.import(id)).await?;
    let import = import.ok_or_else(|| ApiError::unexpected("a received import is gone"))?;
    Ok((StatusCode::ACCEPTED, Json(imports::status(&app, &import)?)))
}

fn refusal(error: ReceiveError) -> ApiError {
    match error {
        ReceiveError::TooLarge => {
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            let item = item_of_status(status, &http::Method::POST);
            ApiError::status(status, item.code, item.message)
        }
        other => ApiError::unexpected(other),
    }
}
