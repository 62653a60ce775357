//! One block of a layer, compressed by itself: pure functions of the block and of the little that came before it.
//!
//! A deflate block knows the 32 KiB before it and ends on a byte boundary, so that all blocks, one behind the other, are
//! one deflate stream. A Zstandard block is a frame of its own: RFC 8878 (section 3.1) lets frames follow each other, and
//! every reader of layers reads them to the end. (Zstandard can also cut one frame into jobs for threads of its own. Then
//! its bytes differ between no worker and some, and the memory for the jobs is several times as large.)

use std::io;

use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, TDEFLStatus, compress, create_comp_flags_from_zip_params,
};
use zlib_rs::{Deflate, DeflateFlush, Status};

use super::Compression;

/// Small enough to keep all cores busy on a layer of a few megabytes, large enough that the restart at each
/// block costs less than 0.1 % of the size.
const BLOCK: usize = 1024 * 1024;
/// What a thread needs to compress a block with Zstandard grows with the block. At 1 MiB that is 2 to 12 MB up to level
/// 9 and 18 MB at level 19; at 4 MiB, 15 and 54 MB. The smaller block costs 0.3 % of a Flink at level 3 against one
/// single frame (at 4 MiB 0.04 %), and is faster because more of it fits into the caches.
const ZSTD_BLOCK: usize = BLOCK;
/// The window of deflate: how far back a block may refer to.
pub(super) const WINDOW: usize = 32 * 1024;
/// The level of gzip that is made for jars: their bytes are compressed already, and all that can be saved is what lies
/// between the files in them. `miniz_oxide` finds that at 200 MB a second and core; a Flink grows by 0.3 % against level 6,
/// which takes four times as long. (The lowest level of `zlib-rs` makes jars larger than they are.)
const FASTEST: u8 = 1;
/// Longest stored block of deflate.
const STORED_LIMIT: usize = 65_535;
/// Magic, deflate, no flags, no time, no extra flags, unknown operating system.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

impl Compression {
    /// How many bytes make a block; part of what decides the bytes.
    pub(super) fn block_size(self) -> usize {
        match self {
            Self::Stored | Self::Gzip(_) => BLOCK,
            Self::Zstd(_) => ZSTD_BLOCK,
        }
    }

    /// What comes before the first block.
    pub(super) fn head(self) -> &'static [u8] {
        match self {
            Self::Stored | Self::Gzip(_) => &GZIP_HEADER,
            Self::Zstd(_) => &[],
        }
    }

    /// Compresses a block that comes behind `window`; `last` when none follows. Adds the block to `checksum` if the
    /// format has one checksum for all blocks.
    pub(super) fn pack(
        self,
        window: &[u8],
        block: &[u8],
        last: bool,
        checksum: &mut crc32fast::Hasher,
    ) -> io::Result<Vec<u8>> {
        match self {
            Self::Stored => {
                checksum.update(block);
                Ok(store(block, last))
            }
            Self::Gzip(FASTEST) => {
                checksum.update(block);
                deflate_fast(block, last)
            }
            Self::Gzip(level) => {
                checksum.update(block);
                deflate(level, window, block, last)
            }
            Self::Zstd(level) => frame(level, block),
        }
    }

    /// What comes behind the last block.
    pub(super) fn tail(self, checksum: crc32fast::Hasher, length: u64) -> Vec<u8> {
        match self {
            Self::Stored | Self::Gzip(_) => {
                // The format counts modulo 2^32.
                let [a, b, c, d, ..] = length.to_le_bytes();
                [checksum.finalize().to_le_bytes(), [a, b, c, d]].concat()
            }
            Self::Zstd(_) => Vec::new(),
        }
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

/// A block that refers to nothing before it, so that it needs no window.
fn deflate_fast(block: &[u8], last: bool) -> io::Result<Vec<u8>> {
    /// RFC 1951 without the wrapper of zlib, with a window of 32 KiB.
    const RAW: i32 = -15;
    /// Miniz's name for no special strategy.
    const DEFAULT_STRATEGY: i32 = 0;
    let flags = create_comp_flags_from_zip_params(FASTEST.into(), RAW, DEFAULT_STRATEGY);
    let flush = if last {
        TDEFLFlush::Finish
    } else {
        TDEFLFlush::Sync
    };
    let mut output = vec![0; room(block)];
    let mut compressor = CompressorOxide::new(flags);
    let (status, read, written) = compress(&mut compressor, block, &mut output, flush);
    let expected = if last {
        TDEFLStatus::Done
    } else {
        TDEFLStatus::Okay
    };
    if status != expected || read < block.len() || written == output.len() {
        return Err(failed("the output is larger than deflate allows"));
    }
    output.truncate(written);
    Ok(output)
}

/// Room for what a block may become: the fixed codes have up to 9 bits for a byte, and a flush adds a few.
fn room(block: &[u8]) -> usize {
    block.len() + block.len() / 8 + 1024
}

fn failed(what: &str) -> io::Error {
    io::Error::other(format!("deflate failed: {what}"))
}

fn deflate(level: u8, window: &[u8], block: &[u8], last: bool) -> io::Result<Vec<u8>> {
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
    let mut output = vec![0; room(block)];
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

/// RFC 8878, 3.1.1: a frame with the size of its content and a checksum. A fresh compressor knows nothing of the
/// blocks that the same thread had before.
fn frame(level: u8, block: &[u8]) -> io::Result<Vec<u8>> {
    let mut compressor = zstd::bulk::Compressor::new(i32::from(level))?;
    compressor.include_contentsize(true)?;
    compressor.include_checksum(true)?;
    compressor.compress(block)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn noise_fits_at_every_level() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let noise: Vec<u8> = (0..BLOCK / 8).flat_map(|_| next().to_le_bytes()).collect();
        // Only bytes whose fixed code is of 9 bits.
        let high: Vec<u8> = noise.iter().map(|byte| byte | 0x90).collect();
        for block in [noise, high] {
            for level in 1..=9 {
                let packed = deflate(level, &[], &block, true).unwrap();
                let mut back = Vec::new();
                flate2::read::DeflateDecoder::new(&packed[..])
                    .read_to_end(&mut back)
                    .unwrap();
                assert!(back == block, "{level}");
            }
        }
    }
}
