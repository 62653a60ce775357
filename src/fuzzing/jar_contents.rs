//! What is in jars.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::jar::{JarFacts, Oddity, Signature, normalize, users};

/// What is found can be remembered, harms no terminal, and is the same once the jar was put in order. That is done once
/// and for all, and another reader finds as many entries in it.
pub fn jar_contents(bytes: &[u8]) {
    let file = written(bytes);
    let Ok(facts) = JarFacts::read(file.path()) else {
        return;
    };
    let json = serde_json::to_value(&facts).expect("facts are plain data");
    assert_eq!(
        serde_json::from_value::<JarFacts>(json.clone())
            .ok()
            .as_ref(),
        Some(&facts)
    );
    check_texts(&json);
    let versions = facts.class_versions.classes.values();
    assert!(versions.map(|found| found.count).sum::<usize>() <= facts.entries);
    assert!(facts.classes.len() <= facts.entries);
    // Which names there are does not matter here.
    let _ = users(file.path(), &["java/lang/Object", ""], |_| true);
    check_order(file.path(), &facts);
}

fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("there is a temporary folder");
    file.write_all(bytes).expect("it has room");
    file
}

fn check_texts(value: &Value) {
    match value {
        Value::String(text) => assert!(!text.contains(char::is_control), "{text:?}"),
        Value::Array(values) => values.iter().for_each(check_texts),
        Value::Object(fields) => {
            for (name, value) in fields {
                assert!(!name.contains(char::is_control), "{name:?}");
                check_texts(value);
            }
        }
        _ => {}
    }
}

fn check_order(path: &Path, facts: &JarFacts) {
    let mut ordered = Vec::new();
    if normalize(path, &mut ordered).is_err() {
        return;
    }
    assert_eq!(facts.signature, Signature::None);
    assert!(!facts.oddities.iter().any(Oddity::is_fatal));
    assert_eq!(facts.obstacle, None);
    let file = written(&ordered);
    let after = JarFacts::read(file.path()).expect("it was just written");
    assert!(after.sorted);
    assert!(after.entries <= facts.entries, "only folders go");
    let entries = after.entries;
    let same = JarFacts {
        entries: facts.entries,
        times: facts.times.clone(),
        sorted: facts.sorted,
        ..after
    };
    assert_eq!(same, *facts);
    let mut again = Vec::new();
    normalize(file.path(), &mut again).expect("it was just written");
    assert!(again == ordered, "it is in order");
    // The other reader takes two names for one when they look alike to it.
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&ordered)).expect("it is a zip file");
    let mut names = BTreeSet::new();
    for place in 0..zip.len() {
        let entry = zip.by_index_raw(place).expect("it is listed");
        names.insert(entry.name_raw().to_vec());
        assert_eq!(entry.last_modified(), Some(zip::DateTime::default()));
        assert_eq!(entry.extra_data(), None);
    }
    assert!(zip.len() <= facts.entries);
    if names.iter().all(|name| name.is_ascii()) {
        assert_eq!(names.len(), entries);
    }
}
