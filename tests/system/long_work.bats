#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016,SC2154 # expanded by the shell in the container; set by bats' run
# What takes its time shows that it goes on, on a terminal and nowhere else.

load helper
load box

setup_file()
{
	cloche_setup_file
	make_box
	mkfifo "$CLOCHE_TEST_DIR/slow"
}

teardown() { remove_containers; }

on_terminal() { timeout 300 python3 "$BATS_TEST_DIRNAME/pty.py" "$CLOCHE" "$@"; }

@test "on a terminal: what, how much, how long; of what is short nothing; and it does not outlive the command" {
	exec 7<>"$CLOCHE_TEST_DIR/slow" # which never ends
	run on_terminal import "$CLOCHE_TEST_DIR/slow" kept 7>&- <<-'END'
		wait import
		wait  s
		kill KILL
		end -9
	END
	exec 7>&-
	assert_success
	assert_output --regexp '[-|/\\] import .*/slow  [0-9.]+ k?B  [0-9]+ s'
	cloche create --name web --network none box true
	run on_terminal commit web kept <<<'end 0'
	assert_success
	assert_output --partial 'sha256:'
}

@test "not on a terminal" {
	cloche create --name web --network none box true
	run sh -c '"$CLOCHE" export web | { sleep 1; cat >/dev/null; }'
	assert_success
	assert_output ""
}
