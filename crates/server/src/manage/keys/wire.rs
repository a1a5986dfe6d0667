//! Keys on the wire.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;
use vinculo_store::{ListedKey, Micros};

use crate::api::body::{Fields, JsonObject, shown};
use crate::clock::{micros, wire_time};
use crate::error::{ApiError, ErrorItem};
use crate::keys::{Networks, Terms, has_two_passwords, parse_network};
use crate::scopes::{Scope, Scopes};

const NAMES: [&str; 4] = ["name", "scopes", "allow_list", "expires_at"];

/// Networks that a key can name.
const MOST_NETWORKS: usize = 100;

/// A key, without its password.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ManagedKey, example = json!({
    "id": "5c1d7b8e-2f64-4b0c-9a55-0f3c1d2e4b6a", "name": "scoring", "scopes": ["read"],
    "allow_list": ["192.0.2.0/24"], "expires_at": null,
    "created_at": "2026-11-24T12:00:00.000000Z", "last_used_at": null, "passwords": 1,
    "old_password_until": null
}))]
pub(crate) struct Key {
    /// Secret ID.
    id: Uuid,
    /// What you call it.
    name: String,
    /// What it opens.
    #[schema(value_type = Vec<ScopeName>)]
    scopes: Vec<&'static str>,
    /// Networks it may be used from; none is everywhere.
    allow_list: Vec<String>,
    /// When it opens nothing any more; null is never.
    expires_at: Option<String>,
    created_at: String,
    /// When it was last used, to the minute.
    last_used_at: Option<String>,
    /// How many passwords open it: 2 from a rotation until the old one is retired.
    passwords: u8,
    /// When the old one of two is retired by itself.
    old_password_until: Option<String>,
}

/// A key with a password that was just made.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct KeyWithPassword {
    #[serde(flatten)]
    key: Key,
    /// Shown this once. A repeated request with an `Idempotency-Key` gets null.
    secret_password: Option<String>,
}

/// What a key is to allow. Other names are refused.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({ "name": "scoring", "scopes": ["read"], "allow_list": ["192.0.2.0/24"] }))]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(crate) struct KeyRequest {
    /// What you call it, at most 256 characters.
    #[schema(max_length = 256)]
    name: Option<String>,
    /// What it opens, at least one word. A new key opens everything unless told otherwise.
    #[schema(min_items = 1)]
    scopes: Option<Vec<ScopeName>>,
    /// Addresses and networks it may be used from, at most 100; none is everywhere.
    #[schema(max_items = 100, example = json!(["192.0.2.7", "2001:db8::/32"]))]
    allow_list: Option<Vec<String>>,
    /// When it ends; null is never.
    #[schema(format = DateTime, example = "2027-01-31T00:00:00Z")]
    expires_at: Option<String>,
}

/// A word of the closed list of scopes.
pub(crate) struct ScopeName;

impl ToSchema for ScopeName {
    fn name() -> std::borrow::Cow<'static, str> {
        "Scope".into()
    }
}

impl PartialSchema for ScopeName {
    fn schema() -> RefOr<Schema> {
        let words = Scope::ALL.map(Scope::as_str);
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
    }
}

impl Key {
    pub(super) fn of(key: &ListedKey, now: Micros) -> Result<Self, ApiError> {
        let terms = Terms::of(&key.terms).map_err(ApiError::unexpected)?;
        let two = has_two_passwords(key, now);
        Ok(Self {
            id: key.secret_id,
            name: terms.name,
            scopes: terms.scopes.words().map(Scope::as_str).collect(),
            allow_list: terms.networks.texts().collect(),
            expires_at: terms.expires_at.map(wire_time),
            created_at: wire_time(key.created_at),
            last_used_at: key.last_used_at.map(wire_time),
            passwords: if two { 2 } else { 1 },
            old_password_until: key.old_until.filter(|_| two).map(wire_time),
        })
    }

    /// Two bodies: the one with the password, and the one that is kept for repeats.
    pub(super) fn with_password(self, password: String) -> Result<[Vec<u8>; 2], ApiError> {
        let mut answer = KeyWithPassword { key: self, secret_password: Some(password) };
        let shown = serde_json::to_vec(&answer)?;
        answer.secret_password = None;
        Ok([shown, serde_json::to_vec(&answer)?])
    }
}

