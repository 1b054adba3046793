# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# For the files of cloche-runtime: a bundle of busybox, and a root of its own for states.
#
#	load helper
#	load oci
#	setup_file() { oci_setup_file; }
#	teardown_file() { oci_teardown_file; }
#
#	@test "..." {
#		bundle '.process.args = ["true"]'
#		run rt run "$ID"
#	}

RUNTIME=$CLOCHE_BUILD/cloche-runtime
export RUNTIME

oci_setup_file()
{
	cloche_setup_file
	OCI_DIR=$CLOCHE_TEST_DIR/oci
	OCI_ROOT=$OCI_DIR/state
	export OCI_DIR OCI_ROOT
	mkdir -p "$OCI_DIR"
	rootfs_make "$OCI_DIR/rootfs"
	(cd "$OCI_DIR" && "$RUNTIME" spec)
}

oci_teardown_file()
{
	local id status=0

	for id in $(rt list -q); do
		rt delete --force "$id" || status=1
	done
	find /sys/fs/cgroup -depth -type d -path "*/cloche-oci-${CLOCHE_TEST_DIR##*.}*" \
		-exec rmdir {} \; 2>/dev/null || :
	cloche_teardown_file || status=1
	return "$status"
}

rt() { timeout 200 "$RUNTIME" --root "$OCI_ROOT" "$@"; }

# rootfs_make DIR: busybox under all its names, and two users.
rootfs_make()
{
	mkdir -p "$1"/{bin,sbin,usr/bin,usr/sbin,proc,sys,dev,tmp,etc,root,home/user}
	cp "$(command -v busybox)" "$1/bin/busybox"
	chroot "$1" /bin/busybox --install -s
	printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n' >"$1/etc/passwd"
	printf 'root:x:0:\nuser:x:1000:\n' >"$1/etc/group"
	chown 1000:1000 "$1/home/user"
}

# bundle [JQ]: in the test's own folder a config.json, changed by JQ, with the shared root file system,
# and in ID a name that no other test has.
bundle()
{
	ID=t$BATS_TEST_NUMBER-$BASHPID
	jq ".process.terminal = false | .root.path = \"$OCI_DIR/rootfs\" |
		.linux.cgroupsPath = \"/cloche-oci-${CLOCHE_TEST_DIR##*.}/$ID\" | ${1:-.}" \
		"$OCI_DIR/config.json" >config.json
}

# sh_args SCRIPT: args of a shell, for bundle.
sh_args() { jq -cn --arg script "$1" '["sh", "-c", $script]'; }

status_is() { [ "$(rt state "$1" | jq -r .status)" = "$2" ]; }

# Where the hierarchies of cgroups are mounted.
hierarchies() { awk '$3 ~ /^cgroup2?$/ { print $2 }' /proc/mounts | sort -u; }

# cgroup_value CONTROLLER V1-FILE V2-FILE: of the container ID.
cgroup_value()
{
	local path

	path=/cloche-oci-${CLOCHE_TEST_DIR##*.}/$ID
	if [ -d "/sys/fs/cgroup/$1" ]; then
		cat "/sys/fs/cgroup/$1$path/$2"
	else
		cat "/sys/fs/cgroup$path/$3"
	fi
}
