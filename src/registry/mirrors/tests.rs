use super::*;

/// Reads one file of this text.
fn read(text: &str) -> Result<Mirrors, MirrorError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registries.conf");
    crate::fs::write_atomic(&path, text.as_bytes()).unwrap();
    Mirrors::default().with_file(&path)
}

/// The places of a name, mirrors with what they are for, all with whether they are insecure, or the prefix that blocks it.
fn places(mirrors: &Mirrors, name: &str) -> Vec<String> {
    let sources = match mirrors.places(&name.parse().unwrap()) {
        Places::Blocked { prefix, .. } => return vec![format!("blocked by {prefix}")],
        Places::Sources(sources) => sources,
    };
    sources
        .into_iter()
        .map(|source| {
            let pulls = match (source.is_mirror, source.by_tag(), source.by_digest()) {
                (false, true, true) => "",
                (true, true, true) => " (mirror)",
                (true, true, false) => " (mirror, tags)",
                (true, false, true) => " (mirror, digests)",
                _ => " (nonsense)",
            };
            let insecure = if source.insecure { " (insecure)" } else { "" };
            format!("{}{pulls}{insecure}", source.reference)
        })
        .collect()
}

#[test]
fn the_longest_prefix_wins_and_ends_where_a_part_of_the_name_ends() {
    let mirrors = read(
        r#"
unqualified-search-registries = ["ignored.example.com"]
a-key-of-tomorrow = { x = 1 }

[[registry]]
prefix = "example.com/foo"
location = "inside.example.net/bar/"
[[registry.mirror]]
location = "mirror-0.local/for-foo"
[[registry.mirror]]
location = "mirror-1.local:5000/mirrors/foo"
insecure = true

[[registry]]
location = "example.com"
[[registry.mirror]]
location = "all.local"

[[registry]]
prefix = "example.com/foo/secret"
blocked = true

[[registry]]
prefix = "docker.io"
location = "hub.local/proxy"

[[registry]]
prefix = "docker.io/library/flink:1.20"
location = "docker.io/library/flink:1.20.5"

[[registry]]
prefix = "*.corp.test"
[[registry.mirror]]
location = "corp.local"

[[registry]]
prefix = "deep.a.corp.test"

[[registry]]
prefix = "*.a.corp.test"
location = "moved.test"
insecure = true

[[registry]]
location = "plain.test/a"
insecure = true
[[registry.mirror]]
location = "all.local"
"#,
    )
    .unwrap();
    let digest = format!("sha256:{}", "0".repeat(64));
    for (name, expected) in [
        (
            "example.com/foo/image:latest",
            &[
                "mirror-0.local/for-foo/image:latest (mirror)",
                "mirror-1.local:5000/mirrors/foo/image:latest (mirror) (insecure)",
                "inside.example.net/bar/image:latest",
            ][..],
        ),
        // The whole of a prefix may be a repository.
        (
            "example.com/foo:1",
            &[
                "mirror-0.local/for-foo:1 (mirror)",
                "mirror-1.local:5000/mirrors/foo:1 (mirror) (insecure)",
                "inside.example.net/bar:1",
            ],
        ),
        (
            "example.com/foo/secret/image",
            &["blocked by example.com/foo/secret"],
        ),
        (
            "example.com/food",
            &["all.local/food (mirror)", "example.com/food"],
        ),
        // Another port is another registry, and so is a host that only begins or ends alike.
        ("example.com:5000/foo", &["example.com:5000/foo"]),
        ("example.com.evil.test/foo", &["example.com.evil.test/foo"]),
        ("notexample.com/foo", &["notexample.com/foo"]),
        ("flink", &["hub.local/proxy/library/flink"]),
        ("flink:1.20", &["docker.io/library/flink:1.20.5"]),
        ("flink:1.20.4", &["hub.local/proxy/library/flink:1.20.4"]),
        ("x.corp.test/a", &["corp.local/a (mirror)", "x.corp.test/a"]),
        (
            "y.x.corp.test/a",
            &["corp.local/a (mirror)", "y.x.corp.test/a"],
        ),
        ("corp.test/a", &["corp.test/a"]),
        ("xcorp.test/a", &["xcorp.test/a"]),
        ("x.corp.test.evil.test/a", &["x.corp.test.evil.test/a"]),
        ("evil.test/x.corp.test/a", &["evil.test/x.corp.test/a"]),
        ("shallow.a.corp.test/b", &["moved.test/b (insecure)"]),
        ("deep.a.corp.test/b", &["deep.a.corp.test/b"]),
        // What is said of some names of a host is said of no others.
        (
            "plain.test/a/b",
            &["all.local/b (mirror)", "plain.test/a/b (insecure)"],
        ),
        ("plain.test/b", &["plain.test/b"]),
        ("moved.test/b", &["moved.test/b"]),
        ("mirror-1.local:5000/b", &["mirror-1.local:5000/b"]),
    ] {
        assert_eq!(places(&mirrors, name), expected, "{name}");
    }
    let pinned = format!("example.com/food:1@{digest}");
    let expected = [
        format!("all.local/food:1@{digest} (mirror)"),
        pinned.clone(),
    ];
    assert_eq!(places(&mirrors, &pinned), expected);
}

