#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016 # scripts are for the shell in the container
# The event log: Docker's names, JSON lines on disk, rotated; followed without a daemon.

load helper

# actions NAME: of a container, in order.
actions() { cloche events --since 0 --until 0s --filter "container=$1" --format '{{.Action}}' | tr '\n' ' '; }

@test "the life of a container has Docker's event names, in their order" {
	cloche create --network none --name life host sleep 600
	cloche start life
	cloche exec life true
	cloche stop -t 1 life
	cloche rm life
	assert_equal "$(actions life | sed 's/exec_[a-z]*: [^ ]*//g; s/exec_[a-z]*//g' | tr -s ' ')" \
		"create start kill kill die stop destroy "
	cloche run --rm --network none --name short host true
	assert_equal "$(actions short)" "create attach start die destroy "
	cloche run -d --network none --name shot host sleep 600
	cloche kill -s KILL shot
	cloche wait shot
	assert_equal "$(actions shot)" "create start kill die "
	cloche rm shot
}

@test "networks, volumes, copies and prunes have Docker's events, too" {
	cloche network create wire >/dev/null
	cloche run -d --network wire --name both -v fresh:/v:ro host sleep 600 >/dev/null
	cloche cp both:/etc/hostname - >/dev/null
	cloche rm -f both
	cloche volume rm fresh
	cloche network rm wire
	cloche container prune -f >/dev/null
	run -0 cloche events --since 0 --until 0s --filter=event={connect,disconnect,mount,unmount,archive-path,prune,destroy} \
		--filter=event={kill,die} --format '{{.Type}} {{.Action}} {{range $k, $v := .Actor.Attributes}}{{if ne $k "container"}}{{$k}}={{$v}} {{end}}{{end}}'
	assert_output --partial "network connect name=wire type=bridge "
	assert_output --partial "volume mount destination=/v driver=local propagation= read/write=false "
	assert_output --partial "container archive-path image=host name=both "
	assert_output --partial "container kill image=host name=both signal=9 "
	assert_output --partial " exitCode=137 image=host name=both"
	assert_output --partial "network disconnect name=wire type=bridge "
	assert_output --partial "volume unmount driver=local "
	assert_output --partial "volume destroy driver=local "
	assert_output --partial "network destroy name=wire type=bridge "
	assert_output --partial "container prune reclaimed=0 "
	[ "$(cloche events --since 0 --until 0s --filter type=volume --format '{{.Action}} {{.Actor.ID}}' | head -n 1)" = "create fresh" ]
}

@test "an event is a line of JSON with Docker's fields" {
	cloche run --network none --name fields --label colour=red host sh -c 'exit 3' || :
	id=$(cloche inspect -f '{{.Id}}' fields)
	grep "$id" "$CLOCHE_ROOT/events" >mine
	jq -es --arg id "$id" 'map(select(.Action == "die")) | length == 1 and (.[0] |
		.status == "die" and .id == $id and .from == "host" and .Type == "container" and
		.Actor.ID == $id and .Actor.Attributes.name == "fields" and .Actor.Attributes.image == "host" and
		.Actor.Attributes.exitCode == "3" and .scope == "local" and
		(.timeNano / 1000000000 | floor) == .time)' mine
	cloche rm fields
}

@test "events follows, and filters by type, event, container, image and label" {
	"$CLOCHE" events --filter event=die --filter container=seen --format '{{.Actor.Attributes.name}}' >followed &
	follower=$!
	until_true 10 follows "$follower"
	cloche run --rm --network none --name other host true
	cloche run --rm --network none --name seen host true
	until_true 10 grep -q seen followed
	assert_equal "$(cat followed)" seen
	kill "$follower"
	wait "$follower" || :
	cloche volume create vol
	cloche volume rm vol
	run cloche events --since 0 --until 0s --filter volume=vol --format '{{.Action}} {{.Actor.ID}}'
	assert_output "create vol
destroy vol"
	run cloche events --since 0 --until 0s --filter nonsense
	assert_failure
}

follows() { find "/proc/$1/fd" -lname '*inotify*' 2>/dev/null | grep -q .; }

