//! What a user sets: keys and values from the command line and from files, each key once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::quote::Place;
use super::{ConfigError, Syntax, legacy, yaml};

/// The value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// A text.
    Text {
        /// The text.
        text: String,
        /// Whether it may be a number or a truth, as a plain scalar of a file may; else it stays a text.
        typed: bool,
    },
    /// A list, in the flow style of YAML.
    List(String),
}

/// Settings, sorted by their keys: the order in which they are said decides only which of two values for a key counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<String, Setting>);

impl Settings {
    /// Sets a key to a text.
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        check_key(key)?;
        let setting = Setting::Text {
            text: value.to_owned(),
            typed: false,
        };
        self.0.insert(key.to_owned(), setting);
        Ok(())
    }

    /// Sets what the text of the file at `path` says.
    ///
    /// It is YAML. For a Flink whose configuration is none, it may also be written as that is.
    pub fn insert_file(
        &mut self,
        path: &Path,
        text: &str,
        syntax: Syntax,
    ) -> Result<(), ConfigError> {
        if syntax == Syntax::Legacy && is_legacy(text) {
            for line in text.lines() {
                if let Some((key, value)) = legacy::parse(line) {
                    self.insert(key, &line[value])?;
                }
            }
            return Ok(());
        }
        let said = yaml::settings(text).map_err(|why| ConfigError::Syntax {
            path: path.to_owned(),
            why,
        })?;
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        if let Some((key, _)) = said.iter().find(|(key, _)| !seen.insert(key)) {
            return Err(ConfigError::Twice {
                path: path.to_owned(),
                key: key.clone(),
            });
        }
        for (key, setting) in said {
            check_key(&key)?;
            self.0.insert(key, setting);
        }
        Ok(())
    }

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The settings, sorted by their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Setting)> {
        self.0.iter().map(|(key, setting)| (&**key, setting))
    }

    /// The settings as they stand in a file of YAML, whatever the words were that said them.
    pub fn written(&self) -> BTreeMap<String, String> {
        let written = |(key, setting): (&String, &Setting)| (key.clone(), setting.to_yaml());
        self.0.iter().map(written).collect()
    }
}

/// Parts of keys whose values Flink itself hides, as in `GlobalConfiguration.SENSITIVE_KEYS`.
const SENSITIVE: [&str; 11] = [
    "password",
    "secret",
    "fs.azure.account.key",
    "apikey",
    "api-key",
    "auth-params",
    "service-key",
    "token",
    "basic-auth",
    "jaas.config",
    "http-headers",
];

/// Whether Flink itself hides the value of this key where it tells its configuration.
pub fn is_sensitive(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SENSITIVE.iter().any(|part| key.contains(part))
}

impl Setting {
    /// The value as it was said.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text { text, .. } => text,
            Self::List(list) => list,
        }
    }

    /// The value as it stands in a file of YAML.
    pub fn to_yaml(&self) -> String {
        match self {
            Self::Text { text, typed: true } => super::quote::plain(text, Place::Block),
            Self::Text { text, .. } => super::quote::text(text, Place::Block),
            Self::List(list) => list.clone(),
        }
    }
}

/// Whether every line is one that is read without YAML.
fn is_legacy(text: &str) -> bool {
    text.lines().all(|line| {
        let is_nothing = line.trim().is_empty() || line.trim_start().starts_with('#');
        is_nothing || !line.starts_with([' ', '\t', '-']) && legacy::parse(line).is_some()
    })
}

/// Refuses a key that Flink would not read back as it was written.
fn check_key(key: &str) -> Result<(), ConfigError> {
    let fail = |why| {
        Err(ConfigError::Key {
            key: key.to_owned(),
            why,
        })
    };
    let is_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '$');
    if key.is_empty() {
        return fail("it is empty");
    }
    if let Some(c) = key.chars().find(|c| !is_key(*c)) {
        return fail(match c {
            ' ' | '\t' => "it has a blank",
            ':' => "it has a `:`",
            '#' => "it has a `#`",
            _ => "it has a character that no key of Flink has",
        });
    }
    if key.split('.').any(str::is_empty) {
        return fail("there is nothing before, behind or between its dots");
    }
    if !key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '$' || c == '_') {
        return fail("it begins with no letter");
    }
    Ok(())
}

/// The text of a value, if it can stand in a file that is no YAML.
pub(super) fn check_legacy<'a>(key: &str, setting: &'a Setting) -> Result<&'a str, ConfigError> {
    let fail = |why| ConfigError::Legacy {
        key: key.to_owned(),
        why,
    };
    let Setting::Text { text, .. } = setting else {
        return Err(fail(
            "it is a list, which is written there as one text with `;`",
        ));
    };
    if text.contains('#') {
        return Err(fail("it has a `#`, which begins a comment there"));
    }
    if text.chars().any(char::is_control) {
        return Err(fail("it has more than one line, or a control character"));
    }
    if text.is_empty() || text.trim() != text {
        return Err(fail("it is empty, or begins or ends with a blank"));
    }
    Ok(text)
}
