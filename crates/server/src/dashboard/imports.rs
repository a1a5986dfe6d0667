//! `/dashboard/{environment}/imports`: planillas that were brought, and what is wrong with them.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use vinculo_pila::planilla::CheckOptions;

use super::finding_words;
use super::form::{Problem, described, problems};
use super::page::{Pager, Shell, html, html_with, known, see, when};
use super::record::{Drawn, draw};
use super::upload::PostedFile;
use super::visitor::Visitor;
use super::words::Language;
use crate::App;
use crate::Pesos;
use crate::api::page::PageQuery;
use crate::error::{ApiError, ErrorItem};
use crate::imports::{self, ImportStatus, ReceivedFile};
use crate::manage;

#[derive(Template)]
#[template(path = "imports.html")]
struct ImportsPage {
    shell: Shell,
    imports: Vec<ImportStatus>,
    pager: Pager,
    /// Rules that may pass.
    rules: Vec<&'static str>,
    problems: Vec<Problem>,
}

#[derive(Template)]
#[template(path = "import.html")]
struct ImportPage {
    shell: Shell,
    import: ImportStatus,
    summary: Option<Summary>,
    findings: Vec<FindingRow>,
    pager: Pager,
    said: Option<&'static str>,
}

/// What is read of a report.
#[derive(Deserialize)]
struct Report {
    findings: Vec<Finding>,
    summary: Option<Summary>,
}

#[derive(Deserialize)]
struct Summary {
    period: Option<String>,
    paid_on: Option<String>,
    workers: i64,
    payroll_total: i64,
}

/// A finding as it is kept.
#[derive(Deserialize)]
struct Finding {
    rule: String,
    severity: String,
    line: u64,
    columns: Option<(u32, u32)>,
    field: Option<u16>,
    field_es: Option<String>,
    field_en: Option<String>,
    found: String,
    expected: String,
    article: String,
    #[serde(default)]
    allowed: bool,
}

/// A finding as the page shows it.
struct FindingRow {
    kept: Finding,
    /// Its field in the reader's language.
    field: Option<String>,
    drawn: Option<Drawn>,
    /// What its rule says, what was found and expected, and where the regulation says so.
    meaning: Option<&'static str>,
    found: String,
    expected: String,
    article: String,
}

impl FindingRow {
    fn of(kept: Finding, language: Language) -> Self {
        let name = match language {
            Language::Es => &kept.field_es,
            Language::En => &kept.field_en,
        };
        let field = kept.field.map(|number| match name {
            Some(name) => format!("{number} {name}"),
            None => number.to_string(),
        });
        let drawn = kept.columns.map(|columns| draw(columns, &kept.found));
        let told = |text| finding_words::told(text, language).into_owned();
        Self {
            field,
            drawn,
            meaning: finding_words::meaning(&kept.rule, language),
            found: told(&kept.found),
            expected: told(&kept.expected),
            article: told(&kept.article),
            kept,
        }
    }
}

/// The imports, and the form for another one.
pub(super) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    page: PageQuery,
) -> Result<Response, ApiError> {
    show(&app, &visitor, &page, Vec::new()).await
}

async fn show(
    app: &App,
    visitor: &Visitor,
    page: &PageQuery,
    problems: Vec<Problem>,
) -> Result<Response, ApiError> {
    let found = manage::imports::read(app, &visitor.trail, visitor.workspace(), page.request());
    let found = found.await?;
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let (pager, shell) = (Pager::of(page, found.count)?, visitor.shell("imports"));
    let rules = CheckOptions::overridable().collect();
    html_with(status, &ImportsPage { shell, imports: found.rows, pager, rules, problems })
}

/// Takes a file, and shows how far it has come.
pub(super) async fn create(
    State(app): State<App>,
    page: PageQuery,
    posted: PostedFile,
) -> Result<Response, ApiError> {
    let PostedFile { visitor, form, file } = posted;
    let Some(file) = file else {
        let problem = Problem::no_file(visitor.language.data_words());
        return show(&app, &visitor, &page, vec![problem]).await;
    };
    let received = match ReceivedFile::new(file.name, &form.all("allow")) {
        Ok(received) => received,
        Err(error) => {
            let item = ErrorItem::field("invalid_choice", "allow", error.to_string());
            let labels = [("allow", visitor.language.data_words().allow)];
            let refused = ApiError::bad_request(vec![item]);
            let problems = problems(refused, visitor.language, &labels)?;
            return show(&app, &visitor, &page, problems).await;
        }
    };
    let spooled = manage::imports::spool(&app, visitor.workspace(), file.body).await?;
    let (writer, trail) = (app.clone(), visitor.trail.clone());
    let stored = imports::store_import(&app, received, spooled, move |tx, (id, new)| {
        Ok((manage::imports::received(tx, &writer, &trail, id)?, new))
    });
    let (import, new) = stored.await?;
    let said = if new { "" } else { "?said=known" };
    Ok(see(&visitor.path(&format!("/imports/{}{said}", import.id))))
}

/// One import: how far it has come, and a page of what is wrong with it.
pub(super) async fn detail(
    State(app): State<App>,
    visitor: Visitor,
    Path((_, id)): Path<(String, String)>,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let id = known(&id)?;
    let (trail, workspace) = (&visitor.trail, visitor.workspace());
    let import = manage::imports::read_one(&app, trail, workspace, id).await?;
    let report = import.report.as_ref().map(read).transpose()?;
    let (findings, summary) =
        report.map_or((Vec::new(), None), |report| (report.findings, report.summary));
    let pager = Pager::of(&page, i64::try_from(findings.len()).unwrap_or(i64::MAX))?;
    let shown = page.slice(findings).into_iter();
    let shell = visitor.shell("imports");
    html(&ImportPage {
        said: (page.query.get("said") == Some("known")).then_some(shell.d.known),
        findings: shown.map(|it| FindingRow::of(it, visitor.language)).collect(),
        shell,
        import,
        summary,
        pager,
    })
}

fn read(report: &Value) -> Result<Report, ApiError> {
    Ok(Report::deserialize(report)?)
}
