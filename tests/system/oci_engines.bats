#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# cloche-runtime under the engines that call it: Docker, containerd, Podman, Buildah. Each has folders and sockets of this file's
# own; dockerd, which makes a bridge, has a network namespace of its own, too.

# shellcheck disable=SC2016 # what a shell inside expands
load helper
load oci

setup_file()
{
	oci_setup_file
	tar -C "$OCI_DIR/rootfs" -c . >"$OCI_DIR/rootfs.tar"
	if command -v dockerd >/dev/null; then
		dockerd_begin
	fi
}

teardown_file()
{
	[ ! -s "$OCI_DIR/docker/pid" ] || dockerd_end
	[ ! -d "$OCI_DIR/podman" ] || pm rm -af -t 0 >/dev/null
	[ ! -d "$OCI_DIR/podman" ] || pm pod rm -af -t 0 >/dev/null
	oci_teardown_file
}

dockerd_begin()
{
	export DOCKER_HOST=unix://$OCI_DIR/docker/sock
	mkdir -p "$OCI_DIR/docker"
	# its own network namespace; the shims must not have bats' descriptors
	unshare --net sh -c 'ip link set lo up; exec "$@"' sh dockerd --data-root "$OCI_DIR/docker/data" \
		--exec-root "$OCI_DIR/docker/exec" --pidfile "$OCI_DIR/docker/pid" -H "$DOCKER_HOST" \
		--storage-driver=vfs --iptables=false --ip6tables=false \
		--cgroup-parent "/cloche-oci-${CLOCHE_TEST_DIR##*.}" \
		--add-runtime "cloche=$RUNTIME" --default-runtime cloche --log-level=error \
		>"$OCI_DIR/docker/log" 2>&1 </dev/null 3>&- 4>&- &
	until_true 60 dk version
	dk import - bb <"$OCI_DIR/rootfs.tar"
}

dockerd_end()
{
	local pid end

	pid=$(cat "$OCI_DIR/docker/pid")
	dk ps -aq | xargs -r timeout -s KILL 200 docker rm -f >/dev/null
	kill "$pid"
	end=$((SECONDS + 30))
	while [ -d "/proc/$pid" ] && [ "$SECONDS" -lt "$end" ]; do sleep 0.1; done
	umount "$OCI_DIR/docker/data" 2>/dev/null || : # Docker 26 leaves its own bind mount
}

dk() { timeout -s KILL 200 docker "$@"; }

pm()
{
	timeout -s KILL 200 podman --root "$OCI_DIR/podman/root" --runroot "$OCI_DIR/podman/run" \
		--tmpdir "$OCI_DIR/podman/tmp" --storage-driver vfs --runtime "$RUNTIME" "$@"
}

podman_begin()
{
	skip_unless_program podman conmon
	export CONTAINERS_CONF=$OCI_DIR/podman/containers.conf
	export CONTAINERS_STORAGE_CONF=$OCI_DIR/podman/storage.conf
	[ ! -d "$OCI_DIR/podman" ] || return 0
	mkdir -p "$OCI_DIR/podman"
	# podman asks for more processes than a root without CAP_SYS_RESOURCE may give
	cat >"$CONTAINERS_CONF" <<-'END'
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "file"
	END
	printf '[storage]\ndriver = "vfs"\ngraphroot = "%s/podman/root"\nrunroot = "%s/podman/run"\n' \
		"$OCI_DIR" "$OCI_DIR" >"$CONTAINERS_STORAGE_CONF"
	pm import - bb <"$OCI_DIR/rootfs.tar"
}

# -- Docker ------------------------------------------------------------------------------------

@test "docker: a container runs, with an address on the bridge, and its exit code comes through" {
	skip_unless_program dockerd docker
	run -3 dk run --rm bb sh -c 'id -u; ip -o -4 addr show eth0 | wc -l; exit 3'
	assert_output "$(printf '0\n1')"
	assert_equal "$(dk info -f '{{.DefaultRuntime}}')" cloche
}

