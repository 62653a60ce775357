"""The tools that are compared: what each is made to do in each case.

Each tool has the same methods:

    missing()     says why it cannot take part, or nothing
    seed(jar)     brings about what a machine that has worked before has; not timed
    changed(jar)  cases A and B: the jar goes on top of what is there, and the image to the registry
    clean(jar)    case C: the same on a machine that has nothing, while the registry has the earlier image
    first(jar)    case D: archive, base and jar become files on a machine that has nothing

The last three may prepare what is not the tool's work, and return the commands that are timed, one after the other.

All images have the base, Flink in /opt/flink and the jar above, in a layer of its own. flink-img is given Flink and the base
each time. The peers, in A to C, are given an image that has both, which is the best that their users can do.
"""

import dataclasses
import hashlib
import json
import pathlib
import shutil
import subprocess
import urllib.request

HERE = pathlib.Path(__file__).parent
FLINK = "2.3.0"
JIB = "3.5.1"
CURL = ["curl", "-fsS", "-o", "/dev/null"]


def run(command, cwd=None):
    """Runs what is not timed, and returns what it printed."""
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


@dataclasses.dataclass
class Ground:
    """What all tools share."""

    work: pathlib.Path
    bench: pathlib.Path  # what is kept between runs: programs, Maven's downloads
    registry: str  # HOST:PORT
    mirror: str  # URL
    archive: pathlib.Path
    program: pathlib.Path
    recompress: pathlib.Path
    base: str = ""  # the base in the registry, by digest
    base_layout: pathlib.Path = None  # the same base on disk, called `base` there
    flink_layout: pathlib.Path = None  # base and Flink, called `flink` there


class Tool:
    name = ""
    program = ""

    def __init__(self, ground):
        self.ground = ground
        self.folder = ground.work / self.name
        self.folder.mkdir(parents=True)
        self.repository = f"{ground.registry}/{self.name}/app"
        self.pushed = f"{self.repository}:1"

    def missing(self):
        return None if shutil.which(self.program) else f"there is no `{self.program}`"

    def empty(self, name):
        """A folder of this tool, empty."""
        folder = self.folder / name
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir()
        return folder

    def image(self, _case):
        """What the case pushes."""
        return self.pushed

    def push_flink(self):
        """Puts the image with base and Flink into the tool's repository and returns its name by digest."""
        run(["skopeo", "copy", "--dest-tls-verify=false", f"oci:{self.ground.flink_layout}:flink", f"docker://{self.repository}:flink"])
        digest = run(["skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", f"docker://{self.repository}:flink"])
        return f"{self.repository}@{digest.strip()}"

    def unpack_flink(self, into):
        return ["tar", "-xzf", self.ground.archive, "-C", into, "--strip-components=1", "--no-same-owner"]


class FlinkImg(Tool):
    name = "flink-img"

    def missing(self):
        return None

    def image(self, case):
        return f"{self.ground.registry}/{self.name}/{'clean' if case == 'C' else 'app'}:1"

    def seed(self, jar):
        run(self.changed(jar)[0])
        run(self.clean(jar)[0])

    def build(self, cache, jar, *words):
        return [[self.ground.program, "build", "--quiet", "--cache-dir", cache, "--job-jar", jar, *words]]

    def changed(self, jar):
        return self.build(self.folder / "cache", jar, "--from-archive", self.ground.archive,
                          "--base", self.ground.base, "--push", "-t", self.image("A"))

    def clean(self, jar):
        return self.build(self.empty("clean"), jar, "--from-release", "--flink-version", FLINK,
                          "--release-mirror", self.ground.mirror,
                          "--base", self.ground.base, "--push", "-t", self.image("C"))

    def first(self, jar):
        folder = self.empty("first")
        return self.build(folder / "cache", jar, "--from-archive", self.ground.archive,
                          "--base", f"oci:{self.ground.base_layout}:base", "-t", "job:1", "-o", f"oci:{folder / 'image'}")

    def large(self, jar, artifact):
        """Peak memory: one artifact of 2 GB."""
        return self.build(self.folder / "cache", jar, "--job-artifacts", artifact, "--from-archive", self.ground.archive,
                          "--base", self.ground.base, "--push", "-t", f"{self.ground.registry}/{self.name}/large:1")


