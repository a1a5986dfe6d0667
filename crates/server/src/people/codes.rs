//! Codes beside the password (RFC 6238: SHA-1, six digits, thirty seconds), as every authenticator
//! makes them; and recovery codes for whoever has lost theirs.

use aws_lc_rs::hmac;
use uuid::Uuid;
use vinculo_store::{AuditAction, Micros, Tx, User, UserId};
use vinculo_vault::{Context, Redacted, Sealed};

use super::session::{Signed, of_record};
use crate::App;
use crate::audit::{Entry, Origin, Trail};
use crate::error::ApiError;

/// Length of a step, microseconds.
const STEP: Micros = 30 * 1_000_000;

/// Digits of a code.
const DIGITS: u32 = 6;

/// Bytes of a secret, as RFC 4226 recommends, and of a recovery code; how many of those there are.
const SECRET: usize = 20;
const RECOVERY: usize = 10;
const RECOVERY_CODES: usize = 10;

/// What an authenticator is given, once.
pub(crate) struct NewSecret {
    /// In base32, to be typed.
    pub(crate) text: String,
    /// As an address, to be scanned.
    pub(crate) uri: String,
}

/// Whether a user is asked for codes, and how many recovery codes are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodesOf {
    /// No.
    None,
    /// Yes.
    Asked {
        /// Recovery codes left.
        left: i64,
    },
}

/// What binds a secret to its user.
fn context(user: Uuid) -> Context<'static> {
    Context::of_uuid("second_factors", user.into_bytes())
}

/// Whether a user is asked for codes.
///
/// # Errors
/// When the database fails.
pub(crate) async fn codes_of(app: &App, user: &User) -> Result<CodesOf, ApiError> {
    let id = user.id;
    let found = app.store().read(move |tx| {
        let asked = tx.second_factor(id)?.is_some_and(|it| it.confirmed_at.is_some());
        Ok::<_, ApiError>(if asked {
            CodesOf::Asked { left: tx.recovery_codes_left(id)? }
        } else {
            CodesOf::None
        })
    });
    found.await
}

/// A secret for a user's codes, and as it is stored.
///
/// # Errors
/// When the system has no randomness to give.
pub(crate) fn new_codes(
    app: &App,
    user: &User,
    email: &str,
) -> Result<(NewSecret, Sealed), ApiError> {
    let mut secret = [0; SECRET];
    app.random().fill(&mut secret).map_err(ApiError::unexpected)?;
    let keys = app.all_secrets().vault().user_keys()?;
    let sealed = keys.data_key().seal(context(user.uuid), &secret)?;
    Ok((NewSecret::of(&secret, email)?, sealed))
}

impl NewSecret {
    fn of(secret: &[u8], email: &str) -> Result<Self, ApiError> {
        let text = base32(secret);
        let mut uri = url::Url::parse("otpauth://totp/").map_err(ApiError::unexpected)?;
        uri.set_path(&format!("vinculo:{email}"));
        uri.query_pairs_mut().append_pair("secret", &text).append_pair("issuer", "vinculo");
        Ok(Self { text, uri: uri.into() })
    }
}

/// Begins to set a user's codes up, anew if that was begun before.
///
/// # Errors
/// 404 when the user has codes; when the database fails.
pub(crate) fn begin_codes(tx: &mut Tx<'_>, user: UserId, sealed: &Sealed) -> Result<(), ApiError> {
    if tx.begin_second_factor(user, sealed)? { Ok(()) } else { Err(ApiError::not_found()) }
}

/// The secret that is being set up, for whoever gives it: it is told to nobody else.
///
/// # Errors
/// When the database fails.
pub(crate) async fn begun_codes(
    app: &App,
    user: &User,
    email: &str,
    given: &Redacted<String>,
) -> Result<Option<NewSecret>, ApiError> {
    let id = user.id;
    let factor = app.store().read(move |tx| tx.second_factor(id)).await?;
    let Some(factor) = factor.filter(|it| it.confirmed_at.is_none()) else { return Ok(None) };
    let keys = app.all_secrets().vault().user_keys()?;
    let secret = keys.data_key().open(context(user.uuid), &factor.sealed)?;
    let known = NewSecret::of(&secret, email)?;
    let (text, given) = (known.text.as_bytes(), given.expose().as_bytes());
    let same = aws_lc_rs::constant_time::verify_slices_are_equal(text, given).is_ok();
    Ok(same.then_some(known))
}

