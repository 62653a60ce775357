//! Files of a folder: new, empty, or with nothing but what was rendered into it before.
//!
//! What is there from an earlier time is replaced, and what is not rendered any more is removed. How a file is known to be
//! from an earlier time is a comment in its first line; of a chart, in that of its `Chart.yaml`. Nothing else is ever
//! touched.

mod error;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

pub use error::FolderError;

use super::{chart, to_yaml};
use crate::error::{FileError, IoResultExt as _};
use crate::fs::{self, AtomicFile};

/// What the first line begins with, up to the name of the deployment.
const MARKER: &str = "# Rendered by flink-img for ";
/// What it ends with.
const MARKER_END: &str = ". Changes are lost when that is done again.";
/// The first line is not longer than this.
const MARKER_LIMIT: u64 = 256;
/// The file that makes a folder a chart.
const CHART_FILE: &str = "Chart.yaml";

/// A path below the folder, with slashes, and what is in that file.
pub type RenderedFile = (String, Vec<u8>);

/// What is written into a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderForm {
    /// A file for each object.
    Objects,
    /// A chart.
    Chart,
}

/// The text with a first line that says for which deployment it was rendered.
pub(super) fn marked(name: &str, text: &str) -> Vec<u8> {
    format!("{MARKER}{name}{MARKER_END}\n{text}").into_bytes()
}

/// A file for each object of the deployment called `name`: `KIND-NAME.yaml`, in lower case.
pub fn object_files(name: &str, objects: &[Value]) -> Vec<RenderedFile> {
    let file = |object: &Value| {
        let part = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
        let (kind, own) = (part(&object["kind"]), part(&object["metadata"]["name"]));
        // Names of objects are such, but for those that a cluster would refuse.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        let path = format!("{kind}-{own}.yaml").replace(|c| !is_plain(c), "-");
        (path, marked(name, &to_yaml(std::slice::from_ref(object))))
    };
    objects.iter().map(file).collect()
}

/// Whether the folder could be written to, as far as that can be known before anything is rendered.
pub fn check_folder(folder: &Path, form: FolderForm) -> Result<(), FolderError> {
    match fs::symlink_metadata(folder) {
        Ok(_) => Earlier::of(folder, form, None).map(drop),
        Err(_) => Ok(AtomicFile::create(folder).map(drop)?),
    }
}

/// Writes the files of the deployment called `name`. They appear whole or not at all; in a folder that is new, all at once.
pub fn write_folder(
    folder: &Path,
    form: FolderForm,
    name: &str,
    files: &[RenderedFile],
) -> Result<(), FolderError> {
    if fs::symlink_metadata(folder).is_ok() {
        let earlier = Earlier::of(folder, form, Some(name))?;
        return Ok(replace(folder, earlier, files)?);
    }
    // It grows under another name, so that whoever is killed leaves nothing that looks like it.
    let growing = tempfile::Builder::new()
        .prefix(fs::PREFIX)
        .tempdir_in(fs::folder_of(folder))
        .at("create", folder)?;
    let inside = growing.path().join("rendered");
    fs::create_dir_all(&inside, None)?;
    replace(&inside, Earlier::default(), files)?;
    fs::rename(&inside, folder).map_err(|error| error.doing("create", folder))?;
    Ok(fs::sync_folder(fs::folder_of(folder))?)
}

/// Puts files in the places of others. All are written before the first one gets its name, so that a full disk changes
/// nothing.
fn replace(folder: &Path, earlier: Earlier, files: &[RenderedFile]) -> Result<(), FileError> {
    let mut written = Vec::new();
    for (path, bytes) in files {
        let path = folder.join(path);
        let parent = fs::folder_of(&path);
        fs::create_dir_all(parent, None)?;
        let mut file = AtomicFile::create_in(parent)?;
        file.write_all(bytes).at("write", &path)?;
        written.push((file, path));
    }
    // With this file the others are known to be ours, should this be the last that happens.
    written.sort_by_key(|(_, path)| path.file_name().is_none_or(|name| name != CHART_FILE));
    let kept: BTreeSet<_> = written.iter().map(|(_, path)| path.clone()).collect();
    for (file, path) in written {
        file.commit_as(&path)?;
    }
    for path in earlier.files {
        if !kept.contains(&path) {
            fs::remove(&path)?;
        }
    }
    fs::sync_folder(folder)
}

