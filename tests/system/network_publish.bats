#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Published ports, from every side, in both modes.
# shellcheck disable=SC2154 # answer comes from asked

load helper
load network_helper

setup_file()
{
	cloche_setup_file
	other_host lan 11
	sysctl -q net.netfilter.nf_conntrack_udp_timeout=600 # a flow goes with its port, not while we take our time
	cloche network create other >/dev/null
	serve kernel -p 8080:80 -p 8053:53/udp -- tcp 80
	serve visible --publish-mode visible -p 9080:80 -- tcp 80
	cloche run -d --name neighbour host sleep 3600
	cloche run -d --name stranger --network other host sleep 3600
}

teardown_file()
{
	nft delete table ip other 2>/dev/null || : # of a test that failed
	network_cleanup lan
	cloche_teardown_file
}

# What the application saw, in words: the client's own address, or whose else it was.
seen()
{
	local own=$1 answer

	shift
	answer=$("$@" 2>&1) || { echo "$answer"; return; }
	answer=${answer% *}
	case $answer in
	"$own") echo "the client's" ;;
	"$gateway4" | "$gateway6") echo "the network's gateway" ;;
	*) echo "$answer" ;;
	esac
}

# row WORDS OWN4 TO4 OWN6 TO6 COMMAND...: one line of the table, for both modes
row()
{
	local words=$1 own4=$2 to4=$3 own6=$4 to6=$5 mode

	shift 5
	for mode in 8080 9080; do
		printf '| %s | %s | %s | %s |\n' "$words" "$([ $mode = 8080 ] && echo kernel || echo visible)" \
			"$(seen "$own4" "$@" ask tcp "$to4" $mode 30)" \
			"$(seen "$own6" "$@" ask tcp "$to6" $mode 30)"
	done
}

in_neighbour() { cloche exec neighbour python3 -c "$PEER" "$@"; }
in_stranger() { cloche exec stranger python3 -c "$PEER" "$@"; }
in_kernel() { cloche exec kernel python3 -c "$PEER" "$@"; }
in_visible() { cloche exec visible python3 -c "$PEER" "$@"; }

@test "every path reaches the application, and the manual tells what it sees" {
	gateway4=$(cloche inspect -f '{{.NetworkSettings.Gateway}}' kernel)
	gateway6=$(cloche inspect -f '{{.NetworkSettings.IPv6Gateway}}' kernel)
	asked tcp 127.0.0.1 8080
	asked tcp 127.0.0.1 9080
	{
		echo "| who asks | mode | by IPv4 it sees | by IPv6 it sees |"
		echo "|---|---|---|---|"
		row "LAN" 10.50.0.11 10.50.0.1 fd50::11 fd50::1 at lan peer
		row "the host, by its LAN address" 10.50.0.1 10.50.0.1 fd50::1 fd50::1 peer
		row "the host, by localhost" 127.0.0.1 127.0.0.1 ::1 ::1 peer
		row "another container of the network, by the host's address" \
			"$(ip4_of neighbour)" 10.50.0.1 "$(ip6_of neighbour)" fd50::1 in_neighbour
		row "a container of another network, by the host's address" \
			"$(ip4_of stranger other)" 10.50.0.1 "$(ip6_of stranger other)" fd50::1 in_stranger
		echo "| the container itself, by the host's address | kernel |" \
			"$(seen "$(ip4_of kernel)" in_kernel ask tcp 10.50.0.1 8080 30) |" \
			"$(seen "$(ip6_of kernel)" in_kernel ask tcp fd50::1 8080 30) |"
		echo "| the container itself, by the host's address | visible |" \
			"$(seen "$(ip4_of visible)" in_visible ask tcp 10.50.0.1 9080 30) |" \
			"$(seen "$(ip6_of visible)" in_visible ask tcp fd50::1 9080 30) |"
	} >table
	sed -n '/<!-- client addresses -->/,/<!-- end -->/p' "$SOURCE_DIR/docs/networks.md" | sed '1d;$d' >manual
	run diff manual table
	assert_success
}

