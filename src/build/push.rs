//! An image on its way to registries, at the least cost: what a repository has is not sent, what another one of the registry
//! has is mounted, and blobs travel while others are made.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::last::LastImages;
use super::offer::{Offer, configs};
use super::{BuildError, Context, Targets};
use crate::memory;
use crate::oci::{Digest, ImageSet, MediaType, Reference};
use crate::registry::{self, BlobOutcome, BlobPush, Presence, Upload};

/// The kind under which the store remembers which blobs a repository has.
const KIND: &str = "repository";
/// For how long that is believed, in seconds: registries throw away what no manifest speaks of any more, and not all of them
/// look when they get a manifest.
const BELIEVED_FOR: i64 = 24 * 60 * 60;

/// A push.
#[derive(Debug)]
pub(super) struct Push<'a> {
    context: &'a Context,
    last: &'a LastImages<'a>,
    repositories: Vec<Repository>,
    /// Uploads that were opened to find out whether that is allowed, by the place of their repository.
    sessions: RefCell<Option<Vec<Option<Upload>>>>,
    /// The blob that the last failure was about.
    pub(super) failed: Option<Digest>,
}

/// One repository that is pushed to.
#[derive(Debug)]
struct Repository {
    /// The names in it; the first stands for the repository.
    names: Vec<Reference>,
    /// The place of the first repository of the same registry, which all others take their blobs from.
    leader: Option<usize>,
    /// Blobs that it had not long ago.
    seen: BTreeSet<Digest>,
    /// Whether it refused a manifest, so that it is not believed to have anything.
    doubted: bool,
    /// Blobs that are on their way or there.
    offered: BTreeSet<Digest>,
    /// Those that were seen to be there.
    arrived: BTreeSet<Digest>,
    uploads: JoinSet<(Digest, Result<BlobOutcome, registry::Error>)>,
}

/// What is remembered of a repository: its blobs, and when it was last seen to have them, in seconds since 1970.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Seen {
    blobs: BTreeMap<Digest, i64>,
}

impl Seen {
    fn key(repository: &Reference) -> Digest {
        Digest::of(repository.name().as_bytes())
    }

    fn recall(repository: &Reference, context: &Context) -> Self {
        let mut seen: Self =
            memory::recall(&context.store, KIND, Self::key(repository)).unwrap_or_default();
        let now = now();
        // A time that is yet to come says that the clock was moved.
        seen.blobs
            .retain(|_, then| *then <= now && now - *then < BELIEVED_FOR);
        seen
    }

    fn remember(&self, repository: &Reference, context: &Context) {
        memory::remember(&context.store, KIND, Self::key(repository), self);
    }
}

/// It decides what is asked of a registry, never what an image is.
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

impl<'a> Push<'a> {
    pub(super) fn new(
        targets: &Targets,
        last: &'a LastImages<'a>,
        context: &'a Context,
    ) -> Result<Self, BuildError> {
        if let Some(name) = targets.names.iter().find(|name| name.digest().is_some()) {
            return Err(BuildError::PushByDigest(name.clone()));
        }
        let mut repositories: Vec<Repository> = Vec::new();
        for name in &targets.names {
            let known = repositories
                .iter_mut()
                .find(|known| known.names[0].name() == name.name());
            match known {
                Some(repository) => repository.names.push(name.clone()),
                None => repositories.push(Repository {
                    leader: repositories
                        .iter()
                        .position(|other| other.names[0].registry() == name.registry()),
                    names: vec![name.clone()],
                    seen: BTreeSet::new(),
                    doubted: false,
                    offered: BTreeSet::new(),
                    arrived: BTreeSet::new(),
                    uploads: JoinSet::new(),
                }),
            }
        }
        if targets.cache.local {
            for repository in &mut repositories {
                let seen = Seen::recall(&repository.names[0], context);
                repository.seen.extend(seen.blobs.into_keys());
            }
        }
        Ok(Self {
            context,
            last,
            repositories,
            sessions: RefCell::new(None),
            failed: None,
        })
    }

