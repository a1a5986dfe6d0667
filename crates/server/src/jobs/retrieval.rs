//! Filling a link from its sources, in the background or while a caller waits: one question to each
//! source at most, then one transaction that writes contributions, objects and the state of the link.

use std::sync::Arc;

use uuid::Uuid;
use vinculo_pila::Document;
use vinculo_store::{
    Link, LinkStatus, Load, LoadId, LoadState, Origin, Purpose, StoredPayload, Trigger, Tx,
};
use vinculo_vault::DataKey;

use super::announce::{Announcement, Webhook};
use super::calls::{Known, Question, answered_from, record_calls};
use super::changes::Held;
use super::learned::{Answered, Learned};
use crate::App;
use crate::consents::{self, Denied};
use crate::error::ApiError;
use crate::filling::{Filling, Months};
use crate::once::About;
use crate::projection::{LinkSecrets, Person, seal_lines};
use crate::sandbox::{self, Wish};
use crate::secrets::WorkspaceSecrets;
use crate::settings::Settings;
use crate::sources::{
    self, Asked, Deadlines, Inquiry, SourcePolicy, answers_that_stand, best, kept_answers,
};
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
    /// What sources have answered already that this load may use.
    stored: Vec<StoredPayload>,
    policy: SourcePolicy,
    /// Whether an answer is kept before it is used: a second attempt needs it.
    keeps: bool,
    /// The consent that the load runs under; `None` in it when the customer attests by contract.
    basis: Result<Option<Uuid>, Denied>,
    /// By how many months the calendar of the workspace was ahead when `stored` was read.
    months_ahead: i64,
}

/// How a load is worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// While a caller waits.
    Attended,
    /// In the background, for the first time.
    First,
    /// In the background again: what was answered before is not asked a second time.
    Again,
}

/// What a resource of the link holds after a retrieval.
pub(crate) struct Filled {
    /// The documents of the wanted months, newest first.
    pub(crate) documents: Vec<Vec<u8>>,
    /// How many objects the link has, of whatever months.
    held: usize,
    /// How many of the documents are new or changed.
    news: usize,
}

impl Retrieval {
    /// `None` when the load has ended, its link is gone or invalid, or the document is not stored any
    /// more: nothing may be asked.
    pub(crate) async fn read(
        app: &App,
        load: LoadId,
        attempt: Attempt,
    ) -> Result<Option<Self>, ApiError> {
        let reader = app.clone();
        app.store()
            .read(move |tx| {
                let Some(load) = tx.load(load)? else { return Ok(None) };
                let Some(link) = tx.link_by_id(load.link)? else { return Ok(None) };
                if load.state != LoadState::Waiting || link.status != LinkStatus::Valid {
                    return Ok(None);
                }
                let key = reader.all_secrets().vault().unwrap_key(&link.key)?;
                let secrets = LinkSecrets::open(&key, link.uuid, &link.sealed)?;
                let Some(person) = secrets.document.clone() else { return Ok(None) };
                let calendar = sandbox::calendar(tx, reader.secrets(load.workspace)?.workspace())?;
                let mut stored = stored(tx, &reader, &load, &person, attempt)?;
                // An answer from before the calendar was moved is of no use any more.
                stored.retain(|one| calendar.moved_at.is_none_or(|moved| one.created_at >= moved));
                let basis = consents::basis(tx, &link, &load.resources, reader.now_micros())?;
                // The question of a load that has its answers was asked by another rule.
                let policy = match load.source_call {
                    Some(_) => SourcePolicy::First,
                    None => Settings::read(tx, load.workspace)?.source_policy,
                };
                let keeps = load.save_data || attempt != Attempt::Attended;
                Ok(Some(Self {
                    app: reader.clone(),
                    keeps,
                    load,
                    link,
                    key,
                    secrets,
                    person,
                    stored,
                    policy,
                    basis,
                    months_ahead: calendar.months_ahead,
                }))
            })
            .await
    }

