#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016 # scripts are for the shell in the container
# kill -9 of a command at a named point (engine_kill_point): after the next command there is a whole container or none.
# `./setup sweep` does the same at every system call.

load helper

setup()
{
	skip_unless_hooks
	cloche_setup
}

# killed POINT COMMAND...: the command dies at the point, and only there.
killed()
{
	local point=$1

	shift
	run env CLOCHE_KILL_POINT="$point" timeout -s TERM 200 "$CLOCHE" "$@" </dev/null
	[ "$status" -eq 137 ] || fail "$point: exit status $status, wanted 137: the point was not reached; output:" "$output"
}

nothing_runs() { [ -z "$(cloche ps -q)" ]; }
nothing_is() { [ -z "$(cloche ps -aq)" ]; }

# After a kill, the next command; then what check finds. What is left on the host is looked for at the end of each test.
assert_none()
{
	until_true 10 nothing_runs
	assert_equal "$(cloche ps -aq)" ""
	assert_sound
}

teardown()
{
	cloche_teardown
	[ -z "${BATS_TEST_COMPLETED:-}" ] || assert_no_leftovers # of a case that failed it is known what is left, and that takes a minute
}

assert_sound()
{
	run cloche system check
	assert_success
	run find "$CLOCHE_ROOT/locks" -type f
	assert_output ""
}

# whole NAME: it can be used as any other, and goes as any other.
whole()
{
	case $(cloche inspect -f '{{.State.Status}}' "$1") in
	running | created | exited) ;;
	*) fail "$1 is none of these" ;;
	esac
	until_true 10 usable "$1" # an init that was never told to go may just be ending
	assert_sound
	cloche rm -f "$1"
}

usable() { cloche start "$1" && cloche exec "$1" true; }

# whole_or_none NAME
whole_or_none()
{
	cloche ps -a >/dev/null
	if cloche inspect "$1" >/dev/null 2>&1; then
		whole "$1"
	fi
	assert_none
}

@test "create is killed" {
	local point

	for point in create-locked create-uid-range create-before-commit; do
		killed "$point" create --network none --name it -v "vol-$point:/vol" host sleep 600
		run cloche ps -a --format '{{.Names}}'
		assert_output ""
		assert_none
	done
	killed create-committed create --network none --name it host sleep 600
	run cloche ps -a --format '{{.Names}} {{.State}}'
	assert_output "it created"
	whole_or_none it
	run cloche volume ls -q
	assert_output ""
}

@test "run -d is killed before the container is" {
	local point

	for point in start-locked start-run-folder start-before-fork; do
		killed "$point" run -d --network none --name it host sleep 600
		run cloche ps -a --format '{{.Names}} {{.State}}'
		assert_output "it created"
		whole_or_none it
	done
}

@test "run -d is killed while the container starts" {
	local point

	for point in start-forked start-started; do
		killed "$point" run -d --network none --name it host sleep 600
		whole_or_none it
	done
}

@test "the process that becomes the monitor is killed" {
	local point

	# not the command: it lives, says so, and leaves a container that was never started
	for point in start-container-created start-init-written start-going; do
		run env CLOCHE_KILL_POINT="$point" timeout 200 "$CLOCHE" run -d --network none --name it host sleep 600
		assert_failure 125
		assert_output --partial "was killed"
		whole_or_none it
		run env CLOCHE_KILL_POINT="$point" timeout 200 "$CLOCHE" run --rm --network none --name it host sleep 600
		assert_failure 125
		assert_none
	done
}

# state_is PID LETTER, as proc(5) has them
state_is() { [ "$(awk '$1 == "State:" { print $2 }' "/proc/$1/status")" = "$2" ]; }
init_written() { [ -s "$CLOCHE_RUN_ROOT/$1/init" ]; }

