use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::aead::{Cipher, KEY_LEN, NONCE_LEN, OVERHEAD};
use crate::derive::{expand, extract, framed, keyed_hash};
use crate::index::WorkspaceKeys;
use crate::random::{Nonces, nonce};
use crate::sealed::{self, Context, Sealed};
use crate::users::UserKeys;
use crate::{MalformedError, MasterKey, MasterKeys, Random, VaultError};

const WRAPPED_LEN: usize = 1 + 4 + OVERHEAD + KEY_LEN;
const KEY_TABLE: &str = "data key";

/// What a wrapped key is for; bound into it, so that one kind never opens as the other.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Purpose {
    Root = b'r',
    Data = b'd',
}

impl Purpose {
    const fn byte(self) -> u8 {
        self as u8
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'r' => Some(Self::Root),
            b'd' => Some(Self::Data),
            _ => None,
        }
    }
}

/// A key encrypted by a master key; safe to store.
///
/// Destroying every copy of it destroys what its key protects.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey {
    purpose: Purpose,
    version: u32,
    sealed: Vec<u8>,
}

impl WrappedKey {
    /// Version of the master key that opens it.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The bytes to store: purpose, version, nonce, ciphertext, tag.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = header(self.purpose, self.version).to_vec();
        out.extend_from_slice(&self.sealed);
        out
    }

    /// What [`WrappedKey::to_bytes`] gave; checks length and format, not authenticity.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MalformedError> {
        let what = "wrapped key";
        let wrong_length = MalformedError::Length { what, length: bytes.len() };
        if bytes.len() != WRAPPED_LEN {
            return Err(wrong_length);
        }
        let (&format, rest) = bytes.split_first().ok_or(wrong_length)?;
        let purpose = Purpose::from_byte(format).ok_or(MalformedError::Format { what, format })?;
        let (version, sealed) = rest.split_first_chunk().ok_or(wrong_length)?;
        Ok(Self { purpose, version: u32::from_be_bytes(*version), sealed: sealed.to_vec() })
    }
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedKey(master version {})", self.version)
    }
}

const fn header(purpose: Purpose, version: u32) -> [u8; 5] {
    let [a, b, c, d] = version.to_be_bytes();
    [purpose.byte(), a, b, c, d]
}

/// A master key in the only form it is used in: a cipher for other keys.
struct Wrapper {
    version: u32,
    cipher: Cipher,
}

impl Wrapper {
    fn new(master: &MasterKey) -> Result<Self, VaultError> {
        let version = master.version();
        let key = expand(&extract(b"vinculo vault", master.bytes()), b"wrapping key");
        let cipher = Cipher::new(&key).map_err(|_| VaultError::WrongMasterKey { version })?;
        Ok(Self { version, cipher })
    }

    fn wrap(
        &self,
        purpose: Purpose,
        key: &[u8; KEY_LEN],
        random: &dyn Random,
    ) -> Result<WrappedKey, VaultError> {
        let aad = framed(&[b"wrapped key", &header(purpose, self.version)]);
        let sealed = self.cipher.seal_after(&[], &aad, key, nonce(random)?);
        let sealed = sealed.map_err(|_| VaultError::TooLong { table: KEY_TABLE })?;
        Ok(WrappedKey { purpose, version: self.version, sealed })
    }

    fn unwrap(&self, wrapped: &WrappedKey) -> Result<Zeroizing<[u8; KEY_LEN]>, VaultError> {
        let wrong = VaultError::WrongMasterKey { version: self.version };
        let aad = framed(&[b"wrapped key", &header(wrapped.purpose, self.version)]);
        let opened = self.cipher.open(&aad, &wrapped.sealed).map_err(|_| wrong)?;
        let mut key = Zeroizing::new([0; KEY_LEN]);
        if opened.len() != KEY_LEN {
            return Err(wrong);
        }
        key.copy_from_slice(&opened);
        Ok(key)
    }
}

/// The open installation: wraps and unwraps data keys, derives the keys of workspaces.
///
/// Cheap to clone; holds no plaintext of any person.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    older: HashMap<u32, Wrapper>,
    current: Wrapper,
    root: hmac::Key,
    random: Arc<dyn Random>,
}

