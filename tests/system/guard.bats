#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The kill guard: what a host's administrator sends into a container by mistake. The same cases hold at both levels: at deny the sender gets
# EPERM and the target lives, at audit the signal is delivered; both are recorded.

load helper

setup_file()
{
	own_bpffs # else the guard would mount one, and leave it
	cloche_setup_file
	export NONE=''
	if [ ! -x "$CLOCHE_BUILD/cloche-guard" ]; then
		NONE="this build is made without clang or libbpf"
	elif ! cloche guard enable >"$CLOCHE_TEST_DIR/enable" 2>&1; then
		NONE="this kernel takes no BPF programs"
	fi
	LEVEL=$(sed -n 's/^level: //p' "$CLOCHE_TEST_DIR/enable")
	export LEVEL
	[ -z "$NONE" ] || return 0
	install -m 755 "$(command -v sleep)" "$CLOCHE_TEST_DIR/gvictim"
	cloche run -d --name victim --network none -v "$CLOCHE_TEST_DIR/gvictim:/gvictim:ro" host /gvictim 1000 >/dev/null
	VICTIM=$(cloche inspect -f '{{.State.Pid}}' victim)
	export VICTIM
}

setup()
{
	cloche_setup
	[ -z "$NONE" ] || skip "$NONE"
}

teardown_file()
{
	[ -z "${CLOCHE_ROOT:-}" ] || cloche guard disable || :
	cloche_teardown_file
}

count() { cloche guard log --json | wc -l; }

# caught COMMAND...: it is recorded, and at deny it fails.
caught()
{
	local before

	before=$(count)
	if [ "$LEVEL" = deny ]; then
		! "$@" 2>/dev/null || fail "was not refused: $*" || return
	else
		"$@" || fail "failed: $*" || return
	fi
	[ "$(count)" -gt "$before" ] || fail "was not recorded: $*"
	kill -0 "$VICTIM"
}

# passed COMMAND...: it works, and nothing is recorded.
passed()
{
	local before

	before=$(count)
	"$@" || fail "failed: $*" || return
	assert_equal "$(count)" "$before"
}

# raw CODE: with os, signal, ctypes and the victim's pid as `pid`.
raw()
{
	python3 -c "import ctypes, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
pid = $VICTIM
def call(*a):
    if libc.syscall(*a) < 0: sys.exit(os.strerror(ctypes.get_errno()))
$1"
}

@test "the level is shown, and is what the kernel could load" {
	run -0 cloche guard status
	assert_output --partial "level: $LEVEL"
	assert_output --regexp "deny +[0-9a-f]{12} victim"
	run -0 cloche info -f '{{.KillGuard}}'
	assert_output "$LEVEL"
	run -0 cloche guard enable
	assert_output "level: $LEVEL"
}

@test "kill, pgid, pidfd_send_signal, tgkill, rt_sigqueueinfo by root are caught" {
	caught kill -CONT "$VICTIM"
	caught kill -CONT -- "-$VICTIM"
	caught raw "signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGCONT)"
	caught raw "call(234, pid, pid, 18)" # tgkill
	caught raw "call(129, pid, 18, (ctypes.c_int * 32)(18, 0, -1))" # rt_sigqueueinfo, SI_QUEUE
}

@test "tkill, rt_tgsigqueueinfo and fuser -k are caught" {
	skip_unless_program fuser
	caught raw "call(200, pid, 18)" # tkill
	caught raw "call(297, pid, pid, 18, (ctypes.c_int * 32)(18, 0, -1))" # rt_tgsigqueueinfo
	caught fuser -s -k -CONT "$CLOCHE_TEST_DIR/gvictim"
}

no_loader() { [ -z "$(find /proc/[0-9]*/exe -maxdepth 0 -lname '*/cloche-guard' 2>/dev/null)" ]; }

@test "the loader is gone, and the guard acts by what is pinned" {
	until_true 20 no_loader # another file's may be at work
	caught kill -CONT "$VICTIM"
}

