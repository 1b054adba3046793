#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What is asked of registries besides pull and push: tags, manifests, lists of manifests, catalogs, what has moved; and
# where registries.conf sends names.

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
	make docker other.tar web:2 busybox.tar
	command -v docker-registry >/dev/null || return 0
	serve plain ''
	serve mirror ''
	PLAIN=127.0.0.1:$(port plain)
	MIRROR=127.0.0.1:$(port mirror)
	export PLAIN MIRROR
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
	skip_unless_program curl
	ARCHIVES=$BATS_FILE_TMPDIR
	cloche images -aq | sort -u | xargs -r "$CLOCHE" rmi -f >/dev/null
	rm -rf "$HOME"/.docker "$HOME"/.config
	cloche load -qi "$ARCHIVES/docker.tar" >/dev/null
	cloche load -qi "$ARCHIVES/other.tar" >/dev/null
}

teardown()
{
	cloche_teardown
	[ ! -e "$BATS_TEST_TMPDIR/proxy.pid" ] || kill "$(cat "$BATS_TEST_TMPDIR/proxy.pid")" 2>/dev/null || :
}

id_of() { cloche image inspect -f '{{.Id}}' "$1"; }

# there NAME IMAGE: at a registry, and not here.
there()
{
	cloche tag "$2" "$1"
	cloche push -q "$1" >/dev/null
	cloche rmi "$1" >/dev/null
}

# manifest_copy FROM TO: the tag 1 of one repository as another's, behind our back.
manifest_copy()
{
	local type=application/vnd.oci.image.manifest.v1+json digest

	curl -sf -H "Accept: $type" "http://$PLAIN/v2/$1/manifests/1" >manifest
	for digest in $(jq -r '.config.digest, .layers[].digest' manifest); do
		curl -sf -X POST "http://$PLAIN/v2/$2/blobs/uploads/?mount=$digest&from=$1"
	done
	curl -sf -X PUT -H "Content-Type: $type" --data-binary @manifest "http://$PLAIN/v2/$2/manifests/1"
}

@test "pull -a and push -a move all tags of a repository" {
	cloche tag web:1 "$PLAIN/all:one"
	cloche tag web:2 "$PLAIN/all:two"
	cloche tag web:2 "$PLAIN/elsewhere:three"
	run -0 cloche push -a "$PLAIN/all"
	assert_output --partial "one: digest: sha256:"
	assert_output --partial "two: digest: sha256:"
	refute_output --partial three
	run -1 cloche push -a "$PLAIN/all:one"
	assert_output --partial "tag can't be used with --all-tags/-a"
	run -1 cloche push -a "$PLAIN/nosuch"
	assert_output --partial "An image does not exist locally with the tag: $PLAIN/nosuch"
	cloche rmi "$PLAIN/all:one" "$PLAIN/all:two" >/dev/null
	run -1 cloche pull -a "$PLAIN/all:one"
	assert_output --partial "tag can't be used with --all-tags/-a"
	run -0 cloche pull -a "$PLAIN/all"
	assert_equal "$(id_of "$PLAIN/all:one")" "$(id_of web:1)"
	assert_equal "$(id_of "$PLAIN/all:two")" "$(id_of web:2)"
	run -1 cloche pull -a "$PLAIN/nosuch"
	assert_output --partial "tags of $PLAIN/nosuch"
}

