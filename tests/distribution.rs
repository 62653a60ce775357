//! Distributions and jobs from real files: an archive and a folder of the same content are the same, and
//! what is wrong with either is said in one sentence.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "these are tests, on real files"
)]

mod support;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use flink_img::error::{Explain, Kind};
use flink_img::flink::{
    Artifact, Distribution, DistributionError, DistributionKind, FlinkLayout, JobJar, Known,
};
use flink_img::layer::ContentSource;
use flink_img::memory::Forgetful;
use support::fixtures::{
    Compress, MINI_VERSION, Packing, Raw, bomb, compress, hostile_archives, jar, job_jar,
    mini_archive, mini_distribution, mini_entries, mini_files, packed_jar, tar,
};

/// All that decides the bytes of a layer.
fn summary(distribution: &Distribution) -> Vec<String> {
    let line = Known::of(&distribution.version).unwrap().line;
    let layout = FlinkLayout::new(distribution, line).unwrap();
    let entries = layout.flink.iter().chain(&layout.optional);
    entries
        .map(|entry| serde_json::to_string(entry).unwrap())
        .collect()
}

fn from_file(path: &Path) -> Result<Distribution, DistributionError> {
    Distribution::from_archive(path, &path.with_file_name("spool"), &Forgetful)
}

fn from_archive(folder: &Path, bytes: &[u8]) -> Result<Distribution, DistributionError> {
    let (path, spool) = (folder.join("flink.tgz"), folder.join("spool"));
    std::fs::write(&path, bytes).unwrap();
    let result = from_file(&path);
    assert!(!spool.exists() || std::fs::read_dir(&spool).unwrap().count() == 0);
    result
}

#[test]
fn archives_and_folders_of_the_same_content_are_equal() {
    let folder = tempfile::tempdir().unwrap();
    let root = mini_distribution(folder.path());
    let expected = summary(&Distribution::from_directory(&root, &Forgetful).unwrap());
    assert!(
        expected
            .iter()
            .any(|e| e.contains("bin/jobmanager.sh") && e.contains("0755"))
    );
    let usual = Packing::default();
    for packing in [
        usual,
        Packing {
            compress: Compress::None,
            mtime: 0,
            ..usual
        },
        Packing {
            compress: Compress::Xz,
            reversed: true,
            ..usual
        },
        Packing {
            compress: Compress::Zstd,
            mode: 0o600,
            dotted: true,
            ..usual
        },
        Packing {
            lost_bits: true,
            mode: 0o664,
            ..usual
        },
    ] {
        let path = folder.path().join("flink.tgz");
        mini_archive(&path, &packing);
        let found = from_file(&path).unwrap();
        assert_eq!(found.version.to_string(), MINI_VERSION);
        assert_eq!(found.scala.unwrap().to_string(), "2.12");
        assert_eq!(summary(&found), expected, "{packing:?}");
    }
    // The folder that holds it, a link to it, and scripts without their bit.
    let link = folder.path().join("link");
    symlink(&root, &link).unwrap();
    for name in [
        "bin/flink",
        "bin/jobmanager.sh",
        "plugins/metrics-text/discover.sh",
    ] {
        let plain = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(root.join(name), plain).unwrap();
    }
    for path in [folder.path(), &link] {
        let found = Distribution::from_directory(path, &Forgetful).unwrap();
        assert_eq!(summary(&found), expected);
    }
}

#[test]
fn contents_can_be_read_back() {
    use std::os::unix::fs::FileExt;
    let folder = tempfile::tempdir().unwrap();
    let bytes = compress(
        &tar(&mini_entries("flink-1.20.5", &Packing::default())),
        Compress::Gzip,
    );
    let found = from_archive(folder.path(), &bytes).unwrap();
    for file in mini_files() {
        let DistributionKind::File { content, .. } = &found.file(&file.path).unwrap().kind else {
            panic!("{} is not a file", file.path);
        };
        let bytes = match &content.source {
            ContentSource::Bytes(bytes) => bytes.to_vec(),
            ContentSource::Range { file, offset, .. } => {
                let mut bytes = vec![0; usize::try_from(content.size).unwrap()];
                let file = file.file().unwrap();
                file.read_exact_at(&mut bytes, *offset).unwrap();
                bytes
            }
            ContentSource::Path(path) => panic!("{}", path.display()),
        };
        assert_eq!(bytes, file.bytes, "{}", file.path);
        assert_eq!(flink_img::oci::Digest::of(&bytes), content.digest);
    }
}