    /// Finds out, once, whether the registries take what we push: before anybody works for it. The uploads that are opened
    /// for that are used later.
    pub(super) fn check(&self) -> Result<(), registry::Error> {
        if self.sessions.borrow().is_some() {
            return Ok(());
        }
        let mut sessions = Vec::new();
        for repository in &self.repositories {
            let open = self.context.registries().open_upload(&repository.names[0]);
            match self.context.runtime.block_on(open) {
                Ok(upload) => sessions.push(Some(upload)),
                Err(error) => {
                    self.cancel(sessions);
                    return Err(error);
                }
            }
        }
        *self.sessions.borrow_mut() = Some(sessions);
        Ok(())
    }

    fn cancel(&self, sessions: Vec<Option<Upload>>) {
        for upload in sessions.into_iter().flatten() {
            let cancel = self.context.registries().cancel_upload(upload);
            self.context.runtime.block_on(cancel);
        }
    }

    /// Lets a blob start on its way, to those repositories that others take it from.
    pub(super) fn offer(&mut self, offer: &Offer) -> Result<(), BuildError> {
        self.check()?;
        for place in 0..self.repositories.len() {
            if self.repositories[place].leader.is_none() {
                self.send(place, offer, None)?;
            }
        }
        Ok(())
    }

    /// Whether a repository has a blob, for all that is known: it had it not long ago, or an image in it speaks of it.
    fn believes(&self, place: usize, digest: Digest) -> bool {
        let repository = &self.repositories[place];
        let mut beside = self.last.blobs_beside(&repository.names[0]);
        !repository.doubted
            && (repository.seen.contains(&digest) || beside.any(|known| known == digest))
    }

    fn send(
        &mut self,
        place: usize,
        offer: &Offer,
        session: Option<Upload>,
    ) -> Result<(), BuildError> {
        let leader = self.repositories[place].leader;
        let leader = leader.map(|leader| self.repositories[leader].names[0].clone());
        let digest = offer.descriptor.digest;
        let believed = self.believes(place, digest);
        if !believed {
            self.check()?;
        }
        let repository = &mut self.repositories[place];
        if !repository.offered.insert(digest) {
            return Ok(());
        }
        if believed {
            let progress = self.context.reporter.start(&offer.label, None);
            progress.finish(BlobOutcome::AlreadyThere.as_str());
            return Ok(());
        }
        let target = repository.names[0].clone();
        let mount_from = leader
            .as_ref()
            .or(offer.also_in.as_ref())
            .filter(|from| from.registry() == target.registry() && from.name() != target.name());
        let push = BlobPush {
            descriptor: offer.descriptor.clone(),
            label: offer.label.clone(),
            mount_from: mount_from.cloned(),
            presence: if offer.made && leader.is_none() {
                Presence::Unlikely
            } else {
                Presence::Unknown
            },
            session,
        };
        let body = offer.body(self.last)?;
        let client = self.context.registries().clone();
        let task = async move { (digest, client.push_blob(&target, push, &body).await) };
        repository
            .uploads
            .spawn_on(task, self.context.runtime.handle());
        Ok(())
    }

    /// Waits for the blobs that are on their way. When one fails, the others need not arrive.
    fn wait(&mut self, place: usize) -> Result<(), BuildError> {
        let repository = &mut self.repositories[place];
        let mut failure = None;
        while let Some(done) = self
            .context
            .runtime
            .block_on(repository.uploads.join_next())
        {
            match done {
                Ok((digest, Ok(_))) => {
                    repository.arrived.insert(digest);
                }
                Ok((digest, Err(error))) => {
                    repository.uploads.abort_all();
                    failure.get_or_insert((digest, error));
                }
                Err(aborted) => assert!(aborted.is_cancelled(), "uploads do not panic"),
            }
        }
        match failure {
            Some((digest, error)) => {
                repository.offered.clone_from(&repository.arrived);
                self.failed = error.is_about_bytes().then_some(digest);
                Err(error.into())
            }
            None => Ok(()),
        }
    }

