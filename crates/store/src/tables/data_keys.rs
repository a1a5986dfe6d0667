//! Wrapped data keys, all of them: what a rotation of the master key goes through.

use vinculo_vault::WrappedKey;

use super::ids::text_enum;
use crate::{Error, Result, Tx};

text_enum! {
    /// Whose data a key seals.
    KeyOwner in "data_keys" {
        /// What belongs to a workspace and to nobody in it.
        Workspace = "workspace",
        /// Everything known about one person.
        Subject = "subject",
    }
}

/// A wrapped data key and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Whose data it seals.
    pub owner: KeyOwner,
    /// Internal id of the owner.
    pub owner_id: i64,
    /// The wrapped key.
    pub wrapped: WrappedKey,
}

/// How many data keys one version of the master key wraps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyCount {
    /// Version of the master key.
    pub version: i64,
    /// Keys of workspaces.
    pub workspaces: i64,
    /// Keys of people.
    pub subjects: i64,
}

impl Tx<'_> {
    /// One data key of every version of the master key that wraps any, oldest version first. A
    /// look-up per version, however many keys there are.
    ///
    /// # Errors
    /// When the database fails.
    pub fn one_key_per_version(&mut self) -> Result<Vec<WrappedKey>> {
        let mut keys: Vec<WrappedKey> = Vec::new();
        let mut after = 0;
        loop {
            let next = self.query_opt(
                "select wrapped, master_version from data_keys where master_version > $1 \
                 order by master_version, owner_kind, owner_id limit 1",
                &[after.into()],
                |row| Ok((row.wrapped_key(0)?, row.int(1)?)),
            )?;
            let Some((key, version)) = next else { return Ok(keys) };
            keys.push(key);
            after = version;
        }
    }

    /// How many data keys each version of the master key wraps, oldest version first. Counts every
    /// key.
    ///
    /// # Errors
    /// When the database fails.
    pub fn count_keys(&mut self) -> Result<Vec<KeyCount>> {
        self.query(
            "select master_version, \
             cast(sum(case when owner_kind = 'workspace' then 1 else 0 end) as bigint), \
             cast(sum(case when owner_kind = 'subject' then 1 else 0 end) as bigint) \
             from data_keys group by master_version order by master_version",
            &[],
            |row| {
                Ok(KeyCount {
                    version: row.int(0)?,
                    workspaces: row.int(1)?,
                    subjects: row.int(2)?,
                })
            },
        )
    }

    /// Up to `limit` data keys that another version of the master key wraps than `version`.
    ///
    /// # Errors
    /// When the database fails; `Corrupt` when a row names another version than its key.
    pub fn keys_of_other_versions(&mut self, version: u32, limit: i64) -> Result<Vec<StoredKey>> {
        // Two ranges of the index, where `<>` would be a walk through all of it.
        self.query(
            "select owner_kind, owner_id, wrapped, master_version from \
             (select owner_kind, owner_id, wrapped, master_version from data_keys \
             where master_version < $1 union all \
             select owner_kind, owner_id, wrapped, master_version from data_keys \
             where master_version > $1) t limit $2",
            &[i64::from(version).into(), limit.into()],
            |row| {
                let (wrapped, version) = (row.wrapped_key(2)?, row.int(3)?);
                if i64::from(wrapped.version()) != version {
                    let what = format!("master_version {version} beside {wrapped:?}");
                    return Err(Error::Corrupt { table: "data_keys", what });
                }
                let owner = KeyOwner::from_column(&row.text(0)?)?;
                Ok(StoredKey { owner, owner_id: row.int(1)?, wrapped })
            },
        )
    }

    /// Puts a data key, wrapped anew, in the place of `old`. `false` when `old` is not there any
    /// more: its person was erased, or somebody else was first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn rewrap_key(&mut self, old: &StoredKey, new: &WrappedKey) -> Result<bool> {
        let changed = self.execute(
            "update data_keys set wrapped = $4, master_version = $5 \
             where owner_kind = $1 and owner_id = $2 and wrapped = $3",
            &[
                old.owner.into(),
                old.owner_id.into(),
                (&old.wrapped.to_bytes()).into(),
                (&new.to_bytes()).into(),
                i64::from(new.version()).into(),
            ],
        )?;
        Ok(changed == 1)
    }

    /// Puts the root key, wrapped anew, in the place of `old`. `false` when somebody else was first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn rewrap_root_key(&mut self, old: &WrappedKey, new: &WrappedKey) -> Result<bool> {
        let changed = self.execute(
            "update root_keys set wrapped = $2 where id = 1 and wrapped = $1",
            &[(&old.to_bytes()).into(), (&new.to_bytes()).into()],
        )?;
        Ok(changed == 1)
    }
}