#[test]
fn logs_of_a_used_distribution_are_left_out_of_both() {
    let folder = tempfile::tempdir().unwrap();
    let root = mini_distribution(folder.path());
    let expected = summary(&Distribution::from_directory(&root, &Forgetful).unwrap());
    let name = "log/old/flink-ada-standalonesession-0-laptop.log";
    std::fs::create_dir(root.join("log/old")).unwrap();
    std::fs::write(root.join(name), "started").unwrap();
    symlink("/var/log/flink", root.join("log/link")).unwrap();
    let used = Distribution::from_directory(&root, &Forgetful).unwrap();
    assert_eq!(summary(&used), expected);
    assert!(
        expected
            .iter()
            .any(|entry| entry.contains("opt/flink/log\""))
    );

    let mut entries = mini_entries("flink-1.20.5", &Packing::default());
    let path = format!("flink-1.20.5/{name}");
    entries.push(Raw::folder("flink-1.20.5/log/old"));
    entries.push(Raw::file(&path, b"started"));
    let used = from_archive(folder.path(), &tar(&entries)).unwrap();
    assert_eq!(summary(&used), expected);
}

#[test]
fn a_name_that_is_not_utf8_is_a_wrong_input_in_both() {
    let folder = tempfile::tempdir().unwrap();
    let root = mini_distribution(folder.path());
    std::fs::write(root.join("lib").join(OsStr::from_bytes(b"\xff.jar")), "").unwrap();
    let in_folder = Distribution::from_directory(&root, &Forgetful).unwrap_err();
    let mut entries = mini_entries("flink-1.20.5", &Packing::default());
    let mut odd = Raw::file("", b"");
    odd.name = b"flink-1.20.5/lib/\xff.jar".to_vec();
    entries.push(odd);
    let in_archive = from_archive(folder.path(), &tar(&entries)).unwrap_err();
    for error in [in_folder, in_archive] {
        assert_eq!(error.kind(), Kind::Input, "{error}");
        assert!(error.to_string().contains("not UTF-8"), "{error}");
        assert!(error.hint().unwrap().starts_with("rename the file"));
    }
}

#[test]
fn hostile_archives_are_refused_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for hostile in hostile_archives() {
        let error = from_archive(folder.path(), &compress(&hostile.bytes, Compress::Gzip));
        let error = error.unwrap_err();
        let message = error.to_string();
        for words in hostile.says {
            assert!(message.contains(words), "{}: {message}", hostile.name);
        }
        assert!(error.hint().is_some());
    }
    let error = from_archive(folder.path(), &bomb()).unwrap_err();
    assert_eq!(error.kind(), Kind::Hostile);
    // Nothing but the archive and the empty folder for temporary files.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn an_archive_that_is_no_distribution_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let usual = Packing::default();
    let without = |what: &str| {
        let mut entries = mini_entries("flink-1.20.5", &usual);
        entries.retain(|e| !String::from_utf8_lossy(&e.name).contains(what));
        entries
    };
    let with = |extra: Raw| {
        let mut entries = mini_entries("flink-1.20.5", &usual);
        entries.push(extra);
        entries
    };
    let flat: Vec<Raw> = mini_files()
        .iter()
        .map(|file| Raw::file(&file.path, &file.bytes))
        .collect();
    for (entries, words) in [
        (vec![], "is an empty archive"),
        (flat, "no top folder: `LICENSE` lies at its top"),
        (with(Raw::file("README", b"")), "no top folder: `README`"),
        (
            with(Raw::file("other/x", b"")),
            "`flink-1.20.5` and `other`",
        ),
        (without("flink-dist"), "no `lib/flink-dist*.jar`"),
        (without("jobmanager"), "no `bin/jobmanager.sh`"),
        (
            with(Raw::file("flink-1.20.5/lib/flink-dist-1.19.0.jar", b"")),
            "both `lib/flink-dist-1.19.0.jar` and `lib/flink-dist-1.20.5.jar`",
        ),
        (
            with(Raw::symlink("flink-1.20.5/lib/out", "../../other")),
            "`../../other`, outside of the distribution",
        ),
    ] {
        let error = from_archive(folder.path(), &tar(&entries)).unwrap_err();
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
    let found = from_archive(folder.path(), &tar(&mini_entries("x", &usual))).unwrap();
    let asked = "2.3.0".parse().unwrap();
    let error = found.expect_version(Path::new("flink.tgz"), &asked);
    assert_eq!(
        error.unwrap_err().to_string(),
        "`flink.tgz` holds Flink 1.20.5, not 2.3.0 as asked for"
    );
}

