//! Does it really run? A root file system of Debian's BusyBox and musl, into which packages of Alpine's form bring a program
//! that was linked against musl, its library, more names for it, and a file that takes on its owner's rights.
//!
//! Podman runs what comes out. What the database of apk says of the files is read here by itself, without our reader, and
//! compared with what BusyBox finds in the container. Needs what `make parts` gathers.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::format_push_string,
    reason = "a helper that fails should stop its test, whose files need no careful errors"
)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use support::alpine::{File, KEY, Package, base, hex, identity, repository, write_repository};
use support::context::JAVA_17;
use support::podman::Podman;
use support::workshop::{Workshop, succeed, tool};

/// Programs of this kind take no time; a machine that is busy with other things gets some.
const PATIENCE: Duration = Duration::from_secs(60);

const LIBRARY: &str = "const char *greeting(void) { return \"hello from the library\"; }\n";
const PROGRAM: &str = "#include <stdio.h>\n#include <unistd.h>\nconst char *greeting(void);\n\
    int main(void) { printf(\"%s, %d as %d\\n\", greeting(), getuid(), geteuid()); return 0; }\n";

/// What BusyBox is called in the base. Flink's scripts want a bash; nobody starts Flink here.
const APPLETS: [&str; 6] = [
    "bin/awk", "bin/bash", "bin/find", "bin/grep", "bin/sed", "bin/sh",
];

/// A file that Debian has installed.
fn of_debian(path: &str, package: &str) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| {
        panic!("`{path}` is missing ({error}): install the Debian package `{package}` (`scripts/parts.sh apt` does)")
    })
}

/// The root file system, and a database that knows its files.
fn root() -> Vec<u8> {
    let busybox = of_debian("/bin/busybox", "busybox-static");
    let musl = of_debian("/lib/ld-musl-x86_64.so.1", "musl");
    let mut installed = format!(
        "C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:musl\nV:1.2.3-r0\nA:x86_64\nS:1\nI:1\nT:libc\nU:u\nL:MIT\n\
         p:so:libc.musl-x86_64.so.1=1\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\nZ:{}\n\n\
         C:Q1BAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:busybox\nV:1.35.0-r0\nA:x86_64\nS:1\nI:1\nT:tools\nU:u\nL:GPL\n\
         p:/bin/sh\nF:bin\nR:busybox\na:0:0:755\nZ:{}\n",
        identity(&musl),
        identity(&busybox)
    );
    for applet in APPLETS {
        let name = applet.trim_start_matches("bin/");
        let sum = identity(b"/bin/busybox");
        installed.push_str(&format!("R:{name}\na:0:0:777\nZ:{sum}\n"));
    }
    installed.push('\n');
    let mut files = vec![
        ("bin/busybox", File::program(&busybox)),
        ("lib/ld-musl-x86_64.so.1", File::program(&musl)),
        ("etc/ld-musl-x86_64.path", File::plain(b"/lib\n/usr/lib\n")),
        ("lib/apk/db/installed", File::plain(installed.as_bytes())),
        ("usr/lib/jvm/java-17-openjdk/bin/java", File::program(b"")),
        (
            "usr/lib/jvm/java-17-openjdk/release",
            File::plain(JAVA_17.as_bytes()),
        ),
    ];
    files.extend(APPLETS.map(|applet| (applet, File::link("/bin/busybox"))));
    base(&files)
}

/// Compiles with musl, and returns the program or library.
fn compile(folder: &Path, source: &str, output: &str, words: &[&str]) -> Vec<u8> {
    let name = format!("{output}.c");
    std::fs::write(folder.join(&name), source).unwrap();
    let mut compiler = tool("musl-gcc", "musl-tools");
    compiler.current_dir(folder);
    succeed(compiler.args(["-O1", "-o", output, &name]).args(words));
    std::fs::read(folder.join(output)).unwrap()
}

/// The repository, in the folder `packages` of the workshop.
fn write_packages(folder: &Path) {
    let soname = "-Wl,-soname,libgreet.so.1";
    let library = compile(
        folder,
        LIBRARY,
        "libgreet.so",
        &["-shared", "-fPIC", soname],
    );
    let program = compile(folder, PROGRAM, "greet", &["-L.", "-lgreet"]);
    let packages = [
        Package::new("libgreet", "1.0-r0")
            .field("provides", "so:libgreet.so.1=1")
            .field("depend", "so:libc.musl-x86_64.so.1")
            .file("usr/lib/", File::folder())
            .file("usr/lib/libgreet.so.1.0", File::program(&library))
            .file("usr/lib/libgreet.so.1", File::link("libgreet.so.1.0"))
            .make(&KEY),
        Package::new("greet", "1.0-r0")
            .field("depend", "so:libgreet.so.1 so:libc.musl-x86_64.so.1")
            .file("usr/bin/", File::folder())
            .file("usr/bin/greet", File::program(&program))
            .file("usr/bin/hello", File::hard_link("usr/bin/greet"))
            .file("usr/bin/hi", File::link("greet"))
            .file("usr/bin/greet-root", File::program(&program).mode(0o4755))
            .file("var/", File::folder())
            .file("var/greet/", File::folder().mode(0o1770).owner(0, 9999))
            .make(&KEY),
    ];
    write_repository(&folder.join("packages"), &repository(&packages, &KEY));
}

