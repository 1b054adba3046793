#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016 # scripts are for the shell in the container
# Health checks: what a container's own command says of it, in ps and inspect, and what is done about it.

load helper

health() { cloche inspect -f '{{.State.Health.Status}}' "$1"; }
is() { [ "$(health "$1")" = "$2" ]; }
status_of() { cloche ps -a --filter "name=$1" --format '{{.Status}}'; }

# The event comes after the status.
three_told()
{
	cloche events --since 0 --until 0s --filter container=sick --format '{{.Action}}' | grep '^health_status' >seen
	[ "$(wc -l <seen)" -ge 3 ]
}

teardown() { remove_containers; }

checked() # NAME OPTION... -- COMMAND...
{
	local name=$1
	local -a options=()

	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	cloche run -d --network none --name "$name" "${options[@]}" host "$@"
}

@test "starting, healthy, unhealthy, healthy: ps, inspect, filters and events say so" {
	# the start period: however late we look, what fails before `touch` does not count
	checked sick --health-cmd 'echo looked; test -e /tmp/well' --health-interval 200ms --health-retries 2 \
		--health-start-period 600s --health-start-interval 200ms -- sleep 600
	is sick starting
	[[ $(status_of sick) == *"(health: starting)" ]]
	cloche exec sick touch /tmp/well
	until_true 20 is sick healthy
	[[ $(status_of sick) == "Up "*"(healthy)" ]]
	assert_equal "$(cloche ps -q --filter health=healthy | wc -l)" 1
	assert_equal "$(cloche ps -q --filter health=unhealthy | wc -l)" 0
	run cloche ps --filter health=nonsense
	assert_failure
	assert_output --partial "invalid filter 'health=nonsense'"
	cloche exec sick rm /tmp/well
	until_true 20 is sick unhealthy
	[[ $(status_of sick) == "Up "*"(unhealthy)" ]]
	[ "$(cloche inspect -f '{{.State.Health.FailingStreak}}' sick)" -ge 2 ]
	cloche exec sick touch /tmp/well
	until_true 20 is sick healthy
	assert_equal "$(cloche inspect -f '{{.State.Health.FailingStreak}}' sick)" 0
	until_true 20 three_told
	assert_equal "$(cat seen)" "health_status: healthy
health_status: unhealthy
health_status: healthy"
	cloche inspect sick >all
	jq -e '.[0].State.Health.Log | length <= 5 and (.[-1] | .ExitCode == 0 and .Output == "looked\n" and
		(.Start | test("^20")) and (.End | test("^20")))' all
	jq -e '.[0].Config.Healthcheck == { Test: ["CMD-SHELL", "echo looked; test -e /tmp/well"],
		Interval: 200000000, Retries: 2, StartPeriod: 600000000000, StartInterval: 200000000 }' all
}

@test "a check that takes too long is ended, and counts as a failure" {
	checked hangs --health-cmd 'sleep 600' --health-interval 100ms --health-timeout 300ms --health-retries 1 -- sleep 600
	until_true 20 is hangs unhealthy
	assert_equal "$(cloche inspect hangs | jq '.[0].State.Health.Log[0].ExitCode')" -1
	cloche inspect hangs | grep -q 'Health check exceeded timeout (0.3s)'
}

@test "in the start period failures do not count, and checks come at the start interval" {
	checked slow --health-cmd 'test -e /tmp/well' --health-interval 600s --health-retries 1 \
		--health-start-period 600s --health-start-interval 100ms -- sleep 600
	until_true 20 looked slow
	is slow starting
	cloche exec slow touch /tmp/well
	until_true 20 is slow healthy
}

looked() { [ "$(cloche inspect "$1" | jq '.[0].State.Health.Log | length')" -ge 3 ]; }