@test "a list of manifests is begun, corrected, shown, pushed, and pulled by platform" {
	local digest

	there "$PLAIN/multi:mine" web:1
	there "$PLAIN/otherrepo:arm" web:2
	run -0 cloche manifest create "$PLAIN/multi:1" "$PLAIN/multi:mine" "$PLAIN/otherrepo:arm"
	assert_output "Created manifest list $PLAIN/multi:1"
	run -1 cloche manifest create "$PLAIN/multi:1" "$PLAIN/multi:mine"
	assert_output --partial "there is a list $PLAIN/multi:1 already"
	run -1 cloche manifest create "$PLAIN/multi:2" "$MIRROR/x:1"
	assert_output --partial "it is not at $PLAIN"
	run -1 cloche manifest create "$PLAIN/multi:2" "$PLAIN/multi:nosuch"
	assert_output --partial "push it first"
	run -0 cloche manifest annotate --arch riscv64 --variant v9 "$PLAIN/multi:1" "$PLAIN/otherrepo:arm"
	run -1 cloche manifest annotate --arch riscv64 "$PLAIN/multi:1" "$PLAIN/otherrepo:nosuch"
	assert_output --partial "the list $PLAIN/multi:1 has no $PLAIN/otherrepo:nosuch"
	run -0 --separate-stderr cloche manifest inspect "$PLAIN/multi:1"
	assert_equal "$(jq -r '[.manifests[].platform.architecture] | last' <<<"$output")" riscv64
	assert_equal "$(jq -r '[.manifests[] | keys[]] | unique | join(",")' <<<"$output")" digest,mediaType,platform,size
	run -0 --separate-stderr cloche manifest push --purge "$PLAIN/multi:1"
	digest=$output
	run -1 cloche manifest push "$PLAIN/multi:1"
	assert_output --partial "there is no list $PLAIN/multi:1"
	run -0 --separate-stderr cloche manifest inspect "$PLAIN/multi:1" # the registry's now
	assert_equal "$(jq -r '.manifests | length' <<<"$output")" 2
	if command -v skopeo >/dev/null; then
		assert_equal "sha256:$(skopeo inspect --raw --tls-verify=false "docker://$PLAIN/multi:1" | sha256sum | cut -c -64)" "$digest"
	fi
	run -0 cloche pull "$PLAIN/multi:1"
	assert_line "Digest: $digest"
	assert_equal "$(id_of "$PLAIN/multi:1")" "$(id_of web:1)"
	run -0 cloche pull --platform "linux/$(uname -m)" "docker://$PLAIN/multi:1"
	refute_output --partial WARNING
	run -0 cloche pull --platform linux/s390x "$PLAIN/multi:mine"
	assert_output --partial "does not match the specified platform (linux/s390x)"
	run -0 cloche pull --platform linux/riscv64/v9 "$PLAIN/multi:1"
	assert_equal "$(id_of "$PLAIN/multi:1")" "$(id_of web:2)"
	run -1 cloche manifest inspect "$PLAIN/multi:nosuch"
	assert_output --partial "no such manifest: $PLAIN/multi:nosuch"
	cloche manifest create "$PLAIN/multi:3" "$PLAIN/multi:mine"
	cloche manifest rm "$PLAIN/multi:3"
	run -1 cloche manifest rm "$PLAIN/multi:3"
}

@test "search shows the names of a registry's catalog" {
	there "$PLAIN/findme/one:1" web:1
	there "$PLAIN/findme/two:1" web:1
	there "$PLAIN/hidden:1" web:1
	run -0 cloche search "$PLAIN/findme"
	[[ ${lines[0]} =~ ^NAME\ +DESCRIPTION\ +STARS\ +OFFICIAL ]]
	assert_output --partial "$PLAIN/findme/one"
	assert_output --partial "$PLAIN/findme/two"
	refute_output --partial hidden
	run -0 cloche search --limit 1 "$PLAIN/findme"
	assert_equal "${#lines[@]}" 2
	run -0 cloche search --filter stars=0 --format '{{.Name}}|{{.StarCount}}|{{.IsOfficial}}|{{.Description}}' "$PLAIN/findme/one"
	assert_output "$PLAIN/findme/one|0||"
	run -0 cloche search --format json "$PLAIN/findme/one"
	assert_equal "$(jq -r .Name <<<"$output")" "$PLAIN/findme/one"
	run -0 cloche search --filter stars=1 --filter is-official=true --format '{{.Name}}' "$PLAIN/findme"
	assert_output ""
	run -1 cloche search --filter colour=red x
	assert_output --partial "invalid filter 'colour'"
	run -1 cloche search --filter stars=x x
	assert_output --partial "invalid filter 'stars=x'"
	run -1 cloche search --limit 0 "$PLAIN/findme"
	assert_output --partial "--limit is 1 to 100"
}

@test "outdated --remote lists the tags that have moved, by one HEAD each" {
	there "$PLAIN/moving:1" web:1
	there "$PLAIN/staying:1" web:1
	cloche pull -q "$PLAIN/moving:1" >/dev/null
	cloche pull -q "$PLAIN/staying:1" >/dev/null
	run -0 cloche outdated --remote --json
	assert_output '[]'
	cloche create --network none --name user "$PLAIN/moving:1" cat /etc/hello >/dev/null
	cloche tag web:2 "$PLAIN/moved:1"
	cloche push -q "$PLAIN/moved:1" >/dev/null
	cloche rmi "$PLAIN/moved:1" >/dev/null
	manifest_copy moved moving
	run -0 cloche outdated --remote
	assert_equal "${#lines[@]}" 2
	[[ ${lines[1]} =~ ^$PLAIN/moving:1\ +sha256:[0-9a-f]{12}\ +sha256:[0-9a-f]{12}\ +user$ ]]
	cloche rm user >/dev/null
}

