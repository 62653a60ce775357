//! The user `flink`, added to the base's own users.

use crate::base::{UserFile, Users};
use crate::layer::{Content, Entry, ImagePath, Owner};

/// The name of user and group.
const NAME: &str = "flink";
/// Their number, as in the official images; volumes of running clusters belong to it.
pub(super) const ID: u32 = 9999;
/// The user's home.
const HOME: &str = "/opt/flink";

/// `/etc/passwd` and `/etc/group` with the user `flink`. A file that knows the name or the number already stays the
/// base's, and so does one that no line can be added to: the image runs with the bare number just as well.
pub(super) fn entries(base: &Users) -> Vec<Entry> {
    let user = format!("{NAME}:x:{ID}:{ID}:Apache Flink:{HOME}:/sbin/nologin\n");
    let group = format!("{NAME}:x:{ID}:\n");
    [
        ("etc/passwd", &base.passwd, user),
        ("etc/group", &base.group, group),
    ]
    .into_iter()
    .filter_map(|(path, file, line)| {
        let mut text = match file {
            UserFile::Absent => String::new(),
            UserFile::Text(text) if !is_known(text) => text.clone(),
            UserFile::Text(_) | UserFile::Special => return None,
        };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&line);
        let content = Content::from_bytes(text.into_bytes());
        Some(Entry::file(
            ImagePath::fixed(path),
            content,
            false,
            Owner::ROOT,
        ))
    })
    .collect()
}

fn is_known(lines: &str) -> bool {
    lines.lines().any(|line| {
        let mut fields = line.split(':');
        fields.next() == Some(NAME) || fields.nth(1).is_some_and(|id| id.parse() == Ok(ID))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::EntryKind;

    fn files(passwd: &str, group: &str) -> Vec<(String, String)> {
        let text = |text: &str| UserFile::Text(text.to_owned());
        files_of(text(passwd), text(group))
    }

    fn files_of(passwd: UserFile, group: UserFile) -> Vec<(String, String)> {
        entries(&Users { passwd, group })
            .into_iter()
            .map(|entry| {
                let EntryKind::File(content) = &entry.kind else {
                    panic!("a file")
                };
                let text = String::from_utf8(content.read_all().unwrap()).unwrap();
                (entry.path.to_string(), text)
            })
            .collect()
    }

    #[test]
    fn own_lines_come_behind_those_of_the_base() {
        let files = files("root:x:0:0::/root:/bin/sh", "root:x:0:\n");
        assert_eq!(
            files,
            [
                (
                    "/etc/passwd".to_owned(),
                    "root:x:0:0::/root:/bin/sh\nflink:x:9999:9999:Apache Flink:/opt/flink:/sbin/nologin\n".to_owned()
                ),
                ("/etc/group".to_owned(), "root:x:0:\nflink:x:9999:\n".to_owned()),
            ]
        );
    }

    #[test]
    fn a_base_that_knows_the_user_keeps_its_files() {
        assert!(files("flink:x:1:1::/:/bin/sh\n", "x:x:9999:\n").is_empty());
        assert_eq!(files("", "flinkx:x:99990:\n").len(), 2);
        assert_eq!(files_of(UserFile::Absent, UserFile::Special).len(), 1);
    }
}
