//! Keys on the wire.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use vinculo_store::Micros;

use crate::api::body::{Fields, JsonObject, shown};
use crate::clock::micros;
use crate::error::{ApiError, ErrorItem};
use crate::keys::{KeyStatus, LONGEST_NAME, Networks, Terms, parse_network};
use crate::scopes::{Scope, Scopes};

const NAMES: [&str; 4] = ["name", "scopes", "allow_list", "expires_at"];

/// Networks that a key can name.
const MOST_NETWORKS: usize = 100;

/// A key with a password that was just made.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct KeyWithPassword {
    #[serde(flatten)]
    key: KeyStatus,
    /// Shown this once. A repeated request with an `Idempotency-Key` gets null.
    secret_password: Option<String>,
}

/// What a key is to allow. Other names are refused.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({ "name": "scoring", "scopes": ["read"], "allow_list": ["192.0.2.0/24"] }))]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(crate) struct KeyRequest {
    /// What you call it, one line of at most 256 characters.
    #[schema(max_length = 256)]
    name: Option<String>,
    /// What it opens, at least one word. A new key opens everything unless told otherwise.
    #[schema(min_items = 1)]
    scopes: Option<Vec<Scope>>,
    /// Addresses and networks it may be used from, at most 100; none is everywhere.
    #[schema(max_items = 100, example = json!(["192.0.2.7", "2001:db8::/32"]))]
    allow_list: Option<Vec<String>>,
    /// When it ends; null is never.
    #[schema(format = DateTime, example = "2027-01-31T00:00:00Z")]
    expires_at: Option<String>,
}

/// Two bodies: the one with the password, and the one that is kept for repeats.
pub(super) fn with_password(key: KeyStatus, password: String) -> Result<[Vec<u8>; 2], ApiError> {
    let mut answer = KeyWithPassword { key, secret_password: Some(password) };
    let shown = serde_json::to_vec(&answer)?;
    answer.secret_password = None;
    Ok([shown, serde_json::to_vec(&answer)?])
}

/// What a request names of a key's terms.
pub(crate) struct Wanted {
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
    pub(crate) fn read(body: &JsonObject, now: Micros) -> Result<Self, ApiError> {
        let mut fields = Fields::new(body);
        let unknown = fields.names().find(|name| !NAMES.contains(name));
        if let Some(name) = unknown {
            let message = format!("A key has no {}.", shown(name));
            fields.refuse(ErrorItem::field("invalid", shown(name), message));
        }
        let wanted = Self {
            name: fields.optional_line("name", LONGEST_NAME),
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
    pub(crate) fn onto(self, terms: Terms) -> Terms {
        Terms {
            name: self.name.unwrap_or(terms.name),
            scopes: self.scopes.unwrap_or(terms.scopes),
            networks: self.networks.unwrap_or(terms.networks),
            expires_at: self.expires_at.unwrap_or(terms.expires_at),
        }
    }
}

fn scopes(fields: &mut Fields<'_>) -> Option<Scopes> {
    let given = fields.optional_list("scopes")?;
    if given.is_empty() {
        fields.refuse(ErrorItem::field("empty", "scopes", "This list may not be empty."));
    }
    let mut scopes = Vec::new();
    for item in given {
        let Some(scope) = item.as_str().and_then(Scope::parse) else {
            refuse_item(fields, "invalid_choice", "scopes", item, "is not a valid choice.");
            break;
        };
        scopes.push(scope);
    }
    Some(scopes.into_iter().collect())
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
        let Some(Ok(network)) = item.as_str().map(parse_network) else {
            let what = "is no address or network, such as 10.0.0.7 or 10.0.0.0/8.";
            refuse_item(fields, "invalid", "allow_list", item, what);
            continue;
        };
        networks.push(network);
    }
    Some(networks.into_iter().collect())
}

fn refuse_item(
    fields: &mut Fields<'_>,
    code: &'static str,
    name: &'static str,
    item: &Value,
    what: &str,
) {
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
