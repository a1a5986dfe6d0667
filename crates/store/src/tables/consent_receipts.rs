//! Receipts of consents: one chain for each workspace, never changed and never removed. What a
//! receipt says and how it is hashed is known to whoever writes it.

use uuid::Uuid;
use vinculo_vault::BlindIndex;

use super::page::Where;
use super::{PageRequest, WorkspaceId};
use crate::{Error, Result, Row, Tx};

/// One link of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentReceipt {
    /// Place in the chain, from 1.
    pub number: i64,
    /// The person, under the key of the receipts of erasures.
    pub person: BlindIndex,
    /// The consent, when it is about one.
    pub consent: Option<Uuid>,
    /// What it says: the text that is hashed.
    pub body: String,
    /// Hash of the receipt before it.
    pub previous: [u8; 32],
    /// Hash of the one before and of the body.
    pub hash: [u8; 32],
    /// What only the keys of the installation make of the hash; `None` of earlier versions.
    pub seal: Option<[u8; 32]>,
}

const COLUMNS: &str = "select r.number, r.person_index, r.consent, r.body, r.previous_hash, \
     r.hash, r.seal from consent_receipts r";

impl ConsentReceipt {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let digest = |bytes: Vec<u8>| {
            <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| Error::Corrupt {
                table: "consent_receipts",
                what: format!("a hash of {} bytes", bytes.len()),
            })
        };
        Ok(Self {
            number: row.int(0)?,
            person: row.blind_index(1)?,
            consent: row.opt_uuid(2)?,
            body: row.text(3)?,
            previous: digest(row.bytes(4)?)?,
            hash: digest(row.bytes(5)?)?,
            seal: row.opt_bytes(6)?.map(digest).transpose()?,
        })
    }
}

impl Tx<'_> {
    /// The newest receipt of a workspace's chain. Whoever appends another holds the workspace
    /// ([`Self::lock_workspace`]).
    ///
    /// # Errors
    /// When the database fails.
    pub fn last_consent_receipt(
        &mut self,
        workspace: WorkspaceId,
    ) -> Result<Option<ConsentReceipt>> {
        self.query_opt(
            &format!("{COLUMNS} where r.workspace_id = $1 order by r.number desc limit 1"),
            &[workspace.into()],
            ConsentReceipt::from_row,
        )
    }

    /// Stores a receipt.
    ///
    /// # Errors
    /// When the database fails; a conflict when its place is taken.
    pub fn insert_consent_receipt(
        &mut self,
        workspace: WorkspaceId,
        receipt: &ConsentReceipt,
    ) -> Result<()> {
        self.execute(
            "insert into consent_receipts (workspace_id, number, person_index, consent, body, \
             previous_hash, hash, seal) values ($1, $2, $3, $4, $5, $6, $7, $8)",
            &[
                workspace.into(),
                receipt.number.into(),
                (&receipt.person).into(),
                receipt.consent.into(),
                (&receipt.body).into(),
                (&receipt.previous).into(),
                (&receipt.hash).into(),
                receipt.seal.as_ref().into(),
            ],
        )?;
        Ok(())
    }

    /// Up to `limit` receipts of a chain that come after the place `after`, in their order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn consent_receipts_after(
        &mut self,
        workspace: WorkspaceId,
        after: i64,
        limit: i64,
    ) -> Result<Vec<ConsentReceipt>> {
        let mut clause = Where::equals("r.workspace_id", workspace);
        clause.and_list("r.number > {}", [after]);
        let (tail, params) = clause.sliced("r.number", PageRequest { limit, offset: 0 });
        self.query(&format!("{COLUMNS}{tail}"), &params, ConsentReceipt::from_row)
    }

    /// Every receipt about a person, in their order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn consent_receipts_about(
        &mut self,
        workspace: WorkspaceId,
        person: &BlindIndex,
    ) -> Result<Vec<ConsentReceipt>> {
        let tail = "where r.workspace_id = $1 and r.person_index = $2 order by r.number";
        let params = [workspace.into(), person.into()];
        self.query(&format!("{COLUMNS} {tail}"), &params, ConsentReceipt::from_row)
    }

    /// The receipts of these consents, in their order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn receipts_of_consents(
        &mut self,
        workspace: WorkspaceId,
        consents: &[Uuid],
    ) -> Result<Vec<ConsentReceipt>> {
        let mut clause = Where::equals("+r.workspace_id", workspace);
        clause.and_in("r.consent", consents.iter().copied());
        let sql = format!("{COLUMNS}{} order by r.number", clause.sql());
        self.query(&sql, clause.params(), ConsentReceipt::from_row)
    }

    /// A consent of the workspace that lacks the receipt of its grant or of its revocation.
    ///
    /// # Errors
    /// When the database fails.
    pub fn consent_without_receipt(&mut self, workspace: WorkspaceId) -> Result<Option<Uuid>> {
        self.query_opt(
            "select c.uuid from consents c where c.workspace_id = $1 and \
             (select count(*) from consent_receipts r where r.consent = c.uuid) < \
             case when c.revoked_at is null then 1 else 2 end limit 1",
            &[workspace.into()],
            |row| row.uuid(0),
        )
    }

    /// A consent of the workspace whose person is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub fn consent_without_person(&mut self, workspace: WorkspaceId) -> Result<Option<Uuid>> {
        self.query_opt(
            "select c.uuid from consents c where c.workspace_id = $1 \
             and not exists (select 1 from subjects s where s.id = c.subject_id) limit 1",
            &[workspace.into()],
            |row| row.uuid(0),
        )
    }

    /// A consent of which the audit log of the workspace tells more than the receipts do.
    ///
    /// # Errors
    /// When the database fails.
    pub fn audited_without_receipt(&mut self, workspace: WorkspaceId) -> Result<Option<Uuid>> {
        self.query_opt(
            "select e.object from audit_entries e where e.workspace_id = $1 \
             and e.object is not null and e.action in ('consent.recorded', 'consent.revoked') and \
             (select count(*) from consent_receipts r where r.consent = e.object) < \
             case when e.action = 'consent.revoked' then 2 else 1 end limit 1",
            &[workspace.into()],
            |row| row.uuid(0),
        )
    }
}
