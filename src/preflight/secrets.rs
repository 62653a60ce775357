//! Secrets in what an image says of itself: environment, configuration, labels and annotations.
//!
//! Whoever may pull an image reads all of these. A secret is known by its value, where the form of that is nobody else's,
//! or by the name of its key: those that Flink hides in its own logs
//! (`GlobalConfiguration.isSensitive`), and those that tools ask for by name. No value is ever told.

use super::code::Code;
use super::finding::Finding;
use crate::flink::is_sensitive;

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

/// Words of other keys, by which secrets go.
const WORDS: [&str; 8] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "credential",
    "credentials",
];

/// Pairs of words that are a secret together only.
const PAIRS: [(&str, &str); 5] = [
    ("api", "key"),
    ("private", "key"),
    ("access", "key"),
    ("account", "key"),
    ("encryption", "key"),
];

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

/// Last words of keys that name where a secret is, or something about it.
const ABOUT: [&str; 22] = [
    "file",
    "path",
    "dir",
    "directory",
    "location",
    "name",
    "id",
    "provider",
    "providers",
    "type",
    "class",
    "interval",
    "timeout",
    "ttl",
    "enabled",
    "url",
    "uri",
    "endpoint",
    "length",
    "size",
    "mode",
    "ratio",
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
        let whole = judge(setting.place, &setting.key, &setting.value, &name);
        if whole.is_none() {
            for (key, value) in properties_of_java(&setting.value) {
                let name = format!("property `{key}` in the {name}");
                found.extend(judge(setting.place, key, value, &name));
            }
        }
        found.extend(whole);
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

/// The `-Dkey=value` words of options for Java.
fn properties_of_java(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let words = text
        .split_whitespace()
        .map(|word| word.trim_matches(['"', '\'']));
    words.filter_map(|word| word.strip_prefix("-D")?.split_once('='))
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
    has_assignment(value).then(|| {
        finding(
            Code::SecretName,
            format!(
                "The {name} has something in its value that looks like a secret by its name, and everybody who may pull the \
                 image can read it"
            ),
        )
    })
}

/// Whether a value has a `NAME=SECRET` in it: options of a JVM, the query of an address, what a login module is given.
fn has_assignment(value: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    value.match_indices('=').any(|(at, _)| {
        let before = value[..at].trim_end();
        let start = before.rfind(|c| !is_of_name(c));
        // What is no name is one byte long or more.
        let start = start.map_or(0, |start| {
            start + before[start..].chars().next().map_or(0, char::len_utf8)
        });
        let name = before[start..].trim_start_matches('-');
        let after = value[at + 1..]
            .trim_start()
            .trim_start_matches(['"', '\'', '\\']);
        let end = after
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\' | '&' | ';' | ','));
        let given = &after[..end.unwrap_or(after.len())];
        is_named_like_one(name, Place::Environment) && !is_none(given) && !is_harmless(given)
    })
}

/// Whether there is nothing, or what something else is put for later.
fn is_none(value: &str) -> bool {
    let is_filled_in = |open: &str, close: &str| {
        value
            .strip_prefix(open)
            .and_then(|rest| rest.strip_suffix(close))
            .is_some_and(|inside| !inside.contains(close))
    };
    let is_variable = value.strip_prefix('$').is_some_and(|name| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    });
    value.is_empty()
        || is_variable
        || is_filled_in("${", "}")
        || is_filled_in("{{", "}}")
        || is_filled_in("<", ">")
        || value.chars().all(|c| matches!(c, '*' | 'x' | 'X'))
}

/// Whether a value is one that no secret has: a switch, a number, a time.
fn is_harmless(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    let without_unit = value
        .trim_end_matches(|c: char| c.is_ascii_alphabetic())
        .trim_end();
    matches!(&*value, "true" | "false" | "yes" | "no" | "on" | "off" | "none" | "null" | "default" | "auto")
        // Numbers as long as these are no counts any more.
        || (without_unit.len() <= 6
            && value.len() - without_unit.len() <= 13
            && without_unit.parse::<f64>().is_ok())
}

fn is_named_like_one(key: &str, place: Place) -> bool {
    let words = words(key);
    let last = words.last().map(String::as_str);
    if last.is_some_and(|last| ABOUT.contains(&last)) {
        return false;
    }
    let lower = key.to_ascii_lowercase();
    if place == Place::Configuration && is_sensitive(key) {
        return true;
    }
    let has = |word: &str| words.iter().any(|known| known == word);
    let follow = |pair: &(&str, &str)| {
        words
            .windows(2)
            .any(|two| two[0] == pair.0 && two[1] == pair.1)
    };
    // An access key of AWS is an identity, as long as it is no secret one; its form is known.
    let is_identity = place == Place::Configuration && lower.ends_with("access-key")
        || lower.ends_with("access.key");
    WORDS.iter().any(|word| has(word)) || !is_identity && PAIRS.iter().any(follow)
}

