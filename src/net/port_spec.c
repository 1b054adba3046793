/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/port_spec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"

static const struct {
	const char *name;
	int number;
} protocols[] = { { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP } };

int port_protocol(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (strcasecmp(protocols[i].name, name) == 0)
			return protocols[i].number;
	return -EINVAL;
}

static const char *protocol_word(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (strcasecmp(protocols[i].name, name) == 0)
			return protocols[i].name;
	return NULL;
}

/* "80" or "80-90" */
static int range_parse(const char *text, uint16_t *ret_first, uint16_t *ret_last)
{
	const char *dash = strchr(text, '-');
	_cleanup_free_ char *front = dash ? str_ndup(text, (size_t)(dash - text)) : str_dup(text);
	uint64_t first, last;

	if (str_to_u64(front, 65535, &first) < 0 || first == 0)
		return -EINVAL;
	last = first;
	if (dash && (str_to_u64(dash + 1, 65535, &last) < 0 || last < first))
		return -EINVAL;
	*ret_first = (uint16_t)first;
	*ret_last = (uint16_t)last;
	return 0;
}

static void add(struct port_spec **list, size_t *count, const struct port_spec *one)
{
	*list = reallocarray(*list, *count + 1, sizeof(*one));
	if (!*list)
		abort();
	(*list)[(*count)++] = *one;
}

/* Cut the protocol off; NULL: there is no such. */
static const char *protocol_cut(char *text)
{
	char *slash = strchr(text, '/');

	if (!slash)
		return "tcp";
	*slash = '\0';
	return protocol_word(slash + 1);
}

int port_spec_expose(const char *text, struct port_spec **list, size_t *count, struct err *err)
{
	_cleanup_free_ char *copy = str_dup(text);
	struct port_spec one = { .protocol = protocol_cut(copy) };
	uint16_t first, last;

	if (!one.protocol)
		return err_set(err, EINVAL, "invalid proto in %s: tcp, udp or sctp", text);
	if (range_parse(copy, &first, &last) < 0)
		return err_set(err, EINVAL, "invalid range format for --expose: %s", text);
	for (uint32_t port = first; port <= last; port++) {
		one.port = (uint16_t)port;
		add(list, count, &one);
	}
	return 0;
}

int port_spec_parse(const char *text, struct port_spec **list, size_t *count, struct err *err)
{
	_cleanup_free_ char *copy = str_dup(text);
	struct port_spec one = { .protocol = protocol_cut(copy) };
	char *inner = strrchr(copy, ':'), *host = NULL;
	uint16_t first, last, host_first = 0, host_last = 0;
	const char *container = inner ? inner + 1 : copy;

	if (!one.protocol)
		return err_set(err, EINVAL, "invalid proto in %s: tcp, udp or sctp", text);
	if (!*container)
		return err_set(err, EINVAL, "no port specified: %s", text);
	if (range_parse(container, &first, &last) < 0)
		return err_set(err, EINVAL, "invalid containerPort: %s", container);
	if (inner) {
		char *address;

		*inner = '\0';
		host = strrchr(copy, ':');
		address = host ? copy : NULL;
		if (host)
			*host++ = '\0';
		else
			host = copy;
		if (address && *address == '[' && str_suffix(address, "]")) {
			address[strlen(address) - 1] = '\0';
			address++;
		}
		if (address && *address && address_parse(address, &one.host) < 0)
			return err_set(err, EINVAL, "invalid IP address: %s", address);
		if (*host && range_parse(host, &host_first, &host_last) < 0)
			return err_set(err, EINVAL, "invalid hostPort: %s", host);
	}
	if (host_first && host_last - host_first != last - first && first != last)
		return err_set(err, EINVAL,
			       "invalid ranges specified for container and host Ports: %s and %s",
			       container, host);
	for (uint32_t n = 0; n <= (uint32_t)(last - first); n++) {
		one.port = (uint16_t)(first + n);
		one.host_first = host_first ? (uint16_t)(host_first + n) : 0;
		one.host_last = first == last ? host_last : one.host_first;
		add(list, count, &one);
	}
	return 0;
}
