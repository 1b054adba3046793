/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a container is to publish, from the command line and the image into its record; and how that is shown. */
#include "engine/publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/create.h"
#include "engine/engine.h"
#include "net/port_spec.h"
#include "state/store.h"

void publish_binding_add(json_t *bindings, json_t *exposed, const struct port_spec *spec)
{
	_cleanup_free_ char *key = str_printf("%u/%s", spec->port, spec->protocol);
	json_t *list = json_object_get(bindings, key), *one = json_object();
	char host[ADDRESS_TEXT], port[16] = "";

	if (!list) {
		list = json_array();
		json_put(bindings, key, list);
	}
	if (spec->host_first == spec->host_last && spec->host_first)
		(void)snprintf(port, sizeof(port), "%u", spec->host_first);
	else if (spec->host_first)
		(void)snprintf(port, sizeof(port), "%u-%u", spec->host_first, spec->host_last);
	json_put(one, "HostIp", json_text(address_text(&spec->host, host)));
	json_put(one, "HostPort", json_text(port));
	json_push(list, one);
	json_put(exposed, key, json_object());
}

static int exposed_fill(const struct create_options *o, const json_t *image, json_t *exposed,
			struct err *err)
{
	const json_t *of_image = image ? json_at(image, "config.ExposedPorts") : NULL;
	struct port_spec *list = NULL;
	const char *key;
	json_t *value;
	size_t count = 0;
	int r = 0;

	json_object_foreach((json_t *)of_image, key, value)
	{
		r = port_spec_expose(key, &list, &count, err);
		if (r < 0) {
			(void)err_wrap(err, "the image's port %s", key);
			break;
		}
	}
	for (size_t i = 0; r == 0 && o->expose && o->expose[i]; i++)
		r = port_spec_expose(o->expose[i], &list, &count, err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		_cleanup_free_ char *name = str_printf("%u/%s", list[i].port, list[i].protocol);

		json_put(exposed, name, json_object());
	}
	free(list);
	return r;
}

int publish_parse(struct engine *engine, const char *text, struct port_spec **list, size_t *count,
		  struct err *err)
{
	const char *address = engine->settings.publish_address;
	size_t before = *count;
	int r = port_spec_parse(text, list, count, err);

	for (size_t i = before; r == 0 && *address && i < *count; i++)
		if (!(*list)[i].host.family && address_parse(address, &(*list)[i].host) < 0)
			r = err_set(err, EINVAL, "the setting publish-address is no address: %s",
				    address);
	return r;
}

int publish_options(struct engine *engine, const struct create_options *o, const json_t *image,
		    json_t *config, json_t *host, json_t *own, struct err *err)
{
	json_t *exposed = json_object(), *bindings = json_object();
	const char *mode = o->publish_mode ? o->publish_mode : engine->settings.publish_mode;
	struct port_spec *list = NULL;
	size_t count = 0;
	int r;

	json_put(config, "ExposedPorts", exposed);
	json_put(host, "PortBindings", bindings);
	json_put(host, "PublishAllPorts", json_boolean(o->publish_all));
	if (strcmp(mode, "kernel") != 0 && strcmp(mode, "visible") != 0)
		return err_set(err, EINVAL, "invalid --publish-mode %s: kernel or visible", mode);
	json_put(own, "PublishMode", json_text(mode));
	r = exposed_fill(o, image, exposed, err);
	for (size_t i = 0; r == 0 && o->publish && o->publish[i]; i++)
		r = publish_parse(engine, o->publish[i], &list, &count, err);
	for (size_t i = 0; r == 0 && i < count; i++)
		publish_binding_add(bindings, exposed, &list[i]);
	free(list);
	return r;
}

bool publish_wanted(const struct record *record)
{
	return json_object_size(json_at(record->config, "HostConfig.PortBindings")) > 0 ||
	       (json_bool_at(record->config, "HostConfig.PublishAllPorts") &&
		json_object_size(json_at(record->config, "Config.ExposedPorts")) > 0);
}

