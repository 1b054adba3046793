/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls to systemd's manager object (org.freedesktop.systemd1(5)), by libsystemd, which is loaded by bus_open: no other
 * command pays for it. A call is built by bus_call_new and bus_put_*, whose failures show when it is made.
 *
 *	struct bus *bus = bus_open(err);
 *	struct bus_call *call = bus_call_new(bus, "SetUnitProperties", "sb", "web.scope", 1);
 *	bus_properties_begin(call);
 *	bus_put_u64(call, "TasksMax", 20);
 *	bus_properties_end(call);
 *	r = bus_call_do(call, err);
 *	bus_close(bus);
 */
#ifndef CLOCHE_RUNTIME_BUS_H
#define CLOCHE_RUNTIME_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct bus;
struct bus_call;
struct err;

struct bus *bus_open(struct err *err); /* NULL on failure */
/* The system's message bus, for objects of others than the manager: bus_call_to. */
struct bus *bus_open_system(struct err *err);
void bus_close(struct bus *bus);

/* types: of the arguments, as sd_bus_message_append(3) has them. */
struct bus_call *bus_call_new(struct bus *bus, const char *method, const char *types, ...);
struct bus_call *bus_call_to(struct bus *bus, const char *destination, const char *path,
			     const char *interface, const char *method, const char *types, ...);
/* More arguments; an array of plain values of one type. */
void bus_add(struct bus_call *call, const char *types, ...);
void bus_add_array(struct bus_call *call, char type, const void *values, size_t size);
void bus_call_free(struct bus_call *call);
void bus_properties_begin(struct bus_call *call);
void bus_properties_end(struct bus_call *call);
void bus_put_text(struct bus_call *call, const char *name, const char *value);
void bus_put_bool(struct bus_call *call, const char *name, bool value);
void bus_put_u64(struct bus_call *call, const char *name, uint64_t value);
void bus_put_i32(struct bus_call *call, const char *name, int32_t value);
void bus_put_pid(struct bus_call *call, const char *name, pid_t pid);
void bus_put_bytes(struct bus_call *call, const char *name, const uint8_t *bytes, size_t count);
void bus_put_no_units(struct bus_call *call); /* StartTransientUnit's last argument */

/* Make the call and free it. -ENOENT: no such unit; -EEXIST: there is one. */
int bus_call_do(struct bus_call *call, struct err *err);
/* The same for one that answers with a job, which is waited for: it must be "done". */
int bus_job(struct bus_call *call, struct err *err);
/* A method with a unit as its argument. */
int bus_simple(struct bus *bus, const char *method, const char *unit, struct err *err);

#endif
