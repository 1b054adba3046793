#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Names on networks: of containers, aliases, the host, the outside; and what --dns and --add-host say.
# shellcheck disable=SC2016,SC2154 # scripts for the container's shell

load helper
load network_helper

setup_file()
{
	cloche_setup_file
	# a name server of the outside, which knows one name
	cat >"$BATS_FILE_TMPDIR/server.py" <<-'END'
		import socket, sys, threading
		def answer(q):
		    n = 12
		    while q[n]: n += q[n] + 1
		    name, end = q[12:n], n + 5
		    if b"outside" not in name:
		        return q[:2] + b"\x81\x83" + q[4:6] + b"\0" * 6 + q[12:end]
		    a = b"\xc0\x0c\0\1\0\1\0\0\0\5\0\4\x0a\x32\0\x63" if q[n + 2] == 1 else b""
		    return q[:2] + b"\x81\x80" + q[4:6] + (b"\0\1" if a else b"\0\0") + b"\0" * 4 + q[12:end] + a
		def tcp(s):
		    while True:
		        c, _ = s.accept()
		        q = c.recv(4096)
		        r = answer(q[2:])
		        c.sendall(len(r).to_bytes(2, "big") + r)
		        c.close()
		t = socket.create_server((sys.argv[1], 53))
		threading.Thread(target=tcp, args=(t,), daemon=True).start()
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind((sys.argv[1], 53))
		while True:
		    q, who = s.recvfrom(4096)
		    s.sendto(answer(q), who)
	END
	background python3 "$BATS_FILE_TMPDIR/server.py" 127.0.0.99
	until_true 20 sh -c 'ss -uln | grep -q 127.0.0.99:53'
	printf 'nameserver 127.0.0.99\nsearch corp.test\n' >"$BATS_FILE_TMPDIR/resolv.conf"
	mount --bind "$BATS_FILE_TMPDIR/resolv.conf" /etc/resolv.conf
	host_state >"$CLOCHE_TEST_DIR/before"
	cloche network create front >/dev/null
	cloche network create back >/dev/null
	cloche run -d --name web --network front --network-alias site host sleep 3600
	cloche run -d --name web2 --network front --network-alias site host sleep 3600
	cloche run -d --name db --network back host sleep 3600
	cloche run -d --name app --network front --network back host sleep 3600
	cloche run -d --name plain host sleep 3600
}

teardown_file()
{
	network_cleanup
	cloche_teardown_file
	status=$?
	umount -l /etc/resolv.conf
	return $status
}

ask() { cloche exec "$1" getent ahosts "$2"; }

@test "containers of a network find each other by name, with both families" {
	run ask app web
	assert_success
	assert_output --partial "$(ip4_of web front) "
	assert_output --partial "$(ip6_of web front) "
	run ask plain plain.bridge
	assert_success
	run ask app web.front
	assert_output --partial "$(ip4_of web front) "
	run ask web "$(cloche inspect -f '{{.Id}}' web2 | cut -c 1-12)"
	assert_success
}

@test "also on the default network" {
	cloche run -d --name other host sleep 600
	run ask plain other
	assert_success
	assert_output --partial "$(ip4_of other) "
	cloche rm -f other
	gone() { ! ask plain other; }
	until_true 10 gone
}

@test "a container on two networks resolves names of both, another one only its own" {
	run ask app db
	assert_success
	run ask app web
	assert_success
	run ask web db
	assert_failure
	run ask plain web
	assert_failure
}

@test "an alias of several containers gives all of them, in turns" {
	cat >query.py <<-'END'
		import socket
		q = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\4site\0\0\1\0\1"
		first = set()
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.connect(("127.0.0.11", 53))
		s.settimeout(20)
		for _ in range(4):
		    s.send(q)
		    r = s.recv(512)
		    assert r[7] == 2, r
		    first.add(socket.inet_ntoa(r[len(q) + 12:len(q) + 16]))
		print(*sorted(first))
	END
	run cloche exec app python3 -c "$(cat query.py)"
	assert_success
	assert_output "$(printf '%s\n' "$(ip4_of web front)" "$(ip4_of web2 front)" | sort | paste -sd ' ')"
}

