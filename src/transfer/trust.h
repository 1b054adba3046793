/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `--verify`: may this image be taken, by the machine's policy.json (policy.h)? Signatures come from the lookaside (lookaside.h) and, as
 * cosign leaves them, from the tag sha256-HEX.sig of the repository itself. */
#ifndef CLOCHE_TRANSFER_TRUST_H
#define CLOCHE_TRANSFER_TRUST_H

#include <stddef.h>

struct err;
struct reference;

/* digests: of the image's manifest and of the index that it was taken from; a signature of either will do. insecure: as of a pull.
 * -EPERM: the policy does not allow it. */
int trust_check(const struct reference *name, const char *const *digests, size_t count,
		char *const *insecure, struct err *err);

#endif
