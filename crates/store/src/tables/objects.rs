//! Employments and owners: the projected objects that `GET` returns, stored in the wire's shape.

use std::cmp::Reverse;

use uuid::Uuid;
use vinculo_vault::{BlindIndex, Sealed, WrappedKey};

use super::ids::text_enum;
use super::page::Where;
use super::{LinkId, Micros, Page, PageRequest, SubjectId, TimeSpan, WorkspaceId};
use crate::{Result, Row, Tx};

text_enum! {
    /// What a link can be filled with. Each has its own table of the same columns.
    Resource in "links" {
        /// One object per payer.
        Employments = "EMPLOYMENTS",
        /// The person.
        Owners = "OWNERS",
    }
}

impl Resource {
    pub(super) const fn table(self) -> &'static str {
        match self {
            Self::Employments => "employments",
            Self::Owners => "owners",
        }
    }

    /// These resources, or every one when none is named.
    #[must_use]
    pub fn or_all(named: &[Self]) -> &[Self] {
        if named.is_empty() { Self::ALL } else { named }
    }

    /// The stored form of a list: words joined by commas.
    pub(crate) fn to_list(resources: &[Self]) -> String {
        resources.iter().map(|resource| resource.as_str()).collect::<Vec<_>>().join(",")
    }

    /// The list behind a stored column.
    pub(crate) fn from_list(text: &str) -> Result<Vec<Self>> {
        text.split(',').filter(|word| !word.is_empty()).map(Self::from_column).collect()
    }
}

/// An object to be stored.
#[derive(Debug, Clone)]
pub struct NewObject {
    /// Public id; part of what seals the document.
    pub uuid: Uuid,
    /// Workspace it belongs to.
    pub workspace: WorkspaceId,
    /// Person it is about.
    pub subject: SubjectId,
    /// Link it was loaded for.
    pub link: LinkId,
    /// What makes it the same object on the next load: the payer, or the person.
    pub object: BlindIndex,
    /// When the object was first stored.
    pub created_at: Micros,
    /// When the source was read.
    pub collected_at: Micros,
    /// The document, sealed with the subject's key.
    pub sealed: Sealed,
}

/// What a new load keeps of an object that is there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptObject {
    /// Public id.
    pub uuid: Uuid,
    /// What makes it the same object.
    pub object: BlindIndex,
    /// When it was first stored.
    pub created_at: Micros,
}

/// A stored object with what is needed to open it.
#[derive(Debug, Clone)]
pub struct SealedObject {
    /// Public id; part of what sealed the document.
    pub uuid: Uuid,
    /// The document, sealed with the subject's key.
    pub sealed: Sealed,
    /// The subject's wrapped key.
    pub key: WrappedKey,
    /// Person it is about.
    pub subject: SubjectId,
    /// Link it was loaded for.
    pub link: LinkId,
    /// Whether the person has revoked the consent behind it: nobody is shown it.
    pub withheld: bool,
}

/// What [`SealedObject::from_row`] reads.
pub(super) const SEALED: &str = "t.uuid, t.sealed, k.wrapped, t.subject_id, t.link_id, t.withheld";

/// A stored object with what it was made from.
#[derive(Debug, Clone)]
pub struct TracedObject {
    /// The object.
    pub object: SealedObject,
    /// What makes it the same object on the next load: the payer, or the person.
    pub index: BlindIndex,
}

/// Which objects of a workspace a list shows.
#[derive(Debug, Clone, Default)]
pub struct ObjectFilter {
    /// Only objects of these links.
    pub links: Option<Vec<Uuid>>,
    /// Only these public ids.
    pub ids: Option<Vec<Uuid>>,
    /// Only objects first stored in this span.
    pub created: TimeSpan,
    /// Also what is withheld, for whoever must know everything.
    pub with_withheld: bool,
}

