/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/socket_view.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/cli.h"
#include "engine/engine.h"
#include "guard/record.h"
#include "host/foreign.h"
#include "host/owner.h"
#include "host/tcp_table.h"
#include "state/store.h"

int socket_view_open(struct cli *cli, unsigned int what, bool processes, struct socket_view *view,
		     struct err *err)
{
	_cleanup_(tcp_table_clear) struct tcp_table tcp = TCP_TABLE_EMPTY;
	_cleanup_free_ char *iterator = NULL;
	const char *libexec;
	int r = host_view_open(cli, processes ? PROCESS_ARGS : PROCESS_SHORT, &view->host, err);

	if (r < 0)
		return r;
	libexec = view->host.engine ? view->host.engine->libexec : NULL;
	/* as many containers will have as many namespaces: it can go on while they are looked for */
	if (libexec && socket_table_many(view->host.table.owner_count, what))
		(void)tcp_table_begin(&tcp, libexec);
	net_spaces_find(&view->spaces, &view->host.table);
	if (libexec && tcp.pid == 0 && socket_table_many(view->spaces.count, what))
		(void)tcp_table_begin(&tcp, libexec);
	/* translations are between the host and namespaces: without any there are none */
	if (view->spaces.count > 1 &&
	    (what & (SOCKET_WANT_TCP | SOCKET_WANT_UDP | SOCKET_WANT_OTHER)))
		connections_read(&view->connections);
	r = socket_table_read(&view->sockets, &view->spaces, what, &tcp, err);
	if (r < 0)
		return r;
	iterator = str_printf(GUARD_FOLDER "%s/" GUARD_FILES,
			      view->host.engine ? view->host.engine->suffix : "");
	socket_owners(&view->sockets, &view->spaces, &view->host.table, processes, iterator);
	return 0;
}

void socket_view_clear(struct socket_view *view)
{
	for (size_t i = 0; view->ports && i < view->host.table.owner_count; i++)
		free(view->ports[i]);
	free(view->ports);
	if (view->published)
		port_rows_free(view->published, view->published_count);
	connections_clear(&view->connections);
	socket_table_clear(&view->sockets);
	net_spaces_clear(&view->spaces);
	host_view_clear(&view->host);
}

void socket_view_container(const struct socket_view *view, const struct socket *socket, char *out,
			   size_t size)
{
	const struct net_space *space = &view->spaces.list[socket->space];

	out[0] = '\0';
	if (socket->owner != 0)
		(void)str_append(out, size, owner_title(&view->host.table.owners[socket->owner]));
	else if (socket->space == 0)
		(void)str_append(out, size, "-");
	else if (*space->name)
		(void)snprintf(out, size, "netns %s", space->name);
	else
		(void)snprintf(out, size, "netns %llu", (unsigned long long)space->inode);
}

void socket_view_end(const struct socket *socket, bool peer, char *out, size_t size)
{
	uint16_t port = peer ? socket->peer_port : socket->local_port;
	char address[64];

	socket_address(socket, peer, address, sizeof(address));
	if (port)
		(void)snprintf(out, size, socket->v6 ? "[%s]:%u" : "%s:%u", address, port);
	else
		(void)snprintf(out, size, socket->v6 ? "[%s]:*" : "%s:*", address);
}

/* -- published -------------------------------------------------------------------------------- */

/* Few containers have any: one query tells which are worth one of their own. */
static bool has_ports(struct socket_view *view, const char *id)
{
	if (!view->published_read) {
		struct err ignored = ERR_NONE;
		struct store *store =
			view->host.engine ? engine_store(view->host.engine, &ignored) : NULL;
		int count = store ? port_list(store, NULL, &view->published, &ignored) : 0;

		view->published_count = count > 0 ? (size_t)count : 0;
		view->published_read = true;
	}
	for (size_t i = 0; i < view->published_count; i++)
		if (str_prefix(view->published[i].container, id))
			return true;
	return false;
}

