#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Sentences of the runtime spec with MUST and SHOULD that no other file of oci_* asks for: docs/oci-conformance.md names these tests.

# shellcheck disable=SC2016,SC2030,SC2031,SC2094,SC2154 # what a shell inside expands; a file written and then read
load helper
load oci

setup_file() { oci_setup_file; }
teardown_file() { oci_teardown_file; }

# prints JQ SCRIPT WANTED: a container of the config changed by JQ prints it.
prints()
{
	bundle ".process.args = $(sh_args "$2") | ${1:-.}"
	run rt run "$ID" </dev/null
	assert_success
	assert_output "$3"
}

# refused WORDS JQ: a container of the config changed by JQ is not made, for the reason WORDS, and nothing of it is left.
refused()
{
	bundle ".process.args = [\"true\"] | $2"
	run ! rt run "$ID" </dev/null
	assert_output --partial "$1"
	[ ! -e "$OCI_ROOT/$ID" ]
}

# created JQ: a container that waits for start.
created()
{
	bundle ".process.args = [\"sleep\", \"100\"] | ${1:-.}"
	rt create --pid-file pid "$ID" </dev/null >out 2>&1 || { cat out; return 1; }
}

hook() { jq -cn --arg s "$1" '[{path: "/bin/sh", args: ["sh", "-c", $s]}]'; }

@test "operations: an id must be told, and a bundle must be there" {
	local command

	bundle
	for command in state create start kill delete; do
		run ! rt "$command"
		assert_output --regexp "requires (exactly|at least) 1 argument"
	done
	run ! rt create --bundle "$PWD/nothing" "$ID"
	assert_output --partial "enter bundle $PWD/nothing: No such file"
	mkdir empty
	run ! rt create --bundle "$PWD/empty" "$ID"
	assert_output --partial "open config.json: No such file"
	for command in start kill delete; do
		run ! rt "$command" "$ID"
		assert_output --partial "does not exist"
	done
}

