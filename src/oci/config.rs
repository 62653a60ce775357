//! The image config: the base's raw JSON, with the few keys that a build owns patched in.
//!
//! Typed structs lose what they do not know (`Healthcheck`, `OnBuild`, builder extensions), so the document stays
//! a JSON value, and this module is the only one that knows its field names (image-spec, `config.md`).

mod view;

use serde_json::{Map, Value, json};

use super::{DiffId, Platform, canonical};

/// An image config as raw JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    document: Map<String, Value>,
}

/// A document that is no image config.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not JSON.
    #[error("The image config is not JSON")]
    Json(#[from] serde_json::Error),
    /// A field is missing or of another type.
    #[error("The image config has no usable `{0}`")]
    Field(&'static str),
}

impl Config {
    /// The config of an image without layers, for bases that are a plain root file system.
    pub fn empty(platform: &Platform) -> Self {
        let mut document = Map::new();
        document.insert("architecture".to_owned(), json!(platform.architecture));
        document.insert("os".to_owned(), json!(platform.os));
        if let Some(variant) = &platform.variant {
            document.insert("variant".to_owned(), json!(variant));
        }
        document.insert(
            "rootfs".to_owned(),
            json!({"type": "layers", "diff_ids": []}),
        );
        Self { document }
    }

    /// Reads a config and checks the fields that this crate relies on.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        let Value::Object(document) = serde_json::from_slice(bytes)? else {
            return Err(ConfigError::Field("object"));
        };
        let config = Self { document };
        config.diff_ids()?;
        config.platform()?;
        for (name, ok) in [
            (
                "config",
                config.field("config").is_none_or(Value::is_object),
            ),
            (
                "history",
                config.field("history").is_none_or(Value::is_array),
            ),
        ] {
            if !ok {
                return Err(ConfigError::Field(name));
            }
        }
        Ok(config)
    }

    /// The bytes that the config's digest is taken of.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical(&self.document)
    }

    /// The same document in lines, for people; [`parse`](Self::parse) makes the same config of it.
    pub fn to_pretty_text(&self) -> String {
        serde_json::to_string_pretty(&self.document).expect("JSON can be written as text")
    }

    /// A top-level field; `null` counts as absent, as Go programs write it.
    fn field(&self, name: &str) -> Option<&Value> {
        self.document.get(name).filter(|value| !value.is_null())
    }

    /// A field of the run-time part (`config`).
    fn runtime(&self, name: &str) -> Option<&Value> {
        self.field("config")?
            .get(name)
            .filter(|value| !value.is_null())
    }

    fn runtime_mut(&mut self) -> &mut Map<String, Value> {
        let value = self.document.entry("config").or_insert(Value::Null);
        if !value.is_object() {
            *value = json!({});
        }
        value.as_object_mut().expect("it was just made an object")
    }

    /// The diff ids of the layers, lowest first.
    pub fn diff_ids(&self) -> Result<Vec<DiffId>, ConfigError> {
        self.field("rootfs")
            .and_then(|rootfs| serde_json::from_value(rootfs.get("diff_ids")?.clone()).ok())
            .ok_or(ConfigError::Field("rootfs.diff_ids"))
    }

    /// The platform that the image is for.
    pub fn platform(&self) -> Result<Platform, ConfigError> {
        serde_json::from_value(Value::Object(self.document.clone()))
            .map_err(|_| ConfigError::Field("os` and `architecture"))
    }

    /// The value of an environment variable; of several lines the last one counts, as for run times.
    pub fn env(&self, name: &str) -> Option<&str> {
        self.env_lines()
            .filter_map(|line| line.split_once('='))
            .filter_map(|(key, value)| (key == name).then_some(value))
            .last()
    }

    fn env_lines(&self) -> impl Iterator<Item = &str> {
        self.runtime("Env")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
    }

    /// Sets an environment variable: in its place when the base has it, else behind the others.
    pub fn set_env(&mut self, name: &str, value: &str) {
        let line = format!("{name}={value}");
        let mut lines: Vec<String> = self.env_lines().map(ToOwned::to_owned).collect();
        let is_it = |line: &String| line.split('=').next() == Some(name);
        match lines.iter().position(is_it) {
            Some(place) => {
                lines.retain(|line| !is_it(line));
                lines.insert(place.min(lines.len()), line);
            }
            None => lines.push(line),
        }
        self.runtime_mut().insert("Env".to_owned(), json!(lines));
    }

    /// The labels.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.runtime("Labels")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
    }

    /// Sets a label.
    pub fn set_label(&mut self, name: &str, value: &str) {
        let labels = self.runtime_mut().entry("Labels").or_insert(Value::Null);
        if !labels.is_object() {
            *labels = json!({});
        }
        labels[name] = json!(value);
    }

    /// Removes the labels whose names begin with `prefix`.
    pub fn remove_labels(&mut self, prefix: &str) {
        if let Some(labels) = self
            .runtime_mut()
            .get_mut("Labels")
            .and_then(Value::as_object_mut)
        {
            labels.retain(|name, _| !name.starts_with(prefix));
        }
    }

    /// Sets the program that a container starts and its default words; those of the base are replaced.
    pub fn set_command(&mut self, entrypoint: &[&str], words: &[&str]) {
        let runtime = self.runtime_mut();
        runtime.insert("Entrypoint".to_owned(), json!(entrypoint));
        runtime.insert("Cmd".to_owned(), json!(words));
        // Windows only, and it would make Docker read the entrypoint as a shell line.
        runtime.remove("ArgsEscaped");
    }

    /// Sets user and working directory.
    pub fn set_user(&mut self, user: &str, working_directory: &str) {
        let runtime = self.runtime_mut();
        runtime.insert("User".to_owned(), json!(user));
        runtime.insert("WorkingDir".to_owned(), json!(working_directory));
    }

    /// Adds TCP ports to those that the base declares.
    pub fn expose(&mut self, ports: &[u16]) {
        let exposed = self
            .runtime_mut()
            .entry("ExposedPorts")
            .or_insert(Value::Null);
        if !exposed.is_object() {
            *exposed = json!({});
        }
        for port in ports {
            exposed[format!("{port}/tcp")] = json!({});
        }
    }

    /// Sets when the image was created (RFC 3339).
    pub fn set_created(&mut self, created: &str) {
        self.document.insert("created".to_owned(), json!(created));
    }

    /// Adds the lines of history that are missing for the layers that are there; run times that find fewer lines than
    /// layers refuse the image. Lines that are there stay as they are.
    pub fn complete_history(&mut self, created: &str) {
        let is_layer =
            |line: &&Value| line.get("empty_layer").and_then(Value::as_bool) != Some(true);
        let lines = self.field("history").and_then(Value::as_array);
        let known = lines.map_or(0, |lines| lines.iter().filter(is_layer).count());
        let layers = self.diff_ids().map_or(0, |diff_ids| diff_ids.len());
        for _ in known..layers {
            self.push_history(created, "base");
        }
    }

    /// Adds a layer on top, with its line of history. The base's history is never rewritten.
    pub fn push_layer(&mut self, diff_id: DiffId, created: &str, created_by: &str) {
        let rootfs = self.document.entry("rootfs").or_insert(Value::Null);
        if let Some(diff_ids) = rootfs.get_mut("diff_ids").and_then(Value::as_array_mut) {
            diff_ids.push(json!(diff_id));
        }
        self.push_history(created, created_by);
    }

    fn push_history(&mut self, created: &str, created_by: &str) {
        let history = self.document.entry("history").or_insert(Value::Null);
        if !history.is_array() {
            *history = json!([]);
        }
        if let Some(history) = history.as_array_mut() {
            history.push(json!({"created": created, "created_by": created_by}));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Digest;

    fn base() -> Config {
        Config::parse(
            br#"{"os":"linux","architecture":"amd64","variant":null,"moby.buildkit.x":"kept",
                "config":{"Env":["PATH=/bin","JAVA_HOME=/j"],"Entrypoint":["/base.sh"],"Cmd":null,
                "Healthcheck":{"Test":["CMD","true"]},"ExposedPorts":null,"Labels":{"a":"b"}},
                "history":[{"created_by":"base","empty_layer":true}],"rootfs":{"type":"layers","diff_ids":[]}}"#,
        )
        .unwrap()
    }

    #[test]
    fn keeps_what_it_does_not_know() {
        let mut config = base();
        let before = config.to_bytes();
        assert_eq!(Config::parse(&before).unwrap(), config);
        config.set_command(&["/e"], &["help"]);
        config.set_user("9999:9999", "/opt/flink");
        config.expose(&[8081]);
        config.set_label("c", "d");
        config.push_layer(DiffId(Digest::of(b"")), "1980-01-01T00:00:01Z", "x");
        let text = String::from_utf8(config.to_bytes()).unwrap();
        for kept in [
            r#""Healthcheck":{"Test":["CMD","true"]}"#,
            r#""moby.buildkit.x":"kept""#,
            r#""Labels":{"a":"b","c":"d"}"#,
            r#""ExposedPorts":{"8081/tcp":{}}"#,
            r#""history":[{"created_by":"base","empty_layer":true},{"created":"1980-01-01T00:00:01Z","created_by":"x"}]"#,
        ] {
            assert!(text.contains(kept), "{kept} in {text}");
        }
        assert_eq!(config.diff_ids().unwrap().len(), 1);
    }

    #[test]
    fn sets_variables_in_place() {
        let mut config = base();
        config.set_env("PATH", "/opt/flink/bin:/bin");
        config.set_env("FLINK_HOME", "/opt/flink");
        let lines: Vec<_> = config.env_lines().collect();
        assert_eq!(
            lines,
            [
                "PATH=/opt/flink/bin:/bin",
                "JAVA_HOME=/j",
                "FLINK_HOME=/opt/flink"
            ]
        );
        assert_eq!(config.env("JAVA_HOME"), Some("/j"));
        assert_eq!(config.env("JAVA"), None);
    }

    #[test]
    fn history_gets_a_line_for_each_layer() {
        let mut config = base();
        let diff_id = DiffId(Digest::of(b""));
        let mut diff_ids = Vec::new();
        diff_ids.resize(2, diff_id);
        config.document.insert(
            "rootfs".to_owned(),
            json!({"type": "layers", "diff_ids": diff_ids}),
        );
        config.complete_history("1980-01-01T00:00:01Z");
        config.complete_history("1980-01-01T00:00:01Z");
        let lines = config.document["history"].as_array().unwrap();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0], json!({"created_by": "base", "empty_layer": true}));
    }

    #[test]
    fn refuses_documents_that_it_could_not_patch() {
        for (bytes, field) in [
            (&br"[]"[..], "object"),
            (
                br#"{"os":"linux","architecture":"amd64"}"#,
                "rootfs.diff_ids",
            ),
            (
                br#"{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":["sha256:x"]}}"#,
                "rootfs.diff_ids",
            ),
            (
                br#"{"os":"linux","rootfs":{"diff_ids":[]}}"#,
                "os` and `architecture",
            ),
            (
                br#"{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":[]},"config":[]}"#,
                "config",
            ),
        ] {
            assert!(
                matches!(Config::parse(bytes), Err(ConfigError::Field(name)) if name == field),
                "{field}"
            );
        }
    }
}
