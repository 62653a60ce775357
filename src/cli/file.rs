//! `flink-img.toml`: what a build does when it is not said on the command line or in the environment.
//!
//! What the file says becomes what the words of the command line would say: it is put where they, and their variables,
//! say nothing. So a setting has one meaning, and each is known here once. What is about the machine or the user (logins,
//! the cache folder, threads, patience) is not in the file, which is kept with the source of a job.

mod content;
mod keys;
mod pattern;
#[cfg(test)]
mod tests;
mod value;

use std::path::{Path, PathBuf};

use super::args::{
    BuildArgs, CatalogueArgs, CheckArgs, ChecksArgs, FileArgs, GlobalArgs, InputArgs,
};
use crate::error::{Explain, FileError, Kind};
use crate::fs;
use crate::fs::toml::{self, TomlError};
use crate::store::Output;
use keys::Keys;
use value::{List, Parsed};

/// What the file is called where nobody says otherwise.
pub(super) const FILE_NAME: &str = "flink-img.toml";
/// The schema of the file; a test makes it from the keys.
pub(super) const SCHEMA: &str = include_str!("../../schema/flink-img.schema.json");
/// A file that says nothing, and explains each key.
pub(super) const TEMPLATE: &str = include_str!("../../schema/flink-img.toml");

/// Longest file; it is written by hand.
const FILE_LIMIT: u64 = 1024 * 1024;
/// The ways to name a base that lead to a path.
const BASE_SCHEMES: [&str; 4] = ["oci", "oci-archive", "docker-archive", "rootfs"];
/// What the address of a local repository of packages begins with.
const FILE_ADDRESS: &str = "file://";

/// A file that says what cannot be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum FileSettingsError {
    #[error(transparent)]
    Toml(#[from] TomlError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("`{}` has both `{one}` and `{other}` in `[flink]`, of which there can be one", path.display())]
    Both {
        path: PathBuf,
        one: &'static str,
        other: &'static str,
    },
    #[error("`{}` is no UTF-8, which a base and a repository of packages are named in", .0.display())]
    NotText(PathBuf),
    #[error("`--scala-version` is for a release, and `{}` names another source of Flink", .0.display())]
    Scala(PathBuf),
    #[error("`{}` has more than one `*` in the name of the jar", .0.display())]
    Pattern(PathBuf),
    #[error("The jar `{}` stands for no file", .0.display())]
    NoMatch(PathBuf),
    #[error("The jar `{}` stands for several files, as `{}` and `{}`", path.display(), files[0].display(), files[1].display())]
    SeveralMatches {
        path: PathBuf,
        files: Box<[PathBuf; 2]>,
    },
}

impl Explain for FileSettingsError {
    fn kind(&self) -> Kind {
        match self {
            Self::Toml(error) => error.kind(),
            Self::File(error) => error.kind(),
            Self::Scala(_) => Kind::Usage,
            _ => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Toml(error) => return error.hint(),
            Self::File(error) => return error.hint(),
            Self::Scala(_) => "add `--from-release` to take a release instead".to_owned(),
            Self::NoMatch(_) => "build the job first, or name its jar with `--job-jar`".to_owned(),
            Self::SeveralMatches { .. } => {
                "write more of the name, remove what is old, or name the jar with `--job-jar`"
                    .to_owned()
            }
            Self::NotText(_) => "put the file into a folder with a name in UTF-8".to_owned(),
            Self::Both { .. } | Self::Pattern(_) => return None,
        })
    }
}

/// Whether the jar of the job is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JobJar {
    Read,
    Ignored,
}

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct ConfigFile {
    /// Where it is, if there is one.
    path: Option<PathBuf>,
    keys: Keys,
}

impl ConfigFile {
    /// Reads the file that is named or, if none is, the one beside the job or in the working folder, if there is one.
    pub(super) fn find(
        arguments: &FileArgs,
        job_jar: Option<&Path>,
    ) -> Result<Self, FileSettingsError> {
        if arguments.no_config {
            return Ok(Self::default());
        }
        if let Some(path) = &arguments.config {
            return Self::read(path);
        }
        // Where the jar's folder is none, the jar is what is wrong.
        let is_there =
            |path: &PathBuf| fs::metadata(fs::folder_of(path)).is_ok_and(|folder| folder.is_dir());
        let beside = job_jar
            .map(|jar| jar.with_file_name(FILE_NAME))
            .filter(is_there);
        for path in beside.into_iter().chain([PathBuf::from(FILE_NAME)]) {
            match Self::read(&path) {
                Err(FileSettingsError::Toml(TomlError::File(error))) if error.is_not_found() => {}
                found => return found,
            }
        }
        Ok(Self::default())
    }