    /// What was answered already, and otherwise what sources say now. A new answer is committed before
    /// anything is made of it: a crash costs work, not a second paid question.
    pub(crate) async fn learn(
        &mut self,
        deadlines: Deadlines,
        wish: &Wish,
    ) -> Result<Learned, ApiError> {
        let secrets = self.app.secrets(self.link.workspace)?;
        let (key, stored) = (Some(&self.key), std::mem::take(&mut self.stored));
        let mut kept = kept_answers(&self.app, &secrets, &self.person, key, stored)?;
        kept.iter_mut().for_each(|kept| kept.months_ahead = self.months_ahead);
        if self.load.source_call.is_some() && best(&kept).is_some_and(Asked::is_answer) {
            let calls: Vec<_> = kept.iter().map(|kept| kept.kept.map(|(call, _)| call)).collect();
            return Learned::of(&self.person, kept, &calls, self.app.now())
                .ok_or_else(nobody_to_ask);
        }
        let (person, policy) = (&self.person, self.policy);
        let inquiry = Inquiry { person, policy, deadlines, kept, wish };
        let asked = sources::ask(&self.app, &secrets, inquiry).await?;
        self.record(secrets, asked).await
    }

    async fn record(
        &self,
        secrets: Arc<WorkspaceSecrets>,
        asked: Vec<Asked>,
    ) -> Result<Learned, ApiError> {
        let collected_at = self.app.now();
        let months_ahead = best(&asked).map_or(0, |asked| asked.months_ahead);
        let (consent, keeps) = (self.basis.ok().flatten(), self.keeps);
        let (app, person) = (self.app.clone(), self.person.clone());
        let (load, subject, wrapped) = (self.load.id, self.link.subject, self.link.key.clone());
        let (asked, calls) = self
            .app
            .store()
            .write(move |tx| {
                let key = app.all_secrets().vault().unwrap_key(&wrapped)?;
                // The person may have been erased meanwhile: then nobody is told who was asked about.
                let erased = !tx.lock_subject(subject)?;
                // The link may have been deleted meanwhile: then nothing is kept of the answer.
                // When the calendar was moved meanwhile, a second run asks again.
                let moved = sandbox::months_ahead(tx, secrets.workspace())? != months_ahead;
                let keep = keeps && !moved;
                let known = tx.load(load)?.map(|_| Known { subject, key: &key, keep });
                let purpose = Purpose::Load;
                let (person, all) = (&person, &asked);
                let question = Question { person, asked: all, purpose, consent, erased };
                let calls = record_calls(tx, &app, &secrets, question, known)?;
                if let Some(call) = answered_from(&asked, &calls).filter(|_| !moved) {
                    tx.set_load_call(load, call)?;
                }
                Ok::<_, ApiError>((asked, calls))
            })
            .await?;
        Learned::of(&self.person, asked, &calls, collected_at).ok_or_else(nobody_to_ask)
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
    pub(crate) fn fill(&self, tx: &mut Tx<'_>, learned: &Learned) -> Result<Vec<Filled>, ApiError> {
        let months = self.load.window.as_ref().and_then(Months::of);
        // What is kept from an answer that was reused is as old as its load, not as the answer.
        let at = self.app.now_micros();
        let secrets = self.app.secrets(self.link.workspace)?;
        let filling = Filling {
            app: &self.app,
            secrets: &secrets,
            link: &self.link,
            key: &self.key,
            person: &self.person,
            collected_at: learned.collected_at,
        };
        let stale = stale_at(at, self.link.stale_in.as_deref());
        tx.mark_filled(self.link.id, at, Some(stale))?;
        if !self.load.save_data {
            for answered in &learned.answers {
                tx.forget_payload(answered.call)?;
            }
            return self.show(tx, &filling, &learned.answers, months);
        }
        let known =
            Person { workspace: self.link.workspace, subject: self.link.subject, key: &self.key };
        for answered in &learned.answers {
            if answered.lines.is_empty() || answered.is_known(tx, &known)? {
                continue;
            }
            let (subject, batch) = (self.link.subject, (Origin::Answer, answered.call.0));
            tx.drop_contributions(subject, Origin::Answer, Some(answered.source))?;
            let lines = seal_lines(&secrets, &self.key, subject, batch, &answered.lines)?;
            tx.insert_contributions(&lines)?;
        }
        let filled = self.store(tx, &filling, months)?;
        self.catch_up(tx, learned.months_ahead)?;
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
        answers: &[Answered],
        months: Option<Months>,
    ) -> Result<Vec<Filled>, ApiError> {
        let fresh: Vec<_> =
            answers.iter().flat_map(|answered| answered.lines.iter().cloned()).collect();
        let projection = filling.project(tx, &fresh)?;
        let show = |&resource| {
            let documents = filling.show(resource, &projection, months)?;
            Ok(Filled { documents, held: 0, news: 0 })
        };
        self.load.resources.iter().map(show).collect()
    }

    fn store(
        &self,
        tx: &mut Tx<'_>,
        filling: &Filling<'_>,
        months: Option<Months>,
    ) -> Result<Vec<Filled>, ApiError> {
        let projection = filling.project(tx, &[])?;
        let compared = self.load.trigger == Trigger::Schedule;
        let mut filled = Vec::with_capacity(self.load.resources.len());
        for &resource in &self.load.resources {
            let before = match compared {
                true => Some(Held::read(tx, resource, &self.link, &self.key)?),
                false => None,
            };
            let (held, documents) = filling.put(tx, resource, &projection, months)?;
            let news = before.map_or(Ok(documents.len()), |before| before.news(&documents))?;
            filled.push(Filled { documents, held, news });
        }
        Ok(filled)
    }

    /// A link that does not store its document has it for its first load only (contract 6.3).
    pub(super) fn forget_unless_stored(&self, tx: &mut Tx<'_>) -> Result<(), ApiError> {
        if self.is_stored() || self.load.trigger != Trigger::Creation {
            return Ok(());
        }
        let forgotten = LinkSecrets { document: None, ..self.secrets.clone() };
        Ok(tx.forget_credentials(self.link.id, &forgotten.seal(&self.key, self.link.uuid)?)?)
    }

    /// Tells the customer what a load in the background found: everything that can be read after a
    /// request of theirs, none of it without data, what is new after a refresh on schedule (contract 5.3).
    pub(super) fn announce(
        &self,
        tx: &mut Tx<'_>,
        (filled, has_data): (&[Filled], bool),
    ) -> Result<(), ApiError> {
        let told = self.load.resources.iter().zip(filled).filter(|_| !self.load.quiet);
        for (&resource, &Filled { held: found, news, .. }) in told {
            let webhook = match self.load.trigger {
                Trigger::Creation | Trigger::Refresh => Webhook::filled(resource, found),
                Trigger::Schedule if news == 0 => continue,
                Trigger::Schedule => Webhook::news(resource, news),
                Trigger::Request => Webhook::news(resource, if has_data { found } else { 0 }),
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

/// What was answered about the person that a load may use: the question it was made with, what was
/// answered in an earlier attempt, and, when nobody asked for anything new, what is not old yet.
fn stored(
    tx: &mut Tx<'_>,
    app: &App,
    load: &Load,
    person: &Document,
    attempt: Attempt,
) -> Result<Vec<StoredPayload>, ApiError> {
    if let Some(call) = load.source_call {
        return Ok(tx.answers_from(load.subject, call)?);
    }
    let secrets = app.secrets(load.workspace)?;
    let of_attempts = (attempt == Attempt::Again).then_some(load.created_at);
    let which = (of_attempts, load.trigger == Trigger::Schedule);
    Ok(answers_that_stand(tx, app, &secrets, person, which)?)
}

fn nobody_to_ask() -> ApiError {
    ApiError::unexpected("no source is configured")
}
