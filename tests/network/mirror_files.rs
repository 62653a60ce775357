//! Where `registries.conf` is looked for, and what is said of one that makes no sense.

use insta::assert_snapshot;

use crate::support::context::TestContext;
use crate::support::registry::Registry;
use crate::{build_on, put_base};

/// Files with their texts, or variables with their values.
type Pairs<'a> = &'a [(&'a str, &'a str)];

#[test]
fn the_file_is_found_in_one_of_three_places() {
    let registry = Registry::start();
    put_base(&registry);
    let text = format!(
        "[[registry]]\nprefix = \"x.example.com\"\nlocation = \"{}\"\n",
        registry.address()
    );
    let broken = "this is no TOML\n";
    // The files that there are, below the folder of the test, and the variables; the right one must be read.
    let cases: [(&str, Pairs<'_>, Pairs<'_>); 5] = [
        (
            "named",
            &[
                ("named.conf", &text),
                ("home/.config/containers/registries.conf", broken),
            ],
            &[("CONTAINERS_REGISTRIES_CONF", "named.conf")],
        ),
        (
            "beside the named one",
            &[("named.conf", ""), ("registries.conf.d/1.conf", &text)],
            &[("CONTAINERS_REGISTRIES_CONF", "named.conf")],
        ),
        (
            "of the user",
            &[("home/.config/containers/registries.conf", &text)],
            &[],
        ),
        (
            "of the user, in parts",
            &[
                ("home/.config/containers/registries.conf", broken),
                ("xdg/containers/registries.conf", ""),
                ("xdg/containers/registries.conf.d/50-x.conf", &text),
            ],
            &[("XDG_CONFIG_HOME", "xdg")],
        ),
        (
            "of the user, beside that of the machine",
            &[("home/.config/containers/registries.conf.d/x.conf", &text)],
            &[],
        ),
    ];
    for (what, files, variables) in cases {
        let mut context = TestContext::new();
        context.unset("CONTAINERS_REGISTRIES_CONF");
        for (name, text) in files {
            let path = context.root().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        for (name, value) in variables {
            context.set(name, context.root().join(value));
        }
        registry.clear_requests();
        let run = build_on(&context, "x.example.com/acme/base:1", &[]);
        assert_eq!(run.code, 0, "{what}: {run}");
        assert!(registry.count("GET /v2/acme/base/") > 0, "{what}");
    }
}

#[test]
fn a_file_that_cannot_be_used_is_one_clear_error() {
    let mut context = TestContext::new();
    context.set("CONTAINERS_REGISTRIES_CONF", "mirrors.conf");
    let build = |context: &TestContext| build_on(context, "x.example.com/acme/base:1", &[]);
    assert_snapshot!(build(&context), @"
    exit code: 3
    ----- stderr -----
    error: Failed to find `mirrors.conf`
      caused by: No such file or directory (os error 2)
    hint: check the path; unless it is absolute, it starts in the folder that the command runs in
    ");
    context.write("mirrors.conf", "[[registry]]\nprefix = 1\n");
    assert_snapshot!(build(&context), @r#"
    exit code: 3
    ----- stderr -----
    error: `mirrors.conf` cannot be read
      caused by: TOML parse error at line 2, column 10
      |
    2 | prefix = 1
      |          ^
    invalid type: integer `1`, expected a string

    hint: repair the file, or name another with `CONTAINERS_REGISTRIES_CONF`; containers-registries.conf(5) describes it
    "#);
    context.write(
        "mirrors.conf",
        "[[registry]]\nprefix = \"https://x.example.com\"\n",
    );
    assert_snapshot!(build(&context), @"
    exit code: 3
    ----- stderr -----
    error: The registry `https://x.example.com` in `mirrors.conf` has a prefix that begins no image name
    hint: repair the file, or name another with `CONTAINERS_REGISTRIES_CONF`; containers-registries.conf(5) describes it
    ");
    // Who asks no registry is not troubled.
    assert_eq!(context.build(&[]).code, 0);
}
