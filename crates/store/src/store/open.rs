//! Opening a store: its connections, and the threads that own them.

use super::{Inner, Lanes, Options, Store};
use crate::engine::lane::{Message, spawn};
use crate::engine::{notify, postgres as server, sqlite as files};
use crate::error::Result;
use crate::lock::use_files;
use crate::migrate::{self, Whole};
use crate::stats::{Busy, Stats};
use crate::wake::Hub;
use crossbeam_channel::{Receiver, bounded};
use std::path::Path;
use std::sync::{Arc, Mutex};

pub(super) fn sqlite(dir: &Path, options: &Options, whole: Whole) -> Result<Store> {
    migrate::check_sqlite(dir, options.busy_timeout, whole)?;
    let used = use_files(dir, options.exclusive)?;
    let hub = Hub::new();
    let (write, writes) = bounded(options.waiting.max(1));
    let (read, reads) = bounded(options.waiting.max(1));
    let connection = files::Connection::open(dir, options.busy_timeout)?;
    let (stats, waker) = (Stats::default(), hub.clone());
    let (writing, reading) = (Busy::default(), Busy::default());
    let (busy, sizes) = (writing.clone(), stats.groups.clone());
    let mut threads = vec![spawn("store-write", move || {
        files::write_lane(connection, &writes, &waker, (&busy, sizes));
    })?];
    let count = options.read_lanes.max(1);
    for number in 0..count {
        let connection = files::Connection::open(dir, options.busy_timeout)?;
        connection.refuse_writes()?;
        let (reads, busy): (Receiver<Message>, _) = (reads.clone(), reading.clone());
        let lane = move || files::read_lane(connection, &reads, &busy);
        threads.push(spawn(&format!("store-read-{number}"), lane)?);
    }
    Ok(Store(Arc::new(Inner {
        dir: Some(dir.to_owned()),
        used: Mutex::new(Some(used)),
        write: Lanes { name: "write", sender: write, count: 1, busy: writing },
        read: Lanes { name: "read", sender: read, count, busy: reading },
        lease: None,
        hub,
        patience: None,
        timer: options.timer.clone(),
        stats,
        threads: Mutex::new(threads),
    })))
}

pub(super) fn postgres(url: &str, options: &Options, whole: Whole) -> Result<Store> {
    let config = server::configure(url)?;
    let mut client = server::connect(&config)?;
    migrate::check_postgres(&mut client, whole)?;
    server::hold(&mut client, options.exclusive)?;
    let hub = Hub::new();
    let (sender, jobs) = bounded(options.waiting.max(1));
    let (notifier, mut threads) = notify::start(client, &config, &hub, options.exclusive)?;
    let (count, busy) = (options.postgres_lanes.max(1), Busy::default());
    let (leases, jobs_of_leases) = bounded(options.waiting.max(1));
    let leasing = Busy::default();
    let shared = (0..count).map(|number| {
        let connection = server::Connection::new(config.clone());
        (format!("store-{number}"), connection, jobs.clone(), busy.clone())
    });
    let unsynced = server::Connection::unsynced(config.clone());
    let apart = ("store-lease".to_owned(), unsynced, jobs_of_leases, leasing.clone());
    for (name, connection, jobs, busy) in shared.chain([apart]) {
        let (hub, notifier) = (hub.clone(), notifier.clone());
        let lane = move || server::lane(connection, &jobs, &busy, (&hub, &notifier));
        threads.push(spawn(&name, lane)?);
    }
    drop(notifier);
    Ok(Store(Arc::new(Inner {
        dir: None,
        used: Mutex::new(None),
        write: Lanes { name: "pool", sender: sender.clone(), count, busy },
        read: Lanes { name: "pool", sender, count: 0, busy: Busy::default() },
        lease: Some(Lanes { name: "lease", sender: leases, count: 1, busy: leasing }),
        hub,
        patience: Some(options.patience),
        timer: options.timer.clone(),
        stats: Stats::default(),
        threads: Mutex::new(threads),
    })))
}
