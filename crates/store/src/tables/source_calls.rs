//! Source calls: what was asked, what came back, what it cost.

use uuid::Uuid;
use vinculo_vault::{BlindIndex, Sealed};

use super::erasures::NOBODY;
use super::ids::text_enum;
use super::page::Where;
use super::{Micros, Page, PageRequest, SourceCallId, SubjectId, WorkspaceId};
use crate::{Result, Row, Tx};

text_enum! {
    /// Why a source was asked.
    Purpose in "source_calls" {
        /// To accept or refuse a person before a link is made.
        Check = "check",
        /// To fill a link.
        Load = "load",
    }
}

text_enum! {
    /// How a source was asked.
    CallKind in "source_calls" {
        /// About one person.
        Individual = "individual",
        /// About one person of many, in a job of the source.
        Bulk = "bulk",
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
    /// How it was asked.
    pub kind: CallKind,
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
    /// What it cost, whole pesos.
    pub cost: i64,
    /// Raw payload, sealed with the subject's key.
    pub payload: Option<&'a Sealed>,
    /// When it was made.
    pub created_at: Micros,
    /// Consent it was made under; `None` when the customer attests by contract.
    pub consent: Option<Uuid>,
}

/// A recorded call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCall {
    /// Internal id.
    pub id: SourceCallId,
    /// Public id; part of what sealed the payload.
    pub uuid: Uuid,
    /// Name of the source.
    pub source: String,
    /// Why it was asked.
    pub purpose: Purpose,
    /// How it was asked.
    pub kind: CallKind,
    /// Outcome, one word.
    pub outcome: String,
    /// Reason inside the outcome, one word.
    pub reason: Option<String>,
    /// HTTP status of the answer.
    pub http_status: Option<i64>,
    /// The source's own code.
    pub raw_code: Option<String>,
    /// Time the source took, microseconds.
    pub duration_us: i64,
    /// `yes`, `no` or `unknown`.
    pub billed: String,
    /// What it cost, whole pesos.
    pub cost: i64,
    /// Whether its answer is kept.
    pub has_payload: bool,
    /// When it was made.
    pub created_at: Micros,
    /// Consent it was made under; `None` when the customer attested by contract.
    pub consent: Option<Uuid>,
}

/// Calls of one source and kind that ended alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Name of the source.
    pub source: String,
    /// How it was asked.
    pub kind: CallKind,
    /// Outcome, one word.
    pub outcome: String,
    /// How many.
    pub calls: i64,
    /// What they cost, whole pesos.
    pub cost: i64,
    /// People they were about, without those who were erased since.
    pub people: i64,
    /// When the last of them was asked.
    pub last_at: Micros,
}

/// The answer kept from a call.
#[derive(Debug, Clone)]
pub struct StoredPayload {
    /// Internal id of the call.
    pub id: SourceCallId,
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

const PAYLOAD: &str =
    "select id, uuid, source, outcome, sealed_payload, created_at from source_calls";

const ANSWERED: &str = "and outcome in ('resolved', 'no_data') order by id";

impl StoredPayload {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            id: SourceCallId(row.int(0)?),
            uuid: row.uuid(1)?,
            source: row.text(2)?,
            outcome: row.text(3)?,
            payload: row.opt_sealed(4)?,
            created_at: row.int(5)?,
        })
    }
}

const CALL: &str = "select id, uuid, source, purpose, kind, outcome, reason, http_status, raw_code, \
     duration_us, billed, cost, case when sealed_payload is null then 0 else 1 end, created_at, consent \
     from source_calls";

