//! Archives that would write, link or chmod outside of where they are unpacked, or that two programs read differently.
//! Nothing is ever unpacked under its own name here; each is refused all the same, because somebody else would.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::*;
use crate::support::context::{base_entries, names};
use crate::support::fixtures::{Packing, Raw, bomb, compress, mini_entries, tar};

const TOP: &str = "flink-1.20.5";

/// A user with something to lose, beside the folder that the command runs in.
struct Victim {
    context: TestContext,
    folder: PathBuf,
}

impl Victim {
    fn new() -> Self {
        let context = TestContext::new();
        let folder = context.root().join("victim");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("key"), PASSWORD).unwrap();
        let mode = std::fs::Permissions::from_mode;
        std::fs::set_permissions(folder.join("key"), mode(0o600)).unwrap();
        std::fs::set_permissions(&folder, mode(0o700)).unwrap();
        Self { context, folder }
    }

    /// Asserts that all is as it was.
    fn assert_unharmed(&self) {
        let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(names(&self.folder), ["key"]);
        assert_eq!(
            std::fs::read_to_string(self.folder.join("key")).unwrap(),
            PASSWORD
        );
        assert_eq!(mode(self.folder.clone()), 0o700);
        assert_eq!(mode(self.folder.join("key")), 0o600);
        assert!(!self.context.root().join("pwned").exists());
        assert!(!self.context.has("pwned"));
    }

    /// Builds with an archive of Flink that has these entries too; it must be refused with these words.
    fn refuses(&self, entries: Vec<Raw>, words: &[&str]) {
        let all = [mini_entries(TOP, &Packing::default()), entries].concat();
        for how in [Compress::None, Compress::Gzip, Compress::Xz, Compress::Zstd] {
            self.context.write("evil.tar", compress(&tar(&all), how));
            let from = ["--from-archive", "evil.tar", "-o", "oci:layout"];
            let run = self
                .context
                .run([&["build", "--base", "rootfs:base.tar"], &from[..]].concat());
            assert_refused(&self.context, &run, 10, words);
            self.assert_unharmed();
        }
    }

    fn path(&self) -> String {
        self.folder.display().to_string()
    }
}

fn inside(name: &str) -> String {
    format!("{TOP}/{name}")
}

/// Also CVE-2026-28406 (GHSA-6rxq-q92g-4rmf, kaniko) and CVE-2026-42574 (GHSA-5g94-c2wx-8pxw, apko): a path that is joined
/// to a folder, and even cleaned after that, need not be in it.
#[test]
fn ghsa_g5v4_5x39_vwhx_cve_2026_28406_cve_2026_42574_names_do_not_climb_out() {
    let victim = Victim::new();
    let absolute = format!("{}/pwned", victim.path());
    for (name, words) in [
        ("../pwned".to_owned(), "has a `..`"),
        (inside("../../victim/pwned"), "has a `..`"),
        (inside("lib/./../../../victim/key"), "has a `..`"),
        (inside(".."), "has a `..`"),
        (absolute, "whose path is absolute"),
        ("//pwned".to_owned(), "whose path is absolute"),
    ] {
        victim.refuses(vec![Raw::file(&name, b"x")], &["has the entry", words]);
    }
}

#[test]
fn cve_2021_29136_the_root_of_an_archive_is_no_link() {
    let victim = Victim::new();
    let target = victim.path();
    for name in [".", "./", "./.", "/.", "././/"] {
        let below = Raw::file("pwned", b"x");
        victim.refuses(vec![Raw::symlink(name, &target), below], &["has the entry"]);
    }
}

/// Also CVE-2026-28406: first a link, then a file below it.
#[test]
fn cve_2026_28406_nothing_lies_below_a_link() {
    let victim = Victim::new();
    let (link, file) = (inside("x"), Raw::file(&inside("x/pwned"), b"x"));
    for target in [victim.path(), "../../victim".to_owned(), "lib".to_owned()] {
        let words = if target == "lib" {
            "lies below"
        } else {
            "which leaves the archive"
        };
        victim.refuses(vec![Raw::symlink(&link, &target), file.clone()], &[words]);
    }
    // In the other order, and with a link in place of a folder that has something in it.
    victim.refuses(
        vec![file, Raw::symlink(&link, "lib")],
        &["which is there twice"],
    );
}

#[test]
fn cve_2026_50163_a_hard_link_leads_to_a_file_of_the_archive() {
    let victim = Victim::new();
    let key = format!("{}/key", victim.path());
    // `job.jar` is in the folder that the command runs in.
    for target in [
        "job.jar",
        "./job.jar",
        "../victim/key",
        &key,
        "flink-1.20.5/lib",
    ] {
        victim.refuses(
            vec![Raw::hard_link(&inside("x"), target)],
            &["flink-1.20.5/x", "link to `"],
        );
    }
}

