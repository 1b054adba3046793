/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a registry wants to see first: the header WWW-Authenticate (RFC 9110, 11.6.1; distribution, "Token Authentication
 * Specification"), of which Basic and Bearer are understood. */
#ifndef CLOCHE_TRANSFER_CHALLENGE_H
#define CLOCHE_TRANSFER_CHALLENGE_H

struct err;

enum challenge_kind { CHALLENGE_BASIC, CHALLENGE_BEARER };

struct challenge {
	enum challenge_kind kind;
	char *realm, *service, *scope; /* of Bearer; realm is never NULL then */
};
#define CHALLENGE_EMPTY ((struct challenge){ 0 })
void challenge_clear(struct challenge *challenge);

/* One header's value. -EPROTO: neither of the two, or no realm. */
int challenge_parse(const char *value, struct challenge *ret_challenge, struct err *err);

#endif
