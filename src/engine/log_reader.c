/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/log_reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/log_option.h"
#include "engine/status.h"

enum { OUT_ROOM = 256 << 10, FILES = 1000 };

struct reader {
	const struct log_query *query;
	char *out[2]; /* of stdout and stderr */
	size_t used[2];
	char since[40], until[40]; /* as the log spells times: texts compare like times */
	bool stop, going_on[2];	   /* the last line of the stream was a piece */
	const char *own_details;   /* what the line says of the container itself; NULL: nothing */
};

/* -- output ----------------------------------------------------------------------------------- */

static void out_flush(struct reader *r, int stream)
{
	if (r->used[stream] > 0 && fd_write_all(stream + 1, r->out[stream], r->used[stream]) < 0)
		r->stop = true;
	r->used[stream] = 0;
}

static void out_put(struct reader *r, int stream, const char *data, size_t length)
{
	if (length > OUT_ROOM - r->used[stream])
		out_flush(r, stream);
	if (length > OUT_ROOM) {
		if (fd_write_all(stream + 1, data, length) < 0)
			r->stop = true;
		return;
	}
	memcpy(r->out[stream] + r->used[stream], data, length);
	r->used[stream] += length;
}

/* What both streams got must come out in its order when they are the same terminal or file. */
static void line_put(struct reader *r, int stream, const char *time, size_t time_length,
		     const char *text, size_t length, bool whole)
{
	if (r->used[!stream] > 0)
		out_flush(r, !stream);
	if (r->query->timestamps && !r->going_on[stream]) {
		out_put(r, stream, time, time_length);
		out_put(r, stream, " ", 1);
	}
	if (r->query->details && !r->going_on[stream]) {
		const char *details = r->own_details ? r->own_details : r->query->details;

		out_put(r, stream, details, strlen(details));
	}
	out_put(r, stream, text, length);
	if (whole)
		out_put(r, stream, "\n", 1);
	r->going_on[stream] = !whole;
}

/* -- lines ------------------------------------------------------------------------------------ */

static bool time_wanted(struct reader *r, const char *time, size_t length)
{
	if (*r->since && strncmp(time, r->since, length) < 0)
		return false;
	if (*r->until && strncmp(time, r->until, length) > 0) {
		r->stop = true;
		return false;
	}
	return true;
}

static void cri_line(struct reader *r, const char *line, size_t length)
{
	/* "TIME stdout F text": a damaged line is shown as it is */
	const char *blank = memchr(line, ' ', length);
	size_t time = blank ? (size_t)(blank - line) : 0;

	if (time == 0 || length < time + 10 || memcmp(blank, " std", 4) != 0 ||
	    line[time + 9] != ' ') {
		line_put(r, 0, "", 0, line, length, true);
		return;
	}
	if (time_wanted(r, line, time))
		line_put(r, line[time + 4] == 'e', line, time, line + time + 10, length - time - 10,
			 line[time + 8] == 'F');
}

/* What the line itself says goes before what the container's options say now. */
static char *attrs_details(const json_t *attrs)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)attrs, key, value)
	{
		if (json_is_string(value))
			log_detail_put(&out, key, json_string_value(value));
	}
	buf_puts(&out, " ");
	return ptr_take(&out.data);
}

static void json_line(struct reader *r, const char *line, size_t length)
{
	_cleanup_json_ json_t *json = json_loadb(line, length, 0, NULL);
	const char *text = json_string_at(json, "log", NULL),
		   *time = json_string_at(json, "time", "");
	size_t text_length = json_string_length(json_object_get(json, "log"));
	bool whole = text_length > 0 && text && text[text_length - 1] == '\n';
	const json_t *attrs = r->query->details ? json_object_get(json, "attrs") : NULL;
	_cleanup_free_ char *details = attrs ? attrs_details(attrs) : NULL;

	if (!text) {
		line_put(r, 0, "", 0, line, length, true);
		return;
	}
	r->own_details = details;
	if (time_wanted(r, time, strlen(time)))
		line_put(r, strcmp(json_string_at(json, "stream", ""), "stderr") == 0, time,
			 strlen(time), text, text_length - whole, whole);
	r->own_details = NULL;
}

