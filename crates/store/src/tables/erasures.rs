//! Erasures: a person's key is destroyed, what was known goes, and a receipt stays beside the keys.

use std::collections::{HashMap, VecDeque};

use uuid::Uuid;
use vinculo_vault::BlindIndex;

use super::{Micros, SubjectId, WorkspaceId};
use crate::{Result, Row, Tx};

/// Stands in the place of a document's look-up value when the document was erased.
pub const NOBODY: [u8; 32] = [0; 32];

/// How much of a person went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// Links.
    pub links: i64,
    /// Employments and owners.
    pub objects: i64,
    /// Lines of planillas and of operators' answers.
    pub contributions: i64,
    /// Questions to operators that no longer say about whom.
    pub source_calls: i64,
    /// Webhooks that waited and are not sent.
    pub deliveries: i64,
}

impl std::iter::Sum for Erased {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |one, other| Self {
            links: one.links + other.links,
            objects: one.objects + other.objects,
            contributions: one.contributions + other.contributions,
            source_calls: one.source_calls + other.source_calls,
            deliveries: one.deliveries + other.deliveries,
        })
    }
}

/// A receipt to be stored.
#[derive(Debug, Clone)]
pub struct NewErasure<'a> {
    /// Public id.
    pub uuid: Uuid,
    /// Workspace that knew the person.
    pub workspace: WorkspaceId,
    /// The person, under the key that is for erasures alone.
    pub person: &'a BlindIndex,
    /// How much went.
    pub erased: Erased,
    /// When.
    pub erased_at: Micros,
}

/// A stored receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Public id.
    pub uuid: Uuid,
    /// How much went.
    pub erased: Erased,
    /// When.
    pub erased_at: Micros,
    /// When imports were told to take lines about the person again.
    pub admitted_at: Option<Micros>,
}

/// What the keys cannot open, and no erasure explains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unopened {
    /// People without a key for whom there is no receipt of an erasure either.
    pub people: i64,
    /// Workspaces without a key; nothing destroys one.
    pub workspaces: i64,
}

/// What is known about a subject beside its own row, each found by an index.
const OF_SUBJECT: [&str; 11] = [
    "delete from revocations where object in (select uuid from consents where subject_id = $1)",
    "delete from consents where subject_id = $1",
    "delete from idempotency_keys where subject_id = $1",
    "delete from attempts where delivery_id in (select d.id from deliveries d \
     join events v on v.id = d.event_id where v.subject_id = $1)",
    "delete from deliveries where event_id in (select id from events where subject_id = $1)",
    "delete from events where subject_id = $1",
    "delete from jobs where kind = 'sync_link' and target_id in (select o.id from loads o \
     join links l on l.id = o.link_id where l.subject_id = $1)",
    "delete from loads where link_id in (select id from links where subject_id = $1)",
    // Reports quote the lines of their file.
    "update imports set sealed_report = null where id in (select batch_id from contributions \
     where subject_id = $1 and origin = 'planilla')",
    "delete from payers where subject_id = $1",
    "delete from data_keys where owner_kind = 'subject' and owner_id = $1",
];

impl Erasure {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            uuid: row.uuid(0)?,
            erased: Erased {
                links: row.int(1)?,
                objects: row.int(2)?,
                contributions: row.int(3)?,
                source_calls: row.int(4)?,
                deliveries: row.int(5)?,
            },
            erased_at: row.int(6)?,
            admitted_at: row.opt_int(7)?,
        })
    }
}

