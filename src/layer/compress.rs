//! Gzip whose bytes depend on nothing but the input: not on threads, write sizes, or the machine.
//!
//! The input is cut into blocks of 1 MiB. Each block is compressed by a fresh deflate that knows the 32 KiB before
//! it, ends on a byte boundary, and so can be made on any core; put one behind the other they are one deflate
//! stream in one gzip member. (Feeding one long-lived deflate instead lets the sizes of the writes leak into the
//! output, for zlib-rs and zlib-ng at several levels.)
//!
//! What is compressed already is not worth a second try: [`Compression::Stored`] wraps it in stored blocks, whose
//! bytes RFC 1951 fixes to the last bit.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde::{Deserialize, Serialize};
use zlib_rs::{Deflate, DeflateFlush, Status};

/// Small enough to keep all cores busy on a layer of a few megabytes, large enough that the restart at each
/// block costs less than 0.1 % of the size.
const BLOCK: usize = 1024 * 1024;
/// The window of deflate: how far back a block may refer to.
const WINDOW: usize = 32 * 1024;
/// Longest stored block of deflate.
const STORED_LIMIT: usize = 65_535;
/// Magic, deflate, no flags, no time, no extra flags, unknown operating system.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// How a layer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Gzip around the bytes as they are.
    Stored,
    /// Gzip at a level from 1 to 9.
    Gzip(u8),
}

impl Compression {
    /// For layers that are made once and pulled often.
    pub const COMPACT: Self = Self::Gzip(6);
}

/// A block on its way to a worker.
struct Job {
    window: Vec<u8>,
    block: Vec<u8>,
    last: bool,
    done: SyncSender<io::Result<Block>>,
}

/// A block that was compressed.
struct Block {
    bytes: Vec<u8>,
    checksum: crc32fast::Hasher,
}

/// Compresses what is written to it, on several threads, into `W`.
///
/// [`Compressor::finish`] must be called; without it the output is not a whole gzip file.
#[derive(Debug)]
pub struct Compressor<W: Write> {
    inner: W,
    block: Vec<u8>,
    window: Vec<u8>,
    checksum: crc32fast::Hasher,
    length: u64,
    pending: VecDeque<Receiver<io::Result<Block>>>,
    pending_limit: usize,
    jobs: Option<SyncSender<Job>>,
    workers: Vec<JoinHandle<()>>,
}

impl<W: Write> Compressor<W> {
    /// Starts a gzip member in `inner`, with `threads` workers.
    pub fn new(mut inner: W, compression: Compression, threads: NonZeroUsize) -> io::Result<Self> {
        inner.write_all(&GZIP_HEADER)?;
        let (jobs, queue) = sync_channel::<Job>(threads.get());
        let queue = Arc::new(Mutex::new(queue));
        let workers = (0..threads.get())
            .map(|_| {
                let queue = Arc::clone(&queue);
                std::thread::spawn(move || work(&queue, compression))
            })
            .collect();
        Ok(Self {
            inner,
            block: Vec::with_capacity(BLOCK),
            window: Vec::new(),
            checksum: crc32fast::Hasher::new(),
            length: 0,
            pending: VecDeque::new(),
            pending_limit: 2 * threads.get(),
            jobs: Some(jobs),
            workers,
        })
    }

