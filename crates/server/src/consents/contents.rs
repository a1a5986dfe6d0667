//! What a consent says that is sealed: a text that begins with random bytes. The receipt holds the
//! digest of both, so that it leads to the text only for whoever can open it, and to nothing once the
//! person's key is destroyed.

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;
use vinculo_store::Consent;
use vinculo_vault::{Context, DataKey, Sealed, VaultError};

use crate::App;
use crate::error::ApiError;
use crate::hex::hex;

const SALT: usize = 32;

/// Which of the two sealed columns of a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// What was said when it was given.
    Grant,
    /// What was said when it was taken back.
    Revocation,
}

/// What is sealed when a consent is given.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct GrantContents {
    pub(crate) document_type: String,
    pub(crate) document_number: String,
    pub(crate) purpose: String,
    pub(crate) proof: Value,
}

/// What is sealed when it is taken back.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RevocationContents {
    pub(crate) reason: Option<String>,
    pub(crate) proof: Value,
}

/// What was said, and how its receipt is kept: nobody without the person's key can make another of it.
#[derive(Serialize)]
struct Marked<'a, T> {
    #[serde(flatten)]
    said: &'a T,
    sealed_receipt: bool,
}

#[derive(Deserialize)]
struct Mark {
    /// Earlier versions made receipts without a seal, and said nothing of it.
    #[serde(default)]
    sealed_receipt: bool,
}

/// A text and the random bytes before it.
pub(crate) struct Contents {
    salted: Vec<u8>,
}

impl Side {
    fn context(self, consent: Uuid) -> Context<'static> {
        let table = match self {
            Self::Grant => "consents",
            Self::Revocation => "consents.sealed_revocation",
        };
        Context::of_uuid(table, consent.into_bytes())
    }
}

impl Contents {
    /// Salts a text anew.
    pub(crate) fn new(app: &App, said: &impl Serialize) -> Result<Self, ApiError> {
        let mut salted = vec![0; SALT];
        app.random().fill(&mut salted).map_err(ApiError::unexpected)?;
        serde_json::to_writer(&mut salted, &Marked { said, sealed_receipt: true })?;
        Ok(Self { salted })
    }

    pub(crate) fn seal(
        &self,
        key: &DataKey,
        side: Side,
        consent: Uuid,
    ) -> Result<Sealed, VaultError> {
        key.seal(side.context(consent), &self.salted)
    }

    /// What one side of a consent says; `None` when nobody said anything.
    ///
    /// # Errors
    /// When the key is not the person's, or the text was altered.
    pub(crate) fn open(
        key: &DataKey,
        side: Side,
        consent: &Consent,
    ) -> Result<Option<Self>, VaultError> {
        let sealed = match side {
            Side::Grant => Some(&consent.sealed),
            Side::Revocation => consent.sealed_revocation.as_ref(),
        };
        sealed.map(|sealed| Self::open_of(key, side, consent.uuid, sealed)).transpose()
    }

    /// What a sealed text says about one side of a consent.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(super) fn open_of(
        key: &DataKey,
        side: Side,
        consent: Uuid,
        sealed: &Sealed,
    ) -> Result<Self, VaultError> {
        Ok(Self { salted: key.open(side.context(consent), sealed)?.to_vec() })
    }

    /// Whether the receipt of this must have a seal.
    pub(super) fn wants_seal(&self) -> bool {
        self.read::<Mark>().is_ok_and(|mark| mark.sealed_receipt)
    }

    /// SHA-256 of the random bytes and the text.
    pub(crate) fn digest(&self) -> String {
        hex(digest::digest(&digest::SHA256, &self.salted).as_ref())
    }

    /// The random bytes.
    pub(crate) fn salt(&self) -> String {
        hex(self.salted.get(..SALT).unwrap_or_default())
    }

    /// The text.
    pub(crate) fn text(&self) -> &[u8] {
        self.salted.get(SALT..).unwrap_or_default()
    }

    /// What the text says.
    pub(crate) fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(self.text())
    }
}
