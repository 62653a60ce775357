//! Where files of packages land, and what becomes of those that are there.

use flink_img::base::alpine::Notice;

use crate::scene::{added, listed, paths, text_of, told};
use crate::support::alpine::{File, INSTALLED, KEY, Package, identity};

fn notices(layer: &flink_img::base::alpine::PackagesLayer) -> Vec<String> {
    layer.notices.iter().map(Notice::to_string).collect()
}

pub(crate) fn files_land_where_the_links_of_the_base_lead() {
    // A link takes the place of the folder that the usual base has, with all that is in it.
    let merged = [
        ("lib", File::link("usr/lib")),
        ("bin", File::link("usr/bin")),
        (
            "usr/lib/apk/db/installed",
            File::plain(INSTALLED.as_bytes()),
        ),
        ("usr/bin/grep", File::link("/bin/busybox")),
        ("var/run", File::link("/run")),
        ("deep", File::link("var/run/deep")),
    ];
    let made = Package::new("a", "1")
        .file("lib/", File::folder().mode(0o700))
        .file("lib/liba.so", File::program(b"a"))
        .file("bin/", File::folder())
        .file("bin/grep", File::program(b"grep"))
        .file("deep/", File::folder())
        .file("deep/er/", File::folder())
        .file("deep/er/x", File::plain(b"x"))
        .make(&KEY);
    let layer = added(&merged, &[made]).unwrap();
    assert_eq!(
        listed(&layer),
        [
            "- 0644 0:0 etc/apk/world",
            "d 0755 0:0 run/",
            "d 0755 0:0 run/deep/",
            "d 0755 0:0 run/deep/er/",
            "- 0644 0:0 run/deep/er/x",
            "- 0755 0:0 usr/bin/grep",
            "- 0644 0:0 usr/lib/apk/db/installed",
            "- 0755 0:0 usr/lib/liba.so",
        ]
    );
    assert_eq!(notices(&layer), [""; 0]);
    // The database has the paths of the package.
    let installed = text_of(&layer, "usr/lib/apk/db/installed").unwrap();
    let lines = format!(
        "F:lib\nM:0:0:700\nR:liba.so\na:0:0:755\nZ:{}\nF:bin\n",
        identity(b"a")
    );
    assert!(installed.contains(&lines), "{installed}");
}

pub(crate) fn folders_of_the_base_are_never_written_again() {
    let made = |name, mode, owner: (u64, u64)| {
        Package::new(name, "1")
            .file("tmp/", File::folder().mode(0o755))
            .file("var/", File::folder().mode(0o700))
            .file("var/lib/", File::folder())
            .file(
                "var/lib/x/",
                File::folder().mode(mode).owner(owner.0, owner.1),
            )
            .make(&KEY)
    };
    // Of several packages the one with the lower owner counts; of the same owner, what all of them allow.
    for (one, two, expected) in [
        ((0o770, (5, 5)), (0o755, (0, 0)), "d 0755 0:0 var/lib/x/"),
        ((0o755, (0, 0)), (0o770, (5, 5)), "d 0755 0:0 var/lib/x/"),
        ((0o750, (5, 5)), (0o775, (5, 5)), "d 0750 5:5 var/lib/x/"),
    ] {
        let layer = added(&[], &[made("a", one.0, one.1), made("b", two.0, two.1)]).unwrap();
        let folders: Vec<_> = listed(&layer)
            .into_iter()
            .filter(|line| line.starts_with('d'))
            .collect();
        assert_eq!(folders, ["d 0755 0:0 var/lib/", expected]);
    }
}

pub(crate) fn names_of_one_file_stay_one_file() {
    // The names cross over to another place by a link, so that the order of paths is not that of the package.
    let made = Package::new("a", "1")
        .file("usr/bin/", File::folder())
        .file("usr/bin/z", File::program(b"program"))
        .file("usr/bin/m", File::hard_link("usr/bin/z"))
        .file("bin/", File::folder())
        .file("bin/a", File::hard_link("usr/bin/m"))
        .file("usr/bin/own", File::hard_link("usr/bin/z"))
        .make(&KEY);
    let layer = added(&[], &[made]).unwrap();
    let listed: Vec<_> = listed(&layer)
        .into_iter()
        .filter(|line| !line.contains("apk"))
        .collect();
    assert_eq!(
        listed,
        [
            "- 0755 0:0 bin/a",
            "h 0755 0:0 usr/bin/m -> bin/a",
            "h 0755 0:0 usr/bin/own -> bin/a",
            "h 0755 0:0 usr/bin/z -> bin/a",
        ]
    );
}

