//! Made-up people and the lines of their months.

use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use hdrhistogram::Histogram;
use postgres::{Client, NoTls};
use uuid::Uuid;
use vinculo_store::{Environment, NewContribution, Origin, RetentionRule, Store, WorkspaceId};
use vinculo_vault::{BlindIndex, Sealed, WrappedKey};

/// Some time in 2026, in microseconds.
const NOW: i64 = 1_780_000_000_000_000;
/// Half of what an import stores in one transaction.
pub(crate) const LINES_PER_BATCH: u64 = 1000;
/// As the product removes them.
const REMOVED_AT_ONCE: i64 = 2000;
/// Bytes of a sealed line.
const SEALED: usize = 283;
/// One in so many works for somebody else than in the month before.
const MOVED: u64 = 10;

/// Months that a database of the largest size holds.
pub(crate) const MONTHS: u64 = 24;

/// A month as it is stored, from the first one on.
pub(crate) const fn period(month: u64) -> u64 {
    202_401 + month / 12 * 100 + month % 12
}

/// Who is paid.
pub(crate) struct Country {
    pub(crate) people: u64,
    workspace: WorkspaceId,
}

impl Country {
    /// Makes the workspace, and an accepted import for each of so many batches.
    pub(crate) fn settle(store: &Store, url: &str, people: u64, batches: u64) -> Result<Self> {
        ensure!(people >= LINES_PER_BATCH, "fewer people than a batch has lines");
        let key = wrapped(0)?;
        let workspace = store.write_blocking(move |tx| {
            let organization = tx.insert_organization(uuid(1), "bench", NOW)?;
            tx.insert_workspace(uuid(2), organization, Environment::Production, &key, NOW)
        })?;
        let ends = |month| (month + 1) * people / LINES_PER_BATCH;
        let months: String = (0..MONTHS)
            .map(|month| match month + 1 {
                MONTHS => format!("else {} ", period(month)),
                _ => format!("when n <= {} then {} ", ends(month), period(month)),
            })
            .collect();
        let imports = format!(
            "insert into imports (uuid, workspace_id, sha256, bytes, kind, state, lines, loaded, \
             sealed_name, created_at, period) select gen_random_uuid(), {}, sha256(int8send(n)), 700000, \
             'planilla', 'accepted', 1000, 1000, sha256(int8send(n)), {NOW}, case {months} end \
             from generate_series(1, {batches}) n",
            workspace.0
        );
        Client::connect(url, NoTls)?.batch_execute(&imports)?;
        Ok(Self { people, workspace })
    }

    /// Stores these batches, so many transactions at once: how long it took.
    pub(crate) fn store(
        &self,
        store: &Store,
        batches: Range<u64>,
        at_once: u64,
    ) -> Result<Duration> {
        let start = now();
        std::thread::scope(|scope| {
            let own = |turn| batches.clone().skip_while(move |batch| batch % at_once != turn);
            let threads: Vec<_> = (0..at_once)
                .map(|turn| {
                    let own = own(turn).step_by(usize::try_from(at_once).unwrap_or(1));
                    scope
                        .spawn(move || own.into_iter().try_for_each(|it| self.store_one(store, it)))
                })
                .collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().map_err(|_| anyhow!("a thread panicked"))?)
        })?;
        Ok(start.elapsed())
    }

    fn store_one(&self, store: &Store, batch: u64) -> Result<()> {
        let (workspace, first) = (self.workspace, batch * LINES_PER_BATCH);
        let mut offered = Vec::new();
        for line in first..first + LINES_PER_BATCH {
            let person = self.person_of(line);
            offered.push((document(person)?, wrapped(person)?));
        }
        let payer = document(u64::MAX - first / self.people * 7 - batch)?;
        let period = i64::try_from(period((first / self.people).min(MONTHS - 1)))?;
        let sealed = (first..first + LINES_PER_BATCH).map(sealed).collect::<Result<Vec<_>>>()?;
        store.write_blocking(move |tx| {
            let mut distinct = offered.clone();
            distinct.sort_unstable_by_key(|(document, _)| *document);
            distinct.dedup_by_key(|(document, _)| *document);
            let subjects = tx.ensure_subjects(workspace, &distinct, NOW)?;
            let lines = offered.iter().zip(sealed).zip(1..).filter_map(|((of, sealed), line)| {
                let (subject, batch) = (subjects.get(&of.0)?.id, i64::try_from(batch + 1).ok()?);
                let planilla_type = Some("E".to_owned());
                let origin = Origin::Planilla;
                Some(NewContribution {
                    workspace,
                    subject,
                    origin,
                    batch,
                    line,
                    payer,
                    period,
                    planilla_type,
                    sealed,
                })
            });
            let lines: Vec<_> = lines.collect();
            tx.insert_contributions(&lines).map(|_| ())
        })?;
        Ok(())
    }

    /// Finds people by their documents and reads their lines: microseconds of each.
    pub(crate) fn find(&self, store: &Store, batches: u64, finds: u64) -> Result<Histogram<u64>> {
        let mut took = Histogram::new(3)?;
        let workspace = self.workspace;
        for number in 0..finds {
            let line = scatter(number ^ batches) % (batches * LINES_PER_BATCH);
            let document = document(self.person_of(line))?;
            let start = now();
            let lines = store.read_blocking(move |tx| {
                let Some(subject) = tx.subject(workspace, &document)? else { return Ok(0) };
                tx.contributions(subject.id).map(|lines| lines.len())
            })?;
            took.record(u64::try_from(start.elapsed().as_micros())?)?;
            ensure!(lines > 0, "nobody was found");
        }
        Ok(took)
    }

    /// Removes the lines of planillas of the oldest month as the product does, but for the entries of the audit
    /// log: how many went.
    pub(crate) fn remove_a_month(&self, store: &Store) -> Result<u64> {
        let (rule, workspace) = (RetentionRule::Lines, Some(self.workspace));
        let before = i64::try_from(period(1))?;
        let mut removed = 0;
        while store.read_blocking(move |tx| tx.has_old(rule, workspace, before))? {
            removed += store.write_blocking(move |tx| {
                tx.remove_old(rule, workspace, before, REMOVED_AT_ONCE, NOW)
            })?;
        }
        Ok(removed)
    }

    /// Whom a line is about: everybody in turn, except those who moved.
    fn person_of(&self, line: u64) -> u64 {
        match scatter(line) % MOVED {
            0 => scatter(!line) % self.people,
            _ => line % self.people,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark times itself")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

fn document(person: u64) -> Result<BlindIndex> {
    Ok(BlindIndex::from_bytes(&random::<32>(person))?)
}

fn wrapped(person: u64) -> Result<WrappedKey> {
    let mut bytes = vec![b'd', 0, 0, 0, 1];
    bytes.extend(random::<60>(person));
    Ok(WrappedKey::from_bytes(&bytes)?)
}

fn sealed(line: u64) -> Result<Sealed> {
    let mut bytes = random::<SEALED>(line).to_vec();
    bytes[0] = 1;
    Ok(Sealed::from_bytes(bytes)?)
}

fn uuid(number: u64) -> Uuid {
    Uuid::from_u64_pair(scatter(number), scatter(!number))
}

/// Other bytes for every number, spread as real ones are.
fn random<const N: usize>(number: u64) -> [u8; N] {
    let mut bytes = [0; N];
    for (chunk, salt) in bytes.chunks_mut(8).zip(1_u64..) {
        let part = scatter(scatter(number).wrapping_add(salt)).to_be_bytes();
        chunk.copy_from_slice(&part[..chunk.len()]);
    }
    bytes
}

/// The finalizer of SplitMix64.
fn scatter(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
