//! From what was asked to what is: every input is found, looked at and checked, the cheap and local ones first.

use std::path::Path;
use std::sync::Arc;

use super::{BuildError, BuildRequest, Context, FlinkSource};
use crate::base::{self, Base, BaseSource, Catalogue, Java, UserFile};
use crate::flink::lines::default_release;
use crate::flink::release::{Fetched, Mirror, Places, Release, Sources};
use crate::flink::{
    Artifact, Distribution, FlinkVersion, JavaVersion, JobJar, JobLayout, Known, ScalaVersion,
};
use crate::http::{Redirects, Route};
use crate::oci::Reference;

/// Everything that an image is made of, found and checked.
#[derive(Debug)]
pub struct Inputs {
    /// What the image stands on.
    pub base: Base,
    /// As it was named.
    pub base_name: String,
    /// The image in a registry that it is, if it is one.
    pub base_reference: Option<Reference>,
    /// The base's Java.
    pub java: Java,
    /// Flink.
    pub distribution: Distribution,
    /// The line that it belongs to.
    pub line: Known,
    /// The job's jar.
    pub job_jar: Option<JobJar>,
    /// What else the job needs.
    pub job_artifacts: Vec<Artifact>,
}

/// The inputs that are on this machine, found and checked.
#[derive(Debug)]
pub struct LocalInputs {
    asked_base: Option<BaseSource>,
    base: Option<(Base, Java)>,
    version: FlinkVersion,
    line: Known,
    flink: Flink,
    job_jar: Option<JobJar>,
    job_artifacts: Vec<Artifact>,
}

/// Flink: here, or known where to get.
#[derive(Debug)]
enum Flink {
    Here(Distribution),
    Release {
        scala: ScalaVersion,
        mirrors: Vec<Mirror>,
    },
}

/// Finds and checks the inputs that are on this machine, and what of the others can be known without asking anybody.
pub fn open_local(request: &BuildRequest, context: &Context) -> Result<LocalInputs, BuildError> {
    let job_jar = request
        .job_jar
        .as_deref()
        .map(|path| JobJar::open(path, &context.store))
        .transpose()?;
    let job_artifacts = Artifact::open_all(&request.job_artifacts, &context.store)?;
    // Names that collide are found here, not after the downloads.
    JobLayout::new(job_jar.as_ref().map(|jar| &jar.artifact), &job_artifacts)?;
    let asked_base = asked_base(request)?;
    if let Some(version) = &request.java.version {
        version.parse::<JavaVersion>()?;
    }
    let here = |distribution: Distribution, path: &Path, asked: Option<&FlinkVersion>| {
        let distribution = checked(distribution, path, asked)?;
        Ok::<_, BuildError>((distribution.version.clone(), Flink::Here(distribution)))
    };
    let (version, flink) = match &request.flink {
        FlinkSource::Archive { path, version } => {
            let spool = context.store.temporary();
            here(
                Distribution::from_archive(path, &spool, &context.store)?,
                path,
                version.as_ref(),
            )?
        }
        FlinkSource::Directory { path, version } => here(
            Distribution::from_directory(path, &context.store)?,
            path,
            version.as_ref(),
        )?,
        FlinkSource::Release {
            version,
            scala,
            mirrors,
        } => {
            let version = version.clone().unwrap_or_else(|| {
                let version = default_release();
                let message = format!("No Flink is given, so it is the default release {version}");
                context.reporter.note(&message);
                version
            });
            let scala = Known::of(&version)?.scala(&version, *scala)?;
            let mirrors = mirrors.clone();
            (version, Flink::Release { scala, mirrors })
        }
    };
    if job_jar.is_none() && job_artifacts.is_empty() {
        context
            .reporter
            .note("No job is given, so the image is one for session clusters");
    }
    let line = Known::of(&version)?;
    if let Some(note) = line.note(&version) {
        context.reporter.warn(&note);
    }
    let base = match &asked_base {
        Some(BaseSource::Registry(_)) | None => None,
        Some(here) => Some(open_base(here, request, (&version, line), context)?),
    };
    Ok(LocalInputs {
        asked_base,
        base,
        version,
        line,
        flink,
        job_jar,
        job_artifacts,
    })
}

/// Opens the base and checks that Flink can stand on it.
fn open_base(
    source: &BaseSource,
    request: &BuildRequest,
    flink: (&FlinkVersion, Known),
    context: &Context,
) -> Result<(Base, Java), BuildError> {
    let surroundings = context.surroundings();
    let base = base::resolve(source, &request.platform, &request.java, &surroundings)?;
    let java = check_base(request, (&base, &source.to_string()), flink, context)?;
    Ok((base, java))
}

/// Finds and checks what is not on this machine: the base first, and then Flink.
pub fn resolve(
    request: &BuildRequest,
    local: LocalInputs,
    context: &Context,
) -> Result<Inputs, BuildError> {
    let LocalInputs { version, line, .. } = local;
    let source = match local.asked_base {
        Some(source) => source,
        None => default_base(&version, line, context)?,
    };
    let (base, java) = match local.base {
        Some(opened) => opened,
        None => open_base(&source, request, (&version, line), context)?,
    };
    let distribution = match local.flink {
        Flink::Here(distribution) => distribution,
        Flink::Release { scala, mirrors } => {
            let fetched = download(&version, scala, &mirrors, context)?;
            let spool = context.store.temporary();
            let distribution = Distribution::from_release(&fetched, &spool, &context.store)?;
            checked(distribution, &fetched.path, Some(&version))?
        }
    };
    Ok(Inputs {
        base,
        base_name: source.to_string(),
        base_reference: match source {
            BaseSource::Registry(reference) => Some(reference),
            _ => None,
        },
        java,
        distribution,
        line,
        job_jar: local.job_jar,
        job_artifacts: local.job_artifacts,
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
fn asked_base(request: &BuildRequest) -> Result<Option<BaseSource>, BuildError> {
    let Some(name) = &request.base else {
        return Ok(None);
    };
    Ok(Some(match Catalogue::embedded().named(name) {
        Some(entry) => BaseSource::Registry(entry.reference.clone()),
        None => name.parse()?,
    }))
}

/// The base of the catalogue whose Java is the default of the line or, if there is none, one that works.
fn default_base(
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
    for (file, users) in [("passwd", &base.facts.passwd), ("group", &base.facts.group)] {
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

/// The release in the cache, downloaded if it is not there.
fn download(
    version: &FlinkVersion,
    scala: ScalaVersion,
    mirrors: &[Mirror],
    context: &Context,
) -> Result<Fetched, BuildError> {
    let client = context.http.client(Redirects::Follow, Route::System)?;
    let release = Release {
        version: version.clone(),
        scala,
    };
    let sources = Sources {
        client,
        retry: context.http.retry,
        places: Places::new(mirrors.to_vec()),
        cache: context.store.releases(),
        spool: context.store.temporary(),
        memory: Arc::new(context.store.clone()),
        reporter: Arc::clone(&context.reporter),
    };
    let fetched = context.runtime.block_on(release.fetch(None, &sources))?;
    context.reporter.detail(&match &fetched.place {
        Some(place) => format!("Flink {version} was downloaded from {place}"),
        None => format!("Flink {version} is in the cache"),
    });
    Ok(fetched)
}
