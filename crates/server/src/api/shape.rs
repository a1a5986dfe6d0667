//! `fields` and `omit` (contract 2.4): which top-level keys of an object are shown. Nested objects
//! come whole, unknown names are ignored.

use serde_json::{Map, Value};

use super::query::Query;

/// The keys a client wants, and those it does not.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    only: Option<Vec<String>>,
    without: Vec<String>,
}

impl Shape {
    /// Reads `fields` and `omit`.
    pub(crate) fn of(query: &Query) -> Self {
        let names = |name| {
            let list = query.list(name)?;
            Some(list.into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        Self { only: names("fields"), without: names("omit").unwrap_or_default() }
    }

    /// Whether nothing is left out.
    pub(crate) fn is_whole(&self) -> bool {
        self.only.is_none() && self.without.is_empty()
    }

    /// A document with only the wanted keys, in their order.
    ///
    /// # Errors
    /// When the document is no JSON object.
    pub(crate) fn apply(&self, document: Vec<u8>) -> serde_json::Result<Vec<u8>> {
        if self.is_whole() {
            return Ok(document);
        }
        let mut object: Map<String, Value> = serde_json::from_slice(&document)?;
        object.retain(|name, _| {
            self.only.as_ref().is_none_or(|only| only.contains(name))
                && !self.without.contains(name)
        });
        serde_json::to_vec(&object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_kept_and_dropped() {
        let document = br#"{"id":1,"link":2,"employer_data":{"id":3}}"#.to_vec();
        for (query, expected) in [
            ("", r#"{"id":1,"link":2,"employer_data":{"id":3}}"#),
            ("fields=id,link", r#"{"id":1,"link":2}"#),
            ("fields=employer_data&fields=unknown", r#"{"employer_data":{"id":3}}"#),
            ("omit=employer_data", r#"{"id":1,"link":2}"#),
            ("fields=id,link&omit=id", r#"{"link":2}"#),
        ] {
            let shaped = Shape::of(&Query::parse(query)).apply(document.clone()).unwrap();
            assert_eq!(String::from_utf8(shaped).unwrap(), expected, "{query}");
        }
    }
}
