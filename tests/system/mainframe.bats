#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# An administrator's session at the host's prompt, with the containers of examples/mainframe: what he ran, and what he has to see.

load helper
load on_host

EXAMPLE=$SOURCE_DIR/examples/mainframe

# The host is 192.168.1.189, phoenix, a computer on its network, 192.168.1.187.
setup_file()
{
	local tar

	mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf || : # else the guard would, and leave it
	cloche_setup_file
	for program in ip netstat s3270; do
		command -v "$program" >/dev/null || { export NONE="this host has no $program"; return 0; }
	done
	tar=$(debian_tar hercules screen inspircd net-tools) || { export NONE="this host has no Debian packages to be had"; return 0; }
	ip netns add phoenix
	ip link add lan0 type veth peer name eth0 netns phoenix
	ip addr add 192.168.1.189/24 dev lan0
	ip link set lan0 up
	ip -n phoenix addr add 192.168.1.187/24 dev eth0
	ip -n phoenix link set eth0 up
	cloche import "$tar" mainframe >/dev/null
	CLOCHE=$CLOCHE IMAGE=mainframe "$EXAMPLE/run" >/dev/null
	on_host "$CLOCHE" system names enable >/dev/null
	until_true 60 sh -c "ip netns exec phoenix sh -c '</dev/tcp/192.168.1.189/3270' 2>/dev/null || [ -n \"\$(pgrep -x hercules)\" ]"
	until_true 60 pgrep -x inspircd
	mkfifo "$CLOCHE_TEST_DIR/keys"
	# the terminal stays connected as long as somebody may type
	sleep 1000 >"$CLOCHE_TEST_DIR/keys" 3>&- &
	TYPIST=$!
	until_true 60 sh -c "'$CLOCHE' sockets --container mvs38j1 --port 3270 --listen --no-headings | grep -q 3270"
	ip netns exec phoenix s3270 192.168.1.189:3270 <"$CLOCHE_TEST_DIR/keys" >"$CLOCHE_TEST_DIR/screen" 3>&- &
	TERMINAL=$!
	export TYPIST TERMINAL
	# the start scripts made users, whom the host knows from the next exec on
	cloche exec mvs38j1 true
	cloche exec ircserver1 true
	until_true 60 sh -c "'$CLOCHE' sockets --container mvs38j1 --established --no-headings | grep -q 192.168.1.187"
}

setup()
{
	cloche_setup
	[ -z "${NONE:-}" ] || skip "$NONE"
}

teardown_file()
{
	if [ -n "${TYPIST:-}" ]; then
		kill "$TYPIST" "$TERMINAL" 2>/dev/null || :
		ip netns del phoenix
		ip link del lan0 2>/dev/null || :
	fi
	[ -z "${CLOCHE_ROOT:-}" ] || cloche guard disable || :
	cloche_teardown_file
}

# The daemon, which leads a session of its own; not the process that waits for it to begin.
inspircd()
{
	local pid

	for pid in $(pgrep -x inspircd); do
		[ "$(ps -o sid= -p "$pid" | tr -d ' ')" != "$pid" ] || { echo "$pid"; return 0; }
	done
	return 1
}

@test "ps -ef | grep herc: each process bears its container's name" {
	# not those that make an image with these packages for another file
	run -0 on_host sh -c 'ps -ef | grep herc | grep -E "hercules.cnf|-t hercules" | grep -v grep'
	assert_equal "$(grep -vc '^mvs38j1' <<<"$output")" 0
	assert_output --regexp "mvs38j1.* hercules -f hercules.cnf"
	run -0 on_host ps -eo user:32,args
	assert_output --regexp "mvs38j1.mark +SCREEN -t hercules"
	assert_output --regexp "ircserver1.ircserver +/usr/sbin/inspircd"
	run -0 cloche procs --container mvs38j1
	assert_output --regexp "mvs38j1 +cloche +mainframe[^ ]* +[0-9]+ mark .*hercules -f hercules.cnf"
}

# shellcheck disable=SC2016 # for the inner shell
@test "netstat -an | grep 3270 on the host shows the session of the other computer" {
	run -0 sh -c 'netstat -an | grep 3270'
	assert_output --regexp "tcp +0 +0 0.0.0.0:3270 +0.0.0.0:[*] +LISTEN"
	assert_output --regexp "192.168.1.189:3270 +192.168.1.187:[0-9]+ +ESTABLISHED"
	run -0 sh -c '"$CLOCHE" netstat -an | grep 3270'
	assert_output --regexp "tcp +0 +0 (172|10)\.[0-9.]+:3270 +192.168.1.187:[0-9]+ +ESTABLISHED"
	run -0 cloche sockets --port 3270 --established --container mvs38j1
	assert_output --regexp "192.168.1.187:[0-9]+ +ESTABLISHED +mvs38j1"
	run -0 cloche whois :3270
	refute_output --partial "the host's own" # the relay's sockets are the container's too
	assert_output --partial "is of container mvs38j1"
	assert_output --regexp "user +mvs38j1.mark"
	assert_output --regexp "process +[0-9]+ hercules -f hercules.cnf"
	run -0 cloche whois "$(cloche sockets --container mvs38j1 --established --port 3270 --json | jq -r '.[0].Peer')"
	assert_output --partial "is of container mvs38j1"
}

