//! Telling the customer: the webhooks of the contract (section 5), written as events.

use serde::Serialize;
use uuid::Uuid;
use vinculo_store::{Link, LoadId, NewEvent, Recipients, Resource, Tx};
use vinculo_vault::{Context, DataKey};

use crate::error::ApiError;
use crate::secrets::WorkspaceSecrets;
use crate::{App, traces};

const LOGIN_ERROR: &str = "Invalid credentials provided to login to the institution";

/// What all webhooks about one link share.
pub(crate) struct Announcement<'a> {
    pub(crate) app: &'a App,
    pub(crate) link: &'a Link,
    pub(crate) key: &'a DataKey,
    pub(crate) external_id: Option<&'a str>,
    /// The load behind it, if it was one.
    pub(crate) load: Option<LoadId>,
    /// The request or import behind it.
    pub(crate) request_id: Uuid,
}

impl Announcement<'_> {
    /// Emits one webhook in the transaction that changed the link.
    pub(crate) fn emit(&self, tx: &mut Tx<'_>, webhook: &Webhook) -> Result<(), ApiError> {
        let id = self.app.uuid().map_err(ApiError::unexpected)?;
        let body = serde_json::to_vec(&WireWebhook {
            webhook_id: id.simple().to_string(),
            webhook_type: webhook.kind,
            process_type: webhook.process,
            webhook_code: webhook.code,
            link_id: Some(self.link.uuid),
            request_id: self.request_id,
            external_id: self.external_id,
            data: &webhook.data,
        })?;
        tx.emit(&NewEvent {
            webhook_id: id,
            workspace: self.link.workspace,
            subject: Some(self.link.subject),
            link: Some(self.link.id),
            load: self.load,
            webhook_type: webhook.kind,
            webhook_code: webhook.code,
            body: &self.key.seal(body_context(id), &body)?,
            created_at: self.app.now_micros(),
            to: Recipients::Everybody,
        })?;
        Ok(())
    }
}

/// Emits an event about no person, sealed with the workspace's key. Answers its id.
pub(crate) fn emit_own(
    tx: &mut Tx<'_>,
    app: &App,
    secrets: &WorkspaceSecrets,
    webhook: &Webhook,
    to: Recipients,
) -> Result<Uuid, ApiError> {
    let new_id = || app.uuid().map_err(ApiError::unexpected);
    let (id, request_id) = (new_id()?, new_id()?);
    drop(traces::beginning(request_id, webhook.code));
    let body = serde_json::to_vec(&WireWebhook {
        webhook_id: id.simple().to_string(),
        webhook_type: webhook.kind,
        process_type: webhook.process,
        webhook_code: webhook.code,
        link_id: None,
        request_id,
        external_id: None,
        data: &webhook.data,
    })?;
    tx.emit(&NewEvent {
        webhook_id: id,
        workspace: secrets.workspace().id,
        subject: None,
        link: None,
        load: None,
        webhook_type: webhook.kind,
        webhook_code: webhook.code,
        body: &secrets.data_key().seal(body_context(id), &body)?,
        created_at: app.now_micros(),
        to,
    })?;
    Ok(id)
}

/// What binds a body to its event.
pub(crate) fn body_context(webhook_id: Uuid) -> Context<'static> {
    Context::of_uuid("events", webhook_id.into_bytes())
}

/// A webhook of the contract (section 5.3).
pub(crate) struct Webhook {
    kind: &'static str,
    process: &'static str,
    code: &'static str,
    data: serde_json::Value,
}

/// The envelope (contract 5.2), in the guide's order.
#[derive(Serialize)]
struct WireWebhook<'a> {
    webhook_id: String,
    webhook_type: &'a str,
    process_type: &'a str,
    webhook_code: &'a str,
    link_id: Option<Uuid>,
    request_id: Uuid,
    external_id: Option<&'a str>,
    data: &'a serde_json::Value,
}

impl Webhook {
    /// A load has ended: so many objects are there.
    pub(super) fn filled(resource: Resource, count: usize) -> Self {
        let total = match resource {
            Resource::Employments => "total_employments",
            Resource::Owners => "total_owners",
        };
        Self {
            kind: resource.as_str(),
            process: "historical_update",
            code: "historical_update",
            data: serde_json::json!({ total: count }),
        }
    }

    /// Objects came or changed.
    pub(super) fn news(resource: Resource, count: usize) -> Self {
        let (code, new) = match resource {
            Resource::Employments => ("new_employments_available", "new_employments"),
            Resource::Owners => ("new_owners_available", "new_owners"),
        };
        Self {
            kind: resource.as_str(),
            process: "recurrent_update",
            code,
            data: serde_json::json!({ new: count }),
        }
    }

    /// The link was deleted by a request that did not wait for it.
    pub(crate) fn link_deleted() -> Self {
        Self {
            kind: "LINK",
            process: "historical_update",
            code: "link_deleted",
            data: serde_json::json!({}),
        }
    }

    /// Every row of a cohort has ended.
    pub(crate) fn cohort_finished(data: serde_json::Value) -> Self {
        Self { kind: "COHORT", process: "historical_update", code: "cohort_finished", data }
    }

    /// Somebody wants to see whether webhooks arrive.
    pub(crate) fn test() -> Self {
        Self {
            kind: "TEST",
            process: "recurrent_update",
            code: "test",
            data: serde_json::json!({}),
        }
    }

    /// Nothing is sent to an endpoint any more.
    pub(crate) fn endpoint_disabled(endpoint: Uuid, reason: &str) -> Self {
        Self {
            kind: "ENDPOINT",
            process: "recurrent_update",
            code: "endpoint_disabled",
            data: serde_json::json!({ "endpoint": endpoint, "reason": reason }),
        }
    }

    /// The institution refused the person.
    pub(super) fn invalid_credentials() -> Self {
        Self {
            kind: "LINK",
            process: "recurrent_update",
            code: "invalid_credentials",
            data: serde_json::json!({
                "error_code": "login_error", "error_message": LOGIN_ERROR, "status": 400
            }),
        }
    }
}
