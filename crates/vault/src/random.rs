use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::RandomError;
use crate::aead::NONCE_LEN;

/// A source of random bytes, injected so that tests and demonstrations can be repeated.
pub trait Random: Send + Sync {
    /// Fills `out` entirely, or fails.
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError>;
}

/// The operating system's randomness, through the cryptographic library's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        aws_lc_rs::rand::fill(out).map_err(|_| RandomError)
    }
}

/// A repeatable stream: HMAC-SHA256 of a counter under the seed.
///
/// Only for tests and throw-away demonstrations. Two runs with one seed draw the same nonces, so
/// data sealed in both under one key is no longer secret.
pub struct SeededRandom {
    key: hmac::Key,
    next_block: AtomicU64,
}

impl SeededRandom {
    /// The stream of `seed`, from its start.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &seed.to_be_bytes()),
            next_block: AtomicU64::new(0),
        }
    }
}

impl Random for SeededRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        for chunk in out.chunks_mut(32) {
            let block = self.next_block.fetch_add(1, Ordering::Relaxed);
            let bytes = hmac::sign(&self.key, &block.to_be_bytes());
            chunk.copy_from_slice(&bytes.as_ref()[..chunk.len()]);
        }
        Ok(())
    }
}

impl fmt::Debug for SeededRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeededRandom").finish_non_exhaustive()
    }
}

/// Random nonces, drawn many at once: to draw one alone costs more than to seal a short value with it.
/// Nonces are no secrets. Each is used once, for this type has no copies.
pub struct Nonces {
    random: Arc<dyn Random>,
    drawn: [u8; Self::AT_ONCE * NONCE_LEN],
    used: usize,
}

impl Nonces {
    const AT_ONCE: usize = 128;

    pub(crate) fn new(random: Arc<dyn Random>) -> Self {
        let drawn = [0; Self::AT_ONCE * NONCE_LEN];
        Self { random, drawn, used: Self::AT_ONCE }
    }

    pub(crate) fn next(&mut self) -> Result<[u8; NONCE_LEN], RandomError> {
        if self.used == Self::AT_ONCE {
            self.random.fill(&mut self.drawn)?;
            self.used = 0;
        }
        let (nonces, _) = self.drawn.as_chunks();
        let nonce = nonces.get(self.used).copied().ok_or(RandomError)?;
        self.used += 1;
        Ok(nonce)
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nonces").field("used", &self.used).finish_non_exhaustive()
    }
}

/// One nonce.
pub(crate) fn nonce(random: &dyn Random) -> Result<[u8; NONCE_LEN], RandomError> {
    let mut nonce = [0; NONCE_LEN];
    random.fill(&mut nonce)?;
    Ok(nonce)
}

/// The 16 bytes of a random UUID: version 4, variant 1 (RFC 9562, section 5.4).
pub fn random_uuid_v4(random: &dyn Random) -> Result<[u8; 16], RandomError> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes)?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    Ok(bytes)
}

/// A random 256-bit secret as 43 characters of URL-safe base64, for API passwords and tokens.
pub fn random_secret(random: &dyn Random) -> Result<Zeroizing<String>, RandomError> {
    let mut bytes = Zeroizing::new([0; 32]);
    random.fill(bytes.as_mut_slice())?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice())))
}
