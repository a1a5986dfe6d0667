//! Query strings: parameters by name, lists in the encodings that clients use (contract 2.3, and
//! numbered brackets, as PHP writes them). Unknown parameters are ignored.

use std::collections::HashSet;

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use uuid::Uuid;

use crate::App;
use crate::error::{ApiError, ErrorItem};

use super::body::shown;

/// Different values of a filter that a statement looks for at most.
const MOST: usize = 1000;

/// The parsed query of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Parses the part after `?`.
    pub(crate) fn parse(query: &str) -> Self {
        Self { pairs: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect() }
    }

    /// A query of these pairs.
    pub(crate) fn of(pairs: Vec<(String, String)>) -> Self {
        Self { pairs }
    }

    /// The pairs as given.
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// The last value given under a name; an empty one counts as not given.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.pairs.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The values of a list: `a,b`, repeated keys, `key[]`, or `key[0]`.
    pub(crate) fn list(&self, name: &str) -> Option<Vec<&str>> {
        let mut given = self
            .pairs
            .iter()
            .filter(|(key, _)| key.strip_prefix(name).is_some_and(is_index))
            .flat_map(|(_, value)| value.split(','))
            .map(str::trim)
            .filter(|value| !value.is_empty())
            .peekable();
        given.peek()?;
        Some(given.collect())
    }

    /// The values of a list that a statement looks for, each of them once.
    ///
    /// # Errors
    /// 400 `max_length` when there are more than a statement takes.
    fn distinct(&self, name: &str) -> Result<Option<Vec<&str>>, ApiError> {
        let Some(mut values) = self.list(name) else { return Ok(None) };
        let mut seen = HashSet::new();
        values.retain(|value| seen.insert(*value));
        if values.len() > MOST {
            let message = format!("Ensure this list has no more than {MOST} entries.");
            let item = ErrorItem::field("max_length", name.to_owned(), message);
            return Err(ApiError::bad_request(vec![item]));
        }
        Ok(Some(values))
    }

    /// The values under `name` or `name__in`: both given, both must hold. `None` when neither is.
    pub(crate) fn any_of(&self, name: &str) -> Result<Option<Vec<&str>>, ApiError> {
        let one = self.get(name).map(|value| vec![value]);
        Ok(both(one, self.distinct(&format!("{name}__in"))?))
    }

    /// The ids under `name` or `name__in`: both given, both must hold. `None` when neither is.
    pub(crate) fn ids(&self, name: &'static str) -> Result<Option<Vec<Uuid>>, ApiError> {
        let one = self.get(name).map(|value| parse_ids(name, &[value])).transpose()?;
        let among = format!("{name}__in");
        let many = self.distinct(&among)?.map(|values| parse_ids(&among, &values)).transpose()?;
        Ok(both(one, many))
    }

    /// The ids of one list; empty when it is not given.
    pub(crate) fn id_list(&self, name: &'static str) -> Result<Vec<Uuid>, ApiError> {
        parse_ids(name, &self.distinct(name)?.unwrap_or_default())
    }

    /// One of a fixed set of words, if given.
    pub(crate) fn choice<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        self.get(name).map(|value| parse_choice(name, value, &parse)).transpose()
    }

    /// Words of a fixed set in a list.
    pub(crate) fn words<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<Vec<T>>, ApiError> {
        let Some(values) = self.distinct(name)? else { return Ok(None) };
        values
            .iter()
            .map(|value| parse_choice(name, value, &parse))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// Words of a fixed set under `name` or `name__in`: both given, both must hold.
    pub(crate) fn choices<T: PartialEq>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<Vec<T>>, ApiError> {
        let one = self.choice(name, &parse)?.map(|one| vec![one]);
        Ok(both(one, self.words(&format!("{name}__in"), &parse)?))
    }
}

/// What both of two filters let through.
fn both<T: PartialEq>(one: Option<Vec<T>>, many: Option<Vec<T>>) -> Option<Vec<T>> {
    match (one, many) {
        (Some(one), Some(many)) => {
            Some(one.into_iter().filter(|value| many.contains(value)).collect())
        }
        (one, many) => one.or(many),
    }
}

