//! Recomputing the chains, and holding what is stored against them.

use std::collections::HashMap;

use serde::Serialize;
use uuid::Uuid;
use vinculo_store::{
    Consent, ConsentFilter, ConsentReceipt, Error, PageRequest, Resource, Store, Tx, WorkspaceId,
};
use vinculo_vault::Vault;

use super::contents::{Contents, GrantContents, Side};
use super::receipt::{Event, Fact, Told, is_intact};
use super::standing::Standing;
use crate::clock::wire_time;
use crate::hex::hex;
use crate::secrets::{Secrets, WorkspaceSecrets};

const STRANGE: &str = "it was not made with the keys of this installation";
const UNSEALED: &str = "its seal is missing";

/// Receipts or consents read at once.
const BATCH: i64 = 500;

/// What became of a verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Whether every chain holds and every head that was named is in one.
    pub ok: bool,
    /// One chain for each workspace.
    pub chains: Vec<ChainReport>,
    /// The heads that were named.
    pub heads: Vec<HeadReport>,
}

/// One workspace's chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChainReport {
    /// The workspace.
    pub workspace: Uuid,
    /// `sandbox` or `production`.
    pub environment: &'static str,
    /// Receipts that were read.
    pub receipts: i64,
    /// Hash of the newest receipt: to be noted elsewhere, so that nobody can cut the end off unseen.
    pub head: Option<String>,
    /// The first thing that does not fit.
    pub broken: Option<Broken>,
}

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// Place of the receipt; `None` when a consent lacks one.
    pub number: Option<i64>,
    /// The consent, when it is about one.
    pub consent: Option<Uuid>,
    /// What is wrong.
    pub why: &'static str,
}

/// A head that was noted earlier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeadReport {
    /// The hash, as noted.
    pub hash: String,
    /// Environment and place of the receipt it belongs to; `None` when there is no such receipt.
    pub found: Option<(&'static str, i64)>,
}

/// A consent without what is sealed about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedConsent {
    /// Public id.
    pub id: Uuid,
    /// `sandbox` or `production`.
    pub environment: &'static str,
    /// `valid`, `expired` or `revoked`.
    pub status: &'static str,
    /// Which data.
    pub resources: Vec<&'static str>,
    /// How it was obtained.
    pub method: &'static str,
    /// Version of the text.
    pub text_version: String,
    /// Language of the text.
    pub language: String,
    /// When it was given.
    pub granted_at: String,
    /// From when on it holds no longer.
    pub expires_at: Option<String>,
    /// When it was taken back.
    pub revoked_at: Option<String>,
}

/// Recomputes the chain of every workspace, holds the consents against it, and looks for `heads`:
/// hashes as earlier verifications told them. Blocks.
///
/// # Errors
/// When the database fails.
pub fn verify(store: &Store, secrets: &Secrets, heads: &[String]) -> Result<Verified, Error> {
    let heads = heads.iter().map(|hash| HeadReport { hash: hash.clone(), found: None });
    let mut verified = Verified { ok: true, chains: Vec::new(), heads: heads.collect() };
    for workspace in secrets.all() {
        let mut chain = Chain::new(&workspace);
        while chain.read(store, secrets.vault(), &mut verified.heads)? {}
        verified.chains.push(chain.report(store)?);
    }
    verified.ok = verified.chains.iter().all(|chain| chain.broken.is_none())
        && verified.heads.iter().all(|head| head.found.is_some());
    Ok(verified)
}

/// A chain on its way.
struct Chain<'a> {
    secrets: &'a WorkspaceSecrets,
    receipts: i64,
    number: i64,
    head: [u8; 32],
    /// Whether a receipt had a seal: all that follow must.
    sealed: bool,
    broken: Option<Broken>,
}

/// What the store has beside a batch of receipts.
struct Beside {
    consents: HashMap<Uuid, Consent>,
    /// When the person of each receipt was last erased.
    erased: Vec<Option<String>>,
}

impl<'a> Chain<'a> {
    const fn new(secrets: &'a WorkspaceSecrets) -> Self {
        Self { secrets, receipts: 0, number: 0, head: [0; 32], sealed: false, broken: None }
    }