@test "operations: kill reaches one that is created, start needs one that is, and neither changes another" {
	created
	rt kill "$ID" KILL
	until_true 30 status_is "$ID" stopped
	run ! rt start "$ID"
	assert_output --partial "cannot start a container that has stopped"
	status_is "$ID" stopped
	rt delete "$ID"
	# the signal that is told, to the command itself
	bundle ".process.args = $(sh_args 'trap "echo got >/got/it" USR1; echo >/got/ready; while :; do sleep 0.05; done') |
		.mounts += [{destination: \"/got\", source: \"$PWD\", options: [\"bind\"]}]"
	rt create "$ID" </dev/null >/dev/null 2>&1
	rt start "$ID"
	until_true 30 test -e ready
	rt kill "$ID" USR1
	until_true 30 test -s it
	status_is "$ID" running
	rt delete -f "$ID"
}

@test "process: without one nothing is made" {
	bundle 'del(.process)'
	run ! rt create "$ID" </dev/null
	assert_output --partial "process.args: is empty"
	run ! rt start "$ID"
	assert_output --partial "does not exist"
}

@test "state: the pid is the host's for hooks of the host, and the container's for its own" {
	cp -a "$OCI_DIR/rootfs" rootfs
	bundle ".root.path = \"$PWD/rootfs\" | .root.readonly = false | .process.args = [\"cat\", \"/inside\"] |
		.hooks = {createRuntime: $(hook "cat >$PWD/outside"), startContainer: $(hook 'cat >/inside')}"
	run rt run --pid-file pid "$ID"
	assert_success
	assert_equal "$(jq -c '[.pid, .id]' <<<"$output")" "[1,\"$ID\"]"
	assert_equal "$(jq .pid outside)" "$(cat pid)"
}

@test "state: a pid that another process has got since, or had before a boot, is no container" {
	local change

	created
	rt start "$ID"
	cp "$OCI_ROOT/$ID/state.json" told
	for change in '.startTime += 1' '.boot = "another"'; do
		jq "$change" told >"$OCI_ROOT/$ID/state.json"
		run ! cmp -s told "$OCI_ROOT/$ID/state.json"
		status_is "$ID" stopped
		run ! rt kill "$ID" KILL
		kill -0 "$(cat pid)"
	done
	cp told "$OCI_ROOT/$ID/state.json"
	status_is "$ID" running
	rt delete -f "$ID"
}

@test "state: a first process that nobody has reaped yet has stopped" {
	skip_unless_program python3
	bundle '.process.args = ["sleep", "100"]'
	cat >parent.py <<-'END'
		import ctypes, json, subprocess, sys, time
		runtime, root, name = sys.argv[1:4]
		ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) # PR_SET_CHILD_SUBREAPER
		def rt(*words, out=subprocess.DEVNULL):
		    return subprocess.run([runtime, "--root", root, *words], stdin=subprocess.DEVNULL, stdout=out, check=True, timeout=60).stdout
		def state():
		    return json.loads(rt("state", name, out=subprocess.PIPE))
		rt("create", name)
		rt("start", name)
		pid = state()["pid"]
		rt("kill", name, "KILL")
		letter = ""
		while letter != "Z":
		    letter = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()[0]
		    time.sleep(0.01)
		print(letter, state()["status"])
		rt("delete", name)
	END
	run timeout 100 python3 parent.py "$RUNTIME" "$OCI_ROOT" "$ID"
	assert_success
	assert_output "Z stopped"
}

@test "rootfsPropagation: each, of the root and with r of what is mounted there" {
	local kind wanted got='' all='' words='awk "\$5 == \"/\" || \$5 == \"/proc\" { w = \$5; for (i = 7; \$i != \"-\"; i++) { sub(/:.*/, \"\", \$i); w = w \" \" \$i } print w }" /proc/self/mountinfo | sort | xargs'

	mkdir tree
	mount --bind "$OCI_DIR/rootfs" tree
	mount --make-shared tree
	while read -r kind wanted; do
		bundle ".root.path = \"$PWD/tree\" | .process.args = $(sh_args "$words") | .linux.rootfsPropagation = \"$kind\""
		run rt run "$ID" </dev/null
		got+="$kind $output"$'\n' all+="$kind $wanted"$'\n'
	done <<-'END'
		private / /proc
		slave / master /proc
		shared / shared /proc
		rshared / shared /proc shared
		runbindable / unbindable /proc unbindable
	END
	# what the host mounts beneath a slave is seen in it, and not the other way round
	created ".root.path = \"$PWD/tree\" | .linux.rootfsPropagation = \"slave\""
	rt start "$ID"
	mount -t tmpfs tmpfs tree/home
	touch tree/home/here
	seen=$(rt exec "$ID" ls /home)
	rt delete -f "$ID"
	umount tree/home tree
	assert_equal "$got" "$all"
	assert_equal "$seen" here
}

@test "root: must be told, and a folder" {
	refused "root" 'del(.root)'
	refused "root" '.root = {}'
	refused "nothing-here" ".root.path = \"$PWD/nothing-here\""
	: >file
	refused "attach the root file system" ".root.path = \"$PWD/file\""
}

@test "mounts: a source is relative to the bundle, a destination to the root, and bind or rbind make it a bind" {
	mkdir source
	echo here >source/file
	prints '.mounts += [{destination: "tmp", type: "none", source: "source", options: ["bind"]},
		{destination: "/home", type: "tmpfs", source: "source", options: ["rbind"]}]' 'cat /tmp/file /home/file' "$(printf 'here\nhere')"
}

@test "mounts: maps without a user namespace, by halves, or of what is no bind are errors" {
	mkdir source
	refused "mounts[5].options: idmap: neither the mount nor the container has id mappings" ".mounts = .mounts[:5] | .mounts += [{destination: \"/tmp\", source: \"$PWD/source\", options: [\"bind\", \"idmap\"]}]"
	refused "go together" ".mounts += [{destination: \"/tmp\", source: \"$PWD/source\", options: [\"bind\"],
		uidMappings: [{containerID: 0, hostID: 5, size: 1}]}]"
	refused "only bind mounts" '.mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs",
		uidMappings: [{containerID: 0, hostID: 5, size: 1}], gidMappings: [{containerID: 0, hostID: 5, size: 1}]}]'
}

