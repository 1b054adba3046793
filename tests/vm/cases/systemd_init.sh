# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# A container whose first process is systemd, on cgroup v2: the guest's own systemd over a fresh root file system.
# guests: plain systemd
. tests/vm/case.bash
engine_make

up() { wait_for cloche exec whole systemctl is-active -q basic.target; }
booted() { timeout 120 cloche run -d --name whole --network none -m 256m host /usr/lib/systemd/systemd && up; }
check "systemd comes up in a container" booted
own() { is "$(cloche exec whole cat /proc/1/cgroup)" 0::/init.scope && cloche exec whole sh -c 'grep -w memory /sys/fs/cgroup/cgroup.subtree_control && ls -d /sys/fs/cgroup/system.slice'; }
check "it divides its cgroup" own
limited() { ! cloche exec whole sh -c 'echo max >/sys/fs/cgroup/memory.max' && is "$(cloche exec whole cat /sys/fs/cgroup/memory.max)" 268435456; }
check "its limits are not its to change" limited
frozen() { cloche pause whole && is "$(cloche inspect -f '{{.State.Status}}' whole)" paused && cloche unpause whole && up; }
check "pause and exec where cgroups are divided" frozen
stopped_by_it() { timeout 200 cloche stop -t 120 whole && is "$(cloche inspect -f '{{.State.ExitCode}}' whole)" 0 && cloche rm whole; }
check "stop lets it shut down" stopped_by_it
