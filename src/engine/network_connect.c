/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/network_connect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/endpoint.h"
#include "engine/engine.h"
#include "engine/event.h"
#include "engine/keeper.h"
#include "engine/lease.h"
#include "engine/lifecycle.h"
#include "engine/network_option.h"
#include "engine/record.h"
#include "engine/resolver.h"
#include "engine/status.h"
#include "engine/traffic.h"

struct change { /* what both verbs hold while they work */
	struct engine *engine;
	struct record record;
	struct network network;
	struct container_status status;
	int lock;
};

/* Docker's words */
static int word_refuse(const char *network, struct err *err)
{
	if (strcmp(network, "host") == 0)
		return err_set(
			err, EINVAL,
			"container cannot be disconnected from host network or connected to host network");
	if (strcmp(network, "none") == 0)
		return err_set(
			err, EINVAL,
			"container cannot be connected to multiple networks with one of the networks in private (none) mode");
	return 0;
}

static int change_begin(struct change *change, const char *network, const char *container,
			struct err *err)
{
	const char *mode;
	int r = word_refuse(network, err);

	if (r == 0)
		r = record_lock(change->engine, container, &change->record, &change->lock, err);
	if (r == 0)
		r = network_find(change->engine, network, &change->network, err);
	if (r < 0)
		return r;
	mode = json_string_at(change->record.config, "HostConfig.NetworkMode", "none");
	if (network_mode_of(mode) != NETWORK_NAMED) {
		err_set(err, EINVAL,
			"container %s has --network %s: it cannot be connected to other networks",
			change->record.row.name, mode);
		return err_hint(err, "create it with --network %s", change->network.row.name);
	}
	status_get(change->engine, change->record.row.id, &change->status);
	return 0;
}

static void change_end(struct change *change, int r)
{
	if (change->lock >= 0 && r == 0)
		engine_unlock(change->engine, change->record.row.id, change->lock);
	else
		fd_close(change->lock); /* the file stays, the next command looks */
	record_clear(&change->record);
	network_clear(&change->network);
}

/* Rewrite Cloche.Networks of the record: without this network, and with the new request when there is one. */
static int record_change(struct change *change, json_t *request, struct err *err)
{
	json_t *old = json_object_get(json_object_get(change->record.config, "Cloche"), "Networks"),
	       *list = json_array(), *one;
	_cleanup_free_ char *text = NULL;
	size_t i;

	json_array_foreach(old, i, one)
	{
		if (strcmp(json_string_at(one, "Name", ""), change->network.row.name) != 0)
			json_push(list, json_incref(one));
	}
	if (request)
		json_push(list, json_incref(request));
	json_put(json_object_get(change->record.config, "Cloche"), "Networks", list);
	text = json_dumps(change->record.config, JSON_COMPACT);
	return container_set_config(change->engine->store, change->record.row.id, text, err);
}

static struct endpoint *endpoint_of(struct endpoints *endpoints, const char *network)
{
	for (size_t i = 0; i < endpoints->count; i++)
		if (strcmp(endpoints->list[i].row.network, network) == 0)
			return &endpoints->list[i];
	return NULL;
}

/* Others learn its names at their next question; its own view changes too. */
static int names_tell(struct change *change, const struct endpoints *endpoints, struct err *err)
{
	return endpoints->resolver < 0 ? 0 :
					 resolver_tell(endpoints->resolver, &change->record,
						       endpoints, -1, NULL, err);
}

static int record_join(struct change *change, json_t *request, struct err *err)
{
	_cleanup_(endpoints_clear) struct endpoints endpoints = ENDPOINTS_NONE;
	int64_t position = 0;
	int r = endpoints_load(change->engine, &change->record, &endpoints, err);

	if (r < 0)
		return r;
	if (endpoint_of(&endpoints, change->network.row.id))
		return err_set(err, EEXIST, "endpoint with name %s already exists in network %s",
			       change->record.row.name, change->network.row.name);
	for (size_t i = 0; i < endpoints.count; i++)
		if (endpoints.list[i].row.position >= position)
			position = endpoints.list[i].row.position + 1;
	json_put(request, "Name", json_text(change->network.row.name));
	r = store_begin(change->engine->store, err);
	if (r == 0)
		r = endpoint_record(change->engine, change->record.row.id, request, position, err);
	if (r == 0)
		r = record_change(change, request, err);
	if (r == 0)
		r = store_commit(change->engine->store, err);
	if (r < 0)
		store_rollback(change->engine->store);
	return r;
}

