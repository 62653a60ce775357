//! Jobs, distributions and words that are none.

use insta::assert_snapshot;

use super::Site;
use crate::support::context::BASE;
use crate::support::fixtures::{MINI_VERSION, Packing, Raw, mini_entries, tar};

#[test]
fn jobs_that_are_none() {
    let site = Site::new();
    let context = &site.context;
    assert_snapshot!(site.refuses_job(&["--job-jar", "missing.jar"]), @"
    exit code: 3
    ----- stderr -----
    error: Failed to find `missing.jar`
      caused by: No such file or directory (os error 2)
    hint: check the path; unless it is absolute, it starts in the folder that the command runs in
    ");
    assert_snapshot!(site.refuses_job(&["--job-jar", "flink-1.20.5"]), @"
    exit code: 3
    ----- stderr -----
    error: `flink-1.20.5` is a folder, not a file
    hint: name each file by itself
    ");
    context.write("text.jar", "not a zip");
    assert_snapshot!(site.refuses_job(&["--job-jar", "text.jar"]), @"
    exit code: 3
    ----- stderr -----
    error: `text.jar` is not a jar: it is not a zip file
    hint: name the jar that your build makes, as `target/job.jar`
    ");
    let jar = context.read("job.jar");
    context.write("half.jar", &jar[..jar.len() / 2]);
    assert_snapshot!(site.refuses_job(&["--job-jar", "half.jar"]), @"
    exit code: 3
    ----- stderr -----
    error: `half.jar` is a damaged jar: its end is missing
    hint: build or download it again; the copy may not be complete
    ");
    assert_snapshot!(site.refuses_job(&["--job-artifacts", "job.jar,missing.csv"]), @"
    exit code: 3
    ----- stderr -----
    error: Failed to find `missing.csv`
      caused by: No such file or directory (os error 2)
    hint: check the path; unless it is absolute, it starts in the folder that the command runs in
    ");
    assert_snapshot!(site.refuses_job(&["--job-jar", "job.jar", "--job-artifacts", "./job.jar"]), @"
    exit code: 3
    ----- stderr -----
    error: `./job.jar` and `job.jar` have the same name, and only one file can have it in the image
    hint: rename it
    ");
}

#[test]
fn files_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let mut site = Site::new();
    site.context.become_nobody();
    for name in ["job.jar", "flink.tgz", "base.tar"] {
        let path = site.context.path(name);
        let secret = std::fs::Permissions::from_mode(0o000);
        let open = std::fs::metadata(&path).unwrap().permissions();
        std::fs::set_permissions(&path, secret).unwrap();
        let run = site.refuses_base(&[BASE]);
        assert_eq!(run.code, 3, "{run}");
        let expected = format!(
            "error: Failed to open `{name}`\n  caused by: Permission denied (os error 13)\n\
             hint: let the user who runs this command read it\n"
        );
        let told = run
            .stderr
            .lines()
            .skip_while(|line| !line.starts_with("error"));
        let told: Vec<_> = told.collect();
        assert_eq!(told.join("\n") + "\n", expected);
        std::fs::set_permissions(&path, open).unwrap();
    }
}

#[test]
fn archives_that_are_no_distribution() {
    let site = Site::new();
    let context = &site.context;
    let write = |name: &str, entries: &[Raw]| context.write(name, tar(entries));
    let usual = Packing::default();
    assert_snapshot!(site.refuses_flink(&["--from-archive", "missing.tgz"]), @"
    exit code: 3
    ----- stderr -----
    error: Failed to find `missing.tgz`
      caused by: No such file or directory (os error 2)
    hint: check the path; unless it is absolute, it starts in the folder that the command runs in
    ");
    assert_snapshot!(site.refuses_flink(&["--from-archive", "flink-1.20.5"]), @"
    exit code: 3
    ----- stderr -----
    error: `flink-1.20.5` is a folder, not an archive
    hint: give a folder with `--from-local-dist`
    ");
    context.write("text.tgz", "<html>Not Found</html>");
    assert_snapshot!(site.refuses_flink(&["--from-archive", "text.tgz"]), @"
    exit code: 3
    ----- stderr -----
    error: `text.tgz` is not a tar archive: it looks like a web page, as a failed download leaves behind
    hint: give a tar archive: plain, or compressed with gzip, xz or zstd
    ");
    let whole = context.read("flink.tgz");
    context.write("half.tgz", &whole[..whole.len() / 2]);
    assert_snapshot!(site.refuses_flink(&["--from-archive", "half.tgz"]), @"
    exit code: 3
    ----- stderr -----
    error: `half.tgz` is cut short: it ends before the end of the archive
    hint: download or make it again; the copy is not complete
    ");
    write(
        "flat.tar",
        &[
            Raw::file("lib/flink-dist-1.20.5.jar", b""),
            Raw::file("README", b""),
        ],
    );
    assert_snapshot!(site.refuses_flink(&["--from-archive", "flat.tar"]), @"
    exit code: 3
    ----- stderr -----
    error: `flat.tar` has no top folder: `README` lies at its top
    hint: give the archive as Apache publishes it, with everything in one folder `flink-VERSION`
    ");
    let mut two = mini_entries("flink-1.20.5", &usual);
    two.extend(mini_entries("flink-2.3.0", &usual));
    write("two.tar", &two);
    assert_snapshot!(site.refuses_flink(&["--from-archive", "two.tar"]), @"
    exit code: 3
    ----- stderr -----
    error: `two.tar` has several top folders, among them `flink-1.20.5` and `flink-2.3.0`
    hint: give the archive as Apache publishes it, with everything in one folder `flink-VERSION`
    ");
    let mut without = mini_entries("flink-1.20.5", &usual);
    without.retain(|entry| !String::from_utf8_lossy(&entry.name).contains("flink-dist"));
    write("without.tar", &without);
    assert_snapshot!(site.refuses_flink(&["--from-archive", "without.tar"]), @"
    exit code: 3
    ----- stderr -----
    error: `without.tar` is not a Flink distribution: it has no `lib/flink-dist*.jar`
    hint: give what has `bin`, `conf` and `lib` side by side: a release, or what `mvn package` makes in `flink-dist/target`
    ");
    let other = ["--from-archive", "flink.tgz", "--flink-version", "2.3.0"];
    assert_snapshot!(site.refuses_flink(&other), @"
    exit code: 4
    ----- stderr -----
    error: `flink.tgz` holds Flink 1.20.5, not 2.3.0 as asked for
    hint: leave `--flink-version` out to take the version that is there
    ");
}

#[test]
fn archives_that_are_hostile() {
    let site = Site::new();
    for hostile in crate::support::fixtures::hostile_archives() {
        site.context.write("hostile.tar", &hostile.bytes);
        let run = site.refuses_flink(&["--from-archive", "hostile.tar"]);
        let expected = if hostile.name == "sparse" { 3 } else { 10 };
        assert_eq!(run.code, expected, "{}: {run}", hostile.name);
    }
    let evil = Raw::file(&format!("flink-{MINI_VERSION}/../../evil"), b"x");
    site.context.write("evil.tar", tar(&[evil]));
    assert_snapshot!(site.refuses_flink(&["--from-archive", "evil.tar"]), @"
    exit code: 10
    ----- stderr -----
    error: `evil.tar` has the entry `flink-1.20.5/../../evil`, whose path has a `..`
    hint: do not trust this archive: get it again from where it is published, and verify its checksum
    ");
    site.context
        .write("bomb.tar.zst", crate::support::fixtures::bomb());
    assert_snapshot!(site.refuses_flink(&["--from-archive", "bomb.tar.zst"]), @"
    exit code: 10
    ----- stderr -----
    error: `bomb.tar.zst` is compressed more than 200 times, as only a decompression bomb is
    hint: do not trust this archive: get it again from where it is published, and verify its checksum
    ");
}

#[test]
fn folders_that_are_no_distribution() {
    let site = Site::new();
    assert_snapshot!(site.refuses_flink(&["--from-local-dist", "missing"]), @"
    exit code: 3
    ----- stderr -----
    error: Failed to find `missing`
      caused by: No such file or directory (os error 2)
    hint: check the path; unless it is absolute, it starts in the folder that the command runs in
    ");
    assert_snapshot!(site.refuses_flink(&["--from-local-dist", "flink.tgz"]), @"
    exit code: 3
    ----- stderr -----
    error: `flink.tgz` is not a folder
    hint: give an archive with `--from-archive`
    ");
    assert_snapshot!(site.refuses_flink(&["--from-local-dist", "../home"]), @"
    exit code: 3
    ----- stderr -----
    error: `../home` is not a Flink distribution: it has neither `lib` nor a folder `flink-*`
    hint: give what has `bin`, `conf` and `lib` side by side: a release, or what `mvn package` makes in `flink-dist/target`
    ");
    let other = [
        "--from-local-dist",
        "flink-1.20.5",
        "--flink-version",
        "1.20.4",
    ];
    assert_snapshot!(site.refuses_flink(&other), @"
    exit code: 4
    ----- stderr -----
    error: `flink-1.20.5` holds Flink 1.20.5, not 1.20.4 as asked for
    hint: leave `--flink-version` out to take the version that is there
    ");
}

#[test]
fn words_that_contradict_each_other_or_are_none() {
    let site = Site::new();
    let two = [
        "--from-archive",
        "flink.tgz",
        "--from-local-dist",
        "flink-1.20.5",
    ];
    assert_snapshot!(site.refuses_flink(&two), @"
    exit code: 2
    ----- stderr -----
    error: the argument '--from-archive <FILE>' cannot be used with '--from-local-dist [<DIR>]'

    Usage: flink-img build --push --tag <NAME> --metadata-file <FILE> --output <KIND:PATH> --base <BASE> --job-jar <FILE> --from-archive <FILE>

    For more information, try '--help'.
    ");
    let two = ["--from-archive", "flink.tgz", "--from-release"];
    assert_eq!(site.refuses_flink(&two).code, 2);
    assert_snapshot!(site.refuses_job(&["-t", "Not/A/Name"]), @"
    exit code: 2
    ----- stderr -----
    error: invalid value 'Not/A/Name' for '--tag <NAME>': `Not/A/Name` is not an image name: the repository must be in lower case

    For more information, try '--help'.
    ");
    assert_snapshot!(site.refuses_job(&["--platform", "windows/amd64"]), @"
    exit code: 2
    ----- stderr -----
    error: invalid value 'windows/amd64' for '--platform <OS/ARCH>': `windows/amd64` is not a platform: expected `linux/ARCHITECTURE[/VARIANT]`, for example `linux/amd64` or `linux/arm64`

    For more information, try '--help'.
    ");
    assert_snapshot!(site.refuses_job(&["-o", "tar:x"]), @"
    exit code: 2
    ----- stderr -----
    error: invalid value 'tar:x' for '--output <KIND:PATH>': `tar:x` is not an output: expected `oci:DIR`, `oci-archive:FILE` or `docker-archive:FILE`

    For more information, try '--help'.
    ");
    assert_snapshot!(site.refuses_base(&["Not/A/Base"]), @"
    exit code: 2
    ----- stderr -----
    error: `Not/A/Base` is not an image name: the repository must be in lower case
    hint: name an image, `oci:DIR`, `oci-archive:FILE`, `docker-archive:FILE` or `rootfs:FILE`
    ");
    assert_snapshot!(site.refuses_base(&["rootfs:"]), @"
    exit code: 2
    ----- stderr -----
    error: `rootfs:` names no base: a path is missing behind the colon
    hint: name an image, `oci:DIR`, `oci-archive:FILE`, `docker-archive:FILE` or `rootfs:FILE`
    ");
    let mut site = site;
    site.context.set("SOURCE_DATE_EPOCH", "yesterday");
    assert_snapshot!(site.refuses_job(&[]), @"
    exit code: 2
    ----- stderr -----
    error: `SOURCE_DATE_EPOCH` is `yesterday`, which is no time from 1970 to the end of the year 9999
    hint: give the seconds since 1970, from 0 to 253402300799, or unset it
    ");
}
