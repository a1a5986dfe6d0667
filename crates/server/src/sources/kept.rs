//! Answers that were kept, read again instead of asking again.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use vinculo_pila::Document;
use vinculo_sources::{Answer, NoDataReason, Outcome};
use vinculo_store::{Environment, Micros, StoredPayload, Tx};
use vinculo_vault::{Context, DataKey};

use super::{Asked, KeptAnswer, Source};
use crate::App;
use crate::clock::micros;
use crate::error::ApiError;
use crate::secrets::WorkspaceSecrets;

/// What binds a kept answer to its call.
pub(crate) fn payload_context(call: uuid::Uuid) -> Context<'static> {
    Context::of_uuid("source_calls", call.into_bytes())
}

/// From when on answers of a source are used again that nobody asked to be new.
fn reusable_since(app: &App, source: &str) -> Micros {
    let since = app.now().checked_sub(app.config().terms_of(source).reuse);
    micros(since.unwrap_or(Timestamp::MIN))
}

/// From when on answers of any source of an environment are; `None` when no source has a time for it.
fn any_reusable_since(app: &App, environment: Environment) -> Option<Micros> {
    let sources = app.sources().of(environment).iter().map(Source::name);
    let paid = sources.filter(|name| app.config().terms_of(name).reuse > Duration::ZERO);
    paid.map(|name| reusable_since(app, name)).min()
}

/// What was answered about a person that stands for a new answer: since `begun`, by whatever asked
/// then, and with `by_terms` what the terms of its source let stand.
///
/// # Errors
/// When the database fails.
pub(crate) fn answers_that_stand(
    tx: &mut Tx<'_>,
    app: &App,
    secrets: &WorkspaceSecrets,
    person: &Document,
    (begun, by_terms): (Option<Micros>, bool),
) -> Result<Vec<StoredPayload>, vinculo_store::Error> {
    let workspace = secrets.workspace();
    let reused = any_reusable_since(app, workspace.environment).filter(|_| by_terms);
    let Some(since) = [begun, reused].into_iter().flatten().min() else {
        return Ok(Vec::new());
    };
    let document = secrets.indexes().lookup_document(person.kind.code(), &person.number);
    let mut stored = tx.answers_since(workspace.id, &document, since)?;
    stored.retain(|answer| {
        begun.is_some_and(|since| answer.created_at >= since)
            || (by_terms && answer.created_at > reusable_since(app, &answer.source))
    });
    Ok(stored)
}

/// The newest answer of each source that is still configured and whose answer is still kept. `key` opens
/// what is about the person, if the workspace knows them.
///
/// # Errors
/// When a kept answer does not open.
pub(crate) fn kept_answers(
    app: &App,
    secrets: &WorkspaceSecrets,
    person: &Document,
    key: Option<&DataKey>,
    stored: Vec<StoredPayload>,
) -> Result<Vec<Asked>, ApiError> {
    let readable = |answer: &StoredPayload| {
        answer.payload.is_some() || is_nothing(answer) || is_of_planillas(answer)
    };
    let mut newest = HashMap::new();
    for answer in stored {
        newest.insert(answer.source.clone(), answer);
    }
    // What an older answer said is over, also when the newest can be read no more.
    newest.retain(|_, answer| readable(answer));
    let environment = secrets.workspace().environment;
    let mut kept = Vec::new();
    for source in app.sources().of(environment) {
        let Some(stored) = newest.remove(source.name()) else { continue };
        let Some(outcome) = read_again(app, environment, person, key, &stored)? else { continue };
        let at = Timestamp::from_microsecond(stored.created_at).unwrap_or_else(|_| app.now());
        let asked = Asked { kept: Some((stored.id, at)), ..Asked::of(source.name(), outcome) };
        // One that is now read as a fault is asked for anew.
        if asked.is_answer() {
            kept.push(asked);
        }
    }
    Ok(kept)
}

fn is_nothing(stored: &StoredPayload) -> bool {
    stored.outcome == Outcome::NoData(NoDataReason::Unknown).code()
}

fn is_of_planillas(stored: &StoredPayload) -> bool {
    stored.source == Source::Planillas.name()
}

fn read_again(
    app: &App,
    environment: Environment,
    person: &Document,
    key: Option<&DataKey>,
    stored: &StoredPayload,
) -> Result<Option<Outcome>, ApiError> {
    if is_nothing(stored) {
        return Ok(Some(Outcome::NoData(NoDataReason::Unknown)));
    }
    if is_of_planillas(stored) {
        // They answer from the store: there is nothing to keep.
        return Ok(Some(Outcome::Resolved(Answer { complete: true, ..Answer::default() })));
    }
    let Some((payload, key)) = stored.payload.as_ref().zip(key) else { return Ok(None) };
    let bytes = key.open(payload_context(stored.uuid), payload)?;
    let Some(answer) = KeptAnswer::unpack(&bytes) else { return Ok(None) };
    Ok(app.sources().reread(environment, &stored.source, &answer, person))
}
