//! `POST` to employments and owners: a link is filled while the caller waits, or in the background
//! (contract 3.4.2, 3.5).

use axum::response::Response;
use http::StatusCode;
use jiff::civil::Date;
use uuid::Uuid;
use vinculo_sources::Outcome;
use vinculo_store::{AuditAction, Job, LoadId, LoadState, NewLoad, Resource, Trigger, Tx};

use super::body::{Fields, JsonObject};
use super::links::access::{self, credentials};
use super::mode::Accepted;
use super::page::json;
use super::query::parse_id;
use super::refusal::{self, Asking};
use super::shape::Shape;
use super::span;
use crate::App;
use crate::audit::Entry;
use crate::auth::Caller;
use crate::consents;
use crate::error::{ApiError, ErrorItem};
use crate::jobs::{Attempt, Learned, Retrieval};
use crate::once::{About, Claim, Once};
use crate::sandbox::{self, Wish};
use crate::sources::{Deadlines, counts_as_failed};
use crate::terms::before;

/// The first day that has a month.
const FIRST_DAY: Date = Date::constant(1900, 1, 1);

/// What a caller asks for.
struct Wanted {
    link: Uuid,
    window: Option<(Date, Date)>,
    save_data: bool,
}

/// How it is to be answered.
pub(super) struct Request {
    pub(super) caller: Caller,
    pub(super) resource: Resource,
    pub(super) asynchronous: bool,
    pub(super) request_id: Uuid,
    pub(super) shape: Shape,
    pub(super) wish: Wish,
}

impl Wanted {
    /// Reads the fields; `dated` says whether the operation knows a period, `asynchronous` whether
    /// nobody waits for the objects.
    fn parse(
        today: Date,
        body: &JsonObject,
        dated: bool,
        asynchronous: bool,
    ) -> Result<Self, ApiError> {
        let mut fields = Fields::new(body);
        let link = fields.required_text("link").and_then(|text| {
            parse_id("link", &text).map_err(|error| fields.refuse_all(error)).ok()
        });
        let (from, to) = match dated {
            true => (date(&mut fields, "date_from"), date(&mut fields, "date_to")),
            false => (None, None),
        };
        let save_data = fields.optional_bool("save_data").unwrap_or(true);
        if asynchronous && !save_data {
            let message = "What is retrieved in the background has to be saved: nothing else answers \
                           with it.";
            fields.refuse(ErrorItem::field("validation_error", "save_data", message));
        }
        let window = window(&mut fields, today, from, to);
        fields.finish()?;
        Ok(Self { link: link.unwrap_or_default(), window, save_data })
    }
}

fn date(fields: &mut Fields<'_>, name: &'static str) -> Option<Date> {
    let text = fields.optional_text(name).filter(|text| !text.is_empty())?;
    let day = span::day(&text);
    if day.is_none() {
        fields.refuse(ErrorItem::field("invalid", name, span::WRONG));
    }
    day
}

/// The period, whichever end was left out: from 24 months ago, until today.
fn window(
    fields: &mut Fields<'_>,
    today: Date,
    from: Option<Date>,
    to: Option<Date>,
) -> Option<(Date, Date)> {
    if to.is_some_and(|to| to > today) {
        fields.refuse(ErrorItem::field("validation_error", "date_to", "Bad request"));
    }
    if let Some(from) = from
        && from > to.unwrap_or(today)
    {
        fields.refuse(ErrorItem::field("validation_error", "date_from", "Bad request"));
    }
    if from.is_none() && to.is_none() {
        return None;
    }
    let oldest = today.saturating_sub(jiff::Span::new().months(24));
    let from = from.unwrap_or_else(|| oldest.min(to.unwrap_or(oldest)));
    // Months begin in 1900; nothing is older.
    Some((from.max(FIRST_DAY), to.unwrap_or(today).max(FIRST_DAY)))
}

impl Request {
    /// Answers with the objects found, or with 202.
    pub(super) async fn answer(
        self,
        app: App,
        once: Once,
        body: JsonObject,
    ) -> Result<Response, ApiError> {
        let attempt = once.of(&app, &self.caller, body.raw())?;
        attempt.run(|claim| self.work(app, claim, body)).await
    }

    async fn work(self, app: App, claim: Claim, body: JsonObject) -> Result<Response, ApiError> {
        let workspace = self.caller.workspace.clone();
        let ahead = app.store().read(move |tx| sandbox::months_ahead(tx, &workspace)).await?;
        let dated = self.resource == Resource::Employments;
        let today = sandbox::day(&app, ahead);
        let wanted = Wanted::parse(today, &body, dated, self.asynchronous)?;
        if self.asynchronous {
            self.wish.refuse()?;
            self.begin(&app, &wanted, Some(claim)).await?;
            return Ok(Accepted::answer(Accepted::body(self.request_id)?));
        }
        let load = self.begin(&app, &wanted, None).await?;
        let status = if wanted.save_data { StatusCode::CREATED } else { StatusCode::OK };
        let (shape, wish) = (self.shape, self.wish);
        // What the source says is paid for: it is kept even when the caller has gone.
        let worker = app.clone();
        let work = async move { retrieve(&worker, (load, wish), shape, status, claim).await };
        Ok(json(status, app.complete(work).await?))
    }

