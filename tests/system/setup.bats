#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016 # scripts are for other shells
# ./setup: it explains itself, shows a first container, installs and removes what it installed; manual pages and completions.

load helper

# The build folder is there; nothing of it is to be made again by a test beside others.
ours() { env -u CLOCHE_ROOT -u CLOCHE_RUN_ROOT "$SOURCE_DIR/setup" "$@"; }

@test "alone it explains itself, and an unknown verb is refused" {
	run ours
	assert_success
	for verb in deps build try test bench fuzz lint format install uninstall clean sweep; do
		assert_output --partial "./setup $verb"
	done
	run ours no-such-verb
	assert_failure
	assert_output --partial "unknown verb 'no-such-verb'"
	run ours install --what
	assert_failure
	assert_output --partial "unknown option '--what'"
}

@test "try shows a container, what the host sees of it, and leaves nothing" {
	ip -o link show | cut -d : -f 2 | cut -d @ -f 1 | sort >links
	run ours try
	assert_success
	assert_output --partial "bell"
	assert_output --regexp 'uid=0'
	assert_output --regexp '[0-9]+ +[0-9]{9,10} sleep 600'
	assert_output --partial "ding"
	assert_output --partial "no process, no mount, no container"
	ip -o link show | cut -d : -f 2 | cut -d @ -f 1 | sort | diff links -
	run ! grep -F /var/tmp/cloche-try. /proc/self/mountinfo /run/lock/cloche/uids
	assert_equal "$(compgen -G '/var/tmp/cloche-try.*' || :)" ""
}

@test "what is installed with a prefix works from there, and uninstall takes all of it away" {
	local prefix=$BATS_TEST_TMPDIR/opt

	run ours install --prefix "$prefix"
	assert_success
	for file in bin/cloche bin/cloche-monitor libexec/cloche/cloche-init libexec/cloche/cloche-transfer \
		share/man/man1/cloche.1 share/man/man1/cloche-run.1 share/bash-completion/completions/cloche.bash \
		share/zsh/site-functions/_cloche share/fish/vendor_completions.d/cloche.fish \
		lib/systemd/system/cloche.service lib/systemd/network/10-cloche.network \
		lib/systemd/network/10-cloche-veth.network \
		lib/NetworkManager/conf.d/10-cloche.conf etc/init.d/cloche etc/firewalld/zones/cloche.xml; do
		[ -e "$prefix/$file" ] || fail "there is no $file"
	done
	run "$prefix/bin/cloche" run --rm --init --network none host echo installed
	assert_success
	assert_output installed
	grep -qx "ExecStart=$prefix/bin/cloche system start" "$prefix/lib/systemd/system/cloche.service"
	run "$prefix/etc/init.d/cloche" start
	assert_success
	assert_output "0 started"
	mkdir root
	tar -cf root.tar -C root .
	"$prefix/bin/cloche" import root.tar empty:1
	"$prefix/bin/cloche" rmi empty:1
	touch "$prefix/bin/mine"
	ours install --prefix "$prefix" # again, over itself, while it runs
	run ours uninstall --prefix "$prefix"
	assert_success
	assert_equal "$(cd "$prefix" && find . -mindepth 1 | sort)" "./bin
./bin/mine"
	run ours uninstall --prefix "$prefix"
	assert_failure
	assert_output --partial "no Cloche was installed"
}

@test "install over a running container does not disturb it" {
	local prefix=$BATS_TEST_TMPDIR/opt

	ours install --prefix "$prefix"
	"$prefix/bin/cloche" run -d --network none --name stays host sleep 600
	ours install --prefix "$prefix"
	"$prefix/bin/cloche" exec stays true
	"$prefix/bin/cloche" rm -f stays
	ours uninstall --prefix "$prefix"
	[ ! -e "$prefix" ] || [ -z "$(find "$prefix" -type f)" ]
}

@test "DESTDIR is put in front, and is not in what is installed" {
	DESTDIR=$PWD/dest ours install --prefix /usr
	[ -x dest/usr/bin/cloche ]
	[ -e dest/usr/share/man/man1/cloche.1 ]
	[ -x dest/etc/init.d/cloche ]
	grep -qx "ExecStart=/usr/bin/cloche system start" dest/usr/lib/systemd/system/cloche.service
	run ! grep -rlF "$PWD/dest" dest
	run ! grep -F "$PWD" dest/usr/share/cloche/installed
	DESTDIR=$PWD/dest ours uninstall --prefix /usr
	assert_equal "$(find dest -type f)" ""
}

@test "every command has a manual page that man takes without a warning" {
	local command page

	mkdir man
	cloche system docs man man
	for command in run create start stop kill rm ps exec logs attach wait inspect events info version load images; do
		[ -s "man/cloche-$command.1" ] || fail "there is no page for $command"
	done
	for page in man/*.1; do
		LC_ALL=C.UTF-8 MANROFFSEQ='' man --warnings=all -E UTF-8 -l "$page" >text 2>warnings </dev/null
		# a long word in a narrow column is no mistake of ours
		! grep -vE "cannot (adjust|break) line|can't break line" warnings || fail "in $page"
		grep -q '^NAME' text
		grep -q '^SYNOPSIS' text
	done
	# each option of --help is in the page
	cloche run --help | grep -oE -- '--[a-z][a-z-]+' | sort -u >options
	man -E UTF-8 -l man/cloche-run.1 | tr -d '\b' >text
	while read -r option; do
		grep -q -e "$option" text || fail "cloche-run.1 has no $option"
	done <options
}

@test "the completions are made from the same tables, and bash's completes" {
	cloche system docs bash >cloche.bash
	cloche system docs zsh >_cloche
	cloche system docs fish >cloche.fish
	bash -n cloche.bash
	! command -v zsh >/dev/null || zsh -n _cloche
	! command -v fish >/dev/null || fish -n cloche.fish
	# where there is no fish: each line has its quotes closed
	assert_equal "$(sed "s/\\\\'//g" cloche.fish | awk -F"'" 'NF % 2 == 0' | head -n 3)" ""
	grep -q '^#compdef cloche' _cloche
	for word in run inspect --cap-add; do
		grep -qe "$word" cloche.bash
		grep -qe "$word" _cloche
		grep -qe "${word#--}" cloche.fish
	done
	# what a user gets who presses TAB
	completed()
	{
		bash -c '
			. ./cloche.bash
			COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE=$* COMP_POINT=${#COMP_LINE}
			"$(complete -p cloche | sed "s/.*-F \([^ ]*\).*/\1/")" cloche
			printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
	}
	completed cloche ru | grep -qx 'run *'
	completed cloche run --cap-a | grep -q -- '--cap-add'
	PATH=$CLOCHE_BUILD:$PATH
	cloche create --network none --name tabbed host true
	completed cloche rm tab | grep -q tabbed
	cloche rm tabbed
}
