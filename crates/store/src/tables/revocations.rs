//! Revocations of consents, of API keys and of their passwords, as they are kept beside the wrapped
//! keys: data that was restored from an older backup meets them there.

use uuid::Uuid;
use vinculo_vault::Sealed;

use super::{ApiKeyId, Micros, WorkspaceId};
use crate::{Result, Tx};

/// Stands in the place of a password's hash where all of a key was taken back, or a consent.
const WHOLE: [u8; 0] = [];

/// A consent that holds in the data, and was taken back.
#[derive(Debug, Clone)]
pub struct LostRevocation {
    /// The consent.
    pub consent: Uuid,
    /// When it was taken back.
    pub revoked_at: Micros,
    /// What was said then.
    pub sealed: Sealed,
}

/// API keys that opened again what they must not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClosedKeys {
    /// Keys that were revoked.
    pub revoked: u64,
    /// Keys that have no other password than one that was replaced: they end when that one does.
    pub ended: u64,
    /// Keys that lose the older of their two passwords.
    pub retired: u64,
}

impl Tx<'_> {
    /// Keeps the revocation of a consent beside the keys; what is kept already stays.
    pub(super) fn keep_revoked_consent(&mut self, uuid: Uuid) -> Result<()> {
        self.execute(
            "insert into revocations (kind, workspace_id, object, password, revoked_at, sealed) \
             select 'consent', workspace_id, uuid, $2, revoked_at, sealed_revocation \
             from consents where uuid = $1 and revoked_at is not null \
             on conflict (object, password) do nothing",
            &[uuid.into(), (&WHOLE).into()],
        )?;
        Ok(())
    }

    /// As [`Self::keep_revoked_consent`], of a key.
    pub(super) fn keep_revoked_key(&mut self, id: ApiKeyId) -> Result<()> {
        self.execute(
            "insert into revocations (kind, workspace_id, object, password, revoked_at) \
             select 'key', workspace_id, secret_id, $2, revoked_at from api_keys \
             where id = $1 and revoked_at is not null \
             on conflict (object, password) do nothing",
            &[id.into(), (&WHOLE).into()],
        )?;
        Ok(())
    }

    /// Keeps beside the keys that the older password of a key opens it until `at`, or until the
    /// earlier moment that is kept.
    pub(super) fn keep_old_password(&mut self, id: ApiKeyId, at: Micros) -> Result<()> {
        self.execute(
            "insert into revocations (kind, workspace_id, object, password, revoked_at) \
             select 'key', workspace_id, secret_id, old_hash, $2 from api_keys \
             where id = $1 and old_hash is not null \
             on conflict (object, password) do update set revoked_at = excluded.revoked_at \
             where revocations.revoked_at > excluded.revoked_at",
            &[id.into(), at.into()],
        )?;
        Ok(())
    }

    /// Keeps beside the keys what was taken back before they were kept there: by an earlier version.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_revocations(&mut self) -> Result<()> {
        for (kind, object, said, table) in [
            ("consent", "uuid", "sealed_revocation", "consents"),
            ("key", "secret_id", "null", "api_keys"),
        ] {
            self.execute(
                &format!(
                    "insert into revocations (kind, workspace_id, object, password, revoked_at, \
                     sealed) select '{kind}', workspace_id, {object}, $1, revoked_at, {said} \
                     from {table} where revoked_at is not null and not exists \
                     (select 1 from revocations r where r.object = {table}.{object} \
                     and r.password = $1) on conflict (object, password) do nothing"
                ),
                &[(&WHOLE).into()],
            )?;
        }
        Ok(())
    }

    /// Up to `limit` consents of a workspace that hold in the data though they were taken back: it is
    /// older than that.
    ///
    /// # Errors
    /// When the database fails.
    pub fn lost_revocations(
        &mut self,
        workspace: WorkspaceId,
        limit: i64,
    ) -> Result<Vec<LostRevocation>> {
        self.query(
            "select r.object, r.revoked_at, r.sealed from revocations r \
             join consents c on c.uuid = r.object where r.workspace_id = $1 \
             and r.kind = 'consent' and c.workspace_id = $1 and c.revoked_at is null \
             and r.sealed is not null order by r.id limit $2",
            &[workspace.into(), limit.into()],
            |row| {
                Ok(LostRevocation {
                    consent: row.uuid(0)?,
                    revoked_at: row.int(1)?,
                    sealed: row.sealed(2)?,
                })
            },
        )
    }

    /// Takes API keys back that were taken back since the data was copied. A key of which the data
    /// knows no newer password than one that was replaced ends with that one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn close_revoked_keys(&mut self) -> Result<ClosedKeys> {
        let of = |password: &str| {
            format!(
                "from revocations r where r.kind = 'key' and r.object = api_keys.secret_id \
                 and r.password = {password}"
            )
        };
        let (whole, new, old) = (of("$1"), of("api_keys.secret_hash"), of("api_keys.old_hash"));
        let revoked = self.execute(
            &format!(
                "update api_keys set revoked_at = (select r.revoked_at {whole}) \
                 where revoked_at is null and exists (select 1 {whole})"
            ),
            &[(&WHOLE).into()],
        )?;
        let mut earlier = |column: &str, known: &str| {
            self.execute(
                &format!(
                    "update api_keys set {column} = (select r.revoked_at {known}) \
                     where revoked_at is null and exists (select 1 {known} and \
                     (api_keys.{column} is null or api_keys.{column} > r.revoked_at))"
                ),
                &[],
            )
        };
        let ended = earlier("expires_at", &new)?;
        let retired = earlier("old_until", &old)?;
        Ok(ClosedKeys { revoked, ended, retired })
    }
}
