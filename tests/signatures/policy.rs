//! Which signatures hold, and why the others do not.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flink_img::flink::release::Signer;
use flink_img::flink::release::signature::{Keyring, Verdict, verify};

use crate::gnupg::{Gnupg, KeyPlan, file};

pub(crate) const BYTES: &[u8] = b"the bytes of a release";

/// 2025-06-01.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_748_736_000)
}

/// What is found out about a signature over the usual bytes, when anybody in the keyring may sign.
pub(crate) fn verdict(signature: &[u8], keys: &[u8]) -> Verdict {
    verdict_over(BYTES, signature, keys)
}

fn verdict_over(bytes: &[u8], signature: &[u8], keys: &[u8]) -> Verdict {
    let folder = tempfile::tempdir().unwrap();
    let archive = file(&folder, bytes);
    verify(signature, &Keyring::parse(keys), &|_| true, &archive, now()).unwrap()
}

/// In words: who signed, or what is wrong.
pub(crate) fn told(verdict: Verdict, key: &str) -> String {
    match verdict {
        Verdict::Good(signer) => {
            assert_eq!(signer.fingerprint, key);
            "good".to_owned()
        }
        Verdict::Refused { key: by, refusal } => {
            assert_eq!(by, key);
            refusal.to_string()
        }
        Verdict::Unknown { .. } => "unknown".to_owned(),
        Verdict::Nothing => "nothing".to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_signature_by_any_usual_kind_of_key_is_good() {
    let gpg = Gnupg::new();
    for (name, algorithm) in [
        ("Rosa <rosa@example.org>", "rsa3072"),
        ("Edda <edda@example.org>", "ed25519"),
        ("Nils <nils@example.org>", "nistp256"),
    ] {
        let key = gpg.key(
            KeyPlan {
                name,
                algorithm,
                ..KeyPlan::default()
            },
            &[],
        );
        let keys = gpg.export(&[&key]);
        for hash in ["SHA256", "SHA384", "SHA512"] {
            let signature = gpg.sign("20200202", &key, &["--digest-algo", hash], BYTES);
            let expected = Verdict::Good(Signer {
                fingerprint: key.clone(),
                user_id: name.to_owned(),
                signed_at: 1_580_644_800,
            });
            assert_eq!(verdict(&signature, &keys), expected, "{algorithm} {hash}");
            let other = verdict_over(b"the bytes of a Release", &signature, &keys);
            assert_eq!(told(other, &key), "does not match the archive");
        }
    }
}

#[test]
fn a_signature_of_another_form_does_not_hold() {
    let gpg = Gnupg::new();
    let key = gpg.key(KeyPlan::default(), &[]);
    let keys = gpg.export(&[&key]);
    for (words, expected) in [
        (
            &["--digest-algo", "SHA1"][..],
            "is over a hash that can be forged (SHA1)",
        ),
        (
            &["--digest-algo", "RIPEMD160"],
            "is over a hash that can be forged (RIPEMD160)",
        ),
        (&["--textmode"], "is none over a file"),
        (
            &["--default-sig-expire", "2021-01-01"],
            "expired on 2021-01-01",
        ),
        (&["--default-sig-expire", "9y"], "good"),
    ] {
        let signature = gpg.sign("20200202", &key, words, BYTES);
        assert_eq!(
            told(verdict(&signature, &keys), &key),
            expected,
            "{words:?}"
        );
    }
}

#[test]
fn a_signature_that_breaks_off_is_none() {
    let gpg = Gnupg::new();
    let key = gpg.key(KeyPlan::default(), &[]);
    let keys = gpg.export(&[&key]);
    let whole = gpg.sign("20200202", &key, &[], BYTES);
    for length in (0..whole.len() - 1).step_by(7) {
        let found = verdict(&whole[..length], &keys);
        assert_eq!(told(found, &key), "nothing", "{length} bytes");
    }
    // Without its last bytes in an armor that ends.
    let text = String::from_utf8(whole).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for gone in 1..4 {
        let end = lines.len() - 2 - gone;
        let cut = [&lines[..end], &lines[lines.len() - 1..]]
            .concat()
            .join("\n");
        assert_ne!(told(verdict(cut.as_bytes(), &keys), &key), "good", "{gone}");
    }
}

#[test]
fn a_key_counts_as_it_was_when_the_signature_was_made() {
    let gpg = Gnupg::new();
    let plan = |name, lasts| KeyPlan {
        name,
        lasts,
        ..KeyPlan::default()
    };
    // Good from 2020 to 2022, and one of them prolonged for ever, which who has the old copy does not know.
    let expired = gpg.key(plan("Expired <e@example.org>", "2y"), &[]);
    let prolonged = gpg.key(plan("Prolonged <p@example.org>", "2y"), &[]);
    let sign = |day: &str, key: &str| gpg.sign(day, key, &["--ignore-time-conflict"], BYTES);
    let within = [&expired, &prolonged].map(|key| sign("20210101", key));
    let before = sign("20191231", &expired);
    let keys = gpg.export(&[]);
    assert_eq!(told(verdict(&within[0], &keys), &expired), "good");
    assert_eq!(
        told(verdict(&before, &keys), &expired),
        "was made on 2019-12-31, and the key on 2020-01-01"
    );
    gpg.expire("20211231", &prolonged, "0");
    let later = sign("20230101", &prolonged);
    assert_eq!(
        told(verdict(&later, &keys), &prolonged),
        "was made on 2023-01-01, and the key expired on 2021-12-31"
    );
    let newer = gpg.export(&[&prolonged]);
    assert_eq!(told(verdict(&later, &newer), &prolonged), "good");
    assert_eq!(told(verdict(&within[1], &newer), &prolonged), "good");
    // The file has both states of the key, in whatever order.
    for both in [[&keys[..], &newer].concat(), [&newer[..], &keys].concat()] {
        assert_eq!(told(verdict(&later, &both), &prolonged), "good");
    }
}

#[test]
fn a_revoked_key_counts_as_the_reason_says() {
    let revoked = "is by a key that was revoked, so that anybody may have made it";
    let retired = "was made on 2022-01-01, and the key was retired on 2021-06-01";
    for (reason, earlier, later) in [
        (None, revoked, revoked),
        (Some(1), revoked, revoked),
        (Some(2), "good", retired),
        (Some(3), "good", retired),
    ] {
        let gpg = Gnupg::new();
        let key = gpg.key(KeyPlan::default(), &[]);
        let earlier_signature = gpg.sign("20210101", &key, &[], BYTES);
        let later_signature = gpg.sign("20220101", &key, &[], BYTES);
        let before = gpg.export(&[&key]);
        match reason {
            None => gpg.revoke("20210601", &key),
            Some(reason) => gpg.revoke_for("20210601", &key, reason),
        }
        let keys = gpg.export(&[&key]);
        // The copy from before does not take it back.
        for keys in [
            &keys,
            &[&keys[..], &before].concat(),
            &[&before[..], &keys].concat(),
        ] {
            let found = told(verdict(&earlier_signature, keys), &key);
            assert_eq!(found, earlier, "{reason:?}");
            let found = told(verdict(&later_signature, keys), &key);
            assert_eq!(found, later, "{reason:?}");
        }
        assert_eq!(told(verdict(&later_signature, &before), &key), "good");
    }
}

#[test]
fn a_key_that_may_not_sign_is_not_known() {
    let gpg = Gnupg::new();
    let key = gpg.key(KeyPlan::default(), &[]);
    let keys = Keyring::parse(&gpg.export(&[&key]));
    let signature = gpg.sign("20210101", &key, &[], BYTES);
    let folder = tempfile::tempdir().unwrap();
    let archive = file(&folder, BYTES);
    let nobody = verify(&signature, &keys, &|_| false, &archive, now()).unwrap();
    assert_eq!(
        nobody,
        Verdict::Unknown {
            keys: vec![key.clone()]
        }
    );
    // An archive that cannot be read is told as one.
    let missing = folder.path().join("missing");
    let by_key = |found: &str| found == key;
    let error = verify(&signature, &keys, &by_key, &missing, now()).unwrap_err();
    assert!(error.is_not_found(), "{error}");
}
