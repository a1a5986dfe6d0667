//! `/manage/v1/settings/`: what a workspace has decided about its links.

use std::ops::RangeInclusive;

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};
use url::Url;
use vinculo_store::{AuditAction, WorkspaceId};

use crate::App;
use crate::api::body::{Fields, JsonObject, OptionalJsonObject, shown};
use crate::audit::{Entry, Trail};
use crate::auth::Caller;
use crate::error::{ApiError, ErrorItem};
use crate::settings::Settings;
use crate::sources::SourcePolicy;
use crate::terms::RefreshRate;

const NAMES: [&str; 20] = [
    "allow_duplicate_links",
    "refresh_rate",
    "fetch_resources",
    "accept_unknown_people",
    "include_drafts",
    "require_consent",
    "webhook_retry_seconds",
    "source_policy",
    "lender_name",
    "lender_contact",
    "consent_purpose",
    "consent_months",
    "frame_ancestors",
    "keep_lines_months",
    "keep_source_answers_days",
    "keep_delivery_answers_days",
    "keep_events_days",
    "keep_import_reports_days",
    "keep_loads_days",
    "keep_cohort_rows_days",
];

/// The last of [`NAMES`]: how long things are kept, days.
const DAYS: &[&str] = NAMES.split_at(14).1;

/// Longest time that something is kept, days, and that lines are, months of work.
const LONGEST_DAYS: i64 = 3650;
const LONGEST_LINES: i64 = 1200;

/// Longest time that a consent of the consent page holds, months, and most sites that frame it.
const LONGEST_MONTHS: i64 = 60;
const FRAMES: usize = 10;

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
    request_body = Option<Settings>,
    responses(
        (status = 200, description = "All settings", body = Settings),
        (status = 400, description = "An unknown setting, or a value it cannot have")
    )
)]
pub(crate) async fn change(
    State(app): State<App>,
    caller: Caller,
    OptionalJsonObject(body): OptionalJsonObject,
) -> Result<Json<Settings>, ApiError> {
    let named = named(&body)?;
    Ok(Json(put(&app, caller.trail, caller.workspace.id, named).await?))
}

/// Changes settings that [`named`] has read, and notes who did.
///
/// # Errors
/// When the database fails.
pub(crate) async fn put(
    app: &App,
    trail: Trail,
    workspace: WorkspaceId,
    named: Map<String, Value>,
) -> Result<Settings, ApiError> {
    let (writer, now) = (app.clone(), app.now_micros());
    let changed = app.store().write(move |tx| {
        trail.note(tx, &writer, Entry::of(AuditAction::SettingsChanged))?;
        Settings::change(tx, workspace, named, now)
    });
    changed.await
}

/// The settings that a body names, each in the form it is kept in.
///
/// # Errors
/// 400 with every field that is wrong.
pub(crate) fn named(body: &JsonObject) -> Result<Map<String, Value>, ApiError> {
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
    named.extend(consent_page(&mut fields));
    let months = whole(&mut fields, "keep_lines_months", 0..=LONGEST_LINES);
    named.extend(months.map(|months| ("keep_lines_months".to_owned(), months.into())));
    for name in DAYS {
        let days = whole(&mut fields, name, 1..=LONGEST_DAYS);
        named.extend(days.map(|days| ((*name).to_owned(), days.into())));
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

/// What the consent page needs.
fn consent_page(fields: &mut Fields<'_>) -> Map<String, Value> {
    let mut named = Map::new();
    for (name, longest) in [("lender_name", 200), ("lender_contact", 200), ("consent_purpose", 500)]
    {
        // An empty one takes the setting back.
        let text = fields.optional_line(name, longest);
        named.extend(text.map(|text| (name.to_owned(), text.into())));
    }
    let months = whole(fields, "consent_months", 1..=LONGEST_MONTHS);
    named.extend(months.map(|months| ("consent_months".to_owned(), months.into())));
    let frames = origins(fields, "frame_ancestors");
    named.extend(frames.map(|frames| ("frame_ancestors".to_owned(), frames.into())));
    named
}

/// Sites as browsers name them.
fn origins(fields: &mut Fields<'_>, name: &'static str) -> Option<Vec<String>> {
    let given = fields.optional_list(name)?;
    let origin = |value: &Value| {
        let url = Url::parse(value.as_str()?).ok()?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let sound = bare && url.scheme() == "https" && url.username().is_empty();
        sound.then(|| url.origin().ascii_serialization())
    };
    let mut read = Vec::new();
    for value in given {
        let Some(origin) = origin(value).filter(|_| read.len() < FRAMES) else {
            let message = format!(
                "{} is not one of at most {FRAMES} sites such as https://app.example.com.",
                shown(&value.to_string())
            );
            fields.refuse(ErrorItem::field("invalid", name, message));
            return None;
        };
        read.push(origin);
    }
    Some(read)
}

fn whole(fields: &mut Fields<'_>, name: &'static str, wanted: RangeInclusive<i64>) -> Option<i64> {
    let given = match fields.anything(name) {
        Value::Null => return None,
        given => given.as_i64(),
    };
    let number = given.filter(|number| wanted.contains(number));
    if number.is_none() {
        let (least, most) = (wanted.start(), wanted.end());
        let message = format!("Ensure this is a whole number from {least} to {most}.");
        fields.refuse(ErrorItem::field("invalid", name, message));
    }
    number
}
