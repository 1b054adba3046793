/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/publish_change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "base/tell.h"
#include "engine/create.h"
#include "engine/endpoint.h"
#include "engine/engine.h"
#include "engine/forward_look.h"
#include "engine/publish.h"
#include "engine/publish_relay.h"
#include "engine/publish_take.h"
#include "engine/status.h"
#include "net/port_spec.h"

struct change {
	struct engine *engine;
	struct record *record;
	json_t *bindings, *exposed;	/* of the record */
	struct port_spec *add, *remove; /* remove: by the host's port, in host_first */
	size_t add_count, remove_count;
	struct port_row *rows; /* of those to remove that are published now; the strings are all's */
	int row_count;
};

/* -- removing --------------------------------------------------------------------------------- */

/* "8080", "8080/udp", "8080:80", "127.0.0.1:8080:80": a lone number is the host's. */
static int removal_parse(struct change *change, const char *text, struct err *err)
{
	size_t before = change->remove_count;
	int r = port_spec_parse(text, &change->remove, &change->remove_count, err);

	for (size_t i = before; r == 0 && i < change->remove_count; i++) {
		struct port_spec *spec = &change->remove[i];

		if (spec->host_first)
			continue;
		spec->host_first = spec->host_last = spec->port;
		spec->port = 0;
	}
	return r;
}

static bool host_fits(const struct port_spec *spec, const char *host)
{
	struct address address = { 0 };

	return !spec->host.family ||
	       (address_parse(host, &address) == 0 && address_equal(&address, &spec->host));
}

static bool row_fits(const struct port_spec *spec, const struct port_row *row)
{
	return row->port == spec->host_first && strcmp(row->protocol, spec->protocol) == 0 &&
	       (!spec->port || row->to_port == spec->port) && host_fits(spec, row->host);
}

/* How well a binding is what is to go: 3 its port alone, 2 a range, 1 any free port, 0 it is not. */
static int binding_fits(const struct port_spec *spec, const json_t *binding)
{
	const char *port = json_string_at(binding, "HostPort", ""),
		   *host = json_string_at(binding, "HostIp", ""), *dash = strchr(port, '-');
	unsigned long first = strtoul(port, NULL, 10),
		      last = dash ? strtoul(dash + 1, NULL, 10) : first;

	if (*host && !host_fits(spec, host))
		return 0;
	if (!*port)
		return 1;
	return spec->host_first < first || spec->host_first > last ? 0 : dash ? 2 : 3;
}

/* The binding that published it; `to`: the container's port where it runs, else 0. */
static bool binding_remove(struct change *change, const struct port_spec *spec, int64_t to)
{
	const char *key, *best_key = NULL;
	json_t *list, *one, *best_list = NULL;
	size_t i, best = 0;
	int fits = to ? 0 : 1; /* a free port is known only while it runs */

	json_object_foreach(change->bindings, key, list)
	{
		const char *slash = strchr(key, '/');

		if (!slash || strcmp(slash + 1, spec->protocol) != 0 ||
		    (to && strtol(key, NULL, 10) != to) ||
		    (spec->port && strtoul(key, NULL, 10) != spec->port))
			continue;
		json_array_foreach(list, i, one)
		{
			int now = binding_fits(spec, one);

			if (now <= fits)
				continue;
			fits = now;
			best_key = key;
			best_list = list;
			best = i;
		}
	}
	if (!best_list)
		return false;
	(void)json_array_remove(best_list, best);
	if (json_array_size(best_list) == 0)
		(void)json_object_del(change->bindings, best_key);
	return true;
}

static int removal_do(struct change *change, const struct port_spec *spec,
		      const struct port_row *rows, int count, struct err *err)
{
	int64_t to = 0;

	for (int i = 0; i < count; i++) {
		if (!row_fits(spec, &rows[i]))
			continue;
		to = rows[i].to_port;
		change->rows = reallocarray(change->rows, (size_t)change->row_count + 1,
					    sizeof(*change->rows));
		if (!change->rows)
			abort();
		change->rows[change->row_count++] = rows[i];
	}
	if (binding_remove(change, spec, to))
		return 0;
	if (to)
		err_set(err, EINVAL, "port %u/%s is published by --publish-all", spec->host_first,
			spec->protocol);
	else
		err_set(err, ENOENT, "no port %u/%s of the host is published for %s",
			spec->host_first, spec->protocol, change->record->row.name);
	return err_hint(err,
			to ? "create the container without -P" : "`cloche port` tells which are");
}

