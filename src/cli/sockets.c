/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sockets: netstat -an of the host and of all containers in one table. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/grid.h"
#include "cli/socket_rate.h"
#include "cli/socket_view.h"

struct sockets_args {
	bool listen, established, numeric, processes, unix_too, tcp, udp, json, count, no_headings,
		rate;
	const char *peer, *port, *state, *watch;
	char **containers, **engines;
};

static const struct opt sockets_opts[] = {
	OPT_LIST(0, "container", "NAME", struct sockets_args, containers,
		 "only sockets of a container: name, id or ENGINE:NAME; host for those of the host"),
	OPT_BOOL('c', "count", struct sockets_args, count,
		 "print how many there are, by container and state"),
	OPT_LIST(
		0, "engine", "ENGINE", struct sockets_args, engines,
		"only cloche, docker, podman, containerd, kubernetes, cri-o, lxc, nspawn, other or host"),
	OPT_BOOL('e', "established", struct sockets_args, established, "only connections"),
	OPT_FORMAT_JSON(struct sockets_args, json),
	OPT_BOOL(0, "json", struct sockets_args, json, "print an array of objects"),
	OPT_BOOL('l', "listen", struct sockets_args, listen, "only sockets that wait for somebody"),
	OPT_BOOL('n', "numeric", struct sockets_args, numeric, "users by number"),
	OPT_BOOL(0, "no-headings", struct sockets_args, no_headings, "print no headings"),
	OPT_STRING(0, "peer", "ADDRESS[:PORT]", struct sockets_args, peer,
		   "only connections with this other end"),
	OPT_STRING(0, "port", "PORT", struct sockets_args, port,
		   "only sockets with this port on either end, or published as it"),
	OPT_BOOL('p', "processes", struct sockets_args, processes, "show the process of each"),
	OPT_BOOL(
		0, "rate", struct sockets_args, rate,
		"bytes per second of TCP, over one second: by container, then of each connection that moves"),
	OPT_STRING(0, "state", "STATE", struct sockets_args, state,
		   "only this state: LISTEN, ESTABLISHED, TIME_WAIT..."),
	OPT_BOOL('t', "tcp", struct sockets_args, tcp, "only TCP"),
	OPT_BOOL('u', "udp", struct sockets_args, udp, "only UDP and UDP-Lite"),
	OPT_EVERY(0, "watch", struct sockets_args, watch, "draw again every so many seconds"),
	OPT_BOOL('x', "unix", struct sockets_args, unix_too, "Unix domain sockets too"),
	OPT_END,
};

struct sockets {
	struct cli *cli;
	const struct sockets_args *args;
};

/* -- filters ---------------------------------------------------------------------------------- */

/* "192.168.1.187:48842", "[fd00::1]:80", "fd00::1", ":80" against one end. */
static bool end_is(const struct socket *socket, bool peer, const char *wanted)
{
	const char *colon = strrchr(wanted, ':');
	uint16_t port = peer ? socket->peer_port : socket->local_port;
	char address[64];
	_cleanup_free_ char *host = NULL;

	socket_address(socket, peer, address, sizeof(address));
	if (strcmp(address, wanted) == 0)
		return true;
	if (str_prefix(address, "::ffff:") && strcmp(address + 7, wanted) == 0)
		return true;
	if (!colon || strtoul(colon + 1, NULL, 10) != port)
		return false;
	host = str_ndup(wanted, (size_t)(colon - wanted));
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		return strcmp(address, host + 1) == 0;
	}
	return !*host || strcmp(address, host) == 0 ||
	       (str_prefix(address, "::ffff:") && strcmp(address + 7, host) == 0);
}

/* "...:8080" at the end of one of the published addresses */
static bool published_as(const char *published, unsigned int port)
{
	_cleanup_strv_ char **list = strv_split(published, ',');

	for (size_t i = 0; list[i]; i++) {
		const char *colon = strrchr(list[i], ':');

		if (colon && strtoul(colon + 1, NULL, 10) == port)
			return true;
	}
	return false;
}

static bool state_is(const struct socket *socket, const char *wanted)
{
	if (socket->proto == SOCKET_UNIX_PROTO)
		return strcasecmp(wanted, socket->flags & 0x10000 ? "LISTEN" :
					  socket->state == 3	  ? "ESTABLISHED" :
								    "CLOSE") == 0;
	return strcasecmp(wanted, socket_state_word(socket->state)) == 0;
}

