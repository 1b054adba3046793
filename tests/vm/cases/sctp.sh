# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# SCTP, published and between containers, and its rows in the views.
# guests: plain
. tests/vm/case.bash
. tests/vm/far.bash
modules SCTP sctp sctp_diag
engine_make
far_begin

published()
{
	timeout 120 cloche run -d --name assoc -p 7100:7000/sctp host python3 -c "$PEER" serve sctp 7000 assoc >/dev/null &&
		is "$(cloche port assoc)" "$(printf '7000/sctp -> 0.0.0.0:7100\n7000/sctp -> [::]:7100')" &&
		answered "10.50.0.11 assoc" far_peer ask sctp 10.50.0.1 7100 10
}
check "-p 7100:7000/sctp: another host reaches it, and is seen with its own address" published
hosts_own()
{
	local gateway

	gateway=$(cloche inspect -f '{{.NetworkSettings.Networks.bridge.Gateway}}' assoc)
	for at in 10.50.0.1 127.0.0.1; do
		peer ask sctp $at 7100 10 | grep -xE "(10.50.0.1|$gateway) assoc" || return
	done
}
check "the host reaches it by its LAN address and by localhost, and is seen with an address of its own" hosts_own
taken() { ! timeout 60 cloche run --rm -p 7100:7000/sctp host true && grep -q 'port is already allocated, in use by container assoc' "$said"; }
check "a port that is published twice is refused" taken
not_tcp() { ! far_peer ask tcp 10.50.0.1 7100 2; }
check "tcp of that port is something else" not_tcp
sockets()
{
	local held

	timeout 120 cloche run -d --name holds -p 7102:7000/sctp host python3 -c 'import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
s.bind(("0.0.0.0", 7000))
s.listen(4)
c, _ = s.accept()
c.send(b"held")
time.sleep(300)' >/dev/null
	far python3 -c 'import socket, time
while True:
    try:
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
        s.bind(("10.50.0.11", 0))
        s.connect(("10.50.0.1", 7102))
        break
    except OSError:
        time.sleep(0.5)
print(s.recv(100).decode(), flush=True)
time.sleep(300)' >/tmp/held &
	held=$!
	wait_for grep -q held /tmp/held
	cloche sockets --json --container holds >/tmp/sockets
	cat /tmp/sockets
	cloche sockets --container holds
	cloche netstat -S
	kill $held
	gone holds
	jq -e 'any(.[]; .Proto == "sctp" and .State == "LISTEN") and any(.[]; .Proto == "sctp" and .State == "ESTABLISHED" and (.Peer | startswith("10.50.0.11")))' /tmp/sockets
}
check "cloche sockets has rows of SCTP: who listens, and the association with the client's address" sockets
update() { timeout 60 cloche update --publish-add 7101:7000/sctp assoc && answered "10.50.0.11 assoc" far_peer ask sctp 10.50.0.1 7101 10 && timeout 60 cloche update --publish-rm 7101/sctp assoc && ! far_peer ask sctp 10.50.0.1 7101 2; }
check "update --publish-add and --publish-rm" update
inside() { timeout 60 cloche run --rm host python3 -c "$PEER" ask sctp "$(cloche inspect -f '{{.NetworkSettings.Networks.bridge.IPAddress}}' assoc)" 7000 10; }
check "containers reach each other by it" inside
gone assoc
ended() { ! far_peer ask sctp 10.50.0.1 7100 2; }
check "with the container the port is closed" ended
far_end
