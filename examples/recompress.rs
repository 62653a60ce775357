//! The bare floor of a first build: reads a gzip file from stdin, compresses what is in it as the layers of Flink are, and
//! prints how much there was and how much it became. `make bench` times it; nothing is written anywhere.

use std::io::{self, BufReader, Write};
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use flate2::read::MultiGzDecoder;
use flink_img::layer::{CompressionChoice, Compressor, LayerKind};

/// Counts what is written to it.
struct Count(u64);

impl Write for Count {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0 += buffer.len() as u64;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn main() -> io::Result<()> {
    let threads = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let archive = BufReader::with_capacity(1 << 20, io::stdin().lock());
    let compression = CompressionChoice::Auto.of(LayerKind::Jars);
    let mut layer = Compressor::new(Count(0), compression, threads)?;
    let before = io::copy(&mut MultiGzDecoder::new(archive), &mut layer)?;
    let Count(after) = layer.finish()?;
    writeln!(io::stdout(), "{before} bytes became {after}")
}
