//! A path to a jar whose name has a part that changes from build to build.
//!
//! Just one `*`, in the name of the file: enough for a version, and nothing that could find another job's jar by accident.

use std::path::{Path, PathBuf};

use super::FileSettingsError;
use crate::fs;

/// The one file that `path` stands for.
pub(super) fn resolve(path: PathBuf) -> Result<PathBuf, FileSettingsError> {
    let name = path.file_name().and_then(|name| name.to_str());
    let Some((start, end)) = name.and_then(|name| name.split_once('*')) else {
        return Ok(path);
    };
    // A file may have such a name, as nothing forbids it.
    if fs::symlink_metadata(&path).is_ok() {
        return Ok(path);
    }
    if end.contains('*') {
        return Err(FileSettingsError::Pattern(path));
    }
    let folder = fs::folder_of(&path);
    let fits = |found: &Path| {
        let name = found.file_name().and_then(|name| name.to_str());
        name.and_then(|name| name.strip_prefix(start))
            .is_some_and(|rest| rest.ends_with(end))
    };
    let mut found = match fs::list(folder) {
        Err(error) if error.is_not_found() => Vec::new(),
        found => found?,
    };
    found.retain(|found| fits(found));
    match (found.pop(), found.pop()) {
        (Some(one), None) => Ok(path.with_file_name(one.file_name().unwrap_or_default())),
        (None, _) => Err(FileSettingsError::NoMatch(path)),
        (Some(last), Some(other)) => Err(FileSettingsError::SeveralMatches {
            path,
            files: Box::new([other, last]),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_the_one_file_that_fits() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in [
            "job-1.0.jar",
            "job-1.0-tests.jar",
            "original-job.jar",
            "lit*eral.jar",
        ] {
            fs::write_atomic(&path(name), b"").unwrap();
        }
        for (name, expected) in [
            ("job-1.0.jar", Ok("job-1.0.jar")),
            ("not-there.jar", Ok("not-there.jar")),
            ("original-*.jar", Ok("original-job.jar")),
            ("job-*-tests.jar", Ok("job-1.0-tests.jar")),
            ("job-1.0.jar*", Ok("job-1.0.jar")),
            ("lit*eral.jar", Ok("lit*eral.jar")),
            ("jo*-tests.j*r", Err("has more than one `*`")),
            ("word-*.jar", Err("stands for no file")),
            ("no-folder/*.jar", Err("stands for no file")),
            ("job-1.0.jar/*.jar", Err("Failed to list")),
            ("job-*.jar", Err("stands for several files, as `")),
            ("job-1.0.jar*job-1.0.jar", Err("stands for no file")),
        ] {
            let found = resolve(path(name)).map_err(|error| error.to_string());
            match expected {
                Ok(expected) => assert_eq!(found, Ok(path(expected)), "{name}"),
                Err(expected) => {
                    let error = found.unwrap_err();
                    assert!(error.contains(expected), "{error}");
                }
            }
        }
    }
}
