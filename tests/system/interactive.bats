#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016 # scripts are for the shell in the container
# Terminals and pipes between the user and a container: run, exec, attach, start.

load helper

teardown()
{
	cloche_teardown
	[ -z "${watcher:-}" ] || kill "$watcher" 2>/dev/null || :
}

# on_terminal COMMAND...: cloche COMMAND on a terminal, with a script of pty.py on stdin.
on_terminal() { timeout 300 python3 "$BATS_TEST_DIRNAME/pty.py" "$CLOCHE" "$@"; }

state_is() { [ "$(cloche inspect -f '{{.State.Status}}' "$1" 2>/dev/null)" = "$2" ]; }

@test "run -it: a terminal with its size, which follows the window" {
	run on_terminal run --rm -it --network none host sh -c \
		'stty size; trap "stty size" WINCH; echo ready; while :; do read -r word && echo "<$word>"; [ "$word" != end ] || exit 0; done' <<-'END'
		wait 24 80
		wait ready
		raw
		size 40 120
		wait 40 120
		send word\r
		wait <word>
		send end\r
		end 0
		cooked
	END
	assert_success
}

@test "run -it: the size is there before the first instruction" {
	for _ in 1 2 3; do
		run on_terminal run --rm -it --network none host stty size <<-'END'
			wait 24 80
			end 0
		END
		assert_success
	done
}

@test "run -it: ctrl-c goes to the program in the container, and its exit code comes through" {
	run on_terminal run --rm -it --network none host sh -c 'trap "exit 42" INT; echo ready; while :; do sleep 0.1; done' <<-'END'
		wait ready
		raw
		send \x03
		end 42
		cooked
	END
	assert_success
}

@test "run -it: the detach keys leave the container running and the terminal as it was" {
	run on_terminal run -it --network none --name keys host sh -c 'echo ready; while read -r word; do echo "<$word>"; done' <<-'END'
		wait ready
		raw
		send a\x10b\r
		wait <a
		send \x10\x11
		end 0
		cooked
	END
	assert_success
	state_is keys running
	run on_terminal attach --detach-keys=ctrl-a,d keys <<-'END'
		raw
		send one\r
		wait <one>
		send \x10\x11\r
		send \x01d
		end 0
		cooked
	END
	assert_success
	state_is keys running
	run on_terminal attach keys <<-'END'
		raw
		send \x04
		end 0
		cooked
	END
	assert_success
	until_true 10 state_is keys exited
	cloche rm keys
}

@test "wrong detach keys are refused before anything starts" {
	run on_terminal run -it --network none --detach-keys ctrl-xx --name wrong host true <<-'END'
		wait invalid detach keys
		end 125
		cooked
	END
	assert_success
	refute_output --partial "ready"
	assert_equal "$(cloche ps -aq --filter name=wrong)" ""
}

@test "attach gives the new window's size to the container" {
	cloche run -d -it --network none --name sized host sh -c 'trap "stty size" WINCH; echo ready; while :; do sleep 0.05; done'
	until_true 20 logged sized ready
	run on_terminal attach sized <<-'END'
		raw
		size 33 99
		wait 33 99
		send \x10\x11
		end 0
	END
	assert_success
	cloche rm -f sized
}

@test "the terminal is restored when the command gets a signal that is not passed on" {
	run on_terminal run -it --sig-proxy=false --network none --name term host sh -c 'echo ready; sleep 600' <<-'END'
		wait ready
		raw
		kill TERM
		end -15
		cooked
	END
	assert_success
	state_is term running
	cloche rm -f term
}

@test "the terminal is restored when the signal is passed on and ends the container" {
	run on_terminal run -it --network none --name pass host sh -c 'trap "exit 3" TERM; echo ready; while :; do sleep 0.1; done' <<-'END'
		wait ready
		raw
		kill TERM
		end 3
		cooked
	END
	assert_success
	cloche rm pass
}

@test "the terminal is restored when the monitor is killed" {
	(
		until_true 20 grep -q ready seen
		kill -KILL "$(cut -d ' ' -f 1 "$CLOCHE_RUN_ROOT/$(cloche inspect -f '{{.Id}}' lost)/monitor")"
	) &
	on_terminal run -it --network none --name lost host sh -c 'echo ready; sleep 600' >seen <<-'END' &
		end 125
		cooked
	END
	talker=$!
	# pty.py shows what it saw at the end: the log tells that the container is there
	until_true 20 logged lost ready
	echo ready >>seen
	wait "$talker"
	grep -q 'the monitor of lost was killed' seen
	cloche rm -f lost
}

