//! Receiving files: spool sealed, remember the digest, leave the rest to a job.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vinculo_pila::planilla::{CheckOptions, NotOverridable, Report};
use vinculo_store::{AuditAction, Import, ImportId, ImportState, Job, NewImport, Tx, WorkspaceId};
use vinculo_vault::{Context, Sealed};

use crate::App;
use crate::audit::{Entry, Trail};
use crate::clock::wire_time;
use crate::error::ApiError;
use crate::masked::without_numbers;
use crate::projection::open_own;
use crate::secrets::WorkspaceSecrets;
use crate::spool::{SpoolReader, SpoolWriter, Written};
use crate::spool_id::identify_spool;

/// Largest file taken, bytes: some 700,000 lines.
pub const LARGEST_FILE: u64 = 512 * 1024 * 1024;

/// What comes with a file.
#[derive(Debug, Clone, Default)]
pub struct ReceivedFile {
    /// Its name, for people; it is kept sealed.
    name: String,
    allowed: Vec<String>,
}

impl ReceivedFile {
    /// A file of this name, for which these refusing rules about totals may pass. Numbers in the name
    /// that may be somebody's document are not kept: it outlives who it names.
    ///
    /// # Errors
    /// When a name is not that of a rule that can be allowed.
    pub fn new(name: impl Into<String>, allowed: &[&str]) -> Result<Self, NotOverridable> {
        CheckOptions::allowing(allowed)?;
        let allowed = allowed.iter().map(|&rule| rule.to_owned()).collect();
        Ok(Self { name: without_numbers(&name.into()), allowed })
    }
}

/// The checks as an import wants them.
pub(crate) fn check_options(import: &Import) -> Result<CheckOptions, ApiError> {
    let names: Vec<&str> = import.allowed.split(',').filter(|name| !name.is_empty()).collect();
    CheckOptions::allowing(&names).map_err(ApiError::unexpected)
}

/// A file that cannot be received.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// Larger than [`LARGEST_FILE`].
    #[error("the file is too large: at most {LARGEST_FILE} bytes are taken")]
    TooLarge,
    /// The file cannot be read, or the spool folder not written.
    #[error("file or spool: {0}")]
    Spool(#[from] std::io::Error),
    /// Storing it failed.
    #[error("the import could not be stored: {0}")]
    Store(String),
}

impl From<ApiError> for ReceiveError {
    fn from(error: ApiError) -> Self {
        Self::Store(error.cause().unwrap_or("refused").to_owned())
    }
}

/// Age from which a spooled file without an import was left behind.
const LEFT_BEHIND: Duration = Duration::from_secs(24 * 60 * 60);

/// How far an import has come, and why it was refused.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "id": "9b1f0c3d-5e2a-4968-8c9d-0e1f2a3b4c5d", "name": "planilla.txt", "state": "accepted",
    "kind": "planilla", "allowed": [], "lines": 121, "loaded": 120, "percent": 100, "errors": 0, "warnings": 0,
    "created_at": "2026-11-24T12:00:00.000000Z", "report": null
}))]
pub struct ImportStatus {
    /// Public id.
    pub id: Uuid,
    /// Name of the file.
    pub name: String,
    /// One word: `waiting`, `loading`, `accepted`, `refused`, `repeated`, `superseded`.
    pub state: &'static str,
    /// `planilla` or `payer_record`, once checked.
    #[schema(required)]
    pub kind: Option<&'static str>,
    /// Refusing rules that may pass.
    pub allowed: Vec<String>,
    /// Lines of the file.
    pub lines: i64,
    /// Detail lines stored.
    pub loaded: i64,
    /// How far the storing has come, 0 to 100; 100 once nothing more will happen by itself.
    pub percent: i64,
    /// Findings that refuse.
    pub errors: i64,
    /// Findings that do not.
    pub warnings: i64,
    /// When it was received.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// The findings themselves; absent from lists.
    #[schema(required, value_type = Option<Object>)]
    pub report: Option<serde_json::Value>,
}

impl ImportStatus {
    /// Whether nothing more will happen to it by itself.
    #[must_use]
    pub fn is_final(&self) -> bool {
        !matches!(self.state, "waiting" | "loading")
    }
}

/// The sealed parts of an import.
#[derive(Serialize, Deserialize)]
pub(crate) struct FileName(String);

pub(crate) fn name_context(import: Uuid) -> Context<'static> {
    Context::of_uuid("imports.name", import.into_bytes())
}

pub(crate) fn report_context(import: Uuid) -> Context<'static> {
    Context::of_uuid("imports.report", import.into_bytes())
}

