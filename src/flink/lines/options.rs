//! What the job process of each line understands before the arguments of the job.
//!
//! Parsing stops at the first word that is none of them: that word and all after it are for the job.

use super::{FlinkVersion, Known};

/// An option of the job process (`standalone-job.sh`), which stands before the arguments of the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobOption {
    /// How it is written, with the short form first where it has one.
    pub names: &'static str,
    /// What its value is called; `None` if it has none.
    pub value: Option<&'static str>,
    /// Whether the job process does not start without it.
    pub is_required: bool,
    /// The first release of the line that has it, by its last number.
    pub since: u16,
}

impl Known {
    /// What the job process of this release understands. A release of a line that is not known is taken for the newest of
    /// those that it is treated like.
    pub fn options(&self, version: &FlinkVersion) -> impl Iterator<Item = &'static JobOption> {
        let patch = if self.assumed {
            u16::MAX
        } else {
            version.patch()
        };
        let options = self.line.options.iter();
        options.filter(move |option| option.since <= patch)
    }
}

const fn option(names: &'static str, value: Option<&'static str>) -> JobOption {
    JobOption {
        names,
        value,
        is_required: false,
        since: 0,
    }
}

const CLASS: JobOption = option("-j, --job-classname", Some("CLASS"));
const REQUIRED_CLASS: JobOption = JobOption {
    is_required: true,
    ..CLASS
};
const DYNAMIC: JobOption = option("-D", Some("KEY=VALUE"));
const WEB_PORT: JobOption = option("-r, --webui-port", Some("PORT"));
const SAVEPOINT: JobOption = option("-s, --fromSavepoint", Some("PATH"));
const NOT_RESTORED: JobOption = option("-n, --allowNonRestoredState", None);
const JOB_ID: JobOption = option("-jid, --job-id", Some("ID"));
const HOST: JobOption = option("-h, --host", Some("HOST"));
const JARS: JobOption = option("-jars, --jars", Some("JAR,..."));

/// The same option, but only from the release with this last number on.
const fn since(option: JobOption, since: u16) -> JobOption {
    JobOption { since, ..option }
}

// As registered in `StandaloneJobClusterConfigurationParserFactory` and `StandaloneApplicationClusterConfigurationParserFactory` of each line.
pub(super) const OPTIONS_1_6: &[JobOption] = &[
    REQUIRED_CLASS,
    DYNAMIC,
    WEB_PORT,
    since(SAVEPOINT, 1),
    since(NOT_RESTORED, 1),
];
pub(super) const OPTIONS_1_7: &[JobOption] =
    &[REQUIRED_CLASS, DYNAMIC, WEB_PORT, SAVEPOINT, NOT_RESTORED];
pub(super) const OPTIONS_1_8: &[JobOption] =
    &[CLASS, DYNAMIC, WEB_PORT, SAVEPOINT, NOT_RESTORED, JOB_ID];
pub(super) const OPTIONS_1_10: &[JobOption] = &[
    CLASS,
    DYNAMIC,
    WEB_PORT,
    SAVEPOINT,
    NOT_RESTORED,
    JOB_ID,
    since(HOST, 2),
];
pub(super) const OPTIONS_1_11: &[JobOption] = &[
    CLASS,
    DYNAMIC,
    WEB_PORT,
    SAVEPOINT,
    NOT_RESTORED,
    JOB_ID,
    HOST,
];
pub(super) const OPTIONS_1_19: &[JobOption] = &[
    CLASS,
    DYNAMIC,
    WEB_PORT,
    SAVEPOINT,
    NOT_RESTORED,
    JOB_ID,
    HOST,
    JARS,
];
pub(super) const OPTIONS_2_0: &[JobOption] =
    &[CLASS, DYNAMIC, SAVEPOINT, NOT_RESTORED, JOB_ID, JARS];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_release_has_the_options_of_its_line_that_were_there_by_then() {
        for (version, savepoint, host, jars) in [
            ("1.6.0", false, false, false),
            ("1.6.1", true, false, false),
            ("1.10.1", true, false, false),
            ("1.10.2", true, true, false),
            ("1.10-SNAPSHOT", true, true, false),
            ("1.18.0", true, true, false),
            ("1.20.5", true, true, true),
            ("2.3.0", true, false, true),
            ("2.9.0", true, false, true),
        ] {
            let version: FlinkVersion = version.parse().unwrap();
            let known = Known::of(&version).unwrap();
            let names: Vec<_> = known.options(&version).map(|option| option.names).collect();
            let has = |option: JobOption| names.contains(&option.names);
            let found = (has(SAVEPOINT), has(HOST), has(JARS));
            assert_eq!(found, (savepoint, host, jars), "{version}");
            assert!(has(CLASS) && has(DYNAMIC));
        }
    }
}
