//! `GET /manage/v1/consents/{id}/`

use axum::Json;
use axum::extract::State;
use vinculo_store::AuditAction;

use super::wire::WireConsent;
use crate::App;
use crate::api::query::PathId;
use crate::audit::Entry;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::IdInPath;

/// One consent by its id.
#[utoipa::path(
    get, path = "/manage/v1/consents/{id}/", tag = "consents", operation_id = "DetailConsent",
    params(IdInPath),
    responses((status = 200, description = "The consent", body = WireConsent))
)]
pub(crate) async fn detail(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<WireConsent>, ApiError> {
    let (workspace, reader) = (caller.workspace.id, app.clone());
    let read = app.store().read(move |tx| {
        let consent = tx.consent(workspace, id)?.ok_or_else(ApiError::not_found)?;
        let told = WireConsent::read(tx, &reader, &consent)?;
        Ok::<_, ApiError>((consent.subject, told))
    });
    let (person, told) = read.await?;
    let entry = Entry::of(AuditAction::ConsentsRead).person(person).object(id);
    caller.trail.read_one(&app, entry).await?;
    Ok(Json(told))
}
