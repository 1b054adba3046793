#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Whether an image fits the host, told before it is run.

load helper

# image NAME [JSON]: of the folder $BATS_FILE_TMPDIR/root, changed by Dockerfile-like words in `change`.
image()
{
	tar -C "$BATS_FILE_TMPDIR/root" -cf "$BATS_FILE_TMPDIR/$1.tar" .
	local name=$1
	shift
	cloche import "$@" "$BATS_FILE_TMPDIR/$name.tar" "$name" >/dev/null
}

setup_file()
{
	local root=$BATS_FILE_TMPDIR/root libc

	cloche_setup_file
	libc=$(ldd /bin/ls | sed -n 's/.*libc.so.* => \([^ ]*\) .*/\1/p')
	mkdir -p "$root"/{etc,usr/lib/x86_64-linux-gnu,var/lib/dpkg}
	cp "$libc" "$root/usr/lib/x86_64-linux-gnu/libc.so.6"
	printf 'ID=debian\nVERSION_ID="9"\n' >"$root/etc/os-release"
	printf 'Package: libc6\nStatus: install ok installed\nVersion: 1.0\n\nPackage: nobody-has-this\nStatus: install ok installed\nVersion: 1\n' \
		>"$root/var/lib/dpkg/status"
	image old -c 'LABEL org.cloche.requires.modules=no-such-module org.cloche.requires.devices=/dev/null,/dev/none org.cloche.requires.kernel=4.0'
	printf 'ID=elsewhere\n' >"$root/etc/os-release"
	image other
}

@test "compat tells what the image's libc, labels and distribution ask for, and ends with 1" {
	run -1 cloche compat old
	assert_output --regexp "ok +architecture"
	assert_output --regexp "ok +kernel +the image's libc asks for Linux [0-9.]+, this host has $(uname -r)"
	assert_output --regexp "ok +kernel +the image's label asks for Linux 4.0"
	assert_output --regexp "no +module +no-such-module is neither loaded nor in /lib/modules"
	assert_output --regexp "ok +device +/dev/null is here"
	assert_output --regexp "no +device +/dev/none is not on this host"
	assert_output --regexp "warning +distribution +debian 9: security support ended on 2022-06-30"
	cloche compat --json old | jq -e '[.[] | select(.Verdict == "no")] | length == 2' || [ "${PIPESTATUS[0]}" -eq 1 ]
}

@test "an image without demands fits" {
	run -0 cloche compat other
	assert_output --regexp "unknown +distribution +elsewhere"
	run -125 cloche compat nobody
	assert_output --partial "No such image"
}

@test "compat host looks at the host's own libc and distribution" {
	run cloche compat host
	[ "$status" -le 1 ] # on v1 a systemd may want v2
	assert_output --regexp "ok +kernel +the image's libc asks for Linux [0-9.]+, this host has $(uname -r)"
	assert_output --regexp "ok +system calls +of [1-9][0-9]+ that the image's libc makes"
	assert_output --regexp "distribution +$(. /etc/os-release && echo "$ID")"
	assert_output --regexp "ok +patches +its programs are the host's own"
	refute_output --regexp '(ok|no|warning|unknown) +age '
}

@test "outdated lists what is older than the host's packages, and does not compare what cannot be" {
	[ "$(. /etc/os-release && echo "$ID")" = debian ] || skip "this host is no Debian"
	run -0 cloche outdated --packages
	assert_output --regexp "old(:latest)? +debian 9 +1 +1 +1 +- +support ended on 2022-06-30"
	assert_output --regexp "libc6 1.0, the host has [0-9]"
	assert_output --regexp "other(:latest)? +elsewhere +- +- +- +- +another distribution"
	cloche outdated --json | jq -e '[.[] | select(.Older | length == 1)] | length == 1'
}

@test "compat counts the system calls of the image's libc against the seccomp list, or a profile" {
	run -1 cloche compat old
	assert_output --regexp "ok +system calls +of [0-9]+ that the image's libc makes the seccomp list allows [0-9]+"
	echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["clone3","rseq"],"action":"SCMP_ACT_ERRNO","errnoRet":1},
		{"names":["statx"],"action":"SCMP_ACT_ERRNO","errnoRet":38},{"names":["truncate"],"action":"SCMP_ACT_ERRNO"}]}' >profile.json
	run -1 cloche compat --seccomp profile.json old
	assert_output --regexp "no +system calls +the image's libc needs these, which the seccomp list denies: rseq, clone3"
	assert_output --regexp "warning +system calls +the seccomp list denies calls of the image's libc: truncate"
	run -125 cloche compat --seccomp nowhere.json old
	assert_output --partial "nowhere.json"
}

