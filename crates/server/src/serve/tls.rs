//! TLS: a certificate and its key from two files, read again when they change.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{Digest, SHA256, digest};
use jiff::Timestamp;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::validity;
use crate::App;
use crate::clock::after;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(10);

/// A certificate and its key in PEM files.
#[derive(Debug, Clone)]
pub struct Tls(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    certificate: PathBuf,
    key: PathBuf,
    newest: Mutex<Newest>,
}

#[derive(Debug)]
struct Newest {
    /// What new connections are served with.
    config: Arc<ServerConfig>,
    /// What was read last, good or not: what is wrong is told once.
    seen: Option<Digest>,
}

/// Files that cannot be served with.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{0}: {1}")]
    File(PathBuf, #[source] io::Error),
    /// A file holds something else.
    #[error("{0}: {1}")]
    Pem(PathBuf, #[source] PemError),
    /// The certificate's file holds none.
    #[error("{0}: no certificate")]
    NoCertificate(PathBuf),
    /// The key's file holds none.
    #[error("{0}: no private key")]
    NoKey(PathBuf),
    /// The two do not belong together, or cannot be used.
    #[error("{0} and {1}: {2}")]
    Unusable(PathBuf, PathBuf, #[source] tokio_rustls::rustls::Error),
}

/// The two files as they were read.
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Tls {
    /// Reads a certificate, with those that lead to its authority behind it, and its private key.
    /// Blocks.
    ///
    /// # Errors
    /// When one of them cannot be read, or they do not belong together.
    pub fn open(certificate: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        let contents = Contents::read(&certificate, &key)?;
        let config = contents.config(&certificate, &key)?;
        let newest = Mutex::new(Newest { config, seen: Some(contents.digest()) });
        Ok(Self(Arc::new(Inner { certificate, key, newest })))
    }

    /// When the certificate in the file ends; `None` when that cannot be read. Blocks.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        let file = std::fs::read(&self.0.certificate).ok()?;
        let certificate = CertificateDer::from_pem_slice(&file).ok()?;
        validity::ends_at(&certificate)
    }

    /// Serves one connection more, with the newest certificate.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let newest = self.0.newest.lock().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&newest.config))
    }

    /// Looks at the files, again and again.
    pub(super) async fn keep_current(&self, app: &App) -> Infallible {
        loop {
            app.clock().sleep_until(after(app.now(), EVERY)).await;
            let tls = self.clone();
            // A look that panicked leaves the certificate as it is.
            let _ = tokio::task::spawn_blocking(move || tls.look()).await;
        }
    }

    /// Reads the files again. What cannot be used leaves the certificate as it is.
    fn look(&self) {
        let Inner { certificate, key, newest } = &*self.0;
        let read = Contents::read(certificate, key);
        let seen = read.as_ref().ok().map(Contents::digest);
        let mut newest = newest.lock().unwrap_or_else(PoisonError::into_inner);
        let same = seen.as_ref().map(AsRef::as_ref) == newest.seen.as_ref().map(AsRef::as_ref);
        newest.seen = seen;
        if same {
            return;
        }
        match read.and_then(|contents| contents.config(certificate, key)) {
            Ok(config) => {
                newest.config = config;
                tracing::info!("a new certificate is served");
            }
            Err(error) => tracing::error!(%error, "the certificate in use stays"),
        }
    }
}

impl Contents {
    fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|error| TlsError::File(path.to_owned(), error))
        };
        Ok(Self { certificate: read(certificate)?, key: read(key)? })
    }

    fn digest(&self) -> Digest {
        let each = [&self.certificate, &self.key].map(|bytes| digest(&SHA256, bytes));
        digest(&SHA256, &[each[0].as_ref(), each[1].as_ref()].concat())
    }

    fn config(&self, certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
        let not_pem = |path: &Path| {
            let path = path.to_owned();
            move |error| TlsError::Pem(path, error)
        };
        let chain =
            CertificateDer::pem_slice_iter(&self.certificate).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(not_pem(certificate))?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate(certificate.to_owned()));
        }
        let private = PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| match error {
            PemError::NoItemsFound => TlsError::NoKey(key.to_owned()),
            error => not_pem(key)(error),
        })?;
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let built = builder
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private));
        let mut config = built
            .map_err(|error| TlsError::Unusable(certificate.to_owned(), key.to_owned(), error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: [&[u8]; 2] = [
        include_bytes!("../../tests/it/tls_files/first.pem"),
        include_bytes!("../../tests/it/tls_files/first.key"),
    ];
    const SECOND: [&[u8]; 2] = [
        include_bytes!("../../tests/it/tls_files/second.pem"),
        include_bytes!("../../tests/it/tls_files/second.key"),
    ];

    fn write(folder: &Path, contents: [&[u8]; 2]) -> [PathBuf; 2] {
        let files = ["tls.pem", "tls.key"].map(|name| folder.join(name));
        for (file, contents) in files.iter().zip(contents) {
            std::fs::write(file, contents).unwrap();
        }
        files
    }

    fn served(tls: &Tls) -> Arc<ServerConfig> {
        Arc::clone(&tls.0.newest.lock().unwrap().config)
    }

    #[test]
    fn files_that_cannot_be_used_leave_the_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let [certificate, key] = write(folder.path(), FIRST);
        let tls = Tls::open(certificate.clone(), key.clone()).unwrap();
        let first = served(&tls);
        tls.look();
        assert!(Arc::ptr_eq(&served(&tls), &first), "nothing has changed");
        let bad: [[&[u8]; 2]; 4] =
            [[SECOND[0], FIRST[1]], [b"", SECOND[1]], [SECOND[0], b""], [b"no", b"no"]];
        for contents in bad {
            write(folder.path(), contents);
            let refused = Tls::open(certificate.clone(), key.clone()).unwrap_err().to_string();
            assert!(refused.contains("tls.") && !refused.contains("PRIVATE"), "{refused}");
            tls.look();
            assert!(Arc::ptr_eq(&served(&tls), &first), "{refused}");
        }
        std::fs::remove_file(&key).unwrap();
        let refused = Tls::open(certificate, key).unwrap_err().to_string();
        assert!(refused.contains("tls.key"), "{refused}");
        tls.look();
        assert!(Arc::ptr_eq(&served(&tls), &first), "the key is gone");
        write(folder.path(), SECOND);
        tls.look();
        let second = served(&tls);
        assert!(!Arc::ptr_eq(&second, &first), "a good pair is served");
        write(folder.path(), FIRST);
        tls.look();
        assert!(!Arc::ptr_eq(&served(&tls), &second), "and the next one");
    }
}
