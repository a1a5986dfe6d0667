//! The evidence: read in one visit to the database, opened, and held against its receipts.

use std::cmp::Reverse;
use std::collections::HashMap;

use serde::Serialize;
use uuid::Uuid;
use vinculo_pila::Document;
use vinculo_store::{Consent, ConsentReceipt, Link, SourceCall, Tx};
use vinculo_vault::Vault;

use super::super::wire::{WireConsent, by_consent};
use crate::App;
use crate::api::links::ResourceName;
use crate::clock::wire_time;
use crate::consents::{Contents, Event, Side, Told, is_intact, legal_basis};
use crate::error::ApiError;
use crate::hex::hex;
use crate::secrets::WorkspaceSecrets;

/// Everything that shows what a person has allowed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConsentEvidence)]
pub(crate) struct Evidence {
    /// When it was put together.
    #[schema(format = DateTime)]
    pub(super) generated_at: String,
    pub(super) workspace: Uuid,
    /// `sandbox` or `production`.
    pub(super) environment: &'static str,
    pub(super) document_type: String,
    pub(super) document_number: String,
    /// What the receipts call the person.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub(super) person: String,
    pub(super) chain: EvidenceChain,
    /// The newest first; none after an erasure.
    pub(super) consents: Vec<WireConsent>,
    /// In the order of the chain.
    pub(super) receipts: Vec<EvidenceReceipt>,
    /// The newest first.
    pub(super) links: Vec<EvidenceLink>,
    /// The newest first.
    pub(super) source_calls: Vec<EvidenceCall>,
}

/// The chain of the whole workspace.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvidenceChain {
    pub(super) receipts: i64,
    /// Hash of the newest receipt.
    #[schema(required, pattern = "^[0-9a-f]{64}$")]
    pub(super) head: Option<String>,
}

/// A receipt about the person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvidenceReceipt {
    /// Place in the chain of the workspace, from 1.
    pub(super) number: i64,
    /// `granted`, `revoked` or `erased`.
    pub(super) event: &'static str,
    #[schema(format = DateTime)]
    pub(super) recorded_at: String,
    /// The consent, when it is about one.
    #[schema(required)]
    pub(super) consent: Option<Uuid>,
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub(super) previous_hash: String,
    /// SHA-256 of the previous hash, a new line, and the body.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub(super) hash: String,
    /// The text that is hashed.
    pub(super) body: String,
    /// What was sealed; null when the person was erased.
    #[schema(required)]
    pub(super) contents: Option<EvidenceContents>,
    /// Whether the hash is the one of the body, and the digest in it the one of the contents.
    pub(super) intact: bool,
}

/// What a receipt binds by its digest: SHA-256 of the bytes of the salt and the text.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvidenceContents {
    /// 32 bytes.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub(super) salt: String,
    pub(super) text: String,
}

/// A link of the person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvidenceLink {
    pub(super) id: Uuid,
    #[schema(format = DateTime)]
    pub(super) created_at: String,
    /// The consent it was made under.
    #[schema(required)]
    pub(super) consent: Option<Uuid>,
    /// `consent`, or `contract_attestation`.
    pub(super) legal_basis: &'static str,
    pub(super) access_mode: &'static str,
    pub(super) status: &'static str,
    #[schema(value_type = Vec<ResourceName>)]
    pub(super) fetch_resources: Vec<&'static str>,
}

/// A question to a source about the person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvidenceCall {
    pub(super) id: Uuid,
    #[schema(format = DateTime)]
    pub(super) created_at: String,
    pub(super) source: String,
    /// `check`: whether the source knows the person; `load`: the data.
    pub(super) purpose: &'static str,
    /// How it ended, one word.
    pub(super) outcome: String,
    /// The consent it was asked under.
    #[schema(required)]
    pub(super) consent: Option<Uuid>,
    /// `consent`, or `contract_attestation`.
    pub(super) legal_basis: &'static str,
}