    fn read(path: &Path) -> Result<Self, FileSettingsError> {
        let keys: Keys = toml::read(path, FILE_LIMIT)?;
        let file = Self {
            path: Some(path.to_owned()),
            keys,
        };
        let flink = &file.keys.flink;
        let said = [
            ("archive", flink.archive.is_some()),
            ("directory", flink.directory.is_some()),
            ("scala-version", flink.scala_version.is_some()),
        ];
        let mut said = said.iter().filter(|(_, is_said)| *is_said);
        match (said.next(), said.next()) {
            (Some((one, _)), Some((other, _))) => Err(FileSettingsError::Both {
                path: path.to_owned(),
                one,
                other,
            }),
            _ => Ok(file),
        }
    }

    /// A path of the file, which starts in the folder of the file.
    fn path(&self, path: PathBuf) -> PathBuf {
        match self.path.as_deref().and_then(Path::parent) {
            Some(folder) => folder.join(path),
            None => path,
        }
    }

    fn paths(&self, paths: List<PathBuf>) -> Vec<PathBuf> {
        paths.0.into_iter().map(|path| self.path(path)).collect()
    }

    fn output(&self, output: Output) -> Output {
        match output {
            Output::Layout(path) => Output::Layout(self.path(path)),
            Output::OciArchive(path) => Output::OciArchive(self.path(path)),
            Output::DockerArchive(path) => Output::DockerArchive(self.path(path)),
        }
    }

    /// The name of a base, which may lead to a path.
    fn base(&self, name: String) -> Result<String, FileSettingsError> {
        Ok(match name.split_once(':') {
            Some((scheme, path)) if BASE_SCHEMES.contains(&scheme) && !path.is_empty() => {
                format!("{scheme}:{}", self.text(path)?)
            }
            _ => name,
        })
    }

    /// The place of a repository of packages: an address, or a path.
    fn repository(&self, place: String) -> Result<String, FileSettingsError> {
        if let Some(path) = place.strip_prefix(FILE_ADDRESS) {
            return Ok(format!("{FILE_ADDRESS}{}", self.text(path)?));
        }
        if place.contains("://") {
            return Ok(place);
        }
        self.text(&place)
    }

    /// A path of the file, for what is named in text.
    fn text(&self, path: &str) -> Result<String, FileSettingsError> {
        let path = self.path(path.into()).into_os_string();
        path.into_string()
            .map_err(|path| FileSettingsError::NotText(path.into()))
    }

    /// Puts what the file says of the catalogue where nothing is said.
    pub(super) fn complete_catalogue(&self, arguments: &mut CatalogueArgs) {
        let folder = self.keys.base.catalogue.clone();
        fill(
            &mut arguments.base_catalogue,
            folder.map(|path| self.path(path)),
        );
    }

    /// Puts what the file says where nothing is said.
    fn complete(
        &self,
        arguments: &mut BuildArgs,
        global: &mut GlobalArgs,
    ) -> Result<(), FileSettingsError> {
        self.complete_input(&mut arguments.input, JobJar::Read)?;
        self.complete_checks(&mut arguments.checks);
        self.complete_result(arguments);
        self.complete_global(global);
        Ok(())
    }

    /// Puts what the file says of the result where nothing is said.
    fn complete_result(&self, arguments: &mut BuildArgs) {
        let keys = self.keys.clone();
        fill_list(&mut arguments.tag, parsed(keys.image));
        // A dry run goes nowhere.
        if !arguments.dry_run {
            arguments.push |= keys.push.unwrap_or_default() && !arguments.no_push;
            let outputs = parsed(keys.outputs).into_iter();
            fill_list(
                &mut arguments.output,
                outputs.map(|output| self.output(output)).collect(),
            );
        }
        if !arguments.no_cache && !arguments.no_remote_cache {
            fill_list(&mut arguments.cache_from, parsed(keys.cache.from));
        }
    }

    /// Puts what the file says of the checks where nothing is said.
    fn complete_checks(&self, arguments: &mut ChecksArgs) {
        let keys = self.keys.checks.clone();
        arguments.deny_warnings |= keys.deny_warnings.unwrap_or_default();
        fill_list(&mut arguments.allow, parsed(keys.allow));
    }

    /// Puts what the file says of an image where nothing is said of what jars are checked for. A base that is none of the
    /// catalogue is not looked into.
    pub(super) fn complete_check(&self, arguments: &mut CheckArgs) {
        let keys = self.keys.clone();
        self.complete_checks(&mut arguments.checks);
        self.complete_catalogue(&mut arguments.catalogue);
        let version = keys.flink.version.map(|Parsed(version)| version);
        fill(&mut arguments.flink_version, version);
        let scala = keys.flink.scala_version.map(|Parsed(scala)| scala);
        fill(&mut arguments.scala_version, scala);
        fill_list(&mut arguments.platform, parsed(keys.platforms));
        fill(&mut arguments.java_version, keys.base.java_version);
    }

    /// The base that the file names.
    pub(super) fn base_name(&self) -> Option<&str> {
        self.keys.base.name.as_deref()
    }

    /// Puts what the file says of the machine where nothing is said.
    fn complete_global(&self, global: &mut GlobalArgs) {
        let registry = self.keys.registry.clone();
        let network = &mut global.network;
        fill_list(&mut network.insecure_registry, registry.insecure.0);
        let ca_file = registry.ca_file.map(|path| self.path(path));
        fill(&mut network.ca_file, ca_file);
    }