    /// Ends the member and returns the inner writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.send_block(true)?;
        while !self.pending.is_empty() {
            self.write_first()?;
        }
        self.inner
            .write_all(&self.checksum.clone().finalize().to_le_bytes())?;
        // The format counts modulo 2^32.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "RFC 1952 wants the low 32 bits"
        )]
        self.inner.write_all(&(self.length as u32).to_le_bytes())?;
        self.jobs = None;
        for worker in self.workers.drain(..) {
            worker
                .join()
                .map_err(|_| io::Error::other("a compression thread panicked"))?;
        }
        Ok(self.inner)
    }

    fn send_block(&mut self, last: bool) -> io::Result<()> {
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
        let next_window = block[block.len().saturating_sub(WINDOW)..].to_vec();
        let window = std::mem::replace(&mut self.window, next_window);
        self.length += block.len() as u64;
        let (done, result) = sync_channel(1);
        self.jobs
            .as_ref()
            .and_then(|jobs| {
                jobs.send(Job {
                    window,
                    block,
                    last,
                    done,
                })
                .ok()
            })
            .ok_or_else(|| io::Error::other("the compression threads are gone"))?;
        self.pending.push_back(result);
        if self.pending.len() > self.pending_limit {
            self.write_first()?;
        }
        Ok(())
    }

    fn write_first(&mut self) -> io::Result<()> {
        let Some(result) = self.pending.pop_front() else {
            return Ok(());
        };
        let block = result
            .recv()
            .map_err(|_| io::Error::other("a compression thread panicked"))??;
        self.checksum.combine(&block.checksum);
        self.inner.write_all(&block.bytes)
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        // A full block waits for more bytes, because only then it is known not to be the last one.
        if self.block.len() == BLOCK && !buffer.is_empty() {
            self.send_block(false)?;
        }
        let taken = buffer.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&buffer[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn work(queue: &Mutex<Receiver<Job>>, compression: Compression) {
    loop {
        let job = match queue.lock() {
            Ok(queue) => queue.recv(),
            Err(_) => return,
        };
        let Ok(job) = job else { return };
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(&job.block);
        let bytes = match compression {
            Compression::Stored => Ok(store(&job.block, job.last)),
            Compression::Gzip(level) => deflate(level, &job.window, &job.block, job.last),
        };
        // The other side is gone when the build failed elsewhere; nobody wants the block then.
        let _ = job.done.send(bytes.map(|bytes| Block { bytes, checksum }));
    }
}

/// RFC 1951, 3.2.4: stored blocks, the last one marked when it ends the stream.
fn store(block: &[u8], last: bool) -> Vec<u8> {
    let mut output = Vec::with_capacity(block.len() + 5 * (block.len() / STORED_LIMIT + 2));
    let mut emit = |chunk: &[u8], last: bool| {
        let length = u16::try_from(chunk.len()).expect("chunks are cut to the limit");
        output.push(u8::from(last));
        output.extend_from_slice(&length.to_le_bytes());
        output.extend_from_slice(&(!length).to_le_bytes());
        output.extend_from_slice(chunk);
    };
    let mut chunks = block.chunks(STORED_LIMIT).peekable();
    while let Some(chunk) = chunks.next() {
        emit(chunk, last && chunks.peek().is_none());
    }
    if block.is_empty() && last {
        emit(&[], true);
    }
    output
}

fn deflate(level: u8, window: &[u8], block: &[u8], last: bool) -> io::Result<Vec<u8>> {
    let failed = |what: &str| io::Error::other(format!("deflate failed: {what}"));
    let mut deflate = Deflate::new(i32::from(level), false, 15);
    if !window.is_empty() {
        deflate
            .set_dictionary(window)
            .map_err(|error| failed(error.as_str()))?;
    }
    let flush = if last {
        DeflateFlush::Finish
    } else {
        DeflateFlush::SyncFlush
    };
    // Incompressible input grows by 5 bytes for every 16 KiB, and a flush adds a few.
    let mut output = vec![0; block.len() + block.len() / 1024 + 1024];
    let status = deflate
        .compress(block, &mut output, flush)
        .map_err(|error| failed(error.as_str()))?;
    let written = usize::try_from(deflate.total_out()).map_err(io::Error::other)?;
    let whole = deflate.total_in() == block.len() as u64
        && written < output.len()
        && (!last || matches!(status, Status::StreamEnd));
    if !whole {
        return Err(failed("the output is larger than deflate allows"));
    }
    output.truncate(written);
    Ok(output)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::oci::Digest;

    fn threads(count: usize) -> NonZeroUsize {
        NonZeroUsize::new(count).unwrap()
    }

    fn compress(input: &[u8], compression: Compression, count: usize, write: usize) -> Vec<u8> {
        let mut compressor = Compressor::new(Vec::new(), compression, threads(count)).unwrap();
        for chunk in input.chunks(write) {
            compressor.write_all(chunk).unwrap();
        }
        compressor.finish().unwrap()
    }

    /// Half text, half noise: neither all literals nor all matches.
    fn sample(length: usize) -> Vec<u8> {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut bytes = Vec::with_capacity(length + 64);
        while bytes.len() < length {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            if state & 0x30 == 0 {
                bytes.extend_from_slice(&state.to_le_bytes());
            } else {
                bytes.extend_from_slice(b"org/apache/flink/streaming/");
                bytes.push(u8::try_from(state & 0x3f).unwrap());
            }
        }
        bytes.truncate(length);
        bytes
    }

    #[test]
    fn every_length_comes_back_as_one_member() {
        for compression in [
            Compression::Stored,
            Compression::Gzip(1),
            Compression::COMPACT,
        ] {
            for length in [
                0,
                1,
                STORED_LIMIT,
                STORED_LIMIT + 1,
                BLOCK - 1,
                BLOCK,
                BLOCK + 1,
                3 * BLOCK,
            ] {
                let input = sample(length);
                let output = compress(&input, compression, 2, 100_000);
                let mut back = Vec::new();
                // The reader for a single member, on purpose: it stops where the first one ends.
                flate2::read::GzDecoder::new(&output[..])
                    .read_to_end(&mut back)
                    .unwrap();
                assert_eq!(
                    Digest::of(&back),
                    Digest::of(&input),
                    "{compression:?} {length}"
                );
            }
        }
    }

    #[test]
    fn bytes_depend_on_neither_threads_nor_write_sizes() {
        let input = sample(2 * BLOCK + 12_345);
        for compression in [
            Compression::Stored,
            Compression::Gzip(1),
            Compression::COMPACT,
        ] {
            let expected = compress(&input, compression, 1, input.len());
            for (count, write) in [(1, 512), (2, 8192), (3, 7777), (7, BLOCK), (2, BLOCK + 1)] {
                assert!(
                    compress(&input, compression, count, write) == expected,
                    "{compression:?}, {count} threads, writes of {write}"
                );
            }
        }
    }

    #[test]
    fn bytes_are_those_of_recipe_version_1() {
        let input = sample(2 * BLOCK + 12_345);
        for (compression, digest) in [
            (
                Compression::Stored,
                "sha256:5148dfc2c37398bc203779eae86b6a1f9ced9fc6084dec0420c431399e3c1eba",
            ),
            (
                Compression::COMPACT,
                "sha256:6d7e7e06fae77125546f8aac6e0918bd0df431c1e18e49bd7cea97bc940d69a6",
            ),
        ] {
            let output = compress(&input, compression, 2, 4096);
            assert_eq!(Digest::of(&output).to_string(), digest);
        }
    }

    #[test]
    fn stored_costs_next_to_nothing() {
        let input = sample(4 * BLOCK);
        let output = compress(&input, Compression::Stored, 2, BLOCK);
        assert!(output.len() < input.len() + input.len() / 5000 + 64);
    }
}
