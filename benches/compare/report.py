"""Makes benches/RESULTS.md of what was measured: a table for each case, and beside it what issue 3 wants reached."""

import json
import os
import platform
import re
import statistics
import subprocess

import tools

TITLES = {
    "A": ("The jar changed, warm", "The cache is full, the registry has the earlier image."),
    "B": ("Nothing changed", "The same command again. The floor is one `HEAD`."),
    "C": ("The jar changed, empty cache", "The registry has the earlier image; Flink is a release that a mirror has. What the "
          "mirror sends is counted. The floor is that of A. The peers pull or append to an image with Flink, and never need "
          "the release."),
    "D": ("The first build ever", "Archive, base and jar become an OCI layout; nothing is cached. The floor decompresses "
          "the archive and compresses it as layers are, on all cores, and writes nothing. crane and Jib cannot read or "
          "write layouts: they take the base from the registry and write an archive."),
}
NAMES = {
    "floor": "bare floor",
    "flink-img": "**flink-img**",
    "crane": "tar + crane append",
    "umoci-skopeo": "umoci + skopeo",
    "buildah-overlay": "buildah, overlay",
    "buildah": "buildah, vfs",
    "jib": "Jib (Maven)",
}
MEMORY_GOAL = 64


def size(number):
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= scale:
            return f"{number / scale:.1f} {unit}"
    return f"{number} B"


def seconds(number):
    return f"{number:.2f} s" if number >= 1 else f"{number * 1000:.0f} ms"


def goal(text, reached, found):
    verdict = "cannot be said" if reached is None else "reached" if reached else "**not reached**"
    return f"| {text} | {found} | {verdict} |"


