//! Jars of real tools: compiled, packed, signed and run by a JDK, native libraries of real compilers, and all jars of two
//! Flinks.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flink_img::jar::{JarFacts, Libc, Signature, normalize, users};
use flink_img::parallel::on_all_cores;

use crate::Place;
use crate::support::parts;
use crate::support::workshop::{succeed, tool};

const MAIN: &str = "package org.example; public class Main {\n\
    public static void main(String[] words) { System.out.println(\"hello from \" + Other.name()); } }\n";
const OTHER: &str =
    "package org.example; class Other { static String name() { return \"the other\"; } }\n";

fn jdk(name: &str) -> Command {
    tool(name, "default-jdk-headless")
}

impl Place {
    /// Compiles both classes for a release of Java, into a folder of this name.
    fn compile(&self, release: &str, folder: &str) -> PathBuf {
        let out = self.path(folder);
        let sources = [("Main", MAIN), ("Other", OTHER)].map(|(name, text)| {
            let path = self.path(&format!("{name}.java"));
            std::fs::write(&path, text).unwrap();
            path
        });
        succeed(
            jdk("javac")
                .args(["--release", release, "-d"])
                .arg(&out)
                .args(sources),
        );
        out
    }

    /// A jar of both classes that can be started.
    fn jar(&self, name: &str) -> PathBuf {
        let classes = self.compile("8", "classes");
        let jar = self.path(name);
        succeed(
            jdk("jar")
                .arg("cfe")
                .arg(&jar)
                .args(["org.example.Main", "-C"])
                .arg(classes)
                .arg("."),
        );
        jar
    }

    /// Signs a jar with a key of its own.
    fn sign(&self, jar: &Path, digest: &str) {
        let store = self.path("keys.p12");
        let with_store = |command: &mut Command| {
            command
                .arg("-keystore")
                .arg(&store)
                .args(["-storepass", "changeit"]);
        };
        if !store.exists() {
            let mut command = jdk("keytool");
            command.args([
                "-genkeypair",
                "-alias",
                "joe",
                "-keyalg",
                "EC",
                "-dname",
                "CN=Joe",
            ]);
            with_store(&mut command);
            succeed(&mut command);
        }
        let mut command = jdk("jarsigner");
        with_store(&mut command);
        succeed(command.args(["-digestalg", digest]).arg(jar).arg("joe"));
    }
}

fn run(jar: &Path) -> Output {
    jdk("java").arg("-jar").arg(jar).output().unwrap()
}

