//! AES-256-GCM with a random 96-bit nonce, laid out as `nonce | ciphertext | tag`.
//!
//! Random nonces are safe for 2^32 messages under one key (NIST SP 800-38D, section 8.3); a
//! subject's data key and a master key version stay far below that.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

pub(crate) use aws_lc_rs::aead::NONCE_LEN;

pub(crate) const KEY_LEN: usize = 32;
const TAG_LEN: usize = 16;
/// What sealing adds to the plaintext.
pub(crate) const OVERHEAD: usize = NONCE_LEN + TAG_LEN;

/// The plaintext is longer than the cipher allows.
pub(crate) struct TooLong;

/// The cipher refused: wrong key, wrong associated data or altered bytes.
pub(crate) struct Refused;

/// One AES-256-GCM key, ready for use.
pub(crate) struct Cipher(LessSafeKey);

impl Cipher {
    pub(crate) fn new(key: &[u8; KEY_LEN]) -> Result<Self, Refused> {
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| Refused)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Returns `header | nonce | ciphertext | tag`; the header is not encrypted.
    pub(crate) fn seal_after(
        &self,
        header: &[u8],
        aad: &[u8],
        plaintext: &[u8],
        nonce: [u8; NONCE_LEN],
    ) -> Result<Vec<u8>, TooLong> {
        let mut out = Vec::with_capacity(header.len() + OVERHEAD + plaintext.len());
        out.extend_from_slice(header);
        out.extend_from_slice(&nonce);
        let start = out.len();
        out.extend_from_slice(plaintext);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(aad), &mut out[start..])
            .map_err(|_| TooLong)?;
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }

    /// Opens `nonce | ciphertext | tag`.
    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refused> {
        // Room for all of it: a vector that grows leaves plaintext behind.
        let mut out = Zeroizing::new(Vec::with_capacity(sealed.len()));
        self.open_onto(aad, sealed, &mut out)?;
        Ok(out)
    }

    /// Opens `nonce | ciphertext | tag` at the end of `out`, which stays as it was when refused.
    pub(crate) fn open_onto(
        &self,
        aad: &[u8],
        sealed: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Refused> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Refused)?;
        let start = out.len();
        out.extend_from_slice(ciphertext);
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.0.open_in_place(nonce, Aad::from(aad), &mut out[start..]);
        let length = opened.map(|plaintext| plaintext.len());
        out.truncate(start + length.unwrap_or(0));
        length.map(|_| ()).map_err(|_| Refused)
    }
}

#[cfg(test)]
mod tests {
    use super::Cipher;
    use crate::derive::unhex;

    /// Test case 16 of "The Galois/Counter Mode of Operation" (McGrew and Viega), which NIST took
    /// over.
    #[test]
    fn sealing_matches_the_published_vector() {
        let key = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
        let nonce = unhex("cafebabefacedbaddecaf888").try_into().expect("12 bytes");
        let clear = unhex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e\
             2449a6b525b16aedf5aa0de657ba637b39",
        );
        let aad = unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let expected = unhex(
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b\
             1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
        );
        let key = unhex(key).try_into().expect("32 bytes");
        let cipher = Cipher::new(&key).ok().expect("a cipher");
        let sealed = cipher.seal_after(&[7], &aad, &clear, nonce).ok();
        let sealed = sealed.expect("a sealed value");
        assert_eq!(sealed, [&[7][..], &nonce, &expected].concat());
        let opened = cipher.open(&aad, &sealed[1..]).ok().expect("it opens");
        assert_eq!(*opened, clear);
    }
}
