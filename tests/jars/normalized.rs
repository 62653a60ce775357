//! Jars that are put in order: what becomes the same, what stays, and what is left alone.

use std::path::Path;

use flink_img::jar::{JarError, JarFacts, Normalized, normalize};

use crate::support::zip::{Entry, TIME, class, manifest, with_comment, zip};
use crate::{Place, facts};

/// Of everything a bit: folders, names that are not ASCII, entries of both kinds.
fn entries() -> Vec<Entry> {
    vec![
        Entry::stored("META-INF/", ""),
        manifest(&[("Main-Class", "org.example.Job")]),
        Entry {
            flags: 1 << 11,
            ..Entry::new("d\u{f6}.txt", "text ".repeat(100))
        },
        Entry::stored("lib/nested.jar", "jar"),
        Entry::stored("org/", ""),
        Entry::new("org/Job.class", class(52, &["x"])),
        Entry::new("META-INF/LICENSE", "licence"),
        Entry::new("Z", ""),
    ]
}

fn normalized(path: &Path) -> Result<Vec<u8>, JarError> {
    let mut out = Vec::new();
    let Normalized { entries, size } = normalize(path, &mut out)?;
    assert_eq!(size, out.len() as u64);
    let facts = JarFacts::read(path)?;
    assert_eq!(facts.obstacle, None);
    assert!(entries <= facts.entries);
    Ok(out)
}

fn of(bytes: &[u8]) -> Result<Vec<u8>, JarError> {
    normalized(&Place::new().write(bytes))
}

/// The names that another reader finds, with the bytes.
fn unpacked(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let count = zip.len();
    let read = |place| {
        let mut entry = zip.by_index(place).unwrap();
        let mut data = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut data).unwrap();
        let name = entry.name().unwrap().into_owned();
        (name, data)
    };
    (0..count).map(read).collect()
}

#[test]
fn jars_that_differ_in_times_and_order_become_the_same() {
    let plain = zip(&entries());
    let expected = of(&plain).unwrap();
    let other_times = entries()
        .into_iter()
        .enumerate()
        .map(|(number, entry)| Entry {
            time: TIME + 3 * u32::try_from(number).unwrap(),
            extra: b"UT\x05\0\x01\x01\x02\x03\x04\xfe\xca\0\0".to_vec(),
            comment: b"made today".to_vec(),
            // How hard the compressor tried, and a sign of names that are UTF-8.
            flags: entry.flags | 0b110 | 1 << 11,
            ..entry
        });
    let mut reversed = entries();
    reversed.reverse();
    for (what, bytes) in [
        ("times", zip(&other_times.collect::<Vec<_>>())),
        ("order", zip(&reversed)),
        ("comment", with_comment(&entries(), b"of a tool")),
        ("space behind", [&plain[..], b"more"].concat()),
        ("junk before", [&b"junk"[..], &plain].concat()),
        ("itself", expected.clone()),
    ] {
        assert!(bytes != expected || what == "itself", "{what} differ");
        assert!(of(&bytes).unwrap() == expected, "{what}");
    }
    // Folders that are told again, as tools do that put jars together.
    let again = [Entry::stored("org/", ""), Entry::stored("META-INF/", "")];
    let repeated = zip(&[entries(), again.into()].concat());
    assert!(of(&repeated).unwrap() == expected);
    // Other contents are another jar.
    let mut other = entries();
    other[7] = Entry::new("Z", "z");
    assert!(of(&zip(&other)).unwrap() != expected);
}

