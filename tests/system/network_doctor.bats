#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# network doctor: names the cause of a broken set-up, one at a time and two at once, and says what repairs it: where that is a command, it is typed
# here as it stands, until nothing is wrong.
# shellcheck disable=SC2154 # output comes from run

load helper
load network_helper

setup_file()
{
	cloche_setup_file
	other_host lan 11
	background at lan peer serve tcp 80
	serve web --stop-timeout 1 -p 8080:70 -- tcp 70
	bridge=$(cloche network inspect -f '{{.Cloche.Link}}' bridge)
	export bridge entry="web${bridge#cloche0}" table="cloche${bridge#cloche0}"
	until_true 20 sh -c 'ip netns exec lan ss -tln | grep -q :80'
	asked tcp 127.0.0.1 8080
}

teardown_file()
{
	network_cleanup lan
	cloche_teardown_file
}

inside() { ip -n "$entry" "$@"; }
# The other end of its eth0: one of an earlier start may be there as long as somebody has that namespace.
veth()
{
	local index

	index=$(inside -o link show eth0 | sed 's/.*eth0@if\([0-9]*\):.*/\1/')
	ip -o link show master "$bridge" | sed -n "s/^$index: \(web-[0-9a-f]*\)@.*/\1/p"
}
doctor() { run cloche network doctor -q web "${target-10.50.0.11:80}"; }

# says_one_of WORDS...: the verdict is one of these
says_one_of()
{
	local words

	for words; do
		[[ $output != *"$words"* ]] || return 0
	done
	fail "verdict: $output" "wanted one of: $*"
}

# treated WORDS...: the doctor names one of these, and what it says to type repairs it; again until nothing is wrong, which takes at least as
# many rounds as there are WORDS, but for those that one command repairs together.
treated()
{
	local round

	for round in 1 2 3 4; do
		doctor
		[ "$status" -ne 0 ] || break
		says_one_of "$@"
		eval "${output##*; type: }"
	done
	assert_output "nothing is wrong"
	[ "$round" -gt 1 ] || fail "nothing was found"
}

# told WORDS [REPAIR...]: named, where no command can repair it
told()
{
	local words=$1

	shift
	doctor
	assert_failure 1
	assert_output --partial "$words"
	"$@"
}

@test "a sound one: nothing is wrong, there, back, and around it" {
	doctor
	assert_success
	assert_output "nothing is wrong"
	run cloche network doctor web 10.50.0.11:80
	assert_success
	assert_output --regexp 'ok +route +to 10.50.0.11 via 172.30.0.1 by eth0'
	assert_output --regexp "ok +firewall +passed .*inet $table forward"
	run cloche network doctor web '[fd50::11]:80'
	assert_success
	run cloche network doctor -q web
	assert_output "nothing is wrong"
	run cloche network doctor -q web nonsense
	assert_failure 2
	assert_output --partial "nonsense is not HOST:PORT"
}

@test "firewalls: rules of ip6tables-legacy" {
	skip_unless_program ip6tables-legacy
	target='[fd50::11]:80'
	ip6tables-legacy -A FORWARD -d fd50::11 -p tcp -m multiport --dports 80,443 -j REJECT
	treated "web to [fd50::11]:80: dropped by a rule of ip6tables-legacy, table filter: -A FORWARD -d fd50::11/128"
	ip6tables-legacy -F
}

@test "the container: not running, paused, its link, address and routes" {
	cloche pause web
	treated "container web is paused"
	inside link set eth0 down
	treated "link eth0 is down" "default route is gone"
	inside address del "$(ip4_of web)/16" dev eth0
	treated "is not on its link eth0" "default route is gone"
	inside route del default
	treated "default route is gone"
	inside route add blackhole 10.50.0.11
	told "a route in the container refuses packets to 10.50.0.11" inside route del blackhole 10.50.0.11
	inside link set eth0 mtu 9000
	treated "its eth0 has mtu 9000"
	inside neigh replace 172.30.0.1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent
	treated "a wrong address for the gateway 172.30.0.1 in the container: 02:00:00:00:00:01"
	cloche restart -t 0 web # a link that was down has lost its IPv6 address
}

@test "the host's side of it: link, bridge, gateway, table, forwarding" {
	ip link set "$(veth)" down
	treated "is down"
	ip link set "$(veth)" nomaster
	treated "is not on the bridge $bridge"
	ip link set "$bridge" down
	treated "the bridge $bridge is down"
	ip address del 172.30.0.1/16 dev "$bridge"
	treated "the gateway's address 172.30.0.1 is not on the bridge"
	nft delete table inet "$table"
	treated "the nftables table inet $table was flushed"
	sysctl -q net.ipv4.ip_forward=0
	treated "the host does not forward IPv4 packets"
	sysctl -q "net.ipv4.conf.$bridge.forwarding=0"
	treated "the host does not forward IPv4 packets of $bridge"
	doctor
	assert_success
}

