#!/usr/bin/env python3
"""Measures flink-img beside other tools and beside the bare floor, and writes benches/RESULTS.md.

    make bench                         7 rounds of all cases
    ROUNDS=3 CASES="A B" make bench    fewer of both
    TOOLS="floor crane" make bench     only these, besides flink-img

Nothing is asserted. In each round every tool does the case once, one after the other, and the order moves on by one from
round to round. Before each run the machine writes its buffers to disk, so that nobody pays for those before. Times are
wall clock of the commands, straight against the registry. Requests and bytes are counted in one more run of each tool and
case, through a proxy, which is not timed. Peak memory is that of the largest process, as /usr/bin/time reports it.
"""

import gzip
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import urllib.request
import zipfile

import report
import servers
import tools
from tools import run

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARTS = pathlib.Path(os.environ.get("FLINK_IMG_PARTS_DIR") or ROOT / "target/parts")
BENCH = ROOT / "target/bench"
WORK = BENCH / "work"
ROUNDS = int(os.environ.get("ROUNDS") or 7)
CASES = (os.environ.get("CASES") or "A B C D E").split()
CHOSEN = os.environ.get("TOOLS", "").split()
# The zip's directory adds two more.
JAR_SIZE = 48_000_000
LARGE = 2_000_000_000
PATIENCE = 600


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


# --- inputs -----------------------------------------------------------------------------------------------------------


def make_fat_jar(target):
    """The compiled job, and classes of Flink's own jars until there are 50 MB: that is what a fat jar is."""
    names = set()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as jar:
        sources = [PARTS / "jobs" / f"bounded-sum-{tools.FLINK.rsplit('.', 1)[0]}.jar",
                   *sorted((PARTS / f"flink-{tools.FLINK}/lib").glob("*.jar"))]
        for source in sources:
            with zipfile.ZipFile(source) as other:
                for entry in other.infolist():
                    if target.stat().st_size >= JAR_SIZE:
                        return
                    if entry.filename not in names and not entry.is_dir():
                        names.add(entry.filename)
                        jar.writestr(entry.filename, other.read(entry))


class Jars:
    """Each jar differs from all others in one entry of random bytes."""

    def __init__(self, folder):
        self.folder = folder
        self.original = folder / "original.jar"
        self.count = 0
        folder.mkdir()
        make_fat_jar(self.original)

    def next(self):
        self.count += 1
        jar = self.folder / str(self.count) / "job.jar"
        jar.parent.mkdir()
        shutil.copy(self.original, jar)
        with zipfile.ZipFile(jar, "a") as file:
            file.writestr("build.id", random.Random(self.count).randbytes(4096))
        return jar


def make_images(ground):
    """The base as a layout and in the registry, and the peers' image with base and Flink. umoci makes them, since it is
    neither the tool on trial nor the fastest."""
    ground.base_layout = ground.work / "base"
    layout, image = ground.base_layout, f"{ground.base_layout}:base"
    run(["umoci", "init", "--layout", layout])
    run(["umoci", "new", "--image", image])
    run(["umoci", "raw", "add-layer", "--image", image, PARTS / "jre17.tar"])
    run(["umoci", "config", "--image", image, "--architecture", "amd64", "--os", "linux",
         "--config.env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"])
    run(["umoci", "gc", "--layout", layout])
    repository = f"{ground.registry}/base/jre17"
    run(["skopeo", "copy", "--dest-tls-verify=false", f"oci:{image}", f"docker://{repository}:1"])
    digest = run(["skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", f"docker://{repository}:1"])
    ground.base = f"{repository}@{digest.strip()}"

    ground.flink_layout = ground.work / "flink"
    shutil.copytree(layout, ground.flink_layout)
    image = f"{ground.flink_layout}:base"
    run(["umoci", "insert", "--image", image, "--tag", "flink", PARTS / f"flink-{tools.FLINK}", "/opt/flink"])
    run(["umoci", "config", "--image", f"{ground.flink_layout}:flink", "--config.entrypoint", "/opt/flink/bin/standalone-job.sh"])


# --- one run ----------------------------------------------------------------------------------------------------------


def execute(commands):
    """Runs the commands one after the other; returns seconds and the peak memory of the largest process in kilobytes."""
    memory = WORK / "memory"
    peak = 0
    os.sync()
    started = time.monotonic()
    for command in commands:
        process = subprocess.Popen(["/usr/bin/time", "-q", "-f", "%M", "-o", memory, *command], cwd=WORK,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   start_new_session=True)
        try:
            errors = process.communicate(timeout=PATIENCE)[1]
        except BaseException:  # it took too long, or the bench itself is stopped
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        if process.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, command))}: {errors.decode(errors='replace')[-2000:]}")
        peak = max(peak, int(memory.read_text()))
    return time.monotonic() - started, peak


METHODS = {"A": "changed", "B": "unchanged", "C": "clean", "D": "first"}


def commands_of(tool, case, jar):
    method = getattr(tool, METHODS[case], None) or tool.changed
    return method(jar)


