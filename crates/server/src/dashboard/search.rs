//! What somebody looks for among links. In an address it is sealed: whoever keeps or sees that address
//! learns nothing, and nobody else can open it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use vinculo_vault::{Context, Sealed};

use super::form::Form;
use super::visitor::Visitor;
use crate::error::ApiError;

/// Longest text that can find anything, and one more, characters.
const LONGEST: usize = 257;

/// What somebody looks for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Search {
    /// Otherwise by the number of a document.
    pub(super) by_external_id: bool,
    pub(super) value: String,
}

impl Search {
    pub(super) fn of(form: &Form) -> Self {
        let value = form.get("value").trim().chars().take(LONGEST).collect();
        Self { by_external_id: form.get("by") == "external_id", value }
    }

    /// As it stands in an address of the visitor.
    pub(super) fn seal(&self, visitor: &Visitor) -> Result<String, ApiError> {
        let key = visitor.secrets.data_key();
        let sealed = key.seal(context(visitor), &serde_json::to_vec(self)?)?;
        Ok(URL_SAFE_NO_PAD.encode(sealed.as_bytes()))
    }

    /// Reads it from an address; `None` for one that is not the visitor's, of this environment.
    pub(super) fn open(visitor: &Visitor, address: &str) -> Option<Self> {
        let sealed = Sealed::from_bytes(URL_SAFE_NO_PAD.decode(address).ok()?).ok()?;
        let opened = visitor.secrets.data_key().open(context(visitor), &sealed).ok()?;
        serde_json::from_slice(&opened).ok()
    }
}

fn context(visitor: &Visitor) -> Context<'static> {
    Context::of_uuid("searches", visitor.signed.user.uuid.into_bytes())
}
