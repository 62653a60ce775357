//! The bytes of the tar: decompressed, counted, hashed and spooled in one pass.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::rc::Rc;

use crate::error::IoResultExt;
use crate::oci::{DiffId, Digest, Sha256};

use super::error::{ArchiveError, Excess};
use super::{Compression, Limits};

const BUFFER: usize = 128 << 10;

/// What XZ may need for its dictionary; `xz -9` needs 65 MiB.
const XZ_MEMORY_KIB: u32 = 256 << 10;

/// Zstandard windows up to 128 MiB, what the `zstd` program accepts without `--long`.
const ZSTD_WINDOW_LOG: u32 = 27;

/// The file as it is stored, counted and perhaps hashed while a decoder reads it.
#[derive(Clone)]
struct Stored(Rc<RefCell<StoredState>>);

struct StoredState {
    file: Box<dyn Read>,
    count: u64,
    hash: Option<Sha256>,
}

impl Read for Stored {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.0.borrow_mut();
        let read = state.file.read(buffer)?;
        state.count += read as u64;
        if let Some(hash) = &mut state.hash {
            hash.update(&buffer[..read]);
        }
        Ok(read)
    }
}

/// How an archive is to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setup<'a> {
    pub(super) path: &'a Path,
    /// The folder of the temporary file, for messages.
    pub(super) spool: &'a Path,
    pub(super) compression: Compression,
    pub(super) limits: &'a Limits,
    pub(super) hash: bool,
}

/// The uncompressed tar, read from start to end.
pub(super) struct Stream<'a> {
    setup: Setup<'a>,
    stored: Stored,
    decoder: Box<dyn Read>,
    spool: Option<BufWriter<File>>,
    hash: Option<Sha256>,
    position: u64,
}

/// What is known at the end of a [`Stream`].
pub(super) struct Finished {
    pub(super) spool: Option<File>,
    pub(super) digest: Option<Digest>,
    pub(super) diff_id: Option<DiffId>,
    pub(super) size: u64,
    /// How large the file is as it is stored.
    pub(super) stored_size: u64,
}

impl<'a> Stream<'a> {
    /// `spool` receives the uncompressed bytes.
    pub(super) fn new(
        setup: Setup<'a>,
        file: Box<dyn Read>,
        spool: Option<File>,
    ) -> Result<Self, ArchiveError> {
        let Setup {
            path,
            compression,
            hash,
            ..
        } = setup;
        let stored = Stored(Rc::new(RefCell::new(StoredState {
            file,
            count: 0,
            hash: hash.then(Sha256::default),
        })));
        let buffered = BufReader::with_capacity(BUFFER, stored.clone());
        let decoder: Box<dyn Read> = match compression {
            Compression::None => Box::new(buffered),
            Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(buffered)),
            Compression::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(
                buffered,
                true,
                XZ_MEMORY_KIB,
            )),
            Compression::Zstd => {
                let mut decoder =
                    zstd::stream::read::Decoder::with_buffer(buffered).at("read", path)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG).at("read", path)?;
                Box::new(decoder)
            }
        };
        Ok(Self {
            setup,
            stored,
            decoder: Box::new(BufReader::with_capacity(BUFFER, decoder)),
            spool: spool.map(|file| BufWriter::with_capacity(BUFFER, file)),
            hash: hash.then(Sha256::default),
            position: 0,
        })
    }

    /// How many uncompressed bytes were read.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Fills `buffer`, or as much of it as there is before the end.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.decoder.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => {
                    self.take(&buffer[filled..filled + read])?;
                    filled += read;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.explain(error)),
            }
        }
        Ok(filled)
    }

    /// Reads all that is left.
    pub(super) fn skip_to_end(&mut self) -> Result<(), ArchiveError> {
        let mut buffer = vec![0; BUFFER];
        while self.fill(&mut buffer)? == buffer.len() {}
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.position += bytes.len() as u64;
        // Checked while decompressing, so that a bomb does not get to fill the disk.
        if self.position > self.setup.limits.bytes {
            return Err(self.too_much(Excess::Bytes(self.setup.limits.bytes)));
        }
        if self.position > self.setup.limits.ratio_from
            && self.position / self.setup.limits.ratio > self.stored.0.borrow().count
        {
            return Err(self.too_much(Excess::Ratio(self.setup.limits.ratio)));
        }
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        if let Some(spool) = &mut self.spool {
            spool.write_all(bytes).at("write", self.setup.spool)?;
        }
        Ok(())
    }

    fn too_much(&self, excess: Excess) -> ArchiveError {
        ArchiveError::TooMuch {
            path: self.setup.path.to_owned(),
            excess,
        }
    }

    fn explain(&self, error: io::Error) -> ArchiveError {
        let path = self.setup.path.to_owned();
        // The decoders wrap nothing that comes from the operating system.
        if error.raw_os_error().is_some() {
            return match Err::<(), _>(error).at("read", self.setup.path) {
                Err(error) => error.into(),
                Ok(()) => ArchiveError::CutShort { path },
            };
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => ArchiveError::CutShort { path },
            _ => ArchiveError::Damaged {
                path,
                reason: format!("{error}"),
            },
        }
    }

    /// Ends the pass; everything must have been read.
    pub(super) fn finish(mut self) -> Result<Finished, ArchiveError> {
        // A decoder may leave bytes behind its end; they belong to the file all the same.
        io::copy(&mut self.stored, &mut io::sink()).at("read", self.setup.path)?;
        let spool = match self.spool {
            Some(spool) => Some(
                spool
                    .into_inner()
                    .map_err(io::IntoInnerError::into_error)
                    .at("write", self.setup.spool)?,
            ),
            None => None,
        };
        let (hash, stored_size) = {
            let mut stored = self.stored.0.borrow_mut();
            (stored.hash.take(), stored.count)
        };
        Ok(Finished {
            spool,
            digest: hash.map(Sha256::finish),
            diff_id: self.hash.map(|hash| DiffId(hash.finish())),
            size: self.position,
            stored_size,
        })
    }
}