class Bench:
    def __init__(self, ground, registry, mirror, jars):
        self.ground, self.registry, self.mirror, self.jars = ground, registry, mirror, jars
        self.tools, self.absent = [], {}
        self.times, self.memory, self.traffic = {}, {}, {}
        self.large = None
        self.jar = jars.next()
        self.jar_size = self.jar.stat().st_size

    def attempt(self, tool, step, action):
        """A peer that fails leaves, and the table says so; flink-img may not fail."""
        try:
            return action()
        except (RuntimeError, OSError, StopIteration, subprocess.SubprocessError, tarfile.TarError) as error:
            if tool.name == "flink-img":
                raise
            say(f"{tool.name} leaves, it failed in {step}: {error}")
            self.absent[tool.name] = f"failed in {step}"
            self.tools.remove(tool)
            return None

    def prepare(self, kinds):
        for kind in kinds:
            if CHOSEN and kind.name not in (*CHOSEN, "flink-img"):
                continue
            tool = kind(self.ground)
            if reason := tool.missing():
                self.absent[tool.name] = reason
                continue
            self.tools.append(tool)
            say(f"preparing {tool.name}")
            self.attempt(tool, "preparing", lambda: tool.seed(self.jar))

    def next_jar(self, case):
        if case != "B":
            self.jar = self.jars.next()

    def case(self, case):
        for number in range(ROUNDS):
            self.next_jar(case)
            words = []
            order = self.tools[number % len(self.tools):] + self.tools[:number % len(self.tools)]
            for tool in order:
                result = self.attempt(tool, f"case {case}", lambda: execute(commands_of(tool, case, self.jar)))
                if result:
                    self.times.setdefault((case, tool.name), []).append(result[0])
                    self.memory.setdefault((case, tool.name), []).append(result[1])
                    words.append(f"{tool.name} {result[0]:.2f} s")
            say(f"case {case}, round {number + 1} of {ROUNDS}: {', '.join(words)}")
        if case in "AC":
            for tool in list(self.tools):
                self.attempt(tool, f"the check after case {case}", lambda: check(tool, tool.image(case), self.jar))

    def count(self, case):
        """One more run of each tool, through the proxy."""
        self.next_jar(case)
        with self.registry.counted() as registry_counts:
            for tool in list(self.tools):
                commands = commands_of(tool, case, self.jar)
                both = [registry_counts, self.mirror.counts]
                for counts in both:
                    counts.reset()
                self.attempt(tool, f"case {case}, counted", lambda: execute(commands))
                self.traffic[case, tool.name] = tuple(
                    sum(getattr(counts, name) for counts in both) for name in ("requests", "sent", "received"))

    def large_artifact(self):
        artifact = self.ground.work / "large.bin"
        with artifact.open("wb") as file:
            for _ in range(LARGE // 1_000_000):
                file.write(os.urandom(1_000_000))
        flink_img = next(tool for tool in self.tools if tool.name == "flink-img")
        self.large = execute(flink_img.large(self.jar, artifact))
        artifact.unlink()
        say(f"an artifact of 2 GB: {self.large[0]:.1f} s, {self.large[1] / 1000:.0f} MB")


def check(tool, image, jar):
    """The image in the registry has this jar in its uppermost layer, and Flink and a base below."""
    registry, repository = image.removesuffix(":1").split("/", 1)
    url = f"http://{registry}/v2/{repository}"
    types = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
    with urllib.request.urlopen(urllib.request.Request(f"{url}/manifests/1", headers={"Accept": types})) as answer:
        layers = json.load(answer)["layers"]
    want = hashlib.sha256(jar.read_bytes()).hexdigest()
    found = layers[-1]["digest"].removeprefix("sha256:")
    if tool.name != "floor":
        with urllib.request.urlopen(f"{url}/blobs/{layers[-1]['digest']}") as answer:
            with tarfile.open(fileobj=gzip.GzipFile(fileobj=answer), mode="r|") as tar:
                # Only up to the jar: umoci does not end its tars as it should.
                entry = next(entry for entry in tar if entry.isfile() and entry.name.endswith("/job.jar"))
                found = hashlib.sha256(tar.extractfile(entry).read()).hexdigest()
    if found != want or len(layers) < 3:
        raise RuntimeError(f"the image does not have the jar: {found} instead of {want}")


# --- the story --------------------------------------------------------------------------------------------------------


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if WORK.exists():
        shutil.rmtree(WORK)
    WORK.mkdir(parents=True)
    archive = PARTS / f"flink-{tools.FLINK}-bin-scala_2.12.tgz"
    path = f"/flink-{tools.FLINK}/{archive.name}"
    mirror = servers.mirror({path: archive, f"{path}.sha512": archive.with_name(f"{archive.name}.sha512")})
    registry = servers.Registry(WORK / "registry")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    try:
        ground = tools.Ground(work=WORK, bench=BENCH, registry=f"127.0.0.1:{registry.port}",
                              mirror=f"http://127.0.0.1:{mirror.port}/", archive=archive,
                              program=target / "release/flink-img", recompress=target / "release/examples/recompress")
        say("making the jar and the images that all stand on")
        bench = Bench(ground, registry, mirror, Jars(WORK / "jars"))
        make_images(ground)
        bench.prepare(tools.TOOLS)
        results = ROOT / "benches/RESULTS.md"
        done = []
        for case in [case for case in "ABCED" if case in CASES]:  # D is last, as it takes the longest
            if case == "E":
                bench.large_artifact()
            else:
                bench.case(case)
                if case != "D":  # which makes files
                    bench.count(case)
                done.append(case)
            results.write_text(report.report(bench, ROUNDS, sorted(done)))
        say(f"wrote {results.relative_to(ROOT)}")
    finally:
        registry.stop()
        mirror.stop()
        shutil.rmtree(WORK)


if __name__ == "__main__":
    main()
