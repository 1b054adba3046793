#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# pull, from a registry that misbehaves in one way a repository (hostile_registry.py). What it sends must end in a clear
# error or in the right image, and leave nothing else.

load helper

setup_file()
{
	cloche_setup_file
	export SERVER=$BATS_FILE_TMPDIR
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$SERVER/key.pem" -out "$SERVER/ca.pem" -days 2 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost 2>/dev/null
	python3 "$BATS_TEST_DIRNAME/hostile_registry.py" "$SERVER" >"$SERVER/out" 2>&1 3>&- &
	echo $! >"$SERVER/pid"
	until_true 60 test -s "$SERVER/port"
	REGISTRY=127.0.0.1:$(cat "$SERVER/port")
	export REGISTRY
}

teardown_file()
{
	kill "$(cat "$BATS_FILE_TMPDIR/pid")"
	cloche_teardown_file
}

setup()
{
	cloche_setup
	ROOT=$BATS_TEST_TMPDIR/root
	mkdir -m 0700 "$ROOT"
	: >"$SERVER/log"
	rm -f "$SERVER/fast" "$SERVER/held"
	rm -rf "$HOME"/.docker "$HOME"/.config
}

# pull CASE [OPTION...]: into a root of the test's own; the report is in $output.
pull() { "$CLOCHE_TRANSFER" pull --root "$ROOT" --progress none "${@:2}" "$REGISTRY/$1"; }
stored() { find "$ROOT" -mindepth 1 ! -type d ! -path "$ROOT/parts/*" ! -path "$ROOT/tmp/*"; }
hello() { cat "$ROOT/layers/$(jq -r '.images[0].layers[0].diff_id' <<<"$output" | cut -d : -f 2)/etc/hello"; }
requests() { grep -c "$1" "$SERVER/log" || :; }

# pulls CASE: it becomes the right image.
pulls()
{
	run -0 pull "$@"
	assert_equal "$(hello)" hello
	assert_equal "$(find "$ROOT/parts" "$ROOT/tmp" -mindepth 1)" ""
}

# refuses CASE WORDS: one line that has WORDS, nothing in the store but parts to go on with.
refuses()
{
	rm -rf "${ROOT:?}"/*
	run -1 pull "$1"
	assert_equal "${#lines[@]}" 1
	assert_output --partial "$2"
	assert_equal "$(stored)" ""
	assert_equal "$(ls -A "$ROOT/tmp")" ""
}

@test "a good image is pulled, by tag and by digest, and what is there is not fetched again" {
	local digest

	pulls good
	digest=$(jq -r '.images[0].names[1]' <<<"$output")
	[[ $digest == "$REGISTRY/good@sha256:"* ]]
	assert_equal "$(jq -r '.images[0].names[0]' <<<"$output")" "$REGISTRY/good:latest"
	# the manifest, the config, the layer: kept as they came
	assert_equal "$(find "$ROOT/blobs/sha256" -type f | wc -l)" 3
	for blob in "$ROOT"/blobs/sha256/*; do
		assert_equal "$(sha256sum <"$blob" | cut -c -64)" "${blob##*/}"
	done
	: >"$SERVER/log"
	run -0 pull good
	assert_equal "$(wc -l <"$SERVER/log")" 1
	: >"$SERVER/log"
	run -0 "$CLOCHE_TRANSFER" pull --root "$ROOT" --progress none "$digest"
	assert_equal "$(wc -l <"$SERVER/log")" 0
	assert_equal "$(jq -r '.images[0].names | length' <<<"$output")" 1
}

@test "what is not what its digest or size says is refused" {
	refuses wrong-layer "layer sha256:"
	assert_equal "$(ls -A "$ROOT/parts")" "" # a part that was found wrong is not gone on with
	refuses lying-digest "damaged or forged"
	refuses short-layer "bytes, not "
	refuses long-layer "more than the"
	refuses wrong-config "the configuration is not what its digest names"
	refuses short-config "the configuration has "
	refuses wrong-diff-id "damaged or forged"
	refuses negative-size "size"
	refuses huge-size "size"
	refuses not-a-tar "bytes, not "
	run -1 "$CLOCHE_TRANSFER" pull --root "$ROOT" --progress none "$REGISTRY/good@sha256:$(printf '0%.0s' {1..64})"
	assert_output --partial "not found"
}

