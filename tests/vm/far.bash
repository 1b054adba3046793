# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# For the files of tests/vm/cases that need a network: `far` is another host, 10.50.0.11, on the other end of eth1. Needs case.bash before it.
PEER=$(cat tests/system/peer.py)

# modules WHAT NAME...: else the case is skipped
modules()
{
	local what=$1 module missing=

	shift
	for module; do
		modprobe "$module" || missing+=" $module"
	done
	[ -z "$missing" ] || { skip "$what" "this kernel has no module$missing"; exit; }
}

peer() { timeout 60 python3 -c "$PEER" "$@"; }
far() { timeout 60 ip netns exec far "$@"; }
far_peer() { far python3 -c "$PEER" "$@"; }
# answered WANT COMMAND...: until somebody is there, then what he says
answered()
{
	local want=$1 tries=0

	shift
	until "$@" >/dev/null || [ $((tries += 1)) -ge 10 ]; do sleep 1; done
	is "$("$@")" "$want"
}

gone() { timeout 60 cloche rm -f "$@" >/dev/null; }

far_begin()
{
	ip netns add far
	ip link add eth1 type veth peer name wire netns far
	ip address add 10.50.0.1/24 dev eth1
	ip link set eth1 up
	ip -n far link set lo up
	ip -n far address add 10.50.0.11/24 dev wire
	ip -n far link set wire up
}
far_end()
{
	ip link del eth1
	ip netns del far
}
