#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016,SC2154 # expanded by the shell in the container; set by bats' run
# --runtime: containers that another OCI runtime of the host starts, and that all commands treat like any other.

load helper
load box

setup_file()
{
	cloche_setup_file
	make_box
	# another runtime works as the container's root, who has to get to the bundle
	chmod 0711 "$CLOCHE_TEST_DIR"
	RUNTIMES=$CLOCHE_BUILD/cloche-runtime
	for name in crun runc; do
		[ -z "$(type -P $name)" ] || RUNTIMES+=" $name"
	done
	export RUNTIMES
}

teardown()
{
	local -a names

	remove_containers
	mapfile -t names < <(cloche volume ls -q)
	[ ${#names[@]} -eq 0 ] || cloche volume rm "${names[@]}" >/dev/null
	assert_equal "$(ls "$CLOCHE_RUN_ROOT/oci" 2>/dev/null)" ""
}

@test "run: streams, exit code, users of the container's own, volumes, environment, limits" {
	for runtime in $RUNTIMES; do
		run --separate-stderr inside --runtime "$runtime" -e WORD=w -u alice -v "data-${runtime##*/}:/srv/data" -m 64m --pids-limit 50 -h box-host \
			box sh -c 'id -u; echo $WORD; hostname; stat -c %u:%g /srv/data; cat /srv/data/link; echo to-stderr >&2
				cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; grep "^Seccomp:" /proc/self/status; exit 7'
		[ "$status" -eq 7 ] || fail "$status" "$stderr"
		assert_equal "${output//$'\n'/ }" $'1000 w box-host 1000:50 of-the-image 67108864 Seccomp:\t2'
		assert_equal "$stderr" to-stderr
		[ "$(inside --runtime "$runtime" box sh -c 'awk "{ print \$2 }" /proc/self/uid_map')" -ge 655360000 ]
		assert_equal "$(echo in | inside -i --runtime "$runtime" box cat)" in
	done
}

@test "ps, exec, logs, pause, stop, start, inspect, diff and rm know it as one of theirs" {
	for runtime in $RUNTIMES; do
		cloche run -d --name other --network none --runtime "$runtime" box sh -c 'trap "echo bye; exit 3" TERM; echo x >/root/file; echo begin; while :; do sleep 0.1; done'
		until_true 20 logged other begin
		assert_equal "$(cloche ps --format '{{.Names}} {{.State}}')" 'other running'
		assert_equal "$(of other HostConfig.Runtime)" "\"$runtime\""
		assert_equal "$(cloche exec -u bob other sh -c 'id -u; cat /proc/1/comm' | tr '\n' ' ')" '1001 sh '
		assert_equal "$(cloche diff other | grep file)" 'A /root/file'
		cloche pause other
		assert_equal "$(of other State.Status)" '"paused"'
		cloche unpause other
		cloche stop -t 20 other
		assert_equal "$(of other State.ExitCode)" 3
		assert_equal "$(cloche logs other | tail -n 1)" bye
		cloche start other
		assert_equal "$(cloche exec other cat /root/file)" x
		run cloche inspect --as run other
		assert_output --partial "--runtime $runtime"
		cloche rm -f other
	done
}

@test "a terminal, and a monitor that is killed" {
	for runtime in $RUNTIMES; do
		assert_equal "$(inside -t --runtime "$runtime" box sh -c 'test -t 1 && echo terminal' | tr -d '\r')" terminal
		cloche run -d --name other --network none --runtime "$runtime" box sh -c 'sleep 1000'
		kill -KILL "$(cut -d ' ' -f 1 "$CLOCHE_RUN_ROOT/$(of other Id | tr -d '"')/monitor")"
		until_true 20 sh -c '"$CLOCHE" ps --format "{{.State}}" | grep -qx running'
		cloche stop -t 0 other
		assert_equal "$(of other State.Running)" false
		cloche rm other
	done
}

@test "what cannot be started ends with Docker's exit statuses; what is not possible is refused" {
	for runtime in $RUNTIMES; do
		run inside --runtime "$runtime" box /no-such
		assert_failure 127
		run inside --runtime "$runtime" box /bin/no-right
		assert_failure 126
		run inside --runtime "$runtime" -u nobody-here box true
		assert_failure 125
		assert_output --partial 'nobody-here'
		refused '--init is possible' --runtime "$runtime" --init
	done
	refused 'unknown or invalid runtime name: no-such' --runtime no-such
	refused 'unknown or invalid runtime name: /etc/passwd' --runtime /etc/passwd
	inside --runtime cloche box true
}
