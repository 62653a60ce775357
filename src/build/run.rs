//! From a plan to an image: layers that are known are taken as they are, the others are made.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::annotations::annotated;
use super::last::LastImages;
use super::push::{Offer, Push};
use super::{BuildError, BuildPlan, Context, Inputs, PlannedLayer, Targets};
use crate::error::IoResultExt as _;
use crate::layer::{self, CREATED, Compression, LayerError, LayerFacts, LayerPlan, Remake};
use crate::memory;
use crate::oci::{BlobSource, Descriptor, DiffId, Digest, Image, Layer, Reference};

/// The kind under which the store remembers finished layers, by the keys of their recipes.
const KIND: &str = "layer";

/// What is remembered of a layer.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    descriptor: Descriptor,
    diff_id: DiffId,
}

/// One of our layers, known or made.
#[derive(Debug, Clone)]
pub(super) struct OwnLayer {
    layer: Layer,
    /// Whether it was made in this run; what was not is only as true as the memory that it comes from.
    made: bool,
    /// The earlier image that it is known from.
    known_from: Option<Reference>,
}

/// An image whose layers are known, and on offer.
#[derive(Debug)]
pub(super) struct Assembled {
    pub(super) image: Image,
    /// All layers, as registries are offered them.
    pub(super) offers: Vec<Offer>,
}

/// What came out when a layer was made that had been known without being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    /// It is the same.
    Same,
    /// It is another.
    Other,
    /// Nobody can make it.
    Unknown,
}

impl Assembled {
    /// An image that the store keeps.
    pub(super) fn kept(image: Image) -> Self {
        let offer = |layer: &Layer| Offer {
            descriptor: layer.descriptor.clone(),
            source: layer.source.clone(),
            label: short(&layer.descriptor),
            also_in: None,
            made: false,
        };
        Self {
            offers: image.layers.iter().map(offer).collect(),
            image,
        }
    }

    /// Takes the bytes of a layer from elsewhere.
    fn replace(&mut self, digest: Digest, source: &BlobSource, made: bool) {
        let layers = self.image.layers.iter_mut();
        for layer in layers.filter(|layer| layer.descriptor.digest == digest) {
            layer.source = source.clone();
        }
        let offers = self.offers.iter_mut();
        for offer in offers.filter(|offer| offer.descriptor.digest == digest) {
            offer.source = source.clone();
            offer.made = made;
        }
    }
}

/// What a blob without a name is called.
fn short(descriptor: &Descriptor) -> String {
    format!("sha256:{}", descriptor.digest.short())
}

/// Where an image is put together.
#[derive(Debug)]
pub(super) struct Workshop<'a> {
    pub(super) plan: &'a BuildPlan,
    /// Those that the plan was made of.
    pub(super) inputs: &'a Inputs,
    pub(super) targets: &'a Targets,
    pub(super) last: &'a LastImages<'a>,
    pub(super) context: &'a Context,
    /// Layers that were another than they were remembered as, by the keys of their recipes. Whatever can be written down
    /// of that, it holds for this run.
    pub(super) made_again: BTreeMap<Digest, OwnLayer>,
}

