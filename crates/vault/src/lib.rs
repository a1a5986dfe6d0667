//! Envelope encryption, blind indexes and the Sealed type.
//!
//! Three kinds of key, each wrapped by the one before it:
//!
//! 1. [`MasterKeys`] come from the operator of the installation (a file or the environment) and
//!    never touch the database. Several versions may be known at once.
//! 2. The installation's root secret and one [`DataKey`] per subject are random, and are stored
//!    as [`WrappedKey`]s. A rotation re-wraps them; what they protect is never rewritten.
//! 3. Personal columns hold [`Sealed`] values, bound to their table and row by a [`Context`].
//!    Look-up columns hold [`BlindIndex`]es, from [`WorkspaceKeys`] derived from the root secret.
//!
//! Destroying a subject's wrapped key makes every copy of the subject's data unreadable.
//!
//! The crate does no I/O: the caller stores wrapped keys, reads master keys, and injects the
//! source of [`Random`] bytes. Nothing here prints key material or plaintext.
//!
//! ```
//! use std::sync::Arc;
//! use vinculo_vault::{Context, MasterKeys, SystemRandom, Vault};
//!
//! let masters = MasterKeys::generate(&SystemRandom)?;
//! let root = Vault::create_root(&masters, &SystemRandom)?;
//! let vault = Vault::open(masters, &root, Arc::new(SystemRandom))?;
//!
//! let (key, wrapped) = vault.new_data_key()?;
//! let sealed = key.seal(Context::of_id("links", 7), b"a name")?;
//! let same_key = vault.unwrap_key(&wrapped)?;
//! assert_eq!(*same_key.open(Context::of_id("links", 7), &sealed)?, b"a name");
//! assert!(same_key.open(Context::of_id("links", 8), &sealed).is_err());
//! # Ok::<(), vinculo_vault::VaultError>(())
//! ```

mod aead;
mod derive;
mod error;
mod index;
mod keyring;
mod master;
mod random;
mod redacted;
mod sealed;
mod users;

pub use error::{MalformedError, MasterKeyError, RandomError, VaultError};
pub use index::{BlindIndex, SecretHash, WorkspaceKeys};
pub use keyring::{DataKey, Vault, WrappedKey};
pub use master::{MasterKey, MasterKeys};
pub use random::{Nonces, Random, SeededRandom, SystemRandom, random_secret, random_uuid_v4};
pub use redacted::Redacted;
pub use sealed::{Context, Sealed};
pub use users::UserKeys;
