//! The audit log: who read or changed what. Entries are added and chained, never changed.

use std::collections::HashMap;

use uuid::Uuid;
use vinculo_vault::Sealed;

use super::audit_actions::AuditAction;
use super::ids::text_enum;
use super::page::Where;
use super::{LinkId, Micros, Page, PageRequest, SubjectId, TimeSpan, WorkspaceId};
use crate::{Dialect, Result, Row, Tx, Value};

text_enum! {
    /// What kind of somebody did it.
    ActorKind in "audit_entries" {
        /// An API key; the id is its Secret ID.
        Key = "key",
        /// A widget's token; the id is the token's.
        Widget = "widget",
        /// Whom a link is about, on the consent page; the id is that of the visit.
        Person = "person",
        /// A person who signed in.
        User = "user",
        /// The command line.
        Console = "console",
        /// Nobody asked: something came due.
        System = "system",
        /// Somebody without a right key.
        Stranger = "stranger",
    }
}

/// An entry to be added.
#[derive(Debug, Clone)]
pub struct NewAuditEntry {
    /// Process that writes it, and will chain it.
    pub writer: Uuid,
    /// Workspace it happened in; `None` when it is about the installation.
    pub workspace: Option<WorkspaceId>,
    /// When it happened.
    pub created_at: Micros,
    /// What was done.
    pub action: AuditAction,
    /// What kind of somebody did it.
    pub actor: ActorKind,
    /// Who of them.
    pub actor_id: Option<Uuid>,
    /// Person it is about. The number stays when the person is erased, and means nothing then.
    pub person: Option<SubjectId>,
    /// Link it is about.
    pub link: Option<Uuid>,
    /// The one thing it is about that is no link.
    pub object: Option<Uuid>,
    /// How many objects were shown, or how often it happened.
    pub objects: i64,
    /// Request that did it; part of what seals `sealed`.
    pub request_id: Option<Uuid>,
    /// Address of the client and purpose, sealed.
    pub sealed: Option<Sealed>,
}

/// A stored entry.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    /// Internal id; entries of a block are in its order.
    pub id: i64,
    /// Chain and sequence of the block that holds it, once it is chained.
    pub block: Option<(Uuid, i64)>,
    /// What was added.
    pub entry: NewAuditEntry,
}

/// Which entries a list shows.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only these kinds of somebody.
    pub actors: Option<Vec<ActorKind>>,
    /// Only what these did.
    pub actor_ids: Option<Vec<Uuid>>,
    /// Only these actions.
    pub actions: Option<Vec<AuditAction>>,
    /// Only about these links.
    pub links: Option<Vec<Uuid>>,
    /// Only about this person.
    pub person: Option<SubjectId>,
    /// Only what happened in this span.
    pub created: TimeSpan,
}

impl AuditFilter {
    fn narrow<'a>(&'a self, clause: &mut Where<'a>) {
        if let Some(actors) = &self.actors {
            clause.and_in("actor", actors.iter().copied());
        }
        if let Some(ids) = &self.actor_ids {
            clause.and_in("actor_id", ids.iter().copied());
        }
        if let Some(actions) = &self.actions {
            clause.and_in("action", actions.iter().copied());
        }
        if let Some(links) = &self.links {
            clause.and_in("link", links.iter().copied());
        }
        if let Some(person) = self.person {
            clause.and_in("person", [person]);
        }
        clause.and_span("created_at", self.created);
    }

    /// Whether an index leads to fewer rows than the workspace's.
    fn is_narrow(&self) -> bool {
        self.links.is_some() || self.person.is_some()
    }
}

const NEW_COLUMNS: &[&str] = &[
    "writer",
    "workspace_id",
    "created_at",
    "action",
    "actor",
    "actor_id",
    "person",
    "link",
    "object",
    "objects",
    "request_id",
    "sealed",
];

/// What an entry is read from.
pub(super) const COLUMNS: &str = "id, chain, block, writer, workspace_id, created_at, action, actor, \
     actor_id, person, link, object, objects, request_id, sealed";

impl NewAuditEntry {
    fn values(&self) -> [Value<'_>; 12] {
        [
            self.writer.into(),
            self.workspace.into(),
            self.created_at.into(),
            self.action.into(),
            self.actor.into(),
            self.actor_id.into(),
            self.person.into(),
            self.link.into(),
            self.object.into(),
            self.objects.into(),
            self.request_id.into(),
            self.sealed.as_ref().into(),
        ]
    }
}

impl AuditEntry {
    pub(super) fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            id: row.int(0)?,
            block: row.opt_uuid(1)?.zip(row.opt_int(2)?),
            entry: NewAuditEntry {
                writer: row.uuid(3)?,
                workspace: row.opt_int(4)?.map(WorkspaceId),
                created_at: row.int(5)?,
                action: AuditAction::from_column(&row.text(6)?)?,
                actor: ActorKind::from_column(&row.text(7)?)?,
                actor_id: row.opt_uuid(8)?,
                person: row.opt_int(9)?.map(SubjectId),
                link: row.opt_uuid(10)?,
                object: row.opt_uuid(11)?,
                objects: row.int(12)?,
                request_id: row.opt_uuid(13)?,
                sealed: row.opt_sealed(14)?,
            },
        })
    }
}

