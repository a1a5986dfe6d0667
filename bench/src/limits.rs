//! What the machine can do at most, measured in the same run.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1::handshake;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::pace::Pace;

/// How long each limit is measured.
const SPAN: Duration = Duration::from_secs(2);

/// Posts a second of bare hyper connections, nothing signed and nothing written down.
///
/// # Errors
/// When the receiver is not there, or does not answer 200.
pub async fn posts(receiver: &str, connections: usize) -> anyhow::Result<f64> {
    let host = receiver.strip_prefix("http://").context("not an address")?.to_owned();
    let body = Bytes::from_static(br#"{"webhook_id":"bare","webhook_type":"TEST","data":{}}"#);
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for number in 0..connections {
        let stream = TcpStream::connect(&host).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let (host, body, id) = (host.clone(), body.clone(), format!("bare-{number}"));
        tasks.spawn(async move {
            let mut posts = 0_u64;
            while started.elapsed() < SPAN {
                let request = Request::post("/ok").header(HOST, &host).header("webhook-id", &id);
                let request = request.body(Full::new(body.clone()))?;
                sender.ready().await?;
                let answer = sender.send_request(request).await?;
                ensure!(answer.status() == 200, "status {}", answer.status());
                answer.into_body().collect().await?;
                posts += 1;
            }
            anyhow::Ok(posts)
        });
    }
    let posts = tasks.join_all().await.into_iter().sum::<anyhow::Result<u64>>()?;
    Ok(posts as f64 / started.elapsed().as_secs_f64())
}

/// Milliseconds of one bare post, `rate` a second, each at its time: p50 and p99.
///
/// # Errors
/// When the receiver is not there.
pub async fn latency(receiver: &str, rate: u32, seconds: u32) -> anyhow::Result<[f64; 2]> {
    paced(receiver, (rate, seconds), || Ok(())).await
}

/// The same of posts before each of which something is written in `folder` and synced, so many times one after
/// the other: what a machine needs at least for as many commits and what they are told by.
///
/// # Errors
/// When the receiver is not there, or the folder cannot be written to.
pub async fn latency_with_syncs(
    receiver: &str,
    folder: &Path,
    syncs: u32,
    load: (u32, u32),
) -> anyhow::Result<[f64; 2]> {
    let mut file = Synced::new(folder)?;
    let latencies = paced(receiver, load, || (0..syncs).try_for_each(|_| file.sync())).await?;
    file.remove()?;
    Ok(latencies)
}

/// Posts at a constant rate, each after some work that waits for it: p50 and p99, milliseconds.
async fn paced(
    receiver: &str,
    (rate, seconds): (u32, u32),
    mut before: impl FnMut() -> std::io::Result<()>,
) -> anyhow::Result<[f64; 2]> {
    let host = receiver.strip_prefix("http://").context("not an address")?.to_owned();
    let stream = TcpStream::connect(&host).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut pace = Pace::start(rate, rate * seconds)?;
    let mut latencies = Histogram::<u64>::new(3)?;
    while let Some(due) = pace.next().await {
        before()?;
        let request = Request::post("/ok").header(HOST, &host).header("webhook-id", "bare");
        sender.ready().await?;
        sender
            .send_request(request.body(Full::new(Bytes::new()))?)
            .await?
            .into_body()
            .collect()
            .await?;
        latencies.record(u64::try_from(due.elapsed().as_micros())?)?;
    }
    Ok([0.5, 0.99].map(|quantile| latencies.value_at_quantile(quantile) as f64 / 1000.0))
}

/// Writes of 4 KiB a second, each synced before the next, in the folder of the database.
///
/// # Errors
/// When the folder cannot be written to.
pub fn syncs(folder: &Path) -> anyhow::Result<f64> {
    let mut file = Synced::new(folder)?;
    let started = Instant::now();
    while started.elapsed() < SPAN {
        file.sync()?;
    }
    let syncs = f64::from(file.syncs) / started.elapsed().as_secs_f64();
    file.remove()?;
    Ok(syncs)
}

/// A file that does not grow while it is written to, as the logs of neither database do: growing costs a second
/// write.
struct Synced {
    file: File,
    path: PathBuf,
    syncs: u32,
}

impl Synced {
    fn new(folder: &Path) -> std::io::Result<Self> {
        let path = folder.join("syncs-of-the-measurement");
        let mut file = File::create(&path)?;
        file.write_all(&vec![0; 1024 * 4096])?;
        file.sync_all()?;
        Ok(Self { file, path, syncs: 0 })
    }

    fn sync(&mut self) -> std::io::Result<()> {
        self.file.seek(SeekFrom::Start(u64::from(self.syncs % 1024) * 4096))?;
        self.file.write_all(&[0; 4096])?;
        self.syncs += 1;
        self.file.sync_data()
    }

    fn remove(self) -> std::io::Result<()> {
        std::fs::remove_file(self.path)
    }
}
