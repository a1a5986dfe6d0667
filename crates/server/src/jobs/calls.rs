//! Source calls are always recorded: outcome, time, cost and the sealed answer.

use uuid::Uuid;
use vinculo_pila::Document;
use vinculo_store::{NOBODY, NewSourceCall, Purpose, SourceCallId, SubjectId, Tx};
use vinculo_vault::{BlindIndex, DataKey};

use crate::App;
use crate::error::ApiError;
use crate::secrets::WorkspaceSecrets;
use crate::sources::{Asked, best, payload_context};

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
    /// Whether the person was erased since: what it cost is written down, and not about whom.
    pub(crate) erased: bool,
}

/// Records the calls of one question; what was held back or answered before was no call. Returns the
/// call behind each, in the same order.
pub(crate) fn record_calls(
    tx: &mut Tx<'_>,
    app: &App,
    secrets: &WorkspaceSecrets,
    question: Question<'_>,
    known: Option<Known<'_>>,
) -> Result<Vec<Option<SourceCallId>>, ApiError> {
    let Question { person, asked, purpose, consent, erased } = question;
    let document = match erased {
        true => BlindIndex::from_bytes(&NOBODY).map_err(ApiError::unexpected)?,
        false => secrets.indexes().lookup_document(person.kind.code(), &person.number),
    };
    let mut calls = Vec::with_capacity(asked.len());
    for call in asked {
        if call.held.is_some() || call.kept.is_some() {
            calls.push(call.kept.map(|(id, _)| id));
            continue;
        }
        let uuid = app.uuid().map_err(ApiError::unexpected)?;
        let kept = known.filter(|known| known.keep).zip(call.answer.as_ref());
        let payload =
            kept.map(|(known, answer)| known.key.seal(payload_context(uuid), answer.as_bytes()));
        let payload = payload.transpose()?;
        calls.push(Some(tx.insert_source_call(&NewSourceCall {
            uuid,
            workspace: secrets.workspace().id,
            subject: known.map(|known| known.subject),
            document: &document,
            source: call.source,
            purpose,
            kind: call.kind,
            outcome: call.outcome.code(),
            reason: call.outcome.reason(),
            http_status: call.http_status.map(i64::from),
            raw_code: call.raw_code.as_deref(),
            duration_us: i64::try_from(call.duration.as_micros()).unwrap_or(i64::MAX),
            billed: call.billed,
            cost: call.cost,
            payload: payload.as_ref(),
            created_at: app.now_micros(),
            consent: consent.filter(|_| !erased),
        })?));
    }
    Ok(calls)
}

/// The oldest of the calls that answered a question, from which on a load finds all of them. `None`
/// when the question stands: no source had data, and one was kept from answering.
pub(crate) fn answered_from(
    asked: &[Asked],
    calls: &[Option<SourceCallId>],
) -> Option<SourceCallId> {
    let stands = !best(asked).is_some_and(Asked::is_answer);
    let answers = asked.iter().zip(calls).filter(|(asked, _)| asked.is_answer());
    answers.filter(|_| !stands).filter_map(|(_, call)| *call).min_by_key(|call| call.0)
}