static bool listens(const struct socket *socket)
{
	if (socket->proto == SOCKET_UNIX_PROTO)
		return (socket->flags & 0x10000) != 0; /* __SO_ACCEPTCON of include/linux/net.h */
	return socket->proto == SOCKET_TCP || socket->proto == SOCKET_SCTP ?
		       socket->state == SOCKET_LISTEN :
		       socket->peer_port == 0;
}

static bool wanted(struct socket_view *view, const struct sockets_args *a,
		   const struct socket *socket)
{
	const struct owner *owner = &view->host.table.owners[socket->owner];
	bool any = !a->containers;

	if ((a->listen && !listens(socket)) ||
	    (a->established &&
	     (socket->proto == SOCKET_UNIX_PROTO ? socket->state != 3 :
						   socket->state != SOCKET_ESTABLISHED)) ||
	    (a->state && !state_is(socket, a->state)) ||
	    (a->peer && !end_is(socket, true, a->peer)))
		return false;
	if (a->port) {
		unsigned long port = strtoul(a->port, NULL, 10);
		char published[256];

		if (socket->proto == SOCKET_UNIX_PROTO || socket->proto == SOCKET_PACKET)
			return false;
		socket_view_published(view, socket, published, sizeof(published));
		if (socket->local_port != port && socket->peer_port != port &&
		    !published_as(published, (unsigned int)port))
			return false;
	}
	for (size_t i = 0; a->containers && a->containers[i]; i++)
		any |= view_owner_is(owner, a->containers[i]) &&
		       (socket->owner || socket->space == 0);
	if (!any || !a->engines)
		return any;
	for (size_t i = 0; a->engines[i]; i++)
		if (host_engine_find(a->engines[i]) == (int)owner->engine)
			return true;
	return false;
}

/* -- output ----------------------------------------------------------------------------------- */

static void proto_text(const struct socket *socket, char out[16])
{
	(void)snprintf(out, 16, "%s%s", socket_proto_word(socket->proto),
		       socket->v6 && socket->proto != SOCKET_UNIX_PROTO ? "6" : "");
}

static const char *state_text(const struct socket *socket)
{
	if (socket->proto == SOCKET_UNIX_PROTO)
		return socket->flags & 0x10000 ? "LISTEN" : socket->state == 3 ? "ESTABLISHED" : "";
	return socket->state == SOCKET_CLOSE && socket->proto != SOCKET_TCP ?
		       "" :
		       socket_state_word(socket->state);
}

static void ends_text(const struct socket *socket, char local[128], char peer[128])
{
	if (socket->proto == SOCKET_UNIX_PROTO) {
		local[0] = peer[0] = '\0';
		(void)str_append(local, 128, socket->path ? socket->path : "*");
		(void)str_append(peer, 128, "*");
	} else if (socket->proto == SOCKET_PACKET) {
		(void)snprintf(local, 128, "proto 0x%04x", socket->local_port);
		(void)snprintf(peer, 128, "*");
	} else {
		socket_view_end(socket, false, local, 128);
		socket_view_end(socket, true, peer, 128);
	}
}

static void process_text(const struct socket_view *view, const struct socket *socket, char *out,
			 size_t size)
{
	const struct process *process = socket->pid ? process_find(&view->host.table, socket->pid) :
						      NULL;

	if (process)
		(void)snprintf(out, size, "%d/%s", (int)process->pid, process->comm);
	else
		(void)snprintf(out, size, "-");
}

static void user_text(struct socket_view *view, const struct sockets_args *a,
		      const struct socket *socket, char *out, size_t size)
{
	if (socket->uid == UINT32_MAX || (socket->inode == 0 && socket->uid == 0))
		(void)snprintf(out, size, "-");
	else if (a->numeric)
		(void)snprintf(out, size, "%u", socket->uid);
	else
		(void)snprintf(out, size, "%s",
			       view_owner_user(&view->host, socket->owner, socket->uid));
}

