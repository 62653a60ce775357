//! Scripts of packages, which are never run: which of them do nothing that an image needs, and what apk keeps of them.
//!
//! When a package is added, apk runs `pre-install` and `post-install`, and the `trigger` of every package that watches a
//! folder that changed. A script that is not known to be harmless is told as skipped. All scripts are kept in
//! `scripts.tar` as apk keeps them, so that `apk` in an image built upon this one can run them.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read as _};
use std::num::NonZeroUsize;

use flate2::read::MultiGzDecoder;
use serde::Serialize;

use super::checksum::Checksum;
use super::segments::invalid;
use crate::base::tree::Tree;
use crate::layer::{Compression, Compressor};

/// How much `scripts.tar.gz` may unpack to.
const LIMIT: u64 = 64 << 20;

/// When apk runs a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Script {
    PreInstall,
    PostInstall,
    PreDeinstall,
    PostDeinstall,
    PreUpgrade,
    PostUpgrade,
    Trigger,
}

/// All of them, with the names of their files.
const NAMES: [(Script, &str); 7] = [
    (Script::PreInstall, "pre-install"),
    (Script::PostInstall, "post-install"),
    (Script::PreDeinstall, "pre-deinstall"),
    (Script::PostDeinstall, "post-deinstall"),
    (Script::PreUpgrade, "pre-upgrade"),
    (Script::PostUpgrade, "post-upgrade"),
    (Script::Trigger, "trigger"),
];

/// Commands that change nothing that a container needs.
const HARMLESS_COMMANDS: [&str; 4] = [
    // `/etc/shells` is read by programs that log people in (shells(5)): scripts of bash, dash, zsh and others.
    "add-shell",
    "remove-shell",
    // Its cache is made again when it is missed (fc-cache(1)).
    "fc-cache",
    "exit",
];

impl Script {
    /// The script in a control segment's file `.NAME`.
    pub(super) fn of_file(name: &str) -> Option<Self> {
        let name = name.strip_prefix('.')?;
        let known = NAMES.iter().find(|(_, known)| *known == name);
        known.map(|(script, _)| *script)
    }

    /// Whether apk runs it when a package is added.
    fn runs_when_added(self) -> bool {
        matches!(self, Self::PreInstall | Self::PostInstall | Self::Trigger)
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = NAMES.iter().find(|(script, _)| script == self);
        f.write_str(known.map_or("", |(_, name)| name))
    }
}

/// Whether a script of `package` can be left out without a word; `tree` is that of the image.
pub(super) fn is_harmless(package: &str, script: Script, text: &[u8], tree: &Tree) -> bool {
    if !script.runs_when_added() {
        return true;
    }
    match package {
        // Makes the links of its applets, which a base with busybox has.
        "busybox" => script == Script::Trigger,
        // Joins the certificates into the bundle, which `ca-certificates-bundle` brings; matters to those who hook in,
        // as Java's key store does.
        "ca-certificates" => !tree.is_filled("etc/ca-certificates/update.d"),
        _ => has_harmless_commands(text),
    }
}

/// Whether a script has nothing but plain calls of harmless commands.
fn has_harmless_commands(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else {
        return false;
    };
    text.lines().map(str::trim).all(|line| {
        let command = line.split_ascii_whitespace().next();
        command.is_none_or(|command| {
            let is_plain = !line.contains([';', '&', '|', '`', '$', '<', '>', '(', '\\']);
            command.starts_with('#') || is_plain && HARMLESS_COMMANDS.contains(&command)
        })
    })
}

/// A script that apk keeps.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    /// `NAME-VERSION`
    pub(super) package: String,
    pub(super) identity: Checksum,
    pub(super) script: Script,
    pub(super) text: Vec<u8>,
    /// When the package was built, in seconds; the time of the file.
    pub(super) time: u64,
}

/// The triggers of a base, by the identity of their packages.
pub(super) fn triggers_in(scripts: &[u8]) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut archive = tar::Archive::new(scripts);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        // `PACKAGE.CHECKSUM.SCRIPT`; base64 has no dots.
        if let Some((rest, "trigger")) = path.rsplit_once('.')
            && let Some((_, identity)) = rest.rsplit_once('.')
        {
            let mut text = Vec::new();
            entry.read_to_end(&mut text)?;
            found.insert(identity.to_owned(), text);
        }
    }
    Ok(found)
}

