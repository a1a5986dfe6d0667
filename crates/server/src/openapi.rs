//! The description of the API, made from the handlers' annotations.

use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "vinculo",
        description = "Employment data for Colombia, from PILA.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "api", description = "Login probe"),
        (name = "institutions", description = "Data sources"),
        (name = "links", description = "People connected to an institution"),
        (name = "employments", description = "Jobs and salaries"),
        (name = "owners", description = "The people behind links"),
        (name = "consents", description = "None in Colombia"),
        (name = "imports", description = "Planillas and payer records; not part of the public contract"),
    )
)]
struct Document;

/// The OpenAPI document of everything under `/api/` and `/manage/v1/`.
#[must_use]
pub fn document() -> OpenApi {
    let (_, mut document) = crate::router::api().split_for_parts();
    document.merge(crate::router::manage().into_openapi());
    document.merge(Document::openapi());
    document.info = Document::openapi().info;
    crate::limits::describe(&mut document);
    let basic = HttpBuilder::new()
        .scheme(HttpAuthScheme::Basic)
        .description(Some("Secret ID and Secret Password"))
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("keys", SecurityScheme::Http(basic));
    document.security = Some(vec![SecurityRequirement::new("keys", Vec::<String>::new())]);
    document
}
