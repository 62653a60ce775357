//! What a build has to know of a base: its users, its Java, its shell.

use std::collections::BTreeMap;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use super::catalogue::Libc;
use super::tree::{Keep, Tree};
use crate::oci::{Config, Digest, Layer, canonical};

/// Raised whenever this module learns something new, so that what was remembered before is asked again.
const FACTS_VERSION: u32 = 2;
/// Where programs are looked for when the base's config does not say.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What Flink's scripts and the entrypoint call; BusyBox and every full Linux have all but the first.
const PROGRAMS: [&str; 5] = ["bash", "awk", "find", "grep", "sed"];

/// What a build has to know of a base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseFacts {
    /// Its users; `None` when the facts come from an image that was built upon the base, which does not repeat them.
    pub users: Option<Users>,
    /// `PRETTY_NAME` of `/etc/os-release`.
    pub os: Option<String>,
    /// The Java that Flink's scripts will find.
    pub java: Option<Java>,
    /// The architecture that this Java is compiled for, in the words of image-spec.
    pub architecture: Option<String>,
    /// The programs that Flink's scripts and the entrypoint call, and the base lacks.
    pub missing: Vec<String>,
    /// Whether there is something below `/opt/flink` already, or below a folder that images of old lines have instead.
    pub has_flink: bool,
}

/// Users and groups of a base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Users {
    /// `/etc/passwd`.
    pub passwd: UserFile,
    /// `/etc/group`.
    pub group: UserFile,
}

/// A list of users or groups in a base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserFile {
    /// There is none.
    Absent,
    /// Its lines.
    Text(String),
    /// There is one to which no line can be added: a link, or no plain text.
    Special,
}

/// A Java run time in a base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Java {
    /// Its home, absolute.
    pub home: String,
    /// Its version as it calls itself (`17.0.15`, `1.8.0_452`); `None` when the base does not tell.
    pub version: Option<String>,
}

/// What the user says of the base's Java, which beats what is found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct JavaOverride {
    /// `--java-home`
    pub home: Option<String>,
    /// `--java-version`
    pub version: Option<String>,
}

/// How systems with musl begin to call themselves in `PRETTY_NAME`; the others are taken to have glibc.
const MUSL_SYSTEMS: [&str; 3] = ["Alpine", "postmarketOS", "Chimera"];

impl BaseFacts {
    /// The C library of the base, by what its system calls itself; `None` when it says nothing.
    pub fn libc(&self) -> Option<Libc> {
        let os = self.os.as_deref()?;
        let is_musl = MUSL_SYSTEMS.iter().any(|system| os.starts_with(system));
        Some(if is_musl { Libc::Musl } else { Libc::Glibc })
    }

    /// The key under which the facts of a base are remembered: its layers as blobs and as tars, so that what was
    /// checked of one image is never believed of another, and what its config says of Java.
    pub fn key(config: &Config, layers: &[Layer], java: &JavaOverride) -> Digest {
        let env = ["JAVA_HOME", "JAVA_VERSION", "PATH"].map(|name| config.env(name));
        let layers: Vec<_> = layers
            .iter()
            .map(|layer| {
                (
                    &layer.descriptor.media_type,
                    layer.descriptor.digest,
                    layer.descriptor.size,
                    layer.diff_id,
                )
            })
            .collect();
        Digest::of(&canonical(&(FACTS_VERSION, layers, env, java)))
    }
}

/// Reads layers, lowest first, and tells what they add up to.
#[derive(Debug, Default)]
pub(super) struct Student {
    tree: Tree,
}

/// What has to be kept of a file for the facts.
pub(super) fn keep(path: &str) -> Keep {
    match path {
        "etc/passwd" | "etc/group" => Keep::Text,
        _ if path.ends_with("/os-release") || path.ends_with("/release") => Keep::Text,
        _ if path.ends_with("/bin/java") => Keep::Head,
        _ => Keep::Nothing,
    }
}

impl Student {
    /// One that has read the layers of `tree` before, and kept what [`keep`] says.
    pub(super) fn of(tree: Tree) -> Self {
        Self { tree }
    }

    /// Reads an uncompressed layer to its end.
    pub(super) fn read(&mut self, layer: impl Read) -> io::Result<()> {
        self.tree.apply(layer, keep)
    }

    /// The facts of an image with the layers that were read, and `config`.
    pub(super) fn facts(&self, config: &Config, java: &JavaOverride) -> BaseFacts {
        let tree = &self.tree;
        let java = find_java(tree, config, java);
        let users = |path: &str| {
            let text = tree
                .kept(path)
                .map(|bytes| String::from_utf8(bytes.to_vec()));
            match text {
                Some(Ok(text)) if tree.resolve(path).as_deref() == Some(path) => {
                    UserFile::Text(text)
                }
                None if !tree.exists(path) => UserFile::Absent,
                _ => UserFile::Special,
            }
        };
        BaseFacts {
            users: Some(Users {
                passwd: users("etc/passwd"),
                group: users("etc/group"),
            }),
            os: tree
                .text("etc/os-release")
                .or_else(|| tree.text("usr/lib/os-release"))
                .and_then(|text| properties(&text).remove("PRETTY_NAME")),
            architecture: java
                .as_ref()
                .and_then(|java| tree.kept(&format!("{}/bin/java", java.home)))
                .and_then(architecture)
                .map(ToOwned::to_owned),
            java,
            missing: PROGRAMS
                .iter()
                .filter(|program| find_program(tree, config, program).is_none())
                .map(|program| (*program).to_owned())
                .collect(),
            has_flink: has_flink(tree),
        }
    }
}

