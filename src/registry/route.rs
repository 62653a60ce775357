//! The way of one pull: from mirror to mirror, and in the end to the place that the name says.
//!
//! What is read is checked against its digest wherever it comes from, so a mirror can be wrong, and cannot do harm. One
//! that fails is passed over, whatever the reason, and not asked again for that repository: each failure would cost as
//! long as the first.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::{Cause, Error, Task};
use super::mirrors::{Mirrors, Places, Source};
use crate::oci::Reference;
use crate::progress::Reporter;

/// Mirrors, and how they did so far.
#[derive(Debug, Default)]
pub(super) struct Routes {
    mirrors: Mirrors,
    /// By the name that was asked for and the name at the mirror, without tag and digest.
    known: Mutex<BTreeMap<(String, String), Conduct>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conduct {
    /// It had a manifest, so it may be asked for what belongs to that.
    Served,
    Failed,
}

/// What is left to try for one pull.
#[derive(Debug)]
pub(super) struct Route {
    routes: Arc<Routes>,
    name: String,
    /// In order; never empty.
    left: Vec<Source>,
    /// The mirrors that failed.
    failed: Vec<String>,
}

impl Routes {
    pub(super) fn new(mirrors: Mirrors) -> Arc<Self> {
        Arc::new(Self {
            mirrors,
            known: Mutex::default(),
        })
    }

    /// The way to the manifest that a name leads to.
    pub(super) fn to_manifest(self: &Arc<Self>, name: &Reference) -> Result<Route, Cause> {
        let by_digest = name.digest().is_some();
        self.route(name, |source| {
            if by_digest {
                source.by_digest()
            } else {
                source.by_tag()
            }
        })
    }

    /// The way to a blob of a repository. It has a digest, whatever the image was asked for by.
    pub(super) fn to_blob(self: &Arc<Self>, repository: &Reference) -> Result<Route, Cause> {
        self.route(repository, Source::by_digest)
    }

    fn route(
        self: &Arc<Self>,
        name: &Reference,
        may_be_asked: impl Fn(&Source) -> bool,
    ) -> Result<Route, Cause> {
        let mut left = match self.mirrors.places(name) {
            Places::Sources(sources) => sources,
            Places::Blocked { path, prefix } => {
                return Err(Cause::Blocked { prefix, path });
            }
        };
        let logical = name.name();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        left.retain(|source| {
            let place = (logical.clone(), source.reference.name());
            match known.get(&place) {
                _ if !source.is_mirror => true,
                Some(Conduct::Failed) => false,
                Some(Conduct::Served) => true,
                None => may_be_asked(source),
            }
        });
        drop(known);
        Ok(Route {
            routes: Arc::clone(self),
            name: logical,
            left,
            failed: Vec::new(),
        })
    }
}

impl Route {
    /// Where to go now.
    pub(super) fn source(&self) -> Source {
        self.left[0].clone()
    }

    /// Takes note that a manifest was found where the way led.
    pub(super) fn served(&self) {
        self.note(Conduct::Served);
    }

    /// Passes over the mirror that failed; the error comes back when there is no other place to go.
    pub(super) fn pass_over(&mut self, cause: Cause, reporter: &dyn Reporter) -> Result<(), Cause> {
        let source = self.left[0].clone();
        // What is wrong on this side would be wrong everywhere.
        if !source.is_mirror || matches!(cause, Cause::Sink(_)) {
            return Err(cause);
        }
        self.note(Conduct::Failed);
        let place = source.reference.name();
        reporter.detail(&format!(
            "The mirror `{place}` is passed over: {}",
            told(&cause)
        ));
        self.failed.push(place);
        self.left.remove(0);
        Ok(())
    }

    /// The error of a pull that nobody could serve.
    pub(super) fn error(&self, task: Task, cause: Cause) -> Error {
        Error::after_mirrors(task, cause, self.failed.clone())
    }

    fn note(&self, conduct: Conduct) {
        let source = &self.left[0];
        if source.is_mirror {
            let place = (self.name.clone(), source.reference.name());
            let known = &self.routes.known;
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(place, conduct);
        }
    }
}

/// A cause with what is behind it, in one line.
fn told(cause: &Cause) -> String {
    let mut text = cause.to_string();
    let mut next = cause.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}
