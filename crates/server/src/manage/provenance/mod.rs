//! `GET /manage/v1/employments/{id}/provenance/`: which lines of which source made each month. Money
//! here is a reconstruction, and must say so.

mod told;
mod wire;

use axum::Json;
use axum::extract::State;
use uuid::Uuid;
use vinculo_store::{AuditAction, Resource, SubjectId, Tx, WorkspaceId};

use crate::App;
use crate::api::objects;
use crate::api::query::PathId;
use crate::audit::{Entry, Trail};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::IdInPath;
use crate::projection::{Person, object_context, project_traced};

use told::{StoredEmployment, Telling};
use wire::EmploymentProvenance;

/// Which lines of planillas and of operators' answers made each month of an employment, those included that do not count.
///
/// It is made while the request waits; `matches_employment` says whether that gives what the employment shows.
#[utoipa::path(
    get, path = "/manage/v1/employments/{id}/provenance/", tag = "employments", operation_id = "EmploymentProvenance",
    params(IdInPath),
    responses((status = 200, description = "Where it comes from", body = EmploymentProvenance))
)]
pub(crate) async fn provenance(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<EmploymentProvenance>, ApiError> {
    Ok(Json(read(&app, &caller.trail, caller.workspace.id, id).await?))
}

/// Where an employment comes from, about to be shown.
///
/// # Errors
/// 404 when there is none, and when it cannot be noted.
pub(crate) async fn read(
    app: &App,
    trail: &Trail,
    workspace: WorkspaceId,
    id: Uuid,
) -> Result<EmploymentProvenance, ApiError> {
    let reader = app.clone();
    let told = app.store().read(move |tx| tell(tx, &reader, workspace, id)).await?;
    let (person, told) = told.ok_or_else(ApiError::not_found)?;
    let entry = Entry::of(AuditAction::ProvenanceRead).person(person).new_link(told.link);
    trail.read_one(app, entry.object(id)).await?;
    Ok(told)
}

fn tell(
    tx: &mut Tx<'_>,
    app: &App,
    workspace: WorkspaceId,
    id: Uuid,
) -> Result<Option<(SubjectId, EmploymentProvenance)>, ApiError> {
    let resource = Resource::Employments;
    let Some(found) = tx.traced_object(resource, workspace, id)? else { return Ok(None) };
    objects::refuse_withheld(&found.object)?;
    let key = app.all_secrets().vault().unwrap_key(&found.object.key)?;
    let document = key.open(object_context(resource, id), &found.object.sealed)?;
    let stored: StoredEmployment = serde_json::from_slice(&document)?;
    let person = Person { workspace, subject: found.object.subject, key: &key };
    let traced = project_traced(tx, app, &person)?;
    let secrets = app.secrets(workspace)?;
    let of_payer = traced.projection.employments.iter().find(|employment| {
        let payer = &employment.payer;
        secrets.indexes().payer(payer.kind.code(), &payer.number) == found.index
    });
    let telling = Telling::new(tx, workspace, &traced, &stored)?;
    Ok(Some((person.subject, telling.tell(of_payer, app.now_micros())?)))
}