@test "names work over TCP" {
	run cloche exec app python3 -c '
import socket
for name in (b"\3web", b"\7outside\4test"):
    q = b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + name + b"\0\0\1\0\1"
    s = socket.create_connection(("127.0.0.11", 53), 20)
    s.sendall(len(q).to_bytes(2, "big") + q)
    r = s.recv(4096)
    print(socket.inet_ntoa(r[-4:]))
'
	assert_success
	assert_output "$(printf '%s\n10.50.0.99' "$(ip4_of web front)")"
}

@test "everything else is asked of the host's servers, also those on its loopback" {
	run cloche exec web cat /etc/resolv.conf
	assert_output --partial "nameserver 127.0.0.11"
	assert_output --partial "search corp.test"
	run ask web outside.test
	assert_success
	assert_output --partial 10.50.0.99
	run ask web nothing.test
	assert_failure
}

@test "the host has a name" {
	for name in host.docker.internal host.cloche.internal; do
		run cloche exec plain getent ahostsv4 $name
		assert_success
		assert_output --partial "$(cloche inspect -f '{{.NetworkSettings.Gateway}}' plain) "
	done
	run cloche exec app getent hosts "$(ip4_of web front)"
	assert_output --regexp ' web$'
}

@test "names follow network connect and disconnect" {
	cloche network connect --alias store back web
	run ask web db
	assert_success
	run ask db store
	assert_success
	assert_output --partial "$(ip4_of web back) "
	run cloche network connect back web
	assert_failure
	assert_output --partial "already exists in network back"
	cloche network disconnect back web
	run ask db store
	assert_failure
	run ask web db
	assert_failure
	run cloche exec web ip -o link
	assert_equal "${#lines[@]}" 2
}

@test "--dns, --dns-search, --dns-option, --add-host" {
	background python3 "$BATS_FILE_TMPDIR/server.py" 127.0.0.98
	listens() { ss -uln | grep -q 127.0.0.98:53; }
	until_true 20 listens
	run cloche run --rm --dns 127.0.0.98 --dns-search a.test --dns-search b.test --dns-option timeout:3 \
		--add-host box:10.1.2.3 --add-host 'six=[fd00::7]' --add-host up:host-gateway host \
		sh -c 'cat /etc/resolv.conf /etc/hosts; getent ahosts outside.test'
	assert_success
	assert_line "search a.test b.test"
	assert_line "options timeout:3"
	assert_line $'10.1.2.3\tbox'
	assert_line $'fd00::7\tsix'
	assert_output --regexp '172\.[0-9.]+	up'
	assert_output --partial 10.50.0.99
	run cloche run --rm --dns nothing host true
	assert_failure 125
	assert_output --partial "nothing is not an ip address"
	run cloche run --rm --add-host nothing host true
	assert_failure 125
	assert_output --partial "bad format for add-host"
}

@test "a container that shares a network has its names, too" {
	run cloche run --rm --network container:web host sh -c 'cat /etc/hosts; getent ahosts web2'
	assert_success
	assert_output --partial "$(ip4_of web front)"
	assert_output --partial "$(ip4_of web2 front) "
}

@test "a container with a name server of its own has port 53 for itself" {
	run cloche run --rm --expose 53/udp --dns 127.0.0.98 host sh -c '
		cat /etc/resolv.conf; python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((\"0.0.0.0\", 53))"'
	assert_success
	assert_output --partial "nameserver 127.0.0.98"
}

@test "an internal network has names, and asks nobody outside" {
	cloche network create --internal closed >/dev/null
	cloche run -d --name inner --network closed host sleep 600
	run ask inner inner
	assert_success
	run ask inner outside.test
	assert_failure
	cloche rm -f inner
	cloche network rm closed
}

@test "a killed resolver is put back by the next start, with the names of all that run" {
	pid=$(pgrep -f "^cloche-resolve .*$CLOCHE_RUN_ROOT/")
	killed "$pid"
	run ask web web2
	assert_failure
	cloche run --rm host true
	run ask web web2
	assert_success
}
