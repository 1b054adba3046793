#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# bats file_tags=slow
# shellcheck disable=SC2016,SC2154,SC1003 # expanded by the shell in the container; set by bats' run; a backslash is one
# A container from what is recorded of one: inspect --as, and recreate.

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
	mapfile -t names < <(cloche volume ls -q)
	[ ${#names[@]} -eq 0 ] || cloche volume rm "${names[@]}" >/dev/null
}

names() { cloche ps -a --format '{{.Names}}' | sort | tr '\n' ' '; }
id_of() { cloche inspect -f '{{.Id}}' "$1"; }

@test "inspect --as run makes the same container again, for 30 sets of options" {
	run -0 python3 "$BATS_TEST_DIRNAME/as_run.py" "$SOURCE_DIR/tests/data/inspect/expected.json" "$CLOCHE" box
	echo "$output"
}

@test "inspect --as run, compose and quadlet: what stands in them" {
	cloche create -d --name web --network none -e 'A=x $y "z"' -m 64m --restart always -v data:/data -p 127.0.0.1:8080:80 --tz UTC \
		--health-cmd 'test 100%' --ulimit nofile=10:20 box sh -c 'echo $HOME'
	run -0 cloche inspect --as run web
	assert_equal "${lines[0]}" 'cloche run --name web \'
	assert_line $'\t--memory 67108864 \\'
	assert_line $'\t--env \'A=x $y "z"\' \\'
	assert_equal "${lines[-1]}" "	box sh -c 'echo \$HOME'"
	run -0 cloche inspect --as compose web
	assert_line '    environment:'
	assert_line '      - "A=x $$y \"z\""'
	assert_line '    command: ["sh", "-c", "echo $$HOME"]'
	assert_line '    network_mode: "none"'
	assert_line '      nofile: { soft: 10, hard: 20 }'
	assert_line '    # not in Compose: --tz UTC'
	assert_line '  "data":'
	! python3 -c 'import yaml' 2>/dev/null || python3 -c 'import sys, yaml
web = yaml.safe_load(sys.stdin)["services"]["web"]
assert web["ports"] == ["127.0.0.1:8080:80"] and web["mem_limit"] == 67108864, web' <<<"$output"
	run -0 cloche inspect --as quadlet web
	assert_line 'Environment="A=x $y \"z\""'
	assert_line 'HealthCmd=test 100%%'
	assert_line 'PodmanArgs=--memory=67108864'
	assert_line 'Timezone=UTC'
	assert_line 'Exec=sh -c "echo $HOME"'
	assert_line 'Restart=always'
	cloche create --name tight --egress deny host true
	run -0 cloche inspect --as run tight
	assert_equal "$(grep -c -e --egress <<<"$output")" 1
	run cloche inspect --as poetry web
	assert_failure 1
	assert_output --partial 'not run, compose or quadlet'
	run cloche inspect --as run nobody
	assert_failure 1
	assert_output --partial 'No such container: nobody'
}

@test "recreate: the same with other options; volumes stay, also those without a name" {
	cloche run -d --name web --network none -v data:/data -v /nameless -e A=old -e B=kept box sh -c 'echo x >>/data/f; echo y >>/nameless/f; exec sleep 600'
	until_true 20 sh -c '"$CLOCHE" exec web test -s /nameless/f'
	old=$(id_of web)
	new=$(cloche recreate web -e A=new --memory 64m)
	assert_equal "$(id_of web)" "$new"
	[ "$old" != "$new" ]
	assert_equal "$(names)" "web "
	until_true 20 sh -c '[ "$("$CLOCHE" exec web wc -l /nameless/f 2>/dev/null)" = "2 /nameless/f" ]'
	assert_equal "$(cloche exec web sh -c 'echo $A $B; cat /data/f' | tr '\n' ' ')" "new kept x x "
	assert_equal "$(cloche inspect -f '{{.HostConfig.Memory}}' web)" 67108864
	# one that does not run is not started
	cloche stop -t 0 web
	cloche recreate web -e C=3 >/dev/null
	assert_equal "$(cloche inspect -f '{{.State.Status}} {{len .Config.Env}}' web)" "created 3"
}

@test "recreate keeps the old one until the new one is healthy, and goes back when it is not" {
	cloche run -d --name web --network none --health-cmd 'test ! -e /sick' --health-interval 100ms --health-retries 2 box sleep 600
	old=$(id_of web)
	run cloche recreate web --health-cmd false
	assert_failure 1
	assert_output --partial 'is unhealthy'
	assert_equal "$(id_of web)" "$old"
	assert_equal "$(cloche inspect -f '{{.State.Running}}' web) $(names)" "true web "
	run cloche recreate web --entrypoint /no/such/program
	assert_failure 1
	assert_equal "$(id_of web) $(cloche inspect -f '{{.State.Running}}' web) $(names)" "$old true web "
	# what cannot even be made touches nothing
	run cloche recreate web --memory lots
	assert_failure 125
	assert_equal "$(id_of web) $(names)" "$old web "
	new=$(cloche recreate --keep web -l a=b)
	assert_equal "$(names)" "web web.old "
	assert_equal "$(id_of web) $(cloche inspect -f '{{.State.Health.Status}}' web)" "$new healthy"
	cloche recreate --rollback web
	assert_equal "$(id_of web) $(cloche inspect -f '{{.State.Running}}' web) $(names)" "$old true web "
	run cloche recreate --rollback web
	assert_failure 1
	assert_output --partial 'No such container: web.old'
}

@test "a recreate that is killed leaves both, and the way back" {
	skip_unless_hooks
	cloche run -d --name web --network none box sleep 600
	old=$(id_of web)
	CLOCHE_KILL_POINT=recreate-aside run cloche recreate web
	assert_failure 137
	cloche recreate --rollback web
	assert_equal "$(id_of web) $(cloche inspect -f '{{.State.Running}}' web)" "$old true"
}
