#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The sockets of all namespaces, and netstat's own format.

load helper

setup_file()
{
	cloche_setup_file
	install -m 644 "$SOURCE_DIR/tests/system/sockets.py" "$CLOCHE_TEST_DIR/sockets.py"
	for name in inside hosty; do
		cloche run -d -i --name "$name" -u 0 --network "$([ "$name" = hosty ] && echo host || echo none)" \
			-v "$CLOCHE_TEST_DIR/sockets.py:/sockets.py:ro" host python3 /sockets.py >/dev/null
		until_true 30 sh -c "'$CLOCHE' logs '$name' | grep -q ready" ||
			{ cloche logs "$name" | tail -5 >&2; return 1; }
	done
}

# shellcheck disable=SC2016 # for the inner shell
# in_namespace COMMAND...: where sockets of every kind are, nothing else, and nobody named it.
in_namespace()
{
	unshare --net sh -c 'ip link set lo up
		mkfifo "$1/in" && exec 9<>"$1/in"
		python3 "$0" all <"$1/in" >"$1/out" &
		until grep -q ready "$1/out"; do sleep 0.05; done
		dir=$1
		shift
		"$@"
		status=$?
		kill $!
		rm -f "$dir/in"
		exit $status' "$SOURCE_DIR/tests/system/sockets.py" "$BATS_TEST_TMPDIR" "$@"
}

@test "a container's connections are in the host's list, with its name" {
	run -0 cloche sockets
	[[ ${lines[0]} =~ ^PROTO\ +RECV-Q\ +SEND-Q\ +LOCAL\ +PEER\ +STATE\ +CONTAINER\ +ENGINE\ +USER\ +PUBLISHED$ ]]
	assert_output --regexp "tcp +0 +5 127.0.0.1:3270 +0.0.0.0:[*] +LISTEN +inside +cloche "
	assert_output --regexp "tcp +5 +0 127.0.0.1:3270 +127.0.0.1:[0-9]+ +ESTABLISHED +inside +cloche "
	assert_output --regexp "tcp6 +[0-9]+ +7 \[::\]:8080 +\[::\]:[*] +LISTEN +inside +cloche "
	assert_output --regexp "udp +[1-9][0-9]* +0 127.0.0.1:5300 +0.0.0.0:[*] +inside +cloche +inside.root "
	# the users' names are those that the engine published, or else from the container itself
	rm "$CLOCHE_RUN_ROOT"/names/[0-9]*
	run -0 cloche sockets --container inside --port 5300
	assert_output --regexp " inside +cloche +inside.root "
}

@test "sockets of a container in the host's namespace are the container's" {
	run -0 cloche sockets --container hosty --port 3270 --listen
	assert_output --regexp "LISTEN +hosty +cloche "
	run -0 cloche sockets --container host --port 3270 --listen --no-headings
	assert_output ""
}

@test "filters: port, peer, state, listen, established, engine, count" {
	run -0 cloche sockets --container inside --port 8080 --listen --no-headings
	assert_equal "${#lines[@]}" 1
	run -0 cloche sockets --container inside --established --no-headings --port 8080
	refute_output --partial LISTEN
	# the one of the beginning is for a minute only
	cloche exec -u 0 inside python3 -c 'import socket
s = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(s.getsockname())
s.accept()[0].close()
client.recv(1)
client.close()'
	run -0 cloche sockets --container inside --state TIME_WAIT --no-headings
	assert_output --partial TIME_WAIT
	run -0 cloche sockets --container inside --peer 127.0.0.1:3270 --no-headings
	assert_output --partial 127.0.0.1:3270
	refute_output --partial "[::]"
	run -0 cloche sockets --container inside --port 3270 --established --no-headings
	assert_output --regexp "127.0.0.1:[0-9]+ +127.0.0.1:3270 +ESTABLISHED"
	run -0 cloche sockets --engine docker --no-headings --container inside
	assert_output ""
	run -0 cloche sockets --count --container inside -t
	assert_output --regexp "inside +tcp +LISTEN +1"
	run -125 cloche sockets --port 70000
	assert_output --partial "not a number of 1 to 65535"
}

@test "-p names the process, -x has Unix sockets, json all of it" {
	local pid

	pid=$(cloche inspect -f '{{.State.Pid}}' inside)
	run -0 cloche sockets -p --container inside --port 3270 --listen --no-headings
	assert_output --partial " $pid/python3"
	run -0 cloche sockets -x --container inside --no-headings
	assert_output --regexp "unix +0 +0 @an-abstract-one +[*] +LISTEN +inside"
	cloche sockets --json --container inside >all.json
	jq -e --argjson pid "$pid" '[.[] | select(.Local == "127.0.0.1:3270" and .State == "LISTEN")] | length == 1 and
		.[0].Pid == $pid and .[0].Container == "inside" and .[0].Engine == "cloche" and .[0].Inode > 0' all.json
}

