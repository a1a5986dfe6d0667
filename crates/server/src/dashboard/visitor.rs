//! Who looks at a page: a stranger, or somebody who is signed in.

use std::net::IpAddr;

use axum::extract::{FromRequestParts, MatchedPath, RawPathParams};
use http::HeaderValue;
use http::header::{COOKIE, ORIGIN, REFERER};
use http::request::Parts;
use url::Url;
use uuid::Uuid;
use vinculo_store::{Environment, WorkspaceId};
use vinculo_vault::random_secret;

use std::sync::Arc;

use super::back;
use super::page::{Inside, Shell};
use super::roles::{self, Action};
use super::words::Language;
use crate::App;
use crate::audit::{Origin, Trail};
use crate::client::{self, Client};
use crate::error::ApiError;
use crate::people::{self, Signed};
use crate::request_id::RequestId;
use crate::secrets::WorkspaceSecrets;

/// The cookie of a session, and the one that forms of strangers are bound to.
const SESSION: &str = "vinculo_session";
const FORM: &str = "vinculo_form";

/// Parts of the navigation beside the beginning.
const SECTIONS: [&str; 9] = [
    "links",
    "imports",
    "cohorts",
    "keys",
    "webhooks",
    "deliveries",
    "audit",
    "settings",
    "account",
];

/// What a request says about whoever sends it.
pub(crate) struct Visit {
    pub(crate) language: Language,
    pub(crate) address: Option<IpAddr>,
    pub(crate) request: Uuid,
    pub(crate) origin: Origin,
    /// Path and query.
    pub(super) here: String,
    /// Whether a page is looked at, and not a form sent.
    looks: bool,
    base: Option<Url>,
    referer: Option<String>,
    written_origin: Option<String>,
    session: Option<String>,
    form: Option<String>,
}

/// Somebody who is signed in, and whose role allows what the route does.
pub(super) struct Visitor {
    pub(super) visit: Visit,
    pub(super) signed: Signed,
    pub(super) secrets: Arc<WorkspaceSecrets>,
    pub(super) trail: Trail,
    pub(super) language: Language,
    pub(super) email: String,
    form: String,
    once: Uuid,
}

impl FromRequestParts<App> for Visit {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let text = |name| parts.headers.get(name).and_then(|it: &HeaderValue| it.to_str().ok());
        let id = parts.extensions.get::<RequestId>().map(|id| id.0);
        Ok(Self {
            language: Language::of(&parts.headers),
            address: parts.extensions.get::<Client>().and_then(|client| client.address),
            request: id.ok_or_else(|| ApiError::unexpected("a request without an id"))?,
            origin: Origin::of(parts)?,
            here: parts.uri.to_string(),
            looks: parts.method.is_safe(),
            referer: text(REFERER).map(str::to_owned),
            base: client::base(parts, app),
            written_origin: text(ORIGIN).map(str::to_owned),
            session: cookie(parts, SESSION),
            form: cookie(parts, FORM),
        })
    }
}

/// The cookie of this name.
pub(crate) fn cookie(parts: &Parts, wanted: &str) -> Option<String> {
    let all = parts.headers.get_all(COOKIE).iter().filter_map(|it| it.to_str().ok());
    let mut pairs = all.flat_map(|all| all.split(';')).filter_map(|pair| pair.split_once('='));
    let found = pairs.find(|(name, _)| name.trim() == wanted);
    found.map(|(_, value)| value.trim().to_owned())
}

impl Visit {
    /// Whether a form was sent by a page of this server: browsers say which site a form is of.
    pub(crate) fn is_of_this_site(&self) -> bool {
        let written = self.written_origin.as_deref().and_then(|it| Url::parse(it).ok());
        let (Some(written), Some(base)) = (written, &self.base) else { return false };
        // Scheme apart: a proxy that nobody trusts may have taken TLS off.
        !written.authority().is_empty() && written.authority() == base.authority()
    }

    /// Whether the browser still has the cookie of a session, which may have ended.
    pub(super) fn had_session(&self) -> bool {
        self.session.is_some()
    }

    /// The page of the dashboard that the browser was at before.
    pub(super) fn before(&self) -> Option<String> {
        back::before(self.referer.as_deref()?, self.base.as_ref()?)
    }

    /// Whether a form to this address may be shown again in another page: none with passwords, and
    /// none that is only for the session that has ended.
    pub(super) fn may_be_kept(&self) -> bool {
        let own = ["/account/", "/sign-out", "/language"];
        back::page(&self.here).is_some_and(|page| !own.iter().any(|it| page.contains(it)))
    }

    /// Whether a stranger's form carries what its cookie asks for.
    pub(super) fn holds(&self, app: &App, given: &str) -> Result<bool, ApiError> {
        let keys = app.all_secrets().vault().user_keys()?;
        Ok(self.form.as_deref().is_some_and(|cookie| keys.is_form(cookie, given)))
    }

    /// What a stranger's form is to carry, and the cookie it is bound to when there was none.
    pub(super) fn form(&self, app: &App) -> Result<(String, Option<HeaderValue>), ApiError> {
        let keys = app.all_secrets().vault().user_keys()?;
        if let Some(cookie) = &self.form {
            return Ok((keys.form(cookie), None));
        }
        let cookie = random_secret(app.random()).map_err(ApiError::unexpected)?;
        Ok((keys.form(&cookie), Some(self.set(FORM, &cookie, "")?)))
    }

