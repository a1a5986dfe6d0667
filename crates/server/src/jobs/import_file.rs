//! Importing a file: check the whole of it, store its lines in batches, make them count, project
//! the people it touches again.
//!
//! Every step leaves the import in a state from which a second run goes on: `waiting` is checked
//! again, `loading` continues after the last stored batch, `accepted` is projected again.

use std::collections::HashMap;
use std::io::{BufReader, Read as _};
use std::sync::Arc;

use vinculo_history::WorkActivities;
use vinculo_pila::planilla::{self, CheckOptions, File, FileKind, ReadError, Reader, Report};
use vinculo_pila::{Contribution, Document, PayerProfile};
use vinculo_store::{
    ClaimedJob, Import, ImportId, ImportKind, ImportState, NewPayer, Origin, PlanillaIdentity,
    Subject, Verdict,
};

use vinculo_vault::BlindIndex;

use super::failure::JobFailure;
use super::project_again::project_again;
use crate::App;
use crate::error::ApiError;
use crate::imports::{check_options, forget_spool, is_open, seal_report, spooled};
use crate::projection::{payer_context, seal_lines};
use crate::secrets::WorkspaceSecrets;
use crate::spool::SpoolReader;

/// Lines stored in one transaction.
const BATCH: usize = 500;
/// Bytes read from the spool at once.
const READ_AHEAD: usize = 64 * 1024;

/// Runs the job of an import.
pub(super) async fn run(app: &App, id: ImportId, job: ClaimedJob) -> Result<(), JobFailure> {
    let Some(import) = read(app, id).await? else { return finish(app, job).await };
    if is_open(import.state) {
        load(app, &import).await?;
    }
    let Some(import) = read(app, id).await? else { return finish(app, job).await };
    if import.state == ImportState::Accepted {
        project_again(app, &import).await?;
        app.store().write(move |tx| tx.drop_superseded_lines(id)).await?;
    }
    forget_spool(app, import.uuid).await?;
    finish(app, job).await
}

async fn read(app: &App, id: ImportId) -> Result<Option<Import>, JobFailure> {
    Ok(app.store().read(move |tx| tx.import(id)).await?)
}

async fn finish(app: &App, job: ClaimedJob) -> Result<(), JobFailure> {
    app.store().write(move |tx| tx.finish_job(&job)).await?;
    Ok(())
}

/// Checks the file and stores what is in it.
async fn load(app: &App, import: &Import) -> Result<(), JobFailure> {
    let secrets = app.secrets(import.workspace).map_err(ApiError::from)?;
    let (app, import) = (app.clone(), import.clone());
    // Reading and sealing a whole file takes a while: not on the threads that serve requests.
    let loaded = tokio::task::spawn_blocking(move || {
        Loading { app: &app, secrets: &secrets, import: &import }.run()
    });
    let loaded = loaded.await.map_err(|_| JobFailure::retry("the import panicked"))?;
    Ok(loaded?)
}

struct Loading<'a> {
    app: &'a App,
    secrets: &'a Arc<WorkspaceSecrets>,
    import: &'a Import,
}

