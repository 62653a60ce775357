//! What a certificate says of its keys at the moment a signature was made; the terms are those of RFC 9580.
//!
//! Only what its own primary key signed counts, and only while it was meant to. Of several statements the newest does, also when it is younger than the
//! signature that is looked at: whoever prolongs a key says that it was good all along, and `gpg` exports nothing else.
//! The statements of certificates may be over SHA-1, as those of many old keys are. Whoever looks at a certificate has named
//! its primary key by its fingerprint or brought the file, so that a forger would need the owner to sign something that
//! is prepared with a collision; such are found by `pgp`, and do not hold.

use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{KeyFlags, PublicKey, RevocationCode, Signature, SignatureType, SubpacketData};
use pgp::ser::Serialize;
use pgp::types::{
    Fingerprint, KeyDetails, KeyVersion, PublicParams, SignedUser, Tag, Timestamp, VerifyingKey,
};

use super::refusal::{Day, Refusal};

/// What RSA and DSA need at least; NIST SP 800-131A has refused less since 2014.
const LEAST_BITS: u16 = 2048;

/// The users, and the subkeys, of one certificate: people have some addresses, and some keys after one another.
const PART_LIMIT: usize = 512;

/// The signatures of one certificate, those of others among them: who is known in many places has some hundred.
const SIGNATURE_LIMIT: usize = 10_000;

/// A certificate, with all that was found of it.
#[derive(Debug, Clone)]
pub(super) struct Certificate(SignedPublicKey);

