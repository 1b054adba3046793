#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016,SC2154 # expanded by the shell in the container; set by bats' run
# Limits of disk space, of a container's own layer and of a volume. Here they are images; with project quotas: tests/vm/cases/disk_limit.sh.

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
	command -v mke2fs >/dev/null || skip "this host has no mke2fs"
	[ -e /dev/loop-control ] || skip "this host has no loop devices"
}

teardown()
{
	local -a names

	remove_containers
	mapfile -t names < <(cloche volume ls -q)
	[ ${#names[@]} -eq 0 ] || cloche volume rm "${names[@]}" >/dev/null
	[ -z "$(ls -A "$CLOCHE_ROOT/disks" 2>/dev/null)" ] || fail "left: $(ls "$CLOCHE_ROOT/disks")"
	! grep "$CLOCHE_ROOT" /proc/self/mountinfo
}

# The kernel lets go of a loop device when its last user has: another's look at it counts.
no_loop() { ! losetup -a | grep -F "$CLOCHE_ROOT"; }

fill() { echo "dd if=/dev/zero of=$1 bs=1M count=$2 2>&1 | grep -v records"; }

@test "--storage-opt size: the layer is full at its size, for whoever writes, and the space is had again" {
	cloche run -d --name small --network none --storage-opt size=24m box sleep 1000
	run cloche exec small sh -c "$(fill /root/x 40)"
	assert_output --partial 'No space left on device'
	run cloche exec -u alice small sh -c "$(fill /tmp/y 1)"
	assert_output --partial 'No space left on device'
	cloche exec small rm /root/x
	cloche exec small sh -c 'echo fits >/root/file'
	assert_equal "$(of small HostConfig.StorageOpt)" '{"size":"24m"}'
	# others are not limited by it
	inside box sh -c "$(fill /root/x 30)" >out || :
	assert_equal "$(grep -c 'No space' out)" 0
	# what looks at the layer finds it, running and stopped, and when a reboot has unmounted it
	assert_equal "$(cloche diff small | grep /root/)" 'A /root/file'
	cloche stop -t 0 small
	umount "$(of small GraphDriver.Data.UpperDir | tr -d '"' | xargs dirname)"
	assert_equal "$(cloche cp small:/root/file - | tar xO)" fits
	umount "$(of small GraphDriver.Data.UpperDir | tr -d '"' | xargs dirname)"
	assert_equal "$(cloche diff small | grep /root/)" 'A /root/file'
	cloche commit small kept >/dev/null
	assert_equal "$(inside kept cat /root/file)" fits
	cloche start small
	assert_equal "$(cloche exec small cat /root/file)" fits
	[ "$(cloche ps -s --format '{{.Size}}')" != "0B (virtual 0B)" ]
	run cloche inspect --as run small
	assert_output --partial '--storage-opt size=24m'
	cloche rm -f small
	until_true 20 no_loop
}

@test "with --rm, after a start that failed, and when it was killed half made, nothing is left" {
	run inside --storage-opt size=16m box sh -c "$(fill /x 30)"
	assert_output --partial 'No space left on device'
	run cloche run --network none --name failed --storage-opt size=16m box /no-such-program
	assert_failure 127
	cloche rm failed
	skip_unless_hooks
	CLOCHE_KILL_POINT=disk-image-made run -137 cloche run --network none --name half --storage-opt size=16m box true
	assert_equal "$(cloche start -a half; echo $?)" 0
	cloche rm half
}

@test "volume create -o size: containers share the limit; export, clone and rm know it" {
	refused 'only size= is possible' --storage-opt dm.basesize=1g
	cloche volume create -o size=16m small
	assert_equal "$(cloche volume inspect -f '{{json .Options}}' small)" '{"size":"16m"}'
	inside -v small:/srv/data box ls /srv/data >list
	assert_equal "$(tr '\n' ' ' <list)" 'file link ' # filled from the image, as any volume
	run inside -v small:/srv/data box sh -c "$(fill /srv/data/x 10)"
	assert_output ""
	run inside -v small:/d box sh -c "$(fill /d/y 10)"
	assert_output --partial 'No space left on device'
	umount "$CLOCHE_ROOT/volumes/small"
	assert_equal "$(cloche volume export small | tar t | grep -cE '(^|/)x$')" 1
	inside -v small:/d box rm /d/x /d/y
	run cloche volume create -o size=1m tiny
	assert_failure 1
	assert_output --partial 'a size below 8m'
	run cloche volume create -o size=16m -o type=ext4 -o device=/dev/null other
	assert_failure 1
	run cloche volume create -o size=lots other
	assert_failure 1
	assert_output --partial "invalid size: 'lots'"
	assert_equal "$(cloche volume ls -q)" small
	cloche volume rm small
	until_true 20 no_loop
}
