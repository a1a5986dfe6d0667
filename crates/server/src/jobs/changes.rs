//! What is new about a link: the objects it holds before and after, compared.

use std::collections::HashMap;

use serde_json::{Map, Value};
use vinculo_store::{Link, ObjectFilter, PageRequest, Resource, SealedObject, Tx};
use vinculo_vault::DataKey;

use crate::error::ApiError;
use crate::projection::object_context;

/// Where an employment has its months.
const MONTHS: &str = "salary_and_benefit_details";

/// The objects a link holds, by id, without the moment they were read.
pub(super) struct Held(HashMap<String, Map<String, Value>>);

impl Held {
    /// Reads what the link holds of a resource.
    pub(super) fn read(
        tx: &mut Tx<'_>,
        resource: Resource,
        link: &Link,
        key: &DataKey,
    ) -> Result<Self, ApiError> {
        let filter = ObjectFilter { links: Some(vec![link.uuid]), ..ObjectFilter::default() };
        let all = PageRequest { limit: i64::MAX, offset: 0 };
        let page = tx.objects(resource, link.workspace, &filter, all)?;
        let open = |object: &SealedObject| {
            let bytes = key.open(object_context(resource, object.uuid), &object.sealed)?;
            Ok::<_, ApiError>(comparable(&bytes)?)
        };
        page.rows.iter().map(open).collect::<Result<_, _>>().map(Self)
    }

    /// How many of these documents say something that the link did not hold. A month that has only
    /// grown too old to be shown is no news.
    pub(super) fn news(&self, documents: &[Vec<u8>]) -> Result<usize, ApiError> {
        let mut new = 0;
        for document in documents {
            let (id, document) = comparable(document)?;
            let known = self.0.get(&id).is_some_and(|held| says_no_more(held, &document));
            new += usize::from(!known);
        }
        Ok(new)
    }
}

/// Whether everything `now` says was said before: the same values, and no month that is new or other.
fn says_no_more(before: &Map<String, Value>, now: &Map<String, Value>) -> bool {
    now.iter().all(|(name, value)| match (name.as_str(), value, before.get(name)) {
        (MONTHS, Value::Array(rows), Some(Value::Array(held))) => {
            rows.iter().all(|row| held.contains(row))
        }
        (_, value, held) => held == Some(value),
    })
}

fn comparable(document: &[u8]) -> serde_json::Result<(String, Map<String, Value>)> {
    let mut document: Map<String, Value> = serde_json::from_slice(document)?;
    document.remove("collected_at");
    // It grows with a month that is new, and shrinks when an operator no longer tells of an old one.
    if let Some(Value::Object(employer)) = document.get_mut("employer_data") {
        employer.remove("tenure");
    }
    let id = document.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok((id, document))
}
