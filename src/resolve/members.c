/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "resolve/members.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct member *members;
static unsigned int turn; /* of the round robin */

struct member *member_first(void)
{
	return members;
}

/* -- being told ------------------------------------------------------------------------------- */

static bool net_read(struct member *m, char *words)
{
	struct member_net *net = &m->nets[m->net_count];
	char *save = NULL, *id = strtok_r(words, " ", &save), *ip4 = strtok_r(NULL, " ", &save),
	     *ip6 = strtok_r(NULL, " ", &save), *name;
	size_t room = save ? strlen(save) + 3 : 3, at = 0;

	if (m->net_count == MEMBER_NETS || !ip6 || strlen(id) >= sizeof(net->network))
		return false;
	(void)snprintf(net->network, sizeof(net->network), "%s", id);
	net->has4 = inet_pton(AF_INET, ip4, net->ip4) == 1;
	net->has6 = inet_pton(AF_INET6, ip6, net->ip6) == 1;
	net->names = calloc(1, room);
	if (!net->names)
		return false;
	m->net_count++;
	while ((name = strtok_r(NULL, " ", &save)) != NULL) {
		size_t length = strlen(name);

		for (size_t i = 0; i < length; i++)
			net->names[at + i] =
				(char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
		at += length + 1;
	}
	return true;
}

static bool server_read(struct member *m, const char *text)
{
	struct sockaddr_in6 *s = &m->servers[m->server_count];
	char mapped[64];

	if (m->server_count == MEMBER_SERVERS)
		return true; /* as resolvers do: the first three */
	(void)snprintf(mapped, sizeof(mapped), "%s%s", strchr(text, ':') ? "" : "::ffff:", text);
	if (inet_pton(AF_INET6, mapped, &s->sin6_addr) != 1)
		return false;
	s->sin6_family = AF_INET6;
	s->sin6_port = htons(53);
	m->server_count++;
	return true;
}

static bool line_read(struct member *m, char *line)
{
	char *value = strchr(line, ' ');

	if (value)
		*value++ = '\0';
	if (strcmp(line, "internal") == 0) {
		m->internal = true;
		return true;
	}
	if (!value)
		return *line == '\0';
	if (strcmp(line, "container") == 0)
		return snprintf(m->id, sizeof(m->id), "%s", value) < (int)sizeof(m->id);
	if (strcmp(line, "net") == 0)
		return net_read(m, value);
	if (strcmp(line, "server") == 0)
		return server_read(m, value);
	if (strcmp(line, "gateway") == 0) {
		char *six = strchr(value, ' ');

		if (!six)
			return false;
		*six++ = '\0';
		m->has_gateway4 = inet_pton(AF_INET, value, m->gateway4) == 1;
		m->has_gateway6 = inet_pton(AF_INET6, six, m->gateway6) == 1;
		return true;
	}
	return false;
}

static void names_free(struct member *m)
{
	for (int i = 0; i < m->net_count; i++)
		free(m->nets[i].names);
}

struct member *member_add(char *text, const int fds[MEMBER_FDS], bool *ret_new)
{
	struct member *m = calloc(1, sizeof(*m)), *old;
	char *save = NULL;
	bool good = m != NULL;

	*ret_new = false;
	for (char *line = strtok_r(text, "\n", &save); good && line;
	     line = strtok_r(NULL, "\n", &save))
		good = line_read(m, line);
	if (!good || !*m->id) {
		if (m)
			names_free(m);
		free(m);
		return NULL;
	}
	for (old = members; old && strcmp(old->id, m->id) != 0; old = old->next)
		;
	if (fds[0] < 0) {
		if (old) {
			struct member *next = old->next;

			m->pidfd = old->pidfd;
			m->udp = old->udp;
			m->tcp = old->tcp;
			memcpy(m->watched, old->watched, sizeof(m->watched));
			names_free(old);
			*old = *m;
			old->next = next;
		} else {
			names_free(m);
		}
		free(m);
		return old;
	}
	m->pidfd = fds[0];
	m->udp = fds[1];
	m->tcp = fds[2];
	m->next = members;
	members = m;
	*ret_new = true;
	return m;
}

void member_remove(struct member *member)
{
	struct member **p = &members;

	while (*p && *p != member)
		p = &(*p)->next;
	if (*p)
		*p = member->next;
	(void)close(member->pidfd);
	(void)close(member->udp);
	(void)close(member->tcp);
	names_free(member);
	free(member);
}

/* -- being asked ------------------------------------------------------------------------------ */

static bool has_name(const struct member_net *net, const char *name)
{
	for (const char *p = net->names; *p; p += strlen(p) + 1)
		if (strcmp(p, name) == 0)
			return true;
	return false;
}

static bool on_network(const struct member *m, const char *network)
{
	for (int i = 0; i < m->net_count; i++)
		if (strcmp(m->nets[i].network, network) == 0)
			return true;
	return false;
}

static void address_put(struct dns_answer *answer, const uint8_t *bytes, size_t length)
{
	if (answer->count < DNS_ADDRESSES)
		memcpy(answer->addresses[answer->count++].bytes, bytes, length);
}

static void rotate(struct dns_answer *answer)
{
	struct dns_answer copy = *answer;

	turn++;
	for (size_t i = 0; i < copy.count; i++)
		answer->addresses[i] = copy.addresses[(i + turn) % copy.count];
}

static bool is_host(const char *name)
{
	return strcmp(name, "host.docker.internal") == 0 ||
	       strcmp(name, "host.cloche.internal") == 0 ||
	       strcmp(name, "gateway.docker.internal") == 0;
}

static bool reverse_answer(const struct member *asking, const struct dns_query *query,
			   struct dns_answer *answer)
{
	uint8_t bytes[16];
	size_t length = dns_reverse(query->name, bytes);

	if (length == 0)
		return false;
	for (const struct member *m = members; m; m = m->next) {
		for (int i = 0; i < m->net_count; i++) {
			const struct member_net *net = &m->nets[i];

			if (!on_network(asking, net->network) || !*net->names)
				continue;
			if (length == 4 ? net->has4 && memcmp(net->ip4, bytes, 4) == 0 :
					  net->has6 && memcmp(net->ip6, bytes, 16) == 0) {
				answer->pointer = net->names;
				return true;
			}
		}
	}
	return false;
}

bool member_answer(const struct member *asking, const struct dns_query *query,
		   struct dns_answer *answer)
{
	bool found = false;

	*answer = (struct dns_answer){ .code = DNS_OK };
	if (query->type == DNS_PTR)
		return reverse_answer(asking, query, answer);
	if (is_host(query->name)) {
		if (query->type == DNS_A && asking->has_gateway4)
			address_put(answer, asking->gateway4, 4);
		if (query->type == DNS_AAAA && asking->has_gateway6)
			address_put(answer, asking->gateway6, 16);
		return true;
	}
	for (const struct member *m = members; m; m = m->next) {
		for (int i = 0; i < m->net_count; i++) {
			const struct member_net *net = &m->nets[i];

			if (!has_name(net, query->name) || !on_network(asking, net->network))
				continue;
			found = true;
			if (query->type == DNS_A && net->has4)
				address_put(answer, net->ip4, 4);
			if (query->type == DNS_AAAA && net->has6)
				address_put(answer, net->ip6, 16);
		}
	}
	if (answer->count > 1)
		rotate(answer);
	return found;
}
