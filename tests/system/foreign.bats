#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Containers of other engines in the host's views: each engine really runs, with folders of its own.

load helper

setup_file()
{
	local program

	cloche_setup_file
	export F=$CLOCHE_TEST_DIR/foreign R=$CLOCHE_TEST_DIR/foreign/rootfs
	mkdir -p "$R"/{bin,proc,dev,sys,tmp,etc,root,run,usr/bin,usr/lib}
	cp /bin/busybox "$R/bin/busybox"
	for program in sh sleep; do ln -s busybox "$R/bin/$program"; done
	printf 'root:x:0:0:root:/root:/bin/sh\nwww:x:33:33:www:/:/bin/sh\n' >"$R/etc/passwd"
	echo ID=x >"$R/etc/os-release"
	touch "$R/etc/machine-id"
}

# What podman does after a container's end goes on for a moment, with its storage mounted.
no_podman() { ! pgrep -f "^[^ ]*(podman|conmon) .*$F/" >/dev/null; } # ours: other files have theirs

teardown_file()
{
	local file folder

	for file in "$F"/*.end; do
		[ ! -e "$file" ] || bash "$file" >/dev/null 2>&1 || :
	done
	until_true 10 no_podman || :
	umount "$F/pod/overlay" 2>/dev/null || :
	for folder in cloche-foreign lxc.payload.f-lxc lxc.monitor.f-lxc f-test/f-ctr f-test lxc.pivot payload supervisor; do
		rmdir /sys/fs/cgroup/*/"$folder" 2>/dev/null || :
	done
	cloche_teardown_file
}

# seen ENGINE NAME COMMAND USER: in procs, with the user inside, and alone so; its pid.
seen()
{
	cloche procs --engine "$1" --json | jq -er --arg name "$2" --arg command "$3" --arg user "$4" \
		'[.[] | select(.Container == $name and .Command == $command and .InnerUser == $user and .InnerPid == 1)] |
		if length == 1 then .[0].Pid else error("\(length) such processes") end'
}

