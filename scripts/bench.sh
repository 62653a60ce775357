#!/usr/bin/env bash
# Measures flink-img beside other tools: gathers the parts, builds what is measured, and leaves the rest to
# benches/compare/bench.py, which says how. ROUNDS, CASES and TOOLS choose less. Everything lands in target/bench.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BENCH=$ROOT/target/bench
CRANE=v0.22.1

say() { printf 'bench: %s\n' "$*" >&2; }

cd "$ROOT"
mkdir -p "$BENCH"
# One run at a time: a second one would clear away the first one's files, and spoil its times. The lock ends with bench.py.
exec 9>"$BENCH/.lock"
flock --nonblock 9 || {
    say "another run is under way"
    exit 1
}

say "gathering Flink, a root file system with Java 17, a job, and the other tools of Debian"
scripts/parts.sh bench

say "building flink-img and the floor of case D (cargo build --release)"
cargo build --release --locked --quiet --bin flink-img --example recompress

if [[ ! -x $BENCH/bin/crane ]]; then
    if command -v go >/dev/null; then
        say "building crane $CRANE"
        GOBIN=$BENCH/bin GOMODCACHE=$BENCH/go-mod GOFLAGS=-modcacherw \
            go install "github.com/google/go-containerregistry/cmd/crane@$CRANE" || say "crane could not be built"
    else
        say "there is no Go tool chain, so crane is left out"
    fi
fi

say "measuring how jars are read (cargo bench --bench jars)"
cargo bench --locked --quiet --bench jars >"$BENCH/jars.txt"

exec python3 benches/compare/bench.py
