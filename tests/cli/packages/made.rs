//! Images in which packages are.

use insta::assert_snapshot;
use serde_json::Value;

use super::{Written, alpine, build, java, names_in, scene, scene_of};
use crate::support::alpine::{File, KEY, Made, OTHER_KEY, Package, repository, write_repository};
use crate::support::context::{TestContext, base_config, base_without, layer};
use crate::support::fixtures::Compress;
use crate::support::registry::Registry;
use crate::support::workshop::Files;

/// What the catalogue puts into its bases of Alpine.
const OF_CATALOGUE: [&str; 4] = ["bash", "gcompat", "libstdc++", "snappy"];

/// Packages of these names, of which `bash` has that program.
fn of_catalogue() -> Vec<Made> {
    let packages = OF_CATALOGUE.map(|name| match name {
        "bash" => Package::new(name, "5.2-r0")
            .file("bin/", File::folder())
            .file("bin/bash", File::program(b"bash of the package")),
        _ => Package::new(name, "1-r0"),
    });
    packages.iter().map(|package| package.make(&KEY)).collect()
}

#[test]
fn packages_and_what_they_need_are_a_layer_directly_above_the_base() {
    let context = scene();
    let run = build(&context, &["--package", "tool", "-o", "oci:out"]);
    assert_snapshot!(run, @"
    exit code: 0
    ----- stdout -----
    docker.io/library/flink-job@sha256:[1]
    ----- stderr -----
    Compressing the base: done, [SIZE]
    libtool-1.1-r3.apk: downloaded, [SIZE]
    tool-1.0-r0.apk: downloaded, [SIZE]
    job: made, [SIZE]
    Alpine packages: made, [SIZE]
    user flink, entrypoint: made, [SIZE]
    Flink 1.20.5: lib, bin, conf, plugins: made, [SIZE]
    Flink 1.20.5: opt, examples: made, [SIZE]
    Writing oci:out: written
    ");
    let image = Written::new(&context);
    assert_eq!(
        image.titles(),
        [
            "Alpine packages",
            "user flink, entrypoint",
            "Flink 1.20.5: lib, bin, conf, plugins",
            "Flink 1.20.5: opt, examples",
            "job",
        ]
    );
    let layer = image.layer(1);
    let paths: Vec<_> = layer.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "etc/apk/world",
            "lib/apk/db/installed",
            "usr/bin/turn",
            "usr/lib/libtool.so.1"
        ]
    );
    assert_eq!(layer["usr/bin/turn"], "turn");
    assert_eq!(layer["etc/apk/world"], "busybox\nmusl\ntool\n");
    assert_eq!(
        names_in(&layer["lib/apk/db/installed"]),
        ["musl", "busybox", "libtool", "tool"]
    );
}

#[test]
fn a_dry_run_tells_of_the_packages_and_keeps_nothing() {
    let context = scene();
    let plan = build(&context, &["--package", "tool", "--dry-run", "--json"]).json();
    assert_eq!(plan["layers"][0]["title"], "Alpine packages", "{plan}");
    context.assert_nothing_kept();
}

#[test]
fn java_may_come_in_a_package() {
    let [program, release] = java();
    let package = Package::new("openjdk17-jre-headless", "17.0.15-r0")
        .file(program.0, program.1)
        .file(release.0, release.1)
        .make(&KEY);
    let files = repository(&[package], &KEY);
    let context = scene_of(&alpine(&["usr/lib/jvm"], &[]), &files);
    let refused = build(&context, &[]);
    assert!(refused.stderr.contains("has no Java"), "{refused}");
    build(
        &context,
        &["--package", "openjdk17-jre-headless", "-o", "oci:out"],
    )
    .ok();
    let image = Written::new(&context);
    assert_eq!(
        image.variable("JAVA_HOME"),
        Some("/usr/lib/jvm/java-17-openjdk")
    );
    let labels = &image.config["config"]["Labels"];
    assert_eq!(labels["flink-img.java.version"], "17.0.15");
}

