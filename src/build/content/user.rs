//! Whom a container runs as: numbers, as only these mean the same in every base, and as Kubernetes can see of them alone
//! that it is not root.

use std::fmt;
use std::str::FromStr;

use crate::error::{Explain, Kind};

/// The largest number that is a user or a group: the one above means none.
const LARGEST: u32 = u32::MAX - 1;
/// The group that everything in the home of Flink belongs to.
const GROUP: u32 = 0;

/// A user and a group, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// The number of the user.
    pub user: u32,
    /// The number of the group.
    pub group: u32,
}

/// A word that is no user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no number of a user, as `UID` or `UID:GID`")]
pub struct UserError(String);

impl Explain for UserError {
    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(
            "a name means another number in each base; `id -u NAME` tells that of a user"
                .to_owned(),
        )
    }
}

impl User {
    /// The user `flink`, as in the official images.
    pub const FLINK: Self = Self {
        user: 9999,
        group: 9999,
    };

    /// Whether the user may write where Flink does: `conf/`, `log/`, `plugins/`.
    pub fn may_write(self) -> bool {
        self == Self::FLINK
            || self.user == Self::FLINK.user
            || self.user == 0
            || self.group == GROUP
    }
}

impl Default for User {
    fn default() -> Self {
        Self::FLINK
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.user, self.group)
    }
}

impl FromStr for User {
    type Err = UserError;

    /// Without a group it is group 0, which may write to `conf/`, `log/` and `plugins/` whatever the user is; that of the user
    /// `flink` is his own.
    fn from_str(text: &str) -> Result<Self, UserError> {
        let number = |part: &str| {
            let is_digits = part.chars().all(|c| c.is_ascii_digit());
            let number = part
                .parse()
                .ok()
                .filter(|number| is_digits && *number <= LARGEST);
            number.ok_or_else(|| UserError(text.to_owned()))
        };
        if let Some((user, group)) = text.split_once(':') {
            return Ok(Self {
                user: number(user)?,
                group: number(group)?,
            });
        }
        let user = number(text)?;
        let is_flink = user == Self::FLINK.user;
        let group = if is_flink { Self::FLINK.group } else { GROUP };
        Ok(Self { user, group })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_numbers_and_their_group_is_0() {
        for (text, expected) in [
            ("1234", "1234:0"),
            ("1234:5", "1234:5"),
            ("9999", "9999:9999"),
            ("9999:0", "9999:0"),
            ("0", "0:0"),
            ("4294967294", "4294967294:0"),
        ] {
            assert_eq!(text.parse::<User>().unwrap().to_string(), expected);
        }
        for text in [
            "",
            "flink",
            "1:",
            ":1",
            "-1",
            "+1",
            "1:flink",
            "1:2:3",
            "4294967295",
            " 1",
            "0x1",
        ] {
            assert!(text.parse::<User>().is_err(), "{text}");
        }
        for (text, may_write) in [
            ("1234", true),
            ("1234:1234", false),
            ("9999", true),
            ("0:7", true),
        ] {
            assert_eq!(
                text.parse::<User>().unwrap().may_write(),
                may_write,
                "{text}"
            );
        }
    }
}