@test "the terminal is restored when the container is removed under its user" {
	on_terminal run -it --network none --name away host sh -c 'echo ready; sleep 600' <<-'END' &
		wait ready
		raw
		mark raw
		end 137
		cooked
	END
	talker=$!
	until_true 20 test -e raw
	cloche rm -f away
	wait "$talker"
}

@test "the terminal is restored when the command does not exist" {
	run on_terminal run --rm -it --network none host no-such-program <<-'END'
		end 127
		cooked
	END
	assert_success
	assert_output --partial "no-such-program"
}

@test "run -it in a pipe is refused as Docker refuses it" {
	run cloche run --rm -it --network none host true </dev/null
	assert_failure
	assert_output --partial "the input device is not a TTY"
}

@test "exec -it: size, window, input, ctrl-c, exit code" {
	cloche run -d --network none --name host1 host sleep 600
	run on_terminal exec -it host1 sh -c \
		'stty size; trap "stty size" WINCH; trap "exit 9" INT; echo ready; while :; do read -r word && echo "<$word>"; done' <<-'END'
		wait 24 80
		wait ready
		raw
		size 50 132
		wait 50 132
		send word\r
		wait <word>
		send \x03
		end 9
		cooked
	END
	assert_success
	run on_terminal exec -it host1 cat <<-'END'
		raw
		send x\r
		wait x
		send \x10\x11
		end 0
		cooked
	END
	assert_success
	run on_terminal exec -it host1 no-such-program <<-'END'
		end 127
		cooked
	END
	assert_success
	cloche rm -f host1
}

@test "exec -it: the terminal is restored when the container goes away" {
	cloche run -d --network none --name goes host sleep 600
	on_terminal exec -it goes sh -c 'echo ready; sleep 600' <<-'END' &
		wait ready
		raw
		mark raw
		end 137
		cooked
	END
	talker=$!
	until_true 20 test -e raw
	cloche rm -f goes
	wait "$talker"
}

@test "run -i in a pipe is binary-safe and ends at the end of the input" {
	head -c 3000000 /dev/urandom >in
	cloche run --rm -i --network none host cat <in >out
	cmp in out
	cloche run --rm -i --network none host sh -c 'cat >&2' <in 2>err
	cmp in err
	run cloche run --rm -i --network none host sh -c 'cat >/dev/null; exit 6' <in
	assert_failure 6
}

@test "exec -i in a pipe is binary-safe and ends at the end of the input" {
	cloche run -d --network none --name pipe host sleep 600
	head -c 3000000 /dev/urandom >in
	cloche exec -i pipe cat <in >out
	cmp in out
	run cloche exec -i pipe sh -c 'cat >/dev/null; exit 6' <in
	assert_failure 6
	cloche rm -f pipe
}

@test "a program that writes more than it reads, and one that reads nothing, do not hang" {
	head -c 2000000 /dev/zero >in
	timeout 200 "$CLOCHE" run --rm -i --network none host sh -c 'tee /dev/stderr' <in >out 2>err
	cmp in out
	cmp in err
	timeout 200 "$CLOCHE" run --rm -i --network none host true <in
	timeout 200 "$CLOCHE" run --rm -i --network none host true </dev/zero
}

@test "without -i the container's stdin is empty, whatever ours is" {
	run cloche run --rm --network none host cat <<<"secret"
	assert_success
	assert_output ""
}

@test "programs may open /dev/stdout and /dev/stderr again, as any user" {
	run cloche run --rm --network none -u 1234:1234 host sh -c 'echo out >/dev/stdout; echo err >/dev/stderr; echo three >/proc/self/fd/1'
	assert_success
	assert_line out
	assert_line err
	assert_line three
	run cloche run --rm --network none host sh -c 'setpriv --reuid 1000 --regid 1000 --clear-groups sh -c "echo dropped >/dev/stdout"'
	assert_success
	assert_output dropped
	cloche run -d --network none --name again host sleep 600
	run cloche exec -u 4321 again sh -c 'echo out >/dev/stdout; echo err >/dev/stderr'
	assert_success
	assert_line out
	assert_line err
	cloche rm -f again
	run on_terminal run --rm -it -u 1234 --network none host sh -c 'echo out >/dev/stdout; echo tty >/dev/tty' <<-'END'
		wait out
		wait tty
		end 0
	END
	assert_success
}

