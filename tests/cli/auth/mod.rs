//! Logins: where they come from, where they go, and `auth check`, which tells it.

mod check;
mod given;
mod secrets;

use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::context::{Run, TestContext};
use crate::support::registry::{Auth, Fault, Registry};

const PASSWORD: &str = "hunter2-Ünlock";

fn basic_registry() -> Registry {
    Registry::with_auth(Auth::Basic {
        user: "ada".to_owned(),
        password: PASSWORD.to_owned(),
    })
}

fn token_registry() -> Registry {
    Registry::with_auth(Auth::Token {
        user: "ada".to_owned(),
        password: PASSWORD.to_owned(),
    })
}

/// What `docker login` writes.
fn logins(key: &str) -> String {
    let auth = STANDARD.encode(format!("ada:{PASSWORD}"));
    json!({"auths": {key: {"auth": auth}}}).to_string()
}

fn with_stdin(context: &TestContext, words: &[&str], stdin: &str) -> Run {
    context.write("stdin", stdin);
    let mut command = context.command(words);
    command.stdin(std::fs::File::open(context.path("stdin")).unwrap());
    context.finish(command)
}

/// Writes a file below the folder of the test, with its folders.
fn place(context: &TestContext, path: &str, text: &str) {
    let path = context.root().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Installs a credential helper where the program finds it. Another process writes it: a file that this one has open while
/// it starts others cannot be run.
fn helper(context: &mut TestContext, name: &str, script: &str) {
    let folder = context.root().join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    context.set("PATH", format!("/usr/bin:/bin:{}", folder.display()));
    let path = folder.join(format!("docker-credential-{name}"));
    let mut writer = std::process::Command::new("/bin/sh")
        .args(["-c", "cat >\"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let text = format!("#!/bin/sh\nread -r server\n{script}\n");
    std::io::Write::write_all(&mut writer.stdin.take().unwrap(), text.as_bytes()).unwrap();
    assert!(writer.wait().unwrap().success());
}

const HELPER: &str = r#"echo "to stderr: hunter2-Ünlock" >&2
echo '{"ServerURL":"","Username":"ada","Secret":"hunter2-Ünlock"}'"#;

#[test]
fn every_place_of_logins_is_read_and_those_before_it_go_first() {
    let registry = basic_registry();
    let name = format!("{}/acme/job:1", registry.address());
    // From the last to the first. Where a variable is needed to be read, it is set with the file.
    let places = [
        (None, "home/.dockercfg"),
        (None, "home/.docker/config.json"),
        (Some(("DOCKER_CONFIG", "docker")), "docker/config.json"),
        (None, "home/.config/containers/auth.json"),
        (
            Some(("XDG_CONFIG_HOME", "config")),
            "config/containers/auth.json",
        ),
        (Some(("XDG_RUNTIME_DIR", "run")), "run/containers/auth.json"),
        (Some(("DOCKER_AUTH_CONFIG", "")), ""),
        (Some(("REGISTRY_AUTH_FILE", "one.json")), "one.json"),
    ];
    let mut context = TestContext::new();
    for (variable, path) in places {
        let text = logins(&registry.address());
        let expected = if path.is_empty() {
            context.set("DOCKER_AUTH_CONFIG", &text);
            json!({"variable": "DOCKER_AUTH_CONFIG"})
        } else {
            let legacy: Value = serde_json::from_str(&text).unwrap();
            let legacy = legacy["auths"].to_string();
            let is_legacy = path.ends_with(".dockercfg");
            place(&context, path, if is_legacy { &legacy } else { &text });
            if let Some((variable, folder)) = variable {
                context.set(variable, context.root().join(folder));
            }
            json!({"file": context.root().join(path).display().to_string()})
        };
        let run = context.run(["auth", "check", &name, "--json"]);
        let object = run.json();
        let source = json!({"kind": "entry", "in": expected, "key": registry.address()});
        assert_eq!(object["source"], source, "{path}");
        assert_eq!(object["user"], "ada");
    }
    // A file that is named is read alone: what it does not know is not looked for elsewhere.
    place(&context, "other.json", &logins("elsewhere.test"));
    let other = context.root().join("other.json").display().to_string();
    let run = context.run(["auth", "check", &name, "--json", "--authfile", &other]);
    assert_eq!(run.code, 5, "{run}");
    let object: Value = serde_json::from_str(&run.stdout).unwrap();
    let nothing = json!({"kind": "none", "lookedIn": [{"file": other}], "failed": []});
    assert_eq!(object["source"], nothing);
    // What is given with the command goes before all of them.
    context.set("FLINK_IMG_REGISTRY_TOKEN", PASSWORD);
    let words = ["auth", "check", &name, "--json", "--registry-user", "ada"];
    assert_eq!(
        context.run(words).json()["source"],
        json!({"kind": "command"})
    );
}