impl Vault {
    /// Creates the installation's root secret, wrapped by the current master key; the caller
    /// stores it once and for ever.
    pub fn create_root(
        masters: &MasterKeys,
        random: &dyn Random,
    ) -> Result<WrappedKey, VaultError> {
        let key = random_key(random)?;
        Wrapper::new(masters.current())?.wrap(Purpose::Root, &key, random)
    }

    /// Opens the installation. Fails naming the version when its master key is absent or another
    /// one than wrapped `root`.
    pub fn open(
        masters: MasterKeys,
        root: &WrappedKey,
        random: Arc<dyn Random>,
    ) -> Result<Self, VaultError> {
        let current = Wrapper::new(masters.current())?;
        let older: Result<HashMap<_, _>, VaultError> = masters
            .iter()
            .filter(|key| key.version() != current.version)
            .map(|key| Ok((key.version(), Wrapper::new(key)?)))
            .collect();
        let older = older?;
        let version = root.version;
        if root.purpose != Purpose::Root {
            return Err(VaultError::WrongMasterKey { version });
        }
        let secret = wrapper_of(&current, &older, version)?.unwrap(root)?;
        let root = extract(b"vinculo root", secret.as_slice());
        Ok(Self(Arc::new(Inner { older, current, root, random })))
    }

    /// A new random key for one subject's data, and its wrapped form to store.
    pub fn new_data_key(&self) -> Result<(DataKey, WrappedKey), VaultError> {
        let key = random_key(self.random())?;
        let wrapped = self.0.current.wrap(Purpose::Data, &key, self.random())?;
        Ok((self.data_key(&key)?, wrapped))
    }

    /// The data key inside `wrapped`: one AES operation.
    pub fn unwrap_key(&self, wrapped: &WrappedKey) -> Result<DataKey, VaultError> {
        if wrapped.purpose != Purpose::Data {
            return Err(VaultError::WrongMasterKey { version: wrapped.version });
        }
        let key = self.unwrapped(wrapped)?;
        self.data_key(&key)
    }

    /// The same key, root or data, under the current master key; `None` when it already is.
    pub fn rewrap(&self, wrapped: &WrappedKey) -> Result<Option<WrappedKey>, VaultError> {
        if wrapped.version == self.0.current.version {
            return Ok(None);
        }
        let key = self.unwrapped(wrapped)?;
        self.0.current.wrap(wrapped.purpose, &key, self.random()).map(Some)
    }

    /// Version of the master key that wraps new keys.
    #[must_use]
    pub fn current_version(&self) -> u32 {
        self.0.current.version
    }

    /// Every version of the master key that was given, in no order.
    pub fn versions(&self) -> impl Iterator<Item = u32> {
        std::iter::once(self.0.current.version).chain(self.0.older.keys().copied())
    }

    /// The look-up and identity keys of one workspace, with the first look-up index.
    #[must_use]
    pub fn workspace_keys(&self, workspace_id: i64) -> WorkspaceKeys {
        self.workspace_keys_at(workspace_id, 1)
    }

    /// As [`Vault::workspace_keys`], with this version of the look-up index, from 1.
    #[must_use]
    pub fn workspace_keys_at(&self, workspace_id: i64, index_version: u32) -> WorkspaceKeys {
        WorkspaceKeys::derive(&self.0.root, workspace_id, index_version)
    }

    /// The key that seals what the audit log hides of entries that belong to no workspace.
    pub fn audit_key(&self) -> Result<DataKey, VaultError> {
        self.data_key(&expand(&self.0.root, &framed(&[b"vinculo audit key"])))
    }

