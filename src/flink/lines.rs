//! What changed between the lines of Flink: the one table that decides it.
//!
//! A new line is one new row at the end of [`LINES`], and [`DEFAULT_RELEASE`] if it becomes the default.
//! Sources: the release notes of each line, and the official images
//! (<https://github.com/apache/flink-docker>, its branches `dev-*`).

mod environment;
mod error;
mod hadoop;
mod moved;
mod options;
mod provided;

use super::java::JavaVersion;
use super::version::{FlinkVersion, HadoopVariant, ScalaVersion};
use environment::{ENVIRONMENT_1_6, ENVIRONMENT_1_9, ENVIRONMENT_1_10};
use hadoop::{SHADED_1_8, SHADED_1_9, SHADED_1_10};
use moved::{ONLY_1, ONLY_2};
use options::{
    OPTIONS_1_6, OPTIONS_1_7, OPTIONS_1_8, OPTIONS_1_10, OPTIONS_1_11, OPTIONS_1_19, OPTIONS_2_0,
};
use provided::{PROVIDED_1_6, PROVIDED_1_9, PROVIDED_1_15};

pub use error::{Choice, LineError};
pub use hadoop::ShadedJar;
pub use options::JobOption;
pub use provided::Provided;

/// The release that is used when none is named.
pub const DEFAULT_RELEASE: &str = "2.3.0";

/// One line of Flink: all releases with the same major and minor number.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// Major and minor number.
    pub number: (u16, u16),
    /// The newest release that is known here; for messages only.
    pub newest: &'static str,
    /// The Java versions that it works with.
    pub java: &'static [u16],
    /// The Java version to take when there is a choice.
    pub default_java: u16,
    /// The Scala versions that it was published for.
    pub scala: &'static [ScalaVersion],
    /// The Scala version to take when there is a choice.
    pub default_scala: ScalaVersion,
    /// Whether the default configuration binds everything to `localhost` (FLINK-24474), and so has to be
    /// opened for an image.
    pub binds_to_localhost: bool,
    /// Where the distribution lies in an image.
    pub home: Home,
    /// Where the files of a job lie in an image, and how they get onto the class path.
    pub job: JobPlace,
    /// Which file it reads its configuration from.
    pub config: ConfigForm,
    /// How it comes by Hadoop.
    pub hadoop: Hadoop,
    /// Whether it loads what lies in `plugins/` (FLINK-11952).
    pub has_plugins: bool,
    /// How a job in Python comes by Flink's own jar for it.
    pub python: PythonJar,
    /// The logging library that its `conf/log4j*.properties` are written for (FLINK-5339).
    pub log4j: u8,
    /// The variables that an image has, each with its value; `PATH` and those of Java aside.
    pub environment: &'static [(&'static str, &'static str)],
    /// Whether Flink's programs come before all others on the `PATH`, or after them.
    pub programs_first: bool,
    /// What its job process understands before the arguments of the job.
    pub options: &'static [JobOption],
    /// What of Flink is on its class path, and so must not be in a jar of a job.
    pub provided: &'static [&'static [Provided]],
    /// Names of classes, with slashes, that only another major version of Flink has: what mentions one is made for that.
    pub foreign: &'static [&'static str],
}

impl Line {
    /// Major and minor number as people write them: `1.20`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.number.0, self.number.1)
    }
}

/// Where a distribution lies in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// In `/opt/flink-VERSION`, to which `/opt/flink` is a link: the historic job image.
    Versioned,
    /// In `/opt/flink`.
    Plain,
}

/// Where the files of a job lie in an image, and how they get onto the class path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobPlace {
    /// `/opt/job.jar`, with a link in `lib/`; further files as with [`Self::Lib`].
    JobJar,
    /// `/opt/artifacts`, with a link in `lib/` to each jar.
    Lib,
    /// `/opt/artifacts`, to which `usrlib` is a link.
    UsrlibLink,
    /// `/opt/artifacts`, with a link in the folder `usrlib` to each file.
    UsrlibFolder,
}

/// Which file a line reads its configuration from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigForm {
    /// `conf/flink-conf.yaml`, a `key: value` on each line and no YAML.
    Legacy,
    /// `conf/config.yaml`, unless there is a `conf/flink-conf.yaml` (FLINK-33297).
    Either,
    /// `conf/config.yaml`, which is YAML.
    Yaml,
}