/// Asks a user for codes from now on, when a first one is right; answers the recovery codes, which
/// are seen this once, and ends the user's other sessions. `None` for a code that is wrong.
///
/// # Errors
/// 404 when none were set up, or they are asked for already; when the database fails.
pub(crate) async fn confirm_codes(
    app: &App,
    origin: Origin,
    signed: &Signed,
    code: &Redacted<String>,
) -> Result<Option<Vec<String>>, ApiError> {
    let mut codes = Vec::new();
    for _ in 0..RECOVERY_CODES {
        let mut bytes = [0; RECOVERY];
        app.random().fill(&mut bytes).map_err(ApiError::unexpected)?;
        codes.push(base32(&bytes));
    }
    let keys = app.all_secrets().vault().user_keys()?;
    let hashes: Vec<_> = codes.iter().map(|code| keys.recovery_code(code)).collect();
    let (writer, code) = (app.clone(), code.clone());
    let (session, user) = (signed.session, signed.user.clone());
    let confirmed = app.store().write(move |tx| {
        let factor = tx.second_factor(user.id)?.filter(|it| it.confirmed_at.is_none());
        factor.ok_or_else(ApiError::not_found)?;
        if !takes_code(tx, &writer, &user, code.expose())? {
            return Ok(false);
        }
        if !tx.confirm_second_factor(user.id, &hashes, writer.now_micros())? {
            return Err(ApiError::not_found());
        }
        tx.end_other_sessions(user.id, &session)?;
        note(tx, &writer, origin, &user, AuditAction::SecondFactorOn)?;
        Ok::<_, ApiError>(true)
    });
    Ok(confirmed.await?.then_some(codes))
}

/// Asks a user for codes no more, when one is right. `false` for a code that is wrong.
///
/// # Errors
/// When the database fails.
pub(crate) async fn drop_codes(
    app: &App,
    origin: Origin,
    user: &User,
    code: &Redacted<String>,
) -> Result<bool, ApiError> {
    let (writer, user, code) = (app.clone(), user.clone(), code.clone());
    let dropped = app.store().write(move |tx| {
        if !takes(tx, &writer, &user, code.expose())? {
            return Ok(false);
        }
        if tx.drop_second_factor(user.id)? {
            note(tx, &writer, origin, &user, AuditAction::SecondFactorOff)?;
        }
        Ok::<_, ApiError>(true)
    });
    dropped.await
}

fn note(
    tx: &mut Tx<'_>,
    app: &App,
    origin: Origin,
    user: &User,
    action: AuditAction,
) -> Result<(), ApiError> {
    let workspace = of_record(tx, app, user.organization)?;
    Trail::user(workspace, user.uuid, origin).note(tx, app, Entry::of(action).object(user.uuid))
}

/// Whether a user who is asked for codes gives one, or a recovery code, that was not used before;
/// it is used up. Whoever is not asked gives nothing.
///
/// # Errors
/// When the database fails.
pub(super) fn takes(
    tx: &mut Tx<'_>,
    app: &App,
    user: &User,
    given: &str,
) -> Result<bool, ApiError> {
    if tx.second_factor(user.id)?.is_none_or(|factor| factor.confirmed_at.is_none()) {
        return Ok(true);
    }
    if takes_code(tx, app, user, given)? {
        return Ok(true);
    }
    let code: String = given.chars().filter(char::is_ascii_alphanumeric).collect();
    let keys = app.all_secrets().vault().user_keys()?;
    Ok(tx.take_recovery_code(user.id, &keys.recovery_code(&code.to_ascii_uppercase()))?)
}

/// A code of this step, or of the one before or after it, for clocks that differ.
fn takes_code(tx: &mut Tx<'_>, app: &App, user: &User, given: &str) -> Result<bool, ApiError> {
    let Some(factor) = tx.second_factor(user.id)? else { return Ok(false) };
    let keys = app.all_secrets().vault().user_keys()?;
    let secret = keys.data_key().open(context(user.uuid), &factor.sealed)?;
    let given: String = given.chars().filter(|c| !c.is_whitespace()).collect();
    let now = app.now_micros() / STEP;
    for step in now - 1..=now + 1 {
        let right = code(&secret, step, DIGITS);
        let same =
            aws_lc_rs::constant_time::verify_slices_are_equal(right.as_bytes(), given.as_bytes());
        if same.is_ok() {
            return Ok(tx.take_step(user.id, step)?);
        }
    }
    Ok(false)
}

/// The code of a step (RFC 4226, 5.3).
fn code(secret: &[u8], step: i64, digits: u32) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag.last().copied().unwrap_or_default() & 15);
    let four = tag.iter().skip(at).take(4);
    let number = four.fold(0_u32, |number, byte| (number << 8) | u32::from(*byte)) & 0x7fff_ffff;
    format!("{:0width$}", number % 10_u32.pow(digits), width = digits as usize)
}

/// Base32 (RFC 4648) of bytes whose number five divides.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(bytes.len() * 8 / 5);
    for five in bytes.chunks(5) {
        let bits = five.iter().fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
        let letters = (0..8).rev().map(|place| ((bits >> (place * 5)) & 31) as usize);
        text.extend(letters.filter_map(|it| ALPHABET.get(it)).map(|&letter| char::from(letter)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, SHA-1.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = b"12345678901234567890";
        for (seconds, expected) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(code(secret, seconds / 30, 8), expected, "{seconds}");
            assert_eq!(code(secret, seconds / 30, 6), expected[2..], "{seconds}");
        }
    }

    /// RFC 4648, section 10.
    #[test]
    fn base32_is_that_of_the_standard() {
        assert_eq!(base32(b"fooba"), "MZXW6YTB");
        assert_eq!(base32(b"12345678901234567890"), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }
}
