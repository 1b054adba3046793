#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Networks of one's own: made, used, closed, attacked from inside, removed.
# shellcheck disable=SC2016,SC2154 # scripts for the container's shell

load helper
load network_helper

setup_file()
{
	cloche_setup_file
	other_host lan 11
}

teardown_file()
{
	network_cleanup lan
	cloche_teardown_file
}

@test "create, ls, inspect, rm" {
	run cloche network create --subnet 10.77.0.0/24 --gateway 10.77.0.254 --ip-range 10.77.0.64/28 \
		--aux-address printer=10.77.0.65 --subnet fd77::/64 --label a=b -o mtu=1400 own
	assert_success
	assert_output --regexp '^[0-9a-f]{64}$'
	run cloche network ls --format '{{.Name}} {{.Driver}} {{.Scope}}'
	assert_line "own bridge local"
	assert_line "bridge bridge local"
	assert_line "host host local"
	assert_line "none null local"
	run cloche network ls --filter label=a=b --filter type=custom --filter dangling=true \
		--format '{{.Name}} {{.Labels}} {{.IPv6}} {{.Internal}}'
	assert_output "own a=b true false"
	run cloche network ls --filter label=a=c --format '{{.Name}}'
	assert_output ""
	run cloche network inspect own
	net=$output
	assert_equal "$(jq -r '.[0].IPAM.Config[0].Gateway' <<<"$net")" 10.77.0.254
	assert_equal "$(jq -r '.[0].IPAM.Config[0].AuxiliaryAddresses.printer' <<<"$net")" 10.77.0.65
	assert_equal "$(jq -r '.[0].Labels.a' <<<"$net")" b
	run cloche run --rm --network own host sh -c 'ip -o -4 address show eth0; ip route; cat /sys/class/net/eth0/mtu'
	assert_success
	assert_output --partial 10.77.0.64/24
	assert_output --partial "default via 10.77.0.254"
	assert_output --partial 1400
	run cloche run --rm --network own host ip -o -4 address show eth0
	assert_output --partial 10.77.0.66/24
	run -125 cloche run --rm --network own --ip 10.77.0.65 host true
	assert_output --partial "Address already in use: 10.77.0.65 is kept for printer on network own"
	run cloche network create own
	assert_failure
	assert_output --partial "network with name own already exists"
	run cloche network create --subnet 10.77.0.128/25 overlapping
	assert_failure
	assert_output --partial "subnet 10.77.0.128/25 overlaps 10.77.0.0/24"
	cloche create --name user --network own host true
	run cloche network rm own
	assert_failure
	assert_output --partial "has active endpoints (user)"
	cloche rm user
	run cloche network rm own
	assert_success
	assert_output own
	run cloche network rm "$(cloche network ls -q --filter name=^none$)"
	assert_failure
	assert_output --partial "none is a pre-defined network and cannot be removed"
	run cloche network create host
	assert_failure
	assert_output --partial "operation is not permitted on predefined host network"
	run cloche network rm bridge
	assert_failure
	assert_output --partial "pre-defined network"
}

@test "addresses by wish, and refused ones" {
	cloche network create --subnet 10.78.0.0/24 --subnet fd78::/64 wish >/dev/null
	run cloche run --rm --network wish --ip 10.78.0.40 --ip6 fd78::99 --mac-address 02:42:0a:01:02:03 host \
		sh -c 'ip -o address show eth0; cat /sys/class/net/eth0/address'
	assert_success
	assert_output --partial 10.78.0.40/24
	assert_output --partial fd78::99/64
	assert_output --partial 02:42:0a:01:02:03
	cloche create --name holder --network name=wish,ip=10.78.0.41,alias=x host true
	run cloche run --rm --network wish --ip 10.78.0.41 host true
	assert_failure 125
	assert_output --partial "Address already in use"
	run cloche run --rm --network wish --ip 10.79.0.41 host true
	assert_failure 125
	assert_output --partial "is not of network wish, 10.78.0.0/24"
	run cloche run --rm --network wish --ip 10.78.0.1 host true
	assert_failure 125
	assert_output --partial "is the gateway"
	cloche rm holder
	cloche network rm wish
}

