//! From plans to images: layers that are known are taken as they are, the others are made, and what several images have is
//! made once.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::annotations::annotated;
use super::last::LastImages;
use super::lock::Lock;
use super::offer::Offer;
use super::parts::{Part, label_for, parts};
use super::push::Push;
use super::{
    BuildError, BuildPlan, CacheUse, Context, Inputs, LayerRole, PlannedLayer, PlatformBase,
};
use crate::base::Base;
use crate::error::IoResultExt as _;
use crate::layer::{self, CREATED, Compression, LayerError, LayerFacts, LayerPlan, Remake};
use crate::memory;
use crate::oci::{BlobSource, Descriptor, DiffId, Digest, Image, ImageSet, Layer, Reference};

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
    /// What people know it as.
    label: String,
}

/// Images whose layers are known, and on offer.
#[derive(Debug)]
pub(super) struct Assembled {
    pub(super) images: ImageSet,
    /// What the planned layers became, by the keys of their recipes; empty for what was kept.
    pub(super) became: BTreeMap<Digest, Layer>,
    /// All layers of all images, in their order, as registries are offered them.
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
    /// What the store keeps.
    pub(super) fn kept(images: ImageSet) -> Self {
        let offer = |layer: &Layer| Offer {
            descriptor: layer.descriptor.clone(),
            source: layer.source.clone(),
            label: short(&layer.descriptor),
            also_in: None,
            made: false,
        };
        Self {
            offers: images.layers().map(offer).collect(),
            became: BTreeMap::new(),
            images,
        }
    }

