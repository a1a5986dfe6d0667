//! What users change about their own way of signing in.

use vinculo_store::{AuditAction, User};
use vinculo_vault::Redacted;

use super::session::{Signed, of_record};
use crate::App;
use crate::audit::{Entry, Origin, Trail};
use crate::error::ApiError;

/// Whether this is a user's password.
///
/// # Errors
/// When what is stored is no hash.
pub(crate) async fn is_password(
    app: &App,
    user: &User,
    given: &Redacted<String>,
) -> Result<bool, ApiError> {
    app.passwords().matches(given, user.password.clone()).await
}

/// Sets another password for whoever gives the present one, and ends the user's other sessions.
/// `false` when the present one is wrong.
///
/// # Errors
/// 401 when the session has ended meanwhile; when the database fails.
pub(crate) async fn change_password(
    app: &App,
    origin: Origin,
    signed: &Signed,
    (present, new): (Redacted<String>, Redacted<String>),
) -> Result<bool, ApiError> {
    let Signed { session, user } = signed;
    if !is_password(app, user, &present).await? {
        return Ok(false);
    }
    let hash = app.passwords().hash(app, &new).await?;
    let (writer, session, user) = (app.clone(), *session, user.clone());
    let changed = app.store().write(move |tx| {
        // The password may have been reset while it was being verified, which ends every session.
        tx.session(&session)?.ok_or_else(ApiError::unauthenticated)?;
        let workspace = of_record(tx, &writer, user.organization)?;
        let trail = Trail::user(workspace, user.uuid, origin);
        trail.note(tx, &writer, Entry::of(AuditAction::PasswordSet).object(user.uuid))?;
        tx.set_user_password(user.id, Some(&hash))?;
        tx.end_other_sessions(user.id, &session)?;
        Ok::<_, ApiError>(true)
    });
    changed.await
}