impl Loading<'_> {
    /// The first pass checks the whole file; the next ones store what is in it.
    fn run(&self) -> Result<(), ApiError> {
        let options = check_options(self.import)?;
        let report = planilla::check_reader_with(&mut self.open()?, options).map_err(damaged)?;
        match report.kind.filter(|_| report.accepted()) {
            None => self.judge(ImportState::Refused, &report, None).map(|_| ()),
            Some(FileKind::PayerRecord) => self.payer_record(&report, options),
            Some(FileKind::Planilla) => self.planilla(&report),
        }
    }

    fn open(&self) -> Result<BufReader<SpoolReader>, ApiError> {
        let spooled = spooled(self.app, self.secrets, self.import.uuid).map_err(damaged)?;
        Ok(BufReader::with_capacity(READ_AHEAD, spooled))
    }

    /// One record: small enough to be read whole.
    fn payer_record(&self, report: &Report, options: CheckOptions) -> Result<(), ApiError> {
        let mut bytes = Vec::new();
        self.open()?.read_to_end(&mut bytes).map_err(damaged)?;
        match planilla::read_with(&bytes, options) {
            Ok(File::PayerRecord(profile)) => self.payer(&profile, report),
            _ => Err(ApiError::unexpected("the spooled file has changed")),
        }
    }

    /// Records the verdict; an import that another worker has judged meanwhile keeps its progress.
    fn judge(
        &self,
        state: ImportState,
        report: &Report,
        identity: Option<PlanillaIdentity>,
    ) -> Result<ImportState, ApiError> {
        let sealed = seal_report(self.secrets, self.import, report)?;
        let (id, workspace, now) = (self.import.id, self.import.workspace, self.app.now_micros());
        let kind = report.kind.map(|kind| match kind {
            FileKind::Planilla => ImportKind::Planilla,
            FileKind::PayerRecord => ImportKind::PayerRecord,
        });
        let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let (lines, errors, warnings) =
            (count(report.lines), count(report.errors), count(report.warnings));
        self.app.store().write_blocking(move |tx| {
            let repeated = match &identity {
                Some(identity) => tx.has_planilla(workspace, identity)?,
                None => false,
            };
            let state = if repeated { ImportState::Repeated } else { state };
            let identity = identity.as_ref();
            let verdict =
                Verdict { kind, state, lines, errors, warnings, identity, report: &sealed };
            tx.judge_import(id, &verdict, now)?;
            Ok(state)
        })
    }

    /// A payer's own record: sealed with the payer's own key, for a payer can be a person.
    fn payer(&self, profile: &PayerProfile, report: &Report) -> Result<(), ApiError> {
        let Document { kind: document, number } = &profile.document;
        let identity = PlanillaIdentity {
            payer: self.secrets.indexes().payer(document.code(), number),
            number: None,
            draft: None,
            period: 0,
            planilla_type: None,
        };
        let payer = identity.payer;
        self.judge(ImportState::Loading, report, Some(identity))?;
        let index = self.secrets.indexes().lookup_document(document.code(), number);
        let person = self.secrets.indexes().erased_person(document.code(), number);
        let (_, offered) = self.app.all_secrets().vault().new_data_key()?;
        let document = serde_json::to_vec(profile)?;
        let (app, import) = (self.app.clone(), self.import.clone());
        self.app.store().write_blocking(move |tx| {
            let now = app.now_micros();
            if tx.erased_people(import.workspace, &[person])? == [true] {
                tx.accept_import(import.id, now)?;
                return Ok(());
            }
            let subject = tx.ensure_subject(import.workspace, &index, &offered, now)?;
            let key = app.all_secrets().vault().unwrap_key(&subject.key)?;
            tx.put_payer(&NewPayer {
                workspace: import.workspace,
                payer: &payer,
                subject: subject.id,
                import: import.id,
                updated_at: now,
                sealed: &key.seal(payer_context(subject.id), &document)?,
            })?;
            tx.accept_import(import.id, now)?;
            Ok(())
        })
    }

    fn planilla(&self, report: &Report) -> Result<(), ApiError> {
        let mut activities = WorkActivities::default();
        let mut identity = None;
        for line in Reader::new(self.open()?).map_err(unreadable)?.contributions() {
            let line = line.map_err(unreadable)?;
            activities.add(&line);
            identity.get_or_insert_with(|| self.identity(&line));
        }
        let numbered = identity.as_ref().is_some_and(|identity| identity.number.is_some());
        if self.import.state == ImportState::Waiting {
            let state = self.judge(ImportState::Loading, report, identity.clone())?;
            if state != ImportState::Loading {
                return Ok(());
            }
        }
        // Without a record of its own, the payer's activity is what most of its workers do.
        if !self.store_all(activities.most_frequent())? {
            return Ok(());
        }
        let (id, now) = (self.import.id, self.app.now_micros());
        let accepted = self.app.store().write_blocking(move |tx| tx.accept_import(id, now));
        match accepted {
            // The same planilla was accepted from another file while this one was being stored. Two
            // drafts at once are sorted out by the next try.
            Err(vinculo_store::Error::Conflict(_)) if numbered => {
                self.judge(ImportState::Repeated, report, identity)?;
                let drop = self.app.store().write_blocking(move |tx| tx.drop_repeated_lines(id));
                drop.map(|_| ()).map_err(ApiError::from)
            }
            other => Ok(other?),
        }
    }

    /// Stores what is not stored yet; `false` when another worker has gone on with the import.
    fn store_all(&self, activity: Option<&'static str>) -> Result<bool, ApiError> {
        let mut reader = Reader::new(self.open()?).map_err(unreadable)?;
        let mut done = self.import.loaded;
        let stored = usize::try_from(done).unwrap_or(0);
        let mut lines = reader.contributions().skip(stored);
        loop {
            let batch = lines.by_ref().take(BATCH).collect::<Result<Vec<_>, _>>();
            let mut batch = batch.map_err(unreadable)?;
            if batch.is_empty() {
                return Ok(true);
            }
            for line in &mut batch {
                line.payer.activity_code = activity.map(str::to_owned);
            }
            let Some(now_done) = self.store(done, batch)? else { return Ok(false) };
            done = now_done;
        }
    }

    fn identity(&self, line: &Contribution) -> PlanillaIdentity {
        let indexes = self.secrets.indexes();
        let Document { kind, number } = &line.payer.document;
        let (kind, planilla) = (kind.code(), &line.planilla);
        let letter = planilla.kind.as_deref().unwrap_or_default();
        let branch = planilla.branch.as_deref().unwrap_or_default();
        let draft = || indexes.draft((kind, number), &line.period.to_string(), letter, branch);
        PlanillaIdentity {
            payer: indexes.payer(kind, number),
            number: planilla.number.as_deref().map(|number| indexes.planilla_number("", number)),
            draft: planilla.number.is_none().then(draft),
            period: line.period.to_yyyymm(),
            planilla_type: planilla.kind.clone(),
        }
    }

    /// Stores one batch; `None` when another worker has gone on with the import. Sealing happens
    /// here, outside the transaction: the write lane only writes.
    fn store(&self, done: i64, batch: Vec<Contribution>) -> Result<Option<i64>, ApiError> {
        let next = done + i64::try_from(batch.len()).unwrap_or(0);
        let mut people: HashMap<Document, Vec<Contribution>> = HashMap::new();
        for line in batch {
            people.entry(line.person.clone()).or_default().push(line);
        }
        let indexes = self.secrets.indexes();
        let receipts: Vec<BlindIndex> = people
            .keys()
            .map(|person| indexes.erased_person(person.kind.code(), &person.number))
            .collect();
        let subjects = self.subjects(people.keys(), receipts.clone())?;
        let vault = self.app.all_secrets().vault();
        let mut sealed = Vec::with_capacity(people.len());
        for (lines, subject) in people.values().zip(&subjects) {
            let Some(subject) = subject else {
                sealed.push(Vec::new());
                continue;
            };
            let key = vault.unwrap_key(&subject.key)?;
            let batch = (Origin::Planilla, self.import.id.0);
            sealed.push(seal_lines(self.secrets, &key, subject.id, batch, lines)?);
        }
        let (id, workspace) = (self.import.id, self.import.workspace);
        self.app.store().write_blocking(move |tx| {
            if !tx.progress_import(id, done, next)? {
                return Ok(None);
            }
            // Somebody may have been erased since the subjects were looked up.
            let erased = tx.erased_people(workspace, &receipts)?;
            let kept = sealed.into_iter().zip(erased).filter(|(_, erased)| !erased);
            let lines: Vec<_> = kept.flat_map(|(lines, _)| lines).collect();
            tx.insert_contributions(&lines)?;
            Ok(Some(next))
        })
    }

    /// The subjects of these people, in their order; those unknown so far are made. `None` for
    /// whoever was erased: an import does not bring anybody back.
    fn subjects<'a>(
        &self,
        people: impl Iterator<Item = &'a Document>,
        receipts: Vec<BlindIndex>,
    ) -> Result<Vec<Option<Subject>>, ApiError> {
        let (workspace, indexes) = (self.import.workspace, self.secrets.indexes());
        let people: Vec<BlindIndex> = people
            .map(|person| indexes.lookup_document(person.kind.code(), &person.number))
            .collect();
        let asked = people.clone();
        let known = self.app.store().read_blocking(move |tx| {
            asked.iter().map(|person| tx.subject(workspace, person)).collect::<Result<Vec<_>, _>>()
        });
        let known = known.map_err(ApiError::from)?;
        if known.iter().all(Option::is_some) {
            return Ok(known);
        }
        let (vault, now) = (self.app.all_secrets().vault().clone(), self.app.now_micros());
        self.app.store().write_blocking(move |tx| {
            let erased = tx.erased_people(workspace, &receipts)?;
            let mut all = Vec::with_capacity(people.len());
            for ((person, known), erased) in people.iter().zip(known).zip(erased) {
                all.push(match known {
                    Some(subject) => Some(subject),
                    None if erased => None,
                    None => {
                        let (_, offered) = vault.new_data_key()?;
                        Some(tx.ensure_subject(workspace, person, &offered, now)?)
                    }
                });
            }
            Ok(all)
        })
    }
}

fn damaged(error: std::io::Error) -> ApiError {
    ApiError::unexpected(format!("spool: {error}"))
}

fn unreadable(error: ReadError) -> ApiError {
    ApiError::unexpected(format!("spool: {error}"))
}
