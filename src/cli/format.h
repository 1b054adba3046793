/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the printing functions of cli.h print, into a buffer. */
#ifndef CLOCHE_CLI_FORMAT_H
#define CLOCHE_CLI_FORMAT_H

#include <jansson.h>

struct buf;
struct err;
struct table_column;
struct template_shape;

/* Behind format_typed(): on failure out is as before. */
int format_object(struct buf *out, const char *format, const json_t *object,
		  const struct template_shape *shape, struct err *err);
/* Behind table_print(): on failure out has the rows before the one that failed. */
int format_rows(struct buf *out, const char *format, const struct table_column *columns,
		const struct table_column *headings, json_t *rows, struct err *err);

#endif
