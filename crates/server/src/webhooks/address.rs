//! What is sealed of an endpoint: where it is, what opens it, what its requests are signed with.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vinculo_store::Micros;
use vinculo_vault::{Context, Sealed};
use vinculo_webhook::SigningSecret;

use crate::App;
use crate::error::ApiError;
use crate::projection::open_own;
use crate::secrets::WorkspaceSecrets;

/// Sealed with the workspace's key.
#[derive(Serialize, Deserialize)]
pub(crate) struct Address {
    /// URL to post to.
    pub(crate) url: String,
    /// Value of the `Authorization` header as the customer typed it.
    pub(crate) authorization: Option<String>,
    /// Newest first, [`MOST`] at most that have not ended. An endpoint that was added before requests were signed has none.
    #[serde(default)]
    secrets: Vec<Secret>,
}

#[derive(Serialize, Deserialize)]
struct Secret {
    secret: String,
    /// When it ends, unless it is the newest.
    until: Option<Micros>,
}

/// Secrets that sign at once: the newest, the one that receivers know, and one between them that maybe nobody has
/// seen, because the answer that showed it was lost.
const MOST: usize = 3;

/// What binds an address to its endpoint.
fn context(endpoint: Uuid) -> Context<'static> {
    Context::of_uuid("webhook_endpoints", endpoint.into_bytes())
}

impl Secret {
    /// Whether it has not ended.
    fn signs_at(&self, now: Micros) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

impl Address {
    /// A new endpoint's, without a secret yet.
    pub(super) fn new(url: String, authorization: Option<String>) -> Self {
        Self { url, authorization, secrets: Vec::new() }
    }

    /// Opens an endpoint's address.
    ///
    /// # Errors
    /// When it does not open, or holds something else.
    pub(crate) fn open(
        secrets: &WorkspaceSecrets,
        endpoint: Uuid,
        sealed: &Sealed,
    ) -> Result<Self, ApiError> {
        Ok(serde_json::from_slice(&open_own(secrets, context(endpoint), sealed)?)?)
    }

    /// Seals it for its endpoint.
    pub(super) fn seal(
        &self,
        secrets: &WorkspaceSecrets,
        endpoint: Uuid,
    ) -> Result<Sealed, ApiError> {
        Ok(secrets.data_key().seal(context(endpoint), &serde_json::to_vec(self)?)?)
    }

    /// Makes a new secret, which is answered as its owner keeps it. Those that have not ended go on until
    /// `old_until`, or longer when that was promised; when it is now or past, all of them end.
    pub(super) fn rotate(&mut self, app: &App, old_until: Micros) -> Result<String, ApiError> {
        let mut bytes = [0; SigningSecret::BYTES];
        app.random().fill(&mut bytes).map_err(ApiError::unexpected)?;
        let (secret, now) = (SigningSecret::new(bytes).reveal(), app.now_micros());
        self.secrets.retain(|old| old_until > now && old.signs_at(now));
        for old in &mut self.secrets {
            old.until = Some(old.until.map_or(old_until, |promised| promised.max(old_until)));
        }
        self.secrets.insert(0, Secret { secret: secret.clone(), until: None });
        Ok(secret)
    }

    /// Whether there is anything to sign with.
    pub(super) fn is_signed(&self) -> bool {
        !self.secrets.is_empty()
    }

    /// When the last of those before the newest ends, if it has not.
    pub(super) fn old_secret_until(&self, now: Micros) -> Option<Micros> {
        self.secrets.iter().filter_map(|secret| secret.until).max().filter(|until| *until > now)
    }

    /// When the first of them ends, if there is no room for another before.
    pub(super) fn is_full_until(&self, now: Micros) -> Option<Micros> {
        let live = || self.secrets.iter().filter(|secret| secret.signs_at(now));
        if live().count() < MOST { None } else { live().filter_map(|secret| secret.until).min() }
    }

    /// The signatures of a try that begins at `now`, one for each secret that has not ended.
    pub(crate) fn signatures(&self, id: &str, now: Micros, body: &[u8]) -> Option<String> {
        let live = self.secrets.iter().filter(|secret| secret.signs_at(now));
        let signed = live.filter_map(|secret| {
            Some(SigningSecret::parse(&secret.secret)?.sign(id, now.div_euclid(1_000_000), body))
        });
        let signatures = signed.collect::<Vec<_>>().join(" ");
        (!signatures.is_empty()).then_some(signatures)
    }
}
