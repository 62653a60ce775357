//! What builds on disks of many sizes come to.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::process::Command;

/// What a build on a small disk came to.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// It went well.
    Built,
    /// It ended with a sentence that begins so, without paths.
    Refused(String),
}

/// Runs a build, which must end well or with one sentence about the disk.
pub(crate) fn outcome(build: &mut Command) -> Outcome {
    let output = build.arg("--quiet").output().unwrap();
    if output.status.success() {
        return Outcome::Built;
    }
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(9), "{stderr}");
    assert_eq!(output.stdout, b"");
    let lines: Vec<_> = stderr.lines().collect();
    let [error, causes @ .., cause, hint] = &lines[..] else {
        panic!("not a sentence, its cause and a hint: {stderr}");
    };
    assert!(causes.len() < 2, "{stderr}");
    assert!(
        cause.ends_with("No space left on device (os error 28)"),
        "{stderr}"
    );
    assert!(
        hint.starts_with("hint: free some space, or name a folder"),
        "{stderr}"
    );
    let sentence = error.strip_prefix("error: ").unwrap();
    Outcome::Refused(plain(sentence))
}

/// A sentence, with no more of each path than the last name, and that only if it is one of a few.
fn plain(sentence: &str) -> String {
    let Some((before, rest)) = sentence.split_once('`') else {
        return sentence.to_owned();
    };
    let (path, after) = rest.split_once('`').unwrap();
    let name = path.rsplit('/').next().unwrap();
    let name = if name.len() == 64 { "BLOB" } else { name };
    format!("{before}`{name}`{after}")
}

/// Tries sizes, in the unit of `attempt`, which tells what came of one: such that the disk is full at some moment between
/// the start and the end of a build, and many that lack but little, where what is written last is what finds no room.
pub(crate) fn try_sizes(most: u64, mut attempt: impl FnMut(u64) -> Outcome) -> Outcomes {
    let outcomes = RefCell::new(Outcomes::default());
    let mut attempt = |size| {
        let outcome = attempt(size);
        let fits = outcome == Outcome::Built;
        outcomes.borrow_mut().add(size, outcome);
        fits
    };
    let (mut too_small, mut enough) = (1, most);
    assert!(attempt(enough));
    while enough - too_small > 1 {
        let middle = u64::midpoint(too_small, enough);
        if attempt(middle) {
            enough = middle;
        } else {
            too_small = middle;
        }
    }
    let coarse = (1..12).map(|part| enough * part / 12);
    let fine = (2..14).map(|less| enough.saturating_sub(less));
    let mut sizes: Vec<_> = coarse.chain(fine).chain(1..16).collect();
    sizes.retain(|size| *size > 0);
    sizes.sort_unstable();
    sizes.dedup();
    sizes.retain(|size| !outcomes.borrow().has(*size));
    for size in sizes {
        attempt(size);
    }
    let outcomes = outcomes.into_inner();
    eprintln!("{outcomes:?}");
    outcomes
}

/// The sizes that each outcome came at.
#[derive(Debug, Default)]
pub(crate) struct Outcomes(BTreeMap<Outcome, Vec<u64>>);

impl Outcomes {
    fn add(&mut self, size: u64, outcome: Outcome) {
        self.0.entry(outcome).or_default().push(size);
    }

    fn has(&self, size: u64) -> bool {
        self.0.values().any(|sizes| sizes.contains(&size))
    }

    /// Asserts that builds were refused with sentences that have these in them.
    pub(crate) fn assert_met(&self, parts: &[&str]) {
        for part in parts {
            let met = |outcome: &Outcome| matches!(outcome, Outcome::Refused(text) if text.contains(part));
            assert!(self.0.keys().any(met), "`{part}` was not met: {self:#?}");
        }
    }
}
