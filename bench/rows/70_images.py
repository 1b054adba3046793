# SPDX-License-Identifier: LGPL-2.1-or-later
"""Archives of images: in, out, and away; and the same by way of a registry."""
import json
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from common import Failed, Row, call, disk_make

INSECURE = {"podman": ["--tls-verify=false"]}


def engines(bench):
    """{engine: its program}, and an archive that is docker's own, or ours where there is no docker. It has one file more than the
    image of the other rows, or its layer would be in the store."""
    found = {e: (e.binary if e.name == "cloche" else e.name)
             for e in bench.engines if e.name in ("cloche", "docker", "podman")}
    archive = bench.folder / "image.tar"
    if not archive.exists():
        maker = next((e for e in found if e.name == "docker"), next(iter(found)))
        folder, tar = bench.folder / "other", bench.folder / "other.tar"
        folder.mkdir()
        (folder / "bench-other").write_text("another layer\n")
        call(["cp", bench.tar, tar])
        call(["tar", "-C", folder, "-rf", tar, "bench-other"])
        maker.call([found[maker], "import", tar, "bench-archive"])
        maker.call([found[maker], "save", "-o", archive, "bench-archive"])
        maker.call([found[maker], "rmi", "bench-archive"])
        tar.unlink()
    return found, archive


def load(bench):
    """Each time into an empty store; the removal is rmi's row."""
    found, archive = engines(bench)
    took = {e.name: [] for e in found}
    gone = bench.shared["rmi"] = {e.name: [] for e in found}
    for _ in range(max(2, bench.rounds(4))):
        for engine, program in found.items():
            with bench.fresh(engine) as one:
                took[engine.name] += [ms / 1000 for ms in one.clock([program, "load", "-i", archive])]
                gone[engine.name] += one.clock([program, "rmi", "bench-archive"])
    return took


def rmi(bench):
    if "rmi" not in bench.shared:
        load(bench)
    return bench.shared["rmi"]


def save(bench):
    found, _ = engines(bench)
    out = {}
    for engine, program in found.items():
        target = bench.folder / f"saved-{engine.name}.tar"
        times = []
        for _ in range(2 if bench.quick else 3):
            try:
                times += [ms / 1000 for ms in engine.clock([program, "save", "-o", target, "debian"])]
            except (Failed, subprocess.SubprocessError):
                break  # this one cannot, yet
            target.unlink(missing_ok=True)
        out[engine.name] = times
    return out


