//! `GET /api/`: the login probe of the official clients.

use axum::Json;
use serde::Serialize;

use crate::auth::Caller;

/// Where the resources are.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Root {
    institutions: &'static str,
    links: &'static str,
    employments: &'static str,
    owners: &'static str,
}

/// Answers 200 to a valid key.
#[utoipa::path(
    get, path = "/api/", tag = "api",
    responses((status = 200, body = Root), (status = 401, description = "Invalid Secret Keys"))
)]
pub(crate) async fn root(_caller: Caller) -> Json<Root> {
    Json(Root {
        institutions: "/api/institutions/",
        links: "/api/links/",
        employments: "/api/co/employments/",
        owners: "/api/owners/",
    })
}
