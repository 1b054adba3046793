#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An HTTP proxy on loopback that knows CONNECT alone (RFC 9110, 9.3.6).

    connect_proxy.py FOLDER [CERT KEY]  writes FOLDER/connect-port when it listens, and to FOLDER/connect-log a line for each tunnel:
                                        HOST:PORT, and what it was asked with as Proxy-Authorization, or -. With CERT and KEY
                                        it is reached by TLS
"""
import os
import socket
import socketserver
import ssl
import sys
import threading

folder = sys.argv[1]


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        method, target, _ = self.rfile.readline().decode("latin-1").split(" ", 2)
        headers = {}
        while line := self.rfile.readline().decode("latin-1").strip():
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        with open(f"{folder}/connect-log", "a", encoding="latin-1") as log:
            log.write(f"{target} {headers.get('proxy-authorization', '-')}\n")
        if method != "CONNECT":
            self.wfile.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            return
        host, port = target.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as server:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=pump, args=(server, self.connection), daemon=True)
            back.start()
            pump(self.connection, server)
            back.join()


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def finish_request(self, request, client_address):
        if len(sys.argv) > 3: # in the connection's own thread
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(sys.argv[2], sys.argv[3])
            request = context.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, *_):
        pass # a client that does not trust us hangs up


with Server(("127.0.0.1", 0), Handler) as server:
    with open(f"{folder}/connect-port.new", "w", encoding="ascii") as f:
        f.write(f"{server.server_address[1]}\n")
    os.rename(f"{folder}/connect-port.new", f"{folder}/connect-port")
    server.serve_forever()
