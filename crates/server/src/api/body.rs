//! Request bodies: JSON objects read field by field, every failing field reported at once
//! (contract 2.7). Unknown keys are ignored (2.1).

use axum::body::HttpBody as _;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use crate::App;
use crate::error::{ApiError, ErrorItem, item_of_status};
use crate::serve::paced::is_too_slow;

/// The JSON object of a request, and the bytes it was read from.
#[derive(Debug)]
pub(crate) struct JsonObject(pub(crate) Map<String, Value>, Bytes);

impl JsonObject {
    /// An object that came in another form.
    pub(crate) fn of(fields: Map<String, Value>) -> Self {
        Self(fields, Bytes::new())
    }

    /// The body as it came.
    pub(crate) fn raw(&self) -> &[u8] {
        &self.1
    }
}

/// The JSON object of a request that may come without a body.
#[derive(Debug)]
pub(crate) struct OptionalJsonObject(pub(crate) JsonObject);

impl FromRequest<App> for JsonObject {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        if !is_json(&request) && !request.body().is_end_stream() {
            return Err(of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, &request));
        }
        let bytes = read(request, app).await?;
        parse(&bytes)
    }
}

impl FromRequest<App> for OptionalJsonObject {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let other_type = of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, &request);
        let is_json = is_json(&request);
        let bytes = read(request, app).await?;
        let given = bytes.trim_ascii();
        if !given.is_empty() && !is_json {
            return Err(other_type);
        }
        // Typed clients spell a body that is not there `null`.
        if given == b"null" {
            return Ok(Self(JsonObject(Map::new(), bytes)));
        }
        parse(&bytes).map(Self)
    }
}

async fn read(request: Request, app: &App) -> Result<Bytes, ApiError> {
    let refusal = [StatusCode::PAYLOAD_TOO_LARGE, StatusCode::REQUEST_TIMEOUT];
    let [too_large, too_slow] = refusal.map(|status| of_status(status, &request));
    Bytes::from_request(request, app).await.map_err(|rejection| {
        if is_too_slow(&rejection) {
            return too_slow;
        }
        match axum::response::IntoResponse::into_response(rejection).status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_large,
            _ => ApiError::refused("parse_error", "JSON parse error - the body was cut off"),
        }
    })
}