@test "ip netns names the containers, and a command in one sees what it has" {
	run -0 ip netns
	assert_output --regexp "(^|
)mvs38j1"
	assert_output --partial ircserver1
	run -0 ip netns exec "$(ip netns | grep -o '^mvs38j1[^ ]*')" netstat -an
	assert_output --regexp "0.0.0.0:3270 +0.0.0.0:[*] +LISTEN"
}

@test "a look inside agrees with the host's" {
	run -0 cloche exec mvs38j1 netstat -an
	assert_output --regexp "192.168.1.187:[0-9]+ +ESTABLISHED"
	run -0 cloche exec ircserver1 grep ircserver /etc/passwd
	assert_output --partial "ircserver:x:1000:1000:Used to run the inspircd IRC server"
}

@test "the host's user 1000 is not the container's, and cannot kill what is not his" {
	local pid

	pid=$(inspircd)
	[ "$(stat -c %u "/proc/$pid")" -gt 65535 ]
	run -1 setpriv --reuid 1000 --clear-groups sh -c "kill -9 $pid"
	assert_output --partial "not permitted"
	kill -0 "$pid"
	run -0 cloche whois "$pid"
	assert_output --regexp "user +ircserver inside, ircserver1.ircserver"
	run -0 on_host sh -c 'ps -ef | grep /usr/sbin/inspircd | grep -v grep'
	assert_output --regexp "^ircserv"
}

@test "a user of IRC behind a router talks through the published port, and is seen with his own address" {
	until_true 60 sh -c "'$CLOCHE' sockets --container ircserver1 --port 6667 --listen --no-headings | grep -q 6667"
	ip netns add home
	ip link add home0 netns phoenix type veth peer name eth0 netns home
	ip -n phoenix addr add 10.60.0.1/24 dev home0
	ip -n phoenix link set home0 up
	ip netns exec phoenix sysctl -qw net.ipv4.ip_forward=1
	ip -n home addr add 10.60.0.2/24 dev eth0
	ip -n home link set eth0 up
	ip -n home route add default via 10.60.0.1
	ip route add 10.60.0.0/24 via 192.168.1.187
	cat >irc.py <<-'END'
		import socket
		s = socket.create_connection(("192.168.1.189", 6667), 60)
		s.settimeout(60)
		s.sendall(b"NICK visitor\r\nUSER visitor 0 * :Visitor\r\n")
		for line in s.makefile("r", errors="replace"):
		    if line.startswith("PING"):
		        s.sendall(line.replace("PING", "PONG", 1).encode())
		    elif " 001 " in line:
		        s.sendall(b"JOIN #bell\r\nWHO #bell\r\n")
		    elif " 352 " in line:
		        print(line.strip())
		        break
	END
	run ip netns exec home python3 irc.py
	ip netns del home
	ip route del 10.60.0.0/24
	assert_success
	assert_output --regexp '#bell .*10\.60\.0\.2'
}

@test "root's kill by mistake is refused, or recorded with who did it" {
	local pid level

	cloche guard enable >/dev/null 2>&1 || skip "this kernel takes no BPF programs"
	cloche restart -t 1 ircserver1 >/dev/null # under the guard
	until_true 60 inspircd
	pid=$(inspircd)
	level=$(cloche guard status | sed -n 's/^level: //p')
	run kill -TERM "$pid"
	[ "$level" = deny ] || assert_success
	run -0 cloche guard log
	assert_output --regexp "(denied|seen) SIGTERM pid [0-9]+ .* of user root.* to pid $pid \(inspircd, [0-9]+ inside\) of container ircserver1"
}

@test "whether the image fits this host is said before it runs, and how far it is behind later" {
	local image

	image=$(cloche inspect -f '{{.Config.Image}}' mvs38j1)
	run -0 cloche compat "$image"
	assert_output --regexp "ok +architecture"
	assert_output --regexp "ok +kernel +the image's libc asks for Linux [0-9.]+, this host has $(uname -r)"
	assert_output --regexp "ok +system calls"
	assert_output --regexp "ok +distribution +debian"
	run -0 cloche outdated
	assert_output --regexp "mainframe.* debian [0-9]+ .*(mvs38j1,ircserver1|ircserver1,mvs38j1)"
}

@test "the memory hog has a name, a container and a limit" {
	run -0 cloche procs --sort rss --no-headings -o container,rss,comm
	assert_output --regexp "mvs38j1 +[0-9]+ +hercules"
}
