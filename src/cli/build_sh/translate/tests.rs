use super::*;

fn told_in(folder: Option<&str>, line: &str) -> Result<(String, Vec<String>), Refusal> {
    // `_` stands for an empty word.
    let words = line.split_ascii_whitespace();
    let words: Vec<_> = words
        .map(|word| OsString::from(if word == "_" { "" } else { word }))
        .collect();
    let translation = translate(&words, folder.map(Path::new))?;
    let words: Vec<_> = translation
        .words
        .iter()
        .map(|word| word.to_str().unwrap())
        .collect();
    let line = words.join(" ");
    let line = line.strip_prefix("flink-img build ").unwrap().to_owned();
    Ok((line, translation.warnings))
}

fn told(line: &str) -> Result<(String, Vec<String>), Refusal> {
    told_in(None, line)
}

const RELEASE_OF_1_9: &str = "--from-release --flink-version 1.9.3 --scala-version 2.12";

#[test]
fn the_documented_forms_become_builds_without_a_warning() {
    for (line, built) in [
        (
            "--job-jar j.jar --from-archive f.tgz",
            "--from-archive=f.tgz --job-jar=j.jar --no-config",
        ),
        (
            "--job-artifacts a.jar,b.py --with-python3 --from-archive f.tgz --image-name n:1",
            "--from-archive=f.tgz --job-artifacts=a.jar --job-artifacts=b.py --with-python3 --image-name=n:1 --no-config",
        ),
        (
            "--from-local-dist --job-jar j.jar",
            "--from-local-dist=../../flink-dist/target/flink-*-bin --job-jar=j.jar --no-config",
        ),
        (
            "--job-jar j.jar --from-release --flink-version 1.6.0 --hadoop-version 2.8 --scala-version 2.11 --image-name n",
            "--from-release --flink-version=1.6.0 --scala-version=2.11 --hadoop-version=2.8 --job-jar=j.jar --image-name=n --no-config",
        ),
        (
            "--job-artifacts a --from-release --flink-version 1.10.3 --scala-version 2.12",
            "--from-release --flink-version=1.10.3 --scala-version=2.12 --job-artifacts=a --no-config",
        ),
    ] {
        let (words, warnings) = told(line).unwrap();
        assert_eq!(words, built, "{line}");
        assert_eq!(warnings, [""; 0], "{line}");
    }
}

#[test]
fn the_distribution_that_was_compiled_is_beside_the_script() {
    for (folder, place) in [
        (None, "../../flink-dist/target/flink-*-bin"),
        (Some("."), "./../../flink-dist/target/flink-*-bin"),
        (
            Some("/src/flink/flink-container/docker"),
            "/src/flink/flink-container/docker/../../flink-dist/target/flink-*-bin",
        ),
    ] {
        let (words, _) = told_in(folder, "--job-jar j --from-local-dist").unwrap();
        let expected = format!("--from-local-dist={place} --job-jar=j --no-config");
        assert_eq!(words, expected);
    }
    let (words, _) = told("--job-jar j --from-local-dist=/dist").unwrap();
    assert_eq!(words, "--from-local-dist=/dist --job-jar=j --no-config");
}

