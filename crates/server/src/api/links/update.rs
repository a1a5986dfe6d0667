//! `PUT /api/links/{id}/`: the institution is asked again, and a link it accepts is valid again.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use uuid::Uuid;
use vinculo_pila::{Document, DocumentKind};
use vinculo_store::{AccessMode, AuditAction, Due, Job, Link, NewLoad, Resource, Trigger, Tx};
use vinculo_vault::DataKey;

use super::access::{self, hold};
use super::check::{Checked, Reuse};
use super::fields;
use super::{schema, wire};
use crate::App;
use crate::api::body::{Fields, OptionalJsonObject};
use crate::api::page::json;
use crate::api::refusal;
use crate::audit::Entry;
use crate::consents::{self, Given, permit as permit_fetch};
use crate::error::{ApiError, ErrorItem};
use crate::openapi::{IdInPath, WishParams};
use crate::permit::{OnLink, Permit, WriteLinks};
use crate::projection::LinkSecrets;
use crate::request_id::RequestId;
use crate::sandbox::Wish;
use crate::settings::Settings;
use crate::sources;
use crate::sources::Deadlines;
use crate::terms::{RefreshRate, Storage, stale_at};

/// The request (contract 3.3.6). PILA knows no password: every field may be left out, and keys such
/// as `password` and `token` are ignored.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({}))]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(crate) struct UpdateLink {
    /// The person's document again, for a link whose document is no longer stored.
    username: Option<String>,
    /// Kind of the document, as on registration.
    username_type: Option<String>,
}

/// Asks the institution about the person of the link again. On success the link is `valid`, and a
/// recurrent one is loaded at once.
#[utoipa::path(
    put, path = "/api/links/{id}/", tag = "links", operation_id = "UpdateLink",
    security(("keys" = []), ("widget" = [])),
    request_body = Option<UpdateLink>,
    params(IdInPath, WishParams),
    responses(
        (status = 200, description = "The link", body = schema::Link),
        (status = 400, description = "Invalid fields, or refused by the institution"),
        (status = 404, description = "No such link, or its credentials have expired")
    )
)]
pub(crate) async fn update(
    State(app): State<App>,
    permit: OnLink<WriteLinks>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    wish: Wish,
    OptionalJsonObject(body): OptionalJsonObject,
) -> Result<Response, ApiError> {
    let mut fields = Fields::new(&body);
    let username = fields.optional_text("username").filter(|text| !text.is_empty());
    let kind = fields::username_kind(&mut fields);
    fields.finish()?;
    let named = username.map(|number| (kind, number));
    let (id, permit) = (permit.id, permit.into_permit());
    // What the source says is paid for: it is recorded also when the client has gone.
    let renewal = renew(app.clone(), (permit, None), id, named, wish, request_id);
    Ok(json(StatusCode::OK, app.complete(renewal).await?))
}

/// Asks about the person of a link again, whose document may be `named`, and restores the link. With
/// a consent that is being given the source is asked under it, and it is recorded with the rest.
/// Answers the body of the link.
///
/// # Errors
/// As the operation.
pub(crate) async fn renew(
    app: App,
    (permit, given): (Permit, Option<Given>),
    id: Uuid,
    named: Option<(DocumentKind, String)>,
    wish: Wish,
    request_id: Uuid,
) -> Result<Vec<u8>, ApiError> {
    let workspace = permit.workspace.id;
    let found = app.store().read(move |tx| tx.link(workspace, id)).await?;
    let link = found.ok_or_else(ApiError::not_found)?;
    let person = match named {
        Some((kind, number)) => sources::person(kind, &number).map_err(|_| refusal::malformed())?,
        None => access::open(&app, &link)?.1.document.ok_or_else(access::expired)?,
    };
    if Storage::parse(&link.credentials_storage) == Some(Storage::NoStore) {
        return Err(access::expired());
    }
    same_person(&app, &link, &person).await?;
    ask_and_restore(app, (permit, given), (link, person), wish, request_id).await
}

