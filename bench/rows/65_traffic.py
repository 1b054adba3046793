# SPDX-License-Identifier: LGPL-2.1-or-later
"""Networks: what bytes and connections cost, beside a bare bridge, a hand-made translation and docker-proxy; and 500 on one bridge."""
import json
import os
import shutil
import subprocess
import time

from common import Failed, Row, call

PORT = 5201


class Space:
    """A network namespace with nothing in it; or that of a container."""

    def __init__(self, pid=None):
        self.own = None
        if pid is None:
            self.own = subprocess.Popen(["unshare", "--net", "sleep", "86400"])
            pid = self.own.pid
            here = os.readlink("/proc/self/ns/net")
            wait(lambda: os.readlink(f"/proc/{pid}/ns/net") != here)
            call(["nsenter", "-t", pid, "-n", "ip", "link", "set", "lo", "up"])
        self.pid = pid
        self.prefix = ["nsenter", "-t", str(pid), "-n"]

    def call(self, *words):
        return call([*self.prefix, *words])

    def close(self):
        if self.own:
            self.own.kill()
            self.own.wait()


def wait(condition, what="the other side"):
    end = time.monotonic() + 20
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"waited for {what} in vain")
        time.sleep(0.02)


class World:
    """A host of the LAN (10.60.0.9; we are 10.60.0.1), a server on a bridge made by hand, and Cloche's."""

    def __init__(self, bench):
        self.bench = bench
        self.cloche = next(e for e in bench.engines if e.name == "cloche")
        self.spaces, self.processes = [], []
        if not shutil.which("iperf3"):
            raise Failed("there is no iperf3")
        self.lan = self.space()
        call(["ip", "link", "add", "wire0", "type", "veth", "peer", "name", "eth0", "netns", self.lan.pid])
        call(["ip", "address", "add", "10.60.0.1/24", "dev", "wire0"])
        call(["ip", "link", "set", "wire0", "up"])
        self.lan.call("ip", "address", "add", "10.60.0.9/24", "dev", "eth0")
        self.lan.call("ip", "link", "set", "eth0", "up")
        call(["ip", "link", "set", "lo", "up"])

    def space(self, pid=None):
        made = Space(pid)
        self.spaces.append(made)
        return made

    def bare(self):
        """Two namespaces on a bridge, as anybody would make them."""
        call(["ip", "link", "add", "hand0", "type", "bridge"])
        call(["ip", "address", "add", "10.61.0.1/24", "dev", "hand0"])
        call(["ip", "link", "set", "hand0", "up"])
        made = []
        for i in (2, 3):
            one = self.space()
            call(["ip", "link", "add", f"hand{i}", "type", "veth", "peer", "name", "eth0", "netns", one.pid])
            call(["ip", "link", "set", f"hand{i}", "master", "hand0", "up"])
            one.call("ip", "address", "add", f"10.61.0.{i}/24", "dev", "eth0")
            one.call("ip", "link", "set", "eth0", "up")
            one.call("ip", "route", "add", "default", "via", "10.61.0.1")
            made.append(one)
        return made

    def container(self, name, *options):
        words = self.cloche.start(name, ["sleep", "86400"], options)
        i = words.index("--network")
        self.cloche.call(words[:i] + words[i + 2:])
        self.cloche.names.append(name)
        space = self.space(self.cloche.pid(name))
        where = "{{.NetworkSettings.Networks.bridge.IPAddress}}"
        return space, self.cloche.call([self.cloche.binary, "inspect", "-f", where, name]).strip()

    def serve(self, space, *words):
        self.processes.append(subprocess.Popen([*space.prefix, *map(str, words)], stdout=subprocess.DEVNULL))

    def iperf_server(self, space):
        self.serve(space, "iperf3", "-s", "-p", PORT)
        wait(lambda: f":{PORT} " in space.call("ss", "-tln"), "iperf3")

    def hello_server(self, space, port):
        self.serve(space, self.bench.out / "hello", "serve", port)
        wait(lambda: f":{port} " in space.call("ss", "-tln"), "hello")

    def proxy(self, host_port, address, port):
        """docker-proxy as dockerd starts it; it tells by descriptor 3 that it is there."""
        program = shutil.which("docker-proxy") or shutil.which("docker-proxy", path="/usr/sbin:/usr/libexec/docker:/usr/bin")
        if not program:
            return None
        started = subprocess.Popen(
            ["sh", "-c", 'exec "$@" 3>/dev/null', "sh", program, "-proto", "tcp", "-host-ip", "10.60.0.1", "-host-port",
             str(host_port), "-container-ip", address, "-container-port", str(port)], stdout=subprocess.DEVNULL)
        self.processes.append(started)
        wait(lambda: f":{host_port} " in call(["ss", "-tln"]), "docker-proxy")
        return started.pid

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
        for space in self.spaces:
            space.close()
        for link in ("wire0", "hand0"):
            subprocess.run(["ip", "link", "del", link], stderr=subprocess.DEVNULL, check=False)
        subprocess.run(["nft", "delete", "table", "ip", "bench"], stderr=subprocess.DEVNULL, check=False)


