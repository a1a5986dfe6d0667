//! Importing a file: check the whole of it, store its lines in batches, make them count, project
//! the people it touches again.
//!
//! Every step leaves the import in a state from which a second run goes on: `waiting` is checked
//! again, `loading` continues after the last stored batch, `accepted` is projected again.

use std::io::{BufReader, ErrorKind, Read as _};
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use vinculo_history::WorkActivities;
use vinculo_pila::planilla::{
    self, CheckOptions, File, FileKind, Finding, Header, ReadError, Reader, Report, Severity,
};
use vinculo_pila::{Document, PayerProfile};
use vinculo_store::{
    ClaimedJob, Import, ImportId, ImportKind, ImportState, NewPayer, PlanillaIdentity, Verdict,
};

use super::failure::JobFailure;
use super::import_lines::Lines;
use super::planilla_place::Place;
use super::project_again::project_again;
use super::unneeded_lines::finish;
use crate::error::ApiError;
use crate::imports::{check_options, forget_spool, is_open, seal_report, spooled};
use crate::projection::payer_context;
use crate::secrets::WorkspaceSecrets;
use crate::spool::SpoolReader;
use crate::{App, request_id, traces};

/// Bytes read from the spool at once.
const READ_AHEAD: usize = 64 * 1024;
/// Files loaded at once, whoever received them: what is in memory of them does not grow with what waits,
/// and while the lines of one are committed those of the other are read. No more are taken, so that others who
/// share the spool find some.
pub(super) const LOADED_AT_ONCE: usize = 2;
/// Files at work at once, those included whose lines count and whose people are projected again: that is one small
/// transaction after the other, which may go on for long.
pub(super) const AT_WORK: usize = 8;

/// Runs the job of an import, which leaves its slot when the file is loaded.
pub(super) async fn run(
    app: &App,
    id: ImportId,
    job: ClaimedJob,
    slot: OwnedSemaphorePermit,
) -> Result<(), JobFailure> {
    let Some(import) = read(app, id).await? else { return finish(app, id, job).await };
    // Its webhooks say the same.
    request_id::is_behind(import.uuid);
    traces::waited(&job, app.now_micros() - import.created_at);
    if job.attempt == 1 {
        drop(traces::beginning(import.uuid, "import"));
    }
    let was_open = is_open(import.state);
    if was_open {
        load(app, &import).await?;
    }
    drop(slot);
    let Some(import) = read(app, id).await? else { return finish(app, id, job).await };
    if is_open(import.state) {
        // Somebody else goes on with it, or a database that failed has lost some of its batches.
        return Err(JobFailure::retry("the import has not come to its end"));
    }
    if was_open {
        app.metrics().import_judged(import.state.as_str());
    }
    if import.state == ImportState::Accepted {
        project_again(app, &import).await?;
    }
    forget_spool(app, import.uuid).await?;
    finish(app, id, job).await
}

async fn read(app: &App, id: ImportId) -> Result<Option<Import>, JobFailure> {
    Ok(app.store().read(move |tx| tx.import(id)).await?)
}