    /// Brings what is still missing to all repositories, and gives the image, or the index of all images, its names. `offers`
    /// are all layers.
    pub(super) fn finish(&mut self, images: &ImageSet, offers: &[Offer]) -> Result<(), BuildError> {
        let mut blobs = offers.to_vec();
        blobs.extend(configs(images));
        for place in 0..self.repositories.len() {
            let names = self.repositories[place].names.clone();
            let (done, missing): (Vec<_>, Vec<_>) = names
                .iter()
                .partition(|name| self.last.current(name) == Some(images.digest()));
            for name in &done {
                let message = format!("`{name}` is this image already");
                self.context.reporter.note(&message);
            }
            if missing.is_empty() {
                continue;
            }
            self.send_all(place, &blobs)?;
            // Only now: a manifest must never be there before what it speaks of, and an index not before its manifests.
            for member in images.members() {
                let name = names[0].at(member.digest());
                let manifest = (MediaType::Manifest, &member.manifest[..]);
                self.write(place, &name, &manifest, &blobs)?;
            }
            for name in missing {
                self.write(place, name, &images.document(), &blobs)?;
            }
            let repository = &self.repositories[place];
            let mut seen = Seen::recall(&names[0], self.context);
            let now = now();
            // What was only believed gets no younger by that.
            for digest in &repository.offered {
                seen.blobs.entry(*digest).or_insert(now);
            }
            seen.remember(&names[0], self.context);
        }
        self.abandon();
        Ok(())
    }

    /// Closes what was opened and not used.
    pub(super) fn abandon(&self) {
        let unused = self.sessions.take();
        self.cancel(unused.unwrap_or_default());
    }

    /// Sends all blobs. An upload that was opened to find out whether that is allowed becomes that of the first config.
    fn send_all(&mut self, place: usize, blobs: &[Offer]) -> Result<(), BuildError> {
        for blob in blobs {
            let is_config = blob.descriptor.media_type == MediaType::Config;
            let session = if is_config && !self.believes(place, blob.descriptor.digest) {
                let mut sessions = self.sessions.borrow_mut();
                sessions
                    .as_mut()
                    .and_then(|sessions| sessions[place].take())
            } else {
                None
            };
            self.send(place, blob, session)?;
        }
        self.wait(place)
    }

    /// Writes a manifest or an index. A registry that refuses it may lack what it was believed to have; then that is sent.
    fn write(
        &mut self,
        place: usize,
        name: &Reference,
        document: &(MediaType, &[u8]),
        blobs: &[Offer],
    ) -> Result<(), BuildError> {
        let Err(error) = self.write_document(name, document) else {
            return Ok(());
        };
        let offered = self.repositories[place].offered.iter().copied();
        let believed: Vec<_> = offered
            .filter(|digest| self.believes(place, *digest))
            .collect();
        if !error.is_rejection() || believed.is_empty() {
            return Err(refusal(name, &document.0, error));
        }
        self.context.reporter.detail(&format!(
            "{error}: it may lack what it was believed to have, so it is asked for each layer"
        ));
        let repository = &mut self.repositories[place];
        repository.doubted = true;
        repository
            .offered
            .retain(|digest| !believed.contains(digest));
        Seen::default().remember(&repository.names[0], self.context);
        self.send_all(place, blobs)?;
        self.write_document(name, document)
            .map_err(|error| refusal(name, &document.0, error))
    }

    fn write_document(
        &self,
        name: &Reference,
        (media_type, bytes): &(MediaType, &[u8]),
    ) -> Result<(), registry::Error> {
        let (client, selector) = (self.context.registries(), name.selector());
        let push = client.push_manifest(name, media_type, bytes, &selector);
        self.context.runtime.block_on(push).map(drop)
    }
}

/// What it means that a registry does not take a document. When it is the index, it has taken all manifests before.
fn refusal(name: &Reference, media_type: &MediaType, error: registry::Error) -> BuildError {
    if *media_type == MediaType::Index && error.is_rejection() {
        return BuildError::IndexRefused {
            name: name.clone(),
            source: Box::new(error),
        };
    }
    error.into()
}
