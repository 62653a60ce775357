//! Tar archives, plain and compressed.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::path::Path;

use super::other;
use crate::archive::{
    Archive, Compression, Limits, Member, MemberKind, Options, Policy, compression_of,
};
use crate::oci::{Digest, HashingReader};

/// Small, so that they are reached.
const LIMITS: Limits = Limits {
    entries: 64,
    bytes: 1 << 20,
    path: 300,
    names: 4096,
    ratio: 100,
    ratio_from: 64 << 10,
};
const BLOCK: usize = 512;

/// An archive that is accepted stays within the limits, its paths stay inside of it, its digests are those of its bytes,
/// and another reader finds the same entries in it.
pub fn archive(bytes: &[u8]) {
    for policy in [Policy::Files, Policy::RootFileSystem] {
        check(bytes, policy);
        if compression_of(bytes) == Compression::None {
            check(&repaired(bytes), policy);
        }
    }
}

fn check(bytes: &[u8], policy: Policy) {
    let options = Options {
        policy,
        limits: LIMITS,
        hash_files: true,
        hash_archive: true,
    };
    let (path, spool) = (Path::new("fuzzed"), std::env::temp_dir());
    let source = Cursor::new(bytes.to_vec());
    let Ok(archive) = Archive::from_stream(path, source, &spool, &options) else {
        return;
    };
    let tar = match archive.compression() {
        Compression::None => bytes.to_vec(),
        compression => {
            let unpacked = unpacked(&archive);
            if compression == Compression::Gzip {
                let expected = other::gunzip(bytes, unpacked.len());
                assert_eq!(expected.as_ref(), Some(&unpacked), "gzip");
            }
            unpacked
        }
    };
    assert_eq!(archive.stored_size(), bytes.len() as u64);
    assert_eq!(archive.digest(), Some(Digest::of(bytes)));
    assert_eq!(archive.tar_size(), tar.len() as u64);
    assert_eq!(archive.diff_id().map(|id| id.0), Some(Digest::of(&tar)));
    let members = archive.members();
    let names: usize = members.keys().map(String::len).sum();
    assert!(members.len() <= LIMITS.entries && names <= LIMITS.names);
    assert!(archive.tar_size() <= LIMITS.bytes);
    for (path, member) in members {
        check_member(path, member, &tar);
        if policy == Policy::Files {
            check_place(path, members);
        }
    }
    agree(members, &tar);
}

fn unpacked(archive: &Archive) -> Vec<u8> {
    let mut bytes = Vec::new();
    let range = crate::archive::FileRange {
        offset: 0,
        size: archive.tar_size(),
        digest: None,
    };
    let mut reader = archive.reader(&range).expect("the spool is open");
    reader.read_to_end(&mut bytes).expect("the spool is whole");
    bytes
}

fn check_member(path: &str, member: &Member, tar: &[u8]) {
    assert!(path.len() <= LIMITS.path && !path.contains('\0'), "{path}");
    let plain = |part: &str| !matches!(part, "" | "." | "..");
    assert!(path.split('/').all(plain), "{path:?}");
    assert!(member.mode <= 0o7777);
    if let MemberKind::File(range) = &member.kind {
        let start = usize::try_from(range.offset).expect("it was in memory");
        let end = start + usize::try_from(range.size).expect("it was in memory");
        assert_eq!(range.digest, Some(Digest::of(&tar[start..end])), "{path}");
    }
}

