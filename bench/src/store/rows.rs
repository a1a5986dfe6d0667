//! The three rows of a transaction: a source call, the load it answers and the load's job, as the
//! creation of a link writes them.

use uuid::Uuid;

/// Some time in 2026, in microseconds.
pub(crate) const NOW: i64 = 1_780_000_000_000_000;

/// A different look-up value for every number, spread as real ones are.
pub(crate) fn document(number: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, salt) in bytes.chunks_exact_mut(8).zip(1_u64..) {
        chunk.copy_from_slice(&scatter(number.wrapping_add(salt << 40)).to_be_bytes());
    }
    bytes
}

/// A different UUID for every number, spread as random ones are.
pub(crate) fn uuid(number: u64) -> Uuid {
    Uuid::from_u64_pair(scatter(number), scatter(!number))
}

/// The finalizer of SplitMix64.
fn scatter(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
