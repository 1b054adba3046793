#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A registry that misbehaves, one way a repository: http://127.0.0.1:PORT/v2/CASE/...

    hostile_registry.py FOLDER      writes FOLDER/port when it listens, FOLDER/log for each request:
                                    METHOD PATH RANGE AUTHORIZATION, "-" for what is not there
"""
import base64
import functools
import gzip
import hashlib
import io
import json
import os
import platform
import socket
import ssl
import sys
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ARCH = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
OCI = "application/vnd.oci.image."
MANIFEST, INDEX = OCI + "manifest.v1+json", OCI + "index.v1+json"


def sha(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def tar(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


@functools.lru_cache(maxsize=None)
def pseudo_random(size):
    out, seed = bytearray(), b"seed"
    while len(out) < size:
        seed = hashlib.sha256(seed).digest()
        out += seed
    return bytes(out[:size])


class Image:
    """The documents of an image with one layer; each of them can be changed before it is asked for."""

    count = 0

    def __init__(self, files=None, diff_id=None, **more):
        Image.count += 1 # no two cases share a blob
        plain = tar({"case": b"%04d" % Image.count,
                     **(files or {"etc/hello": b"hello\n", "big": pseudo_random(400000)})})
        self.layer = gzip.compress(plain, 1)
        self.config = json.dumps({"os": "linux", "architecture": ARCH, "config": {},
                                  "rootfs": {"type": "layers", "diff_ids": [diff_id or sha(plain)]}}).encode()
        self.type = MANIFEST
        self.document = {"schemaVersion": 2, "mediaType": MANIFEST,
                         "config": self.describe(OCI + "config.v1+json", self.config),
                         "layers": [self.describe(OCI + "layer.v1.tar+gzip", self.layer)]}
        self.document.update(more)
        self.blobs = {sha(self.layer): self.layer, sha(self.config): self.config}

    @staticmethod
    def describe(kind, data):
        return {"mediaType": kind, "digest": sha(data), "size": len(data)}

    @property
    def manifest(self):
        return self.document if isinstance(self.document, bytes) else json.dumps(self.document).encode()


def layer_descriptor(image, **more):
    image.document["layers"][0].update(more)
    return image


def resized(image, difference):
    return layer_descriptor(image, size=len(image.layer) + difference)


def with_layer(image, data):
    image.blobs[sha(image.layer)] = data
    return image


def with_config(image, data, difference=0):
    image.blobs[sha(image.config)] = data
    image.document["config"]["size"] += difference
    return image


def typed(image, kind, document=None):
    image.type = kind
    if document is not None:
        image.document = document
    return image


def index_loop():
    image = Image()
    inner = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode()
    image.blobs[sha(inner)] = inner
    image.document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"mediaType": MANIFEST, "digest": sha(inner), "size": len(inner),
         "platform": {"os": "linux", "architecture": ARCH}}]}
    return typed(image, INDEX)


def for_another_platform():
    image = Image()
    image.document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"mediaType": MANIFEST, "digest": sha(b"x"), "size": 1,
         "platform": {"os": "linux", "architecture": "s390x"}}]}
    return typed(image, INDEX)


def many_layers():
    image = Image()
    image.document["layers"] = image.document["layers"] * 20000
    return image


CASES = {
    "good": Image(),
    "wrong-layer": with_layer(Image(), b"x" * len(Image().layer)),
    "short-layer": resized(Image(), 7),
    "long-layer": resized(Image(), -7),
    "negative-size": layer_descriptor(Image(), size=-1),
    "huge-size": layer_descriptor(Image(), size=2**63),
    "wrong-config": with_config(Image(), Image().config.replace(b'"config": {}', b'"config":{} ')),
    "short-config": with_config(Image(), Image().config, 7),
    "wrong-diff-id": Image(diff_id=sha(b"other")),
    "not-a-tar": with_layer(Image(), b"<html>login</html>"),
    "digest-path": layer_descriptor(Image(), digest="sha256:../../../etc/passwd"),
    "md5": layer_descriptor(Image(), digest="md5:" + "0" * 32),
    "encrypted": layer_descriptor(Image(), mediaType=OCI + "layer.v1.tar+gzip+encrypted"),
    "bomb": Image({"zeros": bytes(40 << 20)}),
    "escape": Image({"../../../../canary": b"x"}),
    "type-lie": typed(Image(), "application/vnd.docker.distribution.manifest.v2+json"),
    "schema1": typed(Image(), "application/vnd.docker.distribution.manifest.v1+prettyjws",
                     {"schemaVersion": 1, "name": "x", "fsLayers": []}),
    "both": Image(manifests=[]),
    "deep": typed(Image(), MANIFEST, b'{"a":' * 100000 + b"1" + b"}" * 100000),
    "double-key": typed(Image(), MANIFEST, b'{"schemaVersion": 2, "schemaVersion": 2}'),
    "no-json": typed(Image(), "text/html", b"<html>please log in</html>"),
    "many-layers": many_layers(),
    "index-loop": index_loop(),
    "other-platform": for_another_platform(),
    "fewer-layers": Image(layers=[]),
    "artifact": Image(),
}
CASES["artifact"].document["config"]["mediaType"] = "application/vnd.example.thing"
for name in ("slow", "cut", "cut-no-range", "stall", "busy", "later", "much-later", "always-500", "endless",
             "endless-manifest", "redirect", "redirect-file", "redirect-far", "redirect-loop",
             "redirect-password", "redirect-metadata", "basic", "token", "token-elsewhere", "token-huge",
             "token-odd", "token-slow", "token-busy", "token-metadata", "refresh", "lying-digest", "wrong-range", "foreign",
             "foreign-file"):
    CASES[name] = Image({"etc/hello": b"hello\n", "big": pseudo_random(400000)})

counts = {}
lock = threading.Lock()


def nth(case):
    """How often a case's point was passed, this time included."""
    with lock:
        counts[case] = counts.get(case, 0) + 1
        return counts[case]


