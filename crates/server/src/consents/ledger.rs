//! Giving a consent, taking it back, and what an erasure leaves of it: each with its receipt, in one
//! transaction.

use serde_json::Value;
use uuid::Uuid;
use vinculo_pila::Document;
use vinculo_store::{
    AuditAction, Consent, ConsentTerms, LostRevocation, Micros, NewConsent, Resource, SubjectId, Tx,
};
use vinculo_vault::{DataKey, Sealed, WrappedKey};

use super::contents::{Contents, GrantContents, RevocationContents, Side};
use super::receipt::Fact;
use super::standing::Standing;
use crate::App;
use crate::audit::{self, Entry, Trail};
use crate::error::ApiError;
use crate::secrets::{Secrets, WorkspaceSecrets};

/// A consent that somebody gave.
pub(crate) struct Grant {
    pub(crate) person: Document,
    pub(crate) terms: ConsentTerms,
    /// What the data is for.
    pub(crate) purpose: String,
    /// What shows that it was given; any JSON.
    pub(crate) proof: Value,
}

/// A consent with the id it will have: a question that is asked under it names it before it is
/// recorded.
pub(crate) struct Given {
    pub(crate) consent: Uuid,
    pub(crate) grant: Grant,
}

/// Records a consent, and in the audit log who recorded it. `offered` becomes the key of a person who
/// is new here.
///
/// # Errors
/// When the database fails.
pub(crate) fn grant(
    tx: &mut Tx<'_>,
    app: &App,
    secrets: &WorkspaceSecrets,
    (given, trail): (&Given, &Trail),
    offered: &WrappedKey,
) -> Result<Consent, ApiError> {
    let Given { consent: uuid, grant: Grant { person, terms, purpose, proof } } = given;
    let (uuid, now) = (*uuid, app.now_micros());
    let (kind, number) = (person.kind.code(), person.number.as_str());
    let (workspace, indexes) = (secrets.workspace(), secrets.indexes());
    let index = indexes.lookup_document(kind, number);
    let subject = tx.ensure_subject(workspace.id, &index, offered, now)?;
    let key = app.all_secrets().vault().unwrap_key(&subject.key)?;
    let contents = GrantContents {
        document_type: kind.to_owned(),
        document_number: number.to_owned(),
        purpose: purpose.clone(),
        proof: proof.clone(),
    };
    let contents = Contents::new(app, &contents)?;
    tx.insert_consent(&NewConsent {
        uuid,
        workspace: workspace.id,
        subject: subject.id,
        terms,
        created_at: now,
        sealed: &contents.seal(&key, Side::Grant, uuid)?,
    })?;
    withhold(tx, subject.id, now)?;
    let fact = Fact::granted(uuid, terms, contents.digest(), now);
    fact.append(tx, secrets, indexes.erased_person(kind, number))?;
    let entry = Entry::of(AuditAction::ConsentRecorded).person(subject.id).object(uuid);
    trail.note(tx, app, entry)?;
    stored(tx, secrets, uuid)
}

/// Takes a consent back; one that was taken back before stays as it is.
///
/// # Errors
/// 404 when the workspace has no such consent.
pub(crate) fn revoke(
    tx: &mut Tx<'_>,
    app: &App,
    secrets: &WorkspaceSecrets,
    id: Uuid,
    said: &RevocationContents,
) -> Result<Consent, ApiError> {
    let seen = stored(tx, secrets, id)?;
    tx.lock_subject(seen.subject)?;
    // It may have been revoked, or its person erased, before the lock was had.
    let consent = stored(tx, secrets, id)?;
    if consent.revoked_at.is_some() {
        return Ok(consent);
    }
    let now = app.now_micros();
    let key = app.all_secrets().vault().unwrap_key(&consent.key)?;
    let contents = Contents::new(app, said)?;
    let sealed = contents.seal(&key, Side::Revocation, id)?;
    write_revocation(tx, secrets, &consent, &key, (contents, sealed, now))?;
    withhold(tx, consent.subject, now)?;
    stored(tx, secrets, id)
}

