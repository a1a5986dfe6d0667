//! `POST /api/co/employments/`

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use vinculo_store::Resource;

use super::schema::Shaped;
use crate::App;
use crate::api::body::JsonObject;
use crate::api::mode::{Accepted, Async};
use crate::api::query::Query;
use crate::api::retrieve::Request;
use crate::api::shape::Shape;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::once::Once;
use crate::openapi::{ModeParams, OnceParams, ShapeParams, WishParams};
use crate::request_id::RequestId;
use crate::sandbox::Wish;

/// The request.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({ "link": "5c1d7b8e-2f64-4b0c-9a55-0f3c1d2e4b6a" }))]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(crate) struct RetrieveEmployments {
    /// Id of the link.
    link: uuid::Uuid,
    /// First day of the months to show, `YYYY-MM-DD`; 24 months ago when not given.
    date_from: Option<String>,
    /// Last day of the months to show; today when not given.
    date_to: Option<String>,
    /// Whether what is found is stored (the default). Everything found is, whatever the period.
    save_data: Option<bool>,
}

/// Fills the link and answers with its employments, newest first (contract 3.4.2). With
/// `X-Belvo-Request-Mode: async` the answer is 202, and a webhook says that it is done.
#[utoipa::path(
    post, path = "/api/co/employments/", tag = "employments",
    operation_id = "retrieveEmploymentsColombia",
    request_body = RetrieveEmployments,
    params(ModeParams, OnceParams, ShapeParams, WishParams),
    responses(
        (status = 200, description = "Found, and not stored", body = [Shaped]),
        (status = 201, description = "Found and stored", body = [Shaped]),
        (status = 202, description = "The retrieval has been asked for", body = Accepted),
        (status = 400, description = "Invalid fields, an invalid link, or nothing found"),
        (status = 404, description = "The credentials of the link have expired")
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    (Async(asynchronous), wish): (Async, Wish),
    Extension(RequestId(request_id)): Extension<RequestId>,
    RawQuery(query): RawQuery,
    once: Once,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let shape = Shape::of(&Query::parse(query.as_deref().unwrap_or_default()));
    let resource = Resource::Employments;
    let request = Request { caller, resource, asynchronous, request_id, shape, wish };
    request.answer(app, once, body).await
}
