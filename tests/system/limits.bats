#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016,SC2154 # expanded by the shell in the container; set by bats' run
# Limits: in force before the first instruction, told by inspect, and an end by the OOM killer reported.

load helper
load box

setup_file()
{
	cloche_setup_file
	make_box
}

teardown() { remove_containers; }

# limit V1-CONTROLLER/FILE V2-FILE OPTION...: the value in the container's own cgroup, seen from inside.
limit()
{
	local v1=$1 v2=$2
	shift 2

	inside "$@" box sh -c "cat /sys/fs/cgroup/$v1 2>/dev/null || cat /sys/fs/cgroup/$v2"
}

@test "-m, --memory: limit, inspect, errors" {
	skip_unless_cgroup memory
	assert_equal "$(limit memory/memory.limit_in_bytes memory.max -m 64m)" 67108864
	id=$(cloche create --network none -m 64m box true)
	assert_equal "$(of "$id" HostConfig.Memory)" 67108864
	cloche rm "$id"
	refused 'Minimum memory limit allowed is 6MB' -m 1m
	refused "invalid argument \"x\" for \"-m, --memory\" flag: invalid size: 'x'" -m x
	refused 'invalid size' -m -5m
}

@test "--memory-swap, --memory-reservation, --memory-swappiness" {
	skip_unless_cgroup memory
	assert_equal "$(limit memory/memory.soft_limit_in_bytes memory.low -m 64m --memory-reservation 32m)" 33554432
	[ ! -e /sys/fs/cgroup/memory/memory.swappiness ] ||
		assert_equal "$(limit memory/memory.swappiness x --memory-swappiness 5)" 5
	if [ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ]; then
		assert_equal "$(limit memory/memory.memsw.limit_in_bytes x -m 64m --memory-swap 96m)" 100663296
		assert_equal "$(limit memory/memory.memsw.limit_in_bytes x -m 64m)" 134217728
	fi
	refused 'You should always set the Memory limit when using Memoryswap limit' --memory-swap 64m
	refused 'Minimum memoryswap limit should be larger than memory limit' -m 64m --memory-swap 32m
	refused 'valid range is' --memory-swappiness 101
	refused 'Minimum memory limit can not be less than memory reservation limit' -m 32m --memory-reservation 64m
}

@test "--cpus, --cpu-quota, --cpu-period, --cpu-shares" {
	skip_unless_cgroup cpu
	if [ -e /sys/fs/cgroup/cpu/cpu.shares ] || [ -e /sys/fs/cgroup/cpu,cpuacct/cpu.shares ]; then
		assert_equal "$(limit cpu/cpu.cfs_quota_us x --cpus 0.5)" 50000
		assert_equal "$(limit cpu/cpu.cfs_period_us x --cpus 0.5)" 100000
		assert_equal "$(limit cpu/cpu.cfs_quota_us x --cpu-quota 20000 --cpu-period 40000)" 20000
		assert_equal "$(limit cpu/cpu.cfs_period_us x --cpu-quota 20000 --cpu-period 40000)" 40000
		assert_equal "$(limit cpu/cpu.shares x -c 512)" 512
	else
		assert_equal "$(limit x cpu.max --cpus 0.5)" '50000 100000'
		assert_equal "$(limit x cpu.max --cpu-quota 20000 --cpu-period 40000)" '20000 40000'
	fi
	id=$(cloche create --network none --cpus 0.5 box true)
	assert_equal "$(of "$id" HostConfig.NanoCpus)" 500000000
	cloche rm "$id"
	refused "Range of CPUs is from 0.01 to $(nproc).00, as there are only $(nproc) CPUs available" --cpus 1000
	refused 'failed to parse as a rational number' --cpus x
	refused 'Conflicting options: Nano CPUs and CPU Quota cannot both be set' --cpus 1 --cpu-quota 1000
	refused 'not a number' --cpu-shares x
	refused 'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)' --cpu-period 10
	refused 'CPU cfs quota can not be less than 1ms (i.e. 1000)' --cpu-quota 10
}

@test "--cpuset-cpus, --cpuset-mems" {
	skip_unless_cgroup cpuset
	assert_equal "$(inside --cpuset-cpus 0 box grep Cpus_allowed_list /proc/self/status)" $'Cpus_allowed_list:\t0'
	assert_equal "$(inside --cpuset-cpus 0 box nproc)" 1
	assert_equal "$(inside --cpuset-mems 0 box grep Mems_allowed_list /proc/self/status)" $'Mems_allowed_list:\t0'
	refused 'Invalid value x for cpuset cpus' --cpuset-cpus x
	refused 'Invalid value 1- for cpuset cpus' --cpuset-cpus 1-
	refused "Requested CPUs are not available - requested 0-999, available: $(cat /sys/devices/system/cpu/online)" --cpuset-cpus 0-999
	refused 'Requested memory nodes are not available - requested 7' --cpuset-mems 7
}

