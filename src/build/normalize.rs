//! Copies of jars that are the same whenever their entries are, for `--normalize-jar`.
//!
//! A copy is kept in the store under its digest, and it is remembered which one came of which jar: a jar that did not
//! change is neither read nor copied again. Signed jars stay as they are.

use serde::{Deserialize, Serialize};

use super::{BuildError, Context};
use crate::flink::Artifact;
use crate::fs;
use crate::jar::{self, JarError};
use crate::layer::{Content, ContentSource};
use crate::memory::{self, Sighting};
use crate::oci::{
    BlobSource, Descriptor, Digest, HashingWriter, LayerCompression, MediaType, canonical,
};

/// The kind under which it is remembered what became of a jar, and by which rules.
const KIND: &str = "normalized";
const RULES: &str = "1";

/// What becomes of a jar.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    /// A copy of this digest and size.
    Copy(Digest, u64),
    /// It stays as it is, for this reason. The same bytes may lie elsewhere the next time, so it names no file.
    Stays(String),
}

/// The jar, or else the copy of it that is the same whenever its entries are. `seen` is how the file was before it was
/// hashed.
pub(super) fn normalized(
    artifact: Artifact,
    seen: &Sighting,
    context: &Context,
) -> Result<Artifact, BuildError> {
    if !artifact.is_jar() {
        return Ok(artifact);
    }
    let memory = &context.store;
    let key = Digest::of(&canonical(&(RULES, artifact.content.digest)));
    if let Some(Outcome::Copy(digest, size)) = memory::recall(memory, KIND, key)
        && let Some(content) = kept(digest, size, context)
    {
        return Ok(Artifact {
            content,
            ..artifact
        });
    }
    let (outcome, content) = match memory::recall(memory, KIND, key) {
        Some(outcome @ Outcome::Stays(_)) => (outcome, None),
        // Also when the copy was removed from the store.
        _ => make(&artifact, context)?,
    };
    if seen.is_of(&fs::metadata(&artifact.source)?) {
        memory::remember(memory, KIND, key, &outcome);
    }
    if let Outcome::Stays(reason) = outcome {
        let path = artifact.source.display();
        let message = format!("`{path}` cannot be normalised: {reason}, so it is taken as it is");
        context.reporter.warn(&message);
    }
    Ok(match content {
        Some(content) => Artifact {
            content,
            ..artifact
        },
        None => artifact,
    })
}

/// A copy that the store has.
fn kept(digest: Digest, size: u64, context: &Context) -> Option<Content> {
    // The type says nothing here: it is a file of that digest and size.
    let media_type = MediaType::Layer(LayerCompression::None);
    let descriptor = Descriptor::new(media_type, digest, size);
    let source = context.store.blob(&descriptor, &*context.reporter)?;
    content(digest, size, source)
}

/// Makes the copy. What is wrong with a jar that cannot be read is told by the checks.
fn make(artifact: &Artifact, context: &Context) -> Result<(Outcome, Option<Content>), BuildError> {
    let mut blob = context.store.writer()?;
    let mut writer = HashingWriter::new(&mut blob);
    match jar::normalize(&artifact.source, &mut writer) {
        Ok(_) => {}
        Err(JarError::File(error)) => return Err(error.into()),
        Err(error) => {
            let reason = error.reason().map(ToOwned::to_owned);
            let reason = reason.ok_or(BuildError::Jar(error))?;
            return Ok((Outcome::Stays(reason), None));
        }
    }
    let (_, digest, size) = writer.finish();
    let source = context.store.commit(blob, digest)?;
    Ok((Outcome::Copy(digest, size), content(digest, size, source)))
}

fn content(digest: Digest, size: u64, source: BlobSource) -> Option<Content> {
    let (BlobSource::File(path) | BlobSource::Checked(path)) = source else {
        return None;
    };
    Some(Content {
        digest,
        size,
        source: ContentSource::Path(path),
    })
}
