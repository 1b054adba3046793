#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A TCP proxy on loopback that cuts a connection when a client has sent much.

    cut_proxy.py FOLDER PORT BYTES TIMES     forwards to 127.0.0.1:PORT; writes FOLDER/proxy-port when it listens, and a line to
                                             FOLDER/proxy-cuts for each of the TIMES connections that it cuts after BYTES
"""
import os
import socket
import socketserver
import struct
import sys
import threading

folder, target, limit, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
left = [times]
lock = threading.Lock()


def may_cut():
    with lock:
        if left[0] == 0:
            return False
        left[0] -= 1
        with open(f"{folder}/proxy-cuts", "a", encoding="ascii") as f:
            f.write("cut\n")
        return True


def pump(source, sink, count):
    sent = 0
    try:
        while data := source.recv(65536):
            sink.sendall(data)
            sent += len(data)
            if count and sent >= limit and may_cut():
                for end in (source, sink):  # a reset, not an orderly end
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    end.close()
                return
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        with socket.create_connection(("127.0.0.1", target)) as other:
            back = threading.Thread(target=pump, args=(other, self.request, False), daemon=True)
            back.start()
            pump(self.request, other, True)
            back.join(20)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


with Server(("127.0.0.1", 0), Handler) as server:
    with open(f"{folder}/proxy-port.new", "w", encoding="ascii") as f:
        f.write(str(server.server_address[1]))
    os.rename(f"{folder}/proxy-port.new", f"{folder}/proxy-port")
    server.serve_forever()
