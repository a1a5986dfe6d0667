//! Limits (contract 2.10): requests of a key, synchronous deletions of a workspace, and failed
//! logins from an address. They count in this process alone.

mod at_once;
mod lateness;
mod limit;
mod steady;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse as _, Response};
use governor::clock::Clock as _;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use uuid::Uuid;
use vinculo_store::{ApiKeyId, Micros, WorkspaceId};
use vinculo_vault::BlindIndex;

use crate::App;
use crate::api::mode;
use crate::auth::Caller;
use crate::client::Client;
use crate::clock::{Clock, micros};
use crate::config::Config;
use crate::error::ApiError;
use crate::request_id::RequestId;

use at_once::{AtOnce, Inside};
use lateness::Lateness;
use limit::Standing;

pub(crate) use lateness::FirstTry;
pub(crate) use limit::Limit;
pub(crate) use steady::Steady;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Tries to sign in as one user, a minute and at once.
const SIGN_INS_OF_A_USER: u32 = 10;

/// Openings and forms of the consent page with one token, a minute and at once.
const VISITS_OF_A_TOKEN: u32 = 30;

/// What a limit on deletions is kept for: a resource of a workspace, as its route names it.
type Deletions = (WorkspaceId, String);

/// A token of a workspace.
type Token = (WorkspaceId, Uuid);

/// Every limit that is on.
pub(crate) struct Limits {
    requests: Option<Limit<(WorkspaceId, Option<ApiKeyId>)>>,
    deletions: Option<Limit<Deletions>>,
    logins: Option<Limit<IpAddr>>,
    /// Tries to sign in to the dashboard, by address and by user.
    sign_ins: Option<(Limit<IpAddr>, Limit<BlindIndex>)>,
    /// Bad tokens brought to the consent page, by address, and visits with one token.
    visits: Option<(Limit<IpAddr>, Limit<Token>)>,
    /// Links that are being made.
    registrations: AtOnce<WorkspaceId>,
    /// Most of them at once, of one workspace.
    registrations_at_once: usize,
    /// Whose events are told of too late.
    lateness: Lateness,
    /// Addresses that failed too often, and until when they are not listened to.
    barred: Mutex<HashMap<IpAddr, Duration>>,
    clock: Steady,
}

/// How the caller of a request stands, told by the handler's [`Caller`] to the layer around it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told(Arc<OnceLock<Standing>>);

impl Told {
    /// Where the layer around a request waits to be told.
    pub(crate) fn of(parts: &Parts) -> Self {
        parts.extensions.get().cloned().unwrap_or_default()
    }

    fn admit(&self, standing: Standing) -> Result<(), ApiError> {
        // Told twice when a handler asks for its caller twice; the first time counts.
        let _ = self.0.set(standing);
        match standing.refused {
            Some(wait) => Err(ApiError::too_many_requests(wait)),
            None => Ok(()),
        }
    }
}

impl Limits {
    pub(crate) fn new(config: &Config, clock: Arc<dyn Clock>) -> Self {
        let started_at = micros(clock.now());
        let clock = Steady::new(clock);
        Self {
            requests: Limit::new(config.rate_limit_per_minute, &clock),
            deletions: Limit::new(config.delete_limit_per_minute, &clock),
            logins: Limit::new(config.login_failures_per_minute, &clock),
            sign_ins: Limit::new(config.login_failures_per_minute, &clock)
                .zip(Limit::new(SIGN_INS_OF_A_USER, &clock)),
            visits: Limit::new(config.login_failures_per_minute, &clock)
                .zip(Limit::new(VISITS_OF_A_TOKEN, &clock)),
            registrations: AtOnce::default(),
            registrations_at_once: config.registrations_at_once,
            lateness: Lateness::new(started_at),
            barred: Mutex::default(),
            clock,
        }
    }

    /// Lets a caller whose key was verified through, or not. Only what is `allowed` is counted as a
    /// deletion.
    ///
    /// # Errors
    /// 429 when the key has sent too many requests, or the workspace deleted too much.
    pub(crate) fn admit(
        &self,
        parts: &Parts,
        caller: &Caller,
        allowed: bool,
    ) -> Result<(), ApiError> {
        let key = (caller.workspace.id, caller.key);
        let requests = self.requests.as_ref().map(|limit| limit.count(&key));
        // What is refused already is not counted a second time.
        let counts = allowed && requests.is_none_or(|standing| standing.refused.is_none());
        let deletions = counts.then(|| self.deletion(parts, caller)).flatten();
        let tightest = [requests, deletions].into_iter().flatten();
        match tightest.min_by_key(|standing| (standing.refused.is_none(), standing.remaining)) {
            Some(standing) => Told::of(parts).admit(standing),
            None => Ok(()),
        }
    }

    /// As [`Self::admit`], for a request that deletes nothing.
    ///
    /// # Errors
    /// 429 when the key has sent too many requests.
    pub(crate) fn admit_read(&self, told: &Told, caller: &Caller) -> Result<(), ApiError> {
        let key = (caller.workspace.id, caller.key);
        self.requests.as_ref().map_or(Ok(()), |limit| told.admit(limit.count(&key)))
    }

