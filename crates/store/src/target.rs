//! Where a database is.

use crate::engine::address::Address;
use crate::error::{Error, Result};
use std::fmt;
use std::path::PathBuf;

/// Where a database is.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    /// Two SQLite files in a folder of this machine.
    Sqlite {
        /// The folder.
        dir: PathBuf,
    },
    /// A PostgreSQL database, or what speaks its protocol.
    Postgres {
        /// A URL, `postgres://…` or `postgresql://…`.
        url: String,
    },
}

impl Target {
    /// Reads `sqlite://PATH`, `postgres://…` or `postgresql://…`.
    ///
    /// # Errors
    /// [`Error::Address`] when it is neither, without repeating it: it may hold a password.
    pub fn from_url(url: &str) -> Result<Self> {
        if let Some(path) = url.strip_prefix("sqlite://").filter(|path| !path.is_empty()) {
            return Ok(Self::Sqlite { dir: path.into() });
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Address::read(url)?;
            return Ok(Self::Postgres { url: url.to_owned() });
        }
        Err(Error::Address("neither sqlite://PATH nor postgres://USER@HOST/NAME".to_owned()))
    }

    /// Whether what goes to the database and comes from it can be read on the way: no TLS, to another machine.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        match self {
            Self::Sqlite { .. } => false,
            Self::Postgres { url } => Address::read(url).is_ok_and(|address| address.exposed()),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { dir } => f.debug_struct("Sqlite").field("dir", dir).finish(),
            Self::Postgres { url } => {
                let address = Address::read(url).ok();
                let config = address.as_ref().map(Address::config);
                f.debug_struct("Postgres")
                    .field("hosts", &config.map(|it| it.get_hosts()))
                    .field("name", &config.and_then(|it| it.get_dbname()))
                    .finish_non_exhaustive()
            }
        }
    }
}
