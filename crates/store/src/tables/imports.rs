//! Imports: files on their way into the contributions. Only an accepted import counts.

use uuid::Uuid;
use vinculo_vault::{BlindIndex, Sealed};

use super::ids::text_enum;
use super::page::Where;
use super::{ImportId, Micros, Page, PageRequest, WorkspaceId};
use crate::{Dialect, Result, Row, Tx};

text_enum! {
    /// How far an import has come.
    ImportState in "imports" {
        /// Received, not yet checked.
        Waiting = "waiting",
        /// Checked; lines are being stored.
        Loading = "loading",
        /// Every line is stored, and counts.
        Accepted = "accepted",
        /// Refused by the checks; nothing of it was stored.
        Refused = "refused",
        /// The same planilla counts from a file that was received earlier.
        Repeated = "repeated",
        /// A draft that a newer one, or one that was paid, has replaced.
        Superseded = "superseded",
    }
}

text_enum! {
    /// What kind of file it is.
    ImportKind in "imports" {
        /// Type 2: a month's workers.
        Planilla = "planilla",
        /// Type 1: the payer's own data.
        PayerRecord = "payer_record",
    }
}

/// An import to be stored.
#[derive(Debug, Clone)]
pub struct NewImport<'a> {
    /// Public id; part of what seals name and report.
    pub uuid: Uuid,
    /// Workspace that may use the lines.
    pub workspace: WorkspaceId,
    /// SHA-256 of the file.
    pub sha256: &'a [u8; 32],
    /// Size of the file, bytes.
    pub bytes: i64,
    /// File name, sealed with the workspace's key.
    pub name: &'a Sealed,
    /// Refusing rules that may pass, by name, with commas.
    pub allowed: &'a str,
    /// The spool that its file is in; without one, anybody may look for it.
    pub spool: Option<Uuid>,
    /// When it was received.
    pub created_at: Micros,
}

/// A stored import.
#[derive(Debug, Clone)]
pub struct Import {
    /// Internal id.
    pub id: ImportId,
    /// Public id; part of what sealed name and report.
    pub uuid: Uuid,
    /// Workspace that may use the lines.
    pub workspace: WorkspaceId,
    /// How far it has come.
    pub state: ImportState,
    /// Kind, once checked.
    pub kind: Option<ImportKind>,
    /// Lines of the file, once checked.
    pub lines: i64,
    /// Lines stored so far.
    pub loaded: i64,
    /// Findings that refuse.
    pub errors: i64,
    /// Findings that do not.
    pub warnings: i64,
    /// Look-up value of the payer, once checked.
    pub payer: Option<BlindIndex>,
    /// Refusing rules that may pass, by name, with commas.
    pub allowed: String,
    /// When it was received.
    pub created_at: Micros,
    /// File name, sealed with the workspace's key.
    pub name: Sealed,
    /// The report, sealed with the workspace's key.
    pub report: Option<Sealed>,
}

/// What the checks said about a file.
#[derive(Debug, Clone)]
pub struct Verdict<'a> {
    /// Kind, when it could be told.
    pub kind: Option<ImportKind>,
    /// What becomes of the import.
    pub state: ImportState,
    /// Lines of the file.
    pub lines: i64,
    /// Findings that refuse.
    pub errors: i64,
    /// Findings that do not.
    pub warnings: i64,
    /// Which planilla it is, when it is one.
    pub identity: Option<&'a PlanillaIdentity>,
    /// The report, sealed with the workspace's key.
    pub report: &'a Sealed,
}

/// What makes two files the same planilla, and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanillaIdentity {
    /// Payer.
    pub payer: BlindIndex,
    /// The number given by the operator, of a planilla that was paid.
    pub number: Option<BlindIndex>,
    /// Payer, month, type and branch of a numbered one, which it settles.
    pub slot: Option<BlindIndex>,
    /// The same of one that lacks its number or its payment.
    pub draft: Option<BlindIndex>,
    /// Whether it was paid.
    pub paid: bool,
    /// Month of work, yyyymm.
    pub period: i64,
    /// Letter of the planilla type.
    pub planilla_type: Option<String>,
}

const COLUMNS: &str = "select id, uuid, workspace_id, state, kind, lines, loaded, errors, \
     warnings, payer_index, allowed, created_at, sealed_name, sealed_report from imports";

impl Import {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            id: ImportId(row.int(0)?),
            uuid: row.uuid(1)?,
            workspace: WorkspaceId(row.int(2)?),
            state: ImportState::from_column(&row.text(3)?)?,
            kind: row.opt_text(4)?.map(|kind| ImportKind::from_column(&kind)).transpose()?,
            lines: row.int(5)?,
            loaded: row.int(6)?,
            errors: row.int(7)?,
            warnings: row.int(8)?,
            payer: row.opt_blind_index(9)?,
            allowed: row.text(10)?,
            created_at: row.int(11)?,
            name: row.sealed(12)?,
            report: row.opt_sealed(13)?,
        })
    }
}

