//! What a token is asked for with.

use uuid::Uuid;
use vinculo_store::Environment;

use super::widget::WidgetLooks;
use crate::api::body::{Fields, JsonObject, shown};
use crate::api::links::{ResourceName, fields as link_fields};
use crate::error::{ApiError, ErrorItem};
use crate::scopes::{self, Scopes};
use crate::tokens::{LinkDefaults, Scope, Widget};

// Source: contract 3.6.
/// The request. Further keys are ignored.
#[derive(utoipa::ToSchema)]
#[schema(example = json!({
    "scopes": "read_institutions,write_links", "external_id": "user-00042",
    "fetch_resources": ["EMPLOYMENTS", "OWNERS"], "stale_in": "365d",
    "credentials_storage": "365d", "widget": { "branding": { "company_name": "Ejemplo" } }
}))]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(crate) struct GenerateToken {
    /// Secret ID; unless a Basic header has it.
    id: Option<String>,
    /// Secret Password; unless a Basic header has it.
    password: Option<String>,
    /// `read_institutions`, `write_links`, `read_links`, joined by commas.
    scopes: String,
    /// Update mode: the link that the token is for.
    link_id: Option<Uuid>,
    /// Your own reference for the link that is made, 3 to 256 characters.
    #[schema(min_length = 3, max_length = 256)]
    external_id: Option<String>,
    /// What is loaded for it: `EMPLOYMENTS`, `OWNERS` or both.
    fetch_resources: Option<Vec<ResourceName>>,
    /// How long its data is kept, `1d` to `365d`.
    #[schema(pattern = "^\\d{1,3}d$")]
    stale_in: Option<String>,
    /// How long its cédula is kept: `store`, `nostore`, or `1d` to `365d`.
    #[schema(pattern = "^(store|nostore|\\d{1,3}d)$")]
    credentials_storage: Option<String>,
    /// Older name of loading; ignored, `fetch_resources` decides.
    fetch_historical: Option<bool>,
    /// Looks of the consent page, and where it leads.
    widget: Option<WidgetLooks>,
}

/// The request, every field valid.
pub(super) struct Wanted {
    pub(super) scopes: Vec<Scope>,
    pub(super) link: Option<Uuid>,
    pub(super) defaults: LinkDefaults,
    pub(super) widget: Option<Widget>,
}

/// Reads the request.
///
/// # Errors
/// 400 with every field that is wrong.
pub(super) fn parse(body: &JsonObject, environment: Environment) -> Result<Wanted, ApiError> {
    let mut fields = Fields::new(body);
    let scopes = scopes(&mut fields);
    let link = link_id(&mut fields);
    let defaults = LinkDefaults {
        external_id: link_fields::external_id(&mut fields),
        credentials_storage: link_fields::storage(&mut fields).map(|storage| storage.to_string()),
        stale_in: link_fields::stale_in(&mut fields),
        fetch_resources: link_fields::resources(&mut fields),
    };
    let widget = super::widget::parse(&mut fields, environment);
    fields.finish()?;
    Ok(Wanted { scopes, link, defaults, widget })
}

/// What a key must hold to make a token with these scopes.
pub(super) fn needed(scopes: &[Scope]) -> Scopes {
    let of_keys = scopes.iter().filter_map(|scope| match scope {
        Scope::ReadInstitutions => None,
        Scope::WriteLinks => Some(scopes::Scope::LinksWrite),
        Scope::ReadLinks => Some(scopes::Scope::LinksRead),
    });
    of_keys.collect()
}

fn scopes(fields: &mut Fields<'_>) -> Vec<Scope> {
    let Some(text) = fields.required_text("scopes") else { return Vec::new() };
    let mut scopes = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        match Scope::parse(name) {
            Some(scope) if scopes.contains(&scope) => {}
            Some(scope) => scopes.push(scope),
            None => {
                let message = format!("\"{}\" is not a valid choice.", shown(name));
                fields.refuse(ErrorItem::field("invalid_choice", "scopes", message));
                break;
            }
        }
    }
    if text.chars().all(|c| c == ',' || c.is_whitespace()) {
        fields.refuse(ErrorItem::field("blank", "scopes", "This field may not be blank."));
    }
    scopes
}

fn link_id(fields: &mut Fields<'_>) -> Option<Uuid> {
    let text = fields.optional_text("link_id")?;
    if text.trim().is_empty() {
        fields.refuse(ErrorItem::field("blank", "link_id", "This field may not be blank."));
        return None;
    }
    let id = Uuid::try_parse(&text).ok();
    if id.is_none() {
        let message = format!("{} is not a valid UUID.", shown(&text));
        fields.refuse(ErrorItem::field("invalid", "link_id", message));
    }
    id
}