docker_up()
{
	skip_unless_program dockerd docker containerd
	[ ! -e "$F/docker.up" ] || return 0
	dockerd --data-root "$F/docker" --exec-root "$F/docker-run" -H "unix://$F/docker.sock" \
		--pidfile "$F/docker.pid" --bridge=none --iptables=false --ip6tables=false -l error \
		>"$F/dockerd.log" 2>&1 3>&- &
	cat >"$F/docker.end" <<-END
		docker -H unix://$F/docker.sock ps -aq | xargs -r docker -H unix://$F/docker.sock rm -f
		ctr -a $F/docker-run/containerd/containerd.sock -n f-test task kill -s KILL f-ctr && for i in \$(seq 200); do
			ctr -a $F/docker-run/containerd/containerd.sock -n f-test container rm f-ctr && break # when its task has ended
			sleep 0.1
		done
		kill $!
		while kill -0 $!; do sleep 0.1; done
		umount $F/docker-run/* $F/docker
	END
	until_true 60 docker -H "unix://$F/docker.sock" version >/dev/null 2>&1 || { tail -3 "$F/dockerd.log"; return 1; }
	touch "$F/docker.up"
}

@test "Docker: name, image, users inside; the same number on the host is told apart" {
	local pid

	docker_up
	tar -C "$R" -cf "$F/b.tar" .
	docker -H "unix://$F/docker.sock" import "$F/b.tar" busy:1 >/dev/null
	docker -H "unix://$F/docker.sock" run -d --name f-docker -u 33 --network none busy:1 sleep 1111 >/dev/null
	run -0 cloche inspect --as run f-docker
	assert_line $'cloche run --name f-docker \\'
	assert_line $'\t--user 33 \\'
	assert_line $'\t--network none \\'
	assert_line $'\tbusy:1 sleep 1111'
	pid=$(seen docker f-docker "sleep 1111" www)
	run -0 cloche whois "$pid"
	assert_output --partial "is of container f-docker (docker "
	assert_output --regexp "image +busy:1"
	run -0 cloche ps --all-engines
	assert_output --regexp "docker +[0-9a-f]{12} +f-docker +busy:1 +\"sleep 1111\" +running"
	run -1 cloche whois uid:33
	assert_output --partial "but container f-docker (docker) has 1 processes with this number"
}

@test "Docker: it loads what cloche saved, and cloche what it saved, with the same id" {
	local id docker=(docker -H "unix://$F/docker.sock")

	docker_up
	tar -C "$R" -cf - . | cloche import -c 'CMD ["/bin/true"]' - moved:1 >/dev/null
	id=$(cloche image inspect -f '{{.Id}}' moved:1)
	cloche save -o "$F/ours.tar" moved:1
	run -0 "${docker[@]}" load -i "$F/ours.tar"
	assert_output --partial "moved:1"
	assert_equal "$("${docker[@]}" image inspect -f '{{.Id}}' moved:1)" "$id"
	"${docker[@]}" save -o "$F/theirs.tar" moved:1
	cloche rmi moved:1 >/dev/null
	run -0 cloche load -i "$F/theirs.tar"
	assert_output "Loaded image: moved:1"
	assert_equal "$(cloche image inspect -f '{{.Id}}' moved:1)" "$id"
	"${docker[@]}" rmi moved:1 >/dev/null
	cloche rmi moved:1 >/dev/null
	rm "$F/ours.tar" "$F/theirs.tar"
}

@test "containerd: a container made by ctr, by its shim" {
	docker_up
	ctr -a "$F/docker-run/containerd/containerd.sock" -n f-test run --rootfs -d "$R" f-ctr /bin/sleep 2222
	seen containerd f-ctr "/bin/sleep 2222" root
	run -0 cloche ps --all-engines
	assert_output --regexp "containerd +f-ctr +f-ctr"
}

@test "Podman: by its cgroup and conmon" {
	skip_unless_program podman runc conmon
	cat >"$F/podman" <<-END
		exec podman --root $F/pod --runroot $F/pod-run --cgroup-manager cgroupfs --runtime runc "\$@"
	END
	echo "bash $F/podman rm -f -t 0 f-podman; umount $F/pod/overlay $F/pod" >"$F/podman.end"
	bash "$F/podman" run -d --ulimit nofile=512:512 --ulimit nproc=1000:1000 --name f-podman --network none \
		--security-opt seccomp=unconfined --rootfs "$R" /bin/sleep 3333 >/dev/null
	run -0 cloche whois "$(seen podman f-podman "/bin/sleep 3333" root)"
	assert_output --partial "is of container f-podman (podman "
	run -0 cloche ps --all-engines
	assert_output --regexp "podman +[0-9a-f]{12} +f-podman"
	mkdir "$F/path"
	printf '#!/bin/sh\n%s\n' "$(sed 's,exec podman,exec /usr/bin/podman,' "$F/podman")" >"$F/path/podman"
	chmod +x "$F/path/podman"
	PATH=$F/path:$PATH run -0 cloche inspect --as run f-podman
	assert_output "cloche run --name f-podman \\
	--detach \\
	--security-opt seccomp=unconfined \\
	--ulimit nofile=512:512 \\
	--ulimit nproc=1000:1000 \\
	--network none \\
	--rootfs $R \\
	-- /bin/sleep 3333"
	PATH=$F/path:$PATH run -0 cloche inspect --as quadlet f-podman
	assert_line "Rootfs=$R"
	PATH=$F/path:$PATH run -1 cloche inspect --as run f-nobody
	assert_output --partial "No such container: f-nobody"
}

@test "LXC: by the name in its cgroup" {
	skip_unless_program lxc-start
	mkdir "$F/lxc"
	cat >"$F/lxc.conf" <<-END
		lxc.rootfs.path = dir:$R
		lxc.net.0.type = empty
		lxc.init.cmd = /bin/sleep 4444
	END
	echo "lxc-stop -k -P $F/lxc -n f-lxc" >"$F/lxc.end"
	lxc-start -P "$F/lxc" -n f-lxc -f "$F/lxc.conf" -o "$F/lxc.log" -d || { tail -3 "$F/lxc.log"; return 1; }
	seen lxc f-lxc "/bin/sleep 4444" root
}

@test "systemd-nspawn without systemd: by its own arguments" {
	skip_unless_program systemd-nspawn
	mkdir -p /sys/fs/cgroup/systemd/cloche-foreign 2>/dev/null || skip "this host has no name=systemd cgroup of v1"
	# shellcheck disable=SC2016 # for the inner shell
	bash -c 'echo $$ >/sys/fs/cgroup/systemd/cloche-foreign/cgroup.procs
		exec systemd-nspawn --register=no --keep-unit -q -D "$1" -M f-nspawn --private-network /bin/sleep 5555' \
		sh "$R" </dev/null >"$F/nspawn.log" 2>&1 3>&- &
	echo "kill -KILL \$(pgrep -P $!) $!; umount /run/systemd/nspawn/unix-export/f-nspawn 2>/dev/null" >"$F/nspawn.end"
	until_true 30 seen nspawn f-nspawn "/bin/sleep 5555" root
}

# Of other files' Docker containers there may be records, too.
records() { cloche guard log --json | grep -cE '"Container": ?"f-(docker|short)"' || :; }

@test "under the kill guard, by engine and name: others are refused or recorded, the engine's own commands pass" {
	local docker=(docker -H "unix://$F/docker.sock") level pid before

	docker_up
	mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf || :
	cloche guard enable >/dev/null 2>&1 || skip "this kernel takes no BPF programs"
	echo "$CLOCHE guard disable" >"$F/guard.end"
	level=$(cloche guard status | sed -n 's/^level: //p')
	pid=$(seen docker f-docker "sleep 1111" www)
	run -0 cloche guard add docker
	assert_line docker:f-docker
	run -0 cloche guard add 'docker:f-d*'
	assert_output docker:f-docker
	[ "$level" = audit ] || run -1 kill -CONT "$pid"
	[ "$level" = deny ] || kill -CONT "$pid"
	run -0 cloche guard log
	assert_output --regexp "SIGCONT .*to pid $pid \(sleep, 1 inside\) of container f-docker"
	before=$(records)
	[ "$before" -gt 0 ]
	"${docker[@]}" kill -s CONT f-docker
	"${docker[@]}" run --rm --name f-short --network none busy:1 sleep 0
	assert_equal "$(records)" "$before"
	# a container's key goes when it has ended
	"${docker[@]}" run -d --name f-short --network none busy:1 sleep 1000 >/dev/null
	run -0 cloche guard add f-short
	"${docker[@]}" rm -f f-short >/dev/null
	run -0 cloche guard add f-docker
	run -0 cloche guard status
	refute_output --partial f-short
	run -0 cloche guard add --mode off f-docker
	run -0 cloche guard status
	refute_output --partial f-docker
	cloche guard disable
}

@test "ip netns knows them all, and forgets them with the container" {
	local name

	skip_unless_program ip
	ip netns add f-lxc # somebody else's
	run -0 cloche netns expose
	for name in f-docker f-ctr f-podman f-nspawn; do
		[ -z "$(cloche procs --container "$name" --no-headings)" ] || ip netns | grep -q "^$name"
	done
	run -0 cloche netns expose # all are there
	assert_output ""
	[ ! -e "$F/lxc.end" ] || ip netns | grep -q '^f-lxc-lxc'
	ip netns del f-lxc
	if [ -e "$F/lxc.end" ]; then
		bash "$F/lxc.end"
		run -0 cloche netns expose
		assert_output --partial "- f-lxc-lxc"
	fi
	run -0 cloche netns expose --remove
	assert_equal "$(find /run/netns -name 'f-*')" ""
}

listed() { ip netns | grep -q '^f-watch'; }
unlisted() { ! listed; }

@test "netns expose --watch keeps the names true while containers come and go" {
	local docker=(docker -H "unix://$F/docker.sock")

	skip_unless_program ip
	docker_up
	"$CLOCHE" netns expose --watch 1 >/dev/null 3>&- &
	echo "kill $!" >"$F/watch.end"
	"${docker[@]}" run -d --name f-watch --network none busy:1 sleep 1000 >/dev/null
	until_true 30 listed
	"${docker[@]}" rm -f f-watch >/dev/null
	until_true 30 unlisted
	kill "$!"
	wait "$!" || :
	rm "$F/watch.end"
	cloche netns expose --remove
}

@test "when an engine's state cannot be read, id and cgroup are shown and nothing fails" {
	docker_up
	chmod 000 "$F/docker/containers" # root reads on; so take the files away
	mv "$F/docker/containers" "$F/docker/containers.away"
	run -0 cloche procs --engine docker --no-headings -o container,image,cmd
	mv "$F/docker/containers.away" "$F/docker/containers"
	chmod 710 "$F/docker/containers"
	assert_output --regexp "^[0-9a-f]{23}[0-9a-f+]+ - +sleep 1111"
}
