//! Statements in certificates that `gpg` does not make: they end, contradict each other, or are too many.

use flink_img::flink::release::signature::Keyring;
use pgp::composed::{ArmorOptions, Deserializable as _, SignedPublicKey, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::types::{Duration, KeyDetails as _, Password, SignedUser, Tag, Timestamp};

use crate::gnupg::{Gnupg, KeyPlan};
use crate::policy::{BYTES, told, verdict};

const UNBOUND: &str = "is by a key that nothing valid binds to its owner";
/// 2020-01-01, when the keys are made.
const MADE: u32 = 1_577_880_000;
const YEAR: u32 = 366 * 24 * 60 * 60;

/// An owner who states what he likes.
struct Owner {
    gpg: Gnupg,
    key: String,
    secret: SignedSecretKey,
    public: SignedPublicKey,
}

impl Owner {
    fn new() -> Self {
        let gpg = Gnupg::new();
        let key = gpg.key(KeyPlan::default(), &[]);
        gpg.subkey("20200101", &key, "0");
        let text = String::from_utf8(gpg.export_secret(&key)).unwrap();
        let (secret, _) = SignedSecretKey::from_string(&text).unwrap();
        let public = SignedPublicKey::from(secret.clone());
        Self {
            gpg,
            key,
            secret,
            public,
        }
    }

    /// Something to state, with the parts that matter.
    fn statement(
        &self,
        kind: SignatureType,
        made: u32,
        parts: Vec<SubpacketData>,
    ) -> SignatureConfig {
        let algorithm = self.public.primary_key.algorithm();
        let mut config = SignatureConfig::v4(kind, algorithm, HashAlgorithm::Sha256);
        let created = SubpacketData::SignatureCreationTime(Timestamp::from_secs(made));
        let by = SubpacketData::IssuerFingerprint(self.public.fingerprint());
        let parts = [created, by].into_iter().chain(parts);
        config.hashed_subpackets = parts
            .map(|part| Subpacket::regular(part).unwrap())
            .collect();
        config
    }

    fn named(&self, made: u32, parts: Vec<SubpacketData>) -> Signature {
        let primary = &self.public.primary_key;
        let config = self.statement(SignatureType::CertPositive, made, parts);
        let user = &self.public.details.users[0].id;
        let (secret, password) = (&self.secret.primary_key, Password::empty());
        config
            .sign_certification(secret, primary, &password, Tag::UserId, user)
            .unwrap()
    }

    fn direct(&self, made: u32, parts: Vec<SubpacketData>) -> Signature {
        let config = self.statement(SignatureType::Key, made, parts);
        config
            .sign_key(
                &self.secret.primary_key,
                &Password::empty(),
                &self.public.primary_key,
            )
            .unwrap()
    }

    fn told(&self, day: &str, by: &str, public: &SignedPublicKey) -> String {
        let signature = self.gpg.sign(day, by, &[], BYTES);
        told(verdict(&signature, &armored(public)), &self.key)
    }
}

fn armored(public: &SignedPublicKey) -> Vec<u8> {
    public.to_armored_bytes(ArmorOptions::default()).unwrap()
}

fn lasts(years: u32) -> SubpacketData {
    SubpacketData::SignatureExpirationTime(Duration::from_secs(years * YEAR))
}

fn ends(years: u32) -> SubpacketData {
    SubpacketData::KeyExpirationTime(Duration::from_secs(years * YEAR))
}

#[test]
fn a_statement_with_an_end_binds_until_then() {
    let owner = Owner::new();
    let primary = format!("{}!", owner.key);
    let mut public = owner.public.clone();
    public.details.users[0].signatures = vec![owner.named(MADE, vec![lasts(2)])];
    assert_eq!(owner.told("20210101", &primary, &public), "good");
    assert_eq!(owner.told("20230101", &primary, &public), UNBOUND);
    // What was said before and has no end stands.
    public.details.users[0]
        .signatures
        .push(owner.named(MADE - 1, vec![]));
    assert_eq!(owner.told("20230101", &primary, &public), "good");

    let mut public = owner.public.clone();
    let subkey = &mut public.public_subkeys[0];
    let by = format!("{}!", subkey.key.fingerprint());
    let mut config = subkey.signatures[0].config().unwrap().clone();
    config
        .hashed_subpackets
        .push(Subpacket::regular(lasts(2)).unwrap());
    let (secret, password) = (&owner.secret.primary_key, Password::empty());
    let binding = config
        .sign_subkey_binding(secret, &owner.public.primary_key, &password, &subkey.key)
        .unwrap();
    subkey.signatures = vec![binding];
    assert_eq!(owner.told("20210101", &by, &public), "good");
    assert_eq!(owner.told("20230101", &by, &public), UNBOUND);
}

#[test]
fn the_stricter_of_two_ends_counts() {
    let owner = Owner::new();
    let primary = format!("{}!", owner.key);
    let expired = "was made on 2023-01-01, and the key expired on 2022-01-02";
    for (named, direct, expected) in [(2, 9, expired), (9, 2, expired), (9, 9, "good")] {
        let mut public = owner.public.clone();
        public.details.users[0].signatures = vec![owner.named(MADE, vec![ends(named)])];
        public.details.direct_signatures = vec![owner.direct(MADE, vec![ends(direct)])];
        let found = owner.told("20230101", &primary, &public);
        assert_eq!(found, expected, "{named} {direct}");
    }
}

#[test]
fn a_certificate_beyond_the_limits_is_dropped_in_all_its_copies() {
    let owner = Owner::new();
    let usual = armored(&owner.public);
    let user = owner.public.details.users[0].clone();
    let mut users = owner.public.clone();
    users.details.users = vec![user.clone(); 513];
    let mut signatures = owner.public.clone();
    let repeated = vec![user.signatures[0].clone(); 10_001];
    signatures.details.users = vec![SignedUser::new(user.id, repeated)];
    for (name, excessive) in [("users", users), ("signatures", signatures)] {
        let excessive = armored(&excessive);
        for text in [
            [&usual[..], &excessive].concat(),
            [&excessive[..], &usual].concat(),
        ] {
            assert!(Keyring::parse(&text).is_empty(), "{name}");
        }
    }
    assert!(!Keyring::parse(&usual.repeat(2)).is_empty());
}
