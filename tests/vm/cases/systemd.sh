# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# cgroup v2 where systemd has it: a scope for each container.
# guests: systemd
. tests/vm/case.bash
RT_OPTIONS=--systemd-cgroup CGROUPS_PATH=machine.slice:cloche:c
export RT_OPTIONS CGROUPS_PATH
cg=/sys/fs/cgroup/machine.slice/cloche-c.scope
shows() { is "$(systemctl show cloche-c.scope -p "$1" --value)" "$2"; }

bundle_make
check "systemd is the first process" is "$(cat /proc/1/comm)" systemd

limits()
{
	up '.process.args = ["sleep", "3000"] | .linux.resources = {memory: {limit: 67108864, reservation: 33554432, swap: 134217728},
		cpu: {quota: 50000, period: 100000, shares: 2048, cpus: "0"}, pids: {limit: 20}, unified: {"memory.high": "60000000"}}' &&
		is "$(cat $cg/memory.max)" 67108864 && is "$(cat $cg/memory.low)" 33554432 && is "$(cat $cg/cpu.max)" "50000 100000" &&
		is "$(cat $cg/cpu.weight)" 200 && is "$(cat $cg/pids.max)" 20 && is "$(cat $cg/cpuset.cpus)" 0 &&
		is "$(cat $cg/memory.swap.max)" 67108864 && is "$(cat $cg/memory.high)" 59998208
}
check "a scope is made in the slice that is named, with the limits" limits
knows()
{
	shows ActiveState active && shows Slice machine.slice && shows Delegate yes && shows MemoryMax 67108864 && shows TasksMax 20 &&
		shows CPUWeight 200 && shows CPUQuotaPerSecUSec 500ms && shows AllowedCPUs 0 && shows Description "container c"
}
check "systemd knows the limits" knows
only() { is "$(cat $cg/cgroup.procs)" "$(rt state c | jq .pid)"; }
check "nobody but the container is in it" only
reload() { systemctl daemon-reload && is "$(cat $cg/memory.max)" 67108864 && is "$(cat $cg/pids.max)" 20 && is "$(cat $cg/cpu.max)" "50000 100000"; }
check "they are in force after a reload of systemd" reload
update()
{
	rt update --memory 96m --pids-limit 30 --cpu-quota 20000 --cpu-period 100000 c && is "$(cat $cg/memory.max)" 100663296 && is "$(cat $cg/pids.max)" 30 &&
		is "$(cat $cg/cpu.max)" "20000 100000" && systemctl daemon-reload && is "$(cat $cg/memory.max)" 100663296 && shows TasksMax 30
}
check "update changes them, and systemd knows" update
freeze() { rt pause c && is "$(rt state c | jq -r .status)" paused && rt resume c && is "$(cat $cg/cgroup.freeze)" 0; }
check "pause freezes, resume thaws" freeze
executed() { rt exec c true && is "$(rt exec c cat /proc/self/cgroup)" 0::/; }
check "exec comes into the scope" executed
gone() { [ ! -e $cg ] && [ "$(systemctl show cloche-c.scope -p LoadState --value)" = not-found ]; }
removed() { down && wait_for gone; }
check "delete ends the scope" removed

bus_only()
{
	mv /run/systemd/private /run/systemd/private.off
	up '.process.args = ["sleep", "3000"]' && shows ActiveState active && down
	r=$?
	mv /run/systemd/private.off /run/systemd/private
	return $r
}
if systemctl is-active -q dbus.socket; then
	check "where systemd's own socket is hidden, the system bus serves" bus_only
else
	skip "where systemd's own socket is hidden, the system bus serves" "the guest has no message bus"
fi

nested() { CGROUPS_PATH=cloche-test-deep.slice:: up '.process.args = ["sleep", "3000"]' && [ -d /sys/fs/cgroup/cloche.slice/cloche-test.slice/cloche-test-deep.slice/c.scope ] && down; }
check "a slice in a slice, without a prefix, named by the container" nested
unnamed() { local CGROUPS_PATH=''; bundle '.process.args = ["sleep", "3000"] | del(.linux.cgroupsPath)' && rt run -d c >/dev/null </dev/null && [ -d /sys/fs/cgroup/system.slice/cloche-c.scope ] && down; }
check "without a path it is system.slice" unnamed
refused() { bundle ".linux.cgroupsPath = \"$1\""; ! rt create c && grep -q "$2" "$said"; }
check "a path of the other form is refused" refused /a/b "slice:prefix:name"
check "a slice that is none is refused" refused a/b.slice:x:y "no name of a unit"
twice()
{
	up '.process.args = ["sleep", "3000"]' || return
	! rt run d && grep -q "cloche-c.scope" "$said" && is "$(rt state c | jq -r .status)" running && down
}
check "a scope that is taken is refused, and stays" twice

check "memory above the limit ends the process, and events tells of it" oom_is_told
check "device rules are in force (BPF)" devices_in_force
all()
{
	up '.process.args = ["sh", "-c", "sleep 3000 & sleep 3001 & wait"] | del(.linux.namespaces[] | select(.type == "pid"))' &&
		wait_for sh -c "[ \$(wc -l <$cg/cgroup.procs) = 3 ]" && rt kill --all c KILL && wait_for stopped && down
}
check "kill --all ends every process of it" all
properties()
{
	up '.process.args = ["sleep", "3000"] | .annotations = {"org.systemd.property.TimeoutStopUSec": "uint64 7000000", "org.systemd.property.CollectMode": "'\''inactive'\''"}' &&
		shows TimeoutStopUSec 7s && shows CollectMode inactive && down
}
check "annotations are more properties" properties
failing() { bundle '.process.args = ["/nothing"]'; ! rt create c && wait_for gone; }
check "a create that fails leaves no scope" failing

engine_make
engine() { is "$(timeout 60 cloche run --rm --network none -m 64m --pids-limit 40 host cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max | tr '\n' ' ')" "67108864 40 "; }
check "cloche run: limits read back inside" engine
