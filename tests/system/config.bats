#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016,SC2154 # scripts are for the shell in the container; set by bats' run
# Settings: cloche.conf, conf.d, the user's file, variables, flags; each over the one before.

load helper

setup_file()
{
	cloche_setup_file
	# tests/run gives a mount namespace; without it the host's /etc is none of ours
	[ -n "${CLOCHE_TEST_OUTSIDE:-}" ] || return 0
	mkdir -p /etc/cloche
	mount -t tmpfs -o mode=0755,size=1m etc /etc/cloche
	host_state >"$CLOCHE_TEST_DIR/before"
}

teardown_file()
{
	cloche_teardown_file
	[ -z "${CLOCHE_TEST_OUTSIDE:-}" ] || umount /etc/cloche
}

setup()
{
	[ -n "${CLOCHE_TEST_OUTSIDE:-}" ] || skip "only under tests/run, which gives a mount namespace"
	cloche_setup
	mkdir -p /etc/cloche/conf.d "$HOME/.config/cloche"
}

teardown()
{
	cloche_teardown
	rm -rf /etc/cloche/* "$HOME/.config/cloche"
}

# The stop timeout in force, as a container gets it: a setting that every level may have.
shm() { cloche run --rm --network none "$@" host sh -c 'df -k /dev/shm | tail -n 1' | awk '{ print $2 }'; }

@test "each source goes over the one before" {
	assert_equal "$(shm)" 65536
	printf '[container]\nshm-size = 1m\n' >/etc/cloche/cloche.conf
	assert_equal "$(shm)" 1024
	printf '[container]\nshm-size = 2m\n' >/etc/cloche/conf.d/10-first.conf
	assert_equal "$(shm)" 2048
	printf '[container]\nshm-size = 3m\n' >/etc/cloche/conf.d/20-second.conf
	printf '[container]\nshm-size = 9m\n' >/etc/cloche/conf.d/30-not-read.txt
	assert_equal "$(shm)" 3072
	printf '[container]\nshm-size = 4m\n' >"$HOME/.config/cloche/cloche.conf"
	assert_equal "$(shm)" 4096
	export CLOCHE_SHM_SIZE=5m
	assert_equal "$(shm)" 5120
	assert_equal "$(shm --shm-size 6m)" 6144
}

@test "XDG_CONFIG_HOME moves the user's file" {
	printf '[container]\nshm-size = 4m\n' >"$HOME/.config/cloche/cloche.conf"
	mkdir -p xdg/cloche
	printf '[container]\nshm-size = 7m\n' >xdg/cloche/cloche.conf
	XDG_CONFIG_HOME=$PWD/xdg assert_equal "$(XDG_CONFIG_HOME=$PWD/xdg shm)" 7168
}

@test "--root and --run-root go over the variables" {
	mkdir -m 0700 flag-root
	mkdir -m 0711 flag-run
	chmod 0700 .
	cloche --root "$PWD/flag-root" --run-root="$PWD/flag-run" create --network none --name there host true
	[ -e flag-root/state.db ]
	assert_equal "$(cloche ps -aq)" ""
	cloche --root "$PWD/flag-root" --run-root="$PWD/flag-run" rm there
	run cloche --root relative ps
	assert_failure
	assert_output --partial "not an absolute path"
}

@test "the file may name the roots" {
	mkdir -m 0700 file-root
	mkdir -m 0711 file-run
	printf '[storage]\nroot = %s\nrun-root = %s\n' "$PWD/file-root" "$PWD/file-run" >/etc/cloche/cloche.conf
	env -u CLOCHE_ROOT -u CLOCHE_RUN_ROOT "$CLOCHE" create --network none --name there host true
	[ -e file-root/state.db ]
	assert_equal "$(cloche ps -aq)" ""
	env -u CLOCHE_ROOT -u CLOCHE_RUN_ROOT "$CLOCHE" rm there
}

@test "mistakes are told with file and line, and nothing is done" {
	printf '[container]\n# a comment\nshm-size = much\n' >/etc/cloche/cloche.conf
	run cloche create --network none host true
	assert_failure 125
	assert_output --partial "/etc/cloche/cloche.conf line 3"
	assert_output --partial "shm-size = much: not a size"
	printf '[container]\nshm-sise = 1m\n' >/etc/cloche/cloche.conf
	run cloche ps
	assert_failure 125
	assert_output --partial "no such setting: [container] shm-sise"
	rm /etc/cloche/cloche.conf
	CLOCHE_STOP_TIMEOUT=soon run cloche ps
	assert_failure 125
	assert_output --partial "environment variable CLOCHE_STOP_TIMEOUT"
	assert_equal "$(cloche ps -aq)" ""
}

# The default is 10; on a busy machine once in several times is enough.
stops_soon()
{
	local start

	tries=$((${tries:-0} + 1))
	cloche start set
	until_true 20 ready_times "$tries"
	start=$SECONDS
	cloche stop set
	[ $((SECONDS - start)) -lt 9 ]
}

ready_times() { [ "$(cloche logs set | grep -c ready)" -ge "$1" ]; }

@test "settings reach where they are for: log, pids, init, detach keys, stop timeout" {
	cat >/etc/cloche/cloche.conf <<-'END'
		[log]
		driver = json-file
		max-size = 1m
		[container]
		pids-limit = 77
		init = true
		stop-timeout = 1
		[client]
		detach-keys = ctrl-x
	END
	cloche run -d --network none --name set host sh -c 'trap "" TERM; echo ready; while :; do sleep 0.1; done'
	run cloche inspect -f '{{.HostConfig.LogConfig.Type}} {{.HostConfig.PidsLimit}} {{.HostConfig.Init}}' set
	assert_output "json-file 77 true"
	assert_equal "$(cloche exec set cat /proc/1/comm)" cloche-init
	until_true 40 stops_soon
	assert_equal "$(cloche inspect -f '{{.State.ExitCode}}' set)" 137
	cloche rm set
	run timeout 300 python3 "$BATS_TEST_DIRNAME/pty.py" "$CLOCHE" run --rm -it --network none host sh -c 'echo ready; sleep 600' <<-'END'
		wait ready
		raw
		send \x18
		end 0
	END
	assert_success
	cloche rm -f "$(cloche ps -q)"
}

@test "user's own files do not reach what the monitor runs: a --rm container is cleaned up" {
	printf '[storage]\nroot = /nowhere\n' >"$HOME/.config/cloche/cloche.conf"
	cloche run -d --rm --network none host true
	until_true 20 none_there
}

none_there() { [ -z "$(cloche ps -aq)" ]; }

@test "info shows where each value comes from; messages as text or JSON, from a level on" {
	printf '[log]\nmax-size = 1m\n' >/etc/cloche/cloche.conf
	run -0 env CLOCHE_SHM_SIZE=3m "$CLOCHE" --log-level warn info
	assert_line " log.max-size: 1m (/etc/cloche/cloche.conf)"
	assert_line " container.shm-size: 3m (CLOCHE_SHM_SIZE)"
	assert_line " client.log-level: warn (command line)"
	assert_line " log.driver: local (built in)"
	assert_equal "$(cloche info -f '{{(index .Settings "log.max-size").Source}}')" /etc/cloche/cloche.conf
	run --separate-stderr cloche -D run --rm --network none host echo well
	assert_output well
	grep -Eq '^DEBUG [0-9]+\.[0-9]{3} command container run$' <<<"$stderr"
	grep -Eq '^DEBUG .* its first process is [0-9]+$' <<<"$stderr"
	run --separate-stderr env CLOCHE_DEBUG=1 "$CLOCHE" ps
	grep -q '^DEBUG .* exit status 0$' <<<"$stderr"
	run --separate-stderr cloche --log-format json create --network none --kernel-memory 1m --name 'no good' host true
	jq -es 'length == 1 and .[0].level == "error" and (.[0].msg | test("Invalid container name")) and (.[0].time | test("^20.*Z$"))' <<<"$stderr"
	run --separate-stderr cloche --log-level error create --network none --kernel-memory 1m --name quiet host true
	assert_equal "$stderr" ""
	run --separate-stderr cloche create --network none --kernel-memory 1m --name loud host true
	[[ $stderr == "WARNING: --kernel-memory is ignored"* ]]
	run cloche --log-level much ps
	assert_failure 125
	cloche rm quiet loud
}
