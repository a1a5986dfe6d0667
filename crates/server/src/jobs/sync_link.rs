//! Filling a link: one source question at most, then one transaction that writes contributions,
//! projected objects, link state and one event per resource.

use jiff::Timestamp;
use vinculo_pila::Document;
use vinculo_sources::{Answer, Outcome};
use vinculo_store::{
    ClaimedJob, Link, LinkStatus, Load, LoadId, LoadState, Origin, Purpose, SourceCallId, Tx,
};
use vinculo_vault::DataKey;

use super::announce::{Announcement, Webhook};
use super::calls::{payload_context, record_calls};
use super::failure::{JobFailure, LAST_ATTEMPT};
use crate::App;
use crate::error::ApiError;
use crate::projection::{Filling, LinkSecrets, seal_lines};
use crate::sources::{self, KeptAnswer, best};

/// What the job knows before it asks.
struct Task {
    app: App,
    load: Load,
    link: Link,
    key: DataKey,
    secrets: LinkSecrets,
}

/// What the source said, and which call said it.
struct Learned {
    outcome: Outcome,
    call: Option<SourceCallId>,
    collected_at: Timestamp,
}

/// Runs the job of a load.
pub(super) async fn run(app: &App, load: LoadId, job: ClaimedJob) -> Result<(), JobFailure> {
    let Some(task) = Task::read(app, load).await? else {
        return app
            .store()
            .write(move |tx| tx.finish_job(&job))
            .await
            .map(|_| ())
            .map_err(Into::into);
    };
    let learned = task.learn().await?;
    let collected_at = learned.collected_at;
    let answer = match learned.outcome {
        Outcome::Resolved(answer) => answer,
        Outcome::NoData(_) | Outcome::Withheld(_) => Answer::default(),
        Outcome::InvalidInput(_) => return task.refuse(job).await,
        other => return task.postpone(other, job).await,
    };
    app.store().write(move |tx| task.write(tx, &answer, learned.call, collected_at, job)).await?;
    Ok(())
}

impl Task {
    /// `None` when the load is finished or its link is gone.
    async fn read(app: &App, load: LoadId) -> Result<Option<Self>, JobFailure> {
        let found = app
            .store()
            .read(move |tx| {
                let Some(load) = tx.load(load)? else { return Ok(None) };
                let link = tx.link_by_id(load.link)?;
                Ok::<_, vinculo_store::Error>(link.map(|link| (load, link)))
            })
            .await?;
        let Some((load, link)) = found.filter(|(load, _)| load.state == LoadState::Waiting) else {
            return Ok(None);
        };
        let key = app.all_secrets().vault().unwrap_key(&link.key).map_err(ApiError::from)?;
        let secrets = LinkSecrets::open(&key, link.uuid, &link.sealed)?;
        Ok(Some(Self { app: app.clone(), load, link, key, secrets }))
    }

    fn person(&self) -> &Document {
        &self.secrets.document
    }

    /// The kept answer of the question that was asked already, or a new question. A new answer is
    /// committed before anything is made of it: a crash costs work, not a second paid question.
    async fn learn(&self) -> Result<Learned, JobFailure> {
        if let Some(call) = self.load.source_call
            && let Some(learned) = self.recall(call).await?
        {
            return Ok(learned);
        }
        let secrets = self.app.secrets(self.link.workspace).map_err(ApiError::from)?;
        let budget = self.app.config().load_timeout;
        let asked = sources::ask(&self.app, &secrets, self.person(), budget).await?;
        let collected_at = self.app.now();
        let outcome = best(&asked).map(|asked| asked.outcome.clone());
        let outcome = outcome.ok_or_else(|| JobFailure::retry("no source is configured"))?;
        let (app, person) = (self.app.clone(), self.person().clone());
        let (load, subject, wrapped) = (self.load.id, self.link.subject, self.link.key.clone());
        let call = self
            .app
            .store()
            .write(move |tx| {
                let key = app.all_secrets().vault().unwrap_key(&wrapped)?;
                // The link may have been deleted meanwhile: then nothing is kept of the answer.
                tx.lock_subject(subject)?;
                let owner = tx.load(load)?.map(|_| (subject, &key));
                let call = record_calls(tx, &app, &secrets, &person, &asked, Purpose::Load, owner)?;
                if let Some(call) = call {
                    tx.set_load_call(load, call)?;
                }
                Ok::<_, ApiError>(call)
            })
            .await?;
        Ok(Learned { outcome, call, collected_at })
    }

