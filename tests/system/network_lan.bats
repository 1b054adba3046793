#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Containers with addresses of the host's LAN: the driver lan, and macvlan.
# shellcheck disable=SC2154,SC2016 # answer comes from asked; the scripts are for the container

load helper
load network_helper

setup_file()
{
	cloche_setup_file
	other_host lan 11
	other_host far 12
}

teardown_file()
{
	network_cleanup lan far
	cloche_teardown_file
}

@test "lan: other hosts and the host reach the container by its own address, and it them" {
	cloche network create -d lan --parent lan0 --ip-range 10.50.0.96/28 house >/dev/null
	serve tenant --network house --ip 10.50.0.77 -- tcp 7000
	background at lan peer serve tcp 7001
	asked tcp 10.50.0.77 7000
	assert_equal "$answer" "10.50.0.1 tenant"
	assert_equal "$(at lan peer ask tcp 10.50.0.77 7000)" "10.50.0.11 tenant"
	asked tcp 10.50.0.11 7001
	assert_equal "$(cloche exec tenant python3 -c "$PEER" ask tcp 10.50.0.11 7001)" 10.50.0.77
	# addresses of its own range are given without --ip, and containers reach each other
	run cloche run --rm --network house host sh -c 'ip -o -4 address show eth0; python3 -c "$1" ask tcp 10.50.0.77 7000' sh "$PEER"
	assert_success
	assert_output --partial 10.50.0.96/24
	assert_output --partial "10.50.0.96 tenant"
	ip neigh show proxy | grep -q 10.50.0.77
	cloche rm -f tenant
	run ip neigh show proxy
	refute_output --partial 10.50.0
	run at lan ping -c 1 -W 1 10.50.0.77
	assert_failure
}

# On a host of the LAN: a frame of ARP goes out, and what comes back about the address is printed within 2 s,
# or that which is waited for, a KIND, within 30. arp SENDER TARGET [KIND]: "HARDWARE-ADDRESS KIND"
ARP='
import socket, struct, sys, time
sender, target = (socket.inet_aton(a) for a in sys.argv[1:3])
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
s.bind(("eth0", 0x0806))
own = s.getsockname()[4]
head = b"\xff" * 6 + own + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1)
s.send(head + own + sender + bytes(6) + target)
end = time.monotonic() + (30 if sys.argv[3:] else 2)
while time.monotonic() < end:
    s.settimeout(max(0.01, end - time.monotonic()))
    try:
        f = s.recv(64)
    except TimeoutError:
        break
    kind = "answer" if f[21] == 2 else "claim"
    if f[28:32] == target and f[22:28] != own and kind in (sys.argv[3:] or [kind]):
        print(f[22:28].hex(":"), kind)
        break
'
arp() { at far python3 -c "$ARP" "$@"; }

@test "lan: the address is defended: against who asks whether it is free, and against who claims it" {
	serve held --network house --ip 10.50.0.79 -- tcp 7000
	mac=$(ip -o link show lan0 | grep -o 'link/ether [^ ]*' | cut -d ' ' -f 2)
	cloche system keeper --status
	defended() { [ "$(arp 0.0.0.0 10.50.0.79)" = "$mac answer" ]; }
	until_true 20 defended
	assert_equal "$(arp 10.50.0.79 10.50.0.79 claim)" "$mac claim"
	# another container is refused it, as any host would be
	run -125 cloche run --rm --network house --ip 10.50.0.12 host true
	assert_output --partial "in use on the LAN"
	cloche rm -f held
	free() { [ -z "$(arp 0.0.0.0 10.50.0.79)" ]; }
	until_true 20 free
}

@test "lan: a container leaves it and joins it while it runs, and the host answers accordingly" {
	serve moved -- tcp 7000
	cloche network connect --ip 10.50.0.80 house moved
	asked tcp 10.50.0.80 7000
	assert_equal "$(at far peer ask tcp 10.50.0.80 7000)" "10.50.0.12 moved"
	# what others forbid since, or before, is let by for its link, and nothing of that stays
	rules() { iptables -S FORWARD | grep -c -- 'cloche: moved-' || :; }
	iptables -P FORWARD DROP
	run ! cloche network doctor -q moved 10.50.0.11:7001
	assert_output --regexp "FORWARD drops what is for moved-[0-9a-f]+: .*; type: cloche network reload"
	cloche network reload
	assert_equal "$(at far peer ask tcp 10.50.0.80 7000 20)" "10.50.0.12 moved"
	assert_equal "$(rules)" 2
	cloche network disconnect house moved
	assert_equal "$(rules)" 0
	cloche network connect --ip 10.50.0.80 house moved
	assert_equal "$(rules)" 2
	assert_equal "$(at far peer ask tcp 10.50.0.80 7000 20)" "10.50.0.12 moved"
	cloche stop -t 0 moved
	assert_equal "$(rules)" 0
	cloche start moved
	assert_equal "$(rules)" 2
	asked tcp 10.50.0.80 7000
	cloche network disconnect house moved
	run ip neigh show proxy
	refute_output --partial 10.50.0.80
	cloche rm -f moved
	assert_equal "$(rules)" 0
	nft delete table ip filter
}