def registry(bench, name):
    """Debian's docker-registry on loopback, with an image of a Debian layer and one of 20,000 small files: (name, process)."""
    if not shutil.which("docker-registry") or not shutil.which("skopeo"):
        raise Failed("this host has no docker-registry or no skopeo")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    settings = bench.folder / f"{name}.yml"
    settings.write_text(f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {bench.folder}/{name}}},"
                        f" delete: {{enabled: true}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n", encoding="utf-8")
    server = subprocess.Popen(["docker-registry", "serve", settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(200):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return f"127.0.0.1:{port}", server
        time.sleep(0.05)
    server.kill()
    raise Failed("docker-registry does not listen")


def two_layers(bench, found):
    """An archive of the image, made by docker's or our own commit of 20,000 files."""
    archive = bench.folder / "two.tar"
    if not archive.exists():
        folder, small = bench.folder / "small", bench.folder / "small.tar"
        for i in range(200):
            (folder / f"many/{i}").mkdir(parents=True)
            for k in range(100):
                (folder / f"many/{i}/{k}").write_text(f"file {i} {k}\n" * (k % 30 + 1))
        call(["tar", "-C", folder, "-cf", small, "."])
        shutil.rmtree(folder)
        call(["python3", "tests/system/make_archive.py", "docker", archive, "bench-two:1", bench.tar, small])
        small.unlink()
    return archive


def push_once(bench, engine, program, archive, level):
    """Seconds, to a registry that knows nothing of it yet, from a store that has what the archive brought."""
    name = f"registry-{engine.name}"
    host, server = registry(bench, name)
    try:
        with bench.fresh(engine) as one:
            one.call([program, "load", "-q", "-i", archive])
            one.call([program, "tag", "bench-two:1", f"{host}/two:1"])
            one.env = {**one.env, **({"CLOCHE_GZIP_LEVEL": level} if level else {})}
            return one.clock([program, "push", *INSECURE.get(engine.name, []), f"{host}/two:1"])[0] / 1000
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(bench.folder / name, ignore_errors=True)


def push(bench):
    found, _ = engines(bench)
    archive = two_layers(bench, found)
    took = {}
    for _ in range(max(2, bench.rounds(3))):
        for engine, program in found.items():
            # docker and podman compress with gzip's level 6
            for label, level in [("cloche", None), ("cloche level 6", "6")] if engine.name == "cloche" else [(engine.name, None)]:
                took.setdefault(label, []).append(push_once(bench, engine, program, archive, level))
    return took


def pull_floor(bench, digests, source):
    """The least that such a pull is: both layers side by side, each from curl by sha256 and igzip to tar; nothing is synced."""
    folder = Path(tempfile.mkdtemp(prefix="cloche-fresh.", dir=bench.disk))
    disk_make(folder, bench.disk)
    url = f"http://{source.split('/')[0]}/v2/pull/blobs"
    layers = "".join(f"mkdir {i}; curl -s {url}/{digest} | tee >(openssl dgst -sha256 >{i}.sum) | igzip -d -c | "
                     f"tar -C {i} --numeric-owner -x & " for i, digest in enumerate(digests))
    try:
        return bench.clock(["bash", "-c", f"cd {folder}; {layers} wait"])[0] / 1000
    finally:
        subprocess.run(["umount", "-l", folder / "run", folder], check=False)
        folder.rmdir()


def pull(bench):
    """Each engine pulls one and the same image, whose layers are gzip, into an empty store."""
    found, _ = engines(bench)
    archive = two_layers(bench, found)
    host, server = registry(bench, "registry")
    took = {e.name: [] for e in found}
    source = f"{host}/pull:1"
    try:
        call(["skopeo", "copy", "-q", "--dest-tls-verify=false", "--dest-compress", f"docker-archive:{archive}", f"docker://{source}"])
        raw = json.loads(call(["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{source}"]))
        for _ in range(max(2, bench.rounds(3))):
            for engine, program in found.items():
                with bench.fresh(engine) as one:
                    flags = INSECURE.get(engine.name, [])
                    took[engine.name] += [ms / 1000 for ms in one.clock([program, "pull", *flags, source])]
                    if engine.name == "cloche":
                        again = bench.shared.setdefault("again", {"cloche": [], "curl": []})
                        again["cloche"] += one.clock([program, "pull", source], times=10)
                        again["curl"] += one.clock(["curl", "-s", "-o", "/dev/null", "-H", f"Accept: {raw['mediaType']}",
                                                    f"http://{host}/v2/pull/manifests/1"], times=10)
            if shutil.which("igzip"):
                took.setdefault("floor", []).append(pull_floor(bench, [layer["digest"] for layer in raw["layers"]], source))
    finally:
        server.kill()
        server.wait()
    return took


def pull_again(bench):
    """Of an image that is there, beside the server's answer as curl gets it."""
    if "again" not in bench.shared:
        pull(bench)
    return bench.shared["again"]


ROWS = [
    Row("load", "load of a docker-save archive with a Debian layer, into a store without it", "s", load, [
        ("at least 2.5 x faster than docker (median)", 2.5, lambda n: n["docker"]["median"] / n["cloche"]["median"])]),
    Row("pull", "pull of a Debian layer and one of 20,000 files from a registry on loopback, into a store without them", "s", pull, [
        ("at least 2.5 x faster than docker (median)", 2.5, lambda n: n["docker"]["median"] / n["cloche"]["median"]),
        ("at least 2.5 x faster than podman (median)", 2.5, lambda n: n["podman"]["median"] / n["cloche"]["median"]),
        ("at most 1.4 x the floor (median)", 1.4, lambda n: n["cloche"]["median"] / n["floor"]["median"])]),
    Row("pull-again", "pull of what is there, beside curl with the one request that it takes", "ms", pull_again, [
        ("at most 10 ms more than curl (median)", 10.0, lambda n: n["cloche"]["median"] - n["curl"]["median"])]),
    Row("push", "push of it, loaded from an archive, to an empty registry; all compress it, docker and podman with level 6", "s", push, [
        ("at least 2 x faster than docker with the same level (median)", 2.0,
         lambda n: n["docker"]["median"] / n["cloche level 6"]["median"])]),
    Row("rmi", "rmi of it", "ms", rmi, [
        ("at most 50 ms", 50.0, lambda n: n["cloche"]["median"])]),
    Row("save", "save of it to a file", "s", save, [
        ("at least 4 x faster than docker (median)", 4.0, lambda n: n["docker"]["median"] / n["cloche"]["median"])]),
]
