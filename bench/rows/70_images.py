# SPDX-License-Identifier: LGPL-2.1-or-later
"""Archives of images: in, out, and away."""
import subprocess

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


ROWS = [
    Row("load", "load of a docker-save archive with a Debian layer, into a store without it", "s", load, [
        ("at least 2.5 x faster than docker (median)", 2.5, lambda n: n["docker"]["median"] / n["cloche"]["median"])]),
    Row("rmi", "rmi of it", "ms", rmi, [
        ("at most 50 ms", 50.0, lambda n: n["cloche"]["median"])]),
    Row("save", "save of it to a file", "s", save, [
        ("at least 4 x faster than docker (median)", 4.0, lambda n: n["docker"]["median"] / n["cloche"]["median"])]),
]
