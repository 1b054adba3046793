# SPDX-License-Identifier: LGPL-2.1-or-later
"""A container that writes 100-byte lines: how fast it can, whether all arrive, how fast they are read back."""
import hashlib
import subprocess
import time

from common import Failed, Row

# a log that keeps all of it: what is measured is not the forgetting
OPTIONS = {"cloche": ["--log-opt", "max-size=4g", "--log-opt", "max-file=2"], "docker": [], "podman": []}
TEXT = "".join(f"{i:08d} " + "x" * 90 + "\n" for i in range(100000)).encode()
WRITER = "i=0; while [ $i -lt {} ]; do cat /bench-lines; i=$((i+1)); done"


def written(bench, engine, megabytes):
    name = "bench-logs"
    command = ["sh", "-c", WRITER.format(megabytes // 10)]
    start = time.monotonic()
    engine.up(name, command, OPTIONS.get(engine.name, []))
    engine.call(engine.wait(name))
    return megabytes / (time.monotonic() - start)


def check(engine, megabytes):
    """Every line, in its order: a fast log that loses some is not measured."""
    with subprocess.Popen([str(w) for w in engine.logs("bench-logs")], env=engine.env, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as reader:
        digest, wanted, size = hashlib.sha256(), hashlib.sha256(), 0
        while data := reader.stdout.read(1 << 20):
            digest.update(data)
            size += len(data)
    for _ in range(megabytes // 10):
        wanted.update(TEXT)
    if digest.digest() != wanted.digest():
        raise Failed(f"{engine.name}: the log is not what was written ({size} bytes of {megabytes * 1000000})")


def amount(bench, engine):
    return 100 if bench.quick else 1000


def write(bench):
    out = {}
    for round_ in range(1 if bench.quick else 2):
        for engine in bench.of("logs"):
            if round_ and engine.slow:
                continue
            megabytes = amount(bench, engine)
            out.setdefault(engine.name, []).append(written(bench, engine, megabytes))
            if round_ == 0 and (bench.quick or not engine.slow):  # reading a gigabyte takes them a minute
                check(engine, megabytes)
            engine.remove_all()
    return out


def read(bench):
    out = {}
    for engine in bench.of("logs"):
        megabytes = 100 if bench.quick or engine.slow else 1000
        written(bench, engine, megabytes)
        times = engine.clock(engine.logs("bench-logs"), times=1 if engine.slow else 3)
        out[engine.name] = [megabytes / (ms / 1000) for ms in times]
        engine.remove_all()
    return out


ROWS = [
    Row("logs-write", "a container writes 1 GB of 100-byte lines (quick: 100 MB)", "MB/s", write, [
        ("at least 3 x docker's json-file", 3.0, lambda n: n["cloche"]["median"] / n["docker"]["median"]),
        ("at least podman's rate", 1.0, lambda n: n["cloche"]["median"] / n["podman"]["median"]),
    ], more_is_better=True),
    Row("logs-read", "logs reads it back (docker, podman: 100 MB)", "MB/s", read, [
        ("at least 150 MB/s", 150.0, lambda n: n["cloche"]["median"]),
    ], more_is_better=True),
]
