//! Flag, else environment, else `flink-img.toml`, else default: merged here into plain values.
//!
//! The command line's parser knows flags and their variables; `file` puts what the file says where they say nothing; what
//! is left is the default, here.

mod content;
mod context;
mod environment;
mod historic;

use std::io;
use std::path::PathBuf;

use super::args::{BuildArgs, CatalogueArgs, ChecksArgs, InputArgs, LockFileArgs, VerifySignature};
use super::file::FILE_NAME;
use super::report::Failure;
use crate::base::{Catalogue, CatalogueError, JavaOverride};
use crate::build::{BuildRequest, CacheUse, FlinkSource};
use crate::error::{Explain, Kind};
use crate::flink::release::{Demand, Mirror, Signatures};
use crate::oci::{Platform, Platforms, Reference};
use crate::preflight::Policy;
use crate::progress::Reporter;

pub(super) use context::context;
pub(super) use environment::{Environment, is_empty_variable, no_color, now};
pub(super) use historic::LOCAL_DIST;

/// The name of a job image when nobody says another.
const DEFAULT_NAME: &str = "flink-job";

/// What the lock is called where nobody says otherwise.
const LOCK_NAME: &str = "flink-img.lock";

/// The last second of the year 9999, behind which a date has more than four digits of a year.
const LAST_SECOND: i64 = 253_402_300_799;

/// A setting that makes no sense.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum SettingsError {
    #[error("`SOURCE_DATE_EPOCH` is `{0}`, which is no time from 1970 to the end of the year 9999")]
    SourceDateEpoch(String),
    #[error("`--push` needs to know where to: the image has no name")]
    NoName,
    #[error("`{0}` names a digest, and an image's digest is known only when it is built")]
    NameWithDigest(Reference),
    #[error(
        "Signatures are those of releases that are downloaded, and `{}` is none", .0.display()
    )]
    NoRelease(PathBuf),
    #[error("There is no folder `{}`", .0.display())]
    NoLocalDist(PathBuf),
    #[error("`{}` stands for several folders: {}", pattern.display(), list(found))]
    SeveralLocalDists {
        pattern: PathBuf,
        found: Vec<PathBuf>,
    },
    #[error("The cache folder `{}` belongs to somebody else, or is no folder", .0.display())]
    CacheOwner(PathBuf),
    #[error("The cache folder `{}` is open to other users", .0.display())]
    CacheOpen(PathBuf),
    #[error("Failed to start the network code")]
    Runtime(#[source] io::Error),
}

impl Explain for SettingsError {
    fn kind(&self) -> Kind {
        match self {
            Self::SourceDateEpoch(_)
            | Self::NoName
            | Self::NameWithDigest(_)
            | Self::NoRelease(_) => Kind::Usage,
            Self::NoLocalDist(_) | Self::SeveralLocalDists { .. } => Kind::Input,
            Self::CacheOwner(_) | Self::CacheOpen(_) => Kind::Storage,
            Self::Runtime(_) => Kind::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoName => format!(
                "give it one with `-t REGISTRY/NAME:TAG`, `FLINK_IMG_TAG`, or `image = \"...\"` in a `{FILE_NAME}` beside the job"
            ),
            Self::NameWithDigest(name) => {
                format!("leave out what follows the `@`: `{}`", name.name())
            }
            Self::NoRelease(_) => {
                "leave `--verify-signature required` and `--release-keys` out, and check the file before".to_owned()
            }
            Self::NoLocalDist(_) => {
                "compile Flink first, or name the folder with `--from-local-dist=DIR`".to_owned()
            }
            Self::SeveralLocalDists { .. } => "name one of them with `--from-local-dist=DIR`".to_owned(),
            Self::CacheOwner(_) => "name a folder of your own with `--cache-dir`".to_owned(),
            Self::CacheOpen(folder) => format!(
                "close it with `chmod 700 {}`, or name another with `--cache-dir`",
                folder.display()
            ),
            Self::SourceDateEpoch(_) => {
                format!("give the seconds since 1970, from 0 to {LAST_SECOND}, or unset it")
            }
            _ => return None,
        })
    }
}

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths
        .iter()
        .map(|path| format!("`{}`", path.display()))
        .collect();
    paths.join(", ")
}

/// The names of the image.
#[derive(Debug)]
pub(super) struct Names {
    /// All of them, at least one.
    pub(super) all: Vec<Reference>,
    /// Whether nobody said one, so that there is only the default.
    pub(super) is_default: bool,
}

impl Names {
    /// The names that somebody said.
    pub(super) fn said(&self) -> &[Reference] {
        if self.is_default { &[] } else { &self.all }
    }
}

/// The names of the image.
pub(super) fn names(arguments: &BuildArgs) -> Result<Names, SettingsError> {
    let mut is_default = false;
    let names = if arguments.tag.is_empty() {
        if arguments.push {
            return Err(SettingsError::NoName);
        }
        is_default = true;
        vec![DEFAULT_NAME.parse().expect("the default is a name")]
    } else {
        arguments.tag.clone()
    };
    match names.iter().find(|name| name.digest().is_some()) {
        Some(name) => Err(SettingsError::NameWithDigest(name.clone())),
        None => Ok(Names {
            all: distinct(names),
            is_default,
        }),
    }
}

