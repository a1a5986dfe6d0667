//! The form of a key: a new one, or one that is changed.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};

use super::form::Form;
use crate::api::body::JsonObject;
use crate::clock::{bogota_day, day_end, wire_time};
use crate::keys::KeyStatus;
use crate::scopes::Scope;

/// Words that stand for several others; the narrower ones are shown on demand.
const BROAD: [Scope; 3] = [Scope::Read, Scope::Write, Scope::Manage];

/// What a form has in its fields.
pub(super) struct Given {
    /// Before the ids of its fields, where a page has several forms: none in the one that problems are about.
    pub(super) prefix: String,
    pub(super) name: String,
    scopes: Vec<String>,
    pub(super) allow_list: String,
    /// The last day, in Bogotá.
    pub(super) expires_at: String,
}

impl Given {
    /// A new key: what the first example needs, and no more.
    pub(super) fn new() -> Self {
        Self {
            prefix: String::new(),
            name: String::new(),
            scopes: [Scope::Read, Scope::Write].map(|it| it.as_str().to_owned()).to_vec(),
            allow_list: String::new(),
            expires_at: String::new(),
        }
    }

    /// A new key, on a page where another form is mended.
    pub(super) fn apart() -> Self {
        Self { prefix: "new-".to_owned(), ..Self::new() }
    }

    /// A key as it is.
    pub(super) fn of_key(key: &KeyStatus) -> Self {
        Self {
            prefix: format!("{}-", key.id),
            name: key.name.clone(),
            scopes: key.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
            allow_list: key.allow_list.join(" "),
            expires_at: last_day(key).map(|day| day.to_string()).unwrap_or_default(),
        }
    }

    /// What was sent.
    pub(super) fn of_form(form: &Form) -> Self {
        let text = |name| form.get(name).to_owned();
        Self {
            prefix: String::new(),
            name: text("name"),
            scopes: words(form, "scopes").map(str::to_owned).collect(),
            allow_list: text("allow_list"),
            expires_at: text("expires_at"),
        }
    }

    /// The broad scopes, and whether they are ticked.
    pub(super) fn broad(&self) -> Vec<(&'static str, bool)> {
        self.ticked(|scope| BROAD.contains(&scope))
    }

    /// The narrower ones.
    pub(super) fn narrow(&self) -> Vec<(&'static str, bool)> {
        self.ticked(|scope| !BROAD.contains(&scope))
    }

    /// Whether a narrow one is ticked.
    pub(super) fn is_narrow(&self) -> bool {
        self.narrow().iter().any(|(_, ticked)| *ticked)
    }

    fn ticked(&self, wanted: impl Fn(Scope) -> bool) -> Vec<(&'static str, bool)> {
        let scopes = Scope::ALL.into_iter().filter(|scope| wanted(*scope)).map(Scope::as_str);
        scopes.map(|word| (word, self.scopes.iter().any(|it| it == word))).collect()
    }
}

/// The body of the same request to the management API. Everything is named: what is empty is taken away.
/// `before` is the key as it was: an end that is shown as the day that was sent stays the moment it is.
pub(super) fn body(form: &Form, before: Option<&KeyStatus>) -> JsonObject {
    let list = |name| words(form, name).map(Value::from).collect::<Value>();
    let mut body = Map::new();
    body.insert("name".to_owned(), Value::from(form.get("name").trim()));
    body.insert("scopes".to_owned(), list("scopes"));
    body.insert("allow_list".to_owned(), list("allow_list"));
    let given = form.get("expires_at").trim();
    let shown = before.and_then(last_day).map(|day| day.to_string());
    if shown.as_deref() != Some(given) {
        let end = given.parse::<Date>().ok().filter(|_| !given.contains('T')).map(day_end);
        let end = end.map(|at| wire_time(at.as_microsecond()));
        let text = end.unwrap_or_else(|| given.to_owned());
        body.insert(
            "expires_at".to_owned(),
            if text.is_empty() { Value::Null } else { text.into() },
        );
    }
    JsonObject::of(body)
}

fn words<'a>(form: &'a Form, name: &str) -> impl Iterator<Item = &'a str> {
    let all = form.all(name).into_iter();
    all.flat_map(|text| text.split([' ', ',', '\n', '\r'])).filter(|word| !word.is_empty())
}

/// The last day on which a key opens.
fn last_day(key: &KeyStatus) -> Option<Date> {
    let end: Timestamp = key.expires_at.as_ref()?.parse().ok()?;
    Some(bogota_day(Timestamp::from_microsecond(end.as_microsecond() - 1).ok()?))
}
