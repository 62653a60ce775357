//! What people read of an image.

use indicatif::HumanBytes;

use super::layout::{Align, list, one_line, path, table};
use crate::build::entrypoint_commands;
use crate::flink::lines::JobOption;
use crate::inspect::{EntryKind, Found, Origin, Summary, TreeEntry};

/// How wide the title of a layer is where nobody says how wide a line may be; foreign ones are whole shell scripts.
const TITLE_WIDTH: usize = 60;
/// Below this it tells nothing.
const LEAST_TITLE_WIDTH: usize = 12;

/// The lines about an image; `width` is how long they may be.
pub(super) fn image(found: &Found, summary: &Summary, width: Option<usize>) -> Vec<String> {
    let head = head(found, summary);
    let indent = head.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 2;
    let mut lines = Vec::new();
    for (name, items) in head {
        let items: Vec<_> = items.iter().map(|item| one_line(item)).collect();
        lines.extend(list(name, indent, &items, width));
    }
    lines.push(String::new());
    lines.extend(layers(summary, width));
    lines
}

/// A name and what there is to say under it.
type Row = (&'static str, Vec<String>);

fn head(found: &Found, summary: &Summary) -> Vec<Row> {
    let said = &summary.said;
    let mut rows: Vec<Row> = Vec::new();
    let mut add = |name, items: Vec<String>| {
        if !items.is_empty() {
            rows.push((name, items));
        }
    };
    let one = |text: &str| vec![text.to_owned()];
    let maybe = |text: &Option<String>| text.iter().cloned().collect::<Vec<_>>();
    add("name", one(&found.name));
    match &found.origin {
        Origin::Store(_) => add("found in", one("the local store")),
        Origin::Registry(_) => add("found in", one("its registry")),
        Origin::File(_) => add("names in it", found.listing.names.clone()),
    }
    match &summary.digest {
        Some(digest) => add("digest", one(&digest.to_string())),
        None => add("digest", one("none, as such an archive has no manifest")),
    }
    if let Some(index) = &found.listing.index {
        let digest = found.listing.index_digest;
        add("index", digest.iter().map(ToString::to_string).collect());
        let platforms = index.platforms();
        add(
            "platforms",
            platforms.iter().map(ToString::to_string).collect(),
        );
    }
    add("platform", one(&summary.platform.to_string()));
    let base = [&said.base_name, &said.base_digest, &said.base_os];
    add("base", base.into_iter().flatten().cloned().collect());
    match (&said.recipe, &said.flink) {
        (Some(recipe), _) => add("recipe", one(recipe)),
        (None, Some(_)) => add(
            "recipe",
            one("unknown, as its annotations were lost on the way"),
        ),
        (None, None) => {}
    }
    add(
        "created",
        summary.config.created().map(one).unwrap_or_default(),
    );
    let assumed = summary
        .options
        .as_ref()
        .filter(|options| options.is_assumed);
    match &said.flink {
        Some(flink) => {
            let treated = assumed.map(|options| format!("treated like {}", options.line));
            add("flink", one(flink).into_iter().chain(treated).collect());
        }
        None => add(
            "flink",
            one("unknown, as the image has no labels of flink-img"),
        ),
    }
    add("scala", maybe(&said.scala));
    add(
        "java",
        [&said.java, &said.java_home]
            .into_iter()
            .flatten()
            .cloned()
            .collect(),
    );
    add("entry class", maybe(&said.job_class));
    add("job jar", maybe(&said.job_jar));
    add(
        "user",
        one(summary.config.user().unwrap_or("root, as none is set")),
    );
    let words = |words: Vec<&str>| {
        let quoted: Vec<_> = words.into_iter().map(quoted).collect();
        if quoted.is_empty() {
            Vec::new()
        } else {
            vec![quoted.join(" ")]
        }
    };
    add("entrypoint", words(summary.config.entrypoint()));
    add("arguments", words(summary.config.command()));
    if said.has_entrypoint {
        let commands = entrypoint_commands().into_iter();
        add(
            "commands",
            commands.map(|command| command.words.join("|")).collect(),
        );
        if let Some(options) = &summary.options {
            add(
                "job options",
                options.options.iter().map(|option| shown(option)).collect(),
            );
        }
    }
    rows
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// `-j|--job-classname CLASS`
fn shown(option: &JobOption) -> String {
    let mut text = option.names.replace(", ", "|");
    if let Some(value) = option.value {
        text.push(' ');
        text.push_str(value);
    }
    if option.is_required {
        text.push_str(" (required)");
    }
    text
}

fn layers(summary: &Summary, width: Option<usize>) -> Vec<String> {
    let sizes = summary.sizes();
    let per_cent = |share: f64| format!("{share:.1} %");
    let row = |cells: [&str; 6]| cells.map(ToOwned::to_owned);
    let mut rows = vec![row(["#", "LAYER", "SIZE", "SHARE", "DIGEST", "FROM"])];
    for layer in &summary.layers {
        let title = layer.title.as_deref().map_or("-".to_owned(), one_line);
        let from = match layer.is_own {
            Some(true) => "own",
            Some(false) => "base",
            None => "-",
        };
        rows.push([
            layer.number.to_string(),
            title,
            HumanBytes(layer.descriptor.size).to_string(),
            per_cent(sizes.share(layer.descriptor.size)),
            layer.descriptor.digest.short(),
            from.to_owned(),
        ]);
    }
    for (name, size) in [
        ("base", sizes.base),
        ("own", sizes.own),
        ("total", Some(sizes.total)),
    ] {
        if let Some(size) = size {
            rows.push([
                String::new(),
                name.to_owned(),
                HumanBytes(size).to_string(),
                per_cent(sizes.share(size)),
                String::new(),
                String::new(),
            ]);
        }
    }
    let columns = [
        Align::Right,
        Align::Cut(LEAST_TITLE_WIDTH, TITLE_WIDTH),
        Align::Right,
        Align::Right,
        Align::Left,
        Align::Left,
    ];
    table(columns, &rows, width)
}

/// The lines about the files of a layer.
pub(super) fn tree(entries: &[TreeEntry]) -> Vec<String> {
    let row = |entry: &TreeEntry| {
        let path = path(&entry.path);
        let removes = |path| ("removes".to_owned(), String::new(), String::new(), path);
        let (mode, owner, size, path) = match entry.kind {
            EntryKind::Removal => removes(path),
            EntryKind::Opaque if path == "." => removes("*".to_owned()),
            EntryKind::Opaque => removes(format!("{path}/*")),
            kind => {
                let owner = format!("{}:{}", entry.owner.user, entry.owner.group);
                let target = entry.target.as_deref().map(self::path);
                let path = match (kind, target) {
                    (EntryKind::Symlink, Some(target)) => format!("{path} -> {target}"),
                    (_, Some(target)) => format!("{path} is {target}"),
                    (EntryKind::Directory, None) => format!("{path}/"),
                    (_, None) => path,
                };
                (mode(kind, entry.mode), owner, entry.size.to_string(), path)
            }
        };
        [mode, owner, size, path]
    };
    let rows: Vec<_> = entries.iter().map(row).collect();
    table(
        [Align::Left, Align::Right, Align::Right, Align::Left],
        &rows,
        None,
    )
}

/// `drwxr-xr-x`, as `ls` has it.
fn mode(kind: EntryKind, mode: u32) -> String {
    let mut text = String::from(match kind {
        EntryKind::Directory => 'd',
        EntryKind::File | EntryKind::Removal | EntryKind::Opaque => '-',
        EntryKind::Symlink => 'l',
        EntryKind::HardLink => 'h',
        EntryKind::CharacterDevice => 'c',
        EntryKind::BlockDevice => 'b',
        EntryKind::Pipe => 'p',
        EntryKind::Other => '?',
    });
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift & 0o7;
        text.push(if bits & 4 == 0 { '-' } else { 'r' });
        text.push(if bits & 2 == 0 { '-' } else { 'w' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::Owner;

    #[test]
    fn modes_are_shown_as_everywhere() {
        for (kind, bits, expected) in [
            (EntryKind::File, 0o644, "-rw-r--r--"),
            (EntryKind::Directory, 0o2775, "drwxrwsr-x"),
            (EntryKind::Directory, 0o1777, "drwxrwxrwt"),
            (EntryKind::File, 0o4755, "-rwsr-xr-x"),
            (EntryKind::File, 0o4644, "-rwSr--r--"),
            (EntryKind::Symlink, 0o777, "lrwxrwxrwx"),
            (EntryKind::Pipe, 0, "p---------"),
        ] {
            assert_eq!(mode(kind, bits), expected);
        }
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_see_more_than_one() {
        for (word, expected) in [
            ("/docker-entrypoint.sh", "/docker-entrypoint.sh"),
            ("a b", "'a b'"),
            ("", "''"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }

    #[test]
    fn files_links_and_removals_are_told_apart() {
        let entry = |path: &str, kind, target: Option<&str>| TreeEntry {
            path: path.to_owned(),
            kind,
            mode: 0o644,
            owner: Owner {
                user: 9999,
                group: 0,
            },
            size: 12,
            target: target.map(ToOwned::to_owned),
        };
        let entries = [
            entry("a", EntryKind::Directory, None),
            entry("a/b\nc", EntryKind::File, None),
            entry("a/d", EntryKind::Symlink, Some("../b")),
            entry("a/e", EntryKind::HardLink, Some("a/b")),
            entry("a/f", EntryKind::Removal, None),
            entry("g", EntryKind::Opaque, None),
            entry(".", EntryKind::Opaque, None),
        ];
        assert_eq!(
            tree(&entries).join("\n"),
            "\
drw-r--r--  9999:0  12  a/
-rw-r--r--  9999:0  12  a/b\\nc
lrw-r--r--  9999:0  12  a/d -> ../b
hrw-r--r--  9999:0  12  a/e is a/b
removes                 a/f
removes                 g/*
removes                 *"
        );
    }
}
