//! The lines of a planilla on their way into the store: one thread reads and seals the next batch
//! while the one before is committed. At most [`AHEAD`] sealed batches wait, so memory does not grow
//! with the file.

use std::collections::HashMap;
use std::io::BufRead;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use vinculo_pila::Contribution;
use vinculo_pila::planilla::Reader;
use vinculo_store::{Import, NewContribution, Origin, Subject, SubjectId};
use vinculo_vault::{BlindIndex, DataKey};

use super::import_file::unreadable;
use crate::App;
use crate::error::ApiError;
use crate::projection::seal_line;
use crate::secrets::WorkspaceSecrets;

/// Lines stored in one transaction.
const BATCH: usize = 1000;
/// Sealed batches that wait for the write lane.
const AHEAD: usize = 1;

/// Where the lines of an import go.
pub(super) struct Lines<'a> {
    pub(super) app: &'a App,
    pub(super) secrets: &'a Arc<WorkspaceSecrets>,
    pub(super) import: &'a Import,
    /// Look-up value of who paid all of them.
    pub(super) payer: BlindIndex,
    /// CIIU class of the payer.
    pub(super) activity: Option<&'static str>,
}

type Sealed = Result<Vec<NewContribution>, ApiError>;

/// What is needed to seal something about a person.
type Keys = HashMap<BlindIndex, (SubjectId, DataKey)>;

impl Lines<'_> {
    /// Stores what is not stored yet; `false` when another worker has gone on with the import.
    pub(super) fn store<R: BufRead + Send>(&self, reader: Reader<R>) -> Result<bool, ApiError> {
        let (sender, sealed) = sync_channel(AHEAD);
        // A panic of the thread becomes one of the scope: half a file is never taken for a whole.
        std::thread::scope(|scope| {
            scope.spawn(move || self.seal_all(reader, &sender));
            self.commit_all(sealed)
        })
    }

    /// Commits batches in their order, each with the import's progress.
    fn commit_all(&self, sealed: Receiver<Sealed>) -> Result<bool, ApiError> {
        let (id, mut done) = (self.import.id, self.import.loaded);
        for batch in sealed {
            let batch = batch?;
            let next = done + i64::try_from(batch.len()).unwrap_or(0);
            let stored: Result<bool, ApiError> = self.app.store().write_blocking(move |tx| {
                if !tx.progress_import(id, done, next)? {
                    return Ok(false);
                }
                tx.insert_contributions(&batch)?;
                Ok(true)
            });
            if !stored? {
                return Ok(false);
            }
            done = next;
        }
        Ok(true)
    }

    /// Reads and seals to the end, the first error, or until nobody takes the batches any more.
    fn seal_all<R: BufRead>(&self, mut reader: Reader<R>, sender: &SyncSender<Sealed>) {
        let stored = usize::try_from(self.import.loaded).unwrap_or(0);
        let mut lines = reader.contributions().skip(stored);
        loop {
            let batch = lines.by_ref().take(BATCH).collect::<Result<Vec<_>, _>>();
            let sealed = match batch {
                Ok(batch) if batch.is_empty() => return,
                batch => batch.map_err(unreadable).and_then(|batch| self.seal(batch)),
            };
            let failed = sealed.is_err();
            if sender.send(sealed).is_err() || failed {
                return;
            }
        }
    }

    fn seal(&self, batch: Vec<Contribution>) -> Sealed {
        let indexes = self.secrets.indexes();
        let people: Vec<BlindIndex> = batch
            .iter()
            .map(|line| indexes.lookup_document(line.person.kind.code(), &line.person.number))
            .collect();
        let keys = self.keys(&people)?;
        let (workspace, origin) = (self.import.workspace, (Origin::Planilla, self.import.id.0));
        let seal = |(mut line, person): (Contribution, &BlindIndex)| {
            line.payer.activity_code = self.activity.map(str::to_owned);
            let unknown = || ApiError::unexpected("a person without a subject");
            let (subject, key) = keys.get(person).ok_or_else(unknown)?;
            seal_line((workspace, *subject, self.payer), key, origin, line)
        };
        batch.into_iter().zip(&people).map(seal).collect()
    }

    /// The keys of these people; those unknown so far become subjects.
    fn keys(&self, people: &[BlindIndex]) -> Result<Keys, ApiError> {
        let mut distinct = people.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let (workspace, asked) = (self.import.workspace, distinct.clone());
        let known: Result<HashMap<BlindIndex, Subject>, ApiError> =
            self.app.store().read_blocking(move |tx| Ok(tx.subjects(workspace, &asked)?));
        let known = known?;
        let vault = self.app.all_secrets().vault();
        let open = |(person, subject): (BlindIndex, Subject)| {
            Ok((person, (subject.id, vault.unwrap_key(&subject.key)?)))
        };
        distinct.retain(|person| !known.contains_key(person));
        let mut keys = known.into_iter().map(open).collect::<Result<Keys, ApiError>>()?;
        if !distinct.is_empty() {
            keys.extend(self.new_keys(&distinct)?);
        }
        Ok(keys)
    }

    fn new_keys(&self, people: &[BlindIndex]) -> Result<Keys, ApiError> {
        let vault = self.app.all_secrets().vault();
        let mut drawn = HashMap::with_capacity(people.len());
        let mut offered = Vec::with_capacity(people.len());
        for person in people {
            let (key, wrapped) = vault.new_data_key()?;
            drawn.insert(*person, (key, wrapped.clone()));
            offered.push((*person, wrapped));
        }
        let (workspace, now) = (self.import.workspace, self.app.now_micros());
        let subjects: Result<HashMap<BlindIndex, Subject>, ApiError> = self
            .app
            .store()
            .write_blocking(move |tx| Ok(tx.ensure_subjects(workspace, &offered, now)?));
        let open = |(person, subject): (BlindIndex, Subject)| {
            // Somebody else may have made the person first, with another key.
            let key = match drawn.remove(&person) {
                Some((key, wrapped)) if wrapped == subject.key => key,
                _ => vault.unwrap_key(&subject.key)?,
            };
            Ok((person, (subject.id, key)))
        };
        subjects?.into_iter().map(open).collect()
    }
}
