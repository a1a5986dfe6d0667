//! What an entry says beside who is at work.

use std::collections::BTreeMap;

use uuid::Uuid;
use vinculo_store::{AuditAction, Link, LinkId, SubjectId};

/// What was done, and to what. Made by naming the action and then what is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(super) action: AuditAction,
    pub(super) person: Option<SubjectId>,
    pub(super) link: Option<Uuid>,
    pub(super) object: Option<Uuid>,
    pub(super) objects: i64,
}

impl Entry {
    /// Something was done once.
    pub(crate) const fn of(action: AuditAction) -> Self {
        Self { action, person: None, link: None, object: None, objects: 1 }
    }

    /// Person it is about.
    pub(crate) const fn person(self, person: SubjectId) -> Self {
        Self { person: Some(person), ..self }
    }

    /// Link it is about, and thus the person.
    pub(crate) const fn link(self, link: &Link) -> Self {
        Self { link: Some(link.uuid), person: Some(link.subject), ..self }
    }

    /// Link that is being made.
    pub(crate) const fn new_link(self, link: Uuid) -> Self {
        Self { link: Some(link), ..self }
    }

    /// Public id of the one thing it is about that is no link.
    pub(crate) const fn object(self, object: Uuid) -> Self {
        Self { object: Some(object), ..self }
    }

    /// How many objects were shown, or how often it happened.
    pub(crate) const fn objects(self, objects: i64) -> Self {
        Self { objects, ..self }
    }
}

/// Objects that are about to be shown, by the person and the link they are about.
#[derive(Debug)]
pub(crate) struct Shown {
    action: AuditAction,
    only: Option<Uuid>,
    counts: BTreeMap<(SubjectId, LinkId), i64>,
}

impl Shown {
    /// So many of each.
    pub(crate) fn of(
        action: AuditAction,
        objects: impl IntoIterator<Item = (SubjectId, LinkId)>,
    ) -> Self {
        let mut counts = BTreeMap::new();
        for about in objects {
            *counts.entry(about).or_insert(0) += 1;
        }
        Self { action, only: None, counts }
    }

    /// All of them are of this link, if one was asked for.
    pub(crate) fn only(self, only: Option<Uuid>) -> Self {
        Self { only, ..self }
    }

    /// One entry a link; one that says that there was nothing when nothing is shown.
    pub(super) fn entries(self) -> Vec<(Entry, Option<LinkId>)> {
        let entry = Entry { link: self.only, ..Entry::of(self.action) };
        if self.counts.is_empty() {
            return vec![(entry.objects(0), None)];
        }
        let entries = self
            .counts
            .into_iter()
            .map(|((person, link), objects)| (entry.person(person).objects(objects), Some(link)));
        entries.collect()
    }
}
