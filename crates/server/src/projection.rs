//! From what is known about a person to the objects of a link. Everything here runs inside one
//! write: what it reads cannot change before what it writes is committed.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vinculo_history::{Employment, Options, Owner, Projection};
use vinculo_pila::{Contribution, Document, PayerProfile};
use vinculo_store::{
    Environment, Link, NewContribution, NewObject, Origin, Resource, SubjectId, Tx, WorkspaceId,
};
use vinculo_vault::{BlindIndex, Context, DataKey, Sealed, VaultError};

use crate::App;
use crate::clock::{bogota_month, micros, wire_time};
use crate::error::ApiError;
use crate::secrets::WorkspaceSecrets;

/// Months of history on the wire (contract 4.1).
const WIRE_MONTHS: u32 = 24;

/// What a link knows about its person and keeps sealed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LinkSecrets {
    /// Who it is about.
    pub(crate) document: Document,
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

#[derive(Serialize)]
struct WireEmployment<'a> {
    id: Uuid,
    link: Uuid,
    created_at: &'a str,
    collected_at: &'a str,
    employer_data: &'a vinculo_history::EmployerData,
    salary_and_benefit_details: &'a [vinculo_history::MonthDetail],
}

#[derive(Serialize)]
struct WireDocument<'a> {
    document_type: &'a str,
    document_number: &'a str,
}

#[derive(Serialize)]
struct WireOwner<'a> {
    id: Uuid,
    link: Uuid,
    internal_identification: &'a str,
    collected_at: &'a str,
    created_at: &'a str,
    display_name: Option<&'a str>,
    email: Option<&'a str>,
    phone_number: Option<&'a str>,
    address: Option<&'a str>,
    document_id: WireDocument<'a>,
    business_name: Option<&'a str>,
    first_name: Option<&'a str>,
    last_name: Option<&'a str>,
    second_last_name: Option<&'a str>,
}

/// How many objects of each resource a projection found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    employments: usize,
    owners: usize,
}

impl Counts {
    /// The count of one resource.
    pub(crate) const fn of(self, resource: Resource) -> usize {
        match resource {
            Resource::Employments => self.employments,
            Resource::Owners => self.owners,
        }
    }
}

/// One link being filled.
pub(crate) struct Filling<'a> {
    pub(crate) app: &'a App,
    pub(crate) secrets: &'a WorkspaceSecrets,
    pub(crate) link: &'a Link,
    pub(crate) key: &'a DataKey,
    pub(crate) person: &'a Document,
    /// When the source was read.
    pub(crate) collected_at: Timestamp,
}

impl Filling<'_> {
    /// Projects everything known about the person into the link's objects of these resources.
    pub(crate) fn run(&self, tx: &mut Tx<'_>, resources: &[Resource]) -> Result<Counts, ApiError> {
        let person = (self.link.workspace, self.link.subject, self.key);
        let projection = project(tx, self.app, person, Some(WIRE_MONTHS))?;
        for &resource in resources {
            let objects = self.objects(tx, resource, &projection)?;
            tx.put_objects(resource, self.link.id, &objects)?;
        }
        Ok(Counts {
            employments: projection.employments.len(),
            owners: usize::from(projection.owner.is_some()),
        })
    }

    fn objects(
        &self,
        tx: &mut Tx<'_>,
        resource: Resource,
        projection: &Projection,
    ) -> Result<Vec<NewObject>, ApiError> {
        let kept: HashMap<_, _> = tx
            .kept_objects(resource, self.link.id)?
            .into_iter()
            .map(|kept| (*kept.object.as_bytes(), (kept.uuid, kept.created_at)))
            .collect();
        let now = self.app.now_micros();
        let place = |object: BlindIndex| match kept.get(object.as_bytes()) {
            Some(&(uuid, created_at)) => Ok((object, uuid, created_at)),
            None => self.app.uuid().map(|uuid| (object, uuid, now)).map_err(ApiError::unexpected),
        };
        let indexes = self.secrets.indexes();
        match resource {
            Resource::Employments => {
                // Oldest first, so that newest-first lists show the newest employment on top.
                let employments = projection.employments.iter().rev();
                employments
                    .map(|employment| {
                        let payer = &employment.payer;
                        let at = place(indexes.payer(payer.kind.code(), &payer.number))?;
                        self.seal(resource, at, |id, created, collected| {
                            self.employment(employment, id, created, collected)
                        })
                    })
                    .collect()
            }
            Resource::Owners => projection
                .owner
                .iter()
                .map(|owner| {
                    let person = self.person;
                    let at = place(indexes.lookup_document(person.kind.code(), &person.number))?;
                    self.seal(resource, at, |id, created, collected| {
                        self.owner(owner, id, created, collected)
                    })
                })
                .collect(),
        }
    }

    fn seal(
        &self,
        resource: Resource,
        (object, uuid, created_at): (BlindIndex, Uuid, i64),
        document: impl FnOnce(Uuid, &str, &str) -> serde_json::Result<Vec<u8>>,
    ) -> Result<NewObject, ApiError> {
        let collected_at = micros(self.collected_at);
        let bytes = document(uuid, &wire_time(created_at), &wire_time(collected_at))?;
        Ok(NewObject {
            uuid,
            workspace: self.link.workspace,
            subject: self.link.subject,
            link: self.link.id,
            object,
            created_at,
            collected_at,
            sealed: self.key.seal(object_context(resource, uuid), &bytes)?,
        })
    }

    fn employment(
        &self,
        employment: &Employment,
        id: Uuid,
        created_at: &str,
        collected_at: &str,
    ) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&WireEmployment {
            id,
            link: self.link.uuid,
            created_at,
            collected_at,
            employer_data: &employment.employer,
            salary_and_benefit_details: &employment.months,
        })
    }

    fn owner(
        &self,
        owner: &Owner,
        id: Uuid,
        created_at: &str,
        collected_at: &str,
    ) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&WireOwner {
            id,
            link: self.link.uuid,
            internal_identification: &self.person.number,
            collected_at,
            created_at,
            display_name: owner.display_name.as_deref(),
            email: None,
            phone_number: None,
            address: None,
            document_id: WireDocument {
                document_type: &owner.document_type,
                document_number: &owner.document_number,
            },
            business_name: None,
            first_name: owner.first_name.as_deref(),
            last_name: owner.last_name.as_deref(),
            second_last_name: owner.second_last_name.as_deref(),
        })
    }
}