/// A request without a content type is taken for JSON: some clients leave it out.
fn is_json(request: &Request) -> bool {
    let Some(value) = request.headers().get(CONTENT_TYPE) else { return true };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn of_status(status: StatusCode, request: &Request) -> ApiError {
    let item = item_of_status(status, request.method());
    ApiError::status(status, item.code, item.message)
}

/// An empty body is an empty object: then every field that is required says so.
fn parse(bytes: &Bytes) -> Result<JsonObject, ApiError> {
    if bytes.trim_ascii().is_empty() {
        return Ok(JsonObject(Map::new(), bytes.clone()));
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Ok(JsonObject(object, bytes.clone())),
        Ok(other) => {
            let message = format!("JSON parse error - expected an object, got {}", kind(&other));
            Err(ApiError::refused("parse_error", message))
        }
        Err(error) if error.to_string().starts_with("recursion limit exceeded") => {
            let message = "JSON parse error - more than 127 levels of lists and objects";
            Err(ApiError::refused("parse_error", message))
        }
        Err(error) => {
            let message = format!(
                "JSON parse error - {:?} error at line {} column {}",
                error.classify(),
                error.line(),
                error.column()
            );
            Err(ApiError::refused(
                "parse_error",
                message.to_lowercase().replacen("json", "JSON", 1),
            ))
        }
    }
}

/// What Python calls a JSON value: the contract's messages come from there.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

/// Reads the fields of an object and collects what is wrong with them.
pub(crate) struct Fields<'a> {
    object: &'a Map<String, Value>,
    errors: Vec<ErrorItem>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(object: &'a JsonObject) -> Self {
        Self { object: &object.0, errors: Vec::new() }
    }

    /// Notes an error that the caller found.
    pub(crate) fn refuse(&mut self, item: ErrorItem) {
        self.errors.push(item);
    }

    /// Notes every error of a refusal that the caller got.
    pub(crate) fn refuse_all(&mut self, error: ApiError) {
        self.errors.extend(error.into_items());
    }

    /// A truth value, if given. Clients also send it as a text or as a number.
    pub(crate) fn optional_bool(&mut self, name: &'static str) -> Option<bool> {
        let given = match self.object.get(name)? {
            Value::Null => return None,
            Value::Bool(value) => return Some(*value),
            other => text(other).unwrap_or_default().to_ascii_lowercase(),
        };
        match given.as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => self.fail("invalid", name, "Must be a valid boolean."),
        }
    }

    /// The names of the object, as given.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.object.keys().map(String::as_str)
    }

    /// A text that must be there and not be blank. Numbers count as their digits.
    pub(crate) fn required_text(&mut self, name: &'static str) -> Option<String> {
        match text(self.required(name)?) {
            Some(text) if text.trim().is_empty() => {
                self.fail("blank", name, "This field may not be blank.")
            }
            Some(text) => self.without_nul(name, text),
            None => self.fail("invalid", name, "Not a valid string."),
        }
    }

    /// Whatever is there, which must not be null.
    pub(crate) fn required(&mut self, name: &'static str) -> Option<&'a Value> {
        match self.object.get(name) {
            None => self.fail("required", name, "This field is required."),
            Some(Value::Null) => self.fail("null", name, "This field may not be null."),
            value => value,
        }
    }

    /// Whatever is there; null when nothing is.
    pub(crate) fn anything(&self, name: &str) -> Value {
        self.object.get(name).cloned().unwrap_or(Value::Null)
    }

    /// A text that may be missing or null.
    pub(crate) fn optional_text(&mut self, name: &'static str) -> Option<String> {
        match self.object.get(name) {
            None | Some(Value::Null) => None,
            Some(value) => match text(value) {
                Some(text) => self.without_nul(name, text),
                None => self.fail("invalid", name, "Not a valid string."),
            },
        }
    }

    /// A text of one line without white space around it, if given; `longest` in characters.
    pub(crate) fn optional_line(&mut self, name: &'static str, longest: usize) -> Option<String> {
        let text = self.optional_text(name)?.trim().to_owned();
        if let Err((code, message)) = check_line(&text, longest) {
            self.errors.push(ErrorItem::field(code, name, message));
            return None;
        }
        Some(text)
    }

    /// PostgreSQL keeps no text with a NUL in it.
    fn without_nul(&mut self, name: &'static str, text: String) -> Option<String> {
        if text.contains('\0') {
            return self.fail("invalid", name, "Null characters are not allowed.");
        }
        Some(text)
    }

    /// One of a fixed set of words, if given.
    pub(crate) fn optional_choice<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.optional_text(name)?;
        let parsed = parse(&text);
        if parsed.is_none() {
            let message = format!("\"{}\" is not a valid choice.", shown(&text));
            self.errors.push(ErrorItem::field("invalid_choice", name, message));
        }
        parsed
    }

    /// A list, if given. The contract's error for anything else names no field.
    pub(crate) fn optional_list(&mut self, name: &'static str) -> Option<&'a [Value]> {
        match self.object.get(name)? {
            Value::Null => None,
            Value::Array(items) => Some(items),
            other => {
                let message = format!("Expected a list but got type \"{}\".", kind(other));
                self.errors.push(ErrorItem::whole("not_a_list", message));
                None
            }
        }
    }

    /// Ends the reading: all errors, or none.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        if self.errors.is_empty() { Ok(()) } else { Err(ApiError::bad_request(self.errors)) }
    }

    fn fail<T>(
        &mut self,
        code: &'static str,
        name: &'static str,
        message: &'static str,
    ) -> Option<T> {
        self.errors.push(ErrorItem::field(code, name, message));
        None
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// Whether a text is one line of at most so many characters; else the code of the error, and what is wrong.
///
/// # Errors
/// When it is not.
pub(crate) fn check_line(text: &str, longest: usize) -> Result<(), (&'static str, String)> {
    if text.chars().count() > longest {
        let message = format!("Ensure this field has no more than {longest} characters.");
        return Err(("max_length", message));
    }
    if text.chars().any(char::is_control) {
        let message = "Ensure this field is one line without control characters.";
        return Err(("invalid", message.to_owned()));
    }
    Ok(())
}

/// A value repeated in a message, cut so that no message grows with its request.
pub(crate) fn shown(value: &str) -> String {
    const SHOWN: usize = 100;
    if value.chars().count() <= SHOWN {
        return value.to_owned();
    }
    value.chars().take(SHOWN).chain(['…']).collect()
}
