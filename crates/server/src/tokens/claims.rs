//! What a widget token says (contract 3.6).

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vinculo_store::{AccessMode, Resource};

use super::Widget;
use crate::terms::Storage;

/// What a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    /// Reading institutions.
    ReadInstitutions,
    /// Making a link, or updating the one the token names.
    WriteLinks,
    /// Reading the link the token names.
    ReadLinks,
}

impl Scope {
    /// The scope of this name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "read_institutions" => Some(Self::ReadInstitutions),
            "write_links" => Some(Self::WriteLinks),
            "read_links" => Some(Self::ReadLinks),
            _ => None,
        }
    }
}

/// Which of the two tokens it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TokenType {
    /// Opens what its scopes say.
    Access,
    /// Opens nothing: the contract has no endpoint that takes it.
    Refresh,
}

/// What the link of a token gets, whatever its request says.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct LinkDefaults {
    pub(crate) external_id: Option<String>,
    pub(crate) credentials_storage: Option<String>,
    pub(crate) stale_in: Option<String>,
    #[serde(with = "words")]
    pub(crate) fetch_resources: Option<Vec<Resource>>,
}

impl LinkDefaults {
    /// The mode of a link whose request names none. A recurrent link stores the document (contract
    /// 3.3.3): a token that wants it gone means a single one.
    pub(crate) fn access_mode(&self) -> AccessMode {
        let storage = self.credentials_storage.as_deref().and_then(Storage::parse);
        match storage {
            None | Some(Storage::Store) => AccessMode::Recurrent,
            Some(_) => AccessMode::Single,
        }
    }
}

/// The payload. Times are whole seconds since 1970 UTC.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) token_type: TokenType,
    pub(crate) exp: i64,
    pub(crate) iat: i64,
    /// 32 hexadecimal digits.
    #[serde(with = "uuid::serde::simple")]
    pub(crate) jti: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) organization_id: Uuid,
    pub(crate) organization_name: String,
    pub(crate) environment: String,
    pub(crate) scopes: Vec<Scope>,
    /// Host of the API, without a scheme.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) iss: Option<String>,
    /// The link of update mode.
    pub(crate) link_id: Option<Uuid>,
    #[serde(flatten)]
    pub(crate) defaults: LinkDefaults,
    /// Looks of the consent page, and where it leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) widget: Option<Widget>,
}

/// Resources in the words of the wire.
mod words {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};
    use vinculo_store::Resource;

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub(super) fn serialize<S: Serializer>(
        resources: &Option<Vec<Resource>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let words = resources.as_deref().map(|all| all.iter().map(|r| r.as_str()));
        words.map(Iterator::collect::<Vec<_>>).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<Resource>>, D::Error> {
        let words = Option::<Vec<String>>::deserialize(deserializer)?;
        let parse =
            |word: &String| Resource::parse(word).ok_or_else(|| D::Error::custom("not a resource"));
        words.map(|words| words.iter().map(parse).collect()).transpose()
    }
}
