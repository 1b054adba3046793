#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Images whose packages are older than the host's, by rpm's databases; dpkg's is in compat.bats.

load helper

# rpm_files VERSION MOVED...: bash, openssl-libs and zz-other of one version, and "moved" with these lines.
rpm_files()
{
	local version=$1 name
	shift
	{
		printf '%s\n' "Name: bash" "Version: $version" "Release: 1.fc30" "Summary: x" "License: MIT" "BuildArch: noarch" "%description" x
		printf '%s\n' "%package -n moved" "Summary: x" "$@" "%description -n moved" x
		for name in openssl-libs zz-other; do
			printf '%s\n' "%package -n $name" "Summary: x" "%description -n $name" x
		done
		printf '%s\n' "%files" "%files -n moved" "%files -n openssl-libs" "%files -n zz-other"
	} >"$work/$version.spec"
	rpmbuild --quiet --define "_topdir $work/top-$version" -bb "$work/$version.spec" 2>/dev/null
}

# rpm_root DIR RPM...: a root file system with these packages in rpm's database.
rpm_root()
{
	local root=$1
	shift
	mkdir -p "$root"/{etc,usr/lib,var/lib/rpm}
	printf 'ID=fedora\nVERSION_ID=30\n' >"$root/etc/os-release"
	rpm --root "$root" --dbpath /var/lib/rpm --nodeps --noscripts -i "$@" 2>/dev/null
	rm -rf "$root/var/lib/rpm/.rpm.lock" "$root/var/lib/rpm/rpmdb.sqlite-shm"
}

# image ROOT NAME
image()
{
	tar -C "$1" -cf "$work/$2.tar" .
	cloche import "$work/$2.tar" "$2" >/dev/null
}

# berkeley ROOT: its database in the form of Fedora 32 and before.
berkeley()
{
	python3 - "$1/var/lib/rpm/rpmdb.sqlite" "$work/blobs" <<-'END'
		import os, sqlite3, sys
		os.makedirs(sys.argv[2], exist_ok=True)
		for n, (blob,) in enumerate(sqlite3.connect(sys.argv[1]).execute("SELECT blob FROM Packages")):
		    open(f"{sys.argv[2]}/{n}", "wb").write(blob)
	END
	# shellcheck disable=SC2016 # perl's
	perl -MDB_File -e '
		tie my %h, "DB_File", shift, O_RDWR | O_CREAT, 0644, $DB_HASH or die;
		my $n = 1;
		$h{pack "V", 0} = pack "V", scalar @ARGV;
		for (@ARGV) { open my $f, "<:raw", $_; local $/; $h{pack "V", $n++} = <$f>; }
	' "$1/var/lib/rpm/Packages" "$work"/blobs/*
	rm "$1"/var/lib/rpm/rpmdb.sqlite*
}

