//! Which logins a command uses: what was given with it, else one file that was named, else those that Docker and Podman
//! leave behind.
//!
//! What was given is for one registry, and it has to be clear for which: a password that goes to a registry by guess may go
//! to the wrong one.

use std::io::{self, IsTerminal as _, Read};
use std::path::PathBuf;
use std::time::Duration;

use super::args::NetworkArgs;
use super::report::Failure;
use super::settings::Environment;
use crate::error::{Explain, FileError, Kind};
use crate::oci::Reference;
use crate::progress::Reporter;
use crate::registry::{CredentialError, CredentialStore, Credentials, Secret};

/// The variable with a password or a token.
pub(super) const TOKEN_VARIABLE: &str = "FLINK_IMG_REGISTRY_TOKEN";
/// The variable that has what `config.json` would have.
pub(super) const INLINE_VARIABLE: &str = "DOCKER_AUTH_CONFIG";
/// The longest password that is read. Those of clouds, which are tokens, have a few kilobytes.
const PASSWORD_LIMIT: u64 = 16 * 1024;
/// How long a credential helper may take; some ask their user to unlock something first.
const HELPER_PATIENCE: Duration = Duration::from_secs(60);

/// A login that cannot be used as it was given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum LoginError {
    #[error("`--registry-user` has a `:`, which no user has")]
    User,
    #[error("`--registry-user` needs a password, and there is none on stdin")]
    NoPassword,
    #[error("The password on stdin is longer than {PASSWORD_LIMIT} bytes")]
    LongPassword,
    #[error("The password on stdin has more than one line")]
    Lines,
    #[error("The password on stdin is not UTF-8")]
    Encoding,
    #[error("Failed to read the password from stdin")]
    Stdin(#[source] io::Error),
    #[error("`{TOKEN_VARIABLE}` has blanks or control characters, which no token has")]
    Token,
    #[error("`--registry` is not `HOST` or `HOST:PORT`")]
    Registry,
    #[error("`--registry` says for which registry a login is, and none was given with the command")]
    NoLogin,
    #[error("It is not clear for which registry the login is: {0}")]
    Unclear(String),
}

impl Explain for LoginError {
    fn kind(&self) -> Kind {
        match self {
            Self::Stdin(_) => Kind::Input,
            _ => Kind::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::User => "give the user alone; the password is read from stdin".to_owned(),
            Self::NoPassword | Self::LongPassword | Self::Lines | Self::Encoding => format!(
                "give the password alone: `--registry-user USER <FILE`, or set `{TOKEN_VARIABLE}` to it"
            ),
            Self::Token => "set it to the token alone, on one line".to_owned(),
            Self::Registry => {
                "write it as in the image's name: `ghcr.io`, `localhost:5000`".to_owned()
            }
            Self::NoLogin => {
                format!("add `--registry-user USER`, or set `{TOKEN_VARIABLE}`")
            }
            Self::Unclear(_) => "say it with `--registry HOST[:PORT]`".to_owned(),
            Self::Stdin(_) => return None,
        })
    }
}

/// All logins of a command, of which `names` are the images.
pub(super) fn store(
    arguments: &NetworkArgs,
    environment: &Environment,
    names: &[Reference],
    reporter: &dyn Reporter,
) -> Result<CredentialStore, Failure> {
    let search_path = environment.search_path.clone();
    let mut store = CredentialStore::default().with_helpers(search_path, HELPER_PATIENCE);
    if let Some((registry, login)) = given(arguments, environment, names)? {
        store = store.with_login(&registry, login);
    }
    if let Some(file) = &arguments.authfile {
        return Ok(store.with_file(file)?);
    }
    if let Some(text) = &environment.docker_auth_config {
        store = store.with_text(INLINE_VARIABLE, text)?;
    }
    for file in environment.credential_files() {
        store = optional(store, reporter, |store| store.with_file(&file))?;
    }
    if let Some(file) = environment.legacy_credential_file() {
        store = optional(store, reporter, |store| store.with_legacy_file(&file))?;
    }
    Ok(store)
}

