/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/cli.h"

/* As Go prints a value in a template. */
static void value_print(struct buf *out, const json_t *value)
{
	const char *key;
	json_t *item;
	size_t i;

	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_STRING:
		buf_puts(out, json_string_value(value));
		break;
	case JSON_INTEGER:
		buf_printf(out, "%lld", (long long)json_integer_value(value));
		break;
	case JSON_REAL:
		buf_printf(out, "%g", json_real_value(value));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		buf_puts(out, json_is_true(value) ? "true" : "false");
		break;
	case JSON_NULL:
		buf_puts(out, "<no value>");
		break;
	case JSON_ARRAY:
		buf_puts(out, "[");
		json_array_foreach(value, i, item)
		{
			buf_puts(out, i ? " " : "");
			value_print(out, item);
		}
		buf_puts(out, "]");
		break;
	case JSON_OBJECT:
		buf_puts(out, "map[");
		i = 0;
		json_object_foreach((json_t *)value, key, item)
		{
			buf_printf(out, "%s%s:", i++ ? " " : "", key);
			value_print(out, item);
		}
		buf_puts(out, "]");
		break;
	}
}

static const json_t *path_at(const json_t *object, const char *path)
{
	return strcmp(path, ".") == 0 ? object : json_at(object, path + 1);
}

static bool path_valid(const char *path)
{
	return path[0] == '.' &&
	       strspn(path, ".ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") ==
		       strlen(path) &&
	       !strstr(path, "..");
}

static int action(struct buf *out, const char *text, const json_t *object, const char *format,
		  struct err *err)
{
	_cleanup_free_ char *copy = str_dup(text);
	char *word = copy + strspn(copy, " "), *end = word + strlen(word);
	bool json = false;

	while (end > word && end[-1] == ' ')
		*--end = '\0';
	if (str_prefix(word, "json ")) {
		json = true;
		word += 5 + strspn(word + 5, " ");
	}
	if (!path_valid(word)) {
		err_set(err, EOPNOTSUPP, "template parsing error: {{%s}} in \"%s\"", text, format);
		return err_hint(
			err,
			"possible are field paths like {{.State.Pid}}, and {{json .Config.Env}}");
	}
	if (json) {
		const json_t *value = path_at(object, word);
		char *dump = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) :
				     str_dup("null");

		buf_puts(out, dump);
		free(dump);
	} else {
		value_print(out, path_at(object, word));
	}
	return 0;
}

static int expand(struct buf *out, const char *format, const json_t *object, struct err *err)
{
	const char *p = format;

	while (*p) {
		if (p[0] == '{' && p[1] == '{') {
			const char *close = strstr(p, "}}");
			_cleanup_free_ char *text = NULL;
			int r;

			if (!close)
				return err_set(err, EINVAL,
					       "template parsing error: unclosed action in \"%s\"",
					       format);
			text = str_ndup(p + 2, (size_t)(close - p - 2));
			r = action(out, text, object, format, err);
			if (r < 0)
				return r;
			p = close + 2;
		} else if (p[0] == '\\' && (p[1] == 't' || p[1] == 'n')) {
			buf_puts(out, p[1] == 't' ? "\t" : "\n");
			p += 2;
		} else {
			buf_add(out, p++, 1);
		}
	}
	return 0;
}

int format_print(const char *format, const json_t *object, struct err *err)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	int r = expand(&out, strcmp(format, "json") == 0 ? "{{json .}}" : format, object, err);

	if (r == 0)
		(void)printf("%s\n", out.data ? out.data : "");
	return r;
}

/* -- tables ----------------------------------------------------------------------------------- */

static void cells_print(char ***rows, size_t count, size_t columns)
{
	_cleanup_free_ size_t *widths = mem_new((columns + 1) * sizeof(*widths));

	for (size_t i = 0; i < count; i++)
		for (size_t c = 0; rows[i][c] && c < columns; c++)
			if (strlen(rows[i][c]) > widths[c])
				widths[c] = strlen(rows[i][c]);
	for (size_t i = 0; i < count; i++) {
		for (size_t c = 0; rows[i][c]; c++) {
			bool last = !rows[i][c + 1];

			(void)printf("%-*s", last ? 0 : (int)widths[c] + 3, rows[i][c]);
		}
		(void)printf("\n");
	}
}

static int heading_row(const char *template, const struct table_column *headings, struct buf *out,
		       struct err *err)
{
	_cleanup_json_ json_t *object = json_object();

	for (size_t i = 0; headings[i].field; i++)
		json_put(object, headings[i].field, json_text(headings[i].heading));
	return expand(out, template, object, err);
}

static char **row_split(struct buf *line)
{
	char **cells = strv_split(line->data ? line->data : "", '\t');

	buf_clear(line);
	return cells;
}

int table_print(const char *format, const struct table_column *columns,
		const struct table_column *headings, json_t *rows, struct err *err)
{
	_cleanup_(buf_clear) struct buf template = BUF_EMPTY, line = BUF_EMPTY;
	size_t count = json_array_size(rows), widest = 0, n = 0, i;
	char ***cells;
	json_t *row;
	int r = 0;

	if (format && strncmp(format, "table", 5) != 0) {
		json_array_foreach(rows, i, row)
		{
			r = format_print(format, row, err);
			if (r < 0)
				return r;
		}
		return 0;
	}
	if (format && format[5])
		buf_puts(&template, format + 5 + strspn(format + 5, " "));
	else
		for (i = 0; columns[i].field; i++)
			buf_printf(&template, "%s{{.%s}}", i ? "\t" : "", columns[i].field);
	cells = mem_new((count + 2) * sizeof(*cells));
	r = heading_row(template.data, headings, &line, err);
	if (r == 0)
		cells[n++] = row_split(&line);
	json_array_foreach(rows, i, row)
	{
		if (r < 0)
			break;
		r = expand(&line, template.data, row, err);
		if (r == 0)
			cells[n++] = row_split(&line);
	}
	for (i = 0; i < n; i++)
		if (strv_length(cells[i]) > widest)
			widest = strv_length(cells[i]);
	if (r == 0)
		cells_print(cells, n, widest);
	for (i = 0; i < n; i++)
		strv_clear(cells[i]);
	free(cells);
	return r;
}
