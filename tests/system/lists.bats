#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# --filter, prune, system df, history, stats, top, update, events: what people type to see and to clean up.

# shellcheck disable=SC2016 # templates and scripts for containers have dollars of their own
load helper

setup_file()
{
	cloche_setup_file
	cloche create --name first -l app=web -l tier=1 -v data:/data host true >/dev/null
	cloche create --name second -l app=db -p 8080:80 --expose 9000 host sh -c 'exit 3' >/dev/null
	cloche start second
	cloche wait second >/dev/null
	cloche run -d --name third -l app=web --network none host sleep 1000 >/dev/null
}

names() { cloche ps -a --format '{{.Names}}' "$@" | sort | paste -sd' '; }

# image NAME [LABEL]: a small one.
image() { tar -C "$BATS_TEST_TMPDIR" -cf - . | cloche import ${2:+-c "LABEL $2"} - "$1"; }

@test "ps filters by every key that Docker has" {
	[ "$(names --filter name=ir)" = "first third" ]
	[ "$(names --filter 'name=^/?third$')" = third ]
	[ "$(names --filter label=app=web)" = "first third" ]
	[ "$(names --filter label=app=web --filter label=tier)" = first ]
	[ "$(names --filter status=running --filter status=created)" = "first third" ]
	[ "$(names --filter exited=3)" = second ]
	[ "$(names --filter before=second)" = first ]
	[ "$(names --filter since=first)" = "second third" ]
	[ "$(names --filter volume=data)" = first ]
	[ "$(names --filter volume=/data)" = first ]
	[ "$(names --filter publish=8080)" = second ]
	[ "$(names --filter expose=9000/tcp)" = second ]
	[ "$(names --filter expose=8990-9010)" = second ]
	[ "$(names --filter network=none)" = third ]
	[ "$(names --filter ancestor=host)" = "first second third" ]
	[ "$(names --filter ancestor=nothing)" = "" ]
	id=$(cloche inspect -f '{{.Id}}' first)
	[ "$(names --filter "id=${id:0:12}")" = first ]
	[ "$(cloche ps -a -n 1 --filter label=app=web --format '{{.Names}}')" = third ]
	run -1 cloche ps --filter status=flying
	[[ $output == *"invalid filter 'status=flying'" ]]
	run -1 cloche ps --filter colour=red
	[[ $output == *"invalid filter 'colour'" ]]
	run -125 cloche ps --filter name
	[[ $output == *'bad format of filter (expected name=value)' ]]
	run -1 cloche ps --filter since=nobody
	[[ $output == *'No such container: nobody' ]]
}

@test "events are filtered by type, action, container and time" {
	run -0 cloche events --since 1h --until 0s --filter container=second --filter event=start --filter event=die --format '{{.Action}}'
	[ "${lines[*]}" = "start die" ]
	cloche volume create seen >/dev/null
	cloche volume rm seen >/dev/null
	run -0 cloche events --since 1h --until 0s --filter type=volume --filter volume=seen --format '{{.Type}} {{.Actor.ID}}'
	[ "${lines[0]}" = "volume seen" ]
	run -0 cloche events --since 1h --until 0s --filter image=host --filter event=create --format json
	[ "$(jq -r .Actor.Attributes.name <<<"$output" | paste -sd' ')" = "first second third" ]
	run -1 cloche events --filter colour=red
}

@test "volume ls filters, and prune takes anonymous ones only" {
	cloche volume create --label keep=yes named >/dev/null
	id=$(cloche create -v /anonymous host true)
	cloche rm "$id" >/dev/null
	[ "$(cloche volume ls -q --filter label=keep=yes)" = named ]
	[ "$(cloche volume ls -q --filter name=^nam)" = named ]
	[ "$(cloche volume ls -q --filter dangling=false)" = data ]
	[ "$(cloche volume ls -q --filter dangling=true | wc -l)" -eq 2 ]
	[ "$(cloche volume ls --filter name=named --format '{{.Label "keep"}} {{.Labels}} {{.Links}}')" = "yes keep=yes N/A" ]
	run -0 cloche volume prune -f
	[ "${lines[0]}" = "Deleted Volumes:" ]
	[[ ${lines[1]} =~ ^[0-9a-f]{64}$ ]]
	[[ $output == *'Total reclaimed space: 0B' ]]
	run -0 cloche volume prune -a -f --filter label!=keep
	[ "$output" = "Total reclaimed space: 0B" ]
	run -0 cloche volume prune -a -f
	[ "${lines[1]}" = named ]
	[ "$(cloche volume ls -q)" = data ]
}

