//! What each compression costs on a real Flink and on a real jar: the table in the README.
//!
//!     cargo bench --features real-parts --bench compressions -- target/parts/flink-2.3.0 path/to/fat.jar
//!
//! A folder is a distribution, and gives the layer with its `lib`, `bin`, `conf` and `plugins`; a file is a job jar. One
//! row for each compression: seconds on two threads (the median of three runs; one run from zstd:19) and megabytes.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "this is a bench, on real files"
)]

use std::fs::File;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Instant;

use flink_img::flink::{Distribution, FlinkLayout, Known};
use flink_img::layer::{
    self, Compression, Content, ContentSource, Entry, ImagePath, LayerPlan, Owner,
};
use flink_img::oci::HashingReader;
use flink_img::progress::Silent;

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

fn entries(path: &Path) -> Vec<Entry> {
    if path.is_dir() {
        let distribution =
            Distribution::from_directory(path, &flink_img::memory::Forgetful).unwrap();
        let known = Known::of(&distribution.version).unwrap();
        return FlinkLayout::new(&distribution, known.line).unwrap().flink;
    }
    let (digest, size) = HashingReader::new(File::open(path).unwrap())
        .finish()
        .unwrap();
    let content = Content {
        digest,
        size,
        source: ContentSource::Path(path.to_owned()),
    };
    let target = ImagePath::fixed("opt/artifacts/job.jar");
    vec![Entry::file(target, content, false, Owner::FLINK)]
}

/// Seconds and bytes of a layer.
fn cost(entries: &[Entry], compression: Compression) -> (f64, u64) {
    let plan = LayerPlan::new("bench", entries.to_vec(), compression).unwrap();
    let runs = if compression == Compression::Zstd(19) {
        1
    } else {
        3
    };
    let mut size = 0;
    let mut seconds: Vec<_> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            let facts = layer::measure(&plan, TWO, &Silent).unwrap();
            size = facts.descriptor.size;
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    (seconds[runs / 2], size)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "megabytes are written with one digit"
)]
fn main() {
    // Cargo itself adds `--bench`.
    let inputs: Vec<_> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    for input in inputs {
        let entries = entries(Path::new(&input));
        let total: u64 = entries.iter().map(Entry::size).sum();
        println!("\n{input}: {:.1} MB\n", total as f64 / 1e6);
        println!("| compression | seconds | MB |\n| --- | ---: | ---: |");
        for name in [
            "stored", "gzip:1", "gzip:6", "gzip:9", "zstd:1", "zstd:3", "zstd:9", "zstd:19",
        ] {
            let (seconds, size) = cost(&entries, name.parse().unwrap());
            println!("| `{name}` | {seconds:.2} | {:.1} |", size as f64 / 1e6);
        }
    }
}
