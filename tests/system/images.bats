#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# load, import, images, rmi, tag, image inspect, run --rootfs: what a user types, what Docker would say.

load helper

setup_file()
{
	cloche_setup_file
	cd "$BATS_FILE_TMPDIR" || return
	busybox_tree tree
	tar -C tree -cf busybox.tar .
	make plain plain.tar
	make absolute more.tar
	make docker docker.tar web:1 busybox.tar plain.tar
	make oci oci.tar me/web:2 busybox.tar more.tar
}

setup()
{
	cloche_setup
	ARCHIVES=$BATS_FILE_TMPDIR
	# shellcheck disable=SC2046 # a list of ids
	cloche rm -f $(cloche ps -aq) >/dev/null 2>&1 || :
	cloche images -aq | sort -u | xargs -r "$CLOCHE" rmi -f >/dev/null
}

make() { python3 "$BATS_TEST_DIRNAME/make_archive.py" "$@"; }

# busybox_tree DIR: a root file system of one program.
busybox_tree()
{
	mkdir -p "$1"/{bin,etc,tmp,root}
	cp "$(command -v busybox)" "$1/bin/busybox"
	ln -s busybox "$1/bin/sh"
	"$1/bin/busybox" --list | sed 's/.*/\/bin\/&/' | grep -vE '/(busybox|sh)$' |
		while read -r name; do ln "$1/bin/busybox" "$1$name"; done
	echo 'root:x:0:0::/root:/bin/sh' >"$1/etc/passwd"
}

# names: REPOSITORY:TAG of all images, sorted.
names() { cloche images --format '{{.Repository}}:{{.Tag}}' | sort | paste -sd ' '; }
id_of() { cloche image inspect -f '{{.Id}}' "$1"; }
no_sweep() { [ -z "$(ls -A "$CLOCHE_ROOT/trash" 2>/dev/null)" ]; }

@test "load takes an archive from a file, from a pipe, and packed, and a folder; run runs it" {
	local packed

	run -0 cloche load -i "$ARCHIVES/docker.tar"
	assert_output "Loaded image: web:1"
	run -0 cloche run --rm --network none web:1 cat /etc/hello
	assert_output hello
	for packed in cat 'gzip -c' 'zstd -qc'; do
		cloche rmi me/web:2 2>/dev/null || :
		run -0 sh -c "$packed '$ARCHIVES/oci.tar' | '$CLOCHE' load"
		assert_output "Loaded image: me/web:2"
		run -0 cloche run --rm --network none me/web:2 cat /abs/canary
		assert_output inside
	done
	mkdir folder
	tar -C folder -xf "$ARCHIVES/oci.tar"
	cloche rmi me/web:2
	run -0 cloche load --quiet --input folder
	assert_output "Loaded image: me/web:2"
	run -0 cloche image load <"$ARCHIVES/docker.tar"
	assert_output "Loaded image: web:1"
}

@test "what is no archive of images, or is not there, is said so" {
	run -1 cloche load -i /nowhere.tar
	assert_output "cloche: open /nowhere.tar: No such file or directory"
	run -1 cloche load -i "$ARCHIVES/busybox.tar"
	assert_output "cloche: load $ARCHIVES/busybox.tar: it has neither manifest.json nor index.json: no archive of images; a root file system is read by: cloche import"
	head -c 5000 /dev/urandom >noise
	run -1 cloche load -i noise
	assert_output "cloche: load noise: it is no tar archive, plain or packed by gzip, zstd, xz or bzip2, or its first header is damaged"
	head -c 100000 "$ARCHIVES/docker.tar" >cut.tar
	run -1 cloche load -i cut.tar
	assert_output --partial "damaged"
	assert_equal "$(names)" ""
	run -0 cloche system check
}

@test "a name that an archive takes from another image is told, and that image stays without one" {
	cloche load -qi "$ARCHIVES/docker.tar"
	cloche tag web:1 me/web:2
	local id

	id=$(id_of web:1)
	cloche rmi web:1
	run -0 cloche load -i "$ARCHIVES/oci.tar"
	assert_equal "${lines[0]}" "The image me/web:2 already exists, renaming the old one with ID $id to empty string"
	assert_equal "${lines[1]}" "Loaded image: me/web:2"
	assert_equal "$(names)" "<none>:<none> me/web:2"
	assert_equal "$(cloche images -q --no-trunc -f dangling=true)" "$id"
	run -0 cloche rmi "$(cloche images -qf dangling=true)"
	assert_line "Deleted: $id"
}