impl Workshop<'_> {
    /// Makes the image. Layers that a registry lacks start on their way as soon as they are there.
    pub(super) fn run(&self, mut push: Option<&mut Push<'_>>) -> Result<Assembled, BuildError> {
        let Self {
            plan,
            inputs,
            context,
            ..
        } = self;
        let mut own: Vec<Option<OwnLayer>> = plan
            .layers
            .iter()
            .map(|planned| self.known(planned))
            .collect();
        let base = base_offers(inputs, context);
        // When all is known, it may be that nothing has to be sent either, which the digest of the whole will tell.
        if own.iter().any(Option::is_none)
            && let Some(push) = &mut push
        {
            // Asked before anything is made.
            push.check()?;
            for offer in &base {
                push.offer(offer)?;
            }
            for (planned, own) in plan.layers.iter().zip(&own) {
                if let Some(own) = own {
                    push.offer(&own.offer(planned))?;
                }
            }
        }
        // What takes no time comes first, and is sent while the others are compressed.
        let mut missing: Vec<usize> = (0..own.len())
            .filter(|place| own[*place].is_none())
            .collect();
        missing.sort_by_key(|place| plan.layers[*place].is_compressed());
        for place in missing {
            let planned = &plan.layers[place];
            let made = make(planned, context)?;
            if let Some(push) = &mut push {
                push.offer(&made.offer(planned))?;
            }
            own[place] = Some(made);
        }
        let own: Vec<OwnLayer> = own.into_iter().flatten().collect();

        let mut config = plan.config.clone();
        let mut layers = inputs.base.layers.clone();
        let mut offers = base;
        for (planned, own) in plan.layers.iter().zip(&own) {
            config.push_layer(own.layer.diff_id, CREATED, &planned.title);
            let mut layer = own.layer.clone();
            layer.descriptor = annotated(&layer.descriptor, planned.key, planned.release);
            layers.push(layer);
            offers.push(own.offer(planned));
        }
        Ok(Assembled {
            image: Image::new(&config, layers, &plan.annotations),
            offers,
        })
    }

    /// Makes a layer whose bytes were not where they should be, or not what they should be, and sees whether it is the one
    /// that it was taken for. What is remembered of it is the truth afterwards.
    pub(super) fn make_again(
        &mut self,
        digest: Digest,
        assembled: &mut Assembled,
    ) -> Result<Truth, BuildError> {
        let Self {
            plan,
            inputs,
            context,
            ..
        } = self;
        let mut layers = assembled.image.layers.iter();
        let Some(place) = layers.position(|layer| layer.descriptor.digest == digest) else {
            return Ok(Truth::Unknown);
        };
        let offer = assembled.offers[place].clone();
        if offer.made {
            return Ok(Truth::Unknown);
        }
        if let BlobSource::File(path) = &offer.source {
            let message = format!("`{}` is damaged", path.display());
            context.reporter.warn(&message);
        }
        let Some(place) = place.checked_sub(inputs.base.layers.len()) else {
            return make_base_again(digest, assembled, &offer, inputs, context);
        };
        let planned = &plan.layers[place];
        let made = make(planned, context)?;
        if made.layer.descriptor.digest != digest {
            self.made_again.insert(planned.key, made);
            return Ok(Truth::Other);
        }
        assembled.replace(digest, &made.layer.source, true);
        Ok(Truth::Same)
    }

    /// Looks for a layer in the store's memory, and then in earlier images.
    fn known(&self, planned: &PlannedLayer) -> Option<OwnLayer> {
        let Self {
            targets,
            last,
            context,
            made_again,
            ..
        } = self;
        if let Some(layer) = made_again.get(&planned.key) {
            return Some(layer.clone());
        }
        let (title, key) = (&planned.title, planned.key);
        let store = &context.store;
        let here = |descriptor: &Descriptor| store.blob(descriptor, &*context.reporter);
        // A layer that nobody may want is not made; one that is wanted on this machine is, unless that costs nothing.
        let again = || {
            let plan = planned.plan.as_ref();
            let plan = plan.filter(|_| !targets.needs_bytes() || !planned.is_compressed());
            plan.map(|plan| remake(plan, context))
        };
        let tell = |known: &str, from: &str, layer: &Descriptor| {
            context.reporter.start(title, None).finish(known);
            let detail = format!("{title}: {} by the recipe {key}, from {from}", layer.digest);
            context.reporter.detail(&detail);
        };
        if targets.cache.local
            && let Some(known) = memory::recall::<Known>(store, KIND, key)
            && known.descriptor.media_type == planned.compression.media_type()
            && let Some(source) = here(&known.descriptor).or_else(again)
        {
            tell(
                "known from an earlier build",
                "the cache",
                &known.descriptor,
            );
            return Some(OwnLayer {
                layer: Layer {
                    descriptor: known.descriptor,
                    diff_id: known.diff_id,
                    source,
                },
                made: false,
                known_from: None,
            });
        }
        let found = last.layer(key, planned.compression)?;
        let source = here(&found.descriptor)
            .unwrap_or_else(|| BlobSource::Registry(found.reference.clone()));
        let from = format!("`{}`", found.name);
        tell("known from the last image", &from, &found.descriptor);
        Some(OwnLayer {
            layer: Layer {
                descriptor: found.descriptor,
                diff_id: found.diff_id,
                source,
            },
            made: false,
            known_from: Some(found.reference),
        })
    }
}

