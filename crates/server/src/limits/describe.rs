//! What every operation may answer, in the description of the API.

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::{OpenApi, PathItem, ResponseBuilder};

/// Adds the refusal of too many requests to every operation.
pub(crate) fn describe(document: &mut OpenApi) {
    let wait = HeaderBuilder::new().description(Some("Seconds until there is room again"));
    let refusal = ResponseBuilder::new()
        .description("Too many requests")
        .header("Retry-After", wait.build())
        .build();
    for item in document.paths.paths.values_mut() {
        let PathItem { get, put, post, delete, patch, .. } = item;
        for operation in [get, put, post, delete, patch].into_iter().flatten() {
            operation.responses.responses.insert("429".to_owned(), refusal.clone().into());
        }
    }
}
