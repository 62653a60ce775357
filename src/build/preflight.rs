//! The checks within a build: what needs nothing but the jars first, the rest as soon as the base is known.
//!
//! What was found is remembered for the same jars, Flink and base, so that the next build reads no jar. What settings
//! are found to be is not: they are few, and a key that is made of secrets would tell of them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::content::{Content, OpenedContent};
use super::foundation::PlatformBase;
use super::{BuildError, BuildRequest, Context, FlinkSource};
use crate::base::{GCOMPAT, Libc};
use crate::error::FileError;
use crate::flink::lines::default_release;
use crate::flink::{Artifact, JavaVersion, JobJar, Known};
use crate::fs;
use crate::jar::FACTS_VERSION;
use crate::layer::ImagePath;
use crate::memory::{self, Sighting};
use crate::oci::{Digest, canonical};
use crate::parallel::on_all_cores;
use crate::preflight::{
    CHECKS_VERSION, Code, Finding, Ground, Jar, Place, Role, Setting, Subject, Target, check,
};

/// The kind under which findings are remembered.
const KIND: &str = "checks";

/// The checks of one build.
#[derive(Debug)]
pub(super) struct Preflight<'a> {
    request: &'a BuildRequest,
    context: &'a Context,
    /// The files that may be jars, as they were before they were hashed.
    seen: BTreeMap<PathBuf, Sighting>,
    state: RefCell<State>,
}

/// What is learnt in the course of a build.
#[derive(Debug, Default)]
struct State {
    /// What the image will say of itself, as far as it is known.
    settings: Vec<Setting>,
    /// The jars, that of the job first, with the digests that they will have in the image.
    files: Vec<(PathBuf, Digest, Role)>,
    /// What is in them, or in the first of them, once somebody had to know.
    jars: Vec<Jar>,
    /// What was told.
    told: BTreeSet<Finding>,
}

impl<'a> Preflight<'a> {
    /// Sees which jars there are; before anybody reads them.
    pub(super) fn new(request: &'a BuildRequest, context: &'a Context) -> Self {
        let of_job = request.job_jar.iter().chain(&request.job_artifacts);
        let content = &request.content;
        let files = content.files.iter().map(|file| &file.source);
        let paths = of_job.chain(&content.libraries).chain(files);
        let seen = paths.filter_map(|path| {
            // One that is not there is told by whoever opens it.
            let metadata = fs::metadata(path).ok()?;
            Some((path.clone(), Sighting::new(path, &metadata, fs::now())))
        });
        Self {
            request,
            context,
            seen: seen.collect(),
            state: RefCell::new(State {
                settings: pairs(&request.content),
                ..State::default()
            }),
        }
    }

    /// Checks what can be known before anything is downloaded or made: the jars, as these were opened, and the settings.
    pub(super) fn early(
        &self,
        job_jar: Option<&JobJar>,
        job_artifacts: &[Artifact],
    ) -> Result<(), BuildError> {
        let job_jar = job_jar.map(|jar| &jar.artifact);
        // Others are not on the class path.
        let artifacts = job_artifacts.iter().filter(|file| file.is_jar());
        let files = job_jar.into_iter().chain(artifacts).map(|file| {
            let path = file.source.clone();
            (path, file.content.digest, Role::Job)
        });
        self.state.borrow_mut().files = files.collect();
        self.apply_early()
    }

    /// Finds what can be known without the base. Which Flink there is is only known if it is a release.
    fn apply_early(&self) -> Result<(), BuildError> {
        let FlinkSource::Release { version, scala, .. } = &self.request.flink else {
            return self.apply(None, &[]);
        };
        let version = version.clone().unwrap_or_else(default_release);
        let line = Known::of(&version)?;
        let scala = line.scala(&version, *scala)?;
        let target = Target {
            version: &version,
            line,
            scala: Some(scala),
        };
        self.apply(Some(target), &[])
    }

    /// Checks the settings of Flink's configuration and the jars that are put onto a class path besides, once these were
    /// read.
    pub(super) fn configured(
        &self,
        content: &OpenedContent,
        home: &ImagePath,
    ) -> Result<(), BuildError> {
        let settings = content.settings().iter();
        let settings = settings.map(|(key, value)| Setting {
            place: Place::Configuration,
            key: key.to_owned(),
            value: value.as_str().to_owned(),
        });
        self.state.borrow_mut().settings.extend(settings);
        self.tell(self.of_settings(None, &[]))?;
        let jars = content.jars(home);
        let jars: Vec<_> = jars
            .map(|(path, digest, role)| (path.to_owned(), digest, role))
            .collect();
        if jars.is_empty() {
            return Ok(());
        }
        self.state.borrow_mut().files.extend(jars);
        self.apply_early()
    }

    /// Checks the rest, when it is known what the image will stand on.
    pub(super) fn late(
        &self,
        target: Target<'_>,
        bases: &[PlatformBase],
    ) -> Result<(), BuildError> {
        let grounds: Vec<_> = bases.iter().map(ground).collect();
        self.apply(Some(target), &grounds)
    }

