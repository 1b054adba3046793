#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What scripts written for docker depend on: exit codes, messages that they look for, status words, fields of formats, paths of inspect.
# What Docker 28 has was taken from its sources and its client; a row here is a promise.

# shellcheck disable=SC2016,SC2030,SC2031 # templates have dollars of their own; what run sets is of one test
load helper

setup_file()
{
	cloche_setup_file
	tar -C / -cf - bin/busybox 2>/dev/null | cloche import -c 'CMD ["/bin/busybox", "sleep", "1"]' -c 'ENV A=1' -c 'LABEL maker=us' \
		-c 'EXPOSE 80' -c 'VOLUME /v' -c 'USER 3' -c 'WORKDIR /tmp' - seen:1 >/dev/null
	cloche create --name stopped --network none host true >/dev/null
	cloche create --name broken --network none host nosuch >/dev/null
	cloche run -d --name runs --network none -v held:/data host sleep 86400 >/dev/null
	cloche network create --internal taken >/dev/null
	cloche create --name member --network taken -p 18080:80 -v here:/there --restart always --health-cmd true seen:1 >/dev/null
}

# table: lines of "STATUS|COMMAND|WORDS": the command ends with the status, and its output has the words at the end of a line or before more.
table()
{
	local wanted command words found='' got

	while IFS='|' read -r wanted command words; do
		[ -n "$wanted" ] || continue
		got=0
		output=$(eval "cloche $command" </dev/null 2>&1) || got=$?
		[ "$got" -eq "$wanted" ] && [[ $output == *"$words"* ]] || found+="cloche $command: $got, not $wanted ($words): $output"$'\n'
	done
	assert_equal "$found" ""
}