@test "import reads a file and a pipe, and gives the image a name" {
	run -0 cloche import --change 'CMD ["/bin/echo", "hi"]' -m 'made by hand' "$ARCHIVES/busybox.tar" mine
	assert_output --regexp '^sha256:[0-9a-f]{64}$'
	assert_equal "$(id_of mine)" "$output"
	run -0 cloche run --rm --network none mine
	assert_output hi
	run -0 sh -c "gzip -c '$ARCHIVES/busybox.tar' | '$CLOCHE' import - piped:3"
	run -0 cloche run --rm --network none piped:3 echo from a pipe
	assert_output "from a pipe"
	assert_equal "$(names)" "mine:latest piped:3"
	assert_equal "$(cloche image inspect -f '{{.Comment}}' mine)" "made by hand"
	assert_equal "$(cloche image inspect -f '{{json .RootFS.Layers}}' mine)" \
		"[\"sha256:$(sha256sum <"$ARCHIVES/busybox.tar" | cut -c -64)\"]"
	run -1 cloche import "$ARCHIVES/busybox.tar" UPPER
	assert_output --partial "must be lowercase"
	run -1 cloche import /nowhere.tar
	assert_output "cloche: open /nowhere.tar: No such file or directory"
}

@test "images shows Docker's table, and filters" {
	cloche load -qi "$ARCHIVES/docker.tar"
	cloche load -qi "$ARCHIVES/oci.tar"
	run -0 cloche images
	assert_equal "$(tr -s ' ' <<<"${lines[0]}")" "REPOSITORY TAG IMAGE ID CREATED SIZE"
	assert_equal "${#lines[@]}" 3
	run -0 cloche images me/web
	assert_equal "${#lines[@]}" 2
	assert_output --regexp 'me/web +2 +[0-9a-f]{12} .*[0-9.]+MB'
	run -0 cloche images -q me/web:2
	assert_equal "sha256:$output" "$(id_of me/web:2 | cut -c -19)"
	run -0 cloche images --no-trunc -q web
	assert_output "$(id_of web:1)"
	run -0 cloche images --format '{{.Repository}} {{.Tag}} {{.ID}}' --filter reference=web
	assert_output "web 1 $(id_of web:1 | cut -c 8-19)"
	run -0 cloche images -q nosuch
	assert_output ""
	run -1 cloche images -f color=red
	assert_output --partial "invalid filter 'color"
}

@test "tag gives another name, moves one, and refuses what is none" {
	cloche load -qi "$ARCHIVES/docker.tar"
	cloche load -qi "$ARCHIVES/oci.tar"
	run -0 cloche tag web:1 registry.example:5000/a/b:c
	run -0 cloche tag "$(id_of web:1)" again
	assert_equal "$(id_of again:latest)" "$(id_of web:1)"
	run -0 cloche tag me/web:2 again
	assert_equal "$(id_of again)" "$(id_of me/web:2)"
	run -1 cloche tag nosuch x
	assert_output --partial "No such image: nosuch:latest"
	run -1 cloche tag web:1 'a//b'
	assert_output --partial "invalid reference format"
	run -1 cloche tag web:1 "x@sha256:$(printf '0%.0s' {1..64})"
	assert_output --partial "refusing to create a tag with a digest reference"
	run cloche tag web:1
	assert_failure
	assert_output --partial "requires"
	assert_equal "$(names)" "again:latest me/web:2 registry.example:5000/a/b:c web:1"
}

