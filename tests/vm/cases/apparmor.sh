# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# AppArmor: the default profile, another one, none; of cloche run and of the runtime.
# guests: plain
. tests/vm/case.bash
grep -q Y /sys/module/apparmor/parameters/enabled || { skip "AppArmor" "this kernel has it not on"; exit; }
engine_make
bundle_make

# with the host's root and all capabilities only the profile is in the way
strong() { timeout 60 cloche run --rm --network none --userns host --cap-add ALL --security-opt seccomp=unconfined --security-opt systempaths=unconfined "$@"; }

check "no profile of ours is there before the first start" sh -c '! grep -q ^cloche-default /sys/kernel/security/apparmor/profiles'
default() { is "$(timeout 60 cloche run --rm --network none host cat /proc/self/attr/current)" "cloche-default (enforce)" && grep -qx 'cloche-default (enforce)' /sys/kernel/security/apparmor/profiles; }
check "the first start loads the default profile, and the container is under it" default
mounts() { strong --security-opt apparmor=unconfined host mount -t tmpfs x /mnt && ! strong host mount -t tmpfs x /mnt; }
check "no mount whatever the capabilities are" mounts
parameters()
{
	local file

	strong --security-opt apparmor=unconfined host sh -c 'now=$(cat /proc/sys/vm/swappiness) && echo "$now" >/proc/sys/vm/swappiness' || return
	for file in sys/vm/swappiness sys/kernel/panic sys/fs/file-max sysrq-trigger sys/net/ipv4/ip_forward; do
		! strong host sh -c "echo 0 >/proc/$file" || { echo "/proc/$file was written"; return 1; }
		grep -q 'Permission denied' "$said" || return
	done
	! strong host head -c 1 /proc/kcore
}
check "no parameter of the host is written, no memory read" parameters
sysfs()
{
	strong -v /sys:/sys:setid=allow --security-opt apparmor=unconfined host sh -c 'run=$(cat /sys/kernel/mm/ksm/run) && echo "$run" >/sys/kernel/mm/ksm/run' || return
	! strong -v /sys:/sys:setid=allow host sh -c 'echo 0 >/sys/kernel/mm/ksm/run' && ! strong -v /sys:/sys:setid=allow host ls /sys/kernel/security
}
check "nothing of /sys is written, and the policy not read" sysfs
executed() { cloche run -d --name ex --network none host sleep 3000 >/dev/null && is "$(cloche exec ex cat /proc/self/attr/current)" "cloche-default (enforce)" && is "$(cloche inspect -f '{{.AppArmorProfile}}' ex)" cloche-default && cloche exec ex sh -c 'sleep 50 & kill -0 $! && kill $!' && cloche stop -t 5 ex && cloche rm ex; }
check "exec comes under it, too; signals within pass; stop ends it" executed
none() { is "$(cloche run --rm --network none --security-opt apparmor=unconfined host cat /proc/self/attr/current)" unconfined && is "$(cloche run --rm --network none --privileged host cat /proc/self/attr/current)" unconfined; }
check "unconfined and privileged are under none" none
other()
{
	printf 'profile vm-other flags=(attach_disconnected) { file, capability, network, deny /etc/passwd r, }\n' | apparmor_parser -r -K || return
	! cloche run --rm --network none --security-opt apparmor=vm-other host cat /etc/passwd && grep -q 'Permission denied' "$said" &&
		is "$(cloche run --rm --network none --security-opt apparmor=vm-other host cat /proc/self/attr/current)" "vm-other (enforce)"
}
check "another profile, by name" other
missing() { ! cloche run --rm --network none --security-opt apparmor=nowhere host true && grep -q 'AppArmor profile nowhere is not loaded' "$said"; }
check "one that is not loaded is refused" missing
runtime()
{
	bundle '.process.args = ["cat", "/proc/self/attr/current"] | .process.apparmorProfile = "cloche-default"'
	is "$(rt run c)" "cloche-default (enforce)" || return
	rt delete -f c
	bundle '.process.args = ["true"] | .process.apparmorProfile = "nowhere"'
	! rt create c && grep -q 'set the security label' "$said"
}
check "process.apparmorProfile of config.json" runtime
of_exec() { up '.process.args = ["sleep", "3000"]' && is "$(rt exec --apparmor cloche-default c cat /proc/self/attr/current)" "cloche-default (enforce)" && is "$(rt exec c cat /proc/self/attr/current)" unconfined && down; }
check "exec --apparmor" of_exec
