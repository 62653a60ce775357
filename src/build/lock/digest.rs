//! What an image will be, from its lock and its job alone. Nobody is asked, and nothing but the job is read.

use std::collections::BTreeMap;

use super::{Asked, Lock, LockError};
use crate::base::alpine::packages_key;
use crate::base::{BaseSource, OpenedBase};
use crate::build::bases::{self, ChosenBase};
use crate::build::content::{
    self, ContentError, ContentKeys, FoundPython, LayoutPlaces, OpenedContent,
};
use crate::build::resolve::{asked_release, open_job};
use crate::build::{
    BuildError, BuildPlan, BuildRequest, Context, Flink, FlinkSource, Inputs, Packages,
    PackagesContent, PlatformBase, ResolvedHadoop, ResolvedRelease, hadoop, plan, run,
};
use crate::flink::{JobLayout, JobPlaces, Known, Line, real_home};
use crate::layer::{self, Content, ContentSource, LayerFacts, LayerKind};
use crate::oci::{BlobSource, Digest, ImageSet, Layer};
use crate::progress::{Reporter as _, Silent};

/// The image, or the index of several, that `build` makes of the request and of what is locked. Its layers have no bytes.
pub fn digest(
    request: &BuildRequest,
    lock: &Lock,
    context: &Context,
) -> Result<ImageSet, BuildError> {
    let inputs = inputs(request, lock, context)?;
    let plans = plan(request, &inputs)?;
    lock.check(request, &inputs, &plans)?;
    let became = layers(lock, &plans, context)?;
    let images = plans.iter().zip(&inputs.bases).map(|(plan, base)| {
        let image = run::image(plan, &base.base, |key| became[&key].clone());
        (base.base.platform.clone(), image)
    });
    let given = &plans[0].given_annotations;
    Ok(ImageSet::annotated(images.collect(), given))
}

/// The inputs, as they are locked; of the job, as they are here.
fn inputs(request: &BuildRequest, lock: &Lock, context: &Context) -> Result<Inputs, BuildError> {
    let (job_jar, job_artifacts) = open_job(request, context)?;
    let release = match &request.flink {
        FlinkSource::Release {
            version,
            scala,
            hadoop,
            ..
        } => Some(asked_release(version.as_ref(), *scala, *hadoop, context)?),
        FlinkSource::Archive { .. } | FlinkSource::Directory { .. } => None,
    };
    let version = lock.flink.version.clone();
    let line = Known::of(&version)?;
    let base = match bases::asked(request)? {
        Some(base) => base,
        None => bases::default(request, &version, line, &*context.reporter)?,
    };
    let jar = hadoop::asked(request, &version, line)?;
    let content = content::open(&request.content, line.line, &version, context)?;
    let places = JobPlaces::of(line.line, &version);
    let named = job_jar.as_ref().map(|jar| &jar.artifact);
    LayoutPlaces {
        flink: None,
        configuration: &[],
        hadoop: jar.as_ref(),
        job: &JobLayout::new(&places, named, &job_artifacts)?,
    }
    .check(&content, (line.line, &version))?;
    lock.check_asked(&Asked {
        request,
        content: &content,
        base: &base,
        release: release.as_ref(),
        hadoop: jar.as_ref(),
    })?;
    check_places(lock, line.line, &content)?;
    let hadoop = jar.and_then(|jar| {
        let facts = lock.hadoop_facts(&jar)?.clone();
        Some(ResolvedHadoop {
            content: Content {
                digest: facts.digest,
                size: facts.size,
                source: ContentSource::Bytes(Vec::new().into()),
            },
            facts,
            jar,
        })
    });
    let release = release
        .and_then(|release| Some((lock.checksum(&release)?, release)))
        .map(|(sha512, release)| {
            let (asked, choice) = ((&request.content, &content), request.compression);
            let keys = ContentKeys::new(&sha512, asked, (line.line, &version), choice)?;
            Ok::<_, ContentError>(ResolvedRelease {
                release,
                sha512,
                keys,
            })
        })
        .transpose()?;
    Ok(Inputs {
        bases: bases(request, &base, lock)?,
        base_name: base.source.to_string(),
        base_packages: base.packages,
        base_reference: match base.source {
            BaseSource::Registry(reference) => Some(reference),
            _ => None,
        },
        version,
        flink: Flink::Known {
            layers: lock.flink.layers.clone(),
            scala: lock.flink.scala.clone(),
            signer: None,
            configuration: lock.flink.configuration,
        },
        line,
        hadoop,
        job_jar,
        job_artifacts,
        release,
        content,
    })
}