@test "documents that lie, are too large, too deep or of another kind are refused" {
	refuses type-lie "the manifest says it is application/vnd.oci.image.manifest.v1+json"
	refuses schema1 "schema 1"
	refuses both "a manifest and an index at once"
	refuses deep "nested more than 64 deep"
	refuses double-key "duplicate object key"
	refuses no-json "manifest"
	refuses many-layers "pull "
	refuses index-loop "an index in an index"
	refuses other-platform "no matching manifest for linux/"
	refuses fewer-layers "it has 0 layers, but its configuration names 1"
	refuses artifact "not an image"
	refuses encrypted "encrypted"
	refuses endless-manifest "more than the 4194304 bytes"
	refuses digest-path "digest"
	refuses md5 "only sha256"
}

@test "an endless body ends at the size that was agreed" {
	refuses endless "more than the"
}

@test "a layer that leads out, or swells, is refused by the extractor" {
	refuses escape 'its name has a ".." component'
	[ ! -e /canary ]
	CLOCHE_UNPACK_LIMIT=1m refuses bomb "unpacks to more than 1048576 bytes"
}

@test "a redirect is followed without credentials, and only to the web" {
	mkdir -p "$HOME/.docker"
	printf '{"auths": {"%s": {"auth": "%s"}}}' "$REGISTRY" "$(printf me:secret | base64)" >"$HOME/.docker/config.json"
	pulls redirect
	assert_equal "$(requests '/redirect/blobs/.* Basic_')" 2
	assert_equal "$(requests '/elsewhere/.* - -$')" 1
	refuses redirect-file "is no web address"
	refuses redirect-far "is no web address"
	refuses redirect-loop "more than 10 times"
	refuses redirect-password "a password in it"
	refuses redirect-metadata "link-local address is not followed"
	# from TLS to none
	local tls
	tls=localhost:$(cat "$SERVER/tls-port")
	mkdir -p "$HOME/.config/docker/certs.d/$tls"
	cp "$SERVER/ca.pem" "$HOME/.config/docker/certs.d/$tls/ca.crt"
	printf '{"auths": {"%s": {"auth": "%s"}}}' "$tls" "$(printf me:secret | base64)" >"$HOME/.docker/config.json"
	: >"$SERVER/log"
	REGISTRY=$tls refuses redirect "it sends us from https to \"http://localhost:"
	assert_equal "$(requests /elsewhere/)" 0
	assert_equal "$(requests '/redirect/blobs/.* Basic_')" 2
	rm -r "$HOME/.docker"
}

