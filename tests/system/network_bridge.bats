#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2154,SC2016 # answer comes from asked; the scripts are for the container's shell
# The default network: addresses, ways out and in, names on the host, what comes back.

load helper
load network_helper

setup_file()
{
	cloche_setup_file
	other_host lan 11
	at lan ip route add default via 10.50.0.1
}

teardown_file()
{
	network_cleanup lan
	cloche_teardown_file
}

@test "a container is on the network bridge, with both families and a way out" {
	run cloche run --rm host sh -c 'ip -o address show eth0; ip route; ip -6 route'
	assert_success
	assert_output --regexp 'inet 172\.30\.0\.[0-9]+/16'
	assert_output --regexp 'inet6 fd[0-9a-f:]+/64'
	assert_output --partial "default via 172.30.0.1 dev eth0"
	assert_output --regexp 'default via fd[0-9a-f:]+::1 dev eth0'
}

@test "containers, the host and the outside reach each other as they should" {
	serve one -- tcp 7000
	background at lan peer serve tcp 7001
	asked tcp "$(ip4_of one)" 7000
	assert_equal "$answer" "172.30.0.1 one"
	asked tcp "$(ip6_of one)" 7000

	run cloche run --rm host python3 -c "$PEER" ask tcp "$(ip4_of one)" 7000
	assert_success
	assert_output --regexp '^172\.30\.0\.[0-9]+ one$'
	run cloche run --rm host python3 -c "$PEER" ask tcp "$(ip6_of one)" 7000
	assert_success
	assert_output --regexp '^fd.* one$'

	# out: with the host's address
	asked tcp 10.50.0.11 7001
	run cloche run --rm host python3 -c "$PEER" ask tcp 10.50.0.11 7001
	assert_success
	assert_output "10.50.0.1"
	run cloche run --rm host python3 -c "$PEER" ask tcp fd50::11 7001
	assert_success
	assert_output "fd50::1"

	# in, without publishing: nothing, though the way is known there
	run at lan peer ask tcp "$(ip4_of one)" 7000 1
	assert_failure
	run at lan peer ask tcp "$(ip6_of one)" 7000 1
	assert_failure
}

@test "the host's localhost is out of a container's reach, also by a packet made for it" {
	background peer serve tcp 7002
	asked tcp 127.0.0.1 7002
	# its own kernel would take the answer for a forged one, unless it is told not to
	run cloche run --rm --cap-add NET_ADMIN --sysctl net.ipv4.conf.all.route_localnet=1 host sh -c '
		ip address del 127.0.0.1/8 dev lo && ip route add 127.0.0.0/8 via 172.30.0.1 || exit 8
		python3 -c "$1" ask tcp 127.0.0.1 7002 1 || exit 9' sh "$PEER"
	assert_equal "$status" 9
}

@test "a sysctl for links to come is set before the container's link comes" {
	for ((i = 0; i < 3; i++)); do # it is made while init sets itself up
		run cloche run --rm --sysctl net.ipv4.conf.default.log_martians=1 host cat /proc/sys/net/ipv4/conf/eth0/log_martians
		assert_output 1
	done
}

@test "/etc/hosts has the container's own name with its addresses" {
	run cloche run --rm -h frog --domainname pond.test host cat /etc/hosts
	assert_success
	assert_output --regexp '172\.30\.0\.[0-9]+	frog\.pond\.test frog'
	assert_output --regexp 'fd[0-9a-f:]+	frog\.pond\.test frog'
}

@test "resolv.conf names our own name server" {
	run cloche run --rm host cat /etc/resolv.conf
	assert_success
	refute_output --partial "nameserver 127.0.0.53"
	assert_output --partial "nameserver 127.0.0.11"
}

@test "ip netns names each running container and none that ended" {
	cloche run -d --name tree host sleep 600
	cloche run -d --network none --name bush host sleep 600
	run ip netns list
	assert_output --partial tree
	assert_output --partial bush
	name=$(ip netns list | grep -o 'tree[^ ]*')
	run ip netns exec "$name" ip -o -4 address show eth0
	assert_success
	assert_output --partial "$(ip4_of tree)"
	run ip netns exec "$name" ss -tan
	assert_success
	cloche stop -t 0 bush
	cloche rm -f tree
	run ip netns list
	refute_output --partial tree
	refute_output --partial bush
	cloche rm bush
}

