#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a container's traffic may be: --egress, --bandwidth, --route.
# shellcheck disable=SC2154,SC2016 # answer comes from asked; the scripts are for a shell below

load helper
load network_helper

setup_file()
{
	cloche_setup_file
	other_host lan 11
	background at lan peer serve tcp 7001
	background at lan peer serve tcp 7002
	background at lan peer serve udp 7003
	background peer serve tcp 7004
	serve neighbour -- tcp 7005
	until_true 20 sh -c '[ "$(ip netns exec lan ss -tlnu | grep -c ":700")" -ge 3 ]'
	asked tcp "$(ip4_of neighbour)" 7005
}

teardown_file()
{
	ip link del wire0 2>/dev/null || : # of a case that failed
	ip link del wire2 2>/dev/null || :
	network_cleanup lan
	cloche_teardown_file
}

# from NAME PROTO ADDRESS PORT: it is answered; denied: it is not, which the filter has decided at once
from() { local name=$1; shift; cloche exec "$name" python3 -c "$PEER" ask "$@" 20; }
denied() { local name=$1; shift; run ! cloche exec "$name" python3 -c "$PEER" ask "$@" 0.3; }

@test "egress deny: nowhere out, not to the host, not to neighbours; what is asked of it, it answers" {
	serve shy --egress deny -p 8070:70 -p 8053:5353/udp -- tcp 70
	cloche exec -d shy python3 -c "$PEER" serve udp 5353 shy
	asked tcp 127.0.0.1 8070
	assert_equal "$(at lan peer ask tcp 10.50.0.1 8070)" "10.50.0.11 shy"
	until_true 20 at lan peer ask udp 10.50.0.1 8053 2
	for place in "tcp 10.50.0.11 7001" "udp 10.50.0.11 7003" "tcp 172.30.0.1 7004" "tcp fd50::11 7001" \
		"tcp $(ip4_of neighbour) 7005" "tcp $(ip6_of neighbour) 7005"; do
		# shellcheck disable=SC2086 # three words
		run from neighbour $place
		assert_success
		# shellcheck disable=SC2086
		denied shy $place
	done
	run ! cloche exec shy ping -c 1 -W 1 10.50.0.11
	run -0 ping -c 1 -W 5 "$(ip4_of shy)"
	run -0 cloche exec shy getent hosts neighbour # names are the host's business
	# another network is no way around it
	cloche network create second >/dev/null
	cloche network connect second shy
	denied shy tcp 10.50.0.11 7001
	cloche rm -f shy
	cloche network rm second
}

@test "egress allow: places, ports, families and names" {
	cloche run -d --name one --egress allow=10.50.0.11:7001 --egress 'allow=[fd50::/64]:7002' host sleep 600
	run -0 from one tcp 10.50.0.11 7001
	denied one tcp 10.50.0.11 7002
	run -0 from one tcp fd50::11 7002
	denied one tcp fd50::11 7001
	denied one udp 10.50.0.11 7003
	cloche restart -t 0 one
	run -0 from one tcp 10.50.0.11 7001
	denied one tcp 10.50.0.11 7002
	cloche rm -f one
	(cat /etc/hosts; echo "10.50.0.11 lan.example") >hosts
	mount --bind hosts /etc/hosts
	cloche run -d --name named --egress allow=lan.example --egress allow=172.30.0.0/16 host sleep 600
	umount /etc/hosts
	run -0 from named tcp 10.50.0.11 7002
	run -0 from named udp 10.50.0.11 7003
	run -0 from named tcp "$(ip4_of neighbour)" 7005
	denied named tcp fd50::11 7001
	cloche rm -f named
}

