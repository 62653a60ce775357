//! Flag, else environment, else `flink-img.toml`, else default: merged here, in one place, into plain values.
//!
//! This is the only module that reads the environment.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the module that the others are sent to"
)]

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::args::{BuildArgs, GlobalArgs, NetworkArgs};
use super::login;
use super::report::Failure;
use crate::base::JavaOverride;
use crate::build::{BuildRequest, CacheUse, Context, FlinkSource};
use crate::error::{Explain, IoResultExt as _, Kind};
use crate::flink::release::Mirror;
use crate::fs;
use crate::http::{ClientCertificate, HttpSettings};
use crate::oci::{Platforms, Reference};
use crate::progress::Reporter;
use crate::registry::{Client, MirrorError, Mirrors, Secret};
use crate::store::Store;

/// The name of a job image when nobody says another.
const DEFAULT_NAME: &str = "flink-job";
/// The configuration file.
const FILE_NAME: &str = "flink-img.toml";
/// It is written by hand.
const FILE_LIMIT: u64 = 1024 * 1024;
/// Where a machine says how its registries are mirrored.
const SYSTEM_REGISTRIES: &str = "/etc/containers/registries.conf";
/// The folder beside such a file in which there are more of them.
const DROP_INS: &str = "registries.conf.d";

/// A server that is silent for less may just be busy.
const LEAST_WAIT: Duration = Duration::from_secs(30);

/// The last second of the year 9999, behind which a date has more than four digits of a year.
const LAST_SECOND: i64 = 253_402_300_799;

/// What the environment says.
#[derive(Debug, Clone, Default)]
pub(super) struct Environment {
    pub(super) home: Option<PathBuf>,
    pub(super) xdg_cache_home: Option<PathBuf>,
    pub(super) xdg_config_home: Option<PathBuf>,
    pub(super) xdg_runtime_dir: Option<PathBuf>,
    pub(super) docker_config: Option<PathBuf>,
    pub(super) registries_conf: Option<PathBuf>,
    pub(super) temporary: PathBuf,
    pub(super) search_path: OsString,
    pub(super) docker_auth_config: Option<Secret>,
    pub(super) registry_token: Option<Secret>,
    pub(super) source_date_epoch: Option<String>,
}

/// A setting that makes no sense.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum SettingsError {
    #[error("`SOURCE_DATE_EPOCH` is `{0}`, which is no time from 1970 to the end of the year 9999")]
    SourceDateEpoch(String),
    #[error("`{}` cannot be read", path.display())]
    File {
        path: PathBuf,
        source: Box<toml::de::Error>,
    },
    #[error("`--push` needs to know where to: the image has no name")]
    NoName,
    #[error("`{0}` names a digest, and an image's digest is known only when it is built")]
    NameWithDigest(Reference),
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
            Self::SourceDateEpoch(_) | Self::NoName | Self::NameWithDigest(_) => Kind::Usage,
            Self::File { .. } => Kind::Input,
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

