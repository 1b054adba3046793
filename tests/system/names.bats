#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Names of container users in the host's own tools (libnss_cloche).

load helper
load on_host

# shellcheck disable=SC2016 # for awk
base_of() { cloche inspect -f '{{.State.Pid}}' "$1" | xargs -I{} awk '{ print $2 }' /proc/{}/uid_map; }

@test "names are enabled in nsswitch.conf, with a backup, and disabled again" {
	cp /etc/nsswitch.conf before
	run -1 on_host "$CLOCHE" system names status
	assert_line "names:   disabled"
	run -0 on_host "$CLOCHE" system names enable
	run -0 on_host "$CLOCHE" system names enable
	assert_output --partial already
	run -0 on_host "$CLOCHE" system names status
	assert_line "names:   enabled"
	run -0 on_host grep -cE '^(passwd|group):.* cloche$' /etc/nsswitch.conf
	assert_output 2
	run -0 on_host cat /etc/nsswitch.conf.before-cloche
	assert_equal "$output" "$(cat before)"
	run -0 on_host "$CLOCHE" system names disable
	run -0 on_host cat /etc/nsswitch.conf
	assert_equal "$output" "$(cat before)"
	on_host "$CLOCHE" system names enable
}

@test "enable is refused where the module is not installed" {
	run -1 "$CLOCHE" system names enable
	assert_output --partial "does not find libnss_cloche.so.2"
}

@test "ps, ls, id and getent show CONTAINER.USER and the way back" {
	local base

	on_host "$CLOCHE" system names enable
	cloche run -d --name webby -u www-data --network none host sleep 1000
	base=$(base_of webby)
	run -0 on_host ps -eo user:32,args
	assert_line "webby.www-data                   sleep 1000"
	run -0 on_host getent passwd $((base + 33))
	assert_output "webby.www-data:*:$((base + 33)):$((base + 33)):user of container webby:/nonexistent:/usr/sbin/nologin"
	run -0 on_host getent group $((base + 4))
	assert_output "webby.adm:*:$((base + 4)):"
	run -0 on_host getent passwd $((base + 4321))
	assert_output --partial "webby.4321:*:$((base + 4321))"
	run -0 on_host id -u webby.www-data
	assert_output $((base + 33))
	run -0 on_host id webby.root
	assert_output "uid=$base(webby.root) gid=$base(webby.root) groups=$base(webby.root)"
	run -0 on_host getent passwd webby.4321
	assert_output --partial ":$((base + 4321)):"
	touch file
	chown $((base + 33)):$((base + 4)) file
	run -0 on_host ls -l "$PWD/file"
	assert_output --partial " webby.www-data webby.adm "
	run -0 on_host find "$PWD/file" -user webby.www-data -group webby.adm
	assert_output "$PWD/file"
}

@test "what is nobody's has no name" {
	local record text

	run -2 on_host getent passwd 1879000000
	run -2 on_host getent passwd 65536
	run -2 on_host getent passwd nobody.here
	run -2 on_host getent passwd webby.nobody-at-all
	run -2 on_host getent passwd webby.33 # it has a name
	run -2 on_host getent passwd ../webby.root
	# nor what a file of another form says
	record=$CLOCHE_RUN_ROOT/names/$(base_of webby)
	text=$(readlink "$record")
	[ -n "$text" ]
	ln -sfn "${text/cloche-names 1/cloche-names 2}"$'\n' "$record"
	run -2 on_host getent passwd "$(base_of webby)"
	ln -sfn "$text"$'\n' "$record"
	run -0 on_host getent passwd "$(base_of webby)"
}

@test "enumeration has the host's users and the containers', once each" {
	run -0 on_host getent passwd
	assert_line "$(getent passwd root)"
	assert_equal "$(grep -c ^webby.root: <<<"$output")" 1
	assert_equal "$(cut -d: -f1 <<<"$output" | sort | uniq -d)" ""
	run -0 on_host getent group
	assert_equal "$(grep -c ^webby.adm: <<<"$output")" 1
}

@test "a set-user-id program and a host user get the names too" {
	local base

	base=$(base_of webby)
	install -m 4755 "$(command -v id)" "$CLOCHE_TEST_DIR/suid-id"
	run -0 on_host setpriv --reuid 65534 --clear-groups "$CLOCHE_TEST_DIR/suid-id" -un $((base + 33))
	assert_output webby.www-data
}

