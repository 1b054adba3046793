/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { WIDTH_LEAST = 10, PADDING = 3 };

struct line {
	char **cells;
	size_t *widths; /* of the column that a cell is in; set before it is printed */
	size_t count;	/* cells that a tab ended */
};

static size_t characters(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* The column of cell c that begins in line `first` goes on while lines have such a cell. */
static void column_measure(struct line *lines, size_t count, size_t first, size_t c, size_t width)
{
	size_t end = first;

	for (; end < count && c < lines[end].count; end++) {
		size_t wide = characters(lines[end].cells[c]) + PADDING;

		if (wide > width)
			width = wide;
	}
	for (size_t i = first; i < end; i++)
		lines[i].widths[c] = width;
}

void table_align(struct buf *out, const char *text)
{
	table_align_width(out, text, WIDTH_LEAST);
}

static void blanks_put(struct buf *out, size_t count)
{
	static const char blanks[] =
		"                                                                ";

	for (size_t n; count > 0; count -= n) {
		n = count < sizeof(blanks) - 1 ? count : sizeof(blanks) - 1;
		buf_add(out, blanks, n);
	}
}

void table_align_width(struct buf *out, const char *text, unsigned int least)
{
	_cleanup_strv_ char **rows = strv_split(text, '\n');
	size_t count = strv_length(rows);
	_cleanup_free_ struct line *lines = mem_new((count + 1) * sizeof(*lines));

	for (size_t i = 0; i < count; i++) {
		lines[i].cells = strv_split(rows[i], '\t');
		lines[i].count = strv_length(lines[i].cells) - 1;
		lines[i].widths = mem_new((lines[i].count + 1) * sizeof(size_t));
	}
	for (size_t i = 0; i < count; i++)
		for (size_t c = 0; c < lines[i].count; c++)
			if (!lines[i].widths[c])
				column_measure(lines, count, i, c, least);
	for (size_t i = 0; i < count; i++) {
		for (size_t c = 0; lines[i].cells[c]; c++) {
			size_t fill = c < lines[i].count ?
					      lines[i].widths[c] - characters(lines[i].cells[c]) :
					      0;

			buf_puts(out, lines[i].cells[c]);
			blanks_put(out, fill);
		}
		buf_puts(out, i + 1 < count ? "\n" : "");
		strv_clear(lines[i].cells);
		free(lines[i].widths);
	}
}
