#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016,SC2154 # expanded by the shell in the container; set by bats' run
# The verbs of a container's life: what they print, where, and with which exit code.

load helper
load box

setup_file()
{
	cloche_setup_file
	make_box
}

teardown() { remove_containers; }

# sleeper NAME: a container that ends at TERM with 3.
sleeper()
{
	cloche run -d --name "$1" --network none box sh -c 'trap "exit 3" TERM; echo ready; while :; do sleep 0.05; done'
	until_true 20 logged "$1" ready
}

@test "create, start, stop, start again, wait, rm: each prints what it was given" {
	run cloche create --name web --network none box sh -c 'exit 4'
	[[ $output =~ ^[0-9a-f]{64}$ ]]
	assert_equal "$(of web State.Status)$(of web State.Running)$(of web State.Pid)" '"created"false0'
	run cloche start web
	assert_output web
	run cloche wait web
	assert_output 4
	assert_equal "$(of web State.Status)$(of web State.ExitCode)" '"exited"4'
	run cloche start -a web
	assert_failure 4
	run cloche rm web
	assert_output web
	run cloche rm web
	assert_failure 1
	assert_output --partial 'No such container: web'
}

@test "each verb exists in its short and its long form, and both do the same" {
	for form in '' container; do
		# shellcheck disable=SC2086 # a word or none
		{
			cloche $form create --name web --network none box sleep 1000
			cloche $form start web
			cloche $form ps -q 2>/dev/null || cloche $form ls -q
			cloche $form exec web true
			cloche $form logs web
			cloche $form inspect web >/dev/null
			cloche $form kill web
			cloche $form wait web
			cloche $form start web
			cloche $form stop -t 0 web
			cloche $form rm web
			cloche $form run --rm --network none box true
		}
	done
	for verb in run create start stop kill rm exec logs attach wait inspect; do
		run cloche container "$verb" --help
		assert_success
		assert_output --partial "cloche container $verb"
	done
	for verb in ls ps list; do
		run cloche container "$verb" -q
		assert_success
	done
}

@test "stop: the signal, the grace, the name; of a stopped one it is 0" {
	sleeper web
	run cloche stop web
	assert_success
	assert_output web
	assert_equal "$(of web State.ExitCode)" 3
	run cloche stop web
	assert_success
	assert_output web
	cloche run -d --name stubborn --network none box sleep 1000 # pid 1 without a handler
	run cloche stop -t 0 stubborn
	assert_success
	assert_equal "$(of stubborn State.ExitCode)" 137
	run cloche stop no-such
	assert_failure 1
	assert_output --partial 'No such container: no-such'
	run cloche stop -t x web
	assert_failure
	sleeper other
	cloche stop -s KILL other
	assert_equal "$(of other State.ExitCode)" 137
}

@test "kill: KILL by default, signals by name and number; not of a stopped one" {
	sleeper web
	run cloche kill -s TERM web
	assert_output web
	run cloche wait web
	assert_output 3
	run cloche kill web
	assert_failure 1
	assert_output --partial 'is not running'
	sleeper two
	cloche kill --signal=15 two
	run cloche wait two
	assert_output 3
	cloche run -d --name three --network none box sleep 1000
	cloche kill -s SIGKILL three
	assert_equal "$(of three State.ExitCode)" 137
	cloche start three
	run cloche kill -s NONSENSE three
	assert_failure 1
	assert_output --partial 'nvalid signal: NONSENSE'
}

@test "rm: a running one is refused, -f takes it; many, some of them unknown" {
	cloche run -d --name web --network none box sleep 1000
	run cloche rm web
	assert_failure 1
	assert_output --partial 'cannot remove container "/web": container is running: stop the container before removing or force remove'
	run cloche rm -f web
	assert_success
	assert_output web
	run cloche rm -f no-such
	assert_success
	assert_output --partial 'No such container: no-such'
	cloche create --name one --network none box true
	cloche create --name two --network none box true
	run --separate-stderr cloche rm one no-such two
	assert_failure 1
	assert_equal "$output" $'one\ntwo'
	[[ $stderr == *'No such container: no-such'* ]]
}

@test "start: of a running one it is 0; of many; unknown ones are told" {
	cloche run -d --name web --network none box sleep 1000
	pid=$(of web State.Pid)
	run cloche start web
	assert_success
	assert_output web
	assert_equal "$(of web State.Pid)" "$pid"
	cloche create --name two --network none box true
	run --separate-stderr cloche start two no-such
	assert_failure 1
	assert_equal "$output" two
	[[ $stderr == *'No such container: no-such'* ]]
}

@test "what a container wrote and changed is there after a restart of it" {
	cloche run --name web --network none box sh -c '[ -e /count ] && cat /count; echo x >>/count'
	cloche start -a web
	run cloche start -a web
	assert_output $'x\nx'
	run cloche logs web
	assert_equal "${#lines[@]}" 3
}

