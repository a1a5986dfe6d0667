//! What the vault promises, through its public surface.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::collections::HashSet;
use std::sync::Arc;

use proptest::prelude::*;
use vinculo_vault::{
    BlindIndex, Context, DataKey, MalformedError, MasterKey, MasterKeyError, MasterKeys, Random,
    RandomError, Redacted, Sealed, SecretHash, SeededRandom, SystemRandom, Vault, VaultError,
    WrappedKey, random_secret, random_uuid_v4,
};

const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn masters(seed: u64) -> MasterKeys {
    MasterKeys::generate(&SeededRandom::new(seed)).unwrap()
}

fn open_new(masters: MasterKeys) -> (Vault, WrappedKey) {
    let random = Arc::new(SeededRandom::new(99));
    let root = Vault::create_root(&masters, random.as_ref()).unwrap();
    (Vault::open(masters, &root, random).unwrap(), root)
}

fn vault() -> Vault {
    open_new(masters(1)).0
}

fn data_key() -> DataKey {
    vault().new_data_key().unwrap().0
}

#[test]
fn a_sealed_value_survives_storage_of_itself_and_of_its_key() {
    let vault = vault();
    let (key, wrapped) = vault.new_data_key().unwrap();
    let context = Context::of_id("links", 7);
    let stored_value = key.seal(context, b"Ana Synthetic").unwrap().into_bytes();
    let stored_key = wrapped.to_bytes();

    let key = vault.unwrap_key(&WrappedKey::from_bytes(&stored_key).unwrap()).unwrap();
    let sealed = Sealed::from_bytes(stored_value).unwrap();
    assert_eq!(key.open(context, &sealed).unwrap().as_slice(), b"Ana Synthetic");
}

#[test]
fn sealing_twice_never_gives_the_same_bytes() {
    let key = data_key();
    let context = Context::of_id("links", 7);
    assert_ne!(key.seal(context, b"x").unwrap(), key.seal(context, b"x").unwrap());
}

#[test]
fn one_of_many_is_sealed_like_one_alone_and_no_nonce_comes_twice() {
    let vault = vault();
    let (key, _) = vault.new_data_key().unwrap();
    let context = Context::of_id("links", 7);
    let mut nonces = vault.nonces();
    // Empty values, so that what they are sealed with is all there is to see.
    let seal = |_| key.seal_one_of_many(&mut nonces, context, b"").unwrap();
    let sealed: Vec<_> = (0..1_000).map(seal).collect();
    assert!(sealed.iter().all(|sealed| key.open(context, sealed).unwrap().is_empty()));
    let distinct: HashSet<_> = sealed.iter().map(Sealed::as_bytes).collect();
    assert_eq!(distinct.len(), sealed.len());
}

#[test]
fn every_pair_of_different_contexts_is_told_apart() {
    let key = data_key();
    let uuid = [7; 16];
    let contexts = [
        Context::of_id("links", 7),
        Context::of_id("links", 8),
        Context::of_id("owners", 7),
        Context::of_ids("links", &[7]),
        Context::of_ids("links", &[7, 8]),
        Context::of_ids("links", &[8, 7]),
        Context::of_uuid("links", uuid),
        Context::of_bytes("links", &uuid),
        Context::of_bytes("links", &[0, 0, 0, 0, 0, 0, 0, 7]),
        Context::of_bytes("links", b""),
        Context::of_bytes("", b"links"),
    ];
    for (i, sealed_for) in contexts.iter().enumerate() {
        let sealed = key.seal(*sealed_for, b"value").unwrap();
        for (j, opened_as) in contexts.iter().enumerate() {
            assert_eq!(key.open(*opened_as, &sealed).is_ok(), i == j, "{i} opened as {j}");
        }
    }
}

