//! Jars that lie: each is refused with a clear sentence, or costs nothing.

use flink_img::error::{Explain as _, Kind};
use flink_img::jar::{JarError, Libc, users};

use crate::support::zip::{Elf, Entry, class, manifest, with_comment, zip};
use crate::{Place, facts};

fn refused(bytes: &[u8]) -> String {
    let error = facts(bytes).unwrap_err();
    assert_eq!(error.kind(), Kind::Input);
    assert!(error.hint().is_some());
    // The path is another each time.
    let text = error.to_string();
    let (_, told) = text.split_once("job.jar` ").unwrap();
    told.to_owned()
}

/// Replaces a part of the end, or of what is at another place from the end.
fn patched(bytes: &[u8], from_end: usize, patch: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let place = bytes.len() - from_end;
    bytes[place..place + patch.len()].copy_from_slice(patch);
    bytes
}

#[test]
fn what_is_no_zip_file_or_is_cut_is_refused() {
    let jar = zip(&[manifest(&[]), Entry::new("A.class", class(52, &[]))]);
    for (bytes, expected) in [
        (&b""[..], "is not a jar: it is not a zip file"),
        (b"text", "is not a jar: it is not a zip file"),
        (b"PK", "is a damaged jar: its end is missing"),
        (b"#!/bin/sh\n", "is a damaged jar: its end is missing"),
    ] {
        assert_eq!(refused(bytes), expected);
    }
    // Cut anywhere, it is never taken for a whole one.
    for end in 0..jar.len() {
        let told = refused(&jar[..end]);
        assert!(told.contains("jar: "), "{end}: {told}");
    }
    // Cut in front, nothing is where it should be.
    for start in 1..30 {
        assert!(facts(&jar[start..]).is_err(), "{start}");
    }
}

#[test]
fn a_directory_that_lies_is_refused() {
    let jar = zip(&[
        Entry::new("A.class", class(52, &[])),
        Entry::stored("b", "bb"),
    ]);
    for (bytes, expected) in [
        // The count.
        (
            patched(&jar, 12, &[9, 0]),
            "is a damaged jar: its directory has 2 entries and its end tells of 9",
        ),
        // The length, which begins the directory in the middle of an entry.
        (
            patched(&jar, 10, &[60, 0]),
            "is a damaged jar: its directory breaks off at entry 1",
        ),
        // A length and a place outside of the file.
        (
            patched(&jar, 10, &[0xff, 0xff, 0xff, 0]),
            "is a damaged jar: its end is missing",
        ),
        (
            patched(&jar, 6, &[0xff, 0xff, 0xff, 0]),
            "is a damaged jar: its end is missing",
        ),
    ] {
        assert_eq!(refused(&bytes), expected);
    }
}

#[test]
fn entries_that_overlap_or_leave_the_file_are_refused() {
    let quoted = |entry: Entry| zip(&[Entry::stored("first", vec![0; 1000]), entry]);
    for (bytes, expected) in [
        (
            quoted(Entry {
                offset: Some(0),
                ..Entry::stored("second", "x")
            }),
            "is a damaged jar: its entries `second` and `first` overlap",
        ),
        (
            quoted(Entry {
                offset: Some(500),
                ..Entry::stored("second", "x")
            }),
            "is a damaged jar: its entries `first` and `second` overlap",
        ),
        (
            quoted(Entry {
                stored: Some(1 << 30),
                ..Entry::stored("second", "x")
            }),
            "is a damaged jar: its entry `second` reaches over its end",
        ),
        (
            quoted(Entry {
                offset: Some(u32::MAX - 1),
                ..Entry::stored("second", "x")
            }),
            "is a damaged jar: its entry `second` reaches over its end",
        ),
        // Where nothing begins.
        (
            zip(&[Entry {
                offset: Some(1),
                ..Entry::stored("A.class", class(52, &[]))
            }]),
            "is a damaged jar: its entry `A.class` reaches over its end",
        ),
        (
            zip(&[Entry {
                offset: Some(1),
                stored: Some(70),
                ..Entry::stored("A.class", class(52, &[]))
            }]),
            "is a damaged jar: its entry `A.class` is not where it should be",
        ),
    ] {
        assert_eq!(refused(&bytes), expected);
    }
}