# All that keeps a container, at once: nobody is left who could write anything down.
kill_everything()
{
	local dir pid pids
	dir=$CLOCHE_RUN_ROOT/$(cloche inspect -f '{{.Id}}' "$1")

	mapfile -t pids < <(sed -sn '1s, .*,,p' "$dir/monitor" "$dir/holder" "$dir/init")
	[ "${#pids[@]}" -eq 3 ]
	kill -KILL "${pids[@]}"
	for pid in "${pids[@]}"; do
		until_true 20 sh -c '! [ -e "/proc/$1/ns/net" ]' sh "$pid"
	done
	rm -f "$CLOCHE_ROOT"/locks/* # a mark that the holder may have been quick enough to make
}

@test "after kill -9 of everything the next command takes the names out of ip netns" {
	cloche run -d --name felled host sleep 600
	entry=$(ip netns list | grep -o 'felled[^ ]*')
	kill_everything felled
	[ -L "/run/netns/$entry" ]
	cloche ps >/dev/null
	[ ! -L "/run/netns/$entry" ]
	run cloche inspect -f '{{.State.Status}}' felled
	assert_output exited
	cloche start felled
	# a reboot whose /run is a disk: any command sees it
	kill_everything felled
	[ -L "/run/netns/$entry" ]
	ln -sfn 00000000-0000-0000-0000-000000000000 "$CLOCHE_RUN_ROOT/boot"
	cloche version >/dev/null
	cloche network ls >/dev/null
	[ ! -L "/run/netns/$entry" ]
	cloche start felled
	kill_everything felled
	cloche network reload
	[ ! -L "/run/netns/$entry" ]
	cloche rm felled
	# lost with its run folder
	ln -s /proc/4194305/ns/net "/run/netns/$entry"
	run cloche system check
	assert_failure 1
	assert_output --partial "/run/netns: names of containers that are gone"
	run cloche system check --repair
	assert_success
	[ ! -L "/run/netns/$entry" ]
}

@test "an entry of ip netns that somebody else made stays his" {
	suffix=$(cloche network inspect -f '{{.Cloche.Link}}' bridge)
	suffix=${suffix#cloche0}
	ip netns add "mine$suffix"
	cloche run -d --name mine host sleep 600
	run ip netns list
	assert_output --regexp "mine$suffix-[0-9a-f]{4}"
	cloche rm -f mine
	run ip netns list
	assert_output --partial "mine$suffix"
	refute_output --regexp "mine$suffix-"
	ip netns del "mine$suffix"
}

@test "the host's end of a link is named after the container, and goes with it" {
	cloche run -d --name longname-of-web host sleep 600
	run ip -o link show
	assert_output --regexp ' longname-[0-9a-f]{4}@'
	cloche rm -f longname-of-web
	gone() { ! ip -o link show | grep -q longname-; }
	until_true 10 gone
}

@test "an address stays over a restart, and rests before somebody else gets it" {
	cloche run -d --name first host sleep 600
	address=$(ip4_of first)
	cloche stop -t 0 first
	assert_equal "$(ip4_of first)" ""
	cloche start first
	assert_equal "$(ip4_of first)" "$address"
	cloche rm -f first
	cloche run -d --name second host sleep 600
	[ "$(ip4_of second)" != "$address" ]
	cloche rm -f second
}

@test "inspect shows the network in Docker's structure" {
	cloche run -d --name looked host sleep 600
	run cloche inspect looked
	assert_success
	settings=$(jq '.[0].NetworkSettings' <<<"$output")
	assert_equal "$(jq -r .Networks.bridge.Gateway <<<"$settings")" 172.30.0.1
	assert_equal "$(jq -r .Networks.bridge.IPPrefixLen <<<"$settings")" 16
	assert_equal "$(jq -r .IPAddress <<<"$settings")" "$(jq -r .Networks.bridge.IPAddress <<<"$settings")"
	mac=$(jq -r .Networks.bridge.MacAddress <<<"$settings")
	assert_equal "$(cloche exec looked cat /sys/class/net/eth0/address)" "$mac"
	[ -e "$(jq -r .SandboxKey <<<"$settings")" ]
	run cloche network inspect -f '{{json .Containers}}' bridge
	assert_output --partial '"Name":"looked"'
	cloche rm -f looked
}

@test "modes: none has a loopback alone, host has the host's links" {
	run cloche run --rm --network none host ip -o link
	assert_success
	assert_equal "${#lines[@]}" 1
	run cloche run --rm --network host host ip -o link show lan0
	assert_success
	run cloche run --rm --network nosuch host true
	assert_failure 125
	assert_output --partial "network nosuch not found"
	run cloche run --rm --network none --ip 172.30.0.9 host true
	assert_failure 125
	assert_output --partial "need a network"
}

@test "a flushed ruleset is put back by the next start, and by network reload" {
	table=cloche$(cloche network inspect -f '{{.Cloche.Link}}' bridge | sed s/cloche0//)
	nft flush ruleset
	cloche run --rm host true
	run nft list table inet "$table"
	assert_success
	assert_output --partial "elements = { \"${table/cloche/cloche0}\" }"
	nft flush ruleset
	cloche network reload
	nft list table inet "$table" | grep -q masquerade
}

@test "a link that somebody deleted is made again" {
	link=$(cloche network inspect -f '{{.Cloche.Link}}' bridge)
	cloche rm -f one
	ip link del "$link"
	run cloche run --rm host python3 -c "$PEER" ask tcp 10.50.0.11 7001
	assert_success
}

@test "a container named as systemd-networkd or NetworkManager name links of theirs has another name for its link" {
	cloche run -d --name ve host sleep 600
	cloche run -d --name eth0web host sleep 600
	run -0 ip -o link show
	assert_output --partial ": ve_"
	refute_output --partial ": ve-"
	assert_output --partial ": eth_web-"
	refute_output --partial ": eth0web-"
	cloche rm -f ve eth0web
}

@test "beside rules like dockerd's, which drop what is forwarded" {
	skip_unless_program iptables ip6tables
	link=$(cloche network inspect -f '{{.Cloche.Link}}' bridge)
	for tables in iptables ip6tables; do
		$tables -P FORWARD DROP
		$tables -N DOCKER-USER
		$tables -A DOCKER-USER -j RETURN
		$tables -I FORWARD -j DOCKER-USER
	done
	nft list chain ip filter FORWARD | grep -q "policy drop" || skip "this host's iptables is not nftables"
	for address in 10.50.0.11 fd50::11; do
		run cloche run --rm host python3 -c "$PEER" ask tcp $address 7001
		assert_success
	done
	serve beside -p 7088:80 -- tcp 80
	asked tcp 127.0.0.1 7088
	assert_equal "$(at lan peer ask tcp 10.50.0.1 7088)" "10.50.0.11 beside"
	run iptables -S FORWARD
	assert_equal "$(grep -c -- "-i $link" <<<"$output")" 1
	assert_equal "$(nft list ruleset | grep -c "cloche: $link")" 4
	remove_containers
	cloche network prune -f
	assert_equal "$(nft list ruleset | grep -c "cloche: $link")" 0
	for tables in iptables ip6tables; do
		$tables -F
		$tables -P FORWARD ACCEPT
		$tables -X DOCKER-USER
	done
}

@test "a start that is killed anywhere leaves nothing" {
	skip_unless_hooks
	cloche run --rm host true
	for point in start-container-created start-init-written start-network start-going release-run-folder; do
		CLOCHE_KILL_POINT=$point cloche run --rm --name victim host true || :
		cloche rm -f victim 2>/dev/null || :
		run ip netns list
		refute_output --partial victim
	done
	nothing() { ! ip -o link show | grep -q victim-; }
	until_true 10 nothing
}

@test "prune takes down the link and the table when nobody is on a network" {
	link=$(cloche network inspect -f '{{.Cloche.Link}}' bridge)
	remove_containers
	cloche network prune -f
	run ip link show "$link"
	assert_failure
	run nft list tables
	refute_output --partial cloche
}

@test "the subnet is a free one" {
	root=$CLOCHE_ROOT
	ip route add 172.30.0.0/15 via 10.50.0.11
	mkdir -m 0700 "$CLOCHE_TEST_DIR/lib2"
	CLOCHE_ROOT=$CLOCHE_TEST_DIR/lib2 run cloche network inspect bridge
	ip route del 172.30.0.0/15
	assert_success
	assert_output --partial '"Subnet": "172.24.0.0/16"'
	assert_equal "$CLOCHE_ROOT" "$root"
}
