#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016 # scripts are for the shells that run side by side
# 64 commands at once: on different containers, on the same one, and for the same name.

load helper

# at_once NUMBER SCRIPT: SCRIPT NUMBER times side by side, with $1 from 1 on; status and words in out.N.
at_once()
{
	local i code

	for ((i = 1; i <= $1; i++)); do
		{
			code=0
			timeout 300 bash -c "$2" at_once "$i" >"out.$i" 2>&1 || code=$?
			echo "status $code" >>"out.$i"
		} &
	done
	wait
	! grep -l "^status 124" out.* || fail "these did not end"
}

statuses() { grep -h '^status' out.* | sort | uniq -c | sed 's/^ *//'; }

sound()
{
	run cloche system check
	assert_success
}

@test "64 containers started and removed at once" {
	at_once 64 '"$CLOCHE" run -d --network none --name "many$1" host sleep 600'
	assert_equal "$(statuses)" "64 status 0"
	assert_equal "$(cloche ps -q | wc -l)" 64
	# every one has a range of its own, and the kernel agrees
	assert_equal "$(cloche ps -q | xargs "$CLOCHE" inspect -f '{{.Cloche.UidRange}}' | sort | uniq -d)" ""
	assert_equal "$(cloche ps -q | xargs "$CLOCHE" inspect -f '{{.State.Pid}}' |
		xargs -I{} awk '$1 == 0 { print $2 }' /proc/{}/uid_map | sort -u | wc -l)" 64
	assert_equal "$(grep -c '"Action":"start"' "$CLOCHE_ROOT/events")" 64
	sound
	at_once 64 '"$CLOCHE" rm -f "many$1"'
	assert_equal "$(statuses)" "64 status 0"
	assert_equal "$(cloche ps -aq)" ""
	sound
	assert_no_leftovers
}

@test "64 run --rm at once, each with its own exit code and output" {
	at_once 64 '"$CLOCHE" run --rm --network none host sh -c "echo hello $1; exit $1"'
	for ((i = 1; i <= 64; i++)); do
		assert_equal "$(cat "out.$i")" "hello $i
status $i"
	done
	assert_equal "$(cloche ps -aq)" ""
	sound
}

@test "one name, 64 takers: one gets it" {
	at_once 64 '"$CLOCHE" create --network none --name same host sleep 600'
	assert_equal "$(statuses)" "1 status 0
63 status 1"
	assert_equal "$(grep -l 'is already in use by container' out.* | wc -l)" 63
	assert_equal "$(cloche ps -aq | wc -l)" 1
	cloche rm same
	sound
}

@test "64 commands on one container: start, stop, kill, exec, restart, inspect, logs, ps" {
	cloche create --network none --name one host sh -c 'echo started; exec sleep 600'
	at_once 64 '
		case $(($1 % 8)) in
		0) "$CLOCHE" start one ;;
		1) "$CLOCHE" stop -t 1 one ;;
		2) "$CLOCHE" kill one ;;
		3) "$CLOCHE" exec one true ;;
		4) "$CLOCHE" inspect one >/dev/null ;;
		5) "$CLOCHE" logs one >/dev/null ;;
		6) "$CLOCHE" ps -a >/dev/null ;;
		7) "$CLOCHE" start one ;;
		esac'
	# those that only look, start or stop always succeed
	for ((i = 1; i <= 64; i++)); do
		case $((i % 8)) in
		2 | 3) ;;
		*) [ "$(tail -n 1 "out.$i")" = "status 0" ] || fail "$i:" "$(cat "out.$i")" ;;
		esac
	done
	cloche start one
	cloche exec one true
	sound
	cloche rm -f one
	assert_no_leftovers
}

@test "64 rm -f of one container: it is gone, and nobody complains of anything but that" {
	cloche run -d --network none --name one host sleep 600
	at_once 64 '"$CLOCHE" rm -f one'
	run grep -hv -e '^status' -e '^one$' -e 'No such container: one' out.*
	assert_output ""
	assert_equal "$(cloche ps -aq)" ""
	sound
	assert_no_leftovers
}

@test "16 volumes shared and removed by 64 commands" {
	at_once 64 '"$CLOCHE" run --rm --network none -v "vol$(($1 % 16)):/vol" host sh -c "echo $1 >>/vol/all"'
	assert_equal "$(statuses)" "64 status 0"
	assert_equal "$(cloche volume ls -q | wc -l)" 16
	assert_equal "$(cat "$CLOCHE_ROOT"/volumes/vol*/_data/all | sort -n | tr '\n' ' ')" "$(seq 64 | tr '\n' ' ')"
	at_once 64 '"$CLOCHE" volume rm "vol$(($1 % 16))"'
	assert_equal "$(cloche volume ls -q)" ""
	sound
}

@test "two instances on one host do not meet: names are their own, id ranges are not shared" {
	local other=$CLOCHE_TEST_DIR/other

	mkdir -m 0700 "$other" "$other/lib"
	mkdir -m 0711 "$other/run"
	cloche run -d --network none --name twin host sleep 600
	cloche --root "$other/lib" --run-root "$other/run" run -d --network none --name twin host sleep 600
	assert_equal "$(cloche ps -q | wc -l)" 1
	first=$(cloche inspect -f '{{.Cloche.UidRange}}' twin)
	second=$(cloche --root "$other/lib" --run-root "$other/run" inspect -f '{{.Cloche.UidRange}}' twin)
	[ "$first" != "$second" ]
	cgroup=$(cut -d : -f 3 "/proc/$(cloche inspect -f '{{.State.Pid}}' twin)/cgroup" | grep twin | sort -u)
	other_cgroup=$(cut -d : -f 3 "/proc/$(cloche --root "$other/lib" --run-root "$other/run" inspect -f '{{.State.Pid}}' twin)/cgroup" |
		grep twin | sort -u)
	[ "${cgroup%/*}" != "${other_cgroup%/*}" ]
	cloche rm -f twin
	cloche --root "$other/lib" --run-root "$other/run" exec twin true
	cloche --root "$other/lib" --run-root "$other/run" system check
	cloche --root "$other/lib" --run-root "$other/run" rm -f twin
	rmdir /sys/fs/cgroup/*/"$(instance_cgroup "$other/run")" 2>/dev/null || : # what it keeps for its next container
}
