# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154
# For the files that try `run` and its kin:
#
#	load helper
#	load box
#	setup_file() { cloche_setup_file; make_box; }
#
# The image `box` is a static busybox with a few users, some folders of theirs and nothing else.

# box_folder DIR: fill DIR with the image's root file system.
box_folder()
{
	local dir=$1 applet

	mkdir -p "$dir"/{bin,sbin,etc,home/alice,root,srv/data,usr/bin,var/lib/app}
	mkdir -m 1777 "$dir/tmp"
	cp "$(command -v busybox)" "$dir/bin/busybox"
	for applet in $("$dir/bin/busybox" --list); do
		[ "$applet" = busybox ] || ln -s busybox "$dir/bin/$applet"
	done
	printf '%s\n' root:x:0:0:root:/root:/bin/sh alice:x:1000:1000::/home/alice:/bin/sh \
		bob:x:1001:100::/home/bob:/bin/sh >"$dir/etc/passwd"
	printf '%s\n' root:x:0: tty:x:5: users:x:100:alice audio:x:29:alice,bob alice:x:1000: \
		staff:x:50: >"$dir/etc/group"
	echo of-the-image >"$dir/srv/data/file"
	ln -s file "$dir/srv/data/link"
	echo mine >"$dir/home/alice/mine"
	chmod 0750 "$dir/home/alice"
	chown -R 1000:1000 "$dir/home/alice"
	chown 1000:50 "$dir/srv/data"
	chmod 2775 "$dir/srv/data"
	printf '#!/bin/nothing\n' >"$dir/bin/no-interpreter"
	printf 'no program\n' >"$dir/bin/no-format"
	printf '#!/bin/sh\n' >"$dir/bin/no-right"
	chmod 0755 "$dir"/bin/no-{interpreter,format}
}

# make_box [CHANGE...]: import it as `box`, with Dockerfile instructions if wanted.
make_box()
{
	local dir=$BATS_FILE_TMPDIR/box change
	local -a changes=()

	[ -d "$dir" ] || box_folder "$dir"
	for change; do
		changes+=(-c "$change")
	done
	tar -C "$dir" --numeric-owner -c . | cloche import "${changes[@]}" - "${BOX_NAME:-box}" >/dev/null
}

# Run COMMAND in a container that is gone afterwards: inside [OPTION...] IMAGE COMMAND...
inside() { cloche run --rm --network none "$@"; }

# refused WORDS OPTION...: `run` and `create` with them end with 125 and WORDS and leave nothing.
refused()
{
	local words=$1 verb
	shift

	for verb in run create; do
		run cloche "$verb" "$@" box true
		assert_failure 125
		assert_output --partial "$words"
		assert_equal "$(cloche ps -aq)" ""
	done
	assert_equal "$(cloche volume ls -q)" ""
}

# host_user COMMAND...: as a user of the host who is not root and in no group. The second exec is that user's:
# setpriv keeps the capabilities until its own is through.
host_user() { setpriv --reuid 1001 --regid 1001 --clear-groups sh -c 'exec "$@"' sh "$@"; }

# of NAME PATH: a field of `inspect`.
of() { cloche inspect -f "{{json .$2}}" "$1"; }
