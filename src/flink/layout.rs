//! Where a distribution lies in an image: since 1.11 in `/opt/flink`; before in `/opt/flink-VERSION`, to which `/opt/flink` is a
//! link. Whatever else goes into that folder is named by [`real_home`], never by way of the link: an entry below a link
//! would put a folder in its place.
//!
//! Two groups of entries, each for a layer of its own: `opt/` and `examples/` are large, optional and of no use
//! to most jobs; the rest is what every image needs. A pure function: nothing is read here.

use std::collections::BTreeMap;

use crate::layer::{Content, ContentSource, Entry, ImagePath, ImagePathError, Owner};

use super::config::open_addresses;
use super::distribution::{CONFIG_FILES, Distribution, DistributionKind};
use super::lines::{Home, Line};
use super::version::FlinkVersion;

/// Raised whenever the same distribution becomes other entries: an image that was built from the same release by other rules
/// is then not taken for one that was built by these.
pub const LAYOUT_VERSION: u32 = 1;

/// The home of Flink in every image: a folder, or a link to it.
pub const HOME: &str = "opt/flink";

/// Folders that any user of group 0 may write to: Kubernetes platforms choose the user id themselves.
/// They are there even when the distribution lacks them.
const GROUP_WRITABLE: [&str; 2] = ["conf", "log"];

/// One more, for the lines that load plugins.
const PLUGINS: &str = "plugins";

/// Top folders that go into the group of their own.
const OPTIONAL: [&str; 2] = ["opt", "examples"];

/// The folder that a distribution really lies in.
///
/// ```
/// use flink_img::flink::{Known, real_home};
///
/// for (version, home) in [("1.8.3", "/opt/flink-1.8.3"), ("1.20.5", "/opt/flink")] {
///     let version = version.parse()?;
///     let line = Known::of(&version).unwrap().line;
///     assert_eq!(real_home(line, &version).to_string(), home);
/// }
/// # Ok::<(), flink_img::flink::VersionError>(())
/// ```
pub fn real_home(line: &Line, version: &FlinkVersion) -> ImagePath {
    match line.home {
        Home::Plain => ImagePath::fixed(HOME),
        Home::Versioned => ImagePath::new(&format!("{HOME}-{version}"))
            .expect("a version is a plain word of no more than 64 letters"),
    }
}

/// The home as every layer has it again that has something below it: podman makes a folder that a layer leaves out anew, as
/// root's. Nothing since 1.11, whose layers have digests that must stay.
pub fn repeated_home(line: &Line, version: &FlinkVersion) -> Option<Entry> {
    let home = real_home(line, version);
    (line.home == Home::Versioned).then(|| Entry::directory(home, false, Owner::FLINK))
}

/// What decides how a distribution of the line becomes entries, besides [`LAYOUT_VERSION`] and what is closed in its
/// configuration; nothing since 1.11.
pub fn layout_rules(line: &Line) -> Option<&'static str> {
    match (line.home, line.has_plugins) {
        (Home::Plain, _) => None,
        (Home::Versioned, true) => Some("versioned"),
        (Home::Versioned, false) => Some("versioned, no plugins"),
    }
}

/// Whether any user of group 0 may write to a folder, which lies in `home` or elsewhere.
pub fn is_group_writable(home: &ImagePath, folder: &ImagePath) -> bool {
    let below = folder.as_str().strip_prefix(home.as_str());
    let name = below.and_then(|below| below.strip_prefix('/'));
    name.is_some_and(|name| {
        GROUP_WRITABLE.contains(&name) || name == PLUGINS || name == super::job::USRLIB
    })
}

/// A distribution as entries of an image, sorted by path.
#[derive(Debug, Clone)]
pub struct FlinkLayout {
    /// The home of Flink and what every job needs.
    pub flink: Vec<Entry>,
    /// `opt/` and `examples/`; empty when the distribution has neither. To lie above `flink`.
    pub optional: Vec<Entry>,
}

impl FlinkLayout {
    /// Lays out `distribution` as its `line` wants it.
    pub fn new(distribution: &Distribution, line: &Line) -> Result<Self, ImagePathError> {
        let home = real_home(line, &distribution.version);
        let mut flink = BTreeMap::new();
        let mut optional = BTreeMap::new();
        flink.insert(
            home.clone(),
            Entry::directory(home.clone(), false, Owner::FLINK),
        );
        let link = ImagePath::fixed(HOME);
        if home != link {
            let target = home.to_string();
            flink.insert(link.clone(), Entry::symlink(link, target, Owner::FLINK));
        }
        let plugins = line.has_plugins.then_some(PLUGINS);
        for name in GROUP_WRITABLE.into_iter().chain(plugins) {
            let path = home.join(name)?;
            flink.insert(path.clone(), Entry::directory(path, true, Owner::FLINK));
        }
        for file in &distribution.files {
            let path = home.join(file.path.as_str())?;
            let top = file.path.as_str().split('/').next().unwrap_or_default();
            let group = if OPTIONAL.contains(&top) {
                &mut optional
            } else {
                &mut flink
            };
            let mut parent = path.parent();
            while let Some(folder) = parent {
                if folder == home || group.contains_key(&folder) {
                    break;
                }
                parent = folder.parent();
                group.insert(
                    folder.clone(),
                    Entry::directory(folder, false, Owner::FLINK),
                );
            }
            let entry = match &file.kind {
                DistributionKind::Symlink(target) => {
                    Entry::symlink(path.clone(), target.clone(), Owner::FLINK)
                }
                DistributionKind::File {
                    content,
                    executable,
                } => {
                    let content = if line.binds_to_localhost {
                        opened(file.path.as_str(), content)
                    } else {
                        content.clone()
                    };
                    Entry::file(path.clone(), content, *executable, Owner::FLINK)
                }
            };
            group.insert(path, entry);
        }
        if !optional.is_empty() {
            let again = repeated_home(line, &distribution.version);
            optional.extend(again.map(|entry| (home, entry)));
        }
        Ok(Self {
            flink: flink.into_values().collect(),
            optional: optional.into_values().collect(),
        })
    }
}

