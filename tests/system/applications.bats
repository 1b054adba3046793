#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016,SC2154 # expanded by the shell in the container; set by bats' run
# Whole applications, as a Debian installs them: nothing in them knows of containers.

load helper
load box

setup_file()
{
	local tar

	cloche_setup_file
	tar=$(debian_tar screen cron inetutils-syslogd iputils-ping systemd systemd-sysv) # as in systemd_init.bats
	cloche import -c 'CMD ["/bin/bash"]' "$tar" debian >/dev/null
}

teardown() { remove_containers; }

@test "the image is Debian, with its own users, and runs as it is" {
	run inside debian sh -c '. /etc/os-release; echo $ID; id; getent passwd www-data | cut -d: -f3; ls -ld /root | cut -c 1-10'
	assert_equal "$output" $'debian\nuid=0(root) gid=0(root) groups=0(root)\n33\ndrwx------'
}

@test "dpkg finds nothing amiss: every file, mode and owner of its packages is there" {
	run inside debian sh -c 'dpkg --verify bash coreutils util-linux passwd login screen cron; stat -c "%U:%G %a" /usr/bin/su /usr/bin/passwd /usr/bin/chage'
	assert_equal "$output" $'root:root 4755\nroot:root 4755\nroot:shadow 2755'
}

@test "su and passwd: set-uid programs do their work" {
	run inside debian sh -c 'useradd -m fred && echo fred:secret | chpasswd &&
		su - fred -c "id -un; pwd; echo \$HOME" &&
		su nobody -s /bin/sh -c "echo secret | su fred -c id 2>&1 | tail -1"; chage -l fred | head -1'
	assert_line fred
	assert_line /home/fred
	assert_output --partial 'uid=1000(fred)'
	run inside -u nobody debian sh -c 'chage -l nobody | wc -l' # set-gid shadow reads /etc/shadow
	assert_success
	[ "$output" -ge 5 ]
}

@test "ping works without CAP_NET_RAW; a file that insists on it says what to add" {
	run inside -u nobody debian sh -c 'cp /bin/ping /tmp/ping && /tmp/ping -c 1 -W 5 127.0.0.1' # cp leaves capabilities behind
	assert_success
	run inside debian ping -c 1 -W 5 127.0.0.1
	[ "$status" -ne 0 ] || skip "the image's ping has no capabilities" # Debian 13
	assert_failure 126
	assert_output --partial 'the file wants capabilities that this container lacks (getcap shows them): add them with --cap-add'
	run inside --cap-add NET_RAW -u nobody debian ping -c 1 -W 5 127.0.0.1
	assert_success
}

@test "screen: a session detached, its window works, its socket folder is there" {
	run inside -t debian sh -c '
		screen -dmS work sh -c "tty; echo started >/tmp/out; sleep 1000" &&
		while [ ! -s /tmp/out ]; do sleep 0.05; done; cat /tmp/out; screen -ls; screen -S work -X quit; :'
	assert_success
	assert_output --partial started
	assert_output --partial '.work	('
	# as a user, where /run/screen is what Debian makes of it at boot
	run inside -t debian sh -c 'mkdir -m 1777 /run/screen; useradd -m fred; su - fred -c "script -qc \"screen -dmS mine; until screen -ls | grep -q mine; do sleep 0.1; done; screen -ls; screen -S mine -X quit\" /dev/null"'
	assert_output --partial '.mine	('
}

@test "syslog's socket: the daemon makes /dev/log, logger writes to it" {
	run inside debian sh -c 'syslogd && while [ ! -S /dev/log ]; do sleep 0.05; done; logger -t tester hello there
		until grep -s "tester: hello there" /var/log/messages /var/log/syslog; do sleep 0.05; done'
	assert_success
	assert_output --partial 'hello there'
}

@test "cron: a daemon that forks, changes users and runs their jobs" {
	# its clock ticks once a minute: the job's run at start is what is waited for
	run inside debian sh -c '
		echo "@reboot nobody id >/tmp/cron.out 2>&1" >/etc/cron.d/test
		chmod 0644 /etc/cron.d/test
		cron && while [ ! -s /tmp/cron.out ]; do sleep 0.05; done; cat /tmp/cron.out; stat -c %U /tmp/cron.out; cat /run/crond.pid'
	assert_success
	assert_output --partial 'uid=65534(nobody)'
	assert_line nobody
}

@test "a forking daemon as the container's command: it goes on below an init of ours" {
	skip_if_sanitized # which an init of ours brings no library for into the container
	cloche run -d --name web --network none --init debian sh -c 'cron; sleep 1000'
	until_true 30 sh -c '"$CLOCHE" exec web test -s /run/crond.pid'
	run cloche exec web sh -c 'ps -o comm= -p "$(cat /run/crond.pid)" 2>/dev/null || cat "/proc/$(cat /run/crond.pid)/comm"'
	assert_output cron
	# its parent ended, so it is init's child
	run cloche exec web sh -c 'awk "\$1 == \"PPid:\" { print \$2 }" "/proc/$(cat /run/crond.pid)/status"'
	assert_output 1
	run cloche stop -t 10 web
	assert_success
}

@test "apt and dpkg install a package with a set-uid program" {
	mkdir -p package/DEBIAN package/usr/bin
	printf '%s\n' 'Package: tool' 'Version: 1' 'Architecture: all' 'Maintainer: x <x@example.org>' 'Description: x' \
		>package/DEBIAN/control
	printf '#!/bin/sh\nchown nobody:nogroup /usr/bin/tool\nchmod 6755 /usr/bin/tool\n' >package/DEBIAN/postinst
	cp /bin/true package/usr/bin/tool
	chmod 0755 package/DEBIAN/postinst package/usr/bin/tool
	dpkg-deb --root-owner-group -b package tool.deb >/dev/null
	cloche create --name web --network none -v "$PWD/tool.deb:/tool.deb:ro" debian sh -c 'dpkg -i /tool.deb && stat -c "%U:%G %a" /usr/bin/tool'
	run cloche start -a web
	assert_success
	assert_line 'nobody:nogroup 6755'
}

@test "job control, terminals and locales of a login shell" {
	run inside -t debian bash -lc 'stty size >/dev/null && tty; set -m; sleep 0.1 & wait; echo done $?'
	assert_success
	assert_output --partial /dev/pts/0
	assert_output --partial 'done 0'
	refute_output --partial 'no job control'
}
