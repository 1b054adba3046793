/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/nsswitch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"

static const char *const databases[] = { "passwd", "group" };

/* Which of the databases a line is about, -1: none. */
static int database_of(const char *line, size_t length)
{
	size_t skip = strspn(line, " \t");

	for (int i = 0; i < (int)ARRAY_SIZE(databases); i++) {
		size_t n = strlen(databases[i]);

		if (skip + n < length && strncmp(line + skip, databases[i], n) == 0 &&
		    line[skip + n + strspn(line + skip + n, " \t")] == ':')
			return i;
	}
	return -1;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Where the word stands in the first `length` bytes of a line; NULL: not there. */
static const char *word_find(const char *line, size_t length)
{
	static const char word[] = "cloche";
	size_t n = strlen(word);

	for (size_t i = 1; i + n <= length; i++)
		if (strncmp(line + i, word, n) == 0 && (blank(line[i - 1]) || line[i - 1] == ':') &&
		    (i + n == length || blank(line[i + n])))
			return line + i;
	return NULL;
}

static bool line_edit(const char *line, size_t length, bool enable, struct buf *out)
{
	const char *comment = memchr(line, '#', length);
	size_t words = comment ? (size_t)(comment - line) : length;
	const char *word = word_find(line, words);
	size_t cut;

	if ((word != NULL) == enable) {
		buf_add(out, line, length);
		return false;
	}
	if (!enable) {
		cut = (size_t)(word - line);
		while (cut > 0 && blank(line[cut - 1]))
			cut--;
		buf_add(out, line, cut);
		word += strlen("cloche");
		buf_add(out, word, length - (size_t)(word - line));
		return true;
	}
	while (words > 0 && blank(line[words - 1]))
		words--;
	buf_add(out, line, words);
	buf_puts(out, " cloche");
	buf_add(out, line + words, length - words);
	return true;
}

bool nsswitch_edit(const char *text, bool enable, struct buf *out)
{
	bool seen[ARRAY_SIZE(databases)] = { false }, changed = false;

	while (*text) {
		size_t length = strcspn(text, "\n");
		int database = database_of(text, length);

		if (database >= 0) {
			seen[database] = true;
			changed |= line_edit(text, length, enable, out);
		} else {
			buf_add(out, text, length);
		}
		text += length;
		if (*text)
			text++;
		buf_puts(out, "\n");
	}
	for (size_t i = 0; enable && i < ARRAY_SIZE(databases); i++) {
		if (seen[i])
			continue;
		buf_printf(out, "%s: files cloche\n", databases[i]);
		changed = true;
	}
	return changed;
}

bool nsswitch_enabled(const char *text, bool *ret_unreachable)
{
	unsigned int have = 0;

	*ret_unreachable = false;
	while (*text) {
		size_t length = strcspn(text, "\n");
		const char *comment = memchr(text, '#', length);
		size_t words = comment ? (size_t)(comment - text) : length;
		const char *word = database_of(text, length) >= 0 ? word_find(text, words) : NULL;

		if (word) {
			_cleanup_free_ char *before = str_ndup(text, (size_t)(word - text));

			have++;
			if (strcasestr(before, "notfound=return") ||
			    strcasestr(before, "notfound = return"))
				*ret_unreachable = true;
		}
		text += length + (text[length] == '\n');
	}
	return have >= ARRAY_SIZE(databases) && !*ret_unreachable;
}

int nsswitch_read(struct buf *text, struct err *err)
{
	_cleanup_close_ int fd = open(NSSWITCH_PATH, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0 && errno == ENOENT) {
		buf_puts(text, "");
		return 0;
	}
	r = fd < 0 ? -errno : fd_read_all(fd, 1 << 20, text);
	return r < 0 ? err_sys(err, r, "read " NSSWITCH_PATH) : 0;
}

int nsswitch_change(bool enable, struct err *err)
{
	_cleanup_(buf_clear) struct buf before = BUF_EMPTY, after = BUF_EMPTY;
	_cleanup_close_ int etc = open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int r;

	if (etc < 0)
		return err_sys(err, errno, "open /etc");
	if (fstatat(etc, "nsswitch.conf", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode)) {
		err_set(err, ELOOP, "change " NSSWITCH_PATH ": it is a symbolic link");
		return err_hint(err, "add cloche to the lines passwd and group of its target");
	}
	r = nsswitch_read(&before, err);
	if (r < 0)
		return r;
	if (!nsswitch_edit(before.data, enable, &after))
		return 1;
	r = file_replace(etc, "nsswitch.conf.before-cloche", before.data, before.length, 0644, true,
			 err);
	return r < 0 ? r :
		       file_replace(etc, "nsswitch.conf", after.data, after.length, 0644, true,
				    err);
}
