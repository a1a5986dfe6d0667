//! From memory into the database, and from entries into blocks.
//!
//! What is read waits in a bounded memory and is written in batches, at most half a second later.
//! Who cannot find room waits, and is refused in the end: nothing is shown that is not noted. The
//! same transaction puts what this process wrote into the next block of its own chain.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Mutex, Notify, mpsc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vinculo_store::{
    ActorKind, AuditAction, AuditBlock, Digest, LinkId, Micros, NewAuditEntry, OpenEntries, Tx,
};
use vinculo_vault::{Nonces, Vault};

use super::failures::{Failed, Failures, Whom};
use super::{Entry, Origin, Trail, block};
use crate::App;
use crate::clock::after;
use crate::config::Config;
use crate::error::ApiError;

/// Entries of what was read that are written in one transaction, and changes that are chained by it:
/// a block holds at most twice as many.
const BATCH: usize = 1_000;

/// How long an entry may wait in memory for others.
const DELAY: Duration = Duration::from_millis(500);

/// How long entries of a process that may have died are left to it.
const LEFTOVER: Duration = Duration::from_secs(60);

/// Ends of other chains looked at for a block.
const OTHERS: i64 = 256;

/// The log of this process.
#[derive(Debug)]
pub(crate) struct Audit {
    process: Uuid,
    queue: mpsc::Sender<Noted>,
    failures: Failures,
    /// Something is to be written, or to be chained.
    news: Notify,
    /// So much is to be written that it should not wait for more.
    urgent: Notify,
    writing: Mutex<Writing>,
}

/// Something that was read, as the request left it.
#[derive(Debug)]
struct Noted {
    trail: Trail,
    at: Micros,
    entry: Entry,
    link: Option<LinkId>,
}

#[derive(Debug)]
struct Writing {
    queue: mpsc::Receiver<Noted>,
    /// Taken from the queue and not yet in the database.
    batch: Vec<Noted>,
    /// The ends of other chains that blocks of this process name already.
    anchored: HashMap<Uuid, i64>,
    /// What entries are sealed with.
    nonces: Nonces,
}

/// What a transaction has put into a block.
struct Chained {
    changes: u64,
    anchored: Vec<(Uuid, i64)>,
}

impl Noted {
    fn of_failure((whom, failed): (Whom, Failed)) -> Self {
        let origin = Origin::stranger(failed.request, failed.address);
        let (trail, action) = match whom {
            Whom::Stranger(_) => (Trail::stranger(origin), AuditAction::AuthenticationFailed),
            Whom::Key(workspace, key, why) => {
                (Trail::of(workspace, (ActorKind::Key, key), origin), why)
            }
        };
        let entry = Entry::of(action).objects(failed.times);
        Self { trail, at: crate::clock::micros(failed.since), entry, link: None }
    }
}

impl Audit {
    /// The log of a process with this id.
    pub(crate) fn new(process: Uuid, config: &Config, nonces: Nonces) -> Self {
        let (queue, waiting) = mpsc::channel(config.audit_room);
        let (batch, anchored) = (Vec::new(), HashMap::new());
        let writing = Writing { queue: waiting, batch, anchored, nonces };
        Self {
            process,
            queue,
            failures: Failures::default(),
            news: Notify::new(),
            urgent: Notify::new(),
            writing: Mutex::new(writing),
        }
    }

    /// The process, and its chain.
    pub(crate) fn process(&self) -> Uuid {
        self.process
    }

    /// Entries that wait in memory.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// An entry was written that is to be chained.
    pub(super) fn announce(&self) {
        self.news.notify_one();
    }

    /// Counts a request without a right key.
    pub(crate) fn failed(&self, address: Option<IpAddr>, request: Uuid, now: Timestamp) {
        self.count(Whom::Stranger(address), (request, address), now);
    }

    /// Counts a request with the right password of a key that may not be used so.
    pub(crate) fn refused(&self, trail: &Trail, why: AuditAction, now: Timestamp) {
        if let Some((workspace, key, came)) = trail.refused_key() {
            self.count(Whom::Key(workspace, key, why), came, now);
        }
    }

