#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016,SC2154 # expanded by the shell in the container; set by bats' run
# --pid, --ipc, --uts and --network container:NAME: one container in namespaces of another.

load helper
load box

setup_file()
{
	cloche_setup_file
	make_box
}

setup()
{
	cloche_setup
	cloche run -d --name web --network none --ipc shareable -h theirs box sleep 1000
}

teardown() { remove_containers; }

# ns NAME KIND: of a running container's first process.
ns() { readlink "/proc/$(of "$1" State.Pid)/ns/$2"; }

@test "each kind is the other's, with his users; everything else is its own" {
	for kind in pid ipc uts network; do
		set -- --network none "--$kind" container:web
		[ $kind != network ] || shift 2
		cloche run -d --name two "$@" box sleep 1000
		file=${kind/network/net}
		assert_equal "$(ns two "$file")" "$(ns web "$file")"
		assert_equal "$(ns two user)" "$(ns web user)"
		for other in mnt cgroup pid ipc uts net; do
			[ $other = "$file" ] || [ "$(ns two $other)" != "$(ns web $other)" ]
		done
		assert_equal "$(cloche exec two readlink "/proc/self/ns/$file")" "$(ns web "$file")"
		assert_equal "$(cloche exec two id -u)" 0
		assert_equal "$(stat -c %u "/proc/$(of two State.Pid)")" "$(of web Cloche.UidRange.First)"
		cloche rm -f two
	done
	assert_equal "$(of web State.Running)" true
}

@test "pid: they see each other, and an end of the guest ends all of the guest's alone" {
	cloche run -d --name two --pid container:web --network none box sh -c 'sleep 2001 & sleep 2002 & wait'
	until_true 20 sh -c '"$CLOCHE" exec web ps -o args | grep -q "^sleep 2002"'
	run cloche exec two ps -o args
	assert_output --partial 'sleep 1000'
	assert_equal "$(cloche exec two kill -0 1; echo $?)" 0
	cloche rm -f two
	run cloche exec web ps -o args
	refute_output --partial 'sleep 200'
	assert_output --partial 'sleep 1000'
}

@test "ipc: /dev/shm is shared; only with who is shareable" {
	cloche exec web sh -c 'echo here >/dev/shm/file'
	assert_equal "$(cloche run --rm --network none --ipc container:web box sh -c 'cat /dev/shm/file; echo back >/dev/shm/back')" here
	assert_equal "$(cloche exec web cat /dev/shm/back)" back
	cloche run -d --name private --network none box sleep 1000
	run cloche run --network none --ipc container:private box true
	assert_failure 125
	assert_output --partial 'non-shareable IPC (hint: use --ipc shareable for the donor container)'
	assert_equal "$(cloche ps -aq | wc -l)" 2
	assert_equal "$(cloche run --rm --network none --ipc none box sh -c 'grep -c " /dev/shm " /proc/self/mountinfo')" 0
}

@test "network and uts: addresses, names and files are the other's" {
	cloche exec web sh -c 'echo 10.1.2.3 added >>/etc/hosts'
	run cloche run --rm --network container:web box sh -c 'cat /etc/hosts; cat /etc/hostname'
	assert_output --partial added
	assert_line theirs
	assert_equal "$(cloche run --rm --network none --uts container:web box hostname)" theirs
	cloche run -d --name two --network container:web box nc -ll -p 7777 -e echo answer
	until_true 20 sh -c '"$CLOCHE" exec web nc 127.0.0.1 7777 </dev/null | grep -q answer'
}

@test "files that both write have the same owners, in volumes too" {
	cloche exec web sh -c 'mkdir -m 1777 /dev/shm/x'
	cloche run --rm --network none --ipc container:web -v data:/data box sh -c 'chmod 777 /data; su alice -c "touch /data/hers /dev/shm/x/hers"'
	assert_equal "$(cloche exec web stat -c %U /dev/shm/x/hers)" alice
	assert_equal "$(cloche run --rm --network none -v data:/data box stat -c %U /data/hers)" alice
	cloche volume rm data
}

@test "inspect has the id; a name that is none, or does not run, is told" {
	cloche create --name two --network none --pid container:web box true
	assert_equal "$(of two HostConfig.PidMode)" "\"container:$(of web Id | tr -d '"')\""
	assert_equal "$(of two Cloche.UidRange)" null
	cloche stop -t 0 web
	run cloche start two
	assert_failure 1
	assert_output --partial "cannot join PID of a non running container: $(of web Id | tr -d '"')"
	cloche start web
	run cloche start -a two
	assert_success
	for kind in pid ipc uts; do
		run cloche run --network none "--$kind" container:no-such box true
		assert_failure 125
		assert_output --partial 'No such container: no-such'
	done
	run cloche run --network none --pid container: box true
	assert_failure 125
	run cloche run --network container:no-such box true
	assert_failure 125
	assert_output --partial 'No such container: no-such'
	run cloche run --network none --userns host --pid container:web box true
	assert_failure 125
	assert_output --partial 'has its own users'
}

@test "two containers of different ranges cannot be joined at once" {
	cloche run -d --name two --network none --ipc shareable box sleep 1000
	run cloche run --network container:web --ipc container:two box true
	assert_failure 125
	assert_output --partial 'different ranges of users'
}

@test "--network ns:PATH joins a network namespace of the host by path" {
	ip netns add "cloche-test-$$"
	run cloche run --rm --network "ns:/run/netns/cloche-test-$$" box readlink /proc/self/ns/net
	status_of_run=$status
	inode=$(stat -L -c %i "/run/netns/cloche-test-$$")
	ip netns del "cloche-test-$$"
	assert_equal "$status_of_run" 0
	assert_output "net:[$inode]"
	run cloche run --rm --network ns:/no/such box true
	assert_failure 125
	assert_output --partial /no/such
}
