//! What every operation answers besides its own: refusals and their body, and the request's id.
//!
//! An operation names its success and, if it likes, its own refusals as `(status = 404)`; the rest is
//! added here, so that none forgets it.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::schema::{Components, ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::scopes::{Need, needed};

/// One object of an error body.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "a description; the request-id layer writes the body")]
pub(crate) struct Error {
    /// The id of the request, as in `X-Request-Id`.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    request_id: String,
    /// For people; the contract's sentence where it has one.
    #[schema(min_length = 1)]
    message: String,
    /// For programs.
    #[schema(pattern = "^[a-z_]+$")]
    code: String,
    /// The field of the request it is about, if it is about one.
    #[schema(required = false, nullable = false)]
    field: String,
    /// Pseudonym of the person who has a link already, with `duplicated`.
    #[schema(required = false, nullable = false)]
    institution_user_id: String,
}

/// The body of every refusal: one object per failing field, at least one.
#[derive(utoipa::ToSchema)]
#[schema(min_items = 1)]
#[expect(dead_code, reason = "a description; the request-id layer writes the body")]
pub(crate) struct Errors(Vec<Error>);

/// A refusal that any operation may answer, or any of its kind.
struct Refusal {
    status: u16,
    name: &'static str,
    description: &'static str,
    code: &'static str,
    message: &'static str,
    /// Which operations answer it.
    to: fn(&Operation) -> bool,
}

const REFUSALS: [Refusal; 12] = [
    Refusal {
        status: 400,
        name: "Invalid",
        description: "Something in the request is wrong; one object per failing field",
        code: "required",
        message: "This field is required.",
        to: |operation| operation.request_body.is_some() || has_query(operation),
    },
    Refusal {
        status: 401,
        name: "Unauthenticated",
        description: "The key is missing or wrong, or the token has ended",
        code: "authentication_failed",
        message: "Invalid Secret Keys",
        to: |_| true,
    },
    Refusal {
        status: 403,
        name: "Denied",
        description: "The caller may not do this",
        code: "access_to_resource_denied",
        message: "You don't have access to this resource.",
        to: |_| true,
    },
    Refusal {
        status: 404,
        name: "NotFound",
        description: "No such object in this workspace, or no such page",
        code: "not_found",
        message: "Not found.",
        to: |operation| {
            parameter(operation, |p| p.parameter_in == ParameterIn::Path || p.name == "page")
        },
    },
    Refusal {
        status: 405,
        name: "MethodNotAllowed",
        description: "The resource does not know the method; `Allow` says which it knows",
        code: "method_not_allowed",
        message: "Method \"PATCH\" not allowed.",
        to: |_| true,
    },
    Refusal {
        status: 408,
        name: "Timeout",
        description: "The request took too long",
        code: "request_timeout",
        message: "The request timed out, you can retry asking for less data by changing your query parameters",
        to: |_| true,
    },
    Refusal {
        status: 409,
        name: "Conflict",
        description: "The `Idempotency-Key` was used for another request",
        code: "idempotency_key_reused",
        message: "This key was used for another request in the last 24 hours.",
        to: |operation| parameter(operation, |p| p.name == "Idempotency-Key"),
    },
    Refusal {
        status: 413,
        name: "TooLarge",
        description: "The body is larger than the server accepts",
        code: "request_entity_too_large",
        message: "The request body is larger than the server accepts.",
        to: |operation| operation.request_body.is_some(),
    },
    Refusal {
        status: 415,
        name: "UnsupportedMediaType",
        description: "The body is not JSON",
        code: "unsupported_media_type",
        message: "The request body must be application/json.",
        to: takes_json,
    },
    Refusal {
        status: 429,
        name: "TooManyRequests",
        description: "Too many requests; `Retry-After` says when to come back, seconds",
        code: "too_many_requests",
        message: "Too many requests, try again later.",
        to: |_| true,
    },
    Refusal {
        status: 500,
        name: "Unexpected",
        description: "Something failed; what, is in the server's log under the request's id",
        code: "unexpected_error",
        message: "Belvo is unable to process the request due to an internal system issue or to an unsupported response from an institution",
        to: |_| true,
    },
    Refusal {
        status: 503,
        name: "Unavailable",
        description: "The database does not answer; `Retry-After` says when to come back, seconds",
        code: "service_unavailable",
        message: "Belvo is unable to process the request due to an internal system issue or to an unsupported response from an institution",
        to: |_| true,
    },
];

/// Adds the refusals and the schemas of their body to the components.
pub(super) fn add_components(components: &mut Components) {
    for (name, schema) in [(Error::name(), Error::schema()), (Errors::name(), Errors::schema())] {
        components.schemas.insert(name.into_owned(), schema);
    }
    for refusal in &REFUSALS {
        components
            .responses
            .insert(refusal.name.to_owned(), refusal.response(refusal.description).into());
    }
}