#[test]
fn another_subjects_key_opens_nothing() {
    let vault = vault();
    let context = Context::of_id("links", 7);
    let sealed = vault.new_data_key().unwrap().0.seal(context, b"value").unwrap();
    let (other, _) = vault.new_data_key().unwrap();
    assert_eq!(other.open(context, &sealed).unwrap_err(), VaultError::Refused { table: "links" });
}

#[test]
fn opened_values_stand_one_after_the_other_and_a_refused_one_leaves_nothing() {
    let vault = vault();
    let [key, other] = [(); 2].map(|()| vault.new_data_key().unwrap().0);
    let of = |id| Context::of_id("owners", id);
    let mut out = b"[".to_vec();
    for (id, value) in [(1, b"one".as_slice()), (2, b""), (3, b"three")] {
        let sealed = key.seal(of(id), value).unwrap();
        key.open_onto(of(id), &sealed, &mut out).unwrap();
        out.push(b',');
        for (key, context) in [(&other, of(id)), (&key, of(9))] {
            let refused = key.open_onto(context, &sealed, &mut out);
            assert_eq!(refused.unwrap_err(), VaultError::Refused { table: "owners" });
        }
    }
    assert_eq!(out, b"[one,,three,");
}

#[test]
fn a_wrong_or_missing_master_key_is_named_by_version() {
    let (_, root) = open_new(masters(1));
    let random = Arc::new(SystemRandom);

    let error = Vault::open(masters(2), &root, random.clone()).unwrap_err();
    assert_eq!(error, VaultError::WrongMasterKey { version: 1 });

    let only_newer = MasterKeys::new([MasterKey::parse(2, HEX).unwrap()]).unwrap();
    let error = Vault::open(only_newer, &root, random).unwrap_err();
    assert_eq!(error, VaultError::MasterKeyMissing { version: 1 });
    assert_eq!(error.to_string(), "master key version 1 is needed and was not given");
}

#[test]
fn a_root_secret_and_a_data_key_never_stand_in_for_each_other() {
    let (vault, root) = open_new(masters(1));
    let (_, data) = vault.new_data_key().unwrap();
    assert!(vault.unwrap_key(&root).is_err());
    assert!(Vault::open(masters(1), &data, Arc::new(SystemRandom)).is_err());

    let mut relabelled = data.to_bytes();
    relabelled[0] = root.to_bytes()[0];
    let relabelled = WrappedKey::from_bytes(&relabelled).unwrap();
    assert!(Vault::open(masters(1), &relabelled, Arc::new(SystemRandom)).is_err());
}

#[test]
fn rotation_rewraps_keys_and_leaves_data_and_indexes_as_they_are() {
    let first = MasterKey::parse(1, HEX).unwrap();
    let second = MasterKey::generate(2, &SystemRandom).unwrap();
    let (before, root) = open_new(MasterKeys::new([first.clone()]).unwrap());
    let (key, wrapped) = before.new_data_key().unwrap();
    let context = Context::of_id("owners", 1);
    let sealed = key.seal(context, b"value").unwrap();
    assert_eq!(before.rewrap(&wrapped).unwrap(), None);

    let both = MasterKeys::new([second.clone(), first]).unwrap();
    let during = Vault::open(both, &root, Arc::new(SystemRandom)).unwrap();
    let new_root = during.rewrap(&root).unwrap().unwrap();
    let new_wrapped = during.rewrap(&wrapped).unwrap().unwrap();
    assert_eq!((new_root.version(), new_wrapped.version()), (2, 2));
    assert_eq!(during.rewrap(&new_wrapped).unwrap(), None);

    let only_second = MasterKeys::new([second]).unwrap();
    let after = Vault::open(only_second, &new_root, Arc::new(SystemRandom)).unwrap();
    let key = after.unwrap_key(&new_wrapped).unwrap();
    assert_eq!(key.open(context, &sealed).unwrap().as_slice(), b"value");
    assert_eq!(
        after.unwrap_key(&wrapped).unwrap_err(),
        VaultError::MasterKeyMissing { version: 1 }
    );
    assert_eq!(
        before.workspace_keys(3).lookup_document("CC", "1999000002"),
        after.workspace_keys(3).lookup_document("CC", "1999000002"),
    );
}

