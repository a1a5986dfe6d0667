//! Organizations and users as whoever runs the installation manages them.

use serde::Serialize;
use uuid::Uuid;
use vinculo_store::{
    AuditAction, Environment, Error, Micros, NewUser, Organization, PageRequest, Tx, User, UserRole,
};
use vinculo_vault::{Context, random_secret};

use super::Email;
use super::session::of_record;
use crate::App;
use crate::audit::{Entry, Trail};
use crate::clock::wire_time;
use crate::error::{ApiError, ErrorItem};
use crate::installation;

/// How long an invitation can be used.
const INVITATION: Micros = 48 * 60 * 60 * 1_000_000;

/// How many users a command lists.
const ALL: PageRequest = PageRequest { limit: 10_000, offset: 0 };

/// Longest name of an organization, characters.
const LONGEST_NAME: usize = 100;

/// An organization.
#[derive(Debug, Serialize)]
pub struct OrganizationStatus {
    /// Public id; `created_by` of what its keys make.
    pub id: Uuid,
    /// What it is called.
    pub name: String,
    /// When it was made.
    pub created_at: String,
}

/// Somebody who may sign in.
#[derive(Debug, Serialize)]
pub struct UserStatus {
    /// Public id.
    pub id: Uuid,
    /// Address by which the user signs in.
    pub email: String,
    /// What the organization is called.
    pub organization: String,
    /// `owner`, `developer`, `analyst` or `auditor`.
    pub role: &'static str,
    /// `invited` until there is a password, `active`, or `disabled`.
    pub state: &'static str,
    /// When the user was made.
    pub created_at: String,
}

/// A user who was invited: the only time the link is seen.
#[derive(Debug, Serialize)]
pub struct InvitedUser {
    /// The user.
    #[serde(flatten)]
    pub user: UserStatus,
    /// Path of the page where a password is set, once.
    pub link: String,
    /// When the link ends.
    pub link_expires_at: String,
}

impl OrganizationStatus {
    fn of(organization: Organization) -> Self {
        let Organization { uuid, name, created_at, .. } = organization;
        Self { id: uuid, name, created_at: wire_time(created_at) }
    }
}

impl UserStatus {
    fn of(app: &App, user: &User) -> Result<Self, ApiError> {
        Ok(Self {
            id: user.uuid,
            email: address_of(app, user)?,
            organization: user.organization_name.clone(),
            role: user.role.as_str(),
            state: match (user.disabled_at, &user.password) {
                (Some(_), _) => "disabled",
                (None, Some(_)) => "active",
                (None, None) => "invited",
            },
            created_at: wire_time(user.created_at),
        })
    }
}

/// What binds an address to its user.
fn context(user: Uuid) -> Context<'static> {
    Context::of_uuid("users", user.into_bytes())
}

/// The address by which a user signs in.
pub(crate) fn address_of(app: &App, user: &User) -> Result<String, ApiError> {
    let keys = app.all_secrets().vault().user_keys()?;
    let opened = keys.data_key().open(context(user.uuid), &user.sealed)?;
    Ok(String::from_utf8_lossy(&opened).into_owned())
}

/// Makes an organization with both of its workspaces.
///
/// # Errors
/// 400 for a name that is blank, too long or taken; when the database fails.
pub async fn create_organization(app: &App, name: &str) -> Result<OrganizationStatus, ApiError> {
    let name = name.trim().to_owned();
    let sound = (1..=LONGEST_NAME).contains(&name.chars().count());
    if !sound || name.chars().any(char::is_control) {
        return Err(wrong("name", format!("\"{name}\" does not have 1 to 100 letters.")));
    }
    let default = app.secrets_of(Environment::Production)?.workspace().id;
    let (writer, now) = (app.clone(), app.now_micros());
    let made = app.store().write(move |tx| {
        // Two commands with one name come one after the other.
        tx.lock_workspace(default)?;
        if tx.organizations()?.iter().any(|known| known.name == name) {
            return Err(wrong("name", format!("There is an organization \"{name}\" already.")));
        }
        let vault = writer.all_secrets().vault();
        let id = installation::add_organization(tx, vault, writer.random(), &name, now)
            .map_err(ApiError::unexpected)?;
        let mut all = tx.organizations()?.into_iter();
        let made = all.find(|one| one.id == id).ok_or_else(ApiError::not_found)?;
        let entry = Entry::of(AuditAction::OrganizationCreated).object(made.uuid);
        Trail::console(None).note(tx, &writer, entry)?;
        Ok(made)
    });
    let made = made.await?;
    // Not before the commit: what is undone must not be known.
    let all = app.store().read(|tx| tx.workspaces()).await?;
    app.all_secrets().learn(all)?;
    Ok(OrganizationStatus::of(made))
}

/// Every organization, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list_organizations(app: &App) -> Result<Vec<OrganizationStatus>, ApiError> {
    let all = app.store().read(|tx| tx.organizations()).await?;
    Ok(all.into_iter().map(OrganizationStatus::of).collect())
}

/// Makes a user and invites them.
///
/// # Errors
/// 400 for an address that is none or a user's, or an organization that there is not; when the
/// database fails.
pub async fn create_user(
    app: &App,
    organization: &str,
    email: &str,
    role: UserRole,
) -> Result<InvitedUser, ApiError> {
    let (email, organization) = (read(email)?, organization.to_owned());
    let writer = app.clone();
    let invited = app.store().write(move |tx| {
        let mut all = tx.organizations()?.into_iter();
        let named =
            |one: &Organization| one.name == organization || one.uuid.to_string() == organization;
        let found = all.find(named).ok_or_else(|| {
            wrong("organization", format!("There is no organization \"{organization}\"."))
        })?;
        let user = make_user(tx, &writer, found.uuid, &email, role)?;
        invite(tx, &writer, user)
    });
    invited.await
}

