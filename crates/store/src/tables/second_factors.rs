//! The codes that users give beside their passwords.

use vinculo_vault::{BlindIndex, Sealed};

use super::{Micros, UserId};
use crate::{Result, Tx};

/// What a user's codes are made from.
#[derive(Debug, Clone)]
pub struct SecondFactor {
    /// Since when codes are asked for; `None` while it is being set up.
    pub confirmed_at: Option<Micros>,
    /// The secret, sealed.
    pub sealed: Sealed,
}

impl Tx<'_> {
    /// Begins to set up a user's codes, anew if that was begun before. `false` when the user has
    /// codes already.
    ///
    /// # Errors
    /// When the database fails.
    pub fn begin_second_factor(&mut self, user: UserId, sealed: &Sealed) -> Result<bool> {
        let begun = self.execute(
            "insert into second_factors (user_id, sealed) values ($1, $2) \
             on conflict (user_id) do update set sealed = excluded.sealed, last_step = 0 \
             where second_factors.confirmed_at is null",
            &[user.into(), sealed.into()],
        )?;
        Ok(begun == 1)
    }

    /// What a user's codes are made from, if there is anything.
    ///
    /// # Errors
    /// When the database fails.
    pub fn second_factor(&mut self, user: UserId) -> Result<Option<SecondFactor>> {
        self.query_opt(
            "select confirmed_at, sealed from second_factors where user_id = $1",
            &[user.into()],
            |row| Ok(SecondFactor { confirmed_at: row.opt_int(0)?, sealed: row.sealed(1)? }),
        )
    }

    /// Asks for codes from now on, with these recovery codes. `false` when that is so already, or
    /// none were set up.
    ///
    /// # Errors
    /// When the database fails.
    pub fn confirm_second_factor(
        &mut self,
        user: UserId,
        recovery: &[BlindIndex],
        now: Micros,
    ) -> Result<bool> {
        let confirmed = self.execute(
            "update second_factors set confirmed_at = $2 \
             where user_id = $1 and confirmed_at is null",
            &[user.into(), now.into()],
        )?;
        if confirmed == 0 {
            return Ok(false);
        }
        for code in recovery {
            self.execute(
                "insert into recovery_codes (code_hash, user_id) values ($1, $2)",
                &[code.into(), user.into()],
            )?;
        }
        Ok(true)
    }

    /// Uses the code of a step up. `false` when one of that step or a later one was used: of two
    /// that use it at once one is told so.
    ///
    /// # Errors
    /// When the database fails.
    pub fn take_step(&mut self, user: UserId, step: i64) -> Result<bool> {
        let taken = self.execute(
            "update second_factors set last_step = $2 where user_id = $1 and last_step < $2",
            &[user.into(), step.into()],
        )?;
        Ok(taken == 1)
    }

    /// Uses a recovery code up. Whether the user had it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn take_recovery_code(&mut self, user: UserId, code: &BlindIndex) -> Result<bool> {
        let taken = self.execute(
            "delete from recovery_codes where code_hash = $1 and user_id = $2",
            &[code.into(), user.into()],
        )?;
        Ok(taken == 1)
    }

    /// How many recovery codes a user has left.
    ///
    /// # Errors
    /// When the database fails.
    pub fn recovery_codes_left(&mut self, user: UserId) -> Result<i64> {
        let sql = "select count(*) from recovery_codes where user_id = $1";
        self.query_one(sql, &[user.into()], |row| row.int(0))
    }

    /// Asks a user for no codes any more. Whether codes were asked for.
    ///
    /// # Errors
    /// When the database fails.
    pub fn drop_second_factor(&mut self, user: UserId) -> Result<bool> {
        self.execute("delete from recovery_codes where user_id = $1", &[user.into()])?;
        let sql = "delete from second_factors where user_id = $1 and confirmed_at is not null";
        let dropped = self.execute(sql, &[user.into()])?;
        self.execute("delete from second_factors where user_id = $1", &[user.into()])?;
        Ok(dropped == 1)
    }
}