fn read(jar: &Path) -> JarFacts {
    JarFacts::read(jar).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_java_that_javac_compiled_for_is_found() {
    let place = Place::new();
    for (release, major) in [("8", 52), ("11", 55), ("17", 61)] {
        let classes = place.compile(release, release);
        let jar = place.path("release.jar");
        succeed(
            jdk("jar")
                .arg("cf")
                .arg(&jar)
                .arg("-C")
                .arg(classes)
                .arg("."),
        );
        let versions = read(&jar).class_versions;
        let counts: Vec<_> = versions
            .classes
            .iter()
            .map(|(major, found)| (*major, found.count))
            .collect();
        assert_eq!(counts, [(major, 2)], "{release}");
    }
    let jar = place.path("multi-release.jar");
    let versioned = ["--release", "11", "-C"];
    succeed(
        jdk("jar")
            .arg("cf")
            .arg(&jar)
            .arg("-C")
            .arg(place.path("8"))
            .arg(".")
            .args(versioned)
            .arg(place.path("11"))
            .arg("."),
    );
    let facts = read(&jar);
    assert!(facts.manifest.multi_release);
    assert_eq!(facts.class_versions.newest().unwrap().0, 52);
    assert_eq!(facts.class_versions.versioned[&11].0, 55);
}

#[test]
fn names_in_compiled_classes_are_found() {
    let place = Place::new();
    let jar = place.jar("job.jar");
    let names = [
        "org/example/Other",
        "java/io/PrintStream",
        "hello from ",
        "org/example/Missing",
    ];
    let found: Vec<_> = users(&jar, &names, |_| true).unwrap().into_keys().collect();
    assert_eq!(
        found,
        ["hello from ", "java/io/PrintStream", "org/example/Other"]
    );
}

#[test]
fn a_jar_in_order_still_runs_and_is_the_same_for_each_build() {
    let place = Place::new();
    let jar = place.jar("job.jar");
    let mut first = Vec::new();
    normalize(&jar, &mut first).unwrap();
    let ordered = place.path("ordered.jar");
    std::fs::write(&ordered, &first).unwrap();
    let output = run(&ordered);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "hello from the other\n"
    );
    // What reads a jar as a stream finds the manifest only in front.
    let check = place.path("Check.java");
    let text = "class Check { public static void main(String[] words) throws Exception { System.out.print(\n\
        new java.util.jar.JarInputStream(new java.io.FileInputStream(words[0])).getManifest().getMainAttributes()\n\
        .getValue(\"Main-Class\")); } }\n";
    std::fs::write(&check, text).unwrap();
    let output = succeed(jdk("java").arg(&check).arg(&ordered));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "org.example.Main"
    );
    // Another build, with the entries in another order and at another time.
    let other = place.path("other.jar");
    succeed(
        jdk("jar")
            .arg("--create")
            .arg("--file")
            .arg(&other)
            .args(["--main-class", "org.example.Main"])
            .args(["--date", "2001-02-03T04:05:06Z", "-C"])
            .arg(place.path("classes"))
            .arg("org/example/Other.class")
            .arg("-C")
            .arg(place.path("classes"))
            .arg("org/example/Main.class"),
    );
    // `jar` wrote folders for the first, and none for this one.
    let plain = place.path("plain.jar");
    succeed(
        jdk("jar")
            .arg("--create")
            .arg("--file")
            .arg(&plain)
            .args(["--main-class", "org.example.Main"])
            .arg("-C")
            .arg(place.path("classes"))
            .arg("org/example/Main.class")
            .arg("-C")
            .arg(place.path("classes"))
            .arg("org/example/Other.class"),
    );
    let [one, two] = [other, plain].map(|jar| {
        let mut bytes = Vec::new();
        normalize(&jar, &mut bytes).unwrap();
        bytes
    });
    assert!(one == two);
}

/// Both we and the JVM are asked of each jar.
#[test]
fn signatures_are_damaged_when_the_jvm_says_so() {
    let place = Place::new();
    let plain = place.jar("plain.jar");
    for digest in ["SHA-256", "SHA-384", "SHA-512"] {
        let jar = place.path("signed.jar");
        std::fs::copy(&plain, &jar).unwrap();
        place.sign(&jar, digest);
        assert_eq!(read(&jar).signature, Signature::Intact, "{digest}");
        assert!(run(&jar).status.success());
        let error = normalize(&jar, &mut Vec::new()).unwrap_err();
        assert!(error.to_string().ends_with("it is signed"), "{error}");
        // The manifest that is merged into another jar is not the one that was signed.
        let shaded = place.path("shaded.jar");
        std::fs::copy(&jar, &shaded).unwrap();
        let more = place.path("more.txt");
        std::fs::write(&more, "X-Built-By: a shader\n").unwrap();
        succeed(jdk("jar").arg("ufm").arg(&shaded).arg(more));
        agree(
            &shaded,
            "Invalid signature file digest for Manifest main attributes",
            &["main section"],
        );
        // A class that is another.
        let patched = place.path("patched.jar");
        std::fs::copy(&jar, &patched).unwrap();
        let changed = place.path("changed");
        std::fs::create_dir_all(changed.join("org/example")).unwrap();
        let class = std::fs::read(place.path("classes/org/example/Other.class")).unwrap();
        let text = b"the other";
        let at = class
            .windows(text.len())
            .position(|part| part == text)
            .unwrap();
        let class = [&class[..at], b"the otter", &class[at + text.len()..]].concat();
        std::fs::write(changed.join("org/example/Other.class"), class).unwrap();
        succeed(
            jdk("jar")
                .arg("uf")
                .arg(&patched)
                .arg("-C")
                .arg(changed)
                .arg("org/example/Other.class"),
        );
        agree(
            &patched,
            "digest error for org/example/Other.class",
            &["`org/example/Other.class`"],
        );
        // Without its signature it is as good as new.
        let stripped = place.path("stripped.jar");
        let mut zip = zip::ZipArchive::new(std::fs::File::open(&shaded).unwrap()).unwrap();
        let mut out = zip::ZipWriter::new(std::fs::File::create(&stripped).unwrap());
        for place in 0..zip.len() {
            let entry = zip.by_index_raw(place).unwrap();
            let name = entry.name().unwrap().into_owned();
            if !Path::new(&name)
                .extension()
                .is_some_and(|end| end == "SF" || end == "EC")
            {
                out.raw_copy_file(entry).unwrap();
            }
        }
        out.finish().unwrap();
        assert_eq!(read(&stripped).signature, Signature::None);
        assert!(run(&stripped).status.success());
    }
}

