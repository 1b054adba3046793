/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"
#include "engine/endpoint.h"
#include "engine/engine.h"
#include "engine/publish_relay.h"
#include "engine/publish_take.h"
#include "engine/record.h"
#include "engine/status.h"
#include "net/conntrack_flush.h"
#include "net/foreign_forward.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/nft.h"
#include "net/port_spec.h"
#include "net/ruleset.h"

/* One after the other: elements of one map that follow each other cost the kernel less. */
static const int families[] = { AF_INET, AF_INET6 };

enum { RUN_APART = 8 };

void publish_clear(struct publish *publish)
{
	for (size_t i = 0; i < publish->count; i++) {
		fd_close(publish->list[i].hold);
		fd_close(publish->list[i].listen);
	}
	foreign_nat_clear(&publish->foreign);
	free(publish->list);
	free(publish->bridge);
	*publish = PUBLISH_NONE;
}

static struct ruleset_port element_of(const struct publication *p)
{
	return (struct ruleset_port){ .protocol = p->protocol,
				      .host = p->host,
				      .host_port = p->port,
				      .to = p->to,
				      .to_port = p->to_port };
}

int publish_port_of(const struct port_row *row, struct ruleset_port *port)
{
	if (address_parse(row->host, &port->host) < 0 || address_parse(row->to_ip, &port->to) < 0 ||
	    strcmp(row->mode, "kernel") != 0)
		return -EINVAL;
	port->protocol = port_protocol(row->protocol);
	port->host_port = (uint16_t)row->port;
	port->to_port = (uint16_t)row->to_port;
	return 0;
}

/* -- rows ------------------------------------------------------------------------------------- */

/* A row whose container does not run any more was left behind (a power cut): its element goes with it. */
static int stale_drop(struct engine *engine, const struct port_row *wanted, struct err *err)
{
	struct port_row *rows = NULL;
	struct err ignored = ERR_NONE;
	int count = port_list(engine->store, NULL, &rows, err), r = -EEXIST;

	for (int i = 0; i < count; i++) {
		struct container_status status;

		if (rows[i].port != wanted->port || strcmp(rows[i].host, wanted->host) != 0 ||
		    strcmp(rows[i].protocol, wanted->protocol) != 0)
			continue;
		status_get(engine, rows[i].container, &status);
		if (status.status == STATUS_RUNNING)
			continue;
		r = port_delete(engine->store, &rows[i], err);
		if (r == 0) {
			_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
			_cleanup_free_ char *table = network_table(engine);
			struct ruleset_port port;

			if (publish_port_of(&rows[i], &port) == 0 &&
			    netlink_open(&nl, NETLINK_NETFILTER, &ignored) == 0) {
				nft_begin(&nl);
				ruleset_unpublish(&nl, table, &port);
				(void)nft_commit(&nl, &ignored); /* not there is as good */
			}
		}
	}
	if (count > 0)
		port_rows_free(rows, (size_t)count);
	return r;
}

static int row_add(struct engine *engine, const struct record *record, const struct publication *p,
		   int64_t count, struct err *err)
{
	char host[ADDRESS_TEXT], to[ADDRESS_TEXT];
	struct port_row row = { .protocol = (char *)publish_protocol(p->protocol),
				.port = p->port,
				.host = (char *)address_text(&p->host, host),
				.container = record->row.id,
				.to_ip = (char *)address_text(&p->to, to),
				.to_port = p->to_port,
				.mode = (char *)(p->visible ? "visible" : "kernel") };
	int r = port_add(engine->store, &row, count, err);

	if (r != -EEXIST || count > 1)
		return r;
	if (stale_drop(engine, &row, err) == 0) {
		err_clear(err);
		r = port_add(engine->store, &row, count, err);
	}
	return r == -EEXIST ? publish_conflict(engine, p, err) : r;
}

static bool is_behind(const struct publication *first, const struct publication *p, size_t by)
{
	return p->protocol == first->protocol && p->visible == first->visible &&
	       p->port == first->port + by && p->to_port == first->to_port + by &&
	       address_equal(&p->host, &first->host) && address_equal(&p->to, &first->to);
}

/* From `first` on: those that follow it, which may have others between them (of the other family). */
static size_t run_find(const struct publish *publish, size_t first, const bool *added,
		       size_t members[PORT_RUN_MAX])
{
	size_t count = 0;

	for (size_t i = first; i < publish->count && count < PORT_RUN_MAX &&
			       i <= members[count ? count - 1 : 0] + RUN_APART;
	     i++)
		if (!added[i] && is_behind(&publish->list[first], &publish->list[i], count))
			members[count++] = i;
	return count;
}

