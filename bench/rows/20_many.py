# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many detached containers: starts, memory, listing, removal. Rows that need the same containers share them."""
import time

from common import Row


def per_engine(bench, full, small, engines):
    """How many for whom: in quick mode the slow ones get fewer, and their sums are scaled to the full count."""
    return {e: small if bench.quick and e.name != "cloche" else full for e in engines}


def two_hundred(bench):
    """200 starts, their memory, their removal: {engine: (seconds, KiB each, seconds)}. Once for three rows."""
    if "two_hundred" in bench.shared:
        return bench.shared["two_hundred"]
    out = bench.shared["two_hundred"] = {}
    for engine, count in per_engine(bench, 200, 20, [e for e in bench.of("start") if e.remove]).items():
        before = engine.memory() if engine.daemon is None else 0  # a daemon is there for its containers
        start = time.monotonic()
        for i in range(count):
            engine.up(f"bench-{i}")
        started = (time.monotonic() - start) * 200 / count
        time.sleep(2)  # buffers are given back a second after a burst
        each = (engine.memory() - before) / 1024 / count
        names, engine.names = engine.names, []
        removed = engine.clock(engine.remove(names))[0] / 1000 * 200 / count
        out[engine.name] = (started, each if engine.listing else None, removed)
    return out


def column(number):
    def measure(bench):
        return {name: [row[number]] for name, row in two_hundred(bench).items() if row[number] is not None}
    return measure


def five_hundred(bench):
    """The containers of start500 stay for ps500, whichever comes first."""
    cloche = next(e for e in bench.engines if e.name == "cloche")
    if "five_hundred" not in bench.shared:
        bench.shared["five_hundred"] = [cloche.up(f"bench-{i}") for i in range(500)]
    return bench.shared["five_hundred"]


def late(bench):
    times = five_hundred(bench)
    return {"cloche": times[-20:], "cloche first": times[:20]}


def ps(bench):
    five_hundred(bench)
    engines = bench.of("listing")
    for engine in engines:
        for i in range(0 if engine.name == "cloche" else 5 if bench.quick else 50):
            engine.up(f"bench-{i}")
    commands = {e.name: (lambda e=e: e.clock(e.listing())) for e in engines}
    return bench.interleave(commands, bench.rounds(30), slow=[e.name for e in engines if e.slow])


ROWS = [
    Row("start200", "200 detached starts, one after another", "s", column(0), [
        ("at most 2 s", 2.0, lambda n: n["cloche"]["median"]),
    ]),
    Row("memory", "memory (PSS) of the engine per detached container, with 200", "KiB", column(1), [
        ("at most 128 KiB", 128.0, lambda n: n["cloche"]["median"]),
    ]),
    Row("rm200", "rm -f of these 200", "s", column(2), [
        ("at most 0.6 s", 0.6, lambda n: n["cloche"]["median"]),
    ]),
    Row("start500", "the 481st to 500th start beside the first 20", "ms", late, [
        ("at most 1.3 x the first (median)", 1.3, lambda n: n["cloche"]["median"] / n["cloche first"]["median"]),
        ("at most 1.3 x the first (best)", 1.3, lambda n: n["cloche"]["best"] / n["cloche first"]["best"]),
    ], keep="ps500"),
    Row("ps500", "ps with 500 running (docker, podman: 50)", "ms", ps, [
        ("at most 15 ms", 15.0, lambda n: n["cloche"]["median"]),
    ]),
]
