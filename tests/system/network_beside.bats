#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Beside others that think the firewall is theirs: real ones, in this file's network namespace.
# shellcheck disable=SC2154,SC2030 # answer comes from asked; each test has its own output

load helper
load network_helper

setup_file()
{
	cloche_setup_file
	other_host lan 11
	background at lan peer serve tcp 7001
	serve web -p 8080:80 -- tcp 80
	asked tcp 127.0.0.1 8080
	until_true 60 out_within 2
	link=$(cloche network inspect -f '{{.Cloche.Link}}' bridge)
	export link
}

teardown_file()
{
	local name

	for name in firewalld bus networkd docker; do
		ended "$name"
	done
	umount "$CLOCHE_TEST_DIR"/docker-exec/* "$CLOCHE_TEST_DIR"/docker-data 2>/dev/null || :
	ip link del docker0 2>/dev/null || :
	ip link del other0 2>/dev/null || :
	find /sys/fs/cgroup -depth -type d -path "*/cloche-beside-${CLOCHE_TEST_DIR##*.}*" -exec rmdir {} \; || :
	network_cleanup lan
	cloche_teardown_file
}

# The rules of a case that failed are not to decide about the next one.
teardown()
{
	local tables

	cloche_teardown
	[ -z "${BATS_TEST_COMPLETED:-}" ] || return 0
	nft delete table inet theirs 2>/dev/null || :
	for tables in iptables-legacy ip6tables-legacy iptables ip6tables; do
		"$tables" -P FORWARD ACCEPT || continue
		"$tables" -F
		"$tables" -X || :
	done
	cloche network reload || :
}

# out_within SECONDS: few where it is not to be, or is tried again
out_within() { cloche exec web python3 -c "$PEER" ask tcp 10.50.0.11 7001 "$1" >/dev/null 2>&1; }
goes_out() { out_within 20; }
comes_in() { at lan peer ask tcp 10.50.0.1 8080 20 >/dev/null 2>&1; }

# started NAME COMMAND...: in the background, until ended NAME
started()
{
	local name=$1

	shift
	"$@" >"$CLOCHE_TEST_DIR/$name.log" 2>&1 </dev/null 3>&- 4>&- &
	echo $! >"$CLOCHE_TEST_DIR/$name.pid"
}

ended()
{
	local pid

	[ -e "$CLOCHE_TEST_DIR/$1.pid" ] || return 0
	pid=$(cat "$CLOCHE_TEST_DIR/$1.pid")
	rm "$CLOCHE_TEST_DIR/$1.pid"
	kill "$pid" 2>/dev/null || return 0
	gone() { ! kill -0 "$pid" 2>/dev/null; }
	until_true 30 gone || kill -KILL "$pid"
}

ours() { nft -a list ruleset | grep -c "cloche: $link\""; }

@test "firewalld: what no zone was told of goes out, its reload is noticed, a zone that was told decides" {
	skip_unless_program firewalld firewall-cmd dbus-daemon
	[ -n "${CLOCHE_TEST_OUTSIDE:-}" ] || skip "only under tests/run, which gives a mount namespace"
	mkdir -p /run/dbus
	mount -t tmpfs bus /run/dbus
	cat >bus.conf <<-END
		<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
		 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
		<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>
		<policy context="default"><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
		<allow user="*"/></policy></busconfig>
	END
	started bus dbus-daemon --config-file="$PWD/bus.conf" --nofork
	until_true 20 test -S /run/dbus/system_bus_socket
	mkdir -p firewall/zones
	cp "$BATS_TEST_DIRNAME/../../src/boot/firewalld.xml" firewall/zones/cloche.xml
	started firewalld firewalld --nofork --nopid --system-config "$PWD/firewall"
	until_true 60 firewall-cmd --state
	run ! out_within 2
	run cloche network doctor -q web 10.50.0.11:7001
	assert_output --partial "table inet firewalld"
	cloche network reload
	goes_out
	comes_in
	if nft list chain inet firewalld filter_FORWARD_ZONES >zones; then
		assert_equal "$(grep -c "cloche: $link" zones)" 1
	else # one that owns its table
		assert_equal "$(firewall-cmd --get-zone-of-interface="$link")" cloche
		background peer serve tcp 8081
		until_true 20 peer ask tcp 10.50.0.1 8081 1 >/dev/null
		run ! cloche exec web python3 -c "$PEER" ask tcp 10.50.0.1 8081 20
		assert_output --partial refused # by the zone: it answers all others
	fi
	run -0 cloche network doctor -q web 10.50.0.11:7001
	run -0 cloche run --rm host true
	refute_output --partial drops
	# a reload is a flush, which the keeper hears of
	cloche system keeper
	firewall-cmd --reload
	until_true 60 out_within 2
	cloche system keeper --stop
	firewall-cmd --zone=drop --change-interface="$link"
	run ! out_within 2
	firewall-cmd --zone=drop --remove-interface="$link"
	cloche network reload
	goes_out
	ended firewalld
	ended bus
	umount /run/dbus
	nft delete table inet firewalld 2>/dev/null || :
	goes_out
}

# ufw COMMAND...: with files of its own
ufw()
{
	# shellcheck disable=SC2016 # the other shell's
	unshare --mount --propagation private sh -ec 'mount --bind "$0/ufw" /etc/ufw; mount --bind "$0/ufw-default" /etc/default/ufw
		exec ufw "$@"' "$CLOCHE_TEST_DIR" "$@"
}

@test "ufw: what it forbids to be forwarded goes on for our links, and in visible mode it decides about a port" {
	skip_unless_program ufw iptables
	cp -r /etc/ufw "$CLOCHE_TEST_DIR/ufw"
	cp /etc/default/ufw "$CLOCHE_TEST_DIR/ufw-default"
	cloche run -d --name seen --publish-mode visible -p 9080:80 host python3 -c "$PEER" serve tcp 80
	sees() { at lan peer ask tcp 10.50.0.1 9080 "$1" >/dev/null 2>&1; }
	until_true 20 sees 2
	ufw --force enable
	run ! at lan peer ask tcp 10.50.0.1 8080 1
	run cloche network doctor -q web 10.50.0.11:7001
	assert_output --partial "cloche network reload"
	cloche network reload
	goes_out
	comes_in
	run ! sees 1
	ufw allow 9080/tcp
	until_true 20 sees 2
	# its reload leaves our rules, and a second one of ours adds none
	ufw reload
	goes_out
	cloche network reload
	assert_equal "$(iptables -S FORWARD | grep -c -- "-i $link")" 1
	run -0 cloche network doctor -q web 10.50.0.11:7001
	run -0 cloche run --rm -p 8099:80 host true
	assert_output --partial "ufw does not see"
	refute_output --partial drops
	cloche rm -f seen
	# what it rejects in a chain of its own, before the end
	ufw default reject routed
	run -0 cloche run --rm -p 8099:80 host true
	refute_output --partial drops
	goes_out
	comes_in
	cloche run --rm host true
	assert_equal "$(iptables -S FORWARD | grep -c -- "-i $link")" 1
	assert_equal "$(iptables -S FORWARD | grep -c -- "-o $link")" 1
	ufw --force disable
	nft delete table ip filter
	nft delete table ip6 filter
}

@test "systemd-networkd told to manage every link leaves ours alone, by the files that are installed" {
	skip_unless_program /lib/systemd/systemd-networkd
	mkdir -p netif/links netif/leases netif/lldp network
	cp "$SOURCE_DIR/src/boot/cloche.network" network/10-cloche.network
	cp "$SOURCE_DIR/src/boot/cloche-veth.network" network/10-cloche-veth.network
	printf '[Match]\nName=other0 cl* *-????\n[Network]\nDHCP=yes\n' >network/99-all.network
	chown -R systemd-network netif
	ip link add other0 type bridge
	# shellcheck disable=SC2016 # the other shell's
	# /sys is read-only, as in a container: there is no udev to wait for
	started networkd unshare --mount --propagation private sh -ec 'mount -t sysfs -o ro none /sys
		mkdir -p /run/systemd
		mount -t tmpfs none /run/systemd
		mkdir /run/systemd/netif
		mount --bind netif /run/systemd/netif
		mount --bind network /etc/systemd/network
		exec /lib/systemd/systemd-networkd'
	managed() { sed -n 's/^ADMIN_STATE=//p' "netif/links/$(ip -o link show "$1" | cut -d: -f1)"; }
	taken() { [ "$(managed other0)" = configuring ]; }
	until_true 30 taken
	left() { [ "$(managed "$1")" = unmanaged ]; }
	until_true 30 left "$link"
	goes_out
	comes_in
	cloche run -d --name joins host sleep 3600
	until_true 30 left "$(ip -br link | grep -o '^joins-[0-9a-f]*')"
	run -0 cloche exec joins python3 -c "$PEER" ask tcp 10.50.0.11 7001
	cloche rm -f joins
	ended networkd
	ip link del other0
}

@test "iptables-legacy: its policy DROP, which nftables does not know of, and ours go with their network" {
	local other

	skip_unless_program iptables-legacy
	rules() { iptables-legacy -S FORWARD | grep -c -- "cloche: $1"; }
	iptables-legacy -P FORWARD DROP
	iptables-legacy -A FORWARD -i elsewhere -j ACCEPT
	run ! out_within 1
	cloche network reload
	goes_out
	comes_in
	# a start adds none; what was flushed it puts back
	cloche run --rm host true
	assert_equal "$(rules "$link")" 2
	iptables-legacy -F FORWARD
	cloche run --rm host true
	assert_equal "$(rules "$link")" 2
	goes_out
	cloche network create other
	other=$(cloche network inspect -f '{{.Cloche.Link}}' other)
	run -0 cloche run --rm --network other host python3 -c "$PEER" ask tcp 10.50.0.11 7001
	assert_equal "$(rules "$other")" 2
	cloche network rm other
	run rules "$other"
	assert_output 0
	# a last rule that drops all is a policy
	iptables-legacy -P FORWARD ACCEPT
	iptables-legacy -F FORWARD
	iptables-legacy -A FORWARD -m comment --comment rest -j REJECT
	run ! out_within 1
	run -0 cloche run --rm host true
	refute_output --partial drops
	assert_equal "$(iptables-legacy -S FORWARD | sed -n '$s/ --reject.*//p')" "-A FORWARD -m comment --comment rest -j REJECT"
	goes_out
	comes_in
	# of IPv6 alone
	out6() { cloche exec web python3 -c "$PEER" ask tcp fd50::11 7001 "$1" >/dev/null 2>&1; }
	rules6() { ip6tables-legacy -S FORWARD | grep -c -- "cloche: $link"; }
	out6 20
	ip6tables-legacy -P FORWARD DROP
	run -0 cloche run --rm host true
	refute_output --partial drops
	assert_equal "$(rules6)" 2
	out6 20
	at lan peer ask tcp fd50::1 8080 20 >/dev/null
	ip6tables-legacy -P FORWARD ACCEPT
	ip6tables-legacy -F FORWARD
	# where nothing is dropped nothing is added
	iptables-legacy -F FORWARD
	cloche run --rm host true
	run rules "$link"
	assert_output 0
}

# told_by WORDS...: a start that publishes port 80 as 8088 says each of these, and what it says to type helps. No WORDS: it says nothing.
told_by()
{
	local words

	run -0 cloche run --rm -p 8088:80 host true
	for words; do
		assert_output --partial "$words"
	done
	[ $# -gt 0 ] || refute_output --partial drops
	# shellcheck disable=SC2031 # run sets it
	sed -n 's/.*this helps: //p' <<<"$output" | tac >remedies # those before keep their numbers
	while read -r words; do
		eval "$words"
	done <remedies
	run -0 cloche run --rm -p 8088:80 host true
	refute_output --partial drops
}

@test "a rule of others that drops what we forward is told by a start, with what helps, and one that does not meet it is not" {
	skip_unless_program iptables-legacy
	iptables-legacy -A FORWARD -i "$link" -o lan0 -m conntrack --ctstate INVALID -j DROP
	iptables-legacy -A FORWARD -s 10.1.0.0/16 -j DROP
	iptables-legacy -A FORWARD -i docker0 -j REJECT
	iptables-legacy -A FORWARD -o "$link" -p tcp -m multiport --dports 81:90 -j DROP
	iptables-legacy -A FORWARD -p tcp --dport 25 -j DROP
	iptables-legacy -A FORWARD -p udp -j DROP
	told_by
	iptables-legacy -N THEIRS
	iptables-legacy -A FORWARD -j THEIRS
	iptables-legacy -A THEIRS -i "$link" -m state --state NEW -j DROP
	iptables-legacy -A THEIRS -p tcp -m multiport --dports 443,80 -m conntrack --ctstate NEW -j REJECT
	told_by "rule 1 of iptables-legacy, table filter, chain THEIRS drops what comes from $link; this helps: iptables-legacy -I THEIRS 1 -i $link -j ACCEPT" \
		"rule 2 of iptables-legacy, table filter, chain THEIRS drops what comes to the published port 8088/tcp; this helps: iptables-legacy -I THEIRS 2"
	goes_out
	# of a port that comes later
	iptables-legacy -I FORWARD -p tcp --dport 80 -j DROP
	run -0 cloche update --publish-add 8086:80 web
	assert_output --partial "rule 1 of iptables-legacy, table filter, chain FORWARD drops what comes to the published port 8086/tcp; this helps"
	cloche update --publish-rm 8086 web
	iptables-legacy -F
	iptables-legacy -X
	ip6tables-legacy -A FORWARD -d fc00::/7 -p tcp -j DROP
	ip6tables-legacy -A FORWARD -i elsewhere -j ACCEPT
	told_by "rule 1 of ip6tables-legacy, table filter, chain FORWARD drops what is for $link"
	ip6tables-legacy -F
	# as a host's own nftables.conf has it
	ip route add default via 10.50.0.11
	ip route add default via fd50::11
	nft -f - <<-END
		table inet theirs {
			set inside { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 }; }
			chain forward {
				type filter hook forward priority 0; policy drop;
				ct state vmap { established : accept, related : accept, invalid : drop }
				iifname { "wg0", "eth7" } accept
				meta l4proto { udp, icmp, icmpv6 } accept
				ip daddr @inside tcp dport { 22, 8000-9000 } jump servers
			}
			chain servers { iifname != "$link" return; }
			chain early { type filter hook forward priority -5; oifname "$link" tcp dport vmap { 80 : goto closed, 443 : accept }; }
			chain closed { counter reject; }
		}
	END
	told_by "the policy of table inet theirs, chain forward drops what comes from $link; this helps: nft add rule inet theirs forward iifname $link accept" \
		"the policy of table inet theirs, chain forward drops what comes by lan0 to the published port 8088/tcp" "a rule of table inet theirs, chain closed, rule handle"
	goes_out
	comes_in
	nft delete table inet theirs
	ip route del default
	ip -6 route del default
	# as an administrator told Docker
	iptables -N DOCKER-USER
	iptables -A FORWARD -j DOCKER-USER
	iptables -A DOCKER-USER -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN
	iptables -A DOCKER-USER -p tcp -m conntrack --ctstate NEW,DNAT -j DROP
	told_by "table ip filter, chain DOCKER-USER, rule handle"
	nft delete table ip filter
}

@test "dockerd: its policy DROP beside our containers, its containers beside ours, and ours go without a trace" {
	skip_unless_program dockerd docker iptables
	export DOCKER_HOST=unix://$CLOCHE_TEST_DIR/docker.sock
	docker() { command docker "$@" 2>&1; }
	mkdir -p root/bin
	cp "$(command -v busybox)" root/bin/
	echo 0 >/proc/sys/net/ipv4/ip_forward # who finds it on leaves the policy alone
	started docker dockerd --data-root "$CLOCHE_TEST_DIR/docker-data" --exec-root "$CLOCHE_TEST_DIR/docker-exec" \
		--pidfile "$CLOCHE_TEST_DIR/dockerd.pid" -H "$DOCKER_HOST" --storage-driver=vfs --log-level=error \
		--cgroup-parent "/cloche-beside-${CLOCHE_TEST_DIR##*.}"
	until_true 60 docker version
	iptables -S FORWARD | grep -q -- "-P FORWARD DROP"
	# a start, or the keeper, or this
	cloche network reload
	goes_out
	comes_in
	run -0 cloche network doctor -q web 10.50.0.11:7001
	assert_equal "$(iptables -S FORWARD | grep -c -- "-i $link")" 1
	run -0 cloche run --rm -p 8092:80 host python3 -c "$PEER" ask tcp 10.50.0.11 7001
	refute_output --partial drops
	assert_equal "$(iptables -S FORWARD | grep -c -- "-i $link")" 1
	# Docker's own works as before
	tar -C root -c . | docker import - busy:1 >/dev/null
	docker run -d --name theirs -p 8091:80 busy:1 /bin/busybox nc -ll -p 80 -e /bin/busybox echo "from docker" >/dev/null
	theirs() { [ "$(at lan python3 -c 'import socket; print(socket.create_connection(("10.50.0.1", 8091), 2).recv(99).decode())' 2>/dev/null)" = "from docker" ]; }
	until_true 60 theirs
	# a port that Docker has is not given twice
	run -125 cloche run --rm -p 8091:80 host true
	assert_output --partial 8091
	remove_containers
	cloche network prune -f
	assert_equal "$(nft list ruleset | grep -c "cloche: ")" 0
	theirs
	docker rm -f theirs >/dev/null
	ended docker
}
