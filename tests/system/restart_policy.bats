#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016 # scripts are for the shell in the container
# --restart: who comes back after its end, when, how often; and after a boot.

load helper

field() { cloche inspect -f "{{.$2}}" "$1"; }
is() { [ "$(field "$1" "$2")" = "$3" ]; }
restarted() { [ "$(field "$1" RestartCount)" -ge "$2" ]; }

teardown() { remove_containers; }

# As after a power cut: no process of ours or of the container lives, and nothing had time to be written down.
power_cut()
{
	local id monitor holder check

	id=$(field "$1" Id)
	pid=$(field "$1" State.Pid)
	monitor=$(cut -d ' ' -f 1 "$CLOCHE_RUN_ROOT/$id/monitor")
	holder=$(cut -d ' ' -f 1 "$CLOCHE_RUN_ROOT/$id/holder")
	kill -STOP "$holder" "$monitor"
	until_true 20 grep -q '^State:.T' "/proc/$monitor/status"
	# a check of its health would find it ended, and start it again
	for check in $(pgrep -P "$monitor" | grep -vx "$pid"); do
		kill -KILL "$check" 2>/dev/null || :
		until_true 20 has_ended "$check"
	done
	killed "$monitor"
	killed "$holder"
	killed "$pid"
}

@test "always: it comes back with the same record, and counts" {
	cloche run -d --restart always --network none --name back host sh -c 'echo here; sleep 0.2'
	until_true 30 restarted back 2
	assert_equal "$(field back HostConfig.RestartPolicy.Name)" always
	until_true 20 eval '[ "$(cloche logs back | grep -c here)" -ge 3 ]' # the last start is not its first line yet
	cloche stop -t 1 back
	is back State.Status exited
	count=$(field back RestartCount)
	sleep 1 # longer than any wait that may have been due
	is back State.Status exited
	assert_equal "$(field back RestartCount)" "$count"
	cloche update --restart on-failure back # it ends with 0; a slow look would find it restarted again
	cloche start back
	assert_equal "$(field back RestartCount)" 0
}

@test "on-failure: not after success, and N times after failures" {
	cloche run -d --restart on-failure --network none --name good host true
	cloche run -d --restart on-failure:2 --network none --name bad host sh -c 'echo try; exit 3'
	until_true 30 restarted bad 2
	until_true 10 is bad State.Status exited
	until_true 20 is good State.Status exited
	assert_equal "$(field bad RestartCount)" 2
	assert_equal "$(field bad State.ExitCode)" 3
	assert_equal "$(cloche logs bad | grep -c try)" 3
	assert_equal "$(field bad HostConfig.RestartPolicy.MaximumRetryCount)" 2
	assert_equal "$(field good RestartCount)" 0
}

@test "the wait doubles: 100 ms, 200 ms, 400 ms, 800 ms" {
	cloche run -d --restart always --network none --name slow host false
	until_true 30 restarted slow 4
	cloche rm -f slow
	cloche events --since 0 --until 0s --filter container=slow --format '{{.Action}} {{.timeNano}}' >all
	python3 - all <<-'END'
		import sys
		ends, waits = None, []
		for line in open(sys.argv[1]):
		    action, at = line.split()
		    if action == "die":
		        ends = int(at)
		    elif action == "start" and ends:
		        waits.append((int(at) - ends) / 1e9)
		for wait, least in zip(waits, (0.1, 0.2, 0.4, 0.8)):
		    assert wait >= least, waits
		assert len(waits) >= 4, waits
	END
}

# in_one_wait COMMAND...: it began and ended between the same end and restart.
in_one_wait()
{
	local count

	count=$(field wait RestartCount)
	is wait State.Status restarting || return
	"$@"
	is wait State.Status restarting && [ "$(field wait RestartCount)" = "$count" ]
}

looked_at()
{
	seen=("$(field wait State.Restarting)" "$(cloche ps -a --filter name=wait --format '{{.State}} {{.Status}}')")
	seen+=("$(! cloche rm wait 2>&1 || echo removed)")
}

@test "between end and restart it is restarting: ps, inspect, stop, rm, start" {
	cloche run -d --restart always --network none --name wait host sh -c 'exit 5'
	until_true 60 restarted wait 5 # the next wait takes more than 3 s
	until_true 60 in_one_wait looked_at # if that was too little, the one after it takes twice as long
	assert_equal "${seen[0]}" true
	[[ ${seen[1]} =~ ^'restarting Restarting (5) '.*' ago'$ ]] || fail "${seen[1]}"
	[[ ${seen[2]} == *"container is restarting"* ]] || fail "${seen[2]}"
	cloche stop wait
	is wait State.Status exited
	run pgrep -f "cloche-monitor wait $(field wait Id)"
	assert_failure
	cloche rm wait
}

# The next start removes the file; then who waits for the one after that is killed.
waiter_killed()
{
	local pid

	pid=$(cut -d ' ' -f 1 "$1" 2>/dev/null) && [ -n "$pid" ] && kill -KILL "$pid" 2>/dev/null
}