    /// Finds what there is to tell, and tells it.
    fn apply(&self, target: Option<Target<'_>>, grounds: &[Ground]) -> Result<(), BuildError> {
        let mut found = self.of_jars(target, grounds)?;
        found.extend(self.of_settings(target, grounds));
        self.tell(found)
    }

    /// Tells what was not told yet, and fails if that stops the build.
    fn tell(&self, mut found: Vec<Finding>) -> Result<(), BuildError> {
        let told = &mut self.state.borrow_mut().told;
        // A setting and a class that both want RocksDB are one thing to cure.
        found.retain(|finding| {
            let is_rocksdb = finding.code == Code::RocksdbMusl;
            let again = is_rocksdb && told.iter().any(|told| told.code == finding.code);
            !again && told.insert(finding.clone())
        });
        let reporter = &*self.context.reporter;
        Ok(self.request.checks.apply(&found, reporter)?)
    }

    /// What is found in what the image will say of itself.
    fn of_settings(&self, target: Option<Target<'_>>, grounds: &[Ground]) -> Vec<Finding> {
        check(&Subject {
            flink: target,
            grounds,
            settings: &self.state.borrow().settings,
            ..Subject::default()
        })
    }

    /// What is found in the jars, as it is remembered or else by reading them.
    fn of_jars(
        &self,
        target: Option<Target<'_>>,
        grounds: &[Ground],
    ) -> Result<Vec<Finding>, FileError> {
        let mut state = self.state.borrow_mut();
        if state.files.is_empty() {
            return Ok(Vec::new());
        }
        let is_job = self.request.has_job();
        let normalizes = self.request.normalizes_jars;
        let flink = target.map(|target| {
            let scala = target.scala.map(|scala| scala.to_string());
            (target.version.to_string(), scala)
        });
        let told: Vec<_> = grounds.iter().map(told).collect();
        let rules = (CHECKS_VERSION, FACTS_VERSION, is_job, normalizes);
        // Whether the times in a jar are those of its build is told by that of the file.
        let files = state.files.iter().map(|(path, digest, role)| {
            let name = path.display().to_string();
            (name, digest, role, modified(path))
        });
        let files: Vec<_> = files.collect();
        let key = Digest::of(&canonical(&(rules, files, flink, told)));
        let memory = &self.context.store;
        if let Some(found) = memory::recall(memory, KIND, key) {
            return Ok(found);
        }
        let mut jars = std::mem::take(&mut state.jars);
        let missing = &state.files[jars.len()..];
        let read = on_all_cores(missing, |(path, _, role)| {
            Ok::<_, FileError>(Jar::read(path)?.with_role(*role))
        });
        for jar in read {
            jars.push(jar?);
        }
        if let Some(target) = target {
            let on_musl = grounds.iter().any(|ground| ground.libc == Some(Libc::Musl));
            let look = |jar: &mut Jar| jar.look_into_classes(target.line.line, on_musl);
            jars.iter_mut().try_for_each(look)?;
        }
        let found = check(&Subject {
            jars: &jars,
            is_job,
            flink: target,
            grounds,
            settings: &[],
            normalizes,
        });
        // What is in them is remembered for what they were when they were hashed.
        let is_same = |(path, ..): &(PathBuf, Digest, Role)| {
            let now = fs::metadata(path);
            let sighting = self.seen.get(path);
            now.is_ok_and(|now| sighting.is_some_and(|sighting| sighting.is_of(&now)))
        };
        // Files in a folder that is added were not seen before, and are read again.
        if state.files.iter().all(is_same) {
            memory::remember(memory, KIND, key, &found);
        }
        state.jars = jars;
        Ok(found)
    }
}

/// When a file was last written, in nanoseconds since 1970.
fn modified(path: &Path) -> Option<u128> {
    let modified = fs::metadata(path).ok()?.modified().ok()?;
    let since = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(since.as_nanos())
}

/// What the image will say of itself on request, Flink's configuration aside.
fn pairs(content: &Content) -> Vec<Setting> {
    let places = [
        (Place::Environment, &content.env),
        (Place::Label, &content.labels),
        (Place::Annotation, &content.annotations),
    ];
    let settings = places.into_iter().flat_map(|(place, pairs)| {
        pairs.iter().map(move |(key, value)| Setting {
            place,
            key: key.to_owned(),
            value: value.to_owned(),
        })
    });
    settings.collect()
}

/// What an image stands on, as far as the checks have to know.
fn ground(base: &PlatformBase) -> Ground {
    let packages = base
        .packages
        .iter()
        .flat_map(|packages| &packages.selection.wanted);
    let mut names = packages.map(ToString::to_string);
    Ground {
        platform: base.platform.clone(),
        java: base
            .java
            .version
            .as_deref()
            .and_then(|version| version.parse().ok()),
        libc: base.base.facts.libc(),
        has_gcompat: names.any(|name| name.starts_with(GCOMPAT)),
        missing_python: base.python.as_ref().and_then(|python| python.missing),
    }
}

/// The same as what findings are remembered for.
fn told(ground: &Ground) -> impl serde::Serialize + use<> {
    (
        ground.platform.to_string(),
        ground.java.map(JavaVersion::major),
        ground.libc.map(|libc| libc.to_string()),
        ground.has_gcompat,
        ground.missing_python,
    )
}
