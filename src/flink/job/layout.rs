//! Where the files of a job lie in an image.
//!
//! Each is a real file in `/opt/artifacts`, and a relative link in `/opt/flink/usrlib`, a real folder, from
//! where Flink puts it on the class path of the job. So `local:///opt/artifacts/job.jar` works for tools that
//! want a path, a volume can be mounted over `usrlib`, and nothing gets into `lib/`, where the classes of a
//! fat jar would shadow those of Flink.

use std::collections::BTreeMap;

use super::{Artifact, JobError};
use crate::layer::{Entry, ImagePath, Owner};

/// Where the files are.
const ARTIFACTS: &str = "opt/artifacts";

/// Where Flink looks for them.
const USRLIB: &str = "opt/flink/usrlib";

/// A job as entries of an image, sorted by path.
///
/// Both groups have the two folders, with the same modes: either may be the only one that is there.
#[derive(Debug, Clone)]
pub struct JobLayout {
    /// What the job needs besides its jar; empty if nothing.
    pub dependencies: Vec<Entry>,
    /// The jar of the job.
    pub job: Vec<Entry>,
}

impl JobLayout {
    /// Lays out the jar of a job, if there is one, and what it needs.
    pub fn new(job: Option<&Artifact>, dependencies: &[Artifact]) -> Result<Self, JobError> {
        let mut names: BTreeMap<&str, &Artifact> = BTreeMap::new();
        for artifact in dependencies.iter().chain(job) {
            if let Some(first) = names.insert(&artifact.name, artifact) {
                return Err(JobError::SameName {
                    first: first.source.clone(),
                    second: artifact.source.clone(),
                });
            }
        }
        Ok(Self {
            dependencies: if dependencies.is_empty() {
                Vec::new()
            } else {
                group(dependencies)?
            },
            job: job.map_or_else(|| Ok(Vec::new()), |job| group(std::slice::from_ref(job)))?,
        })
    }
}

fn group(artifacts: &[Artifact]) -> Result<Vec<Entry>, JobError> {
    let (files, links) = (ImagePath::fixed(ARTIFACTS), ImagePath::fixed(USRLIB));
    let mut entries = vec![
        Entry::directory(files.clone(), false, Owner::FLINK),
        Entry::directory(links.clone(), true, Owner::FLINK),
    ];
    for artifact in artifacts {
        let at = |folder: &ImagePath| {
            folder.join(&artifact.name).map_err(|_| JobError::Name {
                path: artifact.source.clone(),
                why: "it is no file name",
            })
        };
        entries.push(Entry::file(
            at(&files)?,
            artifact.content.clone(),
            false,
            Owner::FLINK,
        ));
        // From /opt/flink/usrlib.
        let target = format!("../../artifacts/{}", artifact.name);
        entries.push(Entry::symlink(at(&links)?, target, Owner::FLINK));
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::name;
    use super::*;
    use crate::layer::Content;

    fn artifact(source: &str) -> Artifact {
        Artifact {
            source: source.into(),
            name: name(Path::new(source)).unwrap(),
            content: Content::from_bytes(&b"x"[..]),
        }
    }

    #[test]
    fn each_file_is_real_in_one_place_and_linked_in_the_other() {
        let layout = JobLayout::new(
            Some(&artifact("job.jar")),
            &[artifact("z.jar"), artifact("a.txt")],
        );
        let layout = layout.unwrap();
        let listing = |entries: &[Entry]| -> Vec<String> {
            entries
                .iter()
                .map(|entry| match &entry.kind {
                    crate::layer::EntryKind::Symlink(target) => {
                        format!("{} -> {target}", entry.path)
                    }
                    _ => format!("{} {:o}", entry.path, entry.mode),
                })
                .collect()
        };
        assert_eq!(
            listing(&layout.dependencies),
            [
                "/opt/artifacts 755",
                "/opt/artifacts/a.txt 644",
                "/opt/artifacts/z.jar 644",
                "/opt/flink/usrlib 775",
                "/opt/flink/usrlib/a.txt -> ../../artifacts/a.txt",
                "/opt/flink/usrlib/z.jar -> ../../artifacts/z.jar",
            ]
        );
        assert_eq!(
            listing(&layout.job),
            [
                "/opt/artifacts 755",
                "/opt/artifacts/job.jar 644",
                "/opt/flink/usrlib 775",
                "/opt/flink/usrlib/job.jar -> ../../artifacts/job.jar",
            ]
        );
        let alone = JobLayout::new(Some(&artifact("job.jar")), &[]).unwrap();
        assert!(alone.dependencies.is_empty());
    }

    #[test]
    fn one_name_for_two_files_is_refused_with_both() {
        let error = JobLayout::new(Some(&artifact("a/x.jar")), &[artifact("b/x.jar")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`b/x.jar` and `a/x.jar` have the same name, and only one file can have it in the image"
        );
    }
}
