/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/bus.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"

#define DESTINATION "org.freedesktop.systemd1"
#define OBJECT "/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"
#define PRIVATE_SOCKET "/run/systemd/private"

enum { PATIENCE_US = 30000000 };

struct sd_bus;
struct sd_bus_message;
struct sd_bus_error { /* sd_bus_error(3) */
	const char *name, *message;
	int need_free;
};

/* Its interface has been the same since version 221; so a build needs none of its headers. */
struct library {
	int (*sd_bus_new)(struct sd_bus **ret);
	int (*sd_bus_set_address)(struct sd_bus *bus, const char *address);
	int (*sd_bus_start)(struct sd_bus *bus);
	int (*sd_bus_open_system)(struct sd_bus **ret);
	struct sd_bus *(*sd_bus_flush_close_unref)(struct sd_bus *bus);
	int (*sd_bus_message_new_method_call)(struct sd_bus *bus, struct sd_bus_message **ret,
					      const char *destination, const char *path,
					      const char *interface, const char *member);
	int (*sd_bus_message_append)(struct sd_bus_message *m, const char *types, ...);
	int (*sd_bus_message_appendv)(struct sd_bus_message *m, const char *types, va_list list);
	int (*sd_bus_message_append_array)(struct sd_bus_message *m, char type, const void *bytes,
					   size_t size);
	int (*sd_bus_message_open_container)(struct sd_bus_message *m, char type,
					     const char *contents);
	int (*sd_bus_message_close_container)(struct sd_bus_message *m);
	int (*sd_bus_message_read)(struct sd_bus_message *m, const char *types, ...);
	int (*sd_bus_message_is_signal)(struct sd_bus_message *m, const char *interface,
					const char *member);
	struct sd_bus_message *(*sd_bus_message_unref)(struct sd_bus_message *m);
	int (*sd_bus_call)(struct sd_bus *bus, struct sd_bus_message *m, uint64_t usec,
			   struct sd_bus_error *error, struct sd_bus_message **ret);
	int (*sd_bus_process)(struct sd_bus *bus, struct sd_bus_message **ret);
	int (*sd_bus_wait)(struct sd_bus *bus, uint64_t usec);
	void (*sd_bus_error_free)(struct sd_bus_error *error);
};

static const struct {
	const char *name;
	size_t offset;
} functions[] = {
#define FUNCTION(name) \
	{ \
#name, offsetof(struct library, name) \
	}
	FUNCTION(sd_bus_new),
	FUNCTION(sd_bus_set_address),
	FUNCTION(sd_bus_start),
	FUNCTION(sd_bus_open_system),
	FUNCTION(sd_bus_flush_close_unref),
	FUNCTION(sd_bus_message_new_method_call),
	FUNCTION(sd_bus_message_append),
	FUNCTION(sd_bus_message_appendv),
	FUNCTION(sd_bus_message_append_array),
	FUNCTION(sd_bus_message_open_container),
	FUNCTION(sd_bus_message_close_container),
	FUNCTION(sd_bus_message_read),
	FUNCTION(sd_bus_message_is_signal),
	FUNCTION(sd_bus_message_unref),
	FUNCTION(sd_bus_call),
	FUNCTION(sd_bus_process),
	FUNCTION(sd_bus_wait),
	FUNCTION(sd_bus_error_free),
#undef FUNCTION
};

struct bus {
	void *handle;
	struct library l;
	struct sd_bus *bus;
};

struct bus_call {
	struct bus *bus;
	struct sd_bus_message *message;
	int failed; /* the first -errno of building it */
};

/* -- opening ---------------------------------------------------------------------------------- */

static int library_load(struct bus *bus, struct err *err)
{
	bus->handle = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
	if (!bus->handle) {
		err_set(err, ENOENT, "load libsystemd: %s", dlerror());
		return err_hint(err, "install it (libsystemd0), or use the cgroupfs driver");
	}
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		void *function = dlsym(bus->handle, functions[i].name);

		if (!function)
			return err_set(err, ENOSYS, "libsystemd.so.0 has no %s", functions[i].name);
		memcpy((char *)&bus->l + functions[i].offset, &function, sizeof(function));
	}
	return 0;
}

/* systemd's own socket needs no message bus to run; signals come by it unasked. */
static int private_open(struct bus *bus)
{
	int r;

	if (access(PRIVATE_SOCKET, F_OK) < 0)
		return -errno;
	r = bus->l.sd_bus_new(&bus->bus);
	if (r >= 0)
		r = bus->l.sd_bus_set_address(bus->bus, "unix:path=" PRIVATE_SOCKET);
	if (r >= 0)
		r = bus->l.sd_bus_start(bus->bus);
	if (r < 0)
		bus->bus = bus->l.sd_bus_flush_close_unref(bus->bus);
	return r;
}

