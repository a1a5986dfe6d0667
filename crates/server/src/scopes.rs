//! What a key may do: a closed list of words, and which of them each operation needs.
//!
//! [`needed`] is the one table. An operation without a row is served to nobody.

use std::borrow::Cow;
use std::fmt;

use http::Method;
use serde::{Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// A word that a key can hold. The last three stand for several others, and for those that come
/// beside them in later versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Links are read.
    LinksRead,
    /// Links are made, changed, refreshed and deleted.
    LinksWrite,
    /// Employments are read.
    EmploymentsRead,
    /// Employments are asked for and deleted.
    EmploymentsWrite,
    /// Owners are read.
    OwnersRead,
    /// Owners are asked for and deleted.
    OwnersWrite,
    /// Tokens are made for widgets; they open no more than their key.
    Tokens,
    /// The settings of the workspace.
    Settings,
    /// Files are imported.
    Imports,
    /// It is told where an employment comes from.
    Provenance,
    /// People are erased, and admitted again.
    Subjects,
    /// Webhook endpoints and deliveries.
    Webhooks,
    /// Consents.
    Consents,
    /// What was done with which key.
    Audit,
    /// Keys are made, changed and revoked.
    Keys,
    /// Everything of the public contract that only reads.
    Read,
    /// Everything of the public contract that changes something.
    Write,
    /// Everything under `/manage/v1/` that is about no single resource of the contract.
    Manage,
}

use Scope::{
    Audit, Consents, EmploymentsRead, EmploymentsWrite, Imports, Keys, LinksRead, LinksWrite,
    Manage, OwnersRead, OwnersWrite, Provenance, Read, Settings, Subjects, Tokens, Webhooks, Write,
};

/// What an operation asks of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// That it is one: clients probe their login with it, or what it tells is no secret.
    AnyKey,
    /// A scope.
    Scope(Scope),
}

/// What an operation needs, by its method and its route; `None` for one that is not listed here.
pub(crate) fn needed(method: &Method, route: &str) -> Option<Need> {
    // Every GET answers HEAD.
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    let scope = match (method, route) {
        ("GET", "/api/" | "/api/institutions/" | "/api/institutions/{id}/" | "/api/consents/") => {
            return Some(Need::AnyKey);
        }
        ("GET", "/api/links/" | "/api/links/{id}/" | "/manage/v1/links/{id}/") => LinksRead,
        (_, "/manage/v1/links/{id}/source-calls/") => Provenance,
        (_, "/manage/v1/links/{id}/source-calls/{call}/") => Provenance,
        (_, "/manage/v1/sources/" | "/manage/v1/usage/") => Settings,
        (_, "/api/links/" | "/api/links/{id}/" | "/api/links/{id}/refresh/") => LinksWrite,
        (_, "/manage/v1/links/{id}/") => LinksWrite,
        ("GET", "/manage/v1/cohorts/" | "/manage/v1/cohorts/{id}/") => LinksRead,
        ("GET", "/manage/v1/cohorts/{id}/results/") => LinksRead,
        (_, "/manage/v1/cohorts/" | "/manage/v1/cohorts/{id}/") => LinksWrite,
        ("GET", "/api/co/employments/" | "/api/co/employments/{id}/") => EmploymentsRead,
        (_, "/api/co/employments/" | "/api/co/employments/{id}/") => EmploymentsWrite,
        ("GET", "/api/owners/" | "/api/owners/{id}/") => OwnersRead,
        (_, "/api/owners/" | "/api/owners/{id}/") => OwnersWrite,
        (_, "/api/token/") => Tokens,
        (_, "/manage/v1/settings/" | "/manage/v1/retention/" | "/manage/v1/sandbox/") => Settings,
        (_, "/manage/v1/sandbox/advance/" | "/manage/v1/sandbox/reset/") => Settings,
        (_, "/manage/v1/imports/" | "/manage/v1/imports/{id}/") => Imports,
        (_, "/manage/v1/employments/{id}/provenance/") => Provenance,
        (_, "/manage/v1/subjects/erase/" | "/manage/v1/subjects/admit/") => Subjects,
        (_, "/manage/v1/subjects/report/") => Subjects,
        (_, "/manage/v1/consents/" | "/manage/v1/consents/evidence/") => Consents,
        (_, "/manage/v1/consents/revoke/") => Consents,
        (_, "/manage/v1/consents/{id}/" | "/manage/v1/consents/{id}/revoke/") => Consents,
        (_, "/manage/v1/webhook-endpoints/" | "/manage/v1/webhook-endpoints/{id}/") => Webhooks,
        (_, "/manage/v1/webhook-endpoints/{id}/rotate-secret/") => Webhooks,
        (_, "/manage/v1/webhook-endpoints/{id}/test/" | "/manage/v1/egress-addresses/") => Webhooks,
        (_, "/manage/v1/events/" | "/manage/v1/events/{id}/") => Webhooks,
        (_, "/manage/v1/deliveries/" | "/manage/v1/deliveries/{id}/") => Webhooks,
        (_, "/manage/v1/deliveries/replay/" | "/manage/v1/deliveries/{id}/replay/") => Webhooks,
        (_, "/manage/v1/audit/" | "/manage/v1/audit/export/") => Audit,
        (_, "/manage/v1/keys/" | "/manage/v1/keys/{id}/") => Keys,
        (_, "/manage/v1/keys/{id}/rotate/" | "/manage/v1/keys/{id}/retire/") => Keys,
        _ => return None,
    };
    Some(Need::Scope(scope))
}

