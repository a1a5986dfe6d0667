//! Receivers that no library for servers makes.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

/// Lines of headers of an answer that has too many.
const HEADERS: usize = 100_000;
/// Connections that may wait to be accepted where nobody accepts any, and how many more are tried.
const BACKLOG: u32 = 1;
const FILLERS: usize = 16;

/// A listener whose queue is full: what is sent there to connect gets no answer.
pub(super) struct BlackHole {
    pub(super) url: String,
    _kept: (TcpListener, Vec<TcpStream>),
}

impl BlackHole {
    pub(super) async fn open() -> anyhow::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        let mut fillers = Vec::new();
        let second = Duration::from_secs(1);
        while let Ok(connected) = timeout(second, TcpStream::connect(address)).await {
            fillers.push(connected?);
            ensure!(fillers.len() < FILLERS, "the queue of a listener does not fill");
        }
        Ok(Self { url: format!("http://{address}/"), _kept: (listener, fillers) })
    }
}

/// Answers with a hundred thousand headers: where it listens.
pub(super) async fn many_headers() -> anyhow::Result<String> {
    let answer = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(HEADERS));
    answering(answer, false).await
}

/// Answers with a header that goes on, a byte a second: where it listens.
pub(super) async fn dripped_headers() -> anyhow::Result<String> {
    answering("HTTP/1.1 200 OK\r\nx: ".to_owned(), true).await
}

/// Answers every request with this, and with a letter more a second when it `drips`.
async fn answering(answer: String, drips: bool) -> anyhow::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let answer = Arc::<str>::from(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Who asked may hang up at any time.
            tokio::spawn(answered(stream, Arc::clone(&answer), drips));
        }
    });
    Ok(url)
}

async fn answered(mut stream: TcpStream, answer: Arc<str>, drips: bool) -> io::Result<()> {
    let mut request = [0; 16 * 1024];
    let _ = stream.read(&mut request).await?;
    stream.write_all(answer.as_bytes()).await?;
    if drips {
        loop {
            stream.write_all(b"y").await?;
            sleep(Duration::from_secs(1)).await;
        }
    }
    // What was sent is not lost by hanging up first.
    while stream.read(&mut request).await? > 0 {}
    Ok(())
}
