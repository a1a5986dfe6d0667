//! Everything that one link holds of a resource, which is seldom much: what most reads ask for.

use std::cmp::Reverse;
use std::sync::LazyLock;

use uuid::Uuid;

use super::objects::SEALED;
use super::{
    ObjectFilter, ObjectPosition, Page, PageRequest, Resource, SealedObject, TimeSpan, WorkspaceId,
};
use crate::{Result, Row, Tx};

/// So many objects of a link are read without asking the database for an order.
const FEW: i64 = 8;

impl SealedObject {
    /// Reads [`SEALED`] with `created_at` and `id` behind it.
    pub(super) fn placed(row: &Row<'_>) -> Result<(ObjectPosition, Self)> {
        let position = ObjectPosition { created_at: row.int(6)?, id: row.int(7)? };
        Ok((position, Self::from_row(row)?))
    }
}

impl Tx<'_> {
    /// A page of the objects of a link, newest first, where nothing else is asked for and the link holds no
    /// more than [`FEW`]. To order them here is less than to have the database find each of them twice.
    pub(super) fn few_objects(
        &mut self,
        resource: Resource,
        workspace: WorkspaceId,
        filter: &ObjectFilter,
        page: PageRequest,
    ) -> Result<Option<Page<SealedObject>>> {
        let Some(link) = only_link(filter) else { return Ok(None) };
        let params = &[link.into(), workspace.into(), (FEW + 1).into()];
        let mut all = self.query(of_link(resource), params, SealedObject::placed)?;
        let count = all.len() as i64;
        if count > FEW {
            return Ok(None);
        }
        all.sort_unstable_by_key(|(position, _)| Reverse(*position));
        let rows = all.into_iter().map(|(_, object)| object);
        let [limit, offset] =
            [page.limit, page.offset].map(|rows| usize::try_from(rows).unwrap_or_default());
        Ok(Some(Page { count, rows: rows.skip(offset).take(limit).collect() }))
    }
}

/// The link whose objects are asked for, if nothing else is said of them.
fn only_link(filter: &ObjectFilter) -> Option<Uuid> {
    match filter {
        ObjectFilter { links: Some(links), ids: None, created, .. } => match links[..] {
            [link] if *created == TimeSpan::default() => Some(link),
            _ => None,
        },
        _ => None,
    }
}

/// What [`SealedObject::placed`] reads of the objects of a link. What is withheld is among them, to be
/// refused.
fn of_link(resource: Resource) -> &'static str {
    static EMPLOYMENTS: LazyLock<String> = LazyLock::new(|| text(Resource::Employments));
    static OWNERS: LazyLock<String> = LazyLock::new(|| text(Resource::Owners));
    match resource {
        Resource::Employments => &EMPLOYMENTS,
        Resource::Owners => &OWNERS,
    }
}

fn text(resource: Resource) -> String {
    let table = resource.table();
    // In SQLite a cross join is done from left to right.
    format!(
        "select {SEALED}, t.created_at, t.id \
         from links l cross join {table} t cross join data_keys k \
         where l.uuid = $1 and +l.workspace_id = $2 and t.link_id = l.id \
         and +t.workspace_id = $2 and k.owner_kind = 'subject' and k.owner_id = +t.subject_id \
         limit $3"
    )
}