@test "a start warns of what the image asks for and the host lacks, and of nothing else" {
	cp /bin/busybox "$BATS_FILE_TMPDIR/root/busybox"
	image asks -c 'LABEL org.cloche.requires.modules=no-such-module org.cloche.requires.devices=/dev/null org.cloche.requires.kernel=99.1'
	run -0 cloche run --rm --network none asks /busybox true
	assert_line "WARNING: the image may not work here: module: no-such-module is neither loaded nor in /lib/modules/$(uname -r)"
	assert_line "WARNING: the image may not work here: kernel: the image's label asks for Linux 99.1, this host has $(uname -r)"
	[ ${#lines[@]} -eq 2 ]
	image asksnot -c 'LABEL org.cloche.requires.devices=/dev/null org.cloche.requires.kernel=4.0'
	run -0 cloche run --rm --network none asksnot /busybox true
	assert_output ""
	cloche import --platform linux/s390x "$BATS_FILE_TMPDIR/asksnot.tar" elsewhere >/dev/null
	run -0 cloche run --rm --network none elsewhere /busybox true
	assert_output --partial "WARNING: the image may not work here: architecture: the image is for s390x, this host is"
	run -0 cloche run --rm --platform linux/s390x --network none elsewhere /busybox true
	assert_output ""
	cloche rmi asks asksnot elsewhere >/dev/null
}

@test "compat tells of systemd's demand on the cgroup version" {
	local mode root=$BATS_FILE_TMPDIR/root
	mode=$(cloche info --format '{{.CgroupVersion}}')
	mkdir -p "$root/usr/lib/systemd"
	: >"$root/usr/lib/systemd/systemd"
	: >"$root/usr/lib/systemd/libsystemd-shared-252.so"
	image middle
	mv "$root/usr/lib/systemd/libsystemd-shared-252.so" "$root/usr/lib/systemd/libsystemd-shared-219.so"
	image oldest
	mv "$root/usr/lib/systemd/libsystemd-shared-219.so" "$root/usr/lib/systemd/libsystemd-shared-258-1.fc43.so"
	image newest
	rm -r "$root/usr/lib/systemd"
	run -0 cloche compat middle
	assert_output --regexp "ok +systemd +252 runs with this host's cgroups"
	if [ "$mode" = 2 ]; then
		run -1 cloche compat oldest
		assert_output --regexp "no +systemd +219 knows cgroup v1 alone, this host has v2"
		run -0 cloche compat newest
	else
		run -1 cloche compat newest
		assert_output --regexp "no +systemd +258 wants cgroup v2, this host has v1"
		# a start says it of systemd alone
		run ! cloche run --rm newest /usr/lib/systemd/systemd
		assert_output --partial "258 wants cgroup v2"
		run ! cloche run --rm newest /bin/nothing
		refute_output --partial "258 wants cgroup v2"
		run -0 cloche compat oldest
	fi
	cloche rmi middle oldest newest >/dev/null
}

@test "--device warns when no driver of the kernel answers for the number" {
	mknod -m 0600 "$BATS_TEST_TMPDIR/nobodys" c 511 7
	run -0 cloche run --rm --network none --device "$BATS_TEST_TMPDIR/nobodys:/dev/nobodys" host true
	assert_output "WARNING: --device $BATS_TEST_TMPDIR/nobodys: no driver of this kernel answers for character device 511:7; its module may be missing"
	run -0 cloche run --rm --network none --device /dev/null:/dev/zilch host true
	assert_output ""
}

@test "--host-modules mounts the kernel's modules read-only, or says what is missing" {
	if [ -d "/lib/modules/$(uname -r)" ]; then
		run -0 cloche run --rm --host-modules --network none host sh -c "grep -c ' /lib/modules/$(uname -r) ro' /proc/self/mountinfo"
		assert_output 1
	else
		run -125 cloche run --rm --host-modules --network none host true
		assert_output --partial "--host-modules: look for /lib/modules/$(uname -r): No such file or directory; install the modules"
	fi
}
