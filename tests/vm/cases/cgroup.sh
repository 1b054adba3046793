# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# cgroup v2 by its file system.
# guests: plain
. tests/vm/case.bash
cg=/sys/fs/cgroup/test/c

bundle_make
echo "# $(cat /sys/fs/cgroup/cgroup.controllers)"

v2() { grep -qw memory /sys/fs/cgroup/cgroup.controllers && [ "$(grep -c cgroup /proc/self/mountinfo)" = 1 ]; }
check "the guest has cgroup v2 alone, with its controllers" v2

limits()
{
	up '.process.args = ["sleep", "3000"] | .linux.resources = {memory: {limit: 67108864, reservation: 33554432, swap: 134217728},
		cpu: {quota: 50000, period: 100000, shares: 2048, cpus: "0"}, pids: {limit: 20}, unified: {"memory.high": "60000000"}}' &&
		is "$(cat $cg/memory.max)" 67108864 && is "$(cat $cg/memory.low)" 33554432 && is "$(cat $cg/cpu.max)" "50000 100000" &&
		is "$(cat $cg/cpu.weight)" 200 && is "$(cat $cg/pids.max)" 20 && is "$(cat $cg/cpuset.cpus)" 0 &&
		is "$(cat $cg/memory.high)" 59998208
}
check "limits are set, v1's values converted" limits
namespace() { is "$(rt exec c cat /proc/self/cgroup)" 0::/ && is "$(rt exec c cat /sys/fs/cgroup/pids.max)" 20; }
check "the container sees its own cgroup as the root" namespace
update() { rt update --memory 96m --pids-limit 30 --cpu-quota 20000 c && is "$(cat $cg/memory.max)" 100663296 && is "$(cat $cg/pids.max)" 30 && is "$(cat $cg/cpu.max)" "20000 100000"; }
check "update changes limits" update
too_low()
{
	! echo '{"memory": {"limit": 4096, "checkBeforeUpdate": true}}' | rt update -r - c && grep -q "bytes are in use" "$said" && is "$(cat $cg/memory.max)" 100663296
}
check "update with checkBeforeUpdate refuses a limit below what is in use" too_low
stats() { rt events --stats c | jq -e '.data.pids.limit == 30 and .data.memory.usage.limit == 100663296 and .data.cpu.usage.total > 0'; }
check "events --stats has the numbers" stats
freeze() { rt pause c && is "$(cat $cg/cgroup.freeze)" 1 && is "$(rt state c | jq -r .status)" paused && rt resume c && is "$(cat $cg/cgroup.freeze)" 0; }
check "pause freezes, resume thaws" freeze
killed() { rt pause c && rt kill c KILL && wait_for stopped; }
check "a frozen container is killed" killed
removed() { down && [ ! -e $cg ]; }
check "delete removes the cgroup" removed

forks()
{
	bundle '.process.args = ["sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do sleep 5 & done; wait"] | .linux.resources.pids.limit = 5'
	! rt run c && grep -q "can.t fork" "$said"
}
check "a limit of processes is in force" forks
check "memory above the limit ends the process, and events tells of it" oom_is_told
check "device rules are in force (BPF)" devices_in_force
all()
{
	up '.process.args = ["sh", "-c", "sleep 100 & sleep 101 & wait"] | del(.linux.namespaces[] | select(.type == "pid"))' &&
		wait_for sh -c "[ \$(wc -l <$cg/cgroup.procs) = 3 ]" && rt kill --all c KILL && is "$(cat $cg/cgroup.procs)" "" && down
}
check "kill --all ends every process of the cgroup" all
left() { mkdir -p $cg/sub && echo 1 >$cg/cgroup.freeze && up '.process.args = ["sleep", "3000"]' && is "$(cat $cg/cgroup.freeze)" 0 && down; }
check "a frozen cgroup that was left is made anew" left
userns()
{
	bundle '.process.args = ["cat", "/proc/self/uid_map"] | .linux.namespaces += [{type: "user"}] |
		.linux.uidMappings = [{containerID: 0, hostID: 700000, size: 65536}] | .linux.gidMappings = [{containerID: 0, hostID: 700000, size: 65536}]'
	rt run c
}
check "a user namespace" userns

owner()
{
	local users='.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 700000, size: 65536}] | .linux.gidMappings = [{containerID: 0, hostID: 700000, size: 65536}] |
		.process.args = ["sh", "-c", "mkdir /sys/fs/cgroup/mine && echo 0 >/sys/fs/cgroup/mine/cgroup.procs && cat /proc/self/cgroup; echo 1 >/sys/fs/cgroup/pids.max || echo no; sleep 100"] | .linux.namespaces += [{type: "cgroup"}] | .linux.namespaces |= unique'

	up "$users | (.mounts[] | select(.destination == \"/sys/fs/cgroup\")).options -= [\"ro\"]" || return
	is "$(stat -c %u $cg $cg/cgroup.procs $cg/pids.max | tr '\n' ' ')" "700000 700000 0 " && wait_for test -d $cg/mine && down && [ ! -e $cg ] || return
	up "$users" && is "$(stat -c %u $cg $cg/cgroup.procs | tr '\n' ' ')" "0 0 " && down
}
divided()
{
	up '.process.args = ["sh", "-c", "mkdir /sys/fs/cgroup/mine && echo 0 >/sys/fs/cgroup/mine/cgroup.procs && echo +pids >/sys/fs/cgroup/cgroup.subtree_control && exec sleep 100"] |
		(.mounts[] | select(.destination == "/sys/fs/cgroup")).options -= ["ro"]' || return
	wait_for grep -q pids $cg/cgroup.subtree_control || return
	is "$(rt exec c cat /proc/self/cgroup)" 0::/mine && down && [ ! -e $cg ]
}
check "exec comes to the first process where the container has divided its cgroup" divided
check "a cgroup that is mounted writable in its own namespace is the user's, its limits are not" owner
few()
{
	! up '.process.args = ["sleep", "3000"] | .linux.resources.rdma = {nodevice: {hcaHandles: 3}}' || return
	grep -q rdma.max /tmp/out || return
	up '.process.args = ["sleep", "3000"] | .linux.resources.hugepageLimits = [{pageSize: "2MB", limit: 4194304}]' &&
		is "$(cat $cg/hugetlb.2MB.max)" 4194304 && is "$(cat $cg/hugetlb.2MB.rsvd.max)" 4194304 && down
}
check "controllers that few ask for are handed down when they are: hugetlb, with reservations; rdma refuses a device that is not there" few

engine_make
engine() { is "$(timeout 60 cloche run --rm --network none -m 64m --pids-limit 40 host cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max | tr '\n' ' ')" "67108864 40 "; }
check "cloche run: limits read back inside" engine
