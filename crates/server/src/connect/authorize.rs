//! The person says yes.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use vinculo_pila::Document;
use vinculo_store::{ConnectSession, ConnectState, ConsentMethod, ConsentTerms};

use super::guest::{Guest, Posted};
use super::offer::Offer;
use super::session::{Contents, MOST_ATTEMPTS, Refused, Session, Stage, Typed};
use super::show::{self, Problem};
use super::words::{self, Words};
use super::{open, text};
use crate::App;
use crate::api::body::JsonObject;
use crate::api::institutions::PILA;
use crate::api::links;
use crate::audit::Origin;
use crate::clock::{micros, wire_time};
use crate::consents::{Given, Grant};
use crate::dashboard::Form;
use crate::error::ApiError;
use crate::once::Claim;
use crate::permit::{Ending, Permit};
use crate::sandbox::Wish;
use crate::sources;

/// What a request needs when nobody waits for it any more.
struct Asking {
    app: App,
    session: Session,
    offer: Offer,
    person: Document,
    given: Given,
    request: Uuid,
    origin: Origin,
}

/// Reads the form, begins to ask, and shows that it is being asked.
pub(super) async fn authorize(
    State(app): State<App>,
    posted: Posted,
) -> Result<Response, ApiError> {
    let Posted { guest, form, agent } = posted;
    let (now, path) = (app.now_micros(), guest.path());
    if guest.session.stage(now) != Stage::Form || guest.session.token().is_used(&app).await? {
        return Ok(Redirect::to(&path).into_response());
    }
    let Some(offer) = Offer::of(&app, &guest.session, guest.language).await? else {
        return open::over(&guest.session.contents, guest.language, None);
    };
    let typed = Typed {
        document_type: form.get("document_type").to_owned(),
        document_number: form.get("document_number").trim().to_owned(),
    };
    if !form.get("switch").is_empty() {
        return show::ask(&guest, &offer, &typed, Vec::new());
    }
    let person = match person(&typed, &form, &offer, words::of(guest.language)) {
        Ok(person) => person,
        Err(problems) => return wrong(guest, &offer, &typed, problems),
    };
    let given = given(&app, &guest, &offer, &person, agent)?;
    let Guest { mut session, visit, .. } = guest;
    session.contents = Contents { typed: Some(typed), refused: None, ..session.contents };
    let Some(row) = begin(&app, &session).await? else {
        // The same form was sent twice, or one too many: the page says which.
        return Ok(Redirect::to(&path).into_response());
    };
    session.row = row;
    let asking = Asking {
        app: app.clone(),
        session,
        offer,
        person,
        given,
        request: visit.request,
        origin: visit.origin,
    };
    // Nobody waits for the answer but the page, which looks again.
    drop(app.spawn(asking.run()));
    Ok(Redirect::to(&path).into_response())
}

/// The form again; what a source has said before is no longer what is wrong.
fn wrong(
    mut guest: Guest,
    offer: &Offer,
    typed: &Typed,
    problems: Vec<Problem>,
) -> Result<Response, ApiError> {
    guest.session.contents.refused = None;
    show::ask(&guest, offer, typed, problems)
}

/// Who it is about, when the form says all of it.
fn person(
    typed: &Typed,
    form: &Form,
    offer: &Offer,
    w: &'static Words,
) -> Result<Document, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut wrong = |field, text| problems.push(Problem { field, text });
    if form.get("text") != offer.text.hash() {
        wrong("text", w.text_changed);
    }
    let kind = sources::document_kind(&typed.document_type);
    if kind.is_none() {
        wrong("document_type", w.type_missing);
    }
    let person = kind.and_then(|kind| sources::person(kind, &typed.document_number).ok());
    if typed.document_number.is_empty() {
        wrong("document_number", w.number_missing);
    } else if kind.is_some() && person.is_none() {
        wrong("document_number", w.number_wrong);
    }
    if form.get("accept") != "yes" {
        wrong("accept", w.accept_missing);
    }
    person.filter(|_| problems.is_empty()).ok_or(problems)
}

