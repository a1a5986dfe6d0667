//! E-mail addresses: by them people sign in, nothing is sent to them.

use vinculo_vault::Redacted;

/// Longest address, characters.
const LONGEST: usize = 254;

/// An address in the form in which addresses are compared: without spaces around it, in small
/// letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Email(Redacted<String>);

impl Email {
    /// Reads an address; `None` when it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let (name, domain) = text.split_once('@')?;
        let sound = !name.is_empty()
            && domain.contains(|c: char| c.is_alphanumeric())
            && !domain.contains('@')
            && text.chars().count() <= LONGEST
            && !text.chars().any(|c| c.is_whitespace() || c.is_control());
        sound.then(|| Self(Redacted::new(text)))
    }

    /// The address.
    pub(crate) fn as_str(&self) -> &str {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_two_halves() {
        let read = |text| Email::parse(text).map(|email| email.as_str().to_owned());
        assert_eq!(read(" Ana.Ñ@Example.com\n").as_deref(), Some("ana.ñ@example.com"));
        assert_eq!(read("a@localhost").as_deref(), Some("a@localhost"));
        let long = format!("{}@example.com", "a".repeat(250));
        for wrong in ["", "@", "a@", "@b", "a@b@c", "a b@c.d", "a@.", "a@b\0c", &long] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
