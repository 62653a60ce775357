//! Hadoop in a jar of its own: once from its repository, into a layer of its own, and into the lock.

use insta::assert_snapshot;
use sha2::{Digest as _, Sha256, Sha512};

use crate::scene::{Scene, hadoop_jar, hex, jar_path, maven};
use crate::support::registry::Registry;

const ARTIFACT: &str = "flink-shaded-hadoop-2-uber";
const VERSION: &str = "2.8.3-7.0";
const BUILD: &str = "build --job-jar job.jar --flink-version 1.9.3 --hadoop-version 2.8";

/// Deletes everything that the program keeps on this machine.
fn forget(scene: &Scene) {
    std::fs::remove_dir_all(scene.context.store()).unwrap();
}

#[test]
fn the_jar_is_downloaded_once_into_a_layer_of_its_own() {
    let scene = Scene::new();
    let first = scene.program(BUILD);
    assert_snapshot!(first, @"
    exit code: 0
    ----- stdout -----
    docker.io/library/flink-job@sha256:[1]
    ----- stderr -----
    Compressing the base: done, [SIZE]
    flink-shaded-hadoop-2-uber-2.8.3-7.0.jar: downloaded, [SIZE]
    flink-1.9.3-bin-scala_2.12.tgz: downloaded, [SIZE]
    job: made, [SIZE]
    user flink, entrypoint: made, [SIZE]
    Flink 1.9.3: lib, bin, conf, plugins: made, [SIZE]
    Flink 1.9.3: opt, examples: made, [SIZE]
    Hadoop 2.8.3-7.0: made, [SIZE]
    Kept on this machine; `flink-img push docker.io/library/flink-job` sends it to its registry
    ");
    let jar = jar_path(ARTIFACT, VERSION);
    let asked = [format!("{jar}.sha512"), format!("{jar}.sha256"), jar];
    assert_eq!(scene.maven.asked(), asked);
    let image = scene.image("flink-job");
    assert_snapshot!(image.titles.join("\n"), @"
    user flink, entrypoint
    Flink 1.9.3: lib, bin, conf, plugins
    Flink 1.9.3: opt, examples
    Hadoop 2.8.3-7.0
    job
    ");
    assert_snapshot!(image.with("hadoop-2").join("\n"), @"
    /opt/flink-1.9.3/lib/flink-shaded-hadoop-2-uber-2.8.3-7.0.jar -> /opt/flink-shaded-hadoop-2-uber-2.8.3-7.0.jar
    /opt/flink-shaded-hadoop-2-uber-2.8.3-7.0.jar
    ");
    // The second build asks nobody, whatever it makes of the jar.
    for words in ["", " --no-cache"] {
        let again = scene.program(&format!("{BUILD}{words}")).digest();
        assert_eq!(again, first.digest());
    }
    assert_eq!(scene.maven.asked(), asked);
    // All other layers are those of the image without it.
    let layers = |line: &str| {
        let built = scene.program(&format!("{line} --json -q")).json();
        built["layers"].as_array().unwrap().clone()
    };
    let mut with = layers(BUILD);
    let hadoop = with.remove(4);
    assert_eq!(hadoop["title"], "Hadoop 2.8.3-7.0");
    assert_eq!(with, layers(&BUILD.replace(" --hadoop-version 2.8", "")));
}

#[test]
fn an_archive_and_a_folder_get_the_jar_too() {
    let scene = Scene::new();
    scene.write_release("flink.tgz", "1.10.3");
    let line = "build --job-jar job.jar --from-archive flink.tgz --hadoop-version 2.7.5-10.0";
    scene.program(line).ok();
    scene
        .image("flink-job")
        .assert_has("/opt/flink-shaded-hadoop-2-uber-2.7.5-10.0.jar");
    // The script ignored the version there, and still does.
    let line = line.strip_prefix("build ").unwrap();
    let run = scene.script(line).ok();
    assert!(
        run.stderr.contains("`--hadoop-version` is ignored"),
        "{run}"
    );
    assert_eq!(scene.image("flink-job").with("hadoop-2"), [""; 0]);
}

#[test]
fn any_checksum_of_a_repository_will_do_and_the_image_is_the_same() {
    let jar = hadoop_jar(ARTIFACT, VERSION);
    let path = jar_path(ARTIFACT, VERSION);
    let sha512 = hex(&Sha512::digest(&jar));
    let sha1 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &jar);
    let sha1 = hex(sha1.as_ref());
    let expected = Scene::new().program(BUILD).digest();
    for (extension, text, requests) in [
        ("sha512", sha512, 2),
        ("sha1", format!("{sha1}  {ARTIFACT}-{VERSION}.jar\n"), 4),
    ] {
        let files = [
            (path.clone(), jar.clone()),
            (format!("{path}.{extension}"), text.into_bytes()),
        ];
        let scene = Scene::with_maven(files.into());
        assert_eq!(scene.program(BUILD).digest(), expected, "{extension}");
        assert_eq!(scene.maven.asked().len(), requests, "{extension}");
    }
}

#[test]
fn a_lock_has_the_jar_and_nothing_else_is_asked_for() {
    let scene = Scene::new();
    let locked = |command: &str| {
        let words = BUILD.strip_prefix("build --job-jar job.jar").unwrap();
        scene.program(&format!("{command}{words}"))
    };
    locked("lock").ok();
    let lock = String::from_utf8(scene.context.read("flink-img.lock")).unwrap();
    let table = lock
        .split("\n\n")
        .find(|table| table.starts_with("[hadoop]"));
    let table = table.unwrap();
    assert!(
        table.contains("jar = \"flink-shaded-hadoop-2-uber-2.8.3-7.0.jar\""),
        "{table}"
    );
    for key in ["digest = \"sha256:", "size = ", "checksums = ["] {
        assert!(table.contains(key), "{key} in {table}");
    }
    // What comes of it is told without asking.
    let asked = scene.maven.asked().len();
    let digest = locked("digest --job-jar job.jar").stdout_plain();
    let told = scene.program(&format!("{BUILD} --locked")).stdout_plain();
    assert_eq!(digest.len(), "sha256:[1]\n".len());
    assert_eq!(told, "docker.io/library/flink-job@sha256:[1]\n");
    assert_eq!(scene.maven.asked().len(), asked);
    // On another machine, it is the jar alone.
    forget(&scene);
    let before = scene.program(&format!("{BUILD} --locked")).digest();
    let paths = scene.maven.asked();
    assert_eq!(paths[asked..], [jar_path(ARTIFACT, VERSION)]);
    assert_eq!(before, locked("digest --job-jar job.jar").stdout.trim());
    // Whether it changed is seen by its checksum.
    forget(&scene);
    let asked = scene.maven.asked().len();
    locked("lock --check").ok();
    let jar = jar_path(ARTIFACT, VERSION);
    let paths = scene.maven.asked();
    assert_eq!(
        paths[asked..],
        [format!("{jar}.sha512"), format!("{jar}.sha256")]
    );
}

#[test]
fn a_clean_machine_takes_the_layer_from_the_last_image() {
    let scene = Scene::new();
    let registry = Registry::start();
    let name = format!("{}/acme/job:1", registry.address());
    let words = "--flink-version 1.9.3 --hadoop-version 2.8";
    scene.program(&format!("lock {words}")).ok();
    let line = format!("build --job-jar job.jar {words} --push -t {name}");
    let first = scene.program(&line).digest();
    // Without a lock its checksum is asked for, and with one nothing.
    let jar = jar_path(ARTIFACT, VERSION);
    let sums = vec![format!("{jar}.sha512"), format!("{jar}.sha256")];
    for (more, expected) in [("", sums), (" --locked", vec![])] {
        let asked = scene.maven.asked().len();
        forget(&scene);
        let again = scene.program(&format!("{line}{more}")).digest();
        assert_eq!(again, first, "{more}");
        assert_eq!(scene.maven.asked()[asked..], expected, "{more}");
    }
    // What is published as another one is not the one of the last image.
    let mut files = maven();
    let other = [hadoop_jar(ARTIFACT, VERSION), b"more".to_vec()].concat();
    files.insert(format!("{jar}.sha256"), hex(&Sha256::digest(&other)).into());
    files.insert(jar, other);
    scene.maven.replace(files);
    forget(&scene);
    assert_ne!(scene.program(&line).digest(), first);
}

#[test]
fn a_jar_that_was_lost_from_the_cache_is_asked_for_again() {
    let scene = Scene::new();
    let first = scene.program(BUILD).digest();
    let asked = scene.maven.asked().len();
    let blob = Sha256::digest(hadoop_jar(ARTIFACT, VERSION));
    let name = hex(&blob);
    let path = scene.context.store().join("blobs/sha256").join(name);
    for damage in [false, true] {
        if damage {
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, vec![0; bytes.len()]).unwrap();
        } else {
            std::fs::remove_file(&path).unwrap();
        }
        let again = scene.program(&format!("{BUILD} --no-cache"));
        assert_eq!(again.digest(), first);
    }
    let jar = jar_path(ARTIFACT, VERSION);
    assert_eq!(scene.maven.asked()[asked..], [jar.clone(), jar]);
}

#[test]
fn the_repository_may_be_in_the_file() {
    let mut scene = Scene::new();
    scene.context.unset("FLINK_IMG_MAVEN_REPOSITORY");
    let text = format!(
        "[flink]\nversion = '1.9.3'\nhadoop-version = '2.8'\nmaven-repository = '{}/maven'\n",
        scene.maven.url()
    );
    scene.context.write("flink-img.toml", text);
    let run = scene.program("build --job-jar job.jar").digest();
    assert_eq!(scene.maven.asked().len(), 3);
    let other = Scene::with_maven(maven());
    assert_eq!(other.program(BUILD).digest(), run);
}
