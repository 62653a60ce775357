//! What the environment says, and where it says that things are. The only module that reads it.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the module that the others are sent to"
)]

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::SettingsError;
use crate::cli::login;
use crate::cli::report::Failure;
use crate::fs;
use crate::progress::Reporter;
use crate::registry::{MirrorError, Mirrors, Secret};
use crate::store::Store;

/// Where a machine says how its registries are mirrored.
const SYSTEM_REGISTRIES: &str = "/etc/containers/registries.conf";
/// The folder beside such a file in which there are more of them.
const DROP_INS: &str = "registries.conf.d";

/// What the environment says.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct Environment {
    pub(in crate::cli) home: Option<PathBuf>,
    pub(in crate::cli) xdg_cache_home: Option<PathBuf>,
    pub(in crate::cli) xdg_config_home: Option<PathBuf>,
    pub(in crate::cli) xdg_runtime_dir: Option<PathBuf>,
    pub(in crate::cli) docker_config: Option<PathBuf>,
    pub(in crate::cli) registries_conf: Option<PathBuf>,
    pub(in crate::cli) temporary: PathBuf,
    pub(in crate::cli) search_path: OsString,
    pub(in crate::cli) docker_auth_config: Option<Secret>,
    pub(in crate::cli) registry_token: Option<Secret>,
    pub(in crate::cli) source_date_epoch: Option<String>,
    pub(in crate::cli) columns: Option<usize>,
}

impl Environment {
    /// Reads the variables that matter here; those that stand for a flag are read with the flags.
    pub(in crate::cli) fn read() -> Self {
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
            columns: env::var("COLUMNS")
                .ok()
                .and_then(|value| value.parse().ok())
                .filter(|columns| *columns > 0),
        }
    }

    /// Reads where images are mirrored, as containers-registries.conf.d(5) orders the files. A file that the variable
    /// names stands for itself: what the machine is set up for is not mixed in.
    pub(super) fn mirrors(&self) -> Result<Mirrors, MirrorError> {
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
    pub(super) fn store(
        &self,
        asked: Option<&Path>,
        reporter: &dyn Reporter,
    ) -> Result<Store, Failure> {
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
pub(in crate::cli) fn now() -> SystemTime {
    SystemTime::now()
}

/// Whether a variable is set, and to nothing.
pub(in crate::cli) fn is_empty_variable(name: &OsStr) -> bool {
    env::var_os(name).is_some_and(|value| value.is_empty())
}

/// Whether the user wants no colours (<https://no-color.org>).
pub(in crate::cli) fn no_color() -> bool {
    env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}