/// The same for a layer of the base: the registry that it comes from still has it, or it is made of the tar once more.
fn make_base_again(
    digest: Digest,
    assembled: &mut Assembled,
    offer: &Offer,
    inputs: &Inputs,
    context: &Context,
) -> Result<Truth, BuildError> {
    if let Some(reference) = &inputs.base_reference
        && !matches!(offer.source, BlobSource::Registry(_))
    {
        assembled.replace(digest, &BlobSource::Registry(reference.clone()), false);
        return Ok(Truth::Same);
    }
    if let Some(tar) = &inputs.base.remake {
        let tar = BlobSource::Made(Arc::clone(tar));
        let source = context.store.add(&offer.descriptor, &tar)?;
        assembled.replace(digest, &source, true);
        return Ok(Truth::Same);
    }
    Ok(Truth::Unknown)
}

fn base_offers(inputs: &Inputs, context: &Context) -> Vec<Offer> {
    let source = |layer: &Layer| match &layer.source {
        BlobSource::Registry(_) => context.store.blob(&layer.descriptor, &*context.reporter),
        _ => None,
    };
    let offer = |layer: &Layer| Offer {
        descriptor: layer.descriptor.clone(),
        source: source(layer).unwrap_or_else(|| layer.source.clone()),
        label: format!("base, {}", short(&layer.descriptor)),
        also_in: inputs.base_reference.clone(),
        made: false,
    };
    inputs.base.layers.iter().map(offer).collect()
}

impl PlannedLayer {
    /// Whether making it takes its time.
    fn is_compressed(&self) -> bool {
        self.compression != Compression::Stored
    }
}

impl OwnLayer {
    fn offer(&self, planned: &PlannedLayer) -> Offer {
        Offer {
            descriptor: self.layer.descriptor.clone(),
            source: self.layer.source.clone(),
            label: planned.title.clone(),
            also_in: self.known_from.clone(),
            made: self.made,
        }
    }
}

/// Makes a layer.
fn make(planned: &PlannedLayer, context: &Context) -> Result<OwnLayer, BuildError> {
    let store = &context.store;
    // One that is known by its key alone was to come from an earlier image.
    let plan = planned.plan.as_ref().ok_or_else(|| BuildError::LostLayer {
        title: planned.title.clone(),
    })?;
    let progress = context
        .reporter
        .start(&planned.title, Some(plan.content_size()));
    // A stored layer is as good as the files that it is made of: it is not kept beside them.
    let (facts, source) = if plan.compression == Compression::Stored {
        let facts = layer::measure(plan, context.threads, &*progress)?;
        (facts, remake(plan, context))
    } else {
        let written = layer::write(plan, store.writer()?, context.threads, &*progress);
        let (blob, facts) = match written {
            // What the layer cannot know is where it goes.
            Err(LayerError::Write(error)) => {
                Err(error).at("write a layer in", &store.temporary())?
            }
            written => written?,
        };
        let source = store.commit(blob, facts.descriptor.digest)?;
        (facts, source)
    };
    let LayerFacts {
        descriptor,
        diff_id,
    } = facts;
    let known = Known {
        descriptor,
        diff_id,
    };
    if let Some(before) = memory::recall::<Known>(store, KIND, planned.key)
        && before != known
    {
        context.reporter.warn(&format!(
            "{} was remembered as `{}` and is `{}`: the memory was wrong, and is corrected",
            planned.title, before.descriptor.digest, known.descriptor.digest
        ));
    }
    memory::remember(store, KIND, planned.key, &known);
    progress.finish("made");
    let (title, key, digest) = (&planned.title, planned.key, known.descriptor.digest);
    context
        .reporter
        .detail(&format!("{title}: {digest} by the recipe {key}, made now"));
    Ok(OwnLayer {
        layer: Layer {
            descriptor: known.descriptor,
            diff_id,
            source,
        },
        made: true,
        known_from: None,
    })
}

fn remake(plan: &LayerPlan, context: &Context) -> BlobSource {
    BlobSource::Made(Arc::new(Remake {
        plan: plan.clone().into(),
        threads: context.threads,
    }))
}