impl Tx<'_> {
    /// Destroys the key of the person with this document and removes everything the workspace
    /// knows. What operators were asked and what they billed stays, without saying about whom.
    /// `None` when nothing is known. Who may be known is held by then ([`Self::lock_subject`]): others hold a person
    /// before an import too.
    ///
    /// # Errors
    /// When the database fails.
    pub fn erase_person(
        &mut self,
        workspace: WorkspaceId,
        document: &BlindIndex,
    ) -> Result<Option<Erased>> {
        // Lines about the person that are being written are there before anything is looked for.
        self.hold_loading_imports(workspace)?;
        let subject = self.query_opt(
            "update subjects set created_at = created_at \
             where workspace_id = $1 and document_index = $2 returning id",
            &[workspace.into(), document.into()],
            |row| Ok(SubjectId(row.int(0)?)),
        )?;
        let mut erased = match subject {
            Some(subject) => self.erase_subject(subject)?,
            None => Erased::default(),
        };
        let asked = self.execute(
            "update source_calls set document_index = $3, subject_id = null, \
             sealed_payload = null, consent = null where workspace_id = $1 and document_index = $2",
            &[workspace.into(), document.into(), (&NOBODY).into()],
        )?;
        erased.source_calls += count(asked);
        Ok((subject.is_some() || asked > 0).then_some(erased))
    }

    /// What the keys cannot open and no erasure explains: more than nothing says that the keys are
    /// older than the data, or not its own. A receipt says nothing that leads to a person's row, so
    /// they are counted: every person without a key needs one of the same workspace that is younger
    /// than the person.
    ///
    /// # Errors
    /// When the database fails.
    pub fn unopened(&mut self) -> Result<Unopened> {
        let workspaces = self.query_one(
            "select count(*) from workspaces w where not exists (select 1 from data_keys k \
             where k.owner_kind = 'workspace' and k.owner_id = w.id)",
            &[],
            |row| row.int(0),
        )?;
        let moments = |row: &Row<'_>| Ok((row.int(0)?, row.int(1)?));
        // The youngest first: whatever receipt explains one of them explains those that follow.
        let people: Vec<(i64, Micros)> = self.query(
            "select s.workspace_id, s.created_at from subjects s where not exists \
             (select 1 from data_keys k where k.owner_kind = 'subject' and k.owner_id = s.id) \
             order by s.workspace_id, s.created_at desc",
            &[],
            moments,
        )?;
        if people.is_empty() {
            return Ok(Unopened { people: 0, workspaces });
        }
        let mut receipts: HashMap<i64, VecDeque<Micros>> = HashMap::new();
        let sql = "select workspace_id, erased_at from erasures order by erased_at desc";
        for (workspace, erased_at) in self.query(sql, &[], moments)? {
            receipts.entry(workspace).or_default().push_back(erased_at);
        }
        let mut unexplained = 0;
        for (workspace, created_at) in people {
            let receipts = receipts.entry(workspace).or_default();
            match receipts.front() {
                Some(erased_at) if *erased_at >= created_at => drop(receipts.pop_front()),
                _ => unexplained += 1,
            }
        }
        Ok(Unopened { people: unexplained, workspaces })
    }

    /// Whether the person who became known last has no key, and no erasure explains it: keys that are older
    /// than the data do not open whoever came last. [`Self::unopened`] looks at everybody.
    ///
    /// # Errors
    /// When the database fails.
    pub fn youngest_is_unopened(&mut self) -> Result<bool> {
        let youngest = self.query_opt(
            "select s.workspace_id, s.created_at, k.owner_id from subjects s left join data_keys k \
             on k.owner_kind = 'subject' and k.owner_id = s.id order by s.id desc limit 1",
            &[],
            |row| Ok((row.int(0)?, row.int(1)?, row.opt_int(2)?)),
        )?;
        let Some((workspace, created_at, None)) = youngest else { return Ok(false) };
        let receipt = self.query_opt(
            "select 1 from erasures where workspace_id = $1 and erased_at >= $2 limit 1",
            &[workspace.into(), created_at.into()],
            |_| Ok(()),
        )?;
        Ok(receipt.is_none())
    }

    /// Removes what is left of up to `limit` people whose key is gone: data that was restored from
    /// a backup older than their erasure. Answers how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub fn finish_erasures(&mut self, limit: i64) -> Result<u64> {
        self.end_rows_of_the_erased()?;
        let left = self.query(
            "select s.id from subjects s where not exists (select 1 from data_keys k \
             where k.owner_kind = 'subject' and k.owner_id = s.id) order by s.id limit $1",
            &[limit.into()],
            |row| Ok(SubjectId(row.int(0)?)),
        )?;
        for &subject in &left {
            self.erase_subject(subject)?;
        }
        Ok(left.len() as u64)
    }

    /// Removes a subject and all that hangs on it.
    pub(super) fn erase_subject(&mut self, subject: SubjectId) -> Result<Erased> {
        let locking = self.dialect().locking();
        if !locking.is_empty() {
            // Who makes a delivery of one of them again has done so by then, or finds nothing.
            let held = format!("select id from events where subject_id = $1 order by id{locking}");
            self.query(&held, &[subject.into()], |_| Ok(()))?;
        }
        let waiting = self.query_one(
            "select count(*) from deliveries d join events v on v.id = d.event_id \
             where v.subject_id = $1 and d.state = 'pending'",
            &[subject.into()],
            |row| row.int(0),
        )?;
        for sql in OF_SUBJECT {
            self.execute(sql, &[subject.into()])?;
        }
        let objects = self.delete_of(
            subject,
            "delete from employments where link_id in \
             (select id from links where subject_id = $1)",
        )? + self.delete_of(
            subject,
            "delete from owners where link_id in \
             (select id from links where subject_id = $1)",
        )?;
        let contributions =
            self.delete_of(subject, "delete from contributions where subject_id = $1")?;
        let links = self.delete_of(subject, "delete from links where subject_id = $1")?;
        let asked = self.execute(
            "update source_calls set document_index = $2, subject_id = null, \
             sealed_payload = null, consent = null where subject_id = $1",
            &[subject.into(), (&NOBODY).into()],
        )?;
        self.delete_of(subject, "delete from subjects where id = $1")?;
        let (source_calls, deliveries) = (count(asked), waiting);
        Ok(Erased { links, objects, contributions, source_calls, deliveries })
    }

    fn delete_of(&mut self, subject: SubjectId, sql: &str) -> Result<i64> {
        Ok(count(self.execute(sql, &[subject.into()])?))
    }

    /// Stores a receipt.
    ///
    /// # Errors
    /// When the database fails.
    pub fn insert_erasure(&mut self, erasure: &NewErasure<'_>) -> Result<()> {
        let Erased { links, objects, contributions, source_calls, deliveries } = erasure.erased;
        self.execute(
            "insert into erasures (uuid, workspace_id, person_index, links, objects, \
             contributions, source_calls, deliveries, erased_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &[
                erasure.uuid.into(),
                erasure.workspace.into(),
                erasure.person.into(),
                links.into(),
                objects.into(),
                contributions.into(),
                source_calls.into(),
                deliveries.into(),
                erasure.erased_at.into(),
            ],
        )?;
        Ok(())
    }

    /// The newest receipt of a person's erasure.
    ///
    /// # Errors
    /// When the database fails.
    pub fn erasure(
        &mut self,
        workspace: WorkspaceId,
        person: &BlindIndex,
    ) -> Result<Option<Erasure>> {
        self.query_opt(
            "select uuid, links, objects, contributions, source_calls, deliveries, erased_at, \
             admitted_at from erasures where workspace_id = $1 and person_index = $2 \
             order by id desc limit 1",
            &[workspace.into(), person.into()],
            Erasure::from_row,
        )
    }

    /// Which of these people were erased and not admitted again, in their order. Nobody is asked for while
    /// the workspace has erased nobody.
    ///
    /// # Errors
    /// When the database fails.
    pub fn erased_people(
        &mut self,
        workspace: WorkspaceId,
        people: impl IntoIterator<Item = BlindIndex, IntoIter: ExactSizeIterator>,
    ) -> Result<Vec<bool>> {
        let people = people.into_iter();
        let any = self.query_opt(
            "select 1 from erasures where workspace_id = $1 limit 1",
            &[workspace.into()],
            |_| Ok(()),
        )?;
        if any.is_none() {
            return Ok(vec![false; people.len()]);
        }
        let erased = |person: BlindIndex| {
            let found = self.query_opt(
                "select 1 from erasures where workspace_id = $1 and person_index = $2 \
                 and admitted_at is null limit 1",
                &[workspace.into(), (&person).into()],
                |_| Ok(()),
            )?;
            Ok(found.is_some())
        };
        people.map(erased).collect()
    }

    /// Lets imports take lines about an erased person again. `false` when they do already.
    ///
    /// # Errors
    /// When the database fails.
    pub fn admit_person(
        &mut self,
        workspace: WorkspaceId,
        person: &BlindIndex,
        now: Micros,
    ) -> Result<bool> {
        let changed = self.execute(
            "update erasures set admitted_at = $3 \
             where workspace_id = $1 and person_index = $2 and admitted_at is null",
            &[workspace.into(), person.into(), now.into()],
        )?;
        Ok(changed > 0)
    }
}

fn count(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