@test "docker: a command that is not there gives 127, one that is no program 126" {
	skip_unless_program dockerd docker
	run -127 dk run --rm bb no-such-command
	assert_output --partial "executable file not found in \$PATH"
	run -126 dk run --rm bb /etc/passwd
	assert_output --partial "permission denied"
}

one_process() { [ "$(dk stats --no-stream --format '{{.PIDs}}' "$1")" = 1 ]; }

@test "docker: exec, stats, pause, update, top, logs, restart" {
	skip_unless_program dockerd docker
	dk run -d --name one bb sh -c 'echo begin; exec sleep 100'
	run -4 dk exec -u 1000 -w /tmp -e A=b one sh -c 'id -u; pwd; echo $A; exit 4'
	assert_output "$(printf '1000\n/tmp\nb')"
	run dk exec -t one tty
	assert_output --partial /dev/pts/
	until_true 20 one_process one # dockerd looks once a second; its answer is empty when that look failed
	dk pause one
	assert_equal "$(dk inspect -f '{{.State.Status}}' one)" paused
	dk unpause one
	dk update --memory 64m --memory-swap 128m one
	assert_equal "$(dk exec one cat /sys/fs/cgroup/memory/memory.limit_in_bytes \
		/sys/fs/cgroup/memory.max 2>/dev/null)" 67108864
	run dk top one -o pid,args
	assert_output --partial "sleep 100"
	assert_equal "$(dk logs one)" begin
	dk restart -t 0 one
	assert_equal "$(dk inspect -f '{{.State.Status}}' one)" running
	dk rm -f one
}

@test "docker: a terminal, a read-only root, another user, dropped capabilities" {
	skip_unless_program dockerd docker
	run dk run --rm -t bb tty
	assert_output --partial /dev/pts/0
	# with all devices of the host, those that we make among them
	run dk run --rm --privileged bb sh -c 'stat -c %t:%T /dev/null; : >/dev/ptmx && echo opened'
	assert_output "$(printf '1:3\nopened')"
	run dk run --rm --read-only --tmpfs /tmp -u 1000:1000 --cap-drop ALL \
		--security-opt no-new-privileges bb sh -c 'id -u; touch /x; touch /tmp/x && echo made;
			grep -E "CapEff|NoNewPrivs|Seccomp:" /proc/self/status'
	assert_output --partial "Read-only file system"
	assert_line made
	assert_output --regexp 'CapEff:.0000000000000000'
	assert_output --regexp 'NoNewPrivs:.1'
	assert_output --regexp 'Seccomp:.2'
}

@test "docker: a container in another one's network, with limits and a device" {
	skip_unless_program dockerd docker
	dk run -d --name net bb sleep 100
	run dk run --rm --network container:net --pid container:net --pids-limit 40 \
		--device /dev/null:/dev/other bb \
		sh -c 'ip -o -4 addr show eth0 | wc -l; ls -l /dev/other | grep -c "1, *3"; ps | grep -c "[s]leep 100"'
	assert_output "$(printf '1\n1\n1')"
	dk rm -f net
}

@test "docker: a swarm service runs its replicas" {
	skip_unless_program dockerd docker
	dk swarm init --advertise-addr 127.0.0.1 --listen-addr 127.0.0.1:23777 >/dev/null
	dk service create --detach --name svc --replicas 2 --network none bb sleep 300 ||
		dk service create --detach --name svc --replicas 2 bb sleep 300
	replicas() { [ "$(dk service ls --format '{{.Replicas}}')" = 2/2 ]; }
	until_true 60 replicas
	assert_equal "$(dk ps -q --filter name=svc | wc -l)" 2
	dk service rm svc
	none_left() { [ -z "$(dk ps -q --filter name=svc)" ]; }
	until_true 60 none_left
	dk swarm leave --force
}

# -- containerd --------------------------------------------------------------------------------

@test "containerd: ctr run --runc-binary" {
	skip_unless_program dockerd ctr
	local socket=$OCI_DIR/docker/exec/containerd/containerd.sock
	run -6 timeout -s KILL 200 ctr --address "$socket" run --rm --runc-binary "$RUNTIME" \
		--rootfs "$OCI_DIR/rootfs" "$BATS_TEST_NUMBER-ctr" sh -c 'hostname; id -u; exit 6'
	assert_line 0
}

