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
use crate::base::entries::each_entry;
use crate::base::tree::Tree;
use crate::layer::{Compression, Compressor};

/// How much `scripts.tar.gz` may unpack to.
const LIMIT: u64 = 64 << 20;

/// Longest script of a base that is looked at.
const SCRIPT_LIMIT: u64 = 8 << 20;
/// Longest pattern of a trigger (`PATH_MAX` of Linux); a longer one fits no folder.
const PATTERN_LIMIT: usize = 4096;

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
    each_entry(scripts, |entry| {
        // `PACKAGE.CHECKSUM.SCRIPT`; base64 has no dots.
        if let Some((rest, "trigger")) = entry.path.rsplit_once('.')
            && let Some((_, identity)) = rest.rsplit_once('.')
        {
            let mut text = Vec::new();
            entry.content.take(SCRIPT_LIMIT).read_to_end(&mut text)?;
            found.insert(identity.to_owned(), text);
        }
        Ok(())
    })?;
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
        name(&mut builder, &mut header, path.as_bytes())?;
        header.set_cksum();
        builder.append(&header, &kept.text[..])?;
    }
    builder.into_inner()
}

/// Names an entry as it is written: taken as a path, the `//` that base64 may have would become one `/`.
///
/// A name that is longer than its field goes before the entry, as GNU tar has it.
fn name(
    builder: &mut tar::Builder<Vec<u8>>,
    header: &mut tar::Header,
    name: &[u8],
) -> io::Result<()> {
    let put = |header: &mut tar::Header, name: &[u8]| {
        let field = &mut header.as_old_mut().name;
        let length = name.len().min(field.len());
        field[..length].copy_from_slice(&name[..length]);
        name.len() > length
    };
    if !put(header, name) {
        return Ok(());
    }
    let mut long = tar::Header::new_gnu();
    put(&mut long, b"././@LongLink");
    long.set_entry_type(tar::EntryType::GNULongName);
    long.set_mode(0o644);
    long.set_uid(0);
    long.set_gid(0);
    long.set_mtime(0);
    // With a NUL at its end.
    long.set_size(name.len() as u64 + 1);
    long.set_cksum();
    builder.append(&long, name.chain(&[0][..]))
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
    pattern.len() <= PATTERN_LIMIT
        && pattern.split('/').count() == folder.split('/').count()
        && pattern
            .split('/')
            .zip(folder.split('/'))
            .all(|(pattern, name)| fits(pattern.as_bytes(), name.as_bytes()))
}

/// Whether a name fits a pattern. Only the last `*` is ever made longer: those before it had the shortest part that fits,
/// and a longer one leaves less for the rest.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut in_pattern, mut in_name) = (0, 0);
    // What follows the last `*`, and where the name went on behind it.
    let mut star = None;
    while in_name < name.len() {
        match (pattern.get(in_pattern), &mut star) {
            (Some(b'*'), _) => {
                in_pattern += 1;
                star = Some((in_pattern, in_name));
            }
            (Some(byte), _) if *byte == name[in_name] => {
                in_pattern += 1;
                in_name += 1;
            }
            (_, Some((behind, from))) => {
                *from += 1;
                (in_pattern, in_name) = (*behind, *from);
            }
            (_, None) => return false,
        }
    }
    pattern[in_pattern..].iter().all(|byte| *byte == b'*')
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
            ("/*a*b", "acab", true),
            ("/*a*b", "acabc", false),
            ("/**", "", true),
            ("/ab*ba", "aba", false),
        ] {
            assert_eq!(watches(pattern, folder), expected, "{pattern} {folder}");
        }
    }

    #[test]
    fn no_pattern_takes_long_or_deep() {
        let folder = "a".repeat(200);
        for pattern in ["*".repeat(200_000), "*a".repeat(2000) + "b"] {
            assert!(!watches(&pattern, &folder));
        }
    }

    #[test]
    fn a_sparse_script_is_refused_before_it_fills_the_memory() {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::GNUSparse);
        header.set_path("a-1.Q1.trigger").unwrap();
        header.set_size(0);
        let gnu = header.as_gnu_mut().unwrap();
        gnu.realsize.copy_from_slice(b"00100000000\0");
        header.set_cksum();
        let mut builder = tar::Builder::new(Vec::new());
        builder.append(&header, &b""[..]).unwrap();
        let error = triggers_in(&builder.into_inner().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "it has a sparse file");
    }

    #[test]
    fn a_name_is_written_as_it_is() {
        let mut identity = [0; 20];
        identity[3..6].fill(0xff);
        for package in ["a-1".to_owned(), "a".repeat(120)] {
            let kept = Kept {
                package: package.clone(),
                identity: Checksum::Sha1(identity),
                script: Script::Trigger,
                text: b"x".to_vec(),
                time: 7,
            };
            let scripts = append(b"", std::slice::from_ref(&kept)).unwrap();
            let identity = kept.identity.to_string();
            assert!(identity.contains("//"), "{identity}");
            let expected = [(identity.clone(), b"x".to_vec())];
            assert_eq!(triggers_in(&scripts).unwrap(), expected.into());
            let mut archive = tar::Archive::new(&scripts[..]);
            let entry = archive.entries().unwrap().next().unwrap().unwrap();
            let name = format!("{package}.{identity}.trigger");
            assert_eq!(entry.path_bytes(), name.as_bytes());
        }
    }
}
