# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Names of container users beside nscd, which a host that runs other tests should not get.
# guests: plain
. tests/vm/case.bash
bats_file names