pub(crate) fn a_file_of_another_package_is_a_conflict_unless_it_is_replaced() {
    let tool = |name| {
        Package::new(name, "1")
            .file("bin/", File::folder())
            .file("bin/tool", File::program(b"mine"))
    };
    let error = added(&[], &[tool("a").make(&KEY)]).unwrap_err();
    assert_eq!(
        told(&error),
        "The packages `a-1` and `busybox-1.36.1-r2` both have the file `/bin/tool`"
    );
    let error = added(&[], &[tool("a").field("replaces", "busybox>2").make(&KEY)]).unwrap_err();
    assert_eq!(
        told(&error),
        "The packages `a-1` and `busybox-1.36.1-r2` both have the file `/bin/tool`"
    );

    // One that is replaced loses the file, in the database too.
    let layer = added(&[], &[tool("a").field("replaces", "busybox").make(&KEY)]).unwrap();
    assert_eq!(paths(&layer), ["bin/tool"]);
    let installed = text_of(&layer, "lib/apk/db/installed").unwrap();
    assert!(
        installed.starts_with(&INSTALLED.replace("R:tool\n", "")),
        "{installed}"
    );
    assert_eq!(installed.matches("R:tool\n").count(), 1);

    // Of packages that come together.
    let error = added(
        &[("bin/tool", File::link("/bin/busybox"))],
        &[
            tool("a").field("replaces", "busybox").make(&KEY),
            tool("b").field("replaces", "busybox").make(&KEY),
        ],
    );
    assert_eq!(
        told(&error.unwrap_err()),
        "The packages `b-1` and `a-1` both have the file `/bin/tool`"
    );
    let replaces = |names, priority| {
        tool("b")
            .field("replaces", names)
            .field("replaces_priority", priority)
            .make(&KEY)
    };
    for (a, b, owner) in [
        (
            tool("a").field("replaces", "busybox").make(&KEY),
            replaces("busybox a", "0"),
            "b",
        ),
        (
            tool("a")
                .field("replaces", "busybox b")
                .field("replaces_priority", "2")
                .make(&KEY),
            replaces("busybox a", "1"),
            "a",
        ),
        (
            tool("a").field("replaces", "busybox b").make(&KEY),
            replaces("busybox a", "1"),
            "b",
        ),
        (
            tool("a")
                .field("replaces", "busybox")
                .field("origin", "b")
                .make(&KEY),
            replaces("busybox", "0"),
            "b",
        ),
    ] {
        let layer = added(&[], &[a, b]).unwrap();
        let installed = text_of(&layer, "lib/apk/db/installed").unwrap();
        let mut owners = installed
            .split("\n\n")
            .filter(|stanza| stanza.contains("R:tool"));
        assert!(
            owners.next().unwrap().contains(&format!("P:{owner}\n")),
            "{installed}"
        );
        assert_eq!(owners.next(), None);
    }
}

pub(crate) fn files_of_nobody_give_way_but_for_settings() {
    let made = Package::new("a", "1")
        .file("bin/", File::folder())
        .file("bin/grep", File::program(b"a better grep"))
        .file("usr/bin/", File::folder())
        .file("usr/bin/own", File::program(b"a's own"))
        .file("etc/", File::folder())
        .file("etc/passwd", File::plain(b"root::0:0::/:/bin/sh\n"))
        .file("etc/a.conf", File::plain(b"new\n"))
        .file("etc/.keep_here", File::plain(b""))
        .file(".hidden", File::plain(b""))
        .make(&KEY);
    let layer = added(&[], &[made]).unwrap();
    assert_eq!(paths(&layer), ["bin/grep", "etc/a.conf", "usr/bin/own"]);
    assert_eq!(
        notices(&layer),
        [
            "The base's own `/etc/passwd` stays; the package `a-1` has another",
            "The file `/usr/bin/own` of the package `a-1` takes the place of the base's own",
        ]
    );
    // As with apk, the database has the file of the package, so that an audit tells the difference.
    let installed = text_of(&layer, "lib/apk/db/installed").unwrap();
    let line = format!("R:passwd\nZ:{}\n", identity(b"root::0:0::/:/bin/sh\n"));
    assert!(installed.contains(&line), "{installed}");
}

pub(crate) fn a_folder_and_a_file_do_not_take_each_others_place() {
    for (path, file, expected) in [
        (
            "usr/bin",
            File::program(b""),
            "The package `a-1` has a file at `/usr/bin`, where a folder stands already",
        ),
        (
            "usr/bin",
            File::link("../bin"),
            "The package `a-1` has a file at `/usr/bin`, where a folder stands already",
        ),
        (
            "usr/bin/own/",
            File::folder(),
            "The package `a-1` has a folder at `/usr/bin/own`, where a file stands already",
        ),
        (
            "usr/bin/own/x",
            File::plain(b""),
            "The package `a-1` has a folder at `/usr/bin/own`, where a file stands already",
        ),
        (
            "opt",
            File::link("/var"),
            "The package `a-1` has a file at `/opt`, where a link to a folder stands already",
        ),
        (
            "loop/x",
            File::plain(b""),
            "The package `a-1` has the file `loop`, where links of the base lead in a circle",
        ),
    ] {
        let made = Package::new("a", "1").file(path, file).make(&KEY);
        let base = [
            ("loop", File::link("loop")),
            ("opt", File::link("/usr/lib")),
        ];
        assert_eq!(told(&added(&base, &[made]).unwrap_err()), expected);
    }
}