impl ObjectFilter {
    fn clause(&self, workspace: WorkspaceId) -> Where<'_> {
        let narrow = self.links.is_some() || self.ids.is_some();
        // Ids lead to fewer rows than the workspace does, which is thus kept from its index.
        let own = if narrow { "+t.workspace_id" } else { "t.workspace_id" };
        let mut clause = Where::equals(own, workspace);
        if let Some([link]) = self.links.as_deref() {
            // As below, without a table in memory for one id.
            let template = "t.link_id = (select id from links where +workspace_id = $1 \
                            and uuid = {} limit 1)";
            clause.and_list(template, [*link]);
        } else if let Some(links) = &self.links {
            let template = "t.link_id in (select id from links where +workspace_id = $1 \
                            and uuid in ({}))";
            clause.and_list(template, links.iter().copied());
        }
        if let Some(ids) = &self.ids {
            clause.and_in("t.uuid", ids.iter().copied());
        }
        clause.and_span("t.created_at", self.created);
        if !self.with_withheld && !self.names_one() {
            clause.and_in("t.withheld", [0]);
        }
        clause
    }

    /// Whether it names one link or one object. What is withheld of that is read, to be refused; a
    /// list of anything else passes over it.
    fn names_one(&self) -> bool {
        [&self.links, &self.ids].into_iter().flatten().any(|named| named.len() == 1)
    }
}

/// A place in the list of objects, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectPosition {
    pub(super) created_at: Micros,
    pub(super) id: i64,
}

impl SealedObject {
    pub(super) fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            uuid: row.uuid(0)?,
            sealed: row.sealed(1)?,
            key: row.wrapped_key(2)?,
            subject: SubjectId(row.int(3)?),
            link: LinkId(row.int(4)?),
            withheld: row.int(5)? != 0,
        })
    }
}

