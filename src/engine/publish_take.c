/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/publish_take.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/endpoint.h"
#include "engine/engine.h"
#include "engine/publish.h"
#include "engine/record.h"
#include "net/foreign_nat.h"
#include "net/netlink.h"
#include "net/port_spec.h"
#include "net/reservation.h"

const char *publish_protocol(int protocol)
{
	return protocol == IPPROTO_UDP ? "udp" : protocol == IPPROTO_SCTP ? "sctp" : "tcp";
}

static bool is_same_port(const struct publication *a, const struct publication *b)
{
	return a->port == b->port && a->protocol == b->protocol &&
	       a->host.family == b->host.family &&
	       (address_is_any(&a->host) || address_is_any(&b->host) ||
		address_equal(&a->host, &b->host));
}

/* Whose is the port that cannot be had? rule: one that sends it elsewhere, or NULL. */
static int conflict(struct engine *engine, const struct publish *publish,
		    const struct publication *p, const struct foreign_nat_rule *rule,
		    struct err *err)
{
	const char *protocol = publish_protocol(p->protocol);
	_cleanup_free_ char *owner = NULL;
	struct port_row *rows = NULL;
	char text[ADDRESS_TEXT];
	int count;

	for (size_t i = 0; publish && i < publish->count && !owner; i++)
		if (is_same_port(&publish->list[i], p))
			owner = str_printf("the container's own port %u/%s",
					   publish->list[i].to_port, protocol);
	err_clear(err);
	count = engine_store(engine, err) ? port_list(engine->store, NULL, &rows, err) : 0;
	for (int i = 0; i < count && !owner; i++) {
		struct container_row container = { 0 };

		if (rows[i].port != p->port || strcmp(rows[i].protocol, protocol) != 0 ||
		    container_find(engine->store, rows[i].container, &container, err) < 0)
			continue;
		owner = str_printf("container %s", container.name);
		container_row_clear(&container);
	}
	if (count > 0)
		port_rows_free(rows, (size_t)count);
	if (!owner)
		owner = reservation_owner(p->protocol, p->port);
	if (!owner && rule)
		owner = str_printf("rule %s, which sends it elsewhere", rule->place);
	err_clear(err);
	err_set(err, EADDRINUSE,
		"publish %u/%s: Bind for %s:%u failed: port is already allocated, in use by %s",
		p->to_port, protocol, address_text(&p->host, text), p->port,
		owner ? owner : "a process that is not to be seen");
	return rule ? err_hint(err, "choose another host port, or: %s", rule->remedy) :
		      err_hint(err, "choose another host port");
}

int publish_conflict(struct engine *engine, const struct publication *p, struct err *err)
{
	return conflict(engine, NULL, p, NULL, err);
}

/* A socket at the port that keeps everybody else away; p->port 0: any. -EADDRINUSE without words. */
static int hold_take(struct publication *p, struct err *err)
{
	static const uint8_t loopback[16] = { [15] = 1 };
	bool wild = address_is_any(&p->host), tcp = p->protocol == IPPROTO_TCP,
	     udp = p->protocol == IPPROTO_UDP;
	bool door = (tcp || udp) && !p->visible && p->host.family == AF_INET6 &&
		    (wild || address_is_loopback(&p->host));
	struct address one = { .family = AF_INET6 };

	if (udp && door) { /* shared, it would be given beside another that shares */
		int alone = reservation_take(p->protocol, &p->host, &p->port, false, err);

		if (alone < 0 && alone != -EPROTONOSUPPORT)
			return alone;
		fd_close(alone);
	}
	p->hold = reservation_take(p->protocol, &p->host, &p->port, p->visible || door, err);
	if (p->hold == -EADDRINUSE && p->port && tcp && !p->visible && !door)
		/* sessions that a listener of ours had here may still be in their last minute */
		p->hold = reservation_take(p->protocol, &p->host, &p->port, true, err);
	if (p->hold == -EPROTONOSUPPORT) {
		p->hold = -1;
		return 0;
	}
	if (p->hold < 0)
		return p->hold;
	if (p->visible) {
		if (listen(p->hold, 4096) < 0)
			return errno == EADDRINUSE ?
				       -EADDRINUSE :
				       err_sys(err, errno, "listen at port %u", p->port);
		(void)fcntl(p->hold, F_SETFL, O_NONBLOCK);
		p->listen = p->hold;
		p->hold = -1;
		return 0;
	}
	if (door) {
		memcpy(one.bytes, loopback, sizeof(loopback));
		p->listen = reservation_listen(p->protocol, &one, p->port, err);
		if (p->listen < 0)
			return p->listen;
	}
	reservation_close_door(p->hold);
	if (p->protocol == IPPROTO_UDP)
		reservation_deafen(p->hold);
	return 0;
}

