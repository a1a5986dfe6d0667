//! Requests inside TLS: certificates that change under load, and clients that hang.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_util::sync::CancellationToken;
use vinculo_server::{Tls, serve_tls};

use crate::support::{Setup, TestApp, TestDatabase, look_again, on_both_databases, soon};

on_both_databases!(
    requests_are_served_inside_tls,
    a_new_certificate_is_served_under_load,
    a_client_that_hangs_in_its_handshake_is_given_up,
    a_handshake_does_not_keep_the_server,
);

const AUTHORITY: &[u8] = include_bytes!("tls_files/authority.pem");
const FIRST: [&[u8]; 2] =
    [include_bytes!("tls_files/first.pem"), include_bytes!("tls_files/first.key")];
const SECOND: [&[u8]; 2] =
    [include_bytes!("tls_files/second.pem"), include_bytes!("tls_files/second.key")];

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// The application, served inside TLS beside its plain server.
struct Secured {
    address: SocketAddr,
    folder: tempfile::TempDir,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

fn write(folder: &Path, [certificate, key]: [&[u8]; 2]) {
    std::fs::write(folder.join("tls.pem"), certificate).unwrap();
    std::fs::write(folder.join("tls.key"), key).unwrap();
}

impl Secured {
    async fn start(app: &TestApp) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), FIRST);
        let files = ["tls.pem", "tls.key"].map(|name| folder.path().join(name));
        let [certificate, key] = files;
        let tls = Tls::open(certificate, key).expect("a certificate");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let (app, stopped) = (app.app.clone(), stop.clone().cancelled_owned());
        let task = tokio::spawn(async move { serve_tls(&app, listener, &tls, stopped).await });
        Self { address, folder, stop, task }
    }

    /// Puts other files in the place of those that are served.
    fn replace(&self, files: [&[u8]; 2]) {
        write(self.folder.path(), files);
    }

    /// The certificate that a new connection is shown.
    async fn shown(&self) -> CertificateDer<'static> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(AUTHORITY).unwrap()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::from(self.address.ip());
        let connector = TlsConnector::from(Arc::new(config));
        let stream = soon("a handshake", connector.connect(name, stream)).await.expect("no TLS");
        stream.get_ref().1.peer_certificates().expect("no certificate")[0].clone().into_owned()
    }

    /// Lets the files be looked at until a new connection is shown a certificate.
    async fn until_shown(&self, app: &TestApp, [certificate, _]: [&[u8]; 2]) {
        let wanted = CertificateDer::from_pem_slice(certificate).unwrap();
        soon("another certificate", async {
            while self.shown().await != wanted {
                app.advance(LOOK);
                look_again().await;
            }
        })
        .await;
    }

    /// A client that keeps no connection.
    fn client(&self) -> reqwest::Client {
        let authority = reqwest::Certificate::from_pem(AUTHORITY).unwrap();
        let builder = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
        builder.tls_certs_only([authority]).build().expect("an HTTP client")
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    async fn finish(mut self) {
        self.stop.cancel();
        soon("the end of the server", &mut self.task).await.expect("the server panicked");
    }
}

async fn requests_are_served_inside_tls(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let secured = Secured::start(&app).await;
    for _ in 0..2 {
        app.sandbox().create_link("1999000001", json!({ "access_mode": "single" })).await;
    }
    let key = app.sandbox_key();
    let request = secured.client().get(secured.url("/api/links/?page_size=1"));
    let request = request.basic_auth(key.secret_id, Some(&key.secret_password));
    let answer = request.send().await.expect("no answer");
    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_11));
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");
    let page: serde_json::Value = answer.json().await.unwrap();
    let next = page["next"].as_str().expect("an address");
    assert!(next.starts_with(&secured.url("/api/links/")), "{next}");
    // Whoever speaks no TLS is not answered.
    let mut plain = TcpStream::connect(secured.address).await.unwrap();
    plain.write_all(b"GET /livez HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    let _ = soon("the end of the connection", plain.read_to_end(&mut said)).await;
    assert!(!said.starts_with(b"HTTP/"), "{said:?}");
    secured.finish().await;
    app.finish().await;
}

async fn a_new_certificate_is_served_under_load(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let secured = Secured::start(&app).await;
    let ended = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (client, url) = (secured.client(), secured.url("/livez"));
            let ended = Arc::clone(&ended);
            tokio::spawn(async move {
                let mut requests = 0;
                while !ended.load(Ordering::SeqCst) {
                    let answer = client.get(&url).send().await.expect("a request was lost");
                    assert_eq!(answer.status().as_u16(), 200);
                    requests += 1;
                }
                requests
            })
        })
        .collect();
    for files in [SECOND, FIRST, SECOND] {
        secured.replace(files);
        secured.until_shown(&app, files).await;
    }
    ended.store(true, Ordering::SeqCst);
    for requests in load {
        assert!(requests.await.expect("a request failed") > 0);
    }
    secured.finish().await;
    app.finish().await;
}

async fn a_client_that_hangs_in_its_handshake_is_given_up(database: TestDatabase) {
    let impatient = |config: &mut vinculo_server::config::Config| {
        config.handshake_timeout = Duration::from_millis(200);
    };
    let app = Setup::new(database).configure(impatient).start().await;
    let secured = Secured::start(&app).await;
    // Nothing at all, and the beginning of a greeting.
    for sent in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let mut stream = TcpStream::connect(secured.address).await.unwrap();
        stream.write_all(sent).await.unwrap();
        let mut said = Vec::new();
        let _ = soon("the end of the connection", stream.read_to_end(&mut said)).await;
        assert_eq!(said, b"");
    }
    secured.finish().await;
    app.finish().await;
}

async fn a_handshake_does_not_keep_the_server(database: TestDatabase) {
    let patient = |config: &mut vinculo_server::config::Config| {
        config.handshake_timeout = Duration::from_secs(3600);
    };
    let app = Setup::new(database).configure(patient).start().await;
    let secured = Secured::start(&app).await;
    let mut hanging = TcpStream::connect(secured.address).await.unwrap();
    // Connections are taken in order: this one came before that which is served.
    secured.until_shown(&app, FIRST).await;
    secured.finish().await;
    let mut said = Vec::new();
    let _ = soon("the end of the connection", hanging.read_to_end(&mut said)).await;
    assert_eq!(said, b"");
    app.finish().await;
}
