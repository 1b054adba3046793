/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "transfer/change.h"

static void instructions_give_what_a_dockerfile_gives(void **state)
{
	static const char *const cases[][2] = {
		{ "CMD [\"a\", \"b\"]", "{\"Cmd\":[\"a\",\"b\"]}" },
		{ "cmd a b", "{\"Cmd\":[\"/bin/sh\",\"-c\",\"a b\"]}" },
		{ "CMD [a]", "{\"Cmd\":[\"/bin/sh\",\"-c\",\"[a]\"]}" },
		{ "CMD []", "{\"Cmd\":[]}" },
		{ "  Entrypoint\t[\"x\"]  ", "{\"Entrypoint\":[\"x\"]}" },
		{ "ENV A=1 B='x  y' C=a\\ b", "{\"Env\":[\"A=1\",\"B=x  y\",\"C=a b\"]}" },
		{ "ENV A one two", "{\"Env\":[\"A=one two\"]}" },
		{ "LABEL a=b c=\"d \\\"e\\\"\"",
		  "{\"Labels\":{\"a\":\"b\",\"c\":\"d \\\"e\\\"\"}}" },
		{ "EXPOSE 80 5000-5001/udp",
		  "{\"ExposedPorts\":{\"5000/udp\":{},\"5001/udp\":{},\"80/tcp\":{}}}" },
		{ "VOLUME [\"/a b\", \"/c\"]", "{\"Volumes\":{\"/a b\":{},\"/c\":{}}}" },
		{ "VOLUME /a /b", "{\"Volumes\":{\"/a\":{},\"/b\":{}}}" },
		{ "WORKDIR a/b c", "{\"WorkingDir\":\"/a/b c\"}" },
		{ "USER 1:2", "{\"User\":\"1:2\"}" },
		{ "STOPSIGNAL 9", "{\"StopSignal\":\"9\"}" },
		{ "HEALTHCHECK NONE", "{\"Healthcheck\":{\"Test\":[\"NONE\"]}}" },
		{ "healthcheck --interval=5s --retries=2 cmd test  -e /x",
		  "{\"Healthcheck\":{\"Interval\":5000000000,\"Retries\":2,\"Test\":[\"CMD-SHELL\",\"test  -e /x\"]}}" },
		{ "HEALTHCHECK --timeout=1m --start-period=0 --start-interval=1.5s CMD [\"a\", \"b\"]",
		  "{\"Healthcheck\":{\"StartInterval\":1500000000,\"StartPeriod\":0,\"Test\":[\"CMD\",\"a\",\"b\"],\"Timeout\":60000000000}}" },
		{ "ONBUILD run  make", "{\"OnBuild\":[\"run  make\"]}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ json_t *config = json_object();
		_cleanup_free_ char *text = NULL;
		struct err err = ERR_NONE;

		assert_int_equal(change_apply(config, cases[i][0], &err), 0);
		text = json_dumps(config, JSON_COMPACT | JSON_SORT_KEYS);
		assert_string_equal(text, cases[i][1]);
	}
}

static void a_bad_instruction_is_refused_by_name(void **state)
{
	static const char *const cases[][2] = {
		{ "RUN x", "RUN is not a valid change command" },
		{ "", " is not a valid change command" },
		{ "CMDX a", "CMDX is not a valid change command" },
		{ "CMD", "CMD requires at least one argument" },
		{ "ENV A", "ENV must have two arguments" },
		{ "ENV A=1 B", "ENV: \"B\" is not of the form NAME=VALUE" },
		{ "ENV =1", "ENV: \"=1\" is not of the form NAME=VALUE" },
		{ "ENV A=\"b", "ENV: a quote that does not end" },
		{ "EXPOSE 70000", "invalid containerPort: 70000" },
		{ "EXPOSE 5-4", "invalid containerPort: 5-4" },
		{ "EXPOSE 80/icmp", "invalid proto: icmp" },
		{ "VOLUME a", "VOLUME: \"a\" is no path below /" },
		{ "USER a b", "USER requires exactly one argument" },
		{ "HEALTHCHECK", "HEALTHCHECK requires at least one argument" },
		{ "HEALTHCHECK --retries=1", "HEALTHCHECK requires at least one argument" },
		{ "HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments" },
		{ "HEALTHCHECK RUN x", "unknown type \"RUN\" in HEALTHCHECK (try CMD)" },
		{ "HEALTHCHECK CMD", "missing command after HEALTHCHECK CMD" },
		{ "HEALTHCHECK CMD []", "missing command after HEALTHCHECK CMD" },
		{ "HEALTHCHECK --interval=5 CMD x", "HEALTHCHECK: time: invalid duration \"5\"" },
		{ "HEALTHCHECK --timeout=1us CMD x",
		  "HEALTHCHECK: interval \"--timeout=1us\" cannot be less than 1ms" },
		{ "HEALTHCHECK --retries=x CMD x", "HEALTHCHECK: --retries=x is not a number" },
		{ "HEALTHCHECK --every=5s CMD x", "unknown flag: --every=5s in HEALTHCHECK" },
		{ "ONBUILD onbuild RUN x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed" },
		{ "ONBUILD from x", "FROM isn't allowed as an ONBUILD trigger" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ json_t *config = json_object();
		struct err err = ERR_NONE;

		assert_true(change_apply(config, cases[i][0], &err) < 0);
		assert_string_equal(err.words, cases[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instructions_give_what_a_dockerfile_gives),
		cmocka_unit_test(a_bad_instruction_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
