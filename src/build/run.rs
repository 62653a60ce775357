//! From a plan to an image: layers that are known are taken, the others are made.

use serde::{Deserialize, Serialize};

use super::{BuildError, BuildPlan, Context, Inputs};
use crate::layer::{self, CREATED, LayerPlan};
use crate::memory;
use crate::oci::{Descriptor, DiffId, Digest, Image, Layer};

/// The annotation on a layer that names the recipe that it was made by.
const RECIPE_ANNOTATION: &str = "flink-img.layer.recipe";
/// The kind under which the store remembers finished layers.
const KIND: &str = "layer";

/// What the store remembers of a layer, under the key of its recipe.
#[derive(Debug, Serialize, Deserialize)]
struct Known {
    descriptor: Descriptor,
    diff_id: DiffId,
}

/// Makes the image that `plan` describes. `inputs` are those that the plan was made of.
pub fn run(plan: &BuildPlan, inputs: &Inputs, context: &Context) -> Result<Image, BuildError> {
    let mut config = plan.config.clone();
    let mut layers = inputs.base.layers.clone();
    for layer_plan in &plan.layers {
        let layer = make(layer_plan, context)?;
        config.push_layer(layer.diff_id, CREATED, &layer_plan.title);
        layers.push(layer);
    }
    Ok(Image::new(&config, layers, &plan.annotations))
}

fn make(plan: &LayerPlan, context: &Context) -> Result<Layer, BuildError> {
    let store = &context.store;
    let key = plan.key();
    if let Some(known) = memory::recall::<Known>(store, KIND, key)
        && let Some(source) = store.verified_blob(&known.descriptor, &*context.reporter)
    {
        context
            .reporter
            .start(&plan.title, None)
            .finish("known from an earlier build");
        return Ok(Layer {
            descriptor: annotated(known.descriptor, key),
            diff_id: known.diff_id,
            source,
        });
    }
    let progress = context
        .reporter
        .start(&plan.title, Some(plan.content_size()));
    let (blob, facts) = layer::write(plan, store.writer()?, context.threads, &*progress)?;
    let source = store.commit(blob, facts.descriptor.digest)?;
    let known = Known {
        descriptor: facts.descriptor,
        diff_id: facts.diff_id,
    };
    memory::remember(store, KIND, key, &known);
    progress.finish("made");
    Ok(Layer {
        descriptor: annotated(known.descriptor, key),
        diff_id: known.diff_id,
        source,
    })
}

fn annotated(mut descriptor: Descriptor, key: Digest) -> Descriptor {
    descriptor
        .annotations
        .insert(RECIPE_ANNOTATION.to_owned(), key.to_string());
    descriptor
}
