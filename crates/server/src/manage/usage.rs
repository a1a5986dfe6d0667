//! `/manage/v1/usage/`: what a workspace has asked sources, and what that has cost.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use vinculo_pila::Month;
use vinculo_store::Usage;

use crate::App;
use crate::api::body::shown;
use crate::api::page::PageQuery;
use crate::auth::Caller;
use crate::clock::{bogota_month, micros, month_start};
use crate::error::{ApiError, ErrorItem};
use crate::openapi::{Page, PageParams};

/// Months of one request.
const MOST_MONTHS: i32 = 24;

/// Questions of a month to one source that ended alike.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceUsage {
    /// `YYYY-MM`, in Bogotá.
    #[schema(pattern = "^\\d{4}-(0[1-9]|1[0-2])$")]
    month: String,
    /// Name of the source.
    source: String,
    /// `individual` or `bulk`.
    kind: &'static str,
    /// How they ended.
    outcome: String,
    /// How many.
    calls: i64,
    /// What they cost, whole pesos.
    cost: i64,
    /// People they were about, without those who were erased since.
    people: i64,
}

/// Which months.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description; the query is read by name")]
pub(crate) struct UsageMonths {
    /// First month, `YYYY-MM`; the present one when not given.
    #[param(example = "2026-11")]
    from: Option<String>,
    /// Last month, `YYYY-MM`; the present one when not given. At most 24 months.
    #[param(example = "2026-11")]
    to: Option<String>,
}

type UsagePage = Page<SourceUsage>;

/// What the workspace has asked, by month, source, kind and outcome; newest month first.
#[utoipa::path(
    get, path = "/manage/v1/usage/", tag = "sources", operation_id = "SourceUsage",
    params(UsageMonths, PageParams),
    responses((status = 200, description = "A page", body = UsagePage))
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let (first, last) = months(&app, &page)?;
    let workspace = caller.workspace.id;
    let used = app.store().read(move |tx| {
        let mut used = Vec::new();
        for back in 0..=last.months_since(first) {
            let month = last.plus(-back);
            let (from, before) = (month_start(month), month_start(month.plus(1)));
            let of_month = tx.source_usage(workspace, micros(from), micros(before))?;
            used.extend(of_month.into_iter().map(|usage| (month, usage)));
        }
        Ok::<_, ApiError>(used)
    });
    let shown = used
        .await?
        .into_iter()
        .map(|(month, usage)| serde_json::to_vec(&SourceUsage::of(month, usage)));
    page.answer_all(&shown.collect::<Result<Vec<_>, _>>()?)
}

impl SourceUsage {
    fn of(month: Month, usage: Usage) -> Self {
        Self {
            month: month.to_string(),
            source: usage.source,
            kind: usage.kind.as_str(),
            outcome: usage.outcome,
            calls: usage.calls,
            cost: usage.cost,
            people: usage.people,
        }
    }
}

/// The span asked for.
fn months(app: &App, page: &PageQuery) -> Result<(Month, Month), ApiError> {
    let mut wrong = Vec::new();
    let mut month = |name: &'static str| match page.query.get(name) {
        None | Some("") => bogota_month(app.now()),
        Some(text) => {
            let month = text.parse().ok();
            if month.is_none() {
                let message = format!("{:?} is no month, such as 2026-11.", shown(text));
                wrong.push(ErrorItem::field("invalid", name, message));
            }
            month
        }
    };
    let span = month("from").zip(month("to"));
    let Some((first, last)) = span.filter(|_| wrong.is_empty()) else {
        return Err(ApiError::bad_request(wrong));
    };
    let months = last.months_since(first);
    if !(0..MOST_MONTHS).contains(&months) {
        let message = format!("{first} to {last} are not 1 to {MOST_MONTHS} months.");
        return Err(ApiError::bad_request(vec![ErrorItem::field("invalid", "from", message)]));
    }
    Ok((first, last))
}
