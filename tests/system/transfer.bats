#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# cloche-transfer: images from archives, good ones and hostile ones. Each test has a data root of its
# own; a refused archive must leave nothing in it, and nothing outside of it.
# shellcheck disable=SC2030,SC2031 # pid is set and used within one test

load helper

setup_file()
{
	cloche_setup_file
	export ARCHIVES=$BATS_FILE_TMPDIR
	make all "$ARCHIVES"
}

setup()
{
	cloche_setup
	ROOT=$BATS_TEST_TMPDIR/root
	mkdir -m 0700 "$ROOT"
	echo untouched >"$BATS_TEST_TMPDIR/canary"
	mkdir "$BATS_TEST_TMPDIR/canary-dir"
}

make() { python3 "$BATS_TEST_DIRNAME/make_archive.py" "$@"; }
transfer() { "$CLOCHE_TRANSFER" "$1" --root "$ROOT" "${@:2}"; }

# layers_of LAYER...: copies of them here.
layers_of()
{
	local name

	for name; do
		cp "$ARCHIVES/$name.tar" .
	done
}

# layer [N]: the folder of the N-th layer in the report that `run` left in $output.
layer() { echo "$ROOT/layers/$(jq -r ".images[0].layers[${1:-0}].diff_id" <<<"$output" | cut -d : -f 2)"; }

nothing_stored()
{
	find "$ROOT" -mindepth 1 ! -path "$ROOT/tmp" ! -path "$ROOT/layers" ! -path "$ROOT/blobs" \
		! -path "$ROOT/blobs/sha256"
}

canaries_hold()
{
	assert_equal "$(cat "$BATS_TEST_TMPDIR/canary")" untouched
	assert_equal "$(ls -A "$BATS_TEST_TMPDIR/canary-dir")" ""
	[ ! -e /canary ]
	[ ! -e /canary-dir ]
}

# refused WORDS: the last run failed with one line that has WORDS, and nothing is left of it.
refused()
{
	assert_failure 1
	assert_equal "${#lines[@]}" 1
	assert_output --partial "$1"
	assert_equal "$(nothing_stored)" ""
	canaries_hold
}

# refuses LAYER WORDS: by both doors, import and load.
refuses()
{
	run transfer import "$ARCHIVES/$1.tar"
	refused "$2"
	run transfer load --input "$ARCHIVES/$1.docker.tar"
	refused "$2"
}

# refuses_image CASE WORDS
refuses_image()
{
	run transfer load --input "$ARCHIVES/image-$1.tar"
	refused "$2"
}

# takes LAYER: import it; its tree is then $(layer).
takes()
{
	run transfer import "$ARCHIVES/$1.tar"
	assert_success
	canaries_hold
}

# --- what must work ---------------------------------------------------------------------------