/// `scripts.tar` with more scripts behind those that are in it.
pub(super) fn append(scripts: &[u8], more: &[Kept]) -> io::Result<Vec<u8>> {
    // Empty blocks end a tar, and no script ends with one.
    let mut blocks = scripts.chunks(512);
    let filled = blocks.rposition(|block| block.iter().any(|byte| *byte != 0));
    let end = filled.map_or(0, |last| (last + 1) * 512);
    let old = scripts
        .get(..end)
        .ok_or_else(|| invalid("it is cut short"))?;
    let mut builder = tar::Builder::new(old.to_vec());
    for kept in more {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_size(kept.text.len() as u64);
        header.set_mtime(kept.time);
        header.set_uid(0);
        header.set_gid(0);
        let path = format!("{}.{}.{}", kept.package, kept.identity, kept.script);
        builder.append_data(&mut header, path, &kept.text[..])?;
    }
    builder.into_inner()
}

/// Unpacks `scripts.tar.gz`, the form of apk 3.
pub(super) fn unpack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    let mut decoder = MultiGzDecoder::new(bytes).take(LIMIT);
    decoder.read_to_end(&mut unpacked)?;
    if unpacked.len() as u64 == LIMIT {
        return Err(invalid("it unpacks to more than 64 MiB"));
    }
    Ok(unpacked)
}

/// Packs it again; the bytes are those of our own compressor, as all that goes into an image.
pub(super) fn pack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut compressor = Compressor::new(Vec::new(), Compression::COMPACT, NonZeroUsize::MIN)?;
    io::Write::write_all(&mut compressor, bytes)?;
    compressor.finish()
}

/// Whether a folder is one that a trigger watches. A `*` stands for any part of a name, as in fnmatch(3) with
/// `FNM_PATHNAME`.
pub(super) fn watches(pattern: &str, folder: &str) -> bool {
    let (pattern, folder) = (pattern.trim_matches('/'), folder.trim_matches('/'));
    pattern.split('/').count() == folder.split('/').count()
        && pattern
            .split('/')
            .zip(folder.split('/'))
            .all(|(pattern, name)| fits(pattern, name))
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|left| {
            (0..=left.len()).any(|at| left.get(at..).is_some_and(|left| fits(rest, left)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::tree::Node;

    #[test]
    fn scripts_of_plain_harmless_commands_are_known() {
        let tree = Tree::default();
        for (text, expected) in [
            ("#!/bin/sh\n\nadd-shell '/bin/bash'\nexit 0\n", true),
            ("#!/bin/sh\naddgroup -S x\n", false),
            ("#!/bin/sh\nadd-shell /bin/bash; rm -rf /\n", false),
            ("#!/bin/sh\nadd-shell $(cat /x)\n", false),
            ("add-shell x && y", false),
        ] {
            for script in [Script::PostInstall, Script::Trigger] {
                let found = is_harmless("x", script, text.as_bytes(), &tree);
                assert_eq!(found, expected, "{text}");
            }
            assert!(is_harmless("x", Script::PreUpgrade, text.as_bytes(), &tree));
        }
    }

    #[test]
    fn certificates_matter_to_those_who_hook_in() {
        let mut tree = Tree::default();
        let harmless =
            |tree: &Tree| is_harmless("ca-certificates", Script::Trigger, b"update", tree);
        assert!(harmless(&tree));
        tree.put("etc/ca-certificates/update.d/java", Node::Other);
        assert!(!harmless(&tree));
    }

    #[test]
    fn scripts_are_kept_behind_those_of_the_base() {
        let kept = |package: &str, script| Kept {
            package: package.to_owned(),
            identity: Checksum::Sha1([0; 20]),
            script,
            text: package.as_bytes().to_vec(),
            time: 7,
        };
        let one = append(b"", &[kept("a-1", Script::Trigger)]).unwrap();
        let two = append(&one, &[kept("b-2", Script::PostInstall)]).unwrap();
        let both = [
            kept("a-1", Script::Trigger),
            kept("b-2", Script::PostInstall),
        ];
        assert_eq!(two, append(b"", &both).unwrap());
        let triggers = triggers_in(&two).unwrap();
        assert_eq!(triggers.into_values().collect::<Vec<_>>(), [b"a-1"]);
        assert_eq!(unpack(&pack(&two).unwrap()).unwrap(), two);
    }

    #[test]
    fn a_trigger_watches_folders() {
        for (pattern, folder, expected) in [
            ("/usr/bin", "usr/bin", true),
            ("/usr/bin", "usr/bin/x", false),
            ("/lib/modules/*", "lib/modules/6.1", true),
            ("/lib/modules/*", "lib/modules/6.1/kernel", false),
            ("/usr/share/*fonts*", "usr/share/myfonts1", true),
            ("/usr/*/x", "usr/y/z", false),
        ] {
            assert_eq!(watches(pattern, folder), expected, "{pattern} {folder}");
        }
    }
}
