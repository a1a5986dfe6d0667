use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

const PREFIX: &str = "whsec_";

/// What an endpoint's requests are signed with (Standard Webhooks, "signature scheme").
#[derive(Clone)]
pub struct SigningSecret(Zeroizing<Vec<u8>>);

impl SigningSecret {
    /// Length of a new secret, bytes. The specification wants 24 to 64.
    pub const BYTES: usize = 32;

    /// A secret of these random bytes.
    #[must_use]
    pub fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// The secret written so: `whsec_` and base64. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
        (24..=64).contains(&bytes.len()).then(|| Self(Zeroizing::new(bytes)))
    }

    /// The secret as its owner keeps it: `whsec_` and base64.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; `timestamp` is that of the
    /// try, seconds since 1970 UTC.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut signed = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.0));
        signed.update(format!("{id}.{timestamp}.").as_bytes());
        signed.update(body);
        format!("v1,{}", STANDARD.encode(signed.sign()))
    }
}

impl std::fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningSecret")
    }
}
