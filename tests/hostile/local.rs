//! This machine: programs in the search path, links out of folders.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::support::context::names;
use crate::support::fixtures::{Packing, compress as compress_tar, mini_archive};

/// Programs that others call, or called, to do a part of the work.
const PROGRAMS: [&str; 24] = [
    "bash",
    "buildah",
    "bunzip2",
    "bzip2",
    "containerd",
    "curl",
    "docker",
    "git",
    "gpg",
    "gunzip",
    "gzip",
    "java",
    "mount",
    "nerdctl",
    "pigz",
    "podman",
    "sh",
    "skopeo",
    "tar",
    "umoci",
    "unpigz",
    "unzip",
    "xz",
    "zstd",
];

/// Also CVE-2026-41567 (moby): a program of this name that somebody left in the search path is not run, to unpack or to
/// find out whether it is there.
#[test]
fn cve_2022_25914_cve_2026_41567_no_program_of_the_search_path_is_run() {
    let registry = registry(Auth::Open);
    let mut context = TestContext::new();
    let planted = context.path("planted");
    std::fs::create_dir(&planted).unwrap();
    for name in PROGRAMS {
        let path = planted.join(name);
        std::fs::write(&path, "#!/bin/sh\necho \"$0 $*\" >> \"$MARK\"\nexit 0\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mark = context.path("mark");
    context.set("MARK", &mark);
    context.set("PATH", format!(".:planted:{}", planted.display()));
    context.set("DOCKER_HOST", "unix:///nowhere/docker.sock");
    for name in [
        "DOCKER", "XZ", "ZSTD", "GZIP", "TAR", "SHELL", "PAGER", "EDITOR",
    ] {
        context.set(name, planted.join("sh"));
    }
    // That they would leave a mark.
    let status = std::process::Command::new(planted.join("xz"))
        .env("MARK", &mark)
        .status();
    assert!(status.unwrap().success() && context.has("mark"));
    std::fs::remove_file(&mark).unwrap();

    for compress in [Compress::None, Compress::Gzip, Compress::Xz, Compress::Zstd] {
        let packing = Packing {
            compress,
            ..Packing::default()
        };
        mini_archive(&context.path("flink.tgz"), &packing);
        context.write("base.any", compress_tar(&base(JAVA_17), compress));
        let target = format!("{}/acme/job:1", registry.address());
        let base = format!("{}/acme/base:1", registry.address());
        for base in ["rootfs:base.any", &base] {
            let push = ["--no-cache", "--push", "-t", &target];
            let words = [
                "-o",
                "docker-archive:image.tar",
                "-o",
                "oci-archive:oci.tar",
            ];
            build_on(&context, base, &[&push[..], &words].concat()).ok();
        }
        assert!(
            !context.has("mark"),
            "{}",
            String::from_utf8_lossy(&context.read("mark"))
        );
    }
}

/// Also CVE-2020-10696 (buildah): what a folder links to is not of the folder.
#[test]
fn ghsa_49p4_px3h_rq49_cve_2020_10696_a_folder_has_nothing_from_outside_of_it() {
    let context = TestContext::new();
    let secret = context.root().join("secret");
    std::fs::write(&secret, PASSWORD).unwrap();
    let link = context.path("flink-1.20.5/lib/x.jar");
    let up = context.path("flink-1.20.5/lib/up");
    for (target, other) in [
        (secret.display().to_string(), None),
        ("../../../secret".to_owned(), None),
        ("up/../../secret".to_owned(), Some("..")),
    ] {
        symlink(&target, &link).unwrap();
        if let Some(other) = other {
            symlink(other, &up).unwrap();
        }
        let from = ["--from-local-dist", "flink-1.20.5", "-o", "oci:layout"];
        let run = context.run([&["build", "--base", "rootfs:base.tar"], &from[..]].concat());
        assert_refused(
            &context,
            &run,
            10,
            &["lib/x.jar", "outside of the distribution"],
        );
        std::fs::remove_file(&link).unwrap();
    }
    // A folder that is itself a link out is one, and not the files in it.
    let outside = context.root().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("secret"), PASSWORD).unwrap();
    std::fs::remove_file(&up).unwrap();
    symlink(&outside, &up).unwrap();
    let from = ["--from-local-dist", "flink-1.20.5", "-o", "oci:layout"];
    let run = context.run([&["build", "--base", "rootfs:base.tar"], &from[..]].concat());
    assert_refused(
        &context,
        &run,
        10,
        &["lib/up", "outside of the distribution"],
    );
    assert_eq!(names(&outside), ["secret"]);
}
