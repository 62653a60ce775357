//! A compressed stream whose bytes depend on nothing but the input: not on threads, write sizes, or the machine.
//!
//! The input is cut into blocks of a fixed size. Each block is compressed by itself, with a compressor that is fresh or
//! knows the end of the block before it, and so can be made on any core; put one behind the other they are one stream.
//! (Feeding one long-lived deflate instead lets the sizes of the writes leak into the output, for zlib-rs and zlib-ng
//! at several levels.)
//!
//! What is compressed already is not worth a second try: [`Compression::Stored`] wraps it in stored blocks, whose
//! bytes RFC 1951 fixes to the last bit.
//!
//! A block is written once and then shared by all who look at it, the compressing and the hashing threads; none of
//! them is started for a stream of a single block.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};

use super::Compression;
use super::block::WINDOW;
use super::watch::{Block, Part, Seen, Watch};
use crate::oci::Digest;

/// A block on its way to a worker.
struct Job {
    window: Vec<u8>,
    block: Arc<Block>,
    last: bool,
    done: SyncSender<io::Result<Packed>>,
}

/// A block that was compressed.
struct Packed {
    bytes: Vec<u8>,
    checksum: crc32fast::Hasher,
}

/// Compresses what is written to it, on several threads, into `W`.
///
/// [`Compressor::finish`] must be called; without it the output is not a whole file.
#[derive(Debug)]
pub struct Compressor<W: Write> {
    output: W,
    compression: Compression,
    block: Block,
    window: Vec<u8>,
    checksum: crc32fast::Hasher,
    length: u64,
    written: u64,
    pending: VecDeque<Receiver<io::Result<Packed>>>,
    workers: Workers,
    watch: Watch,
}

/// The compressing threads: none for one block, one more for each further block until there are enough.
#[derive(Debug)]
struct Workers {
    limit: usize,
    queue: Option<Queue>,
    threads: Vec<JoinHandle<()>>,
}

/// Both ends of the queue; whichever worker is free takes the next job.
#[derive(Debug)]
struct Queue {
    jobs: SyncSender<Job>,
    taken: Arc<Mutex<Receiver<Job>>>,
}

impl<W: Write> Compressor<W> {
    /// Starts a compressed stream in `output`, with at most `threads` workers.
    pub fn new(output: W, compression: Compression, threads: NonZeroUsize) -> io::Result<Self> {
        Self::watched(output, compression, threads, Watch::default())
    }

    /// The same, with somebody who looks at what goes in and comes out.
    pub(super) fn watched(
        output: W,
        compression: Compression,
        threads: NonZeroUsize,
        watch: Watch,
    ) -> io::Result<Self> {
        let mut new = Self {
            output,
            compression,
            block: Block::default(),
            window: Vec::new(),
            checksum: crc32fast::Hasher::new(),
            length: 0,
            written: 0,
            pending: VecDeque::new(),
            workers: Workers {
                limit: threads.get(),
                queue: None,
                threads: Vec::new(),
            },
            watch,
        };
        new.emit(compression.head().to_vec())?;
        Ok(new)
    }

    /// Ends the stream and returns the output.
    pub fn finish(self) -> io::Result<W> {
        self.finish_watched().map(|(output, _, _)| output)
    }

    /// Ends the stream: the output, its size in bytes, and what was seen.
    pub(super) fn finish_watched(mut self) -> io::Result<(W, u64, Seen)> {
        self.send_block(true)?;
        while !self.pending.is_empty() {
            self.write_first()?;
        }
        let checksum = std::mem::take(&mut self.checksum);
        self.emit(self.compression.tail(checksum, self.length))?;
        self.workers.finish()?;
        let seen = self.watch.finish()?;
        Ok((self.output, self.written, seen))
    }

    /// Makes room for at least one byte more.
    pub(super) fn make_room(&mut self) -> io::Result<()> {
        let size = self.compression.block_size();
        // A full block waits for more bytes, because only then it is known not to be the last one.
        if self.block.bytes.len() == size {
            self.send_block(false)?;
        }
        // Most layers are short or long; only the latter get a whole block at once.
        if self.long() {
            self.block
                .bytes
                .reserve_exact(size - self.block.bytes.len());
        }
        Ok(())
    }