fn spool_path(app: &App, import: Uuid) -> PathBuf {
    spool_file_of(&app.config().spool_dir, import)
}

/// Where the file of an import waits.
pub(crate) fn spool_file_of(spool: &Path, import: Uuid) -> PathBuf {
    spool.join(format!("{}.sealed", import.simple()))
}

/// Takes a file for a workspace from the command line: reads it to its end into the spool, then stores the import. A file
/// that is there already is not taken twice: its first import is the answer, and `false`.
///
/// # Errors
/// When the file is larger than [`LARGEST_FILE`], cannot be read or spooled, or the database fails.
pub async fn receive_file(
    app: &App,
    workspace: WorkspaceId,
    file: ReceivedFile,
    contents: impl Read + Send + 'static,
) -> Result<(ImportId, bool), ReceiveError> {
    let spooled = spool_file(app, workspace, contents).await?;
    let noter = app.clone();
    let stored = store_import(app, file, spooled, move |tx, (id, new)| {
        let import = tx.import(id)?.map(|import| import.uuid);
        let entry = Entry::of(AuditAction::ImportCreated);
        let entry = import.map_or(entry, |import| entry.object(import));
        Trail::console(workspace).note(tx, &noter, entry)?;
        Ok((id, new))
    });
    Ok(stored.await?)
}

/// A file in the spool, removed again unless it becomes an import.
pub(crate) struct Spooled {
    secrets: Arc<WorkspaceSecrets>,
    uuid: Uuid,
    path: PathBuf,
    /// Which spool it is in.
    spool: Uuid,
    written: Written,
    offered: bool,
}

impl Spooled {
    /// SHA-256 of the file.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        self.written.sha256
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        if !self.offered {
            // What cannot be removed now is left to the sweep.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Reads a file of a workspace to its end into the spool.
///
/// # Errors
/// When the file is larger than [`LARGEST_FILE`], or cannot be read or spooled.
pub(crate) async fn spool_file(
    app: &App,
    workspace: WorkspaceId,
    contents: impl Read + Send + 'static,
) -> Result<Spooled, ReceiveError> {
    let secrets = app.secrets(workspace).map_err(ApiError::from)?;
    let uuid = app.uuid().map_err(ApiError::unexpected)?;
    let spool = identify_spool(app).await?;
    let path = spool_path(app, uuid);
    let written = fill_spool(path.clone(), Arc::clone(&secrets), uuid, contents).await?;
    Ok(Spooled { secrets, uuid, path, spool, written, offered: false })
}

async fn fill_spool(
    path: PathBuf,
    secrets: Arc<WorkspaceSecrets>,
    import: Uuid,
    mut contents: impl Read + Send + 'static,
) -> Result<Written, ReceiveError> {
    // The request may be given up while this runs: what is left of a failure is removed here.
    let filled = tokio::task::spawn_blocking(move || {
        let folder = path.parent().unwrap_or(Path::new("."));
        let filled = SpoolWriter::create(&path, secrets, import, LARGEST_FILE)
            .and_then(|mut spool| {
                std::io::copy(&mut contents, &mut spool)?;
                spool.finish()
            })
            .and_then(|written| {
                // The name must survive a power cut as well as the bytes.
                std::fs::File::open(folder)?.sync_all()?;
                Ok(written)
            });
        if filled.is_err() {
            let _ = std::fs::remove_file(&path);
        }
        filled
    });
    match filled.await.map_err(std::io::Error::other)? {
        Err(error) if error.kind() == ErrorKind::FileTooLarge => Err(ReceiveError::TooLarge),
        filled => Ok(filled?),
    }
}

/// Makes an import of a spooled file, and does `then` in the same transaction, told which import it
/// is and whether it is new.
///
/// # Errors
/// When the database fails, or what `then` gives.
pub(crate) async fn store_import<T: Send + 'static>(
    app: &App,
    file: ReceivedFile,
    mut spooled: Spooled,
    then: impl FnOnce(&mut Tx<'_>, (ImportId, bool)) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let name = serde_json::to_vec(&FileName(file.name))?;
    let name = seal(&spooled.secrets, name_context(spooled.uuid), &name)?;
    let (workspace, created_at) = (spooled.secrets.workspace().id, app.now_micros());
    let (uuid, sha256, bytes) = (spooled.uuid, spooled.sha256(), spooled.written.bytes);
    let spool = Some(spooled.spool);
    // After an error the import may have been stored all the same; the sweep knows.
    spooled.offered = true;
    let (new, done) = app
        .store()
        .write(move |tx| {
            let (id, new) = tx.receive_import(&NewImport {
                uuid,
                workspace,
                sha256: &sha256,
                bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
                name: &name,
                allowed: &file.allowed.join(","),
                spool,
                created_at,
            })?;
            if new {
                tx.enqueue(Job::ImportFile(id), created_at, created_at)?;
            }
            Ok::<_, ApiError>((new, then(tx, (id, new))?))
        })
        .await?;
    spooled.offered = new;
    Ok(done)
}

fn seal(
    secrets: &WorkspaceSecrets,
    context: Context<'_>,
    bytes: &[u8],
) -> Result<Sealed, ApiError> {
    Ok(secrets.data_key().seal(context, bytes)?)
}

/// How far an import has come.
///
/// # Errors
/// When the database fails or the import is unknown.
pub async fn import_status(app: &App, id: ImportId) -> Result<ImportStatus, ApiError> {
    let found = app.store().read(move |tx| tx.import(id)).await?;
    status(app, &found.ok_or_else(|| ApiError::unexpected(format!("no import {id}")))?)
}

/// An import as people see it.
pub(crate) fn status(app: &App, import: &Import) -> Result<ImportStatus, ApiError> {
    let secrets = app.secrets(import.workspace)?;
    let report = match &import.report {
        Some(sealed) => {
            let bytes = open_own(&secrets, report_context(import.uuid), sealed)?;
            Some(serde_json::from_slice(&bytes)?)
        }
        None => None,
    };
    let bytes = open_own(&secrets, name_context(import.uuid), &import.name)?;
    let FileName(name) = serde_json::from_slice(&bytes)?;
    Ok(ImportStatus {
        id: import.uuid,
        name,
        state: import.state.as_str(),
        kind: import.kind.map(vinculo_store::ImportKind::as_str),
        allowed: import.allowed.split(',').filter(|s| !s.is_empty()).map(str::to_owned).collect(),
        lines: import.lines,
        loaded: import.loaded,
        percent: percent(import),
        errors: import.errors,
        warnings: import.warnings,
        created_at: wire_time(import.created_at),
        report,
    })
}

fn percent(import: &Import) -> i64 {
    if !is_open(import.state) {
        return 100;
    }
    // Until it is checked, nobody knows how many lines it has.
    let stored = import.loaded.saturating_mul(100).checked_div(import.lines);
    stored.unwrap_or(0).clamp(0, 99)
}

/// Opens the spooled file of an import.
///
/// # Errors
/// When it is gone or cannot be read.
pub(crate) fn spooled(
    app: &App,
    secrets: &Arc<WorkspaceSecrets>,
    import: Uuid,
) -> std::io::Result<SpoolReader> {
    SpoolReader::open(&spool_path(app, import), Arc::clone(secrets), import)
}

/// Removes the spooled file of an import that is done with it.
pub(crate) async fn forget_spool(app: &App, import: Uuid) -> Result<(), ApiError> {
    match tokio::fs::remove_file(spool_path(app, import)).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(ApiError::unexpected(format!("spool: {error}")))
        }
        _ => Ok(()),
    }
}

