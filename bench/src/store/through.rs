//! Through the store: concurrent callers, each waiting for its answer before the next.

use crate::rows::{NOW, document, uuid};
use crate::table::{Figure, now};
use anyhow::Result;
use std::time::Duration;
use vinculo_store::{
    CallKind, Error, Job, LinkId, NewLoad, NewSourceCall, Options, Purpose, Resource, Store,
    SubjectId, Target, Trigger, Tx, WorkspaceId,
};
use vinculo_vault::BlindIndex;

/// `transactions` in all, by `callers` at once.
pub(crate) fn run(target: &Target, callers: usize, transactions: usize) -> Result<Figure> {
    let store = Store::open(target, &Options::default())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    let figure = runtime.block_on(measure(&store, callers, transactions))?;
    runtime.block_on(store.close());
    Ok(figure)
}

async fn measure(store: &Store, callers: usize, transactions: usize) -> Result<Figure> {
    let each = transactions.div_ceil(callers);
    let spawn = |caller: usize, count: usize, offset: usize| {
        let store = store.clone();
        let first = (offset + caller * count) as u64;
        tokio::spawn(async move { one_caller(&store, first, count).await })
    };
    let warm: Vec<_> = (0..callers).map(|caller| spawn(caller, 20, 1 << 30)).collect();
    for caller in warm {
        caller.await??;
    }
    let start = now();
    let running: Vec<_> = (0..callers).map(|caller| spawn(caller, each, 0)).collect();
    let mut latencies = Vec::with_capacity(transactions);
    for caller in running {
        latencies.extend(caller.await??);
    }
    Ok(Figure::new(start.elapsed(), latencies))
}

async fn one_caller(store: &Store, first: u64, count: usize) -> Result<Vec<Duration>, Error> {
    let mut latencies = Vec::with_capacity(count);
    for number in (first..).take(count) {
        let start = now();
        store.write(move |tx| three_inserts(tx, number)).await?;
        latencies.push(start.elapsed());
    }
    Ok(latencies)
}

fn three_inserts(tx: &mut Tx<'_>, number: u64) -> Result<(), Error> {
    let index = BlindIndex::from_bytes(&document(number))
        .map_err(|error| Error::Corrupt { table: "source_calls", what: error.to_string() })?;
    let call = tx.insert_source_call(&NewSourceCall {
        uuid: uuid(number),
        workspace: WorkspaceId(1),
        subject: Some(SubjectId(number.cast_signed())),
        document: &index,
        source: "ach",
        purpose: Purpose::Check,
        kind: CallKind::Individual,
        outcome: "resolved",
        reason: None,
        http_status: Some(200),
        raw_code: Some("200"),
        duration_us: 1000,
        billed: "unknown",
        cost: 0,
        payload: None,
        created_at: NOW,
        consent: None,
    })?;
    let load = tx.insert_load(&NewLoad {
        workspace: WorkspaceId(1),
        subject: SubjectId(number.cast_signed()),
        link: LinkId(number.cast_signed()),
        trigger: Trigger::Creation,
        resources: &[Resource::Employments],
        request_id: uuid(number),
        window: None,
        save_data: true,
        quiet: false,
        source_call: Some(call),
        created_at: NOW,
    })?;
    tx.enqueue(Job::SyncLink(load), NOW, NOW)
}