    /// Reads the next part of a file that has `left` bytes more, without a copy in between; there must be room.
    /// An error is one of `reader`. Files with an `expected` digest are compared with it by whoever watches.
    pub(super) fn read_from(
        &mut self,
        reader: &mut dyn Read,
        left: u64,
        (entry, expected): (usize, Option<Digest>),
    ) -> io::Result<u64> {
        let bytes = &mut self.block.bytes;
        let start = bytes.len();
        let room = (self.compression.block_size() - start) as u64;
        let wanted = left.min(room);
        bytes.reserve(usize::try_from(wanted).expect("a block is in memory"));
        let read = reader.take(wanted).read_to_end(bytes)? as u64;
        if let Some(digest) = expected {
            self.block.parts.push(Part {
                range: start..self.block.bytes.len(),
                entry,
                expected: (read == left).then_some(digest),
            });
        }
        Ok(read)
    }

    /// Whether there is more than one block.
    fn long(&self) -> bool {
        self.workers.started()
    }

    fn send_block(&mut self, last: bool) -> io::Result<()> {
        let block = Arc::new(std::mem::take(&mut self.block));
        let bytes = &block.bytes;
        self.length += bytes.len() as u64;
        let next_window = bytes[bytes.len().saturating_sub(WINDOW)..].to_vec();
        let window = std::mem::replace(&mut self.window, next_window);
        let long = !last || self.long();
        self.watch.block(&block, long)?;
        if !long {
            let packed = self
                .compression
                .pack(&window, bytes, last, &mut self.checksum)?;
            return self.emit(packed);
        }
        let (done, result) = sync_channel(1);
        let job = Job {
            window,
            block,
            last,
            done,
        };
        self.workers.send(job, self.compression)?;
        self.pending.push_back(result);
        if self.pending.len() > 2 * self.workers.limit {
            self.write_first()?;
        }
        Ok(())
    }

    fn write_first(&mut self) -> io::Result<()> {
        let Some(result) = self.pending.pop_front() else {
            return Ok(());
        };
        let packed = result
            .recv()
            .map_err(|_| io::Error::other("a compression thread panicked"))??;
        self.checksum.combine(&packed.checksum);
        self.emit(packed.bytes)
    }

