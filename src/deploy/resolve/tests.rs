//! Texts before and after.

mod told;

use super::*;

/// A digest that stands for an image: `D` in the texts below.
const D: &str = "sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd";
/// An older one: `O` below.
const O: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// A text of a table, with its digests written out.
fn full(text: &str) -> String {
    text.replace("{D}", D).replace("{O}", O)
}

fn one(name: &str, digest: &str, from: &str) -> Built {
    Built {
        name: name.parse().unwrap(),
        digest: digest.parse().unwrap(),
        from: format!("`{from}`"),
    }
}

/// One build with two names.
fn built() -> [Built; 2] {
    ["ghcr.io/acme/job:1", "flink-job"].map(|name| one(name, D, "build.json"))
}

fn read(text: &str) -> ImageText {
    ImageText::read("a.yaml", full(text)).unwrap()
}

fn pin(text: &str) -> Result<Pinned, ResolveError> {
    read(text).pin(&built(), &Answers::new())
}

/// Asserts that a text becomes another, and only where digests were put; and that nothing is left to do then.
fn assert_pinned(before: &str, after: &str) {
    let pinned = pin(before).unwrap_or_else(|error| panic!("{before:?}: {error}"));
    assert_eq!(pinned.text, full(after), "{before:?}");
    assert_eq!(pinned.changes.is_empty(), before == after, "{before:?}");
    let again = pin(after).unwrap();
    assert_eq!((again.text, again.changes), (pinned.text, Vec::new()));
}

