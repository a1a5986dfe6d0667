//! What is known about a person: the lines, sealed one by one, and what they prove.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vinculo_history::{Options, Projection};
use vinculo_pila::{Contribution, Document, PayerProfile};
use vinculo_store::{
    AuditAction, Environment, NewContribution, Origin, Resource, StoredContribution, SubjectId, Tx,
    WorkspaceId,
};
use vinculo_vault::{Context, DataKey, Nonces, Sealed, VaultError};

use crate::App;
use crate::audit::{Entry, Trail};
use crate::error::ApiError;
use crate::manage::subjects::known_spelling;
use crate::sandbox;
use crate::secrets::WorkspaceSecrets;
use crate::settings::Settings;

/// What a link knows about its person and keeps sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LinkSecrets {
    /// Who it is about; `None` once it is no longer stored.
    pub(crate) document: Option<Document>,
    /// The customer's reference.
    pub(crate) external_id: Option<String>,
}

impl LinkSecrets {
    /// Opens the sealed part of a link.
    pub(crate) fn open(key: &DataKey, link: Uuid, sealed: &Sealed) -> Result<Self, ApiError> {
        let bytes = key.open(Self::context(link), sealed)?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// Seals it for a link.
    pub(crate) fn seal(&self, key: &DataKey, link: Uuid) -> Result<Sealed, ApiError> {
        Ok(key.seal(Self::context(link), &serde_json::to_vec(self)?)?)
    }

    fn context(link: Uuid) -> Context<'static> {
        Context::of_uuid("links", link.into_bytes())
    }
}

/// What binds a document to its row.
pub(crate) fn object_context(resource: Resource, id: Uuid) -> Context<'static> {
    let table = match resource {
        Resource::Employments => "employments",
        Resource::Owners => "owners",
    };
    Context::of_uuid(table, id.into_bytes())
}

/// Who is projected, and what opens it.
pub(crate) struct Person<'a> {
    pub(crate) workspace: WorkspaceId,
    pub(crate) subject: SubjectId,
    pub(crate) key: &'a DataKey,
}

/// Projects everything known about a person, of the last `window_months` or of all time. `fresh` is
/// what operators said just now, and stands for what the same ones said before, unless they saw
/// nothing paid.
pub(crate) fn project(
    tx: &mut Tx<'_>,
    app: &App,
    person: &Person<'_>,
    fresh: &[Contribution],
    window_months: Option<u32>,
) -> Result<Projection, ApiError> {
    let kept = contributions(tx, person)?.into_iter().filter(|known| !known.replaced);
    let replaced =
        |line: &Contribution| fresh.iter().any(|fresh| fresh.paid && fresh.origin == line.origin);
    let kept = kept.map(|known| known.line).filter(|line| !replaced(line));
    let lines: Vec<_> = kept.chain(fresh.iter().cloned()).collect();
    let profiles = profiles(tx, app, person)?;
    let options = options(tx, app, person, window_months)?;
    Ok(vinculo_history::project(&lines, &profiles, &options))
}

/// A projection with what it was made from.
pub(crate) struct Traced {
    pub(crate) projection: Projection,
    /// How it was made.
    pub(crate) options: Options,
    /// Every line about the person that an accepted file or an answer brought.
    pub(crate) lines: Vec<Contribution>,
    /// What brought each of the lines.
    pub(crate) batches: Vec<BatchKey>,
    /// The places of those that the projection was made without.
    pub(crate) replaced: BTreeSet<usize>,
}

/// What brought a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct BatchKey {
    pub(crate) origin: Origin,
    /// Import or source call.
    pub(crate) id: i64,
}

/// Projects everything known about a person, of all time, and keeps what it was made from.
pub(crate) fn project_traced(
    tx: &mut Tx<'_>,
    app: &App,
    person: &Person<'_>,
) -> Result<Traced, ApiError> {
    let known = contributions(tx, person)?;
    let replaced: BTreeSet<usize> =
        (0..).zip(&known).filter(|(_, known)| known.replaced).map(|(at, _)| at).collect();
    let standing = known.iter().filter(|known| !known.replaced);
    let standing: Vec<_> = standing.map(|known| known.line.clone()).collect();
    let profiles = profiles(tx, app, person)?;
    let options = options(tx, app, person, None)?;
    let projection = vinculo_history::project(&standing, &profiles, &options);
    let (batches, lines) = known.into_iter().map(|known| (known.batch, known.line)).unzip();
    Ok(Traced { projection, options, lines, batches, replaced })
}

fn options(
    tx: &mut Tx<'_>,
    app: &App,
    person: &Person<'_>,
    window_months: Option<u32>,
) -> Result<Options, ApiError> {
    let secrets = app.secrets(person.workspace)?;
    let ahead = sandbox::months_ahead(tx, secrets.workspace())?;
    let current_month = sandbox::month(app, ahead)?;
    let include_drafts = Settings::read(tx, person.workspace)?.include_drafts;
    Ok(Options { current_month, window_months, include_drafts })
}

