/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A registry's header WWW-Authenticate, and base64 of a file of credentials. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "transfer/base64.h"
#include "transfer/challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(challenge_clear) struct challenge challenge = CHALLENGE_EMPTY;
	_cleanup_free_ char *text = str_ndup((const char *)data, size), *decoded = NULL;
	struct err err = ERR_NONE;

	if (challenge_parse(text, &challenge, &err) == 0 && challenge.kind == CHALLENGE_BEARER &&
	    !*challenge.realm)
		abort();
	decoded = base64_decode(text);
	if (decoded) {
		_cleanup_free_ char *again = base64_encode(decoded, strlen(decoded));
		_cleanup_free_ char *twice = base64_decode(again);

		if (!twice || strcmp(twice, decoded) != 0)
			abort();
	}
	return 0;
}
