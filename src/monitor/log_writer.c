/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/pages.h"
#include "monitor/protocol.h"
#include "monitor/text.h"

enum {
	OUT_ROOM = 128 << 10,
	PIECE = 16 << 10, /* a longer line is cut into pieces, as CRI has it */
	FRAME_ROOM = 128, /* more than what stands around a piece */
	STEP = 4096,	  /* one page of the buffer is enough to look for a newline */
};

static char out[OUT_ROOM] __attribute__((aligned(4096)));
static char attrs[LOG_ATTRS_ROOM];

/* How many of the file's bytes are whole lines. */
static off_t whole_lines(int fd, off_t size)
{
	while (size > 0) {
		size_t wanted = size < STEP ? (size_t)size : STEP;
		ssize_t n = pread(fd, out, wanted, size - (off_t)wanted);
		const char *newline = n == (ssize_t)wanted ? memrchr(out, '\n', wanted) : NULL;

		if (n != (ssize_t)wanted)
			return size;
		if (newline)
			return size - (off_t)wanted + (newline - out) + 1;
		size -= (off_t)wanted;
	}
	return 0;
}

static void file_open(struct log_writer *log)
{
	struct stat st;

	log->size = 0;
	log->fd =
		openat(log->dir, "log", O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (log->fd >= 0 && fstat(log->fd, &st) == 0 && st.st_size > 0) {
		off_t whole = whole_lines(log->fd, st.st_size);

		log->size = (uint64_t)(whole < st.st_size && ftruncate(log->fd, whole) == 0 ?
					       whole :
					       st.st_size);
	}
}

void log_open(struct log_writer *log, int dir, enum log_format format, uint64_t max_bytes,
	      unsigned int max_files)
{
	*log = (struct log_writer){ .format = format,
				    .dir = dir,
				    .fd = -1,
				    .max_bytes = max_bytes,
				    .max_files = max_files };
	if (format != LOG_NONE)
		file_open(log);
}

void log_attrs_read(struct log_writer *log, int run)
{
	int fd = openat(run, "log-attrs", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, attrs, sizeof(attrs));

	if (fd >= 0)
		(void)close(fd);
	log->attrs_length = n > 0 ? (size_t)n : 0;
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
	if (log->fd < 0)
		file_open(log);
	while (done < length) {
		ssize_t n = log->fd < 0 ? -1 : write(log->fd, data + done, length - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			/* a full disk: half a line would spoil the next one */
			if (log->fd >= 0)
				(void)!ftruncate(log->fd,
						 (off_t)log->size); /* shrinking needs no room */
			log->dropped_bytes += length;
			return;
		}
		done += (size_t)n;
	}
	log->size += length;
}

/* -- one piece -------------------------------------------------------------------------------- */

/* What all pieces of one read have in common, made once for them. */
struct frame {
	char stamp[40], before[64], stream[32], after[80];
	size_t before_length, stream_length, after_length;
};

static void frame_make(struct frame *frame, enum log_format format, int stream, int64_t ns)
{
	struct text stamp = { frame->stamp, 0, sizeof(frame->stamp) - 1 };
	struct text before = { frame->before, 0, sizeof(frame->before) };
	struct text middle = { frame->stream, 0, sizeof(frame->stream) };
	struct text after = { frame->after, 0, sizeof(frame->after) };

	text_time(&stamp, ns);
	frame->stamp[stamp.length] = '\0';
	if (format == LOG_CRI) {
		text_put(&before, frame->stamp);
		text_put(&before, stream == 1 ? " stdout F " : " stderr F ");
		text_put(&after, "\n");
	} else {
		text_put(&before, "{\"log\":\"");
		text_put(&middle,
			 stream == 1 ? "\",\"stream\":\"stdout\"," : "\",\"stream\":\"stderr\",");
		text_put(&after, "\"time\":\"");
		text_put(&after, frame->stamp);
		text_put(&after, "\"}\n");
	}
	frame->before_length = before.length;
	frame->stream_length = middle.length;
	frame->after_length = after.length;
}

static char *put(char *at, const void *data, size_t length)
{
	memcpy(at, data, length);
	return at + length;
}

static char *cri_piece(char *at, const struct frame *frame, const char *data, size_t length,
		       bool whole)
{
	at = put(at, frame->before, frame->before_length);
	if (!whole)
		at[-2] = 'P';
	at = put(at, data, length);
	*at++ = '\n';
	return at;
}

/* Length of the UTF-8 character at data, 0: none is there, -1: the end of data cuts it (Unicode 15, table 3-7). */
static int character_length(const unsigned char *data, size_t length)
{
	unsigned char low = 0x80, high = 0xbf;
	int wanted = data[0] < 0x80 ? 1 :
		     data[0] < 0xc2 ? 0 :
		     data[0] < 0xe0 ? 2 :
		     data[0] < 0xf0 ? 3 :
		     data[0] < 0xf5 ? 4 :
				      0;

	if (data[0] == 0xe0)
		low = 0xa0; /* no longer than needed */
	else if (data[0] == 0xed)
		high = 0x9f; /* no surrogates */
	else if (data[0] == 0xf0)
		low = 0x90;
	else if (data[0] == 0xf4)
		high = 0x8f; /* U+10FFFF is the last */
	for (int i = 1; i < wanted; i++, low = 0x80, high = 0xbf) {
		if ((size_t)i >= length)
			return -1;
		if (data[i] < low || data[i] > high)
			return 0;
	}
	return wanted;
}

static char *json_text(char *at, const char *data, size_t length)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < length;) {
		unsigned char c = (unsigned char)data[i];
		int n;

		if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
			*at++ = (char)c;
			i++;
		} else if (c == '"' || c == '\\') {
			*at++ = '\\';
			*at++ = (char)c;
			i++;
		} else if (c < 0x20) {
			at = put(at, "\\u00", 4);
			*at++ = hex[c >> 4];
			*at++ = hex[c & 15];
			i++;
		} else if ((n = character_length((const unsigned char *)data + i, length - i)) >
			   0) {
			at = put(at, data + i, (size_t)n);
			i += (size_t)n;
		} else {
			at = put(at, "\\ufffd", 6);
			i++;
		}
	}
	return at;
}

