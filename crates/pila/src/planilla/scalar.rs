//! The small values of a record: digits, rates, dates, months, check digits.

use jiff::civil::Date;

use super::text::trim;
use crate::Month;

/// The number written with these digits; `None` when a byte is no digit or nothing is written.
///
/// Fields have at most 16 digits, so the value cannot overflow.
#[inline]
pub(super) fn digits(bytes: &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    let mut foreign = bytes.is_empty() | (bytes.len() > 19);
    let mut rest = bytes;
    while let Some((eight, after)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*eight);
        foreign |= !are_digits(word);
        value = value.wrapping_mul(100_000_000).wrapping_add(eight_digits(word));
        rest = after;
    }
    for &byte in rest {
        let digit = byte.wrapping_sub(b'0');
        foreign |= digit > 9;
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    (!foreign).then_some(value)
}

/// Whether the eight bytes of a word are digits: the upper half of each is 3, also when 6 is added.
const fn are_digits(word: u64) -> bool {
    const UPPER: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    const THREES: u64 = 0x3030_3030_3030_3030;
    let sixes_on = word.wrapping_add(0x0606_0606_0606_0606);
    (word & UPPER == THREES) & (sixes_on & UPPER == THREES)
}

/// The number of eight digits, the first of them in the lowest byte: pairs, then fours, then all at once.
const fn eight_digits(word: u64) -> u64 {
    let digits = word & 0x0f0f_0f0f_0f0f_0f0f;
    let pairs = (digits.wrapping_mul(10).wrapping_add(digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100).wrapping_add(pairs >> 16)) & 0x0000_ffff_0000_ffff;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff
}

/// How a rate is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RateText {
    /// `0.16000`: a zero, a dot, decimals to the end of the field.
    Canonical,
    /// Its value is certain and its form is not the one asked for: zeros without a dot, or spaces
    /// on either side.
    Readable,
    /// Blank.
    Blank,
    /// Anything else. A dot in another place is what a displaced record looks like.
    Wrong,
}

/// Reads the form of a rate.
#[inline]
pub(super) fn rate(bytes: &[u8]) -> RateText {
    if is_fraction(bytes) {
        return RateText::Canonical;
    }
    let text = trim(bytes);
    if text.is_empty() {
        RateText::Blank
    } else if is_fraction(text) || bytes.iter().all(|&byte| byte == b'0') {
        RateText::Readable
    } else {
        RateText::Wrong
    }
}

/// A rate of the form `0.16000` in ten-millionths; 0 when it has another form.
pub(super) fn ten_millionths(bytes: &[u8]) -> u64 {
    let decimals = match trim(bytes) {
        [b'0', b'.', decimals @ ..] if decimals.len() <= 7 => decimals,
        _ => return 0,
    };
    let missing = (decimals.len()..7).fold(1, |factor, _| factor * 10);
    digits(decimals).unwrap_or_default() * missing
}

#[inline]
fn is_fraction(text: &[u8]) -> bool {
    match *text {
        // What most fields hold, looked at as one word.
        [b'0', b'.', a, b, c, d, e] => {
            are_digits(u64::from_le_bytes([a, b, c, d, e, b'0', b'0', b'0']))
        }
        [b'0', b'.', ref decimals @ ..] => digits(decimals).is_some(),
        _ => false,
    }
}

/// The day written `YYYY-MM-DD`, if it exists.
pub(super) fn date(bytes: &[u8]) -> Option<Date> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *bytes else {
        return None;
    };
    let year = digits(&[y1, y2, y3, y4])?;
    let month = digits(&[m1, m2])?;
    let day = digits(&[d1, d2])?;
    Month::new(i32::try_from(year).ok()?, u32::try_from(month).ok()?)?;
    let year = i16::try_from(year).ok()?;
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// The month written `YYYY-MM`, if it exists.
pub(super) fn month(bytes: &[u8]) -> Option<Month> {
    let [y1, y2, y3, y4, b'-', m1, m2] = *bytes else {
        return None;
    };
    let year = digits(&[y1, y2, y3, y4])?;
    Month::new(i32::try_from(year).ok()?, u32::try_from(digits(&[m1, m2])?).ok()?)
}

/// Weights of the digits of a NIT, from the right (tax authority; annex 2, 2.1.1.1 field 7).
const NIT_WEIGHTS: [u32; 15] = [3, 7, 13, 17, 19, 23, 29, 37, 41, 43, 47, 53, 59, 67, 71];

/// The check digit of a NIT: `number` holds its digits without it.
///
/// `None` when the number is empty, longer than 15 digits or holds anything but digits.
#[must_use]
pub fn nit_check_digit(number: &str) -> Option<u8> {
    let bytes = number.as_bytes();
    if bytes.is_empty() || bytes.len() > NIT_WEIGHTS.len() {
        return None;
    }
    let mut sum = 0;
    for (&byte, weight) in bytes.iter().rev().zip(NIT_WEIGHTS) {
        let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
        sum += digit * weight;
    }
    let rest = u8::try_from(sum % 11).ok()?;
    Some(if rest < 2 { rest } else { 11 - rest })
}
