/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/lease.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/endpoint.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/lan_endpoint.h"
#include "engine/record.h"
#include "engine/resolver.h"
#include "engine/status.h"
#include "net/dhcp.h"

enum {
	RETRY_LEAST_S = 2,
	RETRY_MOST_S = 60, /* RFC 2131, 4.4.5 */
};

bool lease_wanted(const json_t *request, const struct network *network)
{
	const char *ip = json_string_at(request, "IPv4Address", "");

	return strcmp(ip, "dhcp") == 0 ||
	       (!*ip && strcmp(json_string_at(network->config, "IPAM.Driver", ""), "dhcp") == 0);
}

int lease_slot(const struct endpoint_row *row, const struct network *network, int64_t *ret_slot,
	       struct err *err)
{
	if (network_is_bridge(&network->row)) {
		err_set(err, EINVAL,
			"--ip dhcp: network %s is not on a LAN; Cloche itself gives its addresses",
			network->row.name);
		return err_hint(err, "use a network of driver lan or macvlan");
	}
	if (network_is_layer3(network)) {
		err_set(err, EINVAL,
			"--ip dhcp: hosts of the LAN would not find an address of network %s, which ipvlan routes",
			network->row.name);
		return err_hint(err, "use ipvlan_mode=l2");
	}
	/* no address, and the container's alone */
	*ret_slot = -1 - (int64_t)strtoull((char[9]){ row->container[0], row->container[1],
						      row->container[2], row->container[3],
						      row->container[4], row->container[5],
						      row->container[6], row->container[7], '\0' },
					   NULL, 16);
	return 0;
}

/* -- the lease as it is kept ------------------------------------------------------------------ */

static int64_t now_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec;
}

const json_t *lease_of(const struct endpoint *endpoint)
{
	const json_t *lease = json_object_get(endpoint->request, "Lease");

	return json_is_object(lease) && *json_string_at(lease, "Address", "") ? lease : NULL;
}

static int lease_read(const json_t *json, struct dhcp_lease *ret)
{
	struct dhcp_lease lease = { .prefix = (unsigned int)json_int_at(json, "Prefix", 24),
				    .lease = (uint32_t)json_int_at(json, "Seconds", 0),
				    .renew = (uint32_t)json_int_at(json, "RenewAfter", 0),
				    .rebind = (uint32_t)json_int_at(json, "RebindAfter", 0) };

	if (address_parse(json_string_at(json, "Address", ""), &lease.address) < 0 ||
	    address_parse(json_string_at(json, "Server", ""), &lease.server) < 0)
		return -EINVAL;
	(void)address_parse(json_string_at(json, "Router", ""), &lease.router); /* or none */
	(void)mac_parse(json_string_at(json, "ServerMac", ""), lease.server_mac);
	*ret = lease;
	return 0;
}

static json_t *lease_json(const struct dhcp_lease *lease)
{
	char text[ADDRESS_TEXT], mac[MAC_TEXT];
	json_t *json = json_object();

	json_put(json, "Address", json_text(address_text(&lease->address, text)));
	json_put(json, "Prefix", json_integer(lease->prefix));
	json_put(json, "Router", json_text(address_text(&lease->router, text)));
	json_put(json, "Server", json_text(address_text(&lease->server, text)));
	json_put(json, "ServerMac", json_text(mac_text(lease->server_mac, mac)));
	json_put(json, "Seconds", json_integer(lease->lease));
	json_put(json, "RenewAfter", json_integer(lease->renew));
	json_put(json, "RebindAfter", json_integer(lease->rebind));
	json_put(json, "Since", json_integer(now_s())); /* since the host's boot */
	json_put(json, "Next", json_integer(now_s() + lease->renew));
	return json;
}

void lease_apply(struct endpoint *endpoint)
{
	struct subnet *subnet = &endpoint->network.subnet4;
	struct dhcp_lease lease;

	if (network_is_lan(&endpoint->network.row) || !lease_of(endpoint) ||
	    lease_read(lease_of(endpoint), &lease) < 0)
		return;
	*subnet = (struct subnet){ lease.router, lease.prefix };
	if (!lease.router.family) /* its own: no way out, but the network is there */
		subnet->address = lease.address;
}

