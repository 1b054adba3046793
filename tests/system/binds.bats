#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016,SC2154 # expanded by the shell in the container; set by bats' run
# Host paths in a container: whose files they are on both sides, and that no host user gains a right by
# what a container leaves there.

load helper
load box

setup_file()
{
	cloche_setup_file
	make_box
	cc -O1 -static -o "$BATS_FILE_TMPDIR/probe" "$SOURCE_DIR/tests/system/probe.c"
}

setup()
{
	cloche_setup
	# a folder that every user of the host can reach and write, outside of the closed test folder
	OPEN=$(mktemp -d /var/tmp/cloche-binds.XXXX)
	chmod 0777 "$OPEN"
	mkdir closed
}

teardown()
{
	remove_containers
	rm -rf "$OPEN"
}

# gains_nothing FILE...: a host user who runs them, copies of probe, is nobody else than before.
gains_nothing()
{
	local file

	for file; do
		run host_user "$file" rights /etc/shadow
		assert_output 'euid 1001 egid 1001 open EACCES'
	done
}

# --- ids ------------------------------------------------------------------------------------------

@test "idmap=container: numbers on disk are numbers in the container" {
	touch closed/root closed/alice
	chown 1000:100 closed/alice
	run inside -v "$PWD/closed:/b" box sh -c 'stat -c "%u:%g %n" /b/root /b/alice; touch /b/new; su alice -c "touch /b/x" || mkdir -m 777 /b/d; su alice -c "touch /b/d/hers"'
	assert_line '0:0 /b/root'
	assert_line '1000:100 /b/alice'
	assert_equal "$(stat -c %u:%g closed/new)" 0:0
	assert_equal "$(stat -c %u:%g closed/d/hers)" 1000:1000
	cloche create --name web --network none -v "$PWD/closed:/b" box true
	assert_equal "$(of web Cloche.Binds)" '[{"Destination":"/b","IdMap":"container","Reason":"default","SetIdRefused":false}]'
}

@test "idmap=owner: the source's owner is the container's user, nobody else is mapped" {
	chown 1234:1235 closed
	touch closed/his closed/other
	chown 1234:1235 closed/his
	chown 77:77 closed/other
	run inside -v "$PWD/closed:/b:idmap=owner" box sh -c 'stat -c "%u:%g %n" /b /b/his /b/other; touch /b/new; chown 0:0 /b/other'
	assert_line '0:0 /b/his'
	assert_line '65534:65534 /b/other'
	assert_equal "$(stat -c %u:%g closed/new)" 1234:1235
	assert_equal "$(stat -c %u:%g closed/other)" 77:77
	run inside -u 1000:1000 --mount "type=bind,src=$PWD/closed,dst=/b,idmap=owner" box sh -c 'stat -c %u:%g /b; touch /b/hers'
	assert_output 1000:1000
	assert_equal "$(stat -c %u:%g closed/hers)" 1234:1235
	run inside -u alice --mount "type=bind,src=$PWD/closed,dst=/b,bind-idmap=match-user" box sh -c 'stat -c %u:%g /b; touch /b/hers2'
	assert_output 1000:1000
	assert_equal "$(stat -c %u:%g closed/hers2)" 1234:1235
}

@test "the owner is mapped without being asked, in the home of a login user who owns the source" {
	mkdir -p home/fred/work
	chown -R 1500:1500 home/fred
	printf 'root:x:0:0::/root:/bin/sh\nfred:x:1500:1500::%s:/bin/sh\n' "$PWD/home/fred" >passwd
	run unshare -m sh -c 'mount --bind passwd /etc/passwd && "$CLOCHE" run --rm --network none -v "$PWD/home/fred/work:/b" box sh -c "stat -c %u:%g /b; touch /b/new"'
	assert_success
	assert_line 0:0
	assert_equal "$(stat -c %u:%g home/fred/work/new)" 1500:1500
	run unshare -m sh -c 'mount --bind passwd /etc/passwd && "$CLOCHE" create --name web --network none -v "$PWD/home/fred/work:/b" box true && "$CLOCHE" inspect -f "{{json .Cloche.Binds}}" web'
	assert_output --partial '"IdMap":"owner"'
}

