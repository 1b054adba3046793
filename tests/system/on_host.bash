# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# on_host COMMAND...: with this Cloche's run folder, name service module and an /etc of its own where those of an installed one would be.
on_host()
{
	[ -d /run/cloche ] || mkdir -m 0711 /run/cloche 2>/dev/null || [ -d /run/cloche ] # another file's, just now
	mkdir -p "$CLOCHE_TEST_DIR"/{etc,etc.work,libs,libs.work}
	chmod 0755 "$CLOCHE_TEST_DIR" # for users that are not root; our root and run folders are closed themselves
	install -m 0755 "$CLOCHE_BUILD/libnss_cloche.so.2" "$CLOCHE_TEST_DIR/libs/"
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount sh -ec '
		libs=$(dirname "$(ldd /bin/ls | sed -n "s/.*libc.so.* => \([^ ]*\) .*/\1/p")")
		mount --bind "$CLOCHE_RUN_ROOT" /run/cloche
		mount -t overlay -o "lowerdir=/etc,upperdir=$CLOCHE_TEST_DIR/etc,workdir=$CLOCHE_TEST_DIR/etc.work" etc /etc
		mount -t overlay -o "lowerdir=$libs,upperdir=$CLOCHE_TEST_DIR/libs,workdir=$CLOCHE_TEST_DIR/libs.work" libs "$libs"
		exec "$@"' sh "$@"
	local status=$?
	chmod 0700 "$CLOCHE_TEST_DIR"
	return "$status"
}
