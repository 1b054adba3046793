#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Whose each process of the host is.

load helper

setup_file()
{
	cloche_setup_file
	cloche run -d --name hog -u www-data --network none -m 100m host sleep 12345
}

pid_of() { cloche inspect -f '{{.State.Pid}}' "$1"; }

@test "procs shows container, engine, image, inner pid and inner user before ps's columns" {
	local pid

	pid=$(pid_of hog)
	run -0 cloche procs
	[[ ${lines[0]} =~ ^CONTAINER\ +ENGINE\ +IMAGE\ +IPID\ IUSER\ +UID\ +PID\ +PPID\ +C\ STIME\ TTY\ +TIME\ CMD$ ]]
	assert_output --regexp "hog +cloche +host +1 +www-data +hog[.]www-data +$pid +[0-9]+ +[0-9]+ [^ ]+ +[?] +00:00:00 sleep 12345"
	assert_output --regexp "- +- +- +- +- +root +[0-9]+ .* cloche-monitor hog "
}

@test "an exec belongs to its container too, and so do its children" {
	local pid out=$BATS_TEST_TMPDIR/out

	cloche exec -d -u 0 hog sh -c 'sleep 12346 & sleep 12347'
	until_true 20 sh -c "[ \$('$CLOCHE' procs --container hog -o cmd | grep -c '^sleep 1234[67]') -eq 2 ]" # the shell's words have them, too
	cloche procs --container hog -o container,iuser,cmd >"$out"
	assert_equal "$(grep -c '^hog *root  *sleep 1234[67]' "$out")" 2
	cloche procs --container hog -o cmd --tree >"$out"
	grep -qF '\_ sleep 12346' "$out"
}

@test "the memory question: rss, share, swap and limit, most first" {
	run -0 cloche procs --sort rss
	[[ ${lines[0]} =~ RSS.*PSS.*SWAP.*LIMIT.*CMD ]]
	run -0 cloche procs --sort rss --container hog
	skip_unless_cgroup memory
	assert_output --regexp "hog .* 102400 +sleep 12345"
	run -0 cloche procs --sort rss --no-headings -o rss
	assert_equal "$output" "$(sort -rn <<<"$output")"
}

@test "ps's words for fields, and --watch without a number, do what a user of ps and watch expects" {
	run -0 cloche procs -c --no-headings --container hog -o ipid,args
	assert_line "1 sleep 12345"
	run -125 cloche procs --watch --sort nothing
	assert_output --partial "nothing"
	run -125 cloche procs --watch 0
	assert_output --partial "watch every 0 seconds"
}

@test "json has every process once, with whose it is" {
	cloche procs --json >all.json
	jq -e --argjson pid "$(pid_of hog)" '[.[] | select(.Pid == $pid)] | length == 1 and .[0].Container == "hog" and
		.[0].InnerPid == 1 and .[0].InnerUser == "www-data" and .[0].Engine == "cloche" and .[0].Image == "host" and
		(.[0].Command | startswith("sleep"))' all.json
	jq -e '[.[] | select(.Pid == 1)][0] | .Engine == "host" and .Container == null' all.json
}

@test "filters: containers only, by engine, by id; what is unknown is refused" {
	run -0 cloche procs -c --no-headings -o engine
	refute_output --regexp '^-'
	run -0 cloche procs --engine host --no-headings -o container
	assert_equal "$(sort -u <<<"$output")" "-"
	run -0 cloche procs --container "$(cloche inspect -f '{{.Id}}' hog)" --no-headings -o ipid,cmd
	assert_output --regexp '1 sleep 12345'
	run -125 cloche procs --engine nobody
	assert_output --partial "engine nobody: nobody knows it"
	run -1 cloche procs -o color
	assert_output --partial "no such field: color; fields are container,"
	run -125 cloche procs --sort color
	run -125 cloche procs --watch never
}

@test "whatever has a pid namespace of its own is shown with what made it" {
	local pid

	unshare --pid --fork --mount-proc sleep 23456 3>&- &
	pid=$!
	until_true 20 sh -c "'$CLOCHE' procs -o engine,ipid,cmd | grep -Eq '^unshare +1 sleep 23456'"
	kill -KILL "$(pgrep -P "$pid")"
	wait "$pid" || :
}

@test "a user cannot dress his process up as somebody's container" {
	local folder=$CLOCHE_TEST_DIR pid

	cat >"$folder/fake.py" <<-'END'
		import ctypes, os, sys, time
		libc = ctypes.CDLL(None, use_errno=True)
		if libc.unshare(0x10000000 | 0x20000000): sys.exit(3) # NEWUSER, NEWPID
		if os.fork() == 0: os.execvp("sleep", ["sleep", "34567"])
		os.wait()
	END
	chmod 755 "$folder"
	# shellcheck disable=SC2016 # for the inner shell
	setpriv --reuid 65534 --clear-groups bash -c 'exec -a "[lxc monitor] /var/lib/lxc victim" python3 "$1"' \
		sh "$folder/fake.py" 3>&- &
	pid=$!
	until_true 20 sh -c "'$CLOCHE' procs -o cmd | grep -q '^sleep 34567'"
	run -0 cloche procs --engine lxc
	refute_output --partial 34567
	run -0 cloche procs --engine other
	assert_output --partial "sleep 34567"
	kill -KILL "$(pgrep -P "$pid")"
	wait "$pid" || :
	chmod 700 "$CLOCHE_TEST_DIR"
}

@test "a user sees what the kernel shows him, marked as partial" {
	install -m 755 "$CLOCHE" "$CLOCHE_TEST_DIR/cloche-copy"
	chmod 755 "$CLOCHE_TEST_DIR"
	run -0 setpriv --reuid 65534 --clear-groups "$CLOCHE_TEST_DIR/cloche-copy" procs --container hog -o container,engine,ipid,cmd
	assert_output --regexp "hog +cloche +1 sleep 12345"
	assert_output --partial "partial: without root"
	run -0 setpriv --reuid 65534 --clear-groups "$CLOCHE_TEST_DIR/cloche-copy" ps --all-engines
	chmod 700 "$CLOCHE_TEST_DIR"
	assert_output --regexp "cloche +[0-9a-f]{12} +hog .* running"
	assert_output --partial "partial: without root"
}

# shellcheck disable=SC2016 # for the inner shell
@test "it goes on with thousands of processes" {
	cloche run -d --name crowd --network none host sh -c 'i=0; while [ $i -lt 600 ]; do sleep 45678 & i=$((i + 1)); done; wait'
	until_true 60 sh -c "[ \$('$CLOCHE' procs --container crowd -o cmd | grep -c ^sleep) -ge 600 ]"
	cloche procs --json >all.json
	jq -e '[.[] | select(.Container == "crowd")] | length == 601' all.json
}