static int call_plain(struct bus *bus, const char *destination, const char *path,
		      const char *interface, const char *member, const char *text)
{
	struct sd_bus_message *message = NULL;
	int r = bus->l.sd_bus_message_new_method_call(bus->bus, &message, destination, path,
						      interface, member);

	if (r >= 0 && text)
		r = bus->l.sd_bus_message_append(message, "s", text);
	if (r >= 0)
		r = bus->l.sd_bus_call(bus->bus, message, PATIENCE_US, NULL, NULL);
	bus->l.sd_bus_message_unref(message);
	return r;
}

static int system_open(struct bus *bus)
{
	int r = bus->l.sd_bus_open_system(&bus->bus);

	if (r >= 0)
		r = call_plain(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
			       "org.freedesktop.DBus", "AddMatch",
			       "type='signal',sender='" DESTINATION "',interface='" MANAGER
			       "',member='JobRemoved'");
	if (r >= 0)
		r = call_plain(bus, DESTINATION, OBJECT, MANAGER, "Subscribe", NULL);
	return r;
}

struct bus *bus_open(struct err *err)
{
	struct bus *bus = mem_new(sizeof(*bus));
	int r = library_load(bus, err);

	if (r == 0 && private_open(bus) < 0) {
		r = system_open(bus);
		if (r < 0)
			err_sys(err, r, "talk to systemd");
	}
	if (r < 0) {
		bus_close(bus);
		return NULL;
	}
	return bus;
}

struct bus *bus_open_system(struct err *err)
{
	struct bus *bus = mem_new(sizeof(*bus));
	int r = library_load(bus, err);

	if (r == 0) {
		r = bus->l.sd_bus_open_system(&bus->bus);
		if (r < 0) {
			err_sys(err, r, "talk to the system's message bus");
			err_hint(err, "install dbus on the host");
		}
	}
	if (r < 0) {
		bus_close(bus);
		return NULL;
	}
	return bus;
}

void bus_close(struct bus *bus)
{
	if (!bus)
		return;
	if (bus->bus)
		bus->l.sd_bus_flush_close_unref(bus->bus);
	/* not unloaded: it has thread-local data whose end is at the end of the program */
	free(bus);
}

/* -- building --------------------------------------------------------------------------------- */

static void keep(struct bus_call *call, int r)
{
	if (r < 0 && call->failed == 0)
		call->failed = r;
}

struct bus_call *bus_call_new(struct bus *bus, const char *method, const char *types, ...)
{
	struct bus_call *call = mem_new(sizeof(*call));
	va_list list;

	call->bus = bus;
	keep(call, bus->l.sd_bus_message_new_method_call(bus->bus, &call->message, DESTINATION,
							 OBJECT, MANAGER, method));
	va_start(list, types);
	if (call->failed == 0)
		keep(call, bus->l.sd_bus_message_appendv(call->message, types, list));
	va_end(list);
	return call;
}

struct bus_call *bus_call_to(struct bus *bus, const char *destination, const char *path,
			     const char *interface, const char *method, const char *types, ...)
{
	struct bus_call *call = mem_new(sizeof(*call));
	va_list list;

	call->bus = bus;
	keep(call, bus->l.sd_bus_message_new_method_call(bus->bus, &call->message, destination,
							 path, interface, method));
	va_start(list, types);
	if (call->failed == 0)
		keep(call, bus->l.sd_bus_message_appendv(call->message, types, list));
	va_end(list);
	return call;
}

void bus_add(struct bus_call *call, const char *types, ...)
{
	va_list list;

	va_start(list, types);
	if (call->failed == 0)
		keep(call, call->bus->l.sd_bus_message_appendv(call->message, types, list));
	va_end(list);
}

void bus_add_array(struct bus_call *call, char type, const void *values, size_t size)
{
	if (call->failed == 0)
		keep(call,
		     call->bus->l.sd_bus_message_append_array(call->message, type, values, size));
}

void bus_call_free(struct bus_call *call)
{
	call->bus->l.sd_bus_message_unref(call->message);
	free(call);
}

void bus_properties_begin(struct bus_call *call)
{
	if (call->failed == 0)
		keep(call, call->bus->l.sd_bus_message_open_container(call->message, 'a', "(sv)"));
}

void bus_properties_end(struct bus_call *call)
{
	if (call->failed == 0)
		keep(call, call->bus->l.sd_bus_message_close_container(call->message));
}

#define PUT(call, ...) \
	do { \
		if ((call)->failed == 0) \
			keep(call, (call)->bus->l.sd_bus_message_append((call)->message, "(sv)", \
									__VA_ARGS__)); \
	} while (0)

void bus_put_text(struct bus_call *call, const char *name, const char *value)
{
	PUT(call, name, "s", value);
}