/// Removes spooled files that no import needs: what a process left behind that died between filling
/// the spool and storing the import. Young files stay, for somebody may be filling them.
pub(crate) async fn sweep_spool(app: &App) -> Result<(), ApiError> {
    let failed = |error: std::io::Error| ApiError::unexpected(format!("spool: {error}"));
    let mut entries = match tokio::fs::read_dir(&app.config().spool_dir).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    let now = SystemTime::UNIX_EPOCH + Duration::from_micros(app.now_micros().unsigned_abs());
    while let Some(entry) = entries.next_entry().await.map_err(failed)? {
        let path = entry.path();
        let id = path.file_stem().and_then(|stem| Uuid::try_parse(stem.to_str()?).ok());
        let modified = entry.metadata().await.and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|modified| now.duration_since(modified).ok());
        let Some(id) = id.filter(|_| age.is_some_and(|age| age >= LEFT_BEHIND)) else { continue };
        if !app.store().read(move |tx| tx.needs_spool(id)).await? {
            tracing::warn!(import = %id, "removing a spooled file that no import needs");
            forget_spool(app, id).await?;
        }
    }
    Ok(())
}

/// The report of the checks, sealed for its import.
pub(crate) fn seal_report(
    secrets: &WorkspaceSecrets,
    import: &Import,
    report: &Report,
) -> Result<Sealed, ApiError> {
    seal(secrets, report_context(import.uuid), &serde_json::to_vec(report)?)
}

/// Whether the job of an import in this state still has something to store.
pub(crate) const fn is_open(state: ImportState) -> bool {
    matches!(state, ImportState::Waiting | ImportState::Loading)
}