#[test]
fn a_text_that_names_the_image_gets_its_digest_and_nothing_else_changes() {
    for (before, after) in [
        // As it may be written.
        (
            "image: ghcr.io/acme/job:1\n",
            "image: ghcr.io/acme/job@{D}\n",
        ),
        ("image: ghcr.io/acme/job:1", "image: ghcr.io/acme/job@{D}"),
        (
            "image: >- # x\n  ghcr.io/acme/job:1\nb: &b |2-\n\n    ghcr.io/acme/job:1\n",
            "image: >- # x\n  ghcr.io/acme/job@{D}\nb: &b |2-\n\n    ghcr.io/acme/job:1\n",
        ),
        (
            "{a: [\n]}\n---\n- |-\r\n  ghcr.io/acme/job:1\r\n- 1\r\n",
            "{a: [\n]}\n---\n- |-\r\n  ghcr.io/acme/job@{D}\r\n- 1\r\n",
        ),
        (
            "a: {image: ghcr.io/acme/job, tag: , imageTag: }\n",
            "a: {image: ghcr.io/acme/job@{D}, tag: , imageTag: }\n",
        ),
        (
            "image: ghcr.io/acme/job:1\ntag: 2\n",
            "image: ghcr.io/acme/job@{D}\ntag: 2\n",
        ),
        (
            "image:   'ghcr.io/acme/job:1'   # job\n",
            "image:   'ghcr.io/acme/job@{D}'   # job\n",
        ),
        (
            "image: \"ghcr.io/acme/job:1\" # 'x'\n",
            "image: \"ghcr.io/acme/job@{D}\" # 'x'\n",
        ),
        (
            "image: ghcr.io/acme/job:1 # it's \"1\"\n",
            "image: ghcr.io/acme/job@{D} # it's \"1\"\n",
        ),
        (
            "image: \"ghcr.io\\/acme/j\\u006fb:1\"\n",
            "image: \"ghcr.io/acme/job@{D}\"\n",
        ),
        (
            "image: # the job\n  ghcr.io/acme/job:1\n",
            "image: # the job\n  ghcr.io/acme/job@{D}\n",
        ),
        (
            "image: !!str ghcr.io/acme/job:1\n",
            "image: !!str ghcr.io/acme/job@{D}\n",
        ),
        (
            "\"image\" : ghcr.io/acme/job:1\n",
            "\"image\" : ghcr.io/acme/job@{D}\n",
        ),
        (
            "? image\n: ghcr.io/acme/job:1\n",
            "? image\n: ghcr.io/acme/job@{D}\n",
        ),
        (
            "a: 1\r\nimage: ghcr.io/acme/job:1\r\nb: 2\r\n",
            "a: 1\r\nimage: ghcr.io/acme/job@{D}\r\nb: 2\r\n",
        ),
        (
            "\u{feff}image: ghcr.io/acme/job:1\n",
            "\u{feff}image: ghcr.io/acme/job@{D}\n",
        ),
        (
            "# größer\nä: ö\nimage: ghcr.io/acme/job:1\n",
            "# größer\nä: ö\nimage: ghcr.io/acme/job@{D}\n",
        ),
        ("ghcr.io/acme/job:1\n", "ghcr.io/acme/job@{D}\n"),
        // In flow style, and JSON.
        (
            "{image: ghcr.io/acme/job:1, a: [ghcr.io/acme/job:1]}\n",
            "{image: ghcr.io/acme/job@{D}, a: [ghcr.io/acme/job@{D}]}\n",
        ),
        (
            "{\"image\":\"ghcr.io/acme/job:1\"}",
            "{\"image\":\"ghcr.io/acme/job@{D}\"}",
        ),
        (
            "{\n\t\"image\": \"ghcr.io/acme/job:1\"\n}\n",
            "{\n\t\"image\": \"ghcr.io/acme/job@{D}\"\n}\n",
        ),
        (
            "{\"a\":\"\\\\\\ud83d\\ude00\\n\",\"image\":\"ghcr.io/acme/job:1\"}\n",
            "{\"a\":\"\\\\\\ud83d\\ude00\\n\",\"image\":\"ghcr.io/acme/job@{D}\"}\n",
        ),
        // Spellings of the name stay.
        ("image: flink-job\n", "image: flink-job@{D}\n"),
        ("image: flink-job:latest\n", "image: flink-job@{D}\n"),
        (
            "image: library/flink-job\n",
            "image: library/flink-job@{D}\n",
        ),
        (
            "image: docker.io/library/flink-job:latest\n",
            "image: docker.io/library/flink-job@{D}\n",
        ),
        (
            "image: index.docker.io/library/flink-job\n",
            "image: index.docker.io/library/flink-job@{D}\n",
        ),
        // Without a tag, and with a digest of before.
        ("image: ghcr.io/acme/job\n", "image: ghcr.io/acme/job@{D}\n"),
        (
            "image: ghcr.io/acme/job@{O}\n",
            "image: ghcr.io/acme/job@{D}\n",
        ),
        (
            "image: ghcr.io/acme/job:1@{O}\n",
            "image: ghcr.io/acme/job@{D}\n",
        ),
        (
            "image: ghcr.io/acme/job:1@{D}\n",
            "image: ghcr.io/acme/job:1@{D}\n",
        ),
        (
            "args: [--image, ghcr.io/acme/job]\n",
            "args: [--image, ghcr.io/acme/job@{D}]\n",
        ),
        // Anywhere.
        (
            "env:\n- {name: IMAGE, value: ghcr.io/acme/job:1}\n",
            "env:\n- {name: IMAGE, value: ghcr.io/acme/job@{D}}\n",
        ),
        (
            "- - ghcr.io/acme/job:1\n- x\n",
            "- - ghcr.io/acme/job@{D}\n- x\n",
        ),
        // Several documents.
        (
            "%YAML 1.1\n---\nimage: ghcr.io/acme/job:1\n...\n---\n# b\nimage: flink-job\n---\n",
            "%YAML 1.1\n---\nimage: ghcr.io/acme/job@{D}\n...\n---\n# b\nimage: flink-job@{D}\n---\n",
        ),
        // Aliases.
        (
            "a: &i ghcr.io/acme/job:1\nimage: *i # x\n",
            "a: &i ghcr.io/acme/job@{D}\nimage: *i # x\n",
        ),
        (
            "a: &i 'flink-job' # x\nimage: *i\n",
            "a: &i 'flink-job@{D}' # x\nimage: *i\n",
        ),
        (
            "a: &i\n  flink-job\nimage: *i\n",
            "a: &i\n  flink-job@{D}\nimage: *i\n",
        ),
    ] {
        assert_pinned(before, after);
    }
}