/// How a job in Python comes by Flink's own jar for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PythonJar {
    /// There are no jobs in Python.
    None,
    /// The job process looks for it on the class path, so that the job image had a link to it in `lib/`.
    Lib,
    /// The job process looks for it in `opt/` (`PackagedProgramUtils.getPythonJar`), and gives it to the task managers with
    /// the job.
    Opt,
}

/// How a line comes by Hadoop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hadoop {
    /// Releases were published with it, and have these versions of it in their file names; others without.
    Variants(&'static [HadoopVariant]),
    /// As one shaded jar in `lib/`, published by itself.
    ShadedJar(&'static ShadedJar),
    /// From outside of the image (FLINK-11086).
    Outside,
}

const SCALA_2_11: ScalaVersion = ScalaVersion::of(2, 11);
const SCALA_2_12: ScalaVersion = ScalaVersion::of(2, 12);
const BOTH_SCALAS: &[ScalaVersion] = &[SCALA_2_11, SCALA_2_12];
const ONE_SCALA: &[ScalaVersion] = &[SCALA_2_12];
const HADOOP_VARIANTS: &[HadoopVariant] = &[
    HadoopVariant::of(2, 4),
    HadoopVariant::of(2, 6),
    HadoopVariant::of(2, 7),
    HadoopVariant::of(2, 8),
];

/// The lines whose job image was built by `flink-container/docker/build.sh`.
const fn historic(minor: u16, newest: &'static str, options: &'static [JobOption]) -> Line {
    Line {
        number: (1, minor),
        newest,
        java: &[8],
        default_java: 8,
        scala: BOTH_SCALAS,
        default_scala: SCALA_2_12,
        binds_to_localhost: false,
        home: Home::Versioned,
        job: JobPlace::JobJar,
        config: ConfigForm::Legacy,
        hadoop: Hadoop::ShadedJar(&SHADED_1_8),
        has_plugins: false,
        python: PythonJar::None,
        log4j: 1,
        environment: ENVIRONMENT_1_6,
        programs_first: false,
        options,
        provided: PROVIDED_1_6,
        foreign: ONLY_2,
    }
}

/// The first two of them, with Hadoop in the distribution.
const fn first(
    minor: u16,
    newest: &'static str,
    scala: &'static [ScalaVersion],
    options: &'static [JobOption],
) -> Line {
    Line {
        scala,
        default_scala: SCALA_2_11,
        hadoop: Hadoop::Variants(HADOOP_VARIANTS),
        ..historic(minor, newest, options)
    }
}

/// Java 8 and 11; the default configuration listens to everybody.
const fn early(minor: u16, newest: &'static str) -> Line {
    Line {
        java: &[8, 11],
        home: Home::Plain,
        job: JobPlace::UsrlibFolder,
        hadoop: Hadoop::Outside,
        has_plugins: true,
        python: PythonJar::Opt,
        log4j: 2,
        environment: ENVIRONMENT_1_10,
        programs_first: true,
        provided: PROVIDED_1_9,
        ..historic(minor, newest, OPTIONS_1_11)
    }
}

/// From 1.15: one Scala, Java 11 by default, everything bound to localhost.
const fn late(minor: u16, newest: &'static str) -> Line {
    Line {
        default_java: 11,
        scala: ONE_SCALA,
        binds_to_localhost: true,
        provided: PROVIDED_1_15,
        ..early(minor, newest)
    }
}

/// From 1.19: Java 17 and 21 as well (FLINK-33163), and two configuration files.
const fn last(minor: u16, newest: &'static str) -> Line {
    Line {
        java: &[8, 11, 17, 21],
        config: ConfigForm::Either,
        options: OPTIONS_1_19,
        ..late(minor, newest)
    }
}

/// From 2.0: no Java 8, one configuration file.
const fn two(minor: u16, newest: &'static str) -> Line {
    Line {
        number: (2, minor),
        java: &[11, 17, 21],
        default_java: 17,
        config: ConfigForm::Yaml,
        options: OPTIONS_2_0,
        foreign: ONLY_1,
        ..last(minor, newest)
    }
}

/// All lines that are known, the oldest first.
pub const LINES: &[Line] = &[
    first(6, "1.6.4", &[SCALA_2_11], OPTIONS_1_6),
    first(7, "1.7.2", BOTH_SCALAS, OPTIONS_1_7),
    historic(8, "1.8.3", OPTIONS_1_8),
    Line {
        job: JobPlace::Lib,
        hadoop: Hadoop::ShadedJar(&SHADED_1_9),
        has_plugins: true,
        environment: ENVIRONMENT_1_9,
        python: PythonJar::Lib,
        provided: PROVIDED_1_9,
        ..historic(9, "1.9.3", OPTIONS_1_8)
    },
    Line {
        java: &[8, 11],
        job: JobPlace::UsrlibLink,
        hadoop: Hadoop::ShadedJar(&SHADED_1_10),
        has_plugins: true,
        environment: ENVIRONMENT_1_10,
        python: PythonJar::Lib,
        provided: PROVIDED_1_9,
        ..historic(10, "1.10.3", OPTIONS_1_10)
    },
    early(11, "1.11.6"),
    early(12, "1.12.7"),
    early(13, "1.13.6"),
    early(14, "1.14.6"),
    late(15, "1.15.4"),
    late(16, "1.16.3"),
    late(17, "1.17.2"),
    Line {
        java: &[8, 11, 17],
        ..late(18, "1.18.1")
    },
    last(19, "1.19.3"),
    last(20, "1.20.5"),
    two(0, "2.0.2"),
    two(1, "2.1.3"),
    two(2, "2.2.1"),
    two(3, "2.3.0"),
];

/// The line of a version, and whether that had to be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The row of the table.
    pub line: &'static Line,
    /// Whether the version is of a later line than the table knows, and `line` is the newest that it does.
    pub assumed: bool,
}

