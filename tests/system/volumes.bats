#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016,SC2154 # expanded by the shell in the container; set by bats' run
# Volumes, and the files that every container has from us: hosts, hostname, resolv.conf.

load helper
load box

setup_file()
{
	cloche_setup_file
	make_box
}

teardown()
{
	local -a names

	remove_containers
	[ -z "${loop:-}" ] || ! losetup "$loop" >/dev/null 2>&1 || losetup -d "$loop"
	mapfile -t names < <(cloche volume ls -q)
	[ ${#names[@]} -eq 0 ] || cloche volume rm "${names[@]}" >/dev/null
}

@test "a named volume is made, filled from the image, kept, and the same for the next container" {
	run inside -v data:/srv/data box sh -c 'ls -A /srv/data; stat -c "%u:%g %a" /srv/data; echo more >/srv/data/more'
	assert_line file
	assert_line link
	assert_line '1000:50 2775'
	run inside -v data:/srv/data box sh -c 'cat /srv/data/file /srv/data/more; readlink /srv/data/link'
	assert_equal "$output" $'of-the-image\nmore\nfile'
	assert_equal "$(cloche volume ls -q)" data
	# at another place nothing is copied over what it has
	run inside -v data:/home/alice box ls /home/alice
	assert_equal "$output" $'file\nlink\nmore'
}

@test "filling keeps owners, modes, times, hard links, extended attributes and holes" {
	box_folder tree
	mkdir tree/vol
	echo a >tree/vol/a
	ln tree/vol/a tree/vol/b
	truncate -s 10M tree/vol/sparse
	setfattr -n user.color -v blue tree/vol/a
	chown 1000:100 tree/vol/a
	chmod 0640 tree/vol/a
	touch -d @1000000000 tree/vol/a tree/vol
	mkfifo tree/vol/pipe
	cp "$(command -v busybox)" tree/vol/su
	chmod 4755 tree/vol/su
	inside -v keep:/vol --rootfs "$PWD/tree" true
	data=$CLOCHE_ROOT/volumes/keep/_data
	assert_equal "$(stat -c '%u:%g %a %h %Y' "$data/a")" '1000:100 640 2 1000000000'
	assert_equal "$(stat -c %i "$data/a")" "$(stat -c %i "$data/b")"
	assert_equal "$(stat -c %a "$data/su")" 4755
	[ "$(stat -c %b "$data/sparse")" -lt 1000 ]
	[ -p "$data/pipe" ]
	assert_equal "$(getfattr --only-values -n user.color "$data/a" 2>/dev/null)" blue
}

@test "nocopy leaves a volume empty, read-only ones are not filled" {
	run inside -v data:/srv/data:nocopy box ls -A /srv/data
	assert_output ""
	run inside --mount type=volume,source=other,target=/srv/data,volume-nocopy box ls -A /srv/data
	assert_output ""
}

@test "two containers with ranges of their own share a volume and see the same owners" {
	cloche run -d --name one --network none -v shared:/srv/data box sleep 1000
	cloche run -d --name two --network none -v shared:/srv/data box sleep 1000
	[ "$(of one Cloche.UidRange.First)" != "$(of two Cloche.UidRange.First)" ]
	cloche exec -u alice one sh -c 'echo hers >/srv/data/hers; umask 077; echo secret >/srv/data/secret'
	run cloche exec two stat -c '%u:%g' /srv/data/hers
	assert_output 1000:50
	run cloche exec -u alice two cat /srv/data/secret
	assert_output secret
	run cloche exec -u bob two cat /srv/data/secret
	assert_failure
	assert_equal "$(stat -c %u "$CLOCHE_ROOT/volumes/shared/_data/hers")" 1000
}

@test "anonymous volumes: -v PATH and the image's VOLUME; --rm and rm -v take them along" {
	BOX_NAME=withvolume make_box 'VOLUME ["/srv/data","/var/lib/app"]'
	cloche create --name web --network none -v /extra withvolume true
	assert_equal "$(of web Mounts | jq -r '.[].Destination' | sort | tr '\n' ' ')" '/extra /srv/data /var/lib/app '
	assert_equal "$(of web Mounts | jq -r '.[0] | .Type, .Driver, .RW, (.Name | length)')" $'volume\nlocal\ntrue\n64'
	cloche start web
	cloche wait web
	assert_equal "$(cloche volume ls -q | wc -l)" 3
	cloche rm web
	assert_equal "$(cloche volume ls -q | wc -l)" 3
	# shellcheck disable=SC2046 # names without blanks
	cloche volume rm $(cloche volume ls -q)
	inside withvolume sh -c 'cat /srv/data/file'
	assert_equal "$(cloche volume ls -q)" ""
	cloche run --name web --network none -v named:/var/lib/app withvolume true
	cloche rm -v web
	assert_equal "$(cloche volume ls -q)" named
	# an option for the same place wins over the image
	cloche create --name web --network none -v named:/srv/data --tmpfs /var/lib/app withvolume true
	assert_equal "$(cloche volume ls -q)" named
}

@test "volume create, ls, inspect, rm: Docker's output and errors" {
	run cloche volume create --label a=b data
	assert_output data
	run cloche volume create data
	assert_success
	run cloche volume create
	assert_success
	[[ $output =~ ^[0-9a-f]{64}$ ]]
	cloche volume rm "$output"
	run cloche volume ls
	assert_equal "${lines[0]}" 'DRIVER    VOLUME NAME'
	assert_equal "${lines[1]}" 'local     data'
	run cloche volume inspect data
	assert_equal "$(jq -c '.[0] | [.Name, .Driver, .Scope, .Labels.a, .Mountpoint]' <<<"$output")" \
		"[\"data\",\"local\",\"local\",\"b\",\"$CLOCHE_ROOT/volumes/data/_data\"]"
	cloche create --name web --network none -v data:/data box true
	run cloche volume rm data
	assert_failure 1
	assert_output --partial "volume is in use - [$(of web Id | tr -d '"')]"
	cloche rm web
	run cloche volume rm data
	assert_output data
	run cloche volume rm data
	assert_failure 1
	assert_output --partial 'get data: no such volume'
	run cloche volume rm -f data
	assert_success
	run cloche volume inspect data
	assert_failure 1
	assert_output --partial 'get data: no such volume'
	run cloche volume create 'bad name'
	assert_failure 1
	assert_output --partial 'includes invalid characters'
	for command in 'container ls' 'volume ls'; do
		# shellcheck disable=SC2086 # words
		cloche $command
	done
}

@test "a volume's set-id program is out of reach of the host's users, and works inside" {
	cc -O1 -static -o probe "$SOURCE_DIR/tests/system/probe.c"
	inside -v data:/data -v "$PWD/probe:/probe:ro" box sh -c 'cp /probe /data/id; chmod 4755 /data/id'
	assert_equal "$(inside -u alice -v data:/data box /data/id rights /etc/passwd)" 'euid 0 egid 1000 open 0'
	run host_user "$CLOCHE_ROOT/volumes/data/_data/id"
	assert_failure
	assert_output --partial 'Permission denied'
}

@test "a volume whose place in the image is a file or a dangling link" {
	box_folder tree
	ln -s /nowhere/at/all tree/vol
	inside -v data:/vol --rootfs "$PWD/tree" sh -c 'touch /vol/x; ls /nowhere/at/all'
	run inside -v data:/etc/passwd --rootfs "$PWD/tree" true
	assert_failure 125
	assert_output --partial '/etc/passwd'
}

# --- our files ------------------------------------------------------------------------------------

@test "/etc/hosts, hostname and resolv.conf: contents, owner, writable, kept over a restart" {
	cloche run --name web --network none -h myhost box sh -c 'cat /etc/hosts /etc/hostname; stat -c "%U %a %n" /etc/hosts /etc/hostname /etc/resolv.conf; echo 10.0.0.1 added >>/etc/hosts' >out
	grep -qP '^127.0.0.1\tlocalhost' out
	grep -qP '^::1\tlocalhost' out
	grep -qP '\tmyhost$' out
	grep -qx myhost out
	grep -qx 'root 644 /etc/hosts' out
	grep -qx 'root 644 /etc/hostname' out
	grep -qx 'root 644 /etc/resolv.conf' out
	cloche start -a web | grep -q added
	run inside -u alice box sh -c 'cat /etc/hosts && echo x >>/etc/hosts'
	assert_output --partial 'Permission denied'
}

@test "they are each container's own, and another one's changes are not seen" {
	inside box sh -c 'echo mine >>/etc/hosts'
	run inside box cat /etc/hosts
	refute_output --partial mine
	refute_output --partial "$(hostname)"
}

@test "a bind over /etc/hosts wins" {
	echo own >hosts
	run inside -v "$PWD/hosts:/etc/hosts:ro" box cat /etc/hosts
	assert_output own
}

@test "they work in an image whose /etc/resolv.conf is a link to nowhere" {
	box_folder tree
	ln -sf ../run/systemd/resolve/stub-resolv.conf tree/etc/resolv.conf
	ln -sf /run/hosts tree/etc/hosts
	run inside --rootfs "$PWD/tree" sh -c 'cat /etc/resolv.conf && grep localhost /run/hosts'
	assert_success
}

@test "volume export, import and clone keep owners, modes, times and links" {
	inside -v data:/d box sh -c 'mkdir /d/sub; echo x >/d/sub/file; chown 1000:50 /d/sub/file; chmod 4750 /d/sub/file; ln -s file /d/sub/link
		touch -d @1000000000 /d/sub/file; chown 7:8 /d; chmod 2770 /d'
	look() { inside -v "$1:/d" box sh -c 'cd /d/sub; stat -c "%n %u:%g %a %Y %F" file; readlink link; cat file; stat -c %A .'; }
	look data >wanted
	cloche volume export data -o out.tar
	tar -tf out.tar | grep -qx 'sub/file'
	assert_equal "$(cloche volume import other out.tar)" other
	look other | cmp - wanted
	cloche volume export other | cloche volume import third
	look third | cmp - wanted
	cloche volume create --label a=b labelled >/dev/null
	inside -v labelled:/d box sh -c 'chown 7:8 /d; chmod 2770 /d; mkdir /d/sub; echo x >/d/sub/file; ln -s file /d/sub/link'
	assert_equal "$(cloche volume clone labelled copy)" copy
	assert_equal "$(cloche volume inspect -f '{{.Labels.a}}' copy)" b
	assert_equal "$(inside -v copy:/d box stat -c '%u:%g %a' /d)" '7:8 2770'
	# over what is there
	inside -v copy:/d box sh -c 'echo kept >/d/kept; echo old >/d/sub/file'
	cloche volume import copy out.tar
	assert_equal "$(inside -v copy:/d box sh -c 'cat /d/kept /d/sub/file')" $'kept\nx'
	run cloche volume clone data copy
	assert_failure 1
	assert_output --partial 'volume copy is there already'
	run cloche volume export nobody
	assert_failure 1
	assert_output --partial 'get nobody: no such volume'
	# half an archive makes no volume
	run bash -c 'head -c 700 out.tar | "$CLOCHE" volume import half'
	assert_failure 1
	assert_equal "$(cloche volume ls -q --filter name=half)" ""
	assert_equal "$(ls -A "$CLOCHE_ROOT/tmp")" ""
}

@test "update --mount-add and --mount-rm: at once in a container that runs, and at its next start" {
	mkdir -m 0700 safe
	mkdir safe/here
	echo of-the-host >safe/here/file
	cloche run -d --name web --network none box sh -c 'mkdir /place && echo below >/place/file; exec sleep 600'
	until_true 20 sh -c '"$CLOCHE" exec web test -e /place/file'
	cloche update --mount-add "$PWD/safe/here:/place" --mount-add data:/data --mount-add type=tmpfs,target=/t,tmpfs-size=4096 web
	assert_equal "$(cloche exec web sh -c 'cat /place/file; echo x >/place/new; echo y >/data/kept; stat -c %u /t; touch /t/z; cat /data/kept')" $'of-the-host\n0\ny'
	assert_equal "$(stat -c %u safe/here/new)" 0
	assert_equal "$(of web Mounts | jq -r '.[].Destination' | sort | tr '\n' ' ')" "/data /place /t "
	run cloche volume rm data
	assert_failure
	cloche restart -t 0 web
	assert_equal "$(cloche exec web cat /place/file /data/kept)" $'of-the-host\ny'
	cloche update --mount-rm /place web
	assert_equal "$(cloche exec web cat /place/file)" below
	assert_equal "$(of web Mounts | jq -r '.[].Destination' | sort | tr '\n' ' ')" "/data /t "
	assert_equal "$(of web HostConfig.Binds)" '["data:/data"]'
	cloche restart -t 0 web
	assert_equal "$(cloche exec web cat /place/file)" below
	run cloche update --mount-rm /nowhere web
	assert_failure 1
	assert_output --partial 'has no mount there'
	run cloche update --mount-add data:/data web
	assert_failure 1
	assert_output --partial 'Duplicate mount point: /data'
	# within reach of host users, and the filter that runs would let set-id files be made
	run cloche update --mount-add "/tmp:/reach" web
	assert_failure 1
	assert_output --partial 'which cannot be changed while it runs'
	cloche update --mount-add "/tmp:/reach:ro" web
	run cloche exec web touch /reach/x
	assert_failure
	# a link in the place does not lead out
	cloche exec web ln -s /etc /sly
	cloche update --mount-add "$PWD/safe/here:/sly/sub" web
	assert_equal "$(cloche exec web cat /etc/sub/file)" of-the-host
	[ ! -e /etc/sub ]
	# stopped: only the record
	cloche stop -t 0 web
	cloche update --mount-rm /sly/sub --mount-add "$PWD/safe/here:/late" web
	cloche start web
	assert_equal "$(cloche exec web cat /late/file)" of-the-host
}

@test "volume create -o: a host folder, or a file system of its own, as Docker's local driver has it" {
	mkdir -m 0700 safe
	mkdir safe/here
	echo of-the-host >safe/here/file
	cloche volume create -o type=none -o o=bind -o "device=$PWD/safe/here" host >/dev/null
	assert_equal "$(inside -v host:/d box sh -c 'cat /d/file; touch /d/new')" of-the-host
	assert_equal "$(stat -c %u safe/here/new)" 0
	assert_equal "$(cloche volume inspect -f '{{.Options.o}} {{.Options.type}}' host)" "bind none"
	cloche volume create -o type=none -o o=bind,ro -o "device=$PWD/safe/here" host-ro >/dev/null
	run inside -v host-ro:/d box touch /d/other
	assert_output --partial 'Read-only file system'
	if [ -e /dev/loop-control ] && command -v mke2fs >/dev/null; then
		truncate -s 4M disk
		mke2fs -q -t ext4 disk
		loop=$(losetup -f --show disk)
		cloche volume create -o type=ext4 -o "device=$loop" disk >/dev/null
		run inside -v disk:/d box sh -c 'mkdir /d/dir && chown 7:8 /d/dir && stat -c %u /d/dir; head -c 8000000 /dev/zero >/d/big 2>/dev/null; [ $(stat -c %s /d/big) -lt 4194304 ] && echo full'
		assert_output $'7\nfull'
		# two at once see the same
		cloche run -d --name one --network none -v disk:/d box sleep 600
		assert_equal "$(inside -v disk:/d box stat -c %u:%g /d/dir)" 7:8
		cloche rm -f one
		losetup -d "$loop"
	fi
	refused() { # WORDS OPTION...
		local words=$1

		shift
		run cloche volume create "$@" bad
		assert_failure 1
		assert_output --partial "$words"
	}
	refused 'invalid option: "colour"' -o colour=red
	refused 'missing required option: "device"' -o type=nfs
	refused 'only with o=bind' -o type=none -o device=/tmp
	refused 'below 8m' -o size=5m
	refused 'each container would see another one' -o type=tmpfs -o device=tmpfs
	cloche volume create -o type=nosuchfs -o device=x odd >/dev/null
	run inside -v odd:/d box true
	assert_failure 125
	assert_output --partial 'mount volume odd: nosuchfs x'
	run cloche volume export host
	assert_failure 1
	assert_output --partial 'is mounted from elsewhere'
}
