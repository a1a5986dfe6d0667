//! What a workspace has decided about its links. A setting that was never made has its default.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use vinculo_store::{Micros, Tx, WorkspaceId};

use crate::api::links::{RefreshRateName, ResourceName};
use crate::error::ApiError;
use crate::sources::SourcePolicy;
use crate::terms::RefreshRate;

/// The settings of a workspace, as `/manage/v1/settings/` shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
#[schema(example = json!({ "refresh_rate": "24h", "allow_duplicate_links": false }))]
pub(crate) struct Settings {
    /// Whether the same person may have several links; otherwise the second is `duplicated`.
    pub(crate) allow_duplicate_links: bool,
    /// Pace of new recurrent links: `6h`, `12h`, `24h`, `7d` or `30d`.
    #[schema(value_type = RefreshRateName)]
    pub(crate) refresh_rate: String,
    /// What a new link loads that names no resources, for clients that cannot name any.
    #[schema(value_type = Vec<ResourceName>)]
    pub(crate) fetch_resources: Vec<String>,
    /// Whether a person whom no source knows gets a link with no employments, instead of
    /// `login_error`.
    pub(crate) accept_unknown_people: bool,
    /// Whether months of a planilla that was not paid yet are shown.
    pub(crate) include_drafts: bool,
    /// Whether nothing is fetched about a person without a recorded consent that holds.
    pub(crate) require_consent: bool,
    /// Legal name of who asks on the consent page (the *responsable del tratamiento*), at most 200
    /// characters; without it the page of production does not open.
    #[schema(max_length = 200)]
    pub(crate) lender_name: String,
    /// Where people exercise their rights: an e-mail or postal address, at most 200 characters;
    /// needed as the name.
    #[schema(max_length = 200)]
    pub(crate) lender_contact: String,
    /// What the data is for, as the consent page says it, at most 500 characters; needed as the
    /// name.
    #[schema(max_length = 500)]
    pub(crate) consent_purpose: String,
    /// Months that a consent holds that is given on the consent page.
    #[schema(minimum = 1, maximum = 60)]
    pub(crate) consent_months: u32,
    /// Sites that may put the consent page into a frame, such as `https://app.example.com`; at most
    /// 10.
    #[schema(max_items = 10)]
    pub(crate) frame_ancestors: Vec<String>,
    /// How long to wait after the first, second, … failed try of a webhook, seconds, each ±20 %;
    /// after the last wait comes the last try. At most 20, of 1 second to a day.
    #[schema(max_items = 20)]
    pub(crate) webhook_retry_seconds: Vec<u32>,
    /// `first`: sources are asked in order until one has everything; `all`: each of them, and what
    /// they say is merged.
    pub(crate) source_policy: SourcePolicy,
    /// Whole months of work before the present one of which lines of planillas are kept; 0 is for ever. What
    /// was made of them stays.
    #[schema(minimum = 0, maximum = 1200)]
    pub(crate) keep_lines_months: u32,
    /// Days that sealed answers of sources are kept; the question itself stays.
    #[schema(minimum = 1, maximum = 3650)]
    pub(crate) keep_source_answers_days: u32,
    /// Days that answers of webhook receivers are kept; the try itself stays.
    #[schema(minimum = 1, maximum = 3650)]
    pub(crate) keep_delivery_answers_days: u32,
    /// Days that events are kept that nothing waits for, with their deliveries.
    #[schema(minimum = 1, maximum = 3650)]
    pub(crate) keep_events_days: u32,
    /// Days that reports of imports are kept; the import itself stays.
    #[schema(minimum = 1, maximum = 3650)]
    pub(crate) keep_import_reports_days: u32,
    /// Days that ended loads are kept; the newest of a link stays.
    #[schema(minimum = 1, maximum = 3650)]
    pub(crate) keep_loads_days: u32,
    /// Days that rows of ended cohorts are kept; the cohort and its counts stay.
    #[schema(minimum = 1, maximum = 3650)]
    pub(crate) keep_cohort_rows_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow_duplicate_links: true,
            refresh_rate: "7d".to_owned(),
            fetch_resources: Vec::new(),
            accept_unknown_people: false,
            include_drafts: true,
            require_consent: false,
            lender_name: String::new(),
            lender_contact: String::new(),
            consent_purpose: String::new(),
            consent_months: 12,
            frame_ancestors: Vec::new(),
            webhook_retry_seconds: vinculo_webhook::SCHEDULE.to_vec(),
            source_policy: SourcePolicy::First,
            keep_lines_months: 0,
            keep_source_answers_days: 90,
            keep_delivery_answers_days: 30,
            keep_events_days: 90,
            keep_import_reports_days: 365,
            keep_loads_days: 365,
            keep_cohort_rows_days: 90,
        }
    }
}

impl Settings {
    /// Pace of new recurrent links.
    pub(crate) fn refresh_rate(&self) -> RefreshRate {
        RefreshRate::parse(&self.refresh_rate).unwrap_or(RefreshRate::Weekly)
    }

    /// Reads the settings of a workspace.
    ///
    /// # Errors
    /// When the database fails or holds something else.
    pub(crate) fn read(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<Self, ApiError> {
        Ok(serde_json::from_value(Value::Object(decided(tx, workspace)?))?)
    }

    /// Writes the settings that are named beside those decided before, also by a newer program.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub(crate) fn change(
        tx: &mut Tx<'_>,
        workspace: WorkspaceId,
        named: Map<String, Value>,
        now: Micros,
    ) -> Result<Self, ApiError> {
        tx.lock_workspace(workspace)?;
        let mut all = decided(tx, workspace)?;
        all.extend(named);
        tx.put_workspace_settings(workspace, &serde_json::to_string(&all)?, now)?;
        Ok(serde_json::from_value(Value::Object(all))?)
    }
}

fn decided(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<Map<String, Value>, ApiError> {
    match tx.workspace_settings(workspace)? {
        Some(document) => Ok(serde_json::from_str(&document)?),
        None => Ok(Map::new()),
    }
}