@test "egress: what it cannot hold, and what is no place, is refused" {
	run -125 cloche run --rm --egress deny --cap-add NET_RAW host true
	assert_output --partial "--egress cannot hold a container with NET_RAW or NET_ADMIN; drop these capabilities"
	run -125 cloche run --rm --egress 10.0.0.0/8 host true
	assert_output --partial "invalid --egress 10.0.0.0/8: deny, or allow=CIDR|NAME[:PORT]"
	run -125 cloche run --rm --egress allow=10.0.0.0/8:no host true
	assert_output --partial "not a port"
	run -125 cloche run --rm --egress allow=nobody.invalid host true
	assert_output --partial "--egress allow=nobody.invalid:"
	run -125 cloche run --rm --egress deny --network none host true
	assert_output --partial "need a network of the container's own"
}

@test "bandwidth: both directions, each slower than without" {
	bridge=$(cloche network inspect -f '{{.Cloche.Link}}' bridge)
	cloche run -d --name slow --bandwidth in=4mbit,out=8mbit host sleep 600
	entry=slow${bridge#cloche0}
	link=$(ip -o link show master "$bridge" | grep -o 'slow-[0-9a-f]*' | head -n 1)
	run tc qdisc show dev "$link"
	assert_output --regexp 'tbf .*rate 4Mbit '
	run ip netns exec "$entry" tc qdisc show dev eth0
	assert_output --regexp 'tbf .*rate 8Mbit '
	# a megabyte takes two seconds and one: at least half of that must have gone by
	cat >pour.py <<-'END'
		import socket, sys, threading, time
		s = socket.create_server(("172.30.0.1", 7010))
		print(s.getsockname(), flush=True)
		for way in "in", "out":
		    c, _ = s.accept()
		    before = time.monotonic()
		    if way == "in":
		        c.sendall(bytes(1 << 20)); c.shutdown(1); c.recv(1)
		    else:
		        while c.recv(1 << 16): pass
		    print(way, time.monotonic() - before, flush=True)
	END
	background python3 pour.py
	until_true 20 sh -c 'ss -tln | grep -q 172.30.0.1:7010'
	run -0 cloche exec slow python3 -c '
import socket, time
before = time.monotonic()
s = socket.create_connection(("172.30.0.1", 7010))
while s.recv(1 << 16): pass
assert time.monotonic() - before > 1, "in"
s.close()
before = time.monotonic()
s = socket.create_connection(("172.30.0.1", 7010))
s.sendall(bytes(1 << 20)); s.shutdown(1)
s.recv(1)
assert time.monotonic() - before > 0.5, "out"'
	cloche rm -f slow
	run -125 cloche run --rm --bandwidth in=fast host true
	assert_output --partial "invalid --bandwidth in=fast"
	run -125 cloche run --rm --bandwidth out=1mbit --cap-add NET_ADMIN host true
	assert_output --partial "--bandwidth out= cannot hold a container"
}

@test "route: by a container that is a router, also after a restart" {
	cloche network create -o spoofing=allow --subnet 172.29.0.0/24 wires >/dev/null
	cloche run -d --name router --network wires --ip 172.29.0.9 --cap-add NET_ADMIN --sysctl net.ipv4.ip_forward=1 \
		host sh -c 'ip address add 10.9.0.1/32 dev lo; exec python3 -c "$1" serve tcp 7006 router' sh "$PEER"
	cloche run -d --name user --network wires --route "10.9.0.0/16 via 172.29.0.9" host sleep 600
	reached() { from user tcp 10.9.0.1 7006; }
	until_true 20 reached
	cloche restart -t 0 user
	run -0 from user tcp 10.9.0.1 7006
	run -0 cloche exec user ip route get 10.9.3.3
	assert_output --partial "via 172.29.0.9"
	cloche rm -f router user
	cloche network rm wires
	run -125 cloche run --rm --route "10.9.0.0/16 via 192.0.2.1" host true
	assert_output --partial "the gateway is on none of the container's networks"
	run -125 cloche run --rm --route "10.9.0.0/16 192.0.2.1" host true
	assert_output --partial 'invalid --route "10.9.0.0/16 192.0.2.1": "SUBNET via GATEWAY"'
}

# With its name, up, with its address, and its neighbour is reached by it.
wire1_is_back()
{
	run -0 ip -o -4 address show wire1
	assert_output --partial 10.54.0.2/24
	run -0 ip -o link show up
	assert_output --partial ' wire1@wire0'
	assert_equal "$(wire1_routes)" "$routes"
}
wire1_routes()
{
	# those by two links have no order among their ways, and iproute2 6.1 passes over them at "dev"
	{
		ip -d -4 route show table all dev wire1 proto static
		ip -d -6 route show table all dev wire1 proto static
		ip -4 route show 10.57.0.0/16
		ip -6 route show fd57::/48
	} | sort
}
sees_it_ended() { [ "$(cloche ps -a --filter name=wired --format '{{.State}}')" = exited ]; }

@test "network-device: a link of the host goes in, with its addresses, under another name" {
	ip link add wire0 type veth peer name wire1
	ip address add 10.54.0.1/24 dev wire0
	ip address add 10.54.0.2/24 dev wire1
	ip link set wire0 up
	ip link set wire1 up
	# a gateway that is found by another route, one on a link-local address, and a table of its own
	ip address add fd54::2/64 dev wire1 nodad
	ip route add 10.55.0.1 dev wire1 proto static
	ip route add 10.56.0.0/16 via 10.55.0.1 dev wire1 proto static metric 7 mtu 1400
	ip route add default via 10.54.0.1 dev wire1 proto static table 54 src 10.54.0.2
	ip -6 route add fd56::/48 via fe80::1 dev wire1 proto static metric 9
	# one by this link and another, which stays
	ip link add wire2 type veth peer name wire3
	ip address add 10.58.0.2/24 dev wire3
	ip address add fd58::2/64 dev wire3 nodad
	ip link set wire2 up
	ip link set wire3 up
	ip route add 10.57.0.0/16 proto static nexthop via 10.54.0.1 dev wire1 weight 3 nexthop via 10.58.0.1 dev wire3
	ip -6 route add fd57::/48 proto static nexthop via fd54::1 dev wire1 weight 5 nexthop via fd58::1 dev wire3
	routes=$(wire1_routes)
	[ "$(grep -c 'nexthop via .* dev wire[13]' <<<"$routes")" -ge 4 ]
	[ "$(grep -c 'weight [35]' <<<"$routes")" -ge 2 ]
	[ "$(wc -l <<<"$routes")" -ge 10 ]
	cloche run -d --name wired --network none --network-device wire1=eth7 host python3 -c "$PEER" serve tcp 7011 wired
	run ! ip link show wire1
	run -0 cloche exec wired ip -o -4 address show eth7
	assert_output --partial 10.54.0.2/24
	asked tcp 10.54.0.2 7011
	assert_equal "$answer" "10.54.0.1 wired"
	cloche rm -f wired
	wire1_is_back
	run -125 cloche run --rm --network none --network-device wire1 --network-device wire9 host true
	assert_output --partial "move network device wire9 into the container: No such device"
	wire1_is_back
	# by one that ends, and renames it before
	cloche run --rm --cap-add NET_ADMIN --network none --network-device wire1=eth7 host sh -c 'ip link set eth7 down && ip link set eth7 name hidden && ip link add eth7 type bridge'
	wire1_is_back
	cloche run -d --name wired --network none --network-device wire1 host sleep 600
	dir=$CLOCHE_RUN_ROOT/$(cloche inspect -f '{{.Id}}' wired)
	# shellcheck disable=SC2046 # three numbers
	kill -KILL $(sed -sn '1s, .*,,p' "$dir/monitor" "$dir/holder" "$dir/init")
	until_true 20 sees_it_ended
	wire1_is_back
	cloche rm wired
	run -125 cloche run --rm --network host --network-device lan0 host true
	assert_output --partial "--network-device needs a network namespace of the container's own"
	ip link show lan0 >/dev/null
	run -125 cloche run --rm --network-device a/b host true
	assert_output --partial "invalid --network-device a/b: LINK[=NAME]"
	ip link del wire2
	ip link del wire0 2>/dev/null || : # it went with its peer
}
