//! From what was asked to what is: every input is found, looked at and checked, the cheap and local ones first.

use std::path::Path;

use super::context::Fetcher;
use super::lock::Asked;
use super::release::ReleaseSource;
use super::{BuildError, BuildRequest, Context, FlinkSource};
use crate::base::{self, Base, BaseError, BaseSource, Catalogue, Java, Surroundings, UserFile};
use crate::flink::lines::default_release;
use crate::flink::release::{Mirror, Release, Sha512};
use crate::flink::{
    Artifact, Distribution, FlinkVersion, JavaVersion, JobJar, JobLayout, Known, ScalaVersion,
};
use crate::fs;
use crate::oci::{Digest, Platform, Reference};

/// Everything that an image is made of, found and checked; of an index, everything that its images are made of.
#[derive(Debug)]
pub struct Inputs {
    /// What each image stands on, one for each platform, in their order.
    pub bases: Vec<PlatformBase>,
    /// The base as it was named.
    pub base_name: String,
    /// The image in a registry that it is, if it is one.
    pub base_reference: Option<Reference>,
    /// The version of Flink.
    pub version: FlinkVersion,
    /// Flink.
    pub flink: Flink,
    /// The line that it belongs to.
    pub line: Known,
    /// The job's jar.
    pub job_jar: Option<JobJar>,
    /// What else the job needs.
    pub job_artifacts: Vec<Artifact>,
    /// The release that Flink is, if it was asked for as one.
    pub release: Option<ResolvedRelease>,
}

/// A published release, and what it is known by.
#[derive(Debug, Clone)]
pub struct ResolvedRelease {
    /// Which.
    pub release: Release,
    /// Its checksum, as it was published or locked.
    pub sha512: Sha512,
}

/// The base for one platform. Nothing else of the inputs differs between them.
#[derive(Debug)]
pub struct PlatformBase {
    /// The platform that was asked for.
    pub platform: Platform,
    /// What the image stands on.
    pub base: Base,
    /// The base's Java.
    pub java: Java,
}

/// What is known of Flink.
#[derive(Debug)]
pub enum Flink {
    /// All its files.
    Listed {
        /// The files.
        distribution: Distribution,
        /// The checksum of the release that it is, if it was asked for as one.
        release: Option<Sha512>,
    },
    /// The layers that it became in an earlier image, and no file.
    Known {
        /// What stands for the release and its layers; none for a Flink that is none.
        key: Option<Digest>,
        /// The keys of their recipes, lowest first.
        layers: Vec<Digest>,
        /// The Scala version that the files tell, if they do.
        scala: Option<String>,
    },
}

impl Flink {
    /// The Scala version that the files tell, if they do.
    pub(super) fn scala(&self) -> Option<String> {
        match self {
            Self::Listed { distribution, .. } => distribution.scala.map(|scala| scala.to_string()),
            Self::Known { scala, .. } => scala.clone(),
        }
    }
}

/// The inputs that are on this machine, found and checked.
#[derive(Debug)]
pub(super) struct LocalInputs {
    asked_base: Option<BaseSource>,
    bases: Option<Vec<PlatformBase>>,
    version: FlinkVersion,
    line: Known,
    flink: FlinkHere,
    job_jar: Option<JobJar>,
    job_artifacts: Vec<Artifact>,
}

/// Flink: here, or known where to get.
#[derive(Debug)]
enum FlinkHere {
    Here(Distribution),
    Release {
        release: Release,
        mirrors: Vec<Mirror>,
    },
}

/// Finds and checks the inputs that are on this machine, and what of the others can be known without asking anybody.
pub(super) fn open_local(
    request: &BuildRequest,
    fetcher: &Fetcher<'_>,
) -> Result<LocalInputs, BuildError> {
    let context = fetcher.context;
    let (job_jar, job_artifacts) = open_job(request, context)?;
    let asked_base = asked_base(request)?;
    if let Some(version) = &request.java.version {
        version.parse::<JavaVersion>()?;
    }
    // What is large is read at the same time, once it is there at all.
    if let FlinkSource::Archive { path, .. } | FlinkSource::Directory { path, .. } = &request.flink
    {
        fs::metadata(path)?;
    }
    let local_base = match &asked_base {
        Some(BaseSource::Registry(_)) | None => None,
        here => here.as_ref(),
    };
    let surroundings = fetcher.surroundings(request);
    let (flink, bases) = std::thread::scope(|scope| {
        let flink = scope.spawn(|| open_flink(&request.flink, context));
        let bases = local_base.map(|here| open_bases(request, here, &surroundings));
        (flink.join().expect("reading does not panic"), bases)
    });
    let (version, flink) = flink?;
    let bases = bases.transpose()?;
    let line = Known::of(&version)?;
    if let Some(note) = line.note(&version) {
        context.reporter.warn(&note);
    }
    let bases = match (local_base, bases) {
        (Some(source), Some(bases)) => {
            let flink = (&version, line);
            Some(check_bases(request, (source, bases), flink, context)?)
        }
        _ => None,
    };
    Ok(LocalInputs {
        asked_base,
        bases,
        version,
        line,
        flink,
        job_jar,
        job_artifacts,
    })
}

