//! What is sent to webhook endpoints, as the section `webhooks` of the document.

use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

/// What is sent to an endpoint.
#[derive(ToSchema)]
#[schema(example = json!({
    "webhook_id": "6f0a1c52b7de4f8c9a3e5d7b1c2f4a60", "webhook_type": "EMPLOYMENTS",
    "process_type": "historical_update", "webhook_code": "historical_update",
    "link_id": "5c1d7b8e-2f64-4b0c-9a55-0f3c1d2e4b6a",
    "request_id": "9d3b6f1e-52c4-4a7e-8b0d-1f2e3a4b5c6d", "external_id": "user-00042",
    "data": { "total_employments": 2 }
}))]
#[expect(dead_code, reason = "a description; the body is written by hand")]
pub(crate) struct WebhookBody {
    /// The same in every try; what a receiver remembers.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    webhook_id: String,
    /// `EMPLOYMENTS`, `OWNERS`, `LINK`, `COHORT` or `TEST`; of what is sent to nobody, `ENDPOINT`.
    webhook_type: String,
    /// `historical_update` or `recurrent_update`.
    process_type: String,
    /// What happened.
    webhook_code: String,
    /// The link it is about; null when it is about none.
    #[schema(required)]
    link_id: Option<Uuid>,
    /// The request behind it.
    request_id: Uuid,
    /// The `external_id` of the link.
    #[schema(required)]
    external_id: Option<String>,
    /// By type and code.
    #[schema(value_type = Object)]
    data: Value,
}

/// Every type that is sent, with its codes and their `data`.
pub(super) fn section() -> Value {
    let employments = [
        ("historical_update", count("total_employments")),
        ("new_employments_available", count("new_employments")),
    ];
    let owners = [
        ("historical_update", count("total_owners")),
        ("new_owners_available", count("new_owners")),
    ];
    let refused = object(&json!({
        "error_code": { "type": "string" }, "error_message": { "type": "string" },
        "status": { "type": "integer" }
    }));
    let link = [("invalid_credentials", refused), ("link_deleted", object(&json!({})))];
    let cohort = [("cohort_finished", json!({ "$ref": "#/components/schemas/CohortStatus" }))];
    json!({
        "EMPLOYMENTS": sent("EMPLOYMENTS", "Employments of a link are there, or are new", &employments),
        "OWNERS": sent("OWNERS", "Owners of a link are there, or are new", &owners),
        "LINK": sent("LINK", "A link was refused, or its deletion is done", &link),
        "COHORT": sent("COHORT", "Every row of a cohort has ended", &cohort),
        "TEST": sent("TEST", "Somebody asked for it", &[("test", object(&json!({})))]),
    })
}

fn sent(kind: &str, summary: &str, codes: &[(&str, Value)]) -> Value {
    let bodies = codes.iter().map(|(code, data)| {
        json!({
            "allOf": [{ "$ref": "#/components/schemas/WebhookBody" }],
            "properties": {
                "webhook_type": { "const": kind }, "webhook_code": { "const": code }, "data": data
            }
        })
    });
    let bodies: Vec<_> = bodies.collect();
    let header = |name: &str, what: &str| {
        json!({
            "name": name, "in": "header", "required": false, "description": what,
            "schema": { "type": "string" }
        })
    };
    json!({ "post": {
        "tags": ["webhooks"],
        "operationId": format!("Receive{kind}"),
        "summary": summary,
        "security": [],
        "parameters": [
            header("webhook-id", "The `webhook_id`"),
            header("webhook-timestamp", "When this try began, seconds since 1970"),
            header("webhook-signature", "`v1,` and a signature; during a rotation two or three, with spaces between"),
        ],
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": { "oneOf": bodies } } }
        },
        "responses": {
            "2XX": { "description": "Taken" },
            "410": { "description": "Gone: the endpoint is disabled" },
            "default": { "description": "Not taken: it is tried again" }
        }
    } })
}

fn count(name: &str) -> Value {
    object(&json!({ name: { "type": "integer", "minimum": 0 } }))
}

/// An object of these members, all of which are there.
fn object(properties: &Value) -> Value {
    let names: Vec<_> = properties.as_object().into_iter().flat_map(|it| it.keys()).collect();
    json!({ "type": "object", "required": names, "properties": properties })
}
