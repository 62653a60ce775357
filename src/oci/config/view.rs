//! What a config says of how a container starts and of how the image was made, for people. Nothing here changes it.

use serde_json::Value;

use super::Config;

impl Config {
    /// When the image was created, as it is written.
    pub fn created(&self) -> Option<&str> {
        self.field("created")?.as_str()
    }

    /// The user that a container runs as; `None` where it is root by default.
    pub fn user(&self) -> Option<&str> {
        let user = self.runtime("User")?.as_str()?;
        (!user.is_empty()).then_some(user)
    }

    /// The folder that a container starts in.
    pub fn working_directory(&self) -> Option<&str> {
        let folder = self.runtime("WorkingDir")?.as_str()?;
        (!folder.is_empty()).then_some(folder)
    }

    /// The program that a container starts, with its first words.
    pub fn entrypoint(&self) -> Vec<&str> {
        self.words("Entrypoint")
    }

    /// The words that follow when none are given.
    pub fn command(&self) -> Vec<&str> {
        self.words("Cmd")
    }

    /// The environment, `NAME=VALUE` each.
    pub fn environment(&self) -> Vec<&str> {
        self.env_lines().collect()
    }

    /// The ports that are declared: `8081/tcp`.
    pub fn ports(&self) -> Vec<&str> {
        let ports = self.runtime("ExposedPorts").and_then(Value::as_object);
        ports
            .into_iter()
            .flatten()
            .map(|(port, _)| port.as_str())
            .collect()
    }

    /// What each layer is, lowest first, as far as the history says: it has a line for each, and more for what made none.
    pub fn titles(&self) -> Vec<Option<&str>> {
        let lines = self.field("history").and_then(Value::as_array);
        lines
            .into_iter()
            .flatten()
            .filter(|line| line.get("empty_layer").and_then(Value::as_bool) != Some(true))
            .map(|line| {
                let title = line.get("created_by")?.as_str()?;
                (!title.trim().is_empty()).then_some(title)
            })
            .collect()
    }

    fn words(&self, name: &str) -> Vec<&str> {
        let words = self.runtime(name).and_then(Value::as_array);
        words
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_want_to_know_is_read_and_what_is_missing_is_nothing() {
        let config = Config::parse(
            br#"{"os":"linux","architecture":"amd64","created":"2026-01-02T03:04:05Z","rootfs":{"diff_ids":[]},
                "config":{"User":"9999:9999","WorkingDir":"/opt","Entrypoint":["/e","x"],"Cmd":["help"],
                "Env":["A=b"],"ExposedPorts":{"8081/tcp":{}}},
                "history":[{"created_by":"base"},{"created_by":"ENV A=b","empty_layer":true},{"comment":"x"}]}"#,
        )
        .unwrap();
        assert_eq!(config.created(), Some("2026-01-02T03:04:05Z"));
        assert_eq!(config.user(), Some("9999:9999"));
        assert_eq!(config.working_directory(), Some("/opt"));
        assert_eq!(config.entrypoint(), ["/e", "x"]);
        assert_eq!(config.command(), ["help"]);
        assert_eq!(config.environment(), ["A=b"]);
        assert_eq!(config.ports(), ["8081/tcp"]);
        assert_eq!(config.titles(), [Some("base"), None]);

        let bare = br#"{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":[]},"config":{"User":"","Cmd":null}}"#;
        let bare = Config::parse(bare).unwrap();
        assert_eq!((bare.created(), bare.user()), (None, None));
        assert_eq!(bare.working_directory(), None);
        assert!(bare.entrypoint().is_empty() && bare.command().is_empty());
        assert!(bare.ports().is_empty() && bare.titles().is_empty());
    }
}