/// Opens the files of the job.
pub(super) fn open_job(
    request: &BuildRequest,
    context: &Context,
) -> Result<(Option<JobJar>, Vec<Artifact>), BuildError> {
    let job_jar = request
        .job_jar
        .as_deref()
        .map(|path| JobJar::open(path, &context.store))
        .transpose()?;
    let job_artifacts = Artifact::open_all(&request.job_artifacts, &context.store)?;
    // Names that collide are found here, not after the downloads.
    JobLayout::new(job_jar.as_ref().map(|jar| &jar.artifact), &job_artifacts)?;
    Ok((job_jar, job_artifacts))
}

/// Reads a Flink that is on this machine; of a release, what can be known without asking for it.
fn open_flink(
    source: &FlinkSource,
    context: &Context,
) -> Result<(FlinkVersion, FlinkHere), BuildError> {
    let here = |distribution: Distribution, path: &Path, asked: Option<&FlinkVersion>| {
        let distribution = checked(distribution, path, asked)?;
        Ok((distribution.version.clone(), FlinkHere::Here(distribution)))
    };
    match source {
        FlinkSource::Archive { path, version } => {
            let spool = context.store.temporary();
            let distribution = Distribution::from_archive(path, &spool, &context.store)?;
            here(distribution, path, version.as_ref())
        }
        FlinkSource::Directory { path, version } => {
            let distribution = Distribution::from_directory(path, &context.store)?;
            here(distribution, path, version.as_ref())
        }
        FlinkSource::Release {
            version,
            scala,
            mirrors,
        } => {
            let release = asked_release(version.as_ref(), *scala, context)?;
            let mirrors = mirrors.clone();
            Ok((
                release.version.clone(),
                FlinkHere::Release { release, mirrors },
            ))
        }
    }
}

/// The release that is asked for.
pub(super) fn asked_release(
    version: Option<&FlinkVersion>,
    scala: Option<ScalaVersion>,
    context: &Context,
) -> Result<Release, BuildError> {
    let version = version.cloned().unwrap_or_else(|| {
        let version = default_release();
        let message = format!("No Flink is given, so it is the default release {version}");
        context.reporter.note(&message);
        version
    });
    let scala = Known::of(&version)?.scala(&version, scala)?;
    Ok(Release { version, scala })
}

/// Finds and checks what is not on this machine: the base first, and then Flink.
pub(super) fn resolve(
    request: &BuildRequest,
    local: LocalInputs,
    fetcher: &Fetcher<'_>,
) -> Result<Inputs, BuildError> {
    let context = fetcher.context;
    let LocalInputs { version, line, .. } = local;
    let source = match local.asked_base {
        Some(source) => source,
        None => default_base(&version, line, context)?,
    };
    if let Some(lock) = &request.lock {
        lock.check_asked(&Asked {
            request,
            base: &source,
            release: match &local.flink {
                FlinkHere::Here(_) => None,
                FlinkHere::Release { release, .. } => Some(release),
            },
        })?;
    }
    let bases = if let Some(opened) = local.bases {
        opened
    } else {
        let bases = open_bases(request, &source, &fetcher.surroundings(request))?;
        check_bases(request, (&source, bases), (&version, line), context)?
    };
    fetcher.last.wait()?;
    let (flink, release) = match local.flink {
        FlinkHere::Here(distribution) => {
            let flink = Flink::Listed {
                distribution,
                release: None,
            };
            (flink, None)
        }
        FlinkHere::Release { release, mirrors } => {
            let source = ReleaseSource::new(release.clone(), mirrors, context);
            let locked = request.lock.as_ref();
            let sha512 = match locked.and_then(|lock| lock.checksum(&release)) {
                Some(sha512) => sha512,
                None => source.checksum()?,
            };
            let flink = source.resolve(sha512, line, request.compression, fetcher)?;
            (flink, Some(ResolvedRelease { release, sha512 }))
        }
    };
    Ok(Inputs {
        bases,
        base_name: source.to_string(),
        base_reference: match source {
            BaseSource::Registry(reference) => Some(reference),
            _ => None,
        },
        version,
        flink,
        line,
        job_jar: local.job_jar,
        job_artifacts: local.job_artifacts,
        release,
    })
}