/// The content, with the bind addresses opened if it is a configuration that needs it.
fn opened(path: &str, content: &Content) -> Content {
    if let ContentSource::Bytes(bytes) = &content.source
        && CONFIG_FILES.contains(&path)
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        let changed = open_addresses(text);
        if changed != text {
            return Content::from_bytes(changed.into_bytes());
        }
    }
    content.clone()
}

#[cfg(test)]
mod tests {
    use super::super::distribution::DistributionFile;
    use super::super::lines::Known;
    use super::*;
    use crate::layer::EntryKind;

    fn distribution(version: &str) -> Distribution {
        let file = |path: &str, text: &str| DistributionFile {
            path: ImagePath::new(path).unwrap(),
            kind: DistributionKind::File {
                content: Content::from_bytes(text.as_bytes()),
                executable: path.starts_with("bin/"),
            },
        };
        let mut files = vec![
            file("LICENSE", "text"),
            file("bin/flink", "#!/bin/sh"),
            file("conf/config.yaml", "rest.address: localhost\n"),
            file("conf/other.yaml", "rest.address: localhost\n"),
            file("examples/streaming/Count.jar", ""),
            file("lib/flink-dist-1.20.5.jar", ""),
            file("opt/flink-python.jar", ""),
            file("plugins/gpu/gpu.jar", ""),
        ];
        files.insert(
            4,
            DistributionFile {
                path: ImagePath::new("conf/link").unwrap(),
                kind: DistributionKind::Symlink("config.yaml".to_owned()),
            },
        );
        Distribution {
            version: version.parse().unwrap(),
            scala: None,
            files,
        }
    }

    fn listing(entries: &[Entry]) -> Vec<String> {
        entries
            .iter()
            .map(|entry| format!("{:o} {}", entry.mode, entry.path))
            .collect()
    }

    fn layout(version: &str) -> FlinkLayout {
        let known = Known::of(&version.parse().unwrap()).unwrap();
        FlinkLayout::new(&distribution(version), known.line).unwrap()
    }

    #[test]
    fn two_groups_with_each_folder_once() {
        let layout = layout("1.20.5");
        assert_eq!(
            listing(&layout.flink),
            [
                "755 /opt/flink",
                "644 /opt/flink/LICENSE",
                "755 /opt/flink/bin",
                "755 /opt/flink/bin/flink",
                "775 /opt/flink/conf",
                "644 /opt/flink/conf/config.yaml",
                "777 /opt/flink/conf/link",
                "644 /opt/flink/conf/other.yaml",
                "755 /opt/flink/lib",
                "644 /opt/flink/lib/flink-dist-1.20.5.jar",
                "775 /opt/flink/log",
                "775 /opt/flink/plugins",
                "755 /opt/flink/plugins/gpu",
                "644 /opt/flink/plugins/gpu/gpu.jar",
            ]
        );
        assert_eq!(
            listing(&layout.optional),
            [
                "755 /opt/flink/examples",
                "755 /opt/flink/examples/streaming",
                "644 /opt/flink/examples/streaming/Count.jar",
                "755 /opt/flink/opt",
                "644 /opt/flink/opt/flink-python.jar",
            ]
        );
        let all = layout.flink.iter().chain(&layout.optional);
        assert!(all.clone().all(|entry| entry.owner == Owner::FLINK));
    }

    #[test]
    fn before_1_11_the_home_is_a_link_to_a_folder_with_the_version() {
        for (version, plugins) in [("1.8.3", "755"), ("1.10.3", "775")] {
            let layout = layout(version);
            let all: Vec<_> = layout.flink.iter().chain(&layout.optional).collect();
            assert_eq!(all[0].path.to_string(), "/opt/flink");
            let target = format!("/opt/flink-{version}");
            assert!(matches!(&all[0].kind, EntryKind::Symlink(to) if *to == target));
            let home = ImagePath::new(&target).unwrap();
            assert!(all[1..].iter().all(|entry| entry.path.starts_with(&home)));
            assert_eq!(layout.optional[0].path, home, "each layer has its owner");
            // Those of the distribution; only where they are loaded may everybody add to them.
            let expected = format!("{plugins} {target}/plugins");
            assert!(listing(&layout.flink).contains(&expected), "{version}");
        }
        let mut empty = distribution("1.8.3");
        empty.files.clear();
        let known = Known::of(&empty.version).unwrap();
        assert_eq!(
            listing(&FlinkLayout::new(&empty, known.line).unwrap().flink)[1..],
            [
                "755 /opt/flink-1.8.3",
                "775 /opt/flink-1.8.3/conf",
                "775 /opt/flink-1.8.3/log",
            ]
        );
    }

    #[test]
    fn only_the_configuration_is_opened_and_only_where_it_is_closed() {
        let size = |version: &str, name: &str| {
            let layout = layout(version);
            let path = format!("/opt/flink/conf/{name}");
            let entry = layout.flink.iter().find(|e| e.path.to_string() == path);
            entry.unwrap().size()
        };
        let before = "rest.address: localhost\n".len() as u64;
        assert_eq!(size("1.20.5", "config.yaml"), before - 2);
        assert_eq!(size("1.20.5", "other.yaml"), before);
        assert_eq!(size("1.14.6", "config.yaml"), before);
    }
}
