//! What a token says about the consent page (contract 7.4).

use serde::{Deserialize, Serialize};

/// How the page looks, and where it leads.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Widget {
    pub(crate) callback_urls: Callbacks,
    pub(crate) branding: Branding,
}

/// Where the browser goes in the end.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Callbacks {
    /// After the link was made or updated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) success: Option<String>,
    /// After the person said no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exit: Option<String>,
    /// When the token opens nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) event: Option<String>,
}

/// Who sends the person to the page, as people know it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Branding {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) company_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) company_logo: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) company_terms_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) company_terms_version: Option<String>,
}
