/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "image/image_config.h"

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void all_fields_arrive(void **state)
{
	static const char text[] =
		"{\"architecture\":\"arm64\",\"os\":\"linux\",\"variant\":\"v8\",\"author\":\"a\","
		"\"created\":\"2020-01-01T00:00:00Z\",\"config\":{\"User\":\"www\",\"Env\":[\"A=1\"],"
		"\"Cmd\":[\"a\",\"b\"],\"Entrypoint\":[\"e\"],\"WorkingDir\":\"/srv\",\"Volumes\":{\"/d\":{}},"
		"\"ExposedPorts\":{\"80/tcp\":{}},\"Labels\":{\"k\":\"v\"},\"StopSignal\":\"SIGINT\","
		"\"Shell\":[\"/bin/bash\",\"-c\"]},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" HEX
		"\"]},\"history\":[{\"created_by\":\"x\",\"empty_layer\":true},{}]}";
	_cleanup_(image_config_clear) struct image_config c = IMAGE_CONFIG_EMPTY;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(image_config_parse(text, strlen(text), &c, &err), 0);
	assert_string_equal(c.architecture, "arm64");
	assert_string_equal(c.variant, "v8");
	assert_string_equal(c.author, "a");
	assert_string_equal(c.created, "2020-01-01T00:00:00Z");
	assert_string_equal(c.user, "www");
	assert_string_equal(c.working_dir, "/srv");
	assert_string_equal(c.stop_signal, "SIGINT");
	assert_string_equal(c.env[0], "A=1");
	assert_string_equal(c.cmd[1], "b");
	assert_string_equal(c.entrypoint[0], "e");
	assert_string_equal(c.shell[0], "/bin/bash");
	assert_string_equal(c.volumes[0], "/d");
	assert_string_equal(c.exposed_ports[0], "80/tcp");
	assert_string_equal(c.labels[0], "k=v");
	assert_string_equal(c.diff_ids[0], "sha256:" HEX);
	assert_null(c.diff_ids[1]);
	assert_int_equal(c.history_count, 2);
	assert_true(c.history[0].empty_layer);
	assert_string_equal(c.history[0].created_by, "x");
	assert_string_equal(c.raw, text);
}

static void missing_and_null_fields_are_empty(void **state)
{
	static const char text[] = "{\"config\":null,\"rootfs\":{\"diff_ids\":null}}";
	_cleanup_(image_config_clear) struct image_config c = IMAGE_CONFIG_EMPTY;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(image_config_parse(text, strlen(text), &c, &err), 0);
	assert_null(c.env);
	assert_null(c.user);
	assert_null(c.diff_ids);
}

static void a_bad_field_is_named(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "[]", "it is not an object" },
		{ "{\"config\":[]}", "config is not an object" },
		{ "{\"config\":{\"Env\":\"A=1\"}}", "config.Env is not a list" },
		{ "{\"config\":{\"Env\":[\"=1\"]}}", "config.Env: \"=1\" has no name" },
		{ "{\"config\":{\"Cmd\":[1]}}", "config.Cmd is not a list of strings" },
		{ "{\"config\":{\"User\":7}}", "config.User is not a string" },
		{ "{\"config\":{\"Labels\":{\"a\":1}}}",
		  "config.Labels is not an object of strings" },
		{ "{\"config\":{\"Volumes\":{\"..\":{}}}}",
		  "config.Volumes: \"..\" is not an absolute path" },
		{ "{\"config\":{\"Volumes\":{\"/a/../b\":{}}}}", "is not an absolute path" },
		{ "{\"config\":{\"ExposedPorts\":{\"99999/tcp\":{}}}}",
		  "config.ExposedPorts: \"99999/tcp\" is no port" },
		{ "{\"config\":{\"ExposedPorts\":{\"80/../x\":{}}}}", "is no port" },
		{ "{\"rootfs\":{\"diff_ids\":[\"md5:0\"]}}",
		  "rootfs.diff_ids: digest md5:0: only sha256" },
		{ "{\"a\":1,\"a\":2}", "duplicate object key" },
		{ "{\"a\":1e999}", "real number overflow" },
		{ "{", "is not JSON" },
		{ "{\"os\":\"\xff\"}", "is not JSON" },
		{ "{\"os\":\"a\\u0000b\"}", "is not JSON" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct image_config c = IMAGE_CONFIG_EMPTY;
		struct err err = ERR_NONE;

		assert_true(image_config_parse(cases[i].text, strlen(cases[i].text), &c, &err) < 0);
		if (!strstr(err.words, cases[i].words))
			fail_msg("%s: %s", cases[i].text, err.words);
		assert_null(c.raw);
	}
}

static void more_layers_than_overlayfs_stacks_are_refused(void **state)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	struct image_config c = IMAGE_CONFIG_EMPTY;
	struct err err = ERR_NONE;

	(void)state;
	buf_puts(&text, "{\"rootfs\":{\"diff_ids\":[\"sha256:" HEX "\"");
	for (int i = 0; i < 500; i++)
		buf_puts(&text, ",\"sha256:" HEX "\"");
	buf_puts(&text, "]}}");
	assert_true(image_config_parse(text.data, text.length, &c, &err) < 0);
	assert_non_null(strstr(err.words, "more than 500 layers"));
}

static void depth_and_size_are_limited(void **state)
{
	_cleanup_free_ char *text = mem_new(5 << 20);
	struct image_config c = IMAGE_CONFIG_EMPTY;
	struct err err = ERR_NONE;

	(void)state;
	memset(text, '[', 100000);
	assert_true(image_config_parse(text, 100000, &c, &err) < 0);
	assert_non_null(strstr(err.words, "nested more than 64 deep"));
	memset(text, ' ', 5 << 20);
	assert_true(image_config_parse(text, 5 << 20, &c, &err) < 0);
	assert_non_null(strstr(err.words, "larger than 4194304 bytes"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_fields_arrive),
		cmocka_unit_test(missing_and_null_fields_are_empty),
		cmocka_unit_test(a_bad_field_is_named),
		cmocka_unit_test(more_layers_than_overlayfs_stacks_are_refused),
		cmocka_unit_test(depth_and_size_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
