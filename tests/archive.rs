//! The archive reader: what it takes, what it refuses, and that it leaves nothing behind.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "these are tests, on real files"
)]

mod support;

use std::io::Read;
use std::path::Path;

use flink_img::archive::{
    Archive, ArchiveError, Compression, FileRange, Limits, MemberKind, Options, Policy,
};
use flink_img::error::{Explain, Kind};
use flink_img::oci::Digest;
use support::fixtures::{Compress, Raw, bomb, compress, hostile_archives, tar};

fn open(folder: &Path, bytes: &[u8], options: &Options) -> Result<Archive, ArchiveError> {
    let path = folder.join("input");
    std::fs::write(&path, bytes).unwrap();
    let result = Archive::open(&path, &folder.join("spool"), options);
    let spool = folder.join("spool");
    if spool.exists() {
        assert_eq!(std::fs::read_dir(&spool).unwrap().count(), 0);
    }
    result
}

fn sample() -> Vec<u8> {
    let name = format!("top/{}/file", "long".repeat(40));
    tar(&[
        Raw::folder("./top"),
        Raw::file("./top/a", b"alpha"),
        Raw::pax(&[("path", &name), ("mtime", "1.5"), ("comment", "two\nlines")]),
        Raw::file("short", &[7; 1000]),
        Raw::long(b'L', &format!("top/{}", "x".repeat(150))),
        Raw::file("x", b"gnu"),
        Raw::symlink("top/link", "a"),
        Raw::hard_link("top/hard", "./top/a"),
        Raw::hard_link("top/harder", "top/hard"),
        Raw::pax_of_kind(b'g', &[("comment", "a commit")]),
        Raw::file("top/empty", b""),
    ])
}

#[test]
fn every_compression_gives_the_same_members_and_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = sample();
    for (how, compression) in [
        (Compress::None, Compression::None),
        (Compress::Gzip, Compression::Gzip),
        (Compress::Xz, Compression::Xz),
        (Compress::Zstd, Compression::Zstd),
    ] {
        for hash_files in [false, true] {
            let stored = compress(&bytes, how);
            let options = Options {
                hash_files,
                hash_archive: true,
                ..Options::default()
            };
            let archive = open(folder.path(), &stored, &options).unwrap();
            assert_eq!(archive.compression(), compression);
            assert_eq!(archive.digest(), Some(Digest::of(&stored)));
            assert_eq!(archive.diff_id().unwrap().0, Digest::of(&bytes));
            assert_eq!(archive.tar_size(), bytes.len() as u64);
            let mut whole = Vec::new();
            let everything = FileRange {
                offset: 0,
                size: archive.tar_size(),
                digest: None,
            };
            let mut reader = archive.reader(&everything).unwrap();
            reader.read_to_end(&mut whole).unwrap();
            assert_eq!(whole, bytes);
            assert_eq!(archive.members().len(), 8);
            let MemberKind::File(range) = &archive.members()["top/a"].kind else {
                panic!("not a file");
            };
            assert_eq!(range.digest.is_some(), hash_files);
            let content = archive.content("top/a", range).unwrap();
            assert_eq!((content.digest, content.size), (Digest::of(b"alpha"), 5));
            assert_eq!(
                archive.members()["top/harder"].kind,
                MemberKind::HardLink {
                    target: "top/a".to_owned()
                }
            );
        }
    }
}

#[test]
fn hostile_archives_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for hostile in hostile_archives() {
        // Whiteouts mean nothing to an archive; the distribution refuses them.
        if hostile.name == "whiteout" {
            continue;
        }
        for how in [Compress::None, Compress::Gzip] {
            let bytes = compress(&hostile.bytes, how);
            let error = open(folder.path(), &bytes, &Options::default()).unwrap_err();
            let message = error.to_string();
            for words in hostile.says {
                assert!(message.contains(words), "{}: {message}", hostile.name);
            }
            let kind = match hostile.name {
                "sparse" => Kind::Input,
                _ => Kind::Hostile,
            };
            assert_eq!(error.kind(), kind, "{message}");
        }
    }
}

