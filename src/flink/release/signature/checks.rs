//! The way from a release to its signer: what is remembered, what is asked for, and what becomes of what is found.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::Trusted;
use super::{
    Day, Demand, Keyring, Refusal, SignatureError, Signatures, Signer, Verdict, fingerprints,
    verify,
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
const RULES: &str = "2";

/// How long each of Apache's hosts may take for its keys where a mirror has them too, so that a closed network does not wait.
const APACHE_PATIENCE: Duration = Duration::from_secs(10);

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

/// What became of looking for who signed an archive, as it is remembered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// One did who may.
    Signed(Signer),
    /// There was nothing to check when the archive was had, and nothing was demanded. That says nothing of the next time.
    Unchecked {
        /// The place that was asked, if the reason is what it has.
        place: Option<String>,
        /// What was told of it.
        told: String,
    },
}

/// A signature that was found, and how many of the places in their order need not be asked any more.
#[derive(Debug)]
pub struct Published {
    text: Vec<u8>,
    asked: usize,
}

/// Why no signature holds.
#[derive(Debug)]
enum Finding {
    /// Those who signed are not known.
    Unknown(Vec<String>),
    /// A signature breaks off.
    Unreadable,
    /// One by a known key does not hold.
    Refused { key: String, refusal: Refusal },
}

impl Finding {
    /// How much it says against an archive.
    fn weight(&self) -> u8 {
        match self {
            Self::Unknown(_) => 0,
            Self::Unreadable => 1,
            Self::Refused { .. } => 2,
        }
    }
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

    /// What was found out before about who signed the archive with this checksum; `None` if nothing was that counts now.
    /// Asks nobody.
    pub fn recall(&self, sha512: Sha512, sources: &Sources) -> Option<Outcome> {
        let outcome = memory::recall(&*sources.memory, SIGNER, self.key(sha512))?;
        match &outcome {
            Outcome::Signed(_) => {}
            Outcome::Unchecked { .. } if self.demand != Demand::IfPresent => return None,
            // It may be at another place.
            Outcome::Unchecked { place, .. } => {
                let would_be_asked = |place: &String| sources.places.would_be_asked(place);
                if !place.as_ref().is_none_or(would_be_asked) {
                    return None;
                }
            }
        }
        Some(outcome)
    }

    /// The published signature of the archive with this checksum, asked for if none is remembered that held before. `from`
    /// is where the archive came from, if that is known.
    ///
    /// `None` if there is none, or it could not be had, and none is demanded.
    pub async fn signature(
        &self,
        release: &Release,
        sha512: Sha512,
        from: Option<&str>,
        sources: &Sources,
    ) -> Result<Option<Published>, ReleaseError> {
        if let Some(text) = sources.memory.recall_bytes(SIGNATURE, text_key(sha512)) {
            return Ok(Some(Published { text, asked: 0 }));
        }
        let mut attempts = Vec::new();
        let found = self
            .published(release, from, 0, &mut attempts, sources)
            .await;
        if found.is_some() {
            return Ok(found);
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
            let told =
                format!("The signature of Flink {version} is not checked: {place} {problem}");
            sources.reporter.detail(&told);
            if is_nowhere {
                let place = Some(place);
                self.remember(sha512, &Outcome::Unchecked { place, told }, sources);
            }
        }
        Ok(None)
    }

    /// The signature at the first place that has one, leaving out so many of the places.
    async fn published(
        &self,
        release: &Release,
        from: Option<&str>,
        left_out: usize,
        attempts: &mut Vec<Attempt>,
        sources: &Sources,
    ) -> Option<Published> {
        let download = Download { release, sources };
        let places = sources.places.signatures(from, self.demand);
        for (number, place) in places.enumerate().skip(left_out) {
            match download.signature(place).await {
                Ok(text) => {
                    return Some(Published {
                        text,
                        asked: number + 1,
                    });
                }
                Err(problem) => attempts.push(Attempt {
                    place: place.to_string(),
                    problem,
                }),
            }
        }
        None
    }

