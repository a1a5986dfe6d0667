//! Cohorts: people handed in together as a CSV file. Its rows are stored sealed as they are read;
//! `jobs/work_cohorts.rs` makes links of them.

mod file;

use std::io::{ErrorKind, Read};
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;
use vinculo_store::{
    AuditAction, Cohort, CohortId, CohortResult, Job, NewCohort, NewCohortRow, Recipients, Tx,
    WorkspaceId,
};
use vinculo_vault::{Context, Sealed};

use crate::App;
use crate::api::body::{JsonObject, shown};
use crate::api::institutions::PILA;
use crate::api::links::{check_terms, person_of};
use crate::audit::{Entry, Trail};
use crate::clock::wire_time;
use crate::error::{ApiError, ErrorItem, item_of_status};
use crate::jobs::{Webhook, emit_own};
use crate::projection::open_own;
use crate::secrets::WorkspaceSecrets;
use file::{BadFile, CohortFile, field_of, value_of};

/// Rows stored in one transaction.
const BATCH: usize = 1000;

/// Rows of results that are read at once.
pub(crate) const SLICE: i64 = 1000;

/// What holds for the rows of a cohort that say nothing else.
#[derive(Debug, Clone)]
pub struct CohortTerms {
    defaults: Map<String, Value>,
    quiet: bool,
}

/// How far a cohort has come.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "id": "9b1f0c3d-5e2a-4968-8c9d-0e1f2a3b4c5d", "state": "running", "webhooks": "each",
    "total": 1000, "ok": 620, "no_data": 12, "invalid": 3, "failed": 0, "cancelled": 0,
    "waiting": 365, "percent": 63, "created_at": "2026-11-24T12:00:00.000000Z", "finished_at": null
}))]
pub struct CohortStatus {
    /// Public id.
    pub id: Uuid,
    /// One word: `running`, `cancelling`, `finished`, `cancelled`.
    pub state: &'static str,
    /// `each` when every link raises its own webhooks, `end` when the end of the cohort alone does.
    pub webhooks: &'static str,
    /// Rows.
    pub total: i64,
    /// Rows with a link that is filled.
    pub ok: i64,
    /// Rows about people whom no source knows.
    pub no_data: i64,
    /// Rows of which no link is made.
    pub invalid: i64,
    /// Rows that no source answered.
    pub failed: i64,
    /// Rows that were cancelled.
    pub cancelled: i64,
    /// Rows that have not ended.
    pub waiting: i64,
    /// How many of a hundred rows have ended.
    pub percent: i64,
    /// When it was received.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When its last row ended.
    #[schema(required, format = DateTime)]
    pub finished_at: Option<String>,
}

impl CohortStatus {
    pub(crate) fn of(cohort: &Cohort) -> Self {
        let counts = cohort.counts;
        let ended = counts.ok + counts.no_data + counts.invalid + counts.failed + counts.cancelled;
        Self {
            id: cohort.uuid,
            state: cohort.state.as_str(),
            webhooks: if cohort.quiet { "end" } else { "each" },
            total: counts.total,
            ok: counts.ok,
            no_data: counts.no_data,
            invalid: counts.invalid,
            failed: counts.failed,
            cancelled: counts.cancelled,
            waiting: counts.total - ended,
            percent: ended.saturating_mul(100).checked_div(counts.total).unwrap_or(100),
            created_at: wire_time(cohort.created_at),
            finished_at: cohort.finished_at.map(wire_time),
        }
    }
}

impl CohortTerms {
    /// Reads what is given under the names of columns, and `webhooks`: `each` or `end`.
    ///
    /// # Errors
    /// 400 with every field that is wrong, or the first name that is none: a cohort whose terms are
    /// misspelled would be many links of other terms.
    pub fn read<'a>(given: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, ApiError> {
        let (mut defaults, mut quiet) = (Map::new(), false);
        for (name, text) in given.into_iter().filter(|(_, text)| !text.is_empty()) {
            if name == "webhooks" {
                quiet = match text {
                    "each" => false,
                    "end" => true,
                    _ => return Err(no_choice(text)),
                };
                continue;
            }
            // These are about one person.
            let field = field_of(name).filter(|it| !["username", "external_id"].contains(it));
            let field = field.ok_or_else(|| no_parameter(name))?;
            defaults.insert(field.to_owned(), value_of(field, text));
        }
        let anybody = Map::from_iter([("username".to_owned(), Value::from("1"))]);
        check_terms(&registration(&defaults, anybody))?;
        Ok(Self { defaults, quiet })
    }
}

fn no_parameter(name: &str) -> ApiError {
    let message = "Not a parameter of a cohort. There are webhooks, document_type, access_mode, \
                   fetch_resources, credentials_storage and stale_in.";
    ApiError::bad_request(vec![ErrorItem::field("invalid", shown(name), message)])
}

fn no_choice(text: &str) -> ApiError {
    let message = format!("\"{}\" is not a valid choice.", shown(text));
    ApiError::bad_request(vec![ErrorItem::field("invalid_choice", "webhooks", message)])
}

