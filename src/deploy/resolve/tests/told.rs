//! What is told of changes and of what stays, which image is meant, and what is refused.

use super::*;

#[test]
fn changes_are_told_with_their_lines() {
    let pinned = pin("a: 1\nimage:\n  repository: ghcr.io/acme/job\n  tag: 1\nb: ghcr.io/acme/job:1\nc: ghcr.io/acme/job@{D}\n").unwrap();
    let told: Vec<_> = pinned
        .changes
        .iter()
        .map(|change| format!("{} {} {}", change.line, change.before, change.after))
        .collect();
    assert_eq!(
        told,
        [3, 5].map(|line| format!("{line} ghcr.io/acme/job:1 ghcr.io/acme/job@{D}"))
    );
    assert_eq!((pinned.right, pinned.others), (1, 0));
    let pinned = pin(
        "a: ghcr.io/acme/other@{D}\nb: {repository: quay.io/x, digest: '{D}'}\nc: quay.io/x:1\n",
    )
    .unwrap();
    assert_eq!((pinned.right, pinned.others), (0, 2));
}

#[test]
fn of_several_builds_the_one_that_is_named_counts() {
    let built = [
        one("acme/job:1", D, "one.json"),
        one("acme/job:2", O, "two.json"),
        one("acme/other", D, "one.json"),
        one("acme/other:1", O, "two.json"),
        one("acme/same:1", D, "one.json"),
        one("acme/same:2", D, "two.json"),
    ];
    for (text, expected) in [
        ("acme/job:1", "acme/job@{D}"),
        ("acme/job:2@{D}", "acme/job@{O}"),
        ("acme/job@{D}", "acme/job@{D}"),
        ("acme/job@{O}", "acme/job@{O}"),
        ("acme/other", "acme/other@{D}"),
        ("acme/same", "acme/same@{D}"),
    ] {
        let pinned = read(&format!("image: {text}\n")).pin(&built, &Answers::new());
        assert_eq!(pinned.unwrap().text, full(&format!("image: {expected}\n")));
    }
    let told = |text: &str, built: &[Built]| {
        let error = read(text).pin(built, &Answers::new()).unwrap_err();
        (error.to_string(), read(text).questions(built).is_err())
    };
    let both = format!(
        "`a.yaml` line 2: `acme/job` may be `docker.io/acme/job:1@{D}` of `one.json`, or `docker.io/acme/job:2@{O}` of `two.json`"
    );
    assert_eq!(told("a: 1\nimage: acme/job\n", &built), (both, true));
    let twice = [one("job", D, "one.json"), one("job:latest", O, "two.json")];
    let both = format!(
        "`a.yaml` line 1: `job` may be `docker.io/library/job@{D}` of `one.json`, or `docker.io/library/job:latest@{O}` of `two.json`"
    );
    assert_eq!(told("image: {repository: job}\n", &twice).0, both);
}

#[test]
fn registries_are_asked_for_each_image_once_and_for_nothing_that_was_built() {
    let text = read(
        "image: flink-job\na: {image: busybox}\nb: {image: 'docker.io/library/busybox:latest'}\nc: quay.io/x/y:2\nd: quay.io/x/y\ne: x:1\n\
         f: quay.io/x/z@{O}\ng: {image: 'quay.io/x/z:1@{O}'}\nh: {repository: quay.io/h, tag: 3}\ni: {repository: quay.io/i, tag: ''}\n\
         j: {image: {repository: quay.io/j}}\nk: {repository: quay.io/k, tag: 1, digest: '{O}'}\nl: {image: '$(IMAGE)'}\nimages: [{name: q, newTag: '1'}]\n",
    );
    let asked: Vec<_> = text
        .questions(&built())
        .unwrap()
        .iter()
        .map(|(name, place)| format!("{} {name}", place.line))
        .collect();
    assert_eq!(
        asked,
        [
            "2 docker.io/library/busybox:latest",
            "14 docker.io/library/q:1",
            "9 quay.io/h:3",
            "4 quay.io/x/y:2",
        ]
    );
}

