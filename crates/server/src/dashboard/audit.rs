//! `/dashboard/{environment}/audit`: who read or changed what.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use vinculo_store::ActorKind;

use super::page::{Pager, Shell, html, when};
use super::visitor::Visitor;
use crate::App;
use crate::api::page::PageQuery;
use crate::audit::ToldEntry;
use crate::error::ApiError;
use crate::manage;

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    shell: Shell,
    entries: Vec<ToldEntry>,
    pager: Pager,
    /// Kinds of somebody, and whether they are chosen.
    actors: Vec<(&'static str, bool)>,
}

/// The log, all of it or what one kind of somebody did. Looking is noted too.
pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let found = manage::audit::read(&app, &visitor.trail, visitor.workspace(), &page).await?;
    let chosen = page.query.get("actor");
    html(&AuditPage {
        shell: visitor.shell("audit"),
        entries: found.rows,
        pager: Pager::of(&page, found.count)?,
        actors: ActorKind::ALL
            .iter()
            .map(|it| (it.as_str(), Some(it.as_str()) == chosen))
            .collect(),
    })
}
