//! From what was asked to what is: every input is found, looked at and checked, the cheap and local ones first.

use std::path::{Path, PathBuf};

use super::bases::{self, ChosenBase};
use super::content::{self, ContentKeys, LayoutPlaces, OpenedContent};
use super::context::Fetcher;
use super::foundation::{self, PlatformBase, Wish};
use super::hadoop::{self, ResolvedHadoop};
use super::lock::Asked;
use super::normalize::normalized;
use super::packages;
use super::preflight::Preflight;
use super::release::{ReleaseSource, ReleaseUse};
use super::{BuildError, BuildRequest, Context, FlinkSource};
use crate::base::{Base, BaseSource};
use crate::error::FileError;
use crate::flink::hadoop::HadoopJar;
use crate::flink::lines::default_release;
use crate::flink::release::{Checks, Mirror, Release, Sha512, Signer};
use crate::flink::{
    Artifact, Distribution, FlinkVersion, HadoopVariant, JavaVersion, JobJar, JobLayout, JobPlaces,
    Known, ScalaVersion, check_names, real_home,
};
use crate::fs;
use crate::memory::Sighting;
use crate::oci::{Digest, Reference};
use crate::preflight::Target;

/// Everything that an image is made of, found and checked; of an index, everything that its images are made of.
#[derive(Debug)]
pub struct Inputs {
    /// What each image stands on, one for each platform, in their order.
    pub bases: Vec<PlatformBase>,
    /// The base as it was named.
    pub base_name: String,
    /// The packages that the catalogue puts into it.
    pub base_packages: Vec<String>,
    /// The image in a registry that it is, if it is one.
    pub base_reference: Option<Reference>,
    /// The version of Flink.
    pub version: FlinkVersion,
    /// Flink.
    pub flink: Flink,
    /// The line that it belongs to.
    pub line: Known,
    /// Hadoop, if it is put in as a jar.
    pub hadoop: Option<ResolvedHadoop>,
    /// The job's jar.
    pub job_jar: Option<JobJar>,
    /// What else the job needs.
    pub job_artifacts: Vec<Artifact>,
    /// The release that Flink is, if it was asked for as one.
    pub release: Option<ResolvedRelease>,
    /// What else is put into the image.
    pub content: OpenedContent,
}

/// A published release, and what it is known by.
#[derive(Debug, Clone)]
pub struct ResolvedRelease {
    /// Which.
    pub release: Release,
    /// Its checksum, as it was published or locked.
    pub sha512: Sha512,
    /// What stands for its layers in the image, and for the content that follows from it.
    pub(super) keys: ContentKeys,
}

/// What is known of Flink.
#[derive(Debug)]
pub enum Flink {
    /// All its files.
    Listed {
        /// The files.
        distribution: Distribution,
        /// Who signed the release, if that was found out.
        signer: Option<Signer>,
    },
    /// The layers that it became in an earlier image, and no file.
    Known {
        /// The keys of their recipes, lowest first.
        layers: Vec<Digest>,
        /// The Scala version that the files tell, if they do.
        scala: Option<String>,
        /// Who signed the release, if that was found out.
        signer: Option<Signer>,
        /// The key of the recipe of the content in its home, if there is any.
        configuration: Option<Digest>,
    },
}

impl Flink {
    /// Who signed it; `None` if it is no release, or nobody found out.
    pub fn signer(&self) -> Option<&Signer> {
        match self {
            Self::Listed { signer, .. } | Self::Known { signer, .. } => signer.as_ref(),
        }
    }

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
pub(super) struct LocalInputs<'a> {
    asked_base: Option<ChosenBase>,
    bases: Option<Vec<Base>>,
    version: FlinkVersion,
    line: Known,
    flink: FlinkHere,
    hadoop: Option<HadoopJar>,
    job_jar: Option<JobJar>,
    job_artifacts: Vec<Artifact>,
    content: OpenedContent,
    /// The job in the image, to be held against what is there besides.
    job: JobLayout,
    preflight: Option<&'a Preflight<'a>>,
}

impl LocalInputs<'_> {
    /// What else is put into the image.
    pub(super) fn content(&self) -> &OpenedContent {
        &self.content
    }
}

/// Flink: here, or known where to get.
#[derive(Debug)]
enum FlinkHere {
    Here(Distribution),
    Release {
        release: Release,
        mirrors: Vec<Mirror>,
        checks: Checks,
    },
}

