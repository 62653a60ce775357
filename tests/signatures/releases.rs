//! Builds of releases from a mirror that has their signatures, or should.

use std::collections::BTreeMap;
use std::sync::Arc;

use flink_img::error::{Explain as _, Kind};
use flink_img::flink::release::{Demand, Places, Release, Sha512, Signatures, Sources};
use flink_img::http::{HttpSettings, Redirects, RetryPolicy, Route};
use flink_img::memory::Forgetful;
use flink_img::progress::Silent;
use insta::assert_snapshot;

use crate::gnupg::{Gnupg, KeyPlan};
use crate::support::context::{BASE, Run, TestContext};
use crate::support::files::FileServer;
use crate::support::registry::Registry;

const NAME: &str = "flink-1.20.5-bin-scala_2.12.tgz";

/// Release managers, and a folder to build in.
struct World {
    context: TestContext,
    gpg: Gnupg,
    archive: Vec<u8>,
    manager: String,
    stranger: String,
}

impl World {
    /// The keys of the manager are in `KEYS`, and those of the stranger in `OTHERS`.
    fn new() -> Self {
        let (context, gpg) = (TestContext::new(), Gnupg::new());
        let [manager, stranger] = ["Manager", "Stranger"].map(|name| {
            let name = format!("{name} <{name}@example.org>");
            let plan = KeyPlan {
                name: &name,
                ..KeyPlan::default()
            };
            gpg.key(plan, &[])
        });
        context.write("KEYS", gpg.export(&[&manager]));
        context.write("OTHERS", gpg.export(&[&stranger]));
        Self {
            archive: context.read("flink.tgz"),
            context,
            gpg,
            manager,
            stranger,
        }
    }

    fn sign(&self, key: &str) -> Vec<u8> {
        self.gpg.sign("20240601", key, &[], &self.archive)
    }

    /// As if the archive had never been downloaded; what is remembered of it stays.
    fn forget_archive(&self) {
        std::fs::remove_dir_all(self.context.store().join("releases")).unwrap();
    }

    /// Files with a KEYS beside them, and the checksum of the archive that is there.
    fn mirror(&self, archive: &[u8], signature: Option<&[u8]>) -> FileServer {
        let folder = "/flink/flink-1.20.5";
        let sum = Sha512::of(archive).unwrap();
        let mut files = BTreeMap::from([
            (format!("{folder}/{NAME}"), archive.to_vec()),
            (format!("{folder}/{NAME}.sha512"), format!("{sum}\n").into()),
            ("/flink/KEYS".to_owned(), self.gpg.export(&[])),
        ]);
        files.extend(signature.map(|text| (format!("{folder}/{NAME}.asc"), text.to_vec())));
        FileServer::start(files)
    }
}

fn build(context: &TestContext, mirror: &FileServer, words: &[&str]) -> Run {
    let address = format!("{}/flink", mirror.url());
    let usual = [
        "build",
        "--base",
        BASE,
        "--flink-version",
        "1.20.5",
        "--release-mirror",
        &address,
    ];
    context.run([&usual, words].concat())
}

/// What was asked for, by the ends of the names.
fn asked(mirror: &FileServer) -> Vec<String> {
    let asked = mirror.asked().into_iter();
    asked
        .map(|path| match path.split_once("2.12.") {
            Some((_, end)) => end.to_owned(),
            None => path.rsplit('/').next().unwrap().to_owned(),
        })
        .collect()
}

/// The lines that tell of signatures, and the error.
fn told(run: &Run) -> String {
    let text = run.plain(&run.stderr);
    let lines = text.lines().filter(|line| {
        ["sign", "error:", "hint:", "  http", "keys to"]
            .iter()
            .any(|part| line.contains(part))
            && !line.contains("DEBUG")
    });
    format!("{}\n{}", run.code, lines.collect::<Vec<_>>().join("\n"))
}