/* As one row; where one of them is taken, one by one, so that it is known which. */
static int run_add(struct engine *engine, const struct record *record,
		   const struct publish *publish, const size_t *members, size_t count,
		   struct err *err)
{
	int r = row_add(engine, record, &publish->list[members[0]], (int64_t)count, err);

	if (r != -EEXIST || count == 1)
		return r;
	err_clear(err);
	r = 0;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = row_add(engine, record, &publish->list[members[i]], 1, err);
	return r;
}

/* A change of rows that does not wait for the disk: after a power cut no container runs, and a row that is still there is stale
 * (stale_drop). `durable` has what was so before, for rows_done. */
static int rows_begin(struct engine *engine, bool *ret_durable, struct err *err)
{
	struct store *store = engine_store(engine, err);
	int r;

	if (!store)
		return -err->code;
	*ret_durable = store_is_durable(store);
	r = store_durable(store, false, err);
	return r < 0 ? r : store_begin(store, err);
}

static int rows_done(struct engine *engine, int r, bool durable, struct err *err)
{
	struct err ignored = ERR_NONE;
	int back;

	if (r == 0)
		r = store_commit(engine->store, err);
	if (!engine->store)
		return r;
	if (r < 0)
		store_rollback(engine->store);
	back = store_durable(engine->store, durable, r < 0 ? &ignored : err);
	return r < 0 ? r : back;
}

static int rows_add(struct engine *engine, const struct record *record,
		    const struct publish *publish, bool anew, struct err *err)
{
	_cleanup_free_ bool *added = mem_new((publish->count + 1) * sizeof(*added));
	bool durable = true;
	int r = rows_begin(engine, &durable, err);

	if (r == 0 && anew)
		r = port_delete_all(engine->store, record->row.id, err);
	for (size_t i = 0; r == 0 && i < publish->count; i++) {
		size_t members[PORT_RUN_MAX] = { i }, count;

		if (added[i])
			continue;
		count = run_find(publish, i, added, members);
		r = run_add(engine, record, publish, members, count, err);
		for (size_t k = 0; k < count; k++)
			added[members[k]] = true;
	}
	return rows_done(engine, r, durable, err);
}

int publish_prepare(struct engine *engine, const struct record *record,
		    const struct endpoints *endpoints, struct publish *ret_publish, struct err *err)
{
	_cleanup_(publish_clear) struct publish publish = PUBLISH_NONE;
	const struct endpoint *endpoint = endpoints_gateway(endpoints);
	int r;

	if (!endpoint || !publish_wanted(record))
		return 0;
	publish.bridge = str_dup(endpoint->network.row.link);
	r = publish_take(engine, &publish, record, endpoint, err);
	if (r == 0)
		r = rows_add(engine, record, &publish, true, err);
	engine_kill_point("publish-rows");
	if (r < 0)
		return r;
	*ret_publish = publish;
	publish = PUBLISH_NONE;
	return 0;
}

/* -- elements --------------------------------------------------------------------------------- */

int publish_elements(struct engine *engine, struct netlink *nl, struct err *err)
{
	_cleanup_free_ char *table = network_table(engine);
	struct port_row *rows = NULL;
	int count = port_list(engine->store, NULL, &rows, err);

	for (int i = 0; i < count; i++) {
		struct container_row container = { 0 };
		struct ruleset_port port;

		if (publish_port_of(&rows[i], &port) < 0)
			continue;
		if (container_find(engine->store, rows[i].container, &container, err) < 0)
			err_clear(err);
		ruleset_publish(nl, table, &port, container.name);
		container_row_clear(&container);
	}
	if (count > 0)
		port_rows_free(rows, (size_t)count);
	return count < 0 ? count : 0;
}

