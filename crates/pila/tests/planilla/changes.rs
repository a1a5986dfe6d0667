//! Files that were changed at random.

use proptest::prelude::*;

use crate::helpers::sample;

/// A good file.
pub(crate) fn source() -> impl Strategy<Value = Vec<u8>> {
    const NAMES: &[&str] = &[
        "02-nandu-E-2025-11.txt",
        "06-nandu-N-2025-11.txt",
        "16-casa-S-2025-12.txt",
        "25-penon-E-2021-06-686.txt",
        "26-penon-E-2018-01-676.txt",
        "type1/type1-nandu.txt",
        "bad/ok-06-702.txt",
    ];
    proptest::sample::select(NAMES).prop_map(sample)
}

/// One change to a file: at a place, as a share of its length.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Replace(u8),
    Insert(u8),
    Remove,
    CutHere,
    Duplicate(usize),
}

/// One to five changes and their places.
pub(crate) fn changes() -> impl Strategy<Value = Vec<(proptest::sample::Index, Change)>> {
    proptest::collection::vec((any::<proptest::sample::Index>(), change()), 1..6)
}

fn change() -> impl Strategy<Value = Change> {
    let byte =
        prop_oneof![any::<u8>(), proptest::sample::select(&b" 0129AX.-\r\n\t\x1a\x81\xd1Z"[..]),];
    prop_oneof![
        4 => byte.clone().prop_map(Change::Replace),
        2 => byte.prop_map(Change::Insert),
        1 => Just(Change::Remove),
        1 => Just(Change::CutHere),
        1 => (1_usize..1_500).prop_map(Change::Duplicate),
    ]
}

/// Applies one change.
pub(crate) fn apply(bytes: &mut Vec<u8>, at: proptest::sample::Index, change: &Change) {
    if bytes.is_empty() {
        return;
    }
    let at = at.index(bytes.len());
    match *change {
        Change::Replace(byte) => bytes[at] = byte,
        Change::Insert(byte) => bytes.insert(at, byte),
        Change::Remove => {
            bytes.remove(at);
        }
        Change::CutHere => bytes.truncate(at),
        Change::Duplicate(length) => {
            let end = (at + length).min(bytes.len());
            bytes.extend_from_within(at..end);
        }
    }
}
