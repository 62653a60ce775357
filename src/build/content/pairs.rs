//! `KEY=VALUE` words: variables, labels, annotations. A value may be a secret, and is in no message.

use std::collections::BTreeMap;

use super::ContentError;

/// Keys and their values, each key once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs(BTreeMap<String, String>);

impl Pairs {
    /// Reads words, which come from the flag that messages name. The same key may be said twice, with one value.
    pub fn parse<'a>(
        flag: &'static str,
        words: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, ContentError> {
        let mut pairs = BTreeMap::new();
        for (place, word) in words.into_iter().enumerate() {
            let (key, value) = word.split_once('=').ok_or(ContentError::NoPair {
                flag,
                place: place + 1,
            })?;
            let fail = |why| ContentError::Key {
                flag,
                key: key.to_owned(),
                why,
            };
            if key.is_empty() {
                return Err(fail("it is empty"));
            }
            if key.chars().any(|c| c.is_whitespace() || c.is_control()) {
                return Err(fail("it has a blank or a control character"));
            }
            if value.contains('\0') {
                return Err(fail("its value has a NUL character"));
            }
            let before = pairs.insert(key.to_owned(), value.to_owned());
            if before.is_some_and(|before| before != value) {
                return Err(ContentError::TwoValues {
                    flag,
                    key: key.to_owned(),
                });
            }
        }
        Ok(Self(pairs))
    }

    /// Adds the pairs of `other` whose keys are not there.
    pub fn complete(&mut self, other: &Self) {
        for (key, value) in &other.0 {
            self.0.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }

    /// The pairs, sorted by their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Refuses keys that are not the user's to set.
    pub(super) fn check(
        &self,
        flag: &'static str,
        owner: impl Fn(&str) -> Option<&'static str>,
    ) -> Result<(), ContentError> {
        for key in self.0.keys() {
            if let Some(hint) = owner(key) {
                return Err(ContentError::Reserved {
                    flag,
                    key: key.clone(),
                    hint,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_value() {
        let pairs = Pairs::parse("--env", ["B=1", "A=x=y", "B=1", "C="]).unwrap();
        let found: Vec<_> = pairs.iter().collect();
        assert_eq!(found, [("A", "x=y"), ("B", "1"), ("C", "")]);
        for (words, message) in [
            (
                &["A=1", "A=s3cret"][..],
                "`--env` sets `A` twice, to different values",
            ),
            (&["A=1", "s3cret"], "Value 2 of `--env` has no `=`"),
            (&["=s3cret"], "`` cannot be a key of `--env`: it is empty"),
            (
                &["A B=s3cret"],
                "`A B` cannot be a key of `--env`: it has a blank or a control character",
            ),
            (
                &["A=s3cret\0"],
                "`A` cannot be a key of `--env`: its value has a NUL character",
            ),
        ] {
            let error = Pairs::parse("--env", words.iter().copied()).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