@test "a user made in the container has a name after the next exec" {
	local base

	base=$(base_of webby)
	cloche exec -u root webby sh -c 'echo "Late-User:x:777:777::/:/bin/sh" >>/etc/passwd'
	cloche exec webby true
	run -0 on_host getent passwd $((base + 777))
	assert_output --partial "webby.late-user:"
}

@test "a commit tells the names of users that were made since the last exec" {
	mkdir -p tree/bin tree/etc
	cp "$(command -v busybox)" tree/bin/busybox
	ln -s busybox tree/bin/sh
	tar -C tree -cf - . | cloche import - names:1 >/dev/null
	cloche run -d --network none --name committer names:1 sh -c \
		'echo "committed:x:778:778::/:/bin/sh" >/etc/passwd; : >/made; exec busybox sleep 1000' >/dev/null
	until_true 20 cloche cp committer:/made made
	run -2 on_host getent passwd committer.committed
	run -0 cloche commit committer names:2
	run -0 on_host getent passwd committer.committed
	cloche rm -f committer >/dev/null
	cloche rmi names:1 names:2 >/dev/null
}

@test "of a container's passwd nothing gets in but [a-z0-9_.-]" {
	local base

	base=$(base_of webby)
	cloche exec -u 0 webby cp /etc/passwd /etc/passwd.good
	# shellcheck disable=SC2016 # nothing is to be expanded
	printf '%b' 'esc\033[2Jape:x:900:900::/:/\n' 'two words:x:901:901::/:/\n' '../../etc:x:902:902::/:/\n' '\0303\0244:x:903:903::/:/\n' \
		'tab\tbed:x:904:904::/:/\n' 'a:b:x:905:905::/:/\n' 'root\r:x:906:906::/:/\n' 'u 0 0 root:x:907:907::/:/\n' \
		'%s%n:x:908:908::/:/\n' 'UPPER:x:909:909::/:/\n' '$(id):x:910:910::/:/\n' '4711:x:911:911::/:/\n' 'neg:x:-1:-1::/:/\n' \
		'far:x:70000:70000::/:/\n' 'good-one_2.x:x:912:912::/:/\n' |
		cloche exec -i -u 0 webby sh -c 'cat >/etc/passwd'
	cloche exec -u 0 webby true
	run -0 readlink "$CLOCHE_RUN_ROOT/names/$base"
	assert_equal "${lines[0]}" "cloche-names 1 webby"
	assert_equal "$(printf '%s\n' "${lines[@]:1}" | LC_ALL=C grep -vcE '^(u [0-9]+ [0-9]+|g [0-9]+) [a-z0-9_.-]+$')" 0
	assert_equal "$(printf '%s\n' "${lines[@]}" | grep '^u')" "$(printf 'u 909 909 upper\nu 912 912 good-one_2.x')"
	# the way back has the same behind the number
	run -0 readlink "$CLOCHE_RUN_ROOT/names/by-name/webby"
	assert_equal "$output" "$base"$'\n'"$(readlink "$CLOCHE_RUN_ROOT/names/$base")"
	run -0 on_host getent passwd $((base + 900)) # its number stands for it
	assert_output --partial "webby.900:"
	cloche exec -u 0 webby cp /etc/passwd.good /etc/passwd
	cloche exec webby true
}

@test "systemd's module beside ours changes nothing" {
	local base

	base=$(base_of webby)
	run -0 on_host sh -c "sed -i 's/^\(passwd\|group\):.*/\1: files systemd cloche/' /etc/nsswitch.conf"
	run -0 on_host id -un $((base + 33))
	assert_output webby.www-data
	run -0 on_host id -u webby.www-data
	assert_output $((base + 33))
	run -0 on_host getent passwd root
	assert_output --partial "root:x:0:0:"
	run -2 on_host getent passwd webby.nobodyhasit
	run -0 on_host sh -c 'getent passwd | cut -d : -f 1 | sort | uniq -d'
	assert_output ""
	run -0 on_host sh -c "sed -i 's/ systemd//' /etc/nsswitch.conf"
}