impl Environment {
    /// The files that may hold logins, in the order of containers-auth.json(5).
    fn credential_files(&self) -> Vec<PathBuf> {
        let below =
            |folder: &Option<PathBuf>, path: &str| folder.as_ref().map(|folder| folder.join(path));
        // Where no session has a folder of its own, Podman has one for each user.
        let runtime = below(&self.xdg_runtime_dir, "containers/auth.json").unwrap_or_else(|| {
            let user = rustix::process::getuid().as_raw();
            PathBuf::from(format!("/run/containers/{user}/auth.json"))
        });
        let config = self
            .xdg_config_home
            .clone()
            .or_else(|| below(&self.home, ".config"));
        let docker = self
            .docker_config
            .clone()
            .or_else(|| below(&self.home, ".docker"));
        [
            Some(runtime),
            below(&config, "containers/auth.json"),
            below(&docker, "config.json"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// What Docker had before `config.json`.
    fn legacy_credential_file(&self) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(".dockercfg"))
    }
}

/// Adds a file that may be missing, or somebody else's.
fn optional(
    store: CredentialStore,
    reporter: &dyn Reporter,
    add: impl FnOnce(CredentialStore) -> Result<CredentialStore, CredentialError>,
) -> Result<CredentialStore, Failure> {
    match add(store.clone()) {
        Ok(more) => Ok(more),
        Err(CredentialError::Read(error)) => match reason(&error) {
            Some(io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(store),
            Some(io::ErrorKind::PermissionDenied) => {
                reporter.warn(&format!("{error}, so its logins are not used"));
                Ok(store)
            }
            _ => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}

/// Why a file cannot be used.
fn reason(error: &FileError) -> Option<io::ErrorKind> {
    let source = std::error::Error::source(error)?;
    Some(source.downcast_ref::<io::Error>()?.kind())
}

/// The login that was given with the command, and the registry that it is for.
fn given(
    arguments: &NetworkArgs,
    environment: &Environment,
    names: &[Reference],
) -> Result<Option<(String, Credentials)>, LoginError> {
    let token = environment.registry_token.as_ref();
    if arguments.registry_user.is_none() && token.is_none() {
        return match &arguments.registry {
            Some(_) => Err(LoginError::NoLogin),
            None => Ok(None),
        };
    }
    // Known before stdin is read, which can be done once.
    let registry = registry(arguments.registry.as_deref(), names)?;
    let credentials = match (&arguments.registry_user, token) {
        (Some(user), _) if user.contains(':') => return Err(LoginError::User),
        (Some(user), Some(token)) => Credentials::Basic {
            user: user.clone(),
            password: token.clone(),
        },
        (Some(user), None) => {
            let stdin = io::stdin();
            if stdin.is_terminal() {
                return Err(LoginError::NoPassword);
            }
            Credentials::Basic {
                user: user.clone(),
                password: password(stdin.lock())?,
            }
        }
        (None, Some(token)) if token.is_token() => Credentials::Bearer(token.clone()),
        (None, _) => return Err(LoginError::Token),
    };
    Ok(Some((registry, credentials)))
}

/// The one registry that a login is for.
fn registry(named: Option<&str>, names: &[Reference]) -> Result<String, LoginError> {
    if let Some(text) = named {
        // With a path behind it, a registry stays one, and anything else becomes a part of the path.
        let name: Reference = format!("{text}/a/b")
            .parse()
            .map_err(|_| LoginError::Registry)?;
        return if name.repository() == "a/b" {
            Ok(name.registry().to_owned())
        } else {
            Err(LoginError::Registry)
        };
    }
    let mut registries: Vec<_> = names.iter().map(Reference::registry).collect();
    registries.sort_unstable();
    registries.dedup();
    match registries[..] {
        [only] => Ok(only.to_owned()),
        [] => Err(LoginError::Unclear("the image has no name".to_owned())),
        _ => {
            let told: Vec<_> = registries.iter().map(|name| format!("`{name}`")).collect();
            let told = told.join(", ");
            Err(LoginError::Unclear(format!("the images go to {told}")))
        }
    }
}

/// Reads a password: one line, without its end.
fn password(stdin: impl Read) -> Result<Secret, LoginError> {
    let mut bytes = Vec::new();
    stdin
        .take(PASSWORD_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(LoginError::Stdin)?;
    if bytes.len() as u64 > PASSWORD_LIMIT {
        return Err(LoginError::LongPassword);
    }
    let text = String::from_utf8(bytes).map_err(|_| LoginError::Encoding)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    match line {
        "" => Err(LoginError::NoPassword),
        line if line.contains(['\n', '\r']) => Err(LoginError::Lines),
        line => Ok(Secret::new(line)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_line_without_its_end() {
        let long = "x".repeat(16 * 1024);
        let longer = format!("{long}\n");
        for (stdin, expected) in [
            (&b"hunter2"[..], Ok("hunter2")),
            (b"hunter2\n", Ok("hunter2")),
            (b"hunter2\r\n", Ok("hunter2")),
            (b" two words \n", Ok(" two words ")),
            (long.as_bytes(), Ok(&long[..])),
            (
                longer.as_bytes(),
                Err("The password on stdin is longer than 16384 bytes"),
            ),
            (
                b"",
                Err("`--registry-user` needs a password, and there is none on stdin"),
            ),
            (
                b"\n",
                Err("`--registry-user` needs a password, and there is none on stdin"),
            ),
            (
                b"two\nlines\n",
                Err("The password on stdin has more than one line"),
            ),
            (
                b"hunter2\n\n",
                Err("The password on stdin has more than one line"),
            ),
            (b"\xff\n", Err("The password on stdin is not UTF-8")),
        ] {
            let read = password(stdin).map_err(|error| error.to_string());
            let expected = expected.map(Secret::new).map_err(ToOwned::to_owned);
            assert_eq!(read, expected, "{stdin:?}");
        }
    }

    #[test]
    fn files_are_where_podman_and_docker_have_them() {
        let user = rustix::process::getuid().as_raw();
        let bare = format!("/run/containers/{user}/auth.json");
        let home = || Environment {
            home: Some("/home/ada".into()),
            ..Environment::default()
        };
        for (environment, expected) in [
            (Environment::default(), &[&bare[..]][..]),
            (
                home(),
                &[
                    &bare,
                    "/home/ada/.config/containers/auth.json",
                    "/home/ada/.docker/config.json",
                ],
            ),
            (
                Environment {
                    xdg_runtime_dir: Some("/run/user/7".into()),
                    xdg_config_home: Some("/config".into()),
                    docker_config: Some("/docker".into()),
                    ..home()
                },
                &[
                    "/run/user/7/containers/auth.json",
                    "/config/containers/auth.json",
                    "/docker/config.json",
                ],
            ),
        ] {
            let found = environment.credential_files();
            let expected: Vec<_> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(found, expected);
        }
        let legacy = home().legacy_credential_file();
        assert_eq!(legacy, Some("/home/ada/.dockercfg".into()));
    }

    #[test]
    fn a_login_is_for_one_registry_that_is_known() {
        let clear = "It is not clear for which registry the login is: ";
        let several = format!("{clear}the images go to `docker.io`, `ghcr.io`");
        let none = format!("{clear}the image has no name");
        let wrong = "`--registry` is not `HOST` or `HOST:PORT`";
        for (named, names, expected) in [
            (None, &["ghcr.io/a/b"][..], Ok("ghcr.io")),
            (None, &["ghcr.io/a/b:1", "ghcr.io/c/d"], Ok("ghcr.io")),
            (None, &["a/b"], Ok("docker.io")),
            (None, &["ghcr.io/a/b", "a/b"], Err(&several[..])),
            (None, &["ghcr.io:443/a/b"], Ok("ghcr.io:443")),
            (None, &[], Err(&none)),
            (Some("quay.io"), &["ghcr.io/a/b"], Ok("quay.io")),
            (Some("localhost:5000"), &[], Ok("localhost:5000")),
            (Some("[::1]:5000"), &[], Ok("[::1]:5000")),
            (Some("index.docker.io"), &[], Ok("docker.io")),
            (Some("quay"), &[], Err(wrong)),
            (Some("quay.io/acme"), &[], Err(wrong)),
            (Some("https://quay.io"), &[], Err(wrong)),
            (Some("ada:hunter2@quay.io"), &[], Err(wrong)),
            (Some(""), &[], Err(wrong)),
        ] {
            let names: Vec<Reference> = names.iter().map(|name| name.parse().unwrap()).collect();
            let found = registry(named, &names).map_err(|error| error.to_string());
            let expected = expected.map(ToOwned::to_owned).map_err(ToOwned::to_owned);
            assert_eq!(found, expected, "{named:?} {names:?}");
        }
    }
}
