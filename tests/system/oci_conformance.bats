#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016,SC2153 # scripts are for the containers; RUNTIME comes from oci.bash
# Properties that the runtime spec requires, one by one. With OCI_COMPARE=1 crun and runc are asked the same, where they are
# installed, and what comes of it is written to oci-conformance.txt in the build folder (docs/oci-conformance.md has a copy):
# where they disagree with us, somebody is wrong. It takes minutes.

load helper
load oci

setup_file() { oci_setup_file; }
teardown_file() { oci_teardown_file; }

# The other runtimes of this host. They know no hybrid hierarchy: theirs is hidden from them.
runtimes()
{
	echo "$RUNTIME"
	[ -n "${OCI_COMPARE:-}" ] || return 0
	command -v crun || :
	command -v runc || :
}

# of RUNTIME COMMAND...
of()
{
	local runtime=$1

	shift
	if [ "$runtime" = "$RUNTIME" ]; then
		timeout 200 "$runtime" --root "$OCI_ROOT" "$@"
	else
		# shellcheck disable=SC2016 # for the inner shell
		timeout 200 unshare -m sh -c 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"' sh "$runtime" --root "$OCI_DIR/other-state" "$@"
	fi
}

# property NAME JQ SCRIPT OUTPUT: run with config.json changed by JQ prints OUTPUT; "refused": it fails.
property()
{
	local name=$1 change=$2 script=$3 wanted=$4 runtime got result line=''

	for runtime in $(runtimes); do
		bundle ".ociVersion = \"1.0.2\" | (if $([ -n "$script" ] && echo false || echo true) then . else .process.args = $(sh_args "$script") end) | $change"
		if got=$(of "$runtime" run "$ID" 2>stderr </dev/null); then
			[ "$got" = "$wanted" ] && result=holds || result="other: $(tr '\n' ' ' <<<"$got" | cut -c 1-60)"
		else
			[ "$wanted" = refused ] && result=holds || result="fails: $(tail -n 1 stderr | cut -c 1-100)"
		fi
		of "$runtime" delete -f "$ID" >/dev/null 2>&1 || :
		line+=" | ${result//|/ }"
		[ "$runtime" != "$RUNTIME" ] || [ "$result" = holds ] || { cat stderr; fail "$name: $result; wanted: $wanted"; }
	done
	record "$name" "$line"
}

record() { [ -z "${OCI_COMPARE:-}" ] || echo "| $1$2 |" >>"$CLOCHE_BUILD/oci-conformance.txt"; }

# step NAME FUNCTION: FUNCTION RUNTIME holds.
step()
{
	local name=$1 runtime result line=''

	for runtime in $(runtimes); do
		bundle '.ociVersion = "1.0.2" | .process.args = ["sleep", "100"]'
		if "$2" "$runtime" >out 2>&1; then result=holds; else result="does not hold"; fi
		of "$runtime" delete -f "$ID" >/dev/null 2>&1 || :
		line+=" | $result"
		[ "$runtime" != "$RUNTIME" ] || [ "$result" = holds ] || { cat out; fail "$name"; }
	done
	record "$name" "$line"
}

@test "process: user, folder, limits, rights" {
	[ -z "${OCI_COMPARE:-}" ] || {
		echo "| property | ours | $(crun --version 2>/dev/null | head -n 1) | $(runc --version 2>/dev/null | head -n 1) |"
		echo "|---|---|---|---|"
	} >"$CLOCHE_BUILD/oci-conformance.txt"
	property "user: uid, gid, additionalGids" '.process.user = {uid: 1000, gid: 1000, additionalGids: [5, 6]}' 'id -u; id -g; id -G' "$(printf '1000\n1000\n1000 5 6')"
	property "user: umask" '.process.user.umask = 63' 'umask' 0077
	property "cwd" '.process.cwd = "/tmp"' 'pwd' /tmp
	property "cwd: relative is an error" '.process.cwd = "tmp"' 'pwd' refused
	property "env" '.process.env += ["A=b c"]' "echo \"\$A\"" "b c"
	property "args: empty is an error" '.process.args = []' '' refused
	property "args: a command that is not there is an error" '.process.args = ["/nothing"]' '' refused
	property "rlimits" '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}]' 'ulimit -Sn; ulimit -Hn' "$(printf '100\n200')"
	property "rlimits: the same twice is an error" '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}, {type: "RLIMIT_NOFILE", soft: 1, hard: 2}]' true refused
	property "rlimits: an unknown type is an error" '.process.rlimits = [{type: "RLIMIT_LUCK", soft: 1, hard: 2}]' true refused
	property "noNewPrivileges" '.process.noNewPrivileges = true' "awk '/NoNewPrivs/ { print \$2 }' /proc/self/status" 1
	property "oomScoreAdj" '.process.oomScoreAdj = 500' 'cat /proc/self/oom_score_adj' 500
	property "capabilities" '(["bounding", "effective", "permitted", "inheritable", "ambient"] | map({key: ., value: ["CAP_KILL"]}) | from_entries) as $all | .process.capabilities = $all' "awk '/CapBnd|CapPrm|CapInh|CapAmb/ { print \$2 }' /proc/self/status | sort -u" 0000000000000020
	property "capabilities: an unknown one is a warning" '.process.capabilities.bounding += ["CAP_LUCK"]' 'echo runs' runs
	property "ioPriority" '.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 6}' 'ionice -p 1' 'best-effort: prio 6'
}

