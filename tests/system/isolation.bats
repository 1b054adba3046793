#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016,SC2154 # expanded by the shell in the container; set by bats' run
# What a container is kept from when nobody asks for anything: each row of the table of defaults.

load helper
load box

setup_file()
{
	cloche_setup_file
	make_box
	cc -O1 -static -o "$BATS_FILE_TMPDIR/probe" "$SOURCE_DIR/tests/system/probe.c"
}

teardown() { remove_containers; }

# probe calls|state, in a container with the options that stand before: probed [OPTION...] WHAT
probed() { inside -v "$BATS_FILE_TMPDIR/probe:/probe:ro" "${@:1:$#-1}" box /probe "${!#}"; }

# answers NUMBER NAME...: the calls of the last `run probed` ended like this.
answers()
{
	local number=$1 name
	shift

	for name; do
		printf '%s\n' "${lines[@]}" | grep -qx "$name $number" ||
			fail "wanted $number: $(printf '%s\n' "${lines[@]}" | grep "^$name ")"
	done
}

@test "all namespaces are the container's own" {
	run inside box sh -c 'for n in user mnt pid net ipc uts cgroup; do readlink /proc/self/ns/$n; done'
	assert_success
	for kind in user mnt pid net ipc uts cgroup; do
		refute_output --partial "$(readlink "/proc/self/ns/$kind")"
	done
	assert_equal "${#lines[@]}" 7
}

@test "the capabilities are the eleven, inheritable and ambient are empty" {
	run inside box grep ^Cap /proc/self/status
	assert_equal "$output" "$(printf 'Cap%s:\t%s\n' Inh 0000000000000000 Prm 00000000800405fb \
		Eff 00000000800405fb Bnd 00000000800405fb Amb 0000000000000000)"
	run inside -u 1000 box grep ^Cap /proc/self/status
	assert_equal "$output" "$(printf 'Cap%s:\t%s\n' Inh 0000000000000000 Prm 0000000000000000 \
		Eff 0000000000000000 Bnd 00000000800405fb Amb 0000000000000000)"
}

@test "the user namespace has 65536 ids of its own, outside all that the host hands out" {
	run inside box cat /proc/self/uid_map /proc/self/gid_map
	read -r zero first size <<<"${lines[0]}"
	assert_equal "$zero $size" "0 65536"
	[ "$first" -ge 655360000 ]
	[ "$first" -le 1879048191 ]
	assert_equal "${lines[1]}" "${lines[0]}"
	assert_equal "$(inside box cat /proc/self/setgroups)" allow
}

@test "the calls that have been ways out are refused, by the filter" {
	run probed calls
	assert_success
	answers EPERM keyctl add_key request_key io_uring_setup io_uring_enter io_uring_register userfaultfd \
		bpf perf_event_open unshare_user unshare_mount clone_user setns mount umount2 pivot_root \
		open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr open_tree_attr kexec_load \
		init_module finit_module delete_module open_by_handle_at reboot swapon swapoff acct quotactl \
		syslog settimeofday clock_settime sethostname setdomainname lookup_dcookie fanotify_init kcmp \
		move_pages migrate_pages vhangup socket_vsock tiocsti tioclinux personality_no_randomize \
		mknod_char mknod_block
	answers ENOSYS clone3 newer_than_all
	refute_output --partial opens
	# without the filter the kernel itself would let these be tried
	run probed --security-opt seccomp=unconfined calls
	for name in keyctl io_uring_setup unshare_user setns open_tree tiocsti \
		personality_no_randomize clone3; do
		printf '%s\n' "${lines[@]}" | grep -qx "$name EPERM" && fail "$name is refused without a filter"
	done
	refute_output --partial opens
}

@test "the calls that programs need are there, the newer ones too" {
	run probed calls
	for name in personality_query ioctl socket_unix socket_inet6 chroot ptrace close_range faccessat2 openat2 \
		landlock_create_ruleset memfd_secret futex_waitv cachestat fchmodat2 futex_wake statmount \
		listmount mseal setxattrat mknod_fifo; do
		printf '%s\n' "${lines[@]}" | grep -qx "$name EPERM" && fail "$name is refused"
	done
	answers 0 personality_query socket_unix socket_inet6 mknod_fifo
}

@test "the filter follows the capabilities" {
	run probed --cap-add SYS_ADMIN --cap-add SYS_PTRACE calls
	printf '%s\n' "${lines[@]}" | grep -qx 'unshare_mount 0'
	printf '%s\n' "${lines[@]}" | grep -x 'kcmp E.*' | grep -vqx 'kcmp EPERM'
	answers EPERM keyctl io_uring_setup userfaultfd tiocsti kexec_load socket_vsock mknod_char
	refute_output --partial opens
}

