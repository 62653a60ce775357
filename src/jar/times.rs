//! The times of the entries of a jar: they tell whether the same sources give the same jar.

use std::collections::BTreeSet;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::directory::Directory;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Time zones are at most 14 hours ahead of UTC, and 12 behind; an hour more for the build itself.
const ZONES: i64 = 15 * HOUR;
/// What all time zones are apart by.
const ZONE: i64 = 15 * MINUTE;
/// How long before the last entry of a build its first may be.
const BUILD: i64 = HOUR;
/// How long the last entry of a small jar takes to be written, and how far its time is rounded.
const STEP: std::ops::RangeInclusive<i64> = -2..=4;

/// Date and time of an entry, in steps of two seconds. Zip files do not say in which time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DosTime(u32);

impl DosTime {
    /// The seconds since 1970, as if it were in UTC. Days and months that do not exist count on.
    fn seconds(self) -> i64 {
        let [year, month, day, hour, minute, second] = self.parts().map(i64::from);
        // Days from civil: years begin in March, so that the leap day is the last.
        let (year, month) = (year - i64::from(month <= 2), (month + 9) % 12);
        let days = year * 365 + year / 4 - year / 100 + year / 400;
        let days = days + (month * 153 + 2) / 5 + day - 1 - 719_468;
        days * DAY + hour * HOUR + minute * MINUTE + second
    }

    /// Year, month, day, hour, minute and second.
    fn parts(self) -> [u32; 6] {
        let field = |shift: u32, bits: u32| (self.0 >> shift) & ((1 << bits) - 1);
        [
            1980 + field(25, 7),
            field(21, 4),
            field(16, 5),
            field(11, 5),
            field(5, 6),
            2 * field(0, 5),
        ]
    }
}

impl fmt::Display for DosTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [year, month, day, hour, minute, second] = self.parts();
        write!(
            f,
            "{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
        )
    }
}

/// What the times of the entries say together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// The newest.
    pub newest: DosTime,
    /// How many different ones there are within an hour of the newest.
    pub recent: usize,
}

impl Times {
    /// Whether the entries have the times of a build that ended at `modified`, the time of the file itself.
    ///
    /// The newest is close to that of the file, give or take a time zone, and either there are several about then, or it is
    /// that of the file to the second. Older ones say nothing: they are those of libraries. Files that were copied may
    /// have a time of their own, so this may miss a build. One that was given a time has no fraction of a second, and then
    /// the entries may have been given it too.
    pub fn are_of_build(&self, modified: SystemTime) -> bool {
        let Ok(since) = modified.duration_since(UNIX_EPOCH) else {
            return false;
        };
        let Ok(modified) = i64::try_from(since.as_secs()) else {
            return false;
        };
        let age = modified - self.newest.seconds();
        if age.abs() > ZONES {
            return false;
        }
        // From half a step of zones before to half a step behind.
        let in_zone = (age + ZONE / 2).rem_euclid(ZONE) - ZONE / 2;
        self.recent > 1 || (since.subsec_nanos() > 0 && STEP.contains(&in_zone))
    }
}

/// The times in the directory; `None` without entries.
pub(super) fn read(directory: &Directory) -> Option<Times> {
    let times: BTreeSet<_> = directory
        .entries
        .iter()
        .map(|entry| DosTime(entry.time))
        .collect();
    let newest = *times.last()?;
    let start = newest.seconds() - BUILD;
    let recent = times.iter().rev();
    Some(Times {
        newest,
        recent: recent.take_while(|time| time.seconds() >= start).count(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn dos(year: u32, month: u32, day: u32, hour: u32, minute: u32, second: u32) -> DosTime {
        let date = (year - 1980) << 9 | month << 5 | day;
        DosTime(date << 16 | hour << 11 | minute << 5 | (second / 2))
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (time, text, seconds) in [
            (dos(1980, 1, 1, 0, 0, 0), "1980-01-01 00:00:00", 315_532_800),
            (
                dos(2000, 2, 29, 23, 59, 58),
                "2000-02-29 23:59:58",
                951_868_798,
            ),
            (
                dos(2024, 12, 31, 12, 30, 2),
                "2024-12-31 12:30:02",
                1_735_648_202,
            ),
            (
                dos(2100, 3, 1, 0, 0, 0),
                "2100-03-01 00:00:00",
                4_107_542_400,
            ),
        ] {
            assert_eq!(time.to_string(), text);
            assert_eq!(time.seconds(), seconds, "{text}");
        }
        // What is no time is no accident either.
        assert_eq!(DosTime(0).to_string(), "1980-00-00 00:00:00");
        DosTime(u32::MAX).seconds();
    }

    #[test]
    fn only_times_that_nobody_fixed_and_that_fit_the_file_are_those_of_a_build() {
        let built = dos(2024, 6, 1, 12, 0, 0);
        let at = |seconds: u64, nanoseconds| {
            UNIX_EPOCH + Duration::new(1_717_243_200 + seconds, nanoseconds)
        };
        let times = |newest, recent| Times { newest, recent };
        for (times, modified, expected) in [
            (times(built, 2), at(0, 0), true),
            (times(built, 2), at(14 * 3600, 0), true),
            (times(built, 2), at(48 * 3600, 0), false),
            (times(dos(2020, 1, 1, 0, 0, 0), 2), at(0, 0), false),
            // One time: that of the file, which nobody set.
            (times(built, 1), at(3, 500), true),
            (times(built, 1), at(3, 0), false),
            (times(built, 1), at(5, 500), false),
            (times(dos(2024, 6, 1, 12, 0, 2), 1), at(0, 500), true),
            // In Kathmandu, and on the day before in New York.
            (times(built, 1), at(5 * 3600 + 45 * 60 + 2, 500), true),
            (times(dos(2024, 6, 1, 8, 0, 0), 1), at(0, 500), true),
            // Fixed an hour ago, or at a time of no time zone.
            (times(built, 1), at(3600 + 300, 500), false),
            (times(built, 1), at(16 * 3600, 500), false),
            (times(dos(1980, 1, 1, 0, 0, 0), 1), at(0, 500), false),
        ] {
            assert_eq!(
                times.are_of_build(modified),
                expected,
                "{times:?} {modified:?}"
            );
        }
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert!(!times(DosTime(0), 2).are_of_build(before));
    }
}
