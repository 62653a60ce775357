//! The story of a build: what was asked, what is, what will be, the bytes, and where they go.
//!
//! ```text
//! BuildRequest --resolve--> Inputs --plan--> BuildPlans --run--> ImageSet --publish--> registry, store, files
//! ```
//!
//! `resolve` does the input and output that learns facts; `plan` is a pure function of them; `run` makes the layers
//! that nobody knows yet; `publish` gives each target what it lacks. `last` is what earlier images tell all of them.
//!
//! There is one plan and one image for each platform. What does not depend on the platform is resolved once, and a layer
//! that several plans have is made, kept and sent once.

mod annotations;
mod bases;
pub mod content;
mod context;
mod error;
mod foundation;
mod hadoop;
mod last;
pub mod lock;
mod normalize;
mod offer;
mod packages;
mod parts;
mod plan;
mod planned;
mod preflight;
mod publish;
mod push;
mod release;
mod request;
mod resolve;
mod run;
mod runtime;
mod said;
mod users;

pub use bases::default_base;
pub use context::Context;
pub use error::BuildError;
pub use foundation::PlatformBase;
pub use hadoop::ResolvedHadoop;
pub use packages::{Packages, PackagesContent};
pub use plan::{BaseSummary, BuildPlan, FlinkSummary, JobSummary, plan};
pub use planned::{LayerRole, PlannedLayer};
pub use publish::{CacheUse, Published, Targets};
pub use request::{BuildRequest, FlinkSource, HadoopRequest};
pub use resolve::{Flink, Inputs, ResolvedRelease};
pub use runtime::{EntrypointCommand, entrypoint_commands};
pub use said::Said;

use std::collections::BTreeMap;

use context::Fetcher;
use last::LastImages;
use preflight::Preflight;
use push::Push;
use resolve::LocalInputs;
use run::{Assembled, Truth, Workshop};

use crate::layer::CompressionChoice;
use crate::oci::{Config, Descriptor, Digest, ImageSet, Platforms, Reference};
use crate::store::{LayoutError, StoreError};

/// An image that was built, or an index of several.
#[derive(Debug)]
pub struct Built {
    /// What the images were built by, one for each platform.
    pub plans: Vec<BuildPlan>,
    /// The images, in the order of the plans.
    pub images: ImageSet,
    /// Where they are now.
    pub published: Published,
}

/// Plans the image for each platform and makes nothing; what has to be known for that is downloaded.
pub fn dry_run(request: &BuildRequest, context: &Context) -> Result<Vec<BuildPlan>, BuildError> {
    let last = LastImages::none(&request.platforms, context);
    let fetcher = Fetcher::new(context, &last, None);
    let preflight = Preflight::new(request, context);
    let local = resolve::open_local(request, &fetcher, Some(&preflight))?;
    tell_of_sessions(request, context);
    Ok(resolve_and_plan(request, local, &fetcher)?.1)
}

/// Resolves the inputs, and plans what becomes of them; both must be what is locked, if something is.
fn resolve_and_plan(
    request: &BuildRequest,
    local: LocalInputs<'_>,
    fetcher: &Fetcher<'_>,
) -> Result<(Inputs, Vec<BuildPlan>), BuildError> {
    let inputs = resolve::resolve(request, local, fetcher)?;
    let plans = plan(request, &inputs)?;
    if let Some(lock) = &request.lock {
        lock.check(request, &inputs, &plans)?;
    }
    Ok((inputs, plans))
}

fn tell_of_sessions(request: &BuildRequest, context: &Context) {
    if !request.has_job() {
        let message = "No job is given, so the image is one for session clusters";
        context.reporter.note(message);
    }
}

/// Builds an image, or one for each platform and the index of them, and brings it to its targets.
///
/// Inputs on this machine are checked first; the registries that are pushed to are asked before anything large is
/// downloaded or made.
pub fn build(
    request: &BuildRequest,
    targets: &Targets,
    context: &Context,
) -> Result<Built, BuildError> {
    let none = LastImages::none(&request.platforms, context);
    let preflight = Preflight::new(request, context);
    let open = || {
        let fetcher = Fetcher::new(context, &none, None);
        resolve::open_local(request, &fetcher, Some(&preflight))
    };
    let local = open()?;
    tell_of_sessions(request, context);
    let choice = request.compression;
    let last = LastImages::ask(targets, &request.platforms, choice, context);
    let last = last.for_user(request.content.user);
    match attempt(request, targets, local, &last, context) {
        // An earlier image promised what its registry does not have any more. Nobody needs it.
        Err(lost @ BuildError::LostLayer { .. }) => {
            let message = format!("{lost}, so nothing is taken from earlier images");
            context.reporter.warn(&message);
            attempt(request, targets, open()?, &none, context)
        }
        other => other,
    }
}