/// What a request names of a key's terms.
pub(super) struct Wanted {
    name: Option<String>,
    scopes: Option<Scopes>,
    networks: Option<Networks>,
    expires_at: Option<Option<Micros>>,
}

impl Wanted {
    /// Reads a request.
    ///
    /// # Errors
    /// 400 with every field that is wrong, or that no key has.
    pub(super) fn read(body: &JsonObject, now: Micros) -> Result<Self, ApiError> {
        let mut fields = Fields::new(body);
        let unknown = fields.names().find(|name| !NAMES.contains(name));
        if let Some(name) = unknown {
            let message = format!("A key has no {}.", shown(name));
            fields.refuse(ErrorItem::field("invalid", shown(name).to_owned(), message));
        }
        let wanted = Self {
            name: name(&mut fields),
            scopes: scopes(&mut fields),
            networks: networks(&mut fields),
            expires_at: match body.0.get("expires_at") {
                Some(Value::Null) => Some(None),
                _ => time_to_come(&mut fields, "expires_at", now).map(Some),
            },
        };
        fields.finish()?;
        Ok(wanted)
    }

    /// Terms with what is named here in place of what they had.
    pub(super) fn onto(self, terms: Terms) -> Terms {
        Terms {
            name: self.name.unwrap_or(terms.name),
            scopes: self.scopes.unwrap_or(terms.scopes),
            networks: self.networks.unwrap_or(terms.networks),
            expires_at: self.expires_at.unwrap_or(terms.expires_at),
        }
    }
}

fn name(fields: &mut Fields<'_>) -> Option<String> {
    let name = fields.optional_text("name")?;
    if name.chars().count() > 256 {
        let message = "Ensure this field has no more than 256 characters.";
        fields.refuse(ErrorItem::field("max_length", "name", message));
    }
    Some(name)
}

fn scopes(fields: &mut Fields<'_>) -> Option<Scopes> {
    let mut scopes = Vec::new();
    for item in fields.optional_list("scopes")? {
        match item.as_str().and_then(Scope::parse) {
            Some(scope) => scopes.push(scope),
            None => refuse_item(fields, "scopes", item, "is not a valid choice."),
        }
    }
    let scopes: Scopes = scopes.into_iter().collect();
    if scopes.is_empty() {
        fields.refuse(ErrorItem::field("empty", "scopes", "This list may not be empty."));
    }
    Some(scopes)
}

fn networks(fields: &mut Fields<'_>) -> Option<Networks> {
    let given = fields.optional_list("allow_list")?;
    if given.len() > MOST_NETWORKS {
        let message = "Ensure this list has no more than 100 entries.";
        fields.refuse(ErrorItem::field("max_length", "allow_list", message));
        return None;
    }
    let mut networks = Vec::new();
    for item in given {
        match item.as_str().map(parse_network) {
            Some(Ok(network)) => networks.push(network),
            _ => refuse_item(
                fields,
                "allow_list",
                item,
                "is no address or network, such as 192.0.2.7 or 2001:db8::/32.",
            ),
        }
    }
    Some(networks.into_iter().collect())
}

fn refuse_item(fields: &mut Fields<'_>, name: &'static str, item: &Value, what: &str) {
    let code = if name == "scopes" { "invalid_choice" } else { "invalid" };
    let text = item.as_str().map_or_else(|| item.to_string(), str::to_owned);
    fields.refuse(ErrorItem::field(code, name, format!("\"{}\" {what}", shown(&text))));
}

/// A moment after `now`, if one is given.
pub(super) fn time_to_come(
    fields: &mut Fields<'_>,
    name: &'static str,
    now: Micros,
) -> Option<Micros> {
    let text = fields.optional_text(name)?;
    let message = match text.parse::<Timestamp>().map(micros) {
        Ok(at) if at > now => return Some(at),
        Ok(_) => format!("{} is over.", shown(&text)),
        Err(_) => {
            format!("\"{}\" is not a time, such as 2027-01-31T00:00:00Z.", shown(&text))
        }
    };
    fields.refuse(ErrorItem::field("invalid", name, message));
    None
}
