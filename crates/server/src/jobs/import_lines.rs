//! The lines of a planilla on their way into the store: one thread reads and seals the next batch
//! while the one before is committed. At most [`AHEAD`] sealed batches wait, so memory does not grow
//! with the file.

use std::collections::{HashMap, HashSet};
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

/// A batch on its way to the write lane.
struct Batch {
    /// Lines read, those about erased people included.
    read: usize,
    lines: Vec<NewContribution>,
    /// What the receipt of an erasure would say of each person in it.
    people: Vec<(SubjectId, BlindIndex)>,
}

type Sealed = Result<Batch, ApiError>;

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
            let mut batch = batch?;
            let (next, workspace) =
                (done + i64::try_from(batch.read).unwrap_or(0), self.import.workspace);
            let stored: Result<bool, ApiError> = self.app.store().write_blocking(move |tx| {
                if !tx.progress_import(id, done, next)? {
                    return Ok(false);
                }
                // Somebody may have been erased since the subjects were looked up.
                let receipts: Vec<_> = batch.people.iter().map(|(_, receipt)| *receipt).collect();
                let erased = tx.erased_people(workspace, &receipts)?;
                let gone = batch.people.iter().zip(erased).filter(|(_, erased)| *erased);
                let gone: HashSet<_> = gone.map(|((subject, _), _)| *subject).collect();
                batch.lines.retain(|line| !gone.contains(&line.subject));
                tx.insert_contributions(&batch.lines)?;
                Ok(true)
            });
            if !stored? {
                return Ok(false);
            }
            self.app.metrics().import_lines.inc_by(next.abs_diff(done));
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
        let (mut people, mut receipts) = (Vec::with_capacity(batch.len()), HashMap::new());
        for Contribution { person, .. } in &batch {
            let (kind, number) = (person.kind.code(), person.number.as_str());
            let index = indexes.lookup_document(kind, number);
            receipts.entry(index).or_insert_with(|| indexes.erased_person(kind, number));
            people.push(index);
        }
        let keys = self.keys(&receipts)?;
        let (workspace, origin) = (self.import.workspace, (Origin::Planilla, self.import.id.0));
        let read = batch.len();
        let seal = |(mut line, person): (Contribution, &BlindIndex)| {
            line.payer.activity_code = self.activity.map(str::to_owned);
            // Without a key somebody was erased: an import does not bring anybody back.
            let (subject, key) = keys.get(person)?;
            Some(seal_line((workspace, *subject, self.payer), key, origin, line))
        };
        let lines = batch.into_iter().zip(&people).filter_map(seal).collect::<Result<_, _>>()?;
        let known = receipts.iter().filter_map(|(person, receipt)| {
            keys.get(person).map(|(subject, _)| (*subject, *receipt))
        });
        Ok(Batch { read, lines, people: known.collect() })
    }

    /// The keys of these people, each with what a receipt of an erasure would say; those unknown so
    /// far become subjects, unless they were erased.
    fn keys(&self, people: &HashMap<BlindIndex, BlindIndex>) -> Result<Keys, ApiError> {
        let mut distinct: Vec<_> = people.keys().copied().collect();
        distinct.sort_unstable();
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
            let receipts = distinct.iter().filter_map(|person| people.get(person).copied());
            keys.extend(self.new_keys(&distinct, receipts.collect())?);
        }
        Ok(keys)
    }

    fn new_keys(&self, people: &[BlindIndex], receipts: Vec<BlindIndex>) -> Result<Keys, ApiError> {
        let vault = self.app.all_secrets().vault();
        let mut drawn = HashMap::with_capacity(people.len());
        let mut offered = Vec::with_capacity(people.len());
        for person in people {
            let (key, wrapped) = vault.new_data_key()?;
            drawn.insert(*person, (key, wrapped.clone()));
            offered.push((*person, wrapped));
        }
        let (workspace, now) = (self.import.workspace, self.app.now_micros());
        let subjects: Result<HashMap<BlindIndex, Subject>, ApiError> =
            self.app.store().write_blocking(move |tx| {
                let mut erased = tx.erased_people(workspace, &receipts)?.into_iter();
                offered.retain(|_| !erased.next().unwrap_or_default());
                Ok(tx.ensure_subjects(workspace, &offered, now)?)
            });
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