static int join_running(struct change *change, struct err *err)
{
	_cleanup_(endpoints_clear) struct endpoints endpoints = ENDPOINTS_NONE;
	_cleanup_close_ int run = -1;
	struct endpoint *one;
	int r = endpoints_load(change->engine, &change->record, &endpoints, err);

	if (r == 0)
		r = endpoints_up(change->engine, &change->record, &endpoints,
				 change->network.row.id, err);
	one = r == 0 ? endpoint_of(&endpoints, change->network.row.id) : NULL;
	run = r < 0 ? -1 : engine_run_dir(change->engine, change->record.row.id, false, err);
	if (r == 0 && run < 0)
		r = run;
	if (one) {
		one->guarded = true; /* whatever rights it has */
		one->run = run;
	}
	if (r == 0)
		r = traffic_load(&change->record, &endpoints, false, &endpoints.traffic, err);
	if (one)
		one->traffic = endpoints.traffic;
	if (r == 0 && one)
		r = endpoint_attach(one, &change->record, change->status.pid,
				    endpoints_gateway(&endpoints) == one, NULL, err);
	if (r == 0)
		r = leases_note(&endpoints, run, err);
	if (r == 0 && leases_want_keeper(&endpoints) && !keeper_pid(change->engine) &&
	    keeper_start(change->engine, err) < 0)
		err_clear(err); /* all works without it, until the lease ends */
	return r < 0 ? r : names_tell(change, &endpoints, err);
}

/* The container was ended while we were at its network: the record says what its next start makes. */
static bool has_ended(const struct change *change, int r)
{
	_cleanup_close_ int init = status_pidfd(change->engine, change->record.row.id);

	/* its namespaces are gone a little before it is */
	return init < 0 ||
	       lifecycle_ended(init, r == -ESRCH || r == -ENOENT ? KILL_PATIENCE_MS : 0);
}

int network_connect(struct engine *engine, const char *network, const char *container,
		    json_t *request, struct err *err)
{
	struct change change = { .engine = engine, .lock = -1 };
	int r = change_begin(&change, network, container, err);

	if (r == 0)
		r = record_join(&change, request, err);
	if (r == 0 && change.status.status == STATUS_RUNNING) {
		engine_kill_point("network-recorded");
		r = join_running(&change, err);
		if (r < 0 && has_ended(&change, r)) {
			err_clear(err);
			r = 0;
		} else if (r < 0) {
			struct err ignored = ERR_NONE;

			(void)endpoint_delete(engine->store, change.network.row.id,
					      change.record.row.id, &ignored);
			(void)record_change(&change, NULL, &ignored);
		}
	}
	if (r == 0)
		event_network(engine, &change.network.row, "connect", change.record.row.id);
	change_end(&change, r);
	return r;
}

static int leave_running(struct change *change, struct endpoints *endpoints, struct err *err)
{
	struct endpoint *one = endpoint_of(endpoints, change->network.row.id);
	const struct endpoint *gateway;
	_cleanup_close_ int run = engine_run_dir(change->engine, change->record.row.id, false, err);
	int r = run < 0 ? run : endpoints_up(change->engine, &change->record, endpoints, NULL, err);

	one->run = run;

	if (r == 0)
		r = endpoint_detach(one, change->status.pid, err);
	if (r < 0)
		return r;
	/* another network's gateway is the way out from now on */
	*one = endpoints->list[--endpoints->count];
	gateway = endpoints_gateway(endpoints);
	if (gateway)
		r = endpoint_route(gateway, change->status.pid, err);
	return r < 0 ? r : names_tell(change, endpoints, err);
}

int network_disconnect(struct engine *engine, const char *network, const char *container,
		       struct err *err)
{
	struct change change = { .engine = engine, .lock = -1 };
	struct endpoints endpoints = ENDPOINTS_NONE;
	struct endpoint left = { 0 };
	int r = change_begin(&change, network, container, err);

	if (r == 0)
		r = endpoints_load(engine, &change.record, &endpoints, err);
	if (r == 0 && !endpoint_of(&endpoints, change.network.row.id))
		r = err_set(err, ENOENT, "container %s is not connected to network %s",
			    change.record.row.name, change.network.row.name);
	if (r == 0) {
		left = *endpoint_of(&endpoints, change.network.row.id);
		r = store_begin(engine->store, err);
	}
	if (r == 0)
		leases_release(engine, &change.record, change.network.row.id);
	if (r == 0)
		r = endpoint_delete(engine->store, change.network.row.id, change.record.row.id,
				    err);
	if (r == 0)
		r = record_change(&change, NULL, err);
	if (r == 0)
		r = store_commit(engine->store, err);
	if (r < 0 && engine->store)
		store_rollback(engine->store);
	if (r == 0 && change.status.status == STATUS_RUNNING) {
		size_t count = endpoints.count;

		engine_kill_point("network-forgotten");
		r = leave_running(&change, &endpoints, err);
		if (r < 0 && has_ended(&change, r)) {
			err_clear(err);
			r = 0;
		}
		if (endpoints.count < count) { /* it was taken out of the list */
			endpoints.list[endpoints.count] = left;
			endpoints.count = count;
		}
	}
	if (r == 0)
		event_network(engine, &change.network.row, "disconnect", change.record.row.id);
	endpoints_clear(&endpoints);
	change_end(&change, r);
	return r;
}
