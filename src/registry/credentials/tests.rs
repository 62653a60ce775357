use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use super::*;
use crate::progress::{Progress, Silent};

fn store(files: &[&str]) -> (CredentialStore, Vec<tempfile::NamedTempFile>) {
    let mut store = CredentialStore::default();
    let mut kept = Vec::new();
    for text in files {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        store = store.with_file(file.path()).unwrap();
        kept.push(file);
    }
    (store, kept)
}

async fn find(store: &CredentialStore, registry: &str, repository: &str) -> Lookup {
    store.find(registry, repository, &Silent).await.unwrap()
}

async fn user(store: &CredentialStore, registry: &str, repository: &str) -> Option<String> {
    match find(store, registry, repository).await.credentials? {
        Credentials::Basic { user, .. } => Some(user),
        other => Some(format!("{other:?}")),
    }
}

#[tokio::test]
async fn the_entry_that_names_most_of_the_path_wins_and_neighbours_get_nothing() {
    let (store, _files) = store(&[r#"{"auths":{
        "quay.io/acme":        {"username":"acme","password":"x"},
        "quay.io/acme/job":    {"username":"job","password":"x"},
        "https://ghcr.io/v2/": {"username":"github","password":"x"},
        "https://index.docker.io/v1/": {"auth":"aHViOnNlY3JldA=="},
        "https://index.docker.io/v1/access-token": {"username":"desktop","password":"x"},
        "registry-1.docker.io/acme": {"username":"team","password":"x"},
        "Registry.Example.COM:5000/Acme": {"username":"no name","password":"x"},
        "Registry.Example.COM:5000": {"username":"shouted","password":"x"}}}"#]);
    for (registry, repository, expected) in [
        ("quay.io", "acme/job", Some("job")),
        ("quay.io", "acme/job/part", Some("job")),
        ("quay.io", "acme/jobs", Some("acme")),
        ("quay.io", "acme2/job", None),
        ("quay.io", "other", None),
        ("quay.io:443", "acme/job", None),
        ("evil-quay.io", "acme/job", None),
        ("quay.io.evil.test", "acme/job", None),
        ("ghcr.io", "any/thing", Some("github")),
        ("docker.io", "library/flink", Some("hub")),
        ("docker.io", "acme/job", Some("team")),
        ("docker.io.evil.test", "acme/job", None),
        // Hosts have no case, and the names of repositories have.
        ("registry.example.com:5000", "acme/job", Some("shouted")),
        ("registry.example.com", "acme/job", None),
    ] {
        assert_eq!(
            user(&store, registry, repository).await.as_deref(),
            expected,
            "{registry}/{repository}"
        );
    }
}

#[tokio::test]
async fn an_entry_with_nothing_in_it_hides_no_other() {
    let (store, _files) = store(&[r#"{"auths":{
        "a.test":       {"auth":"b25lOng="},
        "a.test/deep":  {},
        "https://b.test":     {"auth":""},
        "b.test":             {"auth":"b25lOng="},
        "https://b.test/v2/": {},
        "docker.io":                   {},
        "https://index.docker.io/v1/": {"auth":"b25lOng="},
        "registry-1.docker.io":        {},
        "c.test":       {"auth":"b25lOng="},
        "c.test/deep":  {"auth":"dHdvOng="}}}"#]);
    for (registry, expected) in [
        ("a.test", "one"),
        ("b.test", "one"),
        ("docker.io", "one"),
        ("c.test", "two"),
    ] {
        let found = user(&store, registry, "deep/down").await;
        assert_eq!(found.as_deref(), Some(expected), "{registry}");
    }
}

