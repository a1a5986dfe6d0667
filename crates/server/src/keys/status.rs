//! A key as it is shown to whoever manages it.

use serde::Serialize;
use uuid::Uuid;
use vinculo_store::{ListedKey, Micros};

use super::{NetworkError, Terms};
use crate::clock::wire_time;
use crate::scopes::Scope;

/// A key, without its password.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ManagedKey, example = json!({
    "id": "5c1d7b8e-2f64-4b0c-9a55-0f3c1d2e4b6a", "name": "scoring", "scopes": ["read"],
    "allow_list": ["192.0.2.0/24"], "expires_at": null,
    "created_at": "2026-11-24T12:00:00.000000Z", "last_used_at": null, "passwords": 1,
    "old_password_until": null
}))]
pub struct KeyStatus {
    /// Secret ID.
    pub id: Uuid,
    /// What you call it.
    pub name: String,
    /// What it opens.
    pub scopes: Vec<Scope>,
    /// Networks it may be used from; none is everywhere.
    pub allow_list: Vec<String>,
    /// When it opens nothing any more; null is never.
    pub expires_at: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// When it was last used, to the minute.
    pub last_used_at: Option<String>,
    /// How many passwords open it: 2 from a rotation until the old one is retired.
    pub passwords: u8,
    /// When the old one of two is retired by itself.
    pub old_password_until: Option<String>,
}

impl KeyStatus {
    /// What is shown of a stored key.
    ///
    /// # Errors
    /// When its list of networks is none.
    pub(crate) fn of(key: &ListedKey, now: Micros) -> Result<Self, NetworkError> {
        let terms = Terms::of(&key.terms)?;
        let two = has_two_passwords(key, now);
        Ok(Self {
            id: key.secret_id,
            name: terms.name,
            scopes: terms.scopes.words().collect(),
            allow_list: terms.networks.texts().collect(),
            expires_at: terms.expires_at.map(wire_time),
            created_at: wire_time(key.created_at),
            last_used_at: key.last_used_at.map(wire_time),
            passwords: if two { 2 } else { 1 },
            old_password_until: key.old_until.filter(|_| two).map(wire_time),
        })
    }
}

/// Whether the password before the last one still opens a key.
pub(super) fn has_two_passwords(key: &ListedKey, now: Micros) -> bool {
    key.has_old && key.old_until.is_none_or(|until| until > now)
}
