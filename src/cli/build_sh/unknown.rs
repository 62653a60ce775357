//! What is told of words that nobody knows.
//!
//! Each may be a secret, as the value of a flag that was misspelt. So of a word that may be such a value nothing is told,
//! whatever it begins with, and of others no more than a name.

use super::translate::LOCAL;

/// What came before a word.
#[derive(Debug, Default)]
pub(super) enum Before {
    /// Nothing that this word could belong to.
    #[default]
    Whole,
    /// A known flag, which takes no value.
    Switch(String),
    /// A flag that nobody knows; here its value may follow.
    Unknown(String),
    /// A word of which nothing was told. It may itself be a flag, and its value may follow.
    Untold,
}

/// Tells that `word` is ignored, and what it is for the word after it.
pub(super) fn ignored(word: &str, before: &Before) -> (String, Before) {
    let is_flag = word.starts_with('-');
    let (name, shown) = name(word);
    let told = match before {
        Before::Unknown(flag) => format!("What follows `{flag}` is ignored too"),
        Before::Untold => "A word that is not known is ignored".to_owned(),
        _ if is_flag => format!("`{shown}` is ignored: there is no such flag"),
        Before::Switch(flag) if flag == LOCAL => {
            format!("What follows `{flag}` is ignored: a folder is named with `{flag}=DIR`")
        }
        Before::Switch(flag) => format!("What follows `{flag}` is ignored: it takes no value"),
        Before::Whole => "A word that is no flag is ignored".to_owned(),
    };
    let has_value = word[name.len()..].starts_with('=');
    let after = match before {
        _ if !is_flag || has_value => Before::Whole,
        Before::Whole | Before::Switch(_) => Before::Unknown(shown),
        Before::Unknown(_) | Before::Untold => Before::Untold,
    };
    (told, after)
}

/// The name that a flag begins with, and what is shown of it: a value may be glued to a single letter.
fn name(word: &str) -> (&str, String) {
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let end = word.find(|letter| !is_of_name(letter));
    let name = &word[..end.unwrap_or(word.len())];
    if word.starts_with("--") || word.chars().count() <= 2 {
        return (name, name.to_owned());
    }
    let start: String = word.chars().take(2).collect();
    (name, format!("{start}..."))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of words one after the other.
    fn told(line: &str) -> Vec<String> {
        let mut before = Before::default();
        let told = line.split_ascii_whitespace().map(|word| {
            let (told, after) = ignored(word, &before);
            before = after;
            told
        });
        told.collect()
    }

    #[test]
    fn a_word_that_may_be_a_value_is_not_told() {
        const AFTER: &str = "What follows `--password` is ignored too";
        const UNTOLD: &str = "A word that is not known is ignored";
        const FLAG: &str = "`--password` is ignored: there is no such flag";
        const NEXT: &str = "`--next` is ignored: there is no such flag";
        for (line, expected) in [
            ("hunter2", &["A word that is no flag is ignored"][..]),
            ("--password hunter2", &[FLAG, AFTER]),
            ("--password=hunter2", &[FLAG]),
            ("--password:hunter2", &[FLAG]),
            ("--password: hunter2", &[FLAG, AFTER]),
            ("--password -Xhunter2", &[FLAG, AFTER]),
            ("--password --hunter2", &[FLAG, AFTER]),
            ("--password --hunter2=x", &[FLAG, AFTER]),
            // The second may be a flag, the third its value.
            ("--password --pin --hunter2", &[FLAG, AFTER, UNTOLD]),
            ("--password --pin hunter2", &[FLAG, AFTER, UNTOLD]),
            // What has its value is followed by none.
            ("--password=hunter2 --next", &[FLAG, NEXT]),
            ("--password hunter2 --next", &[FLAG, AFTER, NEXT]),
            ("--password --hunter2=x --next", &[FLAG, AFTER, NEXT]),
            ("-Phunter2", &["`-P...` is ignored: there is no such flag"]),
            (
                "-P=hunter2 --next",
                &["`-P...` is ignored: there is no such flag", NEXT],
            ),
            (
                "-p hunter2",
                &[
                    "`-p` is ignored: there is no such flag",
                    "What follows `-p` is ignored too",
                ],
            ),
            (
                "-pin -hunter2",
                &[
                    "`-p...` is ignored: there is no such flag",
                    "What follows `-p...` is ignored too",
                ],
            ),
            ("-", &["`-` is ignored: there is no such flag"]),
            ("--=hunter2", &["`--` is ignored: there is no such flag"]),
            (
                "-\u{e9}hunter2",
                &["`-\u{e9}...` is ignored: there is no such flag"],
            ),
        ] {
            let told = told(line);
            assert_eq!(told, expected, "{line}");
            assert!(!told.concat().contains("hunter"), "{line}: {told:?}");
        }
    }

    #[test]
    fn what_follows_a_flag_that_takes_none_is_told_with_the_flag() {
        for (flag, word, expected) in [
            (
                "--push",
                "hunter2",
                "What follows `--push` is ignored: it takes no value",
            ),
            (
                LOCAL,
                "dist/x",
                "What follows `--from-local-dist` is ignored: a folder is named with `--from-local-dist=DIR`",
            ),
            (LOCAL, "--x", "`--x` is ignored: there is no such flag"),
        ] {
            let (told, _) = ignored(word, &Before::Switch(flag.to_owned()));
            assert_eq!(told, expected);
        }
    }
}
