//! What must hold whatever the bytes are: one function for each reader of bytes that others made.
//!
//! The targets of `fuzz/` call these with what they think up, and the test below with the corpus, so that everything that
//! was ever found stays found. Each function panics when its promise is broken; that it returns says that the bytes
//! were refused or that all of it holds. None of this is in the program: it is there for tests and for `cargo fuzz`.

mod archive;
mod document;
mod jar;
mod jar_contents;
mod other;
mod reference;

pub use self::archive::archive;
pub use self::document::document;
pub use self::jar::jar;
pub use self::jar_contents::jar_contents;
pub use self::reference::reference;
pub use crate::registry::fuzzing::{challenge, credentials, headers};

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "this reads the corpus of tests")]
mod tests {
    use std::path::Path;

    /// No target's corpus has more files, and no file more bytes: they are read with every change.
    const FILES: usize = 150;
    const BYTES: u64 = 64 << 10;

    type Target = fn(&[u8]);

    #[test]
    fn every_promise_holds_for_the_whole_corpus() {
        let targets: [(&str, Target); 8] = [
            ("archive", super::archive),
            ("challenge", super::challenge),
            ("credentials", super::credentials),
            ("document", super::document),
            ("headers", super::headers),
            ("jar", super::jar),
            ("jar_contents", super::jar_contents),
            ("reference", super::reference),
        ];
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        let mut folders: Vec<_> = list(&corpus);
        folders.sort();
        let expected = targets.map(|(name, _)| corpus.join(name));
        assert_eq!(folders, expected, "each target has a corpus");
        for (name, target) in targets {
            let files = list(&corpus.join(name));
            assert!(
                (1..=FILES).contains(&files.len()),
                "{name}: {}",
                files.len()
            );
            for path in files {
                let bytes = std::fs::read(&path).unwrap();
                assert!(bytes.len() as u64 <= BYTES, "{}", path.display());
                // A broken promise panics with its own words; this says which file broke it.
                let broken = std::panic::catch_unwind(|| target(&bytes)).is_err();
                assert!(!broken, "{} breaks a promise", path.display());
            }
        }
    }

    fn list(folder: &Path) -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}
