# SPDX-License-Identifier: LGPL-2.1-or-later
"""Networks: what a bridge and published ports add to a start."""
import subprocess
import time

from common import Row, call
from engines import SLEEP, pss_bytes


def cloche_of(bench):
    return next(e for e in bench.engines if e.name == "cloche")


def bridged(engine):
    """`run --rm` on the default network."""
    words = engine.run()
    i = words.index("--network")
    return words[:i] + words[i + 2:]


def bridge(bench):
    commands = {}
    for engine in bench.engines:
        if engine.name in ("cloche", "docker"):
            commands[engine.name] = lambda e=engine: e.clock(bridged(e))
            commands[f"{engine.name} none"] = lambda e=engine: e.clock(e.run())
        elif engine.name == "floor":
            call(["ip", "link", "add", "floor0", "type", "bridge"])
            call(["ip", "address", "add", "10.62.0.1/16", "dev", "floor0"])
            call(["ip", "link", "set", "floor0", "up"])
            commands["floor"] = lambda e=engine: e.clock(e.run(options=["--bridge", "floor0"]))
            commands["floor none"] = lambda e=engine: e.clock(e.run())
    try:
        return bench.interleave(commands, bench.rounds(30), slow=["docker", "docker none"])
    finally:
        subprocess.run(["ip", "link", "del", "floor0"], stderr=subprocess.DEVNULL, check=False)


def start_and_remove(cloche, name, options):
    words = cloche.start(name, ["sleep", "86400"], options)
    i = words.index("--network")
    took = cloche.clock(words[:i] + words[i + 2:])[0]
    return [took + cloche.clock(cloche.remove([name]))[0]]


def ports(bench):
    """A container with 100 published ports beside one without; start and removal together."""
    cloche = cloche_of(bench)
    many = [word for port in range(20000, 20100) for word in ("-p", f"{port}:{port}")]
    return bench.interleave({
        "cloche": lambda: start_and_remove(cloche, "ports-none", []),
        "cloche 100 ports": lambda: start_and_remove(cloche, "ports-many", many),
    }, bench.rounds(20))


def published(bench):
    """A start with a port while ten containers hold 1,000 of them, beside the same with none."""
    cloche = cloche_of(bench)

    def one():
        return start_and_remove(cloche, "ports-one", ["-p", "19999:80"])

    before = [t for _ in range(bench.rounds(15)) for t in one()]
    for i in range(10):
        words = cloche.start(f"ports-{i}", ["sleep", "86400"], ["-p", f"{20000 + i * 100}-{20099 + i * 100}:1000-1099"])
        k = words.index("--network")
        cloche.call(words[:k] + words[k + 2:])
        cloche.names.append(f"ports-{i}")
    after = [t for _ in range(bench.rounds(15)) for t in one()]
    return {"cloche": after, "cloche first": before}


def keeper(bench):
    """Of cloche-keeper, once it has nothing to do; pages that programs share count for a part (Pss)."""
    cloche = cloche_of(bench)
    for i in range(20):
        words = cloche.start(f"kept-{i}", SLEEP, ["-p", f"{21000 + i}:80"])
        k = words.index("--network")
        cloche.call(words[:k] + words[k + 2:])
        cloche.names.append(f"kept-{i}")
    cloche.call([cloche.binary, "system", "keeper"])
    with open(f"{cloche.env['CLOCHE_RUN_ROOT']}/keeper", encoding="ascii") as f:
        pid = int(f.read().split()[0])
    samples = []
    for _ in range(5):
        time.sleep(1)  # buffers are given back after a burst
        samples.append(pss_bytes([pid]) / 1024)
    cloche.call([cloche.binary, "system", "keeper", "--stop"])
    cloche.remove_all()
    return {"cloche": samples}


ROWS = [
    Row("bridge", "run --rm debian true on the default bridge, and without a network", "ms", bridge, [
        ("at most 1.4 x the same without a network (median)", 1.4,
         lambda n: n["cloche"]["median"] / n["cloche none"]["median"]),
        ("at least 35 x faster than docker's bridge (median)", 35.0,
         lambda n: n["docker"]["median"] / n["cloche"]["median"])]),
    Row("ports100", "start and removal with 100 published ports, and with none", "ms", ports, [
        ("at most 1.5 x (median)", 1.5, lambda n: n["cloche 100 ports"]["median"] / n["cloche"]["median"])]),
    Row("ports1000", "start and removal with one port while 1,000 are published, and while none is", "ms", published, [
        ("at most 1.2 x (median)", 1.2, lambda n: n["cloche"]["median"] / n["cloche first"]["median"])]),
    Row("keeper", "memory of the watchman of a host with 20 published containers", "KiB", keeper, [
        ("at most 256 KiB (median)", 256.0, lambda n: n["cloche"]["median"])]),
]