    fn emit(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        let bytes = Arc::new(bytes);
        self.written += bytes.len() as u64;
        self.watch.output(&bytes, self.long())?;
        self.output.write_all(&bytes)
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.make_room()?;
        let room = self.compression.block_size() - self.block.bytes.len();
        let taken = buffer.len().min(room);
        self.block.bytes.extend_from_slice(&buffer[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Workers {
    fn started(&self) -> bool {
        self.queue.is_some()
    }

    fn send(&mut self, job: Job, compression: Compression) -> io::Result<()> {
        let queue = self.queue.get_or_insert_with(|| {
            let (jobs, taken) = sync_channel(self.limit);
            Queue {
                jobs,
                taken: Arc::new(Mutex::new(taken)),
            }
        });
        if self.threads.len() < self.limit {
            let taken = Arc::clone(&queue.taken);
            self.threads
                .push(Builder::new().spawn(move || work(&taken, compression))?);
        }
        queue
            .jobs
            .send(job)
            .map_err(|_| io::Error::other("the compression threads are gone"))
    }

    fn finish(&mut self) -> io::Result<()> {
        self.queue = None;
        for thread in self.threads.drain(..) {
            thread
                .join()
                .map_err(|_| io::Error::other("a compression thread panicked"))?;
        }
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
        let bytes = compression.pack(&job.window, &job.block.bytes, job.last, &mut checksum);
        // The other side is gone when the build failed elsewhere; nobody wants the block then.
        let _ = job.done.send(bytes.map(|bytes| Packed { bytes, checksum }));
    }
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

    const ALL: [Compression; 6] = [
        Compression::Stored,
        Compression::Gzip(1),
        Compression::COMPACT,
        Compression::Zstd(1),
        Compression::Zstd(3),
        Compression::Zstd(9),
    ];
    const BLOCK: usize = 1024 * 1024;

    #[test]
    fn every_length_comes_back_whole() {
        for compression in ALL {
            for length in [0, 1, 65_535, 65_536, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
                let input = sample(length);
                let output = compress(&input, compression, 2, 100_000);
                let mut back = Vec::new();
                match compression {
                    Compression::Zstd(_) => zstd::Decoder::new(&output[..])
                        .unwrap()
                        .read_to_end(&mut back),
                    // The reader for a single member, on purpose: it stops where the first one ends.
                    _ => flate2::read::GzDecoder::new(&output[..]).read_to_end(&mut back),
                }
                .unwrap();
                assert_eq!(
                    Digest::of(&back),
                    Digest::of(&input),
                    "{compression} {length}"
                );
            }
        }
    }

    #[test]
    fn bytes_depend_on_neither_threads_nor_write_sizes() {
        let input = sample(2 * BLOCK + 12_345);
        for compression in ALL {
            let expected = compress(&input, compression, 1, input.len());
            for (count, write) in [(1, 512), (2, 8192), (3, 7777), (7, BLOCK), (2, BLOCK + 1)] {
                assert!(
                    compress(&input, compression, count, write) == expected,
                    "{compression}, {count} threads, writes of {write}"
                );
            }
        }
    }

    #[test]
    fn bytes_are_those_of_recipe_version_2() {
        let input = sample(2 * BLOCK + 12_345);
        for (compression, digest) in [
            (
                Compression::Stored,
                "sha256:5148dfc2c37398bc203779eae86b6a1f9ced9fc6084dec0420c431399e3c1eba",
            ),
            (
                Compression::Gzip(1),
                "sha256:62aa666aab2ff273f3f924fd1e07e358fe3beeecf6044f50f8e75de66814c3d6",
            ),
            (
                Compression::COMPACT,
                "sha256:6d7e7e06fae77125546f8aac6e0918bd0df431c1e18e49bd7cea97bc940d69a6",
            ),
            (
                Compression::Zstd(3),
                "sha256:5e532e2a471cd067f1c3b0ef1a0440b95eb7d8ef7ae8633f84f6651565424227",
            ),
            (
                Compression::Zstd(19),
                "sha256:0411f538fc24cd9953589e4b541ed2c60aa9a8531ff69b8e4ed87468b0dfe5b7",
            ),
        ] {
            let output = compress(&input, compression, 2, 4096);
            assert_eq!(Digest::of(&output).to_string(), digest, "{compression}");
        }
    }

    #[test]
    fn every_frame_of_zstd_has_its_size_and_a_checksum() {
        let output = compress(&sample(2 * BLOCK + 1), Compression::Zstd(3), 2, 4096);
        let mut rest = &output[..];
        for size in [BLOCK, BLOCK, 1] {
            // RFC 8878, 3.1.1.1: the magic, then the descriptor, whose bit 2 announces a checksum.
            assert_eq!(rest[..4], [0x28, 0xb5, 0x2f, 0xfd]);
            assert_ne!(rest[4] & 0b100, 0);
            let size_in_frame = zstd::zstd_safe::get_frame_content_size(rest).unwrap();
            assert_eq!(size_in_frame, Some(size as u64));
            let length = zstd::zstd_safe::find_frame_compressed_size(rest).unwrap();
            rest = &rest[length..];
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn stored_costs_next_to_nothing() {
        let input = sample(4 * BLOCK);
        let output = compress(&input, Compression::Stored, 2, BLOCK);
        assert!(output.len() < input.len() + input.len() / 5000 + 64);
    }

    #[test]
    fn one_block_starts_no_thread() {
        let mut compressor = Compressor::new(Vec::new(), Compression::COMPACT, threads(2)).unwrap();
        compressor.write_all(&sample(BLOCK)).unwrap();
        assert!(compressor.workers.threads.is_empty());
        compressor.write_all(&[0]).unwrap();
        assert_eq!(compressor.workers.threads.len(), 1);
    }
}
