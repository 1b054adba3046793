/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/doctor_step.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/forward_look.h"
#include "engine/publish.h"
#include "engine/publish_relay.h"
#include "net/nft.h"
#include "net/port_spec.h"
#include "net/ruleset.h"
#include "state/store.h"

enum { LISTEN = 10, TABLE_BYTES = 8 << 20 };

enum listener { LISTENER_NONE, LISTENER_LOOPBACK, LISTENER_THERE };

/* One line of /proc/PID/net/tcp and its kin: "sl local:port remote:port state". */
static enum listener line_listens(const char *line, bool tcp, unsigned int wanted)
{
	char address[64];
	unsigned int port, state;

	if (sscanf(line, " %*u: %63[0-9A-F]:%x %*[0-9A-F]:%*x %x", address, &port, &state) != 3 ||
	    port != wanted || (tcp && state != LISTEN))
		return LISTENER_NONE;
	/* 127/8 in the kernel's byte order, ::1 */
	if ((strlen(address) == 8 && strcmp(address + 6, "7F") == 0) ||
	    strcmp(address, "00000000000000000000000001000000") == 0)
		return LISTENER_LOOPBACK;
	return LISTENER_THERE;
}

/* In the container's network; a protocol that /proc does not tell of is taken as there. */
static enum listener listener_of(const struct doctor *d, const char *protocol, bool v6,
				 unsigned int port)
{
	static const char *const suffixes[] = { "", "6" };
	enum listener best = LISTENER_NONE;

	if (strcmp(protocol, "sctp") == 0)
		return LISTENER_THERE;
	for (size_t i = v6; i < ARRAY_SIZE(suffixes); i++) { /* one at [::] serves both */
		_cleanup_free_ char *path =
			str_printf("/proc/%d/net/%s%s", (int)d->pid, protocol, suffixes[i]);
		_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
		char *rest, *line;

		if (file_read(AT_FDCWD, path, TABLE_BYTES, &text) < 0 || !text.data)
			continue;
		for (rest = text.data; (line = strsep(&rest, "\n")) != NULL;) {
			enum listener now = line_listens(line, strcmp(protocol, "tcp") == 0, port);

			if (now > best)
				best = now;
		}
	}
	return best;
}

/* Does the map have it? */
static bool element_there(struct doctor *d, const struct port_row *row)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	_cleanup_free_ char *table = network_table(d->engine);
	struct ruleset_port port = { .protocol = port_protocol(row->protocol),
				     .host_port = (uint16_t)row->port,
				     .to_port = (uint16_t)row->to_port };
	struct err why = ERR_NONE;

	if (address_parse(row->host, &port.host) < 0 || address_parse(row->to_ip, &port.to) < 0 ||
	    netlink_open(&nl, NETLINK_NETFILTER, &why) < 0)
		return true;
	return ruleset_published(&nl, table, &port, &why) != 0;
}

static void row_look(struct doctor *d, const struct port_row *row, int run)
{
	const char *name = d->record.row.name;
	bool v6 = strchr(row->to_ip, ':') != NULL;
	enum listener listener = listener_of(d, row->protocol, v6, (unsigned int)row->to_port);
	struct address to = { 0 };
	char who[128];

	(void)snprintf(who, sizeof(who), "port %lld/%s, published at %s port %lld",
		       (long long)row->to_port, row->protocol, row->host, (long long)row->port);
	if (!publish_relay_runs(run))
		step_broken(d, "port", str_printf("cloche network reload"),
			    "%s: its cloche-publish was killed, nothing holds the port", who);
	else if (strcmp(row->mode, "kernel") == 0 && !element_there(d, row))
		step_broken(d, "port", str_printf("cloche network reload"),
			    "%s: its element is gone from the nftables table", who);
	else if (listener == LISTENER_NONE && v6 &&
		 listener_of(d, row->protocol, false, (unsigned int)row->to_port) ==
			 LISTENER_THERE) {
		step_ok(d, "port", "%s: somebody listens, by IPv4 alone", who);
		return;
	} else if (listener == LISTENER_NONE)
		step_broken(d, "port",
			    str_printf("cloche exec %s ss -tuln, and start the server at port %lld",
				       name, (long long)row->to_port),
			    "%s: nobody in the container listens there", who);
	else if (listener == LISTENER_LOOPBACK)
		step_broken(d, "port", str_printf("let the server listen at 0.0.0.0 or [::]"),
			    "%s: the server in the container listens at its localhost alone", who);
	else
		step_ok(d, "port", "%s: somebody listens", who);
	if (step_is_broken(d) || strcmp(row->protocol, "tcp") != 0 ||
	    address_parse(row->to_ip, &to) < 0)
		return;
	/* from the host to the container, as a relay does and localhost */
	{
		const struct subnet *subnet = to.family == AF_INET ? &d->endpoint->network.subnet4 :
								     &d->endpoint->network.subnet6;
		_cleanup_close_ int s =
			socket(to.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		(void)snprintf(who, sizeof(who), "the host to %s port %lld", row->to_ip,
			       (long long)row->to_port);
		if (s >= 0)
			doctor_connect(d, s, who, &to, (uint16_t)row->to_port, &subnet->address,
				       &to, (uint16_t)row->to_port);
	}
}

static void drop_seen(const char *words, const char *remedy, void *data)
{
	step_broken(data, "firewall", str_dup(remedy), "%s", words);
}

/* What others drop of that which other hosts send, and of what the container does: a trace from here would not see the first. */
static void firewall_look(struct doctor *d, const struct port_row *rows, int count)
{
	_cleanup_(publish_clear) struct publish publish = PUBLISH_NONE;

	publish.bridge = str_dup(d->endpoint->network.row.link);
	publish.list = mem_new(((size_t)count + 1) * sizeof(*publish.list));
	for (int i = 0; i < count; i++) {
		struct publication *p = &publish.list[publish.count];

		*p = (struct publication){ .protocol = port_protocol(rows[i].protocol),
					   .port = (uint16_t)rows[i].port,
					   .to_port = (uint16_t)rows[i].to_port,
					   .visible = strcmp(rows[i].mode, "kernel") != 0,
					   .hold = -1,
					   .listen = -1 };
		publish.count += address_parse(rows[i].host, &p->host) == 0 &&
				 address_parse(rows[i].to_ip, &p->to) == 0;
	}
	forward_look(&d->endpoints, &publish, drop_seen, d);
	if (!step_is_broken(d))
		step_ok(d, "firewall", "no rule of others drops all that is forwarded for it");
}

void doctor_ports(struct doctor *d)
{
	struct err why = ERR_NONE;
	_cleanup_close_ int run = engine_run_dir(d->engine, d->record.row.id, false, &why);
	struct port_row *rows = NULL;
	int count = port_list(d->engine->store, d->record.row.id, &rows, &why);

	d->endpoint = endpoints_gateway(&d->endpoints);
	for (int i = 0; d->endpoint && i < count && !step_is_broken(d); i++)
		row_look(d, &rows[i], run);
	if (d->endpoint && !step_is_broken(d))
		firewall_look(d, rows, count > 0 ? count : 0);
	if (count > 0)
		port_rows_free(rows, (size_t)count);
}