/// In a set of files, only folders have something below them, and every link stays inside however it is followed.
fn check_place(path: &str, members: &BTreeMap<String, Member>) {
    for (end, _) in path.match_indices('/') {
        if let Some(parent) = members.get(&path[..end]) {
            assert_eq!(parent.kind, MemberKind::Directory, "above {path}");
        }
    }
    assert!(!matches!(members[path].kind, MemberKind::Special(_)));
    let mut left: Vec<String> = path.rsplit('/').map(ToOwned::to_owned).collect();
    let mut place: Vec<String> = Vec::new();
    for _ in 0..10_000 {
        let Some(next) = left.pop() else { return };
        match next.as_str() {
            "" | "." => continue,
            ".." => assert!(place.pop().is_some(), "{path} leads out of the archive"),
            _ => place.push(next.clone()),
        }
        let here = place.join("/");
        match members.get(&here).map(|member| &member.kind) {
            Some(MemberKind::Symlink { target }) if next != ".." => {
                assert!(!target.starts_with('/'), "{path} leads to the root");
                place.pop();
                left.extend(target.rsplit('/').map(ToOwned::to_owned));
            }
            _ => {}
        }
    }
}

/// Compares with what the `tar` crate finds, as far as it can be trusted: it cuts pax records at line ends.
fn agree(members: &BTreeMap<String, Member>, tar: &[u8]) {
    let mut theirs = BTreeMap::new();
    let mut archive = tar::Archive::new(tar);
    for entry in archive.entries().expect("it is in memory") {
        let mut entry = entry.expect("what is accepted here is accepted there");
        let kind = entry.header().entry_type();
        if kind.is_pax_global_extensions() {
            continue;
        }
        if let Ok(Some(records)) = entry.pax_extensions() {
            if records.into_iter().any(|record| record.is_err()) {
                return;
            }
        }
        let name = entry.path_bytes().into_owned();
        let path = String::from_utf8(name.clone()).expect("names are UTF-8");
        let parts: Vec<_> = path
            .split('/')
            .filter(|part| !matches!(*part, "" | "."))
            .collect();
        let path = parts.join("/");
        let is_file = kind.is_file() || kind.is_contiguous();
        let size = entry.size();
        let found = if kind.is_dir() || is_file && name.ends_with(b"/") {
            "folder".to_owned()
        } else if is_file {
            let (digest, size) = HashingReader::new(&mut entry)
                .finish()
                .expect("it is in memory");
            format!("file {size} {digest}")
        } else if kind.is_symlink() {
            let link = entry.link_name_bytes().unwrap_or_default();
            format!("link to {}", String::from_utf8_lossy(&link))
        } else if kind.is_hard_link() {
            "hard link".to_owned()
        } else {
            "special".to_owned()
        };
        assert!(is_file || size == 0, "{path} has bytes");
        if !path.is_empty() {
            theirs.insert(path, found);
        }
    }
    let ours = members.iter().map(|(path, member)| {
        let found = match &member.kind {
            MemberKind::Directory => "folder".to_owned(),
            MemberKind::File(range) => {
                let digest = range.digest.expect("it was asked for");
                format!("file {} {digest}", range.size)
            }
            MemberKind::Symlink { target } => format!("link to {target}"),
            MemberKind::HardLink { target } => {
                let kind = members.get(target).map(|member| &member.kind);
                assert!(
                    matches!(kind, Some(MemberKind::File(_) | MemberKind::Symlink { .. })),
                    "{path} is another name of nothing"
                );
                "hard link".to_owned()
            }
            MemberKind::Special(_) => "special".to_owned(),
        };
        (path.clone(), found)
    });
    assert_eq!(ours.collect::<BTreeMap<_, _>>(), theirs);
}

/// The same bytes with a right checksum in each header, and with an end: what thinks bytes up hardly ever gets these right,
/// and it is what comes behind them that is of interest.
fn repaired(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out.resize(bytes.len().next_multiple_of(BLOCK), 0);
    let mut at = 0_usize;
    while let Some(block) = out.get_mut(at..at.saturating_add(BLOCK)) {
        if block.iter().all(|byte| *byte == 0) {
            break;
        }
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        let size = tar::Header::from_byte_slice(block)
            .entry_size()
            .ok()
            .and_then(|size| usize::try_from(size).ok())
            .and_then(|size| size.checked_next_multiple_of(BLOCK))
            .unwrap_or(0);
        at = at.saturating_add(BLOCK).saturating_add(size);
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}