@test "basic credentials come from Docker's and from podman's files, and from a helper" {
	refuses basic "no basic auth credentials; cloche login"
	mkdir -p "$HOME/.docker" "$HOME/.config/containers"
	printf '{"auths": {"%s": {"auth": "%s"}}}' "$REGISTRY" "$(printf me:wrong | base64)" >"$HOME/.docker/config.json"
	refuses basic "unauthorized"
	refute_output --partial wrong
	printf '{"auths": {"%s": {"auth": "%s"}}}' "$REGISTRY" "$(printf me:secret | base64)" >"$HOME/.docker/config.json"
	pulls basic
	rm "$HOME/.docker/config.json"
	printf '{"auths": {"%s/basic": {"auth": "%s"}}}' "$REGISTRY" "$(printf me:secret | base64)" >"$HOME/.config/containers/auth.json"
	rm -rf "${ROOT:?}"/*
	pulls basic
	rm "$HOME/.config/containers/auth.json"
	mkdir bin
	# shellcheck disable=SC2016 # for the helper's shell
	printf '#!/bin/sh\n[ "$1" = get ] && grep -q "^%s$" && echo '"'"'{"Username": "me", "Secret": "secret"}'"'"'\n' "$REGISTRY" >bin/docker-credential-tests
	chmod +x bin/docker-credential-tests
	printf '{"credHelpers": {"%s": "tests"}}' "$REGISTRY" >"$HOME/.docker/config.json"
	rm -rf "${ROOT:?}"/*
	PATH=$PWD/bin:$PATH pulls basic
	printf '{"credHelpers": {"%s": "../../evil"}}' "$REGISTRY" >"$HOME/.docker/config.json"
	run -1 pull basic
	assert_output --partial "is no name of a credential helper"
	rm -r "$HOME/.docker"
}

@test "a layer that the registry may not give on comes from elsewhere only when allowed, without credentials" {
	mkdir -p "$HOME/.docker"
	printf '{"auths": {"%s": {"auth": "%s"}}}' "$REGISTRY" "$(printf me:secret | base64)" >"$HOME/.docker/config.json"
	refuses foreign "it is not at the registry but at http://localhost:"
	assert_output --partial "--foreign-layers"
	assert_equal "$(requests /elsewhere/)" 0
	pulls foreign --foreign-layers
	assert_equal "$(requests '/foreign/blobs/.* Basic_')" 4
	assert_equal "$(requests '/elsewhere/.* - -$')" 1
	rm -rf "${ROOT:?}"/*
	run -1 pull foreign-file --foreign-layers
	assert_output --partial "is no web address"
}

@test "a proxy is used as the variables say" {
	http_proxy=http://$REGISTRY pulls good
	assert_equal "$(requests "^GET http://$REGISTRY/v2/good/")" 3
	rm -rf "${ROOT:?}"/*
	: >"$SERVER/log"
	http_proxy=http://$REGISTRY no_proxy=127.0.0.1 pulls good
	assert_equal "$(requests "^GET http://")" 0
	rm -rf "${ROOT:?}"/*
	HTTP_PROXY=http://$REGISTRY pulls good
	assert_equal "$(requests "^GET http://$REGISTRY/v2/good/")" 3
	rm -rf "${ROOT:?}"/*
	http_proxy=http://127.0.0.1:1 run -1 pull good
}

@test "an identity token is exchanged for one that the registry takes" {
	mkdir -p "$HOME/.docker"
	printf '{"auths": {"%s": {"identitytoken": "identity"}}}' "$REGISTRY" >"$HOME/.docker/config.json"
	pulls token
	assert_equal "$(requests '^POST /token?.*grant_type=refresh_token')" 1
	assert_equal "$(requests '^GET /token')" 0
	printf '{"auths": {"%s": {"identitytoken": "another"}}}' "$REGISTRY" >"$HOME/.docker/config.json"
	refuses token "unauthorized"
	refute_output --partial another
	# who has got all may take longer than who sends
	printf '{"auths": {"%s": {"identitytoken": "identity"}}}' "$REGISTRY" >"$HOME/.docker/config.json"
	rm -rf "${ROOT:?}"/*
	CLOCHE_STALL_SECONDS=2 pulls token-slow
	assert_equal "$(requests '^POST /token-slow?.*grant_type=refresh_token')" 1
	rm -r "$HOME/.docker"
}

@test "a token is fetched once for all, anew when it has run out, and never from another domain" {
	pulls token
	assert_equal "$(requests '^GET /token?service=here%2C%20and%20there&scope=repository%3Atoken%3Apull')" 1
	rm -rf "${ROOT:?}"/*
	pulls refresh
	assert_equal "$(requests '^GET /token?')" 3
	refuses token-huge "its token is too long"
	refuses token-odd "odd characters"
	refuses token-metadata "link-local address is not followed"
	rm -rf "${ROOT:?}"/*
	pulls token-busy
	assert_equal "$(requests '^GET /token-busy?')" 3
	mkdir -p "$HOME/.docker"
	printf '{"auths": {"%s": {"auth": "%s"}}}' "$REGISTRY" "$(printf me:secret | base64)" >"$HOME/.docker/config.json"
	refuses token-elsewhere "token.example.net, another domain: not done"
	pulls token
	assert_equal "$(requests '^GET /token?account=me&.*Basic_')" 1
	rm -r "$HOME/.docker"
}

@test "a server that is busy is asked again, when it wants that, and not for ever" {
	pulls busy
	pulls later
	assert_equal "$(requests '/later/blobs/')" 3 # the configuration, the refusal, and once more when it is due
	refuses much-later "it wants us back in 3600 seconds"
	refuses always-500 "status 503: unavailable"
}

@test "a body that was cut is gone on with where it ended, with ranges and without" {
	pulls cut
	assert_equal "$(requests 'bytes=[1-9][0-9]*- ')" 2
	pulls cut-no-range
	assert_equal "$(requests 'cut-no-range.*bytes=')" 2
	refuses wrong-range "another part than it was asked for"
}

@test "a server that goes silent is noticed" {
	CLOCHE_STALL_SECONDS=2 pulls stall
	[ "$(requests 'stall.*bytes=')" -ge 1 ]
	assert_equal "$(requests waited-for-nothing)" 0
}

@test "a pull that is killed goes on after a new start, and no half image is seen" {
	local pid part size

	: >"$SERVER/held"
	"$CLOCHE_TRANSFER" pull --root "$ROOT" --progress none "$REGISTRY/slow" >out 2>&1 3>&- &
	pid=$!
	begun() { part=$(find "$ROOT/parts" -type f -size +32k 2>/dev/null) && [ -n "$part" ]; }
	until_true 20 begun
	kill -KILL "$pid"
	wait "$pid" || :
	assert_equal "$(stored)" ""
	size=$(stat -c %s "$part")
	: >"$SERVER/fast"
	pulls slow
	[ "$(sed -n 's/.*slow.*bytes=\([0-9]*\)-.*/\1/p' "$SERVER/log" | tail -n 1)" -ge "$size" ]
}

