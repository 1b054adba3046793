# SPDX-License-Identifier: LGPL-2.1-or-later
"""Archives of images: in, out, and away; and the same by way of a registry."""
import shutil
import socket
import subprocess
import time

from common import Failed, Row, call


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
    """Each time into a store that does not have it; the removal is rmi's row."""
    found, archive = engines(bench)
    took = {e.name: [] for e in found}
    gone = bench.shared["rmi"] = {e.name: [] for e in found}
    for _ in range(max(2, bench.rounds(4))):
        for engine, program in found.items():
            took[engine.name] += [ms / 1000 for ms in engine.clock([program, "load", "-i", archive])]
            gone[engine.name] += engine.clock([program, "rmi", "bench-archive"])
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


def transfers(bench):
    """Each engine pushes the image to an empty registry, then pulls one and the same, whose layers are gzip, into a store
    without it."""
    if "pulls" in bench.shared:
        return
    found, _ = engines(bench)
    archive = two_layers(bench, found)
    host, server = registry(bench, "registry")
    pushes = bench.shared["pushes"] = {e.name: [] for e in found}
    pulls = bench.shared["pulls"] = {e.name: [] for e in found}
    insecure = {"podman": ["--tls-verify=false"]}
    source = f"{host}/pull:1"
    try:
        call(["skopeo", "copy", "-q", "--dest-tls-verify=false", "--dest-compress", f"docker-archive:{archive}", f"docker://{source}"])
        for turn in range(max(2, bench.rounds(3))):
            for engine, program in found.items():
                flags = insecure.get(engine.name, [])
                engine.call([program, "load", "-q", "-i", archive])
                name = f"registry-{engine.name}-{turn}"
                empty, other = registry(bench, name)  # nobody can mount what is there, nor know of it
                try:
                    engine.call([program, "tag", "bench-two:1", f"{empty}/two:1"])
                    pushes[engine.name] += [ms / 1000 for ms in engine.clock([program, "push", *flags, f"{empty}/two:1"])]
                    engine.call([program, "rmi", "-f", f"{empty}/two:1", "bench-two:1"])
                finally:
                    other.kill()
                    other.wait()
                    shutil.rmtree(bench.folder / name, ignore_errors=True)
                pulls[engine.name] += [ms / 1000 for ms in engine.clock([program, "pull", *flags, source])]
                engine.call([program, "rmi", "-f", source])
    finally:
        server.kill()
        server.wait()


def pull(bench):
    transfers(bench)
    return bench.shared["pulls"]


def push(bench):
    transfers(bench)
    return bench.shared["pushes"]


ROWS = [
    Row("load", "load of a docker-save archive with a Debian layer, into a store without it", "s", load, [
        ("at least 2.5 x faster than docker (median)", 2.5, lambda n: n["docker"]["median"] / n["cloche"]["median"])]),
    Row("pull", "pull of a Debian layer and one of 20,000 files from a registry on loopback, into a store without them", "s", pull, [
        ("at least 2.5 x faster than docker (median)", 2.5, lambda n: n["docker"]["median"] / n["cloche"]["median"]),
        ("at least 2.5 x faster than podman (median)", 2.5, lambda n: n["podman"]["median"] / n["cloche"]["median"])]),
    Row("push", "push of it, loaded from an archive, to an empty registry; all compress it, cloche with gzip's fastest level", "s", push, [
        ("at least 2 x faster than docker (median)", 2.0, lambda n: n["docker"]["median"] / n["cloche"]["median"])]),
    Row("rmi", "rmi of it", "ms", rmi, [
        ("at most 50 ms", 50.0, lambda n: n["cloche"]["median"])]),
    Row("save", "save of it to a file", "s", save, [
        ("at least 4 x faster than docker (median)", 4.0, lambda n: n["docker"]["median"] / n["cloche"]["median"])]),
]
