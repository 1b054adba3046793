# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What a kernel may lack modules for: VLAN links as parents, ipvlan in its three modes. The other host answers on VLANs 10, 20 and 30
# as well.
# guests: plain
. tests/vm/case.bash
. tests/vm/far.bash
modules "VLAN and ipvlan" 8021q macvlan ipvlan
engine_make
# serve NAME NETWORK ADDRESS [PROTO]: a container that answers at port 7000
serve() { timeout 120 cloche run -d --name "$1" --network "$2" --ip "$3" host python3 -c "$PEER" serve "${4:-tcp}" 7000 "$1" >/dev/null; }
ask_in() { timeout 60 cloche exec "$1" python3 -c "$PEER" ask tcp "$2" 7000 5; }
network() { timeout 60 cloche network create -d "$@" >/dev/null; }

far_begin
for id in 10 20 30; do
	ip -n far link add link wire name "wire.$id" type vlan id "$id"
	ip -n far address add "10.$id.0.11/24" dev "wire.$id"
	ip -n far link set "wire.$id" up
done

# -- VLAN parents -------------------------------------------------------------------------------

macvlan_tagged()
{
	network macvlan --parent eth1.10 --subnet 10.10.0.0/24 --gateway 10.10.0.11 ten && serve tenant ten 10.10.0.5 || return
	ip -d link show eth1.10 | grep -q 'vlan protocol 802.1Q id 10' && answered "10.10.0.11 tenant" far_peer ask tcp 10.10.0.5 7000 5
}
check "macvlan on eth1.10: the VLAN link is made, and the container is on that VLAN" macvlan_tagged
only_tagged()
{
	ip -n far link set wire.10 down
	! far_peer ask tcp 10.10.0.5 7000 2
	r=$?
	ip -n far link set wire.10 up
	return $r
}
check "and on no other" only_tagged
back() { far_peer serve tcp 7000 far & server=$!; answered "10.10.0.5 far" ask_in tenant 10.10.0.11; r=$?; kill $server; return $r; }
check "and reaches others there" back
kept() { gone tenant && cloche network rm ten && ip link show eth1.10; }
check "the VLAN link stays when the network goes" kept
ipvlan_tagged()
{
	network ipvlan --parent eth1.20 --subnet 10.20.0.0/24 --gateway 10.20.0.11 twenty && serve tenant twenty 10.20.0.5 || return
	answered "10.20.0.11 tenant" far_peer ask tcp 10.20.0.5 7000 5 && gone tenant && cloche network rm twenty
}
check "ipvlan on eth1.20" ipvlan_tagged
lan_tagged()
{
	! cloche network create -d lan --parent eth1.30 thirty && grep -q 'link eth1.30 has no IPv4 address' "$said" || return
	ip link add link eth1 name eth1.30 type vlan id 30 && ip address add 10.30.0.1/24 dev eth1.30 && ip link set eth1.30 up &&
		network lan --parent eth1.30 thirty && serve tenant thirty 10.30.0.5 || return
	answered "10.30.0.11 tenant" far_peer ask tcp 10.30.0.5 7000 5 && is "$(peer ask tcp 10.30.0.5 7000)" "10.30.0.1 tenant" &&
		gone tenant && cloche network rm thirty && ! ip neigh show proxy | grep 10.30
}
check "lan on eth1.30: an address of that VLAN; the host reaches it, too" lan_tagged
removed_parent()
{
	network macvlan --parent eth1.40 --subnet 10.40.0.0/24 forty && timeout 60 cloche run --rm --network forty host true && ip link show eth1.40 &&
		ip link del eth1.40 && timeout 60 cloche run --rm --network forty host ip -o -4 address show eth0 && grep -q 10.40.0. "$said" && cloche network rm forty
}
check "a VLAN link that was removed is made again" removed_parent
bad_id() { network macvlan --parent eth1.4095 --subnet 10.41.0.0/24 bad; ! timeout 60 cloche run --rm --network bad host true && cloche network rm bad; }
check "4095 is no VLAN" bad_id

# -- ipvlan -------------------------------------------------------------------------------------