    async fn recall(&self, call: SourceCallId) -> Result<Option<Learned>, JobFailure> {
        let stored = self.app.store().read(move |tx| tx.source_payload(call)).await?;
        let Some(stored) = stored else { return Ok(None) };
        let collected_at =
            Timestamp::from_microsecond(stored.created_at).unwrap_or_else(|_| self.app.now());
        let Some(payload) = stored.payload else {
            // Imported planillas answer from the store: there is nothing to keep.
            let outcome = Outcome::Resolved(Answer::default());
            let planillas = stored.source == sources::Source::Planillas.name();
            return Ok(planillas.then_some(Learned { outcome, call: Some(call), collected_at }));
        };
        let bytes =
            self.key.open(payload_context(stored.uuid), &payload).map_err(ApiError::from)?;
        let Some(answer) = KeptAnswer::from_bytes(&bytes) else { return Ok(None) };
        let secrets = self.app.secrets(self.link.workspace).map_err(ApiError::from)?;
        let environment = secrets.workspace().environment;
        let outcome =
            self.app.sources().reread(environment, &stored.source, &answer, self.person());
        Ok(outcome.map(|outcome| Learned { outcome, call: Some(call), collected_at }))
    }

    fn write(
        &self,
        tx: &mut Tx<'_>,
        answer: &Answer,
        call: Option<SourceCallId>,
        collected_at: Timestamp,
        job: ClaimedJob,
    ) -> Result<(), ApiError> {
        let now = self.app.now_micros();
        tx.lock_subject(self.link.subject)?;
        if !tx.finish_job(&job)? || !tx.finish_load(self.load.id, LoadState::Done, None, now)? {
            return Ok(());
        }
        let secrets = self.app.secrets(self.link.workspace)?;
        if let Some(call) = call.filter(|_| !answer.contributions.is_empty()) {
            let (subject, batch) = (self.link.subject, (Origin::Ach, call.0));
            tx.drop_contributions(subject, Origin::Ach)?;
            let lines = seal_lines(&secrets, &self.key, subject, batch, &answer.contributions)?;
            tx.insert_contributions(&lines)?;
        }
        let filling = Filling {
            app: &self.app,
            secrets: &secrets,
            link: &self.link,
            key: &self.key,
            person: self.person(),
            collected_at,
        };
        let counts = filling.run(tx, &self.load.resources)?;
        let at = Some(collected_at.as_microsecond());
        tx.set_link_status(self.link.id, LinkStatus::Valid, at)?;
        for &resource in &self.load.resources {
            self.announcement().emit(tx, &Webhook::filled(resource, counts))?;
        }
        Ok(())
    }

    /// The institution refuses the person: the link is invalid, and the customer is told.
    async fn refuse(self, job: ClaimedJob) -> Result<(), JobFailure> {
        let app = self.app.clone();
        app.store()
            .write(move |tx| {
                let now = self.app.now_micros();
                let why = Some("invalid_input");
                if tx.finish_job(&job)?
                    && tx.finish_load(self.load.id, LoadState::Failed, why, now)?
                {
                    tx.set_link_status(self.link.id, LinkStatus::Invalid, None)?;
                    self.announcement().emit(tx, &Webhook::invalid_credentials())?;
                }
                Ok::<_, ApiError>(())
            })
            .await?;
        Ok(())
    }

    /// The source cannot answer now: says nothing about the person, the link stays valid.
    async fn postpone(self, outcome: Outcome, job: ClaimedJob) -> Result<(), JobFailure> {
        // Our own refused credentials say nothing about the person: the job waits for the repair.
        let waits = matches!(outcome, Outcome::NotAuthorized);
        if job.attempt >= LAST_ATTEMPT && !waits {
            let why = outcome.code();
            tracing::error!(load = %self.load.id, why, "load given up");
            let (load, now) = (self.load.id, self.app.now_micros());
            self.app
                .store()
                .write(move |tx| {
                    if tx.finish_job(&job)? {
                        tx.finish_load(load, LoadState::Failed, Some(why), now)?;
                    }
                    Ok::<_, vinculo_store::Error>(())
                })
                .await?;
            return Ok(());
        }
        let not_before = match &outcome {
            Outcome::RetryLater { not_before, .. } => *not_before,
            _ => None,
        };
        let at = not_before.and_then(|wait| self.app.now().checked_add(wait).ok());
        let why = format!("{} {}", outcome.code(), outcome.reason().unwrap_or_default());
        Err(JobFailure::Retry {
            at: at.map(Timestamp::as_microsecond),
            why: why.trim_end().to_owned(),
        })
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