#[test]
fn an_alpine_without_bash_gets_what_the_catalogue_gives_its_own() {
    let files = repository(&of_catalogue(), &KEY);
    let context = scene_of(&alpine(&["bin/bash"], &[]), &files);
    build(&context, &["-o", "oci:out"]).ok();
    let image = Written::new(&context);
    let layer = image.layer(1);
    assert_eq!(layer["bin/bash"], "bash of the package");
    assert_eq!(
        layer["etc/apk/world"],
        "bash\nbusybox\ngcompat\nlibstdc++\nmusl\nsnappy\n"
    );

    // With bash there is nothing to add, and no repository is asked.
    context.write("base.tar", alpine(&[], &[]));
    std::fs::remove_dir_all(context.path("packages")).unwrap();
    build(&context, &["-o", "oci:out"]).ok();
    assert_eq!(Written::new(&context).titles()[0], "user flink, entrypoint");

    // Only an Alpine gets them.
    context.write("base.tar", base_without("usr/bin/bash"));
    let refused = build(&context, &[]);
    assert_eq!(refused.code, 4);
    assert!(refused.stderr.contains("has no `bash`"), "{refused}");
}

#[test]
fn a_base_of_the_catalogue_brings_its_packages() {
    let (context, registry) = (scene(), Registry::start());
    let tar = alpine(&[], &[]);
    let (media_type, bytes) = layer(&tar, Compress::Gzip);
    let config = base_config("amd64", &tar);
    registry.put_image("acme/jre", "17", &config, &[(media_type, &bytes)]);
    std::fs::create_dir(context.path("bases")).unwrap();
    let entry = format!(
        "name = 'acme-jre17'\ndescription = 'ours'\nreference = '{}/acme/jre:17'\njava = 17\nlibc = 'musl'\n\
         platforms = ['linux/amd64']\npackages = ['libtool']\ndefault = false\n",
        registry.address()
    );
    context.write("bases/acme-jre17.toml", entry);
    let on_acme = |words: &[&str]| {
        let usual = [
            "build",
            "--base",
            "acme-jre17",
            "--base-catalogue",
            "bases",
            "--from-archive",
            "flink.tgz",
            "--package-repository",
            "packages",
            "-o",
            "oci:out",
        ];
        context.run([&usual, words].concat()).ok();
        Written::new(&context).layer(1)["etc/apk/world"].clone()
    };
    assert_eq!(on_acme(&[]), "busybox\nlibtool\nmusl\n");
    assert_eq!(
        on_acme(&["--package", "tool"]),
        "busybox\nlibtool\nmusl\ntool\n"
    );
}

#[test]
fn what_the_base_has_already_makes_no_layer() {
    let context = scene();
    let plain = context.digest(&[]);
    let run = build(&context, &["--package", "busybox,musl", "-o", "oci:out"]);
    assert_eq!(Written::new(&context).titles()[0], "user flink, entrypoint");
    assert_eq!(run.digest(), plain);
}

/// The root file system of an Alpine for `arch`, as apk calls it.
fn alpine_for(arch: &str) -> Vec<u8> {
    let text = format!("{arch}\n");
    alpine(&[], &[("etc/apk/arch", File::plain(text.as_bytes()))])
}

/// The repository with a package for each architecture.
fn write_for_both(context: &TestContext) {
    for (arch, text) in [("x86_64", &b"for amd64"[..]), ("aarch64", b"for arm64")] {
        let package = Package {
            arch,
            ..Package::new("tool", "1.0-r0")
        };
        let made = package.file("usr/bin/turn", File::program(text)).make(&KEY);
        let files = repository(&[made], &KEY).into_iter();
        let files =
            files.map(|(path, bytes)| (path.replace("/x86_64/", &format!("/{arch}/")), bytes));
        write_repository(&context.path("both"), &files.collect());
    }
}

