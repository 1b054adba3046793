/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/port_spec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"

static void every_form_is_understood(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned int host_first, host_last, port;
		const char *protocol;
		size_t count;
	} rows[] = {
		{ "80", "", 0, 0, 80, "tcp", 1 },
		{ "8080:80", "", 8080, 8080, 80, "tcp", 1 },
		{ "8080:80/UDP", "", 8080, 8080, 80, "udp", 1 },
		{ "127.0.0.1:8080:80", "127.0.0.1", 8080, 8080, 80, "tcp", 1 },
		{ "127.0.0.1::80/sctp", "127.0.0.1", 0, 0, 80, "sctp", 1 },
		{ "[::1]:8080:80", "::1", 8080, 8080, 80, "tcp", 1 },
		{ "::1:8080:80", "::1", 8080, 8080, 80, "tcp", 1 },
		{ "8000-8010:90-100", "", 8000, 8000, 90, "tcp", 11 },
		{ "8000-8010:80", "", 8000, 8010, 80, "tcp", 1 },
		{ "90-92", "", 0, 0, 90, "tcp", 3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct port_spec *list = NULL;
		struct err err = ERR_NONE;
		char text[ADDRESS_TEXT];
		size_t count = 0;

		assert_int_equal(port_spec_parse(rows[i].text, &list, &count, &err), 0);
		assert_int_equal(count, rows[i].count);
		assert_string_equal(address_text(&list[0].host, text), rows[i].host);
		assert_int_equal(list[0].host_first, rows[i].host_first);
		assert_int_equal(list[0].host_last, rows[i].host_last);
		assert_int_equal(list[0].port, rows[i].port);
		assert_string_equal(list[0].protocol, rows[i].protocol);
		free(list);
	}
}

static void what_makes_no_sense_is_refused_with_words(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "0:80", "invalid hostPort: 0" },
		{ "80:", "no port specified" },
		{ "x:80", "invalid hostPort: x" },
		{ "8080:y", "invalid containerPort: y" },
		{ "8080:70000", "invalid containerPort: 70000" },
		{ "1.2.3:8080:80", "invalid IP address: 1.2.3" },
		{ "80/icmp", "invalid proto" },
		{ "8000-8001:80-90", "invalid ranges specified" },
		{ "90-80", "invalid containerPort" },
		{ "", "no port specified" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct port_spec *list = NULL;
		struct err err = ERR_NONE;
		size_t count = 0;

		assert_int_equal(port_spec_parse(rows[i].text, &list, &count, &err), -EINVAL);
		assert_non_null(strstr(err.words, rows[i].words));
		assert_int_equal(count, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_understood),
		cmocka_unit_test(what_makes_no_sense_is_refused_with_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
