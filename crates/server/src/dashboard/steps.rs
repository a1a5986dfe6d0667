//! What became of a link, step by step: made from the rows that tell it, the newest of each kind.

use vinculo_store::{
    DeliveryFilter, DeliveryState, EventFilter, Link, LoadCourse, PageRequest, SourceCall, Tx,
    WorkspaceId,
};

use super::data_words::Words;
use crate::clock::wire_time;
use crate::error::ApiError;
use crate::webhooks::EndpointStatus;

/// Rows read of each kind.
const LAST: PageRequest = PageRequest { limit: 100, offset: 0 };

/// A step.
pub(super) struct Step {
    /// Microseconds.
    at: i64,
    /// As the wire has it.
    pub(super) time: String,
    /// What happened, in the reader's language.
    pub(super) what: &'static str,
    /// Words of the API that say more.
    pub(super) more: Vec<String>,
    /// How it ended, if it has.
    pub(super) state: Option<String>,
    /// The delivery to look at.
    pub(super) delivery: Option<i64>,
    /// Where it goes, for who may know.
    pub(super) to: Option<String>,
    /// When it is tried next.
    pub(super) next: Option<String>,
}

impl Step {
    fn new(at: i64, what: &'static str) -> Self {
        let (time, more) = (wire_time(at), Vec::new());
        Self { at, time, what, more, state: None, delivery: None, to: None, next: None }
    }

    fn more(mut self, words: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.more.extend(words.into_iter().map(Into::into));
        self
    }

    fn ended(mut self, state: impl Into<String>) -> Self {
        self.state = Some(state.into());
        self
    }
}

/// What is read for the steps of a link.
pub(super) struct Rows {
    created_at: i64,
    loads: Vec<LoadCourse>,
    events: Vec<vinculo_store::Event>,
    deliveries: Vec<vinculo_store::Delivery>,
    consents: Vec<vinculo_store::Consent>,
}

/// How long a page follows a load that does not end, microseconds: what is shown is noted each time.
const FOLLOWED: i64 = 2 * 60 * 1_000_000;

impl Rows {
    /// Whether every load has ended.
    pub(super) fn is_loaded(&self) -> bool {
        self.loads.iter().all(|it| it.finished_at.is_some())
    }

    /// Whether a load is under way that may end while somebody looks.
    pub(super) fn is_loading(&self, now: i64) -> bool {
        self.loads.iter().any(|it| it.finished_at.is_none() && now - it.created_at < FOLLOWED)
    }
}

/// Reads what is told about a link.
///
/// # Errors
/// When the database fails.
pub(super) fn read(tx: &mut Tx<'_>, workspace: WorkspaceId, link: &Link) -> Result<Rows, ApiError> {
    let events = || EventFilter { links: Some(vec![link.uuid]), ..EventFilter::default() };
    let deliveries = DeliveryFilter { events: events(), ..DeliveryFilter::default() };
    Ok(Rows {
        created_at: link.created_at,
        loads: tx.load_courses(link.id, LAST.limit)?,
        events: tx.events(workspace, &events(), LAST)?.rows,
        deliveries: tx.deliveries(workspace, &deliveries, LAST)?.rows,
        consents: tx.consents_of(link.subject)?,
    })
}

/// The steps, the newest first.
pub(super) fn tell(
    rows: &Rows,
    calls: &[SourceCall],
    endpoints: &[EndpointStatus],
    d: &'static Words,
    now: i64,
) -> Vec<Step> {
    let mut steps = vec![Step::new(rows.created_at, d.step_created)];
    steps.extend(calls.iter().map(|call| {
        let step = Step::new(call.created_at, d.step_asked);
        let said = [call.source.clone(), call.purpose.as_str().to_owned()];
        step.more(said).more(call.reason.clone()).ended(call.outcome.clone())
    }));
    for load in &rows.loads {
        let trigger = load.trigger.as_str();
        steps.push(Step::new(load.created_at, d.step_load).more([trigger]));
        if let Some(at) = load.finished_at {
            let step = Step::new(at, d.step_loaded).more([trigger]);
            steps.push(step.more(load.failure.clone()).ended(load.state.as_str()));
        }
    }
    steps.extend(rows.events.iter().map(|event| {
        let said = [event.webhook_type.clone(), event.webhook_code.clone()];
        Step::new(event.created_at, d.step_event).more(said)
    }));
    steps.extend(rows.deliveries.iter().map(|it| delivery(it, endpoints, d)));
    steps.extend(rows.consents.iter().flat_map(|consent| {
        let method = consent.terms.method.as_str();
        let given = Step::new(consent.terms.granted_at, d.step_consent).more([method]);
        let revoked = consent.revoked_at.map(|at| Step::new(at, d.step_revoked));
        let over = consent.terms.expires_at.filter(|end| *end <= now && revoked.is_none());
        [Some(given), revoked, over.map(|at| Step::new(at, d.step_expired))].into_iter().flatten()
    }));
    // What happened at one moment is told in the order of the kinds above.
    steps.sort_by_key(|step| step.at);
    steps.reverse();
    steps
}

fn delivery(
    delivery: &vinculo_store::Delivery,
    endpoints: &[EndpointStatus],
    d: &'static Words,
) -> Step {
    let at = delivery.finished_at.unwrap_or(delivery.created_at);
    let said = [delivery.webhook_type.clone(), delivery.webhook_code.clone()];
    let to = endpoints.iter().find(|endpoint| Some(endpoint.id) == delivery.endpoint);
    let pending = delivery.state == DeliveryState::Pending;
    Step {
        delivery: Some(delivery.id.0),
        to: to.map(|endpoint| endpoint.url.clone()),
        next: pending.then(|| wire_time(delivery.due_at)),
        ..Step::new(at, d.step_delivery).more(said).ended(delivery.state.as_str())
    }
}
