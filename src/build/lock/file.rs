//! The form of a lock: what is in `flink-img.lock`, and how it is read and written.
//!
//! It is TOML, as it lies beside `flink-img.toml` in version control: one fact a line, in an order that does not depend on
//! anything but the facts, so that a change of an input is a change of its lines.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::LockError;
use crate::base::alpine::{Dependency, Package, Selection};
use crate::error::FileError;
use crate::flink::FlinkVersion;
use crate::flink::hadoop::HadoopFacts;
use crate::flink::release::Sha512;
use crate::fs::{self, toml};
use crate::layer::RECIPE_VERSION;
use crate::oci::{Config, Descriptor, DiffId, Digest, MediaType, Platform};

/// The version of this form.
const VERSION: u32 = 1;
/// A lock for some platforms has a few hundred lines.
const LIMIT: u64 = 4 << 20;
/// What stands above the facts.
const HEAD: &str = "\
# What the image is made of. `flink-img lock` writes this file, `flink-img build --locked` takes nothing else.
# It belongs in version control, and is not edited by hand.
";

/// Everything that was resolved for an image, and what its layers became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Lock {
    version: u32,
    /// The version of the rules that turn inputs into layers.
    pub recipe: u32,
    /// What was asked for, as far as it decides more than what is below.
    pub request: LockedRequest,
    /// The Flink.
    pub flink: LockedFlink,
    /// The jar with Hadoop, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hadoop: Option<HadoopFacts>,
    /// Files of the job besides its jar, if they are locked.
    #[serde(default, rename = "artifact", skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<LockedArtifact>,
    /// What each platform stands on.
    #[serde(rename = "platform")]
    pub platforms: Vec<LockedPlatform>,
    /// The layers that were made, but for those of the job.
    #[serde(rename = "layer")]
    pub layers: Vec<LockedLayer>,
}

/// What was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedRequest {
    /// How layers are compressed, in the words of the command line.
    pub compression: String,
    /// The home of Java that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub java_home: Option<String>,
    /// The version of Java that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub java_version: Option<String>,
    /// Whether the files of the job are locked as well, but for its jar.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub artifacts: bool,
    /// The Alpine packages that were asked for, with those of the catalogue; sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
    /// The plugins that were asked for; sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<String>,
    /// Whether what is not chosen of the optional parts of Flink is left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub slim: bool,
    /// The program that runs jobs in Python, if there are such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Whom the container runs as, if not the user that it runs as otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The digest of the configuration of logging.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log4j: Option<Digest>,
    /// The settings of Flink's configuration, as they stand there; none is a secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub flink_conf: BTreeMap<String, String>,
}

/// The Flink of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedFlink {
    /// Its version.
    pub version: FlinkVersion,
    /// The Scala that its files tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scala: Option<String>,
    /// The file name of the release; none for an archive or folder of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The SHA-512 checksum of the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha512: Option<Sha512>,
    /// The fingerprint of the key that signed the release, if that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// What stands for the release and for how it becomes layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Digest>,
    /// The recipes of its layers, lowest first.
    pub layers: Vec<Digest>,
    /// The places in its home that files of the user have, which it was seen that nothing else has; sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<String>,
    /// What stands for the release and for the content that follows from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Digest>,
    /// The recipe of the layer of that content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<Digest>,
}

/// A file of the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedArtifact {
    /// What it is called in the image.
    pub name: String,
    /// The digest of its bytes.
    pub digest: Digest,
}

/// What an image for one platform stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedPlatform {
    /// `linux/amd64`
    #[serde(
        rename = "name",
        serialize_with = "platform_to_text",
        deserialize_with = "platform_from_text"
    )]
    pub platform: Platform,
    /// The Alpine packages that are put into the base by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wanted: Vec<Dependency>,
    /// Where a link with the name `python` is put into the base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python_link: Option<String>,
    /// The base.
    pub base: LockedBase,
    /// Those and the packages that they need.
    #[serde(default, rename = "package", skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<Package>,
}

/// A base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedBase {
    /// As it was named, or as the catalogue names it.
    pub name: String,
    /// The digest of the index that the name led to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<Digest>,
    /// The digest of its manifest; none for what has no manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Digest>,
    /// The digest of its config, as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_digest: Option<Digest>,
    /// The operating system that it says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    /// The home of its Java.
    pub java_home: String,
    /// The version of its Java.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub java_version: Option<String>,
    /// Its config as JSON, which that of the image is made of.
    #[serde(
        serialize_with = "config_to_text",
        deserialize_with = "config_from_text"
    )]
    pub config: Config,
    /// Its layers, lowest first.
    #[serde(rename = "layer")]
    pub layers: Vec<LockedBaseLayer>,
}

/// A layer of a base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedBaseLayer {
    /// The digest of the blob.
    pub digest: Digest,
    /// The digest of the tar in it.
    pub diff_id: DiffId,
    /// How many bytes the blob has.
    pub size: u64,
    /// How it is compressed.
    pub media_type: MediaType,
    /// What the base's manifest says of it besides.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// A layer that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedLayer {
    /// What it is, in a few words.
    pub title: String,
    /// The platforms that it is for; none are named when it is for all.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "platforms_to_text",
        deserialize_with = "platforms_from_text"
    )]
    pub platforms: Vec<Platform>,
    /// What stands for its bytes.
    pub recipe: Digest,
    /// The digest of the blob.
    pub digest: Digest,
    /// The digest of the tar in it.
    pub diff_id: DiffId,
    /// How many bytes the blob has.
    pub size: u64,
    /// How it is compressed.
    pub media_type: MediaType,
}