@test "events --until ends by itself, and --since leaves out what was before" {
	now=$(date +%s.%N)
	cloche run --rm --network none --name later host true
	run cloche events --since "$now" --until 0s --format '{{.Action}}'
	assert_line create
	run timeout 100 "$CLOCHE" events --since "$now" --until "$(date -d '+1 second' +%s)" --format '{{.Action}}'
	assert_success
	assert_line create
	run cloche events --since 1h --until "$now" --filter container=later
	assert_output ""
}

@test "events have the labels, which they can be asked by" {
	cloche create --network none --name one --label paint=red --label shape=round host true
	cloche create --network none --name two --label paint=blue host true
	of() { cloche events --since 0 --until 0s --filter event=create --filter "label=$1" --format '{{.Actor.Attributes.name}}' | tr '\n' ' '; }
	assert_equal "$(of paint=red)" "one "
	assert_equal "$(of paint)" "one two "
	assert_equal "$(of paint=green)" ""
	cloche events --since 0 --until 0s --filter container=one | grep -q '(image=host, name=one, paint=red, shape=round)$'
	cloche rm one two
}

@test "an exec is created, started and dies, with its id and exit code" {
	cloche run -d --network none --name busy host sleep 600
	run cloche exec busy sh -c 'exit 5'
	assert_failure 5
	cloche exec -d busy true
	cloche events --since 0 --until 0s --filter container=busy --format '{{json .}}' | grep exec_ >seen
	jq -es 'map(.Action) == ["exec_create: sh -c exit 5", "exec_start: sh -c exit 5", "exec_die",
		"exec_create: true ", "exec_start: true ", "exec_detach"] and
		.[2].Actor.Attributes.exitCode == "5" and
		(.[0:3] | map(.Actor.Attributes.execID) | unique | length == 1 and (.[0] | length == 64))' seen
	assert_equal "$(cloche events --since 0 --until 0s --filter container=busy --filter event=exec_die --format '{{.Action}}')" exec_die
	assert_equal "$(cloche events --since 0 --until 0s --filter container=busy --filter event=exec_create --format x | wc -l)" 2
	cloche rm -f busy
}

@test "the log is rotated at 16 MiB, nothing is lost, and a follower goes on" {
	"$CLOCHE" events --format '{{.Actor.Attributes.name}}' >followed &
	follower=$!
	until_true 10 follows "$follower"
	head -c 16777216 /dev/zero | tr '\0' '\n' >>"$CLOCHE_ROOT/events"
	cloche create --network none --name after host true
	[ -e "$CLOCHE_ROOT/events.1" ]
	[ "$(stat -c %s "$CLOCHE_ROOT/events")" -lt 100000 ]
	until_true 10 grep -q after followed
	kill "$follower"
	wait "$follower" || :
	assert_equal "$(cloche events --since 0 --until 0s --filter container=after --format '{{.Action}}')" create
	[ -n "$(cloche events --since 0 --until 0s --filter container=seen --format '{{.Action}}')" ]
	cloche rm after
}

@test "the exit record: code, signal, OOM, times, written at once and whole" {
	cloche run --network none --name rec host sh -c 'exit 7' || :
	record=$CLOCHE_ROOT/containers/$(cloche inspect -f '{{.Id}}' rec)/exit
	assert_equal "$(sed 's/_ns=[0-9]*/_ns=N/' "$record" | tr '\n' ' ')" \
		"code=7 signal=0 oom=0 unknown=0 started_ns=N finished_ns=N "
	cloche rm rec
	cloche run -d --network none --name rec host sleep 600
	cloche kill -s TERM rec 2>/dev/null || :
	cloche kill rec 2>/dev/null || :
	cloche wait rec
	record=$CLOCHE_ROOT/containers/$(cloche inspect -f '{{.Id}}' rec)/exit
	grep -qx 'code=137' "$record"
	grep -qx 'signal=9' "$record"
	cloche rm rec
}

@test "an OOM kill is told by inspect, ps and events" {
	skip_unless_cgroup memory
	run cloche run --network none --name oom -m 16m host sh -c 'x=$(head -c 100000000 /dev/zero | tr "\0" x); echo no'
	assert_failure 137
	assert_equal "$(cloche inspect -f '{{.State.OOMKilled}}' oom)" true
	cloche events --since 0 --until 0s --filter container=oom --format '{{.Action}}' | grep -qx oom
	cloche rm oom
}
