//! The images that names may mean: those that were built, and those that registries have.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use tokio::task::JoinSet;

use super::files::ImageFile;
use crate::cli::args::{GlobalArgs, ResolveArgs};
use crate::cli::output::Printer;
use crate::cli::report::Failure;
use crate::cli::settings::{self, Environment};
use crate::deploy::{Answers, Built};
use crate::error::{Explain, Kind};
use crate::fs;
use crate::oci::{Digest, Reference};
use crate::registry::{self, RawManifest};

/// How many registries are waited for at the same time.
const SIDE_BY_SIDE: usize = 8;

/// What of the metadata of a build matters here.
#[derive(Debug, Deserialize)]
struct Metadata {
    digest: Digest,
    names: Vec<Reference>,
}

/// A file that tells of no build.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is no metadata of a build", path.display())]
struct MetadataError {
    path: PathBuf,
    #[source]
    source: serde_json::Error,
}

impl Explain for MetadataError {
    fn kind(&self) -> Kind {
        Kind::Input
    }

    fn hint(&self) -> Option<String> {
        Some("let the build write it: `flink-img build --metadata-file FILE`".to_owned())
    }
}

/// A registry that gives no answer.
#[derive(Debug, thiserror::Error)]
#[error("`{file}` line {line}: the digest of `{image}` cannot be looked up")]
struct NoAnswer {
    file: String,
    line: usize,
    image: String,
    #[source]
    source: registry::Error,
}

impl Explain for NoAnswer {
    fn kind(&self) -> Kind {
        self.source.kind()
    }

    fn hint(&self) -> Option<String> {
        self.source.hint()
    }
}

/// The images of the builds that are named, or else those that were kept.
pub(super) fn built(
    arguments: &ResolveArgs,
    global: &GlobalArgs,
    environment: &Environment,
    printer: &Printer,
) -> Result<Vec<Built>, Failure> {
    let mut built = Vec::new();
    if arguments.metadata_files.is_empty() {
        let context = settings::context(global, environment, printer.reporter(), None)?;
        for image in context.store.images()? {
            built.push(Built {
                name: image.name,
                digest: image.descriptor.digest,
                from: "the local store".to_owned(),
            });
        }
    }
    for path in &arguments.metadata_files {
        let text = fs::read_to_string(path)?;
        let metadata: Metadata = serde_json::from_str(&text).map_err(|source| MetadataError {
            path: path.clone(),
            source,
        })?;
        built.extend(metadata.names.into_iter().map(|name| Built {
            name,
            digest: metadata.digest,
            from: format!("`{}`", path.display()),
        }));
    }
    Ok(built)
}

/// What registries say of all images that nobody built; each is asked for once.
pub(super) fn answers(
    files: &[ImageFile],
    built: &[Built],
    global: &GlobalArgs,
    environment: &Environment,
    printer: &Printer,
) -> Result<Answers, Failure> {
    let mut questions = BTreeMap::new();
    for file in files {
        for (name, place) in file.images.questions(built)? {
            questions.entry(name).or_insert((file, place));
        }
    }
    let names: Vec<_> = questions.keys().cloned().collect();
    if names.is_empty() {
        return Ok(Answers::new());
    }
    let context = settings::context(global, environment, printer.reporter(), Some(&names))?;
    let client = context
        .registries
        .as_ref()
        .expect("a context for names has a client");
    let found = context.runtime.block_on(async {
        let mut found = BTreeMap::new();
        let mut asked = JoinSet::new();
        for name in names {
            let client = client.clone();
            asked.spawn(async move { (client.get_manifest(&name).await, name) });
            if asked.len() == SIDE_BY_SIDE {
                take(&mut found, asked.join_next().await);
            }
        }
        while !asked.is_empty() {
            take(&mut found, asked.join_next().await);
        }
        found
    });
    let mut answers = Answers::new();
    for (name, manifest) in found {
        let digest = match manifest {
            Ok(manifest) => Some(manifest.digest),
            Err(error) if error.is_not_found() => None,
            Err(source) => {
                let (file, place) = questions[&name];
                return Err(NoAnswer {
                    file: file.name.clone(),
                    line: place.line,
                    image: place.written.clone(),
                    source,
                }
                .into());
            }
        };
        answers.insert(name, digest);
    }
    Ok(answers)
}

type Asked = (Result<RawManifest, registry::Error>, Reference);

/// Notes an answer.
fn take(
    found: &mut BTreeMap<Reference, Result<RawManifest, registry::Error>>,
    asked: Option<Result<Asked, tokio::task::JoinError>>,
) {
    if let Some(asked) = asked {
        let (manifest, name) = asked.expect("a question does not panic, and is not cancelled");
        found.insert(name, manifest);
    }
}