#[test]
fn a_folder_that_is_no_distribution_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |path: &Path, words: &str| {
        let error = Distribution::from_directory(path, &Forgetful).unwrap_err();
        assert!(error.to_string().contains(words), "{words}: {error}");
    };
    fails(folder.path(), "neither `lib` nor a folder `flink-*`");
    fails(&folder.path().join("missing"), "missing");
    fails(Path::new("Cargo.toml"), "is not a folder");
    let root = mini_distribution(folder.path());
    for (name, target, words) in [
        (
            "lib/out",
            "/etc/passwd",
            "`lib/out`, which is refused: it is a link to `/etc/passwd`",
        ),
        ("conf/.wh.x", "config.yaml", "`.wh.x` means a removal"),
    ] {
        symlink(target, root.join(name)).unwrap();
        fails(&root, words);
        std::fs::remove_file(root.join(name)).unwrap();
    }
    let socket = std::os::unix::net::UnixListener::bind(root.join("lib/socket")).unwrap();
    fails(&root, "`lib/socket`");
    drop(socket);
    std::fs::create_dir(folder.path().join("flink-2")).unwrap();
    fails(folder.path(), "among them `flink-1.20.5` and `flink-2`");
}

#[test]
fn a_job_jar_names_its_class_or_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job.jar");
    let class = format!("org.example.{}.Job", "deep.".repeat(30));
    job_jar(&path, &class);
    let jar_file = JobJar::open(&path, &Forgetful).unwrap();
    assert_eq!(
        jar_file.artifact.entry_class.as_deref(),
        Some(class.as_str())
    );
    assert_eq!(jar_file.artifact.name, "job.jar");
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(
        jar_file.artifact.content.digest,
        flink_img::oci::Digest::of(&bytes)
    );

    let both = jar(&[("Main-Class", "a.B"), ("program-class", "c.D")]);
    std::fs::write(&path, both).unwrap();
    let jar_file = JobJar::open(&path, &Forgetful).unwrap();
    assert_eq!(jar_file.artifact.entry_class.as_deref(), Some("c.D"));
    let packed = packed_jar(&[("Main-Class", "a.B")], zip::CompressionMethod::Deflated);
    std::fs::write(&path, packed).unwrap();
    let jar_file = JobJar::open(&path, &Forgetful).unwrap();
    assert_eq!(jar_file.artifact.entry_class.as_deref(), Some("a.B"));
    std::fs::write(&path, jar(&[])).unwrap();
    assert_eq!(
        JobJar::open(&path, &Forgetful)
            .unwrap()
            .artifact
            .entry_class,
        None
    );

    let fails = |path: &Path, words: &str| {
        let message = JobJar::open(path, &Forgetful).unwrap_err().to_string();
        assert!(message.contains(words), "{words}: {message}");
    };
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    fails(&path, "is a damaged jar");
    std::fs::write(&path, "text").unwrap();
    fails(&path, "is not a jar: it is not a zip file");
    std::fs::write(&path, "").unwrap();
    fails(&path, "is not a zip file");
    fails(folder.path(), "is a folder, not a file");
    fails(&PathBuf::from("missing.jar"), "`missing.jar`");
    let text = Artifact::open(&path, &Forgetful).unwrap();
    assert_eq!(text.content.size, 0);
}
