//! The person says no.

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use vinculo_store::{ActorKind, AuditAction, ConnectState};

use super::guest::Posted;
use super::session::{Contents, Stage};
use crate::App;
use crate::audit::{Entry, Trail};
use crate::error::ApiError;

/// Ends the session without a link. Whoever said yes before, or took too long, is shown that instead.
pub(super) async fn leave(State(app): State<App>, posted: Posted) -> Result<Response, ApiError> {
    let path = posted.guest.path();
    let (session, origin) = (posted.guest.session, posted.guest.visit.origin);
    let now = app.now_micros();
    if session.stage(now) == Stage::Form {
        let contents = Contents { typed: None, ..session.contents.clone() };
        let (row, sealed) = (&session.row, session.seal(&contents)?);
        let trail = Trail::of(row.workspace, (ActorKind::Person, row.uuid), origin);
        let entry = Entry::of(AuditAction::ConsentRefused).object(row.jti);
        let writer = app.clone();
        let left = app.store().write(move |tx| {
            let (workspace, jti) = (session.row.workspace, session.row.jti);
            // Somebody said yes with this token, on another page: that stands.
            if tx.widget_token_is_used(workspace, jti)? {
                return Ok(());
            }
            if tx.change_connect_session(&session.row, ConnectState::Left, now, &sealed)? {
                trail.note(tx, &writer, entry)?;
            }
            Ok::<_, ApiError>(())
        });
        left.await?;
    }
    Ok(Redirect::to(&path).into_response())
}