/// A key of a certificate.
#[derive(Debug, Clone, Copy)]
pub(super) enum Component<'a> {
    Primary(&'a PublicKey),
    Subkey(&'a SignedPublicSubKey),
}

/// A fingerprint as it is published.
pub(super) fn hex(fingerprint: &Fingerprint) -> String {
    fingerprint.to_string().to_uppercase()
}

impl Certificate {
    pub(super) fn new(certificate: SignedPublicKey) -> Self {
        Self(certificate)
    }

    pub(super) fn into_inner(self) -> SignedPublicKey {
        self.0
    }

    /// Whether it is too large to be that of a person.
    pub(super) fn is_excessive(&self) -> bool {
        let (details, subkeys) = (&self.0.details, &self.0.public_subkeys);
        let of_users = details.users.iter().map(|user| user.signatures.len());
        let of_subkeys = subkeys.iter().map(|subkey| subkey.signatures.len());
        let signatures = details.revocation_signatures.len()
            + details.direct_signatures.len()
            + of_users.chain(of_subkeys).sum::<usize>();
        details.users.len() > PART_LIMIT
            || subkeys.len() > PART_LIMIT
            || signatures > SIGNATURE_LIMIT
    }

    /// Takes what another copy tells: it may be the older one, or lack a revocation. Neither may be excessive.
    pub(super) fn merge(&mut self, other: SignedPublicKey) {
        let (known, new) = (&mut self.0.details, other.details);
        known
            .revocation_signatures
            .extend(new.revocation_signatures);
        known.direct_signatures.extend(new.direct_signatures);
        for user in new.users {
            match known.users.iter_mut().find(|known| known.id == user.id) {
                Some(known) => known.signatures.extend(user.signatures),
                None => known.users.push(user),
            }
        }
        for subkey in other.public_subkeys {
            let mut subkeys = self.0.public_subkeys.iter_mut();
            match subkeys.find(|known| known.key == subkey.key) {
                Some(known) => known.signatures.extend(subkey.signatures),
                None => self.0.public_subkeys.push(subkey),
            }
        }
    }

    /// The key that a signature says it is by, if it is in here.
    pub(super) fn component(&self, signature: &Signature) -> Option<Component<'_>> {
        let fingerprints = signature.issuer_fingerprint();
        let names = |key: &dyn KeyDetails| {
            if fingerprints.is_empty() {
                let ids = signature.issuer_key_id();
                ids.into_iter().any(|id| *id == key.legacy_key_id())
            } else {
                fingerprints.contains(&&key.fingerprint())
            }
        };
        if names(&self.0.primary_key) {
            return Some(Component::Primary(&self.0.primary_key));
        }
        let mut subkeys = self.0.public_subkeys.iter();
        subkeys
            .find(|subkey| names(&subkey.key))
            .map(Component::Subkey)
    }

    /// Refuses a key that was not good for signing at the time `made`.
    pub(super) fn check(&self, component: Component<'_>, made: Timestamp) -> Result<(), Refusal> {
        let primary = &self.0.primary_key;
        let statement = self.statement(made).ok_or(Refusal::Unbound)?;
        check_strength(primary)?;
        check_revoked(self.revocations(), made)?;
        // Whichever of both ends the key first.
        for statement in [Some(statement), self.direct(made)].into_iter().flatten() {
            check_lifetime(primary, statement, made)?;
        }
        let Component::Subkey(subkey) = component else {
            // Without flags a primary key is for all that it can do.
            return match flags(statement) {
                Some(flags) if !flags.sign() => Err(Refusal::NotForSigning),
                _ => Ok(()),
            };
        };
        let binding = self.binding(subkey, made).ok_or(Refusal::Unbound)?;
        if !flags(binding).is_some_and(KeyFlags::sign) {
            return Err(Refusal::NotForSigning);
        }
        // The subkey agrees, so that nobody takes the subkey of another for his own.
        binding
            .embedded_signature()
            .filter(|agreed| is_hash_good(agreed) && holds_at(agreed, made))
            .filter(|agreed| {
                agreed
                    .verify_primary_key_binding(&subkey.key, primary)
                    .is_ok()
            })
            .ok_or(Refusal::Unbound)?;
        check_strength(&subkey.key)?;
        let revocations =
            of_type(&subkey.signatures, SignatureType::SubkeyRevocation).filter(|signature| {
                signature
                    .verify_subkey_binding(primary, &subkey.key)
                    .is_ok()
            });
        check_revoked(revocations, made)?;
        check_lifetime(&subkey.key, binding, made)
    }

    /// Who the owner says that he is: what was said last and is not taken back.
    pub(super) fn user_id(&self, made: Timestamp) -> String {
        let users = self.users(made);
        let newest = users.max_by_key(|(_, said)| (said.is_primary(), said.created()));
        let name = newest.map(|(user, _)| String::from_utf8_lossy(user.id.id()).into_owned());
        name.unwrap_or_default()
    }

    /// What the owner said last of the primary key: with a name of his, or directly, as keys of version 6 do.
    fn statement(&self, made: Timestamp) -> Option<&Signature> {
        let direct = self.direct(made);
        match self.0.primary_key.version() {
            KeyVersion::V4 => {
                let users = self.users(made).map(|(_, said)| said);
                users.max_by_key(|said| said.created()).or(direct)
            }
            KeyVersion::V6 => direct,
            // The fingerprints of older ones can be forged.
            _ => None,
        }
    }

    /// What the owner said last of the primary key without a name.
    fn direct(&self, made: Timestamp) -> Option<&Signature> {
        let primary = &self.0.primary_key;
        let direct = self.0.details.direct_signatures.iter();
        direct
            .filter(|signature| is_hash_good(signature) && holds_at(signature, made))
            .filter(|signature| signature.verify_key(primary).is_ok())
            .max_by_key(|signature| signature.created())
    }

    /// The names that stand, each with the last statement about it.
    fn users(&self, made: Timestamp) -> impl Iterator<Item = (&SignedUser, &Signature)> {
        let primary = &self.0.primary_key;
        let holds = move |user: &SignedUser, signature: &Signature| {
            is_hash_good(signature)
                && signature
                    .verify_certification(primary, Tag::UserId, &user.id)
                    .is_ok()
        };
        self.0.details.users.iter().filter_map(move |user| {
            // At the same second, what takes back counts.
            let revokes = |said: &&Signature| said.typ() == Some(SignatureType::CertRevocation);
            let own = user.signatures.iter();
            let own = own
                .filter(|signature| revokes(signature) || holds_at(signature, made))
                .filter(|signature| holds(user, signature));
            let last = own.max_by_key(|said| (said.created(), revokes(said)))?;
            (!revokes(&last)).then_some((user, last))
        })
    }

    /// That the owner takes the primary key back. Whatever hash that is over: nobody else has a use for saying so.
    fn revocations(&self) -> impl Iterator<Item = &Signature> {
        let revocations = of_type(
            &self.0.details.revocation_signatures,
            SignatureType::KeyRevocation,
        );
        revocations.filter(|signature| signature.verify_key(&self.0.primary_key).is_ok())
    }

    /// The last statement of the owner that the subkey is his.
    fn binding<'a>(
        &self,
        subkey: &'a SignedPublicSubKey,
        made: Timestamp,
    ) -> Option<&'a Signature> {
        let primary = &self.0.primary_key;
        of_type(&subkey.signatures, SignatureType::SubkeyBinding)
            .filter(|signature| {
                is_hash_good(signature)
                    && holds_at(signature, made)
                    && signature
                        .verify_subkey_binding(primary, &subkey.key)
                        .is_ok()
            })
            .max_by_key(|signature| signature.created())
    }
}