# -- Podman, Buildah ---------------------------------------------------------------------------

@test "podman: run, exec, pause, stats, logs, restart" {
	podman_begin
	run -3 pm run --rm --network none bb sh -c 'id -u; exit 3'
	assert_output 0
	run pm run --rm --privileged --network none bb sh -c ': >/dev/ptmx && echo opened'
	assert_output opened
	run -127 pm run --rm --network none bb no-such-command
	pm run -d --name one --network none bb sh -c 'echo begin; exec sleep 100'
	run -4 pm exec -u 1000 one sh -c 'id -u; exit 4'
	assert_output 1000
	pm pause one
	pm unpause one
	run pm stats --no-stream --format '{{.PIDs}}' one
	assert_output 1
	assert_equal "$(pm logs one)" begin
	pm restart -t 0 one
	assert_equal "$(pm inspect -f '{{.State.Status}}' one)" running
	pm rm -f -t 0 one
}

@test "podman: a pod shares its names, a health check is run" {
	podman_begin
	pm pod create --name pod --network none --infra-image bb --infra-command "sleep 100"
	pm run -d --pod pod --name in bb sleep 100
	assert_equal "$(pm exec in hostname)" pod
	pm pod rm -f -t 0 pod
	pm run -d --name healthy --network none --health-cmd true --health-interval disable bb sleep 100
	pm healthcheck run healthy
	assert_equal "$(pm inspect -f '{{.State.Health.Status}}' healthy)" healthy
	pm rm -f -t 0 healthy
}

@test "buildah: run" {
	podman_begin
	skip_unless_program buildah
	bb() { timeout -s KILL 200 buildah --root "$OCI_DIR/podman/root" --runroot "$OCI_DIR/podman/run" \
		--storage-driver vfs "$@"; }
	bb from --name work bb
	run -5 bb run --isolation oci --runtime "$RUNTIME" --network none work sh -c 'echo x >/made; exit 5'
	run bb run --isolation oci --runtime "$RUNTIME" --network none work cat /made
	assert_output x
	# by the environment, as documented
	printf '#!/bin/sh\necho called >>"%s/called"\nexec "%s" "$@"\n' "$PWD" "$RUNTIME" >wrapper
	chmod 755 wrapper
	export BUILDAH_ISOLATION=oci BUILDAH_RUNTIME=$PWD/wrapper
	run bb run --network none work cat /made
	assert_output x
	grep -q called called
	bb rm work
}

# -- CRI-O -------------------------------------------------------------------------------------

# crio CONMON-OPTION...: conmon with CRI-O's options (runtime_oci.go); what it tells by its pipe is in ./sync.
crio()
{
	_OCI_SYNCPIPE=7 timeout -s KILL 200 conmon --syslog -b "$PWD" -c "$ID" -u "$ID" -n "k8s_$ID" -r "$RUNTIME" --runtime-arg "--root=$OCI_ROOT" \
		--persist-dir "$PWD/persist" --socket-dir-path "$PWD/sockets" --exit-dir "$PWD/exits" --log-level info "$@" \
		7>sync </dev/null >/dev/null 2>&1 3>&- 4>&-
}

