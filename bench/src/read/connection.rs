//! One connection to a server, asked the same over and over.

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, HOST};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What is asked, and how long the right answer is.
#[derive(Clone)]
pub(crate) struct Target {
    host: String,
    path: String,
    authorization: String,
    length: usize,
}

/// An open connection.
pub(crate) struct Connection {
    target: Target,
    sender: SendRequest<Empty<Bytes>>,
}

impl Target {
    /// A path of a server at `http://host:port`, asked with a key.
    pub(crate) fn new(
        url: &str,
        path: &str,
        (id, password): (&str, &str),
        length: usize,
    ) -> anyhow::Result<Self> {
        let host = url.strip_prefix("http://").context("not an address")?.to_owned();
        let authorization = format!("Basic {}", STANDARD.encode(format!("{id}:{password}")));
        Ok(Self { host, path: path.to_owned(), authorization, length })
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect(&self.host).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Connection { target: self.clone(), sender })
    }
}

impl Connection {
    /// Asks once and reads the answer to its end.
    pub(crate) async fn ask(&mut self) -> anyhow::Result<()> {
        let request = Request::get(&self.target.path)
            .header(HOST, &self.target.host)
            .header(AUTHORIZATION, &self.target.authorization)
            .body(Empty::new())?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        ensure!(response.status() == 200, "status {}", response.status());
        let length = response.into_body().collect().await?.to_bytes().len();
        ensure!(length == self.target.length, "{length} bytes");
        Ok(())
    }
}
