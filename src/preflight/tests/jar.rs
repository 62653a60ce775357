//! Jars that are damaged, signed, or another file each time.

use super::*;

#[test]
fn a_jar_that_cannot_be_opened_is_told_and_the_others_are_judged() {
    let mut broken = jar("broken.jar");
    broken.facts = Err(JarError::NotAJar {
        path: "broken.jar".into(),
    });
    let encrypted = with(jar("secret.jar"), |facts| {
        facts.oddities.push(Oddity::Encrypted {
            name: "a".to_owned(),
        });
    });
    let found = on("1.20.5", &[], &[job(), broken, encrypted]);
    let told: Vec<_> = found
        .iter()
        .map(|finding| (finding.code, &*finding.message))
        .collect();
    assert_eq!(
        told,
        [
            (
                Code::JarDamaged,
                "`broken.jar` is not a jar: it is not a zip file"
            ),
            (
                Code::JarDamaged,
                "`secret.jar` cannot be opened by the JVM: its entry `a` is encrypted"
            ),
        ]
    );
    // What is in it may be just what seems to be missing.
    let mut broken = jar("broken.jar");
    broken.facts = Err(JarError::NotAJar {
        path: "broken.jar".into(),
    });
    assert_eq!(codes("1.20.5", &[broken]), ["jar-damaged"]);
}

#[test]
fn an_entry_class_that_is_no_class_file_is_told() {
    let jar = with(job(), |facts| {
        let name = "org/example/Job.class".to_owned();
        facts.oddities.push(Oddity::NotAClass { name });
    });
    let found = on("1.20.5", &[], &[jar]);
    assert_eq!(found[0].code, Code::JarDamaged);
    assert_eq!(
        found[0].message,
        "`job.jar` cannot be started: its entry `org/example/Job.class` is no class file"
    );
}

#[test]
fn a_signature_that_does_not_fit_is_told_with_why() {
    let signed = |signature| with(job(), |facts| facts.signature = signature);
    assert_eq!(codes("1.20.5", &[signed(Signature::Intact)]), NONE);
    let damaged = signed(Signature::Damaged {
        why: "the manifest is another one".to_owned(),
    });
    let found = on("1.20.5", &[], &[damaged]);
    assert_eq!(found[0].code, Code::SignatureDamaged);
    assert!(found[0].message.ends_with("the manifest is another one"));
    // By SHA-1, which not every Java looks at.
    let java = |java| ground("linux/amd64", java, Libc::Glibc);
    let untold = Ground {
        java: None,
        ..java(0)
    };
    for (grounds, expected) in [
        (vec![], None),
        (vec![java(17)], Some("signature-outdated")),
        (vec![untold], Some("signature-outdated")),
        (vec![java(11)], Some("signature-damaged")),
        (vec![java(17), java(8)], Some("signature-damaged")),
    ] {
        let outdated = signed(Signature::Outdated {
            why: "the manifest is another one".to_owned(),
        });
        let found = on("1.20.5", &grounds, &[outdated]);
        let codes: Vec<_> = found.iter().map(|finding| finding.code.name()).collect();
        assert_eq!(codes, Vec::from_iter(expected), "{grounds:?}");
    }
}

#[test]
fn a_jar_with_the_times_of_its_build_is_told_unless_it_is_normalised() -> Result<(), FileError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job.jar");
    let time = |minute| zip::DateTime::from_date_and_time(2024, 6, 2, 12, minute, 0).unwrap();
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut zip = zip::ZipWriter::new(&mut bytes);
    for (name, minute) in [("b.txt", 0), ("a.txt", 1)] {
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file(name, options.last_modified_time(time(minute)))
            .unwrap();
    }
    zip.finish().unwrap();
    crate::fs::write_atomic(&path, bytes.get_ref())?;
    // At noon of the second of June, and a year later.
    let built = SystemTime::UNIX_EPOCH + Duration::from_secs(1_717_329_600);
    let later = built + Duration::from_secs(365 * 24 * 60 * 60);
    for (modified, normalizes, obstacle, expected) in [
        (built, false, None, 1),
        (built, true, None, 0),
        (later, false, None, 0),
        // It is only normalised if that can be done.
        (built, true, Some("it is signed"), 1),
    ] {
        let jar = Jar {
            modified: Some(modified),
            ..Jar::read(&path)?
        };
        let jar = with(jar, |facts| facts.obstacle = obstacle.map(str::to_owned));
        let found = check(&Subject {
            jars: &[jar],
            normalizes,
            ..Subject::default()
        });
        assert_eq!(found.len(), expected, "{found:?}");
        if let [finding] = &found[..] {
            assert!(
                finding
                    .message
                    .ends_with("the last 2024-06-02 12:01:00, and they are in no order"),
                "{finding:?}"
            );
            let is_told = finding.way_out.contains("--normalize-jar");
            assert_eq!(is_told, obstacle.is_none(), "{finding:?}");
        }
    }
    Ok(())
}