/* Whole lines of data: how many bytes that were. */
static size_t lines_take(struct reader *r, const char *data, size_t length)
{
	const char *p = data, *end = data + length, *newline;

	while (!r->stop && p < end && (newline = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		if (r->query->json)
			json_line(r, p, (size_t)(newline - p));
		else
			cri_line(r, p, (size_t)(newline - p));
		p = newline + 1;
	}
	return (size_t)(p - data);
}

/* "log", "log.1" and so on, each once, down to the one before `until` (an inode; 0: all). Opened newest first: a rotation in between moves a
 * file to a name that is opened later, never past us. How many there are in fds. */
static int files_open(int dir, ino_t until, int fds[FILES])
{
	ino_t last = 0;
	int count = 0;

	for (int i = 0; i < FILES; i++) {
		_cleanup_close_ int fd = -1;
		char name[16] = "log";
		struct stat st;

		if (i > 0)
			(void)snprintf(name, sizeof(name), "log.%d", i);
		fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 || fstat(fd, &st) < 0 || (until && st.st_ino == until))
			break;
		if (st.st_ino == last)
			continue;
		last = st.st_ino;
		fds[count++] = fd_take(&fd);
	}
	return count;
}

static int file_take(struct reader *r, int fd, off_t *offset, struct err *err)
{
	struct stat st;
	off_t page = sysconf(_SC_PAGESIZE), from;
	char *map;

	if (fstat(fd, &st) < 0 || st.st_size <= *offset)
		return 0;
	from = *offset - *offset % page;
	map = mmap(NULL, (size_t)(st.st_size - from), PROT_READ, MAP_SHARED, fd, from);
	if (map == MAP_FAILED)
		return err_sys(err, errno, "read the log");
	(void)madvise(map, (size_t)(st.st_size - from), MADV_SEQUENTIAL);
	*offset += (off_t)lines_take(r, map + (*offset - from), (size_t)(st.st_size - *offset));
	(void)munmap(map, (size_t)(st.st_size - from));
	return 0;
}

/* -- tail ------------------------------------------------------------------------------------- */

/* Does this record end a line? "TIME stdout F text", or with json-file a text that ends with a newline. */
static bool record_whole(const struct reader *r, const char *record, size_t length)
{
	const char *blank = memchr(record, ' ', length);

	if (r->query->json)
		return memmem(record, length, "\\n\",\"stream\"", 12) != NULL;
	return !blank || (size_t)(blank - record) + 9 > length || blank[8] != 'P';
}

/* Where in the file the last *left lines begin; *left is what the older files must give. A line may be many pieces. */
static off_t tail_offset(const struct reader *r, int fd, bool newest, long *left)
{
	struct stat st;
	char *map;
	off_t at;

	if (fstat(fd, &st) < 0 || st.st_size == 0)
		return 0;
	if (*left == 0)
		return st.st_size;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED || !map) /* gcc 12 with UBSan believes in the second */
		return 0;
	for (at = st.st_size; at > 0;) {
		const char *newline = at > 1 ? memrchr(map, '\n', (size_t)at - 1) : NULL;
		off_t start = newline ? newline - map + 1 : 0;
		/* the last record counts also when its line has not ended */
		bool ends = record_whole(r, map + start, (size_t)(at - start)) ||
			    (newest && at == st.st_size);

		if (ends && *left == 0)
			break;
		*left -= ends;
		at = start;
	}
	(void)munmap(map, (size_t)st.st_size);
	return at;
}

/* -- the whole -------------------------------------------------------------------------------- */

