#!/usr/bin/env bash
# Holds the dependency tree to the rules in deny.toml.
#
# Licences, bans and sources need nothing but Cargo.lock, and always count. Known vulnerabilities are in a database that
# is fetched with git; where that cannot be reached this says so, and is no failure: the tree did not get worse by it.
set -euo pipefail

VERSION=0.20.2
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOOLS=$ROOT/target/tools/cargo-deny-$VERSION
DENY=$TOOLS/bin/cargo-deny

cd "$ROOT"
if [[ ! -x $DENY ]]; then
    printf 'deny: installing cargo-deny %s into target/tools (one to three minutes)\n' "$VERSION" >&2
    # Compiled without optimisation: that takes a third of the time, and the check is over in seconds either way.
    # Not with the flags of this project's own build, if any are set.
    env -u RUSTFLAGS -u CARGO_TARGET_DIR cargo install --quiet --locked --debug --root "$TOOLS" cargo-deny --version "$VERSION"
fi

"$DENY" --locked check --hide-inclusion-graph bans licenses sources

if GIT_TERMINAL_PROMPT=0 timeout 120 "$DENY" --log-level off fetch db >/dev/null 2>&1; then
    "$DENY" --locked check --disable-fetch --hide-inclusion-graph advisories
else
    printf 'deny: the advisory database cannot be fetched here, so known vulnerabilities were NOT checked\n' >&2
fi
