/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An image's rpm database in rpm's own form, and the headers of packages in it. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "transfer/rpm_header.h"
#include "transfer/rpm_ndb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	struct err err = ERR_NONE;

	if (rpm_ndb_is(data, size))
		(void)rpm_ndb_tell(data, size, &text, &err);
	else
		(void)rpm_header_tell(data, size, &text);
	if (text.length &&
	    (!str_prefix(text.data, "Package: ") || strlen(text.data) != text.length))
		abort();
	err_clear(&err);
	return 0;
}