@test "root file system and mounts" {
	property "root.readonly" '.root.readonly = true' 'touch /x 2>/dev/null || echo read-only' read-only
	property "hostname" '.hostname = "bell"' hostname bell
	property "domainname" '.domainname = "example.org"' 'cat /proc/sys/kernel/domainname' example.org
	property "mounts: tmpfs and its options" '.mounts += [{destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["mode=700", "size=64k", "noexec"]}]' "stat -c %a /mnt; grep -c ' /mnt .*noexec' /proc/mounts" "$(printf '700\n1')"
	property "mounts: in the listed order" '.mounts += [{destination: "/mnt", type: "tmpfs", source: "tmpfs"}, {destination: "/mnt/a", type: "tmpfs", source: "tmpfs", options: ["mode=711"]}]' 'stat -c %a /mnt/a' 711
	property "mounts: an option that no one knows goes to the file system" '.mounts += [{destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["luck"]}]' true refused
	property "mounts: a file system that is none is an error" '.mounts += [{destination: "/mnt", type: "nofs", source: "x"}]' true refused
	property "mounts: bind, ro" ".mounts += [{destination: \"/mnt\", type: \"bind\", source: \"$PWD\", options: [\"bind\", \"ro\"]}]" 'touch /mnt/x 2>/dev/null || echo read-only' read-only
	property "mounts: a bind of what is not there is an error" '.mounts += [{destination: "/mnt", type: "bind", source: "/nothing/here", options: ["bind"]}]' true refused
	mkdir -p tree/sub
	mount -t tmpfs tmpfs tree/sub
	property "mounts: rro" ".mounts += [{destination: \"/mnt\", type: \"bind\", source: \"$PWD/tree\", options: [\"rbind\", \"rro\"]}]" 'touch /mnt/sub/x 2>/dev/null || echo read-only' read-only
	umount tree/sub
	property "maskedPaths" '.linux.maskedPaths += ["/etc/passwd", "/home"]' 'cat /etc/passwd; ls /home' ""
	property "readonlyPaths" '.root.readonly = false | .linux.readonlyPaths += ["/home"]' 'touch /home/x 2>/dev/null || echo read-only' read-only
	property "rootfsPropagation: an unknown one is an error" '.linux.rootfsPropagation = "sideways"' true refused
	property "default devices and links" . 'for d in null zero full random urandom tty ptmx; do [ -c /dev/$d ] || echo $d; done; for l in fd stdin stdout stderr; do readlink /dev/$l; done' \
		"$(printf '/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2')"
	property "devices" '.linux.devices = [{path: "/dev/mine", type: "c", major: 1, minor: 3, fileMode: 384, uid: 7, gid: 8}]' 'stat -c "%t:%T %a %u:%g" /dev/mine' '1:3 600 7:8'
}

