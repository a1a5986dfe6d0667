//! Whether the audit log is what was written: everything is computed again.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use uuid::Uuid;
use vinculo_store::{AuditBlock, AuditHead, Digest, Store, Tx};
use vinculo_vault::Vault;

use super::block::{anchors_of, digest_of, hash_of};
use crate::clock::wire_time;
use crate::hex::{hex, unhex};

/// Blocks read at once.
const SLICE: i64 = 100;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Verified {
    /// The first thing that is wrong; null when nothing is.
    pub fault: Option<String>,
    /// Every chain up to where it ended when the look began. Write these ends down elsewhere: they
    /// prove later that nothing was cut off.
    pub chains: Vec<ChainStatus>,
    /// Entries that no block holds yet. A running server chains its own within a second, and those
    /// of others after a minute.
    pub waiting: i64,
    /// Since when the oldest of them waits.
    pub waiting_since: Option<String>,
}

/// A chain and its end.
#[derive(Debug, Serialize)]
pub struct ChainStatus {
    /// The chain.
    pub chain: Uuid,
    /// Place of its first block; before it, older ones were dropped.
    pub first: i64,
    /// Place of its last block.
    pub last: i64,
    /// Entries in its blocks.
    pub entries: i64,
    /// Its end: `CHAIN:LAST:HASH`.
    pub head: String,
}

/// The end of a chain as somebody wrote it down: `CHAIN:SEQUENCE:HASH`.
#[derive(Debug, Clone, Copy)]
pub struct NotedHead {
    chain: Uuid,
    sequence: i64,
    hash: Digest,
}

/// A text that is no end of a chain.
#[derive(Debug, thiserror::Error)]
#[error("expected CHAIN:SEQUENCE:HASH, as `vinculo audit verify` prints it")]
pub struct MalformedHead;

impl FromStr for NotedHead {
    type Err = MalformedHead;

    fn from_str(text: &str) -> Result<Self, MalformedHead> {
        let mut parts = text.trim().splitn(3, ':');
        let mut next = || parts.next().ok_or(MalformedHead);
        let chain = Uuid::try_parse(next()?).map_err(|_| MalformedHead)?;
        let sequence = next()?.parse().map_err(|_| MalformedHead)?;
        let hash = unhex(next()?).ok_or(MalformedHead)?;
        Ok(Self { chain, sequence, hash })
    }
}

/// What can be wrong.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Store(#[from] vinculo_store::Error),
    #[error("{0} is missing")]
    Missing(Place),
    #[error("{0} was altered: its hash is not that of what it says")]
    Altered(Place),
    #[error("{0} was not made with the keys of this installation")]
    Foreign(Place),
    #[error("{0} does not follow the block before it")]
    Loose(Place),
    #[error("{0} held {1} entries, and {2} are there")]
    Count(Place, i64, usize),
    #[error("an entry of {0} was altered, replaced or moved")]
    Entries(Place),
    #[error("chain {0} does not end where it says")]
    End(Uuid),
    #[error("chain {chain} was cut off: {seen}, block {sequence}, and it is gone")]
    Cut { chain: Uuid, sequence: i64, seen: String },
    #[error("chain {chain} was written anew: {seen}, block {sequence}, and it is another one now")]
    Anew { chain: Uuid, sequence: i64, seen: String },
}

/// A block, by chain and place.
#[derive(Debug, Clone, Copy)]
struct Place(Uuid, i64);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {} of chain {}", self.1, self.0)
    }
}

impl Place {
    fn of(block: &AuditBlock) -> Self {
        Self(block.chain, block.sequence)
    }
}

/// Computes every chain again, up to where it ends now, and looks for the ends that others saw or
/// wrote down. Servers may go on writing. Reads the whole log; memory does not grow with it. Blocks.
///
/// # Errors
/// When the database fails.
pub fn verify(
    store: &Store,
    vault: &Vault,
    noted: &[NotedHead],
) -> Result<Verified, vinculo_store::Error> {
    let (waiting, since) = store.read_blocking(|tx| tx.open_audit_entries())?;
    let heads = store.read_blocking(|tx| tx.audit_heads(i64::MAX))?;
    let mut chains = Vec::new();
    let fault = match walk_all(store, vault, &heads, noted, &mut chains) {
        Ok(()) => None,
        Err(Fault::Store(error)) => return Err(error),
        Err(fault) => Some(fault.to_string()),
    };
    Ok(Verified { fault, chains, waiting, waiting_since: since.map(wire_time) })
}

