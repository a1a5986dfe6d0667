//! From a projection to the objects of a link, in the wire's shape. Everything here runs inside one
//! write: what it reads cannot change before what it writes is committed.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;
use vinculo_history::{Employment, Owner, Projection};
use vinculo_pila::{Contribution, Document, Month};
use vinculo_store::{Link, NewObject, Resource, Tx};
use vinculo_vault::{BlindIndex, DataKey};

use crate::App;
use crate::clock::{micros, wire_time};
use crate::error::ApiError;
use crate::projection::{Person, object_context, project};
use crate::secrets::WorkspaceSecrets;

/// Months of history on the wire (contract 4.1).
const WIRE_MONTHS: u32 = 24;

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

/// Where the objects of a resource stand: the id and creation time of each, kept or new. New ones are
/// all made at one moment, so that lists keep the order they are stored in.
struct Places {
    known: HashMap<[u8; 32], (Uuid, i64)>,
    now: i64,
}

/// The months a caller wants to see, both ends included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Months {
    pub(crate) first: Month,
    pub(crate) last: Month,
}

impl Months {
    /// The months that a period of two days, `YYYY-MM-DD`, touches.
    pub(crate) fn of((first, last): &(String, String)) -> Option<Self> {
        let month = |day: &str| Month::of(day.parse().ok()?);
        Some(Self { first: month(first)?, last: month(last)? })
    }
}

impl Filling<'_> {
    /// What the wire shows of everything known about the person. `fresh` is what operators said
    /// just now, for a retrieval that keeps nothing.
    pub(crate) fn project(
        &self,
        tx: &mut Tx<'_>,
        fresh: &[Contribution],
    ) -> Result<Projection, ApiError> {
        let (workspace, subject) = (self.link.workspace, self.link.subject);
        let person = Person { workspace, subject, key: self.key };
        project(tx, self.app, &person, fresh, Some(WIRE_MONTHS))
    }

    /// Makes the projection all that the link holds of a resource. Answers how many objects that are,
    /// and the documents of the wanted months, newest first.
    pub(crate) fn put(
        &self,
        tx: &mut Tx<'_>,
        resource: Resource,
        projection: &Projection,
        months: Option<Months>,
    ) -> Result<(usize, Vec<Vec<u8>>), ApiError> {
        let mut places = Places::kept(tx, resource, self)?;
        let objects = self.objects(resource, projection, &mut places)?;
        // Oldest first, so that newest-first lists show the newest employment on top.
        let sealed = objects.iter().rev().map(|object| self.seal(resource, object));
        tx.put_objects(resource, self.link.id, &sealed.collect::<Result<Vec<_>, _>>()?)?;
        let held = objects.len();
        let documents = match months {
            Some(months) => self.documents(resource, &within(projection, months), &mut places)?,
            None => objects.into_iter().map(|object| object.document).collect(),
        };
        Ok((held, documents))
    }

    /// The documents of the wanted months, newest first, with ids that nobody can look up.
    pub(crate) fn show(
        &self,
        resource: Resource,
        projection: &Projection,
        months: Option<Months>,
    ) -> Result<Vec<Vec<u8>>, ApiError> {
        let mut places = Places { known: HashMap::new(), now: self.app.now_micros() };
        match months {
            Some(months) => self.documents(resource, &within(projection, months), &mut places),
            None => self.documents(resource, projection, &mut places),
        }
    }

    fn documents(
        &self,
        resource: Resource,
        projection: &Projection,
        places: &mut Places,
    ) -> Result<Vec<Vec<u8>>, ApiError> {
        let objects = self.objects(resource, projection, places)?;
        Ok(objects.into_iter().map(|object| object.document).collect())
    }

    fn objects(
        &self,
        resource: Resource,
        projection: &Projection,
        places: &mut Places,
    ) -> Result<Vec<Object>, ApiError> {
        let indexes = self.secrets.indexes();
        match resource {
            Resource::Employments => projection
                .employments
                .iter()
                .map(|employment| {
                    let payer = &employment.payer;
                    let index = indexes.payer(payer.kind.code(), &payer.number);
                    places.object(self, index, |at| self.employment(employment, at))
                })
                .collect(),
            Resource::Owners => projection
                .owner
                .iter()
                .map(|owner| {
                    let person = self.person;
                    let index = indexes.lookup_document(person.kind.code(), &person.number);
                    places.object(self, index, |at| self.owner(owner, at))
                })
                .collect(),
        }
    }

    fn seal(&self, resource: Resource, object: &Object) -> Result<NewObject, ApiError> {
        Ok(NewObject {
            uuid: object.uuid,
            workspace: self.link.workspace,
            subject: self.link.subject,
            link: self.link.id,
            object: object.index,
            created_at: object.created_at,
            collected_at: micros(self.collected_at),
            sealed: self.key.seal(object_context(resource, object.uuid), &object.document)?,
        })
    }

    fn employment(&self, employment: &Employment, at: &Stamp) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&WireEmployment {
            id: at.id,
            link: self.link.uuid,
            created_at: &at.created,
            collected_at: &at.collected,
            employer_data: &employment.employer,
            salary_and_benefit_details: &employment.months,
        })
    }

    fn owner(&self, owner: &Owner, at: &Stamp) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&WireOwner {
            id: at.id,
            link: self.link.uuid,
            internal_identification: &self.person.number,
            collected_at: &at.collected,
            created_at: &at.created,
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

/// An object as the wire shows it, and what its row needs.
struct Object {
    uuid: Uuid,
    index: BlindIndex,
    created_at: i64,
    document: Vec<u8>,
}

/// What every object of the wire begins with.
struct Stamp {
    id: Uuid,
    created: String,
    collected: String,
}

impl Places {
    fn kept(tx: &mut Tx<'_>, resource: Resource, filling: &Filling<'_>) -> Result<Self, ApiError> {
        let kept = tx.kept_objects(resource, filling.link.id)?.into_iter();
        let known = kept.map(|kept| (*kept.object.as_bytes(), (kept.uuid, kept.created_at)));
        Ok(Self { known: known.collect(), now: filling.app.now_micros() })
    }

    /// The object at its place, which is made when it has none.
    fn object(
        &mut self,
        filling: &Filling<'_>,
        index: BlindIndex,
        document: impl FnOnce(&Stamp) -> serde_json::Result<Vec<u8>>,
    ) -> Result<Object, ApiError> {
        let app = filling.app;
        let (uuid, created_at) = match self.known.get(index.as_bytes()) {
            Some(&place) => place,
            None => (app.uuid().map_err(ApiError::unexpected)?, self.now),
        };
        self.known.insert(*index.as_bytes(), (uuid, created_at));
        let stamp = Stamp {
            id: uuid,
            created: wire_time(created_at),
            collected: wire_time(micros(filling.collected_at)),
        };
        Ok(Object { uuid, index, created_at, document: document(&stamp)? })
    }
}

/// The employments that have a month inside, with those months alone. Tenure stays what it is.
fn within(projection: &Projection, months: Months) -> Projection {
    let mut cut = projection.clone();
    for employment in &mut cut.employments {
        employment.months.retain(|row| (months.first..=months.last).contains(&row.month));
    }
    cut.employments.retain(|employment| !employment.months.is_empty());
    cut
}
