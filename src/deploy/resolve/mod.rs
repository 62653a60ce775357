//! Tags become digests: in any YAML that names images, with everything else of the text left as it is.
//!
//! `find` looks for the places that name an image: a text (`repository:tag`), or the parts of one that stand beside each other
//! in a mapping (`triple`). `built` knows which of them mean an image of a build; what the others lead to, whoever calls asks
//! registries. `written` knows the bytes that a digest goes to. The changed text is read again, and must say what the old
//! one did but for the digests.

mod built;
mod error;
mod find;
#[cfg(test)]
mod tests;
mod triple;
mod written;

use std::collections::BTreeMap;

use serde::de::IgnoredAny;

use crate::oci::{Digest, Reference};
use crate::yaml::{YamlError, documents};
use find::{Found, Token};
use written::{DIGEST, Gap};

pub use built::Built;
pub use error::ResolveError;

/// What registries have: the digest of each image that they were asked for, and none where there is no such image.
pub type Answers = BTreeMap<Reference, Option<Digest>>;

/// A text that may name images.
///
/// ```
/// use flink_img::deploy::{Answers, Built, ImageText};
/// use flink_img::oci::Digest;
///
/// let digest = Digest::of(b"");
/// let built = [Built {
///     name: "ghcr.io/acme/job:1".parse()?,
///     digest,
///     from: "`build.json`".to_owned(),
/// }];
/// let text = ImageText::read("pod.yaml", "image: ghcr.io/acme/job:1 # the job\n")?;
/// let pinned = text.pin(&built, &Answers::new())?;
/// assert_eq!(pinned.text, format!("image: ghcr.io/acme/job@{digest} # the job\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ImageText {
    name: String,
    text: String,
    found: Found,
}

/// A place of a text that names an image.
#[derive(Debug)]
pub struct Place {
    /// Its line, from 1.
    pub line: usize,
    /// As it is written, put together if it is in parts.
    pub written: String,
    /// Whether nothing but an image can stand there: it is under the key `image`.
    is_image: bool,
    image: Reference,
    may_be_asked: bool,
    /// What makes it name a digest, if that can be.
    edit: Option<Edit>,
    /// Under which a mapping is merged into others.
    anchor: Option<usize>,
    /// The anchors of mappings that it has its digest from.
    inherits: Vec<usize>,
}

/// How a place comes to name a digest.
#[derive(Debug)]
struct Edit {
    gap: Gap,
    /// What stands before the digest in the same text.
    name: Option<String>,
    /// The token that changes, or that the new ones come behind.
    token: usize,
    /// Whether key and value are new.
    is_new: bool,
}

/// A text with digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The text.
    pub text: String,
    /// What was changed, in the order of the text.
    pub changes: Vec<Change>,
    /// How many places had the right digest already.
    pub right: usize,
    /// How many other places named a digest.
    pub others: usize,
    /// Lines and images that were left as they are, because their registries do not have them.
    pub unknown: Vec<(usize, String)>,
}

/// A place that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its line before the change, from 1.
    pub line: usize,
    /// What it named.
    pub before: String,
    /// What it names now.
    pub after: String,
}

impl Place {
    fn at(mut self, token: usize) -> Self {
        if let Some(edit) = &mut self.edit {
            edit.token = token;
        }
        self
    }

    /// What a registry is asked for, in one spelling.
    fn question(&self) -> Option<Reference> {
        let full = format!("{}:{}", self.image.name(), self.image.selector());
        full.parse().ok().filter(|_| self.may_be_asked)
    }

    fn change(&self, after: String) -> Change {
        Change {
            line: self.line,
            before: self.written.clone(),
            after,
        }
    }
}

impl Edit {
    fn value(&self, digest: Digest) -> String {
        match &self.name {
            Some(name) => format!("{name}@{digest}"),
            None => digest.to_string(),
        }
    }
}

impl ImageText {
    /// Reads a text, which is called `name` in messages.
    pub fn read(name: &str, text: impl Into<String>) -> Result<Self, ResolveError> {
        let text = text.into();
        let found = look(&text).map_err(|error| ResolveError::Syntax {
            file: name.to_owned(),
            why: match error {
                YamlError::Syntax { .. } => error.to_string(),
                YamlError::Depth => format!("cannot be read: {error}"),
            },
            is_template: text.contains("{{"),
        })?;
        Ok(Self {
            name: name.to_owned(),
            text,
            found,
        })
    }

    /// The images that registries must be asked for, each with the first place that names it, as nobody built them.
    pub fn questions(&self, built: &[Built]) -> Result<BTreeMap<Reference, &Place>, ResolveError> {
        let mut questions = BTreeMap::new();
        for place in &self.found.places {
            if let Some(question) = place.question()
                && built::digest(place, built, &self.name)?.is_none()
            {
                questions.entry(question).or_insert(place);
            }
        }
        Ok(questions)
    }

