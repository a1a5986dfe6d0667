//! Subjects: one person inside one workspace, known by a blind index and opened by a wrapped key.

use vinculo_vault::{BlindIndex, WrappedKey};

use super::{Micros, SubjectId, WorkspaceId};
use crate::{Result, Tx};

/// A subject and the wrapped key of everything known about the person.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Internal id.
    pub id: SubjectId,
    /// Wrapped data key.
    pub key: WrappedKey,
}

impl Tx<'_> {
    /// The subject with this document, if the workspace knows one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn subject(
        &mut self,
        workspace: WorkspaceId,
        document: &BlindIndex,
    ) -> Result<Option<Subject>> {
        self.query_opt(
            "select s.id, k.wrapped from subjects s \
             join data_keys k on k.owner_kind = 'subject' and k.owner_id = s.id \
             where s.workspace_id = $1 and s.document_index = $2",
            &[workspace.into(), document.into()],
            |row| Ok(Subject { id: SubjectId(row.int(0)?), key: row.wrapped_key(1)? }),
        )
    }

    /// The subject with this document, made with the offered key when the workspace knows none,
    /// and held until the transaction ends. Two callers at once get the same subject and the same
    /// key.
    ///
    /// A subject without a key was erased: what is left of it, in data that was restored from a
    /// backup, goes first, for no key opens it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn ensure_subject(
        &mut self,
        workspace: WorkspaceId,
        document: &BlindIndex,
        offered: &WrappedKey,
        now: Micros,
    ) -> Result<Subject> {
        if let Some(subject) = self.subject(workspace, document)?
            && self.lock_subject(subject.id)?
        {
            return Ok(subject);
        }
        let left = self.query_opt(
            "select s.id from subjects s where s.workspace_id = $1 and s.document_index = $2 \
             and not exists (select 1 from data_keys k \
             where k.owner_kind = 'subject' and k.owner_id = s.id)",
            &[workspace.into(), document.into()],
            |row| Ok(SubjectId(row.int(0)?)),
        )?;
        if let Some(left) = left {
            self.erase_subject(left)?;
        }
        self.execute(
            "insert into subjects (workspace_id, document_index, created_at) \
             values ($1, $2, $3) on conflict (workspace_id, document_index) do nothing",
            &[workspace.into(), document.into(), now.into()],
        )?;
        let id: i64 = self.query_one(
            "select id from subjects where workspace_id = $1 and document_index = $2",
            &[workspace.into(), document.into()],
            |row| row.int(0),
        )?;
        self.insert_data_key("subject", id, offered, now)?;
        let key = self.query_one(
            "select wrapped from data_keys where owner_kind = 'subject' and owner_id = $1",
            &[id.into()],
            |row| row.wrapped_key(0),
        )?;
        Ok(Subject { id: SubjectId(id), key })
    }

    /// Holds the subject until the transaction ends, so that two projections of one person come
    /// one after the other. `false` when the person was erased.
    ///
    /// # Errors
    /// When the database fails.
    pub fn lock_subject(&mut self, id: SubjectId) -> Result<bool> {
        // An update that changes nothing locks the row on both engines.
        let sql = "update subjects set created_at = created_at where id = $1";
        Ok(self.execute(sql, &[id.into()])? == 1)
    }
}
