//! From when on an import counts, and what it stands for. The files that were received decide, not the
//! order in which their jobs end.

use vinculo_vault::{BlindIndex, Sealed, WrappedKey};

use super::erasures::NOBODY;
use super::unneeded_lines::REPLACED;
use super::{Import, ImportId, ImportKind, LinkId, Micros, PlanillaIdentity, Resource};
use super::{SubjectId, WorkspaceId};
use crate::{Result, Tx};

/// Finds an accepted import `s` that has settled what import `i` is a draft of.
pub(super) const SETTLED: &str = "select 1 from imports s where s.workspace_id = i.workspace_id \
     and s.slot_index = i.draft_index and s.state = 'accepted'";

/// What becomes of import `$1` and of the accepted ones it meets, at `$2`: of files with one number
/// the one received first counts; of drafts a paid one, then the one received last.
const ACCEPT: [&str; 5] = [
    "update imports set state = 'repeated', loaded = 0, finished_at = $2 \
     where id = $1 and state = 'loading' and exists (select 1 from imports first \
     where first.workspace_id = imports.workspace_id \
     and first.payer_index = imports.payer_index and first.number_index = imports.number_index \
     and first.state = 'accepted' and first.id < imports.id)",
    "update imports set state = 'repeated', loaded = 0, finished_at = $2 where id in \
     (select again.id from imports again join imports own on own.id = $1 \
     where own.state = 'loading' and again.workspace_id = own.workspace_id \
     and again.payer_index = own.payer_index and again.number_index = own.number_index \
     and again.state = 'accepted')",
    "update imports set state = 'superseded', finished_at = $2 \
     where id = $1 and state = 'loading' and exists (select 1 from imports newer \
     where newer.workspace_id = imports.workspace_id and newer.draft_index = imports.draft_index \
     and newer.state = 'accepted' and (newer.paid, newer.id) > (imports.paid, imports.id))",
    "update imports set state = 'superseded', finished_at = coalesce(finished_at, $2) where id in \
     (select old.id from imports old join imports own on own.id = $1 \
     where own.state = 'loading' and old.workspace_id = own.workspace_id \
     and old.draft_index = own.draft_index and old.state = 'accepted')",
    "update imports set state = 'accepted', finished_at = $2 where id = $1 and state = 'loading'",
];

/// Makes the accepted import `$1` a draft of place `$2`, where one draft counts.
const MAKE_DRAFT: [&str; 2] = [
    "update imports set state = 'superseded' where id in \
     (select old.id from imports old join imports own on own.id = $1 \
     where old.workspace_id = own.workspace_id and old.draft_index = $2 and old.state = 'accepted' \
     and (old.paid, old.id) < (own.paid, own.id))",
    "update imports set number_index = null, draft_index = $2, state = case when exists \
     (select 1 from imports newer where newer.workspace_id = imports.workspace_id \
     and newer.draft_index = $2 and newer.state = 'accepted') then 'superseded' else state end \
     where id = $1",
];

/// Lines that payer `$2` paid: those of its planillas, and those in operators' answers.
const PAID_BY: &str = "origin = 'planilla' and batch_id in \
     (select id from imports where workspace_id = $1 and payer_index = $2) \
     union all select subject_id from contributions \
     where origin = 'ach' and workspace_id = $1 and payer_index = $2";

/// A line of an accepted planilla of which it is not known yet what it settles.
#[derive(Debug, Clone)]
pub struct UnplacedLine {
    /// Its person.
    pub subject: SubjectId,
    /// Position inside the import.
    pub line: i64,
    /// The line, sealed with the person's key.
    pub sealed: Sealed,
    /// The person's key.
    pub key: WrappedKey,
}