impl Evidence {
    /// Reads and opens what there is about a person, who is called by the first document and known by any of the
    /// others.
    ///
    /// # Errors
    /// When the database fails, or what it holds does not open.
    pub(super) fn read(
        tx: &mut Tx<'_>,
        app: &App,
        secrets: &WorkspaceSecrets,
        (person, all): (&Document, &[Document]),
    ) -> Result<Self, ApiError> {
        let (kind, number) = (person.kind.code(), person.number.as_str());
        let (vault, now) = (app.all_secrets().vault(), app.now_micros());
        let workspace = secrets.workspace();
        let Found { consents, links, receipts, calls } = Found::read(tx, secrets, all)?;
        let last = tx.last_consent_receipt(workspace.id)?;
        let person = secrets.indexes().erased_person(kind, number);
        let opened: HashMap<Uuid, &Consent> = consents.iter().map(|c| (c.uuid, c)).collect();
        let told = receipts.iter().map(|receipt| {
            let consent = receipt.consent.and_then(|id| opened.get(&id).copied());
            EvidenceReceipt::of(vault, receipt, consent)
        });
        let told = told.collect::<Result<_, _>>()?;
        let by_consent = by_consent(receipts);
        let consents = consents.iter().map(|consent| {
            let own = by_consent.get(&consent.uuid).map(Vec::as_slice).unwrap_or_default();
            WireConsent::of(vault, consent, own, now)
        });
        Ok(Self {
            generated_at: wire_time(now),
            workspace: workspace.uuid,
            environment: workspace.environment.as_str(),
            document_type: kind.to_owned(),
            document_number: number.to_owned(),
            person: hex(person.as_bytes()),
            chain: EvidenceChain {
                receipts: last.as_ref().map_or(0, |last| last.number),
                head: last.map(|last| hex(&last.hash)),
            },
            consents: consents.collect::<Result<_, _>>()?,
            receipts: told,
            links: links.iter().map(EvidenceLink::of).collect(),
            source_calls: calls.into_iter().map(EvidenceCall::of).collect(),
        })
    }
}

/// What is kept about a person.
#[derive(Default)]
struct Found {
    consents: Vec<Consent>,
    links: Vec<Link>,
    receipts: Vec<ConsentReceipt>,
    calls: Vec<SourceCall>,
}

impl Found {
    /// Of whoever is known by one of these documents, each kind in one order.
    fn read(
        tx: &mut Tx<'_>,
        secrets: &WorkspaceSecrets,
        all: &[Document],
    ) -> Result<Self, ApiError> {
        let (workspace, indexes) = (secrets.workspace().id, secrets.indexes());
        let mut found = Self::default();
        for Document { kind, number } in all {
            let document = indexes.lookup_document(kind.code(), number);
            if let Some(subject) = tx.subject(workspace, &document)? {
                found.consents.extend(tx.consents_of(subject.id)?);
                found.links.extend(tx.links_of(subject.id)?);
            }
            let person = indexes.erased_person(kind.code(), number);
            found.receipts.extend(tx.consent_receipts_about(workspace, &person)?);
            found.calls.extend(tx.source_calls_about(workspace, &document)?);
        }
        found.consents.sort_by_key(|consent| Reverse(consent.created_at));
        found.links.sort_by_key(|link| Reverse((link.created_at, link.id)));
        found.receipts.sort_by_key(|receipt| receipt.number);
        found.calls.sort_by_key(|call| Reverse(call.id));
        Ok(found)
    }
}

impl EvidenceReceipt {
    fn of(
        vault: &Vault,
        receipt: &ConsentReceipt,
        consent: Option<&Consent>,
    ) -> Result<Self, ApiError> {
        let told = Told::of(receipt)?;
        let side = match told.event {
            Event::Revoked => Side::Revocation,
            Event::Granted | Event::Erased => Side::Grant,
        };
        let contents =
            consent.map(|consent| Contents::open(&vault.unwrap_key(&consent.key)?, side, consent));
        let contents = contents.transpose()?.flatten();
        let digest = contents.as_ref().map(Contents::digest);
        Ok(Self {
            number: receipt.number,
            event: told.event.as_str(),
            recorded_at: told.recorded_at,
            consent: receipt.consent,
            previous_hash: hex(&receipt.previous),
            hash: hex(&receipt.hash),
            body: receipt.body.clone(),
            intact: is_intact(receipt) && (digest.is_none() || digest == told.digest),
            contents: contents.map(|contents| EvidenceContents {
                salt: contents.salt(),
                text: String::from_utf8_lossy(contents.text()).into_owned(),
            }),
        })
    }
}

impl EvidenceLink {
    fn of(link: &Link) -> Self {
        Self {
            id: link.uuid,
            created_at: wire_time(link.created_at),
            consent: link.consent,
            legal_basis: legal_basis(link.consent),
            access_mode: link.access_mode.as_str(),
            status: link.status.as_str(),
            fetch_resources: link.fetch_resources.iter().map(|one| one.as_str()).collect(),
        }
    }
}

impl EvidenceCall {
    fn of(call: SourceCall) -> Self {
        Self {
            id: call.uuid,
            created_at: wire_time(call.created_at),
            source: call.source,
            purpose: call.purpose.as_str(),
            outcome: call.outcome,
            consent: call.consent,
            legal_basis: legal_basis(call.consent),
        }
    }
}