@test "lan: the same by IPv6, for an address that was asked for" {
	serve six --network house --ip 10.50.0.78 --ip6 fd50::78 -- tcp 7000
	asked tcp fd50::78 7000
	assert_equal "$answer" "fd50::1 six"
	from_lan() { answer=$(at lan peer ask tcp fd50::78 7000 2 2>/dev/null); }
	until_true 20 from_lan
	assert_equal "$answer" "fd50::11 six"
	assert_equal "$(at lan peer ask tcp 10.50.0.78 7000)" "10.50.0.11 six"
	asked tcp fd50::11 7001
	assert_equal "$(cloche exec six python3 -c "$PEER" ask tcp fd50::11 7001)" fd50::78
	run -0 cloche network doctor -q six '[fd50::11]:7001'
	mac=$(at far cat /sys/class/net/eth0/address)
	run -125 cloche run --rm --network house --ip6 fd50::12 host true
	assert_output --partial "address fd50::12 is in use on the LAN, by $mac; choose another one with --ip6"
	cloche rm -f six
	run ip -6 neigh show proxy
	refute_output --partial fd50::
	run ! at lan ping -c 1 -W 1 fd50::78
}

@test "lan: an address that somebody has is refused, with his hardware address" {
	mac=$(at far cat /sys/class/net/eth0/address)
	run cloche run --rm --network house --ip 10.50.0.12 host true
	assert_failure 125
	assert_output --partial "address 10.50.0.12 is in use on the LAN, by $mac"
	run cloche run --rm --network house --ip 10.60.0.12 host true
	assert_failure 125
	assert_output --partial "is not of network house, 10.50.0.0/24"
	cloche network create -d lan --parent lan0 bare >/dev/null
	run cloche run --rm --network bare host true
	assert_failure 125
	assert_output --partial "has no --ip-range"
	cloche network rm bare house
	ip link show lan0 >/dev/null
}

@test "macvlan: a link of the parent's, on the LAN by itself" {
	cloche network create -d macvlan -o parent=lan-lan --subnet 10.50.0.0/24 --gateway 10.50.0.1 no >/dev/null
	cloche network rm no
	ip link add wire0 type veth peer name eth1 netns far
	ip link set wire0 up
	ip -n far address add 10.51.0.9/24 dev eth1
	ip -n far link set eth1 up
	cloche network create -d macvlan --parent wire0 --subnet 10.51.0.0/24 --gateway 10.51.0.9 wire >/dev/null
	serve plugged --network wire --ip 10.51.0.20 -- tcp 7000
	from_far() { answer=$(at far peer ask tcp 10.51.0.20 7000 2 2>/dev/null); }
	until_true 20 from_far
	assert_equal "$answer" "10.51.0.9 plugged"
	# the host is another matter
	ip address add 10.51.0.1/24 dev wire0
	run ! peer ask tcp 10.51.0.20 7000 0.5
	cloche rm -f plugged
	cloche network rm wire
	cloche network create -d macvlan --parent wire0 --host-access --subnet 10.51.0.0/24 --gateway 10.51.0.9 wire >/dev/null
	serve plugged --network wire --ip 10.51.0.21 -- tcp 7000
	asked tcp 10.51.0.21 7000
	assert_equal "$answer" "10.51.0.1 plugged"
	background peer serve tcp 7008
	until_true 20 peer ask tcp 10.51.0.1 7008
	assert_equal "$(cloche exec plugged python3 -c "$PEER" ask tcp 10.51.0.1 7008)" 10.51.0.21
	assert_equal "$(at far peer ask tcp 10.51.0.21 7000)" "10.51.0.9 plugged"
	cloche rm -f plugged
	run ip route get 10.51.0.21
	refute_output --partial cl-h
	cloche network rm wire
	run ip -o link show
	refute_output --partial cl-h
	run -1 cloche network create --host-access odd
	assert_output --partial "--host-access is for the driver macvlan"
	ip link del wire0
	run cloche network create -d macvlan --subnet 10.51.0.0/24 orphan
	assert_failure
	assert_output --partial "needs a parent"
	run cloche network create -d lan --parent nosuch0 orphan
	assert_failure
	assert_output --partial "link nosuch0 has no IPv4 address"
}

@test "ipvlan and VLAN parents: made by the kernel, or told what it lacks" {
	run -1 cloche network create -d ipvlan --parent lan0 -o ipvlan_mode=odd --subnet 10.52.0.0/24 odd
	assert_output --partial "invalid ipvlan_mode: odd"
	cloche network create -d ipvlan --parent lan0 --subnet 10.52.0.0/24 thin >/dev/null
	if ip link add link lan0 name probe0 type ipvlan 2>/dev/null; then
		ip link del probe0
		run -0 cloche run --rm --network thin host ip -o -4 address show eth0
		assert_output --partial 10.52.0.
	else
		run -125 cloche run --rm --network thin host true
		assert_output --partial "the kernel needs the module ipvlan"
	fi
	cloche network rm thin
	cloche network create -d macvlan --parent lan-lan.10 --subnet 10.53.0.0/24 tagged >/dev/null
	if ip link add link lan-lan name probe0 type vlan id 11 2>/dev/null; then
		ip link del probe0
		run -0 cloche run --rm --network tagged host ip -o -4 address show eth0
		assert_output --partial 10.53.0.
		ip link del lan-lan.10
	else
		run -125 cloche run --rm --network tagged host true
		assert_output --partial "make the VLAN link lan-lan.10: "
		assert_output --partial "the kernel needs 8021q"
	fi
	cloche network rm tagged
}
