use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::derive::keyed_hash;
use crate::index::BlindIndex;
use crate::keyring::DataKey;

/// The keys for those who sign in to the dashboard. They belong to the installation: an e-mail
/// address is known once, whichever organization it is of.
#[derive(Clone)]
pub struct UserKeys {
    pub(crate) seal: DataKey,
    pub(crate) index: hmac::Key,
}

impl UserKeys {
    /// The key that seals what is personal about a user.
    #[must_use]
    pub fn data_key(&self) -> &DataKey {
        &self.seal
    }

    /// Index of an e-mail address, in the form in which addresses are compared.
    #[must_use]
    pub fn email(&self, email: &str) -> BlindIndex {
        self.hash("email", email)
    }

    /// What is stored of the token of an invitation: random, 256 bits.
    #[must_use]
    pub fn invitation(&self, token: &str) -> BlindIndex {
        self.hash("invitation", token)
    }

    /// What is stored of the token of a session: random, 256 bits.
    #[must_use]
    pub fn session(&self, token: &str) -> BlindIndex {
        self.hash("session", token)
    }

    /// What is stored of a recovery code: random, 80 bits.
    #[must_use]
    pub fn recovery_code(&self, code: &str) -> BlindIndex {
        self.hash("recovery", code)
    }

    /// What the forms of whoever has this cookie carry, so that no other site can send them.
    #[must_use]
    pub fn form(&self, cookie: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.hash("form", cookie).as_bytes())
    }

    /// Whether a form carries what whoever has this cookie was given. In constant time.
    #[must_use]
    pub fn is_form(&self, cookie: &str, given: &str) -> bool {
        verify_slices_are_equal(self.form(cookie).as_bytes(), given.as_bytes()).is_ok()
    }

    /// What is stored of a form that was sent.
    #[must_use]
    pub fn sent_form(&self, form: &str) -> BlindIndex {
        self.hash("sent_form", form)
    }

    fn hash(&self, label: &str, value: &str) -> BlindIndex {
        BlindIndex(keyed_hash(&self.index, label, &[value.as_bytes()]))
    }
}

impl fmt::Debug for UserKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserKeys([redacted])")
    }
}