#[test]
fn cve_2026_85731_links_that_leave_only_together_are_refused() {
    let victim = Victim::new();
    victim.refuses(
        vec![
            Raw::symlink(&inside("lib/up"), "../.."),
            Raw::symlink(&inside("x"), "lib/up/../victim"),
        ],
        &["flink-1.20.5/x", "which leaves the archive"],
    );
    victim.refuses(
        vec![
            Raw::symlink(&inside("one"), "."),
            Raw::symlink(&inside("two"), "one/.."),
            Raw::symlink(&inside("three"), "two/../victim"),
        ],
        &["flink-1.20.5/three", "which leaves the archive"],
    );
}

/// The `tar` crates changed the mode of what a link leads to when a folder of the same name followed.
#[test]
fn cve_2026_33056_rustsec_2026_0113_no_mode_is_changed_through_a_link() {
    let victim = Victim::new();
    let folder = Raw {
        mode: 0o777,
        ..Raw::folder(&inside("x"))
    };
    for target in [victim.path(), "lib".to_owned()] {
        let words = if target == "lib" {
            "which is there twice"
        } else {
            "which leaves the archive"
        };
        victim.refuses(
            vec![Raw::symlink(&inside("x"), &target), folder.clone()],
            &[words],
        );
    }
}

/// "TARmageddon", and its kin: RUSTSEC-2026-0112, GHSA-3cv2-h65g-fgmm, CVE-2026-33055. What one program skips as the bytes
/// of a file, another reads as entries.
#[test]
fn cve_2025_62518_rustsec_2026_0112_ghsa_3cv2_h65g_fgmm_cve_2026_33055_no_entry_is_smuggled() {
    let victim = Victim::new();
    let hidden = tar(&[Raw::file(&inside("lib/evil.jar"), b"evil")]);
    let cover = |size: u64| Raw {
        size,
        data: hidden.clone(),
        ..Raw::file(&inside("cover"), b"")
    };
    let length = hidden.len() as u64;
    for (header, pax) in [(0, length), (length, 0), (length, 512)] {
        let records = [("size", &*pax.to_string())];
        victim.refuses(
            vec![Raw::pax(&records), cover(header)],
            &[
                "flink-1.20.5/cover",
                "whose size is given twice and differs",
            ],
        );
    }
    let whole = Raw::pax_of_kind(b'g', &[("size", "0")]);
    victim.refuses(vec![whole, cover(length)], &["whose size is given twice"]);
    let (path, other) = (inside("lib/good.jar"), inside("lib/evil.jar"));
    let pax = Raw::pax(&[("path", &path)]);
    let long = Raw::long(b'L', &other);
    let file = Raw::file(&inside("x"), b"x");
    for headers in [
        [pax.clone(), long.clone()],
        [long.clone(), pax],
        [long.clone(), Raw::long(b'L', &path)],
    ] {
        let entries = [&headers[..], std::slice::from_ref(&file)].concat();
        victim.refuses(entries, &["whose name is given twice"]);
    }
    // Some read on behind the end.
    let mut all = tar(&mini_entries(TOP, &Packing::default()));
    all.extend(&hidden);
    victim.context.write("evil.tar", &all);
    let from = ["--from-archive", "evil.tar", "-o", "oci:layout"];
    let run = victim
        .context
        .run([&["build", "--base", "rootfs:base.tar"], &from[..]].concat());
    assert_refused(
        &victim.context,
        &run,
        10,
        &["follows the end of the archive"],
    );
}

/// The same in a layer of a base, which is not ours to unpack, but ours to understand.
#[test]
fn cve_2025_62518_a_layer_of_a_base_is_read_in_one_way() {
    let hidden = tar(&[Raw::file("etc/shadow", b"root::1:0:99999:7:::")]);
    let cover = Raw {
        size: 0,
        data: hidden,
        ..Raw::file("cover", b"")
    };
    let (good, evil) = (Raw::pax(&[("path", "good")]), Raw::long(b'L', "evil"));
    for extra in [
        vec![Raw::pax(&[("size", "512")]), cover],
        vec![good.clone(), evil.clone(), Raw::file("x", b"")],
        vec![evil, good, Raw::file("x", b"")],
    ] {
        let tar = tar(&[base_entries(JAVA_17), extra].concat());
        let registry = Registry::start();
        let (media_type, bytes) = layer(&tar, Compress::Gzip);
        let config = base_config("amd64", &tar);
        registry.put_image("acme/base", "1", &config, &[(media_type, &bytes)]);
        let context = TestContext::new();
        let run = build_on(
            &context,
            &format!("{}/acme/base:1", registry.address()),
            &[],
        );
        assert_refused(&context, &run, 3, &["is given twice and differs"]);
        context.write("evil.tar", &tar);
        let run = build_on(&context, "rootfs:evil.tar", &[]);
        assert_refused(&context, &run, 10, &["is given twice"]);
    }
}

