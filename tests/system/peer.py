# SPDX-License-Identifier: LGPL-2.1-or-later
# A peer for network tests. `serve PROTO PORT [WORD]` answers each client with the address that it sees of
# him, and WORD; `ask PROTO ADDRESS PORT [SECONDS]` prints such an answer.
import socket, sys, threading


def make(family, proto):
    if proto == "sctp":
        return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
    return socket.socket(family, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)


def serve(proto, port, word=""):
    s = make(socket.AF_INET6, proto)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::", int(port)))

    def answer(who):
        return (who[0].replace("::ffff:", "") + (" " + word if word else "") + "\n").encode()

    if proto == "udp":
        while True:
            _, who = s.recvfrom(2048)
            s.sendto(answer(who), who)
    s.listen(64)
    while True:
        c, who = s.accept()
        threading.Thread(target=lambda c=c, who=who: (c.sendall(answer(who)), c.close())).start()


def ask(proto, address, port, seconds="20"):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = make(family, proto)
    s.settimeout(float(seconds))
    s.connect((address, int(port)))
    if proto == "udp":
        s.send(b"?")
    print(s.recv(200).decode().strip())


try:
    {"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:])
except OSError as e:
    sys.exit("%s" % e)
