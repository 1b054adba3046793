# SPDX-License-Identifier: LGPL-2.1-or-later
"""One command at a time: run and exec."""
from common import Row


def run(bench):
    """run --rm --network none IMAGE true."""
    commands = {e.name: (lambda e=e: e.clock(e.run())) for e in bench.of("run")}
    return bench.interleave(commands, bench.rounds(60), slow=[e.name for e in bench.engines if e.slow])


def exec_(bench):
    """exec CONTAINER true, in a container that sleeps."""
    engines = bench.of("exec")
    for engine in engines:
        if engine.start:
            engine.up("bench-exec")
    commands = {e.name: (lambda c=e.exec("bench-exec"), e=e: e.clock(c)) for e in engines}
    return bench.interleave(commands, bench.rounds(60), slow=[e.name for e in engines if e.slow])


ROWS = [
    Row("run", "run --rm --network none debian true", "ms", run, [
        ("at most 2 x the floor (best)", 2.0, lambda n: n["cloche"]["best"] / n["floor"]["best"]),
        ("at most 2 x the floor (median)", 2.0, lambda n: n["cloche"]["median"] / n["floor"]["median"]),
        ("at most 1 x crun (median)", 1.0, lambda n: n["cloche"]["median"] / n["crun"]["median"]),
        ("at least 40 x faster than docker (median)", 40.0, lambda n: n["docker"]["median"] / n["cloche"]["median"]),
    ]),
    Row("exec", "exec CONTAINER true", "ms", exec_, [
        ("at most 2 x nsenter (best)", 2.0, lambda n: n["cloche"]["best"] / n["nsenter"]["best"]),
        ("at most 2 x nsenter (median)", 2.0, lambda n: n["cloche"]["median"] / n["nsenter"]["median"]),
        ("at least 12 x faster than docker (median)", 12.0, lambda n: n["docker"]["median"] / n["cloche"]["median"]),
    ]),
]
