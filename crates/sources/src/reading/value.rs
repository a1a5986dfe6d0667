//! Reads single values the way operators write them: text or number, padded or not.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use serde_json::{Number, Value};
use vinculo_pila::Month;

/// The trimmed text of a value; numbers and booleans are read as text. `None` for null, empty
/// text, lists and objects.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number_text(number)),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A number without the `.0` that a sender's floating point adds to a code or a document.
fn number_text(number: &Number) -> String {
    let text = number.to_string();
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

/// An amount in whole pesos, half up, from a number or from text with optional `.` decimals.
///
/// `Ok(None)` means unknown (null, empty), which is not zero; `Err` means that there is a value
/// and it is not an amount.
pub(crate) fn amount(value: &Value) -> Result<Option<i64>, NotAnAmount> {
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => pesos_of_number(number).map(Some).ok_or(NotAnAmount),
        Value::String(text) => {
            let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            if compact.is_empty() {
                return Ok(None);
            }
            pesos_of_text(&compact).map(Some).ok_or(NotAnAmount)
        }
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(NotAnAmount),
    }
}

/// A value that is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAnAmount;

/// Beyond this no figure is a contribution; it keeps sums of a whole history inside `i64`.
const LARGEST_AMOUNT: i64 = 1_000_000_000_000_000;

fn pesos_of_number(number: &Number) -> Option<i64> {
    if let Some(whole) = number.as_i64() {
        return in_range(whole);
    }
    let pesos = number.as_f64()?.round();
    if pesos.abs() > LARGEST_AMOUNT as f64 {
        return None;
    }
    Some(pesos as i64)
}

fn pesos_of_text(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, decimals) = match digits.split_once('.') {
        // Three digits behind one point are thousands to a Colombian, and decimals to a machine.
        Some((_, decimals)) if decimals.len() == 3 => return None,
        Some((whole, decimals)) if !decimals.is_empty() => (whole, decimals),
        Some(_) => return None,
        None => (digits, "0"),
    };
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || !all_digits(decimals) {
        return None;
    }
    let round_up = i64::from(decimals.as_bytes().first().is_some_and(|digit| *digit >= b'5'));
    let pesos = in_range(whole.parse().ok()?)? + round_up;
    Some(if negative { -pesos } else { pesos })
}

fn in_range(pesos: i64) -> Option<i64> {
    (-LARGEST_AMOUNT..=LARGEST_AMOUNT).contains(&pesos).then_some(pesos)
}

/// What a mark says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mark {
    /// One of the ways to say yes.
    Set,
    /// Absent, empty, or one of the ways to say no.
    Unset,
    /// Something else, in capitals.
    Other(String),
}

/// Reads a mark; `value` is the content of its key, if there is one.
pub(crate) fn mark(value: Option<&Value>) -> Mark {
    let Some(text) = value.and_then(text) else {
        return Mark::Unset;
    };
    let text = text.to_uppercase();
    match text.as_str() {
        "X" | "S" | "SI" | "SÍ" | "Y" | "YES" | "1" | "TRUE" => Mark::Set,
        "N" | "NO" | "0" | "FALSE" => Mark::Unset,
        _ => Mark::Other(text),
    }
}

/// A period from `YYYY-MM`, `YYYYMM`, `YYYY-MM-DD`, or that with a time.
pub(crate) fn period(text: &str) -> Option<Month> {
    if text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit()) {
        return Month::from_yyyymm(text.parse().ok()?);
    }
    if text.len() == 10 || text.get(10..11) == Some("T") {
        return Month::of(day(text)?);
    }
    text.parse().ok()
}

/// A moment in ISO 8601; without an offset it is Bogotá's.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    if let Ok(moment) = text.parse() {
        return Some(moment);
    }
    let local: DateTime = text.parse().ok()?;
    Offset::constant(-5).to_timestamp(local).ok()
}

/// A code with leading zeros up to `width`, when it is all digits; other codes as they are.
pub(crate) fn padded(code: String, width: usize) -> String {
    if code.bytes().all(|b| b.is_ascii_digit()) { format!("{code:0>width$}") } else { code }
}

/// The day of a date, whatever time follows it.
pub(crate) fn day(text: &str) -> Option<Date> {
    text.get(..10)?.parse().ok()
}

/// Whether a text can be sent as a document number.
pub(crate) fn is_document_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// A document number in capitals, without dots and white space.
pub(crate) fn document_number(text: &str) -> String {
    text.chars().filter(|c| *c != '.' && !c.is_whitespace()).flat_map(char::to_uppercase).collect()
}

/// A NIT without leading zeros and its check digit, whether that is set off by a dash or not.
pub(crate) fn nit(number: String) -> String {
    let number = number.trim_start_matches('0').to_owned();
    if let Some((front, digit)) = number.rsplit_once('-')
        && digit.len() == 1
        && digit.bytes().all(|b| b.is_ascii_digit())
    {
        return front.to_owned();
    }
    // A ten-digit cédula starts with 1 and is a NIT in its own right: one in eleven of them would
    // look like nine digits and a check digit.
    let company = number.starts_with(['8', '9']);
    match number.split_at_checked(9) {
        Some((front, digit)) if company && check_digit(front).as_deref() == Some(digit) => {
            front.to_owned()
        }
        _ => number,
    }
}

/// The check digit of a NIT of nine digits (Resolución 2388 de 2016, annex 2, 2.1.1.1 field 7).
fn check_digit(nit: &str) -> Option<String> {
    const WEIGHTS: [u32; 9] = [3, 7, 13, 17, 19, 23, 29, 37, 41];
    let mut sum = 0;
    for (digit, weight) in nit.chars().rev().zip(WEIGHTS) {
        sum += digit.to_digit(10)? * weight;
    }
    let rest = sum % 11;
    Some(if rest < 2 { rest } else { 11 - rest }.to_string())
}

/// Lower case without accents.
pub(crate) fn folded(text: &str) -> String {
    text.chars()
        .flat_map(char::to_lowercase)
        .filter(|c| !('\u{300}'..='\u{36F}').contains(c))
        .map(|c| match c {
            'á' => 'a',
            'é' => 'e',
            'í' => 'i',
            'ó' => 'o',
            'ú' | 'ü' => 'u',
            'ñ' => 'n',
            other => other,
        })
        .collect()
}
