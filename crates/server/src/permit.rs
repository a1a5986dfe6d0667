//! What a widget token opens. A handler says in its type who may call it: [`Caller`] a key alone,
//! [`Permitted`] a key or a token with the scope, [`OnLink`] the same for the link in the path.

use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde_json::{Value, json};
use uuid::Uuid;
use vinculo_store::{ActorKind, Tx};

use crate::App;
use crate::api::body::JsonObject;
use crate::api::query::PathId;
use crate::audit::{Origin, Trail};
use crate::auth::{Authorization, Caller};
use crate::error::ApiError;
use crate::sandbox;
use crate::tokens::{Scope, WidgetToken};

/// A scope as a type.
pub(crate) trait Scoped {
    const SCOPE: Scope;
}

/// `read_institutions`.
pub(crate) struct ReadInstitutions;
/// `write_links`.
pub(crate) struct WriteLinks;
/// `read_links`.
pub(crate) struct ReadLinks;

impl Scoped for ReadInstitutions {
    const SCOPE: Scope = Scope::ReadInstitutions;
}

impl Scoped for WriteLinks {
    const SCOPE: Scope = Scope::WriteLinks;
}

impl Scoped for ReadLinks {
    const SCOPE: Scope = Scope::ReadLinks;
}

/// A caller with a key, or with a token that carries the scope. Links that are there already are
/// not for it: a token that names one (update mode) neither makes nor sees another.
pub(crate) struct Permitted<S> {
    permit: Permit,
    scope: PhantomData<S>,
}

/// A caller with a key, or with a token that carries the scope and names the link in the path.
pub(crate) struct OnLink<S> {
    /// The link in the path.
    pub(crate) id: Uuid,
    permit: Permit,
    scope: PhantomData<S>,
}

/// Who calls, and with which token.
pub(crate) struct Permit {
    caller: Caller,
    token: Option<WidgetToken>,
    page: Option<Ending>,
}

/// What a page leaves of itself, in the transaction that makes or updates its link.
pub(crate) type Ending = Box<dyn FnOnce(&mut Tx<'_>, Uuid) -> Result<(), ApiError> + Send>;

impl<S: Scoped> FromRequestParts<App> for Permitted<S> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let permit = Permit::with(S::SCOPE, parts, app).await?;
        let of_a_link = permit.link().is_some() && S::SCOPE != Scope::ReadInstitutions;
        if of_a_link {
            return Err(ApiError::denied());
        }
        Ok(Self { permit, scope: PhantomData })
    }
}

impl<S: Scoped> FromRequestParts<App> for OnLink<S> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let permit = Permit::with(S::SCOPE, parts, app).await?;
        let path = PathId::from_request_parts(parts, app).await;
        let named = path.as_ref().is_ok_and(|PathId(id)| permit.link() == Some(*id));
        if permit.token.is_some() && !named {
            return Err(ApiError::denied());
        }
        Ok(Self { id: path?.0, permit, scope: PhantomData })
    }
}

impl<S> Permitted<S> {
    pub(crate) fn into_permit(self) -> Permit {
        self.permit
    }
}

impl<S> OnLink<S> {
    pub(crate) fn into_permit(self) -> Permit {
        self.permit
    }
}

impl Permit {
    /// The person whom a link is about, on a page that was opened with a token that may make or
    /// update it.
    pub(crate) fn of_page(token: WidgetToken, visit: Uuid, origin: Origin, ending: Ending) -> Self {
        let workspace = token.secrets().workspace().clone();
        let trail = Trail::of(workspace.id, (ActorKind::Person, visit), origin);
        let caller = Caller::without_key(workspace, trail);
        Self { caller, token: Some(token), page: Some(ending) }
    }

    async fn with(scope: Scope, parts: &Parts, app: &App) -> Result<Self, ApiError> {
        match Authorization::of(&parts.headers) {
            Some(Authorization::Bearer(token)) => {
                let token = WidgetToken::open(app, &token).await?;
                if !token.claims().scopes.contains(&scope) {
                    return Err(ApiError::denied());
                }
                let workspace = token.secrets().workspace().clone();
                let actor = (ActorKind::Widget, token.claims().jti);
                let trail = Trail::of(workspace.id, actor, Origin::of(parts)?);
                let caller = Caller::without_key(workspace, trail);
                app.limits().admit(parts, &caller, true)?;
                sandbox::admit(&parts.headers, &caller.workspace)?;
                Ok(Self { caller, token: Some(token), page: None })
            }
            given => {
                let caller = Caller::of(app, parts, given).await?;
                sandbox::admit(&parts.headers, &caller.workspace)?;
                Ok(Self { caller, token: None, page: None })
            }
        }
    }

    /// The link that the caller is bound to.
    fn link(&self) -> Option<Uuid> {
        self.token.as_ref().and_then(|token| token.claims().link_id)
    }

    /// A request as the token wants it: what it says about its link wins over the body.
    pub(crate) fn with_defaults(&self, mut body: JsonObject) -> JsonObject {
        let Some(token) = &self.token else { return body };
        let defaults = &token.claims().defaults;
        let resources = defaults.fetch_resources.as_ref();
        let words = resources.map(|all| all.iter().map(|one| one.as_str()).collect::<Vec<_>>());
        for (name, value) in [
            ("external_id", json!(defaults.external_id)),
            ("fetch_resources", json!(words)),
            ("credentials_storage", json!(defaults.credentials_storage)),
            ("stale_in", json!(defaults.stale_in)),
        ] {
            if value != Value::Null {
                body.0.insert(name.to_owned(), value);
            }
        }
        let mode = body.0.entry("access_mode").or_insert(Value::Null);
        if mode.is_null() {
            *mode = json!(defaults.access_mode().as_str());
        }
        body
    }

    /// Uses the token up, if there is one, in the transaction that makes or updates its link, and ends
    /// the page.
    ///
    /// # Errors
    /// 401 when another request was faster.
    pub(crate) fn spend(self, tx: &mut Tx<'_>, link: Uuid) -> Result<(), ApiError> {
        self.token.map_or(Ok(()), |token| token.spend(tx))?;
        self.page.map_or(Ok(()), |end| end(tx, link))
    }
}

impl Deref for Permit {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl<S> Deref for Permitted<S> {
    type Target = Permit;

    fn deref(&self) -> &Permit {
        &self.permit
    }
}

impl<S> Deref for OnLink<S> {
    type Target = Permit;

    fn deref(&self) -> &Permit {
        &self.permit
    }
}
