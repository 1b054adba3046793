#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016,SC2154 # expanded by the shell in the container; set by bats' run
# OCI hooks: those of --hooks-dir and those of CDI devices.

load helper
load box

setup_file()
{
	cloche_setup_file
	make_box
	# hooks of createContainer are the container's root, who has to get to them and to what they are shown
	chmod 0711 "$CLOCHE_TEST_DIR"
}

setup()
{
	cloche_setup
	HOOKS=$(mktemp -d /tmp/cloche-hooks.XXXX)
	chmod 0755 "$HOOKS"
	mkdir -m 1777 "$HOOKS/said"
	# what each stage sees, in a file of its own
	cat >"$HOOKS/tell" <<-'END'
		#!/bin/sh
		{ cat; echo; echo "args $*"; echo "env $WORD"; } >"$(dirname "$0")/said/$1"
	END
	chmod 0755 "$HOOKS/tell"
}

teardown()
{
	remove_containers
	rm -rf "$HOOKS"
}

# hook FILE WHEN STAGE [MORE]
hook()
{
	mkdir -p dir
	cat >"dir/$1" <<-END
		{ "version": "1.0.0", "hook": { "path": "$HOOKS/tell", "args": ["tell", "$3"], "env": ["WORD=w", "PATH=/usr/bin:/bin"]${4:-} },
		  "when": $2, "stages": ["$3"] }
	END
}

