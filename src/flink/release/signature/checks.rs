//! The way from a release to its signer: what is remembered, what is asked for, and what becomes of what is found.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::error::Trusted;
use super::verify::has_signature;
use super::{
    Day, Demand, Keyring, SignatureError, Signatures, Signer, Verdict, fingerprints, verify,
};
use crate::error::FileError;
use crate::flink::release::download::{Download, KEYS_LIMIT};
use crate::flink::release::{
    Attempt, Fetched, Problem, Release, ReleaseError, Sha512, Sources, blocking,
};
use crate::fs;
use crate::memory;
use crate::oci::{Digest, canonical};

/// The kind under which signatures are remembered, by the archive that they are of.
const SIGNATURE: &str = "signature";
/// The kind under which it is remembered who signed, by the archive and by whom was trusted.
const SIGNER: &str = "signer";
/// The version of the rules by which a signature holds; raised with them, so that what held before is looked at again.
const RULES: &str = "1";

/// What signatures are held to.
#[derive(Debug, Clone)]
pub struct Checks {
    demand: Demand,
    trust: Trust,
}

/// Who may sign.
#[derive(Debug, Clone)]
enum Trust {
    /// The fingerprints in this program.
    Shipped,
    /// The keys of a file.
    File {
        path: PathBuf,
        digest: Digest,
        keyring: Keyring,
    },
}

/// What became of looking for who signed.
#[derive(Debug, Serialize, Deserialize)]
struct Outcome {
    signer: Option<Signer>,
    /// Where there was no signature.
    place: Option<String>,
}

impl Signatures {
    /// Reads the file with the keys, if there is one and it is wanted.
    pub fn open(&self) -> Result<Checks, ReleaseError> {
        let trust = match &self.keys {
            Some(path) if self.demand != Demand::Off => {
                let text = fs::read_limited(path, KEYS_LIMIT as u64)?;
                let keyring = Keyring::parse(&text);
                if keyring.is_empty() {
                    return Err(SignatureError::NoKeys(path.clone()).into());
                }
                Trust::File {
                    path: path.clone(),
                    digest: Digest::of(&text),
                    keyring,
                }
            }
            _ => Trust::Shipped,
        };
        Ok(Checks {
            demand: self.demand,
            trust,
        })
    }
}

impl Checks {
    /// Whether an archive may only be used when its signer is known.
    pub fn demand(&self) -> Demand {
        self.demand
    }

    /// Who signed the archive with this checksum, as far as that was found out before; `None` if it was not. Asks nobody.
    pub fn recall(&self, sha512: Sha512, sources: &Sources) -> Option<Option<Signer>> {
        let key = self.key(sha512);
        let outcome: Outcome = memory::recall(&*sources.memory, SIGNER, key)?;
        match (&outcome.signer, outcome.place) {
            (Some(_), _) => Some(outcome.signer),
            // It may be at another place, or somebody wants more now.
            (None, Some(place)) if !sources.places.would_be_asked(&place) => None,
            (None, _) => (self.demand == Demand::IfPresent).then_some(None),
        }
    }

    /// The published signature of the archive with this checksum, asked for if it is not remembered. `from` is where the
    /// archive came from, if that is known.
    ///
    /// `None` if there is none, or it could not be had, and none is demanded.
    pub async fn signature(
        &self,
        release: &Release,
        sha512: Sha512,
        from: Option<&str>,
        sources: &Sources,
    ) -> Result<Option<Vec<u8>>, ReleaseError> {
        let memory = &*sources.memory;
        let key = Digest::of(&canonical(&(RULES, sha512.to_string())));
        if let Some(text) = memory.recall_bytes(SIGNATURE, key) {
            return Ok(Some(text));
        }
        let download = Download { release, sources };
        let mut attempts = Vec::new();
        for place in sources.places.signatures(from, self.demand) {
            match download.signature(place).await {
                Ok(text) if has_signature(&text) => {
                    memory.remember_bytes(SIGNATURE, key, &text);
                    return Ok(Some(text));
                }
                Ok(_) => {
                    return Err(SignatureError::Unreadable {
                        version: release.version.clone(),
                        file: file(release),
                    }
                    .into());
                }
                Err(problem) => attempts.push(Attempt {
                    place: place.to_string(),
                    problem,
                }),
            }
        }
        let version = &release.version;
        if self.demand == Demand::Required {
            return Err(SignatureError::Missing {
                version: version.clone(),
                attempts,
            }
            .into());
        }
        let is_nowhere = attempts
            .iter()
            .all(|attempt| matches!(attempt.problem, Problem::Status(404)));
        if let Some(Attempt { place, problem }) = attempts.into_iter().next() {
            sources.reporter.detail(&format!(
                "The signature of Flink {version} is not checked: {place} {problem}"
            ));
            if is_nowhere {
                self.remember(sha512, None, Some(place), sources);
            }
        }
        Ok(None)
    }

    /// Checks who signed an archive. `signature` is what [`Self::signature`] gave, if that was asked before.
    pub async fn check(
        &self,
        release: &Release,
        fetched: &Fetched,
        signature: Option<Vec<u8>>,
        sources: &Sources,
    ) -> Result<Option<Signer>, ReleaseError> {
        if self.demand == Demand::Off {
            return Ok(None);
        }
        if let Some(known) = self.recall(fetched.sha512, sources) {
            return Ok(known);
        }
        let place = fetched.place.as_deref();
        let text = match signature {
            Some(text) => text,
            None => match self
                .signature(release, fetched.sha512, place, sources)
                .await?
            {
                Some(text) => text,
                None => return Ok(None),
            },
        };
        let verdict = match &self.trust {
            Trust::File { keyring, .. } => {
                self.verify(release, fetched, &text, keyring.clone())
                    .await?
            }
            Trust::Shipped => {
                let found = self.verify_shipped(release, fetched, &text, sources);
                match found.await? {
                    Some(verdict) => verdict,
                    None => return Ok(None),
                }
            }
        };
        self.conclude(release, fetched.sha512, verdict, sources)
    }