@test "process: a console's size without a terminal is nothing, the oom score stays when it is not told" {
	local score

	prints '.process.consoleSize = {height: 10, width: 20}' 'test -t 0 || echo none' none
	bundle ".process.args = $(sh_args 'cat /proc/self/oom_score_adj') | del(.process.oomScoreAdj)"
	score=$(cat /proc/self/oom_score_adj)
	run bash -c '[ "$1" -gt 900 ] || echo $(($1 + 57)) >/proc/self/oom_score_adj; exec timeout 200 "$2" --root "$3" run "$4"' \
		bash "$score" "$RUNTIME" "$OCI_ROOT" "$ID"
	assert_output "$([ "$score" -gt 900 ] && echo "$score" || echo $((score + 57)))"
}

@test "process: signals that the caller ignores or blocks are not so for the command, nor for exec" {
	local own='trap "" HUP USR1 PIPE; exec timeout 200 "$0" --root "$1" "${@:2}"'

	bundle ".process.args = $(sh_args 'grep -E "Sig(Ign|Blk)" /proc/self/status; exec sleep 100')"
	bash -c "$own" "$RUNTIME" "$OCI_ROOT" create "$ID" </dev/null >out 2>&1
	rt start "$ID"
	until_true 30 grep -q SigIgn out
	assert_equal "$(awk '{ print $2 }' out | sort -u)" 0000000000000000
	run bash -c "$own" "$RUNTIME" "$OCI_ROOT" exec "$ID" grep -E 'Sig(Ign|Blk)' /proc/self/status
	assert_equal "$(awk '{ print $2 }' <<<"$output" | sort -u)" 0000000000000000
	rt delete -f "$ID"
}

@test "process: its streams are the user's to open again, and a caller's umask makes no folder closed" {
	prints '.process.user = {uid: 1000, gid: 1000}' 'echo again >/dev/stdout' again
	bundle ".process.args = $(sh_args 'stat -c %a /tmp/new /tmp/new/place') | .mounts += [{destination: \"/tmp\", type: \"tmpfs\", source: \"tmpfs\"},
		{destination: \"/tmp/new/place/here\", type: \"tmpfs\", source: \"tmpfs\"}]"
	run bash -c 'umask 0077; exec timeout 200 "$0" --root "$1" run "$2"' "$RUNTIME" "$OCI_ROOT" "$ID"
	assert_output "$(printf '755\n755')"
}

@test "process: a capability that cannot be given is a warning in the log" {
	bundle '.process.args = ["true"] | .process.capabilities.bounding += ["CAP_LUCK"]'
	rt --log log --log-format json run "$ID"
	jq -e 'select(.level == "warning") | .msg | contains("CAP_LUCK")' log
}

@test "hooks: those of a kind in their order, env as told, args need not be, time-outs above zero" {
	local list

	list=$(jq -cs 'add' <(hook "echo one >>$PWD/log") <(hook "echo two >>$PWD/log") <(hook "echo three >>$PWD/log"))
	bundle ".process.args = [\"true\"] | .hooks = {prestart: $list, createRuntime: $list, createContainer: $list, poststart: $list, poststop: $list}"
	rt run "$ID"
	assert_equal "$(xargs <log)" "$(for _ in 1 2 3 4 5; do printf 'one two three '; done | sed 's/ $//')"
	printf '#!/bin/sh\necho "$0 $# $A" >%s/alone; cat >/dev/null\n' "$PWD" >alone.sh
	chmod 755 alone.sh
	bundle ".process.args = [\"true\"] | .hooks.prestart = [{path: \"$PWD/alone.sh\", env: [\"A=told\"]}]"
	rt run "$ID"
	assert_equal "$(cat alone)" "$PWD/alone.sh 0 told"
	refused "timeout" '.hooks.prestart = [{path: "/bin/true", timeout: 0}]'
	refused "timeout" '.hooks.poststop = [{path: "/bin/true", timeout: -1}]'
}

@test "hooks: where they run, and where their path is looked for" {
	local kind

	cp -a "$OCI_DIR/rootfs" rootfs
	# a program of this name on either side tells which it is
	printf '#!/bin/sh\necho host >>%s/log-$1; readlink /proc/self/ns/mnt >>%s/log-$1; cat >/dev/null\n' "$PWD" "$PWD" >rootfs/tell
	cp rootfs/tell tell
	sed -i 's/host/container/' rootfs/tell
	chmod 755 tell rootfs/tell
	mkdir -p "rootfs$PWD"
	mv rootfs/tell "rootfs$PWD/tell"
	each() { jq -cn --arg p "$PWD/tell" --arg k "$1" '[{path: $p, args: ["tell", $k]}]'; }
	bundle ".root = {path: \"$PWD/rootfs\"} | .process.args = $(sh_args 'readlink /proc/self/ns/mnt') | .hooks = {prestart: $(each prestart),
		createRuntime: $(each createRuntime), createContainer: $(each createContainer), startContainer: $(each startContainer),
		poststart: $(each poststart), poststop: $(each poststop)}"
	run rt run "$ID"
	assert_success
	for kind in prestart createRuntime poststart poststop; do
		assert_equal "$kind: $(xargs <log-$kind)" "$kind: host $(readlink /proc/self/ns/mnt)"
	done
	assert_equal "$(xargs <log-createContainer)" "host $output"
	assert_equal "$(xargs <"rootfs$PWD/log-startContainer")" "container $output"
}