impl Tx<'_> {
    /// What a link holds of a resource.
    ///
    /// # Errors
    /// When the database fails.
    pub fn kept_objects(&mut self, resource: Resource, link: LinkId) -> Result<Vec<KeptObject>> {
        let table = resource.table();
        self.query(
            &format!("select uuid, object_index, created_at from {table} where link_id = $1"),
            &[link.into()],
            |row| {
                Ok(KeptObject {
                    uuid: row.uuid(0)?,
                    object: row.blind_index(1)?,
                    created_at: row.int(2)?,
                })
            },
        )
    }

    /// Makes `objects` all that the link holds of the resource: same objects are updated in place
    /// (their id and creation time stay), new ones added, others removed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn put_objects(
        &mut self,
        resource: Resource,
        link: LinkId,
        objects: &[NewObject],
    ) -> Result<()> {
        let table = resource.table();
        let mut others = Where::equals("link_id", link);
        if !objects.is_empty() {
            others.and_list("object_index not in ({})", objects.iter().map(|o| &o.object));
        }
        self.execute(&format!("delete from {table}{}", others.sql()), others.params())?;
        let upsert = format!(
            "insert into {table} (uuid, workspace_id, subject_id, link_id, object_index, \
             created_at, collected_at, sealed) values ($1, $2, $3, $4, $5, $6, $7, $8) \
             on conflict (link_id, object_index, subject_id) do update set \
             collected_at = excluded.collected_at, sealed = excluded.sealed"
        );
        for object in objects {
            self.execute(
                &upsert,
                &[
                    object.uuid.into(),
                    object.workspace.into(),
                    object.subject.into(),
                    object.link.into(),
                    (&object.object).into(),
                    object.created_at.into(),
                    object.collected_at.into(),
                    (&object.sealed).into(),
                ],
            )?;
        }
        Ok(())
    }

    /// A page of the workspace's objects, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn objects(
        &mut self,
        resource: Resource,
        workspace: WorkspaceId,
        filter: &ObjectFilter,
        page: PageRequest,
    ) -> Result<Page<SealedObject>> {
        if let Some(page) = self.few_objects(resource, workspace, filter, page)? {
            return Ok(page);
        }
        let table = resource.table();
        let clause = filter.clause(workspace);
        let rows = self.newest(resource, &clause, page)?;
        let rows: Vec<_> = rows.into_iter().map(|(_, object)| object).collect();
        let whole = page.offset == 0 && (rows.len() as i64) < page.limit;
        let count = if whole {
            rows.len() as i64
        } else {
            let sql = format!("select count(*) from {table} t{}", clause.sql());
            self.query_one(&sql, clause.params(), |row| row.int(0))?
        };
        Ok(Page { count, rows })
    }

    /// The workspace's objects that come after a place in the list, newest first, at most `limit`
    /// of them: a walk through what changes meanwhile meets no object twice.
    ///
    /// # Errors
    /// When the database fails.
    pub fn objects_after(
        &mut self,
        resource: Resource,
        workspace: WorkspaceId,
        filter: &ObjectFilter,
        after: Option<ObjectPosition>,
        limit: i64,
    ) -> Result<Vec<(ObjectPosition, SealedObject)>> {
        let mut clause = filter.clause(workspace);
        if let Some(ObjectPosition { created_at, id }) = after {
            clause.and_list("(t.created_at, t.id) < ({})", [created_at, id]);
        }
        self.newest(resource, &clause, PageRequest { limit, offset: 0 })
    }

    /// A slice of what the clause leaves, newest first. The database orders and slices places alone: ordered
    /// with what is sealed, all of it would be copied to be thrown away.
    fn newest(
        &mut self,
        resource: Resource,
        clause: &Where<'_>,
        page: PageRequest,
    ) -> Result<Vec<(ObjectPosition, SealedObject)>> {
        let table = resource.table();
        let (tail, params) = clause.sliced("t.created_at desc, t.id desc", page);
        // In SQLite a cross join is done from left to right.
        let mut rows = self.query(
            &format!(
                "select {SEALED}, t.created_at, t.id from (select t.id from {table} t{tail}) p \
                 cross join {table} t cross join data_keys k \
                 where t.id = p.id and k.owner_kind = 'subject' and k.owner_id = +t.subject_id"
            ),
            &params,
            SealedObject::placed,
        )?;
        rows.sort_unstable_by_key(|(position, _)| Reverse(*position));
        Ok(rows)
    }

    /// Whether the workspace has more than `limit` such objects; looks at no more than that.
    ///
    /// # Errors
    /// When the database fails.
    pub fn more_objects_than(
        &mut self,
        resource: Resource,
        workspace: WorkspaceId,
        filter: &ObjectFilter,
        limit: i64,
    ) -> Result<bool> {
        let table = resource.table();
        let clause = filter.clause(workspace);
        let page = PageRequest { limit: 1, offset: limit };
        let (tail, params) = clause.sliced("t.created_at desc, t.id desc", page);
        let next =
            self.query_opt(&format!("select 1 from {table} t{tail}"), &params, |_| Ok(()))?;
        Ok(next.is_some())
    }

    /// The workspace's object with this public id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn object(
        &mut self,
        resource: Resource,
        workspace: WorkspaceId,
        uuid: Uuid,
    ) -> Result<Option<SealedObject>> {
        let table = resource.table();
        self.query_opt(
            &format!(
                "select {SEALED} from {table} t join data_keys k \
                 on k.owner_kind = 'subject' and k.owner_id = +t.subject_id \
                 where +t.workspace_id = $1 and t.uuid = $2"
            ),
            &[workspace.into(), uuid.into()],
            SealedObject::from_row,
        )
    }

    /// The workspace's object with this public id, and what it was made from.
    ///
    /// # Errors
    /// When the database fails.
    pub fn traced_object(
        &mut self,
        resource: Resource,
        workspace: WorkspaceId,
        uuid: Uuid,
    ) -> Result<Option<TracedObject>> {
        let table = resource.table();
        self.query_opt(
            &format!(
                "select {SEALED}, t.object_index from {table} t \
                 join data_keys k on k.owner_kind = 'subject' and k.owner_id = +t.subject_id \
                 where +t.workspace_id = $1 and t.uuid = $2"
            ),
            &[workspace.into(), uuid.into()],
            |row| {
                Ok(TracedObject {
                    object: SealedObject::from_row(row)?,
                    index: row.blind_index(6)?,
                })
            },
        )
    }

    /// Removes one object of the workspace, and says whom it was about. `None` when there is none
    /// with this public id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn delete_object(
        &mut self,
        resource: Resource,
        workspace: WorkspaceId,
        uuid: Uuid,
    ) -> Result<Option<SubjectId>> {
        let table = resource.table();
        self.query_opt(
            &format!(
                "delete from {table} where +workspace_id = $1 and uuid = $2 returning subject_id"
            ),
            &[workspace.into(), uuid.into()],
            |row| Ok(SubjectId(row.int(0)?)),
        )
    }
}