static void hold_drop(struct publication *p)
{
	fd_close(p->hold);
	fd_close(p->listen);
	p->hold = p->listen = -1;
}

/* The rule of others that sends a port elsewhere, or NULL. They are read once; where they cannot be read nothing is known of them. */
static const struct foreign_nat_rule *foreign_find(struct publish *publish,
						   const struct publication *p)
{
	if (!publish->foreign_known) {
		_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
		struct err ignored = ERR_NONE;

		publish->foreign_known = true;
		if (netlink_open(&nl, NETLINK_NETFILTER, &ignored) == 0)
			(void)foreign_nat_read(&nl, "cloche", &publish->foreign, &ignored);
	}
	return foreign_nat_find(&publish->foreign, p->protocol, &p->host, p->port);
}

struct wish { /* one entry of PortBindings */
	int protocol;
	uint16_t first, last, to_port; /* 0: any */
	struct address hosts[2];
	size_t host_count;
};

static int wish_take_at(struct publish *publish, const struct wish *wish, uint16_t port,
			const struct endpoint *endpoint, bool visible, struct err *err)
{
	size_t before = publish->count;
	int r = 0;

	for (size_t i = 0; r == 0 && i < wish->host_count; i++) {
		struct publication *p;
		const char *to = wish->hosts[i].family == AF_INET6 && *endpoint->row.ip6 ?
					 endpoint->row.ip6 :
					 endpoint->row.ip4;

		publish->list =
			reallocarray(publish->list, publish->count + 1, sizeof(*publish->list));
		if (!publish->list)
			abort();
		p = &publish->list[publish->count++];
		*p = (struct publication){ .protocol = wish->protocol,
					   .host = wish->hosts[i],
					   .port = port,
					   .to_port = wish->to_port,
					   .visible = visible && wish->protocol == IPPROTO_TCP,
					   .hold = -1,
					   .listen = -1 };
		(void)address_parse(to, &p->to);
		p->prefix = p->to.family == AF_INET ? endpoint->network.subnet4.prefix :
						      endpoint->network.subnet6.prefix;
		/* translation does not cross families */
		if (p->to.family != p->host.family) {
			if (wish->protocol != IPPROTO_TCP) {
				publish->count--;
				continue;
			}
			p->visible = true;
		}
		r = hold_take(p, err);
		if (r == 0 && foreign_find(publish, p)) {
			hold_drop(p);
			r = -EADDRINUSE;
		}
		port = p->port;
	}
	if (r == -EADDRINUSE) {
		/* the last one tells whose it is, when the caller gives up */
		struct publication last = publish->list[publish->count - 1];

		while (publish->count > before)
			hold_drop(&publish->list[--publish->count]);
		publish->list[before] = last;
		publish->list[before].hold = publish->list[before].listen = -1;
	}
	return r;
}

static int wish_take(struct engine *engine, struct publish *publish, const struct wish *wish,
		     const struct endpoint *endpoint, bool visible, struct err *err)
{
	uint32_t port = wish->first;
	int r;

	for (int tries = 0;; tries++) {
		const struct publication *last;

		r = wish_take_at(publish, wish, (uint16_t)port, endpoint, visible, err);
		if (r != -EADDRINUSE)
			return r;
		/* a free port of one family may be taken in the other: again */
		last = &publish->list[publish->count];
		if (!wish->first ? tries >= 64 : port >= wish->last)
			return conflict(engine, publish, last, foreign_find(publish, last), err);
		port += wish->first ? 1 : 0;
	}
}

static bool mode_visible(const struct record *record)
{
	return strcmp(json_string_at(record->config, "Cloche.PublishMode", "kernel"), "visible") ==
	       0;
}

