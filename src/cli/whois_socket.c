/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/whois.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "host/address_place.h"

static void socket_say(struct whois *whois, const struct socket *s)
{
	struct socket_view *view = &whois->view;
	const struct process *p = s->pid ? process_find(&view->host.table, s->pid) : NULL;
	char local[128], peer[128], published[256], container[160];
	_cleanup_free_ char *what = NULL, *user = NULL;

	if (s->proto == SOCKET_UNIX_PROTO) {
		what = str_printf("unix socket %s", s->path ? s->path : "without a name");
	} else {
		socket_view_end(s, false, local, sizeof(local));
		socket_view_end(s, true, peer, sizeof(peer));
		what = str_printf("%s%s %s %s %s", socket_proto_word(s->proto), s->v6 ? "6" : "",
				  local, peer, socket_state_word(s->state));
	}
	if (whois->json) {
		json_t *o = whois_container_json(whois, s->owner);

		json_put(o, "Thing", json_text(what));
		json_put(o, "Pid", s->pid ? json_integer(s->pid) : json_null());
		socket_view_published(view, s, published, sizeof(published));
		json_put(o, "PublishedAs", json_text(published));
		(void)json_dumpf(o, stdout, JSON_INDENT(1));
		(void)putchar('\n');
		json_decref(o);
		return;
	}
	if (!s->owner && s->space) {
		socket_view_container(view, s, container, sizeof(container));
		(void)printf("%s is in %s, which is no container's\n", what, container);
	} else {
		whois_say_title(what, &view->host.table.owners[s->owner]);
	}
	if (p) {
		_cleanup_free_ char *text = str_printf("%d %s", (int)p->pid, p->args);

		whois_say("process", text);
	}
	if (s->uid != UINT32_MAX && s->proto != SOCKET_UNIX_PROTO && s->inode) {
		user = str_printf("%s (%u) on the host",
				  view_owner_user(&view->host, s->owner, s->uid), s->uid);
		whois_say("user", user);
	}
	socket_view_published(view, s, published, sizeof(published));
	if (*published)
		whois_say("outside", published);
	if (s->owner)
		whois_say_container(whois, s->owner);
}

struct wanted_end {
	char address[64];   /* "": any */
	unsigned long port; /* 0: any */
};

/* ":3270", "3270/tcp", "192.168.1.187:48842", "[fd00::1]:80", "10.88.0.2", "fd00::1" */
static bool end_parse(const char *thing, struct wanted_end *end)
{
	const char *colon = strrchr(thing, ':'), *digits;
	char *rest;
	size_t n;

	*end = (struct wanted_end){ 0 };
	if (str_suffix(thing, "/tcp") || str_suffix(thing, "/udp")) {
		end->port = strtoul(thing, &rest, 10);
		return *rest == '/' && end->port > 0 && end->port < 65536;
	}
	/* an address alone: a v6 one, or four numbers */
	if (strchr(thing, ':') != colon ? thing[0] != '[' : !colon) {
		if (strspn(thing, "0123456789abcdef:.") != strlen(thing) ||
		    !(strchr(thing, ':') || strchr(thing, '.')))
			return false;
		(void)str_append(end->address, sizeof(end->address), thing);
		return true;
	}
	if (!colon)
		return false;
	digits = colon + 1;
	end->port = strtoul(digits, &rest, 10);
	if (!*digits || *rest || end->port == 0 || end->port > 65535)
		return false;
	n = (size_t)(colon - thing);
	if (n && thing[0] == '[' && thing[n - 1] == ']') {
		thing++;
		n -= 2;
	}
	if (n >= sizeof(end->address))
		return false;
	memcpy(end->address, thing, n);
	end->address[n] = '\0';
	return strspn(end->address, "0123456789abcdef:.") == n;
}

