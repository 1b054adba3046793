/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/text.h"

enum { OUT_ROOM = 128 << 10, PIECE = 16 << 10 }; /* a longer line is cut into pieces, as CRI has it */

static char out[OUT_ROOM];

static void file_open(struct log_writer *log)
{
	struct stat st;

	log->fd = openat(log->dir, "log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	log->size = log->fd >= 0 && fstat(log->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

void log_open(struct log_writer *log, int dir, enum log_format format, uint64_t max_bytes, unsigned int max_files)
{
	*log = (struct log_writer){ .format = format, .dir = dir, .fd = -1, .max_bytes = max_bytes, .max_files = max_files };
	if (format != LOG_NONE)
		file_open(log);
}

static void name_of(char name[16], unsigned int number)
{
	struct text text = { name, 0, 15 };

	text_put(&text, "log");
	if (number > 0) {
		text_put(&text, ".");
		text_number(&text, number, 1);
	}
	name[text.length] = '\0';
}

/* log becomes log.1, log.1 becomes log.2, ...; the last is forgotten. */
static void rotate(struct log_writer *log)
{
	char from[16], to[16];

	if (log->fd >= 0)
		(void)close(log->fd);
	if (log->max_files <= 1)
		(void)unlinkat(log->dir, "log", 0);
	for (unsigned int i = log->max_files - 1; i > 0 && log->max_files > 1; i--) {
		name_of(from, i - 1);
		name_of(to, i);
		(void)renameat(log->dir, from, log->dir, to);
	}
	file_open(log);
}

static void flush(struct log_writer *log, const char *data, size_t length)
{
	size_t done = 0;

	if (length == 0)
		return;
	if (log->max_bytes > 0 && log->size > 0 && log->size + length > log->max_bytes)
		rotate(log);
	if (log->fd < 0)
		file_open(log);
	while (done < length) {
		ssize_t n = log->fd < 0 ? -1 : write(log->fd, data + done, length - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			/* a full disk: half a line would spoil the next one */
			if (log->fd >= 0 && ftruncate(log->fd, (off_t)log->size) < 0)
				done = length;
			log->dropped_bytes += length;
			return;
		}
		done += (size_t)n;
	}
	log->size += length;
}

static void cri_piece(struct text *text, const char *time, int stream, const char *data, size_t length, int whole)
{
	text_put(text, time);
	text_put(text, stream == 1 ? " stdout " : " stderr ");
	text_put(text, whole ? "F " : "P ");
	memcpy(text->data + text->length, data, length);
	text->length += length;
	text->data[text->length++] = '\n';
}

static void json_piece(struct text *text, const char *time, int stream, const char *data, size_t length, int whole)
{
	static const char hex[] = "0123456789abcdef";

	text_put(text, "{\"log\":\"");
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)data[i];

		if (c == '"' || c == '\\') {
			text->data[text->length++] = '\\';
			text->data[text->length++] = (char)c;
		} else if (c < 0x20) {
			text_put(text, "\\u00");
			text->data[text->length++] = hex[c >> 4];
			text->data[text->length++] = hex[c & 15];
		} else {
			text->data[text->length++] = (char)c;
		}
	}
	text_put(text, whole ? "\\n\",\"stream\":\"" : "\",\"stream\":\"");
	text_put(text, stream == 1 ? "stdout\",\"time\":\"" : "stderr\",\"time\":\"");
	text_put(text, time);
	text_put(text, "\"}\n");
}

void log_write(struct log_writer *log, int stream, const char *data, size_t length)
{
	struct text text = { out, 0, sizeof(out) };
	char time[40];
	struct text stamp = { time, 0, sizeof(time) - 1 };

	if (log->format == LOG_NONE)
		return;
	/* one time for what came in one read */
	text_time(&stamp, time_now_ns());
	time[stamp.length] = '\0';
	if (log->dropped_bytes > 0) {
		uint64_t lost = log->dropped_bytes;
		char words[96];
		struct text note = { words, 0, sizeof(words) };

		text_put(&note, "cloche: log: ");
		text_number(&note, lost, 1);
		text_put(&note, " bytes were lost, the log could not be written");
		log->dropped_bytes = 0;
		(log->format == LOG_CRI ? cri_piece : json_piece)(&text, time, 2, words, note.length, 1);
		flush(log, out, text.length);
		text.length = 0;
		if (log->dropped_bytes > 0)
			log->dropped_bytes = lost;
	}
	while (length > 0) {
		const char *end = memchr(data, '\n', length < PIECE ? length : PIECE);
		size_t piece = end ? (size_t)(end - data) : length < PIECE ? length : PIECE;

		/* json: six bytes for one in the worst case */
		if (text.length + (log->format == LOG_JSON ? 6 * piece : piece) + 128 > sizeof(out)) {
			flush(log, out, text.length);
			text.length = 0;
		}
		(log->format == LOG_CRI ? cri_piece : json_piece)(&text, time, stream, data, piece, end != NULL);
		data += piece + (end != NULL);
		length -= piece + (end != NULL);
	}
	flush(log, out, text.length);
}
