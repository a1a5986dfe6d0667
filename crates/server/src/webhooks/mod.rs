//! Webhooks as a workspace controls them: endpoints, what was sent to them, what is sent again.

mod address;
mod apply;
mod endpoint;
pub(crate) mod health;
mod log;
mod replay;

use http::StatusCode;
use uuid::Uuid;
use vinculo_store::{DeliveryFilter, Environment, EventFilter, Micros, PageRequest, Store};

use crate::App;
use crate::audit::Trail;
use crate::clock::wire_time;
use crate::error::ApiError;
use crate::secrets::Secrets;

pub(crate) use address::Address;
pub(crate) use apply::{apply, cancel_rest, delete, sweep};
pub use endpoint::{EndpointChange, EndpointStatus, WantedEndpoint};
pub(crate) use endpoint::{TYPES, add, judge, rotate, test};
pub(crate) use log::{ALL_TYPES, AttemptStatus, one_delivery, one_event};
pub use log::{DeliveryStatus, EventStatus};
pub(crate) use replay::{replay, replay_one, send_all_missed};

/// How many endpoints a command lists.
const ALL: PageRequest = PageRequest { limit: 1000, offset: 0 };

/// When a secret ends that is kept for so many hours beside a new one.
pub(crate) fn old_until(app: &App, hours: u16) -> Micros {
    app.now_micros() + Micros::from(hours) * 60 * 60 * 1_000_000
}

/// 409: nothing is sent to the endpoint.
pub(crate) fn disabled() -> ApiError {
    let message = "The endpoint is disabled.";
    ApiError::status(StatusCode::CONFLICT, "endpoint_disabled", message)
}

/// 409: requests are signed with an older secret as well until then.
fn still_signs(until: Micros) -> ApiError {
    let message = format!(
        "Three secrets sign until {}. Rotate after that, or with keep_old_hours 0, which ends them.",
        wire_time(until)
    );
    ApiError::status(StatusCode::CONFLICT, "old_secret_signs", message)
}

/// 409: the data that an event tells of went with its link.
fn of_the_past() -> ApiError {
    let message = "The link that the event is about was deleted.";
    ApiError::status(StatusCode::CONFLICT, "link_deleted", message)
}

/// Adds an endpoint for the organization `default`; the answer shows its secret.
///
/// # Errors
/// When the URL may not be called, the value cannot be a header, a type is unknown, or the
/// database fails.
pub async fn add_endpoint(
    app: &App,
    environment: Environment,
    wanted: WantedEndpoint,
) -> Result<EndpointStatus, ApiError> {
    let wrong = judge(app, None, Some(&wanted.url), wanted.authorization.as_deref()).await?;
    if !wrong.is_empty() {
        return Err(ApiError::bad_request(wrong));
    }
    let (secrets, writer) = (app.secrets_of(environment)?, app.clone());
    let trail = Trail::console(secrets.workspace().id);
    app.store().write(move |tx| add(tx, &writer, &trail, &secrets, &wanted)).await
}

/// The endpoints of the organization `default`, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list_endpoints(
    app: &App,
    environment: Environment,
) -> Result<Vec<EndpointStatus>, ApiError> {
    let secrets = app.secrets_of(environment)?;
    let workspace = secrets.workspace().id;
    let found = app.store().read(move |tx| tx.endpoints(workspace, ALL)).await?;
    let now = app.now_micros();
    found.rows.iter().map(|endpoint| EndpointStatus::of(&secrets, endpoint, now)).collect()
}

/// Changes an endpoint of the organization `default`; what an enabled one missed is sent when
/// `and_replay` says so.
///
/// # Errors
/// When the URL may not be called or the value cannot be a header; 404 when there is no such
/// endpoint, 409 when nothing is sent to it and `and_replay` is wanted.
pub async fn change_endpoint(
    app: &App,
    environment: Environment,
    id: Uuid,
    change: EndpointChange,
    and_replay: bool,
) -> Result<EndpointStatus, ApiError> {
    let authorization = change.authorization.as_ref().and_then(Option::as_deref);
    let secrets = app.secrets_of(environment)?;
    let wrong = judge(app, Some((&secrets, id)), change.url.as_deref(), authorization).await?;
    if !wrong.is_empty() {
        return Err(ApiError::bad_request(wrong));
    }
    apply(app, Trail::console(secrets.workspace().id), &secrets, id, change, and_replay).await
}

/// Gives an endpoint of the organization `default` a new secret, which the answer shows, and keeps
/// the one before for so many hours.
///
/// # Errors
/// 404 when there is no such endpoint, 409 while an older secret signs as well, unless `keep_hours`
/// is 0.
pub async fn rotate_secret(
    app: &App,
    environment: Environment,
    id: Uuid,
    keep_hours: u16,
) -> Result<EndpointStatus, ApiError> {
    let (secrets, writer) = (app.secrets_of(environment)?, app.clone());
    let (until, trail) = (old_until(app, keep_hours), Trail::console(secrets.workspace().id));
    app.store().write(move |tx| rotate(tx, &writer, &trail, &secrets, id, until)).await
}

