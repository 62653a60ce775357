//! `flink-img check`

use std::path::PathBuf;

use serde_json::json;

use super::args::CheckArgs;
use super::file::ConfigFile;
use super::output::Printer;
use super::report::Failure;
use super::settings;
use crate::base::{CatalogueEntry, Libc};
use crate::build::default_base;
use crate::error::{Explain, Kind};
use crate::flink::lines::default_release;
use crate::flink::{FlinkVersion, JavaVersion, Known};
use crate::fs;
use crate::oci::{Platform, Platforms};
use crate::preflight::{self, Finding, Ground, Jar, Severity, Subject, Target};
use crate::progress::Reporter as _;

/// A word that cannot be followed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum CheckError {
    #[error("The catalogue has no base `{name}`, and no other base is looked into here")]
    NoSuchBase { name: String, meant: Option<String> },
    #[error("`{}` is {what}, not a file", path.display())]
    NotAFile { path: PathBuf, what: &'static str },
}

impl Explain for CheckError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoSuchBase { .. } => Kind::Usage,
            Self::NotAFile { .. } => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoSuchBase { meant: Some(meant), .. } => {
                format!("did you mean `--base {meant}`; `flink-img bases` lists all")
            }
            Self::NoSuchBase { meant: None, .. } => {
                "say what it has with `--java-version` and `--libc`; `flink-img build` looks into every base".to_owned()
            }
            Self::NotAFile { .. } => "name each jar by itself".to_owned(),
        })
    }
}

/// What the jars are checked for.
struct Circumstances {
    version: FlinkVersion,
    line: Known,
    java: JavaVersion,
    libc: Libc,
    grounds: Vec<Ground>,
}

pub(super) fn run(arguments: &CheckArgs, printer: &Printer) -> Result<(), Failure> {
    let mut arguments = arguments.clone();
    let file = ConfigFile::find(
        &arguments.file,
        arguments.jars.first().map(PathBuf::as_path),
    )?;
    file.complete_check(&mut arguments);
    for path in &arguments.jars {
        if let Some(what) = fs::other_than_file(path)? {
            let path = path.clone();
            return Err(CheckError::NotAFile { path, what }.into());
        }
    }
    let circumstances = circumstances(&arguments, &file, printer)?;
    let mut jars = Vec::new();
    for path in &arguments.jars {
        let mut jar = Jar::read(path)?;
        jar.look_into_classes(circumstances.line.line, circumstances.libc == Libc::Musl)?;
        jars.push(jar);
    }
    let found = preflight::check(&Subject {
        jars: &jars,
        is_job: true,
        flink: Some(Target {
            version: &circumstances.version,
            line: circumstances.line,
            scala: arguments.scala_version,
        }),
        grounds: &circumstances.grounds,
        ..Subject::default()
    });
    let policy = settings::policy(&arguments.checks);
    let left = policy.left(&found);
    if arguments.json {
        let allowed = found.len() - left.len();
        printer.result(&object(&arguments, &circumstances, &left, allowed).to_string())?;
    } else {
        for finding in &left {
            let (severity, code) = (finding.code.severity(), finding.code);
            printer.result(&format!("{severity}[{code}]: {}", finding.message))?;
            printer.result(&format!("hint: {}", finding.way_out))?;
        }
        if left.is_empty() {
            printer.note("The checks found nothing");
        }
    }
    policy.refuse(&left)?;
    Ok(())
}

/// What the jars are checked for: what is said, else what is so by default, which is told.
fn circumstances(
    arguments: &CheckArgs,
    file: &ConfigFile,
    printer: &Printer,
) -> Result<Circumstances, Failure> {
    let version = arguments.flink_version.clone().unwrap_or_else(|| {
        let version = default_release();
        printer.note(&format!(
            "No Flink is given, so it is the default release {version}"
        ));
        version
    });
    let line = Known::of(&version)?;
    if let Some(scala) = arguments.scala_version {
        line.scala(&version, Some(scala))?;
    }
    if let Some(note) = line.note(&version) {
        printer.warn(&note);
    }
    let platforms = Platforms::new(arguments.platform.clone())
        .unwrap_or_else(|| Platform::linux_amd64().into());
    let catalogue = settings::catalogue(&arguments.catalogue)?;
    let base = match &arguments.base {
        Some(name) => Some(
            catalogue
                .named(name)
                .ok_or_else(|| CheckError::NoSuchBase {
                    name: name.clone(),
                    meant: catalogue.closest(name).map(ToOwned::to_owned),
                })?,
        ),
        None => match file.base_name() {
            Some(name) => {
                let known = catalogue.named(name);
                let decides = arguments.java_version.is_none() || arguments.libc.is_none();
                if known.is_none() && decides {
                    printer.note(&format!(
                        "The base `{name}` of the file is not looked into here: what it has is said with `--java-version` and `--libc`"
                    ));
                }
                known
            }
            None => default_base(&catalogue, line, &platforms),
        },
    };
    let java = match &arguments.java_version {
        Some(java) => java.parse()?,
        None => JavaVersion::of(base.map_or(line.line.default_java, |base| base.java)),
    };
    let by_base = base.map_or(Libc::Glibc, |base| base.libc);
    let libc = arguments.libc.map_or(by_base, Libc::from);
    if arguments.java_version.is_none() && arguments.base.is_none() {
        let of = base.map_or_else(String::new, |base| format!(" of `{}`", base.name));
        printer.note(&format!("No Java is given, so it is Java {java}{of}"));
    }
    let has_gcompat = base.is_some_and(CatalogueEntry::has_gcompat);
    let ground = |platform: &Platform| Ground {
        platform: platform.clone(),
        java: Some(java),
        libc: Some(libc),
        has_gcompat,
        missing_python: None,
    };
    Ok(Circumstances {
        grounds: platforms.iter().map(ground).collect(),
        version,
        line,
        java,
        libc,
    })
}

/// The object of `--json`.
fn object(
    arguments: &CheckArgs,
    circumstances: &Circumstances,
    left: &[&Finding],
    allowed: usize,
) -> serde_json::Value {
    let count = |severity| {
        let of_it = left
            .iter()
            .filter(|finding| finding.code.severity() == severity);
        of_it.count()
    };
    let findings: Vec<_> = left
        .iter()
        .map(|finding| {
            json!({
                "code": finding.code,
                "severity": finding.code.severity().to_string(),
                "subject": finding.subject,
                "message": finding.message,
                "wayOut": finding.way_out,
            })
        })
        .collect();
    let jars: Vec<_> = arguments
        .jars
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let platforms = circumstances.grounds.iter();
    let platforms: Vec<_> = platforms
        .map(|ground| ground.platform.to_string())
        .collect();
    json!({
        "findings": findings,
        "errors": count(Severity::Error),
        "warnings": count(Severity::Warning),
        "allowed": allowed,
        "jars": jars,
        "flink": circumstances.version.to_string(),
        "java": circumstances.java.major(),
        "libc": circumstances.libc.to_string(),
        "platforms": platforms,
    })
}