@test "registries.conf sends names to mirrors, then to their own place, and blocks what it says" {
	there "$PLAIN/deep/web:1" web:1
	there "$MIRROR/copies/web:1" web:1
	there "$PLAIN/deep/only:1" web:2
	export CONTAINERS_REGISTRIES_CONF=$BATS_TEST_TMPDIR/registries.conf
	cat >"$CONTAINERS_REGISTRIES_CONF" <<-END
		[[registry]]
		prefix = "example.test/team"
		location = "$PLAIN/deep"
		[[registry.mirror]]
		location = "$MIRROR/copies"

		[[registry]]
		location = "blocked.test"
		blocked = true
	END
	run -0 cloche pull example.test/team/web:1
	refute_output --partial "mirror $MIRROR"
	assert_equal "$(id_of example.test/team/web:1)" "$(id_of web:1)"
	# the mirror has no such image
	run -0 cloche pull example.test/team/only:1
	assert_output --partial "mirror $MIRROR/copies/only: "
	assert_equal "$(id_of example.test/team/only:1)" "$(id_of web:2)"
	# nobody listens at the mirror
	sed -i "s|$MIRROR|127.0.0.1:1|" "$CONTAINERS_REGISTRIES_CONF"
	cloche rmi example.test/team/web:1 >/dev/null
	run -0 cloche pull example.test/team/web:1
	assert_output --partial "mirror 127.0.0.1:1/copies/web: "
	# a push goes to its own place
	cloche tag web:2 example.test/team/pushed:1
	run -0 cloche push -q example.test/team/pushed:1
	run -0 --separate-stderr cloche manifest inspect "$PLAIN/deep/pushed:1"
	run -1 cloche pull blocked.test/web
	assert_output --partial "blocked.test/web is blocked by $CONTAINERS_REGISTRIES_CONF"
	run -125 cloche run --rm --network none blocked.test/web true
	echo 'location = ' >>"$CONTAINERS_REGISTRIES_CONF"
	run -1 cloche pull blocked.test/web
	assert_output --partial "registries.conf, line 10: its value does not end"
}

@test "a large blob is sent in chunks, and a cut one goes on where the registry has it" {
	local proxy

	cd "$BATS_TEST_TMPDIR"
	mkdir tree
	head -c 3000000 /dev/urandom >tree/noise
	tar -C tree -cf big.tar .
	cloche import big.tar big:1 >/dev/null
	python3 "$BATS_TEST_DIRNAME/cut_proxy.py" "$PWD" "${PLAIN##*:}" 1000000 2 3>&- &
	echo $! >proxy.pid
	until_true 20 test -e proxy-port
	proxy=127.0.0.1:$(cat proxy-port)
	cloche tag big:1 "$proxy/big:1"
	CLOCHE_PUSH_CHUNK=700k run -0 cloche push "$proxy/big:1"
	assert_output --partial ": Pushed"
	assert_equal "$(wc -l <proxy-cuts)" 2
	cloche rmi "$proxy/big:1" >/dev/null
	run -0 cloche pull "$PLAIN/big:1"
	assert_equal "$(id_of "$PLAIN/big:1")" "$(id_of big:1)"
}