#[test]
fn what_registries_do_not_have_is_an_error_where_an_image_must_be() {
    let answers = |digest: Option<&str>| -> Answers {
        let digest = digest.map(|digest| digest.parse().unwrap());
        Answers::from([("quay.io/x/y:1".parse().unwrap(), digest)])
    };
    for text in [
        "a: quay.io/x/y:1\n",
        "a: {repository: quay.io/x/y, tag: 1}\n",
    ] {
        let pinned = read(text).pin(&[], &answers(None)).unwrap();
        assert_eq!(pinned.text, text);
        assert_eq!(pinned.unknown, [(1, "quay.io/x/y:1".to_owned())]);
        let pinned = read(text).pin(&[], &answers(Some(D))).unwrap();
        assert_eq!((pinned.changes.len(), pinned.unknown), (1, Vec::new()));
    }
    for text in [
        "\nimage: quay.io/x/y:1\n",
        "\nimage: {repository: quay.io/x/y, tag: 1}\n",
    ] {
        let error = read(text).pin(&[], &answers(None)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`a.yaml` line 2: the registry of `quay.io/x/y:1` does not have that image"
        );
    }
}

#[test]
fn what_cannot_be_changed_is_refused() {
    for (text, expected) in [
        (
            "image: ghcr.io/acme/job:1\nb: [\n",
            "`a.yaml` line 3 is no YAML: ",
        ),
        (
            "image: {repository: ghcr.io/acme/job, digest}\n",
            "line 1: the digest of `ghcr.io/acme/job` has no place there",
        ),
        (
            "a: 1\nimage: \"ghcr.io/acme/\\\n  job:1\"\n",
            "line 2: the digest of `ghcr.io/acme/job:1` has no place there",
        ),
        (
            "image:\n  ? repository\n  : ghcr.io/acme/job\n",
            "line 2: the digest of `ghcr.io/acme/job` has no place there",
        ),
        (
            "image:\n  repository: ghcr.io/acme/job\n  tag: &t\n  digest: &d\nb: *d\n",
            "line 2: the digest of `ghcr.io/acme/job` has no place there",
        ),
        (
            "a: &i {repository: ghcr.io/acme/job, tag: 1}\nimage:\n  <<: *i\n  tag: 2\n",
            "line 4: `ghcr.io/acme/job:2` would take over by `<<` the digest that another image gets in line 1",
        ),
        (
            "a: &i {repository: ghcr.io/acme/job, tag: 1}\nb: &b\n  <<: [*i]\n  x: 1\nimage:\n  <<: *b\n  repository: other\n",
            "line 7: `other:1` would take over by `<<` the digest that another image gets in line 1",
        ),
    ] {
        let read = ImageText::read("a.yaml", text);
        let error = read.and_then(|read| read.pin(&built(), &Answers::new()));
        let error = error.unwrap_err().to_string();
        assert!(error.contains(expected), "{text:?}: {error}");
    }
    // With a digest of its own, which may be empty, nothing is taken over.
    assert_pinned(
        "a: &i {repository: ghcr.io/acme/job, tag: 1}\nimage:\n  <<: *i\n  tag: 2\n  digest: ''\n",
        "a: &i {repository: ghcr.io/acme/job, tag: 1, digest: {D}}\nimage:\n  <<: *i\n  tag: 2\n  digest: ''\n",
    );
}

#[test]
fn a_template_of_helm_is_told_as_one() {
    use crate::error::Explain as _;
    let hint = |text: &str| ImageText::read("a.yaml", text).unwrap_err().hint();
    assert!(
        hint("{{- if .x }}\na: 1\n{{- end }}\n")
            .unwrap()
            .contains("helm template")
    );
    assert_eq!(hint("a: [\n"), None);
}

#[test]
fn a_change_that_would_say_something_else_is_noticed() {
    let look = |text: &str| super::look(text).unwrap().tokens;
    let text = read("a: ghcr.io/acme/job:1\nb: {repository: flink-job, tag: latest}\n");
    let value = [format!("ghcr.io/acme/job@{D}"), D.to_owned()];
    let edits: Vec<_> = text
        .found
        .places
        .iter()
        .zip(value)
        .map(|(place, value)| (place.edit.as_ref().unwrap(), value, place))
        .collect();
    let before = &text.found.tokens;
    let right =
        full("a: ghcr.io/acme/job@{D}\nb: {repository: flink-job, tag: latest, digest: {D}}\n");
    assert!(says(before, &edits, &look(&right)));
    for (what, other) in [
        ("ghcr.io/acme/job@", "ghcr.io/acme/jab@"),
        ("a: ", "a: &x "),
        ("b: ", "c: "),
        ("flink-job", "flink"),
        ("latest", "'latest'"),
        ("digest", "digests"),
        (", digest: {D}", ""),
        ("{D}}", "{O}}"),
        ("{D}}", "{D}, e: f}"),
        ("}\n", "}\n---\n"),
    ] {
        let wrong = right.replace(&full(what), &full(other));
        assert_ne!(wrong, right, "{what}");
        assert!(!says(before, &edits, &look(&wrong)), "{wrong}");
    }
}