/// Finds and checks the inputs that are on this machine, and what of the others can be known without asking anybody.
/// Without `preflight` it is not looked for what would fail in the cluster.
pub(super) fn open_local<'a>(
    request: &BuildRequest,
    fetcher: &Fetcher<'_>,
    preflight: Option<&'a Preflight<'a>>,
) -> Result<LocalInputs<'a>, BuildError> {
    let context = fetcher.context;
    let (job_jar, job_artifacts) = open_job(request, context)?;
    if let Some(preflight) = preflight {
        preflight.early(job_jar.as_ref(), &job_artifacts)?;
    }
    let asked_base = bases::asked(request)?;
    if let Some(version) = &request.java.version {
        version.parse::<JavaVersion>()?;
    }
    packages::check(request)?;
    // What is large is read at the same time, once it is there at all.
    if let FlinkSource::Archive { path, .. } | FlinkSource::Directory { path, .. } = &request.flink
    {
        fs::metadata(path)?;
    }
    let is_here = |base: &&ChosenBase| !matches!(base.source, BaseSource::Registry(_));
    let local_base = asked_base.as_ref().filter(is_here);
    let surroundings = fetcher.surroundings(request);
    let (flink, bases) = std::thread::scope(|scope| {
        let flink = scope.spawn(|| open_flink(&request.flink, context));
        let bases = local_base.map(|here| foundation::open_local(request, here, &surroundings));
        (flink.join().expect("reading does not panic"), bases)
    });
    let (version, flink) = flink?;
    let bases = bases.transpose()?;
    let line = Known::of(&version)?;
    if let Some(note) = line.note(&version) {
        context.reporter.warn(&note);
    }
    let hadoop = hadoop::asked(request, &version, line)?;
    let places = JobPlaces::of(line.line, &version);
    let jar = job_jar.as_ref().map(|jar| &jar.artifact);
    let job = JobLayout::new(&places, jar, &job_artifacts)?;
    let content = content::open(&request.content, line.line, &version, context)?;
    if let Some(preflight) = preflight {
        preflight.configured(&content, &real_home(line.line, &version))?;
    }
    let asked = (&request.content, &content);
    if let FlinkHere::Here(distribution) = &flink {
        hadoop::check(hadoop.as_ref(), distribution)?;
        let besides = (hadoop.as_ref(), &job);
        content::check(distribution, line.line, asked, besides, &*context.reporter)?;
    } else {
        let places = LayoutPlaces {
            flink: None,
            configuration: &[],
            hadoop: hadoop.as_ref(),
            job: &job,
        };
        places.check(&content, (line.line, &version))?;
    }
    if let (Some(chosen), Some(bases)) = (local_base, &bases) {
        let wish = Wish {
            request,
            chosen,
            version: &version,
            line,
        };
        wish.check_local(bases, context)?;
    }
    Ok(LocalInputs {
        asked_base,
        bases,
        version,
        line,
        flink,
        hadoop,
        job_jar,
        job_artifacts,
        content,
        job,
        preflight,
    })
}

/// Opens the files of the job.
pub(super) fn open_job(
    request: &BuildRequest,
    context: &Context,
) -> Result<(Option<JobJar>, Vec<Artifact>), BuildError> {
    let sight = |path: &PathBuf| Ok(Sighting::new(path, &fs::metadata(path)?, fs::now()));
    let paths = request.job_jar.iter().chain(&request.job_artifacts);
    let seen = if request.normalizes_jars {
        paths.map(sight).collect::<Result<Vec<_>, FileError>>()?
    } else {
        Vec::new()
    };
    let mut job_jar = request
        .job_jar
        .as_deref()
        .map(|path| JobJar::open(path, &context.store))
        .transpose()?;
    let mut job_artifacts = Artifact::open_all(&request.job_artifacts, &context.store)?;
    // Names that collide are found here, not after the downloads.
    check_names(job_jar.as_ref().map(|jar| &jar.artifact), &job_artifacts)?;
    let opened = job_jar.as_mut().map(|jar| &mut jar.artifact);
    for (artifact, seen) in opened.into_iter().chain(&mut job_artifacts).zip(&seen) {
        *artifact = normalized(artifact.clone(), seen, context)?;
    }
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
            hadoop,
            mirrors,
            signatures,
        } => {
            let checks = signatures.open()?;
            let release = asked_release(version.as_ref(), *scala, *hadoop, context)?;
            let here = FlinkHere::Release {
                release: release.clone(),
                mirrors: mirrors.clone(),
                checks,
            };
            Ok((release.version, here))
        }
    }
}

