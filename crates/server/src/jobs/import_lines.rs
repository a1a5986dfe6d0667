//! The lines of a planilla on their way into the store: one thread reads and seals the next batch
//! while the one before is committed. No more than a block of lines and [`AHEAD`] sealed batches wait, so
//! memory does not grow with the file.

use std::collections::{HashMap, HashSet};
use std::io::BufRead;
use std::iter;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use vinculo_pila::planilla::{ReadError, Reader};
use vinculo_pila::{Contribution, Document};
use vinculo_store::{Import, NewContribution, Origin, PlanillaIdentity, Subject, SubjectId};
use vinculo_vault::{BlindIndex, DataKey, Nonces, WorkspaceKeys};

use super::import_file::unreadable;
use crate::App;
use crate::error::ApiError;
use crate::projection::seal_one_of_many;
use crate::secrets::WorkspaceSecrets;

/// Lines read before anybody in them is looked up. People stand scattered over the index of their
/// documents: the more of them are asked for in its order, the fewer of its pages are read for each.
const BLOCK: usize = 4_096;
/// Lines stored in one transaction, and people made in one.
pub(super) const BATCH: usize = 2000;
/// Sealed batches that wait for the write lane.
const AHEAD: usize = 1;

/// Where the lines of an import go.
pub(super) struct Lines<'a> {
    pub(super) app: &'a App,
    pub(super) secrets: &'a Arc<WorkspaceSecrets>,
    pub(super) import: &'a Import,
    /// What all of them share.
    pub(super) identity: &'a PlanillaIdentity,
    /// CIIU class of the payer.
    pub(super) activity: Option<&'static str>,
}

/// Lines in the form in which they are kept, not sealed yet.
#[derive(Default)]
struct Block {
    people: Vec<Person>,
    lines: Vec<Line>,
    /// The lines, one behind the other.
    bytes: Vec<u8>,
}

struct Person {
    document: Document,
    index: BlindIndex,
}

struct Line {
    /// Position of the person in the block.
    person: usize,
    /// Position inside the planilla.
    number: u32,
    /// Where the line ends in the bytes of its block, and the next one begins.
    end: usize,
}

/// A batch on its way to the write lane.
struct Batch {
    /// Lines read, those about erased people included.
    read: usize,
    lines: Vec<NewContribution>,
    people: Vec<(SubjectId, Document)>,
}

type Sealed = Result<Batch, ApiError>;

/// Those of the people of a block that have a key, by their document.
type Known = HashMap<BlindIndex, Subject>;

impl Block {
    /// Takes the next lines of a planilla, none at its end.
    fn read(
        lines: &mut impl Iterator<Item = Result<Contribution, ReadError>>,
        activity: Option<&str>,
        indexes: &WorkspaceKeys,
    ) -> Result<Self, ReadError> {
        let mut block = Self::default();
        for line in lines.take(BLOCK) {
            let mut line = line?;
            // The lines of a person stand together.
            if block.people.last().is_none_or(|last| last.document != line.person) {
                let document = line.person.clone();
                let index = indexes.lookup_document(document.kind.code(), &document.number);
                block.people.push(Person { document, index });
            }
            let (person, number) = (block.people.len() - 1, line.line);
            line.payer.activity_code = activity.map(str::to_owned);
            line.append_to(&mut block.bytes);
            block.lines.push(Line { person, number, end: block.bytes.len() });
        }
        Ok(block)
    }
}