    /// Follows the chain for a batch. `false` at its end.
    fn read(
        &mut self,
        store: &Store,
        vault: &Vault,
        heads: &mut [HeadReport],
    ) -> Result<bool, Error> {
        let (workspace, after) = (self.secrets.workspace().id, self.number);
        let (receipts, beside) = store.read_blocking(move |tx| {
            let receipts = tx.consent_receipts_after(workspace, after, BATCH)?;
            let beside = Beside::read(tx, workspace, &receipts)?;
            Ok::<_, Error>((receipts, beside))
        })?;
        for (receipt, erased) in receipts.iter().zip(&beside.erased) {
            let consent = receipt.consent.and_then(|id| beside.consents.get(&id));
            let wrong = self.unfit(receipt).or_else(|| match (receipt.consent, consent) {
                (Some(_), Some(consent)) => self.contradicts(vault, receipt, consent),
                (Some(_), None) => unexplained(receipt, erased.as_deref()),
                (None, _) => None,
            });
            if let Some(why) = wrong
                && self.broken.is_none()
            {
                let (number, consent) = (Some(receipt.number), receipt.consent);
                self.broken = Some(Broken { number, consent, why });
            }
            let environment = self.secrets.workspace().environment.as_str();
            let noted = hex(&receipt.hash);
            for head in heads.iter_mut().filter(|head| head.hash.eq_ignore_ascii_case(&noted)) {
                head.found = Some((environment, receipt.number));
            }
            (self.number, self.head) = (receipt.number, receipt.hash);
            self.sealed |= receipt.seal.is_some();
            self.receipts += 1;
        }
        Ok(receipts.len() as i64 == BATCH)
    }

    /// Why a receipt does not follow the one before it.
    fn unfit(&self, receipt: &ConsentReceipt) -> Option<&'static str> {
        if receipt.number != self.number + 1 {
            return Some("the receipt before it is missing");
        }
        if receipt.previous != self.head {
            return Some("it does not follow the receipt before it");
        }
        if !is_intact(receipt) {
            return Some("it was altered");
        }
        let told = Told::of(receipt).ok().filter(|told| {
            told.workspace == self.secrets.workspace().uuid
                && told.number == receipt.number
                && told.consent == receipt.consent
                && told.person == hex(receipt.person.as_bytes())
        });
        if told.is_none() {
            return Some("it is not what it is filed as");
        }
        let seal = self.secrets.indexes().receipt_seal(&receipt.hash);
        match receipt.seal {
            Some(found) => (found != seal).then_some(STRANGE),
            None => self.sealed.then_some(UNSEALED),
        }
    }

    /// Why a receipt does not fit the consent that it is about: the receipt that would be written of
    /// the consent as it is stored must be this one.
    fn contradicts(
        &self,
        vault: &Vault,
        receipt: &ConsentReceipt,
        consent: &Consent,
    ) -> Option<&'static str> {
        let Some((expected, wants_seal)) = self.expected(vault, receipt, consent) else {
            return Some("its consent was altered");
        };
        if expected != receipt.body {
            return Some("its consent was altered");
        }
        (wants_seal && receipt.seal.is_none()).then_some(UNSEALED)
    }

    /// The text of the receipt, and whether it must have a seal.
    fn expected(
        &self,
        vault: &Vault,
        receipt: &ConsentReceipt,
        consent: &Consent,
    ) -> Option<(String, bool)> {
        let key = vault.unwrap_key(&consent.key).ok()?;
        let granted = Contents::open(&key, Side::Grant, consent).ok()??;
        let said: GrantContents = granted.read().ok()?;
        let indexes = self.secrets.indexes();
        let person = indexes.erased_person(&said.document_type, &said.document_number);
        let (fact, wants_seal) = match Told::of(receipt).ok()?.event {
            Event::Granted => {
                let at = consent.created_at;
                let fact = Fact::granted(consent.uuid, &consent.terms, granted.digest(), at);
                (fact, granted.wants_seal())
            }
            Event::Revoked => {
                let revocation = Contents::open(&key, Side::Revocation, consent).ok()??;
                let fact = Fact::revoked(consent.uuid, revocation.digest(), consent.revoked_at?);
                (fact, revocation.wants_seal())
            }
            Event::Erased => return None,
        };
        let body = fact.body(self.secrets.workspace().uuid, receipt.number, &person).ok()?;
        Some((body, wants_seal))
    }

    fn report(self, store: &Store) -> Result<ChainReport, Error> {
        let workspace = self.secrets.workspace();
        let id = workspace.id;
        let lacking = store.read_blocking(move |tx| beside_the_chain(tx, id))?;
        let lacking =
            lacking.map(|(consent, why)| Broken { number: None, consent: Some(consent), why });
        Ok(ChainReport {
            workspace: workspace.uuid,
            environment: workspace.environment.as_str(),
            receipts: self.receipts,
            head: (self.receipts > 0).then(|| hex(&self.head)),
            broken: self.broken.or(lacking),
        })
    }
}

