//! Signing in and out. A session is a random token in a cookie; its hash is stored.

use std::net::IpAddr;
use std::time::Duration;

use http::StatusCode;
use uuid::Uuid;
use vinculo_store::{AuditAction, Environment, Micros, Tx, User, WorkspaceId};
use vinculo_vault::{BlindIndex, Redacted, random_secret};

use super::codes::takes;
use super::{Email, make_user};
use crate::App;
use crate::audit::{Entry, Origin, Trail};
use crate::error::ApiError;

const MINUTE: Micros = 60 * 1_000_000;

/// How long a session lasts that is not used, and one that is.
const IDLE: Micros = 2 * 60 * MINUTE;
const LONGEST: Micros = 12 * 60 * MINUTE;

/// Somebody who is signed in.
pub(crate) struct Signed {
    /// The session, as it is stored.
    pub(crate) session: BlindIndex,
    /// Who it is.
    pub(crate) user: User,
}

/// Why somebody is not signed in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// Address, password and code do not belong together, or the user is disabled: nobody is told
    /// which.
    Wrong,
    /// Too many have tried.
    TooOften(Duration),
}

/// The workspace whose audit log hears of an organization's users.
pub(super) fn of_record(
    tx: &mut Tx<'_>,
    app: &App,
    organization: Uuid,
) -> Result<WorkspaceId, ApiError> {
    let known = || app.all_secrets().of_organization(organization, Environment::Production);
    if known().is_none() {
        app.all_secrets().learn(tx.workspaces()?)?;
    }
    let secrets = known().ok_or_else(|| ApiError::unexpected("an organization without workspaces"));
    Ok(secrets?.workspace().id)
}

/// Begins a session; answers the token of its cookie. An unknown address takes as long as a wrong
/// password. A code is looked at when the user is asked for codes.
///
/// # Errors
/// When the database fails or the system has no randomness to give.
pub(crate) async fn sign_in(
    app: &App,
    (origin, address, request): (Origin, Option<IpAddr>, Uuid),
    email: &str,
    (password, code): (&Redacted<String>, &Redacted<String>),
) -> Result<Result<String, Failed>, ApiError> {
    let keys = app.all_secrets().vault().user_keys()?;
    let email = Email::parse(email).map_or_else(|| email.to_owned(), |it| it.as_str().to_owned());
    let index = keys.email(&email);
    if let Some(wait) = app.limits().sign_in(address, &index) {
        return Ok(Err(Failed::TooOften(wait)));
    }
    let user = app.store().read(move |tx| tx.user_by_email(&index)).await?;
    let stored = user.as_ref().filter(|user| user.disabled_at.is_none());
    let stored = stored.and_then(|user| user.password.clone());
    let right = app.passwords().matches(password, stored).await?;
    if let Some(user) = user.filter(|_| right) {
        let (writer, origin, code) = (app.clone(), origin.clone(), code.clone());
        let begun = app.store().write(move |tx| {
            // The password may have been reset while it was being verified.
            let now = tx.user_by_email(&index)?;
            let same = |now: &User| now.password == user.password && now.disabled_at.is_none();
            let same = now.as_ref().is_some_and(same);
            if same && takes(tx, &writer, &user, code.expose())? {
                begin(tx, &writer, origin, &user).map(Some)
            } else {
                Ok(None)
            }
        });
        if let Some(token) = begun.await? {
            return Ok(Ok(token));
        }
    }
    failed(app, (origin, address, request), index).await?;
    Ok(Err(Failed::Wrong))
}

/// Notes a failure, in memory for now: a write would tell by its time which users there are.
async fn failed(
    app: &App,
    (origin, address, request): (Origin, Option<IpAddr>, Uuid),
    email: BlindIndex,
) -> Result<(), ApiError> {
    let reader = app.clone();
    let known = app.store().read(move |tx| {
        let Some(user) = tx.user_by_email(&email)? else { return Ok(None) };
        Ok::<_, ApiError>(Some((of_record(tx, &reader, user.organization)?, user.uuid)))
    });
    match known.await? {
        Some((workspace, user)) => {
            let entry = Entry::of(AuditAction::SignInFailed).object(user);
            Trail::stranger_in(workspace, origin).read_one(app, entry).await
        }
        None => {
            app.audit().failed(address, request, app.now());
            Ok(())
        }
    }
}

fn begin(tx: &mut Tx<'_>, app: &App, origin: Origin, user: &User) -> Result<String, ApiError> {
    let token = random_secret(app.random()).map_err(ApiError::unexpected)?.to_string();
    let (keys, now) = (app.all_secrets().vault().user_keys()?, app.now_micros());
    let workspace = of_record(tx, app, user.organization)?;
    let trail = Trail::user(workspace, user.uuid, origin);
    trail.note(tx, app, Entry::of(AuditAction::SignedIn).object(user.uuid))?;
    tx.forget_sessions(now - IDLE, now - LONGEST)?;
    tx.insert_session(&keys.session(&token), user.id, now)?;
    Ok(token)
}

