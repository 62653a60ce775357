//! What a check found, and what becomes of it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::code::{Code, Severity};
use crate::error::{Explain, Kind};
use crate::progress::{Notice, Reporter};

/// One thing that would fail in the cluster, or may.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// What it is about; also how grave it is.
    pub code: Code,
    /// The file, or the setting.
    pub subject: String,
    /// What is wrong, in one sentence without a final period.
    pub message: String,
    /// What can be done, in the same form.
    pub way_out: String,
}

/// What of the findings matters to this user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Whether warnings stop a build as errors do.
    pub deny_warnings: bool,
    /// What is not told at all, be it an error.
    pub allowed: BTreeSet<Code>,
}

/// Findings that stop a build.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The checks found {}", self.told())]
pub struct Refused {
    errors: usize,
    warnings: usize,
}

impl Refused {
    fn told(&self) -> String {
        let count = |count: usize, what: &str| match count {
            1 => format!("1 {what}"),
            _ => format!("{count} {what}s"),
        };
        let errors = count(self.errors, "error");
        let warnings = count(self.warnings, "warning");
        match (self.errors, self.warnings) {
            (_, 0) => errors,
            (0, _) => format!("{warnings}, which `--deny-warnings` makes errors of"),
            _ => format!("{errors} and {warnings}, which `--deny-warnings` makes errors of"),
        }
    }
}

impl Explain for Refused {
    fn kind(&self) -> Kind {
        Kind::Incompatible
    }

    fn hint(&self) -> Option<String> {
        Some("what is meant to be so is let through with `--allow CODE`; `docs/checks.md` tells of each code".to_owned())
    }
}

impl Policy {
    /// Tells of the findings that matter, and fails if one of them stops the build.
    pub fn apply(&self, findings: &[Finding], reporter: &dyn Reporter) -> Result<(), Refused> {
        let left = self.left(findings);
        for finding in &left {
            reporter.notice(&Notice {
                is_error: finding.code.severity() == Severity::Error,
                code: finding.code.name(),
                message: &finding.message,
                hint: &finding.way_out,
            });
        }
        self.refuse(&left)
    }

    /// The findings that are not allowed, the grave ones first.
    pub fn left<'a>(&self, findings: &'a [Finding]) -> Vec<&'a Finding> {
        let mut left: Vec<_> = findings
            .iter()
            .filter(|finding| !self.allowed.contains(&finding.code))
            .collect();
        left.sort_by_key(|finding| finding.code.severity());
        left
    }

    /// Fails if one of the findings, which are not allowed, stops the build.
    pub fn refuse(&self, left: &[&Finding]) -> Result<(), Refused> {
        let count = |severity| {
            let of_it = left
                .iter()
                .filter(|finding| finding.code.severity() == severity);
            of_it.count()
        };
        let errors = count(Severity::Error);
        let warnings = if self.deny_warnings {
            count(Severity::Warning)
        } else {
            0
        };
        if errors + warnings == 0 {
            return Ok(());
        }
        Err(Refused { errors, warnings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(code: Code) -> Finding {
        Finding {
            code,
            subject: "job.jar".to_owned(),
            message: "m".to_owned(),
            way_out: "w".to_owned(),
        }
    }

    #[test]
    fn errors_stop_and_warnings_do_when_denied_and_what_is_allowed_does_not_count() {
        let (error, warning) = (Code::ClassVersion, Code::FlinkBundled);
        let findings = [finding(warning), finding(error)];
        for (deny_warnings, allowed, expected) in [
            (false, &[][..], Some("The checks found 1 error")),
            (
                true,
                &[],
                Some(
                    "The checks found 1 error and 1 warning, which `--deny-warnings` makes errors of",
                ),
            ),
            (false, &[error], None),
            (
                true,
                &[error],
                Some("The checks found 1 warning, which `--deny-warnings` makes errors of"),
            ),
            (true, &[error, warning], None),
            (false, &[warning], Some("The checks found 1 error")),
        ] {
            let policy = Policy {
                deny_warnings,
                allowed: allowed.iter().copied().collect(),
            };
            let left = policy.left(&findings);
            let refused = policy
                .refuse(&left)
                .err()
                .map(|refused| refused.to_string());
            assert_eq!(refused.as_deref(), expected);
            assert!(left.is_sorted_by_key(|finding| finding.code.severity()));
        }
    }
}
