//! Signed jars, made by hand after the specification: those that are intact, and each way to damage one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flink_img::jar::Signature;
use sha2::Digest as _;

use crate::facts;
use crate::support::zip::{Entry, class, zip};

fn sha256(text: &str) -> String {
    STANDARD.encode(sha2::Sha256::digest(text))
}

fn sha1(text: &str) -> String {
    use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
}

fn sha512(text: &str) -> String {
    STANDARD.encode(sha2::Sha512::digest(text))
}

/// The parts of a signed jar, which belong together as they are made.
struct Signed {
    manifest: String,
    file: String,
    content: &'static str,
}

const MAIN: &str = "Manifest-Version: 1.0\r\nCreated-By: 17 (Debian)\r\n\r\n";
const CONTENT: &str = "the content of an entry";

impl Signed {
    fn new() -> Self {
        Self::by("SHA-256", sha256)
    }

    /// The same with the digests by another algorithm.
    fn by(name: &str, digest: fn(&str) -> String) -> Self {
        let section = format!(
            "Name: a/x.txt\r\n{name}-Digest: {}\r\n\r\n",
            digest(CONTENT)
        );
        let manifest = format!("{MAIN}{section}");
        let file = format!(
            "Signature-Version: 1.0\r\n{name}-Digest-Manifest-Main-Attributes: {}\r\n{name}-Digest-Manifest: {}\r\n\r\n\
             Name: a/x.txt\r\n{name}-Digest: {}\r\n\r\n",
            digest(MAIN),
            digest(&manifest),
            digest(&section)
        );
        let content = CONTENT;
        Self {
            manifest,
            file,
            content,
        }
    }

    fn state(&self) -> Signature {
        self.state_with(&["META-INF/JOE.SF", "META-INF/JOE.RSA"])
    }

    fn state_with(&self, files: &[&str]) -> Signature {
        let mut entries = vec![
            Entry::new("META-INF/MANIFEST.MF", self.manifest.clone()),
            Entry::new("a/x.txt", self.content),
            Entry::new("a/Unsigned.class", class(52, &[])),
        ];
        entries.extend(files.iter().map(|name| Entry::new(name, self.file.clone())));
        facts(&zip(&entries)).unwrap().signature
    }
}

fn damaged(why: &str) -> Signature {
    let why = why.to_owned();
    Signature::Damaged { why }
}

#[test]
fn an_intact_signature_is_found_whoever_made_it() {
    let signed = Signed::new();
    for files in [
        ["META-INF/JOE.SF", "META-INF/JOE.RSA"],
        ["META-INF/joe.sf", "META-INF/Joe.ec"],
        ["META-INF/B.DSA", "META-INF/B.SF"],
    ] {
        assert_eq!(signed.state_with(&files), Signature::Intact, "{files:?}");
    }
    // The manifest grew, which it may: its sections are signed too.
    let mut grown = Signed::new();
    grown.manifest += "Name: a/Unsigned.class\r\nX: y\r\n\r\n";
    assert_eq!(grown.state(), Signature::Intact);
    // Sections without the empty line, as old tools had them, and with another end of line.
    let section = format!("Name: a/x.txt\nSHA-512-Digest: {}\n", sha512(CONTENT));
    let old = Signed {
        manifest: format!("Manifest-Version: 1.0\n\n{section}\n"),
        file: format!(
            "Signature-Version: 1.0\n\nName: a/x.txt\nSHA-512-Digest: {}\n\n",
            sha512(&section)
        ),
        content: CONTENT,
    };
    assert_eq!(old.state(), Signature::Intact);
}

#[test]
fn what_the_jvm_makes_nothing_of_is_no_signature() {
    let mut signed = Signed::new();
    // Damaged, if it were one.
    signed.content = "another";
    for files in [
        &[][..],
        &["META-INF/JOE.SF"],
        &["META-INF/JOE.RSA"],
        &["META-INF/JOE.SF", "META-INF/ANN.RSA"],
        &["META-INF/deep/JOE.SF", "META-INF/deep/JOE.RSA"],
        &["JOE.SF", "JOE.RSA"],
    ] {
        assert_eq!(signed.state_with(files), Signature::None, "{files:?}");
    }
    let whole = Signed::new();
    for (from, to) in [
        ("Signature-Version: 1.0", "Signature-Version: 2.0"),
        ("SHA-256", "MD5"),
    ] {
        let other = Signed {
            file: whole.file.replace(from, to),
            ..Signed::new()
        };
        assert_eq!(other.state(), Signature::None, "{to}");
    }
}