    fn count(&self, whom: Whom, came: (Uuid, Option<IpAddr>), now: Timestamp) {
        if self.failures.count(whom, came, now) {
            self.news.notify_one();
        }
    }

    /// Takes entries about what is about to be shown.
    pub(super) async fn take(
        &self,
        app: &App,
        trail: &Trail,
        entries: Vec<(Entry, Option<LinkId>)>,
    ) -> Result<(), ApiError> {
        let at = app.now_micros();
        let full = || ApiError::unavailable("the audit log cannot be written");
        let room = match self.queue.try_reserve_many(entries.len()) {
            Ok(room) => room,
            Err(_) => {
                let room = self.queue.reserve_many(entries.len());
                let room = tokio::time::timeout(app.config().audit_patience, room).await;
                room.map_err(|_| full())?.map_err(|_| full())?
            }
        };
        for (place, (entry, link)) in room.zip(entries) {
            place.send(Noted { trail: trail.clone(), at, entry, link });
        }
        self.news.notify_one();
        if self.queue.capacity() < self.queue.max_capacity() / 2 {
            self.urgent.notify_one();
        }
        Ok(())
    }

    /// Writes and chains everything that is known now, strangers included who are still being
    /// counted. What cannot be written stays.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn flush(&self, app: &App) -> Result<(), ApiError> {
        self.write_all(app, self.failures.take()).await
    }

    /// The same, but strangers are counted until their minute is over.
    async fn write_due(&self, app: &App) -> Result<(), ApiError> {
        let over = self.failures.due(app.now()).is_some_and(|due| due <= app.now());
        let failures = if over { self.failures.take() } else { Vec::new() };
        self.write_all(app, failures).await
    }

    async fn write_all(&self, app: &App, failures: Vec<(Whom, Failed)>) -> Result<(), ApiError> {
        let mut writing = self.writing.lock().await;
        writing.batch.extend(failures.into_iter().map(Noted::of_failure));
        loop {
            // What could not be written goes first, and alone: room is no larger than it is.
            let left_over = !writing.batch.is_empty();
            if !left_over {
                writing.fill();
            }
            let written = writing.batch.len();
            let more = self.write(app, &mut writing, OpenEntries::Of(self.process)).await?;
            if written < BATCH && !left_over && !more {
                return Ok(());
            }
        }
    }

    /// Chains what other processes left behind.
    async fn chain_leftovers(&self, app: &App) -> Result<(), ApiError> {
        let before = app.now().checked_sub(LEFTOVER).unwrap_or(Timestamp::MIN);
        let open = OpenEntries::Before(crate::clock::micros(before));
        let mut writing = self.writing.lock().await;
        while self.write(app, &mut writing, open).await? {}
        Ok(())
    }

    /// One transaction: the batch, and a block. Answers whether there may be more to chain.
    async fn write(
        &self,
        app: &App,
        writing: &mut Writing,
        open: OpenEntries,
    ) -> Result<bool, ApiError> {
        let entries = writing.batch.iter().map(|noted| {
            let nonces = Some(&mut writing.nonces);
            let entry = noted.trail.entry(app, noted.entry, noted.at, nonces)?;
            Ok((entry, noted.link))
        });
        let entries = entries.collect::<Result<Vec<_>, ApiError>>()?;
        let next = Next {
            chain: self.process,
            open,
            anchored: writing.anchored.clone(),
            vault: app.all_secrets().vault().clone(),
            now: app.now_micros(),
        };
        let chained = app.store().write(move |tx| {
            let entries = with_links(tx, entries)?;
            next.chain(tx, entries)
        });
        let chained = chained.await?;
        if let Some(first) = writing.batch.iter().map(|noted| noted.at).min() {
            let waited = app.now_micros().saturating_sub(first).try_into().unwrap_or(0);
            app.metrics().audit_written(Duration::from_micros(waited));
        }
        writing.batch.clear();
        let Some(Chained { changes, anchored }) = chained else { return Ok(false) };
        writing.anchored.extend(anchored);
        Ok(changes == BATCH as u64)
    }
}