/// The release that is asked for.
pub(super) fn asked_release(
    version: Option<&FlinkVersion>,
    scala: Option<ScalaVersion>,
    hadoop: Option<HadoopVariant>,
    context: &Context,
) -> Result<Release, BuildError> {
    let version = version.cloned().unwrap_or_else(|| {
        let version = default_release();
        let message = format!("No Flink is given, so it is the default release {version}");
        context.reporter.note(&message);
        version
    });
    let known = Known::of(&version)?;
    let scala = known.scala(&version, scala)?;
    let hadoop = hadoop
        .map(|hadoop| known.hadoop(&version, hadoop))
        .transpose()?;
    Ok(Release {
        version,
        scala,
        hadoop,
    })
}

/// Finds and checks what is not on this machine: the base first, and then Flink.
pub(super) fn resolve(
    request: &BuildRequest,
    local: LocalInputs<'_>,
    fetcher: &Fetcher<'_>,
) -> Result<Inputs, BuildError> {
    let context = fetcher.context;
    let LocalInputs { version, line, .. } = local;
    let chosen = match local.asked_base {
        Some(chosen) => chosen,
        None => bases::default(request, &version, line, &*context.reporter)?,
    };
    if let Some(lock) = &request.lock {
        lock.check_asked(&Asked {
            request,
            content: &local.content,
            base: &chosen,
            release: match &local.flink {
                FlinkHere::Here(_) => None,
                FlinkHere::Release { release, .. } => Some(release),
            },
            hadoop: local.hadoop.as_ref(),
        })?;
    }
    let wish = Wish {
        request,
        chosen: &chosen,
        version: &version,
        line,
    };
    let resolved = wish.resolve(local.bases, fetcher);
    let bases = resolved.map_err(|error| bases::explain(request, error))?;
    for base in &bases {
        local.content.check_java(&base.java.home)?;
    }
    if let Some(preflight) = local.preflight {
        let scala = match &local.flink {
            FlinkHere::Here(distribution) => distribution.scala,
            FlinkHere::Release { release, .. } => Some(release.scala),
        };
        let target = Target {
            version: &version,
            line,
            scala,
        };
        preflight.late(target, &bases)?;
    } else {
        // A lock is for builds that find nothing wrong with it.
        content::check_python(&bases)?;
    }
    fetcher.last.wait()?;
    // Before what is larger.
    let hadoop = local
        .hadoop
        .map(|jar| hadoop::resolve(jar, request, fetcher))
        .transpose()?;
    let jar = hadoop.as_ref().map(|hadoop| &hadoop.jar);
    let (flink, release) = match local.flink {
        FlinkHere::Here(distribution) => {
            let flink = Flink::Listed {
                distribution,
                signer: None,
            };
            (flink, None)
        }
        FlinkHere::Release {
            release,
            mirrors,
            checks,
        } => {
            let source = ReleaseSource::new(release.clone(), mirrors, checks, context);
            let locked = request.lock.as_ref();
            let sha512 = match locked.and_then(|lock| lock.checksum(&release)) {
                Some(sha512) => sha512,
                None => source.checksum()?,
            };
            let asked = (&request.content, &local.content);
            let choice = request.compression;
            let keys = ContentKeys::new(&sha512, asked, (line.line, &version), choice)?;
            let wanted = ReleaseUse {
                keys,
                needs_names: local.job.may_collide(),
            };
            let flink = source.resolve(sha512, wanted, fetcher)?;
            if let Flink::Listed { distribution, .. } = &flink {
                hadoop::check(jar, distribution)?;
                content::check(
                    distribution,
                    line.line,
                    asked,
                    (jar, &local.job),
                    &*context.reporter,
                )?;
            }
            let release = ResolvedRelease {
                release,
                sha512,
                keys,
            };
            (flink, Some(release))
        }
    };
    Ok(Inputs {
        bases,
        base_name: chosen.source.to_string(),
        base_packages: chosen.packages,
        base_reference: match chosen.source {
            BaseSource::Registry(reference) => Some(reference),
            _ => None,
        },
        version,
        flink,
        line,
        hadoop,
        job_jar: local.job_jar,
        job_artifacts: local.job_artifacts,
        release,
        content: local.content,
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