@test "a namespace that nobody named is there too, even one that only a thread is in" {
	in_namespace "$CLOCHE" sockets --port 3270 --listen >in.txt
	grep -Eq '^tcp +0 +5 127.0.0.1:3270 ' in.txt
	cat >thread.py <<-'END'
		import ctypes, socket, threading
		libc = ctypes.CDLL(None)
		def run():
		    libc.unshare(0x40000000) # CLONE_NEWNET, of this thread alone
		    s = socket.socket(); s.bind(("0.0.0.0", 4711)); s.listen(1)
		    print("ready", flush=True); threading.Event().wait()
		threading.Thread(target=run, daemon=True).start()
		threading.Event().wait()
	END
	python3 thread.py >thread.out 3>&- &
	until_true 20 grep -q ready thread.out
	run -0 cloche sockets --port 4711 --no-headings
	kill -KILL $!
	assert_output --regexp "0.0.0.0:4711 +0.0.0.0:[*] +LISTEN +netns [0-9]+ "
}

@test "among many namespaces the kernel's table is walked once, and nothing is missed" {
	cat >many.py <<-'END'
		import ctypes, fcntl, socket, struct, threading
		libc = ctypes.CDLL(None)
		held, wanted, lock = [], [], threading.Semaphore(0)
		states = {1: "ESTABLISHED", 6: "TIME_WAIT", 10: "LISTEN"}
		def address(text, six):
		    raw = b"".join(int(text[i:i + 8], 16).to_bytes(4, "little") for i in range(0, len(text) - 5, 8))
		    port = int(text[-4:], 16)
		    name = socket.inet_ntop(socket.AF_INET6 if six else socket.AF_INET, raw)
		    return f"{'[' + name + ']' if six else name}:{port or '*'}"
		def run(i):
		    libc.unshare(0x40000000) # CLONE_NEWNET, of this thread alone
		    if i % 8 == 5:
		        try:
		            open("/proc/sys/net/ipv4/tcp_child_ehash_entries", "w").write("64")
		        except OSError:
		            pass
		        libc.unshare(0x40000000) # one with a table of its own
		    s = socket.socket()
		    fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 1)) # SIOCSIFFLAGS, up
		    s.bind(("127.0.0.1", 28300 + i)); s.listen(9)
		    held.append(s)
		    if i % 2:
		        held.append(socket.create_connection(("127.0.0.1", 28300 + i)))
		        held.append(s.accept()[0])
		    if i % 4 == 3:
		        client = socket.create_connection(("127.0.0.1", 28300 + i))
		        s.accept()[0].close()
		        client.recv(1)
		        client.close() # TIME_WAIT
		    if i % 4 == 1:
		        six = socket.socket(socket.AF_INET6)
		        six.bind(("::", 28400 + i)); six.listen(3)
		        held.extend((six, socket.create_connection(("::1", 28400 + i))))
		    if i % 6 == 2: # beside what is TCP alone
		        held.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
		        held[-1].bind(("127.0.0.1", 28500 + i))
		    if i % 6 == 4:
		        held.append(socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x88b5)))
		    if i % 12 == 1:
		        held.append(socket.socket(socket.AF_INET6, socket.SOCK_RAW, 199))
		    settled = False
		    while not settled:
		        lines = [(name, line.split()) for name in ("tcp", "tcp6")
		                 for line in open(f"/proc/thread-self/net/{name}").readlines()[1:]]
		        settled = all(int(f[3], 16) in states for name, f in lines)
		    for name, f in lines:
		        wanted.append(f"{name} {address(f[1], name == 'tcp6')} {address(f[2], name == 'tcp6')} {states[int(f[3], 16)]}")
		    lock.release()
		    threading.Event().wait()
		for i in range(34):
		    threading.Thread(target=run, args=(i,), daemon=True).start()
		for i in range(34):
		    lock.acquire()
		print("\n".join(sorted(wanted)) + "\nready", flush=True)
		threading.Event().wait()
	END
	python3 many.py >many.out 3>&- &
	until_true 30 grep -q ready many.out || { cat many.out; kill -KILL $!; false; }
	run -0 cloche sockets --no-headings
	told=0
	if [ -x "$CLOCHE_BUILD/cloche-guard" ]; then # else each is asked
		told=$("$CLOCHE_BUILD/cloche-guard" tcp "$CLOCHE_BUILD/tcp_table.bpf.o" | wc -c)
	fi
	kill -KILL $!
	awk '{ print $1, $4, $5, $6 }' <<<"$output" | grep -E ':28[34][0-3][0-9] ' | LC_ALL=C sort >have.txt
	grep -v ready many.out | LC_ALL=C sort >want.txt
	diff -u want.txt have.txt
	assert_equal "$(grep -cE '^udp .*:285[0-3][0-9] ' <<<"$output")" 6
	assert_equal "$(grep -cE '^packet .*proto 0x88b5' <<<"$output")" 5
	assert_equal "$(grep -cE '^raw6 .*:199 ' <<<"$output")" 3
	[ "$told" = 0 ] || [ $((told / 64)) -ge 34 ]
}

