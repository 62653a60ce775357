//! The layers of the content, between those of Flink and those of the job, and the places in them: nothing takes that of
//! another.

use std::collections::BTreeMap;
use std::path::Path;

use super::arrange::{Arrangement, arrange};
use super::{ContentError, OpenedContent};
use crate::build::planned::planned;
use crate::build::{BuildError, BuildRequest, Flink, Inputs, LayerRole, PlannedLayer};
use crate::flink::hadoop::HadoopJar;
use crate::flink::{
    FlinkLayout, FlinkVersion, JobError, JobLayout, Line, is_group_writable, real_home,
};
use crate::layer::{Content as Bytes, Entry, EntryKind, ImagePath, LayerKind, LayerPlan, Owner};

/// What the layers are called.
const CONFIGURATION_TITLE: &str = "plugins, configuration";
const LIBRARIES_TITLE: &str = "libraries";
const FILES_TITLE: &str = "files";
/// The folder that users' files are below; it is the base's.
const TOP: &str = "opt";

/// What else has places that users' files could want.
#[derive(Debug, Clone, Copy)]
pub(in crate::build) struct LayoutPlaces<'a> {
    /// Flink; `None` when only its layers are known, which are then known with the names of the users' files.
    pub(in crate::build) flink: Option<&'a FlinkLayout>,
    pub(in crate::build) configuration: &'a [Entry],
    pub(in crate::build) hadoop: Option<&'a HadoopJar>,
    pub(in crate::build) job: &'a JobLayout,
}

impl LayoutPlaces<'_> {
    /// Refuses links of the job, libraries and files whose places are taken.
    pub(in crate::build) fn check(
        &self,
        opened: &OpenedContent,
        (line, version): (&Line, &FlinkVersion),
    ) -> Result<(), ContentError> {
        let home = &real_home(line, version);
        let mut taken: Taken = BTreeMap::new();
        let take = |owner: &str, entries: &[Entry], taken: &mut Taken| {
            let place = |entry: &Entry| (entry.path.clone(), (is_folder(entry), owner.to_owned()));
            taken.extend(entries.iter().map(place));
        };
        let flink = format!("Flink {version}");
        if let Some(layout) = self.flink {
            take(&flink, &layout.flink, &mut taken);
            take(&flink, &layout.optional, &mut taken);
        }
        take(&flink, self.configuration, &mut taken);
        if let Some(jar) = self.hadoop {
            // Where it lies follows from its name.
            let entries = jar.entries(Bytes::from_bytes(Vec::new()), line, version)?;
            take(&format!("Hadoop {}", jar.version()), &entries, &mut taken);
        }
        for (link, source) in self.job.links() {
            let path = home.join(link)?;
            if let Some((_, owner)) = first_in(&taken, &path) {
                return Err(JobError::NameTaken {
                    owner: owner.to_owned(),
                    link: link.to_owned(),
                    path: source.to_owned(),
                }
                .into());
            }
        }
        take("the job", &self.job.dependencies, &mut taken);
        take("the job", &self.job.job, &mut taken);
        for (source, entry) in placed(opened, home)? {
            let fail = |why: String| ContentError::Taken {
                source_path: source.to_owned(),
                path: entry.path.to_string(),
                why,
            };
            let is_folder = is_folder(&entry);
            match taken.get(&entry.path) {
                Some((true, _)) if is_folder => continue,
                Some((true, owner)) => return Err(fail(format!("{owner} has a folder there"))),
                Some((false, owner)) => return Err(fail(format!("{owner} has that place"))),
                None => {}
            }
            for folder in std::iter::successors(entry.path.parent(), ImagePath::parent) {
                if let Some((false, owner)) = taken.get(&folder) {
                    return Err(fail(format!("{owner} has `{folder}`, which is no folder")));
                }
            }
            // A folder need not have an entry of its own.
            if let Some((path, owner)) = first_in(&taken, &entry.path).filter(|_| !is_folder) {
                return Err(fail(format!("{owner} has `{path}`")));
            }
            taken.insert(entry.path, (is_folder, format!("`{}`", source.display())));
        }
        Ok(())
    }
}

/// Places with whether each is a folder, and whose it is.
type Taken = BTreeMap<ImagePath, (bool, String)>;

/// The first place that is `path` or below it, and whose it is. Between the two may be others, as `lib-x` is between `lib` and
/// `lib/x`.
fn first_in<'a>(taken: &'a Taken, path: &ImagePath) -> Option<(&'a ImagePath, &'a str)> {
    let behind = taken.range(path..);
    let mut alike = behind.take_while(|(there, _)| there.as_str().starts_with(path.as_str()));
    let (there, (_, owner)) = alike.find(|(there, _)| there.starts_with(path))?;
    Some((there, owner))
}

