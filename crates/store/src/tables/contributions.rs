//! Contributions: the lines every projection is made from, sealed one by one.

use uuid::Uuid;
use vinculo_vault::{BlindIndex, Sealed};

use super::acceptance::SETTLED;
use super::ids::text_enum;
use super::page::Where;
use super::{Micros, SubjectId, WorkspaceId};
use crate::{Result, Tx};

text_enum! {
    /// Where a line came from; with the batch and the line it identifies the row.
    Origin in "contributions" {
        /// An imported planilla; the batch is the import.
        Planilla = "planilla",
        /// An operator's answer; the batch is the source call, whose row names the operator. The word
        /// in the column is the name of the first operator there was.
        Answer = "ach",
    }
}

/// A line to be stored.
#[derive(Debug, Clone)]
pub struct NewContribution {
    /// Workspace that may use it.
    pub workspace: WorkspaceId,
    /// Person it is about.
    pub subject: SubjectId,
    /// Where it came from.
    pub origin: Origin,
    /// Import or source call.
    pub batch: i64,
    /// Position inside the batch.
    pub line: i64,
    /// Look-up value of the payer.
    pub payer: BlindIndex,
    /// Month of work, yyyymm.
    pub period: i64,
    /// Letter of the planilla type.
    pub planilla_type: Option<String>,
    /// The line, sealed with the subject's key.
    pub sealed: Sealed,
}

/// A stored line.
#[derive(Debug, Clone)]
pub struct StoredContribution {
    /// Where it came from.
    pub origin: Origin,
    /// Import or source call.
    pub batch: i64,
    /// Position inside the batch.
    pub line: i64,
    /// Whether it stands in a draft that a settled planilla has taken the place of: it counts no more.
    pub replaced: bool,
    /// The line, sealed with the subject's key.
    pub sealed: Sealed,
}

/// What brought lines: an import or a source call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its number, as [`StoredContribution::batch`] has it.
    pub id: i64,
    /// Public id.
    pub uuid: Uuid,
    /// Name of the source that was asked; `None` for an import.
    pub source: Option<String>,
    /// When the file was received, or when the source answered.
    pub at: Micros,
}

const NEW_COLUMNS: &[&str] = &[
    "workspace_id",
    "subject_id",
    "origin",
    "batch_id",
    "line",
    "payer_index",
    "period",
    "planilla_type",
    "sealed",
];

impl Tx<'_> {
    /// Stores lines in bulk.
    ///
    /// # Errors
    /// `Conflict` when a line of the batch is there already.
    pub fn insert_contributions(&mut self, lines: &[NewContribution]) -> Result<u64> {
        let rows = lines.iter().map(|line| {
            vec![
                line.workspace.into(),
                line.subject.into(),
                line.origin.into(),
                line.batch.into(),
                line.line.into(),
                (&line.payer).into(),
                line.period.into(),
                line.planilla_type.as_deref().into(),
                (&line.sealed).into(),
            ]
        });
        self.bulk_insert("contributions", NEW_COLUMNS, rows)
    }

    /// Drops what earlier batches of this origin said about the person, or only earlier answers of
    /// one source: its newest answer stands for all of them.
    ///
    /// # Errors
    /// When the database fails.
    pub fn drop_contributions(
        &mut self,
        subject: SubjectId,
        origin: Origin,
        source: Option<&str>,
    ) -> Result<u64> {
        let all = "delete from contributions where subject_id = $1 and origin = $2";
        let Some(source) = source else {
            return self.execute(all, &[subject.into(), origin.into()]);
        };
        let of_source = format!(
            "{all} and batch_id in (select id from source_calls where subject_id = $1 \
             and source = $3)"
        );
        self.execute(&of_source, &[subject.into(), origin.into(), source.into()])
    }

    /// Every line about the person of operators' answers, and of planillas whose import was accepted.
    ///
    /// # Errors
    /// When the database fails.
    pub fn contributions(&mut self, subject: SubjectId) -> Result<Vec<StoredContribution>> {
        self.query(
            &format!(
                "select c.origin, c.batch_id, c.line, c.sealed, \
                 case when exists ({SETTLED}) then 1 else 0 end from contributions c \
                 left join imports i on i.id = c.batch_id and c.origin = 'planilla' \
                 where c.subject_id = $1 and (c.origin <> 'planilla' or i.state = 'accepted') \
                 order by c.origin, c.batch_id, c.line"
            ),
            &[subject.into()],
            |row| {
                Ok(StoredContribution {
                    origin: Origin::from_column(&row.text(0)?)?,
                    batch: row.int(1)?,
                    line: row.int(2)?,
                    sealed: row.sealed(3)?,
                    replaced: row.int(4)? != 0,
                })
            },
        )
    }

    /// The workspace's imports or source calls with these ids, by id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn batches(
        &mut self,
        workspace: WorkspaceId,
        origin: Origin,
        ids: &[i64],
    ) -> Result<Vec<Batch>> {
        let from = match origin {
            Origin::Planilla => "select id, uuid, created_at, cast(null as text) from imports",
            Origin::Answer => "select id, uuid, created_at, source from source_calls",
        };
        let mut clause = Where::equals("+workspace_id", workspace);
        clause.and_in("id", ids.iter().copied());
        let sql = format!("{from}{} order by id", clause.sql());
        self.query(&sql, clause.params(), |row| {
            Ok(Batch {
                id: row.int(0)?,
                uuid: row.uuid(1)?,
                at: row.int(2)?,
                source: row.opt_text(3)?,
            })
        })
    }

    /// Whether any planilla that counts names the person.
    ///
    /// # Errors
    /// When the database fails.
    pub fn has_planilla_lines(
        &mut self,
        workspace: WorkspaceId,
        document: &BlindIndex,
    ) -> Result<bool> {
        let found = self.query_opt(
            &format!(
                "select 1 from subjects p join contributions c on c.subject_id = p.id \
                 join imports i on i.id = c.batch_id and i.state = 'accepted' \
                 where p.workspace_id = $1 and p.document_index = $2 and c.origin = 'planilla' \
                 and not exists ({SETTLED}) limit 1"
            ),
            &[workspace.into(), document.into()],
            |row| row.int(0),
        )?;
        Ok(found.is_some())
    }
}
