#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The commands of README's tour do what README says: they are taken from it and run, one after another.

load helper

# The indented lines between the two marks, with cloche as the build's.
tour() { sed -n '/<!-- tour -->/,/<!-- end of the tour -->/s/^    //p' "$SOURCE_DIR/README.md"; }

@test "every command of the tour works, in README's order" {
	local count=0 line

	while IFS= read -r line; do
		case $line in
		cloche\ *) ;;
		*) fail "README's tour has a line that is no cloche command: $line" ;;
		esac
		run bash -c 'cloche() { "$CLOCHE" "$@"; }; '"$line" </dev/null
		[ "$status" -eq 0 ] || fail "$line" "exit status $status:" "$output"
		case $line in
		*"echo hello") assert_output --partial hello ;;
		"cloche ps") assert_output --partial web ;;
		*"ps -ef") assert_output --partial "sleep 600" ;;
		*inspect*) assert_output --regexp '[0-9]+ ' ;;
		*uid_map) assert_output --regexp '^ +0 +[0-9]{9,10} +65536' ;;
		*"system check") assert_output --partial "nothing found" ;;
		esac
		count=$((count + 1))
	done < <(tour)
	[ "$count" -ge 10 ]
	assert_equal "$(cloche ps -aq)" ""
}

@test "every link of README and CONTRIBUTING leads to a file, and every verb that they name exists" {
	local link verb

	while read -r link; do
		[ -e "$SOURCE_DIR/$link" ] || fail "there is no $link"
	done < <(grep -ohE '\]\([^)#:]+' "$SOURCE_DIR/README.md" "$SOURCE_DIR/CONTRIBUTING.md" | cut -c 3-)
	while read -r verb; do
		grep -q "^verb_$verb()" "$SOURCE_DIR/setup" || fail "./setup has no verb $verb"
	done < <(grep -ohE '\./setup [a-z]+' "$SOURCE_DIR/README.md" "$SOURCE_DIR/CONTRIBUTING.md" | cut -d ' ' -f 2 | sort -u)
}
