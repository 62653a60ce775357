//! Jars.

use std::io::Write as _;

use crate::flink::JobJar;
use crate::memory::Forgetful;
use crate::oci::Digest;

/// A jar that is accepted is known by its bytes; the class that it names is one line of text, and a jar that is written
/// anew with that class names it too.
pub fn jar(bytes: &[u8]) {
    let Some(jar) = opened(bytes) else { return };
    assert_eq!(jar.artifact.content.digest, Digest::of(bytes));
    assert_eq!(jar.artifact.content.size, bytes.len() as u64);
    let Some(class) = jar.artifact.entry_class else {
        return;
    };
    assert!(!class.is_empty() && class.trim() == class, "{class:?}");
    assert!(!class.contains(char::is_control), "{class:?}");
    let again = opened(&written(&class)).expect("it was just made");
    assert_eq!(again.artifact.entry_class, Some(class));
}

fn opened(bytes: &[u8]) -> Option<JobJar> {
    let mut file = tempfile::NamedTempFile::new().expect("there is a temporary folder");
    file.write_all(bytes).expect("it has room");
    JobJar::open(file.path(), &Forgetful).ok()
}

/// A jar whose manifest names this class, in lines of at most 72 bytes, cut wherever that is.
fn written(class: &str) -> Vec<u8> {
    let line = format!("Main-Class: {class}");
    let (first, rest) = line.as_bytes().split_at(line.len().min(70));
    let mut manifest = b"Manifest-Version: 1.0\r\n".to_vec();
    manifest.extend_from_slice(first);
    for piece in rest.chunks(69) {
        manifest.extend_from_slice(b"\r\n ");
        manifest.extend_from_slice(piece);
    }
    manifest.extend_from_slice(b"\r\n\r\n");
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file("META-INF/MANIFEST.MF", options)
        .expect("it is in memory");
    zip.write_all(&manifest).expect("it is in memory");
    zip.finish().expect("it is in memory").into_inner()
}
