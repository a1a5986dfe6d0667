//! Payers: what their own (type-1) records add to their planillas.

use vinculo_vault::{BlindIndex, Sealed, WrappedKey};

use super::{ImportId, Micros, SubjectId, WorkspaceId};
use crate::{Result, Tx};

/// A payer's own record to be stored.
#[derive(Debug, Clone)]
pub struct NewPayer<'a> {
    /// Workspace that may use it.
    pub workspace: WorkspaceId,
    /// Look-up value of the payer.
    pub payer: &'a BlindIndex,
    /// The payer's own subject, whose key sealed the record.
    pub subject: SubjectId,
    /// Import that brought it.
    pub import: ImportId,
    /// When.
    pub updated_at: Micros,
    /// The record.
    pub sealed: &'a Sealed,
}

impl Tx<'_> {
    /// Stores a payer's own record; that of the import received last stays.
    ///
    /// # Errors
    /// When the database fails.
    pub fn put_payer(&mut self, payer: &NewPayer<'_>) -> Result<()> {
        self.execute(
            "insert into payers (workspace_id, payer_index, subject_id, import_id, updated_at, \
             sealed) values ($1, $2, $3, $4, $5, $6) \
             on conflict (workspace_id, payer_index) do update set \
             subject_id = excluded.subject_id, import_id = excluded.import_id, \
             updated_at = excluded.updated_at, sealed = excluded.sealed \
             where payers.import_id <= excluded.import_id",
            &[
                payer.workspace.into(),
                payer.payer.into(),
                payer.subject.into(),
                payer.import.into(),
                payer.updated_at.into(),
                payer.sealed.into(),
            ],
        )?;
        Ok(())
    }

    /// The type-1 records of every payer the person has lines with, each with the key that opens
    /// it (the payer's own: a self-employed payer is a person too).
    ///
    /// # Errors
    /// When the database fails.
    pub fn payer_profiles(
        &mut self,
        workspace: WorkspaceId,
        subject: SubjectId,
    ) -> Result<Vec<(SubjectId, Sealed, WrappedKey)>> {
        self.query(
            "select p.subject_id, p.sealed, k.wrapped from payers p \
             join data_keys k on k.owner_kind = 'subject' and k.owner_id = p.subject_id \
             where p.workspace_id = $1 and p.payer_index in \
             (select payer_index from contributions where subject_id = $2)",
            &[workspace.into(), subject.into()],
            |row| Ok((SubjectId(row.int(0)?), row.sealed(1)?, row.wrapped_key(2)?)),
        )
    }
}