#[test]
fn what_is_signed_by_sha_1_and_does_not_fit_runs_on_a_new_java() {
    let place = Place::new();
    let jar = place.jar("signed.jar");
    place.sign(&jar, "SHA1");
    assert_eq!(read(&jar).signature, Signature::Intact);
    let more = place.path("more.txt");
    std::fs::write(&more, "X-Built-By: a shader\n").unwrap();
    succeed(jdk("jar").arg("ufm").arg(&jar).arg(more));
    let Signature::Outdated { why } = read(&jar).signature else {
        panic!("{:?}", read(&jar).signature);
    };
    assert!(why.contains("main section"), "{why}");
    // Unless this Java is told to look at SHA-1 as older ones do.
    let security = place.path("java.security");
    std::fs::write(&security, "jdk.jar.disabledAlgorithms=MD2, MD5\n").unwrap();
    for (words, expected) in [(vec![], true), (vec![security_of(&security)], false)] {
        let output = jdk("java").args(&words).arg("-jar").arg(&jar).output();
        let output = output.unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.success(), expected, "{told}");
        assert_eq!(told.contains("SecurityException"), !expected, "{told}");
    }
}

fn security_of(path: &Path) -> String {
    format!("-Djava.security.properties={}", path.display())
}

fn agree(jar: &Path, jvm: &str, ours: &[&str]) {
    let output = run(jar);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && told.contains("SecurityException"),
        "{told}"
    );
    assert!(told.contains(jvm), "{told}");
    let Signature::Damaged { why } = read(jar).signature else {
        panic!("the JVM says: {told}");
    };
    assert!(ours.iter().all(|word| why.contains(word)), "{why}");
}

#[test]
fn libraries_of_real_compilers_tell_their_libc() {
    let place = Place::new();
    let source = place.path("x.c");
    std::fs::write(
        &source,
        "#include <stdio.h>\nvoid f(void) { puts(\"x\"); }\n",
    )
    .unwrap();
    let mut files = Vec::new();
    for (compiler, package) in [("cc", "gcc"), ("musl-gcc", "musl-tools")] {
        let name = format!("{compiler}.so");
        let library = place.path(&name);
        succeed(
            tool(compiler, package)
                .args(["-shared", "-fPIC", "-o"])
                .arg(&library)
                .arg(&source),
        );
        files.push(name);
    }
    let bare = "bare.so".to_owned();
    let library = place.path(&bare);
    std::fs::write(&source, "int f(void) { return 1; }\n").unwrap();
    succeed(
        tool("cc", "gcc")
            .args(["-shared", "-fPIC", "-nostdlib", "-o"])
            .arg(library)
            .arg(&source),
    );
    files.push(bare);
    let jar = place.path("native.jar");
    succeed(
        jdk("jar")
            .current_dir(place.path(""))
            .arg("cf")
            .arg(&jar)
            .args(&files),
    );
    let natives = read(&jar).natives;
    let libcs: Vec<_> = natives
        .iter()
        .map(|native| (&*native.path, native.libc))
        .collect();
    let expected = [
        ("bare.so", Libc::Unknown),
        ("cc.so", Libc::Glibc),
        ("musl-gcc.so", Libc::Musl),
    ];
    assert_eq!(libcs, expected);
    let here = if cfg!(target_arch = "x86_64") {
        "amd64"
    } else {
        "arm64"
    };
    assert!(natives.iter().all(|native| native.architecture == here));
}

