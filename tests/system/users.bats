#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016,SC2154 # expanded by the shell in the container; set by bats' run
# Who a process is inside, and who it is for the host.

load helper
load box

setup_file()
{
	cloche_setup_file
	make_box
}

teardown() { remove_containers; }

@test "-u: name, number, with group, and what each has as home and groups" {
	run inside -u alice box sh -c 'id; echo $HOME'
	assert_line 'uid=1000(alice) gid=1000(alice) groups=29(audio),100(users),1000(alice)'
	assert_line /home/alice
	run inside -u 1001 box sh -c 'id; echo $HOME'
	assert_line 'uid=1001(bob) gid=100(users) groups=29(audio),100(users)'
	assert_line /home/bob
	run inside -u 4321 box sh -c 'id -u; id -g; id -G; echo $HOME'
	assert_output $'4321\n0\n0\n/'
	run inside -u 4321:1234 box sh -c 'id -u; id -g; id -G'
	assert_output $'4321\n1234\n1234'
	run inside -u alice:staff box sh -c 'id -u; id -g; id -G'
	assert_output $'1000\n50\n50'
	run inside -u :users box sh -c 'id -u; id -g'
	assert_output $'0\n100'
	run inside box id
	assert_line 'uid=0(root) gid=0(root) groups=0(root)'
}

@test "-u: an unknown name or group fails the start with 125 and the reason" {
	run inside -u nobody-here box true
	assert_failure 125
	assert_output --partial 'unable to find user nobody-here: no matching entries in passwd file'
	run inside -u alice:no-group box true
	assert_failure 125
	assert_output --partial 'unable to find group no-group: no matching entries in group file'
	run inside --group-add no-group box true
	assert_failure 125
	assert_output --partial 'unable to find group no-group'
	assert_equal "$(cloche ps -aq)" ""
	run inside -u 70000 box true
	assert_failure 125
	run inside -u -1 box true
	assert_failure 125
	assert_equal "$(cloche ps -aq)" ""
}

@test "--group-add: names and numbers" {
	run inside -u alice --group-add staff --group-add 7777 box id -G
	assert_equal "$(tr ' ' '\n' <<<"$output" | sort -n | tr '\n' ' ')" '29 50 100 1000 7777 '
	id=$(cloche create --network none --group-add staff box true)
	assert_equal "$(of "$id" HostConfig.GroupAdd)" '["staff"]'
}

@test "on the host every process belongs to the container's range, and no host user may touch it" {
	cloche run -d --name web --network none -u alice box sleep 1000
	pid=$(of web State.Pid)
	first=$(of web Cloche.UidRange.First)
	assert_equal "$(stat -c %u:%g "/proc/$pid")" "$((first + 1000)):$((first + 1000))"
	for who in 1000 1001 "$((first - 1))" "$((first + 65536))"; do
		run setpriv --reuid "$who" --regid "$who" --clear-groups sh -c "kill -9 $pid || cat /proc/$pid/environ"
		assert_failure
	done
	[ -d "/proc/$pid" ]
	assert_equal "$(of web State.Running)" true
}

@test "ranges do not overlap, are kept while the container exists, and come back after rm" {
	declare -A seen
	for i in 1 2 3 4 5; do
		cloche create --name "c$i" --network none box true >/dev/null
		first=$(of "c$i" Cloche.UidRange.First)
		[ $((first % 65536)) -eq 0 ]
		[ -z "${seen[$first]:-}" ]
		seen[$first]=1
	done
	first=$(of c3 Cloche.UidRange.First)
	cloche start c3
	cloche wait c3
	assert_equal "$(of c3 Cloche.UidRange.First)" "$first"
	assert_equal "$(grep -ac "$CLOCHE_ROOT" /run/lock/cloche/uids)" 5
	remove_containers
	assert_equal "$(grep -ac "$CLOCHE_ROOT" /run/lock/cloche/uids)" 0
	run cloche create --network none --userns host box true
	assert_equal "$(of "${lines[-1]}" Cloche.UidRange)" null
}

@test "on disk are the image's own numbers: nothing was copied or chowned" {
	cloche run --name web --network none box sh -c 'touch /new; chown 1000:100 /home/alice/mine /new; chown 5:5 /etc/group'
	upper=$CLOCHE_ROOT/containers/$(of web Id | tr -d '"')/upper
	assert_equal "$(stat -c %u:%g "$upper/new")" 1000:100
	assert_equal "$(stat -c %u:%g "$upper/home/alice/mine")" 1000:100
	assert_equal "$(stat -c %u:%g "$upper/etc/group")" 5:5
	# only what the container changed is there
	[ ! -e "$upper/bin" ]
	assert_equal "$(find "$CLOCHE_ROOT/layers" -mindepth 2 -uid +65535 | wc -l)" 0
	run inside box stat -c %u:%g /home/alice/mine
	assert_output 1000:1000
}

@test "a set-uid program and file capabilities of the image work inside, where they may" {
	box_folder tree
	cc -O1 -static -o tree/bin/probe "$SOURCE_DIR/tests/system/probe.c"
	cp tree/bin/probe tree/bin/suid
	cp tree/bin/probe tree/bin/capable
	chmod 4755 tree/bin/suid
	setcap cap_dac_override+ep tree/bin/capable
	install -m 0600 /dev/null tree/secret
	assert_equal "$(inside -u 1000 --rootfs "$PWD/tree" probe rights /secret)" 'euid 1000 egid 1000 open EACCES'
	assert_equal "$(inside -u 1000 --rootfs "$PWD/tree" suid rights /secret)" 'euid 0 egid 1000 open 0'
	assert_equal "$(inside -u 1000 --rootfs "$PWD/tree" capable rights /secret)" 'euid 1000 egid 1000 open 0'
	for program in suid capable; do
		assert_equal "$(inside -u 1000 --security-opt no-new-privileges --rootfs "$PWD/tree" "$program" rights /secret)" \
			'euid 1000 egid 1000 open EACCES'
	done
	run inside -u 1000 --cap-drop DAC_OVERRIDE --rootfs "$PWD/tree" capable rights /secret
	assert_failure 126
}

@test "/dev/stdout and /dev/stderr can be opened again by whoever the process is" {
	run inside -u alice box sh -c 'echo one >/dev/stdout; echo two >/dev/stderr; cat </dev/stdin'
	assert_success
	assert_equal "$output" $'one\ntwo'
	run sh -c 'echo in | "$CLOCHE" run -i --rm --network none -u 4321 box sh -c "cat </dev/stdin"'
	assert_output in
}

@test "exec is the container's user unless told otherwise" {
	cloche run -d --name web --network none -u alice -w /home/alice -e A=b box sleep 1000
	assert_equal "$(cloche exec web sh -c 'id -un; pwd; echo $A')" $'alice\n/home/alice\nb'
	assert_equal "$(cloche exec -u 0 -w / -e A=c web sh -c 'id -un; pwd; echo $A')" $'root\n/\nc'
	assert_equal "$(cloche exec -u bob:staff web id -gn)" staff
	run cloche exec -u nobody-here web true
	assert_failure
	assert_output --partial 'unable to find user nobody-here'
	run cloche exec web no-such-command
	assert_failure 127
	run cloche exec web /etc
	assert_failure 126
	run cloche exec web sh -c 'exit 9'
	assert_failure 9
	run cloche exec web sh -c 'kill -TERM $$'
	assert_failure 143
	run cloche exec no-such-container true
	assert_failure 1
	assert_output --partial 'No such container: no-such-container'
	cloche stop -t 0 web
	run cloche exec web true
	assert_failure 1
	assert_output --partial 'is not running'
}