@test "abbreviated ids: any prefix that names one, and an error when it names two" {
	id=$(cloche create --network none box true)
	assert_equal "$(of "${id:0:6}" Id)" "\"$id\""
	assert_equal "$(of "${id:0:1}" Id)" "\"$id\""
	assert_equal "$(of "$id" Id)" "\"$id\""
	for _ in $(seq 16); do # of 17 ids two begin with the same digit
		cloche create --network none box true >/dev/null
	done
	double=$(cloche ps -aq | cut -c 1 | sort | uniq -d | head -1)
	run cloche inspect "$double"
	assert_failure 1
	run cloche start "$double"
	assert_failure 1
	assert_output --partial "ultiple IDs found with provided prefix: $double"
	# a name goes before an id
	cloche create --name "${id:0:4}" --network none box true >/dev/null
	assert_equal "$(of "${id:0:4}" Name)" "\"/${id:0:4}\""
}

@test "ps: columns, running only or all, quiet, last, filters, format" {
	cloche run -d --name up --network none -l tier=web box sleep 1000
	cloche run --name down --network none box sh -c 'exit 3' || :
	cloche create --name new --network none box true
	run cloche ps
	assert_equal "${#lines[@]}" 2
	[[ ${lines[0]} =~ ^CONTAINER\ ID\ +IMAGE\ +COMMAND\ +CREATED\ +STATUS\ +PORTS\ +NAMES$ ]]
	[[ ${lines[1]} =~ ^[0-9a-f]{12}\ +box\ +\"sleep\ 1000\"\ +[A-Za-z0-9\ ]+\ ago\ +Up\ .*\ up$ ]]
	run cloche ps -a --format '{{.Names}} {{.State}} {{.Status}}'
	assert_equal "$(sed 's/ Up .*/ Up/; s/ Exited (3) .*/ Exited (3)/' <<<"$output")" \
		$'new created Created\ndown exited Exited (3)\nup running Up'
	assert_equal "$(cloche ps -l --format '{{.Names}}')" new
	assert_equal "$(cloche ps -n 2 --format '{{.Names}}')" $'new\ndown'
	assert_equal "$(cloche ps -q)" "$(of up Id | cut -c 2-13)"
	assert_equal "$(cloche ps -a -f status=exited --format '{{.Names}}')" down
	assert_equal "$(cloche ps -a -f exited=3 --format '{{.Names}}')" down
	assert_equal "$(cloche ps -a -f label=tier=web --format '{{.Names}}')" up
	assert_equal "$(cloche ps -a -f name=ow --format '{{.Names}}')" down
	assert_equal "$(cloche ps -a -f ancestor=box -q | wc -l)" 3
	assert_equal "$(cloche ps -a --format json | jq -r .Names | sort | tr '\n' ' ')" 'down new up '
	run cloche ps --format 'table {{.Names}}\t{{.Image}}'
	[[ ${lines[0]} =~ ^NAMES\ +IMAGE$ ]]
	run cloche ps -f nonsense=x
	assert_failure
	run cloche ps --no-trunc -q
	assert_equal "${#output}" 64
}

@test "logs: both streams where they belong, tail, since, timestamps" {
	# each line is in the log before the next is written: of two streams that wait together nobody knows the order
	cloche run -d -i --name web --network none box sh -c 'echo out1; read -r _; echo err1 >&2; read -r _; echo out2'
	(until_true 20 logged web out1; echo; until_true 20 logged web err1; echo) | timeout 120 "$CLOCHE" attach web >/dev/null 2>&1
	cloche wait web
	run --separate-stderr cloche logs web
	assert_equal "$output" $'out1\nout2'
	assert_equal "$stderr" err1
	run cloche logs -n 1 web
	assert_output out2
	run cloche logs -t web
	[[ ${lines[0]} =~ ^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z\ out1$ ]]
	run cloche logs --since 1h web
	assert_equal "${#lines[@]}" 3
	run cloche logs --until 1h web
	assert_output ""
	run cloche logs no-such
	assert_failure 1
	assert_output --partial 'No such container: no-such'
}

@test "logs -f follows to the end" {
	cloche run -d --name web --network none box sh -c 'echo one; sleep 0.3; echo two'
	run timeout 100 "$CLOCHE" logs -f web
	assert_success
	assert_output $'one\ntwo'
}

@test "wait: waits, prints the code, of many in order" {
	cloche run -d --name web --network none box sh -c 'sleep 0.2; exit 6'
	run cloche wait web
	assert_success
	assert_output 6
	cloche run -d --name two --network none box sh -c 'exit 2'
	run cloche wait web two
	assert_output $'6\n2'
	run cloche wait no-such
	assert_failure 1
	assert_output --partial 'No such container: no-such'
}

@test "inspect: Docker's structure, formats, unknown objects" {
	cloche run -d --name web --network none -e A=b -w /srv -l x=y -u 5:6 -m 64m --read-only --cap-add NET_RAW box sleep 1000
	run cloche inspect web
	assert_success
	assert_equal "$(jq -r '.[0] | [.Name, .Path, .Driver, .Platform, .State.Status, .RestartCount] | map(tostring) | join(" ")' <<<"$output")" \
		'/web sleep overlay linux running 0'
	assert_equal "$(jq -c '.[0].Args, .[0].Config.Env[-1], .[0].Config.Labels.x, .[0].Config.User, .[0].Config.WorkingDir' <<<"$output")" \
		$'["1000"]\n"A=b"\n"y"\n"5:6"\n"/srv"'
	assert_equal "$(jq -c '.[0].HostConfig | .Memory, .ReadonlyRootfs, .CapAdd, .Privileged, .NetworkMode, .AutoRemove' <<<"$output")" \
		$'67108864\ntrue\n["CAP_NET_RAW"]\nfalse\n"none"\nfalse'
	for path in Id Created State.Pid State.StartedAt State.FinishedAt State.Error State.OOMKilled State.Dead \
		State.Paused State.Restarting Image LogPath HostConfig.LogConfig.Type HostConfig.RestartPolicy.Name \
		HostConfig.IpcMode HostConfig.PidMode HostConfig.ShmSize GraphDriver.Name Mounts Config.Hostname \
		Config.Image Config.Cmd Config.Tty NetworkSettings.Networks NetworkSettings.Ports; do
		jq -e ".[0].$path != null" <<<"$output" >/dev/null || fail "$path is missing"
	done
	assert_equal "$(cloche inspect -f '{{.State.Pid}}' web)" "$(jq '.[0].State.Pid' <<<"$output")"
	assert_equal "$(cloche inspect -f '{{json .Config.Cmd}} {{.State.Running}}' web)" '["sleep","1000"] true'
	run cloche inspect --format '{{.No.Such}}' web
	assert_failure
	run --separate-stderr cloche inspect no-such
	assert_failure 1
	assert_equal "$output" '[]'
	[[ $stderr == *'o such object: no-such'* ]]
	run cloche inspect --type container box
	assert_failure 1
	assert_equal "$(cloche inspect --type image -f '{{.Os}}' box)" linux
}

@test "events: what happened, in order, with filters and as JSON" {
	before=$(date +%s.%N)
	cloche run --name web --network none box sh -c 'exit 3' || :
	cloche rm web
	run cloche events --since "$before" --until "$(date +%s.%N)" --format '{{.Action}}'
	assert_success
	assert_equal "$(printf '%s\n' "${lines[@]}" | grep -xE 'create|start|die|destroy' | tr '\n' ' ')" 'create start die destroy '
	run cloche events --since "$before" --until "$(date +%s.%N)" --filter event=die --format json
	assert_equal "$(jq -r '.Actor.Attributes.exitCode, .Actor.Attributes.name, .Type' <<<"$output")" $'3\nweb\ncontainer'
	run cloche events --since "$before" --until "$(date +%s.%N)" --filter container=other
	assert_output ""
}

@test "info and version" {
	run cloche info --format json
	assert_success
	for key in ServerVersion Driver CgroupVersion KernelVersion NCPU MemTotal Containers Images DockerRootDir; do
		jq -e ".$key != null" <<<"$output" >/dev/null || fail "$key is missing"
	done
	assert_equal "$(cloche info -f '{{.Driver}}')" overlay
	run cloche info
	assert_output --partial 'Driver: overlay'
	run cloche version
	assert_success
	assert_output --partial Version
	[ -n "$(cloche version --format '{{.Server.Version}}')" ]
	[ -n "$(cloche version --format '{{.Client.Version}}')" ]
	run cloche --version
	assert_success
}

@test "results go to stdout, messages to stderr" {
	run --separate-stderr cloche stop no-such
	assert_equal "$output" ""
	[[ $stderr == 'cloche: '*'No such container: no-such'* ]]
	run --separate-stderr cloche run --network none --pull never no-such true
	assert_equal "$output" ""
	[[ $stderr == 'cloche: '* ]]
}

@test "a reader that goes away early makes no noise" {
	for i in 1 2 3; do cloche create --name "c$i" --network none box true >/dev/null; done
	run sh -c '"$CLOCHE" ps -a | head -1'
	assert_success
	refute_output --partial cloche:
	run sh -c '"$CLOCHE" run --rm --network none box sh -c "yes | head -100000" | head -1'
	assert_output y
}
