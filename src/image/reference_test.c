/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "image/reference.h"

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct {
	const char *text, *full, *familiar;
} good[] = {
	{ "web", "docker.io/library/web:latest", "web:latest" },
	{ "web:1.2", "docker.io/library/web:1.2", "web:1.2" },
	{ "me/web", "docker.io/me/web:latest", "me/web:latest" },
	{ "docker.io/web", "docker.io/library/web:latest", "web:latest" },
	{ "index.docker.io/me/web", "docker.io/me/web:latest", "me/web:latest" },
	{ "docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest" },
	{ "docker.io/a.b/c", "docker.io/a.b/c:latest", "docker.io/a.b/c:latest" },
	{ "localhost/web", "localhost/web:latest", "localhost/web:latest" },
	{ "localhost:5000/web", "localhost:5000/web:latest", "localhost:5000/web:latest" },
	{ "web:5000", "docker.io/library/web:5000", "web:5000" },
	{ "Host/web", "Host/web:latest", "Host/web:latest" },
	{ "quay.io/a/b/c:t", "quay.io/a/b/c:t", "quay.io/a/b/c:t" },
	{ "[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000/a:latest" },
	{ "f_g/a__b.c-d---e", "docker.io/f_g/a__b.c-d---e:latest", NULL },
	{ "web@sha256:" HEX, "docker.io/library/web@sha256:" HEX, "web@sha256:" HEX },
	{ "web:1@sha256:" HEX, "docker.io/library/web:1@sha256:" HEX, NULL },
	{ "_/web", NULL, NULL },
	/* distribution/reference, reference_test.go and normalize_test.go */
	{ "test_com", "docker.io/library/test_com:latest", "test_com:latest" },
	{ "test.com:tag", "docker.io/library/test.com:tag", "test.com:tag" },
	{ "test.com:5000", "docker.io/library/test.com:5000", NULL },
	{ "test.com/repo:tag", "test.com/repo:tag", "test.com/repo:tag" },
	{ "test:5000/repo", "test:5000/repo:latest", NULL },
	{ "test:5000/repo@sha256:" HEX, "test:5000/repo@sha256:" HEX, NULL },
	{ "test:5000/repo:tag@sha256:" HEX, "test:5000/repo:tag@sha256:" HEX, NULL },
	{ "lowercase:Uppercase", "docker.io/library/lowercase:Uppercase", NULL },
	{ "sub-dom1.foo.com/bar/baz/quux:some-long-tag",
	  "sub-dom1.foo.com/bar/baz/quux:some-long-tag", NULL },
	{ "b.gcr.io/test.example.com/my-app:test.example.com",
	  "b.gcr.io/test.example.com/my-app:test.example.com", NULL },
	{ "xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com/myimage:xn--n3h.com", NULL },
	{ "foo_bar.com:8080", "docker.io/library/foo_bar.com:8080", NULL },
	{ "foo/foo_bar.com:8080", "docker.io/foo/foo_bar.com:8080", "foo/foo_bar.com:8080" },
	{ "192.168.1.1", "docker.io/library/192.168.1.1:latest", NULL },
	{ "192.168.1.1:tag", "docker.io/library/192.168.1.1:tag", NULL },
	{ "192.168.1.1:5000", "docker.io/library/192.168.1.1:5000", NULL },
	{ "192.168.1.1/repo", "192.168.1.1/repo:latest", NULL },
	{ "192.168.1.1:5000/repo:5050", "192.168.1.1:5000/repo:5050", NULL },
	{ "[2001:db8::1]/repo", "[2001:db8::1]/repo:latest", NULL },
	{ "[2001:db8:1:2:3:4:5:6]/repo:tag", "[2001:db8:1:2:3:4:5:6]/repo:tag", NULL },
	{ "[2001:db8::]:5000/repo@sha256:" HEX, "[2001:db8::]:5000/repo@sha256:" HEX, NULL },
	{ "index.docker.io/library/debian", "docker.io/library/debian:latest", "debian:latest" },
	{ "127.0.0.1:5000/library/debian", "127.0.0.1:5000/library/debian:latest", NULL },
	{ "192.168.0.1:8/debian", "192.168.0.1:8/debian:latest", NULL },
	{ "docker.io/" HEX, "docker.io/library/" HEX ":latest", NULL },
	{ "docker---rules/docker", "docker.io/docker---rules/docker:latest", NULL },
	{ "dock__er/docker", "docker.io/dock__er/docker:latest", NULL },
	{ "d/docker", "docker.io/d/docker:latest", "d/docker:latest" },
	{ "thisisthesongthatneverendsitgoesonandonandonthisisthesongthatnev",
	  "docker.io/library/thisisthesongthatneverendsitgoesonandonandonthisisthesongthatnev:latest",
	  NULL },
	{ NULL, NULL, NULL },
};

