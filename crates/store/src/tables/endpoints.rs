//! Webhook endpoints: where a workspace wants its events sent.

use uuid::Uuid;
use vinculo_vault::Sealed;

use super::ids::text_enum;
use super::{EndpointId, Micros, Page, PageRequest, WorkspaceId};
use crate::{Result, Row, Tx};

text_enum! {
    /// Why nothing is sent to an endpoint.
    DisabledReason in "webhook_endpoints" {
        /// Somebody wanted it.
        Manual = "manual",
        /// It answered that it is gone.
        Gone = "gone",
        /// It failed for too long.
        Failing = "failing",
    }
}

/// An endpoint to be stored.
#[derive(Debug, Clone)]
pub struct NewEndpoint<'a> {
    /// Public id; part of what seals the address.
    pub uuid: Uuid,
    /// Workspace whose events it receives.
    pub workspace: WorkspaceId,
    /// When it was made.
    pub created_at: Micros,
    /// Types of events it wants; `None` for all.
    pub types: Option<&'a [String]>,
    /// Address, Authorization value and secrets, sealed with the workspace's key.
    pub sealed: &'a Sealed,
}

/// A stored endpoint.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Internal id.
    pub id: EndpointId,
    /// Public id.
    pub uuid: Uuid,
    /// When it was made.
    pub created_at: Micros,
    /// Types of events it wants; `None` for all.
    pub types: Option<Vec<String>>,
    /// Since when and why nothing is sent to it.
    pub disabled: Option<(Micros, DisabledReason)>,
    /// The first failed try since the last one that did not fail.
    pub failing_since: Option<Micros>,
    /// Until when it is left in peace; from then on it has one delivery at a time, until one arrives.
    pub held_until: Option<Micros>,
    /// Address, Authorization value and secrets, sealed with the workspace's key.
    pub sealed: Sealed,
}

/// How an endpoint fares that takes no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failing {
    /// The first failed try since the last one that did not fail.
    pub since: Micros,
    /// The first failed try since the last one that did not fail, or since a time without any try.
    pub again_since: Micros,
}

const COLUMNS: &str = "id, uuid, created_at, webhook_types, disabled_at, disabled_reason, failing_since, held_until, \
     sealed";

impl Endpoint {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let reason = row.opt_text(5)?.map(|word| DisabledReason::from_column(&word)).transpose()?;
        let disabled_at = row.opt_int(4)?;
        Ok(Self {
            id: EndpointId(row.int(0)?),
            uuid: row.uuid(1)?,
            created_at: row.int(2)?,
            types: row.opt_text(3)?.map(|listed| types_of(&listed)),
            disabled: disabled_at.map(|at| (at, reason.unwrap_or(DisabledReason::Manual))),
            failing_since: row.opt_int(6)?,
            held_until: row.opt_int(7)?,
            sealed: row.sealed(8)?,
        })
    }
}

/// The statement that forgets what failed at an endpoint.
pub(super) fn works(endpoint: &str, sent_to: &str, began: &str) -> String {
    format!(
        "update webhook_endpoints set failing_since = null, \
         held_until = case when held_until > {began} then held_until end where id = {endpoint} \
         and (failing_since is not null or held_until <= {began}) and sealed = {sent_to} \
         and disabled_at is null"
    )
}

