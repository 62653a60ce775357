//! Images of every line of Flink since 1.6, from miniature distributions of that line.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "these are tests, on real files"
)]

#[path = "../support/mod.rs"]
mod support;

mod layouts;
mod releases;

use flink_img::flink::Distribution;
use flink_img::memory::Forgetful;
use support::lines::{
    line_of, mini_hadoop_release, mini_release, mini_release_archive, mini_release_folder,
    mini_scala,
};

#[test]
fn the_miniature_of_each_line_is_a_distribution_of_it() {
    let folder = tempfile::tempdir().unwrap();
    for line in flink_img::flink::lines::LINES {
        let version = line.newest;
        let files = mini_release(version);
        let archive = folder.path().join(format!("{version}.tgz"));
        std::fs::write(&archive, mini_release_archive(version)).unwrap();
        let found = Distribution::from_archive(&archive, folder.path(), &Forgetful).unwrap();
        assert_eq!(found.version.to_string(), version);
        assert_eq!(found.scala.unwrap().to_string(), mini_scala(version));
        let paths = |distribution: &Distribution| -> Vec<String> {
            let files = distribution.files.iter();
            files.map(|file| file.path.as_str().to_owned()).collect()
        };
        let expected: Vec<_> = files.into_iter().map(|file| file.path).collect();
        assert_eq!(paths(&found), expected);
        let root = mini_release_folder(folder.path(), version);
        let laid_out = Distribution::from_directory(&root, &Forgetful).unwrap();
        assert_eq!(paths(&laid_out), expected);
        if line_of(version) < (1, 8) {
            assert_eq!(mini_hadoop_release(version).len(), expected.len() + 1);
        }
    }
}
