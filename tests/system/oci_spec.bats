#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a config.json says holds in the container: docs/oci-conformance.md names these tests.

# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # what a shell inside expands
load helper
load oci

setup_file() { oci_setup_file; }
teardown_file() { oci_teardown_file; }
teardown()
{
	cloche_teardown
	[ -z "${manager:-}" ] || kill "$manager" 2>/dev/null || :
	[ -z "${AGENT:-}" ] || kill "$AGENT" 2>/dev/null || :
}

# prints JQ SCRIPT WANTED: a container of the config changed by JQ prints it.
prints()
{
	bundle ".process.args = $(sh_args "$2") | ${1:-.}"
	run rt run "$ID"
	assert_success
	assert_output "$3"
}

USERNS='.linux.namespaces += [{type: "user"}] |
	.linux.uidMappings = [{containerID: 0, hostID: 700000, size: 65536}] |
	.linux.gidMappings = [{containerID: 0, hostID: 710000, size: 65536}]'

# -- process -----------------------------------------------------------------------------------

@test "process: user, groups, umask, working folder and HOME" {
	prints '.process.user = {uid: 1000, gid: 1000, umask: 63, additionalGids: [5, 6]} | .process.cwd = "/tmp" |
		.mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"]}]' \
		'id -u; id -g; grep Groups /proc/self/status; umask; pwd; echo $HOME' \
		"$(printf '1000\n1000\nGroups:\t5 6 \n0077\n/tmp\n/home/user')"
}

@test "process: a missing working folder is made" {
	prints '.process.cwd = "/tmp/new/folder" | .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs"}]' \
		pwd /tmp/new/folder
}

@test "process: capabilities in all five sets" {
	prints '.process.noNewPrivileges = false | .process.user = {uid: 1000, gid: 1000} | .process.capabilities = {
		bounding: ["CAP_KILL", "CAP_CHOWN"], permitted: ["CAP_KILL", "CAP_CHOWN"], inheritable: ["CAP_KILL"],
		ambient: ["CAP_KILL"], effective: ["CAP_KILL"]}' \
		'grep Cap /proc/self/status | cut -f 2' \
		"$(printf '%016x\n' 0x20 0x20 0x20 0x21 0x20)"
}

@test "process: limits, no_new_privs, oom score, scheduler, io priority" {
	prints '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}, {type: "RLIMIT_CORE", soft: 0, hard: 0}] |
		.process.oomScoreAdj = 321 | .process.scheduler = {policy: "SCHED_BATCH", nice: 7} |
		.process.ioPriority = {class: "IOPRIO_CLASS_IDLE", priority: 0}' \
		'ulimit -n; ulimit -Hn; ulimit -c; grep NoNewPrivs /proc/self/status; cat /proc/self/oom_score_adj; cut -d " " -f 19 /proc/self/stat; ionice' \
		"$(printf '100\n200\n0\nNoNewPrivs:\t1\n321\n7\nidle')"
}

@test "process: exec on the processors that are told" {
	bundle '.process.args = ["sleep", "100"] | .process.execCPUAffinity = {initial: "0", final: "0"}'
	rt create "$ID" </dev/null >/dev/null 2>&1
	rt start "$ID"
	run rt exec "$ID" grep Cpus_allowed_list /proc/self/status
	assert_output --regexp 'list:.0$'
	jq '.process | .args = ["grep", "Cpus_allowed_list", "/proc/self/status"] | .execCPUAffinity = {initial: "0"}' config.json >process.json
	run rt exec --process process.json "$ID"
	assert_output --regexp 'list:.0$'
	jq '.process | .args = ["true"] | .execCPUAffinity = {final: "zero"}' config.json >process.json
	run ! rt exec --process process.json "$ID"
	assert_output --partial "scheduler"
	rt delete -f "$ID"
}

@test "process: personality" {
	prints '.linux.personality = {domain: "LINUX32"}' 'uname -m' i686
}

# -- root and mounts ---------------------------------------------------------------------------

@test "linux: memory policy" {
	[ -e /proc/self/numa_maps ] || skip "this kernel has no NUMA"
	prints '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0"}' 'head -n 1 /proc/self/numa_maps | cut -d " " -f 2' bind:0
	prints '.linux.memoryPolicy = {mode: "MPOL_INTERLEAVE", nodes: "0", flags: ["MPOL_F_STATIC_NODES"]}' \
		'head -n 1 /proc/self/numa_maps | cut -d " " -f 2' interleave=static:0
	bundle '.linux.memoryPolicy = {mode: "MPOL_NONE", nodes: "0"}'
	run ! rt run "$ID"
	assert_output --partial 'linux.memoryPolicy: unknown mode "MPOL_NONE"'
	bundle '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "1000"}'
	run ! rt run "$ID"
	assert_output --partial "set the memory policy: Invalid argument"
}

@test "root: without pivot_root" {
	bundle ".process.args = $(sh_args 'ls /; pwd')"
	rt run "$ID" >with
	run rt run --no-pivot "$ID"
	assert_success
	assert_output "$(cat with)"
}

# tells WORDS...: an assignment of args, with the mounts for it: the command tells its service manager and then waits.
tells()
{
	local words

	words=$(jq -cn '$ARGS.positional' --args "$@")
	jq -cn --arg code "import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ['NOTIFY_SOCKET'])
for words in $words: s.send(words.encode())
time.sleep(100)" '["/usr/bin/python3", "-c", $code]'
}

@test "NOTIFY_SOCKET: what the command tells is passed on, and start waits until it is ready" {
	local usr='[{destination: "/usr", type: "bind", source: "/usr", options: ["bind", "ro"]}, {destination: "/lib", type: "bind", source: "/usr/lib", options: ["bind", "ro"]},
		{destination: "/lib64", type: "bind", source: "/usr/lib64", options: ["bind", "ro"]}]'

	skip_unless_program python3
	python3 -c 'import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("manager")
