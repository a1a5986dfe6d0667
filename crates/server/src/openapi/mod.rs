//! The description of the API, made from the handlers' annotations. What every operation answers is
//! added in [`common`].

mod common;
mod params;
mod shapes;
mod webhooks;

use std::sync::LazyLock;

use serde_json::Value;
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
        (name = "token", description = "Tokens for a widget in a browser"),
        (name = "consents", description = "What people have allowed, and the proof of it, under `/manage/`; none under `/api/`, where they are Brazil's"),
        (name = "sandbox", description = "The calendar of a sandbox; not part of the public contract"),
        (name = "settings", description = "What a workspace has decided; not part of the public contract"),
        (name = "sources", description = "What links are filled from, and what that costs; not part of the public contract"),
        (name = "subjects", description = "People, by document: erasure, and everything that is known; not part of the public contract"),
        (name = "audit", description = "Who read or changed what; not part of the public contract"),
        (name = "keys", description = "API keys; not part of the public contract"),
        (name = "webhooks", description = "Endpoints, events, deliveries; not part of the public contract"),
        (name = "cohorts", description = "People handed in together, of whom links are made; not part of the public contract"),
        (name = "imports", description = "Planillas and payer records; not part of the public contract"),
    )
)]
struct Document;

pub(crate) use params::{
    CreatedParams, IdInPath, IdParams, LinkParams, ModeParams, NumberInPath, OnceParams,
    PageParams, ShapeParams, WishParams,
};
pub(crate) use shapes::{File, Nothing, Page, Partial};
pub(crate) use webhooks::WebhookBody;

/// The OpenAPI document of everything under `/api/` and `/manage/v1/`, and of what is sent.
#[must_use]
pub fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
        let mut document = serde_json::to_value(described()).unwrap_or_default();
        document["webhooks"] = webhooks::section();
        document
    });
    &DOCUMENT
}

fn described() -> OpenApi {
    let mut document = crate::router::described();
    document.merge(Document::openapi());
    document.info = Document::openapi().info;
    let basic = HttpBuilder::new()
        .scheme(HttpAuthScheme::Basic)
        .description(Some("Secret ID and Secret Password"))
        .build();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("Access token of a widget"))
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("keys", SecurityScheme::Http(basic));
    components.add_security_scheme("widget", SecurityScheme::Http(bearer));
    common::add_components(components);
    document.paths.paths.values_mut().for_each(common::complete);
    document.security = Some(vec![SecurityRequirement::new("keys", Vec::<String>::new())]);
    for (path, item) in &mut document.paths.paths {
        common::name_scopes(path, item);
    }
    document
}
