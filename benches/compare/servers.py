"""A registry, a mirror of Flink releases, and a proxy that counts what goes through it. All on the loopback address."""

import contextlib
import http.client
import http.server
import re
import shutil
import subprocess
import threading
import time

BLOCK = 1 << 20


class Counts:
    """Requests, and bytes on the wire as the client sees them: headers and bodies, in both directions."""

    def __init__(self):
        self.lock = threading.Lock()
        self.reset()

    def reset(self):
        self.requests = self.sent = self.received = 0

    def add(self, requests=0, sent=0, received=0):
        with self.lock:
            self.requests += requests
            self.sent += sent
            self.received += received


class CountedReader:
    """What the client sends."""

    def __init__(self, inner, counts):
        self.inner, self.counts = inner, counts
        self.closed = False

    def readline(self, limit=-1):
        line = self.inner.readline(limit)
        self.counts.add(sent=len(line))
        return line

    def read(self, size):
        data = self.inner.read(size)
        self.counts.add(sent=len(data))
        return data

    def close(self):
        self.closed = True
        self.inner.close()


class CountedWriter:
    """What the client receives."""

    def __init__(self, inner, counts):
        self.inner, self.counts = inner, counts
        self.closed = False

    def write(self, data):
        self.counts.add(received=len(data))
        return self.inner.write(data)

    def flush(self):
        self.inner.flush()

    def close(self):
        self.closed = True
        self.inner.close()


class CountedHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.rfile = CountedReader(self.rfile, self.server.counts)
        self.wfile = CountedWriter(self.wfile, self.server.counts)

    def parse_request(self):
        parsed = super().parse_request()
        if parsed:
            self.server.counts.add(requests=1)
        return parsed

    def log_message(self, *_):
        pass


class ProxyHandler(CountedHandler):
    """Passes each request on, and its answer back, block by block."""

    def setup(self):
        super().setup()
        self.upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream_port)

    def finish(self):
        self.upstream.close()
        super().finish()

    def forward(self):
        self.upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ("connection", "expect"):
                self.upstream.putheader(name, value)
        self.upstream.endheaders()
        for block in self.request_body():
            self.upstream.send(block)
        self.answer(self.upstream.getresponse())

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = forward

    def request_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while True:
                size = self.rfile.readline()
                length = int(size.split(b";")[0], 16)
                yield size + self.rfile.read(length + 2)
                if length == 0:
                    return
        left = int(self.headers.get("Content-Length", 0))
        while left > 0:
            block = self.rfile.read(min(left, BLOCK))
            if not block:
                raise ConnectionError("the client went away")
            left -= len(block)
            yield block

    def answer(self, response):
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            self.send_header(name, value)
        self.end_headers()
        chunked = response.chunked
        while block := response.read(BLOCK):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block) if chunked else block)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")


class MirrorHandler(CountedHandler):
    """Serves the files that the mirror has, whole."""

    def do_GET(self):
        file = self.server.files.get(self.path)
        self.send_response_only(200 if file else 404)
        self.send_header("Content-Length", str(file.stat().st_size if file else 0))
        self.end_headers()
        if file:
            with file.open("rb") as source:
                shutil.copyfileobj(source, self.wfile, BLOCK)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, handler, port=0, **facts):
        self.counts = Counts()
        self.__dict__.update(facts)
        super().__init__(("127.0.0.1", port), handler)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        """A client that hangs up is no error of ours; whatever it lacks, it will say itself."""

    def stop(self):
        self.shutdown()
        self.server_close()


def mirror(files):
    return Server(MirrorHandler, files=files)


class Registry:
    """Debian's `docker-registry`. Clients speak to `port`: straight to it, or through the proxy while it is counted."""

    def __init__(self, folder):
        self.folder = folder
        self.process = None
        self.port = self._start("127.0.0.1:0")

    @contextlib.contextmanager
    def counted(self):
        """Moves the registry to another port and puts the proxy where it was: addresses stay what they were, which
        matters to tools that remember them. Gives the counts."""
        self.stop()
        proxy = Server(ProxyHandler, port=self.port, upstream_port=self._start("127.0.0.1:0"))
        try:
            yield proxy.counts
        finally:
            proxy.stop()
            self.stop()
            self._start(f"127.0.0.1:{self.port}")

    def _start(self, address):
        self.folder.mkdir(parents=True, exist_ok=True)
        config, log = self.folder / "config.yml", self.folder / "log"
        config.write_text(
            "version: 0.1\n"
            "log: { level: info, accesslog: { disabled: true } }\n"
            f'storage: {{ filesystem: {{ rootdirectory: "{self.folder / "storage"}" }} }}\n'
            f'http: {{ addr: "{address}" }}\n'
        )
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                ["docker-registry", "serve", str(config)], stdout=output, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            if found := re.search(r'listening on 127\.0\.0\.1:(\d+)"', log.read_text()):
                return int(found[1])
            time.sleep(0.05)
        raise RuntimeError("the registry did not start: " + log.read_text())

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=30)
            self.process = None
