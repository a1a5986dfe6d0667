//! Webhook endpoints.

mod change;
mod create;
mod read;
mod secret;
mod test;

pub(crate) use change::{__path_change, change};
pub(crate) use create::{__path_create, create, wanted};
pub(crate) use read::{__path_delete, __path_detail, __path_list, delete, detail, list};
pub(crate) use secret::{__path_rotate, rotate};
pub(crate) use test::{__path_test, test};

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use vinculo_store::Tx;

use crate::App;
use crate::api::body::{Fields, shown};
use crate::audit::Trail;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorItem};
use crate::once::Attempt;
use crate::secrets::WorkspaceSecrets;
use crate::webhooks::TYPES;

/// Does in one transaction what is asked, and keeps the answer for a repeat, but for a secret.
async fn write_once<T: Serialize>(
    app: App,
    caller: Caller,
    attempt: Attempt,
    status: StatusCode,
    work: impl FnOnce(&mut Tx<'_>, &App, &Trail, &WorkspaceSecrets) -> Result<T, ApiError>
    + Send
    + 'static,
) -> Result<Response, ApiError> {
    let (secrets, writer) = (app.secrets(caller.workspace.id)?, app.clone());
    attempt
        .write_apart(&app, status, move |tx| {
            let done = work(tx, &writer, &caller.trail, &secrets)?;
            let mut kept = serde_json::to_value(&done)?;
            if let Some(secret) = kept.get_mut("secret") {
                *secret = Value::Null;
            }
            Ok([serde_json::to_vec(&done)?, serde_json::to_vec(&kept)?])
        })
        .await
}

/// A type of events that an endpoint can choose.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "UPPERCASE")]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(super) enum WebhookType {
    Employments,
    Owners,
    Link,
    Cohort,
}

/// `webhook_types`, if given: at least one, each once.
fn types(fields: &mut Fields<'_>) -> Option<Vec<String>> {
    let given = fields.optional_list("webhook_types")?;
    let mut types = Vec::new();
    for item in given {
        match TYPES.into_iter().find(|word| item.as_str() == Some(word)) {
            Some(word) if types.iter().any(|known| known == word) => {}
            Some(word) => types.push(word.to_owned()),
            None => {
                let value = item.as_str().map_or_else(|| Value::to_string(item), str::to_owned);
                let message = format!("\"{}\" is not a valid choice.", shown(&value));
                fields.refuse(ErrorItem::field("invalid_choice", "webhook_types", message));
                return None;
            }
        }
    }
    if types.is_empty() {
        let message = "This list may not be empty.";
        fields.refuse(ErrorItem::field("empty", "webhook_types", message));
    }
    Some(types)
}
