/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"
#include "engine/create.h"
#include "engine/endpoint.h"
#include "engine/engine.h"
#include "engine/status.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/nft.h"
#include "net/port_spec.h"
#include "net/reservation.h"
#include "net/ruleset.h"

enum { RELAY_PATIENCE_MS = 5000 };

void publish_clear(struct publish *publish)
{
	for (size_t i = 0; i < publish->count; i++) {
		fd_close(publish->list[i].hold);
		fd_close(publish->list[i].listen);
	}
	free(publish->list);
	free(publish->bridge);
	*publish = PUBLISH_NONE;
}

static const char *protocol_name(int protocol)
{
	return protocol == IPPROTO_UDP ? "udp" : protocol == IPPROTO_SCTP ? "sctp" : "tcp";
}

static struct ruleset_port element_of(const struct publication *p)
{
	return (struct ruleset_port){ .protocol = p->protocol,
				      .host = p->host,
				      .host_port = p->port,
				      .to = p->to,
				      .to_port = p->to_port };
}

static int element_of_row(const struct port_row *row, struct ruleset_port *port)
{
	if (address_parse(row->host, &port->host) < 0 || address_parse(row->to_ip, &port->to) < 0 ||
	    strcmp(row->mode, "kernel") != 0)
		return -EINVAL;
	port->protocol = port_protocol(row->protocol);
	port->host_port = (uint16_t)row->port;
	port->to_port = (uint16_t)row->to_port;
	return 0;
}

/* -- taking ports ----------------------------------------------------------------------------- */

/* Whose is the port that cannot be had? */
static int conflict(struct engine *engine, const struct publication *p, struct err *err)
{
	const char *protocol = protocol_name(p->protocol);
	_cleanup_free_ char *owner = NULL;
	struct port_row *rows = NULL;
	char text[ADDRESS_TEXT];
	int count;

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
	err_clear(err);
	err_set(err, EADDRINUSE,
		"publish %u/%s: Bind for %s:%u failed: port is already allocated, in use by %s",
		p->to_port, protocol, address_text(&p->host, text), p->port,
		owner ? owner : "a process that is not to be seen");
	return err_hint(err, "choose another host port");
}

/* A socket at the port that keeps everybody else away; p->port 0: any. -EADDRINUSE without words. */
static int hold_take(struct publication *p, struct err *err)
{
	static const uint8_t loopback[16] = { [15] = 1 };
	bool wild = address_is_any(&p->host), tcp = p->protocol == IPPROTO_TCP;
	bool door = tcp && !p->visible && p->host.family == AF_INET6 &&
		    (wild || address_is_loopback(&p->host));
	struct address one = { .family = AF_INET6 };

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
		p->listen = reservation_listen(&one, p->port, err);
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
		r = wish_take_at(publish, wish, (uint16_t)port, endpoint, visible, err);
		if (r != -EADDRINUSE)
			return r;
		/* a free port of one family may be taken in the other: again */
		if (!wish->first ? tries >= 64 : port >= wish->last)
			return conflict(engine, &publish->list[publish->count], err);
		port += wish->first ? 1 : 0;
	}
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

