//! Employments and owners are read the same way: one indexed query, one decryption per row; the
//! stored document already has the wire's shape.

use axum::response::Response;
use http::StatusCode;
use uuid::Uuid;
use vinculo_store::{AuditAction, Link, ObjectFilter, PageRequest, Resource, SealedObject, Tx};
use vinculo_vault::{DataKey, Vault, WrappedKey};

use super::page::{PageQuery, json};
use super::query::{PathId, Query};
use super::shape::Shape;
use super::span;
use crate::App;
use crate::audit::{Entry, Shown, Trail};
use crate::auth::{Asking, Caller};
use crate::error::ApiError;
use crate::projection::object_context;

/// So many documents are read by the thread that serves the request, if one id leads to them: they are there
/// before another thread had begun. More of them, or many ids, could keep others of the thread waiting.
const FEW: i64 = 8;

/// What it is called when objects are shown.
pub(super) fn reading(resource: Resource) -> AuditAction {
    match resource {
        Resource::Employments => AuditAction::EmploymentsRead,
        Resource::Owners => AuditAction::OwnersRead,
    }
}

/// What it is called when an object is deleted.
fn deletion(resource: Resource) -> AuditAction {
    match resource {
        Resource::Employments => AuditAction::EmploymentDeleted,
        Resource::Owners => AuditAction::OwnerDeleted,
    }
}

/// The filters both lists share.
pub(super) fn filter(page: &PageQuery) -> Result<ObjectFilter, ApiError> {
    let query = &page.query;
    Ok(ObjectFilter {
        links: query.ids("link")?,
        ids: query.ids("id")?,
        created: span::created(query)?,
        with_withheld: false,
    })
}

/// Whether one id at most is to be looked up under each name that is given.
fn names_few(filter: &ObjectFilter) -> bool {
    let named = [&filter.links, &filter.ids].into_iter().flatten();
    named.map(Vec::len).max().is_some_and(|most| most <= 1)
}

/// A page of objects. Whoever has no right key learns nothing about the rest of the request, so
/// what is wrong with it comes later.
pub(super) async fn list(
    app: &App,
    asking: Asking,
    resource: Resource,
    wanted: Result<(PageQuery, ObjectFilter), ApiError>,
) -> Result<Response, ApiError> {
    let few = wanted.as_ref().is_ok_and(|(_, filter)| names_few(filter));
    let read = move |tx: &mut Tx<'_>, caller: Caller| {
        let (page, filter) = wanted?;
        let mut slice = page.request();
        slice.limit = if few { slice.limit.min(FEW) } else { slice.limit };
        let found = tx.objects(resource, caller.workspace.id, &filter, slice)?;
        Ok((caller, page, filter, found))
    };
    let read =
        if few { asking.read_briefly(app, read).await } else { asking.read(app, read).await };
    let (Caller { workspace, trail, .. }, page, filter, mut found) = read?;
    let only = filter.links.as_deref().and_then(|links| match links {
        [link] => Some(*link),
        _ => None,
    });
    let slice = page.request();
    let on_page = slice.limit.min(found.count.saturating_sub(slice.offset));
    if few && on_page > FEW {
        let all = move |tx: &mut Tx<'_>| tx.objects(resource, workspace.id, &filter, slice);
        found = app.store().read(all).await?;
    }
    let about = found.rows.iter().map(|object| (object.subject, object.link));
    trail.read(app, Shown::of(reading(resource), about).only(only)).await?;
    let shape = Shape::of(&page.query);
    let mut opener = Opener::new(app.all_secrets().vault(), resource);
    let room = found.rows.iter().map(|object| object.sealed.as_bytes().len()).sum();
    page.write(found.count, room, |body| {
        for (place, object) in found.rows.iter().enumerate() {
            if place > 0 {
                body.push(b',');
            }
            opener.append(object, &shape, body)?;
        }
        Ok(())
    })
}

