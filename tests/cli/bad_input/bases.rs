//! Bases that cannot be had, and bases that Flink cannot stand on.

use insta::assert_snapshot;

use super::Site;
use crate::support::context::{JAVA_17, base, base_config, base_without, layer};
use crate::support::fixtures::{Compress, Packing, mini_entries, tar};
use crate::support::registry::{Auth, Fault, Registry};

#[test]
fn bases_that_flink_cannot_stand_on() {
    let site = Site::new();
    let context = &site.context;
    assert_snapshot!(site.refuses_base(&["rootfs:missing.tar"]), @"
    exit code: 3
    ----- stderr -----
    error: Failed to find `missing.tar`
      caused by: No such file or directory (os error 2)
    hint: check the path; unless it is absolute, it starts in the folder that the command runs in
    ");
    assert_snapshot!(site.refuses_base(&["oci:missing"]), @"
    exit code: 3
    ----- stderr -----
    error: Failed to find `missing`
      caused by: No such file or directory (os error 2)
    hint: check the path; unless it is absolute, it starts in the folder that the command runs in
    ");
    assert_snapshot!(site.refuses_base(&["oci-archive:base.tar"]), @"
    exit code: 3
    ----- stderr -----
    error: `base.tar` is not an OCI layout: it has no `oci-layout`
    hint: write one with `skopeo copy` or `-o oci:DIR`; the tar of a root file system is named with `rootfs:FILE`
    ");
    context.write("no-java.tar", base_without("usr/lib/jvm"));
    assert_snapshot!(site.refuses_base(&["rootfs:no-java.tar"]), @"
    exit code: 4
    ----- stderr -----
    Compressing the base: done, [SIZE]
    error: The base `rootfs:no-java.tar` has no Java
    hint: choose a base with a Java run time, or say where it is with `--java-home`
    ");
    context.write("no-bash.tar", base_without("usr/bin/bash"));
    assert_snapshot!(site.refuses_base(&["rootfs:no-bash.tar"]), @"
    exit code: 4
    ----- stderr -----
    Compressing the base: done, [SIZE]
    error: The base `rootfs:no-bash.tar` has no `bash`, which Flink's scripts call
    hint: choose a base that has them, as those of Debian and Ubuntu do
    ");
    context.write("old.tar", base("JAVA_VERSION=\"1.8.0_452\"\n"));
    context.write("new.tar", base("JAVA_VERSION=\"25\"\n"));
    let archive = "flink2.tar";
    let entries: Vec<_> = mini_entries("flink-2.3.0", &Packing::default())
        .into_iter()
        .map(|mut entry| {
            let name = String::from_utf8(entry.name).unwrap();
            entry.name = name.replace("1.20.5.jar", "2.3.0.jar").into_bytes();
            entry
        })
        .collect();
    context.write(archive, tar(&entries));
    assert_snapshot!(site.refuses(&["--base", "rootfs:old.tar", "--from-archive", archive]), @"
    exit code: 4
    ----- stderr -----
    Compressing the base: done, [SIZE]
    error: Flink 2.3.0 does not work with Java 8: it needs Java 11, 17 or 21
    hint: choose a base with another Java, or another release
    ");
    assert_snapshot!(site.refuses_base(&["rootfs:base.tar", "--java-home", "/opt/java"]), @"
    exit code: 4
    ----- stderr -----
    Compressing the base: done, [SIZE]
    error: The base `rootfs:base.tar` has no Java in `/opt/java`
    hint: name the folder that has `bin/java`, or leave `--java-home` out to have it looked for
    ");
    assert_snapshot!(site.refuses_base(&["rootfs:base.tar", "--java-version", "newest"]), @"
    exit code: 2
    ----- stderr -----
    error: invalid value 'newest' for '--java-version <VERSION>': `newest` is not a Java version
    hint: write it like `17` or `17.0.15`

    For more information, try '--help'.
    ");
    // One for another platform, in a file.
    let tar = base(JAVA_17);
    let (media_type, bytes) = layer(&tar, Compress::Gzip);
    let config = base_config("arm64", &tar);
    site.registry
        .put_image("acme/base", "arm", &config, &[(media_type, &bytes)]);
    let arm = format!("{}/acme/base:arm", site.registry.address());
    let usual = ["build", "--from-archive", "flink.tgz", "--base", &arm];
    context
        .run([&usual[..], &["--platform", "linux/arm64", "-o", "oci:arm"]].concat())
        .ok();
    site.registry.clear_requests();
    assert_snapshot!(site.refuses_base(&["oci:arm"]), @"
    exit code: 4
    ----- stderr -----
    error: The base `oci:arm` is for linux/arm64, and the image is to be for linux/amd64
    hint: choose another base, or `--platform linux/arm64`
    ");
    let run = context.run([&usual[..], &["-o", "oci:out"]].concat());
    assert_snapshot!(run, @"
    exit code: 4
    ----- stderr -----
    No job is given, so the image is one for session clusters
    sha256:[1]: pulled, [SIZE]
    error: The base `127.0.0.1:[PORT]/acme/base:arm` is for linux/arm64, and the image is to be for linux/amd64
    hint: choose another base, or `--platform linux/arm64`
    ");
    assert!(!context.has("out"));
}

#[test]
fn registries_that_refuse_the_base() {
    let words = [
        "build",
        "--from-archive",
        "flink.tgz",
        "-o",
        "oci:layout",
        "--base",
    ];
    let site = Site::with(Registry::with_auth(Auth::Basic {
        user: "ada".to_owned(),
        password: "secret".to_owned(),
    }));
    let run = site.context.run([&words[..], &[&site.base()]].concat());
    assert_snapshot!(run, @"
    exit code: 5
    ----- stderr -----
    No job is given, so the image is one for session clusters
    error: Failed to pull `127.0.0.1:[PORT]/acme/base:1`
      caused by: `127.0.0.1:[PORT]` answered 401 Unauthorized: authentication required
    hint: no credentials for `127.0.0.1:[PORT]` were found, and no file with any; log in with `docker login 127.0.0.1:[PORT]`
    ");
    site.assert_nothing_written(&run);

    let site = Site::new();
    let missing = site.base().replace("base:1", "base:2");
    let run = site.context.run([&words[..], &[&missing]].concat());
    assert_snapshot!(run, @"
    exit code: 6
    ----- stderr -----
    No job is given, so the image is one for session clusters
    error: Failed to pull `127.0.0.1:[PORT]/acme/base:2`
      caused by: `127.0.0.1:[PORT]` answered 404 Not Found: manifest unknown
    hint: check the name, the tag and the registry
    ");
    site.assert_nothing_written(&run);

    site.registry.fail(
        "GET /v2/acme/base/blobs/",
        9,
        Fault::error(403, "DENIED", "not yours"),
    );
    let run = site.context.run([&words[..], &[&site.base()]].concat());
    assert_eq!(run.code, 5, "{run}");
    site.assert_nothing_written(&run);

    site.registry.fail(
        "GET /v2/acme/base/blobs/",
        9,
        Fault::WrongBytes(b"{}".to_vec()),
    );
    let run = site.context.run([&words[..], &[&site.base()]].concat());
    assert_snapshot!(run, @"
    exit code: 8
    ----- stderr -----
    No job is given, so the image is one for session clusters
    error: Failed to pull `sha256:[1]…` from `127.0.0.1:[PORT]/acme/base`
      caused by: There are fewer than the expected 275 bytes
    hint: the registry, a mirror or a proxy on the way alters what it passes on
    ");
    site.assert_nothing_written(&run);

    // Nobody listens there.
    let nobody = site
        .context
        .run([&words[..], &["127.0.0.1:1/acme/base:1"]].concat());
    assert_snapshot!(nobody.stderr.replace("127.0.0.1:1/", "NOBODY/").replace("127.0.0.1:1", "NOBODY"), @"
    No job is given, so the image is one for session clusters
    error: Failed to pull `NOBODY/acme/base:1`
      caused by: The connection to `NOBODY` failed
      caused by: Connection refused (os error 111)
    hint: check the name `NOBODY`, the network, and the proxy if there is one
    ");
    assert_eq!(nobody.code, 7);
    site.assert_nothing_written(&nobody);
}
