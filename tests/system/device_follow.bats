#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016,SC2154 # expanded by the shell in the container; set by bats' run
# --device ...,follow: a device that goes and comes back. A loop device is plugged and pulled by its control device.

load helper
load box

setup_file()
{
	cloche_setup_file
	make_box
}

setup()
{
	cloche_setup
	[ -e /dev/loop-control ] || skip "this host has no loop devices"
	[ ! -e /dev/loop4217 ] || loop remove
}

teardown()
{
	remove_containers
	[ ! -e /dev/loop4217 ] || loop remove
}

teardown_file()
{
	cloche system keeper --stop
	cloche_teardown_file
}

# Whoever looks for a free loop device, or what a new one has, may hold this one for a moment.
loop() { until_true 20 loop_now "$1"; } # add|remove
loop_now()
{
	python3 -c 'import fcntl, os, sys
fcntl.ioctl(os.open("/dev/loop-control", os.O_RDWR), 0x4C80 if sys.argv[1] == "add" else 0x4C81, 4217)' "$1"
}

number() { cloche exec web stat -c '%t:%T' "$1" 2>/dev/null; }
is_number() { [ "$(number "$1")" = "$2" ]; }

@test "a device that comes later is given, one that goes is taken, and again; rights come and go with it" {
	cloche run -d --name web --network none --device /dev/loop4217:/dev/disk:r,follow box sleep 1000
	[ -s "$CLOCHE_RUN_ROOT/keeper" ]
	run number /dev/disk
	assert_failure
	for _ in 1 2; do
		loop add
		until_true 30 is_number /dev/disk "7:$(printf %x 4217)"
		cloche exec web sh -c 'head -c 1 /dev/disk | wc -c' # the right to read it
		loop remove
		until_true 30 is_number /dev/disk 0:0
	done
	run cloche inspect --as run web
	assert_output --partial '--device /dev/loop4217:/dev/disk:r,follow'
	assert_equal "$(of web HostConfig.Devices | jq -c '.[0] | keys')" '["CgroupPermissions","PathInContainer","PathOnHost"]'
}

@test "other numbers under the same name; of two devices the one that changed; a restart gives what is there" {
	ln -s /dev/zero link
	cloche run -d --name web --network none --device "$PWD/link:/dev/one,follow" --device /dev/full:/dev/two,follow box sleep 1000
	is_number /dev/one 1:5
	ln -sfn /dev/null link
	loop add # news of any device
	until_true 30 is_number /dev/one 1:3
	is_number /dev/two 1:7
	loop remove
	rm link
	cloche restart -t 0 web
	run number /dev/one
	assert_failure
	is_number /dev/two 1:7
}

@test "only what can be followed is: no folder, and without follow a missing device is refused" {
	refused 'a folder cannot be followed' --device /dev/net,follow
	refused 'No such file or directory' --device /dev/no-such
	refused 'invalid device mode' --device /dev/null:/dev/x:q,follow
	cloche run -d --name web --network none box sleep 1000
	cloche update --device-add /dev/loop4217:/dev/disk:r,follow web
	loop add
	until_true 30 is_number /dev/disk "7:$(printf %x 4217)"
}
