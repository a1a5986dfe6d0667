//! Source calls are always recorded: outcome, time, cost and the sealed answer.

use uuid::Uuid;
use vinculo_pila::Document;
use vinculo_sources::Outcome;
use vinculo_store::{NewSourceCall, Purpose, SourceCallId, SubjectId, Tx};
use vinculo_vault::{Context, DataKey};

use crate::App;
use crate::error::ApiError;
use crate::secrets::WorkspaceSecrets;
use crate::sources::{Asked, best};

/// What binds a kept answer to its call.
pub(super) fn payload_context(call: Uuid) -> Context<'static> {
    Context::of_uuid("source_calls", call.into_bytes())
}

/// Whom a question was about, when the workspace knows the person.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) subject: SubjectId,
    pub(crate) key: &'a DataKey,
    /// Whether a load will use the answer: then it is kept, sealed with the person's key.
    pub(crate) keep: bool,
}

/// What was asked about whom, and why that was allowed.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) person: &'a Document,
    pub(crate) asked: &'a [Asked],
    pub(crate) purpose: Purpose,
    /// The consent it was asked under; `None` when the customer attests by contract.
    pub(crate) consent: Option<Uuid>,
}

/// Records the calls of one question. Returns the call that resolved, or else the last that said there is nothing.
pub(crate) fn record_calls(
    tx: &mut Tx<'_>,
    app: &App,
    secrets: &WorkspaceSecrets,
    question: Question<'_>,
    known: Option<Known<'_>>,
) -> Result<Option<SourceCallId>, ApiError> {
    let Question { person, asked, purpose, consent } = question;
    let document = secrets.indexes().lookup_document(person.kind.code(), &person.number);
    let (mut resolved, mut nothing) = (None, None);
    for call in asked {
        let uuid = app.uuid().map_err(ApiError::unexpected)?;
        let kept = known.filter(|known| known.keep).zip(call.answer.as_ref());
        let payload =
            kept.map(|(known, answer)| known.key.seal(payload_context(uuid), &answer.to_bytes()));
        let payload = payload.transpose()?;
        let id = tx.insert_source_call(&NewSourceCall {
            uuid,
            workspace: secrets.workspace().id,
            subject: known.map(|known| known.subject),
            document: &document,
            source: call.source,
            purpose,
            outcome: call.outcome.code(),
            reason: call.outcome.reason(),
            http_status: call.http_status.map(i64::from),
            raw_code: call.raw_code.as_deref(),
            duration_us: i64::try_from(call.duration.as_micros()).unwrap_or(i64::MAX),
            billed: billed(call),
            payload: payload.as_ref(),
            created_at: app.now_micros(),
            consent,
        })?;
        match call.outcome {
            Outcome::Resolved(_) => resolved = Some(id),
            Outcome::NoData(_) => nothing = Some(id),
            _ => {}
        }
    }
    // "Nothing" stands for the question only when no source was kept from answering.
    let best = best(asked).map(|call| &call.outcome);
    Ok(resolved.or(nothing.filter(|_| matches!(best, Some(Outcome::NoData(_))))))
}

/// ACH bills every answered call, the others those with data; imported planillas cost nothing.
fn billed(call: &Asked) -> &'static str {
    let on_data = matches!(call.source, "mareigua" | "agil_data");
    match (&call.outcome, call.http_status) {
        _ if call.source == "planillas" => "no",
        (Outcome::RetryLater { .. } | Outcome::Fault(_), Some(_)) => "unknown",
        (Outcome::Resolved(_), Some(_)) if on_data => "yes",
        _ if on_data => "no",
        (_, Some(_)) => "yes",
        (_, None) => "no",
    }
}
