//! Events: something happened that every endpoint of the workspace must hear of.

use uuid::Uuid;
use vinculo_vault::{Sealed, WrappedKey};

use super::page::Where;
use super::{
    DeliveryState, EndpointId, EventId, LinkId, LoadId, Micros, Page, PageRequest, SubjectId,
    TimeSpan, WorkspaceId,
};
use crate::{Dialect, Queue, Result, Row, Tx, Value};

const EVENT: &str = "insert into events (webhook_id, workspace_id, subject_id, link_id, load_id, \
     webhook_type, webhook_code, created_at, sealed) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

/// Who hears of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipients {
    /// Every endpoint that wants its type.
    Everybody,
    /// One endpoint, whatever it wants.
    Only(EndpointId),
    /// Nobody; it can be looked up.
    Nobody,
}

/// An event to be emitted.
#[derive(Debug, Clone)]
pub struct NewEvent<'a> {
    /// Public id, the same in every delivery and every try; part of what seals the body.
    pub webhook_id: Uuid,
    /// Workspace it happened in.
    pub workspace: WorkspaceId,
    /// Person it is about, if any.
    pub subject: Option<SubjectId>,
    /// Link it is about, if any.
    pub link: Option<LinkId>,
    /// Load that caused it.
    pub load: Option<LoadId>,
    /// `EMPLOYMENTS`, `OWNERS`, `LINK`, `COHORT`, `TEST` or `ENDPOINT`.
    pub webhook_type: &'a str,
    /// What happened, such as `historical_update`.
    pub webhook_code: &'a str,
    /// The body that is sent, byte for byte, sealed with the key of the subject, or of the
    /// workspace when there is none.
    pub body: &'a Sealed,
    /// When it happened.
    pub created_at: Micros,
    /// Who hears of it.
    pub to: Recipients,
}

/// A stored event.
#[derive(Debug, Clone)]
pub struct Event {
    /// Internal id.
    pub id: EventId,
    /// Public id.
    pub webhook_id: Uuid,
    /// Person it is about, if any.
    pub subject: Option<SubjectId>,
    /// Public id of the link it is about; `None` also when that is gone.
    pub link: Option<Uuid>,
    /// `EMPLOYMENTS`, `OWNERS`, `LINK`, `COHORT`, `TEST` or `ENDPOINT`.
    pub webhook_type: String,
    /// What happened.
    pub webhook_code: String,
    /// When it happened.
    pub created_at: Micros,
    /// The body, sealed with the key of the subject, or of the workspace when there is none.
    pub body: Sealed,
    /// The subject's wrapped key.
    pub key: Option<WrappedKey>,
}

/// Which events of a workspace a list shows.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Only this public id.
    pub id: Option<Uuid>,
    /// Only about these links.
    pub links: Option<Vec<Uuid>>,
    /// Only of these types.
    pub types: Option<Vec<String>>,
    /// Only those that happened in this span.
    pub created: TimeSpan,
    /// Only those of which a delivery is in one of these states.
    pub with_delivery: Option<Vec<DeliveryState>>,
}

impl EventFilter {
    /// Whether it means a few events that it leads to.
    pub(super) fn is_narrow(&self) -> bool {
        self.id.is_some() || self.links.is_some()
    }

    /// The clause over events `v`; `narrow` when something else leads to few of them.
    pub(super) fn clause(&self, workspace: WorkspaceId, narrow: bool) -> Where<'_> {
        // Ids lead to fewer rows than the workspace does, which is thus kept from its index.
        let narrow = narrow || self.is_narrow();
        let own = if narrow { "+v.workspace_id" } else { "v.workspace_id" };
        let mut clause = Where::equals(own, workspace);
        if let Some(id) = self.id {
            clause.and_in("v.webhook_id", [id]);
        }
        if let Some(links) = &self.links {
            // The index of the person leads to the link's events.
            let of = "from links where +workspace_id = $1 and uuid in ({})";
            clause.and_list(&format!("v.link_id in (select id {of})"), links.iter().copied());
            clause.and_list(
                &format!("v.subject_id in (select subject_id {of})"),
                links.iter().copied(),
            );
        }
        if let Some(types) = &self.types {
            clause.and_in("v.webhook_type", types);
        }
        clause.and_span("v.created_at", self.created);
        if let Some(states) = &self.with_delivery {
            let some =
                "exists (select 1 from deliveries s where s.event_id = v.id and s.state in ({}))";
            clause.and_list(some, states.iter().copied());
        }
        clause
    }
}

