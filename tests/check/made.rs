//! Makers of jars with something wrong, all times in them fixed.

use std::io::Write as _;

use zip::write::SimpleFileOptions;

/// Java 8 and others, as majors of the class file format.
pub(crate) const JAVA_8: u16 = 52;
pub(crate) const JAVA_21: u16 = 65;

/// A jar with these entries, in this order.
pub(crate) fn jar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let dated: Vec<_> = entries
        .iter()
        .map(|(name, bytes)| (*name, *bytes, (1980, 1, 1)))
        .collect();
    dated_jar(&dated)
}

/// An entry: its name, its bytes, and its year, month and day.
pub(crate) type Dated<'a> = (&'a str, &'a [u8], (u16, u8, u8));

/// The same with a day for each entry.
pub(crate) fn dated_jar(entries: &[Dated<'_>]) -> Vec<u8> {
    let timed: Vec<_> = entries
        .iter()
        .map(|(name, bytes, day)| (*name, *bytes, *day, 0))
        .collect();
    timed_jar(&timed)
}

/// An entry with a minute after midnight as well.
pub(crate) type Timed<'a> = (&'a str, &'a [u8], (u16, u8, u8), u8);

/// The same with a day and a minute for each entry.
pub(crate) fn timed_jar(entries: &[Timed<'_>]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes, (year, month, day), minute) in entries {
        let time = zip::DateTime::from_date_and_time(*year, *month, *day, 0, *minute, 0).unwrap();
        let options = SimpleFileOptions::default().last_modified_time(time);
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The head of a class file of this version.
pub(crate) fn class(major: u16) -> Vec<u8> {
    [&b"\xca\xfe\xba\xbe\0\0"[..], &major.to_be_bytes()].concat()
}

/// A manifest that names this class.
pub(crate) fn manifest(main_class: &str) -> Vec<u8> {
    format!("Manifest-Version: 1.0\r\nMain-Class: {main_class}\r\n\r\n").into_bytes()
}

/// The jar of a job with a class of this version.
pub(crate) fn job(major: u16) -> Vec<u8> {
    jar(&[
        ("META-INF/MANIFEST.MF", &manifest("org.example.Job")),
        ("org/example/Job.class", &class(major)),
    ])
}

/// The jar of a job that bundles the run time of Flink.
pub(crate) fn fat(flink: &str) -> Vec<u8> {
    let properties = format!("# ASF\nproject.version={flink}\nscala.binary.version=2.12\n");
    jar(&[
        ("META-INF/MANIFEST.MF", &manifest("org.example.Job")),
        (".flink-runtime.version.properties", properties.as_bytes()),
        (
            "org/apache/flink/api/common/ExecutionConfig.class",
            &class(JAVA_8),
        ),
        (
            "org/apache/flink/runtime/taskexecutor/TaskExecutor.class",
            &class(JAVA_8),
        ),
        ("org/example/Job.class", &class(JAVA_8)),
    ])
}
