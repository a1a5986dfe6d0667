//! `PATCH /api/links/{id}/`: how a link is loaded from now on (contract 3.3.7).

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use vinculo_store::{
    AccessMode, AuditAction, Due, Link, LinkSettings, LinkStatus, Resource, Trigger,
};

use super::access::{self, hold};
use super::fields;
use super::schema::ResourceName;
use super::{schema, wire};
use crate::App;
use crate::api::body::{Fields, OptionalJsonObject};
use crate::api::page::json;
use crate::api::query::PathId;
use crate::audit::Entry;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::IdInPath;
use crate::projection::LinkSecrets;
use crate::settings::Settings;
use crate::terms::{RefreshRate, Storage, after, stale_at};

/// The request. What is missing or null stays as it is, an empty `access_mode` or `stale_in` too. An empty list of
/// resources names none: a recurrent link then loads all.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({ "access_mode": "recurrent" }))]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(crate) struct ModifyLink {
    /// `single` or `recurrent`.
    access_mode: Option<schema::AccessMode>,
    /// `EMPLOYMENTS`, `OWNERS` or both.
    fetch_resources: Option<Vec<ResourceName>>,
    /// How long what was loaded is kept after the last contact with the source, such as `90d`.
    #[schema(pattern = "^\\d{1,3}d$")]
    stale_in: Option<String>,
}

/// What a caller wants changed.
struct Changes {
    access_mode: Option<AccessMode>,
    resources: Option<Vec<Resource>>,
    stale_in: Option<String>,
}

/// Changes mode, resources or retention of a link. A single link made recurrent is loaded a day
/// later; nothing else starts a load.
#[utoipa::path(
    patch, path = "/api/links/{id}/", tag = "links", operation_id = "ModifyLinkDataRetrieval",
    request_body = Option<ModifyLink>,
    params(IdInPath),
    responses(
        (status = 200, description = "The link", body = schema::Link),
        (status = 400, description = "Invalid fields, or a mode the link cannot have")
    )
)]
pub(crate) async fn modify(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    OptionalJsonObject(body): OptionalJsonObject,
) -> Result<Response, ApiError> {
    let mut fields = Fields::new(&body);
    let changes = Changes {
        access_mode: access_mode(&mut fields),
        resources: fields::resources(&mut fields),
        stale_in: fields::stale_in(&mut fields),
    };
    fields.finish()?;
    let (workspace, trail, writer) = (caller.workspace.id, caller.trail, app.clone());
    let body = app
        .store()
        .write(move |tx| {
            let link = hold(tx, workspace, id)?;
            let (_, secrets) = access::open(&writer, &link)?;
            let settings = Settings::read(tx, workspace)?;
            let changed = changes.applied(&writer, &link, &secrets, &settings)?;
            tx.set_link_settings(link.id, &changed)?;
            trail.note(tx, &writer, Entry::of(AuditAction::LinkChanged).link(&link))?;
            let link = tx.link_by_id(link.id)?.ok_or_else(ApiError::not_found)?;
            wire::document(writer.all_secrets().vault(), &link)
        })
        .await?;
    Ok(json(StatusCode::OK, body))
}

/// Clients send a null or empty mode to leave it alone.
fn access_mode(fields: &mut Fields<'_>) -> Option<AccessMode> {
    fields
        .optional_choice("access_mode", |text| match text {
            "" => Some(None),
            other => AccessMode::parse(other).map(Some),
        })
        .flatten()
}

impl Changes {
    fn applied(
        self,
        app: &App,
        link: &Link,
        secrets: &LinkSecrets,
        settings: &Settings,
    ) -> Result<LinkSettings, ApiError> {
        let stale_in = self.stale_in.clone().or_else(|| link.stale_in.clone());
        let loaded = link.last_accessed_at.filter(|_| link.due.stale_at.is_some());
        let kept = LinkSettings {
            access_mode: link.access_mode,
            refresh_rate: link.refresh_rate.clone(),
            credentials_storage: link.credentials_storage.clone(),
            fetch_resources: self.resources.unwrap_or_else(|| link.fetch_resources.clone()),
            due: Due { stale_at: loaded.map(|at| stale_at(at, stale_in.as_deref())), ..link.due },
            stale_in,
        };
        match self.access_mode {
            Some(AccessMode::Recurrent) if link.access_mode == AccessMode::Single => {
                made_recurrent(app, link, secrets, settings.refresh_rate(), kept)
            }
            Some(AccessMode::Single) => Ok(LinkSettings {
                access_mode: AccessMode::Single,
                refresh_rate: None,
                due: Due { refresh: None, ..kept.due },
                ..kept
            }),
            _ => Ok(kept),
        }
    }
}

/// The day after, the link is loaded as if it had just been made; then at its rate.
fn made_recurrent(
    app: &App,
    link: &Link,
    secrets: &LinkSecrets,
    rate: RefreshRate,
    kept: LinkSettings,
) -> Result<LinkSettings, ApiError> {
    let stored = Storage::parse(&link.credentials_storage) != Some(Storage::NoStore);
    if secrets.document.is_none() || !stored {
        let message = "This link doesn't have stored credentials hence it can't be switched to \
                       recurrent mode";
        return Err(ApiError::refused("invalid_access_mode_switch", message));
    }
    let first = after(app.now_micros(), app.config().recurrent_delay);
    let first = (link.status == LinkStatus::Valid).then_some((first, Trigger::Refresh));
    Ok(LinkSettings {
        access_mode: AccessMode::Recurrent,
        refresh_rate: Some(rate.as_str().to_owned()),
        credentials_storage: Storage::Store.to_string(),
        due: Due { refresh: first, expires_at: None, ..kept.due },
        ..kept
    })
}
