//! A file that many read from, opened when the first of them comes.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// How a file is opened.
type Open = dyn Fn() -> io::Result<Arc<File>> + Send + Sync;

/// A file that is opened, fetched or unpacked when somebody reads from it, and then only once.
///
/// It is read by position, so that many readers can share it. What is in it is known by digest before; who reads checks.
///
/// ```
/// use std::sync::Arc;
/// use flink_img::oci::LazyFile;
///
/// let file = LazyFile::new(|| tempfile::tempfile().map(Arc::new));
/// assert!(Arc::ptr_eq(&file.file()?, &file.file()?));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct LazyFile {
    opened: Mutex<Option<Arc<File>>>,
    open: Box<Open>,
    private: bool,
}

impl LazyFile {
    /// A file that `open` opens. It is asked again after it failed.
    pub fn new(open: impl Fn() -> io::Result<Arc<File>> + Send + Sync + 'static) -> Self {
        Self {
            opened: Mutex::new(None),
            open: Box::new(open),
            private: false,
        }
    }

    /// A file without a name that was written in this run: nobody else can reach it, so its bytes are those that were
    /// hashed when it was written.
    pub fn private(file: File) -> Self {
        Self {
            private: true,
            ..Self::opened(file)
        }
    }

    /// Whether nobody else can have changed the bytes since they were hashed.
    pub fn is_private(&self) -> bool {
        self.private
    }

    /// A file that is open already.
    pub fn opened(file: File) -> Self {
        let file = Arc::new(file);
        Self::new(move || Ok(Arc::clone(&file)))
    }

    /// The open file. Whoever comes while it is being opened waits.
    pub fn file(&self) -> io::Result<Arc<File>> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &*opened {
            return Ok(Arc::clone(file));
        }
        let file = (self.open)()?;
        *opened = Some(Arc::clone(&file));
        Ok(file)
    }
}

impl fmt::Debug for LazyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyFile").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn many_readers_open_once_and_a_failure_is_tried_again() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        let lazy = LazyFile::new(move || match counter.fetch_add(1, Ordering::SeqCst) {
            0 => Err(io::ErrorKind::NotFound.into()),
            _ => tempfile::tempfile().map(Arc::new),
        });
        assert_eq!(calls.load(Ordering::SeqCst), 0);
        assert!(lazy.file().is_err());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| lazy.file().unwrap());
            }
        });
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }
}