/// Projects everything known about a person, of the last `window_months` or of all time.
fn project(
    tx: &mut Tx<'_>,
    app: &App,
    (workspace, subject, key): (WorkspaceId, SubjectId, &DataKey),
    window_months: Option<u32>,
) -> Result<Projection, ApiError> {
    let lines = contributions(tx, key, subject)?;
    let profiles = profiles(tx, app, workspace, subject)?;
    let current_month = bogota_month(app.now())
        .ok_or_else(|| ApiError::unexpected("the clock shows no month of this era"))?;
    let options = Options { current_month, window_months, include_drafts: true };
    Ok(vinculo_history::project(&lines, &profiles, &options))
}

/// What the organization `default` knows about a person, of all time, with its provenance; `None`
/// when it knows nobody by this document.
///
/// # Errors
/// When the database fails or a stored line does not open.
pub async fn person_history(
    app: &App,
    environment: Environment,
    person: Document,
) -> Result<Option<Projection>, ApiError> {
    let secrets = app.secrets_of(environment)?;
    let reader = app.clone();
    app.store()
        .read(move |tx| {
            let workspace = secrets.workspace().id;
            let index = secrets.indexes().lookup_document(person.kind.code(), &person.number);
            let Some(subject) = tx.subject(workspace, &index)? else { return Ok(None) };
            let key = reader.all_secrets().vault().unwrap_key(&subject.key)?;
            let history = project(tx, &reader, (workspace, subject.id, &key), None)?;
            Ok(Some(history).filter(|history| history.owner.is_some()))
        })
        .await
}

fn profiles(
    tx: &mut Tx<'_>,
    app: &App,
    workspace: WorkspaceId,
    subject: SubjectId,
) -> Result<Vec<PayerProfile>, ApiError> {
    let vault = app.all_secrets().vault();
    tx.payer_profiles(workspace, subject)?
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
        Origin::Ach => 1,
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
    let seal = |contribution: &Contribution| {
        let payer = &contribution.payer.document;
        let payer = secrets.indexes().payer(payer.kind.code(), &payer.number);
        seal_line((secrets.workspace().id, subject, payer), key, batch, contribution.clone())
    };
    lines.into_iter().map(seal).collect()
}

/// Seals one line of a batch with the key of the person it is about.
pub(crate) fn seal_line(
    (workspace, subject, payer): (WorkspaceId, SubjectId, BlindIndex),
    key: &DataKey,
    (origin, batch): (Origin, i64),
    contribution: Contribution,
) -> Result<NewContribution, ApiError> {
    let line = i64::from(contribution.line);
    let row = line_row(origin, batch, line);
    Ok(NewContribution {
        workspace,
        subject,
        origin,
        batch,
        line,
        payer,
        period: contribution.period.to_yyyymm(),
        planilla_type: contribution.planilla.kind.clone(),
        sealed: key.seal(line_context(&row), &contribution.into_bytes())?,
    })
}

fn contributions(
    tx: &mut Tx<'_>,
    key: &DataKey,
    subject: SubjectId,
) -> Result<Vec<Contribution>, ApiError> {
    tx.contributions(subject)?
        .into_iter()
        .map(|stored| {
            let row = line_row(stored.origin, stored.batch, stored.line);
            let bytes = key.open(line_context(&row), &stored.sealed)?;
            match bytes.first() {
                // Earlier versions kept JSON.
                Some(b'{') => Ok(serde_json::from_slice(&bytes)?),
                _ => Contribution::from_bytes(&bytes).map_err(ApiError::unexpected),
            }
        })
        .collect()
}

/// Opens a document of the workspace's own, such as an endpoint's address.
pub(crate) fn open_own(
    secrets: &WorkspaceSecrets,
    context: Context<'_>,
    sealed: &Sealed,
) -> Result<Vec<u8>, VaultError> {
    Ok(secrets.data_key().open(context, sealed)?.to_vec())
}
