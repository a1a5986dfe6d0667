//! Answers without rows.

use serde_json::Value;

use crate::reading::value::folded;
use crate::{NoDataReason, Outcome};

/// The outcome of a status that may mean *nothing found*: it does when the body is empty, an error
/// object, or one that says so beside whatever else. Anything else comes from a gateway or a wrong base
/// URL.
pub(super) fn not_found(status: u16, text: &str, no_data_messages: &[String]) -> Outcome {
    let is_error = |body: &Value| {
        let message = body.get("message").and_then(Value::as_str);
        only_message(body).is_some()
            || message.is_some_and(|message| says_nothing_found(message, no_data_messages))
    };
    let is_error = || serde_json::from_str(text).is_ok_and(|body: Value| is_error(&body));
    if text.trim().is_empty() || is_error() {
        return Outcome::NoData(NoDataReason::NotFound);
    }
    Outcome::Fault(format!(
        "status {status} with a body that is not the operator's: wrong base URL, or a gateway"
    ))
}

/// The outcome of an object in the place of a list.
pub(super) fn object(body: &Value, no_data_messages: &[String]) -> Outcome {
    let Some(message) = only_message(body) else {
        return Outcome::Fault("the answer is an object, not a list of rows".to_owned());
    };
    if says_nothing_found(message, no_data_messages) {
        return Outcome::NoData(NoDataReason::NotFound);
    }
    // The message itself may name the person.
    Outcome::Fault("the answer is a message that does not say that nothing was found".to_owned())
}

fn says_nothing_found(message: &str, no_data_messages: &[String]) -> bool {
    let message = folded(message);
    no_data_messages.iter().any(|pattern| message.contains(&folded(pattern)))
}

/// The text of an error object: `message` and nothing else.
fn only_message(body: &Value) -> Option<&str> {
    let fields = body.as_object().filter(|fields| fields.len() == 1)?;
    fields.get("message")?.as_str()
}
