# SPDX-License-Identifier: LGPL-2.1-or-later
"""The engines: how each is set up beside the others, and how it is asked to do the same thing.

An engine gives command lines: run(), start(name, command), exec(name, command), remove(names), listing(), logs(name), wait(name).
A verb that it does not have is None, and rows leave it out. Nothing here touches what the host's own engines have.
"""
import json
import os
import shutil
import subprocess
import time

from common import Failed, call, children, processes, pss_bytes

SLEEP = ["sleep", "86400"]


def program(name):
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/libexec")


class Engine:
    name = "?"
    needs = ()
    oci_only = False
    daemon = None
    daemon_options = ()
    slow = False  # a call takes a tenth of a second and more
    run = start = exec = remove = listing = logs = wait = None
    prefix = ()
    env = None

    def __init__(self, bench):
        self.bench = bench
        self.dir = bench.folder / self.name
        self.dir.mkdir(mode=0o700)
        self.run_dir = bench.folder / "run" / self.name  # for what stands in /run else
        self.run_dir.mkdir(mode=0o711)
        self.names = []  # of the containers that are there

    @classmethod
    def missing(cls):
        return next((name for name in cls.needs if not program(name)), None)

    def open(self):
        """Ready to run its image."""
        self.begin()

    def begin(self):
        """Ready, with nothing in its store."""

    def close(self):
        self.remove_all()

    def version(self):
        return call([self.needs[0], "--version"]).splitlines()[0] if self.needs else ""

    def clock(self, command, times=1):
        return self.bench.clock(command, env=self.env, times=times, prefix=self.prefix)

    def call(self, command):
        return call([*self.prefix, *command], env=self.env)

    def up(self, name, command=None, options=()):
        """Start a detached container, and give the milliseconds."""
        took = self.clock(self.start(name, command or SLEEP, options))
        self.names.append(name)
        return took[0]

    def remove_all(self):
        if self.names:
            names, self.names = self.names, []
            self.call(self.remove(names))

    def pids(self):
        """All its processes that stay for the sake of containers, without the containers' own."""
        return []

    def memory(self):
        return pss_bytes(self.pids())


class Cloche(Engine):
    name = "cloche"
    image = "debian"
    isolation = ["--network", "none"]

    def begin(self):
        lib = self.dir / "lib"
        lib.mkdir(mode=0o700)
        self.env = {**os.environ, "CLOCHE_ROOT": str(lib), "CLOCHE_RUN_ROOT": str(self.run_dir)}
        self.binary = str(self.bench.build / "cloche")

    def open(self):
        self.begin()
        self.call([self.binary, "import", self.bench.tar, "debian"])

    def version(self):
        return self.call([self.binary, "version"]).splitlines()[0]

    def run(self, command=("true",), options=()):
        return [self.binary, "run", "--rm", *self.isolation, *options, self.image, *command]

    def start(self, name, command, options=()):
        return [self.binary, "run", "-d", *self.isolation, "--name", name, *options, self.image, *command]

    def exec(self, name, command=("true",)):
        return [self.binary, "exec", name, *command]

    def remove(self, names):
        return [self.binary, "rm", "-f", *names]

    def listing(self):
        return [self.binary, "ps"]

    def logs(self, name):
        return [self.binary, "logs", name]

    def wait(self, name):
        return [self.binary, "wait", name]

    def pid(self, name):
        return int(self.call([self.binary, "inspect", "-f", "{{.State.Pid}}", name]))

    def pids(self):
        monitor = str(self.bench.build / "cloche-monitor")
        found = []
        for pid in processes(lambda line: line[0].startswith("cloche")):
            try:
                if os.readlink(f"/proc/{pid}/exe") == monitor:
                    found.append(pid)
            except OSError:
                pass
        return found


class ClocheHost(Cloche):
    """The image `host`, an extra row: the host's own programs, no image on disk."""
    name = "cloche-host"
    image = "host"

    def open(self):
        first = next(e for e in self.bench.engines if e.name == "cloche")
        self.env, self.binary = first.env, first.binary

    start = exec = remove = listing = logs = wait = None