@test "cloche netstat has each line of netstat, byte by byte" {


	skip_unless_program netstat
	cat >compare.sh <<-'END'
		for options in -an -ln -n -anp -ane -anep -tan -uan -wan -xan -anW -an4 -an6 -l; do
			case $options in -l) options="-l -n" ;; esac
			netstat $options >stock 2>/dev/null
			"$CLOCHE" netstat $options >ours
			netstat $options >after 2>/dev/null # what ends meanwhile, as a TIME_WAIT does after a minute, need not be ours
			# every line, as often as stock has it, and in its order within a protocol
			grep -vE '^unix .* CONNECTED' stock | sort >a # the two programs' own come and go
			sort after | comm -12 a - >b
			sort ours | comm -23 b - >missing
			[ ! -s missing ] || { echo "netstat $options:"; cat missing; exit 1; }
			diff <(grep -E '^(Active|Proto)' stock) <(grep -E '^(Active|Proto)' ours) || exit 1
		done
	END
	in_namespace bash compare.sh
}

@test "without root it is one's own namespace, marked as partial" {
	install -m 755 "$CLOCHE" "$CLOCHE_TEST_DIR/cloche-copy"
	chmod 755 "$CLOCHE_TEST_DIR"
	run -0 setpriv --reuid 65534 --clear-groups "$CLOCHE_TEST_DIR/cloche-copy" sockets --port 3270 -l
	chmod 700 "$CLOCHE_TEST_DIR"
	assert_output --partial "partial: without root"
	refute_output --partial inside
}

@test "--rate shows bytes per second, by container and by connection" {
	cat >"$CLOCHE_TEST_DIR/flow.py" <<-'PYTHON'
		import socket, threading, time
		server = socket.create_server(("127.0.0.1", 7777))
		def swallow():
		    other, _ = server.accept()
		    while other.recv(65536):
		        pass
		threading.Thread(target=swallow, daemon=True).start()
		client = socket.create_connection(("127.0.0.1", 7777))
		print("ready", flush=True)
		while True:
		    client.sendall(bytes(20000))
		    time.sleep(0.02)
	PYTHON
	chmod 644 "$CLOCHE_TEST_DIR/flow.py"
	cloche run -d --name flow -u 0 --network none -v "$CLOCHE_TEST_DIR/flow.py:/flow.py:ro" host python3 /flow.py >/dev/null
	until_true 30 sh -c "'$CLOCHE' logs flow | grep -q ready"
	flows() # in the second that was looked at: on a busy machine the container may not have had its turn in it
	{
		run -0 cloche sockets --rate --container flow
		[[ ${lines[1]} =~ ^flow\ +2\ +[1-9][0-9]+\ +[1-9][0-9]+$ ]]
	}
	until_true 20 flows
	[[ ${lines[0]} =~ ^CONTAINER\ +CONNECTIONS\ +IN/s\ +OUT/s$ ]]
	assert_output --regexp "flow +127.0.0.1:[0-9]+ +127.0.0.1:7777 +- +0 +[1-9][0-9]+"
	assert_output --regexp "flow +127.0.0.1:7777 +127.0.0.1:[0-9]+ +- +[1-9][0-9]+ +0"
	flows_json() { cloche sockets --rate --json --container flow | jq -e 'length == 2 and (map(.InPerSecond) | add) > 1000 and .[0].Container == "flow"'; }
	until_true 20 flows_json
	# what does not move is counted, and not listed
	run -0 cloche sockets --rate --container inside
	[[ ${lines[1]} =~ ^inside\ +[0-9]+\ +0\ +0$ ]]
	refute_output --partial 3270
	run -125 cloche sockets --rate --udp
	assert_output --partial "the kernel counts no others' bytes"
	cloche rm -f flow >/dev/null
}
