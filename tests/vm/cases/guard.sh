# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The kill guard where it may refuse: BPF programs at LSM hooks.
# guests: plain
. tests/vm/case.bash
grep -qw bpf /sys/kernel/security/lsm || { skip "the guard" "this kernel has no BPF LSM"; exit; }
engine_make
check "a guard that refuses can be loaded" sh -c 'cloche guard enable | grep -qx "level: deny"; r=$?; cloche guard disable; exit $r'
table()
{
	local folder listener told

	folder=$(dirname "$(readlink -f "$(command -v cloche)")")
	python3 -c 'import socket, time
s = socket.socket()
s.listen()
print("ready", flush=True)
time.sleep(100)' >/tmp/listens &
	listener=$!
	wait_for grep -q ready /tmp/listens
	"$folder/cloche-guard" tcp "$folder/tcp_table.bpf.o" >/tmp/table
	told=$?
	kill $listener
	[ "$told" = 0 ] && [ "$(stat -c %s /tmp/table)" -ge 64 ]
}
check "this kernel takes the program that walks its table of TCP sockets" table
bats_file guard
bats_file sockets 'among many namespaces'