impl Tx<'_> {
    /// Whether the workspace has accepted this numbered planilla from a file received before this one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn has_planilla(
        &mut self,
        workspace: WorkspaceId,
        identity: &PlanillaIdentity,
        before: ImportId,
    ) -> Result<bool> {
        let found = self.query_opt(
            "select 1 from imports where workspace_id = $1 and payer_index = $2 \
             and number_index = $3 and state = 'accepted' and id < $4",
            &[
                workspace.into(),
                (&identity.payer).into(),
                identity.number.as_ref().into(),
                before.into(),
            ],
            |row| row.int(0),
        )?;
        Ok(found.is_some())
    }

    /// Makes a loading import count, unless another stands before it; one that is not loading stays
    /// as it is. Of files with one number the one received first counts: a later one becomes repeated,
    /// even if it counted already. Of drafts of one payer, month, type and branch a paid one counts
    /// before the others, and then the one received last; the others are superseded. The lines of what
    /// counted before stay until [`Self::drop_replaced_lines`], to tell whom it named.
    ///
    /// # Errors
    /// When the database fails.
    pub fn accept_import(&mut self, id: ImportId, now: Micros) -> Result<()> {
        self.lock_same_planilla(id)?;
        for sql in ACCEPT {
            self.execute(sql, &[id.into(), now.into()])?;
        }
        Ok(())
    }

    /// Two imports of one planilla are accepted one after the other.
    fn lock_same_planilla(&mut self, id: ImportId) -> Result<()> {
        let own = self.query_opt(
            "select workspace_id, payer_index, number_index, draft_index from imports \
             where id = $1 and state = 'loading'",
            &[id.into()],
            |row| {
                let numbered = (row.opt_blind_index(1)?, row.opt_blind_index(2)?);
                Ok((WorkspaceId(row.int(0)?), numbered, row.opt_blind_index(3)?))
            },
        )?;
        match own {
            Some((workspace, (Some(payer), Some(number)), _)) => {
                let in_order = self.dialect().locking();
                let sql = format!(
                    "select id from imports where +workspace_id = $1 and payer_index = $2 \
                     and number_index = $3 and state in ('loading', 'accepted') order by id{in_order}"
                );
                let values = [workspace.into(), (&payer).into(), (&number).into()];
                self.query(&sql, &values, |row| row.int(0))?;
            }
            Some((workspace, _, Some(draft))) => self.lock_drafts(workspace, &draft)?,
            _ => {}
        }
        Ok(())
    }

    fn lock_drafts(&mut self, workspace: WorkspaceId, place: &BlindIndex) -> Result<()> {
        let in_order = self.dialect().locking();
        let sql = format!(
            "select id from imports where +workspace_id = $1 and draft_index = $2 \
             and state in ('loading', 'accepted') order by id{in_order}"
        );
        self.query(&sql, &[workspace.into(), place.into()], |row| row.int(0))?;
        Ok(())
    }

    /// The links that an import changes: of people in its lines, in those of what it replaced, and in
    /// those of drafts whose place was settled or came free by that; or of people paid by the payer
    /// whose record it is. Each with what was loaded for it so far; `after` pages through them.
    ///
    /// # Errors
    /// When the database fails.
    pub fn links_touched_by(
        &mut self,
        import: &Import,
        after: LinkId,
        limit: i64,
    ) -> Result<Vec<(LinkId, Vec<Resource>)>> {
        let replaced = REPLACED.replace("$1", "$2");
        let own = format!("select cast($2 as bigint) union all {replaced}");
        let lines = format!(
            "+workspace_id = $1 and origin = 'planilla' and batch_id in ({own} union all \
             select d.id from imports d join imports s on d.workspace_id = s.workspace_id \
             and d.draft_index = s.slot_index where d.state = 'accepted' and s.id in ({own}))"
        );
        let (touched, value) = match (import.kind, &import.payer) {
            (Some(ImportKind::PayerRecord), Some(payer)) => (PAID_BY, payer.into()),
            _ => (lines.as_str(), import.id.into()),
        };
        let rows = self.query(
            &format!(
                "select distinct t.id, r.resources from (select id from links \
                 where +workspace_id = $1 and +id > $3 and subject_id in \
                 (select subject_id from contributions where {touched}) \
                 order by id limit $4) t left join loads r \
                 on r.link_id = t.id and r.state = 'done' order by t.id"
            ),
            &[import.workspace.into(), value, after.into(), limit.into()],
            |row| {
                let resources = row.opt_text(1)?.unwrap_or_default();
                Ok((LinkId(row.int(0)?), Resource::from_list(&resources)?))
            },
        )?;
        let mut links: Vec<(LinkId, Vec<Resource>)> = Vec::new();
        for (link, resources) in rows {
            match links.last_mut() {
                Some((last, all)) if *last == link => {
                    all.extend(resources);
                    all.sort_unstable();
                    all.dedup();
                }
                _ => links.push((link, resources)),
            }
        }
        Ok(links)
    }

    /// Accepted planillas of which an earlier version did not store what they settle, the oldest
    /// first; `after` pages through them.
    ///
    /// # Errors
    /// When the database fails.
    pub fn unplaced_imports(
        &mut self,
        after: ImportId,
        limit: i64,
    ) -> Result<Vec<(ImportId, WorkspaceId)>> {
        self.query(
            "select id, workspace_id from imports where state = 'accepted' \
             and number_index is not null and slot_index is null and id > $1 order by id limit $2",
            &[after.into(), limit.into()],
            |row| Ok((ImportId(row.int(0)?), WorkspaceId(row.int(1)?))),
        )
    }

    /// The first line of such a planilla about somebody who was not erased.
    ///
    /// # Errors
    /// When the database fails.
    pub fn unplaced_line(&mut self, import: ImportId) -> Result<Option<UnplacedLine>> {
        self.query_opt(
            "select c.subject_id, c.line, c.sealed, k.wrapped from contributions c \
             join data_keys k on k.owner_kind = 'subject' and k.owner_id = c.subject_id \
             where c.origin = 'planilla' and c.batch_id = $1 order by c.line limit 1",
            &[import.into()],
            |row| {
                Ok(UnplacedLine {
                    subject: SubjectId(row.int(0)?),
                    line: row.int(1)?,
                    sealed: row.sealed(2)?,
                    key: row.wrapped_key(3)?,
                })
            },
        )
    }

    /// Stores what such a planilla settles; zeros when that cannot be told any more. Answers whether
    /// that is the place of a draft that counts.
    ///
    /// # Errors
    /// When the database fails.
    pub fn place_import(&mut self, id: ImportId, slot: Option<&BlindIndex>) -> Result<bool> {
        let slot = slot.map_or(&NOBODY, BlindIndex::as_bytes);
        self.execute(
            "update imports set slot_index = $2, paid = 1 where id = $1 and slot_index is null",
            &[id.into(), slot.into()],
        )?;
        let found = self.query_opt(
            "select 1 from imports d join imports s on d.workspace_id = s.workspace_id \
             and d.draft_index = s.slot_index where s.id = $1 and d.state = 'accepted' limit 1",
            &[id.into()],
            |row| row.int(0),
        )?;
        Ok(found.is_some())
    }

    /// Makes such a planilla, which was not paid, a draft of its place: of those the one received last
    /// counts, unless one was paid. Answers the one that counts now; `None` when the planilla is no such
    /// one any more.
    ///
    /// # Errors
    /// When the database fails.
    pub fn make_draft(&mut self, id: ImportId, place: &BlindIndex) -> Result<Option<ImportId>> {
        let locked = self.dialect().locking();
        let own = format!(
            "select workspace_id from imports where id = $1 and state = 'accepted' \
             and number_index is not null and slot_index is null{locked}"
        );
        let own = self.query_opt(&own, &[id.into()], |row| Ok(WorkspaceId(row.int(0)?)))?;
        let Some(workspace) = own else { return Ok(None) };
        self.lock_drafts(workspace, place)?;
        for sql in MAKE_DRAFT {
            self.execute(sql, &[id.into(), place.into()])?;
        }
        self.query_opt(
            "select id from imports where workspace_id = $1 and draft_index = $2 \
             and state = 'accepted'",
            &[workspace.into(), place.into()],
            |row| Ok(ImportId(row.int(0)?)),
        )
    }
}
