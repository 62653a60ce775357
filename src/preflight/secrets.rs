//! Secrets in what an image says of itself: environment, configuration, labels and annotations.
//!
//! Whoever may pull an image reads all of these. A secret is known by its value, where the form of that is nobody else's,
//! or by the name of its key: those that Flink hides in its own logs
//! (`GlobalConfiguration.isSensitive`), and those that tools ask for by name. No value is ever told.

mod names;
#[cfg(test)]
mod tests;
mod values;

use self::names::is_named_like_one;
use self::values::{assignment, form, is_harmless, is_none};
use super::code::Code;
use super::finding::Finding;

/// Where a setting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A variable of the environment.
    Environment,
    /// A key of Flink's configuration.
    Configuration,
    /// A label.
    Label,
    /// An annotation.
    Annotation,
}

impl Place {
    fn told(self) -> &'static str {
        match self {
            Self::Environment => "variable",
            Self::Configuration => "setting of Flink",
            Self::Label => "label",
            Self::Annotation => "annotation",
        }
    }
}

/// Something that an image says of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Setting {
    /// Where.
    pub place: Place,
    /// Its key.
    pub key: String,
    /// What it is set to.
    pub value: String,
}

impl std::fmt::Debug for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setting")
            .field("place", &self.place)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// The variable whose lines the entrypoint puts into the configuration.
pub(super) const PROPERTIES: &str = "FLINK_PROPERTIES";

/// Variables that are a secret whatever their value looks like.
const CERTAIN: [&str; 12] = [
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SESSION_TOKEN",
    "AZURE_CLIENT_SECRET",
    "AZURE_STORAGE_KEY",
    "DOCKER_PASSWORD",
    "GITHUB_TOKEN",
    "GITLAB_TOKEN",
    "GOOGLE_API_KEY",
    "MYSQL_PWD",
    "PGPASSWORD",
    "VAULT_TOKEN",
];

/// Finds the secrets among settings. Each is told once, as what is surer.
pub(super) fn secrets(settings: &[Setting]) -> Vec<Finding> {
    let mut found = Vec::new();
    for setting in settings {
        let name = format!("{} `{}`", setting.place.told(), setting.key);
        if setting.place == Place::Environment && setting.key == PROPERTIES {
            for (key, value) in properties(&setting.value) {
                let name = format!("setting `{key}` in the {name}");
                found.extend(judge(Place::Configuration, key, value, &name));
            }
            continue;
        }
        found.extend(judge(setting.place, &setting.key, &setting.value, &name));
    }
    found
}

/// Whether there is a secret in a setting, by the rules of these checks.
pub fn looks_secret(setting: &Setting) -> bool {
    !secrets(std::slice::from_ref(setting)).is_empty()
}

/// The `key: value` lines of `FLINK_PROPERTIES`.
pub(super) fn properties(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(':'))
        .map(|(key, value)| (key.trim(), value.trim()))
}

fn judge(place: Place, key: &str, value: &str, name: &str) -> Option<Finding> {
    let value = value.trim().trim_matches(['"', '\'']);
    if is_none(value) {
        return None;
    }
    let way_out = match place {
        Place::Environment => {
            "leave it out of the image, and set it where the container is started, from a secret of the cluster"
        }
        Place::Configuration => {
            "leave it out of the image, and give it at the start in `FLINK_PROPERTIES`, from a secret of the cluster"
        }
        Place::Label | Place::Annotation => {
            "leave it out: everybody who may pull the image reads it"
        }
    };
    let finding = |code, message: String| Finding {
        code,
        subject: key.to_owned(),
        message,
        way_out: way_out.to_owned(),
    };
    if let Some(form) = form(value) {
        return Some(finding(
            Code::SecretValue,
            format!(
                "The {name} has {form} in its value, which everybody who may pull the image can read"
            ),
        ));
    }
    if CERTAIN.contains(&key) {
        return Some(finding(
            Code::SecretValue,
            format!("The {name} is a secret, which everybody who may pull the image can read"),
        ));
    }
    let is_named = is_named_like_one(key, place) && !is_harmless(value);
    if is_named {
        return Some(finding(
            Code::SecretName,
            format!(
                "The {name} looks like a secret by its name, and everybody who may pull the image can read it"
            ),
        ));
    }
    assignment(value, place).map(|found| {
        finding(
            Code::SecretName,
            format!(
                "The {name} has `{found}` in its value, which looks like a secret by its name, and everybody who may pull the \
                 image can read it"
            ),
        )
    })
}
