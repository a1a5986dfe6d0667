//! One text for both databases: `$1` is PostgreSQL's spelling, `?1` SQLite's.

use hashbrown::HashMap;

/// Translated statements of one connection, bounded.
#[derive(Default)]
pub(crate) struct Texts(HashMap<String, Box<str>>);

/// Beyond so many texts somebody composes them endlessly; start again rather than grow.
const KEPT: usize = 512;

impl Texts {
    /// The text with SQLite's numbered parameters.
    pub(crate) fn numbered(&mut self, sql: &str) -> &str {
        if self.0.len() > KEPT {
            self.0.clear();
        }
        self.0.entry_ref(sql).or_insert_with(|| translate(sql).into())
    }
}

/// Replaces `$n` by `?n` outside of quotes and comments.
///
/// SQLite would accept `$1` as a name, but numbers names by first appearance.
fn translate(sql: &str) -> String {
    with_parameters(sql, |number| format!("?{number}"))
}

/// Replaces `$n` by `$(n + by)` outside of quotes and comments: room for as many parameters before these.
pub(crate) fn moved_on(sql: &str, by: usize) -> String {
    with_parameters(sql, |number| match number.parse::<usize>() {
        Ok(number) => format!("${}", number.saturating_add(by)),
        Err(_) => format!("${number}"),
    })
}

/// Writes the parameters of a text anew, by their numbers.
fn with_parameters(sql: &str, parameter: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(at) = rest.find(['$', '\'', '"', '-', '/']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let end = match from.as_bytes() {
            [b'$', digit, ..] if digit.is_ascii_digit() && !ends_in_name(before) => {
                let digits = from[1..].find(|it: char| !it.is_ascii_digit());
                let (number, behind) = from[1..].split_at(digits.unwrap_or(from.len() - 1));
                out.push_str(&parameter(number));
                rest = behind;
                continue;
            }
            [b'\'', ..] => closing(from, 1, "'"),
            [b'"', ..] => closing(from, 1, "\""),
            [b'-', b'-', ..] => closing(from, 2, "\n"),
            [b'/', b'*', ..] => closing(from, 2, "*/"),
            _ => 1,
        };
        out.push_str(&from[..end]);
        rest = &from[end..];
    }
    out.push_str(rest);
    out
}

fn ends_in_name(text: &str) -> bool {
    text.ends_with(|last: char| last.is_alphanumeric() || last == '_')
}

/// Where what opened at the start of `text` ends. A doubled quote reads as one closing and one
/// opening, which comes to the same.
fn closing(text: &str, opened: usize, mark: &str) -> usize {
    text[opened..].find(mark).map_or(text.len(), |at| opened + at + mark.len())
}

#[cfg(test)]
mod tests {
    use super::{Texts, moved_on, translate};

    #[test]
    fn parameters_become_numbered_ones() {
        assert_eq!(
            translate("a = $2 and b = $1 or c in ($10,$3)"),
            "a = ?2 and b = ?1 or c in (?10,?3)"
        );
    }

    #[test]
    fn parameters_make_room_for_others() {
        assert_eq!(moved_on("values ($1, $2, $10) -- $1", 9), "values ($10, $11, $19) -- $1");
        assert_eq!(moved_on("a = $1 or b = '$1'", 0), "a = $1 or b = '$1'");
    }

    #[test]
    fn quotes_comments_and_names_stay() {
        for text in ["'it''s $1'", "\"$1\"", "-- $1\n", "/* $1 */", "a$1", "$a", "1 - 2 / 3", "'$1"]
        {
            assert_eq!(translate(text), text);
        }
        assert_eq!(translate("'x$1' || $1 -- $2"), "'x$1' || ?1 -- $2");
    }

    #[test]
    fn the_cache_is_bounded() {
        let mut texts = Texts::default();
        for n in 0..2000 {
            assert_eq!(texts.numbered(&format!("select {n}, $1")), format!("select {n}, ?1"));
        }
        assert!(texts.0.len() <= super::KEPT + 1);
    }
}
