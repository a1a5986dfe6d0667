//! Chains of the audit log: each process gathers entries into blocks, and each block names the one
//! before it.

use uuid::Uuid;

use super::audit_entries::COLUMNS;
use super::{AuditEntry, Micros, NewAuditEntry};
use crate::{Error, Result, Row, Tx, Value};

/// A SHA-256.
pub type Digest = [u8; 32];

/// A block: some entries, one hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditBlock {
    /// Process whose chain it is in.
    pub chain: Uuid,
    /// Place in the chain, from 0.
    pub sequence: i64,
    /// When it was made.
    pub created_at: Micros,
    /// How many entries it holds.
    pub entries: i64,
    /// Over the entries.
    pub digest: Digest,
    /// Hash of the block before it; zeros before the first.
    pub previous: Digest,
    /// Ends of other chains that were seen, as the writer encodes them.
    pub anchors: Vec<u8>,
    /// Over everything above.
    pub hash: Digest,
    /// Proof that a process with the installation's keys made it.
    pub seal: Digest,
}

/// Where a chain ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHead {
    /// The chain.
    pub chain: Uuid,
    /// Place of its last block.
    pub sequence: i64,
    /// Hash of that block.
    pub hash: Digest,
    /// Place of its first block: not 0 when older ones were dropped.
    pub first: i64,
    /// Hash of the block before the first; zeros when there was none.
    pub base: Digest,
}

/// Entries that no block holds yet.
#[derive(Debug, Clone, Copy)]
pub enum OpenEntries {
    /// Those that a process wrote.
    Of(Uuid),
    /// Those that have waited since before a moment, whoever wrote them.
    Before(Micros),
}

const BLOCK: &str = "select chain, sequence, created_at, entries, digest, previous, anchors, hash, \
     seal from audit_blocks";

const HEAD: &str = "select chain, sequence, hash, first, base from audit_heads";

impl AuditBlock {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            chain: row.uuid(0)?,
            sequence: row.int(1)?,
            created_at: row.int(2)?,
            entries: row.int(3)?,
            digest: digest(row, 4)?,
            previous: digest(row, 5)?,
            anchors: row.bytes(6)?,
            hash: digest(row, 7)?,
            seal: digest(row, 8)?,
        })
    }
}

impl AuditHead {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            chain: row.uuid(0)?,
            sequence: row.int(1)?,
            hash: digest(row, 2)?,
            first: row.int(3)?,
            base: digest(row, 4)?,
        })
    }
}

fn digest(row: &Row<'_>, column: usize) -> Result<Digest> {
    let bytes = row.bytes(column)?;
    bytes.try_into().map_err(|bytes: Vec<u8>| Error::Corrupt {
        table: "audit_blocks",
        what: format!("a digest of {} bytes", bytes.len()),
    })
}