#[test]
fn whatever_stands_around_an_image_stays_byte_for_byte() {
    let around = [
        "",
        "# größer: ghcr.io/acme/job\n",
        "a: |\n  x: ghcr.io/acme/job:2\n\n\n",
        "b: &b {c: '', d: [1, \"\\t\", *b_], e: 'it''s # no comment'}   # x\n",
        "f:\n- *b_\n-   g: 0777\n    h: ~\n",
        "i: \"x\n  y\\\n  z\"\n",
    ];
    let images = [
        "image:  ghcr.io/acme/job:1  # x\n",
        "image: &i \"ghcr.io/acme/job:1\" # x\n",
        "j: {k: [ 'ghcr.io/acme/job:1' ,ghcr.io/acme/job:1 ]}\n",
        "l:\n  - - ghcr.io/acme/job:1\n\n  -\n    - ghcr.io/acme/job:1 \n",
    ];
    let mut count = 0;
    for (above, below) in around
        .iter()
        .flat_map(|above| around.map(|below| (above, below)))
    {
        for image in images {
            for (mark, line_break) in [("", "\n"), ("\u{feff}", "\r\n")] {
                let text = format!("{mark}a_: &b_ 1\n{above}{image}{below}");
                let text = text.replace('\n', line_break);
                if above == &below {
                    continue;
                }
                let expected = text.replace("ghcr.io/acme/job:1", &format!("ghcr.io/acme/job@{D}"));
                assert_eq!(pin(&text).unwrap().text, expected, "{text:?}");
                count += 1;
            }
        }
    }
    assert_eq!(count, 5 * 6 * 4 * 2);
}

#[test]
fn what_does_not_name_the_image_stays() {
    for text in [
        "",
        "# image: ghcr.io/acme/job:1\n",
        "---\n",
        "image: ghcr.io/acme/job:2\n",
        "image: ghcr.io/acme/job:2@{O}\n",
        "image: ghcr.io/acme/job-2:1\n",
        "image: quay.io/acme/job:1\n",
        "image: acme/job:1\n",
        "image: GHCR.io/acme/job:1 x\n",
        "image: ghcr.io/acme/job:1@sha256:12\n",
        "image: ''\nb: ~\nc:\n",
        "image: \"$(IMAGE)\"\n",
        "image: https://ghcr.io/acme/job:1\n",
        // A word is not an image unless it must be one.
        "name: flink-job\nlabels: {app: flink-job}\nargs: [flink-job]\n",
        "image: [flink-job]\n",
        "path: library/flink-job\n",
        // Blocks, comments and keys.
        "a: |\n  ghcr.io/acme/job:1\nb: >-\n  image: ghcr.io/acme/job:1\n",
        "image: |\n  ghcr.io/acme/job:1\n",
        "ghcr.io/acme/job:1: x\n",
        "? ghcr.io/acme/job:1\n: x\n",
        "{ghcr.io/acme/job:1: x, \"ghcr.io/acme/job:1\": y}\n",
        "[ghcr.io/acme/job:1 : x]\n",
        // Merged into itself.
        "image: &i {<<: *i, tag: 1}\n",
        // Put together with a tag.
        "image: ghcr.io/acme/job\nimageTag: '2'\n",
        "image: {name: ghcr.io/acme/job, tag: 1}\n",
        "kind: List\nimages: [{name: ghcr.io/acme/job, newTag: '1'}]\n",
        "env: {IMAGE: ghcr.io/acme/job, IMAGE_TAG: '1'}\n",
        "a: &a ghcr.io/acme/job\nb: {image: *a, tag: 1}\n",
        // A part by itself.
        "repository: ghcr.io/acme/job\n",
        "chart: {repository: https://acme.example, tag: 1}\n",
        "image: {repository: ghcr.io/acme/job, tag: '{{ .Tag }}'}\n",
        "image: {repository: ghcr.io/acme/job, tag: 1, digest: $DIGEST}\n",
        "image: {repository: ghcr.io/acme/job, tag: 2}\n",
        "image: {repository: ghcr.io/acme/job, tag: 2, digest: '{O}'}\n",
        "image: {repository: ghcr.io/acme/job, tag: [1]}\n",
        "image: {registry: quay.io, repository: acme/job, tag: 1}\n",
    ] {
        assert_pinned(text, text);
    }
}