    /// Looks for the certificates of the shipped fingerprints, at one place after another; `None` if no place has a file with
    /// keys, and no signature is demanded.
    async fn verify_shipped(
        &self,
        release: &Release,
        fetched: &Fetched,
        text: &[u8],
        sources: &Sources,
    ) -> Result<Option<Verdict>, ReleaseError> {
        let download = Download { release, sources };
        let pinned = fingerprints::pinned(&release.version.to_string());
        let (mut attempts, mut unknown) = (Vec::new(), None);
        for place in sources.places.keys() {
            let keyring = match download.keys(place).await {
                Ok(text) => Keyring::parse(&text),
                Err(problem) => {
                    attempts.push(Attempt {
                        place: place.to_string(),
                        problem,
                    });
                    continue;
                }
            };
            tracing::debug!("{place} has keys, {} could not be read", keyring.skipped());
            // Where there is the only key that may sign, no other place knows more.
            let is_last =
                pinned.is_some_and(|pinned| keyring.fingerprints().any(|key| key == pinned));
            match self.verify(release, fetched, text, keyring).await? {
                verdict @ Verdict::Unknown { .. } if !is_last => unknown = Some(verdict),
                verdict => return Ok(Some(verdict)),
            }
        }
        let version = &release.version;
        match unknown {
            Some(_) if pinned.is_some() => {}
            Some(verdict) => return Ok(Some(verdict)),
            None => {}
        }
        if self.demand == Demand::Required {
            return Err(SignatureError::NoKey {
                version: version.clone(),
                attempts,
            }
            .into());
        }
        sources.reporter.detail(&format!(
            "The signature of Flink {version} is not checked: its key is at none of the places that have keys"
        ));
        Ok(None)
    }

    async fn verify(
        &self,
        release: &Release,
        fetched: &Fetched,
        text: &[u8],
        keyring: Keyring,
    ) -> Result<Verdict, FileError> {
        let shipped = matches!(self.trust, Trust::Shipped);
        let version = release.version.to_string();
        let (text, archive) = (text.to_vec(), fetched.path.clone());
        blocking(move || {
            let may_sign = |key: &str| !shipped || fingerprints::may_sign(&version, key);
            verify(&text, &keyring, &may_sign, &archive, fs::now())
        })
        .await
    }

    fn conclude(
        &self,
        release: &Release,
        sha512: Sha512,
        verdict: Verdict,
        sources: &Sources,
    ) -> Result<Option<Signer>, ReleaseError> {
        let (version, file) = (release.version.clone(), file(release));
        let found = match verdict {
            Verdict::Good(signer) => {
                self.remember(sha512, Some(signer.clone()), None, sources);
                return Ok(Some(signer));
            }
            Verdict::Refused { key, refusal } => {
                return Err(SignatureError::Refused {
                    version,
                    file,
                    key,
                    refusal,
                }
                .into());
            }
            Verdict::Nothing => return Err(SignatureError::Unreadable { version, file }.into()),
            Verdict::Unknown { keys } => keys,
        };
        let trusted = match (&self.trust, fingerprints::pinned(&version.to_string())) {
            (Trust::File { path, .. }, _) => Trusted::File(path.clone()),
            (Trust::Shipped, Some(pinned)) => Trusted::Pinned(pinned),
            (Trust::Shipped, None) => Trusted::Shipped,
        };
        let is_open = self.demand == Demand::IfPresent && trusted == Trusted::Shipped;
        let error = SignatureError::Untrusted {
            version,
            file,
            found,
            trusted,
        };
        if !is_open {
            return Err(error.into());
        }
        // A release that is newer than this program may be by somebody who made none before.
        sources.reporter.note(&format!(
            "{error}, so it is not checked; `--release-keys` names a file with keys"
        ));
        self.remember(sha512, None, None, sources);
        Ok(None)
    }

    fn remember(
        &self,
        sha512: Sha512,
        signer: Option<Signer>,
        place: Option<String>,
        sources: &Sources,
    ) {
        let outcome = Outcome { signer, place };
        memory::remember(&*sources.memory, SIGNER, self.key(sha512), &outcome);
    }

    /// What stands for an archive, the rules, and whom is trusted.
    fn key(&self, sha512: Sha512) -> Digest {
        let (kind, trusted) = match &self.trust {
            Trust::Shipped => ("shipped", fingerprints::digest()),
            Trust::File { digest, .. } => ("file", *digest),
        };
        Digest::of(&canonical(&(RULES, sha512.to_string(), kind, trusted)))
    }
}

impl Signer {
    /// What `-v` says of it.
    pub fn told(&self) -> String {
        let Self {
            fingerprint,
            user_id,
            signed_at,
        } = self;
        let day = Day::from_seconds(*signed_at);
        let name = match user_id.as_str() {
            "" => String::new(),
            name => format!(", {name}"),
        };
        format!("signed on {day} by `{fingerprint}`{name}")
    }
}

/// The name of the signature.
fn file(release: &Release) -> String {
    format!("{}.asc", release.file_name())
}
