/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/rpm_header.h"

#include <stdint.h>
#include <string.h>

#include "base/str.h"

enum {
	HEAD = 8,	      /* two counts */
	ENTRY = 16,	      /* tag, type, offset, count */
	ENTRIES_MOST = 65536, /* rpm's own limit */
	WORD_MOST = 255,      /* bytes of a name or version */
	TAG_NAME = 1000,      /* rpmtag.h */
	TAG_VERSION = 1001,
	TAG_RELEASE = 1002,
	TAG_EPOCH = 1003,
	TYPE_INT32 = 4,
	TYPE_STRING = 6,
};

struct header {
	const unsigned char *index, *store;
	uint32_t entries, store_size;
};

static uint32_t number_at(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool header_split(const unsigned char *bytes, size_t size, struct header *ret)
{
	if (size < HEAD)
		return false;
	ret->entries = number_at(bytes);
	ret->store_size = number_at(bytes + 4);
	if (ret->entries == 0 || ret->entries > ENTRIES_MOST || ret->store_size > size - HEAD ||
	    (size_t)ret->entries * ENTRY > size - HEAD - ret->store_size)
		return false;
	ret->index = bytes + HEAD;
	ret->store = ret->index + (size_t)ret->entries * ENTRY;
	return true;
}

/* The value of a tag and the bytes from it to the end of the store; NULL: it has none of that type. */
static const unsigned char *value_of(const struct header *header, uint32_t tag, uint32_t type,
				     size_t *ret_room)
{
	for (uint32_t i = 0; i < header->entries; i++) {
		const unsigned char *entry = header->index + (size_t)i * ENTRY;
		uint32_t offset = number_at(entry + 8);

		if (number_at(entry) != tag || number_at(entry + 4) != type ||
		    number_at(entry + 12) == 0 || offset >= header->store_size)
			continue;
		*ret_room = header->store_size - offset;
		return header->store + offset;
	}
	return NULL;
}

/* A word without blanks and control characters, so that it cannot be taken for another field. */
static const char *word_of(const struct header *header, uint32_t tag)
{
	size_t room = 0, length = 0;
	const unsigned char *p = value_of(header, tag, TYPE_STRING, &room);

	if (!p)
		return NULL;
	while (length < room && p[length] > ' ' && p[length] < 0x7f)
		length++;
	return length > 0 && length < room && length <= WORD_MOST && p[length] == '\0' ?
		       (const char *)p :
		       NULL;
}

bool rpm_header_tell(const unsigned char *bytes, size_t size, struct buf *out)
{
	const char *name, *version, *release;
	const unsigned char *epoch;
	struct header header;
	size_t room = 0;

	if (!header_split(bytes, size, &header))
		return false;
	name = word_of(&header, TAG_NAME);
	version = word_of(&header, TAG_VERSION);
	release = word_of(&header, TAG_RELEASE);
	epoch = value_of(&header, TAG_EPOCH, TYPE_INT32, &room);
	if (!name || !version || !release)
		return false;
	buf_printf(out, "Package: %s\nVersion: ", name);
	if (epoch && room >= sizeof(uint32_t))
		buf_printf(out, "%u:", number_at(epoch));
	buf_printf(out, "%s-%s\n\n", version, release);
	return true;
}
