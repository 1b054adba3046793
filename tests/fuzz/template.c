/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The template language: any text, over one document of every kind of value. */
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "base/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char document[] =
		"{\"A\":\"text\",\"N\":7,\"F\":1.5,\"T\":true,\"Z\":null,\"L\":[\"a\",\"b\",[1]],"
		"\"M\":{\"x\":\"1\",\"80/tcp\":[{\"HostPort\":\"80\"}]}}";
	static const struct template_shape *const shapes[] = { &template_any, &template_open,
							       &template_string_map };
	_cleanup_free_ char *text = str_ndup((const char *)data, size);
	_cleanup_json_ json_t *json = json_loads(document, 0, NULL);
	struct template *t = NULL;
	struct err err = ERR_NONE;

	if (template_parse(text, &t, &err) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		_cleanup_(buf_clear) struct buf out = BUF_EMPTY;

		(void)template_run(t, json, shapes[i], i == 0 ? TEMPLATE_MISSING_FAILS : 0, &out,
				   &err);
	}
	template_free(t);
	return 0;
}
