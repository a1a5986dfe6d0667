//! Source calls: what was asked, what came back, what it cost.

use uuid::Uuid;
use vinculo_vault::{BlindIndex, Sealed};

use super::ids::text_enum;
use super::{Micros, SourceCallId, SubjectId, WorkspaceId};
use crate::{Result, Tx};

text_enum! {
    /// Why a source was asked.
    Purpose in "source_calls" {
        /// To accept or refuse a person before a link is made.
        Check = "check",
        /// To fill a link.
        Load = "load",
    }
}

/// A call to be recorded.
#[derive(Debug, Clone)]
pub struct NewSourceCall<'a> {
    /// Public id; part of what seals the payload.
    pub uuid: Uuid,
    /// Workspace on whose behalf it was made.
    pub workspace: WorkspaceId,
    /// Person, when the workspace knows one.
    pub subject: Option<SubjectId>,
    /// Look-up value of the document asked about.
    pub document: &'a BlindIndex,
    /// Name of the source.
    pub source: &'a str,
    /// Why it was asked.
    pub purpose: Purpose,
    /// Outcome, one word.
    pub outcome: &'a str,
    /// Reason inside the outcome, one word.
    pub reason: Option<&'a str>,
    /// HTTP status of the answer.
    pub http_status: Option<i64>,
    /// The source's own code.
    pub raw_code: Option<&'a str>,
    /// Time the source took, microseconds.
    pub duration_us: i64,
    /// `yes`, `no` or `unknown`.
    pub billed: &'a str,
    /// Raw payload, sealed with the subject's key.
    pub payload: Option<&'a Sealed>,
    /// When it was made.
    pub created_at: Micros,
    /// Consent it was made under; `None` when the customer attests by contract.
    pub consent: Option<Uuid>,
}

/// A recorded call, without its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCall {
    /// Public id.
    pub uuid: Uuid,
    /// Name of the source.
    pub source: String,
    /// Why it was asked.
    pub purpose: Purpose,
    /// Outcome, one word.
    pub outcome: String,
    /// When it was made.
    pub created_at: Micros,
    /// Consent it was made under; `None` when the customer attested by contract.
    pub consent: Option<Uuid>,
}

/// The answer kept from a call.
#[derive(Debug, Clone)]
pub struct StoredPayload {
    /// Public id of the call; part of what sealed the payload.
    pub uuid: Uuid,
    /// Name of the source.
    pub source: String,
    /// Outcome, one word.
    pub outcome: String,
    /// Raw payload, sealed with the subject's key.
    pub payload: Option<Sealed>,
    /// When the source answered.
    pub created_at: Micros,
}

impl Tx<'_> {
    /// Records a call.
    ///
    /// # Errors
    /// When the database fails.
    pub fn insert_source_call(&mut self, call: &NewSourceCall<'_>) -> Result<SourceCallId> {
        self.query_one(
            "insert into source_calls (uuid, workspace_id, subject_id, document_index, source, \
             purpose, outcome, reason, http_status, raw_code, duration_us, billed, \
             sealed_payload, created_at, consent) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, \
             $11, $12, $13, $14, $15) returning id",
            &[
                call.uuid.into(),
                call.workspace.into(),
                call.subject.map(|subject| subject.0).into(),
                call.document.into(),
                call.source.into(),
                call.purpose.into(),
                call.outcome.into(),
                call.reason.into(),
                call.http_status.into(),
                call.raw_code.into(),
                call.duration_us.into(),
                call.billed.into(),
                call.payload.into(),
                call.created_at.into(),
                call.consent.into(),
            ],
            |row| Ok(SourceCallId(row.int(0)?)),
        )
    }

    /// Every call about this document, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn source_calls_about(
        &mut self,
        workspace: WorkspaceId,
        document: &BlindIndex,
    ) -> Result<Vec<SourceCall>> {
        self.query(
            "select uuid, source, purpose, outcome, created_at, consent from source_calls \
             where workspace_id = $1 and document_index = $2 order by id desc",
            &[workspace.into(), document.into()],
            |row| {
                Ok(SourceCall {
                    uuid: row.uuid(0)?,
                    source: row.text(1)?,
                    purpose: Purpose::from_column(&row.text(2)?)?,
                    outcome: row.text(3)?,
                    created_at: row.int(4)?,
                    consent: row.opt_uuid(5)?,
                })
            },
        )
    }

    /// How often the workspace has asked about this document.
    ///
    /// # Errors
    /// When the database fails.
    pub fn count_source_calls(
        &mut self,
        workspace: WorkspaceId,
        document: &BlindIndex,
    ) -> Result<i64> {
        self.query_one(
            "select count(*) from source_calls where workspace_id = $1 and document_index = $2",
            &[workspace.into(), document.into()],
            |row| row.int(0),
        )
    }

    /// Forgets the answer kept from a call.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget_payload(&mut self, id: SourceCallId) -> Result<()> {
        let sql = "update source_calls set sealed_payload = null where id = $1";
        self.execute(sql, &[id.into()])?;
        Ok(())
    }

    /// The answer kept from a call.
    ///
    /// # Errors
    /// When the database fails.
    pub fn source_payload(&mut self, id: SourceCallId) -> Result<Option<StoredPayload>> {
        self.query_opt(
            "select uuid, source, outcome, sealed_payload, created_at \
             from source_calls where id = $1",
            &[id.into()],
            |row| {
                Ok(StoredPayload {
                    uuid: row.uuid(0)?,
                    source: row.text(1)?,
                    outcome: row.text(2)?,
                    payload: row.opt_sealed(3)?,
                    created_at: row.int(4)?,
                })
            },
        )
    }
}
