//! Makers of small inputs: a miniature Flink distribution, job jars, and archives that nobody should accept.
//!
//! The texts are in `fixtures/`; what is binary is made here, with fixed times.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "each test file is a crate of its own and uses some of it; these are tests too, and on real files"
)]

#[path = "tar.rs"]
mod tar;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

pub use tar::{Compress, Raw, compress, tar};

/// The version that the miniature distribution says it has.
pub const MINI_VERSION: &str = "1.20.5";

/// One file of the miniature distribution.
#[derive(Debug, Clone)]
pub struct MiniFile {
    /// Below the Flink root.
    pub path: String,
    pub bytes: Vec<u8>,
    pub executable: bool,
}

/// The files of the miniature distribution, sorted.
pub fn mini_files() -> Vec<MiniFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/mini-flink");
    let mut files = Vec::new();
    collect(&root, &root, &mut files);
    for (path, class) in [
        ("lib/flink-dist-1.20.5.jar", "org.example.Dist"),
        ("lib/flink-scala_2.12-1.20.5.jar", "org.example.Scala"),
        ("lib/log4j-core-2.24.3.jar", "org.example.Log"),
        ("opt/flink-s3-fs-hadoop-1.20.5.jar", "org.example.S3"),
        ("examples/streaming/Count.jar", "org.example.Count"),
    ] {
        files.push(MiniFile {
            path: path.to_owned(),
            bytes: jar(&[("Main-Class", class)]),
            executable: false,
        });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<MiniFile>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let relative = path.strip_prefix(root).unwrap().to_str().unwrap();
            files.push(MiniFile {
                path: relative.to_owned(),
                bytes: std::fs::read(&path).unwrap(),
                executable: relative.starts_with("bin/"),
            });
        }
    }
}

/// Lays the miniature distribution out in `folder`/flink-1.20.5, and returns that path.
pub fn mini_distribution(folder: &Path) -> PathBuf {
    let root = folder.join(format!("flink-{MINI_VERSION}"));
    for file in mini_files() {
        let path = root.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &file.bytes).unwrap();
        let mode = if file.executable { 0o755 } else { 0o644 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    std::os::unix::fs::symlink("config.yaml", root.join("conf/flink.yaml")).unwrap();
    std::fs::create_dir_all(root.join("log")).unwrap();
    root
}

/// How the archive of the miniature distribution is written.
#[derive(Debug, Clone, Copy)]
pub struct Packing {
    pub compress: Compress,
    /// Last file first, and no entries for folders.
    pub reversed: bool,
    pub mtime: u64,
    /// Added to every mode; 0o100 aside, it must not matter.
    pub mode: u32,
    /// Whether the exec bits of the scripts were lost.
    pub lost_bits: bool,
    /// `./flink-1.20.5/...`, as build scripts write it.
    pub dotted: bool,
}

impl Default for Packing {
    fn default() -> Self {
        Self {
            compress: Compress::Gzip,
            reversed: false,
            mtime: 1_700_000_000,
            mode: 0o644,
            lost_bits: false,
            dotted: false,
        }
    }
}

/// The entries of the miniature distribution below the folder `top`.
pub fn mini_entries(top: &str, packing: &Packing) -> Vec<Raw> {
    let mut entries: Vec<Raw> = mini_files()
        .iter()
        .map(|file| Raw {
            mode: packing.mode
                | if file.executable && !packing.lost_bits {
                    0o111
                } else {
                    0
                },
            mtime: packing.mtime,
            ..Raw::file(&format!("{top}/{}", file.path), &file.bytes)
        })
        .collect();
    entries.push(Raw::symlink(
        &format!("{top}/conf/flink.yaml"),
        "config.yaml",
    ));
    if packing.reversed {
        entries.reverse();
    } else {
        for folder in ["plugins", "log", "lib", "bin"] {
            entries.insert(0, Raw::folder(&format!("{top}/{folder}")));
        }
        entries.insert(0, Raw::folder(top));
    }
    entries
}

/// Writes the miniature distribution as an archive.
pub fn mini_archive(path: &Path, packing: &Packing) {
    let top = format!("flink-{MINI_VERSION}");
    let top = if packing.dotted {
        format!("./{top}")
    } else {
        top
    };
    let bytes = tar(&mini_entries(&top, packing));
    std::fs::write(path, compress(&bytes, packing.compress)).unwrap();
}

/// A job jar whose manifest names `main_class`, which is in it.
pub fn job_jar(path: &Path, main_class: &str) {
    let class = format!("{}.class", main_class.replace('.', "/"));
    let attributes = [("Main-Class", main_class)];
    let bytes = jar_with(&attributes, &class, zip::CompressionMethod::Stored);
    std::fs::write(path, bytes).unwrap();
}

/// A jar with these manifest attributes. Nothing in it is compressed, so its bytes depend on no library: the golden
/// digests are of images that have it.
pub fn jar(attributes: &[(&str, &str)]) -> Vec<u8> {
    packed_jar(attributes, zip::CompressionMethod::Stored)
}

/// A jar with these manifest attributes, split at 72 bytes as the specification demands.
pub fn packed_jar(attributes: &[(&str, &str)], method: zip::CompressionMethod) -> Vec<u8> {
    jar_with(attributes, "org/example/Job.class", method)
}

/// The same with this class file.
fn jar_with(attributes: &[(&str, &str)], class: &str, method: zip::CompressionMethod) -> Vec<u8> {
    let mut manifest = "Manifest-Version: 1.0\r\n".to_owned();
    for (key, value) in attributes {
        let line = format!("{key}: {value}");
        let (mut first, mut rest) = line.split_at(line.len().min(70));
        manifest += first;
        while !rest.is_empty() {
            (first, rest) = rest.split_at(rest.len().min(69));
            manifest.push_str("\r\n ");
            manifest.push_str(first);
        }
        manifest += "\r\n";
    }
    manifest += "\r\n";
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(method)
        .last_modified_time(zip::DateTime::default());
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("META-INF/MANIFEST.MF", options).unwrap();
    zip.write_all(manifest.as_bytes()).unwrap();
    zip.start_file(class, options).unwrap();
    zip.write_all(b"\xca\xfe\xba\xbe\0\0\0\x34").unwrap();
    zip.finish().unwrap().into_inner()
}

/// An archive that must be refused, and words of the sentence that says why.
#[derive(Debug)]
pub struct Hostile {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub says: &'static [&'static str],
}

