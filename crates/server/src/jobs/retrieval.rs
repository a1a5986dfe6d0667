//! Filling a link from its sources, in the background or while a caller waits: one source question
//! at most, then one transaction that writes contributions, objects and the state of the link.

use jiff::Timestamp;
use uuid::Uuid;
use vinculo_pila::{Contribution, Document};
use vinculo_sources::{Answer, NoDataReason, Outcome};
use vinculo_store::{
    Link, LinkStatus, Load, LoadId, LoadState, Origin, Purpose, SourceCallId, Trigger, Tx,
};
use vinculo_vault::DataKey;

use super::announce::{Announcement, Webhook};
use super::calls::{Known, Question, payload_context, record_calls};
use super::changes::Held;
use crate::App;
use crate::consents::{self, Denied};
use crate::error::ApiError;
use crate::filling::{Filling, Months};
use crate::once::About;
use crate::projection::{LinkSecrets, seal_lines};
use crate::sandbox::{self, Wish};
use crate::sources::{self, KeptAnswer, best};
use crate::terms::{Storage, stale_at};

/// Failed retrievals in a row after which a link is invalid (contract 6.1).
const MOST_FAILURES: i64 = 6;

/// A load that waits, with everything that is needed to end it.
pub(crate) struct Retrieval {
    pub(super) app: App,
    pub(super) load: Load,
    link: Link,
    key: DataKey,
    secrets: LinkSecrets,
    person: Document,
    /// The consent that the load runs under; `None` in it when the customer attests by contract.
    basis: Result<Option<Uuid>, Denied>,
}

/// What the source said, and which call said it.
pub(crate) struct Learned {
    pub(crate) outcome: Outcome,
    source: Source,
}

/// Where what was said comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    /// The call that said it.
    call: Option<SourceCallId>,
    collected_at: Timestamp,
    /// By how many months the calendar of the workspace was ahead.
    months_ahead: i64,
}

/// What a resource of the link holds after a retrieval.
pub(crate) struct Filled {
    /// The documents of the wanted months, newest first.
    pub(crate) documents: Vec<Vec<u8>>,
    /// How many of them are new or changed.
    news: usize,
}

impl Retrieval {
    /// `None` when the load has ended, its link is gone or invalid, or the document is not stored any
    /// more: nothing may be asked.
    pub(crate) async fn read(app: &App, load: LoadId) -> Result<Option<Self>, ApiError> {
        let now = app.now_micros();
        let found = app
            .store()
            .read(move |tx| {
                let Some(load) = tx.load(load)? else { return Ok(None) };
                let Some(link) = tx.link_by_id(load.link)? else { return Ok(None) };
                let basis = consents::basis(tx, &link, &load.resources, now)?;
                Ok::<_, ApiError>(Some((load, link, basis)))
            })
            .await?;
        let asks = |(load, link, _): &(Load, Link, _)| {
            load.state == LoadState::Waiting && link.status == LinkStatus::Valid
        };
        let Some((load, link, basis)) = found.filter(asks) else { return Ok(None) };
        let key = app.all_secrets().vault().unwrap_key(&link.key)?;
        let secrets = LinkSecrets::open(&key, link.uuid, &link.sealed)?;
        let Some(person) = secrets.document.clone() else { return Ok(None) };
        Ok(Some(Self { app: app.clone(), load, link, key, secrets, person, basis }))
    }

    /// The kept answer of the question that was asked already, or a new question. A new answer is
    /// committed before anything is made of it: a crash costs work, not a second paid question.
    pub(crate) async fn learn(&self, wish: &Wish) -> Result<Learned, ApiError> {
        if let Some(call) = self.load.source_call
            && let Some(learned) = self.recall(call).await?
        {
            return Ok(learned);
        }
        let secrets = self.app.secrets(self.link.workspace)?;
        let budget = self.app.config().load_timeout;
        let asked = sources::ask(&self.app, &secrets, &self.person, budget, wish).await?;
        let collected_at = self.app.now();
        let best = best(&asked).map(|asked| (asked.outcome.clone(), asked.months_ahead));
        let best = best.ok_or_else(|| ApiError::unexpected("no source is configured"))?;
        let (outcome, months_ahead) = best;
        let (app, person) = (self.app.clone(), self.person.clone());
        let (load, subject, wrapped) = (self.load.id, self.link.subject, self.link.key.clone());
        let consent = self.basis.ok().flatten();
        let call = self
            .app
            .store()
            .write(move |tx| {
                let key = app.all_secrets().vault().unwrap_key(&wrapped)?;
                // The person may have been erased meanwhile: then nobody is told who was asked about.
                if !tx.lock_subject(subject)? {
                    return Ok(None);
                }
                // The link may have been deleted meanwhile: then nothing is kept of the answer.
                let known = tx.load(load)?.map(|_| Known { subject, key: &key, keep: true });
                let (asked, purpose) = (asked.as_slice(), Purpose::Load);
                let question = Question { person: &person, asked, purpose, consent };
                let call = record_calls(tx, &app, &secrets, question, known)?;
                // When the calendar was moved meanwhile, a second run asks again.
                let moved = sandbox::months_ahead(tx, secrets.workspace())? != months_ahead;
                if let Some(call) = call.filter(|_| !moved) {
                    tx.set_load_call(load, call)?;
                }
                Ok::<_, ApiError>(call)
            })
            .await?;
        Ok(Learned { outcome, source: Source { call, collected_at, months_ahead } })
    }

