#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016 # scripts are for the shell in the container
# What a container writes, as it lies on disk and as `logs` gives it back.

load helper

# written NAME COMMAND...: run it to its end.
written()
{
	local name=$1

	shift
	cloche run -d --network none --name "$name" "${options[@]}" host "$@" >/dev/null
	cloche wait "$name" >/dev/null
}

folder() { echo "$CLOCHE_ROOT/containers/$(cloche inspect -f '{{.Id}}' "$1")"; }

setup()
{
	cloche_setup
	options=()
}

teardown() { remove_containers; }

@test "the log is CRI text: time, stream, F or P, the line" {
	written cri sh -c 'echo one; echo two >&2; printf "no end"'
	assert_equal "$(grep -cE '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z std(out|err) [FP] ' "$(folder cri)/log")" 3
	grep -qE ' stdout F one$' "$(folder cri)/log"
	grep -qE ' stderr F two$' "$(folder cri)/log"
	grep -qE ' stdout P no end$' "$(folder cri)/log"
	assert_equal "$(cloche logs cri 2>/dev/null)" "one
no end"
	assert_equal "$(cloche logs cri 2>&1 >/dev/null)" two
	# the last line had no newline, and has none
	assert_equal "$(cloche logs cri 2>/dev/null | tail -c 3)" end
}

@test "lines longer than a piece come back whole, and what is no text comes back byte for byte" {
	head -c 1000000 /dev/urandom >bytes
	options=(-v "$PWD/bytes:/bytes:ro")
	written bin cat /bytes
	cloche logs bin >out
	cmp bytes out
	options=()
	written long sh -c 'i=0; while [ $i -lt 5000 ]; do printf 0123456789; i=$((i + 1)); done; echo; echo next'
	assert_equal "$(cloche logs long | wc -lc | tr -s ' ' | sed 's/^ //')" "2 50006"
	# a piece is not a line
	assert_equal "$(cloche logs -n 1 long)" next
	assert_equal "$(cloche logs -n 2 long | wc -c)" 50006
	assert_equal "$(cloche logs -t long | wc -l)" 2
}

@test "the log rotates at max-size, and max-file files are kept" {
	options=(--log-opt max-size=16k --log-opt max-file=3)
	written turn sh -c 'i=0; while [ $i -lt 3000 ]; do echo "line $i"; i=$((i + 1)); done'
	assert_equal "$(cd "$(folder turn)" && echo log*)" "log log.1 log.2"
	for file in log log.1 log.2; do
		[ "$(stat -c %s "$(folder turn)/$file")" -le 20480 ]
	done
	# what is left is the end, without a gap
	cloche logs turn | sed 's/line //' >numbers
	assert_equal "$(tail -n 1 numbers)" 2999
	seq "$(head -n 1 numbers)" 2999 | cmp - numbers
	[ "$(wc -l <numbers)" -gt 500 ]
}

@test "--tail counts lines over all files" {
	options=(--log-opt max-size=4k --log-opt max-file=9)
	written tail sh -c 'i=0; while [ $i -lt 500 ]; do echo "line $i"; i=$((i + 1)); done'
	for n in 0 1 5 100 300; do
		assert_equal "$(cloche logs --tail "$n" tail | wc -l)" "$n"
	done
	assert_equal "$(cloche logs -n 2 tail)" "line 498
line 499"
	assert_equal "$(cloche logs --tail all tail | tail -n 1)" "line 499"
}

@test "--since and --until choose by time, --timestamps shows it" {
	# the second line comes when the first is in the log
	cloche run -d -i --network none --name when host sh -c 'echo early; read -r go; sleep 1; echo late' >/dev/null
	until_true 20 logged when early
	echo go | timeout 120 "$CLOCHE" attach when >/dev/null
	cloche wait when >/dev/null
	run cloche logs -t when
	assert_equal "${#lines[@]}" 2
	first=${lines[0]%% *} second=${lines[1]%% *}
	assert_equal "${lines[0]#* }" early
	assert_equal "$(cloche logs --since "$second" when)" late
	assert_equal "$(cloche logs --until "$first" when)" early
	assert_equal "$(cloche logs --since "$(date -d "$second" +%s)" when)" "$(
		[ "$(date -d "$first" +%s)" = "$(date -d "$second" +%s)" ] && echo early
		echo late)"
	assert_equal "$(cloche logs --since 1h when | wc -l)" 2
	assert_equal "$(cloche logs --until 1h when)" ""
	run cloche logs --since nonsense when
	assert_failure
}

@test "logs -f goes on over rotations, and ends with the container" {
	options=(--log-opt max-size=8k --log-opt max-file=9) # a reader that has to wait for the processor loses nothing
	cloche run -d -i --network none --name follow "${options[@]}" host sh -c \
		'read -r go; i=0; while [ $i -lt 1000 ]; do echo "line $i"; i=$((i + 1)); [ $((i % 50)) -ne 0 ] || sleep 0.02; done'
	"$CLOCHE" logs -f follow >out &
	reader=$!
	until_true 20 watches "$reader"
	echo go | timeout 200 "$CLOCHE" attach follow >/dev/null
	wait "$reader"
	sed 's/line //' out >numbers
	seq 0 999 | cmp - numbers
	# and when it does not get to run for seven of them
	cloche start follow
	"$CLOCHE" logs -f --tail 0 follow >out &
	reader=$!
	until_true 10 watches "$reader"
	kill -STOP "$reader"
	echo go | timeout 200 "$CLOCHE" attach follow >/dev/null
	kill -CONT "$reader"
	wait "$reader"
	sed 's/line //' out >numbers
	seq 0 999 | cmp - numbers
}

