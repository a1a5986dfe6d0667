//! The institution object (contract 3.2).

use serde::Serialize;
use vinculo_pila::catalog::{Letters, document_type};
use vinculo_store::Environment;

use crate::App;
use crate::api::links::ResourceName;
use crate::api::query::Query;
use crate::sources::KINDS;

/// Name of the institution behind every Colombian employment link.
pub(crate) const PILA: &str = "pila_co_employment";

/// A data source.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Institution {
    /// Number of the institution.
    pub(crate) id: i32,
    /// Name in requests.
    name: &'static str,
    #[schema(value_type = InstitutionType)]
    r#type: &'static str,
    /// Address of its site.
    #[schema(required, format = "uri")]
    website: Option<&'static str>,
    /// Name for people.
    display_name: &'static str,
    /// Countries it is in.
    #[schema(value_type = Vec<String>)]
    country_codes: [&'static str; 1],
    /// Hexadecimal colour.
    #[schema(pattern = "^#[0-9a-f]{6}$")]
    primary_color: &'static str,
    /// Address of its logo.
    #[schema(required, format = "uri")]
    logo: Option<&'static str>,
    /// Address of its small logo.
    #[schema(required, format = "uri")]
    icon_logo: Option<&'static str>,
    /// Address of its name as a picture.
    #[schema(required, format = "uri")]
    text_logo: Option<&'static str>,
    /// No longer used.
    #[schema(required)]
    code: Option<&'static str>,
    /// What a person fills in.
    #[schema(value_type = Vec<FormField>)]
    form_fields: [FormField; 2],
    /// What is special about it.
    #[schema(value_type = Vec<Feature>)]
    features: [Feature; 0],
    /// What a link to it can be filled with.
    #[schema(value_type = Vec<ResourceName>)]
    resources: [&'static str; 2],
    #[schema(value_type = IntegrationType)]
    integration_type: &'static str,
    #[schema(value_type = InstitutionStatus)]
    status: &'static str,
}

/// A field of the form a person fills in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FormField {
    /// Key in the request.
    name: &'static str,
    /// Kind of the field, such as `text`.
    r#type: &'static str,
    /// Name for people.
    label: &'static str,
    /// Regular expression that a value must match.
    validation: &'static str,
    /// An example for people.
    placeholder: &'static str,
    /// What to say about a value that does not match.
    validation_message: &'static str,
    /// What can be chosen; empty for a text.
    values: Vec<FormValue>,
}

/// A choice of a field that has some.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct FormValue {
    code: &'static str,
    label: &'static str,
    validation: String,
    validation_message: String,
    placeholder: &'static str,
}

impl FormValue {
    /// The kinds of documents that a link can be made with.
    fn document_kinds() -> Vec<Self> {
        let kinds =
            KINDS.iter().filter_map(|(code, kind)| Some((code, document_type(kind.code())?)));
        kinds
            .map(|(code, kind)| {
                let (shortest, longest) =
                    (kind.min_length.unwrap_or(1), kind.max_length.unwrap_or(16));
                let letters = if kind.letters == Letters::No { "0-9" } else { "0-9A-Z" };
                Self {
                    code,
                    label: kind.name_es,
                    validation: format!("^[{letters}]{{{shortest},{longest}}}$"),
                    validation_message: format!(
                        "Número de {} inválido",
                        kind.name_es.to_lowercase()
                    ),
                    placeholder: "",
                }
            })
            .collect()
    }
}

/// Something special about an institution.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Feature {
    /// One word.
    name: &'static str,
    /// A sentence.
    description: &'static str,
}

/// Kind of an institution.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "a description")]
pub(crate) enum InstitutionType {
    /// A bank.
    Bank,
    /// A tax authority.
    Fiscal,
    /// Jobs.
    Employment,
}

/// How an institution is spoken to.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "a description")]
pub(crate) enum IntegrationType {
    /// With what a person knows.
    Credentials,
    /// With a consent.
    Openfinance,
}

/// Whether an institution answers.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "a description")]
pub(crate) enum InstitutionStatus {
    /// It does.
    Healthy,
    /// It does not.
    Down,
}

impl Institution {
    /// PILA, the only institution, as it stands for an environment: down while each of its operators
    /// is given a pause.
    pub(crate) fn pila(app: &App, environment: Environment) -> Self {
        let down = app.sources().are_down(environment, app.now());
        Self {
            id: 4001,
            name: PILA,
            r#type: "employment",
            website: None,
            display_name: "PILA Colombia",
            country_codes: ["CO"],
            primary_color: "#1b4f9c",
            logo: None,
            icon_logo: None,
            text_logo: None,
            code: None,
            form_fields: [
                FormField {
                    name: "username",
                    r#type: "text",
                    label: "Cédula de Ciudadanía",
                    validation: "^[0-9]{3,10}$",
                    placeholder: "1012345678",
                    validation_message: "Número de cédula inválido",
                    values: Vec::new(),
                },
                FormField {
                    name: "username_type",
                    r#type: "select",
                    label: "Tipo de documento",
                    validation: "",
                    placeholder: "001",
                    validation_message: "Tipo de documento inválido",
                    values: FormValue::document_kinds(),
                },
            ],
            features: [],
            resources: ["EMPLOYMENTS", "OWNERS"],
            integration_type: "credentials",
            status: if down { "down" } else { "healthy" },
        }
    }

    /// Whether every filter of a query lets it through.
    pub(crate) fn matches(&self, query: &Query) -> bool {
        let among = |name: &str, value: &str| {
            query.get(name).is_none_or(|one| one == value)
                && query.list(&format!("{name}__in")).is_none_or(|many| many.contains(&value))
        };
        let display = self.display_name.to_lowercase();
        let part = query.get("display_name").map(str::to_lowercase);
        let required = query.list("resources__allin").unwrap_or_default();
        among("name", self.name)
            && self.country_codes.iter().any(|code| among("country_code", code))
            && among("type", self.r#type)
            && among("status", self.status)
            && query.get("website").is_none_or(|website| self.website == Some(website))
            && part.is_none_or(|part| display.contains(&part))
            && required.iter().all(|resource| self.resources.contains(resource))
    }
}