@test "nothing of the caller is inherited" {
	run sh -c '
		trap "" HUP PIPE USR1
		umask 077
		exec 9</etc/shadow 8<.
		SECRET=x; export SECRET
		echo 300 >/proc/self/oom_score_adj
		exec nice -n 5 taskset 1 ionice -c 3 chrt -b 0 "$CLOCHE" run --rm --network none \
			-v "$1:/probe:ro" box sh -c "/probe state; env; cat /proc/self/oom_score_adj"' sh "$BATS_FILE_TMPDIR/probe"
	assert_success
	assert_equal "$(printf '%s\n' "${lines[@]}" | grep ^fd | tr '\n' ' ')" 'fd 0 fd 1 fd 2 '
	refute_output --partial ignored
	refute_output --partial SECRET
	assert_line 'umask 0022'
	assert_line 'nice 0'
	assert_line 'policy 0'
	assert_line 'ioprio 0'
	assert_line 'timerslack 50000'
	assert_line "cpus $(nproc)"
	assert_line 'core 0'
	assert_line 0
	run sh -c '"$CLOCHE" run -d --name web --network none -v "$1:/probe:ro" box sleep 1000 &&
		trap "" HUP PIPE && umask 077 && exec 9</etc/shadow &&
		SECRET=x nice -n 5 taskset 1 ionice -c 3 "$CLOCHE" exec web sh -c "/probe state; env"' sh "$BATS_FILE_TMPDIR/probe"
	assert_success
	assert_equal "$(printf '%s\n' "${lines[@]}" | grep ^fd | tr '\n' ' ')" 'fd 0 fd 1 fd 2 '
	refute_output --partial ignored
	refute_output --partial SECRET
	assert_line 'umask 0022'
	assert_line 'nice 0'
	assert_line 'ioprio 0'
	assert_line "cpus $(nproc)"
}

@test "the first process is a session's leader without a parent, and no descriptor leads out" {
	run probed state
	assert_line 'pid 1 ppid 0 sid 1 pgid 1'
	run inside box ls -A /proc/1/root/ /proc/1/cwd/ /proc/self/fd/1/..
	refute_output --partial boot
	assert_output --partial 'Not a directory'
}

@test "masked paths show nothing" {
	run inside box sh -c '
		for f in /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug \
			/proc/timer_list /proc/timer_stats; do
			[ ! -e $f ] || [ "$(head -c 1 $f 2>&1 | wc -c)" = 0 ] || echo "$f shows"
		done
		for d in /proc/acpi /proc/asound /proc/scsi /sys/dev/block /sys/devices/virtual/powercap /sys/firmware \
			/sys/fs/selinux /sys/kernel/debug /sys/kernel/security /sys/kernel/tracing \
			/sys/devices/system/cpu/cpu*/thermal_throttle; do
			[ ! -d $d ] || [ -z "$(ls -A $d)" ] || echo "$d shows"
			! touch $d/x 2>/dev/null || echo "$d writable"
		done'
	assert_success
	assert_output ""
}