#[test]
fn what_the_script_did_without_a_word_is_told() {
    for (line, built, expected) in [
        // The precedence of the three sources.
        (
            "--job-jar j --from-archive f --from-local-dist --from-release --flink-version 1.9.3 --scala-version 2.12",
            "--from-release --flink-version=1.9.3 --scala-version=2.12 --job-jar=j --no-config",
            &[
                "`--from-local-dist` is ignored, as `--from-release` comes before it",
                "`--from-archive` is ignored, as `--from-release` comes before it",
            ][..],
        ),
        (
            "--job-jar j --from-archive f --from-local-dist",
            "--from-local-dist=../../flink-dist/target/flink-*-bin --job-jar=j --no-config",
            &["`--from-archive` is ignored, as `--from-local-dist` comes before it"],
        ),
        // What only a release reads.
        (
            "--job-jar j --from-archive f --flink-version 1.9.3 --scala-version 2.12 --hadoop-version 2.8",
            "--from-archive=f --job-jar=j --no-config",
            &[
                "`--flink-version` is ignored, as only `--from-release` reads it",
                "`--scala-version` is ignored, as only `--from-release` reads it",
                "`--hadoop-version` is ignored, as only `--from-release` reads it",
            ],
        ),
        // Words that it did not know.
        (
            "now --job-jar j --from-archive f --colour red --depth=3 -x",
            "--from-archive=f --job-jar=j --no-config",
            &[
                "A word that is no flag is ignored",
                "`--colour` is ignored: there is no such flag",
                "What follows `--colour` is ignored too",
                "`--depth` is ignored: there is no such flag",
                "`-x` is ignored: there is no such flag",
            ],
        ),
        (
            "--job-jar j --from-local-dist /dist",
            "--from-local-dist=../../flink-dist/target/flink-*-bin --job-jar=j --no-config",
            &[
                "What follows `--from-local-dist` is ignored: a folder is named with `--from-local-dist=DIR`",
            ],
        ),
        // The last of several counts.
        (
            "--job-jar a --job-jar b --from-archive f --from-archive g --image-name x --image-name y",
            "--from-archive=g --job-jar=b --image-name=y --no-config",
            &[],
        ),
        (
            "--job-artifacts a --with-python3 --with-python2 --from-archive f",
            "--from-archive=f --job-artifacts=a --with-python2 --no-config",
            &[],
        ),
        (
            "--job-artifacts a --with-python2 --python --from-archive f",
            "--from-archive=f --job-artifacts=a --python --no-config",
            &[],
        ),
        (
            "--job-artifacts a --python --python --with-python2 --from-archive f",
            "--from-archive=f --job-artifacts=a --with-python2 --no-config",
            &[],
        ),
        // A variable that is not set.
        (
            "--job-jar j --from-release --flink-version 1.9.3 --scala-version 2.12 --hadoop-version _",
            "--from-release --flink-version=1.9.3 --scala-version=2.12 --job-jar=j --no-config",
            &["`--hadoop-version` is ignored, as its value is empty"],
        ),
        // The third example of the first generation's guide.
        (
            "--from-archive f",
            "--from-archive=f --no-config",
            &["Neither `--job-jar` nor `--job-artifacts` is given; the script made no such image"],
        ),
        (
            "--from-archive f --job-artifacts ,",
            "--from-archive=f --no-config",
            &["Neither `--job-jar` nor `--job-artifacts` is given; the script made no such image"],
        ),
        (
            "--job-jar j --from-archive f --kubernetes-certificates /certs",
            "--from-archive=f --job-jar=j --kubernetes-certificates=/certs --no-config",
            &[],
        ),
    ] {
        let (words, warnings) = told(line).unwrap();
        assert_eq!(words, built, "{line}");
        assert_eq!(warnings, expected, "{line}");
    }
}

#[test]
fn words_of_flink_img_are_passed_on_with_their_values() {
    for (given, passed) in [
        ("--push", "--no-config --push"),
        ("--base rootfs:b.tar", "--no-config --base=rootfs:b.tar"),
        (
            "--base=rootfs:b.tar -q",
            "--no-config --base=rootfs:b.tar -q",
        ),
        ("-t a -t b -o oci:x", "--no-config -t=a -t=b -o=oci:x"),
        // A value that looks like a flag asks for no help.
        ("-t -h --base -hunter2", "--no-config -t=-h --base=-hunter2"),
        ("--config c.toml", "--config=c.toml"),
        ("--config=c.toml", "--config=c.toml"),
        ("--no-config", "--no-config"),
        ("--no-config --no-config", "--no-config"),
        // The last counts, of those that a build takes once, however they are written.
        ("--base a --base=b", "--no-config --base=b"),
        ("--push -q --push --quiet", "--no-config --push --quiet"),
        ("--config a --push --config b", "--push --config=b"),
        ("--env A=1 --env B=2", "--no-config --env=A=1 --env=B=2"),
    ] {
        let line = format!("--job-jar j {given} --from-archive f");
        let (words, warnings) = told(&line).unwrap();
        assert_eq!(words, format!("--from-archive=f --job-jar=j {passed}"));
        assert_eq!(warnings, [""; 0], "{line}");
    }
}

