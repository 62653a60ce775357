//! Guards the reading of jars: a jar of 100 MB with 50 000 classes is looked at in well under a second.
//!
//! `cargo bench --bench jars` makes the jar in `target/`, which takes some seconds the first time, and compares with the
//! run before. The jar is in the memory of the system while it is measured.
#![allow(missing_docs, reason = "the macros of criterion make functions")]
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench may panic, and its files need no careful errors"
)]

use std::fs::File;
use std::hint::black_box;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flink_img::flink::JobJar;
use flink_img::jar::{JarFacts, Manifest, normalize, users};
use flink_img::memory::Forgetful;

const CLASSES: usize = 50_000;
/// What classes have when they are packed, so that all have 100 MB.
const NOISE: usize = 1_850;

/// A class file: a head, names that are found in every class, and what cannot be packed.
fn class(number: usize, state: &mut u64) -> Vec<u8> {
    let names = [
        "java/lang/Object",
        "org/apache/flink/streaming/api/functions/ProcessFunction",
        &format!("org/example/p{}/Class{number}", number % 500),
    ];
    let mut bytes = b"\xca\xfe\xba\xbe\0\0\0\x34\0\x04".to_vec();
    for name in names {
        bytes.push(1);
        bytes.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
        bytes.extend(name.as_bytes());
    }
    let end = bytes.len() + NOISE;
    while bytes.len() < end {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes
}

/// Makes the jar, unless an earlier run did.
fn jar() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join("bench-50000-classes.jar");
    if path.exists() {
        return path;
    }
    let unfinished = path.with_extension("part");
    let options = zip::write::SimpleFileOptions::default();
    let mut zip = zip::ZipWriter::new(BufWriter::new(File::create(&unfinished).unwrap()));
    zip.start_file("META-INF/MANIFEST.MF", options).unwrap();
    zip.write_all(b"Manifest-Version: 1.0\r\nMain-Class: org.example.p0.Class0\r\n\r\n")
        .unwrap();
    let mut state = 0x2545_f491_4f6c_dd1d;
    for number in 0..CLASSES {
        let name = format!("org/example/p{}/Class{number}.class", number % 500);
        zip.start_file(name, options).unwrap();
        zip.write_all(&class(number, &mut state)).unwrap();
    }
    zip.finish().unwrap().flush().unwrap();
    std::fs::rename(unfinished, &path).unwrap();
    path
}

fn jars(criterion: &mut Criterion) {
    let path = jar();
    let size = std::fs::metadata(&path).unwrap().len();
    assert!((95..115).contains(&(size / 1_000_000)), "{size}");
    let mut group = criterion.benchmark_group("jars");
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(3))
        .throughput(Throughput::Bytes(size));
    group.bench_function("manifest", |bench| {
        bench.iter(|| Manifest::read(black_box(&path)).unwrap());
    });
    group.bench_function("facts", |bench| {
        bench.iter(|| JarFacts::read(black_box(&path)).unwrap());
    });
    let facts = JarFacts::read(&path).unwrap();
    assert_eq!(facts.classes.len(), CLASSES);
    let written = serde_json::to_vec(&facts).unwrap();
    group.bench_function("facts that were remembered", |bench| {
        bench.iter(|| serde_json::from_slice::<JarFacts>(black_box(&written)).unwrap());
    });
    let names = ["org/apache/flink/contrib/streaming/state/EmbeddedRocksDBStateBackend"];
    group.bench_function("search all classes", |bench| {
        bench.iter(|| users(&path, black_box(&names), |_| true).unwrap());
    });
    group.bench_function("normalise", |bench| {
        bench.iter(|| normalize(&path, &mut io::sink()).unwrap());
    });
    // What a build does with every jar anyway.
    group.bench_function("hash, for comparison", |bench| {
        bench.iter(|| JobJar::open(&path, &Forgetful).unwrap());
    });
    group.finish();
}

criterion_group!(benches, jars);
criterion_main!(benches);