@test "a parent's death signal from the host is seen" {
	local before pid

	before=$(count)
	cloche run -d --name orphan --network none host sleep 1000 >/dev/null
	pid=$(cloche inspect -f '{{.State.Pid}}' orphan)
	# in the container, for a process whose parent stays outside
	PYTHONPATH='' python3 - "$pid" 3>&- <<-'END' &
		import ctypes, os, signal, sys, time
		libc = ctypes.CDLL(None, use_errno=True)
		assert libc.setns(os.pidfd_open(int(sys.argv[1])), 0x20000000) == 0
		if os.fork() == 0:
		    libc.prctl(1, signal.SIGCONT)
		    open("ready", "w").close()
		    time.sleep(1000)
		while not os.path.exists("ready"):
		    time.sleep(0.05)
	END
	wait $!
	[ "$(count)" -gt "$before" ] || fail "was not recorded"
	cloche rm -f orphan >/dev/null
}

@test "what must pass passes: cgroup.kill, the safe way of root" {
	local folder

	cloche run -d --name grouped --network none host sleep 1000 >/dev/null
	folder=$(find /sys/fs/cgroup -type d -name "grouped-*" -exec test -e {}/cgroup.kill \; -print -quit)
	[ -n "$folder" ] || skip "this host has no unified cgroups"
	if [ "$LEVEL" = deny ]; then
		passed sh -c "echo 1 >'$folder/cgroup.kill'"
	else
		echo 1 >"$folder/cgroup.kill" # recorded, for who reads the log
	fi
	assert_equal "$(cloche wait grouped)" 137
	cloche rm grouped >/dev/null
}