void bus_put_bool(struct bus_call *call, const char *name, bool value)
{
	PUT(call, name, "b", (int)value);
}

void bus_put_u64(struct bus_call *call, const char *name, uint64_t value)
{
	PUT(call, name, "t", value);
}

void bus_put_i32(struct bus_call *call, const char *name, int32_t value)
{
	PUT(call, name, "i", value);
}

void bus_put_pid(struct bus_call *call, const char *name, pid_t pid)
{
	PUT(call, name, "au", 1, (uint32_t)pid);
}

void bus_put_bytes(struct bus_call *call, const char *name, const uint8_t *bytes, size_t count)
{
	const struct library *l = &call->bus->l;

	if (call->failed == 0)
		keep(call, l->sd_bus_message_open_container(call->message, 'r', "sv"));
	if (call->failed == 0)
		keep(call, l->sd_bus_message_append(call->message, "s", name));
	if (call->failed == 0)
		keep(call, l->sd_bus_message_open_container(call->message, 'v', "ay"));
	if (call->failed == 0)
		keep(call, l->sd_bus_message_append_array(call->message, 'y', bytes, count));
	for (int i = 0; i < 2 && call->failed == 0; i++)
		keep(call, l->sd_bus_message_close_container(call->message));
}

void bus_put_no_units(struct bus_call *call)
{
	if (call->failed == 0)
		keep(call, call->bus->l.sd_bus_message_append(call->message, "a(sa(sv))", 0));
}

/* -- calling ---------------------------------------------------------------------------------- */

static int explain(const struct sd_bus_error *error, int r, struct err *err)
{
	if (!error->name)
		return err_sys(err, r, "call systemd");
	if (strcmp(error->name, "org.freedesktop.systemd1.NoSuchUnit") == 0)
		r = -ENOENT;
	else if (strcmp(error->name, "org.freedesktop.systemd1.UnitExists") == 0)
		r = -EEXIST;
	return err_set(err, -r, "%s says: %s",
		       strncmp(error->name, "org.freedesktop.", strlen("org.freedesktop.")) == 0 ?
			       "systemd" :
			       "the service",
		       error->message ? error->message : error->name);
}

static int make(struct bus_call *call, struct sd_bus_message **ret_reply, struct err *err)
{
	struct sd_bus_error error = { 0 };
	int r = call->failed;

	if (r < 0) {
		err_sys(err, r, "make a message for systemd");
	} else {
		r = call->bus->l.sd_bus_call(call->bus->bus, call->message, PATIENCE_US, &error,
					     ret_reply);
		r = r < 0 ? explain(&error, r, err) : 0;
	}
	call->bus->l.sd_bus_error_free(&error);
	bus_call_free(call);
	return r;
}

int bus_call_do(struct bus_call *call, struct err *err)
{
	return make(call, NULL, err);
}

int bus_simple(struct bus *bus, const char *method, const char *unit, struct err *err)
{
	return bus_call_do(bus_call_new(bus, method, "s", unit), err);
}

/* 1: the job is over, and *ret_result says how. */
static int job_look(const struct bus *bus, struct sd_bus_message *message, const char *job,
		    char **ret_result)
{
	const char *path, *unit, *result;
	uint32_t id;

	if (bus->l.sd_bus_message_is_signal(message, MANAGER, "JobRemoved") <= 0 ||
	    bus->l.sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) < 0 ||
	    strcmp(path, job) != 0)
		return 0;
	*ret_result = str_dup(result);
	return 1;
}

static int job_wait(const struct bus *bus, const char *job, char **ret_result)
{
	for (;;) {
		struct sd_bus_message *message = NULL;
		int r = bus->l.sd_bus_process(bus->bus, &message);

		if (r > 0 && message && job_look(bus, message, job, ret_result)) {
			bus->l.sd_bus_message_unref(message);
			return 0;
		}
		bus->l.sd_bus_message_unref(message);
		if (r == 0) {
			r = bus->l.sd_bus_wait(bus->bus, PATIENCE_US);
			if (r == 0)
				return -ETIMEDOUT;
		}
		if (r < 0 && r != -EINTR)
			return r;
	}
}

int bus_job(struct bus_call *call, struct err *err)
{
	const struct bus *bus = call->bus;
	_cleanup_free_ char *result = NULL;
	struct sd_bus_message *reply = NULL;
	const char *job;
	int r = make(call, &reply, err);

	if (r < 0)
		return r;
	r = bus->l.sd_bus_message_read(reply, "o", &job);
	if (r >= 0)
		r = job_wait(bus, job, &result);
	bus->l.sd_bus_message_unref(reply);
	if (r < 0)
		return err_sys(err, r, "wait for systemd");
	if (strcmp(result, "done") != 0)
		return err_set(err, EIO, "systemd's job ended with \"%s\"", result);
	return 0;
}