    /// Learns from the first try of an event how late events are.
    pub(crate) fn tried(&self, first: FirstTry) {
        self.lateness.note(first);
    }

    /// A place for a link that is being made, as long as it is.
    ///
    /// # Errors
    /// 503 when the workspace has all it may have, or hears of what it has too late.
    pub(crate) fn registration(
        &self,
        workspace: WorkspaceId,
        now: Micros,
    ) -> Result<Inside<WorkspaceId>, ApiError> {
        if self.lateness.is_late(workspace, now) {
            return Err(ApiError::unavailable("the events of a workspace are late"));
        }
        let most = self.registrations_at_once;
        let place = self.registrations.enter(workspace, most);
        place.ok_or_else(|| {
            ApiError::unavailable(format_args!("{most} links of a workspace are being made"))
        })
    }

    /// Counts a try to sign in, whether or not there is such a user; how long to wait when there
    /// were too many from the address, or for the user.
    pub(crate) fn sign_in(&self, address: Option<IpAddr>, user: &BlindIndex) -> Option<Duration> {
        let (addresses, users) = self.sign_ins.as_ref()?;
        let of_address = address.and_then(|it| addresses.count(&of_one_owner(it)).refused);
        of_address.or_else(|| users.count(user).refused)
    }

    /// Counts a bad token brought to the consent page; how long to wait when there were too many
    /// from the address.
    pub(crate) fn bad_token(&self, address: Option<IpAddr>) -> Option<Duration> {
        let (addresses, _) = self.visits.as_ref()?;
        address.and_then(|it| addresses.count(&of_one_owner(it)).refused)
    }

    /// Counts what is done on the consent page with one token; how long to wait when it was too
    /// much.
    pub(crate) fn visit(&self, workspace: WorkspaceId, token: Uuid) -> Option<Duration> {
        let (_, tokens) = self.visits.as_ref()?;
        tokens.count(&(workspace, token)).refused
    }

    /// Counts a deletion of the public contract that the caller waits for.
    fn deletion(&self, parts: &Parts, caller: &Caller) -> Option<Standing> {
        let limit = self.deletions.as_ref()?;
        let route = parts.extensions.get::<MatchedPath>()?.as_str();
        // Links alone can be deleted without waiting (contract 2.11).
        let waits = !(route == "/api/links/{id}/" && mode::is_async(&parts.headers));
        if parts.method != Method::DELETE || !route.starts_with("/api/") || !waits {
            return None;
        }
        Some(limit.count(&(caller.workspace.id, route.to_owned())))
    }

    /// How much longer an address that failed too often is not listened to.
    fn barred(&self, address: IpAddr) -> Option<Duration> {
        self.logins.as_ref()?;
        let barred = self.barred.lock().unwrap_or_else(PoisonError::into_inner);
        let left = barred.get(&address)?.saturating_sub(self.clock.now());
        (!left.is_zero()).then_some(left)
    }

    fn login_failed(&self, address: IpAddr) {
        let Some(limit) = &self.logins else { return };
        let standing = limit.count(&address);
        if standing.remaining > 0 {
            return;
        }
        let now = self.clock.now();
        let mut barred = self.barred.lock().unwrap_or_else(PoisonError::into_inner);
        barred.retain(|_, until| *until > now);
        barred.insert(address, now + standing.refused.unwrap_or(limit.interval()));
    }
}

/// Counts failed logins, answers those of an address that failed too often with "too many", and tells
/// callers how they stand. A right key is always listened to: keys cannot be guessed, and one stranger
/// must not lock out everybody behind the same proxy.
pub(crate) async fn layer(
    app: &App,
    mut request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let address = request.extensions().get::<Client>().and_then(|client| client.address);
    let asks_for_a_key = needs_a_key(request.uri().path());
    let address = address.map(of_one_owner).filter(|_| asks_for_a_key);
    let id = request.extensions().get::<RequestId>().copied();
    let told = Told::default();
    request.extensions_mut().insert(told.clone());
    // Without a header nothing was guessed, unless the body may hold a key.
    let guess = request.headers().contains_key(AUTHORIZATION) || request.method() == Method::POST;
    let mut response = next(request).await;
    if asks_for_a_key
        && response.status() == StatusCode::UNAUTHORIZED
        && let Some(id) = id
    {
        app.audit().failed(address, id.0, app.now());
    }
    if let Some(address) = address.filter(|_| guess)
        && response.status() == StatusCode::UNAUTHORIZED
    {
        match app.limits().barred(address) {
            Some(wait) => response = ApiError::too_many_requests(wait).into_response(),
            None => app.limits().login_failed(address),
        }
    }
    if let Some(standing) = told.0.get() {
        let headers = response.headers_mut();
        headers.insert(LIMIT, HeaderValue::from(standing.limit));
        headers.insert(REMAINING, HeaderValue::from(standing.remaining));
        headers.insert(RESET, HeaderValue::from(whole_seconds(standing.reset)));
    }
    response
}

/// Seconds, rounded up.
pub(crate) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Somebody who has one IPv6 address has the other 2^64 of its network too.
fn of_one_owner(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
    }
}

fn needs_a_key(path: &str) -> bool {
    path.starts_with("/api/") || path.starts_with("/manage/")
}