/* Answers of the container to addresses that are not the host's must come to the relay's sockets. */
static int relay_routes(const struct publish *publish, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	bool wanted = false;
	int r = 0;

	for (size_t i = 0; i < publish->count; i++)
		wanted |= publish->list[i].visible;
	if (!wanted || !publish->transparent)
		return 0;
	r = netlink_open(&nl, NETLINK_ROUTE, err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(families); i++) {
		link_add_local_route(&nl, families[i]);
		r = netlink_send(&nl, err);
		if (r == 0) {
			link_add_local_rule(&nl, families[i], publish->bridge, RULESET_MARK);
			r = netlink_send(&nl, err);
		}
		if (r == -EEXIST || (families[i] == AF_INET6 && r < 0)) {
			err_clear(err); /* a host without IPv6 */
			r = 0;
		}
	}
	return r < 0 ? err_wrap(err, "make the relay's routes") : 0;
}

char *publish_firewall_words(struct engine *engine, const struct publish *publish)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	struct err ignored = ERR_NONE;
	const char *firewall;
	size_t i = 0;

	while (i < publish->count && publish->list[i].visible)
		i++;
	if (i == publish->count ||
	    faccessat(engine->run, "firewall-told", F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	    netlink_open(&nl, NETLINK_NETFILTER, &ignored) < 0)
		return NULL;
	firewall = foreign_firewall(&nl);
	if (!firewall)
		return NULL;
	(void)file_replace(engine->run, "firewall-told", "", 0, 0600, false, &ignored);
	return str_printf(
		"%s does not see what comes to published ports: they are open to other hosts. --publish-mode visible, or the setting publish-address, changes that; see docs/networks.md",
		firewall);
}

/* After a deletion the kernel makes the closer of the socket wait (15 ms): a process that nobody waits for closes it. It also forgets the
 * flows that went to these ports: a client that goes on must not reach an address that somebody else has meanwhile. */
static void close_aside(struct netlink *nl, const struct ruleset_port *ports, size_t count,
			int (*forget)(const struct ruleset_port *, size_t, struct err *))
{
	struct clone_args args = { .flags = CLONE_PARENT };
	struct err ignored = ERR_NONE;
	int gate[2];
	pid_t pid;

	if (pipe2(gate, O_CLOEXEC) < 0)
		return;
	pid = sys_clone3(&args);
	if (pid == 0) {
		char byte;

		fd_close_others(&nl->fd, 1, gate[0]);
		if (count > 0)
			(void)forget(ports, count, &ignored);
		(void)!read(gate[0], &byte, 1);
		_exit(0);
	}
	fd_close(gate[0]);
	fd_close(nl->fd);
	nl->fd = -1;
	fd_close(gate[1]);
}

static int elements_add(struct engine *engine, const struct publish *publish,
			const struct record *record, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	_cleanup_free_ char *table = network_table(engine);
	_cleanup_free_ struct ruleset_port *talking =
		mem_new((publish->count + 1) * sizeof(*talking));
	size_t count = 0;
	int r = netlink_open(&nl, NETLINK_NETFILTER, err);

	if (r < 0)
		return r;
	nft_begin(&nl);
	for (size_t k = 0; k < ARRAY_SIZE(families); k++) {
		for (size_t i = 0; i < publish->count; i++) {
			struct ruleset_port port = element_of(&publish->list[i]);

			if (publish->list[i].visible || port.to.family != families[k])
				continue;
			ruleset_publish(&nl, table, &port, record->row.name);
			if (port.protocol != IPPROTO_TCP)
				talking[count++] = port;
		}
	}
	r = nft_commit(&nl, err);
	/* who sent datagrams while nobody was there would go on to reach nobody */
	if (r == 0 && count > 0)
		close_aside(&nl, talking, count, conntrack_flush_earlier);
	return r < 0 ? err_wrap(err, "publish the ports of %s", record->row.name) : 0;
}

int publish_start(struct engine *engine, struct publish *publish, const struct record *record,
		  int pidfd, int run, struct err *err)
{
	int r;

	if (publish->count == 0)
		return 0;
	r = elements_add(engine, publish, record, err);
	engine_kill_point("publish-elements");
	if (r == 0)
		r = relay_routes(publish, err);
	return r < 0 ? r : publish_relay_spawn(engine, publish, record, pidfd, run, true, err);
}

int publish_add(struct engine *engine, struct publish *publish, const struct record *record,
		int pidfd, int run, struct err *err)
{
	int r = rows_add(engine, record, publish, false, err);

	engine_kill_point("publish-add-rows");
	if (r == 0)
		r = elements_add(engine, publish, record, err);
	if (r == 0)
		r = relay_routes(publish, err);
	if (r == 0 && !publish_relay_runs(run))
		return publish_relay_spawn(engine, publish, record, pidfd, run, false, err);
	for (size_t i = 0; r == 0 && i < publish->count; i++)
		r = publish_relay_add(run, publish, &publish->list[i], err);
	return r;
}

