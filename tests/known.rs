//! What was read before is not read again: files, folders and archives are known as long as they do not change.
//!
//! Each test lies to the program: it changes what is remembered of a file, and sees that the lie is believed, which nobody
//! would who read the file.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "these are tests, on real files"
)]

mod support;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use flink_img::flink::release::{Fetched, Places, Release, ReleaseError, Sha512, Sources};
use flink_img::flink::{Artifact, Distribution, DistributionKind, JobJar};
use flink_img::http::{HttpSettings, Redirects, RetryPolicy, Route};
use flink_img::layer::{
    Compression, Content, ContentSource, Entry, ImagePath, LayerError, LayerPlan, Owner, write,
};
use flink_img::oci::Digest;
use flink_img::progress::Silent;
use support::files::FileServer;
use support::fixtures::{MINI_VERSION, Packing, job_jar, mini_archive, mini_distribution};
use support::workshop::{Notes, settle};

fn lie() -> Digest {
    Digest::of(b"what is not in the file")
}

/// The content of one file of a distribution.
fn content<'a>(distribution: &'a Distribution, path: &str) -> &'a Content {
    match &distribution.file(path).unwrap().kind {
        DistributionKind::File { content, .. } => content,
        DistributionKind::Symlink(_) => panic!("`{path}` is a link"),
    }
}

/// What comes of it when somebody reads the bytes.
fn read(content: &Content) -> Result<(), LayerError> {
    let path = ImagePath::fixed("file");
    let entry = Entry::file(path, content.clone(), false, Owner::ROOT);
    let plan = LayerPlan::new("test", vec![entry], Compression::Stored).unwrap();
    write(&plan, std::io::sink(), NonZeroUsize::MIN, &Silent).map(drop)
}

/// An error with its causes.
fn told(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(told).unwrap_or_default();
    format!("{error}; {cause}")
}

#[test]
fn a_jar_is_read_again_only_when_it_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job.jar");
    let notes = Notes::default();
    job_jar(&path, "com.example.Job");
    settle(folder.path());
    let digest = Digest::of(&std::fs::read(&path).unwrap());
    let jar = JobJar::open(&path, &notes).unwrap();
    assert_eq!(jar.artifact.content.digest, digest);
    assert_eq!(notes.replace(&digest.to_string(), &lie().to_string()), 1);
    assert_eq!(notes.replace("com.example.Job", "com.example.Lie"), 1);
    let jar = JobJar::open(&path, &notes).unwrap();
    assert_eq!(jar.artifact.content.digest, lie());
    assert_eq!(jar.artifact.entry_class.as_deref(), Some("com.example.Lie"));
    // What is known of it as a jar says nothing of it as any other file.
    let artifact = Artifact::open(&path, &notes).unwrap();
    assert_eq!(artifact.content.digest, digest);

    // A note that cannot be read is none.
    notes.damage();
    let jar = JobJar::open(&path, &notes).unwrap();
    assert_eq!(jar.artifact.entry_class.as_deref(), Some("com.example.Job"));
    assert_eq!(jar.artifact.content.digest, digest);

    // As many bytes, another class.
    let length = std::fs::metadata(&path).unwrap().len();
    job_jar(&path, "com.example.Jab");
    assert_eq!(std::fs::metadata(&path).unwrap().len(), length);
    let jar = JobJar::open(&path, &notes).unwrap();
    assert_eq!(jar.artifact.entry_class.as_deref(), Some("com.example.Jab"));
    assert_ne!(jar.artifact.content.digest, digest);
}

#[test]
fn several_artifacts_keep_their_order_and_the_first_error_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let notes = Notes::default();
    let mut paths: Vec<_> = (0..20)
        .map(|number| folder.path().join(format!("{number}.txt")))
        .collect();
    for path in &paths {
        std::fs::write(path, path.display().to_string()).unwrap();
    }
    settle(folder.path());
    let opened = Artifact::open_all(&paths, &notes).unwrap();
    for (path, artifact) in paths.iter().zip(&opened) {
        let expected = Digest::of(path.display().to_string().as_bytes());
        assert_eq!(artifact.content.digest, expected);
    }
    assert_eq!(notes.len(), 20);
    paths.insert(3, folder.path().join("first"));
    paths.push(folder.path().join("second"));
    let error = Artifact::open_all(&paths, &notes).unwrap_err();
    assert!(error.to_string().contains("first"), "{error}");
}

#[test]
fn of_a_folder_only_the_changed_file_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let root = mini_distribution(folder.path());
    let notes = Notes::default();
    settle(&root);
    let open = || Distribution::from_directory(&root, &notes).unwrap();
    let (script, license) = ("bin/jobmanager.sh", "LICENSE");
    let before = content(&open(), license).digest;
    assert_eq!(notes.replace(&before.to_string(), &lie().to_string()), 1);
    std::fs::write(root.join(script), "#!/bin/sh\nexit 3\n").unwrap();
    let now = open();
    assert_eq!(content(&now, license).digest, lie());
    assert_eq!(
        content(&now, script).digest,
        Digest::of(b"#!/bin/sh\nexit 3\n")
    );
    let error = read(content(&now, license)).unwrap_err();
    assert!(told(&error).contains("changed while"), "{}", told(&error));
    // The script was too young to be remembered, the rest still is.
    settle(&root);
    assert_eq!(content(&open(), license).digest, lie());
    notes.damage();
    assert_eq!(content(&open(), license).digest, before);
    assert_eq!(notes.len(), 1);
}

fn archive(folder: &Path, version: u64) -> std::path::PathBuf {
    let path = folder.join("flink.tgz");
    let packing = Packing {
        mtime: version,
        ..Packing::default()
    };
    mini_archive(&path, &packing);
    settle(folder);
    path
}

