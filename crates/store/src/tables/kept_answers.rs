//! Answers kept for clients that repeat a request with its `Idempotency-Key`.

use vinculo_vault::{BlindIndex, Sealed, WrappedKey};

use super::{LinkId, Micros, SubjectId, WorkspaceId};
use crate::{Result, Tx};

/// An answer to be kept.
#[derive(Debug, Clone)]
pub struct NewKeptAnswer<'a> {
    /// Workspace that asked.
    pub workspace: WorkspaceId,
    /// Look-up value of the `Idempotency-Key`.
    pub key: &'a BlindIndex,
    /// Keyed hash of the request.
    pub request: &'a BlindIndex,
    /// Person the answer is about, whose key seals it.
    pub subject: Option<SubjectId>,
    /// Link the answer is about, with which it goes.
    pub link: Option<LinkId>,
    /// HTTP status.
    pub status: u16,
    /// The body, sealed with the subject's key, or with the workspace's when it is about nobody.
    pub body: &'a Sealed,
    /// When it was given.
    pub created_at: Micros,
}

/// An answer that was kept.
#[derive(Debug, Clone)]
pub struct KeptAnswer {
    /// Keyed hash of the request.
    pub request: BlindIndex,
    /// HTTP status.
    pub status: i64,
    /// The sealed body.
    pub body: Sealed,
    /// What opens the body.
    pub seal: Seal,
    /// Person it is about.
    pub subject: Option<SubjectId>,
}

/// Which key an answer is sealed with.
#[derive(Debug, Clone)]
pub enum Seal {
    /// The workspace's.
    Workspace,
    /// This key of the person it is about.
    Subject(WrappedKey),
    /// That of a person who was erased: nobody can open it.
    Erased,
}

impl Tx<'_> {
    /// The answer kept under a key, if it is younger than `since`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn kept_answer(
        &mut self,
        workspace: WorkspaceId,
        key: &BlindIndex,
        since: Micros,
    ) -> Result<Option<KeptAnswer>> {
        self.query_opt(
            "select a.request_index, a.status, a.sealed_answer, a.subject_id, k.wrapped \
             from idempotency_keys a \
             left join data_keys k on k.owner_kind = 'subject' and k.owner_id = a.subject_id \
             where a.workspace_id = $1 and a.key_index = $2 and a.created_at > $3",
            &[workspace.into(), key.into(), since.into()],
            |row| {
                let subject = row.opt_int(3)?.map(SubjectId);
                let seal = match (subject, row.opt_wrapped_key(4)?) {
                    (None, _) => Seal::Workspace,
                    (Some(_), Some(key)) => Seal::Subject(key),
                    (Some(_), None) => Seal::Erased,
                };
                Ok(KeptAnswer {
                    request: row.blind_index(0)?,
                    status: row.int(1)?,
                    body: row.sealed(2)?,
                    subject,
                    seal,
                })
            },
        )
    }

    /// Keeps an answer in the transaction of its effect. `false` when the workspace keeps another
    /// one, younger than `since`, under this key: the caller undoes its effect.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_answer(&mut self, answer: &NewKeptAnswer<'_>, since: Micros) -> Result<bool> {
        let kept = self.execute(
            "insert into idempotency_keys (workspace_id, key_index, request_index, subject_id, \
             status, sealed_answer, created_at, link_id) \
             values ($1, $2, $3, $4, $5, $6, $7, $9) on conflict (workspace_id, key_index) do update set \
             request_index = excluded.request_index, subject_id = excluded.subject_id, \
             status = excluded.status, sealed_answer = excluded.sealed_answer, \
             created_at = excluded.created_at, link_id = excluded.link_id where idempotency_keys.created_at <= $8",
            &[
                answer.workspace.into(),
                answer.key.into(),
                answer.request.into(),
                answer.subject.map(|subject| subject.0).into(),
                answer.status.into(),
                answer.body.into(),
                answer.created_at.into(),
                since.into(),
                answer.link.map(|link| link.0).into(),
            ],
        )?;
        Ok(kept == 1)
    }

    /// Forgets the answers kept about the links of a person.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget_answers_about_links(&mut self, subject: SubjectId) -> Result<()> {
        let sql = "delete from idempotency_keys where subject_id = $1 and link_id is not null";
        self.execute(sql, &[subject.into()])?;
        Ok(())
    }
}
