/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/user_names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/names_record.h"
#include "base/root.h"
#include "base/str.h"

enum { FOREIGN_LIMIT_BYTES = 256 << 10, NAME_LONGEST = 32, FIELDS = 4 };

/* -- text ------------------------------------------------------------------------------------- */

/* Into out, small letters. False: it holds something else, is a number, or is too long. */
static bool name_clean(const char *name, size_t length, char out[NAME_LONGEST + 1])
{
	bool number = true;

	if (length == 0 || length > NAME_LONGEST)
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = name[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
		      c == '-'))
			return false;
		number = number && c >= '0' && c <= '9';
		out[i] = c;
	}
	out[length] = '\0';
	return !number; /* CONTAINER.1234 is the id without a name */
}

static bool id_clean(const char *text, size_t length, unsigned int *ret_id)
{
	unsigned int id = 0;

	if (length == 0 || length > 5)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		id = id * 10 + (unsigned int)(text[i] - '0');
	}
	*ret_id = id;
	return id < NAMES_RANGE;
}

struct field {
	const char *text;
	size_t length;
};

/* The first fields of a line of `length` bytes; how many there are, at most FIELDS. */
static size_t fields_find(const char *line, size_t length, struct field fields[FIELDS])
{
	const char *end = line + length;
	size_t n = 0;

	while (n < FIELDS) {
		const char *colon = memchr(line, ':', (size_t)(end - line));

		fields[n++] = (struct field){ line, (size_t)((colon ? colon : end) - line) };
		if (!colon)
			break;
		line = colon + 1;
	}
	return n;
}

static void lines_add(const char *text, bool users, struct buf *out)
{
	size_t added = 0;

	while (text && *text && added < NAMES_ENTRIES) {
		size_t length = strcspn(text, "\n");
		char name[NAME_LONGEST + 1];
		struct field fields[FIELDS];
		size_t n = fields_find(text, length, fields);
		unsigned int id, gid = 0;

		if (n >= (users ? 4u : 3u) && name_clean(fields[0].text, fields[0].length, name) &&
		    id_clean(fields[2].text, fields[2].length, &id) &&
		    (!users || id_clean(fields[3].text, fields[3].length, &gid))) {
			if (users)
				buf_printf(out, "u %u %u %s\n", id, gid, name);
			else
				buf_printf(out, "g %u %s\n", id, name);
			added++;
		}
		text += length + (text[length] == '\n');
	}
}

void user_names_text(const char *container, const char *passwd, const char *group, struct buf *out)
{
	buf_printf(out, NAMES_HEAD "%.*s\n", NAMES_WORD - 1, container);
	lines_add(passwd, true, out);
	lines_add(group, false, out);
}

/* -- files ------------------------------------------------------------------------------------ */

