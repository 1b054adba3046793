#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# inspect against what dockerd printed (tests/data/inspect), and inspect of every kind of object.

# shellcheck disable=SC2016 # templates have dollars of their own
load helper

setup_file()
{
	cloche_setup_file
	mkdir -p "$CLOCHE_TEST_DIR/tree/bin" "$CLOCHE_TEST_DIR/tree/etc"
	cp "$(command -v busybox)" "$CLOCHE_TEST_DIR/tree/bin/busybox"
	ln -s busybox "$CLOCHE_TEST_DIR/tree/bin/sh"
	echo root:x:0:0:root:/root:/bin/sh >"$CLOCHE_TEST_DIR/tree/etc/passwd"
	tar -C "$CLOCHE_TEST_DIR/tree" -cf - . |
		cloche import -c 'CMD ["sh"]' -c 'ENV A=1 PATH=/bin' -c 'LABEL maker=us' -c 'EXPOSE 80' - busy:1
}

@test "inspect has every key of Docker's, with its type and value, for 20 sets of options and more" {
	run -0 python3 "$BATS_TEST_DIRNAME/compare_inspect.py" "$SOURCE_DIR/tests/data/inspect/expected.json" "$CLOCHE" busy:1
	echo "$output"
}

@test "inspect finds containers, images, networks and volumes, and --type only one kind" {
	cloche create --name thing -v thing:/data busy:1 >/dev/null
	[ "$(cloche inspect -f '{{.Name}}' thing)" = /thing ]
	[ "$(cloche inspect --type volume -f '{{.Name}} {{.Driver}}' thing)" = "thing local" ]
	[ "$(cloche inspect --type image -f '{{index .RepoTags 0}}' busy:1)" = busy:1 ]
	[ "$(cloche inspect --type network -f '{{.Name}} {{.Driver}}' bridge)" = "bridge bridge" ]
	[ "$(cloche inspect -f '{{.Driver}}' bridge)" = bridge ]
	run -1 cloche inspect --type image thing
	[ "${lines[0]}" = "[]" ]
	run -1 cloche inspect nothing
	[[ $output == *'Error: No such object: nothing' ]]
	run -1 cloche inspect --type colour thing
	[[ $output == *'"colour" is not a valid value for --type' ]]
	cloche rm thing
	cloche volume rm thing
}

@test "inspect -s counts what a container wrote" {
	cloche run --name sized --network none busy:1 busybox head -c 5000 /dev/zero >/dev/null
	[ "$(cloche inspect -s -f '{{.SizeRw}}' sized)" = 0 ]
	cloche rm sized
	cloche run --name sized --network none busy:1 sh -c 'busybox head -c 5000 /dev/zero >/five'
	[ "$(cloche inspect -s -f '{{.SizeRw}}' sized)" = 5000 ]
	[ "$(cloche inspect -s -f '{{.SizeRootFs}}' sized)" -gt 5000 ]
	run -0 cloche inspect -f '{{.GraphDriver.Data.UpperDir}}' sized
	[ -f "$output/five" ]
	cloche rm sized
}

@test "the paths that scripts read answer as Docker's" {
	cloche run -d --name read --network none --tmpfs /t -e FOO=bar -l app=web busy:1 busybox sleep 1000 >/dev/null
	run -0 cloche inspect -f '{{.State.Running}} {{.State.Paused}} {{.RestartCount}} {{.HostConfig.NetworkMode}} {{.Config.Entrypoint}} {{.HostConfig.Binds}} {{.Config.Volumes}} {{.HostConfig.RestartPolicy.Name}} {{len .Mounts}}' read
	[ "$output" = "true false 0 none [] [] map[] no 0" ]
	run -0 cloche inspect -f '{{range $k, $v := .NetworkSettings.Networks}}{{$k}}{{end}} {{json .HostConfig.CapAdd}} {{json .ExecIDs}} {{.Config.Labels.app}} {{.HostConfig.Tmpfs}}' read
	[ "$output" = "none null null web map[/t:]" ]
	pid=$(cloche inspect -f '{{.State.Pid}}' read)
	[ "$(cloche inspect -f '{{.GraphDriver.Data.MergedDir}}' read)" = "/proc/$pid/root" ]
	[ "$(cat "$(cloche inspect -f '{{.HostnamePath}}' read)")" = "$(cloche inspect -f '{{.Config.Hostname}}' read)" ]
	cloche rm -f read
}