static void grid_out(struct socket_view *view, const struct sockets_args *a,
		     const struct socket *const *list, size_t count)
{
	static const struct grid_column all[] = {
		{ "PROTO", false, 0 },	    { "RECV-Q", true, 0 },    { "SEND-Q", true, 0 },
		{ "LOCAL", false, 64 },	    { "PEER", false, 64 },    { "STATE", false, 0 },
		{ "CONTAINER", false, 32 }, { "ENGINE", false, 12 },  { "USER", false, 20 },
		{ "PUBLISHED", false, 48 }, { "PROCESS", false, 32 }, { NULL, false, 0 },
	};
	_cleanup_(grid_clear) struct grid grid = GRID_EMPTY;
	struct grid_column columns[ARRAY_SIZE(all)];

	memcpy(columns, all, sizeof(all));
	if (!a->processes)
		columns[10].heading = NULL;
	for (size_t i = 0; i < count; i++) {
		const struct socket *s = list[i];
		char text[256], local[128], peer[128];

		proto_text(s, text);
		grid_cell(&grid, text);
		grid_number(&grid, s->recv_queue);
		grid_number(&grid, s->send_queue);
		ends_text(s, local, peer);
		grid_cell(&grid, local);
		grid_cell(&grid, peer);
		grid_cell(&grid, state_text(s));
		socket_view_container(view, s, text, sizeof(text));
		grid_cell(&grid, text);
		grid_cell(&grid, s->owner ? owner_engine(&view->host.table.owners[s->owner]) : "-");
		user_text(view, a, s, text, sizeof(text));
		grid_cell(&grid, text);
		socket_view_published(view, s, text, sizeof(text));
		grid_cell(&grid, *text ? text : "-");
		if (a->processes) {
			process_text(view, s, text, sizeof(text));
			grid_cell(&grid, text);
		}
	}
	grid_print(&grid, columns, !a->no_headings, stdout);
}

static json_t *socket_json(struct socket_view *view, const struct socket *s)
{
	const struct owner *owner = &view->host.table.owners[s->owner];
	const struct net_space *space = &view->spaces.list[s->space];
	json_t *o = json_object();
	char text[256], local[128], peer[128];

	proto_text(s, text);
	json_put(o, "Proto", json_text(text));
	json_put(o, "RecvQ", json_integer(s->recv_queue));
	json_put(o, "SendQ", json_integer(s->send_queue));
	ends_text(s, local, peer);
	json_put(o, "Local", json_text(local));
	json_put(o, "Peer", json_text(peer));
	json_put(o, "State", json_text(state_text(s)));
	json_put(o, "Container", s->owner ? json_text(owner_title(owner)) : json_null());
	json_put(o, "Engine", json_text(s->owner ? owner_engine(owner) : "host"));
	json_put(o, "NetNamespace", json_integer((json_int_t)space->inode));
	json_put(o, "NetNamespaceName", json_text(space->name));
	json_put(o, "Uid", s->uid == UINT32_MAX ? json_null() : json_integer(s->uid));
	json_put(o, "User",
		 s->uid == UINT32_MAX ? json_null() :
					json_text(view_owner_user(&view->host, s->owner, s->uid)));
	json_put(o, "Inode", json_integer((json_int_t)s->inode));
	json_put(o, "Pid", s->pid ? json_integer(s->pid) : json_null());
	socket_view_published(view, s, text, sizeof(text));
	json_put(o, "Published", *text ? json_text(text) : json_null());
	return o;
}

static void json_out(struct socket_view *view, const struct socket *const *list, size_t count)
{
	_cleanup_json_ json_t *all = json_array();

	for (size_t i = 0; i < count; i++)
		json_push(all, socket_json(view, list[i]));
	(void)json_dumpf(all, stdout, JSON_INDENT(1));
	(void)putchar('\n');
}

/* -- how many --------------------------------------------------------------------------------- */

struct tally {
	char container[128], proto[16];
	const char *state;
	size_t count;
};

static int by_container(const void *a, const void *b)
{
	const struct tally *x = a, *y = b;
	int order = strcmp(x->container, y->container);

	if (order == 0)
		order = strcmp(x->proto, y->proto);
	return order ? order : strcmp(x->state, y->state);
}

static void count_out(const struct socket_view *view, const struct sockets_args *a,
		      const struct socket *const *list, size_t count)
{
	static const struct grid_column columns[] = { { "CONTAINER", false, 32 },
						      { "PROTO", false, 0 },
						      { "STATE", false, 0 },
						      { "COUNT", true, 0 },
						      { NULL, false, 0 } };
	_cleanup_(grid_clear) struct grid grid = GRID_EMPTY;
	_cleanup_free_ struct tally *tallies = mem_new((count + 1) * sizeof(*tallies));
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		socket_view_container(view, list[i], tallies[i].container,
				      sizeof(tallies[i].container));
		proto_text(list[i], tallies[i].proto);
		tallies[i].state = state_text(list[i]);
		tallies[i].count = 1;
	}
	qsort(tallies, count, sizeof(*tallies), by_container);
	for (size_t i = 0; i < count; i++) {
		if (n > 0 && by_container(&tallies[n - 1], &tallies[i]) == 0)
			tallies[n - 1].count++;
		else
			tallies[n++] = tallies[i];
	}
	for (size_t i = 0; i < n; i++) {
		grid_cell(&grid, tallies[i].container);
		grid_cell(&grid, tallies[i].proto);
		grid_cell(&grid, *tallies[i].state ? tallies[i].state : "-");
		grid_number(&grid, tallies[i].count);
	}
	grid_print(&grid, columns, !a->no_headings, stdout);
}

