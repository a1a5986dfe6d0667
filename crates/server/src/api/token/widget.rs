//! The part of a token's request that is about the consent page (contract 7.4).

use serde_json::{Map, Value};
use url::Url;
use vinculo_store::Environment;

use crate::api::body::{Fields, shown};
use crate::error::ErrorItem;
use crate::tokens::{Branding, Callbacks, Widget};

/// Longest address and longest text, characters: the token is part of an address itself.
const LONGEST_URL: usize = 500;
const LONGEST_TEXT: usize = 100;

/// Looks of the consent page. Further keys are ignored.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(super) struct WidgetLooks {
    /// Where the browser goes in the end.
    callback_urls: Option<CallbackUrls>,
    /// Who sends the person to the page.
    branding: Option<CompanyBranding>,
}

/// Addresses with `https`; in the sandbox also with `http`.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
struct CallbackUrls {
    /// After the link was made or updated: with `link` and `institution`.
    #[schema(max_length = 500)]
    success: Option<String>,
    /// After the person said no.
    #[schema(max_length = 500)]
    exit: Option<String>,
    /// When the token opens nothing: with `error` and `error_message`.
    #[schema(max_length = 500)]
    event: Option<String>,
}

/// Who sends the person to the page.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
struct CompanyBranding {
    /// Name that people know.
    #[schema(max_length = 100)]
    company_name: Option<String>,
    /// Address of a picture, with `https`.
    #[schema(max_length = 500)]
    company_logo: Option<String>,
    /// The same; used when there is no logo.
    #[schema(max_length = 500)]
    company_icon: Option<String>,
    /// Address of your own terms.
    #[schema(max_length = 500)]
    company_terms_url: Option<String>,
    /// Their version.
    #[schema(max_length = 100)]
    company_terms_version: Option<String>,
}

/// Reads `widget`; `None` when it says nothing that is known.
pub(super) fn parse(fields: &mut Fields<'_>, environment: Environment) -> Option<Widget> {
    let given = match fields.anything("widget") {
        Value::Null => return None,
        Value::Object(given) => given,
        _ => {
            let message = "Ensure this is an object.";
            fields.refuse(ErrorItem::field("invalid", "widget", message));
            return None;
        }
    };
    let part = |name: &str| given.get(name).and_then(Value::as_object);
    let insecure = environment == Environment::Sandbox;
    let mut callbacks = Part { fields, name: "callback_urls", object: part("callback_urls") };
    let callback_urls = Callbacks {
        success: callbacks.url("success", insecure),
        exit: callbacks.url("exit", insecure),
        event: callbacks.url("event", insecure),
    };
    let mut looks = Part { fields, name: "branding", object: part("branding") };
    let (logo, icon) = (looks.url("company_logo", false), looks.url("company_icon", false));
    let branding = Branding {
        company_name: looks.text("company_name", LONGEST_TEXT),
        company_logo: logo.or(icon),
        company_terms_url: looks.url("company_terms_url", insecure),
        company_terms_version: looks.text("company_terms_version", LONGEST_TEXT),
    };
    let widget = Widget { callback_urls, branding };
    (widget != Widget::default()).then_some(widget)
}

/// One of the objects in `widget`.
struct Part<'a, 'b> {
    fields: &'a mut Fields<'b>,
    name: &'static str,
    object: Option<&'a Map<String, Value>>,
}

impl Part<'_, '_> {
    /// A text of one line that is not blank.
    fn text(&mut self, key: &'static str, longest: usize) -> Option<String> {
        let text = match self.object?.get(key)? {
            Value::Null => return None,
            Value::String(text) => text.trim(),
            _ => return self.refuse(key, "invalid", "Not a valid string.".to_owned()),
        };
        if text.chars().count() > longest {
            let message = format!("Ensure this field has no more than {longest} characters.");
            return self.refuse(key, "max_length", message);
        }
        if text.chars().any(char::is_control) {
            let message = "Ensure this field is one line without control characters.";
            return self.refuse(key, "invalid", message.to_owned());
        }
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// An address that a browser may be sent to.
    fn url(&mut self, key: &'static str, insecure: bool) -> Option<String> {
        let text = self.text(key, LONGEST_URL)?;
        let url = Url::parse(&text).ok().filter(|url| {
            let scheme = url.scheme() == "https" || insecure && url.scheme() == "http";
            scheme && url.has_host() && url.username().is_empty() && url.password().is_none()
        });
        match url {
            Some(url) => Some(url.into()),
            None => {
                let scheme = if insecure { "http or https" } else { "https" };
                let message = format!("\"{}\" is not an address with {scheme}.", shown(&text));
                self.refuse(key, "invalid", message)
            }
        }
    }

    fn refuse<T>(&mut self, key: &str, code: &'static str, message: String) -> Option<T> {
        let field = format!("widget.{}.{key}", self.name);
        self.fields.refuse(ErrorItem::field(code, field, message));
        None
    }
}
