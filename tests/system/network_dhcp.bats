#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Addresses that a DHCP server of the LAN gives: asked for, kept, renewed, taken back, given back.
# shellcheck disable=SC2154,SC2016 # answer comes from asked; the scripts are for a shell below

load helper
load network_helper

setup_file()
{
	cloche_setup_file
	skip_unless_program dnsmasq
	other_host lan 11
	other_host far 12
	leases=$BATS_FILE_TMPDIR/leases
	export leases
	server_start 10.50.0.100,10.50.0.120
	cloche network create -d lan --parent lan0 house >/dev/null
	# nobody serves there, which takes its time to be found out
	ip link add dead0 type bridge
	ip address add 10.60.0.1/24 dev dead0
	ip link set dead0 up
	cloche network create -d lan --parent dead0 dead >/dev/null
	{ cloche run --rm --network dead --ip dhcp host true || echo "status $?"; } >"$BATS_FILE_TMPDIR/dead" 2>&1 3>&- &
	echo $! >>"$BATS_FILE_TMPDIR/background"
}

teardown_file()
{
	server_stop
	[ ! -e "$BATS_FILE_TMPDIR/dead" ] || until_true 40 grep -q status "$BATS_FILE_TMPDIR/dead" || :
	network_cleanup lan far
	ip link del dead0 || :
	! [ -e /sys/class/net/wire0 ] || ip link del wire0
	cloche_teardown_file
}

# server_start RANGE [OPTION...]: a lease lasts two minutes, and is to be renewed after three seconds
server_start()
{
	local range=$1

	shift
	ip netns exec lan dnsmasq --conf-file=/dev/null --port=0 --interface=eth0 --bind-interfaces --no-ping \
		--dhcp-range="$range,2m" --dhcp-option=option:T1,3 --dhcp-option=3,10.50.0.11 --dhcp-authoritative \
		--dhcp-leasefile="$leases" --pid-file="$BATS_FILE_TMPDIR/dnsmasq.pid" --log-dhcp \
		--log-facility="$BATS_FILE_TMPDIR/dnsmasq.log" "$@" 3>&-
}

server_stop()
{
	local pid

	pid=$(cat "$BATS_FILE_TMPDIR/dnsmasq.pid" 2>/dev/null) || return 0
	kill "$pid" 2>/dev/null || :
	gone() { ! [ -e "/proc/$pid/exe" ]; }
	until_true 20 gone
}

said() { grep -c "$1" "$BATS_FILE_TMPDIR/dnsmasq.log"; }
released() { ! grep -q " $1 " "$leases"; }
# more WORDS COUNT: the server has said so more often than that
more() { [ "$(said "$1")" -gt "$2" ]; }

@test "--ip dhcp on a lan: an address of the server's, known by its name there, and reached" {
	serve web --network house --ip dhcp --hostname webhost -- tcp 7000
	address=$(ip4_of web house)
	[[ $address == 10.50.0.1[0-2]? ]]
	grep -q " $address webhost " "$leases"
	assert_equal "$(cloche exec web ip -o -4 address show eth0 | awk '{ print $4 }')" "$address/24"
	asked tcp "$address" 7000
	assert_equal "$answer" "10.50.0.1 web"
	assert_equal "$(at far peer ask tcp "$address" 7000)" "10.50.0.12 web"
	assert_equal "$(cloche inspect -f '{{.NetworkSettings.Networks.house.IPAMConfig.IPv4Address}}' web)" dhcp
}

@test "the keeper renews it" {
	cloche system keeper --status
	before=$(said 'DHCPREQUEST.*10.50.0.1')
	until_true 30 more 'DHCPACK.*10.50.0.1' "$before"
	assert_equal "$(at far peer ask tcp "$(ip4_of web house)" 7000)" "10.50.0.12 web"
}

@test "a stop keeps the lease: the next start has the same address" {
	address=$(ip4_of web house)
	cloche stop -t 0 web
	grep -q " $address " "$leases"
	cloche start web
	assert_equal "$(ip4_of web house)" "$address"
	asked tcp "$address" 7000
}

@test "a server that takes it back: the container gets another one while it runs" {
	address=$(ip4_of web house)
	server_stop
	rm -f "$leases"
	server_start 10.50.0.130,10.50.0.140
	other() { [[ $(ip4_of web house) == 10.50.0.1[34]? ]]; }
	until_true 40 other || { cat "$BATS_FILE_TMPDIR/dnsmasq.log"; false; }
	now=$(ip4_of web house)
	[ "$(said DHCPNAK)" -gt 0 ]
	assert_equal "$(cloche exec web ip -o -4 address show eth0 | awk '{ print $4 }')" "$now/24"
	assert_equal "$(cloche exec web awk '/webhost/ { print $1 }' /etc/hosts)" "$now"
	asked tcp "$now" 7000
	assert_equal "$(at far peer ask tcp "$now" 7000)" "10.50.0.12 web"
	assert_equal "$(cloche exec web python3 -c "$PEER" ask tcp "$now" 7000)" "$now web"
	ip neigh show proxy | grep -q "$now"
	run ip neigh show proxy
	refute_output --partial "$address"
}

@test "the removal gives it back" {
	address=$(ip4_of web house)
	cloche rm -f web
	until_true 20 released "$address"
	[ "$(said 'DHCPRELEASE')" -gt 0 ]
	run ip neigh show proxy
	refute_output --partial "$address"
}

@test "an address that another host has is declined, and the next one taken" {
	# dnsmasq gives a host of its list this one first
	server_stop
	rm -f "$leases"
	server_start 10.50.0.150,10.50.0.159 --dhcp-host=02:42:0a:32:00:99,10.50.0.12
	run -0 cloche run --rm --network house --ip dhcp --mac-address 02:42:0a:32:00:99 host ip -o -4 address show eth0
	assert_output --partial 10.50.0.15
	[ "$(said 'DHCPDECLINE')" -gt 0 ]
}

@test "macvlan without a subnet: --ipam-driver dhcp gives all that a container needs" {
	cloche network create -d macvlan --parent lan-far --ipam-driver dhcp no >/dev/null
	cloche network rm no
	ip link add wire0 type veth peer name wire1
	ip link set wire1 master lan0 up
	ip link set wire0 up
	cloche network create -d macvlan --parent wire0 --ipam-driver dhcp wire >/dev/null
	serve plugged --network wire -- tcp 7000
	address=$(ip4_of plugged wire)
	[[ $address == 10.50.0.15? ]]
	asked tcp "$address" 7000
	assert_equal "$(at far peer ask tcp "$address" 7000)" "10.50.0.12 plugged"
	assert_equal "$(cloche exec plugged ip -o -4 route show default | awk '{ print $3 }')" 10.50.0.11
	before=$(said "DHCPACK.*$address")
	until_true 30 more "DHCPACK.*$address" "$before"
	cloche rm -f plugged
	until_true 20 released "$address"
	cloche network rm wire
	ip link del wire0
}

@test "where no server is to be asked, the reason is told" {
	run -125 cloche run --rm --ip dhcp host true
	assert_output --partial "network bridge is not on a LAN"
	run -1 cloche network create --ipam-driver dhcp odd
	assert_output --partial "--ipam-driver dhcp is for networks of driver lan, macvlan or ipvlan"
	until_true 40 grep -q status "$BATS_FILE_TMPDIR/dead"
	run cat "$BATS_FILE_TMPDIR/dead"
	assert_output --partial "no DHCP server answers on link dead0; give an address of its network with --ip"
	assert_output --partial "status 125"
}