    /// Takes the bytes of a layer from elsewhere.
    fn replace(&mut self, digest: Digest, source: &BlobSource, made: bool) {
        let layers = self.images.layers_mut();
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

/// Where images are put together.
#[derive(Debug)]
pub(super) struct Workshop<'a> {
    /// One for each platform.
    pub(super) plans: &'a [BuildPlan],
    /// Those that the plans were made of.
    pub(super) inputs: &'a Inputs,
    pub(super) cache: &'a CacheUse,
    /// What the layers must become, if that is locked.
    pub(super) lock: Option<&'a Lock>,
    /// Whether all bytes are wanted on this machine.
    pub(super) needs_bytes: bool,
    pub(super) last: &'a LastImages<'a>,
    pub(super) context: &'a Context,
    /// Layers that were another than they were remembered as, by the keys of their recipes. Whatever can be written down
    /// of that, it holds for this run.
    pub(super) made_again: BTreeMap<Digest, OwnLayer>,
}

impl Workshop<'_> {
    /// Makes the images. Layers that a registry lacks start on their way as soon as they are there.
    pub(super) fn run(&self, mut push: Option<&mut Push<'_>>) -> Result<Assembled, BuildError> {
        let Self {
            plans,
            inputs,
            context,
            ..
        } = self;
        let parts = parts(plans);
        let mut own: BTreeMap<Digest, OwnLayer> = BTreeMap::new();
        for part in &parts {
            own.extend(self.known(part).map(|layer| (part.planned.key, layer)));
        }
        let mut missing: Vec<&Part<'_>> = parts
            .iter()
            .filter(|part| !own.contains_key(&part.planned.key))
            .collect();
        let bases: Vec<_> = inputs
            .bases
            .iter()
            .map(|base| base_offers(base, inputs, context))
            .collect();
        if !missing.is_empty()
            && let Some(push) = &mut push
        {
            // Asked before anything is made.
            push.check()?;
        }
        // One that cannot be had is told before layers are made, and sent, in vain.
        let is_hadoop = |part: &&Part<'_>| part.planned.role == LayerRole::Hadoop;
        if let Some(hadoop) = inputs
            .hadoop
            .as_ref()
            .filter(|_| missing.iter().any(is_hadoop))
        {
            hadoop.bring()?;
        }
        // When all is known, it may be that nothing has to be sent either, which the digest of the whole will tell.
        if !missing.is_empty()
            && let Some(push) = &mut push
        {
            for offer in bases.iter().flatten() {
                push.offer(offer)?;
            }
            for part in &parts {
                if let Some(own) = own.get(&part.planned.key) {
                    push.offer(&own.offer())?;
                }
            }
        }
        // What takes no time comes first, and is sent while the others are compressed.
        missing.sort_by_key(|part| part.planned.is_compressed());
        for part in missing {
            let made = make(part, context)?;
            if let Some(push) = &mut push {
                push.offer(&made.offer())?;
            }
            own.insert(part.planned.key, made);
        }

        let mut images = Vec::new();
        let mut offers = Vec::new();
        for ((plan, base), base_offers) in plans.iter().zip(&inputs.bases).zip(bases) {
            offers.extend(base_offers);
            let layers = plan.layers.iter();
            offers.extend(layers.map(|planned| own[&planned.key].offer()));
            let image = image(plan, &base.base, |key| own[&key].layer.clone());
            images.push((base.base.platform.clone(), image));
        }
        Ok(Assembled {
            images: ImageSet::annotated(images, &plans[0].given_annotations),
            became: own.into_iter().map(|(key, own)| (key, own.layer)).collect(),
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
        let (inputs, context) = (self.inputs, self.context);
        let images = assembled.images.images().iter().enumerate();
        let mut places = images.filter_map(|(image, found)| {
            let mut layers = found.layers.iter();
            let place = layers.position(|layer| layer.descriptor.digest == digest)?;
            Some((image, place))
        });
        let mut offers = assembled.offers.iter();
        let offer = offers.find(|offer| offer.descriptor.digest == digest);
        let (Some((image, place)), Some(offer)) = (places.next(), offer.cloned()) else {
            return Ok(Truth::Unknown);
        };
        if offer.made {
            return Ok(Truth::Unknown);
        }
        if let BlobSource::File(path) = &offer.source {
            let message = format!("`{}` is damaged", path.display());
            context.reporter.warn(&message);
        }
        let base = &inputs.bases[image].base;
        let Some(place) = place.checked_sub(base.layers.len()) else {
            let reference = inputs.base_reference.as_ref();
            return make_base_again(assembled, &offer, (base, reference), context);
        };
        let key = self.plans[image].layers[place].key;
        let parts = parts(self.plans);
        let part = parts.iter().find(|part| part.planned.key == key);
        let made = make(part.expect("each layer is planned"), context)?;
        if made.layer.descriptor.digest != digest {
            self.made_again.insert(key, made);
            return Ok(Truth::Other);
        }
        assembled.replace(digest, &made.layer.source, true);
        Ok(Truth::Same)
    }

    /// Looks for a layer in the store's memory, and then in earlier images.
    fn known(&self, part: &Part<'_>) -> Option<OwnLayer> {
        let Self {
            cache,
            lock,
            needs_bytes,
            last,
            context,
            made_again,
            ..
        } = self;
        let Part { planned, label } = part;
        let key = planned.key;
        if let Some(layer) = made_again.get(&key) {
            return Some(layer.clone());
        }
        // What is remembered as something else than what is locked is made, and then it is seen which of the two is wrong.
        let locked = lock.and_then(|lock| lock.layer(key));
        let is_wanted =
            |found: &Descriptor| locked.is_none_or(|locked| locked.digest == found.digest);
        let store = &context.store;
        let here = |descriptor: &Descriptor| store.blob(descriptor, &*context.reporter);
        // A layer that nobody may want is not made; one that is wanted on this machine is, unless that costs nothing.
        let again = || {
            let plan = planned.plan.as_ref();
            let plan = plan.filter(|_| !needs_bytes || !planned.is_compressed());
            plan.map(|plan| remake(plan, context))
        };
        let tell = |known: &str, from: &str, layer: &Descriptor| {
            context.reporter.start(label, None).finish(known);
            let detail = format!("{label}: {} by the recipe {key}, from {from}", layer.digest);
            context.reporter.detail(&detail);
        };
        if cache.local
            && let Some(known) = memory::recall::<Known>(store, KIND, key)
            && known.descriptor.media_type == planned.compression.media_type()
            && is_wanted(&known.descriptor)
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
                label: label.clone(),
            });
        }
        let found = last.layer(key, planned.compression)?;
        if !is_wanted(&found.descriptor) {
            return None;
        }
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
            label: label.clone(),
        })
    }
}