    /// Proof that somebody with the installation's keys made the block of the audit log with this
    /// hash. The same for the same hash, for ever.
    #[must_use]
    pub fn audit_seal(&self, hash: &[u8; 32]) -> [u8; 32] {
        let key = expand(&self.0.root, &framed(&[b"vinculo audit seal"]));
        keyed_hash(&hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()), "block", &[hash])
    }

    /// The keys for those who sign in to the dashboard.
    pub fn user_keys(&self) -> Result<UserKeys, VaultError> {
        let key = |purpose: &[u8]| expand(&self.0.root, &framed(&[b"vinculo users", purpose]));
        let index = hmac::Key::new(hmac::HMAC_SHA256, key(b"index").as_slice());
        Ok(UserKeys { seal: self.data_key(&key(b"seal"))?, index })
    }

    /// Nonces to seal many values with.
    #[must_use]
    pub fn nonces(&self) -> Nonces {
        Nonces::new(Arc::clone(&self.0.random))
    }

    /// The source of randomness the vault was opened with.
    #[must_use]
    pub fn random(&self) -> &dyn Random {
        self.0.random.as_ref()
    }

    fn unwrapped(&self, wrapped: &WrappedKey) -> Result<Zeroizing<[u8; KEY_LEN]>, VaultError> {
        wrapper_of(&self.0.current, &self.0.older, wrapped.version)?.unwrap(wrapped)
    }

    fn data_key(&self, key: &[u8; KEY_LEN]) -> Result<DataKey, VaultError> {
        let cipher = Cipher::new(key).map_err(|_| VaultError::Refused { table: KEY_TABLE })?;
        Ok(DataKey { cipher: Arc::new(cipher), random: Arc::clone(&self.0.random) })
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault(master version {})", self.0.current.version)
    }
}

/// One subject's key: seals and opens everything known about that person. Cheap to clone.
#[derive(Clone)]
pub struct DataKey {
    cipher: Arc<Cipher>,
    random: Arc<dyn Random>,
}

impl DataKey {
    /// Encrypts `plaintext` with AES-256-GCM under a random nonce, bound to `context`.
    pub fn seal(&self, context: Context<'_>, plaintext: &[u8]) -> Result<Sealed, VaultError> {
        self.seal_under(nonce(self.random.as_ref())?, context, plaintext)
    }

    /// As [`DataKey::seal`], one of many values, with the next of these nonces.
    pub fn seal_one_of_many(
        &self,
        nonces: &mut Nonces,
        context: Context<'_>,
        plaintext: &[u8],
    ) -> Result<Sealed, VaultError> {
        self.seal_under(nonces.next()?, context, plaintext)
    }

    fn seal_under(
        &self,
        nonce: [u8; NONCE_LEN],
        context: Context<'_>,
        plaintext: &[u8],
    ) -> Result<Sealed, VaultError> {
        let aad = context.associated_data();
        let sealed = self.cipher.seal_after(&[sealed::FORMAT], &aad, plaintext, nonce);
        let too_long = |_| VaultError::TooLong { table: context.table() };
        sealed.map(Sealed::new).map_err(too_long)
    }

    /// The plaintext, wiped from memory when dropped; refused unless key, context and bytes are
    /// those of the sealing.
    pub fn open(
        &self,
        context: Context<'_>,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.cipher
            .open(&context.associated_data(), sealed.without_format())
            .map_err(|_| VaultError::Refused { table: context.table() })
    }

    /// As [`DataKey::open`], with the plaintext at the end of `out`, for an answer that is about to
    /// leave: nothing wipes it. What was in `out` stays; when refused, that alone.
    pub fn open_onto(
        &self,
        context: Context<'_>,
        sealed: &Sealed,
        out: &mut Vec<u8>,
    ) -> Result<(), VaultError> {
        self.cipher
            .open_onto(&context.associated_data(), sealed.without_format(), out)
            .map_err(|_| VaultError::Refused { table: context.table() })
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey([redacted])")
    }
}

fn wrapper_of<'a>(
    current: &'a Wrapper,
    older: &'a HashMap<u32, Wrapper>,
    version: u32,
) -> Result<&'a Wrapper, VaultError> {
    if version == current.version {
        return Ok(current);
    }
    older.get(&version).ok_or(VaultError::MasterKeyMissing { version })
}

fn random_key(random: &dyn Random) -> Result<Zeroizing<[u8; KEY_LEN]>, VaultError> {
    let mut key = Zeroizing::new([0; KEY_LEN]);
    random.fill(key.as_mut_slice())?;
    Ok(key)
}
