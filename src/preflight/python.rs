//! Python that jobs need and a base lacks.

use super::code::Code;
use super::finding::Finding;
use super::subject::Subject;

/// Tells of each base without the Python that is asked for.
pub(super) fn missing(subject: &Subject<'_>) -> Vec<Finding> {
    let missing = subject.grounds.iter().filter_map(|ground| {
        let program = ground.missing_python?;
        let platform = subject.platform_of(ground);
        Some(Finding {
            code: Code::PythonMissing,
            subject: program.to_owned(),
            message: format!("The base has no `{program}`{platform}, which jobs in Python need"),
            way_out: format!(
                "choose a base that has it, or one of Alpine, into which the package `{program}` is put"
            ),
        })
    });
    missing.collect()
}