# It waits for news of the log.
watches() { find "/proc/$1/fd" -lname '*inotify*' 2>/dev/null | grep -q .; }

@test "logs -f of an ended container ends, and logs of one that never ran says nothing" {
	written ended echo word
	assert_equal "$(timeout 100 "$CLOCHE" logs -f ended)" word
	cloche create --network none --name never host true
	run cloche logs never
	assert_success
	assert_output ""
}

@test "json-file has Docker's lines, none has nothing" {
	options=(--log-driver json-file)
	written json sh -c 'echo "a \"quoted\" word"; printf "\001\377tail" >&2'
	assert_equal "$(jq -r .stream "$(folder json)/log" | sort | tr '\n' ' ')" "stderr stdout "
	assert_equal "$(jq -r 'select(.stream == "stdout") | .log' "$(folder json)/log")" 'a "quoted" word'
	jq -es 'map(select(.stream == "stdout") | .time | test("^[0-9-]{10}T[0-9:.]*Z$")) == [true]' "$(folder json)/log"
	assert_equal "$(cloche logs json 2>/dev/null)" 'a "quoted" word'
	options=(--log-driver none)
	written none echo word
	[ ! -e "$(folder none)/log" ]
	run cloche logs none
	assert_failure
	assert_output --partial "does not support reading"
}

@test "logs --details shows the labels and variables that the log options name" {
	cloche run --name told --network none --log-driver json-file --log-opt labels=a,none --log-opt env=E -l a='x y' -l b=1 \
		-e E=5,6 host echo hi >/dev/null
	run cloche logs --details told
	assert_output 'E=5%2C6,a=x+y hi'
	run cloche logs --details --timestamps told
	assert_output --regexp '^[0-9T:.-]+Z E=5%2C6,a=x\+y hi$'
	cloche rm told
}

@test "json-file's lines have what the log options name, as Docker's have" {
	options=(--log-driver json-file --log-opt 'labels=a,none' --log-opt env=E --log-opt 'tag={{.Name}}/{{.ImageName}}' -l 'a=say "x"' -e E=5)
	written json sh -c 'echo one; echo two >&2'
	run -0 sed 's/"time":.*//' "$(folder json)/log"
	assert_line '{"log":"one\n","stream":"stdout","attrs":{"E":"5","a":"say \"x\"","tag":"json/host"},'
	assert_line '{"log":"two\n","stream":"stderr","attrs":{"E":"5","a":"say \"x\"","tag":"json/host"},'
	run -0 cloche logs --details json
	assert_line 'E=5,a=say+%22x%22,tag=json%2Fhost one'
	# each line as it was written, by us or by another engine
	sed -i '1s/"attrs":{[^}]*}/"attrs":{"z":"9"}/; 2s/"attrs":{[^}]*},//' "$(folder json)/log"
	run -0 cloche logs --details json
	assert_output --regexp '^z=9 (one|two)'
	assert_output --regexp 'a=say\+%22x%22,E=5 (one|two)'
	options=(--log-driver json-file --log-opt labels-regex='^com[.]' --log-opt env-regex='^(A|B)$' -l com.x=1 -l org.y=2 -e A=3 -e AB=4)
	written pattern echo word
	run -0 cat "$(folder pattern)/log"
	assert_output --partial '"attrs":{"A":"3","com.x":"1"},'
	options=(--log-driver json-file --log-opt labels=none)
	written plain echo word
	run -0 cat "$(folder plain)/log"
	refute_output --partial attrs
}

@test "wrong log options are refused before anything is made" {
	run cloche run --network none --log-opt max-size=nonsense host true
	assert_failure 125
	run cloche run --network none --log-opt what=1 host true
	assert_failure 125
	run -125 cloche run --network none --log-driver json-file --log-opt labels-regex='(' host true
	assert_output --partial "invalid value '(' for log opt labels-regex: not a regular expression"
	run -125 cloche run --network none --log-opt compress=true host true
	assert_output --partial "files of a log stay as they are here"
	run cloche run --network none --log-driver nowhere host true
	assert_failure 125
	assert_equal "$(cloche ps -aq)" ""
}

@test "a full log disk neither blocks nor ends the container" {
	# a data root of its own, on a disk of 16 MiB
	local small=$CLOCHE_TEST_DIR/small

	skip_unless_program mkfs.ext4
	mkdir -m 0700 "$small"
	truncate -s 24M disk
	mkfs.ext4 -q -O ^has_journal disk
	mount -o loop disk "$small" || skip "this host has no loop devices"
	chmod 0700 "$small"
	mkdir -m 0700 "$small/lib"
	mkdir -m 0711 "$small/run"
	(
		export CLOCHE_ROOT=$small/lib CLOCHE_RUN_ROOT=$CLOCHE_TEST_DIR/small-run
		mkdir -m 0711 "$CLOCHE_RUN_ROOT"
		cloche run -d -i --network none --name full host sh -c \
			'read -r go; i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i + 1)); done; exit 7'
		dd if=/dev/zero of="$small/filler" bs=64k 2>/dev/null || : # until nothing fits
		echo go | timeout 200 "$CLOCHE" attach full | tail -n 1 >last
		rm "$small/filler"
		cloche wait full >code
		cloche logs full >log
		cloche rm full
		rmdir /sys/fs/cgroup/*/"$(instance_cgroup "$CLOCHE_RUN_ROOT")" 2>/dev/null || :
	)
	umount "$small"
	assert_equal "$(cat last)" "line 19999"
	assert_equal "$(cat code)" 7
	run ! grep -qvE '^line [0-9]+$' log # whole lines, as many as there was room for
}
