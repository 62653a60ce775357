//! The images that the targets' names lead to now, and others that the user names: what they tell of layers that need not be
//! made, of a base that need not be looked into, and of names that need not be written.
//!
//! What an image says of itself is believed of images that the user names only, for layers that its registry then has under
//! the digest that it says.

use std::cell::{OnceCell, RefCell};

use tokio::task::JoinHandle;

use super::annotations::{self, BaseNote, KnownContent, ReleasePlace};
use super::content::{FoundPython, Python, User};
use super::planned::system_key;
use super::{Context, Targets};
use crate::base::BaseFacts;
use crate::error::{Explain as _, Kind};
use crate::flink::hadoop::{HadoopFacts, HadoopJar};
use crate::layer::{Compression, CompressionChoice, LayerKind};
use crate::oci::{
    Config, Descriptor, DiffId, Digest, Document, Index, MANIFEST_LIMIT, Manifest, Platforms,
    Reference,
};
use crate::registry::{self, Access, Client, RawManifest};

/// An image that was built before.
#[derive(Debug)]
pub(super) struct LastImage {
    /// As the user names it.
    pub(super) name: Reference,
    /// The same image by its digest.
    pub(super) reference: Reference,
    manifest: Manifest,
    /// What is only known once the config was fetched; `None` if that cannot be had, or is for no platform of ours.
    details: OnceCell<Option<Details>>,
}

#[derive(Debug)]
struct Details {
    config: Config,
    diff_ids: Vec<DiffId>,
}

/// A layer of an earlier image.
#[derive(Debug, Clone)]
pub(super) struct LastLayer {
    pub(super) descriptor: Descriptor,
    pub(super) diff_id: DiffId,
    /// The image.
    pub(super) name: Reference,
    pub(super) reference: Reference,
}

/// What a release became in an earlier image.
#[derive(Debug, Clone)]
pub(super) struct LastRelease {
    /// The recipe keys of its layers, in order.
    pub(super) recipes: Vec<Digest>,
    /// The Scala version that the image says it is for.
    pub(super) scala: Option<String>,
}

/// All images that may tell something.
#[derive(Debug)]
pub(super) struct LastImages<'a> {
    pub(super) context: &'a Context,
    platforms: &'a Platforms,
    choice: CompressionChoice,
    user: User,
    pending: RefCell<Vec<Lookup>>,
    found: OnceCell<Found>,
}

#[derive(Debug)]
struct Lookup {
    name: Reference,
    is_target: bool,
    answer: JoinHandle<Result<Option<RawManifest>, registry::Error>>,
}

#[derive(Debug, Default)]
struct Found {
    /// What the targets' names lead to.
    current: Vec<(Reference, Digest)>,
    earlier: Vec<Earlier>,
}

/// What a name leads to: an image that was built before, or an index of some.
#[derive(Debug)]
struct Earlier {
    name: Reference,
    digest: Digest,
    document: Document,
    /// The images for our platforms; those of an index are asked for when somebody wants to know, as it may be that all is
    /// known already.
    images: OnceCell<Vec<LastImage>>,
}

impl<'a> LastImages<'a> {
    /// None at all.
    pub(super) fn none(platforms: &'a Platforms, context: &'a Context) -> Self {
        Self {
            context,
            platforms,
            choice: CompressionChoice::default(),
            user: User::default(),
            pending: RefCell::default(),
            found: OnceCell::from(Found::default()),
        }
    }

    /// Starts to ask for them; the answers are waited for when somebody wants to know.
    pub(super) fn ask(
        targets: &Targets,
        platforms: &'a Platforms,
        choice: CompressionChoice,
        context: &'a Context,
    ) -> Self {
        let ask = |name: &Reference, is_target: bool| {
            let (client, reference) = (context.registries().clone(), name.clone());
            // The token that allows to push is needed anyway.
            let access = if is_target {
                Access::Push { mount_from: None }
            } else {
                Access::Pull
            };
            Lookup {
                name: name.clone(),
                is_target,
                answer: context
                    .runtime
                    .spawn(async move { client.find_manifest(&reference, access).await }),
            }
        };
        let mut pending = Vec::new();
        if targets.push && targets.cache.remote {
            pending.extend(targets.names.iter().map(|name| ask(name, true)));
        }
        if targets.cache.remote {
            pending.extend(targets.cache.from.iter().map(|name| ask(name, false)));
        }
        Self {
            context,
            platforms,
            choice,
            user: User::default(),
            pending: RefCell::new(pending),
            found: OnceCell::new(),
        }
    }

    /// The same, for an image that runs as `user`.
    pub(super) fn for_user(self, user: User) -> Self {
        Self { user, ..self }
    }