/// Types from how the column keeps them.
pub(super) fn types_of(listed: &str) -> Vec<String> {
    listed.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Types as the column keeps them.
fn listed(types: Option<&[String]>) -> Option<String> {
    types.map(|types| format!(",{},", types.join(",")))
}

impl Tx<'_> {
    /// Stores an endpoint.
    ///
    /// # Errors
    /// When the database fails.
    pub fn insert_endpoint(&mut self, endpoint: &NewEndpoint<'_>) -> Result<EndpointId> {
        self.query_one(
            "insert into webhook_endpoints (uuid, workspace_id, created_at, webhook_types, sealed) \
             values ($1, $2, $3, $4, $5) returning id",
            &[
                endpoint.uuid.into(),
                endpoint.workspace.into(),
                endpoint.created_at.into(),
                listed(endpoint.types).as_ref().into(),
                endpoint.sealed.into(),
            ],
            |row| Ok(EndpointId(row.int(0)?)),
        )
    }

    /// A page of the workspace's endpoints, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn endpoints(
        &mut self,
        workspace: WorkspaceId,
        page: PageRequest,
    ) -> Result<Page<Endpoint>> {
        let count = self.query_one(
            "select count(*) from webhook_endpoints where workspace_id = $1",
            &[workspace.into()],
            |row| row.int(0),
        )?;
        let rows = self.query(
            &format!(
                "select {COLUMNS} from webhook_endpoints where workspace_id = $1 \
                 order by id desc limit $2 offset $3"
            ),
            &[workspace.into(), page.limit.into(), page.offset.into()],
            Endpoint::from_row,
        )?;
        Ok(Page { count, rows })
    }

    /// How many endpoints of the workspace were disabled because they failed or said that they are gone.
    ///
    /// # Errors
    /// When the database fails.
    pub fn lost_endpoints(&mut self, workspace: WorkspaceId) -> Result<i64> {
        self.query_one(
            "select count(*) from webhook_endpoints where workspace_id = $1 \
             and disabled_at is not null and disabled_reason in ('gone', 'failing')",
            &[workspace.into()],
            |row| row.int(0),
        )
    }

    /// An endpoint of the workspace.
    ///
    /// # Errors
    /// When the database fails.
    pub fn endpoint(&mut self, workspace: WorkspaceId, uuid: Uuid) -> Result<Option<Endpoint>> {
        self.query_opt(
            &format!(
                "select {COLUMNS} from webhook_endpoints where uuid = $2 and workspace_id = $1"
            ),
            &[workspace.into(), uuid.into()],
            Endpoint::from_row,
        )
    }

    /// An endpoint of the workspace, held until the transaction ends. Whoever changes an endpoint
    /// and its deliveries holds the endpoint first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn hold_endpoint(
        &mut self,
        workspace: WorkspaceId,
        uuid: Uuid,
    ) -> Result<Option<Endpoint>> {
        self.query_opt(
            &format!(
                "update webhook_endpoints set created_at = created_at \
                 where uuid = $2 and workspace_id = $1 returning {COLUMNS}"
            ),
            &[workspace.into(), uuid.into()],
            Endpoint::from_row,
        )
    }

    /// Changes what an endpoint wants and where it is.
    ///
    /// # Errors
    /// When the database fails.
    pub fn change_endpoint(
        &mut self,
        id: EndpointId,
        types: Option<&[String]>,
        sealed: &Sealed,
    ) -> Result<()> {
        self.execute(
            "update webhook_endpoints set webhook_types = $2, sealed = $3 where id = $1",
            &[id.into(), listed(types).as_ref().into(), sealed.into()],
        )?;
        Ok(())
    }

    /// Sends nothing to an endpoint any more. Of what waits for it the first are cancelled; the rest is
    /// stranded, and not sent either. `false` when it was disabled already.
    ///
    /// # Errors
    /// When the database fails.
    pub fn disable_endpoint(
        &mut self,
        id: EndpointId,
        reason: DisabledReason,
        now: Micros,
    ) -> Result<bool> {
        let changed = self.execute(
            "update webhook_endpoints set disabled_at = $2, disabled_reason = $3 \
             where id = $1 and disabled_at is null",
            &[id.into(), now.into(), reason.into()],
        )?;
        if changed == 1 {
            self.cancel_some_deliveries(id, now)?;
        }
        Ok(changed == 1)
    }

    /// Sends to an endpoint again what happens from now on, and forgets that it failed; what is stranded is
    /// cancelled, all of it. Changes nothing when it is enabled.
    ///
    /// # Errors
    /// When the database fails.
    pub fn enable_endpoint(&mut self, id: EndpointId, now: Micros) -> Result<()> {
        self.cancel_stranded_deliveries(id, i64::MAX, now)?;
        self.execute(
            "update webhook_endpoints set disabled_at = null, disabled_reason = null, \
             failing_since = null, held_until = null where id = $1 and disabled_at is not null",
            &[id.into()],
        )?;
        Ok(())
    }

    /// Notes a failed try that went where `sent_to` says, and tells since when every try has failed;
    /// a time of `quiet` microseconds without a failed try begins anew. The endpoint is left in peace until
    /// `held_until`, when that is given. `None` when the endpoint was changed since, is disabled or gone: then
    /// the try says nothing about it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn endpoint_failed(
        &mut self,
        id: EndpointId,
        sent_to: &Sealed,
        at: Micros,
        quiet: Micros,
        held_until: Option<Micros>,
    ) -> Result<Option<Failing>> {
        self.query_opt(
            "update webhook_endpoints set failing_since = coalesce(failing_since, $3), \
             failing_again_since = case when failing_since is not null and last_failed_at > $4 \
             then failing_again_since else $3 end, last_failed_at = $3, \
             held_until = case when cast($5 as bigint) > coalesce(held_until, 0) then $5 else held_until end \
             where id = $1 and sealed = $2 and disabled_at is null \
             returning failing_since, failing_again_since",
            &[id.into(), sent_to.into(), at.into(), (at - quiet).into(), held_until.into()],
            |row| Ok(Failing { since: row.int(0)?, again_since: row.int(1)? }),
        )
    }

    /// Notes that an endpoint took an event that went where `sent_to` says: whatever failed until
    /// now, also since that try began, is forgotten, unless the endpoint was changed or disabled
    /// since; that it asked to be left in peace is when the try `began` after that time. Does not lock the
    /// endpoint when there is nothing to forget.
    ///
    /// # Errors
    /// When the database fails.
    pub fn endpoint_works(
        &mut self,
        id: EndpointId,
        sent_to: &Sealed,
        began: Micros,
    ) -> Result<()> {
        let params = [id.into(), sent_to.into(), began.into()];
        self.execute(&works("$1", "$2", "$3"), &params)?;
        Ok(())
    }

    /// Removes an endpoint and all its secrets. Its deliveries stay; of those that wait the first are
    /// cancelled, and the rest is stranded.
    ///
    /// # Errors
    /// When the database fails.
    pub fn delete_endpoint(&mut self, id: EndpointId, now: Micros) -> Result<()> {
        self.execute("delete from webhook_endpoints where id = $1", &[id.into()])?;
        self.cancel_some_deliveries(id, now)?;
        Ok(())
    }
}
