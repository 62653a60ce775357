//! Where the files of a job lie in an image.
//!
//! Since 1.11 each is a real file in `/opt/artifacts`, and a relative link in `/opt/flink/usrlib`, a real folder, from
//! where Flink puts it on the class path of the job. So `local:///opt/artifacts/job.jar` works for tools that
//! want a path, a volume can be mounted over `usrlib`, and nothing gets into `lib/`.
//!
//! Older lines have them where their own job image had them, with its absolute links. Flink 1.10 looks into `usrlib` too.
//! Before that there is only `lib/`, which is one class path with Flink itself: by name, with `flink-dist` last of all. What a
//! fat jar brings of Flink's classes is then what Flink runs with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Artifact, JobError, main_jar};
use crate::flink::distribution::is_jar;
use crate::flink::layout::{real_home, repeated_home};
use crate::flink::lines::{JobPlace, Line};
use crate::flink::version::FlinkVersion;
use crate::layer::{Entry, ImagePath, Owner};

/// Where the files are.
const ARTIFACTS: &str = "opt/artifacts";

/// Where the jar of a job is before 1.9, whatever it was called.
const JOB_JAR: &str = "opt/job.jar";

/// Where Flink looks for a job since 1.10, below its home.
pub(in crate::flink) const USRLIB: &str = "usrlib";

/// Where it looks before that, below its home.
const LIB: &str = "lib";

/// The only link in `lib/` whose name no release has.
const JOB_LINK: &str = "lib/job.jar";

/// Where the files of a job lie in images of one release.
#[derive(Debug, Clone)]
pub struct JobPlaces {
    place: JobPlace,
    home: ImagePath,
    repeated_home: Option<Entry>,
}

/// A link in a folder of Flink.
struct Link {
    /// Below the home of Flink.
    path: String,
    target: String,
}

/// A job as entries of an image, sorted by path.
///
/// Both groups have the folders that their files are in, with the same modes: either may be the only one that is there.
#[derive(Debug, Clone)]
pub struct JobLayout {
    /// What the job needs besides its jar; empty if nothing.
    pub dependencies: Vec<Entry>,
    /// The jar of the job.
    pub job: Vec<Entry>,
    /// Where the jar really is that the job starts with; it may be one of the dependencies.
    pub jar: Option<ImagePath>,
    /// The class that this jar names.
    pub entry_class: Option<String>,
    /// The links among what the distribution has, by their paths there, and the file that each stands for.
    links: BTreeMap<String, PathBuf>,
}

impl JobPlaces {
    /// The places in images of this version, which is of this line.
    pub fn of(line: &Line, version: &FlinkVersion) -> Self {
        Self {
            place: line.job,
            home: real_home(line, version),
            repeated_home: repeated_home(line, version),
        }
    }

    fn file(&self, artifact: &Artifact, is_job: bool) -> Result<ImagePath, JobError> {
        if is_job && self.place == JobPlace::JobJar {
            return Ok(ImagePath::fixed(JOB_JAR));
        }
        let folder = ImagePath::fixed(ARTIFACTS);
        let path = folder.join(&artifact.name);
        path.map_err(|_| JobError::Name {
            path: artifact.source.clone(),
            why: "it is no file name",
        })
    }

    /// The link by which Flink finds `file`; in `lib/` only jars count.
    fn link(&self, file: &ImagePath) -> Option<Link> {
        let name = file.file_name();
        let (path, target) = match self.place {
            JobPlace::JobJar | JobPlace::Lib if !is_jar(name) => return None,
            JobPlace::JobJar | JobPlace::Lib => (format!("{LIB}/{name}"), file.to_string()),
            JobPlace::UsrlibLink => (USRLIB.to_owned(), format!("/{ARTIFACTS}")),
            JobPlace::UsrlibFolder => (
                format!("{USRLIB}/{name}"),
                format!("../../artifacts/{name}"),
            ),
        };
        Some(Link { path, target })
    }

