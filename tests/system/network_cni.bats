#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# --network cni:NAME, with Debian's plugins.
# shellcheck disable=SC2154 # answer comes from asked

load helper
load network_helper

setup_file()
{
	cloche_setup_file
	[ -x /usr/lib/cni/bridge ] || return 0
	other_host lan 11
	sysctl -q net.ipv4.ip_forward=1
	mkdir -p "$CLOCHE_TEST_DIR/cni"
	mkdir -p /etc/cni/net.d
	mount -t tmpfs -o mode=0755,size=1m cni /etc/cni/net.d
	cat >/etc/cni/net.d/10-yard.conflist <<-END
		{ "cniVersion": "1.0.0", "name": "yard", "plugins": [
		  { "type": "bridge", "bridge": "yard0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
		    "ipam": { "type": "host-local", "dataDir": "$CLOCHE_TEST_DIR/cni",
		      "ranges": [[{ "subnet": "10.88.7.0/24" }], [{ "subnet": "fd88:7::/64" }]],
		      "routes": [{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }] } },
		  { "type": "portmap", "capabilities": { "portMappings": true } } ] }
	END
	cat >/etc/cni/net.d/20-plain.conf <<-END
		{ "cniVersion": "0.4.0", "name": "plain", "type": "bridge", "bridge": "yard1", "isGateway": true,
		  "ipam": { "type": "host-local", "dataDir": "$CLOCHE_TEST_DIR/cni", "subnet": "10.88.8.0/24" } }
	END
	cat >/etc/cni/net.d/30-odd.conf <<-END
		{ "cniVersion": "0.4.0", "name": "odd", "type": "no-such-plugin" }
	END
}

setup()
{
	cloche_setup
	[ -x /usr/lib/cni/bridge ] || skip "this host has no CNI plugins in /usr/lib/cni"
}

teardown_file()
{
	if [ -x /usr/lib/cni/bridge ]; then
		umount /etc/cni/net.d
		ip link del yard0 2>/dev/null || :
		ip link del yard1 2>/dev/null || :
		network_cleanup lan
	fi
	cloche_teardown_file
}

leases() { find "$CLOCHE_TEST_DIR/cni" -name '10.88.*' -o -name 'fd88*' | wc -l; }

@test "add: addresses, a way out, a published port, and all in inspect" {
	serve web --network cni:yard -p 8080:80 -- tcp 80
	ip=$(cloche inspect -f '{{(index .NetworkSettings.Networks "cni:yard").IPAddress}}' web)
	[[ $ip == 10.88.7.* ]]
	run -0 cloche inspect -f '{{(index .NetworkSettings.Networks "cni:yard").Gateway}}' web
	assert_output 10.88.7.1
	asked tcp "$ip" 80
	until_true 20 at lan peer ask tcp 10.50.0.1 8080 2
	assert_equal "$(at lan peer ask tcp 10.50.0.1 8080)" "10.50.0.11 web"
	background at lan peer serve tcp 7001
	asked tcp 10.50.0.11 7001
	assert_equal "$(cloche exec web python3 -c "$PEER" ask tcp 10.50.0.11 7001)" 10.50.0.1
	run -0 ip netns list
	assert_output --partial web
}

@test "check: what the plugins made is missed when it is gone" {
	# without a port: portmap 1.1 looks for its IPv4 rules in IPv6's table, too
	cloche run -d --name still --network cni:yard host sleep 600
	run -0 cloche network doctor still
	assert_output --regexp 'ok +cni +its plugins find all as they made it'
	ip netns exec "$(ip netns list | grep -o 'still[^ ]*' | head -n 1)" ip address flush dev eth0
	run -1 cloche network doctor -q still
	assert_output --partial "CNI plugin bridge, CHECK:"
	cloche rm -f still
}

@test "delete: at a stop, at an end, after a failed start and after kill -9 of everything" {
	assert_equal "$(leases)" 2
	cloche stop -t 0 web
	assert_equal "$(leases)" 0
	run ! at lan peer ask tcp 10.50.0.1 8080 1
	cloche start web
	assert_equal "$(leases)" 2
	dir=$CLOCHE_RUN_ROOT/$(cloche inspect -f '{{.Id}}' web)
	init=$(head -n 1 "$dir/init" | cut -d ' ' -f 1)
	kill -KILL "$(head -n 1 "$dir/monitor" | cut -d ' ' -f 1)" "$(head -n 1 "$dir/holder" | cut -d ' ' -f 1)" "$init"
	until_true 20 test ! -e "/proc/$init/ns/net"
	cloche ps >/dev/null
	until_true 20 test ! -e "$dir"
	assert_equal "$(leases)" 0
	cloche rm web
	run -0 cloche run --rm --network cni:plain host ip -o -4 address show eth0
	assert_output --partial 10.88.8.
	run -127 cloche run --rm --network cni:yard host /no/such/program
	assert_equal "$(leases)" 0
}

@test "what cannot be is refused before anything runs" {
	run -125 cloche run --rm --network cni:nowhere host true
	assert_output --partial "no CNI network nowhere in /etc/cni/net.d"
	run -125 cloche run --rm --network cni:odd host true
	assert_output --partial "CNI network odd: no plugin no-such-plugin in /opt/cni/bin:/usr/lib/cni"
	run -125 cloche run --rm --network cni:plain -p 8080:80 host true
	assert_output --partial "CNI network plain has no plugin that publishes ports; add the plugin portmap to its list"
	run -125 cloche run --rm --network cni:yard -p 80 host true
	assert_output --partial "a CNI network wants one port of the host, not any"
	run -125 cloche run --rm --network cni: host true
	assert_output --partial "wants the name of a list"
	assert_equal "$(leases)" 0
}
