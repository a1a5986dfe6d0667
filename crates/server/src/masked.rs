//! Numbers in texts that outlive the people they may name: names of files, purposes.

/// So many digits may be somebody's document.
const SHORTEST: usize = 6;

/// The text with an `x` for every digit of a number of six digits or more, whatever dots stand in it.
pub(crate) fn without_numbers(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(from.len());
        let (number, after) = from.split_at(end);
        masked.push_str(before);
        let is_long = number.bytes().filter(u8::is_ascii_digit).count() >= SHORTEST;
        match is_long {
            true => masked.extend(number.chars().map(|c| if c == '.' { c } else { 'x' })),
            false => masked.push_str(number),
        }
        rest = after;
    }
    masked.push_str(rest);
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_may_be_documents_are_masked() {
        for (text, masked) in [
            ("nomina-1999000001-2026-05.txt", "nomina-xxxxxxxxxx-2026-05.txt"),
            ("CC 1.999.000.001", "CC x.xxx.xxx.xxx"),
            ("crédito 4711-XY", "crédito 4711-XY"),
            ("199900", "xxxxxx"),
            ("19990.txt", "19990.txt"),
            ("", ""),
        ] {
            assert_eq!(without_numbers(text), masked);
        }
    }
}
