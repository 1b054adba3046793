#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016 # scripts are for the shell in the container
# kill -9 of whatever looks after a container: it runs on, loses no line, and the next command brings supervision back.

load helper

# pid_of NAME FILE: the monitor or holder of a container, as its run folder has it.
pid_of() { cut -d ' ' -f 1 "$CLOCHE_RUN_ROOT/$(id_of "$1")/$2"; }
id_of() { cloche inspect -f '{{.Id}}' "$1"; }

# The files are read directly: a command would repair first.
pids_remember()
{
	id=$(id_of "$1")
	monitor=$(cut -d ' ' -f 1 "$CLOCHE_RUN_ROOT/$id/monitor")
	holder=$(cut -d ' ' -f 1 "$CLOCHE_RUN_ROOT/$id/holder")
}

runs() { [ "$(cloche inspect -f '{{.State.Running}}' "$1" 2>/dev/null)" = true ]; }
none_there() { [ -z "$(cloche ps -aq)" ]; }
marked() { [ -e "$CLOCHE_ROOT/locks/$1" ]; }
other_than() { [ -s "$2" ] && [ "$(cut -d ' ' -f 1 "$2")" != "$1" ]; }

monitor_kill()
{
	pids_remember "$1"
	kill -KILL "$monitor"
	until_true 10 marked "$id"
}

# It does not end before it is told, however late we come.
until_go='until [ -e /tmp/go ]; do sleep 0.05; done'

# counted NUMBER: the log's lines, on stdin, are 0 to NUMBER - 1; a piece may stand there twice.
counted()
{
	python3 -c '
import sys
wanted, seen = int(sys.argv[1]), set()
lines = sys.stdin.read().split("\n")
assert lines.pop() == "", "the last line is cut"
for line in lines:
    seen.add(int(line))
missing = [n for n in range(wanted) if n not in seen]
assert not missing, "lost %d lines, the first is %d" % (len(missing), missing[0])
assert len(seen) == wanted, "lines that nobody wrote"
' "$1"
}

@test "a killed monitor leaves the application running, and the next command restores supervision" {
	cloche run -d --network none --name calm host sh -c 'trap "exit 7" TERM; echo ready; while :; do sleep 0.1; done'
	until_true 20 logged calm ready
	init=$(cloche inspect -f '{{.State.Pid}}' calm)
	monitor_kill calm
	kill -0 "$init"
	run cloche ps --format '{{.Names}} {{.State}}'
	assert_line "calm running"
	other_than "$monitor" "$CLOCHE_RUN_ROOT/$id/monitor"
	other_than "$holder" "$CLOCHE_RUN_ROOT/$id/holder"
	until_true 10 has_ended "$holder"
	run ! marked "$id"
	assert_equal "$(cloche inspect -f '{{.State.Pid}}' calm)" "$init"
	# the new one does all that the old one did
	run cloche stop calm
	assert_success
	run cloche inspect -f '{{.State.Status}} {{.State.Running}} {{.State.ExitCode}}' calm
	assert_output "exited false 7"
	cloche rm calm
}

@test "no line is lost while monitors are killed again and again" {
	cloche run -d --network none --name count host sh -c \
		"i=0; while [ \$i -lt 200000 ]; do echo \$i; i=\$((i + 1)); done; $until_go"
	for _ in 1 2 3 4 5 6; do
		monitor_kill count
		cloche ps >/dev/null
		other_than "$monitor" "$CLOCHE_RUN_ROOT/$id/monitor"
	done
	cloche exec count touch /tmp/go
	cloche wait count >/dev/null
	cloche logs count | counted 200000
	cloche rm count
}

@test "lines of both streams that a dead container left in its pipes are read by the next command" {
	cloche run -d -i --network none --name last host sh -c \
		'read -r go; i=0; while [ $i -lt 1000 ]; do echo $i; i=$((i + 1)); done; echo late >&2; exit 5'
	pids_remember last
	init=$(cloche inspect -f '{{.State.Pid}}' last)
	kill -STOP "$monitor" # what is written now stays in the pipes
	input=$(awk '{ print $4 }' "$CLOCHE_RUN_ROOT/$id/holder")
	echo go >"/proc/$holder/fd/$input"
	until_true 10 has_ended "$init"
	kill -KILL "$monitor"
	until_true 10 marked "$id"
	run cloche ps -a --format '{{.Names}} {{.State}}'
	assert_line "last exited"
	cloche logs last 2>/dev/null | counted 1000
	assert_equal "$(cloche logs last 2>&1 >/dev/null)" late
	[ ! -e "$CLOCHE_RUN_ROOT/$id" ]
	cloche rm last
}