@test "read-only paths, /proc, /sys, cgroup and their mount options" {
	run inside box cut -d ' ' -f 5,6 /proc/self/mountinfo
	assert_line '/proc rw,nosuid,nodev,noexec,relatime'
	assert_line '/sys ro,nosuid,nodev,noexec,relatime'
	assert_line '/sys/fs/cgroup ro,nosuid,nodev,noexec,relatime'
	assert_line '/dev rw,nosuid,noexec,relatime'
	assert_line '/dev/shm rw,nosuid,nodev,noexec,relatime'
	assert_line '/dev/mqueue rw,nosuid,nodev,noexec,relatime'
	assert_line '/ rw,nodev,relatime'
	for path in bus fs irq sys; do
		assert_line "/proc/$path ro,nosuid,nodev,noexec,relatime"
	done
	run inside box sh -c 'echo 1 >/proc/sys/kernel/panic; echo h >/proc/sysrq-trigger; echo 1 >/proc/sys/net/ipv4/ip_forward; mkdir /sys/fs/cgroup/x; for d in /sys/fs/cgroup/*/; do mkdir $d/x; done; :'
	refute_output --partial rv
	[ "$(printf '%s\n' "${lines[@]}" | grep -c 'Read-only')" -ge 4 ]
	# all mounts but /dev, its pts and single nodes are nodev
	run inside -v /data -v vol:/vol --tmpfs /t -v "$BATS_TEST_TMPDIR:/b" box awk '$6 !~ /nodev/ { print $5 }' /proc/self/mountinfo
	for path in "${lines[@]}"; do
		[[ $path == /dev || $path == /dev/* || $path == /proc/* || $path == WARNING* || $path == *set-id* ]] || fail "$path has devices"
	done
	cloche volume rm vol
}

@test "/dev has the standard nodes and no other" {
	run inside box ls -A /dev
	assert_equal "$(printf '%s\n' "${lines[@]}" | sort | tr '\n' ' ')" \
		'core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero '
	run inside -t box ls -l /dev/console
	assert_success
	run inside box sh -c 'echo x >/dev/null && head -c 1 /dev/zero | wc -c; echo x >/dev/full; head -c 4 /dev/urandom | wc -c'
	assert_line 1
	assert_line 4
	assert_output --partial 'No space left on device'
}

@test "a device node of an image, a volume or a folder does not open, whatever its mode and the device cgroup" {
	box_folder root
	mknod -m 0666 root/char c 1 5
	mknod -m 0666 root/block b "$(stat -c '%Hd' /)" "$(stat -c '%Ld' /)" || mknod -m 0666 root/block b 7 0
	run inside --device /dev/kmsg --rootfs "$PWD/root" sh -c 'for n in /char /block; do (: <$n) && echo "$n opens"; done; :'
	refute_output --partial opens
	[ "$(grep -c 'Permission denied' <<<"$output")" -eq 2 ]
	# the cgroup allows this one, so it is the mount that refuses it
	mknod -m 0666 root/kmsg c 1 11
	run inside --device /dev/kmsg --rootfs "$PWD/root" sh -c '(: >/dev/kmsg) && echo fine; : >/kmsg'
	assert_line fine
	assert_output --partial "/kmsg: Permission denied"
	mkdir folder
	mknod -m 0666 folder/kmsg c 1 11
	run inside --device /dev/kmsg -v "$PWD/folder:/b:ro" -v "$PWD/folder:/c" --rootfs "$PWD/root" sh -c '(: >/b/kmsg); (: >/c/kmsg); (: >/dev/kmsg) && echo fine'
	assert_line fine
	[ "$(grep -c 'kmsg: Permission denied\|kmsg: Read-only' <<<"$output")" -eq 2 ]
	run cloche run --rm --network none --device /dev/kmsg --rootfs "$PWD/root:rw" sh -c ': >/kmsg'
	assert_output --partial "/kmsg: Permission denied"
}

@test "the device cgroup denies what is not listed, behind the wall of nodev" {
	cloche run -d --name web --network none box sleep 1000
	pid=$(of web State.Pid)
	# only the host can take that wall away: a file system of its own, in the container's mount namespace
	for command in 'mount -t tmpfs x /srv' 'mknod -m 666 /srv/null c 1 3' 'mknod -m 666 /srv/kmsg c 1 11' \
		'mknod -m 666 /srv/loop b 7 0'; do
		# shellcheck disable=SC2086 # words
		nsenter -t "$pid" -m /bin/busybox $command
	done
	run cloche exec web sh -c '(: >/srv/null) && echo fine; (: >/srv/kmsg); (: </srv/loop)'
	assert_line fine
	[ "$(grep -c 'Operation not permitted' <<<"$output")" -eq 2 ]
}

@test "the pids limit is 8192, a limit of our own holds" {
	run inside box sh -c 'cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max'
	assert_output 8192
	run inside --pids-limit -1 box sh -c 'cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max'
	assert_output max
	run timeout 200 "$CLOCHE" run --rm --network none --pids-limit 10 box sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 600 & done'
	assert_output --partial "can't fork"
}

@test "the core limit is 0, and only the soft one" {
	run inside box sh -c 'ulimit -Sc; ulimit -Hc'
	assert_equal "${lines[0]}" 0
	assert_equal "${lines[1]}" "$(ulimit -Hc)"
}

@test "the session keyring is new" {
	cloche run -d --name web --network none -v "$BATS_FILE_TMPDIR/probe:/probe:ro" --security-opt seccomp=unconfined box sleep 1000
	run cloche exec web /probe state
	inner=$(printf '%s\n' "${lines[@]}" | grep keyring)
	run "$BATS_FILE_TMPDIR/probe" state
	[ "$inner" != "$(printf '%s\n' "${lines[@]}" | grep keyring)" ]
	[[ $inner != *ffffffffffffffff ]]
}

@test "the host's files, processes and users are out of reach" {
	[ "$(inside box sh -c 'ls /proc | grep -c "^[0-9]*$"')" -le 4 ]
	run inside box kill -0 $$
	assert_failure
	run inside host cat /etc/shadow
	assert_failure
	run inside host ls /home /root /boot
	refute_output --regexp '[a-z]+\.(conf|img)'
	# as the host sees it: another uid altogether
	id=$(cloche run -d --network none box sleep 1000)
	pid=$(of "$id" State.Pid)
	first=$(of "$id" Cloche.UidRange.First)
	assert_equal "$(stat -c %u "/proc/$pid")" "$first"
	run host_user kill -9 "$pid"
	assert_failure
	[ -d "/proc/$pid" ]
}

@test "two containers have different ranges, and neither can signal the other" {
	a=$(cloche run -d --network none --pid host box sleep 1000)
	b=$(cloche run -d --network none box sleep 1000)
	[ "$(of "$a" Cloche.UidRange.First)" != "$(of "$b" Cloche.UidRange.First)" ]
	run cloche exec "$a" kill -9 "$(of "$b" State.Pid)"
	assert_failure
	assert_equal "$(of "$b" State.Status)" '"running"'
	run cloche exec "$a" cat "/proc/$(of "$b" State.Pid)/environ"
	assert_failure
}

@test "a path of the container is never resolved on the host" {
	echo untouched >canary
	mkdir canary-dir
	box_folder root
	rm -f root/etc/hosts
	for name in etc/hosts etc/hostname etc/resolv.conf; do
		ln -s "$PWD/canary" "root/$name"
	done
	ln -s "$PWD/canary-dir" root/work
	ln -s ../../../../../../../../../../"$PWD/canary-dir" root/up
	ln -s "$PWD/canary-dir" root/mnt
	run inside -w /work/made -v "$PWD/canary-dir:/src:ro" -v vol:/up/volume --tmpfs /mnt/t --rootfs "$PWD/root" \
		sh -c 'echo inside >/etc/hosts; touch /work/x /up/y; cat /etc/hosts; ls /work /up'
	assert_success
	assert_line inside
	assert_equal "$(cat canary)" untouched
	assert_equal "$(ls -A canary-dir)" ""
	for name in dev proc sys; do
		ln -s "$PWD/canary-dir" "root/$name"
		run inside --rootfs "$PWD/root" true
		assert_equal "$(ls -A canary-dir)" ""
		rm "root/$name"
	done
	cloche volume rm vol
	# users: the container's files, read beneath its root
	rm root/etc/passwd
	ln -s /etc/passwd root/etc/passwd
	run inside -u www-data --rootfs "$PWD/root" true
	assert_failure 125
	rm root/etc/passwd
	mkfifo root/etc/passwd
	run timeout 200 "$CLOCHE" run --rm --network none -u root --rootfs "$PWD/root" true
	assert_failure 125
	assert_output --partial 'unable to find user root'
}

@test "what lies below the data root is closed to the host's users" {
	cloche run -d --name web --network none -v vol:/data box sh -c 'cp /bin/busybox /data/su; chmod 4755 /data/su; cp /bin/busybox /su; chmod 4755 /su; sleep 1000'
	file=$CLOCHE_ROOT/volumes/vol/_data/su
	until_true 20 test -u "$CLOCHE_ROOT/containers/$(of web Id | tr -d '"')/upper/su"
	[ -u "$file" ]
	for path in "$file" "$CLOCHE_ROOT/containers/$(of web Id | tr -d '"')/upper/su"; do
		run host_user "$path" id
		assert_failure
		assert_output --partial 'Permission denied'
	done
	chmod 0755 "$CLOCHE_ROOT"
	run cloche ps
	chmod 0700 "$CLOCHE_ROOT"
	assert_failure
	assert_output --partial 'is open to host users (mode 755, owner 0)'
	cloche rm -f web
	cloche volume rm vol
}

@test "in a chroot, where the kernel makes no user namespace, run says so and what helps" {
	run -125 --separate-stderr unshare -m bash -c 'mkdir root && mount --rbind / root &&
		chroot root "$CLOCHE" run --rm host true'
	[[ $stderr == *"make the container's namespaces: Operation not permitted; "*"pivot_root"*--userns=host* ]]
	assert_equal "$output" ""
	assert_equal "$(cloche ps -aq)" ""
}
