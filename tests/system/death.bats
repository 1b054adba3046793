#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Who died of what: inspect, events, and one line of an attached run.

load helper

setup_file()
{
	own_bpffs # else the guard would mount one, and leave it
	cloche_setup_file
}

teardown_file()
{
	[ -z "${CLOCHE_ROOT:-}" ] || cloche guard disable || :
	cloche_teardown_file
}

hungry='x = []
while True: x.append(bytearray(b"x" * 4194304))'

@test "out of memory: whose limit, and which process had most" {
	skip_unless_cgroup memory
	run cloche run --name hungry --network none -m 40m --memory-swap 40m host /usr/bin/python3 -c "$hungry"
	assert_failure 137
	assert_output --regexp "cloche: hungry: out of memory: its limit of 40.0 MiB"
	[ ! -r /dev/kmsg ] || assert_output --regexp "the kernel ended python3 \(pid [0-9]+\), which had [23][0-9].[0-9] MiB"
	run -0 cloche inspect -f '{{json .Cloche.Death}}' hungry
	jq -e '.Signal == "SIGKILL" and .OutOfMemory.LimitBytes == 41943040' <<<"$output"
	run -0 cloche events --since 5m --until 0s --filter container=hungry --filter event=oom
	assert_output --partial "reason=out of memory: its limit of 40.0 MiB"
	cloche rm hungry
}

@test "a signal from outside: its sender, where the kill guard sees him" {
	local pid

	cloche guard enable >/dev/null 2>&1 || skip "this kernel takes no BPF programs"
	cloche run --name shot --network none --guard audit host sleep 1000 >out 2>&1 3>&- &
	until_true 20 sh -c "'$CLOCHE' inspect -f '{{.State.Running}}' shot 2>/dev/null | grep -q true"
	pid=$(cloche inspect -f '{{.State.Pid}}' shot)
	kill -KILL "$pid"
	wait $! || [ $? -eq 137 ]
	grep -Eq "^cloche: shot: killed by SIGKILL from pid [0-9]+ \(bash\) of user 0" out
	cloche inspect -f '{{json .Cloche.Death}}' shot | jq -e '.Signal == "SIGKILL" and .Sender.Uid == 0'
	run -0 cloche events --since 5m --until 0s --filter container=shot --filter event=die
	assert_output --partial "reason=killed by SIGKILL from pid"
	cloche rm shot
}

@test "who waited for the end is told at once what it was" {
	skip_unless_cgroup memory
	cloche run -d --name waited --network none -m 40m --memory-swap 40m host /usr/bin/python3 -c "$hungry"
	run -0 cloche wait waited
	assert_output 137
	cloche inspect -f '{{json .Cloche.Death}}' waited | jq -e '.OutOfMemory.LimitBytes == 41943040'
	run -0 cloche ps -a --filter name=waited --format '{{.Status}}'
	assert_output --partial "(out of memory)"
	cloche rm waited
}

@test "an end of its own is nobody's, and the next start forgets" {
	run cloche run --name plain --network none host sh -c 'exit 3'
	assert_failure 3
	assert_output ""
	run -0 cloche inspect -f '{{json .Cloche.Death}}' plain
	assert_output null
	run cloche run --name crash --network none host /usr/bin/python3 -c 'import ctypes; ctypes.string_at(0)'
	assert_failure 139
	run -0 cloche inspect -f '{{.Cloche.Death.Signal}}' crash
	assert_output SIGSEGV
	cloche start crash >/dev/null
	cloche wait crash >/dev/null
	cloche rm plain crash
}

@test "who started it, and the causes of the last ten ends, stay over restarts" {
	SUDO_UID=4711 cloche run -d --name often --network none host sleep 1000
	cloche inspect -f '{{json .Cloche.StartedBy}}' often >by
	jq -e '.Uid == 0 and .SudoUid == 4711 and (.Command | test("cloche run -d --name often --network none host sleep 1000$"))' by
	assert_equal "$(cloche inspect -f '{{json .Cloche.Ends}}' often)" "[]"
	cloche kill -s KILL often
	cloche wait often
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		cloche start often
		cloche stop -t 0 often
	done >/dev/null
	cloche inspect -f '{{json .Cloche.Ends}}' often >ends
	jq -e 'length == 10 and (map(.ExitCode) | unique == [137]) and (map(.StartedAt) | . == sort and (unique | length == 10)) and
		(map(.Death.Signal) | unique == ["SIGKILL"]) and (map(.StartedBy.Command) | unique[0] | test("cloche start often$"))' ends
	assert_equal "$(cloche inspect -f '{{json .Cloche.StartedBy}}' often)" null
	cloche rm often
	run env -u SUDO_UID "$CLOCHE" run --name once --network none host sh -c 'exit 3'
	cloche inspect -f '{{json .Cloche.Ends}}' once >ends
	jq -e 'length == 1 and .[0].ExitCode == 3 and .[0].Death == null and .[0].StartedBy.SudoUid == null' ends
	# who looks before the end was written there finds it, too
	rm "$CLOCHE_ROOT/containers/$(cloche inspect -f '{{.Id}}' once)/ends"
	assert_equal "$(cloche inspect -f '{{len .Cloche.Ends}} {{(index .Cloche.Ends 0).ExitCode}}' once)" "1 3"
	cloche rm once
}
