//! `/manage/v1/sources/`: what the links of a workspace are filled from, and how each source stands.

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;
use vinculo_store::Environment;

use crate::App;
use crate::api::page::PageQuery;
use crate::auth::Caller;
use crate::clock::{bogota_month, micros, wire_time};
use crate::error::ApiError;
use crate::openapi::{Page, PageParams};
use crate::sources::{Cause, Source, Standing};

/// One source of the workspace's environment, as this process sees it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceStatus {
    pub(crate) name: &'static str,
    /// Place in the order sources are asked in, from 1.
    position: usize,
    /// `closed`: it is asked; `open`: it is given a pause; `half_open`: the next question decides. Null
    /// for imported planillas, which are asked nothing.
    #[schema(required)]
    pub(crate) breaker: Option<&'static str>,
    /// Why it is given a pause: `down`, `not_authorized`, or `retry_after`: it has asked for it.
    #[schema(required)]
    cause: Option<&'static str>,
    /// When the pause ends.
    #[schema(required, format = DateTime)]
    pub(crate) paused_until: Option<String>,
    /// Since when the source has refused the installation's own credentials. Somebody has to mend that;
    /// links stay valid and their loads wait.
    #[schema(required, format = DateTime)]
    pub(crate) not_authorized_since: Option<String>,
    /// Why it answers nothing; null once it does, and before it was asked.
    #[schema(required)]
    pub(crate) unanswered: Option<Unanswered>,
    /// Questions on their way.
    pub(crate) in_flight: usize,
    /// How many there may be.
    #[schema(required)]
    at_once: Option<usize>,
    /// When each outcome was last seen, since the process began.
    pub(crate) last_outcomes: Vec<LastOutcome>,
    /// What a question costs.
    #[schema(required)]
    pub(crate) price: Option<Price>,
    /// What it may cost in a month; null without a limit.
    #[schema(required)]
    pub(crate) budget: Option<MonthlyBudget>,
}

/// Why a source answers nothing.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unanswered {
    /// When the first question of a row was not answered.
    #[schema(format = DateTime)]
    since: String,
    /// Of the last question: `retry_later`, `not_authorized` or `fault`.
    outcome: &'static str,
    /// `timeout`, `upstream_down`, `rate_limited` or `saturated`.
    #[schema(required)]
    reason: Option<&'static str>,
    /// Of the last answer; null when there was none.
    #[schema(required)]
    http_status: Option<u16>,
}

/// When an outcome was last seen.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LastOutcome {
    pub(crate) outcome: &'static str,
    #[schema(format = DateTime)]
    pub(crate) at: String,
}

/// What a question costs.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Price {
    /// A question about one person, whole pesos.
    pub(crate) individual: i64,
    /// An entry of a job about many, whole pesos.
    bulk: i64,
    /// `call`: every answer; `hit`: data alone.
    pub(crate) billed_on: &'static str,
    /// For how many hours an answer is used again instead of asking.
    reuse_hours: u64,
}

/// What a source may cost in a month of Bogotá. It is that of the installation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MonthlyBudget {
    /// `YYYY-MM`.
    #[schema(required)]
    month: Option<String>,
    /// Whole pesos.
    pub(crate) limit: i64,
    /// Whole pesos.
    pub(crate) used: i64,
    /// Whether four fifths of it are used.
    pub(crate) warning: bool,
    /// Whether a further question no longer fits.
    pub(crate) used_up: bool,
}

type SourcesPage = Page<SourceStatus>;

/// The sources of the workspace's environment, in the order they are asked.
#[utoipa::path(
    get, path = "/manage/v1/sources/", tag = "sources", operation_id = "ListSources",
    params(PageParams),
    responses((status = 200, description = "A page", body = SourcesPage))
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    page: PageQuery,
) -> Result<Response, ApiError> {
    let shown = read(&app, caller.workspace.environment).await?;
    page.answer_all(&shown.iter().map(serde_json::to_vec).collect::<Result<Vec<_>, _>>()?)
}

/// The sources of an environment, in the order they are asked.
///
/// # Errors
/// When the database fails.
pub(crate) async fn read(
    app: &App,
    environment: Environment,
) -> Result<Vec<SourceStatus>, ApiError> {
    let mut shown = Vec::new();
    for (place, source) in app.sources().of(environment).iter().enumerate() {
        let standing = match app.sources().gate(source) {
            Some(gate) => Some(gate.standing(app).await?),
            None => None,
        };
        shown.push(SourceStatus::of(source, place + 1, standing, app.now()));
    }
    Ok(shown)
}

impl SourceStatus {
    fn of(source: &Source, position: usize, gate: Option<Standing>, now: Timestamp) -> Self {
        let time = |at: Timestamp| wire_time(micros(at));
        let shut = gate.as_ref().and_then(|gate| gate.shut);
        let away = gate.as_ref().and_then(|gate| gate.away_until);
        let unanswered = gate.as_ref().and_then(|gate| gate.unanswered.as_ref());
        let last = gate.iter().flat_map(|gate| &gate.last);
        Self {
            name: source.name(),
            position,
            breaker: gate.as_ref().map(|gate| gate.breaker),
            cause: match shut.map(|shut| shut.cause) {
                Some(Cause::Down) => Some("down"),
                Some(Cause::Refused) => Some("not_authorized"),
                None => away.map(|_| "retry_after"),
            },
            paused_until: shut.map(|shut| shut.until).or(away).map(time),
            not_authorized_since: gate.as_ref().and_then(|gate| gate.refused_since).map(time),
            unanswered: unanswered.map(|it| Unanswered {
                since: time(it.since),
                outcome: it.outcome,
                reason: it.reason,
                http_status: it.http_status,
            }),
            in_flight: gate.as_ref().map_or(0, |gate| gate.in_flight),
            at_once: gate.as_ref().map(|gate| gate.terms.at_once),
            last_outcomes: last
                .map(|(outcome, at)| LastOutcome { outcome, at: time(*at) })
                .collect(),
            price: gate.as_ref().map(|gate| Price {
                individual: gate.terms.price,
                bulk: gate.terms.bulk_price,
                billed_on: gate.terms.billed_on.as_str(),
                reuse_hours: gate.terms.reuse.as_secs() / 3600,
            }),
            budget: gate.as_ref().and_then(|gate| {
                let (limit, used, warning) = gate.budget?;
                let used_up = used.saturating_add(gate.terms.price) > limit;
                let month = bogota_month(now).map(|month| month.to_string());
                Some(MonthlyBudget { month, limit, used, warning, used_up })
            }),
        }
    }
}