/// Also GHSA-6p9p-q6wh-9j89.
#[test]
fn ghsa_f4w5_5xv9_85f6_ghsa_6p9p_q6wh_9j89_bombs_do_not_go_off() {
    let context = TestContext::new();
    context.write("bomb.tar.zst", bomb());
    let words = ["is compressed more than 200 times, as only a decompression bomb is"];
    for from in [
        [
            "--base",
            "rootfs:base.tar",
            "--from-archive",
            "bomb.tar.zst",
        ],
        [
            "--base",
            "rootfs:bomb.tar.zst",
            "--from-archive",
            "flink.tgz",
        ],
        [
            "--base",
            "docker-archive:bomb.tar.zst",
            "--from-archive",
            "flink.tgz",
        ],
    ] {
        let run = context.run([&["build", "-o", "oci:layout"], &from[..]].concat());
        assert_refused(&context, &run, 10, &words);
    }
    // A layer of a base, and the manifest of a jar.
    let registry = Registry::start();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let entry = Raw {
        size: 300 << 20,
        ..Raw::file("zeros", b"")
    };
    encoder.write_all(&tar(&[entry])[..512]).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..300 {
        encoder.write_all(&zeros).unwrap();
    }
    let bytes = encoder.finish().unwrap();
    let config = base_config("amd64", b"");
    let gzip = MediaType::Layer(flink_img::oci::LayerCompression::Gzip);
    registry.put_image("acme/base", "1", &config, &[(gzip, &bytes)]);
    let run = build_on(
        &context,
        &format!("{}/acme/base:1", registry.address()),
        &[],
    );
    assert_refused(&context, &run, 3, &["caused by: it", words[0]]);

    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("META-INF/MANIFEST.MF", options).unwrap();
    zip.write_all(&vec![b'\n'; 64 << 20]).unwrap();
    context.write("bomb.jar", zip.finish().unwrap().into_inner());
    let run = context.build(&["--job-jar", "bomb.jar", "-o", "oci:layout"]);
    assert_refused(&context, &run, 3, &["its manifest is larger than 16 MiB"]);
}

/// go-containerregistry 2232: links in circles.
#[test]
fn ggcr_2232_links_in_circles_lead_nowhere_and_end() {
    let context = TestContext::new();
    let mut entries = base_entries(JAVA_17);
    entries
        .retain(|entry| entry.name != b"usr/bin/java" && !entry.name.starts_with(b"usr/lib/jvm"));
    entries.extend([
        Raw::symlink("usr/bin/java", "/a/b/java"),
        Raw::symlink("a", "b"),
        Raw::symlink("b", "a"),
        Raw::symlink("usr/lib/jvm", "jvm"),
    ]);
    context.write("circles.tar", tar(&entries));
    let run = build_on(&context, "rootfs:circles.tar", &[]);
    assert_eq!(run.code, 4, "{run}");
    assert!(run.stderr.contains("has no Java"), "{run}");
    let circle = vec![
        Raw::symlink(&inside("one"), "two"),
        Raw::symlink(&inside("two"), "one"),
    ];
    let all = [mini_entries(TOP, &Packing::default()), circle].concat();
    context.write("flink.tgz", compress(&tar(&all), Compress::Gzip));
    build_on(&context, "rootfs:base.tar", &[]).ok();
}

/// go-containerregistry 2227, which was taken back: what is passed on is passed on as it is. Layers of a base may say what
/// they like of paths; they are read, and nothing of them is written.
#[test]
fn cve_2026_42574_ggcr_2227_layers_of_a_base_are_passed_on_and_not_unpacked() {
    let victim = Victim::new();
    let path = victim.path();
    let extra = vec![
        Raw::symlink("etc/mtab", "/proc/mounts"),
        Raw::symlink("away", &path),
        Raw::file("away/pwned", b"x"),
        Raw::file("../../../../../../pwned", b"x"),
        Raw::file(&format!("{path}/key"), b"x"),
        Raw::hard_link("copy", &format!("{path}/key")),
        Raw {
            mode: 0o777,
            ..Raw::folder("away")
        },
    ];
    let tar = tar(&[base_entries(JAVA_17), extra].concat());
    let registry = Registry::start();
    let (media_type, bytes) = layer(&tar, Compress::Gzip);
    let config = base_config("amd64", &tar);
    registry.put_image("acme/base", "1", &config, &[(media_type, &bytes)]);
    let base = format!("{}/acme/base:1", registry.address());
    build_on(&victim.context, &base, &[]).ok();
    victim.assert_unharmed();
    let hex = Digest::of(&bytes).hex();
    assert_eq!(
        victim.context.read(&format!("layout/blobs/sha256/{hex}")),
        bytes
    );
}