impl Event {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            id: EventId(row.int(0)?),
            webhook_id: row.uuid(1)?,
            subject: SubjectId::from_column(row.int(2)?),
            link: row.opt_uuid(3)?,
            webhook_type: row.text(4)?,
            webhook_code: row.text(5)?,
            created_at: row.int(6)?,
            body: row.sealed(7)?,
            key: row.opt_wrapped_key(8)?,
        })
    }
}

impl Tx<'_> {
    /// Writes an event and one delivery per recipient, in the transaction that changed the state.
    /// Nothing is sent here. On PostgreSQL it is written with the next statement or the commit, which fails if
    /// this does.
    ///
    /// # Errors
    /// When the database fails.
    pub fn emit(&mut self, event: &NewEvent<'_>) -> Result<()> {
        let subject = event.subject.map_or(0, |subject| subject.0);
        let mut params = vec![
            event.webhook_id.into(),
            event.workspace.into(),
            subject.into(),
            event.link.map_or(0, |link| link.0).into(),
            event.load.map(|load| load.0).into(),
            event.webhook_type.into(),
            event.webhook_code.into(),
            event.created_at.into(),
            event.body.into(),
        ];
        let (whom, only) = match event.to {
            Recipients::Everybody => (
                "(webhook_types is null or webhook_types like '%,' || cast($10 as text) || ',%')",
                Value::from(event.webhook_type),
            ),
            Recipients::Only(endpoint) => ("id = $10", endpoint.into()),
            Recipients::Nobody => return self.execute_later(EVENT, &params),
        };
        params.push(only);
        if self.insert_with_deliveries(whom, params)? {
            self.wake(Queue::Deliveries);
        }
        Ok(())
    }

    /// Whether anybody may hear of it. PostgreSQL can do both in one statement, of which the answer is not
    /// waited for: who is woken for nothing finds nothing.
    fn insert_with_deliveries(&mut self, whom: &str, mut params: Vec<Value<'_>>) -> Result<bool> {
        let deliveries = |event: &str, of: &str| {
            format!(
                "insert into deliveries (workspace_id, subject_id, event_id, endpoint_id, state, \
                 due_at, created_at) select workspace_id, cast($3 as bigint), {event}, id, \
                 'pending', cast($8 as bigint), cast($8 as bigint) from webhook_endpoints{of} \
                 where workspace_id = $2 and disabled_at is null and {whom}"
            )
        };
        if self.dialect() == Dialect::Postgres {
            let deliveries = deliveries("event_id", " cross join event");
            let sql = format!("with event(event_id) as ({EVENT} returning id) {deliveries}");
            self.execute_later(&sql, &params)?;
            return Ok(true);
        }
        let sql = format!("{EVENT} returning id");
        let id = self.query_one(&sql, &params[..9], |row| row.int(0))?;
        params.push(id.into());
        Ok(self.execute(&deliveries("cast($11 as bigint)", ""), &params)? > 0)
    }

    /// A page of the workspace's events, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn events(
        &mut self,
        workspace: WorkspaceId,
        filter: &EventFilter,
        page: PageRequest,
    ) -> Result<Page<Event>> {
        let clause = filter.clause(workspace, false);
        let (tail, params) = clause.sliced("v.created_at desc, v.id desc", page);
        let rows = self.query(
            &format!(
                "select v.id, v.webhook_id, v.subject_id, l.uuid, v.webhook_type, \
                 v.webhook_code, v.created_at, v.sealed, k.wrapped from events v \
                 left join links l on l.id = v.link_id left join data_keys k \
                 on k.owner_kind = 'subject' and k.owner_id = v.subject_id{tail}"
            ),
            &params,
            Event::from_row,
        )?;
        let sql = format!("select count(*) from events v{}", clause.sql());
        let count = self.query_one(&sql, clause.params(), |row| row.int(0))?;
        Ok(Page { count, rows })
    }

    /// How many deliveries of these events there are in each state.
    ///
    /// # Errors
    /// When the database fails.
    pub fn delivery_states(
        &mut self,
        workspace: WorkspaceId,
        events: &[EventId],
    ) -> Result<Vec<(EventId, DeliveryState, i64)>> {
        let mut clause = Where::equals("+workspace_id", workspace);
        clause.and_in("event_id", events.iter().copied());
        self.query(
            &format!(
                "select event_id, state, count(*) from deliveries{} group by event_id, state",
                clause.sql()
            ),
            clause.params(),
            |row| {
                let state = DeliveryState::from_column(&row.text(1)?)?;
                Ok((EventId(row.int(0)?), state, row.int(2)?))
            },
        )
    }
}