/// Puts the image of a plan together: the layers of its base, and its own, which `layer` tells by their recipes.
pub(super) fn image(plan: &BuildPlan, base: &Base, layer: impl Fn(Digest) -> Layer) -> Image {
    let mut config = plan.config.clone();
    let mut layers = base.layers.clone();
    for planned in &plan.layers {
        let mut layer = layer(planned.key);
        config.push_layer(layer.diff_id, CREATED, &planned.title);
        layer.descriptor = annotated(&layer.descriptor, planned.key, planned.release);
        layers.push(layer);
    }
    let annotations = plan.annotations.iter();
    let annotations: Vec<_> = annotations
        .map(|(name, value)| (&**name, value.clone()))
        .collect();
    Image::new(&config, layers, &annotations)
}

/// Makes a layer of a base again: the registry that it comes from still has it, or it is made of the tar once more.
fn make_base_again(
    assembled: &mut Assembled,
    offer: &Offer,
    (base, reference): (&Base, Option<&Reference>),
    context: &Context,
) -> Result<Truth, BuildError> {
    let digest = offer.descriptor.digest;
    if let Some(reference) = reference
        && !matches!(offer.source, BlobSource::Registry(_))
    {
        assembled.replace(digest, &BlobSource::Registry(reference.clone()), false);
        return Ok(Truth::Same);
    }
    if let Some(tar) = &base.remake {
        let tar = BlobSource::Made(Arc::clone(tar));
        let source = context.store.add(&offer.descriptor, &tar)?;
        assembled.replace(digest, &source, true);
        return Ok(Truth::Same);
    }
    Ok(Truth::Unknown)
}

fn base_offers(base: &PlatformBase, inputs: &Inputs, context: &Context) -> Vec<Offer> {
    let source = |layer: &Layer| match &layer.source {
        BlobSource::Registry(_) => context.store.blob(&layer.descriptor, &*context.reporter),
        _ => None,
    };
    let offer = |layer: &Layer| {
        let label = format!("base, {}", short(&layer.descriptor));
        Offer {
            descriptor: layer.descriptor.clone(),
            source: source(layer).unwrap_or_else(|| layer.source.clone()),
            label: label_for(&label, &[&base.platform], inputs.bases.len()),
            also_in: inputs.base_reference.clone(),
            made: false,
        }
    };
    base.base.layers.iter().map(offer).collect()
}

impl PlannedLayer {
    /// Whether making it takes its time.
    fn is_compressed(&self) -> bool {
        self.compression != Compression::Stored
    }
}

impl OwnLayer {
    fn offer(&self) -> Offer {
        Offer {
            descriptor: self.layer.descriptor.clone(),
            source: self.layer.source.clone(),
            label: self.label.clone(),
            also_in: self.known_from.clone(),
            made: self.made,
        }
    }
}

/// Makes a layer.
fn make(part: &Part<'_>, context: &Context) -> Result<OwnLayer, BuildError> {
    let Part { planned, label } = part;
    let store = &context.store;
    // One that is known by its key alone was to come from an earlier image.
    let plan = planned.plan.as_ref().ok_or_else(|| BuildError::LostLayer {
        title: planned.title.clone(),
    })?;
    let progress = context.reporter.start(label, Some(plan.content_size()));
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
            "{label} was remembered as `{}` and is `{}`: the memory was wrong, and is corrected",
            before.descriptor.digest, known.descriptor.digest
        ));
    }
    memory::remember(store, KIND, planned.key, &known);
    progress.finish("made");
    let (key, digest) = (planned.key, known.descriptor.digest);
    context
        .reporter
        .detail(&format!("{label}: {digest} by the recipe {key}, made now"));
    Ok(OwnLayer {
        layer: Layer {
            descriptor: known.descriptor,
            diff_id,
            source,
        },
        made: true,
        known_from: None,
        label: label.clone(),
    })
}

fn remake(plan: &LayerPlan, context: &Context) -> BlobSource {
    BlobSource::Made(Arc::new(Remake {
        plan: plan.clone().into(),
        threads: context.threads,
    }))
}
