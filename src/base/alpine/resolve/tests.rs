use super::*;
use crate::base::alpine::repository::Repository;

/// A package: name and version, then fields as an index has them.
fn record(text: &str) -> Record {
    let (package, fields) = text.split_once(' ').unwrap_or((text, ""));
    let (name, version) = package.split_once('=').unwrap();
    let mut lines = format!("C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:{name}\nV:{version}\n");
    for field in fields.split(';').filter(|field| !field.is_empty()) {
        lines.push_str(field.trim());
        lines.push('\n');
    }
    Record::parse(&lines).unwrap()
}

fn index(name: &str, packages: &[&str]) -> Index {
    Index {
        repository: Repository::Folder(name.into()),
        records: packages.iter().map(|text| record(text)).collect(),
        unreadable: BTreeMap::new(),
    }
}

fn list(text: &str) -> Vec<Dependency> {
    text.split_ascii_whitespace()
        .map(|it| it.parse().unwrap())
        .collect()
}

struct Case {
    installed: &'static [&'static str],
    world: &'static str,
    repository: &'static [&'static str],
    wanted: &'static str,
    /// What it takes, or why it cannot be had.
    expected: &'static str,
}

const CASE: Case = Case {
    installed: &[],
    world: "",
    repository: &[],
    wanted: "a",
    expected: "a-1",
};

impl Case {
    fn check(&self) {
        let installed: Vec<_> = self.installed.iter().map(|text| record(text)).collect();
        let (world, wanted) = (list(self.world), list(self.wanted));
        let mut reversed = self.repository.to_vec();
        reversed.reverse();
        // The order of an index means nothing.
        for packages in [self.repository, &reversed] {
            let indexes = [index("main", packages)];
            let found = match resolve(&installed, &world, &indexes, &wanted) {
                Ok(found) => found
                    .iter()
                    .map(|(_, it)| it.label())
                    .collect::<Vec<_>>()
                    .join(" "),
                Err(error) => error.to_string(),
            };
            assert_eq!(found, self.expected);
        }
    }
}

#[test]
fn it_takes_what_is_needed_and_not_there() {
    for case in [
        CASE,
        Case {
            repository: &[
                "a=1 D:so:b.so.1 c",
                "b=2 p:so:b.so.1=1",
                "c=1 D:d>1",
                "d=1",
                "d=2",
                "e=1",
            ],
            expected: "a-1 b-2 c-1 d-2",
            ..CASE
        },
        Case {
            installed: &["musl=1 p:so:libc.so=1", "c=1"],
            repository: &["a=1 D:so:libc.so c=1 !x", "musl=2 p:so:libc.so=1", "c=2"],
            ..CASE
        },
        // There already, under any name.
        Case {
            installed: &["b=1 p:a=1"],
            repository: &["a=1"],
            expected: "",
            ..CASE
        },
        // A circle is no fault.
        Case {
            repository: &["a=1 D:b", "b=1 D:a"],
            expected: "a-1 b-1",
            ..CASE
        },
        Case {
            repository: &["a=1", "a=1.5", "a=2"],
            wanted: "a~1 a<2",
            expected: "a-1.5",
            ..CASE
        },
    ] {
        let repository: &[&str] = if case.repository.is_empty() {
            &["a=1"]
        } else {
            case.repository
        };
        Case { repository, ..case }.check();
    }
}

#[test]
fn of_several_it_takes_the_one_that_apk_would() {
    for case in [
        // The highest version under the name that is asked for, then the priority.
        Case {
            repository: &["x=9 p:a=1", "y=1 p:a=2", "z=1 p:a=1;k:100"],
            expected: "y-1",
            ..CASE
        },
        Case {
            repository: &["x=9 p:a=1", "y=1 p:a=1;k:10", "z=1 p:a=1"],
            expected: "y-1",
            ..CASE
        },
        Case {
            repository: &["x=1 p:a;k:1", "y=1 p:a;k:2"],
            expected: "y-1",
            ..CASE
        },
        Case {
            repository: &["y=1 p:a=1", "x=1 p:a=1"],
            expected: "x-1",
            ..CASE
        },
        // Nothing is chosen for what it provides without a version; something else may bring it all the same.
        Case {
            repository: &["x=1 p:a", "y=1 p:a"],
            expected: "`a`, which the request needs, is only in packages that have to be asked for by name: `x-1`, `y-1`",
            ..CASE
        },
        Case {
            repository: &["x=1 p:a", "y=1 p:a", "b=1 D:x"],
            wanted: "a b",
            expected: "b-1 x-1",
            ..CASE
        },
        // Where the best choice leads into a conflict, the next one is tried.
        Case {
            repository: &["a=1 D:b c", "b=2", "b=1", "c=1 D:b<2"],
            expected: "a-1 b-1 c-1",
            ..CASE
        },
    ] {
        case.check();
    }
}

#[test]
fn what_comes_by_itself_comes_with_what_is_new() {
    for case in [
        Case {
            repository: &["a=1", "a-doc=1 i:a=1 docs", "docs=1"],
            wanted: "a docs",
            expected: "a-1 a-doc-1 docs-1",
            ..CASE
        },
        Case {
            installed: &["docs=1"],
            repository: &["a=1", "a-doc=1 i:a=1 docs;D:b", "b=1", "b-doc=1 i:b docs"],
            expected: "a-1 a-doc-1 b-1 b-doc-1",
            ..CASE
        },
        // What was there before has brought nothing before.
        Case {
            installed: &["docs=1", "b=1"],
            repository: &[
                "a=1",
                "b-doc=1 i:b docs",
                "c=1 i:a !docs",
                "d=1 i:a;D:nowhere",
            ],
            ..CASE
        },
    ] {
        case.check();
    }
}

