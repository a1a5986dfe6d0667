//! The part of a token's request that is about the consent page (contract 7.4).

use serde_json::{Map, Value};
use url::Url;
use vinculo_store::Environment;

use crate::api::body::{Fields, check_line, shown};
use crate::error::ErrorItem;
use crate::tokens::{Branding, Callbacks, Widget};

/// Longest address and longest text, characters: the token is part of an address itself.
const LONGEST_URL: usize = 500;
const LONGEST_TEXT: usize = 100;

/// Schemes of no callback: what they name would run in the page, or is nothing of the customer's.
const NO_CALLBACK: [&str; 6] = ["about", "blob", "data", "file", "javascript", "vbscript"];

/// Looks of the consent page. Further keys are ignored.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "the schema of the request; the fields are read one by one")]
pub(super) struct WidgetLooks {
    /// Where the browser goes in the end.
    callback_urls: Option<CallbackUrls>,
    /// Who sends the person to the page.
    branding: Option<CompanyBranding>,
}

/// Addresses with `https` or the scheme of an app, such as `com.example.app://ok`; in the sandbox also
/// with `http`.
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
    /// Address of a picture, with `https`; anything else is left out.
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
        success: callbacks.callback("success", insecure),
        exit: callbacks.callback("exit", insecure),
        event: callbacks.callback("event", insecure),
    };
    let mut looks = Part { fields, name: "branding", object: part("branding") };
    let (logo, icon) = (looks.picture("company_logo"), looks.picture("company_icon"));
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
        if let Err((code, message)) = check_line(text, longest) {
            return self.refuse(key, code, message);
        }
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// An address on the web.
    fn url(&mut self, key: &'static str, insecure: bool) -> Option<String> {
        let text = self.text(key, LONGEST_URL)?;
        match web_address(&text, insecure) {
            Some(url) => Some(url.into()),
            None => {
                let scheme = if insecure { "http or https" } else { "https" };
                let message = format!("\"{}\" is not an address with {scheme}.", shown(&text));
                self.refuse(key, "invalid", message)
            }
        }
    }

    /// An address that a browser is sent to in the end: on the web, or of an app.
    fn callback(&mut self, key: &'static str, insecure: bool) -> Option<String> {
        let text = self.text(key, LONGEST_URL)?;
        if let Some(url) = web_address(&text, insecure).or_else(|| app_address(&text)) {
            return Some(url.into());
        }
        let message = match unsound_scheme(&text) {
            Some(scheme) => format!(
                "\"{}\" is not an address: \"{scheme}\" is no scheme, which begins with a letter \
                 and has letters, digits, \"+\", \"-\" and \".\" only.",
                shown(&text)
            ),
            None => format!(
                "\"{}\" is not an address with {} or the scheme of an app, such as \
                 com.example.app://ok.",
                shown(&text),
                if insecure { "http, https" } else { "https" }
            ),
        };
        self.refuse(key, "invalid", message)
    }

    /// The address of a picture. The page is as good without one, so that nothing is refused.
    fn picture(&self, key: &'static str) -> Option<String> {
        let text = self.object?.get(key)?.as_str()?.trim();
        let fits = text.chars().count() <= LONGEST_URL && !text.chars().any(char::is_control);
        web_address(text, false).filter(|_| fits).map(Into::into)
    }

    fn refuse<T>(&mut self, key: &str, code: &'static str, message: String) -> Option<T> {
        let field = format!("widget.{}.{key}", self.name);
        self.fields.refuse(ErrorItem::field(code, field, message));
        None
    }
}

fn web_address(text: &str, insecure: bool) -> Option<Url> {
    let url = Url::parse(text).ok().filter(is_anonymous)?;
    let scheme = url.scheme() == "https" || insecure && url.scheme() == "http";
    (scheme && url.has_host()).then_some(url)
}

/// An address by which an app opens. Without a slash behind the scheme it is rather a forgotten one:
/// `localhost:3000/ok`.
fn app_address(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(is_anonymous)?;
    let (scheme, web) = (url.scheme(), ["http", "https"]);
    let refused = NO_CALLBACK.contains(&scheme) || web.contains(&scheme);
    (!refused && !url.cannot_be_a_base()).then_some(url)
}

/// Names and passwords would stand in the token, which everybody can read.
fn is_anonymous(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

/// What stands for a scheme and is none (RFC 3986, section 3.1).
fn unsound_scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once("://")?;
    let sound = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    (!sound).then_some(scheme)
}