def rate(space, address, port, seconds=1):
    """Gbit/s of one connection, what arrived. Whole seconds: iperf3 takes a part of one for ever."""
    said = json.loads(space.call("iperf3", "-c", address, "-p", port, "-t", seconds, "-J"))
    return [said["end"]["sum_received"]["bits_per_second"] / 1e9]


def in_world(function):
    def measure(bench):
        world = World(bench)
        try:
            return function(bench, world)
        finally:
            world.close()
    return measure


@in_world
def between(bench, world):
    """Container to container, beside two namespaces on a bridge made by hand."""
    (server, address), (client, _) = world.container("traffic-a"), world.container("traffic-b")
    one, other = world.bare()
    world.iperf_server(server)
    world.iperf_server(one)
    return bench.interleave({
        "cloche": lambda: rate(client, address, PORT),
        "bare bridge": lambda: rate(other, "10.61.0.2", PORT),
    }, bench.rounds(10))


@in_world
def translated(bench, world):
    """From another host through a published port, beside the same translation made by hand."""
    server, _ = world.container("traffic-a", "-p", f"10.60.0.1:9001:{PORT}")
    one, _ = world.bare()
    world.iperf_server(server)
    world.iperf_server(one)
    call(["nft", "add table ip bench; add chain ip bench in { type nat hook prerouting priority dstnat; }; "
          f"add rule ip bench in ip daddr 10.60.0.1 tcp dport 9002 dnat to 10.61.0.2:{PORT}"])
    return bench.interleave({
        "cloche": lambda: rate(world.lan, "10.60.0.1", 9001),
        "by hand": lambda: rate(world.lan, "10.60.0.1", 9002),
    }, bench.rounds(10))