@test "hooks: one of poststart that fails ends the container, with an error; those of poststop run" {
	bundle ".process.args = [\"sleep\", \"100\"] | .hooks = {poststart: ($(hook 'exit 3') + $(hook "echo no >>$PWD/log")), poststop: $(hook "echo stopped >>$PWD/log")}"
	run -1 rt run "$ID"
	assert_output --partial "poststart hook /bin/sh: exit status 3"
	assert_equal "$(cat log)" stopped
	run ! rt state "$ID"
	rt create --pid-file pid "$ID" </dev/null >/dev/null 2>&1
	run ! rt start "$ID"
	assert_output --partial "poststart hook /bin/sh: exit status 3"
	status_is "$ID" stopped
	rt delete "$ID"
	assert_equal "$(xargs <log)" "stopped stopped"
}

@test "hooks: one of startContainer or prestart that fails ends it, and the command does not run" {
	mkdir shared
	bundle ".process.args = [\"touch\", \"/tmp/ran\"] | .mounts += [{destination: \"/tmp\", source: \"$PWD/shared\", options: [\"bind\"]}] |
		.hooks = {startContainer: $(hook 'exit 4'), poststop: $(hook "echo stopped >>$PWD/log")}"
	run ! rt run "$ID"
	assert_output --partial "startContainer hook /bin/sh"
	[ ! -e shared/ran ]
	run ! rt state "$ID"
	refused "prestart hook /bin/sh: exit status 5" ".hooks.prestart = $(hook 'exit 5')"
}

@test "annotations: keys and values are words, a key is not empty" {
	refused "annotations" '.annotations = {"": "x"}'
	refused "annotations" '.annotations = {"a.b": 1}'
	refused "annotations" '.annotations = ["a"]'
	prints '.annotations = {"a.b": ""}' 'echo ok' ok
}

@test "namespaces: a path is absolute; owners of files stay with a user namespace" {
	local before

	refused "absolute" '(.linux.namespaces[] | select(.type == "ipc")).path = "proc/self/ns/ipc"'
	cp -a "$OCI_DIR/rootfs" rootfs
	before=$(find rootfs -printf '%p %u %g %m %C@\n' | sort | sha256sum)
	bundle ".root.path = \"$PWD/rootfs\" | .process.args = [\"true\"] | .linux.namespaces += [{type: \"user\"}] |
		.linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}] | .linux.gidMappings = [{containerID: 0, hostID: 0, size: 65536}]"
	rt run "$ID"
	assert_equal "$(find rootfs -printf '%p %u %g %m %C@\n' | sort | sha256sum)" "$before"
}

