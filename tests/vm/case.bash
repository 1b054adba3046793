# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# For the files of tests/vm/cases: `check NAME COMMAND...` prints a line of TAP; a container of cloche-runtime with the name c.
case_number=0
said=$(mktemp)

check()
{
	local name=$1

	shift
	case_number=$((case_number + 1))
	if "$@" >"$said" 2>&1; then
		echo "ok $case_number $CASE: $name"
	else
		echo "not ok $case_number $CASE: $name"
		tail -n 30 "$said" | sed 's/^/#   /'
	fi
}

skip() # NAME REASON
{
	case_number=$((case_number + 1))
	echo "ok $case_number $CASE: $1 # skip $2"
}

is() { [ "$1" = "$2" ] || { echo "is: $1; wanted: $2"; return 1; }; }

# bats_file NAME [FILTER]: a file of tests/system, as it runs on any host.
bats_file()
{
	timeout 900 bats --tap ${2:+--filter "$2"} "tests/system/$1.bats" 2>&1 | sed -E "/^1\.\./d; s/^((not )?ok [0-9]+) /\1 $1: /; t; s/^/# /"
}

# -- cloche-runtime -----------------------------------------------------------------------------

rt() { timeout 60 cloche-runtime --root /run/oci ${RT_OPTIONS:+"$RT_OPTIONS"} "$@"; }

bundle_make()
{
	mkdir -p /bundle/rootfs/{bin,sbin,usr/bin,usr/sbin,proc,sys,dev,tmp,etc,root}
	cp "$(command -v busybox)" /bundle/rootfs/bin/busybox
	chroot /bundle/rootfs /bin/busybox --install -s
	printf 'root:x:0:0:root:/root:/bin/sh\n' >/bundle/rootfs/etc/passwd
	cd /bundle || exit
	rm -f config.json
	cloche-runtime spec && mv config.json example.json
}

# bundle JQ; CGROUPS_PATH is its linux.cgroupsPath.
bundle()
{
	jq ".process.terminal = false | .linux.cgroupsPath = \"${CGROUPS_PATH:-/test/c}\" | .root.readonly = true | $1" /bundle/example.json >/bundle/config.json
	cd /bundle || exit
}

up()
{
	bundle "$1"
	if ! rt create c >/tmp/out 2>&1 </dev/null || ! rt start c; then
		cat /tmp/out
		return 1
	fi
}
down() { rt delete -f c; }
wait_for() { local i=0; until "$@"; do i=$((i + 1)); [ $i -lt 400 ] || return 1; sleep 0.05; done; }
stopped() { [ "$(rt state c | jq -r .status)" = stopped ]; }

# -- cloche -------------------------------------------------------------------------------------

engine_make()
{
	export CLOCHE_ROOT=/var/tmp/cloche/lib CLOCHE_RUN_ROOT=/run/cloche-t
	mkdir -p /var/tmp/cloche
	[ -d $CLOCHE_ROOT ] || mkdir -m 0700 $CLOCHE_ROOT
	[ -d $CLOCHE_RUN_ROOT ] || mkdir -m 0711 $CLOCHE_RUN_ROOT
}

# -- what holds however the cgroup was made ----------------------------------------------------

oom_is_told()
{
	up '.process.args = ["sh", "-c", "sleep 1; dd if=/dev/zero of=/dev/shm/x bs=1M count=60"] | .linux.resources.memory = {limit: 16777216, swap: 16777216}' || return
	rt events --interval 1h c >/tmp/events 2>&1 &
	wait_for stopped
	wait
	cat /tmp/events
	grep -q '"type":"oom"' /tmp/events
	r=$?
	down
	return $r
}

devices_in_force()
{
	disk=$(cat /sys/block/vda/dev)
	node="[{path: \"/dev/disk\", type: \"b\", major: ${disk%:*}, minor: ${disk#*:}, fileMode: 384}]"
	bundle ".process.args = [\"sh\", \"-c\", \"head -c 1 /dev/disk && exit 1; head -c 1 /dev/zero >/dev/null\"] | .linux.devices = $node"
	rt run c || return
	bundle ".process.args = [\"sh\", \"-c\", \"head -c 1 /dev/disk && ! echo >/dev/disk\"] | .linux.devices = $node |
		.linux.resources.devices += [{allow: true, type: \"b\", major: ${disk%:*}, minor: ${disk#*:}, access: \"r\"}]"
	rt run c
}
