//! The signature that the Standard Webhooks specification describes.

use proptest::prelude::*;
use vinculo_webhook::SigningSecret;

/// What the documentation tells receivers to do.
#[path = "documented/verified.rs"]
#[expect(unreachable_pub, reason = "in the receiver it is used from elsewhere")]
mod documented;

#[test]
fn the_documented_code_is_the_one_tested_here() {
    let document = include_str!("../../../docs/WEBHOOKS.md");
    assert!(document.contains(include_str!("documented/verified.rs")));
}

#[test]
fn what_is_signed_is_verified_as_documented() {
    let [old, new] = [[1; SigningSecret::BYTES], [2; SigningSecret::BYTES]].map(SigningSecret::new);
    let sign = |secret: &SigningSecret| secret.sign("id", 7, b"body");
    let both = format!("{} {}", sign(&new), sign(&old));
    for secret in [&old, &new] {
        let secret = secret.reveal();
        for now in [7 - 300, 7, 7 + 300] {
            assert!(documented::verified(&secret, ("id", "7", &both), b"body", now));
        }
        for now in [7 - 301, 7 + 301] {
            assert!(!documented::verified(&secret, ("id", "7", &both), b"body", now), "{now}");
        }
        for (id, timestamp, body) in [("di", "7", "body"), ("id", "8", "body"), ("id", "7", "b")] {
            assert!(!documented::verified(&secret, (id, timestamp, &both), body.as_bytes(), 7));
        }
    }
    assert!(!documented::verified(&old.reveal(), ("id", "7", &sign(&new)), b"body", 7));
    assert!(!documented::verified("whsec_%", ("id", "7", &both), b"body", 7));
}

/// The example of the specification's reference libraries.
#[test]
fn the_published_example_is_signed_as_published() {
    let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let body = br#"{"test": 2432232314}"#;
    let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn only_what_is_written_as_a_secret_is_one() {
    let short = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa==";
    let long = format!("whsec_{}", "AAAA".repeat(22));
    for text in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_%", short, &long] {
        assert!(SigningSecret::parse(text).is_none(), "{text}");
    }
}

proptest! {
    #[test]
    fn a_secret_is_read_as_it_was_shown(bytes: [u8; SigningSecret::BYTES]) {
        let secret = SigningSecret::new(bytes);
        let again = SigningSecret::parse(&secret.reveal()).unwrap();
        prop_assert_eq!(again.sign("a", 1, b"b"), secret.sign("a", 1, b"b"));
        let shown = format!("{secret:?}");
        prop_assert!(!shown.contains(&secret.reveal()[6..]));
    }

    #[test]
    fn whatever_changes_changes_the_signature(
        bytes: [u8; SigningSecret::BYTES],
        id in "[0-9a-f]{32}",
        timestamp in 0_i64..=4_000_000_000,
        body: Vec<u8>,
    ) {
        let secret = SigningSecret::new(bytes);
        let signature = secret.sign(&id, timestamp, &body);
        let mut other = bytes;
        other[0] ^= 1;
        prop_assert_ne!(&SigningSecret::new(other).sign(&id, timestamp, &body), &signature);
        prop_assert_ne!(&secret.sign(&id, timestamp + 1, &body), &signature);
        prop_assert_ne!(&secret.sign(&format!("{id}0"), timestamp, &body), &signature);
        let longer = [body.as_slice(), b"0"].concat();
        prop_assert_ne!(&secret.sign(&id, timestamp, &longer), &signature);
    }
}
