//! Where a distribution lies in an image: in `/opt/flink`, a real folder, since 1.11.
//!
//! Two groups of entries, each for a layer of its own: `opt/` and `examples/` are large, optional and of no use
//! to most jobs; the rest is what every image needs. A pure function: nothing is read here.

use std::collections::BTreeMap;

use crate::layer::{Content, ContentSource, Entry, ImagePath, ImagePathError, Owner};

use super::config::open_addresses;
use super::distribution::{CONFIG_FILES, Distribution, DistributionKind};
use super::lines::Line;

/// Raised whenever the same distribution becomes other entries: an image that was built from the same release by other rules
/// is then not taken for one that was built by these.
pub const LAYOUT_VERSION: u32 = 1;

/// The home of Flink in the image.
pub const HOME: &str = "opt/flink";

/// Folders that any user of group 0 may write to: Kubernetes platforms choose the user id themselves.
/// They are there even when the distribution lacks them.
const GROUP_WRITABLE: [&str; 3] = ["conf", "log", "plugins"];

/// Top folders that go into the group of their own.
const OPTIONAL: [&str; 2] = ["opt", "examples"];

/// A distribution as entries of an image, sorted by path.
#[derive(Debug, Clone)]
pub struct FlinkLayout {
    /// `/opt/flink` and what every job needs.
    pub flink: Vec<Entry>,
    /// `opt/` and `examples/`; empty when the distribution has neither. To lie above `flink`, whose folder
    /// `/opt/flink` it does not repeat.
    pub optional: Vec<Entry>,
}

impl FlinkLayout {
    /// Lays out `distribution` as its `line` wants it.
    pub fn new(distribution: &Distribution, line: &Line) -> Result<Self, ImagePathError> {
        let home = ImagePath::fixed(HOME);
        let mut flink = BTreeMap::new();
        let mut optional = BTreeMap::new();
        flink.insert(
            home.clone(),
            Entry::directory(home.clone(), false, Owner::FLINK),
        );
        for name in GROUP_WRITABLE {
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

    fn distribution() -> Distribution {
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
            version: "1.20.5".parse().unwrap(),
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
        FlinkLayout::new(&distribution(), known.line).unwrap()
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
