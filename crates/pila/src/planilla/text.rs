//! Windows-1252, the single-byte encoding of PILA files.

use std::borrow::Cow;

/// UTF-8 byte order mark, which has no place in a cp1252 file.
pub(super) const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// DOS end-of-file byte (Ctrl-Z).
pub(super) const END_MARK: u8 = 0x1a;

/// Bytes that an end-of-file mark and the padding after it may occupy.
pub(super) const LONGEST_TAIL: usize = 4096;

/// Characters of bytes 80 to 9F; the other bytes are those of ISO 8859-1.
const HIGH: [Option<char>; 32] = [
    Some('€'),
    None,
    Some('‚'),
    Some('ƒ'),
    Some('„'),
    Some('…'),
    Some('†'),
    Some('‡'),
    Some('ˆ'),
    Some('‰'),
    Some('Š'),
    Some('‹'),
    Some('Œ'),
    None,
    Some('Ž'),
    None,
    None,
    Some('‘'),
    Some('’'),
    Some('“'),
    Some('”'),
    Some('•'),
    Some('–'),
    Some('—'),
    Some('˜'),
    Some('™'),
    Some('š'),
    Some('›'),
    Some('œ'),
    None,
    Some('ž'),
    Some('Ÿ'),
];

/// The character of a byte; `None` for the five bytes that have none.
#[must_use]
pub fn character(byte: u8) -> Option<char> {
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        _ => Some(char::from(byte)),
    }
}

/// The byte of a character; `None` when cp1252 does not have it.
#[must_use]
pub fn byte_of(character: char) -> Option<u8> {
    match u8::try_from(character) {
        Ok(byte) if !(0x80..=0x9f).contains(&byte) => Some(byte),
        _ => {
            let at = HIGH.iter().position(|&high| high == Some(character))?;
            u8::try_from(at).ok().map(|at| 0x80 + at)
        }
    }
}

/// The text of these bytes, borrowed when it is plain ASCII. A byte without character becomes
/// U+FFFD.
#[must_use]
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    if bytes.is_ascii()
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return Cow::Borrowed(text);
    }
    let replaced = |&byte: &u8| character(byte).unwrap_or(char::REPLACEMENT_CHARACTER);
    Cow::Owned(bytes.iter().map(replaced).collect())
}

/// The shape of a text and not the text: letters become `A` or `a`, digits `9`.
///
/// What is wrong with a name or a document number stays visible, whose it is does not.
pub(super) fn mask(text: &str) -> String {
    let shape = |c: char| match c {
        _ if c.is_numeric() => '9',
        _ if c.is_lowercase() => 'a',
        _ if c.is_alphabetic() => 'A',
        _ => c,
    };
    text.chars().map(shape).collect()
}

/// Whether every byte is a space. An absent field counts as blank.
pub(super) fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |blank, &byte| blank & (byte == b' '))
}

/// The bytes without the spaces at both ends.
pub(super) fn trim(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|&byte| byte != b' ');
    trim_end(start.and_then(|at| bytes.get(at..)).unwrap_or_default())
}

/// The bytes without the spaces at the end.
pub(super) fn trim_end(bytes: &[u8]) -> &[u8] {
    let last = bytes.iter().rposition(|&byte| byte != b' ');
    last.and_then(|at| bytes.get(..=at)).unwrap_or_default()
}

/// Whether a byte is a small letter of cp1252.
pub(super) fn is_lower_case(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | 0xdf..=0xf6 | 0xf8..=0xff | 0x9a | 0x9c | 0x9e)
}

/// Whether every byte is at home in a record. Some that are not in this wider sense are all the same: see
/// [`is_foreign`].
pub(super) fn is_printable(bytes: &[u8]) -> bool {
    // Two comparisons and no short circuit, so that a whole record is tested in wide registers: both
    // sets of control characters of ISO 8859 have neither of these bits.
    bytes.iter().fold(true, |good, &byte| good & (byte & 0x60 != 0) & (byte != 0x7f))
}

/// Whether a byte has no place inside a record: a control character or one cp1252 leaves undefined.
pub(super) fn is_foreign(byte: u8) -> bool {
    matches!(byte, ..0x20 | 0x7f | 0x81 | 0x8d | 0x8f | 0x90 | 0x9d)
}

/// Whether a byte may stand after the last record: a space, a line end or an end-of-file mark.
pub(super) fn is_tail(byte: u8) -> bool {
    matches!(byte, b' ' | b'\r' | b'\n' | END_MARK)
}

/// The text of a file in memory without its UTF-8 mark and without a DOS end-of-file mark and what
/// follows it. Only a mark after the last record, near the end of the file, is one.
pub(super) fn body(bytes: &[u8]) -> &[u8] {
    let text = bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes);
    let tail = text.iter().rposition(|&byte| !is_tail(byte)).map_or(0, |last| last + 1);
    let mark = text.iter().skip(tail).position(|&byte| byte == END_MARK).map(|at| tail + at);
    let near = mark.filter(|&at| text.len() - at <= LONGEST_TAIL);
    near.and_then(|at| text.get(..at)).unwrap_or(text)
}
