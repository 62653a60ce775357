//! The receiving end of a download: while bytes come in, they are written, hashed and unpacked, each on a thread of its own.

use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};

use tokio_util::bytes::Bytes;

use super::checksum::{Hasher, Sha512};
use crate::error::{FileError, IoResultExt as _};
use crate::flink::distribution::Unpacked;
use crate::fs::AtomicFile;

/// How many pieces, of up to 400 KiB each, may wait for a thread that is behind.
pub(super) const WAITING: usize = 4;

/// All that came, and what it is. It is not kept before somebody found its checksum right.
pub(super) struct Received {
    pub(super) file: AtomicFile,
    pub(super) sha512: Sha512,
    /// What is in it, if it is a distribution.
    pub(super) unpacked: Option<Unpacked>,
}

/// Takes pieces until there are no more. To be called on a thread that may wait.
pub(super) fn receive(
    path: &Path,
    spool: &Path,
    mut pieces: tokio::sync::mpsc::Receiver<Bytes>,
) -> Result<Received, FileError> {
    let mut file = AtomicFile::create_private(path)?;
    let mut hash = Hasher::default();
    let (feed, coming) = sync_channel(WAITING);
    let (name, spool): (PathBuf, PathBuf) = (path.to_owned(), spool.to_owned());
    let reader = std::thread::spawn(move || {
        let coming = Coming {
            pieces: coming,
            current: Bytes::new(),
        };
        Unpacked::from_stream(&name, coming, &spool)
    });
    // A reader that found a fault has gone. The checksum comes first: whether the fault is real is seen after it.
    let mut feed = Some(feed);
    while let Some(piece) = pieces.blocking_recv() {
        feed = feed.filter(|feed| feed.send(piece.clone()).is_ok());
        hash.update(&piece);
        file.write_all(&piece).at("write", path)?;
    }
    drop(feed);
    let unpacked = reader.join().expect("reading an archive does not panic");
    Ok(Received {
        file,
        sha512: hash.finish(),
        unpacked: unpacked
            .inspect_err(|error| tracing::debug!("{error}"))
            .ok(),
    })
}

/// What comes in, as a reader.
struct Coming {
    pieces: Receiver<Bytes>,
    current: Bytes,
}

impl Read for Coming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.recv() {
                Ok(piece) => self.current = piece,
                Err(_) => return Ok(0),
            }
        }
        let length = buffer.len().min(self.current.len());
        buffer[..length].copy_from_slice(&self.current.split_to(length));
        Ok(length)
    }
}
