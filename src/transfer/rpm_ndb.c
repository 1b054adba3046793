/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/rpm_ndb.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "transfer/little.h"
#include "transfer/rpm_header.h"

enum { PLACE = 16, HEAD_PLACES = 2, PAGE = 4096, PACKAGES_MOST = 20000 };

bool rpm_ndb_is(const unsigned char *bytes, size_t size)
{
	return size >= (size_t)HEAD_PLACES * PLACE && memcmp(bytes, "RpmP", 4) == 0;
}

/* *budget: bytes that packages may still have, together; many slots could name the same ones. */
static bool slot_tell(const unsigned char *bytes, size_t size, const unsigned char *slot,
		      size_t *budget, struct buf *text)
{
	uint32_t package = little32(slot + 4);
	uint64_t at = (uint64_t)little32(slot + 8) * PLACE;
	uint32_t length;

	if (memcmp(slot, "Slot", 4) != 0 || package == 0 || at > size || size - at < PLACE ||
	    memcmp(bytes + at, "BlbS", 4) != 0 || little32(bytes + at + 4) != package)
		return false;
	length = little32(bytes + at + 12);
	if (length > size - at - PLACE || length > *budget)
		return false;
	*budget -= length;
	return rpm_header_tell(bytes + at + PLACE, length, text);
}

int rpm_ndb_tell(const unsigned char *bytes, size_t size, struct buf *text, struct err *err)
{
	uint32_t version = little32(bytes + 4), pages = little32(bytes + 12);
	size_t budget = size;
	int count = 0;

	if (version != 0)
		return err_set(err, EBADMSG, "the rpm database is of version %u, not 0", version);
	if (pages == 0 || pages > size / PAGE)
		return err_set(err, EBADMSG,
			       "the rpm database is damaged: %u pages of slots in %zu bytes", pages,
			       size);
	for (size_t i = HEAD_PLACES; i < pages * (size_t)(PAGE / PLACE) && count < PACKAGES_MOST;
	     i++)
		count += slot_tell(bytes, size, bytes + i * PLACE, &budget, text);
	return 0;
}
