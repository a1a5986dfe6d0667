//! API keys: a Secret ID in clear, keyed hashes of one or two Secret Passwords, and what they allow.

use uuid::Uuid;

use super::page::Where;
use super::{ApiKeyId, Environment, Micros, Page, PageRequest, Workspace, WorkspaceId};
use crate::{Result, Row, Tx};

/// What a key allows. Lists are words with a space between them, in the form their reader wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTerms {
    /// What its owner calls it.
    pub name: String,
    /// What it opens.
    pub scopes: String,
    /// Networks it may be used from; empty is everywhere.
    pub allow_list: String,
    /// When it opens nothing any more.
    pub expires_at: Option<Micros>,
}

/// A key to be stored.
#[derive(Debug, Clone)]
pub struct NewApiKey<'a> {
    /// Workspace the key opens.
    pub workspace: WorkspaceId,
    /// Public half.
    pub secret_id: Uuid,
    /// Keyed hash of the secret half.
    pub secret_hash: &'a [u8],
    /// What it allows.
    pub terms: &'a KeyTerms,
    /// When it was made.
    pub created_at: Micros,
}

/// A key as authentication needs it.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Internal id.
    pub id: ApiKeyId,
    /// Keyed hash of the secret half, to be compared in constant time.
    pub secret_hash: Vec<u8>,
    /// Keyed hash of the password before, while it opens the key too.
    pub old_hash: Option<Vec<u8>>,
    /// When that one stops; until it is retired when `None`.
    pub old_until: Option<Micros>,
    /// Workspace the key opens.
    pub workspace: Workspace,
    /// What it allows.
    pub terms: KeyTerms,
}

/// A key as whoever manages it sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedKey {
    /// Internal id.
    pub id: ApiKeyId,
    /// Public half.
    pub secret_id: Uuid,
    /// What it allows.
    pub terms: KeyTerms,
    /// When it was made.
    pub created_at: Micros,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Micros>,
    /// Whether the password before the last one is kept.
    pub has_old: bool,
    /// When that one stops; until it is retired when `None`.
    pub old_until: Option<Micros>,
}

const LISTED: &str = "select id, secret_id, name, scopes, allow_list, expires_at, created_at, \
                      last_used_at, case when old_hash is null then 0 else 1 end, old_until \
                      from api_keys";

fn listed(row: &Row<'_>) -> Result<ListedKey> {
    Ok(ListedKey {
        id: ApiKeyId(row.int(0)?),
        secret_id: row.uuid(1)?,
        terms: terms(row, 2)?,
        created_at: row.int(6)?,
        last_used_at: row.opt_int(7)?,
        has_old: row.bool(8)?,
        old_until: row.opt_int(9)?,
    })
}

/// The four columns from `first` on.
fn terms(row: &Row<'_>, first: usize) -> Result<KeyTerms> {
    Ok(KeyTerms {
        name: row.text(first)?,
        scopes: row.text(first + 1)?,
        allow_list: row.text(first + 2)?,
        expires_at: row.opt_int(first + 3)?,
    })
}

