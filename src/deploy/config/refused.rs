//! What only some renderers refuse: values that hold to the schema and the rules, and that these have no place for.

use super::options::options;
use super::places::Path;
use super::problem::{At, Problem};
use crate::deploy::{DeployError, Deployment};

impl Deployment {
    /// The error about a value; its keys are separated by dots.
    pub(in crate::deploy) fn refused(
        &self,
        keys: &str,
        text: String,
        way_out: &str,
    ) -> DeployError {
        Problem::of(keys, text, way_out).tell(&self.places)
    }

    /// The error about an option in `flink.config`, by its whole name.
    pub(in crate::deploy) fn refused_option(
        &self,
        name: &str,
        text: String,
        way_out: &str,
    ) -> DeployError {
        let options = options(&self.values.flink.config);
        let said = options.into_iter().find(|said| said.key == name);
        let path = said.map_or_else(|| Path::of("flink.config"), |said| said.path);
        Problem::at(At::Key, path, text, Some(way_out.to_owned())).tell(&self.places)
    }

    /// The error about a file in `flink.files`.
    pub(in crate::deploy) fn refused_file(
        &self,
        name: &str,
        text: String,
        way_out: &str,
    ) -> DeployError {
        let path = Path::of("flink.files").key(name);
        Problem::at(At::Key, path, text, Some(way_out.to_owned())).tell(&self.places)
    }
}
