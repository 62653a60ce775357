//! Guards the path from entries to bytes: tar, hashes, gzip and zstd, on input that is the same on every machine.
//!
//! `cargo bench --bench layers` takes under a minute and compares with the run before.
#![allow(missing_docs, reason = "the macros of criterion make functions")]
#![allow(clippy::unwrap_used, reason = "a bench may panic")]

use std::hint::black_box;
use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flink_img::layer::{
    self, Compression, Compressor, Content, Entry, ImagePath, LayerPlan, Owner,
};
use flink_img::oci::{Digest, MakeBlob as _};
use flink_img::progress::Silent;

const LENGTH: usize = 16 << 20;
const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// Three quarters noise and one quarter text: what a jar is to a compressor.
fn sample() -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(LENGTH + 64);
    while bytes.len() < LENGTH {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
        if state & 0xf0 == 0 {
            bytes.extend_from_slice(b"org/apache/flink/streaming/api/");
        }
    }
    bytes.truncate(LENGTH);
    bytes
}

fn plan(files: usize, compression: Compression) -> LayerPlan {
    let entries = sample()
        .chunks(LENGTH / files)
        .enumerate()
        .map(|(number, bytes)| {
            let path = ImagePath::new(&format!("opt/flink/lib/{number}.jar")).unwrap();
            Entry::file(path, Content::from_bytes(bytes), false, Owner::FLINK)
        })
        .collect();
    LayerPlan::new("bench", entries, compression).unwrap()
}

fn layers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("layers");
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .throughput(Throughput::Bytes(LENGTH as u64));
    let bytes = sample();
    group.bench_function("hash", |bench| bench.iter(|| Digest::of(black_box(&bytes))));
    let levels = [
        Compression::Stored,
        Compression::Gzip(1),
        Compression::Gzip(6),
        Compression::Zstd(3),
        Compression::Zstd(9),
    ];
    for compression in levels {
        group.bench_function(format!("compress {compression}"), |bench| {
            bench.iter(|| {
                let mut compressor = Compressor::new(io::sink(), compression, TWO).unwrap();
                compressor.write_all(&bytes).unwrap();
                compressor.finish().unwrap();
            });
        });
    }
    for (name, files) in [("one file", 1), ("4096 files", 4096)] {
        let plan = plan(files, Compression::Stored);
        group.bench_function(format!("measure {name}"), |bench| {
            bench.iter(|| layer::measure(&plan, TWO, &Silent).unwrap());
        });
    }
    let remake = layer::Remake {
        plan: plan(1, Compression::Stored).into(),
        threads: TWO,
    };
    group.bench_function("make again", |bench| {
        bench.iter(|| remake.make(&mut io::sink()).unwrap());
    });
    group.finish();
}

criterion_group!(benches, layers);
criterion_main!(benches);
