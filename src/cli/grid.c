/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/grid.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { CELL_LONGEST = 4096, COLUMNS_MOST = 40 };

void grid_cell(struct grid *grid, const char *text)
{
	char safe[CELL_LONGEST];

	if (grid->count == grid->room) {
		grid->room = grid->room ? grid->room * 2 : 1024;
		grid->offsets = reallocarray(grid->offsets, grid->room, sizeof(*grid->offsets));
		if (!grid->offsets)
			abort();
	}
	grid->offsets[grid->count++] = grid->text.length;
	str_escape(safe, sizeof(safe), text, strlen(text));
	buf_add(&grid->text, safe, strlen(safe) + 1);
}

void grid_number(struct grid *grid, unsigned long long value)
{
	char text[24], *p = text + sizeof(text) - 1;

	*p = '\0';
	do
		*--p = (char)('0' + value % 10);
	while ((value /= 10) != 0);
	grid_cell(grid, p);
}

/* Characters, not bytes: UTF-8 continuation bytes take no column. */
static size_t columns_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* Where `columns` characters end. */
static size_t bytes_of(const char *text, size_t columns)
{
	size_t i = 0;

	for (; text[i]; i++) {
		if (((unsigned char)text[i] & 0xc0) == 0x80)
			continue;
		if (columns-- == 0)
			break;
	}
	return i;
}

static void pad(struct buf *line, size_t n)
{
	static const char blanks[] = "                                ";

	while (n > 0) {
		size_t piece = n < sizeof(blanks) - 1 ? n : sizeof(blanks) - 1;

		buf_add(line, blanks, piece);
		n -= piece;
	}
}

static void cell_print(struct buf *line, const char *text, const struct grid_column *column,
		       size_t width, bool last)
{
	size_t columns = columns_of(text);

	if (column->right && columns < width)
		pad(line, width - columns);
	if (columns > width && !last) {
		buf_add(line, text, bytes_of(text, width - 1));
		buf_puts(line, "+");
		columns = width;
	} else {
		buf_puts(line, text);
	}
	if (last)
		return;
	if (!column->right && columns < width)
		pad(line, width - columns);
	buf_puts(line, " ");
}

static size_t terminal_width(FILE *out)
{
	struct winsize size;

	return isatty(fileno(out)) && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col ?
		       size.ws_col :
		       0;
}

void grid_print(const struct grid *grid, const struct grid_column *columns, bool headings,
		FILE *out)
{
	size_t widths[COLUMNS_MOST] = { 0 }, n = 0, cut = terminal_width(out);
	_cleanup_(buf_clear) struct buf line = BUF_EMPTY;

	while (n < COLUMNS_MOST && columns[n].heading) {
		widths[n] = headings ? columns_of(columns[n].heading) : 0;
		n++;
	}
	for (size_t i = 0; i < grid->count; i++) {
		size_t width = columns_of(grid->text.data + grid->offsets[i]),
		       most = columns[i % n].widest;

		if (most && width > most)
			width = most;
		if (width > widths[i % n])
			widths[i % n] = width;
	}
	for (size_t row = headings ? 0 : 1; row <= grid->count / n; row++) {
		line.length = 0;
		for (size_t i = 0; i < n; i++)
			cell_print(&line,
				   row ? grid->text.data + grid->offsets[(row - 1) * n + i] :
					 columns[i].heading,
				   &columns[i], widths[i], i == n - 1);
		if (cut && columns_of(line.data) > cut)
			line.length = bytes_of(line.data, cut);
		while (line.length > 0 && line.data[line.length - 1] == ' ')
			line.length--;
		buf_puts(&line, "\n");
		(void)fwrite(line.data, 1, line.length, out);
	}
}

void grid_clear(struct grid *grid)
{
	buf_clear(&grid->text);
	free(grid->offsets);
	*grid = GRID_EMPTY;
}