static struct dhcp_client client_of(const struct endpoint *endpoint, const struct record *record)
{
	struct dhcp_client client = {
		.link = endpoint->network.row.link,
		.own_mac = strcmp(endpoint->network.row.driver, "macvlan") == 0,
		.hostname = json_string_at(record->config, "Config.Hostname", ""),
	};

	(void)mac_parse(endpoint->row.mac, client.mac);
	return client;
}

/* lease NULL: none any more. */
static int keep(struct engine *engine, struct endpoint *endpoint, const struct dhcp_lease *lease,
		struct err *err)
{
	const struct network *network = &endpoint->network;
	char text[ADDRESS_TEXT] = "";
	int64_t slot = endpoint->row.slot;
	int r;

	if (lease && network_is_lan(&endpoint->network.row)) {
		if (!subnet_has(&network->subnet4, &lease->address))
			return err_set(
				err, EADDRNOTAVAIL,
				"the DHCP server gives %s, which is not of network %s: link %s has another subnet",
				address_text(&lease->address, text), network->row.name,
				network->row.link);
		slot = address_offset(&network->subnet4, &lease->address);
	}
	json_put(endpoint->request, "Lease", lease ? lease_json(lease) : json_object());
	free(endpoint->row.config);
	free(endpoint->row.ip4);
	endpoint->row.config = json_dumps(endpoint->request, JSON_COMPACT);
	endpoint->row.ip4 = str_dup(lease ? address_text(&lease->address, text) : "");
	endpoint->row.slot = slot;
	r = engine_store(engine, err) ? endpoint_update(engine->store, &endpoint->row, err) :
					-err->code;
	if (r == -EEXIST) {
		*err = ERR_NONE;
		return err_set(err, EADDRINUSE,
			       "the DHCP server gives %s, which a container has on network %s",
			       endpoint->row.ip4, network->row.name);
	}
	lease_apply(endpoint);
	return r;
}

static int obtain(struct engine *engine, const struct record *record, struct endpoint *endpoint,
		  bool fresh, struct err *err)
{
	struct dhcp_client client = client_of(endpoint, record);
	struct dhcp_lease lease;
	bool earlier = !fresh && lease_of(endpoint) && lease_read(lease_of(endpoint), &lease) == 0;
	struct address wanted = earlier ? lease.address : (struct address){ 0 };
	int r = dhcp_obtain(&client, earlier ? &wanted : NULL, &lease, err);

	if (r == 0)
		r = keep(engine, endpoint, &lease, err);
	return r < 0 ? err_wrap(err, "network %s", endpoint->network.row.name) : 0;
}

int leases_obtain(struct engine *engine, const struct record *record, struct endpoints *endpoints,
		  const char *network, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < endpoints->count; i++) {
		struct endpoint *one = &endpoints->list[i];

		if (!lease_wanted(one->request, &one->network) ||
		    (*network && strcmp(network, one->row.network) != 0))
			continue;
		/* a server takes its time, and others make and remove networks */
		(void)flock(endpoints->lock, LOCK_UN);
		r = obtain(engine, record, one, false, err);
		while (flock(endpoints->lock, LOCK_SH) < 0 && errno == EINTR)
			;
	}
	return r;
}

/* RUN/ID/lease: seconds since the boot, when the next one is due. */
int leases_note(const struct endpoints *endpoints, int run, struct err *err)
{
	int64_t next = 0;
	char text[32];

	for (size_t i = 0; i < endpoints->count; i++) {
		const struct endpoint *one = &endpoints->list[i];
		int64_t due = json_int_at(one->request, "Lease.Next", 0);

		if (due && lease_wanted(one->request, &one->network) && (!next || due < next))
			next = due;
	}
	if (!next)
		return 0;
	(void)snprintf(text, sizeof(text), "%lld\n", (long long)next);
	return file_replace(run, "lease", text, strlen(text), 0600, false, err);
}

bool leases_want_keeper(const struct endpoints *endpoints)
{
	for (size_t i = 0; i < endpoints->count; i++)
		if (network_is_lan(&endpoints->list[i].network.row) ||
		    lease_of(&endpoints->list[i]))
			return true;
	return false;
}