#[test]
fn a_known_archive_is_unpacked_only_for_those_who_read() {
    let folder = tempfile::tempdir().unwrap();
    let (path, spool) = (archive(folder.path(), 1), folder.path().join("spool"));
    let notes = Notes::default();
    let open = || Distribution::from_archive(&path, &spool, &notes).unwrap();
    let first = open();
    let license = content(&first, "LICENSE").digest;
    read(content(&first, "LICENSE")).unwrap();
    std::fs::remove_dir(&spool).unwrap();
    let second = open();
    assert!(!spool.exists());
    assert_eq!(content(&second, "LICENSE").digest, license);
    // All files are in one tar, which is unpacked once.
    read(content(&second, "LICENSE")).unwrap();
    std::fs::remove_dir(&spool).unwrap();
    read(content(&second, "bin/jobmanager.sh")).unwrap();
    assert!(!spool.exists());
    // Configuration files are in memory.
    assert!(matches!(
        content(&second, "conf/config.yaml").source,
        ContentSource::Bytes(_)
    ));
    assert_eq!(notes.replace(&license.to_string(), &lie().to_string()), 1);
    let third = open();
    assert_eq!(content(&third, "LICENSE").digest, lie());
    let error = read(content(&third, "LICENSE")).unwrap_err();
    assert!(told(&error).contains("changed while"), "{}", told(&error));
    notes.damage();
    assert_eq!(content(&open(), "LICENSE").digest, license);
}

#[test]
fn an_archive_that_changes_between_listing_and_reading_gives_no_layer() {
    let folder = tempfile::tempdir().unwrap();
    let (path, spool) = (archive(folder.path(), 1), folder.path().join("spool"));
    let notes = Notes::default();
    let open = || Distribution::from_archive(&path, &spool, &notes).unwrap();
    let before = content(&open(), "LICENSE").digest;
    assert_eq!(notes.replace(&before.to_string(), &lie().to_string()), 1);
    let known = open();
    let size = std::fs::metadata(&path).unwrap().len();
    archive(folder.path(), 2);
    let error = read(content(&known, "LICENSE")).unwrap_err();
    let message = told(&error);
    assert!(message.contains("flink.tgz"), "{message}");
    assert!(message.contains("changed while"), "{message}");
    // It is another archive now, whatever its size; nothing that was remembered is believed.
    let again = std::fs::metadata(&path).unwrap().len();
    assert!(again.abs_diff(size) < 64, "{size} {again}");
    assert_eq!(content(&open(), "LICENSE").digest, before);
}

#[test]
fn what_was_refused_is_not_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flink.tgz");
    std::fs::write(&path, support::fixtures::tar(&[])).unwrap();
    settle(folder.path());
    let notes = Notes::default();
    for _ in 0..2 {
        let error = Distribution::from_archive(&path, folder.path(), &notes).unwrap_err();
        assert!(
            error.to_string().ends_with("is an empty archive"),
            "{error}"
        );
        assert_eq!(notes.len(), 0);
    }
}

#[test]
fn the_files_of_a_release_are_known_without_its_archive() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(archive(folder.path(), 1)).unwrap();
    let release = Release {
        version: MINI_VERSION.parse().unwrap(),
        scala: "2.12".parse().unwrap(),
        hadoop: None,
    };
    let sha512 = Sha512::of(&bytes[..]).unwrap();
    let place = format!("/flink/flink-{MINI_VERSION}/{}", release.file_name());
    let server = FileServer::start(BTreeMap::from([
        (format!("{place}.sha512"), format!("{sha512}\n").into()),
        (place, bytes),
    ]));
    let notes = Arc::new(Notes::default());
    let mirror = format!("{}/flink", server.url()).parse().unwrap();
    let sources = Sources {
        client: HttpSettings::default()
            .client(Redirects::Follow, Route::Direct)
            .unwrap(),
        retry: RetryPolicy::default(),
        places: Places::with_hosts(vec![mirror], vec![]),
        cache: folder.path().join("cache"),
        spool: folder.path().join("spool"),
        memory: Arc::clone(&notes) as _,
        reporter: Arc::new(Silent),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let never = || -> Result<Fetched, ReleaseError> { panic!("nobody reads") };
    assert!(Distribution::of_release(sha512, &*notes, never).is_none());

    // It was unpacked on its way in, so nothing is left to do.
    let fetched = runtime.block_on(release.fetch(None, &sources)).unwrap();
    assert_eq!(notes.len(), 1);
    std::fs::remove_dir(&sources.spool).unwrap();
    let found = Distribution::from_release(&fetched, &sources.spool, &*notes).unwrap();
    read(content(&found, "LICENSE")).unwrap();
    assert!(!sources.spool.exists());

    // From now on its checksum is enough to plan with, and the archive is fetched for those who read.
    std::fs::remove_dir_all(&sources.cache).unwrap();
    let known = Distribution::of_release(sha512, &*notes, never).unwrap();
    assert_eq!(known.version.to_string(), MINI_VERSION);
    assert_eq!(known.files.len(), found.files.len());
    let license = content(&found, "LICENSE").digest;
    assert_eq!(content(&known, "LICENSE").digest, license);
    let asked = server.asked().len();
    let (handle, again) = (runtime.handle().clone(), sources.clone());
    let known = Distribution::of_release(sha512, &*notes, move || {
        handle.block_on(release.fetch(Some(sha512), &again))
    });
    let known = known.unwrap();
    assert_eq!(server.asked().len(), asked);
    read(content(&known, "LICENSE")).unwrap();
    read(content(&known, "bin/jobmanager.sh")).unwrap();
    assert_eq!(server.asked().len(), asked + 1);
}
