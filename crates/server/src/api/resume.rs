//! Resuming after a second factor (contract 3.3.4). PILA asks for none, so that no session can be
//! open: a well-formed request about a link of the caller's is told that its session is over.

use super::body::{Fields, JsonObject};
use super::query::parse_id;
use crate::App;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorItem};

/// The request.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({
    "session": "5c1d7b8e2f644b0c9a550f3c1d2e4b6a",
    "link": "5c1d7b8e-2f64-4b0c-9a55-0f3c1d2e4b6a"
}))]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(crate) struct Resume {
    /// 32 hexadecimal digits.
    #[schema(pattern = "^[0-9a-fA-F]{32}$")]
    session: String,
    /// The second factor.
    token: Option<String>,
    /// Id of the link.
    link: uuid::Uuid,
}

/// Always a refusal.
///
/// # Errors
/// 400 for bad fields, 404 for a link of somebody else, else 400 `session_expired`.
pub(super) async fn refuse(app: &App, caller: &Caller, body: &JsonObject) -> Result<(), ApiError> {
    let mut fields = Fields::new(body);
    let session = fields.required_text("session");
    if session.is_some_and(|text| !is_session(&text)) {
        let message = "Not a session: 32 hexadecimal digits expected.";
        fields.refuse(ErrorItem::field("invalid", "session", message));
    }
    fields.optional_text("token");
    let link = fields.required_text("link");
    fields.finish()?;
    let (workspace, id) = (caller.workspace.id, parse_id("link", &link.unwrap_or_default())?);
    if app.store().read(move |tx| tx.link(workspace, id)).await?.is_none() {
        return Err(ApiError::not_found());
    }
    Err(ApiError::refused(
        "session_expired",
        "The session you are trying to resume has expired, please start again from \
         register/retrieve endpoint",
    ))
}

fn is_session(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
