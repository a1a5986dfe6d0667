//! Which derivation the look-up values stand on, and their rotation to the next one: column by
//! column, batch by batch, each batch with how far it has come in one transaction.

use vinculo_vault::BlindIndex;

use super::WorkspaceId;
use super::erasures::NOBODY;
use super::ids::text_enum;
use crate::{Error, Result, Tx, Value};

text_enum! {
    /// A column of look-up values.
    IndexColumn in "index_rotation" {
        /// Documents of people.
        Subjects = "subjects.document_index",
        /// Documents that sources were asked about.
        SourceCalls = "source_calls.document_index",
        /// References of links.
        Links = "links.external_index",
        /// Payers of the lines of planillas.
        PlanillaLines = "contributions.payer_index of planillas",
        /// Payers of the lines of operators' answers.
        AnswerLines = "contributions.payer_index of answers",
        /// Payers with a record of their own.
        Payers = "payers.payer_index",
        /// Payers of imports.
        ImportPayers = "imports.payer_index",
        /// Planilla numbers.
        ImportNumbers = "imports.number_index",
        /// Planillas without a number.
        ImportDrafts = "imports.draft_index",
        /// What planillas with a number settle.
        ImportSlots = "imports.slot_index",
        /// What employments are known by: their payers.
        Employments = "employments.object_index",
        /// What owners are known by: their documents.
        Owners = "owners.object_index",
    }
}

/// Which derivation is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexVersion {
    /// Its number, from 1.
    pub version: u32,
    /// Whether a rotation to the next one has begun and not ended: until then nothing is found.
    pub rotating: bool,
}

/// Where a column is.
struct Place {
    table: &'static str,
    /// What the walk goes along; all rows of one key are done together.
    key: &'static str,
    column: &'static str,
    /// A further condition on the rows.
    which: &'static str,
    /// Keys done in one transaction.
    keys: i64,
}

impl IndexColumn {
    const fn place(self) -> Place {
        let (table, key, column) = match self {
            Self::Subjects => ("subjects", "id", "document_index"),
            Self::SourceCalls => ("source_calls", "id", "document_index"),
            Self::Links => ("links", "id", "external_index"),
            Self::PlanillaLines | Self::AnswerLines => ("contributions", "batch_id", "payer_index"),
            Self::Payers => ("payers", "subject_id", "payer_index"),
            Self::ImportPayers => ("imports", "id", "payer_index"),
            Self::ImportNumbers => ("imports", "id", "number_index"),
            Self::ImportDrafts => ("imports", "id", "draft_index"),
            Self::ImportSlots => ("imports", "id", "slot_index"),
            Self::Employments => ("employments", "id", "object_index"),
            Self::Owners => ("owners", "id", "object_index"),
        };
        let (which, keys) = match self {
            // A planilla has up to a million lines, and one payer.
            Self::PlanillaLines => (" and origin = 'planilla'", 4),
            Self::AnswerLines => (" and origin = 'ach'", 200),
            _ => ("", 1000),
        };
        Place { table, key, column, which, keys }
    }
}

impl Tx<'_> {
    /// Which derivation is in use.
    ///
    /// # Errors
    /// When the database fails.
    pub fn index_version(&mut self) -> Result<IndexVersion> {
        self.query_one("select version, rotating from index_keys where id = 1", &[], |row| {
            let version = u32::try_from(row.int(0)?).map_err(|_| Error::Corrupt {
                table: "index_keys",
                what: "a version that is no version".to_owned(),
            })?;
            Ok(IndexVersion { version, rotating: row.int(1)? != 0 })
        })
    }

    /// Begins a rotation, or goes on with one that was stopped.
    ///
    /// # Errors
    /// When the database fails.
    pub fn begin_index_rotation(&mut self) -> Result<()> {
        self.execute("update index_keys set rotating = 1 where id = 1", &[])?;
        for column in IndexColumn::ALL {
            self.execute(
                "insert into index_rotation (step, position, rotated, ended) \
                 values ($1, 0, 0, 0) on conflict (step) do nothing",
                &[column.as_str().into()],
            )?;
        }
        Ok(())
    }

    /// Puts the next values of a column in the place of the old ones, and remembers how far it has
    /// come. Answers how many rows were changed; `None` when the column is done. `next` says what
    /// becomes of a value, `None` for a workspace that it does not know.
    ///
    /// # Errors
    /// When the database fails, or a row belongs to no known workspace.
    pub fn rotate_indexes(
        &mut self,
        column: IndexColumn,
        next: impl Fn(WorkspaceId, &BlindIndex) -> Option<BlindIndex>,
    ) -> Result<Option<u64>> {
        let Place { table, key, column: name, which, keys } = column.place();
        let step = Value::from(column.as_str());
        let sql = "select position from index_rotation where step = $1 and ended = 0";
        let Some(position) = self.query_opt(sql, &[step], |row| row.int(0))? else {
            return Ok(None);
        };
        let sql = format!(
            "select max(k) from (select distinct {key} as k from {table} where {key} > $1{which} \
             order by k limit $2) next"
        );
        let last = self.query_one(&sql, &[position.into(), keys.into()], |row| row.opt_int(0))?;
        let Some(last) = last else {
            self.execute("update index_rotation set ended = 1 where step = $1", &[step])?;
            return Ok(None);
        };
        let sql = format!(
            "select distinct workspace_id, {key}, {name} from {table} \
             where {key} > $1 and {key} <= $2{which} and {name} <> $3"
        );
        let old = self.query(&sql, &[position.into(), last.into(), (&NOBODY).into()], |row| {
            Ok((WorkspaceId(row.int(0)?), row.int(1)?, row.blind_index(2)?))
        })?;
        let sql = format!("update {table} set {name} = $3 where {key} = $1 and {name} = $2{which}");
        let mut changed = 0;
        for (workspace, key, value) in &old {
            let new = next(*workspace, value).ok_or_else(|| Error::Corrupt {
                table,
                what: format!("a row of workspace {workspace}, which is not there"),
            })?;
            changed += self.execute(&sql, &[(*key).into(), value.into(), (&new).into()])?;
        }
        self.execute(
            "update index_rotation set position = $2, rotated = rotated + $3 where step = $1",
            &[step, last.into(), i64::try_from(changed).unwrap_or(i64::MAX).into()],
        )?;
        Ok(Some(changed))
    }

    /// Ends a rotation: the next derivation is in use. Answers how many values each column has.
    ///
    /// # Errors
    /// `Corrupt` when a column has another number of values than were rotated.
    pub fn finish_index_rotation(&mut self) -> Result<Vec<(IndexColumn, i64)>> {
        let mut counts = Vec::with_capacity(IndexColumn::ALL.len());
        for &column in IndexColumn::ALL {
            let Place { table, column: name, which, .. } = column.place();
            let sql = format!("select count(*) from {table} where {name} <> $1{which}");
            let there = self.query_one(&sql, &[(&NOBODY).into()], |row| row.int(0))?;
            let rotated = self.query_opt(
                "select rotated from index_rotation where step = $1 and ended = 1",
                &[column.as_str().into()],
                |row| row.int(0),
            )?;
            if rotated != Some(there) {
                let rotated = rotated.unwrap_or_default();
                return Err(Error::Corrupt {
                    table,
                    what: format!("{name}: {rotated} of {there} values were rotated"),
                });
            }
            counts.push((column, there));
        }
        self.execute("delete from index_rotation", &[])?;
        self.execute(
            "update index_keys set version = version + 1, rotating = 0 where id = 1",
            &[],
        )?;
        Ok(counts)
    }
}
