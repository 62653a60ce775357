//! What an image says of itself: it completes what was said, and may not contradict it.

use super::places::{Path, Place};
use super::problem::Problem;
use super::{Config, Places, Source};
use crate::deploy::{ImageFacts, Values};
use crate::flink::{FlinkVersion, JavaVersion, VERSION_LABEL};
use crate::oci::Reference;

/// What was said and is not so.
pub(super) fn contradictions(values: &Values, facts: &ImageFacts, places: &Places) -> Vec<Problem> {
    let image = &facts.name;
    // What a flag or a variable says is left out by leaving that out.
    let way_out = |key| {
        let said = match places.value(&Path::of(key)) {
            Place::Word(word) => word,
            _ => key,
        };
        format!("leave `{said}` out, or name the image that is meant")
    };
    let mut found = Vec::new();
    let said = &values.flink.version;
    match &facts.flink {
        Some(actual) if !said.is_empty() && !agrees(said, actual) => {
            let text =
                format!("`flink.version` is `{said}`, and the image `{image}` has Flink {actual}");
            let key = "flink.version";
            found.push(Problem::contradiction(key, text, way_out(key)));
        }
        None if facts.was_read && said.is_empty() => {
            let text = format!(
                "`{image}` is no image of Flink as far as it tells: it has no version in a label `{VERSION_LABEL}`"
            );
            let way_out = "build it with `flink-img build`, or say `flink.version`";
            found.push(Problem::of("image.repository", text, way_out));
        }
        _ => {}
    }
    let said = &values.flink.java;
    if let Some(actual) = &facts.java
        && !said.is_empty()
        && major(said) != major(actual)
    {
        let text = format!("`flink.java` is `{said}`, and the image `{image}` has Java {actual}");
        let key = "flink.java";
        found.push(Problem::contradiction(key, text, way_out(key)));
    }
    if !values.is_job() {
        return found;
    }
    let job = [
        (
            "job.class",
            &values.job.class,
            &facts.job_class,
            "the class",
        ),
        ("job.jar", &values.job.jar, &facts.job_jar, "the jar"),
    ];
    for (key, said, actual, what) in job {
        if let Some(actual) = actual
            && !said.is_empty()
            && said != actual
        {
            let text = format!(
                "`{key}` is `{said}`, and the image `{image}` was built for {what} `{actual}`"
            );
            found.push(Problem::contradiction(key, text, way_out(key)));
        }
    }
    found
}

/// Puts what the image says where nothing was said, and the image in the form that it is pinned by.
pub(super) fn fill(config: &mut Config, values: &Values, facts: &ImageFacts) {
    let is_job = values.is_job();
    let java = facts.java.as_ref().and_then(|java| major(java));
    let labels = [
        (
            "flink.version",
            &values.flink.version,
            facts.flink.as_ref().map(ToString::to_string),
        ),
        (
            "flink.java",
            &values.flink.java,
            java.map(|major| major.to_string()),
        ),
        (
            "job.class",
            &values.job.class,
            facts.job_class.clone().filter(|_| is_job),
        ),
        (
            "job.jar",
            &values.job.jar,
            facts.job_jar.clone().filter(|_| is_job),
        ),
    ];
    for (key, said, label) in labels {
        if let Some(label) = label
            && said.is_empty()
        {
            config.places.put(key, Source::Image);
            config.insert(key, label.into());
        }
    }
    let image = &facts.name;
    let said = &values.image;
    let repository: Option<Reference> = said.repository.parse().ok();
    let is_same = repository.is_some_and(|repository| repository.name() == image.name());
    if !is_same {
        config.insert("image.repository", image.name().into());
    }
    // Who knows the digest may have dropped the tag, which tells people what it was.
    let tag = match image.tag() {
        None if is_same && image.digest().is_some() => &said.tag,
        tag => tag.unwrap_or_default(),
    };
    let digest = image.digest().map(|digest| digest.to_string());
    for (key, said, now) in [
        ("image.tag", &*said.tag, tag),
        (
            "image.digest",
            &*said.digest,
            digest.as_deref().unwrap_or_default(),
        ),
    ] {
        if said != now {
            config.insert(key, now.into());
        }
    }
}

/// The image, as Kubernetes is told.
pub(super) fn image(values: &Values) -> String {
    let image = &values.image;
    match &*image.digest {
        "" => format!("{}:{}", image.repository, image.tag),
        digest => format!("{}@{digest}", image.repository),
    }
}

/// Whether a version that was said, which may be only that of a line, is this one.
fn agrees(said: &str, actual: &FlinkVersion) -> bool {
    let numbers = said.split('-').next().unwrap_or(said);
    let mut said = numbers.split('.').map(|part| part.parse::<u16>().ok());
    let (major, minor) = actual.line();
    if (said.next(), said.next()) != (Some(Some(major)), Some(Some(minor))) {
        return false;
    }
    // A snapshot of a whole line has no third number.
    let patch = actual.patch();
    said.next()
        .is_none_or(|said| said == Some(patch) || patch == u16::MAX)
}

/// The number of a version of Java that counts.
fn major(text: &str) -> Option<u16> {
    let java: Option<JavaVersion> = text.parse().ok();
    java.map(JavaVersion::major)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_agree_as_numbers() {
        for (said, actual, expected) in [
            ("2.3", "2.3.0", true),
            ("2.3.0", "2.3.0", true),
            ("2.3.1", "2.3.0", false),
            ("2.0", "2.0.2", true),
            ("1.2", "1.20.5", false),
            ("1.20", "1.20.5", true),
            ("1.20.5", "1.20.5", true),
            ("1.2.0", "1.20.0", false),
            ("2", "2.3.0", false),
            ("2.1", "2.1-SNAPSHOT", true),
            ("2.1-SNAPSHOT", "2.1-SNAPSHOT", true),
            ("2.1.3", "2.1-SNAPSHOT", true),
            ("2.0.2-rc4", "2.0.2-rc4", true),
        ] {
            let version = actual.parse().unwrap();
            assert_eq!(agrees(said, &version), expected, "{said} and {actual}");
        }
    }
}
