//! Bytes to text: the charset of the answer, else strict UTF-8, else windows-1252.

use std::borrow::Cow;

use encoding_rs::{Encoding, WINDOWS_1252};

/// The text of a body.
pub(crate) struct Text<'a> {
    /// Decoded, without byte order mark.
    pub(crate) text: Cow<'a, str>,
    /// Whether the bytes contradict the charset that the answer names.
    pub(crate) contradicts_charset: bool,
}

/// Decodes `body`; `forced` goes before the charset in `content_type`. Cannot fail: every byte
/// sequence is text in windows-1252.
pub(crate) fn decode<'a>(
    body: &'a [u8],
    content_type: Option<&str>,
    forced: Option<&'static Encoding>,
) -> Text<'a> {
    let named = forced.or_else(|| content_type.and_then(named_charset));
    if let Some(encoding) = named {
        let (text, _, malformed) = encoding.decode(body);
        if !malformed {
            return Text { text, contradicts_charset: false };
        }
    }
    Text { text: guess(body), contradicts_charset: named.is_some() }
}

fn guess(body: &[u8]) -> Cow<'_, str> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    match std::str::from_utf8(body) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(body).0,
    }
}

/// The encoding named by the `charset` parameter of a media type, when it is a known one.
fn named_charset(content_type: &str) -> Option<&'static Encoding> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        if !name.trim().eq_ignore_ascii_case("charset") {
            return None;
        }
        Encoding::for_label(value.trim().trim_matches('"').as_bytes())
    })
}
