//! The same packages again: what is not asked for twice, and that it is always the same image.

use super::{alpine, build, build_from, scene, scene_of, tools};
use crate::support::alpine::{KEY, Package, repository, write_repository};
use crate::support::context::TestContext;
use crate::support::files::FileServer;

const INDEX: &str = "/x86_64/APKINDEX.tar.gz";

#[test]
fn a_rebuild_asks_for_nothing_but_the_index() {
    let (context, server) = (scene(), FileServer::start(repository(&tools(), &KEY)));
    let words = ["--package", "tool"];
    let first = build_from(&context, &server.url(), &words).digest();
    let packages = ["/x86_64/libtool-1.1-r3.apk", "/x86_64/tool-1.0-r0.apk"];
    let mut asked = server.asked();
    asked.sort();
    assert_eq!(asked, [INDEX, packages[0], packages[1]]);

    let again = build_from(&context, &server.url(), &words).ok();
    assert_eq!(again.digest(), first);
    assert_eq!(server.asked()[3..], [INDEX]);
    assert!(!again.stderr.contains("made"), "{again}");

    // What makes everything anew has the packages still: they are content, known by its digest.
    let anew = build_from(
        &context,
        &server.url(),
        &[&words[..], &["--no-cache"]].concat(),
    );
    assert_eq!(anew.digest(), first);
    assert_eq!(server.asked()[4..], [INDEX]);
}

#[test]
fn the_image_is_the_same_wherever_packages_come_from_and_however_they_are_named() {
    let (context, server) = (scene(), FileServer::start(repository(&tools(), &KEY)));
    let expected = build(&context, &["--package", "tool,libtool"]).digest();
    let elsewhere: TestContext = scene();
    let folder = context.path("packages").display().to_string();
    for (repository, words) in [
        ("packages", &["--package", "libtool,tool"][..]),
        ("packages", &["--package", "tool", "--package", "libtool"]),
        (
            "packages",
            &["--package", "tool,libtool,tool", "--no-cache"],
        ),
        (
            &server.url(),
            &["--package", "libtool", "--package", "tool"],
        ),
        (&folder, &["--package", "tool,libtool", "--no-progress"]),
    ] {
        for user in [&context, &elsewhere] {
            let run = build_from(user, repository, words);
            assert_eq!(run.digest(), expected, "{repository} {words:?}");
        }
    }
    // What is asked for is written down, so to ask for less is another image.
    assert_ne!(build(&context, &["--package", "tool"]).digest(), expected);
}

#[test]
fn a_newer_package_makes_another_image_and_the_older_one_the_same_again() {
    let old = repository(&tools(), &KEY);
    let context = scene_of(&alpine(&[], &[]), &old);
    let first = build(&context, &["--package", "tool"]).digest();
    let newer = Package::new("tool", "1.1-r0").make(&KEY);
    let new = repository(&[&tools()[..], &[newer]].concat(), &KEY);
    write_repository(&context.path("packages"), &new);
    assert_ne!(build(&context, &["--package", "tool"]).digest(), first);
    write_repository(&context.path("packages"), &old);
    assert_eq!(build(&context, &["--package", "tool"]).digest(), first);
}
