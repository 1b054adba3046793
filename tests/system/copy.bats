#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# cp, diff, export, commit.

# shellcheck disable=SC2016 # templates and scripts for containers have dollars of their own
load helper

setup_file()
{
	cloche_setup_file
	mkdir -p "$CLOCHE_TEST_DIR/tree/bin" "$CLOCHE_TEST_DIR/tree/etc"
	cp "$(command -v busybox)" "$CLOCHE_TEST_DIR/tree/bin/busybox"
	for name in sh sleep cat ls ln rm mkdir mv stat true; do
		ln -s busybox "$CLOCHE_TEST_DIR/tree/bin/$name"
	done
	echo root:x:0:0:root:/:/bin/sh >"$CLOCHE_TEST_DIR/tree/etc/passwd"
	tar -C "$CLOCHE_TEST_DIR/tree" -cf - . | cloche import -c 'ENV PATH=/bin' -c 'CMD ["sleep", "1000"]' - box:1
	cloche run -d --name web --network none -v data:/data box:1 >/dev/null
}

setup()
{
	cloche_setup
	mkdir -p src/d
	echo file >src/f
	chown 1000:1001 src/f
	chmod 0640 src/f
	echo below >src/d/g
	chown 5:6 src/d/g
	ln -s /etc/passwd src/l
}

inside() { cloche exec web "$@"; }

@test "cp into a running container keeps names, modes, numbers and links" {
	cloche cp src/f web:/f
	cloche cp src/d web:/new
	cloche cp src/. web:/data
	[ "$(inside stat -c '%a %u:%g' /f)" = "640 1000:1001" ]
	[ "$(inside stat -c '%u:%g' /new/g)" = "5:6" ]
	[ "$(inside cat /data/f /data/d/g)" = $'file\nbelow' ]
	[ "$(inside stat -c '%N' /data/l)" = "'/data/l' -> '/etc/passwd'" ]
	cloche cp src/d web:/data # a folder that is there: into it
	[ "$(inside cat /data/d/g)" = below ]
	echo other >src/f
	cloche cp src/f web:/data/f
	[ "$(inside cat /data/f)" = other ]
}

@test "cp out of a container gives files to the caller, and -a keeps their numbers" {
	cloche cp src/. web:/data
	cloche cp web:/data/f out1
	cloche cp -a web:/data/f out2
	cloche cp web:/data out3
	cloche cp web:/data/. out4
	[ "$(stat -c '%a %u:%g' out1)" = "640 0:0" ]
	[ "$(stat -c '%a %u:%g' out2)" = "640 1000:1001" ]
	cmp src/d/g out3/d/g
	cmp src/d/g out4/d/g
	[ "$(readlink out3/l)" = /etc/passwd ]
	mkdir there
	cloche cp web:/data there
	[ -f there/data/f ]
	cloche cp -L web:/data/l passwd
	[ "$(cat passwd)" = root:x:0:0:root:/:/bin/sh ]
	cloche cp web:/data/l link
	[ -L link ]
}

@test "cp takes and gives tar on stdin and stdout" {
	tar -C src -cf - . | cloche cp - web:/data
	[ "$(inside stat -c '%u:%g' /data/f)" = "1000:1001" ]
	[ "$(cloche cp web:/data/d - | tar tf - | paste -sd' ')" = "d/ d/g" ]
	[ "$(cloche cp web:/data/d - | tar xOf - d/g)" = below ]
	cloche cp web:/data/f - | tar tvf - --numeric-owner | grep -q '^-rw-r----- 1000/1001'
	run -1 cloche cp - web:/etc/passwd < <(tar -C src -cf - .)
	assert_output 'cloche: destination "web:/etc/passwd" must be a directory'
	run -1 cloche cp - web:/nowhere < <(tar -C src -cf - .)
	assert_output 'cloche: Could not find the file /nowhere in container web'
	run -1 cloche cp - web:/data <<<'this is no tar'
	[[ $output == *'it is no tar archive'* ]]
}

@test "cp says what is wrong in Docker's words" {
	run -1 cloche cp web:/nope x
	[[ $output == *'Could not find the file /nope in container web' ]]
	run -1 cloche cp src/nope web:/
	[[ $output == *'lstat src/nope: no such file or directory' ]]
	run -1 cloche cp src/f web:/nope/
	[[ $output == *'Could not find the file /nope/ in container web' ]]
	run -1 cloche cp src/f web:/nope/x
	run -1 cloche cp src/d web:/etc/passwd
	[[ $output == *'cannot copy directory' ]]
	run -1 cloche cp web:/etc web:/x
	[[ $output == *'copying between containers is not supported' ]]
	run -1 cloche cp src/f src/x
	[[ $output == *'must specify at least one container source' ]]
	run -1 cloche cp src/f nobody:/x
	[[ $output == *'No such container: nobody' ]]
	mkdir -p there/passwd
	run -1 cloche cp web:/etc/passwd there
	[[ $output == *'cannot overwrite directory "passwd" with non-directory' ]]
}

