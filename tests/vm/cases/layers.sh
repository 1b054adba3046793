# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# A hundred layers, and files in a range of ids.
# guests: plain
. tests/vm/case.bash
bats_file layers
