//! What an image says of itself, and its digest: asked of its registry, or looked up among the images that were kept.
//!
//! Manifest and config tell it; no layer is asked for.

use std::error::Error;

use super::RenderError;
use crate::build::Context;
use crate::cli::args::{GlobalArgs, RenderArgs};
use crate::cli::output::Printer;
use crate::cli::report::Failure;
use crate::cli::settings::{self, Environment};
use crate::deploy::ImageFacts;
use crate::error::{Explain as _, Kind};
use crate::inspect::{Found, Summary, in_registry, in_store};
use crate::oci::Reference;
use crate::progress::Reporter as _;

/// Looks at the image called `name`.
pub(super) fn facts(
    name: &Reference,
    arguments: &RenderArgs,
    (global, environment): (&GlobalArgs, &Environment),
    printer: &Printer,
) -> Result<ImageFacts, Failure> {
    let context = |names: Option<&[Reference]>| {
        settings::context(global, environment, printer.reporter(), names)
    };
    if arguments.offline {
        return kept_facts(name, arguments, &context(None)?, printer);
    }
    let context = context(Some(std::slice::from_ref(name)))?;
    let error = match in_registry(name, arguments.platform.as_ref(), &context) {
        Ok(found) => return known(&pinned(name, &found), &found),
        Err(error) => error,
    };
    let kept = || in_store(name, arguments.platform.as_ref(), &context.store);
    match error.kind() {
        Kind::NotFound | Kind::Unauthorized => Err(RenderError::Missing {
            name: Box::new(name.clone()),
            is_kept: kept()?.is_some(),
            source: Box::new(error),
        }
        .into()),
        Kind::Network if arguments.require_digest && name.digest().is_none() => {
            Err(RenderError::Unreachable {
                name: Box::new(name.clone()),
                source: Box::new(error),
            }
            .into())
        }
        Kind::Network => {
            let why = format!("its registry cannot be asked: {}", root_of(&error));
            match kept()? {
                Some(found) => {
                    let source = "the image that is kept under this name on this machine";
                    printer.warn(&format!("`{name}` is taken for {source}, as {why}"));
                    warn_of_tag(name, printer);
                    known(name, &found)
                }
                None => Ok(unknown(name, &why, printer)),
            }
        }
        _ => Err(error.into()),
    }
}

/// The facts without any registry.
fn kept_facts(
    name: &Reference,
    arguments: &RenderArgs,
    context: &Context,
    printer: &Printer,
) -> Result<ImageFacts, Failure> {
    if let Some(found) = in_store(name, arguments.platform.as_ref(), &context.store)? {
        printer.warn(&format!(
            "`{name}` is taken as it is kept on this machine: its registry was not asked whether it has it"
        ));
        return known(&pinned(name, &found), &found);
    }
    if name.digest().is_none() && arguments.require_digest {
        return Err(RenderError::NotKept(Box::new(name.clone())).into());
    }
    Ok(unknown(name, "it is not kept on this machine", printer))
}

/// The name with the digest: of the index, if there is one, as each node takes the image of its own platform from it.
fn pinned(name: &Reference, found: &Found) -> Reference {
    let index = found.listing.index_digest;
    let digest = index.unwrap_or_else(|| found.image.digest());
    name.at(digest)
}

fn known(name: &Reference, found: &Found) -> Result<ImageFacts, Failure> {
    let said = Summary::of(found)?.said;
    Ok(ImageFacts {
        name: name.clone(),
        // A version that cannot be read is as good as none.
        flink: said.flink.and_then(|version| version.parse().ok()),
        java: said.java,
        job_jar: said.job_jar,
        job_class: said.job_class,
        was_read: true,
    })
}

/// The facts about an image of which nothing is known.
fn unknown(name: &Reference, why: &str, printer: &Printer) -> ImageFacts {
    printer.warn(&format!("What is in `{name}` is not known, as {why}"));
    warn_of_tag(name, printer);
    ImageFacts {
        name: name.clone(),
        flink: None,
        java: None,
        job_jar: None,
        job_class: None,
        was_read: false,
    }
}

fn warn_of_tag(name: &Reference, printer: &Printer) {
    if let (None, Some(tag)) = (name.digest(), name.tag()) {
        printer.warn(&format!(
            "`{}` is named by its tag `{tag}`, which may lead to another image tomorrow",
            name.name()
        ));
    }
}

/// What happened, without what it prevented.
fn root_of(error: &dyn Error) -> String {
    let mut root = error;
    while let Some(cause) = root.source() {
        root = cause;
    }
    root.to_string()
}
