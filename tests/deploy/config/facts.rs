//! What an image says of itself.

use flink_img::deploy::{Config, DeployError, Deployment, ImageFacts};
use flink_img::error::{Explain, Kind};
use serde_json::json;

use super::{told, unread};

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// What is known of an image that was looked at.
fn facts() -> ImageFacts {
    ImageFacts {
        flink: Some("2.3.0".parse().unwrap()),
        java: Some("17".to_owned()),
        job_jar: Some("/opt/flink/usrlib/job.jar".to_owned()),
        job_class: Some("com.acme.Job".to_owned()),
        was_read: true,
        ..unread(&format!("ghcr.io/acme/job@{DIGEST}"))
    }
}

fn complete(text: &str, facts: &ImageFacts) -> Result<Deployment, DeployError> {
    Config::parse("config.yaml", text)?.complete(facts, None)
}

#[test]
fn an_image_completes_what_was_not_said() {
    let deployment = complete(
        "image: {repository: ghcr.io/acme/job, tag: '1'}\n",
        &facts(),
    )
    .unwrap();
    let expected = json!({
        "flink": {"java": "17", "version": "2.3.0"},
        // The tag is for people.
        "image": {"digest": DIGEST, "repository": "ghcr.io/acme/job", "tag": "1"},
        "job": {"class": "com.acme.Job", "jar": "/opt/flink/usrlib/job.jar"},
    });
    assert_eq!(json!(deployment.given), expected);
    assert_eq!(deployment.image, format!("ghcr.io/acme/job@{DIGEST}"));
    assert_eq!(deployment.line, (2, 3));
    assert_eq!(deployment.flink, Some("2.3.0".parse().unwrap()));

    let session = complete("flink.type: session\n", &facts()).unwrap();
    assert!(!session.given.contains_key("job"));
    assert_eq!(session.values.job.class, "");
}

#[test]
fn the_image_is_called_as_it_was_unless_it_is_another() {
    let text = "image: {repository: job, tag: '1'}\n";
    for (name, image, given) in [
        (
            "job:1",
            "job:1".to_owned(),
            json!({"repository": "job", "tag": "1"}),
        ),
        (
            &*format!("docker.io/library/job@{DIGEST}"),
            format!("job@{DIGEST}"),
            json!({"repository": "job", "tag": "1", "digest": DIGEST}),
        ),
        (
            "ghcr.io/acme/job:2",
            "ghcr.io/acme/job:2".to_owned(),
            json!({"repository": "ghcr.io/acme/job", "tag": "2"}),
        ),
        (
            &*format!("ghcr.io/acme/job@{DIGEST}"),
            format!("ghcr.io/acme/job@{DIGEST}"),
            json!({"repository": "ghcr.io/acme/job", "tag": "", "digest": DIGEST}),
        ),
    ] {
        let deployment = complete(text, &unread(name)).unwrap();
        assert_eq!(deployment.image, image);
        assert_eq!(deployment.given["image"], given);
    }
}

#[test]
fn what_was_said_and_the_image_agree() {
    for text in [
        "flink: {version: '2.3'}\n",
        "flink: {version: 2.3.0, java: '17'}\n",
        "job: {class: com.acme.Job, jar: /opt/flink/usrlib/job.jar}\n",
        // A session has no job to disagree about.
        "flink.type: session\njob: {class: com.acme.Other}\n",
    ] {
        assert!(complete(text, &facts()).is_ok(), "{text}");
    }
    // What was said stays, although the image would say more.
    let deployment = complete("flink: {version: '2.3'}\n", &facts()).unwrap();
    assert_eq!(deployment.values.flink.version, "2.3");
    let old = ImageFacts {
        flink: Some("1.9.3".parse().unwrap()),
        ..facts()
    };
    assert_eq!(complete("", &old).unwrap().line, (1, 9));
}

#[test]
fn what_the_image_contradicts_is_refused() {
    let name = facts().name;
    for (text, what) in [
        (
            "\nflink:\n  version: 2.2.1\n",
            "line 3: `flink.version` is `2.2.1`, and the image `IMAGE` has Flink 2.3.0 -> leave `flink.version` out",
        ),
        (
            "flink: {version: '2.30'}\n",
            "line 1: `flink.version` is `2.30`, and the image `IMAGE` has Flink 2.3.0 -> leave `flink.version` out",
        ),
        (
            "flink: {java: '21'}\n",
            "line 1: `flink.java` is `21`, and the image `IMAGE` has Java 17 -> leave `flink.java` out",
        ),
        (
            "job:\n  class: a.B\n",
            "line 2: `job.class` is `a.B`, and the image `IMAGE` was built for the class `com.acme.Job` -> leave `job.class` out",
        ),
        (
            "job:\n  jar: /a.jar\n",
            "line 2: `job.jar` is `/a.jar`, and the image `IMAGE` was built for the jar `/opt/flink/usrlib/job.jar` -> \
             leave `job.jar` out",
        ),
    ] {
        let error = complete(text, &facts()).unwrap_err();
        let what = what.replace("IMAGE", &name.to_string());
        let expected = format!("`config.yaml` {what}, or name the image that is meant");
        assert_eq!(told(&error), expected);
        assert_eq!(error.kind(), Kind::Incompatible);
    }
    let mut config = Config::empty();
    config.set("job.class", json!("a.B"), "FLINK_JOB");
    let error = config.complete(&facts(), None).unwrap_err().to_string();
    assert!(
        error.starts_with("`FLINK_JOB`: `job.class` is `a.B`, and"),
        "{error}"
    );
}

#[test]
fn an_image_that_was_read_and_has_no_flink_is_none_of_flink() {
    let other = ImageFacts {
        was_read: true,
        ..unread("docker.io/library/nginx:1")
    };
    let text = "image:\n  repository: nginx\n  tag: '1'\n";
    assert_eq!(
        told(&complete(text, &other).unwrap_err()),
        "`config.yaml` line 2: `docker.io/library/nginx:1` is no image of Flink as far as it tells: it has no version in a label \
         `flink-img.flink.version` -> build it with `flink-img build`, or say `flink.version`"
    );
    let text = format!("{text}flink: {{version: '1.20'}}\n");
    let deployment = complete(&text, &other).unwrap();
    assert_eq!(deployment.line, (1, 20));
    // Nobody looked at this one.
    let deployment = complete("", &unread("nginx:1")).unwrap();
    assert_eq!((deployment.line, deployment.flink), ((2, 3), None));
}

#[test]
fn labels_hold_to_the_schema_too() {
    let odd = ImageFacts {
        job_class: Some("a b".to_owned()),
        ..facts()
    };
    assert_eq!(
        told(&complete("", &odd).unwrap_err()),
        "The labels of the image: `job.class` is `a b`, and must be the name of a class, without blanks"
    );
}
