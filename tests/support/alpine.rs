//! Packages and repositories of Alpine Linux, made by hand from the format of apk 2: index, signatures, checksums, scripts.
#![allow(
    clippy::format_collect,
    clippy::format_push_string,
    reason = "texts of tests are short"
)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::Engine as _;
use flate2::write::GzEncoder;
use tempfile::TempDir;

/// A key that the bases of the tests trust.
pub static KEY: LazyLock<Key> = LazyLock::new(|| Key::new("test@example.com-1.rsa.pub"));
/// A key that nobody trusts.
pub static OTHER_KEY: LazyLock<Key> = LazyLock::new(|| Key::new("test@example.com-2.rsa.pub"));

/// A key pair of `openssl`, in files of its own.
#[derive(Debug)]
pub struct Key {
    pub name: String,
    folder: TempDir,
}

impl Key {
    pub fn new(name: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let key = Self {
            name: name.to_owned(),
            folder,
        };
        key.openssl(&["genrsa", "-out", "key.pem", "2048"], b"");
        key.openssl(
            &["rsa", "-in", "key.pem", "-pubout", "-out", "key.pub"],
            b"",
        );
        key
    }

    pub fn public(&self) -> Vec<u8> {
        std::fs::read(self.folder.path().join("key.pub")).unwrap()
    }

    fn openssl(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = Command::new("openssl")
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the tests need `openssl`");
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "openssl {arguments:?}");
        output.stdout
    }

    /// The segment with the signature of `message`; `algorithm` is `RSA`, `RSA256` or `RSA512`.
    pub fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let hash = match algorithm {
            "RSA256" => "-sha256",
            "RSA512" => "-sha512",
            _ => "-sha1",
        };
        let signature = self.openssl(&["dgst", hash, "-sign", "key.pem"], message);
        let mut builder = tar::Builder::new(Vec::new());
        let name = format!(".SIGN.{algorithm}.{}", self.name);
        append(&mut builder, &name, &File::plain(&signature), &[]);
        // Not compressed, so that it is as long for one key as for another.
        gzip(&open_ended(builder), flate2::Compression::none())
    }
}

/// A file, folder or link of a package or a base.
#[derive(Debug, Clone)]
pub struct File {
    pub kind: u8,
    pub bytes: Vec<u8>,
    pub mode: u32,
    pub owner: (u64, u64),
    /// More records of its extended header.
    pub records: Vec<(&'static str, Vec<u8>)>,
    /// Whether its checksum is left out, or is another one.
    pub checksum: Option<String>,
}

impl File {
    pub fn plain(bytes: &[u8]) -> Self {
        Self {
            kind: b'0',
            bytes: bytes.to_vec(),
            mode: 0o644,
            owner: (0, 0),
            records: Vec::new(),
            checksum: None,
        }
    }

    pub fn program(bytes: &[u8]) -> Self {
        Self::plain(bytes).mode(0o755)
    }

    pub fn folder() -> Self {
        Self {
            kind: b'5',
            ..Self::program(b"")
        }
    }

    pub fn link(target: &str) -> Self {
        Self {
            kind: b'2',
            ..Self::plain(target.as_bytes()).mode(0o777)
        }
    }

    pub fn hard_link(target: &str) -> Self {
        Self {
            kind: b'1',
            ..Self::plain(target.as_bytes())
        }
    }

    #[must_use]
    pub fn mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    #[must_use]
    pub fn owner(self, user: u64, group: u64) -> Self {
        Self {
            owner: (user, group),
            ..self
        }
    }
}

/// A package to be made.
#[derive(Debug, Clone)]
pub struct Package {
    pub name: &'static str,
    pub version: &'static str,
    pub arch: &'static str,
    /// Lines of `.PKGINFO`: `depend`, `provides`, `replaces`, `triggers`, ...
    pub fields: Vec<(&'static str, &'static str)>,
    pub scripts: Vec<(&'static str, &'static str)>,
    pub files: Vec<(&'static str, File)>,
    pub algorithm: &'static str,
}

/// A package that was made.
#[derive(Debug, Clone)]
pub struct Made {
    pub name: String,
    /// Signature, control and data as they are stored.
    pub segments: [Vec<u8>; 3],
    pub stanza: String,
}

impl Made {
    pub fn bytes(&self) -> Vec<u8> {
        self.segments.concat()
    }
}

impl Package {
    pub fn new(name: &'static str, version: &'static str) -> Self {
        Self {
            name,
            version,
            arch: "x86_64",
            fields: Vec::new(),
            scripts: Vec::new(),
            files: Vec::new(),
            algorithm: "RSA",
        }
    }