    /// Waits for the answers. A registry that cannot be reached is an error, as the push would fail as well; one that
    /// refuses to tell is none: whether it takes a push is asked later, and answered better.
    pub(super) fn wait(&self) -> Result<(), registry::Error> {
        if self.found.get().is_some() {
            return Ok(());
        }
        let mut found = Found::default();
        for lookup in self.pending.take() {
            let answer = self.context.runtime.block_on(lookup.answer);
            let raw = match answer.expect("a request does not panic") {
                Ok(Some(raw)) => raw,
                Ok(None) if lookup.is_target => continue,
                Ok(None) => {
                    let message = format!(
                        "There is no image `{}`, so no layer is taken from it",
                        lookup.name
                    );
                    self.context.reporter.warn(&message);
                    continue;
                }
                Err(error) if lookup.is_target => match error.kind() {
                    Kind::Unauthorized | Kind::NotFound | Kind::Integrity => continue,
                    _ => return Err(error),
                },
                Err(error) => {
                    let message = format!("{error}, so no layer is taken from it");
                    self.context.reporter.warn(&message);
                    continue;
                }
            };
            if lookup.is_target {
                found.current.push((lookup.name.clone(), raw.digest));
            }
            // Several tags of a repository often lead to the same.
            let repository = lookup.name.name();
            let mut known = found.earlier.iter();
            let is_known =
                known.any(|known| known.digest == raw.digest && known.name.name() == repository);
            if !is_known && let Ok(document) = raw.document() {
                found.earlier.push(Earlier {
                    name: lookup.name,
                    digest: raw.digest,
                    document,
                    images: OnceCell::new(),
                });
            }
        }
        let _ = self.found.set(found);
        Ok(())
    }