def cpu(pid):
    """CPU seconds of a process so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def relays(bench, world):
    """{name: (port, pid)}: the same server behind cloche-publish and docker-proxy. Its address last."""
    server, address = world.container("traffic-a", "--publish-mode", "visible", "-p", f"10.60.0.1:9001:{PORT}",
                                      "-p", "10.60.0.1:9011:7000")
    world.iperf_server(server)
    run = world.cloche.env["CLOCHE_RUN_ROOT"]
    ident = world.cloche.call([world.cloche.binary, "inspect", "-f", "{{.Id}}", "traffic-a"]).strip()
    with open(f"{run}/{ident}/publish", encoding="ascii") as f:
        found = {"cloche": (9001, int(f.read().split()[0]))}
    proxy = world.proxy(9002, address, PORT)
    if proxy:
        found["docker-proxy"] = (9002, proxy)
    return found, server, address


def relayed_once(bench):
    """Gbit/s and CPU microseconds a megabyte of both relays, for two rows."""
    if "relayed" in bench.shared:
        return bench.shared["relayed"]
    spent = {}

    @in_world
    def both(bench, world):
        found, _, _ = relays(bench, world)

        def one(name):
            port, pid = found[name]
            before = cpu(pid)
            gbit = rate(world.lan, "10.60.0.1", port, 1 if bench.quick else 2)
            megabytes = gbit[0] * 1000 / 8 * (1 if bench.quick else 2)
            spent.setdefault(name, []).append((cpu(pid) - before) * 1e6 / megabytes)
            return gbit

        return bench.interleave({name: (lambda n=name: one(n)) for name in found}, bench.rounds(6))

    rates = both(bench)
    bench.shared["relayed"] = rates, {name: samples[1:] for name, samples in spent.items()}
    return bench.shared["relayed"]


@in_world
def latency(bench, world):
    """Until the first byte: by cloche-publish, by docker-proxy, and translated by the kernel."""
    _, server, address = relays(bench, world)
    world.hello_server(server, 7000)
    other, _ = world.container("traffic-b", "-p", "10.60.0.1:9013:7000")
    world.hello_server(other, 7000)
    ports = {"cloche": 9011, "cloche kernel": 9013}
    if world.proxy(9012, address, 7000):
        ports["docker-proxy"] = 9012
    hello = bench.out / "hello"
    return bench.interleave({
        name: (lambda p=port: [int(t) / 1000 for t in world.lan.call(hello, "ask", "10.60.0.1", p, 50).split()])
        for name, port in ports.items()
    }, bench.rounds(12))


def errors_told():
    """Lines of the kernel's log that are errors; None: it is not for us."""
    done = subprocess.run(["dmesg", "--level=emerg,alert,crit,err"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return None if done.returncode else len(done.stdout.splitlines())


def crowded(bench):
    """500 containers on one bridge: how long each start took, whether each finds the next by its name, and what the kernel says."""
    cloche = next(e for e in bench.engines if e.name == "cloche")
    count, before, times, lost = 100 if bench.quick else 500, errors_told(), [], 0
    for i in range(count):
        words = cloche.start(f"crowd-{i}", ["sleep", "86400"])
        k = words.index("--network")
        times += cloche.clock(words[:k] + words[k + 2:])
        cloche.names.append(f"crowd-{i}")
    for i in range(count):
        try:
            cloche.call(cloche.exec(f"crowd-{i}", ["getent", "ahostsv4", f"crowd-{(i + 1) % count}"]))
        except Failed:
            lost += 1
    cloche.remove_all()
    after = errors_told()
    out = {"cloche": times, "unresolved": [float(lost)]}
    if before is not None and after is not None:
        out["kernel errors"] = [float(max(after - before, 0))]
    return out


ROWS = [
    Row("between", "one connection from container to container, and over a bare veth and bridge", "Gbit/s", between, [
        ("at least 0.97 x the bare bridge (median)", 0.97,
         lambda n: n["cloche"]["median"] / n["bare bridge"]["median"])], more_is_better=True),
    Row("translated", "one connection from another host through a published port", "Gbit/s", translated, [
        ("at least 0.97 x the same translation made by hand (median)", 0.97,
         lambda n: n["cloche"]["median"] / n["by hand"]["median"])], more_is_better=True),
    Row("relayed", "the same in visible mode, beside docker-proxy", "Gbit/s", lambda bench: relayed_once(bench)[0], [
        ("at least 1.3 x docker-proxy (median)", 1.3,
         lambda n: n["cloche"]["median"] / n["docker-proxy"]["median"])], more_is_better=True),
    Row("relay-cpu", "CPU of the relay for a megabyte", "us", lambda bench: relayed_once(bench)[1], [
        ("at most 0.5 x docker-proxy (median)", 0.5,
         lambda n: n["cloche"]["median"] / n["docker-proxy"]["median"])]),
    Row("connect", "from connect to the first byte, from another host, in visible mode", "us", latency, [
        ("at most 60 us more than translated by the kernel (median)", 60.0,
         lambda n: n["cloche"]["median"] - n["cloche kernel"]["median"])]),
    Row("crowd500", "starts on one bridge until 500 are there; each finds the next by its name", "ms", crowded, [
        ("no name is not found", 0.0, lambda n: n["unresolved"]["median"]),
        ("no error line in the kernel's log", 0.0, lambda n: n["kernel errors"]["median"])]),
]
