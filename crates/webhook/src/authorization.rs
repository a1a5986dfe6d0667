use thiserror::Error;

const MAX_BYTES: usize = 4096;

/// Why an `Authorization` value is refused. Messages never repeat the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AuthorizationError {
    /// Nothing but white space, or a scheme without credentials.
    #[error("authorization value is empty")]
    Empty,
    /// Longer than 4096 bytes.
    #[error("authorization value of {0} bytes is longer than {MAX_BYTES}")]
    TooLong(usize),
    /// Anything but visible ASCII and spaces.
    #[error("authorization value holds a character that a header cannot carry")]
    UnsafeCharacter,
    /// Several words, the first of which is not a scheme.
    #[error("authorization value holds a space but does not start with a scheme")]
    NotAScheme,
}

/// The `Authorization` header for a registered value (contract section 5.1): a value with a
/// scheme as it is, a bare value as `Bearer <value>`. White space around it is dropped.
pub fn authorization_header(value: &str) -> Result<String, AuthorizationError> {
    let value = value.trim_matches([' ', '\t']);
    if value.len() > MAX_BYTES {
        return Err(AuthorizationError::TooLong(value.len()));
    }
    if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(AuthorizationError::UnsafeCharacter);
    }
    match value.split_once(' ') {
        Some((scheme, _)) if is_scheme(scheme) => Ok(value.to_owned()),
        Some(_) => Err(AuthorizationError::NotAScheme),
        None if is_lone_scheme(value) => Err(AuthorizationError::Empty),
        None => Ok(format!("Bearer {value}")),
    }
}

/// A token of RFC 9110, section 5.6.2, that starts with a letter.
fn is_scheme(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn is_lone_scheme(word: &str) -> bool {
    word.is_empty() || word.eq_ignore_ascii_case("basic") || word.eq_ignore_ascii_case("bearer")
}
