//! What is done to one link from its page.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use uuid::Uuid;
use vinculo_store::Resource;

use super::form::Posted;
use super::page::{Shell, html, known, see};
use super::visitor::Visitor;
use crate::App;
use crate::api::links::{access, ask, remove};
use crate::error::ApiError;

#[derive(Template)]
#[template(path = "link_delete.html")]
struct DeletePage {
    shell: Shell,
    id: Uuid,
}

/// Asks for the link to be filled again.
pub(super) async fn refresh(
    State(app): State<App>,
    Path((_, id)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, ApiError> {
    let (visitor, id) = (posted.visitor, known(&id)?);
    let (writer, trail, of) = (app.clone(), visitor.trail.clone(), (visitor.workspace(), id));
    let request = visitor.visit.request;
    let asked =
        app.store().write(move |tx| ask(tx, &writer, &trail, of, Resource::or_all(&[]), request));
    asked.await?;
    Ok(see(&visitor.path(&format!("/links/{id}?said=refresh"))))
}

/// Asks whether the link is to be deleted.
pub(super) async fn confirm(
    State(app): State<App>,
    visitor: Visitor,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let (id, workspace) = (known(&id)?, visitor.workspace());
    let found = app.store().read(move |tx| tx.link(workspace, id)).await?;
    found.ok_or_else(ApiError::not_found)?;
    html(&DeletePage { shell: visitor.shell("links"), id })
}

/// Deletes the link and everything derived from it.
pub(super) async fn delete(
    State(app): State<App>,
    Path((_, id)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, ApiError> {
    let (visitor, id) = (posted.visitor, known(&id)?);
    let (writer, trail, workspace) = (app.clone(), visitor.trail.clone(), visitor.workspace());
    let deleted = app.store().write(move |tx| {
        let link = access::hold(tx, workspace, id)?;
        remove(tx, &writer, &trail, &link)
    });
    deleted.await?;
    Ok(see(&visitor.path("/links?said=deleted")))
}
