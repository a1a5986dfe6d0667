//! Widget tokens (contract 3.6): signed with a key derived for their workspace, never stored.

mod claims;
mod hs512;
mod widget;

use std::sync::Arc;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use vinculo_store::{Environment, UsedToken};

pub(crate) use claims::{Claims, LinkDefaults, Scope, TokenType};
pub(crate) use widget::{Branding, Callbacks, Widget};

use crate::App;
use crate::error::ApiError;
use crate::secrets::WorkspaceSecrets;

/// How long an access token opens something (contract 9, point 13), seconds.
pub(crate) const ACCESS_LIFETIME: i64 = 10 * 60;

/// How long a used token is remembered after its end, microseconds: longer than any request that
/// saw it before its end can take.
pub(crate) const REMEMBERED: i64 = 60 * 60 * 1_000_000;

/// A token whose signature, time and first use were checked.
#[derive(Clone)]
pub(crate) struct WidgetToken {
    secrets: Arc<WorkspaceSecrets>,
    claims: Claims,
}

/// Signs claims with the key of the workspace they are about.
pub(crate) fn sign(secrets: &WorkspaceSecrets, claims: &Claims) -> Result<String, ApiError> {
    hs512::install();
    let key = EncodingKey::from_secret(secrets.indexes().token_key());
    jsonwebtoken::encode(&Header::new(Algorithm::HS512), claims, &key).map_err(ApiError::unexpected)
}

impl WidgetToken {
    /// Opens an access token that still opens something.
    ///
    /// # Errors
    /// 401 when it is no token of this installation, was changed, has ended, is used up, or is no
    /// access token.
    pub(crate) async fn open(app: &App, token: &str) -> Result<Self, ApiError> {
        match Self::recognise(app, token).await? {
            Some((opened, true)) => Ok(opened),
            _ => Err(ApiError::unauthenticated()),
        }
    }

    /// An access token of this installation, also one that has ended or is used up; whether it still
    /// opens something.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn recognise(
        app: &App,
        token: &str,
    ) -> Result<Option<(Self, bool)>, ApiError> {
        let Some(known) = Self::verify(app, token) else { return Ok(None) };
        let opens = has_not_ended(&known.claims, app.now()) && !known.is_used(app).await?;
        Ok(Some((known, opens)))
    }

    /// A token that was recognised before, from what it says.
    pub(crate) fn of(secrets: Arc<WorkspaceSecrets>, claims: Claims) -> Self {
        Self { secrets, claims }
    }

    /// Whether it has made or updated its link.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn is_used(&self, app: &App) -> Result<bool, ApiError> {
        let (workspace, jti) = (self.secrets.workspace().id, self.claims.jti);
        Ok(app.store().read(move |tx| tx.widget_token_is_used(workspace, jti)).await?)
    }

    fn verify(app: &App, token: &str) -> Option<Self> {
        hs512::install();
        // Whose key to check with; nothing else of it is believed yet.
        let claimed: Claims = jsonwebtoken::dangerous::insecure_decode_claims(token).ok()?;
        let environment = Environment::parse(&claimed.environment)?;
        let secrets = app.all_secrets().of_organization(claimed.organization_id, environment)?;
        let key = DecodingKey::from_secret(secrets.indexes().token_key());
        let mut validation = Validation::new(Algorithm::HS512);
        // The library would ask the machine's clock.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation).ok()?.claims;
        (claims.token_type == TokenType::Access).then_some(Self { secrets, claims })
    }

    /// The keys of its workspace.
    pub(crate) fn secrets(&self) -> &WorkspaceSecrets {
        &self.secrets
    }

    /// What it says.
    pub(crate) fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Uses it up, in the transaction that does what it was for.
    ///
    /// # Errors
    /// 401 when another request was faster.
    pub(crate) fn spend(&self, tx: &mut vinculo_store::Tx<'_>) -> Result<(), ApiError> {
        let used = UsedToken {
            workspace: self.secrets.workspace().id,
            jti: self.claims.jti,
            expires_at: self.claims.exp.saturating_mul(1_000_000),
        };
        let first = tx.use_widget_token(&used)?;
        if first { Ok(()) } else { Err(ApiError::unauthenticated()) }
    }
}

fn has_not_ended(claims: &Claims, now: Timestamp) -> bool {
    now.as_second() < claims.exp
}
