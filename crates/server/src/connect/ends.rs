//! Where the browser goes from the page (contract 7.4, point 4).

use url::Url;
use uuid::Uuid;

use super::session::Contents;
use crate::api::institutions::PILA;

/// After the link was made or updated.
pub(super) fn success(contents: &Contents, link: Uuid) -> Option<String> {
    let link = link.to_string();
    with(contents.widget().callback_urls.success, &[("link", &link), ("institution", PILA)])
}

/// After the person said no: what went wrong before, and whether that was before or after the source
/// was asked.
pub(super) fn exit(contents: &Contents, asked: bool) -> Option<String> {
    let refused = contents.refused.as_ref();
    let pairs = [
        ("last_encountered_error_code", refused.map_or("", |refused| &refused.code)),
        ("last_encountered_error_message", refused.map_or("", |refused| &refused.message)),
        ("meta_data_institution_name", PILA),
        ("meta_data_step", if asked { "result" } else { "consent" }),
    ];
    with(contents.widget().callback_urls.exit, &pairs)
}

/// When the token opens nothing.
pub(super) fn over(contents: &Contents) -> Option<String> {
    let message = "The access token is expired or was used.";
    let pairs = [("error", "ACCESS_TOKEN_NOT_VALID"), ("error_message", message)];
    with(contents.widget().callback_urls.event, &pairs)
}

fn with(address: Option<String>, pairs: &[(&str, &str)]) -> Option<String> {
    let mut url = Url::parse(&address?).ok()?;
    url.query_pairs_mut().extend_pairs(pairs);
    Some(url.into())
}
