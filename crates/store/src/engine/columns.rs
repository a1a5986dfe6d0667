//! Many rows as one parameter for each column, for statements that add them all.

use crate::value::Value;
use tokio_postgres::Column;
use tokio_postgres::types::ToSql;

/// Rows that go with one statement; more than these bytes in texts and blobs are sent with the next one.
const ROWS: usize = 2_000;
const BYTES: usize = 1 << 20;

/// Rows, column by column.
pub(super) struct Columns<'v>(Vec<Vec<Value<'v>>>);

impl<'v> Columns<'v> {
    /// As many of the rows as go with one statement, each of so many columns; nothing when none are left.
    ///
    /// # Panics
    /// When a row has another number of columns: what stands behind it would come into the rows before.
    pub(super) fn of<R: AsRef<[Value<'v>]>>(
        width: usize,
        rows: &mut impl Iterator<Item = R>,
    ) -> Option<Self> {
        let mut columns = vec![Vec::new(); width];
        let (mut count, mut bytes) = (0, 0);
        while count < ROWS && bytes < BYTES {
            let Some(row) = rows.next() else { break };
            let row = row.as_ref();
            assert_eq!(row.len(), width, "values in a row");
            for (column, value) in columns.iter_mut().zip(row) {
                column.push(*value);
                bytes += value.len();
            }
            count += 1;
        }
        (count > 0).then_some(Self(columns))
    }

    /// The columns as parameters, in their order.
    pub(super) fn params(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.0.iter().map(|column| column as &(dyn ToSql + Sync)).collect()
    }
}

/// A statement that adds the rows of one array for each of these columns.
pub(super) fn insert(table: &str, names: &str, columns: &[Column]) -> String {
    let arrays = columns.iter().zip(1..);
    let arrays = arrays.map(|(column, n)| format!("${n}::{}[]", column.type_().name()));
    let arrays = arrays.collect::<Vec<_>>().join(", ");
    format!("insert into {table} ({names}) select * from unnest({arrays})")
}
