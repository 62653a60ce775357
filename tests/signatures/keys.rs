//! Which keys count: subkeys, bindings, and files with keys as they are in the world.

use flink_img::flink::release::signature::{Keyring, Verdict};
use pgp::composed::{ArmorOptions, Deserializable as _, SignedPublicKey};
use pgp::packet::SubpacketData;

use crate::gnupg::{Gnupg, KeyPlan};
use crate::policy::{BYTES, told, verdict};

const UNBOUND: &str = "is by a key that nothing valid binds to its owner";

fn named(name: &str) -> KeyPlan<'_> {
    KeyPlan {
        name,
        ..KeyPlan::default()
    }
}

fn certificate(armored: &[u8]) -> SignedPublicKey {
    let text = std::str::from_utf8(armored).unwrap();
    SignedPublicKey::from_string(text).unwrap().0
}

fn armored(certificate: &SignedPublicKey) -> Vec<u8> {
    certificate
        .to_armored_bytes(ArmorOptions::default())
        .unwrap()
}

#[test]
fn a_subkey_signs_for_its_owner_while_it_may() {
    let gpg = Gnupg::new();
    let key = gpg.key(
        KeyPlan {
            usage: "cert",
            ..KeyPlan::default()
        },
        &[],
    );
    let subkey = format!("{}!", gpg.subkey("20200201", &key, "2y"));
    let earlier = gpg.sign("20210101", &subkey, &[], BYTES);
    let keys = gpg.export(&[&key]);
    assert_eq!(told(verdict(&earlier, &keys), &key), "good");
    // Prolonged in secret: what was published knows nothing of it.
    gpg.run(
        "20210101",
        &["--batch", "--quick-set-expire", &key, "9y", "*"],
        b"",
    );
    let later = gpg.sign("20230101", &subkey, &[], BYTES);
    assert_eq!(
        told(verdict(&later, &keys), &key),
        "was made on 2023-01-01, and the key expired on 2022-01-31"
    );
    assert_eq!(told(verdict(&later, &gpg.export(&[&key])), &key), "good");
    gpg.revoke_subkey_for("20220101", &key, 3);
    let keys = gpg.export(&[&key]);
    assert_eq!(told(verdict(&earlier, &keys), &key), "good");
    assert_eq!(
        told(verdict(&later, &keys), &key),
        "was made on 2023-01-01, and the key was retired on 2022-01-01"
    );
    // What befalls the primary key befalls the subkey.
    gpg.revoke("20240101", &key);
    assert_eq!(
        told(verdict(&earlier, &gpg.export(&[&key])), &key),
        "is by a key that was revoked, so that anybody may have made it"
    );
}

#[test]
fn a_key_that_is_not_bound_on_both_sides_does_not_count() {
    let gpg = Gnupg::new();
    let owner = gpg.key(named("Owner <owner@example.org>"), &[]);
    let other = gpg.key(named("Other <other@example.org>"), &[]);
    let subkey = format!("{}!", gpg.subkey("20200201", &other, "0"));
    let by_subkey = gpg.sign("20210101", &subkey, &[], BYTES);
    let by_owner = gpg.sign("20210101", &owner, &[], BYTES);
    let owners = certificate(&gpg.export(&[&owner]));
    let others = certificate(&gpg.export(&[&other]));
    assert_eq!(told(verdict(&by_subkey, &armored(&others)), &other), "good");

    let mut stolen = owners.clone();
    stolen.public_subkeys = others.public_subkeys.clone();
    let found = verdict(&by_subkey, &armored(&stolen));
    assert_eq!(told(found, &owner), UNBOUND, "bound by somebody else");

    let mut one_sided = others.clone();
    let binding = &mut one_sided.public_subkeys[0].signatures[0];
    let place = binding
        .config()
        .unwrap()
        .unhashed_subpackets()
        .position(|part| matches!(part.data, SubpacketData::EmbeddedSignature(_)));
    binding.unhashed_subpacket_remove(place.unwrap()).unwrap();
    let found = verdict(&by_subkey, &armored(&one_sided));
    assert_eq!(told(found, &other), UNBOUND, "without the subkey's consent");

    let mut bare = owners.clone();
    bare.details.users[0].signatures = others.details.users[0].signatures.clone();
    let found = verdict(&by_owner, &armored(&bare));
    assert_eq!(
        told(found, &owner),
        UNBOUND,
        "with the statement of another"
    );
}