#[test]
fn a_good_signature_is_asked_for_once() {
    let world = World::new();
    let signature = world.sign(&world.manager);
    for (demand, expected) in [
        ("required", &["tgz.sha512", "tgz.asc", "tgz"][..]),
        ("if-present", &["tgz.sha512", "tgz", "tgz.asc"]),
        ("off", &["tgz.sha512", "tgz"]),
    ] {
        let mirror = world.mirror(&world.archive, Some(&signature));
        let context = TestContext::new();
        context.write("KEYS", world.context.read("KEYS"));
        let words = ["-v", "--release-keys", "KEYS", "--verify-signature", demand];
        let by = format!(
            "Flink 1.20.5 is signed on 2024-06-01 by `{}`, Manager <Manager@example.org>\n",
            world.manager
        );
        for round in 0..2 {
            let run = build(&context, &mirror, &words).ok();
            assert_eq!(run.stderr.contains(&by), demand != "off", "{run}");
            assert_eq!(asked(&mirror), expected, "{demand}, round {round}");
        }
    }
}

#[test]
fn what_is_not_signed_as_it_should_be_is_refused() {
    let world = World::new();
    let good = world.sign(&world.manager);
    let truncated = &good[..good.len() / 2];
    let by_stranger = world.sign(&world.stranger);
    let mut changed = world.archive.clone();
    // The last byte of the length that ends a gzip stream, which nobody needs.
    *changed.last_mut().unwrap() ^= 1;
    let sha1 = world.gpg.sign(
        "20240601",
        &world.manager,
        &["--digest-algo", "SHA1"],
        &world.archive,
    );
    let keys = ["--release-keys", "KEYS", "--verify-signature"];
    let mut found = Vec::new();
    for (archive, signature) in [
        (&world.archive, Some(truncated)),
        (&world.archive, Some(&by_stranger[..])),
        (&changed, Some(&good[..])),
        (&world.archive, Some(&sha1[..])),
    ] {
        let mirror = world.mirror(archive, signature);
        let runs = ["required", "if-present"].map(|demand| {
            let context = TestContext::new();
            context.write("KEYS", world.context.read("KEYS"));
            let run = build(&context, &mirror, &[&keys[..], &[demand]].concat());
            context.assert_nothing_kept();
            told(&run)
        });
        assert_eq!(runs[0], runs[1]);
        let [run, _] = runs;
        found.push(
            run.replace(&world.manager, "MANAGER")
                .replace(&world.stranger, "STRANGER"),
        );
    }
    assert_snapshot!(found.join("\n\n"), @"
    8
    error: `flink-1.20.5-bin-scala_2.12.tgz.asc` is no whole OpenPGP signature of Flink 1.20.5
    hint: do not use these bytes; try again later or from another mirror

    8
    error: The signature `flink-1.20.5-bin-scala_2.12.tgz.asc` of Flink 1.20.5 is by the key `STRANGER`, and not by a key of `KEYS`
    hint: add the key to that file, once you know whose it is

    8
    error: The signature `flink-1.20.5-bin-scala_2.12.tgz.asc` of Flink 1.20.5 by the key `MANAGER` does not match the archive
    hint: do not use these bytes; try again later or from another mirror

    8
    error: The signature `flink-1.20.5-bin-scala_2.12.tgz.asc` of Flink 1.20.5 by the key `MANAGER` is over a hash that can be forged (SHA1)
    hint: do not use these bytes; try again later or from another mirror
    ");
}

#[test]
fn a_release_without_a_signature_is_taken_unless_one_is_demanded() {
    let world = World::new();
    let mirror = world.mirror(&world.archive, None);
    let required = ["--release-keys", "KEYS", "--verify-signature", "required"];
    let run = build(&world.context, &mirror, &required);
    assert_snapshot!(told(&run), @"
    8
    error: Flink 1.20.5 has no signature to check
      http://127.0.0.1:[PORT]/flink/ does not have it (404)
      https://downloads.apache.org/flink/ could not be reached: Connection refused (os error 111)
      https://archive.apache.org/dist/flink/ could not be reached: Connection refused (os error 111)
    hint: name a mirror that has the `.asc` files too, or do without with `--verify-signature if-present`
    ");
    // For that, the archive is not needed.
    assert_eq!(asked(&mirror), ["tgz.sha512", "tgz.asc"]);
    let run = build(&world.context, &mirror, &["-v"]).ok();
    assert_snapshot!(told(&run), @"
    0
    The signature of Flink 1.20.5 is not checked: http://127.0.0.1:[PORT]/flink/ does not have it (404)
    ");
    let expected = ["tgz.sha512", "tgz.asc", "tgz.sha512", "tgz", "tgz.asc"];
    assert_eq!(asked(&mirror), expected);
    // Nobody is asked again for what is known, and it is told again.
    assert_eq!(
        told(&build(&world.context, &mirror, &["-v"]).ok()),
        told(&run)
    );
    assert_eq!(asked(&mirror), expected);
    // But somebody is when the archive is had again.
    world.forget_archive();
    build(&world.context, &mirror, &["--no-cache"]).ok();
    assert_eq!(
        asked(&mirror)[expected.len()..],
        ["tgz.sha512", "tgz", "tgz.asc"]
    );
    // Whoever demands one is not told what nobody demanded before.
    let run = build(&world.context, &mirror, &required);
    assert_eq!(run.code, 8, "{run}");
}

#[test]
fn other_keys_are_another_question_about_the_same_archive() {
    let world = World::new();
    let signature = world.sign(&world.manager);
    let mirror = world.mirror(&world.archive, Some(&signature));
    build(&world.context, &mirror, &["--release-keys", "KEYS"]).ok();
    let run = build(&world.context, &mirror, &["--release-keys", "OTHERS"]);
    assert_eq!(run.code, 8, "{run}");
    // The place may have another signature by now.
    assert_eq!(asked(&mirror).last().unwrap(), "tgz.asc");
    let count = mirror.asked().len();
    assert!(run.stderr.contains("and not by a key of `OTHERS`"), "{run}");
    let both = [world.context.read("OTHERS"), world.context.read("KEYS")];
    world.context.write("BOTH", both.concat());
    let words = ["--release-keys", "BOTH", "--verify-signature", "required"];
    build(&world.context, &mirror, &words).ok();
    assert_eq!(mirror.asked().len(), count);
    // A changed file under the same name is another one.
    world.context.write("KEYS", world.context.read("OTHERS"));
    let run = build(&world.context, &mirror, &["--release-keys", "KEYS"]);
    assert_eq!(run.code, 8, "{run}");
}

#[test]
fn a_bad_signature_of_one_place_is_no_answer_for_ever_or_for_others() {
    let world = World::new();
    let good = world.sign(&world.manager);
    let keys = ["--release-keys", "KEYS"];
    let others = world
        .gpg
        .sign("20240601", &world.manager, &[], b"another archive");
    for bad in [
        &others,
        &world.sign(&world.stranger),
        &good[..good.len() / 2].to_vec(),
    ] {
        let context = TestContext::new();
        context.write("KEYS", world.context.read("KEYS"));
        let mirror = world.mirror(&world.archive, Some(bad));
        let repaired = world.mirror(&world.archive, Some(&good));
        // As the mirror is, so is the answer; and another place is asked as well.
        assert_eq!(build(&context, &mirror, &keys).code, 8);
        build(&context, &repaired, &keys).ok();
        let context = TestContext::new();
        context.write("KEYS", world.context.read("KEYS"));
        let second = format!("{}/flink", repaired.url());
        let words = [&keys[..], &["--release-mirror", &second]].concat();
        build(&context, &mirror, &words).ok();
        assert!(asked(&mirror).contains(&"tgz.asc".to_owned()));
        assert!(asked(&repaired).contains(&"tgz.asc".to_owned()));
    }
    // What says most against the archive is told.
    let context = TestContext::new();
    context.write("KEYS", world.context.read("KEYS"));
    let unknown = world.mirror(&world.archive, Some(&world.sign(&world.stranger)));
    let mismatch = world.mirror(&world.archive, Some(&others));
    let second = format!("{}/flink", mismatch.url());
    let words = [&keys[..], &["--release-mirror", &second]].concat();
    let run = build(&context, &unknown, &words);
    assert!(run.stderr.contains("does not match the archive"), "{run}");
}

#[test]
fn whoever_names_keys_demands_a_signature() {
    let world = World::new();
    let mirror = world.mirror(&world.archive, None);
    let keys = ["--release-keys", "KEYS"];
    let run = build(&world.context, &mirror, &keys);
    assert_eq!(run.code, 8, "{run}");
    assert!(run.stderr.contains("has no signature to check"), "{run}");
    let mut context = TestContext::new();
    context.write("KEYS", world.context.read("KEYS"));
    context.set("FLINK_IMG_RELEASE_KEYS", "KEYS");
    assert_eq!(build(&context, &mirror, &[]).code, 8);
    context.unset("FLINK_IMG_RELEASE_KEYS");
    context.write("flink-img.toml", b"[flink]\nkeys = 'KEYS'\n");
    assert_eq!(build(&context, &mirror, &[]).code, 8);
    // Unless he says that he does not.
    build(&context, &mirror, &["--verify-signature", "if-present"]).ok();
}

#[test]
fn shipped_fingerprints_decide_whose_keys_count() {
    let world = World::new();
    let signature = world.sign(&world.manager);
    let mirror = world.mirror(&world.archive, Some(&signature));
    let run = build(&world.context, &mirror, &["--verify-signature", "required"]);
    let told_required = told(&run).replace(&world.manager, "MANAGER");
    assert_snapshot!(told_required, @"
    8
    error: The signature `flink-1.20.5-bin-scala_2.12.tgz.asc` of Flink 1.20.5 is by the key `MANAGER`, and not by a key of an earlier release
    hint: name a file with the key of who signed it with `--release-keys`, once you know whose it is
    ");
    let run = build(&world.context, &mirror, &[]).ok();
    let told_open = told(&run).replace(&world.manager, "MANAGER");
    assert_snapshot!(told_open, @"
    0
    The signature `flink-1.20.5-bin-scala_2.12.tgz.asc` of Flink 1.20.5 is by the key `MANAGER`, and not by a key of an earlier release, so it is not checked; `--release-keys` names a file with keys
    ");
    let count = mirror.asked().len();
    let run = build(&world.context, &mirror, &[]).ok();
    assert_snapshot!(told(&run), @"0");
    assert_eq!(mirror.asked().len(), count);
    // When the mirror has another signature, it is looked at with the archive that is had again.
    world.forget_archive();
    build(&world.context, &mirror, &["--no-cache"]).ok();
    assert_eq!(
        asked(&mirror)[count..],
        ["tgz.sha512", "tgz", "tgz.asc", "KEYS"]
    );
}

#[test]
fn an_earlier_image_does_not_stand_for_a_signature_that_is_demanded() {
    let world = World::new();
    let signature = world.sign(&world.manager);
    let mirror = world.mirror(&world.archive, Some(&signature));
    let registry = Registry::start();
    let name = format!("{}/acme/job:1", registry.address());
    let push = ["--push", "--job-jar", "job.jar", "-t", &name];
    let first = build(
        &world.context,
        &mirror,
        &[&push[..], &["--verify-signature", "off"]].concat(),
    );
    let digest = first.ok().digest();
    let keys = ["--release-keys", "KEYS", "--verify-signature"];
    for (demand, expected) in [
        ("if-present", &["tgz.sha512"][..]),
        ("required", &["tgz.sha512", "tgz.asc", "tgz"]),
    ] {
        let runner = TestContext::new();
        runner.write("KEYS", world.context.read("KEYS"));
        let before = mirror.asked().len();
        let run = build(&runner, &mirror, &[&push[..], &keys, &[demand]].concat());
        assert_eq!(run.ok().digest(), digest);
        assert_eq!(asked(&mirror)[before..], *expected, "{demand}");
    }
}

#[test]
fn what_cannot_be_checked_is_refused_before_any_request() {
    let mut context = TestContext::new();
    context.write("none.txt", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n");
    let mirror = FileServer::start(BTreeMap::new());
    let mut found = Vec::new();
    for words in [
        &["--release-keys", "none.txt"][..],
        &["--release-keys", "missing.txt"],
        &["--verify-signature", "maybe"],
    ] {
        found.push(told(&build(&context, &mirror, words)));
    }
    for words in [
        ["--verify-signature", "required"],
        ["--release-keys", "none.txt"],
    ] {
        found.push(told(&context.build(&words)));
    }
    assert_snapshot!(found.join("\n\n"), @"
    3
    error: `none.txt` holds no OpenPGP key in ASCII armor
    hint: give the `KEYS` of the project, or what `gpg --armor --export` writes

    3
    error: Failed to find `missing.txt`
    hint: check the path; unless it is absolute, it starts in the folder that the command runs in

    2
    error: invalid value 'maybe' for '--verify-signature <WHEN>'

    2
    error: Signatures are those of releases that are downloaded, and `flink.tgz` is none
    hint: leave `--verify-signature required` and `--release-keys` out, and check the file before

    2
    error: Signatures are those of releases that are downloaded, and `flink.tgz` is none
    hint: leave `--verify-signature required` and `--release-keys` out, and check the file before
    ");
    context.assert_nothing_kept();
    context.set("FLINK_IMG_RELEASE_KEYS", "none.txt");
    assert_eq!(build(&context, &mirror, &[]).code, 3);
    context.set("FLINK_IMG_VERIFY_SIGNATURE", "off");
    context.build(&[]).ok();
    context.unset("FLINK_IMG_RELEASE_KEYS");
    context.set("FLINK_IMG_VERIFY_SIGNATURE", "required");
    assert_eq!(context.build(&[]).code, 2);
    assert_eq!(mirror.asked(), [""; 0]);
}

#[tokio::test]
async fn an_old_release_is_had_from_the_host_that_has_them_all() {
    let world = World::new();
    let signature = world.sign(&world.manager);
    let empty = || FileServer::start(BTreeMap::new());
    let (current, archive) = (empty(), world.mirror(&world.archive, Some(&signature)));
    let folder = tempfile::tempdir().unwrap();
    let hosts = [&current, &archive].map(|host| format!("{}/flink", host.url()).parse().unwrap());
    let sources = Sources {
        client: HttpSettings::default()
            .client(Redirects::Follow, Route::Direct)
            .unwrap(),
        retry: RetryPolicy::default(),
        places: Places::with_hosts(vec![], hosts.into()),
        cache: folder.path().join("cache"),
        spool: folder.path().to_owned(),
        memory: Arc::new(Forgetful),
        reporter: Arc::new(Silent),
    };
    let release = Release {
        version: "1.20.5".parse().unwrap(),
        scala: "2.12".parse().unwrap(),
        hadoop: None,
    };
    let fetched = release.fetch(None, &sources).await.unwrap();
    assert_eq!(fetched.place, Some(format!("{}/flink/", archive.url())));
    for (demand, name) in [
        (Demand::Required, "KEYS"),
        (Demand::IfPresent, "KEYS"),
        (Demand::Required, "OTHERS"),
    ] {
        let signatures = Signatures {
            demand,
            keys: Some(world.context.path(name)),
        };
        let checks = signatures.open().unwrap();
        match checks.check(&release, &fetched, None, &sources).await {
            Ok(signer) => assert_eq!(signer.unwrap().fingerprint, world.manager),
            Err(error) => assert_eq!((error.kind(), name), (Kind::Integrity, "OTHERS")),
        }
    }
}
