#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The first signs of life: when these fail, look here before anywhere else.

load helper

@test "the programs are where the build puts them" {
	[ -x "$CLOCHE" ]
	[ -x "$CLOCHE_MONITOR_BIN" ]
	[ -x "$CLOCHE_TRANSFER" ]
}

@test "version says what this is" {
	run cloche version
	assert_success
	assert_output --partial Version
}

@test "a command that does not exist is refused with words" {
	run cloche no-such-command
	assert_failure
	assert_output --partial "no-such-command"
}

@test "true runs in a container of the host's programs" {
	run cloche run --rm host true
	assert_success
}

@test "an exit code comes through" {
	run cloche run --rm host sh -c 'exit 7'
	assert_failure 7
}

@test "nothing is left of a container that ran with --rm" {
	run cloche run --rm host true
	assert_success
	assert_no_leftovers
	assert_equal "$(cloche ps -aq)" ""
}
