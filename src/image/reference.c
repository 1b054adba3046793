/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/reference.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "image/digest.h"

enum { NAME_LENGTH = 255, TAG_LENGTH = 128, TEXT_LENGTH = 4096 };

static const char hub[] = "docker.io", hub_index[] = "index.docker.io", library[] = "library/";

static bool is_lower(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
	return is_lower(c) || (c >= 'A' && c <= 'Z');
}

/* path-component: [a-z0-9]+ joined by ".", "_", "__" or any number of "-" */
static bool component_valid(const char *s, size_t length)
{
	size_t i = 0;

	while (i < length) {
		if (!is_lower(s[i]))
			return false;
		while (i < length && is_lower(s[i]))
			i++;
		if (i == length)
			return true;
		if (s[i] == '.') {
			i++;
		} else if (s[i] == '_') {
			i += i + 1 < length && s[i + 1] == '_' ? 2 : 1;
		} else if (s[i] == '-') {
			while (i < length && s[i] == '-')
				i++;
		} else {
			return false;
		}
	}
	return false; /* empty, or a separator at the end */
}

static bool path_valid(const char *s)
{
	for (;;) {
		size_t n = strcspn(s, "/");

		if (!component_valid(s, n))
			return false;
		if (!s[n])
			return true;
		s += n + 1;
	}
}

static bool port_valid(const char *s)
{
	uint64_t port;

	return *s && str_to_u64(s, 65535, &port) == 0;
}

/* [IPv6] or labels joined by dots, and an optional port */
static bool domain_valid(const char *s)
{
	if (*s == '[') {
		size_t n = strspn(s + 1, "0123456789abcdefABCDEF:");

		return n > 0 && s[n + 1] == ']' &&
		       (!s[n + 2] || (s[n + 2] == ':' && port_valid(s + n + 3)));
	}
	for (;;) {
		size_t n = strcspn(s, ".:");

		if (n == 0 || !is_alnum(s[0]) || !is_alnum(s[n - 1]))
			return false;
		for (size_t i = 0; i < n; i++)
			if (!is_alnum(s[i]) && s[i] != '-')
				return false;
		if (!s[n])
			return true;
		s += n + 1;
		if (s[-1] == ':')
			return port_valid(s);
	}
}

/* [\w][\w.-]{0,127} */
static bool tag_valid(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > TAG_LENGTH || *s == '.' || *s == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(s[i]) && !strchr("_.-", s[i]))
			return false;
	return true;
}

/* What stands before the first slash is a domain when it could not be a user of Docker Hub. */
static bool names_domain(const char *s, size_t length)
{
	if (memchr(s, '.', length) || memchr(s, ':', length))
		return true;
	if (length == strlen("localhost") && memcmp(s, "localhost", length) == 0)
		return true;
	for (size_t i = 0; i < length; i++)
		if (isupper((unsigned char)s[i]))
			return true;
	return false;
}

static int refuse(struct err *err)
{
	return err_set(err, EINVAL, "invalid reference format");
}

/* Cut "@digest" and ":tag" off name, which is ours to change. */
static int cut_tail(char *name, struct reference *ref, struct err *err)
{
	char *at = strchr(name, '@'), *slash, *colon;

	if (at) {
		*at++ = '\0';
		if (!digest_valid(at))
			return refuse(err);
		ref->digest = str_dup(at);
	}
	slash = strrchr(name, '/');
	colon = strrchr(slash ? slash : name, ':');
	if (colon) {
		*colon++ = '\0';
		if (!tag_valid(colon))
			return refuse(err);
		ref->tag = str_dup(colon);
	}
	return 0;
}

static int parse(const char *text, struct reference *ref, struct err *err)
{
	_cleanup_free_ char *name = NULL, *lower = NULL;
	const char *rest;
	size_t first;
	int r;

	if (strlen(text) > TEXT_LENGTH)
		return refuse(err);
	if (digest_hex_valid(text))
		return err_set(err, EINVAL,
			       "invalid repository name (%s), cannot specify 64-byte hexadecimal "
			       "strings",
			       text);
	name = str_dup(text);
	r = cut_tail(name, ref, err);
	if (r < 0)
		return r;
	first = strcspn(name, "/");
	rest = name;
	if (name[first] && names_domain(name, first)) {
		ref->domain = str_ndup(name, first);
		rest = name + first + 1;
	}
	if (!ref->domain || strcmp(ref->domain, hub_index) == 0) {
		free(ref->domain);
		ref->domain = str_dup(hub);
	}
	ref->path = strcmp(ref->domain, hub) == 0 && !strchr(rest, '/') ?
			    str_printf("%s%s", library, rest) :
			    str_dup(rest);
	if (!domain_valid(ref->domain))
		return refuse(err);
	if (!path_valid(ref->path)) {
		lower = str_dup(ref->path);
		for (char *c = lower; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		if (path_valid(lower))
			return err_set(err, EINVAL,
				       "invalid reference format: repository name (%s) must be "
				       "lowercase",
				       rest);
		return refuse(err);
	}
	if (strlen(ref->domain) + 1 + strlen(ref->path) > NAME_LENGTH)
		return err_set(err, EINVAL,
			       "invalid reference format: repository name must not be more than "
			       "%d characters",
			       NAME_LENGTH);
	if (!ref->tag && !ref->digest)
		ref->tag = str_dup("latest");
	return 0;
}

int reference_parse(const char *text, struct reference *ret_reference, struct err *err)
{
	struct reference ref = REFERENCE_EMPTY;
	int r = parse(text, &ref, err);

	if (r < 0) {
		reference_clear(&ref);
		return r;
	}
	*ret_reference = ref;
	return 0;
}

void reference_clear(struct reference *reference)
{
	free(reference->domain);
	free(reference->path);
	free(reference->tag);
	free(reference->digest);
	*reference = REFERENCE_EMPTY;
}

static char *with_tail(const struct reference *ref, const char *name)
{
	return str_printf("%s%s%s%s%s", name, ref->tag ? ":" : "", ref->tag ? ref->tag : "",
			  ref->digest ? "@" : "", ref->digest ? ref->digest : "");
}

char *reference_full(const struct reference *reference)
{
	_cleanup_free_ char *name = str_printf("%s/%s", reference->domain, reference->path);

	return with_tail(reference, name);
}

char *reference_familiar_name(const struct reference *reference)
{
	const char *path = reference->path;
	size_t first = strcspn(path, "/");

	/* docker.io/a.b/c without its domain would be c of the registry a.b */
	if (strcmp(reference->domain, hub) != 0 || (path[first] && names_domain(path, first)))
		return str_printf("%s/%s", reference->domain, path);
	/* library/a/b would become a/b, another image */
	if (str_prefix(path, library) && !strchr(path + strlen(library), '/'))
		path += strlen(library);
	return str_dup(path);
}

char *reference_familiar(const struct reference *reference)
{
	_cleanup_free_ char *name = reference_familiar_name(reference);

	return with_tail(reference, name);
}

int reference_normalize(const char *text, char **ret_full, struct err *err)
{
	_cleanup_(reference_clear) struct reference ref = REFERENCE_EMPTY;
	int r = reference_parse(text, &ref, err);

	if (r == 0)
		*ret_full = reference_full(&ref);
	return r;
}
