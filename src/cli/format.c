/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "base/table.h"
#include "base/template.h"
#include "cli/cli.h"
#include "cli/format.h"

/* Docker's words around an error of a template, whatever part of the language it comes from. */
static int template_failed(struct err *err)
{
	return err_wrap(err, "template parsing error");
}

static int compile(const char *format, struct template **ret, struct err *err)
{
	if (template_parse(strcmp(format, "json") == 0 ? "{{json .}}" : format, ret, err) < 0)
		return template_failed(err);
	return 0;
}

int format_object(struct buf *out, const char *format, const json_t *object,
		  const struct template_shape *shape, struct err *err)
{
	size_t before = out->length;
	struct template *t = NULL;
	int r = compile(format, &t, err);

	if (r < 0)
		return err_exit(err, 64); /* Docker's, for what is no list; there it is 1 */
	r = template_run(t, object, shape, 0, out, err);
	if (r < 0 && !(shape && shape->whole)) {
		/* Docker tries again with the bare JSON, which may have keys that its types have not. */
		if (out->length > before)
			out->data[out->length = before] = '\0';
		err_clear(err);
		r = template_run(t, object, NULL, TEMPLATE_MISSING_FAILS, out, err);
	}
	template_free(t);
	if (r < 0)
		return template_failed(err);
	buf_puts(out, "\n");
	return 0;
}

int format_typed(const char *format, const json_t *object, const struct template_shape *shape,
		 struct err *err)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	int r = format_object(&out, format, object, shape, err);

	if (r == 0)
		(void)fwrite(out.data, 1, out.length, stdout);
	return r;
}

int format_print(const char *format, const json_t *object, struct err *err)
{
	return format_typed(format, object, &template_open, err);
}

/* -- tables ----------------------------------------------------------------------------------- */

/* Docker's preFormat: without "table", blanks around it cut, \t and \n meant. */
static char *row_template(const char *format)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	const char *p = format, *end = format + strlen(format);

	p += strspn(p, " ");
	while (end > p && end[-1] == ' ')
		end--;
	while (p < end) {
		if (p[0] == '\\' && p + 1 < end && (p[1] == 't' || p[1] == 'n')) {
			buf_puts(&out, p[1] == 't' ? "\t" : "\n");
			p += 2;
		} else {
			buf_add(&out, p++, 1);
		}
	}
	return str_dup(out.data ? out.data : "");
}

static char *default_template(const struct table_column *columns)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;

	for (size_t i = 0; columns[i].field; i++)
		buf_printf(&out, "%s{{.%s}}", i ? "\t" : "", columns[i].field);
	return str_dup(out.data ? out.data : "");
}

static int rows_run(const struct template *t, const struct template_shape *shape, json_t *rows,
		    struct buf *out, struct err *err)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (template_run(t, row, shape, 0, out, err) < 0)
			return template_failed(err);
		buf_puts(out, "\n");
	}
	return 0;
}

static int table_run(const struct template *t, const struct template_shape *shape,
		     const struct table_column *headings, json_t *rows, struct buf *to,
		     struct err *err)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	_cleanup_json_ json_t *heading = json_object();
	int r;

	for (size_t i = 0; headings[i].field; i++)
		json_put(heading, headings[i].field, json_text(headings[i].heading));
	/* An error here comes again with the first row. */
	if (template_run(t, heading, shape, TEMPLATE_HEADING, &out, err) < 0) {
		if (json_array_size(rows) == 0)
			return template_failed(err);
		err_clear(err);
	}
	buf_puts(&out, "\n");
	r = rows_run(t, shape, rows, &out, err);
	if (r < 0)
		return r;
	table_align(to, out.data);
	return 0;
}

int format_rows(struct buf *out, const char *format, const struct table_column *columns,
		const struct table_column *headings, json_t *rows, struct err *err)
{
	bool table = !format || !*format || str_prefix(format, "table");
	const char *rest = table && format && *format ? format + strlen("table") : format;
	_cleanup_free_ char *text = rest && rest[strspn(rest, " ")] ? row_template(rest) :
								      default_template(columns);
	_cleanup_free_ struct template_field *fields = NULL;
	struct template_shape shape = { .kind = TEMPLATE_STRUCT,
					.sorted = true,
					.pointer = true,
					.type = "formatter.Context",
					.label_key = TABLE_LABELS };
	struct template *t = NULL;
	size_t count = 0;
	int r = compile(text, &t, err);

	if (r < 0)
		return r;
	while (headings[count].field)
		count++;
	fields = mem_new((count + 1) * sizeof(*fields));
	for (size_t i = 0; i < count; i++)
		fields[i] = (struct template_field){ headings[i].field, &template_string, NULL };
	shape.fields = fields;
	if (table)
		r = table_run(t, &shape, headings, rows, out, err);
	else
		r = rows_run(t, &shape, rows, out, err);
	template_free(t);
	return r;
}

char *table_labels_text(const json_t *labels)
{
	_cleanup_strv_ char **names = json_names(labels);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	for (size_t i = 0; names[i]; i++)
		buf_printf(&text, "%s%s=%s", i ? "," : "", names[i],
			   json_string_value(json_object_get(labels, names[i])));
	return str_dup(text.data ? text.data : "");
}

char *table_time_text(int64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	char text[64] = "";

	if (localtime_r(&seconds, &tm))
		(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z %Z", &tm);
	return str_dup(text);
}

int table_print(const char *format, const struct table_column *columns,
		const struct table_column *headings, json_t *rows, struct err *err)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	int r = format_rows(&out, format, columns, headings, rows, err);

	if (out.length)
		(void)fwrite(out.data, 1, out.length, stdout);
	return r;
}