static const char *const bad[] = {
	"",
	":",
	"/",
	"/web",
	"web/",
	"a//b",
	"-x",
	"web-",
	".web",
	"web.",
	"a___b",
	"a..b",
	"web:",
	"web:-x",
	"web:.x",
	"web@",
	"web@sha256:0",
	"web@md5:00",
	"host:99999/a",
	"host:x/a",
	"web:a/b",
	"a b",
	"web\n",
	"[::1/a",
	"[]/a",
	"a/\xff",
	"..",
	"../../etc",
	/* distribution/reference, reference_test.go and normalize_test.go */
	":justtag",
	"@sha256:" HEX,
	"repo@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4",
	"validname@invaliddigest:" HEX HEX,
	"aa/asdf$$^/aa",
	"[2001:db8::1]",
	"[2001:db8::1]:5000",
	"[2001:db8::1]:tag",
	"[fe80::1%eth0]:5000/repo",
	"[fe80::1%@invalidzone]:5000/repo",
	"https://github.com/docker/docker",
	"-docker/docker",
	"-docker.io/docker/docker",
	"docker///docker",
	"docker.io/docker///docker",
	"____/____",
	"_docker/_docker",
	"docker./docker",
	".docker/docker",
	"docker-/docker",
};

static void good_names_are_completed_as_docker_does(void **state)
{
	(void)state;
	for (size_t i = 0; good[i].text; i++) {
		_cleanup_(reference_clear) struct reference ref = REFERENCE_EMPTY;
		struct err err = ERR_NONE;
		_cleanup_free_ char *full = NULL, *familiar = NULL;

		if (!good[i].full) {
			assert_true(reference_parse(good[i].text, &ref, &err) < 0);
			continue;
		}
		assert_int_equal(reference_parse(good[i].text, &ref, &err), 0);
		full = reference_full(&ref);
		familiar = reference_familiar(&ref);
		assert_string_equal(full, good[i].full);
		if (good[i].familiar)
			assert_string_equal(familiar, good[i].familiar);
	}
}

static void the_full_form_means_itself(void **state)
{
	(void)state;
	for (size_t i = 0; good[i].text; i++) {
		struct err err = ERR_NONE;
		_cleanup_free_ char *full = NULL;

		if (!good[i].full)
			continue;
		assert_int_equal(reference_normalize(good[i].full, &full, &err), 0);
		assert_string_equal(full, good[i].full);
	}
}

static void bad_names_are_refused_with_dockers_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = ERR_NONE;
		_cleanup_free_ char *full = NULL;

		assert_true(reference_normalize(bad[i], &full, &err) < 0);
		assert_string_equal(err.words, "invalid reference format");
		assert_null(full);
	}
}

static void a_tag_behind_a_digest_is_refused(void **state)
{
	struct err err = ERR_NONE;
	char *full = NULL;

	(void)state;
	assert_true(reference_normalize("x@sha256:" HEX ":tag", &full, &err) < 0);
	assert_string_equal(err.words, "invalid reference format");
}

static void upper_case_and_bare_ids_are_refused_in_their_own_words(void **state)
{
	struct err err = ERR_NONE;
	char *full = NULL;

	(void)state;
	assert_true(reference_normalize("me/Web", &full, &err) < 0);
	assert_string_equal(err.words,
			    "invalid reference format: repository name (me/Web) must be lowercase");
	assert_true(reference_normalize(HEX, &full, &err) < 0);
	assert_non_null(strstr(err.words, "cannot specify 64-byte hexadecimal strings"));
}

static void lengths_are_limited(void **state)
{
	_cleanup_free_ char *name = mem_new(6000), *full = NULL;
	struct err err = ERR_NONE;

	(void)state;
	memset(name, 'a', 5000);
	assert_true(reference_normalize(name, &full, &err) < 0);
	name[300] = '\0';
	assert_true(reference_normalize(name, &full, &err) < 0);
	assert_non_null(strstr(err.words, "must not be more than 255 characters"));
	memcpy(name, "web:", 4);
	name[4 + 128] = '\0';
	assert_int_equal(reference_normalize(name, &full, &err), 0);
	name[4 + 128] = 'a';
	name[4 + 129] = '\0';
	str_free(&full);
	full = NULL;
	assert_true(reference_normalize(name, &full, &err) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_names_are_completed_as_docker_does),
		cmocka_unit_test(the_full_form_means_itself),
		cmocka_unit_test(bad_names_are_refused_with_dockers_words),
		cmocka_unit_test(a_tag_behind_a_digest_is_refused),
		cmocka_unit_test(upper_case_and_bare_ids_are_refused_in_their_own_words),
		cmocka_unit_test(lengths_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