#[test]
fn a_bomb_is_stopped_while_it_unpacks() {
    let folder = tempfile::tempdir().unwrap();
    let error = open(folder.path(), &bomb(), &Options::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::Hostile);
    assert!(error.to_string().contains("compressed more than 200 times"));
    for (limits, words) in [
        (
            Limits {
                bytes: 600,
                ..Limits::default()
            },
            "more than 600 bytes",
        ),
        (
            Limits {
                entries: 3,
                ..Limits::default()
            },
            "more than 3 entries",
        ),
        (
            Limits {
                names: 20,
                ..Limits::default()
            },
            "more than 20 bytes of names",
        ),
    ] {
        let options = Options {
            limits,
            ..Options::default()
        };
        let error = open(folder.path(), &sample(), &options).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_cut_archive_is_never_taken_for_a_whole_one() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = tar(&[Raw::file("a", &[1; 700]), Raw::file("b", b"")]);
    // In the middle of a file, between entries, in a header, before the end.
    for length in [600, 1000, 1536, 1800, 2048, 2100] {
        let error = open(folder.path(), &bytes[..length], &Options::default()).unwrap_err();
        assert!(
            matches!(error, ArchiveError::CutShort { .. }),
            "{length}: {error}"
        );
    }
    let pending = tar(&[Raw::file("a", b""), Raw::long(b'L', "next")]);
    let error = open(folder.path(), &pending, &Options::default()).unwrap_err();
    assert!(error.to_string().contains("describes nothing"), "{error}");
    for how in [Compress::Gzip, Compress::Xz, Compress::Zstd] {
        let stored = compress(&bytes, how);
        for length in [stored.len() / 2, stored.len() - 1] {
            let error = open(folder.path(), &stored[..length], &Options::default()).unwrap_err();
            assert!(
                matches!(error, ArchiveError::CutShort { .. }),
                "{how:?} {length}: {error}"
            );
        }
        let mut damaged = stored.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0xff;
        damaged[middle + 1] ^= 0xff;
        let error = open(folder.path(), &damaged, &Options::default()).unwrap_err();
        assert_eq!(error.kind(), Kind::Input, "{how:?}: {error}");
    }
}

#[test]
fn what_is_no_archive_is_told_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for (bytes, words) in [
        (&b""[..], "it is empty"),
        (b"hello", "does not begin with a tar header"),
        (&[b'x'; 2000], "does not begin with a tar header"),
        (b"BZh91AY", "bzip2"),
        (b"PK\x03\x04", "zip or jar"),
        (b"<html>", "web page"),
        (
            &compress(b"plain text", Compress::Gzip),
            "does not begin with a tar header",
        ),
    ] {
        let error = open(folder.path(), bytes, &Options::default()).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.kind(), Kind::Input);
    }
    let spool = folder.path().join("spool");
    let options = Options::default();
    let error = Archive::open(folder.path(), &spool, &options).unwrap_err();
    assert!(error.to_string().ends_with("is a folder, not an archive"));
    let missing = folder.path().join("missing");
    let error = Archive::open(&missing, &spool, &options).unwrap_err();
    assert!(error.to_string().contains("missing"), "{error}");
    let error = Archive::open(Path::new("/dev/null"), &spool, &options).unwrap_err();
    assert!(error.to_string().contains("is a device or pipe"), "{error}");
}

#[test]
fn a_root_file_system_may_have_what_a_distribution_may_not() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = tar(&[
        Raw::folder("."),
        Raw::folder("./etc"),
        Raw::folder("./etc"),
        Raw::symlink("./etc/mtab", "/proc/mounts"),
        Raw::symlink("./lib", "usr/lib"),
        Raw::file("./lib/x", b""),
        Raw::of_kind("./dev/null", b'3'),
        Raw::of_kind("./run/pipe", b'6'),
    ]);
    let options = Options {
        policy: Policy::RootFileSystem,
        ..Options::default()
    };
    let archive = open(folder.path(), &bytes, &options).unwrap();
    assert_eq!(archive.members().len(), 6);
    let outside = tar(&[Raw::file("../x", b"")]);
    assert!(open(folder.path(), &outside, &options).is_err());
}
