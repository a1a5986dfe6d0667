//! Bytes as hexadecimal digits, and back.

use std::fmt::Write as _;

/// The digits of bytes, two each, in lower case.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The bytes that digits of either case stand for; `None` unless there are two for each byte, and nothing else.
pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        *byte = u8::try_from(16 * high? + low?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let bytes = [0x00, 0x0f, 0xa0, 0xff];
        assert_eq!(hex(&bytes), "000fa0ff");
        assert_eq!(unhex("000fa0ff"), Some(bytes));
        assert_eq!(unhex("000FA0FF"), Some(bytes));
    }

    #[test]
    fn what_is_not_two_digits_a_byte_is_refused() {
        for text in [
            "",
            "000fa0f",
            "000fa0f+",
            "000fa0+f",
            "000fa0ff0",
            "000fa0ff00",
            " 00fa0ff",
            "000fa0fg",
            "000fa0é",
        ] {
            assert_eq!(unhex::<4>(text), None, "{text:?}");
        }
    }
}
