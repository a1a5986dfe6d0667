//! Subjects: one person inside one workspace, known by a blind index and opened by a wrapped key.

use std::collections::HashMap;
use std::fmt::Write as _;

use vinculo_vault::{BlindIndex, WrappedKey};

use super::page::Where;
use super::{Micros, SubjectId, WorkspaceId};
use crate::{Result, Tx, Value};

/// People asked for or made by one statement.
const AT_ONCE: usize = 512;

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
        // Whoever has just made the row does not hold it any more: an update that changes nothing does.
        let id: i64 = self.query_one(
            "insert into subjects (workspace_id, document_index, created_at) \
             values ($1, $2, $3) on conflict (workspace_id, document_index) \
             do update set created_at = subjects.created_at returning id",
            &[workspace.into(), document.into(), now.into()],
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

    /// Those of these people that the workspace knows, by their document.
    ///
    /// # Errors
    /// When the database fails.
    pub fn subjects(
        &mut self,
        workspace: WorkspaceId,
        documents: &[BlindIndex],
    ) -> Result<HashMap<BlindIndex, Subject>> {
        let mut known = HashMap::with_capacity(documents.len());
        for documents in documents.chunks(AT_ONCE) {
            let mut clause = Where::equals("s.workspace_id", workspace);
            clause.and_in("s.document_index", padded(documents));
            let sql = format!(
                "select s.document_index, s.id, k.wrapped from subjects s \
                 join data_keys k on k.owner_kind = 'subject' and k.owner_id = s.id{}",
                clause.sql()
            );
            known.extend(self.query(&sql, clause.params(), |row| {
                let subject = Subject { id: SubjectId(row.int(1)?), key: row.wrapped_key(2)? };
                Ok((row.blind_index(0)?, subject))
            })?);
        }
        Ok(known)
    }

    /// The subjects of these people by their document; those the workspace does not know are made
    /// with the offered keys. As [`Self::ensure_subject`], for many at once.
    ///
    /// # Errors
    /// When the database fails.
    pub fn ensure_subjects(
        &mut self,
        workspace: WorkspaceId,
        offered: &[(BlindIndex, WrappedKey)],
        now: Micros,
    ) -> Result<HashMap<BlindIndex, Subject>> {
        // In one order, so that two callers with the same people never wait for each other.
        let mut offered: Vec<_> = offered.iter().collect();
        offered.sort_unstable_by_key(|(document, _)| document);
        let mut subjects = HashMap::with_capacity(offered.len());
        let mut others = Vec::new();
        for offered in offered.chunks(AT_ONCE) {
            let made = self.insert_subjects(workspace, offered, now)?;
            let mut keys = Vec::with_capacity(made.len());
            for (document, key) in offered {
                match made.get(document) {
                    Some(id) => keys.push((*document, *id, key)),
                    None => others.push(*document),
                }
            }
            let kept = self.insert_subject_keys(&keys, now)?;
            for (document, id, key) in keys {
                // A crash between the two files of SQLite can leave a key behind, which stays.
                if kept {
                    subjects.insert(document, Subject { id, key: key.clone() });
                } else {
                    others.push(document);
                }
            }
        }
        subjects.extend(self.subjects(workspace, &others)?);
        // What is left has a subject without a key: data that is older than an erasure.
        for (document, key) in offered {
            if !subjects.contains_key(document) {
                subjects.insert(*document, self.ensure_subject(workspace, document, key, now)?);
            }
        }
        Ok(subjects)
    }

    /// Makes those that are not there yet; answers these.
    fn insert_subjects(
        &mut self,
        workspace: WorkspaceId,
        offered: &[&(BlindIndex, WrappedKey)],
        now: Micros,
    ) -> Result<HashMap<BlindIndex, SubjectId>> {
        let mut params: Vec<Value<'_>> = vec![workspace.into(), now.into()];
        params.extend(padded(offered).map(|(document, _)| Value::from(document)));
        let mut sql = "insert into subjects (workspace_id, created_at, document_index)".to_owned();
        values(&mut sql, 3..=params.len(), |place| format!("($1, $2, ${place})"));
        sql.push_str(
            " on conflict (workspace_id, document_index) do nothing returning document_index, id",
        );
        let made =
            self.query(&sql, &params, |row| Ok((row.blind_index(0)?, SubjectId(row.int(1)?))))?;
        Ok(made.into_iter().collect())
    }

    /// Gives new subjects their keys; whether all of them were taken.
    fn insert_subject_keys(
        &mut self,
        keys: &[(BlindIndex, SubjectId, &WrappedKey)],
        now: Micros,
    ) -> Result<bool> {
        if keys.is_empty() {
            return Ok(true);
        }
        let wrapped: Vec<_> = keys.iter().map(|(_, _, key)| key.to_bytes()).collect();
        let mut params: Vec<Value<'_>> = vec![now.into()];
        let rows: Vec<_> = keys.iter().zip(&wrapped).collect();
        for ((_, id, key), wrapped) in padded(&rows) {
            let version = i64::from(key.version());
            params.extend([Value::from(*id), version.into(), (*wrapped).into()]);
        }
        let mut sql = "insert into data_keys (owner_kind, created_at, owner_id, master_version, \
             wrapped)"
            .to_owned();
        values(&mut sql, (2..=params.len()).step_by(3), |place| {
            format!("('subject', $1, ${place}, ${}, ${})", place + 1, place + 2)
        });
        sql.push_str(" on conflict (owner_kind, owner_id) do nothing");
        Ok(self.execute(&sql, &params)? == keys.len() as u64)
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

/// These, and the last of them again until their number is a power of two: few texts are prepared,
/// however many people there are.
fn padded<T>(all: &[T]) -> impl Iterator<Item = &T> {
    let last = all.last().into_iter().cycle();
    all.iter().chain(last).take(all.len().next_power_of_two())
}

/// Adds `values` with one row for each of these places.
fn values(sql: &mut String, places: impl Iterator<Item = usize>, row: impl Fn(usize) -> String) {
    let mut separator = " values ";
    for place in places {
        let _ = write!(sql, "{separator}{}", row(place));
        separator = ", ";
    }
}