/// A consent that does not fit what stands beside the chain: the person's row, what is shown of the
/// person, the audit log, and what is kept of revocations beside the keys.
fn beside_the_chain(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
) -> Result<Option<(Uuid, &'static str)>, Error> {
    if let Some(consent) = tx.consent_without_receipt(workspace)? {
        return Ok(Some((consent, "a consent has no receipt of what was done")));
    }
    if let Some(consent) = tx.consent_without_person(workspace)? {
        return Ok(Some((consent, "the person of a consent is gone without an erasure")));
    }
    if let Some(consent) = tx.audited_without_receipt(workspace)? {
        return Ok(Some((
            consent,
            "the audit log tells of a consent or revocation without receipt",
        )));
    }
    if let Some(lost) = tx.lost_revocations(workspace, 1)?.pop() {
        let why = "it was revoked, and holds: `vinculo vault settle` takes it back";
        return Ok(Some((lost.consent, why)));
    }
    for subject in tx.people_who_revoked(workspace)? {
        let standing = Standing::of(tx, subject)?;
        for &resource in Resource::ALL {
            if standing.withholds_since(resource) && tx.is_shown(resource, subject)? {
                let mut revoked = tx.allowed_by(subject)?.into_iter();
                let consent = revoked.find(|allowed| allowed.revoked_at.is_some());
                let why = "it was revoked, and what it let be shown is shown";
                return Ok(consent.map(|allowed| (allowed.consent, why)));
            }
        }
    }
    Ok(None)
}

/// Why the consent of a receipt may not be gone: only an erasure that came later removes it. Moments
/// are told in one form, so that their texts compare as they do.
fn unexplained(receipt: &ConsentReceipt, erased: Option<&str>) -> Option<&'static str> {
    let told = Told::of(receipt).ok()?;
    let explained = erased.is_some_and(|at| at >= told.recorded_at.as_str());
    (!explained).then_some("its consent is gone without an erasure")
}

impl Beside {
    fn read(
        tx: &mut Tx<'_>,
        workspace: WorkspaceId,
        receipts: &[ConsentReceipt],
    ) -> Result<Self, Error> {
        let ids = receipts.iter().filter_map(|receipt| receipt.consent).collect();
        let filter = ConsentFilter { ids: Some(ids), ..ConsentFilter::default() };
        let all = PageRequest { limit: i64::MAX, offset: 0 };
        let consents = tx.consents(workspace, &filter, all)?.rows;
        let erased = receipts.iter().map(|receipt| tx.erasure(workspace, &receipt.person));
        Ok(Self {
            erased: erased
                .map(|found| Ok(found?.map(|erasure| wire_time(erasure.erased_at))))
                .collect::<Result<_, Error>>()?,
            consents: consents.into_iter().map(|consent| (consent.uuid, consent)).collect(),
        })
    }
}

/// Tells every consent of the installation, the newest of each workspace first, without what is sealed
/// about it. Blocks.
///
/// # Errors
/// When the database fails.
pub fn list(
    store: &Store,
    secrets: &Secrets,
    now: i64,
    mut tell: impl FnMut(&ListedConsent),
) -> Result<(), Error> {
    for secrets in secrets.all() {
        let (id, environment) = (secrets.workspace().id, secrets.workspace().environment);
        let mut offset = 0;
        loop {
            let request = PageRequest { limit: BATCH, offset };
            let filter = ConsentFilter::default();
            let page = store.read_blocking(move |tx| tx.consents(id, &filter, request))?;
            for consent in &page.rows {
                tell(&ListedConsent::of(consent, environment.as_str(), now));
            }
            offset += BATCH;
            if offset >= page.count {
                break;
            }
        }
    }
    Ok(())
}

impl ListedConsent {
    fn of(consent: &Consent, environment: &'static str, now: i64) -> Self {
        let terms = &consent.terms;
        Self {
            id: consent.uuid,
            environment,
            status: consent.status(now).as_str(),
            resources: terms.resources.iter().map(|resource| resource.as_str()).collect(),
            method: terms.method.as_str(),
            text_version: terms.text_version.clone(),
            language: terms.language.clone(),
            granted_at: wire_time(terms.granted_at),
            expires_at: terms.expires_at.map(wire_time),
            revoked_at: consent.revoked_at.map(wire_time),
        }
    }
}
