#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# bats file_tags=slow
# shellcheck disable=SC2016,SC2154 # expanded by the shell in the container; set by bats' run
# --systemd: a Debian that is started by its own systemd.

load helper
load box

setup_file()
{
	local tar

	cloche_setup_file
	tar=$(debian_tar screen cron inetutils-syslogd iputils-ping systemd systemd-sysv) # as in applications.bats
	cloche import -c 'CMD ["/sbin/init"]' "$tar" debian >/dev/null
	make_box
}

teardown() { remove_containers; }

booted() { [ "$(cloche exec "$1" systemctl is-system-running 2>/dev/null)" = running ]; }

@test "a Debian comes up with its own systemd, without an option and without rights, and is stopped by it" {
	cloche run -d --name whole --network none debian
	until_true 60 booted whole
	run cloche exec whole sh -c 'cat /proc/1/comm; tr "\0" "\n" </proc/1/environ; ls -ld /run/systemd/system; systemctl is-active cron; cat /etc/machine-id'
	assert_line systemd
	assert_line container=cloche
	assert_line active
	assert_line "$(of whole Id | cut -c 2-33)"
	# services come and go, in cgroups of their own
	run cloche exec whole sh -c 'systemctl restart cron && systemctl show -p ControlGroup --value cron && systemctl stop cron; systemctl is-active cron'
	assert_line /system.slice/cron.service
	assert_line inactive
	# what limits the container is not its to change
	run cloche exec whole sh -c 'for file in /sys/fs/cgroup/*/pids.max /sys/fs/cgroup/*/memory.limit_in_bytes /sys/fs/cgroup/pids.max /sys/fs/cgroup/memory.max; do
		[ ! -e "$file" ] || ! echo 9999 2>/dev/null >"$file" || echo "wrote $file"; done'
	assert_output ""
	assert_equal "$(of whole Config.StopSignal)" '"SIGRTMIN+3"'
	cloche stop -t 120 whole
	assert_equal "$(of whole State.ExitCode)" 0
	run cloche inspect --as run whole
	refute_output --partial '--systemd'
}

@test "again after a restart, with a root file system that is read-only, and with a terminal" {
	cloche run -dt --name whole --read-only --network none debian
	until_true 60 booted whole
	cloche restart -t 120 whole
	until_true 60 booted whole
	cloche logs whole >log
	grep -q 'Welcome to .*Debian' log
}

@test "--systemd=always: any program gets what systemd needs, where the user has nothing else" {
	run inside --systemd always -v tmp:/tmp box sh -c 'echo "$container"; mount; touch /tmp/x; ls -d /var/log/journal'
	assert_line cloche
	assert_output --partial ' on /run type tmpfs'
	assert_output --partial ' on /run/lock type tmpfs'
	assert_output --partial ' on /var/log/journal type tmpfs'
	refute_output --partial ' on /tmp type tmpfs'
	cloche volume rm tmp
	cloche create --name given --network none --systemd always --stop-signal INT -e container=mine box sh -c 'echo "$container"'
	assert_equal "$(of given Config.StopSignal)" '"INT"'
	assert_equal "$(cloche start -a given)" mine
	run cloche inspect --as run given
	assert_output --partial '--systemd'
}

@test "--systemd=false, and no program that is an init: nothing is added" {
	for options in '--systemd false' ''; do
		# shellcheck disable=SC2086 # a list of words
		run inside $options --entrypoint /bin/sh box -c 'echo "<$container>"; mount'
		assert_line '<>'
		refute_output --partial ' on /run type tmpfs'
	done
	cloche create --name off --network none --systemd false debian /sbin/init
	assert_equal "$(of off Config.StopSignal)" '""'
	cloche create --name in-init --network none --init debian /sbin/init
	assert_equal "$(of in-init Config.StopSignal)" '""'
	remove_containers
	refused 'not true, false or always' --systemd maybe
	refused 'with --init it would not be the first process' --systemd always --init
	refused 'it needs a cgroup namespace of its own' --systemd always --cgroupns host
	refused 'it needs a PID namespace of its own' --systemd always --pid host
}
