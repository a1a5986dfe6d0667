//! `POST /manage/v1/subjects/report/`: everything that is known about a person, for the person.

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};
use vinculo_pila::Document;
use vinculo_store::{
    AuditAction, AuditFilter, Environment, ObjectFilter, Origin, PageRequest, Resource, Subject,
    SubjectId, Tx, WorkspaceId,
};
use vinculo_vault::DataKey;

use super::wire::{ErasureReceipt, PersonOfDocument, SubjectReport, person, spellings};
use crate::App;
use crate::api::body::JsonObject;
use crate::api::links::wire::document;
use crate::api::page::json;
use crate::audit::{Entry, Teller, Trail};
use crate::auth::Caller;
use crate::clock::wire_time;
use crate::error::ApiError;
use crate::manage::audit::bring_up_to_date;
use crate::manage::consents::WireConsent;
use crate::once::{About, Claim, Once};
use crate::openapi::OnceParams;
use crate::projection::{KnownLine, Person, contributions, object_context, payer_context};

/// Objects and entries of the log in one report at most; their number is told.
const MOST: PageRequest = PageRequest { limit: 10_000, offset: 0 };

/// Makes a report of everything that is known about a person, and of who has seen it.
///
/// That it was made is noted too.
#[utoipa::path(
    post, path = "/manage/v1/subjects/report/", tag = "subjects", operation_id = "ReportSubject",
    request_body = PersonOfDocument,
    params(OnceParams),
    responses((status = 200, description = "What is known", body = SubjectReport))
)]
pub(crate) async fn report(
    State(app): State<App>,
    caller: Caller,
    once: Once,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let person = person(&body)?;
    let attempt = once.of(&app, &caller, body.raw())?;
    let workspace = caller.workspace.id;
    attempt
        .run(|claim| async move {
            let body = make(&app, caller.trail, workspace, person, Some(claim)).await?;
            Ok(json(StatusCode::OK, body))
        })
        .await
}

/// The report about a person of the organization `default`, for the command line: one JSON document.
///
/// # Errors
/// When the database fails, or something does not open.
pub async fn subject_report(
    app: &App,
    environment: Environment,
    person: Document,
) -> Result<Vec<u8>, ApiError> {
    let workspace = app.secrets_of(environment)?.workspace().id;
    make(app, Trail::console(workspace), workspace, person, None).await
}

async fn make(
    app: &App,
    trail: Trail,
    workspace: WorkspaceId,
    person: Document,
    claim: Option<Claim>,
) -> Result<Vec<u8>, ApiError> {
    bring_up_to_date(app).await?;
    let reader = app.clone();
    let gathered = app.store().read(move |tx| gather(tx, &reader, workspace, &person));
    let (known, report) = gathered.await?;
    let body = serde_json::to_vec(&report)?;
    let (kept, writer) = (body.clone(), app.clone());
    let note = app.store().write(move |tx| {
        let entry = || Entry::of(AuditAction::SubjectReported);
        if known.is_empty() {
            trail.note(tx, &writer, entry())?;
        }
        for (subject, _) in &known {
            trail.note(tx, &writer, entry().person(*subject))?;
        }
        let about =
            known.first().map(|(subject, key)| About { subject: *subject, link: None, key });
        claim.map_or(Ok(()), |claim| claim.record(tx, StatusCode::OK, &kept, about))
    });
    note.await?;
    Ok(body)
}

/// Whom the workspace knows by a document: one person, or two where an earlier version kept a number with the zeros
/// it was written with.
type Known = Vec<(SubjectId, DataKey)>;

/// Reads everything, of whoever is known by the document. Who is unknown may still have been asked about, or erased.
fn gather(
    tx: &mut Tx<'_>,
    app: &App,
    workspace: WorkspaceId,
    person: &Document,
) -> Result<(Known, SubjectReport), ApiError> {
    let secrets = app.secrets(workspace)?;
    let made_at = wire_time(app.now_micros());
    let mut report = SubjectReport { made_at, ..SubjectReport::default() };
    let mut known = Vec::new();
    for document in spellings(person) {
        let (kind, number) = (document.kind.code(), document.number.as_str());
        let index = secrets.indexes().lookup_document(kind, number);
        let erased = secrets.indexes().erased_person(kind, number);
        let receipt = tx.erasure(workspace, &erased)?;
        report.erasure = report.erasure.or(receipt.as_ref().map(ErasureReceipt::of));
        for (cohort, line, received) in tx.cohort_rows_about(workspace, &erased)? {
            let received_at = wire_time(received);
            let row = json!({ "cohort": cohort, "line": line, "received_at": received_at });
            report.cohort_rows.push(row);
        }
        report.source_calls.extend(told_calls(&tx.source_calls_about(workspace, &index)?));
        let Some(Subject { id, key }) = tx.subject(workspace, &index)? else { continue };
        let key = app.all_secrets().vault().unwrap_key(&key)?;
        add_known(tx, app, &Person { workspace, subject: id, key: &key }, &mut report)?;
        known.push((id, key));
    }
    report.known = !known.is_empty() || !report.cohort_rows.is_empty();
    // The newest first, whichever of two they are about.
    report.accesses.sort_by(|one, other| other.created_at.cmp(&one.created_at));
    report.accesses.truncate(usize::try_from(MOST.limit).unwrap_or(usize::MAX));
    Ok((known, report))
}