@test "a container that is killed while it is being started: it was started, and was killed" {
	local id start pid launcher code=0

	id=$(cloche create --network none --name it host sleep 600)
	CLOCHE_STOP_POINT=start-init-written timeout 200 "$CLOCHE" start it >out 2>&1 &
	start=$!
	until_true 20 init_written "$id"
	read -r pid _ <"$CLOCHE_RUN_ROOT/$id/init"
	launcher=$(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status")
	until_true 20 state_is "$launcher" T
	cloche kill it &
	until_true 20 state_is "$pid" Z
	kill -CONT "$launcher"
	wait "$start" || code=$?
	assert_equal "$code: $(cat out)" "0: it"
	wait
	assert_equal "$(cloche wait it)" 137
	whole it
}

waits_for_lock() { grep -q -e "-> FLOCK  ADVISORY  WRITE $1 " /proc/locks; }

# hold POINT COMMAND...: the command stands at the point, as $held, with status and words in held.
hold()
{
	local point=$1

	shift
	CLOCHE_STOP_POINT=$point "$CLOCHE" "$@" >held 2>&1 &
	held=$!
	until_true 20 state_is "$held" T
}

# go_on STATUS-AND-WORDS: it ends so, in an extended regular expression.
go_on()
{
	local code=0

	kill -CONT "$held"
	wait "$held" || code=$?
	held=
	[[ "$code: $(cat held)" =~ ^$1$ ]] || fail "is: $code: $(cat held)" "wanted: $1"
}

@test "what comes while a container is being started comes after it" {
	local id pid side code
	local -a sides=()

	id=$(cloche create --network none --name it host sh -c 'while echo here; do sleep 0.1; done')
	# rm has seen that it does not run, and must look again
	hold start-locked start it
	"$CLOCHE" rm it >side 2>&1 &
	side=$!
	until_true 20 waits_for_lock "$side"
	go_on "0: it"
	code=0
	wait "$side" || code=$?
	assert_equal "$code" 1
	assert_equal "$(cat side)" "cloche: cannot remove container \"/it\": container is running: stop the container before removing or force remove"
	cloche kill it
	hold start-locked start it
	"$CLOCHE" stop -t 0 it >side 2>&1 &
	side=$!
	until_true 20 waits_for_lock "$side"
	go_on "0: it"
	wait "$side"
	assert_equal "$(cloche ps -q)" ""
	# its first process is there, and has not been told to go
	CLOCHE_STOP_POINT=start-init-written "$CLOCHE" start it >/dev/null &
	until_true 20 init_written "$id"
	read -r pid _ <"$CLOCHE_RUN_ROOT/$id/init"
	held=$(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status")
	"$CLOCHE" exec it true & sides+=($!)
	"$CLOCHE" kill -s USR1 it & sides+=($!)
	"$CLOCHE" attach --no-stdin it >attached & sides+=($!)
	for side in "${sides[@]}"; do
		until_true 20 waits_for_lock "$side"
	done
	until_true 20 state_is "$held" T
	kill -CONT "$held"
	wait "${sides[0]}"
	wait "${sides[1]}"
	until_true 20 test -s attached
	cloche kill it
	code=0
	wait "${sides[2]}" || code=$?
	assert_equal "$code" 137
	wait
	held=
	whole it
}

@test "system check --repair leaves what was started since it read the list alone" {
	hold check-listed system check --repair
	cloche run -d --network none --name it host sleep 600
	go_on "0: nothing found: .*"
	cloche exec it true
	cloche rm -f it
}

@test "what is taken into use while it is being removed stays" {
	local side

	cloche network create taken
	hold network-remove network rm taken
	cloche create --network taken --name it host sleep 600
	go_on "1: cloche: error while removing network: network taken has active endpoints \(it\); disconnect or remove them first"
	hold start-locked start it
	"$CLOCHE" container prune -f & side=$!
	until_true 20 waits_for_lock "$side"
	go_on "0: it"
	wait "$side"
	cloche exec it true
	cloche rm -f it
	cloche network rm taken
}

@test "a new name between end and release: nothing of the old one is left" {
	local side

	hold start-started run --rm --network none --name it host true
	"$CLOCHE" rename it other & side=$!
	until_true 20 waits_for_lock "$side"
	go_on "0: "
	wait "$side" || : # or it was gone already
	assert_none
}

child_stands() { held=$(pgrep -P "$1") && state_is "$held" T; }

@test "a container ends while a command is about to enter or to freeze it" {
	local side

	cloche run -d --network none --name it host sleep 600
	hold exec-begin exec it true
	cloche kill it
	go_on "1: cloche: container [0-9a-f]{64} is not running; start it with: cloche start it"
	cloche start it
	hold pause-marked pause it
	cloche kill it
	go_on "1: cloche: Container [0-9a-f]{64} is not running"
	assert_equal "$(cloche inspect -f '{{.State.Status}} {{.State.ExitCode}}' it)" "exited 137"
	cloche start it
	hold attach-begin attach --no-stdin it
	cloche kill it
	go_on "137: "
	# its files can be had all the same
	cloche start it
	CLOCHE_STOP_POINT=root-entering "$CLOCHE" cp it:/etc/hostname - >copied & side=$!
	until_true 20 child_stands "$side"
	cloche kill it
	kill -CONT "$held"
	wait "$side"
	held=
	assert_equal "$(tar -tf copied)" hostname
	# and its networks be changed
	cloche network create more
	cloche rm it
	cloche run -d --network more --name it host sleep 600
	hold network-forgotten network disconnect more it
	cloche kill it
	go_on "0: "
	cloche network rm more # which it would be refused with a member
	whole it
}

@test "both are killed: command and monitor to be" {
	local point

	for point in start-container-created start-init-written start-going; do
		run env CLOCHE_KILL_POINT="$point" CLOCHE_KILL_PARENT=1 timeout 200 "$CLOCHE" run -d --network none \
			--name it host sleep 600
		assert_failure 137
		whole_or_none it
	done
}

@test "run --rm is killed while it cleans up" {
	local point

	for point in release-begin release-cgroup release-run-folder remove-begin remove-row remove-files remove-uid-range remove-volume; do
		killed "$point" run --rm --network none --name it -v /anonymous host true
		cloche ps >/dev/null
		assert_none
		run cloche volume ls -q
		assert_output ""
	done
}

@test "run --rm is killed while the container runs" {
	killed start-started run --rm --network none --name it host sleep 0.1
	until_true 20 nothing_is # its monitor has it released
	assert_none
}

@test "start is killed" {
	local point

	cloche create --network none --name it host sleep 600
	for point in start-locked start-run-folder start-before-fork start-forked start-started; do
		killed "$point" start it
		cloche ps >/dev/null
		run cloche inspect -f '{{.State.Status}}' it
		assert_output --regexp '^(running|created|exited)$'
		cloche start it
		cloche exec it true
		cloche stop -t 0 it
	done
	whole_or_none it
}

@test "exec is killed" {
	local point

	cloche run -d --network none --name it host sleep 600
	for point in exec-begin exec-started; do
		killed "$point" exec it true
		cloche exec it true
		assert_sound
	done
	whole_or_none it
}

@test "stop is killed" {
	local point

	for point in stop-signalled stop-ended; do # the release is the monitor's, as often as not
		cloche run -d --network none --name it host sh -c 'trap "exit 0" TERM; echo ready; while :; do sleep 0.1; done'
		until_true 20 logged it ready
		killed "$point" stop it
		until_true 10 nothing_runs
		run cloche inspect -f '{{.State.Status}} {{.State.ExitCode}}' it
		assert_output "exited 0"
		whole_or_none it
	done
}

@test "rm -f is killed" {
	local point

	for point in rm-killed remove-begin remove-row remove-files remove-uid-range; do
		cloche run -d --network none --name it host sleep 600
		killed "$point" rm -f it
		until_true 10 nothing_runs
		whole_or_none it
	done
}

@test "load is killed" {
	local point

	mkdir -p root/bin
	cp "$(command -v busybox)" root/bin/busybox
	tar -C root -cf root.tar .
	cloche import root.tar one:1 >/dev/null
	one=$(cloche images -q one:1)
	for point in load-begin image-files-stored load-recorded image-recorded; do
		killed "$point" import root.tar two:2
		run cloche images -aq
		[ "${#lines[@]}" -le 2 ] # recorded, and not tagged yet, or nothing
		[ "$point" != image-recorded ] || assert_equal "${#lines[@]}" 2
		cloche import root.tar two:2 >/dev/null
		run cloche run --rm --network none two:2 /bin/busybox echo here
		assert_output here
		cloche images -aq | grep -v "$one" | xargs "$CLOCHE" rmi
	done
	cloche rmi one:1
	cloche system check --repair
	assert_equal "$(find "$CLOCHE_ROOT/layers" "$CLOCHE_ROOT/tmp" -mindepth 1 -maxdepth 1 2>/dev/null)" ""
	assert_sound
}