def since_first(case, seconds):
    """Have these seconds gone by since a case's point was passed for the first time?"""
    with lock:
        return time.monotonic() - counts.setdefault(case, time.monotonic()) >= seconds


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def log(self):
        with lock, open(sys.argv[1] + "/log", "a") as out:
            out.write(" ".join([self.command, self.path, self.headers.get("Range", "-"),
                                self.headers.get("Authorization", "-").replace(" ", "_")]) + "\n")

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def error(self, status, code, **headers):
        self.answer(status, json.dumps({"errors": [{"code": code, "message": code.lower()}]}).encode(),
                    Content_Type="application/json", **headers)

    def endless(self, kind, first=b""):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            if first:
                self.wfile.write(b"%x\r\n" % len(first) + first + b"\r\n")
            while True:
                self.wfile.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
        except OSError:
            self.close_connection = True

    def authorized(self, case):
        """Has the request what the case wants? If not, it was answered."""
        base = f"http://{self.headers['Host']}"
        seen = self.headers.get("Authorization", "")
        if case in ("basic", "redirect", "foreign"):  # who redirects has got credentials, which must stay here
            if seen == "Basic " + base64.b64encode(b"me:secret").decode():
                return True
            self.error(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="here"')
            return False
        realm = {"token": base + "/token", "token-elsewhere": "https://token.example.net/token",
                 "token-huge": base + "/token-huge", "token-odd": base + "/token-odd",
                 "token-slow": base + "/token-slow", "token-busy": base + "/token-busy", "token-metadata": "http://169.254.169.254/token",
                 "refresh": base + "/token"}.get(case)
        if not realm:
            return True
        if seen.startswith("Bearer good-"):
            # the second request of "refresh" comes with a token that has run out
            if not (case == "refresh" and "/blobs/" in self.path and nth("refresh") == 1):
                return True
        self.error(401, "UNAUTHORIZED", WWW_Authenticate=f'Bearer realm="{realm}",service="here, and there"')
        return False

    def token(self):
        if self.path.startswith("/token-huge"):
            return self.answer(200, b'{"token": "' + b"a" * (3 << 20) + b'"}')
        if self.path.startswith("/token-odd"):
            return self.answer(200, json.dumps({"token": "a\r\nX-Evil: 1"}).encode())
        if self.path.startswith("/token-busy") and nth("token-busy") < 3:
            return self.error(503, "UNAVAILABLE")
        return self.answer(200, json.dumps({"token": f"good-{nth('token')}"}).encode())

    def do_HEAD(self):
        self.do_GET()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        self.path += "?" + body
        self.log()
        if not self.path.startswith("/token") or "refresh_token=identity" not in body:
            return self.error(401, "UNAUTHORIZED")
        if self.path.startswith("/token-slow"):  # with an answer to what was sent
            time.sleep(2.5)
        return self.answer(200, json.dumps({"access_token": f"good-{nth('token')}"}).encode())

    def do_GET(self):
        self.log()
        if self.path.startswith("http://"):  # we are the proxy, too
            self.path = "/" + self.path.split("/", 3)[3]
        if self.path.startswith("/token"):
            return self.token()
        if self.path.startswith("/elsewhere/"):
            return self.blob("elsewhere", CASES[self.path.split("/")[2]], self.path.split("/")[3])
        if self.path == "/v2/":
            return self.answer(200) if self.authorized("basic") else None
        parts = self.path.split("/")
        case = parts[2] if len(parts) > 4 else ""
        if case not in CASES:
            return self.error(404, "NAME_UNKNOWN")
        if not self.authorized(case):
            return None
        if parts[3] == "manifests":
            return self.manifest(case, CASES[case], parts[4])
        return self.blob(case, CASES[case], parts[4])

    def manifest(self, case, image, reference):
        if case == "endless-manifest":
            return self.endless(MANIFEST)
        if reference in image.blobs:
            return self.answer(200, image.blobs[reference], Content_Type=INDEX)
        if reference not in ("latest", sha(image.manifest)):
            return self.error(404, "MANIFEST_UNKNOWN")
        digest = sha(b"another") if case == "lying-digest" else sha(image.manifest)
        return self.answer(200, image.manifest, Content_Type=image.type, Docker_Content_Digest=digest)

    def redirect(self, case, digest):
        base, port = f"http://{self.headers['Host']}", self.server.plain_port
        to = {"redirect": f"http://localhost:{port}/elsewhere/redirect/{digest}",
              "redirect-file": "file:///etc/passwd",
              "redirect-far": "gopher://example.net/1",
              "redirect-loop": base + self.path,
              "redirect-password": f"http://me:pw@localhost:{port}/elsewhere/redirect/{digest}",
              "redirect-metadata": "http://169.254.169.254/latest/meta-data"}.get(case)
        if to:
            self.answer(307, Location=to)
        return to is not None

    def blob(self, case, image, digest):
        data = image.blobs.get(digest)
        if data is None:
            return self.error(404, "BLOB_UNKNOWN")
        if case.startswith("foreign") and digest == sha(image.layer):
            return self.error(404, "BLOB_UNKNOWN")
        if digest == sha(image.config) and case != "basic":
            return self.answer(200, data)
        if self.redirect(case, digest):
            return None
        if case == "endless":
            return self.endless("application/octet-stream", data)
        if case == "always-500" or case == "busy" and nth(case) < 3:
            return self.error(503, "UNAVAILABLE")
        if case == "later" and not since_first(case, 1):
            return self.error(429, "TOOMANYREQUESTS", Retry_After="1")
        if case == "much-later":
            return self.error(429, "TOOMANYREQUESTS", Retry_After="3600")
        return self.part(case, data)

    def part(self, case, data):
        start, wanted = 0, self.headers.get("Range")
        if wanted and case not in ("cut-no-range",):
            start = int(wanted.split("=")[1].rstrip("-"))
            self.send_response(206)
            shown = start + 1 if case == "wrong-range" else start
            self.send_header("Content-Range", f"bytes {shown}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        rest, end = data[start:], len(data)
        faulty = {"cut": 3, "cut-no-range": 3, "stall": 2, "wrong-range": 2}.get(case)
        if faulty and nth(case) < faulty:
            end = len(rest) // 2
        self.send_pieces(case, rest[:end])
        if end < len(rest):
            if case == "stall":
                self.wait_for_hang_up()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def wait_for_hang_up(self):
        """The client's, which must come by itself."""
        self.connection.settimeout(100)
        try:
            self.connection.recv(1)
        except ConnectionError:
            pass
        except socket.timeout:
            self.path = "/waited-for-nothing"
            self.log()

    def send_pieces(self, case, data):
        for at in range(0, len(data), 4096):
            self.wfile.write(data[at:at + 4096])
            if case == "slow" and not os.path.exists(sys.argv[1] + "/fast"):
                time.sleep(0.05)
                if at > 150000 and os.path.exists(sys.argv[1] + "/held"):
                    self.trickle(data[at + 4096:])
                    return

    def trickle(self, data):
        """So that it goes on for minutes, until the rest is let go."""
        for at in range(len(data)):
            if os.path.exists(sys.argv[1] + "/fast"):
                self.wfile.write(data[at:])
                return
            self.wfile.write(data[at:at + 1])
            time.sleep(0.05)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a client that gives up is what many cases are about


def main():
    server = Server(("127.0.0.1", 0), Handler)
    for case, base in (("foreign", f"http://localhost:{server.server_port}"), ("foreign-file", "file://")):
        digest = sha(CASES[case].layer)
        layer_descriptor(CASES[case], mediaType=OCI + "layer.nondistributable.v1.tar+gzip",
                         urls=[f"{base}/elsewhere/{case}/{digest}"])
    server.plain_port = server.server_port
    if os.path.exists(sys.argv[1] + "/key.pem"):  # the same by TLS
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1] + "/ca.pem", sys.argv[1] + "/key.pem")
        by_tls = Server(("127.0.0.1", 0), Handler)
        by_tls.plain_port = server.server_port
        by_tls.socket = context.wrap_socket(by_tls.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=by_tls.serve_forever, daemon=True).start()
        with open(sys.argv[1] + "/tls-port", "w") as out:
            out.write(str(by_tls.server_port))
    with open(sys.argv[1] + "/port.new", "w") as out:
        out.write(str(server.server_port))
    os.rename(sys.argv[1] + "/port.new", sys.argv[1] + "/port")
    server.serve_forever()


if __name__ == "__main__":
    main()
