# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sockets of every kind in the namespace it is started in; says "ready", and ends when stdin does."""
import socket
import sys

held = []


def keep(s):
    held.append(s)
    return s


listener = keep(socket.socket())
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", 3270))
listener.listen(5)
client = keep(socket.create_connection(("127.0.0.1", 3270)))
server = keep(listener.accept()[0])
client.send(b"hello")
six = keep(socket.socket(socket.AF_INET6))
six.bind(("::", 8080))
six.listen(7)
keep(socket.create_connection(("::1", 8080)))
keep(socket.create_connection(("127.0.0.1", 8080)))
gone = socket.create_connection(("127.0.0.1", 3270))
other = listener.accept()[0]
other.close()
gone.close()
udp = keep(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
udp.bind(("127.0.0.1", 5300))
one = keep(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
one.connect(("127.0.0.1", 5300))
one.send(b"x")
keep(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)).bind(("::", 12300))
if len(sys.argv) > 1:  # what a container may not
    keep(socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
    keep(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)))
try:
    keep(socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 136)).bind(("127.0.0.1", 9900))
except OSError:
    pass  # a kernel without UDP-Lite
name = keep(socket.socket(socket.AF_UNIX))
name.bind("\0an-abstract-one")
name.listen(1)
held.append(socket.socketpair())
print("ready", flush=True)
sys.stdin.read()
