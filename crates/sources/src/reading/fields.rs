//! An object of an answer, key by key. Every key is optional, and unknown ones are ignored.

use serde_json::{Map, Value};
use vinculo_pila::{Document, DocumentKind, Month};

use super::notes::{Note, Notes};
use super::value::{self, Mark};

/// The keys of one object.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// The object in a value, if it is one.
    pub(crate) fn of(value: &'a Value) -> Option<Self> {
        value.as_object().map(Self)
    }

    /// The first of these keys that is there and not null: services correct their spelling.
    fn get(self, keys: &[&str]) -> Option<&'a Value> {
        keys.iter().filter_map(|key| self.0.get(*key)).find(|value| !value.is_null())
    }

    /// Trimmed text; numbers are read as text.
    pub(crate) fn text(self, key: &str) -> Option<String> {
        self.text_of(&[key])
    }

    /// The same under the first of several spellings.
    pub(crate) fn text_of(self, keys: &[&str]) -> Option<String> {
        self.get(keys).and_then(value::text)
    }

    /// Whole pesos; what is no amount is unknown, and noted.
    pub(crate) fn amount(self, key: &str, notes: &mut Notes) -> Option<i64> {
        match value::amount(self.0.get(key)?) {
            Ok(amount) => amount,
            Err(value::NotAnAmount) => {
                notes.add(Note::AmountNotReadable);
                None
            }
        }
    }

    /// Days of a month, 0–30; anything else is unknown, and noted.
    pub(crate) fn days(self, key: &str, notes: &mut Notes) -> Option<u8> {
        let days = self.amount(key, notes)?;
        let days = u8::try_from(days).ok().filter(|days| *days <= 30);
        if days.is_none() {
            notes.add(Note::DaysNotReadable);
        }
        days
    }

    /// Yes or no; `None` when it says neither.
    pub(crate) fn flag(self, key: &str) -> Option<bool> {
        let value = self.get(&[key])?;
        match value::mark(Some(value)) {
            Mark::Set => Some(true),
            Mark::Unset if value::text(value).is_some() => Some(false),
            Mark::Unset | Mark::Other(_) => None,
        }
    }

    /// An object under a key.
    pub(crate) fn object(self, key: &str) -> Option<Self> {
        self.get(&[key]).and_then(Self::of)
    }

    /// A list under a key: absent and null are empty, anything else is none.
    pub(crate) fn list(self, key: &str) -> Option<&'a [Value]> {
        match self.0.get(key) {
            None | Some(Value::Null) => Some(&[]),
            Some(value) => value.as_array().map(Vec::as_slice),
        }
    }
}

/// Whether a number is that of the person; dots, spaces and leading zeros do not matter.
pub(crate) fn same_number(one: &str, other: &str) -> bool {
    plain_number(one) == plain_number(other)
}

/// A document number as it is compared.
pub(crate) fn plain_number(number: &str) -> String {
    value::document_number(number).trim_start_matches('0').to_owned()
}

/// The document of a payer, a NIT without its check digit. `None` without a number.
pub(crate) fn payer(kind: DocumentKind, number: &str) -> Option<Document> {
    let number = value::document_number(number);
    let number = if kind == DocumentKind::Nit { value::nit(number) } else { number };
    (!number.is_empty()).then(|| Document::new(kind, number))
}

/// The month of a year and a month told apart.
pub(crate) fn month(year: Option<&str>, month: Option<&str>) -> Option<Month> {
    Month::new(year?.parse().ok()?, month?.parse().ok()?)
}
