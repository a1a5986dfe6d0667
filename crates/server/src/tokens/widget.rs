//! What a token says about the consent page (contract 7.4).

use serde::{Deserialize, Serialize};

/// How the page looks, and where it leads.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Widget {
    pub(crate) callback_urls: Callbacks,
    pub(crate) branding: Branding,
}

/// Where the browser goes in the end.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Callbacks {
    /// After the link was made or updated.
    pub(crate) success: Option<String>,
    /// After the person said no.
    pub(crate) exit: Option<String>,
    /// When the token opens nothing.
    pub(crate) event: Option<String>,
}

/// Who sends the person to the page, as people know it.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Branding {
    pub(crate) company_name: Option<String>,
    pub(crate) company_logo: Option<String>,
    pub(crate) company_terms_url: Option<String>,
    pub(crate) company_terms_version: Option<String>,
}