# The daemon and who asks it in one mount namespace, away from the host's own.
@test "nscd gives the names, and forgets those of a container that is removed" {
	local base

	skip_unless_program nscd
	cloche run -d --name cached --network none host sleep 1000 >/dev/null
	base=$(base_of cached)
	# shellcheck disable=SC2016 # for the inner shell
	run -0 on_host sh -ec '
		mkdir -p /run/nscd /var/cache/nscd
		mount -t tmpfs nscd /run/nscd
		mount -t tmpfs nscd /var/cache/nscd
		printf "%s\n" "enable-cache passwd yes" "enable-cache group yes" "positive-time-to-live passwd 600" \
			"persistent passwd no" "shared passwd no" "persistent group no" "shared group no" >/etc/nscd.conf
		nscd --foreground >/dev/null 2>&1 &
		daemon=$!
		trap "kill $daemon; wait $daemon || :" EXIT
		n=0
		until nscd --statistics >/dev/null 2>&1 || [ $n -gt 400 ]; do n=$((n + 1)); sleep 0.05; done
		id -un "$2"
		mv "$1/names/$2" "$1/names/away"
		id -un "$2"
		mv "$1/names/away" "$1/names/$2"
		"$3" rm -f cached >/dev/null
		n=0
		while id -un "$2" 2>/dev/null && [ $n -lt 400 ]; do n=$((n + 1)); sleep 0.05; done
		[ $n -lt 400 ]
		id -un "$2" 2>/dev/null || echo gone' sh "$CLOCHE_RUN_ROOT" "$base" "$CLOCHE"
	assert_equal "${lines[0]}" cached.root # by the module, within the daemon
	assert_equal "${lines[1]}" cached.root # from its memory: the record was away
	assert_equal "${lines[-1]}" gone
}

@test "a static program, which has no modules, is unaffected" {
	local base

	base=$(base_of webby)
	: >"$CLOCHE_TEST_DIR/owned"
	chown "$((base + 33)):$((base + 33))" "$CLOCHE_TEST_DIR/owned"
	run -1 ldd "$(command -v busybox)"
	run -0 on_host busybox stat -c '%u %U' "$CLOCHE_TEST_DIR/owned"
	assert_output "$((base + 33)) UNKNOWN"
	run -0 on_host stat -c '%u %U' "$CLOCHE_TEST_DIR/owned"
	assert_output "$((base + 33)) webby.www-data"
}

@test "a container with a thousand users has all their names" {
	local base

	base=$(base_of webby)
	cloche exec -u 0 webby sh -c 'seq 2000 2600 | sed "s/.*/user&:x:&:&::\/:/" >>/etc/passwd'
	cloche exec webby true
	run -0 on_host id -u webby.user2555
	assert_output $((base + 2555))
	run -0 on_host getent group webby.adm
}

@test "passwd of the container may be anything: a fifo, a device, a link out, nonsense" {
	local what base

	for what in 'mkfifo /etc/passwd' 'ln -s /dev/zero /etc/passwd' 'ln -s ../../../../etc/shadow /etc/passwd' \
		'head -c 3000000 /dev/urandom >/etc/passwd'; do
		cloche exec -u 0 webby sh -c "rm -f /etc/passwd; $what"
		run -0 timeout 100 "$CLOCHE" exec -u 0 webby true
		base=$(base_of webby)
		run -0 on_host getent passwd "$base"
		assert_output "webby.0:*:$base:$base:user of container webby:/nonexistent:/usr/sbin/nologin"
	done
}

@test "nothing remains of a removed container, and a stopped one keeps its names" {
	local base

	base=$(base_of webby)
	cloche stop -t 1 webby
	run -0 on_host getent passwd "$base"
	cloche rm webby
	run -2 on_host getent passwd "$base"
	assert_equal "$(find "$CLOCHE_RUN_ROOT/names" -mindepth 1 ! -name by-name)" ""
}

@test "the setting closes the names to users, or writes none" {
	local base

	CLOCHE_NAMES='admin' cloche run -d --name admins --network none host sleep 1000
	base=$(base_of admins)
	run -0 on_host getent passwd "$base"
	run -2 on_host setpriv --reuid 65534 --clear-groups getent passwd "$base"
	run -0 on_host setpriv --reuid 65534 --clear-groups --regid adm getent passwd "$base"
	CLOCHE_NAMES=off cloche run -d --name none --network none host sleep 1000
	run -2 on_host getent passwd "$(base_of none)"
	CLOCHE_NAMES=off cloche exec admins true # what was told before is taken back
	run -2 on_host getent passwd "$base"
	run -125 env CLOCHE_NAMES=some "$CLOCHE" ps
	assert_output --partial "names = some"
}
