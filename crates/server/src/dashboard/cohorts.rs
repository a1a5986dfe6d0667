//! `/dashboard/{environment}/cohorts`: people handed in together.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use vinculo_store::{CohortResult, Tx};

use super::form::{Posted, Problem, described, problems};
use super::page::{Pager, Shell, html, html_with, known, see, when};
use super::upload::PostedFile;
use super::visitor::Visitor;
use crate::App;
use crate::api::page::PageQuery;
use crate::cohorts::{CohortStatus, CohortTerms};
use crate::error::ApiError;
use crate::manage;

/// Rows shown at once.
const ROWS: i64 = 100;

#[derive(Template)]
#[template(path = "cohorts.html")]
struct CohortsPage {
    shell: Shell,
    cohorts: Vec<CohortStatus>,
    pager: Pager,
    problems: Vec<Problem>,
}

#[derive(Template)]
#[template(path = "cohort.html")]
struct CohortPage {
    shell: Shell,
    cohort: CohortStatus,
    rows: Vec<CohortResult>,
    /// The last line before those shown, and the last one of those when there may be more.
    after: i64,
    next: Option<i64>,
}

impl CohortPage {
    fn counts(&self) -> [(&'static str, i64); 6] {
        let cohort = &self.cohort;
        [
            ("waiting", cohort.waiting),
            ("ok", cohort.ok),
            ("no_data", cohort.no_data),
            ("invalid", cohort.invalid),
            ("failed", cohort.failed),
            ("cancelled", cohort.cancelled),
        ]
    }

    fn is_open(&self) -> bool {
        matches!(self.cohort.state, "running" | "cancelling")
    }
}

/// The cohorts, and the form for another one.
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
    let (trail, workspace) = (&visitor.trail, visitor.workspace());
    let found = manage::cohorts::read(app, trail, workspace, page.request()).await?;
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let pager = Pager::of(page, found.count)?;
    let shell = visitor.shell("cohorts");
    html_with(status, &CohortsPage { shell, cohorts: found.rows, pager, problems })
}

/// Takes a file, and shows how far it has come.
pub(super) async fn create(
    State(app): State<App>,
    page: PageQuery,
    posted: PostedFile,
) -> Result<Response, ApiError> {
    let PostedFile { visitor, form, file } = posted;
    let d = visitor.language.data_words();
    let Some(file) = file else {
        return show(&app, &visitor, &page, vec![Problem::no_file(d)]).await;
    };
    let given = ["webhooks", "access_mode"].map(|name| (name, form.get(name)));
    let received = match CohortTerms::read(given) {
        Ok(terms) => manage::cohorts::receive(&app, visitor.workspace(), terms, file.body).await,
        Err(refused) => Err(refused),
    };
    let received = match received {
        Ok(received) => received,
        Err(refused) => {
            let labels = [
                ("webhooks", d.tell),
                ("access_mode", visitor.language.words().access_mode),
                ("file", d.file),
            ];
            let problems = problems(refused, visitor.language, &labels)?;
            return show(&app, &visitor, &page, problems).await;
        }
    };
    let (writer, trail) = (app.clone(), visitor.trail.clone());
    let begun = app.store().write(move |tx: &mut Tx<'_>| received.begin(tx, &writer, &trail));
    Ok(see(&visitor.path(&format!("/cohorts/{}", begun.await?.id))))
}

/// One cohort: how far it has come, and what became of some of its rows.
pub(super) async fn detail(
    State(app): State<App>,
    visitor: Visitor,
    Path((_, id)): Path<(String, String)>,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let (trail, workspace) = (&visitor.trail, visitor.workspace());
    let cohort = manage::cohorts::read_one(&app, trail, workspace, known(&id)?).await?;
    let after = page.query.get("after").and_then(|line| line.parse().ok()).unwrap_or(0);
    let of = cohort.id;
    let rows = app.store().read(move |tx| tx.cohort_results(of, after, ROWS)).await?;
    let next = rows.last().map(|row| row.line).filter(|_| rows.len() as i64 == ROWS);
    let (shell, cohort) = (visitor.shell("cohorts"), CohortStatus::of(&cohort));
    html(&CohortPage { shell, cohort, rows, after, next })
}

/// What became of every row, as a file.
pub(super) async fn download(
    State(app): State<App>,
    visitor: Visitor,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    manage::cohorts::download(&app, &visitor.trail, visitor.workspace(), known(&id)?).await
}

/// Cancels the rows that wait.
pub(super) async fn cancel(
    State(app): State<App>,
    Path((_, id)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, ApiError> {
    let (visitor, id) = (posted.visitor, known(&id)?);
    manage::cohorts::stop(&app, visitor.trail.clone(), visitor.workspace(), id).await?;
    Ok(see(&visitor.path(&format!("/cohorts/{id}"))))
}
