#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Docker's templates as users type them; what the language is, src/cli/format_test.c compares with Docker's client.

# shellcheck disable=SC2016 # templates have dollars of their own
load helper

setup_file()
{
	cloche_setup_file
	cloche create --name one -l app=web -l 'com.x/y=a b' -e FOO=bar host true >/dev/null
	cloche create --name two host sh -c 'exit 7' >/dev/null
}

@test "inspect takes a template with conditions, loops and functions" {
	run -0 cloche inspect -f '{{if eq .State.Status "created"}}{{upper .Name}}{{end}} {{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}' one
	[ "$output" = "/ONE app=web;com.x/y=a b;" ]
	run -0 cloche inspect -f '{{index .Config.Labels "com.x/y"}}|{{join .Args "+"}}|{{json .Config.Cmd}}' one two
	[ "${lines[0]}" = 'a b||["true"]' ]
	[ "${lines[1]}" = '|-c+exit 7|["sh","-c","exit 7"]' ]
}

@test "inspect -f json gives one list on one line" {
	run -0 cloche inspect -f json one two
	[ ${#lines[@]} -eq 1 ]
	[ "$(jq -r '.[].Name' <<<"$output" | paste -sd,)" = /one,/two ]
}

@test "an error of a template names the place" {
	run -1 cloche inspect -f '{{.State.Health.Status}}' one
	[[ $output == *'template parsing error: template: :1:8: executing "" at <.State.Health.Status>: map has no entry for key "Health"' ]]
	run -1 cloche ps -a --format '{{.Foo}}'
	[[ $output == *"template: :1:2: executing \"\" at <.Foo>: can't evaluate field Foo in type"* ]]
	run -1 cloche ps -a --format '{{.ID'
	[[ $output == *'template: :1: unclosed action' ]]
}

@test "ps prints tables of any columns, with a label's value" {
	run -0 cloche ps -a --format 'table {{.Names}}\t{{.Label "app"}}\t{{lower .State}}'
	[ "${lines[0]}" = "NAMES     app       STATE" ]
	[ "${lines[1]}" = "two                 created" ]
	[ "${lines[2]}" = "one       web       created" ]
	run -0 cloche ps -a --format '{{.Labels}}' --filter name=one
	[ "$output" = "app=web,com.x/y=a b" ]
}

@test "ps --format json prints an object a line, keys sorted" {
	run -0 cloche ps -a --format json
	[ ${#lines[@]} -eq 2 ]
	[[ ${lines[0]} == '{"Command":'* ]]
	[ "$(jq -r .Names <<<"${lines[1]}")" = one ]
}

@test "version and info answer what tools ask" {
	run -0 cloche version --format '{{.Server.Version}}'
	[[ $output =~ ^[0-9]+\.[0-9]+ ]]
	run -0 cloche info --format '{{json .SecurityOptions}}{{.Swarm.LocalNodeState}}'
	[[ $output == '["name=seccomp,profile=builtin"'*']inactive' ]]
}