#[test]
fn indexes_differ_by_workspace_purpose_part_and_installation() {
    let vault = vault();
    let here = vault.workspace_keys(1);
    let elsewhere = vault.workspace_keys(2);
    let other_root = Vault::create_root(&masters(1), &SystemRandom).unwrap();
    let other_installation = Vault::open(masters(1), &other_root, Arc::new(SystemRandom)).unwrap();
    let all = [
        here.lookup_document("CC", "1999000002"),
        here.lookup_document("CE", "1999000002"),
        here.lookup_document("C", "C1999000002"),
        here.lookup_document("CC", "1999000003"),
        here.payer("CC", "1999000002"),
        here.planilla_number("CC", "1999000002"),
        here.draft(("CC", "1999000002"), "2026-01", "E", ""),
        here.draft(("CC", "1999000002"), "2026-01", "", "E"),
        here.external_id("1999000002"),
        here.idempotency_key("1999000002"),
        here.request(&[b"1999000002"]),
        here.request(&[b"1999", b"000002"]),
        elsewhere.idempotency_key("1999000002"),
        elsewhere.lookup_document("CC", "1999000002"),
        vault.workspace_keys_at(1, 2).lookup_document("CC", "1999000002"),
        other_installation.workspace_keys(1).lookup_document("CC", "1999000002"),
    ];
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    assert_eq!(all[0], vault.workspace_keys(1).lookup_document("CC", "1999000002"));
    assert_eq!(all[0], BlindIndex::from_bytes(all[0].as_bytes()).unwrap());
}

#[test]
fn a_look_up_value_leads_from_one_version_to_the_next() {
    let vault = vault();
    let keys = [1, 2, 3].map(|version| vault.workspace_keys_at(1, version));
    let all = keys.each_ref().map(|keys| {
        [
            keys.lookup_document("CC", "1999000002"),
            keys.payer("NI", "990100217"),
            keys.external_id("x"),
        ]
    });
    for ((before, after), keys) in all.iter().zip(&all[1..]).zip(&keys[1..]) {
        assert_eq!(before.map(|value| keys.next(&value)), *after);
        assert_ne!(before, after);
    }
    let elsewhere = vault.workspace_keys_at(2, 2);
    assert_ne!(elsewhere.next(&all[0][0]), all[1][0], "each workspace its own");
    assert_eq!(keys[0].next(&all[0][0]), all[0][0], "nothing comes before the first");
}

#[test]
fn a_repeated_request_is_known_after_a_rotation_of_the_index() {
    let vault = vault();
    let (before, after) = (vault.workspace_keys_at(1, 1), vault.workspace_keys_at(1, 2));
    assert_eq!(before.idempotency_key("k"), after.idempotency_key("k"));
    assert_eq!(before.request(&[b"POST", b"{}"]), after.request(&[b"POST", b"{}"]));
    assert_ne!(before.request(&[b"POST", b"{}"]), after.request(&[b"POST", b"{ }"]));
}

#[test]
fn institution_user_id_has_the_contracts_form_and_outlives_index_rotation() {
    let vault = vault();
    let id = |workspace, index_version, institution: &str, username: &str| {
        vault.workspace_keys_at(workspace, index_version).institution_user_id(institution, username)
    };
    let first = id(1, 1, "pila_co_employment", "1999000002");
    assert_eq!(first.len(), 44);
    assert!(first.bytes().all(|b| b.is_ascii_alphanumeric() || b"-=_".contains(&b)), "{first}");
    assert_eq!(first, id(1, 2, "pila_co_employment", "1999000002"));
    assert_ne!(first, id(2, 1, "pila_co_employment", "1999000002"));
    assert_ne!(first, id(1, 1, "pila_co_employment", "1999000003"));
    assert_ne!(first, id(1, 1, "other_co_employment", "1999000002"));
}

