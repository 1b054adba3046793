/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A name of an image: what is taken must mean the same when its full and its familiar form are read again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "image/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void means(const char *text, const char *full)
{
	_cleanup_free_ char *again = NULL;
	struct err err = ERR_NONE;

	if (reference_normalize(text, &again, &err) < 0 || strcmp(again, full) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(reference_clear) struct reference reference = REFERENCE_EMPTY;
	_cleanup_free_ char *text = str_ndup((const char *)data, size), *full = NULL,
			    *familiar = NULL;
	struct err err = ERR_NONE;

	if (reference_parse(text, &reference, &err) < 0)
		return 0;
	full = reference_full(&reference);
	familiar = reference_familiar(&reference);
	means(full, full);
	means(familiar, full);
	return 0;
}
