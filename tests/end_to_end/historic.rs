//! A line whose job image was built by Flink's own `build.sh`: the last such release, on Java 11.

use crate::savepoint::{UNTIL, stop_and_go_on};
use crate::support::parts::HistoricParts;

/// Between the savepoint and the end, a source of that time still emits; what it emitted then is not in the savepoint and
/// comes again. So what is exact here is where the savepoint is and all that follows from it.
#[test]
fn a_job_of_flink_1_10_goes_on_counting_where_a_savepoint_stopped_it() {
    let parts = HistoricParts::find();
    let halves = stop_and_go_on(&parts.base, &parts.counting, &parts.archive);

    let mut before: Vec<u64> = halves.before.iter().map(|line| line.number).collect();
    before.sort_unstable();
    assert!(before.iter().copied().eq(1..=before.len() as u64));
    let mut after: Vec<u64> = halves.after.iter().map(|line| line.number).collect();
    after.sort_unstable();
    let first = after[0];
    assert!(1 < first && first <= before.len() as u64 + 1, "{first}");
    assert!(after.into_iter().eq(first..=UNTIL));
    // Each key has the count of all numbers up to there, also of those that the savepoint remembers.
    for line in halves.before.iter().chain(&halves.after) {
        assert!(line.is_in_order(), "{line:?}");
    }
}