    /// The text with the digests of the images that were built, and of those that registries know.
    pub fn pin(&self, built: &[Built], answers: &Answers) -> Result<Pinned, ResolveError> {
        let mut edits = Vec::new();
        let mut changes = Vec::new();
        let mut unknown = Vec::new();
        let mut right = 0;
        let mut others = 0;
        let mut pinned = BTreeMap::new();
        let mut left = Vec::new();
        for place in &self.found.places {
            let answer = || answers.get(&place.question()?);
            let digest = match built::digest(place, built, &self.name)? {
                Some(digest) => Some(digest),
                None => match answer() {
                    None => None,
                    Some(Some(digest)) => Some(*digest),
                    Some(None) if place.is_image => {
                        let image = match place.image.tag() {
                            Some(_) => place.written.clone(),
                            None => format!("{}:{}", place.written, place.image.selector()),
                        };
                        return Err(ResolveError::Unknown {
                            file: self.name.clone(),
                            line: place.line,
                            image,
                        });
                    }
                    Some(None) => {
                        unknown.push((place.line, place.written.clone()));
                        None
                    }
                },
            };
            match digest {
                None => {
                    others += usize::from(place.image.digest().is_some());
                    left.push(place);
                }
                Some(digest) if place.image.digest() == Some(digest) => right += 1,
                Some(digest) => {
                    let edit = place.edit.as_ref().ok_or_else(|| self.unusual(place))?;
                    edits.push((edit, edit.value(digest), place));
                    let after = match &edit.name {
                        Some(_) => edit.value(digest),
                        None => place.image.at(digest).to_string(),
                    };
                    changes.push(place.change(after));
                    pinned.extend(place.anchor.map(|anchor| (anchor, place.line)));
                }
            }
        }
        for place in left {
            if let Some(from) = place.inherits.iter().find_map(|anchor| pinned.get(anchor)) {
                return Err(ResolveError::Inherited {
                    file: self.name.clone(),
                    line: place.line,
                    image: place.written.clone(),
                    from: *from,
                });
            }
        }
        changes.sort_by_key(|change| change.line);
        Ok(Pinned {
            text: self.apply(&edits)?,
            changes,
            right,
            others,
            unknown,
        })
    }

    /// The text with other values, which says nothing else than before.
    fn apply(&self, edits: &[(&Edit, String, &Place)]) -> Result<String, ResolveError> {
        let mut sorted: Vec<_> = edits.iter().collect();
        sorted.sort_by_key(|(edit, ..)| edit.gap.range.start);
        let mut text = String::with_capacity(self.text.len() + 80 * edits.len());
        let mut end = 0;
        for (edit, value, _) in sorted {
            let Gap {
                range,
                before,
                after,
            } = &edit.gap;
            text.push_str(&self.text[end..range.start]);
            text.extend([before.as_str(), value, after]);
            end = range.end;
        }
        text.push_str(&self.text[end..]);
        let found = look(&text).map(|found| found.tokens);
        match (edits, found) {
            (_, Ok(found)) if says(&self.found.tokens, edits, &found) => Ok(text),
            ([(_, _, place), ..], _) => Err(self.unusual(place)),
            ([], _) => Ok(text),
        }
    }

    fn unusual(&self, place: &Place) -> ResolveError {
        ResolveError::Unusual {
            file: self.name.clone(),
            line: place.line,
            image: place.written.clone(),
        }
    }
}

/// Whether what was `found` in a text is what it said before, with the values of `edits`.
fn says(before: &[Token], edits: &[(&Edit, String, &Place)], found: &[Token]) -> bool {
    let changed: BTreeMap<_, _> = edits
        .iter()
        .map(|(edit, value, _)| (edit.token, (edit.is_new, value)))
        .collect();
    let is_text = |token: Option<&Token>, wanted: &str, properties| matches!(token, Some(Token::Scalar { text, node, .. }) if text == wanted && *node == properties);
    let bare = (None, false);
    let mut found = found.iter();
    for (at, token) in before.iter().enumerate() {
        let next = found.next();
        let is_same = match (changed.get(&at), token) {
            (Some((false, value)), Token::Scalar { node, .. }) => is_text(next, value, *node),
            (Some((false, value)), _) => is_text(next, value, bare),
            (Some((true, value)), _) => {
                next == Some(token)
                    && is_text(found.next(), DIGEST, bare)
                    && is_text(found.next(), value, bare)
            }
            (None, _) => next == Some(token),
        };
        if !is_same {
            return false;
        }
    }
    found.next().is_none()
}

/// Reads a text.
fn look(text: &str) -> Result<Found, YamlError> {
    let documents = match documents(text) {
        Err(error @ YamlError::Syntax { .. }) => match without_halves(text) {
            Some(json) => documents(&json)?,
            None => return Err(error),
        },
        read => read?,
    };
    Ok(find::find(text, &documents))
}

/// JSON without halves of characters (`\ud83d\ude00`), which YAML does not have. In no name of an image there is one, so another
/// character stands for each, and all bytes keep their places.
fn without_halves(text: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(text.trim_start_matches('\u{feff}')).ok()?;
    let mut json = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        let is_half = escape
            .get(1..3)
            .is_some_and(|start| start.eq_ignore_ascii_case("ud"))
            && escape[3..].starts_with(|c: char| matches!(c, '8'..='9' | 'a'..='f' | 'A'..='F'));
        let (written, length) = if is_half {
            ("\\u0020", 6)
        } else {
            (&escape[..2], 2)
        };
        json.extend([before, written]);
        rest = &escape[length..];
    }
    json.push_str(rest);
    Some(json)
}
