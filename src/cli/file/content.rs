//! What the file says of what is put into an image on request.

use std::collections::BTreeMap;

use super::{ConfigFile, fill, fill_list, parsed};
use crate::build::content::{AddedFile, SettingWord};
use crate::cli::args::ContentArgs;

impl ConfigFile {
    /// Puts what the file says of the content where nothing is said.
    ///
    /// Of settings, variables, labels and annotations each is one that can be said by itself: a build in CI adds the label of its
    /// commit to those of the file.
    pub(super) fn complete_content(&self, arguments: &mut ContentArgs) {
        let keys = self.keys.content.clone();
        fill_list(&mut arguments.plugin, keys.plugins.0);
        arguments.slim |= keys.slim.unwrap_or_default();
        arguments.python |= keys.python.unwrap_or_default();
        fill_list(&mut arguments.lib, self.paths(keys.libraries));
        fill(&mut arguments.log4j, keys.log4j.map(|path| self.path(path)));
        let files = parsed(keys.files).into_iter();
        let files = files.map(|file| AddedFile {
            source: self.path(file.source),
            ..file
        });
        fill_list(&mut arguments.add, files.collect());
        fill(&mut arguments.user, keys.user.map(|parsed| parsed.0));

        // The last one counts, which is what is said.
        let said = std::mem::take(&mut arguments.flink_conf);
        let is_file = |word: &SettingWord| matches!(word, SettingWord::File(_));
        let is_said = |key: &str| {
            let is_it =
                |word: &SettingWord| matches!(word, SettingWord::Pair(said, _) if said == key);
            said.iter().any(is_it)
        };
        if !said.iter().any(is_file) {
            let files = self.paths(keys.flink_conf_files).into_iter();
            arguments.flink_conf.extend(files.map(SettingWord::File));
        }
        for (key, value) in keys.flink_conf.0 {
            if !is_said(&key) {
                arguments.flink_conf.push(SettingWord::Pair(key, value));
            }
        }
        arguments.flink_conf.extend(said);

        add_pairs(&mut arguments.env, &keys.env);
        add_pairs(&mut arguments.label, &keys.labels);
        add_pairs(&mut arguments.annotation, &keys.annotations);
    }
}

/// Adds the pairs whose keys are not said.
fn add_pairs(said: &mut Vec<String>, pairs: &BTreeMap<String, String>) {
    let is_said = |key: &String| {
        let mut keys = said.iter().filter_map(|word| word.split_once('='));
        keys.any(|(said, _)| said == key)
    };
    let missing: Vec<_> = pairs.iter().filter(|(key, _)| !is_said(key)).collect();
    said.extend(
        missing
            .into_iter()
            .map(|(key, value)| format!("{key}={value}")),
    );
}
