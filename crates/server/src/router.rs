//! Every route of the API, once, and where those of the pages are merged.

use std::convert::{Infallible, identity};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, OriginalUri, Request};
use axum::response::Response;
use axum::routing::future::RouteFuture;
use axum::routing::get;
use axum::{Json, Router};
use futures_util::FutureExt as _;
use futures_util::future::Map;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode, Uri};
use tower::Service as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{consents, employments, institutions, links, owners, root, token};
use crate::around::Around;
use crate::deadline::Deadline;
use crate::error::ApiError;
use crate::manage::{self, cohorts, imports, webhook_endpoints};
use crate::{App, connect, dashboard, docs, health, openapi, postman};

/// The management API without its [`uploads`].
fn manage() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(imports::list))
        .routes(routes!(imports::detail))
        .routes(routes!(cohorts::list))
        .routes(routes!(cohorts::detail, cohorts::cancel))
        .routes(routes!(cohorts::results))
        .routes(routes!(manage::keys::list, manage::keys::create))
        .routes(routes!(manage::keys::detail, manage::keys::change, manage::keys::revoke))
        .routes(routes!(manage::keys::rotate))
        .routes(routes!(manage::keys::retire))
        .routes(routes!(manage::consents::list, manage::consents::create))
        .routes(routes!(manage::consents::evidence))
        .routes(routes!(manage::consents::revoke_all))
        .routes(routes!(manage::consents::detail))
        .routes(routes!(manage::consents::revoke))
        .routes(routes!(manage::links::detail, manage::links::change))
        .routes(routes!(manage::source_calls::list))
        .routes(routes!(manage::source_calls::detail))
        .routes(routes!(manage::sources::list))
        .routes(routes!(manage::usage::list))
        .routes(routes!(manage::provenance::provenance))
        .routes(routes!(manage::sandbox::read))
        .routes(routes!(manage::sandbox::advance))
        .routes(routes!(manage::sandbox::reset))
        .routes(routes!(manage::retention::report))
        .routes(routes!(manage::settings::read, manage::settings::change))
        .routes(routes!(manage::subjects::erase))
        .routes(routes!(manage::subjects::admit))
        .routes(routes!(manage::subjects::report))
        .routes(routes!(manage::audit::list))
        .routes(routes!(manage::audit::export))
        .routes(routes!(webhook_endpoints::list, webhook_endpoints::create))
        .routes(routes!(
            webhook_endpoints::detail,
            webhook_endpoints::change,
            webhook_endpoints::delete
        ))
        .routes(routes!(webhook_endpoints::rotate))
        .routes(routes!(webhook_endpoints::test))
        .routes(routes!(manage::events::list))
        .routes(routes!(manage::events::detail))
        .routes(routes!(manage::deliveries::list))
        .routes(routes!(manage::deliveries::replay))
        .routes(routes!(manage::deliveries::detail))
        .routes(routes!(manage::deliveries::replay_one))
        .routes(routes!(manage::egress::addresses))
}

/// Files, which may be larger than any JSON body and take as long as they take.
fn uploads() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(imports::create)).routes(routes!(cohorts::create))
}

/// The public contract.
fn api() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(root::root))
        .routes(routes!(institutions::list))
        .routes(routes!(institutions::detail))
        .routes(routes!(links::list, links::create, links::resume))
        .routes(routes!(links::detail, links::update, links::modify, links::delete))
        .routes(routes!(links::refresh))
        .routes(routes!(employments::list, employments::create))
        .routes(routes!(employments::detail, employments::delete))
        .routes(routes!(owners::list, owners::create, owners::resume))
        .routes(routes!(owners::detail, owners::delete))
        .routes(routes!(consents::list))
        .routes(routes!(token::create))
}

/// The operations of the contract and of its management, as their handlers describe them.
pub(crate) fn described() -> OpenApi {
    api().merge(manage()).merge(uploads()).into_openapi()
}

/// Their paths, with `{…}` where an id belongs. The OpenAPI document has them too, but is only made for whoever
/// asks for it: it takes some megabytes.
pub(crate) fn paths() -> Vec<String> {
    described().paths.paths.into_keys().collect()
}

/// Where requests come in: what stands before the table of routes. A router around it would do the same, and
/// copy the whole of it and box the answer for each request. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Entrance(Router);

/// What becomes of a request.
pub(crate) type Answered = Map<RouteFuture<Infallible>, fn(Answer) -> Answer>;

