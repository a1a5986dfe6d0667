//! Imports: files on their way into the contributions. Only an accepted import counts.

use uuid::Uuid;
use vinculo_vault::{BlindIndex, Sealed};

use super::ids::text_enum;
use super::page::Where;
use super::{ImportId, LinkId, Micros, Page, PageRequest, Resource, WorkspaceId};
use crate::{Result, Row, Tx};

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
        /// The same planilla was there already; nothing was changed.
        Repeated = "repeated",
        /// A draft that a newer one has replaced.
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

/// What makes two files the same planilla.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanillaIdentity {
    /// Payer.
    pub payer: BlindIndex,
    /// The number given by the operator.
    pub number: Option<BlindIndex>,
    /// Payer, month, type and branch of a draft, which has no number.
    pub draft: Option<BlindIndex>,
    /// Month of work, yyyymm.
    pub period: i64,
    /// Letter of the planilla type.
    pub planilla_type: Option<String>,
}

const COLUMNS: &str = "select id, uuid, workspace_id, state, kind, lines, loaded, errors, \
     warnings, payer_index, allowed, created_at, sealed_name, sealed_report from imports";

/// The drafts that import `$1` replaced.
const SUPERSEDED: &str = "select old.id from imports old join imports new on new.id = $1 \
     where new.state = 'accepted' and old.id <> new.id \
     and old.workspace_id = new.workspace_id and old.draft_index = new.draft_index \
     and old.state = 'superseded'";

/// Lines that payer `$2` paid: those of its planillas, and those in operators' answers.
const PAID_BY: &str = "origin = 'planilla' and batch_id in \
     (select id from imports where workspace_id = $1 and payer_index = $2) \
     union all select subject_id from contributions \
     where origin = 'ach' and workspace_id = $1 and payer_index = $2";

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
             created_at) values ($1, $2, $3, $4, 'waiting', $5, $6, $7) \
             on conflict do nothing returning id",
            &[
                import.uuid.into(),
                import.workspace.into(),
                import.sha256.into(),
                import.bytes.into(),
                import.name.into(),
                import.allowed.into(),
                import.created_at.into(),
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

    /// Whether the workspace has accepted this numbered planilla already.
    ///
    /// # Errors
    /// When the database fails.
    pub fn has_planilla(
        &mut self,
        workspace: WorkspaceId,
        identity: &PlanillaIdentity,
    ) -> Result<bool> {
        let found = self.query_opt(
            "select 1 from imports where workspace_id = $1 and payer_index = $2 \
             and number_index = $3 and state = 'accepted'",
            &[workspace.into(), (&identity.payer).into(), identity.number.as_ref().into()],
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
             planilla_type = $11, sealed_report = $12, finished_at = $13 \
             where id = $1 and state in ('waiting', 'loading')",
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
            ],
        )?;
        Ok(())
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

    /// Makes a loading import count; one that is not loading stays as it is. An accepted draft of
    /// the same payer, month, type and branch that was received earlier stops counting; its lines
    /// stay until [`Self::drop_superseded_lines`], to tell whom it named. A draft that was received
    /// before one that counts already never counts.
    ///
    /// # Errors
    /// `Conflict` when the same planilla was accepted meanwhile.
    pub fn accept_import(&mut self, id: ImportId, now: Micros) -> Result<()> {
        self.execute(
            "update imports set state = 'superseded', finished_at = $2 \
             where id = $1 and state = 'loading' and exists (select 1 from imports newer \
             where newer.workspace_id = imports.workspace_id \
             and newer.draft_index = imports.draft_index \
             and newer.state = 'accepted' and newer.id > imports.id)",
            &[id.into(), now.into()],
        )?;
        self.execute(
            "update imports set state = 'superseded' where id in \
             (select old.id from imports old join imports new on new.id = $1 \
             where new.state = 'loading' and old.workspace_id = new.workspace_id \
             and old.draft_index = new.draft_index and old.state = 'accepted')",
            &[id.into()],
        )?;
        self.execute(
            "update imports set state = 'accepted', finished_at = $2 \
             where id = $1 and state = 'loading'",
            &[id.into(), now.into()],
        )?;
        Ok(())
    }

    /// Removes the lines of the drafts that this import replaced.
    ///
    /// # Errors
    /// When the database fails.
    pub fn drop_superseded_lines(&mut self, id: ImportId) -> Result<u64> {
        let batches = format!("batch_id in ({SUPERSEDED})");
        let sql = format!("delete from contributions where origin = 'planilla' and {batches}");
        self.execute(&sql, &[id.into()])
    }

    /// The links that an import changes: of people in its lines and in those of a draft it replaced,
    /// or of people paid by the payer whose record it is. Each with what was loaded for it so far; `after` pages through them.
    ///
    /// # Errors
    /// When the database fails.
    pub fn links_touched_by(
        &mut self,
        import: &Import,
        after: LinkId,
        limit: i64,
    ) -> Result<Vec<(LinkId, Vec<Resource>)>> {
        let replaced = SUPERSEDED.replace("$1", "$2");
        let own_lines = format!(
            "+workspace_id = $1 and origin = 'planilla' \
             and batch_id in (select cast($2 as bigint) union all {replaced})"
        );
        let (touched, value) = match (import.kind, &import.payer) {
            (Some(ImportKind::PayerRecord), Some(payer)) => (PAID_BY, payer.into()),
            _ => (own_lines.as_str(), import.id.into()),
        };
        let rows = self.query(
            &format!(
                "select distinct t.id, r.resources from (select id from links \
                 where +workspace_id = $1 and +id > $3 and subject_id in \
                 (select subject_id from contributions where {touched}) \
                 order by id limit $4) t left join loads r \
                 on r.link_id = t.id and r.state = 'done' order by t.id"
            ),
            &[import.workspace.into(), value, after.into(), limit.into()],
            |row| {
                let resources = row.opt_text(1)?.unwrap_or_default();
                Ok((LinkId(row.int(0)?), Resource::from_list(&resources)?))
            },
        )?;
        let mut links: Vec<(LinkId, Vec<Resource>)> = Vec::new();
        for (link, resources) in rows {
            match links.last_mut() {
                Some((last, all)) if *last == link => {
                    all.extend(resources);
                    all.sort_unstable();
                    all.dedup();
                }
                _ => links.push((link, resources)),
            }
        }
        Ok(links)
    }
}