static char *json_piece(char *at, const struct log_writer *log, const struct frame *frame,
			const char *data, size_t length, bool whole)
{
	at = put(at, frame->before, frame->before_length);
	at = json_text(at, data, length);
	if (whole)
		at = put(at, "\\n", 2);
	at = put(at, frame->stream, frame->stream_length);
	at = put(at, attrs, log->attrs_length);
	return put(at, frame->after, frame->after_length);
}

/* -- all of it -------------------------------------------------------------------------------- */

/* How many bytes at the end of data are the begin of a character: at most 3. */
static size_t cut_character(const char *data, size_t length)
{
	for (size_t n = 1; n <= 3 && n <= length; n++) {
		unsigned char c = (unsigned char)data[length - n];

		if (c >= 0xc0)
			return character_length((const unsigned char *)data + length - n, n) < 0 ?
				       n :
				       0;
		if (c < 0x80)
			break;
	}
	return 0;
}

static size_t piece_add(struct log_writer *log, const struct frame *frame, size_t used,
			const char *data, size_t length, bool whole)
{
	/* json: six bytes for one in the worst case */
	size_t room =
		(log->format == LOG_JSON ? 6 * length + log->attrs_length : length) + FRAME_ROOM;
	char *end;

	if (used + room > sizeof(out)) {
		flush(log, out, used);
		used = 0;
	}
	end = log->format == LOG_JSON ? json_piece(out + used, log, frame, data, length, whole) :
					cri_piece(out + used, frame, data, length, whole);
	if (log->max_bytes > 0 && log->size + (uint64_t)(end - out) > log->max_bytes &&
	    log->size + used > 0) {
		size_t added = (size_t)(end - out) - used;

		flush(log, out, used);
		rotate(log);
		memmove(out, out + used, added);
		return added;
	}
	return (size_t)(end - out);
}

/* Lines, and a piece for what is no whole line. */
static void pieces_write(struct log_writer *log, const struct frame *frame, int stream,
			 const char *data, size_t length)
{
	char joined[3 + 3];
	size_t used = 0, rest = log->rest[stream - 1].length;

	if (rest > 0) { /* json: the character that the last read cut, whole now or never */
		size_t more = 0;

		memcpy(joined, log->rest[stream - 1].bytes, rest);
		while (more < 3 && more < length && (data[more] & 0xc0) == 0x80 &&
		       character_length((const unsigned char *)joined, rest + more) < 0) {
			joined[rest + more] = data[more];
			more++;
		}
		log->rest[stream - 1].length = 0;
		if (more > 0 && more == length &&
		    character_length((const unsigned char *)joined, rest + more) < 0) {
			log->rest[stream - 1].length = rest + more;
			memcpy(log->rest[stream - 1].bytes, joined, rest + more);
			return;
		}
		used = piece_add(log, frame, used, joined, rest + more, false);
		data += more;
		length -= more;
	}
	while (length > 0) {
		size_t limit = length < PIECE ? length : PIECE;
		const char *end = memchr(data, '\n', limit);
		size_t piece = end ? (size_t)(end - data) : limit;

		if (!end && log->format == LOG_JSON) {
			size_t cut = cut_character(data, piece);

			piece -= cut;
			if (piece == 0) {
				log->rest[stream - 1].length = cut;
				memcpy(log->rest[stream - 1].bytes, data, cut);
				break;
			}
		}
		used = piece_add(log, frame, used, data, piece, end != NULL);
		data += piece + (end != NULL);
		length -= piece + (end != NULL);
	}
	flush(log, out, used);
}

static void note_write(struct log_writer *log, int64_t now)
{
	uint64_t lost = log->dropped_bytes;
	char words[96];
	struct text note = { words, 0, sizeof(words) };
	struct frame frame;

	text_put(&note, "cloche: log: ");
	text_number(&note, lost, 1);
	text_put(&note, " bytes were lost, the log could not be written");
	log->dropped_bytes = 0;
	frame_make(&frame, log->format, 2, now);
	flush(log, out, piece_add(log, &frame, 0, words, note.length, true));
	if (log->dropped_bytes > 0)
		log->dropped_bytes = lost;
}

void log_write(struct log_writer *log, int stream, const char *data, size_t length)
{
	int64_t now;
	struct frame frame;

	if (log->format == LOG_NONE)
		return;
	now = time_now_ns(); /* one time for what came in one read */
	if (log->dropped_bytes > 0)
		note_write(log, now);
	frame_make(&frame, log->format, stream, now);
	pieces_write(log, &frame, stream, data, length);
}

void log_end(struct log_writer *log)
{
	for (int stream = 1; stream <= 2; stream++)
		if (log->rest[stream - 1].length > 0)
			log_write(log, stream, "", 0);
}

void log_idle(void)
{
	pages_forget(out, sizeof(out));
}