/// Archives that are no set of files that belong together, whatever is in them.
pub fn hostile_archives() -> Vec<Hostile> {
    let top = "flink-1.20.5";
    let with = |extra: Vec<Raw>| {
        let mut entries = mini_entries(top, &Packing::default());
        entries.extend(extra);
        tar(&entries)
    };
    let one = |entry: Raw| with(vec![entry]);
    let long = format!("{top}/{}", "d/".repeat(2500));
    let mut list = vec![
        hostile(
            "dots",
            one(Raw::file("flink-1.20.5/../../etc/passwd", b"x")),
            &["`flink-1.20.5/../../etc/passwd`", "has a `..`"],
        ),
        hostile(
            "absolute",
            one(Raw::file("/etc/passwd", b"x")),
            &["`/etc/passwd`", "absolute"],
        ),
        hostile(
            "link-out",
            one(Raw::symlink("flink-1.20.5/x", "../../etc")),
            &["`flink-1.20.5/x`", "`../../etc`", "leaves"],
        ),
        hostile(
            "link-absolute",
            one(Raw::symlink("flink-1.20.5/x", "/etc")),
            &["`/etc`", "leaves"],
        ),
        hostile(
            "link-out-by-another",
            with(vec![
                Raw::symlink("flink-1.20.5/lib/up", "../.."),
                Raw::symlink("flink-1.20.5/x", "lib/up/.."),
            ]),
            &["`flink-1.20.5/x`", "`lib/up/..`", "leaves"],
        ),
        hostile(
            "below-link",
            with(vec![
                Raw::symlink("flink-1.20.5/x", "lib"),
                Raw::file("flink-1.20.5/x/y", b""),
            ]),
            &["below `flink-1.20.5/x`"],
        ),
        hostile(
            "hard-link-forward",
            one(Raw::hard_link("flink-1.20.5/x", "flink-1.20.5/later")),
            &["`flink-1.20.5/later`", "no file before it"],
        ),
        hostile(
            "hard-link-out",
            one(Raw::hard_link("flink-1.20.5/x", "/etc/shadow")),
            &["`/etc/shadow`", "leaves"],
        ),
        hostile(
            "duplicate",
            one(Raw::file("flink-1.20.5/./LICENSE", b"other")),
            &["LICENSE`", "twice"],
        ),
        hostile(
            "file-over-folder",
            one(Raw::file("flink-1.20.5/lib", b"")),
            &["`flink-1.20.5/lib`", "twice"],
        ),
        hostile(
            "device",
            one(Raw::of_kind("flink-1.20.5/null", b'3')),
            &["`flink-1.20.5/null`", "device"],
        ),
        hostile(
            "pipe",
            one(Raw::of_kind("flink-1.20.5/pipe", b'6')),
            &["named pipe"],
        ),
        hostile(
            "unknown",
            one(Raw::of_kind("flink-1.20.5/what", b'V')),
            &["unknown kind 'V'"],
        ),
        hostile(
            "sparse",
            with(vec![
                Raw::pax(&[("GNU.sparse.major", "1")]),
                Raw::file("flink-1.20.5/s", b""),
            ]),
            &["sparse"],
        ),
        hostile(
            "pax-size",
            with(vec![
                Raw::pax(&[("size", "0")]),
                Raw::file("flink-1.20.5/p", &[0; 512]),
            ]),
            &["`flink-1.20.5/p`", "size is given twice"],
        ),
        hostile(
            "folder-with-data",
            one(Raw {
                size: 512,
                data: vec![1; 512],
                ..Raw::folder("flink-1.20.5/f")
            }),
            &["size is given twice"],
        ),
        hostile(
            "two-names",
            with(vec![
                Raw::long(b'L', "flink-1.20.5/a"),
                Raw::pax(&[("path", "flink-1.20.5/b")]),
                Raw::file("c", b""),
            ]),
            &["`flink-1.20.5/a`", "name is given twice"],
        ),
        hostile(
            "two-long-names",
            with(vec![
                Raw::long(b'L', "flink-1.20.5/a"),
                Raw::long(b'L', "flink-1.20.5/b"),
                Raw::file("c", b""),
            ]),
            &["name is given twice"],
        ),
        hostile(
            "global-path",
            with(vec![Raw::pax_of_kind(b'g', &[("path", "x")])]),
            &["pax_global_header"],
        ),
        hostile(
            "nul",
            with(vec![
                Raw::pax(&[("path", "flink-1.20.5/a\0b")]),
                Raw::file("c", b""),
            ]),
            &["NUL"],
        ),
        hostile(
            "long-path",
            with(vec![Raw::long(b'L', &long), Raw::file("c", b"")]),
            &["longer than 4096 bytes"],
        ),
        hostile(
            "huge-header",
            with(vec![Raw {
                size: 1 << 30,
                ..Raw::long(b'L', "x")
            }]),
            &["names and extended headers"],
        ),
        hostile(
            "whiteout",
            one(Raw::file("flink-1.20.5/.wh.lib", b"")),
            &["`.wh.lib`"],
        ),
    ];
    let mut second = with(vec![]);
    second.extend(tar(&[Raw::file("flink-1.20.5/hidden", b"x")]));
    list.push(hostile(
        "second-archive",
        second,
        &["follows the end of the archive"],
    ));
    list
}

/// 300 MiB of nothing in less than a megabyte.
pub fn bomb() -> Vec<u8> {
    let size = 300 << 20;
    let mut entry = Raw::file("flink-1.20.5/zeros", b"");
    entry.size = size;
    let mut out = Vec::new();
    let mut encoder = zstd::Encoder::new(&mut out, 1).unwrap();
    encoder.write_all(&tar(&[entry])[..512]).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..(size >> 20) {
        encoder.write_all(&zeros).unwrap();
    }
    encoder.write_all(&[0; 1024]).unwrap();
    encoder.finish().unwrap();
    out
}

fn hostile(name: &'static str, bytes: Vec<u8>, says: &'static [&'static str]) -> Hostile {
    Hostile { name, bytes, says }
}