impl Scope {
    /// Every word, in the order in which they are shown.
    pub const ALL: [Self; 18] = [
        Read,
        Write,
        Manage,
        LinksRead,
        LinksWrite,
        EmploymentsRead,
        EmploymentsWrite,
        OwnersRead,
        OwnersWrite,
        Tokens,
        Settings,
        Imports,
        Provenance,
        Subjects,
        Webhooks,
        Consents,
        Audit,
        Keys,
    ];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LinksRead => "links:read",
            Self::LinksWrite => "links:write",
            Self::EmploymentsRead => "employments:read",
            Self::EmploymentsWrite => "employments:write",
            Self::OwnersRead => "owners:read",
            Self::OwnersWrite => "owners:write",
            Self::Tokens => "tokens",
            Self::Settings => "settings",
            Self::Imports => "imports",
            Self::Provenance => "provenance",
            Self::Subjects => "subjects",
            Self::Webhooks => "webhooks",
            Self::Consents => "consents",
            Self::Audit => "audit",
            Self::Keys => "keys",
            Self::Read => "read",
            Self::Write => "write",
            Self::Manage => "manage",
        }
    }

    /// The scope of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// Itself and what it stands for.
    fn opens(self) -> u32 {
        let others: &[Self] = match self {
            Self::Read => &[LinksRead, EmploymentsRead, OwnersRead],
            Self::Write => &[LinksWrite, EmploymentsWrite, OwnersWrite, Tokens],
            Self::Manage => {
                &[Settings, Imports, Provenance, Subjects, Webhooks, Consents, Audit, Keys]
            }
            _ => &[],
        };
        others.iter().fold(self.bit(), |bits, scope| bits | scope.bit())
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl ToSchema for Scope {
    fn name() -> Cow<'static, str> {
        "Scope".into()
    }
}

impl PartialSchema for Scope {
    fn schema() -> RefOr<Schema> {
        let words = Self::ALL.map(Self::as_str);
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
    }
}

/// The words a key holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Scopes(u32);

impl Scopes {
    /// None.
    pub const NONE: Self = Self(0);

    /// Everything: what a key holds unless told otherwise.
    pub const EVERYTHING: Self = Self(Read.bit() | Write.bit() | Manage.bit());

    /// The words of a stored list. One that a later version wrote opens nothing.
    #[must_use]
    pub fn stored(words: &str) -> Self {
        words.split_ascii_whitespace().filter_map(Scope::parse).collect()
    }

    /// Whether nothing is held.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The words, as they were given.
    pub fn words(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.0 & scope.bit() != 0)
    }

    /// Whether a scope is held, by its own word or by one that stands for it.
    #[must_use]
    pub fn allow(self, scope: Scope) -> bool {
        self.words().any(|word| word.opens() & scope.bit() != 0)
    }

    /// A word of `others` that is not held.
    #[must_use]
    pub fn lack_of(self, others: Self) -> Option<Scope> {
        others.words().find(|word| !self.allow(*word))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.words().map(Scope::as_str).collect();
        f.write_str(&words.join(" "))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for scope in Scope::ALL {
            let held = Scopes::stored(scope.as_str());
            assert_eq!((held.to_string().as_str(), held.allow(scope)), (scope.as_str(), true));
        }
        assert_eq!(Scopes::stored("manage read write"), Scopes::EVERYTHING);
        assert_eq!(Scopes::stored("links:fly  links:read"), Scopes::stored("links:read"));
        assert!(Scopes::stored("Read READ links").is_empty());
    }

    #[test]
    fn everything_is_everything() {
        assert!(Scope::ALL.into_iter().all(|scope| Scopes::EVERYTHING.allow(scope)));
        assert!(!Scope::ALL.into_iter().any(|scope| Scopes::NONE.allow(scope)));
    }

    #[test]
    fn a_broad_word_is_more_than_the_words_it_stands_for() {
        let parts = Scopes::stored("links:read employments:read owners:read");
        assert_eq!(Scopes::stored("read").lack_of(parts), None);
        assert_eq!(parts.lack_of(Scopes::stored("read")), Some(Scope::Read));
        assert!(!Scopes::stored("links:write").allow(Scope::LinksRead));
        assert!(!Scopes::stored("read write").allow(Scope::Keys));
    }
}