impl Writing {
    fn fill(&mut self) {
        while self.batch.len() < BATCH
            && let Ok(noted) = self.queue.try_recv()
        {
            self.batch.push(noted);
        }
    }
}

/// What was read, with the public ids of its links. A link that was deleted meanwhile has none any
/// more.
fn with_links(
    tx: &mut Tx<'_>,
    mut entries: Vec<(NewAuditEntry, Option<LinkId>)>,
) -> Result<Vec<NewAuditEntry>, vinculo_store::Error> {
    let unnamed = entries.iter().filter(|(entry, _)| entry.link.is_none());
    let links: BTreeSet<_> = unnamed.filter_map(|(_, link)| *link).collect();
    if !links.is_empty() {
        let uuids = tx.link_uuids(links)?;
        for (entry, link) in &mut entries {
            entry.link = entry.link.or_else(|| uuids.get(link.as_ref()?).copied());
        }
    }
    Ok(entries.into_iter().map(|(entry, _)| entry).collect())
}

/// A block that is about to be made.
struct Next {
    chain: Uuid,
    open: OpenEntries,
    anchored: HashMap<Uuid, i64>,
    vault: Vault,
    now: Micros,
}

impl Next {
    /// Puts what was read into a block, and what this process or a dead one has changed.
    fn chain(
        &self,
        tx: &mut Tx<'_>,
        read: Vec<NewAuditEntry>,
    ) -> Result<Option<Chained>, vinculo_store::Error> {
        let head = tx.audit_head(self.chain)?;
        let (sequence, previous): (i64, Digest) =
            head.map_or((0, block::NOTHING), |head| (head.sequence + 1, head.hash));
        let place = (self.chain, sequence);
        let (changes, entries) = tx.fill_audit_block(place, read, self.open, BATCH as i64)?;
        if entries.is_empty() {
            return Ok(None);
        }
        let mut others = tx.audit_heads(OTHERS)?;
        others.retain(|head| {
            let known = self.anchored.get(&head.chain) == Some(&head.sequence);
            head.chain != self.chain && !known
        });
        let mut block = AuditBlock {
            chain: self.chain,
            sequence,
            created_at: self.now,
            entries: entries.len() as i64,
            digest: block::digest_of(&entries),
            previous,
            anchors: block::anchors(others.iter()),
            hash: block::NOTHING,
            seal: block::NOTHING,
        };
        block.hash = block::hash_of(&block);
        block.seal = self.vault.audit_seal(&block.hash);
        tx.insert_audit_block(&block)?;
        let anchored = others.iter().map(|head| (head.chain, head.sequence)).collect();
        Ok(Some(Chained { changes, anchored }))
    }
}

/// Writes the log of this process until stopped, then what is left. What failed is tried again.
pub(crate) async fn record(app: App, stopped: CancellationToken) {
    while !stopped.is_cancelled() {
        let audit = app.audit();
        let minute = async {
            match audit.failures.due(app.now()) {
                Some(due) => app.clock().sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stopped.cancelled() => {}
            () = audit.news.notified() => {}
            () = minute => {}
        }
        let moment = after(app.now(), DELAY);
        tokio::select! {
            () = stopped.cancelled() => {}
            () = audit.urgent.notified() => {}
            () = app.clock().sleep_until(moment) => {}
        }
        if !report(audit.write_due(&app).await) {
            audit.news.notify_one();
        }
    }
    report(app.audit().flush(&app).await);
}

/// Chains what dead processes left, from time to time, until stopped.
pub(crate) async fn chain_leftovers(app: App, stopped: CancellationToken) {
    loop {
        report(app.audit().chain_leftovers(&app).await);
        let next = after(app.now(), LEFTOVER);
        tokio::select! {
            () = stopped.cancelled() => return,
            () = app.clock().sleep_until(next) => {}
        }
    }
}

fn report(written: Result<(), ApiError>) -> bool {
    if let Err(error) = &written {
        tracing::error!(cause = error.cause(), "the audit log cannot be written for now");
    }
    written.is_ok()
}