/// The values were computed apart from this crate, with Python's `hmac`, from the documented
/// derivation: a change of any label would orphan every stored index.
#[test]
fn derivation_never_changes() {
    struct Counting;
    impl Random for Counting {
        fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
            for (value, byte) in (0_u8..).zip(out.iter_mut()) {
                *byte = value;
            }
            Ok(())
        }
    }
    let masters = MasterKeys::parse(HEX).unwrap();
    let root = Vault::create_root(&masters, &Counting).unwrap();
    let vault = Vault::open(masters, &root, Arc::new(Counting)).unwrap();
    let keys = vault.workspace_keys(42);
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    assert_eq!(
        hex(keys.lookup_document("CC", "1999000002").as_bytes()),
        "6a68739d1cd8403bb6cfd54dc8c52d4b2c99825d03fea496a34767e880c93163"
    );
    assert_eq!(
        hex(vault.workspace_keys_at(42, 2).lookup_document("CC", "1999000002").as_bytes()),
        "5695acc28f420f91efba466073ffc1b48c6d717a5e3155e147009e5723e9efb3"
    );
    assert_eq!(
        keys.institution_user_id("pila_co_employment", "1999000002"),
        "Vk7IuQqYeWhNSuDq3eJa_xedz3lXu7usFR0YSnw6lkk="
    );
    assert_eq!(
        hex(&keys.receipt_seal(&[7; 32])),
        "fbc05063f158e2b35567ae2ed0ce11128d677c00c1b4439a6b0232767df614e9"
    );
    assert_eq!(
        hex(keys.secret_hash("s3cret").as_bytes()),
        "42489576157b4e7cec9d140ea77c6a7a12da86135457c3b8e9bdabf77f9e6387"
    );
    assert_eq!(
        hex(keys.token_key()),
        "c8405bcbc3b7e0dd41b42e7338dde93e0234d03a6a9839e10738038bc8b82114\
         f6f55930a413d124e0e565769a445342b6e654a58c4f24be1e8e30c3ae65583b"
    );
    assert_eq!(
        hex(&vault.audit_seal(&[7; 32])),
        "4be254cb82d6b9612f1be783a0e250c021dc6d056781cfc2c0f5f836f20b4cbc"
    );
    let noted = vault.audit_key().unwrap().seal(Context::of_id("audit_entries", 7), b"x").unwrap();
    assert_eq!(
        hex(noted.as_bytes()),
        "01000102030405060708090a0ba9868a8e620ab492cbe81636de13a62fca"
    );
    assert_eq!(
        hex(vault.user_keys().unwrap().email("persona@example.com").as_bytes()),
        "d75d2fd56d056b9b243ff8d18910ffe1a81e59ad0493a07f459cb5f76d994e81"
    );
    assert_eq!(
        vault.user_keys().unwrap().form("cookie"),
        "St0viO8j3nCyjLN1kqbailrUFtgeoznPPhXPGyGjQ3U"
    );
    assert_eq!(
        hex(&root.to_bytes()),
        "7200000001000102030405060708090a0bdd52b94c24ee9418f23313e9683e4446d6080d8aeb36dbcf30ee033c1f26f524b8daf72dc3b87a9feb010b6a5888bf1a"
    );
}

#[test]
fn api_secrets_verify_only_in_their_workspace() {
    let vault = vault();
    let keys = vault.workspace_keys(1);
    let secret = random_secret(&SystemRandom).unwrap();
    assert_eq!(secret.len(), 43);
    assert!(secret.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));

    let stored = SecretHash::from_bytes(keys.secret_hash(&secret).as_bytes()).unwrap();
    assert!(keys.verify_secret(&secret, &stored));
    assert!(!keys.verify_secret(&format!("{}x", *secret), &stored));
    assert!(!keys.verify_secret("", &stored));
    assert!(!vault.workspace_keys(2).verify_secret(&secret, &stored));
    assert_ne!(keys.token_key(), vault.workspace_keys(2).token_key());
}