#[test]
fn each_platform_gets_the_packages_of_its_architecture() {
    let (context, registry) = (scene(), Registry::start());
    write_for_both(&context);
    let images = [("amd64", "x86_64"), ("arm64", "aarch64")].map(|(architecture, arch)| {
        let tar = alpine_for(arch);
        let (media_type, bytes) = layer(&tar, Compress::Gzip);
        let config = base_config(architecture, &tar);
        let digest =
            registry.put_image("acme/base", architecture, &config, &[(media_type, &bytes)]);
        let (media_type, manifest) = registry.manifest("acme/base", architecture).unwrap();
        serde_json::json!({
            "mediaType": media_type,
            "digest": digest,
            "size": manifest.len(),
            "platform": {"os": "linux", "architecture": architecture},
        })
    });
    let media_type = "application/vnd.oci.image.index.v1+json";
    let index =
        serde_json::json!({"schemaVersion": 2, "mediaType": media_type, "manifests": images});
    registry.put_manifest(
        "acme/base",
        "both",
        media_type,
        index.to_string().as_bytes(),
    );

    let base = format!("{}/acme/base:both", registry.address());
    let words = ["--platform", "linux/amd64,linux/arm64", "--package", "tool"];
    let usual = ["build", "--base", &base, "--from-archive", "flink.tgz"];
    let more = ["--package-repository", "both", "-o", "oci:out"];
    context.run([&usual[..], &words, &more].concat()).ok();
    let files = Files::in_folder(&context.path("out"));
    let top = files.json("index.json");
    let index: Value = serde_json::from_slice(files.blob(&top["manifests"][0])).unwrap();
    let programs = index["manifests"].as_array().unwrap().iter().map(|image| {
        let manifest: Value = serde_json::from_slice(files.blob(image)).unwrap();
        let config = serde_json::from_slice(files.blob(&manifest["config"])).unwrap();
        let files = files.clone();
        let image = Written {
            files,
            manifest,
            config,
        };
        let architecture = image.config["architecture"].as_str().unwrap().to_owned();
        (architecture, image.layer(1)["usr/bin/turn"].clone())
    });
    let expected = [("amd64", "for amd64"), ("arm64", "for arm64")];
    let expected = expected.map(|(architecture, text)| (architecture.to_owned(), text.to_owned()));
    assert_eq!(programs.collect::<Vec<_>>(), expected);

    // A repository that has one of them only is one that lacks the other.
    std::fs::remove_dir_all(context.path("both/aarch64")).unwrap();
    let refused = context.run([&usual[..], &words, &more].concat());
    assert_snapshot!(refused, @"
    exit code: 3
    ----- stderr -----
    No job is given, so the image is one for session clusters
    error: Failed to find `both/aarch64/APKINDEX.tar.gz`
      caused by: No such file or directory (os error 2)
    hint: check the path; unless it is absolute, it starts in the folder that the command runs in
    ");
}

#[test]
fn a_script_that_is_not_run_is_told_and_hinders_nothing() {
    let package = Package::new("tool", "1.0-r0")
        .script("post-install", "#!/bin/sh\nturn --register\n")
        .make(&KEY);
    let context = scene_of(&alpine(&[], &[]), &repository(&[package], &KEY));
    let run = build(&context, &["--package", "tool", "--json"]).ok();
    let warning = "The `post-install` script of the package `tool-1.0-r0` was not run";
    assert!(run.stderr.contains(warning), "{run}");
    let quiet = build(&context, &["--package", "tool", "--quiet"]).ok();
    assert_eq!(quiet.stderr, "");
}

#[test]
fn a_key_of_ones_own_is_trusted_as_long_as_it_is_given() {
    let package = Package::new("tool", "1.0-r0").make(&OTHER_KEY);
    let files = repository(&[package], &OTHER_KEY);
    let context = scene_of(&alpine(&[], &[]), &files);
    context.write(&OTHER_KEY.name, OTHER_KEY.public());
    let words = ["--package", "tool", "--package-key", &OTHER_KEY.name];
    build(&context, &words).ok();
    let refused = build(&context, &["--package", "tool", "--no-cache"]);
    assert_eq!(refused.code, 8, "{refused}");
}
