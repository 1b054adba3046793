# SPDX-License-Identifier: LGPL-2.1-or-later
"""What rows and engines share: running commands, taking times in turns, and the list of rows."""
import contextlib
import copy
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


class Failed(Exception):
    """What was to be measured did not work. The words are for the user."""


def call(command, env=None, timeout=600):
    """Run it, and give what it printed. A failure has its last words."""
    done = subprocess.run([str(word) for word in command], env=env, stdin=subprocess.DEVNULL, timeout=timeout,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        words = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        said = " | ".join(words[-3:])
        raise Failed(f"{' '.join(str(word) for word in command[:6])}: status {done.returncode}: {said}")
    return done.stdout.decode(errors="replace")


def children(pid):
    """A process and all below it."""
    found = [pid]
    for parent in found:
        try:
            with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as f:
                found += [int(word) for word in f.read().split()]
        except OSError:
            pass
    return found


def pss_bytes(pids):
    """The proportional set size of processes: pages that several share are divided between them."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                total += int(re.search(r"^Pss: *(\d+)", f.read(), re.M).group(1)) * 1024
        except (OSError, AttributeError):
            pass
    return total


def processes(match):
    """The pids of those whose command line a function likes."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as f:
                    line = f.read().decode(errors="replace").split("\0")
            except OSError:
                continue
            if match(line):
                found.append(int(name))
    return found


class Bench:
    """One run: a folder on a fresh file system, the programs, and the engines that are there."""

    def __init__(self, folder, disk, build, out, tar, quick, rounds):
        self.folder, self.disk, self.build, self.out, self.tar, self.quick = folder, disk, build, out, tar, quick
        self.wanted_rounds = rounds
        self.engines = []
        self.shared = {}  # what one row measured and the next can use
        self.rootfs = folder / "rootfs"

    def open(self, engines):
        self.rootfs.mkdir()
        call(["tar", "-C", self.rootfs, "--numeric-owner", "--xattrs", "--exclude=./dev/*", "-xf", self.tar])
        for engine in engines:
            missing = engine.missing()
            if missing:
                print(f"left out: {engine.name}, this host has no {missing}", file=sys.stderr)
                continue
            try:
                started = engine(self)
                self.engines.append(started)
                started.open()
            except Failed as error:
                self.engines.remove(started)
                started.close()
                print(f"left out: {engine.name}: {error}", file=sys.stderr)

    def close(self):
        for engine in reversed(self.engines):
            try:
                engine.close()
            except (Failed, OSError, subprocess.SubprocessError) as error:
                print(f"bench: close {engine.name}: {error}", file=sys.stderr)

    @contextlib.contextmanager
    def fresh(self, engine):
        """The same engine with an empty store, on a file system that was made just now: creating files gets slower on one that
        has seen many deletions, and whoever syncs would wait for what others left to be written."""
        other = copy.copy(self)
        other.folder = Path(tempfile.mkdtemp(prefix="cloche-fresh.", dir=self.disk))
        disk_make(other.folder, self.disk)
        one = None
        try:
            one = type(engine)(other)
            one.daemon_options = ("--bridge", "none", "--iptables=false")  # the other daemon has those
            one.begin()
            yield one
        finally:
            if one:
                one.close()
            subprocess.run(["umount", "-l", other.folder / "run", other.folder], check=False)
            shutil.rmtree(other.folder, ignore_errors=True)

    def tidy(self):
        """After a row, whatever it left: each row begins with no container."""
        for engine in self.engines:
            engine.remove_all()
        self.shared.pop("five_hundred", None)

    def of(self, verb):
        """The engines that can do it; runtimes that are no engines are in rows of their own."""
        return [engine for engine in self.engines if getattr(engine, verb, None) and not engine.oci_only]

    def rounds(self, usual):
        return self.wanted_rounds or (max(usual // 3, 3) if self.quick else usual)

    def clock(self, command, env=None, times=1, prefix=()):
        """Milliseconds of each call, from exec to its end."""
        text = call([*prefix, self.out / "clock", times, *command], env=env)
        return [int(line.split()[0]) / 1e6 for line in text.splitlines()]

    def peak(self, command, env=None, prefix=()):
        """KiB: the largest resident size of the command's processes that were waited for."""
        return int(call([*prefix, self.out / "clock", 1, *command], env=env).split()[2])

    def interleave(self, commands, rounds, slow=None):
        """Times of {name: function that gives milliseconds}, one after the other, again and again, so that what disturbs the host
        disturbs all. Whoever is slow takes part in a third of the rounds. A first call of each is not counted."""
        times = {name: [] for name in commands}
        for command in commands.values():
            command()
        for i in range(rounds):
            for name, command in commands.items():
                if slow and name in slow and i % 3:
                    continue
                times[name] += command()
        return times


def disk_make(folder, where):
    file = Path(where) / f"{folder.name}.img"
    with open(file, "wb") as f:
        f.truncate(24 << 30)
    try:
        subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1", file], check=True)
        subprocess.run(["mount", "-o", "loop", file, folder], check=True)
    finally:
        file.unlink()  # the mount holds it
    os.chmod(folder, 0o700)
    (folder / "run").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0711", "bench-run", folder / "run"], check=True)


class Row:
    """One part of the table. function(bench) gives {engine: [samples]}. goals: [(words, wanted number, function of
    {engine: summary})]; words that begin with "at least" want no less, all others no more. keep: the name of a row
    that, coming next, uses its containers."""

    def __init__(self, name, title, unit, function, goals=(), more_is_better=False, keep=None):
        self.name, self.title, self.unit, self.measure = name, title, unit, function
        self.goals, self.more_is_better, self.keep = goals, more_is_better, keep


def load_rows(folder):
    """Each file in rows/ has a list ROWS; the order is that of the files' names."""
    rows = []
    for file in sorted(folder.glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"rows_{file.stem}", file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        rows += module.ROWS
    return rows
