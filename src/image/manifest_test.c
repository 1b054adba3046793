/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "image/manifest.h"

#define DIGEST "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define BLOB "\"digest\":\"" DIGEST "\",\"size\":3"
#define CONFIG "\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\"," BLOB "}"
#define LAYER "{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\"," BLOB "}"

static int parse(const char *text, struct manifest *m, struct err *err)
{
	return manifest_parse(text, strlen(text), "manifest x", m, err);
}

static void a_manifest_names_its_config_and_layers(void **state)
{
	_cleanup_(manifest_clear) struct manifest m = MANIFEST_EMPTY;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(parse("{\"schemaVersion\":2," CONFIG ",\"layers\":[" LAYER "," LAYER "]}",
			       &m, &err),
			 0);
	assert_false(m.is_index);
	assert_int_equal(m.count, 2);
	assert_string_equal(m.config.digest, DIGEST);
	assert_int_equal(m.items[1].size_bytes, 3);
}

static void an_index_names_manifests_by_platform_and_name(void **state)
{
	_cleanup_(manifest_clear) struct manifest m = MANIFEST_EMPTY;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(
		parse("{\"schemaVersion\":2,\"manifests\":[{" BLOB
		      ",\"platform\":{\"os\":\"linux\","
		      "\"architecture\":\"arm64\",\"variant\":\"v8\"},\"annotations\":"
		      "{\"io.containerd.image.name\":\"a\",\"org.opencontainers.image.ref.name\":\"b\"}}]}",
		      &m, &err),
		0);
	assert_true(m.is_index);
	assert_string_equal(m.items[0].name, "a");
	assert_string_equal(m.items[0].ref_name, "b");
	assert_int_equal(descriptor_fits(&m.items[0], "linux", "arm64"), 3);
	assert_int_equal(descriptor_fits(&m.items[0], "linux", "amd64"), 0);
	assert_true(descriptor_is_manifest(&m.items[0]));
}

static void a_document_that_says_two_things_is_refused(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "[]", "it is not an object" },
		{ "{}", "schemaVersion is not 2" },
		{ "{\"schemaVersion\":1}", "schemaVersion is not 2" },
		{ "{\"schemaVersion\":2}", "it names no config" },
		{ "{\"schemaVersion\":2," CONFIG "}", "it names no layers" },
		{ "{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}",
		  "a manifest and an index at once" },
		{ "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\"," CONFIG
		  ",\"layers\":[]}",
		  "does not fit what it holds" },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":{}}", "layers is not a list" },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"mediaType\":\"text/html\"," BLOB
		  "}]}",
		  "of type text/html, not a tar" },
		{ "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/x\"," BLOB
		  "},\"layers\":[]}",
		  "of type application/x: not an image" },
		{ "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"md5:0\",\"size\":1}]}",
		  "only sha256 is supported" },
		{ "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"" DIGEST "\"}]}",
		  "has no size" },
		{ "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"" DIGEST "\",\"size\":-1}]}",
		  "size is not a size" },
		{ "{\"schemaVersion\":2,\"manifests\":[{\"size\":1}]}", "has no digest" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct manifest m = MANIFEST_EMPTY;
		struct err err = ERR_NONE;

		assert_true(parse(cases[i].text, &m, &err) < 0);
		if (!strstr(err.words, cases[i].words))
			fail_msg("%s: %s", cases[i].text, err.words);
		assert_null(m.items);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_manifest_names_its_config_and_layers),
		cmocka_unit_test(an_index_names_manifests_by_platform_and_name),
		cmocka_unit_test(a_document_that_says_two_things_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