impl Environment {
    /// Reads the variables that matter here; those that stand for a flag are read with the flags.
    pub(super) fn read() -> Self {
        let path = |name: &str| {
            env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let secret = |name: &str| {
            env::var(name)
                .ok()
                .filter(|value| !value.trim().is_empty())
                // A variable that was filled from a file often has the end of its line.
                .map(|value| Secret::new(value.trim_end_matches(['\r', '\n'])))
        };
        Self {
            home: path("HOME"),
            xdg_cache_home: path("XDG_CACHE_HOME"),
            xdg_config_home: path("XDG_CONFIG_HOME"),
            xdg_runtime_dir: path("XDG_RUNTIME_DIR"),
            docker_config: path("DOCKER_CONFIG"),
            registries_conf: path("CONTAINERS_REGISTRIES_CONF"),
            temporary: env::temp_dir(),
            search_path: env::var_os("PATH").unwrap_or_default(),
            docker_auth_config: secret(login::INLINE_VARIABLE),
            registry_token: secret(login::TOKEN_VARIABLE),
            source_date_epoch: env::var("SOURCE_DATE_EPOCH")
                .ok()
                .filter(|value| !value.is_empty()),
        }
    }

    /// Reads where images are mirrored, as containers-registries.conf.d(5) orders the files. A file that the variable
    /// names stands for itself: what the machine is set up for is not mixed in.
    fn mirrors(&self) -> Result<Mirrors, MirrorError> {
        let config = self
            .xdg_config_home
            .clone()
            .or_else(|| self.home.as_ref().map(|home| home.join(".config")));
        let own = config.map(|config| config.join("containers/registries.conf"));
        let named = self.registries_conf.as_ref();
        let of_user = own.as_ref().filter(|path| fs::metadata(path).is_ok());
        if let Some(path) = named.or(of_user) {
            return Mirrors::default()
                .with_file(path)?
                .with_folder(&path.with_file_name(DROP_INS));
        }
        let system = Path::new(SYSTEM_REGISTRIES);
        let mut mirrors = Mirrors::default();
        if fs::metadata(system).is_ok() {
            mirrors = mirrors.with_file(system)?;
        }
        mirrors = mirrors.with_folder(&system.with_file_name(DROP_INS))?;
        match own {
            Some(own) => mirrors.with_folder(&own.with_file_name(DROP_INS)),
            None => Ok(mirrors),
        }
    }

    /// Opens the store in the user's cache folder; where there is none that can be written (a bare user in CI), in a
    /// folder of the user's own among the temporary files.
    fn store(&self, asked: Option<&Path>, reporter: &dyn Reporter) -> Result<Store, Failure> {
        if let Some(folder) = asked {
            return Ok(Store::open_with(folder, reporter)?);
        }
        let cache = self
            .xdg_cache_home
            .clone()
            .or_else(|| self.home.as_ref().map(|home| home.join(".cache")));
        if let Some(cache) = cache
            && let Ok(store) = Store::open_with(&cache.join("flink-img"), reporter)
        {
            return Ok(store);
        }
        let user = rustix::process::geteuid().as_raw();
        let folder = self.temporary.join(format!("flink-img-{user}"));
        fs::create_dir_all(&folder, Some(0o700))?;
        // Everybody may make folders there, so it has to be looked at whose this one is, and that it is no link.
        let metadata = fs::symlink_metadata(&folder)?;
        if !metadata.is_dir() || metadata.uid() != user {
            return Err(SettingsError::CacheOwner(folder).into());
        }
        if metadata.mode() & 0o077 != 0 {
            return Err(SettingsError::CacheOpen(folder).into());
        }
        reporter.note(&format!(
            "Keeping the cache in `{}`, as the home cannot be written to",
            folder.display()
        ));
        Ok(Store::open_with(&folder, reporter)?)
    }
}

/// What the clock says; for ages of files, never for what is in an image.
pub(super) fn now() -> SystemTime {
    SystemTime::now()
}

/// Whether a variable is set, and to nothing.
pub(super) fn is_empty_variable(name: &OsStr) -> bool {
    env::var_os(name).is_some_and(|value| value.is_empty())
}

/// Whether the user wants no colours (<https://no-color.org>).
pub(super) fn no_color() -> bool {
    env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// What a command uses of the world.
///
/// `registries` are the names of the images that it is about. Without them, even none, no login is read and no certificate
/// needed, so that what is wrong with them is in nobody's way.
pub(super) fn context(
    arguments: &GlobalArgs,
    environment: &Environment,
    reporter: Arc<dyn Reporter>,
    registries: Option<&[Reference]>,
) -> Result<Context, Failure> {
    let http = http(&arguments.network);
    let registries = if let Some(names) = registries {
        let credentials = login::store(&arguments.network, environment, names, &*reporter)?;
        let mirrors = environment.mirrors()?;
        let client = Client::new(http.clone(), credentials, Arc::clone(&reporter))?;
        Some(client.with_mirrors(mirrors))
    } else {
        None
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(SettingsError::Runtime)?;
    let threads = arguments
        .jobs
        .and_then(|jobs| NonZeroUsize::new(jobs.into()))
        .or_else(|| std::thread::available_parallelism().ok())
        .unwrap_or(NonZeroUsize::MIN);
    Ok(Context {
        store: environment.store(arguments.cache_dir.as_deref(), &*reporter)?,
        registries,
        http,
        threads,
        reporter,
        runtime,
    })
}

fn http(arguments: &NetworkArgs) -> HttpSettings {
    let defaults = HttpSettings::default();
    let mut retry = defaults.retry;
    if let Some(retries) = arguments.retry {
        retry.attempts = usize::from(retries) + 1;
    }
    if let Some(timeout) = arguments.timeout {
        retry.budget = timeout;
    }
    HttpSettings {
        ca_file: arguments.ca_file.clone(),
        client_certificate: arguments.client_cert.clone().map(|certificate| {
            let key = arguments.client_key.clone();
            ClientCertificate { certificate, key }
        }),
        insecure_registries: arguments.insecure_registry.clone(),
        connect_timeout: defaults.connect_timeout.min(retry.budget),
        // Some waits fit into the time for all, but none is so short that a busy server would not do.
        read_timeout: (retry.budget / 5).max(LEAST_WAIT).min(retry.budget),
        retry,
    }
}

/// `flink-img.toml`, as far as it is known today.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    image: Option<Reference>,
}

impl File {
    /// Reads the file beside the job or, if there is none, in the working folder.
    fn find(job_jar: Option<&Path>) -> Result<Self, Failure> {
        let beside = job_jar
            .and_then(Path::parent)
            .map(|folder| folder.join(FILE_NAME));
        for path in beside.into_iter().chain([PathBuf::from(FILE_NAME)]) {
            match fs::read_limited(&path, FILE_LIMIT) {
                Ok(bytes) => {
                    let text = String::from_utf8(bytes)
                        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
                        .at("read", &path)?;
                    let file = toml::from_str(&text).map_err(|source| SettingsError::File {
                        path,
                        source: Box::new(source),
                    })?;
                    return Ok(file);
                }
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self::default())
    }
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
pub(super) fn names(arguments: &BuildArgs) -> Result<Names, Failure> {
    let mut is_default = false;
    let names = if arguments.tag.is_empty() {
        match File::find(arguments.job_jar.as_deref())?.image {
            Some(name) => vec![name],
            None if arguments.push => return Err(SettingsError::NoName.into()),
            None => {
                is_default = true;
                vec![DEFAULT_NAME.parse().expect("the default is a name")]
            }
        }
    } else {
        arguments.tag.clone()
    };
    match names.iter().find(|name| name.digest().is_some()) {
        Some(name) => Err(SettingsError::NameWithDigest(name.clone()).into()),
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

/// What of earlier builds may be used.
pub(super) fn cache_use(arguments: &BuildArgs) -> CacheUse {
    CacheUse {
        local: !arguments.no_cache,
        remote: !arguments.no_cache && !arguments.no_remote_cache,
        from: arguments.cache_from.clone(),
    }
}

/// What is to be built.
pub(super) fn request(
    arguments: &BuildArgs,
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
    let flink = match (&arguments.from_archive, &arguments.from_local_dist) {
        (Some(path), _) => FlinkSource::Archive {
            path: path.clone(),
            version,
        },
        (None, Some(path)) => FlinkSource::Directory {
            path: path.clone(),
            version,
        },
        (None, None) => FlinkSource::Release {
            version,
            scala: arguments.scala_version,
            mirrors,
        },
    };
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
        platforms: Platforms::new(arguments.platform.clone()).expect("there is a default"),
        java: JavaOverride {
            home: arguments.java_home.clone(),
            version: arguments.java_version.clone(),
        },
        flink,
        job_jar: arguments.job_jar.clone(),
        job_artifacts: arguments.job_artifacts.clone(),
        compression: arguments.compression,
        created,
        lock: None,
    })
}