layer2()
{
	network ipvlan --parent eth1 -o ipvlan_mode=l2 --subnet 10.50.0.0/24 --gateway 10.50.0.11 thin && serve one thin 10.50.0.5 && serve two thin 10.50.0.6 || return
	answered "10.50.0.11 one" far_peer ask tcp 10.50.0.5 7000 5 && answered "10.50.0.5 two" ask_in one 10.50.0.6 &&
		is "$(cloche exec one cat /sys/class/net/eth0/address)" "$(cat /sys/class/net/eth1/address)" &&
		cloche exec one ip route | grep '^default via 10.50.0.11'
}
check "ipvlan l2: one hardware address, neighbours and the LAN are reached, the gateway is the LAN's" layer2
apart() { ! peer ask tcp 10.50.0.5 7000 2; }
check "the host is not, as with Docker" apart
driver() { is "$(cloche network inspect -f '{{.Driver}} {{.Options.ipvlan_mode}} {{.Options.parent}}' thin)" "ipvlan l2 eth1"; }
check "network inspect tells mode and parent" driver
check "that is removed" gone one two
cloche network rm thin
layer3()
{
	network ipvlan --parent eth1 -o ipvlan_mode="$1" --subnet 10.61.0.0/24 deep && serve one deep 10.61.0.5 && serve two deep 10.61.0.6 || return
	ip -n far route replace 10.61.0.0/24 via 10.50.0.1
	answered "10.50.0.11 one" far_peer ask tcp 10.61.0.5 7000 5 && answered "10.61.0.5 two" ask_in one 10.61.0.6 &&
		cloche exec one ip route | grep '^default dev eth0' && cloche exec one ip link show eth0 | grep NOARP
	r=$?
	gone one two
	cloche network rm deep
	return $r
}
check "ipvlan l3: the host routes; the gateway is the link itself, no ARP" layer3 l3
check "ipvlan l3s" layer3 l3s
unknown() { ! cloche network create -d ipvlan --parent eth1 -o ipvlan_mode=l4 --subnet 10.62.0.0/24 odd && grep -q 'invalid ipvlan_mode: l4' "$said"; }
check "another mode is refused" unknown

# Each link has the parent's hardware address: the server tells containers apart by the client identifier.
dhcp_start()
{
	printf '%s\n' 'start 10.50.0.100' 'end 10.50.0.120' 'interface wire' 'lease_file /tmp/udhcpd.leases' 'pidfile /tmp/udhcpd.pid' \
		'option subnet 255.255.255.0' 'option router 10.50.0.11' 'option lease 60' >/tmp/udhcpd.conf
	: >/tmp/udhcpd.leases
	far busybox udhcpd /tmp/udhcpd.conf
	network ipvlan --parent eth1 --ipam-driver dhcp --subnet 10.50.0.0/24 --gateway 10.50.0.11 given
}
given() { cloche exec "$1" ip -o -4 address show eth0 | awk '{ sub("/.*", "", $4); print $4 }'; }
dhcp_given()
{
	local name

	for name in one two; do
		timeout 120 cloche run -d --name $name --network given host python3 -c "$PEER" serve tcp 7000 $name >/dev/null || return
	done
	[[ $(given one) == 10.50.0.1[0-2]? && $(given two) == 10.50.0.1[0-2]? && $(given one) != "$(given two)" ]] &&
		answered "10.50.0.11 one" far_peer ask tcp "$(given one)" 7000 5 && answered "10.50.0.11 two" far_peer ask tcp "$(given two)" 7000 5 &&
		answered "$(given one) two" ask_in one "$(given two)" && cloche exec two ip route | grep '^default via 10.50.0.11'
}
dhcp_kept()
{
	local before

	before=$(given two)
	cloche stop -t 0 two && cloche start two && is "$(given two)" "$before" && answered "10.50.0.11 two" far_peer ask tcp "$before" 7000 5
}
# A lease of 60 seconds is to be renewed after 30; one that nobody answers about is asked for again after 11.
due() { cat "$CLOCHE_RUN_ROOT/$(cloche inspect -f '{{.Id}}' one)/lease"; }
dhcp_renewed()
{
	local before tries=0

	before=$(due)
	until [ "$(due)" -ge $((before + 25)) ]; do
		[ $((tries += 1)) -lt 90 ] || { due; return 1; }
		sleep 1
	done
	answered "10.50.0.11 one" far_peer ask tcp "$(given one)" 7000 5
}
dhcp_refused()
{
	network ipvlan --parent eth1 -o ipvlan_mode=l3 --subnet 10.61.0.0/24 deep
	! cloche run --rm --network deep --ip dhcp host true && grep -q 'use ipvlan_mode=l2' "$said"
	r=$?
	cloche network rm deep
	return $r
}
check "ipvlan with DHCP: a server of the LAN is there" dhcp_start
check "two containers with one hardware address are given two addresses, and reached" dhcp_given
check "and keep them over a stop" dhcp_kept
check "the keeper renews them" dhcp_renewed
check "in layer 3 DHCP is refused with its reason" dhcp_refused
gone one two
kill "$(cat /tmp/udhcpd.pid)"
far_end
