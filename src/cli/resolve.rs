//! `flink-img resolve`

mod files;
mod images;

use std::io::Write as _;

use super::args::{GlobalArgs, ResolveArgs};
use super::output::Printer;
use super::report::Failure;
use super::settings::Environment;
use crate::deploy::{Answers, Built, Pinned};
use crate::error::{Explain, IoResultExt as _, Kind};
use crate::fs::{self, AtomicFile};
use crate::progress::Reporter as _;
use crate::store::replaced;
use files::ImageFile;

/// How many names of images are listed where none was found.
const LISTED: usize = 3;

/// Words that do not go together, or files without what was to be found in them.
#[derive(Debug, thiserror::Error)]
enum ResolveCommandError {
    #[error("`--in-place` changes files, and stdin is none")]
    Stdin,
    #[error("{0}")]
    NoMatch(String),
}

impl Explain for ResolveCommandError {
    fn kind(&self) -> Kind {
        match self {
            Self::Stdin => Kind::Usage,
            Self::NoMatch(_) => Kind::Input,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Stdin => "leave `--in-place` out, and take the result from stdout".to_owned(),
            Self::NoMatch(_) => {
                "name the image in a file as it was built, or leave `--require-match` out"
                    .to_owned()
            }
        })
    }
}

pub(super) fn run(
    arguments: &ResolveArgs,
    global: &GlobalArgs,
    environment: &Environment,
    printer: &Printer,
) -> Result<(), Failure> {
    if arguments.in_place && arguments.files.iter().any(|path| files::is_stdin(path)) {
        return Err(ResolveCommandError::Stdin.into());
    }
    let files = files::read(&arguments.files, printer)?;
    let built = images::built(arguments, global, environment, printer)?;
    let answers = if arguments.all {
        images::answers(&files, &built, global, environment, printer)?
    } else {
        Answers::new()
    };
    // All is known before anything is written.
    let mut pinned = Vec::new();
    for file in &files {
        let mut pinned_file = file.images.pin(&built, &answers)?;
        if arguments.all {
            // With all images looked for, any digest is a right one.
            pinned_file.right += pinned_file.others;
        }
        pinned.push((file, pinned_file));
    }
    let has_match = |pinned: &Pinned| !pinned.changes.is_empty() || pinned.right > 0;
    if !pinned.iter().any(|(_, pinned)| has_match(pinned)) {
        let message = no_match(&files, &built, arguments.all);
        if arguments.require_match {
            return Err(ResolveCommandError::NoMatch(message).into());
        }
        printer.warn(&message);
    }
    if arguments.in_place {
        for (file, pinned) in &pinned {
            if let Some(path) = file.path.as_ref().filter(|_| !pinned.changes.is_empty()) {
                let path = replaced(path)?;
                let mut output = AtomicFile::create(&path)?;
                let permissions = fs::metadata(&path)?.permissions();
                let changed = output.file().set_permissions(permissions);
                changed.at("change", &path)?;
                let written = output.write_all(pinned.text.as_bytes());
                written.at("write", &path)?;
                output.commit()?;
                printer.result(&file.name)?;
            }
            tell(file, pinned, true, printer);
        }
    } else {
        for (file, pinned) in &pinned {
            tell(file, pinned, false, printer);
        }
        let text = files::joined(pinned.iter().map(|(_, pinned)| pinned.text.as_str()));
        if !text.is_empty() {
            printer.result(text.strip_suffix('\n').unwrap_or(&text))?;
        }
    }
    let pinned: Vec<_> = pinned.into_iter().map(|(_, pinned)| pinned).collect();
    if pinned.iter().any(has_match) {
        printer.note(&summary(&pinned));
    }
    Ok(())
}

/// Tells what was changed in a file, and what was not.
fn tell(file: &ImageFile, pinned: &Pinned, is_in_place: bool, printer: &Printer) {
    for change in &pinned.changes {
        let message = format!(
            "`{}` line {}: `{}` is now `{}`",
            file.name, change.line, change.before, change.after
        );
        if is_in_place {
            printer.note(&message);
        } else {
            printer.detail(&message);
        }
    }
    for (line, image) in &pinned.unknown {
        printer.note(&format!(
            "`{}` line {line}: `{image}` stays, as its registry does not have such an image",
            file.name
        ));
    }
}

/// How many images in how many files.
fn summary(pinned: &[Pinned]) -> String {
    let counted = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    };
    let changed: usize = pinned.iter().map(|file| file.changes.len()).sum();
    let right: usize = pinned.iter().map(|file| file.right).sum();
    if changed == 0 {
        return format!(
            "Nothing to change: {} by digest already",
            counted(right, "image")
        );
    }
    let files = pinned
        .iter()
        .filter(|file| !file.changes.is_empty())
        .count();
    let (images, files) = (counted(changed, "image"), counted(files, "file"));
    let became = if changed == 1 {
        "became a digest"
    } else {
        "became digests"
    };
    match right {
        0 => format!("{images} in {files} {became}"),
        _ => format!("{images} in {files} {became}, and {right} had it already"),
    }
}

/// What was looked for in vain.
fn no_match(files: &[ImageFile], built: &[Built], all: bool) -> String {
    if files.is_empty() {
        return "There is no *.yaml, *.yml or *.json file to look at".to_owned();
    }
    let place = match files {
        [file] => format!("`{}`", file.name),
        files => format!("the {} files", files.len()),
    };
    if all {
        return format!("No image was found in {place} whose digest could be looked up");
    }
    if built.is_empty() {
        return "No image was kept on this machine that could be looked for; name a build with `--metadata-file`, or \
                ask registries with `--all`"
            .to_owned();
    }
    let mut names: Vec<_> = built
        .iter()
        .take(LISTED)
        .map(|built| format!("`{}`", built.name))
        .collect();
    if built.len() > LISTED {
        names.push(format!("{} more", built.len() - LISTED));
    }
    format!(
        "Nothing in {place} names what was built: {}",
        names.join(", ")
    )
}
