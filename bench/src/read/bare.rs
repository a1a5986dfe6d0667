//! The peer: one route that checks the key as vinculo does and answers from memory.

use std::io::Read as _;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::serve::ListenerExt as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use clap::Args;
use tokio::net::TcpListener;
use uuid::Uuid;
use vinculo_server::installation;
use vinculo_server::secrets::Secrets;
use vinculo_store::{Options, Store, Target};
use vinculo_vault::{MasterKeys, SecretHash, SystemRandom};

/// The bare route on an installation that is there already; the body comes on standard input.
#[derive(Args)]
pub(crate) struct Bare {
    /// Folder of the embedded database and of the master key
    folder: PathBuf,
    /// PostgreSQL instead of SQLite
    postgres: Option<String>,
}

#[derive(Clone)]
struct Peer {
    store: Store,
    secrets: Secrets,
    body: Bytes,
}

impl Bare {
    /// Serves it for ever.
    pub(crate) async fn serve(self) -> anyhow::Result<()> {
        let peer = tokio::task::spawn_blocking(move || self.open()).await??;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("listening on http://{}", listener.local_addr()?);
        let listener = listener.tap_io(|stream| {
            // As vinculo does; one that cannot be tuned still works.
            let _ = stream.set_nodelay(true);
        });
        let router = Router::new().route("/", get(answer)).with_state(peer);
        Ok(axum::serve(listener, router).await?)
    }

    fn open(self) -> anyhow::Result<Peer> {
        let mut body = Vec::new();
        std::io::stdin().read_to_end(&mut body)?;
        let masters = std::fs::read_to_string(self.folder.join("master.key"))?;
        let target = match self.postgres {
            Some(url) => Target::Postgres { url },
            None => Target::Sqlite { dir: self.folder },
        };
        let store = Store::open(&target, &Options::default())?;
        let masters = MasterKeys::parse(&masters)?;
        let secrets = installation::open(&store, masters, Arc::new(SystemRandom), 0)?;
        Ok(Peer { store, secrets, body: body.into() })
    }
}

async fn answer(State(peer): State<Peer>, headers: HeaderMap) -> Response {
    match verify(&peer, &headers).await {
        Ok(true) => ([(CONTENT_TYPE, "application/json")], peer.body).into_response(),
        Ok(false) => StatusCode::UNAUTHORIZED.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn verify(peer: &Peer, headers: &HeaderMap) -> anyhow::Result<bool> {
    let header = headers.get(AUTHORIZATION).context("no key")?.to_str()?;
    let encoded = header.strip_prefix("Basic ").context("no key")?;
    let decoded = String::from_utf8(STANDARD.decode(encoded)?)?;
    let (id, password) = decoded.split_once(':').context("no key")?;
    let id = Uuid::try_parse(id)?;
    let key = peer.store.read_briefly(move |tx| tx.api_key(id)).await?.context("no such key")?;
    let stored = SecretHash::from_bytes(&key.secret_hash)?;
    let secrets = peer.secrets.of(key.workspace.id)?;
    Ok(secrets.indexes().verify_secret(password, &stored))
}