/* At most FOREIGN_LIMIT_BYTES of a regular file, up to its first NUL; what is beyond has no names. */
static char *foreign_read(int root, const char *path)
{
	struct err ignored = ERR_NONE;
	_cleanup_close_ int fd = root_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, &ignored);
	struct stat st;
	size_t size, have = 0;
	char *text;

	/* an image may hold a fifo here, to make us wait */
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)
		return NULL;
	size = st.st_size < FOREIGN_LIMIT_BYTES ? (size_t)st.st_size : FOREIGN_LIMIT_BYTES;
	text = mem_new(size + 1);
	while (have < size) {
		ssize_t n = read(fd, text + have, size - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	text[have] = '\0';
	return text;
}

void user_names_read(const char *container, int root, struct buf *out)
{
	_cleanup_free_ char *passwd = foreign_read(root, "etc/passwd"),
			    *group = foreign_read(root, "etc/group");

	user_names_text(container, passwd, group, out);
}

static int folder_open(int run, mode_t mode, gid_t gid, struct err *err)
{
	struct stat st;
	int fd = openat(run, "names", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		fd = dir_open_make(run, "names", mode, err);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 ||
	    ((st.st_mode & 07777) != mode && fchmod(fd, mode) < 0) || /* the setting has changed */
	    (st.st_gid != gid && fchown(fd, 0, gid) < 0)) {
		int code = errno;

		fd_close(fd);
		return err_sys(err, code, "make folder names");
	}
	return fd;
}

/* The record `name`, empty when there is none. */
static void record_read(int folder, const char *name, struct buf *out)
{
	char text[NAMES_LINK + 1];
	ssize_t n = readlinkat(folder, name, text, sizeof(text));

	if (n > 0)
		buf_add(out, text, (size_t)n);
	else if (errno != EINVAL || file_read(folder, name, 1 << 20, out) < 0)
		buf_add(out, "", 0);
}

static int record_write(int folder, const char *name, const struct buf *text, struct err *err)
{
	_cleanup_free_ char *temp = NULL;

	if (text->length > NAMES_LINK)
		return file_replace(folder, name, text->data, text->length, 0644, false, err);
	temp = str_printf(".%s.%d", name, (int)getpid());
	(void)unlinkat(folder, temp, 0); /* left by a killed process that had our pid */
	if (symlinkat(text->data, folder, temp) < 0 || renameat(folder, temp, folder, name) < 0)
		return err_sys(err, errno, "write the names of range %s", name);
	return 0;
}

/* Does the link's text, `base` and perhaps a record, name this base? */
static bool link_is_of(const char *text, ssize_t length, const char *base)
{
	size_t n = strlen(base);

	return length >= (ssize_t)n && strncmp(text, base, n) == 0 &&
	       ((size_t)length == n || text[n] == '\n');
}

static int link_make(int folder, const char *container, const char *base, const struct buf *record,
		     struct err *err)
{
	_cleanup_free_ char *temp = NULL, *whole = str_printf("%s\n%s", base, record->data);
	const char *text = strlen(whole) <= NAMES_LINK ? whole : base;
	char now[NAMES_LINK + 1];
	_cleanup_close_ int links = dir_open_make(folder, NAMES_BY_NAME, 0755, err);
	ssize_t n = links < 0 ? 0 : readlinkat(links, container, now, sizeof(now));

	if (links < 0)
		return links;
	if (n > 0 && (size_t)n == strlen(text) && strncmp(now, text, (size_t)n) == 0)
		return 0;
	if (n < 0 && errno == ENOENT)
		return symlinkat(text, links, container) < 0 ?
			       err_sys(err, errno, "write the name %s", container) :
			       0;
	temp = str_printf(".%s.%d", base, (int)getpid());
	(void)unlinkat(links, temp, 0);
	if (symlinkat(text, links, temp) < 0 || renameat(links, temp, links, container) < 0)
		return err_sys(err, errno, "write the name %s", container);
	return 0;
}

/* The container that a record names, or "". */
static void record_container(const struct buf *record, char out[NAMES_WORD])
{
	out[0] = '\0';
	if (str_prefix(record->data, NAMES_HEAD))
		(void)snprintf(out, NAMES_WORD, "%.*s",
			       (int)strcspn(record->data + strlen(NAMES_HEAD), "\n"),
			       record->data + strlen(NAMES_HEAD));
}

static void link_remove(int folder, const char *container, const char *base)
{
	_cleanup_free_ char *path = str_printf(NAMES_BY_NAME "/%s", container);
	char now[16];
	ssize_t n = readlinkat(folder, path, now, sizeof(now));

	if (link_is_of(now, n, base))
		(void)unlinkat(folder, path, 0);
}

int user_names_publish(int run, mode_t folder_mode, gid_t folder_gid, uint32_t base,
		       const char *container, int root, struct err *err)
{
	_cleanup_close_ int folder = folder_open(run, folder_mode, folder_gid, err);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY, old = BUF_EMPTY;
	char name[16], before[NAMES_WORD];

	if (folder < 0)
		return folder;
	(void)snprintf(name, sizeof(name), "%u", base);
	user_names_read(container, root, &text);
	record_read(folder, name, &old);
	if (!str_equal(old.data, text.data)) {
		record_container(&old, before);
		if (*before && strcmp(before, container) != 0)
			link_remove(folder, before, name); /* it was renamed */
		if (record_write(folder, name, &text, err) < 0)
			return -err->code;
	}
	return link_make(folder, container, name, &text, err);
}

void user_names_remove(int run, uint32_t base, const char *container)
{
	_cleanup_close_ int folder =
		openat(run, "names", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_(buf_clear) struct buf record = BUF_EMPTY;
	char name[16], owner[NAMES_WORD];

	if (folder < 0)
		return;
	(void)snprintf(name, sizeof(name), "%u", base);
	record_read(folder, name, &record);
	record_container(&record, owner);
	if (strcmp(owner, container) != 0) /* the range is shared, or somebody else's by now */
		return;
	link_remove(folder, container, name);
	(void)unlinkat(folder, name, 0);
}
