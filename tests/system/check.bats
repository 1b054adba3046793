#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016 # scripts are for the shell in the container
# system check: what disagrees is said in plain words; --repair puts it right, and never touches what may be data.

load helper

id_of() { cloche inspect -f '{{.Id}}' "$1"; }

# finds TEXT: without --repair it is a finding and status 1, with it it is repaired; then nothing is left.
finds()
{
	run cloche system check
	assert_failure 1
	assert_output --partial "$1"
	run cloche system check --repair
	assert_success
	assert_output --partial "$1; repaired"
	run cloche system check
	assert_success
	assert_output "nothing found: database, files, processes and cgroups agree"
}

# finds_data TEXT: a finding that --repair leaves.
finds_data()
{
	run cloche system check --repair
	assert_failure 1
	assert_output --partial "$1"
	refute_output --partial "$1; repaired"
}

@test "a sound instance: nothing is found, with containers in every state" {
	run cloche system check
	assert_success
	cloche create --network none --name made host true
	cloche run -d --network none --name runs host sleep 600
	cloche run --network none --name ended host sh -c 'exit 3' || :
	run cloche system check
	assert_success
	assert_output "nothing found: database, files, processes and cgroups agree"
	run cloche system check --repair
	assert_success
	run cloche ps -a --format '{{.Names}} {{.State}}'
	assert_line "made created"
	assert_line "runs running"
	assert_line "ended exited"
	cloche rm -f made runs ended
}

@test "files of a container that is not in the database" {
	id=$(printf '%064d' 7)
	mkdir -p "$CLOCHE_ROOT/containers/$id/upper/etc"
	echo secret >"$CLOCHE_ROOT/containers/$id/upper/etc/file"
	finds "files of a container that is not in the database"
	[ ! -e "$CLOCHE_ROOT/containers/$id" ]
}

@test "a run folder of a container that is not in the database" {
	mkdir -m 0700 "$CLOCHE_RUN_ROOT/$(printf '%064d' 8)"
	finds "a run folder of a container that is not in the database"
}

@test "a container whose row was deleted while it runs: its processes, cgroups and files go" {
	cloche run -d --network none --name lost host sleep 600
	pid=$(cloche inspect -f '{{.State.Pid}}' lost)
	python3 - "$CLOCHE_ROOT/state.db" <<-'END'
		import sqlite3, sys
		with sqlite3.connect(sys.argv[1]) as store:
		    store.execute("DELETE FROM containers WHERE name = 'lost'")
	END
	run cloche system check
	assert_failure 1
	run cloche system check --repair
	run cloche system check
	assert_success
	until_true 10 test ! -e "/proc/$pid"
	assert_no_leftovers
}

# killed_unmarked ID [PID...]: monitor and holder end, and the holder has no time to leave a mark.
killed_unmarked()
{
	local monitor holder

	monitor=$(cut -d ' ' -f 1 "$CLOCHE_RUN_ROOT/$1/monitor")
	holder=$(cut -d ' ' -f 1 "$CLOCHE_RUN_ROOT/$1/holder")
	kill -STOP "$holder"
	kill -KILL "$monitor" "${@:2}"
	until_true 10 has_ended "$monitor"
	kill -KILL "$holder"
	until_true 10 has_ended "$holder"
}

@test "a running container without its monitor" {
	cloche run -d --network none --name alone host sleep 600
	killed_unmarked "$(id_of alone)"
	finds "runs without its monitor"
	cloche stop -t 0 alone
	assert_equal "$(cloche inspect -f '{{.State.Status}}' alone)" exited
	cloche rm alone
}

@test "an end that nobody saw" {
	cloche run -d --network none --name unseen host sleep 600
	init=$(cloche inspect -f '{{.State.Pid}}' unseen)
	killed_unmarked "$(id_of unseen)" "$init"
	until_true 10 has_ended "$init"
	finds "ended and nobody saw how"
	assert_equal "$(cloche inspect -f '{{.State.ExitCode}}' unseen)" 255
	cloche rm unseen
}

@test "a command that was killed at its work" {
	cloche create --network none --name half host true
	: >"$CLOCHE_ROOT/locks/$(id_of half)"
	: >"$CLOCHE_ROOT/locks/$(id_of half)" # inspect has repaired the first
	run cloche system check
	assert_failure 1
	assert_output --partial "a command working on it was killed"
	run cloche system check --repair
	assert_success
	run cloche system check
	assert_success
	cloche rm half
}

