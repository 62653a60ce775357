//! The variables that an image of each line has: those of the historic job image, which grew from line to line.
//!
//! Scripts and jobs that were written for it find them still, in images of later lines as well.

/// In the order in which they came.
const VARIABLES: &[(&str, &str)] = &[
    ("FLINK_HOME", "/opt/flink"),
    ("FLINK_INSTALL_PATH", "/opt"),
    ("FLINK_LIB_DIR", "/opt/flink/lib"),
    ("FLINK_PLUGINS_DIR", "/opt/flink/plugins"),
    ("FLINK_OPT_DIR", "/opt/flink/opt"),
    ("FLINK_JOB_ARTIFACTS_DIR", "/opt/artifacts"),
    ("FLINK_USR_LIB_DIR", "/opt/flink/usrlib"),
];

pub(super) const ENVIRONMENT_1_6: &[(&str, &str)] = VARIABLES.split_at(3).0;
pub(super) const ENVIRONMENT_1_9: &[(&str, &str)] = VARIABLES.split_at(6).0;
pub(super) const ENVIRONMENT_1_10: &[(&str, &str)] = VARIABLES;