class Buildah(Tool):
    """`bud --layers` finds what it made before. Root with chroot needs no container runtime."""

    name = "buildah"
    program = "buildah"
    driver = "vfs"

    def seed(self, jar):
        self.push_flink()
        self.empty("storage")
        for command in self.changed(jar):
            run(command)

    def buildah(self, storage, *words):
        return ["buildah", "--root", storage / "root", "--runroot", storage / "run", "--storage-driver", self.driver, *words]

    def bud(self, storage, context, *words):
        return self.buildah(storage, "bud", "--quiet", "--layers", "--isolation=chroot", "--pull=false", "--tls-verify=false",
                            *words, "-t", "app", context)

    def context(self, jar, base, *copies):
        context = self.empty("context")
        shutil.copy2(jar, context / "job.jar")
        lines = [f"FROM {base}", *copies, "COPY job.jar /opt/flink/usrlib/job.jar"]
        (context / "Dockerfile").write_text("\n".join(lines) + "\n")
        return context

    def push(self, storage, target):
        return self.buildah(storage, "push", "--quiet", "--tls-verify=false", "app", target)

    def changed(self, jar, storage="storage"):
        storage = self.folder / storage
        # With vfs each image is a copy of everything; those of earlier rounds would fill the disk.
        run(self.buildah(storage, "rmi", "--prune", "--force"))
        context = self.context(jar, f"{self.repository}:flink")
        return [self.bud(storage, context), self.push(storage, f"docker://{self.pushed}")]

    def clean(self, jar):
        self.empty("clean")
        return self.changed(jar, "clean")

    def first(self, jar):
        storage = self.empty("clean")
        image = self.empty("first")
        context = self.context(jar, f"oci:{self.ground.base_layout}:base", "COPY flink /opt/flink")
        (context / "flink").mkdir()
        return [self.unpack_flink(context / "flink"), self.bud(storage, context), self.push(storage, f"oci:{image}:app")]


class BuildahOverlay(Buildah):
    """The same with the kernel's overlay, where it may be used: containers of a CI may not."""

    name = "buildah-overlay"
    driver = "overlay"


class Umoci(Tool):
    name = "umoci-skopeo"
    program = "umoci"

    def seed(self, jar):
        self.push_flink()
        run(["skopeo", "copy", f"oci:{self.ground.flink_layout}:flink", f"oci:{self.folder / 'layout'}:flink"])
        for command in self.changed(jar):
            run(command)

    def changed(self, jar, layout="layout"):
        layout = self.folder / layout
        return [
            ["umoci", "insert", "--image", f"{layout}:flink", "--tag", "app", jar, "/opt/flink/usrlib/job.jar"],
            ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"oci:{layout}:app", f"docker://{self.pushed}"],
        ]

    def clean(self, jar):
        layout = self.empty("clean")
        pull = ["skopeo", "copy", "--quiet", "--src-tls-verify=false", f"docker://{self.repository}:flink", f"oci:{layout}:flink"]
        return [pull, *self.changed(jar, "clean")]

    def first(self, jar):
        folder = self.empty("first")
        flink, image = folder / "flink", folder / "image"
        flink.mkdir()
        return [
            ["cp", "-r", self.ground.base_layout, image],
            self.unpack_flink(flink),
            ["umoci", "insert", "--image", f"{image}:base", "--tag", "app", flink, "/opt/flink"],
            ["umoci", "insert", "--image", f"{image}:app", jar, "/opt/flink/usrlib/job.jar"],
        ]


class Crane(Tool):
    """It takes layers as tars, so tar is part of the work. It keeps nothing, so a clean machine is like any other."""

    name = "crane"

    def __init__(self, ground):
        super().__init__(ground)
        self.program = ground.bench / "bin/crane"

    def seed(self, jar):
        self.flink = self.push_flink()
        for command in self.changed(jar):
            run(command)

    def tar(self, output, target, folder, name):
        return ["tar", "--sort=name", "--mtime=@1", "--owner=0", "--group=0", "--numeric-owner",
                "--transform", f"s,^{name},{target},", "-cf", output, "-C", folder, name]

    def changed(self, jar):
        layer = self.empty("layers") / "job.tar"
        return [
            self.tar(layer, "opt/flink/usrlib/job.jar", jar.parent, jar.name),
            [self.program, "append", "-b", self.flink, "-f", layer, "-t", self.pushed],
        ]

    clean = changed

    def first(self, jar):
        folder = self.empty("first")
        flink, layers = folder / "flink", [folder / "flink.tar", folder / "job.tar"]
        flink.mkdir()
        return [
            self.unpack_flink(flink),
            self.tar(layers[0], "opt/flink", folder, "flink"),
            self.tar(layers[1], "opt/flink/usrlib/job.jar", jar.parent, jar.name),
            [self.program, "append", "-b", self.ground.base, "-f", layers[0], "-f", layers[1], "-t", "job:1", "-o", folder / "image.tar"],
        ]


