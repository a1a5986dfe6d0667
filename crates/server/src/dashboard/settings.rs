//! `/dashboard/{environment}/settings`: what the workspace has decided, and what it is filled from.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value};

use super::data_words::Words;
use super::form::{Posted, Problem, described, problems};
use super::page::{Shell, html_with, second, see};
use super::setting_fields::{FIELDS, Field, Kind, Row, changed, of_form};
use super::visitor::Visitor;
use crate::App;
use crate::Pesos;
use crate::api::body::JsonObject;
use crate::api::page::PageQuery;
use crate::error::ApiError;
use crate::manage;
use crate::manage::sources::SourceStatus;
use crate::settings::Settings;

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    shell: Shell,
    groups: Vec<(&'static str, Vec<Row>)>,
    /// Everything as it was when the form was shown first, JSON.
    shown: String,
    problems: Vec<Problem>,
    said: Option<&'static str>,
    /// Limits of this server, each with its unit.
    limits: Vec<(&'static str, String)>,
    sources: Vec<SourceStatus>,
    egress: Vec<String>,
}

/// The settings, to look at or to change.
pub(super) async fn page(
    State(app): State<App>,
    visitor: Visitor,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let workspace = visitor.workspace();
    let settings = app.store().read(move |tx| Settings::read(tx, workspace)).await?;
    let Value::Object(decided) = serde_json::to_value(&settings)? else {
        return Err(ApiError::unexpected("settings that are no object"));
    };
    let said = page.query.get("said") == Some("saved");
    let shown = serde_json::to_string(&decided)?;
    show(&app, &visitor, (&decided, shown), Vec::new(), said).await
}

/// Changes the settings; what is wrong is said beside what was given.
pub(super) async fn change(State(app): State<App>, posted: Posted) -> Result<Response, ApiError> {
    let Posted { visitor, form } = posted;
    let (given, shown) = (of_form(&form), form.get("shown").to_owned());
    // Without it everything is taken as changed.
    let before = serde_json::from_str(&shown).unwrap_or_default();
    match manage::settings::named(&JsonObject::of(changed(&given, &before))) {
        Ok(named) => {
            let trail = visitor.trail.clone();
            manage::settings::put(&app, trail, visitor.workspace(), named).await?;
            Ok(see(&visitor.path("/settings?said=saved")))
        }
        Err(refused) => {
            let d = visitor.language.data_words();
            let labels: Vec<_> = FIELDS.iter().map(|it| (it.name, (it.label)(d))).collect();
            let problems = problems(refused, visitor.language, &labels)?;
            show(&app, &visitor, (&given, shown), problems, false).await
        }
    }
}

async fn show(
    app: &App,
    visitor: &Visitor,
    (values, shown): (&Map<String, Value>, String),
    problems: Vec<Problem>,
    said: bool,
) -> Result<Response, ApiError> {
    let shell = visitor.shell("settings");
    let d = shell.d;
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let environment = visitor.secrets.workspace().environment;
    html_with(
        status,
        &SettingsPage {
            groups: groups(d, values),
            shown,
            problems,
            said: said.then_some(d.saved),
            limits: limits(app, d),
            sources: manage::sources::read(app, environment).await?,
            egress: app.config().egress_addresses.iter().map(ToString::to_string).collect(),
            shell,
        },
    )
}

/// The fields under the headings of their groups, in the order of the table.
fn groups(d: &'static Words, values: &Map<String, Value>) -> Vec<(&'static str, Vec<Row>)> {
    let mut groups: Vec<(&'static str, Vec<Row>)> = Vec::new();
    for field in &FIELDS {
        let title = Field::title(field, d);
        let row = field.row(d, values.get(field.name).unwrap_or(&Value::Null));
        match groups.last_mut() {
            Some((last, rows)) if *last == title => rows.push(row),
            _ => groups.push((title, vec![row])),
        }
    }
    groups
}

fn limits(app: &App, d: &Words) -> Vec<(&'static str, String)> {
    let config = app.config();
    let per_minute = |limit: u32| match limit {
        0 => d.no_limit.to_owned(),
        limit => format!("{limit} {}", d.per_minute),
    };
    vec![
        (d.limit_requests, per_minute(config.rate_limit_per_minute)),
        (d.limit_deletions, per_minute(config.delete_limit_per_minute)),
        (d.limit_logins, per_minute(config.login_failures_per_minute)),
        (d.limit_cohort, config.cohorts.rows.to_string()),
    ]
}
