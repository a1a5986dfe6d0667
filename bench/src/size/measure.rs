//! What is printed.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use hdrhistogram::Histogram;
use postgres::{Client, NoTls};

/// Where lines go and what finds them.
const OF_LINES: [&str; 2] = ["contributions", "subjects"];

pub(crate) fn print_head() {
    println!(
        "{:>12} {:>10} {:>10} {:>10} {:>12} {:>14} {:>10}",
        "lines", "lines/s", "find p50", "find p99", "database", "per million", "WAL a line"
    );
}

/// One row: the rate since the last one, and everything else as it is now. Answers the bytes of the
/// database for a line.
pub(crate) fn print(url: &str, lines: u64, rate: f64, found: &Histogram<u64>) -> Result<f64> {
    let mut client = Client::connect(url, NoTls)?;
    let sizes = "select pg_database_size(current_database()), \
         cast(pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') as bigint)";
    let row = client.query_one(sizes, &[])?;
    let (database, log): (i64, i64) = (row.get(0), row.get(1));
    let per_line = |bytes: i64| bytes as f64 / lines as f64;
    println!(
        "{lines:>12} {rate:>10.0} {:>7} µs {:>7} µs {:>9.0} MB {:>11.0} MB {:>8.0} B",
        found.value_at_quantile(0.5),
        found.value_at_quantile(0.99),
        database as f64 / 1e6,
        per_line(database),
        per_line(log),
    );
    Ok(per_line(database))
}

/// The primary key of lines, by which a person's are found.
const KEY: &str = "contributions_pkey";

/// How large everything was at a look, bytes.
#[derive(Default)]
pub(crate) struct Sizes {
    lines: u64,
    of: BTreeMap<String, i64>,
    /// All indexes together.
    pub(crate) indexes: i64,
}

impl Sizes {
    /// Bytes of the primary key of lines for each of them.
    pub(crate) fn key_of_a_line(&self) -> Result<f64> {
        let bytes = self.of.get(KEY).with_context(|| format!("there is no {KEY}"))?;
        Ok(*bytes as f64 / self.lines as f64)
    }
}

/// How large the tables of lines and people are, and each of their indexes, and how they have grown since the look
/// `before`, beside how the lines have: what is larger there grows faster than they do.
pub(crate) fn print_sizes(url: &str, lines: u64, before: &Sizes) -> Result<Sizes> {
    let grown = match before.lines {
        0 => "grown".to_owned(),
        before => format!("of {:.2} x", lines as f64 / before as f64),
    };
    println!("\n{:<44} {:>12} {:>14} {grown:>12}", "relation", "size", "per million");
    let mut client = Client::connect(url, NoTls)?;
    // The parts of a table count as the table.
    let sql = "select cast(cast(coalesce(pg_partition_root(c.oid), c.oid) as regclass) as text), \
         cast(sum(pg_relation_size(c.oid)) as bigint), bool_or(i.indexrelid is not null) from pg_class c \
         left join pg_index i on i.indexrelid = c.oid \
         where coalesce(pg_partition_root(i.indrelid), i.indrelid, pg_partition_root(c.oid), c.oid) in \
         (cast(cast($1 as text) as regclass), cast(cast($2 as text) as regclass), \
         cast('vault.data_keys' as regclass)) group by 1 order by 2 desc";
    let mut now = Sizes { lines, ..Sizes::default() };
    for row in client.query(sql, &[&OF_LINES[0], &OF_LINES[1]])? {
        let (name, bytes, is_index): (String, i64, bool) = (row.get(0), row.get(1), row.get(2));
        let (megabytes, million) = (bytes as f64 / 1e6, bytes as f64 / lines as f64);
        let was = before.of.get(&name).filter(|was| **was > 0);
        let grown =
            was.map_or("-".to_owned(), |was| format!("{:.2} x", bytes as f64 / *was as f64));
        println!("{name:<44} {megabytes:>9.1} MB {million:>11.1} MB {grown:>12}");
        now.of.insert(name, bytes);
        now.indexes += if is_index { bytes } else { 0 };
    }
    println!();
    Ok(now)
}
