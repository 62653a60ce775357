use super::super::layout::{FlinkLayout, real_home};
use super::super::lines::Known;
use super::*;
use crate::layer::Content;

fn distribution(version: &str, names: &[&str]) -> Distribution {
    let file = |path: &&str| DistributionFile {
        path: ImagePath::new(path).unwrap(),
        kind: DistributionKind::File {
            content: Content::from_bytes(path.as_bytes()),
            executable: false,
        },
    };
    let mut files: Vec<_> = names.iter().map(file).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Distribution {
        version: version.parse().unwrap(),
        scala: None,
        files,
    }
}

const FILES: [&str; 9] = [
    "lib/flink-dist-1.20.5.jar",
    "opt/flink-s3-fs-hadoop-1.20.5.jar",
    "opt/flink-s3-fs-presto-1.20.5.jar",
    "opt/flink-cep-scala_2.12-1.20.5.jar",
    "opt/flink-python-1.20.5.jar",
    "opt/python/pyflink.zip",
    "opt/other-1.0.jar",
    "examples/streaming/Count.jar",
    "plugins/metrics-jmx/flink-metrics-jmx-1.20.5.jar",
];

fn select(
    distribution: &Distribution,
    plugins: &[&str],
    (slim, python): (bool, bool),
) -> Result<Selection, SelectionError> {
    let line = Known::of(&distribution.version).unwrap().line;
    let plugins: Vec<_> = plugins.iter().map(ToString::to_string).collect();
    let choice = Choice {
        plugins: &plugins,
        slim,
        python,
    };
    let home = real_home(line, &distribution.version);
    Selection::new(distribution, line, &home, &choice)
}

fn listing(entries: &[Entry]) -> Vec<String> {
    entries
        .iter()
        .map(|entry| match &entry.kind {
            EntryKind::Symlink(target) => format!("{} -> {target}", entry.path),
            _ => format!("{} {:o}", entry.path, entry.mode),
        })
        .collect()
}

#[test]
fn a_plugin_is_found_by_each_of_its_names() {
    let flink = distribution("1.20.5", &FILES);
    for (name, folder, jar) in [
        (
            "flink-s3-fs-hadoop-1.20.5.jar",
            "flink-s3-fs-hadoop",
            "flink-s3-fs-hadoop-1.20.5.jar",
        ),
        (
            "flink-s3-fs-hadoop-1.20.5",
            "flink-s3-fs-hadoop",
            "flink-s3-fs-hadoop-1.20.5.jar",
        ),
        (
            "flink-s3-fs-hadoop",
            "flink-s3-fs-hadoop",
            "flink-s3-fs-hadoop-1.20.5.jar",
        ),
        (
            "flink-cep-scala_2.12",
            "flink-cep-scala_2.12",
            "flink-cep-scala_2.12-1.20.5.jar",
        ),
        (
            "flink-cep-scala",
            "flink-cep-scala_2.12",
            "flink-cep-scala_2.12-1.20.5.jar",
        ),
        ("other", "other", "other-1.0.jar"),
    ] {
        let links = select(&flink, &[name, name], (false, false)).unwrap().links;
        let folder = format!("/opt/flink/plugins/{folder}");
        assert_eq!(
            listing(&links),
            [
                format!("{folder} 755"),
                format!("{folder}/{jar} -> ../../opt/{jar}")
            ],
            "{name}"
        );
    }
    for name in [
        "metrics-jmx",
        "flink-metrics-jmx",
        "flink-metrics-jmx-1.20.5.jar",
    ] {
        let selection = select(&flink, &[name], (false, false)).unwrap();
        assert_eq!(
            (selection.already, selection.links.len()),
            (vec![name.to_owned()], 0)
        );
    }
}

