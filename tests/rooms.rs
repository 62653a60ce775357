//! The rooms of the crate (`DESIGN.md`): which may know of which, and how large a file may grow.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "this is a test, on real files"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Every room, and the rooms that it may know. Arrows go down only: a room may name those above it in this table.
const ROOMS: [(&str, &[&str]); 22] = [
    // The nouns, and the ground floor.
    ("oci", &[]),
    ("error", &[]),
    ("progress", &[]),
    ("parallel", &[]),
    ("memory", &["oci"]),
    ("fs", &["error"]),
    ("yaml", &[]),
    ("http", &["error", "fs"]),
    // What is made of bytes; it does not know where they go.
    ("layer", &["oci", "error", "fs", "progress"]),
    ("archive", &["layer", "memory", "oci", "error", "fs"]),
    ("jar", &["parallel", "error", "fs"]),
    // These two do not know each other.
    (
        "flink",
        &[
            "jar", "archive", "layer", "memory", "parallel", "oci", "http", "error", "fs", "yaml",
            "progress",
        ],
    ),
    ("registry", &["oci", "http", "error", "fs", "progress"]),
    // `layer` for its constants.
    (
        "store",
        &[
            "layer", "memory", "parallel", "oci", "error", "fs", "progress",
        ],
    ),
    (
        "base",
        &[
            "store", "registry", "archive", "layer", "memory", "oci", "error", "fs", "progress",
        ],
    ),
    // Judges what the rooms above found out.
    (
        "preflight",
        &["base", "flink", "jar", "oci", "error", "fs", "progress"],
    ),
    // The story.
    (
        "build",
        &[
            "preflight",
            "jar",
            "base",
            "store",
            "registry",
            "flink",
            "archive",
            "layer",
            "memory",
            "parallel",
            "oci",
            "http",
            "error",
            "fs",
            "progress",
        ],
    ),
    // What was made, by this program or another, looked at.
    (
        "inspect",
        &[
            "build", "base", "store", "registry", "flink", "archive", "layer", "oci", "error", "fs",
        ],
    ),
    // From an image to a cluster; it knows what an image says, and not how it is built.
    ("deploy", &["flink", "oci", "error", "fs", "yaml"]),
    // What must hold of readers; it is in no program.
    (
        "fuzzing",
        &[
            "registry", "flink", "jar", "archive", "memory", "oci", "http",
        ],
    ),
    // Nothing depends on the command line, but for the program itself.
    (
        "cli",
        &[
            "build",
            "preflight",
            "jar",
            "base",
            "store",
            "registry",
            "flink",
            "archive",
            "layer",
            "memory",
            "oci",
            "http",
            "error",
            "fs",
            "progress",
            "inspect",
            "deploy",
            "yaml",
        ],
    ),
    ("lib", &[]),
];
/// Where a file has to be split.
const LINE_LIMIT: usize = 600;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The room that a file of `src/` is in: its folder, or its own name.
fn room(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    let first = inside.iter().next().unwrap().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The first names of all `crate::` paths in a source, with those in `crate::{...}`; comments do not count.
fn named(source: &str) -> BTreeSet<String> {
    let code: String = source
        .lines()
        .map(|line| match line.trim_start() {
            line if line.starts_with("//") => "",
            line => line,
        })
        .collect::<Vec<_>>()
        .join("\n");
    let mut found = BTreeSet::new();
    // `$crate::` and `my_crate::` are something else.
    for (place, _) in code.match_indices("crate::") {
        let before = code[..place].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[place + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => {
                let mut depth = 0;
                let mut word = String::new();
                for c in group.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => {
                            found.extend(first_name(&word));
                            word.clear();
                        }
                        _ if depth == 0 => word.push(c),
                        _ => {}
                    }
                }
                found.extend(first_name(&word));
            }
            None => found.extend(first_name(rest)),
        }
    }
    found
}

fn first_name(path: &str) -> Option<String> {
    let name: String = path
        .trim_start()
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!name.is_empty()).then_some(name)
}

#[test]
fn names_are_found_in_every_form() {
    let source = "use crate::a::B;\nuse crate::{b, c::{d, e}, f as g};\n// crate::no\n/// crate::no\nlet x = crate::h::i(); \
                  pub(crate) fn x() {} $crate::j; other_crate::no";
    let found: Vec<_> = named(source).into_iter().collect();
    assert_eq!(found, ["a", "b", "c", "f", "h", "j"]);
}

#[test]
fn rooms_know_only_those_below_them() {
    let allowed: BTreeMap<_, _> = ROOMS.into_iter().collect();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for path in sources(&root().join("src")) {
        let room = room(&path);
        if room == "main" {
            continue;
        }
        let may = allowed
            .get(room.as_str())
            .unwrap_or_else(|| panic!("`{room}` is a new room: say in ROOMS what it may know"));
        for name in named(&std::fs::read_to_string(&path).unwrap()) {
            if name != room && !may.contains(&name.as_str()) {
                wrong.push(format!("{} names `{name}`", path.display()));
            }
        }
        seen.insert(room);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let listed: BTreeSet<_> = allowed.keys().map(|room| (*room).to_owned()).collect();
    assert_eq!(seen, listed, "a room that is listed is not there");
}

#[test]
fn arrows_go_down_only() {
    for (place, (room, may)) in ROOMS.iter().enumerate() {
        for below in *may {
            let known = ROOMS[..place].iter().any(|(name, _)| name == below);
            assert!(known, "`{room}` may know `{below}`, which is not above it");
        }
    }
}

#[test]
fn no_file_is_too_long() {
    let mut long = Vec::new();
    for folder in ["src", "tests"] {
        for path in sources(&root().join(folder)) {
            let lines = std::fs::read_to_string(&path).unwrap().lines().count();
            if lines > LINE_LIMIT {
                long.push(format!("{}: {lines} lines", path.display()));
            }
        }
    }
    assert!(long.is_empty(), "split these: {long:#?}");
}
