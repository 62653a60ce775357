//! The configuration of a distribution: opened for a container, and with settings that the user wants.
//!
//! Flink's own tool for this is a Java program that drops the comments. Here nothing but the values changes: `addresses`
//! opens what is bound to `localhost`, `yaml` and `legacy` put settings into the two forms of the file, and `settings` is
//! what a user says. What was written is read again before anybody gets it, so that no file comes out that Flink would
//! understand in another way.

mod addresses;
mod error;
mod java_options;
mod legacy;
mod quote;
mod settings;
mod yaml;

pub use addresses::open_addresses;
pub use error::ConfigError;
pub use settings::{Setting, Settings, is_sensitive};

use super::lines::ConfigForm;
use settings::check_legacy;

/// How a configuration file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// A `key: value` on each line, and no YAML: `flink-conf.yaml`.
    Legacy,
    /// YAML 1.2: `config.yaml`.
    Yaml,
}

/// A configuration file with settings in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configured {
    /// The text of the file.
    pub text: String,
    /// What the user should know of it, a sentence each.
    pub notes: Vec<String>,
}

impl Syntax {
    /// The file that is written so, in the home of Flink.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Legacy => "conf/flink-conf.yaml",
            Self::Yaml => "conf/config.yaml",
        }
    }
}

impl ConfigForm {
    /// The files that Flink looks for: it reads the first that is there. The entrypoint has the same order.
    pub fn files(self) -> &'static [Syntax] {
        match self {
            Self::Legacy => &[Syntax::Legacy],
            Self::Either => &[Syntax::Legacy, Syntax::Yaml],
            Self::Yaml => &[Syntax::Yaml],
        }
    }

    /// The file of its distributions.
    pub fn own(self) -> Syntax {
        match self {
            Self::Legacy => Syntax::Legacy,
            Self::Either | Self::Yaml => Syntax::Yaml,
        }
    }
}

/// Puts settings into the text of the configuration file that is written so.
///
/// The value of a key that is there is replaced, however it is written; other keys come at the end. Every other byte stays.
///
/// ```
/// use flink_img::flink::{Settings, Syntax, configure};
///
/// let mut settings = Settings::default();
/// settings.insert("rest.port", "9091")?;
/// settings.insert("state.backend.type", "rocksdb")?;
/// let text = "rest:\n  port: 8081 # for people\n";
/// assert_eq!(
///     configure(text, Syntax::Yaml, &settings)?.text,
///     "rest:\n  port: 9091 # for people\nstate.backend.type: rocksdb\n"
/// );
/// # Ok::<(), flink_img::flink::ConfigError>(())
/// ```
pub fn configure(
    text: &str,
    syntax: Syntax,
    settings: &Settings,
) -> Result<Configured, ConfigError> {
    let file = syntax.file();
    let mut configured = Configured {
        text: text.to_owned(),
        notes: Vec::new(),
    };
    for (key, setting) in settings.iter() {
        let mut setting = setting.clone();
        if key == java_options::KEY
            && let Setting::Text { text: value, .. } = &mut setting
            && let Some(old) = current(&configured.text, syntax, key)
            && let Some((kept, count)) = java_options::keep(&old, value)
        {
            *value = kept;
            configured.notes.push(format!(
                "`{key}` keeps {count} words of `{file}` that open modules of Java, which Flink needs"
            ));
        }
        configured.text = match syntax {
            Syntax::Legacy => {
                let value = check_legacy(key, &setting)?;
                legacy::set(&configured.text, key, value)
            }
            Syntax::Yaml => yaml::set(file, &configured.text, key, &setting)?,
        };
    }
    Ok(configured)
}

/// The value of a key, if it is a single text.
fn current(text: &str, syntax: Syntax, key: &str) -> Option<String> {
    match syntax {
        Syntax::Legacy => legacy::value(text, key),
        Syntax::Yaml => yaml::value(text, key),
    }
}

#[cfg(test)]
mod tests;