/// Whether this is what stands behind the name of a list: nothing, `[]`, or a place such as `[0]`.
fn is_index(behind: &str) -> bool {
    let place = behind.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    behind.is_empty() || place.is_some_and(|place| place.bytes().all(|b| b.is_ascii_digit()))
}

fn parse_choice<T>(
    name: &str,
    value: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, ApiError> {
    parse(value).ok_or_else(|| {
        let message = format!("\"{}\" is not a valid choice.", shown(value));
        ApiError::bad_request(vec![ErrorItem::field("invalid_choice", name.to_owned(), message)])
    })
}

fn parse_ids(name: &str, values: &[&str]) -> Result<Vec<Uuid>, ApiError> {
    values.iter().map(|value| parse_id(name, value)).collect()
}

/// An id of the wire.
///
/// # Errors
/// 400 `invalid` naming the field and the value.
pub(crate) fn parse_id(name: &str, value: &str) -> Result<Uuid, ApiError> {
    Uuid::try_parse(value).map_err(|_| {
        let message = format!("{} is not a valid UUID.", shown(value));
        ApiError::bad_request(vec![ErrorItem::field("invalid", name.to_owned(), message)])
    })
}

/// The id in a path: one that is no UUID, or no text at all, belongs to nobody.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PathId(pub(crate) Uuid);

impl FromRequestParts<App> for PathId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, app).await;
        let Path(id) = path.map_err(|_| ApiError::not_found())?;
        Uuid::try_parse(&id).map(Self).map_err(|_| ApiError::not_found())
    }
}

/// The number in a path. What is none is read as 0, which belongs to nobody.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PathNumber(pub(crate) i64);

impl FromRequestParts<App> for PathNumber {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let path = Path::<i64>::from_request_parts(parts, app).await;
        Ok(Self(path.map_or(0, |Path(number)| number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_in_four_encodings() {
        for query in [
            "id__in=a,b",
            "id__in=a&id__in=b",
            "id__in[]=a&id__in[]=b",
            "id__in[0]=a&id__in[1]=b",
            "id__in%5B0%5D=a&id__in%5B10%5D=b&id__in[x]=c&id__in_[0]=d",
        ] {
            assert_eq!(Query::parse(query).list("id__in"), Some(vec!["a", "b"]), "{query}");
        }
        assert_eq!(Query::parse("id__in=").list("id__in"), None);
    }

    #[test]
    fn what_is_repeated_is_looked_for_once_and_too_much_is_refused() {
        let query = |many: usize| {
            let ids = (0..many).map(|n| Uuid::from_u128(n as u128).to_string());
            let ids = ids.collect::<Vec<_>>().join(",");
            Query::parse(&format!("link__in={ids}&link__in={ids}"))
        };
        assert_eq!(query(1000).ids("link").unwrap().map(|ids| ids.len()), Some(1000));
        assert_eq!(query(1000).any_of("link").unwrap().map(|ids| ids.len()), Some(1000));
        assert_eq!(query(1000).id_list("link__in").unwrap().len(), 1000);
        let (many, word) = (query(1001), |_: &str| Some(()));
        for refused in [
            many.ids("link").unwrap_err(),
            many.any_of("link").unwrap_err(),
            many.id_list("link__in").unwrap_err(),
            many.words("link__in", word).unwrap_err(),
        ] {
            let told = refused.told();
            assert_eq!(told, "link__in: Ensure this list has no more than 1000 entries.");
        }
    }

    #[test]
    fn one_id_and_a_list_of_ids_both_hold() {
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let both = Query::parse(&format!("link={a}&link__in={a},{b}"));
        assert_eq!(both.ids("link").unwrap(), Some(vec![a]));
        let apart = Query::parse(&format!("link={a}&link__in={b}"));
        assert_eq!(apart.ids("link").unwrap(), Some(Vec::new()));
        assert!(Query::parse("").ids("link").unwrap().is_none());
    }
}