#[test]
fn what_is_no_plugin_is_refused_with_what_there_is() {
    let flink = distribution("1.20.5", &FILES);
    let error = select(&flink, &["flink-s3-fs-hadop"], (false, false)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`opt/` of Flink 1.20.5 has no jar `flink-s3-fs-hadop`, only `flink-cep-scala_2.12-1.20.5.jar`, \
         `flink-python-1.20.5.jar`, `flink-s3-fs-hadoop-1.20.5.jar`, `flink-s3-fs-presto-1.20.5.jar`, `other-1.0.jar`"
    );
    assert_eq!(
        error.hint().unwrap(),
        "did you mean `--plugin flink-s3-fs-hadoop-1.20.5`"
    );
    for name in [
        "",
        "flink-s3-fs",
        "opt/other-1.0.jar",
        "../lib/flink-dist",
        "python/pyflink.zip",
    ] {
        assert!(select(&flink, &[name], (false, false)).is_err(), "{name}");
    }
    let two = distribution("1.20.5", &["opt/x-1.0.jar", "opt/x-2.0.jar"]);
    assert_eq!(
        select(&two, &["x"], (false, false))
            .unwrap_err()
            .to_string(),
        "`x` stands for several jars in `opt/` of Flink 1.20.5: `x-1.0.jar`, `x-2.0.jar`"
    );
    let old = distribution("1.8.3", &["opt/flink-s3-fs-hadoop-1.8.3.jar"]);
    assert_eq!(
        select(&old, &["flink-s3-fs-hadoop"], (false, false))
            .unwrap_err()
            .to_string(),
        "Flink 1.8.3 has no plugins, so `flink-s3-fs-hadoop` cannot be one"
    );
}

#[test]
fn only_what_is_chosen_stays_of_the_optional_parts() {
    let flink = distribution("1.20.5", &FILES);
    for (plugins, python, expected) in [
        (&[][..], false, &[][..]),
        (
            &["flink-s3-fs-presto"],
            false,
            &[
                "/opt/flink/opt 755",
                "/opt/flink/opt/flink-s3-fs-presto-1.20.5.jar 644",
            ],
        ),
        (
            &[],
            true,
            &[
                "/opt/flink/opt 755",
                "/opt/flink/opt/flink-python-1.20.5.jar 644",
                "/opt/flink/opt/python 755",
                "/opt/flink/opt/python/pyflink.zip 644",
            ],
        ),
    ] {
        let selection = select(&flink, plugins, (true, python)).unwrap();
        let line = Known::of(&flink.version).unwrap().line;
        let mut layout = FlinkLayout::new(&flink, line).unwrap();
        let before = layout
            .optional
            .iter()
            .filter(|entry| entry.size() > 0)
            .count();
        selection.thin_out(&mut layout.optional);
        assert_eq!(listing(&layout.optional), expected);
        let after = layout
            .optional
            .iter()
            .filter(|entry| entry.size() > 0)
            .count();
        assert_eq!(selection.saved.files, before - after);
        assert!(selection.saved.bytes > 0);
    }
    assert_eq!(
        select(&flink, &[], (false, true)).unwrap().saved,
        Saved::default()
    );
}

#[test]
fn the_jar_of_python_is_linked_where_flink_does_not_look_for_it() {
    for (version, expected) in [
        ("1.9.3", Ok(1)),
        ("1.10.3", Ok(1)),
        ("1.11.6", Ok(0)),
        ("1.8.3", Err("Flink 1.8.3 runs no jobs in Python")),
    ] {
        let jar = format!("opt/flink-python_2.12-{version}.jar");
        let flink = distribution(version, &[&jar]);
        let found = select(&flink, &[], (false, true));
        let found = found
            .map(|selection| listing(&selection.links))
            .map_err(|error| error.to_string());
        match expected {
            Ok(count) => {
                let link = format!(
                    "/opt/flink-{version}/lib/flink-python_2.12-{version}.jar -> ../opt/flink-python_2.12-{version}.jar"
                );
                assert_eq!(found, Ok(vec![link; count]));
            }
            Err(message) => assert_eq!(found, Err(message.to_owned())),
        }
    }
    let none = distribution("1.20.5", &["opt/x.jar"]);
    assert_eq!(
        select(&none, &[], (true, true)).unwrap_err().to_string(),
        "`opt/` of this Flink 1.20.5 has 0 jars `flink-python*`, and a job in Python needs just one"
    );
}
