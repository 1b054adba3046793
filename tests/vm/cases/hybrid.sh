# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# systemd with the controllers in hierarchies of v1, and the unified one for itself: a scope there, and the limits where they are.
# guests: hybrid
. tests/vm/case.bash
RT_OPTIONS=--systemd-cgroup CGROUPS_PATH=machine.slice:cloche:c
export RT_OPTIONS CGROUPS_PATH
scope=machine.slice/cloche-c.scope
shows() { is "$(systemctl show cloche-c.scope -p "$1" --value)" "$2"; }
value() { cat "/sys/fs/cgroup/$1/$scope/$2"; }
folders() { find /sys/fs/cgroup -name cloche-c.scope; }

bundle_make
hybrid() { is "$(cat /proc/1/comm)" systemd && mountpoint /sys/fs/cgroup/memory && mountpoint /sys/fs/cgroup/unified; }
check "systemd is the first process, with v1 and unified hierarchies" hybrid
limits()
{
	up '.process.args = ["sleep", "3000"] | .linux.resources += {memory: {limit: 67108864, reservation: 33554432}, cpu: {quota: 50000, period: 100000, shares: 2048, cpus: "0"}, pids: {limit: 20}}' &&
		is "$(value memory memory.limit_in_bytes)" 67108864 && is "$(value memory memory.soft_limit_in_bytes)" 33554432 &&
		is "$(value cpu cpu.cfs_quota_us)" 50000 && is "$(value cpu cpu.shares)" 2048 && is "$(value pids pids.max)" 20 && is "$(value cpuset cpuset.cpus)" 0
}
check "a scope is made, with the limits in the hierarchies of v1" limits
knows() { shows ActiveState active && shows Slice machine.slice && shows Delegate yes && shows MemoryLimit 67108864 && shows TasksMax 20 && shows CPUShares 2048; }
check "systemd knows them" knows
inside()
{
	local pid hierarchy

	pid=$(rt state c | jq .pid)
	for hierarchy in memory pids cpu cpuset devices freezer systemd unified; do
		is "$(cat "/sys/fs/cgroup/$hierarchy/$scope/cgroup.procs")" "$pid" || return
	done
}
check "the container is in the scope in every hierarchy, alone" inside
reload() { systemctl daemon-reload && is "$(value memory memory.limit_in_bytes)" 67108864 && is "$(value pids pids.max)" 20; }
check "the limits are in force after a reload of systemd" reload
update() { rt update --memory 96m --pids-limit 30 c && is "$(value memory memory.limit_in_bytes)" 100663296 && is "$(value pids pids.max)" 30 && systemctl daemon-reload && is "$(value memory memory.limit_in_bytes)" 100663296; }
check "update changes them" update
freeze() { rt pause c && is "$(rt state c | jq -r .status)" paused && rt resume c && is "$(rt state c | jq -r .status)" running; }
check "pause and resume" freeze
executed() { rt exec c true && is "$(rt ps -f json c)" "[$(rt state c | jq .pid)]"; }
check "exec, ps" executed
removed()
{
	local tries=0

	down || return
	until [ -z "$(folders)" ] && [ "$(systemctl show cloche-c.scope -p LoadState --value)" = not-found ]; do
		[ $((tries += 1)) -lt 10 ] || { folders; systemctl status cloche-c.scope; return 1; }
		sleep 1
	done
}
check "delete ends the scope, and removes the folders of every hierarchy" removed
devices()
{
	bundle '.process.args = ["sh", "-c", "head -c 1 /dev/kmsg-of-ours && exit 1; head -c 1 /dev/zero >/dev/null"] | .linux.devices = [{path: "/dev/kmsg-of-ours", type: "c", major: 1, minor: 11, fileMode: 384}]'
	rt run c
}
check "device rules are in force" devices
plain() { local CGROUPS_PATH=/test/c RT_OPTIONS=; up '.process.args = ["sleep", "3000"]' && down; }
check "and the cgroupfs driver beside it" plain
