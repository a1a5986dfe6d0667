//! Key derivation and keyed hashes with unambiguous inputs.

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::aead::KEY_LEN;

/// Bytes of a key for HMAC-SHA512.
pub(crate) const WIDE_KEY_LEN: usize = 2 * KEY_LEN;

/// HKDF-Extract (RFC 5869, section 2.2): turns a secret into a key to derive from.
pub(crate) fn extract(salt: &[u8], secret: &[u8]) -> hmac::Key {
    let salt = hmac::Key::new(hmac::HMAC_SHA256, salt);
    hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&salt, secret).as_ref())
}

/// The first block of HKDF-Expand (RFC 5869, section 2.3).
///
/// A 32-byte key needs no second block, so this cannot fail, unlike the library's function.
pub(crate) fn expand(pseudorandom_key: &hmac::Key, info: &[u8]) -> Zeroizing<[u8; KEY_LEN]> {
    block(pseudorandom_key, &[], info, 1)
}

/// The first two blocks of HKDF-Expand: a key as long as SHA-512.
pub(crate) fn expand_wide(
    pseudorandom_key: &hmac::Key,
    info: &[u8],
) -> Zeroizing<[u8; WIDE_KEY_LEN]> {
    let first = block(pseudorandom_key, &[], info, 1);
    let second = block(pseudorandom_key, first.as_slice(), info, 2);
    let mut key = Zeroizing::new([0; WIDE_KEY_LEN]);
    key[..KEY_LEN].copy_from_slice(first.as_slice());
    key[KEY_LEN..].copy_from_slice(second.as_slice());
    key
}

fn block(
    pseudorandom_key: &hmac::Key,
    before: &[u8],
    info: &[u8],
    number: u8,
) -> Zeroizing<[u8; KEY_LEN]> {
    let mut context = hmac::Context::with_key(pseudorandom_key);
    context.update(before);
    context.update(info);
    context.update(&[number]);
    finish(context)
}

/// HMAC-SHA256 over `label` and `parts`, each preceded by its length: no two lists of parts give
/// one input, and no two labels meet.
pub(crate) fn keyed_hash(key: &hmac::Key, label: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    for part in std::iter::once(label.as_bytes()).chain(parts.iter().copied()) {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    *finish(context)
}

/// The bytes of `parts`, each preceded by its length.
pub(crate) fn framed(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

fn finish(context: hmac::Context) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    out.copy_from_slice(context.sign().as_ref());
    out
}

/// The bytes of published test vectors.
#[cfg(test)]
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("a hexadecimal digit"))
        .collect()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{hkdf, hmac};
    use proptest::prelude::*;

    use super::{WIDE_KEY_LEN, expand, expand_wide, extract, unhex};

    #[test]
    fn hkdf_matches_rfc_5869_test_case_1() {
        let salt = unhex("000102030405060708090a0b0c");
        let info = unhex("f0f1f2f3f4f5f6f7f8f9");
        let key = expand(&extract(&salt, &[0x0b; 22]), &info);
        let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf";
        assert_eq!(key.as_slice(), unhex(expected));
    }

    /// RFC 4231, test cases 1, 2 and 6.
    #[test]
    fn hmac_matches_rfc_4231() {
        let cases: [(&[u8], &[u8], &str); 3] = [
            (
                &[0x0b; 20],
                b"Hi There",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ];
        for (key, data, expected) in cases {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key);
            assert_eq!(hmac::sign(&key, data).as_ref(), unhex(expected));
        }
    }

    proptest! {
        #[test]
        fn expand_equals_the_library(
            salt in prop::collection::vec(any::<u8>(), 0..80),
            secret in prop::collection::vec(any::<u8>(), 0..80),
            info in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            // The library wants a type that says how many bytes to fill.
            struct Bytes(usize);
            impl hkdf::KeyType for Bytes {
                fn len(&self) -> usize {
                    self.0
                }
            }
            let library = hkdf::Salt::new(hkdf::HKDF_SHA256, &salt).extract(&secret);
            let info = [info.as_slice()];
            let fill = |out: &mut [u8]| {
                library.expand(&info, Bytes(out.len())).unwrap().fill(out).unwrap();
            };
            let (mut narrow, mut wide) = ([0; 32], [0; WIDE_KEY_LEN]);
            fill(&mut narrow);
            fill(&mut wide);
            let key = extract(&salt, &secret);
            prop_assert_eq!(*expand(&key, info[0]), narrow);
            prop_assert_eq!(*expand_wide(&key, info[0]), wide);
        }
    }
}
