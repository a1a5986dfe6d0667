//! What every installation has once: the root key, the organizations and their workspaces.

use uuid::Uuid;
use vinculo_vault::WrappedKey;

use super::ids::text_enum;
use super::{Micros, OrganizationId, WorkspaceId};
use crate::{Result, Row, Tx};

text_enum! {
    /// The two halves of an organization; keys, links and data never cross between them.
    Environment in "workspaces" {
        /// Answers from the simulated operator.
        Sandbox = "sandbox",
        /// Answers from the configured sources.
        Production = "production",
    }
}

/// A customer of this installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Internal id.
    pub id: OrganizationId,
    /// Public id.
    pub uuid: Uuid,
    /// What it is called.
    pub name: String,
    /// When it was made.
    pub created_at: Micros,
}

/// A workspace and the organization it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Internal id.
    pub id: WorkspaceId,
    /// Public id.
    pub uuid: Uuid,
    /// Public id of the organization; `created_by` on the wire.
    pub organization: Uuid,
    /// Which half it is.
    pub environment: Environment,
}

impl Workspace {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            id: WorkspaceId(row.int(0)?),
            uuid: row.uuid(1)?,
            organization: row.uuid(2)?,
            environment: Environment::from_column(&row.text(3)?)?,
        })
    }
}

impl Tx<'_> {
    /// The installation's root key, if it has been created.
    ///
    /// # Errors
    /// When the database fails.
    pub fn root_key(&mut self) -> Result<Option<WrappedKey>> {
        self.query_opt("select wrapped from root_keys where id = 1", &[], |row| row.wrapped_key(0))
    }

    /// Stores the root key.
    ///
    /// # Errors
    /// `Conflict` when there is one already.
    pub fn insert_root_key(&mut self, key: &WrappedKey, now: Micros) -> Result<()> {
        let sql = "insert into root_keys (id, wrapped, created_at) values (1, $1, $2)";
        self.execute(sql, &[(&key.to_bytes()).into(), now.into()])?;
        Ok(())
    }

    /// Whether nothing was ever made here: an installation whose keys are lost is not a new one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_new(&mut self) -> Result<bool> {
        let found = self.query_opt("select 1 from organizations limit 1", &[], |_| Ok(()))?;
        Ok(found.is_none())
    }

    /// The latest moment at which anything was written that says so.
    ///
    /// # Errors
    /// When the database fails.
    pub fn latest_moment(&mut self) -> Result<Option<Micros>> {
        self.query_one(
            "select max(moment) from (select max(created_at) as moment from organizations \
             union all select max(created_at) from api_keys \
             union all select max(created_at) from links \
             union all select max(created_at) from imports) latest",
            &[],
            |row| row.opt_int(0),
        )
    }

    /// Creates an organization.
    ///
    /// # Errors
    /// When the database fails.
    pub fn insert_organization(
        &mut self,
        uuid: Uuid,
        name: &str,
        now: Micros,
    ) -> Result<OrganizationId> {
        self.query_one(
            "insert into organizations (uuid, name, created_at) values ($1, $2, $3) returning id",
            &[uuid.into(), name.into(), now.into()],
            |row| Ok(OrganizationId(row.int(0)?)),
        )
    }

    /// Every organization, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn organizations(&mut self) -> Result<Vec<Organization>> {
        let sql = "select id, uuid, name, created_at from organizations order by id";
        self.query(sql, &[], |row| {
            Ok(Organization {
                id: OrganizationId(row.int(0)?),
                uuid: row.uuid(1)?,
                name: row.text(2)?,
                created_at: row.int(3)?,
            })
        })
    }

    /// What an organization is called; `None` when there is none with this public id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn organization_name(&mut self, uuid: Uuid) -> Result<Option<String>> {
        let sql = "select name from organizations where uuid = $1";
        self.query_opt(sql, &[uuid.into()], |row| row.text(0))
    }

    /// Whether the keys that are there were made for the workspaces that are there: a key has the moment
    /// of its workspace, to the microsecond, and none of another installation has. One that fits is
    /// enough: an earlier version gave a workspace the key of one whose making had been cut off.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keys_fit(&mut self) -> Result<bool> {
        self.query_one(
            "select count(w.id), count(k.owner_id) from workspaces w \
             left join data_keys k on k.owner_kind = 'workspace' and k.owner_id = w.id \
             and k.created_at = w.created_at",
            &[],
            |row| {
                let (all, of_one_moment) = (row.int(0)?, row.int(1)?);
                Ok(of_one_moment > 0 || all == 0)
            },
        )
    }

    /// Creates a workspace with its wrapped data key. A key that is there already, from a start that
    /// was cut off, stays, and the workspace takes its moment: see [`Self::keys_fit`].
    ///
    /// # Errors
    /// `Conflict` when the organization has this environment already.
    pub fn insert_workspace(
        &mut self,
        uuid: Uuid,
        organization: OrganizationId,
        environment: Environment,
        key: &WrappedKey,
        now: Micros,
    ) -> Result<WorkspaceId> {
        let id = self.query_one(
            "insert into workspaces (uuid, organization_id, environment, created_at) \
             values ($1, $2, $3, $4) returning id",
            &[uuid.into(), organization.into(), environment.into(), now.into()],
            |row| Ok(WorkspaceId(row.int(0)?)),
        )?;
        self.insert_data_key("workspace", id.0, key, now)?;
        self.execute(
            "update workspaces set created_at = (select created_at from data_keys \
             where owner_kind = 'workspace' and owner_id = $1) where id = $1",
            &[id.into()],
        )?;
        Ok(id)
    }

    /// Every workspace with its wrapped data key, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn workspaces(&mut self) -> Result<Vec<(Workspace, WrappedKey)>> {
        self.query(
            "select w.id, w.uuid, o.uuid, w.environment, k.wrapped \
             from workspaces w \
             join organizations o on o.id = w.organization_id \
             join data_keys k on k.owner_kind = 'workspace' and k.owner_id = w.id \
             order by w.id",
            &[],
            |row| Ok((Workspace::from_row(row)?, row.wrapped_key(4)?)),
        )
    }

    /// Adds a wrapped data key; one that is there already stays.
    pub(crate) fn insert_data_key(
        &mut self,
        owner_kind: &'static str,
        owner_id: i64,
        key: &WrappedKey,
        now: Micros,
    ) -> Result<()> {
        self.execute(
            "insert into data_keys (owner_kind, owner_id, master_version, wrapped, created_at) \
             values ($1, $2, $3, $4, $5) on conflict (owner_kind, owner_id) do nothing",
            &[
                owner_kind.into(),
                owner_id.into(),
                i64::from(key.version()).into(),
                (&key.to_bytes()).into(),
                now.into(),
            ],
        )?;
        Ok(())
    }
}
