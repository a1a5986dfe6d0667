//! Opening a store: its connections, and the threads that own them.

use super::inner::{Inner, Lanes};
use super::{Options, Store};
use crate::engine::address::Server;
use crate::engine::lane::spawn;
use crate::engine::oldest::Oldest;
use crate::engine::session::Session;
use crate::engine::waiting::Waiting;
use crate::engine::{notify, postgres as server, sqlite as files};
use crate::error::Result;
use crate::lock::use_files;
use crate::migrate::{self, Whole};
use crate::stats::{Busy, Stats};
use crate::wake::Hub;
use std::path::Path;
use std::sync::{Arc, Mutex};

pub(super) fn sqlite(dir: &Path, options: &Options, whole: Whole) -> Result<Store> {
    migrate::check_sqlite(dir, options.busy_timeout, whole)?;
    let used = use_files(dir, options.exclusive)?;
    let hub = Hub::default();
    let count = options.read_lanes.max(1);
    let [write, read] =
        [("write", 1), ("read", count)].map(|(name, count)| lanes(name, count, options));
    let connection = files::Connection::open(dir, options.busy_timeout)?;
    let (stats, waker) = (Stats::default(), hub.clone());
    let (writes, busy) = (Arc::clone(&write.waiting), write.busy.clone());
    let (sizes, timer) = (stats.groups.clone(), options.timer.clone());
    let mut threads = vec![spawn("store-write", move || {
        files::write_lane(connection, &writes, &waker, (&busy, sizes, timer));
    })?];
    let mut readers = Vec::new();
    for number in 0..count {
        let connection = files::Connection::open(dir, options.busy_timeout)?;
        connection.refuse_writes()?;
        let (reads, busy) = (Arc::clone(&read.waiting), read.busy.clone());
        let reader = files::Reader::new(connection);
        readers.push(reader.clone());
        let lane = move || files::read_lane(&reader, &reads, &busy);
        threads.push(spawn(&format!("store-read-{number}"), lane)?);
    }
    let inner = Inner {
        dir: Some(dir.to_owned()),
        used: Mutex::new(Some(used)),
        write,
        read,
        lease: None,
        readers,
        hub,
        patience: None,
        timer: options.timer.clone(),
        stats,
        threads: Mutex::new(threads),
    };
    Ok(Store { inner: Arc::new(inner), turn: 0 })
}

pub(super) fn postgres(url: &str, options: &Options, whole: Whole) -> Result<Store> {
    let place = Server::at(url)?;
    let mut ear = Session::open(&place)?;
    migrate::check_postgres(&mut ear, whole)?;
    server::hold(&mut ear, options.exclusive)?;
    let hub = Hub::default();
    let count = options.postgres_lanes.max(1);
    let [pool, lease] =
        [("pool", count), ("lease", 1)].map(|(name, count)| lanes(name, count, options));
    let (notifier, mut threads) = notify::start(ear, &place, &hub, options.exclusive)?;
    let quiet = server::Bell { hub: hub.clone(), notifier, leases: None };
    let bell = server::Bell { leases: Some(Arc::clone(&lease.waiting)), ..quiet.clone() };
    let oldest = Oldest::default();
    let shared = (0..count).map(|number| {
        let connection = server::Connection::new(place.clone(), options.exclusive, oldest.clone());
        (
            format!("store-{number}"),
            connection,
            Arc::clone(&pool.waiting),
            pool.busy.clone(),
            bell.clone(),
        )
    });
    let unsynced = server::Connection::new(place.clone(), options.exclusive, oldest.clone())
        .unsynced(options.patience);
    let apart =
        ("store-lease".to_owned(), unsynced, Arc::clone(&lease.waiting), lease.busy.clone(), quiet);
    for (name, connection, waiting, busy, bell) in shared.chain([apart]) {
        let lane = move || server::lane(connection, &waiting, &busy, &bell);
        threads.push(spawn(&name, lane)?);
    }
    drop(bell);
    let inner = Inner {
        dir: None,
        used: Mutex::new(None),
        read: Lanes {
            name: pool.name,
            waiting: Arc::clone(&pool.waiting),
            count: 0,
            busy: Busy::default(),
        },
        write: pool,
        lease: Some(lease),
        readers: Vec::new(),
        hub,
        patience: Some(options.patience),
        timer: options.timer.clone(),
        stats: Stats::default(),
        threads: Mutex::new(threads),
    };
    Ok(Store { inner: Arc::new(inner), turn: 0 })
}

fn lanes(name: &'static str, count: usize, options: &Options) -> Lanes {
    let waiting = Arc::new(Waiting::new(options.waiting));
    Lanes { name, waiting, count, busy: Busy::default() }
}
