//! The Hadoop that was published for each line.

/// Hadoop in one shaded jar, as it was published by itself for a line.
#[derive(Debug, PartialEq, Eq)]
pub struct ShadedJar {
    /// What it is called in a Maven repository, where its group is `org.apache.flink`.
    pub artifact: &'static str,
    /// Its versions, which begin with that of Hadoop; the oldest first.
    pub versions: &'static [&'static str],
}

// What there is in <https://repo.maven.apache.org/maven2/org/apache/flink/>, the newest for each Hadoop: with 1.8 the jar was
// a part of Flink, then one of flink-shaded, of the version that Flink's page of downloads had with the line.
pub(super) const SHADED_1_8: ShadedJar = ShadedJar {
    artifact: "flink-shaded-hadoop2-uber",
    // Not every release came with every Hadoop, and none with 2.6.
    versions: &["2.4.1-1.8.1", "2.7.5-1.8.3", "2.8.3-1.8.3"],
};
pub(super) const SHADED_1_9: ShadedJar = ShadedJar {
    artifact: "flink-shaded-hadoop-2-uber",
    versions: &["2.4.1-7.0", "2.6.5-7.0", "2.7.5-7.0", "2.8.3-7.0"],
};
pub(super) const SHADED_1_10: ShadedJar = ShadedJar {
    artifact: "flink-shaded-hadoop-2-uber",
    versions: &["2.4.1-10.0", "2.6.5-10.0", "2.7.5-10.0", "2.8.3-10.0"],
};
