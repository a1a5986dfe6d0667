//! Everything about one person, for whoever has the right to know it.

use uuid::Uuid;
use vinculo_vault::Sealed;

use super::{LoadState, Micros, Resource, SubjectId, Trigger};
use crate::tables::deliveries::DeliveryState;
use crate::{Result, Tx};

/// A request to fill a link of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadAbout {
    /// The link.
    pub link: Uuid,
    /// Why it ran.
    pub trigger: Trigger,
    /// What was loaded.
    pub resources: Vec<Resource>,
    /// Request that asked for it.
    pub request_id: Uuid,
    /// How far it has come.
    pub state: LoadState,
    /// Why it failed, one word.
    pub failure: Option<String>,
    /// When it was asked for.
    pub created_at: Micros,
    /// When it ended.
    pub finished_at: Option<Micros>,
}

/// Something about the person that receivers were told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventAbout {
    /// Internal id.
    pub id: i64,
    /// Public id.
    pub webhook_id: Uuid,
    /// The link, while it is there.
    pub link: Option<Uuid>,
    /// `EMPLOYMENTS`, `OWNERS` or `LINK`.
    pub webhook_type: String,
    /// What happened.
    pub webhook_code: String,
    /// When.
    pub created_at: Micros,
}

/// An event on its way to one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryAbout {
    /// Internal id of the event.
    pub event: i64,
    /// Public id of the receiver, while it is there.
    pub endpoint: Option<Uuid>,
    /// How far it has come.
    pub state: DeliveryState,
    /// Tries so far.
    pub attempts: i64,
    /// When the last try began.
    pub last_attempt_at: Option<Micros>,
}

impl Tx<'_> {
    /// The loads of the person's links, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn loads_about(&mut self, subject: SubjectId) -> Result<Vec<LoadAbout>> {
        self.query(
            "select l.uuid, o.trigger, o.resources, o.request_id, o.state, o.failure, \
             o.created_at, o.finished_at from links l join loads o on o.link_id = l.id \
             where l.subject_id = $1 order by o.created_at, o.id",
            &[subject.into()],
            |row| {
                Ok(LoadAbout {
                    link: row.uuid(0)?,
                    trigger: Trigger::from_column(&row.text(1)?)?,
                    resources: Resource::from_list(&row.text(2)?)?,
                    request_id: row.uuid(3)?,
                    state: LoadState::from_column(&row.text(4)?)?,
                    failure: row.opt_text(5)?,
                    created_at: row.int(6)?,
                    finished_at: row.opt_int(7)?,
                })
            },
        )
    }

    /// The events about the person, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn events_about(&mut self, subject: SubjectId) -> Result<Vec<EventAbout>> {
        self.query(
            "select e.id, e.webhook_id, l.uuid, e.webhook_type, e.webhook_code, e.created_at \
             from events e left join links l on l.id = e.link_id \
             where e.subject_id = $1 order by e.created_at, e.id",
            &[subject.into()],
            |row| {
                Ok(EventAbout {
                    id: row.int(0)?,
                    webhook_id: row.uuid(1)?,
                    link: row.opt_uuid(2)?,
                    webhook_type: row.text(3)?,
                    webhook_code: row.text(4)?,
                    created_at: row.int(5)?,
                })
            },
        )
    }

    /// The deliveries of the events about the person, by event.
    ///
    /// # Errors
    /// When the database fails.
    pub fn deliveries_about(&mut self, subject: SubjectId) -> Result<Vec<DeliveryAbout>> {
        self.query(
            "select d.event_id, w.uuid, d.state, \
             (select count(*) from attempts a where a.delivery_id = d.id), \
             (select max(a.started_at) from attempts a where a.delivery_id = d.id) \
             from events e join deliveries d on d.event_id = e.id \
             left join webhook_endpoints w on w.id = d.endpoint_id \
             where e.subject_id = $1 order by d.event_id, d.id",
            &[subject.into()],
            |row| {
                Ok(DeliveryAbout {
                    event: row.int(0)?,
                    endpoint: row.opt_uuid(1)?,
                    state: DeliveryState::from_column(&row.text(2)?)?,
                    attempts: row.int(3)?,
                    last_attempt_at: row.opt_int(4)?,
                })
            },
        )
    }

    /// The type-1 record of the person as a payer, sealed with the person's key.
    ///
    /// # Errors
    /// When the database fails.
    pub fn payer_record_of(&mut self, subject: SubjectId) -> Result<Option<Sealed>> {
        let sql =
            "select sealed from payers where subject_id = $1 order by updated_at desc limit 1";
        self.query_opt(sql, &[subject.into()], |row| row.sealed(0))
    }
}