fn jars(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            jars(&path, found);
        } else if path.extension().is_some_and(|end| end == "jar") {
            found.push(path);
        }
    }
}

/// How many entries and classes another reader finds.
fn count(bytes: &[u8]) -> (usize, usize) {
    let zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let names = zip.file_names().map(Result::unwrap);
    let classes = names.filter(|name| {
        name.ends_with(".class") && !name.starts_with("META-INF/") && *name != "module-info.class"
    });
    (zip.len(), classes.count())
}

/// Reads a jar and puts it in order, which changes nothing that is found in it.
fn check(path: &Path) -> JarFacts {
    let shown = path.display();
    let facts = read(path);
    let expected = (facts.entries, facts.classes.len());
    assert_eq!(count(&std::fs::read(path).unwrap()), expected, "{shown}");
    let versions = facts.class_versions.classes.values();
    let counted: usize = versions.map(|found| found.count).sum();
    assert_eq!(counted, facts.classes.len(), "{shown}");
    let mut ordered = Vec::new();
    normalize(path, &mut ordered).unwrap();
    assert_eq!(count(&ordered), expected, "{shown}");
    let place = Place::new();
    let after = read(&place.write(&ordered));
    assert!(after.sorted);
    let same = JarFacts {
        times: facts.times.clone(),
        sorted: facts.sorted,
        ..after
    };
    assert!(same == facts, "{shown}");
    facts
}

#[test]
fn every_jar_of_two_distributions_is_read_and_put_in_order() {
    let mut found = Vec::new();
    for version in ["1.20.5", "2.3.0"] {
        jars(
            &parts::folder().join(format!("flink-{version}")),
            &mut found,
        );
    }
    found.sort();
    assert!(found.len() > 40, "{found:?}");
    let (mut natives, mut libraries) = (Vec::new(), 0);
    for (path, facts) in found.iter().zip(on_all_cores(&found, |path| check(path))) {
        let shown = path.display();
        assert_eq!(facts.oddities, [], "{shown}");
        assert_eq!(facts.signature, Signature::None, "{shown}");
        natives.extend(facts.natives);
        libraries += facts.libraries.len();
    }
    assert!(libraries > 5, "{libraries}");
    // RocksDB, Netty, Snappy and others say in their names what they are.
    assert!(natives.len() > 50, "{natives:#?}");
    for native in &natives {
        let path = native
            .path
            .replace("x86_64", "amd64")
            .replace("linux64", "amd64");
        let path = path
            .replace("aarch64", "arm64")
            .replace("aarch_64", "arm64");
        let named = |word: &str| path.contains(word);
        let libc = if named("musl") {
            Libc::Musl
        } else {
            Libc::Glibc
        };
        assert_eq!(native.libc, libc, "{native:?}");
        assert!(
            !named("SunOS") && !named("FreeBSD") && !named("android"),
            "{native:?}"
        );
        for architecture in ["amd64", "arm64", "s390x", "ppc64le", "riscv64"] {
            let is = native.architecture == architecture;
            assert!(is || !named(architecture), "{native:?}");
        }
    }
}
