# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# run --register: what systemd's own tools know of a container.
# guests: systemd
. tests/vm/case.bash
engine_make
listed() { machinectl list --no-legend --no-pager | grep -qE '^web +container +cloche\b'; }
unlisted() { ! machinectl list --no-legend --no-pager | grep -q '^web '; }
pid() { cloche inspect -f '{{.State.Pid}}' web; }

up() { timeout 300 cloche run -d --name web --register -m 64m host sleep 1000 && listed; }
check "machinectl lists the container" up
leader() { is "$(machinectl show web -p Leader --value)" "$(pid)" && is "$(machinectl show web -p Class --value)" container; }
check "its leader is the container's first process" leader
link() { busctl get-property org.freedesktop.machine1 /org/freedesktop/machine1/machine/web org.freedesktop.machine1.Machine NetworkInterfaces | grep -E '^ai 1 [0-9]+$'; }
check "its link is the machine's" link
column() { is "$(ps -o machine= -p "$(pid)" | tr -d ' ')" web; }
check "ps -o machine names it" column
executed() { cloche exec -d web sleep 2000 && wait_for sh -c "ps -eo machine,args | grep -qE '^web +sleep 2000'"; }
check "for an exec, too" executed
scope() { systemctl is-active "cloche-web-$(cloche inspect -f '{{.Id}}' web | cut -c 1-12).scope" && systemd-cgls --no-pager | grep -q 'cloche-web-'; }
check "it is a scope of machine.slice" scope
asked() { cloche whois "$(pid)" | grep -q 'container web' && cloche procs --container web | grep -q sleep; }
check "whois and procs know it as ours" asked
limits()
{
	local cg
	cg=$(echo /sys/fs/cgroup/machine.slice/cloche-web-*.scope)
	is "$(cat "$cg/memory.max")" 67108864 && cloche update -m 96m --memory-swap -1 web && is "$(cat "$cg/memory.max")" 100663296 && systemctl daemon-reload &&
		is "$(cat "$cg/memory.max")" 100663296 && cloche stats --no-stream web | grep -q 96MiB
}
check "limits are in force after update and a reload of systemd" limits
ends() { cloche stop -t 1 web && wait_for unlisted; }
check "the machine ends with the container" ends
again() { cloche start web && listed && cloche rm -f web && wait_for unlisted && ! systemctl list-units --all --no-legend 'cloche-web-*' | grep -q scope; }
check "it comes again with a start, and rm -f leaves neither machine nor scope" again
taken()
{
	timeout 300 cloche run -d --name web --register --network none host sleep 1000 || return
	local -x CLOCHE_ROOT=/var/lib/other CLOCHE_RUN_ROOT=/run/other
	mkdir -m 0700 $CLOCHE_ROOT && mkdir -m 0711 $CLOCHE_RUN_ROOT
	! timeout 300 cloche run -d --name web --register --network none host sleep 1000 && grep -q "tell machined of web: systemd says: .*already" "$said" &&
		cloche rm -f web && ! machinectl list --no-legend | grep -q other
}
check "a name that another machine has is refused, with machined's words" taken
signalled()
{
	timeout 300 cloche run -d --name watched --register --network none --guard deny host sleep 1000 && systemctl kill -s CONT "cloche-watched-*.scope" &&
		is "$(cloche guard log)" "" && cloche rm -f watched
}
if cloche guard enable; then
	check "pid 1 may signal it by systemctl kill, under the kill guard" signalled
	cloche guard disable
else
	skip "pid 1 may signal it by systemctl kill, under the kill guard" "this kernel takes no BPF programs"
fi
journal()
{
	timeout 300 cloche run -d --name logged --register --network none -m 256m host /usr/lib/systemd/systemd &&
		wait_for cloche exec logged systemctl is-active -q systemd-journald.service &&
		cloche exec logged systemd-cat -t inside echo "a line of the container" &&
		wait_for sh -c 'journalctl -M logged -q --no-pager -t inside | grep -q "a line of the container"' &&
		! journalctl -q --no-pager -t inside | grep -q "a line of the container" &&
		is "$(machinectl show logged -p Leader --value)" "$(cloche inspect -f '{{.State.Pid}}' logged)" && cloche rm -f logged
}
check "journalctl -M reads the journal of the systemd that is in it" journal
killed() { kill -KILL "$(pid)" && wait_for unlisted; }
check "a container that is killed is no machine any more" killed
cloche rm -f web >/dev/null
