#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Images of very many layers, also where the kernel takes layers by path only (before Linux 6.15), which a filter makes of any.

load helper

setup_file()
{
	cloche_setup_file
	many_layers_make "$CLOCHE_TEST_DIR/many"
	cloche load -q -i "$CLOCHE_TEST_DIR/many/image.tar" >/dev/null
}

# many_layers_make DIR: an image of 100 layers, each with a file of its own and a word in /top.
many_layers_make()
{
	local i
	local -a layers=()

	mkdir -p "$1/base/bin"
	cp "$(command -v busybox)" "$1/base/bin/busybox"
	ln -s busybox "$1/base/bin/sh"
	ln -s busybox "$1/base/bin/cat"
	tar -C "$1/base" -cf "$1/0.tar" .
	layers=("$1/0.tar")
	for ((i = 1; i < 100; i++)); do
		mkdir -p "$1/layer/l"
		echo "$i" >"$1/layer/top"
		echo "$i" >"$1/layer/l/$i"
		tar -C "$1/layer" -cf "$1/$i.tar" ./top "./l/$i"
		layers+=("$1/$i.tar")
	done
	python3 "$SOURCE_DIR/tests/system/make_archive.py" docker "$1/image.tar" many:1 "${layers[@]}"
}

older() { "$SOURCE_DIR/tests/system/refusing.py" "${ERROR:-EINVAL}" "$CLOCHE" "$@"; }

# shows RUN...: the image's files, a file that is written, and whose it is.
shows()
{
	run -0 "$@" run --rm --network none many:1 sh -c 'cd /l && set -- * && echo $# && cat /top /l/1 /l/99 && echo new >/l/1 &&
		cat /l/1 && cat /proc/self/uid_map && busybox stat -c %u:%g /l/1 /l/2'
	assert_equal "${lines[*]:0:5}" "99 99 1 99 new"
	[[ ${lines[5]} =~ ^\ +0\ +[1-9][0-9]*\ +65536$ ]]
	assert_equal "${lines[*]:6}" "0:0 0:0"
}

@test "an image of a hundred layers runs, in its own range of ids" {
	shows cloche
}

@test "it does where the kernel takes no layer by descriptor" {
	shows older
	ERROR=EOPNOTSUPP shows older
	ERROR=EBADF shows older
}

@test "what was written there is found again by the other way, and by cp of the stopped container" {
	older run --name writer --network none many:1 sh -c 'echo kept >/l/50; busybox rm -f /l/51'
	run -0 cloche start -a writer
	older cp writer:/l/50 copied
	assert_equal "$(cat copied)" kept
	run -1 older cp writer:/l/51 copied
	run -0 older diff writer
	assert_line "D /l/51"
	older commit writer many:2 >/dev/null
	run -0 older run --rm --network none many:2 cat /l/50
	assert_output kept
}

@test "devices are refused in it, as in any root" {
	run -1 older run --rm --network none --cap-add MKNOD many:1 sh -c 'busybox mknod /null c 1 3 && echo >/null'
	run -0 older run --rm --network none many:1 cat /proc/self/mountinfo
	assert_output --regexp " / / [^ ]*nodev"
}

root_options() { awk '$5 == "/" { print $NF }' "/proc/$(cloche inspect -f '{{.State.Pid}}' "$1")/mountinfo"; }

@test "with --rm the root waits for no disk; it can be copied to, restarted and committed like any other" {
	for command in cloche older; do
		"$command" create --rm --name goes --network none many:1 sh -c 'cat /given; exec busybox sleep 1000' >/dev/null
		echo given >given
		"$command" cp given goes:/given
		"$command" start goes
		[[ $(root_options goes) == *volatile* ]]
		cloche exec goes sh -c 'echo more >/more; busybox sync /more'
		"$command" restart -t 0 goes
		[[ $(root_options goes) == *volatile* ]]
		assert_equal "$(cloche exec goes cat /given /more)" $'given\nmore'
		"$command" commit goes of:goes >/dev/null
		assert_equal "$("$command" run --rm --network none of:goes cat /more)" more
		cloche rm -f goes
		cloche rmi of:goes >/dev/null
	done
	cloche run -d --name stays --network none many:1 busybox sleep 1000
	[[ $(root_options stays) != *volatile* ]]
	cloche rm -f stays
}