# suse ROOT: the same in rpm's own form, which Debian's rpm cannot write.
suse()
{
	mkdir -p "$1/usr/lib/sysimage/rpm"
	python3 - "$1/usr/lib/sysimage/rpm/Packages.db" "$work"/blobs/* <<-'END'
		import struct, sys, zlib
		slots, blobs, at = b"", b"", 4096
		for n, name in enumerate(sys.argv[2:], 1):
		    data = open(name, "rb").read()
		    blob = struct.pack("<4sIII", b"BlbS", n, 1, len(data)) + data + bytes(-len(data) % 16)
		    blob += struct.pack("<III4s", zlib.adler32(blob), 0, len(data), b"BlbE")
		    slots += struct.pack("<4sIII", b"Slot", n, at // 16, len(blob) // 16)
		    blobs, at = blobs + blob, at + len(blob)
		head = struct.pack("<4sIII16x", b"RpmP", 0, 1, 1) + slots
		free = struct.pack("<4sIII", b"Slot", 0, 0, 0)
		open(sys.argv[1], "wb").write(head + free * ((4096 - len(head)) // 16) + blobs)
	END
	rm "$1"/var/lib/rpm/rpmdb.sqlite*
}

# as_fedora COMMAND...: on a host whose packages are those of $work/own.
as_fedora()
{
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount sh -ec '
		mkdir -p /var/lib/rpm
		mount --bind "$work/own/etc/os-release" /usr/lib/os-release
		mount --bind "$work/own/var/lib/rpm" /var/lib/rpm
		exec "$@"' sh "$@"
}

setup_file()
{
	work=$BATS_FILE_TMPDIR
	export work
	cloche_setup_file
	command -v rpmbuild >/dev/null || return 0
	rpm_files 9 "Version: 2"
	rpm_files 10 "Version: 1" "Epoch: 1"
	rpm_root "$work/own" "$work"/top-10/RPMS/noarch/*.rpm
	rpm_root "$work/old" "$work"/top-9/RPMS/noarch/*.rpm
	rpm_root "$work/less" "$work"/top-9/RPMS/noarch/zz-other*.rpm "$work"/top-10/RPMS/noarch/bash*.rpm
	cp -a "$work/old" "$work/berkeley"
	berkeley "$work/berkeley"
	cp -a "$work/old" "$work/suse"
	suse "$work/suse"
	for name in less old berkeley suse; do
		image "$work/$name" "$name"
	done
}

@test "rpm's database of SQLite: older packages are named, with epochs, exposed ones marked" {
	skip_unless_program rpmbuild
	run -0 as_fedora "$CLOCHE" outdated --packages
	assert_output --regexp "old(:latest)? +fedora 30 +2 +4 +4 +- +support ended on 2020-05-26"
	assert_output --partial "bash 9-1.fc30, the host has 10-1.fc30 (exposed)"
	assert_output --partial "zz-other 9-1.fc30, the host has 10-1.fc30"
	refute_output --partial "zz-other 9-1.fc30, the host has 10-1.fc30 (exposed)"
	assert_output --partial "moved 2-1.fc30, the host has 1:1-1.fc30"
	assert_output --regexp "less(:latest)? +fedora 30 +0 +1 +2 "
}

@test "rpm's databases of Berkeley DB, and of rpm's own form that SUSE has, tell the same" {
	skip_unless_program rpmbuild
	as_fedora "$CLOCHE" outdated --json >all
	jq -e '[.[] | select(.Image | test("^(old|berkeley|suse)")) | .Older] | length == 3 and .[0] == .[1] and .[0] == .[2] and (.[0] | length == 4)' all
}

@test "the most urgent comes first, above all what a container uses" {
	skip_unless_program rpmbuild
	as_fedora "$CLOCHE" outdated --json >all
	jq -e '[.[].Image | split(":")[0]] == ["berkeley", "old", "suse", "less"]' all
	cloche create --name user --network none less /none >/dev/null
	as_fedora "$CLOCHE" outdated --json >all
	cloche rm user >/dev/null
	jq -e '.[0] | (.Image | startswith("less")) and .Containers == "user"' all
}

@test "a database that is damaged, a view without end, or of an unknown form is listed with the reason" {
	skip_unless_program rpmbuild
	local place=$work/hostile
	cp -a "$work/less" "$place"
	head -c 20000 "$work/old/var/lib/rpm/rpmdb.sqlite" >"$place/var/lib/rpm/rpmdb.sqlite"
	image "$place" cut
	rm "$place"/var/lib/rpm/rpmdb.sqlite*
	python3 - "$place/var/lib/rpm/rpmdb.sqlite" <<-'END'
		import sqlite3, sys
		db = sqlite3.connect(sys.argv[1])
		db.execute("CREATE VIEW Packages AS WITH RECURSIVE n(blob) AS (SELECT 1 UNION ALL SELECT blob + 1 FROM n) SELECT blob FROM n WHERE blob < 0")
		db.commit()
	END
	image "$place" endless
	rm "$place/var/lib/rpm/rpmdb.sqlite"
	printf 'RpmP%0512d' 0 >"$place/var/lib/rpm/Packages"
	image "$place" slotless
	printf 'Rpm?%0512d' 0 >"$place/var/lib/rpm/Packages"
	image "$place" unknown
	run -0 as_fedora "$CLOCHE" outdated
	assert_output --regexp "cut(:latest)? .*the rpm database is damaged: "
	assert_output --regexp "endless(:latest)? .*the rpm database is damaged: interrupted"
	assert_output --regexp "slotless(:latest)? .*the rpm database is of version [0-9]+, not 0"
	assert_output --regexp "unknown(:latest)? .*an rpm database of an unknown form"
	cloche rmi cut endless slotless unknown >/dev/null
}

@test "compat tells how far behind the host an image is, and how old" {
	skip_unless_program rpmbuild
	run -0 as_fedora "$CLOCHE" compat old
	assert_output --regexp "warning +patches +4 of 4 packages that the host has too are older than its own"
	assert_output --regexp "ok +age +made 20[0-9-]+, [0-9]+ days ago"
}
