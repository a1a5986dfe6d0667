//! What the machine can do at most, measured in the same run.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
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

use vinculo_bench::pace::Pace;

/// How long each limit is measured.
const SPAN: Duration = Duration::from_secs(2);

/// Posts a second of bare hyper connections, nothing signed and nothing written down.
pub(crate) async fn posts(receiver: &str, connections: usize) -> anyhow::Result<f64> {
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
pub(crate) async fn latency(receiver: &str, rate: u32, seconds: u32) -> anyhow::Result<[f64; 2]> {
    let host = receiver.strip_prefix("http://").context("not an address")?.to_owned();
    let stream = TcpStream::connect(&host).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut pace = Pace::start(rate, rate * seconds)?;
    let mut latencies = Histogram::<u64>::new(3)?;
    while let Some(due) = pace.next().await {
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

/// Writes of 4 KiB a second, each synced before the next, in the folder of the database. The file
/// does not grow meanwhile, as the logs of neither database do: growing costs a second write.
pub(crate) fn syncs(folder: &Path) -> anyhow::Result<f64> {
    let path = folder.join("syncs-of-the-measurement");
    let mut file = std::fs::File::create(&path)?;
    file.write_all(&vec![0; 1024 * 4096])?;
    file.sync_all()?;
    let started = Instant::now();
    let mut syncs = 0_u32;
    while started.elapsed() < SPAN {
        file.seek(SeekFrom::Start(u64::from(syncs % 1024) * 4096))?;
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        syncs += 1;
    }
    std::fs::remove_file(path)?;
    Ok(f64::from(syncs) / started.elapsed().as_secs_f64())
}
