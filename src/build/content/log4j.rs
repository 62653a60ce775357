//! The configuration of logging, as properties: for log4j 1, or for log4j 2.

use std::path::Path;

use super::ContentError;
use crate::flink::{FlinkVersion, Line};

/// How keys begin: those of log4j 1 with its name, those of log4j 2 with what they are about.
const KEYS: [(&str, u8); 8] = [
    ("log4j.", 1),
    ("rootLogger", 2),
    ("appender", 2),
    ("logger", 2),
    ("status", 2),
    ("property", 2),
    ("monitorInterval", 2),
    ("filter", 2),
];

/// The key without which nothing is logged, by the log4j.
const ROOT: [(&str, u8); 2] = [("log4j.rootLogger", 1), ("rootLogger", 2)];

/// Refuses what the line of Flink would not log by. A wrong file is no error for log4j: it logs nothing.
pub(super) fn check(
    path: &Path,
    bytes: &[u8],
    line: &Line,
    version: &FlinkVersion,
) -> Result<(), ContentError> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().map(str::trim_start);
    let keys: Vec<_> = lines.filter(|line| !line.starts_with(['#', '!'])).collect();
    let root = |line: &&str| ROOT.iter().find(|(key, _)| line.starts_with(key));
    let roots: Vec<_> = keys.iter().filter_map(root).collect();
    if let Some((_, found)) = roots.first()
        && !roots.iter().any(|(_, version)| *version == line.log4j)
    {
        return Err(ContentError::OtherLog4j {
            path: path.to_owned(),
            found: *found,
            needed: line.log4j,
            version: version.clone(),
        });
    }
    let mut found: Vec<u8> = keys
        .iter()
        .filter_map(|line| KEYS.iter().find(|(key, _)| line.starts_with(key)))
        .map(|(_, version)| *version)
        .collect();
    found.sort_unstable();
    found.dedup();
    match found[..] {
        [] => Err(ContentError::NoLog4j(path.to_owned())),
        [only] if only != line.log4j => Err(ContentError::OtherLog4j {
            path: path.to_owned(),
            found: only,
            needed: line.log4j,
            version: version.clone(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flink::Known;

    #[test]
    fn a_configuration_is_for_the_log4j_that_flink_has() {
        const ONE: &str = "# rootLogger.level = INFO\nlog4j.rootLogger=INFO, console\n";
        const TWO: &str = "  rootLogger.level = INFO\n#log4j.x=y\n";
        for (version, text, expected) in [
            ("1.10.3", ONE, Ok(())),
            ("1.11.6", TWO, Ok(())),
            (
                "1.11.6",
                "log4j.rootLogger=INFO\nrootLogger.level=INFO\n",
                Ok(()),
            ),
            (
                "1.20.5",
                "log4j.rootLogger=${logger.level}\nlogger.level=INFO\n",
                Err("`x` is written for log4j 1, and Flink 1.20.5 has log4j 2"),
            ),
            (
                "1.10.3",
                TWO,
                Err("`x` is written for log4j 2, and Flink 1.10.3 has log4j 1"),
            ),
            (
                "1.20.5",
                ONE,
                Err("`x` is written for log4j 1, and Flink 1.20.5 has log4j 2"),
            ),
            (
                "1.20.5",
                "",
                Err("`x` is no configuration of log4j in the form of properties"),
            ),
            (
                "1.20.5",
                "<Configuration/>",
                Err("`x` is no configuration of log4j in the form of properties"),
            ),
        ] {
            let version = version.parse().unwrap();
            let line = Known::of(&version).unwrap().line;
            let found = check(Path::new("x"), text.as_bytes(), line, &version);
            assert_eq!(
                found.map_err(|error| error.to_string()),
                expected.map_err(str::to_owned),
                "{text}"
            );
        }
    }
}