/// One object.
pub(super) async fn detail(
    app: &App,
    asking: Asking,
    resource: Resource,
    id: Result<PathId, ApiError>,
    query: Option<&str>,
) -> Result<Response, ApiError> {
    let read = asking.read_briefly(app, move |tx, caller| {
        let found = tx.object(resource, caller.workspace.id, id?.0)?;
        Ok((caller.trail, found.ok_or_else(ApiError::not_found)?))
    });
    let (trail, object) = read.await?;
    let shown = Shown::of(reading(resource), [(object.subject, object.link)]);
    trail.read(app, shown).await?;
    let shape = Shape::of(&Query::parse(query.unwrap_or_default()));
    let mut body = Vec::new();
    Opener::new(app.all_secrets().vault(), resource).append(&object, &shape, &mut body)?;
    Ok(json(StatusCode::OK, body))
}

/// Everything of a link that may be shown and is about to be, as the wire has it, up to the longest
/// page.
///
/// # Errors
/// When the database fails, or it cannot be noted.
pub(crate) async fn of_link(
    app: &App,
    trail: &Trail,
    resource: Resource,
    link: &Link,
) -> Result<Vec<serde_json::Value>, ApiError> {
    let filter = ObjectFilter { links: Some(vec![link.uuid]), ..ObjectFilter::default() };
    let (workspace, request) = (link.workspace, PageRequest { limit: 1000, offset: 0 });
    let found = app.store().read(move |tx| tx.objects(resource, workspace, &filter, request));
    let mut rows = found.await?.rows;
    rows.retain(|object| !object.withheld);
    let about = rows.iter().map(|object| (object.subject, object.link));
    let shown = Shown::of(reading(resource), about).only(Some(link.uuid));
    trail.read(app, shown).await?;
    let vault = app.all_secrets().vault();
    rows.iter().map(|row| Ok(serde_json::from_slice(&open(vault, resource, row)?)?)).collect()
}

/// Opens objects one after the other, those of one person with the key unwrapped once.
struct Opener<'a> {
    vault: &'a Vault,
    resource: Resource,
    last: Option<(&'a WrappedKey, DataKey)>,
}

impl<'a> Opener<'a> {
    fn new(vault: &'a Vault, resource: Resource) -> Self {
        Self { vault, resource, last: None }
    }

    /// Adds what a client wants to see of an object to an answer.
    fn append(
        &mut self,
        object: &'a SealedObject,
        shape: &Shape,
        body: &mut Vec<u8>,
    ) -> Result<(), ApiError> {
        refuse_withheld(object)?;
        let context = object_context(self.resource, object.uuid);
        let key = self.key(&object.key)?;
        if shape.is_whole() {
            return Ok(key.open_onto(context, &object.sealed, body)?);
        }
        let document = key.open(context, &object.sealed)?;
        body.extend_from_slice(&shape.apply(document.to_vec())?);
        Ok(())
    }

    fn key(&mut self, wrapped: &'a WrappedKey) -> Result<&DataKey, ApiError> {
        let key = match self.last.take() {
            Some((same, key)) if same == wrapped => key,
            _ => self.vault.unwrap_key(wrapped)?,
        };
        Ok(&self.last.insert((wrapped, key)).1)
    }
}

/// Removes one object; its link and its other objects stay.
pub(super) async fn delete(
    app: &App,
    caller: &Caller,
    resource: Resource,
    id: Uuid,
) -> Result<StatusCode, ApiError> {
    let (workspace, trail, writer) = (caller.workspace.id, caller.trail.clone(), app.clone());
    let removed = app.store().write(move |tx| {
        let removed = tx.delete_object(resource, workspace, id)?;
        let person = removed.ok_or_else(ApiError::not_found)?;
        trail.note(tx, &writer, Entry::of(deletion(resource)).person(person).object(id))
    });
    removed.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a person no longer allows to be shown is refused where it is asked for by name.
///
/// # Errors
/// 403 when it is withheld.
pub(crate) fn refuse_withheld(object: &SealedObject) -> Result<(), ApiError> {
    if object.withheld { Err(ApiError::denied()) } else { Ok(()) }
}

pub(super) fn open(
    vault: &Vault,
    resource: Resource,
    object: &SealedObject,
) -> Result<Vec<u8>, ApiError> {
    refuse_withheld(object)?;
    let key = vault.unwrap_key(&object.key)?;
    let document = key.open(object_context(resource, object.uuid), &object.sealed)?;
    Ok(document.to_vec())
}
