/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "monitor/log_sink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "monitor/text.h"

enum { LINE_ROOM = 16 << 10, HEAD_ROOM = 4096, PATIENCE_MS = 1000 };
enum { PRIORITY_ERROR = 3, PRIORITY_INFO = 6 };

struct sink {
	bool wanted, journald, rfc5424, waits, stream_socket;
	int fd;
	int buffer_bytes;
	unsigned int facility;
	uint64_t lost;
	union {
		struct sockaddr any;
		struct sockaddr_un local;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
	} address;
	socklen_t address_length;
	char *before, *tag; /* in head; tag: of syslog, before is then the host's name */
	char head[HEAD_ROOM];
	struct {
		size_t length;
		char bytes[LINE_ROOM];
	} rest[2];
	char message[LINE_ROOM + HEAD_ROOM + 256];
};

static struct sink sink = { .fd = -1 };

/* -- RUN/log-sink ----------------------------------------------------------------------------- */

static char *word_next(char **at)
{
	char *word = *at, *end = strchrnul(word, ' ');

	*at = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

static unsigned int number(const char *text)
{
	unsigned int value = 0;

	while (*text >= '0' && *text <= '9')
		value = value * 10 + (unsigned int)(*text++ - '0');
	return value;
}

static bool address_set(const char *kind, const char *address, unsigned int port)
{
	if (strcmp(kind, "unix") == 0) {
		if (strlen(address) >= sizeof(sink.address.local.sun_path))
			return false;
		sink.address.local.sun_family = AF_UNIX;
		memcpy(sink.address.local.sun_path, address, strlen(address) + 1);
		sink.address_length = sizeof(sink.address.local);
		return true;
	}
	sink.stream_socket = strcmp(kind, "tcp") == 0;
	if (inet_pton(AF_INET, address, &sink.address.in4.sin_addr) == 1) {
		sink.address.in4.sin_family = AF_INET;
		sink.address.in4.sin_port = htons((uint16_t)port);
		sink.address_length = sizeof(sink.address.in4);
		return true;
	}
	if (inet_pton(AF_INET6, address, &sink.address.in6.sin6_addr) != 1)
		return false;
	sink.address.in6.sin6_family = AF_INET6;
	sink.address.in6.sin6_port = htons((uint16_t)port);
	sink.address_length = sizeof(sink.address.in6);
	return true;
}

void log_sink_open(int run)
{
	int fd = openat(run, "log-sink", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, sink.head, sizeof(sink.head) - 1);
	char *at = sink.head, *kind, *path;

	if (fd >= 0)
		(void)close(fd);
	if (n <= 0)
		return;
	sink.head[n] = '\0';
	sink.before = strchrnul(sink.head, '\n');
	if (*sink.before)
		*sink.before++ = '\0';
	kind = word_next(&at);
	sink.journald = strcmp(kind, "journald") == 0;
	sink.rfc5424 = strcmp(kind, "syslog5424") == 0;
	sink.waits = strcmp(word_next(&at), "block") == 0;
	sink.buffer_bytes = (int)number(word_next(&at));
	sink.facility = number(word_next(&at));
	kind = word_next(&at);
	path = word_next(&at);
	sink.wanted = address_set(kind, path, number(at));
	if (!sink.journald) {
		sink.tag = strchrnul(sink.before, '\n');
		if (*sink.tag)
			*sink.tag++ = '\0';
		*strchrnul(sink.tag, '\n') = '\0';
	}
}

/* -- a message -------------------------------------------------------------------------------- */

static bool socket_open(void)
{
	int type = (sink.stream_socket ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
	struct pollfd p = { .events = POLLOUT };
	int failed = 0;
	socklen_t length = sizeof(failed);

	if (sink.fd >= 0)
		return true;
	sink.fd = socket(sink.address.any.sa_family, type, 0);
	if (sink.fd < 0)
		return false;
	if (sink.buffer_bytes > 0)
		(void)setsockopt(sink.fd, SOL_SOCKET, SO_SNDBUF, &sink.buffer_bytes,
				 sizeof(sink.buffer_bytes));
	if (connect(sink.fd, &sink.address.any, sink.address_length) == 0)
		return true;
	p.fd = sink.fd;
	if (errno == EINPROGRESS && poll(&p, 1, sink.waits ? PATIENCE_MS : 0) == 1 &&
	    getsockopt(sink.fd, SOL_SOCKET, SO_ERROR, &failed, &length) == 0 && failed == 0)
		return true;
	(void)close(sink.fd);
	sink.fd = -1;
	return false;
}

/* false: it is lost. A stream that took half of it is closed: the next message begins on a new one. */
static bool message_send(const char *data, size_t length)
{
	for (int try = 0; try < 2 && socket_open(); try++) {
		struct pollfd p = { .fd = sink.fd, .events = POLLOUT };
		ssize_t n = send(sink.fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == ENOBUFS) && sink.waits &&
		    poll(&p, 1, PATIENCE_MS) == 1)
			n = send(sink.fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == (ssize_t)length)
			return true;
		if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
			return false;
		/* the service was started anew, or went away */
		(void)close(sink.fd);
		sink.fd = -1;
	}
	return false;
}

static void syslog_head(struct text *text, unsigned int priority)
{
	char stamp[40];
	struct text time = { stamp, 0, sizeof(stamp) - 1 };

	text_put(text, "<");
	text_number(text, sink.facility * 8 + priority, 1);
	text_put(text, ">");
	if (sink.rfc5424) {
		/* TIMESTAMP has six digits at most: "2026-11-24T12:00:00.123456" and Z */
		text_time(&time, time_now_ns());
		stamp[26] = 'Z';
		stamp[27] = '\0';
		text_put(text, "1 ");
		text_put(text, stamp);
		text_put(text, " ");
		text_put(text, sink.before);
		text_put(text, " ");
		text_put(text, sink.tag);
		text_put(text, " - - - ");
	} else {
		text_put(text, sink.tag);
		text_put(text, ": ");
	}
}

static bool line_send(int stream, const char *data, size_t length, bool whole)
{
	struct text text = { sink.message, 0, sizeof(sink.message) };
	unsigned int priority = stream == 1 ? PRIORITY_INFO : PRIORITY_ERROR;

	if (sink.journald) {
		text_put(&text, sink.before);
		text_put(&text, stream == 1 ? "PRIORITY=6\n" : "PRIORITY=3\n");
		if (!whole)
			text_put(&text, "CONTAINER_PARTIAL_MESSAGE=true\n");
		text_put(&text, "MESSAGE=");
	} else {
		syslog_head(&text, priority);
	}
	if (length > sizeof(sink.message) - text.length - 1)
		length = sizeof(sink.message) - text.length - 1;
	memcpy(sink.message + text.length, data, length);
	text.length += length;
	if (sink.journald || sink.stream_socket)
		sink.message[text.length++] = '\n';
	return message_send(sink.message, text.length);
}

static void line_take(int stream, const char *data, size_t length, bool whole)
{
	if (sink.lost > 0) {
		char words[80];
		struct text note = { words, 0, sizeof(words) };

		text_put(&note, "cloche: ");
		text_number(&note, sink.lost, 1);
		text_put(&note, " lines before were not taken by the log service");
		if (line_send(2, words, note.length, true))
			sink.lost = 0;
	}
	if (sink.lost > 0 || !line_send(stream, data, length, whole))
		sink.lost++;
}

/* -- lines ------------------------------------------------------------------------------------ */

void log_sink_write(int stream, const char *data, size_t length)
{
	size_t *kept = &sink.rest[stream - 1].length;
	char *bytes = sink.rest[stream - 1].bytes;

	if (!sink.wanted)
		return;
	while (length > 0) {
		const char *newline = memchr(data, '\n', length);
		size_t piece = newline ? (size_t)(newline - data) : length;

		if (piece > LINE_ROOM - *kept) {
			piece = LINE_ROOM - *kept;
			newline = NULL;
		}
		if (newline && *kept == 0) {
			line_take(stream, data, piece, true);
		} else {
			memcpy(bytes + *kept, data, piece);
			*kept += piece;
			if (newline || *kept == LINE_ROOM) {
				line_take(stream, bytes, *kept, newline != NULL);
				*kept = 0;
			}
		}
		data += piece + (newline != NULL);
		length -= piece + (newline != NULL);
	}
}

void log_sink_end(void)
{
	for (int stream = 1; stream <= 2; stream++) {
		if (sink.wanted && sink.rest[stream - 1].length > 0)
			line_take(stream, sink.rest[stream - 1].bytes, sink.rest[stream - 1].length,
				  true);
		sink.rest[stream - 1].length = 0;
	}
}
