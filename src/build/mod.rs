//! The story of a build: what was asked, what is, what will be, the bytes, and where they go.
//!
//! ```text
//! BuildRequest --resolve--> Inputs --plan--> BuildPlan --run--> Image --publish--> registry, store, files
//! ```
//!
//! `resolve` does the input and output that learns facts; `plan` is a pure function of them; `run` makes the layers
//! that nobody knows yet; `publish` gives each target what it lacks. `last` is what earlier images tell all of them.

mod annotations;
mod context;
mod error;
mod last;
mod plan;
mod publish;
mod push;
mod release;
mod request;
mod resolve;
mod run;
mod runtime;
mod users;

pub use context::Context;
pub use error::BuildError;
pub use plan::{BaseSummary, BuildPlan, FlinkSummary, JobSummary, PlannedLayer, plan};
pub use publish::{CacheUse, Published, Targets};
pub use request::{BuildRequest, FlinkSource};
pub use resolve::{Flink, Inputs};

use context::Fetcher;
use last::LastImages;
use push::Push;
use run::{Assembled, Truth};

use crate::oci::{Config, Descriptor, Digest, Image, Reference};
use crate::store::{LayoutError, StoreError};

/// An image that was built.
#[derive(Debug)]
pub struct Built {
    /// What it was built by.
    pub plan: BuildPlan,
    /// The image.
    pub image: Image,
    /// Where it is now.
    pub published: Published,
}

/// Plans an image and makes nothing; what has to be known for that is downloaded.
pub fn dry_run(request: &BuildRequest, context: &Context) -> Result<BuildPlan, BuildError> {
    let last = LastImages::none(&request.platform, context);
    let fetcher = Fetcher::new(context, &last, None);
    let local = resolve::open_local(request, &fetcher)?;
    plan(request, &resolve::resolve(request, local, &fetcher)?)
}

/// Builds an image and brings it to its targets.
///
/// Inputs on this machine are checked first; the registries that are pushed to are asked before anything large is
/// downloaded or made.
pub fn build(
    request: &BuildRequest,
    targets: &Targets,
    context: &Context,
) -> Result<Built, BuildError> {
    let none = LastImages::none(&request.platform, context);
    let local = resolve::open_local(request, &Fetcher::new(context, &none, None))?;
    let last = LastImages::ask(targets, &request.platform, context);
    let mut push = open_push(targets, &last, context)?;
    let fetcher = Fetcher::new(context, &last, push.as_ref());
    let inputs = resolve::resolve(request, local, &fetcher)?;
    let plan = plan(request, &inputs)?;
    // What was remembered of a layer can turn out to be wrong once for each.
    for _ in 0..=plan.layers.len() {
        let mut assembled = run::run(&plan, &inputs, targets, &last, push.as_mut(), context)?;
        let remake = |digest, assembled: &mut Assembled| {
            run::make_again(digest, assembled, &plan, &inputs, context)
        };
        if let Some(published) = deliver(&mut assembled, targets, push.as_mut(), &last, remake)? {
            return Ok(Built {
                plan,
                image: assembled.image,
                published,
            });
        }
    }
    unreachable!("each round corrects what was remembered of a layer")
}

/// Pushes an image that the store keeps.
pub fn push_kept(
    name: &Reference,
    targets: &Targets,
    context: &Context,
) -> Result<(Image, Published), BuildError> {
    let image = context.store.image(name)?;
    let platform = Config::parse(&image.config)
        .and_then(|config| config.platform())
        .map_err(LayoutError::from)
        .map_err(StoreError::from)?;
    let last = LastImages::ask(targets, &platform, context);
    last.wait()?;
    let mut push = open_push(targets, &last, context)?;
    let mut assembled = Assembled::kept(image);
    let damaged = |digest, assembled: &mut Assembled| {
        let layers = assembled.image.layers.iter();
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
    Ok((assembled.image, published))
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

/// Brings the image to its targets. When the bytes of a layer are not what they should be, `remake` makes them again;
/// `None` when that told that the layer is another one, and so is the image.
fn deliver(
    assembled: &mut Assembled,
    targets: &Targets,
    mut push: Option<&mut Push<'_>>,
    last: &LastImages<'_>,
    remake: impl Fn(Digest, &mut Assembled) -> Result<Truth, BuildError>,
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