    #[must_use]
    pub fn field(mut self, key: &'static str, value: &'static str) -> Self {
        self.fields.push((key, value));
        self
    }

    #[must_use]
    pub fn script(mut self, name: &'static str, text: &'static str) -> Self {
        self.scripts.push((name, text));
        self
    }

    #[must_use]
    pub fn file(mut self, path: &'static str, file: File) -> Self {
        self.files.push((path, file));
        self
    }

    pub fn make(&self, key: &Key) -> Made {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, file) in &self.files {
            let sum = match (&file.checksum, file.kind) {
                (Some(sum), _) => sum.clone(),
                (None, b'0' | b'2') => hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, &file.bytes).as_ref()),
                _ => String::new(),
            };
            let mut records = file.records.clone();
            if !sum.is_empty() {
                records.push(("APK-TOOLS.checksum.SHA1", sum.into_bytes()));
            }
            append(&mut builder, path, file, &records);
        }
        let data = gzip(&builder.into_inner().unwrap(), flate2::Compression::fast());
        let hash = hex(digest(&SHA256, &data).as_ref());
        let size: usize = self.files.iter().map(|(_, file)| file.bytes.len()).sum();
        let mut info = format!(
            "# made for a test\npkgname = {}\npkgver = {}\npkgdesc = A package\nurl = https://example.com\n\
             builddate = 1700000000\npackager = somebody\nsize = {size}\narch = {}\norigin = {}\ncommit = 0a1b\n\
             maintainer = Me <me@example.com>\nlicense = MIT\n",
            self.name, self.version, self.arch, self.name
        );
        for (field, value) in &self.fields {
            info.extend([field, " = ", value, "\n"]);
        }
        info.extend(["datahash = ", &hash, "\n"]);
        self.sealed(key, &info, data)
    }

    /// The package with this `.PKGINFO` and data, whatever they say.
    pub fn sealed(&self, key: &Key, info: &str, data: Vec<u8>) -> Made {
        let mut builder = tar::Builder::new(Vec::new());
        append(&mut builder, ".PKGINFO", &File::plain(info.as_bytes()), &[]);
        for (name, text) in &self.scripts {
            append(
                &mut builder,
                &format!(".{name}"),
                &File::program(text.as_bytes()),
                &[],
            );
        }
        let control = gzip(&open_ended(builder), flate2::Compression::fast());
        let signature = key.sign(self.algorithm, &control);
        let size = signature.len() + control.len() + data.len();
        let list = |key: &str| {
            let values = self.fields.iter().filter(|(field, _)| *field == key);
            values
                .map(|(_, value)| *value)
                .collect::<Vec<_>>()
                .join(" ")
        };
        let mut stanza = format!(
            "C:{}\nP:{}\nV:{}\nA:{}\nS:{size}\nI:1\nT:A package\nU:https://example.com\nL:MIT\no:{}\nm:Me <me@example.com>\n\
             t:1700000000\nc:0a1b\n",
            identity(&control),
            self.name,
            self.version,
            self.arch,
            self.name
        );
        for (field, letter) in [
            ("provider_priority", "k:"),
            ("depend", "D:"),
            ("provides", "p:"),
            ("install_if", "i:"),
        ] {
            let values = list(field);
            if !values.is_empty() {
                stanza.extend([letter, &values, "\n"]);
            }
        }
        Made {
            name: format!("{}-{}.apk", self.name, self.version),
            segments: [signature, control, data],
            stanza,
        }
    }
}

/// `Q1` and the SHA-1 in base64.
pub fn identity(bytes: &[u8]) -> String {
    let sum = digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes);
    let text = base64::engine::general_purpose::STANDARD.encode(sum.as_ref());
    format!("Q1{text}")
}

pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn append(
    builder: &mut tar::Builder<Vec<u8>>,
    path: &str,
    file: &File,
    records: &[(&str, Vec<u8>)],
) {
    if !records.is_empty() {
        let records = records.iter().map(|(key, value)| (*key, &value[..]));
        builder.append_pax_extensions(records).unwrap();
    }
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::new(file.kind));
    header.set_mode(file.mode);
    header.set_uid(file.owner.0);
    header.set_gid(file.owner.1);
    header.set_mtime(1_700_000_000);
    // As it is, so that it can be as wrong as a test wants.
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    let is_link = matches!(file.kind, b'1' | b'2');
    if is_link {
        header.as_old_mut().linkname[..file.bytes.len()].copy_from_slice(&file.bytes);
    }
    let content = if is_link { &b""[..] } else { &file.bytes };
    header.set_size(content.len() as u64);
    header.set_cksum();
    builder.append(&header, content).unwrap();
}

