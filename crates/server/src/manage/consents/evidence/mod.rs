//! `POST /manage/v1/consents/evidence/`: everything that shows what a person has allowed, for the person
//! or the authority (Ley 1581 of 2012, article 8 b).

mod page;
mod wire;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, CACHE_CONTROL};
use http::{HeaderMap, HeaderValue};
use vinculo_pila::Document;
use vinculo_store::AuditAction;

use crate::App;
use crate::api::body::JsonObject;
use crate::api::query::Query;
use crate::audit::Entry;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::manage::subjects::{PersonOfDocument, known_spelling, person, spellings};
use crate::once::Once;
use crate::openapi::OnceParams;

use wire::Evidence;

/// In which form the evidence is wanted.
#[derive(Clone, Copy)]
enum Format {
    Json,
    Html,
}

/// Everything that shows what a person has allowed: consents with what was sealed, their receipts with
/// their places in the chain, links, and when which source was asked under which consent.
///
/// As JSON, or as a page in Spanish to be read and printed. After an erasure the receipts are left. It is
/// made anew for every request, also for one with a repeated key.
#[utoipa::path(
    post, path = "/manage/v1/consents/evidence/", tag = "consents", operation_id = "ConsentEvidence",
    request_body = PersonOfDocument,
    params(
        ("format" = Option<String>, Query, description = "`json` or `html`; what `Accept` asks for when not given"),
        OnceParams,
    ),
    responses((status = 200, description = "The evidence", content(
        (Evidence = "application/json"), (String = "text/html")
    )))
)]
pub(crate) async fn evidence(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    _once: Once,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let format = Format::wanted(&headers, &Query::parse(query.as_deref().unwrap_or_default()))?;
    let person = person(&body)?;
    let secrets = app.secrets(caller.workspace.id)?;
    let reader = app.clone();
    let workspace = caller.workspace.id;
    let read = app.store().read(move |tx| {
        let (all, mut known) = (spellings(&person), Vec::new());
        for Document { kind, number } in &all {
            let index = secrets.indexes().lookup_document(kind.code(), number);
            known.extend(tx.subject(workspace, &index)?.map(|subject| subject.id));
        }
        let shown = known_spelling(tx, &secrets, person)?;
        let evidence = Evidence::read(tx, &reader, &secrets, (&shown, &all))?;
        Ok::<_, ApiError>((known, evidence))
    });
    let (known, evidence) = read.await?;
    let entry = || Entry::of(AuditAction::ConsentsEvidenced);
    if known.is_empty() {
        caller.trail.read_one(&app, entry()).await?;
    }
    for person in known {
        caller.trail.read_one(&app, entry().person(person)).await?;
    }
    let mut answer = match format {
        Format::Json => axum::Json(evidence).into_response(),
        Format::Html => page::answer(&evidence),
    };
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

impl Format {
    fn wanted(headers: &HeaderMap, query: &Query) -> Result<Self, ApiError> {
        let named = query.choice("format", |name| match name {
            "json" => Some(Self::Json),
            "html" => Some(Self::Html),
            _ => None,
        })?;
        let accepted = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
        let page = accepted.is_some_and(|accept| accept.contains("text/html"));
        Ok(named.unwrap_or(if page { Self::Html } else { Self::Json }))
    }
}