    /// Checks who signed an archive. `signature` is what [`Self::signature`] gave, if that was asked before.
    ///
    /// Where a signature does not hold, the next place may have the right one; if none has, what says most against the
    /// archive is told. Only a text that held is remembered.
    pub async fn check(
        &self,
        release: &Release,
        fetched: &Fetched,
        signature: Option<Published>,
        sources: &Sources,
    ) -> Result<Option<Signer>, ReleaseError> {
        if self.demand == Demand::Off {
            return Ok(None);
        }
        let sha512 = fetched.sha512;
        if let Some(Outcome::Signed(signer)) = self.recall(sha512, sources) {
            return Ok(Some(signer));
        }
        let from = fetched.place.as_deref();
        let mut next = match signature {
            Some(signature) => Some(signature),
            None => self.signature(release, sha512, from, sources).await?,
        };
        if next.is_none() {
            return Ok(None);
        }
        let keyring = match &self.trust {
            Trust::File { keyring, .. } => keyring.clone(),
            Trust::Shipped => match self.shipped_keys(release, sources).await? {
                Some(keyring) => keyring,
                None => return Ok(None),
            },
        };
        let mut worst: Option<Finding> = None;
        while let Some(Published { text, asked }) = next {
            let verdict = self.verify(release, fetched, &text, keyring.clone());
            let finding = match verdict.await? {
                Verdict::Good(signer) => {
                    let memory = &*sources.memory;
                    memory.remember_bytes(SIGNATURE, text_key(sha512), &text);
                    self.remember(sha512, &Outcome::Signed(signer.clone()), sources);
                    return Ok(Some(signer));
                }
                Verdict::Refused { key, refusal } => Finding::Refused { key, refusal },
                Verdict::Nothing => Finding::Unreadable,
                Verdict::Unknown { keys } => Finding::Unknown(keys),
            };
            let weight = worst.as_ref().map(Finding::weight);
            if weight.is_none_or(|weight| weight < finding.weight()) {
                worst = Some(finding);
            }
            next = self
                .published(release, from, asked, &mut Vec::new(), sources)
                .await;
        }
        match worst {
            Some(finding) => self.refuse(release, sha512, finding, sources),
            None => Ok(None),
        }
    }

    /// The certificates of the shipped fingerprints, from what Apache's hosts have and, if those do not have them or are out
    /// of reach, the user's mirrors; `None` if no place has any, and no signature is demanded.
    async fn shipped_keys(
        &self,
        release: &Release,
        sources: &Sources,
    ) -> Result<Option<Keyring>, ReleaseError> {
        let download = Download { release, sources };
        let version = &release.version;
        let name = version.to_string();
        let pinned = fingerprints::pinned(&name);
        let (mut attempts, mut keyring) = (Vec::new(), Keyring::default());
        let is_closed = sources.places.has_own_keys();
        for (place, is_own) in sources.places.keys() {
            let may_sign = |key| fingerprints::may_sign(&name, key);
            if is_own && keyring.fingerprints().any(may_sign) {
                break;
            }
            let asked = download.keys(place);
            let found = if is_closed && !is_own {
                let asked = tokio::time::timeout(APACHE_PATIENCE, asked).await;
                asked.unwrap_or_else(|_| {
                    let seconds = APACHE_PATIENCE.as_secs();
                    Err(Problem::Transport(format!(
                        "took longer than {seconds} seconds"
                    )))
                })
            } else {
                asked.await
            };
            match found {
                Ok(text) => {
                    if is_own {
                        sources.reporter.detail(&format!(
                            "The keys for Flink {version} are from {place}, as Apache's own hosts do not give them: one that was revoked may not be known as such"
                        ));
                    }
                    keyring.merge(Keyring::parse(&text));
                    tracing::debug!("{place} has keys, {} could not be read", keyring.skipped());
                }
                Err(problem) => attempts.push(Attempt {
                    place: place.to_string(),
                    problem,
                }),
            }
            // Where there is the only key that may sign, no other place knows more.
            if pinned.is_some_and(|pinned| keyring.fingerprints().any(|key| key == pinned)) {
                return Ok(Some(keyring));
            }
        }
        if pinned.is_none() && !keyring.is_empty() {
            return Ok(Some(keyring));
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

    /// What becomes of an archive of which no signature holds.
    fn refuse(
        &self,
        release: &Release,
        sha512: Sha512,
        finding: Finding,
        sources: &Sources,
    ) -> Result<Option<Signer>, ReleaseError> {
        let (version, file) = (release.version.clone(), file(release));
        let found = match finding {
            Finding::Refused { key, refusal } => {
                return Err(SignatureError::Refused {
                    version,
                    file,
                    key,
                    refusal,
                }
                .into());
            }
            Finding::Unreadable => return Err(SignatureError::Unreadable { version, file }.into()),
            Finding::Unknown(keys) => keys,
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
        let told = format!("{error}, so it is not checked");
        sources
            .reporter
            .note(&format!("{told}; `--release-keys` names a file with keys"));
        self.remember(sha512, &Outcome::Unchecked { place: None, told }, sources);
        Ok(None)
    }

    fn remember(&self, sha512: Sha512, outcome: &Outcome, sources: &Sources) {
        memory::remember(&*sources.memory, SIGNER, self.key(sha512), outcome);
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

/// What stands for an archive where its signature is remembered.
fn text_key(sha512: Sha512) -> Digest {
    Digest::of(&canonical(&(RULES, sha512.to_string())))
}

/// The name of the signature.
fn file(release: &Release) -> String {
    format!("{}.asc", release.file_name())
}