int publish_restore(struct engine *engine, const struct record *record, struct err *err)
{
	_cleanup_(endpoints_clear) struct endpoints endpoints = ENDPOINTS_NONE;
	_cleanup_(publish_clear) struct publish publish = PUBLISH_NONE;
	_cleanup_close_ int run = engine_run_dir(engine, record->row.id, false, err),
			    pidfd = status_pidfd(engine, record->row.id);
	struct port_row *rows = NULL;
	const struct endpoint *endpoint;
	int count, r;

	if (run < 0 || pidfd < 0 || publish_relay_runs(run)) {
		err_clear(err);
		return 0;
	}
	count = port_list(engine->store, record->row.id, &rows, err);
	if (count <= 0)
		return count;
	r = endpoints_load(engine, record, &endpoints, err);
	endpoint = endpoints_gateway(&endpoints);
	if (r == 0 && endpoint) {
		publish.bridge = str_dup(endpoint->network.row.link);
		r = publish_retake(&publish, record, endpoint, rows, count, err);
		if (r == 0)
			r = publish_relay_spawn(engine, &publish, record, pidfd, run, false, err);
	}
	port_rows_free(rows, (size_t)count);
	return r < 0 ? err_wrap(err, "hold the ports of %s again", record->row.name) : 0;
}

/* In one transaction; when one is gone already (flushed, or taken away by hand), one by one. Flows are forgotten with them: of TCP, which has an
 * end of its own, where `sessions` says that those end, too. */
static int elements_drop(struct engine *engine, const struct port_row *rows, int count,
			 bool sessions, struct err *err)
{
	_cleanup_free_ struct ruleset_port *gone = mem_new(((size_t)count + 1) * sizeof(*gone));
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	_cleanup_free_ char *table = network_table(engine);
	int step = count, r = netlink_open(&nl, NETLINK_NETFILTER, err);

	for (int i = 0; r == 0 && i < count; i += step) {
		nft_begin(&nl);
		for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
			for (int k = i; k < count && k < i + step; k++) {
				struct ruleset_port port;

				if (publish_port_of(&rows[k], &port) < 0 ||
				    port.to.family != families[f])
					continue;
				ruleset_unpublish(&nl, table, &port);
				if (sessions || port.protocol != IPPROTO_TCP)
					gone[k] = port;
			}
		}
		r = nft_commit(&nl, err);
		if (r == -ENOENT) {
			err_clear(err);
			r = 0;
			if (step > 1) {
				i = -1;
				step = 1;
			}
		}
	}
	if (nl.fd >= 0)
		close_aside(&nl, gone, (size_t)count,
			    sessions ? conntrack_flush_targets : conntrack_flush);
	return r;
}

int publish_drop(struct engine *engine, const struct port_row *rows, int count, int run,
		 struct err *err)
{
	int r = elements_drop(engine, rows, count, false, err);

	engine_kill_point("publish-drop-elements");
	for (int i = 0; r == 0 && i < count; i++) {
		struct publication p = { .protocol = port_protocol(rows[i].protocol),
					 .port = (uint16_t)rows[i].port };

		(void)address_parse(rows[i].host, &p.host);
		if (publish_relay_runs(run))
			r = publish_relay_drop(run, &p, err);
		if (r == 0)
			r = port_delete(engine->store, &rows[i], err);
	}
	return r;
}

int publish_release(struct engine *engine, const struct record *record, int run, struct err *err)
{
	struct port_row *rows = NULL;
	bool durable = true;
	int count, r = 0;

	/* an update may have taken its last port away */
	if (!publish_wanted(record) && (run < 0 || !publish_relay_runs(run)))
		return 0;
	if (run >= 0)
		publish_relay_end(run);
	if (!engine_store(engine, err))
		return -err->code;
	count = port_list(engine->store, record->row.id, &rows, err);
	if (count <= 0)
		return count;
	r = elements_drop(engine, rows, count, true, err);
	engine_kill_point("publish-elements-gone");
	if (r == 0) {
		r = rows_begin(engine, &durable, err);
		if (r == 0)
			r = port_delete_all(engine->store, record->row.id, err);
		r = rows_done(engine, r, durable, err);
	}
	port_rows_free(rows, (size_t)count);
	return r;
}