s.settimeout(60)
while True: print(s.recv(4096).decode().strip().replace("\n", " "), flush=True)' >told 2>/dev/null 3>&- &
	manager=$!
	until_true 30 test -S manager
	cp -a "$OCI_DIR/rootfs" rootfs
	bundle ".root = {path: \"$PWD/rootfs\"} | .process.user = {uid: 1000, gid: 1000} | .process.args = $(tells $'STATUS=begins\nMAINPID=1\nFDSTORE=1' $'READY=1\nSTATUS=there') | .mounts += $usr"
	export NOTIFY_SOCKET=$PWD/manager
	rt create "$ID" </dev/null >out 2>&1 || { cat out; false; }
	rt start "$ID"
	pid=$(rt state "$ID" | jq .pid)
	until_true 30 grep -q MAINPID told
	rt delete --force "$ID"
	kill $manager
	assert_equal "$(cat told)" "$(printf 'STATUS=begins\nREADY=1 STATUS=there MAINPID=%s' "$pid")"
}

@test "root: read-only when that is told, and writable when not" {
	prints '.root.readonly = true' 'touch /x 2>/dev/null || echo refused' refused
	cp -a "$OCI_DIR/rootfs" rootfs
	prints ".root = {path: \"$PWD/rootfs\"}" 'touch /x && echo made' made
}

