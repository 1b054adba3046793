#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# pull --verify: by containers-policy.json, with signatures of OpenPGP in a lookaside and of sigstore at the registry.

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
	PLAIN=127.0.0.1:$(port plain)
	export PLAIN
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
	cd "$BATS_FILE_TMPDIR" || return
	cloche images -aq | sort -u | xargs -r "$CLOCHE" rmi -f >/dev/null
	rm -rf "$HOME"/.docker "$HOME"/.config
	mkdir -p "$HOME/.config/containers/registries.d"
	cloche load -qi docker.tar >/dev/null
	cloche load -qi other.tar >/dev/null
	there "$PLAIN/signed:1" web:1
	there "$PLAIN/signed:2" web:2
}

# there NAME IMAGE: at a registry, and not here.
there()
{
	cloche tag "$2" "$1"
	cloche push -q "$1" >/dev/null
	cloche rmi "$1" >/dev/null
}

policy() { printf '%s\n' "$1" >"$HOME/.config/containers/policy.json"; }
pull() { cloche pull -q --verify "$@"; }
digest_of() { curl -sf -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://$PLAIN/v2/$1/manifests/$2" | sha256sum | cut -c -64; }

# payload TYPE NAME DIGEST
payload() { printf '{"critical": {"type": "%s", "identity": {"docker-reference": "%s"}, "image": {"docker-manifest-digest": "sha256:%s"}}, "optional": {}}' "$@"; }

# upload REPOSITORY FILE: prints its descriptor's digest and size.
upload()
{
	local at digest

	digest=sha256:$(sha256sum <"$2" | cut -c -64)
	at=$(curl -sf -D - -o /dev/null -X POST "http://$PLAIN/v2/$1/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
	curl -sf -X PUT -H 'Content-Type: application/octet-stream' --data-binary "@$2" "$at&digest=$digest"
	printf '"digest": "%s", "size": %d' "$digest" "$(wc -c <"$2")"
}

# attach REPOSITORY DIGEST PAYLOAD SIGNATURE: as cosign does.
attach()
{
	local layer config

	echo '{}' >config
	layer=$(upload "$1" "$3")
	config=$(upload "$1" config)
	printf '{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": {"mediaType": "application/vnd.oci.image.config.v1+json", %s}, "layers": [{"mediaType": "application/vnd.dev.cosign.simplesigning.v1+json", %s, "annotations": {"dev.cosignproject.cosign/signature": "%s"}}]}' \
		"$config" "$layer" "$4" >manifest
	curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary @manifest "http://$PLAIN/v2/$1/manifests/sha256-$2.sig"
}

@test "without a policy nothing is verified, and what it accepts or rejects is done" {
	if [ ! -e /etc/containers/policy.json ]; then
		run -1 pull "$PLAIN/signed:1"
		assert_output --partial "there is neither $HOME/.config/containers/policy.json nor /etc/containers/policy.json"
	fi
	policy '{"default": [{"type": "reject"}], "transports": {"docker": {"'"$PLAIN"'/signed:2": [{"type": "insecureAcceptAnything"}]}}}'
	run -1 pull "$PLAIN/signed:1"
	assert_output --partial "not allowed by $HOME/.config/containers/policy.json: it rejects the name"
	assert_equal "$(find "$CLOCHE_ROOT/parts" -type f 2>/dev/null)" ""
	run -0 pull "$PLAIN/signed:2"
	cloche rmi "$PLAIN/signed:2" >/dev/null
	CLOCHE_VERIFY=1 run -125 cloche run --rm --network none "$PLAIN/signed:1" true
	assert_output --partial "it rejects the name"
	run -0 cloche pull -q "$PLAIN/signed:1" # nobody asked
	policy '{"default": [{"type": "signedByMagic"}]}'
	run -1 pull "$PLAIN/signed:1"
	assert_output --partial 'a requirement of type "signedByMagic" is not understood here'
	policy '{"default": '
	run -1 pull "$PLAIN/signed:1"
	assert_output --partial policy.json
}

@test "signatures of OpenPGP are looked for in the lookaside, and checked with the policy's keys" {
	local digest folder

	skip_unless_program gpg
	skip_unless_program gpgv
	export GNUPGHOME=$BATS_TEST_TMPDIR/gpg
	mkdir -m 0700 "$GNUPGHOME"
	until_true 20 gpgconf --launch gpg-agent # gpg itself waits five seconds for it
	for who in me other; do
		gpg --batch -q --pinentry-mode loopback --passphrase '' --quick-gen-key $who@example.test rsa2048 sign never 2>/dev/null
		gpg --armor --export $who@example.test >"$BATS_TEST_TMPDIR/$who.asc"
	done
	gpg --export me@example.test >"$BATS_TEST_TMPDIR/me.gpg"
	printf 'docker:\n  %s:\n    lookaside: file://%s/sigs\n' "$PLAIN" "$BATS_TEST_TMPDIR" >"$HOME/.config/containers/registries.d/here.yaml"
	policy '{"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "'"$BATS_TEST_TMPDIR/me.asc"'"}]}'
	run -1 pull "$PLAIN/signed:1"
	assert_output --partial "it has no signature"
	digest=$(digest_of signed 1)
	folder="$BATS_TEST_TMPDIR/sigs/signed@sha256=$digest"
	mkdir -p "$folder"
	sign() { payload "${5:-atomic container signature}" "$3" "$4" | gpg --batch -q --pinentry-mode loopback --passphrase '' -u "$2@example.test" --sign >"$folder/signature-$1" 2>/dev/null; }
	sign 1 other "$PLAIN/signed:1" "$digest"
	run -1 pull "$PLAIN/signed:1"
	assert_output --partial "the signature is by none of the keys"
	sign 2 me "$PLAIN/signed:3" "$digest"
	run -1 pull "$PLAIN/signed:1"
	assert_output --partial "the signature is for $PLAIN/signed:3"
	sign 2 me "$PLAIN/signed:1" "$(digest_of signed 2)"
	run -1 pull "$PLAIN/signed:1"
	assert_output --partial "the signature is of another image"
	sign 2 me "$PLAIN/signed:1" "$digest" "another thing"
	run -1 pull "$PLAIN/signed:1"
	assert_output --partial 'what is signed is of type "another thing"'
	payload "atomic container signature" "$PLAIN/signed:1" "$digest" >"$folder/signature-2" # by nobody
	run -1 pull "$PLAIN/signed:1"
	sign 2 me "$PLAIN/signed:1" "$digest"
	run -0 pull "$PLAIN/signed:1"
	cloche rmi "$PLAIN/signed:1" >/dev/null
	# keys as packets, in the policy itself; the other has to have signed, too
	policy '{"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyData": "'"$(base64 -w 0 "$BATS_TEST_TMPDIR/me.gpg")"'"}, {"type": "signedBy", "keyType": "GPGKeys", "keyPath": "'"$BATS_TEST_TMPDIR/other.asc"'"}]}'
	run -0 pull "$PLAIN/signed:1"
	if command -v skopeo >/dev/null; then
		digest=$(digest_of signed 2)
		mkdir -p "$BATS_TEST_TMPDIR/sigs/signed@sha256=$digest"
		curl -sf -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://$PLAIN/v2/signed/manifests/2" >manifest
		skopeo standalone-sign manifest "$PLAIN/signed:2" "$(gpg --list-keys --with-colons me@example.test | sed -n 's/^fpr:*\([0-9A-F]*\):$/\1/p')" \
			-o "$BATS_TEST_TMPDIR/sigs/signed@sha256=$digest/signature-1"
		policy '{"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "'"$BATS_TEST_TMPDIR/me.asc"'"}]}'
		run -0 pull "$PLAIN/signed:2"
	fi
	gpgconf --kill all
}

@test "sigstore's signatures come from the registry, and are checked with the policy's public key" {
	local digest kind keys

	digest=$(digest_of signed 1)
	openssl ecparam -name prime256v1 -genkey -noout -out other.pem
	openssl pkey -in other.pem -pubout -out other.pub
	payload "cosign container image signature" "$PLAIN/signed" "$digest" >signed.json
	for kind in ec rsa ed25519; do
		case $kind in
		ec) openssl ecparam -name prime256v1 -genkey -noout -out key.pem ;;
		rsa) openssl genrsa -out key.pem 2048 2>/dev/null ;;
		ed25519) openssl genpkey -algorithm ed25519 -out key.pem ;;
		esac
		openssl pkey -in key.pem -pubout -out "$BATS_TEST_TMPDIR/key.pub"
		case $kind in # of several keys each will do
		ec) keys="\"keyPath\": \"$BATS_TEST_TMPDIR/key.pub\"" ;;
		rsa) keys="\"keyPaths\": [\"$PWD/other.pub\", \"$BATS_TEST_TMPDIR/key.pub\"]" ;;
		ed25519) keys="\"keyDatas\": [\"$(base64 -w 0 other.pub)\", \"$(base64 -w 0 "$BATS_TEST_TMPDIR/key.pub")\"]" ;;
		esac
		policy '{"default": [{"type": "sigstoreSigned", '"$keys"', "signedIdentity": {"type": "matchRepository"}}]}'
		run -1 pull "$PLAIN/signed:1"
		if [ $kind = ed25519 ]; then
			openssl pkeyutl -sign -inkey key.pem -rawin -in signed.json -out signature
		else
			openssl dgst -sha256 -sign key.pem -out signature signed.json
		fi
		attach signed "$digest" signed.json "$(base64 -w 0 signature)"
		run -0 pull "$PLAIN/signed:1"
		cloche rmi "$PLAIN/signed:1" >/dev/null
	done
	# the name has no tag: only a looser rule takes it
	policy '{"default": [{"type": "sigstoreSigned", "keyPath": "'"$BATS_TEST_TMPDIR/key.pub"'"}]}'
	run -1 pull "$PLAIN/signed:1"
	assert_output --partial "the signature is for $PLAIN/signed"
	run -0 pull "$PLAIN/signed@sha256:$digest"
	openssl dgst -sha256 -sign other.pem -out signature signed.json
	attach signed "$digest" signed.json "$(base64 -w 0 signature)"
	run -1 pull "$PLAIN/signed@sha256:$digest"
	assert_output --partial "the signature is not by this key"
	run -1 pull "$PLAIN/signed:2"
	assert_output --partial "it has no signature"
}