fn checked(
    distribution: Distribution,
    path: &Path,
    asked: Option<&FlinkVersion>,
) -> Result<Distribution, BuildError> {
    if let Some(asked) = asked {
        distribution.expect_version(path, asked)?;
    }
    Ok(distribution)
}

/// The base that the user names: one of the catalogue, or any other.
pub(super) fn asked_base(request: &BuildRequest) -> Result<Option<BaseSource>, BuildError> {
    let Some(name) = &request.base else {
        return Ok(None);
    };
    Ok(Some(match Catalogue::embedded().named(name) {
        Some(entry) => BaseSource::Registry(entry.reference.clone()),
        None => name.parse()?,
    }))
}

/// The base of the catalogue whose Java is the default of the line or, if there is none, one that works.
pub(super) fn default_base(
    version: &FlinkVersion,
    line: Known,
    context: &Context,
) -> Result<BaseSource, BuildError> {
    let java = line.line.default_java;
    let catalogue = Catalogue::embedded();
    let entry = [java]
        .iter()
        .chain(line.line.java)
        .find_map(|java| catalogue.for_java((*java).into()))
        .ok_or_else(|| BuildError::NoDefaultBase {
            version: version.clone(),
            java,
        })?;
    let message = format!(
        "No base is given, so it is `{}` ({})",
        entry.name, entry.reference
    );
    context.reporter.note(&message);
    Ok(BaseSource::Registry(entry.reference.clone()))
}

/// Opens the base for all platforms, before anything large is brought for the first of them, and looks into each.
fn open_bases(
    request: &BuildRequest,
    source: &BaseSource,
    surroundings: &Surroundings<'_>,
) -> Result<Vec<Base>, BaseError> {
    let opened = match (&request.lock, source) {
        (Some(lock), BaseSource::Registry(reference)) => {
            lock.open_bases(reference, &request.platforms)?
        }
        _ => base::open(source, &request.platforms, surroundings)?,
    };
    opened
        .into_iter()
        .map(|opened| opened.look_into(&request.java, surroundings))
        .collect()
}

/// Checks the base for each platform. Where there are several, messages tell which it is about.
fn check_bases(
    request: &BuildRequest,
    (source, bases): (&BaseSource, Vec<Base>),
    flink: (&FlinkVersion, Known),
    context: &Context,
) -> Result<Vec<PlatformBase>, BuildError> {
    let platforms = &request.platforms;
    let check = |(platform, base): (&Platform, Base)| {
        let name = if platforms.are_several() {
            format!("{source}` for `{platform}")
        } else {
            source.to_string()
        };
        Ok(PlatformBase {
            platform: platform.clone(),
            java: check_base(request, (&base, &name), flink, context)?,
            base,
        })
    };
    platforms.iter().zip(bases).map(check).collect()
}

/// What Flink's scripts will need of the base.
fn check_base(
    request: &BuildRequest,
    (base, name): (&Base, &str),
    (version, line): (&FlinkVersion, Known),
    context: &Context,
) -> Result<Java, BuildError> {
    let java = base.facts.java.clone().ok_or_else(|| BuildError::NoJava {
        base: name.to_owned(),
        home: request.java.home.clone(),
    })?;
    if base.facts.has_flink {
        return Err(BuildError::BaseHasFlink {
            base: name.to_owned(),
        });
    }
    if !base.facts.missing.is_empty() {
        return Err(BuildError::MissingPrograms {
            base: name.to_owned(),
            programs: base.facts.missing.join("`, `"),
        });
    }
    let users = base.facts.users.iter();
    for (file, users) in
        users.flat_map(|users| [("passwd", &users.passwd), ("group", &users.group)])
    {
        if *users == UserFile::Special {
            context.reporter.warn(&format!(
                "`/etc/{file}` of the base `{name}` is a link or no plain text, so `flink` is not added to it"
            ));
        }
    }
    let found = java.version.as_deref().map(str::parse::<JavaVersion>);
    match found {
        Some(Ok(found)) => line.check_java(version, found)?,
        Some(Err(_)) | None => context.reporter.warn(&format!(
            "The base `{name}` does not tell which Java it has, so it is not known whether Flink {version} runs on it; \
             say it with `--java-version`"
        )),
    }
    Ok(java)
}