#[test]
fn weak_keys_and_those_for_something_else_do_not_count() {
    let gpg = Gnupg::new();
    for (algorithm, expected) in [
        ("rsa1024", "is by a key of 1024 bits, which is too short"),
        ("dsa1024", "is by a key of 1024 bits, which is too short"),
        ("rsa2048", "good"),
    ] {
        let name = format!("{algorithm} <key@example.org>");
        let plan = KeyPlan {
            algorithm,
            ..named(&name)
        };
        let key = gpg.key(plan, &[]);
        let signature = gpg.sign("20210101", &key, &["--digest-algo", "SHA256"], BYTES);
        let found = verdict(&signature, &gpg.export(&[&key]));
        assert_eq!(told(found, &key), expected);
    }
}

#[test]
fn statements_over_sha1_stand_in_certificates() {
    let gpg = Gnupg::new();
    let words = ["--cert-digest-algo", "SHA1"];
    let plan = KeyPlan {
        algorithm: "rsa2048",
        ..KeyPlan::default()
    };
    let key = gpg.key(plan, &words);
    let keys = gpg.export(&[&key]);
    let hash = certificate(&keys).details.users[0].signatures[0].hash_alg();
    assert_eq!(hash.unwrap().to_string(), "SHA1");
    let signature = gpg.sign("20210101", &key, &[], BYTES);
    assert_eq!(told(verdict(&signature, &keys), &key), "good");
}

#[test]
fn a_file_with_keys_may_have_other_text_and_blocks_that_nobody_can_read() {
    let gpg = Gnupg::new();
    let [one, two, stranger] = ["One", "Two", "Stranger"]
        .map(|name| gpg.key(named(&format!("{name} <{name}@example.org>")), &[]));
    let [first, second] = [&one, &two].map(|key| gpg.export(&[key]));
    let text = String::from_utf8(first.clone()).unwrap();
    let broken: String = text
        .lines()
        .map(|line| match line {
            line if line.starts_with("-----") => format!("{line}\n"),
            line => format!("{}\n", line.replace(|c: char| c.is_ascii_uppercase(), "z")),
        })
        .collect();
    let with_comment = String::from_utf8(second.clone())
        .unwrap()
        .replacen(
            "BLOCK-----\n",
            "BLOCK-----\nVersion: GnuPG v1\nComment: https://example.org\n",
            1,
        )
        .replace('\n', "\r\n");
    let keys = [
        b"This file has the keys of all.\n\npub   ed25519 2020-01-01 Fran\xe7ois\n",
        broken.as_bytes(),
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQENBF\n",
        &first,
        b"sig 3   somebody\n",
        with_comment.as_bytes(),
    ]
    .concat();
    let keyring = Keyring::parse(&keys);
    let mut expected = [one.clone(), two.clone()];
    expected.sort();
    assert_eq!(keyring.fingerprints().collect::<Vec<_>>(), expected);
    assert_eq!(keyring.skipped(), 2);
    for key in [&one, &two] {
        let signature = gpg.sign("20210101", key, &[], BYTES);
        assert_eq!(told(verdict(&signature, &keys), key), "good");
    }
    let signature = gpg.sign("20210101", &stranger, &[], BYTES);
    let found = verdict(&signature, &keys);
    assert_eq!(
        found,
        Verdict::Unknown {
            keys: vec![stranger]
        }
    );
    // Several certificates in one block are as good.
    let both = gpg.export(&[&one, &two]);
    let signature = gpg.sign("20210101", &two, &[], BYTES);
    assert_eq!(told(verdict(&signature, &both), &two), "good");
}

#[test]
fn one_good_signature_among_others_is_enough() {
    let gpg = Gnupg::new();
    let [one, two] =
        ["One", "Two"].map(|name| gpg.key(named(&format!("{name} <{name}@example.org>")), &[]));
    let words = ["--local-user", &one];
    let both = gpg.sign("20210101", &two, &words, BYTES);
    let keys = gpg.export(&[&two]);
    assert_eq!(told(verdict(&both, &keys), &two), "good");
    let bad = gpg.sign("20210101", &two, &[], b"other bytes");
    let good = gpg.sign("20210101", &one, &[], BYTES);
    let keys = gpg.export(&[]);
    assert_eq!(told(verdict(&[bad, good].concat(), &keys), &one), "good");
}