static char *cloche_ports(struct engine *engine, const char *id)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	struct container_row row = { 0 };
	struct port_row *ports = NULL;
	struct err ignored = ERR_NONE;
	struct store *store = engine ? engine_store(engine, &ignored) : NULL;
	int count;

	if (!store || container_find(store, id, &row, &ignored) < 0)
		return str_dup("");
	count = port_list(store, row.id, &ports, &ignored);
	for (int i = 0; i < count; i++)
		buf_printf(&text,
			   strchr(ports[i].host, ':') ? "%s[%s]:%lld->%lld/%s" :
							"%s%s:%lld->%lld/%s",
			   i ? ", " : "", ports[i].host, (long long)ports[i].port,
			   (long long)ports[i].to_port, ports[i].protocol);
	if (count > 0)
		port_rows_free(ports, (size_t)count);
	container_row_clear(&row);
	return str_dup(text.data ? text.data : "");
}

const char *socket_view_ports(struct socket_view *view, int owner)
{
	struct process_table *table = &view->host.table;

	if (!view->ports)
		view->ports = mem_new((table->owner_count + 1) * sizeof(char *));
	if (owner == 0)
		return "";
	if (!view->ports[owner]) {
		const struct owner *o = &table->owners[owner];

		if (o->engine == ENGINE_CLOCHE) {
			view->ports[owner] = has_ports(view, o->id) ?
						     cloche_ports(view->host.engine, o->id) :
						     str_dup("");
		} else {
			_cleanup_json_ json_t *details = owner_details(o);

			view->ports[owner] = str_dup(json_string_at(details, "Ports", ""));
		}
	}
	return view->ports[owner];
}

/* "HOST:PORT" of each "HOST:PORT->8080/tcp" of this socket's port. */
static void ports_pick(const char *ports, const struct socket *socket, char *out, size_t size)
{
	_cleanup_free_ char *wanted =
		str_printf("->%u/%s", socket->local_port, socket_proto_word(socket->proto));
	_cleanup_strv_ char **list = strv_split(ports, ',');

	for (size_t i = 0; list[i]; i++) {
		const char *from = list[i] + strspn(list[i], " "), *arrow = strstr(from, "->");
		_cleanup_free_ char *host = NULL;

		if (!arrow || strcmp(arrow, wanted) != 0)
			continue;
		host = str_ndup(from, (size_t)(arrow - from));
		(void)str_append(out, size, *out ? "," : "");
		(void)str_append(out, size, host);
	}
}

/* A v6 socket that speaks v4 has mapped addresses, RFC 4291, 2.5.5.2; the kernel's table has them as v4. */
static bool unmapped(const uint8_t address[16], uint8_t out[16])
{
	static const uint8_t prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	if (memcmp(address, prefix, sizeof(prefix)) != 0)
		return false;
	memset(out, 0, 16);
	memcpy(out, address + 12, 4);
	return true;
}

void socket_view_published(struct socket_view *view, const struct socket *socket, char *out,
			   size_t size)
{
	static const uint8_t protocols[SOCKET_PROTOS] = { [SOCKET_TCP] = IPPROTO_TCP,
							  [SOCKET_UDP] = IPPROTO_UDP,
							  [SOCKET_UDPLITE] = IPPROTO_UDPLITE,
							  [SOCKET_SCTP] = IPPROTO_SCTP };
	const struct connection *connection;
	uint8_t local[16], peer[16];
	bool v6 = socket->v6;

	out[0] = '\0';
	if (socket->space == 0 || protocols[socket->proto] == 0)
		return;
	if (socket->peer_port == 0) {
		ports_pick(socket_view_ports(view, socket->owner), socket, out, size);
		return;
	}
	memcpy(local, socket->local, 16);
	memcpy(peer, socket->peer, 16);
	if (v6 && unmapped(socket->local, local) && unmapped(socket->peer, peer))
		v6 = false;
	connection = connections_find(&view->connections, v6, protocols[socket->proto], local,
				      socket->local_port, peer, socket->peer_port);
	if (connection) {
		char address[64] = "";

		(void)inet_ntop(v6 ? AF_INET6 : AF_INET, connection->asked.address, address,
				sizeof(address));
		(void)snprintf(out, size, v6 ? "[%s]:%u" : "%s:%u", address,
			       connection->asked.port);
	}
}
