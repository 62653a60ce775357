//! Where files of jobs lie in images of each line.

use std::path::Path;

use super::super::name;
use super::*;
use crate::error::Explain as _;
use crate::flink::lines::Known;
use crate::layer::{Content, EntryKind};

fn artifact(source: &str) -> Artifact {
    Artifact {
        source: source.into(),
        name: name(Path::new(source)).unwrap(),
        content: Content::from_bytes(&b"x"[..]),
        entry_class: None,
    }
}

fn layout(version: &str, job: Option<&str>, dependencies: &[&str]) -> Result<JobLayout, JobError> {
    let version = version.parse().unwrap();
    let places = JobPlaces::of(Known::of(&version).unwrap().line, &version);
    let dependencies: Vec<_> = dependencies.iter().map(|source| artifact(source)).collect();
    JobLayout::new(&places, job.map(artifact).as_ref(), &dependencies)
}

fn listing(entries: &[Entry]) -> Vec<String> {
    entries
        .iter()
        .map(|entry| match &entry.kind {
            EntryKind::Symlink(target) => format!("{} -> {target}", entry.path),
            _ => format!("{} {:o}", entry.path, entry.mode),
        })
        .collect()
}

#[test]
fn each_file_is_real_in_one_place_and_linked_in_the_other() {
    let layout_of = layout;
    let layout = layout_of("1.20.5", Some("job.jar"), &["z.jar", "a.txt"]).unwrap();
    assert_eq!(
        listing(&layout.dependencies),
        [
            "/opt/artifacts 755",
            "/opt/artifacts/a.txt 644",
            "/opt/artifacts/z.jar 644",
            "/opt/flink/usrlib 775",
            "/opt/flink/usrlib/a.txt -> ../../artifacts/a.txt",
            "/opt/flink/usrlib/z.jar -> ../../artifacts/z.jar",
        ]
    );
    assert_eq!(
        listing(&layout.job),
        [
            "/opt/artifacts 755",
            "/opt/artifacts/job.jar 644",
            "/opt/flink/usrlib 775",
            "/opt/flink/usrlib/job.jar -> ../../artifacts/job.jar",
        ]
    );
    assert!(!layout.may_collide());
    let alone = layout_of("2.3.0", Some("job.jar"), &[]).unwrap();
    assert!(alone.dependencies.is_empty());
}

#[test]
fn before_1_9_the_job_has_one_name() {
    let layout = layout("1.8.3", Some("target/app.jar"), &["z.jar", "a.txt"]).unwrap();
    assert_eq!(
        listing(&layout.job),
        [
            "/opt/flink-1.8.3 755",
            "/opt/flink-1.8.3/lib 755",
            "/opt/flink-1.8.3/lib/job.jar -> /opt/job.jar",
            "/opt/job.jar 644",
        ]
    );
    assert_eq!(
        listing(&layout.dependencies),
        [
            "/opt/artifacts 755",
            "/opt/artifacts/a.txt 644",
            "/opt/artifacts/z.jar 644",
            "/opt/flink-1.8.3 755",
            "/opt/flink-1.8.3/lib 755",
            "/opt/flink-1.8.3/lib/z.jar -> /opt/artifacts/z.jar",
        ]
    );
    assert_eq!(layout.jar.unwrap().to_string(), "/opt/job.jar");
}

#[test]
fn flink_1_9_has_links_in_lib_and_1_10_has_one_for_all() {
    let found = layout("1.9.3", Some("app.jar"), &["a.txt"]).unwrap();
    assert_eq!(
        listing(&found.job),
        [
            "/opt/artifacts 755",
            "/opt/artifacts/app.jar 644",
            "/opt/flink-1.9.3 755",
            "/opt/flink-1.9.3/lib 755",
            "/opt/flink-1.9.3/lib/app.jar -> /opt/artifacts/app.jar",
        ]
    );
    assert_eq!(
        listing(&found.dependencies),
        ["/opt/artifacts 755", "/opt/artifacts/a.txt 644"]
    );
    let found = layout("1.10.3", Some("app.jar"), &["a.txt", "z.jar"]).unwrap();
    assert_eq!(
        listing(&found.dependencies),
        [
            "/opt/artifacts 755",
            "/opt/artifacts/a.txt 644",
            "/opt/artifacts/z.jar 644",
            "/opt/flink-1.10.3 755",
            "/opt/flink-1.10.3/usrlib -> /opt/artifacts",
        ]
    );
    assert_eq!(found.jar.unwrap().to_string(), "/opt/artifacts/app.jar");
}

#[test]
fn one_name_for_two_files_is_refused_with_both() {
    let error = layout("1.20.5", Some("a/x.jar"), &["b/x.jar"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`b/x.jar` and `a/x.jar` have the same name, and only one file can have it in the image"
    );
    // The jar of the job is called otherwise there.
    let error = layout("1.7.2", Some("a/x.jar"), &["b/job.jar"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`a/x.jar` has `lib/job.jar` already, and `b/job.jar` needs that name for a link"
    );
    assert_eq!(error.hint().unwrap(), "rename one of the two");
}

#[test]
fn a_job_that_could_not_be_found_is_refused() {
    let error = layout("1.9.3", Some("job.zip"), &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`job.zip` cannot keep its name in the image: this line of Flink takes a job from `lib/`, \
         and from there only what ends with `.jar`"
    );
    // It gets another name there, or is none of this module's business.
    for version in ["1.8.3", "1.10.3", "1.20.5"] {
        layout(version, Some("job.zip"), &[]).unwrap();
    }
}

#[test]
fn only_names_in_lib_have_to_be_held_against_a_release() {
    for (version, job, dependencies, expected) in [
        ("1.8.3", Some("app.jar"), &["a.txt"][..], false),
        ("1.8.3", Some("app.jar"), &["a.jar"], true),
        ("1.9.3", Some("app.jar"), &[], true),
        ("1.9.3", Some("job.jar"), &[], false),
        ("1.10.3", Some("app.jar"), &["a.jar"], false),
        ("2.3.0", Some("app.jar"), &["a.jar"], false),
    ] {
        let layout = layout(version, job, dependencies).unwrap();
        assert_eq!(
            layout.may_collide(),
            expected,
            "{version} {job:?} {dependencies:?}"
        );
    }
}