    async fn recall(&self, call: SourceCallId) -> Result<Option<Learned>, ApiError> {
        let secrets = self.app.secrets(self.link.workspace)?;
        let workspace = secrets.workspace().clone();
        let read = self.app.store().read(move |tx| {
            let calendar = sandbox::calendar(tx, &workspace)?;
            // An answer from before the calendar was moved is of no use any more.
            let current = |at| calendar.moved_at.is_none_or(|moved| at >= moved);
            let stored = tx.source_payload(call)?.filter(|stored| current(stored.created_at));
            Ok::<_, vinculo_store::Error>((stored, calendar.months_ahead))
        });
        let (stored, months_ahead) = read.await?;
        let Some(stored) = stored else { return Ok(None) };
        let collected_at =
            Timestamp::from_microsecond(stored.created_at).unwrap_or_else(|_| self.app.now());
        let source = Source { call: Some(call), collected_at, months_ahead };
        let learned = |outcome| Learned { outcome, source };
        let Some(payload) = stored.payload else {
            if stored.outcome == Outcome::NoData(NoDataReason::Unknown).code() {
                return Ok(Some(learned(Outcome::NoData(NoDataReason::Unknown))));
            }
            // Imported planillas answer from the store: there is nothing to keep.
            let planillas = stored.source == sources::Source::Planillas.name();
            return Ok(planillas.then(|| learned(Outcome::Resolved(Answer::default()))));
        };
        let bytes = self.key.open(payload_context(stored.uuid), &payload)?;
        let Some(answer) = KeptAnswer::from_bytes(&bytes) else { return Ok(None) };
        let environment = secrets.workspace().environment;
        let outcome = self.app.sources().reread(environment, &stored.source, &answer, &self.person);
        Ok(outcome.map(learned))
    }

    /// The load.
    pub(crate) const fn load(&self) -> LoadId {
        self.load.id
    }