@test "container prune asks, and leaves what runs or does not match" {
	cloche create --name old -l throw=away host true >/dev/null
	run -0 cloche container prune </dev/null
	[[ $output == 'WARNING! This will remove all stopped containers.'*'[y/N] '* ]]
	[ "$(names)" = "first old second third" ]
	run -0 cloche container prune -f --filter label=throw=away
	[[ $output == $'Deleted Containers:\n'*$'\n\nTotal reclaimed space: 0B' ]]
	[ "$(names)" = "first second third" ]
	run -0 cloche container prune -f --filter until=24h
	[ "$output" = "Total reclaimed space: 0B" ]
	run -1 cloche container prune -f --filter name=x
}

@test "images filter by label, reference, dangling and age; history and prune know them" {
	image one:1 kind=good >/dev/null
	sleep 0.01
	echo more >"$BATS_TEST_TMPDIR/file"
	image two:2 >/dev/null
	list() { cloche images --format '{{.Repository}}' "$@" | sort | paste -sd' '; }
	[ "$(list --filter label=kind=good)" = one ]
	[ "$(list --filter 'reference=*:2')" = two ]
	[ "$(list 't*')" = two ]
	[ "$(list --filter dangling=true)" = "" ]
	[ "$(list --filter since=one:1)" = two ]
	[ "$(list --filter before=two:2)" = one ]
	run -0 cloche images --digests
	[[ ${lines[0]} == 'REPOSITORY   TAG       DIGEST    IMAGE ID       CREATED'* ]]
	run -0 cloche history --format '{{.Comment}} {{.ID}} {{.CreatedBy}}' two:2
	[[ $output == 'Imported from - '* ]]
	run -0 cloche history --no-trunc -q one:1
	[[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
	run -0 cloche image prune -f
	[ "$output" = "Total reclaimed space: 0B" ]
	run -0 cloche image prune -a -f --filter label=kind=good
	[ "${lines[1]}" = "untagged: one:1" ]
	[ "$(list)" = two ]
	for _ in 1 2; do # each takes the name from the one before
		echo more >>"$BATS_TEST_TMPDIR/file"
		image two:2 >/dev/null
	done
	run -0 cloche image prune -f
	[ "$(grep -c '^deleted: ' <<<"$output")" -eq 4 ] # image and layer of each
	run -0 cloche system df --format '{{.Type}}|{{.TotalCount}}|{{.Active}}'
	[ "${lines[0]}" = "Images|1|0" ]
	[ "${lines[1]}" = "Containers|3|1" ]
	[ "${lines[2]}" = "Local Volumes|1|1" ]
	cloche rmi two:2
}

@test "system df and ps -s count what a container wrote" {
	cloche run --name writer --network none host sh -c 'head -c 100000 /dev/zero >/written; ln /written /again'
	run -0 cloche ps -a -s --filter name=writer
	[[ ${lines[0]} == *SIZE ]]
	[[ ${lines[1]} == *'100kB (virtual '*')' ]]
	run -0 cloche system df -v
	[[ $output == *'Containers space usage:'*writer*'Local Volumes space usage:'*data* ]]
	cloche rm writer
}

@test "stats shows limits and use once, as table, template and JSON" {
	run -0 cloche stats --no-stream
	[[ ${lines[0]} == 'CONTAINER ID   NAME      CPU %     MEM USAGE / LIMIT'*'PIDS' ]]
	[[ ${lines[1]} == *third*% ]] || [[ ${lines[1]} == *third* ]]
	run -0 cloche stats --no-stream --format '{{.Name}} {{.PIDs}} {{.NetIO}}' third
	[ "$output" = "third 1 0B / 0B" ]
	run -0 cloche stats --no-stream --format json third
	[[ $(jq -r .MemUsage <<<"$output") =~ ^[0-9.]+(B|KiB|MiB)\ /\ [0-9.]+[MGT]iB$ ]]
	run -0 cloche stats --no-stream --format '{{.CPUPerc}} {{.PIDs}}' first
	[ "$output" = "-- --" ]
	run -1 cloche stats --no-stream nobody
	[[ $output == *'No such container: nobody' ]]
}

@test "stats shows the memory that is used, without files that the kernel keeps to read again" {
	skip_unless_cgroup memory
	cloche exec third dd if=/dev/zero of=/var/tmp/fill bs=1M count=24 status=none
	run -0 cloche stats --no-stream --format '{{.MemUsage}}' third
	[[ $output =~ ^([0-9.]+(B|KiB)|1?[0-9](\.[0-9]+)?MiB)\ / ]]
	cloche exec third rm /var/tmp/fill
}

@test "top shows the container's processes with the options of ps" {
	run -0 cloche top third
	[[ ${lines[0]} == 'UID                 PID                 PPID'* ]]
	[[ ${lines[1]} == *'sleep 1000' ]]
	[ ${#lines[@]} -eq 2 ]
	run -0 cloche top third -o pid,args
	[[ ${lines[1]} == "$(cloche inspect -f '{{.State.Pid}}' third) "*'sleep 1000' ]]
	run -1 cloche top third -o comm
	[[ $output == *"Couldn't find PID field in ps output" ]]
	run -1 cloche top first
	[[ $output == *'is not running' ]]
}

@test "update changes limits of a running container, and refuses whole" {
	skip_unless_cgroup memory
	run -0 cloche update -m 64m --pids-limit 77 third
	[ "$output" = third ]
	[ "$(cloche inspect -f '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}' third)" = "67108864 77" ]
	[[ $(cloche stats --no-stream --format '{{.MemUsage}}' third) == *'/ 64MiB' ]]
	path=$(cloche inspect -f '{{.Cloche.CgroupPath}}' third)
	[ "$(cat /sys/fs/cgroup/pids"$path"/pids.max /sys/fs/cgroup"$path"/pids.max 2>/dev/null)" = 77 ]
	run -1 cloche update -m 5m third
	[[ $output == *'Minimum memory limit allowed is 6MB' ]]
	run -1 cloche update --cpuset-cpus 4000 third
	[ "$(cloche inspect -f '{{.HostConfig.CpusetCpus}}|{{.HostConfig.Memory}}' third)" = "|67108864" ]
	run -1 cloche update third
	[[ $output == *'you must provide one or more flags'* ]]
	run -1 cloche update --blkio-weight 5 first
	[[ $output == *'Range of blkio weight is from 10 to 1000'* ]]
	cloche update --cpus 0.5 --blkio-weight 300 first
	[ "$(cloche inspect -f '{{.HostConfig.BlkioWeight}}' first)" = 300 ]
	[ "$(cloche inspect -f '{{.HostConfig.NanoCpus}}' first)" = 500000000 ]
}

@test "network prune takes what its filters say" {
	cloche network create --internal --label tier=front front >/dev/null
	cloche network create --internal back >/dev/null
	run -1 cloche network prune -f --filter colour=red
	[[ $output == *"invalid filter 'colour'"* ]]
	run -0 cloche network prune -f --filter until=1h
	[ "$output" = "" ]
	run -0 cloche network prune -f --filter label=tier=front
	[ "$output" = $'Deleted Networks:\nfront' ]
	run -0 cloche network prune --filter 'label!=tier' </dev/null
	[[ $output == *'all custom networks not used'*'[y/N]'* ]]
	run -0 cloche system prune -f --filter 'label!=tier'
	[[ $output == *$'Deleted Networks:\nback'* ]]
}

@test "system prune removes what nothing uses, and says what it will do" {
	run -0 cloche system prune </dev/null
	[[ $output == *'all stopped containers'*'all dangling images'*'[y/N]'* ]]
	run -0 cloche system prune -f --volumes
	[[ $output == 'Deleted Containers:'*'Total reclaimed space: '* ]]
	[ "$(names)" = third ]
	[ "$(cloche volume ls -q)" = data ]
}

@test "completion prints a script for each shell, and a program cloche-NAME is a command" {
	cloche completion bash >script
	bash -n script
	grep -q prune script
	[[ $(cloche completion zsh) == '#compdef cloche'* ]]
	[[ $(cloche completion fish) == *'complete -c cloche'* ]]
	run -1 cloche completion tcsh
	mkdir more
	printf '#!/bin/sh\necho "$0 got $*"; exit 7\n' >more/cloche-hello
	chmod +x more/cloche-hello
	PATH=$PWD/more:$PATH run -7 cloche hello a b
	[ "$output" = "$PWD/more/cloche-hello got a b" ]
	run -1 cloche hello
	[[ $output == *"'hello' is not a cloche command"* ]]
	run -1 cloche strat
	[[ $output == *'did you mean start?' ]]
	run -1 cloche network crate
	[[ $output == *'did you mean network create?' ]]
	run -1 cloche swarm init
	[[ $output == *'swarm: Cloche is no orchestrator; use '* ]]
	run -1 cloche volume update x
	run -125 cloche -H ssh://there ps
	run -125 cloche ps --al
	[[ $output == *'unknown flag: --al; did you mean --all?' ]]
}

@test "nothing is coloured, and nothing is drawn over, outside of a terminal" {
	cloche stats --no-stream >plain
	cloche ps -a >>plain
	run ! grep -q $'\e' plain
}

@test "every list has --format json" {
	local command

	for command in "ps -a" images "volume ls" "network ls" "system df" "stats --no-stream" "events --since 0 --until 0s" \
		procs sockets outdated "whois 1"; do
		# shellcheck disable=SC2086 # words of a command
		cloche $command --format json 2>/dev/null | jq -es 'all(.[]; type == "object" or type == "array")' >/dev/null ||
			fail "$command"
	done
	[[ $(cloche search --help) == *--format* ]]
	run -125 cloche sockets --format '{{.Local}}'
	[[ $output == *'invalid argument "{{.Local}}" for "--format" flag: not json' ]]
}