type Answer = Result<Response, Infallible>;

impl Entrance {
    /// That of the application: the contract, its description, and what an operator watches.
    pub(crate) fn new(app: &App) -> Self {
        Self(router(app))
    }

    /// Serves one request.
    pub(crate) fn serve(&self, mut request: Request) -> Answered {
        if let Some(uri) = canonical(request.uri()) {
            let given = std::mem::replace(request.uri_mut(), uri);
            request.extensions_mut().insert(OriginalUri(given));
        }
        let finish: fn(Answer) -> Answer =
            if request.method() == Method::OPTIONS { options } else { identity };
        self.0.clone().call(request).map(finish)
    }
}

fn router(app: &App) -> Router {
    let (api, _) = api().split_for_parts();
    let (manage, _) = manage().split_for_parts();
    let (uploads, _) = uploads().split_for_parts();
    let config = app.config();
    let guarded = |longest| {
        (Around(app.clone()), DefaultBodyLimit::max(config.body_limit), Deadline(longest))
    };
    let timed = api
        .merge(manage)
        .merge(dashboard::routes())
        .merge(connect::routes())
        .layer(guarded(config.request_timeout));
    let untimed = uploads
        .merge(dashboard::uploads())
        .route("/api/openapi.json", get(|| async { Json(openapi::document()) }))
        .route("/api/postman.json", get(postman::download))
        .route("/docs", get(docs::page))
        .route("/docs/", get(docs::page))
        .route("/docs/{file}", get(docs::file))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .fallback(|| async { ApiError::not_found() })
        // Uploads have no total deadline; each piece of the body has one (`body_timeout`).
        .layer(guarded(Duration::MAX));
    timed.merge(untimed).with_state(app.clone())
}

/// The answer to OPTIONS, which no route lists, from what the route allows. No CORS headers are sent.
fn options(answer: Answer) -> Answer {
    let mut response = answer?;
    let allowed = response.headers().get(ALLOW).and_then(|allowed| allowed.to_str().ok());
    if response.status() == StatusCode::METHOD_NOT_ALLOWED
        && let Some(Ok(all)) = allowed.map(|allowed| format!("{allowed},OPTIONS").parse())
    {
        let _: Option<HeaderValue> = response.headers_mut().insert(ALLOW, all);
        for about_the_body in [CONTENT_LENGTH, CONTENT_TYPE] {
            response.headers_mut().remove(about_the_body);
        }
        *response.status_mut() = StatusCode::NO_CONTENT;
        *response.body_mut() = Body::empty();
    }
    Ok(response)
}

/// The address as the table of routes has it: encoded slashes decoded (contract 8.4), doubled slashes
/// collapsed, a slash at the end of every path under `/api/` and `/manage/` (2.1; never a redirect,
/// which would lose a POST's body). `None` when it already is.
fn canonical(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if path.ends_with('/') && !path.contains("//") && !path.contains('%') {
        return None;
    }
    let mut fixed = String::with_capacity(path.len() + 1);
    for c in path.replace("%2F", "/").replace("%2f", "/").chars() {
        if c != '/' || !fixed.ends_with('/') {
            fixed.push(c);
        }
    }
    let routed = fixed == "/api" || fixed.starts_with("/api/") || fixed.starts_with("/manage/");
    if routed && !fixed.ends_with('/') && !fixed.ends_with(".json") {
        fixed.push('/');
    }
    if fixed == path {
        return None;
    }
    if let Some(query) = uri.query() {
        fixed.push('?');
        fixed.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = fixed.parse().ok();
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_canonical() {
        for (given, expected) in [
            ("/api/links", Some("/api/links/")),
            ("/api/links?page=2", Some("/api/links/?page=2")),
            ("//api///links//?a=//", Some("/api/links/?a=//")),
            ("/api", Some("/api/")),
            ("/manage/v1/imports", Some("/manage/v1/imports/")),
            ("/%2Fapi%2Flinks", Some("/api/links/")),
            ("/api%2flinks%2F?a=%2F", Some("/api/links/?a=%2F")),
            ("/api/links/", None),
            ("/api/openapi.json", None),
            ("/api/postman.json", None),
            ("/livez", None),
            ("/apiary", None),
        ] {
            let uri: Uri = given.parse().unwrap();
            assert_eq!(canonical(&uri).map(|uri| uri.to_string()).as_deref(), expected, "{given}");
        }
    }
}
