use thiserror::Error;

/// The operating system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no random bytes available")]
pub struct RandomError;

/// Stored bytes that do not have the layout of the type they are read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MalformedError {
    /// Too short or too long.
    #[error("{what} of {length} bytes has the wrong length")]
    Length {
        /// Name of the type.
        what: &'static str,
        /// Bytes found.
        length: usize,
    },
    /// Written by a newer version, or not by this crate.
    #[error("{what} has unknown format {format}")]
    Format {
        /// Name of the type.
        what: &'static str,
        /// The first byte.
        format: u8,
    },
}

/// A master key text that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MasterKeyError {
    /// Neither 64 hexadecimal digits nor the base64 of 32 bytes.
    #[error("master key version {version} is neither 64 hexadecimal digits nor base64 of 32 bytes")]
    NotAKey {
        /// Version the text was given for.
        version: u32,
    },
    /// The part before the colon is not a positive 32-bit number.
    #[error("entry {entry} of the master keys does not start with `<version>:`")]
    NotAVersion {
        /// Position of the entry, from 1.
        entry: usize,
    },
    /// Two keys for one version.
    #[error("master key version {version} is given twice")]
    Repeated {
        /// The version.
        version: u32,
    },
    /// No key at all.
    #[error("no master key is given")]
    Missing,
}

/// Why the vault could not do what was asked. Never holds key material or plaintext.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VaultError {
    /// See [`RandomError`].
    #[error(transparent)]
    Random(#[from] RandomError),
    /// See [`MalformedError`].
    #[error(transparent)]
    Malformed(#[from] MalformedError),
    /// See [`MasterKeyError`].
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// A wrapped key names a version that was not given.
    #[error("master key version {version} is needed and was not given")]
    MasterKeyMissing {
        /// The version.
        version: u32,
    },
    /// The version was given, but with another key, or the wrapped key was altered.
    #[error("master key version {version} does not open this installation's key")]
    WrongMasterKey {
        /// The version.
        version: u32,
    },
    /// Wrong key, wrong row or altered bytes; a sound cipher cannot say which.
    #[error("sealed value of `{table}` does not open: wrong key, wrong row or altered bytes")]
    Refused {
        /// The table of the context.
        table: &'static str,
    },
    /// Encryption itself failed: the plaintext exceeds what AES-GCM allows (64 GiB).
    #[error("value for `{table}` cannot be sealed: too long")]
    TooLong {
        /// The table of the context.
        table: &'static str,
    },
}