impl Tx<'_> {
    /// Adds entries, in the transaction of what they tell of.
    ///
    /// # Errors
    /// When the database fails.
    pub fn audit(&mut self, entries: &[NewAuditEntry]) -> Result<()> {
        if let [entry] = entries {
            let marks: Vec<_> = (1..=NEW_COLUMNS.len()).map(|n| format!("${n}")).collect();
            let sql = format!(
                "insert into audit_entries ({}) values ({})",
                NEW_COLUMNS.join(", "),
                marks.join(", ")
            );
            return self.execute_later(&sql, &entry.values());
        }
        let rows = entries.iter().map(NewAuditEntry::values);
        self.bulk_insert("audit_entries", NEW_COLUMNS, rows).map(|_| ())
    }

    /// Adds entries to a block that is about to be made. Answers them as they are stored, when that is known
    /// without reading them: in SQLite, where nobody else writes meanwhile, a new id is larger than any before.
    /// When the largest has grown by the number of these, they have exactly the ids between.
    pub(super) fn audit_chained(
        &mut self,
        (chain, block): (Uuid, i64),
        entries: Vec<NewAuditEntry>,
    ) -> Result<Option<Vec<AuditEntry>>> {
        let before = self.last_audit_id()?;
        let columns = [NEW_COLUMNS, &["chain", "block"]].concat();
        let rows = entries.iter().map(|entry| {
            let place: [Value<'_>; 2] = [chain.into(), block.into()];
            [&entry.values()[..], &place].concat()
        });
        self.bulk_insert("audit_entries", &columns, rows)?;
        let (Some(before), Some(last)) = (before, self.last_audit_id()?) else { return Ok(None) };
        if last - before != entries.len() as i64 {
            return Ok(None);
        }
        let block = Some((chain, block));
        let stored = (before + 1..).zip(entries).map(|(id, entry)| AuditEntry { id, block, entry });
        Ok(Some(stored.collect()))
    }

    /// The largest id that an entry ever had. PostgreSQL's others count up at the same time: nothing.
    fn last_audit_id(&mut self) -> Result<Option<i64>> {
        if self.dialect() == Dialect::Postgres {
            return Ok(None);
        }
        let sql = "select seq from data.sqlite_sequence where name = 'audit_entries'";
        Ok(Some(self.query_opt(sql, &[], |row| row.int(0))?.unwrap_or(0)))
    }

    /// The public ids of links that are still there.
    ///
    /// # Errors
    /// When the database fails.
    pub fn link_uuids(
        &mut self,
        links: impl IntoIterator<Item = LinkId>,
    ) -> Result<HashMap<LinkId, Uuid>> {
        let mut clause = Where::beyond("id", 0);
        clause.and_in("id", links);
        let sql = format!("select id, uuid from links{}", clause.sql());
        let found =
            self.query(&sql, clause.params(), |row| Ok((LinkId(row.int(0)?), row.uuid(1)?)))?;
        Ok(found.into_iter().collect())
    }

    /// A page of the workspace's entries, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn audit_entries(
        &mut self,
        workspace: WorkspaceId,
        filter: &AuditFilter,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>> {
        let own = if filter.is_narrow() { "+workspace_id" } else { "workspace_id" };
        let mut clause = Where::equals(own, workspace);
        filter.narrow(&mut clause);
        let sql = format!("select count(*) from audit_entries{}", clause.sql());
        let count = self.query_one(&sql, clause.params(), |row| row.int(0))?;
        let (tail, params) = clause.sliced("created_at desc, id desc", page);
        let sql = format!("select {COLUMNS} from audit_entries{tail}");
        let rows = self.query(&sql, &params, AuditEntry::from_row)?;
        Ok(Page { count, rows })
    }

    /// Up to `limit` entries that were added after the one with the id `after`, in that order: of a
    /// workspace, or of everybody and the installation.
    ///
    /// # Errors
    /// When the database fails.
    pub fn audit_entries_after(
        &mut self,
        workspace: Option<WorkspaceId>,
        filter: &AuditFilter,
        after: i64,
        limit: i64,
    ) -> Result<Vec<AuditEntry>> {
        let mut clause = Where::beyond("id", after);
        if let Some(workspace) = workspace {
            clause.and_in("+workspace_id", [workspace]);
        }
        filter.narrow(&mut clause);
        let (tail, params) = clause.sliced("id", PageRequest { limit, offset: 0 });
        let sql = format!("select {COLUMNS} from audit_entries{tail}");
        self.query(&sql, &params, AuditEntry::from_row)
    }

    /// The entries of a block, in their order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn entries_of_block(&mut self, chain: Uuid, block: i64) -> Result<Vec<AuditEntry>> {
        self.entries_of_block_below((chain, block), i64::MAX)
    }

    /// Those of them with a smaller id than this.
    pub(super) fn entries_of_block_below(
        &mut self,
        (chain, block): (Uuid, i64),
        id: i64,
    ) -> Result<Vec<AuditEntry>> {
        let sql = format!(
            "select {COLUMNS} from audit_entries where chain = $1 and block = $2 and id < $3 \
             order by id"
        );
        self.query(&sql, &[chain.into(), block.into(), id.into()], AuditEntry::from_row)
    }

    /// How many entries wait to be chained, and since when the oldest does.
    ///
    /// # Errors
    /// When the database fails.
    pub fn open_audit_entries(&mut self) -> Result<(i64, Option<Micros>)> {
        self.query_one(
            "select count(*), min(created_at) from audit_entries where block is null",
            &[],
            |row| Ok((row.int(0)?, row.opt_int(1)?)),
        )
    }
}
