use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use zeroize::Zeroizing;

use crate::MalformedError;
use crate::derive::{WIDE_KEY_LEN, expand, expand_wide, framed, keyed_hash};

/// HMAC-SHA256 of a personal value: equal values of one workspace meet, nobody without the
/// workspace's key can tell which value it was.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlindIndex(pub(crate) [u8; 32]);

impl BlindIndex {
    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What [`BlindIndex::as_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MalformedError> {
        exact(bytes, "blind index").map(Self)
    }
}

impl fmt::Debug for BlindIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlindIndex([redacted])")
    }
}

/// Keyed hash of an API secret. Compare with [`WorkspaceKeys::verify_secret`] only.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What [`SecretHash::as_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MalformedError> {
        exact(bytes, "secret hash").map(Self)
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash([redacted])")
    }
}

/// The derived keys of one workspace: one per purpose, unrelated to those of other workspaces.
///
/// Callers normalise values first (a document number without dots, an identifier trimmed): the
/// hashes take bytes as they are.
#[derive(Clone)]
pub struct WorkspaceKeys {
    lookup: hmac::Key,
    /// Keys of the later versions of the look-up index, the second one first.
    later: Vec<hmac::Key>,
    identity: hmac::Key,
    secrets: hmac::Key,
    tokens: Zeroizing<[u8; WIDE_KEY_LEN]>,
}

impl WorkspaceKeys {
    pub(crate) fn derive(root: &hmac::Key, workspace_id: i64, index_version: u32) -> Self {
        let info = |purpose: &str, version: u32| {
            framed(&[
                b"vinculo workspace key",
                &workspace_id.to_be_bytes(),
                purpose.as_bytes(),
                &version.to_be_bytes(),
            ])
        };
        let key = |purpose, version| {
            let key = expand(root, &info(purpose, version));
            hmac::Key::new(hmac::HMAC_SHA256, key.as_slice())
        };
        Self {
            lookup: key("look-up index", 1),
            later: (2..=index_version).map(|version| key("look-up index", version)).collect(),
            // A person's identity and an issued secret outlive every rotation of the index.
            identity: key("identity", 1),
            secrets: key("api secrets", 1),
            tokens: expand_wide(root, &info("token signing", 1)),
        }
    }

    /// Index of a person's document: PILA code of its kind, and its number.
    #[must_use]
    pub fn lookup_document(&self, kind: &str, number: &str) -> BlindIndex {
        self.index("document", &[kind, number])
    }

    /// Index of a payer's document; never equal to the same document's as a person.
    #[must_use]
    pub fn payer(&self, kind: &str, number: &str) -> BlindIndex {
        self.index("payer", &[kind, number])
    }

    /// Index of a planilla number within the operator that gave it.
    #[must_use]
    pub fn planilla_number(&self, operator: &str, number: &str) -> BlindIndex {
        self.index("planilla number", &[operator, number])
    }

    /// Index of what a planilla is a draft of, or settles: its payer, month (`YYYY-MM`), type and branch.
    #[must_use]
    pub fn draft(
        &self,
        payer: (&str, &str),
        month: &str,
        planilla_type: &str,
        branch: &str,
    ) -> BlindIndex {
        self.index("draft", &[payer.0, payer.1, month, planilla_type, branch])
    }

    /// Index of a link's `external_id`.
    #[must_use]
    pub fn external_id(&self, external_id: &str) -> BlindIndex {
        self.index("external id", &[external_id])
    }

    /// The wire's `institution_user_id` (contract section 3.3.1): 44 characters of padded
    /// URL-safe base64; the same person at the same institution always gives the same.
    #[must_use]
    pub fn institution_user_id(&self, institution: &str, normalised_username: &str) -> String {
        let parts = [institution.as_bytes(), normalised_username.as_bytes()];
        URL_SAFE.encode(keyed_hash(&self.identity, "institution user", &parts))
    }

    /// What receipts, of an erasure and of consents, know a person by: no look-up index, and not rotated with
    /// them, so that it leads to the person only from the document.
    #[must_use]
    pub fn erased_person(&self, kind: &str, number: &str) -> BlindIndex {
        let parts = [kind.as_bytes(), number.as_bytes()];
        BlindIndex(keyed_hash(&self.identity, "erased person", &parts))
    }

    /// Proof that somebody with the installation's keys made the receipt of consents with this hash.
    /// The same for the same hash, for ever.
    #[must_use]
    pub fn receipt_seal(&self, hash: &[u8; 32]) -> [u8; 32] {
        keyed_hash(&self.identity, "consent receipt", &[hash])
    }

    /// What is stored of an API secret. The secret is a random 256-bit value, so one keyed hash
    /// is enough.
    #[must_use]
    pub fn secret_hash(&self, secret: &str) -> SecretHash {
        SecretHash(keyed_hash(&self.secrets, "api secret", &[secret.as_bytes()]))
    }

    /// Whether `secret` is the one `stored` was made from, in constant time.
    #[must_use]
    pub fn verify_secret(&self, secret: &str, stored: &SecretHash) -> bool {
        verify_slices_are_equal(&self.secret_hash(secret).0, &stored.0).is_ok()
    }

    /// Index of an `Idempotency-Key`. As this and [`Self::request`] live for a day only, a rotation
    /// of the look-up index must not make them forgotten.
    #[must_use]
    pub fn idempotency_key(&self, key: &str) -> BlindIndex {
        BlindIndex(keyed_hash(&self.secrets, "idempotency key", &[key.as_bytes()]))
    }

    /// Keyed hash of a request, from the parts that make it what it is; tells whether two are the
    /// same without keeping either.
    #[must_use]
    pub fn request(&self, parts: &[&[u8]]) -> BlindIndex {
        BlindIndex(keyed_hash(&self.secrets, "request", parts))
    }

    /// Key that signs the workspace's tokens with HMAC-SHA512, as long as the hash (RFC 7518,
    /// section 3.2).
    #[must_use]
    pub fn token_key(&self) -> &[u8; WIDE_KEY_LEN] {
        &self.tokens
    }

    /// What a look-up value of the version before becomes under these keys.
    ///
    /// A version is one more keyed hash around the version before it: values can be rotated of which
    /// nothing but themselves is left, and whoever has the keys of all versions but the newest can
    /// test no guess.
    #[must_use]
    pub fn next(&self, before: &BlindIndex) -> BlindIndex {
        self.later.last().map_or(*before, |newest| around(newest, before))
    }

    fn index(&self, label: &str, parts: &[&str]) -> BlindIndex {
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        let first = BlindIndex(keyed_hash(&self.lookup, label, &parts));
        self.later.iter().fold(first, |before, key| around(key, &before))
    }
}

fn around(key: &hmac::Key, inner: &BlindIndex) -> BlindIndex {
    BlindIndex(keyed_hash(key, "version before", &[inner.as_bytes()]))
}

impl fmt::Debug for WorkspaceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WorkspaceKeys([redacted])")
    }
}

fn exact(bytes: &[u8], what: &'static str) -> Result<[u8; 32], MalformedError> {
    bytes.try_into().map_err(|_| MalformedError::Length { what, length: bytes.len() })
}
