/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scope unit of systemd that is a container's cgroup where systemd has the cgroups (linux.cgroupsPath "slice:prefix:name",
 * --systemd-cgroup). Its limits are told to systemd, which would else take them back at its next reload; what it knows no
 * property for is written to the folder's files afterwards, by runtime/cgroup.
 *
 *	scope_parse("machine.slice:cloche:web", "web", &scope, err);	machine.slice, cloche-web.scope
 *	scope_start(&scope, &description, &holder, &path, err);		the folder is there, with a process of ours in it
 *	... the container's first process is born into it ...
 *	scope_holder_end(&holder);
 *	scope_stop(&scope, err);
 *
 * systemd is spoken to through its library's bus (sd-bus(3)), loaded for it alone: by systemd's own socket, or the system bus.
 */
#ifndef CLOCHE_RUNTIME_SCOPE_H
#define CLOCHE_RUNTIME_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct err;
struct spec_pair;
struct spec_resources;

struct scope {
	char *slice, *unit; /* NULL: none */
};
void scope_clear(struct scope *scope);

/* sd_booted(3) */
bool scope_possible(void);
/* text NULL or empty: system.slice, cloche-ID.scope. -EINVAL: not of the form. */
int scope_parse(const char *text, const char *id, struct scope *ret_scope, struct err *err);
/* Where systemd of the host puts it: "/a.slice/a-b.slice/cloche-web.scope". */
char *scope_path(const struct scope *scope);

struct scope_description {
	const char *id;
	const struct spec_resources *resources;
	bool v2;			     /* the host's cgroups; their properties differ */
	const struct spec_pair *annotations; /* org.systemd.property.NAME are more properties */
	size_t annotation_count;
};

/* *ret_holder: a process that keeps the scope until it is ended, since one lives as long as somebody is in it. *ret_path: the folder as it is, to be freed. On failure there is no scope and no holder. */
int scope_start(const struct scope *scope, const struct scope_description *description,
		pid_t *ret_holder, char **ret_path, struct err *err);
/* 0: nothing happens. It ends with us, too. */
void scope_holder_end(pid_t *holder);
/* Tell the limits that are set in description->resources. */
int scope_update(const struct scope *scope, const struct scope_description *description,
		 struct err *err);
/* One that is gone is success. Ends what is in it. */
int scope_stop(const struct scope *scope, struct err *err);

#endif