class Docker(Engine):
    name = "docker"
    needs = ("docker", "dockerd")
    slow = True

    def begin(self):
        socket = f"unix://{self.dir}/docker.sock"
        self.env = {**os.environ, "DOCKER_HOST": socket, "DOCKER_CONFIG": str(self.dir / "config")}
        log = open(self.dir / "log", "wb")
        self.daemon = subprocess.Popen(
            [program("dockerd"), "--data-root", self.dir / "data", "--exec-root", self.run_dir / "exec",
             *self.daemon_options, "-H", socket, "--pidfile", self.dir / "pid", "--exec-opt", "native.cgroupdriver=cgroupfs", "--storage-driver", "overlay2"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + 60
        while subprocess.run(["docker", "version"], env=self.env, capture_output=True, check=False).returncode != 0:
            if time.monotonic() > end or self.daemon.poll() is not None:
                raise Failed("dockerd did not start; see its last words: " +
                             (self.dir / "log").read_text(errors="replace")[-300:])
            time.sleep(0.1)
        self.pidfile = self.run_dir / "exec" / "containerd" / "containerd.pid"

    def open(self):
        self.begin()
        self.call(["docker", "import", self.bench.tar, "debian"])

    def close(self):
        if self.daemon and self.daemon.poll() is None:
            super().close()
            self.daemon.terminate()
            self.daemon.wait(60)

    def run(self, command=("true",), options=()):
        return ["docker", "run", "--rm", "--network", "none", *options, "debian", *command]

    def start(self, name, command, options=()):
        return ["docker", "run", "-d", "--network", "none", "--name", name, *options, "debian", *command]

    def exec(self, name, command=("true",)):
        return ["docker", "exec", name, *command]

    def remove(self, names):
        return ["docker", "rm", "-f", *names]

    def listing(self):
        return ["docker", "ps"]

    def logs(self, name):
        return ["docker", "logs", name]

    def wait(self, name):
        return ["docker", "wait", name]

    def pids(self):
        exec_root = str(self.run_dir)
        shims = processes(lambda line: "containerd-shim" in line[0] and any(exec_root in word for word in line))
        return children(self.daemon.pid) + [pid for pid in shims if pid != self.daemon.pid]


class Podman(Engine):
    name = "podman"
    needs = ("podman", "conmon", "runc")
    slow = True

    def begin(self):
        conf = self.dir / "containers.conf"
        limits = ["nofile=1024:1024", "nproc=16384:16384"]  # its own are not allowed without CAP_SYS_RESOURCE
        conf.write_text(
            f'[containers]\ndefault_ulimits = {json.dumps(limits)}\n'
            f'[engine]\ncgroup_manager = "cgroupfs"\nruntime = "runc"\nevents_logger = "file"\n'
            f'tmp_dir = "{self.run_dir}/tmp"\nstatic_dir = "{self.dir}/data/libpod"\n')
        storage = self.dir / "storage.conf"
        storage.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{self.dir}/data"\nrunroot = "{self.run_dir}/storage"\n')
        self.env = {**os.environ, "CONTAINERS_CONF": str(conf), "CONTAINERS_STORAGE_CONF": str(storage)}

    def open(self):
        self.begin()
        self.call(["podman", "import", self.bench.tar, "debian"])

    def run(self, command=("true",), options=()):
        return ["podman", "run", "--rm", "--network", "none", *options, "debian", *command]

    def start(self, name, command, options=()):
        return ["podman", "run", "-d", "--network", "none", "--name", name, *options, "debian", *command]

    def exec(self, name, command=("true",)):
        return ["podman", "exec", name, *command]

    def remove(self, names):
        return ["podman", "rm", "-f", "-t", "0", *names]

    def listing(self):
        return ["podman", "ps"]

    def logs(self, name):
        return ["podman", "logs", name]

    def wait(self, name):
        return ["podman", "wait", name]

    def pids(self):
        where = str(self.dir)
        return processes(lambda line: line[0].endswith("conmon") and any(where in word for word in line))


class Runc(Engine):
    """A bare OCI runtime: the bundle that runc's `spec` command makes, over the unpacked image."""
    name = "runc"
    needs = ("runc",)

    def open(self):
        self.binary = program(self.name)
        self.state = self.run_dir / "state"
        self.bundle("true", ["true"])

    def bundle(self, name, command):
        folder = self.dir / name
        folder.mkdir()
        call(["sh", "-c", f"cd {folder} && {program('runc') or self.binary} spec"])
        file = folder / "config.json"
        spec = json.loads(file.read_text())
        spec["process"]["terminal"] = False
        spec["process"]["args"] = list(command)
        spec["root"] = {"path": str(self.bench.rootfs), "readonly": True}
        spec["linux"]["cgroupsPath"] = f"/bench-{self.name}/{name}"
        file.write_text(json.dumps(spec))
        return folder

    def runtime(self, *words):
        return [self.binary, "--root", self.state, *words]

    def run(self, command=("true",), options=()):
        return self.runtime("run", "--bundle", self.dir / "true", "bench")

    def start(self, name, command, options=()):
        folder = self.bundle(name, command)
        return ["sh", "-c", f"exec {self.binary} --root {self.state} run --detach --bundle {folder} {name} </dev/null "
                ">/dev/null 2>&1"]

    def exec(self, name, command=("true",)):
        return self.runtime("exec", name, *command)

    def remove(self, names):
        return ["sh", "-c", "".join(f"{self.binary} --root {self.state} delete -f {name}; rm -r {self.dir}/{name};"
                                    for name in names)]

    def cycle(self):
        """create, start and delete by three calls, as containerd makes them."""
        runtime = f"{self.binary} --root {self.state}"
        return ["sh", "-c", f"{runtime} create --bundle {self.dir}/true cycle </dev/null >/dev/null 2>&1 && "
                f"{runtime} start cycle && {runtime} delete -f cycle"]


class Crun(Runc):
    """crun 1.8 wants either v1 or v2: it sees a mount namespace without the second hierarchy of a hybrid host."""
    name = "crun"
    needs = ("crun",)
    holder = None

    def open(self):
        if os.path.exists("/sys/fs/cgroup/unified"):
            self.holder = subprocess.Popen(["unshare", "--mount", "sh", "-c",
                                            "umount /sys/fs/cgroup/unified; echo; exec sleep 86400"],
                                           stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
            self.holder.stdout.read(1)
            self.prefix = ("nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", f"--wd={self.dir}", "--")
        super().open()

    def close(self):
        super().close()
        if self.holder:
            self.holder.kill()
            self.holder.wait()


class ClocheRuntime(Runc):
    """The OCI runtime of this tree; the rows of whole engines leave it out."""
    name = "cloche-runtime"
    needs = ()
    oci_only = True

    def open(self):
        super().open()
        self.binary = str(self.bench.build / "cloche-runtime")

    def bundle(self, name, command):
        self.binary = str(self.bench.build / "cloche-runtime")
        return super().bundle(name, command)

    def version(self):
        return call([self.binary, "--version"]).splitlines()[0]


class Bwrap(Engine):
    name = "bubblewrap"
    needs = ("bwrap",)

    def run(self, command=("true",), options=()):
        return ["bwrap", "--unshare-all", "--ro-bind", self.bench.rootfs, "/", "--proc", "/proc", "--dev", "/dev",
                *command]


class Floor(Engine):
    """Not an engine: the least that a container of this kind costs (floor.c)."""
    name = "floor"

    def run(self, command=("true",), options=()):
        return [self.bench.out / "floor", *options, self.bench.rootfs, self.dir / "c", *command]


class BundleFloor(Engine):
    """Not an engine: the least that the bundle of the OCI runtimes costs (floor.c)."""
    name = "bundle-floor"
    oci_only = True

    def run(self, command=("true",), options=()):
        return [self.bench.out / "floor", "--bundle", self.bench.rootfs, *command]


class Nsenter(Engine):
    """Not an engine: joins all namespaces of a container of Cloche."""
    name = "nsenter"
    needs = ("nsenter",)

    def open(self):
        self.cloche = next((e for e in self.bench.engines if e.name == "cloche"), None)
        if not self.cloche:
            raise Failed("it needs a container of cloche")

    def exec(self, name, command=("true",)):
        return ["nsenter", "-t", self.cloche.pid(name), "-U", "-m", "-n", "-p", "-i", "-u", "-C", "--", *command]


ENGINES = [Cloche, ClocheHost, Floor, BundleFloor, Nsenter, Bwrap, ClocheRuntime, Crun, Runc, Podman, Docker]