#[tokio::test]
async fn sources_are_asked_in_their_order_and_the_command_goes_first() {
    let (store, files) = store(&[
        r#"{"auths":{"a.test":{},"c.test":{"auth":"b25lOng="}}}"#,
        "",
        r#"{"auths":{"a.test":{"auth":"dHdvOng="},"c.test/deep":{"auth":"dHdvOng="}}}"#,
    ]);
    let text =
        Secret::new(r#"{"auths":{"a.test":{"auth":"b25lOng="},"d.test":{"auth":"b25lOng="}}}"#);
    let store = store.with_text("LOGINS", &text).unwrap();
    let trail = async |registry| find(&store, registry, "x").await.trail;
    assert_eq!(user(&store, "a.test", "x").await.as_deref(), Some("two"));
    assert_eq!(user(&store, "c.test", "deep").await.as_deref(), Some("one"));
    for (registry, origin) in [
        ("a.test", Origin::File(files[2].path().to_owned())),
        ("d.test", Origin::Variable("LOGINS")),
    ] {
        let key = registry.to_owned();
        assert_eq!(trail(registry).await, Trail::Entry { origin, key });
    }
    let given = Credentials::Basic {
        user: "flag".to_owned(),
        password: Secret::new("hunter2"),
    };
    let store = store.with_login("a.test", given);
    assert_eq!(user(&store, "a.test", "x").await.as_deref(), Some("flag"));
    assert_eq!(user(&store, "c.test", "x").await.as_deref(), Some("one"));
    let shown = format!("{store:?}");
    for secret in ["hunter2", "b25lOng="] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn every_form_of_an_entry_is_known_and_one_without_sense_is_named() {
    let (store, files) = store(&[r#"{"auths":{
        "id.test": {"auth":"dXNlcjo=","identitytoken":"t1"},
        "user.test": {"username":"<token>","password":"t2"},
        "reg.test": {"registrytoken":"t3"},
        "padded.test": {"auth":"dXNlcjpwdwAA"},
        "empty.test": {"auth":""},
        "bad.test": {"auth":"%%%"},
        "lines.test": {"registrytoken":"two\nlines"},
        "plain.test": {"auth":"c2VjcmV0"}}}"#]);
    let identity = |text| Some(Credentials::Identity(Secret::new(text)));
    for (registry, expected) in [
        ("id.test", identity("t1")),
        ("user.test", identity("t2")),
        ("reg.test", Some(Credentials::Bearer(Secret::new("t3")))),
        (
            "padded.test",
            Some(Credentials::Basic {
                user: "user".to_owned(),
                password: Secret::new("pw"),
            }),
        ),
        ("empty.test", None),
        ("new.test", None),
    ] {
        let found = find(&store, registry, "x").await.credentials;
        assert_eq!(found, expected, "{registry}");
    }
    for registry in ["bad.test", "plain.test", "lines.test"] {
        let error = store.find(registry, "x", &Silent).await.unwrap_err();
        let path = files[0].path().display();
        let expected = format!(
            "The entry `{registry}` in `{path}` has neither base64 of `USER:PASSWORD` nor a token"
        );
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn null_says_nothing() {
    let (store, _files) = store(&[
        r#"{"auths":null,"credHelpers":null,"credsStore":null}"#,
        r#"{"auths":{"a.test":null,"b.test":{"auth":null,"username":null}},
            "credHelpers":{"a.test":null,"c.test":null}}"#,
        r#"{"auths":{"a.test":{"auth":"dHdvOng="}}}"#,
    ]);
    assert_eq!(user(&store, "a.test", "x").await.as_deref(), Some("two"));
    for registry in ["b.test", "c.test"] {
        assert_eq!(user(&store, registry, "x").await, None);
    }
}

#[test]
fn what_is_wrong_is_told_by_its_place_and_not_by_its_text() {
    for (text, line, column) in [
        (r#"{"auths":"hunter2"}"#, 1, 18),
        ("{\"auths\":{\n\"a.test\":\"hunter2\"}}", 2, 18),
        (r#"{"credsStore":["hunter2"]}"#, 1, 14),
        ("hunter2", 1, 1),
    ] {
        let store = CredentialStore::default();
        let error = store.with_text("LOGINS", &Secret::new(text)).unwrap_err();
        let expected = format!(
            "`LOGINS` does not have the form of registry credentials, at line {line}, column {column}"
        );
        assert_eq!(error.to_string(), expected);
        let told = format!("{error:?}");
        assert!(!told.contains("hunter2"), "{told}");
        assert!(std::error::Error::source(&error).is_none());
    }
}

#[tokio::test]
async fn the_oldest_form_of_file_has_the_entries_alone() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let text =
        r#"{"https://index.docker.io/v1/":{"auth":"b25lOng=","email":"a@b.test"},"b.test":null}"#;
    file.write_all(text.as_bytes()).unwrap();
    let store = CredentialStore::default();
    let store = store.with_legacy_file(file.path()).unwrap();
    assert_eq!(
        user(&store, "docker.io", "a/b").await.as_deref(),
        Some("one")
    );
    assert_eq!(user(&store, "b.test", "a/b").await, None);
}

/// Keeps what it is warned of.
#[derive(Debug, Default)]
struct Warnings(Mutex<Vec<String>>);

impl Reporter for Warnings {
    fn note(&self, _message: &str) {}
    fn detail(&self, _message: &str) {}
    fn warn(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
    fn start(&self, _label: &str, _total: Option<u64>) -> Box<dyn Progress> {
        Box::new(Silent)
    }
}

/// A folder with helpers, each a shell script, that writes down what it is asked.
struct Helpers(tempfile::TempDir);

impl Helpers {
    fn new(scripts: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, script) in scripts {
            let path = folder.path().join(format!("docker-credential-{name}"));
            let log = folder.path().join("log");
            let text = format!(
                "#!/bin/sh\nread -r server\necho \"{name} $1 $server\" >>{}\n{script}\n",
                log.display()
            );
            Self::install(&path, &text);
        }
        Self(folder)
    }

    /// Makes a program of a text.
    fn install(path: &Path, text: &str) {
        // Written by another process: while this one starts others, a file that it has open for writing is busy.
        let mut writer = std::process::Command::new("/bin/sh")
            .args(["-c", "cat >\"$0\" && chmod 755 \"$0\""])
            .arg(path)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = writer.stdin.take().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
        drop(stdin);
        assert!(writer.wait().unwrap().success());
    }

    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    /// What helpers were asked, in order.
    fn log(&self) -> Vec<String> {
        let log = crate::fs::read_to_string(&self.path().join("log")).unwrap_or_default();
        log.lines().map(ToOwned::to_owned).collect()
    }

    fn apply(&self, store: CredentialStore, patience: Duration) -> CredentialStore {
        store.with_helpers(self.0.path().into(), patience)
    }
}

const LOGIN: &str = r#"echo '{"ServerURL":"x","Username":"helped","Secret":"hunter2"}'"#;
const MISS: &str = "echo 'credentials not found in native keychain'; exit 1";
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_helper_of_the_registry_goes_before_entries_and_one_for_all_behind_them() {
    let helpers = Helpers::new(&[("own", LOGIN), ("empty", MISS), ("all", LOGIN)]);
    let (store, files) = store(&[r#"{
        "auths":{"own.test":{"auth":"b25lOng="},"own.test/a":{"auth":"b25lOng="},"missed.test":{"auth":"b25lOng="},
                 "written.test":{"auth":"b25lOng="},"marked.test":{}},
        "credHelpers":{"own.test":"own","missed.test":"empty","gone.test":"empty","kept.test":"",
                       "index.docker.io":"own"},
        "credsStore":"all"}"#]);
    let store = helpers.apply(store, LONG);
    for (registry, expected, asked) in [
        ("own.test", Some("helped"), &["own get own.test"][..]),
        ("missed.test", Some("one"), &["empty get missed.test"]),
        // Whom Docker asks for a registry, it asks alone.
        ("gone.test", None, &["empty get gone.test"]),
        ("kept.test", None, &[]),
        ("written.test", Some("one"), &[]),
        ("marked.test", Some("helped"), &["all get marked.test"]),
        ("new.test:5000", Some("helped"), &["all get new.test:5000"]),
        (
            "docker.io",
            Some("helped"),
            &["own get https://index.docker.io/v1/"],
        ),
    ] {
        let before = helpers.log().len();
        for _ in 0..2 {
            let found = user(&store, registry, "a/b").await;
            assert_eq!(found.as_deref(), expected, "{registry}");
        }
        assert_eq!(helpers.log()[before..], *asked, "{registry}, once");
    }
    let found = find(&store, "marked.test", "x").await;
    let expected = Trail::Helper {
        origin: Origin::File(files[0].path().to_owned()),
        helper: "all".to_owned(),
        server: "marked.test".to_owned(),
    };
    assert_eq!(found.trail, expected);
    assert!(!format!("{store:?}{found:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_helper_is_asked_for_docker_hub_by_both_of_its_names() {
    let hub = |name: &str, other: &str| {
        format!("case \"$server\" in {name}) {LOGIN};; *) {other};; esac")
    };
    let (by_docker, by_podman) = ("https://index.docker.io/v1/", "docker.io");
    let helpers = Helpers::new(&[
        ("docker", &hub(by_docker, MISS)),
        ("podman", &hub(by_podman, MISS)),
        ("broken", &hub(by_podman, "exit 4")),
        ("empty", MISS),
    ]);
    for (name, found, asked) in [
        ("docker", Some(by_docker), &[by_docker][..]),
        ("podman", Some(by_podman), &[by_docker, by_podman]),
        // Who is broken is not asked again.
        ("broken", None, &[by_docker]),
        ("empty", None, &[by_docker, by_podman]),
    ] {
        let (store, _files) = store(&[&format!(r#"{{"credsStore":"{name}"}}"#)]);
        let store = helpers.apply(store, LONG);
        let before = helpers.log().len();
        for registry in ["docker.io", "docker.io", "index.docker.io"] {
            let server = match find(&store, registry, "a/b").await.trail {
                Trail::Helper { server, .. } => Some(server),
                _ => None,
            };
            assert_eq!(server.as_deref(), found, "{name}");
        }
        let asked: Vec<_> = asked
            .iter()
            .map(|server| format!("{name} get {server}"))
            .collect();
        assert_eq!(helpers.log()[before..], asked, "{name}, once");
    }
}

#[tokio::test]
async fn many_who_need_a_helper_ask_it_once() {
    let helpers = Helpers::new(&[("all", LOGIN)]);
    let (store, _files) = store(&[r#"{"credsStore":"all"}"#]);
    let store = helpers.apply(store, LONG);
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { user(&store, "a.test", &format!("x/{number}")).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().as_deref(), Some("helped"));
    }
    assert_eq!(helpers.log(), ["all get a.test"]);
}

#[tokio::test]
async fn what_a_helper_can_answer() {
    let helpers = Helpers::new(&[
        ("login", LOGIN),
        ("identity", r#"echo '{"Username":"<token>","Secret":"t"}'"#),
        ("without", r#"echo '{"Username":"","Secret":""}'"#),
        ("miss", MISS),
        ("told", "echo 'Error: Credentials not found for it'; exit 3"),
        ("failed", "echo hunter2; echo hunter2 >&2; exit 4"),
        ("killed", "kill -9 $$"),
        ("text", "echo hunter2"),
        ("nothing", ""),
        ("partial", r#"echo '{"Username":"hunter2"}'"#),
        ("endless", "yes hunter2"),
    ]);
    let basic = |user: &str, password| {
        let password = Secret::new(password);
        let user = user.to_owned();
        Ok(Some(Credentials::Basic { user, password }))
    };
    for (name, expected) in [
        ("login", basic("helped", "hunter2")),
        (
            "identity",
            Ok(Some(Credentials::Identity(Secret::new("t")))),
        ),
        ("without", Ok(None)),
        ("miss", Ok(None)),
        ("told", Ok(None)),
        ("failed", Err(HelperFailure::Exit(Some(4)))),
        ("killed", Err(HelperFailure::Exit(None))),
        ("text", Err(HelperFailure::Nonsense)),
        ("nothing", Err(HelperFailure::Nonsense)),
        ("partial", Err(HelperFailure::Nonsense)),
        ("endless", Err(HelperFailure::TooLong)),
        ("absent", Err(HelperFailure::Missing)),
    ] {
        let text = format!(r#"{{"credHelpers":{{"a.test":"{name}"}}}}"#);
        let (store, files) = store(&[&text]);
        let store = helpers.apply(store, LONG);
        let warnings = Warnings::default();
        let mut found = None;
        for _ in 0..2 {
            found = Some(store.find("a.test", "x", &warnings).await.unwrap());
        }
        let Lookup { credentials, trail } = found.unwrap();
        let told = warnings.0.into_inner().unwrap();
        match expected {
            Ok(expected) => {
                assert_eq!(credentials, expected, "{name}");
                assert!(told.is_empty(), "{told:?}");
            }
            Err(failure) => {
                assert_eq!(credentials, None, "{name}");
                let path = files[0].path().display();
                let expected = format!(
                    "The credential helper `{name}`, named in `{path}`, {failure}, so its logins are not used"
                );
                assert_eq!(told, [expected]);
                assert!(!format!("{told:?}{trail}").contains("hunter2"));
                let failed = vec![(name.to_owned(), failure)];
                assert!(matches!(trail, Trail::Nothing { failed: found, .. } if found == failed));
            }
        }
    }
}

#[tokio::test]
async fn a_helper_that_does_not_listen_may_have_an_answer() {
    // More than a pipe holds, so that the question is still being asked when the helper has closed its ear.
    let registry = format!("{}.test", "a".repeat(1024 * 1024));
    let answer = "echo '{\"Username\":\"u\",\"Secret\":\"s\"}'";
    for script in [
        format!("#!/bin/sh\n{answer}\n"),
        format!("#!/bin/sh\nexec 0<&-\n{answer}\n"),
    ] {
        let helpers = Helpers::new(&[]);
        let program = helpers.path().join("docker-credential-early");
        Helpers::install(&program, &script);
        let (store, _files) = store(&[r#"{"credsStore":"early"}"#]);
        let store = helpers.apply(store, LONG);
        let found = user(&store, &registry, "x").await;
        assert_eq!(found.as_deref(), Some("u"), "{script}");
    }
}

#[tokio::test]
async fn a_helper_is_a_plain_name_on_the_search_path() {
    let helpers = Helpers::new(&[("good", LOGIN), ("data", LOGIN)]);
    let folder = helpers.path();
    let data = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(folder.join("docker-credential-data"), data).unwrap();
    std::fs::create_dir(folder.join("docker-credential-folder")).unwrap();
    let here = std::env::current_dir().unwrap();
    let relative = {
        let up = "../".repeat(here.components().count());
        format!("{up}{}", folder.display())
    };
    let absolute = folder.display().to_string();
    for (name, search_path, expected) in [
        ("good", absolute.clone(), None),
        ("good", format!("/nowhere::{absolute}"), None),
        ("good", relative, Some(HelperFailure::Missing)),
        ("good", String::new(), Some(HelperFailure::Missing)),
        ("data", absolute.clone(), Some(HelperFailure::Missing)),
        ("folder", absolute.clone(), Some(HelperFailure::Missing)),
        ("../good", absolute.clone(), Some(HelperFailure::Name)),
        (
            "x/../docker-credential-good",
            absolute.clone(),
            Some(HelperFailure::Name),
        ),
        ("good; true", absolute.clone(), Some(HelperFailure::Name)),
        ("$(good)", absolute.clone(), Some(HelperFailure::Name)),
        ("good\n", absolute, Some(HelperFailure::Name)),
    ] {
        let text = serde_json::json!({"credsStore": name}).to_string();
        let (store, _files) = store(&[&text]);
        let store = store.with_helpers(search_path.clone().into(), LONG);
        let trail = find(&store, "a.test", "x").await.trail;
        let failure = match &trail {
            Trail::Nothing { failed, .. } => Some(failed[0].1.clone()),
            _ => None,
        };
        assert_eq!(failure, expected, "{name} in {search_path}");
    }
}

#[tokio::test]
async fn a_helper_that_hangs_is_stopped_with_its_children() {
    let patience = Duration::from_secs(3);
    for (name, script) in [
        ("silent", "sleep 1000 & echo $! >\"$0.child\"; wait"),
        // Its own end is not enough: the answer is open as long as anybody may write to it.
        ("leaving", "sleep 1000 & echo $! >\"$0.child\"; exit 0"),
        (
            "deaf",
            "trap '' TERM INT; sleep 1000 & echo $! >\"$0.child\"; wait; wait",
        ),
    ] {
        let helpers = Helpers::new(&[(name, script)]);
        let (store, _files) = store(&[&format!(r#"{{"credsStore":"{name}"}}"#)]);
        let store = helpers.apply(store, patience);
        let started = Instant::now();
        let trail = find(&store, "a.test", "x").await.trail;
        assert!(started.elapsed() < LONG, "{name}");
        let expected = vec![(name.to_owned(), HelperFailure::Silent(patience))];
        assert!(
            matches!(&trail, Trail::Nothing { failed, .. } if *failed == expected),
            "{name}: {trail}"
        );
        let child = helpers
            .path()
            .join(format!("docker-credential-{name}.child"));
        let child = crate::fs::read_to_string(&child).unwrap();
        // It is gone at once, or a body that nobody has buried yet.
        let status = format!("/proc/{}/stat", child.trim());
        let ends = Instant::now() + LONG;
        loop {
            match crate::fs::read_to_string(Path::new(&status)) {
                Ok(text) if !text.contains(") Z ") => {
                    assert!(Instant::now() < ends, "{name}: the child lives");
                    tokio::task::yield_now().await;
                }
                _ => break,
            }
        }
    }
}
