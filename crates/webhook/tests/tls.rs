//! Whom the sender believes to be the receiver.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use vinculo_webhook::{Addrs, Failure, Name, Options, Request, Resolve, Resolving, Rules, Sender};

const AUTHORITY: &[u8] = include_bytes!("tls/authority.pem");
const CERTIFICATE: &[u8] = include_bytes!("tls/receiver.pem");
const KEY: &[u8] = include_bytes!("tls/receiver.key");

/// A receiver that proves to be `receiver.example.com` and answers 200 to what it is sent.
async fn receiver() -> SocketAddr {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A sender that does not like the certificate hangs up: nothing to answer.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 1024];
            let _read = stream.read(&mut request).await;
            let _written = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    address
}

struct Everywhere(SocketAddr);

impl Resolve for Everywhere {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses = Box::new(std::iter::once(self.0)) as Addrs;
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

async fn delivered(receiver: SocketAddr, name: &str, extra_roots: &[u8]) -> Result<u16, Failure> {
    let options = Options {
        timeout: Duration::from_secs(60),
        rules: Rules { private: true, ..Rules::default() },
        extra_roots: extra_roots.to_vec(),
        ..Options::default()
    };
    let sender = Sender::with_resolver(options, Arc::new(Everywhere(receiver))).unwrap();
    let url = format!("https://{name}:{}/hook", receiver.port());
    let request =
        Request { url: &url, authorization: None, body: Bytes::from_static(b"{}"), headers: &[] };
    sender.send(request).await.result.map(|answer| answer.status)
}

#[tokio::test]
async fn a_receiver_with_a_trusted_certificate_of_its_name_is_delivered_to() {
    let receiver = receiver().await;
    assert_eq!(delivered(receiver, "receiver.example.com", AUTHORITY).await, Ok(200));
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let receiver = receiver().await;
    assert_eq!(delivered(receiver, "receiver.example.com", b"").await, Err(Failure::Tls));
}

#[tokio::test]
async fn a_certificate_of_another_name_is_refused() {
    let receiver = receiver().await;
    assert_eq!(delivered(receiver, "other.example.com", AUTHORITY).await, Err(Failure::Tls));
}

#[test]
fn certificates_that_cannot_be_read_stop_the_setup() {
    let extra_roots = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec();
    assert!(Sender::new(Options { extra_roots, ..Options::default() }).is_err());
}
