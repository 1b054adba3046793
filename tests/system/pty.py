#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run a command on a terminal of its own and talk to it: pty.py COMMAND [ARG...], with a script on stdin.

mark FILE       make it: what was waited for is there, the script beside this one may go on
send TEXT       type it; Python's escapes (\\r, \\x10)
wait TEXT       until the output has it, after what an earlier wait found
size ROWS COLS  change the window
kill SIGNAL     signal the command: its name, as KILL
raw | cooked    the terminal must be (become) so: ECHO and ICANON off, or on
end CODE        wait for the end; CODE is the exit status, or -SIGNAL
Each step may take a minute, which a machine under load needs. The whole output goes to stdout. Exit status 1 and words on stderr when a step fails.
"""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

PATIENCE = 60


class Terminal:
    def __init__(self, argv):
        self.master, slave = os.openpty()
        self.slave = os.dup(slave)  # so that settings can be looked at after the command's end
        self.size(24, 80)
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.master)
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for fd in range(3):
                os.dup2(slave, fd)
            os.execvp(argv[0], argv)
        os.close(slave)
        self.out, self.done, self.status = b"", 0, None

    def read(self, timeout):
        if select.select([self.master], [], [], timeout)[0]:
            self.out += os.read(self.master, 65536)

    def until(self, what, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise AssertionError("did not happen: %s" % what)
            self.read(0.05)

    def send(self, text):
        os.write(self.master, text.encode("latin-1").decode("unicode_escape").encode("latin-1"))

    def wait(self, text):
        wanted = text.encode("latin-1").decode("unicode_escape").encode("latin-1")

        def found():
            at = self.out.find(wanted, self.done)
            if at >= 0:
                self.done = at + len(wanted)
            return at >= 0

        self.until("output %r" % text, found)

    def size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))

    def kill(self, name):
        os.kill(self.pid, getattr(signal, "SIG" + name))

    def is_raw(self):
        return not termios.tcgetattr(self.slave)[3] & (termios.ICANON | termios.ECHO)

    def is_cooked(self):
        wanted = termios.ICANON | termios.ECHO
        return termios.tcgetattr(self.slave)[3] & wanted == wanted

    def ended(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def step(self, line):
        verb, _, rest = line.partition(" ")
        if verb == "send":
            self.send(rest)
        elif verb == "mark":
            open(rest, "w").close()
        elif verb == "wait":
            self.wait(rest)
        elif verb == "size":
            self.size(*rest.split())
        elif verb == "kill":
            self.kill(rest)
        elif verb == "raw":
            self.until("a raw terminal", self.is_raw)
        elif verb == "cooked":
            self.until("a cooked terminal", self.is_cooked)
        elif verb == "end":
            self.until("the end", self.ended)
            self.read(0)
            if self.status != int(rest):
                raise AssertionError("exit status %d, wanted %s" % (self.status, rest))
        else:
            raise AssertionError("no such step: %s" % line)


def main():
    terminal = Terminal(sys.argv[1:])
    status = 0
    try:
        for line in sys.stdin.read().splitlines():
            if line.strip():
                terminal.step(line.strip() if not line.startswith("send") else line)
    except AssertionError as why:
        print("pty: %s" % why, file=sys.stderr)
        status = 1
    if not terminal.ended():
        os.kill(terminal.pid, signal.SIGKILL)
    sys.stdout.buffer.write(terminal.out)
    return status


if __name__ == "__main__":
    sys.exit(main())