@test "idmap=none: the host's numbers" {
	chmod 0777 closed
	touch closed/root
	run inside -v "$PWD/closed:/b:idmap=none" box sh -c 'stat -c "%u:%g" /b/root; touch /b/new; cat /proc/self/uid_map'
	assert_equal "${lines[0]}" 65534:65534
	read -r _ first _ <<<"${lines[1]}"
	assert_equal "$(stat -c %u:%g closed/new)" "$first:$first"
}

@test "--userns=host warns, and the container's root is root" {
	run --separate-stderr inside --userns host -v "$PWD/closed:/b" box sh -c 'cat /proc/self/uid_map; touch /b/new'
	assert_success
	assert_output --regexp '^ +0 +0 +4294967295$'
	[[ $stderr == *"--userns=host: the container's users are users of the host, its root is root"* ]]
	assert_equal "$(stat -c %u closed/new)" 0
	assert_equal "$(grep -c . /run/lock/cloche/uids)" "$(grep -c . /run/lock/cloche/uids)"
	refused 'invalid mode: nonsense' --userns nonsense
}

@test "what cannot be id-mapped: read-only goes, else an error names it and the remedy" {
	run inside -v /proc:/p:ro box cat /p/version
	assert_success
	run inside -v /sys:/s box true
	assert_failure 125
	assert_output --partial 'mount /sys: its file system has no id-mapped mounts'
	assert_output --partial 'read-only, or with idmap=none, or run with --userns=host'
	assert_equal "$(cloche ps -aq)" ""
	run inside -v /proc:/p:idmap=none box cat /p/version
	assert_success
	mkdir lower upper work merged
	echo text >lower/file
	run unshare -m sh -c 'mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work x merged &&
		"$CLOCHE" run --rm --network none -v "$PWD/merged:/b" box true'
	assert_failure 125
	assert_output --partial "merged: its file system has no id-mapped mounts"
	run unshare -m sh -c 'mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work x merged &&
		"$CLOCHE" run --rm --network none -v "$PWD/merged:/b:ro" box cat /b/file'
	assert_output text
}

# --- set-id bits: security.md 5.2 -----------------------------------------------------------------

@test "S-IDMAP-1: a set-uid program in a folder that host users can reach gives them nothing" {
	run inside -v "$BATS_FILE_TMPDIR/probe:/probe:ro" -v "$OPEN:/b" box sh -c 'cp /probe /b/su; chmod 4755 /b/su; echo; cp /probe /b/su2; chmod u+s /b/su2; install -m 4755 /probe /b/su3; (umask 0; chmod 6777 /b/su)'
	assert_output --partial 'Operation not permitted'
	assert_output --partial "set-id bits and file capabilities are refused in this container, since host users can reach $OPEN; the option setid=allow of that mount lifts it"
	assert_equal "$(find "$OPEN" -perm /6000)" ""
	gains_nothing "$OPEN"/su*
}

@test "S-IDMAP-2: nor does a set-gid program" {
	run inside -v "$BATS_FILE_TMPDIR/probe:/probe:ro" -v "$OPEN:/b" box sh -c 'cp /probe /b/sg; chgrp 42 /b/sg; chmod 2755 /b/sg; chmod g+s /b/sg'
	assert_equal "$(find "$OPEN" -perm /6000)" ""
	gains_nothing "$OPEN/sg"
}