/// Whether there is a Flink: in `/opt/flink`, or in `/opt/flink-VERSION`, which begins with a digit.
fn has_flink(tree: &Tree) -> bool {
    let mut paths = tree.paths();
    let is_versioned = |path: &str| {
        let rest = path.strip_prefix("opt/flink-");
        rest.is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_ascii_digit()) && rest.contains('/')
        })
    };
    tree.is_filled("opt/flink") || paths.any(is_versioned)
}

/// `KEY=VALUE` and `KEY="VALUE"` lines, as in `os-release` and a Java's `release`.
fn properties(text: &str) -> BTreeMap<&str, String> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| {
            (
                key.trim(),
                value.trim().trim_matches(['"', '\'']).to_owned(),
            )
        })
        .collect()
}

/// The architecture of a program, by the `e_machine` of its ELF header (elf(5)).
fn architecture(head: &[u8]) -> Option<&'static str> {
    const LITTLE_ENDIAN: u8 = 1;
    let (magic, order, machine) = (head.get(..4)?, *head.get(5)?, head.get(18..20)?);
    if magic != b"\x7fELF" {
        return None;
    }
    let machine = [machine[0], machine[1]];
    let machine = if order == LITTLE_ENDIAN {
        u16::from_le_bytes(machine)
    } else {
        u16::from_be_bytes(machine)
    };
    Some(match machine {
        3 => "386",
        21 => "ppc64le",
        22 => "s390x",
        40 => "arm",
        62 => "amd64",
        183 => "arm64",
        243 => "riscv64",
        258 => "loong64",
        _ => return None,
    })
}

fn find_program(tree: &Tree, config: &Config, name: &str) -> Option<String> {
    config
        .env("PATH")
        .unwrap_or(DEFAULT_PATH)
        .split(':')
        .find_map(|folder| tree.file(&format!("{folder}/{name}")))
}

/// The Java that the user names, else that of `JAVA_HOME`, else the one on the `PATH`, else the newest there is.
fn find_java(tree: &Tree, config: &Config, asked: &JavaOverride) -> Option<Java> {
    let has_java = |home: &str| tree.file(&format!("{home}/bin/java")).is_some();
    let home_of = |program: &str| {
        program
            .strip_suffix("/bin/java")
            .map(|home| format!("/{home}"))
    };
    let stated = asked.home.as_deref().or_else(|| config.env("JAVA_HOME"));
    let home = match stated {
        Some(home) => has_java(home).then(|| format!("/{}", home.trim_matches('/'))),
        None => find_program(tree, config, "java")
            .as_deref()
            .and_then(home_of)
            .or_else(|| {
                tree.paths()
                    .filter(|path| path.ends_with("/bin/java"))
                    .filter_map(|path| home_of(&tree.file(path)?))
                    .max_by_key(|home| release_version(tree, home).map(|version| numbers(&version)))
            }),
    }?;
    let version = asked
        .version
        .clone()
        .or_else(|| release_version(tree, &home))
        .or_else(|| config.env("JAVA_VERSION").map(ToOwned::to_owned));
    Some(Java { home, version })
}

/// `JAVA_VERSION` in the file `release` of a Java's home, or above it for the `jre` folder of a Java 8 JDK.
fn release_version(tree: &Tree, home: &str) -> Option<String> {
    ["release", "../release"]
        .iter()
        .filter_map(|file| tree.text(&format!("{home}/{file}")))
        .find_map(|text| properties(&text).remove("JAVA_VERSION"))
}

