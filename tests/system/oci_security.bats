#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The known ways out of runc and crun, tried. Each test plays the image's or the container's side.

# shellcheck disable=SC2016,SC2154 # what a shell inside expands
load helper
load oci

setup_file() { oci_setup_file; }
teardown_file() { oci_teardown_file; }

# own_rootfs: a root file system for this test alone, in rootfs.
own_rootfs()
{
	cp -a "$OCI_DIR/rootfs" rootfs
	bundle ".root.path = \"$PWD/rootfs\" | .root.readonly = false | ${1:-.}"
}

# What the runtime's program needs to run in the container's root file system.
libraries_copy()
{
	local file

	ldd "$RUNTIME" | grep -oE '/[^ ]+' | while read -r file; do
		install -D "$file" "rootfs$file"
	done
}

running()
{
	rt create --pid-file pid "$ID" </dev/null >out 2>&1
	rt start "$ID"
}

@test "CVE-2016-9962: who is in the container cannot look into a process that enters it" {
	bundle ".process.args = $(sh_args 'while :; do ls -l /proc/[0-9]*/fd /proc/[0-9]*/exe /proc/[0-9]*/cwd; done 2>/dev/null |
		grep -E "state|cgroup|cloche-runtime|memfd|/var/tmp" | grep -v "/out$"; true')"
	running
	for _ in 1 2 3 4 5 6 7 8 9 10; do rt exec "$ID" true </dev/null >/dev/null 2>&1; done
	rt delete -f "$ID"
	run cat out
	assert_output ""
}

@test "CVE-2019-5736: the runtime's program cannot be written from a container that executes it" {
	local before
	before=$(sha256sum <"$RUNTIME")
	own_rootfs ".process.args = $(sh_args 'while :; do for p in /proc/[0-9]*/exe; do
		case $(readlink $p) in *cloche-runtime*) (echo broken >$p) 2>&1 && echo WRITTEN;; esac; done; done')"
	ln -sf /proc/self/exe rootfs/bin/evil
	libraries_copy
	printf '#!/proc/self/exe\n' >rootfs/bin/script
	chmod 755 rootfs/bin/script
	running
	for _ in 1 2 3; do
		timeout 20 "$RUNTIME" --root "$OCI_ROOT" exec "$ID" /bin/evil events "$ID" || :
		timeout 20 "$RUNTIME" --root "$OCI_ROOT" exec "$ID" /bin/script || :
	done
	rt delete -f "$ID"
	run grep WRITTEN out
	assert_failure
	assert_equal "$(sha256sum <"$RUNTIME")" "$before"
}

@test "CVE-2019-5736: what a container sees as the runtime's program is sealed" {
	own_rootfs '.process.args = ["/proc/self/exe", "--version"]'
	libraries_copy
	run rt run "$ID"
	assert_output --partial "cloche-runtime version"
	# one that stays, to look at: its file is in memory, and no descriptor can be had for writing
	own=$PWD
	mkfifo rootfs/fifo
	bundle ".root.path = \"$own/rootfs\" | .process.args = [\"/proc/self/exe\", \"--log\", \"/fifo\", \"list\"]"
	running
	is_copy() { [[ $(readlink "/proc/$(cat pid)/exe") == *memfd* ]]; }
	until_true 10 is_copy
	run sh -c "exec 9>/proc/$(cat pid)/exe"
	assert_failure
	rt delete -f "$ID"
}

