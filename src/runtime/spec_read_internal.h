/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to the spec_read files: the tables that one file has and another one's table names. All are read
 * with a struct spec as root. */
#ifndef CLOCHE_RUNTIME_SPEC_READ_INTERNAL_H
#define CLOCHE_RUNTIME_SPEC_READ_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json_table.h"

struct err;
struct spec;
struct spec_resources;

extern const struct json_field spec_process_table[];
extern const struct json_field spec_linux_table[];
extern const struct json_field spec_resources_table[];

void spec_process_finish(struct spec *spec);
int spec_linux_finish(struct spec *spec, struct err *err);
int spec_resources_finish(struct spec_resources *resources, struct err *err);

/* A word of a table of words; -EINVAL names it and what it should be. */
struct spec_word {
	const char *name;
	int64_t value;
};
int spec_word_find(const struct spec_word *words, size_t count, const char *word, const char *what,
		   int64_t *ret_value, struct err *err);

/* -EINVAL when it is no absolute path. */
int spec_path_check(const char *path, const char *what, struct err *err);

#endif