/// What the organization `default` knows about a person, of all time, with its provenance, for the
/// command line, and that it was shown; `None` when it knows nobody by this document.
///
/// # Errors
/// When the database fails or a stored line does not open.
pub async fn person_history(
    app: &App,
    environment: Environment,
    person: Document,
) -> Result<Option<Projection>, ApiError> {
    let secrets = app.secrets_of(environment)?;
    let (reader, workspace) = (app.clone(), secrets.workspace().id);
    let found = app
        .store()
        .read(move |tx| {
            let person = known_spelling(tx, &secrets, person)?;
            let index = secrets.indexes().lookup_document(person.kind.code(), &person.number);
            let Some(subject) = tx.subject(workspace, &index)? else { return Ok(None) };
            let key = reader.all_secrets().vault().unwrap_key(&subject.key)?;
            let person = Person { workspace, subject: subject.id, key: &key };
            let history = project(tx, &reader, &person, &[], None)?;
            Ok::<_, ApiError>(Some((person.subject, history)))
        })
        .await?;
    let found = found.filter(|(_, history)| history.owner.is_some());
    // That somebody looked for a person of whom nothing is known is told too.
    let nobody = Entry::of(AuditAction::SubjectShown).objects(0);
    let of = |(subject, _): &(_, _)| Entry::of(AuditAction::SubjectShown).person(*subject);
    let (entry, noter) = (found.as_ref().map_or(nobody, of), app.clone());
    let note = app.store().write(move |tx| Trail::console(workspace).note(tx, &noter, entry));
    note.await?;
    Ok(found.map(|(_, history)| history))
}

fn profiles(
    tx: &mut Tx<'_>,
    app: &App,
    person: &Person<'_>,
) -> Result<Vec<PayerProfile>, ApiError> {
    let vault = app.all_secrets().vault();
    tx.payer_profiles(person.workspace, person.subject)?
        .into_iter()
        .map(|(payer, sealed, wrapped)| {
            let bytes = vault.unwrap_key(&wrapped)?.open(payer_context(payer), &sealed)?;
            Ok(serde_json::from_slice(&bytes)?)
        })
        .collect()
}

/// What binds a payer's record to its row.
pub(crate) fn payer_context(payer: SubjectId) -> Context<'static> {
    Context::of_id("payers", payer.0)
}

fn line_context(row: &[i64; 3]) -> Context<'_> {
    Context::of_ids("contributions", row)
}

/// The parts that make a line's row unique for its person.
fn line_row(origin: Origin, batch: i64, line: i64) -> [i64; 3] {
    let origin = match origin {
        Origin::Planilla => 0,
        Origin::Answer => 1,
    };
    [origin, batch, line]
}

/// Seals lines about one person for one batch.
pub(crate) fn seal_lines<'a>(
    secrets: &WorkspaceSecrets,
    key: &DataKey,
    subject: SubjectId,
    batch: (Origin, i64),
    lines: impl IntoIterator<Item = &'a Contribution>,
) -> Result<Vec<NewContribution>, ApiError> {
    let (workspace, (origin, batch)) = (secrets.workspace().id, batch);
    let seal = |contribution: &Contribution| {
        let payer = &contribution.payer.document;
        let line = i64::from(contribution.line);
        let bytes = contribution.clone().into_bytes();
        Ok(NewContribution {
            workspace,
            subject,
            origin,
            batch,
            line,
            payer: secrets.indexes().payer(payer.kind.code(), &payer.number),
            period: contribution.period.to_yyyymm(),
            planilla_type: contribution.planilla.kind.clone(),
            sealed: key.seal(line_context(&line_row(origin, batch, line)), &bytes)?,
        })
    };
    lines.into_iter().map(seal).collect()
}

/// Seals one line of many in a batch, in its compact form, with the key of the person it is about.
pub(crate) fn seal_one_of_many(
    key: &DataKey,
    nonces: &mut Nonces,
    (origin, batch, line): (Origin, i64, i64),
    bytes: &[u8],
) -> Result<Sealed, VaultError> {
    key.seal_one_of_many(nonces, line_context(&line_row(origin, batch, line)), bytes)
}

/// A line about a person.
pub(crate) struct KnownLine {
    /// What brought it.
    pub(crate) batch: BatchKey,
    pub(crate) line: Contribution,
    /// Whether it stands in a draft that was settled: nothing is projected from it.
    pub(crate) replaced: bool,
}

/// Every line about a person, opened.
pub(crate) fn contributions(
    tx: &mut Tx<'_>,
    person: &Person<'_>,
) -> Result<Vec<KnownLine>, ApiError> {
    let open = |stored: StoredContribution| {
        let StoredContribution { origin, batch, line, replaced, sealed } = stored;
        let line = open_line(person.key, (origin, batch, line), &sealed)?;
        Ok(KnownLine { batch: BatchKey { origin, id: batch }, line, replaced })
    };
    tx.contributions(person.subject)?.into_iter().map(open).collect()
}

/// Opens one line of a batch with the key of the person it is about.
pub(crate) fn open_line(
    key: &DataKey,
    (origin, batch, line): (Origin, i64, i64),
    sealed: &Sealed,
) -> Result<Contribution, ApiError> {
    let bytes = key.open(line_context(&line_row(origin, batch, line)), sealed)?;
    Ok(match bytes.first() {
        // Earlier versions kept JSON.
        Some(b'{') => serde_json::from_slice(&bytes)?,
        _ => Contribution::from_bytes(&bytes).map_err(ApiError::unexpected)?,
    })
}

/// Opens a document of the workspace's own, such as an endpoint's address.
pub(crate) fn open_own(
    secrets: &WorkspaceSecrets,
    context: Context<'_>,
    sealed: &Sealed,
) -> Result<Vec<u8>, VaultError> {
    Ok(secrets.data_key().open(context, sealed)?.to_vec())
}
