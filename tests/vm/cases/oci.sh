# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The life of a container of cloche-runtime and what the spec requires, with cgroup v2 and an older kernel.
# guests: plain
. tests/vm/case.bash
bats_file oci_lifecycle
bats_file oci_requirements