#[test]
fn a_manifest_that_cannot_be_trusted_is_refused() {
    let honest = || manifest(&[("Main-Class", "a.B")]);
    for (entry, expected) in [
        (
            Entry {
                crc32: Some(7),
                ..honest()
            },
            "has another checksum than it says",
        ),
        (
            Entry {
                size: Some(5000),
                ..honest()
            },
            "is shorter than it says",
        ),
        (
            Entry {
                data: b"\xff\xff rubbish".to_vec(),
                method: 0,
                ..honest()
            },
            "cannot be read: corrupt deflate stream",
        ),
        (
            Entry {
                flags: 1,
                ..honest()
            },
            "is encrypted",
        ),
    ] {
        let mut bytes = zip(std::slice::from_ref(&entry));
        if entry.method == 0 {
            // The directory says that it is deflated.
            let place = bytes
                .windows(4)
                .rposition(|part| part == b"PK\x01\x02")
                .unwrap();
            bytes[place + 10] = 8;
        }
        let told = refused(&bytes);
        let start = "is a damaged jar: its entry `META-INF/MANIFEST.MF` ";
        assert_eq!(told, format!("{start}{expected}"));
    }
    let large = Entry {
        size: Some(u32::MAX - 1),
        ..honest()
    };
    let told = refused(&zip(&[large]));
    assert_eq!(told, "is a damaged jar: its manifest is larger than 16 MiB");
}

#[test]
fn more_than_any_jar_has_is_refused_before_it_is_read() {
    // Zip64: 2^32 entries in 2^38 bytes, of which there are none.
    let end64 = |count: u64, length: u64, offset: u64| {
        let mut bytes = b"PK\x06\x06".to_vec();
        bytes.extend(44_u64.to_le_bytes());
        bytes.extend([45, 0, 45, 0]);
        bytes.extend([0; 8]);
        for field in [count, count, length, offset] {
            bytes.extend(field.to_le_bytes());
        }
        let mut locator = b"PK\x06\x07\0\0\0\0".to_vec();
        locator.extend(0_u64.to_le_bytes());
        locator.extend([1, 0, 0, 0]);
        let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
        end.extend([0xff; 12]);
        end.extend([0; 2]);
        [bytes, locator, end].concat()
    };
    assert_eq!(
        refused(&end64(1 << 32, 1 << 38, 0)),
        "is a damaged jar: its end is missing"
    );
    // A file with holes has the room.
    let place = Place::new();
    let path = place.path("job.jar");
    let file = std::fs::File::create(&path).unwrap();
    let size = 1_u64 << 33;
    file.set_len(size).unwrap();
    let mut end = end64(1 << 27, size, 0);
    // The locator has the place of what is before it.
    end[56 + 8..56 + 16].copy_from_slice(&size.to_le_bytes());
    std::os::unix::fs::FileExt::write_all_at(&file, &end, size).unwrap();
    let error = flink_img::jar::JarFacts::read(&path).unwrap_err();
    assert!(matches!(error, JarError::TooLarge { .. }), "{error}");
    assert!(
        error
            .to_string()
            .ends_with("its directory has 8589934592 bytes")
    );
}

#[test]
fn huge_names_and_comments_are_taken_as_they_are() {
    let name = "n".repeat(65_535 - 6);
    let found = facts(&with_comment(
        &[Entry {
            extra: vec![0; 65_535],
            comment: vec![b'c'; 65_535],
            ..Entry::new(&format!("{name}.class"), class(52, &[]))
        }],
        &vec![b'P'; 65_535],
    ));
    assert_eq!(found.unwrap().class_versions.newest().unwrap().0, 52);
}

/// 8 GiB of zeros in a file of 8 MiB.
#[test]
fn what_unpacks_to_a_lot_is_unpacked_up_to_a_limit() {
    const EACH: usize = 200 << 20;
    let elf = Elf {
        needed: &["libc.so.6"],
        code: EACH,
        ..Elf::AMD64
    };
    let zeros = [class(52, &["x"]), vec![0; EACH]].concat();
    let mut entries = Vec::new();
    for (name, data) in [("libx.so", elf.bytes()), ("A.class", zeros)] {
        let size = Some(u32::try_from(data.len()).unwrap());
        // Packed once. Its copies are written as if they were not packed, and said to be below.
        let packed = Entry::new(name, data).packed();
        for number in 0..20 {
            entries.push(Entry {
                size,
                ..Entry::stored(&format!("{number:02}/{name}"), packed.clone())
            });
        }
    }
    let mut bytes = zip(&entries);
    let headers: Vec<_> = memchr::memmem::find_iter(&bytes, b"PK\x01\x02").collect();
    assert_eq!(headers.len(), 40);
    for place in headers {
        bytes[place + 10] = 8;
    }
    let found = facts(&bytes).unwrap();
    assert_eq!(found.class_versions.classes[&52].count, 20);
    // Into five of them it was looked.
    let libcs: Vec<_> = found.natives.iter().map(|native| native.libc).collect();
    let (looked, left) = libcs.split_at(5);
    assert_eq!(looked, [Libc::Glibc; 5]);
    assert_eq!(left, [Libc::Unknown; 15]);
    let place = Place::new();
    let path = place.write(&bytes);
    // No class is that large, so none is searched.
    assert!(users(&path, &["x"], |_| true).unwrap().is_empty());
}