/// Sends an endpoint of the organization `default` a test event; answers its `webhook_id`.
///
/// # Errors
/// 404 when there is no such endpoint, 409 when it is disabled.
pub async fn send_test(app: &App, environment: Environment, id: Uuid) -> Result<Uuid, ApiError> {
    let (secrets, writer) = (app.secrets_of(environment)?, app.clone());
    let trail = Trail::console(secrets.workspace().id);
    app.store().write(move |tx| test(tx, &writer, &trail, &secrets, id)).await
}

/// The endpoints of every workspace whose requests nobody can verify: they were added before requests were
/// signed, and have no secret yet.
///
/// # Errors
/// When the database fails, or an endpoint does not open.
pub fn unsigned_endpoints(store: &Store, secrets: &Secrets) -> Result<Vec<Uuid>, ApiError> {
    let mut unsigned = Vec::new();
    for of in secrets.all() {
        let workspace = of.workspace().id;
        for endpoint in store.read_blocking(move |tx| tx.endpoints(workspace, ALL))?.rows {
            if !EndpointStatus::of(&of, &endpoint, 0)?.signed {
                unsigned.push(endpoint.uuid);
            }
        }
    }
    Ok(unsigned)
}

/// Removes an endpoint of the organization `default`.
///
/// # Errors
/// 404 when there is no such endpoint.
pub async fn delete_endpoint(
    app: &App,
    environment: Environment,
    id: Uuid,
) -> Result<(), ApiError> {
    let secrets = app.secrets_of(environment)?;
    delete(app, Trail::console(secrets.workspace().id), &secrets, id).await
}

/// Makes deliveries of the organization `default` again; answers how many. Where endpoints are
/// named and no states, events that were never on their way to them are sent as well.
///
/// # Errors
/// 404 when there is no such endpoint, 409 when it is disabled.
pub async fn replay_deliveries(
    app: &App,
    environment: Environment,
    wanted: DeliveryFilter,
) -> Result<i64, ApiError> {
    let workspace = app.secrets_of(environment)?.workspace().id;
    replay(app, Trail::console(workspace), workspace, wanted).await
}

/// Events of the organization `default`, newest first, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn list_events(
    app: &App,
    environment: Environment,
    filter: EventFilter,
    limit: i64,
) -> Result<Vec<EventStatus>, ApiError> {
    let workspace = app.secrets_of(environment)?.workspace().id;
    let page = PageRequest { limit, offset: 0 };
    app.store()
        .read(move |tx| {
            let found = tx.events(workspace, &filter, page)?.rows;
            let ids: Vec<_> = found.iter().map(|event| event.id).collect();
            let states = tx.delivery_states(workspace, &ids)?;
            Ok(found.iter().map(|event| EventStatus::of(event, &states)).collect())
        })
        .await
}

/// An event of the organization `default` with its body, which is noted.
///
/// # Errors
/// 404 when there is none with this id.
pub async fn show_event(
    app: &App,
    environment: Environment,
    id: Uuid,
) -> Result<EventStatus, ApiError> {
    let secrets = app.secrets_of(environment)?;
    one_event(app, &Trail::console(secrets.workspace().id), &secrets, id).await
}

/// A delivery of the organization `default` with its tries and what was answered to them, which is
/// noted.
///
/// # Errors
/// 404 when there is none with this number.
pub async fn show_delivery(
    app: &App,
    environment: Environment,
    id: i64,
) -> Result<DeliveryStatus, ApiError> {
    let secrets = app.secrets_of(environment)?;
    one_delivery(app, &Trail::console(secrets.workspace().id), &secrets, id).await
}

/// Sends a delivery of the organization `default` again, whatever became of it; answers how it stands.
///
/// # Errors
/// 404 when there is none with this number, 409 when its endpoint is disabled or deleted, or the link that
/// its event is about is gone.
pub async fn replay_delivery(
    app: &App,
    environment: Environment,
    id: i64,
) -> Result<DeliveryStatus, ApiError> {
    let (workspace, writer) = (app.secrets_of(environment)?.workspace().id, app.clone());
    let trail = Trail::console(workspace);
    app.store().write(move |tx| replay_one(tx, &writer, &trail, workspace, id)).await
}

/// Deliveries of the organization `default`, those of the newest event first, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn list_deliveries(
    app: &App,
    environment: Environment,
    filter: DeliveryFilter,
    limit: i64,
) -> Result<Vec<DeliveryStatus>, ApiError> {
    let workspace = app.secrets_of(environment)?.workspace().id;
    let page = PageRequest { limit, offset: 0 };
    let found = app.store().read(move |tx| {
        let found = tx.deliveries(workspace, &filter, page)?.rows;
        let with_tries = found.iter().map(|delivery| {
            Ok::<_, ApiError>(DeliveryStatus::with_tries(delivery, &tx.attempts(delivery.id)?))
        });
        with_tries.collect()
    });
    found.await
}
