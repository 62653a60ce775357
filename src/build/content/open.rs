//! What was asked for, found on this machine and checked, as far as that can be done without the distribution.

use std::path::Path;

use super::files::{self, Added};
use super::{Content, ContentError, Python, SettingWord, log4j};
use crate::build::Context;
use crate::flink::lines::PythonJar;
use crate::flink::{
    Artifact, ConfigError, FlinkVersion, HOME, Line, Selection, Settings, check_names, is_jar,
    plugin_name, real_home,
};
use crate::fs;
use crate::layer::{self, EntryKind, ImagePath};
use crate::oci::Digest;
use crate::preflight::Role;

/// Longest file of settings, or configuration of logging; both are written by hand.
const TEXT_LIMIT: u64 = 1 << 20;
/// Variables that are decided besides those of the line.
const DECIDED: [&str; 2] = ["JAVA_HOME", "PATH"];
/// What the names of this program's labels and annotations begin with.
const OWN_PREFIX: &str = "flink-img.";

/// Content that is on this machine.
#[derive(Debug, Clone, Default)]
pub struct OpenedContent {
    /// The plugins that are asked for, each in one word whatever its own was; sorted.
    pub(super) plugins: Vec<String>,
    pub(super) settings: Settings,
    pub(super) log4j: Option<layer::Content>,
    pub(super) libraries: Vec<Artifact>,
    /// Under their real places: never by way of the link to the home of Flink.
    pub(super) files: Vec<Added>,
}

impl OpenedContent {
    /// Refuses files in the Java of a base, and in what that is in: a file would take the place of a folder, and a folder would
    /// get another owner.
    pub(in crate::build) fn check_java(&self, home: &str) -> Result<(), ContentError> {
        let Some(top) = ImagePath::new(home).ok().and_then(below_top) else {
            return Ok(());
        };
        let mut files = self.files.iter();
        match files.find(|file| file.entry.path.starts_with(&top)) {
            Some(file) => Err(ContentError::Taken {
                source_path: file.source.clone(),
                path: file.entry.path.to_string(),
                why: format!("the Java of the base is in `{home}`"),
            }),
            None => Ok(()),
        }
    }

    /// The plugins that are asked for, each in one word whatever its own was; sorted.
    pub fn plugins(&self) -> &[String] {
        &self.plugins
    }

    /// The jars for the class paths of Flink and of jobs, which is in this home: each with its digest and its role. Only
    /// those in `lib/` itself count, and all below `usrlib`.
    pub(in crate::build) fn jars(
        &self,
        home: &ImagePath,
    ) -> impl Iterator<Item = (&Path, Digest, Role)> {
        let libraries = self.libraries.iter().map(|library| {
            let path = library.source.as_path();
            (path, library.content.digest, Role::Library)
        });
        let (lib, usrlib) = (format!("{home}/lib/"), format!("{home}/usrlib/"));
        let files = self.files.iter().filter_map(move |file| {
            let EntryKind::File(content) = &file.entry.kind else {
                return None;
            };
            let path = file.entry.path.to_string();
            let in_lib = path.strip_prefix(&lib).map(|name| !name.contains('/'));
            let role = match in_lib {
                Some(true) => Role::Library,
                _ if path.starts_with(&usrlib) => Role::Added,
                _ => return None,
            };
            is_jar(&path).then_some((file.source.as_path(), content.digest, role))
        });
        libraries.chain(files)
    }

    /// The settings of Flink's configuration.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The digest of the configuration of logging.
    pub fn log4j(&self) -> Option<Digest> {
        self.log4j.as_ref().map(|content| content.digest)
    }
}

/// The folder directly below the one for users' files that a path is in; none if it is elsewhere.
fn below_top(path: ImagePath) -> Option<ImagePath> {
    let mut folders = std::iter::successors(Some(path), ImagePath::parent);
    let top = Some(ImagePath::fixed(files::TOP));
    folders.find(|folder| folder.parent() == top)
}