/// The files that are there from an earlier time.
#[derive(Debug, Default)]
struct Earlier {
    files: Vec<PathBuf>,
}

impl Earlier {
    /// What is in the folder; anything that is not from an earlier time is an error, and so is what was rendered for
    /// another deployment than `name`.
    fn of(folder: &Path, form: FolderForm, name: Option<&str>) -> Result<Self, FolderError> {
        if !fs::metadata(folder)?.is_dir() {
            return Err(FolderError::NoFolder(folder.to_owned()));
        }
        let mut earlier = Self::default();
        match form {
            FolderForm::Objects => earlier.look(folder, Path::new(""), form, &|path, whole| {
                let is_yaml = path
                    .extension()
                    .is_some_and(|extension| extension == "yaml");
                Ok(is_yaml && is_ours(folder, whole, name)?)
            })?,
            FolderForm::Chart => {
                let chart = folder.join(CHART_FILE);
                let is_chart = fs::symlink_metadata(&chart).is_ok();
                if is_chart && !is_ours(folder, &chart, name)? {
                    return Err(foreign(folder, &chart, form)?);
                }
                earlier.look(folder, Path::new(""), form, &|path, _| {
                    Ok(is_chart && chart::has_file(path))
                })?;
            }
        }
        Ok(earlier)
    }

    fn look(
        &mut self,
        folder: &Path,
        below: &Path,
        form: FolderForm,
        is_own: &dyn Fn(&Path, &Path) -> Result<bool, FolderError>,
    ) -> Result<(), FolderError> {
        for whole in fs::list(&folder.join(below))? {
            let own_name = whole.file_name().expect("a listed path has a name");
            let path = below.join(own_name);
            let metadata = fs::symlink_metadata(&whole)?;
            // What was left by somebody who was killed.
            let is_left = own_name
                .as_encoded_bytes()
                .starts_with(fs::PREFIX.as_bytes());
            if metadata.is_dir() && form == FolderForm::Chart && chart::has_folder(&path) {
                self.look(folder, &path, form, is_own)?;
            } else if metadata.is_file() && (is_left || is_own(&path, &whole)?) {
                self.files.push(whole);
            } else {
                return Err(foreign(folder, &whole, form)?);
            }
        }
        Ok(())
    }
}

/// Why the folder is not written to, as `path` is in it.
fn foreign(folder: &Path, path: &Path, form: FolderForm) -> Result<FolderError, FolderError> {
    const CHART: &str = "a chart";
    const OBJECTS: &str = "objects";
    // A chart is told by one of its files.
    let (rendered, is, wanted) = match form {
        FolderForm::Objects => (&folder.join(CHART_FILE), CHART, OBJECTS),
        FolderForm::Chart => (&path.to_owned(), OBJECTS, CHART),
    };
    let folder = folder.to_owned();
    let exists = fs::symlink_metadata(rendered).is_ok();
    Ok(if exists && is_ours(&folder, rendered, None)? {
        FolderError::Form { folder, is, wanted }
    } else {
        let path = path.strip_prefix(&folder).unwrap_or(path).to_owned();
        FolderError::Foreign { folder, path }
    })
}

/// Whether the first line of a file says that it was rendered.
fn is_ours(folder: &Path, path: &Path, name: Option<&str>) -> Result<bool, FolderError> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Ok(false);
    }
    let mut start = Vec::new();
    let file = fs::open(path)?;
    let read = file.take(MARKER_LIMIT).read_to_end(&mut start);
    read.at("read", path)?;
    let line = start
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let inner = line.trim_end_matches('\r').strip_prefix(MARKER);
    let Some(owner) = inner.and_then(|rest| rest.strip_suffix(MARKER_END)) else {
        return Ok(false);
    };
    match name {
        Some(name) if name != owner => Err(FolderError::Other {
            folder: folder.to_owned(),
            owner: owner.to_owned(),
        }),
        _ => Ok(true),
    }
}