static bool end_matches(const struct socket *s, bool peer, const struct wanted_end *end)
{
	char address[64];

	if (end->port && (peer ? s->peer_port : s->local_port) != end->port)
		return false;
	socket_address(s, peer, address, sizeof(address));
	return !*end->address || strcmp(address, end->address) == 0 ||
	       (str_prefix(address, "::ffff:") && strcmp(address + 7, end->address) == 0);
}

/* Published, and nobody listens there on the host: the container's port behind it. */
static bool published_matches(struct socket_view *view, const struct socket *s,
			      const struct wanted_end *end)
{
	_cleanup_strv_ char **list = NULL;
	char published[256];

	if (!s->owner || !end->port)
		return false;
	socket_view_published(view, s, published, sizeof(published));
	list = strv_split(published, ',');
	for (size_t i = 0; list[i]; i++) {
		const char *colon = strrchr(list[i], ':');

		if (colon && strtoul(colon + 1, NULL, 10) == end->port)
			return true;
	}
	return false;
}

enum answer whois_end(struct whois *whois, const char *thing, struct err *err)
{
	enum { MOST = 64 };
	struct socket_view *view = &whois->view;
	enum answer answer = ANSWER_NEXT;
	struct wanted_end end;
	size_t said = 0;

	if (!end_parse(thing, &end))
		return ANSWER_NEXT;
	if (whois_open_all(whois, SOCKET_WANT_TCP | SOCKET_WANT_UDP | SOCKET_WANT_OTHER, err) < 0)
		return ANSWER_NONE;
	/* who listens is the answer for a port; a container's before the host's */
	for (int round = 0; round < 2 && said == 0; round++)
		for (size_t i = 0; i < view->sockets.count && said < MOST; i++) {
			const struct socket *s = &view->sockets.list[i];
			bool waits = s->peer_port == 0;

			if (round == 0 && !*end.address && !waits)
				continue;
			if (!end_matches(s, false, &end) && !published_matches(view, s, &end) &&
			    !((round == 1 || *end.address) && end_matches(s, true, &end)))
				continue;
			socket_say(whois, s);
			said++;
			if (s->owner)
				answer = ANSWER_CONTAINER;
			else if (answer != ANSWER_CONTAINER)
				answer = ANSWER_HOST;
		}
	if (said == 0) {
		err_set(err, ENOENT, "%s: no socket has it, on the host or in a container", thing);
		return ANSWER_NONE;
	}
	return answer;
}

enum answer whois_address(struct whois *whois, const char *thing, struct err *err)
{
	enum { MOST = 16 };
	_cleanup_free_ char *what = str_printf("address %s", thing);
	struct address_place places[MOST];
	enum answer answer = ANSWER_NEXT;
	struct wanted_end end;
	size_t count;

	if (!end_parse(thing, &end) || end.port || !*end.address)
		return ANSWER_NEXT;
	if (whois_open_all(whois, SOCKET_WANT_TCP | SOCKET_WANT_UDP | SOCKET_WANT_OTHER, err) < 0)
		return ANSWER_NONE;
	count = address_places(end.address, &whois->view.spaces, places, MOST);
	for (size_t i = 0; i < count; i++) {
		const struct net_space *space = &whois->view.spaces.list[places[i].space];
		enum answer one;

		if (places[i].space != 0 && space->owner == 0)
			continue; /* somebody's namespace, but no container's */
		one = whois_say_owner(whois, what, space->owner, "link", places[i].link);
		answer = answer == ANSWER_CONTAINER ? answer : one;
	}
	return answer;
}

enum answer whois_inode(struct whois *whois, uint64_t inode, struct err *err)
{
	const struct socket_view *view = &whois->view;

	if (whois_open_all(whois, 31, err) < 0)
		return ANSWER_NONE;
	for (size_t i = 0; i < view->sockets.count; i++)
		if (view->sockets.list[i].inode == inode) {
			socket_say(whois, &view->sockets.list[i]);
			return view->sockets.list[i].owner ? ANSWER_CONTAINER : ANSWER_HOST;
		}
	return ANSWER_NEXT;
}