@test "two pulls of one layer meet: it is fetched once" {
	local first

	: >"$SERVER/held"
	"$CLOCHE_TRANSFER" pull --root "$ROOT" --progress plain "$REGISTRY/slow" >first 2>first.err 3>&- &
	first=$!
	until_true 20 grep -q Downloading first.err
	"$CLOCHE_TRANSFER" pull --root "$ROOT" --progress plain "$REGISTRY/slow" >second 2>second.err 3>&- &
	until_true 20 grep -q "Waiting for another pull" second.err
	: >"$SERVER/fast"
	wait "$first"
	wait $!
	diff first second
	grep -q "Already exists" second.err
	assert_equal "$(requests 'GET /v2/slow/blobs/.* - -')" 3 # the config twice, as nobody had it yet
}

@test "who fetches is nobody, without rights, and who unpacks has no network" {
	local pid worker fetchers=0 others=0

	: >"$SERVER/held"
	"$CLOCHE_TRANSFER" pull --root "$ROOT" --progress none "$REGISTRY/slow" >out 2>&1 3>&- &
	pid=$!
	all_there() { [ "$(for p in $(pgrep -P "$pid" cloche-worker); do grep -c '^Seccomp:.*2$' "/proc/$p/status"; done | paste -sd +)" = 1+1+1 ]; }
	until_true 20 all_there
	for worker in "$pid" $(pgrep -P "$pid" cloche-worker); do # they hold credentials
		grep -qx 'Max core file size *0 *0 *bytes *' "/proc/$worker/limits"
	done
	for worker in $(pgrep -P "$pid" cloche-worker); do
		grep -qx 'NoNewPrivs:.1' "/proc/$worker/status"
		assert_equal "$(awk '$1 == "CapBnd:" { print $2 }' "/proc/$worker/status")" 0000000000000000
		if [ "$(awk '$1 == "Uid:" { print $2, $3, $4, $5 }' "/proc/$worker/status")" = "65534 65534 65534 65534" ]; then
			fetchers=$((fetchers + 1))
			assert_equal "$(awk '$1 == "CapPrm:" { print $2 }' "/proc/$worker/status")" 0000000000000000
			assert_equal "$(awk '$1 == "Groups:" { print $2 }' "/proc/$worker/status")" ""
			assert_equal "$(readlink "/proc/$worker/ns/net")" "$(readlink /proc/self/ns/net)"
		else
			others=$((others + 1))
			[ "$(readlink "/proc/$worker/ns/net")" != "$(readlink /proc/self/ns/net)" ]
			[[ $(readlink "/proc/$worker/root") == "$ROOT"/tmp/* ]]
		fi
	done
	assert_equal "$fetchers $others" "1 2"
	kill "$pid"
	wait "$pid" || :
}

@test "an interrupt ends a pull at once, and all that it started" {
	local pid workers worker

	: >"$SERVER/held"
	"$CLOCHE_TRANSFER" pull --root "$ROOT" --progress none "$REGISTRY/slow" >out 2>&1 3>&- &
	pid=$!
	until_true 20 sh -c "[ \"\$(pgrep -P $pid cloche-worker | wc -l)\" = 3 ]"
	workers=$(pgrep -P "$pid") # with who forks them
	kill -TERM "$pid"
	wait "$pid" || :
	for worker in $workers; do
		until_true 20 test ! -e "/proc/$worker"
	done
}

@test "on a terminal there is a line for each layer and a total with rate and time left; in JSON an object a line" {
	run -0 timeout 300 python3 "$BATS_TEST_DIRNAME/pty.py" "$CLOCHE_TRANSFER" pull --root "$ROOT" "$REGISTRY/slow" <<-'END'
		wait Total
		wait B/s
		wait s left
		wait Downloading
		wait Pull complete
		end 0
	END
	rm -rf "${ROOT:?}"/*
	"$CLOCHE_TRANSFER" pull --root "$ROOT" --progress json "$REGISTRY/slow" >out 2>lines
	run -0 jq -rs 'map(.phase) | unique | join(",")' lines
	assert_output "Downloading,Extracting,Pull complete"
	# the bytes of it grow, to all of them
	run -0 jq -es 'map(select(.phase == "Downloading").current) | . == sort and (unique | length) > 2 and all(. <= 500000)' lines
	jq -es 'last | .current == .total and .total > 400000' lines
}

@test "what prunes while a pull is at it takes nothing that it needs" {
	local pull

	: >"$SERVER/held"
	"$CLOCHE" pull -q "$REGISTRY/slow" >out 2>&1 3>&- &
	pull=$!
	until_true 20 sh -c "find '$CLOCHE_ROOT/parts' -type f -size +32k 2>/dev/null | grep -q ."
	run -0 cloche image prune -af
	run -0 cloche system prune -f
	[ -n "$(ls "$CLOCHE_ROOT/parts" "$CLOCHE_ROOT/tmp")" ]
	# the layer is in its place, and no row names it yet
	kill -STOP "$pull"
	: >"$SERVER/fast"
	until_true 20 sh -c "ls '$CLOCHE_ROOT/layers' | grep -q ." || { kill -KILL "$pull"; false; }
	run cloche image prune -af
	run cloche system check --repair
	kill -CONT "$pull"
	wait "$pull"
	assert_equal "$(cat out)" "$REGISTRY/slow:latest"
	run -0 cloche image inspect -f '{{index .RootFS.Layers 0}}' "$REGISTRY/slow"
	assert_equal "$(cat "$CLOCHE_ROOT/layers/${output#sha256:}/etc/hello")" hello
	run -0 cloche system check
	assert_equal "$(requests 'GET /v2/slow/blobs/.*')" 2
	cloche rmi "$REGISTRY/slow" >/dev/null
	# Ctrl-C; what came stays for the next one
	rm "$SERVER/fast"
	run -0 timeout 300 python3 "$BATS_TEST_DIRNAME/pty.py" "$CLOCHE" pull "$REGISTRY/slow" <<-'END'
		wait s left
		send \x03
		end -2
	END
	: >"$SERVER/fast"
	run -0 cloche pull -q "$REGISTRY/slow"
	[ "$(requests 'slow.*bytes=')" -ge 1 ]
	run -0 cloche system check
	cloche rmi "$REGISTRY/slow" >/dev/null
}
