//! A base that has no bash until a package brings it: Debian's files in a package of Alpine's form.

use std::fs::File as Handle;
use std::io::{BufWriter, Read as _, Write};
use std::path::Path;

use tar::{Archive, Builder, EntryType};

use crate::support::alpine::{File, KEY, Package, repository, tar_of, write_repository};

/// What is taken out of the base, without the `./` before it.
const PROGRAM: &str = "usr/bin/bash";
const LINK: &str = "usr/bin/rbash";
/// What the base has installed, as far as apk knows.
const INSTALLED: &str = "C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:base-files\nV:12\nA:x86_64\nS:1\nI:1\nT:Debian\nU:u\nL:GPL\n\n";

/// Writes to `folder` the root file system `from` without bash as `base.tar`, and a repository with a package of bash as
/// `packages`.
pub(crate) fn take_bash_out(from: &Path, folder: &Path) {
    let bash = copy_without_bash(from, &folder.join("base.tar"));
    let package = Package::new("bash", "5.2.15-r0")
        .file("usr/bin/", File::folder())
        .file(PROGRAM, File::program(&bash))
        .file(LINK, File::link("bash"))
        .make(&KEY);
    let files = repository(&[package], &KEY);
    write_repository(&folder.join("packages"), &files);
}

/// Copies a tar without bash, and with what a base has to have for apk. Returns the program that was left out.
fn copy_without_bash(from: &Path, to: &Path) -> Vec<u8> {
    let mut archive = Archive::new(Handle::open(from).unwrap());
    let mut copy = Builder::new(BufWriter::new(Handle::create(to).unwrap()));
    let mut bash = Vec::new();
    // Headers that are about the next entry go where it goes.
    let mut before = Vec::new();
    for entry in archive.entries().unwrap().raw(true) {
        let mut entry = entry.unwrap();
        let header = entry.header().clone();
        let path = String::from_utf8_lossy(&header.path_bytes()).into_owned();
        match (header.entry_type(), path.trim_start_matches("./")) {
            (EntryType::XHeader | EntryType::GNULongName | EntryType::GNULongLink, _) => {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).unwrap();
                before.push((header, bytes));
            }
            (_, PROGRAM) => {
                entry.read_to_end(&mut bash).unwrap();
                before.clear();
            }
            (_, LINK) => before.clear(),
            _ => {
                for (header, bytes) in before.drain(..) {
                    copy.append(&header, &bytes[..]).unwrap();
                }
                copy.append(&header, entry).unwrap();
            }
        }
    }
    assert!(!bash.is_empty(), "{} has no bash", from.display());
    append_apk(&mut copy);
    copy.into_inner().unwrap().flush().unwrap();
    bash
}

/// Appends what apk keeps in a base. `/lib` of Debian is a link to `/usr/lib`.
fn append_apk(copy: &mut Builder<impl Write>) {
    let key = format!("etc/apk/keys/{}", KEY.name);
    let files = [
        (&*key, File::plain(&KEY.public())),
        ("etc/apk/arch", File::plain(b"x86_64\n")),
        ("etc/apk/world", File::plain(b"")),
        (
            "usr/lib/apk/db/installed",
            File::plain(INSTALLED.as_bytes()),
        ),
    ];
    let tar = tar_of(&files);
    for entry in Archive::new(&tar[..]).entries().unwrap() {
        let entry = entry.unwrap();
        copy.append(&entry.header().clone(), entry).unwrap();
    }
}
