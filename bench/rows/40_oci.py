# SPDX-License-Identifier: LGPL-2.1-or-later
"""The OCI runtimes: the same bundle, the same view of the cgroups."""
from common import Row


def runtimes(bench):
    return [e for e in bench.engines if getattr(e, "cycle", None)]


def run(bench):
    floor = [e for e in bench.engines if e.name == "bundle-floor"]
    commands = {e.name: (lambda e=e: e.clock(e.run())) for e in floor + runtimes(bench)}
    return bench.interleave(commands, bench.rounds(40))


def cycle(bench):
    commands = {e.name: (lambda e=e: e.clock(e.cycle())) for e in runtimes(bench)}
    return bench.interleave(commands, bench.rounds(30))


def exec_(bench):
    engines = runtimes(bench)
    for engine in engines:
        engine.up("oci-exec")
    commands = {e.name: (lambda e=e: e.clock(e.exec("oci-exec"))) for e in engines}
    return bench.interleave(commands, bench.rounds(40))


def peak(bench):
    return {e.name: [e.bench.peak(e.run(), env=e.env, prefix=e.prefix) for _ in range(5)] for e in runtimes(bench)}


def ours(other, times, words):
    return (f"at least {times} x faster than {other} {words}", times,
            lambda n: n[other]["median"] / n["cloche-runtime"]["median"])


ROWS = [
    Row("oci-run", "OCI runtime: run of true", "ms", run, [
        ours("crun", 1.8, "(median)"), ours("runc", 6, "(median)")]),
    Row("oci-cycle", "OCI runtime: create, start, delete of true, three calls", "ms", cycle, [
        ours("crun", 1.8, "(median)"), ours("runc", 6, "(median)")]),
    Row("oci-exec", "OCI runtime: exec of true", "ms", exec_, [ours("crun", 1.5, "(median)")]),
    Row("oci-peak", "OCI runtime: peak memory of a process during a run", "KiB", peak, [
        ("at most crun's", 1.0, lambda n: n["cloche-runtime"]["median"] / n["crun"]["median"])]),
]
