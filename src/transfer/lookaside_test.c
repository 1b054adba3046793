/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "transfer/lookaside.h"

static const char example[] = "# where signatures are\n"
			      "default-docker:\n"
			      "  lookaside: file:///default\n"
			      "  lookaside-staging: file:///staging # to write\n"
			      "docker:\n"
			      "    quay.io:\n"
			      "        sigstore: \"https://quay.example/sigs\"\n"
			      "    'quay.io/me':\n"
			      "        lookaside: file:///me\n"
			      "        use-sigstore-attachments: true\n"
			      "    localhost:5000:\n"
			      "        lookaside: file:///local\r\n"
			      "other:\n"
			      "  lookaside: file:///no\n";

static void the_narrowest_scope_has_the_lookaside(void **state)
{
	static const struct {
		const char *repository, *url;
	} cases[] = {
		{ "docker.io/library/web", "file:///default" },
		{ "quay.io/you/web", "https://quay.example/sigs" },
		{ "quay.io/me/web", "file:///me" },
		{ "quay.io/meadow/web", "https://quay.example/sigs" },
		{ "localhost:5000/web", "file:///local" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *url = NULL;
		struct err err = ERR_NONE;
		size_t scope = 0;

		assert_int_equal(
			lookaside_parse(example, "f", cases[i].repository, &scope, &url, &err), 0);
		assert_string_equal(url, cases[i].url);
	}
}

static void what_is_no_map_is_refused(void **state)
{
	_cleanup_free_ char *url = NULL;
	struct err err = ERR_NONE;
	size_t scope = 0;

	(void)state;
	assert_int_equal(lookaside_parse("docker:\n  - a\n", "f", "a/b", &scope, &url, &err),
			 -EBADMSG);
	assert_string_equal(err.words, "f: \"  - a\" is not understood here");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_narrowest_scope_has_the_lookaside),
		cmocka_unit_test(what_is_no_map_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
