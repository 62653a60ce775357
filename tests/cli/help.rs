//! What the program says of itself.

use insta::assert_snapshot;

use crate::support::context::TestContext;

#[test]
fn the_commands() {
    let context = TestContext::new();
    assert_snapshot!(context.run(["--help"]), @"
    exit code: 0
    ----- stdout -----
    Builds container images for Apache Flink jobs: no daemon, no root, and the same inputs give the same
    digest

    Usage: flink-img [OPTIONS] <COMMAND>

    Commands:
      build    Build an image of a Flink job, and push it, write it to files, or keep it
      check    Tell what would fail in the cluster with the jars of a job, without network, cache or
               base
      push     Push an image that was kept, under its own name or others
      images   List the images that were kept
      inspect  Show what is in an image: Flink, Java, its base, its layers and how large they are
      render   Write what runs an image on Kubernetes: objects, a FlinkDeployment, or a Helm chart
      resolve  Turn the names of images in Kubernetes manifests, Helm values and other YAML into names
               with digests
      auth     See how registries are logged in to
      cache    See what is kept on this machine, and take away what is not needed
      lock     Write down everything that an image is made of, but for the job's jar, so that `build
               --locked` takes just that
      digest   Print the digest that `build --locked` gives the image, from the lock and the job alone
      bases    List the bases that have names
      config   Write flink-img.toml, the file that a build takes its settings from, or print its schema

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Global options:
      -q, --quiet            Say nothing but errors, not even warnings
      -v, --verbose          Say more: where things come from, and every request
          --no-progress      Print lines instead of progress bars
          --color <WHEN>     When to use colours; `auto` is on a terminal, unless NO_COLOR is set
                             [default: auto] [possible values: auto, always, never]
          --cache-dir <DIR>  Keep layers, images and releases in this folder [default: flink-img in the
                             user's cache folder] [env: FLINK_IMG_CACHE_DIR]
          --jobs <N>         Compress with this many threads [default: one a core]; the result does not
                             depend on it [env: FLINK_IMG_JOBS]

    Network options:
          --registry-user <USER>
              Log in as this user; the password is FLINK_IMG_REGISTRY_TOKEN, else a line on stdin [env:
              FLINK_IMG_REGISTRY_USER]
          --registry <HOST[:PORT]>
              The registry that this login is for, and no other [default: that of the image's names]
          --authfile <FILE>
              Read logins from this file, in the form of Docker and podman, and from no other [env:
              REGISTRY_AUTH_FILE]
          --ca-file <FILE>
              Trust the authorities in this PEM file, besides those of the system [env:
              FLINK_IMG_CA_FILE]
          --client-cert <FILE>
              Show the certificate in this PEM file to registries that ask for one; the key may be in
              the same file [env: FLINK_IMG_CLIENT_CERT]
          --client-key <FILE>
              The private key to that certificate, in a PEM file [env: FLINK_IMG_CLIENT_KEY]
          --insecure-registry <HOST[:PORT]>
              Speak to this registry without TLS; addresses of this machine need no such word. May be
              repeated
          --retry <N>
              Repeat a request that failed in a way that may pass up to N times [default: 5] [env:
              FLINK_IMG_RETRY]
          --timeout <DURATION>
              Give a request up that does not get on for so long, with all its tries and pauses
              [default: 5m] [env: FLINK_IMG_TIMEOUT]
    ");
    assert_eq!(context.run(["-h"]).code, 0);
}

#[test]
fn build() {
    let context = TestContext::new();
    assert_snapshot!(context.run(["build", "--help"]), @"
    exit code: 0
    ----- stdout -----
    Build an image of a Flink job, and push it, write it to files, or keep it

    Usage: flink-img build [OPTIONS]

    Options:
          --config <FILE>  Take what is not said here from this file [default: flink-img.toml beside the
                           job's jar, else in the working folder] [env: FLINK_IMG_CONFIG]
          --no-config      Read no such file
      -h, --help           Print help

    Job:
          --job-jar <FILE>            The job's jar; without a job the image is for session clusters
          --job-artifacts <FILE,...>  Further files of the job, separated by commas. May be repeated
          --normalize-jar             Take copies of the unsigned jars whose entries are sorted and have
                                      fixed times, so that the same classes give the same image

    Flink:
          --from-release              Download a release of Flink (the default, when no other source is
                                      given)
          --from-archive <FILE>       Take Flink from an archive
          --from-local-dist [<DIR>]   Take Flink from a folder; without one, from the distribution that
                                      was compiled in the checkout of Flink above the working folder:
                                      `../../flink-dist/target/flink-*-bin`
          --flink-version <VERSION>   The version of Flink: to download, or that the archive or folder
                                      must have
          --scala-version <VERSION>   The Scala version of the release
          --hadoop-version <VERSION>  Put Hadoop in: of Flink 1.6 and 1.7 the release that has it, for
                                      1.8 to 1.10 the jar of this version, as 2.8, or in full as
                                      2.8.3-10.0
          --maven-repository <URL>    Download that jar from this Maven repository: what comes before
                                      `org/` [default: https://repo.maven.apache.org/maven2/] [env:
                                      FLINK_IMG_MAVEN_REPOSITORY]
          --release-mirror <URL>      Download the release from here first: what comes before
                                      `flink-VERSION/`, or several with commas. May be repeated [env:
                                      FLINK_IMG_RELEASE_MIRROR]
          --release-keys <FILE>       Take a release only if one of the keys in this file signed it, as
                                      the `KEYS` of Apache Flink [default: the fingerprints that
                                      flink-img knows] [env: FLINK_IMG_RELEASE_KEYS]
          --verify-signature <WHEN>   Whether a release must be signed; a signature that does not hold
                                      is refused, unless it is `off` [default: if-present; required with
                                      `--release-keys`] [env: FLINK_IMG_VERIFY_SIGNATURE] [possible
                                      values: required, if-present, off]

    Base:
          --base <BASE>             What to stand on: an image, a base of the catalogue, oci:DIR[:NAME],
                                    oci-archive:FILE, docker-archive:FILE or rootfs:FILE [default: the
                                    JRE that fits Flink] [env: FLINK_IMG_BASE]
          --base-catalogue <DIR>    Take the bases that have names from the files in this folder,
                                    instead of those that come with the program [env:
                                    FLINK_IMG_BASE_CATALOGUE]
          --platform <OS/ARCH>      What the image is for; several, with commas or repeated, make an
                                    index of images [default: linux/amd64]
          --java-home <PATH>        Where Java is in the base, whatever looking finds
          --java-version <VERSION>  The version of the base's Java, whatever looking finds

    Packages:
          --package <NAME,...>            Put these packages into the base, and what they need: names as
                                          apk takes them, separated by commas. May be repeated
          --package-repository <URL|DIR>  Take packages from here instead of where the base takes them
                                          from: what comes before `ARCH/APKINDEX.tar.gz`. May be
                                          repeated
          --package-key <FILE>            Trust packages that are signed with this key too. May be
                                          repeated

    Content:
          --plugin <NAME,...>            Make these jars of Flink's `opt/` plugins: names with or
                                         without version, separated by commas. May be repeated
          --slim                         Leave out what of `opt/` is not chosen, and `examples/`
          --lib <JAR>                    Put this jar into Flink's `lib/`. May be repeated
          --flink-conf <KEY=VALUE|FILE>  Set this in Flink's configuration, or all that a file of
                                         settings says. May be repeated; what comes later counts
          --log4j <FILE>                 Log as this file of log4j properties says
          --add <SRC:DEST>               Put this file or folder at a place below `/opt`. May be
                                         repeated
          --env <KEY=VALUE>              Set this variable in the container. May be repeated
          --label <KEY=VALUE>            Give the image this label. May be repeated
          --annotation <KEY=VALUE>       Give the manifest of the image this annotation, and the index
                                         if there is one. May be repeated
          --user <UID[:GID]>             Run as this user; the group is 0 if none is said, so that the
                                         user may write where Flink does [default: 9999:9999]
          --python                       Have what jobs in Python need: `python3`, and Flink's jar for
                                         it

    Result:
          --compression <HOW>     Compress layers so: auto, gzip[:LEVEL], zstd[:LEVEL] or stored. `auto`
                                  is gzip:1 for jars, gzip:6 for other files, and stored for the job's
                                  own jar [default: auto] [env: FLINK_IMG_COMPRESSION]
      -t, --tag <NAME>            The image's name, or several with commas. May be repeated [default:
                                  `image` in flink-img.toml, else flink-job] [env: FLINK_IMG_TAG]
                                  [alias: --image-name]
          --push                  Push the image to the registry of its name
          --no-push               Do not push, whatever flink-img.toml says
      -o, --output <KIND:PATH>    Write the image to oci:DIR, oci-archive:FILE or docker-archive:FILE.
                                  May be repeated
          --json                  Print one JSON object instead of the name with the digest
          --metadata-file <FILE>  Write the same JSON object to a file
          --dry-run               Print what would be built as JSON, and make no layer

    Lock:
          --lock-file <FILE>  The lock [default: flink-img.lock beside the flink-img.toml that is used,
                              else in the working folder] [env: FLINK_IMG_LOCK_FILE]
          --locked            Take only what is in the lock, and ask nobody for it

    Checks:
          --deny-warnings     Let warnings of the checks stop everything, as errors do
          --allow <CODE,...>  Let through what the checks find under these codes, errors too; separated
                              by commas. May be repeated

    Cache:
          --cache-from <NAME>  Take known layers from this image too, besides those that the image's
                               names lead to now. May be repeated [env: FLINK_IMG_CACHE_FROM]
          --no-cache           Make every layer, whatever is known of it
          --no-remote-cache    Take no layer from an earlier image

    Global options:
      -q, --quiet            Say nothing but errors, not even warnings
      -v, --verbose          Say more: where things come from, and every request
          --no-progress      Print lines instead of progress bars
          --color <WHEN>     When to use colours; `auto` is on a terminal, unless NO_COLOR is set
                             [default: auto] [possible values: auto, always, never]
          --cache-dir <DIR>  Keep layers, images and releases in this folder [default: flink-img in the
                             user's cache folder] [env: FLINK_IMG_CACHE_DIR]
          --jobs <N>         Compress with this many threads [default: one a core]; the result does not
                             depend on it [env: FLINK_IMG_JOBS]

    Network options:
          --registry-user <USER>
              Log in as this user; the password is FLINK_IMG_REGISTRY_TOKEN, else a line on stdin [env:
              FLINK_IMG_REGISTRY_USER]
          --registry <HOST[:PORT]>
              The registry that this login is for, and no other [default: that of the image's names]
          --authfile <FILE>
              Read logins from this file, in the form of Docker and podman, and from no other [env:
              REGISTRY_AUTH_FILE]
          --ca-file <FILE>
              Trust the authorities in this PEM file, besides those of the system [env:
              FLINK_IMG_CA_FILE]
          --client-cert <FILE>
              Show the certificate in this PEM file to registries that ask for one; the key may be in
              the same file [env: FLINK_IMG_CLIENT_CERT]
          --client-key <FILE>
              The private key to that certificate, in a PEM file [env: FLINK_IMG_CLIENT_KEY]
          --insecure-registry <HOST[:PORT]>
              Speak to this registry without TLS; addresses of this machine need no such word. May be
              repeated
          --retry <N>
              Repeat a request that failed in a way that may pass up to N times [default: 5] [env:
              FLINK_IMG_RETRY]
          --timeout <DURATION>
              Give a request up that does not get on for so long, with all its tries and pauses
              [default: 5m] [env: FLINK_IMG_TIMEOUT]
    ");
}

#[test]
fn push_and_images() {
    let context = TestContext::new();
    assert_snapshot!(context.run(["push", "-h"]), @"
    exit code: 0
    ----- stdout -----
    Push an image that was kept, under its own name or others

    Usage: flink-img push [OPTIONS] <NAME> [TARGET]...

    Arguments:
      <NAME>       The image, as `flink-img images` lists it
      [TARGET]...  Names to push it under [default: its own]

    Options:
          --json  Print one JSON object instead of the name with the digest
      -h, --help  Print help

    Global options:
      -q, --quiet            Say nothing but errors, not even warnings
      -v, --verbose          Say more: where things come from, and every request
          --no-progress      Print lines instead of progress bars
          --color <WHEN>     When to use colours; `auto` is on a terminal, unless NO_COLOR is set
                             [default: auto] [possible values: auto, always, never]
          --cache-dir <DIR>  Keep layers, images and releases in this folder [default: flink-img in the
                             user's cache folder] [env: FLINK_IMG_CACHE_DIR]
          --jobs <N>         Compress with this many threads [default: one a core]; the result does not
                             depend on it [env: FLINK_IMG_JOBS]

    Network options:
          --registry-user <USER>
              Log in as this user; the password is FLINK_IMG_REGISTRY_TOKEN, else a line on stdin [env:
              FLINK_IMG_REGISTRY_USER]
          --registry <HOST[:PORT]>
              The registry that this login is for, and no other [default: that of the image's names]
          --authfile <FILE>
              Read logins from this file, in the form of Docker and podman, and from no other [env:
              REGISTRY_AUTH_FILE]
          --ca-file <FILE>
              Trust the authorities in this PEM file, besides those of the system [env:
              FLINK_IMG_CA_FILE]
          --client-cert <FILE>
              Show the certificate in this PEM file to registries that ask for one; the key may be in
              the same file [env: FLINK_IMG_CLIENT_CERT]
          --client-key <FILE>
              The private key to that certificate, in a PEM file [env: FLINK_IMG_CLIENT_KEY]
          --insecure-registry <HOST[:PORT]>
              Speak to this registry without TLS; addresses of this machine need no such word. May be
              repeated
          --retry <N>
              Repeat a request that failed in a way that may pass up to N times [default: 5] [env:
              FLINK_IMG_RETRY]
          --timeout <DURATION>
              Give a request up that does not get on for so long, with all its tries and pauses
              [default: 5m] [env: FLINK_IMG_TIMEOUT]
    ");
    assert_snapshot!(context.run(["images", "-h"]), @"
    exit code: 0
    ----- stdout -----
    List the images that were kept

    Usage: flink-img images [OPTIONS]

    Options:
          --json  Print a JSON array
      -h, --help  Print help

    Global options:
      -q, --quiet            Say nothing but errors, not even warnings
      -v, --verbose          Say more: where things come from, and every request
          --no-progress      Print lines instead of progress bars
          --color <WHEN>     When to use colours; `auto` is on a terminal, unless NO_COLOR is set
                             [default: auto] [possible values: auto, always, never]
          --cache-dir <DIR>  Keep layers, images and releases in this folder [default: flink-img in the
                             user's cache folder] [env: FLINK_IMG_CACHE_DIR]
          --jobs <N>         Compress with this many threads [default: one a core]; the result does not
                             depend on it [env: FLINK_IMG_JOBS]

    Network options:
          --registry-user <USER>
              Log in as this user; the password is FLINK_IMG_REGISTRY_TOKEN, else a line on stdin [env:
              FLINK_IMG_REGISTRY_USER]
          --registry <HOST[:PORT]>
              The registry that this login is for, and no other [default: that of the image's names]
          --authfile <FILE>
              Read logins from this file, in the form of Docker and podman, and from no other [env:
              REGISTRY_AUTH_FILE]
          --ca-file <FILE>
              Trust the authorities in this PEM file, besides those of the system [env:
              FLINK_IMG_CA_FILE]
          --client-cert <FILE>
              Show the certificate in this PEM file to registries that ask for one; the key may be in
              the same file [env: FLINK_IMG_CLIENT_CERT]
          --client-key <FILE>
              The private key to that certificate, in a PEM file [env: FLINK_IMG_CLIENT_KEY]
          --insecure-registry <HOST[:PORT]>
              Speak to this registry without TLS; addresses of this machine need no such word. May be
              repeated
          --retry <N>
              Repeat a request that failed in a way that may pass up to N times [default: 5] [env:
              FLINK_IMG_RETRY]
          --timeout <DURATION>
              Give a request up that does not get on for so long, with all its tries and pauses
              [default: 5m] [env: FLINK_IMG_TIMEOUT]
    ");
}

#[test]
fn render() {
    let context = TestContext::new();
    assert_snapshot!(context.run(["render", "--help"]), @"
    exit code: 0
    ----- stdout -----
    Write what runs an image on Kubernetes: objects, a FlinkDeployment, or a Helm chart

    Usage: flink-img render [OPTIONS] [-- <WORD>...]

    Arguments:
      [WORD]...  Words for the job, behind `--`; in the variable as a shell or a list of JSON has them
                 [env: FLINK_JOB_ARGUMENTS]

    Options:
      -f, --file <FILE>         Take what is not said here from this file; `-` is stdin. Its keys are
                                those of the chart's values.yaml
          --image <REF>         The image to run [env: FLINK_IMAGE_NAME]
          --platform <OS/ARCH>  The image of an index that is asked what it is [default: linux/amd64,
                                else the only one]
          --offline             Ask no registry: an image that was kept on this machine tells what it
                                is, and any other does not
          --require-digest      Refuse to name the image without its digest
      -h, --help                Print help

    Deployment:
          --name <NAME>               What all objects are called [default: the last part of the image's
                                      repository]
          --namespace <NAME>          Write this namespace into them
          --job-classname <CLASS>     The entry class of the job [default: that of the image] [env:
                                      FLINK_JOB]
          --parallelism <N>           The parallelism of the job [default: 1] [env:
                                      FLINK_JOB_PARALLELISM]
          --from-savepoint <PATH>     Begin from this savepoint or checkpoint
          --allow-non-restored-state  Begin from it although the job has no use for some of its state

    Result:
          --as <FORM>     What to write: objects for kubectl, a FlinkDeployment for the operator of
                          Flink, or a chart for Helm [default: yaml] [possible values: yaml, operator,
                          chart]
      -o, --output <DIR>  Write files into this folder instead of stdout; it must be new, empty, or have
                          what was rendered before

    Global options:
      -q, --quiet            Say nothing but errors, not even warnings
      -v, --verbose          Say more: where things come from, and every request
          --no-progress      Print lines instead of progress bars
          --color <WHEN>     When to use colours; `auto` is on a terminal, unless NO_COLOR is set
                             [default: auto] [possible values: auto, always, never]
          --cache-dir <DIR>  Keep layers, images and releases in this folder [default: flink-img in the
                             user's cache folder] [env: FLINK_IMG_CACHE_DIR]
          --jobs <N>         Compress with this many threads [default: one a core]; the result does not
                             depend on it [env: FLINK_IMG_JOBS]

    Network options:
          --registry-user <USER>
              Log in as this user; the password is FLINK_IMG_REGISTRY_TOKEN, else a line on stdin [env:
              FLINK_IMG_REGISTRY_USER]
          --registry <HOST[:PORT]>
              The registry that this login is for, and no other [default: that of the image's names]
          --authfile <FILE>
              Read logins from this file, in the form of Docker and podman, and from no other [env:
              REGISTRY_AUTH_FILE]
          --ca-file <FILE>
              Trust the authorities in this PEM file, besides those of the system [env:
              FLINK_IMG_CA_FILE]
          --client-cert <FILE>
              Show the certificate in this PEM file to registries that ask for one; the key may be in
              the same file [env: FLINK_IMG_CLIENT_CERT]
          --client-key <FILE>
              The private key to that certificate, in a PEM file [env: FLINK_IMG_CLIENT_KEY]
          --insecure-registry <HOST[:PORT]>
              Speak to this registry without TLS; addresses of this machine need no such word. May be
              repeated
          --retry <N>
              Repeat a request that failed in a way that may pass up to N times [default: 5] [env:
              FLINK_IMG_RETRY]
          --timeout <DURATION>
              Give a request up that does not get on for so long, with all its tries and pauses
              [default: 5m] [env: FLINK_IMG_TIMEOUT]
    ");
}

#[test]
fn the_version_is_the_result() {
    let run = TestContext::new().run(["--version"]).ok();
    let expected = format!("flink-img {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((run.stdout, run.stderr), (expected, String::new()));
}

#[test]
fn words_that_are_no_command() {
    let context = TestContext::new();
    assert_snapshot!(context.run(["bild"]), @"
    exit code: 2
    ----- stderr -----
    error: unrecognized subcommand 'bild'

      tip: a similar subcommand exists: 'build'

    Usage: flink-img [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    assert_snapshot!(context.run(["build", "--jobjar", "x"]), @"
    exit code: 2
    ----- stderr -----
    error: unexpected argument '--jobjar' found

      tip: a similar argument exists: '--job-jar'

    Usage: flink-img build --job-jar <FILE>

    For more information, try '--help'.
    ");
    let nothing = context.run([""; 0]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (2, ""));
}