impl Tx<'_> {
    /// Stores a key.
    ///
    /// # Errors
    /// `Conflict` when the Secret ID exists.
    pub fn insert_api_key(&mut self, key: &NewApiKey<'_>) -> Result<ApiKeyId> {
        self.query_one(
            "insert into api_keys (secret_id, workspace_id, name, secret_hash, created_at, \
             scopes, allow_list, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8) returning id",
            &[
                key.secret_id.into(),
                key.workspace.into(),
                (&key.terms.name).into(),
                key.secret_hash.into(),
                key.created_at.into(),
                (&key.terms.scopes).into(),
                (&key.terms.allow_list).into(),
                key.terms.expires_at.into(),
            ],
            |row| Ok(ApiKeyId(row.int(0)?)),
        )
    }

    /// The key with this Secret ID, unless it was revoked.
    ///
    /// # Errors
    /// When the database fails.
    pub fn api_key(&mut self, secret_id: Uuid) -> Result<Option<ApiKey>> {
        self.query_opt(
            "select k.id, k.secret_hash, w.id, w.uuid, o.uuid, w.environment, k.old_hash, \
             k.old_until, k.name, k.scopes, k.allow_list, k.expires_at \
             from api_keys k \
             join workspaces w on w.id = k.workspace_id \
             join organizations o on o.id = w.organization_id \
             where k.secret_id = $1 and k.revoked_at is null",
            &[secret_id.into()],
            |row| {
                Ok(ApiKey {
                    id: ApiKeyId(row.int(0)?),
                    secret_hash: row.bytes(1)?,
                    old_hash: row.opt_bytes(6)?,
                    old_until: row.opt_int(7)?,
                    workspace: Workspace {
                        id: WorkspaceId(row.int(2)?),
                        uuid: row.uuid(3)?,
                        organization: row.uuid(4)?,
                        environment: Environment::from_column(&row.text(5)?)?,
                    },
                    terms: terms(row, 8)?,
                })
            },
        )
    }

    /// A page of the workspace's keys, newest first, without those that were revoked.
    ///
    /// # Errors
    /// When the database fails.
    pub fn api_keys(
        &mut self,
        workspace: WorkspaceId,
        page: PageRequest,
    ) -> Result<Page<ListedKey>> {
        let mut conditions = Where::equals("workspace_id", workspace);
        conditions.and_null("revoked_at");
        let count = format!("select count(*) from api_keys{}", conditions.sql());
        let count = self.query_one(&count, conditions.params(), |row| row.int(0))?;
        let (sliced, params) = conditions.sliced("created_at desc, id desc", page);
        let rows = self.query(&format!("{LISTED}{sliced}"), &params, listed)?;
        Ok(Page { count, rows })
    }

    /// What the workspace's keys are called, newest first, revoked ones too.
    ///
    /// # Errors
    /// When the database fails.
    pub fn api_key_names(
        &mut self,
        workspace: WorkspaceId,
        limit: i64,
    ) -> Result<Vec<(Uuid, String)>> {
        self.query(
            "select secret_id, name from api_keys where workspace_id = $1 \
             order by created_at desc, id desc limit $2",
            &[workspace.into(), limit.into()],
            |row| Ok((row.uuid(0)?, row.text(1)?)),
        )
    }

    /// A key of the workspace, unless it was revoked.
    ///
    /// # Errors
    /// When the database fails.
    pub fn listed_api_key(
        &mut self,
        workspace: WorkspaceId,
        secret_id: Uuid,
    ) -> Result<Option<ListedKey>> {
        self.query_opt(
            &format!("{LISTED} where workspace_id = $1 and secret_id = $2 and revoked_at is null"),
            &[workspace.into(), secret_id.into()],
            listed,
        )
    }

    /// A key by its internal id, unless it was revoked.
    ///
    /// # Errors
    /// When the database fails.
    pub fn listed_api_key_by_id(&mut self, id: ApiKeyId) -> Result<Option<ListedKey>> {
        self.query_opt(
            &format!("{LISTED} where id = $1 and revoked_at is null"),
            &[id.into()],
            listed,
        )
    }

    /// Changes what a key allows.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_api_key_terms(&mut self, id: ApiKeyId, terms: &KeyTerms) -> Result<()> {
        self.execute(
            "update api_keys set name = $2, scopes = $3, allow_list = $4, expires_at = $5 \
             where id = $1",
            &[
                id.into(),
                (&terms.name).into(),
                (&terms.scopes).into(),
                (&terms.allow_list).into(),
                terms.expires_at.into(),
            ],
        )?;
        Ok(())
    }

    /// Gives a key another password. The one before opens it too until `old_until`, or until it is
    /// retired.
    ///
    /// # Errors
    /// When the database fails.
    pub fn rotate_api_key(
        &mut self,
        id: ApiKeyId,
        secret_hash: &[u8],
        old_until: Option<Micros>,
    ) -> Result<()> {
        self.execute(
            "update api_keys set old_hash = secret_hash, old_until = $3, secret_hash = $2 \
             where id = $1",
            &[id.into(), secret_hash.into(), old_until.into()],
        )?;
        old_until.map_or(Ok(()), |at| self.keep_old_password(id, at))
    }

    /// Forgets the password before the last one. That it opens the key no more is kept beside the
    /// wrapped keys.
    ///
    /// # Errors
    /// When the database fails.
    pub fn retire_old_password(&mut self, id: ApiKeyId, now: Micros) -> Result<()> {
        self.keep_old_password(id, now)?;
        let sql = "update api_keys set old_hash = null, old_until = null where id = $1";
        self.execute(sql, &[id.into()])?;
        Ok(())
    }

    /// Makes a key open nothing any more; its row stays, and that it was revoked is kept beside the
    /// wrapped keys.
    ///
    /// # Errors
    /// When the database fails.
    pub fn revoke_api_key(&mut self, id: ApiKeyId, now: Micros) -> Result<()> {
        let sql = "update api_keys set revoked_at = $2 where id = $1 and revoked_at is null";
        self.execute(sql, &[id.into(), now.into()])?;
        self.keep_revoked_key(id)
    }

    /// Notes when a key was used, unless a later time is known.
    ///
    /// # Errors
    /// When the database fails.
    pub fn note_api_key_use(&mut self, id: ApiKeyId, at: Micros) -> Result<()> {
        self.execute(
            "update api_keys set last_used_at = $2 \
             where id = $1 and (last_used_at is null or last_used_at < $2)",
            &[id.into(), at.into()],
        )?;
        Ok(())
    }
}
