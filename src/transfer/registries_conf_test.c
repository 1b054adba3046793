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
#include "transfer/registries_conf.h"

static const char example[] = "# ours\n"
			      "unqualified-search-registries = [\"a.io\", # one\n  'b]c', \"d\"]\n"
			      "short-name-mode = \"enforcing\"\n"
			      "\n"
			      "[[registry]]\n"
			      "prefix = \"example.com/foo\"\n"
			      "location = 'inner.example:5000/bar' # moved\n"
			      "insecure = true\r\n"
			      "[[registry.mirror]]\n"
			      "location = \"m1.example\"\n"
			      "pull-from-mirror = \"digest-only\"\n"
			      "  [[registry.mirror]]\n"
			      "location = \"m2.example/x\"\n"
			      "insecure = true\n"
			      "[[registry]]\n"
			      "location = \"example.com\"\n"
			      "blocked = true\n"
			      "[[registry]]\n"
			      "prefix = \"*.corp.example\"\n"
			      "location = \"one.example\"\n"
			      "[aliases]\n"
			      "\"web\" = \"quay.io/web\"\n";

static void route(const char *domain, const char *path, bool by_digest, const char *wanted)
{
	_cleanup_(registries_clear) struct registries registries = REGISTRIES_EMPTY;
	_cleanup_(route_clear) struct route way = ROUTE_EMPTY;
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	struct err err = ERR_NONE;

	assert_int_equal(registries_parse(&registries, example, "x.conf", &err), 0);
	if (registries_route(&registries, domain, path, by_digest, &way, &err) < 0)
		buf_puts(&text, err.words);
	for (size_t i = 0; i < way.count; i++)
		buf_printf(&text, "%s%s %s%s", i ? ", " : "", way.stops[i].domain,
			   way.stops[i].path, way.stops[i].insecure ? "!" : "");
	assert_string_equal(text.data, wanted);
}

static void names_go_where_their_longest_prefix_says(void **state)
{
	(void)state;
	route("quay.io", "me/web", false, "quay.io me/web");
	route("example.com", "foo/web", false, "m2.example x/web!, inner.example:5000 bar/web!");
	route("example.com", "foo/web", true,
	      "m1.example web, m2.example x/web!, inner.example:5000 bar/web!");
	route("example.com", "foobar", false, "example.com/foobar is blocked by x.conf");
	route("example.community", "foo", false, "example.community foo");
	route("a.corp.example", "t/u", false, "one.example t/u");
	route("corp.example", "t/u", false, "corp.example t/u");
}

static void a_fault_is_told_with_its_line(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "[[registry]]\nlocation = \"a\nblocked = true\n",
		  "f, line 2: its value does not end" },
		{ "[[registry]]\nblocked = maybe\n", "f, line 2: it is neither true nor false" },
		{ "x = [\n\"a\",\n\"b\"]\n[[registry]]\nlocation = 1\n",
		  "f, line 5: a string is missing" },
		{ "[[registry]]\nblocked = true\n",
		  "f: a registry has neither prefix nor location" },
		{ "[[registry.mirror]]\n", "f, line 1: a mirror of no registry" },
		{ "[[registry]]\nprefix = \"a\"\n[[registry.mirror]]\ninsecure = true\n",
		  "f: a mirror of a has no location" },
		{ "[registries.search]\n",
		  "f, line 1: it is of version 1, which podman does not read any more, either" },
		{ "location \"a\"\n", "f, line 1: there is no \"=\" behind the key" },
		{ "x = [\"a\"\n", "f, line 1: its value does not end" },
		{ "x = \"a\" y\n", "f, line 1: there is more behind the value" },
		{ "[[registry]]\nlocation = \"a\"\n[[registry.mirror]]\nlocation = \"b\"\n"
		  "pull-from-mirror = \"never\"\n",
		  "f, line 5: pull-from-mirror is all, digest-only or tag-only" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(registries_clear) struct registries registries = REGISTRIES_EMPTY;
		struct err err = ERR_NONE;

		assert_int_equal(registries_parse(&registries, cases[i].text, "f", &err), -EBADMSG);
		assert_string_equal(err.words, cases[i].words);
	}
}

static void a_place_that_is_none_is_refused(void **state)
{
	_cleanup_(registries_clear) struct registries registries = REGISTRIES_EMPTY;
	struct route way = ROUTE_EMPTY;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(registries_parse(&registries,
					  "[[registry]]\nprefix = \"a.io\"\nlocation = \"\"\n", "f",
					  &err),
			 0);
	assert_int_equal(registries_route(&registries, "a.io", "x", false, &way, &err), -EINVAL);
	assert_string_equal(err.words, "f: /x is no place for a repository");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_go_where_their_longest_prefix_says),
		cmocka_unit_test(a_fault_is_told_with_its_line),
		cmocka_unit_test(a_place_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