#[test]
fn what_does_not_go_together_is_one_sentence() {
    for case in [
        Case {
            repository: &["b=1"],
            expected: "No repository has `a`, which the request needs",
            ..CASE
        },
        Case {
            repository: &["a=1 D:so:x.so.1"],
            expected: "No repository has `so:x.so.1`, which `a-1` needs",
            ..CASE
        },
        Case {
            repository: &["a=1", "a=2"],
            wanted: "a>2",
            expected: "No repository has `a>2`, which the request needs; there is `a-1`, `a-2`",
            ..CASE
        },
        Case {
            installed: &["musl=1.2.3-r0"],
            repository: &["a=1 D:musl>=1.2.4", "musl=1.2.5-r0"],
            expected: "The base has `musl-1.2.3-r0`, and `a-1` needs `musl>=1.2.4`",
            ..CASE
        },
        Case {
            installed: &["a=1"],
            repository: &["a=2"],
            wanted: "a=2",
            expected: "The base has `a-1`, and the request needs `a=2`",
            ..CASE
        },
        Case {
            installed: &["ssl=1 p:so:ssl.so.3=3"],
            repository: &["a=1 D:so:ssl.so.3>3"],
            expected: "The base has `ssl-1`, and `a-1` needs `so:ssl.so.3>3`",
            ..CASE
        },
        Case {
            installed: &["b=1 D:!a"],
            repository: &["a=1"],
            expected: "`a-1`, which the request needs, cannot be there together with `b-1`",
            ..CASE
        },
        Case {
            world: "!a<2",
            repository: &["a=1"],
            expected: "`a-1`, which the request needs, cannot be there together with `!a<2 in /etc/apk/world`",
            ..CASE
        },
        Case {
            repository: &["a=1 D:!b", "b=1"],
            wanted: "a b",
            expected: "`b-1`, which the request needs, cannot be there together with `a-1`",
            ..CASE
        },
        // Two that provide one name with versions.
        Case {
            installed: &["b=1 p:cmd:x=1"],
            repository: &["a=1 p:cmd:x=1"],
            expected: "`a-1`, which the request needs, cannot be there together with `b-1`",
            ..CASE
        },
        Case {
            repository: &["a=1"],
            wanted: "!a",
            expected: "`!a` cannot be asked for: it says what must not be there",
            ..CASE
        },
        Case {
            repository: &["a=1"],
            wanted: "a@edge",
            expected: "`a@edge` cannot be asked for: repositories with tags are not supported",
            ..CASE
        },
    ] {
        case.check();
    }
}

#[test]
fn the_repository_that_is_named_first_counts() {
    let indexes = [index("one", &["a=1", "b=1"]), index("two", &["a=1", "b=2"])];
    let wanted = list("a b");
    let found = resolve(&[], &[], &indexes, &wanted).unwrap();
    let places: Vec<_> = found
        .iter()
        .map(|(place, record)| (*place, record.label()))
        .collect();
    assert_eq!(places, [(0, "a-1".to_owned()), (1, "b-2".to_owned())]);
}

#[test]
fn one_budget_of_steps_holds_for_the_whole_search() {
    // Each of them comes with `a`, and none of them fits: the search for each is as long as it may be.
    let mut packages = vec!["a=1".to_owned()];
    for number in 0..40 {
        packages.push(format!("t{number}=1 i:a;D:n0 n1 n2 n3 n4 n5 n6 n7 missing"));
    }
    for number in 0..8 {
        packages.extend((0..4).map(|way| format!("x{number}-{way}=1 p:n{number}=1")));
    }
    let packages: Vec<_> = packages.iter().map(String::as_str).collect();
    let (indexes, wanted) = ([index("main", &packages)], list("a"));
    let found = resolve_within(20_000, (&[], &[]), &indexes, &wanted);
    assert_eq!(found.unwrap_err(), ResolveError::Effort);
    let simple = [index("main", &["a=1"])];
    assert!(resolve_within(20_000, (&[], &[]), &simple, &wanted).is_ok());
}

#[test]
fn what_comes_by_itself_and_does_not_fit_is_tried_once() {
    let mut packages = vec!["a=1".to_owned(), "t=1 i:a;D:missing".to_owned()];
    packages.extend((0..50).map(|number| format!("u{number}=1 i:a")));
    let packages: Vec<_> = packages.iter().map(String::as_str).collect();
    let (indexes, wanted) = ([index("main", &packages)], list("a"));
    let candidates = Candidates::new(&[], &indexes, STEPS);
    let state = State {
        needs: wanted
            .iter()
            .map(|dependency| Need {
                dependency,
                by: None,
            })
            .collect(),
        ..State::default()
    };
    let mut state = candidates.search(state).unwrap();
    let mut failed = BTreeSet::new();
    while let Some(more) = candidates.triggered(&state, &mut failed).unwrap() {
        state = more;
    }
    assert_eq!((state.chosen.len(), failed.len()), (51, 1));
}