impl Lines<'_> {
    /// Stores what is not stored yet: how many lines are. `None` when another worker has gone on with the
    /// import.
    pub(super) fn store<R: BufRead + Send>(
        &self,
        reader: Reader<R>,
    ) -> Result<Option<i64>, ApiError> {
        let (sender, sealed) = sync_channel(AHEAD);
        // A panic of the thread becomes one of the scope: half a file is never taken for a whole.
        std::thread::scope(|scope| {
            scope.spawn(move || {
                if let Err(error) = self.seal_all(reader, &sender) {
                    // Nobody may take batches any more.
                    let _ = sender.send(Err(error));
                }
            });
            self.commit_all(sealed)
        })
    }

    /// Commits batches in their order, each with the import's progress. None of them waits for the disk: they
    /// count when the import is accepted, and what a failed database loses of them is loaded again.
    fn commit_all(&self, sealed: Receiver<Sealed>) -> Result<Option<i64>, ApiError> {
        let (id, mut done) = (self.import.id, self.import.loaded);
        for batch in sealed {
            let mut batch = batch?;
            let next = done + i64::try_from(batch.read).unwrap_or(0);
            let (workspace, secrets) = (self.import.workspace, Arc::clone(self.secrets));
            let stored: Result<bool, ApiError> = self.app.store().write_part_blocking(move |tx| {
                if !tx.progress_import(id, done, next)? {
                    return Ok(false);
                }
                // Somebody may have been erased since the subjects were looked up.
                let receipts = batch.people.iter().map(|(_, person)| receipt(&secrets, person));
                let erased = tx.erased_people(workspace, receipts)?;
                let gone = batch.people.iter().zip(erased).filter(|(_, erased)| *erased);
                let gone: HashSet<_> = gone.map(|((subject, _), _)| *subject).collect();
                batch.lines.retain(|line| !gone.contains(&line.subject));
                tx.insert_contributions(&batch.lines)?;
                Ok(true)
            });
            if !stored? {
                return Ok(None);
            }
            self.app.metrics().import_lines.inc_by(next.abs_diff(done));
            done = next;
        }
        Ok(Some(done))
    }

    /// Reads and seals to the end, the first error, or until nobody takes the batches any more.
    fn seal_all<R: BufRead>(
        &self,
        mut reader: Reader<R>,
        sender: &SyncSender<Sealed>,
    ) -> Result<(), ApiError> {
        let stored = usize::try_from(self.import.loaded).unwrap_or(0);
        let mut lines = reader.contributions().skip(stored);
        let mut nonces = self.app.all_secrets().vault().nonces();
        loop {
            self.let_tables_be_known();
            let block = Block::read(&mut lines, self.activity, self.secrets.indexes());
            let block = block.map_err(unreadable)?;
            if block.lines.is_empty() {
                return Ok(());
            }
            let known = self.known(&block.people)?;
            let mut start = 0;
            for lines in block.lines.chunks(BATCH) {
                let batch = self.seal((&block, &known), lines, &mut start, &mut nonces)?;
                if sender.send(Ok(batch)).is_err() {
                    return Ok(());
                }
            }
        }
    }

    /// Sees to it that the database knows of how many people there are by now: it looks them up by that.
    fn let_tables_be_known(&self) {
        let looked: Result<_, ApiError> =
            self.app.store().read_blocking(|tx| Ok(tx.analyze_grown()?));
        match looked {
            Ok(tables) if tables.is_empty() => {}
            Ok(tables) => tracing::debug!(?tables, "tables have grown tenfold, and were analyzed"),
            // It goes on as before, more slowly.
            Err(error) => tracing::warn!(cause = error.cause(), "tables were not analyzed"),
        }
    }

    /// Seals lines of a block, each with the key of its person. `start` is where their bytes begin, and then
    /// where they end.
    fn seal(
        &self,
        (block, known): (&Block, &Known),
        lines: &[Line],
        start: &mut usize,
        nonces: &mut Nonces,
    ) -> Sealed {
        let (vault, read) = (self.app.all_secrets().vault(), lines.len());
        let mut batch = Batch { read, lines: Vec::with_capacity(read), people: Vec::new() };
        let mut held: Option<(usize, DataKey)> = None;
        for line in lines {
            let from = std::mem::replace(start, line.end);
            let bytes = block.bytes.get(from..line.end).unwrap_or_default();
            let Some(person) = block.people.get(line.person) else { continue };
            // Without a key somebody was erased: an import does not bring anybody back.
            let Some(subject) = known.get(&person.index) else { continue };
            let key = match held.take().filter(|(of, _)| *of == line.person) {
                Some((_, key)) => key,
                None => {
                    batch.people.push((subject.id, person.document.clone()));
                    vault.unwrap_key(&subject.key)?
                }
            };
            batch.lines.push(self.seal_line(subject.id, (&key, nonces), line.number, bytes)?);
            held = Some((line.person, key));
        }
        Ok(batch)
    }

    fn seal_line(
        &self,
        subject: SubjectId,
        (key, nonces): (&DataKey, &mut Nonces),
        number: u32,
        bytes: &[u8],
    ) -> Result<NewContribution, ApiError> {
        let (origin, batch, line) = (Origin::Planilla, self.import.id.0, i64::from(number));
        Ok(NewContribution {
            workspace: self.import.workspace,
            subject,
            origin,
            batch,
            line,
            payer: self.identity.payer,
            period: self.identity.period,
            planilla_type: self.identity.planilla_type.clone(),
            sealed: seal_one_of_many(key, nonces, (origin, batch, line), bytes)?,
        })
    }

    /// These people as the store knows them; those unknown so far become subjects, unless they were
    /// erased.
    fn known(&self, people: &[Person]) -> Result<Known, ApiError> {
        let mut asked: Vec<_> = people.iter().map(|person| person.index).collect();
        asked.sort_unstable();
        asked.dedup();
        let workspace = self.import.workspace;
        let known: Result<Known, ApiError> =
            self.app.store().read_blocking(move |tx| Ok(tx.subjects(workspace, &asked)?));
        let mut known = known?;
        let mut seen = HashSet::new();
        let is_new =
            |person: &&Person| !known.contains_key(&person.index) && seen.insert(person.index);
        // In the order of the file, so that the lines of people who stand together stay together in the index
        // by person.
        let new: Vec<_> = people.iter().filter(is_new).collect();
        for people in new.chunks(BATCH) {
            known.extend(self.make(people)?);
        }
        Ok(known)
    }

    /// Makes subjects of these people, unless they were erased.
    fn make(&self, people: &[&Person]) -> Result<Known, ApiError> {
        let vault = self.app.all_secrets().vault();
        let mut offered = Vec::with_capacity(people.len());
        for person in people {
            let (_, wrapped) = vault.new_data_key()?;
            offered.push((person.document.clone(), (person.index, wrapped)));
        }
        let (id, workspace, now) = (self.import.id, self.import.workspace, self.app.now_micros());
        let secrets = Arc::clone(self.secrets);
        self.app.store().write_blocking(move |tx| {
            // Who is erased from here on is there to be erased.
            tx.hold_import(id)?;
            let receipts = offered.iter().map(|(person, _)| receipt(&secrets, person));
            let erased = tx.erased_people(workspace, receipts)?;
            let offered = iter::zip(offered, erased).filter(|(_, erased)| !erased);
            let offered: Vec<_> = offered.map(|((_, offered), _)| offered).collect();
            Ok(tx.ensure_subjects(workspace, &offered, now)?)
        })
    }
}

/// What the receipt of an erasure would know the person by.
fn receipt(secrets: &WorkspaceSecrets, person: &Document) -> BlindIndex {
    secrets.indexes().erased_person(person.kind.code(), &person.number)
}
