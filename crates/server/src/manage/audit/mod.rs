//! The audit log of a workspace. It can be read, and nothing else.

mod export;
mod list;

use vinculo_store::{ActorKind, AuditAction, AuditFilter};

use crate::App;
use crate::api::query::Query;
use crate::api::span;
use crate::error::ApiError;

pub(crate) use export::{__path_export, export};
pub(crate) use list::{__path_list, list, read};

/// Which entries are shown.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description; the query is read by name")]
pub(crate) struct AuditFilters {
    /// Only these actions, such as `employments.read`.
    #[param(style = Form, explode = false)]
    action: Option<Vec<String>>,
    /// Only what these did: `key`, `widget`, `person`, `user`, `console`, `system`, `stranger`.
    #[param(style = Form, explode = false)]
    actor: Option<Vec<String>>,
    /// Only what this key, token or user did.
    #[param(style = Form, explode = false)]
    actor_id: Option<Vec<uuid::Uuid>>,
    /// Only about these links, deleted ones too.
    #[param(style = Form, explode = false)]
    link: Option<Vec<uuid::Uuid>>,
}

/// What a query asks for.
///
/// # Errors
/// 400 naming the parameter and the value.
pub(crate) fn filter(query: &Query) -> Result<AuditFilter, ApiError> {
    let ids = |name| query.list(name).map(|_| query.id_list(name)).transpose();
    Ok(AuditFilter {
        actions: query.words("action", AuditAction::parse)?,
        actors: query.words("actor", ActorKind::parse)?,
        actor_ids: ids("actor_id")?,
        links: ids("link")?,
        person: None,
        created: span::created(query)?,
    })
}

/// Brings what this process still has in memory into the log, so that it is shown whole. Goes on
/// when the client goes away: half of it would be written twice.
///
/// # Errors
/// When the database fails.
pub(crate) async fn bring_up_to_date(app: &App) -> Result<(), ApiError> {
    let writer = app.clone();
    app.complete(async move { writer.audit().flush(&writer).await }).await
}