    /// The header that begins a session in the browser.
    pub(super) fn begin(&self, token: &str) -> Result<HeaderValue, ApiError> {
        self.set(SESSION, token, "")
    }

    /// The header that ends it.
    pub(super) fn end(&self) -> Result<HeaderValue, ApiError> {
        self.set(SESSION, "", "; Max-Age=0")
    }

    /// Whether the server is reached by HTTPS.
    pub(crate) fn is_over_tls(&self) -> bool {
        self.base.as_ref().is_some_and(|base| base.scheme() == "https")
    }

    fn set(&self, name: &str, value: &str, more: &str) -> Result<HeaderValue, ApiError> {
        let secure = if self.is_over_tls() { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path=/dashboard; HttpOnly; SameSite=Lax{secure}{more}");
        HeaderValue::from_str(&text).map_err(ApiError::unexpected)
    }

    /// Base URL of the server, for examples.
    pub(super) fn base(&self) -> String {
        let base = self.base.as_ref().map(|base| base.as_str().trim_end_matches('/').to_owned());
        base.unwrap_or_default()
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let visit = Visit::from_request_parts(parts, app).await?;
        let token = visit.session.as_deref().ok_or_else(ApiError::unauthenticated)?;
        let signed = people::signed_in(app, token, !is_renewal(parts))
            .await?
            .ok_or_else(ApiError::unauthenticated)?;
        let route = parts.extensions.get::<MatchedPath>().map(|route| route.as_str().to_owned());
        let action = route.and_then(|route| roles::needed(&parts.method, &route));
        let action = action.ok_or_else(|| ApiError::unexpected("a route without a role"))?;
        let environment = environment(parts, app).await?;
        let found = app.all_secrets().of_organization(signed.user.organization, environment);
        let secrets = found.ok_or_else(|| ApiError::unexpected("a user without workspaces"))?;
        let chosen = signed.user.language.as_deref().and_then(Language::parse);
        let visitor = Self {
            trail: Trail::user(secrets.workspace().id, signed.user.uuid, visit.origin.clone()),
            language: chosen.unwrap_or(visit.language),
            email: people::address_of(app, &signed.user)?,
            form: app.all_secrets().vault().user_keys()?.form(token),
            once: app.uuid().map_err(ApiError::unexpected)?,
            secrets,
            signed,
            visit,
        };
        if let Some(inside) = parts.extensions.get::<Inside>() {
            inside.put(visitor.shell(section(parts.uri.path())));
        }
        if !roles::may(visitor.signed.user.role, action) {
            return Err(ApiError::denied());
        }
        Ok(visitor)
    }
}

/// The part of the navigation that an address belongs to.
fn section(path: &str) -> &'static str {
    let word = path.split('/').nth(3).unwrap_or_default();
    SECTIONS.into_iter().find(|section| *section == word).unwrap_or("home")
}

/// Whether a page asks for itself, and nobody may be sitting before it.
fn is_renewal(parts: &Parts) -> bool {
    parts.headers.contains_key("x-renewal")
}

/// The environment of the path. What is of none is noted in production, as signing in is.
async fn environment(parts: &mut Parts, app: &App) -> Result<Environment, ApiError> {
    let params = RawPathParams::from_request_parts(parts, app).await;
    let params = params.map_err(|_| ApiError::not_found())?;
    match params.iter().find(|(name, _)| *name == "environment") {
        Some((_, word)) => Environment::parse(word).ok_or_else(ApiError::not_found),
        None => Ok(Environment::Production),
    }
}

impl Visitor {
    /// The workspace that the page is about.
    pub(super) fn workspace(&self) -> WorkspaceId {
        self.secrets.workspace().id
    }

    /// Whether a form carries what the session asks for.
    pub(super) fn holds(&self, app: &App, given: &str) -> Result<bool, ApiError> {
        let keys = app.all_secrets().vault().user_keys()?;
        Ok(self.visit.session.as_deref().is_some_and(|token| keys.is_form(token, given)))
    }

    /// The address of a page of the same environment; `rest` begins with a slash.
    pub(super) fn path(&self, rest: &str) -> String {
        format!("/dashboard/{}{rest}", self.secrets.workspace().environment)
    }

    /// What is around a page of this section.
    pub(super) fn shell(&self, section: &'static str) -> Shell {
        let environment = self.secrets.workspace().environment;
        let may = |action| roles::may(self.signed.user.role, action);
        // What answers a form is not looked at again: its list is.
        let list = if section == "home" { String::new() } else { format!("/{section}") };
        let here = if self.visit.looks { self.visit.here.clone() } else { self.path(&list) };
        Shell {
            w: self.language.words(),
            language: self.language,
            d: self.language.data_words(),
            section,
            environment: environment.as_str(),
            email: self.email.clone(),
            organization: self.signed.user.organization_name.clone(),
            role: self.signed.user.role,
            form: self.form.clone(),
            once: self.once,
            here,
            sees_people: may(Action::SeePeople),
            changes_people: may(Action::ChangePeople),
            sees_keys: may(Action::SeeKeys),
            changes_keys: may(Action::ChangeKeys),
            sees_webhooks: may(Action::SeeWebhooks),
            changes_webhooks: may(Action::ChangeWebhooks),
            changes_settings: may(Action::ChangeSettings),
            sees_audit: may(Action::SeeAudit),
        }
    }
}