@test "the way out: no route, a link that is down, a neighbour that is silent" {
	target=10.77.0.1:80 told "the host has no route to 10.77.0.1"
	ip link set lan0 down
	treated "the host's link lan0, the way to 10.50.0.11, is down"
	target=10.50.0.99:80 told "the host 10.50.0.99 does not answer the host on lan0"
	ip route add 10.77.0.0/24 via 10.50.0.98
	target=10.77.0.1:80 told "the router 10.50.0.98 does not answer the host on lan0" ip route del 10.77.0.0/24
}

@test "firewalls: rules and policies of every table, there and back, and the other host's" {
	nft add table inet theirs
	nft add chain inet theirs passing '{ type filter hook forward priority 7; }'
	nft add rule inet theirs passing ip daddr 10.50.0.11 drop
	treated "web to 10.50.0.11:80: dropped by a rule of the firewall, table inet theirs, chain passing, rule handle"
	nft add rule inet theirs passing ip saddr 10.50.0.11 counter reject
	treated "the answer of web to 10.50.0.11:80: dropped by a rule of the firewall, table inet theirs, chain passing"
	nft delete table inet theirs
	nft add table ip early
	nft add chain ip early pre '{ type filter hook prerouting priority -310; }'
	nft add rule ip early pre tcp dport 80 drop
	treated "table ip early, chain pre, rule handle"
	nft add chain ip early pre '{ policy drop; }'
	told "the chain's policy is drop, table ip early, chain pre" nft delete table ip early
	iptables -A FORWARD -d 10.50.0.11 -j DROP
	treated "table ip filter, chain FORWARD, rule handle"
	iptables -P FORWARD DROP
	treated "iptables' chain FORWARD drops what is for $bridge"
	iptables -P FORWARD ACCEPT
	at lan nft add table ip own
	at lan nft add chain ip own in '{ type filter hook input priority 0; policy drop; }'
	at lan nft add rule ip own in icmp type echo-request accept
	told "web to 10.50.0.11:80: the packets leave by lan0 and no answer comes back" at lan nft delete table ip own
	ip netns exec "$entry" nft add table ip own
	ip netns exec "$entry" nft add chain ip own out '{ type filter hook output priority 0; policy drop; }'
	told "the packets do not come out of the container: its own firewall" ip netns exec "$entry" nft delete table ip own
	target=10.50.0.11:81 told "all the way is sound, and nobody listens at that port"
}

@test "firewalls: the old iptables-legacy, and a bridge's own tables" {
	skip_unless_program iptables-legacy ebtables
	iptables-legacy -A FORWARD -d 10.50.0.11 -p tcp --dport 80 -j DROP
	treated "web to 10.50.0.11:80: dropped by a rule of iptables-legacy, table filter: -A FORWARD -d 10.50.0.11/32 -p tcp -m tcp --dport 80 -j DROP"
	iptables-legacy -P FORWARD DROP
	treated "dropped by a rule of iptables-legacy, table filter: -P FORWARD DROP"
	iptables-legacy -t raw -A PREROUTING -s 10.50.0.11 -p tcp -j DROP
	treated "dropped by a rule of iptables-legacy, table raw: -A PREROUTING -s 10.50.0.11/32 -p tcp -j DROP"
	nft add table bridge theirs
	nft add chain bridge theirs pre '{ type filter hook prerouting priority 0; }'
	nft add rule bridge theirs pre tcp dport 80 drop
	treated "web to 10.50.0.11:80: dropped by a rule of the firewall, table bridge theirs, chain pre, rule handle"
	nft delete table bridge theirs
	ebtables -A OUTPUT -p IPv4 --ip-source 10.50.0.11 -j DROP
	treated "the answer of web to 10.50.0.11:80: dropped by a rule of the firewall, table bridge filter, chain OUTPUT, rule handle"
	# two at once
	iptables-legacy -A FORWARD -d 10.50.0.11 -p tcp --dport 80 -j DROP
	ebtables -A INPUT -p IPv4 --ip-destination 10.50.0.11 -j DROP
	treated "table bridge filter, chain INPUT, rule handle" "dropped by a rule of iptables-legacy"
	iptables-legacy -F
	iptables-legacy -t raw -F
	ebtables -F
}

