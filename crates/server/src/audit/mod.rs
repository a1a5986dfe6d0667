//! The audit log: who read or changed what, chained so that nothing can be taken back unseen.
//!
//! A handler holds a `Trail`, which says who is at work. A change calls `Trail::note` inside its
//! own transaction; what was read goes through `Trail::read` before it is shown.

mod block;
mod entry;
mod failures;
mod recorder;
mod told;
mod trail;
mod verify;

use uuid::Uuid;
use vinculo_store::{ActorKind, AuditAction, Consent, NewAuditEntry, Store, Tx};

pub(crate) use entry::{Entry, Shown};
pub(crate) use recorder::{Audit, chain_leftovers, record};
pub use told::export;
pub(crate) use told::{SLICE, Teller, ToldEntry};
pub(crate) use trail::{Origin, Trail};
pub use verify::{ChainStatus, MalformedHead, NotedHead, Verified, verify};

/// What binds the hidden part of an entry to its request.
fn context(request: Uuid) -> vinculo_vault::Context<'static> {
    vinculo_vault::Context::of_uuid("audit_entries", request.into_bytes())
}

/// Notes what a command did to the whole installation without an application; the next process that
/// runs jobs chains it. `now` is in microseconds since 1970 UTC. Blocks.
///
/// # Errors
/// When the database fails.
pub fn note_command(
    store: &Store,
    action: AuditAction,
    objects: i64,
    now: i64,
) -> Result<(), vinculo_store::Error> {
    let entry = NewAuditEntry { objects, ..of_command(action, now) };
    store.write_blocking(move |tx| tx.audit(&[entry]))
}

/// Notes that a command took a consent back again after a restore, in its transaction.
///
/// # Errors
/// When the database fails.
pub(crate) fn note_restored_revocation(
    tx: &mut Tx<'_>,
    consent: &Consent,
    now: i64,
) -> Result<(), vinculo_store::Error> {
    tx.audit(&[NewAuditEntry {
        workspace: Some(consent.workspace),
        person: Some(consent.subject),
        object: Some(consent.uuid),
        ..of_command(AuditAction::ConsentRevoked, now)
    }])
}

fn of_command(action: AuditAction, now: i64) -> NewAuditEntry {
    NewAuditEntry {
        writer: Uuid::nil(),
        workspace: None,
        created_at: now,
        action,
        actor: ActorKind::Console,
        actor_id: None,
        person: None,
        link: None,
        object: None,
        objects: 1,
        request_id: None,
        sealed: None,
    }
}