#[test]
fn a_mirror_may_be_for_tags_or_for_digests() {
    let mirrors = read(
        r#"
[[registry]]
location = "a.test"
[[registry.mirror]]
location = "all.test"
pull-from-mirror = "all"
[[registry.mirror]]
location = "none.test"
pull-from-mirror = ""
[[registry.mirror]]
location = "digest.test"
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "tag.test"
pull-from-mirror = "tag-only"

[[registry]]
location = "b.test"
mirror-by-digest-only = true
[[registry.mirror]]
location = "digest.test"
"#,
    )
    .unwrap();
    assert_eq!(
        places(&mirrors, "a.test/x"),
        [
            "all.test/x (mirror)",
            "none.test/x (mirror)",
            "digest.test/x (mirror, digests)",
            "tag.test/x (mirror, tags)",
            "a.test/x"
        ]
    );
    assert_eq!(
        places(&mirrors, "b.test/x"),
        ["digest.test/x (mirror, digests)", "b.test/x"]
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_the_file_and_the_entry() {
    for (text, expected) in [
        (
            "[[registry]]\n",
            "The registry `` in `FILE` has neither a `prefix` nor a `location`",
        ),
        (
            "[[registry]]\nlocation = \"https://a.test\"\n",
            "The registry `https://a.test` in `FILE` has a prefix that begins no image name",
        ),
        (
            "[[registry]]\nprefix = \"a.*.test\"\n",
            "The registry `a.*.test` in `FILE` has a prefix that begins no image name",
        ),
        (
            "[[registry]]\nprefix = \"*.a.test/b\"\n",
            "The registry `*.a.test/b` in `FILE` has a prefix that begins no image name",
        ),
        (
            "[[registry]]\nprefix = \"a.test\"\nlocation = \"no host\"\n",
            "The registry `a.test` in `FILE` has a location that begins no image name",
        ),
        (
            "[[registry]]\nprefix = \"a.test\"\nlocation = \"word/b\"\n",
            "The registry `a.test` in `FILE` has a location that begins no image name",
        ),
        (
            "[[registry]]\nprefix = \"a.test\"\n[[registry.mirror]]\ninsecure = true\n",
            "The registry `a.test` in `FILE` has a mirror without a location that begins an image name",
        ),
        (
            "[[registry]]\nprefix = \"a.test\"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = \"b.test\"\npull-from-mirror = \"all\"\n",
            "The registry `a.test` in `FILE` has both `mirror-by-digest-only` and `pull-from-mirror`",
        ),
        (
            "[[registry]]\nprefix = \"a.test\"\n[[registry.mirror]]\nlocation = \"b.test\"\npull-from-mirror = \"sometimes\"\n",
            "`FILE` cannot be read",
        ),
        ("[[registry\n", "`FILE` cannot be read"),
        ("registry = 1\n", "`FILE` cannot be read"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registries.conf");
        crate::fs::write_atomic(&path, text.as_bytes()).unwrap();
        let error = Mirrors::default().with_file(&path).unwrap_err();
        let shown = error
            .to_string()
            .replace(&path.display().to_string(), "FILE");
        assert_eq!(shown, expected, "{text}");
        assert!(crate::error::Explain::hint(&error).is_some());
    }
    assert!(matches!(
        Mirrors::default().with_file(Path::new("/nowhere")),
        Err(MirrorError::Read(_))
    ));
}

#[test]
fn the_old_form_of_the_file_says_nothing_of_mirrors() {
    let mirrors = read("[registries.search]\nregistries = ['a.test']\n").unwrap();
    assert_eq!(places(&mirrors, "a.test/x"), ["a.test/x"]);
}

#[test]
fn files_of_a_folder_are_read_in_order_and_replace_what_was_said_of_the_same_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        crate::fs::write_atomic(&path, text.as_bytes()).unwrap();
        path
    };
    let main = write(
        "main",
        "[[registry]]\nlocation = \"a.test\"\nblocked = true\n[[registry]]\nlocation = \"b.test\"\nblocked = true\n",
    );
    write(
        "20.conf",
        "[[registry]]\nlocation = \"a.test\"\n[[registry.mirror]]\nlocation = \"second.test\"\n",
    );
    write(
        "10.conf",
        "[[registry]]\nlocation = \"a.test\"\n[[registry.mirror]]\nlocation = \"first.test\"\n",
    );
    write("30.conf.bak", "this is no TOML");
    crate::fs::create_dir_all(&folder.path().join("40.conf"), None).unwrap();
    let mirrors = Mirrors::default()
        .with_file(&main)
        .and_then(|mirrors| mirrors.with_folder(folder.path()))
        .and_then(|mirrors| mirrors.with_folder(&folder.path().join("missing")))
        .unwrap();
    assert_eq!(
        places(&mirrors, "a.test/x"),
        ["second.test/x (mirror)", "a.test/x"]
    );
    assert_eq!(places(&mirrors, "b.test/x"), ["blocked by b.test"]);
}
