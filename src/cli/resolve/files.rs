//! The files that name images: which ones there are, and how they come together on stdout.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::cli::output::Printer;
use crate::cli::report::Failure;
use crate::deploy::ImageText;
use crate::error::FileError;
use crate::fs;
use crate::progress::Reporter as _;

/// The extensions of files in a folder that are read.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// A file that was read.
#[derive(Debug)]
pub(super) struct ImageFile {
    /// Where it is; stdin is nowhere.
    pub(super) path: Option<PathBuf>,
    /// How it is called in messages.
    pub(super) name: String,
    pub(super) images: ImageText,
}

/// Whether a path is the word for stdin.
pub(super) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// Reads files, and those in folders, each once.
pub(super) fn read(paths: &[PathBuf], printer: &Printer) -> Result<Vec<ImageFile>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        if !is_stdin(path) && fs::metadata(path)?.is_dir() {
            list(path, &mut found, printer)?;
        } else {
            found.push(path.clone());
        }
    }
    let mut files: Vec<ImageFile> = Vec::new();
    for path in found {
        let path = (!is_stdin(&path)).then_some(path);
        if files.iter().any(|file| file.path == path) {
            continue;
        }
        let (name, text) = match &path {
            Some(path) => (path.display().to_string(), fs::read_to_string(path)?),
            None => ("stdin".to_owned(), fs::read_stdin()?),
        };
        let images = ImageText::read(&name, text)?;
        files.push(ImageFile { path, name, images });
    }
    Ok(files)
}

/// The files in a folder and in those below it, in the order of their names.
fn list(folder: &Path, found: &mut Vec<PathBuf>, printer: &Printer) -> Result<(), FileError> {
    for path in fs::list(folder)? {
        let name = path.file_name().unwrap_or_default();
        if fs::symlink_metadata(&path)?.is_dir() {
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let is_chart = || fs::metadata(&folder.join("Chart.yaml")).is_ok();
            if name == "templates" && is_chart() {
                printer.note(&format!(
                    "`{}` is left out: templates of Helm are YAML only when they are rendered",
                    path.display()
                ));
                continue;
            }
            list(&path, found, printer)?;
        } else if path.extension().and_then(OsStr::to_str).is_some_and(|extension| EXTENSIONS.contains(&extension))
            // A link may lead to a file, or nowhere.
            && fs::metadata(&path).is_ok_and(|metadata| metadata.is_file())
        {
            found.push(path);
        }
    }
    Ok(())
}

/// Texts as one, with the documents of each on their own.
pub(super) fn joined<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut joined = String::new();
    for text in texts {
        if joined.is_empty() {
            joined.push_str(text);
            continue;
        }
        if !joined.ends_with('\n') {
            joined.push('\n');
        }
        let text = text.trim_start_matches('\u{feff}');
        let mut lines = text.lines().map(str::trim_end);
        let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
        match first {
            Some(line) if line.starts_with("---") => {}
            // A directive, in front of which a document must have its end.
            Some(line) if line.starts_with('%') => joined.push_str("...\n"),
            _ => joined.push_str("---\n"),
        }
        joined.push_str(text);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_separated_where_they_do_not_separate_themselves() {
        for (texts, expected) in [
            (["a: 1\n", "b: 2\n"], "a: 1\n---\nb: 2\n"),
            (["a: 1", "b: 2"], "a: 1\n---\nb: 2"),
            (["a: 1\n", "# b\n\n---\nb: 2\n"], "a: 1\n# b\n\n---\nb: 2\n"),
            (["---\na: 1\n", "--- {b: 2}\n"], "---\na: 1\n--- {b: 2}\n"),
            (
                ["{}\n", "%YAML 1.1\n---\nb: 2\n"],
                "{}\n...\n%YAML 1.1\n---\nb: 2\n",
            ),
            (
                ["\u{feff}a: 1\n", "\u{feff}b: 2\n"],
                "\u{feff}a: 1\n---\nb: 2\n",
            ),
            (["", "b: 2\n"], "b: 2\n"),
        ] {
            assert_eq!(joined(texts.into_iter()), expected, "{texts:?}");
        }
    }
}
