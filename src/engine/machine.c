/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/machine.h"

#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/create.h"
#include "engine/endpoint.h"
#include "runtime/bus.h"
#include "runtime/cgroup.h"
#include "runtime/scope.h"
#include "runtime/spec.h"

#define DESTINATION "org.freedesktop.machine1"
#define OBJECT "/org/freedesktop/machine1"
#define MANAGER "org.freedesktop.machine1.Manager"

enum { NAME_MOST = 64, ID_BYTES = 16, LINKS_MOST = 16 };

int machine_option(const struct create_options *o, json_t *own, struct err *err)
{
	if (!scope_possible()) {
		err_set(err, EOPNOTSUPP,
			"--register: systemd does not run on this host, so that there is no machined to tell");
		return err_hint(err, "leave it out; cloche ps, procs and whois know the container");
	}
	if (o->name && strlen(o->name) > NAME_MOST)
		return err_set(
			err, EINVAL,
			"--register: %s is longer than the %d characters of a machine's name",
			o->name, NAME_MOST);
	if (o->cgroup_parent)
		return err_set(
			err, EINVAL,
			"--register: its cgroup is a scope in machine.slice; it cannot have --cgroup-parent %s",
			o->cgroup_parent);
	json_put(own, "Register", json_true());
	return 0;
}

bool machine_wanted(const struct record *record)
{
	return json_bool_at(record->config, "Cloche.Register");
}

/* That of the start, when it was renamed since. */
static const char *machine_name(const struct record *record)
{
	return json_string_at(record->config, "Cloche.CgroupName", record->row.name);
}

static int scope_of(const struct record *record, struct scope *ret_scope, struct err *err)
{
	_cleanup_free_ char *text =
		str_printf("machine.slice:cloche:%s-%.12s", machine_name(record), record->row.id);

	return scope_parse(text, record->row.id, ret_scope, err);
}

char *machine_cgroup_path(const struct record *record)
{
	return str_printf("/machine.slice/cloche-%s-%.12s.scope", machine_name(record),
			  record->row.id);
}

int machine_scope_start(const struct record *record, const struct spec *spec,
			const struct cgroup *cgroup, pid_t *ret_holder, struct err *err)
{
	const struct scope_description description = {
		.id = machine_name(record),
		.resources = &spec->resources,
		.v2 = cgroup_mode(cgroup) == CGROUP_V2,
	};
	_cleanup_(scope_clear) struct scope scope = { 0 };
	_cleanup_free_ char *path = NULL;
	int r;

	if (!machine_wanted(record))
		return 0;
	r = scope_of(record, &scope, err);
	if (r == 0)
		r = scope_start(&scope, &description, ret_holder, &path, err);
	if (r < 0)
		return r;
	if (strcmp(path, spec->cgroup_path) != 0) {
		machine_holder_end(ret_holder);
		return err_set(err, EXDEV, "--register: systemd made the scope at %s, not at %s",
			       path, spec->cgroup_path);
	}
	return 0;
}

void machine_holder_end(pid_t *holder)
{
	scope_holder_end(holder);
}

/* The container's own id is the machine's. */
static void machine_id(const struct record *record, uint8_t out[ID_BYTES])
{
	for (size_t i = 0; i < ID_BYTES; i++) {
		const char digits[] = { record->row.id[2 * i], record->row.id[2 * i + 1], '\0' };

		out[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
}

/* The host's ends of its links, by which machined finds the machine of a connection. */
static size_t links_of(const struct endpoints *endpoints, int32_t out[LINKS_MOST])
{
	size_t n = 0;

	for (size_t i = 0; i < endpoints->count && n < LINKS_MOST; i++) {
		unsigned int index =
			*endpoints->list[i].veth ? if_nametoindex(endpoints->list[i].veth) : 0;

		if (index)
			out[n++] = (int32_t)index;
	}
	return n;
}

int machine_register(const struct record *record, const struct endpoints *endpoints, pid_t pid,
		     struct err *err)
{
	int32_t links[LINKS_MOST];
	size_t count = links_of(endpoints, links);
	struct bus_call *call;
	uint8_t id[ID_BYTES];
	struct bus *bus;
	int r;

	if (!machine_wanted(record))
		return 0;
	bus = bus_open_system(err);
	if (!bus)
		return err_wrap(err, "--register");
	machine_id(record, id);
	call = bus_call_to(bus, DESTINATION, OBJECT, MANAGER,
			   count ? "RegisterMachineWithNetwork" : "RegisterMachine", "s",
			   machine_name(record));
	bus_add_array(call, 'y', id, sizeof(id));
	bus_add(call, "ssus", "cloche", "container", (uint32_t)pid, "");
	if (count)
		bus_add_array(call, 'i', links, count * sizeof(links[0]));
	r = bus_call_do(call, err);
	bus_close(bus);
	if (r < 0) {
		err_wrap(err, "--register: tell machined of %s", machine_name(record));
		err_hint(err, "machined comes with the package systemd-container");
	}
	return r;
}

int machine_update(const struct record *record, const struct spec_resources *resources,
		   const struct cgroup *cgroup, struct err *err)
{
	const struct scope_description description = {
		.id = machine_name(record),
		.resources = resources,
		.v2 = cgroup_mode(cgroup) == CGROUP_V2,
	};
	_cleanup_(scope_clear) struct scope scope = { 0 };
	int r;

	if (!machine_wanted(record))
		return 0;
	r = scope_of(record, &scope, err);
	return r < 0 ? r : scope_update(&scope, &description, err);
}

void machine_release(const struct record *record)
{
	_cleanup_(scope_clear) struct scope scope = { 0 };
	struct err ignored = ERR_NONE;
	struct bus *bus;

	if (!machine_wanted(record) || !scope_possible())
		return;
	bus = bus_open_system(&ignored);
	if (bus)
		(void)bus_call_do(bus_call_to(bus, DESTINATION, OBJECT, MANAGER,
					      "UnregisterMachine", "s", machine_name(record)),
				  &ignored);
	bus_close(bus);
	if (scope_of(record, &scope, &ignored) == 0)
		(void)scope_stop(&scope, &ignored);
}
