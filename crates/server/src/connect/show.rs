//! `/connect/{id}`: the page, at whatever stage the session is.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::guest::{self, Guest};
use super::offer::Offer;
use super::open;
use super::page::{EndPage, Shell, html};
use super::session::{Contents, Refused, Stage, Typed};
use super::words::{self, Words};
use super::{ends, text};
use crate::App;
use crate::api::refusal::is_about_the_document;
use crate::dashboard::Language;
use crate::error::ApiError;

/// Something that is wrong, and the field it is about.
pub(super) struct Problem {
    /// Id of the field.
    pub(super) field: &'static str,
    pub(super) text: &'static str,
}

#[derive(Template)]
#[template(path = "connect_form.html")]
struct FormPage<'a> {
    shell: Shell<'a>,
    title: String,
    offer: &'a Offer,
    /// Legal name, where people know another one.
    legal: Option<&'a str>,
    terms: Option<&'a str>,
    form: &'a str,
    action: String,
    leave: String,
    kinds: [(&'static str, &'static str); 6],
    typed: &'a Typed,
    problems: Vec<Problem>,
}

#[derive(Template)]
#[template(path = "connect_wait.html")]
struct WaitPage<'a> {
    shell: Shell<'a>,
    path: String,
}

impl FormPage<'_> {
    /// What is wrong with a field.
    fn problem(&self, field: &str) -> Option<&'static str> {
        self.problems.iter().find(|problem| problem.field == field).map(|problem| problem.text)
    }

    fn version(&self) -> &'static str {
        text::VERSION
    }
}

/// Shows how far the session is.
pub(super) async fn show(State(app): State<App>, guest: Guest) -> Result<Response, ApiError> {
    let Guest { session, language, .. } = &guest;
    let (stage, offer) =
        (session.stage(app.now_micros()), Offer::of(&app, session, *language).await);
    // How it ended is told also when nobody could ask any more.
    let offer = if stage == Stage::Form { offer? } else { offer.unwrap_or_default() };
    let lender = offer.as_ref().map(|offer| &offer.lender);
    let w = words::of(*language);
    let switch = guest::path(session.row.uuid, other(*language));
    let shell = Shell { w, lender, switch: Some(switch) };
    let contents = &session.contents;
    match stage {
        Stage::Form => match &offer {
            Some(offer) if !session.token().is_used(&app).await? => {
                if session.has_asked_enough(&app).await? {
                    return enough(contents, shell);
                }
                let problems = contents.refused.iter().map(|refused| told(refused, w)).collect();
                let typed = contents.typed.clone().unwrap_or_default();
                ask(&guest, offer, &typed, problems)
            }
            _ => open::over(contents, *language, lender),
        },
        Stage::Asking => html(StatusCode::OK, &WaitPage { shell, path: guest.path() }, lender),
        Stage::Done(link) => {
            let onward = ends::success(contents, link);
            let close = onward.is_none().then(|| w.done_close.to_owned());
            let lines = [Some(shell.naming(w.done_text)), close].into_iter().flatten().collect();
            html(StatusCode::OK, &EndPage { shell, title: w.done, lines, onward }, lender)
        }
        Stage::Left => {
            let asked = session.row.attempts > 0;
            let lines = vec![if asked { w.left_tried } else { w.left_text }.to_owned()];
            let onward = ends::exit(contents, asked);
            html(StatusCode::OK, &EndPage { shell, title: w.left, lines, onward }, lender)
        }
        Stage::Over => open::over(contents, *language, lender),
    }
}

/// The end for somebody for whom the source was asked as often as it is for one token.
fn enough(contents: &Contents, shell: Shell<'_>) -> Result<Response, ApiError> {
    let (w, lender) = (shell.w, shell.lender);
    let why = contents.refused.as_ref().map(|refused| told(refused, w).text);
    let lines = why.into_iter().chain([w.enough_text]).map(str::to_owned).collect();
    let onward = ends::exit(contents, true);
    html(StatusCode::GONE, &EndPage { shell, title: w.enough, lines, onward }, lender)
}

/// The form, with what was written and what is wrong with it.
pub(super) fn ask(
    guest: &Guest,
    offer: &Offer,
    typed: &Typed,
    problems: Vec<Problem>,
) -> Result<Response, ApiError> {
    let (session, w) = (&guest.session, words::of(guest.language));
    let lender = &offer.lender;
    let switch = guest::path(session.row.uuid, other(guest.language));
    let shell = Shell { w, lender: Some(lender), switch: Some(switch) };
    let updates = session.contents.claims.link_id.is_some();
    let title = shell.naming(if updates { w.title_update } else { w.title });
    // Something was sent and is wrong; what a source has said is no fault of this request.
    let status = match problems.is_empty() || session.contents.refused.is_some() {
        true => StatusCode::OK,
        false => StatusCode::BAD_REQUEST,
    };
    let page = FormPage {
        legal: (lender.called() != lender.name).then_some(lender.name.as_str()),
        terms: lender.widget.branding.company_terms_url.as_deref(),
        form: &guest.form,
        action: guest.path(),
        leave: format!("/connect/{}/leave?locale={}", session.row.uuid, guest.language.code()),
        kinds: [
            ("CC", w.kind_cc),
            ("CE", w.kind_ce),
            ("PT", w.kind_pt),
            ("PE", w.kind_pe),
            ("TI", w.kind_ti),
            ("PA", w.kind_pa),
        ],
        shell,
        title,
        offer,
        typed,
        problems,
    };
    html(status, &page, Some(lender))
}

fn other(language: Language) -> Language {
    match language {
        Language::Es => Language::En,
        Language::En => Language::Es,
    }
}

/// A refusal in words that help whoever reads them.
fn told(refused: &Refused, w: &'static Words) -> Problem {
    let (field, text) = match refused.code.as_str() {
        "login_error" if is_about_the_document(&refused.message) => {
            ("document_number", w.unknown_person)
        }
        "login_error" => ("", w.down),
        "invalid" => ("document_number", w.other_person),
        "institution_down" | "institution_unavailable" | "institution_inactive" => ("", w.down),
        "duplicated" => ("", w.duplicated),
        _ => ("", w.not_possible),
    };
    Problem { field, text }
}