    /// Puts what the file says of the inputs where nothing is said. The jar of the job need not be there for somebody who
    /// does not read it.
    fn complete_input(
        &self,
        arguments: &mut InputArgs,
        job: JobJar,
    ) -> Result<(), FileSettingsError> {
        let keys = self.keys.clone();
        fill_list(&mut arguments.platform, parsed(keys.platforms));
        fill(
            &mut arguments.compression,
            keys.compression.map(|Parsed(how)| how),
        );

        if arguments.job_jar.is_none()
            && job == JobJar::Read
            && let Some(jar) = keys.job.jar
        {
            arguments.job_jar = Some(pattern::resolve(self.path(jar))?);
        }
        fill_list(&mut arguments.job_artifacts, self.paths(keys.job.artifacts));
        arguments.normalize_jar |= keys.job.normalize_jar.unwrap_or_default();

        self.complete_flink(arguments)?;

        if arguments.base.is_none() {
            let base = keys.base.name.map(|name| self.base(name));
            arguments.base = base.transpose()?;
        }
        self.complete_catalogue(&mut arguments.catalogue);
        fill(&mut arguments.java_home, keys.base.java_home);
        fill(&mut arguments.java_version, keys.base.java_version);

        self.complete_content(&mut arguments.content);

        fill_list(&mut arguments.package, keys.packages.add.0);
        if arguments.package_repository.is_empty() {
            let repositories = keys.packages.repositories.0.into_iter();
            let repositories = repositories.map(|place| self.repository(place));
            arguments.package_repository = repositories.collect::<Result<_, _>>()?;
        }
        fill_list(&mut arguments.package_key, self.paths(keys.packages.keys));
        Ok(())
    }

    /// The same for where Flink comes from. The command line may name one of three sources, and the file may name another.
    fn complete_flink(&self, arguments: &mut InputArgs) -> Result<(), FileSettingsError> {
        let flink = self.keys.flink.clone();
        let is_said = arguments.from_release
            || arguments.from_archive.is_some()
            || arguments.from_local_dist.is_some();
        if !is_said {
            arguments.from_archive = flink.archive.map(|path| self.path(path));
            arguments.from_local_dist = flink.directory.map(|path| self.path(path));
            let is_release =
                arguments.from_archive.is_none() && arguments.from_local_dist.is_none();
            if arguments.scala_version.is_some() && !is_release {
                return Err(FileSettingsError::Scala(
                    self.path.clone().unwrap_or_default(),
                ));
            }
        }
        fill(
            &mut arguments.flink_version,
            flink.version.map(|Parsed(version)| version),
        );
        if arguments.from_archive.is_none() && arguments.from_local_dist.is_none() {
            let scala = flink.scala_version.map(|Parsed(scala)| scala);
            fill(&mut arguments.scala_version, scala);
        }
        let historic = &mut arguments.historic;
        let hadoop = flink.hadoop_version.map(|Parsed(version)| version);
        fill(&mut historic.hadoop_version, hadoop);
        fill(&mut historic.maven_repository, flink.maven_repository);
        fill_list(&mut arguments.release_mirror, flink.mirrors.0);
        fill(&mut arguments.verify_signature, flink.verify_signature);
        let release_keys = flink.keys.map(|path| self.path(path));
        fill(&mut arguments.release_keys, release_keys);
        Ok(())
    }
}

fn fill<T>(place: &mut Option<T>, value: Option<T>) {
    if place.is_none() {
        *place = value;
    }
}

/// A list that is said takes the place of that in the file; they are not mixed, so that each can be shortened.
fn fill_list<T>(place: &mut Vec<T>, values: Vec<T>) {
    if place.is_empty() {
        *place = values;
    }
}

fn parsed<T>(list: List<Parsed<T>>) -> Vec<T> {
    list.0.into_iter().map(|Parsed(value)| value).collect()
}

/// What is asked for, with what the file says where the words of the command line say nothing; and which file that was.
pub(super) fn complete(
    arguments: &BuildArgs,
    global: &GlobalArgs,
) -> Result<(BuildArgs, GlobalArgs), FileSettingsError> {
    let (mut arguments, mut global) = (arguments.clone(), global.clone());
    let input = &arguments.input;
    let file = ConfigFile::find(&input.file, input.job_jar.as_deref())?;
    file.complete(&mut arguments, &mut global)?;
    arguments.input.file.config = file.path;
    Ok((arguments, global))
}

/// The same for somebody who only wants to know what an image is made of.
pub(super) fn complete_input(
    arguments: &InputArgs,
    global: &GlobalArgs,
    job: JobJar,
) -> Result<(InputArgs, GlobalArgs), FileSettingsError> {
    let (mut arguments, mut global) = (arguments.clone(), global.clone());
    let file = ConfigFile::find(&arguments.file, arguments.job_jar.as_deref())?;
    file.complete_input(&mut arguments, job)?;
    file.complete_global(&mut global);
    arguments.file.config = file.path;
    Ok((arguments, global))
}
