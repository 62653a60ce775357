//! Files with the certificate of a client, or without; what servers make of right ones is in `tests/registry_real/`.

use insta::assert_snapshot;

use crate::support::context::TestContext;

/// A certificate and a key are told by their blocks; nothing in them is looked at before both are there.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";

#[test]
fn files_without_a_certificate_or_a_key_are_refused_before_anything_is_asked() {
    let context = TestContext::new();
    context.write("empty.pem", "");
    context.write("certificate.pem", CERTIFICATE);
    context.write(
        "old.pem",
        "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMAA=\n-----END EC PRIVATE KEY-----\n",
    );
    context.write(
        "new.pem",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let build = |words: &[&str]| {
        let usual = ["--push", "-t", "127.0.0.1:1/acme/job:1"];
        context.build(&[&usual, words].concat())
    };
    assert_snapshot!(build(&["--client-cert", "missing.pem"]), @"
    exit code: 3
    ----- stderr -----
    error: Failed to find `missing.pem`
      caused by: No such file or directory (os error 2)
    hint: check the path; unless it is absolute, it starts in the folder that the command runs in
    ");
    assert_snapshot!(build(&["--client-cert", "empty.pem"]), @"
    exit code: 3
    ----- stderr -----
    error: `empty.pem` has no certificate in PEM form
    hint: name a file with a `-----BEGIN CERTIFICATE-----` block with `--client-cert`
    ");
    assert_snapshot!(build(&["--client-cert", "certificate.pem"]), @"
    exit code: 3
    ----- stderr -----
    error: `certificate.pem` has no private key in PEM form
    hint: name the file with the `-----BEGIN PRIVATE KEY-----` block with `--client-key`
    ");
    for name in ["old.pem", "new.pem"] {
        let run = build(&["--client-cert", "certificate.pem", "--client-key", name]);
        assert_eq!(run.code, 3, "{run}");
        let told = format!(
            "error: The private key in `{name}` is encrypted\nhint: take the passphrase away with `openssl pkey -in \
             {name}`, into a file that only you may read\n"
        );
        assert_eq!(run.stderr, told);
    }
    let run = build(&["--client-key", "certificate.pem"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("--client-cert <FILE>"), "{run}");
}