impl SourceCall {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            id: SourceCallId(row.int(0)?),
            uuid: row.uuid(1)?,
            source: row.text(2)?,
            purpose: Purpose::from_column(&row.text(3)?)?,
            kind: CallKind::from_column(&row.text(4)?)?,
            outcome: row.text(5)?,
            reason: row.opt_text(6)?,
            http_status: row.opt_int(7)?,
            raw_code: row.opt_text(8)?,
            duration_us: row.int(9)?,
            billed: row.text(10)?,
            cost: row.int(11)?,
            has_payload: row.int(12)? != 0,
            created_at: row.int(13)?,
            consent: row.opt_uuid(14)?,
        })
    }
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
             sealed_payload, created_at, consent, kind, cost) values \
             ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
             returning id",
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
                call.kind.into(),
                call.cost.into(),
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
        let sql =
            format!("{CALL} where workspace_id = $1 and document_index = $2 order by id desc");
        self.query(&sql, &[workspace.into(), document.into()], SourceCall::from_row)
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
        self.query_opt(&format!("{PAYLOAD} where id = $1"), &[id.into()], StoredPayload::from_row)
    }

    /// What sources answered about a person the workspace knows, from this call on, oldest first:
    /// data, or that there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub fn answers_from(
        &mut self,
        subject: SubjectId,
        first: SourceCallId,
    ) -> Result<Vec<StoredPayload>> {
        let sql = format!("{PAYLOAD} where subject_id = $1 and id >= $2 {ANSWERED}");
        self.query(&sql, &[subject.into(), first.into()], StoredPayload::from_row)
    }

    /// What sources answered about a document from this moment on, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn answers_since(
        &mut self,
        workspace: WorkspaceId,
        document: &BlindIndex,
        since: Micros,
    ) -> Result<Vec<StoredPayload>> {
        let sql = format!(
            "{PAYLOAD} where workspace_id = $1 and document_index = $2 and created_at >= $3 \
             {ANSWERED}"
        );
        let params = [workspace.into(), document.into(), since.into()];
        self.query(&sql, &params, StoredPayload::from_row)
    }

    /// Calls about a person, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn source_calls(
        &mut self,
        workspace: WorkspaceId,
        subject: SubjectId,
        page: PageRequest,
    ) -> Result<Page<SourceCall>> {
        let mut clause = Where::equals("+workspace_id", workspace);
        clause.and_in("subject_id", [subject]);
        let count = format!("select count(*) from source_calls{}", clause.sql());
        let count = self.query_one(&count, clause.params(), |row| row.int(0))?;
        let (tail, params) = clause.sliced("created_at desc, id desc", page);
        let rows = self.query(&format!("{CALL}{tail}"), &params, SourceCall::from_row)?;
        Ok(Page { count, rows })
    }

    /// One call about a person by its public id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn source_call(
        &mut self,
        workspace: WorkspaceId,
        subject: SubjectId,
        uuid: Uuid,
    ) -> Result<Option<SourceCall>> {
        let sql = format!("{CALL} where +workspace_id = $1 and subject_id = $2 and uuid = $3");
        self.query_opt(&sql, &[workspace.into(), subject.into(), uuid.into()], SourceCall::from_row)
    }

    /// What the workspace has asked from `from` until before `before`, by source, kind and outcome.
    ///
    /// # Errors
    /// When the database fails.
    pub fn source_usage(
        &mut self,
        workspace: WorkspaceId,
        from: Micros,
        before: Micros,
    ) -> Result<Vec<Usage>> {
        self.query(
            "select source, kind, outcome, count(*), cast(sum(cost) as bigint), \
             count(distinct case when document_index <> $4 then document_index end), \
             max(created_at) from source_calls where workspace_id = $1 and created_at >= $2 and created_at < $3 \
             group by source, kind, outcome order by source, kind, outcome",
            &[workspace.into(), from.into(), before.into(), (&NOBODY).into()],
            |row| {
                Ok(Usage {
                    source: row.text(0)?,
                    kind: CallKind::from_column(&row.text(1)?)?,
                    outcome: row.text(2)?,
                    calls: row.int(3)?,
                    cost: row.int(4)?,
                    people: row.int(5)?,
                    last_at: row.int(6)?,
                })
            },
        )
    }

    /// How the questions ended that the workspace has asked from `from` until before `before`: how many
    /// ended so, and what they cost, whole pesos.
    ///
    /// # Errors
    /// When the database fails.
    pub fn source_outcomes(
        &mut self,
        workspace: WorkspaceId,
        from: Micros,
        before: Micros,
    ) -> Result<Vec<(String, i64, i64)>> {
        self.query(
            "select outcome, count(*), cast(sum(cost) as bigint) from source_calls \
             where workspace_id = $1 and created_at >= $2 and created_at < $3 \
             group by outcome order by outcome",
            &[workspace.into(), from.into(), before.into()],
            |row| Ok((row.text(0)?, row.int(1)?, row.int(2)?)),
        )
    }

    /// What a source has cost all workspaces from `from` until before `before`, whole pesos: one contract pays for
    /// them.
    ///
    /// # Errors
    /// When the database fails.
    pub fn source_cost(&mut self, source: &str, from: Micros, before: Micros) -> Result<i64> {
        self.query_one(
            "select cast(coalesce(sum(cost), 0) as bigint) from source_calls \
             where source = $1 and created_at >= $2 and created_at < $3 and cost > 0",
            &[source.into(), from.into(), before.into()],
            |row| row.int(0),
        )
    }
}