@test "CRI-O's way: conmon creates, logs, executes and sees the end; update and kill by the runtime's commands" {
	skip_unless_program conmon
	mkdir persist sockets exits
	bundle ".process.args = $(sh_args 'echo to the log; echo and an error >&2; trap "exit 7" TERM; sleep 100 & wait')"
	crio -p "$PWD/pidfile" -P "$PWD/conmon-pid" -l "$PWD/log" -i
	until_true 20 grep -q '"pid": [1-9]' sync
	assert_equal "$(jq .pid sync)" "$(cat pidfile)"
	assert_equal "$(rt state "$ID" | jq -r '.status, .pid' | xargs)" "created $(cat pidfile)"
	rt start "$ID"
	until_true 20 grep -qE '^[0-9T:.+-]+ stderr F and an error$' log
	grep -qE '^[0-9T:.+-]+ stdout F to the log$' log
	printf '{"memory": {"limit": 67108864}, "pids": {"limit": 30}}' | rt update --resources - "$ID"
	assert_equal "$(cgroup_value pids pids.max pids.max)" 30

	# ExecSync: a process file, its output in a log, its code by the pipe
	jq '.process | .args = ["sh", "-c", "echo executed; exit 5"]' config.json >process.json
	run -5 crio -e --exec-process-spec process.json -p "$PWD/exec-pid" -l "$PWD/exec-log" --sync -T 30
	until_true 20 grep -q exit_code sync
	assert_equal "$(jq -s 'map(.exit_code // empty)[0]' sync)" 5
	grep -qE 'stdout F executed$' exec-log
	jq '.args = ["no-such-command"]' process.json >none.json
	crio -e --exec-process-spec none.json -p "$PWD/exec-pid" -l "$PWD/exec-log" --sync -T 30 || :
	grep -q 'no-such-command.*not found' sync

	rt kill "$ID" TERM
	exited() { [ "$(cat "exits/$ID")" = 7 ]; } # until then the exec's conmon has written its code there
	until_true 20 exited
	status_is "$ID" stopped
	rt delete --force "$ID"

	# what cannot be created is told by the pipe, with the words of the log
	bundle '.process.args = ["/nothing-here"]'
	crio -p "$PWD/pidfile" -P "$PWD/conmon-pid" -l "$PWD/log" || :
	until_true 20 grep -q message sync
	grep -q nothing-here sync
	jq -e '.pid < 0' sync
	run ! rt state "$ID"
}

# -- registration ------------------------------------------------------------------------------

# documented FILE: run the command of docs/runtime.md that writes FILE, with etc and the runtime of this test.
documented()
{
	local command

	command=$(grep -E "^    .*$1" "$BATS_TEST_DIRNAME/../../docs/runtime.md") || return
	command=${command%% && sudo systemctl*}
	command=${command//sudo /}
	command=${command//\/etc\//"$PWD/etc/"}
	bash -c "${command//\/usr\/local\/bin\/cloche-runtime/"$RUNTIME"}" >/dev/null
}

@test "the documented commands register it with Docker, containerd, Podman and CRI-O" {
	skip_unless_program python3 containerd podman buildah
	documented /etc/docker/daemon.json
	assert_equal "$(jq -r .runtimes.cloche.path etc/docker/daemon.json)" "$RUNTIME"

	mkdir -p etc/containerd
	printf 'version = 2\n' >etc/containerd/config.toml
	documented /etc/containerd/config.toml
	# shellcheck disable=SC2094 # they are two files
	timeout 200 containerd -c "$PWD/etc/containerd/config.toml" config dump >dump
	grep -qF "BinaryName = \"$RUNTIME\"" dump

	documented /etc/containers/containers.conf.d/cloche.conf
	podman_begin
	run env CONTAINERS_CONF="$PWD/etc/containers/containers.conf.d/cloche.conf" timeout 200 podman --root "$PWD/root" --runroot "$PWD/run" \
		--tmpdir "$PWD/tmp" --storage-driver vfs --cgroup-manager cgroupfs --runtime cloche info --format '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}'
	assert_success
	assert_output --partial "cloche $RUNTIME"

	documented /etc/crio/crio.conf.d/cloche.conf
	python3 - "$RUNTIME" <<-'END'
		import sys, tomllib
		with open("etc/crio/crio.conf.d/cloche.conf", "rb") as f:
		    cloche = tomllib.load(f)["crio"]["runtime"]["runtimes"]["cloche"]
		assert cloche["runtime_path"] == sys.argv[1] and cloche["runtime_type"] == "oci", cloche
	END
	grep -qE '^    export BUILDAH_ISOLATION=oci BUILDAH_RUNTIME=' "$BATS_TEST_DIRNAME/../../docs/runtime.md"
}
