//! Jars that come out as another file each time they are built, so that the image does too.

use super::code::Code;
use super::finding::Finding;
use super::jar::{Jar, Role};
use super::subject::Subject;
use crate::jar::JarFacts;

/// Jars with the times of their build in them.
pub(super) fn times(subject: &Subject<'_>) -> Vec<Finding> {
    let judge = |(jar, facts): (&Jar, &JarFacts)| {
        let can_be_normalized = jar.role == Role::Job && facts.obstacle.is_none();
        if subject.normalizes && can_be_normalized {
            return None;
        }
        let times = facts.times.as_ref()?;
        if !times.are_of_build(jar.modified?) {
            return None;
        }
        let order = if facts.sorted {
            ""
        } else {
            ", and they are in no order"
        };
        let message = format!(
            "`{}` is another file each time it is built: its entries have the times of the build, the last {}{order}",
            jar.name(),
            times.newest,
        );
        let build = "fix the times (Maven: `project.build.outputTimestamp`; Gradle: `preserveFileTimestamps = false` and \
                     `reproducibleFileOrder = true`)";
        let way_out = if can_be_normalized {
            format!("{build}, or build the image with `--normalize-jar`")
        } else {
            build.to_owned()
        };
        Some(jar.finding(Code::JarNotReproducible, message, way_out))
    };
    subject.readable().filter_map(judge).collect()
}