@test "a container in the host's pid namespace is known by its cgroup" {
	local before pid

	if [ ! -e /sys/fs/cgroup/unified ] && [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
		skip "this host has no unified cgroups"
	fi
	cloche run -d --name within --pid host --network none -v "$CLOCHE_TEST_DIR/gvictim:/gvictim:ro" host /gvictim 2000 >/dev/null
	pid=$(cloche inspect -f '{{.State.Pid}}' within)
	run -0 cloche guard status
	assert_output --regexp "deny +[0-9a-f]{12} within"
	caught kill -CONT "$pid"
	passed cloche exec within kill -CONT "$pid"
	passed cloche kill -s CONT within
	sleep 100 3>&- &
	passed kill "$!"
	cloche rm -f within >/dev/null
	run -0 cloche guard status
	refute_output --partial within
}

@test "killall, pkill and a script's pidof | xargs kill are caught" {
	skip_unless_program killall
	caught killall -CONT gvictim
	caught pkill -CONT -x gvictim
	caught sh -c 'pidof gvictim | xargs kill -CONT'
}

@test "a host process with the container's own user is caught, also when it signals all it can" {
	local uid

	uid=$(awk '{ print $2 }' "/proc/$VICTIM/uid_map")
	caught setpriv --reuid "$uid" --clear-groups kill -CONT "$VICTIM"
	LEVEL=audit caught setpriv --reuid "$uid" --clear-groups /usr/bin/python3 -c "import os; os.kill(-1, 18)" # returns 0 at either level
}

@test "a host user cannot anyway, and the kernel needs no guard for it" {
	passed sh -c "! setpriv --reuid 1001 --clear-groups kill -CONT $VICTIM 2>/dev/null"
	passed sh -c "! setpriv --reuid 1000 --clear-groups kill -9 $VICTIM 2>/dev/null"
}

@test "what must pass passes: signal 0, a sibling, the engine itself" {
	passed kill -0 "$VICTIM"
	passed cloche exec victim kill -CONT 1
	passed cloche kill -s CONT victim
}

@test "a host process is nobody's business" {
	sleep 100 3>&- &
	passed kill "$!"
}

@test "the record says who, what, whom and when" {
	local last

	caught bash -c "kill -USR2 $VICTIM 2>/dev/null; [ $LEVEL = audit ]"
	run -0 cloche guard log
	last=${lines[-1]}
	[[ $last =~ ^20[0-9T:+-]+\ (seen|denied)\ SIGUSR2\ pid\ [0-9]+\ \(bash\)\ of\ user\ root ]]
	[[ $last =~ to\ pid\ $VICTIM\ \(gvictim,\ 1\ inside\)\ of\ container\ victim ]]
	[ "$LEVEL" = audit ] || [[ $last == *"to do it on purpose: cloche kill victim" ]]
	cloche guard log --json | tail -n 1 | jq -e '.Container == "victim" and .Signal == "SIGUSR2" and .TargetInnerPid == 1 and
		.SenderUid == 0 and .SenderCommand == "bash"'
}

@test "guard log --follow tells at once" {
	"$CLOCHE" guard log --follow >followed 3>&- &
	until_true 10 test -s followed
	kill -CONT "$VICTIM" 2>/dev/null || :
	until_true 10 sh -c "[ \$(wc -l <followed) -ge $(count) ]"
	kill $!
}

@test "off for one container, by option and by setting; a wrong word is refused" {
	local pid

	cloche run -d --name free --guard off --network none host sleep 1000 >/dev/null
	pid=$(cloche inspect -f '{{.State.Pid}}' free)
	passed kill -CONT "$pid"
	CLOCHE_GUARD='off' cloche run -d --name free2 --network none host sleep 1000 >/dev/null
	passed kill -CONT "$(cloche inspect -f '{{.State.Pid}}' free2)"
	run -125 cloche run --rm --guard maybe host true
	assert_output --partial "guard maybe: not deny, audit or off"
	cloche run -d --name heard --guard audit --network none host sleep 1000 >/dev/null
	LEVEL=audit caught kill -CONT "$(cloche inspect -f '{{.State.Pid}}' heard)"
	cloche rm -f free free2 heard >/dev/null
	run -0 cloche guard status
	refute_output --partial heard
}

@test "whatever has a pid namespace can be put under it, by pattern" {
	local pid

	unshare --pid --fork --mount-proc sleep 3456 3>&- &
	until_true 20 pgrep -P $!
	pid=$(pgrep -P $!)
	passed kill -CONT "$pid"
	run -0 cloche guard add 'unshare:*'
	assert_output --partial unshare:
	caught kill -CONT "$pid"
	cloche guard add --mode off 'unshare:*'
	passed kill -CONT "$pid"
	kill -KILL "$pid"
	run -1 cloche guard add 'nobody*'
}

@test "a nested container is guarded through its outer one" {
	cloche exec -d --privileged victim unshare --pid --fork sleep 4567
	until_true 20 pgrep -xf 'sleep 4567'
	caught kill -CONT "$(pgrep -xf 'sleep 4567')"
}

@test "SIGKILL by root: refused, or the end of it, told by the record" {
	local pid

	cloche run -d --name doomed --network none host sleep 1000 >/dev/null
	pid=$(cloche inspect -f '{{.State.Pid}}' doomed)
	if [ "$LEVEL" = deny ]; then
		caught kill -KILL "$pid"
		assert_equal "$(cloche inspect -f '{{.State.Status}}' doomed)" running
	else
		kill -KILL "$pid"
		assert_equal "$(cloche wait doomed)" 137
	fi
	cloche guard log --json | jq -es 'map(select(.Container == "doomed" and .Signal == "SIGKILL")) | length == 1'
	cloche rm -f doomed >/dev/null
}

@test "at deny a debugger is kept out too" {
	[ "$LEVEL" = deny ] || skip "this kernel takes no BPF programs at LSM hooks"
	skip_unless_program strace
	caught timeout 5 strace -p "$VICTIM" -o /dev/null
}

@test "sockets -p knows the processes by the iterator that is loaded beside the guard, without /proc" {
	local files pid

	skip_unless_program strace
	files=$(find /sys/fs/bpf/cloche*/files 2>/dev/null) || :
	[ -n "$files" ] || fail "there is no iterator"
	cloche run -d --name heard --network none host python3 -c \
		'import socket, time; s = socket.socket(); s.bind(("127.0.0.1", 4123)); s.listen(); time.sleep(1000)' >/dev/null
	pid=$(cloche inspect -f '{{.State.Pid}}' heard)
	until_true 20 sh -c "'$CLOCHE' sockets --listen --container heard | grep -q 4123"
	# leaks cannot be looked for under ptrace
	run -0 env ASAN_OPTIONS="${ASAN_OPTIONS:-verbosity=0}:detect_leaks=0" strace -f -e trace=openat -o calls "$CLOCHE" sockets -p -n --container heard
	assert_output --regexp "127.0.0.1:4123 .* $pid/python3"
	[ "$(readlink /proc/self/ns/pid)" != 'pid:[4026531836]' ] || ! grep -qE '"[0-9]+/fd"' calls
	cloche rm -f heard >/dev/null
}

@test "disable removes all of it" {
	cloche guard disable
	run -1 cloche guard status
	assert_output --partial "level: off"
	assert_equal "$(find /sys/fs/bpf -maxdepth 1 -name "cloche*")" ""
	kill -CONT "$VICTIM"
	run -1 cloche guard log
	assert_output --partial "no kill guard is loaded; load it with: cloche guard enable"
	cloche run --rm --network none host true
}
