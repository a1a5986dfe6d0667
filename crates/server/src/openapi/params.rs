//! Parameters that many operations take.

use utoipa::IntoParams;
use uuid::Uuid;

/// Which page of a list (contract 2.2).
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description; the query is read by name")]
pub(crate) struct PageParams {
    /// Page, from 1. A page past the end is 404.
    #[param(minimum = 1, default = 1)]
    page: Option<i64>,
    /// Objects on a page; more than 1000 means 1000.
    #[param(minimum = 1, default = 100)]
    page_size: Option<i64>,
}

/// Which keys of an object are shown (contract 2.4).
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description; the query is read by name")]
pub(crate) struct ShapeParams {
    /// Top-level keys to show; others are left out.
    #[param(style = Form, explode = false)]
    fields: Option<Vec<String>>,
    /// Top-level keys to leave out.
    #[param(style = Form, explode = false)]
    omit: Option<Vec<String>>,
}

/// When an object was made (contract 2.3). A date is its whole day in UTC; a timestamp is its
/// microsecond, but for midnight, which ends a range with its day.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description; the query is read by name")]
pub(crate) struct CreatedParams {
    /// Made on this day, `YYYY-MM-DD`, or at this moment.
    #[param(example = "2026-11-24")]
    created_at: Option<String>,
    /// Made later.
    #[param(rename = "created_at__gt", example = "2026-11-24")]
    after: Option<String>,
    /// Made then or later.
    #[param(rename = "created_at__gte", example = "2026-11-24")]
    from: Option<String>,
    /// Made earlier.
    #[param(rename = "created_at__lt", example = "2026-11-24")]
    before: Option<String>,
    /// Made then or earlier.
    #[param(rename = "created_at__lte", example = "2026-11-24")]
    until: Option<String>,
    /// Made between two days or moments, both of them included.
    #[param(rename = "created_at__range", style = Form, explode = false, min_items = 2, max_items = 2)]
    range: Option<Vec<String>>,
}

/// One object, or several.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description; the query is read by name")]
pub(crate) struct IdParams {
    /// The object with this id.
    id: Option<Uuid>,
    /// The objects with these ids.
    #[param(rename = "id__in", style = Form, explode = false)]
    ids: Option<Vec<Uuid>>,
}

/// The link that objects belong to.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description; the query is read by name")]
pub(crate) struct LinkParams {
    /// Objects of this link.
    link: Option<Uuid>,
    /// Objects of these links.
    #[param(rename = "link__in", style = Form, explode = false)]
    links: Option<Vec<Uuid>>,
}

/// A POST that may be repeated.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "a description; the header is read by name")]
pub(crate) struct OnceParams {
    /// Repeats with the same key get the first answer for 24 hours, and have no effect.
    #[param(rename = "Idempotency-Key", pattern = "^[!-~]{1,255}$")]
    key: Option<String>,
}

/// How the question behind a request of the sandbox ends.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "a description; the header is read by name")]
pub(crate) struct WishParams {
    /// Sandbox only: `delay=<milliseconds>` before the operator's answer, and one of `unknown`,
    /// `empty`, `invalid`, `unauthorized`, `withheld`, `saturated`, `down`, `fault`, `malformed`,
    /// `stranger` in its place; both with a comma between.
    #[param(rename = "X-Vinculo-Sandbox", example = "delay=1500,saturated")]
    wish: Option<String>,
}

/// Whether the caller waits (contract 2.11).
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "a description; the header is read by name")]
pub(crate) struct ModeParams {
    /// `async`: the answer is 202, the work is done in the background, a webhook tells of its end.
    #[param(rename = "X-Belvo-Request-Mode", example = "async")]
    mode: Option<String>,
}

/// The object in the path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "a description; the path is read by its place")]
pub(crate) struct IdInPath {
    /// Id of the object.
    id: Uuid,
}

/// The numbered object in the path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "a description; the path is read by its place")]
pub(crate) struct NumberInPath {
    /// Number of the object.
    id: i64,
}