@test "image inspect shows Docker's structure" {
	cloche import "$ARCHIVES/busybox.tar" web:1
	run -0 cloche image inspect web:1
	jq -e '.[0] | (.Id | startswith("sha256:")) and .RepoTags == ["web:1"] and .Os == "linux"
		and (.RootFS.Layers | length) == 1 and .RootFS.Type == "layers" and (.Size > 0)
		and (.Architecture | length > 0) and (.Created | length > 0) and (.Config | type == "object")
		and .GraphDriver.Name == "overlay"' <<<"$output"
	run -0 cloche inspect --type image -f '{{json .RepoTags}}' "$(id_of web:1 | cut -c 8-20)"
	assert_output '["web:1"]'
	run -1 cloche image inspect nosuch
	assert_equal "${lines[0]}" "[]"
	assert_equal "${lines[1]%%;*}" "cloche: No such image: nosuch:latest"
	run -1 cloche image inspect -f '{{.Id}}' web:1 nosuch:3
	assert_line "$(id_of web:1)"
	assert_output --partial "No such image: nosuch:3"
}

@test "rmi untags while there are other names, then deletes" {
	local id files

	cloche load -qi "$ARCHIVES/docker.tar"
	cloche tag web:1 other:2
	id=$(id_of web:1)
	run -0 cloche rmi web:1
	assert_output "Untagged: web:1"
	run -0 cloche rmi other:2
	assert_equal "${lines[0]}" "Untagged: other:2"
	assert_equal "${lines[1]}" "Deleted: $id"
	assert_equal "${#lines[@]}" 4
	files=$(find "$CLOCHE_ROOT/layers" "$CLOCHE_ROOT/blobs" -mindepth 1 ! -name sha256)
	assert_equal "$files" ""
	until_true 10 no_sweep
	run -1 cloche rmi web:1
	assert_output --partial "No such image: web:1"
	cloche load -qi "$ARCHIVES/docker.tar"
	run -1 cloche rmi nosuch web:1
	assert_line "Untagged: web:1"
	assert_equal "$(names)" ""
}

# The process that deletes, by where it is and what it is called.
sweeper()
{
	local folder

	for folder in /proc/[0-9]*; do
		[ "$(readlink "$folder/cwd" 2>/dev/null)" != "$CLOCHE_ROOT" ] || [ "$(cat "$folder/comm" 2>/dev/null)" != cloche-sweep ] || echo "${folder#/proc/}"
	done
}
swept_by() { SWEEPER=$(sweeper) && [ "$(wc -w <<<"$SWEEPER")" = 1 ]; }

@test "rmi puts layers out of the way, and an idle process that it does not wait for deletes them" {
	cloche load -qi "$ARCHIVES/docker.tar"
	cloche load -qi "$ARCHIVES/oci.tar"
	cloche rmi web:1 >/dev/null # the trash is there
	until_true 20 no_sweep
	exec 8<"$CLOCHE_ROOT/trash"
	flock --shared 8 # it takes turns with others that delete
	run -0 cloche rmi me/web:2 8<&-
	assert_line "Untagged: me/web:2"
	assert_equal "$(find "$CLOCHE_ROOT/layers" -mindepth 1)" ""
	until_true 20 swept_by
	until_true 20 sh -c "ionice -p $SWEEPER | grep -qx idle" # its last step before the first file
	assert_equal "$(ps -o ni= -p "$SWEEPER" | tr -d ' ')" 19
	run -1 no_sweep
	exec 8<&-
	until_true 20 no_sweep
}

@test "a layer that another image has stays when one image goes" {
	cloche load -qi "$ARCHIVES/docker.tar"
	cloche load -qi "$ARCHIVES/oci.tar"
	run -0 cloche rmi web:1
	assert_equal "$(grep -c Deleted: <<<"$output")" 2 # the image, and "plain"
	run -0 cloche run --rm --network none me/web:2 cat /abs/canary
	assert_output inside
}

@test "an image with several names goes by id only when forced" {
	local id

	cloche load -qi "$ARCHIVES/docker.tar"
	cloche tag web:1 other:2
	id=$(id_of web:1)
	run -1 cloche rmi "$id"
	assert_output "cloche: conflict: unable to delete ${id:7:12} (must be forced) - image is referenced in multiple repositories"
	run -0 cloche rmi -f "${id:7:12}"
	assert_line "Untagged: other:2"
	assert_line "Untagged: web:1"
	assert_line "Deleted: $id"
}