/// The statement that puts up to `limit` entries in their place, and its parameters.
fn chaining<'a>(
    open: OpenEntries,
    [chain, block]: [Value<'a>; 2],
    limit: i64,
) -> (String, [Value<'a>; 4]) {
    let (which, value) = match open {
        OpenEntries::Of(writer) => ("writer = $3", writer.into()),
        OpenEntries::Before(moment) => ("created_at < $3", moment.into()),
    };
    let sql = format!(
        "update audit_entries set chain = $1, block = $2 where block is null and id in \
         (select id from audit_entries where block is null and {which} \
         order by id + 0 limit $4)"
    );
    (sql, [chain, block, value, limit.into()])
}

impl Tx<'_> {
    /// Puts entries into a block that is about to be made: new ones, and up to `limit` of those that wait.
    /// Answers how many waited, and all that the block holds, in its order, as it is stored.
    ///
    /// # Errors
    /// When the database fails.
    pub fn fill_audit_block(
        &mut self,
        (chain, block): (Uuid, i64),
        new: Vec<NewAuditEntry>,
        open: OpenEntries,
        limit: i64,
    ) -> Result<(u64, Vec<AuditEntry>)> {
        if new.is_empty() {
            let place = [chain.into(), block.into()];
            let (sql, params) = chaining(open, place, limit);
            let sql = format!("{sql} returning {COLUMNS}");
            let mut entries = self.query(&sql, &params, AuditEntry::from_row)?;
            entries.sort_unstable_by_key(|it| it.id);
            return Ok((entries.len() as u64, entries));
        }
        let new = self.audit_chained((chain, block), new)?;
        let waited = self.chain_entries(open, chain, block, limit)?;
        let Some((first, new)) = new.and_then(|new| Some((new.first()?.id, new))) else {
            return Ok((waited, self.entries_of_block(chain, block)?));
        };
        // What waited was written before, and has smaller ids.
        let mut entries = Vec::new();
        if waited > 0 {
            entries = self.entries_of_block_below((chain, block), first)?;
        }
        entries.extend(new);
        Ok((waited, entries))
    }

    /// Puts up to `limit` more entries into a block that is about to be made, and answers how many.
    /// Two chains at once never get the same entry.
    ///
    /// # Errors
    /// When the database fails.
    pub fn chain_entries(
        &mut self,
        open: OpenEntries,
        chain: Uuid,
        block: i64,
        limit: i64,
    ) -> Result<u64> {
        let (sql, params) = chaining(open, [chain.into(), block.into()], limit);
        self.execute(&sql, &params)
    }

    /// Stores a block, which becomes the end of its chain.
    ///
    /// # Errors
    /// `Conflict` when the chain has a block in its place.
    pub fn insert_audit_block(&mut self, block: &AuditBlock) -> Result<()> {
        self.execute(
            "insert into audit_blocks (chain, sequence, created_at, entries, digest, previous, \
             anchors, hash, seal) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &[
                block.chain.into(),
                block.sequence.into(),
                block.created_at.into(),
                block.entries.into(),
                (&block.digest).into(),
                (&block.previous).into(),
                (&block.anchors).into(),
                (&block.hash).into(),
                (&block.seal).into(),
            ],
        )?;
        self.execute(
            "insert into audit_heads (chain, sequence, hash, updated_at, first, base) \
             values ($1, $2, $3, $4, $2, $5) on conflict (chain) do update set \
             sequence = excluded.sequence, hash = excluded.hash, updated_at = excluded.updated_at",
            &[
                block.chain.into(),
                block.sequence.into(),
                (&block.hash).into(),
                block.created_at.into(),
                (&block.previous).into(),
            ],
        )?;
        Ok(())
    }

    /// Where a chain ends; `None` before its first block.
    ///
    /// # Errors
    /// When the database fails.
    pub fn audit_head(&mut self, chain: Uuid) -> Result<Option<AuditHead>> {
        self.query_opt(&format!("{HEAD} where chain = $1"), &[chain.into()], AuditHead::from_row)
    }

    /// Where chains end, those that grew last first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn audit_heads(&mut self, limit: i64) -> Result<Vec<AuditHead>> {
        let sql = format!("{HEAD} order by updated_at desc, chain limit $1");
        self.query(&sql, &[limit.into()], AuditHead::from_row)
    }

    /// Up to `limit` blocks of a chain from a place on, in their order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn audit_blocks(&mut self, chain: Uuid, from: i64, limit: i64) -> Result<Vec<AuditBlock>> {
        self.query(
            &format!("{BLOCK} where chain = $1 and sequence >= $2 order by sequence limit $3"),
            &[chain.into(), from.into(), limit.into()],
            AuditBlock::from_row,
        )
    }

    /// A block that is not where it must be, if there is one: entries name it, or it is in a chain
    /// of which nobody knows the end.
    ///
    /// # Errors
    /// When the database fails.
    pub fn missing_audit_block(&mut self) -> Result<Option<(Uuid, i64)>> {
        self.query_opt(
            "select e.chain, e.block from audit_entries e where e.block is not null \
             and not exists (select 1 from audit_blocks b where b.chain = e.chain \
             and b.sequence = e.block) \
             union all select b.chain, b.sequence from audit_blocks b where not exists \
             (select 1 from audit_heads h where h.chain = b.chain and h.sequence >= b.sequence) \
             limit 1",
            &[],
            |row| Ok((row.uuid(0)?, row.int(1)?)),
        )
    }

    /// A chain with a block that was made before a moment and is not its last: the one whose first
    /// block is the oldest.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) fn oldest_audit_chain(&mut self, before: Micros) -> Result<Option<Uuid>> {
        self.query_opt(
            "select h.chain from audit_heads h join audit_blocks b on b.chain = h.chain \
             and b.sequence = h.first where b.created_at < $1 and h.sequence > h.first \
             order by b.created_at limit 1",
            &[before.into()],
            |row| row.uuid(0),
        )
    }

    /// Drops the oldest blocks of a chain that were made before a moment, with their entries, and
    /// keeps what the block after them names: as many blocks as have `limit` entries, one at least,
    /// a hundred at most. The last block of a chain stays. Answers how many entries went.
    ///
    /// # Errors
    /// When the database fails.
    pub fn drop_audit_blocks(&mut self, chain: Uuid, before: Micros, limit: i64) -> Result<u64> {
        let old = self.query(
            "select b.sequence, b.entries, b.created_at, h.first from audit_blocks b join audit_heads h \
             on h.chain = b.chain where b.chain = $1 and b.sequence < h.sequence \
             order by b.sequence limit 100",
            &[chain.into()],
            |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?, row.int(3)?)),
        )?;
        let (mut entries, mut first) = (0, None);
        for (sequence, held, made, oldest) in old {
            // A clock that went back made a younger block before an older one: it waits its turn.
            let follows = made < before && sequence == first.unwrap_or(oldest);
            if !follows || first.is_some() && entries + held > limit {
                break;
            }
            (entries, first) = (entries + held, Some(sequence + 1));
        }
        let Some(first) = first else { return Ok(0) };
        let base = self.query_one(
            "select previous from audit_blocks where chain = $1 and sequence = $2",
            &[chain.into(), first.into()],
            |row| digest(row, 0),
        )?;
        let dropped = self.execute(
            "delete from audit_entries where chain = $1 and block < $2",
            &[chain.into(), first.into()],
        )?;
        self.execute(
            "delete from audit_blocks where chain = $1 and sequence < $2",
            &[chain.into(), first.into()],
        )?;
        self.execute(
            "update audit_heads set first = $2, base = $3 where chain = $1",
            &[chain.into(), first.into(), (&base).into()],
        )?;
        Ok(dropped)
    }
}
