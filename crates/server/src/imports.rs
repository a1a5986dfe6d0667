//! Receiving files: spool sealed, remember the digest, leave the rest to a job.

use std::path::PathBuf;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vinculo_pila::planilla::Report;
use vinculo_store::{Environment, Import, ImportId, ImportState, Job, NewImport};
use vinculo_vault::{Context, Sealed};

use crate::App;
use crate::error::ApiError;
use crate::projection::open_own;
use crate::secrets::WorkspaceSecrets;

/// Largest file taken, bytes: some 700,000 lines.
pub const LARGEST_FILE: u64 = 512 * 1024 * 1024;

/// A file that cannot be received.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// Larger than [`LARGEST_FILE`].
    #[error("file of {0} bytes: at most {LARGEST_FILE} are taken")]
    TooLarge(u64),
    /// The spool folder cannot be written.
    #[error("spool folder: {0}")]
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

/// How far an import has come, and why it was refused.
#[derive(Debug, Clone, Serialize)]
pub struct ImportStatus {
    /// Public id.
    pub id: Uuid,
    /// One word: `waiting`, `loading`, `accepted`, `refused`, `repeated`, `superseded`.
    pub state: &'static str,
    /// `planilla` or `payer_record`, once checked.
    pub kind: Option<&'static str>,
    /// Lines of the file.
    pub lines: i64,
    /// Lines stored.
    pub loaded: i64,
    /// Findings that refuse.
    pub errors: i64,
    /// Findings that do not.
    pub warnings: i64,
    /// The findings themselves.
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

fn spool_context(import: Uuid) -> Context<'static> {
    Context::of_uuid("imports.spool", import.into_bytes())
}

fn spool_path(app: &App, import: Uuid) -> PathBuf {
    app.config().spool_dir.join(format!("{}.sealed", import.simple()))
}

/// Takes a file for the organization `default`. A file that is there already is not taken twice:
/// its first import is the answer, and `false`.
///
/// # Errors
/// When the file is too large, the spool cannot be written, or the database fails.
pub async fn receive_file(
    app: &App,
    environment: Environment,
    name: &str,
    bytes: Vec<u8>,
) -> Result<(ImportId, bool), ReceiveError> {
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(ReceiveError::TooLarge(bytes.len() as u64));
    }
    let secrets = app.secrets_of(environment).map_err(ApiError::from)?;
    let uuid = app.uuid().map_err(ApiError::unexpected)?;
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest(&SHA256, &bytes).as_ref());
    let spooled = seal(&secrets, spool_context(uuid), &bytes)?;
    let path = spool_path(app, uuid);
    write_durably(path.clone(), spooled).await?;
    let name = serde_json::to_vec(&FileName(name.to_owned())).map_err(ApiError::from)?;
    let name = seal(&secrets, name_context(uuid), &name)?;
    let (workspace, created_at) = (secrets.workspace().id, app.now_micros());
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let received = app
        .store()
        .write(move |tx| {
            let (id, new) = tx.receive_import(&NewImport {
                uuid,
                workspace,
                sha256: &sha256,
                bytes: size,
                name: &name,
                created_at,
            })?;
            if new {
                tx.enqueue(Job::ImportFile(id), created_at, created_at)?;
            }
            Ok::<_, ApiError>((id, new))
        })
        .await?;
    if !received.1 {
        tokio::fs::remove_file(path).await?;
    }
    Ok(received)
}

fn seal(
    secrets: &WorkspaceSecrets,
    context: Context<'_>,
    bytes: &[u8],
) -> Result<Sealed, ApiError> {
    Ok(secrets.data_key().seal(context, bytes)?)
}

async fn write_durably(path: PathBuf, sealed: Sealed) -> std::io::Result<()> {
    let written = tokio::task::spawn_blocking(move || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = std::fs::File::create_new(&path)?;
        std::io::Write::write_all(&mut file, sealed.as_bytes())?;
        file.sync_all()
    });
    written.await.map_err(std::io::Error::other)?
}

/// How far an import has come.
///
/// # Errors
/// When the database fails or the import is unknown.
pub async fn import_status(app: &App, id: ImportId) -> Result<ImportStatus, ApiError> {
    let found = app.store().read(move |tx| tx.import(id)).await?;
    let import = found.ok_or_else(|| ApiError::unexpected(format!("no import {id}")))?;
    let secrets = app.secrets(import.workspace)?;
    let report = match &import.report {
        Some(sealed) => {
            let bytes = open_own(&secrets, report_context(import.uuid), sealed)?;
            Some(serde_json::from_slice(&bytes)?)
        }
        None => None,
    };
    Ok(ImportStatus {
        id: import.uuid,
        state: import.state.as_str(),
        kind: import.kind.map(vinculo_store::ImportKind::as_str),
        lines: import.lines,
        loaded: import.loaded,
        errors: import.errors,
        warnings: import.warnings,
        report,
    })
}

/// The spooled file of an import; `None` when it is gone.
pub(crate) async fn spooled(
    app: &App,
    secrets: &WorkspaceSecrets,
    import: Uuid,
) -> Result<Option<Vec<u8>>, ApiError> {
    let sealed = match tokio::fs::read(spool_path(app, import)).await {
        Ok(bytes) => Sealed::from_bytes(bytes).map_err(ApiError::unexpected)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ApiError::unexpected(format!("spool: {error}"))),
    };
    Ok(Some(open_own(secrets, spool_context(import), &sealed)?))
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
