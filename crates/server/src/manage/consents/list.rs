//! `GET /manage/v1/consents/`

use axum::extract::State;
use axum::response::Response;
use uuid::Uuid;
use vinculo_store::{AuditAction, ConsentFilter, ConsentStatus};

use super::wanted::ConsentFilters;
use super::wire::{WireConsent, by_consent};
use crate::App;
use crate::api::page::PageQuery;
use crate::api::query::Query;
use crate::api::span;
use crate::audit::Entry;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::{CreatedParams, IdParams, Page, PageParams};
use crate::secrets::WorkspaceSecrets;

type Consents = Page<WireConsent>;

/// Consents of the workspace, the last recorded first. A document in an address would be in logs:
/// people are found by their links.
#[utoipa::path(
    get, path = "/manage/v1/consents/", tag = "consents", operation_id = "ListRecordedConsents",
    params(IdParams, ConsentFilters, CreatedParams, PageParams),
    responses((status = 200, description = "A page", body = Consents))
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let secrets = app.secrets(caller.workspace.id)?;
    let now = app.now_micros();
    let filter = filter(&page.query, &secrets, now)?;
    let (workspace, request) = (caller.workspace.id, page.request());
    let read = app.store().read(move |tx| {
        let found = tx.consents(workspace, &filter, request)?;
        let ids: Vec<Uuid> = found.rows.iter().map(|consent| consent.uuid).collect();
        let receipts = tx.receipts_of_consents(workspace, &ids)?;
        Ok::<_, vinculo_store::Error>((found, by_consent(receipts)))
    });
    let (found, receipts) = read.await?;
    let shown = found.rows.iter().map(|consent| {
        let receipts = receipts.get(&consent.uuid).map(Vec::as_slice).unwrap_or_default();
        let told = WireConsent::of(app.all_secrets().vault(), consent, receipts, now)?;
        Ok::<_, ApiError>(serde_json::to_vec(&told)?)
    });
    for consent in &found.rows {
        let entry = Entry::of(AuditAction::ConsentsRead).person(consent.subject);
        caller.trail.read_one(&app, entry.object(consent.uuid)).await?;
    }
    page.answer(found.count, shown.collect::<Result<Vec<_>, _>>()?)
}

fn filter(query: &Query, secrets: &WorkspaceSecrets, now: i64) -> Result<ConsentFilter, ApiError> {
    let index = |ids: Vec<&str>| ids.iter().map(|id| secrets.indexes().external_id(id)).collect();
    Ok(ConsentFilter {
        ids: query.ids("id")?,
        links: query.ids("link")?,
        external_ids: query.any_of("external_id")?.map(index),
        status: query.choice("status", ConsentStatus::parse)?.map(|status| (status, now)),
        created: span::created(query)?,
    })
}
