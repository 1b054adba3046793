#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# pause, unpause, restart, rename.

# shellcheck disable=SC2016 # templates and scripts for containers have dollars of their own
load helper

# actions NAME: what happened to a container, in order.
actions() { cloche events --since 1h --until 0s --filter "container=$1" --format '{{.Action}}' | paste -sd' '; }

state() { cloche inspect -f '{{.State.Status}}' "$1"; }

stands_still()
{
	local before

	before=$(cloche logs still | wc -l)
	sleep 0.3
	[ "$(cloche logs still | wc -l)" -eq "$before" ]
}

@test "a paused container stands still and says so" {
	cloche run -d --name still host sh -c 'while :; do echo tick; sleep 0.02; done' >/dev/null
	run -0 cloche pause still
	[ "$output" = still ]
	[ "$(state still)" = paused ]
	[[ $(cloche ps --format '{{.Status}}' --filter name=still) == 'Up '*' (Paused)' ]]
	until_true 20 stands_still # what it had written before the pause may still be on its way to the log
	run -1 cloche pause still
	[[ $output == *'is already paused' ]]
	run -1 cloche exec still true
	[[ $output == *'is paused, unpause the container before exec'* ]]
	run -1 cloche rm still
	[[ $output == *'container is paused: unpause and then stop the container before removing or force remove' ]]
	cloche unpause still
	[ "$(state still)" = running ]
	run -1 cloche unpause still
	[[ $output == *'is not paused' ]]
	cloche exec still true
	cloche rm -f still
	[[ $(actions still) == 'create start pause unpause exec_create: true  exec_start: true  '* ]]
}

@test "what does not run cannot be paused" {
	cloche create --name cold host true >/dev/null
	run -1 cloche pause cold
	[[ $output =~ Container\ [0-9a-f]{64}\ is\ not\ running$ ]]
	run -1 cloche unpause nobody
	[[ $output == *'No such container: nobody' ]]
	cloche rm cold
}

@test "stop, kill and rm -f end a paused container" {
	for name in one two three; do
		cloche run -d --name "$name" host sh -c 'trap "exit 4" TERM; echo ready; while :; do sleep 0.05; done' >/dev/null
		until_true 20 logged "$name" ready
		cloche pause "$name"
	done
	cloche stop -t 30 one
	[ "$(cloche inspect -f '{{.State.ExitCode}}' one)" = 4 ]
	cloche kill two
	[ "$(cloche wait two)" = 137 ]
	cloche rm -f one two three
}

@test "a killed pause leaves nothing but a running container" {
	skip_unless_hooks
	cloche run -d --name half host sleep 1000 >/dev/null
	CLOCHE_KILL_POINT=pause-marked run -137 cloche pause half
	[ "$(state half)" = running ]
	cloche exec half true
	cloche pause half
	[ "$(state half)" = paused ]
	cloche rm -f half
}

@test "restart starts again what runs and what does not, and --rm stays" {
	cloche run -d --rm --name again host sh -c 'trap "exit 0" TERM; echo ready; while :; do sleep 0.05; done' >/dev/null
	until_true 20 logged again ready
	id=$(cloche inspect -f '{{.Id}}' again)
	first=$(cloche inspect -f '{{.State.Pid}}' again)
	run -0 cloche restart -t 20 again
	[ "$output" = again ]
	[ "$(cloche inspect -f '{{.Id}}' again)" = "$id" ]
	[ "$(cloche inspect -f '{{.State.Pid}}' again)" != "$first" ]
	[[ $(actions again) == 'create start kill die stop start restart' ]]
	cloche rm -f again
	cloche create --name fresh host true >/dev/null
	cloche restart fresh
	cloche wait fresh
	cloche rm fresh
	run -125 cloche restart -t x fresh
	[[ $output == *'invalid argument "x" for "-t, --timeout" flag'* ]]
}

@test "a running container can be renamed, and everything still finds it" {
	cloche run -d --name before host sleep 1000 >/dev/null
	cloche rename before after
	run -1 cloche inspect before
	[ "$(cloche exec after echo here)" = here ]
	[[ $(cloche inspect -f '{{.Name}} {{.Cloche.CgroupPath}}' after) == '/after '*/before-* ]]
	cloche pause after
	cloche unpause after
	cloche restart -t 0 after
	[[ $(cloche inspect -f '{{.Cloche.CgroupPath}}' after) == */after-* ]]
	[[ $(cloche events --since 1h --until 0s --filter event=rename --format '{{.Actor.Attributes.oldName}} {{.Actor.Attributes.name}}') == 'before after' ]]
	cloche run -d --name taken host sleep 1000 >/dev/null
	run -1 cloche rename after taken
	[[ $output == *'Conflict. The container name "/taken" is already in use by container "'*'". You have to remove (or rename) that container to be able to reuse that name.' ]]
	run -1 cloche rename after after
	run -1 cloche rename after 'a b'
	[[ $output == *'Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed' ]]
	cloche rm -f after taken
	run -0 cloche system check
}
