#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# pull, push, save, login with Debian's docker-registry on loopback, beside skopeo and podman: what one of them writes the
# others read, with equal digests.

load helper
load registry

setup_file()
{
	cloche_setup_file
	cd "$BATS_FILE_TMPDIR" || return
	mkdir tree
	busybox_tree tree
	tar -C tree -cf busybox.tar .
	gzip -k busybox.tar
	make plain plain.tar
	zstd -q plain.tar
	make docker docker.tar web:1 busybox.tar plain.tar
	make oci oci.tar web:2 busybox.tar.gz plain.tar.zst
	command -v docker-registry >/dev/null || return 0
	serve plain ''
	PLAIN=127.0.0.1:$(port plain)
	export PLAIN
	serve_secure tls
	TLS=localhost:$(port tls)
	export TLS
}

teardown_file()
{
	registries_end
	cloche_teardown_file
}

setup()
{
	cloche_setup
	skip_unless_program docker-registry
	ARCHIVES=$BATS_FILE_TMPDIR
	# shellcheck disable=SC2046 # a list of ids
	cloche images -aq | sort -u | xargs -r "$CLOCHE" rmi -f >/dev/null
	rm -rf "$HOME"/.docker "$HOME"/.config
}

digest_at() { skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$1"; }
id_of() { cloche image inspect -f '{{.Id}}' "$1"; }

@test "what is pushed can be pulled, has the same digest for others, and runs" {
	local id digest

	cloche load -qi "$ARCHIVES/docker.tar"
	cloche tag web:1 "$PLAIN/me/web:1"
	id=$(id_of web:1)
	run -0 cloche push "$PLAIN/me/web:1"
	assert_line "The push refers to repository [$PLAIN/me/web]"
	digest=$(sed -n 's/^1: digest: \(sha256:[0-9a-f]*\) size: [0-9]*$/\1/p' <<<"$output")
	assert_equal "$(digest_at "$PLAIN/me/web:1")" "$digest"
	cloche rmi web:1 "$PLAIN/me/web:1" >/dev/null
	assert_equal "$(cloche images -q)" ""
	run -0 cloche pull "$PLAIN/me/web:1"
	assert_line "1: Pulling from $PLAIN/me/web"
	assert_line "Digest: $digest"
	assert_line "Status: Downloaded newer image for $PLAIN/me/web:1"
	assert_equal "$(id_of "$PLAIN/me/web:1")" "$id"
	run -0 cloche run --rm --network none "$PLAIN/me/web:1" cat /etc/hello
	assert_output hello
	run -0 cloche pull "$PLAIN/me/web:1"
	assert_line "Status: Image is up to date for $PLAIN/me/web:1"
	run -0 cloche image inspect -f '{{json .RepoDigests}}' "$PLAIN/me/web:1"
	assert_output "[\"$PLAIN/me/web@$digest\"]"
	# its two names go, and then it
	run -0 cloche image prune -af
	assert_line "untagged: $PLAIN/me/web@$digest"
	assert_line "deleted: $id"
}

@test "run pulls what is missing, and does as --pull says" {
	local old new

	skip_unless_program skopeo
	skopeo copy -q --dest-tls-verify=false "oci-archive:$ARCHIVES/oci.tar" "docker://$PLAIN/run:1"
	run -125 cloche run --rm --network none --pull never "$PLAIN/run:1" cat /etc/hello
	assert_output --partial "No such image: $PLAIN/run:1"
	run -0 --separate-stderr cloche run --rm --network none "$PLAIN/run:1" cat /etc/hello
	assert_output hello
	# shellcheck disable=SC2154 # of --separate-stderr
	[[ $stderr == "Unable to find image '$PLAIN/run:1' locally"* ]]
	old=$(id_of "$PLAIN/run:1")
	make oci new.tar web:2 "$ARCHIVES/busybox.tar"
	skopeo copy -q --dest-tls-verify=false oci-archive:new.tar "docker://$PLAIN/run:1"
	run -0 cloche run --rm --network none "$PLAIN/run:1" cat /etc/hello
	run ! cloche run --rm --network none --pull always "$PLAIN/run:1" cat /etc/hello
	new=$(id_of "$PLAIN/run:1")
	[ "$new" != "$old" ]
	# the old one has no tag any more
	assert_equal "$(cloche images -q --no-trunc -f dangling=true)" "$old"
	run -125 cloche run --rm --network none --pull sometimes "$PLAIN/run:1" true
	assert_output --partial "invalid pull option: 'sometimes'"
	run -125 cloche run --rm --network none "$PLAIN/nosuch:1" true
	assert_output --partial "manifest for $PLAIN/nosuch:1 not found: manifest unknown"
}

@test "recreate --pull: the new image under the old name, with the container's options" {
	local old

	skip_unless_program skopeo
	skopeo copy -q --dest-tls-verify=false "oci-archive:$ARCHIVES/oci.tar" "docker://$PLAIN/again:1"
	cloche run -d --name again --network none -e WORD=w --label l=1 "$PLAIN/again:1" busybox sleep 1000
	old=$(cloche inspect -f '{{.Image}}' again)
	make oci newer.tar web:2 "$ARCHIVES/busybox.tar"
	skopeo copy -q --dest-tls-verify=false oci-archive:newer.tar "docker://$PLAIN/again:1"
	run -0 cloche recreate again # without it nothing is asked for
	assert_equal "$(cloche inspect -f '{{.Image}}' again)" "$old"
	run -0 cloche recreate --pull again
	[ "$(cloche inspect -f '{{.Image}}' again)" != "$old" ]
	assert_equal "$(cloche inspect -f '{{.State.Running}} {{index .Config.Labels "l"}} {{.Config.Image}}' again)" "true 1 $PLAIN/again:1"
	cloche exec again busybox env | grep -qx WORD=w
	cloche rm -f again
}

@test "what skopeo pushed keeps its digest through a pull and a push: gzip, zstd, docker's types, an index" {
	local form digest size

	skip_unless_program skopeo
	for form in "docker-archive:$ARCHIVES/docker.tar" "oci-archive:$ARCHIVES/oci.tar"; do
		skopeo copy -q --dest-tls-verify=false "$form" "docker://$PLAIN/there:1"
		digest=$(digest_at "$PLAIN/there:1")
		cloche pull -q "$PLAIN/there:1"
		cloche tag "$PLAIN/there:1" "$PLAIN/back:1"
		run -0 cloche push -q "$PLAIN/back:1"
		assert_output "$PLAIN/back:1"
		assert_equal "$(digest_at "$PLAIN/back:1")" "$digest"
		run -0 cloche run --rm --network none "$PLAIN/back:1" cat /etc/hello
		assert_output hello
	done
	size=$(skopeo inspect --raw --tls-verify=false "docker://$PLAIN/there:1" | wc -c)
	python3 - "$PLAIN" "$digest" "$size" <<-'END'
		import json, platform, sys, urllib.request
		host, digest, size = sys.argv[1:]
		kind = "application/vnd.oci.image."
		arch = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
		index = {"schemaVersion": 2, "mediaType": kind + "index.v1+json", "manifests": [
		    {"mediaType": kind + "manifest.v1+json", "digest": digest, "size": int(size),
		     "platform": {"os": "linux", "architecture": arch}}]}
		urllib.request.urlopen(urllib.request.Request(
		    f"http://{host}/v2/there/manifests/index", json.dumps(index).encode(), method="PUT",
		    headers={"Content-Type": kind + "index.v1+json"}))
	END
	cloche rmi "$PLAIN/there:1" "$PLAIN/back:1" >/dev/null
	run -0 cloche pull "$PLAIN/there:index"
	assert_line "Digest: $(digest_at "$PLAIN/there:index")"
	run -0 cloche run --rm --network none "$PLAIN/there:index" cat /etc/hello
	run -1 cloche pull --platform linux/s390x "$PLAIN/there:index"
	assert_output --partial "no matching manifest for linux/s390x"
	digest=$(digest_at "$PLAIN/there:index")
	cloche rmi "$PLAIN/there:index" >/dev/null
	run -0 cloche pull "$PLAIN/there@$digest"
	run -0 cloche run --rm --network none "$PLAIN/there@$digest" cat /etc/hello
	run -0 cloche images --digests --format '{{.Repository}} {{.Tag}} {{.Digest}}' "$PLAIN/there"
	assert_output "$PLAIN/there <none> $digest"
	run -0 cloche rmi "$PLAIN/there@$digest"
	assert_line "Untagged: $PLAIN/there@$digest"
}

@test "layers that came uncompressed are pushed as gzip, unless the image came with a manifest that says so" {
	local digest raw smaller

	skip_unless_program skopeo
	cloche load -qi "$ARCHIVES/docker.tar"
	cloche tag web:1 "$PLAIN/packed:1"
	run -0 cloche push -q "$PLAIN/packed:1"
	raw=$(skopeo inspect --raw --tls-verify=false "docker://$PLAIN/packed:1")
	assert_equal "$(jq -r '.layers[].mediaType' <<<"$raw" | sort -u)" application/vnd.oci.image.layer.v1.tar+gzip
	digest=$(digest_at "$PLAIN/packed:1")
	# the store has these now, and not the others: again it is the same, and nothing is sent
	run -0 cloche push --progress plain "$PLAIN/packed:1"
	[[ $output != *Pushed* ]]
	[[ $output == *"digest: $digest size: "* ]]
	for layer in $(jq -r '.layers[].digest' <<<"$raw"); do
		[ -e "$CLOCHE_ROOT/blobs/sha256/${layer#sha256:}" ]
	done
	run -0 cloche system check
	cloche rmi web:1 "$PLAIN/packed:1" >/dev/null
	run -0 cloche pull -q "$PLAIN/packed:1"
	run -0 cloche run --rm --network none "$PLAIN/packed:1" cat /etc/hello
	assert_output hello
	cloche rmi "$PLAIN/packed:1" >/dev/null
	cloche load -qi "$ARCHIVES/docker.tar"
	cloche tag web:1 "$PLAIN/packed:9"
	CLOCHE_GZIP_LEVEL=10 run -1 cloche push -q "$PLAIN/packed:9"
	assert_output --partial "a level is 1 to 9"
	CLOCHE_GZIP_LEVEL=9 run -0 cloche push -q "$PLAIN/packed:9"
	smaller=$(skopeo inspect --raw --tls-verify=false "docker://$PLAIN/packed:9")
	[ "$(jq '[.layers[].size] | add' <<<"$smaller")" -lt "$(jq '[.layers[].size] | add' <<<"$raw")" ]
	cloche rmi web:1 "$PLAIN/packed:9" >/dev/null
	cloche pull -q "$PLAIN/packed:9"
	run -0 cloche run --rm --network none "$PLAIN/packed:9" cat /etc/hello
	assert_output hello
	make oci plain.oci web:3 "$ARCHIVES/busybox.tar" "$ARCHIVES/plain.tar"
	digest=$(tar -xOf plain.oci index.json | jq -r '.manifests[0].digest')
	cloche load -qi plain.oci
	cloche tag web:3 "$PLAIN/unpacked:1"
	run -0 cloche push -q "$PLAIN/unpacked:1"
	assert_equal "$(digest_at "$PLAIN/unpacked:1")" "$digest"
}

@test "zstd:chunked and estargz layers are read whole, their tables of contents not used" {
	local raw digest

	skip_unless_program skopeo
	tar -b 1 -C "$ARCHIVES/tree" -cf exact.tar . # skopeo 1.9 loses what follows the end mark when it makes zstd:chunked
	make oci chunked.oci web:6 exact.tar
	skopeo copy -q --dest-tls-verify=false --dest-compress-format zstd:chunked oci-archive:chunked.oci "docker://$PLAIN/chunked:1"
	raw=$(skopeo inspect --raw --tls-verify=false "docker://$PLAIN/chunked:1")
	[[ $raw == *.zstd-chunked.manifest-position* ]] # io.containers in skopeo 1.9, io.github.containers in 1.18
	make estargz layer.estargz "$ARCHIVES/busybox.tar"
	make oci estargz.oci web:4 layer.estargz
	skopeo copy -q --dest-tls-verify=false oci-archive:estargz.oci "docker://$PLAIN/estargz:1"
	for name in chunked estargz; do
		digest=$(digest_at "$PLAIN/$name:1")
		run -0 cloche pull "$PLAIN/$name:1"
		assert_line "Digest: $digest"
		run -0 cloche run --rm --network none "$PLAIN/$name:1" sh -c ': </bin/busybox; echo there'
		assert_output there
		cloche tag "$PLAIN/$name:1" "$PLAIN/$name:2"
		run -0 cloche push -q "$PLAIN/$name:2"
		assert_equal "$(digest_at "$PLAIN/$name:2")" "$digest"
	done
	# a file of the layer, as for all who do not know the format
	run -0 cloche run --rm --network none "$PLAIN/estargz:1" cat /stargz.index.json
	assert_output --partial '"version": 1'
}

@test "a registry with TLS is reached by the proxy that https_proxy names, and none that no_proxy excepts" {
	local proxy certs=$HOME/.config/docker/certs.d/$TLS

	cd "$BATS_FILE_TMPDIR"
	python3 "$BATS_TEST_DIRNAME/connect_proxy.py" . 2>/dev/null 3>&- &
	echo $! >proxy.pid
	until_true 20 test -e connect-port
	proxy=127.0.0.1:$(cat connect-port)
	mkdir -p "$certs"
	cp ca.pem "$certs/ca.crt"
	https_proxy=http://me:word@$proxy run -0 cloche login -u me --password-stdin "$TLS" <<<secret
	assert_equal "$(sort -u connect-log)" "$TLS Basic $(printf me:word | base64)"
	: >connect-log
	cloche load -qi docker.tar
	cloche tag web:1 "$TLS/proxied:1"
	HTTPS_PROXY=http://$proxy run -0 cloche push -q "$TLS/proxied:1"
	cloche rmi web:1 "$TLS/proxied:1" >/dev/null
	HTTPS_PROXY=http://$proxy run -0 cloche pull -q "$TLS/proxied:1"
	assert_equal "$(sort -u connect-log)" "$TLS -"
	: >connect-log
	cloche rmi "$TLS/proxied:1" >/dev/null
	HTTPS_PROXY=http://$proxy no_proxy=localhost run -0 cloche pull -q "$TLS/proxied:1"
	assert_equal "$(cat connect-log)" ""
	https_proxy=http://127.0.0.1:1 run -1 cloche pull -q "$TLS/nosuch:1"
}

@test "a proxy that is reached by TLS is one whose certificate the host knows" {
	local proxy certs=$HOME/.config/docker/certs.d/$TLS

	cd "$BATS_TEST_TMPDIR"
	python3 "$BATS_TEST_DIRNAME/connect_proxy.py" . "$ARCHIVES/ca.pem" "$ARCHIVES/key.pem" 2>/dev/null 3>&- &
	echo $! >"$ARCHIVES/tls-proxy.pid"
	until_true 20 test -e connect-port
	proxy=https://localhost:$(cat connect-port)
	mkdir -p "$certs"
	cp "$ARCHIVES/ca.pem" "$certs/ca.crt"
	cloche login -u me --password-stdin "$TLS" <<<secret >/dev/null
	cloche load -qi "$ARCHIVES/docker.tar"
	cloche tag web:1 "$TLS/tunnelled:1"
	cloche push -q "$TLS/tunnelled:1"
	cloche rmi web:1 "$TLS/tunnelled:1" >/dev/null
	https_proxy=$proxy run -1 cloche pull -q "$TLS/tunnelled:1"
	assert_output --partial certificate
	[ ! -e connect-log ]
	# shellcheck disable=SC2016 # for the inner shell
	https_proxy=$proxy run -0 unshare --mount bash -c 'mount --bind "$1" /etc/ssl/certs/ca-certificates.crt && "$2" pull -q "$3"' \
		- "$ARCHIVES/ca.pem" "$CLOCHE" "$TLS/tunnelled:1"
	assert_equal "$(sort -u connect-log)" "$TLS -"
}

@test "what skopeo writes to its transports is read, with the same id" {
	local id form

	skip_unless_program skopeo
	for form in oci-archive:so.tar:x oci:layout:x dir:folder docker-archive:s.tar:web:5; do
		skopeo copy -q "docker-archive:$ARCHIVES/docker.tar" "$form"
		id=$(skopeo inspect --raw "$form" | jq -r .config.digest)
		run -0 cloche pull "$form"
		assert_equal "$(cloche images -q --no-trunc | sort -u)" "$id"
		cloche rmi "$id" >/dev/null
	done
	run -0 cloche load -i s.tar
	assert_output "Loaded image: web:5"
	assert_equal "$(id_of web:5)" "$id"
}

@test "a second push sends nothing, and another repository's blobs are mounted" {
	cloche load -qi "$ARCHIVES/docker.tar"
	cloche tag web:1 "$PLAIN/first:1"
	run -0 cloche push "$PLAIN/first:1"
	assert_output --partial ": Pushed"
	run -0 cloche push "$PLAIN/first:1"
	refute_output --partial ": Push"
	assert_output --partial ": Already exists"
	cloche tag web:1 "$PLAIN/second:1"
	run -0 cloche push "$PLAIN/second:1"
	assert_output --partial ": Mounted"
	refute_output --partial ": Pushed"
	run -1 cloche push "$PLAIN/nosuch"
	assert_output --partial "An image does not exist locally with the tag: $PLAIN/nosuch"
}

@test "login tries credentials and keeps them; without them, and without trust, nothing works" {
	local certs=$HOME/.config/docker/certs.d/$TLS

	run -1 cloche pull "$TLS/secure:1"
	assert_output --partial "certificate"
	run -1 cloche login -u me -p secret "$TLS"
	mkdir -p "$certs"
	cp "$ARCHIVES/ca.pem" "$certs/ca.crt"
	run -1 cloche pull "$TLS/secure:1"
	assert_output --partial "pull access denied for $TLS/secure"
	assert_output --partial "cloche login"
	run -1 cloche login -u me --password-stdin "$TLS" <<<wrong
	assert_output --partial "unauthorized"
	[ ! -e "$HOME/.docker/config.json" ]
	run -0 cloche login -u me --password-stdin "$TLS" <<<secret
	assert_line "Login Succeeded"
	assert_output --partial "unencrypted"
	assert_equal "$(stat -c %a "$HOME/.docker/config.json")" 600
	cloche load -qi "$ARCHIVES/docker.tar"
	cloche tag web:1 "$TLS/secure:1"
	run -0 cloche push "$TLS/secure:1"
	cloche rmi web:1 "$TLS/secure:1" >/dev/null
	run -0 cloche run --rm --network none "$TLS/secure:1" cat /etc/hello
	assert_equal "${lines[-1]}" hello
	run -0 cloche logout "$TLS"
	assert_output "Removing login credentials for $TLS"
	assert_equal "$(jq -c .auths "$HOME/.docker/config.json")" '{}'
	run -0 cloche logout "$TLS"
	assert_line "Not logged in to $TLS"
	cloche rmi "$TLS/secure:1" >/dev/null
	run -1 cloche pull "$TLS/secure:1"
	run -1 cloche login -u me -p x --password-stdin "$TLS"
	assert_output --partial "mutually exclusive"
	# any certificate will do where the user says so
	rm -r "$certs"
	run -1 cloche pull --insecure-registry "$TLS" "$TLS/secure:1"
	assert_output --partial "pull access denied"
}

@test "a password is not seen in the list of processes, nor in what a failure says" {
	mkdir -p "$HOME/.docker"
	printf '{"auths": {"%s": {"auth": "%s"}}}' "$PLAIN" "$(printf 'me:hunter2' | base64)" >"$HOME/.docker/config.json"
	cloche pull "$PLAIN/nosuch:1" >out 2>&1 3>&- &
	while kill -0 $! 2>/dev/null; do
		cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' >>seen || :
	done
	wait $! || :
	run ! grep -a hunter2 seen out
	run ! grep -a "$(printf 'me:hunter2' | base64)" seen out
}

@test "a saved archive is read by skopeo, podman and load, with the same id" {
	local id

	cloche load -qi "$ARCHIVES/docker.tar"
	cloche load -qi "$ARCHIVES/oci.tar"
	id=$(id_of web:1)
	run -0 cloche save -o saved.tar web:1 web:2
	run -0 sh -c "'$CLOCHE' save web:1 web:2 | cmp - saved.tar"
	run -1 cloche save -o saved.tar nosuch
	run -0 tar tf saved.tar # a save that failed left the earlier one
	[ ! -e saved.tar.part ]
	if command -v skopeo >/dev/null; then
		assert_equal "sha256:$(skopeo inspect --raw docker-archive:saved.tar:web:1 | jq -r .config.digest | cut -d : -f 2)" "$id"
		skopeo copy -q oci-archive:saved.tar:1 oci:layout:one
	fi
	if command -v podman >/dev/null; then
		run -0 podman --root "$PWD/p" --runroot "$PWD/r" --storage-driver vfs load -q -i saved.tar
		assert_output --partial "web:1"
		assert_equal "sha256:$(podman --root "$PWD/p" --runroot "$PWD/r" --storage-driver vfs images -q --no-trunc web:1 | cut -d : -f 2)" "$id"
		podman --root "$PWD/p" --runroot "$PWD/r" --storage-driver vfs rmi -af >/dev/null
	fi
	cloche rmi web:1 web:2 >/dev/null
	run -0 cloche load -i saved.tar
	assert_line "Loaded image: web:1"
	assert_line "Loaded image: web:2"
	assert_equal "$(id_of web:1)" "$id"
	run -0 cloche save -o again.tar web:1 web:2
	cmp saved.tar again.tar
}

@test "what was imported, from a file and from a pipe, can be saved and pushed" {
	cloche import "$ARCHIVES/busybox.tar" file:1
	gzip -c "$ARCHIVES/busybox.tar" | cloche import - pipe:1
	run -0 cloche save -o both.tar file:1 pipe:1
	cloche rmi file:1 pipe:1 >/dev/null
	run -0 cloche load -i both.tar
	cloche tag pipe:1 "$PLAIN/imported:1"
	run -0 cloche push -q "$PLAIN/imported:1"
	cloche rmi pipe:1 "$PLAIN/imported:1" file:1 >/dev/null
	run -0 --separate-stderr cloche run --rm --network none "$PLAIN/imported:1" cat /bin/sh
	[ ${#output} -gt 1000 ]
}

@test "a container that was committed can be pushed, saved, and run elsewhere" {
	local layer

	cloche load -qi "$ARCHIVES/docker.tar"
	cloche run --network none --name maker web:1 busybox sh -c 'echo made >/etc/made; cat /bin/busybox /bin/busybox /bin/busybox >/big'
	cloche commit maker "$PLAIN/made:1"
	cloche commit maker again:1
	cloche rm maker
	# the new layer is kept as gzip, the same bytes each time, and unpacks to what the configuration names
	layer=$(cloche save again:1 | tar -xOf - manifest.json | jq -r '.[0].Layers[-1]')
	cloche save again:1 | tar -xOf - "$layer" >layer.gz
	assert_equal "$(cloche save "$PLAIN/made:1" | tar -xOf - manifest.json | jq -r '.[0].Layers[-1]')" "$layer"
	assert_equal "sha256:$(gzip -dc layer.gz | sha256sum | cut -c -64)" "$(cloche image inspect -f '{{json .RootFS.Layers}}' again:1 | jq -r '.[-1]')"
	[ "$(wc -c <layer.gz)" -lt "$(gzip -dc layer.gz | wc -c)" ]
	cloche rmi again:1 >/dev/null
	run -0 cloche push -q "$PLAIN/made:1"
	run -0 cloche save -o made.tar "$PLAIN/made:1"
	cloche rmi "$PLAIN/made:1" web:1 >/dev/null
	run -0 --separate-stderr cloche run --rm --network none "$PLAIN/made:1" cat /etc/made /etc/hello
	assert_output "$(printf 'made\nhello')"
	cloche rmi "$PLAIN/made:1" >/dev/null
	cloche load -qi made.tar
	run -0 cloche run --rm --network none "$PLAIN/made:1" cat /etc/made
	assert_output made
}

@test "skopeo's transports are read and written: oci, oci-archive, docker-archive, dir" {
	local id place other

	cloche load -qi "$ARCHIVES/docker.tar"
	cloche load -qi "$ARCHIVES/oci.tar"
	id=$(id_of web:1)
	cd "$BATS_TEST_TMPDIR"
	for place in oci:layout:one oci-archive:o.tar:one docker-archive:d.tar:new/name:7 dir:folder; do
		run -0 cloche push web:1 "$place"
		run -0 cloche save -o "${place/one/two}" web:1 # again, and under another name
		if command -v skopeo >/dev/null; then
			[[ $place == oci-archive:* ]] && place=${place/one/two}
			skopeo copy -q "$place" "oci:seen-${place%%:*}:x"
		fi
		cloche rmi web:1 >/dev/null 2>&1 || cloche rmi "$id" >/dev/null
		run -0 cloche pull "$place"
		case $place in
		docker-archive:*)
			assert_output "Loaded image: new/name:7"
			cloche tag new/name:7 web:1
			cloche rmi new/name:7 >/dev/null
			;;
		*)
			assert_output "Loaded image ID: $id"
			cloche tag "$id" web:1
			;;
		esac
		run -0 cloche run --rm --network none web:1 cat /etc/hello
		assert_output hello
	done
	assert_equal "$(jq -r '[.manifests[].annotations["org.opencontainers.image.ref.name"]] | join(",")' layout/index.json)" one,two
	run -0 cloche save -o oci:layout:other web:2
	run -0 cloche load -i oci:layout:other
	assert_output --partial "$(id_of web:2)"
	run -1 cloche load -i oci:layout:nosuch
	assert_output --partial "it has no image nosuch"
	cloche save -o both.tar web:1 web:2
	run -0 cloche load -i docker-archive:both.tar:web:2
	assert_output "Loaded image: web:2"
	run -0 cloche load -i docker-archive:both.tar:@0
	assert_output "Loaded image: web:1"
	run -1 cloche load -i docker-archive:both.tar:web:3
	assert_output --partial "it has no image web:3"
	run -1 cloche save -o dir:many web:1 web:2
	assert_output --partial "one image at a time"
	run -1 cloche push web:1 docker-daemon:x
	assert_output --partial "docker-daemon:x is no place that a push goes to"
	# what skopeo wrote
	skip_unless_program skopeo
	for place in oci:theirs:x oci-archive:theirs.tar:x dir:theirs-dir; do
		skopeo copy -q oci:layout:one "$place"
		run -0 cloche load -i "$place"
		other=$(id_of "$id")
		assert_equal "$other" "$id"
	done
}
