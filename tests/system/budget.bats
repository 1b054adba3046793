#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The budget of the run path (docs/ARCHITECTURE.md): processes, programs and libraries are counted, times are not.
# A number that has to grow grows here and there, with a reason.

load helper

setup_file()
{
	cloche_setup_file
	cloche run --rm --network none host true # what only a first run does
}

setup()
{
	cloche_setup
	skip_if_sanitized # their runtime is a library, and the monitor is not static
	skip_unless_program strace
}

# traced COMMAND...: all its calls, and those of its children, in the file trace.
traced() { strace -f -qq -o trace -e trace=process,openat,ftruncate "$CLOCHE" "$@"; }

# The processes and the programs that a trace has. A call that another process interrupts has its result on a line of its own.
processes() { grep -cE '(clone|clone3|fork|vfork)(\(| resumed>).* = [0-9]+$' trace; }
programs() { grep -cE 'execve(\(| resumed>).* = 0$' trace; }

# libraries: what the loader maps into the first process, without the loader itself.
libraries()
{
	local first

	first=$(head -n 1 trace | cut -d ' ' -f 1)
	grep -E "^$first +openat\(.*\.so[.0-9]*\", .* = [0-9]+$" trace | grep -oE '[^/"]+\.so[.0-9]*' | sort -u
}

@test "a run makes four processes and executes two programs" {
	traced run --rm --network none host true
	assert_equal "$(processes)" 4
	assert_equal "$(programs)" 3 # with cloche itself
}

@test "a detached run executes one program more, which takes away" {
	traced run -d --rm --network none host true # strace waits for all of them
	assert_equal "$(processes)" 4
	assert_equal "$(programs)" 4
}

@test "an exec makes one process and executes one program" {
	cloche run -d --network none --name guest host sleep 1000
	traced exec guest true
	assert_equal "$(processes)" 1
	assert_equal "$(programs)" 2
	# a monitor keeps the index of the database's log: it is not made anew
	run ! grep -q ftruncate trace
	cloche rm -f guest
}

@test "cloche loads the C library and no other" {
	skip_unless_option static_libraries true
	traced run --rm --network none host true
	assert_equal "$(libraries | grep -vE '^lib(c|m)\.so\.6$')" ""
}

@test "the monitor and the init load nothing" {
	run readelf -d "$CLOCHE_MONITOR_BIN" "$CLOCHE_BUILD/cloche-init"
	assert_success
	refute_output --partial NEEDED
}