/// An image with the packages, which podman knows.
struct Machine {
    podman: Podman,
    image: String,
}

impl Machine {
    fn new() -> Self {
        let workshop = Workshop::with_base(&root());
        write_packages(workshop.folder());
        let words = ["--package", "greet", "--package-repository", "packages"];
        let output = ["-t", "greet:1", "-o", "docker-archive:greet.tar"];
        succeed(workshop.build().args(words).args(output));
        let podman = Podman::new();
        let image = podman.load(&workshop.path("greet.tar"));
        Self { podman, image }
    }

    /// What a program prints, which must end well.
    fn run(&self, program: &str, words: &[&str]) -> String {
        let options = ["--entrypoint", program];
        let container = self.podman.start(&self.image, &options, words);
        let code = container.exit_code(PATIENCE);
        assert_eq!(code, Some(0), "{program}: {}", container.last_words());
        container.stdout()
    }
}

#[test]
fn a_program_of_a_package_runs_by_each_of_its_names() {
    let machine = Machine::new();
    for name in ["greet", "hello", "hi"] {
        let stdout = machine.run(&format!("/usr/bin/{name}"), &[]);
        assert_eq!(stdout, "hello from the library, 9999 as 9999\n", "{name}");
    }
    // The bit that lends the rights of the owner came through.
    let stdout = machine.run("/usr/bin/greet-root", &[]);
    assert_eq!(stdout, "hello from the library, 9999 as 0\n");

    let paths = [
        "/usr/bin/greet",
        "/usr/bin/hello",
        "/usr/bin/hi",
        "/usr/bin/greet-root",
        "/usr/lib/libgreet.so.1",
        "/usr/lib/libgreet.so.1.0",
        "/var/greet",
    ];
    let stat = ["stat", "-c", "%a %u:%g %h %F %n"];
    let stdout = machine.run("/bin/busybox", &[&stat[..], &paths].concat());
    assert_eq!(
        stdout.lines().collect::<Vec<_>>(),
        [
            "755 0:0 2 regular file /usr/bin/greet",
            "755 0:0 2 regular file /usr/bin/hello",
            "777 0:0 1 symbolic link /usr/bin/hi",
            "4755 0:0 1 regular file /usr/bin/greet-root",
            "777 0:0 1 symbolic link /usr/lib/libgreet.so.1",
            "755 0:0 1 regular file /usr/lib/libgreet.so.1.0",
            "1770 0:9999 2 directory /var/greet",
        ]
    );
}

/// Prints for each path what stands in it: of a link, where it leads to.
const SUMS: &str = "for path; do if [ -L \"$path\" ]; then busybox readlink -n \"$path\" | busybox sha1sum; \
    else busybox sha1sum <\"$path\"; fi; done";

#[test]
fn each_file_in_the_database_is_there_as_it_says() {
    let machine = Machine::new();
    let database = machine.run("/bin/busybox", &["cat", "/lib/apk/db/installed"]);
    let sums = sums_in(&database);
    let paths: Vec<_> = sums.keys().map(String::as_str).collect();
    for path in ["/bin/busybox", "/usr/bin/hello", "/usr/bin/hi"] {
        assert!(paths.contains(&path), "{path} {database}");
    }
    let words = [&["sh", "-c", SUMS, "sh"][..], &paths].concat();
    let stdout = machine.run("/bin/busybox", &words);
    let found = stdout.lines().map(|line| line.split(' ').next().unwrap());
    let found: Vec<_> = paths.iter().copied().zip(found).collect();
    let expected: Vec<_> = sums.iter().map(|(path, sum)| (&**path, &**sum)).collect();
    assert_eq!(found, expected);
}

/// The SHA-1 of each file in a database of apk, as it stands there: `F:` a folder, `R:` a file in it, `Z:` its checksum.
fn sums_in(database: &str) -> BTreeMap<String, String> {
    let mut sums = BTreeMap::new();
    let (mut folder, mut file) = ("", String::new());
    for line in database.lines() {
        match line.split_at_checked(2) {
            Some(("F:", path)) => folder = path,
            Some(("R:", name)) => file = format!("/{folder}/{name}"),
            Some(("Z:", sum)) => {
                let sum = STANDARD.decode(sum.strip_prefix("Q1").unwrap()).unwrap();
                sums.insert(file.clone(), hex(&sum));
            }
            _ => {}
        }
    }
    let files = database.lines().filter(|line| line.starts_with("R:"));
    assert_eq!(files.count(), sums.len(), "{database}");
    sums
}
