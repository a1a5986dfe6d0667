//! What a table holds, in 32 bytes that do not depend on the order of its rows.

use aws_lc_rs::digest::{SHA256, digest};

use super::Cell;

/// The rows of a table so far. The hashes of rows are added, in four numbers of 64 bits: two
/// engines that keep a table in different orders need not sort it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest {
    pub(super) rows: u64,
    sums: [u64; 4],
}

impl Digest {
    pub(super) fn add(&mut self, row: &[Cell]) {
        let mut bytes = Vec::with_capacity(256);
        row.iter().for_each(|cell| cell.write(&mut bytes));
        let hash = digest(&SHA256, &bytes);
        for (sum, part) in self.sums.iter_mut().zip(hash.as_ref().as_chunks::<8>().0) {
            *sum = sum.wrapping_add(u64::from_be_bytes(*part));
        }
        self.rows += 1;
    }

    pub(super) fn sum(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (place, sum) in bytes.chunks_exact_mut(8).zip(self.sums) {
            place.copy_from_slice(&sum.to_be_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[Vec<Cell>]) -> Digest {
        let mut digest = Digest::default();
        rows.iter().for_each(|row| digest.add(row));
        digest
    }

    #[test]
    fn every_cell_counts_and_the_order_of_rows_does_not() {
        let text = |text: &str| Cell::Text(text.to_owned());
        let rows =
            [vec![Cell::Int(1), text("ab"), text("c")], vec![Cell::Int(2), text("x"), Cell::Null]];
        let whole = of(&rows);
        assert_eq!(of(&[rows[1].clone(), rows[0].clone()]), whole);
        let others = [
            [vec![Cell::Int(1), text("a"), text("bc")], rows[1].clone()],
            [rows[0].clone(), vec![Cell::Int(2), text("x"), text("")]],
            [rows[0].clone(), vec![Cell::Int(2), Cell::Bytes(b"x".to_vec()), Cell::Null]],
            [rows[0].clone(), rows[0].clone()],
        ];
        for other in &others {
            assert_ne!(of(other), whole, "{other:?}");
            assert_ne!(of(other).sum(), whole.sum(), "{other:?}");
        }
        assert_ne!(of(&rows[..1]), whole);
    }
}