fn is_folder(entry: &Entry) -> bool {
    matches!(entry.kind, EntryKind::Directory)
}

/// The entries of libraries and files, with what they are made of.
fn placed<'a>(
    opened: &'a OpenedContent,
    home: &ImagePath,
) -> Result<Vec<(&'a Path, Entry)>, ContentError> {
    let files = opened.files.iter();
    let files = files.map(|file| (&*file.source, file.entry.clone()));
    Ok(files.chain(libraries(opened, home)?).collect())
}

/// The entries of libraries, with what they are made of.
fn libraries<'a>(
    opened: &'a OpenedContent,
    home: &ImagePath,
) -> Result<Vec<(&'a Path, Entry)>, ContentError> {
    let libraries = opened.libraries.iter();
    libraries
        .map(|library| {
            let path = home.join(&format!("lib/{}", library.name))?;
            let entry = Entry::file(path, library.content.clone(), false, Owner::FLINK);
            Ok((&*library.source, entry))
        })
        .collect()
}

/// The places in the home of Flink that users' files want, which nobody can judge who does not know what is there.
pub(in crate::build) fn names_in_home(
    opened: &OpenedContent,
    home: &ImagePath,
) -> Result<Vec<String>, ContentError> {
    let placed = placed(opened, home)?.into_iter();
    let mut names: Vec<_> = placed
        .filter(|(_, entry)| entry.path.starts_with(home))
        .map(|(_, entry)| format!("{}{}", entry.path, if is_folder(&entry) { "/" } else { "" }))
        .collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// Entries with the folders that they are in: podman makes a folder that a layer leaves out anew, as root's. A folder that is
/// Flink's is the same here as there.
fn with_folders(entries: Vec<Entry>, home: &ImagePath) -> Vec<Entry> {
    let mut all = BTreeMap::new();
    for entry in entries {
        let folders = std::iter::successors(entry.path.parent(), ImagePath::parent);
        let own = is_folder(&entry).then(|| entry.path.clone());
        for folder in folders.chain(own).filter(|folder| folder.as_str() != TOP) {
            let is_shared = is_group_writable(home, &folder);
            let folder = Entry::directory(folder, is_shared, Owner::FLINK);
            all.insert(folder.path.clone(), folder);
        }
        if !is_folder(&entry) {
            all.insert(entry.path.clone(), entry);
        }
    }
    all.into_values().collect()
}

/// What the content becomes in the home of Flink; nothing where the files of Flink are not known, and its layers are.
pub(in crate::build) fn arranged(
    request: &BuildRequest,
    inputs: &Inputs,
) -> Result<Arrangement, ContentError> {
    match &inputs.flink {
        Flink::Listed { distribution, .. } => {
            let (content, opened) = (&request.content, &inputs.content);
            arrange(distribution, inputs.line.line, content, opened)
        }
        Flink::Known { .. } => Ok(Arrangement::default()),
    }
}

/// The layers of the content, lowest first.
pub(in crate::build) fn layers(
    request: &BuildRequest,
    inputs: &Inputs,
    arrangement: Arrangement,
) -> Result<Vec<PlannedLayer>, BuildError> {
    let opened = &inputs.content;
    let home = real_home(inputs.line.line, &inputs.version);
    let libraries = libraries(opened, &home)?.into_iter();
    let groups = [
        (
            CONFIGURATION_TITLE,
            LayerRole::Configuration,
            LayerKind::Files,
            arrangement.configuration,
        ),
        (
            LIBRARIES_TITLE,
            LayerRole::Libraries,
            LayerKind::Jars,
            libraries.map(|(_, entry)| entry).collect(),
        ),
        (
            FILES_TITLE,
            LayerRole::Files,
            LayerKind::Files,
            opened.files.iter().map(|file| file.entry.clone()).collect(),
        ),
    ];
    let mut layers = Vec::new();
    if let Flink::Known {
        configuration: Some(recipe),
        ..
    } = &inputs.flink
    {
        layers.push(PlannedLayer {
            title: CONFIGURATION_TITLE.to_owned(),
            role: LayerRole::Configuration,
            key: *recipe,
            compression: request.compression.of(LayerKind::Files),
            release: None,
            plan: None,
        });
    }
    for (title, role, kind, entries) in groups {
        if !entries.is_empty() {
            let entries = with_folders(entries, &home);
            let plan = LayerPlan::new(title, entries, request.compression.of(kind))?;
            layers.push(planned(plan, role, None));
        }
    }
    Ok(layers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::content::files::Added;
    use crate::flink::{
        Artifact, Distribution, DistributionFile, DistributionKind, JobPlaces, Known,
    };

    fn line(version: &str) -> &'static Line {
        Known::of(&version.parse().unwrap()).unwrap().line
    }

    fn artifact(source: &str) -> Artifact {
        Artifact {
            source: source.into(),
            name: source.rsplit('/').next().unwrap().to_owned(),
            content: Bytes::from_bytes(Vec::new()),
            entry_class: None,
        }
    }

    #[test]
    fn a_link_never_takes_the_place_of_a_file_of_flink() {
        let files = [
            "lib/flink-dist.jar",
            "lib/folder.jar/x",
            "lib/job.jar",
            "lib/log4j.jar",
            "usrlib/x.jar",
        ];
        let check = |version: &str, job: Option<&str>, dependencies: &[&str]| {
            let distribution = Distribution {
                version: version.parse().unwrap(),
                scala: None,
                files: files
                    .iter()
                    .map(|path| DistributionFile {
                        path: ImagePath::new(path).unwrap(),
                        kind: DistributionKind::Symlink("x".to_owned()),
                    })
                    .collect(),
            };
            let (version, line) = (&distribution.version, line(version));
            let (job, dependencies) = (job.map(artifact), dependencies.iter());
            let dependencies: Vec<_> = dependencies.map(|source| artifact(source)).collect();
            let places = JobPlaces::of(line, version);
            let places = LayoutPlaces {
                flink: Some(&FlinkLayout::new(&distribution, line).unwrap()),
                configuration: &[],
                hadoop: None,
                job: &JobLayout::new(&places, job.as_ref(), &dependencies).unwrap(),
            };
            let found = places.check(&OpenedContent::default(), (line, version));
            found.map_err(|error| error.to_string())
        };
        let taken = |version: &str, link: &str, path: &str| {
            Err(format!(
                "Flink {version} has `{link}` already, and `{path}` needs that name for a link"
            ))
        };
        for (version, job, dependencies, expected) in [
            (
                "1.6.0",
                Some("app.jar"),
                &[][..],
                taken("1.6.0", "lib/job.jar", "app.jar"),
            ),
            (
                "1.6.0",
                None,
                &["a/log4j.jar"],
                taken("1.6.0", "lib/log4j.jar", "a/log4j.jar"),
            ),
            (
                "1.9.3",
                Some("log4j.jar"),
                &[],
                taken("1.9.3", "lib/log4j.jar", "log4j.jar"),
            ),
            (
                "1.9.3",
                Some("folder.jar"),
                &[],
                taken("1.9.3", "lib/folder.jar", "folder.jar"),
            ),
            ("1.9.3", Some("log4.jar"), &["flink-dist", "log4j"], Ok(())),
            (
                "1.10.3",
                Some("log4j.jar"),
                &[],
                taken("1.10.3", "usrlib", "log4j.jar"),
            ),
            ("1.10.3", None, &[], Ok(())),
            ("1.11.0", Some("log4j.jar"), &["x.jar"], Ok(())),
        ] {
            assert_eq!(
                check(version, job, dependencies),
                expected,
                "{version} {job:?}"
            );
        }
    }

    #[test]
    fn a_file_never_takes_the_place_of_a_folder_that_has_no_entry() {
        let file = |path: &'static str| Added {
            source: path.into(),
            entry: Entry::file(
                ImagePath::fixed(path),
                Bytes::from_bytes(Vec::new()),
                false,
                Owner::FLINK,
            ),
        };
        let version = "1.20.5".parse().unwrap();
        let line = line("1.20.5");
        let job = JobLayout::new(&JobPlaces::of(line, &version), None, &[]).unwrap();
        let places = LayoutPlaces {
            flink: None,
            configuration: &[],
            hadoop: None,
            job: &job,
        };
        for (paths, expected) in [
            // `opt/x-z` is between the other two.
            (
                ["opt/x/y", "opt/x-z", "opt/x"],
                Some("`opt/x` cannot be `/opt/x` in the image: `opt/x/y` has `/opt/x/y`"),
            ),
            (
                ["opt/x", "opt/x-z", "opt/x/y"],
                Some(
                    "`opt/x/y` cannot be `/opt/x/y` in the image: `opt/x` has `/opt/x`, which is no folder",
                ),
            ),
            (["opt/x-y", "opt/x-z", "opt/x"], None),
        ] {
            let opened = OpenedContent {
                files: paths.map(file).into(),
                ..OpenedContent::default()
            };
            let found = places.check(&opened, (line, &version));
            let found = found.err().map(|error| error.to_string());
            assert_eq!(found.as_deref(), expected, "{paths:?}");
        }
    }
}