/* -- how much ---------------------------------------------------------------------------------- */

struct flow {
	const struct socket *socket;
	char container[128];
	uint64_t in, out;
	size_t connections;
};

static int by_flow(const void *a, const void *b)
{
	const struct flow *x = a, *y = b;

	return x->in + x->out < y->in + y->out ? 1 : x->in + x->out > y->in + y->out ? -1 : 0;
}

static int by_flow_container(const void *a, const void *b)
{
	return strcmp(((const struct flow *)a)->container, ((const struct flow *)b)->container);
}

static void totals_out(const struct flow *flows, size_t count, bool headings)
{
	static const struct grid_column columns[] = { { "CONTAINER", false, 32 },
						      { "CONNECTIONS", true, 0 },
						      { "IN/s", true, 0 },
						      { "OUT/s", true, 0 },
						      { NULL, false, 0 } };
	_cleanup_(grid_clear) struct grid grid = GRID_EMPTY;
	_cleanup_free_ struct flow *totals = mem_new((count + 1) * sizeof(*totals));
	size_t n = 0;

	memcpy(totals, flows, count * sizeof(*totals));
	qsort(totals, count, sizeof(*totals), by_flow_container);
	for (size_t i = 0; i < count; i++) {
		if (n > 0 && by_flow_container(&totals[n - 1], &totals[i]) == 0) {
			totals[n - 1].in += totals[i].in;
			totals[n - 1].out += totals[i].out;
			totals[n - 1].connections++;
		} else {
			totals[n++] = totals[i];
		}
	}
	qsort(totals, n, sizeof(*totals), by_flow);
	for (size_t i = 0; i < n; i++) {
		grid_cell(&grid, totals[i].container);
		grid_number(&grid, totals[i].connections);
		grid_number(&grid, totals[i].in);
		grid_number(&grid, totals[i].out);
	}
	grid_print(&grid, columns, headings, stdout);
}

static void flows_out(struct socket_view *view, const struct sockets_args *a,
		      const struct flow *flows, size_t count)
{
	static const struct grid_column columns[] = {
		{ "CONTAINER", false, 32 }, { "LOCAL", false, 64 }, { "PEER", false, 64 },
		{ "PUBLISHED", false, 48 }, { "IN/s", true, 0 },    { "OUT/s", true, 0 },
		{ NULL, false, 0 },
	};
	_cleanup_(grid_clear) struct grid grid = GRID_EMPTY;

	for (size_t i = 0; i < count; i++) {
		char local[128], peer[128], text[256];

		if (flows[i].in + flows[i].out == 0)
			continue;
		ends_text(flows[i].socket, local, peer);
		socket_view_published(view, flows[i].socket, text, sizeof(text));
		grid_cell(&grid, flows[i].container);
		grid_cell(&grid, local);
		grid_cell(&grid, peer);
		grid_cell(&grid, *text ? text : "-");
		grid_number(&grid, flows[i].in);
		grid_number(&grid, flows[i].out);
	}
	grid_print(&grid, columns, !a->no_headings, stdout);
}

static void rate_json_out(struct socket_view *view, const struct flow *flows, size_t count)
{
	_cleanup_json_ json_t *all = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *one = socket_json(view, flows[i].socket);

		json_put(one, "InPerSecond", json_integer((json_int_t)flows[i].in));
		json_put(one, "OutPerSecond", json_integer((json_int_t)flows[i].out));
		json_push(all, one);
	}
	(void)json_dumpf(all, stdout, JSON_INDENT(1));
	(void)putchar('\n');
}

