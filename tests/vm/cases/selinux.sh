# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# SELinux, enforcing: labels of processes and files, of cloche run and of the runtime; what they keep apart.
# guests: selinux
. tests/vm/case.bash
engine_make
bundle_make
echo 0 >/proc/sys/kernel/printk_ratelimit # of what is denied each line counts
setenforce 1
exec </dev/null

run() { timeout 60 cloche run --network none "$@"; }
current() { tr -d '\0' <"${1:-/proc/self/attr/current}"; }
label() { stat -c %C "$1"; }
# PART of a label: the level is all after the third colon
part() { cut -d: -f"$1" <<<"$2"; }
denied() { dmesg | grep -q "avc:  denied  {[^}]*$1[^}]*}.*$2"; }
ours() { [[ $1 =~ ^system_u:system_r:container_t:s0:c[0-9]+,c[0-9]+$ ]] || { echo "label: $1"; return 1; }; }
refused() { if "$@"; then echo "was not refused: $*"; return 1; fi; }
named() { cloche inspect -f "{{.$2}}" "$1"; }
pid() { cloche inspect -f '{{.State.Pid}}' "$1"; }

enforcing() { is "$(cat /sys/fs/selinux/enforce)" 1 && is "$(current)" unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023 && cloche info -f '{{json .SecurityOptions}}' | grep -q '"name=selinux"'; }
check "SELinux is enforcing, and cloche info says so" enforcing
check "an image is made" sh -c 'tar -C /bundle/rootfs -c . | cloche import - bb'

# -- what a container is born with ----------------------------------------------------------------

