/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run --register: the container is a machine of systemd-machined (org.freedesktop.machine1(5)), so that machinectl, ps -o machine and
 * journalctl -M know it. machined knows a process by the unit that it is in: such a container's cgroup is a scope in machine.slice, made by systemd
 * (runtime/scope.h), and its place is told by the record alone. The scope ends with its last process, and so does the machine; a release says it, too.
 *
 * libsystemd is loaded for such containers alone. Every function but the first two does nothing for others.
 */
#ifndef CLOCHE_ENGINE_MACHINE_H
#define CLOCHE_ENGINE_MACHINE_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

struct cgroup;
struct create_options;
struct endpoints;
struct err;
struct record;
struct spec;
struct spec_resources;

/* --register, into Cloche.Register. -EOPNOTSUPP: systemd does not run here; -EINVAL: no name for a machine. */
int machine_option(const struct create_options *o, json_t *own, struct err *err);
bool machine_wanted(const struct record *record);
/* "/machine.slice/cloche-NAME-ID12.scope", to be freed. */
char *machine_cgroup_path(const struct record *record);

/* Before the container's first process is born (spec->cgroup_adopted): the scope, in *ret_holder a process that keeps it until machine_holder_end. */
int machine_scope_start(const struct record *record, const struct spec *spec,
			const struct cgroup *cgroup, pid_t *ret_holder, struct err *err);
void machine_holder_end(pid_t *holder);
/* When pid, the first process, is there and its links are. -EEXIST: another machine has the name. */
int machine_register(const struct record *record, const struct endpoints *endpoints, pid_t pid,
		     struct err *err);
/* So that the limits are in force after systemd's next reload, too. */
int machine_update(const struct record *record, const struct spec_resources *resources,
		   const struct cgroup *cgroup, struct err *err);
/* When its cgroup is gone. What fails is in order soon: systemd sees the end by itself. */
void machine_release(const struct record *record);

#endif