/// Each image once: `NAME` and `NAME:latest` are the same.
pub(super) fn distinct(names: Vec<Reference>) -> Vec<Reference> {
    let mut kept: Vec<Reference> = Vec::new();
    for name in names {
        let is_same = |known: &Reference| Reference::same(&known.to_string(), &name.to_string());
        if !kept.iter().any(is_same) {
            kept.push(name);
        }
    }
    kept
}

/// What becomes of what the checks find.
pub(super) fn policy(arguments: &ChecksArgs) -> Policy {
    Policy {
        deny_warnings: arguments.deny_warnings,
        allowed: arguments.allow.iter().copied().collect(),
    }
}

/// What of earlier builds may be used.
pub(super) fn cache_use(arguments: &BuildArgs) -> CacheUse {
    CacheUse {
        local: !arguments.no_cache,
        remote: !arguments.no_cache && !arguments.no_remote_cache,
        from: arguments.cache_from.clone(),
    }
}

/// The bases that have names.
pub(super) fn catalogue(arguments: &CatalogueArgs) -> Result<Catalogue, CatalogueError> {
    match &arguments.base_catalogue {
        Some(folder) => Catalogue::read(folder),
        None => Ok(Catalogue::embedded()),
    }
}

/// What releases are held to. Whoever names keys wants one of them to have signed, unless he says otherwise.
fn signatures(arguments: &InputArgs) -> Signatures {
    Signatures {
        demand: match arguments.verify_signature {
            Some(VerifySignature::Required) => Demand::Required,
            None if arguments.release_keys.is_some() => Demand::Required,
            Some(VerifySignature::IfPresent) | None => Demand::IfPresent,
            Some(VerifySignature::Off) => Demand::Off,
        },
        keys: arguments.release_keys.clone(),
    }
}

/// Where the lock is: where the user says, or else beside the file that the build is described in.
pub(super) fn lock_path(arguments: &LockFileArgs, input: &InputArgs) -> PathBuf {
    let beside = || match &input.file.config {
        Some(config) => config.with_file_name(LOCK_NAME),
        None => PathBuf::from(LOCK_NAME),
    };
    arguments.lock_file.clone().unwrap_or_else(beside)
}

/// What is to be built.
pub(super) fn request(
    arguments: &InputArgs,
    environment: &Environment,
    reporter: &dyn Reporter,
) -> Result<BuildRequest, Failure> {
    let version = arguments.flink_version.clone();
    // Not parsed with the other words, as what refuses those repeats them, with a password if there is one.
    let mirrors: Vec<Mirror> = arguments
        .release_mirror
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()?;
    let hadoop = historic::hadoop(arguments)?;
    if let Some(folder) = &arguments.historic.kubernetes_certificates {
        reporter.warn(&format!(
            "`--kubernetes-certificates` is ignored: nothing was ever done with `{}`",
            folder.display()
        ));
    }
    let flink = match (&arguments.from_archive, &arguments.from_local_dist) {
        (Some(path), _) => FlinkSource::Archive {
            path: path.clone(),
            version,
        },
        (None, Some(path)) => FlinkSource::Directory {
            path: historic::local_dist(path)?,
            version,
        },
        (None, None) => FlinkSource::Release {
            version,
            scala: arguments.scala_version,
            hadoop: hadoop.variant,
            mirrors,
            signatures: signatures(arguments),
        },
    };
    if let FlinkSource::Archive { path, .. } | FlinkSource::Directory { path, .. } = &flink
        && signatures(arguments).is_strict()
    {
        return Err(SettingsError::NoRelease(path.clone()).into());
    }
    let created = match &environment.source_date_epoch {
        Some(text) => {
            let seconds: i64 = text
                .parse()
                .ok()
                .filter(|seconds| (0..=LAST_SECOND).contains(seconds))
                .ok_or_else(|| SettingsError::SourceDateEpoch(text.clone()))?;
            reporter.note(&format!(
                "SOURCE_DATE_EPOCH is {seconds}, which becomes the time of creation"
            ));
            Some(seconds)
        }
        None => None,
    };
    Ok(BuildRequest {
        base: arguments.base.clone(),
        catalogue: catalogue(&arguments.catalogue)?,
        platforms: Platforms::new(arguments.platform.clone())
            .unwrap_or_else(|| Platform::linux_amd64().into()),
        java: JavaOverride {
            home: arguments.java_home.clone(),
            version: arguments.java_version.clone(),
        },
        flink,
        hadoop: hadoop.jar,
        job_jar: arguments.job_jar.clone(),
        job_artifacts: arguments.job_artifacts.clone(),
        normalizes_jars: arguments.normalize_jar,
        checks: Policy::default(),
        packages: arguments.package.clone(),
        package_repositories: arguments.package_repository.clone(),
        package_keys: arguments.package_key.clone(),
        content: content::content(&arguments.content, &arguments.historic)?,
        compression: arguments.compression.unwrap_or_default(),
        created,
        lock: None,
    })
}
