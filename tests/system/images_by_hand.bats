#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Images as a user builds them by hand: a Debian, packages that apt-get installs in containers, commits; by way of a registry to another store.

load helper
load registry

setup_file()
{
	cloche_setup_file
	cd "$BATS_FILE_TMPDIR" || return
	command -v docker-registry >/dev/null || { export NONE="this host has no docker-registry"; return 0; }
	if ! DEBIAN=$(debian_tar) || ! PACKAGES=$(debian_packages inspircd hercules); then
		export NONE="this host has no Debian packages to be had"
		return 0
	fi
	export DEBIAN PACKAGES
	serve plain ''
}

teardown_file()
{
	registries_end
	cloche_teardown_file
}

setup()
{
	cloche_setup
	[ -z "${NONE:-}" ] || skip "$NONE"
}

# installed PACKAGE IMAGE NEW: NEW is IMAGE with PACKAGE.
installed()
{
	cloche run --name by-hand --network none -v "$PACKAGES/$1:/packages:ro" -e DEBIAN_FRONTEND=noninteractive "$2" \
		sh -c 'apt-get install -qq --no-install-recommends /packages/*.deb && apt-get clean' >"$1.log" 2>&1 || fail "$(tail -n 20 "$1.log")"
	cloche commit -m "with $1" by-hand "$3" >/dev/null
	cloche rm by-hand >/dev/null
}

@test "a Debian in which apt-get installed InspIRCd, then Hercules, is committed, pushed, pulled elsewhere, and runs" {
	local registry id digest

	registry=127.0.0.1:$(cd "$BATS_FILE_TMPDIR" && port plain)
	cloche import "$DEBIAN" debian:base >/dev/null
	installed inspircd debian:base irc:1
	installed hercules irc:1 "$registry/mainframe:1"
	run -0 cloche image inspect -f '{{len .RootFS.Layers}}' "$registry/mainframe:1"
	assert_output 3
	id=$(cloche image inspect -f '{{.Id}}' "$registry/mainframe:1")
	run -0 cloche push "$registry/mainframe:1"
	digest=$(sed -n 's/^1: digest: \(sha256:[0-9a-f]*\) size: [0-9]*$/\1/p' <<<"$output")

	export CLOCHE_ROOT=$CLOCHE_TEST_DIR/elsewhere
	mkdir -m 0700 "$CLOCHE_ROOT"
	run -0 cloche pull "$registry/mainframe:1"
	assert_line "Digest: $digest"
	assert_equal "$(cloche image inspect -f '{{.Id}}' "$registry/mainframe:1")" "$id"
	run -0 cloche run --rm --network none "$registry/mainframe:1" sh -c 'dpkg --audit; dpkg --verify; inspircd --version; id -un irc; hercules -f /nowhere 2>&1 </dev/null | head -n 1'
	assert_output --regexp "InspIRCd-[34]"
	assert_output --regexp "Hercules Version"
	assert_line irc
	run -0 cloche system check
}