@test "an image that a container uses stays: the words are Docker's" {
	local id user

	cloche load -qi "$ARCHIVES/docker.tar"
	id=$(id_of web:1)
	user=$(cloche run -d --network none web:1 sleep 600)
	run -1 cloche rmi web:1
	assert_output "cloche: conflict: unable to remove repository reference \"web:1\" (must force) - container ${user:0:12} is using its referenced image ${id:7:12}"
	run -1 cloche rmi -f "$id"
	assert_output "cloche: conflict: unable to delete ${id:7:12} (cannot be forced) - image is being used by running container ${user:0:12}"
	cloche kill "$user" >/dev/null
	cloche wait "$user" >/dev/null
	run -1 cloche rmi "$id"
	assert_output "cloche: conflict: unable to delete ${id:7:12} (must be forced) - image is being used by stopped container ${user:0:12}"
	run -0 cloche rmi -f web:1
	assert_output "Untagged: web:1"
	assert_equal "$(names)" "<none>:<none>"
	run -1 cloche rmi -f "$id"
	assert_output --partial "image is being used by stopped container ${user:0:12}; its layers are the container's: remove it first"
	run -0 cloche start -a "$user" &
	until_true 20 sh -c "[ \"\$('$CLOCHE' inspect -f '{{.State.Running}}' $user)\" = true ]"
	cloche rm -f "$user" >/dev/null
	run -0 cloche rmi "$id"
	assert_line "Deleted: $id"
	wait
}

# --- --rootfs -----------------------------------------------------------------------------------

@test "--rootfs DIR is read only underneath: what the container writes stays its own" {
	cp -a "$ARCHIVES/tree" root
	find root | sort | md5sum >before
	run -0 cloche run --network none --name writer --rootfs root sh -c 'echo x >/made; rm -f /etc/passwd; cat /made; id -u'
	assert_output "$(printf 'x\n0')"
	find root | sort | md5sum | diff before -
	run -0 cloche start -a writer
	assert_output "x
0"
	cloche rm writer
	# files of the folder keep their owners inside
	chown 5:6 root/etc/passwd
	run -0 cloche run --rm --network none --rootfs root stat -c %u:%g /etc/passwd
	assert_output 5:6
}

@test "--rootfs DIR:rw writes in place" {
	mkdir -m 0700 closed
	cp -a "$ARCHIVES/tree" closed/root
	run -0 cloche run --rm --network none --rootfs closed/root:rw sh -c 'echo in place >/made; chown 5:6 /made; stat -c %u:%g /made'
	assert_output 5:6
	assert_equal "$(cat closed/root/made)" "in place"
	assert_equal "$(stat -c %u:%g closed/root/made)" 5:6
}

@test "--rootfs DIR:rw is refused where host users could reach the container's set-uid files" {
	local open

	open=$(mktemp -d /var/tmp/cloche-open.XXXX)
	chmod 0755 "$open"
	cp -a "$ARCHIVES/tree" "$open/root"
	run cloche run --rm --network none --rootfs "$open/root:rw" true
	rm -rf "$open"
	assert_failure 125
	assert_output --partial "host users"
}

@test "--rootfs of what is no folder is refused with the reason" {
	run -125 cloche run --rm --network none --rootfs /nowhere true
	assert_output --partial "/nowhere: No such file or directory"
	run -125 cloche run --rm --network none --rootfs /etc/passwd true
	assert_output --partial "is not a folder"
}

# --- killed at any point ------------------------------------------------------------------------

# What a kill left is found in plain words, repaired, and the same command then succeeds.
@test "a load or import that is killed leaves nothing half visible, and the next one succeeds" {
	skip_unless_hooks
	local point

	for point in image-files-stored image-recorded; do
		CLOCHE_KILL_POINT=$point run -137 cloche load -i "$ARCHIVES/docker.tar"
		if [ "$point" = image-files-stored ]; then
			assert_equal "$(names)" ""
			run -1 cloche system check
			assert_output --partial "a file that no image has"
			run -0 cloche system check --repair
		else
			run -0 cloche run --rm --network none web:1 cat /etc/hello
		fi
		run -0 cloche system check
		run -0 cloche load -i "$ARCHIVES/docker.tar"
		run -0 cloche run --rm --network none web:1 cat /etc/hello
		assert_output hello
		cloche rmi web:1 >/dev/null
	done
}