impl Known {
    /// Finds the line of `version`.
    pub fn of(version: &FlinkVersion) -> Result<Self, LineError> {
        let newest = LINES.last().expect("the table is not empty");
        let number = version.line();
        if number > newest.number {
            return Ok(Self {
                line: newest,
                assumed: true,
            });
        }
        LINES
            .iter()
            .find(|line| line.number == number)
            .map(|line| Self {
                line,
                assumed: false,
            })
            // 1.21 never was: it would lie between two lines, and is closest to the later.
            .or_else(|| {
                let line = LINES.iter().find(|line| line.number > number)?;
                (number > LINES[0].number).then_some(Self {
                    line,
                    assumed: true,
                })
            })
            .ok_or_else(|| LineError::TooOld(version.clone()))
    }

    /// A sentence about what was guessed, if something was.
    pub fn note(&self, version: &FlinkVersion) -> Option<String> {
        let name = self.line.name();
        self.assumed.then(|| {
            format!("Flink {version} is of a line that is not known here; treating it like {name}")
        })
    }

    /// Checks that the line works with the Java of the base.
    pub fn check_java(&self, version: &FlinkVersion, java: JavaVersion) -> Result<(), LineError> {
        if self.line.java.contains(&java.major()) {
            return Ok(());
        }
        Err(LineError::Java {
            version: version.clone(),
            java,
            needs: Choice::of(self.line.java),
        })
    }

    /// The Scala version to use: the one that is asked for, if it was published, or else the default.
    pub fn scala(
        &self,
        version: &FlinkVersion,
        asked: Option<ScalaVersion>,
    ) -> Result<ScalaVersion, LineError> {
        match asked {
            None => Ok(self.line.default_scala),
            Some(scala) if self.line.scala.contains(&scala) => Ok(scala),
            Some(scala) => Err(LineError::Scala {
                version: version.clone(),
                scala,
                offers: Choice::of(self.line.scala),
            }),
        }
    }

    /// The Hadoop version that is asked for in a release, if it was published with that.
    pub fn hadoop(
        &self,
        version: &FlinkVersion,
        asked: HadoopVariant,
    ) -> Result<HadoopVariant, LineError> {
        match self.line.hadoop {
            Hadoop::Variants(variants) if variants.contains(&asked) => Ok(asked),
            Hadoop::Variants(variants) => Err(LineError::Hadoop {
                version: version.clone(),
                hadoop: asked,
                offers: Choice::of(variants),
            }),
            Hadoop::ShadedJar(_) | Hadoop::Outside => Err(LineError::NoHadoop(version.clone())),
        }
    }
}

/// The release that is used when none is named.
pub fn default_release() -> FlinkVersion {
    DEFAULT_RELEASE
        .parse()
        .expect("the default release is a version")
}

/// The newest known release of a line that is written like `1.20`.
pub fn newest_release(line: &str) -> Option<&'static str> {
    LINES
        .iter()
        .find(|row| row.name() == line)
        .map(|row| row.newest)
}

#[cfg(test)]
mod tests;