born()
{
	local image now

	for image in bb host; do
		now=$(run --rm $image cat /proc/self/attr/current | tr -d '\0')
		ours "$now" || return
	done
}
check "a container is a container_t with two categories of its own" born
cloche run -d --network none --name aa bb sleep 3000 >/dev/null
cloche run -d --network none --name ab bb sleep 3000 >/dev/null
two()
{
	local name

	for name in aa ab; do
		is "$(current "/proc/$(pid $name)/attr/current")" "$(named $name ProcessLabel)" &&
			is "$(part 4- "$(named $name MountLabel)")" "$(part 4- "$(named $name ProcessLabel)")" &&
			is "$(part 3 "$(named $name MountLabel)")" container_file_t || return
	done
	[ "$(named aa ProcessLabel)" != "$(named ab ProcessLabel)" ]
}
check "inspect has the labels, the kernel the same; two containers differ" two
files()
{
	local root

	root=/proc/$(pid aa)/root
	for path in / /etc/passwd /bin/busybox /dev /dev/shm /dev/pts /etc/hosts /etc/hostname /etc/resolv.conf; do
		is "$(label "$root$path")" "$(named aa MountLabel)" || { echo "$path"; return 1; }
	done
	grep ' / / .* overlay ' "/proc/$(pid aa)/mountinfo" | grep -qF "context=\"$(named aa MountLabel)\"" || grep -F 'context=' "/proc/$(pid aa)/mountinfo"
}
check "what is in it has its mount label: root, /dev, shm, pts, hosts" files
usual()
{
	printf secret >/tmp/secret
	# shellcheck disable=SC2016 # they are the container's
	run --rm -i --tmpfs /t --secret id=s,src=/tmp/secret bb sh -c '
		set -e
		echo x >/t/f; echo x >/dev/shm/f; echo x >/new; chmod 700 /new; rm /new; mkdir -p /d/e; mv /d /f
		echo 10.9.9.9 other >>/etc/hosts; cat /etc/hostname /etc/resolv.conf >/dev/null
		[ "$(cat /run/secrets/s)" = secret ]
		[ -z "$(cat /proc/kcore | head -c 1)" ]; ls /proc/acpi /sys/firmware 2>/dev/null || [ ! -e /proc/acpi ]
		mkfifo /p; (echo through >/p &); [ "$(cat /p)" = through ]
		cat >/dev/null; echo out; echo err >&2' </dev/null
}
check "it works as without SELinux: files, tmpfs, secret, hosts, masks, pipes" usual
with_init() { ours "$(run --rm --init bb cat /proc/self/attr/current | tr -d '\0')"; }
check "and with --init" with_init
terminal() { timeout 60 script -qec 'cloche run --rm -t --network none bb sh -c "tty && cat /proc/self/attr/current"' /dev/null </dev/null | tr -d '\r\0' | grep -q 'system_r:container_t:s0:c'; }
check "with a terminal, too" terminal
again() { local before; before=$(named aa ProcessLabel) && cloche restart -t 0 aa && is "$(named aa ProcessLabel)" "$before" && is "$(current "/proc/$(pid aa)/attr/current")" "$before"; }
check "a restart keeps the label" again
executed() { ours "$(named aa ProcessLabel)" && is "$(cloche exec aa cat /proc/self/attr/current | tr -d '\0')" "$(named aa ProcessLabel)" && is "$(cloche exec --privileged aa cat /proc/self/attr/current | tr -d '\0')" "$(named aa ProcessLabel)"; }
check "exec has the container's label, privileged or not" executed
clean() { is "$(cloche exec aa echo seen)" seen && is "$(cloche exec aa cat /proc/self/attr/fscreate /proc/self/attr/keycreate /proc/self/attr/sockcreate /proc/self/attr/exec | tr -d '\0')" ""; }
check "no label is left over for what it makes" clean
shared() { is "$(run --rm --pid container:aa bb cat /proc/self/attr/current | tr -d '\0')" "$(named aa ProcessLabel)" && run --rm --pid container:aa bb sh -c 'kill -0 1'; }
check "who shares another one's processes has its label" shared
hosts() { timeout 60 cloche run --rm --network container:aa bb cat /etc/hosts | grep -q localhost && cloche exec aa cat /etc/hosts | grep -q localhost; }
check "who shares another one's network reads its hosts, and so does that one" hosts
init() { is "$(part 3 "$(run --rm --systemd always bb cat /proc/self/attr/current | tr -d '\0')")" "$(sed -n 's/^init_process = .*:\([a-z_]*\):s0"/\1/p' /etc/selinux/default/contexts/lxc_contexts | grep . || echo container_t)"; }
check "one for systemd has the label of the policy for it, where there is one" init

# -- what is kept apart ----------------------------------------------------------------------------

mkdir -p /srv/plain /srv/shared /srv/own
echo host >/srv/plain/f
echo host >/srv/shared/f
echo host >/srv/own/f
plain() { refused run --rm -v /srv/plain:/x bb cat /x/f && denied . 'scontext=system_u:system_r:container_t:s0:c.*tclass=\(dir\|file\)' && is "$(run --rm -v /srv/plain:/x --security-opt label=disable bb cat /x/f)" host; }
check "a folder of the host is out of reach, though its mode would let it in" plain
shared_folder()
{
	is "$(run --rm -v /srv/shared:/x:z bb cat /x/f)" host && is "$(label /srv/shared/f)" system_u:object_r:container_file_t:s0 &&
		run --rm -v /srv/shared:/x bb sh -c 'echo one >/x/one' && is "$(run --rm -v /srv/shared:/x bb cat /x/one)" one
}
check ":z: relabelled, and for all containers" shared_folder
cloche create --network none --name own -v /srv/own:/x:Z bb sh -c 'cat /x/f; echo mine >/x/mine' >/dev/null
own_folder()
{
	is "$(timeout 60 cloche start -a own)" host && is "$(label /srv/own/f)" "$(named own MountLabel)" && is "$(label /srv/own/mine)" "$(named own MountLabel)" &&
		refused run --rm -v /srv/own:/x bb cat /x/f && refused run --rm -v /srv/own:/x bb sh -c 'echo theirs >/x/f' &&
		denied . "scontext=system_u:system_r:container_t:s0:c.*tcontext=system_u:object_r:container_file_t:$(part 4- "$(named own MountLabel)")"
}
check ":Z: for this one alone; another one is denied, by its categories" own_folder
check "folders of the system are not relabelled" refused run --rm -v /usr:/x:z bb true
others() { refused run --rm --security-opt label=level:s0:c1 -v "/proc/$(pid aa)/root:/x" bb cat /x/etc/passwd; }
check "one does not read another one's root" others
volume()
{
	run --rm -v data:/v bb sh -c 'echo first >/v/f' && is "$(label /var/tmp/cloche/lib/volumes/data/_data/f)" system_u:object_r:container_file_t:s0 &&
		is "$(run --rm -v data:/v bb cat /v/f)" first && is "$(run --rm -v /etc bb cat /etc/passwd)" "$(cat /bundle/rootfs/etc/passwd)"
}
check "a volume is for all containers, and filled from the image" volume
volume_own() { run --rm -v alone:/v bb touch /v/f && run --rm --security-opt label=level:s0:c9 -v alone:/v:Z bb touch /v/g && is "$(part 4- "$(label /var/tmp/cloche/lib/volumes/alone/_data/f)")" s0:c9 && refused run --rm -v alone:/v bb ls /v; }
check "a volume with :Z is for one container" volume_own
added() { mkdir -p /srv/later && echo later >/srv/later/f && timeout 60 cloche update --mount-add /srv/later:/later:z,setid=allow aa >/dev/null && is "$(cloche exec aa cat /later/f)" later; }
check "a mount that comes later is relabelled, too" added

# -- label= ----------------------------------------------------------------------------------------

options()
{
	local a

	a=$(run --rm --security-opt label=type:container_other_t --security-opt label=level:s0:c100,c200 bb sh -c 'cat /proc/self/attr/current' | tr -d '\0')
	is "$a" system_u:system_r:container_other_t:s0:c100,c200 &&
		is "$(run --rm --security-opt label:user:unconfined_u --security-opt label=role:system_r bb cat /proc/self/attr/current | tr -d '\0' | cut -d: -f1-3)" unconfined_u:system_r:container_t &&
		run --rm --name lvl --security-opt label=level:s0:c7 -v /srv/own:/x:Z bb touch /x/g && is "$(label /srv/own/g)" system_u:object_r:container_file_t:s0:c7 &&
		is "$(run --rm --security-opt label=level:s0:c7 -v /srv/own:/x bb cat /x/f)" host
}
check "label= type, level, user, role; who has the level reads the files" options
filetype() { cloche create --name ft --security-opt label=filetype:container_other_file_t bb true >/dev/null && is "$(part 3 "$(named ft MountLabel)")" container_other_file_t && is "$(part 3 "$(run --rm --security-opt label=filetype:container_other_file_t bb cat /proc/self/attr/current)")" container_t; }
check "label=filetype: the type of its files" filetype
disabled() { is "$(run --rm --security-opt label=disable bb cat /proc/self/attr/current | tr -d '\0')" "$(current)" && is "$(run --rm --privileged bb cat /proc/self/attr/current | tr -d '\0')" "$(current)" && is "$(run --rm --pid host bb cat /proc/self/attr/current | tr -d '\0')" "$(current)" && is "$(part 3 "$(run --rm --privileged --security-opt label=type:container_t bb cat /proc/self/attr/current)")" container_t; }
check "disable, --privileged, --pid host: none, unless one is asked for" disabled
setting() { is "$(CLOCHE_SELINUX=false run --rm -v /srv/plain:/x bb cat /x/f /proc/self/attr/current | tr -d '\0')" "$(echo host && current)" && ! CLOCHE_SELINUX=false cloche info -f '{{json .SecurityOptions}}' | grep -q selinux; }
check "selinux = false: no labels" setting
bad()
{
	local said

	said=$(run --rm --security-opt label=type:no_such_t bb true 2>&1) && return 1
	grep -q 'system_u:system_r:no_such_t:s0:c.*is no label of the SELinux policy that is loaded; run with --security-opt label=disable, or set selinux = false' <<<"$said" || { echo "$said"; return 1; }
	said=$(run --rm --security-opt label=kind:x bb true 2>&1) && return 1
	grep -q 'bad label option "kind:x"' <<<"$said" || { echo "$said"; return 1; }
}
check "a label that the policy does not know, or no label at all, is refused with the reason" bad

# -- files in and out -------------------------------------------------------------------------------

copied()
{
	echo in >/tmp/in
	cloche cp /tmp/in aa:/in && is "$(cloche exec aa cat /in)" in && cloche exec aa sh -c 'echo more >>/in' && cloche cp aa:/in /tmp/out && is "$(cat /tmp/out)" "$(printf 'in\nmore')" && cloche stop -t 0 aa >/dev/null &&
		cloche cp /tmp/in aa:/in2 && cloche start aa >/dev/null && is "$(cloche exec aa cat /in2)" in && cloche diff aa | grep -qx 'A /in2'
}
check "cp, running or not; diff" copied
committed() { timeout 60 cloche commit aa bb2 >/dev/null && is "$(run --rm bb2 cat /in2)" in; }
check "commit; the next container has a label of its own on the same files" committed
exported() { cloche export aa >/tmp/a.tar && tar -tf /tmp/a.tar | grep -qx in2 && ! grep -qa 'security\.selinux' /tmp/a.tar; }
check "export, without labels" exported
cloche rm -f aa ab own ft >/dev/null

# -- cloche-runtime -----------------------------------------------------------------------------------

process=system_u:system_r:container_t:s0:c11,c12
mount=system_u:object_r:container_file_t:s0:c11,c12
chcon -R system_u:object_r:container_file_t:s0:c11,c12 /bundle/rootfs
# output to a file that the container may write: the streams of a container are its caller's
rt_said()
{
	: >/tmp/said
	chcon system_u:object_r:container_file_t:s0 /tmp/said
	rt "$@" >/tmp/said 2>/tmp/wrong || { cat /tmp/wrong; return 1; }
	tr -d '\0' </tmp/said
}
labelled=".process.selinuxLabel = \"$process\" | .linux.mountLabel = \"$mount\""
oci_labels()
{
	local pid

	up "$labelled | .process.args = [\"sleep\", \"3000\"]" || return
	pid=$(rt state c | jq .pid)
	is "$(current "/proc/$pid/attr/current")" $process && is "$(label "/proc/$pid/root/dev")" $mount && is "$(label "/proc/$pid/root/dev/shm")" $mount && is "$(label "/proc/$pid/root/dev/pts")" $mount &&
		is "$(label "/proc/$pid/root/dev/mqueue")" $mount && is "$(rt_said exec c cat /proc/self/attr/current)" $process &&
		is "$(rt_said exec --process-label system_u:system_r:container_other_t:s0:c11,c12 c cat /proc/self/attr/current)" system_u:system_r:container_other_t:s0:c11,c12 &&
		is "$(rt_said exec c sh -c 'cat /proc/self/attr/fscreate /proc/self/attr/keycreate; echo seen')" seen
}
check "runtime: selinuxLabel, mountLabel, exec and its --process-label" oci_labels
down
oci_denied() { bundle "$labelled | .process.args = [\"sh\", \"-c\", \"echo x >/dev/shm/x && cat /etc/passwd\"]"; is "$(rt_said run c)" "$(cat /bundle/rootfs/etc/passwd)" && { bundle "$labelled | .process.args = [\"cat\", \"/etc/passwd\"] | .process.selinuxLabel = \"system_u:system_r:container_t:s0:c11\""; refused rt run c; }; }
check "runtime: with other categories the same root is out of reach" oci_denied
down 2>/dev/null
oci_bad()
{
	local field said

	for field in process.selinuxLabel linux.mountLabel; do
		bundle "$labelled | .$field = \"system_u:system_r:no_such_t:s0\""
		said=$(rt run c 2>&1) && return 1
		grep -qF "$field: \"system_u:system_r:no_such_t:s0\" is no label of the SELinux policy that is loaded" <<<"$said" || { echo "$said"; return 1; }
	done
	up "$labelled | .process.args = [\"sleep\", \"3000\"]" || return
	said=$(rt exec --process-label nonsense c true 2>&1) && return 1
	grep -qF 'process.selinuxLabel: "nonsense" is no label' <<<"$said" || { echo "$said"; return 1; }
}
check "runtime: a label that the policy does not know is refused with the reason" oci_bad
down
oci_none() { bundle '.process.args = ["cat", "/proc/self/attr/current"]'; is "$(rt_said run c)" "$(current)"; }
check "runtime: without a label it is as who started it" oci_none
dmesg | grep 'avc:  denied' | tail -n 40 | sed 's/.*avc/# avc/'