@test "a container reaches itself and its neighbour by the host also where bridges do not pass the filters" {
	[ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || skip "this host's kernel has no br_netfilter"
	sysctl -q net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0
	for address in 10.50.0.1 fd50::1; do
		run in_kernel ask tcp $address 8080
		assert_success
		run in_neighbour ask tcp $address 8080
		assert_success
		run in_neighbour ask tcp $address 9080
		assert_success
	done
	sysctl -q net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1
}

@test "udp is published too" {
	cloche run -d --name udp -p 8054:53/udp host python3 -c "$PEER" serve udp 53 udp
	asked udp 127.0.0.1 8054
	assert_equal "$(at lan peer ask udp 10.50.0.1 8054)" "10.50.0.11 udp"
	assert_equal "$(at lan peer ask udp fd50::1 8054)" "fd50::11 udp"
	assert_equal "$(peer ask udp 10.50.0.1 8054)" "10.50.0.1 udp"
	gateway6=$(cloche inspect -f '{{.NetworkSettings.IPv6Gateway}}' udp)
	assert_equal "$(peer ask udp ::1 8054)" "$gateway6 udp"
	# several clients at once, each with his own answers
	run -0 python3 -c '
import socket
clients = [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in range(20)]
for c in clients:
    c.settimeout(20)
    c.connect(("::1", 8054))
for _ in range(3):
    for c in clients: c.send(b"?")
    for c in clients: assert c.recv(99)'
	run -0 cloche update --publish-rm 8054/udp udp
	run ! peer ask udp ::1 8054 1
	run -0 cloche update --publish-add 8055:53/udp udp
	assert_equal "$(peer ask udp ::1 8055)" "$gateway6 udp"
	cloche rm -f udp
}

@test "port and inspect and ps tell where" {
	run cloche port kernel
	assert_success
	assert_line "80/tcp -> 0.0.0.0:8080"
	assert_line "80/tcp -> [::]:8080"
	assert_line "53/udp -> 0.0.0.0:8053"
	run cloche port kernel 80
	assert_line "0.0.0.0:8080"
	run cloche port kernel 81
	assert_failure
	assert_output --partial "no public port '81/tcp' published for kernel"
	run cloche inspect -f '{{json .NetworkSettings.Ports}}' visible
	assert_output '{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"9080"},{"HostIp":"::","HostPort":"9080"}]}'
	run cloche ps --format '{{.Ports}}' --filter name=visible
	assert_output "0.0.0.0:9080->80/tcp, [::]:9080->80/tcp"
}

@test "forms: one address, a free port, ranges, all exposed ones" {
	cloche run -d --name forms -p 10.50.0.1:7080:80 -p 127.0.0.1::81 -p 7100-7102:90-92 -p 7100-7110:99 \
		--expose 70 -P host sleep 600
	run cloche port forms
	assert_line "80/tcp -> 10.50.0.1:7080"
	assert_output --regexp '81/tcp -> 127\.0\.0\.1:[0-9]+'
	assert_line "92/tcp -> 0.0.0.0:7102"
	assert_line "99/tcp -> [::]:7103"
	assert_output --regexp '70/tcp -> 0\.0\.0\.0:[0-9]+'
	cloche rm -f forms
	run cloche run --rm -p 10.99.99.99:80:80 host true
	assert_failure 125
	assert_output --partial "the host has no such address"
	run cloche run --rm -p 80:80:80:80 host true
	assert_failure 125
	assert_output --partial "invalid IP address"
}

@test "a port that is taken is told before anything runs, with its owner" {
	run cloche run --rm -p 8080:80 host touch "$BATS_TEST_TMPDIR/ran"
	assert_failure 125
	assert_output --partial "Bind for 0.0.0.0:8080 failed: port is already allocated, in use by container kernel"
	run cloche run --rm -p 127.0.0.1:9080:80 host true
	assert_failure 125
	assert_output --partial "container visible"
	background peer serve tcp 6000
	listens() { ss -tln | grep -q :6000; }
	until_true 20 listens
	run cloche run --rm -p 6000:80 host true
	assert_failure 125
	assert_output --regexp 'in use by python3[^ ]* \(pid [0-9]+\)'
	[ ! -e "$BATS_TEST_TMPDIR/ran" ]
	run -125 cloche run --rm -p 6001:80 -p 127.0.0.1:6001:81 host true
	assert_output --partial "in use by the container's own port 80/tcp"
}

@test "a port that a rule of others sends elsewhere is told before anything runs, with the rule" {
	local taken="port is already allocated, in use by rule"

	nft add table ip other
	nft add chain ip other prerouting '{ type nat hook prerouting priority dstnat; }'
	nft add rule ip other prerouting tcp dport 8450-8455 dnat to 10.9.9.9:80
	nft add rule ip other prerouting ip daddr 10.50.0.9 udp dport 8460 redirect to :53
	nft add rule ip other prerouting iifname "elsewhere" tcp dport 8461 dnat to 10.9.9.9:80
	nft add rule ip other prerouting ip saddr 10.50.0.11 tcp dport 8462 dnat to 10.9.9.9:80
	run -125 cloche run --rm -p 8453:80 host true
	assert_output --regexp "Bind for 0.0.0.0:8453 failed: $taken ip other prerouting handle [0-9]+, which sends it elsewhere"
	assert_output --regexp 'choose another host port, or: nft delete rule ip other prerouting handle [0-9]+'
	run -125 cloche run --rm --publish-mode visible -p 8455:80 host true
	assert_output --partial "$taken"
	run -125 cloche run --rm -p 8460:53/udp host true
	assert_output --partial "$taken"
	# what is next to them, of another address, or taken only of some
	cloche run --rm -p 8449:80 -p 8456:80 -p 8453:80/udp -p 8460:53 -p 127.0.0.1:8460:53/udp -p 8461:80 -p 8462:80 -p '[::]:8452:80' host true
	# of a range, and of free ports, the next one
	cloche run --rm -p 8455-8456:80 host true
	# as iptables has them, behind other chains, as Docker leaves them
	iptables -t nat -N LEFT
	iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j LEFT
	iptables -t nat -A LEFT ! -i docker0 -p tcp -m tcp --dport 8470 -j DNAT --to-destination 172.17.0.2:80
	iptables -t nat -A LEFT -p tcp -m multiport --dports 8472,8474:8476 -j DNAT --to-destination 172.17.0.2
	run -125 cloche run --rm -p 8475:80 host true
	assert_output --partial "$taken ip nat LEFT handle"
	cloche run --rm -p 8473:80 host true
	run -125 cloche run --rm -p 8470:80 host true
	assert_output --partial "$taken ip nat LEFT handle"
	nft delete rule ip nat LEFT handle "$(sed -n 's/.*nft delete rule ip nat LEFT handle //p' <<<"$output")"
	cloche run --rm -p 8470:80 host true
	iptables -t nat -F
	iptables -t nat -X
	nft delete table ip other
	cloche run --rm -p 8453:80 host true
}

@test "ports that rules of others take by sets, maps and other chains are told, and what these leave is published" {
	local taken="port is already allocated, in use by rule" port

	nft -f - <<-END
		table inet other {
			set several { type inet_service; flags interval; elements = { 8410, 8412-8414 }; }
			set places { type ipv4_addr . inet_service; elements = { 10.50.0.9 . 8420, 10.50.0.1 . 8421 }; }
			chain prerouting {
				type nat hook prerouting priority dstnat - 10;
				tcp dport { 8401, 8403 } redirect to :81
				tcp dport @several dnat ip to 10.9.9.9:80
				meta l4proto { tcp, udp } th dport 8418 dnat ip to 10.9.9.9
				ip daddr . tcp dport @places dnat ip to 10.9.9.9:80
				dnat ip to tcp dport map { 8430 : 10.9.9.9, 8431 : 10.9.9.8 }
				tcp dport vmap { 8440 : jump web, 8441 : accept }
				udp dport 8442 jump web
				iifname "elsewhere" jump inside
				iifname { "wg0", "wg1" } tcp dport 8450 redirect to :81
				iifname != { "wg0", "wg1" } tcp dport 8451 redirect to :81
			}
			chain web { dnat ip to 10.9.9.9; }
			chain inside { tcp dport 8460 redirect to :81; }
			chain output { type nat hook output priority -100; tcp dport 8461 redirect to :81; }
		}
	END
	for port in 8403:80 8413:80 8418:80/udp 8420:80 8430:80 8440:80 8442:80/udp 8451:80; do
		run -125 cloche run --rm -p "$port" host true
		assert_output --regexp "$taken inet other (prerouting|web) handle"
	done
	cloche run --rm -p 8402:80 -p 8404:80 -p 8411:80 -p 8415:80 -p 8410:80/udp -p '[::]:8412:80' -p 10.50.0.1:8420:80 -p 8432:80 -p 8441:80 \
		-p 8440:80/udp -p 8442:80 -p 8450:80 -p 8460:80 -p 8461:80 host true
	nft delete table inet other
	# a rule without a port behind one that asks for it
	iptables -t nat -N WEB
	iptables -t nat -A PREROUTING -p tcp -m multiport --dports 8470,8471 -j WEB
	iptables -t nat -A WEB -j DNAT --to-destination 172.17.0.2
	run -125 cloche run --rm -p 8471:80 host true
	assert_output --partial "$taken ip nat WEB handle"
	cloche run --rm -p 8472:80 -p 8471:80/udp host true
	iptables -t nat -F
	iptables -t nat -X
}

@test "a port that a rule of the old iptables-legacy sends elsewhere is told, too" {
	local taken="port is already allocated, in use by rule"

	skip_unless_program iptables-legacy
	iptables-legacy -t nat -N LEFT
	iptables-legacy -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j LEFT
	iptables-legacy -t nat -A LEFT -i docker0 -j RETURN
	iptables-legacy -t nat -A LEFT ! -i docker0 -p tcp -m tcp --dport 8480:8482 -m comment --comment left -j DNAT --to-destination 172.17.0.2:80
	iptables-legacy -t nat -A LEFT -d 10.50.0.9 -p udp --dport 8483 -j REDIRECT --to-ports 53
	iptables-legacy -t nat -A LEFT -s 10.50.0.11 -p tcp --dport 8484 -j DNAT --to-destination 172.17.0.2:80
	iptables-legacy -t nat -A LEFT -i elsewhere -p tcp --dport 8485 -j DNAT --to-destination 172.17.0.2:80
	iptables-legacy -t nat -A LEFT -p tcp --sport 7 --dport 8486 -j DNAT --to-destination 172.17.0.2:80
	iptables-legacy -t nat -A PREROUTING -p tcp --dport 8487 -j REDIRECT --to-ports 80
	run -125 cloche run --rm -p 8481:80 host true
	assert_output --partial "Bind for 0.0.0.0:8481 failed: $taken 2 of iptables-legacy, table nat, chain LEFT, which sends it elsewhere"
	assert_output --partial "choose another host port, or: iptables-legacy -t nat -D LEFT 2"
	run -125 cloche run --rm -p 8483:53/udp host true
	assert_output --partial "$taken 3 of iptables-legacy"
	run -125 cloche run --rm -p 8487:80 host true
	assert_output --partial "$taken 2 of iptables-legacy, table nat, chain PREROUTING"
	# next to them, of another address or protocol, or taken only of some
	cloche run --rm -p 8479:80 -p 8483:80 -p 8481:80/udp -p 127.0.0.1:8483:53/udp -p 8484:80 -p 8485:80 -p 8486:80 -p '[::]:8481:80' host true
	# of a range the next one
	cloche run --rm -p 8482-8483:80 host true
	iptables-legacy -t nat -D LEFT 2
	# what another chain asks for, for certain links, and what the host itself sends
	iptables-legacy -t nat -N WEB
	iptables-legacy -t nat -N INSIDE
	iptables-legacy -t nat -A PREROUTING -p tcp -m multiport --dports 8488,8489 -j WEB
	iptables-legacy -t nat -A PREROUTING -i elsewhere -j INSIDE
	iptables-legacy -t nat -A WEB -p tcp -m tcp -j DNAT --to-destination 172.17.0.2
	iptables-legacy -t nat -A INSIDE -p tcp --dport 8497 -j REDIRECT --to-ports 80
	iptables-legacy -t nat -A OUTPUT -p tcp --dport 8498 -j REDIRECT --to-ports 80
	run -125 cloche run --rm -p 8489:80 host true
	assert_output --partial "$taken 1 of iptables-legacy, table nat, chain WEB"
	cloche run --rm -p 8497:80 -p 8498:80 -p 8489:80/udp host true
	# several at once, all but some, and what the matches of a rule leave together
	iptables-legacy -t nat -A LEFT -p tcp -m multiport --dports 8490,8492:8494 -j DNAT --to-destination 172.17.0.2
	iptables-legacy -t nat -A LEFT -p udp -m udp --dport 8500:8600 -m multiport ! --dports 8510,8520:8530 -j REDIRECT --to-ports 53
	iptables-legacy -t nat -A LEFT -p tcp -m multiport --sports 8495 -j DNAT --to-destination 172.17.0.2
	run -125 cloche run --rm -p 8493:80 host true
	assert_output --partial "$taken 6 of iptables-legacy, table nat, chain LEFT, which sends it elsewhere"
	assert_output --partial "or: iptables-legacy -t nat -D LEFT 6"
	run -125 cloche run --rm -p 8511:53/udp host true
	assert_output --partial "$taken 7 of iptables-legacy"
	cloche run --rm -p 8481:80 -p 8491:80 -p 8495:80 -p 8490:53/udp -p 8510:53/udp -p 8525:53/udp -p 8601:53/udp -p '[::]:8493:80' host true
	iptables-legacy -t nat -F
	iptables-legacy -t nat -X
	# of IPv6 alone
	ip6tables-legacy -t nat -A PREROUTING -p tcp -m multiport --dports 8497,8498 -j REDIRECT --to-ports 80
	ip6tables-legacy -t nat -A PREROUTING -d fd50::9 -p tcp --dport 8499 -j DNAT --to-destination '[fd50::11]:80'
	run -125 cloche run --rm -p 8498:80 host true
	assert_output --partial "Bind for :::8498 failed: $taken 1 of ip6tables-legacy, table nat, chain PREROUTING"
	assert_output --partial "or: ip6tables-legacy -t nat -D PREROUTING 1"
	run -125 cloche run --rm -p 8499:80 host true
	assert_output --partial "$taken 2 of ip6tables-legacy"
	cloche run --rm -p 0.0.0.0:8498:80 -p '[fd50::1]:8499:80' host true
	ip6tables-legacy -t nat -F
}

@test "a daemon of the host does not get a port that is published" {
	run python3 -c 'import socket; s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(("", 8080)); s.listen()'
	assert_failure
	assert_output --partial "Address already in use"
	# one that shares, at one address alone
	run python3 -c 'import socket; s = socket.socket(socket.AF_INET6); s.setsockopt(1, 2, 1); s.bind(("fd50::1", 8080)); s.listen()'
	assert_failure
	assert_output --partial "Address already in use"
	run ss -tln
	refute_output --partial "0.0.0.0:8080"
}

@test "visible: stock tools show the listener and each session with the client's address" {
	cloche run -d --name echo --publish-mode visible -p 9090:90 host python3 -c '
import socket
s = socket.create_server(("", 90))
c, who = s.accept()
c.sendall((who[0] + "\n").encode())
while True:
    d = c.recv(1 << 16)
    if not d: break
    c.sendall(d)
'
	run ss -tln
	assert_output --partial "0.0.0.0:9090"
	assert_output --partial "[::]:9090"
	until_true 20 cloche exec echo sh -c 'ss -tln | grep -q :90'
	cat >client.py <<-'END'
		import os, signal, socket, sys, threading
		s = socket.create_connection(("10.50.0.1", 9090), 60)
		print(s.recv(99).decode().strip(), flush=True)
		sys.stdin.readline()
		def back(blob):
		    # all of it, while the session stays open: the end of a burst is not kept for what follows
		    sender = threading.Thread(target=s.sendall, args=(blob,))
		    sender.start()
		    got = bytearray()
		    while len(got) < len(blob):
		        d = s.recv(1 << 18)
		        if not d: break
		        got += d
		    sender.join()
		    return got == blob
		print(all(back(bytes(range(251)) * n) for n in (1, 40000, 1, 80000, 300, 1)))
		def past_urgent(before):
		    # the relay finds all of it at once: a read ends before an urgent byte, and nothing else will come
		    os.kill(int(sys.argv[1]), signal.SIGSTOP)
		    s.sendall(b"a" * before)
		    s.send(b"!", socket.MSG_OOB)
		    s.sendall(b"b" * 20)
		    os.kill(int(sys.argv[1]), signal.SIGCONT)
		    got = bytearray()
		    while len(got) < before + 20:
		        d = s.recv(1 << 18)
		        if not d: break
		        got += d
		    return got == b"a" * before + b"b" * 20
		print(all(past_urgent(n) for n in (1, 100, 4096)))
		s.shutdown(1)
		print(s.recv(1))
	END
	mkfifo go
	read -r relay _ <"$CLOCHE_RUN_ROOT/$(cloche inspect -f '{{.Id}}' echo)/publish"
	at lan python3 client.py "$relay" <go >said 3>&- &
	exec 7>go
	until_true 20 grep -q . said
	run ss -Htn state established
	echo >&7
	exec 7>&-
	wait $!
	assert_output --regexp '10\.50\.0\.1:9090 +10\.50\.0\.11:[0-9]+'
	assert_equal "$(cat said)" "$(printf "10.50.0.11\nTrue\nTrue\nb''")"
	cloche rm -f echo
}

@test "visible: a session that was cut off on one side does not end cleanly on the other" {
	cloche run -d --name cuts --publish-mode visible -p 9091:91 host python3 -u -c '
import socket, struct
s = socket.create_server(("", 91))
for which in "us", "them":
    c, _ = s.accept()
    c.sendall(b"!")
    if which == "us":
        c.recv(1)
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    else:
        try: print("end", c.recv(1))
        except ConnectionResetError: print("cut off")
    c.close()
'
	until_true 20 cloche exec cuts sh -c 'ss -tln | grep -q :91'
	cat >cut.py <<-'END'
		import socket, struct
		s = socket.create_connection(("10.50.0.1", 9091), 60)
		s.recv(1)
		s.sendall(b"!")
		try: print("end", s.recv(1))
		except ConnectionResetError: print("cut off")
		s = socket.create_connection(("10.50.0.1", 9091), 60)
		s.recv(1)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		s.close()
	END
	run -0 at lan python3 cut.py
	assert_output "cut off"
	ended() { [ "$(cloche inspect -f '{{.State.Status}}' cuts)" = exited ]; }
	until_true 20 ended
	assert_equal "$(cloche logs cuts)" "cut off"
	cloche rm cuts
}

@test "ports come back at once, and nothing of them is left" {
	table=cloche$(cloche network inspect -f '{{.Cloche.Link}}' bridge | sed s/cloche0//)
	for mode in kernel visible; do
		for _ in 1 2 3; do
			cloche run --rm --publish-mode $mode -p 7777:80 -p 7778:80/udp host true
		done
	done
	run nft list table inet "$table"
	refute_output --partial 7777
	run ss -tuln
	refute_output --partial 777
}

@test "published ports survive a flushed ruleset" {
	nft flush ruleset
	cloche network reload
	asked tcp 10.50.0.1 8080
	assert_equal "$(at lan peer ask tcp 10.50.0.1 8080)" "10.50.0.11 kernel"
}

@test "a start or a release that is killed gives its ports back" {
	skip_unless_hooks
	for point in publish-rows publish-elements start-going publish-elements-gone; do
		CLOCHE_KILL_POINT=$point run timeout 100 "$CLOCHE" run --rm --name victim -p 7999:80 host true
		[ "$status" -ne 0 ] || fail "$point: was not reached"
		cloche rm -f victim 2>/dev/null || :
		run cloche run --rm -p 7999:80 host true
		assert_success
	done
}

@test "a hundred ports in one container" {
	run cloche run --rm -p 20000-20099:1000-1099 host true
	assert_success
}

receives() { grep -qE '^(45|207) ' "/proc/$1/syscall"; } # recvfrom

@test "update publishes ports of a running container and takes others back, and its next start does the same" {
	serve changing -p 8180:82 -- tcp 82
	asked tcp 127.0.0.1 8180
	run -0 cloche update --publish-rm 8180 --publish-add 8182:82 --publish-add 127.0.0.1:8183:82/tcp changing
	run -0 cloche port changing
	assert_output "$(printf '82/tcp -> 0.0.0.0:8182\n82/tcp -> [::]:8182\n82/tcp -> 127.0.0.1:8183')"
	assert_equal "$(at lan peer ask tcp 10.50.0.1 8182)" "10.50.0.11 changing"
	assert_equal "$(peer ask tcp ::1 8182)" "$(cloche inspect -f '{{.NetworkSettings.IPv6Gateway}}' changing) changing"
	run -0 peer ask tcp 127.0.0.1 8183
	run -0 cloche exec changing python3 -c "$PEER" ask tcp 10.50.0.1 8182 # itself
	run ! at lan peer ask tcp 10.50.0.1 8180 1
	run -0 cloche run --rm -p 8180:80 host true # it is free
	# Ctrl+Z and fg while it waits for an answer do not end it
	relay=$(cut -d ' ' -f 1 "$CLOCHE_RUN_ROOT/$(cloche inspect -f '{{.Id}}' changing)/publish")
	kill -STOP "$relay"
	"$CLOCHE" update --publish-rm 8183 changing 3>&- &
	until_true 20 receives $!
	kill -STOP $!
	until_true 20 grep -q '^State:.T' "/proc/$!/status"
	kill -CONT $!
	kill -CONT "$relay"
	wait $!
	cloche update --publish-add 127.0.0.1:8183:82 changing
	cloche restart -t 0 changing
	asked tcp 127.0.0.1 8182
	run ! peer ask tcp 127.0.0.1 8180 1
	# what cannot be had is told, and nothing changes
	run -1 cloche update --publish-add 8080:82 changing
	assert_output --partial "port is already allocated, in use by container kernel"
	run -1 cloche update --publish-rm 8199 changing
	assert_output --partial "no port 8199/tcp of the host is published for changing; \`cloche port\` tells which are"
	asked tcp 127.0.0.1 8182
	cloche stop -t 0 changing
	run -0 cloche update --publish-rm 8182 --publish-rm 8183 changing
	cloche start changing
	run -0 cloche port changing
	assert_output ""
	cloche rm -f changing
}

@test "update does the same in visible mode, where no port was published before" {
	serve late --publish-mode visible -- tcp 82
	run -0 cloche update --publish-add 9182:82 --publish-add 9183:82 late
	run ss -tln
	assert_output --partial "0.0.0.0:9182"
	assert_output --partial "[::]:9183"
	asked tcp 127.0.0.1 9182
	assert_equal "$(at lan peer ask tcp 10.50.0.1 9182)" "10.50.0.11 late"
	# its holder was killed: the new one has the earlier ports, too
	kill -KILL "$(cut -d ' ' -f 1 "$CLOCHE_RUN_ROOT/$(cloche inspect -f '{{.Id}}' late)/publish")"
	gone() { ! ss -tln | grep -q :9183; }
	until_true 20 gone
	run -0 cloche update --publish-rm 9182 --publish-add 9184:82 late
	run ss -tln
	refute_output --partial ":9182"
	assert_output --partial "0.0.0.0:9183"
	assert_output --partial "0.0.0.0:9184"
	assert_equal "$(at lan peer ask tcp 10.50.0.1 9184)" "10.50.0.11 late"
	cloche rm -f late
	run ss -tln
	refute_output --partial ":918"
}

@test "a client that goes on does not reach where a port was: its flow is forgotten with the port" {
	cat >client.py <<-'END'
		import socket, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(("10.50.0.11", int(sys.argv[1])))
		s.settimeout(20)
		s.sendto(b"?", ("10.50.0.1", int(sys.argv[2])))
		print(s.recv(99).decode().strip())
	END
	# the flows of others are left alone, also those that nobody translated
	cloche run -d --name stays -p 8061:61/udp host python3 -c "$PEER" serve udp 61 stays
	listening() { cloche exec "$1" sh -c "ss -uln | grep -q :6"; }
	until_true 20 listening stays
	assert_equal "$(at lan python3 client.py 5556 8061)" "10.50.0.11 stays"
	for name in first second; do
		cloche run -d --name $name -p 8060:60/udp host python3 -c "$PEER" serve udp 60 $name
		until_true 20 listening $name
		assert_equal "$(at lan python3 client.py 5555 8060)" "10.50.0.11 $name"
		run -0 grep -c 'sport=5555 ' /proc/net/nf_conntrack
		cloche rm -f $name
		no_flow() { ! grep -q 'sport=5555 ' /proc/net/nf_conntrack; }
		until_true 20 no_flow
		run -0 grep -c 'sport=5556 ' /proc/net/nf_conntrack
	done
	cloche rm -f stays
}

@test "update --publish-rm forgets the flows of UDP with the port, --publish-add those that came before it" {
	cloche run -d --name talking -p 8062:62/udp host python3 -c "$PEER" serve udp 62 talking
	hears() { cloche exec talking sh -c 'ss -uln | grep -q :62'; }
	until_true 20 hears
	mkfifo go
	# one socket: it is answered, waits for us, asks again, waits, and then asks until it is answered
	at lan python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.50.0.11", 5556))
s.settimeout(20)
s.sendto(b"?", ("10.50.0.1", 8062))
print(s.recv(99).decode().strip(), flush=True)
open(sys.argv[1]).read()
s.settimeout(1)
s.sendto(b"?", ("10.50.0.1", 8062))
try:
    print("again", s.recv(99))
except OSError:
    print("no more", flush=True)
open(sys.argv[1]).read()
s.settimeout(0.5)
for _ in range(200):
    s.sendto(b"?", ("10.50.0.1", 8062))
    try:
        print("back:", s.recv(99).decode().strip())
        break
    except OSError:
        pass
' "$PWD/go" >said 2>&1 3>&- &
	asker=$!
	until_true 20 grep -q talking said
	cloche update --publish-rm 8062/udp talking
	flow_gone() { ! grep -q 'sport=5556 ' /proc/net/nf_conntrack 2>/dev/null; }
	until_true 20 flow_gone
	echo >go
	until_true 20 grep -q "no more" said
	cloche update --publish-add 8062:62/udp talking
	echo >go
	wait "$asker"
	assert_equal "$(tail -n 1 said)" "back: 10.50.0.11 talking"
	cloche rm -f talking
}

@test "the setting publish-address is the address of a -p without one" {
	run -0 env CLOCHE_PUBLISH_ADDRESS=127.0.0.1 "$CLOCHE" run -d --name near -p 8063:63 -p 10.50.0.1:8064:63 host python3 -c "$PEER" serve tcp 63 near
	run -0 cloche port near
	assert_output "$(printf '63/tcp -> 127.0.0.1:8063\n63/tcp -> 10.50.0.1:8064')"
	asked tcp 127.0.0.1 8063
	assert_equal "$(at lan peer ask tcp 10.50.0.1 8064)" "10.50.0.11 near"
	run ! at lan peer ask tcp 10.50.0.1 8063 1
	cloche rm -f near
}

@test "on a terminal run tells where a port is to be found, and that the host forwards packets, once" {
	cloche network create --subnet 172.28.0.0/24 told
	sysctl -q net.ipv4.ip_forward=0
	for name in first second; do
		[ $name = second ] || { port=8091; said="this host forwards packets from now on"; }
		[ $name = first ] || { port=8092; said=; }
		run -0 timeout 300 python3 "$BATS_TEST_DIRNAME/pty.py" "$CLOCHE" run -d --name $name --network told -p "$port:80" host sleep 600 <<<"end 0"
		assert_output --partial "port 80/tcp: http://localhost:$port/"
		[ -z "$said" ] || assert_output --partial "$said"
		[ -n "$said" ] || refute_output --partial "this host forwards"
	done
	assert_equal "$(sysctl -n net.ipv4.ip_forward)" 1
	cloche rm -f first second
	cloche network rm told
}

@test "the first publish beside a firewall says what that will not see, once" {
	nft add table inet firewalld
	nft add chain inet firewalld filter_INPUT
	run cloche run -d --name told -p 8061:61 host sleep 600
	assert_success
	assert_output --partial "firewalld does not see what comes to published ports"
	cloche rm -f told
	run cloche run -d --name told -p 8061:61 host sleep 600
	assert_success
	refute_output --partial "firewalld"
	cloche rm -f told
	nft delete table inet firewalld
}

@test "sockets shows a translated connection as what address of the host it came to" {
	cloche run -d --name holder -p 8070:7070 host python3 -c '
import socket
server, held = socket.create_server(("0.0.0.0", 7070)), []
while True:
    held.append(server.accept())' >/dev/null
	background at lan python3 -c '
import socket, time
while True:
    try:
        held = socket.create_connection(("10.50.0.1", 8070))
        break
    except OSError:
        time.sleep(0.1)
time.sleep(600)'
	held() { cloche sockets --container holder --established --no-headings | grep -q ' 10.50.0.11:'; }
	until_true 30 held
	run -0 cloche sockets --container holder --established --no-headings
	assert_output --regexp "$(ip4_of holder):7070 +10.50.0.11:[0-9]+ +ESTABLISHED +holder +cloche +[^ ]+ +10.50.0.1:8070"
	cloche rm -f holder >/dev/null
}