@test "cp works on a container that never ran, and on one that ended, volumes too" {
	cloche create --name cold --network none -v cold:/vol box:1 cat /in >/dev/null
	cloche cp src/f cold:/in
	run -1 cloche cp src/f cold:/vol/
	[[ $output == *'volume cold has no files yet; they come with the first start'* ]]
	run -0 cloche start -a cold
	[ "$output" = file ]
	cloche cp src/d/g cold:/vol/in
	[ "$(cloche run --rm --network none -v cold:/vol box:1 cat /vol/in)" = below ]
	cloche cp cold:/vol/in back
	cmp src/d/g back
	cloche cp cold:/in back
	cmp src/f back
	cloche rm cold
	cloche volume rm cold
}

@test "a container that changes links under a cp never leads it out of itself" {
	mkdir secret
	echo host >secret/passwd
	inside mkdir -p /race/a /race/b
	inside sh -c 'echo container >/race/a/passwd'
	# a link to the host's path and a folder take turns under the same name
	cloche exec -d web sh -c "while :; do rm -rf /race/x; ln -s $PWD/secret /race/x; rm -rf /race/x; mkdir /race/x; echo container >/race/x/passwd; done"
	for ((i = 0; i < 40; i++)); do
		rm -rf got
		cloche cp web:/race/x/passwd got 2>/dev/null || :
		[ ! -e got ] || [ -L got ] || [ "$(cat got)" != host ]
		echo stranger >drop
		cloche cp drop web:/race/x/ 2>/dev/null || :
		[ ! -e secret/drop ]
	done
	[ "$(cat secret/passwd)" = host ]
	[ "$(ls secret)" = passwd ]
}

@test "diff shows what was added, changed and deleted, and not what a start makes" {
	cloche run --name differ --network none box:1 sh -c 'echo x >/added; echo y >>/etc/passwd; rm /bin/mv; mkdir -p /deep/er; echo z >/deep/er/file'
	run -0 cloche diff differ
	[ "$output" = "$(printf '%s\n' 'A /added' 'C /bin' 'D /bin/mv' 'A /deep' 'A /deep/er' 'A /deep/er/file' 'C /etc' 'C /etc/passwd')" ]
	cloche rm differ
}

@test "export writes the whole tree without volumes, of running and ended ones" {
	inside sh -c 'echo mine >/written'
	cloche export web | tar tf - >names
	grep -qx written names
	grep -qx bin/busybox names
	run ! grep -q ^data/f names
	cloche export -o all.tar web
	[ "$(tar xOf all.tar written)" = mine ]
	run -1 cloche export -o there/all.tar web
	[ ! -e there ]
	cloche export web | cloche import - copy:1 >/dev/null
	[ "$(cloche run --rm --network none copy:1 /bin/cat /written)" = mine ]
	cloche rmi copy:1 >/dev/null
}

@test "commit makes an image that keeps the layers below, and pauses meanwhile" {
	cloche run -d --name changed --network none -e NEW=1 -l kind=test box:1 sh -c 'echo x >/added; rm /bin/mv; rm -rf /etc; mkdir /etc; echo only >/etc/one; sleep 1000' >/dev/null
	until_true 20 sh -c '"$CLOCHE" exec changed cat /etc/one 2>/dev/null | grep -q only'
	run -0 cloche commit -a 'A. Person' -m 'a note' -c 'CMD ["cat", "/added"]' changed me/new:2
	[[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
	[ "$(cloche inspect -f '{{.State.Status}}' changed)" = running ]
	[ "$(cloche run --rm --network none me/new:2)" = x ]
	run ! cloche run --rm --network none me/new:2 mv
	[ "$(cloche run --rm --network none me/new:2 ls /etc)" = $'hostname\nhosts\none\nresolv.conf' ]
	[ "$(cloche image inspect -f '{{.Author}}|{{len .RootFS.Layers}}|{{index .RootFS.Layers 0}}' me/new:2)" = "A. Person|2|$(cloche image inspect -f '{{index .RootFS.Layers 0}}' box:1)" ]
	[[ $(cloche image inspect -f '{{.Config.Env}} {{.Config.Labels}}' me/new:2) == *NEW=1*'map[kind:test]' ]]
	[ "$(cloche history --format '{{.Comment}}' me/new:2 | head -1)" = "a note" ]
	# the layer's digest is that of the tar which save or a pull would check
	id=$(cloche image inspect -f '{{.Id}}' me/new:2)
	[ "sha256:$(sha256sum <"$CLOCHE_ROOT/blobs/sha256/${id#sha256:}" | cut -d' ' -f1)" = "$id" ]
	run -1 cloche commit changed 'Bad Name'
	cloche rm -f changed
	cloche rmi me/new:2 >/dev/null
	cloche create --name plain host true >/dev/null
	run -1 cloche commit plain
	[[ $output == *'it has no image below it'* ]]
	cloche rm plain
	run -0 cloche system check
}