@test "the path: large packets are lost and nobody says so, or a router says so" {
	nft add table inet tunnel
	nft add chain inet tunnel passing '{ type filter hook forward priority 7; }'
	nft add rule inet tunnel passing ip daddr 10.50.0.11 meta length '>' 1400 drop
	treated "packets of more than 1400 bytes are lost on the way to 10.50.0.11 or back, and no router says so"
	nft delete table inet tunnel
	ip -n "$entry" link set eth0 mtu 1500
	# a link that takes less, whose router is heard, is no fault
	ip link set lan0 mtu 1400
	run -0 cloche network doctor web 10.50.0.11:80
	assert_output --partial "a router on the way to 10.50.0.11 takes less than 1500 bytes, and says so"
	ip link set lan0 mtu 1500
}

@test "networks: apart, internal, none, and what the container may not ask for" {
	cloche network create apart >/dev/null
	cloche network create --internal shut >/dev/null
	serve stranger --network apart -- tcp 80
	cloche run -d --name shut-in --network shut host sleep 600
	cloche run -d --name alone --network none host sleep 600
	target="$(ip4_of stranger apart):80" told "Cloche keeps networks apart"
	run cloche network doctor -q shut-in 10.50.0.11:80
	assert_failure 1
	assert_output --partial "its networks are internal"
	run cloche network doctor -q alone 10.50.0.11:80
	assert_output --partial "has no network (--network none)"
	cloche run -d --name kept-in --egress deny --egress allow=10.50.0.11:80 host sleep 600
	run cloche network doctor -q kept-in 10.50.0.11:80
	assert_output "nothing is wrong"
	run cloche network doctor -q kept-in 10.50.0.11:81
	assert_failure 1
	assert_output --partial "the container's --egress denies it; type: cloche recreate kept-in --egress deny --egress allow=10.50.0.11:80 --egress allow=10.50.0.11:81"
	cloche rm -f stranger shut-in alone kept-in
	cloche network rm apart shut
}

@test "names: a name server that was killed, and one that knows nothing" {
	background peer serve tcp 6001
	until_true 20 peer ask tcp 172.30.0.1 6001
	target=host.cloche.internal:6001
	doctor
	assert_success
	killed "$(pgrep -f "cloche-resolve .*$CLOCHE_RUN_ROOT/resolve.sock")"
	treated "cloche-resolve was killed"
	target=nobody.invalid:80 told "the host's name servers do not answer for nobody.invalid"
}

@test "published ports: nobody listens, at localhost alone, its holder killed, its element gone" {
	unset target
	doctor() { run cloche network doctor -q "${who:-web}"; }
	doctor
	[ "$status" -eq 0 ] || treated "the gateway's address fd" # a bridge that was down has lost it
	until_true 20 cloche exec web sh -c 'ss -tln | grep -q :70' # after the restart above
	killed "$(cut -d ' ' -f 1 "$CLOCHE_RUN_ROOT/$(cloche inspect -f '{{.Id}}' web)/publish")"
	treated "its cloche-publish was killed"
	run -0 peer ask tcp ::1 8080
	nft delete element inet "$table" published4 '{ tcp . 8080 }'
	treated "its element is gone from the nftables table"
	# what other hosts send, which a trace from here does not see
	iptables -I FORWARD -o "$bridge" -p tcp --dport 70 -m conntrack --ctstate NEW -j DROP
	treated "chain FORWARD, rule handle"
	cloche run -d --name idle -p 8090:90 host sleep 600
	who=idle told "nobody in the container listens there"
	cloche exec -d idle python3 -c 'import socket, time
s = socket.create_server(("127.0.0.1", 90)); time.sleep(600)'
	until_true 20 cloche exec idle sh -c 'ss -tln | grep -q :90'
	who=idle told "the server in the container listens at its localhost alone"
	cloche rm -f idle
	cloche stop -t 0 web
	told "container web is not running" cloche start web
}

@test "two at once: each of them is named, and after both nothing is wrong" {
	until_true 20 peer ask tcp 127.0.0.1 8080
	ip link set "$bridge" down
	nft add table inet theirs
	nft add chain inet theirs passing '{ type filter hook forward priority 7; }'
	nft add rule inet theirs passing ip daddr 10.50.0.11 drop
	treated "the bridge $bridge is down" "chain passing, rule handle"
	sysctl -q net.ipv4.ip_forward=0
	inside route del default
	treated "default route is gone" "does not forward IPv4 packets"
	inside neigh replace 172.30.0.1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent
	nft add rule inet theirs passing ip saddr 10.50.0.11 drop
	treated "a wrong address for the gateway" "the answer of web to 10.50.0.11:80: dropped"
	ip address del 172.30.0.1/16 dev "$bridge"
	nft delete table inet "$table"
	treated "the gateway's address" "was flushed"
	cloche pause web
	ip link set "$(veth)" down
	treated "is paused" "is down"
}
