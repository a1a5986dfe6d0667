//! `/dashboard/{environment}/keys`: API keys.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use uuid::Uuid;
use vinculo_store::{AuditAction, PageRequest, Tx};

use super::form::{Form, Once, Posted, Problem, described, problems};
use super::key_form::{Given, body};
use super::page::{Pager, Shell, html, html_with, known, said_again, see, when};
use super::visitor::Visitor;
use crate::App;
use crate::api::page::PageQuery;
use crate::audit::Entry;
use crate::error::ApiError;
use crate::keys::{self, IssuedKey, KeyStatus, Terms};
use crate::manage::keys::Wanted;

/// Keys shown beside a form that is to be mended.
const FIRST: PageRequest = PageRequest { limit: 100, offset: 0 };

#[derive(Template)]
#[template(path = "keys.html")]
struct KeysPage {
    shell: Shell,
    /// The keys, and the form to change each.
    keys: Vec<(KeyStatus, Given)>,
    pager: Pager,
    given: Given,
    problems: Vec<Problem>,
    said: Option<&'static str>,
}

/// A key whose password is seen this once.
#[derive(Template)]
#[template(path = "key_made.html")]
struct MadePage {
    shell: Shell,
    key: IssuedKey,
    base: String,
    /// Whether a password before this one opens it too.
    rotated: bool,
}

impl KeysPage {
    fn scopes(key: &KeyStatus) -> String {
        let words: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
        words.join(" ")
    }
}

async fn read(
    app: &App,
    visitor: &Visitor,
    request: PageRequest,
) -> Result<(i64, Vec<(KeyStatus, Given)>), ApiError> {
    let (workspace, now) = (visitor.workspace(), app.now_micros());
    let found = app.store().read(move |tx| tx.api_keys(workspace, request)).await?;
    let shown = found.rows.iter().map(|key| KeyStatus::of(key, now));
    let with_form = |key| (Given::of_key(&key), key);
    let shown = shown.map(|key| key.map(with_form).map(|(given, key)| (key, given)));
    Ok((found.count, shown.collect::<Result<_, _>>()?))
}

/// The keys, and the form for another one.
pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let (count, keys) = read(&app, &visitor, page.request()).await?;
    let (shell, pager) = (visitor.shell("keys"), Pager::of(&page, count)?);
    let said = said_again(&page, shell.w);
    html(&KeysPage { shell, keys, pager, given: Given::new(), problems: Vec::new(), said })
}

/// Makes a key and shows its password.
pub(super) async fn create(State(app): State<App>, posted: Posted) -> Result<Response, ApiError> {
    let Posted { visitor, form } = posted;
    let wanted = match Wanted::read(&body(&form, None), app.now_micros()) {
        Ok(wanted) => wanted,
        Err(refused) => return mend(&app, &visitor, &form, None, refused).await,
    };
    let terms = wanted.onto(Terms::unlimited(String::new()));
    let (writer, secrets, trail) = (app.clone(), visitor.secrets.clone(), visitor.trail.clone());
    let made = Once::of(&app, &visitor, &form)?
        .write(&app, move |tx| keys::insert(tx, &writer, &trail, &secrets, &terms));
    made_page(&visitor, made.await?, false)
}

/// Shows what is wrong with a form, with what was sent in it: that of a key that is there, or of a new one.
async fn mend(
    app: &App,
    visitor: &Visitor,
    form: &Form,
    edited: Option<Uuid>,
    refused: ApiError,
) -> Result<Response, ApiError> {
    let w = visitor.language.words();
    let labels = [
        ("name", w.name),
        ("scopes", w.scopes),
        ("allow_list", w.allow_list),
        ("expires_at", w.expires_at),
    ];
    let problems = problems(refused, visitor.language, &labels)?;
    let (count, mut keys) = read(app, visitor, FIRST).await?;
    let mut given = Given::of_form(form);
    if let Some((_, shown)) = keys.iter_mut().find(|(key, _)| Some(key.id) == edited) {
        *shown = std::mem::replace(&mut given, Given::apart());
    }
    let (shell, pager) = (visitor.shell("keys"), Pager::of_all(count));
    let page = KeysPage { shell, keys, pager, given, problems, said: None };
    html_with(StatusCode::BAD_REQUEST, &page)
}