@test "CVE-2019-16884, CVE-2025-52881: nothing is mounted over parts of /proc" {
	mkdir fake
	for place in /proc/sys /proc/sys/net /proc/self/attr /proc/thread-self /proc/1; do
		bundle ".mounts += [{destination: \"$place\", type: \"bind\", source: \"$PWD/fake\", options: [\"bind\"]}]"
		run ! rt run "$ID"
		assert_output --partial "mount at $place: refused"
		bundle ".mounts += [{destination: \"$place\", type: \"tmpfs\", source: \"tmpfs\"}]"
		run ! rt run "$ID"
		assert_output --partial "refused"
	done
	# what tells of resources may be (lxcfs)
	echo 'no memory' >meminfo
	bundle ".process.args = [\"cat\", \"/proc/meminfo\"] |
		.mounts += [{destination: \"/proc/meminfo\", source: \"$PWD/meminfo\", options: [\"bind\"]}]"
	run rt run "$ID"
	assert_output "no memory"
}

@test "CVE-2019-19921, CVE-2023-27561, CVE-2023-28642: proc and sysfs are not mounted behind a link" {
	for name in proc sys; do
		rm -rf rootfs
		own_rootfs '.process.args = ["true"]'
		rmdir "rootfs/$name"
		mkdir rootfs/elsewhere
		ln -s /elsewhere "rootfs/$name"
		run ! rt run "$ID"
		assert_output --partial "mount at /$name: refused"
	done
	# a link in the middle of the way
	rm -rf rootfs
	own_rootfs '.process.args = ["true"] | (.mounts[] | select(.type == "sysfs") | .destination) = "/a/sys" |
		del(.mounts[] | select(.type == "cgroup"))'
	mkdir -p rootfs/real/sys
	ln -s real rootfs/a
	run ! rt run "$ID"
	assert_output --partial "refused"
}

@test "CVE-2021-30465, CVE-2024-45310: a mount's place is found beneath the root, whatever links say" {
	mkdir -p outside source
	echo yes >source/mark
	own_rootfs ".process.args = [\"cat\", \"/in$PWD/outside/new/mark\"] |
		.mounts += [{destination: \"/link/new\", type: \"bind\", source: \"$PWD/source\", options: [\"bind\"]}]"
	ln -s "/in$PWD/outside" rootfs/link # absolute
	run rt run "$ID"
	assert_output yes
	rm rootfs/link
	ln -s "../../../../../../../../../../..$PWD/outside" rootfs/link # upwards
	run rt run "$ID"
	[ -z "$(ls outside)" ]
	# a file that is made for a file
	echo file >one
	own=$PWD
	bundle ".root.path = \"$own/rootfs\" | .process.args = [\"true\"] |
		.mounts += [{destination: \"/link/file\", type: \"bind\", source: \"$own/one\", options: [\"bind\"]}]"
	run rt run "$ID"
	[ -z "$(ls outside)" ]
}

@test "CVE-2021-30465: no link that is swapped in meanwhile leads a mount out of the root" {
	skip_unless_program python3
	mkdir outside source
	own_rootfs ".process.args = $(sh_args 'ls /; cat /proc/self/mountinfo') |
		.mounts += [range(6) | {destination: \"/swap/d\(.)\", type: \"tmpfs\", source: \"tmpfs\"}]"
	mkdir -p rootfs/swap
	cat >swap.py <<-'END'
		import os, sys
		outside = sys.argv[1]
		os.symlink(outside, "rootfs/link")
		while not os.path.exists("stop"):
		    for a, b in (("swap", "away"), ("link", "swap"), ("swap", "link"), ("away", "swap")):
		        try:
		            os.rename("rootfs/" + a, "rootfs/" + b)
		        except OSError:
		            pass
	END
	python3 swap.py "$PWD/outside" &
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
		rt run "$ID" >out 2>&1 || :
		! grep -q "$PWD/outside" out
	done
	touch stop
	wait
	[ -z "$(ls outside)" ]
}

@test "CVE-2022-29162: exec --cap gives nothing inheritable" {
	bundle '.process.args = ["sleep", "100"]'
	running
	run rt exec --cap CAP_NET_RAW "$ID" grep Cap /proc/self/status
	assert_output --regexp 'CapInh:.0000000000000000'
	assert_output --regexp 'CapAmb:.0000000000000000'
	assert_output --regexp 'CapEff:.0000000020002420'
	rt delete -f "$ID"
}

@test "CVE-2023-25809: cgroups cannot be written from a user namespace without a cgroup namespace" {
	bundle ".process.args = $(sh_args 'for d in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir $d/x 2>/dev/null && echo made $d/x; done; true') |
		del(.linux.namespaces[] | select(.type == \"cgroup\")) | .linux.namespaces += [{type: \"user\"}] |
		.linux.uidMappings = [{containerID: 0, hostID: 700000, size: 65536}] |
		.linux.gidMappings = [{containerID: 0, hostID: 700000, size: 65536}]"
	run rt run "$ID"
	assert_success
	assert_output ""
}

@test "CVE-2024-21626: no working folder and no program is reached by a descriptor of the host" {
	local fd
	for fd in 3 4 5 6 7 8 9 10 12 14 16 18 20; do
		bundle ".process.args = [\"pwd\"] | .process.cwd = \"/proc/self/fd/$fd\""
		run ! rt run "$ID" 7</ 9<.
		bundle ".process.args = [\"/proc/self/fd/$fd/bin/true\"]"
		run ! rt run "$ID" 7</ 9<.
	done
	bundle '.process.args = ["sleep", "100"]'
	running
	for fd in 3 5 7 8 9 11 13; do
		run ! rt exec --cwd "/proc/self/fd/$fd" "$ID" pwd
		run ! rt exec --cwd "/proc/self/fd/$fd/../.." "$ID" cat etc/shadow
	done
	rt delete -f "$ID"
}

@test "CVE-2025-31133: a path is masked by the host's /dev/null, not by what the image calls so" {
	mkdir dev
	echo secret >dev/secret
	ln -s /dev/secret dev/null
	mknod dev/zero c 1 5
	own_rootfs ".process.args = $(sh_args 'cat /etc/hidden; stat -c %t:%T /etc/hidden; ls /etc/folder') |
		.linux.maskedPaths = [\"/etc/hidden\", \"/etc/folder\"] |
		(.mounts[] | select(.destination == \"/dev\")) = {destination: \"/dev\", source: \"$PWD/dev\", options: [\"rbind\"]} |
		del(.mounts[] | select(.destination | startswith(\"/dev/\")))"
	echo hidden >rootfs/etc/hidden
	mkdir rootfs/etc/folder
	touch rootfs/etc/folder/x
	run rt run "$ID"
	assert_output "1:3"
}

@test "CVE-2025-52565: the console is not bound to where a link points" {
	mkdir dev
	ln -s /etc/target dev/console
	own_rootfs ".process.terminal = true | .process.args = $(sh_args 'cat /etc/target') |
		(.mounts[] | select(.destination == \"/dev\")) = {destination: \"/dev\", source: \"$PWD/dev\", options: [\"rbind\"]} |
		del(.mounts[] | select(.destination == \"/dev/shm\" or .destination == \"/dev/mqueue\"))"
	mkdir -p dev/pts
	echo target >rootfs/etc/target
	run rt run "$ID"
	assert_failure
	assert_output --partial "open a terminal"
	assert_equal "$(cat rootfs/etc/target)" target
}

@test "CVE-2025-52881: kernel parameters of the host cannot be set, neither by name nor by detour" {
	for name in kernel.panic vm.swappiness kernel/core_pattern net/../kernel/panic kernel.msgmax/../panic; do
		bundle ".linux.sysctl = {\"$name\": \"1\"}"
		run ! rt run "$ID"
		assert_output --partial "linux.sysctl"
	done
	bundle 'del(.linux.namespaces[] | select(.type == "network")) | .linux.sysctl = {"net.ipv4.ip_forward": "1"}'
	run ! rt run "$ID"
	assert_output --partial "would change the host"
}

@test "a device of the host keeps its owner and mode" {
	local before
	before=$(stat -c '%a %u %g' /dev/null /dev/full)
	bundle '.process.args = ["true"] | .linux.devices = [{path: "/dev/null", type: "c", major: 1, minor: 3,
		fileMode: 384, uid: 5, gid: 6}, {path: "/dev/full", type: "c", major: 1, minor: 7, fileMode: 0}] |
		.process.user = {uid: 1000, gid: 1000}'
	rt run "$ID" </dev/null
	assert_equal "$(stat -c '%a %u %g' /dev/null /dev/full)" "$before"
}

# The processes of the container ID as its own proc shows them, and its processes for the host.
inside_count() { find "/proc/$(rt state "$ID" | jq .pid)/root/proc" -maxdepth 1 -name '[0-9]*' | wc -l; }
host_count() { rt ps -f json "$ID" | jq length; }
counts_are() { [ "$(inside_count) $(host_count)" = "$1 $2" ]; }

# held CALL: `exec` whose processes wait for a minute when they make CALL.
held()
{
	strace -f -qq -o strace.out -e "trace=$1" -e "inject=$1:delay_enter=60s" \
		"$RUNTIME" --root "$OCI_ROOT" exec "$ID" sleep 50 </dev/null >/dev/null 2>&1 3>&- &
	HELD=$!
}

teardown()
{
	cloche_teardown
	[ -z "${HELD:-}" ] || kill -KILL $HELD 2>/dev/null || :
}

let_go()
{
	kill -KILL $HELD
	wait $HELD || :
	rt delete -f "$ID"
}

@test "exec with CAP_SYS_PTRACE inside: what has more rights than the command cannot be named there" {
	skip_unless_program strace
	bundle '.process.args = ["sleep", "100"] | .process.capabilities |= map_values(["CAP_SYS_PTRACE", "CAP_KILL"]) |
		.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["swapon"], action: "SCMP_ACT_ERRNO"}]}'
	running
	held setgroups # while it has all capabilities
	until_true 20 counts_are 1 2
	let_go
}

@test "exec with CAP_SYS_PTRACE inside: what can be named has the command's rights and none of our files" {
	local pid filter

	skip_unless_program strace
	for filter in '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["swapon"], action: "SCMP_ACT_ERRNO"}]}' null; do
		bundle ".process.args = [\"sleep\", \"100\"] | .process.capabilities |= map_values([\"CAP_SYS_PTRACE\", \"CAP_KILL\"]) |
			.process.user = {uid: 1000, gid: 1000} | .linux.seccomp = $filter"
		running
		held setsid # its first act
		until_true 20 counts_are 2 2
		pid=$(rt ps -f json "$ID" | jq ".[] | select(. != $(rt state "$ID" | jq .pid))")
		assert_equal "$(awk '$1 ~ /^(CapPrm|CapBnd):/ { print $2 }' "/proc/$pid/status" | sort -u)" 0000000000080020
		assert_equal "$(awk '$1 == "Uid:" { print $2, $3, $4, $5 }' "/proc/$pid/status")" "1000 1000 1000 1000"
		[ "$filter" = null ] || assert_equal "$(awk '$1 == "Seccomp:" { print $2 }' "/proc/$pid/status")" 2
		assert_equal "$(find "/proc/$pid/fd" -mindepth 1 -printf '%f %l\n' | awk '$1 > 2 { sub(/:.*/, "", $2); print $2 }' | sort | tr '\n' ' ')" "pipe socket "
		let_go
	done
}

@test "exec gets a terminal, signals and its exit status by way of the process that was born" {
	bundle '.process.args = ["sleep", "100"]'
	running
	run -7 rt exec "$ID" sh -c 'exit 7'
	run rt exec "$ID" sh -c 'kill -TERM $$'
	assert_failure 143
	run rt exec --tty "$ID" sh -c 'tty && ps -o pid,sid,tty | grep -c "sleep 100"; test -t 0 && echo >/dev/tty && echo terminal'
	assert_output --partial /dev/pts/0
	assert_output --partial terminal
	rt exec -d --pid-file pid "$ID" sleep 77
	assert_equal "$(tr '\0' ' ' <"/proc/$(cat pid)/cmdline")" "sleep 77 "
	rt delete -f "$ID"
}
