//! The native libraries for Linux in a jar: for which processors they are, and which libc they want.

use serde::{Deserialize, Serialize};

use super::content::Heads;
use super::directory::{Directory, Entry};
use super::elf::{self, Identity};
use super::error::JarError;
use crate::parallel::on_all_cores;

/// How much is unpacked at most to look into native libraries: of one, and of all in a jar.
const SIZE_LIMIT: u64 = 256 << 20;
const TOTAL_LIMIT: u64 = 1 << 30;
/// More than any jar has.
const LIMIT: usize = 10_000;

/// A native library for Linux.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NativeLibrary {
    /// Its path in the jar.
    pub path: String,
    /// The processors that it is for, named as in platforms of images: `amd64`, `arm64`; `unknown-N` for number N of ELF.
    pub architecture: String,
    /// The libc that it is linked against.
    pub libc: Libc,
}

/// A C library of Linux.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Libc {
    /// That of most distributions.
    Glibc,
    /// That of Alpine.
    Musl,
    /// None is named, so either may do; or it could not be found out.
    Unknown,
}

/// The native libraries for Linux, sorted by path. Those for other systems are left out.
pub(super) fn read(directory: &Directory) -> Result<Vec<NativeLibrary>, JarError> {
    let is_library =
        |entry: &&Entry| entry.is_readable() && has_library_name(directory.name(entry));
    let mut candidates: Vec<_> = directory.entries.iter().filter(is_library).collect();
    // By name, so that the order of the jar does not decide what is within the limits.
    candidates.sort_by_key(|entry| directory.name(entry));
    let mut left = TOTAL_LIMIT;
    let candidates: Vec<_> = candidates
        .into_iter()
        .take(LIMIT)
        .map(|entry| {
            let affordable = entry.size <= SIZE_LIMIT.min(left);
            if affordable {
                left -= entry.size;
            }
            (entry, affordable)
        })
        .collect();
    let found = on_all_cores(&candidates, |(entry, affordable)| {
        look(directory, entry, *affordable)
    });
    let found: Vec<_> = found.into_iter().collect::<Result<_, _>>()?;
    let mut natives: Vec<_> = found.into_iter().flatten().collect();
    natives.sort();
    Ok(natives)
}

/// Whether a name is that of a library: `libx.so`, `libx.so.1`, `libx.jnilib`.
fn has_library_name(name: &[u8]) -> bool {
    let file = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let versioned = |file: &[u8]| memchr::memmem::find(file, b".so.").is_some();
    file.ends_with(b".so") || file.ends_with(b".jnilib") || versioned(file)
}

fn look(
    directory: &Directory,
    entry: &Entry,
    affordable: bool,
) -> Result<Option<NativeLibrary>, JarError> {
    let head = Heads::new(directory).read(entry)?;
    let Some(identity) = head.as_ref().and_then(Identity::parse) else {
        return Ok(None);
    };
    if identity.is_for_another_system() {
        return Ok(None);
    }
    let needs = if affordable {
        elf::needs(|| directory.reader(entry))?
    } else {
        None
    };
    let libc = match needs {
        Some(needs) => match libc(&needs) {
            Some(libc) => libc,
            None => return Ok(None),
        },
        None => Libc::Unknown,
    };
    Ok(Some(NativeLibrary {
        path: directory.text(entry),
        architecture: identity.architecture(),
        libc,
    }))
}

/// The libc of Linux that a library needs; `None` when it is for another system.
fn libc(needs: &elf::Needs) -> Option<Libc> {
    let has = |name: &str| needs.libraries.iter().any(|library| library == name);
    for name in &needs.libraries {
        match name.as_str() {
            "libc.so.6" | "libc.so.6.1" => return Some(Libc::Glibc),
            // That of Android has its parts in files of their own, which musl has in one.
            "libc.so" => {
                let android =
                    needs.android || ["libdl.so", "libm.so", "liblog.so"].into_iter().any(has);
                return (!android).then_some(Libc::Musl);
            }
            _ if name.starts_with("libc.musl-") => return Some(Libc::Musl),
            "libm.so.6" => {}
            // The BSDs and Solaris, by the numbers of theirs.
            _ if name.starts_with("libc.so.") || name.starts_with("libm.so.") => return None,
            _ => {}
        }
    }
    // What is in a loader or in other parts of a libc is told by those.
    let starts = |start: &str| needs.libraries.iter().any(|name| name.starts_with(start));
    if starts("ld-musl-") {
        return Some(Libc::Musl);
    }
    let glibc = ["ld-linux", "libpthread.so.0", "libdl.so.2", "libm.so.6"];
    if glibc.into_iter().any(starts) {
        return Some(Libc::Glibc);
    }
    (!needs.android).then_some(Libc::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libc_is_known_by_what_a_library_needs() {
        for (libraries, android, expected) in [
            (&["libm.so.6", "libc.so.6"][..], false, Some(Libc::Glibc)),
            (&["libpthread.so.0"], false, Some(Libc::Glibc)),
            (
                &["libstdc++.so.6", "libc.musl-x86_64.so.1"],
                false,
                Some(Libc::Musl),
            ),
            (&["libc.so"], false, Some(Libc::Musl)),
            (&["libc.so"], true, None),
            (&["liblog.so", "libc.so"], false, None),
            (&["libc.so.7"], false, None),
            (&["libc.so.1"], false, None),
            (&["libstdc++.so.6", "libm.so.2"], false, None),
            (&["libstdc++.so.6"], false, Some(Libc::Unknown)),
            (&[], false, Some(Libc::Unknown)),
            (&[], true, None),
        ] {
            let needs = elf::Needs {
                libraries: libraries.iter().map(ToString::to_string).collect(),
                android,
            };
            assert_eq!(libc(&needs), expected, "{needs:?}");
        }
    }

    #[test]
    fn libraries_are_known_by_their_names() {
        for (name, expected) in [
            ("librocksdbjni-linux64.so", true),
            ("META-INF/native/libnetty.jnilib", true),
            ("lib/libstdc++.so.6", true),
            ("some.so.folder/Class.class", false),
            ("x.dll", false),
            ("notes.sorted", false),
        ] {
            assert_eq!(has_library_name(name.as_bytes()), expected, "{name}");
        }
    }
}
