//! `GET /api/`: the login probe of the official clients.

use axum::Json;
use serde::Serialize;

use crate::auth::Caller;

/// Where the resources are.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Root {
    /// Path of the institutions.
    institutions: &'static str,
    /// Path of the links.
    links: &'static str,
    /// Path of the employments.
    employments: &'static str,
    /// Path of the owners.
    owners: &'static str,
}

/// Answers 200 to a valid key.
#[utoipa::path(
    get, path = "/api/", tag = "api", operation_id = "Root",
    responses((status = 200, description = "The key is right", body = Root))
)]
pub(crate) async fn root(_caller: Caller) -> Json<Root> {
    Json(Root {
        institutions: "/api/institutions/",
        links: "/api/links/",
        employments: "/api/co/employments/",
        owners: "/api/owners/",
    })
}
