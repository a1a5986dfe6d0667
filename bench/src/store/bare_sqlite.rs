//! The same rows by rusqlite alone: one thread, one file, no queue and no answer to wait for.

use crate::rows::{NOW, document, uuid};
use crate::table::{Figure, now};
use anyhow::{Result, bail};
use rusqlite::{Connection, params};
use vinculo_store::Target;

const CALL: &str = "insert into source_calls (uuid, workspace_id, subject_id, document_index, \
     source, purpose, outcome, reason, http_status, raw_code, duration_us, billed, \
     sealed_payload, created_at) values (?1, 1, ?2, ?3, 'ach', 'check', 'resolved', null, 200, \
     '200', 1000, 'unknown', null, ?4) returning id";
const LOAD: &str = "insert into loads (workspace_id, subject_id, link_id, trigger, resources, \
     request_id, state, source_call_id, created_at) \
     values (1, ?1, ?1, 'creation', 'EMPLOYMENTS', ?2, 'waiting', ?3, ?4) returning id";
const JOB: &str = "insert into jobs (kind, target_id, due_at, created_at) \
     values ('sync_link', ?1, ?2, ?2) on conflict (kind, target_id) do nothing";

/// `transactions` in all, `group` of them in each commit.
pub(crate) fn run(target: &Target, group: usize, transactions: usize) -> Result<Figure> {
    let Target::Sqlite { dir } = target else { bail!("not SQLite") };
    let file = Connection::open(dir.join("vinculo.db"))?;
    file.execute_batch(
        "pragma journal_mode = wal; pragma synchronous = full; pragma cache_size = -16384;
         pragma temp_store = memory; pragma mmap_size = 268435456;
         pragma wal_autocheckpoint = 4000",
    )?;
    let mut latencies = Vec::with_capacity(transactions);
    let start = now();
    for first in (0..transactions as u64).step_by(group) {
        let begun = now();
        file.prepare_cached("begin immediate")?.execute([])?;
        for number in first..first + group as u64 {
            three_inserts(&file, number)?;
        }
        file.prepare_cached("commit")?.execute([])?;
        latencies.resize(latencies.len() + group, begun.elapsed());
    }
    Ok(Figure::new(start.elapsed(), latencies))
}

fn three_inserts(file: &Connection, number: u64) -> Result<()> {
    let id = uuid(number).into_bytes();
    let subject = number.cast_signed();
    let call: i64 = file
        .prepare_cached(CALL)?
        .query_row(params![id, subject, document(number), NOW], |row| row.get(0))?;
    let load: i64 =
        file.prepare_cached(LOAD)?.query_row(params![subject, id, call, NOW], |row| row.get(0))?;
    file.prepare_cached(JOB)?.execute(params![load, NOW])?;
    Ok(())
}