/// Writes that a consent was taken back, and the receipt of it: what was said, sealed too, and when.
fn write_revocation(
    tx: &mut Tx<'_>,
    secrets: &WorkspaceSecrets,
    consent: &Consent,
    key: &DataKey,
    (contents, sealed, at): (Contents, Sealed, Micros),
) -> Result<(), ApiError> {
    let granted = Contents::open(key, Side::Grant, consent)?;
    let granted = granted.ok_or_else(|| ApiError::unexpected("a consent says nothing"))?;
    let granted: GrantContents = granted.read()?;
    tx.revoke_consent(secrets.workspace().id, consent.uuid, at, &sealed)?;
    let person = secrets.indexes();
    let person = person.erased_person(&granted.document_type, &granted.document_number);
    Fact::revoked(consent.uuid, contents.digest(), at).append(tx, secrets, person)
}

/// Takes a consent back that was taken back before the data was restored: as it was said then, with a
/// receipt at the end of the chain.
///
/// # Errors
/// When the database fails, or what was said does not open.
pub(super) fn revoke_again(
    tx: &mut Tx<'_>,
    (all, secrets): (&Secrets, &WorkspaceSecrets),
    lost: &LostRevocation,
    now: Micros,
) -> Result<(), ApiError> {
    let seen = stored(tx, secrets, lost.consent)?;
    tx.lock_subject(seen.subject)?;
    let consent = stored(tx, secrets, lost.consent)?;
    if consent.revoked_at.is_some() {
        return Ok(());
    }
    let key = all.vault().unwrap_key(&consent.key)?;
    let contents = Contents::open_of(&key, Side::Revocation, consent.uuid, &lost.sealed)?;
    let said = (contents, lost.sealed.clone(), lost.revoked_at);
    write_revocation(tx, secrets, &consent, &key, said)?;
    withhold(tx, consent.subject, now)?;
    Ok(audit::note_restored_revocation(tx, &consent, now)?)
}

/// Adds to the receipts of an erased person that what the consents said is gone; nothing when there
/// are none. `erasure` is the id of the receipt of the erasure.
///
/// # Errors
/// When the database fails.
pub(crate) fn note_erasure(
    tx: &mut Tx<'_>,
    app: &App,
    secrets: &WorkspaceSecrets,
    person: &Document,
    erasure: Uuid,
) -> Result<(), ApiError> {
    let workspace = secrets.workspace();
    let person = secrets.indexes().erased_person(person.kind.code(), &person.number);
    if tx.consent_receipts_about(workspace.id, &person)?.is_empty() {
        return Ok(());
    }
    Fact::erased(erasure, app.now_micros()).append(tx, secrets, person)
}

/// Withholds what the person no longer allows to be shown, and shows the rest. Answers kept for
/// clients that repeat a request show it too, and go. What another consent still lets be shown is due
/// to be withheld when that one ends.
///
/// # Errors
/// When the database fails.
pub(crate) fn withhold(
    tx: &mut Tx<'_>,
    subject: SubjectId,
    now: Micros,
) -> Result<(), vinculo_store::Error> {
    let standing = Standing::of(tx, subject)?;
    let mut any = false;
    let ends = Resource::ALL.iter().filter_map(|resource| standing.withholds_from(*resource, now));
    tx.withhold_at(subject, ends.min())?;
    for &resource in Resource::ALL {
        let withheld = standing.withholds(resource, now);
        tx.withhold(resource, subject, withheld)?;
        any |= withheld;
    }
    if any {
        tx.forget_answers_about_links(subject)?;
    }
    Ok(())
}

fn stored(tx: &mut Tx<'_>, secrets: &WorkspaceSecrets, id: Uuid) -> Result<Consent, ApiError> {
    tx.consent(secrets.workspace().id, id)?.ok_or_else(ApiError::not_found)
}
