#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The commands of cloche-runtime, as containerd, conmon and people call them.

# shellcheck disable=SC2016,SC2094,SC2154 # what a shell inside expands; files that grow; stderr of bats
load helper
load oci

setup_file() { oci_setup_file; }
teardown_file() { oci_teardown_file; }
teardown()
{
	cloche_teardown
	[ -z "${OTHER:-}" ] || kill -9 "$OTHER" 2>/dev/null || :
}

# created: a container that waits for start and then sleeps.
created()
{
	bundle ".process.args = $(sh_args "${1:-sleep 100}") | ${2:-.}"
	rt create --pid-file pid "$ID" </dev/null >out 2>&1
}

@test "run prints what the command prints, and ends as it does" {
	bundle ".process.args = $(sh_args 'echo to stdout; echo to stderr >&2; exit 7')"
	run -7 --separate-stderr rt run "$ID"
	assert_output "to stdout"
	[ "$stderr" = "to stderr" ]
	run ! rt state "$ID"
}

@test "a command that a signal ends gives 128 and the signal" {
	# not the first process of a pid namespace, which no signal of its own ends
	bundle ".process.args = $(sh_args 'kill -KILL $$') |
		del(.linux.namespaces[] | select(.type == \"pid\"))"
	run -137 rt run "$ID"
}

@test "create, start, state, kill, delete: one after the other" {
	created 'echo hello; exec sleep 100'
	run rt state "$ID"
	assert_success
	assert_equal "$(jq -c '[.id, .status, .bundle, .ociVersion]' <<<"$output")" \
		"[\"$ID\",\"created\",\"$PWD\",\"1.2.1\"]"
	assert_equal "$(jq .pid <<<"$output")" "$(cat pid)"
	[ ! -s out ]
	rt start "$ID"
	status_is "$ID" running
	until_true 30 grep -q hello out
	run ! rt start "$ID"
	assert_output --partial "already running"
	run ! rt delete "$ID"
	assert_output --partial "is not stopped: running"
	rt kill "$ID" KILL
	until_true 30 status_is "$ID" stopped
	run ! rt kill "$ID" KILL
	assert_output --partial "container not running"
	rt delete "$ID"
	run ! rt state "$ID"
	assert_output --partial "does not exist"
	[ ! -e "$OCI_ROOT/$ID" ]
	[ -z "$(find /sys/fs/cgroup -type d -name "$ID")" ]
}

@test "a created container can be deleted, and is gone with its process" {
	created
	rt delete "$ID"
	until_true 30 test ! -d "/proc/$(cat pid)/root/proc"
	run ! rt state "$ID"
}

@test "delete --force ends a running container, and one that is not there is no error" {
	created
	rt start "$ID"
	rt delete --force "$ID"
	rt delete --force "$ID"
}

@test "a second container of the same name is refused, and the first stays" {
	created
	run ! rt create "$ID"
	assert_output --partial "container with id exists: $ID"
	status_is "$ID" created
	rt delete -f "$ID"
}

@test "ids that are no names are refused" {
	bundle
	for id in ../x .x 'a b' a/b ''; do
		run ! rt create "$id"
		assert_output --partial "invalid container ID"
	done
}

@test "a command that does not exist fails create, and leaves nothing" {
	bundle '.process.args = ["no-such-command"]'
	run -1 rt --log log.json --log-format json create "$ID"
	assert_output --partial 'exec: "no-such-command": executable file not found in $PATH'
	assert_equal "$(jq -r .level log.json)" error
	assert_equal "$(jq -r .msg log.json)" 'exec: "no-such-command": executable file not found in $PATH'
	jq -e '.time | fromdate' log.json
	[ ! -e "$OCI_ROOT/$ID" ]
	[ -z "$(find /sys/fs/cgroup -type d -name "$ID")" ]
	run ! rt state "$ID"
}

@test "a file that cannot be executed fails create" {
	bundle '.process.args = ["/etc/passwd"]'
	run -1 rt create "$ID"
	assert_output --partial "permission denied"
}

@test "exec runs one more process, as the container's or another user" {
	created
	rt start "$ID"
	run rt exec "$ID" sh -c 'id -u; echo $HOME; hostname'
	assert_success
	assert_output "$(printf '0\n/root\ncloche')"
	run rt exec --user 1000:1000 --cwd /tmp --env A=b "$ID" sh -c 'id -u; pwd; echo $HOME $A'
	assert_output "$(printf '1000\n/tmp\n/home/user b')"
	run -9 rt exec "$ID" sh -c 'exit 9'
	run -127 rt exec "$ID" no-such-command
	jq '.process | .args = ["sh", "-c", "echo $X"] | .env += ["X=from the file"]' config.json >process.json
	run rt exec --process process.json "$ID"
	assert_output "from the file"
	rt exec --detach --pid-file exec.pid "$ID" sleep 50
	run rt ps -f json "$ID"
	assert_equal "$(jq -c 'sort' <<<"$output")" "$(jq -nc "[$(cat pid), $(cat exec.pid)] | sort")"
	rt delete -f "$ID"
}

@test "exec: groups, capabilities, no_new_privs, a sub-cgroup, a terminal; and what is refused" {
	local path h

	created 'exec sleep 100'
	rt start "$ID"
	run rt exec -u 1000:1000 -g 7 --additional-gids 8 --no-new-privs -c CAP_CHOWN "$ID" sh -c 'id -G; grep -E "NoNewPrivs|CapBnd" /proc/self/status'
	assert_output --partial "1000 7 8"
	assert_output --regexp 'NoNewPrivs:.1'
	assert_output --regexp 'CapBnd:.0000000020000421'
	run rt exec "$ID" grep CapBnd /proc/self/status
	assert_output --regexp 'CapBnd:.0000000020000420'
	run ! rt exec --process-label a:b:c "$ID" true
	assert_output --partial 'process.selinuxLabel: "a:b:c": this host does not use SELinux'
	run ! rt exec --cgroup cpu:part "$ID" true
	assert_output --partial "in all hierarchies"
	run ! rt exec --cgroup part "$ID" true
	path=/cloche-oci-${CLOCHE_TEST_DIR##*.}/$ID
	for h in $(hierarchies); do
		mkdir "$h$path/part"
	done
	for file in cpus mems; do
		[ ! -e "/sys/fs/cgroup/cpuset$path" ] || cat "/sys/fs/cgroup/cpuset$path/cpuset.$file" >"/sys/fs/cgroup/cpuset$path/part/cpuset.$file"
	done
	run rt exec --cgroup part "$ID" cat /proc/self/cgroup
	assert_success
	assert_output --partial ":/part"
	run rt ps "$ID" -o pid,args
	assert_output --partial "sleep 100"
	refute_output --partial bats
	run ! rt exec --tty --detach "$ID" true
	assert_output --partial "console-socket"
	printf 'wait 24 80\nsize 30 90\nwait 30 90\nsend exit 4\\r\nend 4\n' | python3 "$BATS_TEST_DIRNAME/pty.py" "$RUNTIME" --root "$OCI_ROOT" \
		exec -t "$ID" sh -c 'stty size; until [ "$(stty size)" = "30 90" ]; do sleep 0.1; done; stty size; exec sh'
	rt delete -f "$ID"
}

@test "pause stops, resume goes on, and a paused container can be killed" {
	created 'while :; do date +%s%N >/tmp/now; sleep 0.05; done' '.root.readonly = false |
		.mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs"}]'
	rt start "$ID"
	until_true 30 rt exec "$ID" test -s /tmp/now
	rt pause "$ID"
	status_is "$ID" paused
	run ! rt exec "$ID" true
	assert_output --partial "paused"
	run ! rt pause "$ID"
	rt resume "$ID"
	status_is "$ID" running
	run ! rt resume "$ID"
	rt pause "$ID"
	rt kill "$ID" KILL
	until_true 30 status_is "$ID" stopped
	rt delete "$ID"
}

@test "limits are in force, and update changes them by flags and by a file" {
	skip_unless_cgroup memory pids cpu
	created 'exec sleep 100' '.linux.resources.memory.limit = 67108864 | .linux.resources.pids.limit = 50 |
		.linux.resources.cpu = {quota: 50000, period: 100000, shares: 512}'
	assert_equal "$(cgroup_value memory memory.limit_in_bytes memory.max)" 67108864
	assert_equal "$(cgroup_value pids pids.max pids.max)" 50
	rt start "$ID"
	rt update --memory 96m --pids-limit 60 "$ID"
	assert_equal "$(cgroup_value memory memory.limit_in_bytes memory.max)" 100663296
	assert_equal "$(cgroup_value pids pids.max pids.max)" 60
	echo '{"pids": {"limit": 70}}' | rt update -r - "$ID"
	assert_equal "$(cgroup_value pids pids.max pids.max)" 70
	run rt events --stats "$ID"
	assert_equal "$(jq -c '[.type, .id, .data.pids.limit, .data.memory.usage.limit]' <<<"$output")" \
		"[\"stats\",\"$ID\",70,100663296]"
	jq -e '.data.memory.raw | length > 10' <<<"$output"
	jq -e '(.data.blkio.ioServiceBytesRecursive // []) | map(has("major") and has("op") and (.value >= 0)) | all' <<<"$output"
	[ ! -d /sys/fs/cgroup/cpuacct ] || jq -e '(.data.cpu.usage.percpu | add) > 0 and (.data.cpu.usage.percpu | length) > 0' <<<"$output"
	run ! rt update --memory much "$ID"
	assert_output --partial 'invalid value "much"'
	rt delete -f "$ID"
}

@test "events ends with the container" {
	created 'exec sleep 100'
	rt start "$ID"
	rt events --interval 100ms "$ID" >events &
	events=$!
	until_true 30 grep -q '"stats"' events
	rt kill "$ID" KILL
	wait "$events"
	jq -es 'map(.type == "stats") | all' events
	rt delete -f "$ID"
}

@test "events --stats: one object with runc's fields" {
	created 'exec sleep 100' '.linux.resources.memory = {limit: 67108864} | .linux.resources.pids = {limit: 20}'
	rt start "$ID"
	rt events --stats "$ID" >stats
	assert_equal "$(jq -s length stats)" 1
	assert_equal "$(jq -r '.type, .id' stats | xargs)" "stats $ID"
	assert_equal "$(jq -c '.data | keys' stats)" \
		'["blkio","cpu","cpuset","hugetlb","intel_rdt","memory","network_interfaces","pids"]'
	jq -e '.data | .cpu.usage.total > 0 and (.cpu.throttling | has("throttledTime")) and .memory.usage.usage > 0 and
		.memory.usage.limit == 67108864 and .memory.usage.failcnt == 0 and (.memory.raw | length) > 5 and
		([.memory.swap, .memory.kernel, .memory.kernelTCP, .blkio, .hugetlb] | map(type == "object") | all) and
		.pids == {current: 1, limit: 20}' stats
	if [ -e /sys/fs/cgroup/cpuset/cpuset.cpus ]; then
		jq -e '.data.cpuset | (.cpus | length) > 0 and .mems == [0] and has("sched_load_balance")' stats
		jq -e '.data.cpu.usage | (.percpu | length) == (.percpu_kernel | length) and (.percpu_user | length) > 0' stats
	else
		jq -e '.data.cpuset == {}' stats
	fi
	rt delete -f "$ID"
}

@test "list names the containers of this root" {
	created
	run rt list -q
	assert_line "$ID"
	run rt list -f json
	assert_equal "$(jq -r ".[] | select(.id == \"$ID\") | .status" <<<"$output")" created
	run rt list
	assert_output --partial STATUS
	rt delete -f "$ID"
}

has_processes() { [ "$(rt ps -f json "$ID" | jq length)" -eq "$1" ]; }

@test "a kill of everything leaves nothing in a container with the host's pid namespace" {
	created 'sleep 200 & exec sleep 201' 'del(.linux.namespaces[] | select(.type == "pid"))'
	rt start "$ID"
	until_true 30 has_processes 2
	rt kill --all "$ID" KILL
	until_true 30 has_processes 0
	rt delete -f "$ID"
}

@test "a create that was killed is found and removed by delete --force" {
	skip_unless_program strace
	bundle '.process.args = ["sleep", "100"]'
	# at the write of the state with the pid in it
	run ! strace -f -qq -o /dev/null -e trace=renameat -e inject=renameat:signal=KILL:when=3 \
		"$RUNTIME" --root "$OCI_ROOT" create "$ID"
	run rt state "$ID"
	assert_success
	assert_equal "$(jq -r .status <<<"$output")" stopped
	rt delete --force "$ID"
	[ -z "$(find /sys/fs/cgroup -type d -name "$ID")" ]
}

# cgroup_rmdir DIR: in every hierarchy.
cgroup_rmdir()
{
	local h

	for h in $(hierarchies); do
		[ ! -d "$h$1" ] || until_true 30 rmdir "$h$1"
	done
}

# in_cgroup DIR COMMAND...: in the background, in the cgroup DIR of every hierarchy. Its pid is in OTHER.
in_cgroup()
{
	local path=$1 h

	shift
	"$@" >/dev/null 2>&1 3>&- 4>&- &
	OTHER=$!
	for h in $(hierarchies); do
		mkdir -p "$h$path"
		# a cpuset of v1 is born without processors
		[ ! -e "$h/cpuset.cpus" ] || for file in cpuset.cpus cpuset.mems; do
			cat "$h/$file" >"$h${path%/*}/$file"
			cat "$h/$file" >"$h$path/$file"
		done
		echo $OTHER >"$h$path/cgroup.procs"
	done
}

@test "who is in the cgroup that a killed create was going to make lives on" {
	skip_unless_program strace
	bundle '.process.args = ["sleep", "100"]'
	local path=/cloche-oci-${CLOCHE_TEST_DIR##*.}/$ID

	# the state with the path is there, the cgroup is not yet made
	run ! strace -qq -o /dev/null -e trace=bind -e inject=bind:signal=KILL:when=1 \
		"$RUNTIME" --root "$OCI_ROOT" create "$ID"
	jq -e '.cgroup' "$OCI_ROOT/$ID/state.json"
	[ ! -e "$OCI_ROOT/$ID/cgroup" ]
	in_cgroup "$path" sleep 300
	run rt kill --all "$ID" KILL
	assert_failure
	run rt ps -f json "$ID"
	assert_output "[]"
	rt --log log --log-format json delete --force "$ID"
	grep -q "was not made for container $ID" log
	run rt state "$ID"
	assert_failure
	kill -0 $OTHER
	grep -q "$path" /proc/$OTHER/cgroup

	# nor does one of a name that was used again get what was meant for the earlier
	kill $OTHER
	wait $OTHER || :
	rt run --detach --keep "$ID" </dev/null >/dev/null 2>&1
	kill -9 "$(rt state "$ID" | jq .pid)"
	until_true 30 status_is "$ID" stopped
	cgroup_rmdir "$path"
	in_cgroup "$path" sleep 300
	rt delete --force "$ID"
	kill -0 $OTHER
	kill $OTHER
	wait $OTHER || :
	cgroup_rmdir "$path"
}

@test "a create that was killed when its cgroup was made leaves none" {
	skip_unless_program strace
	bundle '.process.args = ["sleep", "100"]'
	# at the record of the cgroup: it is empty, and removed without being known
	run ! strace -qq -o /dev/null -P cgroup -e trace=openat -e inject=openat:signal=KILL:when=1 \
		"$RUNTIME" --root "$OCI_ROOT" create "$ID"
	[ -n "$(find /sys/fs/cgroup -type d -name "$ID")" ]
	rt delete --force "$ID"
	[ -z "$(find /sys/fs/cgroup -type d -name "$ID")" ]
}

@test "the terminal of a container goes to the console socket" {
	skip_unless_program python3
	cat >console.py <<-'END'
		import array, os, socket
		s = socket.socket(socket.AF_UNIX)
		s.bind("console")
		s.listen(1)
		print("ready", flush=True)
		c, _ = s.accept()
		_, data, _, _ = c.recvmsg(100, socket.CMSG_LEN(4))
		master = array.array("i", data[0][2])[0]
		out = b""
		try:
		    while chunk := os.read(master, 1000):
		        out += chunk
		except OSError:
		    pass
		print(out.decode())
	END
	bundle ".process.terminal = true | .process.consoleSize = {height: 31, width: 97} |
		.process.args = $(sh_args 'tty; stty size; ls -l /dev/console; : >/dev/pts/0 && : >/dev/console && : >/dev/tty && echo all-open')"
	python3 console.py >console.out &
	python=$!
	until_true 30 grep -q ready console.out
	run ! rt create "$ID"
	assert_output --partial "console-socket"
	rt create --console-socket console "$ID"
	rt start "$ID"
	wait "$python"
	grep -q /dev/pts/0 console.out
	grep -q '31 97' console.out
	grep -q '136,' console.out
	grep -q all-open console.out
	rt delete -f "$ID"
}

@test "descriptors are preserved when that is told, and no others" {
	bundle ".process.args = $(sh_args 'cat <&3; ls /proc/self/fd | wc -l')"
	echo three >three
	run rt run --preserve-fds 1 "$ID" 3<three 9<three
	assert_output "$(printf 'three\n5')" # 0 to 3, and that of ls
	run ! rt run --preserve-fds 100 "$ID" 3<three
	assert_output --partial "is to be preserved and is not open"
	# the runtime's own are not meant: its log is the first that it opens
	run bash -c 'exec 3>&- 4>&-; timeout 200 "$0" --root "$1" --log log run --preserve-fds 1 "$2"' "$RUNTIME" "$OCI_ROOT" "$ID"
	assert_failure
	assert_output --partial "descriptor 3 is to be preserved and is not open"
}

@test "LISTEN_FDS: sockets of a service manager go in, as the first process's" {
	echo content >file
	bundle ".process.args = $(sh_args 'echo $LISTEN_FDS $LISTEN_PID; cat <&3')"
	# bats has 3 and 4 for itself
	run bash -c 'exec 3<file 4>&-; LISTEN_FDS=1 timeout 200 "$0" --root "$1" run "$2"' "$RUNTIME" "$OCI_ROOT" "$ID"
	assert_output --partial "1 1"
	assert_output --partial content
	run bash -c 'exec 3>&- 4>&-; LISTEN_FDS=1 timeout 200 "$0" --root "$1" run "$2"' "$RUNTIME" "$OCI_ROOT" "$ID"
	assert_failure
	assert_output --partial "descriptor 3 is to be preserved and is not open"
}

@test "--rootless: as root auto and false are the same, and so is the state" {
	created
	assert_equal "$(rt --rootless=auto state "$ID" | jq -r '.owner, .status' | xargs)" "root created"
	rt --rootless=false start "$ID"
	rt --rootless auto exec "$ID" true
	rt --rootless=auto delete --force "$ID"
	run ! rt --rootless=perhaps list
	assert_output --partial "--rootless=perhaps"
}

@test "kill and delete take a regular expression, and spec a file's name" {
	created
	jq '.linux.cgroupsPath += "-b"' config.json >b.json
	rt create -f b.json --no-subreaper "$ID-b" </dev/null >/dev/null 2>&1
	rt kill --regex "^$ID" KILL
	until_true 30 status_is "$ID" stopped
	until_true 30 status_is "$ID-b" stopped
	rt delete -r "^$ID-b"
	run ! rt state "$ID-b"
	rt delete -r "^$ID"
	run ! rt state "$ID"
	run ! rt kill -r '(' KILL
	assert_output --partial "is not a regular expression"
	rm -f here.json
	rt spec --file here.json
	jq -e .ociVersion here.json
	run ! rt spec -f here.json
	assert_output --partial "file here.json exists"
}

@test "--log: crun's file:, syslog: and journald:" {
	skip_unless_program python3 unshare
	rt --log "file:$PWD/here" state nothing || :
	grep -q 'level=error msg="container .*nothing.* does not exist' here
	cat >logger.py <<-'END'
		import os, socket, subprocess, sys
		path, log, runtime = sys.argv[1:4]
		os.makedirs(os.path.dirname(path), exist_ok=True)
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind(path)
		s.settimeout(20)
		subprocess.run([runtime, "--root", os.environ["OCI_ROOT"], "--log", log, "state", "nothing"])
		print(s.recv(4096))
	END
	# a /run and a /dev of its own
	cat >apart.sh <<-'END'
		mount -t tmpfs tmpfs /run && mkdir /run/dev && mknod -m 666 /run/dev/null c 1 3 && mount --bind /run/dev /dev && python3 logger.py "$@"
	END
	run -0 unshare --mount --propagation private sh apart.sh /dev/log syslog:tag "$RUNTIME"
	assert_output --regexp "b'<27>tag\[[0-9]+\]: container \"nothing\" does not exist'"
	run -0 unshare --mount --propagation private sh apart.sh /run/systemd/journal/socket journald:tag "$RUNTIME"
	assert_output --partial 'PRIORITY=3\nSYSLOG_IDENTIFIER=tag\nMESSAGE\n'
	assert_output --partial 'container "nothing" does not exist\n'
}

@test "what is not possible is refused with a reason" {
	run ! rt checkpoint --image-path "$PWD" --leave-running x
	assert_output --partial "not possible yet"
	run ! rt restore --bundle . --detach x
	assert_output --partial "not possible yet"
	run ! rt update --l3-cache-schema L3:0=f x
	assert_output --partial "resource director technology"
	run ! rt spec --rootless
	assert_output --partial "without root"
	run ! rt --rootless=true list
	assert_output --partial "rootless"
	run ! rt --cgroup-manager=disabled list
	run ! rt no-such-command
	assert_output --partial no-such-command
	run ! rt kill
	assert_output --partial '"cloche-runtime kill" requires at least 1 argument; see: cloche-runtime kill --help'
	run rt exec --help
	assert_output --partial "Usage:  cloche-runtime exec [OPTIONS] ID"
}

@test "features tells the versions, hooks, options and namespaces that are known" {
	run rt features
	assert_success
	assert_equal "$(jq -r '.ociVersionMin, .ociVersionMax' <<<"$output" | xargs)" "1.0.0 1.3.0"
	jq -e '(.hooks | length) == 6 and (.linux.namespaces | index("time")) and
		(.mountOptions | index("rro")) and (.linux.seccomp.actions | index("SCMP_ACT_NOTIFY")) and
		.linux.cgroup.systemd and (.potentiallyUnsafeConfigAnnotations | index("org.systemd.property."))' \
		<<<"$output"
}

@test "a cgroup that somebody is in is refused, and he lives on" {
	local first

	bundle '.process.args = ["sleep", "100"]'
	rt create "$ID" </dev/null >/dev/null 2>&1
	rt start "$ID"
	first=$ID
	run rt create "$first-2" </dev/null
	assert_failure
	assert_output --partial "is in an earlier one of this name"
	status_is "$first" running
	run rt state "$first-2"
	assert_failure
	rt delete --force "$first"
}
