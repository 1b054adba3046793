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

@test "outdated lists what is older than the host's packages, and does not compare what cannot be" {
	[ "$(. /etc/os-release && echo "$ID")" = debian ] || skip "this host is no Debian"
	run -0 cloche outdated --packages
	assert_output --regexp "old(:latest)? +debian 9 +1 +1 +1 +- +support ended on 2022-06-30"
	assert_output --regexp "libc6 1.0, the host has [0-9]"
	assert_output --regexp "other(:latest)? +elsewhere +- +- +- +- +another distribution"
	cloche outdated --json | jq -e '[.[] | select(.Older | length == 1)] | length == 1'
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
