//! `/manage/v1/settings/`: what a workspace has decided about its links.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};
use vinculo_store::AuditAction;

use crate::App;
use crate::api::body::{Fields, JsonObject, shown};
use crate::audit::Entry;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorItem};
use crate::settings::Settings;
use crate::sources::SourcePolicy;
use crate::terms::RefreshRate;

const NAMES: [&str; 14] = [
    "allow_duplicate_links",
    "refresh_rate",
    "fetch_resources",
    "accept_unknown_people",
    "include_drafts",
    "require_consent",
    "webhook_retry_seconds",
    "source_policy",
    "keep_source_answers_days",
    "keep_delivery_answers_days",
    "keep_events_days",
    "keep_import_reports_days",
    "keep_loads_days",
    "keep_cohort_rows_days",
];

/// The last of [`NAMES`]: how long things are kept.
const DAYS: &[&str] = NAMES.split_at(8).1;

/// Longest time that something is kept, days.
const LONGEST_DAYS: i64 = 3650;

/// Most waits of a schedule, and the longest of them, seconds.
const WAITS: usize = 20;
const LONGEST_WAIT: u64 = 24 * 60 * 60;

/// The settings of the workspace.
#[utoipa::path(
    get, path = "/manage/v1/settings/", tag = "settings", operation_id = "ReadSettings",
    responses((status = 200, description = "The settings", body = Settings))
)]
pub(crate) async fn read(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Settings>, ApiError> {
    let workspace = caller.workspace.id;
    Ok(Json(app.store().read(move |tx| Settings::read(tx, workspace)).await?))
}

/// Changes the settings that are named; the others stay. They hold for what happens from now on.
#[utoipa::path(
    patch, path = "/manage/v1/settings/", tag = "settings", operation_id = "ChangeSettings",
    request_body = Settings,
    responses(
        (status = 200, description = "All settings", body = Settings),
        (status = 400, description = "An unknown setting, or a value it cannot have")
    )
)]
pub(crate) async fn change(
    State(app): State<App>,
    caller: Caller,
    body: JsonObject,
) -> Result<Json<Settings>, ApiError> {
    let named = named(&body)?;
    let (workspace, now) = (caller.workspace.id, app.now_micros());
    let (trail, writer) = (caller.trail, app.clone());
    let changed = app.store().write(move |tx| {
        trail.note(tx, &writer, Entry::of(AuditAction::SettingsChanged))?;
        Settings::change(tx, workspace, named, now)
    });
    Ok(Json(changed.await?))
}

/// The settings that a body names, each in the form it is kept in.
fn named(body: &JsonObject) -> Result<Map<String, Value>, ApiError> {
    let mut fields = Fields::new(body);
    let unknown = fields.names().find(|name| !NAMES.contains(name));
    if let Some(name) = unknown {
        let message = format!("There is no setting {}.", shown(name));
        fields.refuse(ErrorItem::field("invalid", shown(name), message));
    }
    let rate = fields.optional_choice("refresh_rate", RefreshRate::parse);
    let resources = crate::api::links::fields::resources(&mut fields);
    let resources = resources.map(|all| all.iter().map(|one| one.as_str()).collect::<Vec<_>>());
    let policy = fields.optional_choice("source_policy", SourcePolicy::parse);
    let mut named = Map::new();
    for (name, value) in [
        ("allow_duplicate_links", fields.optional_bool("allow_duplicate_links").map(Value::from)),
        ("refresh_rate", rate.map(|rate| Value::from(rate.as_str()))),
        ("fetch_resources", resources.map(Value::from)),
        ("accept_unknown_people", fields.optional_bool("accept_unknown_people").map(Value::from)),
        ("include_drafts", fields.optional_bool("include_drafts").map(Value::from)),
        ("require_consent", fields.optional_bool("require_consent").map(Value::from)),
        ("webhook_retry_seconds", schedule(&mut fields).map(Value::from)),
        ("source_policy", policy.map(|policy| Value::from(policy.as_str()))),
    ] {
        named.extend(value.map(|value| (name.to_owned(), value)));
    }
    for name in DAYS {
        named.extend(days(&mut fields, name).map(|days| ((*name).to_owned(), days.into())));
    }
    fields.finish()?;
    Ok(named)
}

fn schedule(fields: &mut Fields<'_>) -> Option<Vec<u64>> {
    let given = fields.optional_list("webhook_retry_seconds")?;
    let waits: Option<Vec<u64>> = given.iter().map(Value::as_u64).collect();
    let sound = waits.filter(|waits| {
        waits.len() <= WAITS && waits.iter().all(|wait| (1..=LONGEST_WAIT).contains(wait))
    });
    if sound.is_none() {
        let message = format!(
            "Ensure this is a list of at most {WAITS} whole numbers from 1 to {LONGEST_WAIT}."
        );
        fields.refuse(ErrorItem::field("invalid", "webhook_retry_seconds", message));
    }
    sound
}

fn days(fields: &mut Fields<'_>, name: &'static str) -> Option<i64> {
    let given = match fields.anything(name) {
        Value::Null => return None,
        given => given.as_i64(),
    };
    let days = given.filter(|days| (1..=LONGEST_DAYS).contains(days));
    if days.is_none() {
        let message = format!("Ensure this is a whole number from 1 to {LONGEST_DAYS}.");
        fields.refuse(ErrorItem::field("invalid", name, message));
    }
    days
}
