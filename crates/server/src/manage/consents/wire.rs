//! The consent as these operations show it.

use std::collections::HashMap;

use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;
use vinculo_store::{Consent, ConsentReceipt, Tx};
use vinculo_vault::Vault;

use super::wanted::{MethodName, StatusName};
use crate::App;
use crate::api::links::ResourceName;
use crate::clock::wire_time;
use crate::consents::{Contents, GrantContents, RevocationContents, Side, Standing, Told};
use crate::error::ApiError;
use crate::hex::hex;
use crate::once::{About, Claim};

/// A consent, opened.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Consent)]
pub(crate) struct WireConsent {
    pub(super) id: Uuid,
    #[schema(value_type = StatusName)]
    pub(super) status: &'static str,
    /// Kind of the person's document.
    pub(super) document_type: String,
    /// Number of the person's document.
    pub(super) document_number: String,
    #[schema(value_type = Vec<ResourceName>)]
    pub(super) resources: Vec<&'static str>,
    /// What the data is for.
    pub(super) purpose: String,
    /// Where the data may be fetched.
    pub(super) source: String,
    #[schema(value_type = MethodName)]
    pub(super) method: &'static str,
    /// Version of the text that the person agreed to.
    pub(super) text_version: String,
    /// Language of that text.
    pub(super) language: String,
    /// What shows that the person agreed.
    pub(super) proof: Value,
    /// When the person agreed.
    #[schema(format = DateTime)]
    pub(super) granted_at: String,
    /// From when on it holds no longer.
    #[schema(required, format = DateTime)]
    pub(super) expires_at: Option<String>,
    /// When it was taken back.
    #[schema(required, format = DateTime)]
    pub(super) revoked_at: Option<String>,
    /// What was said when it was taken back.
    #[schema(required)]
    pub(super) revocation: Option<WireRevocation>,
    /// When it was recorded.
    #[schema(format = DateTime)]
    pub(super) created_at: String,
    /// Its places in the chain of the workspace.
    pub(super) receipts: Vec<WireReceipt>,
    /// Where it has just been taken back: other consents of the person that still hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) still_valid: Option<Vec<Uuid>>,
}

/// What was said when a consent was taken back.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConsentRevocation)]
pub(crate) struct WireRevocation {
    /// Why or how.
    #[schema(required)]
    pub(super) reason: Option<String>,
    /// What shows that it was taken back.
    pub(super) proof: Value,
}

/// A receipt by its place. The hash of the newest one is worth noting elsewhere.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConsentReceipt)]
pub(crate) struct WireReceipt {
    /// Place in the chain of the workspace, from 1.
    number: i64,
    /// `granted` or `revoked`.
    event: &'static str,
    #[schema(pattern = "^[0-9a-f]{64}$")]
    hash: String,
}

impl WireConsent {
    /// A stored consent with its receipts.
    pub(super) fn of(
        vault: &Vault,
        consent: &Consent,
        receipts: &[ConsentReceipt],
        now: i64,
    ) -> Result<Self, ApiError> {
        let key = vault.unwrap_key(&consent.key)?;
        let granted = Contents::open(&key, Side::Grant, consent)?;
        let granted = granted.ok_or_else(|| ApiError::unexpected("a consent says nothing"))?;
        let said: GrantContents = granted.read()?;
        let revoked = Contents::open(&key, Side::Revocation, consent)?;
        let revocation = revoked.map(|contents| {
            let RevocationContents { reason, proof } = contents.read()?;
            Ok::<_, ApiError>(WireRevocation { reason, proof })
        });
        let terms = &consent.terms;
        Ok(Self {
            id: consent.uuid,
            status: consent.status(now).as_str(),
            document_type: said.document_type,
            document_number: said.document_number,
            resources: terms.resources.iter().map(|resource| resource.as_str()).collect(),
            purpose: said.purpose,
            source: terms.source.clone(),
            method: terms.method.as_str(),
            text_version: terms.text_version.clone(),
            language: terms.language.clone(),
            proof: said.proof,
            granted_at: wire_time(terms.granted_at),
            expires_at: terms.expires_at.map(wire_time),
            revoked_at: consent.revoked_at.map(wire_time),
            revocation: revocation.transpose()?,
            created_at: wire_time(consent.created_at),
            receipts: receipts.iter().map(WireReceipt::of).collect::<Result<_, _>>()?,
            still_valid: None,
        })
    }

    /// A stored consent with the receipts that the database has of it.
    pub(crate) fn read(tx: &mut Tx<'_>, app: &App, consent: &Consent) -> Result<Self, ApiError> {
        let receipts = tx.receipts_of_consents(consent.workspace, &[consent.uuid])?;
        Self::of(app.all_secrets().vault(), consent, &receipts, app.now_micros())
    }
}

impl WireReceipt {
    pub(super) fn of(receipt: &ConsentReceipt) -> Result<Self, ApiError> {
        let event = Told::of(receipt)?.event.as_str();
        Ok(Self { number: receipt.number, event, hash: hex(&receipt.hash) })
    }
}

/// The answer that tells what was written about a consent, kept for a repeated request.
pub(super) fn written(
    tx: &mut Tx<'_>,
    app: &App,
    consent: &Consent,
    claim: &Claim,
    status: StatusCode,
) -> Result<Vec<u8>, ApiError> {
    let mut told = WireConsent::read(tx, app, consent)?;
    if consent.revoked_at.is_some() {
        let standing = Standing::of(tx, consent.subject)?;
        told.still_valid = Some(standing.holding(app.now_micros()));
    }
    let body = serde_json::to_vec(&told)?;
    let key = app.all_secrets().vault().unwrap_key(&consent.key)?;
    let about = About { subject: consent.subject, link: None, key: &key };
    claim.record(tx, status, &body, Some(about))?;
    Ok(body)
}

/// The receipts of each consent.
pub(super) fn by_consent(receipts: Vec<ConsentReceipt>) -> HashMap<Uuid, Vec<ConsentReceipt>> {
    let mut all = HashMap::<Uuid, Vec<ConsentReceipt>>::new();
    for receipt in receipts {
        if let Some(consent) = receipt.consent {
            all.entry(consent).or_default().push(receipt);
        }
    }
    all
}