/* -- while it runs ---------------------------------------------------------------------------- */

/* containers/ID/hosts is mounted in the container: its own line gets the new address, in place. */
static void hosts_readdress(struct engine *engine, const char *id, const char *old, const char *now)
{
	struct err ignored = ERR_NONE;
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY, made = BUF_EMPTY;
	_cleanup_close_ int dir = engine_container_dir(engine, id, false, &ignored), fd = -1;
	_cleanup_strv_ char **lines = NULL;

	if (dir < 0 || !*old || !*now || file_read(dir, "hosts", 1 << 20, &text) < 0 || !text.data)
		return;
	lines = strv_split(text.data, '\n');
	for (size_t i = 0; lines[i]; i++) {
		size_t n = strlen(old);

		if (strncmp(lines[i], old, n) == 0 && lines[i][n] == '\t')
			buf_printf(&made, "%s%s", now, lines[i] + n);
		else
			buf_puts(&made, lines[i]);
		if (lines[i + 1])
			buf_puts(&made, "\n");
	}
	fd = openat(dir, "hosts", O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && fd_is_regular(fd) && ftruncate(fd, 0) == 0)
		(void)fd_write_all(fd, made.data ? made.data : "", made.length);
}

struct renewal {
	struct engine *engine;
	struct record record;
	struct endpoints endpoints;
	struct container_status status;
	int run;
	char silent[IFNAMSIZ]; /* a link on which nobody answered this time */
};

/* The lease is over: another one, or none until the next try. */
static int replace(struct renewal *all, struct endpoint *one, struct err *err)
{
	_cleanup_free_ char *old = str_dup(one->row.ip4);
	const struct endpoint *gateway = endpoints_gateway(&all->endpoints);
	struct err why = ERR_NONE;
	int r = obtain(all->engine, &all->record, one, true, &why);

	if (r < 0 && !*old)
		return 0; /* it had none already */
	if (r < 0)
		r = keep(all->engine, one, NULL, err);
	if (r < 0)
		return r;
	one->run = all->run;
	r = endpoint_readdress(one, old, all->status.pid, gateway == one, err);
	hosts_readdress(all->engine, all->record.row.id, old, one->row.ip4);
	if (r == 0 && all->endpoints.resolver >= 0)
		r = resolver_tell(all->endpoints.resolver, &all->record, &all->endpoints, -1, NULL,
				  err);
	event_other(all->engine, "network", *one->row.ip4 ? "address" : "address-lost",
		    one->network.row.id, one->network.row.name);
	return r;
}

/* Half of what is left until the next stage, as RFC 2131, 4.4.5 has it. */
static int64_t retry_at(int64_t now, int64_t stage)
{
	int64_t wait = (stage - now) / 2;

	wait = wait < RETRY_LEAST_S ? RETRY_LEAST_S : wait;
	return now + (wait > RETRY_MOST_S ? RETRY_MOST_S : wait);
}

static int renew_one(struct renewal *all, struct endpoint *one, struct err *err)
{
	struct dhcp_client client = client_of(one, &all->record);
	const json_t *kept = json_object_get(one->request, "Lease");
	int64_t now = now_s(), since = json_int_at(kept, "Since", 0), stage;
	struct dhcp_lease lease = { 0 };
	bool has = *json_string_at(kept, "Address", "") && lease_read(kept, &lease) == 0;
	int r = -ETIMEDOUT;

	if (json_int_at(kept, "Next", 0) > now)
		return 0;
	stage = now < since + lease.rebind ? since + lease.rebind : since + lease.lease;
	if (has && now < since + lease.lease && strcmp(all->silent, client.link) != 0)
		r = dhcp_renew(&client, now >= since + lease.rebind, &lease, err);
	if (r == 0)
		return keep(all->engine, one, &lease, err);
	err_clear(err);
	if (r == -ETIMEDOUT && has && now < since + lease.lease) {
		(void)str_append(all->silent, sizeof(all->silent), client.link);
	} else {
		r = replace(all, one, err);
		if (r < 0)
			return r;
		if (lease_of(one))
			return 0;
		stage = now + 2 * RETRY_MOST_S;
	}
	json_put(json_object_get(one->request, "Lease"), "Next",
		 json_integer(retry_at(now, stage)));
	free(one->row.config);
	one->row.config = json_dumps(one->request, JSON_COMPACT);
	return endpoint_update(all->engine->store, &one->row, err);
}

