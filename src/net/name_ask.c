/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/name_ask.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

enum {
	HEADER = 12,
	RECORD = 10, /* type, class, time, length */
	TYPE_A = 1,
	TYPE_AAAA = 28,
	NAME_ERROR = 3,
	MESSAGE = 1500,
};

/* The question, or 0: it is no name. */
static size_t question(uint8_t out[512], uint16_t id, const char *name, int type)
{
	size_t n = HEADER;

	memset(out, 0, HEADER);
	out[0] = (uint8_t)(id >> 8);
	out[1] = (uint8_t)id;
	out[2] = 1; /* recursion, please */
	out[5] = 1;
	while (*name) {
		size_t length = strcspn(name, ".");

		if (length == 0 || length > 63 || n + length + 6 > 256 + HEADER)
			return 0;
		out[n++] = (uint8_t)length;
		memcpy(out + n, name, length);
		n += length;
		name += length + (name[length] == '.');
	}
	out[n++] = 0;
	out[n++] = 0;
	out[n++] = (uint8_t)type;
	out[n++] = 0;
	out[n++] = 1;
	return n;
}

/* Behind a name, which may end in a pointer; 0: not whole. */
static size_t name_skip(const uint8_t *m, size_t length, size_t at)
{
	while (at < length) {
		if (m[at] == 0)
			return at + 1;
		if ((m[at] & 0xc0) == 0xc0)
			return at + 2;
		at += m[at] + 1U;
	}
	return 0;
}

static enum name_answer answer_read(const uint8_t *m, size_t length, int family,
				    struct address *ret)
{
	unsigned int answers = (unsigned int)m[6] << 8 | m[7];
	size_t at = name_skip(m, length, HEADER), want = (size_t)address_length(family);

	if ((m[3] & 15) == NAME_ERROR)
		return NAME_NONE;
	if ((m[3] & 15) != 0)
		return NAME_SERVER_FAILED;
	at = at ? at + 4 : 0;
	while (at && answers-- > 0) {
		size_t data;

		at = name_skip(m, length, at);
		if (!at || at + RECORD > length)
			return NAME_NONE;
		data = (size_t)m[at + 8] << 8 | m[at + 9];
		if (at + RECORD + data > length)
			return NAME_NONE;
		if (m[at] == 0 && m[at + 1] == (family == AF_INET ? TYPE_A : TYPE_AAAA) &&
		    data == want) {
			ret->family = family;
			memcpy(ret->bytes, m + at + RECORD, want);
			return NAME_FOUND;
		}
		at += RECORD + data;
	}
	return NAME_NONE;
}

static socklen_t server_address(const struct address *server, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	return address_socket(server, 53, out);
}

enum name_answer name_ask(int s, const struct address *server, const char *name, int family,
			  int timeout_ms, struct address *ret_address)
{
	struct sockaddr_storage to;
	socklen_t to_length = server_address(server, &to);
	struct pollfd p = { .fd = s, .events = POLLIN };
	uint8_t out[512], m[MESSAGE];
	uint16_t id = 0;
	ssize_t n;
	size_t length;

	if (getrandom(&id, sizeof(id), 0) < 0)
		return NAME_SILENT;
	length = question(out, id, name, family == AF_INET ? TYPE_A : TYPE_AAAA);
	if (length == 0)
		return NAME_NONE;
	if (connect(s, (const struct sockaddr *)&to, to_length) < 0 || send(s, out, length, 0) < 0)
		return NAME_SILENT;
	while (poll(&p, 1, timeout_ms) > 0) {
		n = recv(s, m, sizeof(m), MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			return NAME_SILENT; /* nobody listens */
		if (n >= HEADER && m[0] == out[0] && m[1] == out[1] && (m[2] & 0x80))
			return answer_read(m, (size_t)n, family, ret_address);
	}
	return NAME_SILENT;
}
