//! What a block's hash is made of. Every field comes with its length, so that no two entries or
//! blocks have the same bytes. The form never changes: what was chained must verify for ever.

use aws_lc_rs::digest::{SHA256, digest};
use uuid::Uuid;
use vinculo_store::{AuditBlock, AuditEntry, AuditHead, Digest};

/// What stands before the first block of a chain.
pub(super) const NOTHING: Digest = [0; 32];

/// Bytes of an anchor: chain, sequence, hash.
const ANCHOR: usize = 16 + 8 + 32;

/// The end of another chain, as a block saw it.
pub(super) struct Anchor {
    pub(super) chain: Uuid,
    pub(super) sequence: i64,
    pub(super) hash: Digest,
}

#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn add(&mut self, field: &[u8]) {
        self.0.extend_from_slice(&(field.len() as u64).to_be_bytes());
        self.0.extend_from_slice(field);
    }

    /// A field that is not there is none of any length.
    fn maybe(&mut self, field: Option<&[u8]>) {
        match field {
            Some(field) => self.add(field),
            None => self.0.extend_from_slice(&u64::MAX.to_be_bytes()),
        }
    }

    fn number(&mut self, number: i64) {
        self.add(&number.to_be_bytes());
    }

    fn hash(&self) -> Digest {
        let mut out = NOTHING;
        out.copy_from_slice(digest(&SHA256, &self.0).as_ref());
        out
    }
}

/// Over entries in their order. Their place in a chain is left to the block.
pub(super) fn digest_of(entries: &[AuditEntry]) -> Digest {
    let mut bytes = Bytes::default();
    for AuditEntry { id, entry, .. } in entries {
        let uuid = |id: &Option<Uuid>| id.map(Uuid::into_bytes);
        bytes.number(*id);
        bytes.add(entry.writer.as_bytes());
        bytes.maybe(entry.workspace.map(|id| id.0.to_be_bytes()).as_ref().map(|it| &it[..]));
        bytes.number(entry.created_at);
        bytes.add(entry.action.as_str().as_bytes());
        bytes.add(entry.actor.as_str().as_bytes());
        bytes.maybe(entry.person.map(|id| id.0.to_be_bytes()).as_ref().map(|it| &it[..]));
        for id in [&entry.actor_id, &entry.link, &entry.object, &entry.request_id] {
            bytes.maybe(uuid(id).as_ref().map(|it| &it[..]));
        }
        bytes.number(entry.objects);
        bytes.maybe(entry.sealed.as_ref().map(|sealed| sealed.as_bytes()));
    }
    bytes.hash()
}

/// Over a block: everything but the hash itself and its seal.
pub(super) fn hash_of(block: &AuditBlock) -> Digest {
    let mut bytes = Bytes::default();
    bytes.add(b"vinculo audit block 1");
    bytes.add(block.chain.as_bytes());
    bytes.number(block.sequence);
    bytes.number(block.created_at);
    bytes.number(block.entries);
    bytes.add(&block.digest);
    bytes.add(&block.previous);
    bytes.add(&block.anchors);
    bytes.hash()
}

/// Ends of chains as a block keeps them.
pub(super) fn anchors<'a>(heads: impl Iterator<Item = &'a AuditHead>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for head in heads {
        bytes.extend_from_slice(head.chain.as_bytes());
        bytes.extend_from_slice(&head.sequence.to_be_bytes());
        bytes.extend_from_slice(&head.hash);
    }
    bytes
}

/// The ends that a block saw. What is left of a wrong length is no anchor; the hash tells of it.
pub(super) fn anchors_of(block: &AuditBlock) -> impl Iterator<Item = Anchor> {
    block.anchors.chunks_exact(ANCHOR).filter_map(|bytes| {
        let (chain, rest) = bytes.split_first_chunk::<16>()?;
        let (sequence, rest) = rest.split_first_chunk::<8>()?;
        Some(Anchor {
            chain: Uuid::from_bytes(*chain),
            sequence: i64::from_be_bytes(*sequence),
            hash: rest.try_into().ok()?,
        })
    })
}
