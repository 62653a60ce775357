//! The user `flink`, added to the base's own users.

use super::content::User;
use crate::base::{UserFile, Users};
use crate::flink::HOME;
use crate::layer::{Content, Entry, ImagePath, Owner};

/// The name of user and group.
const NAME: &str = "flink";

/// `/etc/passwd` and `/etc/group` with the user `flink`. A file that knows the name or the number already stays the
/// base's, and so does one that no line can be added to: the image runs with the bare number just as well.
///
/// A number without a line works for Flink, and not for what asks for the name of the user, as Hadoop does: so another number
/// gets the line instead.
pub(super) fn entries(base: &Users, user: User) -> Vec<Entry> {
    let User { user, group } = user;
    let user_line = format!("{NAME}:x:{user}:{group}:Apache Flink:/{HOME}:/sbin/nologin\n");
    let group_line = format!("{NAME}:x:{group}:\n");
    [
        ("etc/passwd", &base.passwd, user, user_line),
        ("etc/group", &base.group, group, group_line),
    ]
    .into_iter()
    .filter_map(|(path, file, id, line)| {
        let mut text = match file {
            UserFile::Absent => String::new(),
            UserFile::Text(text) if !is_known(text, id) => text.clone(),
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

fn is_known(lines: &str, number: u32) -> bool {
    lines.lines().any(|line| {
        let mut fields = line.split(':');
        fields.next() == Some(NAME) || fields.nth(1).is_some_and(|id| id.parse() == Ok(number))
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
        entries(&Users { passwd, group }, User::FLINK)
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
    fn another_number_gets_the_line_that_tells_its_name() {
        let base = Users {
            passwd: UserFile::Text("root:x:0:0::/root:/bin/sh\n".to_owned()),
            group: UserFile::Text("root:x:0:\n".to_owned()),
        };
        for (user, lines) in [
            (
                "1234",
                &["flink:x:1234:0:Apache Flink:/opt/flink:/sbin/nologin"][..],
            ),
            (
                "1234:5",
                &[
                    "flink:x:1234:5:Apache Flink:/opt/flink:/sbin/nologin",
                    "flink:x:5:",
                ],
            ),
            ("0", &[]),
        ] {
            let files = entries(&base, user.parse().unwrap());
            let last = files.iter().map(|entry| {
                let EntryKind::File(content) = &entry.kind else {
                    panic!("a file")
                };
                let text = String::from_utf8(content.read_all().unwrap()).unwrap();
                text.lines().last().unwrap().to_owned()
            });
            assert_eq!(last.collect::<Vec<_>>(), lines, "{user}");
        }
    }

    #[test]
    fn a_base_that_knows_the_user_keeps_its_files() {
        assert!(files("flink:x:1:1::/:/bin/sh\n", "x:x:9999:\n").is_empty());
        assert_eq!(files("", "flinkx:x:99990:\n").len(), 2);
        assert_eq!(files_of(UserFile::Absent, UserFile::Special).len(), 1);
    }
}
