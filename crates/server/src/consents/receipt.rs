//! A receipt: the text that is hashed, and the hash that binds it to the one before.

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vinculo_store::{ConsentReceipt, ConsentTerms, Micros, Tx};
use vinculo_vault::BlindIndex;

use crate::clock::wire_time;
use crate::error::ApiError;
use crate::hex::hex;
use crate::secrets::WorkspaceSecrets;

/// The form of the text, written into it.
const FORM: u8 = 1;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event {
    /// A consent was given.
    Granted,
    /// It was taken back.
    Revoked,
    /// The person was erased: what the consents said can be opened no more.
    Erased,
}

/// What a receipt tells, beside whom it is about and its place.
pub(super) struct Fact<'a> {
    pub(super) event: Event,
    pub(super) consent: Option<Uuid>,
    pub(super) terms: Option<&'a ConsentTerms>,
    /// Digest of what is sealed.
    pub(super) digest: Option<String>,
    /// Receipt of the erasure.
    pub(super) erasure: Option<Uuid>,
    pub(super) at: Micros,
}

/// The text. Order and names of its keys never change within a form.
#[derive(Serialize)]
struct Body<'a> {
    form: u8,
    workspace: Uuid,
    number: i64,
    event: Event,
    person: String,
    consent: Option<Uuid>,
    terms: Option<Terms<'a>>,
    digest: Option<&'a str>,
    erasure: Option<Uuid>,
    recorded_at: String,
}

#[derive(Serialize)]
struct Terms<'a> {
    resources: Vec<&'static str>,
    source: &'a str,
    method: &'static str,
    text_version: &'a str,
    language: &'a str,
    granted_at: String,
    expires_at: Option<String>,
}

/// What a text says about its own place, and what happened.
#[derive(Debug, Deserialize)]
pub(crate) struct Told {
    pub(super) workspace: Uuid,
    pub(super) number: i64,
    pub(crate) event: Event,
    pub(super) person: String,
    pub(super) consent: Option<Uuid>,
    /// Digest of what is sealed.
    pub(crate) digest: Option<String>,
    pub(crate) recorded_at: String,
}

impl Event {
    /// The word of the text.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Revoked => "revoked",
            Self::Erased => "erased",
        }
    }
}

impl<'a> Fact<'a> {
    pub(super) fn granted(
        consent: Uuid,
        terms: &'a ConsentTerms,
        digest: String,
        at: Micros,
    ) -> Self {
        let (terms, digest) = (Some(terms), Some(digest));
        let (event, consent) = (Event::Granted, Some(consent));
        Self { event, consent, terms, digest, erasure: None, at }
    }

    pub(super) fn revoked(consent: Uuid, digest: String, at: Micros) -> Self {
        let (event, consent, digest) = (Event::Revoked, Some(consent), Some(digest));
        Self { event, consent, terms: None, digest, erasure: None, at }
    }

    pub(super) fn erased(erasure: Uuid, at: Micros) -> Self {
        let (event, erasure) = (Event::Erased, Some(erasure));
        Self { event, consent: None, terms: None, digest: None, erasure, at }
    }

    /// The text of the receipt at a place of a workspace's chain.
    pub(super) fn body(
        &self,
        workspace: Uuid,
        number: i64,
        person: &BlindIndex,
    ) -> Result<String, serde_json::Error> {
        let terms = self.terms.map(|terms| Terms {
            resources: terms.resources.iter().map(|resource| resource.as_str()).collect(),
            source: &terms.source,
            method: terms.method.as_str(),
            text_version: &terms.text_version,
            language: &terms.language,
            granted_at: wire_time(terms.granted_at),
            expires_at: terms.expires_at.map(wire_time),
        });
        serde_json::to_string(&Body {
            form: FORM,
            workspace,
            number,
            event: self.event,
            person: hex(person.as_bytes()),
            consent: self.consent,
            terms,
            digest: self.digest.as_deref(),
            erasure: self.erasure,
            recorded_at: wire_time(self.at),
        })
    }

    /// Adds the receipt to the workspace's chain, which is held until the transaction ends.
    pub(super) fn append(
        &self,
        tx: &mut Tx<'_>,
        secrets: &WorkspaceSecrets,
        person: BlindIndex,
    ) -> Result<(), ApiError> {
        let workspace = secrets.workspace();
        tx.lock_workspace(workspace.id)?;
        let last = tx.last_consent_receipt(workspace.id)?;
        let (number, previous) = last.map_or((1, [0; 32]), |last| (last.number + 1, last.hash));
        let body = self.body(workspace.uuid, number, &person)?;
        let hash = hash(&previous, &body);
        let consent = self.consent;
        let seal = Some(secrets.indexes().receipt_seal(&hash));
        let receipt = ConsentReceipt { number, person, consent, body, previous, hash, seal };
        Ok(tx.insert_consent_receipt(workspace.id, &receipt)?)
    }
}

impl Told {
    /// What the text of a receipt says.
    pub(crate) fn of(receipt: &ConsentReceipt) -> Result<Self, serde_json::Error> {
        serde_json::from_str(&receipt.body)
    }
}

/// Whether the hash of a receipt is the one of its text.
pub(crate) fn is_intact(receipt: &ConsentReceipt) -> bool {
    hash(&receipt.previous, &receipt.body) == receipt.hash
}

/// SHA-256 of the hash before, in hexadecimal digits, a new line, and the text: whoever has the texts
/// can compute it with any tool.
pub(super) fn hash(previous: &[u8; 32], body: &str) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(hex(previous).as_bytes());
    context.update(b"\n");
    context.update(body.as_bytes());
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '%064d\n{"a":"ñ"}' 0 | sha256sum`
    #[test]
    fn a_hash_is_what_other_tools_compute() {
        let expected = "323e61b9418462be1e7daac330c927b3d39412bc4d26ca740a2bba0e6984c341";
        assert_eq!(hex(&hash(&[0; 32], r#"{"a":"ñ"}"#)), expected);
    }
}
