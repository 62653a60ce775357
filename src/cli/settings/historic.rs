//! What the words of the historic `build.sh` mean: Hadoop by the line of Flink, and the Flink that was just compiled.

use std::path::{Path, PathBuf};

use super::{InputArgs, SettingsError};
use crate::build::HadoopRequest;
use crate::cli::report::Failure;
use crate::error::FileError;
use crate::flink::lines::{Hadoop, default_release};
use crate::flink::{HadoopVariant, Known};
use crate::fs;

/// Where a checkout of Flink has the distribution that was compiled, from the folder of `build.sh` in it.
pub(in crate::cli) const LOCAL_DIST: &str = "../../flink-dist/target/flink-*-bin";
/// The name of that folder: the one name with a `*` that stands for others.
const LOCAL_DIST_NAME: (&str, &str) = ("flink-", "-bin");

/// Hadoop, as it is asked for.
#[derive(Debug, Default)]
pub(super) struct AskedHadoop {
    /// In the release.
    pub(super) variant: Option<HadoopVariant>,
    /// In a jar of its own.
    pub(super) jar: Option<HadoopRequest>,
}

/// How the Hadoop that is asked for is had. What there is none of is refused when the version of Flink is known.
pub(super) fn hadoop(arguments: &InputArgs) -> Result<AskedHadoop, Failure> {
    let historic = &arguments.historic;
    // Looked at, even if nobody needs it: a password in it is not told.
    let repository = historic.maven_repository.as_ref();
    let repository = repository.map(|text| text.parse()).transpose()?;
    let Some(version) = &historic.hadoop_version else {
        return Ok(AskedHadoop::default());
    };
    if is_in_release(arguments) {
        return Ok(AskedHadoop {
            variant: Some(version.as_str().parse::<HadoopVariant>()?),
            jar: None,
        });
    }
    Ok(AskedHadoop {
        variant: None,
        jar: Some(HadoopRequest {
            version: version.clone(),
            repository: repository.unwrap_or_default(),
        }),
    })
}

/// Whether it is a release that was published with Hadoop.
fn is_in_release(arguments: &InputArgs) -> bool {
    if arguments.from_archive.is_some() || arguments.from_local_dist.is_some() {
        return false;
    }
    let asked = arguments.flink_version.clone();
    let line = Known::of(&asked.unwrap_or_else(default_release));
    line.is_ok_and(|known| matches!(known.line.hadoop, Hadoop::Variants(_)))
}

/// The folder that is meant, where it is named by the one pattern that `build.sh` knew.
pub(super) fn local_dist(path: &Path) -> Result<PathBuf, Failure> {
    let (start, end) = LOCAL_DIST_NAME;
    let is_pattern = path
        .file_name()
        .is_some_and(|name| name == format!("{start}*{end}").as_str());
    if !is_pattern || fs::symlink_metadata(path).is_ok() {
        return Ok(path.to_owned());
    }
    let mut found = match fs::list(fs::folder_of(path)) {
        Err(error) if FileError::is_not_found(&error) => Vec::new(),
        found => found?,
    };
    found.retain(|found| {
        let name = found.file_name().and_then(|name| name.to_str());
        let rest = name.and_then(|name| name.strip_prefix(start));
        rest.is_some_and(|rest| rest.ends_with(end) && rest.len() > end.len())
    });
    match &found[..] {
        [one] => Ok(one.clone()),
        [] => Err(SettingsError::NoLocalDist(path.to_owned()).into()),
        _ => Err(SettingsError::SeveralLocalDists {
            pattern: path.to_owned(),
            found,
        }
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_stands_for_the_one_folder_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let pattern = path("flink-*-bin");
        let told = || local_dist(&pattern).map_err(|error| error.to_string());
        assert!(told().unwrap_err().contains("There is no folder"));
        for other in ["flink-bin", "flink-1.9.3", "x-flink-1.9.3-bin"] {
            fs::create_dir_all(&path(other), None).unwrap();
        }
        assert!(told().unwrap_err().contains("There is no folder"));
        fs::create_dir_all(&path("flink-1.9.3-bin"), None).unwrap();
        assert_eq!(told().unwrap(), path("flink-1.9.3-bin"));
        fs::create_dir_all(&path("flink-1.10.3-bin"), None).unwrap();
        let error = told().unwrap_err();
        for name in ["flink-1.9.3-bin", "flink-1.10.3-bin"] {
            assert!(error.contains(name), "{error}");
        }
        // What is no pattern is taken as it is, and so is a folder of that very name.
        assert_eq!(local_dist(&path("flink-*")).unwrap(), path("flink-*"));
        fs::create_dir_all(&pattern, None).unwrap();
        assert_eq!(told().unwrap(), pattern);
        let nowhere = path("nowhere/flink-*-bin");
        assert!(local_dist(&nowhere).is_err());
    }
}