@test "the exit code outlives the monitor while the holder has the pidfd" {
	uname_at_least 6 15 || skip "this kernel does not tell exit codes by pidfd"
	cloche run -d --network none --name code host sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 0.1; done'
	until_true 20 logged code ready
	monitor_kill code
	kill -TERM "$(sed -n '1s, .*,,p' "$CLOCHE_RUN_ROOT/$id/init")"
	until_true 10 has_ended "$(sed -n '1s, .*,,p' "$CLOCHE_RUN_ROOT/$id/init")"
	run cloche inspect -f '{{.State.ExitCode}} {{.Cloche.ExitUnknown}}' code
	assert_output "9 false"
	cloche rm code
}

uname_at_least()
{
	local major minor

	IFS=.- read -r major minor _ < <(uname -r)
	((major > $1 || (major == $1 && minor >= $2)))
}

@test "an exit code that nobody saw is 255 and flagged" {
	cloche run -d --network none --name unseen host sleep 600
	pids_remember unseen
	init=$(cloche inspect -f '{{.State.Pid}}' unseen)
	killed "$monitor" "$holder" "$init"
	run cloche inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.Cloche.ExitUnknown}}' unseen
	assert_output "exited 255 true"
	cloche rm unseen
}

@test "a killed holder is replaced, so that the monitor may be killed next" {
	cloche run -d --network none --name hold host sh -c \
		"i=0; while [ \$i -lt 100000 ]; do echo \$i; i=\$((i + 1)); done; $until_go"
	pids_remember hold
	kill -KILL "$holder"
	until_true 10 other_than "$holder" "$CLOCHE_RUN_ROOT/$id/holder"
	monitor_kill hold
	cloche ps >/dev/null
	cloche exec hold touch /tmp/go
	cloche wait hold >/dev/null
	cloche logs hold | counted 100000
	cloche rm hold
}

@test "the holder has a name of its own in ps" {
	cloche run -d --network none --name names host sleep 600
	pids_remember names
	assert_equal "$(cat "/proc/$monitor/comm")" cloche-monitor
	assert_equal "$(cat "/proc/$holder/comm")" cloche-holder
	assert_equal "$(tr '\0' ' ' <"/proc/$monitor/cmdline")" "cloche-monitor names $id "
	assert_equal "$(tr '\0 ' '  ' <"/proc/$holder/cmdline")" "cloche-holder  names $id "
	cloche rm -f names
}

@test "monitor and holder killed together: ps brings both back" {
	cloche run -d --network none --name both host sleep 600
	init=$(cloche inspect -f '{{.State.Pid}}' both)
	pids_remember both
	killed "$monitor" "$holder"
	run cloche ps --format '{{.Names}} {{.State}}'
	assert_line "both running"
	other_than "$monitor" "$CLOCHE_RUN_ROOT/$id/monitor"
	other_than "$holder" "$CLOCHE_RUN_ROOT/$id/holder"
	kill -0 "$init"
	cloche rm -f both
}

@test "a container with a terminal survives its killed monitor, and attach finds it again" {
	cloche run -d -i -t --network none --name term host sh -c \
		'while read -r line; do echo "got $line"; done'
	monitor_kill term
	kill -0 "$(sed -n '1s, .*,,p' "$CLOCHE_RUN_ROOT/$id/init")"
	run timeout 200 python3 "$BATS_TEST_DIRNAME/pty.py" "$CLOCHE" attach term <<-'END'
		send one\r
		wait got one
		send \x10\x11
		end 0
	END
	assert_success
	assert_equal "$(cloche inspect -f '{{.State.Running}}' term)" true
	cloche rm -f term
}

@test "the attached command tells that the monitor was killed, and the container runs on" {
	cloche run --network none --name told host sh -c 'echo here; exec sleep 600' >out 2>err &
	client=$!
	until_true 20 grep -q here out
	monitor_kill told
	wait "$client" && status=0 || status=$?
	assert_equal "$status" 125
	grep -q 'the monitor of told was killed; the container runs on' err
	grep -q 'cloche attach told' err
	assert_equal "$(cloche inspect -f '{{.State.Running}}' told)" true
	cloche rm -f told
}

@test "stdin still reaches the application through a new monitor" {
	cloche run -d -i --network none --name feed host cat
	monitor_kill feed
	echo hello | timeout 100 "$CLOCHE" attach feed >out &
	until_true 20 grep -q hello out
	cloche rm -f feed
	wait
}

@test "a run --rm whose monitor and command were killed is cleaned up by the next command after its end" {
	cloche run --rm --network none --name gone host sh -c 'sleep 600' >/dev/null 2>&1 &
	client=$!
	until_true 20 runs gone
	pids_remember gone
	init=$(cloche inspect -f '{{.State.Pid}}' gone)
	kill -KILL "$client" "$monitor"
	until_true 10 marked "$id"
	kill -KILL "$init"
	until_true 10 has_ended "$init"
	assert_equal "$(cloche ps -aq)" ""
	assert_no_leftovers
}

@test "the application ends as it would when nothing was killed: --rm, detached" {
	cloche run -d --rm --network none --name fine host sh -c "$until_go"
	monitor_kill fine
	cloche ps >/dev/null
	cloche exec fine touch /tmp/go
	until_true 20 none_there
	assert_no_leftovers
}