/// Opens what is asked for, for an image of this version, which is of this line.
pub(in crate::build) fn open(
    content: &Content,
    line: &Line,
    version: &FlinkVersion,
    context: &Context,
) -> Result<OpenedContent, ContentError> {
    Selection::check_line(line, version, &content.choice())?;
    if content.python == Some(Python::Two) && line.python != PythonJar::Lib {
        return Err(ContentError::Python2(version.clone()));
    }
    check_names_of_pairs(content, line)?;
    let memory = &context.store;
    let libraries = Artifact::open_all(&content.libraries, memory)?;
    check_names(None, &libraries)?;
    if let Some(library) = libraries.iter().find(|library| !is_jar(&library.name)) {
        return Err(ContentError::NoJar(library.source.clone()));
    }
    let mut files = Vec::new();
    for file in &content.files {
        files.extend(files::open(file, memory)?);
    }
    let (home, link) = (real_home(line, version), ImagePath::fixed(HOME));
    for file in &mut files {
        if file.entry.path.starts_with(&link) {
            let below = &file.entry.path.as_str()[HOME.len()..];
            file.entry.path = ImagePath::new(&format!("{}{below}", home.as_str()))?;
        }
    }
    check_configuration(&files, line, version)?;
    tell_of_user(content, context);
    let plugins = content.plugins.iter();
    let mut plugins: Vec<_> = plugins
        .map(|word| plugin_name(word, version).to_owned())
        .collect();
    plugins.sort();
    plugins.dedup();
    Ok(OpenedContent {
        plugins,
        settings: settings(content, line)?,
        log4j: content
            .log4j
            .as_deref()
            .map(|path| {
                let bytes = fs::read_limited(path, TEXT_LIMIT)?;
                log4j::check(path, &bytes, line, version)?;
                Ok::<_, ContentError>(layer::Content::from_bytes(bytes))
            })
            .transpose()?,
        libraries,
        files,
    })
}

fn settings(content: &Content, line: &Line) -> Result<Settings, ContentError> {
    let mut settings = Settings::default();
    for word in &content.settings {
        let path = match word {
            SettingWord::File(path) => path,
            SettingWord::Pair(key, value) => {
                settings.insert(key, value)?;
                continue;
            }
        };
        // What is no file may be a setting that is written in another way, and the way it failed tells nothing of that.
        if fs::metadata(path).is_err() {
            return Err(ConfigError::no_setting(&path.to_string_lossy()).into());
        }
        let bytes = fs::read_limited(path, TEXT_LIMIT)?;
        let text = String::from_utf8(bytes).map_err(|_| ConfigError::Syntax {
            path: path.to_owned(),
            why: "it is no UTF-8".to_owned(),
        })?;
        settings.insert_file(path, &text, line.config.own())?;
    }
    Ok(settings)
}

fn check_names_of_pairs(content: &Content, line: &Line) -> Result<(), ContentError> {
    let of_line = |name: &str| line.environment.iter().any(|(known, _)| *known == name);
    content.env.check("--env", |name| match name {
        "JAVA_HOME" => Some("name another Java of the base with `--java-home`"),
        _ if DECIDED.contains(&name) || of_line(name) => {
            Some("set it when the container starts, or leave it as it is")
        }
        _ => None,
    })?;
    let own = |name: &str| {
        if name == oci_spec::image::ANNOTATION_BASE_IMAGE_DIGEST {
            return Some("choose the base with `--base`");
        }
        name.starts_with(OWN_PREFIX)
            .then_some("give it a name of your own, as `com.acme.commit`")
    };
    content.labels.check("--label", own)?;
    content.annotations.check("--annotation", own)
}

/// Refuses a file in the place of Flink's configuration, and one that Flink would read instead of it.
fn check_configuration(
    files: &[Added],
    line: &Line,
    version: &FlinkVersion,
) -> Result<(), ContentError> {
    let home = real_home(line, version);
    let own = line.config.own();
    for syntax in line.config.files() {
        let path = home.join(syntax.file())?;
        let why = if *syntax == own {
            "the settings of Flink are there".to_owned()
        } else {
            let own = own.file();
            format!("Flink {version} would read nothing of `{own}` then")
        };
        if let Some(file) = files.iter().find(|file| file.entry.path == path) {
            return Err(ContentError::Configuration {
                source_path: file.source.clone(),
                path: path.to_string(),
                why,
            });
        }
    }
    Ok(())
}

fn tell_of_user(content: &Content, context: &Context) {
    let user = content.user;
    if user.user == 0 {
        let message = "The container runs as root, which no part of Flink needs; Kubernetes refuses it where `runAsNonRoot` is set";
        context.reporter.warn(message);
    }
    if !user.may_write() {
        context.reporter.warn(&format!(
            "Group {} may not write to `conf/`, `log/` and `plugins/` of Flink, as group 0 may: `--user {}`",
            user.group, user.user
        ));
    }
}
