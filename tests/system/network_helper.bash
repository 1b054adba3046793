# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2034 # answer is for the tests
# Hosts for network tests, made of namespaces: tests/run gives each file a network of its own, in which
# we are "the host". Needs `load helper` before it.

PEER=$(cat "$BATS_TEST_DIRNAME/peer.py")

# peer ask tcp 10.50.0.1 8080
peer() { python3 -c "$PEER" "$@"; }

# serve NAME [OPTION...] -- PROTO PORT: a container that answers with its clients' addresses.
serve()
{
	local name=$1

	shift
	local -a options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	cloche run -d --name "$name" "${options[@]}" host python3 -c "$PEER" serve "$@" "$name" >/dev/null
}

ip4_of() { cloche inspect -f "{{.NetworkSettings.Networks.${2:-bridge}.IPAddress}}" "$1"; }
ip6_of() { cloche inspect -f "{{.NetworkSettings.Networks.${2:-bridge}.GlobalIPv6Address}}" "$1"; }

# asked PROTO ADDRESS PORT: until somebody answers there, in $answer.
answers() { answer=$(peer ask "$@" 2>/dev/null); }
asked() { until_true 30 answers "$@" 2; }

# A host of the LAN: other_host NAME N: 10.50.0.N and fd50::N on a link to us, who are .1.
other_host()
{
	ip netns add "$1"
	if ! ip link show lan0 >/dev/null 2>&1; then
		ip link add lan0 type bridge
		ip address add 10.50.0.1/24 dev lan0
		ip address add fd50::1/64 dev lan0 nodad
		ip link set lan0 up
	fi
	ip link add "lan-$1" type veth peer name eth0 netns "$1"
	ip link set "lan-$1" master lan0 up
	ip -n "$1" link set lo up
	ip -n "$1" address add "10.50.0.$2/24" dev eth0
	ip -n "$1" address add "fd50::$2/64" dev eth0 nodad
	ip -n "$1" link set eth0 up
	until_true 20 ip netns exec "$1" ping -c 1 -W 1 10.50.0.1 >/dev/null
}

# at HOST peer ask ...: on that host
at()
{
	local host=$1

	shift
	case $1 in
	peer) shift; ip netns exec "$host" python3 -c "$PEER" "$@" ;;
	*) ip netns exec "$host" "$@" ;;
	esac
}

# background COMMAND...: ended by network_cleanup
background()
{
	"$@" >/dev/null 2>&1 3>&- &
	echo $! >>"$BATS_FILE_TMPDIR/background"
}

network_cleanup()
{
	local pid name

	if [ -e "$BATS_FILE_TMPDIR/background" ]; then
		while read -r pid; do
			pkill -P "$pid" || : # a function runs in a shell of its own
			kill "$pid" 2>/dev/null || :
		done <"$BATS_FILE_TMPDIR/background"
	fi
	ip link del lan0 2>/dev/null || :
	for name; do
		ip link del "lan-$name" 2>/dev/null || :
		ip netns del "$name" 2>/dev/null || :
	done
}