#[test]
fn the_entries_stay_and_the_manifest_comes_first() {
    let plain = zip(&entries());
    let bytes = of(&plain).unwrap();
    let mut expected = unpacked(&plain);
    let found = unpacked(&bytes);
    let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "META-INF/",
            "META-INF/MANIFEST.MF",
            "META-INF/LICENSE",
            "Z",
            "d\u{f6}.txt",
            "lib/nested.jar",
            "org/",
            "org/Job.class"
        ]
    );
    expected.sort_by_key(|(name, _)| names.iter().position(|other| other == name));
    assert_eq!(found, expected);
    let (before, after) = (facts(&plain).unwrap(), facts(&bytes).unwrap());
    assert!(after.sorted);
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).unwrap();
    for place in 0..zip.len() {
        let entry = zip.by_index_raw(place).unwrap();
        assert_eq!(entry.last_modified(), Some(zip::DateTime::default()));
        assert_eq!(entry.extra_data(), None);
    }
    let same = JarFacts {
        times: before.times.clone(),
        sorted: before.sorted,
        ..after
    };
    assert_eq!(same, before);
}

#[test]
fn a_script_in_front_stays() {
    let script = b"#!/bin/sh\nexec java -jar \"$0\" \"$@\"\n";
    let bytes = of(&[&script[..], &zip(&entries())].concat()).unwrap();
    assert!(bytes.starts_with(script));
    assert_eq!(unpacked(&bytes).len(), entries().len());
    assert!(of(&bytes).unwrap() == bytes);
}

/// Whether the locator of the end of zip64 stands before the other end.
fn is_zip64(bytes: &[u8]) -> bool {
    bytes[bytes.len() - 22 - 20..].starts_with(b"PK\x06\x07")
}

#[test]
fn a_jar_of_many_entries_is_one_of_zip64() {
    let place = Place::new();
    let path = place.path("many.jar");
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut writer = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    for number in (0..70_000).rev() {
        writer.start_file(format!("{number}.txt"), options).unwrap();
    }
    writer.finish().unwrap();
    assert!(is_zip64(&std::fs::read(&path).unwrap()));
    assert_eq!(JarFacts::read(&path).unwrap().entries, 70_000);
    let bytes = normalized(&path).unwrap();
    let found = unpacked(&bytes);
    assert_eq!(found.len(), 70_000);
    assert!(found.is_sorted());
    assert!(is_zip64(&bytes));
    assert!(of(&bytes).unwrap() == bytes);
}

#[test]
fn what_has_more_than_one_meaning_or_is_signed_is_left_alone() {
    let file = "Signature-Version: 1.0\r\nSHA-256-Digest-Manifest-Main-Attributes: AA==\r\n\r\n";
    for (extra, expected) in [
        (
            vec![Entry::new("Z", "again")],
            "it has more than one entry `Z`",
        ),
        (
            vec![Entry::stored("org/", "text")],
            "it has more than one entry `org/`",
        ),
        (
            vec![Entry {
                method: 12,
                ..Entry::new("a", "b")
            }],
            "the JVM cannot read its entry `a`",
        ),
        (
            vec![Entry {
                flags: 1,
                ..Entry::new("a", "b")
            }],
            "the JVM cannot read its entry `a`",
        ),
        (
            vec![
                Entry::new("META-INF/A.SF", file),
                Entry::new("META-INF/A.RSA", ""),
            ],
            "it is signed",
        ),
        (
            vec![Entry {
                size: Some(u32::MAX),
                extra: [&[1, 0, 8, 0][..], &(1_u64 << 40).to_le_bytes()].concat(),
                ..Entry::new("a", "b")
            }],
            "it is larger than 4 GiB",
        ),
    ] {
        let bytes = zip(&[entries(), extra].concat());
        let place = Place::new();
        let error = normalize(&place.write(&bytes), &mut Vec::new()).unwrap_err();
        assert_eq!(facts(&bytes).unwrap().obstacle.as_deref(), error.reason());
        let told = error.to_string();
        let end = format!("job.jar` cannot be normalised: {expected}");
        assert!(told.ends_with(&end), "{told}");
    }
    let error = of(b"no jar").unwrap_err();
    assert!(matches!(error, JarError::NotAJar { .. }));
}

#[test]
fn a_full_disk_is_told() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let place = Place::new();
    let error = normalize(&place.write(&zip(&entries())), &mut Full).unwrap_err();
    assert_eq!(
        flink_img::error::Explain::kind(&error),
        flink_img::error::Kind::Storage
    );
}