fn walk_all(
    store: &Store,
    vault: &Vault,
    heads: &[AuditHead],
    noted: &[NotedHead],
    chains: &mut Vec<ChainStatus>,
) -> Result<(), Fault> {
    for head in heads {
        let entries = walk(store, vault, head)?;
        chains.push(ChainStatus {
            chain: head.chain,
            first: head.first,
            last: head.sequence,
            entries,
            head: format!("{}:{}:{}", head.chain, head.sequence, hex(&head.hash)),
        });
    }
    if let Some((chain, block)) = store.read_blocking(|tx| tx.missing_audit_block())? {
        return Err(Fault::Missing(Place(chain, block)));
    }
    for &NotedHead { chain, sequence, hash } in noted {
        let seen = "somebody noted its end".to_owned();
        store.read_blocking(move |tx| seen_before(tx, chain, sequence, &hash, seen))?;
    }
    Ok(())
}

/// Walks one chain; how many entries it holds.
fn walk(store: &Store, vault: &Vault, head: &AuditHead) -> Result<i64, Fault> {
    let (chain, last) = (head.chain, head.sequence);
    let (mut next, mut previous, mut entries) = (head.first, head.base, 0);
    while next <= last {
        let blocks = store.read_blocking(move |tx| tx.audit_blocks(chain, next, SLICE))?;
        if blocks.is_empty() {
            return Err(Fault::Missing(Place(chain, next)));
        }
        for block in blocks {
            if next > last {
                break;
            }
            if block.sequence != next {
                return Err(Fault::Missing(Place(chain, next)));
            }
            if block.previous != previous {
                return Err(Fault::Loose(Place::of(&block)));
            }
            (next, previous) = (block.sequence + 1, block.hash);
            entries += block.entries;
            let vault = vault.clone();
            store.read_blocking(move |tx| check(tx, &vault, &block))?;
        }
    }
    if previous == head.hash { Ok(entries) } else { Err(Fault::End(chain)) }
}

/// Checks a block for itself: its hash, its entries, and the ends of chains it saw.
fn check(tx: &mut Tx<'_>, vault: &Vault, block: &AuditBlock) -> Result<(), Fault> {
    let place = Place::of(block);
    if hash_of(block) != block.hash {
        return Err(Fault::Altered(place));
    }
    if vault.audit_seal(&block.hash) != block.seal {
        return Err(Fault::Foreign(place));
    }
    let entries = tx.entries_of_block(block.chain, block.sequence)?;
    if entries.len() as i64 != block.entries {
        return Err(Fault::Count(place, block.entries, entries.len()));
    }
    if digest_of(&entries) != block.digest {
        return Err(Fault::Entries(place));
    }
    for anchor in anchors_of(block) {
        let seen = format!("{place} saw its end");
        seen_before(tx, anchor.chain, anchor.sequence, &anchor.hash, seen)?;
    }
    Ok(())
}

/// An end that somebody saw must still be there, unless it was old enough to be dropped.
fn seen_before(
    tx: &mut Tx<'_>,
    chain: Uuid,
    sequence: i64,
    hash: &Digest,
    seen: String,
) -> Result<(), Fault> {
    let Some(head) = tx.audit_head(chain)? else {
        return Err(Fault::Cut { chain, sequence, seen });
    };
    if sequence < head.first {
        return Ok(());
    }
    match tx.audit_blocks(chain, sequence, 1)?.first() {
        Some(block) if block.sequence == sequence && block.hash == *hash => Ok(()),
        Some(block) if block.sequence == sequence => Err(Fault::Anew { chain, sequence, seen }),
        _ => Err(Fault::Cut { chain, sequence, seen }),
    }
}
