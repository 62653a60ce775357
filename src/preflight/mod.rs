//! What would fail in the cluster, told before an image is made.
//!
//! Judges facts about jars, Flink, bases and settings, and nothing else: it downloads nothing, builds nothing, and knows
//! neither images nor a terminal. Every finding has a [`Code`]; one table has them all, and `docs/checks.md` explains each.
//! Whether a finding stops a build is decided by a [`Policy`].

mod classes;
mod code;
mod connectors;
mod entry;
mod finding;
mod flink;
mod jar;
mod natives;
mod python;
mod reproducible;
mod secrets;
mod subject;
#[cfg(test)]
mod tests;

pub use code::{Code, CodeError, Severity};
pub use finding::{Finding, Policy, Refused};
pub use jar::{Jar, Role};
pub use secrets::{Place, Setting, looks_secret};
pub use subject::{Ground, Subject, Target};

/// What findings are known by when they are remembered; raised whenever something else is found in the same things.
pub const CHECKS_VERSION: u32 = 1;

/// All that is found in `subject`, in the order of the codes.
///
/// What depends on something that is not known yet is left out: it is found when the same is checked again with more
/// knowledge.
///
/// ```
/// use flink_img::preflight::{Code, Place, Setting, Subject, check};
///
/// let setting = Setting {
///     place: Place::Environment,
///     key: "PGPASSWORD".to_owned(),
///     value: "hunter2".to_owned(),
/// };
/// let subject = Subject { settings: &[setting], ..Subject::default() };
/// let found = check(&subject);
/// assert_eq!(found[0].code, Code::SecretValue);
/// assert!(!found[0].message.contains("hunter2"));
/// ```
pub fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut found = jar::damaged(subject);
    found.extend(jar::signatures(subject));
    found.extend(entry::entry_class(subject));
    found.extend(classes::java(subject));
    found.extend(classes::versioned(subject));
    found.extend(flink::bundled(subject));
    found.extend(flink::conflicting(subject));
    found.extend(connectors::lines(subject));
    let foreign = connectors::foreign(subject, &found);
    found.extend(foreign);
    found.extend(connectors::scala(subject));
    found.extend(flink::logging(subject));
    found.extend(classes::duplicates(subject));
    found.extend(natives::natives(subject));
    found.extend(natives::rocksdb(subject));
    found.extend(python::missing(subject));
    found.extend(secrets::secrets(subject.settings));
    found.extend(reproducible::times(subject));
    found.sort_by_key(|finding| finding.code);
    found
}
