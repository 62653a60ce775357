//! What can be found in a store that is worth a line.

use std::fmt;
use std::path::PathBuf;

use crate::error::FileError;
use crate::store::LayoutError;

/// Something in a store that is not as it should be, or that is worth knowing.
#[derive(Debug)]
pub struct Finding {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub trouble: Trouble,
    /// Whether it was taken away or put right.
    pub mended: bool,
}

/// What is the matter with something in a store.
#[derive(Debug)]
#[non_exhaustive]
pub enum Trouble {
    /// It cannot be read.
    Unreadable(FileError),
    /// Something else lies in the place of a file.
    NotAFile,
    /// A blob that is another than its name says.
    Blob,
    /// A fact that its seal does not vouch for.
    Fact,
    /// A release that does not have the checksum that was noted with it.
    Release,
    /// Who may use it is not its owner alone.
    Mode {
        /// Who may.
        found: u32,
        /// Who should.
        right: u32,
    },
    /// The file that makes a folder an OCI layout does not.
    Marker,
    /// The list of the images that were kept cannot be read.
    Index(Box<LayoutError>),
    /// An image that was kept is not whole.
    Image {
        /// Its name.
        name: String,
        /// What it lacks.
        source: Box<LayoutError>,
    },
    /// A release without a checksum beside it, as a kill leaves it; it is not used before it has been checked.
    Unchecked,
    /// Work that was never finished, or that is under way.
    Unfinished,
}

impl Trouble {
    /// Whether something is damaged; what a kill leaves is not.
    pub fn is_fault(&self) -> bool {
        !matches!(self, Self::Unchecked | Self::Unfinished)
    }

    /// One word for machines.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::NotAFile => "notAFile",
            Self::Blob => "blob",
            Self::Fact => "fact",
            Self::Release => "release",
            Self::Mode { .. } => "mode",
            Self::Marker => "marker",
            Self::Index(_) => "index",
            Self::Image { .. } => "image",
            Self::Unchecked => "unchecked",
            Self::Unfinished => "unfinished",
        }
    }
}

impl Finding {
    /// Whether it is a fault, mended or not.
    pub fn is_fault(&self) -> bool {
        self.trouble.is_fault()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.trouble {
            Trouble::Unreadable(error) => {
                write!(f, "{error}")?;
                match std::error::Error::source(error) {
                    Some(cause) => write!(f, ": {cause}"),
                    None => Ok(()),
                }
            }
            Trouble::NotAFile => write!(f, "`{path}` is not a regular file"),
            Trouble::Blob => write!(f, "`{path}` does not match its digest"),
            Trouble::Fact => write!(f, "`{path}` does not match its seal"),
            Trouble::Release => write!(f, "`{path}` does not match its checksum"),
            Trouble::Mode { found, right } => {
                write!(
                    f,
                    "`{path}` has the mode {found:04o} instead of {right:04o}"
                )
            }
            Trouble::Marker => write!(f, "`{path}` does not say that this is an OCI layout"),
            Trouble::Index(error) => write!(
                f,
                "`{path}` cannot be read, so it is not known which images were kept: {error}"
            ),
            Trouble::Image { name, source } => {
                write!(f, "The image `{name}` is not whole: {source}")
            }
            Trouble::Unchecked => {
                write!(
                    f,
                    "`{path}` has no checksum beside it, and is checked before it is used"
                )
            }
            Trouble::Unfinished => write!(f, "`{path}` is unfinished, or being written"),
        }
    }
}