@test "namespaces, parameters, filters" {
	property "namespaces: twice is an error" '.linux.namespaces += [{type: "pid"}]' true refused
	property "namespaces: an unknown type is an error" '.linux.namespaces += [{type: "luck"}]' true refused
	property "namespaces: a path of another type is an error" '(.linux.namespaces[] | select(.type == "ipc")).path = "/proc/1/ns/uts"' true refused
	property "namespaces: a path that is not there is an error" '(.linux.namespaces[] | select(.type == "ipc")).path = "/nothing"' true refused
	property "user namespace: mappings" '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 700000, size: 1000}] | .linux.gidMappings = [{containerID: 0, hostID: 700000, size: 1000}]' \
		"awk '{ print \$1, \$2, \$3 }' /proc/self/uid_map" "0 700000 1000"
	property "sysctl" '.linux.sysctl = {"net.ipv4.ip_forward": "1"}' 'cat /proc/sys/net/ipv4/ip_forward' 1
	property "sysctl: one of the host is an error" '.linux.sysctl = {"kernel.panic": "1"}' true refused
	property "seccomp: errno" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 13}]}' 'mkdir /tmp/x 2>&1 | grep -c "Permission denied"' 1
	property "seccomp: an unknown action is an error" '.linux.seccomp = {defaultAction: "SCMP_ACT_LUCK"}' true refused
	property "personality" '.linux.personality = {domain: "LINUX32"}' 'uname -m' i686
	property "intelRdt is an error where it cannot be" '.linux.intelRdt = {closID: "x", l3CacheSchema: "L3:0=f"}' true refused
	property "unknown properties are ignored" '.luck = {x: 1} | .linux.luck = 1 | .process.luck = []' 'echo runs' runs
	property "ociVersion: an unknown major version is an error" '.ociVersion = "2.0.0"' true refused
	property "ociVersion: missing is an error" 'del(.ociVersion)' true refused
}

hook() { jq -cn --arg s "$1" '[{path: "/bin/sh", args: ["sh", "-c", $s]}]'; }

@test "hooks" {
	property "hooks: state on stdin, with id and status" ".hooks.createRuntime = $(hook "jq -r .status >$PWD/seen")" 'true' ""
	property "hooks: one of createRuntime that fails ends it" ".hooks.createRuntime = $(hook 'exit 3')" true refused
	property "hooks: one of createContainer that fails ends it" ".hooks.createContainer = $(hook 'exit 3')" true refused
	property "hooks: one of poststart that fails ends it" ".hooks.poststart = $(hook 'exit 3')" 'sleep 2' refused
	property "hooks: one of poststop that fails is a warning" ".hooks.poststop = $(hook 'exit 3')" 'echo runs' runs
	property "hooks: a relative path is an error" '.hooks.prestart = [{path: "bin/true"}]' true refused
	property "hooks: a time-out that passes ends it" '.hooks.createRuntime = [{path: "/bin/sleep", args: ["sleep", "30"], timeout: 1}]' true refused
}

made() { of "$1" create "$ID" </dev/null; }
started() { made "$1" && of "$1" start "$ID"; }
status_of() { of "$1" state "$ID" | jq -r .status; }
is() { [ "$1" = "$2" ] || { echo "is $1, not $2"; return 1; }; }
step_created() { made "$1" && is "$(status_of "$1")" created; }
step_running() { started "$1" && is "$(status_of "$1")" running; }
step_state() { started "$1" && of "$1" state "$ID" | jq -e --arg id "$ID" '.id == $id and .pid > 0 and (.ociVersion | type) == "string" and (.bundle | startswith("/"))'; }
step_twice() { made "$1" && ! of "$1" create "$ID" </dev/null && is "$(status_of "$1")" created; }
step_start_twice() { started "$1" && ! of "$1" start "$ID" && is "$(status_of "$1")" running; }
step_delete_running() { started "$1" && ! of "$1" delete "$ID" && is "$(status_of "$1")" running; }
step_no_state() { ! of "$1" state "$ID"; }
step_no_kill() { ! of "$1" kill "$ID" KILL; }
step_kill_stopped() { started "$1" && of "$1" kill "$ID" KILL && until_true 30 is_stopped "$1" && ! of "$1" kill "$ID" TERM; }
is_stopped() { is "$(status_of "$1")" stopped; }
step_deleted() { started "$1" && of "$1" kill "$ID" KILL && until_true 30 is_stopped "$1" && of "$1" delete "$ID" && ! of "$1" state "$ID" && made "$1"; }
step_config() { made "$1" && jq '.process.args = ["false"]' config.json >c && mv c config.json && of "$1" start "$ID" && sleep 0.1 && is "$(status_of "$1")" running; }
step_annotations() { jq '.annotations = {"org.example.key": "value"}' config.json >c && mv c config.json && made "$1" && is "$(of "$1" state "$ID" | jq -r '.annotations["org.example.key"]')" value; }

@test "the life of a container" {
	step "create: the status is created" step_created
	step "start: the status is running" step_running
	step "state: the required properties" step_state
	step "state: annotations" step_annotations
	step "create: an id in use is an error and changes nothing" step_twice
	step "start: of a running container is an error" step_start_twice
	step "delete: of a running container is an error" step_delete_running
	step "state: of no container is an error" step_no_state
	step "kill: of no container is an error" step_no_kill
	step "kill: of a stopped container is an error" step_kill_stopped
	step "delete: removes it, and the id can be used again" step_deleted
	step "config.json changed after create has no effect" step_config
}