@test "a docker-save archive becomes an image with its names, its config and its layers" {
	layers_of plain second
	make docker image.tar web:1 plain.tar second.tar
	run transfer load --input image.tar
	assert_success
	assert_equal "$(jq -c '.images[0].names' <<<"$output")" '["docker.io/library/web:1"]'
	assert_equal "$(jq -c '[.images[0].layers[].diff_id]' <<<"$output")" \
		"[\"sha256:$(sha256sum <plain.tar | cut -c -64)\",\"sha256:$(sha256sum <second.tar | cut -c -64)\"]"
	assert_equal "$(cat "$(layer)/etc/hello")" hello
	id=$(jq -r '.images[0].id' <<<"$output")
	assert_equal "sha256:$(sha256sum <"$ROOT/blobs/sha256/${id#*:}" | cut -c -64)" "$id"
	assert_equal "$(ls -A "$ROOT/tmp")" ""
}

@test "the forms of docker and OCI, packed in all ways, give the same layers" {
	local first packed image

	layers_of plain second
	make docker image.tar web:1 plain.tar second.tar
	run transfer load --input image.tar
	first=$(jq -c '.images[0] | .layers' <<<"$output")
	gzip -k plain.tar
	(head -c 1000 | gzip; gzip) <plain.tar >two-members.tar.gz
	zstd -q plain.tar
	mkdir folder
	for packed in plain.tar plain.tar.gz plain.tar.zst two-members.tar.gz; do
		make docker docker.tar web:1 "$packed" second.tar
		make old-docker old.tar web:1 "$packed" second.tar
		make oci oci.tar web:1 "$packed" second.tar
		make oci folder web:1 "$packed" second.tar
		for image in docker.tar old.tar oci.tar folder; do
			rm -r "$ROOT"
			mkdir -m 0700 "$ROOT"
			run transfer load --input "$image"
			assert_success
			assert_equal "$(jq -c '.images[0].layers' <<<"$output")" "$first"
			assert_equal "$(jq -r '.images[0].names[0]' <<<"$output")" docker.io/library/web:1
		done
	done
	for packed in 'gzip -c' 'zstd -c' 'xz -c' 'bzip2 -c' cat; do
		rm -r "$ROOT"
		mkdir -m 0700 "$ROOT"
		run transfer load < <($packed oci.tar)
		assert_success
		assert_equal "$(jq -c '.images[0].layers' <<<"$output")" "$first"
	done
}

@test "an archive of two images gives two, and a layer that both have is stored once" {
	layers_of plain second
	make image-two image.tar plain.tar second.tar
	run transfer load --input image.tar
	assert_success
	assert_equal "$(jq -c '[.images[].names]' <<<"$output")" \
		'[["docker.io/library/web:1","docker.io/me/web:latest"],["quay.io/me/two:x"]]'
	assert_equal "$(find "$ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" 2
}

@test "of a nested index the manifest for this machine is taken" {
	layers_of plain second
	make image-nested image.tar plain.tar second.tar
	run transfer load --input image.tar
	assert_success
	assert_equal "$(jq -c '.images[0].names' <<<"$output")" '["quay.io/me/nested:2"]'
	assert_equal "$(jq '.images[0].layers | length' <<<"$output")" 2
	manifest=$(jq -r '.images[0].manifest' <<<"$output")
	[ -s "$ROOT/blobs/sha256/${manifest#*:}" ]
}

@test "docker's and OCI's lists in one archive are fine when they agree" {
	run transfer load --input "$ARCHIVES/image-both.tar"
	assert_success
}

@test "of a layer that comes twice only the upper one is to be stacked" {
	layers_of plain second
	make image-layer-twice image.tar plain.tar second.tar
	run transfer load --input image.tar
	assert_success
	assert_equal "$(jq -r '.images[0].layers[].diff_id' <<<"$output")" \
		"$(sha256sum second.tar plain.tar | sed 's/^/sha256:/' | cut -c -71)"
}

@test "a layer that is there already is not unpacked again" {
	layers_of plain
	make docker image.tar web:1 plain.tar
	run transfer load --input image.tar
	local before=$output inode

	inode=$(stat -c %i "$(layer)/etc/hello")
	run transfer load --input image.tar
	assert_success
	assert_output "$before"
	assert_equal "$(stat -c %i "$(layer)/etc/hello")" "$inode"
}

@test "import applies Docker's changes and keeps the message" {
	layers_of plain
	run transfer import --message 'from a pipe' --change 'CMD ["/bin/sh", "-i"]' \
		--change 'entrypoint echo hi' --change 'ENV A=1 B="two words"' --change 'ENV A 3' \
		--change 'EXPOSE 80 53/udp 7000-7001' --change 'LABEL a.b="c d"' --change 'USER www' \
		--change 'VOLUME /data /more' --change 'WORKDIR /srv' --change 'WORKDIR web' \
		--change 'STOPSIGNAL SIGINT' --change 'HEALTHCHECK --retries=2 CMD true' --change 'ONBUILD RUN x' \
		- <plain.tar
	assert_success
	id=$(jq -r '.images[0].id' <<<"$output")
	assert_equal "$(jq -cS .config "$ROOT/blobs/sha256/${id#*:}")" "$(jq -cS . <<-'END'
		{"Cmd": ["/bin/sh", "-i"], "Entrypoint": ["/bin/sh", "-c", "echo hi"],
		 "Env": ["A=3", "B=two words"], "User": "www", "WorkingDir": "/srv/web",
		 "ExposedPorts": {"80/tcp": {}, "53/udp": {}, "7000/tcp": {}, "7001/tcp": {}},
		 "Labels": {"a.b": "c d"}, "Volumes": {"/data": {}, "/more": {}}, "StopSignal": "SIGINT",
		 "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Retries": 2}, "OnBuild": ["RUN x"]}
	END
	)"
	assert_equal "$(jq -r .comment "$ROOT/blobs/sha256/${id#*:}")" "from a pipe"
	run transfer import --change 'RUN rm -rf /' plain.tar
	assert_failure 1
	assert_output --partial "RUN is not a valid change command"
}

# A small system with all that an archive can say.
make_tree()
{
	local long

	long=$(printf 'l%.0s' {1..200})
	mkdir -p usr/bin etc "$long/$long" unreadable old
	ln -s usr/bin bin
	echo tool >usr/bin/tool
	chmod 6755 usr/bin/tool
	ln usr/bin/tool usr/bin/same
	ln -s /etc/passwd etc/link
	ln -P etc/link etc/link-again
	truncate -s 40M sparse
	echo middle | dd of=sparse bs=1 seek=20000000 conv=notrunc status=none
	truncate -s 10M all-hole
	echo x >"$long/$long/$long"
	echo x >$'\xff not UTF-8'
	echo x >$'e\xcc\x81 not normalized'
	mkfifo -m 0620 fifo
	setfattr -n user.note -v 'a b' usr/bin/tool
	setfattr -n user.note -v c etc
	cp /bin/true usr/bin/raw
	setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 usr/bin/raw
	chown 1000:2000 etc/link usr/bin/raw old
	chgrp 42 sparse etc # the group alone
	chmod 1777 old
	chmod 0 unreadable
	touch -d '2001-02-03 04:05:06.123456789' usr/bin/tool
	touch -h -d '2002-02-03 04:05:06.5' bin
	touch -d '1999-01-01 00:00:00.25' old .
}

@test "a tree with everything in it arrives as GNU tar unpacks it" {
	local format

	mkdir tree
	(cd tree && make_tree)
	for format in pax gnu; do
		local -a options=(--sparse "--format=$format")

		[ "$format" != pax ] || options+=(--xattrs "--xattrs-include=*")
		tar -C tree "${options[@]}" -cf "$format.tar" .
		mkdir "by-$format"
		tar -C "by-$format" --xattrs --xattrs-include='*' --numeric-owner -xpf "$format.tar"
		run transfer import "$format.tar"
		assert_success
		diff <(make list "by-$format") <(make list "$(layer)")
	done
}

@test "a second layer that deletes, replaces and adds gives overlayfs what it needs" {
	layers_of plain second
	make docker image.tar web:1 plain.tar second.tar
	run transfer load --input image.tar
	assert_success
	assert_equal "$(stat -c '%F %t:%T' "$(layer 1)/etc/hello")" "character special file 0:0"
	assert_equal "$(getfattr --only-values -n trusted.overlay.opaque "$(layer 1)/bin")" y
	[ ! -e "$(layer 1)/etc/.wh.hello" ]
	[ ! -e "$(layer 1)/bin/.wh..wh..opq" ]
	mkdir seen
	mount -t overlay overlay -o "lowerdir=$(layer 1):$(layer 0)" seen
	run -0 find seen -type f -printf '%P\n'
	umount seen
	assert_equal "$(sort <<<"$output")" "$(printf 'bin/other\netc/new')"
}

# What a package manager and an administrator do to a system, and what no tar of ours was made for.
change_system()
{
	rm -r usr/share/doc usr/share/man
	rm etc/debian_version usr/bin/tac
	rm -r usr/share/bash-completion && echo 'a file now' >usr/share/bash-completion
	rm etc/os-release && mkdir etc/os-release && echo x >etc/os-release/in
	rm -r etc/apt && mkdir -m 0750 etc/apt && echo new >etc/apt/only # opaque
	ln -snf /etc/hostname etc/localtime
	chmod 4711 usr/bin/env
	chown 42:43 etc/passwd usr/share/perl5
	mv usr/bin/sort usr/bin/sorted
	ln usr/bin/wc usr/bin/wc-again
	setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 usr/bin/id
	setfattr -n user.note -v 'of the second layer' etc/group
	echo more >>etc/shells
	mkdir added && (cd added && make_tree)
}

# layer_of UPPER FILE: overlayfs's upper folder as a layer's tar, by GNU tar.
layer_of()
{
	local upper=$1 name

	(cd "$upper" && find . -mindepth 1 -type c -printf '%P\n') >gone
	mkdir marks
	while read -r name; do
		mkdir -p "marks/$(dirname "$name")"
		: >"marks/$(dirname "$name")/.wh.$(basename "$name")"
	done <gone
	getfattr -Rhd -m '^trusted.overlay.opaque$' --absolute-names "$upper" 2>/dev/null |
		sed -n "s|^# file: $upper/||p" >opaque
	while read -r name; do
		mkdir -p "marks/$name"
		: >"marks/$name/.wh..wh..opq"
	done <opaque
	[ -s gone ]
	[ -s opaque ]
	tar -C "$upper" --format=pax --sparse --xattrs --xattrs-include='*' --xattrs-exclude='trusted.*' \
		--exclude-from=<(sed 's|^|./|' gone) --anchored --no-wildcards -cf "$2" .
	(cd marks && find . -type f) | tar -C marks --no-recursion -T - -rf "$2"
}

@test "a real Debian, and a layer of changes to it, arrive as GNU tar and the kernel have them" {
	local debian

	debian=$(debian_tar)
	mkdir tree seen
	tar -C tree --xattrs --xattrs-include='*' --numeric-owner --exclude='./dev/*' -xpf "$debian"
	mkdir -m 0755 upper work
	mount -t overlay overlay -o "lowerdir=tree,upperdir=upper,workdir=work" seen
	(cd seen && change_system)
	layer_of "$PWD/upper" second.tar
	make docker image.tar debian:changed "$debian" second.tar
	run transfer load --input image.tar
	assert_success
	# device nodes are left out, and /proc and the like are empty in both
	diff <(make list tree | grep -v '^dev') <(make list "$(layer)" | grep -v '^dev')
	make list seen | grep -v '^dev' >wanted
	umount seen
	mount -t overlay overlay -o "lowerdir=$(layer 1):$(layer 0)" seen
	make list seen | grep -v '^dev' >is
	umount seen
	diff wanted is
	[ "$(wc -l <is)" -gt 3000 ]
}

# --- names that lead out (M1 to M5) -------------------------------------------------------------

@test "a name with .. is refused" {
	refuses dotdot 'entry ../../canary: its name has a ".." component'
	refuses inner-dotdot '".." component'
	refuses dot-dotdot '".." component'
}

@test "an absolute name is taken without its slash" {
	takes absolute
	assert_equal "$(cat "$(layer)/abs/canary")" inside
}

@test "an empty name, and a root that is no folder, are refused" {
	refuses no-name "no name"
	refuses root-as-file "root can only be a folder"
	refuses root-as-link "root can only be a folder"
	refuses root-as-hardlink "root can only be a folder"
}

@test "a path through a link of the same layer ends within the layer" {
	takes link-then-below
	[ -f "$(layer)/canary-dir/x" ]
	takes link-out-then-below
	[ -f "$(layer)/canary" ]
	takes usrmerge
	assert_equal "$(cat "$(layer)/usr/bin/tool")" tool
	[ -L "$(layer)/bin" ]
}

@test "a path through a link that leads nowhere is refused" {
	refuses dangling-link-then-below "entry d/x: its folder d leads through something"
}

@test "a layer never follows a link of the layer below" {
	cp "$ARCHIVES/link-then-below.tar" one.tar
	python3 - <<-'END'
		import tarfile
		with tarfile.open("one.tar") as one:
		    for name, member in (("link.tar", "d"), ("file.tar", "d/x")):
		        member = one.getmember(member)
		        with tarfile.open(name, "w") as out:
		            out.addfile(member, one.extractfile(member) if member.isfile() else None)
	END
	make docker image.tar web:1 link.tar file.tar
	run transfer load --input image.tar
	assert_success
	[ -d "$(layer 1)/d" ]
	[ ! -L "$(layer 1)/d" ]
	canaries_hold
}

@test "a hard link reaches only files that the layer has" {
	refuses hardlink-out "outside of the layer"
	refuses hardlink-host "which the layer does not have"
	refuses hardlink-forward "which the layer does not have"
	refuses hardlink-self "which the layer does not have"
	refuses hardlink-folder "a hard link to the folder d"
	refuses hardlink-through-link "leads through something that is no folder of the layer"
}

@test "a hard link to a symbolic link is a second name of the link" {
	takes hardlink-to-link
	assert_equal "$(stat -c '%F %h' "$(layer)/h")" "symbolic link 2"
}

@test "a file written again is a new file, and its old hard link keeps the old content" {
	takes rewritten
	assert_equal "$(cat "$(layer)/a" "$(layer)/b")" "$(printf 'second\nfirst')"
}

# --- types, whiteouts, attributes (M6 to M12, M16) ----------------------------------------------

@test "device nodes are left out, 0:0 too" {
	takes devices
	assert_equal "$(jq '.images[0].layers[0].skipped_devices' <<<"$output")" 3
	assert_equal "$(find "$(layer)" -type b -o -type c)" ""
	assert_equal "$(cat "$(layer)/ok")" ok
}

@test "a FIFO keeps its mode and its owner" {
	takes fifo
	assert_equal "$(stat -c '%F %a %u:%g' "$(layer)/pipe")" "fifo 620 5:6"
}

@test "of an unknown type is a file, as POSIX says, but no part of another archive" {
	refuses multi-volume "entry odd: it is of an unknown type"
	takes unknown-type
	assert_equal "$(cat "$(layer)/odd")" data
}

@test "a whiteout of no name is refused" {
	refuses whiteout-empty "a whiteout of no name"
	refuses whiteout-dot "a whiteout of no name"
	refuses whiteout-dotdot "a whiteout of no name"
	refuses whiteout-folder "a whiteout is no folder"
	refuses whiteout-below "a whiteout is no folder"
	refuses whiteout-in-dotdot "a whiteout is no folder"
}

@test "an opaque root hides all layers below, whatever the order in the archive" {
	layers_of plain opaque-root
	make docker image.tar web:1 plain.tar opaque-root.tar
	run transfer load --input image.tar
	assert_success
	assert_equal "$(jq -r '.images[0].layers[].diff_id' <<<"$output")" \
		"sha256:$(sha256sum <opaque-root.tar | cut -c -64)"
	local before=$output

	run transfer load --input image.tar
	assert_output "$before"
	takes opaque-after
	assert_equal "$(getfattr --only-values -n trusted.overlay.opaque "$(layer)/etc")" y
	assert_equal "$(cat "$(layer)/etc/new")" n
}

@test "a whiteout leaves alone what its own layer brings" {
	takes whiteout-own
	assert_equal "$(cat "$(layer)/etc/new")" n
	[ -c "$(layer)/etc/ghost" ]
	[ -d "$(layer)/dir" ]
	assert_equal "$(getfattr --only-values -n trusted.overlay.opaque "$(layer)/dir")" y
}

@test "a whiteout through a link stays within the layer" {
	takes whiteout-through-link
	[ -c "$(layer)/etc/shadow" ]
	[ -f /etc/shadow ]
}

@test "AUFS's own files are left out" {
	takes aufs
	assert_equal "$(find "$(layer)" -name '.wh*')" ""
}

@test "of extended attributes an image sets only user's and file capabilities" {
	refuses bad-capability "entry f: its security.capability has 7 bytes"
	takes xattrs
	assert_equal "$(getfattr -d -m - "$(layer)/f" 2>/dev/null | grep -v '^#')" 'user.kept="yes"'
	assert_equal "$(getfattr -m - "$(layer)/d" 2>/dev/null)" ""
	getfattr -e hex -n security.capability "$(layer)/cap2" "$(layer)/cap3" 2>/dev/null |
		grep -c =0x0100000200200000000000000000000000000000 | grep -qx 2
	assert_equal "$(getfattr --only-values -n trusted.cloche.size "$(layer)")" 3
}

@test "of two entries of one name the last wins, and never through a link" {
	takes twice
	cd "$(layer)"
	assert_equal "$(cat f g)" "$(printf 'two\nfile')"
	[ -f a/b ]
	[ -L c ]
	[ -d s ]
	[ ! -L s ]
	[ -f s/in ]
	[ ! -e canary-dir ]
	cd "$BATS_TEST_TMPDIR"
	takes rootfs-link
	[ -L "$(layer)/rootfs" ]
	assert_equal "$(cat "$(layer)/canary")" x
}

@test "names that no folder could be cleaned of are refused" {
	refuses name-256 "component over 255 bytes"
	refuses deep "512 components"
	refuses deep-by-links "512 levels"
	refuses bad-owner "is no id of Linux"
}

@test "an error shows no control characters of an archive" {
	refuses terminal 'a\x1b[31m\x0ab/..'
}

# --- damage (M17, M18, M22, M23) ----------------------------------------------------------------

@test "what is not what its digest names is refused" {
	local name

	refuses_image wrong-layer "damaged or forged"
	refuses_image wrong-oci-layer "damaged or forged"
	refuses_image wrong-config "damaged or forged"
	refuses_image wrong-diff-id "damaged or forged"
	refuses_image wrong-size "bytes, not 3 as its descriptor says"
	layers_of plain
	gzip plain.tar
	for name in wrong-oci-layer wrong-diff-id; do
		make "image-$name" image.tar plain.tar.gz
		run transfer load --input image.tar
		refused "damaged or forged"
	done
}

@test "digests of another form are refused" {
	refuses_image md5 "only sha256 is supported"
	refuses_image short-digest "invalid digest sha256:00"
	refuses_image digest-path "invalid digest"
}

@test "a bomb ends at the limit" {
	make bomb bomb.tar.gz
	run transfer import --limit-bytes 100m bomb.tar.gz
	refused "unpacks to more than 104857600 bytes"
	make docker image.tar web:1 bomb.tar.gz
	run transfer load --limit-bytes 100m --input image.tar
	refused "unpacks to more than 104857600 bytes"
	CLOCHE_UNPACK_LIMIT=100m run transfer load <bomb.tar.gz
	refused "unpacks to more than 104857600 bytes"
	refuses huge-sparse "entry f"
}

@test "an archive that is cut short or damaged is refused" {
	local name

	refuses not-a-tar "it is no tar archive"
	refuses empty "it is no tar archive"
	refuses bad-checksum "its first header is damaged"
	layers_of plain cut cut-at-header
	run transfer import cut.tar
	refused "the tar archive is damaged"
	run transfer import cut-at-header.tar
	refused "cut short"
	gzip -k plain.tar
	zstd -q plain.tar
	xz -k plain.tar
	for name in gz zst xz; do
		head -c -20 "plain.tar.$name" >"cut.$name"
		run transfer import "cut.$name"
		refused "import cut.$name"
		(cat "plain.tar.$name" && echo garbage) >"longer.$name"
		[ "$name" = xz ] || { # libarchive ends where xz says
			run transfer import "longer.$name"
			refused "import longer.$name"
		}
	done
	python3 - <<-'END'
		d = bytearray(open('plain.tar.gz', 'rb').read())
		d[60] ^= 4
		open('flipped.gz', 'wb').write(d)
	END
	run transfer import flipped.gz
	refused "the gzip data is damaged"
	head -c 1500 "$ARCHIVES/plain.docker.tar" >cut-image.tar
	run transfer load --input cut-image.tar
	refused "damaged"
}

# --- documents (M19 to M21, M28 to M30) ---------------------------------------------------------

@test "documents that say two things, or too much, are refused" {
	refuses_image manifest-and-index "a manifest and an index at once"
	refuses_image index-in-index "there is no image for linux/"
	refuses_image encrypted "not a tar"
	refuses_image fewer-layers "it has 0 layers, but its configuration names 1"
	refuses_image deep-json "nested more than 64 deep"
	refuses_image big-json "larger than 4194304 bytes"
	refuses_image double-key "duplicate object key"
	refuses_image no-manifest "no archive of images"
	refuses_image foreign "there is no image for linux/"
}

@test "a configuration or a name of the wrong form is refused" {
	refuses_image bad-entrypoint "config.Entrypoint is not a list"
	refuses_image bad-volume "config.Volumes"
	refuses_image bad-name "invalid reference format"
}

@test "an archive's list reaches only its own files" {
	refuses_image layer-outside '"../../canary" is outside of the archive'
	refuses_image layer-absolute '"/etc/shadow" is outside of the archive'
	refuses_image layer-link-out "is a link to something that is no file of the archive"
	refuses_image layer-link-host "is a link to something that is no file of the archive"
	refuses_image config-link "is a link to something that is no file of the archive"
	refuses_image disagree "which index.json does not have"
}

@test "a layout folder's links are not followed" {
	layers_of plain
	mkdir folder
	make oci folder web:1 plain.tar
	blob=folder/blobs/sha256/$(sha256sum <plain.tar | cut -c -64)
	mv "$blob" elsewhere
	ln -s "$PWD/elsewhere" "$blob"
	run transfer load --input folder
	refused "blobs/sha256/"
	rm "$blob"
	mkfifo "$blob"
	run transfer load --input folder
	refused "no regular file"
}

# --- the store ----------------------------------------------------------------------------------

# The workers of an import that takes a second or so, once something is unpacked: they are held. One that ended before we saw it is made again.
import_held()
{
	python3 - <<-'END'
		import tarfile
		with open("many.tar", "wb") as out:
		    for i in range(60000):
		        out.write(tarfile.TarInfo(f"file{i}").tobuf(tarfile.USTAR_FORMAT))
		    out.write(bytes(1024))
	END
	pid=
	until_true 20 unpacking_held
}

unpacking_held()
{
	if [ -z "$pid" ] || has_ended "$pid"; then
		rm -rf "${ROOT:?}"/*
		"$CLOCHE_TRANSFER" import --root "$ROOT" many.tar >/dev/null 2>&1 3>&- &
		pid=$!
	fi
	workers=$(pgrep -P "$pid" cloche-worker) && find "$ROOT/tmp" -path '*layer-import*/file1' | grep -q . || return
	# shellcheck disable=SC2086 # two numbers
	kill -STOP $workers 2>/dev/null || return
	for worker in $workers; do
		# shellcheck disable=SC2086
		grep -q '^State:.T' "/proc/$worker/status" 2>/dev/null || { kill -CONT $workers || :; return 1; }
	done
}

@test "a run that is killed leaves only its folder in tmp, which the next run removes" {
	import_held
	kill -KILL "$pid"
	wait "$pid" || :
	for worker in $workers; do
		until_true 20 test ! -e "/proc/$worker"
	done
	[ -n "$(ls -A "$ROOT/tmp")" ]
	[ ! -e "$ROOT/layers" ]
	layers_of plain
	run transfer import plain.tar
	assert_success
	assert_equal "$(ls -A "$ROOT/tmp")" ""
}

@test "two runs at once do not take each other's folders, and store a layer once" {
	layers_of plain
	make docker image.tar web:1 plain.tar
	mkfifo pipe
	"$CLOCHE_TRANSFER" load --root "$ROOT" <pipe >first.json 2>first.err 3>&- &
	pid=$!
	exec 8>pipe
	head -c 1000 image.tar >&8
	run transfer load --input image.tar
	assert_success
	tail -c +1001 image.tar >&8
	exec 8>&-
	wait "$pid"
	assert_equal "$(cat first.json)" "$output"
	assert_equal "$(find "$ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" 1
}

@test "a data root that others can enter is refused" {
	layers_of plain
	chmod 0711 "$ROOT"
	run transfer import plain.tar
	assert_failure 1
	assert_output --partial "can be entered by others"
}

@test "who reads an archive has no network, few capabilities, no new privileges, and a filter" {
	import_held
	for worker in $workers; do
		grep -qx 'Seccomp:.2' "/proc/$worker/status"
		grep -qx 'NoNewPrivs:.1' "/proc/$worker/status"
		[ "$(readlink "/proc/$worker/ns/net")" != "$(readlink /proc/self/ns/net)" ]
		[[ $(readlink "/proc/$worker/root") == "$ROOT"/tmp/* ]]
		# CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SETFCAP
		caps=$((16#$(awk '$1 == "CapPrm:" { print $2 }' "/proc/$worker/status")))
		[ $((caps & ~(1 | 2 | 8 | 16 | 1 << 31))) -eq 0 ]
		assert_equal "$(awk '$1 == "CapBnd:" { print $2 }' "/proc/$worker/status")" 0000000000000000
	done
	# one that is ended from outside is an error
	# shellcheck disable=SC2086
	kill -KILL $workers
	run ! wait "$pid"
	[ ! -e "$ROOT/layers" ]
}
