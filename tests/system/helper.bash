# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2154 # status, output and lines come from bats' run
# What every file of tests/system loads:
#
#	load helper
#
#	@test "an exit code comes through" {
#		run -7 cloche run --rm host sh -c 'exit 7'
#	}
#
# Each file gets a Cloche of its own: CLOCHE_ROOT and CLOCHE_RUN_ROOT below CLOCHE_TEST_DIR, a folder
# that only root can enter. At the end of the file all its containers are removed, and whatever is
# then left on the host fails the file. tests/run also gives each file mount and network namespaces
# of its own; `bats -f 'exit code' tests/system/run.bats` works without.
#
# A file that needs more defines setup_file, setup, teardown or teardown_file itself and calls
# cloche_setup_file, cloche_setup, cloche_teardown or cloche_teardown_file in it.

if declare -F bats_require_minimum_version >/dev/null; then # not when tests/run sweeps
	bats_require_minimum_version 1.5.0
fi

SOURCE_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CLOCHE_BUILD=${CLOCHE_BUILD:-$SOURCE_DIR/build}
[[ $CLOCHE_BUILD == /* ]] || CLOCHE_BUILD=$SOURCE_DIR/$CLOCHE_BUILD
CLOCHE=$CLOCHE_BUILD/cloche
CLOCHE_MONITOR_BIN=$CLOCHE_BUILD/cloche-monitor
CLOCHE_TRANSFER=$CLOCHE_BUILD/cloche-transfer
export PODMAN_IGNORE_CGROUPSV1_WARNING=1 # among what its commands print
export SOURCE_DIR CLOCHE_BUILD CLOCHE CLOCHE_MONITOR_BIN CLOCHE_TRANSFER

setup_file() { cloche_setup_file; }
teardown_file() { cloche_teardown_file; }
setup() { cloche_setup; }
teardown() { cloche_teardown; }

cloche() { "$CLOCHE" "$@"; }

cloche_setup_file()
{
	[ "$(id -u)" -eq 0 ] || { echo "the system tests need root" >&2; return 1; }
	[ -x "$CLOCHE" ] || { echo "there is no $CLOCHE; run ./setup build" >&2; return 1; }
	CLOCHE_TEST_DIR=${CLOCHE_TEST_DIR:-$(mktemp -d /var/tmp/cloche-test.XXXX)}
	CLOCHE_ROOT=$CLOCHE_TEST_DIR/lib
	CLOCHE_RUN_ROOT=$CLOCHE_TEST_DIR/run
	HOME=$CLOCHE_TEST_DIR/home # no one's ~/.config/cloche
	export CLOCHE_TEST_DIR CLOCHE_ROOT CLOCHE_RUN_ROOT HOME
	unset XDG_CONFIG_HOME
	chmod 0700 "$CLOCHE_TEST_DIR"
	mkdir -m 0700 "$CLOCHE_ROOT" "$HOME"
	mkdir -m 0711 "$CLOCHE_RUN_ROOT"
	host_state >"$CLOCHE_TEST_DIR/before"
}

cloche_setup()
{
	STANDING=("$CLOCHE_ROOT"/containers/*)
	cd "$BATS_TEST_TMPDIR" || return
}

# A case that failed takes its processes and containers with it: the next one uses the same names, and is not to fail for it. What stood
# before it stays.
cloche_teardown()
{
	local id pid
	local -a ids=()

	[ -z "${BATS_TEST_COMPLETED:-}" ] || return 0
	for pid in $(jobs -p); do
		kill "$pid" 2>/dev/null || :
	done
	# what it has stopped may hold a lock
	grep -lzsxF "CLOCHE_TEST_DIR=$CLOCHE_TEST_DIR" /proc/[0-9]*/environ | cut -d / -f 3 | while read -r pid; do
		! grep -qs '^State:.T' "/proc/$pid/status" || kill -CONT "$pid" 2>/dev/null || :
	done
	for id in $(timeout 60 "$CLOCHE" ps -aq --no-trunc); do
		[[ "${STANDING[*]} " == *"/$id "* ]] || ids+=("$id")
	done
	[ ${#ids[@]} -eq 0 ] || timeout 60 "$CLOCHE" rm -f "${ids[@]}" >/dev/null || :
}

cloche_teardown_file()
{
	local status=0

	[ -n "${CLOCHE_ROOT:-}" ] || return 0 # setup_file came not that far
	remove_containers || status=1
	[ ! -e "$CLOCHE_RUN_ROOT/keeper" ] || cloche system keeper --stop || status=1 # a lan network starts it
	cloche network prune -f >/dev/null || status=1
	assert_no_leftovers || status=1
	cloche_sweep "$CLOCHE_TEST_DIR"
	return "$status"
}

remove_containers()
{
	local -a ids

	mapfile -t ids < <(cloche ps -aq --no-trunc)
	[ ${#ids[@]} -eq 0 ] || cloche rm -f "${ids[@]}" >/dev/null
}

# --- what is left on the host -----------------------------------------------------------------

# What a container may add to the namespaces that we are in. Not among the mounts: another file's image being made; and namespaces with a name,
# which are listed by themselves: a copy of the host's goes when the host removes its name, since that detaches it everywhere.
host_state()
{
	awk '{ for (i = 7; $i != "-"; i++); print "mount", $5, $(i + 1) }' /proc/self/mountinfo |
		grep -v -e '^mount /var/tmp/mmdebstrap\.' -e '^mount /run/netns/' || :
	find /run/netns -mindepth 1 -maxdepth 1 -printf 'netns %f\n' 2>/dev/null || :
	# the links of networks stay until `network prune`, which the end of the file asks for
	ip -o link show | awk -F '[:@] *' '$2 !~ /^(cloche0|cl-)/ { print "link", $2 }'
}

# The ids of all containers that this instance ever had: events, run folders, data folders.
known_ids()
{
	{
		cat "$CLOCHE_ROOT"/events* 2>/dev/null
		find "$CLOCHE_RUN_ROOT" "$CLOCHE_ROOT/containers" -maxdepth 1 -type d 2>/dev/null
	} | grep -oE '\b[0-9a-f]{64}\b' | sort -u || :
}

# container_cgroups ID...: their folders in every hierarchy.
container_cgroups()
{
	local -a names=()
	local id

	for id; do
		names+=(-o -name "*-${id:0:12}")
	done
	[ $# -eq 0 ] || find /sys/fs/cgroup -depth -type d \( "${names[@]:1}" \) 2>/dev/null
}

# processes_of DIR: whoever has a file of DIR open, works in it, was started with its name, or
# lives in another mount namespace that shows it, as a container does. Not who has a mere copy of
# our mounts, at the same places: another file of tests, started meanwhile.
processes_of()
{
	local name=${1##*/} here pid

	here=$(readlink /proc/self/ns/mnt)
	{
		find /proc/[0-9]*/{cwd,root,exe,fd} -maxdepth 1 -lname "*/$name/*" 2>/dev/null
		grep -laF "$name/" /proc/[0-9]*/cmdline 2>/dev/null
		grep -lF "$name/" /proc/[0-9]*/mountinfo 2>/dev/null | while IFS=/ read -r _ _ pid _; do
			[ "$(readlink "/proc/$pid/ns/mnt" 2>/dev/null)" = "$here" ] ||
				! awk -v dir="$1/" 'index($5, dir) == 1 { exit 1 }' "/proc/$pid/mountinfo" 2>/dev/null ||
				echo "/proc/$pid/"
		done
	} | cut -d / -f 3 | grep -vx "$BASHPID" | sort -un || :
}

# Of the lines of leftovers, those that this file answers for. Under tests/run all do: the namespaces are its own. Without, others come
# and go meanwhile, another file of tests for instance: then what bears our folder or the suffix of our instance.
answered_for()
{
	local suffix

	[ -z "${CLOCHE_TEST_OUTSIDE:-}" ] || { cat; return; }
	suffix=$(instance_cgroup "$CLOCHE_RUN_ROOT")
	grep -F -e "$CLOCHE_TEST_DIR" -e "${suffix#cloche}" || :
}

# One line for each thing that outlived the containers; nothing when all is as it was.
leftovers()
{
	local -a ids
	local pid

	mapfile -t ids < <(known_ids)
	host_state | diff "$CLOCHE_TEST_DIR/before" - | sed -n 's/^> /left: /p; s/^< /gone: /p' |
		answered_for
	container_cgroups "${ids[@]}" | sed 's/^/left: cgroup /'
	for pid in $(processes_of "$CLOCHE_TEST_DIR"); do
		[ ! -e "/proc/$pid" ] ||
			echo "left: process $pid $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
	done
	grep -asF "$CLOCHE_TEST_DIR/" /run/lock/cloche/uids | sed 's/^/left: id range /'
	find "$CLOCHE_ROOT/containers" "$CLOCHE_RUN_ROOT" -mindepth 1 -maxdepth 1 -type d \
		-name '????????????????????????????????????????????????????????????????' \
		-printf 'left: folder %p\n' 2>/dev/null || :
}

# After `rm -f` of everything the host is what it was. A detached --rm may still be at it, and the kernel at a namespace: 60 s.
assert_no_leftovers()
{
	local found end=$((SECONDS + 60))

	while found=$(leftovers) && [ -n "$found" ]; do
		if [ "$SECONDS" -ge "$end" ]; then
			echo "$found" >&2
			return 1
		fi
		sleep 0.1
	done
}

# The instance's folder in each cgroup hierarchy is kept for the next container: what engine/engine.c makes
# of the run root (FNV-1a) is its name.
instance_cgroup()
{
	local text=$1 hash=$((0xcbf29ce484222325)) i byte

	for ((i = 0; i < ${#text}; i++)); do
		printf -v byte %d "'${text:i:1}"
		hash=$(((hash ^ byte) * 1099511628211))
	done
	printf 'cloche-%06x\n' $(((hash >> 40) & 0xffffff))
}

# cloche_sweep DIR: end and remove what an instance below DIR still has, whatever state it is in.
cloche_sweep()
{
	local dir=$1 folder pid tries
	local CLOCHE_ROOT=$1/lib CLOCHE_RUN_ROOT=$1/run
	local -a ids

	[[ $dir == /var/tmp/cloche-test.* ]] || return 1
	mapfile -t ids < <(known_ids)
	for ((tries = 0; tries < 20; tries++)); do
		pid=$(processes_of "$dir")
		[ -n "$pid" ] || break
		# shellcheck disable=SC2086 # a list of numbers
		kill -KILL $pid 2>/dev/null || :
		sleep 0.1
	done
	awk -v dir="$dir/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
		while read -r folder; do umount -l "$folder" || :; done
	container_cgroups "${ids[@]}" | while read -r folder; do
		find "$folder" -depth -type d -exec rmdir {} \; || :
		rmdir "${folder%/*}" 2>/dev/null || : # the instance's, when this was the last
	done
	rmdir /sys/fs/cgroup/*/"$(instance_cgroup "$CLOCHE_RUN_ROOT")" 2>/dev/null || :
	rm -rf --one-file-system "$dir"
}

# --- what a test needs ------------------------------------------------------------------------
# The reason of a skip says what the host lacks. tests/skips lists what each environment may skip.

skip_unless_program()
{
	local program

	for program; do
		command -v "$program" >/dev/null || skip "this host has no $program"
	done
}

# skip_unless_cgroup CONTROLLER...: in a v1 hierarchy or offered by v2.
skip_unless_cgroup()
{
	local controller

	for controller; do
		awk -v want="$controller" '$1 == want && $2 != 0 && $4 == 1 { found = 1 }
			END { exit !found }' /proc/cgroups 2>/dev/null ||
			grep -qsw "$controller" /sys/fs/cgroup/cgroup.controllers \
				/sys/fs/cgroup/unified/cgroup.controllers ||
			skip "this host has no cgroup controller $controller"
	done
}

skip_unless_cgroup_v2()
{
	[ -e /sys/fs/cgroup/cgroup.controllers ] || skip "this host's cgroups are not v2"
}

# skip_unless_capability NUMBER NAME: of ours, capabilities(7).
skip_unless_capability()
{
	local bits

	bits=$((16#$(awk '$1 == "CapEff:" { print $2 }' /proc/self/status)))
	(((bits >> $1) & 1)) || skip "root has no $2 here"
}

# skip_unless_option NAME VALUE: of meson, for instance hooks true.
skip_unless_option()
{
	[ "$(meson introspect "$CLOCHE_BUILD" --buildoptions 2>/dev/null |
		jq -r --arg name "$1" '.[] | select(.name == $name) | .value')" = "$2" ] ||
		skip "this build is not made with -D$1=$2"
}

skip_unless_hooks() { skip_unless_option hooks true; }

# For tests of size, speed of memory or system calls, which sanitizers change.
skip_if_sanitized()
{
	! grep -qa __asan_init "$CLOCHE" || skip "this build has sanitizers"
}

# logged NAME WORDS: the container has said so; until then its shell may not have begun, or not have set its traps.
logged() { cloche logs "$1" 2>&1 | grep -q -e "$2"; }

# killed PID...: they are, and have ended.
killed()
{
	local pid

	kill -KILL "$@"
	for pid; do
		until_true 20 has_ended "$pid"
	done
}
has_ended() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.[ZX]' "/proc/$1/status" 2>/dev/null; }

# own_bpffs: programs and maps of this file's guard are pinned in a file system of its own. Without tests/run: in the host's, or one that stays.
own_bpffs()
{
	if [ -n "${CLOCHE_TEST_OUTSIDE:-}" ] || ! mountpoint -q /sys/fs/bpf; then
		mount -t bpf bpf /sys/fs/bpf || :
	fi
}

# outside COMMAND...: in the namespaces that tests/run was started in, where the network is.
outside()
{
	if [ -n "${CLOCHE_TEST_OUTSIDE:-}" ]; then
		nsenter -t "$CLOCHE_TEST_OUTSIDE" -m -n -- "$@"
	else
		"$@"
	fi
}

# debian_tar [PACKAGE...]: print the name of a tar of a minimal Debian with PACKAGEs, made once per
# build folder from the host's own package sources.
# shellcheck disable=SC2120 # which may be none
debian_tar()
{
	local name tar

	name=$(printf -- '-%s' "$@")
	[ $# -gt 0 ] || name=''
	tar=$CLOCHE_BUILD/test-images/debian$name.tar
	mkdir -p "${tar%/*}"
	chown --reference="$CLOCHE_BUILD" "${tar%/*}" # so that its owner can clean up
	outside "$SOURCE_DIR/tests/debian-tar" "$tar" "$@" >&2 || return
	echo "$tar"
}

# debian_packages PACKAGE...: print the name of a folder with a folder for each PACKAGE, in which it is with what it needs beside the tar of
# debian_tar, made once as that is.
debian_packages()
{
	local folder base

	# shellcheck disable=SC2119 # the one without packages
	base=$(debian_tar) || return
	folder=$(printf -- '-%s' "$@")
	folder=${base%/*}/packages$folder
	outside "$SOURCE_DIR/tests/debian-packages" "$folder" "$base" "$@" >&2 || return
	echo "$folder"
}

# --- assertions, on what `run` left in $status, $output and $lines -------------------------------

fail()
{
	printf '%s\n' "$@" >&2
	return 1
}

assert_success()
{
	[ "$status" -eq 0 ] || fail "exit status $status, wanted 0; output:" "$output"
}

# assert_failure [STATUS]
assert_failure()
{
	if [ $# -gt 0 ]; then
		[ "$status" -eq "$1" ] || fail "exit status $status, wanted $1; output:" "$output"
	else
		[ "$status" -ne 0 ] || fail "exit status 0, wanted a failure; output:" "$output"
	fi
}

assert_equal()
{
	[ "$1" = "$2" ] || fail "is:     $1" "wanted: $2"
}

# says [-p|-e] TEXT: the output is TEXT, contains it (--partial), or matches it (--regexp).
says()
{
	case $1 in
	-p | --partial) [[ $output == *"$2"* ]] ;;
	-e | --regexp) [[ $output =~ $2 ]] ;;
	*) [ "$output" = "$1" ] ;;
	esac
}

assert_output() { says "$@" || fail "output:" "$output" "wanted: $*"; }
refute_output() { ! says "$@" || fail "output:" "$output" "not wanted: $*"; }

# assert_line TEXT: one line of the output is TEXT.
assert_line()
{
	printf '%s\n' "${lines[@]}" | grep -qxF -e "$1" || fail "output:" "$output" "wanted the line: $1"
}

# until_true SECONDS COMMAND...: for what has no event to wait for. SECONDS is what it takes at most where nothing else runs: a machine that runs
# all files at once gets three times that. A <(...) among its words would be read by the first try and be empty for all others.
until_true()
{
	local end=$((SECONDS + 3 * $1))

	shift
	[[ "$*" != */dev/fd/* ]] || fail "until_true tries again, a pipe is read once: $*" || return
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || fail "did not become true: $*" || return
		sleep 0.05
	done
}
