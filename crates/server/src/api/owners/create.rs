//! `POST /api/owners/`

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use vinculo_store::Resource;

use super::schema::Shaped;
use crate::App;
use crate::api::body::JsonObject;
use crate::api::query::Query;
use crate::api::retrieve::Request;
use crate::api::shape::Shape;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::once::Once;
use crate::openapi::{OnceParams, ShapeParams, WishParams};
use crate::request_id::RequestId;
use crate::sandbox::Wish;

/// The request.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({ "link": "5c1d7b8e-2f64-4b0c-9a55-0f3c1d2e4b6a" }))]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(crate) struct RetrieveOwners {
    /// Id of the link.
    link: uuid::Uuid,
    /// Whether what is found is stored (the default).
    save_data: Option<bool>,
}

/// Fills the link and answers with its owner (contract 3.5).
#[utoipa::path(
    post, path = "/api/owners/", tag = "owners", operation_id = "RetrieveOwners",
    request_body = RetrieveOwners,
    params(OnceParams, ShapeParams, WishParams),
    responses(
        (status = 200, description = "Found, and not stored", body = [Shaped]),
        (status = 201, description = "Found and stored", body = [Shaped]),
        (status = 400, description = "Invalid fields, an invalid link, or nothing found"),
        (status = 404, description = "The credentials of the link have expired")
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Extension(RequestId(request_id)): Extension<RequestId>,
    RawQuery(query): RawQuery,
    once: Once,
    wish: Wish,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let shape = Shape::of(&Query::parse(query.as_deref().unwrap_or_default()));
    let (resource, asynchronous) = (Resource::Owners, false);
    let request = Request { caller, resource, asynchronous, request_id, shape, wish };
    request.answer(app, once, body).await
}