static int renew_all(struct renewal *all, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < all->endpoints.count; i++) {
		struct endpoint *one = &all->endpoints.list[i];

		if (lease_wanted(one->request, &one->network))
			r = renew_one(all, one, err);
	}
	if (r == 0)
		r = leases_note(&all->endpoints, all->run, err);
	return r;
}

/* Of one container, whose lock we have. */
static int container_renew(struct renewal *all, const char *id, struct err *err)
{
	int r = record_find(all->engine, id, &all->record, err);

	if (r < 0)
		return r;
	status_get(all->engine, id, &all->status);
	if (all->status.status != STATUS_RUNNING || all->status.ending)
		return 0;
	all->run = engine_run_dir(all->engine, id, false, err);
	if (all->run < 0)
		return all->run;
	r = endpoints_load(all->engine, &all->record, &all->endpoints, err);
	if (r == 0)
		r = endpoints_up(all->engine, &all->record, &all->endpoints, NULL, err);
	if (r < 0)
		return r;
	/* a server takes its time, and others make and remove networks: not these, which have us */
	(void)flock(all->endpoints.lock, LOCK_UN);
	return renew_all(all, err);
}

static bool is_due(int run, const char *id)
{
	_cleanup_free_ char *path = str_printf("%s/lease", id);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	return file_read(run, path, 64, &text) == 0 && text.data &&
	       strtoll(text.data, NULL, 10) <= now_s();
}

int leases_renew(struct engine *engine, struct err *err)
{
	int fd = openat(engine->run, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char silent[IFNAMSIZ] = "";
	int result = 0;

	if (!d) {
		fd_close(fd);
		return err_sys(err, errno, "open the run root");
	}
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		struct renewal all = { .engine = engine,
				       .record = RECORD_EMPTY,
				       .endpoints = ENDPOINTS_NONE,
				       .run = -1 };
		struct err why = ERR_NONE;
		int lock, r;

		if (strlen(e->d_name) != 64 || !is_due(engine->run, e->d_name))
			continue;
		lock = engine_try_lock(engine, e->d_name);
		if (lock < 0)
			continue; /* somebody works on it: next time */
		memcpy(all.silent, silent, sizeof(silent));
		r = container_renew(&all, e->d_name, &why);
		memcpy(silent, all.silent, sizeof(silent));
		if (r < 0 && result == 0) {
			*err = why;
			result = r;
		}
		endpoints_clear(&all.endpoints);
		record_clear(&all.record);
		fd_close(all.run);
		engine_unlock(engine, e->d_name, lock);
	}
	(void)closedir(d);
	return result;
}

/* -- the end ---------------------------------------------------------------------------------- */

/* Without asking the store: on the default network nobody has one. */
static bool may_have_lease(const struct record *record)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_at(record->config, "Cloche.Networks"), i, one)
	{
		const char *ip = json_string_at(one, "IPv4Address", "");

		if (strcmp(json_string_at(one, "Name", ""), "bridge") != 0 &&
		    (!*ip || strcmp(ip, "dhcp") == 0))
			return true;
	}
	return false;
}

void leases_release(struct engine *engine, const struct record *record, const char *network)
{
	_cleanup_(endpoints_clear) struct endpoints endpoints = ENDPOINTS_NONE;
	struct err ignored = ERR_NONE;

	if (!may_have_lease(record) || endpoints_load(engine, record, &endpoints, &ignored) < 0)
		return;
	for (size_t i = 0; i < endpoints.count; i++) {
		struct endpoint *one = &endpoints.list[i];
		struct dhcp_client client = client_of(one, record);
		struct dhcp_lease lease;

		if ((network && strcmp(network, one->row.network) != 0) || !lease_of(one) ||
		    lease_read(lease_of(one), &lease) < 0)
			continue;
		(void)dhcp_release(&client, &lease, &ignored);
		err_clear(&ignored);
	}
}