static int draw_rate(const struct sockets *sockets, struct err *err)
{
	const struct sockets_args *a = sockets->args;
	_cleanup_(socket_view_clear) struct socket_view first = SOCKET_VIEW_EMPTY,
							view = SOCKET_VIEW_EMPTY;
	_cleanup_(rates_clear) struct rates rates = RATES_EMPTY;
	_cleanup_free_ struct flow *flows = NULL;
	const unsigned int what = SOCKET_WANT_TCP | SOCKET_WANT_BYTES;
	size_t count = 0;
	int r = socket_view_open(sockets->cli, what, false, &first, err);

	if (r < 0)
		return r;
	rates_begin(&rates, &first.sockets);
	(void)poll(NULL, 0, 1000); /* the time that is measured */
	r = socket_view_open(sockets->cli, what, a->json, &view, err);
	if (r < 0)
		return r;
	rates_end(&rates);
	flows = mem_new((view.sockets.count + 1) * sizeof(*flows));
	for (size_t i = 0; i < view.sockets.count; i++) {
		const struct socket *s = &view.sockets.list[i];
		struct flow *flow = &flows[count];

		if (listens(s) || !wanted(&view, a, s))
			continue;
		*flow = (struct flow){ .socket = s, .connections = 1 };
		socket_view_container(&view, s, flow->container, sizeof(flow->container));
		rate_of(&rates, s, &flow->in, &flow->out);
		count++;
	}
	qsort(flows, count, sizeof(*flows), by_flow);
	if (a->json) {
		rate_json_out(&view, flows, count);
		return 0;
	}
	totals_out(flows, count, !a->no_headings);
	(void)putchar('\n');
	flows_out(&view, a, flows, count);
	return 0;
}

/* -- the command ------------------------------------------------------------------------------ */

static int draw(void *data, struct err *err)
{
	const struct sockets *sockets = data;
	const struct sockets_args *a = sockets->args;
	_cleanup_(socket_view_clear) struct socket_view view = SOCKET_VIEW_EMPTY;
	_cleanup_free_ const struct socket **list = NULL;
	unsigned int what = SOCKET_WANT_TCP | SOCKET_WANT_UDP | SOCKET_WANT_OTHER |
			    SOCKET_WANT_PACKET;
	size_t count = 0;
	int r;

	if (a->rate)
		return draw_rate(sockets, err);
	if (a->tcp || a->udp)
		what = (a->tcp ? SOCKET_WANT_TCP : 0u) |
		       (a->udp ? SOCKET_WANT_UDP | SOCKET_WANT_OTHER : 0u);
	if (a->unix_too)
		what |= SOCKET_WANT_UNIX;
	r = socket_view_open(sockets->cli, what, a->processes || a->json, &view, err);
	if (r < 0)
		return r;
	list = mem_new((view.sockets.count + 1) * sizeof(*list));
	for (size_t i = 0; i < view.sockets.count; i++) {
		const struct socket *socket = &view.sockets.list[i];

		if (a->udp && !a->tcp && socket->proto > SOCKET_UDPLITE &&
		    socket->proto != SOCKET_UNIX_PROTO)
			continue;
		if (wanted(&view, a, socket))
			list[count++] = socket;
	}
	if (a->json)
		json_out(&view, list, count);
	else if (a->count)
		count_out(&view, a, list, count);
	else
		grid_out(&view, a, list, count);
	if (view.sockets.partial || view.host.table.partial)
		cli_warn("partial: without root other network namespaces stay closed");
	return 0;
}

static int sockets_run(void *data, void *args, char **operands, struct err *err)
{
	const struct sockets_args *a = args;
	struct sockets sockets = { data, a };
	long interval = a->watch ? strtol(a->watch, NULL, 10) : 0;
	uint64_t port;

	(void)operands;
	if (a->watch && (interval < 1 || interval > 86400)) {
		err_set(err, EINVAL, "watch every %s seconds: not a number of 1 to 86400",
			a->watch);
		return 125;
	}
	if (a->port && (str_to_u64(a->port, 65535, &port) < 0 || port == 0)) {
		err_set(err, EINVAL, "port %s: not a number of 1 to 65535", a->port);
		return 125;
	}
	for (size_t i = 0; a->engines && a->engines[i]; i++)
		if (host_engine_find(a->engines[i]) < 0) {
			err_set(err, EINVAL, "engine %s: nobody knows it", a->engines[i]);
			return 125;
		}
	if (a->rate && (a->udp || a->unix_too || a->count || a->listen)) {
		err_set(err, EINVAL,
			"--rate is of TCP connections: the kernel counts no others' bytes");
		return 125;
	}
	return view_watch(interval, draw, &sockets, err) < 0;
}

const struct command command_sockets = {
	.name = "sockets",
	.args = "",
	.summary = "list the sockets of the host and of all containers, of every engine",
	.details =
		"netstat -an of all network namespaces in one table: queues, both ends, state, container, user, and under PUBLISHED the address "
		"of the host that a client spoke to (from the kernel's translations), or where a listening one is published. Also namespaces that "
		"nobody named are read, through the processes in them; sockets of a container in the host's namespace are the container's.\n"
		"Addresses are never turned into names: nobody is asked. -p reads the open files of every process, which takes longer.",
	.opts = sockets_opts,
	.args_size = sizeof(struct sockets_args),
	.run = sockets_run,
	.flags = COMMAND_INTERSPERSED,
};
