//! Who signs in to the dashboard, and the invitations by which they set their passwords.

use uuid::Uuid;
use vinculo_vault::{BlindIndex, Sealed};

use super::ids::text_enum;
use super::page::Where;
use super::{Micros, OrganizationId, Page, PageRequest, UserId};
use crate::{Result, Row, Tx};

text_enum! {
    /// What a user may do; the dashboard's table says what that is.
    UserRole in "users" {
        /// Everything.
        Owner = "owner",
        /// Keys, webhooks and links.
        Developer = "developer",
        /// Links and what is known about people.
        Analyst = "analyst",
        /// What is set up and who did what, and nothing about people.
        Auditor = "auditor",
    }
}

/// A user to be stored.
#[derive(Debug, Clone)]
pub struct NewUser<'a> {
    /// Public id.
    pub uuid: Uuid,
    /// Organization whose workspaces are shown.
    pub organization: OrganizationId,
    /// What the user may do.
    pub role: UserRole,
    /// Look-up value of the e-mail address.
    pub email_index: &'a BlindIndex,
    /// When it was made.
    pub created_at: Micros,
    /// The e-mail address, sealed.
    pub sealed: &'a Sealed,
}

/// A stored user.
#[derive(Debug, Clone)]
pub struct User {
    /// Internal id.
    pub id: UserId,
    /// Public id.
    pub uuid: Uuid,
    /// Public id of the organization.
    pub organization: Uuid,
    /// What the organization is called.
    pub organization_name: String,
    /// What the user may do.
    pub role: UserRole,
    /// The hash of the password, with the parameters it was made with; `None` until one is set.
    pub password: Option<String>,
    /// The language the user chose.
    pub language: Option<String>,
    /// When the user was made.
    pub created_at: Micros,
    /// Since when the user cannot sign in.
    pub disabled_at: Option<Micros>,
    /// The e-mail address, sealed.
    pub sealed: Sealed,
}

const COLUMNS: &str = "select u.id, u.uuid, o.uuid, o.name, u.role, u.password, u.language, \
     u.created_at, u.disabled_at, u.sealed from users u \
     join organizations o on o.id = u.organization_id";

/// The ten columns from `first` on.
pub(super) fn user(row: &Row<'_>, first: usize) -> Result<User> {
    Ok(User {
        id: UserId(row.int(first)?),
        uuid: row.uuid(first + 1)?,
        organization: row.uuid(first + 2)?,
        organization_name: row.text(first + 3)?,
        role: UserRole::from_column(&row.text(first + 4)?)?,
        password: row.opt_text(first + 5)?,
        language: row.opt_text(first + 6)?,
        created_at: row.int(first + 7)?,
        disabled_at: row.opt_int(first + 8)?,
        sealed: row.sealed(first + 9)?,
    })
}

impl Tx<'_> {
    /// Stores a user without a password.
    ///
    /// # Errors
    /// `Conflict` when the e-mail address is a user's.
    pub fn insert_user(&mut self, user: &NewUser<'_>) -> Result<UserId> {
        self.query_one(
            "insert into users (uuid, organization_id, email_index, role, created_at, sealed) \
             values ($1, $2, $3, $4, $5, $6) returning id",
            &[
                user.uuid.into(),
                user.organization.into(),
                user.email_index.into(),
                user.role.into(),
                user.created_at.into(),
                user.sealed.into(),
            ],
            |row| Ok(UserId(row.int(0)?)),
        )
    }

    /// Whether any user has a password, disabled ones too.
    ///
    /// # Errors
    /// When the database fails.
    pub fn has_passwords(&mut self) -> Result<bool> {
        let sql = "select 1 from users where password is not null limit 1";
        Ok(self.query_opt(sql, &[], |_| Ok(()))?.is_some())
    }

    /// The user with this e-mail address.
    ///
    /// # Errors
    /// When the database fails.
    pub fn user_by_email(&mut self, email: &BlindIndex) -> Result<Option<User>> {
        let sql = format!("{COLUMNS} where u.email_index = $1");
        self.query_opt(&sql, &[email.into()], |row| user(row, 0))
    }

    /// A page of the users of an organization, or of all, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn users(&mut self, organization: Option<Uuid>, page: PageRequest) -> Result<Page<User>> {
        let mut clause = Where::beyond("u.id", 0);
        if let Some(organization) = organization {
            clause.and_in("o.uuid", [organization]);
        }
        let count = format!(
            "select count(*) from users u join organizations o on o.id = u.organization_id{}",
            clause.sql()
        );
        let count = self.query_one(&count, clause.params(), |row| row.int(0))?;
        let (tail, params) = clause.sliced("u.id", page);
        let rows = self.query(&format!("{COLUMNS}{tail}"), &params, |row| user(row, 0))?;
        Ok(Page { count, rows })
    }

    /// Sets what a user's password is checked against; `None` leaves the user without one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_user_password(&mut self, id: UserId, password: Option<&str>) -> Result<()> {
        let sql = "update users set password = $2 where id = $1";
        self.execute(sql, &[id.into(), password.into()])?;
        Ok(())
    }

    /// Sets since when a user cannot sign in; `None` lets the user in again.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_user_disabled(&mut self, id: UserId, at: Option<Micros>) -> Result<()> {
        let sql = "update users set disabled_at = $2 where id = $1";
        self.execute(sql, &[id.into(), at.into()])?;
        Ok(())
    }

    /// Sets the language a user reads: `es` or `en`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_user_language(&mut self, id: UserId, language: &str) -> Result<()> {
        let sql = "update users set language = $2 where id = $1";
        self.execute(sql, &[id.into(), language.into()])?;
        Ok(())
    }

    /// Invites a user, or with `None` whoever will be the first one. Earlier invitations of the same
    /// end, and those of everybody that are over at `now` are removed.
    ///
    /// # Errors
    /// `Conflict` when the hash is stored already.
    pub fn put_invitation(
        &mut self,
        user: Option<UserId>,
        token: &BlindIndex,
        (now, expires_at): (Micros, Micros),
    ) -> Result<()> {
        self.execute("delete from invitations where expires_at <= $1", &[now.into()])?;
        match user {
            Some(user) => {
                self.execute("delete from invitations where user_id = $1", &[user.into()])?
            }
            None => self.execute("delete from invitations where user_id is null", &[])?,
        };
        self.execute(
            "insert into invitations (token_hash, user_id, expires_at) values ($1, $2, $3)",
            &[token.into(), user.into(), expires_at.into()],
        )?;
        Ok(())
    }

    /// Whom an invitation that is not over invites; an inner `None` is the first user.
    ///
    /// # Errors
    /// When the database fails.
    pub fn invitation(&mut self, token: &BlindIndex, now: Micros) -> Result<Option<Option<User>>> {
        let invited = self.query_opt(
            "select user_id from invitations where token_hash = $1 and expires_at > $2",
            &[token.into(), now.into()],
            |row| row.opt_int(0),
        )?;
        let Some(Some(id)) = invited else { return Ok(invited.map(|_| None)) };
        let sql = format!("{COLUMNS} where u.id = $1");
        let found = self.query_opt(&sql, &[id.into()], |row| user(row, 0))?;
        Ok(found.map(Some))
    }

    /// Uses an invitation up. Whether it was there: of two that use it at once one is told so.
    ///
    /// # Errors
    /// When the database fails.
    pub fn take_invitation(&mut self, token: &BlindIndex) -> Result<bool> {
        let taken =
            self.execute("delete from invitations where token_hash = $1", &[token.into()])?;
        Ok(taken > 0)
    }
}