/// Checks the file and stores what is in it.
async fn load(app: &App, import: &Import) -> Result<(), JobFailure> {
    let secrets = app.secrets(import.workspace).map_err(ApiError::from)?;
    let (app, import) = (app.clone(), import.clone());
    // Reading and sealing a whole file takes a while: not on the threads that serve requests.
    let span = tracing::Span::current();
    let loaded = tokio::task::spawn_blocking(move || {
        let loading = Loading { app: &app, secrets: &secrets, import: &import };
        span.in_scope(|| loading.run())
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
    /// The first pass checks the whole file; the next one stores what is in it.
    fn run(&self) -> Result<(), ApiError> {
        let options = check_options(self.import)?;
        let mut activities = WorkActivities::default();
        let report = match self.check(options, &mut activities) {
            Err(error) if is_lost(&error) => return self.lost(&error),
            checked => checked.map_err(damaged)?,
        };
        match report.kind.filter(|_| report.accepted()) {
            None => self.judge(ImportState::Refused, &report, None).map(|_| ()),
            Some(FileKind::PayerRecord) => self.payer_record(&report, options),
            // Without a record of its own, the payer's activity is what most of its workers do.
            Some(FileKind::Planilla) => self.planilla(&report, activities.most_frequent()),
        }
    }

    fn check(
        &self,
        options: CheckOptions,
        activities: &mut WorkActivities,
    ) -> std::io::Result<Report> {
        planilla::check_reader_seeing(&mut self.spooled()?, options, |detail| {
            activities.add_activity(&detail.text::<98>());
        })
    }

    /// Ends an import whose file is gone, so that the same file can be sent again. What was stored of it goes with
    /// its job.
    fn lost(&self, error: &std::io::Error) -> Result<(), ApiError> {
        tracing::warn!(import = %self.import.uuid, %error, "a received file is lost");
        let found = if error.kind() == ErrorKind::NotFound { "no file" } else { "a damaged file" };
        let finding = Finding {
            rule: "received_file_lost",
            severity: Severity::Error,
            line: 0,
            columns: None,
            field: None,
            field_es: None,
            field_en: None,
            found: found.to_owned(),
            expected: "the file as it was received; send it again".to_owned(),
            article: "vinculo",
            allowed: false,
        };
        let report = Report {
            kind: None,
            findings: vec![finding],
            errors: 1,
            warnings: 0,
            lines: 0,
            summary: None,
        };
        self.judge(ImportState::Refused, &report, None).map(|_| ())
    }

    fn spooled(&self) -> std::io::Result<BufReader<SpoolReader>> {
        let spooled = spooled(self.app, self.secrets, self.import.uuid)?;
        Ok(BufReader::with_capacity(READ_AHEAD, spooled))
    }

    /// One record: small enough to be read whole.
    fn payer_record(&self, report: &Report, options: CheckOptions) -> Result<(), ApiError> {
        let mut bytes = Vec::new();
        self.spooled().and_then(|mut file| file.read_to_end(&mut bytes)).map_err(damaged)?;
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
                Some(identity) => tx.has_planilla(workspace, identity, id)?,
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
            slot: None,
            draft: None,
            paid: false,
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
            if tx.erased_people(import.workspace, [person])? == [true] {
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
            // From here on an erasure waits for the import. One that was faster is seen, and nobody made anew.
            if tx.erased_people(import.workspace, [person])? == [true] {
                return Err(ApiError::unexpected("the payer was erased meanwhile"));
            }
            Ok(())
        })
    }

    fn planilla(&self, report: &Report, activity: Option<&'static str>) -> Result<(), ApiError> {
        let reader = Reader::new(self.spooled().map_err(damaged)?).map_err(unreadable)?;
        let identity = self.identity(&reader.header())?;
        if self.import.state == ImportState::Waiting {
            let state = self.judge(ImportState::Loading, report, Some(identity.clone()))?;
            if state != ImportState::Loading {
                return Ok(());
            }
        }
        let Self { app, secrets, import } = *self;
        let lines = Lines { app, secrets, import, identity: &identity, activity };
        let Some(stored) = lines.store(reader)? else { return Ok(()) };
        let (id, now) = (self.import.id, self.app.now_micros());
        let accepted = self.app.store().write_blocking(move |tx| {
            // None of the batches waited for the disk: it has them all, or this import is loaded again.
            match tx.progress_import(id, stored, stored)? {
                true => tx.accept_import(id, now),
                false => Ok(()),
            }
        });
        accepted.map_err(ApiError::from)
    }

    fn identity(&self, header: &Header<'_>) -> Result<PlanillaIdentity, ApiError> {
        let (Some(document), Some(period)) = (header.payer(), header.period()) else {
            return Err(ApiError::unexpected("the spooled file has changed"));
        };
        let place = Place {
            payer: &document,
            period,
            planilla_type: header.filled::<8>(),
            branch: header.branch(),
        };
        Ok(place.identity(self.secrets.indexes(), header.planilla_number(), header.paid_on()))
    }
}

/// Whether a received file is gone or damaged for good; other errors of a disk may pass.
fn is_lost(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidData | ErrorKind::UnexpectedEof)
}

fn damaged(error: std::io::Error) -> ApiError {
    ApiError::unexpected(format!("spool: {error}"))
}

pub(super) fn unreadable(error: ReadError) -> ApiError {
    ApiError::unexpected(format!("spool: {error}"))
}