async fn ask_and_restore(
    app: App,
    (permit, given): (Permit, Option<Given>),
    (link, person): (Link, Document),
    wish: Wish,
    request_id: Uuid,
) -> Result<Vec<u8>, ApiError> {
    let (workspace, id, now) = (permit.workspace.id, link.uuid, app.now_micros());
    let (being_given, renewed) = (given.as_ref().map(|given| given.consent), link.clone());
    let asked = app.store().read(move |tx| {
        let consent = match being_given {
            None => permit_fetch(tx, &link, Resource::or_all(&link.fetch_resources), now)?,
            given => given,
        };
        Ok::<_, ApiError>((consent, Settings::read(tx, workspace)?))
    });
    let (consent, settings) = asked.await?;
    let asking = (settings.source_policy, Reuse::Nothing, None);
    let deadlines = Deadlines::registration(app.config());
    let who = (app.clone(), permit.clone());
    let checked = Checked::ask(who, (person, consent), asking, deadlines, &wish).await?;
    if let Some(refusal) = checked.refusal(settings.accept_unknown_people) {
        checked.record_refusal(Some(renewed)).await?;
        return Err(refusal);
    }
    let (_, offered) = app.all_secrets().vault().new_data_key()?;
    let secrets = app.secrets(workspace)?;
    let question = Arc::clone(&checked);
    let body = checked.commit(move |tx| {
        permit.spend(tx, id)?;
        if let Some(given) = &given {
            let noted = (given, &question.caller.trail);
            consents::grant(tx, &app, &secrets, noted, &offered)?;
        }
        restore(tx, &question, id, request_id)
    });
    body.await
}

/// A link never changes hands: it would keep another person's data under its id.
async fn same_person(app: &App, link: &Link, person: &Document) -> Result<(), ApiError> {
    let secrets = app.secrets(link.workspace)?;
    let index = secrets.indexes().lookup_document(person.kind.code(), &person.number);
    let (workspace, subject) = (link.workspace, link.subject);
    let known = app.store().read(move |tx| tx.subject(workspace, &index)).await?;
    if known.is_some_and(|known| known.id == subject) {
        return Ok(());
    }
    let message = "The link belongs to another person.";
    Err(ApiError::bad_request(vec![ErrorItem::field("invalid", "username", message)]))
}

fn restore(
    tx: &mut Tx<'_>,
    checked: &Checked,
    id: Uuid,
    request_id: Uuid,
) -> Result<Vec<u8>, ApiError> {
    let Checked { app, caller, person, .. } = checked;
    let link = hold(tx, caller.workspace.id, id)?;
    permit_fetch(tx, &link, Resource::or_all(&link.fetch_resources), app.now_micros())?;
    let (key, own) = access::open(app, &link)?;
    let secrets = LinkSecrets { document: Some(person.clone()), ..own };
    let now = app.now_micros();
    let rate = link.refresh_rate.as_deref().and_then(RefreshRate::parse);
    let storage = Storage::parse(&link.credentials_storage).unwrap_or(Storage::Store);
    let kept = link.due.expires_at.or_else(|| storage.ends(now));
    let due = Due {
        refresh: rate.map(|rate| (rate.next(now, app.random_u64()), Trigger::Schedule)),
        expires_at: kept,
        stale_at: Some(stale_at(now, link.stale_in.as_deref())),
    };
    caller.trail.note(tx, app, Entry::of(AuditAction::LinkUpdated).link(&link))?;
    tx.restore_link(link.id, &secrets.seal(&key, link.uuid)?, now, &due)?;
    record(tx, checked, &link, &key, request_id)?;
    let restored = tx.link_by_id(link.id)?.ok_or_else(ApiError::not_found)?;
    wire::document(app.all_secrets().vault(), &restored)
}

/// Keeps the answer, for the load of a recurrent link that begins at once.
fn record(
    tx: &mut Tx<'_>,
    checked: &Checked,
    link: &Link,
    key: &DataKey,
    request_id: Uuid,
) -> Result<(), ApiError> {
    let loads = link.access_mode == AccessMode::Recurrent;
    let kept = checked.record(tx, link.subject, key, loads)?;
    if !loads {
        return Ok(());
    }
    let now = checked.app.now_micros();
    let load = tx.insert_load(&NewLoad {
        workspace: link.workspace,
        subject: link.subject,
        link: link.id,
        trigger: Trigger::Refresh,
        resources: Resource::or_all(&link.fetch_resources),
        request_id,
        window: None,
        save_data: true,
        quiet: false,
        source_call: kept,
        created_at: now,
    })?;
    Ok(tx.enqueue(Job::SyncLink(load), now, now)?)
}