impl Component<'_> {
    /// Whether it made the signature over what `content` holds, and nothing of it was changed.
    pub(super) fn made(self, signature: &Signature, content: impl std::io::Read) -> bool {
        let verified = match self {
            Self::Primary(key) => signature.verify(key, content),
            Self::Subkey(subkey) => signature.verify(&subkey.key, content),
        };
        verified
            .inspect_err(|error| tracing::debug!("a signature does not hold: {error}"))
            .is_ok()
    }
}

fn of_type(signatures: &[Signature], kind: SignatureType) -> impl Iterator<Item = &Signature> {
    let signatures = signatures.iter();
    signatures.filter(move |signature| signature.typ() == Some(kind))
}

/// Whether what is in certificates may be signed over this hash: see the top.
fn is_hash_good(signature: &Signature) -> bool {
    let hash = signature.hash_alg();
    hash.is_some_and(|hash| hash == HashAlgorithm::Sha1 || super::is_strong(hash))
}

/// Whether a statement was meant to hold for as long as until `made`. One that was only said later holds for what was before.
fn holds_at(statement: &Signature, made: Timestamp) -> bool {
    end(statement).is_none_or(|end| made < end)
}

/// When a signature expires, if it does (RFC 9580, section 5.2.3.18).
pub(super) fn end(signature: &Signature) -> Option<Timestamp> {
    let lasts = signature.signature_expiration_time()?.as_secs();
    let created = signature.created()?.as_secs();
    (lasts > 0).then(|| Timestamp::from_secs(created.saturating_add(lasts)))
}

fn flags(statement: &Signature) -> Option<&KeyFlags> {
    let mut hashed = statement.config()?.hashed_subpackets();
    hashed.find_map(|part| match &part.data {
        SubpacketData::KeyFlags(flags) => Some(flags),
        _ => None,
    })
}

/// A key that is retired or superseded stays good for what it signed before; of one that was taken back for any other reason,
/// or without one, nobody knows who signed with it (RFC 9580, section 5.2.3.31).
fn check_revoked<'a>(
    revocations: impl Iterator<Item = &'a Signature>,
    made: Timestamp,
) -> Result<(), Refusal> {
    for revocation in revocations {
        let soft = matches!(
            revocation.revocation_reason_code(),
            Some(RevocationCode::KeySuperseded | RevocationCode::KeyRetired)
        );
        match revocation.created() {
            Some(on) if soft && made < on => {}
            Some(on) if soft => {
                return Err(Refusal::Retired {
                    made: Day(made),
                    on: Day(on),
                });
            }
            _ => return Err(Refusal::Revoked),
        }
    }
    Ok(())
}

fn check_lifetime(
    key: &impl KeyDetails,
    statement: &Signature,
    made: Timestamp,
) -> Result<(), Refusal> {
    let created = key.created_at();
    if made < created {
        return Err(Refusal::BeforeKey {
            made: Day(made),
            on: Day(created),
        });
    }
    let lifetime = statement.key_expiration_time();
    let lifetime = lifetime.map_or(0, pgp::types::Duration::as_secs);
    let end = Timestamp::from_secs(created.as_secs().saturating_add(lifetime));
    if lifetime > 0 && made >= end {
        return Err(Refusal::KeyExpired {
            made: Day(made),
            on: Day(end),
        });
    }
    Ok(())
}

fn check_strength(key: &impl VerifyingKey) -> Result<(), Refusal> {
    let mut number = Vec::new();
    let written = match key.public_params() {
        PublicParams::RSA(parameters) => parameters.to_writer(&mut number),
        PublicParams::DSA(parameters) => parameters.to_writer(&mut number),
        _ => return Ok(()),
    };
    // The modulus comes first, and its bits before it (RFC 9580, section 3.2).
    let bits = match (written, &number[..]) {
        (Ok(()), [high, low, ..]) => u16::from_be_bytes([*high, *low]),
        _ => 0,
    };
    if bits < LEAST_BITS {
        return Err(Refusal::Weak(bits));
    }
    Ok(())
}