/// Adds everything that hangs on a person.
fn add_known(
    tx: &mut Tx<'_>,
    app: &App,
    person: &Person<'_>,
    report: &mut SubjectReport,
) -> Result<(), ApiError> {
    let (id, key) = (person.subject, person.key);
    add_links(tx, app, person, report)?;
    report.contributions.extend(told_lines(tx, person)?);
    if let Some(sealed) = tx.payer_record_of(id)? {
        let record = key.open(payer_context(id), &sealed)?;
        report.payer_record = Some(serde_json::from_slice(&record)?);
    }
    for consent in tx.consents_of(id)? {
        report.consents.push(serde_json::to_value(WireConsent::read(tx, app, &consent)?)?);
    }
    report.events.extend(told_events(tx, id)?);
    let filter = AuditFilter { person: Some(id), ..AuditFilter::default() };
    let accesses = tx.audit_entries(person.workspace, &filter, MOST)?;
    report.accesses_count += accesses.count;
    let mut teller = Teller::new(app)?;
    for entry in accesses.rows {
        report.accesses.push(teller.tell(entry)?);
    }
    Ok(())
}

/// Links, their loads, and what was made for them.
fn add_links(
    tx: &mut Tx<'_>,
    app: &App,
    person: &Person<'_>,
    report: &mut SubjectReport,
) -> Result<(), ApiError> {
    let vault = app.all_secrets().vault();
    let links = tx.links_of(person.subject)?;
    let filter = ObjectFilter {
        links: Some(links.iter().map(|link| link.uuid).collect()),
        with_withheld: true,
        ..ObjectFilter::default()
    };
    for link in &links {
        report.links.push(serde_json::from_slice(&document(vault, link)?)?);
    }
    for (resource, told) in
        [(Resource::Employments, &mut report.employments), (Resource::Owners, &mut report.owners)]
    {
        for object in tx.objects(resource, person.workspace, &filter, MOST)?.rows {
            let context = object_context(resource, object.uuid);
            told.push(serde_json::from_slice(&person.key.open(context, &object.sealed)?)?);
        }
    }
    let loads = tx.loads_about(person.subject)?.into_iter().map(|load| {
        json!({
            "link": load.link,
            "trigger": load.trigger.as_str(),
            "resources": load.resources.iter().map(|it| it.as_str()).collect::<Vec<_>>(),
            "request_id": load.request_id.simple().to_string(),
            "state": load.state.as_str(),
            "failure": load.failure,
            "created_at": wire_time(load.created_at),
            "finished_at": load.finished_at.map(wire_time),
        })
    });
    report.loads.extend(loads);
    Ok(())
}

/// Every line, with what brought it.
fn told_lines(tx: &mut Tx<'_>, person: &Person<'_>) -> Result<Vec<Value>, ApiError> {
    let lines = contributions(tx, person)?;
    let mut batches = HashMap::new();
    for &origin in Origin::ALL {
        let ids = lines.iter().map(|known| known.batch).filter(|batch| batch.origin == origin);
        let mut ids: Vec<_> = ids.map(|batch| batch.id).collect();
        ids.dedup();
        let found = tx.batches(person.workspace, origin, &ids)?;
        batches.extend(found.into_iter().map(|batch| ((origin, batch.id), batch)));
    }
    let told = lines.into_iter().map(|KnownLine { batch: key, line, .. }| {
        let batch = batches.get(&(key.origin, key.id));
        let id = batch.map(|batch| batch.uuid);
        json!({
            "import": id.filter(|_| key.origin == Origin::Planilla),
            "source_call": id.filter(|_| key.origin == Origin::Answer),
            "source": batch.and_then(|batch| batch.source.as_deref()),
            "received_at": batch.map(|batch| wire_time(batch.at)),
            "line": line,
        })
    });
    Ok(told.collect())
}

fn told_calls(calls: &[vinculo_store::SourceCall]) -> Vec<Value> {
    let told = calls.iter().map(|call| {
        json!({
            "id": call.uuid,
            "source": call.source,
            "purpose": call.purpose.as_str(),
            "outcome": call.outcome,
            "reason": call.reason,
            "created_at": wire_time(call.created_at),
        })
    });
    told.collect()
}

/// What receivers were told of. Their addresses are the workspace's own, and left out.
fn told_events(tx: &mut Tx<'_>, subject: SubjectId) -> Result<Vec<Value>, ApiError> {
    let mut deliveries: HashMap<i64, Vec<Value>> = HashMap::new();
    for delivery in tx.deliveries_about(subject)? {
        deliveries.entry(delivery.event).or_default().push(json!({
            "endpoint": delivery.endpoint,
            "state": delivery.state.as_str(),
            "attempts": delivery.attempts,
            "last_attempt_at": delivery.last_attempt_at.map(wire_time),
        }));
    }
    let told = tx.events_about(subject)?.into_iter().map(|event| {
        json!({
            "webhook_id": event.webhook_id,
            "webhook_type": event.webhook_type,
            "webhook_code": event.webhook_code,
            "link": event.link,
            "created_at": wire_time(event.created_at),
            "deliveries": deliveries.remove(&event.id).unwrap_or_default(),
        })
    });
    Ok(told.collect())
}
