//! Client certificates and roots of our own, against a server that asks for them.
//!
//! The certificates under `tests/fixtures/tls` were made for these tests and are good for nothing
//! else.

use std::path::Path;
use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use vinculo_sources::ach::{Ach, AchConfig};
use vinculo_sources::{
    Call, ConfigError, Connector as _, NoDataReason, Outcome, RetryReason, Secret, ServiceConfig,
    Tls,
};

use crate::support::{PATIENT, client, http, question, read_request, still_clock};

fn pem(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls");
    std::fs::read_to_string(folder.join(name)).expect("a certificate or key")
}

fn acceptor() -> TlsAcceptor {
    let certificate =
        |name: &str| CertificateDer::from_pem_slice(pem(name).as_bytes()).expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(certificate("ca.pem")).expect("a root");
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().expect("a verifier");
    let key = PrivateKeyDer::from_pem_slice(pem("server.key").as_bytes()).expect("a key");
    let config = ServerConfig::builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate("server.pem")], key)
        .expect("a server");
    TlsAcceptor::from(Arc::new(config))
}

fn connected(base_url: &str, tls: Tls) -> Result<Ach, ConfigError> {
    let service = ServiceConfig { tls, ..ServiceConfig::new(base_url) };
    let config = AchConfig { service, ..AchConfig::new("") };
    Ach::new(config, client(), still_clock())
}

/// Asks a server that wants a certificate; it answers whoever shows one.
async fn ask(tls: Tls) -> Call {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        if let Ok(mut stream) = acceptor().accept(stream).await {
            read_request(&mut stream).await;
            stream.write_all(&http(200, "", b"[]")).await.expect("written");
            stream.shutdown().await.expect("closed");
        }
    });
    let ach = connected(&format!("https://{address}"), tls).expect("a usable configuration");
    let call = ach.ask(&question(), PATIENT).await;
    server.await.expect("a server that did not panic");
    call
}

fn identity() -> Option<Secret> {
    Some(Secret::new(format!("{}{}", pem("client.pem"), pem("client.key"))))
}

#[tokio::test]
async fn a_certificate_opens_the_door() {
    let call = ask(Tls { identity: identity(), roots: Some(pem("ca.pem")) }).await;
    assert_eq!(call.outcome, Outcome::NoData(NoDataReason::NotFound));
}

#[tokio::test]
async fn without_a_certificate_we_are_not_authorized() {
    let call = ask(Tls { identity: None, roots: Some(pem("ca.pem")) }).await;
    assert_eq!(call.outcome, Outcome::NotAuthorized);
}

#[tokio::test]
async fn a_server_of_unknown_roots_is_not_asked() {
    let call = ask(Tls { identity: identity(), roots: None }).await;
    let reason = RetryReason::UpstreamDown;
    assert_eq!(call.outcome, Outcome::RetryLater { reason, not_before: None });
}

#[test]
fn certificates_that_cannot_work_are_refused() {
    let refused = |identity: Option<String>, roots: Option<&str>| {
        let tls = Tls { identity: identity.map(Secret::new), roots: roots.map(str::to_owned) };
        connected("https://operator.invalid", tls).err()
    };
    let (certificate, key) = (pem("client.pem"), pem("client.key"));
    for identity in [certificate.clone(), key.clone(), "s3cr3to".to_owned(), String::new()] {
        let error = refused(Some(identity), None).expect("a refusal");
        assert!(matches!(error, ConfigError::Certificate("client certificate", _)), "{error}");
        assert!(!format!("{error} {error:?}").contains("s3cr3to"));
    }
    // The key of another certificate.
    let error = refused(Some(format!("{certificate}{}", pem("server.key"))), None);
    assert_eq!(error, Some(ConfigError::Client));
    for roots in ["", "s3cr3to"] {
        let error = refused(None, Some(roots)).expect("a refusal");
        assert!(matches!(error, ConfigError::Certificate("root certificate", _)), "{error}");
    }
    assert_eq!(refused(Some(format!("{key}{certificate}")), Some(&pem("ca.pem"))), None);
}
