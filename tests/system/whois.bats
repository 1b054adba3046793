#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Whose is this?

load helper

setup_file()
{
	cloche_setup_file
	mkdir "$CLOCHE_TEST_DIR/shared"
	chmod 777 "$CLOCHE_TEST_DIR/shared"
	install -m 644 "$SOURCE_DIR/tests/system/sockets.py" "$CLOCHE_TEST_DIR/sockets.py"
	cloche run -d -i --name web -u www-data --network none -v "$CLOCHE_TEST_DIR/sockets.py:/sockets.py:ro" \
		-v "$CLOCHE_TEST_DIR/shared:/srv/shared" -v data:/data host python3 /sockets.py >/dev/null
	until_true 30 sh -c "'$CLOCHE' logs web | grep -q ready"
}

pid_of() { cloche inspect -f '{{.State.Pid}}' "$1"; }
uid_of() { awk -v user="$2" '{ print $2 + user }' "/proc/$(pid_of "$1")/uid_map"; }

@test "a pid: container, image, command, users, who started it and when" {
	local pid

	pid=$(pid_of web)
	run -0 cloche whois "$pid"
	assert_equal "${lines[0]}" "process $pid is of container web (cloche $(cloche inspect -f '{{.Id}}' web | cut -c1-12))"
	assert_output --regexp "command +python3 /sockets.py"
	assert_output --regexp "user +www-data inside, web.www-data \($(uid_of web 33)\) on the host"
	assert_output --regexp "pid inside +1"
	assert_output --regexp "image +host"
	assert_output --regexp "since +20[0-9-]+ [0-9:]+ by root"
	run -0 cloche whois "pid:$pid"
	run -0 cloche whois "/proc/$pid/fd"
	assert_output --partial "of container web"
	cloche whois --json "$pid" >one.json
	jq -e '.Container == "web" and .Engine == "cloche" and .InnerUser == "www-data" and .InnerPid == 1' one.json
}

@test "it says from which terminal a container was started" {
	skip_unless_program script
	script -qec "'$CLOCHE' run -d --name typed --network none host sleep 1000" /dev/null >/dev/null
	run -0 cloche whois "$(pid_of typed)"
	assert_output --regexp "since +.* by root from /dev/pts/[0-9]+"
}

@test "the host's own is 1, nothing at all is 2" {
	run -1 cloche whois $$
	assert_output --partial "is the host's own"
	run -1 cloche whois root
	run -1 cloche whois /etc
	run -2 cloche whois nothing-at-all
	assert_output --partial "neither the host nor a container has it"
	run -2 cloche whois pid:4194304
	run -2 cloche whois :1
	run -2 cloche whois /no/such/path
}

@test "a uid, a user by the name that the host gives him, a range that nobody has" {
	run -0 cloche whois "$(uid_of web 33)"
	assert_output --regexp "inside +www-data"
	run -0 cloche whois web.www-data
	assert_output --regexp "inside +www-data"
	run -0 cloche whois "uid:$(uid_of web 12345)"
	assert_output --regexp "inside +12345"
	run -2 cloche whois uid:1879000000
}

@test "a port, an end of a connection, a socket's inode" {
	local end inode

	run -0 cloche whois :3270
	assert_output --regexp "tcp 127.0.0.1:3270 0.0.0.0:[*] LISTEN is of container web"
	assert_output --regexp "process +$(pid_of web) python3"
	run -0 cloche whois 8080/tcp
	assert_output --partial "of container web"
	end=$(cloche sockets --container web --established --json |
		jq -r '[.[] | select(.Peer == "127.0.0.1:3270")][0].Local')
	run -0 cloche whois "$end"
	assert_output --partial "tcp $end 127.0.0.1:3270 ESTABLISHED is of container web"
	inode=$(cloche sockets --container web --listen --json | jq '[.[] | select(.Local == "127.0.0.1:3270")][0].Inode')
	run -0 cloche whois "socket:[$inode]"
	assert_output --partial "127.0.0.1:3270"
	run -0 cloche whois "ino:$inode" # as ss -e has it
	assert_output --partial "127.0.0.1:3270"
}

