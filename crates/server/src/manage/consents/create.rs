//! `POST /manage/v1/consents/`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::wanted::{self, NewConsent};
use super::wire::{self, WireConsent};
use crate::App;
use crate::api::body::JsonObject;
use crate::api::page::json;
use crate::auth::Caller;
use crate::consents::{self, Given, Grant};
use crate::error::ApiError;
use crate::once::{Claim, Once};
use crate::openapi::OnceParams;

/// Records a consent of a person, and adds its receipt to the chain of the workspace.
///
/// The person need not be known yet. After a revocation, what is known of the person can be read
/// again as far as the new consent goes.
#[utoipa::path(
    post, path = "/manage/v1/consents/", tag = "consents", operation_id = "RecordConsent",
    request_body = NewConsent,
    params(OnceParams),
    responses((status = 201, description = "The consent", body = WireConsent))
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    once: Once,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let grant = wanted::grant(&body, app.now())?;
    let attempt = once.of(&app, &caller, body.raw())?;
    attempt.run(|claim| record(app, caller, grant, claim)).await
}

async fn record(
    app: App,
    caller: Caller,
    grant: Grant,
    claim: Claim,
) -> Result<Response, ApiError> {
    let secrets = app.secrets(caller.workspace.id)?;
    let (_, offered) = app.all_secrets().vault().new_data_key()?;
    let given = Given { consent: app.uuid().map_err(ApiError::unexpected)?, grant };
    let writer = app.clone();
    let body = app.store().write(move |tx| {
        let noted = (&given, &caller.trail);
        let consent = consents::grant(tx, &writer, &secrets, noted, &offered)?;
        wire::written(tx, &writer, &consent, &claim, StatusCode::CREATED)
    });
    Ok(json(StatusCode::CREATED, body.await?))
}