/// The consent that the person gives, with everything that shows it.
fn given(
    app: &App,
    guest: &Guest,
    offer: &Offer,
    person: &Document,
    agent: String,
) -> Result<Given, ApiError> {
    let (row, claims) = (&guest.session.row, &guest.session.contents.claims);
    let branding = &offer.lender.widget.branding;
    let proof = json!({
        "text": offer.text.whole(),
        "text_sha256": offer.text.hash(),
        "shown_at": wire_time(row.created_at),
        "client_address": guest.visit.address,
        "user_agent": agent,
        "session": row.uuid,
        "token": claims.jti.simple(),
        "company_name": branding.company_name,
        "company_terms_url": branding.company_terms_url,
        "company_terms_version": branding.company_terms_version,
    });
    let terms = ConsentTerms {
        resources: offer.resources.clone(),
        source: PILA.to_owned(),
        method: ConsentMethod::ConsentPage,
        text_version: text::VERSION.to_owned(),
        language: guest.language.code().to_owned(),
        granted_at: app.now_micros(),
        expires_at: Some(micros(offer.ends)),
    };
    let purpose = offer.lender.purpose.clone();
    let grant = Grant { person: person.clone(), terms, purpose, proof };
    Ok(Given { consent: app.uuid().map_err(ApiError::unexpected)?, grant })
}

/// Takes the right to ask; `None` when another request was faster, or the source was asked as often as
/// it is for one token.
async fn begin(app: &App, session: &Session) -> Result<Option<ConnectSession>, ApiError> {
    let (sealed, now) = (session.seal(&session.contents)?, app.now_micros());
    let row = &session.row;
    let seen = ConnectSession { sealed: row.sealed.clone(), ..*row };
    let begun = app.store().write(move |tx| {
        if tx.connect_attempts(seen.workspace, seen.jti)? >= MOST_ATTEMPTS {
            return Ok(None);
        }
        if !tx.change_connect_session(&seen, ConnectState::Asking, now, &sealed)? {
            return Ok(None);
        }
        let (state, attempts) = (ConnectState::Asking, seen.attempts + 1);
        Ok(Some(ConnectSession { state, attempts, changed_at: now, sealed, ..seen }))
    });
    begun.await
}

impl Asking {
    /// Asks, makes or updates the link as the API does, and leaves in the session how it ended.
    async fn run(self) {
        let Self { app, session, offer, person, given, request, origin } = self;
        let session = Arc::new(session);
        let ending: Ending = {
            let (app, session) = (app.clone(), Arc::clone(&session));
            Box::new(move |tx, link| session.end(tx, link, app.now_micros()))
        };
        let permit = Permit::of_page(session.token(), session.row.uuid, origin, ending);
        let done = match session.contents.claims.link_id {
            Some(link) => {
                let named = Some((person.kind, person.number));
                let wish = Wish::default();
                let done =
                    links::renew(app.clone(), (permit, Some(given)), link, named, wish, request);
                done.await.map(drop)
            }
            None => {
                let body = (Wish::default(), registration(&session.contents, &offer, &person));
                let claim = Claim::unkeyed();
                let done =
                    links::register(app.clone(), (permit, Some(given)), request, claim, body);
                done.await.map(drop)
            }
        };
        let Err(refused) = done else { return };
        refused.log(&app);
        if let Err(error) = refuse(&app, session, refused).await {
            error.log(&app);
        }
    }
}

/// What a client would send to make the link.
fn registration(contents: &Contents, offer: &Offer, person: &Document) -> JsonObject {
    let mut body = Map::new();
    for (name, value) in [
        ("institution", json!(PILA)),
        ("username", json!(person.number)),
        ("username_type", json!(person.kind.code())),
        ("access_mode", json!(offer.access_mode.as_str())),
        ("external_id", json!(contents.external_id)),
    ] {
        if value != Value::Null {
            body.insert(name.to_owned(), value);
        }
    }
    JsonObject::of(body)
}

/// Shows the form again, with why there is no link.
async fn refuse(app: &App, session: Arc<Session>, refused: ApiError) -> Result<(), ApiError> {
    let item = refused.into_items().into_iter().next();
    let refused =
        item.map(|item| Refused { code: item.code.to_owned(), message: item.message.into_owned() });
    let contents = Contents { refused, ..session.contents.clone() };
    let (sealed, now) = (session.seal(&contents)?, app.now_micros());
    let open = app.store().write(move |tx| {
        tx.change_connect_session(&session.row, ConnectState::Open, now, &sealed).map(|_| ())
    });
    Ok(open.await?)
}