@test "what is attached to an image is listed, and what is no image is not run" {
	local digest artifact type=application/vnd.oci.image

	cd "$BATS_TEST_TMPDIR"
	there "$PLAIN/attached:1" web:1
	run -0 cloche manifest referrers "$PLAIN/attached:1"
	assert_equal "${#lines[@]}" 1
	run -0 --separate-stderr cloche manifest inspect "$PLAIN/attached:1"
	digest=$(curl -sf -H "Accept: $type.manifest.v1+json" "http://$PLAIN/v2/attached/manifests/1" | sha256sum | cut -c -64)
	jq -c '. + {artifactType: "example/parts"} | .config.mediaType = "example/parts"' <<<"$output" >artifact
	artifact=$(sha256sum <artifact | cut -c -64)
	curl -sf -X PUT -H "Content-Type: $type.manifest.v1+json" --data-binary @artifact "http://$PLAIN/v2/attached/manifests/sha256:$artifact"
	printf '{"schemaVersion": 2, "mediaType": "%s", "manifests": [{"mediaType": "%s", "digest": "sha256:%s", "size": %d, "artifactType": "example/parts"}]}' \
		"$type.index.v1+json" "$type.manifest.v1+json" "$artifact" "$(wc -c <artifact)" >index
	curl -sf -X PUT -H "Content-Type: $type.index.v1+json" --data-binary @index "http://$PLAIN/v2/attached/manifests/sha256-$digest"
	run -0 cloche manifest referrers "$PLAIN/attached:1"
	[[ ${lines[1]} =~ ^sha256:$artifact\ +$(wc -c <artifact)\ example/parts$ ]]
	run -1 cloche pull "$PLAIN/attached@sha256:$artifact"
	assert_output --partial "example/parts"
}

@test "a registry at a unix socket is reached by the link in its folder of certs.d" {
	local folder=$HOME/.config/containers/certs.d/here.example socket

	cd "$BATS_FILE_TMPDIR"
	socket=$(mktemp -d /tmp/cloche-registry.XXXXXX)
	chmod 0711 "$socket"
	sed "s|addr: .*|net: unix\n  addr: $socket/socket|" plain.yml >unix.yml
	docker-registry serve unix.yml >unix.log 2>&1 3>&- &
	echo $! >unix.pid
	until_true 20 curl -s -o blank --unix-socket "$socket/socket" http://x/v2/ # who made its socket does not listen yet
	cloche tag web:1 here.example/web:1
	mkdir -p "$folder"
	ln -s "$socket/socket" "$folder/socket"
	chmod 0600 "$socket/socket"
	run -1 cloche push -q here.example/web:1
	chmod 0666 "$socket/socket"
	run -0 cloche push -q here.example/web:1
	cloche rmi here.example/web:1 >/dev/null
	http_proxy=http://127.0.0.1:1 run -0 cloche pull -q here.example/web:1
	assert_output here.example/web:1
	rm -r "$socket" "$folder"
	cloche rmi here.example/web:1 >/dev/null
	run -1 cloche pull -q here.example/web:1
}

@test "a registry that wants a client's certificate gets it, and one with an IPv6 address is found" {
	local folder port

	cd "$BATS_FILE_TMPDIR"
	openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca 2>/dev/null
	for name in server client; do
		openssl req -newkey rsa:2048 -nodes -keyout $name.key -out $name.csr -subj /CN=localhost 2>/dev/null
		printf 'subjectAltName=DNS:localhost\n' >san
		openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out $name.pem 2>/dev/null
	done
	serve mutual "  tls:
    certificate: $PWD/server.pem
    key: $PWD/server.key
    clientcas: [$PWD/ca.pem]"
	port=$(port mutual)
	folder=$HOME/.config/containers/certs.d/localhost:$port
	mkdir -p "$folder"
	cp ca.pem "$folder/ca.crt"
	cloche tag web:1 "localhost:$port/mutual:1"
	run -1 cloche push -q "localhost:$port/mutual:1"
	cp client.pem "$folder/client.cert"
	run -1 cloche push -q "localhost:$port/mutual:1"
	assert_output --partial "read the certificate client.key"
	cp client.key "$folder/client.key"
	run -0 cloche push -q "localhost:$port/mutual:1"
	cloche rmi "localhost:$port/mutual:1" >/dev/null
	run -0 cloche pull -q "localhost:$port/mutual:1"
	# IPv6
	[ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6 || skip "this host has no IPv6 on its loopback"
	port=$(port plain)
	sed "s/127.0.0.1:.*/'[::1]:$port'/" plain.yml >six.yml
	docker-registry serve six.yml >six.log 2>&1 3>&- &
	echo $! >six.pid
	until_true 20 bash -c ": </dev/tcp/::1/$port"
	cloche tag web:1 "[::1]:$port/six:1"
	run -0 cloche push -q "[::1]:$port/six:1"
	cloche rmi "[::1]:$port/six:1" >/dev/null
	run -0 cloche pull -q "[::1]:$port/six:1"
	assert_output "[::1]:$port/six:1"
}