/// The fields of the registration that a row stands for.
fn registration(defaults: &Map<String, Value>, row: Map<String, Value>) -> JsonObject {
    let mut fields = defaults.clone();
    fields.insert("institution".to_owned(), Value::from(PILA));
    fields.extend(row);
    JsonObject::of(fields)
}

/// A cohort whose rows are all here, and on which work has not begun.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReceivedCohort {
    id: CohortId,
    uuid: Uuid,
    workspace: WorkspaceId,
    /// SHA-256 of the file.
    pub(crate) sha256: [u8; 32],
}

/// What binds a row to its cohort.
fn row_context(bytes: &[u8; 24]) -> Context<'_> {
    Context::of_bytes("cohort_rows", bytes)
}

fn place(cohort: Uuid, line: i64) -> [u8; 24] {
    let mut place = [0; 24];
    place[..16].copy_from_slice(cohort.as_bytes());
    place[16..].copy_from_slice(&line.to_be_bytes());
    place
}

/// The fields of the registration that a stored row stands for.
pub(crate) fn open_row(
    secrets: &WorkspaceSecrets,
    cohort: &Cohort,
    (line, sealed): (i64, &Sealed),
) -> Result<JsonObject, ApiError> {
    let bytes = open_own(secrets, row_context(&place(cohort.uuid, line)), sealed)?;
    let defaults = serde_json::from_str(&cohort.defaults)?;
    Ok(registration(&defaults, serde_json::from_slice(&bytes)?))
}

/// Reads a file to its end and stores its rows.
///
/// # Errors
/// 400 when it is no CSV with rows, or has too many; 413 when it is too large, 408 when it comes too
/// slowly. Nothing is left of it then.
pub(crate) async fn receive(
    app: &App,
    workspace: WorkspaceId,
    terms: CohortTerms,
    contents: impl Read + Send + 'static,
) -> Result<ReceivedCohort, ApiError> {
    let app = app.clone();
    let received = tokio::task::spawn_blocking(move || {
        let receiving = Receiving::begin(&app, workspace, &terms)?;
        let received = receiving.rows(&terms, contents);
        if received.is_err() {
            let id = receiving.id;
            app.store().write_blocking(move |tx| tx.drop_cohort(id))?;
        }
        received
    });
    received.await.map_err(|_| ApiError::unexpected("the reading of a cohort panicked"))?
}

struct Receiving<'a> {
    app: &'a App,
    secrets: Arc<WorkspaceSecrets>,
    id: CohortId,
    uuid: Uuid,
}

impl<'a> Receiving<'a> {
    fn begin(app: &'a App, workspace: WorkspaceId, terms: &CohortTerms) -> Result<Self, ApiError> {
        let secrets = app.secrets(workspace)?;
        let uuid = app.uuid().map_err(ApiError::unexpected)?;
        let (quiet, created_at) = (terms.quiet, app.now_micros());
        let defaults = serde_json::to_string(&terms.defaults)?;
        let id = app.store().write_blocking(move |tx| {
            tx.insert_cohort(&NewCohort { uuid, workspace, quiet, defaults: &defaults, created_at })
        })?;
        Ok(Self { app, secrets, id, uuid })
    }

    fn rows(&self, terms: &CohortTerms, contents: impl Read) -> Result<ReceivedCohort, ApiError> {
        let most = u64::from(self.app.config().cohorts.rows);
        let mut file = CohortFile::open(contents, most).map_err(refusal)?;
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(row) = file.next_row().map_err(refusal)? {
            let bytes = serde_json::to_vec(&row.fields)?;
            let place = place(self.uuid, row.line);
            let sealed = self.secrets.data_key().seal(row_context(&place), &bytes)?;
            let person = person_of(&registration(&terms.defaults, row.fields)).map(|person| {
                self.secrets.indexes().erased_person(person.kind.code(), &person.number)
            });
            batch.push(NewCohortRow { line: row.line, person, sealed });
            if batch.len() == BATCH {
                self.store(std::mem::take(&mut batch))?;
            }
        }
        self.store(batch)?;
        let workspace = self.secrets.workspace().id;
        Ok(ReceivedCohort { id: self.id, uuid: self.uuid, workspace, sha256: file.sha256() })
    }

    fn store(&self, rows: Vec<NewCohortRow>) -> Result<(), ApiError> {
        let (of, now) = ((self.secrets.workspace().id, self.id), self.app.now_micros());
        self.app.store().write_blocking(move |tx| tx.insert_cohort_rows(of, &rows, now))?;
        Ok(())
    }
}

fn refusal(file: BadFile) -> ApiError {
    let message = file.to_string();
    let status = match file {
        BadFile::Read(error) if error.kind() == ErrorKind::FileTooLarge => {
            http::StatusCode::PAYLOAD_TOO_LARGE
        }
        BadFile::Read(error) if error.kind() == ErrorKind::TimedOut => {
            http::StatusCode::REQUEST_TIMEOUT
        }
        BadFile::Header(column, _) => {
            let item = ErrorItem::field("invalid", column, message);
            return ApiError::bad_request(vec![item]);
        }
        _ => {
            let item = ErrorItem::field("invalid", "file", message);
            return ApiError::bad_request(vec![item]);
        }
    };
    let item = item_of_status(status, &http::Method::POST);
    ApiError::status(status, item.code, item.message)
}