/// Refuses files in places that something else may have, so that no digest is told of an image that cannot be built.
fn check_places(lock: &Lock, line: &Line, content: &OpenedContent) -> Result<(), BuildError> {
    let names = content::names_in_home(content, &real_home(line, &lock.flink.version))?;
    let known = &lock.flink.places;
    if let Some(path) = names.into_iter().find(|path| !known.contains(path)) {
        return Err(LockError::Place { path }.into());
    }
    for platform in &lock.platforms {
        content.check_java(&platform.base.java_home)?;
    }
    Ok(())
}

/// The base for each platform that is asked for.
fn bases(
    request: &BuildRequest,
    chosen: &ChosenBase,
    lock: &Lock,
) -> Result<Vec<PlatformBase>, BuildError> {
    let compression = request.compression.of(LayerKind::Files);
    let locked = request
        .platforms
        .iter()
        .filter_map(|platform| Some((platform, lock.platform(platform)?)));
    let known = locked.map(|(platform, locked)| {
        let base = &locked.base;
        let layers = base.layers_from(&nowhere());
        let config = base.config.clone();
        let opened = OpenedBase::of_image(&base.name, platform, config, layers, base.digests())?;
        let bare = base.facts_key(&request.java);
        let packages = locked.selection().map(|selection| {
            let key = packages_key(bare, &selection, compression);
            // Without a layer of theirs the base has everything, and stays what it is.
            let (key, content) = match lock.layer(key) {
                Some(_) => (key, PackagesContent::Known),
                None => (bare, PackagesContent::Nothing),
            };
            Packages {
                selection,
                key,
                content,
            }
        });
        let key = packages.as_ref().map_or(bare, |packages| packages.key);
        Ok(PlatformBase {
            platform: platform.clone(),
            locked_name: chosen.locked_name(platform),
            packages,
            python: request.content.python.map(|_| FoundPython {
                missing: None,
                link: locked.python_link.clone(),
            }),
            java: base.java(),
            base: opened
                .known_as(base.facts(), key)
                .expect("it was opened as an image"),
        })
    });
    known.collect()
}

/// Nobody reads what a digest is told of.
fn nowhere() -> BlobSource {
    BlobSource::Bytes(Vec::new().into())
}

/// What each layer becomes: as it is locked, or, if it is of the job, as it would be made.
fn layers(
    lock: &Lock,
    plans: &[BuildPlan],
    context: &Context,
) -> Result<BTreeMap<Digest, Layer>, BuildError> {
    let mut became = BTreeMap::new();
    for planned in plans.iter().flat_map(|plan| &plan.layers) {
        if became.contains_key(&planned.key) {
            continue;
        }
        let facts = match (&planned.plan, lock.layer(planned.key)) {
            (Some(plan), None) if !planned.role.is_locked() => {
                let progress = Silent.start("", None);
                layer::measure(plan, context.threads, &*progress)?
            }
            (_, locked) => {
                let locked = locked.expect("it was seen that all others are locked");
                LayerFacts {
                    descriptor: locked.descriptor(),
                    diff_id: locked.diff_id,
                }
            }
        };
        let layer = Layer {
            descriptor: facts.descriptor,
            diff_id: facts.diff_id,
            source: nowhere(),
        };
        became.insert(planned.key, layer);
    }
    Ok(became)
}