/// Builds with what the `last` images tell.
fn attempt(
    request: &BuildRequest,
    targets: &Targets,
    local: LocalInputs<'_>,
    last: &LastImages<'_>,
    context: &Context,
) -> Result<Built, BuildError> {
    let mut push = open_push(targets, last, context)?;
    let built = bring_about(request, targets, local, last, &mut push);
    // However it went: what was opened to find out whether a push is allowed, and not used, is closed.
    if let Some(push) = &push {
        push.abandon();
    }
    built
}

fn bring_about(
    request: &BuildRequest,
    targets: &Targets,
    local: LocalInputs<'_>,
    last: &LastImages<'_>,
    push: &mut Option<Push<'_>>,
) -> Result<Built, BuildError> {
    let context = last.context;
    let fetcher = Fetcher::new(context, last, push.as_ref());
    let (inputs, plans) = resolve_and_plan(request, local, &fetcher)?;
    let mut workshop = Workshop {
        plans: &plans,
        inputs: &inputs,
        cache: &targets.cache,
        lock: request.lock.as_ref(),
        needs_bytes: targets.needs_bytes(),
        last,
        context,
        made_again: BTreeMap::new(),
    };
    let (images, published) = loop {
        let published = workshop.run(push.as_mut()).and_then(|mut assembled| {
            if let Some(lock) = &request.lock {
                lock.check_layers(&plans, &assembled.became)?;
            }
            let remake = |digest, assembled: &mut Assembled| workshop.make_again(digest, assembled);
            let done = deliver(&mut assembled, targets, push.as_mut(), last, remake)?;
            Ok((assembled.images, done))
        });
        match published {
            Ok((images, Some(published))) => break (images, published),
            // A layer is another one than it was remembered as, and is known now: that ends with the last layer.
            Ok((_, None)) => {}
            Err(error) => return Err(error),
        }
    };
    Ok(Built {
        plans,
        images,
        published,
    })
}

/// Pushes what the store keeps under a name: an image, or an index with all its images.
pub fn push_kept(
    name: &Reference,
    targets: &Targets,
    context: &Context,
) -> Result<(ImageSet, Published), BuildError> {
    let images = context.store.image(name)?;
    let platform = |config: &[u8]| Config::parse(config)?.platform();
    let platforms = images.images().iter().map(|image| platform(&image.config));
    let platforms = platforms
        .collect::<Result<_, _>>()
        .map_err(LayoutError::from)
        .map_err(StoreError::from)?;
    let platforms = Platforms::new(platforms).expect("an image is for a platform");
    let choice = CompressionChoice::default();
    let last = LastImages::ask(targets, &platforms, choice, context);
    last.wait()?;
    let mut push = open_push(targets, &last, context)?;
    let mut assembled = Assembled::kept(images);
    let damaged = |digest, assembled: &mut Assembled| {
        let layers = assembled.images.layers();
        let mut descriptors = layers.map(|layer| &layer.descriptor);
        let descriptor = descriptors.find(|descriptor| descriptor.digest == digest);
        let is_damaged = |descriptor: &&Descriptor| {
            let store = &context.store;
            store
                .verified_blob(descriptor, &*context.reporter)
                .is_none()
        };
        match descriptor.filter(is_damaged) {
            Some(descriptor) => Err(StoreError::from(LayoutError::Damaged {
                layout: name.to_string(),
                descriptor: Box::new(descriptor.clone()),
            })
            .into()),
            None => Ok(Truth::Unknown),
        }
    };
    let published = deliver(&mut assembled, targets, push.as_mut(), &last, damaged)?
        .expect("a layer that was kept is never taken for another");
    Ok((assembled.images, published))
}

fn open_push<'a>(
    targets: &Targets,
    last: &'a LastImages<'a>,
    context: &'a Context,
) -> Result<Option<Push<'a>>, BuildError> {
    if targets.push {
        Push::new(targets, last, context).map(Some)
    } else {
        Ok(None)
    }
}

/// Brings the images to their targets. When the bytes of a layer are not what they should be, `remake` makes them again;
/// `None` when that told that the layer is another one, and so is the image.
fn deliver(
    assembled: &mut Assembled,
    targets: &Targets,
    mut push: Option<&mut Push<'_>>,
    last: &LastImages<'_>,
    mut remake: impl FnMut(Digest, &mut Assembled) -> Result<Truth, BuildError>,
) -> Result<Option<Published>, BuildError> {
    loop {
        let failure = match publish::publish(assembled, targets, push.as_deref_mut(), last) {
            Ok(published) => return Ok(Some(published)),
            Err(failure) => failure,
        };
        let truth = match failure.blob {
            Some(digest) => remake(digest, assembled)?,
            None => Truth::Unknown,
        };
        match truth {
            Truth::Same => {}
            Truth::Other => return Ok(None),
            Truth::Unknown => return Err(*failure.error),
        }
    }
}