    /// Stores the load, and its job when nobody waits for it.
    async fn begin(
        &self,
        app: &App,
        wanted: &Wanted,
        claim: Option<Claim>,
    ) -> Result<LoadId, ApiError> {
        let (workspace, id) = (self.caller.workspace.id, wanted.link);
        let (resource, asynchronous, request_id) =
            (self.resource, self.asynchronous, self.request_id);
        let window = wanted.window.map(|(from, to)| (from.to_string(), to.to_string()));
        let (save_data, trail, writer) = (wanted.save_data, self.caller.trail.clone(), app.clone());
        app.store()
            .write(move |tx| {
                let seen = tx.link(workspace, id)?.ok_or_else(|| unknown_link(id))?;
                tx.lock_subject(seen.subject)?;
                let link = tx.link(workspace, id)?.ok_or_else(|| unknown_link(id))?;
                let (key, secrets) = access::open(&writer, &link)?;
                credentials(&link, secrets)?;
                let now = writer.now_micros();
                consents::permit(tx, &link, &[resource], now)?;
                if !asynchronous {
                    one_at_a_time(tx, &writer, &link, now)?;
                }
                let load = tx.insert_load(&NewLoad {
                    workspace,
                    subject: link.subject,
                    link: link.id,
                    trigger: Trigger::Request,
                    resources: &[resource],
                    request_id,
                    window: window.as_ref().map(|(from, to)| (from.as_str(), to.as_str())),
                    save_data,
                    quiet: false,
                    source_call: None,
                    created_at: now,
                })?;
                trail.note(tx, &writer, Entry::of(retrieval(resource)).link(&link))?;
                if let Some(claim) = claim {
                    tx.enqueue(Job::SyncLink(load), now, now)?;
                    let body = Accepted::body(request_id)?;
                    let about = About { subject: link.subject, link: Some(link.id), key: &key };
                    claim.record(tx, StatusCode::ACCEPTED, &body, Some(about))?;
                }
                Ok(load)
            })
            .await
    }
}

/// The institution takes one session of a person at a time (contract 2.9). One that a process took
/// with it when it died is over by a time, and ends here.
fn one_at_a_time(
    tx: &mut Tx<'_>,
    app: &App,
    link: &vinculo_store::Link,
    now: i64,
) -> Result<(), ApiError> {
    let since = before(now, app.config().longest_retrieval());
    tx.end_lost_requests(link.subject, since, now)?;
    if tx.has_open_request(link.subject, since)? {
        let message = "Impossible to login, a session is already opened with the institution for \
                       these credentials";
        return Err(ApiError::refused("too_many_sessions", message));
    }
    Ok(())
}

/// What it is called when a caller has objects retrieved, and sees them.
fn retrieval(resource: Resource) -> AuditAction {
    match resource {
        Resource::Employments => AuditAction::EmploymentsRetrieved,
        Resource::Owners => AuditAction::OwnersRetrieved,
    }
}

fn unknown_link(id: Uuid) -> ApiError {
    let message = format!("Object with id={id} does not exist.");
    ApiError::bad_request(vec![ErrorItem::field("does_not_exist", "link", message)])
}

/// Fills the link, and answers with the documents of its one resource. Whatever happens, the load has
/// ended afterwards, so that another session can begin.
async fn retrieve(
    app: &App,
    (load, wish): (LoadId, Wish),
    shape: Shape,
    status: StatusCode,
    claim: Claim,
) -> Result<Vec<u8>, ApiError> {
    let done = fill(app, (load, wish), shape, status, claim).await;
    if done.is_err() {
        let now = app.now_micros();
        let end = move |tx: &mut Tx<'_>| {
            tx.finish_load(load, LoadState::Failed, Some("internal"), now)?;
            Ok::<_, ApiError>(())
        };
        app.store().write(end).await?;
    }
    done
}

async fn fill(
    app: &App,
    (load, wish): (LoadId, Wish),
    shape: Shape,
    status: StatusCode,
    claim: Claim,
) -> Result<Vec<u8>, ApiError> {
    let retrieval = Retrieval::read(app, load, Attempt::Attended).await?;
    let mut retrieval = retrieval.ok_or_else(ApiError::not_found)?;
    if !retrieval.is_permitted() {
        return Err(retrieval.closed());
    }
    let learned = retrieval.learn(Deadlines::retrieval(app.config()), &wish).await?;
    if let Some(refusal) = refusal::of(&learned.outcome, learned.held, Asking::Retrieval) {
        refuse(app, retrieval, learned).await?;
        return Err(refusal);
    }
    app.store()
        .write(move |tx| {
            if !retrieval.lock(tx)? || !retrieval.end(tx, LoadState::Done, None)? {
                return Err(retrieval.closed());
            }
            let filled = retrieval.fill(tx, &learned)?;
            let documents = filled.into_iter().flat_map(|filled| filled.documents);
            let body = array(&shape, documents)?;
            claim.record(tx, status, &body, Some(retrieval.about()))?;
            Ok(body)
        })
        .await
}

async fn refuse(app: &App, mut retrieval: Retrieval, learned: Learned) -> Result<(), ApiError> {
    let Learned { outcome, held, .. } = learned;
    app.store()
        .write(move |tx| {
            let open = retrieval.lock(tx)?;
            if !retrieval.end(tx, LoadState::Failed, Some(outcome.code()))? || !open {
                return Ok(());
            }
            match outcome {
                Outcome::InvalidInput(_) => retrieval.refuse(tx),
                outcome if counts_as_failed(&outcome, held) => retrieval.fail(tx),
                _ => Ok(()),
            }
        })
        .await
}

fn array(shape: &Shape, documents: impl Iterator<Item = Vec<u8>>) -> Result<Vec<u8>, ApiError> {
    let mut body = vec![b'['];
    for (place, document) in documents.enumerate() {
        if place > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&shape.apply(document)?);
    }
    body.push(b']');
    Ok(body)
}
