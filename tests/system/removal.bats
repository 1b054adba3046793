#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# rm -f of several containers: they are killed together and deleted in one transaction.

load helper

sleeper() { cloche run -d --network none "${@:2}" --name "$1" host sleep 1000 >/dev/null; }

runs() { [ "$(cloche inspect -f '{{.State.Running}}' "$1" 2>/dev/null)" = true ]; }

# usable NAME: whole: it runs, or can be started.
usable() { cloche exec "$1" true 2>/dev/null || { cloche start "$1" >/dev/null 2>&1 && false; }; }

released() { [ ! -e "$CLOCHE_RUN_ROOT/$1" ]; }

names() { cloche ps -a --format '{{.Names}}' | sort | tr '\n' ' '; }

@test "running, stopped and created ones and one that goes by itself are removed in one call" {
	sleeper run1
	sleeper run2 --rm
	sleeper run3 --pid host
	cloche create --network none --name made host true >/dev/null
	cloche run --network none --name over host true
	run --separate-stderr cloche rm -f run1 made run2 over run3
	assert_success
	assert_equal "${lines[*]}" "run1 made run2 over run3"
	assert_equal "$(names)" ""
	assert_no_leftovers
}

@test "an unknown name among them is told, and the others go" {
	sleeper run1
	sleeper run2
	run cloche rm -f run1 nobody run2
	assert_success # as with Docker: -f
	assert_output --partial "No such container: nobody"
	assert_equal "$(names)" ""
}

@test "a name given twice is removed once" {
	sleeper run1
	sleeper run2
	run cloche rm -f run1 run2 run1
	assert_output --partial "No such container: run1"
	assert_equal "$(names)" ""
}

@test "an end is told of each, with its exit code" {
	sleeper run1
	sleeper run2
	cloche rm -f run1 run2 >/dev/null
	run grep -c '"exitCode":"137"' "$CLOCHE_ROOT/events"
	[ "$output" -ge 2 ]
}

@test "an attached command ends with the exit code of the kill" {
	sleeper run1
	cloche run --network none --name front host sleep 1000 &
	until_true 20 runs front
	cloche rm -f run1 front >/dev/null
	code=0
	wait $! || code=$?
	assert_equal "$code" 137
	assert_equal "$(names)" ""
}

@test "two that remove the same ones in opposite order both end" {
	for i in 1 2 3 4 5 6; do sleeper "run$i"; done
	cloche rm -f run1 run2 run3 run4 run5 run6 >/dev/null 2>&1 &
	cloche rm -f run6 run5 run4 run3 run2 run1 >/dev/null 2>&1 || :
	wait $! || :
	assert_equal "$(names)" ""
	assert_no_leftovers
}

@test "killed at any point, the next command leaves each whole or not there" {
	skip_unless_hooks
	for point in rm-taken rm-killed release-begin release-run-folder remove-begin remove-row remove-files; do
		sleeper run1
		sleeper run2
		run env CLOCHE_KILL_POINT="$point" "$CLOCHE" rm -f run1 run2
		assert_failure 137
		for name in $(names); do # one that was killed may still be ending
			until_true 20 usable "$name"
		done
		cloche rm -f run1 run2 >/dev/null 2>&1 || :
		assert_equal "$(names)" ""
		assert_no_leftovers
	done
}

@test "after a removal that was killed too early, the end of the container is cared for again" {
	skip_unless_hooks
	sleeper run1
	sleeper run2
	run env CLOCHE_KILL_POINT=rm-taken "$CLOCHE" rm -f run1 run2
	cloche kill run1
	until_true 20 released "$(cloche inspect -f '{{.Id}}' run1)"
	cloche rm -f run1 run2 >/dev/null
}

@test "on a disk without one free byte everything can be stopped and removed" {
	local small=$CLOCHE_TEST_DIR/small

	skip_unless_program mkfs.ext4
	mkdir -m 0700 "$small"
	truncate -s 40M disk
	mkfs.ext4 -q -O ^has_journal disk
	mount -o loop disk "$small" || skip "this host has no loop devices"
	chmod 0700 "$small"
	mkdir -m 0700 "$small/lib"
	(
		export CLOCHE_ROOT=$small/lib CLOCHE_RUN_ROOT=$CLOCHE_TEST_DIR/small-run
		mkdir -m 0711 "$CLOCHE_RUN_ROOT"
		cloche create --network none --name before host true >/dev/null
		cloche rm before
		stat -c %b "$CLOCHE_ROOT/reserve" # blocks that it really has
		for name in one two three four; do
			sleeper "$name"
		done
		cloche volume create held >/dev/null
		dd if=/dev/zero of="$small/filler" bs=64k 2>/dev/null || :
		dd if=/dev/zero of="$small/filler-too" bs=1 2>/dev/null || :
		run cloche volume create more
		assert_output --partial "no space left"
		cloche stop -t 0 one
		cloche rm one
		cloche rm -f two three
		cloche rm -f four
		cloche volume rm held
		cloche system check
		rm "$small/filler"
		cloche create --network none --name after host true >/dev/null
		cloche rm after
		stat -c %b "$CLOCHE_ROOT/reserve"
		rmdir /sys/fs/cgroup/*/"$(instance_cgroup "$CLOCHE_RUN_ROOT")" 2>/dev/null || :
	) >out 2>&1 || { cat out; umount "$small"; return 1; }
	umount "$small"
	run cat out
	assert_output "before
4096
one
one
two
three
four
held
nothing found: database, files, processes and cgroups agree
after
4096"
}