class Report:
    def __init__(self, bench, rounds, cases):
        self.bench, self.rounds, self.cases = bench, rounds, cases
        self.medians = {key: statistics.median(times) for key, times in bench.times.items()}

    def table(self, case):
        floor = self.medians.get((case, "floor"))
        ours = self.medians[case, "flink-img"]
        lines = ["| | median | fastest to slowest | x floor | x flink-img | requests | sent | received | peak memory |",
                 "| --- | --: | --: | --: | --: | --: | --: | --: | --: |"]
        for name, shown in NAMES.items():
            if (case, name) not in self.medians:
                if reason := self.bench.absent.get(name):
                    lines.append(f"| {shown} | {reason} | | | | | | | |")
                continue
            median, times = self.medians[case, name], self.bench.times[case, name]
            requests, sent, received = self.bench.traffic.get((case, name), (None, None, None))
            counted = ["", "", ""] if requests is None else [str(requests), size(sent), size(received)]
            cells = [
                shown, seconds(median), f"{seconds(min(times))} to {seconds(max(times))}",
                f"{median / floor:.2f}" if floor else "", f"{median / ours:.2f}",
                *counted, f"{max(self.bench.memory[case, name]) / 1000:.0f} MB",
            ]
            lines.append("| " + " | ".join(cells) + " |")
        return lines

    # --- goals --------------------------------------------------------------------------------------------------------

    def at_most(self, case, factor):
        """flink-img against the floor."""
        floor = self.medians.get((case, "floor"))
        ratio = self.medians[case, "flink-img"] / floor if floor else None
        return goal(f"at most {factor} x the floor", ratio and ratio <= factor, f"{ratio:.2f} x" if ratio else "")

    def faster(self, case, peer, factor):
        """flink-img against a peer."""
        theirs = self.medians.get((case, peer))
        ratio = theirs / self.medians[case, "flink-img"] if theirs else None
        words = "faster than" if factor == 1 else f"at least {factor} x faster than"
        found = f"{ratio:.2f} x" if ratio else ""
        return goal(f"{words} {NAMES[peer]}", ratio and ratio > factor, found)

    def goals(self, case):
        requests, sent, received = self.bench.traffic.get((case, "flink-img"), (0, 0, 0))
        lines = ["| to reach | found | |", "| --- | --- | --- |"]
        if case == "A":
            lines += [self.at_most("A", 1.2), self.faster("A", "crane", 1),
                      *(self.faster("A", name, 4) for name in ("buildah", "buildah-overlay"))]
        elif case == "B":
            median = self.medians["B", "flink-img"]
            lines += [goal("at most 60 ms", median <= 0.06, seconds(median)),
                      goal("one request", requests == 1, requests), self.faster("B", "crane", 20)]
        elif case == "C":
            extra = sent - self.bench.jar_size
            lines += [self.at_most("C", 1.5),
                      goal("received at most 200 kB", received <= 200_000, size(received)),
                      goal("sent at most the jar and 50 kB", extra <= 50_000, f"the jar and {size(max(extra, 0))}")]
        elif case == "D":
            lines += [self.at_most("D", 1.5)]
            lines += [self.faster("D", name, 1) for name in NAMES if name not in ("floor", "flink-img")]
        return lines

    def memory(self):
        peaks = {case: max(self.bench.memory[case, "flink-img"]) / 1000 for case in self.cases}
        rows = [(TITLES[case][0], peak) for case, peak in peaks.items()]
        if self.bench.large:
            rows.append((f"an artifact of 2 GB beside the jar, pushed ({seconds(self.bench.large[0])})", self.bench.large[1] / 1000))
        return ["| to reach: at most 64 MB | found | |", "| --- | --- | --- |",
                *(goal(text, peak <= MEMORY_GOAL, f"{peak:.0f} MB") for text, peak in rows)]

    def jars(self):
        """What criterion measured before: see scripts/bench.sh."""
        medians = {}
        folder = self.bench.ground.program.parents[1] / "criterion/jars"
        for path in sorted(folder.glob("*/new/benchmark.json")):
            name = json.loads(path.read_text())["function_id"]
            estimates = json.loads(path.with_name("estimates.json").read_text())
            medians[name] = estimates["median"]["point_estimate"] / 1e9
        facts = medians.get("facts")
        return ["| | median |", "| --- | --: |", *(f"| {name} | {seconds(median)} |" for name, median in medians.items()), "",
                "| to reach | found | |", "| --- | --- | --- |",
                goal("facts in at most 500 ms", facts and facts <= 0.5, seconds(facts) if facts else "not measured")]

    def text(self):
        lines = ["# Measurements", "", "`make bench` writes this file; `benches/compare/bench.py` says how it measures.", "",
                 f"{self.rounds} rounds, tools in turn. {machine()}", "", versions(self.bench), ""]
        lines += [f"The jar has {size(self.bench.jar_size)} and one entry of random bytes that changes; Flink is "
                  f"{tools.FLINK}; the base is Debian with Java 17. Requests and bytes are those of one more run."]
        for case in self.cases:
            title, note = TITLES[case]
            lines += ["", f"## {case}. {title}", "", note, "", *self.table(case), "", *self.goals(case)]
        lines += ["", "## E. Peak memory of flink-img", "", *self.memory()]
        lines += ["", "## F. Reading a jar", "", "A jar of 100 MB with 50 000 classes, in the process, as `benches/jars.rs` "
                  "has it. The facts are what a check of the jar needs; its hash is what every build needs.", "", *self.jars()]
        return "\n".join(lines) + "\n"


def first_line(*command):
    """What a program says about its version; nothing if it is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except OSError:
        return None
    found = re.search(r"v?\d+\.\d+[0-9.]*", done.stdout + done.stderr)
    return found[0].lstrip("v").rstrip(".") if found else None


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    kernel = ".".join(platform.release().split(".")[:2])
    return f"{os.cpu_count()} cores ({model[1] if model else platform.machine()}), Linux {kernel}."


def versions(bench):
    found = {
        "flink-img": first_line(bench.ground.program, "--version"),
        "docker-registry": first_line("docker-registry", "--version"),
        "crane": first_line(bench.ground.bench / "bin/crane", "version"),
        "umoci": first_line("umoci", "--version"),
        "skopeo": first_line("skopeo", "--version"),
        "buildah": first_line("buildah", "--version"),
        "Maven": first_line("mvn", "--version"),
        "jib-maven-plugin": tools.JIB,
        "curl": first_line("curl", "--version"),
    }
    return ", ".join(f"{name} {version}" for name, version in found.items() if version) + "."


def report(bench, rounds, cases):
    return Report(bench, rounds, cases).text()