@test "a new network has its loopback up, and a container a session keyring of its own" {
	local before

	[ -e /proc/keys ] || skip "this kernel has no keyrings"
	before=$(awk '/ _ses/ { print $1 }' /proc/keys)
	bundle ".process.args = $(sh_args 'ip -o link show lo; cat /proc/keys') | .linux.maskedPaths = []"
	run rt run "$ID"
	assert_success
	assert_output --regexp "lo: <[^>]*,UP"
	awk '/ _ses/ { print $1 }' <<<"$output" | grep -qvxF "${before:-none}"
}

@test "devices: outside of /dev, and an error where something else stands" {
	cp -a "$OCI_DIR/rootfs" rootfs
	prints ".root = {path: \"$PWD/rootfs\"} | .linux.devices = [{path: \"/home/node\", type: \"c\", major: 1, minor: 3, fileMode: 438}]" \
		'stat -c "%F %t:%T" /home/node; echo x >/home/node && echo written' "$(printf 'character special file 1:3\nwritten')"
	# which a privileged container of Docker has, and where we make a link
	prints '.linux.devices = [{path: "/dev/ptmx", type: "c", major: 5, minor: 2, fileMode: 438}]' '(: >/dev/ptmx) && echo opened' opened
	refused "/etc/passwd" '.linux.devices = [{path: "/etc/passwd", type: "c", major: 1, minor: 3}]'
	refused "major and minor are needed" '.linux.devices = [{path: "/dev/x", type: "c"}]'
	refused "none of b, c, u and p" '.linux.devices = [{path: "/dev/x", type: "q", major: 1, minor: 3}]'
}

# To open it for writing asks for no privilege, and writes nothing.
KMSG='.linux.devices = [{path: "/dev/kmsg", type: "c", major: 1, minor: 11, fileMode: 438}]'

@test "resources: rules of devices in their order" {
	skip_unless_cgroup devices
	prints "$KMSG"' | .linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 1, minor: 11, access: "w"}]' \
		'(: >/dev/kmsg) && echo opened' opened
	prints "$KMSG"' | .linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 1, minor: 11, access: "w"},
		{allow: false, type: "c", major: 1, minor: 11, access: "w"}]' '(: >/dev/kmsg) 2>/dev/null || echo refused' refused
}

@test "resources: burst, idle and the OOM killer are as told; unified names a controller that is there" {
	skip_unless_cgroup memory cpu
	created '.linux.resources = {memory: {limit: 67108864, disableOOMKiller: true}, cpu: {quota: 50000, period: 100000, burst: 20000}}'
	[ ! -e /sys/fs/cgroup/memory ] || cgroup_value memory memory.oom_control '' | grep -qx "oom_kill_disable 1"
	assert_equal "$(cgroup_value cpu cpu.cfs_burst_us cpu.max.burst)" 20000
	rt delete -f "$ID"
	created '.linux.resources = {cpu: {idle: 1}}'
	assert_equal "$(cgroup_value cpu cpu.idle cpu.idle)" 1
	rt delete -f "$ID"
	refused "this host has no cgroup controller luck" '.linux.resources.unified = {"luck.max": "1"}'
}

