/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/challenge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/str.h"

void challenge_clear(struct challenge *challenge)
{
	free(challenge->realm);
	free(challenge->service);
	free(challenge->scope);
	*challenge = CHALLENGE_EMPTY;
}

static const char *blanks(const char *s)
{
	return s + strspn(s, " \t");
}

/* token68 and token characters of RFC 9110, as far as they are needed here */
static size_t token_length(const char *s)
{
	return strcspn(s, " \t=,\"");
}

/* A quoted string or a token behind "=". The end, or NULL. */
static const char *read_value(const char *s, char **ret_value)
{
	_cleanup_(buf_clear) struct buf value = BUF_EMPTY;

	buf_puts(&value, "");
	if (*s != '"') {
		size_t n = token_length(s);

		*ret_value = str_ndup(s, n);
		return s + n;
	}
	for (s++; *s && *s != '"'; s++) {
		if (*s == '\\' && s[1])
			s++;
		buf_add(&value, s, 1);
	}
	if (*s != '"')
		return NULL;
	*ret_value = str_dup(value.data ? value.data : "");
	return s + 1;
}

static void keep(struct challenge *c, const char *name, size_t length, char *value)
{
	char **const fields[] = { &c->realm, &c->service, &c->scope };
	static const char *const names[] = { "realm", "service", "scope" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == length && strncasecmp(names[i], name, length) == 0 &&
		    !*fields[i]) {
			*fields[i] = value;
			return;
		}
	free(value);
}

static int read_parameters(const char *s, struct challenge *c, struct err *err)
{
	for (s = blanks(s); *s;) {
		size_t n = token_length(s);
		const char *name = s;
		char *value = NULL;

		s = blanks(s + n);
		if (n == 0 || *s != '=')
			break; /* another challenge in the same header; ours was the first */
		s = read_value(blanks(s + 1), &value);
		if (!s)
			return err_set(err, EPROTO, "its challenge has an open quotation");
		keep(c, name, n, value);
		s = blanks(s);
		if (*s == ',')
			s = blanks(s + 1);
	}
	return 0;
}

int challenge_parse(const char *value, struct challenge *ret_challenge, struct err *err)
{
	struct challenge c = CHALLENGE_EMPTY;
	size_t n;
	int r;

	value = blanks(value);
	n = token_length(value);
	if (n == strlen("Basic") && strncasecmp(value, "Basic", n) == 0)
		c.kind = CHALLENGE_BASIC;
	else if (n == strlen("Bearer") && strncasecmp(value, "Bearer", n) == 0)
		c.kind = CHALLENGE_BEARER;
	else
		return err_set(err, EPROTO, "it wants to be asked by \"%.60s\"", value);
	r = read_parameters(value + n, &c, err);
	if (r == 0 && c.kind == CHALLENGE_BEARER && (!c.realm || !*c.realm))
		r = err_set(err, EPROTO, "its challenge names no realm");
	if (r < 0) {
		challenge_clear(&c);
		return r;
	}
	*ret_challenge = c;
	return 0;
}
