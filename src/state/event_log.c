/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state/event_log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"

enum { ROTATE_BYTES = 16 << 20 };

static void quoted(struct buf *out, const char *text)
{
	buf_puts(out, "\"");
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			buf_printf(out, "\\%c", *p);
		else if (*p < 0x20)
			buf_printf(out, "\\u%04x", *p);
		else
			buf_add(out, p, 1);
	}
	buf_puts(out, "\"");
}

static const char *value_of(const char *const *attributes, const char *name)
{
	for (size_t i = 0; attributes[i]; i += 2)
		if (strcmp(attributes[i], name) == 0)
			return attributes[i + 1];
	return "";
}

static int log_open(int root_fd)
{
	struct stat st, named;
	int fd = openat(root_fd, "events", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			0600);

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < ROTATE_BYTES)
		return fd;
	/* One rotates; who waited finds that the name is another file's by now. A line written to the old one meanwhile is not lost. */
	if (flock(fd, LOCK_EX) == 0 &&
	    fstatat(root_fd, "events", &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    named.st_ino == st.st_ino)
		(void)renameat(root_fd, "events", root_fd, "events.1");
	fd_close(fd);
	return openat(root_fd, "events", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		      0600);
}

void event_line(struct buf *out, const char *type, const char *action, const char *actor_id,
		const char *const *attributes)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	buf_puts(out, "{");
	if (strcmp(type, "container") == 0) {
		/* the fields of old clients */
		buf_puts(out, "\"status\":");
		quoted(out, action);
		buf_puts(out, ",\"id\":");
		quoted(out, actor_id);
		buf_puts(out, ",\"from\":");
		quoted(out, value_of(attributes, "image"));
		buf_puts(out, ",");
	}
	buf_puts(out, "\"Type\":");
	quoted(out, type);
	buf_puts(out, ",\"Action\":");
	quoted(out, action);
	buf_puts(out, ",\"Actor\":{\"ID\":");
	quoted(out, actor_id);
	buf_puts(out, ",\"Attributes\":{");
	for (size_t i = 0; attributes[i]; i += 2) {
		buf_puts(out, i ? "," : "");
		quoted(out, attributes[i]);
		buf_puts(out, ":");
		quoted(out, attributes[i + 1]);
	}
	buf_printf(out, "}},\"scope\":\"local\",\"time\":%lld,\"timeNano\":%lld}\n",
		   (long long)now.tv_sec, (long long)now.tv_sec * 1000000000 + now.tv_nsec);
}

void event_lines_write(int root_fd, const struct buf *lines)
{
	_cleanup_close_ int fd = log_open(root_fd);

	if (fd >= 0)
		(void)!write(fd, lines->data,
			     lines->length); /* O_APPEND: whole lines, in the kernel's order */
}

void event_write(int root_fd, const char *type, const char *action, const char *actor_id,
		 const char *const *attributes)
{
	_cleanup_(buf_clear) struct buf line = BUF_EMPTY;

	event_line(&line, type, action, actor_id, attributes);
	event_lines_write(root_fd, &line);
}

/* -- reading ---------------------------------------------------------------------------------- */

struct reading {
	int64_t since_ns, until_ns;
	int (*callback)(void *data, const char *line);
	void *data;
	bool stop;
};

static void line_take(struct reading *reading, const char *line)
{
	const char *at = strstr(line, "\"timeNano\":");
	int64_t ns = at ? strtoll(at + 11, NULL, 10) : 0;

	if (reading->since_ns && ns < reading->since_ns)
		return;
	if (reading->until_ns && ns > reading->until_ns) {
		reading->stop = true;
		return;
	}
	if (reading->callback(reading->data, line) != 0)
		reading->stop = true;
}

/* From *offset to the last whole line. */
static void file_lines(struct reading *reading, int fd, off_t *offset)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	char *rest, *end;

	if (lseek(fd, *offset, SEEK_SET) < 0 || fd_read_all(fd, 4 * ROTATE_BYTES, &text) < 0 ||
	    !text.data)
		return;
	for (rest = text.data; !reading->stop && (end = strchr(rest, '\n')) != NULL;
	     rest = end + 1) {
		*end = '\0';
		*offset += end + 1 - rest;
		line_take(reading, rest);
	}
}

static int until_timeout(const struct reading *reading)
{
	struct timespec now;
	int64_t left;

	if (!reading->until_ns)
		return -1;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	left = (reading->until_ns - ((int64_t)now.tv_sec * 1000000000 + now.tv_nsec)) / 1000000;
	return left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left + 1;
}

static int follow_lines(struct reading *reading, int root_fd, int fd, off_t offset, struct err *err)
{
	_cleanup_close_ int watch = inotify_init1(IN_CLOEXEC),
			    current = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	char path[64], news[4096];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", root_fd);
	if (watch < 0 || inotify_add_watch(watch, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		return err_sys(err, errno, "watch the event log");
	while (!reading->stop) {
		struct pollfd p = { .fd = watch, .events = POLLIN };
		struct stat st, named;
		int r;

		file_lines(reading, current, &offset);
		if (fstat(current, &st) == 0 &&
		    fstatat(root_fd, "events", &named, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_ino != named.st_ino) {
			fd_close(current);
			current = openat(root_fd, "events", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
			offset = 0;
			continue;
		}
		if (reading->stop)
			break;
		r = poll(&p, 1, until_timeout(reading));
		if (r == 0)
			break;
		if (r > 0)
			(void)!read(watch, news, sizeof(news));
	}
	return 0;
}

int event_read(int root_fd, int64_t since_ns, int64_t until_ns, int follow,
	       int (*callback)(void *data, const char *line), void *data, struct err *err)
{
	struct reading reading = { since_ns, until_ns, callback, data, false };
	_cleanup_close_ int older = openat(root_fd, "events.1", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_close_ int fd =
		openat(root_fd, "events", O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	off_t offset = 0;

	if (fd < 0)
		return err_sys(err, errno, "open the event log");
	if (older >= 0)
		file_lines(&reading, older, &offset);
	offset = 0;
	if (!reading.stop)
		file_lines(&reading, fd, &offset);
	return follow && !reading.stop ? follow_lines(&reading, root_fd, fd, offset, err) : 0;
}