@test "cgroupsPath: beneath the mount point, the same each time, and never above it" {
	local h path=/cloche-oci-${CLOCHE_TEST_DIR##*.}

	for _ in first second; do
		created ".linux.cgroupsPath = \"$path/../$path/./told\""
		while IFS=: read -r _ _ h; do
			[ "$h" = / ] || assert_equal "$h" "$path/told"
		done <"/proc/$(cat pid)/cgroup"
		grep -q "$path/told" "/proc/$(cat pid)/cgroup"
		rt delete -f "$ID"
		[ -z "$(find /sys/fs/cgroup -type d -path "*$path/told")" ]
	done
	# one that is relative is beneath the root of each hierarchy, too
	created ".linux.cgroupsPath = \"${path#/}/relative\""
	grep -q ":$path/relative\$" "/proc/$(cat pid)/cgroup"
	rt delete -f "$ID"
	refused "the root of all cgroups" '.linux.cgroupsPath = "/../.."'
}

@test "seccomp: names there must be, an errno where it has one, metadata for a listener only" {
	refused "names" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: [], action: "SCMP_ACT_ERRNO"}]}'
	refused "errnoRet" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir"], action: "SCMP_ACT_KILL", errnoRet: 3}]}'
	refused "defaultAction: errnoRet: SCMP_ACT_ALLOW has none" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", defaultErrnoRet: 3}'
	refused "listenerMetadata" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerMetadata: "x"}'
	refused "SCMP_CMP_LIKE" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir"], action: "SCMP_ACT_ERRNO",
		args: [{index: 0, value: 1, op: "SCMP_CMP_LIKE"}]}]}'
	refused "SCMP_ARCH_LUCK" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_LUCK"]}'
	refused "SECCOMP_FILTER_FLAG_LUCK" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", flags: ["SECCOMP_FILTER_FLAG_LUCK"]}'
	refused "defaultAction" '.linux.seccomp = {syscalls: []}'
}

@test "paths that are masked or read-only are absolute, a personality has no flags" {
	refused "maskedPaths" '.linux.maskedPaths = ["etc/passwd"]'
	refused "readonlyPaths" '.linux.readonlyPaths = ["etc"]'
	refused "personality" '.linux.personality = {domain: "LINUX", flags: ["LUCK"]}'
	refused "personality" '.linux.personality = {domain: "SOLARIS"}'
}

# A host of which the runtime believes that it uses SELinux: what comes of the label is the kernel's, that it is told is ours.
@test "mountLabel: file systems without labels of their own are mounted with it as context, the others are not" {
	local type label=system_u:object_r:container_file_t:s0:c1,c2

	[ ! -e /sys/fs/selinux/enforce ] || skip "this host uses SELinux"
	skip_unless_program strace
	mkdir fs
	cat >selinux.sh <<-'END'
		mount -t tmpfs tmpfs fs && mkdir fs/selinux fs/cgroup && echo 1 >fs/selinux/enforce &&
			mount --rbind /sys/fs/cgroup fs/cgroup && mount --rbind fs /sys/fs && exec "$@"
	END
	for type in tmpfs devpts ramfs proc mqueue; do
		bundle ".process.args = [\"true\"] | .linux.mountLabel = \"$label\" | .linux.maskedPaths = [] | .linux.readonlyPaths = [] |
			.mounts |= map(select(.type == \"cgroup\")) + [{destination: \"/mnt\", type: \"$type\", source: \"none\"}]"
		# the kernel refuses the label
		ASAN_OPTIONS="${ASAN_OPTIONS:-verbosity=0}:detect_leaks=0" timeout 200 unshare -m --propagation private sh selinux.sh \
			strace -f -s 100 -o "trace.$type" -e trace=fsconfig "$RUNTIME" --root "$OCI_ROOT" run "$ID" >out 2>&1 || :
		assert_equal "$type $(grep -cF "\"context\", \"$label\"" "trace.$type")" \
			"$type $(case $type in proc | mqueue) echo 0 ;; *) echo 1 ;; esac)"
	done
	bundle ".linux.mountLabel = \"$label\" | .annotations = {\"run.oci.mount_context_type\": \"rootcontext\"}"
	run ! unshare -m --propagation private sh selinux.sh "$RUNTIME" --root "$OCI_ROOT" run "$ID"
	assert_output --partial "run.oci.mount_context_type: is not possible here"
}