#[test]
fn what_does_not_fit_by_sha_1_alone_is_told_apart_and_what_is_signed_by_md5_is_not_signed() {
    let (sha1, strong) = (Signed::by("SHA1", sha1), Signed::by("SHA-256", sha256));
    assert_eq!(sha1.state(), Signature::Intact);
    let changed = |signed: &Signed| Signed {
        manifest: signed.manifest.clone(),
        file: signed.file.clone(),
        content: "another",
    };
    let why = "its entry `a/x.txt` is not the one that was signed".to_owned();
    assert_eq!(
        changed(&sha1).state(),
        Signature::Outdated { why: why.clone() }
    );
    assert_eq!(changed(&strong).state(), Signature::Damaged { why });
    // Shaded: its manifest says nothing of what was signed.
    let shaded = |signed: &Signed| Signed {
        manifest: "Manifest-Version: 1.0\r\nMain-Class: org.example.Job\r\n\r\n".to_owned(),
        ..changed(signed)
    };
    let Signature::Outdated { why } = shaded(&sha1).state() else {
        panic!("{:?}", shaded(&sha1).state());
    };
    assert!(why.starts_with("the main section"), "{why}");
    // By both, of which only one does not fit.
    let by_both = |strong: &str, weak: &str| {
        let digests = format!("SHA-256-Digest: {strong}\r\nSHA1-Digest: {weak}");
        let manifest = format!("{MAIN}Name: a/x.txt\r\n{digests}\r\n\r\n");
        let file = format!(
            "Signature-Version: 1.0\r\nSHA-256-Digest-Manifest: {}\r\n\r\nName: a/x.txt\r\n\r\n",
            sha256(&manifest)
        );
        Signed {
            manifest,
            file,
            content: CONTENT,
        }
    };
    let (good, bad) = (sha256(CONTENT), sha256("another"));
    let (good_sha1, bad_sha1) = (self::sha1(CONTENT), self::sha1("another"));
    let why = "its entry `a/x.txt` is not the one that was signed".to_owned();
    for (strong, weak, expected) in [
        (&good, &good_sha1, Signature::Intact),
        (&good, &bad_sha1, Signature::Outdated { why: why.clone() }),
        (&bad, &good_sha1, Signature::Damaged { why }),
    ] {
        assert_eq!(by_both(strong, weak).state(), expected);
    }
    // MD5 counts nowhere any more, and what is no algorithm never did.
    for other in ["MD5", "MD2", "X"] {
        let signed = Signed::by(other, sha256);
        for signed in [changed(&signed), shaded(&signed)] {
            assert_eq!(signed.state(), Signature::None, "{other}");
        }
    }
}

#[test]
fn each_way_to_damage_a_signed_jar_is_told() {
    let whole = Signed::new();
    let other_content = Signed {
        content: "the content of an entrY",
        ..Signed::new()
    };
    let entry = "its entry `a/x.txt` is not the one that was signed";
    assert_eq!(other_content.state(), damaged(entry));
    // What shading does: a manifest of its own.
    let shaded = Signed {
        manifest: "Manifest-Version: 1.0\r\nMain-Class: org.example.Job\r\n\r\n".to_owned(),
        ..Signed::new()
    };
    let main = "the main section of its manifest is not what `META-INF/JOE.SF` signs";
    assert_eq!(shaded.state(), damaged(main));
    let bare = Signed {
        manifest: MAIN.to_owned(),
        ..Signed::new()
    };
    let missing = "its manifest has nothing about `a/x.txt`, which `META-INF/JOE.SF` signs";
    assert_eq!(bare.state(), damaged(missing));
    let patched = Signed {
        manifest: whole.manifest.replace(&sha256(CONTENT), &sha256("another")),
        content: "another",
        ..Signed::new()
    };
    let section = "its manifest says something else of `a/x.txt` than what `META-INF/JOE.SF` signs";
    assert_eq!(patched.state(), damaged(section));
    let nonsense = Signed {
        manifest: whole.manifest.replace("Created-By: 17", "Created-By: 21"),
        file: whole.file.replace(&sha256(MAIN), "*"),
        ..Signed::new()
    };
    assert_eq!(nonsense.state(), damaged(main));
    // One of two signers.
    let both = [
        "META-INF/A.SF",
        "META-INF/A.RSA",
        "META-INF/B.SF",
        "META-INF/B.RSA",
    ];
    assert_eq!(whole.state_with(&both), Signature::Intact);
    assert_eq!(other_content.state_with(&both), damaged(entry));
}