@test "mounts: in their order, with their attributes, and what is below them" {
	mkdir source source/below
	echo one >source/file
	prints ".mounts += [
		{destination: \"/tmp\", type: \"tmpfs\", source: \"tmpfs\", options: [\"size=64k\", \"nosuid\", \"noexec\", \"mode=1770\"]},
		{destination: \"/tmp/a\", source: \"$PWD/source\", options: [\"bind\", \"ro\", \"nosuid\", \"nodev\"]},
		{destination: \"/tmp/f\", source: \"$PWD/source/file\", options: [\"bind\"]}]" \
		'stat -c %a /tmp; cat /tmp/a/file; cat /tmp/f; touch /tmp/a/x 2>/dev/null || echo refused; echo two >/tmp/f
		 grep " /tmp/a " /proc/self/mountinfo | cut -d " " -f 6' \
		"$(printf '1770\none\none\nrefused\nro,nosuid,nodev,relatime')"
	assert_equal "$(cat source/file)" two
}

@test "mounts: rro makes the whole tree read-only, ro the top alone" {
	mkdir -p source/sub
	mount -t tmpfs tmpfs source/sub
	prints ".mounts += [{destination: \"/tmp\", source: \"$PWD/source\", options: [\"rbind\", \"ro\"]}]" \
		'touch /tmp/x 2>/dev/null || echo no; touch /tmp/sub/x && echo yes' "$(printf 'no\nyes')"
	prints ".mounts += [{destination: \"/tmp\", source: \"$PWD/source\", options: [\"rbind\", \"rro\"]}]" \
		'touch /tmp/x 2>/dev/null || echo no; touch /tmp/sub/x 2>/dev/null || echo no' "$(printf 'no\nno')"
	umount source/sub
}

@test "mounts: tmpcopyup, nosymfollow, strictatime" {
	prints '.mounts += [{destination: "/etc", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "strictatime"]}]' \
		'head -c 4 /etc/passwd; echo; touch /etc/new && echo made; grep " /etc " /proc/self/mountinfo | cut -d " " -f 6' \
		"$(printf 'root\nmade\nrw')"
}

# options_show OPTIONS WANTED...: a mount for each pair, and the words of its line in mountinfo: those of the mount and, behind a
# slash, of the file system. Each is sorted out of what all have.
options_show()
{
	local mounts="" script="" wanted="" i=0 options

	while [ $# -gt 0 ]; do
		options=$(jq -cn --arg o "$1" '$o | split(",")')
		mounts+="$(printf '{destination: "/tmp/%s", %s, options: %s},' "$i" "$MOUNT" "$options")"
		script+="awk '\$5 == \"/tmp/$i$BELOW\" { n = NF; print \$6 \"/\" \$n }' /proc/self/mountinfo | sed 's/,size=.*//; s/,inode64//'; "
		wanted+="${2}"$'\n'
		i=$((i + 1))
		shift 2
	done
	prints ".mounts += [{destination: \"/tmp\", type: \"tmpfs\", source: \"tmpfs\"}, ${mounts%,}]" "$script" "${wanted%$'\n'}"
}

@test "mounts: every option of the spec's table that is about the mount itself" {
	MOUNT='type: "tmpfs", source: "tmpfs"' BELOW='' options_show \
		defaults rw,relatime/rw ro ro,relatime/rw ro,rw rw,relatime/rw \
		nosuid rw,nosuid,relatime/rw nosuid,suid rw,relatime/rw nodev rw,nodev,relatime/rw nodev,dev rw,relatime/rw \
		noexec rw,noexec,relatime/rw noexec,exec rw,relatime/rw noatime rw,noatime/rw noatime,atime rw,relatime/rw \
		nodiratime rw,nodiratime,relatime/rw nodiratime,diratime rw,relatime/rw strictatime rw/rw strictatime,nostrictatime rw,relatime/rw \
		norelatime rw/rw strictatime,relatime rw,relatime/rw nosymfollow rw,relatime,nosymfollow/rw nosymfollow,symfollow rw,relatime/rw \
		sync rw,relatime/rw,sync sync,size=1m,async rw,relatime/rw dirsync rw,relatime/rw,dirsync lazytime rw,relatime/rw,lazytime \
		loud,silent,mand,nomand,iversion,noiversion,lazytime,nolazytime rw,relatime/rw noacl,acl rw,relatime/rw
	bundle '.mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["noacl"]}]'
	run ! rt run "$ID"
	assert_output --partial "option noacl: access control lists cannot be turned off"
	bundle '.mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["size=1m", "colour=red"]}]'
	run ! rt run "$ID"
	assert_output --partial "mount at /tmp: Invalid argument; type tmpfs takes not all of its options: size=1m,colour=red"
}

@test "mounts: every recursive option, on the mount below" {
	mkdir -p tree/sub
	mount -t tmpfs tmpfs tree/sub
	MOUNT="source: \"$PWD/tree\"" BELOW=/sub options_show \
		rbind rw,relatime/rw rbind,ro rw,relatime/rw rbind,rro ro,relatime/rw rbind,rro,rrw rw,relatime/rw \
		rbind,rnosuid rw,nosuid,relatime/rw rbind,rnosuid,rsuid rw,relatime/rw rbind,rnodev rw,nodev,relatime/rw \
		rbind,rnodev,rdev rw,relatime/rw rbind,rnoexec rw,noexec,relatime/rw rbind,rnoexec,rexec rw,relatime/rw \
		rbind,rnoatime rw,noatime/rw rbind,rnoatime,ratime rw,relatime/rw rbind,rnodiratime rw,nodiratime,relatime/rw \
		rbind,rnodiratime,rdiratime rw,relatime/rw rbind,rstrictatime rw/rw rbind,rnorelatime rw/rw \
		rbind,rstrictatime,rrelatime rw,relatime/rw rbind,rstrictatime,rnostrictatime rw,relatime/rw rbind,rnosymfollow rw,relatime,nosymfollow/rw \
		rbind,rnosymfollow,rsymfollow rw,relatime/rw
	umount tree/sub
	mount -t tmpfs -o ro,nosuid,nodev,noexec,noatime tmpfs tree/sub
	MOUNT="source: \"$PWD/tree\"" BELOW=/sub options_show rbind ro,nosuid,nodev,noexec,noatime/ro rbind,rsuid,rdev,rexec,rrelatime ro,relatime/ro
	umount tree/sub
}

@test "mounts: each propagation, of the mount and of those below it" {
	local kind n=0 mounts=''

	mkdir -p tree/sub
	mount -t tmpfs tmpfs tree
	mkdir tree/sub
	mount -t tmpfs tmpfs tree/sub
	mount --make-rshared tree
	for kind in private shared slave unbindable; do
		mounts+=", {destination: \"/tmp/$n\", source: \"$PWD/tree\", options: [\"rbind\", \"$kind\"]},
			{destination: \"/tmp/r$n\", source: \"$PWD/tree\", options: [\"rbind\", \"r$kind\"]}"
		n=$((n + 1))
	done
	# the words between the sixth field and the hyphen; a mount below must not stay the host's peer, but where it is asked for
	prints ".mounts += [{destination: \"/tmp\", type: \"tmpfs\", source: \"tmpfs\"}$mounts]" \
		'awk "\$5 ~ /^\/tmp\/r?[0-9]/ { w = \"\"; for (i = 7; \$i != \"-\"; i++) { sub(/:.*/, \"\", \$i); w = w \" \" \$i } print \$5 w }" /proc/self/mountinfo | sort' \
		"/tmp/0
/tmp/0/sub
/tmp/1 shared
/tmp/1/sub shared
/tmp/2 master
/tmp/2/sub master
/tmp/3 unbindable
/tmp/3/sub
/tmp/r0
/tmp/r0/sub
/tmp/r1 shared
/tmp/r1/sub shared
/tmp/r2 master
/tmp/r2/sub master
/tmp/r3 unbindable
/tmp/r3/sub unbindable"
	umount tree/sub tree
}

@test "mounts: remount, ridmap, copy-symlink" {
	mkdir -p tree/sub
	mount -t tmpfs tmpfs tree/sub
	chown 5:6 tree tree/sub
	ln -s /nowhere/at-all link
	prints "$USERNS | .mounts += [{destination: \"/tmp\", type: \"tmpfs\", source: \"tmpfs\", options: [\"nosuid\"]},
		{destination: \"/tmp/tree\", source: \"$PWD/tree\", options: [\"rbind\", \"ridmap\"]},
		{destination: \"/tmp/top\", source: \"$PWD/tree\", options: [\"rbind\", \"idmap\"]},
		{destination: \"/tmp/a/link\", source: \"$PWD/link\", options: [\"bind\", \"copy-symlink\"]},
		{destination: \"/tmp\", source: \"none\", options: [\"remount\", \"ro\", \"noexec\"]}]" \
		'stat -c %u:%g /tmp/tree /tmp/tree/sub /tmp/top /tmp/top/sub; readlink /tmp/a/link; touch /tmp/x 2>/dev/null || echo no
		awk "\$5 == \"/tmp\" { print \$6 }" /proc/self/mountinfo' \
		"$(printf '5:6\n5:6\n5:6\n65534:65534\n/nowhere/at-all\nno\nro,nosuid,noexec,relatime')"
	umount tree/sub
}

@test "mounts: an id-mapped bind shows the files of another range" {
	mkdir source
	touch source/file
	chown 700005:710006 source source/file
	prints "$USERNS | .mounts += [{destination: \"/tmp\", source: \"$PWD/source\", options: [\"bind\"]}]" \
		'stat -c %u:%g /tmp/file' 5:6
	chown 5:6 source source/file
	prints "$USERNS | .mounts += [{destination: \"/tmp\", source: \"$PWD/source\", options: [\"bind\", \"idmap\"]}]" \
		'stat -c %u:%g /tmp/file' 5:6
	prints ".mounts += [{destination: \"/tmp\", source: \"$PWD/source\", options: [\"bind\"],
		uidMappings: [{containerID: 5, hostID: 50, size: 1}], gidMappings: [{containerID: 6, hostID: 60, size: 1}]}]" \
		'stat -c %u:%g /tmp/file' 50:60
}

@test "mounts: a missing source and an unknown file system are errors that name the mount" {
	bundle '.mounts += [{destination: "/tmp", source: "/no/such/folder", options: ["bind"]}]'
	run ! rt run "$ID"
	assert_output --partial "/no/such/folder"
	bundle '.mounts += [{destination: "/tmp", type: "nosuchfs", source: "x"}]'
	run ! rt run "$ID"
	assert_output --partial "mount at /tmp"
}

@test "mounts: propagation of a bind and of the root" {
	mkdir source
	mount -t tmpfs tmpfs source
	mount --make-shared source
	bundle ".process.args = [\"sleep\", \"100\"] | .linux.rootfsPropagation = \"rslave\" |
		.mounts += [{destination: \"/tmp\", source: \"$PWD/source\", options: [\"rbind\", \"rslave\"]}]"
	rt create --pid-file pid "$ID" </dev/null >/dev/null 2>&1
	rt start "$ID"
	mkdir source/new
	mount -t tmpfs tmpfs source/new
	touch source/new/here
	run rt exec "$ID" ls /tmp/new
	assert_output here
	rt delete -f "$ID"
	umount source/new source
}

@test "masked and read-only paths" {
	prints '.linux.maskedPaths += ["/etc/passwd", "/etc/nothing", "/home"] | .linux.readonlyPaths += ["/proc/sys"]' \
		'wc -c </etc/passwd; ls /home; echo 1 2>/dev/null >/proc/sys/net/ipv4/ip_forward || echo refused' \
		"$(printf '0\nrefused')"
}

# -- namespaces --------------------------------------------------------------------------------

@test "namespaces: a user namespace with its maps" {
	cp -a "$OCI_DIR/rootfs" rootfs
	chown -R 700000:710000 rootfs
	prints "$USERNS | .root = {path: \"$PWD/rootfs\"}" \
		'id -u; cat /proc/self/uid_map | tr -s " "; echo x >/dev/null; stat -c %t:%T /dev/null; touch /x && echo made' \
		"$(printf '0\n 0 700000 65536\n1:3\nmade')"
	assert_equal "$(stat -c %u:%g rootfs/x)" 700000:710000
}

@test "namespaces: those with a path are joined, those not named are the host's" {
	unshare -n -u -i sh -c 'hostname joined; ip link add there type dummy 2>/dev/null || ip link set lo up; echo $$ >holder; exec sleep 100' &
	until_true 30 test -s holder
	holder=$(cat holder)
	prints ".hostname = null | .linux.namespaces = [{type: \"mount\"}, {type: \"pid\"}, {type: \"network\", path: \"/proc/$holder/ns/net\"},
		{type: \"uts\", path: \"/proc/$holder/ns/uts\"}, {type: \"ipc\", path: \"/proc/$holder/ns/ipc\"}]" \
		'hostname; for n in net ipc cgroup; do readlink /proc/self/ns/$n; done' \
		"joined
$(readlink "/proc/$holder/ns/net" "/proc/$holder/ns/ipc" /proc/self/ns/cgroup)"
	kill "$holder"
	bundle '.linux.namespaces += [{type: "time", path: "/proc/self/ns/net"}]'
	run ! rt run "$ID"
	assert_output --partial "join namespace /proc/self/ns/net: it is none of this type"
}

@test "namespaces: a second container joins the pid and user namespaces of a first" {
	cp -a "$OCI_DIR/rootfs" rootfs
	chown -R 700000:710000 rootfs
	bundle "$USERNS | .root.path = \"$PWD/rootfs\" | .process.args = [\"sleep\", \"100\"]"
	first=$ID own=$PWD
	rt create --pid-file pid "$first" </dev/null >/dev/null 2>&1
	rt start "$first"
	pid=$(cat pid)
	ID=$ID-second
	jq ".process.args = $(sh_args 'ps | grep -c "[s]leep 100"; cat /proc/self/uid_map | tr -s " "') | .hostname = null |
		.root.path = \"$own/rootfs\" | .linux.uidMappings = null | .linux.gidMappings = null | .linux.cgroupsPath += \"-second\" |
		.linux.namespaces = [{type: \"mount\"}, {type: \"ipc\"},
			(\"pid\", \"user\", \"uts\" | {type: ., path: \"/proc/$pid/ns/\(.)\"}),
			{type: \"network\", path: \"/proc/$pid/ns/net\"}]" config.json >second.json
	run rt run --config second.json "$ID"
	assert_output "$(printf '1\n 0 700000 65536')"
	run rt exec "$first" id -u
	assert_output 0
	rt delete -f "$first"
}

@test "namespaces: time offsets" {
	prints '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 1000000, nanosecs: 5}, monotonic: {secs: 7, nanosecs: 0}}' \
		'tr -s " \t" " " </proc/self/timens_offsets; [ $(cut -d . -f 1 /proc/uptime) -gt 1000000 ] && echo later' \
		"$(printf 'monotonic 7 0\nboottime 1000000 5\nlater')"
}

@test "namespaces: host and domain name, kernel parameters" {
	prints '.hostname = "web" | .domainname = "example.org" | .linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "4321"}' \
		'hostname; cat /proc/sys/kernel/domainname /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax' \
		"$(printf 'web\nexample.org\n1\n4321')"
}

# -- devices, cgroups --------------------------------------------------------------------------

@test "devices: the standard ones, links, and those that are told, with owner and mode" {
	prints '.linux.devices = [{path: "/dev/my/node", type: "c", major: 1, minor: 5, fileMode: 416, uid: 3, gid: 4},
		{path: "/dev/pipe", type: "p", fileMode: 438}]' \
		'for d in null zero full random urandom tty; do stat -c %n:%F:%a /dev/$d; done; readlink /dev/fd; readlink /dev/ptmx
		 stat -c "%t:%T %a %u:%g" /dev/my/node; stat -c %F /dev/pipe' \
		"$(for d in null zero full random urandom tty; do echo "/dev/$d:character special file:666"; done
		printf '/proc/self/fd\npts/ptmx\n1:5 640 3:4\nfifo')"
}

@test "devices: what no rule allows cannot be opened" {
	skip_unless_cgroup devices
	prints '.linux.devices = [{path: "/dev/kmsg", type: "c", major: 1, minor: 11, fileMode: 438}]' \
		'(: >/dev/kmsg) 2>/dev/null || echo refused; head -c 1 /dev/zero | wc -c' "$(printf 'refused\n1')"
}

@test "cgroups: a limit whose controller is missing is an error, one of v2 is left out on v1" {
	skip_unless_cgroup pids
	prints '.linux.resources.pids.limit = 33 | .linux.resources.memory.swappiness = 10' \
		'cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; true' 33
	bundle '.linux.resources.rdma = {mlx5_0: {hcaHandles: 3}}'
	run ! rt run "$ID"
	assert_output --partial rdma
}

@test "cgroups: a path of others is refused, one that was left is taken" {
	bundle '.process.args = ["true"]'
	path=/cloche-oci-${CLOCHE_TEST_DIR##*.}/$ID
	for h in /sys/fs/cgroup/*/; do
		[ ! -e "$h/cgroup.procs" ] || mkdir -p "$h$path"
	done
	rt run "$ID"
	bundle '.process.args = ["sleep", "100"]'
	rt create "$ID" </dev/null >/dev/null 2>&1
	cp config.json other.json
	run ! rt create --config other.json "$ID-other"
	assert_output --partial "is in an earlier one of this name"
	rt delete -f "$ID"
}

@test "cgroups: a frozen one that was left at the path is taken, and processes do not hang in it" {
	local path h frozen=0

	bundle '.process.args = ["echo", "thawed"]'
	path=/cloche-oci-${CLOCHE_TEST_DIR##*.}/$ID
	for h in $(hierarchies); do
		mkdir -p "$h$path"
		[ ! -e "$h$path/freezer.state" ] || { echo FROZEN >"$h$path/freezer.state" && frozen=1; }
		[ ! -e "$h$path/cgroup.freeze" ] || { echo 1 >"$h$path/cgroup.freeze" && frozen=1; }
	done
	[ "$frozen" = 1 ]
	run rt run "$ID"
	assert_success
	assert_output thawed
}

@test "process: a lower oom score is a wish where the host denies it" {
	prints '.process.oomScoreAdj = -500' 'echo runs' runs
}

# -- seccomp -----------------------------------------------------------------------------------

@test "seccomp: errno, kill, arguments, and calls that no rule names" {
	prints '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
		syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28},
			{names: ["fchmodat", "chmod"], action: "SCMP_ACT_ERRNO"},
			{names: ["kill"], action: "SCMP_ACT_ERRNO", errnoRet: 99, args: [{index: 1, value: 10, op: "SCMP_CMP_EQ"}]}]} |
		.mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs"}]' \
		'mkdir /tmp/x 2>&1; chmod 700 /tmp 2>&1; kill -12 1 2>&1; kill -10 1 2>&1; grep Seccomp: /proc/self/status' \
		"$(printf "mkdir: can't create directory '/tmp/x': No space left on device\nchmod: /tmp: Operation not permitted\nsh: can't kill pid 1: Cannot assign requested address\nSeccomp:\t2")"
}

@test "seccomp: unknown actions and operators are refused where they stand" {
	bundle '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["read"], action: "SCMP_ACT_HOPE"}]}'
	run ! rt run "$ID"
	assert_output --partial 'linux.seccomp: syscalls[0]: unknown action "SCMP_ACT_HOPE"'
	bundle '.linux.seccomp = {defaultAction: "SCMP_ACT_NOTIFY"}'
	run ! rt run "$ID"
	assert_output --partial "cannot be the default"
}

@test "seccomp: a filter that allows next to nothing still lets the command start" {
	prints '.linux.seccomp = {defaultAction: "SCMP_ACT_ERRNO", syscalls: [{action: "SCMP_ACT_ALLOW", names: ["execve", "capset",
		"prctl", "write", "brk", "arch_prctl", "exit_group", "set_tid_address", "mmap", "mprotect", "munmap", "read", "close",
		"openat", "open", "fstat", "newfstatat", "getuid", "setuid", "getgid", "setgid", "rt_sigprocmask", "rt_sigaction", "uname",
		"ioctl", "getpid", "getppid", "getcwd", "stat", "fcntl", "dup2", "rseq", "set_robust_list", "prlimit64", "readlink",
		"readlinkat", "getrandom", "wait4", "clone", "fork", "vfork", "geteuid", "getegid"]}]}' 'echo alive' alive
}

@test "seccomp: the listener gets the descriptor and the state" {
	skip_unless_program python3
	cat >listener.py <<-'END'
		import array, json, os, socket
		s = socket.socket(socket.AF_UNIX)
		s.bind("listener")
		s.listen(1)
		open("ready", "w").close()
		c, _ = s.accept()
		text, data, _, _ = c.recvmsg(65536, socket.CMSG_LEN(4))
		state = json.loads(text)
		fd = array.array("i", data[0][2])[0]
		print(state["fds"], state["metadata"], state["state"]["id"], state["state"]["status"],
		      os.readlink("/proc/self/fd/%d" % fd))
	END
	python3 listener.py >out &
	until_true 30 test -e ready
	bundle ".process.args = [\"true\"] | .linux.seccomp = {defaultAction: \"SCMP_ACT_ALLOW\", listenerPath: \"$PWD/listener\",
		listenerMetadata: \"meta\", syscalls: [{names: [\"mkdir\"], action: \"SCMP_ACT_NOTIFY\"}]}"
	rt run "$ID"
	wait
	assert_equal "$(cat out)" "['seccompFd'] meta $ID creating anon_inode:seccomp notify"
}

# agent_begin: tests/system/seccomp_agent.py at ./agent, what it sees in ./seen; ended by teardown.
agent_begin()
{
	skip_unless_program python3
	python3 "$BATS_TEST_DIRNAME/seccomp_agent.py" agent >seen 2>&1 3>&- 4>&- &
	AGENT=$!
	until_true 30 grep -q ready seen
}

NOTIFY='{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY"}]}'

@test "seccomp: a receiver answers what a command asks: an error, a lie, or go on" {
	agent_begin
	bundle ".process.args = $(sh_args 'mkdir /tmp/no; mkdir /tmp/fake && ls /tmp; mkdir /tmp/yes && ls /tmp; sleep 100') |
		.mounts += [{destination: \"/tmp\", type: \"tmpfs\", source: \"tmpfs\"}] |
		.linux.seccomp = $NOTIFY + {listenerPath: \"$PWD/agent\", listenerMetadata: \"of this test\"}"
	rt create --pid-file pid "$ID" </dev/null >out 2>&1
	rt start "$ID"
	until_true 30 grep -q yes out
	assert_equal "$(cat out)" "$(printf "mkdir: can't create directory '/tmp/no': Invalid cross-device link\nyes")"
	grep -qx "state 1.[0-9.]* seccompFd of this test $(cat pid) $ID creating" seen
	assert_equal "$(grep ^asked seen | xargs)" "asked /tmp/no asked /tmp/fake asked /tmp/yes"
	# an exec has a filter and a listener of its own
	run rt exec "$ID" mkdir /tmp/no-more
	assert_failure
	assert_output --partial "Invalid cross-device link"
	rt exec "$ID" mkdir /tmp/more
	grep -qx "asked /tmp/more" seen
	assert_equal "$(grep -c "^state .* $ID " seen)" 3
	rt delete -f "$ID"
	until_true 30 grep -qx "end $ID" seen
}

@test "seccomp: run.oci.seccomp.receiver names the receiver, and without one NOTIFY is refused" {
	agent_begin
	bundle ".process.args = [\"mkdir\", \"/fake\"] | .linux.seccomp = $NOTIFY |
		.annotations = {\"run.oci.seccomp.receiver\": \"$PWD/agent\"}"
	rt run "$ID"
	grep -qx "asked /fake" seen
	bundle ".process.args = [\"true\"] | .linux.seccomp = $NOTIFY"
	run ! rt run "$ID"
	assert_output --partial "listenerPath: is needed for SCMP_ACT_NOTIFY"
	bundle ".process.args = [\"true\"] | .linux.seccomp = $NOTIFY + {listenerPath: \"$PWD/nobody\"}"
	run ! rt run "$ID"
	assert_output --partial "open socket $PWD/nobody"
	run ! rt state "$ID"
	bundle ".process.args = [\"true\"] | .annotations = {\"run.oci.seccomp.receiver\": \"agent\"}"
	run ! rt run "$ID"
	assert_output --partial "is not an absolute path"
}

@test "run.oci.pidfd_receiver and --pidfd-socket: a pidfd of the first process" {
	agent_begin
	bundle ".process.args = [\"sleep\", \"100\"] | .annotations = {\"run.oci.pidfd_receiver\": \"$PWD/agent\"}"
	rt create --pid-file pid "$ID" </dev/null >/dev/null 2>&1
	until_true 30 grep -qx "pidfd $(cat pid)" seen
	rt start "$ID"
	run ! grep -q ended seen
	rt delete -f "$ID"
	until_true 30 grep -qx ended seen
	bundle '.process.args = ["true"]'
	rt run --pidfd-socket agent "$ID"
	two() { [ "$(grep -c ^pidfd seen)" -eq 2 ]; }
	until_true 30 two
}

# -- hooks -------------------------------------------------------------------------------------

@test "hooks: six kinds, in their order, with the state on stdin" {
	cat >hook <<-'END'
		#!/bin/sh
		state=$(cat)
		echo "$1 $(echo "$state" | sed 's/.*"status": "\([a-z]*\)".*/\1/') $X" >>"$2"
	END
	chmod 755 hook
	cp -a "$OCI_DIR/rootfs" rootfs
	cp hook rootfs/bin/hook
	touch log
	hook() { echo "[{path: \"$PWD/hook\", args: [\"hook\", \"$1\", \"$PWD/log\"], env: [\"X=$1-env\", \"PATH=/bin:/usr/bin\"]}]"; }
	bundle ".root = {path: \"$PWD/rootfs\"} | .process.args = $(sh_args 'echo command >>/log') | .hooks = {
		prestart: $(hook prestart), createRuntime: $(hook createRuntime), createContainer: $(hook createContainer),
		startContainer: [{path: \"/bin/hook\", args: [\"hook\", \"startContainer\", \"/log\"], env: [\"X=inside\"]}],
		poststart: $(hook poststart), poststop: $(hook poststop)} |
		.mounts += [{destination: \"/log\", source: \"$PWD/log\", options: [\"bind\"]}]"
	rt create "$ID" </dev/null >/dev/null 2>&1
	assert_equal "$(cat log)" "prestart creating prestart-env
createRuntime creating createRuntime-env
createContainer creating createContainer-env"
	rt start "$ID"
	until_true 30 status_is "$ID" stopped
	rt delete "$ID"
	assert_equal "$(sed -n '4,$p' log | sort)" "command
poststart running poststart-env
poststop stopped poststop-env
startContainer created inside"
}

@test "hooks: one that fails or takes too long ends the start, and nothing is left" {
	bundle '.hooks.createRuntime = [{path: "/bin/false"}]'
	run ! rt create "$ID"
	assert_output --partial "createRuntime hook /bin/false: exit status 1"
	bundle '.hooks.createRuntime = [{path: "/bin/sleep", args: ["sleep", "100"], timeout: 1}]'
	run ! rt create "$ID"
	assert_output --partial "did not end within 1 s"
	bundle '.hooks.createContainer = [{path: "/no/such/hook"}]'
	run ! rt create "$ID"
	assert_output --partial "createContainer hook /no/such/hook: No such file"
	run ! rt state "$ID"
	[ -z "$(find /sys/fs/cgroup -type d -name "$ID")" ]
	bundle '.process.args = ["true"] | .hooks.poststop = [{path: "/bin/false"}]'
	run rt run "$ID"
	assert_success
	assert_output --partial "poststop hook /bin/false"
}

# -- the document ------------------------------------------------------------------------------

@test "unknown properties are passed over, unknown values refused" {
	prints '.future = {a: [1, 2]} | .linux.future = 1 | .process.future = null | .annotations = {"a.b": "c"}' 'echo ok' ok
	bundle '.ociVersion = "2.0.0"'
	run ! rt run "$ID"
	assert_output --partial 'version "2.0.0" of the spec is unknown'
	bundle '.process.cwd = "relative"'
	run ! rt run "$ID"
	assert_output --partial 'process.cwd: "relative" is not an absolute path'
	bundle '.linux.intelRdt = {closID: "x"}'
	run ! rt run "$ID"
	assert_output --partial "not supported"
	echo '{"ociVersion": "1.0.0", "ociVersion": "1.0.0"}' >config.json
	run ! rt run "$ID"
	assert_output --partial "stands there twice"
}

@test "cgroups: a hierarchy that goes away just now stops no start" {
	grep -q '^net_cls.*1$' /proc/cgroups || skip "this host has no cgroup controller net_cls"
	mkdir net_cls
	bundle '.process.args = ["true"]'
	# in a shell of its own: the one of bats takes too long between the two
	bash -c 'for _ in {1..10}; do
		mount -t cgroup -o net_cls net_cls net_cls && umount net_cls && "$RUNTIME" --root "$OCI_ROOT" run "$1" || exit
	done' bash "$ID"
}

@test "cgroups: network class and priorities, where their hierarchies are mounted" {
	local controller mounted=''

	for controller in net_cls net_prio; do
		grep -q "^$controller.*1\$" /proc/cgroups || skip "this host has no cgroup controller $controller"
		mkdir -p "$controller"
		mount -t cgroup -o "$controller" "$controller" "$controller" || skip "the hierarchy of $controller is taken"
		mounted+=" $controller"
	done
	bundle '.process.args = ["sleep", "100"] | .linux.resources.network = {classID: 1048577, priorities: [{name: "lo", priority: 5}]}'
	path=/cloche-oci-${CLOCHE_TEST_DIR##*.}
	rt create "$ID" </dev/null >out 2>&1 || { cat out; false; }
	class=$(cat "net_cls$path/$ID/net_cls.classid") priority=$(grep '^lo ' "net_prio$path/$ID/net_prio.ifpriomap")
	rt delete --force "$ID"
	rmdir "net_cls$path" "net_prio$path"
	for controller in $mounted; do umount "$controller"; done
	assert_equal "$class $priority" "1048577 lo 5"
}

# -- mounts of a running container ------------------------------------------------------------

@test "mounts add and remove: binds and tmpfs, with and without a user namespace" {
	local users

	mkdir -p shared
	echo there >shared/file
	for users in '' '| .linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 700000, size: 65536}] |
		.linux.gidMappings = [{containerID: 0, hostID: 700000, size: 65536}]'; do
		bundle ".process.args = [\"sleep\", \"100\"] | .mounts += [{destination: \"/srv\", type: \"tmpfs\", source: \"tmpfs\"}] $users"
		rt create "$ID" </dev/null >out 2>&1 || { cat out; false; }
		rt start "$ID"
		jq -n "[{destination: \"/srv/a\", type: \"bind\", source: \"$PWD/shared\", options: [\"rbind\", \"ro\"]},
			{destination: \"/srv/b/c\", type: \"tmpfs\", source: \"tmpfs\", options: [\"nosuid\", \"size=64k\"]},
			{destination: \"/srv/f\", type: \"bind\", source: \"$PWD/shared/file\", options: [\"bind\"]}]" >mounts.json
		rt mounts add "$ID" mounts.json
		assert_equal "$(rt exec "$ID" sh -c 'cat /srv/a/file /srv/f; echo x >/srv/a/new || echo read-only; echo y >/srv/b/c/z && cat /srv/b/c/z' 2>/dev/null)" \
			"$(printf 'there\nthere\nread-only\ny')"
		jq '{mounts: .}' mounts.json >removed.json
		rt mounts remove "$ID" removed.json
		assert_equal "$(rt exec "$ID" sh -c 'ls /srv/a /srv/b/c; cat /srv/f; grep -c /srv/ /proc/mounts')" "$(printf '/srv/a:\n\n/srv/b/c:\n0')"
		run ! rt mounts remove "$ID" mounts.json
		assert_output --partial "unmount /srv/a: it is no mount point"
		rt delete --force "$ID"
	done
}

@test "mounts add: what would hide proc, depends on namespaces or leads out is refused or stays inside" {
	bundle '.process.args = ["sleep", "100"] | .mounts += [{destination: "/srv", type: "tmpfs", source: "tmpfs"}]'
	rt create "$ID" </dev/null >out 2>&1
	rt start "$ID"
	echo '[{"destination": "/proc/sys", "type": "tmpfs", "source": "tmpfs"}]' >m.json
	run ! rt mounts add "$ID" m.json
	assert_output --partial "mount at /proc/sys: refused"
	echo '[{"destination": "/srv/proc", "type": "proc", "source": "proc"}]' >m.json
	run ! rt mounts add "$ID" m.json
	assert_output --partial "only bind mounts and tmpfs"
	echo '[{"destination": "/srv/x"' >m.json
	run ! rt mounts add "$ID" m.json
	rt exec "$ID" ln -s ../../../../../../etc /srv/link
	echo '[{"destination": "/srv/link/cloche-mounts", "type": "tmpfs", "source": "tmpfs"}]' >m.json
	rt mounts add "$ID" m.json || : # its root file system is read-only
	[ ! -e /etc/cloche-mounts ]
	run ! rt mounts replace "$ID" m.json
	assert_output --partial "neither add nor remove"
	rt delete --force "$ID"
	run ! rt mounts add "$ID" m.json
	assert_output --partial "does not exist"
}

@test "mountLabel is refused where there is no SELinux" {
	[ ! -e /sys/fs/selinux/enforce ] || skip "this host uses SELinux"
	bundle '.linux.mountLabel = "system_u:object_r:container_file_t:s0:c1,c2"'
	run ! rt run "$ID"
	assert_output --partial 'linux.mountLabel: "system_u:object_r:container_file_t:s0:c1,c2": this host does not use SELinux'
	prints '.linux.mountLabel = ""' 'echo none' none
}

@test "netDevices: a link goes in under another name, keeps its addresses and comes up" {
	ip link add cl-oci-a type veth peer name cl-oci-b || skip "this host makes no veth pairs"
	ip address add 198.51.100.7/24 dev cl-oci-a
	ip address add 2001:db8::7/64 dev cl-oci-a nodad
	# neither of these two is kept: of the link, and for a while
	ip address add 203.0.113.8/24 scope link dev cl-oci-a
	ip address add 2001:db8::9/64 dev cl-oci-a nodad valid_lft 3600 preferred_lft 3600
	ip link set cl-oci-a mtu 1400 up
	bundle ".process.args = [\"ip\", \"address\", \"show\", \"eth7\"] | .linux.netDevices = {\"cl-oci-a\": {name: \"eth7\"}}"
	run rt run "$ID"
	ip link delete cl-oci-b || : # its peer went with the container's network
	assert_success
	assert_output --partial "eth7@"
	assert_output --partial "mtu 1400"
	assert_output --partial "inet 198.51.100.7/24"
	assert_output --partial "inet6 2001:db8::7/64"
	refute_output --partial 203.0.113.8
	refute_output --partial 2001:db8::9/
	assert_output --regexp "<[^>]*UP[^>]*>"
	bundle '.process.args = ["true"] | .linux.netDevices = {nosuchlink: {}}'
	run ! rt run "$ID"
	assert_output --partial "move network device nosuchlink into the container"
}

# -- crun's annotations ------------------------------------------------------------------------

@test "annotations of crun: groups, time offset, files of hooks; what cannot be followed is refused" {
	bundle ".process.args = $(sh_args 'cat /proc/self/timens_offsets; id -G') | .annotations = {\"run.oci.timens_offset\": \"monotonic 1000 5\", \"run.oci.keep_original_groups\": \"1\",
		\"run.oci.hooks.stdout\": \"$PWD/hook.out\", \"run.oci.hooks.stderr\": \"$PWD/hook.err\"} |
		.hooks.createRuntime = [{path: \"/bin/sh\", args: [\"sh\", \"-c\", \"echo out; echo error >&2\"]}] |
		.hooks.poststop = [{path: \"/bin/sh\", args: [\"sh\", \"-c\", \"echo stopped\"]}]"
	run -0 setpriv --groups 44,55 timeout 200 "$RUNTIME" --root "$OCI_ROOT" run "$ID"
	assert_output --regexp "monotonic +1000 +5"
	assert_output --partial "0 44 55"
	assert_equal "$(cat hook.out hook.err)" "$(printf 'out\nstopped\nerror')"
	for name in handler seccomp_bpf_data systemd.force_cgroup_v1 systemd.subgroup seccomp_fail_unknown_syscall; do
		bundle ".annotations = {\"run.oci.$name\": \"x\"}"
		run ! rt run "$ID"
		assert_output --partial "annotations: run.oci.$name: is not possible here"
	done
	bundle '.annotations = {"run.oci.timens_offset": "sideways 1 2"}'
	run ! rt run "$ID"
	assert_output --partial 'clock "sideways" is neither monotonic nor boottime'
	bundle '.process.args = ["true"] | .annotations = {"run.oci.unheard": "x", "run.oci.systemd.subgroup": "", "run.oci.mount_context_type": "rootcontext"}'
	rt run "$ID"
}
