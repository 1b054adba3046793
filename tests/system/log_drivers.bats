#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016,SC2154 # expanded by the shell in the container; set by bats' run
# Log drivers that are services of the host: journald and syslog get each line, `cloche logs` has them all the same.

load helper

teardown()
{
	receiver_end
	remove_containers
}

receiver_end()
{
	[ -n "${receiver:-}" ] || return 0
	kill "$receiver" 2>/dev/null || :
	wait "$receiver" 2>/dev/null || :
	receiver=
}

has_lines() { [ "$(wc -l <"$1")" -eq "$2" ]; }

# receive KIND ADDRESS: what comes to a socket, a datagram or a line each, into `got`; the port of udp and tcp into `port`.
receive()
{
	python3 - "$@" >got 2>problems <<-'PY' &
		import socket, sys
		kind, address = sys.argv[1:3]
		if kind == "unix":
		    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		    s.bind(address)
		else:
		    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
		    s.bind((address, 0))
		    if kind == "tcp":
		        s.listen()
		    open("port.new", "w").write(str(s.getsockname()[1]))
		    import os; os.rename("port.new", "port")
		while True:
		    if kind == "tcp":
		        data = b""
		        c, _ = s.accept()
		        while more := c.recv(65536):
		            sys.stdout.write(more.decode()); sys.stdout.flush()
		    else:
		        sys.stdout.write(s.recv(65536).decode() + "\n"); sys.stdout.flush()
	PY
	receiver=$!
}

@test "syslog on a local socket: a message a line, with priority and tag; logs reads the file" {
	receive unix "$PWD/log.sock"
	until_true 20 test -S log.sock
	cloche run --name web --network none --log-driver syslog --log-opt "syslog-address=unix://$PWD/log.sock" \
		--log-opt syslog-facility=local3 --log-opt tag='{{.Name}}/{{.ImageName}}' host sh -c 'echo one; echo two >&2; printf three'
	until_true 20 has_lines got 3
	assert_equal "$(sort got)" '<155>web/host: two
<158>web/host: one
<158>web/host: three'
	run --separate-stderr cloche logs web
	assert_equal "$(sort <<<"$output")" "one
three"
	assert_equal "$stderr" two
	assert_equal "$(cloche inspect -f '{{.HostConfig.LogConfig.Type}} {{index .HostConfig.LogConfig.Config "syslog-facility"}}' web)" \
		"syslog local3"
}

@test "syslog over udp and tcp is RFC 5424" {
	for kind in udp tcp; do
		rm -f port
		receive "$kind" 127.0.0.1
		until_true 20 test -e port
		cloche run --rm --network none --log-driver syslog --log-opt "syslog-address=$kind://127.0.0.1:$(cat port)" \
			--log-opt tag=me host sh -c 'echo over the net'
		until_true 20 grep -q net got
		grep -Eq "^<30>1 20[0-9-]{8}T[0-9:]{8}\.[0-9]{6}Z $(hostname) me - - - over the net$" got
		receiver_end
	done
}

@test "journald gets its fields; without it the driver is refused" {
	[ -e /run/systemd/journal/socket ] || {
		run cloche run --network none --log-driver journald host true
		assert_failure 125
		assert_output --partial 'journald is not enabled on this host'
	}
	# a journald of the test's own, in a mount namespace of its own
	mkdir -p run/journal
	receive unix "$PWD/run/journal/socket"
	until_true 20 test -S run/journal/socket
	[ -d /run/systemd ] || { mkdir /run/systemd && made=1; } || [ -d /run/systemd ]
	unshare -m sh -c 'mount --bind run /run/systemd && exec "$@"' - \
		"$CLOCHE" run --name jour --network none --log-driver journald --label colour=red -e WHO=me --log-opt labels=colour --log-opt env=WHO,NONE \
		host sh -c 'echo to the journal; echo bad >&2'
	[ -z "${made:-}" ] || rmdir /run/systemd 2>/dev/null || : # another file has something there by now
	until_true 20 grep -qx 'MESSAGE=bad' got
	until_true 20 grep -qx 'MESSAGE=to the journal' got
	id=$(cloche inspect -f '{{.Id}}' jour)
	for field in "CONTAINER_ID=${id:0:12}" "CONTAINER_ID_FULL=$id" CONTAINER_NAME=jour "CONTAINER_TAG=${id:0:12}" IMAGE_NAME=host \
		"SYSLOG_IDENTIFIER=${id:0:12}" COLOUR=red WHO=me PRIORITY=6 PRIORITY=3; do
		grep -qx "$field" got
	done
	run -1 grep -q NONE= got
	cloche logs jour | grep -qx 'to the journal'
}

@test "a log service that takes nothing stops no container, and what it missed is told" {
	python3 -c 'import socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("deaf.sock")
time.sleep(600)' &
	receiver=$!
	until_true 20 test -S deaf.sock
	cloche run --name loud --network none --log-driver syslog --log-opt "syslog-address=unix://$PWD/deaf.sock" --log-opt mode=non-blocking \
		--log-opt max-buffer-size=4k host sh -c 'i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done' >/dev/null
	assert_equal "$(cloche logs loud | wc -l)" 5000
	# nobody is there any more, then a new one: the count comes before what it gets
	receiver_end
	rm deaf.sock
	cloche run -d --name later --network none --log-driver syslog --log-opt "syslog-address=unix://$PWD/deaf.sock" --log-opt tag=later \
		host sh -c 'echo a; while ! test -e /tmp/b; do sleep 0.1; done; echo b; while ! test -e /tmp/go; do sleep 0.1; done; echo c; sleep 600'
	until_true 20 logged later '^a$'
	cloche exec later touch /tmp/b
	until_true 20 logged later '^b$' # the service was tried with the line before, then
	receive unix "$PWD/deaf.sock"
	until_true 20 test -S deaf.sock
	cloche exec later touch /tmp/go
	until_true 20 grep -q 'later: c' got
	head -n 1 got | grep -Eq '^<27>later: cloche: [12] lines before were not taken by the log service$'
	assert_equal "$(tail -n 1 got)" '<30>later: c'
}

@test "what the log options cannot do is refused" {
	refused() # WORDS OPTION...
	{
		local words=$1

		shift
		run cloche create --network none "$@" host true
		assert_failure 125
		assert_output --partial "$words"
	}
	refused "unknown log opt 'tag' for local log driver" --log-opt tag=x
	refused "invalid value 'nowhere' for log opt syslog-facility" --log-driver syslog --log-opt syslog-facility=nowhere
	refused "invalid value 'tcp+tls://h' for log opt syslog-address" --log-driver syslog --log-opt syslog-address=tcp+tls://h
	refused "invalid value 'rfc3164' for log opt syslog-format" --log-driver syslog --log-opt syslog-format=rfc3164
	refused "invalid value 'maybe' for log opt mode: not blocking or non-blocking" --log-opt mode=maybe
	refused 'max-buffer-size is only supported with mode=non-blocking' --log-opt max-buffer-size=1m
	assert_equal "$(cloche run --rm --network none --log-opt mode=non-blocking --log-opt max-buffer-size=1m host echo well)" well
}