/* -- adding ----------------------------------------------------------------------------------- */

static int taken(struct change *change, const struct endpoint *endpoint, struct publish *publish,
		 struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < change->add_count; i++) {
		_cleanup_json_ json_t *bindings = json_object(), *exposed = json_object();
		const char *key;
		json_t *list;

		publish_binding_add(bindings, exposed, &change->add[i]);
		json_object_foreach(bindings, key, list)
		{
			if (r == 0)
				r = publish_take_one(change->engine, publish, change->record,
						     endpoint, key, json_array_get(list, 0), err);
		}
	}
	return r;
}

static void drop_tell(const char *words, const char *remedy, void *data)
{
	_cleanup_free_ char *line = str_printf("%s; this helps: %s", words, remedy);

	(void)data;
	tell(TELL_WARN, "WARNING: ", line);
}

static int running_change(struct change *change, struct err *err)
{
	_cleanup_(endpoints_clear) struct endpoints endpoints = ENDPOINTS_NONE;
	_cleanup_(publish_clear) struct publish publish = PUBLISH_NONE;
	const char *id = change->record->row.id;
	_cleanup_close_ int run = engine_run_dir(change->engine, id, false, err), pidfd = -1;
	const struct endpoint *endpoint;
	int r = run < 0 ? run : endpoints_load(change->engine, change->record, &endpoints, err);

	/* a holder that was killed: a new one with the new ports alone would pass for whole */
	if (r == 0)
		r = publish_restore(change->engine, change->record, err);
	if (r < 0)
		return r;
	pidfd = status_pidfd(change->engine, id);
	if (pidfd < 0)
		return err_set(err, ESRCH, "container %s has just ended", change->record->row.name);
	endpoint = endpoints_gateway(&endpoints);
	if (endpoint)
		publish.bridge = str_dup(endpoint->network.row.link);
	/* what goes first, so that a port can move from one to the other */
	if (change->row_count > 0)
		r = publish_drop(change->engine, change->rows, change->row_count, run, err);
	if (r < 0 || !change->add_count)
		return r;
	if (!endpoint)
		return err_set(err, EINVAL,
			       "container %s is on no network that ports are published from",
			       change->record->row.name);
	r = endpoints_up(change->engine, change->record, &endpoints, NULL, err);
	if (r == 0)
		r = taken(change, endpoint, &publish, err);
	if (r == 0)
		r = endpoint_hairpin(endpoint, pidfd, err);
	if (r == 0)
		r = publish_add(change->engine, &publish, change->record, pidfd, run, err);
	if (r == 0)
		forward_look(&ENDPOINTS_NONE, &publish, drop_tell, NULL);
	return r;
}

static int change_parse(struct change *change, const struct create_options *options,
			struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && options->publish_rm && options->publish_rm[i]; i++)
		r = removal_parse(change, options->publish_rm[i], err);
	for (size_t i = 0; r == 0 && options->publish_add && options->publish_add[i]; i++)
		r = publish_parse(change->engine, options->publish_add[i], &change->add,
				  &change->add_count, err);
	return r;
}

int publish_change(struct engine *engine, struct record *record,
		   const struct container_status *status, const struct create_options *options,
		   struct err *err)
{
	json_t *host = json_object_get(record->config, "HostConfig"),
	       *config = json_object_get(record->config, "Config");
	struct change change = { .engine = engine,
				 .record = record,
				 .bindings = json_object_get(host, "PortBindings"),
				 .exposed = json_object_get(config, "ExposedPorts") };
	struct port_row *rows = NULL;
	int count = 0, r = change_parse(&change, options, err);

	if (r == 0)
		count = port_list(engine->store, record->row.id, &rows, err);
	if (count < 0)
		r = count;
	for (size_t i = 0; r == 0 && i < change.remove_count; i++)
		r = removal_do(&change, &change.remove[i], rows,
			       status->status == STATUS_RUNNING ? count : 0, err);
	if (r == 0 && status->status == STATUS_RUNNING)
		r = running_change(&change, err);
	for (size_t i = 0; r == 0 && i < change.add_count; i++)
		publish_binding_add(change.bindings, change.exposed, &change.add[i]);
	if (count > 0)
		port_rows_free(rows, (size_t)count);
	free(change.rows);
	free(change.add);
	free(change.remove);
	return r;
}
