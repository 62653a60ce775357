//! Words for Java that a configuration must not lose: those that open modules to Flink, without which Java 17 refuses what
//! it does by reflection.

/// The setting that has them.
pub(super) const KEY: &str = "env.java.opts.all";
/// The words that open modules; each takes what to open, behind a `=` or as the next word.
const WORDS: [&str; 2] = ["--add-opens", "--add-exports"];

/// The words of a value that open modules, each as `--add-opens=WHAT`.
fn opening(value: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut words = value.split_ascii_whitespace();
    while let Some(word) = words.next() {
        if WORDS.contains(&word) {
            found.extend(words.next().map(|what| format!("{word}={what}")));
        } else if let Some((name, _)) = word.split_once('=')
            && WORDS.contains(&name)
        {
            found.push(word.to_owned());
        }
    }
    found
}

/// The new value behind the words of the old one that open modules and that it lacks, and how many those are; `None` if it
/// lacks none.
pub(super) fn keep(old: &str, new: &str) -> Option<(String, usize)> {
    let has = opening(new);
    let mut kept = opening(old);
    kept.retain(|word| !has.contains(word));
    let count = kept.len();
    if count == 0 {
        return None;
    }
    kept.push(new.to_owned());
    Some((kept.join(" "), count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_open_modules_stay_unless_they_are_brought() {
        let old = "--add-exports=a/b=ALL-UNNAMED -Xss1m --add-opens=c/d=ALL-UNNAMED";
        for (new, expected) in [
            (
                "-Dx=y",
                Some((
                    "--add-exports=a/b=ALL-UNNAMED --add-opens=c/d=ALL-UNNAMED -Dx=y",
                    2,
                )),
            ),
            (
                "--add-opens c/d=ALL-UNNAMED -Dx=y",
                Some((
                    "--add-exports=a/b=ALL-UNNAMED --add-opens c/d=ALL-UNNAMED -Dx=y",
                    1,
                )),
            ),
            (old, None),
        ] {
            let expected = expected.map(|(text, count)| (text.to_owned(), count));
            assert_eq!(keep(old, new), expected, "{new}");
        }
        assert_eq!(keep("-Xmx1g --add-opens", "-Dx=y"), None);
    }
}
