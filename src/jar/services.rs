//! The services that a jar offers: files in `META-INF/services`, each named as an interface, with a class a line.

use std::collections::BTreeMap;

use super::directory::{Directory, harmless};

/// Larger than any of these files that was not made to be.
const FILE_LIMIT: u64 = 256 << 10;
/// More of them than any jar has, and more bytes than are in all of them.
const LIMIT: usize = 4096;
const TOTAL_LIMIT: u64 = 4 << 20;

/// The classes by service, in the order of the file; a file that cannot be read has none.
pub(super) fn read(directory: &Directory) -> BTreeMap<String, Vec<String>> {
    let found = directory.entries.iter().filter_map(|entry| {
        let name = directory.name(entry).strip_prefix(b"META-INF/services/")?;
        (!name.is_empty() && !name.contains(&b'/')).then(|| (harmless(name), entry))
    });
    // By name, so that the order of the jar does not decide what is within the limits.
    let files: BTreeMap<_, _> = found.collect();
    let mut left = TOTAL_LIMIT;
    let read = files.into_iter().take(LIMIT).map(|(name, entry)| {
        let bytes = directory.bytes(entry, FILE_LIMIT.min(left));
        let bytes = bytes.unwrap_or_default();
        left -= bytes.len() as u64;
        (name, classes(&harmless_lines(&bytes)))
    });
    read.collect()
}

fn harmless_lines(bytes: &[u8]) -> Vec<String> {
    bytes
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .map(harmless)
        .collect()
}

/// The lines without comments.
fn classes(lines: &[String]) -> Vec<String> {
    let line = |line: &String| {
        let class = line.split('#').next().unwrap_or_default().trim();
        (!class.is_empty()).then(|| class.to_owned())
    };
    lines.iter().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_empty_lines_name_no_class() {
        let text =
            b"# by hand\r\norg.example.A # the first\n\n  org.example.B  \norg.example.\x1bC";
        let expected = ["org.example.A", "org.example.B", "org.example.\u{fffd}C"];
        assert_eq!(classes(&harmless_lines(text)), expected);
    }
}