static int wishes_take(struct engine *engine, struct publish *publish, const struct record *record,
		       const struct endpoint *endpoint, struct err *err)
{
	const json_t *bindings = json_at(record->config, "HostConfig.PortBindings"),
		     *exposed = json_at(record->config, "Config.ExposedPorts"), *binding;
	bool visible = strcmp(json_string_at(record->config, "Cloche.PublishMode", "kernel"),
			      "visible") == 0;
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

			if (element_of_row(&rows[i], &port) == 0 &&
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
		   struct err *err)
{
	char host[ADDRESS_TEXT], to[ADDRESS_TEXT];
	struct port_row row = { .protocol = (char *)protocol_name(p->protocol),
				.port = p->port,
				.host = (char *)address_text(&p->host, host),
				.container = record->row.id,
				.to_ip = (char *)address_text(&p->to, to),
				.to_port = p->to_port,
				.mode = (char *)(p->visible ? "visible" : "kernel") };
	int r = port_add(engine->store, &row, err);

	if (r == -EEXIST && stale_drop(engine, &row, err) == 0) {
		err_clear(err);
		r = port_add(engine->store, &row, err);
	}
	return r == -EEXIST ? conflict(engine, p, err) : r;
}

static int rows_add(struct engine *engine, const struct record *record,
		    const struct publish *publish, struct err *err)
{
	int r = engine_store(engine, err) ? store_begin(engine->store, err) : -err->code;

	if (r == 0)
		r = port_delete_all(engine->store, record->row.id, err);
	for (size_t i = 0; r == 0 && i < publish->count; i++)
		r = row_add(engine, record, &publish->list[i], err);
	if (r == 0)
		r = store_commit(engine->store, err);
	if (r < 0 && engine->store)
		store_rollback(engine->store);
	return r;
}

int publish_prepare(struct engine *engine, const struct record *record,
		    const struct endpoints *endpoints, struct publish *ret_publish, struct err *err)
{
	_cleanup_(publish_clear) struct publish publish = PUBLISH_NONE;
	const struct endpoint *endpoint = endpoints_gateway(endpoints);
	int r;

	if (!endpoint || !publish_wanted(record))
		return 0;
	publish.transparent = true;
	publish.bridge = str_dup(endpoint->network.row.link);
	r = wishes_take(engine, &publish, record, endpoint, err);
	if (r == 0)
		r = rows_add(engine, record, &publish, err);
	engine_kill_point("publish-rows");
	if (r < 0)
		return r;
	*ret_publish = publish;
	publish = PUBLISH_NONE;
	return 0;
}

/* -- the relay -------------------------------------------------------------------------------- */

static char **relay_words(const struct publish *publish, const struct record *record, int pidfd)
{
	char **words = NULL, to[ADDRESS_TEXT];

	strv_add(&words, "cloche-publish");
	strv_add(&words, record->row.name);
	strv_add_take(&words, str_printf("end=%d", pidfd));
	if (publish->transparent)
		strv_add_take(&words, str_printf("mark=%u", (unsigned int)RULESET_MARK));
	for (size_t i = 0; i < publish->count; i++) {
		const struct publication *p = &publish->list[i];

		if (p->hold >= 0)
			strv_add_take(&words, str_printf("hold=%d", p->hold));
		if (p->listen >= 0)
			strv_add_take(&words,
				      str_printf("listen=%d,%s,%u/%u%s", p->listen,
						 address_text(&p->to, to), p->to_port, p->prefix,
						 p->visible && publish->transparent ? ",clients" :
										      ""));
	}
	return words;
}

/* Not our child but our parent's: the monitor that we are going to be waits for its container alone. */
static int relay_spawn(struct engine *engine, struct publish *publish, const struct record *record,
		       int pidfd, int run, struct err *err)
{
	_cleanup_free_ char *path = str_printf("%s/cloche-publish", engine->libexec);
	_cleanup_strv_ char **words = relay_words(publish, record, pidfd);
	struct clone_args args = { .flags = CLONE_PARENT };
	char *const env[] = { NULL };
	int ends[2], code = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	pid = sys_clone3(&args);
	if (pid == 0) {
		(void)fcntl(pidfd, F_SETFD, 0);
		for (size_t i = 0; i < publish->count; i++) {
			if (publish->list[i].hold >= 0)
				(void)fcntl(publish->list[i].hold, F_SETFD, 0);
			if (publish->list[i].listen >= 0)
				(void)fcntl(publish->list[i].listen, F_SETFD, 0);
		}
		(void)execve(path, words, env);
		code = errno;
		(void)!write(ends[1], &code, sizeof(code));
		_exit(127);
	}
	fd_close(ends[1]);
	if (pid < 0) {
		fd_close(ends[0]);
		return err_sys(err, errno, "start %s", path);
	}
	n = read(ends[0], &code, sizeof(code));
	fd_close(ends[0]);
	if (n == (ssize_t)sizeof(code))
		return err_sys(err, code, "execute %s", path);
	return status_process_write(run, "publish", pid, err);
}

static void relay_end(int run)
{
	pid_t pid;
	_cleanup_close_ int fd = status_process(run, "publish", &pid, NULL);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return;
	/* its sockets hold the ports: they are free when it is gone */
	(void)sys_pidfd_send_signal(fd, SIGKILL);
	(void)poll(&p, 1, RELAY_PATIENCE_MS);
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

		if (element_of_row(&rows[i], &port) < 0)
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
	static const int families[] = { AF_INET, AF_INET6 };
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

int publish_start(struct engine *engine, struct publish *publish, const struct record *record,
		  int pidfd, int run, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	_cleanup_free_ char *table = network_table(engine);
	int r;

	if (publish->count == 0)
		return 0;
	r = netlink_open(&nl, NETLINK_NETFILTER, err);
	if (r < 0)
		return r;
	nft_begin(&nl);
	for (size_t i = 0; i < publish->count; i++) {
		struct ruleset_port port = element_of(&publish->list[i]);

		if (!publish->list[i].visible)
			ruleset_publish(&nl, table, &port, record->row.name);
	}
	r = nft_commit(&nl, err);
	if (r < 0)
		return err_wrap(err, "publish the ports of %s", record->row.name);
	engine_kill_point("publish-elements");
	r = relay_routes(publish, err);
	return r < 0 ? r : relay_spawn(engine, publish, record, pidfd, run, err);
}

/* After a deletion the kernel makes the closer of the socket wait (15 ms): a process that nobody waits for closes it. */
static void close_aside(struct netlink *nl)
{
	struct clone_args args = { .flags = CLONE_PARENT };
	int gate[2];
	pid_t pid;

	if (pipe2(gate, O_CLOEXEC) < 0)
		return;
	pid = sys_clone3(&args);
	if (pid == 0) {
		char byte;

		(void)close(gate[1]);
		for (int fd = 0; fd < 1024; fd++)
			if (fd != nl->fd && fd != gate[0])
				(void)close(fd);
		(void)!read(gate[0], &byte, 1);
		_exit(0);
	}
	fd_close(gate[0]);
	fd_close(nl->fd);
	nl->fd = -1;
	fd_close(gate[1]);
}

int publish_release(struct engine *engine, const struct record *record, int run, struct err *err)
{
	_cleanup_(netlink_close) struct netlink nl = NETLINK_NONE;
	_cleanup_free_ char *table = network_table(engine);
	struct port_row *rows = NULL;
	int count, r = 0;

	if (!publish_wanted(record))
		return 0;
	if (run >= 0)
		relay_end(run);
	count = engine_store(engine, err) ? port_list(engine->store, record->row.id, &rows, err) :
					    -err->code;
	if (count <= 0)
		return count;
	r = netlink_open(&nl, NETLINK_NETFILTER, err);
	if (r == 0) {
		nft_begin(&nl);
		for (int i = 0; i < count; i++) {
			struct ruleset_port port;

			if (element_of_row(&rows[i], &port) == 0)
				ruleset_unpublish(&nl, table, &port);
		}
		r = nft_commit(&nl, err);
		if (r == -ENOENT) { /* flushed, or taken away one by one */
			err_clear(err);
			r = 0;
		}
		close_aside(&nl);
	}
	engine_kill_point("publish-elements-gone");
	if (r == 0)
		r = port_delete_all(engine->store, record->row.id, err);
	port_rows_free(rows, (size_t)count);
	return r;
}