@test "an rmi that is killed leaves a whole image or none, and its files are found and swept" {
	skip_unless_hooks
	local point

	for point in rmi-before-commit rmi-committed rmi-in-trash; do
		cloche load -qi "$ARCHIVES/docker.tar"
		until_true 10 no_sweep
		CLOCHE_KILL_POINT=$point run -137 cloche rmi web:1
		if [ "$point" = rmi-before-commit ]; then
			run -0 cloche run --rm --network none web:1 cat /etc/hello
			run -0 cloche system check
			cloche rmi web:1
			continue
		fi
		assert_equal "$(names)" ""
		run -1 cloche system check
		run -0 cloche system check --repair
		assert_output --partial "repaired"
		run -0 cloche system check
		assert_equal "$(find "$CLOCHE_ROOT/layers" "$CLOCHE_ROOT/blobs" "$CLOCHE_ROOT/trash" -mindepth 1 ! -name sha256)" ""
	done
}

# kill -9 of the transfer itself, its children with it, at bytes of the archive that the pipe has let through.
@test "the transfer killed at many places of its input leaves no image, and the store is whole" {
	local size at pid part

	size=$(stat -c %s "$ARCHIVES/docker.tar")
	mkfifo pipe
	for at in 1 700 2000 $((size / 3)) $((size / 2)) $((size - 10000)) $((size - 600)); do
		"$CLOCHE" load <pipe >out 2>&1 3>&- &
		pid=$!
		exec 8>pipe
		head -c "$at" "$ARCHIVES/docker.tar" >&8
		until_true 10 pgrep -P "$pid" cloche-transfer
		kill -KILL "$(pgrep -P "$pid" cloche-transfer)"
		exec 8>&-
		status=0
		wait "$pid" || status=$?
		assert_equal "$status" 1
		assert_equal "$(names)" ""
		assert_equal "$(find "$CLOCHE_ROOT/layers" -mindepth 1 2>/dev/null)" ""
	done
	run -1 cloche system check
	assert_output "tmp: work of commands that were killed"
	# and of a pull, and files whose rows never came
	(umask 0077 && mkdir -p "$CLOCHE_ROOT/parts" "$CLOCHE_ROOT/blobs/sha256")
	part=$(echo part | sha256sum | cut -c -64)
	head -c 3000000 /dev/zero >"$CLOCHE_ROOT/parts/$part"
	touch -d '-3 hours' "$CLOCHE_ROOT/parts/$part"
	head -c 1000000 /dev/zero >"$CLOCHE_ROOT/blobs/sha256/$part"
	run -0 cloche system prune -f --filter until=1h
	[ -e "$CLOCHE_ROOT/parts/$part" ]
	run -0 flock "$CLOCHE_ROOT/parts/$part" "$CLOCHE" system prune -f
	assert_line "tmp: of 1 command that was killed"
	assert_line "blobs/sha256/$part"
	[ -e "$CLOCHE_ROOT/parts/$part" ] # somebody goes on with it
	run -0 flock "$CLOCHE_ROOT/parts/$part" "$CLOCHE" system check
	refute_output --partial parts/
	run -0 cloche system check --repair # it is no fault
	assert_output "parts/$part: 3MB of a pull that was cut 3 hours ago; the next one goes on there, system prune removes it"
	run -0 cloche system prune -f
	assert_output "Deleted leftovers of interrupted work:
parts/$part

Total reclaimed space: 3MB"
	assert_equal "$(ls -A "$CLOCHE_ROOT/tmp" "$CLOCHE_ROOT/parts" "$CLOCHE_ROOT/blobs/sha256")" "$CLOCHE_ROOT/blobs/sha256:

$CLOCHE_ROOT/parts:

$CLOCHE_ROOT/tmp:"
	run -0 cloche system check
	run -0 cloche load -i "$ARCHIVES/docker.tar"
}