    /// The images that a name leads to, as far as they are for our platforms.
    fn open<'b>(&self, earlier: &'b Earlier) -> &'b [LastImage] {
        earlier.images.get_or_init(|| {
            let manifests = match &earlier.document {
                Document::Manifest(manifest) => vec![(earlier.digest, manifest.clone())],
                Document::Index(index) => self.manifests(&earlier.name, index),
            };
            let image = |(digest, manifest)| LastImage {
                name: earlier.name.clone(),
                reference: earlier.name.at(digest),
                manifest,
                details: OnceCell::new(),
            };
            manifests.into_iter().map(image).collect()
        })
    }

    /// The manifests for our platforms that an index lists; without those that cannot be had.
    fn manifests(&self, name: &Reference, index: &Index) -> Vec<(Digest, Manifest)> {
        let ask = |digest: Digest| {
            let (client, reference) =
                (self.context.registries().without_mirrors(), name.at(digest));
            let get = async move { client.get_manifest(&reference).await };
            (digest, self.context.runtime.spawn(get))
        };
        let platforms = self.platforms.iter();
        let listed = platforms.filter_map(|platform| index.for_platform(platform).ok());
        // All are asked for before the first answer is waited for.
        let asked: Vec<_> = listed.map(|manifest| ask(manifest.digest)).collect();
        asked
            .into_iter()
            .filter_map(|(digest, answer)| {
                let answer = self.context.runtime.block_on(answer);
                let raw = answer.expect("a request does not panic").ok()?;
                match raw.document().ok()? {
                    Document::Manifest(manifest) => Some((digest, manifest)),
                    Document::Index(_) => None,
                }
            })
            .collect()
    }

    /// Who gets blobs of a repository. Those of an earlier image come from where the image was found, and from no mirror.
    pub(super) fn client_for(&self, repository: &Reference) -> Client {
        let client = self.context.registries();
        let earlier = self.found.get().map_or(&[][..], |found| &found.earlier);
        // Nothing is taken from an image that was not opened.
        let mut opened = earlier.iter().filter_map(|earlier| earlier.images.get());
        let is_earlier = |image: &LastImage| image.reference == *repository;
        if opened.any(|images| images.iter().any(is_earlier)) {
            client.without_mirrors()
        } else {
            client.clone()
        }
    }

    fn found(&self) -> &Found {
        self.found
            .get()
            .expect("the answers are waited for before anybody asks")
    }

    /// All images that may tell something; those of an index are asked for when their turn comes.
    fn images(&self) -> impl Iterator<Item = &LastImage> {
        let earlier = self.found().earlier.iter();
        earlier.flat_map(|earlier| self.open(earlier))
    }

    /// The digest of what a target's name leads to now.
    pub(super) fn current(&self, name: &Reference) -> Option<Digest> {
        let found = &self.found().current;
        found
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, digest)| *digest)
    }

    /// All blobs of the images that are in the repository of `name`: a registry has what its manifests speak of.
    pub(super) fn blobs_beside(&self, name: &Reference) -> impl Iterator<Item = Digest> {
        let name = name.name();
        let beside = move |earlier: &&Earlier| earlier.name.name() == name;
        self.found()
            .earlier
            .iter()
            .filter(beside)
            .flat_map(|earlier| self.open(earlier))
            .flat_map(|image| image.manifest.layers.iter().chain([&image.manifest.config]))
            .map(|descriptor| descriptor.digest)
    }

    /// The layer that was made by the recipe of this key, unless somebody compressed it anew.
    pub(super) fn layer(&self, recipe: Digest, compression: Compression) -> Option<LastLayer> {
        let recipe = recipe.to_string();
        self.images().find_map(|image| {
            let place = image.manifest.layers.iter().position(|layer| {
                layer.annotations.get(annotations::LAYER_RECIPE) == Some(&recipe)
                    && layer.media_type == compression.media_type()
            })?;
            Some(LastLayer {
                descriptor: image.manifest.layers[place].clone(),
                diff_id: self.details(image)?.diff_ids[place],
                name: image.name.clone(),
                reference: image.reference.clone(),
            })
        })
    }

    /// What was found in the base of this key, if the layer that needs to know more of it is known as well.
    pub(super) fn base_facts(&self, key: Digest) -> Option<BaseFacts> {
        let compression = self.choice.of(LayerKind::Files);
        self.layer(system_key(key, compression, self.user), compression)?;
        self.images().find_map(|image| {
            let note = image.manifest.annotations.get(annotations::BASE)?;
            let note = BaseNote::read(note, key)?;
            self.details(image)?;
            Some(note.facts())
        })
    }

    /// What earlier images note of a jar with Hadoop.
    pub(super) fn hadoop(&self, jar: &HadoopJar) -> impl Iterator<Item = HadoopFacts> {
        let notes = self
            .images()
            .filter_map(|image| image.manifest.annotations.get(annotations::HADOOP));
        notes
            .filter_map(|note| serde_json::from_str(note).ok())
            .filter(|facts: &HadoopFacts| facts.are_of(jar))
    }

    /// What the content of this key became: the recipe of its layer, if it has one.
    pub(super) fn content(&self, key: Digest) -> Option<KnownContent> {
        self.images().find_map(|image| {
            let note = image.manifest.annotations.get(annotations::CONTENT)?;
            annotations::read_content(note, key)
        })
    }

    /// What was found of Python in the base of this key.
    pub(super) fn python(&self, base: Digest, python: Python) -> Option<FoundPython> {
        self.images().find_map(|image| {
            let note = image.manifest.annotations.get(annotations::PYTHON)?;
            FoundPython::read(note, base, python)
        })
    }

    /// What the release of this key became.
    pub(super) fn release(&self, key: Digest) -> Option<LastRelease> {
        self.images().find_map(|image| {
            let mut layers = image.manifest.layers.iter().filter_map(|layer| {
                let place = layer.annotations.get(annotations::LAYER_RELEASE)?;
                let place = ReleasePlace::read(place).filter(|place| place.key == key)?;
                let recipe = layer.annotations.get(annotations::LAYER_RECIPE)?;
                Some((place, recipe.parse().ok()?))
            });
            let mut recipes = Vec::new();
            let mut count = 0;
            for (place, recipe) in &mut layers {
                recipes.push(recipe);
                count = place.count;
                if place.place != recipes.len() {
                    return None;
                }
            }
            let details = self.details(image)?;
            (count > 0 && recipes.len() == count).then(|| LastRelease {
                recipes,
                scala: details
                    .config
                    .labels()
                    .find(|(name, _)| *name == super::runtime::SCALA_LABEL)
                    .map(|(_, value)| value.to_owned()),
            })
        })
    }

    /// The config of an image; fetched when it is first needed.
    fn details<'b>(&self, image: &'b LastImage) -> Option<&'b Details> {
        let details = image.details.get_or_init(|| {
            let config = &image.manifest.config;
            let client = self.context.registries().without_mirrors();
            let get = client.get_blob_bytes(&image.reference, config, MANIFEST_LIMIT);
            let bytes = match self.context.runtime.block_on(get) {
                Ok(bytes) => bytes,
                Err(error) => {
                    self.context
                        .reporter
                        .warn(&format!("{error}, so no layer is taken from that image"));
                    return None;
                }
            };
            let config = Config::parse(&bytes).ok()?;
            let diff_ids = config.diff_ids().ok()?;
            let found = config.platform().ok()?;
            let fits = diff_ids.len() == image.manifest.layers.len()
                && self.platforms.iter().any(|asked| found.serves(asked));
            fits.then_some(Details { config, diff_ids })
        });
        details.as_ref()
    }
}