/// The words of a key in lower case: `dbPassword`, `DB_PASSWORD` and `db.password` have the same.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in key.chars() {
        if c.is_ascii_alphanumeric() {
            if c.is_ascii_uppercase() && was_lower {
                words.push(String::new());
            }
            let word = words.last_mut().expect("there is one");
            word.push(c.to_ascii_lowercase());
        } else {
            words.push(String::new());
        }
        was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What kind of secret a value has in it, if its form is that of nothing else.
fn form(value: &str) -> Option<&'static str> {
    if value.contains("-----BEGIN ") && value.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    if has_url_password(value) {
        return Some("an address with a password");
    }
    // Letters, digits and `_-`, as all of these are.
    let mut tokens = value.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-'));
    tokens.find_map(|token| {
        let is = |prefix: &str, length: std::ops::RangeInclusive<usize>| {
            token
                .strip_prefix(prefix)
                .is_some_and(|rest| length.contains(&rest.len()))
        };
        let is_upper = || {
            token
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        };
        // <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
        if (is("AKIA", 16..=16) || is("ASIA", 16..=16)) && is_upper() {
            Some("an access key of AWS")
        } else if ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"]
            .iter()
            .any(|prefix| is(prefix, 36..=255))
            || is("github_pat_", 36..=255)
        {
            Some("a token of GitHub")
        } else if is("glpat-", 20..=255) {
            Some("a token of GitLab")
        } else if ["xoxb-", "xoxp-", "xoxa-", "xoxr-"]
            .iter()
            .any(|prefix| is(prefix, 20..=255))
        {
            Some("a token of Slack")
        } else if is("AIza", 35..=35) {
            Some("a key of Google")
        } else {
            None
        }
    })
}