@test "--pids-limit" {
	skip_unless_cgroup pids
	assert_equal "$(limit pids/pids.max pids.max --pids-limit 100)" 100
	assert_equal "$(limit pids/pids.max pids.max --pids-limit -1)" max
	assert_equal "$(limit pids/pids.max pids.max --pids-limit 0)" max
	refused 'not a number' --pids-limit x
	refused 'valid range' --pids-limit -2
}

@test "limits are in force before the command's first instruction, and bind the whole of it" {
	skip_unless_cgroup memory pids
	# a shell that forks at once is in the folder, with all its children
	id=$(cloche run -d --network none -m 64m --pids-limit 20 box sh -c 'sleep 1000 & sleep 1000 & wait')
	pid=$(of "$id" State.Pid)
	while IFS=: read -r _ controllers path; do
		case $controllers in
		memory | pids) [[ $path == *"${id:0:12}" ]] || fail "$controllers: $path" ;;
		esac
	done <"/proc/$pid/cgroup"
	# the very first: the program is bigger than the limit allows
	run cloche run --rm --network none -m 6m --memory-swap 6m box sh -c 'dd if=/dev/zero of=/dev/null bs=64M count=1'
	assert_failure 137
}

@test "an end by the OOM killer: exit code, inspect, ps" {
	skip_unless_cgroup memory
	run cloche run --name web --network none -m 8m --memory-swap 8m box dd if=/dev/zero of=/dev/null bs=64M count=1
	assert_failure 137
	assert_equal "$(of web State.OOMKilled)$(of web State.ExitCode)$(of web State.Status)" 'true137"exited"'
	run cloche ps -a --format '{{.Status}}'
	assert_output --partial 'Exited (137)'
	assert_output --partial 'out of memory'
	# one of its processes, while the first goes on
	run cloche run --name other --network none -m 8m --memory-swap 8m box sh -c 'dd if=/dev/zero of=/dev/null bs=64M count=1; echo code $?'
	assert_output --partial 'code 137'
	assert_equal "$(of other State.ExitCode)" 0
	assert_equal "$(of other State.OOMKilled)" true
	# and a kill is not an OOM kill
	cloche run -d --name killed --network none -m 8m box sleep 1000
	cloche kill killed
	assert_equal "$(of killed State.OOMKilled)$(of killed State.ExitCode)" false137
}

@test "--oom-score-adj: raised for the container alone; below the host's leave is an error" {
	assert_equal "$(inside --oom-score-adj 500 box cat /proc/self/oom_score_adj)" 500
	assert_equal "$(inside box cat /proc/self/oom_score_adj)" 0
	refused 'valid range' --oom-score-adj 1001
	refused 'not a number' --oom-score-adj x
	if ! (echo -500 >/proc/self/oom_score_adj) 2>/dev/null; then
		run inside --oom-score-adj -500 box true
		assert_failure 125
		assert_output --partial 'set oom_score_adj to -500: lowering it needs CAP_SYS_RESOURCE'
		assert_equal "$(cloche ps -aq)" ""
	fi
}

@test "a limit whose controller is missing is an error, not a shrug" {
	# a host without it: its hierarchy is not mounted where we run
	if [ -d /sys/fs/cgroup/pids ] && [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
		run unshare -m sh -c 'umount /sys/fs/cgroup/pids && exec "$CLOCHE" run --rm --network none --pids-limit 100 box true'
		assert_failure 125
		assert_output --partial 'limit pids: this host has no cgroup controller pids'
		run unshare -m sh -c 'umount /sys/fs/cgroup/memory && exec "$CLOCHE" run --rm --network none -m 64m box true'
		assert_failure 125
		assert_output --partial 'limit memory: this host has no cgroup controller memory'
		assert_equal "$(cloche ps -aq)" ""
	fi
}

@test "the cgroup folders carry name and id, and are gone with the container" {
	id=$(cloche run -d --name web --network none box sleep 1000)
	[ "$(find /sys/fs/cgroup -type d -name "web-${id:0:12}" | wc -l)" -ge 1 ]
	cloche rm -f web
	assert_equal "$(find /sys/fs/cgroup -type d -name "web-${id:0:12}" | wc -l)" 0
	run cloche run --rm --network none box true
	assert_equal "$(container_cgroups "$id")" ""
}