    /// The person and the link, and what seals everything about them.
    pub(crate) const fn about(&self) -> About<'_> {
        About { subject: self.link.subject, link: Some(self.link.id), key: &self.key }
    }

    /// Holds the person until the transaction ends, and looks at the link again: it may have been
    /// changed, refused or deleted, or a consent taken back, while the source was asked. `false` when
    /// nothing may be written.
    pub(crate) fn lock(&mut self, tx: &mut Tx<'_>) -> Result<bool, ApiError> {
        // An erased person has no link either.
        tx.lock_subject(self.link.subject)?;
        let Some(link) = tx.link_by_id(self.link.id)? else { return Ok(false) };
        self.secrets = LinkSecrets::open(&self.key, link.uuid, &link.sealed)?;
        self.link = link;
        let now = self.app.now_micros();
        self.basis = consents::basis(tx, &self.link, &self.load.resources, now)?;
        if self.link.status != LinkStatus::Valid {
            return Ok(false);
        }
        if self.basis.is_err() {
            self.forget_unless_stored(tx)?;
        }
        Ok(self.basis.is_ok())
    }

    /// Whether the person allows what the load asks for.
    pub(crate) const fn is_permitted(&self) -> bool {
        self.basis.is_ok()
    }

    /// Why nothing may be written.
    pub(crate) fn closed(&self) -> ApiError {
        self.basis.map_or_else(ApiError::from, |_| ApiError::not_found())
    }

    /// Ends the load. `false` when it had ended already: then nothing may be written.
    pub(crate) fn end(
        &self,
        tx: &mut Tx<'_>,
        state: LoadState,
        why: Option<&str>,
    ) -> Result<bool, ApiError> {
        Ok(tx.finish_load(self.load.id, state, why, self.app.now_micros())?)
    }

    /// Whether the document is kept after the first load.
    pub(super) fn is_stored(&self) -> bool {
        Storage::parse(&self.link.credentials_storage) != Some(Storage::NoStore)
    }

    /// Writes what was learned, unless the load asks to keep nothing; the link is valid. Answers
    /// what each resource of the load holds now.
    pub(crate) fn fill(
        &self,
        tx: &mut Tx<'_>,
        answer: &Answer,
        source: Source,
    ) -> Result<Vec<Filled>, ApiError> {
        let Source { call, collected_at, months_ahead } = source;
        let months = self.load.window.as_ref().and_then(Months::of);
        let at = collected_at.as_microsecond();
        let secrets = self.app.secrets(self.link.workspace)?;
        let filling = Filling {
            app: &self.app,
            secrets: &secrets,
            link: &self.link,
            key: &self.key,
            person: &self.person,
            collected_at,
        };
        let fresh = &answer.contributions;
        let stale = stale_at(at, self.link.stale_in.as_deref());
        tx.mark_filled(self.link.id, at, Some(stale))?;
        if !self.load.save_data {
            if let Some(call) = call {
                tx.forget_payload(call)?;
            }
            return self.show(tx, &filling, fresh, months);
        }
        if let Some(call) = call.filter(|_| !fresh.is_empty()) {
            let (subject, batch) = (self.link.subject, (Origin::Ach, call.0));
            tx.drop_contributions(subject, Origin::Ach)?;
            let lines = seal_lines(&secrets, &self.key, subject, batch, fresh)?;
            tx.insert_contributions(&lines)?;
        }
        let filled = self.store(tx, &filling, months)?;
        self.catch_up(tx, months_ahead)?;
        self.forget_unless_stored(tx)?;
        Ok(filled)
    }

    /// When the calendar was moved while the source was asked, the link is refreshed once more.
    fn catch_up(&self, tx: &mut Tx<'_>, months_ahead: i64) -> Result<(), ApiError> {
        let secrets = self.app.secrets(self.link.workspace)?;
        let moved = sandbox::months_ahead(tx, secrets.workspace())? != months_ahead;
        if let Some((_, trigger)) = self.link.due.refresh.filter(|_| moved) {
            tx.set_refresh(self.link.id, Some((self.app.now_micros(), trigger)))?;
        }
        Ok(())
    }

    fn show(
        &self,
        tx: &mut Tx<'_>,
        filling: &Filling<'_>,
        fresh: &[Contribution],
        months: Option<Months>,
    ) -> Result<Vec<Filled>, ApiError> {
        // An answer without lines takes nothing back that was said before.
        let fresh = Some(fresh).filter(|lines| !lines.is_empty());
        let projection = filling.project(tx, fresh)?;
        let show = |&resource| {
            let documents = filling.show(resource, &projection, months)?;
            Ok(Filled { documents, news: 0 })
        };
        self.load.resources.iter().map(show).collect()
    }

    fn store(
        &self,
        tx: &mut Tx<'_>,
        filling: &Filling<'_>,
        months: Option<Months>,
    ) -> Result<Vec<Filled>, ApiError> {
        let projection = filling.project(tx, None)?;
        let compared = self.load.trigger == Trigger::Schedule;
        let mut filled = Vec::with_capacity(self.load.resources.len());
        for &resource in &self.load.resources {
            let held = match compared {
                true => Some(Held::read(tx, resource, &self.link, &self.key)?),
                false => None,
            };
            let documents = filling.put(tx, resource, &projection, months)?;
            let news = held.map_or(Ok(documents.len()), |held| held.news(&documents))?;
            filled.push(Filled { documents, news });
        }
        Ok(filled)
    }

    /// A link that does not store its document has it for its first load only (contract 6.3).
    fn forget_unless_stored(&self, tx: &mut Tx<'_>) -> Result<(), ApiError> {
        if self.is_stored() || self.load.trigger != Trigger::Creation {
            return Ok(());
        }
        let forgotten = LinkSecrets { document: None, ..self.secrets.clone() };
        Ok(tx.forget_credentials(self.link.id, &forgotten.seal(&self.key, self.link.uuid)?)?)
    }

    /// Tells the customer what a load in the background found: everything after a request of
    /// theirs, what is new after a refresh on schedule (contract 5.3).
    pub(super) fn announce(&self, tx: &mut Tx<'_>, filled: &[Filled]) -> Result<(), ApiError> {
        for (&resource, filled) in self.load.resources.iter().zip(filled) {
            let found = filled.documents.len();
            let webhook = match self.load.trigger {
                Trigger::Creation | Trigger::Refresh => Webhook::filled(resource, found),
                Trigger::Schedule if filled.news == 0 => continue,
                Trigger::Schedule => Webhook::news(resource, filled.news),
                Trigger::Request => Webhook::news(resource, found),
            };
            self.announcement().emit(tx, &webhook)?;
        }
        Ok(())
    }

    /// The institution refuses the person: the link is invalid, and the customer is told.
    pub(crate) fn refuse(&self, tx: &mut Tx<'_>) -> Result<(), ApiError> {
        if tx.invalidate_link(self.link.id)? {
            self.announcement().emit(tx, &Webhook::invalid_credentials())?;
        }
        self.forget_unless_stored(tx)
    }

    /// One more retrieval failed, for reasons that say nothing about us: too many in a row, and the
    /// link is invalid.
    pub(crate) fn fail(&self, tx: &mut Tx<'_>) -> Result<(), ApiError> {
        if tx.count_failure(self.link.id)? >= MOST_FAILURES {
            return self.refuse(tx);
        }
        self.forget_unless_stored(tx)
    }

    fn announcement(&self) -> Announcement<'_> {
        Announcement {
            app: &self.app,
            link: &self.link,
            key: &self.key,
            external_id: self.secrets.external_id.as_deref(),
            load: Some(self.load.id),
            request_id: self.load.request_id,
        }
    }
}

impl Learned {
    /// Which call said it, and when.
    pub(crate) const fn source(&self) -> Source {
        self.source
    }
}