impl ReceivedCohort {
    /// Begins the work on it, in a transaction.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) fn begin(
        &self,
        tx: &mut Tx<'_>,
        app: &App,
        trail: &Trail,
    ) -> Result<CohortStatus, ApiError> {
        let now = app.now_micros();
        // A run that finds nothing more to do must see this cohort, or be over.
        tx.lock_workspace(self.workspace)?;
        tx.begin_cohort(self.id)?;
        tx.enqueue(Job::WorkCohorts(self.workspace), now, now)?;
        trail.note(tx, app, Entry::of(AuditAction::CohortCreated).object(self.uuid))?;
        let cohort = tx.cohort(self.workspace, self.uuid)?;
        let cohort = cohort.ok_or_else(|| ApiError::unexpected("a received cohort is gone"))?;
        Ok(CohortStatus::of(&cohort))
    }

    /// Removes it unless work has begun.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn drop_unbegun(self, app: &App) -> Result<(), ApiError> {
        Ok(app.store().write(move |tx| tx.drop_cohort(self.id)).await?)
    }
}

/// Takes a cohort for a workspace from the command line.
///
/// # Errors
/// When the file is none, or the database fails.
pub async fn receive_cohort(
    app: &App,
    workspace: WorkspaceId,
    terms: CohortTerms,
    contents: impl Read + Send + 'static,
) -> Result<CohortStatus, ApiError> {
    let received = receive(app, workspace, terms, contents).await?;
    let (writer, trail) = (app.clone(), Trail::console(workspace));
    app.store().write(move |tx| received.begin(tx, &writer, &trail)).await
}

/// How far a cohort of a workspace has come, for the command line; `None` when there is none with
/// this id.
///
/// # Errors
/// When the database fails, or it cannot be noted.
pub async fn cohort_status(
    app: &App,
    workspace: WorkspaceId,
    id: Uuid,
) -> Result<Option<CohortStatus>, ApiError> {
    let cohort = app.store().read(move |tx| tx.cohort(workspace, id)).await?;
    let entry = Entry::of(AuditAction::CohortsRead).object(id);
    Trail::console(workspace).read_one(app, entry).await?;
    Ok(cohort.as_ref().map(CohortStatus::of))
}

/// Hands what became of the rows of a cohort to `write`, as CSV and some rows at a time, for the
/// command line. `false` when there is no cohort with this id.
///
/// # Errors
/// When the database fails, or it cannot be noted.
pub async fn cohort_results(
    app: &App,
    workspace: WorkspaceId,
    id: Uuid,
    mut write: impl FnMut(&str),
) -> Result<bool, ApiError> {
    let cohort = app.store().read(move |tx| tx.cohort(workspace, id)).await?;
    let Some(cohort) = cohort else { return Ok(false) };
    let entry = Entry::of(AuditAction::CohortsRead).object(id).objects(cohort.counts.total);
    Trail::console(workspace).read_one(app, entry).await?;
    write(RESULT_HEADER);
    let mut after = 0;
    loop {
        let read = app.store().read(move |tx| tx.cohort_results(cohort.id, after, SLICE));
        let slice = read.await?;
        let Some(last) = slice.last() else { return Ok(true) };
        after = last.line;
        write(&result_lines(&slice));
    }
}

/// Removes what was left behind of files that somebody began to send before this moment.
pub(crate) async fn sweep(app: &App, before: i64) -> Result<(), ApiError> {
    for id in app.store().read(move |tx| tx.stranded_cohorts(before)).await? {
        app.store().write(move |tx| tx.drop_cohort(id)).await?;
    }
    Ok(())
}

/// Tells the customer that a cohort has ended, in the transaction that ends it.
pub(crate) fn tell_end(
    tx: &mut Tx<'_>,
    app: &App,
    secrets: &WorkspaceSecrets,
    cohort: &Cohort,
) -> Result<(), ApiError> {
    let data = serde_json::to_value(CohortStatus::of(cohort))?;
    let webhook = Webhook::cohort_finished(data);
    emit_own(tx, app, secrets, &webhook, Recipients::Everybody)?;
    Ok(())
}

/// First line of the results.
pub(crate) const RESULT_HEADER: &str = "line,state,link,code,field\n";

/// Results as lines of CSV. No value has a comma or a quote in it.
pub(crate) fn result_lines(results: &[CohortResult]) -> String {
    let line = |result: &CohortResult| {
        let link = result.link.map(|link| link.to_string()).unwrap_or_default();
        let [code, field] =
            [&result.code, &result.field].map(|it| it.as_deref().unwrap_or_default());
        format!("{},{},{link},{code},{field}\n", result.line, result.state)
    };
    results.iter().map(line).collect()
}
