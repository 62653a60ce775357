//! Which words `flink-img build` knows.

use clap::{Arg, ArgAction, Command, CommandFactory as _, Id};

use crate::cli::args::Arguments;

/// The words of `flink-img build`.
#[derive(Debug)]
pub(super) struct Words(Command);

/// A word that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    /// The same for all ways to write it.
    pub(super) id: Id,
    /// Whether it may be said again, and each time counts.
    pub(super) is_list: bool,
    /// Whether the next word is its value.
    pub(super) takes_next: bool,
}

impl Words {
    pub(super) fn new() -> Self {
        let mut command = Arguments::command();
        command.build();
        let build = command.find_subcommand("build");
        Self(build.expect("there is such a command").clone())
    }

    /// What is known of a word; nothing of one that is no flag, or no flag of that command.
    pub(super) fn find(&self, word: &str) -> Option<Known> {
        let (argument, has_value) = if let Some(long) = word.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, _)) => (name, true),
                None => (long, false),
            };
            (self.long(name)?, value)
        } else {
            // One letter and no more: `-test` is not the name `est`, and `-hadoop-version` asks for no help.
            let mut letters = word.strip_prefix('-')?.chars();
            let argument = self.short(letters.next()?)?;
            if letters.next().is_some() {
                return None;
            }
            (argument, false)
        };
        let values = argument.get_num_args();
        let needs_value = values.is_some_and(|values| values.min_values() > 0);
        Some(Known {
            id: argument.get_id().clone(),
            is_list: matches!(argument.get_action(), ArgAction::Append),
            takes_next: needs_value && !has_value,
        })
    }

    fn long(&self, name: &str) -> Option<&Arg> {
        self.0.get_arguments().find(|argument| {
            let aliases = argument.get_all_aliases().unwrap_or_default();
            argument.get_long() == Some(name) || aliases.contains(&name)
        })
    }

    fn short(&self, letter: char) -> Option<&Arg> {
        let mut arguments = self.0.get_arguments();
        arguments.find(|argument| argument.get_short() == Some(letter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_a_build_is_known_with_what_it_takes() {
        let words = Words::new();
        for (word, takes_next) in [
            ("--push", Some(false)),
            ("--base", Some(true)),
            ("--base=x", Some(false)),
            ("--image-name", Some(true)),
            ("-t", Some(true)),
            ("-o", Some(true)),
            ("-q", Some(false)),
            // With more than a letter they are words that somebody meant otherwise.
            ("-tx", None),
            ("-test", None),
            ("-t=x", None),
            ("-output=foo", None),
            ("-quiet", None),
            ("-verbose", None),
            ("-qv", None),
            ("-hadoop-version", None),
            ("-hunter2", None),
            // For all commands.
            ("--quiet", Some(false)),
            ("--cache-dir", Some(true)),
            ("--insecure-registry", Some(true)),
            ("--no-such", None),
            ("--no-such=x", None),
            ("-X", None),
            ("-", None),
            ("--", None),
            ("push", None),
            ("", None),
        ] {
            let known = words.find(word).map(|known| known.takes_next);
            assert_eq!(known, takes_next, "{word}");
        }
    }

    #[test]
    fn words_that_count_each_time_are_told_from_those_that_count_once() {
        let words = Words::new();
        for (word, is_list) in [
            ("-t", true),
            ("--output", true),
            ("--env=A=1", true),
            ("--platform", true),
            ("--base", false),
            ("--push", false),
            ("-q", false),
            ("--jobs", false),
        ] {
            assert_eq!(words.find(word).unwrap().is_list, is_list, "{word}");
        }
        let id = |word| words.find(word).unwrap().id;
        assert_eq!(id("-q"), id("--quiet"));
        assert_eq!(id("-t"), id("--tag=x"));
    }
}