@test "a cgroup without a running container" {
	cloche run -d --network none --name grouped host sleep 600
	path=$(awk -F : '$3 ~ /grouped/ { print $2 "/" $3 }' "/proc/$(cloche inspect -f '{{.State.Pid}}' grouped)/cgroup" | head -n 1)
	cloche rm -f grouped
	folder=$(find /sys/fs/cgroup -maxdepth 3 -type d -path "*/cloche-*" -prune -o -type d -name pids -print | head -n 1)
	[ -n "$folder" ] || skip "this host has no pids hierarchy of v1"
	name=${path##*/}
	mkdir -p "$folder$(dirname "/${path#*//}" | sed 's,^/*,/,')/$name" || mkdir -p "$folder/${path#*/}"
	finds "a cgroup without a running container"
}

@test "a volume's files that no row names are told, and stay" {
	mkdir -p "$CLOCHE_ROOT/volumes/precious/_data"
	echo data >"$CLOCHE_ROOT/volumes/precious/_data/file"
	finds_data "files of a volume that is not in the database"
	assert_equal "$(cat "$CLOCHE_ROOT/volumes/precious/_data/file")" data
	rm -r "$CLOCHE_ROOT/volumes/precious"
}

@test "disk images of what is gone: a container's goes, a volume's stays" {
	id=$(printf '%064d' 5)
	mkdir -p "$CLOCHE_ROOT/disks"
	touch "$CLOCHE_ROOT/disks/container-$id" "$CLOCHE_ROOT/disks/container-$(printf '%064d' 6).new"
	finds "a disk image of a container that is gone"
	[ "$(ls "$CLOCHE_ROOT/disks")" = "" ]
	touch "$CLOCHE_ROOT/disks/volume-precious"
	finds_data "a disk image of a volume that is not in the database"
	rm "$CLOCHE_ROOT/disks/volume-precious"
}

@test "folders of this boot for hooks and other runtimes, without a container that runs" {
	cloche create --network none --name made host true
	mkdir -p "$CLOCHE_RUN_ROOT/hooks/$(id_of made)/rootfs" "$CLOCHE_RUN_ROOT/oci/$(printf '%064d' 4)"
	run cloche system check
	assert_failure 1
	assert_output --partial "a bundle for hooks of a container that does not run"
	finds "state of another runtime for a container that does not run"
	[ -z "$(find "$CLOCHE_RUN_ROOT/hooks" "$CLOCHE_RUN_ROOT/oci" -mindepth 1)" ]
	cloche rm made
}

@test "a flushed nftables table, and a killed relay of published ports" {
	local run

	skip_unless_program nft
	cloche run -d --name served -p 127.0.0.1:18099:80 -p '[::1]:18099:80' host sleep 600
	run=$CLOCHE_RUN_ROOT/$(id_of served)
	nft delete table inet "$(instance_cgroup "$CLOCHE_RUN_ROOT")" # whose name is the table's, too
	finds "the nftables table of the networks is gone"
	read -r pid _ <"$run/publish"
	kill -9 "$pid"
	until_true 20 eval '! [ -e "/proc/$pid" ] || grep -q "^State:.Z" "/proc/$pid/status"'
	finds "the process that publishes its ports was killed"
	cloche rm -f served
}

@test "elements of the nftables table that are missing or left over, and the link of a network without a row" {
	local table link

	skip_unless_program nft
	cloche network create lost >/dev/null
	cloche run -d --name served -p 127.0.0.1:18098:80 --network lost host sleep 600
	link=cl-$(cloche network inspect -f '{{slice .Id 0 12}}' lost)
	table=$(instance_cgroup "$CLOCHE_RUN_ROOT") # whose name is the table's, too
	run cloche system check
	assert_success
	nft flush map inet "$table" published4_at
	nft add element inet "$table" published4 '{ tcp . 999 : 10.0.0.1 . 80 }'
	nft delete element inet "$table" masqueraded "{ \"$link\" }"
	run cloche system check
	assert_failure 1
	assert_line "served 18098/tcp: is not in the nftables table"
	assert_line "network lost: is not in the nftables table"
	assert_line "999/tcp: stands in the nftables table, and nobody has it any more"
	finds "served 18098/tcp: is not in the nftables table"
	run nft list table inet "$table"
	assert_output --regexp '127\.0\.0\.1 \. tcp \. 18098 comment "served"'
	refute_output --partial 'tcp . 999'
	cloche rm -f served
	python3 - "$CLOCHE_ROOT/state.db" <<-'END'
		import sqlite3, sys
		with sqlite3.connect(sys.argv[1]) as store:
		    store.execute("DELETE FROM networks WHERE name = 'lost'")
	END
	finds "$link: a link of a network that is gone"
	[ -z "$(ip -o link show dev "$link" 2>/dev/null)" ]
}

@test "a damaged database is told, and nothing is done" {
	cloche create --network none --name safe host true
	cp "$CLOCHE_ROOT/state.db" saved.db
	cp "$CLOCHE_ROOT/state.db-wal" saved.wal 2>/dev/null || :
	rm -f "$CLOCHE_ROOT"/state.db-wal "$CLOCHE_ROOT"/state.db-shm
	head -c 8192 /dev/urandom >"$CLOCHE_ROOT/state.db"
	run cloche system check --repair
	assert_failure 1
	assert_output --partial "state.db"
	# what works for a command meanwhile is ended: these bytes have no end
	run -1 timeout 200 "$CLOCHE" load </dev/zero
	assert_output --partial "state.db"
	run cloche ps
	assert_failure
	rm -f "$CLOCHE_ROOT"/state.db-wal "$CLOCHE_ROOT"/state.db-shm
	cp saved.db "$CLOCHE_ROOT/state.db"
	cp saved.wal "$CLOCHE_ROOT/state.db-wal" 2>/dev/null || :
	cloche rm safe
}

@test "data and run folders that host users could enter are refused, with the remedy" {
	chmod 0755 "$CLOCHE_ROOT"
	run cloche ps
	chmod 0700 "$CLOCHE_ROOT"
	assert_failure
	assert_output --partial "is open to host users"
	assert_output --partial "chmod 700"
}