static void time_spell(char out[40], int64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	size_t used;

	if (ns == 0 || !gmtime_r(&seconds, &tm))
		return;
	used = strftime(out, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(out + used, 40 - used, ".%09lldZ", (long long)(ns % 1000000000));
}

/* The file that we read is not the newest any more: what is left in it, then those after it, until the newest is ours. */
static int newer_take(struct reader *r, int dir, int *current, off_t *offset, struct err *err)
{
	struct stat st = { 0 };
	int fds[FILES], count, result = 0;

	if (*current >= 0)
		(void)fstat(*current, &st);
	count = files_open(dir, st.st_ino, fds);
	if (count > 0 && *current >= 0) /* none: in the middle of a rotation */
		result = file_take(r, *current, offset, err);
	for (int i = count - 1; i >= 0; i--) {
		fd_close(*current);
		*current = fds[i];
		*offset = 0;
		if (i > 0 && result == 0)
			result = file_take(r, *current, offset, err);
	}
	return result;
}

/* All that there is by now. */
static int news_take(struct reader *r, int dir, int *current, off_t *offset, struct err *err)
{
	struct stat st, named;
	int result;

	do {
		result = *current < 0 ? 0 : file_take(r, *current, offset, err);
		if (result < 0 || fstatat(dir, "log", &named, AT_SYMLINK_NOFOLLOW) < 0 ||
		    (*current >= 0 && fstat(*current, &st) == 0 && st.st_ino == named.st_ino))
			return result;
		result = newer_take(r, dir, current, offset, err);
	} while (result == 0 && !r->stop);
	return result;
}

static int follow(struct reader *r, struct engine *engine, const char *id, int dir, int fd,
		  off_t offset, struct err *err)
{
	_cleanup_close_ int watch = inotify_init1(IN_CLOEXEC), current = fd, monitor = -1;
	char path[64], news[4096];
	pid_t pid;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	if (watch < 0 || inotify_add_watch(watch, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		return err_sys(err, errno, "watch the log");
	while (!r->stop) {
		/* asked before the file is read: what was written before the end is read after it */
		_cleanup_close_ int running = status_pidfd(engine, id);
		struct pollfd p[] = { { .fd = watch, .events = POLLIN },
				      { .fd = monitor, .events = POLLIN } };

		if (news_take(r, dir, &current, &offset, err) < 0)
			return -err->code;
		out_flush(r, 0);
		out_flush(r, 1);
		if (running < 0 && monitor < 0)
			break;
		if (p[1].fd < 0) {
			monitor = status_monitor_pidfd(engine, id, &pid);
			p[1].fd = monitor;
		}
		if (poll(p, 2, monitor < 0 ? 200 : -1) > 0 && p[0].revents)
			(void)!read(watch, news, sizeof(news));
		if (p[1].revents) {
			fd_close(monitor);
			return news_take(r, dir, &current, &offset, err);
		}
	}
	return 0;
}

static int files_read(struct reader *r, struct engine *engine, const char *id, int dir,
		      struct err *err)
{
	int fds[FILES], count, result = 0, oldest;
	long left = r->query->tail;
	off_t offset = 0;

	count = files_open(dir, 0, fds);
	oldest = count - 1;
	if (left >= 0)
		for (oldest = 0; oldest < count; oldest++) {
			offset = tail_offset(r, fds[oldest], oldest == 0, &left);
			if (left == 0 || oldest == count - 1)
				break;
		}
	for (int i = oldest; i >= 0 && i < count && result == 0 && !r->stop; i--) {
		result = file_take(r, fds[i], &offset, err);
		if (i > 0)
			offset = 0;
	}
	if (result == 0 && r->query->follow && !r->stop)
		result = follow(r, engine, id, dir, count > 0 ? fds[0] : -1, offset, err);
	else if (count > 0)
		fd_close(fds[0]);
	for (int i = 1; i < count; i++)
		fd_close(fds[i]);
	return result;
}

int log_read(struct engine *engine, const char *id, const struct log_query *query, struct err *err)
{
	struct reader reader = { .query = query };
	_cleanup_close_ int dir = engine_container_dir(engine, id, false, err);
	int r;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir; /* never started: nothing was said */
	reader.out[0] = mem_new(OUT_ROOM);
	reader.out[1] = mem_new(OUT_ROOM);
	time_spell(reader.since, query->since_ns);
	time_spell(reader.until, query->until_ns);
	r = files_read(&reader, engine, id, dir, err);
	out_flush(&reader, 0);
	out_flush(&reader, 1);
	free(reader.out[0]);
	free(reader.out[1]);
	return r;
}