#[test]
fn master_keys_are_read_in_every_documented_form() {
    let hex = MasterKey::parse(1, HEX).unwrap().to_hex();
    assert_eq!(*hex, HEX);
    let forms = [
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        " 000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F\n",
    ];
    for form in forms {
        assert_eq!(*MasterKey::parse(1, form).unwrap().to_hex(), HEX, "{form}");
    }
    let standard = MasterKey::parse(1, &format!("/+{}8", "/".repeat(40))).unwrap();
    let url_safe = MasterKey::parse(1, &format!("_-{}8=", "_".repeat(40))).unwrap();
    assert_eq!(standard.to_hex(), url_safe.to_hex());
}

#[test]
fn several_master_keys_are_one_text_and_the_highest_version_is_current() {
    let text = format!("10:{HEX}, 2:{}\n", HEX.to_uppercase());
    let keys = MasterKeys::parse(&text).unwrap();
    assert_eq!(keys.current().version(), 10);
    assert_eq!(keys.iter().map(MasterKey::version).collect::<Vec<_>>(), [2, 10]);
    let again = MasterKeys::parse(&keys.to_text()).unwrap();
    assert_eq!(again.to_text(), keys.to_text());
}

#[test]
fn master_key_texts_that_cannot_be_used_say_why() {
    let not_hex = HEX.replace('a', "g");
    let cases = [
        (String::new(), MasterKeyError::Missing),
        (" ,\n".to_owned(), MasterKeyError::Missing),
        ("short".to_owned(), MasterKeyError::NotAKey { version: 1 }),
        (not_hex, MasterKeyError::NotAKey { version: 1 }),
        (format!("3:{}", &HEX[2..]), MasterKeyError::NotAKey { version: 3 }),
        (format!("1:{HEX} 1:{HEX}"), MasterKeyError::Repeated { version: 1 }),
        (format!("1:{HEX} {HEX}"), MasterKeyError::NotAVersion { entry: 2 }),
        (format!("0:{HEX}"), MasterKeyError::NotAVersion { entry: 1 }),
        (format!("x:{HEX}"), MasterKeyError::NotAVersion { entry: 1 }),
    ];
    for (text, expected) in cases {
        assert_eq!(MasterKeys::parse(&text).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn nothing_secret_is_ever_printed() {
    let masters = MasterKeys::parse(HEX).unwrap();
    let (vault, root) = open_new(masters.clone());
    let (key, wrapped) = vault.new_data_key().unwrap();
    let keys = vault.workspace_keys(1);
    let sealed = key.seal(Context::of_id("links", 1), b"Ana Synthetic").unwrap();
    let document = Redacted::new("1999000002");
    let printed = [
        (format!("{masters:?}"), "[MasterKey(version 1, [redacted])]"),
        (format!("{vault:?}"), "Vault(master version 1)"),
        (format!("{root:?}"), "WrappedKey(master version 1)"),
        (format!("{wrapped:?}"), "WrappedKey(master version 1)"),
        (format!("{key:?}"), "DataKey([redacted])"),
        (format!("{keys:?}"), "WorkspaceKeys([redacted])"),
        (format!("{:?}", keys.lookup_document("CC", "1")), "BlindIndex([redacted])"),
        (format!("{:?}", keys.secret_hash("x")), "SecretHash([redacted])"),
        (format!("{sealed:?}"), "Sealed(42 bytes)"),
        (format!("{document} {document:?}"), "[redacted] [redacted]"),
        (format!("{:?}", SeededRandom::new(77)), "SeededRandom { .. }"),
    ];
    for (actual, expected) in printed {
        assert_eq!(actual, expected);
    }
    assert_eq!(document.expose(), &"1999000002");
}

#[test]
fn a_failing_source_of_randomness_is_an_error_not_a_weak_key() {
    struct Empty;
    impl Random for Empty {
        fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
            Err(RandomError)
        }
    }
    let (_, root) = open_new(masters(1));
    let vault = Vault::open(masters(1), &root, Arc::new(Empty)).unwrap();
    assert_eq!(vault.new_data_key().unwrap_err(), VaultError::Random(RandomError));
    assert!(random_secret(&Empty).is_err());
    assert!(MasterKeys::generate(&Empty).is_err());
}

#[test]
fn a_seeded_stream_repeats_and_moves_on() {
    let draw = |random: &SeededRandom, length| {
        let mut bytes = vec![0; length];
        random.fill(&mut bytes).unwrap();
        bytes
    };
    let (first, second) = (SeededRandom::new(1), SeededRandom::new(1));
    assert_eq!(draw(&first, 70), draw(&second, 70));
    assert_ne!(draw(&first, 70), draw(&first, 70));
    assert_ne!(draw(&SeededRandom::new(2), 32), draw(&SeededRandom::new(1), 32));
}

proptest! {
    #[test]
    fn any_value_round_trips(value in prop::collection::vec(any::<u8>(), 0..2000), id: i64) {
        let key = data_key();
        let context = Context::of_id("owners", id);
        let sealed = key.seal(context, &value).unwrap();
        prop_assert_eq!(sealed.as_bytes().len(), value.len() + 29);
        let opened = key.open(context, &sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), value.as_slice());
    }

    #[test]
    fn any_altered_bit_or_length_is_refused(
        value in prop::collection::vec(any::<u8>(), 0..40),
        at: prop::sample::Index,
        bit in 0_u8..8,
        cut in 1_usize..40,
    ) {
        let key = data_key();
        let context = Context::of_id("owners", 1);
        let opens = |bytes: Vec<u8>| {
            Sealed::from_bytes(bytes).is_ok_and(|sealed| key.open(context, &sealed).is_ok())
        };
        let bytes = key.seal(context, &value).unwrap().into_bytes();
        let mut altered = bytes.clone();
        altered[at.index(bytes.len())] ^= 1 << bit;
        prop_assert!(!opens(altered));
        prop_assert!(!opens(bytes[..bytes.len().saturating_sub(cut)].to_vec()));
        prop_assert!(!opens([bytes.as_slice(), &[0]].concat()));
        prop_assert!(opens(bytes));
    }

    #[test]
    fn any_altered_wrapped_key_is_refused(at: prop::sample::Index, bit in 0_u8..8) {
        let vault = vault();
        let mut bytes = vault.new_data_key().unwrap().1.to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let opened = WrappedKey::from_bytes(&bytes).map(|wrapped| vault.unwrap_key(&wrapped));
        prop_assert!(!matches!(opened, Ok(Ok(_))));
    }

    #[test]
    fn any_stored_bytes_are_read_or_refused_without_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        if let Ok(wrapped) = WrappedKey::from_bytes(&bytes) {
            prop_assert_eq!(wrapped.to_bytes(), bytes.clone());
        }
        let is_index = BlindIndex::from_bytes(&bytes).is_ok();
        prop_assert_eq!(is_index, bytes.len() == 32);
        if let Err(error) = Sealed::from_bytes(bytes.clone()) {
            let length = MalformedError::Length { what: "sealed value", length: bytes.len() };
            prop_assert!(error == length || bytes[0] != 1);
        }
    }

    #[test]
    fn any_text_is_a_master_key_or_an_error(text in "\\PC{0,80}") {
        if let Ok(keys) = MasterKeys::parse(&text) {
            prop_assert!(keys.current().version() > 0);
        }
    }

    #[test]
    fn random_uuids_have_version_4_and_variant_1(seed: u64) {
        let uuid = random_uuid_v4(&SeededRandom::new(seed)).unwrap();
        prop_assert_eq!(uuid[6] >> 4, 4);
        prop_assert_eq!(uuid[8] >> 6, 0b10);
    }
}