    /// A link with the folders that it is in.
    fn entries(&self, link: &Link) -> Vec<Entry> {
        let mut entries: Vec<_> = self.repeated_home.iter().cloned().collect();
        if let Some((folder, _)) = link.path.split_once('/') {
            // Anybody of group 0 may add to `usrlib`.
            let is_usrlib = folder == USRLIB;
            let folder = self.below_home(folder);
            entries.push(Entry::directory(folder, is_usrlib, Owner::FLINK));
        }
        let path = self.below_home(&link.path);
        entries.push(Entry::symlink(path, &*link.target, Owner::FLINK));
        entries
    }

    /// Whether links lie among files of the distribution, and can collide with them.
    fn shares_folder(&self) -> bool {
        self.place != JobPlace::UsrlibFolder
    }

    fn below_home(&self, path: &str) -> ImagePath {
        self.home.join(path).expect("names were checked")
    }
}

impl JobLayout {
    /// Lays out the jar of a job, if there is one, and what it needs.
    pub fn new(
        places: &JobPlaces,
        job: Option<&Artifact>,
        dependencies: &[Artifact],
    ) -> Result<Self, JobError> {
        check_names(job, dependencies)?;
        let mut links = BTreeMap::new();
        let main = main_jar(job, dependencies);
        let jar = main.map(|jar| places.file(jar, job.is_some()));
        let jar = jar.transpose()?;
        let entry_class = main.and_then(|jar| jar.entry_class.clone());
        if let (Some(job), Some(jar)) = (job, &jar)
            && places.link(jar).is_none()
        {
            return Err(JobError::Name {
                path: job.source.clone(),
                why: "this line of Flink takes a job from `lib/`, and from there only what ends with `.jar`",
            });
        }
        let job = job.map(std::slice::from_ref).unwrap_or_default();
        Ok(Self {
            job: group(places, job, true, &mut links)?,
            dependencies: group(places, dependencies, false, &mut links)?,
            jar,
            entry_class,
            links,
        })
    }

    /// The links among what else the image has, by their paths in the home of Flink, and the file that each stands for.
    pub fn links(&self) -> impl Iterator<Item = (&str, &Path)> {
        let links = self.links.iter();
        links.map(|(link, source)| (link.as_str(), source.as_path()))
    }

    /// Whether a link may have the name of a file of a published release.
    pub fn may_collide(&self) -> bool {
        let mut links = self.links.keys();
        links.any(|link| link.starts_with(LIB) && link != JOB_LINK)
    }
}

/// Refuses two files with one name, which can be told before the version of Flink is known.
pub fn check_names(job: Option<&Artifact>, dependencies: &[Artifact]) -> Result<(), JobError> {
    let mut names: BTreeMap<&str, &Artifact> = BTreeMap::new();
    for artifact in dependencies.iter().chain(job) {
        if let Some(first) = names.insert(&artifact.name, artifact) {
            return Err(JobError::SameName {
                first: first.source.clone(),
                second: artifact.source.clone(),
            });
        }
    }
    Ok(())
}

fn group(
    places: &JobPlaces,
    artifacts: &[Artifact],
    is_job: bool,
    links: &mut BTreeMap<String, PathBuf>,
) -> Result<Vec<Entry>, JobError> {
    let mut entries = Vec::new();
    for artifact in artifacts {
        let file = places.file(artifact, is_job)?;
        if let Some(folder) = file.parent().filter(|folder| folder.as_str() == ARTIFACTS) {
            entries.push(Entry::directory(folder, false, Owner::FLINK));
        }
        if let Some(link) = places.link(&file) {
            entries.extend(places.entries(&link));
            if places.shares_folder() {
                take_name(links, link.path, artifact)?;
            }
        }
        let content = artifact.content.clone();
        entries.push(Entry::file(file, content, false, Owner::FLINK));
    }
    // Of folders, and of the one link in 1.10, once is enough.
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    entries.dedup_by(|a, b| a.path == b.path);
    Ok(entries)
}

/// Notes whose link has a name; one that leads to the folder is for all.
fn take_name(
    links: &mut BTreeMap<String, PathBuf>,
    link: String,
    artifact: &Artifact,
) -> Result<(), JobError> {
    let first = links.insert(link.clone(), artifact.source.clone());
    match first {
        Some(first) if link != USRLIB => Err(JobError::NameTaken {
            owner: format!("`{}`", first.display()),
            link,
            path: artifact.source.clone(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
