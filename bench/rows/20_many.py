# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many detached containers: starts, memory, listing, removal. Rows that need the same containers share them."""
import time

from common import Row
from engines import SLEEP


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


def stored(bench):
    """What one asks of a list of 1,000 containers that do not run; of the others 50 in quick mode, since they take a minute and more."""
    engines = [e for e in bench.of("listing") if not bench.quick or e.name == "cloche"]
    commands = {}
    for engine in engines:
        program = engine.listing()[0]
        make = [w for w in engine.start("stored", SLEEP) if w not in ("-d", "--init")]
        make[make.index("run")] = "create"
        for i in range(1000):
            make[make.index("--name") + 1] = f"stored-{i}"
            engine.call(make)
            engine.names.append(f"stored-{i}")
        for words in (["ps"], ["images"], ["inspect", "stored-500"]):
            commands[f"{engine.name} {words[0]}"] = lambda e=engine, c=[program, *words]: e.clock(c)
    return bench.interleave(commands, bench.rounds(30))


def stats(bench):
    """Without the half second (Cloche) or the second (Docker, Podman) between its two looks."""
    out = {}
    for engine in bench.of("listing"):
        if engine.name != "cloche" and bench.quick:
            continue
        for i in range(200):
            engine.up(f"stats-{i}")
        wait = 500 if engine.name == "cloche" else 1000
        command = [engine.listing()[0], "stats", "--no-stream"]
        out[engine.name] = [ms - wait for _ in range(bench.rounds(10)) for ms in engine.clock(command)]
    return out


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
    Row("stored1000", "ps, images and inspect of one, with 1,000 stored containers (quick: cloche alone)", "ms", stored, [
        ("ps: at most 15 ms", 15.0, lambda n: n["cloche ps"]["median"]),
        ("images: at most 15 ms", 15.0, lambda n: n["cloche images"]["median"]),
        ("inspect: at most 15 ms", 15.0, lambda n: n["cloche inspect"]["median"]),
    ]),
    Row("stats200", "stats --no-stream of 200 running, without its interval (quick: cloche alone)", "ms", stats, [
        ("at most 60 ms", 60.0, lambda n: n["cloche"]["median"]),
    ]),
]