#[test]
fn a_short_word_of_several_letters_is_not_known() {
    for word in [
        "-hadoop-version",
        "-hunter2",
        "-help",
        "-test",
        "-tx",
        "-verbose",
        "-quiet",
        "-output=foo",
    ] {
        let line = format!("{word} --job-jar j --from-archive f");
        let (words, warnings) = told(&line).unwrap();
        assert_eq!(words, "--from-archive=f --job-jar=j --no-config", "{word}");
        assert_eq!(warnings.len(), 1, "{word}: {warnings:?}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let misuse = |line: &str| match told(line) {
        Err(Refusal::Misuse(message)) => message,
        other => panic!("{line}: {other:?}"),
    };
    for (line, message) in [
        ("", "Nothing says where Flink comes from"),
        ("--job-jar j", "Nothing says where Flink comes from"),
        ("--job-jar", "`--job-jar` needs a value"),
        (
            "--from-archive f --image-name",
            "`--image-name` needs a value",
        ),
        ("--job-jar --from-release", "`--job-jar` needs a value"),
        (
            "--job-jar _ --from-archive f",
            "The value of `--job-jar` is empty",
        ),
        (
            "--job-jar j --from-archive _",
            "The value of `--from-archive` is empty",
        ),
        ("--from-archive f --base", "`--base` needs a value"),
        ("--from-release=yes", "`--from-release` takes no value"),
        ("--python=3 --from-archive f", "`--python` takes no value"),
        ("--from-release", "`--from-release` needs `--flink-version`"),
        (
            "--from-release --flink-version 1.9.3",
            "`--from-release` needs `--scala-version`",
        ),
        (
            "--from-release --scala-version 2.12 --flink-version _",
            "`--from-release` needs `--flink-version`",
        ),
        (
            "--from-release --flink-version 1.7.2 --scala-version 2.11",
            "`--from-release` needs `--hadoop-version` for Flink 1.7.2",
        ),
    ] {
        assert_eq!(misuse(line), message, "{line}");
    }
    for line in [
        "--help",
        "--job-jar j --help",
        "-h",
        "--nonsense --help --job-jar",
    ] {
        assert_eq!(told(line).unwrap_err(), Refusal::Help, "{line}");
    }
}

#[test]
fn versions_are_numbers_for_whether_hadoop_must_be_named() {
    for (version, is_needed) in [
        ("1.6.0", true),
        ("1.7.2", true),
        ("1.8.0", false),
        ("1.9.3", false),
        // Without its first dot it began with `11` for the script, which took that for less than 18.
        ("1.10.3", false),
        ("1.18.1", false),
        ("1.20.5", false),
        ("2.3.0", false),
    ] {
        let line = format!("--job-jar j {}", RELEASE_OF_1_9.replace("1.9.3", version));
        assert_eq!(told(&line).is_err(), is_needed, "{version}");
    }
}

#[test]
fn lists_of_files_are_separated_by_commas_and_by_blanks_where_that_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for name in ["a.jar", "b.jar", "my job.jar"] {
        fs::write_atomic(Path::new(&path(name)), b"").unwrap();
    }
    let [a, b, blank] = ["a.jar", "b.jar", "my job.jar"].map(path);
    for (list, expected, warnings) in [
        (format!("{a},{b}"), vec![&a, &b], 0),
        (format!(" {a} , {b} ,"), vec![&a, &b], 0),
        (format!("{a} {b}"), vec![&a, &b], 1),
        (format!("{blank},{a}"), vec![&blank, &a], 0),
        (blank.clone(), vec![&blank], 0),
    ] {
        let mut told = Told::default();
        let found = told.artifacts(list.as_ref());
        let expected: Vec<_> = expected.into_iter().map(OsString::from).collect();
        assert_eq!(found, expected, "{list}");
        assert_eq!(told.warnings.len(), warnings, "{list}");
    }
}