impl Tx<'_> {
    /// Stores a received file's import, unless the same file is waiting, loading or accepted
    /// already: then that import is the answer, and `false`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn receive_import(&mut self, import: &NewImport<'_>) -> Result<(ImportId, bool)> {
        let made = self.query_opt(
            "insert into imports (uuid, workspace_id, sha256, bytes, state, sealed_name, allowed, \
             created_at, spool_id) values ($1, $2, $3, $4, 'waiting', $5, $6, $7, $8) \
             on conflict do nothing returning id",
            &[
                import.uuid.into(),
                import.workspace.into(),
                import.sha256.into(),
                import.bytes.into(),
                import.name.into(),
                import.allowed.into(),
                import.created_at.into(),
                import.spool.into(),
            ],
            |row| Ok(ImportId(row.int(0)?)),
        )?;
        if let Some(id) = made {
            return Ok((id, true));
        }
        let id = self.query_one(
            "select id from imports where workspace_id = $1 and sha256 = $2 \
             and state in ('waiting', 'loading', 'accepted')",
            &[import.workspace.into(), import.sha256.into()],
            |row| Ok(ImportId(row.int(0)?)),
        )?;
        Ok((id, false))
    }

    /// The import with this id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn import(&mut self, id: ImportId) -> Result<Option<Import>> {
        self.query_opt(&format!("{COLUMNS} where id = $1"), &[id.into()], Import::from_row)
    }

    /// The workspace's import with this public id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn import_by_uuid(&mut self, workspace: WorkspaceId, uuid: Uuid) -> Result<Option<Import>> {
        self.query_opt(
            &format!("{COLUMNS} where workspace_id = $1 and uuid = $2"),
            &[workspace.into(), uuid.into()],
            Import::from_row,
        )
    }

    /// A page of the workspace's imports, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn imports(&mut self, workspace: WorkspaceId, page: PageRequest) -> Result<Page<Import>> {
        let clause = Where::equals("workspace_id", workspace);
        let sql = format!("select count(*) from imports{}", clause.sql());
        let count = self.query_one(&sql, clause.params(), |row| row.int(0))?;
        let (tail, params) = clause.sliced("created_at desc, id desc", page);
        let rows = self.query(&format!("{COLUMNS}{tail}"), &params, Import::from_row)?;
        Ok(Page { count, rows })
    }

    /// Whether the import with this public id still needs its spooled file.
    ///
    /// # Errors
    /// When the database fails.
    pub fn needs_spool(&mut self, uuid: Uuid) -> Result<bool> {
        let found = self.query_opt(
            "select 1 from imports i where i.uuid = $1 and (i.state in ('waiting', 'loading') \
             or exists (select 1 from jobs where kind = 'import_file' and target_id = i.id))",
            &[uuid.into()],
            |row| row.int(0),
        )?;
        Ok(found.is_some())
    }

    /// Records what the checks said of an import that has not ended; one that has stays as it is.
    ///
    /// # Errors
    /// When the database fails.
    pub fn judge_import(&mut self, id: ImportId, verdict: &Verdict<'_>, now: Micros) -> Result<()> {
        let identity = verdict.identity;
        let finished = (verdict.state != ImportState::Loading).then_some(now);
        self.execute(
            "update imports set state = $2, kind = $3, lines = $4, errors = $5, warnings = $6, \
             payer_index = $7, number_index = $8, draft_index = $9, period = $10, \
             planilla_type = $11, sealed_report = $12, finished_at = $13, slot_index = $14, \
             paid = $15 where id = $1 and state in ('waiting', 'loading')",
            &[
                id.into(),
                verdict.state.into(),
                verdict.kind.map(ImportKind::as_str).into(),
                verdict.lines.into(),
                verdict.errors.into(),
                verdict.warnings.into(),
                identity.map(|identity| &identity.payer).into(),
                identity.and_then(|identity| identity.number.as_ref()).into(),
                identity.and_then(|identity| identity.draft.as_ref()).into(),
                identity.map(|identity| identity.period).into(),
                identity.and_then(|identity| identity.planilla_type.as_deref()).into(),
                verdict.report.into(),
                finished.into(),
                identity.and_then(|identity| identity.slot.as_ref()).into(),
                i64::from(identity.is_some_and(|identity| identity.paid)).into(),
            ],
        )?;
        Ok(())
    }

    /// Holds an import until the transaction ends, beside whoever stores lines of it: who is erased meanwhile is
    /// erased after what this transaction writes ([`Self::erase_person`]).
    ///
    /// # Errors
    /// When the database fails.
    pub fn hold_import(&mut self, id: ImportId) -> Result<()> {
        let held = match self.dialect() {
            Dialect::Sqlite => "",
            Dialect::Postgres => " for key share",
        };
        let sql = format!("select 1 from imports where id = $1{held}");
        self.query_opt(&sql, &[id.into()], |row| row.int(0)).map(|_| ())
    }

    /// Holds the imports of a workspace whose lines are being stored until the transaction ends. Who stores lines
    /// holds their import first: either they are there by then, or will be written by somebody who sees what
    /// this transaction has done.
    pub(super) fn hold_loading_imports(&mut self, workspace: WorkspaceId) -> Result<()> {
        let in_order = self.dialect().locking();
        let sql = format!(
            "select id from imports where id in \
             (select target_id from jobs where kind = 'import_file') \
             and +workspace_id = $1 and state = 'loading' order by id{in_order}"
        );
        self.query(&sql, &[workspace.into()], |row| row.int(0)).map(|_| ())
    }

    /// Says how many lines of a loading import are stored. `false` when it has moved on already:
    /// another worker stored them.
    ///
    /// # Errors
    /// When the database fails.
    pub fn progress_import(&mut self, id: ImportId, from: i64, to: i64) -> Result<bool> {
        let changed = self.execute(
            "update imports set loaded = $3 where id = $1 and loaded = $2 and state = 'loading'",
            &[id.into(), from.into(), to.into()],
        )?;
        Ok(changed == 1)
    }
}
