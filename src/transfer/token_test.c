/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "transfer/base64.h"
#include "transfer/challenge.h"
#include "transfer/token.h"

static void credentials_stay_in_the_registrys_domain(void **state)
{
	static const struct {
		const char *registry, *host;
		int allowed;
	} cases[] = {
		{ "registry-1.docker.io", "auth.docker.io", 1 },
		{ "registry.gitlab.com", "gitlab.com", 1 },
		{ "quay.io", "quay.io", 1 },
		{ "quay.io", "auth.quay.io", 1 },
		{ "quay.io", "evil.io", 0 },
		{ "registry-1.docker.io", "docker.io.evil.com", 0 },
		{ "registry-1.docker.io", "evildocker.io", 0 },
		{ "shop.co.uk", "evil.co.uk", 0 },
		{ "registry.shop.co.uk", "auth.shop.co.uk", 1 },
		{ "127.0.0.1", "127.0.0.1", 1 },
		{ "127.0.0.1", "1.0.0.1", 0 },
		{ "10.0.0.1", "11.0.0.1", 0 },
		{ "localhost", "localhost", 1 },
		{ "localhost", "evil", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (!!token_host_allowed(cases[i].registry, cases[i].host) != cases[i].allowed)
			fail_msg("%s and %s", cases[i].registry, cases[i].host);
}

static void a_challenge_is_read_with_its_quotations(void **state)
{
	_cleanup_(challenge_clear) struct challenge c = CHALLENGE_EMPTY;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(
		challenge_parse(
			"Bearer realm=\"https://a/token\" , service=\"a, \\\"b\\\"\",scope=x,error=\"y\"",
			&c, &err),
		0);
	assert_int_equal(c.kind, CHALLENGE_BEARER);
	assert_string_equal(c.realm, "https://a/token");
	assert_string_equal(c.service, "a, \"b\"");
	assert_string_equal(c.scope, "x");
}

static void another_scheme_and_a_realm_that_is_missing_are_refused(void **state)
{
	struct challenge c = CHALLENGE_EMPTY;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(challenge_parse("Negotiate abc", &c, &err), -EPROTO);
	assert_string_equal(err.words, "it wants to be asked by \"Negotiate abc\"");
	assert_int_equal(challenge_parse("Bearer service=\"x\"", &c, &err), -EPROTO);
	assert_string_equal(err.words, "its challenge names no realm");
	assert_int_equal(challenge_parse("Bearer realm=\"x", &c, &err), -EPROTO);
	assert_string_equal(err.words, "its challenge has an open quotation");
	assert_int_equal(challenge_parse("basic", &c, &err), 0);
	assert_int_equal(c.kind, CHALLENGE_BASIC);
}

static void base64_comes_back(void **state)
{
	static const char *const texts[] = { "", "a", "ab", "abc", "user:pass~word\xff?" };
	static const char *const wrong[] = { "a", "ab=c", "*bcd", "AAAA" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_free_ char *encoded = base64_encode(texts[i], strlen(texts[i]));
		_cleanup_free_ char *decoded = base64_decode(encoded);

		assert_string_equal(decoded, texts[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_null(base64_decode(wrong[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(credentials_stay_in_the_registrys_domain),
		cmocka_unit_test(a_challenge_is_read_with_its_quotations),
		cmocka_unit_test(another_scheme_and_a_realm_that_is_missing_are_refused),
		cmocka_unit_test(base64_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