@test "--health-on-failure: restart, stop, and kill with a restart policy" {
	checked again --health-cmd false --health-interval 100ms --health-retries 1 --health-on-failure restart --stop-timeout 1 -- sleep 600
	first=$(cloche inspect -f '{{.State.StartedAt}}' again)
	until_true 40 started_after again "$first"
	checked stops --health-cmd false --health-interval 100ms --health-retries 1 --health-on-failure stop --stop-timeout 1 -- sleep 600
	until_true 40 exited stops
	checked kills --restart always --health-cmd false --health-interval 100ms --health-retries 1 --health-on-failure kill -- sleep 600
	until_true 40 restarted kills
}

started_after() { [[ $(cloche inspect -f '{{.State.StartedAt}}' "$1") > $2 ]]; }
exited() { [ "$(cloche inspect -f '{{.State.Status}}' "$1")" = exited ]; }
restarted() { [ "$(cloche inspect -f '{{.RestartCount}}' "$1")" -ge 1 ]; }

@test "a new monitor goes on checking" {
	checked kept --health-cmd 'test -e /tmp/well' --health-interval 200ms -- sleep 600
	id=$(cloche inspect -f '{{.Id}}' kept)
	kill -KILL "$(cut -d ' ' -f 1 "$CLOCHE_RUN_ROOT/$id/monitor")"
	until_true 10 test -e "$CLOCHE_ROOT/locks/$id"
	cloche exec kept touch /tmp/well
	until_true 20 is kept healthy
}

@test "an image's HEALTHCHECK is used, options go over it, --no-healthcheck takes it away" {
	mkdir -p root/bin
	cp "$(command -v busybox)" root/bin/busybox
	ln -s busybox root/bin/sh
	tar -C root -cf root.tar .
	python3 - <<-'END'
		import hashlib, json, tarfile
		config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [
		    "sha256:" + hashlib.sha256(open("root.tar", "rb").read()).hexdigest()]},
		    "config": {"Healthcheck": {"Test": ["CMD", "/bin/busybox", "true"], "Interval": 200000000}}}
		json.dump(config, open("config.json", "w"))
		json.dump([{"Config": "config.json", "RepoTags": ["checked:1"], "Layers": ["root.tar"]}], open("manifest.json", "w"))
		with tarfile.open("image.tar", "w") as archive:
		    for name in "manifest.json", "config.json", "root.tar":
		        archive.add(name)
	END
	cloche load -i image.tar
	cloche run -d --network none --name image checked:1 /bin/busybox sleep 600
	until_true 20 is image healthy
	cloche run -d --network none --name none --no-healthcheck checked:1 /bin/busybox sleep 600
	assert_equal "$(cloche inspect none | jq -c '.[0].Config.Healthcheck, .[0].State.Health')" '{"Test":["NONE"]}
null'
	assert_equal "$(cloche ps -q --filter health=none | wc -l)" 1
	cloche rm -f image none
	cloche rmi checked:1
}

@test "wrong options are refused with Docker's words" {
	run cloche run -d --network none --health-cmd true --health-interval soon host true
	assert_failure 125
	assert_output --partial 'invalid argument "soon" for "--health-interval" flag'
	run cloche run -d --network none --health-cmd true --health-interval 1us host true
	assert_failure 125
	assert_output --partial "cannot be less than 1ms"
	run cloche run -d --network none --health-cmd true --no-healthcheck host true
	assert_failure 125
	assert_output --partial "--no-healthcheck conflicts with --health-* options"
	assert_equal "$(cloche ps -aq)" ""
}

@test "update gives a running container another check, or none" {
	checked other -- sleep 600
	assert_equal "$(cloche inspect -f '{{.State.Health}}' other)" "<nil>"
	cloche update --health-cmd 'test -e /tmp/well' --health-interval 100ms --health-retries 1 other
	until_true 20 is other unhealthy
	cloche exec other touch /tmp/well
	until_true 20 is other healthy
	cloche update --health-cmd false other
	until_true 20 is other unhealthy
	assert_equal "$(cloche inspect -f '{{index .Config.Healthcheck.Test 1}} {{.Config.Healthcheck.Retries}}' other)" "false 1"
	cloche update --no-healthcheck other
	[[ $(status_of other) != *health* ]]
	run cloche update --health-interval never other
	assert_failure
	[[ $output == *'invalid duration "never"'* ]]
}