/// Whether there is a `scheme://user:password@host` in which the password stands for itself.
fn has_url_password(value: &str) -> bool {
    value.match_indices("://").any(|(at, _)| {
        let rest = &value[at + 3..];
        let end =
            rest.find(|c: char| matches!(c, '/' | '?' | '#' | '"' | '\'') || c.is_whitespace());
        let authority = &rest[..end.unwrap_or(rest.len())];
        let Some((user, _)) = authority.rsplit_once('@') else {
            return false;
        };
        user.split_once(':')
            .is_some_and(|(_, password)| !is_none(password))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Place::{Annotation, Configuration, Environment, Label};

    const SECRET: &str = "hunter2-not-to-be-told";

    fn codes(place: Place, key: &str, value: &str) -> Vec<Code> {
        let setting = Setting {
            place,
            key: key.to_owned(),
            value: value.to_owned(),
        };
        assert!(!format!("{setting:?}").contains(SECRET));
        let found = secrets(&[setting]);
        for finding in &found {
            let told = format!("{finding:?}");
            assert!(!told.contains(SECRET) && !told.contains("AKIA"), "{told}");
        }
        found.into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn secrets_are_known_by_their_names() {
        for (place, key) in [
            (Environment, "DB_PASSWORD"),
            (Environment, "dbPassword"),
            (Environment, "API_KEY"),
            (Environment, "SSH_PRIVATE_KEY"),
            (Environment, "SLACK_TOKEN"),
            (Configuration, "s3.secret-key"),
            (
                Configuration,
                "fs.azure.account.key.acme.blob.core.windows.net",
            ),
            (Configuration, "security.ssl.internal.keystore-password"),
            (Configuration, "metrics.reporter.dghttp.apikey"),
            (Configuration, "pulsar.client.authParams.auth-params"),
            (Label, "com.acme.db.password"),
            (Annotation, "com.acme.token"),
        ] {
            assert_eq!(codes(place, key, SECRET), [Code::SecretName], "{key}");
        }
        for key in ["AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "GITHUB_TOKEN"] {
            assert_eq!(
                codes(Environment, key, SECRET),
                [Code::SecretValue],
                "{key}"
            );
        }
    }

    #[test]
    fn a_property_of_java_is_a_secret_as_a_setting_is() {
        for (place, key) in [
            (Configuration, "env.java.opts.all"),
            (Environment, "FLINK_ENV_JAVA_OPTS"),
        ] {
            let value = format!("-Xmx1g -Djavax.net.ssl.keyStorePassword={SECRET} -Da=b");
            assert_eq!(codes(place, key, &value), [Code::SecretName], "{key}");
            for value in [
                "-Djavax.net.ssl.keyStorePassword=${PASSWORD} -Da=b",
                "-Dcom.sun.management.jmxremote.password.file=/run/secrets/jmx",
                "-Da=b --add-opens=java.base/java.lang=ALL-UNNAMED",
            ] {
                assert_eq!(codes(place, key, value), [], "{value}");
            }
        }
    }

    #[test]
    fn secrets_are_known_by_their_values() {
        for value in [
            "AKIAIOSFODNN7EXAMPLE",
            "key=AKIAIOSFODNN7EXAMPLE,other",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
            "jdbc:postgresql://app:hunter2-not-to-be-told@db/orders",
            "see https://ada:hunter2-not-to-be-told@example.com/x",
            "ghp_0123456789012345678901234567890123456",
            "glpat-01234567890123456789",
        ] {
            for place in [Environment, Configuration, Label, Annotation] {
                assert_eq!(codes(place, "note", value), [Code::SecretValue], "{value}");
            }
        }
    }

    #[test]
    fn secrets_are_known_by_their_names_within_a_value() {
        for value in [
            "-Djavax.net.ssl.trustStorePassword=hunter2-not-to-be-told",
            "-Xmx1g -Djavax.net.ssl.keyStorePassword=hunter2-not-to-be-told -Dx=y",
            "jdbc:mysql://h/db?user=u&password=hunter2-not-to-be-told",
            "jdbc:sqlserver://h;user=u;password=hunter2-not-to-be-told;x=y",
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=hunter2-not-to-be-told==",
            "org.acme.LoginModule required username=\"u\" password=\"hunter2-not-to-be-told\";",
            "ä password = hunter2-not-to-be-told",
        ] {
            for place in [Environment, Configuration, Label, Annotation] {
                assert_eq!(codes(place, "note", value), [Code::SecretName], "{value}");
            }
        }
        for value in [
            "-Djavax.net.ssl.trustStorePassword=${PASSWORD} -Dx=hunter2-not-to-be-told",
            "jdbc:mysql://h/db?user=u&password=",
            "password=\"\" x=y",
            "-Djavax.net.ssl.trustStore=/x -Ddb.password.file=/run/secrets/db",
            "-Dtokens.max=4096 -Dpassword.required=true",
            "x=1&pageToken=5",
            "=",
        ] {
            assert_eq!(codes(Environment, "note", value), [], "{value}");
        }
    }

    #[test]
    fn what_is_none_is_not_taken_for_one() {
        for (place, key, value) in [
            // Nothing, or filled in later.
            (Environment, "DB_PASSWORD", ""),
            (Environment, "DB_PASSWORD", "${DB_PASSWORD}"),
            (Environment, "DB_PASSWORD", "$DB_PASSWORD"),
            (Environment, "DB_PASSWORD", "********"),
            (Configuration, "s3.secret-key", "\"${S3_SECRET}\""),
            (Environment, "AWS_SECRET_ACCESS_KEY", "<from-vault>"),
            // Where it is, and not what it is.
            (Environment, "DB_PASSWORD_FILE", "/run/secrets/db"),
            (Configuration, "security.kerberos.login.keytab", "/x"),
            (
                Configuration,
                "fs.s3a.aws.credentials.provider",
                "com.acme.Provider",
            ),
            // About secrets, or with their letters.
            (Configuration, "security.delegation.tokens.enabled", "false"),
            (
                Configuration,
                "security.delegation.tokens.renewal.retry.backoff",
                "1 h",
            ),
            (
                Configuration,
                "security.delegation.tokens.renewal.time-ratio",
                "0.75",
            ),
            (Environment, "TOKENIZER", "bert"),
            (Environment, "MAX_TOKENS", "4096"),
            (Environment, "AWS_ACCESS_KEY_ID", "somebody"),
            (Environment, "KEY", "value"),
            (
                Label,
                "org.opencontainers.image.source",
                "https://github.com/acme/job",
            ),
            (Environment, "KAFKA", "kafka://broker:9092"),
            (Environment, "URL", "https://app:${PASSWORD}@db/x"),
            (Environment, "URL", "https://app@db/x"),
            (Annotation, "time", "2026-01-01T10:00:00Z"),
        ] {
            assert_eq!(codes(place, key, value), [], "{key}={value}");
        }
    }

    #[test]
    fn the_lines_of_flink_properties_are_settings_of_flink() {
        let lines = format!(
            "# s3.secret-key: no\nparallelism.default: 2\n s3.secret-key: {SECRET}\ns3.endpoint: http://x\n"
        );
        let setting = Setting {
            place: Environment,
            key: PROPERTIES.to_owned(),
            value: lines,
        };
        let found = secrets(&[setting]);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].message,
            "The setting `s3.secret-key` in the variable `FLINK_PROPERTIES` looks like a secret by its name, and everybody \
             who may pull the image can read it"
        );
    }
}