# Of every kind of entry one; names that come twice, or by way of a link; and what hides all below it.
odd_layers()
{
	python3 - <<-'END'
		import io, tarfile
		def make(name, *entries):
		    with tarfile.open(name, "w", format=tarfile.PAX_FORMAT) as tar:
		        for name, kind, what in entries:
		            info = tarfile.TarInfo(name)
		            info.type, info.mode, data = kind, 0o755, b""
		            if kind == tarfile.REGTYPE:
		                data = (name.encode() + b"\n") * what
		                info.size = len(data)
		            elif what:
		                info.linkname = what
		            tar.addfile(info, io.BytesIO(data))
		file, folder, link, same = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
		make("odd.tar", ("a", folder, 0), ("a/large", file, 400000), ("a/small", file, 3), ("b", link, "a"), ("b/linked", file, 900),
		     ("hard", same, "a/large"), ("n" * 200 + "/\u00e9", file, 700), ("a/.wh.gone", file, 400), ("./z//c", file, 999))
		make("twice.tar", ("x", file, 5000), ("x", file, 6000))
		make("hides.tar", (".wh..wh..opq", file, 0), ("y", file, 5000))
	END
	truncate -s 300000 sparse
	echo end >>sparse
	tar --append -Sf odd.tar sparse
}

blob_of() { echo "blobs/sha256/$(sha256sum <"$1" | cut -c -64)"; }

@test "an archive in a file is kept without what its layer has, and given again byte for byte" {
	local layer outline

	odd_layers
	python3 "$BATS_TEST_DIRNAME/make_archive.py" docker odd.docker.tar odd:1 odd.tar twice.tar
	python3 "$BATS_TEST_DIRNAME/make_archive.py" oci hides.oci.tar hides:1 odd.tar hides.tar
	run -0 cloche load -i odd.docker.tar
	outline=$CLOCHE_ROOT/outlines/$(sha256sum <odd.tar | cut -c -64)
	[ "$(stat -c %s "$outline")" -lt 60000 ]
	[ ! -e "$CLOCHE_ROOT/$(blob_of odd.tar)" ]
	cmp twice.tar "$CLOCHE_ROOT/$(blob_of twice.tar)" # what was replaced, the layer does not have
	run -0 cloche save -o saved.tar odd:1
	for layer in odd twice; do
		tar -xOf saved.tar "$(blob_of "$layer.tar")" | cmp - "$layer.tar"
	done
	# somebody touched the layer
	echo more >>"$CLOCHE_ROOT/layers/${outline##*/}/a/large"
	run -1 cloche save -o saved.tar odd:1
	assert_output --partial "build the archive sha256:${outline##*/} from its outline: a/large of the layer is not what it was"
	run -0 cloche rmi odd:1
	assert_equal "$(ls -A "$CLOCHE_ROOT/outlines")" ""
	# a layer that another hides is not kept, so that its archive is
	run -0 cloche load -i hides.oci.tar
	cmp odd.tar "$CLOCHE_ROOT/$(blob_of odd.tar)"
	[ ! -e "$outline" ]
	[ -e "$CLOCHE_ROOT/outlines/$(sha256sum <hides.tar | cut -c -64)" ]
	run -0 cloche rmi hides:1
	# one that another image has by its outline outlives that image
	run -0 cloche load -i odd.docker.tar
	run -0 cloche load -i hides.oci.tar
	run -0 cloche rmi odd:1
	run -0 cloche system check
	run -0 cloche save -o saved.tar hides:1
	tar -xOf saved.tar "$(blob_of odd.tar)" | cmp - odd.tar
	run -0 cloche rmi hides:1
	[ ! -e "$CLOCHE_ROOT/layers/${outline##*/}" ]
	assert_equal "$(ls -A "$CLOCHE_ROOT/outlines")" ""
}

@test "loads and removals of one image at once: each ends whole" {
	local i

	for i in 1 2 3 4; do
		cloche load -qi "$ARCHIVES/docker.tar" >/dev/null 2>"load-$i" 3>&- &
		cloche load -qi "$ARCHIVES/oci.tar" >/dev/null 2>>"load-$i" 3>&- &
		(cloche rmi web:1 || :) >/dev/null 2>&1 3>&- &
	done
	wait
	assert_equal "$(cat load-*)" ""
	run -0 cloche load -qi "$ARCHIVES/docker.tar"
	run -0 cloche run --rm --network none web:1 cat /etc/hello
	run -0 cloche run --rm --network none me/web:2 cat /abs/canary
	until_true 10 no_sweep
	run -0 cloche system check
}