/// A tar without its end.
fn open_ended(builder: tar::Builder<Vec<u8>>) -> Vec<u8> {
    let mut bytes = builder.into_inner().unwrap();
    bytes.truncate(bytes.len() - 1024);
    bytes
}

pub fn gzip(bytes: &[u8], level: flate2::Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The index of these packages, before it is signed.
pub fn index(packages: &[Made]) -> Vec<u8> {
    let text: String = packages
        .iter()
        .map(|made| made.stanza.clone() + "\n")
        .collect();
    let mut builder = tar::Builder::new(Vec::new());
    append(&mut builder, "DESCRIPTION", &File::plain(b"test"), &[]);
    append(&mut builder, "APKINDEX", &File::plain(text.as_bytes()), &[]);
    gzip(&builder.into_inner().unwrap(), flate2::Compression::fast())
}

/// A repository as files by their paths, which begin with a slash.
pub fn repository(packages: &[Made], key: &Key) -> BTreeMap<String, Vec<u8>> {
    let index = index(packages);
    let signed = [key.sign("RSA", &index), index].concat();
    let files = packages
        .iter()
        .map(|made| (format!("/x86_64/{}", made.name), made.bytes()));
    files
        .chain([("/x86_64/APKINDEX.tar.gz".to_owned(), signed)])
        .collect()
}

/// Writes the files of a repository below a folder.
pub fn write_repository(folder: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (path, bytes) in files {
        let path = folder.join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// A tar of files by their paths.
pub fn tar_of(files: &[(&str, File)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, file) in files {
        append(&mut builder, path, file, &[]);
    }
    builder.into_inner().unwrap()
}

/// What the bases of the tests have installed; `b` has its files in `/lib` and `/usr/bin`.
pub const INSTALLED: &str = "C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:musl\nV:1.2.5-r0\nA:x86_64\nS:1\nI:1\nT:libc\nU:u\nL:MIT\n\
p:so:libc.musl-x86_64.so.1=1\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\nZ:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\
C:Q1BAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:busybox\nV:1.36.1-r2\nA:x86_64\nS:1\nI:1\nT:tools\nU:u\nL:GPL\n\
D:so:libc.musl-x86_64.so.1\np:/bin/sh\nF:bin\nR:busybox\na:0:0:755\nZ:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nR:tool\n\n";

/// A root file system of Alpine with these files more.
pub fn base(more: &[(&str, File)]) -> Vec<u8> {
    let key = KEY.public();
    let key_path = format!("etc/apk/keys/{}", KEY.name);
    let mut files = vec![
        ("bin", File::folder()),
        ("bin/busybox", File::program(b"busybox")),
        ("bin/grep", File::link("/bin/busybox")),
        ("bin/tool", File::program(b"tool of busybox")),
        ("etc", File::folder()),
        ("etc/apk", File::folder()),
        ("etc/apk/arch", File::plain(b"x86_64\n")),
        (key_path.as_str(), File::plain(&key)),
        (
            "etc/apk/repositories",
            File::plain(b"https://example.com/main\n"),
        ),
        ("etc/apk/world", File::plain(b"busybox\nmusl\n")),
        (
            "etc/os-release",
            File::plain(b"PRETTY_NAME=\"Alpine Linux v3.22\"\n"),
        ),
        (
            "etc/passwd",
            File::plain(b"root:x:0:0:root:/root:/bin/sh\n"),
        ),
        ("lib", File::folder()),
        ("lib/ld-musl-x86_64.so.1", File::program(b"musl")),
        ("lib/apk/db/installed", File::plain(INSTALLED.as_bytes())),
        ("tmp", File::folder().mode(0o1777)),
        ("usr", File::folder()),
        ("usr/bin", File::folder()),
        ("usr/bin/own", File::program(b"nobody's")),
        ("usr/lib", File::folder()),
        ("var", File::folder()),
    ];
    files.retain(|(path, _)| !more.iter().any(|(other, _)| other == path));
    files.extend(more.iter().map(|(path, file)| (*path, file.clone())));
    tar_of(&files)
}

/// Unpacks a tar with the `tar` of this machine over what is in `folder`.
pub fn unpack(tar: &[u8], folder: &Path) -> PathBuf {
    let mut child = Command::new("tar")
        .args([
            "--extract",
            "--no-same-owner",
            "--preserve-permissions",
            "--file=-",
        ])
        .arg("--directory")
        .arg(folder)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(tar).unwrap();
    assert!(child.wait().unwrap().success());
    folder.to_owned()
}
