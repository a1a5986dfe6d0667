use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Whether a body was signed with the secret, within five minutes of `now`, seconds since 1970.
pub fn verified(
    secret: &str,
    (id, timestamp, signatures): (&str, &str, &str),
    body: &[u8],
    now: i64,
) -> bool {
    if !timestamp.parse().is_ok_and(|at: i64| now.abs_diff(at) <= 5 * 60) {
        return false;
    }
    let key = secret.strip_prefix("whsec_").and_then(|key| STANDARD.decode(key).ok());
    let Some(key) = key.map(|key| hmac::Key::new(hmac::HMAC_SHA256, &key)) else { return false };
    let signed = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
    signatures
        .split(' ')
        .filter_map(|one| one.strip_prefix("v1,"))
        .any(|one| STANDARD.decode(one).is_ok_and(|tag| hmac::verify(&key, &signed, &tag).is_ok()))
}
