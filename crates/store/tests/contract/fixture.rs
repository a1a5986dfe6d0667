//! Made-up rows: every value is a number spread over the bytes its type wants.

use crate::support::TestDatabase;
use uuid::Uuid;
use vinculo_store::{
    AccessMode, Due, EndpointId, Environment, Error, EventFilter, EventId, ImportId, LinkId,
    LoadId, Micros, NewEndpoint, NewEvent, NewImport, NewLink, NewLoad, PageRequest, Recipients,
    Resource, Result, Subject, SubjectId, Trigger, Tx, WorkspaceId,
};
use vinculo_vault::{BlindIndex, Sealed, WrappedKey};

/// Some moment; tests count from it.
pub(crate) const NOW: Micros = 1_767_225_600_000_000;
pub(crate) const SECOND: Micros = 1_000_000;

pub(crate) const ALL: PageRequest = PageRequest { limit: 100, offset: 0 };

pub(crate) fn uuid(n: u64) -> Uuid {
    Uuid::from_u128(u128::from(n))
}

pub(crate) fn index(n: u64) -> BlindIndex {
    BlindIndex::from_bytes(&spread::<32>(n)).expect("no look-up value")
}

pub(crate) fn sealed(n: u64) -> Sealed {
    let mut bytes = vec![1];
    bytes.extend(spread::<48>(n));
    Sealed::from_bytes(bytes).expect("no sealed value")
}

pub(crate) fn wrapped(n: u64) -> WrappedKey {
    let mut bytes = vec![b'd', 0, 0, 0, 3];
    bytes.extend(spread::<60>(n));
    WrappedKey::from_bytes(&bytes).expect("no wrapped key")
}

pub(crate) fn root(n: u64) -> WrappedKey {
    let mut bytes = vec![b'r', 0, 0, 0, 3];
    bytes.extend(spread::<60>(n));
    WrappedKey::from_bytes(&bytes).expect("no wrapped key")
}

pub(crate) fn spread<const N: usize>(n: u64) -> [u8; N] {
    let mut bytes = [0xa5; N];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    bytes
}

/// The answer of a write that must succeed.
pub(crate) async fn write<T: Send + 'static>(
    db: &TestDatabase,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
) -> T {
    db.store.write(work).await.expect("not written")
}

/// The answer of a read that must succeed.
pub(crate) async fn read<T: Send + 'static>(
    db: &TestDatabase,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
) -> T {
    db.store.read(work).await.expect("not read")
}

/// The error of a write that must fail.
pub(crate) async fn refused<T: Send + 'static>(
    db: &TestDatabase,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
) -> Error {
    match db.store.write(work).await {
        Ok(_) => panic!("written, although it must be refused"),
        Err(error) => error,
    }
}

/// Two workspaces of one organization: the one a test uses, and a foreign one.
pub(crate) async fn workspaces(db: &TestDatabase) -> (WorkspaceId, WorkspaceId) {
    write(db, |tx| {
        let organization = tx.insert_organization(uuid(1), "default", NOW)?;
        let mut make = |n, environment| {
            tx.insert_workspace(uuid(n), organization, environment, &wrapped(n), NOW)
        };
        Ok((make(2, Environment::Sandbox)?, make(3, Environment::Production)?))
    })
    .await
}

/// Person `n` of a workspace.
pub(crate) fn person(tx: &mut Tx<'_>, workspace: WorkspaceId, n: u64) -> Result<Subject> {
    tx.ensure_subject(workspace, &index(n), &wrapped(n), NOW)
}

/// What [`add_link`] stores, to be changed.
pub(crate) fn new_link<'a>(
    workspace: WorkspaceId,
    subject: SubjectId,
    n: u64,
    sealed: &'a Sealed,
) -> NewLink<'a> {
    NewLink {
        uuid: uuid(n),
        workspace,
        subject,
        institution: "pila_co_employment",
        access_mode: AccessMode::Single,
        refresh_rate: None,
        created_by: uuid(1),
        created_at: NOW,
        last_accessed_at: None,
        institution_user_id: "pseudonym",
        credentials_storage: "store",
        stale_in: None,
        fetch_resources: &[Resource::Employments],
        external_index: None,
        due: Due::default(),
        consent: None,
        sealed,
    }
}

pub(crate) fn add_link(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    subject: SubjectId,
    n: u64,
) -> Result<LinkId> {
    tx.insert_link(&new_link(workspace, subject, n, &sealed(n)))
}

pub(crate) fn add_load(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    subject: SubjectId,
    link: LinkId,
    resources: &[Resource],
) -> Result<LoadId> {
    tx.insert_load(&NewLoad {
        workspace,
        subject,
        link,
        trigger: Trigger::Creation,
        resources,
        request_id: uuid(70),
        window: None,
        save_data: true,
        quiet: false,
        source_call: None,
        created_at: NOW,
    })
}

pub(crate) fn add_endpoint(tx: &mut Tx<'_>, workspace: WorkspaceId, n: u64) -> Result<EndpointId> {
    tx.insert_endpoint(&NewEndpoint {
        uuid: uuid(n),
        workspace,
        created_at: NOW,
        types: None,
        sealed: &sealed(n),
    })
}

/// Receives file `n`, which nobody has received yet.
pub(crate) fn add_import(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    n: u64,
    spool: Option<Uuid>,
) -> Result<ImportId> {
    let (import, new) = tx.receive_import(&NewImport {
        uuid: uuid(n),
        workspace,
        sha256: &spread(n),
        bytes: 359,
        name: &sealed(n),
        allowed: "",
        spool,
        created_at: NOW,
    })?;
    assert!(new);
    Ok(import)
}

/// Emits event `n`, whose deliveries are due at `at`.
pub(crate) fn emit_at(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    subject: SubjectId,
    n: u64,
    at: Micros,
) -> Result<EventId> {
    tx.emit(&NewEvent { created_at: at, ..new_event(workspace, Some(subject), n, &sealed(n)) })?;
    event_id(tx, workspace, n)
}

/// The id of event `n`.
pub(crate) fn event_id(tx: &mut Tx<'_>, workspace: WorkspaceId, n: u64) -> Result<EventId> {
    let only = EventFilter { id: Some(uuid(n)), ..EventFilter::default() };
    Ok(tx.events(workspace, &only, ALL)?.rows.first().expect("not emitted").id)
}

/// What [`emit_at`] stores, to be changed.
pub(crate) fn new_event<'a>(
    workspace: WorkspaceId,
    subject: Option<SubjectId>,
    n: u64,
    body: &'a Sealed,
) -> NewEvent<'a> {
    NewEvent {
        webhook_id: uuid(n),
        workspace,
        subject,
        link: subject.map(|_| LinkId(1)),
        load: None,
        webhook_type: "EMPLOYMENTS",
        webhook_code: "historical_update",
        body,
        created_at: NOW,
        to: Recipients::Everybody,
    }
}