/// `1.8.0_452` as numbers that compare with those of `17.0.15`.
fn numbers(version: &str) -> Vec<u32> {
    let version = version.strip_prefix("1.").unwrap_or(version);
    version
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|part| part.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::layer;
    use super::*;
    use crate::oci::Platform;

    fn learn(config: &Config, java: &JavaOverride, entries: &[(&str, &str)]) -> BaseFacts {
        let mut student = Student::default();
        student.read(&layer(entries)[..]).unwrap();
        student.facts(config, java)
    }

    const DEBIAN: &[(&str, &str)] = &[
        ("bin", "->usr/bin"),
        ("etc/passwd", "root:x:0:0::/root:/bin/bash\n"),
        ("etc/os-release", "->../usr/lib/os-release"),
        (
            "usr/lib/os-release",
            "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
        ),
        ("usr/bin/bash", ""),
        ("usr/bin/java", "->/etc/alternatives/java"),
        (
            "etc/alternatives/java",
            "->/usr/lib/jvm/java-17-openjdk-amd64/bin/java",
        ),
        ("usr/lib/jvm/java-17-openjdk-amd64/bin/java", ""),
        (
            "usr/lib/jvm/java-17-openjdk-amd64/release",
            "JAVA_VERSION=\"17.0.15\"\n",
        ),
    ];

    #[test]
    fn learns_from_a_plain_debian() {
        let config = Config::empty(&Platform::linux_amd64());
        let facts = learn(&config, &JavaOverride::default(), DEBIAN);
        assert_eq!(
            facts.users.unwrap(),
            Users {
                passwd: UserFile::Text("root:x:0:0::/root:/bin/bash\n".to_owned()),
                group: UserFile::Absent,
            }
        );
        assert_eq!(facts.os.as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
        assert_eq!(facts.missing, ["awk", "find", "grep", "sed"]);
        assert!(!facts.has_flink);
        let java = facts.java.unwrap();
        assert_eq!(java.home, "/usr/lib/jvm/java-17-openjdk-amd64");
        assert_eq!(java.version.as_deref(), Some("17.0.15"));
    }

    #[test]
    fn a_flink_is_seen_in_either_home() {
        for (path, is_there) in [
            ("opt/flink/lib/flink-dist.jar", true),
            ("opt/flink-1.8.3/lib/flink-dist.jar", true),
            ("opt/flink-tools/lib/tool.jar", false),
            ("opt/flink-1.8.3", false),
            ("srv/opt/flink-1.8.3/lib/flink-dist.jar", false),
        ] {
            let config = Config::empty(&Platform::linux_amd64());
            let files = [DEBIAN, &[(path, "")]].concat();
            let facts = learn(&config, &JavaOverride::default(), &files);
            assert_eq!(facts.has_flink, is_there, "{path}");
        }
    }

    #[test]
    fn what_is_stated_beats_what_is_found() {
        let mut config = Config::empty(&Platform::linux_amd64());
        let both: Vec<_> = DEBIAN
            .iter()
            .copied()
            .chain([
                ("opt/java/openjdk/bin/java", ""),
                ("opt/java/openjdk/release", "JAVA_VERSION=\"11.0.1\""),
            ])
            .collect();
        config.set_env("JAVA_HOME", "/opt/java/openjdk");
        let java = learn(&config, &JavaOverride::default(), &both)
            .java
            .unwrap();
        assert_eq!(
            (java.home.as_str(), java.version.as_deref()),
            ("/opt/java/openjdk", Some("11.0.1"))
        );
        let asked = JavaOverride {
            home: Some("/usr/lib/jvm/java-17-openjdk-amd64/".to_owned()),
            version: Some("21".to_owned()),
        };
        let java = learn(&config, &asked, &both).java.unwrap();
        assert_eq!(java.home, "/usr/lib/jvm/java-17-openjdk-amd64");
        assert_eq!(java.version.as_deref(), Some("21"));
        config.set_env("JAVA_HOME", "/nowhere");
        assert_eq!(learn(&config, &JavaOverride::default(), &both).java, None);
    }

    #[test]
    fn users_that_cannot_be_added_to_are_left_alone() {
        let config = Config::empty(&Platform::linux_amd64());
        let large = "x".repeat(300_000);
        for entries in [
            &[("etc/passwd", "->../data/passwd"), ("data/passwd", "root")][..],
            &[("etc", "->data"), ("data/passwd", "root")],
            &[("etc/passwd", &large)],
            &[("etc/passwd", "->nowhere")],
        ] {
            let facts = learn(&config, &JavaOverride::default(), entries);
            assert_eq!(
                facts.users.unwrap(),
                Users {
                    passwd: UserFile::Special,
                    group: UserFile::Absent,
                }
            );
        }
    }

    #[test]
    fn a_program_tells_its_machine() {
        let mut head = *b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0";
        assert_eq!(architecture(&head), Some("amd64"));
        head[18] = 183;
        assert_eq!(architecture(&head), Some("arm64"));
        assert_eq!(architecture(&head[..19]), None);
        assert_eq!(architecture(b"#!/bin/sh\nexec java\n"), None);
    }

    #[test]
    fn finds_the_newest_java_that_is_not_on_the_path() {
        let config = Config::empty(&Platform::linux_amd64());
        let facts = learn(
            &config,
            &JavaOverride::default(),
            &[
                ("usr/lib/jvm/8/jre/bin/java", ""),
                ("usr/lib/jvm/8/release", "JAVA_VERSION=\"1.8.0_452\""),
                ("usr/lib/jvm/9/bin/java", ""),
                ("usr/lib/jvm/9/release", "JAVA_VERSION=\"9.0.4\""),
            ],
        );
        assert_eq!(facts.java.unwrap().home, "/usr/lib/jvm/9");
        assert_eq!(facts.missing, PROGRAMS);
    }
}