# Addresses that no other file gives to anything: it is asked about the whole host.
@test "an address, without a socket that has it" {
	nsenter -t "$(pid_of web)" -n ip address add 198.51.100.107/32 dev lo
	nsenter -t "$(pid_of web)" -n ip address add 2001:db8::107/128 dev lo
	run -0 cloche whois 198.51.100.107
	assert_output --partial "address 198.51.100.107 is of container web "
	assert_output --regexp "link +lo"
	run -0 cloche whois 2001:db8::107
	assert_output --partial "address 2001:db8::107 is of container web "
	run -2 cloche whois 198.51.100.108
	assert_output --partial "no socket has it"
}

@test "a path: upper folder, volume, bind, and what lies in them" {
	local id

	id=$(cloche inspect -f '{{.Id}}' web)
	run -0 cloche whois "$CLOCHE_ROOT/containers/$id/upper"
	assert_output --regexp "folder +in the upper folder of its root"
	run -0 cloche whois "$CLOCHE_ROOT/volumes/data/_data"
	assert_output --regexp "where +mounted at /data"
	touch "$CLOCHE_TEST_DIR/shared/file"
	run -0 cloche whois "$CLOCHE_TEST_DIR/shared/file"
	assert_output --regexp "where +mounted at /srv/shared"
}

@test "a cgroup, a mount, a namespace, a name, an id" {
	local id pid mount

	id=$(cloche inspect -f '{{.Id}}' web)
	pid=$(pid_of web)
	run -0 cloche whois "$(sed -n 's/^[^:]*:[^:]*:\(.*web-.*\)/\1/p' "/proc/$pid/cgroup" | head -1)"
	assert_output --partial "of container web"
	mount=$(awk '$5 == "/srv/shared" { print $1 }' "/proc/$pid/mountinfo")
	run -0 cloche whois "mount:$mount"
	assert_output --partial "at /srv/shared"
	run -0 cloche whois "$(awk '$5 == "/" { print $3 }' "/proc/$pid/mountinfo")" # 0:101
	assert_output --regexp "where +overlay mounted at /"
	assert_output --partial "of container web"
	run -0 cloche whois data
	assert_output --regexp "where +mounted at /data"
	run -0 cloche whois "$(readlink "/proc/$pid/ns/net")"
	assert_output --regexp "net namespace [0-9]+ is of container web"
	run -0 cloche whois "$(stat -Lc %i "/proc/$pid/ns/user")"
	assert_output --partial "user namespace"
	run -1 cloche whois "$(readlink /proc/self/ns/user)"
	run -0 cloche whois web
	run -0 cloche whois "${id:0:12}"
	run -0 cloche whois "$id"
}

@test "a link of a veth pair whose other end is in a container" {
	skip_unless_program ip
	ip link add peer-here type veth peer name inside-there netns "$(pid_of web)"
	run -0 cloche whois peer-here
	assert_output --partial "link peer-here is of container web"
	run -1 cloche whois lo
	ip link del peer-here
}

@test "a container that does not run is known by its users and its folder" {
	local id uid

	cloche run -d --name still --network none host sleep 1000
	id=$(cloche inspect -f '{{.Id}}' still)
	uid=$(uid_of still 33)
	cloche stop -t 1 still
	run -0 cloche whois "uid:$uid"
	assert_output --partial "of container still (cloche ${id:0:12}), which is not running"
	run -0 cloche whois "$CLOCHE_ROOT/containers/$id/upper"
	assert_output --partial "which is not running"
	run -0 cloche whois still
	assert_output "still is container still (cloche ${id:0:12}), which is not running"
	cloche whois --json "uid:$uid" | jq -e '.Container == "still" and .InitPid == null'
}
