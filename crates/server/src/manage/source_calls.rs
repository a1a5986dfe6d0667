//! `/manage/v1/links/{id}/source-calls/`: what sources were asked about the person of a link, and what
//! they answered.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use uuid::Uuid;
use vinculo_sources::Outcome;
use vinculo_store::{AuditAction, PageRequest, Resource, SourceCall as Stored, WorkspaceId};

use crate::App;
use crate::api::page::PageQuery;
use crate::api::query::PathId;
use crate::audit::{Entry, Trail};
use crate::auth::Caller;
use crate::clock::wire_time;
use crate::consents::Standing;
use crate::error::ApiError;
use crate::openapi::{IdInPath, Page, PageParams};
use crate::projection::LinkSecrets;
use crate::sources::{KeptAnswer, payload_context};

/// One question to a source.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceCall {
    id: Uuid,
    /// Name of the source, such as `planillas`, `ach` or `sandbox`.
    source: String,
    /// `check`: before a link was accepted; `load`: to fill it.
    purpose: &'static str,
    /// `individual`, or `bulk` for an entry of a job about many people.
    kind: &'static str,
    /// `resolved`, `no_data`, `withheld`, `retry_later`, `invalid_input`, `not_authorized`, `fault`.
    outcome: String,
    /// One word inside the outcome, if it has one.
    #[schema(required)]
    reason: Option<String>,
    /// Status of the source's answer.
    #[schema(required)]
    http_status: Option<i64>,
    /// The source's own code, where it has codes.
    #[schema(required)]
    raw_code: Option<String>,
    /// How long it took.
    latency_ms: f64,
    /// `yes`, `no`, or `unknown` until the source's invoice says.
    billed: String,
    /// Whole pesos.
    cost: i64,
    /// Whether the answer is kept, to be seen at the call itself.
    has_payload: bool,
    #[schema(format = DateTime)]
    created_at: String,
    /// The answer as received, at the call itself; null in lists, and once it is no longer kept.
    #[schema(required)]
    payload: Option<Payload>,
}

/// An answer as received.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Payload {
    /// Media type as sent.
    #[schema(required)]
    content_type: Option<String>,
    /// The body, where it is UTF-8.
    #[schema(required)]
    text: Option<String>,
    /// The body in base64, where it is not.
    #[schema(required)]
    base64: Option<String>,
    /// Whether every line of the person can be read; null for an answer without data, and where the
    /// link no longer stores its document.
    #[schema(required)]
    complete: Option<bool>,
    /// What is odd about it, such as `period_not_readable`.
    notes: Vec<String>,
}

type SourceCalls = Page<SourceCall>;

impl SourceCall {
    fn of(call: Stored, payload: Option<Payload>) -> Self {
        Self {
            id: call.uuid,
            source: call.source,
            purpose: call.purpose.as_str(),
            kind: call.kind.as_str(),
            outcome: call.outcome,
            reason: call.reason,
            http_status: call.http_status,
            raw_code: call.raw_code,
            #[expect(clippy::cast_precision_loss, reason = "no question takes 285 years")]
            latency_ms: call.duration_us as f64 / 1000.0,
            billed: call.billed,
            cost: call.cost,
            has_payload: call.has_payload,
            created_at: wire_time(call.created_at),
            payload,
        }
    }
}

impl Payload {
    /// An answer, and what it is read as.
    fn of(answer: KeptAnswer, read: Option<Outcome>) -> Self {
        let (complete, notes) = match read {
            Some(Outcome::Resolved(answer)) => (Some(answer.complete), answer.notes),
            _ => (None, Vec::new()),
        };
        let (text, base64) = match String::from_utf8(answer.body) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(STANDARD.encode(error.as_bytes()))),
        };
        Self { content_type: answer.content_type, text, base64, complete, notes }
    }
}

/// What sources were asked about the person of a link, for this link or another one of the
/// workspace; newest first.
#[utoipa::path(
    get, path = "/manage/v1/links/{id}/source-calls/", tag = "links",
    operation_id = "ListSourceCalls",
    params(IdInPath, PageParams),
    responses((status = 200, description = "A page", body = SourceCalls))
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let found = read(&app, &caller.trail, caller.workspace.id, id, page.request()).await?;
    let shown = found.rows.into_iter().map(|call| serde_json::to_vec(&SourceCall::of(call, None)));
    page.answer(found.count, shown.collect::<Result<Vec<_>, _>>()?)
}

/// A page of questions about the person of a link that is about to be shown.
///
/// # Errors
/// 404 when there is no such link, and when it cannot be noted.
pub(crate) async fn read(
    app: &App,
    trail: &Trail,
    workspace: WorkspaceId,
    id: Uuid,
    request: PageRequest,
) -> Result<vinculo_store::Page<Stored>, ApiError> {
    let found = app.store().read(move |tx| {
        let link = tx.link(workspace, id)?.ok_or_else(ApiError::not_found)?;
        let found = tx.source_calls(workspace, link.subject, request)?;
        Ok::<_, ApiError>((link, found))
    });
    let (link, found) = found.await?;
    let entry = Entry::of(AuditAction::SourceCallsRead).link(&link);
    let entry = entry.objects(i64::try_from(found.rows.len()).unwrap_or(i64::MAX));
    trail.read_one(app, entry).await?;
    Ok(found)
}

/// One question, with the answer as the source gave it, while that is kept.
///
/// When the person has revoked the consent to anything of it, it is not shown.
#[utoipa::path(
    get, path = "/manage/v1/links/{id}/source-calls/{call}/", tag = "links",
    operation_id = "DetailSourceCall",
    params(IdInPath, ("call" = Uuid, Path, description = "Id of the question")),
    responses((status = 200, description = "The question", body = SourceCall))
)]
pub(crate) async fn detail(
    State(app): State<App>,
    caller: Caller,
    path: Result<Path<(Uuid, Uuid)>, axum::extract::rejection::PathRejection>,
) -> Result<Json<SourceCall>, ApiError> {
    let Path((id, call)) = path.map_err(|_| ApiError::not_found())?;
    let workspace = caller.workspace.id;
    let now = app.now_micros();
    let found = app.store().read(move |tx| {
        let Some(link) = tx.link(workspace, id)? else { return Ok(None) };
        let standing = Standing::of(tx, link.subject)?;
        if Resource::ALL.iter().any(|resource| standing.withholds(*resource, now)) {
            return Err(ApiError::denied());
        }
        let Some(call) = tx.source_call(workspace, link.subject, call)? else { return Ok(None) };
        let payload = tx.source_payload(call.id)?.and_then(|stored| stored.payload);
        Ok::<_, ApiError>(Some((link, call, payload)))
    });
    let (link, call, sealed) = found.await?.ok_or_else(ApiError::not_found)?;
    let entry = Entry::of(AuditAction::SourceCallsRead).link(&link).object(call.uuid);
    caller.trail.read_one(&app, entry).await?;
    let key = app.all_secrets().vault().unwrap_key(&link.key)?;
    let opened = sealed.map(|sealed| key.open(payload_context(call.uuid), &sealed)).transpose()?;
    let person = LinkSecrets::open(&key, link.uuid, &link.sealed)?.document;
    let environment = caller.workspace.environment;
    let payload = opened.and_then(|bytes| KeptAnswer::unpack(&bytes)).map(|answer| {
        let sources = app.sources();
        let read = person
            .as_ref()
            .and_then(|person| sources.reread(environment, &call.source, &answer, person));
        Payload::of(answer, read)
    });
    Ok(Json(SourceCall::of(call, payload)))
}
