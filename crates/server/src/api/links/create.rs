//! `POST /api/links/`: accept or refuse a person, answer with a link, load in the background.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use uuid::Uuid;

use super::check::{Checked, Reuse};
use super::registration::{Admission, Registration};
use super::schema::{AccessMode as ModeName, Link, ResourceName};
use super::wanted::Wanted;
use crate::App;
use crate::api::body::JsonObject;
use crate::api::page::json;
use crate::consents::Given;
use crate::error::ApiError;
use crate::once::{About, Claim, Once};
use crate::openapi::{OnceParams, WishParams};
use crate::permit::{Permit, Permitted, WriteLinks};
use crate::request_id::RequestId;
use crate::sandbox::Wish;
use crate::sources::Deadlines;

// Source: contract 3.3.3.
/// The request. Further keys are ignored.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({
    "institution": "pila_co_employment", "username": "1999000002", "access_mode": "single",
    "fetch_resources": ["EMPLOYMENTS", "OWNERS"], "external_id": "user-00042"
}))]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(crate) struct RegisterLink {
    /// `pila_co_employment`.
    #[schema(pattern = "^pila_co_employment$")]
    institution: String,
    /// Number of the person's document; dots, spaces and dashes are dropped.
    username: String,
    /// Kind of the document: `001` cédula de ciudadanía (the default), `002` cédula de extranjería,
    /// `003` passport, `004` tarjeta de identidad, `PT`, `PE`. Codes of other countries, such
    /// as `101`, mean the default.
    #[schema(pattern = "^(0*[1-4]|[1-9][0-9]{2}|CC|CE|PA|TI|PT|PE)$")]
    username_type: Option<String>,
    /// `EMPLOYMENTS`, `OWNERS` or both.
    fetch_resources: Option<Vec<ResourceName>>,
    /// `single` or `recurrent` (the default).
    access_mode: Option<ModeName>,
    /// Your own reference, 3 to 256 characters; stored as null when it looks like personal data.
    #[schema(min_length = 3, max_length = 256)]
    external_id: Option<String>,
    /// How long the document is stored: `store`, `nostore`, or `1d` to `365d`; immutable.
    #[schema(pattern = "^(store|nostore|\\d{1,3}d)$")]
    credentials_storage: Option<String>,
    /// How long what was loaded is kept after the last contact with the source, such as `90d`; a year when not given.
    #[schema(pattern = "^\\d{1,3}d$")]
    stale_in: Option<String>,
}

/// Registers a link.
///
/// The institution is asked about the person before the answer; then each resource is loaded in the
/// background, and the webhooks are called.
#[utoipa::path(
    post, path = "/api/links/", tag = "links", operation_id = "RegisterLink",
    security(("keys" = []), ("widget" = [])),
    request_body = RegisterLink,
    params(OnceParams, WishParams),
    responses(
        (status = 201, description = "The link", body = Link),
        (status = 400, description = "Invalid fields, or refused by the institution"),
        (status = 503, description = "The workspace asks for more than can be done, or the database does not answer; \
            `Retry-After` says when to come back, seconds"),
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Permitted<WriteLinks>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    once: Once,
    wish: Wish,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let attempt = once.of(&app, &caller, body.raw())?;
    let permit = caller.into_permit();
    attempt
        .run(|claim| async move {
            let (_, body) = register(app, (permit, None), request_id, claim, (wish, body)).await?;
            Ok(json(StatusCode::CREATED, body))
        })
        .await
}

/// Asks about a person and makes the link. With a consent that is being given the source is asked
/// under it, and it is recorded with the link. Answers id and body of the link.
///
/// # Errors
/// As the operation; 503 when the workspace asks for more than can be done.
pub(crate) async fn register(
    app: App,
    (permit, given): (Permit, Option<Given>),
    request_id: Uuid,
    claim: Claim,
    (wish, body): (Wish, JsonObject),
) -> Result<(Uuid, Vec<u8>), ApiError> {
    let _place = app.limits().registration(permit.workspace.id, app.now_micros())?;
    let wanted = Wanted::parse(&permit.with_defaults(body))?;
    let secrets = app.secrets(permit.workspace.id)?;
    let (now, being_given) = (app.now_micros(), given.as_ref().map(|given| given.consent));
    let most = app.config().jobs_waiting;
    let admission = app.store().read(move |tx| {
        if tx.is_crowded(secrets.workspace().id, now, most)? {
            return Err(ApiError::unavailable("the loads of a workspace pile up"));
        }
        let admission = Admission::read(tx, &secrets, &wanted, being_given, now);
        admission.map(|admission| (admission, wanted))
    });
    let (Admission { terms, person, consent }, wanted) = admission.await?;
    let external_id = wanted.reference(&person);
    let asking = (terms.source_policy, Reuse::ByTerms, None);
    let deadlines = Deadlines::registration(app.config());
    let who = (app.clone(), permit.clone());
    let checked = Checked::ask(who, (person, consent), asking, deadlines, &wish).await?;
    if let Some(refusal) = checked.refusal(terms.accept_unknown) {
        checked.record_refusal(None).await?;
        return Err(refusal);
    }
    let (_, offered) = app.all_secrets().vault().new_data_key()?;
    let uuid = app.uuid().map_err(ApiError::unexpected)?;
    let registration = Registration {
        checked: Arc::clone(&checked),
        given,
        terms,
        external_id,
        uuid,
        request_id,
        quiet: false,
        offered,
    };
    let written = checked.commit(move |tx| {
        let made = registration.write(tx)?;
        permit.spend(tx, uuid)?;
        let about = About { subject: made.subject, link: Some(made.link), key: &made.key };
        claim.record(tx, StatusCode::CREATED, &made.body, Some(about))?;
        Ok(made.body)
    });
    Ok((uuid, written.await?))
}