@test "S-IDMAP-3: nor do file capabilities" {
	cp "$(command -v setcap)" setcap
	run inside -v "$OPEN:/b" host sh -c 'cp /bin/cat /b/cap && setcap cap_dac_override+ep /b/cap; getcap /b/cap; python3 -c "
import os
os.setxattr(\"/b/cap\", \"security.capability\", bytes.fromhex(\"0100000202000000000000000000000000000000\"))"; grep CapEff /proc/self/status'
	assert_output --partial 'ermitted'
	assert_output --partial 'CapEff:	00000000000405fb'
	assert_equal "$(getcap "$OPEN/cap")" ""
	run host_user "$OPEN/cap" /etc/shadow
	assert_failure
}

@test "S-IDMAP-4: nor does a hard link from outside, a move, an archive or a program that was there" {
	cp "$BATS_FILE_TMPDIR/probe" "$OPEN/old"
	chmod 4755 "$OPEN/old"
	run inside -v "$BATS_FILE_TMPDIR/probe:/probe:ro" -v "$OPEN:/b" box sh -c 'ln /bin/busybox /b/link; cp /probe /tmp/s; chmod 4755 /tmp/s; mv /tmp/s /b/moved;
		cp -p /b/old /b/copy || cp /b/old /b/copy; ln /b/old /b/link2; cat /bin/cat >/b/old'
	assert_output --partial 'Invalid cross-device link'
	assert_equal "$(find "$OPEN" -perm /6000 ! -name old ! -name link2)" ""
	# what was written to has lost its bits
	assert_equal "$(find "$OPEN" -perm /6000)" ""
	gains_nothing "$OPEN/moved"
	tar -C "$OPEN" -cf t.tar moved
	python3 -c 'import tarfile, sys
t = tarfile.open("t.tar"); i = t.getmember("moved"); d = t.extractfile(i); o = tarfile.open("s.tar", "w")
i.mode = 0o4755; i.name = "untarred"; o.addfile(i, d); o.close()'
	inside -i -v "$OPEN:/b" box tar -C /b -xpf - <s.tar || :
	assert_equal "$(find "$OPEN" -perm /6000)" ""
}

@test "S-IDMAP: no call leads round it: open, openat, openat2, mknod, fchmodat2" {
	run inside -v "$OPEN:/b" host python3 -c '
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def call(name, number, *args):
    r = libc.syscall(number, *args)
    print(name, "made" if r >= 0 else os.strerror(ctypes.get_errno()))
AT = -100
call("open", 2, b"/b/open", os.O_CREAT | os.O_WRONLY, 0o4755)
call("openat", 257, AT, b"/b/openat", os.O_CREAT | os.O_WRONLY, 0o4755)
call("creat", 85, b"/b/creat", 0o6755)
call("mknod", 133, b"/b/mknod", 0o104755, 0)
call("mknodat", 259, AT, b"/b/mknodat", 0o104755, 0)
call("tmpfile", 257, AT, b"/b", 0o20200000 | os.O_WRONLY, 0o4755)
how = (ctypes.c_uint64 * 3)(os.O_CREAT | os.O_WRONLY, 0o4755, 0)
call("openat2", 437, AT, b"/b/openat2", how, 24)
open("/b/plain", "w").close()
call("chmod", 90, b"/b/plain", 0o4755)
fd = os.open("/b/plain", os.O_RDONLY)
call("fchmod", 91, fd, 0o4755)
call("fchmodat", 268, AT, b"/b/plain", 0o4755)
call("fchmodat2", 452, AT, b"/b/plain", 0o4755, 0)
call("chmod-plain", 90, b"/b/plain", 0o755)
'
	assert_success
	assert_equal "$(grep -c 'Operation not permitted' <<<"$output")" 10
	assert_line 'openat2 Function not implemented'
	assert_line 'chmod-plain made'
	assert_equal "$(find "$OPEN" -perm /6000)" ""
}

@test "S-IDMAP: exec is held to it as well" {
	cloche run -d --name web --network none -v "$BATS_FILE_TMPDIR/probe:/probe:ro" -v "$OPEN:/b" box sleep 1000
	run cloche exec web sh -c 'cp /probe /b/su; chmod 4755 /b/su'
	assert_failure
	assert_equal "$(find "$OPEN" -perm /6000)" ""
	assert_equal "$(of web Cloche.Binds)" '[{"Destination":"/probe","IdMap":"container","Reason":"default","SetIdRefused":false},{"Destination":"/b","IdMap":"container","Reason":"default","SetIdRefused":true}]'
}

@test "S-IDMAP: idmap=none and idmap=owner are held to it" {
	for map in none owner; do
		run inside -v "$BATS_FILE_TMPDIR/probe:/probe:ro" -v "$OPEN:/b:idmap=$map" box sh -c "cp /probe /b/$map; chmod 6755 /b/$map"
		assert_output --partial 'Operation not permitted'
	done
	assert_equal "$(find "$OPEN" -perm /6000)" ""
	gains_nothing "$OPEN/none" "$OPEN/owner"
}

@test "set-id bits are free where no host user can reach, and where the bind is read-only" {
	run --separate-stderr inside -v "$BATS_FILE_TMPDIR/probe:/probe:ro" -v "$PWD/closed:/b" -v "$OPEN:/c:ro" box sh -c 'cp /probe /b/su && chmod 4755 /b/su && cp /probe /su && chmod 4755 /su && echo fine'
	assert_output fine
	assert_equal "$stderr" ""
	[ -u closed/su ]
	run host_user "$PWD/closed/su" rights /etc/shadow
	assert_output --partial 'Permission denied'
}

@test "setid=allow lifts it, and an unconfined filter is refused with such a bind" {
	run --separate-stderr inside -v "$BATS_FILE_TMPDIR/probe:/probe:ro" -v "$OPEN:/b:setid=allow" box sh -c 'cp /probe /b/su && chmod 4755 /b/su && echo fine'
	assert_output fine
	assert_equal "$stderr" ""
	[ -u "$OPEN/su" ]
	# what it is that was lifted: the test above would see it
	run host_user "$OPEN/su" rights /etc/shadow
	assert_output 'euid 0 egid 1001 open 0'
	run inside --mount "type=bind,source=$OPEN,target=/b,setid=allow" box chmod 4755 /b/su
	assert_success
	run inside --security-opt seccomp=unconfined -v "$OPEN:/b" box true
	assert_failure 125
	assert_output --partial 'a writable bind that host users can reach needs the seccomp filter'
	assert_output --partial 'setid=allow'
	assert_equal "$(cloche ps -aq)" ""
}

# --- what a bind is -------------------------------------------------------------------------------

@test "-v: folder, file, read-only, relative, made when missing" {
	echo text >file
	run inside -v "$PWD/file:/etc/conf:ro" -v "./closed:/b" -v "$PWD/new/deep:/n" box sh -c 'exec >&2; cat /etc/conf; echo x >/etc/conf; touch /b/x; ls -d /n'
	assert_line text
	assert_output --partial 'Read-only file system'
	assert_line /n
	[ -e closed/x ]
	[ -d new/deep ]
	cloche create --name web --network none -v "$PWD/closed:/b:ro" box true
	assert_equal "$(of web Mounts)" "[{\"Type\":\"bind\",\"Source\":\"$PWD/closed\",\"Destination\":\"/b\",\"Mode\":\"ro\",\"RW\":false,\"Propagation\":\"rprivate\"}]"
	assert_equal "$(of web HostConfig.Binds)" "[\"$PWD/closed:/b:ro\"]"
}

@test "--mount type=bind and tmpfs: keys, spellings, errors" {
	run inside --mount "type=bind,source=$PWD/closed,target=/b,readonly" --mount "type=bind,src=$PWD/closed,dst=/c,ro=false" \
		--mount type=tmpfs,destination=/t,tmpfs-size=1m,tmpfs-mode=0700 box sh -c 'touch /c/x; touch /b/y; stat -c %a /t; df -k /t | tail -1 | tr -s " " | cut -d " " -f 2'
	assert_output --partial '/b/y: Read-only file system'
	assert_line 700
	assert_line 1024
	[ -e closed/x ]
	refused "invalid mount config for type \"bind\": bind source path does not exist: $PWD/no" --mount "type=bind,source=$PWD/no,target=/b"
	refused 'source is required' --mount type=bind,target=/b
	refused 'target is required' --mount "type=bind,source=$PWD"
	refused "unexpected key 'nonsense'" --mount "type=bind,source=$PWD,target=/b,nonsense=1"
	refused 'mount type nonsense' --mount type=nonsense,target=/b
	refused "invalid propagation 'x'" --mount "type=bind,source=$PWD,target=/b,bind-propagation=x"
	refused 'a tmpfs has no source' --mount type=tmpfs,source=/a,target=/b
	refused 'must be absolute' --mount "type=bind,source=$PWD,target=b"
}

@test "-v errors: format, target, mode, doubles" {
	refused "invalid volume specification: 'a:b:c:d'" -v a:b:c:d
	refused 'mount path must be absolute' -v "$PWD:b"
	refused "destination can't be '/'" -v "$PWD:/"
	refused 'invalid mode' -v "$PWD:/b:nonsense"
	refused 'Duplicate mount point: /b' -v "$PWD:/b" -v "$PWD:/b/"
	refused 'idmap is container, owner or none' -v "$PWD:/b:idmap=x"
	refused 'includes invalid characters for a local volume name' -v 'bad name:/b'
}

@test "binds nest, whatever the order of the options, and hide what the image has" {
	mkdir -p outer/inner inner
	echo outer >outer/file
	echo inner >inner/file
	run inside -v "$PWD/inner:/srv/data/inner" -v "$PWD/outer:/srv/data" box sh -c 'cat /srv/data/file /srv/data/inner/file; ls /srv/data'
	assert_equal "$output" $'outer\ninner\nfile\ninner'
}

@test "a bind's own mounts come along, read-only too, unless it is not recursive" {
	run unshare -m sh -c 'mkdir -p top/sub && mount -t tmpfs x top/sub && touch top/sub/below &&
		"$CLOCHE" run --rm --network none -v "$PWD/top:/b:ro" box sh -c "ls /b/sub; touch /b/sub/x"
		"$CLOCHE" run --rm --network none --mount "type=bind,source=$PWD/top,target=/b,bind-recursive=disabled" box ls /b/sub'
	assert_line below
	assert_output --partial '/b/sub/x: Read-only file system'
	assert_equal "$(grep -c below <<<"$output")" 1
}

@test "propagation: rprivate sees no later mount of the host, rslave does, and nothing comes back" {
	run unshare -m sh -c '
		mkdir top && mount --bind top top && mount --make-shared top && mkdir top/sub
		"$CLOCHE" run -d --name private --network none -v "$PWD/top:/b" box sleep 1000
		"$CLOCHE" run -d --name slave --network none -v "$PWD/top:/b:rslave" --cap-add SYS_ADMIN box sleep 1000
		mount -t tmpfs x top/sub && touch top/sub/later
		echo "private: $("$CLOCHE" exec private ls /b/sub)"
		echo "slave: $("$CLOCHE" exec slave ls /b/sub)"
		"$CLOCHE" exec slave sh -c "mkdir /b/mine && mount -t tmpfs x /b/mine && touch /b/mine/x"
		echo "host: $(ls top/mine)"
		"$CLOCHE" inspect -f "{{(index .Mounts 0).Propagation}}" slave
		"$CLOCHE" rm -f private slave'
	assert_line 'private: '
	assert_line 'slave: later'
	assert_line 'host: '
}

@test "z, Z and label= are accepted where SELinux is off, as Docker does; a label= that is none is not" {
	[ ! -e /sys/fs/selinux/enforce ] || skip "this host has SELinux"
	run --separate-stderr inside -v "$PWD/closed:/b:z" -v "$PWD/closed:/c:ro,Z" -v kept:/v:Z --security-opt label=type:x_t --security-opt label:level:s0:c1 box true
	assert_success
	assert_equal "$stderr" ""
	run inside --security-opt label=kind:x box true
	assert_failure 125
	assert_output --partial "bad label option \"kind:x\", valid options 'disable' or 'user, role, level, type, filetype' followed by ':' and a value"
}

@test "a source that goes away between create and start is an error that names it" {
	mkdir gone
	cloche create --name web --network none --mount "type=bind,source=$PWD/gone,target=/b" box true
	rmdir gone
	run cloche start web
	assert_failure 1
	assert_output --partial "$PWD/gone"
	assert_equal "$(of web State.Status)" '"created"'
}