@test "who waits is killed: the next command waits anew" {
	cloche run -d --restart always --network none --name kept host sh -c 'exit 5'
	until_true 60 restarted kept 4
	id=$(field kept Id)
	until_true 20 waiter_killed "$CLOCHE_ROOT/containers/$id/restart"
	count=$(field kept RestartCount)
	until_true 30 restarted kept $((count + 1))
}

@test "kill ends it for good, another signal does not" {
	cloche run -d --restart always --network none --name sig host sh -c 'trap "exit 1" USR1; echo ready; while :; do sleep 0.05; done'
	until_true 20 logged sig ready
	cloche kill -s USR1 sig
	until_true 20 restarted sig 1
	until_true 20 is sig State.Status running
	cloche kill sig
	until_true 10 is sig State.Status exited
	sleep 0.5
	is sig State.Status exited
}

@test "system start after a boot: always, unless-stopped, on-failure; not what a user stopped, never started, or has no policy" {
	for name in no always unless-stopped on-failure; do
		cloche run -d --restart "$name" --network none --name "r-$name" host sleep 600
	done
	cloche run -d --restart always --network none --name s-always host sleep 600
	cloche run -d --restart unless-stopped --network none --name s-unless host sleep 600
	cloche stop -t 0 s-always s-unless
	cloche create --restart always --network none --name never host sleep 600
	for name in no always unless-stopped on-failure; do
		power_cut "r-$name"
	done
	run cloche system start
	assert_success
	assert_line "4 started"
	for name in r-always r-unless-stopped r-on-failure s-always; do
		is "$name" State.Status running || fail "$name is $(field "$name" State.Status)"
	done
	for name in r-no s-unless; do
		is "$name" State.Status exited || fail "$name is $(field "$name" State.Status)"
	done
	is never State.Status created
	run cloche system start
	assert_line "0 started"
}

@test "system start starts first what others require, and waits for its health" {
	cloche run -d --restart always --network none --name z-base --health-cmd 'test -e /tmp/up' --health-interval 100ms --health-retries 200 \
		host sh -c 'rm -f /tmp/up; sleep 1; : >/tmp/up; exec sleep 600'
	cloche run -d --restart always --network none --name a-web --requires z-base:healthy host sleep 600
	power_cut z-base
	power_cut a-web
	run cloche system start
	assert_line "2 started"
	is z-base State.Health.Status healthy
	is a-web State.Status running
	[ "$(($(date -d "$(field a-web State.StartedAt)" +%s%N) - $(date -d "$(field z-base State.StartedAt)" +%s%N)))" -gt 1000000000 ]
}

@test "a power cut that takes the run root: what ran has ended, and nobody knows how; a --rm container goes" {
	local name

	cloche run -d --network none --name cut host sleep 600
	cloche run -d --rm --network none --name cut-rm host sleep 600
	cloche run -d --restart always --network none --name cut-always host sleep 600
	cloche create --network none --name cut-never host true
	for name in cut cut-rm cut-always; do
		power_cut "$name"
	done
	find "$CLOCHE_RUN_ROOT" -mindepth 1 -delete
	name=$(instance_cgroup "$CLOCHE_RUN_ROOT")
	find /run/netns -name "cut*${name#cloche}" -delete
	run cloche ps -a --filter name=cut --format '{{.Names}} {{.State}}'
	assert_line "cut exited"
	assert_line "cut-always exited"
	assert_line "cut-never created"
	refute_output --partial cut-rm
	is cut State.ExitCode 255
	is cut Cloche.ExitUnknown true
	run cloche system start
	assert_line "1 started"
	is cut-always State.Status running
	cloche start cut
	is cut State.Status running
}

@test "update gives and takes a policy; wrong ones and --rm are refused with Docker's words" {
	cloche run -d --network none --name later host sleep 600
	cloche update --restart always later
	kill -KILL "$(field later State.Pid)"
	until_true 20 restarted later 1
	until_true 20 is later State.Status running
	cloche update --restart no later
	kill -KILL "$(field later State.Pid)"
	until_true 20 is later State.Status exited
	run cloche run -d --restart sometimes --network none host true
	assert_failure 125
	assert_output --partial "unknown policy 'sometimes'"
	run cloche run -d --restart always:3 --network none host true
	assert_failure 125
	assert_output --partial "maximum retry count can only be used with 'on-failure'"
	run cloche run -d --rm --restart always --network none host true
	assert_failure 125
	assert_output --partial "conflicting options: cannot specify both --restart and --rm"
	cloche rm -f later
	assert_equal "$(cloche ps -aq)" ""
}

@test "an attached run ends with the first end, and the container goes on" {
	run cloche run --restart always --network none --name first host sh -c 'echo once; exit 4'
	assert_failure 4
	until_true 20 restarted first 1
}

@test "a first start that fails is no restart" {
	run -127 cloche run -d --restart always --network none --name wrong host /no/such/program
	assert_failure 127
	cloche ps >/dev/null
	sleep 0.3
	is wrong State.Status created
	assert_equal "$(field wrong RestartCount)" 0
}