#[test]
fn an_image_in_parts_gets_a_digest_beside_its_tag() {
    for (before, after) in [
        // Replaced.
        (
            "image:\n  repository: ghcr.io/acme/job\n  tag: \"1\"\n  digest: {O} # old\n",
            "image:\n  repository: ghcr.io/acme/job\n  tag: \"1\"\n  digest: {D} # old\n",
        ),
        (
            "image:\n  repository: ghcr.io/acme/job\n  digest: '{O}' # old\n",
            "image:\n  repository: ghcr.io/acme/job\n  digest: '{D}' # old\n",
        ),
        (
            "image:\n  digest: \"\"\n  repository: ghcr.io/acme/job\n  tag: 1\n",
            "image:\n  digest: \"{D}\"\n  repository: ghcr.io/acme/job\n  tag: 1\n",
        ),
        (
            "image:\n  repository: ghcr.io/acme/job\n  digest:\n  tag: 1\n",
            "image:\n  repository: ghcr.io/acme/job\n  digest: {D}\n  tag: 1\n",
        ),
        (
            "image:\n  repository: ghcr.io/acme/job\n  digest: # none yet\n",
            "image:\n  repository: ghcr.io/acme/job\n  digest: {D} # none yet\n",
        ),
        (
            "image:\n  repository: ghcr.io/acme/job\n  digest: ~\n",
            "image:\n  repository: ghcr.io/acme/job\n  digest: {D}\n",
        ),
        (
            "{\"repository\":\"ghcr.io/acme/job\",\"digest\":null}",
            "{\"repository\":\"ghcr.io/acme/job\",\"digest\":\"{D}\"}",
        ),
        (
            "{repository: ghcr.io/acme/job, digest: }",
            "{repository: ghcr.io/acme/job, digest: {D} }",
        ),
        // New, behind the tag or the repository.
        (
            "image:\n  repository: ghcr.io/acme/job\n  tag: \"1\" # people\n  pullPolicy: Always\n",
            "image:\n  repository: ghcr.io/acme/job\n  tag: \"1\" # people\n  digest: {D}\n  pullPolicy: Always\n",
        ),
        (
            "image:\r\n  tag: 1\r\n  repository: ghcr.io/acme/job\r\n",
            "image:\r\n  tag: 1\r\n  digest: {D}\r\n  repository: ghcr.io/acme/job\r\n",
        ),
        (
            "a: 1\r\nimage:\r\n  repository: ghcr.io/acme/job\r\n  tag: 1",
            "a: 1\r\nimage:\r\n  repository: ghcr.io/acme/job\r\n  tag: 1\r\n  digest: {D}",
        ),
        (
            "image:\n  repository: ghcr.io/acme/job\n  tag: ''\n",
            "image:\n  repository: ghcr.io/acme/job\n  tag: ''\n  digest: {D}\n",
        ),
        (
            "image:\n  repository: ghcr.io/acme/job # r\n  tag: # t\n",
            "image:\n  repository: ghcr.io/acme/job # r\n  digest: {D}\n  tag: # t\n",
        ),
        (
            "image:\n  repository: ghcr.io/acme/job\n",
            "image:\n  repository: ghcr.io/acme/job\n  digest: {D}\n",
        ),
        (
            "image:\n  registry: ghcr.io\n  repository: acme/job\n  tag: 1\n",
            "image:\n  registry: ghcr.io\n  repository: acme/job\n  tag: 1\n  digest: {D}\n",
        ),
        (
            "image:\n  registry: ''\n  repository: ghcr.io/acme/job\n  tag: 1\n",
            "image:\n  registry: ''\n  repository: ghcr.io/acme/job\n  tag: 1\n  digest: {D}\n",
        ),
        (
            "repository: ghcr.io/acme/job\ntag: 1\n",
            "repository: ghcr.io/acme/job\ntag: 1\ndigest: {D}\n",
        ),
        (
            "\u{feff}tag: 1\nrepository: ghcr.io/acme/job\n",
            "\u{feff}tag: 1\ndigest: {D}\nrepository: ghcr.io/acme/job\n",
        ),
        (
            "- repository: ghcr.io/acme/job\n  tag: 1\n- tag: 1\n  repository: ghcr.io/acme/job\n",
            "- repository: ghcr.io/acme/job\n  tag: 1\n  digest: {D}\n- tag: 1\n  digest: {D}\n  repository: ghcr.io/acme/job\n",
        ),
        (
            "- - tag: 1\n    repository: ghcr.io/acme/job\n",
            "- - tag: 1\n    digest: {D}\n    repository: ghcr.io/acme/job\n",
        ),
        // In flow style.
        (
            "image: {repository: ghcr.io/acme/job, tag: 1} # x\n",
            "image: {repository: ghcr.io/acme/job, tag: 1, digest: {D}} # x\n",
        ),
        (
            "image: &i {tag: '1', repository: ghcr.io/acme/job}\n",
            "image: &i {tag: '1', digest: {D}, repository: ghcr.io/acme/job}\n",
        ),
        (
            "image: {repository: ghcr.io/acme/job, tag: }\n",
            "image: {repository: ghcr.io/acme/job, digest: {D}, tag: }\n",
        ),
        (
            "image: {repository: ghcr.io/acme/job}\n",
            "image: {repository: ghcr.io/acme/job, digest: {D}}\n",
        ),
        (
            "image: {\n  repository: ghcr.io/acme/job,\n  tag: 1 # people\n}\n",
            "image: {\n  repository: ghcr.io/acme/job,\n  tag: 1, digest: {D} # people\n}\n",
        ),
        (
            "{\"image\":{\"repository\":\"ghcr.io/acme/job\",\"tag\":\"1\"}}",
            "{\"image\":{\"repository\":\"ghcr.io/acme/job\",\"tag\":\"1\", \"digest\": \"{D}\"}}",
        ),
        (
            "{\r\n  \"repository\": \"ghcr.io/acme/job\",\r\n  \"tag\": \"1\"\r\n}\r\n",
            "{\r\n  \"repository\": \"ghcr.io/acme/job\",\r\n  \"tag\": \"1\",\r\n  \"digest\": \"{D}\"\r\n}\r\n",
        ),
        (
            "{\n\t\"tag\": \"1\",\n\t\"repository\": \"ghcr.io/acme/job\"\n}\n",
            "{\n\t\"tag\": \"1\",\n\t\"digest\": \"{D}\",\n\t\"repository\": \"ghcr.io/acme/job\"\n}\n",
        ),
        // Aliases and merged mappings.
        (
            "r: &r ghcr.io/acme/job\nimage:\n  repository: *r # x\n  tag: 1\n",
            "r: &r ghcr.io/acme/job\nimage:\n  repository: *r # x\n  tag: 1\n  digest: {D}\n",
        ),
        (
            "t: &t 1\nimage: {repository: ghcr.io/acme/job, tag: *t }\n",
            "t: &t 1\nimage: {repository: ghcr.io/acme/job, tag: *t, digest: {D} }\n",
        ),
        (
            "d: &d {O}\nimage: {repository: ghcr.io/acme/job, digest: *d}\n",
            "d: &d {O}\nimage: {repository: ghcr.io/acme/job, digest: {D}}\n",
        ),
        (
            "a: &i\n  repository: ghcr.io/acme/job\nimage: *i\nb: {image: *i}\n",
            "a: &i\n  repository: ghcr.io/acme/job\n  digest: {D}\nimage: *i\nb: {image: *i}\n",
        ),
        (
            "a: &i {repository: ghcr.io/acme/job}\nimage:\n  <<: *i\n  tag: 1\n",
            "a: &i {repository: ghcr.io/acme/job}\nimage:\n  <<: *i\n  tag: 1\n  digest: {D}\n",
        ),
        (
            "a: &i {repository: ghcr.io/acme/job, tag: 1}\nimage:\n  <<: *i\n  pullPolicy: Always\n",
            "a: &i {repository: ghcr.io/acme/job, tag: 1, digest: {D}}\nimage:\n  <<: *i\n  pullPolicy: Always\n",
        ),
    ] {
        assert_pinned(before, after);
    }
}

