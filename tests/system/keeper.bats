#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# cloche-keeper: what is killed or flushed is back without a command, and nothing needs it.
# shellcheck disable=SC2154,SC2016 # answer comes from asked; the scripts are for a shell below

load helper
load network_helper

setup_file()
{
	cloche_setup_file
	other_host lan 11
	serve web -p 8080:70 -- tcp 70
	asked tcp 127.0.0.1 8080
	bridge=$(cloche network inspect -f '{{.Cloche.Link}}' bridge)
	run=$CLOCHE_RUN_ROOT/$(cloche inspect -f '{{.Id}}' web)
	export bridge run table="cloche${bridge#cloche0}"
	cloche system keeper
}

teardown_file()
{
	cloche system keeper --stop
	network_cleanup lan
	cloche_teardown_file
}

pid_in() { cut -d ' ' -f 1 -s "$1" 2>/dev/null; }
# another FILE PID: the file names somebody else, who lives
another() { local now; now=$(pid_in "$1") && [ -n "$now" ] && [ "$now" != "$2" ] && [ -e "/proc/$now/exe" ]; }

@test "it runs once, and says so" {
	run -0 cloche system keeper --status
	pid=$(pid_in "$CLOCHE_RUN_ROOT/keeper")
	assert_output "cloche-keeper runs, pid $pid"
	run -0 cloche system keeper
	assert_equal "$(pid_in "$CLOCHE_RUN_ROOT/keeper")" "$pid"
}

@test "a killed monitor is restored, without a command" {
	was=$(pid_in "$run/monitor")
	held=$(pid_in "$run/holder")
	kill -KILL "$was"
	until_true 20 another "$run/monitor" "$was"
	until_true 20 another "$run/holder" "$held"
	assert_equal "$(cloche inspect -f '{{.State.Status}}' web)" running
}

@test "a killed monitor and its holder, too" {
	was=$(pid_in "$run/monitor")
	held=$(pid_in "$run/holder")
	kill -KILL "$held" "$was"
	until_true 20 another "$run/monitor" "$was"
	until_true 20 another "$run/holder" "$held"
}

@test "killed holders of ports and a killed name server are back, and serve" {
	was=$(pid_in "$run/publish")
	kill -KILL "$was"
	until_true 20 another "$run/publish" "$was"
	asked tcp ::1 8080
	was=$(pid_in "$CLOCHE_RUN_ROOT/resolve")
	kill -KILL "$was"
	until_true 20 another "$CLOCHE_RUN_ROOT/resolve" "$was"
	until_true 20 cloche exec web getent hosts host.cloche.internal
}

@test "a flushed ruleset is put back" {
	nft flush ruleset
	until_true 20 nft list table inet "$table" >/dev/null
	asked tcp 10.50.0.1 8080
	until_true 20 at lan peer ask tcp 10.50.0.1 8080
	# dockerd or ufw beside us, and their rules loaded anew
	iptables -P FORWARD DROP
	cloche network reload
	iptables -S FORWARD | grep -q "$bridge"
	iptables -F FORWARD
	until_true 20 sh -c 'iptables -S FORWARD | grep -q "$bridge"'
	iptables -P FORWARD ACCEPT
}

@test "what ends unseen is released, without a command" {
	cloche run -d --name felled host sleep 600
	dir=$CLOCHE_RUN_ROOT/$(cloche inspect -f '{{.Id}}' felled)
	entry=$(ip netns list | grep -o 'felled[^ ]*')
	# shellcheck disable=SC2046 # three numbers
	kill -KILL $(sed -sn '1s, .*,,p' "$dir/monitor" "$dir/holder" "$dir/init")
	until_true 20 sh -c '! [ -L "/run/netns/$1" ] && ! [ -e "$2" ]' sh "$entry" "$dir"
	cloche rm felled
}

@test "the link of the last network goes without coming back" {
	cloche network create passing >/dev/null
	cloche run --rm --network passing host true
	link=$(cloche network inspect -f '{{.Cloche.Link}}' passing)
	cloche network rm passing
	run ! ip link show "$link"
}

@test "its own memory is at most 256 KiB" {
	skip_if_sanitized
	small()
	{
		kb=$(awk '/^Pss:/ { print $2 }' "/proc/$(pid_in "$CLOCHE_RUN_ROOT/keeper")/smaps_rollup")
		[ "$kb" -le 256 ]
	}
	until_true 20 small || fail "$kb KiB" # while it works, it takes more
}

@test "kill -9 of it harms nothing, and it comes again when it is wanted" {
	was=$(pid_in "$CLOCHE_RUN_ROOT/keeper")
	kill -KILL "$was"
	gone() { ! cloche system keeper --status; }
	until_true 20 gone
	asked tcp 127.0.0.1 8080
	cloche exec web true
	kill -KILL "$(pid_in "$run/monitor")"
	run -0 cloche exec web true
	CLOCHE_KEEPER=true cloche run --rm --network none host true
	until_true 20 another "$CLOCHE_RUN_ROOT/keeper" "$was"
	run -0 cloche system keeper --status
	run -0 cloche system keeper --stop
	run -1 cloche system keeper --status
}
