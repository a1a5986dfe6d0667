//! Sentences that others than the pages say, in Spanish. They are kept and answered in English, so that the
//! English text is what is known of them: a phrase has `{}` where it holds a value.

/// English, Spanish.
pub(super) type Phrase = (&'static str, &'static str);

/// What the first of the phrases that fits makes of a text.
pub(super) fn in_spanish(text: &str, phrases: &[Phrase]) -> Option<String> {
    phrases.iter().find_map(|(english, spanish)| {
        let values = values(text, english)?;
        let mut parts = spanish.split("{}");
        let mut told = parts.next().unwrap_or_default().to_owned();
        for (part, value) in parts.zip(values) {
            told.push_str(value);
            told.push_str(part);
        }
        Some(told)
    })
}

/// The values that a text has where its phrase has `{}`; `None` when it is another phrase.
fn values<'a>(text: &'a str, phrase: &str) -> Option<Vec<&'a str>> {
    let mut parts = phrase.split("{}");
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut values = Vec::new();
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        let at = if last { rest.strip_suffix(part)?.len() } else { rest.find(part)? };
        values.push(rest.get(..at)?);
        rest = rest.get(at + part.len()..)?;
    }
    rest.is_empty().then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHRASES: &[Phrase] = &[
        ("{} days on {} lines", "{} días en {} líneas"),
        ("blank", "vacío"),
        ("{} days", "{} días"),
    ];

    #[test]
    fn values_stay_where_they_are() {
        let told = |text| in_spanish(text, PHRASES);
        assert_eq!(told("31 days on 2 lines").as_deref(), Some("31 días en 2 líneas"));
        assert_eq!(told("31 days").as_deref(), Some("31 días"));
        assert_eq!(told("blank").as_deref(), Some("vacío"));
        assert_eq!(told("blank days of it"), None);
        assert_eq!(told(""), None);
    }

    #[test]
    fn a_value_may_hold_anything() {
        let told = in_spanish("\"a {} ñ\" is over.", &[("{} is over.", "{} ya pasó.")]);
        assert_eq!(told.as_deref(), Some("\"a {} ñ\" ya pasó."));
    }
}