class Jib(Tool):
    """Maven is part of the command, as it is for its users. All that it needs is in its folder after the first run."""

    name = "jib"
    program = "mvn"

    def seed(self, jar):
        self.flink = self.push_flink()
        run(self.changed(jar)[0])

    def maven(self, caches, jar, base, goal="jib:build", flink="none", tar="image.tar"):
        # Jib insists on a project that was compiled, on folders that exist, and takes a whole folder.
        project = self.folder / "project"
        (project / "target/classes").mkdir(parents=True, exist_ok=True)
        (self.folder / "none").mkdir(exist_ok=True)
        shutil.copy(HERE / "jib/pom.xml", project)
        properties = {
            "maven.repo.local": self.ground.bench / "maven",
            "jib.version": JIB,
            "jib.baseImageCache": self.folder / caches / "base",
            "jib.applicationCache": self.folder / caches / "application",
            "jib.console": "plain",
            "jib.disableUpdateChecks": "true",
            "sendCredentialsOverHttp": "true",
            "bench.from": base,
            "bench.to": self.pushed,
            "bench.flink": self.folder / flink,
            "bench.job": jar.parent,
            "bench.tar": tar,
        }
        return ["mvn", "--batch-mode", "--quiet", "-f", project / "pom.xml",
                *(f"-D{name}={value}" for name, value in properties.items()), goal]

    def changed(self, jar):
        return [self.maven("caches", jar, self.flink)]

    def clean(self, jar):
        self.empty("clean")
        return [self.maven("clean", jar, self.flink)]

    def first(self, jar):
        folder = self.empty("first")
        (folder / "flink").mkdir()
        self.empty("clean")
        return [
            self.unpack_flink(folder / "flink"),
            self.maven("clean", jar, self.ground.base, "jib:buildTar", "first/flink", folder / "image.tar"),
        ]


class Floor(Tool):
    """No tool: the least that anybody must do. It knows all digests but the jar's beforehand."""

    name = "floor"
    program = "curl"

    def seed(self, jar):
        url = f"http://{self.ground.registry}/v2/floor/app"
        accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
        reference = self.push_flink().split("@")[1]
        with urllib.request.urlopen(urllib.request.Request(f"{url}/manifests/{reference}", headers=accept)) as answer:
            self.manifest = json.load(answer)
        with urllib.request.urlopen(f"{url}/blobs/{self.manifest['config']['digest']}") as answer:
            self.config = json.load(answer)
        run(self.changed(jar)[0])

    def changed(self, jar):
        folder = self.empty("push")
        digest = "sha256:" + hashlib.sha256(jar.read_bytes()).hexdigest()
        rootfs = self.config["rootfs"]
        config = json.dumps(self.config | {"rootfs": rootfs | {"diff_ids": [*rootfs["diff_ids"], digest]}}).encode()
        config_digest = "sha256:" + hashlib.sha256(config).hexdigest()
        layer = self.manifest["layers"][-1] | {"digest": digest, "size": jar.stat().st_size}
        manifest = self.manifest | {
            "config": self.manifest["config"] | {"digest": config_digest, "size": len(config)},
            "layers": [*self.manifest["layers"], layer],
        }
        (folder / "config.json").write_bytes(config)
        (folder / "manifest.json").write_text(json.dumps(manifest))
        return [["sh", HERE / "floor.sh", f"http://{self.ground.registry}/v2/floor/app", jar,
                 folder / "config.json", config_digest, folder / "manifest.json"]]

    clean = changed

    def unchanged(self, _):
        """Case B: one question."""
        return [[*CURL, "--head", "-H", "Accept: application/vnd.oci.image.manifest.v1+json",
                 f"http://{self.ground.registry}/v2/floor/app/manifests/1"]]

    def first(self, _):
        return [["sh", "-c", 'exec "$0" <"$1"', self.ground.recompress, self.ground.archive]]


TOOLS = [Floor, FlinkImg, Crane, Umoci, BuildahOverlay, Buildah, Jib]