json_t *publish_json(struct engine *engine, const struct record *record, bool running)
{
	const json_t *exposed = json_at(record->config, "Config.ExposedPorts");
	json_t *all = json_object(), *value;
	struct port_row *rows = NULL;
	struct err ignored = ERR_NONE;
	const char *key;
	int count = 0;

	if (!running)
		return all;
	json_object_foreach((json_t *)exposed, key, value) json_put(all, key, json_null());
	if (publish_wanted(record) && engine_store(engine, &ignored))
		count = port_list(engine->store, record->row.id, &rows, &ignored);
	for (int i = 0; i < count; i++) {
		_cleanup_free_ char *name =
			str_printf("%lld/%s", (long long)rows[i].to_port, rows[i].protocol);
		_cleanup_free_ char *port = str_printf("%lld", (long long)rows[i].port);
		json_t *list = json_object_get(all, name), *one = json_object();

		if (!json_is_array(list)) {
			list = json_array();
			json_put(all, name, list);
		}
		json_put(one, "HostIp", json_text(rows[i].host));
		json_put(one, "HostPort", json_text(port));
		json_push(list, one);
	}
	if (count > 0)
		port_rows_free(rows, (size_t)count);
	return all;
}

/* -- the column PORTS ------------------------------------------------------------------------- */

struct shown_port { /* host NULL: exposed, not published */
	const char *host, *protocol;
	long long port, to_port;
	bool done;
};

static int shown_compare(const void *a, const void *b)
{
	const struct shown_port *x = a, *y = b;
	int r;

	if (x->to_port != y->to_port)
		return x->to_port < y->to_port ? -1 : 1;
	r = strcmp(x->host ? x->host : "", y->host ? y->host : "");
	if (r == 0 && x->port != y->port)
		r = x->port < y->port ? -1 : 1;
	return r != 0 ? r : strcmp(x->protocol, y->protocol);
}

static void shown_print(struct buf *text, const struct shown_port *p, long long last)
{
	_cleanup_free_ char *ports = last > p->to_port ? str_printf("%lld-%lld", p->to_port, last) :
							 str_printf("%lld", p->to_port);
	bool six = p->host && strchr(p->host, ':');

	buf_puts(text, text->length ? ", " : "");
	if (p->host && p->port != p->to_port)
		buf_printf(text, "%s%s%s:%lld->", six ? "[" : "", p->host, six ? "]" : "", p->port);
	else if (p->host)
		buf_printf(text, "%s%s%s:%s->", six ? "[" : "", p->host, six ? "]" : "", ports);
	buf_printf(text, "%s/%s", ports, p->protocol);
}

/* Those that are published as themselves, and those that are not published, one after the other as a range. */
static void groups_print(struct buf *text, struct shown_port *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct shown_port *first = &list[i];
		long long last = first->to_port;

		if (first->done || (first->host && first->port != first->to_port))
			continue;
		for (size_t k = i + 1; k < count; k++) {
			struct shown_port *next = &list[k];

			if (next->to_port != last + 1 || next->done ||
			    !str_equal(next->host, first->host) ||
			    strcmp(next->protocol, first->protocol) != 0 ||
			    (next->host && next->port != next->to_port))
				continue;
			last++;
			next->done = true;
		}
		first->done = true;
		shown_print(text, first, last);
	}
}

char *publish_text(const struct port_row *rows, int count, const struct record *record)
{
	const json_t *exposed = json_at(record->config, "Config.ExposedPorts");
	_cleanup_free_ struct shown_port *list =
		mem_new(((size_t)count + json_object_size(exposed) + 1) * sizeof(*list));
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	const char *key;
	size_t used = 0;
	json_t *value;

	for (int i = 0; i < count; i++)
		if (strcmp(rows[i].container, record->row.id) == 0)
			list[used++] = (struct shown_port){ .host = rows[i].host,
							    .protocol = rows[i].protocol,
							    .port = rows[i].port,
							    .to_port = rows[i].to_port };
	json_object_foreach((json_t *)exposed, key, value)
	{
		struct shown_port one = { .to_port = strtoll(key, NULL, 10),
					  .protocol = strchr(key, '/') ? strchr(key, '/') + 1 :
									 "tcp" };
		bool known = false;

		for (size_t i = 0; i < used; i++)
			known |= list[i].to_port == one.to_port &&
				 strcmp(list[i].protocol, one.protocol) == 0;
		if (!known)
			list[used++] = one;
	}
	if (used > 1)
		qsort(list, used, sizeof(*list), shown_compare);
	groups_print(&text, list, used);
	for (size_t i = 0; i < used; i++)
		if (!list[i].done)
			shown_print(&text, &list[i], list[i].to_port);
	return str_dup(text.data ? text.data : "");
}