/// Stores a user without a password, and notes it as the command line's doing.
///
/// # Errors
/// 400 when the address is a user's; when the database fails.
pub(crate) fn make_user(
    tx: &mut Tx<'_>,
    app: &App,
    organization: Uuid,
    email: &Email,
    role: UserRole,
) -> Result<User, ApiError> {
    let keys = app.all_secrets().vault().user_keys()?;
    let index = keys.email(email.as_str());
    if tx.user_by_email(&index)?.is_some() {
        return Err(wrong("email", "There is a user with this address already.".to_owned()));
    }
    let mut all = tx.organizations()?.into_iter();
    let owner = all.find(|one| one.uuid == organization).ok_or_else(ApiError::not_found)?;
    let uuid = app.uuid().map_err(ApiError::unexpected)?;
    let workspace = of_record(tx, app, organization)?;
    let entry = Entry::of(AuditAction::UserCreated).object(uuid);
    Trail::console(workspace).note(tx, app, entry)?;
    tx.insert_user(&NewUser {
        uuid,
        organization: owner.id,
        role,
        email_index: &index,
        created_at: app.now_micros(),
        sealed: &keys.data_key().seal(context(uuid), email.as_str().as_bytes())?,
    })
    .map_err(|error| match error {
        Error::Conflict(_) => wrong("email", "The address was just taken.".to_owned()),
        error => error.into(),
    })?;
    tx.user_by_email(&index)?.ok_or_else(ApiError::not_found)
}

/// Every user, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list_users(app: &App) -> Result<Vec<UserStatus>, ApiError> {
    let page = app.store().read(|tx| tx.users(None, ALL)).await?;
    page.rows.iter().map(|user| UserStatus::of(app, user)).collect()
}

/// Takes a user's password, second factor and sessions away, lets a disabled one in again, and invites them anew.
///
/// # Errors
/// 400 when there is no such user; when the database fails.
pub async fn reset_user(app: &App, email: &str) -> Result<InvitedUser, ApiError> {
    change(app, email, AuditAction::UserReset, |tx, app, user| {
        tx.set_user_password(user.id, None)?;
        tx.drop_second_factor(user.id)?;
        tx.set_user_disabled(user.id, None)?;
        let email = app.all_secrets().vault().user_keys()?.email(&address_of(app, &user)?);
        let user = tx.user_by_email(&email)?.ok_or_else(ApiError::not_found)?;
        invite(tx, app, user)
    })
    .await
}

/// Ends a user's sessions, and lets the user sign in no more.
///
/// # Errors
/// 400 when there is no such user; when the database fails.
pub async fn disable_user(app: &App, email: &str) -> Result<(), ApiError> {
    change(app, email, AuditAction::UserDisabled, |tx, app, user| {
        Ok(tx.set_user_disabled(user.id, Some(app.now_micros()))?)
    })
    .await
}

async fn change<T: Send + 'static>(
    app: &App,
    email: &str,
    action: AuditAction,
    work: impl FnOnce(&mut Tx<'_>, &App, User) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let email = read(email)?;
    let index = app.all_secrets().vault().user_keys()?.email(email.as_str());
    let writer = app.clone();
    let changed = app.store().write(move |tx| {
        let user = tx.user_by_email(&index)?;
        let user = user.ok_or_else(|| wrong("email", "There is no such user.".to_owned()))?;
        let workspace = of_record(tx, &writer, user.organization)?;
        let entry = Entry::of(action).object(user.uuid);
        Trail::console(workspace).note(tx, &writer, entry)?;
        tx.end_sessions_of(user.id)?;
        work(tx, &writer, user)
    });
    changed.await
}

fn invite(tx: &mut Tx<'_>, app: &App, user: User) -> Result<InvitedUser, ApiError> {
    let (link, until) = put_invitation(tx, app, Some(&user))?;
    let user = UserStatus::of(app, &user)?;
    Ok(InvitedUser { user, link, link_expires_at: wire_time(until) })
}

/// The path of the page where the invitation is taken, and when it ends.
fn put_invitation(
    tx: &mut Tx<'_>,
    app: &App,
    user: Option<&User>,
) -> Result<(String, Micros), ApiError> {
    let (now, until) = (app.now_micros(), app.now_micros() + INVITATION);
    let token = random_secret(app.random()).map_err(ApiError::unexpected)?;
    let hash = app.all_secrets().vault().user_keys()?.invitation(&token);
    tx.put_invitation(user.map(|user| user.id), &hash, (now, until))?;
    Ok((format!("/dashboard/welcome/{}", *token), until))
}

/// While no user has a password, the path of the page where whoever comes first becomes the owner of the
/// organization `default`. A path that was given before works no more.
///
/// # Errors
/// When the database fails or the system has no randomness to give.
pub async fn set_up_link(app: &App) -> Result<Option<String>, ApiError> {
    let writer = app.clone();
    let link = app.store().write(move |tx| {
        if tx.has_passwords()? {
            return Ok(None);
        }
        Ok(Some(put_invitation(tx, &writer, None)?.0))
    });
    link.await
}

fn read(email: &str) -> Result<Email, ApiError> {
    let wanted = || wrong("email", "Expected an address such as ana@example.com.".to_owned());
    Email::parse(email).ok_or_else(wanted)
}

fn wrong(field: &'static str, message: String) -> ApiError {
    ApiError::bad_request(vec![ErrorItem::field("invalid", field, message)])
}
