//! The link on the wire, described (contract 3.3.1).

use uuid::Uuid;

use crate::openapi::{Page, Partial};

/// A page of links.
pub(crate) type Links = Page<Partial<Link>>;

/// A person connected to an institution.
#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "id": "5c1d7b8e-2f64-4b0c-9a55-0f3c1d2e4b6a",
    "institution": "pila_co_employment",
    "access_mode": "single",
    "status": "valid",
    "refresh_rate": null,
    "created_by": "b0c9f4a2-7d3e-4f18-8a6b-1c2d3e4f5a6b",
    "last_accessed_at": "2026-11-24T12:00:00.204518Z",
    "external_id": "user-00042",
    "created_at": "2026-11-24T12:00:00.193077Z",
    "institution_user_id": "Zk9sQm1xT3B2d1h5ejAxMjM0NTY3ODlBQkNERUZHSEk=",
    "credentials_storage": "365d",
    "stale_in": null,
    "fetch_resources": ["EMPLOYMENTS", "OWNERS"]
}))]
#[expect(dead_code, reason = "a description; `WireLink` is what is written")]
pub(crate) struct Link {
    /// Id of the link.
    id: Uuid,
    /// Name of the institution.
    institution: String,
    /// Filled once, or kept fresh.
    #[schema(required)]
    access_mode: Option<AccessMode>,
    /// What the institution last said about the credentials.
    status: Status,
    /// How often a recurrent link is refreshed.
    #[schema(required)]
    refresh_rate: Option<RefreshRate>,
    /// Id of the organization whose key made it.
    created_by: Uuid,
    /// Last successful contact with the institution.
    #[schema(required, format = DateTime)]
    last_accessed_at: Option<String>,
    /// Your own reference; null when it looked like personal data.
    #[schema(required)]
    external_id: Option<String>,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// Pseudonym of the person at the institution: the same person gives the same value.
    #[schema(pattern = "^[A-Za-z0-9\\-=_]{44}$")]
    institution_user_id: String,
    /// How long the credentials are kept.
    #[schema(pattern = "^(store|nostore|\\d{1,3}d)$")]
    credentials_storage: String,
    /// How long the data is kept, when that was asked for.
    #[schema(required, pattern = "^\\d{1,3}d$")]
    stale_in: Option<String>,
    /// What is loaded, as asked for.
    fetch_resources: Vec<ResourceName>,
}

/// Which links a list shows (contract 3.3.2); all that are given must hold.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description; the query is read by name")]
pub(crate) struct LinkFilters {
    /// Name of the institution.
    institution: Option<String>,
    /// Names of institutions.
    #[param(rename = "institution__in", style = Form, explode = false)]
    institutions: Option<Vec<String>>,
    /// Mode.
    access_mode: Option<AccessMode>,
    /// Status.
    status: Option<Status>,
    /// Statuses.
    #[param(rename = "status__in", style = Form, explode = false)]
    statuses: Option<Vec<Status>>,
    /// `6h`, `12h`, `24h`, `7d`, `30d`, or `null` for links without one.
    refresh_rate: Option<String>,
    /// Your own reference.
    external_id: Option<String>,
    /// Your own references.
    #[param(rename = "external_id__in", style = Form, explode = false)]
    external_ids: Option<Vec<String>>,
    /// Pseudonym of the person.
    institution_user_id: Option<String>,
    /// Pseudonyms of persons.
    #[param(rename = "institution_user_id__in", style = Form, explode = false)]
    institution_user_ids: Option<Vec<String>>,
    /// Links that none of these organizations made.
    #[param(rename = "created_by__not_in", style = Form, explode = false)]
    not_created_by: Option<Vec<Uuid>>,
}

/// Whether a link is filled once or kept fresh.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "a description")]
pub(crate) enum AccessMode {
    /// Filled on demand.
    Single,
    /// Refreshed on a schedule.
    Recurrent,
}

/// State of a link's credentials.
#[derive(utoipa::ToSchema)]
#[schema(as = LinkStatus, rename_all = "snake_case")]
#[expect(dead_code, reason = "a description")]
pub(crate) enum Status {
    /// Accepted.
    Valid,
    /// Refused, or no longer stored.
    Invalid,
    /// Creation has not been completed.
    Unconfirmed,
    /// A second factor is needed.
    TokenRequired,
}

/// How often a recurrent link is refreshed.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "a description")]
pub(crate) enum RefreshRate {
    /// Every six hours.
    #[schema(rename = "6h")]
    SixHours,
    /// Every twelve hours.
    #[schema(rename = "12h")]
    TwelveHours,
    /// Every day.
    #[schema(rename = "24h")]
    Day,
    /// Every week.
    #[schema(rename = "7d")]
    Week,
    /// Every thirty days.
    #[schema(rename = "30d")]
    Month,
}

/// What a link can be filled with.
#[derive(utoipa::ToSchema)]
#[schema(as = Resource, rename_all = "UPPERCASE")]
#[expect(dead_code, reason = "a description")]
pub(crate) enum ResourceName {
    /// Jobs and salaries.
    Employments,
    /// The person.
    Owners,
}
