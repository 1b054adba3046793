#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# One image between cloche, docker, podman, skopeo and umoci, by way of a registry and of archives: whoever pushed it, all of
# them see one digest.

load helper
load registry

setup_file()
{
	cloche_setup_file
	cd "$BATS_FILE_TMPDIR" || return
	mkdir tree
	busybox_tree tree
	tar -C tree -cf busybox.tar .
	make plain plain.tar
	make docker docker.tar web:1 busybox.tar plain.tar
	export E=$CLOCHE_TEST_DIR/engines DOCKER_HOST=unix://$CLOCHE_TEST_DIR/engines/docker.sock
	mkdir "$E"
	command -v docker-registry >/dev/null || return 0
	serve plain ''
	PLAIN=127.0.0.1:$(port plain)
	serve_secure tls
	TLS=localhost:$(port tls)
	export PLAIN TLS
}

teardown_file()
{
	registries_end
	[ ! -s "$E/docker.pid" ] || dockerd_end
	[ ! -d "$E/podman" ] || pm rmi -af >/dev/null
	cloche_teardown_file
}

setup()
{
	cloche_setup
	skip_unless_program docker-registry skopeo
	ARCHIVES=$BATS_FILE_TMPDIR
	cloche images -aq | sort -u | xargs -r "$CLOCHE" rmi -f >/dev/null
}

dockerd_begin()
{
	[ ! -s "$E/docker.pid" ] || return 0
	dockerd --data-root "$E/docker" --exec-root "$E/docker-run" -H "$DOCKER_HOST" --pidfile "$E/docker.pid" --storage-driver=vfs \
		--bridge=none --iptables=false --ip6tables=false -l error >"$E/dockerd.log" 2>&1 </dev/null 3>&- &
	until_true 60 dk version
}

# containerd ends with it.
dockerd_end()
{
	local pid

	pid=$(cat "$E/docker.pid")
	kill "$pid"
	until_true 30 test ! -d "/proc/$pid"
	umount "$E/docker" 2>/dev/null || : # Docker 26 leaves its own bind mount
}

dk() { timeout -s KILL 200 docker --config "$E/docker-config" "$@"; }
pm() { timeout -s KILL 200 podman --root "$E/podman/root" --runroot "$E/podman/run" --tmpdir "$E/podman/tmp" --storage-driver vfs "$@"; }
id_of() { cloche image inspect -f '{{.Id}}' "$1"; }
digest_at() { skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$1"; }

# takes NAME DIGEST: we pull it, it has that digest, runs, and is pushed on with it.
takes()
{
	run -0 cloche pull "$1"
	assert_line "Digest: $2"
	run -0 cloche run --rm --network none "$1" cat /etc/hello
	assert_output hello
	cloche tag "$1" "$1-again"
	cloche push -q "$1-again" >/dev/null
	assert_equal "$(digest_at "$1-again")" "$2"
}

@test "what we push docker, podman and skopeo pull, with one digest and one id" {
	local id digest

	skip_unless_program dockerd docker podman
	dockerd_begin
	cloche load -qi "$ARCHIVES/docker.tar"
	cloche tag web:1 "$PLAIN/ours:1"
	id=$(id_of web:1)
	digest=$(cloche push "$PLAIN/ours:1" | sed -n 's/^1: digest: \(sha256:[0-9a-f]*\) size: [0-9]*$/\1/p')
	run -0 dk pull "$PLAIN/ours:1"
	assert_line "Digest: $digest"
	assert_equal "$(dk image inspect -f '{{.Id}}' "$PLAIN/ours:1")" "$id"
	run -0 pm pull -q --tls-verify=false "$PLAIN/ours:1"
	assert_output "${id#sha256:}"
	assert_equal "$(pm image inspect --format '{{.Digest}}' "$PLAIN/ours:1")" "$digest"
	assert_equal "$(digest_at "$PLAIN/ours:1")" "$digest"
}

@test "what docker, podman and skopeo push we pull, and push on as it was" {
	local digest

	skip_unless_program dockerd docker podman
	dockerd_begin
	dk load -qi "$ARCHIVES/docker.tar"
	dk tag web:1 "$PLAIN/dockers:1"
	digest=$(dk push "$PLAIN/dockers:1" | sed -n 's/^1: digest: \(sha256:[0-9a-f]*\) size: [0-9]*$/\1/p')
	takes "$PLAIN/dockers:1" "$digest"
	pm load -qi "$ARCHIVES/docker.tar"
	pm push -q --tls-verify=false --digestfile digest web:1 "docker://$PLAIN/podmans:1"
	takes "$PLAIN/podmans:1" "$(cat digest)"
	skopeo copy -q --dest-tls-verify=false "docker-archive:$ARCHIVES/docker.tar" "docker://$PLAIN/skopeos:1"
	takes "$PLAIN/skopeos:1" "$(digest_at "$PLAIN/skopeos:1")"
}

@test "a registry with TLS of its own authority and a password serves all of us, with the others' credentials" {
	local certs=$HOME/.config/docker/certs.d/$TLS digest

	skip_unless_program dockerd docker podman
	dockerd_begin
	mkdir -p "$certs"
	cp "$ARCHIVES/ca.pem" "$certs/ca.crt"
	dk load -qi "$ARCHIVES/docker.tar"
	dk tag web:1 "$TLS/dockers:1"
	run -1 dk push "$TLS/dockers:1"
	run -0 dk login -u me --password-stdin "$TLS" <<<secret
	digest=$(dk push "$TLS/dockers:1" | sed -n 's/^1: digest: \(sha256:[0-9a-f]*\) size: [0-9]*$/\1/p')
	run -1 cloche pull "$TLS/dockers:1"
	assert_output --partial "pull access denied"
	DOCKER_CONFIG=$E/docker-config run -0 cloche pull "$TLS/dockers:1"
	assert_line "Digest: $digest"
	cloche tag "$TLS/dockers:1" "$TLS/ours:1"
	pm login -u me --password-stdin --cert-dir "$certs" --authfile "$PWD/auth.json" "$TLS" <<<secret
	REGISTRY_AUTH_FILE=$PWD/auth.json run -0 cloche push "$TLS/ours:1"
	assert_output --partial "1: digest: $digest size: "
	run -0 dk pull "$TLS/ours:1"
	assert_line "Digest: $digest"
	run -0 pm pull -q --cert-dir "$certs" --authfile "$PWD/auth.json" "$TLS/ours:1"
	assert_equal "sha256:$output" "$(id_of "$TLS/ours:1")"
	assert_equal "$(skopeo inspect --cert-dir "$certs" --creds me:secret --format '{{.Digest}}' "docker://$TLS/ours:1")" "$digest"
}

@test "docker loads what we save, and we what docker saves; umoci unpacks our layout" {
	local id

	skip_unless_program dockerd docker umoci
	dockerd_begin
	cloche load -qi "$ARCHIVES/docker.tar"
	id=$(id_of web:1)
	cloche tag web:1 saved:1
	cloche save -o saved.tar saved:1
	run -0 dk load -i saved.tar
	assert_output --partial "Loaded image: saved:1"
	assert_equal "$(dk image inspect -f '{{.Id}}' saved:1)" "$id"
	dk save -o dockers.tar saved:1
	cloche push -q web:1 oci:layout:one
	cloche rmi web:1 saved:1 >/dev/null
	run -0 cloche load -i dockers.tar
	assert_line "Loaded image: saved:1"
	assert_equal "$(id_of saved:1)" "$id"
	run -0 umoci list --layout layout
	assert_output one
	umoci unpack --image layout:one bundle
	assert_equal "$(cat bundle/rootfs/etc/hello)" hello
}