static int wish_read(const char *key, const json_t *binding, struct wish *wish, struct err *err)
{
	const char *host = json_string_at(binding, "HostIp", ""),
		   *port = json_string_at(binding, "HostPort", ""), *slash = strchr(key, '/');
	_cleanup_free_ char *text = *port ? str_printf("%s:%s", port, key) : str_dup(key);
	struct port_spec *list = NULL;
	size_t count = 0;
	int r = port_spec_parse(text, &list, &count, err);

	*wish = (struct wish){ 0 };
	if (r == 0 && count == 1 && slash) {
		wish->protocol = port_protocol(list[0].protocol);
		wish->first = list[0].host_first;
		wish->last = list[0].host_last;
		wish->to_port = list[0].port;
	} else if (r == 0) {
		r = err_set(err, EINVAL, "invalid port %s", key);
	}
	free(list);
	if (r < 0)
		return r;
	if (*host) {
		wish->host_count = 1;
		return address_parse(host, &wish->hosts[0]) < 0 ?
			       err_set(err, EINVAL, "invalid IP address: %s", host) :
			       0;
	}
	wish->hosts[0].family = AF_INET;
	wish->hosts[1].family = AF_INET6;
	wish->host_count = 2;
	return 0;
}

int publish_retake(struct publish *publish, const struct record *record,
		   const struct endpoint *endpoint, const struct port_row *rows, int count,
		   struct err *err)
{
	publish->transparent = mode_visible(record);
	publish->list = mem_new(((size_t)count + 1) * sizeof(*publish->list));
	for (int i = 0; i < count; i++) {
		struct publication *p = &publish->list[publish->count];
		int r;

		*p = (struct publication){ .protocol = port_protocol(rows[i].protocol),
					   .port = (uint16_t)rows[i].port,
					   .to_port = (uint16_t)rows[i].to_port,
					   .visible = strcmp(rows[i].mode, "visible") == 0,
					   .hold = -1,
					   .listen = -1 };
		if (address_parse(rows[i].host, &p->host) < 0 ||
		    address_parse(rows[i].to_ip, &p->to) < 0)
			continue;
		p->prefix = p->to.family == AF_INET ? endpoint->network.subnet4.prefix :
						      endpoint->network.subnet6.prefix;
		publish->count++;
		r = hold_take(p, err);
		if (r < 0)
			return r == -EADDRINUSE ?
				       err_set(err, EADDRINUSE,
					       "port %u/%s of the host was taken by somebody meanwhile",
					       p->port, rows[i].protocol) :
				       r;
	}
	return 0;
}

int publish_take_one(struct engine *engine, struct publish *publish, const struct record *record,
		     const struct endpoint *endpoint, const char *key, const json_t *binding,
		     struct err *err)
{
	struct wish wish;
	int r = wish_read(key, binding, &wish, err);

	publish->transparent = mode_visible(record);
	return r < 0 ? r : wish_take(engine, publish, &wish, endpoint, publish->transparent, err);
}

int publish_take(struct engine *engine, struct publish *publish, const struct record *record,
		 const struct endpoint *endpoint, struct err *err)
{
	const json_t *bindings = json_at(record->config, "HostConfig.PortBindings"),
		     *exposed = json_at(record->config, "Config.ExposedPorts"), *binding;
	bool visible = publish->transparent = mode_visible(record);
	const char *key;
	json_t *list;
	struct wish wish;
	int r = 0;
	size_t i;

	/* those with a port of their own first: a free one must not be one of these */
	for (int pass = 0; r == 0 && pass < 2; pass++) {
		json_object_foreach((json_t *)bindings, key, list)
		{
			json_array_foreach(list, i, binding)
			{
				bool given = *json_string_at(binding, "HostPort", "") != '\0';

				if (r < 0 || given != (pass == 0))
					continue;
				r = wish_read(key, binding, &wish, err);
				if (r == 0)
					r = wish_take(engine, publish, &wish, endpoint, visible,
						      err);
			}
		}
	}
	if (!json_bool_at(record->config, "HostConfig.PublishAllPorts"))
		return r;
	json_object_foreach((json_t *)exposed, key, list)
	{
		if (r < 0 || json_object_get(bindings, key))
			continue;
		r = wish_read(key, NULL, &wish, err);
		if (r == 0)
			r = wish_take(engine, publish, &wish, endpoint, visible, err);
	}
	return r;
}
