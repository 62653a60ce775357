#!/usr/bin/env bash
# From nothing to a running Flink job: builds flink-img, builds an image of a real job with it, pushes that to a registry,
# checks that a second build gives the same digest, pulls the image and runs the job to its end.
#
# Everything runs on this machine, on the loopback address and on free ports, in folders that are removed at the end.
# FLINK_IMG_BIN names a flink-img to use instead of building one.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PARTS=${FLINK_IMG_PARTS_DIR:-$ROOT/target/parts}
FLINK=2.3.0
COUNT=1000
KEYS=8
# A run takes some 15 seconds; a busy machine gets ample time, but not forever.
PATIENCE=300

say() { printf 'quickstart: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# --- clean up: all that was started is stopped, by its id -------------------------------------------------------------

WORK=
STATE=
REGISTRY_PROCESSES=()
CONTAINERS=()

cleanup() {
    local status=$?
    # Nothing may keep the rest from being cleaned up.
    set +e
    trap '' INT TERM
    if [[ ${#CONTAINERS[@]} -gt 0 ]]; then
        podman_here rm --force --ignore --time 0 "${CONTAINERS[@]}" >/dev/null 2>&1
    fi
    if [[ ${#REGISTRY_PROCESSES[@]} -gt 0 ]]; then
        kill "${REGISTRY_PROCESSES[@]}" 2>/dev/null
        wait "${REGISTRY_PROCESSES[@]}" 2>/dev/null
    fi
    if [[ -n $WORK ]]; then rm -rf "$WORK"; fi
    if [[ -n $STATE ]]; then rm -rf "$STATE"; fi
    exit "$status"
}

# podman with storage of its own: the images and containers of whoever runs this are left alone. runc and plain cgroup
# files work without systemd, and where cgroups of both versions are mixed.
podman_here() {
    podman --root "$WORK/podman" --runroot "$STATE" --cgroup-manager=cgroupfs --runtime=runc "$@"
}

# --- steps ------------------------------------------------------------------------------------------------------------

# start_registry NAME: starts an empty registry and sets REGISTRY to its host and port. The registry chooses the port, and
# it is read from the log: nobody can take it in between.
start_registry() {
    local folder=$WORK/$1 deadline=$((SECONDS + 30)) process
    mkdir "$folder"
    cat >"$folder/config.yml" <<END
version: 0.1
log: { level: info }
storage: { filesystem: { rootdirectory: "$folder/storage" } }
http: { addr: "127.0.0.1:0" }
END
    docker-registry serve "$folder/config.yml" >"$folder/log" 2>&1 &
    process=$!
    REGISTRY_PROCESSES+=("$process")
    until REGISTRY=$(grep -om1 'listening on 127\.0\.0\.1:[0-9]*"' "$folder/log" | grep -o '127[0-9.:]*'); do
        if ! kill -0 "$process" 2>/dev/null || ((SECONDS > deadline)); then
            cat "$folder/log" >&2
            fail "The registry did not start"
        fi
        sleep 0.05
    done
}

# build_image CACHE REGISTRY: builds with this cache folder, pushes to this registry, prints the image's name by digest.
build_image() {
    FLINK_IMG_CACHE_DIR=$1 "$FLINK_IMG" build \
        --job-jar "$PARTS/jobs/bounded-sum-${FLINK%.*}.jar" \
        --from-archive "$PARTS/flink-$FLINK-bin-scala_2.12.tgz" \
        --base "rootfs:$PARTS/jre17.tar" \
        --push -t "$2/quickstart/bounded-sum:1"
}

# start_container NAME WORD...: runs the image in the background with these words.
start_container() {
    local name=flink-img-quickstart-$$-$1
    shift
    CONTAINERS+=("$name")
    podman_here run --detach --name "$name" --network host --log-driver k8s-file \
        --ulimit nofile=1024:20000 --ulimit nproc=4096:4096 "$IMAGE" "$@" >/dev/null
}

free_ports() {
    python3 - "$1" <<'END'
import socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(one.getsockname()[1] for one in sockets))
END
}

# What the task manager has printed by now, without the number of the subtask before each line.
sums() {
    podman_here logs "${CONTAINERS[1]}" 2>/dev/null | grep -o 'bounded-sum key=.*' | LC_ALL=C sort || true
}

expected_sums() {
    awk -v count="$COUNT" -v keys="$KEYS" 'BEGIN {
        for (number = 1; number <= count; number++) { counts[number % keys]++; sums[number % keys] += number }
        for (key = 0; key < keys; key++) printf "bounded-sum key=%d count=%d sum=%d\n", key, counts[key], sums[key]
    }' | LC_ALL=C sort
}

show_logs() {
    local container
    for container in "${CONTAINERS[@]}"; do
        say "the last words of $container:"
        podman_here logs --tail 60 "$container" >&2 2>&1 || true
    done
}

# Runs the job manager and one task manager until the job has ended.
run_job() {
    local rpc rest blobs status deadline
    read -r rpc rest blobs < <(free_ports 3)
    start_container job-manager job-cluster --job-classname com.example.BoundedSum \
        -Djobmanager.rpc.address=127.0.0.1 "-Djobmanager.rpc.port=$rpc" "-Drest.port=$rest" "-Dblob.server.port=$blobs" \
        -Djobmanager.memory.process.size=900m -Dparallelism.default=2 --count "$COUNT" --keys "$KEYS"
    start_container task-manager task-manager \
        -Djobmanager.rpc.address=127.0.0.1 "-Djobmanager.rpc.port=$rpc" -Dtaskmanager.host=127.0.0.1 \
        -Dtaskmanager.numberOfTaskSlots=2 -Dtaskmanager.memory.process.size=1000m

    status=$(podman_within "$PATIENCE" wait "${CONTAINERS[0]}") || status="none within $PATIENCE seconds"
    if [[ $status != 0 ]]; then
        show_logs
        fail "The job manager's exit code should be 0, but is: $status"
    fi
    # What the task manager prints takes a moment to reach podman's log.
    deadline=$((SECONDS + 20))
    until [[ $(sums) == "$(expected_sums)" ]]; do
        if ((SECONDS > deadline)); then
            show_logs
            fail "The sums are not what they should be"
        fi
        sleep 0.2
    done
}

# podman_within SECONDS WORD...: as podman_here, but ended when time is up.
podman_within() {
    local seconds=$1
    shift
    timeout "$seconds" podman --root "$WORK/podman" --runroot "$STATE" --cgroup-manager=cgroupfs --runtime=runc "$@"
}

# --- the story --------------------------------------------------------------------------------------------------------

trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$ROOT"

say "gathering Flink $FLINK, a root file system with Java 17 and a job (reused from target/parts when there)"
scripts/parts.sh quickstart

if [[ -n ${FLINK_IMG_BIN:-} ]]; then
    FLINK_IMG=$FLINK_IMG_BIN
    say "using $FLINK_IMG"
else
    say "building flink-img (cargo build --release)"
    cargo build --release --locked --quiet --bin flink-img
    FLINK_IMG=${CARGO_TARGET_DIR:-target}/release/flink-img
fi

mkdir -p target
WORK=$(mktemp -d "$ROOT/target/quickstart.XXXXXX")
# podman wants a short path here.
STATE=$(mktemp -d)

start_registry registry-2
second_registry=$REGISTRY
start_registry registry-1
say "a registry listens on $REGISTRY"

started=$SECONDS
say "building and pushing $REGISTRY/quickstart/bounded-sum:1"
IMAGE=$(build_image "$WORK/cache-1" "$REGISTRY")
say "pushed $IMAGE in $((SECONDS - started)) s"

# An image that was pushed before may save work, so the second build gets a registry that has seen nothing, too.
started=$SECONDS
say "building it again with an empty cache, for an empty registry"
again=$(build_image "$WORK/cache-2" "$second_registry")
[[ ${again#*@} == "${IMAGE#*@}" ]] || fail "The second build gave another digest: $again"
say "the same digest again, in $((SECONDS - started)) s"

started=$SECONDS
say "pulling it with podman"
podman_within "$PATIENCE" pull --quiet --tls-verify=false "$IMAGE" >/dev/null
say "pulled in $((SECONDS - started)) s"

started=$SECONDS
say "running a job manager and a task manager: the job adds up 1 to $COUNT in $KEYS sums"
run_job
say "the job ended well, in $((SECONDS - started)) s; the task manager printed"
sums
say "image"
printf '%s\n' "$IMAGE"
