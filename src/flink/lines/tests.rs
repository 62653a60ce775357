//! The table is in order, and what each row allows.

use super::*;

fn known(text: &str) -> Result<Known, LineError> {
    Known::of(&text.parse().unwrap())
}

#[test]
fn the_table_is_in_order_and_true_to_itself() {
    assert!(LINES.is_sorted_by(|a, b| a.number < b.number));
    for line in LINES {
        let newest: FlinkVersion = line.newest.parse().unwrap();
        assert_eq!(newest.line(), line.number);
        assert!(line.java.contains(&line.default_java) && line.java.is_sorted());
        assert!(line.scala.contains(&line.default_scala));
        // Two are of folders beside Flink.
        let beside = ["FLINK_INSTALL_PATH", "FLINK_JOB_ARTIFACTS_DIR"];
        let home = format!("/{}", crate::flink::HOME);
        for (name, value) in line.environment {
            assert_eq!(value.starts_with(&home), !beside.contains(name), "{name}");
        }
    }
    assert!(!known(&default_release().to_string()).unwrap().assumed);
}

#[test]
fn each_line_finds_its_row() {
    for (version, java, opens) in [
        ("1.6.0", &[8][..], false),
        ("1.9.3", &[8], false),
        ("1.10.3", &[8, 11], false),
        ("1.11.0", &[8, 11], false),
        ("1.14.6", &[8, 11], false),
        ("1.15.0", &[8, 11], true),
        ("1.18.1", &[8, 11, 17], true),
        ("1.20.5", &[8, 11, 17, 21], true),
        ("2.3.0", &[11, 17, 21], true),
    ] {
        let Known { line, assumed } = known(version).unwrap();
        assert!(!assumed);
        assert_eq!(
            (line.java, line.binds_to_localhost),
            (java, opens),
            "{version}"
        );
    }
}

#[test]
fn unknown_lines_say_so() {
    let version: FlinkVersion = "2.9.0".parse().unwrap();
    let later = Known::of(&version).unwrap();
    assert_eq!(
        later.note(&version).unwrap(),
        "Flink 2.9.0 is of a line that is not known here; treating it like 2.3"
    );
    assert_eq!(known("1.21.0").unwrap().line.number, (2, 0));
    assert_eq!(
        known("1.5.6").unwrap_err().to_string(),
        "Flink 1.5.6 is older than 1.6, the first line that runs a job in an image of its own"
    );
}

#[test]
fn java_and_scala_must_fit() {
    let version: FlinkVersion = "2.3.0".parse().unwrap();
    let line = Known::of(&version).unwrap();
    let java = |text: &str| text.parse::<JavaVersion>().unwrap();
    line.check_java(&version, java("17.0.15")).unwrap();
    assert_eq!(
        line.check_java(&version, java("1.8.0_292"))
            .unwrap_err()
            .to_string(),
        "Flink 2.3.0 does not work with Java 8: it needs Java 11, 17 or 21"
    );
    assert_eq!(line.scala(&version, None).unwrap(), SCALA_2_12);
    assert_eq!(
        line.scala(&version, Some(SCALA_2_11))
            .unwrap_err()
            .to_string(),
        "Flink 2.3.0 is not published for Scala 2.11, only for 2.12"
    );
}

#[test]
fn only_the_first_two_lines_are_published_with_hadoop() {
    let hadoop = |version: &str, asked: &str| {
        let version: FlinkVersion = version.parse().unwrap();
        let known = Known::of(&version).unwrap();
        let found = known.hadoop(&version, asked.parse().unwrap());
        found.map_err(|error| error.to_string())
    };
    for asked in ["2.4", "2.6", "27", "28"] {
        assert_eq!(hadoop("1.6.0", asked), Ok(asked.parse().unwrap()));
        assert_eq!(hadoop("1.7.2", asked), Ok(asked.parse().unwrap()));
    }
    for (version, asked, said) in [
        (
            "1.7.2",
            "2.5",
            "Flink 1.7.2 is not published with Hadoop 2.5, only with 2.4, 2.6, 2.7 or 2.8",
        ),
        ("1.8.3", "2.8", "Flink 1.8.3 is not published with Hadoop"),
        ("1.10.3", "2.8", "Flink 1.10.3 is not published with Hadoop"),
        ("2.3.0", "2.8", "Flink 2.3.0 is not published with Hadoop"),
    ] {
        assert_eq!(hadoop(version, asked).unwrap_err(), said);
    }
}
