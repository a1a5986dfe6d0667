//! A certificate of the server's own.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde::{Deserialize, Serialize};
use vinculo_server::Tls;

/// Both files, or none.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TlsFiles {
    /// Serve HTTPS with the certificate in this PEM file, followed by those up to its authority
    /// [default: plain HTTP]
    #[arg(long, env = "VINCULO_TLS_CERT", value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// PEM file of the certificate's private key. Both files are read again when they change
    #[arg(long, env = "VINCULO_TLS_KEY", value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
}

impl TlsFiles {
    /// Reads the files, if there are any.
    pub(crate) fn open(&self) -> anyhow::Result<Option<Tls>> {
        match (&self.tls_cert, &self.tls_key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => {
                Ok(Some(Tls::open(certificate.clone(), key.clone())?))
            }
            (Some(_), None) => bail!("VINCULO_TLS_CERT needs VINCULO_TLS_KEY beside it"),
            (None, Some(_)) => bail!("VINCULO_TLS_KEY needs VINCULO_TLS_CERT beside it"),
        }
    }
}