@test "several networks at once: links, names of links, and which one is the way out" {
	option=com.docker.network.endpoint
	cloche network create --ipv4 --ipv6=false one >/dev/null
	cloche network create --ipv6 two >/dev/null
	run cloche run --rm --network one \
		--network "name=two,gw-priority=5,driver-opt=$option.ifname=mgmt,driver-opt=$option.sysctls=net.ipv4.conf.IFNAME.log_martians=1" \
		host sh -c 'ip -o link; ip route; cat /proc/sys/net/ipv4/conf/mgmt/log_martians'
	assert_success
	assert_line 1
	assert_output --partial "eth0@"
	assert_output --partial "mgmt@"
	assert_output --regexp 'default via [0-9.]+ dev mgmt'
	run cloche run --rm --network one --network host host true
	assert_failure 125
	assert_output --partial "conflicting options"
	cloche run -d --name joins --network one host sleep 3600
	run cloche network connect --gw-priority high two joins
	assert_failure 1
	assert_output --partial "invalid gw-priority: high"
	cloche network connect --driver-opt $option.ifname=later0 two joins
	run cloche exec joins ls /sys/class/net
	assert_line later0
	for wrong in $option.other=1 $option.sysctls=net.ipv4.ip_forward=1; do
		run cloche run --rm --network name=two,driver-opt="$wrong" host true
		assert_failure 125
		assert_output --partial "driver option $option."
	done
	cloche rm -f joins
	cloche network rm one two
}

@test "networks are closed to each other, and --internal to the outside" {
	cloche network create --internal inside >/dev/null
	cloche network create apart >/dev/null
	serve closed --network inside --cap-add NET_ADMIN -p 8095:7000 -- tcp 7000
	serve far --network apart -- tcp 7000
	background at lan peer serve tcp 7001
	asked tcp "$(ip4_of closed inside)" 7000
	asked tcp "$(ip4_of far apart)" 7000
	asked tcp 10.50.0.11 7001
	for name in far:apart closed:inside; do
		for address in "$(ip4_of ${name%:*} ${name#*:})" "$(ip6_of ${name%:*} ${name#*:})"; do
			run cloche run --rm host python3 -c "$PEER" ask tcp "$address" 7000 1
			assert_failure
		done
	done
	run cloche run --rm --network inside host python3 -c "$PEER" ask tcp "$(ip4_of closed inside)" 7000
	assert_success
	run cloche run --rm --network inside host python3 -c "$PEER" ask tcp 10.50.0.11 7001 1
	assert_failure
	# nor where both ends have a route, nor by a published port
	at lan ip route add 172.16.0.0/12 via 10.50.0.1
	cloche exec closed ip route add default via "$(cloche network inspect -f '{{(index .IPAM.Config 0).Gateway}}' inside)"
	run cloche exec closed python3 -c "$PEER" ask tcp 10.50.0.11 7001 1
	assert_failure
	run at lan peer ask tcp "$(ip4_of closed inside)" 7000 1
	assert_failure
	run at lan peer ask tcp 10.50.0.1 8095 1
	assert_failure
	at lan ip route del 172.16.0.0/12
	run cloche run --rm --network inside host ip route
	refute_output --partial default
	cloche rm -f closed far
	cloche network rm inside apart
}

@test "icc=false: containers of one network do not reach each other, the host does" {
	cloche network create -o icc=false shy >/dev/null
	serve loner --network shy -- tcp 7000
	asked tcp "$(ip4_of loner shy)" 7000
	run cloche run --rm --network shy host python3 -c "$PEER" ask tcp "$(ip4_of loner shy)" 7000 1
	assert_failure
	cloche rm -f loner
	cloche network rm shy
}