/// Who has the session of this token, if it has not ended. It goes on when it is used by somebody.
///
/// # Errors
/// When the database fails.
pub(crate) async fn signed_in(
    app: &App,
    token: &str,
    is_used: bool,
) -> Result<Option<Signed>, ApiError> {
    let session = app.all_secrets().vault().user_keys()?.session(token);
    let (reader, now) = (app.clone(), app.now_micros());
    let found = app.store().read(move |tx| {
        let found = tx.session(&session)?;
        if let Some(found) = &found {
            // Another process may have made the organization since this one began.
            of_record(tx, &reader, found.user.organization)?;
        }
        Ok::<_, ApiError>(found)
    });
    let live = |at: Micros, longest| now - at < longest;
    let found = found.await?;
    let Some(found) = found.filter(|it| live(it.seen_at, IDLE) && live(it.created_at, LONGEST))
    else {
        return Ok(None);
    };
    if is_used && !live(found.seen_at, MINUTE) {
        app.store().write(move |tx| tx.touch_session(&session, now)).await?;
    }
    Ok(Some(Signed { session, user: found.user }))
}

/// Ends a session.
///
/// # Errors
/// When the database fails.
pub(crate) async fn sign_out(app: &App, trail: Trail, signed: Signed) -> Result<(), ApiError> {
    let writer = app.clone();
    let ended = app.store().write(move |tx| {
        trail.note(tx, &writer, Entry::of(AuditAction::SignedOut).object(signed.user.uuid))?;
        Ok::<_, ApiError>(tx.end_session(&signed.session)?)
    });
    ended.await
}

/// 404: the invitation is over, was used, or never was.
fn no_invitation() -> ApiError {
    ApiError::status(StatusCode::NOT_FOUND, "no_invitation", "The invitation is over or was used.")
}

/// Whom an invitation invites: an inner `None` is whoever will be the first to sign in.
///
/// # Errors
/// 404 `no_invitation` when there is no such invitation, it is over, or somebody else came first.
pub(crate) async fn invited(app: &App, token: &str) -> Result<Option<User>, ApiError> {
    let token = app.all_secrets().vault().user_keys()?.invitation(token);
    let now = app.now_micros();
    app.store().read(move |tx| invitation(tx, &token, now)).await
}

fn invitation(tx: &mut Tx<'_>, token: &BlindIndex, now: Micros) -> Result<Option<User>, ApiError> {
    let invited = tx.invitation(token, now)?.ok_or_else(no_invitation)?;
    let live = match &invited {
        Some(user) => user.disabled_at.is_none(),
        // Somebody else can sign in meanwhile, who can be asked.
        None => !tx.has_passwords()?,
    };
    if live { Ok(invited) } else { Err(no_invitation()) }
}

/// Sets the password of whom an invitation invites, and begins a session; answers the token of its
/// cookie. The first user takes the address given here.
///
/// # Errors
/// 404 `no_invitation` as [`invited`]; 400 when that address is a user's; when the database fails.
pub(crate) async fn accept(
    app: &App,
    origin: Origin,
    token: &str,
    email: Option<Email>,
    password: &Redacted<String>,
) -> Result<String, ApiError> {
    let keys = app.all_secrets().vault().user_keys()?;
    let (token, hash) = (keys.invitation(token), app.passwords().hash(app, password).await?);
    let (writer, now) = (app.clone(), app.now_micros());
    let begun = app.store().write(move |tx| {
        let invited = invitation(tx, &token, now)?;
        if !tx.take_invitation(&token)? {
            return Err(no_invitation());
        }
        let user = match (invited, email) {
            (Some(user), _) => user,
            (None, Some(email)) => {
                let default = writer.secrets_of(Environment::Production)?;
                let organization = default.workspace().organization;
                let role = vinculo_store::UserRole::Owner;
                make_user(tx, &writer, organization, &email, role)?
            }
            (None, None) => return Err(no_invitation()),
        };
        let workspace = of_record(tx, &writer, user.organization)?;
        let trail = Trail::user(workspace, user.uuid, origin.clone());
        trail.note(tx, &writer, Entry::of(AuditAction::PasswordSet).object(user.uuid))?;
        tx.set_user_password(user.id, Some(&hash))?;
        tx.end_sessions_of(user.id)?;
        begin(tx, &writer, origin, &user)
    });
    begun.await
}
