# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Debian's docker-registry on loopback, and small images to send to it. Whoever serves kills NAME.pid in teardown_file: registries_end.

make() { python3 "$BATS_TEST_DIRNAME/make_archive.py" "$@"; }

busybox_tree()
{
	mkdir -p "$1"/{bin,etc,tmp,root}
	cp "$(command -v busybox)" "$1/bin/busybox"
	ln -s busybox "$1/bin/sh"
	ln "$1/bin/busybox" "$1/bin/cat"
}

# serve NAME YAML: a registry of that name, with more lines in its settings.
serve()
{
	local port

	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	mkdir -p "data-$1"
	printf 'version: 0.1\nlog: {level: warn}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp:\n  addr: 127.0.0.1:%s\n%s\n' \
		"$PWD/data-$1" "$port" "$2" >"$1.yml"
	docker-registry serve "$1.yml" >"$1.log" 2>&1 3>&- &
	echo $! >"$1.pid"
	until_true 20 bash -c ": </dev/tcp/127.0.0.1/$port"
}

# serve_secure NAME: with TLS of its own authority, ca.pem, for the name localhost, and the user me with the password secret.
serve_secure()
{
	openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out ca.pem -days 2 -subj /CN=localhost \
		-addext 'subjectAltName=DNS:localhost' 2>/dev/null
	printf 'me:%s\n' "$(perl -e 'print crypt("secret", "\$2b\$05\$cloche.cloche.cloche.u")')" >htpasswd
	serve "$1" "  tls:
    certificate: $PWD/ca.pem
    key: $PWD/key.pem
auth:
  htpasswd:
    realm: here
    path: $PWD/htpasswd"
}

port() { sed -n 's/.*addr: 127.0.0.1://p' "$1.yml"; }

# Those of this test file, to be called in its folder.
registries_end()
{
	local file

	for file in "$BATS_FILE_TMPDIR"/*.pid; do
		[ ! -e "$file" ] || kill "$(cat "$file")"
	done
}