@test "a container with all network rights cannot speak for others" {
	cat >listen.py <<-'END'
		import socket, sys
		s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
		print("ready", flush=True)
		seen = []
		while True:
		    f = s.recv(2000)
		    i = f.find(b"MARK-")
		    if i >= 0 and f[i + 5:i + 13] not in seen:
		        seen.append(f[i + 5:i + 13])
		        print(f[i + 5:i + 13].decode(), flush=True)
	END
	cat >attack.py <<-'END'
		import socket, struct, time
		s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
		s.bind(("eth0", 0))
		mac = open("/sys/class/net/eth0/address").read().strip()
		own = bytes.fromhex(mac.replace(":", ""))
		ip = socket.inet_aton(socket.gethostbyname(socket.gethostname()))
		other = bytes([172, ip[1], 0, 200])
		local = b"\xfe\x80" + bytes(6) + bytes([own[0] ^ 2]) + own[1:3] + b"\xff\xfe" + own[3:]
		every = b"\xff" * 6
		def v4(src, mark):
		    h = b"\x45\0\0\x21\0\0\0\0\x40\xfd\0\0" + src + b"\xff" * 4
		    n = sum(struct.unpack(">10H", h))
		    n = (n & 0xffff) + (n >> 16)
		    return h[:10] + struct.pack(">H", 0xffff - (n & 0xffff) - (n >> 16)) + h[12:] + b"MARK-" + mark
		def arp(op, m, src, mark): return struct.pack(">HHBBH", 1, 0x800, 6, 4, op) + m + src + bytes(6) + other + b"MARK-" + mark
		def v6(src, nh, body, mark): return b"\x60\0\0\0" + struct.pack(">HBB", len(body) + 13, nh, 255) + src + b"\xff\x02" + bytes(13) + b"\1" + body + b"MARK-" + mark
		frames = [
		    (own, 0x0800, v4(ip, b"v4-owner")),
		    (own, 0x0800, v4(other, b"v4-forge")),
		    (b"\2" * 6, 0x0800, v4(ip, b"mc-forge")),
		    (own, 0x0806, arp(1, own, ip, b"arp-good")),
		    (own, 0x0806, arp(2, own, other, b"arp-fake")),
		    (own, 0x0806, arp(2, b"\2" * 6, ip, b"arp-macs")),
		    (own, 0x86dd, v6(local, 17, bytes(8), b"v6-local")),
		    (own, 0x86dd, v6(b"\xfd" + bytes(14) + b"\7", 17, bytes(8), b"v6-forge")),
		    (own, 0x86dd, v6(local, 58, b"\x86" + bytes(15), b"radv-one")),
		    (own, 0x86dd, v6(local, 58, b"\x89" + bytes(15), b"redirect")),
		    (own, 0x86dd, v6(local, 58, b"\x88" + bytes(7) + b"\xfd" * 16, b"nadv-one")),
		    (own, 0x86dd, v6(local, 0, b"\x3a\0" + bytes(6) + b"\x86" + bytes(15), b"hop-radv")),
		    (own, 0x86dd, v6(local, 44, b"\x3a" + bytes(7), b"fragment")),
		    (own, 0x88cc, b"MARK-" + b"othertyp" + bytes(40)),
		    (own, 0x0800, v4(ip, b"the-last")),
		]
		for m, kind, body in frames:
		    s.send(every + m + struct.pack(">H", kind) + body)
	END
	cloche run -d --name ear --cap-add NET_RAW host python3 -c "$(cat listen.py)"
	hears() { cloche logs ear | grep -q "$1"; }
	until_true 20 hears ready
	run cloche run --rm --cap-add NET_RAW --cap-add NET_ADMIN host python3 -c "$(cat attack.py)"
	echo "$output"
	assert_success
	until_true 10 hears the-last
	run cloche logs ear
	assert_output "$(printf 'ready\nv4-owner\narp-good\nv6-local\nthe-last')"
	# nor by taking the address of somebody
	run cloche run --rm --cap-add NET_ADMIN host sh -c '
		ip address flush dev eth0; ip address add 172.30.99.99/16 dev eth0; ping -c 1 -W 1 172.30.0.1'
	assert_failure
	cloche rm -f ear
}

@test "a configuration is kept, made into networks, and not removed before them" {
	cloche network create --config-only --subnet 10.77.0.0/24 --gateway 10.77.0.9 -o mtu=1400 --label of=config --internal plan >/dev/null
	run -125 cloche run --rm --network plan host true
	assert_output --partial "network plan is configuration-only: no container can be on it; cloche network create --config-from plan makes one"
	cloche network create --config-from plan --label own=1 made >/dev/null
	run -0 cloche network inspect -f '{{.ConfigFrom.Network}} {{.ConfigOnly}} {{.Internal}} {{.Labels.of}} {{.Labels.own}} {{(index .IPAM.Config 0).Gateway}}' made
	assert_output "plan false true config 1 10.77.0.9"
	assert_equal "$(cloche network inspect -f '{{.ConfigOnly}} {{.Driver}}' plan)" "true null"
	run -0 cloche run --rm --network made host ip -o address show eth0
	assert_output --partial "10.77.0."
	run -0 cloche run --rm --network made host cat /sys/class/net/eth0/mtu
	assert_output 1400
	run -1 cloche network rm plan
	assert_output --partial "configuration network plan is in use by network made"
	run -1 cloche network create --config-from plan --subnet 10.78.0.0/24 other
	assert_output --partial "--config-from plan tells all but driver, options and labels"
	run -1 cloche network create --config-from bridge other
	assert_output --partial "network bridge was not made with --config-only"
	cloche network rm made plan
}
