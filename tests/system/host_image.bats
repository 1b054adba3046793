#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The built-in image `host`: any program of the host runs in it, and nothing else of the host can be read.

# shellcheck disable=SC2016 # for the shell in the container

load helper

# in_host COMMAND...
in_host() { cloche run --rm --network none host "$@"; }

@test "the programs, libraries and links of the host are there" {
	local link

	for link in /bin /sbin /lib /lib64; do
		[ -e "$link" ] || continue
		if [ -L "$link" ]; then
			assert_equal "$(in_host readlink "$link")" "$(readlink "$link")"
		else
			in_host test -d "$link"
		fi
	done
	run -0 in_host sh -c 'command -v sh ls env && ls /usr/bin | wc -l'
	assert_equal "${lines[-1]}" "$(find /usr/bin -mindepth 1 -maxdepth 1 ! -name '.*' | wc -l)"
	run -0 in_host cat /etc/os-release
	assert_output "$(cat /etc/os-release)"
}

@test "what programs need to start is in /etc: linker cache, alternatives, users, names" {
	run -0 in_host ldconfig -p
	assert_equal "$(wc -l <<<"$output")" "$(ldconfig -p | wc -l)"
	assert_equal "$(in_host sh -c 'ls /etc/alternatives | wc -l')" \
		"$(find /etc/alternatives -type l ! -name '.*' | wc -l)"
	[ ! -L /etc/alternatives/awk ] || run -0 in_host awk 'BEGIN { print "alternatives work" }'
	run -0 in_host id root
	assert_output "uid=0(root) gid=0(root) groups=0(root)"
	run -0 in_host getent hosts localhost
	run -0 in_host getent services https
	assert_output --partial 443/tcp
	run -0 in_host sh -c 'getent hosts "$(hostname)"'
	run -0 in_host python3 -c 'import ctypes, json, sqlite3, subprocess; print("python works")'
	assert_output "python works"
}

@test "TLS certificates are found, and only those that anyone may read" {
	local have

	have=$(find -L /etc/ssl/certs -maxdepth 1 -name '*.pem' | wc -l)
	[ "$have" -gt 0 ] || skip "this host has no TLS certificates"
	run -0 in_host sh -c 'find -L /etc/ssl/certs -maxdepth 1 -name "*.pem" | wc -l'
	[ "$output" -gt 0 ]
	run -0 in_host python3 -c 'import ssl; print(len(ssl.create_default_context().get_ca_certs()) > 0)'
	assert_output True
	run -0 in_host sh -c 'find / -xdev -path /usr -prune -o -name "*.key" -print; ls -d /etc/ssl/private 2>/dev/null || :'
	assert_output ""
}

# A name server on loopback, told by the host's resolv.conf, and a real lookup through it.
@test "a name is looked up where the host looks it up" {
	skip_unless_program dnsmasq
	printf 'nameserver 127.0.0.1\n' >resolv.conf
	dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --listen-address=127.0.0.1 \
		--bind-interfaces --address=/bell.example/192.0.2.7 --user=root --pid-file= \
		>dnsmasq.log 2>&1 3>&- &
	local pid=$!

	until_true 10 grep -q 'started' dnsmasq.log
	run cloche run --rm --network host --dns 127.0.0.1 host getent hosts bell.example
	if [[ $output == *"--dns"* ]]; then # it is not possible yet: the host's own file then
		mount --bind resolv.conf "$(realpath /etc/resolv.conf)"
		run cloche run --rm --network host host getent hosts bell.example
		umount "$(realpath /etc/resolv.conf)"
	fi
	kill "$pid"
	wait "$pid" || :
	assert_success
	assert_output --partial 192.0.2.7
}

@test "its folders are empty and writable, the host's programs are not" {
	local dir

	for dir in /root /home /tmp /var/tmp /var/log /var/lib /run /srv /opt; do
		run -0 in_host sh -c "ls -A $dir | grep -v '^lock\$'; echo x >$dir/made && cat $dir/made"
		assert_output x
	done
	run in_host sh -c 'echo x >/usr/bin/made'
	assert_failure
	assert_output --partial "Read-only file system"
	[ ! -e /usr/bin/made ]
}

@test "nothing else of the host is readable" {
	local secret=/home/.cloche-secret-$$ dir

	mkdir -p /home /srv
	echo secret >"$secret"
	run in_host sh -c 'for f in /etc/shadow /etc/gshadow /etc/sudoers /etc/machine-id /etc/ssh /etc/fstab \
		/etc/crontab /etc/ssl/private /var/lib/dpkg /var/lib/cloche /root/.ssh /run/docker.sock /run/dbus \
		/var/run/docker.sock /run/systemd /boot /media "$1" "$2" "$3"; do
			! ls -d "$f" 2>/dev/null; done' sh "$secret" "$CLOCHE_ROOT" "$CLOCHE_RUN_ROOT"
	rm -f "$secret"
	assert_success
	assert_output ""
	# every file that is not of /usr, /proc, /sys or /dev is one of the few that were made
	run -0 in_host find / -xdev '(' -path /usr -o -path /proc -o -path /sys -o -path /dev ')' -prune -o \
		-type f ! -path '/etc/ssl/*' -printf '%p\n'
	assert_equal "$(sort <<<"$output" | grep -vxE '/etc/(debian_version|group|hostname|hosts|ld.so.cache|ld.so.conf|nsswitch.conf|passwd|protocols|resolv.conf|services|shells)')" ""
	run -0 in_host find / -xdev -path /usr -prune -o -path /proc -prune -o -type s -print
	assert_output ""
}

@test "a device, a disk or a socket of the host cannot be reached" {
	run -0 in_host sh -c 'find /dev -type b; find /dev -type s'
	assert_output ""
	run in_host sh -c 'cat /proc/kcore >/dev/null'
	assert_failure
	run in_host python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("/run/systemd/private")'
	assert_failure
}

@test "a set-uid program of the host gives no rights on the host" {
	run -0 in_host sh -c 'find /usr/bin -perm -4000 -user 0 | head -n 1'
	[ -n "$output" ] || skip "this host has no set-uid program"
	# owned by the container's root, who is nobody on the host
	run -0 in_host sh -c 'cat /proc/self/uid_map'
	[ "$(awk '{ print $2 }' <<<"$output")" -gt 65535 ]
}

@test "it is made once, and anew when the host's linker cache has changed" {
	local before

	run -0 in_host true
	before=$(ls "$CLOCHE_ROOT/host")
	run -0 in_host true
	assert_equal "$(ls "$CLOCHE_ROOT/host")" "$before"
	cp /etc/ld.so.cache cache
	mount --bind cache /etc/ld.so.cache
	run in_host ldconfig -p
	umount /etc/ld.so.cache
	assert_success
	assert_equal "$(find "$CLOCHE_ROOT/host" -mindepth 1 -maxdepth 1 | wc -l)" 2
}

@test "a run that is killed while it makes the image leaves nothing half made" {
	skip_unless_hooks
	rm -rf "$CLOCHE_ROOT/host"
	CLOCHE_KILL_POINT=host-layer-made run in_host true
	assert_failure 137
	[ -z "$(ls -A "$CLOCHE_ROOT/host")" ]
	run -1 cloche system check
	assert_output --partial "work of commands that were killed"
	run -0 in_host cat /etc/passwd
	run -0 cloche system check
	assert_equal "$(ls -A "$CLOCHE_ROOT/tmp")" ""
}
