//! `/dashboard/{environment}/links/{id}/provenance/{employment}`: which lines made each month.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::page::{Shell, html, known, short, when};
use super::visitor::Visitor;
use crate::App;
use crate::Pesos;
use crate::error::ApiError;
use crate::manage;

#[derive(Template)]
#[template(path = "provenance.html")]
struct ProvenancePage {
    shell: Shell,
    link: String,
    told: Told,
}

impl ProvenancePage {
    /// The beginning of the link's id, by which tabs are told apart.
    fn short(&self) -> &str {
        short(&self.link)
    }
}

/// What the API tells, as far as the page shows it.
#[derive(Deserialize)]
struct Told {
    link: String,
    employer: Option<String>,
    projected_at: String,
    matches_employment: bool,
    months: Vec<Month>,
}

#[derive(Deserialize)]
struct Month {
    month: String,
    gross_amount: Option<i64>,
    days: Option<u32>,
    paid: bool,
    source: String,
    filled: Vec<Filled>,
    notes: Vec<String>,
    lines: Vec<Line>,
}

#[derive(Deserialize)]
struct Filled {
    field: String,
    source: String,
}

#[derive(Deserialize)]
struct Line {
    source: String,
    import: Option<String>,
    read_at: String,
    line: u32,
    planilla_number: Option<String>,
    planilla_type: Option<String>,
    paid_on: Option<String>,
    paid: bool,
    worker_type: Option<String>,
    bases: Value,
    role: String,
    counts_in_gross: bool,
}

impl Line {
    fn base(&self, system: &str) -> Option<Pesos> {
        self.bases[system].as_i64().map(Pesos)
    }
}

/// The months of an employment of a link, newest first.
pub(super) async fn page(
    State(app): State<App>,
    visitor: Visitor,
    Path((_, link, employment)): Path<(String, String, String)>,
) -> Result<Response, ApiError> {
    let (link, employment) = (known(&link)?.to_string(), known(&employment)?);
    let (trail, workspace) = (&visitor.trail, visitor.workspace());
    let told = manage::provenance::read(&app, trail, workspace, employment).await?;
    let told = Told::deserialize(serde_json::to_value(&told)?)?;
    if told.link != link {
        return Err(ApiError::not_found());
    }
    html(&ProvenancePage { shell: visitor.shell("links"), link, told })
}