@test "start -ai and attach in a pipe" {
	cloche create -i --network none --name late host sh -c 'cat; exit 4' >/dev/null
	run bash -c 'echo hello | "$CLOCHE" start -ai late'
	assert_failure 4
	assert_output hello
	cloche rm late
	cloche run -d -i --network none --name later host sh -c 'read -r line; echo "got $line"; exit 5' >/dev/null
	run bash -c 'echo word | timeout 100 "$CLOCHE" attach later'
	assert_failure 5
	assert_output "got word"
	cloche rm later
}

@test "two attached users see the same output" {
	cloche run -d -i --network none --name two host cat
	: >one
	cloche attach --no-stdin two >one &
	# the first is there when it sees a line
	(until grep -q ping one; do echo ping; sleep 0.1; done; echo last) | cloche attach two >both &
	until_true 20 grep -q last one
	until_true 20 grep -q last both
	cloche rm -f two
	wait
}

@test "--init reaps what others leave behind, and passes signals on" {
	cloche run -d --init --network none --name init host sh -c 'trap "exit 11" TERM; echo ready; while :; do (sleep 0.01 &); sleep 0.2; done'
	until_true 20 logged init ready
	cloche exec init sh -c 'for i in 1 2 3 4 5 6 7 8; do (sleep 0.1 &) ; done'
	until_true 10 no_zombies
	run cloche exec init cat /proc/1/comm
	assert_output cloche-init
	cloche stop init
	assert_equal "$(cloche inspect -f '{{.State.ExitCode}}' init)" 11
	cloche rm init
}

no_zombies() { ! cloche exec init sh -c 'cat /proc/[0-9]*/stat 2>/dev/null' | grep -q ') Z '; }

@test "a closed stdout does not end the container, and closed descriptors of ours are harmless" {
	cloche run --network none --name quiet host sh -c 'i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i + 1)); done' | head -n 1
	cloche wait quiet
	assert_equal "$(cloche logs quiet | wc -l)" 5000
	cloche rm quiet
	cloche run --rm --network none host true <&- >&- 2>&-
}

@test "ps --watch draws over itself, and what is new in reverse" {
	cloche run -d --network none --name first host sleep 600
	on_terminal ps --watch --format '{{.Names}}' >drawn <<-'END' &
		wait first
		mark drawn-once
		wait second
		kill INT
		end -2
	END
	watcher=$!
	until_true 20 test -e drawn-once
	cloche run -d --network none --name second host sleep 600
	wait "$watcher"
	grep -q second drawn
	# elsewhere only what changed is printed
	"$CLOCHE" ps --watch --format '{{.Names}}' >plain &
	watcher=$!
	until_true 20 grep -q second plain
	kill "$watcher"
	wait "$watcher" || :
	assert_equal "$(sort plain | tr '\n' ' ')" "first second "
	cloche rm -f first second
}

@test "top of all containers: what each takes, its processes and log, and kill behind a question" {
	[ -e "$(dirname "$CLOCHE")/cloche-top" ] || skip "built without ncursesw"
	cloche run -d --network none --name busy host sh -c 'echo of the log; exec sleep 4321'
	cloche run -d --network none --name other host sleep 600
	TERM=xterm run on_terminal top <<-'END'
		wait ENGINE
		wait busy
		send /busy\r
		wait only
		send l
		wait of the log
		send q
		wait ENGINE
		send k
		wait kill busy? y or n
		send n
		send h
		wait kill, stop, restart it
		send q
		wait ENGINE
		send \r
		wait 4321
		send k
		wait kill busy? y or n
		send y
		wait it has ended
		send q
		wait ENGINE
		send q
		end 0
	END
	assert_success
	assert_equal "$(cloche ps --format '{{.Names}}')" other
	run cloche top </dev/null
	assert_failure 1
	assert_output --partial 'needs a terminal'
	cloche rm -f busy other
}