impl LockedPlatform {
    /// The packages, if there are any.
    pub fn selection(&self) -> Option<Selection> {
        let is_any = !self.wanted.is_empty() || !self.packages.is_empty();
        is_any.then(|| Selection {
            wanted: self.wanted.clone(),
            packages: self.packages.clone(),
        })
    }
}

impl LockedBaseLayer {
    /// The descriptor, as the base's manifest has it.
    pub fn descriptor(&self) -> Descriptor {
        let mut descriptor = Descriptor::new(self.media_type.clone(), self.digest, self.size);
        descriptor.annotations.clone_from(&self.annotations);
        descriptor
    }
}

impl LockedLayer {
    /// The descriptor of the blob.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(self.media_type.clone(), self.digest, self.size)
    }
}

impl Lock {
    /// A lock of this version of the rules.
    pub fn new(request: LockedRequest, flink: LockedFlink) -> Self {
        Self {
            version: VERSION,
            recipe: RECIPE_VERSION,
            request,
            flink,
            hadoop: None,
            artifacts: Vec::new(),
            platforms: Vec::new(),
            layers: Vec::new(),
        }
    }

    /// Reads the lock at `path`.
    pub fn read(path: &Path) -> Result<Self, LockError> {
        Self::parse(path, &toml::text(path, LIMIT)?)
    }

    /// Reads the text of the file at `path`.
    fn parse(path: &Path, text: &str) -> Result<Self, LockError> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        // A form that is not known is told as that, not as its first unknown key.
        let Version { version } = toml::parse(path, text)?;
        if version != VERSION {
            return Err(LockError::Form {
                path: path.to_owned(),
                found: version,
                known: VERSION,
            });
        }
        let lock: Self = toml::parse(path, text)?;
        lock.checked().map_err(|what| LockError::Contradiction {
            path: path.to_owned(),
            what,
        })
    }

    /// The same, if it does not contradict itself: what two branches wrote is easily put together to something of both.
    fn checked(self) -> Result<Self, &'static str> {
        let twice = |place: usize, platform: &Platform| {
            let mut earlier = self.platforms[..place].iter();
            earlier.any(|other| other.platform.is_same(platform))
        };
        let mut platforms = self.platforms.iter().enumerate();
        let mut layers = self.layers.iter().enumerate();
        if self.platforms.is_empty() {
            Err("it is for no platform")
        } else if platforms.any(|(place, locked)| twice(place, &locked.platform)) {
            Err("it has a platform twice")
        } else if layers.any(|(place, layer)| {
            let mut earlier = self.layers[..place].iter();
            earlier.any(|other| other.recipe == layer.recipe)
        }) {
            Err("it has the recipe of a layer twice")
        } else if self.flink.release.is_some() != self.flink.sha512.is_some() {
            Err("of `release` and `sha512` it has one without the other")
        } else {
            Ok(self)
        }
    }

    /// Reads the lock that would be written anew at `path`, if there is one. What is no lock of this program, or one of another
    /// form, is not to be written over; a lock that makes no sense any more is.
    pub fn before(path: &Path) -> Result<Option<Self>, LockError> {
        let bytes = match fs::read_limited(path, LIMIT) {
            Ok(bytes) => bytes,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let text = String::from_utf8(bytes).ok();
        let Some(text) = text.filter(|text| text.starts_with(HEAD)) else {
            return Err(LockError::Other {
                path: path.to_owned(),
            });
        };
        match Self::parse(path, &text) {
            Ok(lock) => Ok(Some(lock)),
            Err(error @ LockError::Form { .. }) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// The text of the file.
    pub fn to_text(&self) -> String {
        let facts = ::toml::to_string_pretty(self).expect("a lock can be written as TOML");
        format!("{HEAD}\n{facts}")
    }

    /// Writes the lock to `path`, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        fs::write_atomic(path, self.to_text().as_bytes())
    }

    /// What is locked for a platform.
    pub fn platform(&self, platform: &Platform) -> Option<&LockedPlatform> {
        self.platforms
            .iter()
            .find(|locked| locked.platform.is_same(platform))
    }

    /// The layer that the recipe of this key became.
    pub fn layer(&self, recipe: Digest) -> Option<&LockedLayer> {
        self.layers.iter().find(|layer| layer.recipe == recipe)
    }
}

fn platform_to_text<S: Serializer>(platform: &Platform, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(platform)
}

fn platform_from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Platform, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

fn platforms_to_text<S: Serializer>(
    platforms: &[Platform],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(platforms.iter().map(ToString::to_string))
}

fn platforms_from_text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Platform>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let platforms = texts.iter().map(|text| text.parse());
    platforms
        .collect::<Result<_, _>>()
        .map_err(serde::de::Error::custom)
}

/// In lines, so that a change of the base is a change of a line.
fn config_to_text<S: Serializer>(config: &Config, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&config.to_pretty_text())
}

fn config_from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Config, D::Error> {
    let text = String::deserialize(deserializer)?;
    Config::parse(text.as_bytes()).map_err(serde::de::Error::custom)
}
