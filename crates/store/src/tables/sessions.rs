//! Who is signed in.

use vinculo_vault::BlindIndex;

use super::users::user;
use super::{Micros, User, UserId};
use crate::{Result, Tx};

/// A session and whose it is.
#[derive(Debug, Clone)]
pub struct Session {
    /// When it began.
    pub created_at: Micros,
    /// When it was last used, as far as that was noted.
    pub seen_at: Micros,
    /// Whose it is.
    pub user: User,
}

impl Tx<'_> {
    /// Begins a session.
    ///
    /// # Errors
    /// `Conflict` when the hash is stored already.
    pub fn insert_session(&mut self, token: &BlindIndex, user: UserId, now: Micros) -> Result<()> {
        self.execute(
            "insert into sessions (token_hash, user_id, created_at, seen_at) \
             values ($1, $2, $3, $3)",
            &[token.into(), user.into(), now.into()],
        )?;
        Ok(())
    }

    /// The session of a token, unless its user is disabled.
    ///
    /// # Errors
    /// When the database fails.
    pub fn session(&mut self, token: &BlindIndex) -> Result<Option<Session>> {
        self.query_opt(
            "select s.created_at, s.seen_at, u.id, u.uuid, o.uuid, o.name, u.role, u.password, \
             u.language, u.created_at, u.disabled_at, u.sealed from sessions s \
             join users u on u.id = s.user_id join organizations o on o.id = u.organization_id \
             where s.token_hash = $1 and u.disabled_at is null",
            &[token.into()],
            |row| {
                Ok(Session { created_at: row.int(0)?, seen_at: row.int(1)?, user: user(row, 2)? })
            },
        )
    }

    /// Notes that a session was used.
    ///
    /// # Errors
    /// When the database fails.
    pub fn touch_session(&mut self, token: &BlindIndex, now: Micros) -> Result<()> {
        let sql = "update sessions set seen_at = $2 where token_hash = $1 and seen_at < $2";
        self.execute(sql, &[token.into(), now.into()])?;
        Ok(())
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the database fails.
    pub fn end_session(&mut self, token: &BlindIndex) -> Result<()> {
        self.execute("delete from sessions where token_hash = $1", &[token.into()])?;
        Ok(())
    }

    /// Ends every session of a user.
    ///
    /// # Errors
    /// When the database fails.
    pub fn end_sessions_of(&mut self, user: UserId) -> Result<()> {
        self.execute("delete from sessions where user_id = $1", &[user.into()])?;
        Ok(())
    }

    /// Ends every session of a user but one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn end_other_sessions(&mut self, user: UserId, kept: &BlindIndex) -> Result<()> {
        let sql = "delete from sessions where user_id = $1 and token_hash <> $2";
        self.execute(sql, &[user.into(), kept.into()])?;
        Ok(())
    }

    /// Notes that a form of a session does its work now. `false` when it has done so before, or the
    /// session is over.
    ///
    /// # Errors
    /// When the database fails.
    pub fn use_form(&mut self, session: &BlindIndex, form: &BlindIndex) -> Result<bool> {
        let used = self.execute(
            "insert into sent_forms (session_hash, form_hash) \
             select token_hash, $2 from sessions where token_hash = $1 on conflict do nothing",
            &[session.into(), form.into()],
        )?;
        Ok(used == 1)
    }

    /// Removes sessions that were not used since `seen`, or began before `created`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget_sessions(&mut self, seen: Micros, created: Micros) -> Result<()> {
        let sql = "delete from sessions where seen_at < $1 or created_at < $2";
        self.execute(sql, &[seen.into(), created.into()])?;
        Ok(())
    }
}