@test "exit codes and messages" {
	table <<-'END'
		7|run --rm --network none host sh -c 'exit 7'|
		125|run --rm --network none host sh -c 'exit 125'|
		126|run --rm --network none host sh -c 'exit 126'|
		127|run --rm --network none host sh -c 'exit 127'|
		137|run --rm --init --network none host sh -c 'kill -9 $$'|
		143|run --rm --init --network none host sh -c 'kill $$'|
		139|run --rm --init --network none host sh -c 'kill -SEGV $$'|
		125|run --no-such-flag host true|unknown flag: --no-such-flag
		125|create --no-such-flag host true|unknown flag: --no-such-flag
		125|ps --no-such-flag|unknown flag: --no-such-flag
		125|run -Z host true|unknown shorthand flag: 'Z' in -Z
		1|no-such-command|
		1|rename one|requires exactly 2 arguments
		1|ps extra|accepts no arguments
		125|run --name stopped host true|Conflict. The container name "/stopped" is already in use by container "
		1|create --name stopped host true|You have to remove (or rename) that container to be able to reuse that name.
		1|run -d -a stdout host true|conflicting options: cannot specify both --attach and --detach
		125|run --rm --restart always host true|conflicting options: cannot specify both --restart and --rm
		125|run Host|invalid reference format: repository name (Host) must be lowercase
		125|run 'a:::b'|invalid reference format
		125|run --name 'a b' host true|Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed
		125|run --network nosuch host true|network nosuch not found
		125|run -v /a:b host true|mount path must be absolute
		125|run -m 1k host true|Minimum memory limit allowed is 6MB
		125|run --restart sometimes host true|invalid restart policy: unknown policy 'sometimes'
		126|run --rm --network none host /etc|exec: "/etc": permission denied
		127|run --rm --network none host nosuch|exec: "nosuch": executable file not found in $PATH
		127|run --rm --network none host /no/such|exec: "/no/such": no such file or directory
		125|run --rm --network none -u nosuch host true|unable to find user nosuch: no matching entries in passwd file
		1|start broken|exec: "nosuch": executable file not found in $PATH
		1|start nosuch|No such container: nosuch
		1|logs nosuch|No such container: nosuch
		1|wait nosuch|No such container: nosuch
		1|stop nosuch|No such container: nosuch
		1|rm nosuch|No such container: nosuch
		0|rm -f nosuch|No such container: nosuch
		1|cp nosuch:/a .|No such container: nosuch
		1|rmi nosuch|No such image: nosuch:latest
		0|rmi -f nosuch|No such image: nosuch:latest
		1|history nosuch|No such image: nosuch:latest
		1|tag nosuch a:b|No such image: nosuch:latest
		1|network rm nosuch|network nosuch not found
		1|network rm taken|network taken has active endpoints
		1|network rm bridge|bridge is a pre-defined network and cannot be removed
		1|volume rm nosuch|get nosuch: no such volume
		0|volume rm -f nosuch|nosuch
		1|volume rm held|volume is in use - [
		1|volume inspect nosuch|get nosuch: no such volume
		1|inspect nosuch|Error: No such object: nosuch
		1|image inspect nosuch|No such image: nosuch:latest
		1|container inspect nosuch|No such container: nosuch
		1|exec stopped true|is not running
		1|exec nosuch true|No such container: nosuch
		127|exec runs nosuch|exec: "nosuch": executable file not found in $PATH
		126|exec runs /etc|exec: "/etc": permission denied
		137|exec runs sh -c 'kill -9 $$'|
		9|exec runs sh -c 'exit 9'|
		1|attach stopped|cannot attach to a stopped container, start it first
		1|kill stopped|is not running
		1|kill -s NOSUCH runs|invalid signal: NOSUCH
		1|pause stopped|is not running
		1|unpause runs|is not paused
		1|top stopped|is not running
		0|stop stopped|stopped
		1|rm runs|container is running: stop the container before removing or force remove
		1|port runs 80|no public port '80/tcp' published for runs
		1|rename runs stopped|Conflict. The container name "/stopped" is already in use by container "
		1|network create bridge|network with name bridge already exists
		1|rmi seen:1|conflict: unable to remove repository reference "seen:1" (must force) - container
	END
	[ "$(cloche inspect nosuch 2>/dev/null)" = "[]" ]
	[ "$(cloche volume inspect nosuch 2>/dev/null)" = "[]" ]
	[ "$(cloche inspect -f '{{.State.ExitCode}} {{.State.Error}}' broken)" = '127 exec: "nosuch": executable file not found in $PATH' ]
	id=$(cloche image inspect -f '{{.Id}}' seen:1)
	cloche tag seen:1 other:1
	run -1 cloche rmi "$id"
	[[ $output == *"conflict: unable to delete ${id:7:12} (must be forced) - image is referenced in multiple repositories" ]]
	run -0 cloche rmi other:1
	[ "$output" = "Untagged: other:1" ]
	cloche pause runs >/dev/null
	table <<-'END'
		1|attach runs|cannot attach to a paused container, unpause it first
		1|exec runs true|is paused, unpause the container before exec
		1|pause runs|is already paused
	END
	[[ $(cloche ps --format '{{.State}} {{.Status}}' --filter name=runs) == 'paused Up '*' (Paused)' ]]
	cloche unpause runs >/dev/null
}

# Every field of a list, printed for a row without an error.
fields()
{
	local field template=''

	for field in "${@:2}"; do template+="{{.$field}}|"; done
	# shellcheck disable=SC2086 # several words
	run -0 --separate-stderr cloche $1 --format "$template"
	[ ${#lines[@]} -ge 1 ]
	# shellcheck disable=SC2086 # several words
	cloche $1 --format 'table {{.'"$2"'}}' | grep -q '^[A-Z]'
	# shellcheck disable=SC2086 # several words
	cloche $1 --format json | jq -es 'length >= 1' >/dev/null
}

@test "every field of Docker's lists" {
	fields 'ps -a' ID Names Image Command CreatedAt RunningFor Ports State Status Size Labels Mounts LocalVolumes Networks
	fields images ID Repository Tag Digest CreatedSince CreatedAt Size Containers SharedSize UniqueSize
	fields 'stats --no-stream' Container Name ID CPUPerc MemUsage MemPerc NetIO BlockIO PIDs
	fields 'volume ls' Name Driver Scope Mountpoint Labels Links Size
	fields 'network ls' ID Name Driver Scope IPv6 Internal Labels CreatedAt
	fields 'system df' Type TotalCount Active Size Reclaimable
	fields 'history seen:1' ID CreatedSince CreatedAt CreatedBy Size Comment
	run -0 cloche events --since 1h --until 0s --format '{{.Status}} {{.ID}} {{.From}} {{.Type}} {{.Action}} {{.Actor.ID}} {{.Scope}} {{.Time}} {{.TimeNano}} {{.Actor.Attributes}}'
	cloche events --since 1h --until 0s --format '{{json .}}' | jq -es '.[] | select(.Type == "container") | .status and .id and .from and .Type and .Action and .Actor.ID and .Actor.Attributes and .scope and .time and .timeNano' >/dev/null
}

@test "every filter of Docker's lists" {
	local filter found=''

	for filter in id=x name=x label=a=b exited=0 status=running ancestor=host before=runs since=runs volume=held network=taken publish=80 expose=80 \
		health=none isolation=default is-task=false; do
		cloche ps -a --filter "$filter" >/dev/null 2>&1 || found+="ps $filter, "
	done
	for filter in dangling=true label=a before=seen:1 since=seen:1 reference=seen until=1h; do
		cloche images --filter "$filter" >/dev/null 2>&1 || found+="images $filter, "
	done
	for filter in dangling=true driver=local label=a name=x; do
		cloche volume ls --filter "$filter" >/dev/null 2>&1 || found+="volume ls $filter, "
	done
	for filter in id=x label=a name=x driver=bridge type=custom scope=local dangling=true; do
		cloche network ls --filter "$filter" >/dev/null 2>&1 || found+="network ls $filter, "
	done
	for filter in container=runs daemon=x event=start image=seen:1 label=a network=taken plugin=x scope=local type=container volume=held; do
		cloche events --since 1h --until 0s --filter "$filter" >/dev/null 2>&1 || found+="events $filter, "
	done
	assert_equal "$found" ""
}

# paths OBJECT PATH...: `inspect` of the object has each, null or not.
paths()
{
	local json path found=''

	json=$(cloche inspect "$1")
	for path in "${@:2}"; do
		jq -e --arg path "$path" '.[0] | ($path | split(".")) as $p | getpath($p[:-1]) | has($p[-1])' <<<"$json" >/dev/null 2>&1 || found+="$path "
	done
	assert_equal "$found" ""
}

@test "every path of inspect that tools read" {
	paths runs Id Name Created Path Args Image LogPath RestartCount Driver Platform HostnamePath HostsPath ResolvConfPath MountLabel ProcessLabel AppArmorProfile \
		ExecIDs Mounts \
		State.{Status,Running,Paused,Restarting,OOMKilled,Dead,Pid,ExitCode,Error,StartedAt,FinishedAt} GraphDriver.{Name,Data} GraphDriver.Data.MergedDir \
		Config.{Hostname,Domainname,User,Env,Cmd,Entrypoint,Image,Labels,WorkingDir,Volumes,Tty,OpenStdin,StdinOnce,AttachStdin,AttachStdout,AttachStderr,OnBuild} \
		HostConfig.{Binds,ContainerIDFile,LogConfig,NetworkMode,PortBindings,RestartPolicy,AutoRemove,VolumeDriver,VolumesFrom,CapAdd,CapDrop,CgroupnsMode,Dns} \
		HostConfig.{DnsOptions,DnsSearch,ExtraHosts,GroupAdd,IpcMode,Cgroup,Links,OomScoreAdj,PidMode,Privileged,PublishAllPorts,ReadonlyRootfs,SecurityOpt} \
		HostConfig.{UTSMode,UsernsMode,ShmSize,Runtime,Isolation,CpuShares,Memory,NanoCpus,CgroupParent,BlkioWeight,CpuPeriod,CpuQuota,CpusetCpus,CpusetMems} \
		HostConfig.{Devices,DeviceCgroupRules,DeviceRequests,MemoryReservation,MemorySwap,OomKillDisable,PidsLimit,Ulimits,MaskedPaths,ReadonlyPaths} \
		HostConfig.LogConfig.{Type,Config} HostConfig.RestartPolicy.{Name,MaximumRetryCount} \
		NetworkSettings.{Networks,Ports,SandboxKey,SandboxID,Bridge,IPAddress,Gateway,MacAddress,IPPrefixLen,GlobalIPv6Address,EndpointID} \
		Cloche.UidRange || fail "container"
	paths member NetworkSettings.Networks.taken.{IPAddress,Gateway,MacAddress,Aliases,NetworkID,EndpointID,IPAMConfig,IPPrefixLen,GlobalIPv6Address,DNSNames} \
		Config.{ExposedPorts,Healthcheck}
	paths seen:1 Id RepoTags RepoDigests Parent Comment Created Author Architecture Os Size GraphDriver RootFS.{Type,Layers} Metadata.LastTagTime \
		Config.{Env,Cmd,User,WorkingDir,ExposedPorts,Volumes,Labels}
	paths held Mountpoint Name Driver Labels Options Scope CreatedAt
	paths taken Id Name Driver Scope Internal EnableIPv6 Created Attachable Ingress Containers Options Labels IPAM.{Driver,Options,Config}
	[ "$(cloche inspect -f '{{range .Mounts}}{{.Type}} {{.Name}} {{.Destination}} {{.RW}} {{.Propagation}}{{end}}' runs)" = 'volume held /data true ' ]
	[ "$(cloche inspect -f '{{(index (index .HostConfig.PortBindings "80/tcp") 0).HostPort}}' member)" = 18080 ]
	[ "$(cloche inspect -f '{{range $p, $c := .NetworkSettings.Ports}}{{$p}}{{end}}' member)" = "" ]
	[[ $(cloche inspect -f '{{range (index (cloche) 0)}}' runs 2>&1) == *'function "cloche" not defined'* ]]
}

@test "info and version have what tools ask" {
	local field

	for field in ServerVersion Driver CgroupDriver CgroupVersion SecurityOptions DockerRootDir Runtimes OSType Architecture NCPU MemTotal \
		Swarm.LocalNodeState LiveRestoreEnabled Name ID Containers ContainersRunning ContainersPaused ContainersStopped Images KernelVersion \
		MemoryLimit CpuCfsQuota PidsLimit IPv4Forwarding Debug ExperimentalBuild Labels ClientInfo.Plugins ClientInfo.Context \
		OperatingSystem Plugins.Volume Plugins.Network Plugins.Log IndexServerAddress Warnings LoggingDriver DefaultRuntime InitBinary; do
		cloche info --format "{{.$field}}" >/dev/null || fail "info .$field"
	done
	[ "$(cloche info --format '{{.Runtimes.nvidia}}')" = "<no value>" ]
	run -0 cloche info
	for field in 'Server Version' 'Storage Driver' 'Cgroup Driver' 'Cgroup Version' 'Kernel Version' 'Operating System' CPUs 'Total Memory' 'Docker Root Dir' \
		' Running'; do
		assert_output --regexp "(^|"$'\n'")$field: ."
	done
	for field in Client.Version Client.APIVersion Client.Os Client.Arch Server.Version Server.APIVersion Server.Os Server.Arch Server.KernelVersion; do
		[ -n "$(cloche version --format "{{.$field}}")" ] || fail "version .$field"
	done
	[[ $(cloche -v) == 'Cloche version '* ]]
}

@test "status words and ports as they are parsed" {
	[ "$(cloche ps -a --format '{{.State}} {{.Status}}' --filter name=stopped)" = 'created Created' ]
	[[ $(cloche ps -a --format '{{.State}} {{.Status}}' --filter name=runs) == 'running Up '* ]]
	cloche run --name ended --network none host sh -c 'exit 3' || :
	[[ $(cloche ps -a --format '{{.State}} {{.Status}}' --filter name=ended) =~ ^'exited Exited (3) '(Less than a second|[0-9]+\ seconds?|About\ a\ minute)' ago'$ ]]
	[ "$(cloche wait ended)" = 3 ]
	[ "$(cloche ps -aq --no-trunc --filter name=ended)" = "$(cloche inspect -f '{{.Id}}' ended)" ]
	[ "$(cloche ps -aq --filter name=^/ended$)" = "$(cloche inspect -f '{{printf "%.12s" .Id}}' ended)" ]
	[ "$(cloche rm ended)" = ended ]
	[ "$(cloche ps -a --filter name=runs | head -c 5)" = CONTA ] # no words about a closed pipe
}

@test "exit status of flags that are wrong, as Docker has it" {
	local code words

	while read -r code words; do
		eval "run -$code cloche $words" </dev/null
	done <<-'END'
		125 stop -t odd runs nobody
		125 update -m odd runs
		125 ps -n odd
		125 ps --filter odd
		125 exec -e '' runs true
		1 run -it --rm host true
		1 create --pull never no.such/image
		125 create --pull odd host
		126 exec -u nosuch runs true
		126 exec -w relative runs true
		64 inspect -f {{ runs
		64 info --format {{
		1 ps --format {{
		1 network create --subnet 10.99.0.0/24 --gateway 10.98.0.1 outside
	END
	[[ $output == *"no matching subnet for gateway 10.98.0.1"* ]]
	[ "$(cloche stop -t odd runs nobody 2>&1 | wc -l)" -eq 1 ]
	[ "$(cloche volume create --name old-way)" = old-way ]
	run -0 cloche volume create ''
	[ "${#output}" -eq 64 ]
	cloche volume rm "$output" old-way
}

@test "COMMAND and PORTS of ps" {
	cloche create --name shown --network none host sh -c 'exit 3' >/dev/null
	[ "$(cloche ps -a --no-trunc --format '{{.Command}}' --filter name=shown)" = "\"sh -c 'exit 3'\"" ]
	cloche rm shown
	cloche run -d --name shown --expose 33-35 --expose 40/udp -p 127.0.0.1:8000-8002:8000-8002 -p 127.0.0.1:8181:80 host sleep 1000
	[ "$(cloche ps --format '{{.Ports}}' --filter name=shown)" = \
		"33-35/tcp, 40/udp, 127.0.0.1:8000-8002->8000-8002/tcp, 127.0.0.1:8181->80/tcp" ]
	cloche rm -f shown
}