/// Gives an operation the refusals it did not name, and every answer its headers.
pub(super) fn complete(item: &mut PathItem) {
    let PathItem { get, put, post, delete, patch, .. } = item;
    for operation in [get, put, post, delete, patch].into_iter().flatten() {
        for text in [&mut operation.summary, &mut operation.description].into_iter().flatten() {
            *text = without_source(text);
        }
        for refusal in &REFUSALS {
            let status = refusal.status.to_string();
            let response: RefOr<Response> = match operation.responses.responses.get(&status) {
                Some(RefOr::T(own)) if !own.description.is_empty() => {
                    refusal.response(&own.description).into()
                }
                Some(RefOr::T(_)) => Ref::from_response_name(refusal.name).into(),
                None if (refusal.to)(operation) => Ref::from_response_name(refusal.name).into(),
                _ => continue,
            };
            operation.responses.responses.insert(status, response);
        }
        for (status, response) in &mut operation.responses.responses {
            if let RefOr::T(response) = response {
                if response.description.is_empty() {
                    response.description = reason(status);
                }
                response
                    .headers
                    .entry("X-Request-Id".to_owned())
                    .or_insert_with(|| request_id().into());
            }
        }
    }
}

/// Names the scope that each operation needs of a key, as a role of its security requirement.
pub(super) fn name_scopes(path: &str, item: &mut PathItem) {
    let PathItem { get, put, post, delete, patch, .. } = item;
    for (method, operation) in [
        (Method::GET, get),
        (Method::PUT, put),
        (Method::POST, post),
        (Method::DELETE, delete),
        (Method::PATCH, patch),
    ] {
        let Some(operation) = operation else { continue };
        let Some(Need::Scope(scope)) = needed(&method, path) else { continue };
        let keys = SecurityRequirement::new("keys", Vec::<String>::new());
        let named = SecurityRequirement::new("keys", [scope.as_str()]);
        let security = operation.security.get_or_insert_with(|| vec![keys.clone()]);
        for requirement in security.iter_mut().filter(|requirement| **requirement == keys) {
            *requirement = named.clone();
        }
    }
}

impl Refusal {
    fn response(&self, description: &str) -> Response {
        let response = ResponseBuilder::new()
            .description(description)
            .content("application/json", body(self.example()))
            .header("X-Request-Id", request_id());
        match self.status {
            401 => response.header("WWW-Authenticate", text("The scheme that is wanted")),
            405 => response.header("Allow", text("Methods, joined by commas")),
            429 | 503 => response.header("Retry-After", seconds()),
            _ => response,
        }
        .build()
    }

    fn example(&self) -> Value {
        let mut item = json!({
            "request_id": "7b0f6e0c2d9a4f1e8c3b5a6d7e8f9012",
            "message": self.message,
            "code": self.code,
        });
        if self.status == 400 {
            item["field"] = json!("username");
        }
        json!([item])
    }
}

fn body(example: Value) -> Content {
    let schema = Ref::from_schema_name(Errors::name());
    ContentBuilder::new().schema(Some(schema)).example(Some(example)).build()
}

fn request_id() -> Header {
    let id = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9a-f]{32}$"));
    header(id, "The id of this request")
}

fn text(description: &str) -> Header {
    header(ObjectBuilder::new().schema_type(Type::String), description)
}

fn seconds() -> Header {
    let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
    header(number, "Seconds to wait")
}

fn header(schema: ObjectBuilder, description: &str) -> Header {
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
}

/// What HTTP calls a status.
fn reason(status: &str) -> String {
    let status = status.parse::<StatusCode>().ok();
    status.and_then(|status| status.canonical_reason()).unwrap_or("Answer").to_owned()
}

/// A sentence without the section of the contract that it comes from, which readers do not have.
fn without_source(text: &str) -> String {
    let Some((before, rest)) = text.split_once(" (contract ") else { return text.to_owned() };
    let after = rest.split_once(')').map_or("", |(_, after)| after);
    without_source(&format!("{before}{after}"))
}

fn has_query(operation: &Operation) -> bool {
    parameter(operation, |parameter| parameter.parameter_in == ParameterIn::Query)
}

fn parameter(
    operation: &Operation,
    test: impl Fn(&utoipa::openapi::path::Parameter) -> bool,
) -> bool {
    let mut parameters = operation.parameters.iter().flatten();
    parameters.any(|given| matches!(given, RefOr::T(parameter) if test(parameter)))
}

fn takes_json(operation: &Operation) -> bool {
    match &operation.request_body {
        Some(RefOr::T(body)) => body.content.contains_key("application/json"),
        _ => false,
    }
}