#[test]
fn objects_of_all_kinds_are_pinned() {
    for (before, after) in [
        (
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: flink-job\n  labels: {app: flink-job}\nspec:\n  initContainers:\n  - image: busybox:1\n  containers:\n  - name: flink-job\n    image: flink-job # ours\n",
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: flink-job\n  labels: {app: flink-job}\nspec:\n  initContainers:\n  - image: busybox:1\n  containers:\n  - name: flink-job\n    image: flink-job@{D} # ours\n",
        ),
        (
            "apiVersion: flink.apache.org/v1beta1\nkind: FlinkDeployment\nspec:\n  image: ghcr.io/acme/job:1\n  flinkVersion: v2_0\n  podTemplate:\n    spec:\n      containers:\n        - name: flink-main-container\n          image: ghcr.io/acme/job:1\n",
            "apiVersion: flink.apache.org/v1beta1\nkind: FlinkDeployment\nspec:\n  image: ghcr.io/acme/job@{D}\n  flinkVersion: v2_0\n  podTemplate:\n    spec:\n      containers:\n        - name: flink-main-container\n          image: ghcr.io/acme/job@{D}\n",
        ),
        (
            "kind: CronJob\nspec:\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          containers: [{name: a, image: 'ghcr.io/acme/job:1'}]\n",
            "kind: CronJob\nspec:\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          containers: [{name: a, image: 'ghcr.io/acme/job@{D}'}]\n",
        ),
        (
            "spec:\n  volumes:\n  - name: job\n    image: {reference: ghcr.io/acme/job:1, pullPolicy: Always}\n",
            "spec:\n  volumes:\n  - name: job\n    image: {reference: ghcr.io/acme/job@{D}, pullPolicy: Always}\n",
        ),
        (
            "flink.type: job\nimage:\n  # Where it is.\n  repository: ghcr.io/acme/job\n  # For people.\n  tag: \"1\"\n\n  # What counts.\n  digest: \"\"\n\njob:\n  class: org.example.Job\n",
            "flink.type: job\nimage:\n  # Where it is.\n  repository: ghcr.io/acme/job\n  # For people.\n  tag: \"1\"\n\n  # What counts.\n  digest: \"{D}\"\n\njob:\n  class: org.example.Job\n",
        ),
        // The name in a kustomization says which image is meant, and must stay.
        (
            "resources: [pod.yaml]\nimages:\n- name: ghcr.io/acme/job\n  newTag: \"1\" # now\n- name: ghcr.io/acme/job\n- name: flink-job\n  digest: {O}\n- name: other\n  newName: ghcr.io/acme/job\n  newTag: '1'\n- name: other\n  newTag: '1'\n",
            "resources: [pod.yaml]\nimages:\n- name: ghcr.io/acme/job\n  newTag: \"1\" # now\n  digest: {D}\n- name: ghcr.io/acme/job\n  digest: {D}\n- name: flink-job\n  digest: {D}\n- name: other\n  newName: ghcr.io/acme/job\n  newTag: '1'\n  digest: {D}\n- name: other\n  newTag: '1'\n",
        ),
        (
            "kind: Kustomization\nimages: [{name: flink-job, newTag: latest}]\n",
            "kind: Kustomization\nimages: [{name: flink-job, newTag: latest, digest: {D}}]\n",
        ),
        (
            "kind: Other\nimages:\n- name: flink-job\n- ghcr.io/acme/job:1\n",
            "kind: Other\nimages:\n- name: flink-job\n- ghcr.io/acme/job@{D}\n",
        ),
    ] {
        assert_pinned(before, after);
    }
}
