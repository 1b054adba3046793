# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The kill guard where it may refuse: BPF programs at LSM hooks.
# guests: plain
. tests/vm/case.bash
grep -qw bpf /sys/kernel/security/lsm || { skip "the guard" "this kernel has no BPF LSM"; exit; }
engine_make
check "a guard that refuses can be loaded" sh -c 'cloche guard enable | grep -qx "level: deny"; r=$?; cloche guard disable; exit $r'
bats_file guard
bats_file sockets 'among many namespaces'