@test "netDevices: a name that is taken, none, or too long is an error, and the link stays where it is" {
	ip link add cl-req-a type veth peer name cl-req-b || skip "this host makes no veth pairs"
	bundle '.process.args = ["true"] | .linux.netDevices = {"cl-req-a": {name: "lo"}}'
	run ! rt run "$ID"
	taken=$output
	bundle '.process.args = ["true"] | .linux.netDevices = {"cl-req-a": {name: "a-name-of-17-word"}}'
	run ! rt run "$ID"
	long=$output
	bundle '.process.args = ["true"] | del(.linux.namespaces[] | select(.type == "network")) | .linux.netDevices = {"cl-req-a": {name: "eth0"}}'
	run ! rt run "$ID"
	inherited=$output
	bundle '.process.args = ["ls", "/sys/class/net"] | .mounts |= map(select(.destination != "/sys")) + [{destination: "/sys", type: "sysfs", source: "sysfs", options: ["ro"]}] |
		.linux.netDevices = {"cl-req-a": {name: "net%d"}}'
	stays=$(ip -o link show cl-req-a | wc -l)
	run rt run "$ID"
	ip link delete cl-req-b 2>/dev/null || : # its peer went with the container's network
	assert_output "$(printf 'lo\nnet0')"
	assert_equal "$stays" 1
	echo "$taken" | grep -q "cl-req-a"
	echo "$long" | grep -q "netDevices"
	echo "$inherited" | grep -q "netDevices"
}

@test "descriptors: three and no more" {
	bundle ".process.args = $(sh_args 'for n in 0 1 2 3 4 5 6 7 8 9; do [ ! -e /proc/self/fd/$n ] || echo $n; done')"
	run bash -c 'exec 7</dev/null 8</dev/null; timeout 200 "$0" --root "$1" run "$2"' "$RUNTIME" "$OCI_ROOT" "$ID"
	assert_output "$(printf '0\n1\n2')"
}

@test "features: what it names is known" {
	local version

	rt features >features
	jq -e '.linux | .seccomp.enabled and .apparmor.enabled and .selinux.enabled and (.intelRdt.enabled | not) and .cgroup.v1 and .cgroup.v2' features
	# each version, name space, capability, architecture, action, operator and flag that it names is taken
	for version in $(jq -r '.ociVersionMin, .ociVersionMax' features); do
		prints ".ociVersion = \"$version\"" 'echo ok' ok
	done
	bundle '.process.args = ["true"]'
	jq --slurpfile f features '.process.capabilities = {bounding: $f[0].linux.capabilities} |
		.linux.namespaces = [$f[0].linux.namespaces[] | {type: .}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}] |
		.linux.gidMappings = .linux.uidMappings |
		.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: $f[0].linux.seccomp.archs, flags: ($f[0].linux.seccomp.supportedFlags - ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]),
		syscalls: ([$f[0].linux.seccomp.actions[] | select(. != "SCMP_ACT_NOTIFY") | {names: ["swapoff"], action: .}] +
		[$f[0].linux.seccomp.operators[] | {names: ["swapon"], action: "SCMP_ACT_ERRNO", args: [{index: 0, value: 1, valueTwo: 1, op: .}]}])} |
		.hooks = ([$f[0].hooks[] | {key: ., value: []}] | from_entries)' config.json >all.json
	rt --log log --log-format json run --config all.json "$ID"
	assert_equal "$(grep warning log | grep -v "the host does not have")" ""
	# one mount for each option: those that need another kind of mount have tests of their own, noacl is refused
	run jq -r '.mountOptions - ["remount", "noacl", "copy-symlink", "idmap", "ridmap", "tmpcopyup", "bind", "rbind"] | length > 40' features
	assert_output true
	bundle '.process.args = ["true"]'
	mkdir source
	jq --slurpfile f features --arg source "$PWD/source" '.mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs"}] +
		[($f[0].mountOptions - ["remount", "noacl", "copy-symlink", "idmap", "ridmap", "tmpcopyup", "bind", "rbind"])[] |
		{destination: "/tmp/\(.)", source: $source, options: ["rbind", .]}]' config.json >options.json
	rt run --config options.json "$ID"
	jq -e '.mountOptions | index("mode") == null and index("size") == null' features
}
