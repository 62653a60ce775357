//! A second build reads none of the inputs that it knows, and `-v` says so.

use std::fs::File;
use std::time::{Duration, SystemTime};

use flink_img::oci::{BlobSource, Config, Descriptor, DiffId, Digest, Image, Layer};
use flink_img::store::Output;

use crate::support::context::{JAVA_17, Run, TestContext, base, base_config, layer};
use crate::support::fixtures::Compress;
use crate::support::workshop::settle;

/// What `-v` says of reading inputs, each line once.
fn hashed(run: &Run) -> Vec<&str> {
    let lines = run.stderr.lines().map(str::trim);
    let mut lines: Vec<_> = lines
        .filter_map(|line| line.strip_prefix("DEBUG "))
        .filter(|line| line.contains("hashed"))
        .collect();
    lines.sort_unstable();
    lines
}

fn build(context: &TestContext, base: &str, flink: [&str; 2]) -> Run {
    let words = ["build", "-v", "--base", base, "--job-jar", "job.jar"];
    let more = ["--job-artifacts", "more.txt"];
    context.run(words.iter().chain(&flink).chain(&more)).ok()
}

#[test]
fn nothing_is_hashed_twice() {
    let context = TestContext::new();
    context.write("more.txt", "more");
    let tar = base(JAVA_17);
    let (media_type, bytes) = layer(&tar, Compress::Gzip);
    let layers = vec![Layer {
        descriptor: Descriptor::of(media_type, &bytes),
        diff_id: DiffId(Digest::of(&tar)),
        source: BlobSource::Bytes(bytes.into()),
    }];
    let config = Config::parse(&base_config("amd64", &tar)).unwrap();
    let image = Image::new(&config, layers, &[]).into();
    for (kind, name) in [("oci-archive", "a.tar"), ("docker-archive", "b.tar")] {
        let output: Output = format!("{kind}:{}", context.path(name).display())
            .parse()
            .unwrap();
        let names = ["acme/lower:1".parse().unwrap()];
        output.write(&image, &names).unwrap().commit().unwrap();
    }
    settle(&context.work());
    for (base, file) in [
        ("rootfs:base.tar", "base.tar"),
        ("oci-archive:a.tar", "a.tar"),
        ("docker-archive:b.tar", "b.tar"),
    ] {
        let first = build(&context, base, ["--from-archive", "flink.tgz"]);
        let line = format!("hashed `{file}`");
        assert!(hashed(&first).contains(&line.as_str()), "{first}");
        let second = build(&context, base, ["--from-archive", "flink.tgz"]);
        let known = [file, "flink.tgz", "job.jar", "more.txt"]
            .map(|file| format!("`{file}` is unchanged since it was hashed"));
        assert_eq!(hashed(&second), known, "{second}");
        assert_eq!(first.digest(), second.digest());
    }
    let folder = ["--from-local-dist", "."];
    let first = build(&context, "rootfs:base.tar", folder);
    assert_eq!(hashed(&first).len(), 4, "{first}");
    let second = build(&context, "rootfs:base.tar", folder);
    let unchanged = |line: &&str| line.ends_with("is unchanged since it was hashed");
    let lines = hashed(&second);
    assert_eq!(lines.len(), 4, "{second}");
    assert!(lines.iter().all(unchanged), "{second}");
    assert_eq!(first.digest(), second.digest());

    context.write("more.txt", "less");
    // However long the next build takes to begin.
    let later = SystemTime::now() + Duration::from_secs(60);
    let file = File::options().write(true).open(context.path("more.txt"));
    file.unwrap().set_modified(later).unwrap();
    let third = build(&context, "rootfs:base.tar", folder);
    let lines = hashed(&third);
    assert_eq!(lines.iter().filter(|line| !unchanged(line)).count(), 1);
    assert!(lines.contains(&"hashed `more.txt`, which is too young to be remembered"));
}
