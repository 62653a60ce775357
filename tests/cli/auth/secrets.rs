//! What is never shown.

use super::*;

/// A way to give a login: its name, what it does to the context, more words, and what is on stdin.
struct Way {
    name: &'static str,
    prepare: fn(&mut TestContext, &str),
    words: &'static [&'static str],
    stdin: bool,
}

#[test]
fn no_way_to_give_a_login_shows_it() {
    let ways = [
        Way {
            name: "a line on stdin",
            prepare: |_, _| (),
            words: &["--registry-user", "ada"],
            stdin: true,
        },
        Way {
            name: "a variable",
            prepare: |context, _| context.set("FLINK_IMG_REGISTRY_TOKEN", PASSWORD),
            words: &["--registry-user", "ada"],
            stdin: false,
        },
        Way {
            name: "a file that is named",
            prepare: |context, registry| context.write("auth.json", logins(registry)),
            words: &["--authfile", "auth.json"],
            stdin: false,
        },
        Way {
            name: "a variable with a file in it",
            prepare: |context, registry| context.set("DOCKER_AUTH_CONFIG", logins(registry)),
            words: &[],
            stdin: false,
        },
        Way {
            name: "a helper",
            prepare: |context, registry| {
                helper(context, "good", HELPER);
                let text = json!({"credHelpers": {registry: "good"}}).to_string();
                place(context, "home/.docker/config.json", &text);
            },
            words: &[],
            stdin: false,
        },
        Way {
            name: "a helper that fails",
            prepare: |context, _| {
                helper(context, "bad", &format!("{HELPER}; exit 1"));
                place(
                    context,
                    "home/.docker/config.json",
                    r#"{"credsStore":"bad"}"#,
                );
            },
            words: &[],
            stdin: false,
        },
        Way {
            name: "a file without sense",
            prepare: |context, _| {
                let text = json!({"auths": {"a.test": PASSWORD}}).to_string();
                place(context, "home/.docker/config.json", &text);
            },
            words: &[],
            stdin: false,
        },
        Way {
            name: "an entry without sense",
            prepare: |context, registry| {
                let text = json!({"auths": {registry: {"auth": PASSWORD}}}).to_string();
                place(context, "home/.docker/config.json", &text);
            },
            words: &[],
            stdin: false,
        },
    ];
    let encoded = [
        STANDARD.encode(format!("ada:{PASSWORD}")),
        STANDARD.encode(PASSWORD),
    ];
    let mut secrets = vec![PASSWORD, "hunter2", "token-"];
    secrets.extend(encoded.iter().map(String::as_str));
    for way in ways {
        for registry in [basic_registry(), token_registry()] {
            let mut context = TestContext::new();
            (way.prepare)(&mut context, &registry.address());
            let name = format!("{}/acme/job:1", registry.address());
            let usual = [
                "build",
                "--base",
                "rootfs:base.tar",
                "--from-archive",
                "flink.tgz",
            ];
            let build = [
                &usual[..],
                &["--job-jar", "job.jar", "--push", "-v", "-t", &name],
                way.words,
            ]
            .concat();
            let check = [&["auth", "check", &name, "-v"], way.words].concat();
            let json = [
                &["auth", "check", &name, "--push", "--json", "-v"],
                way.words,
            ]
            .concat();
            for words in [build, check, json] {
                let run = with_stdin(&context, &words, if way.stdin { PASSWORD } else { "" });
                let is_good = !way.name.contains("without") && !way.name.contains("fails");
                assert_eq!(run.code == 0, is_good, "{}: {run}", way.name);
                // With `-v`, where the login is from is told all the same.
                let is_told = run.stderr.contains("asked for credentials");
                assert!(is_told || !is_good, "{}: {run}", way.name);
                for secret in &secrets {
                    for text in [&run.stdout, &run.stderr] {
                        assert!(
                            !text.contains(secret),
                            "{} shows `{secret}`: {text}",
                            way.name
                        );
                    }
                }
                // The words themselves are seen by everybody on the machine.
                assert!(words.iter().all(|word| !word.contains(PASSWORD)));
            }
        }
    }
}