/// Shows a password, or without one the keys: it was shown before.
fn made_page(
    visitor: &Visitor,
    key: Option<IssuedKey>,
    rotated: bool,
) -> Result<Response, ApiError> {
    let Some(key) = key else { return Ok(see(&visitor.path("/keys?said=again"))) };
    html(&MadePage { shell: visitor.shell("keys"), key, base: visitor.visit.base(), rotated })
}

/// Changes what a key is called, opens, and may be used from and until.
async fn edit(app: &App, visitor: &Visitor, id: Uuid, form: &Form) -> Result<Response, ApiError> {
    let (workspace, now) = (visitor.workspace(), app.now_micros());
    let key = app.store().read(move |tx| tx.listed_api_key(workspace, id)).await?;
    let before = KeyStatus::of(&key.ok_or_else(ApiError::not_found)?, now)?;
    let wanted = match Wanted::read(&body(form, Some(&before)), now) {
        Ok(wanted) => wanted,
        Err(refused) => return mend(app, visitor, form, Some(id), refused).await,
    };
    let (writer, trail) = (app.clone(), visitor.trail.clone());
    let changed = app.store().write(move |tx: &mut Tx<'_>| {
        tx.lock_workspace(workspace)?;
        let key = tx.listed_api_key(workspace, id)?.ok_or_else(ApiError::not_found)?;
        let terms = wanted.onto(Terms::of(&key.terms)?);
        trail.note(tx, &writer, Entry::of(AuditAction::KeyChanged).object(id))?;
        Ok::<_, ApiError>(tx.set_api_key_terms(key.id, &terms.to_stored())?)
    });
    changed.await?;
    Ok(see(&visitor.path("/keys")))
}

/// Changes, rotates, retires or revokes a key.
pub(super) async fn change(
    State(app): State<App>,
    Path((_, id, change)): Path<(String, String, String)>,
    posted: Posted,
) -> Result<Response, ApiError> {
    let Posted { visitor, form } = posted;
    let id = known(&id)?;
    match change.as_str() {
        "edit" => return edit(&app, &visitor, id, &form).await,
        "rotate" => return rotate(&app, &visitor, &form, id).await,
        _ => {}
    }
    let (writer, workspace, trail) = (app.clone(), visitor.workspace(), visitor.trail.clone());
    let changed = app.store().write(move |tx: &mut Tx<'_>| {
        tx.lock_workspace(workspace)?;
        let key = tx.listed_api_key(workspace, id)?.ok_or_else(ApiError::not_found)?;
        match change.as_str() {
            "retire" => keys::retire(tx, &writer, &trail, &key),
            "revoke" => keys::revoke(tx, &writer, &trail, &key),
            _ => Err(ApiError::not_found()),
        }
    });
    changed.await?;
    Ok(see(&visitor.path("/keys")))
}

async fn rotate(app: &App, visitor: &Visitor, form: &Form, id: Uuid) -> Result<Response, ApiError> {
    let (writer, secrets, trail) = (app.clone(), visitor.secrets.clone(), visitor.trail.clone());
    let rotated = Once::of(app, visitor, form)?.write(app, move |tx| {
        let workspace = secrets.workspace();
        tx.lock_workspace(workspace.id)?;
        let key = tx.listed_api_key(workspace.id, id)?.ok_or_else(ApiError::not_found)?;
        let secret_password = keys::rotate(tx, &writer, &trail, &secrets, &key, None)?;
        let environment = workspace.environment.as_str();
        Ok(IssuedKey { secret_id: id, secret_password, environment })
    });
    made_page(visitor, rotated.await?, true)
}
