# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host's views: processes, sockets, whose is this. Beside what an administrator has without Cloche."""
import subprocess

from common import Row, children


def cloche_of(bench):
    return next(e for e in bench.engines if e.name == "cloche")


def crowd(bench, count, processes, sockets):
    """So many containers, each with that many processes and sockets: their pids."""
    cloche = cloche_of(bench)
    program = bench.out / "crowd"
    for i in range(count):
        cloche.up(f"crowd-{i}", ["/crowd", str(processes), str(sockets)], ["-v", f"{program}:/crowd:ro"])
    names = [f"crowd-{i}" for i in range(count)]
    return [int(p) for p in cloche.call([cloche.binary, "inspect", "-f", "{{.State.Pid}}", *names]).split()]


def procs(bench):
    cloche = cloche_of(bench)
    pids = crowd(bench, 30, 100, 0)
    while sum(len(children(pid)) for pid in pids) < 3000:
        pass
    return bench.interleave({
        "cloche": lambda: cloche.clock([cloche.binary, "procs"]),
        "ps -ef": lambda: cloche.clock(["ps", "-ef"]),
    }, bench.rounds(20))


def whois(bench):
    cloche = cloche_of(bench)
    pids = crowd(bench, 30, 100, 0)
    return bench.interleave({"cloche": lambda: cloche.clock([cloche.binary, "whois", str(children(pids[-1])[-1])])},
                            bench.rounds(30))


def sockets(bench):
    cloche = cloche_of(bench)
    count = 100 if bench.quick else 500
    pids = crowd(bench, count, 0, 10)
    loop = f"for p in {' '.join(map(str, pids))}; do nsenter -t $p -n netstat -an; done"
    commands = {
        "cloche": lambda: cloche.clock([cloche.binary, "sockets"]),
        "sock_diag": lambda: cloche.clock([bench.out / "diag", *map(str, pids)]),
    }
    if subprocess.run(["sh", "-c", "command -v netstat"], capture_output=True, check=False).returncode == 0:
        commands["netstat loop"] = lambda: cloche.clock(["sh", "-c", loop])
    return bench.interleave(commands, bench.rounds(6), slow=["netstat loop"])


ROWS = [
    Row("procs", "procs with 3,000 processes in 30 containers", "ms", procs, [
        ("at most 2 x ps -ef (median)", 2.0, lambda n: n["cloche"]["median"] / n["ps -ef"]["median"])]),
    Row("whois", "whois PID, of these", "ms", whois, [
        ("at most 5 ms", 5.0, lambda n: n["cloche"]["median"])]),
    Row("sockets", "sockets with 5,000 in 500 containers (quick: 1,000 in 100)", "ms", sockets, [
        ("at most 4 x sock_diag (median)", 4.0, lambda n: n["cloche"]["median"] / n["sock_diag"]["median"]),
        ("at least 50 x faster than the netstat loop (median)", 50.0,
         lambda n: n["netstat loop"]["median"] / n["cloche"]["median"])]),
]