@test "every stage: the state on stdin, arguments, environment; poststop at the end" {
	local stage id

	for stage in prestart createRuntime createContainer startContainer poststart poststop; do
		hook "$stage.json" '{"always": true}' "$stage"
	done
	# inside, startContainer's program is the container's
	id=$(cloche run -d --name web --network none --annotation a.b=c --hooks-dir dir -v "$HOOKS:$HOOKS" box sleep 1000)
	for stage in prestart createRuntime createContainer startContainer poststart; do
		assert_equal "$(head -n 1 "$HOOKS/said/$stage" | jq -r '[.id, .annotations["a.b"]] | join(" ")')" "$id c"
		assert_equal "$(tail -n 2 "$HOOKS/said/$stage")" "args $stage"$'\nenv w'
	done
	assert_equal "$(head -n 1 "$HOOKS/said/prestart" | jq -r .status)" creating
	assert_equal "$(head -n 1 "$HOOKS/said/startContainer" | jq -r .status)" created
	assert_equal "$(head -n 1 "$HOOKS/said/poststart" | jq -r '"\(.status) \(.pid)"')" "running $(of web State.Pid)"
	[ ! -e "$HOOKS/said/poststop" ]
	cloche stop -t 0 web
	until_true 20 test -s "$HOOKS/said/poststop"
	assert_equal "$(head -n 1 "$HOOKS/said/poststop" | jq -r '"\(.status) \(.pid)"')" 'stopped null'
	[ ! -e "$CLOCHE_RUN_ROOT/hooks/$id" ]
	# again at the next start, and kept by recreate and inspect --as
	rm "$HOOKS"/said/*
	cloche start web
	[ -s "$HOOKS/said/createRuntime" ]
	run cloche inspect --as run web
	assert_output --partial "--hooks-dir $PWD/dir"
}

@test "when: annotations, commands, bind mounts and always; all that is said must hold" {
	hook a.json '{"annotations": {"^my\\.": "^y"}}' prestart
	runs() { rm -f "$HOOKS"/said/*; inside --hooks-dir dir "$@" && [ -e "$HOOKS/said/prestart" ]; }
	never() { ! runs "$@"; }
	runs --annotation my.key=yes box true
	never --annotation my.key=no box true
	never --annotation not.my.key=yes box true
	hook a.json '{"commands": ["/nothing$", "/true$"]}' prestart
	runs box /bin/true
	never box /bin/sh -c true
	hook a.json '{"hasBindMounts": true}' prestart
	runs -v "$PWD:/x" box true
	never box true
	hook a.json '{"always": true, "hasBindMounts": true}' prestart
	never box true
	hook a.json '{"always": false}' prestart
	never box true
	hook a.json '{}' prestart
	never box true
	# a later folder replaces a file of the same name
	mkdir second
	hook a.json '{"always": true}' prestart
	sed 's/"always": true/"always": false/' dir/a.json >second/a.json
	never --hooks-dir second box true
}

@test "a hook that fails or hangs ends the start with its words; after the start it is a warning" {
	hook a.json '{"always": true}' createRuntime
	printf '#!/bin/sh\nexit 3\n' >"$HOOKS/tell"
	run inside --hooks-dir dir box true
	assert_failure 125
	assert_output --partial "createRuntime hook $HOOKS/tell: exit status 3"
	hook a.json '{"always": true}' createContainer
	run inside --hooks-dir dir box true
	assert_failure 125
	assert_output --partial "createContainer hook $HOOKS/tell"
	hook a.json '{"always": true}' poststart
	run inside --hooks-dir dir box echo runs
	assert_success
	assert_line runs
	assert_output --partial "poststart hook $HOOKS/tell: exit status 3"
	printf '#!/bin/sh\nexec sleep 600\n' >"$HOOKS/tell"
	hook a.json '{"always": true}' prestart ', "timeout": 1'
	run inside --hooks-dir dir box true
	assert_failure 125
	assert_output --partial "did not end within 1 s and was killed"
	assert_equal "$(ls -A "$CLOCHE_RUN_ROOT/hooks")" ""
}

@test "what is no hook file is refused before anything is made" {
	mkdir dir
	refused 'No such file or directory' --hooks-dir no-such
	echo '{' >dir/a.json
	refused 'a.json: line' --hooks-dir dir
	echo '{"version": "0.1.0", "hook": "/bin/true"}' >dir/a.json
	refused 'a.json: version "0.1.0" is not 1.0.0' --hooks-dir dir
	hook a.json '{"always": true}' noSuchStage
	refused 'unknown stage "noSuchStage"' --hooks-dir dir
	hook a.json '{"commands": ["("]}' prestart
	refused 'pattern "("' --hooks-dir dir
	rm "$HOOKS/tell"
	hook a.json '{"always": true}' prestart
	refused "$HOOKS/tell: No such file" --hooks-dir dir
}

@test "CDI in YAML: hooks, mounts of memory, variables; a createContainer hook finds the container's root" {
	mkdir cdi
	cat >cdi/vendor.yaml <<-END
		cdiVersion: "0.7.0"
		kind: vendor.example/widget
		containerEdits:
		  env: [ALL=yes]
		devices:
		  - name: one
		    containerEdits:
		      env:
		        - WIDGET=one
		      deviceNodes:
		        - {path: /dev/widget, hostPath: /dev/kmsg, permissions: w, fileMode: 0640}
		      mounts:
		        - hostPath: tmpfs
		          containerPath: /scratch
		          type: tmpfs
		      hooks:
		        - hookName: createContainer
		          path: $HOOKS/link
		          args: [link, /usr/lib/widget]
	END
	# as the hooks of vendors do it: the bundle's config.json names the root
	cat >"$HOOKS/link" <<-'END'
		#!/bin/sh
		bundle=$(jq -r .bundle) && root=$(jq -r .root.path "$bundle/config.json") && mkdir -p "$root/usr/lib" && ln -s here "$root$1"
	END
	chmod 0755 "$HOOKS/link"
	export CLOCHE_CDI_DIRS=$PWD/cdi
	run inside --device vendor.example/widget=one box sh -c 'readlink /usr/lib/widget; stat -c %a /dev/widget; echo $ALL $WIDGET; mount | grep /scratch'
	assert_success
	assert_line here
	assert_line 640
	assert_line 'yes one'
	assert_output --partial 'on /scratch type tmpfs'
	printf 'cdiVersion: "0.7.0"\nkind: a: b\n' >cdi/broken.yaml
	refused 'CDI file broken.yaml: line 2' --device vendor.example/widget=one
}
